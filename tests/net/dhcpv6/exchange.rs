//! How leases are found and asked for (RFC 8415 §15, §18.2.1, §18.2.2, §18.2.9).

use super::*;

#[test]
fn address_is_solicited_requested_and_used() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    world.assert_bound();
    let log = log.take();
    let [solicit, request] = &log[..] else {
        panic!("{log:?}");
    };
    let link_local = world.host.link_local(world.link);
    for message in [solicit, request] {
        assert_eq!(message.source.ip(), IpAddr::from(link_local));
        assert_eq!(message.destination, IpAddr::from(GROUP));
        // DUID-LL of Ethernet (§11.4).
        let duid = [&[0, 3, 0, 1][..], &world.host.mac(world.link)].concat();
        assert_eq!(message.option(1), Some(&duid[..]));
        assert_eq!(message.elapsed(), 0);
        // RFC 7083 §7, and what the client uses.
        assert_eq!(message.asked(), [82, 83, 23, 24, 56, 31]);
    }
    assert_eq!((solicit.kind, request.kind), (SOLICIT, REQUEST));
    assert_eq!(solicit.codes(), [1, 8, 3, 6]);
    assert_eq!(request.codes(), [1, 2, 8, 3, 6]);
    assert_eq!(solicit.associations(3), [(0, vec![])]);
    assert_eq!(request.associations(3), [(0, vec![(OURS, 128)])]);
    assert_eq!(request.option(2), Some(&server_duid(0)[..]));
    assert_ne!(solicit.xid, request.xid);
    let entry = world.entries()[0];
    // "MUST NOT be used to form an implicit prefix with a length other than 128" (§18.2.10.1).
    assert_eq!(entry.prefix_length, 128);
    let left = |until: Option<Instant>| until.unwrap().since(request.at).as_secs();
    assert_eq!(
        (left(entry.preferred_until), left(entry.valid_until)),
        (1000, 2000)
    );
    let server = world.client.server().unwrap();
    assert_eq!(server.as_bytes(), server_duid(0));
    let counters = world.client.counters();
    assert_eq!(
        (counters.sent, counters.taken, counters.acknowledged),
        (2, 1, 1)
    );
}

#[test]
fn leased_address_says_nothing_of_who_is_on_the_link() {
    let (world, _) = served(stateful(), usual(1000));
    world.bind();
    let peer = world.servers[1];
    peer.add(world.link, "2001:db8::2/64");
    world.net.run_for(secs(3));
    let socket = world.host.udp("[::]:9");
    // Without a router there is no way to a neighbour of the same /64.
    let sent = socket.try_send_to(b"x", Some("[2001:db8::2]:9".parse().unwrap()));
    assert!(sent.is_err());
}

#[test]
fn first_solicit_is_delayed_by_up_to_a_second() {
    let mut delays = std::collections::BTreeSet::new();
    for seed in 1..9 {
        let world = world(seed, stateful());
        let log = world.serve(0, usual(1000));
        let stack = world.host.stack();
        world
            .net
            .block_on(stack.ready(world.host.interface(world.link)));
        let ready = world.net.now();
        world.bind();
        let delay = log.borrow()[0].at.since(ready);
        assert!(delay <= ms(1002), "{delay}");
        delays.insert(delay.as_millis());
    }
    assert!(delays.len() > 5, "{delays:?}");
}

#[test]
fn solicit_is_repeated_ever_more_slowly_with_jitter() {
    let mut firsts = std::collections::BTreeSet::new();
    for seed in 1..6 {
        let world = world(seed, stateful());
        let log = world.serve(0, |_| Vec::new());
        world.net.run_for(secs(40_000));
        let log = log.take();
        let gaps = gaps(&log);
        assert!(gaps.len() > 15);
        // "the first RT MUST be selected to be strictly greater than IRT" (§18.2.1).
        assert!((1000..=1101).contains(&gaps[0]), "{gaps:?}");
        firsts.insert(gaps[0]);
        for pair in gaps.windows(2) {
            // "RT = 2*RTprev + RAND*RTprev", up to "MRT + RAND*MRT" (§15).
            let least = (pair[0] * 19 / 10).min(3_240_000);
            let most = (pair[0] * 21 / 10).min(3_960_000);
            assert!((least - 3..=most + 3).contains(&pair[1]), "{gaps:?}");
        }
        assert!(gaps.last().unwrap() > &3_200_000);
        for message in &log {
            // "A client MUST leave the transaction ID unchanged" (§16.1).
            assert_eq!((message.kind, message.xid), (SOLICIT, log[0].xid));
            // Hundredths of a second, and then the most that there can be (§21.9).
            let passed = message.at.since(log[0].at).as_micros() / 10_000;
            let said = u64::from(message.elapsed());
            assert!(said.abs_diff(passed.min(0xffff)) <= 1, "{said} {passed}");
        }
    }
    assert!(firsts.len() > 2);
}

#[test]
fn transactions_differ_from_boot_to_boot() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..9 {
        let world = world(seed, stateful());
        let log = world.serve(0, usual(1000));
        world.bind();
        seen.extend(log.take().iter().map(|request| request.xid));
    }
    assert_eq!(seen.len(), 16);
}

/// A server that advertises with some preference, and leases its own address.
fn preferred(preference: u8, ours: Ipv6Addr) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| match request.kind {
        SOLICIT => vec![
            request
                .lease(ADVERTISE, ours, 1000)
                .with(option(7, &[preference])),
        ],
        _ => vec![request.lease(REPLY, ours, 1000)],
    }
}

#[test]
fn advertises_are_collected_and_the_highest_preference_is_taken() {
    let world = world(1, stateful());
    let first = world.serve(0, preferred(10, OTHER));
    let second = world.serve(1, |request| {
        let answers = preferred(20, OURS)(request).into_iter();
        answers.map(|answer| answer.after(ms(700))).collect()
    });
    world.bind();
    world.assert_bound();
    let heard = second.take();
    assert_eq!(heard[1].option(2), Some(&server_duid(1)[..]));
    assert_eq!(heard[1].associations(3), [(0, vec![(OURS, 128)])]);
    let waited = gaps(&heard)[0];
    assert!((1000..=1103).contains(&waited), "{waited}");
    // All servers hear whom the client has chosen.
    assert_eq!(kinds(&first), [SOLICIT, REQUEST]);
}

#[test]
fn highest_preference_of_all_is_taken_at_once() {
    let (world, log) = served(stateful(), preferred(255, OURS));
    world.bind();
    let waited = gaps(&log.borrow())[0];
    assert!(waited < 10, "{waited}");
}

#[test]
fn advertise_after_the_first_timeout_is_taken_at_once() {
    let mut heard = 0;
    let (world, log) = served(stateful(), move |request| {
        heard += u8::from(request.kind == SOLICIT);
        match heard {
            1 => Vec::new(),
            _ => usual(1000)(request),
        }
    });
    world.bind();
    assert_eq!(kinds(&log), [SOLICIT, SOLICIT, REQUEST]);
    assert!(gaps(&log.borrow())[1] < 10);
}

#[test]
fn of_equal_servers_that_with_more_leases_is_taken() {
    let world = world(1, stateful().prefixes(1, 0));
    world.serve(0, usual(1000));
    let both = |request: &Request, kind| {
        let delegated = prefix(PREFIX, 56, 1000, 2000);
        let delegated = association(25, 0, 500, 800, &[delegated]);
        vec![
            request
                .lease(kind, OURS, 1000)
                .with(delegated)
                .after(ms(50)),
        ]
    };
    world.serve(1, move |request| match request.kind {
        SOLICIT => both(request, ADVERTISE),
        _ => both(request, REPLY),
    });
    world.bind();
    assert_eq!(world.client.server().unwrap().as_bytes(), server_duid(1));
    assert_eq!(world.client.prefixes().len(), 1);
}

#[test]
fn advertise_without_leases_is_ignored_but_for_the_times_in_it() {
    let (world, log) = served(stateful(), |request| {
        vec![
            request
                .answer(ADVERTISE)
                .with(status(2))
                .with(option(82, &60u32.to_be_bytes())),
        ]
    });
    world.net.run_for(secs(1000));
    assert_eq!(world.state(), ClientState::Soliciting);
    let log = log.take();
    assert!(log.iter().all(|request| request.kind == SOLICIT));
    let gaps = gaps(&log);
    // "The client ignoring an Advertise message MUST NOT restart the Solicit retransmission timer"
    // (§18.2.9). The exchange that runs keeps to what it began with.
    assert!((1000..=1101).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.len() >= 8);
    assert_eq!(world.client.counters().unusable, log.len() as u32);
}

/// The last gap of Solicits that follow on an Advertise with these options by each server.
fn longest_gap(said: [Option<u32>; 2]) -> u64 {
    let world = world(1, stateful());
    let script = |seconds: Option<u32>| {
        move |request: &Request| {
            let seconds = seconds.map(|seconds| option(82, &seconds.to_be_bytes()));
            let answer = request.answer(ADVERTISE).with(status(2));
            vec![answer.with(seconds.unwrap_or_default())]
        }
    };
    let log = world.serve(0, script(said[0]));
    world.serve(1, script(said[1]));
    world.net.run_for(secs(20_000));
    // It holds for what comes when the link has been away.
    world.link.down();
    world.net.run_for(secs(1));
    world.link.up();
    log.take();
    world.net.run_for(secs(20_000));
    *gaps(&log.borrow()).last().unwrap() / 1000
}

#[test]
fn servers_set_the_longest_time_between_solicits() {
    assert!((108..=133).contains(&longest_gap([Some(120), None])));
    assert!((108..=133).contains(&longest_gap([Some(120), Some(120)])));
    // Between 60 and 86,400 only (§21.24), and only where all agree (§18.2.9).
    let default = 3200..=4000;
    assert!(default.contains(&longest_gap([Some(59), None])));
    assert!(default.contains(&longest_gap([Some(86_401), None])));
    assert!(default.contains(&longest_gap([Some(120), Some(180)])));
}

#[test]
fn request_without_an_answer_is_sent_ten_times_before_it_begins_anew() {
    let (world, log) = served(stateful(), |request| match request.kind {
        SOLICIT => vec![request.lease(ADVERTISE, OURS, 1000)],
        _ => Vec::new(),
    });
    world.net.run_for(secs(300));
    let log = log.take();
    let requests: Vec<_> = log.iter().skip(1).take(10).cloned().collect();
    assert!(requests.iter().all(|request| request.kind == REQUEST));
    assert_eq!(log[11].kind, SOLICIT);
    let gaps = gaps(&requests);
    // REQ_TIMEOUT, REQ_MAX_RT.
    assert!((900..=1100).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps[5..].iter().all(|gap| (27_000..=33_000).contains(gap)));
    assert!(world.addresses().is_empty());
}

#[test]
fn rapid_commit_takes_two_messages() {
    let (world, log) = served(stateful().rapid_commit(true), |request| {
        vec![request.lease(REPLY, OURS, 1000).with(option(14, &[]))]
    });
    world.bind();
    world.assert_bound();
    assert_eq!(kinds(&log), [SOLICIT]);
    assert_eq!(log.borrow()[0].option(14), Some(&[][..]));
}

#[test]
fn reply_to_a_solicit_without_rapid_commit_is_discarded() {
    for (allowed, said) in [(true, false), (false, true)] {
        let (world, log) = served(stateful().rapid_commit(allowed), move |request| {
            let reply = request.lease(REPLY, OTHER, 1000);
            match (request.kind, said) {
                (SOLICIT, true) => {
                    let advertise = request.lease(ADVERTISE, OURS, 1000);
                    vec![reply.with(option(14, &[])), advertise]
                }
                (SOLICIT, false) => vec![reply, request.lease(ADVERTISE, OURS, 1000)],
                _ => usual(1000)(request),
            }
        });
        world.bind();
        world.assert_bound();
        assert_eq!(kinds(&log), [SOLICIT, REQUEST]);
        assert_eq!(log.borrow()[0].option(14).is_some(), allowed);
        assert_eq!(world.client.counters().stray, 1);
    }
}

#[test]
fn exhausted_pool_is_asked_ever_more_rarely() {
    // The server advertises an address, and has none when it is asked for it.
    let (world, log) = served(stateful(), |request| match request.kind {
        SOLICIT => vec![request.lease(ADVERTISE, OURS, 1000)],
        _ => vec![
            request
                .answer(REPLY)
                .with(association(3, 0, 0, 0, &[status(2)])),
        ],
    });
    world.net.run_for(secs(3000));
    let solicits = log.take().into_iter();
    let solicits: Vec<_> = solicits.filter(|request| request.kind == SOLICIT).collect();
    assert!((8..20).contains(&solicits.len()), "{}", solicits.len());
    assert!(gaps(&solicits).last().unwrap() > &512_000);
    assert!(world.addresses().is_empty());
}

#[test]
fn address_of_another_link_begins_anew() {
    let mut refused = false;
    let (world, log) = served(stateful(), move |request| match request.kind {
        REQUEST if !std::mem::replace(&mut refused, true) => {
            vec![request.answer(REPLY).with(status(4))]
        }
        _ => usual(1000)(request),
    });
    world.bind();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST, SOLICIT, REQUEST]);
    // Without the address.
    assert_eq!(log.borrow()[2].associations(3), [(0, vec![])]);
    world.assert_bound();
}

#[test]
fn messages_are_limited_in_their_rate() {
    // A server whose leases are to be renewed every second, and more.
    let config = stateful().rate(5, secs(50));
    let (world, log) = served(config, |request| {
        let lease = address(OURS, 1000, 2000);
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        vec![request.answer(kind).with(association(3, 0, 1, 2, &[lease]))]
    });
    world.bind();
    world.net.run_for(secs(500));
    let sent = log.borrow().len();
    assert!((50..=57).contains(&sent), "{sent}");
    assert!(gaps(&log.borrow())[8..].iter().all(|gap| *gap >= 9_990));
}

#[test]
fn leases_come_through_a_link_that_loses_messages() {
    for seed in 1..6 {
        let world = world(seed, stateful());
        world.serve(0, usual(1000));
        world.net.run_for(secs(4));
        world.link.loss(0.4);
        world.bind();
        world.assert_bound();
    }
}

#[test]
fn run_needs_the_port_and_leaves_no_socket() {
    let world = idle(1, stateful());
    world.serve(0, usual(1000));
    let taken = world.host.udp("[::]:546");
    assert_eq!(
        world.net.block_on(world.client.run()),
        Err(BindError::InUse)
    );
    drop(taken);
    world.run_until_bound();
    assert!(world.addresses().is_empty());
    drop(world.host.udp("[::]:546"));
}
