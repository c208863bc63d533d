//! Queries and their answers: RFC 3376 §5.2, RFC 3810 §6.2 and §6.3.

use zonda::iface::{FilterMode, ReceiveDrop};
use zonda::time::Duration;

use super::talk::*;
use crate::frame::*;
use crate::network::*;

/// A listener of groups 1 (all sources), 2 (sources 1 and 2 only) and 3 (all but source 3).
fn member(family: Family) -> (Listener, zonda::socket::UdpSocket<'static>) {
    let l = listener(family);
    let id = l.interface();
    let socket = l.a.host.udp("[::]:7000");
    socket.join(family.group(1), id).unwrap();
    for (group, mode, sources) in [
        (2, FilterMode::Include, family.sources([1, 2])),
        (3, FilterMode::Exclude, family.sources([3])),
    ] {
        socket
            .set_source_filter(family.group(group), id, mode, &sources)
            .unwrap();
    }
    l.records_in(secs(3));
    (l, socket)
}

/// What a General Query is answered with.
fn all(family: Family) -> [Record; 3] {
    [
        record(IS_EX, family.group(1), vec![]),
        record(IS_IN, family.group(2), family.sources([1, 2])),
        record(IS_EX, family.group(3), family.sources([3])),
    ]
}

#[test]
fn general_query_is_answered_with_all_groups_in_one_report_within_its_time() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let mut delays = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let start = l.a.net.now();
            l.ask(&Query::general(family, secs(10)));
            l.a.net.run_for(secs(11));
            let heard = l.heard_timed();
            let [(at, Said::Records(records))] = &heard[..] else {
                panic!("{heard:?}")
            };
            for record in all(family) {
                assert!(records.contains(&record), "{records:?}");
            }
            let delay = at.since(start);
            assert!(delay >= us(20) && delay <= secs(10) + us(20), "{delay:?}");
            delays.insert(delay.as_secs());
        }
        assert!(delays.len() > 5, "at random: {delays:?}");
    }
}

#[test]
fn query_for_a_group_is_answered_for_it_alone() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        for (n, answer) in [1, 2, 3].into_iter().zip(all(family)) {
            l.ask(&Query::general(family, secs(1)).of(family.group(n)));
            assert_eq!(l.records_in(secs(2)), [answer]);
        }
        // Of others there is nothing to say.
        let frame = Query::general(family, secs(1)).of(family.group(4));
        let frame = Query {
            to: Some(family.group(1)),
            ..frame
        };
        l.ask(&frame);
        assert_eq!(l.records_in(secs(2)), []);
    }
}

/// The table of RFC 3376 §5.2 and RFC 3810 §6.3, rule 3.
#[test]
fn query_for_sources_is_answered_with_those_that_are_wanted() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let ask = |group, sources: &[u8]| {
            let sources = sources.iter().map(|n| family.source(*n)).collect();
            l.ask(
                &Query::general(family, secs(1))
                    .of(family.group(group))
                    .sources(sources),
            );
            l.records_in(secs(2))
        };
        let is_in = |group, sources: Vec<_>| vec![record(IS_IN, family.group(group), sources)];
        // INCLUDE (A): A*B.
        assert_eq!(ask(2, &[2, 3, 4]), is_in(2, family.sources([2])));
        assert_eq!(ask(2, &[3, 4]), []);
        // EXCLUDE (A): B-A.
        assert_eq!(ask(3, &[2, 3, 4]), is_in(3, family.sources([2, 4])));
        assert_eq!(ask(3, &[3]), []);
        assert_eq!(ask(1, &[9]), is_in(1, family.sources([9])));
    }
}

/// Rule 1: what is going to be said of all groups anyway is not said twice.
#[test]
fn sooner_answer_to_a_general_query_serves_for_others() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let mut once = 0;
        for _ in 0..10 {
            l.ask(&Query::general(family, ms(100)));
            l.a.net.run_for(us(20));
            // Each of these delays is most likely longer.
            for _ in 0..3 {
                l.ask(&Query::general(family, secs(12)).of(family.group(1)));
                l.ask(&Query::general(family, secs(12)));
            }
            once += usize::from(l.records_in(secs(13)).len() == 3);
        }
        assert!(once > 7, "{once}");
    }
}

/// Rule 2: a General Query that wants its answer sooner gets it.
#[test]
fn later_answer_to_a_general_query_gives_way_to_a_sooner_one() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        l.ask(&Query::general(family, secs(12)));
        l.a.net.run_for(us(20));
        l.ask(&Query::general(family, ms(100)));
        let start = l.a.net.now();
        l.a.net.run_for(secs(13));
        let heard = l.heard_timed();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].0.since(start) < ms(101));
    }
}

/// There is a timer for the interface and one for each group.
#[test]
fn defect_045_query_for_a_group_does_not_cancel_the_answer_to_a_general_one() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let mut both = 0;
        for _ in 0..10 {
            l.ask(&Query::general(family, secs(12)));
            l.a.net.run_for(us(20));
            l.ask(&Query::general(family, ms(100)).of(family.group(2)));
            l.ask(&Query::general(family, ms(100)).of(family.group(3)));
            let said = l.records_in(secs(13));
            let count = |wanted: &Record| said.iter().filter(|said| *said == wanted).count();
            let [first, second, third] = all(family);
            assert_eq!(count(&first), 1, "{said:?}");
            assert!(count(&second) >= 1 && count(&third) >= 1, "{said:?}");
            both += usize::from(count(&second) == 2 && count(&third) == 2);
        }
        assert!(both > 5);
    }
}

/// Rule 4: once all of a group is to be said, its sources need not be.
#[test]
fn query_for_all_of_a_group_widens_one_for_its_sources() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let wide = Query::general(family, secs(1)).of(family.group(2));
        let narrow = wide.clone().sources(family.sources([1]));
        for queries in [[&wide, &narrow], [&narrow, &wide]] {
            for query in queries {
                l.ask(query);
            }
            assert_eq!(l.records_in(secs(2)), [all(family)[1].clone()]);
        }
    }
}

/// Rule 5: sources are collected, and the answer comes when the first of them is due.
#[test]
fn queries_for_sources_are_answered_together() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let start = l.a.net.now();
        for (source, span) in [(1, secs(12)), (2, ms(100)), (5, secs(12))] {
            let query = Query::general(family, span).of(family.group(3));
            l.ask(&query.sources(vec![family.source(source)]));
            l.a.net.run_for(us(20));
        }
        l.a.net.run_for(secs(13));
        let heard = l.heard_timed();
        assert_eq!(heard.len(), 1);
        let answer = record(IS_IN, family.group(3), family.sources([1, 2, 5]));
        assert_eq!(heard[0].1, Said::Records(vec![answer]));
        assert!(heard[0].0.since(start) <= ms(101));
    }
}

/// RFC 3376 §9.1: a host need not remember more sources than it has room for; it says all of the
/// group then.
#[test]
fn more_sources_than_there_is_room_for_are_answered_with_the_whole_group() {
    for family in FAMILIES {
        let (l, socket) = member(family);
        let many: Vec<_> = (100..150).map(|n| family.source(n)).collect();
        l.ask(
            &Query::general(family, secs(1))
                .of(family.group(1))
                .sources(many),
        );
        assert_eq!(l.records_in(secs(2)), [all(family)[0].clone()]);
        // What was remembered for a query gives way to what a socket wants.
        let few: Vec<_> = (100..102).map(|n| family.source(n)).collect();
        l.ask(
            &Query::general(family, secs(12))
                .of(family.group(1))
                .sources(few),
        );
        l.a.net.run_for(us(20));
        let left = zonda::config::GROUP_SOURCES as u8 - 3;
        for n in 0..left {
            socket
                .block_source(family.group(3), family.source(10 + n), l.interface())
                .unwrap();
        }
        let said = l.records_in(secs(13));
        assert!(said.contains(&all(family)[0]), "{said:?}");
    }
}

/// "the Host Compatibility Mode", checksums and the rest are right in [`Query`]; each fault alone
/// has a query dropped: RFC 3810 §6.2 and §5.1.14; RFC 3376 §4.1.2, §7.1, §9.1.
#[test]
fn query_that_is_not_of_this_link_or_malformed_is_dropped() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let good = Query::general(family, ms(100));
        let specific = good
            .clone()
            .of(family.group(1))
            .sources(family.sources([9]));
        let mut bad = vec![
            Query {
                hop_limit: 2,
                ..good.clone()
            },
            Query {
                hop_limit: 255,
                ..specific.clone()
            },
            Query {
                alert: false,
                ..good.clone()
            },
            Query {
                alert: false,
                ..specific.clone()
            },
            Query {
                extra: -1,
                ..specific.clone()
            },
            Query {
                extra: -2,
                ..good.clone()
            },
            Query {
                extra: 2,
                ..Query::older(family, ms(100))
            },
        ];
        match family {
            Family::Igmp => {
                bad.push(Query {
                    to: Some(family.group(1)),
                    ..good.clone()
                });
                bad.push(good.clone().of("10.1.2.3".parse().unwrap()));
                bad.last_mut().unwrap().to = Some("224.0.0.1".parse().unwrap());
            }
            Family::Mld => {
                bad.push(Query {
                    from: crate::alone::PEER6.into(),
                    ..good.clone()
                });
                bad.push(Query {
                    from: "::".parse().unwrap(),
                    ..good.clone()
                });
                bad.push(good.clone().of("fd00::3".parse().unwrap()));
                bad.last_mut().unwrap().to = Some("ff02::1".parse().unwrap());
            }
        }
        for query in bad {
            let drops = || {
                l.a.host
                    .counters(l.a.link)
                    .receive_drops(ReceiveDrop::Membership)
            };
            let before = drops();
            l.ask(&query);
            assert_eq!(l.records_in(secs(1)), [], "{query:?}");
            assert_eq!(drops(), before + 1, "{query:?}");
        }
        let mut frame = good.frame(&l.a);
        *frame.last_mut().unwrap() ^= 1;
        l.a.peer.send(frame);
        assert_eq!(l.records_in(secs(1)), []);
        l.ask(&good);
        assert_eq!(l.records_in(secs(1)).len(), 3);
    }
}

/// "a node MUST accept and process any Query whose IP Destination Address field contains any of
/// the addresses (unicast or multicast) assigned to the interface" (RFC 3810 §5.1.15, RFC 3376
/// §4.1.12); octets behind it are ignored (§4.1.10, §5.1.12).
#[test]
fn query_to_an_address_of_the_host_and_longer_than_it_should_be_is_answered() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let own = match family {
            Family::Igmp => crate::alone::HOST4.into(),
            Family::Mld => crate::alone::HOST6.into(),
        };
        let query = Query {
            to: Some(own),
            extra: 7,
            ..Query::general(family, ms(100))
        };
        l.ask(&query);
        assert_eq!(l.records_in(secs(1)).len(), 3);
        l.ask(&query.of(family.group(1)));
        assert_eq!(l.records_in(secs(1)).len(), 1);
    }
}

/// RFC 3376 §4.1.6, RFC 3810 §5.1.8: the querier's Robustness Variable is taken over, zero stands
/// for the default.
#[test]
fn robustness_is_the_queriers() {
    for family in FAMILIES {
        let (l, socket) = member(family);
        for (robustness, times) in [(5, 5), (1, 1), (0, 2)] {
            l.ask(&Query {
                robustness,
                ..Query::general(family, ms(100))
            });
            l.records_in(secs(1));
            socket.join(family.group(4), l.interface()).unwrap();
            assert_eq!(l.records_in(secs(10)).len(), times);
            socket.leave(family.group(4), l.interface()).unwrap();
            assert_eq!(l.records_in(secs(10)).len(), times);
        }
    }
}

/// RFC 3376 §4.2.16. The tables of the default sizes fit into a report of MLD, whose links carry 1280
/// octets.
#[test]
fn records_that_do_not_fit_are_spread_over_reports() {
    let family = Family::Igmp;
    let (l, socket) = member(family);
    let id = l.interface();
    let most = zonda::config::GROUP_SOURCES as u8 - 3;
    let many: Vec<_> = (10..10 + most).map(|n| family.source(n)).collect();
    // Room for a record of three sources.
    l.a.host.change(l.a.link, |capabilities| {
        capabilities.mtu = 24 + 8 + 8 + 3 * 4
    });
    let group = family.group(5);
    socket
        .set_source_filter(group, id, FilterMode::Include, &many)
        .unwrap();
    let said = l.records_in(us(30));
    let parts = [&many[..3], &many[3..]];
    assert_eq!(said, parts.map(|part| record(ALLOW, group, part.to_vec())));
    l.records_in(secs(3));
    l.ask(&Query::general(family, ms(100)));
    l.a.net.run_for(secs(1));
    let mut said = Vec::new();
    for heard in l.heard() {
        let Said::Records(records) = heard else {
            panic!("{heard:?}")
        };
        let words = records.iter().map(|record| 2 + record.sources.len());
        assert!(words.sum::<usize>() <= 5, "{records:?} is too long");
        said.extend(records);
    }
    for record in all(family) {
        assert!(said.contains(&record));
    }
    let of_five = said.iter().filter(|said| said.group == group);
    assert_eq!(of_five.count(), 2);
    // Of those that are excluded as many as fit, and always the same.
    socket
        .set_source_filter(group, id, FilterMode::Exclude, &many)
        .unwrap();
    let cut = record(TO_EX, group, many[..3].to_vec());
    assert_eq!(l.records_in(secs(3)), [cut.clone(), cut]);
}

/// However many queries come, answers are bounded (RFC 3376 §9.1).
#[test]
fn flood_of_queries_is_answered_ten_times_a_second_at_most() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        let start = l.a.net.now();
        let general = Query::general(family, Duration::ZERO);
        let query = general.clone().of(family.group(2));
        while l.a.net.now().since(start) < secs(1) {
            l.ask(&general);
            l.ask(&query);
            l.a.net.run_for(us(200));
        }
        let answers = l.heard().len();
        assert!((5..=22).contains(&answers), "{answers} to 10,000 queries");
        l.a.net.run_for(secs(1));
        l.a.serves();
    }
}

/// RFC 2710 §4: "If the Query packet specifies a Maximum Response Delay of zero [...] the action is
/// performed immediately."
#[test]
fn query_that_leaves_no_time_is_answered_at_once() {
    for family in FAMILIES {
        let (l, _socket) = member(family);
        l.ask(&Query::general(family, Duration::ZERO).of(family.group(1)));
        assert_eq!(l.records_in(us(30)).len(), 1);
    }
}

/// What is not of IGMP or MLD for listeners is ignored, and counted.
#[test]
fn messages_between_routers_and_reports_of_the_newest_version_are_ignored() {
    let (l, _socket) = member(Family::Igmp);
    for kind in [0x22, 0x13, 0x24] {
        let body = join(&[&[kind, 0, 0, 0], &[0; 4]]);
        let to = "224.0.0.1".parse().unwrap();
        let frame = igmp(&l.a, crate::alone::PEER4.into(), to, 1, true, body);
        l.a.refuses(frame, ReceiveDrop::IcmpUnused);
    }
    let (l, _socket) = member(Family::Mld);
    for kind in [132, 143] {
        let between = (QUERIER6.into(), ALL_NODES.into());
        let frame = mld(&l.a, between, kind, 1, true, &[0; 20]);
        l.a.refuses(frame, ReceiveDrop::IcmpUnused);
    }
}
