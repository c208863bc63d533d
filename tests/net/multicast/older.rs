//! Queriers of older versions: RFC 3376 §7.2, RFC 3810 §8.2, RFC 2236 §3, RFC 2710 §4.

use zonda::socket::UdpSocket;

use super::talk::*;
use crate::frame::*;
use crate::network::*;

/// The number of the version before the newest.
fn older(family: Family) -> u8 {
    Query::older(family, secs(1)).version
}

/// A listener that has heard an older querier, and its socket.
fn towards_older(family: Family) -> (Listener, UdpSocket<'static>) {
    let l = listener(family);
    let socket = l.a.host.udp("[::]:7000");
    l.ask(&Query::older(family, ms(100)));
    l.older_in(secs(1));
    (l, socket)
}

/// "An unsolicited Version 2 Membership Report [...] repeated once or twice", "a Leave Group message
/// to the all-routers multicast group" (RFC 2236 §3); the same in RFC 2710 §4.
#[test]
fn older_querier_is_told_in_its_version() {
    for family in FAMILIES {
        let (l, socket) = towards_older(family);
        let (id, group) = (l.interface(), family.group(1));
        socket.join(group, id).unwrap();
        let said = Said::Report(older(family), group);
        assert_eq!(l.older_in(us(30)), vec![said.clone()], "at once");
        assert_eq!(l.older_in(secs(11)), vec![said.clone()], "and once more");
        assert_eq!(l.older_in(secs(30)), []);
        // A filter is nothing that it knows of.
        socket.block_source(group, family.source(1), id).unwrap();
        assert_eq!(l.older_in(secs(11)), []);
        socket.leave(group, id).unwrap();
        assert_eq!(l.older_in(secs(11)), [Said::Leave(group)]);
        // Of some sources it is told as of all.
        socket.join_source(group, family.source(1), id).unwrap();
        assert_eq!(l.older_in(secs(11)), [said.clone(), said]);
    }
}

#[test]
fn older_querier_is_answered_for_each_group_at_a_time_of_its_own() {
    for family in FAMILIES {
        let (l, socket) = towards_older(family);
        for n in 1..5 {
            socket.join(family.group(n), l.interface()).unwrap();
        }
        l.older_in(secs(11));
        l.ask(&Query::older(family, secs(10)));
        l.a.net.run_for(secs(11));
        let heard = l.heard_timed();
        let of = |n| {
            let said = Said::Report(older(family), family.group(n));
            let mut of = heard.iter().filter(|(_, heard)| *heard == said);
            (of.next().expect("a report").0, of.count())
        };
        let times: std::collections::BTreeSet<_> = (1..5).map(|n| of(n).0.as_millis()).collect();
        assert!(
            (1..5).all(|n| of(n).1 == 0) && times.len() >= 3,
            "{heard:?}"
        );
        l.ask(&Query::older(family, secs(1)).of(family.group(2)));
        let said = Said::Report(older(family), family.group(2));
        assert_eq!(l.older_in(secs(2)), vec![said.clone()]);
        // Queries of the newest version are answered in the older one too.
        l.ask(&Query::general(family, secs(1)).of(family.group(2)));
        assert_eq!(l.older_in(secs(2)), [said]);
    }
}

/// "If a timer for the group is already running, it is reset to the random value only if the
/// requested Max Response Time is less than the remaining value" (RFC 2236 §3, RFC 2710 §4).
#[test]
fn running_timer_towards_an_older_querier_is_set_anew_only_if_the_answer_is_wanted_sooner() {
    for family in FAMILIES {
        let (l, socket) = towards_older(family);
        let group = family.group(1);
        socket.join(group, l.interface()).unwrap();
        l.older_in(secs(11));
        l.ask(&Query::older(family, ms(200)).of(group));
        for _ in 0..20 {
            l.ask(&Query::older(family, secs(12)).of(group));
        }
        assert_eq!(l.older_in(ms(201)).len(), 1);
        assert_eq!(l.older_in(secs(13)).len(), 0);
    }
}

/// "If the host receives another host's Report (version 1 or 2) while it has a timer running, it
/// stops its timer for the specified group and does not send a Report" (RFC 2236 §3; RFC 2710 §4).
#[test]
fn report_of_another_host_suppresses_ours_towards_an_older_querier() {
    for family in FAMILIES {
        let (l, socket) = towards_older(family);
        let (one, two) = (family.group(1), family.group(2));
        for group in [one, two] {
            socket.join(group, l.interface()).unwrap();
        }
        // The repetition is suppressed too.
        l.older_in(us(30));
        l.a.peer.send(older_report(&l.a, family, one));
        let said = Said::Report(older(family), two);
        assert_eq!(l.older_in(secs(11)), vec![said.clone()]);
        l.ask(&Query::older(family, secs(10)));
        l.a.net.run_for(us(30));
        l.a.peer.send(older_report(&l.a, family, one));
        assert_eq!(l.older_in(secs(11)), [said]);
    }
}

/// RFC 3376 §7.2.2, RFC 3810 §8.2.2: towards a querier of the newest version nothing is suppressed.
#[test]
fn report_of_another_host_suppresses_nothing_towards_a_newest_querier() {
    for family in FAMILIES {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        let group = family.group(1);
        socket.join(group, l.interface()).unwrap();
        l.records_in(secs(3));
        l.ask(&Query::general(family, secs(1)));
        l.a.net.run_for(us(30));
        l.a.peer.send(older_report(&l.a, family, group));
        assert_eq!(l.records_in(secs(2)), [record(IS_EX, group, vec![])]);
    }
}

/// "((the Robustness Variable) times (the Query Interval in the last Query received)) plus (one
/// Query Response Interval)" (RFC 3376 §8.12, RFC 3810 §9.12).
#[test]
fn older_querier_that_is_silent_is_forgotten_in_time() {
    for family in FAMILIES {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        let id = l.interface();
        // By default 2 * 125 s + 10 s; then as the querier has said, 3 * 20 s + 10 s.
        for (timeout, robustness) in [(260, 2), (70, 3)] {
            l.ask(&Query::older(family, secs(10)));
            l.a.net.run_for(secs(timeout - 1));
            l.heard();
            socket.join(family.group(1), id).unwrap();
            assert_eq!(l.older_in(ms(900)).len().min(1), 1);
            l.a.net.run_for(ms(200));
            l.heard();
            socket.leave(family.group(1), id).unwrap();
            assert_eq!(l.records_in(secs(5)).len(), robustness);
            l.ask(&Query {
                robustness: 3,
                interval: 20,
                ..Query::general(family, ms(100))
            });
            l.a.net.run_for(secs(1));
            l.heard();
        }
        // Robustness is 3 now.
        socket.join(family.group(2), id).unwrap();
        assert_eq!(l.records_in(secs(5)).len(), 3);
    }
}

/// "Whenever a host changes its compatibility mode, it cancels all its pending responses and
/// retransmission timers" (RFC 3376 §7.2.1, RFC 3810 §8.2.1).
#[test]
fn change_of_version_cancels_what_is_pending() {
    for family in FAMILIES {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        let group = family.group(1);
        socket.join(group, l.interface()).unwrap();
        l.records_in(secs(3));
        l.ask(&Query::general(family, secs(12)));
        l.a.net.run_for(us(30));
        socket
            .block_source(group, family.source(1), l.interface())
            .unwrap();
        assert_eq!(l.records_in(us(30)).len(), 1);
        // A query for another group: itself it asks for nothing.
        match family {
            Family::Igmp => l.ask(&Query::older(family, ms(100))),
            Family::Mld => l.ask(&Query {
                to: Some(ALL_NODES.into()),
                ..Query::older(family, ms(100)).of(family.group(9))
            }),
        }
        let said = l.older_in(secs(20));
        assert!(said.len() <= 1, "{said:?}");
    }
}

/// RFC 3376 §7.2.1, RFC 2236 §4: reports of version 1, no Leave, a response time of zero is ten
/// seconds, and version 2 follows it if that was heard meanwhile.
#[test]
fn defect_043_querier_of_igmp_version_1_is_told_in_version_1() {
    let family = Family::Igmp;
    let l = listener(family);
    let socket = l.a.host.udp("[::]:7000");
    let (id, group) = (l.interface(), family.group(1));
    let first = Query {
        version: 1,
        alert: false,
        ..Query::general(family, secs(0))
    };
    l.ask(&first);
    l.a.net.run_for(secs(11));
    socket.join(group, id).unwrap();
    let said = Said::Report(1, group);
    assert_eq!(l.older_in(secs(11)), [said.clone(), said.clone()]);
    let mut delays = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let start = l.a.net.now();
        l.ask(&first);
        l.a.net.run_for(secs(10) + ms(1));
        let heard = l.heard_timed();
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].1, said);
        delays.insert(heard[0].0.since(start).as_secs());
    }
    assert!(delays.len() > 5, "{delays:?}");
    // Version 2 is heard, and version 1 still counts.
    l.a.net.run_for(secs(200));
    l.heard();
    l.ask(&Query::older(family, secs(1)));
    assert_eq!(l.older_in(secs(2)), [said]);
    socket.leave(group, id).unwrap();
    assert_eq!(l.older_in(secs(20)), [], "groups are left in silence");
    l.a.net.run_for(secs(50));
    socket.join(group, id).unwrap();
    assert_eq!(l.older_in(secs(1))[..1], [Said::Report(2, group)]);
    l.a.net.run_for(secs(200));
    l.heard();
    socket.leave(group, id).unwrap();
    assert_eq!(l.records_in(secs(3)).len(), 2);
}

/// "IGMPv2 Querier Present is set [...] whenever an IGMPv2 General Query is received" (RFC 3376
/// §7.2.1): of a query for one group it is not.
#[test]
fn query_of_igmp_version_2_for_one_group_changes_no_version() {
    let family = Family::Igmp;
    let l = listener(family);
    let socket = l.a.host.udp("[::]:7000");
    let group = family.group(1);
    socket.join(group, l.interface()).unwrap();
    l.records_in(secs(3));
    l.ask(&Query::older(family, secs(1)).of(group));
    assert_eq!(l.records_in(secs(2)), [record(IS_EX, group, vec![])]);
}

/// RFC 3590 §4, RFC 3810 §5.2.13: without a link-local address reports come from ::, and all groups
/// are reported again once there is one.
#[test]
fn reports_come_from_nowhere_until_there_is_a_link_local_address() {
    let family = Family::Mld;
    let l = listener(family);
    let (id, group) = (l.interface(), family.group(1));
    let link_local = l.a.host.link_local(l.a.link);
    assert!(l.a.stack().remove_address(id, link_local.into()));
    l.records_in(secs(3));
    let socket = l.a.host.udp("[::]:7000");
    socket.join(group, id).unwrap();
    l.a.net.run_for(secs(3));
    let sources = |l: &Listener| -> Vec<_> {
        let frames = l.a.peer.take();
        let said = frames.iter().filter_map(|frame| said(&read(frame)));
        let said = said.filter(|(_, _, said)| match said {
            Said::Records(records) => records.contains(&record(TO_EX, group, vec![])),
            _ => false,
        });
        said.map(|(_, source, _)| source.to_string()).collect()
    };
    assert_eq!(sources(&l), ["::", "::"]);
    l.a.host.add(l.a.link, "fe80::1:2/64");
    l.a.net.run_for(secs(3));
    assert_eq!(sources(&l), ["fe80::1:2", "fe80::1:2"]);
}

/// RFC 3376 §4.2.13.
#[test]
fn igmp_reports_come_from_nowhere_without_an_address() {
    let l = listener(Family::Igmp);
    let address = crate::alone::HOST4.into();
    assert!(l.a.stack().remove_address(l.interface(), address));
    let socket = l.a.host.udp("[::]:7000");
    let group = Family::Igmp.group(1);
    socket.join(group, l.interface()).unwrap();
    l.a.net.run_for(ms(1));
    let (_, source, said) = said(&read(&l.a.peer.take()[0])).unwrap();
    assert_eq!(source.to_string(), "0.0.0.0");
    assert_eq!(said, Said::Records(vec![record(TO_EX, group, vec![])]));
}
