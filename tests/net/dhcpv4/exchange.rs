//! How an address is found, asked for and refused (RFC 2131 §3.1, §4.4.1).

use super::*;

#[test]
fn address_is_discovered_requested_and_used() {
    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.bind();
    world.assert_bound();
    let lease = world.client.lease().unwrap();
    assert_eq!(
        (lease.address.address, lease.address.prefix_length),
        (OURS, 24)
    );
    assert_eq!((lease.server, lease.duration), (SERVERS[0], 3600));
    let log = log.take();
    let [discover, request] = &log[..] else {
        panic!("{log:?}");
    };
    // RFC 2131 §4.1, §4.4.1, table 5.
    for message in [discover, request] {
        assert_eq!(message.source, IpAddr::from(Ipv4Addr::UNSPECIFIED));
        assert_eq!(message.destination, IpAddr::from(Ipv4Addr::BROADCAST));
        assert_eq!(message.bytes[..4], [1, 1, 6, 0]);
        assert!(message.wants_broadcast());
        // ciaddr, yiaddr, siaddr, giaddr.
        assert_eq!(message.bytes[12..28], [0; 16]);
        assert_eq!(message.bytes[28..34], world.host.mac(world.link));
        assert_eq!(message.bytes[34..236], [0; 202]);
        let list = message.option(55).unwrap();
        let place = |code| list.iter().position(|known| *known == code).unwrap();
        assert!(place(121) < place(3));
        assert_eq!(message.option(57).unwrap(), 1500u16.to_be_bytes());
    }
    assert_eq!((discover.kind, request.kind), (DISCOVER, REQUEST));
    assert_eq!(discover.xid, request.xid);
    assert_eq!(discover.secs(), request.secs());
    assert_eq!(discover.option(54), None);
    assert_eq!(request.address_option(50), Some(OURS));
    assert_eq!(request.address_option(54), Some(SERVERS[0]));
    assert_eq!(discover.option(55), request.option(55));
    assert_eq!(discover.option(61), request.option(61));
}

#[test]
fn client_identifier_is_a_duid_of_the_link_address() {
    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.bind();
    let mac = world.host.mac(world.link);
    let expected = [&[255, 0, 0, 0, 0, 0, 3, 0, 1][..], &mac].concat();
    assert_eq!(log.borrow()[0].option(61), Some(&expected[..]));
    world
        .client
        .client_identifier(|octets| assert_eq!(octets, expected));
}

#[test]
fn discover_is_repeated_after_4_8_16_32_and_64_seconds_with_jitter() {
    let mut jitters = std::collections::BTreeSet::new();
    for seed in 1..4 {
        let world = world(seed, ClientConfig::new());
        let log = world.serve(0, |_| Vec::new());
        world.net.run_for(secs(400));
        let log = log.take();
        for (number, pair) in log.windows(2).enumerate() {
            let passed = pair[1].at.since(pair[0].at).as_millis();
            let delay = [4000, 8000, 16000, 32000][..].get(number).unwrap_or(&64000);
            assert!(passed.abs_diff(*delay) <= 1000, "{number}: {passed}");
            jitters.insert(passed - (delay - 1000));
            assert_eq!(pair[0].xid, pair[1].xid);
            assert!(pair[0].secs() < pair[1].secs());
        }
        assert!(log.len() >= 8);
        assert_eq!(world.state(), ClientState::Selecting);
    }
    assert!(jitters.len() > 10);
}

#[test]
fn transactions_differ_from_boot_to_boot() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..6 {
        let world = world(seed, ClientConfig::new());
        let log = world.serve(0, usual(3600));
        world.bind();
        assert!(seen.insert(log.borrow()[0].xid));
    }
}

#[test]
fn start_can_be_delayed_by_one_to_ten_seconds() {
    for seed in 1..6 {
        let world = world(seed, ClientConfig::new().desynchronize(true));
        let log = world.serve(0, usual(3600));
        world.bind();
        let at = log.borrow()[0].at.as_millis();
        assert!((1000..=10_100).contains(&at), "{at}");
    }
}

#[test]
fn request_that_is_not_answered_is_sent_four_times_before_it_begins_anew() {
    let (world, log) = served(ClientConfig::new(), |request| match request.kind {
        DISCOVER => vec![request.grant(OFFER, OURS, 3600)],
        _ => Vec::new(),
    });
    world.net.run_for(secs(65));
    assert_eq!(
        kinds(&log)[..6],
        [DISCOVER, REQUEST, REQUEST, REQUEST, REQUEST, DISCOVER]
    );
    let log = log.borrow();
    assert_ne!(log[0].xid, log[5].xid);
    let passed = log[5].at.since(log[1].at).as_secs();
    assert!((56..=64).contains(&passed), "{passed}");
    assert!(world.addresses().is_empty());
}

#[test]
fn first_offer_is_taken_at_once() {
    let world = world(1, ClientConfig::new());
    let other = Ipv4Addr::new(10, 0, 0, 101);
    let first = world.serve(0, usual(3600));
    world.serve(1, move |request| match request.kind {
        DISCOVER => vec![
            request
                .grant_by(SERVERS[1], OFFER, other, 9999)
                .after(ms(5)),
        ],
        _ => Vec::new(),
    });
    world.bind();
    world.assert_bound();
    assert_eq!(first.borrow()[1].address_option(54), Some(SERVERS[0]));
    world.net.run_for(ms(20));
    assert_eq!(world.client.counters().stray, 1);
}

#[test]
fn collected_offers_are_chosen_from_by_the_address_that_is_wanted() {
    let other = Ipv4Addr::new(10, 0, 0, 101);
    let config = ClientConfig::new().collect(secs(2)).address(other);
    let world = world(1, config);
    let first = world.serve(0, usual(3600));
    world.serve(1, move |request| match request.kind {
        DISCOVER => vec![
            request
                .grant_by(SERVERS[1], OFFER, other, 9999)
                .after(secs(1)),
        ],
        _ if request.address_option(54) == Some(SERVERS[1]) => {
            vec![request.grant_by(SERVERS[1], ACK, other, 9999)]
        }
        _ => Vec::new(),
    });
    let took = world.bind();
    assert!((secs(2)..secs(3)).contains(&took), "{took}");
    assert_eq!(world.client.lease().unwrap().address.address, other);
    let first = first.borrow();
    assert_eq!(first[0].address_option(50), Some(other));
    // The one that was not chosen hears so.
    assert_eq!(first[1].address_option(54), Some(SERVERS[1]));
}

#[test]
fn refusal_begins_anew_and_no_faster_than_is_retransmitted() {
    let (world, log) = served(ClientConfig::new(), |request| match request.kind {
        DISCOVER => vec![request.grant(OFFER, OURS, 3600)],
        _ => vec![request.reply(NAK, SERVERS[0])],
    });
    world.net.run_for(secs(1));
    // Once at once.
    assert_eq!(kinds(&log), [DISCOVER, REQUEST, DISCOVER, REQUEST]);
    world.net.run_for(secs(300));
    assert!(log.borrow().len() < 22, "{}", log.borrow().len());
    assert!(world.addresses().is_empty());
}

#[test]
fn pool_that_is_empty_delays_messages_and_loses_none() {
    let net = Network::new(1);
    let (host, server) = (net.host("host"), net.peer("server"));
    let link = net.link((host, server));
    let id = host.interface(link);
    let client = Dhcpv4Client::new(host.stack(), id, ClientConfig::new()).unwrap();
    let client: &'static _ = Box::leak(Box::new(client));
    let take = |purpose| host.pool().alloc(purpose, 0).ok();
    let taken: Vec<_> = std::iter::from_fn(|| take(zonda::netbuf::Purpose::Send)).collect();
    net.spawn(client.run());
    net.run_for(secs(10));
    assert_eq!((client.counters().sent, server.take().len()), (0, 0));
    drop(taken);
    net.run_for(ms(200));
    assert_eq!(client.counters().sent, 1);
    assert_eq!(server.take().len(), 1);
}

#[test]
fn lossy_link_costs_time_only() {
    for seed in 1..20 {
        let world = world(seed, ClientConfig::new());
        world.link.loss(0.5);
        world.serve(0, usual(100_000));
        world.bind();
        world.assert_bound();
    }
}

#[test]
fn port_in_use_is_an_error() {
    let world = world(1, ClientConfig::new());
    world.net.settle();
    let again = world.net.block_on(world.client.run());
    assert_eq!(again, Err(BindError::InUse));
}
