//! One server after the other: those that fail, are silent, slow, old, or somewhere else.

use super::*;

#[test]
fn defect_023_failure_of_one_server_is_not_that_of_all() {
    for rcode in [SERVER_FAILURE, REFUSED, 4, 9] {
        let world = world(1);
        let first = world.serve(0, move |query| vec![query.reply().rcode(rcode)]);
        let second = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
        world.use_servers(&SERVERS);
        let before = world.net.now();
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
        // At once, and once: but for what an OPT record may be to blame for.
        assert!(world.net.now().since(before) < ms(20));
        assert_eq!(take(&first).len(), if rcode == 4 { 2 } else { 1 });
        // The next question goes to the one that has answered.
        world.v4("other").unwrap();
        assert_eq!((take(&first).len(), take(&second).len()), (0, 2));
        // To servers that are named anew, in their order.
        world.use_servers(&SERVERS);
        world.v4("third").unwrap();
        assert!(!take(&first).is_empty());
    }
}

#[test]
fn failure_of_all_servers_is_told_at_once() {
    let world = world(1);
    let logs = [0, 1].map(|n| world.serve(n, |query| vec![query.reply().rcode(SERVER_FAILURE)]));
    world.use_servers(&SERVERS);
    let before = world.net.now();
    assert_eq!(world.v4("host"), Err(DnsError::ServerFailure));
    assert!(world.net.now().since(before) < ms(20));
    assert_eq!(logs.map(|log| take(&log).len()), [1, 1]);
    assert_eq!(world.resolver.counters().failures, 2);
}

#[test]
fn defect_021_025_silent_server_costs_its_own_time_only() {
    let world = world(1);
    let first = world.serve(0, |_| vec![]);
    let second = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.use_servers(&SERVERS);
    let before = world.net.now();
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    let took = world.net.now().since(before);
    assert!(ms(2000) <= took && took < ms(2020), "{took}");
    assert_eq!((take(&first).len(), take(&second).len()), (1, 1));
    assert_eq!(world.resolver.counters().timeouts, 1);
}

#[test]
fn silent_servers_are_asked_in_rounds_that_wait_longer() {
    let world = world(1);
    let logs = [0, 1].map(|n| world.serve(n, |_| vec![]));
    world.use_servers(&SERVERS);
    let before = world.net.now();
    assert_eq!(world.v4("host"), Err(DnsError::Timeout));
    assert_eq!(
        world.net.now().since(before).as_millis(),
        2 * (2000 + 4000 + 8000)
    );
    let [first, second] = logs.map(|log| take(&log));
    let seconds = |log: &[Query]| -> Vec<_> {
        log.iter()
            .map(|query| query.at.since(before).as_secs())
            .collect()
    };
    assert_eq!(seconds(&first), [0, 4, 12]);
    assert_eq!(seconds(&second), [2, 8, 20]);
    // Each from another port, under another identifier (RFC 5452 §9.2).
    let all = [first, second].concat();
    for (n, query) in all.iter().enumerate() {
        assert!(
            all[..n]
                .iter()
                .all(|other| other.id != query.id && other.source != query.source)
        );
    }
}

#[test]
fn slow_server_is_heard_in_a_later_round() {
    let world = world(1);
    let log = world.serve_bytes(0, |query| {
        vec![(ms(3000), query.addresses(&["10.1.1.1"]).bytes())]
    });
    world.use_servers(&SERVERS[..1]);
    let before = world.net.now();
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert_eq!(world.net.now().since(before).as_secs(), 5);
    assert_eq!(take(&log).len(), 2);
}

#[test]
fn lookups_outlive_loss() {
    let world = world(3);
    let _log = world.serve(0, |query| vec![query.addresses(&["10.1.1.1"])]);
    let _other = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.use_servers(&SERVERS);
    world.link.loss(0.1);
    for n in 0..50 {
        assert_eq!(world.v4(&format!("host{n}")).unwrap(), ["10.1.1.1"]);
    }
    assert!(world.resolver.counters().timeouts > 0);
    world.link.loss(0.0);
}

#[test]
fn closed_port_and_missing_route_move_on_at_once() {
    let world = world(1);
    let _log = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.use_servers(&["192.0.2.1", SERVERS[0], SERVERS[1]]);
    let before = world.net.now();
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert!(world.net.now().since(before) < ms(20));
    world.use_servers(&["192.0.2.1", SERVERS[0]]);
    assert_eq!(world.v4("other"), Err(DnsError::Unreachable));
}

#[test]
fn server_that_knows_no_edns_is_asked_without_and_remembered() {
    // With its question repeated, and with a header alone (RFC 6891 §7).
    for is_bare in [false, true] {
        let (world, log) = served(move |query| {
            let mut reply = query.addresses(&["10.1.1.1"]);
            if query.edns.is_some() {
                reply = query.reply().rcode(FORMAT_ERROR);
                if is_bare {
                    (reply.question, reply.questions) = (Vec::new(), 0);
                }
            }
            vec![reply]
        });
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
        assert_eq!(world.v4("other").unwrap(), ["10.1.1.1"]);
        let edns: Vec<_> = take(&log).iter().map(|query| query.edns).collect();
        assert_eq!(edns, [Some(1232), None, None]);
    }
}

#[test]
fn bits_of_the_response_code_in_the_opt_record_count() {
    // BADVERS: 1 in the OPT record, 0 in the header.
    let (world, log) = served(|query| {
        let mut reply = query.addresses(&["10.1.1.1"]);
        if query.edns.is_some() {
            reply.sections[2].push(vec![0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
        }
        vec![reply]
    });
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert_eq!(take(&log).len(), 2);
}

#[test]
fn server_that_only_knows_other_servers_is_passed_over() {
    let world = world(1);
    let _first = world.serve(0, |query| {
        vec![query.reply().record(1, "org", NS, 60, &encode("ns.org"))]
    });
    let _second = world.serve(1, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.use_servers(&SERVERS);
    assert_eq!(world.v4("host.org").unwrap(), ["10.1.1.1"]);
}

#[test]
fn servers_are_asked_over_ipv6_too() {
    let world = world(1);
    let log = world.serve(0, |query| vec![query.addresses(&["10.1.1.1"])]);
    let link_local = world.servers[0].link_local(world.link);
    let id = world.client.interface(world.link);
    let resolver = world.resolver;
    assert_eq!(
        resolver.set_servers(ServerSource::Static, Some(id), &[link_local.into()]),
        1
    );
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert_eq!(
        resolver.set_servers(ServerSource::Static, Some(id), &[ip("fd00::53")]),
        1
    );
    assert_eq!(world.v4("other").unwrap(), ["10.1.1.1"]);
    assert_eq!(take(&log).len(), 2);
}

#[test]
fn server_of_an_interface_is_asked_by_that_interface() {
    let world = world(1);
    let other = world.net.host("other");
    let second = world.net.link([world.client, other]).delay(ms(1));
    // The same network twice: only the interface tells them apart.
    world.client.add(second, "10.0.0.2/24");
    other.add(second, "10.0.0.53/24");
    let socket = other.udp("[::]:53");
    let _log = world.serve(0, |query| vec![query.addresses(&["10.1.1.1"])]);
    world.net.spawn(async move {
        let mut bytes = [0; 600];
        loop {
            let (length, info) = socket.recv_from(&mut bytes).await.unwrap();
            let query = Query::read(&bytes[..length], info.source, Instant::ZERO);
            let reply = query.addresses(&["10.2.2.2"]).bytes();
            socket.try_send_to(&reply, Some(info.source)).unwrap();
        }
    });
    for (link, expected) in [(world.link, "10.1.1.1"), (second, "10.2.2.2")] {
        let id = world.client.interface(link);
        world.resolver.clear_cache();
        world
            .resolver
            .set_servers(ServerSource::Static, Some(id), &[ip(SERVERS[0])]);
        assert_eq!(world.v4("host").unwrap(), [expected]);
        world
            .resolver
            .set_servers(ServerSource::Static, Some(id), &[]);
    }
}

#[test]
fn table_of_servers_is_bounded_and_configured_ones_come_first() {
    let world = world(1);
    let log = world.serve(0, |query| vec![query.addresses(&["10.1.1.1"])]);
    let resolver = world.resolver;
    assert_eq!(world.v4("host"), Err(DnsError::NoServers));
    let dead: Vec<_> = (60..70).map(|n| ip(&format!("10.0.0.{n}"))).collect();
    let learned = resolver.set_servers(ServerSource::Dhcpv4, None, &dead);
    assert_eq!(learned, zonda::config::DNS_SERVERS);
    // One that was configured takes the place of the last that was not.
    assert!(resolver.add_server("10.0.0.53:53".parse().unwrap()));
    let before = world.net.now();
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert!(world.net.now().since(before) < ms(20));
    // A source makes room for another that has none, and for no more than its share.
    assert_eq!(resolver.set_servers(ServerSource::Dhcpv6, None, &dead), 1);
    assert_eq!(resolver.set_servers(ServerSource::Dhcpv4, None, &[]), 0);
    assert_eq!(
        resolver.set_servers(ServerSource::Dhcpv6, None, &dead),
        learned - 1
    );
    assert_eq!(take(&log).len(), 1);
}

#[test]
fn queries_wait_for_room_and_for_the_link() {
    let (world, _log) = served(|query| vec![query.addresses(&["10.1.1.1"])]);
    world.link.down();
    let lookup = world
        .net
        .spawn(world.resolver.lookup_host("host", Family::V4));
    world.net.run_for(ms(500));
    assert!(!lookup.is_done());
    world.link.up();
    world.net.run_for(ms(500));
    assert!(lookup.take().unwrap().is_ok());
}

/// RFC 8106 §6.1.
#[cfg(all(feature = "router-discovery", feature = "ra-server"))]
#[test]
fn servers_and_domains_that_a_router_tells_of_are_used_while_it_does() {
    use zonda::iface::Advertisement;

    let world = world(1);
    let log = world.serve(0, |query| match query.is("host.home.arpa", 1) {
        true => vec![query.addresses(&["10.1.1.1"])],
        false => vec![query.reply().rcode(NAME_ERROR)],
    });
    assert_eq!(world.v4("host"), Err(DnsError::NoServers));
    let mut what = Advertisement::default();
    what.name_servers.push("fd00::53".parse().unwrap()).unwrap();
    what.search_domains
        .push("home.arpa".parse().unwrap())
        .unwrap();
    what.names_lifetime = 1800;
    let router = world.servers[0];
    router
        .stack()
        .advertise(router.interface(world.link), what.clone())
        .unwrap();
    world.net.run_for(Duration::from_secs(20));
    assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
    assert_eq!(names(&log), ["host.home.arpa"]);
    assert!(take(&log)[0].source.is_ipv6());
    // What the user has set comes first, and is not mixed with it.
    world.resolver.set_search(&["lan"]).unwrap();
    assert_eq!(world.v4("host"), Err(DnsError::NotFound));
    assert_eq!(names(&log), ["host.lan", "host"]);
    world.resolver.set_search(&[]).unwrap();
    // The router takes it back.
    what.names_lifetime = 0;
    router
        .stack()
        .advertise(router.interface(world.link), what)
        .unwrap();
    world.net.run_for(Duration::from_secs(20));
    world.resolver.clear_cache();
    assert_eq!(world.v4("host"), Err(DnsError::NoServers));
}
