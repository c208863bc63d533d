//! What is forged, damaged or too much (RFC 6762 §5.5, §6, §11).

use super::services::TYPE;
use super::*;
use crate::frame::{self, UDP};

/// Sends a datagram of anybody's to the host, or to the group.
fn forge(world: &World, peer: Peer, from: (&str, u16), to: &str, data: &[u8]) {
    let (from_ip, to_ip): (IpAddr, IpAddr) = (from.0.parse().unwrap(), to.parse().unwrap());
    let datagram = frame::udp((from_ip, from.1), (to_ip, 5353), data);
    let packet = frame::ip(from_ip, to_ip, UDP, &datagram);
    let mac = match to_ip.is_multicast() {
        true => frame::group_mac(to_ip),
        false => world.host.mac(world.link),
    };
    peer.send(frame::ethernet(mac, peer.mac(), 0x0800, &packet));
    world.net.run_for(ms(1));
}

/// A host and somebody whose frames the test makes.
fn with_stranger() -> (World, Peer) {
    let net = Network::new(1);
    let (host, stranger) = (net.host("host"), net.peer("stranger"));
    let (peer, other) = (net.host("peer"), net.host("other"));
    let link = net.link((host, peer, other, stranger));
    host.add(link, "10.0.0.1/24");
    peer.add(link, "10.0.0.9/24");
    other.add(link, "10.0.0.8/24");
    let peer = Station::new(&net, peer, link);
    let other = Station::new(&net, other, link);
    let mdns = run(&net, host);
    mdns.set_host_name("zonda").unwrap();
    let id = host.interface(link);
    let world = World {
        mdns,
        peer,
        other,
        host,
        link,
        id,
        net,
    };
    world.rest();
    (world, stranger)
}

#[test]
fn response_to_this_host_alone_needs_a_question_that_wants_it() {
    let (world, stranger) = with_stranger();
    let lookup = world.net.spawn(world.mdns.lookup_host("pot.local", None));
    world.net.run_for(ms(200));
    let forged = Say::response().a("pot.local", 120, "10.6.6.6").bytes();
    let before = world.mdns.counters();
    // Not asked for by unicast, even from the link.
    forge(&world, stranger, ("10.0.0.66", 5353), "10.0.0.1", &forged);
    assert_eq!(world.mdns.counters().unasked, before.unasked + 1);
    // From elsewhere.
    forge(&world, stranger, ("192.0.2.66", 5353), "10.0.0.1", &forged);
    assert_eq!(world.mdns.counters().off_link, before.off_link + 1);
    // From another port.
    forge(
        &world,
        stranger,
        ("10.0.0.66", 5354),
        "224.0.0.251",
        &forged,
    );
    assert_eq!(world.mdns.counters().wrong_port, before.wrong_port + 1);
    assert!(!lookup.is_done());
    // Whatever its source, what comes to the group is of the link (RFC 6762 §11).
    forge(
        &world,
        stranger,
        ("192.0.2.66", 5353),
        "224.0.0.251",
        &forged,
    );
    world.net.run_for(secs(1));
    assert_eq!(lookup.take().unwrap().unwrap().len(), 1);
}

#[test]
fn unicast_response_is_heard_while_a_probe_waits_for_one() {
    let world = probing();
    world.peer.say_to(
        &Say::response().a("zonda.local", 120, "10.0.0.9"),
        "10.0.0.1:5353",
    );
    world.net.run_for(secs(10));
    world.mdns.host_name(|name| assert_eq!(name, "zonda-2"));
    // Two seconds later nobody waits.
    let conflict = Say::response().a("zonda-2.local", 120, "10.0.0.9");
    world.peer.say_to(&conflict, "10.0.0.1:5353");
    world.net.run_for(secs(10));
    assert_eq!(world.mdns.counters().unasked, 1);
}

#[test]
fn queries_from_elsewhere_are_not_answered() {
    let (world, stranger) = with_stranger();
    let query = Say::query().question("zonda.local", A, IN).bytes();
    let unicast = Say::query().question("zonda.local", A, TOP).bytes();
    // To this host: silently ignored (RFC 6762 §5.5); by a legacy resolver: would not be heard.
    forge(&world, stranger, ("192.0.2.66", 5353), "10.0.0.1", &query);
    forge(&world, stranger, ("192.0.2.66", 4000), "10.0.0.1", &query);
    forge(
        &world,
        stranger,
        ("192.0.2.66", 4000),
        "224.0.0.251",
        &query,
    );
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 0);
    // To the group: answered to the group, even if it wishes otherwise (§11).
    let _ = world.ask(&Say::query().question("zonda.local", A, IN), secs(2));
    forge(
        &world,
        stranger,
        ("192.0.2.66", 5353),
        "224.0.0.251",
        &unicast,
    );
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 1);
}

#[test]
fn malformed_messages_are_counted_and_nothing_else() {
    let world = named(1);
    let good = Say::query().question("zonda.local", A, IN).bytes();
    let mut bad: Vec<Vec<u8>> = (0..good.len())
        .map(|length| good[..length].to_vec())
        .collect();
    // Counts of what is not there, pointers that lead forward, to themselves, and round and round.
    let header =
        |counts: [u8; 4]| [&[0, 0, 0, 0][..], &counts.map(|count| [0, count]).concat()].concat();
    bad.push([&header([1, 0, 0, 0])[..], &[0xc0, 12, 0, 1, 0, 1]].concat());
    bad.push([&header([1, 0, 0, 0])[..], &[0xc0, 40, 0, 1, 0, 1]].concat());
    bad.push([&header([1, 0, 0, 0])[..], &[1, b'a', 0xc0, 12, 0, 1, 0, 1]].concat());
    bad.push([&header([0, 255, 255, 255])[..], &[0; 40]].concat());
    bad.push([&header([1, 0, 0, 0])[..], &[0x40, 0, 0, 1, 0, 1]].concat());
    let before = world.mdns.counters();
    for bytes in &bad {
        world
            .peer
            .socket
            .try_send_to(bytes, Some(GROUP4.parse().unwrap()))
            .unwrap();
        world.net.run_for(ms(1));
    }
    let counters = world.mdns.counters();
    assert_eq!(counters.malformed, before.malformed + bad.len() as u32);
    assert_eq!(
        (counters.queries, counters.sent),
        (before.queries, before.sent)
    );
    assert_eq!(
        world
            .ask(&Say::query().question("zonda.local", A, IN), secs(2))
            .len(),
        1
    );
}

#[test]
fn random_messages_do_no_harm() {
    let world = named(1);
    let mut random = world.net.random();
    let good = Say::response()
        .a("zonda.local", 120, "10.0.0.1")
        .ptr(TYPE, 9, "a.b")
        .bytes();
    let query = Say::query()
        .question("zonda.local", ANY, TOP)
        .a("zonda.local", 1, "1.1.1.1")
        .bytes();
    let lookup = world.net.spawn(world.mdns.lookup_host("pot.local", None));
    for round in 0..3000u64 {
        let mut bytes = if round % 2 == 0 {
            good.clone()
        } else {
            query.clone()
        };
        for _ in 0..3 {
            let place = random.next() as usize % bytes.len();
            bytes[place] = random.next() as u8;
        }
        let _ = world
            .peer
            .socket
            .try_send_to(&bytes, Some(GROUP4.parse().unwrap()));
        world.net.run_for(ms(2));
    }
    drop(lookup);
    world.net.run_for(secs(120));
    let name = world.mdns.host_name(str::to_string);
    let heard = world.ask(
        &Say::query().question(&format!("{name}.local"), A, IN),
        secs(2),
    );
    assert_eq!(heard.len(), 1);
}

#[test]
fn junk_takes_no_place_and_what_is_known_stays() {
    let world = world(1);
    let mdns = world.mdns;
    let browser = mdns.browse("_http._tcp").unwrap();
    world.net.run_for(secs(1));
    world
        .peer
        .say(&Say::response().ptr(TYPE, 4500, "Kettle._http._tcp.local"));
    world.net.run_for(secs(1));
    // Of other names, and then far too many of this one.
    for number in 0..1000 {
        let other = format!("host{number}.local");
        let say = Say::response()
            .a(&other, 120, "10.0.0.9")
            .ptr("_ipp._tcp.local", 4500, &other);
        world.other.say(&say);
        world.net.run_for(ms(2));
    }
    assert_eq!(mdns.counters().cache_full, 0);
    for number in 0..1000 {
        let name = format!("junk{number}._http._tcp.local");
        world.other.say(&Say::response().ptr(TYPE, 4500, &name));
        world.net.run_for(ms(2));
    }
    assert!(mdns.counters().cache_full > 900);
    let mut browser = browser;
    let mut found = Vec::new();
    while let Some(one) = {
        let task = core::pin::pin!(browser.next());
        let sleep = core::pin::pin!(world.host.stack().sleep(ms(10)));
        match world
            .net
            .block_on(embassy_futures::select::select(task, sleep))
        {
            embassy_futures::select::Either::First(one) => Some(one),
            embassy_futures::select::Either::Second(()) => None,
        }
    } {
        found.push(format!("{one:?}"));
    }
    assert!(found.iter().any(|found| found.contains("Kettle")));
    assert!(found.len() <= 16);
}

#[test]
fn flood_of_queries_is_answered_once_a_second() {
    let world = services::with_kettle(1);
    for _ in 0..500 {
        for station in [&world.peer, &world.other] {
            station.say(&Say::query().question(TYPE, PTR, IN));
            station.say(&Say::query().question(TYPE, PTR, TOP));
        }
        world.net.run_for(ms(10));
    }
    world.net.run_for(secs(2));
    let multicast = world.peer.responses4();
    assert!((4..=7).contains(&multicast.len()), "{}", multicast.len());
}

#[test]
fn want_of_packets_delays_and_loses_no_name() {
    let world = world_of(Network::new(1), |net| {
        net.host_with("host", pool::<8, 512, 8, 8>())
    });
    world.mdns.set_host_name("zonda").unwrap();
    // All that may be sent is held for a while.
    let host_pool = world.host.pool();
    let mut held = Vec::new();
    while let Ok(buf) = host_pool.alloc(zonda::netbuf::Purpose::Send, 0) {
        held.push(buf);
    }
    world.net.run_for(secs(5));
    assert!(!world.mdns.is_announced(world.id));
    assert!(world.mdns.counters().not_sent > 0);
    drop(held);
    world.net.run_for(secs(5));
    assert!(world.mdns.is_announced(world.id));
    // All probes have been sent.
    let queries = world.peer.queries4();
    assert_eq!(queries.len(), 3);
}

#[test]
fn interfaces_that_are_left_out_hear_nothing() {
    let world = world(1);
    world.mdns.leave_out(world.id, true);
    world.mdns.set_host_name("zonda").unwrap();
    world.net.run_for(secs(10));
    assert_eq!(world.peer.take().len(), 0);
    world.mdns.leave_out(world.id, false);
    world.net.run_for(secs(10));
    assert!(world.mdns.is_announced(world.id));
}

#[test]
fn port_may_be_shared() {
    let world = named(1);
    let second = world
        .host
        .udp_bind(UdpBind::new("[::]:5353".parse().unwrap()).reuse(true));
    second
        .join("224.0.0.251".parse().unwrap(), world.id)
        .unwrap();
    let heard = world.ask(&Say::query().question("zonda.local", A, IN), secs(2));
    assert_eq!(heard.len(), 1);
    assert!(second.try_recv().is_some());
}
