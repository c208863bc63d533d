//! What a sender asks, and what it makes of responses (RFC 4795 §2.2, §2.7, §3, §4.2).

use zonda::proto::dns::{DnsError, Family, Resolver, ServerSource};

use super::*;

impl World {
    fn lookup(&self, name: &str, family: Family) -> Result<Vec<String>, DnsError> {
        let found = self.net.block_on(self.llmnr.lookup_host(name, 80, family));
        found.map(|hosts| {
            assert!(hosts.iter().all(|host| host.port() == 80));
            hosts.iter().map(|host| host.ip().to_string()).collect()
        })
    }

    fn v4(&self, name: &str) -> Result<Vec<String>, DnsError> {
        self.lookup(name, Family::V4)
    }
}

#[test]
fn hosts_find_each_other() {
    let world = running(1);
    world.other.stack().set_hostname("teapot").unwrap();
    let other: &'static _ = Box::leak(Box::new(Llmnr::new(world.other.stack())));
    world.net.spawn(other.run());
    world.net.run_for(secs(1));
    assert_eq!(world.v4("teapot").unwrap(), ["10.0.0.2"]);
    let found = world.lookup("Teapot", Family::Any).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(world.lookup("teapot", Family::V6).unwrap().len(), 2);
    // Its own name too.
    assert_eq!(world.v4("kettle").unwrap(), ["10.0.0.1"]);
    let address = "10.0.0.2".parse().unwrap();
    let name = world.net.block_on(world.llmnr.lookup_addr(address, None));
    assert_eq!(name.unwrap().to_string(), "teapot");
    assert_eq!(world.state(), NameState::Unique);
}

#[test]
fn link_local_address_is_given_with_its_interface() {
    let world = world(1);
    let _log = world.listen(|seen| vec![seen.reply(0).address("teapot", "fe80::77")]);
    let found = world.llmnr.lookup_host("teapot", 80, Family::V6);
    let found = world.net.block_on(found).unwrap();
    let SocketAddr::V6(host) = found[0] else {
        panic!("{found:?}");
    };
    let id = world.device.interface(world.link);
    assert_eq!(host.scope_id(), u32::from(id) + 1);
}

#[test]
fn name_that_nobody_has_is_asked_for_three_times_over_both_versions() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    let before = world.net.now();
    assert_eq!(world.v4("teapot"), Err(DnsError::NotFound));
    // LLMNR_TIMEOUT thrice, JITTER_INTERVAL at most before it.
    let took = world.net.now().since(before);
    assert!(ms(300) <= took && took <= ms(405), "{took}");
    world.net.run_for(ms(10));
    let kept = log;
    let log = kept.take();
    assert_eq!(log.len(), 6);
    for seen in &log {
        // All bits clear, and nothing beside the question: not even an OPT record, which there are
        // responders that stumble over.
        let expected = Message::new(log[0].id, 0, "teapot", A);
        assert_eq!(seen.bytes, expected.bytes);
        assert_eq!(seen.hop_limit, 255);
        assert_ne!(seen.source.port(), PORT);
    }
    let sixes = log.iter().filter(|seen| seen.destination == GROUP6);
    assert_eq!(sixes.count(), 3);
    assert_eq!(log[2].at.since(log[0].at), ms(100));
    // The next has another identifier and another port.
    assert_eq!(world.v4("teapot"), Err(DnsError::NotFound));
    world.net.run_for(ms(10));
    let next = &kept.take()[0];
    assert_ne!(
        (next.id, next.source.port()),
        (log[0].id, log[0].source.port())
    );
}

#[test]
fn names_of_several_labels_are_not_asked_for() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    for name in ["teapot.lab", "a.b.c", "10.0.0.300"] {
        assert_eq!(world.v4(name), Err(DnsError::NotFound));
    }
    assert_eq!(world.v4("teapot..x"), Err(DnsError::NameInvalid));
    assert_eq!(world.v4("10.9.8.7").unwrap(), ["10.9.8.7"]);
    assert_eq!(world.v4("localhost").unwrap(), ["127.0.0.1"]);
    assert!(log.take().is_empty());
}

#[test]
fn first_answer_of_a_host_that_has_the_name_for_itself_ends_the_wait() {
    let world = world(1);
    let _log = world.listen(|seen| vec![seen.reply(0).address("teapot", "10.0.0.2")]);
    let before = world.net.now();
    assert_eq!(world.v4("teapot").unwrap(), ["10.0.0.2"]);
    assert!(world.net.now().since(before) <= ms(105));
    // Reserved bits are ignored.
    let world = self::world(2);
    let _log = world.listen(|seen| vec![seen.reply(0xf0).address("teapot", "10.0.0.2")]);
    assert_eq!(world.v4("teapot").unwrap(), ["10.0.0.2"]);
}

#[test]
fn host_that_has_no_such_records_says_so() {
    let world = world(1);
    let _log = world.listen(|seen| match seen.kind {
        A => vec![seen.reply(0).address("teapot", "10.0.0.2")],
        _ => vec![seen.reply(0)],
    });
    assert_eq!(world.lookup("teapot", Family::V6), Err(DnsError::NoData));
    assert_eq!(world.lookup("teapot", Family::Any).unwrap(), ["10.0.0.2"]);
}

#[test]
fn query_that_got_lost_is_repeated() {
    let world = world(1);
    let mut count = 0;
    let log = world.listen(move |seen| {
        count += 1;
        match count {
            3.. => vec![seen.reply(0).address("teapot", "10.0.0.2")],
            _ => Vec::new(),
        }
    });
    assert_eq!(world.v4("teapot").unwrap(), ["10.0.0.2"]);
    assert!(log.take().len() <= 4);
}

#[test]
fn responses_that_are_none_to_the_query_are_discarded() {
    let world = world(1);
    world.meet();
    let _log = world.listen(|seen| {
        if seen.destination.is_ipv6() {
            return Vec::new();
        }
        let wrong = |message: Message| message.address("teapot", "10.6.6.6");
        vec![
            wrong(Message::new(seen.id ^ 1, RESPONSE, "teapot", A)),
            wrong(Message::new(seen.id, RESPONSE, "kettle", A)),
            wrong(Message::new(seen.id, RESPONSE, "teapot", AAAA)),
            // No response, tentative, with an error, another opcode, no question.
            wrong(Message::new(seen.id, 0, "teapot", A)),
            wrong(seen.reply(T)),
            wrong(seen.reply(3)),
            wrong(seen.reply(1 << 11)),
            wrong(seen.reply(0)).word(4, 0),
            wrong(seen.reply(0)).word(4, 2),
        ]
    });
    assert_eq!(world.v4("teapot"), Err(DnsError::NotFound));
    let counters = world.llmnr.counters();
    assert_eq!(
        (counters.responses, counters.stray + counters.malformed),
        (0, 27)
    );
}

#[test]
fn response_from_another_port_is_discarded() {
    let world = world(1);
    let other = world.other.udp("[::]:0");
    let to: Rc<RefCell<Vec<Seen>>> = Rc::default();
    let kept = to.clone();
    let _log = world.listen(move |seen| {
        kept.borrow_mut().push(seen.clone());
        Vec::new()
    });
    let lookup = world
        .net
        .spawn(world.llmnr.lookup_host("teapot", 80, Family::V4));
    assert!(world.net.run_until(secs(1), || !to.borrow().is_empty()));
    for seen in to.take() {
        let reply = seen.reply(0).address("teapot", "10.6.6.6");
        other.try_send_to(&reply.bytes, Some(seen.source)).unwrap();
    }
    world.net.run_for(secs(1));
    assert_eq!(lookup.take(), Some(Err(DnsError::NotFound)));
}

/// Two hosts that answer with these flags, 10.0.0.2 and 10.0.0.3, and what they receive.
fn two_answers(flags: [u16; 2]) -> (World, Log) {
    let world = world(1);
    let third = world.net.host("third");
    world.link.join(third);
    third.add(world.link, "10.0.0.3/24");
    world.net.run_for(secs(3));
    let answer = |flags: u16, address: &'static str| {
        move |seen: &Seen| match seen.flags & C == 0 && seen.destination.is_ipv4() {
            true => vec![seen.reply(flags).address("teapot", address)],
            false => Vec::new(),
        }
    };
    let log = world.listen(answer(flags[0], "10.0.0.2"));
    world.listen_at(third, answer(flags[1], "10.0.0.3"));
    (world, log)
}

#[test]
fn answers_of_hosts_that_share_a_name_are_collected() {
    let (world, first) = two_answers([C, C]);
    let before = world.net.now();
    let mut found = world.v4("teapot").unwrap();
    found.sort();
    assert_eq!(found, ["10.0.0.2", "10.0.0.3"]);
    // LLMNR_TIMEOUT + JITTER_INTERVAL.
    let took = world.net.now().since(before);
    assert!(ms(200) <= took && took <= ms(310), "{took}");
    // It is no conflict.
    world.net.run_for(ms(10));
    assert!(first.take().iter().all(|seen| seen.flags & C == 0));
}

#[test]
fn several_hosts_with_a_name_of_their_own_are_told_of_the_conflict_once() {
    for flags in [[C, 0], [0, C], [0, 0], [C, C]] {
        let is_conflict = flags != [C, C];
        let (world, first) = two_answers(flags);
        // It looks after answers that come later.
        world.run();
        world.net.run_for(secs(1));
        first.take();
        let found = world.v4("teapot").unwrap();
        world.net.run_for(ms(10));
        let accusations: Vec<_> = first
            .take()
            .into_iter()
            .filter(|seen| seen.flags & C != 0)
            .collect();
        assert_eq!(accusations.len(), usize::from(is_conflict));
        if is_conflict {
            // The same question, and the records of the one that came second.
            let seen = &accusations[0];
            assert_eq!((seen.flags, &seen.name[..], seen.kind), (C, "teapot", A));
            assert!(seen.sections[0].is_empty());
            let record = &seen.sections[2][0];
            assert_eq!((record.kind, &record.name[..]), (A, "teapot"));
            assert_eq!(seen.destination, GROUP4);
        }
        assert_eq!(found.len(), if is_conflict { 1 } else { 2 });
    }
}

#[test]
fn dns_is_asked_first_and_the_link_where_it_does_not_know() {
    let world = world(1);
    let log = world.listen(|seen| vec![seen.reply(0).address(&seen.name, "10.0.0.2")]);
    let dns = world.other.udp("10.0.0.2:53");
    world.net.spawn(async move {
        let mut bytes = [0; 600];
        loop {
            let (length, info) = dns.recv_from(&mut bytes).await.unwrap();
            let query = crate::dns::Query::read(&bytes[..length], info.source, Instant::ZERO);
            let reply = match query.name.as_str() {
                "teapot" => query.reply().rcode(crate::dns::NAME_ERROR),
                _ => query.addresses(&["10.1.1.1"]),
            };
            dns.try_send_to(&reply.bytes(), Some(info.source)).unwrap();
        }
    });
    let resolver = Resolver::new(world.device.stack());
    let lookup = |name: &str| {
        let found = world
            .llmnr
            .lookup_host_after(&resolver, name, 80, Family::V4);
        let found = world.net.block_on(found);
        found.map(|hosts| hosts[0].ip().to_string())
    };
    // No server is known.
    assert_eq!(lookup("mug").unwrap(), "10.0.0.2");
    log.take();
    resolver.set_servers(ServerSource::Static, None, &["10.0.0.2".parse().unwrap()]);
    assert_eq!(lookup("host").unwrap(), "10.1.1.1");
    assert!(log.take().is_empty());
    assert_eq!(lookup("teapot").unwrap(), "10.0.0.2");
    assert_eq!(log.take().len(), 2);
    // What is no single label is the business of DNS alone.
    assert_eq!(lookup("teapot.").unwrap_err(), DnsError::NotFound);
    assert!(log.take().is_empty());
}

#[test]
fn without_a_link_nothing_is_asked() {
    let world = world(1);
    world.link.down();
    world.net.run_for(secs(1));
    assert_eq!(world.v4("teapot"), Err(DnsError::Unreachable));
}
