//! Groups and sources that are joined and left: RFC 3376 §5.1, RFC 3810 §6.1.

use zonda::iface::{EventKind, FilterMode};

use super::talk::*;
use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// More than what is said again after a change takes.
const REPEATS: zonda::time::Duration = secs(3);

/// "[Robustness Variable] - 1 retransmissions are scheduled [...] at intervals chosen at random
/// from the range (0, [Unsolicited Report Interval])".
#[test]
fn defect_042_join_and_leave_are_said_at_once_and_once_more_within_a_second() {
    for family in FAMILIES {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        let group = family.group(1);
        for kind in [TO_EX, TO_IN] {
            let start = l.a.net.now();
            match kind {
                TO_EX => socket.join(group, l.interface()).unwrap(),
                _ => socket.leave(group, l.interface()).unwrap(),
            }
            l.a.net.run_for(REPEATS);
            let heard = l.heard_timed();
            let said = Said::Records(vec![record(kind, group, vec![])]);
            assert_eq!(heard.len(), 2, "{family:?}: {heard:?}");
            assert!(heard.iter().all(|(_, heard)| *heard == said));
            assert_eq!(heard[0].0.since(start), us(10), "at once");
            let later = heard[1].0.since(heard[0].0);
            assert!(later > us(0) && later <= secs(1), "{later:?}");
        }
    }
}

#[test]
fn repetitions_come_at_random_times() {
    for family in FAMILIES {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        let mut delays = std::collections::BTreeSet::new();
        for _ in 0..20 {
            socket.join(family.group(1), l.interface()).unwrap();
            l.a.net.run_for(REPEATS);
            let heard = l.heard_timed();
            delays.insert(heard[1].0.since(heard[0].0).as_millis() / 100);
            socket.leave(family.group(1), l.interface()).unwrap();
            l.a.net.run_for(REPEATS);
            l.heard();
        }
        assert!(delays.len() > 5, "{delays:?}");
    }
}

/// The parser of the tests wants the envelope to be right; here is what is on the wire, octet by
/// octet (RFC 3376 §4, RFC 3810 §5).
#[test]
fn defect_044_reports_carry_router_alert_and_do_not_leave_the_link() {
    let l = listener(Family::Igmp);
    let socket = l.a.host.udp("[::]:7000");
    socket.join(Family::Igmp.group(1), l.interface()).unwrap();
    l.a.net.run_for(ms(1));
    let frame = &l.a.peer.take()[0];
    let message = [0x22, 0, 0xe8, 0xfb, 0, 0, 0, 1, 4, 0, 0, 0, 239, 1, 2, 1];
    assert_eq!(frame[..6], [1, 0, 0x5e, 0, 0, 22]);
    let header = Ip4 {
        ttl: 1,
        tos: 0xc0,
        fragment: 0x4000,
        options: vec![148, 4, 0, 0],
        ..Ip4::new(HOST4, [224, 0, 0, 22].into(), 2)
    };
    assert_eq!(frame[14..], header.with(&message));

    let l = listener(Family::Mld);
    let socket = l.a.host.udp("[::]:7000");
    socket.join(Family::Mld.group(1), l.interface()).unwrap();
    l.a.net.run_for(ms(1));
    let frame = &l.a.peer.take()[0];
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 0x16]);
    assert_eq!(frame[14..22], [0x60, 0, 0, 0, 0, 36, 0, 1]);
    assert_eq!(frame[22..38], l.a.host.link_local(l.a.link).octets());
    assert_eq!(frame[54..62], [58, 0, 5, 2, 0, 0, 1, 0]);
    assert_eq!(
        (frame[62], &frame[66..74]),
        (143, &[0, 0, 0, 1, 4, 0, 0, 0][..])
    );
}

#[test]
fn what_several_sockets_want_is_merged() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let sockets = [7000, 7001, 7002].map(|port| l.a.host.udp(&format!("[::]:{port}")));
        let list =
            |numbers: &[u8]| -> Vec<_> { numbers.iter().map(|n| family.source(*n)).collect() };
        let set = |n: usize, mode, numbers: &[u8]| {
            sockets[n]
                .set_source_filter(group, id, mode, &list(numbers))
                .unwrap();
            let mut all = l.records_in(REPEATS);
            // Each of them is said twice.
            let second = all.split_off(all.len() / 2);
            assert_eq!(all, second, "{family:?}");
            all
        };
        // The examples of RFC 3376 §3.2 and RFC 3810 §4.2.
        use FilterMode::{Exclude, Include};
        let all = set(0, Include, &[1, 2, 3]);
        assert_eq!(all, [record(ALLOW, group, list(&[1, 2, 3]))]);
        let all = set(1, Include, &[2, 3, 4]);
        assert_eq!(all, [record(ALLOW, group, list(&[4]))]);
        let all = set(2, Include, &[5, 6]);
        assert_eq!(all, [record(ALLOW, group, list(&[5, 6]))]);
        let all = set(2, Include, &[4, 5, 6]);
        assert_eq!(all, []);
        let all = set(0, Exclude, &[1, 2, 3, 4]);
        assert_eq!(all, [record(TO_EX, group, list(&[1]))]);
        let all = set(1, Exclude, &[2, 3, 4, 5]);
        assert_eq!(
            all,
            [
                record(ALLOW, group, list(&[1])),
                record(BLOCK, group, list(&[2, 3])),
            ]
        );
        let all = set(2, Exclude, &[]);
        assert_eq!(all, [record(ALLOW, group, list(&[2, 3]))]);
        sockets[2].leave(group, id).unwrap();
        assert_eq!(
            l.records_in(REPEATS)[0],
            record(BLOCK, group, list(&[2, 3, 4]))
        );
        let all = set(0, Include, &[6]);
        assert_eq!(all, [record(BLOCK, group, list(&[5]))]);
        let all = set(1, Include, &[1]);
        assert_eq!(all, [record(TO_IN, group, list(&[1, 6]))]);
        sockets[0].leave(group, id).unwrap();
        assert_eq!(l.records_in(REPEATS)[0], record(BLOCK, group, list(&[6])));
        sockets[1]
            .leave_source(group, family.source(1), id)
            .unwrap();
        assert_eq!(l.records_in(REPEATS)[0], record(BLOCK, group, list(&[1])));
        l.ask(&Query::general(family, secs(1)));
        assert_eq!(l.records_in(REPEATS), []);
    }
}

/// "each instance of state change is transmitted at least [Robustness Variable] times".
#[test]
fn change_of_sources_is_merged_with_what_is_still_to_be_said() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let socket = l.a.host.udp("[::]:7000");
        socket.join(group, id).unwrap();
        l.records_in(REPEATS);
        socket.block_source(group, family.source(1), id).unwrap();
        socket.block_source(group, family.source(2), id).unwrap();
        let said = l.records_in(REPEATS);
        assert_eq!(
            said,
            [
                record(BLOCK, group, family.sources([1])),
                record(BLOCK, group, family.sources([1, 2])),
                // The first has been said twice.
                record(BLOCK, group, family.sources([2])),
            ]
        );
        // A change that is taken back is said the other way round.
        socket.block_source(group, family.source(3), id).unwrap();
        socket.unblock_source(group, family.source(3), id).unwrap();
        let said = l.records_in(REPEATS);
        assert_eq!(
            said,
            [
                record(BLOCK, group, family.sources([3])),
                record(ALLOW, group, family.sources([3])),
                record(ALLOW, group, family.sources([3])),
            ]
        );
    }
}

/// "the next [Robustness Variable] State Change Reports will include a Filter Mode Change Record.
/// This applies even if any number of source list changes occur in that period."
#[test]
fn change_of_mode_is_said_with_the_sources_as_they_are_then() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let socket = l.a.host.udp("[::]:7000");
        socket.join(group, id).unwrap();
        socket.block_source(group, family.source(1), id).unwrap();
        let said = l.records_in(REPEATS);
        assert_eq!(
            said,
            [
                record(TO_EX, group, vec![]),
                record(TO_EX, group, family.sources([1])),
                record(BLOCK, group, family.sources([1])),
                record(BLOCK, group, family.sources([1])),
            ]
        );
        // Left and joined before it was said twice: only what is now.
        socket.leave(group, id).unwrap();
        socket.join(group, id).unwrap();
        let said = l.records_in(REPEATS);
        assert_eq!(
            said,
            [
                record(TO_IN, group, vec![]),
                record(TO_EX, group, vec![]),
                record(TO_EX, group, vec![]),
            ]
        );
    }
}

#[test]
fn group_that_others_here_still_want_is_not_left() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let (one, other) = (l.a.host.udp("[::]:7000"), l.a.host.udp("[::]:7001"));
        one.join(group, id).unwrap();
        other.join(group, id).unwrap();
        l.a.stack().join_group(id, group).unwrap();
        l.records_in(REPEATS);
        one.leave(group, id).unwrap();
        drop(other);
        assert_eq!(l.records_in(REPEATS), []);
        l.a.stack().leave_group(id, group).unwrap();
        assert_eq!(l.records_in(REPEATS).len(), 2);
    }
}

/// RFC 3376 §5: "No IGMP messages are ever sent regarding the all-systems multicast address"; RFC
/// 3810 §6: nor of all nodes, nor of scope 0 and 1.
#[test]
fn groups_of_everybody_and_of_the_node_are_never_reported() {
    for (family, groups) in [
        (Family::Igmp, &["224.0.0.1"][..]),
        (
            Family::Mld,
            &["ff02::1", "ff01::1", "ff01::5", "ff00::5", "ff11::5"],
        ),
    ] {
        let l = listener(family);
        let socket = l.a.host.udp("[::]:7000");
        for group in groups {
            let group = group.parse().unwrap();
            socket.join(group, l.interface()).unwrap();
            l.a.net.run_for(REPEATS);
            assert_eq!(l.heard(), [], "{group}");
            l.ask(&Query::general(family, secs(1)).of(group));
            l.a.net.run_for(REPEATS);
            assert_eq!(l.heard(), [], "{group}");
        }
        l.ask(&Query::general(family, secs(1)));
        l.a.net.run_for(REPEATS);
        for said in l.heard() {
            let Said::Records(records) = said else {
                panic!()
            };
            assert!(
                records
                    .iter()
                    .all(|record| !groups.contains(&&*record.group.to_string()))
            );
        }
    }
}

/// The solicited-node groups are groups as others are (RFC 4862 §5.4.2).
#[test]
fn groups_of_addresses_are_reported_and_left() {
    let l = listener(Family::Mld);
    l.a.host.add(l.a.link, "fd00::77:1234/64");
    let group = solicited_node("fd00::77:1234".parse().unwrap()).into();
    l.a.net.run_for(REPEATS);
    let said = Said::Records(vec![record(TO_EX, group, vec![])]);
    assert!(l.heard().contains(&said));
    let address = "fd00::77:1234".parse().unwrap();
    assert!(l.a.stack().remove_address(l.interface(), address));
    l.a.net.run_for(REPEATS);
    let said = Said::Records(vec![record(TO_IN, group, vec![])]);
    assert!(l.heard().contains(&said));
}

#[test]
fn link_that_comes_up_again_is_told_all_groups_anew() {
    for family in FAMILIES {
        let l = listener(family);
        let (id, group) = (l.interface(), family.group(1));
        let socket = l.a.host.udp("[::]:7000");
        socket.join(group, id).unwrap();
        socket
            .join_source(family.group(2), family.source(1), id)
            .unwrap();
        l.records_in(REPEATS);
        l.a.link.down();
        l.a.net.run_for(secs(1));
        // What happens meanwhile is told then.
        socket.join(family.group(3), id).unwrap();
        socket.leave(group, id).unwrap();
        assert_eq!(l.records_in(secs(10)), []);
        l.a.link.up();
        let mut said = l.records_in(REPEATS);
        said.sort();
        let expected = [
            record(TO_EX, family.group(3), vec![]),
            record(ALLOW, family.group(2), family.sources([1])),
        ];
        assert_eq!(
            said,
            [
                &expected[..1],
                &expected[..1],
                &expected[1..],
                &expected[1..]
            ]
            .concat()
        );
    }
}

#[test]
fn group_that_was_left_gives_its_place_to_another() {
    for family in FAMILIES {
        let l = listener(family);
        let id = l.interface();
        let socket = l.a.host.udp("[::]:7000");
        for round in 0..50 {
            let group = family.group(round);
            socket.join(group, id).unwrap();
            socket.leave(group, id).unwrap();
        }
        let mut joined = 0;
        while socket.join(family.group(joined), id).is_ok() {
            joined += 1;
        }
        assert!(usize::from(joined) >= zonda::config::GROUPS - 3, "{joined}");
        l.a.net.run_for(REPEATS);
        l.heard();
    }
}

#[test]
fn joining_and_leaving_are_events() {
    let l = listener(Family::Igmp);
    let mut events = l.a.stack().events();
    let (id, group) = (l.interface(), Family::Igmp.group(1));
    let (one, other) = (l.a.host.udp("[::]:7000"), l.a.host.udp("[::]:7001"));
    one.join(group, id).unwrap();
    other.join(group, id).unwrap();
    one.leave(group, id).unwrap();
    drop(other);
    let mut next = || events.try_next().map(|event| event.unwrap().kind);
    assert_eq!(next(), Some(EventKind::GroupJoined(group)));
    assert_eq!(next(), Some(EventKind::GroupLeft(group)));
    assert_eq!(next(), None);
}

/// A report for which there is no buffer is sent when there is one.
#[test]
fn report_without_a_buffer_is_sent_later() {
    for family in FAMILIES {
        let l = listener(family);
        let pool = l.a.host.pool();
        let held: Vec<_> =
            std::iter::from_fn(|| pool.alloc(zonda::netbuf::Purpose::Control, 0).ok()).collect();
        let socket = l.a.host.udp("[::]:7000");
        socket.join(family.group(1), l.interface()).unwrap();
        assert_eq!(l.records_in(REPEATS), []);
        drop(held);
        assert_eq!(l.records_in(REPEATS).len(), 2);
    }
}
