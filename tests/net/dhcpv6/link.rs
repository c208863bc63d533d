//! The link goes and comes back, and is perhaps another (RFC 8415 §18.2.3, §18.2.12).

use super::*;

impl World {
    fn flap(&self) {
        self.link.down();
        self.net.run_for(secs(5));
        self.link.up();
    }
}

#[test]
fn link_that_comes_back_is_asked_whether_the_addresses_are_good_for_it() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    log.take();
    world.flap();
    let up = world.net.now();
    world.bind();
    world.net.run_for(secs(3));
    world.assert_bound();
    let heard = log.take();
    let [confirm] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!((confirm.kind, confirm.codes()), (CONFIRM, vec![1, 8, 3]));
    assert_eq!(confirm.associations(3), [(0, vec![(OURS, 128)])]);
    // A random time, and the check of the link-local address before.
    assert!(confirm.at.since(up) < secs(4));
}

#[test]
fn confirm_is_delayed_by_up_to_a_second() {
    let mut delays = std::collections::BTreeSet::new();
    for seed in 1..6 {
        let world = world(seed, stateful());
        let log = world.serve(0, usual(1000));
        world.bind();
        log.take();
        world.flap();
        let stack = world.host.stack();
        world
            .net
            .block_on(stack.link_up(world.host.interface(world.link)));
        let link_local = world.host.link_local(world.link);
        world.net.run_until(secs(5), || {
            let interface = world
                .host
                .stack()
                .interface(world.host.interface(world.link));
            let mut entries = interface.unwrap().ipv6.into_iter();
            entries
                .any(|entry| entry.address == link_local && entry.state == AddressState::Preferred)
        });
        let ready = world.net.now();
        world.net.run_for(secs(2));
        let delay = log.borrow()[0].at.since(ready);
        assert!(delay <= ms(1010), "{delay}");
        delays.insert(delay.as_micros() / 1000);
    }
    assert!(delays.len() > 3, "{delays:?}");
}

#[test]
fn addresses_of_another_link_are_dropped() {
    let (world, log) = served(stateful(), |request| match request.kind {
        CONFIRM => vec![request.answer(REPLY).with(status(4))],
        _ => usual(1000)(request),
    });
    world.bind();
    log.take();
    world.flap();
    world.net.run_for(secs(10));
    world.bind();
    assert_eq!(kinds(&log), [CONFIRM, SOLICIT, REQUEST]);
    // Without the address that was.
    assert_eq!(log.borrow()[1].associations(3), [(0, vec![])]);
}

#[test]
fn one_server_that_knows_the_addresses_is_enough() {
    let world = world(1, stateful());
    world.serve(0, |request| match request.kind {
        CONFIRM => vec![request.answer(REPLY).with(status(4))],
        _ => usual(1000)(request),
    });
    let second = world.serve(1, |request| match request.kind {
        CONFIRM => vec![request.answer(REPLY).after(ms(300))],
        _ => Vec::new(),
    });
    world.bind();
    second.take();
    world.flap();
    world.net.run_for(secs(10));
    assert_eq!(kinds(&second), [CONFIRM]);
    world.assert_bound();
}

#[test]
fn leases_are_used_on_when_nobody_answers_after_the_link_came_back() {
    let (world, log) = served(stateful(), silent_when_bound(1000));
    world.bind();
    log.take();
    world.flap();
    world.net.run_for(secs(20));
    world.assert_bound();
    let heard = log.take();
    assert!((3..=6).contains(&heard.len()), "{}", heard.len());
    assert!(heard.iter().all(|message| message.kind == CONFIRM));
    // CNF_TIMEOUT, CNF_MAX_RT, CNF_MAX_RD.
    let gaps = gaps(&heard);
    assert!((900..=1100).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 4400));
    assert!(heard.last().unwrap().at.since(heard[0].at) <= secs(10));
}

#[test]
fn leases_that_have_ended_while_the_link_was_away_are_gone() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    log.take();
    world.link.down();
    world.net.run_for(secs(2100));
    assert!(world.client.addresses().is_empty());
    world.link.up();
    world.bind();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST]);
    world.assert_bound();
}

#[test]
fn renewal_that_fell_due_meanwhile_follows_the_confirmation() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    log.take();
    world.link.down();
    world.net.run_for(secs(600));
    world.link.up();
    world.net.run_for(secs(10));
    assert_eq!(kinds(&log), [CONFIRM, RENEW]);
    world.assert_bound();
}

#[test]
fn client_that_is_run_again_asks_whether_its_leases_are_good() {
    let world = idle(1, stateful());
    let log = world.serve(0, usual(1000));
    world.run_until_bound();
    assert!(world.addresses().is_empty());
    log.take();
    let stack = world.host.stack();
    let both = embassy_futures::select::select(world.client.run(), stack.sleep(secs(5)));
    let _: embassy_futures::select::Either<_, ()> = world.net.block_on(both);
    assert_eq!(kinds(&log), [CONFIRM]);
}

#[test]
fn leases_that_were_kept_over_a_restart_are_confirmed_and_extended() {
    let both = |request: &Request| {
        let delegated = prefix(PREFIX, 56, 1000, 2000);
        let given = association(25, 0, 500, 800, &[delegated]);
        let answers = usual(1000)(request).into_iter();
        answers.map(|answer| answer.with(given.clone())).collect()
    };
    for prefixes in [0, 1] {
        let (world, _) = served(stateful().prefixes(prefixes, 0), both);
        world.bind();
        world.net.run_for(secs(100));
        let kept = world.client.leases().unwrap();
        assert_eq!(kept.server.as_bytes(), server_duid(0));
        assert_eq!(kept.list.len(), 1 + usize::from(prefixes));
        assert!((1890..=1900).contains(&kept.list[0].valid.as_secs()));
        // Another network, in which the device starts anew.
        let kept = Box::leak(Box::new(kept));
        let (world, log) = served(stateful().prefixes(prefixes, 0).leases(kept), both);
        world.bind();
        world.net.run_for(secs(5));
        world.assert_bound();
        assert_eq!(world.client.prefixes().len(), usize::from(prefixes));
        match prefixes {
            0 => assert_eq!(kinds(&log), [CONFIRM, RENEW]),
            _ => assert_eq!(kinds(&log), [REBIND]),
        }
        assert_eq!(log.borrow()[0].associations(3), [(0, vec![(OURS, 128)])]);
    }
}

#[test]
fn leases_that_were_kept_too_long_are_passed_over() {
    let (world, _) = served(stateful(), usual(1000));
    world.bind();
    let mut kept = world.client.leases().unwrap();
    kept.list[0].valid = Duration::ZERO;
    kept.list[0].preferred = Duration::ZERO;
    // Of an association that there is none of any longer.
    let mut other = kept.list[0];
    (other.association, other.valid) = (1, secs(100));
    kept.list.push(other).unwrap();
    let kept = Box::leak(Box::new(kept));
    let (world, log) = served(stateful().leases(kept), usual(1000));
    world.bind();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST]);
}
