//! How a lease is extended, lost, taken up again and given back (RFC 2131 §3.2, §4.4.2 to §4.4.6).

use super::*;

#[test]
fn lease_is_renewed_by_unicast_to_its_server_at_half_of_its_time() {
    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.bind();
    let bound = world.net.now();
    world.net.run_for(secs(1801));
    let log = log.take();
    let [_, request, renewal] = &log[..] else {
        panic!("{log:?}");
    };
    let passed = renewal.at.since(bound).as_secs();
    assert!((1740..=1800).contains(&passed), "{passed}");
    assert_eq!(renewal.kind, REQUEST);
    assert_eq!(
        (renewal.source, renewal.destination),
        (OURS.into(), SERVERS[0].into())
    );
    assert_eq!(renewal.ciaddr(), OURS);
    assert!(!renewal.wants_broadcast());
    // "MUST NOT include a 'server identifier'", nor the requested address (table 5).
    assert_eq!((renewal.option(54), renewal.option(50)), (None, None));
    assert_eq!(renewal.option(55), request.option(55));
    assert_eq!(renewal.option(61), request.option(61));
    assert_ne!(renewal.xid, request.xid);
    world.assert_bound();
    // From the renewal on.
    let left = world.client.time_left().unwrap().as_secs();
    assert!((3500..=3600).contains(&left), "{left}");
}

#[test]
fn times_of_the_server_are_used_and_spread() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 1..5 {
        let world = world(seed, ClientConfig::new());
        let log = world.serve(0, |request| {
            let mut replies = usual(3600)(request);
            for reply in &mut replies {
                *reply = reply
                    .clone()
                    .option(58, &[0, 0, 1, 0])
                    .option(59, &[0, 0, 2, 0]);
            }
            replies
        });
        world.bind();
        world.net.run_for(secs(257));
        let at = log.borrow()[2].at.as_millis();
        assert!((247_900..=256_100).contains(&at), "{at}");
        seen.insert(at);
        let lease = world.client.lease().unwrap();
        assert_eq!((lease.renewal, lease.rebinding), (256, 512));
    }
    assert!(seen.len() > 2);
}

#[test]
fn times_that_contradict_each_other_are_passed_over() {
    for (renewal, rebinding) in [(3000, 2000), (3600, 3600), (0, 0), (u32::MAX, 5000)] {
        let (world, _) = served(ClientConfig::new(), move |request| {
            let mut replies = usual(3600)(request);
            for reply in &mut replies {
                let renewal = u32::to_be_bytes(renewal);
                let rebinding = u32::to_be_bytes(rebinding);
                *reply = reply.clone().option(58, &renewal).option(59, &rebinding);
            }
            replies
        });
        world.bind();
        let lease = world.client.lease().unwrap();
        assert!(
            lease.renewal < lease.rebinding && lease.rebinding < 3600,
            "{lease:?}"
        );
        assert!(lease.renewal >= 1000);
    }
}

#[test]
fn renewal_is_repeated_at_half_of_what_is_left_and_then_all_servers_are_asked() {
    let (world, log) = served(ClientConfig::new(), {
        let mut answered = 0;
        move |request| {
            answered += 1;
            if answered <= 2 {
                usual(3600)(request)
            } else {
                Vec::new()
            }
        }
    });
    world.bind();
    log.take();
    world.net.run_for(secs(3590));
    assert_eq!(world.state(), ClientState::Rebinding);
    let log = log.take();
    let broadcast = IpAddr::from(Ipv4Addr::BROADCAST);
    let (renewals, rebindings): (Vec<_>, Vec<_>) = log
        .iter()
        .partition(|request| request.destination != broadcast);
    assert!(
        renewals.len() >= 4 && rebindings.len() >= 3,
        "{}",
        log.len()
    );
    for (requests, end) in [(&renewals, 3150), (&rebindings, 3600)] {
        for pair in requests.windows(2) {
            let passed = pair[1].at.since(pair[0].at).as_secs();
            let left = (end - pair[0].at.as_secs_lossy()).max(0) as u64;
            assert!(passed >= 60, "{passed}");
            assert!(
                passed == 60 || passed.abs_diff(left / 2) <= 60,
                "{passed} of {left}"
            );
            assert_ne!(pair[0].xid, pair[1].xid);
        }
        assert!(requests.iter().all(|request| request.option(54).is_none()));
        assert!(requests.iter().all(|request| request.ciaddr() == OURS));
        assert!(
            requests
                .iter()
                .all(|request| request.source == IpAddr::from(OURS))
        );
    }
}

trait Lossy {
    fn as_secs_lossy(&self) -> i64;
}

impl Lossy for Instant {
    fn as_secs_lossy(&self) -> i64 {
        self.as_millis() as i64 / 1000
    }
}

#[test]
fn another_server_may_extend_the_lease_when_its_own_is_silent() {
    let world = world(1, ClientConfig::new());
    let mut first = 0;
    world.serve(0, move |request| {
        first += 1;
        if first <= 2 {
            usual(3600)(request)
        } else {
            Vec::new()
        }
    });
    let second = world.serve(1, |request| match request.ciaddr() {
        OURS => vec![request.grant_by(SERVERS[1], ACK, OURS, 7200)],
        _ => Vec::new(),
    });
    world.bind();
    world.net.run_for(secs(3600));
    world.assert_bound();
    assert_eq!(world.client.lease().unwrap().server, SERVERS[1]);
    // Before T2 it was not asked.
    let asked = second.borrow().last().unwrap().at.as_secs_lossy();
    assert!((3100..=3151).contains(&asked), "{asked}");
}

#[test]
fn lease_that_is_not_extended_ends_and_everything_with_it() {
    let (world, log) = served(ClientConfig::new(), {
        let mut answered = 0;
        move |request| {
            answered += 1;
            let replies = usual(600)(request).into_iter();
            let replies = replies.map(|reply| reply.option(3, &[10, 0, 0, 1]));
            if answered <= 2 {
                replies.collect()
            } else {
                Vec::new()
            }
        }
    });
    world.bind();
    assert_eq!(world.host.stack().routes().count(), 1);
    world.net.run_for(secs(599));
    assert_eq!(world.addresses(), [(OURS, Ipv4State::Active)]);
    world.net.run_for(secs(2));
    assert!(world.addresses().is_empty());
    assert_eq!(world.host.stack().routes().count(), 0);
    assert_eq!(world.client.lease(), None);
    assert_eq!(world.client.options(|_| ()), None);
    assert_eq!(world.state(), ClientState::Selecting);
    let log = log.borrow();
    let last = log.last().unwrap();
    assert_eq!(
        (last.kind, last.ciaddr()),
        (DISCOVER, Ipv4Addr::UNSPECIFIED)
    );
    assert_eq!(last.source, IpAddr::from(Ipv4Addr::UNSPECIFIED));
    assert_eq!(last.address_option(50), Some(OURS));
}

#[test]
fn refusal_of_a_renewal_ends_the_lease_at_once() {
    let next = Ipv4Addr::new(10, 0, 0, 200);
    let (world, log) = served(ClientConfig::new(), {
        let mut requests = 0;
        move |request| {
            requests += u32::from(request.kind == REQUEST);
            match (request.kind, requests) {
                (REQUEST, 2) => vec![request.reply(NAK, SERVERS[0])],
                (DISCOVER, 0) | (REQUEST, 1) => usual(3600)(request),
                (DISCOVER, _) => vec![request.grant(OFFER, next, 3600)],
                _ => vec![request.grant(ACK, next, 3600)],
            }
        }
    });
    world.bind();
    world.net.run_for(secs(1801));
    assert_eq!(kinds(&log), [DISCOVER, REQUEST, REQUEST, DISCOVER, REQUEST]);
    // The old address is not used any longer, nor asked for.
    assert_eq!(world.addresses(), [(next, Ipv4State::Active)]);
    assert_eq!(log.borrow()[3].option(50), None);
}

#[test]
fn year_of_renewals_keeps_the_address() {
    let (world, log) = served(ClientConfig::new(), usual(86_400));
    world.bind();
    let year = 365 * 86_400;
    for _ in 0..365 {
        world.net.run_for(secs(86_400));
        assert_eq!(world.addresses(), [(OURS, Ipv4State::Active)]);
    }
    let renewals = log.borrow().len() - 2;
    let most = year / 41_000;
    assert!((730..=most).contains(&renewals), "{renewals}");
}

#[test]
fn infinite_lease_is_never_renewed() {
    let (world, log) = served(ClientConfig::new(), usual(u32::MAX));
    world.bind();
    world.net.run_for(secs(100 * 365 * 86_400));
    assert_eq!(log.borrow().len(), 2);
    world.assert_bound();
    assert_eq!(world.client.time_left(), Some(Duration::MAX));
}

#[test]
fn longest_finite_lease_does_not_overflow() {
    let (world, _) = served(ClientConfig::new(), usual(u32::MAX - 1));
    world.bind();
    world.net.run_for(secs(3 << 30));
    world.assert_bound();
}

#[test]
fn leases_of_no_time_are_not_taken() {
    for seconds in [0, 1, 9] {
        let (world, log) = served(ClientConfig::new(), usual(seconds));
        world.net.run_for(secs(10));
        assert!(kinds(&log).iter().all(|kind| *kind == DISCOVER));
        assert!(world.client.counters().unusable > 0);
    }
    let (world, _) = served(ClientConfig::new(), usual(10));
    world.bind();
    world.net.run_for(secs(60));
    assert_eq!(world.addresses(), [(OURS, Ipv4State::Active)]);
}

#[test]
fn lease_counts_from_the_request_and_not_from_the_answer() {
    let (world, _) = served(ClientConfig::new(), |request| {
        let replies = usual(600)(request).into_iter();
        replies.map(|reply| reply.after(secs(3))).collect()
    });
    world.bind();
    let left = world.client.time_left().unwrap();
    assert!((secs(596)..=secs(597)).contains(&left), "{left}");
}

fn kept_lease() -> zonda::proto::dhcpv4::Lease {
    let (world, _) = served(ClientConfig::new(), usual(3600));
    world.bind();
    world.client.lease().unwrap()
}

#[test]
fn kept_lease_is_asked_for_without_an_offer() {
    let (world, log) = served(ClientConfig::new().lease(kept_lease()), usual(3600));
    world.bind();
    world.assert_bound();
    assert_eq!(kinds(&log), [REQUEST]);
    let log = log.borrow();
    // RFC 2131 §4.4.2, §3.2.
    assert_eq!(log[0].address_option(50), Some(OURS));
    assert_eq!(
        (log[0].option(54), log[0].ciaddr()),
        (None, Ipv4Addr::UNSPECIFIED)
    );
    assert_eq!(log[0].destination, IpAddr::from(Ipv4Addr::BROADCAST));
    assert!(log[0].wants_broadcast());
}

#[test]
fn kept_lease_that_is_refused_is_forgotten() {
    let next = Ipv4Addr::new(10, 0, 0, 200);
    let (world, log) = served(
        ClientConfig::new().lease(kept_lease()),
        move |request| match (request.kind, request.option(54)) {
            (REQUEST, None) => vec![request.reply(NAK, SERVERS[0])],
            (DISCOVER, _) => vec![request.grant(OFFER, next, 3600)],
            _ => vec![request.grant(ACK, next, 3600)],
        },
    );
    world.bind();
    assert_eq!(kinds(&log), [REQUEST, DISCOVER, REQUEST]);
    assert_eq!(log.borrow()[1].option(50), None);
    assert_eq!(world.addresses(), [(next, Ipv4State::Active)]);
}

#[test]
fn kept_lease_that_nobody_knows_is_looked_for_anew() {
    let (world, log) = served(ClientConfig::new().lease(kept_lease()), |request| {
        match (request.kind, request.option(54)) {
            (REQUEST, None) => Vec::new(),
            _ => usual(3600)(request),
        }
    });
    let took = world.bind().as_secs();
    assert!((25..=31).contains(&took), "{took}");
    assert_eq!(kinds(&log), [REQUEST, REQUEST, REQUEST, DISCOVER, REQUEST]);
    assert_eq!(log.borrow()[3].address_option(50), Some(OURS));
}

#[test]
fn link_that_comes_back_is_asked_whether_the_lease_still_holds() {
    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.bind();
    log.take();
    world.link.down();
    world.net.run_for(secs(10));
    world.link.up();
    world.net.run_for(secs(1));
    assert_eq!(kinds(&log), [REQUEST]);
    assert_eq!(log.borrow()[0].address_option(50), Some(OURS));
    world.assert_bound();
}

#[test]
fn lease_is_used_to_its_end_when_nobody_answers_after_the_link_came_back() {
    let (world, log) = served(ClientConfig::new(), {
        let mut answered = 0;
        move |request| {
            answered += 1;
            if answered <= 2 {
                usual(3600)(request)
            } else {
                Vec::new()
            }
        }
    });
    world.bind();
    world.link.down();
    world.net.run_for(secs(10));
    world.link.up();
    world.net.run_for(secs(40));
    world.assert_bound();
    world.net.run_for(secs(3549));
    assert_eq!(world.addresses(), [(OURS, Ipv4State::Active)]);
    world.net.run_for(secs(3));
    assert!(world.addresses().is_empty());
    assert_eq!(log.borrow().last().unwrap().kind, DISCOVER);
}

#[test]
fn lease_ends_while_the_link_is_down() {
    let (world, log) = served(ClientConfig::new(), usual(600));
    world.bind();
    world.link.down();
    world.net.run_for(secs(601));
    assert!(world.addresses().is_empty());
    log.take();
    world.link.up();
    world.net.run_for(secs(1));
    assert_eq!(kinds(&log), [DISCOVER, REQUEST]);
    world.assert_bound();
}

#[test]
fn release_is_told_to_the_server_and_ends_the_run() {
    let (world, log) = served(ClientConfig::new().host_name("kettle"), usual(3600));
    world.bind();
    log.take();
    world.client.release();
    world.net.run_for(secs(1));
    assert_eq!(world.run.take(), Some(Ok(())));
    assert_eq!(world.state(), ClientState::Stopped);
    assert!(world.addresses().is_empty());
    let log = log.take();
    assert_eq!(log.len(), 1);
    // RFC 2131 table 5.
    assert_eq!((log[0].kind, log[0].ciaddr()), (RELEASE, OURS));
    assert_eq!(
        (log[0].source, log[0].destination),
        (OURS.into(), SERVERS[0].into())
    );
    assert!(!log[0].wants_broadcast() && log[0].secs() == 0);
    let codes: Vec<_> = log[0].options.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [53, 54, 61]);
    assert_eq!(log[0].address_option(54), Some(SERVERS[0]));
    // It may be run again.
    let again = world.net.spawn(world.client.run());
    world.bind();
    world.assert_bound();
    drop(again);
}

#[test]
fn dropped_run_leaves_no_address_and_no_socket_and_asks_for_the_same_address_later() {
    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.bind();
    assert_eq!(
        world.net.block_on(world.client.run()),
        Err(BindError::InUse)
    );
    let World {
        client,
        host,
        link,
        net,
        servers,
        ..
    } = world;
    drop(net);
    let _ = (servers, log);
    let entries = host.stack().interface(host.interface(link)).unwrap().ipv4;
    assert!(entries.is_empty());
    assert_eq!(client.lease(), None);
    // Port 68 is free again.
    drop(host.udp("0.0.0.0:68"));
}

#[test]
fn run_that_was_given_up_asks_for_the_same_address() {
    use embassy_futures::select::select;

    let (world, log) = served(ClientConfig::new(), usual(3600));
    world.net.settle();
    world.client.release();
    world.net.run_for(secs(1));
    let stack = world.host.stack();
    let (client, world_net) = (world.client, &world.net);
    world_net.block_on(select(client.run(), stack.sleep(secs(20))));
    assert!(world.addresses().is_empty());
    log.take();
    world_net.block_on(select(client.run(), stack.sleep(secs(20))));
    assert_eq!(kinds(&log), [REQUEST]);
    assert_eq!(log.borrow()[0].address_option(50), Some(OURS));
}
