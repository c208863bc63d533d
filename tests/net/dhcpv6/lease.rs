//! How leases are extended, lost and given back (RFC 8415 §14.2, §18.2.4 to §18.2.7, §18.2.10).

use zonda::iface::route::{Prefix, Route, RouteOrigin};

use super::*;

#[test]
fn lease_is_renewed_at_t1_by_asking_its_server() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    let request = log.take().pop().unwrap();
    world.net.run_for(secs(520));
    let heard = log.take();
    let [renewal] = &heard[..] else {
        panic!("{heard:?}");
    };
    let passed = renewal.at.since(request.at).as_secs();
    assert!((500..=501).contains(&passed), "{passed}");
    assert_eq!((renewal.kind, renewal.destination), (RENEW, GROUP.into()));
    assert_eq!(renewal.codes(), [1, 2, 8, 3, 6]);
    assert_eq!(renewal.option(2), Some(&server_duid(0)[..]));
    assert_eq!(renewal.option(1), request.option(1));
    assert_eq!(renewal.associations(3), [(0, vec![(OURS, 128)])]);
    assert_eq!(renewal.asked(), request.asked());
    assert_ne!(renewal.xid, request.xid);
    world.assert_bound();
    // From the Reply on.
    let until = world.entries()[0].valid_until.unwrap();
    assert!((1990..=2000).contains(&until.since(renewal.at).as_secs()));
}

#[test]
fn renewals_are_repeated_until_t2_and_then_all_servers_are_asked() {
    let (world, log) = served(stateful(), silent_when_bound(10_000));
    world.bind();
    log.take();
    world.net.run_for(secs(19_900));
    assert_eq!(world.state(), ClientState::Rebinding);
    let log = log.take();
    let (renewals, rebindings): (Vec<_>, Vec<_>) = log
        .iter()
        .cloned()
        .partition(|request| request.kind == RENEW);
    for (messages, named) in [(&renewals, true), (&rebindings, false)] {
        let gaps = gaps(messages);
        // REN_TIMEOUT and REB_TIMEOUT, up to REN_MAX_RT and REB_MAX_RT.
        assert!((9_000..=11_000).contains(&gaps[0]), "{gaps:?}");
        let last = gaps.last().unwrap();
        assert!((540_000..=660_000).contains(last), "{gaps:?}");
        for message in messages {
            assert_eq!(message.option(2).is_some(), named);
            assert_eq!(message.associations(3), [(0, vec![(OURS, 128)])]);
            assert_eq!(message.xid, messages[0].xid);
        }
        assert_eq!(messages[0].elapsed(), 0);
        assert!(messages[1].elapsed() >= 900);
    }
    assert!(rebindings.iter().all(|message| message.kind == REBIND));
    let bound = log[0].at;
    let t2 = rebindings[0].at.since(bound).as_secs();
    assert!((2990..=3010).contains(&t2), "{t2}");
}

#[test]
fn another_server_may_extend_the_lease_when_its_own_is_silent() {
    let world = world(1, stateful());
    world.serve(0, silent_when_bound(1000));
    let second = world.serve(1, |request| match request.kind {
        REBIND => vec![request.lease(REPLY, OURS, 1000)],
        _ => Vec::new(),
    });
    world.bind();
    world.net.run_for(secs(810));
    world.assert_bound();
    assert_eq!(world.client.server().unwrap().as_bytes(), server_duid(1));
    second.take();
    world.net.run_for(secs(500));
    let renewal = &second.borrow()[0];
    assert_eq!(
        (renewal.kind, renewal.option(2)),
        (RENEW, Some(&server_duid(1)[..]))
    );
}

#[test]
fn lease_that_nobody_extends_ends_and_is_looked_for_anew() {
    let (world, log) = served(stateful(), silent_when_bound(1000));
    world.bind();
    log.take();
    world.net.run_for(secs(1500));
    assert_eq!(world.addresses(), [(OURS, AddressState::Deprecated)]);
    world.net.run_for(secs(505));
    let after = kinds(&log);
    let solicit = after.iter().position(|kind| *kind == SOLICIT).unwrap();
    assert!(after[..solicit].contains(&REBIND));
    world.bind();
    world.assert_bound();
}

/// The times of the first message after the address is there, in seconds after the Reply, and its
/// type, with these T1 and T2 of an address that is preferred for so long.
fn first_message(t1: u32, t2: u32, preferred: u32, valid: u32) -> Option<(u64, u8)> {
    let (world, log) = served(stateful(), move |request| {
        let leases = [address(OURS, preferred, valid)];
        let given = association(3, 0, t1, t2, &leases);
        match request.kind {
            SOLICIT => vec![request.answer(ADVERTISE).with(given)],
            REQUEST => vec![request.answer(REPLY).with(given)],
            _ => Vec::new(),
        }
    });
    world.bind();
    let request = log.take().pop().unwrap();
    world.net.run_for(secs(4_000_000));
    let log = log.take();
    let first = log.first()?;
    Some((first.at.since(request.at).as_secs(), first.kind))
}

#[test]
fn times_that_are_left_to_the_client_are_half_and_four_fifths_of_the_preferred_lifetime() {
    assert_eq!(first_message(0, 0, 1000, 9000), Some((500, RENEW)));
    assert_eq!(first_message(0, 400, 1000, 9000), Some((400, REBIND)));
    assert_eq!(first_message(900, 0, 1000, 9000), Some((900, REBIND)));
    assert_eq!(first_message(300, 0, 1000, 9000), Some((300, RENEW)));
    // One that is deprecated is extended in time too.
    assert_eq!(first_message(0, 0, 0, 9000), Some((4500, RENEW)));
}

#[test]
fn infinite_times_and_leases_never_come_to_an_end() {
    assert_eq!(first_message(0, 0, u32::MAX, u32::MAX), None);
    assert_eq!(first_message(u32::MAX, u32::MAX, u32::MAX, u32::MAX), None);
    // T1 is never, and T2 not.
    let rebinding = first_message(u32::MAX, u32::MAX, 1000, 2000);
    assert!(
        matches!(rebinding, Some((2000..=2002, SOLICIT))),
        "{rebinding:?}"
    );
}

#[test]
fn association_whose_t1_is_after_its_t2_is_discarded() {
    let (world, log) = served(stateful().addresses(2), |request| {
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        let wrong = association(3, 0, 501, 500, &[address(OTHER, 1000, 2000)]);
        let right = association(3, 1 << 8, 500, 500, &[address(OURS, 1000, 2000)]);
        vec![request.answer(kind).with(wrong).with(right)]
    });
    world.bind();
    world.assert_bound();
    assert_eq!(log.borrow()[1].associations(3)[0], (0, vec![]));
}

#[test]
fn addresses_that_cannot_be_used_are_discarded() {
    let (world, _) = served(stateful(), |request| {
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        let leases = [
            // "preferred lifetime is greater than the valid lifetime" (§21.6).
            address(OTHER, 1001, 1000),
            address("ff05::1".parse().unwrap(), 1000, 2000),
            address("fe80::1".parse().unwrap(), 1000, 2000),
            address("::".parse().unwrap(), 1000, 2000),
            address("::1".parse().unwrap(), 1000, 2000),
            address("2001:db8::102".parse().unwrap(), 0, 0),
            address(OURS, 1000, 2000),
        ];
        vec![
            request
                .answer(kind)
                .with(association(3, 0, 500, 800, &leases)),
        ]
    });
    world.bind();
    world.assert_bound();
}

#[test]
fn more_leases_than_there_is_room_for_are_counted() {
    let (world, _) = served(stateful(), |request| {
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        let leases: Vec<_> = (0..100u16)
            .map(|number| {
                address(
                    Ipv6Addr::from_bits(OURS.to_bits() + u128::from(number)),
                    1000,
                    2000,
                )
            })
            .collect();
        match request.kind {
            CONFIRM => Vec::new(),
            _ => vec![
                request
                    .answer(kind)
                    .with(association(3, 0, 500, 800, &leases[..40])),
            ],
        }
    });
    world.net.run_for(secs(10));
    assert!(world.client.counters().missed >= 36);
    assert!(!world.client.addresses().is_empty());
}

#[test]
fn lease_with_a_valid_lifetime_of_zero_ends_at_once() {
    let (world, _) = served(stateful(), |request| {
        let both = |first: u32| {
            let leases = [address(OURS, 1000, 2000), address(OTHER, first / 2, first)];
            association(3, 0, 500, 800, &leases)
        };
        match request.kind {
            SOLICIT => vec![request.answer(ADVERTISE).with(both(2000))],
            REQUEST => vec![request.answer(REPLY).with(both(2000))],
            _ => vec![request.answer(REPLY).with(both(0))],
        }
    });
    world.bind();
    assert_eq!(world.client.addresses().len(), 2);
    world.net.run_for(secs(510));
    world.assert_bound();
}

#[test]
fn lease_that_a_reply_does_not_name_is_left_as_it_is() {
    let (world, _) = served(stateful(), |request| {
        let first = address(OURS, 1000, 2000);
        let second = address(OTHER, 1000, 1200);
        let leases = match request.kind {
            SOLICIT | REQUEST => vec![first, second],
            _ => vec![first],
        };
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        vec![
            request
                .answer(kind)
                .with(association(3, 0, 500, 800, &leases)),
        ]
    });
    world.bind();
    world.net.run_for(secs(1100));
    assert_eq!(world.addresses().len(), 2);
    world.net.run_for(secs(110));
    world.assert_bound();
}

#[test]
fn server_that_knows_nothing_of_the_leases_is_asked_for_them() {
    let (world, log) = served(stateful(), |request| match request.kind {
        RENEW => vec![
            request
                .answer(REPLY)
                .with(association(3, 0, 0, 0, &[status(3)])),
        ],
        _ => usual(1000)(request),
    });
    world.bind();
    log.take();
    world.net.run_for(secs(510));
    assert_eq!(kinds(&log), [RENEW, REQUEST]);
    let request = log.take().pop().unwrap();
    assert_eq!(request.option(2), Some(&server_duid(0)[..]));
    assert_eq!(request.associations(3), [(0, vec![(OURS, 128)])]);
    world.assert_bound();
}

#[test]
fn association_that_is_not_in_a_reply_is_asked_for_again_and_the_others_are_extended() {
    let (world, log) = served(stateful().addresses(2), |request| {
        let one = |iaid, ours| association(3, iaid, 500, 800, &[address(ours, 1000, 2000)]);
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        let answer = request.answer(kind).with(one(0, OURS));
        match request.kind {
            SOLICIT | REQUEST => vec![answer.with(one(1 << 8, OTHER))],
            _ => vec![answer],
        }
    });
    world.bind();
    log.take();
    world.net.run_for(secs(700));
    let heard = log.take();
    assert_eq!(world.state(), ClientState::Renewing);
    // "as if the Reply message had not been received".
    assert!((9_000..=11_000).contains(&gaps(&heard)[0]));
    assert!(
        heard
            .iter()
            .all(|message| message.associations(3).len() == 2)
    );
    // Until it has ended.
    world.net.run_for(secs(1310));
    assert_eq!(world.client.addresses(), [OURS]);
    world.net.run_for(secs(1000));
    world.assert_bound();
}

#[test]
fn failure_without_a_reason_is_asked_again_as_if_nothing_had_come() {
    let mut failures = 2;
    let (world, log) = served(stateful(), move |request| match request.kind {
        RENEW if failures > 0 => {
            failures -= 1;
            vec![request.answer(REPLY).with(status(1))]
        }
        _ => usual(1000)(request),
    });
    world.bind();
    log.take();
    world.net.run_for(secs(600));
    assert_eq!(kinds(&log), [RENEW, RENEW, RENEW]);
    assert!(gaps(&log.borrow())[0] >= 9_000);
    assert_eq!(world.client.counters().unusable, 2);
    world.assert_bound();
}

#[test]
fn simulated_year_of_renewals() {
    let (world, log) = served(stateful(), usual(7200));
    world.bind();
    world.net.run_for(secs(365 * 24 * 3600));
    world.assert_bound();
    let sent = log.borrow().len();
    assert!((8_750..=8_765).contains(&sent), "{sent}");
    assert_eq!(world.client.counters().sent, sent as u32);
}

#[test]
fn release_takes_the_addresses_away_and_tells_the_server() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    log.take();
    world.client.release();
    world.net.settle();
    // "MUST have been removed from the interface" (§18.2.7).
    assert!(world.addresses().is_empty());
    world.net.run_for(secs(1));
    assert_eq!(world.ended(), Some(Ok(())));
    assert_eq!(world.state(), ClientState::Stopped);
    let heard = log.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].kind, heard[0].codes()),
        (RELEASE, vec![1, 2, 8, 3])
    );
    assert_eq!(heard[0].option(2), Some(&server_duid(0)[..]));
    assert_eq!(heard[0].associations(3), [(0, vec![(OURS, 128)])]);
    let link_local = world.host.link_local(world.link);
    assert_eq!(heard[0].source.ip(), IpAddr::from(link_local));
    // Run again, it begins anew.
    world.net.spawn(world.client.run());
    world.bind();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST]);
}

#[test]
fn release_is_repeated_and_then_given_up() {
    let (world, log) = served(stateful(), silent_when_bound(1000));
    world.bind();
    log.take();
    world.client.release();
    world.net.run_for(secs(30));
    assert_eq!(world.ended(), Some(Ok(())));
    // REL_TIMEOUT, REL_MAX_RC.
    assert_eq!(kinds(&log), [RELEASE; 4]);
    assert!((900..=1100).contains(&gaps(&log.borrow())[0]));
}

#[test]
fn release_of_leases_that_the_server_does_not_know_is_done() {
    let (world, log) = served(stateful(), |request| match request.kind {
        RELEASE => vec![request.answer(REPLY).with(status(3))],
        _ => usual(1000)(request),
    });
    world.bind();
    log.take();
    world.client.release();
    world.net.run_for(secs(1));
    assert_eq!(world.ended(), Some(Ok(())));
    assert_eq!(kinds(&log), [RELEASE]);
}

#[test]
fn release_without_a_lease_ends_the_run_at_once() {
    let world = world(1, stateful());
    world.net.run_for(secs(5));
    world.client.release();
    world.net.settle();
    assert_eq!(world.ended(), Some(Ok(())));
}

/// A server with a unicast option in its replies, and a global address of its own.
fn unicasting(mut script: impl FnMut(&Request) -> Vec<Answer> + 'static) -> (World, Log) {
    let server: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let (world, log) = served(stateful(), move |request| {
        let answers = script(request).into_iter();
        let tells = |answer: Answer| answer.with(option(12, &server.octets()));
        answers.map(tells).collect()
    });
    world.servers[0].add(world.link, "2001:db8::1/64");
    // What the server has is on the link, as a router would say.
    let network: Ipv6Addr = "2001:db8::".parse().unwrap();
    let route = Route {
        prefix: Prefix::new(network.into(), 64).unwrap(),
        gateway: None,
        interface: world.host.interface(world.link),
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    };
    world.host.stack().add_route(route).unwrap();
    (world, log)
}

#[test]
fn server_that_wants_unicast_is_asked_alone_from_an_address_that_it_can_answer() {
    let (world, log) = unicasting(usual(1000));
    world.bind();
    log.take();
    world.net.run_for(secs(510));
    let heard = log.take();
    assert_eq!(kinds(&log), [0; 0]);
    let to: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!((heard[0].kind, heard[0].destination), (RENEW, to));
    assert_eq!(heard[0].source.ip(), IpAddr::from(OURS));
    world.assert_bound();
    // The address that goes back is no source: there is no other, so the group is told.
    world.client.release();
    world.net.run_for(secs(1));
    assert_eq!(log.borrow()[0].destination, IpAddr::from(GROUP));
}

#[test]
fn server_that_wants_multicast_gets_it() {
    let (world, log) = unicasting(|request| match request.destination {
        IpAddr::V6(GROUP) => usual(1000)(request),
        _ => vec![request.answer(REPLY).with(status(5))],
    });
    world.bind();
    log.take();
    world.net.run_for(secs(510));
    let heard = log.take();
    assert_eq!(heard.len(), 2);
    // "The client resends the original message using multicast" (§18.2.10).
    assert_eq!(heard[1].destination, IpAddr::from(GROUP));
    assert_eq!((heard[1].kind, heard[1].xid), (RENEW, heard[0].xid));
    assert!(gaps(&heard)[0] < 10);
    // And so from now on.
    world.net.run_for(secs(500));
    assert_eq!(log.borrow()[0].destination, IpAddr::from(GROUP));
}
