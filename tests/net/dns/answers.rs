//! Queries as they are sent, and what is remembered of the answers.

use std::collections::BTreeSet;

use super::*;

#[test]
fn query_has_one_question_wants_recursion_and_offers_1232_octets() {
    let (world, log) = served(|query| vec![query.addresses(&["10.1.1.1"])]);
    assert_eq!(world.v4("Host.example.org").unwrap(), ["10.1.1.1"]);
    let queries = take(&log);
    let [query] = &queries[..] else {
        panic!("{queries:?}");
    };
    assert_eq!(query.flags, 0x0100);
    assert!(query.is("host.example.org", A));
    assert_eq!(query.edns, Some(1232));
}

#[test]
fn both_versions_are_asked_for_at_once_and_sorted() {
    let (world, log) = served(|query| match query.kind {
        A => vec![query.addresses(&["10.1.1.1", "10.0.0.9"])],
        _ => vec![query.addresses(&["2001:db8::1", "fd00::9"])],
    });
    let before = world.net.now();
    let found = world.lookup("host", Family::Any).unwrap();
    // RFC 6724 §6: what there is no route to comes last (rule 1), and 10.0.0.9 before fd00::9
    // (rule 6, precedence 35 before 3).
    let expected = ["10.0.0.9", "fd00::9", "10.1.1.1", "2001:db8::1"].map(ip);
    assert_eq!(found[..2], expected[..2]);
    assert_eq!(found.len(), 4);
    assert!(found[2..].contains(&expected[2]) && found[2..].contains(&expected[3]));
    // The neighbour was resolved first.
    assert_eq!(world.net.now().since(before), ms(4));
    let kinds: Vec<_> = take(&log).iter().map(|query| query.kind).collect();
    assert_eq!(kinds, [AAAA, A]);
}

#[test]
fn one_version_will_do_if_the_other_has_none() {
    let (world, _log) = served(|query| match query.kind {
        A => vec![query.addresses(&["10.0.0.9"])],
        _ => vec![query.reply().soa("org", 60, 60)],
    });
    assert_eq!(
        world.lookup("host.org", Family::Any).unwrap(),
        [ip("10.0.0.9")]
    );
    assert_eq!(world.lookup("host.org", Family::V6), Err(DnsError::NoData));
}

#[test]
fn many_addresses_of_one_version_leave_room_for_the_other() {
    let (world, _log) = served(|query| match query.kind {
        A => vec![query.addresses(&["10.0.0.9", "10.0.0.10"])],
        _ => {
            let texts: Vec<_> = (0..12).map(|n| format!("fd00::{n:x}00")).collect();
            let texts: Vec<_> = texts.iter().map(|text| &text[..]).collect();
            // Twice the same is once (RFC 2181 §5).
            vec![query.addresses(&[&texts[..1], &texts].concat())]
        }
    });
    let found = world.lookup("host", Family::Any).unwrap();
    let distinct: BTreeSet<_> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (8, 8));
    assert_eq!(found.iter().filter(|address| address.is_ipv4()).count(), 2);
}

#[test]
fn identifiers_and_ports_vary() {
    let (world, log) = served(|query| vec![query.addresses(&["10.1.1.1"])]);
    for n in 0..200 {
        world.v4(&format!("host{n}")).unwrap();
    }
    let queries = take(&log);
    assert_eq!(queries.len(), 200);
    let distinct = |of: fn(&Query) -> u16| queries.iter().map(of).collect::<BTreeSet<_>>();
    let (ids, ports) = (distinct(|q| q.id), distinct(|q| q.source.port()));
    assert!(
        ids.len() > 190 && ports.len() > 190,
        "{} {}",
        ids.len(),
        ports.len()
    );
    let spread = |of: &BTreeSet<u16>| of.last().unwrap() - of.first().unwrap();
    assert!(spread(&ids) > 50_000 && spread(&ports) > 10_000);
}

#[test]
fn answer_is_remembered_for_its_ttl() {
    let (world, log) = served(|query| {
        // The least of them counts (RFC 2181 §5.2).
        vec![
            query
                .reply()
                .address("host", 100, "10.1.1.1")
                .address("HOST", 60, "10.1.1.2"),
        ]
    });
    for _ in 0..3 {
        assert_eq!(world.v4("host").unwrap(), ["10.1.1.1", "10.1.1.2"]);
    }
    world.net.run_for(ms(59_900));
    assert_eq!(world.v4("Host").unwrap(), ["10.1.1.1", "10.1.1.2"]);
    assert_eq!(take(&log).len(), 1);
    assert_eq!(world.resolver.counters().cache_hits, 3);
    world.net.run_for(ms(200));
    world.v4("host").unwrap();
    assert_eq!(take(&log).len(), 1);
    world.resolver.clear_cache();
    world.v4("host").unwrap();
    assert_eq!(take(&log).len(), 1);
}

#[test]
fn answer_with_a_ttl_of_zero_or_with_the_highest_bit_is_not_remembered() {
    for ttl in [0, 0x8000_0100] {
        let (world, log) =
            served(move |query| vec![query.reply().address(&query.name, ttl, "10.1.1.1")]);
        for _ in 0..2 {
            assert_eq!(world.v4("host").unwrap(), ["10.1.1.1"]);
        }
        assert_eq!(take(&log).len(), 2);
        assert_eq!(world.resolver.counters().not_cached, 2);
    }
}

#[test]
fn name_that_does_not_exist_is_remembered_for_all_types() {
    // The minimum is less than the TTL, and the other way round (RFC 2308 §5).
    for (ttl, minimum) in [(600, 60), (60, 600)] {
        let (world, log) =
            served(move |query| vec![query.reply().rcode(NAME_ERROR).soa("org", ttl, minimum)]);
        assert_eq!(world.v4("gone.org"), Err(DnsError::NotFound));
        assert_eq!(
            world.lookup("gone.org", Family::V6),
            Err(DnsError::NotFound)
        );
        world.net.run_for(ms(59_900));
        assert_eq!(world.v4("gone.org"), Err(DnsError::NotFound));
        assert_eq!(take(&log).len(), 1);
        world.net.run_for(ms(200));
        assert_eq!(world.v4("gone.org"), Err(DnsError::NotFound));
        assert_eq!(take(&log).len(), 1);
    }
}

#[test]
fn missing_type_is_remembered_for_that_type() {
    let (world, log) = served(|query| match query.kind {
        A => vec![query.reply().soa("org", 60, 60)],
        _ => vec![query.addresses(&["fd00::9"])],
    });
    for _ in 0..2 {
        assert_eq!(world.v4("host.org"), Err(DnsError::NoData));
        assert_eq!(
            world.lookup("host.org", Family::V6).unwrap(),
            [ip("fd00::9")]
        );
    }
    assert_eq!(take(&log).len(), 2);
}

#[test]
fn no_without_a_soa_of_the_zone_is_not_remembered() {
    let (world, log) = served(|query| {
        let reply = query.reply().rcode(NAME_ERROR);
        match query.name.as_str() {
            "foreign.org" => vec![reply.soa("com", 60, 60)],
            _ => vec![reply],
        }
    });
    for name in ["gone.org", "foreign.org"] {
        for _ in 0..2 {
            assert_eq!(world.v4(name), Err(DnsError::NotFound));
        }
    }
    assert_eq!(take(&log).len(), 4);
}

#[test]
fn only_records_of_the_question_are_used_and_remembered() {
    let (world, log) = served(|query| match query.name.as_str() {
        "host.org" => {
            let reply = query.addresses(&["10.1.1.1"]);
            let reply = reply
                .address("bank.com", 6000, "10.6.6.6")
                .alias("shop.com", 6000, "evil.com");
            let data = [10, 6, 6, 6];
            // Of another class.
            let mut other = encode("host.org");
            other.extend([0, 1, 0, 3, 0, 0, 0, 60, 0, 4, 10, 3, 3, 3]);
            let mut reply = reply
                .record(1, "bank.com", A, 6000, &data)
                .record(2, "bank.com", A, 6000, &data);
            reply.sections[0].push(other);
            vec![reply]
        }
        _ => vec![query.addresses(&["10.2.2.2"])],
    });
    assert_eq!(world.v4("host.org").unwrap(), ["10.1.1.1"]);
    assert_eq!(world.v4("bank.com").unwrap(), ["10.2.2.2"]);
    assert_eq!(world.v4("shop.com").unwrap(), ["10.2.2.2"]);
    assert_eq!(names(&log), ["host.org", "bank.com", "shop.com"]);
}

#[test]
fn flood_of_names_stays_within_the_cache() {
    let (world, log) = served(|query| vec![query.addresses(&["10.1.1.1"])]);
    for n in 0..100 {
        world.v4(&format!("host{n}")).unwrap();
        // This one is of use.
        world.v4("often").unwrap();
    }
    let counters = world.resolver.counters();
    assert_eq!(
        names(&log).iter().filter(|name| *name == "often").count(),
        1
    );
    assert_eq!(counters.evicted as usize, 101 - zonda::config::DNS_CACHE);
    take(&log);
    world.v4("host99").unwrap();
    world.v4("host0").unwrap();
    assert_eq!(names(&log), ["host0"]);
}

#[test]
fn answer_that_is_too_long_for_the_cache_is_given_all_the_same() {
    let (world, log) = served(|query| {
        let texts: Vec<_> = (1..=30).map(|n| format!("10.1.1.{n}")).collect();
        let texts: Vec<_> = texts.iter().map(|text| &text[..]).collect();
        vec![query.addresses(&texts)]
    });
    for _ in 0..2 {
        assert_eq!(world.v4("host").unwrap().len(), 8);
    }
    assert_eq!(
        (take(&log).len(), world.resolver.counters().not_cached),
        (2, 2)
    );
}

#[test]
fn many_lookups_at_once_get_their_own_answers() {
    let (world, _log) = served(|query| {
        let number = query.name.trim_start_matches("host");
        vec![query.addresses(&[&format!("10.1.1.{number}")])]
    });
    // Few packets wait for a neighbour: it is known.
    world.v4("host0").unwrap();
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let resolver = world.resolver;
            world.net.spawn(async move {
                let found = resolver.lookup_host(&format!("host{n}"), Family::V4).await;
                assert_eq!(found.unwrap()[0], ip(&format!("10.1.1.{n}")));
            })
        })
        .collect();
    world.net.run_for(ms(100));
    assert!(tasks.iter().all(Task::is_done));
}

#[test]
fn dropped_lookups_leave_no_socket() {
    let world = world(1);
    world.use_servers(&["10.0.0.99"]);
    for _ in 0..200 {
        let resolver = world.resolver;
        let lookup = resolver.lookup_host("host", Family::Any);
        let net = &world.net;
        net.block_on(async {
            let mut lookup = core::pin::pin!(lookup);
            let sleep = world.client.stack().sleep(ms(5));
            select(lookup.as_mut(), sleep).await;
        });
    }
    // The table of the host has 64 places.
    let sockets: Vec<_> = (0..64).map(|_| world.client.udp("[::]:0")).collect();
    assert_eq!(world.v4("host"), Err(DnsError::NoSocket));
    drop(sockets);
}
