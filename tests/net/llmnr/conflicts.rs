//! Who has a name: RFC 4795 §4.

use super::*;

#[test]
fn name_is_verified_by_three_queries_over_both_versions_before_it_is_used() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    let before = world.net.now();
    world.run();
    world.net.run_for(ms(1));
    assert_eq!(world.state(), NameState::Verifying);
    world.net.run_for(secs(2));
    assert_eq!(world.state(), NameState::Unique);
    let log = log.take();
    assert_eq!(log.len(), 6);
    let id = log[0].id;
    for (n, seen) in log.iter().enumerate() {
        let expected = Message::new(id, 0, "kettle", ANY);
        assert_eq!(seen.bytes, expected.bytes);
        assert_eq!((seen.source.port(), seen.hop_limit), (PORT, 255));
        let is_ipv6 = seen.destination.is_ipv6();
        let group = world.group(is_ipv6).ip();
        assert_eq!(seen.destination, group);
        // LLMNR_TIMEOUT apart, and the first after up to JITTER_INTERVAL.
        let since = seen.at.since(log[n / 2 * 2].at);
        assert!(since < ms(2));
        assert_eq!(log[n].at.since(log[0].at).as_millis() / 100, n as u64 / 2);
    }
    assert_ne!(log[0].destination, log[1].destination);
    assert!(log[0].at.since(before) <= ms(103));
}

#[test]
fn answer_is_tentative_until_the_name_is_verified() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    world.run();
    assert!(world.net.run_until(secs(1), || !log.borrow().is_empty()));
    let seen = world.answer(false, &query("kettle", A));
    assert_eq!(seen.flags, RESPONSE | T);
    let seen = world.answer(false, &query("kettle", A));
    assert_eq!(seen.flags, RESPONSE);
}

#[test]
fn name_that_another_host_has_is_not_used_over_any_version() {
    let world = world(1);
    // Its addresses are larger, which does not matter.
    let _log = world.listen(
        |seen| match seen.destination.is_ipv6() && seen.kind == ANY {
            true => vec![seen.reply(0)],
            false => Vec::new(),
        },
    );
    world.run();
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Conflicted);
    assert_eq!(world.llmnr.counters().conflicts, 1);
    for is_ipv6 in [false, true] {
        assert!(world.ask(is_ipv6, &query("kettle", A)).is_empty());
        assert!(
            world
                .ask(is_ipv6, &query("1.0.0.10.in-addr.arpa", PTR))
                .is_empty()
        );
    }
}

#[test]
fn name_that_was_given_up_is_tried_again_after_the_ttl() {
    let world = world(1);
    let log = world.listen({
        let mut count = 0;
        move |seen| {
            count += 1;
            match count {
                1 => vec![seen.reply(0).record(0, "kettle", A, 60, &[10, 0, 0, 2])],
                _ => Vec::new(),
            }
        }
    });
    world.run();
    world.net.run_for(secs(59));
    assert_eq!(world.state(), NameState::Conflicted);
    log.take();
    world.net.run_for(secs(3));
    assert_eq!(world.state(), NameState::Unique);
    assert_eq!(log.take().len(), 6);
}

#[test]
fn tentative_claim_goes_to_the_smaller_address() {
    for (own, expected) in [
        ("10.0.0.1/24", NameState::Unique),
        ("10.0.0.3/24", NameState::Conflicted),
    ] {
        let world = world_at(1, own);
        // The other host has 10.0.0.2.
        let log = world.listen(|seen| match seen.destination.is_ipv6() {
            true => Vec::new(),
            false => vec![seen.reply(T)],
        });
        world.run();
        world.net.run_for(secs(2));
        assert_eq!(world.state(), expected);
        assert!(!log.take().is_empty());
    }
}

#[test]
fn what_is_no_response_to_the_verification_is_no_conflict() {
    let world = world(1);
    world.meet();
    let log = world.listen(|seen| {
        if seen.destination.is_ipv6() {
            return Vec::new();
        }
        vec![
            Message::new(seen.id ^ 1, RESPONSE, "kettle", ANY),
            Message::new(seen.id, RESPONSE, "teapot", ANY),
            Message::new(seen.id, RESPONSE, "kettle", A),
            seen.reply(3),
            seen.reply(1 << 11),
            seen.reply(0).word(4, 0),
        ]
    });
    world.run();
    world.net.run_for(secs(2));
    assert_eq!(world.state(), NameState::Unique);
    assert_eq!(log.take().len(), 6);
    assert_eq!(world.llmnr.counters().stray, 18);
}

#[test]
fn of_two_hosts_that_begin_with_one_name_one_has_it() {
    for seed in 1..6 {
        let world = world(seed);
        world.other.stack().set_hostname("kettle").unwrap();
        let other: &'static _ = Box::leak(Box::new(Llmnr::new(world.other.stack())));
        world.run();
        world.net.spawn(other.run());
        world.net.run_for(secs(3));
        let theirs = other.name_state(world.other.interface(world.link));
        let both = [world.state(), theirs];
        let count = |state| both.iter().filter(|other| **other == state).count();
        assert_eq!(count(NameState::Unique), 1, "{both:?}");
        assert_eq!(count(NameState::Conflicted), 1, "{both:?}");
    }
}

#[test]
fn query_that_tells_of_a_conflict_is_not_answered_but_looked_into() {
    let world = running(1);
    let log = world.listen(|_| Vec::new());
    let accusation = query("kettle", A)
        .word(2, C)
        .record(2, "kettle", A, 30, &[10, 0, 0, 9]);
    assert!(world.ask(false, &accusation).is_empty());
    // "its own query for the same name, type, and class, with the 'C' bit clear".
    let ours: Vec<_> = log
        .take()
        .into_iter()
        .filter(|seen| seen.flags == 0)
        .collect();
    assert_eq!(ours.len(), 6);
    for seen in &ours {
        assert_eq!((&seen.name[..], seen.kind), ("kettle", A));
    }
    assert_eq!(world.state(), NameState::Unique);
    assert_eq!(world.llmnr.counters().accusations, 1);
    // Of other names it is not.
    assert!(world.ask(false, &query("teapot", A).word(2, C)).is_empty());
    assert!(log.take().iter().all(|seen| seen.flags == C));
}

#[test]
fn name_stays_in_use_while_a_conflict_is_looked_into_and_against_larger_addresses() {
    let world = running(1);
    let accusation = query("kettle", ANY).word(2, C);
    // 10.0.0.2 and fd00::2 are larger.
    let log = world.listen(|seen| match seen.flags {
        0 if seen.kind == ANY => vec![seen.reply(0)],
        _ => Vec::new(),
    });
    world.ask(false, &accusation);
    assert!(log.take().len() > 2);
    assert_eq!(world.state(), NameState::Unique);
    assert_eq!(world.answer(false, &query("kettle", A)).flags, RESPONSE);
}

#[test]
fn name_in_use_is_given_up_to_a_smaller_address() {
    let world = world_at(1, "10.0.0.3/24");
    world.run();
    world.net.run_for(secs(10));
    assert_eq!(world.state(), NameState::Unique);
    let _log = world.listen(|seen| match (seen.flags, seen.destination.is_ipv4()) {
        (0, true) => vec![seen.reply(0)],
        _ => Vec::new(),
    });
    world.ask(false, &query("kettle", ANY).word(2, C));
    assert_eq!(world.state(), NameState::Conflicted);
    assert!(world.ask(true, &query("kettle", A)).is_empty());
}

#[test]
fn shared_name_is_not_verified_and_each_answer_says_so() {
    let world = world(1);
    let log = world.listen(|_| Vec::new());
    world.llmnr.set_shared(true);
    world.run();
    let seen = world.answer(false, &query("kettle", A));
    assert_eq!((seen.flags, seen.addresses().len()), (RESPONSE | C, 1));
    assert_eq!(world.state(), NameState::Shared);
    assert!(log.take().iter().all(|seen| seen.id == 0x1234));
    // Answers are delayed by up to JITTER_INTERVAL.
    let socket = world.other.udp("[::]:0");
    let mut delays = Vec::new();
    for _ in 0..20 {
        let before = world.net.now();
        socket
            .try_send_to(&query("kettle", A).bytes, Some(world.group(false)))
            .unwrap();
        assert!(world.net.run_until(secs(1), || socket.try_recv().is_some()));
        delays.push(world.net.now().since(before).as_millis());
    }
    assert!(delays.iter().all(|delay| *delay <= 103));
    assert!(delays.iter().max() > Some(&50) && delays.iter().min() < Some(&50));
    world.llmnr.set_shared(false);
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Unique);
}

#[test]
fn name_is_verified_again_when_it_the_addresses_or_the_link_are_others() {
    let world = running(1);
    let log = world.listen(|_| Vec::new());
    world.device.stack().set_hostname("teapot").unwrap();
    world.net.run_for(ms(1));
    assert_eq!(world.state(), NameState::Verifying);
    world.net.run_for(secs(1));
    assert!(log.take().iter().all(|seen| seen.name == "teapot"));
    assert_eq!(world.answer(false, &query("teapot", A)).flags, RESPONSE);
    assert!(world.ask(false, &query("kettle", A)).is_empty());
    log.take();
    world.device.add(world.link, "10.0.0.77/24");
    world.net.run_for(secs(10));
    assert_eq!(log.take().len(), 6);
    assert_eq!(
        world.answer(false, &query("teapot", A)).addresses().len(),
        2
    );
    log.take();
    world.link.down();
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Inactive);
    world.link.up();
    world.net.run_for(secs(10));
    assert_eq!(world.state(), NameState::Unique);
    assert!(log.take().len() >= 6);
    // And not otherwise.
    world.net.run_for(secs(3600));
    assert!(log.take().is_empty());
}

#[test]
fn change_of_the_state_can_be_waited_for() {
    let world = world(1);
    let changed = world.net.spawn(world.llmnr.changed());
    world.net.run_for(secs(1));
    assert!(!changed.is_done());
    world.run();
    world.net.run_for(ms(1));
    assert!(changed.is_done());
}

#[test]
fn host_with_two_interfaces_on_one_link_does_not_contest_itself() {
    let net = Network::new(1);
    let (device, other) = (net.host("device"), net.host("other"));
    let link = net.link((device, device, other)).delay(ms(1));
    device.add(link, "10.0.0.1/24");
    other.add(link, "10.0.0.2/24");
    net.run_for(secs(3));
    device.stack().set_hostname("kettle").unwrap();
    let llmnr: &'static Llmnr<'static> = Box::leak(Box::new(Llmnr::new(device.stack())));
    net.spawn(llmnr.run());
    net.run_for(secs(2));
    for id in 0..2 {
        assert_eq!(llmnr.name_state(id), NameState::Unique);
    }
    // "SHOULD set the 'C' bit in responses".
    let world = World {
        llmnr,
        device,
        other,
        link,
        net,
    };
    for seen in world.ask(true, &query("kettle", AAAA)) {
        assert_eq!(seen.flags, RESPONSE | C);
    }
}
