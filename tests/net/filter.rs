//! The packet filter: what its rules let in, out, and to this host.

use zonda::iface::route::Prefix;
use zonda::iface::{
    FilterAction, FilterError, FilterList, FilterMatch, FilterPolicy, FilterRule, FilterTest,
    ReceiveDrop, SendDrop,
};
use zonda::wire::IpAddress;

use crate::alone::*;
use crate::frame::*;

use FilterAction::{Accept, Count, Drop, Reject};
use FilterList::{Local, Receive, Send};
use FilterMatch::{Is, Not};

fn all(action: FilterAction, matches: &[FilterMatch]) -> FilterRule {
    FilterRule::all(action, matches).unwrap()
}

fn to_port(port: u16) -> FilterTest {
    FilterTest::DestinationPort {
        first: port,
        last: port,
    }
}

fn prefix(text: &str, length: u8) -> Prefix {
    let address: std::net::IpAddr = text.parse().unwrap();
    Prefix::new(IpAddress::try_from(address).unwrap(), length).unwrap()
}

/// Asks for an echo with each version; says which are answered.
fn echoes(a: &Alone) -> [bool; 2] {
    PAIRS.map(|(host, peer)| {
        let request = a.to_host(&echo(peer, host, false, 7, 1, b"through the filter?"));
        !a.ask(request).is_empty()
    })
}

#[test]
fn first_rule_that_decides_does_and_the_policy_else() {
    let a = acquainted();
    let stack = a.stack();
    assert_eq!(echoes(&a), [true, true]);
    stack.set_filter_policy(Local, FilterPolicy::Drop);
    assert_eq!(echoes(&a), [false, false]);
    let v4 = all(Accept, &[Is(FilterTest::Protocol(1))]);
    stack.append_filter_rule(Local, &v4).unwrap();
    assert_eq!(echoes(&a), [true, false]);
    stack.insert_filter_rule(Local, 0, &all(Drop, &[])).unwrap();
    assert_eq!(echoes(&a), [false, false]);
    stack.remove_filter_rule(Local, 0).unwrap();
    assert_eq!(stack.filter_rule(Local, 0).unwrap().0, v4);
    assert_eq!(echoes(&a), [true, false]);
    stack
        .replace_filter(Local, &[], FilterPolicy::Accept)
        .unwrap();
    assert_eq!(echoes(&a), [true, true]);
}

#[test]
fn what_is_filtered_is_counted_once_and_by_the_rule() {
    let a = acquainted();
    let stack = a.stack();
    let (count, drop) = (all(Count, &[]), all(Drop, &[Is(FilterTest::IcmpType(8))]));
    stack
        .replace_filter(Receive, &[count, drop], FilterPolicy::Accept)
        .unwrap();
    let (host, peer) = PAIRS[0];
    a.refuses(
        a.to_host(&echo(peer, host, false, 7, 1, b"?")),
        ReceiveDrop::Filter,
    );
    for position in [0, 1] {
        let (_, count) = stack.filter_rule(Receive, position).unwrap();
        assert_eq!((count.packets, count.octets), (1, 20 + 8 + 1));
    }
    assert!(stack.filter_rule(Receive, 2).is_none());
    a.host.check_counters();
}

#[test]
fn each_test_tells_what_it_looks_for_from_the_rest() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let mac = |address: Mac| (address, [0xff; 6]);
    let (link_source, mask) = mac(a.peer.mac());
    let (link_destination, _) = mac(a.mac());
    let other = [2, 9, 9, 9, 9, 9];
    // Of a UDP datagram from port 9 to port 7000, over IPv4.
    let so = [
        FilterTest::Interface(id),
        FilterTest::Length {
            least: 32,
            most: 32,
        },
        FilterTest::EtherType(IPV4),
        FilterTest::LinkSource {
            address: link_source,
            mask,
        },
        FilterTest::LinkDestination {
            address: link_destination,
            mask,
        },
        FilterTest::LinkDestination {
            address: other,
            mask: [0xfe, 0, 0, 0, 0, 0],
        },
        FilterTest::Source(prefix("10.0.0.9", 32)),
        FilterTest::Destination(prefix("10.0.0.0", 24)),
        FilterTest::Protocol(UDP),
        FilterTest::SourcePort { first: 5, last: 9 },
        FilterTest::DestinationPort {
            first: 7000,
            last: 7010,
        },
    ];
    let not_so = [
        FilterTest::Interface(id + 1),
        FilterTest::Length {
            least: 33,
            most: 100,
        },
        FilterTest::EtherType(IPV6),
        FilterTest::LinkSource {
            address: other,
            mask,
        },
        FilterTest::LinkDestination {
            address: other,
            mask,
        },
        FilterTest::Source(prefix("10.0.0.8", 32)),
        FilterTest::Source(prefix("fd00::", 8)),
        FilterTest::Destination(prefix("10.0.1.0", 24)),
        FilterTest::Protocol(6),
        FilterTest::SourcePort {
            first: 10,
            last: 20,
        },
        FilterTest::DestinationPort {
            first: 1,
            last: 6999,
        },
        FilterTest::IcmpType(0),
        FilterTest::TcpFlags { mask: 0, value: 0 },
        FilterTest::LaterFragment,
    ];
    let server = a.host.udp("0.0.0.0:7000");
    let passes = |one: FilterMatch| {
        let rule = all(Drop, &[one]);
        a.stack()
            .replace_filter(Receive, &[rule], FilterPolicy::Accept)
            .unwrap();
        a.ask(a.datagram(0, (9, 7000), b"data"));
        server.try_recv().is_some()
    };
    for test in so {
        assert!(!passes(Is(test)) && passes(Not(test)), "{test:?}");
    }
    for test in not_so {
        assert!(passes(Is(test)) && !passes(Not(test)), "{test:?}");
    }
}

#[test]
fn rule_wants_all_of_its_tests_or_any() {
    let a = acquainted();
    let tests = [Is(FilterTest::Protocol(1)), Is(FilterTest::Protocol(58))];
    let policy = FilterPolicy::Accept;
    a.stack()
        .replace_filter(Local, &[all(Drop, &tests)], policy)
        .unwrap();
    assert_eq!(echoes(&a), [true, true]);
    let any = FilterRule::any(Drop, &tests).unwrap();
    a.stack().replace_filter(Local, &[any], policy).unwrap();
    assert_eq!(echoes(&a), [false, false]);
}

#[test]
fn rejected_packets_are_reported_as_forbidden() {
    let a = acquainted();
    let rule = all(Reject, &[Is(to_port(7000))]);
    a.stack().append_filter_rule(Local, &rule).unwrap();
    for (version, expected) in [(3, 13), (1, 1)].into_iter().enumerate() {
        let before = a.host.counters(a.link).receive_drops(ReceiveDrop::Filter);
        let answers = a.ask(a.datagram(version, (9, 7000), b"not here"));
        let packet = answers[0].ip().unwrap();
        let (kind, code, ..) = packet.icmp().unwrap();
        assert_eq!((kind, code), expected);
        let after = a.host.counters(a.link).receive_drops(ReceiveDrop::Filter);
        assert_eq!(after, before + 1);
    }
    assert_eq!(
        a.stack().append_filter_rule(Receive, &rule),
        Err(FilterError::CannotReject)
    );
}

#[test]
fn what_may_not_go_out_is_lost_and_counted() {
    let a = neighborly();
    let rule = all(Drop, &[Is(to_port(9))]);
    a.stack().append_filter_rule(Send, &rule).unwrap();
    let socket = a.host.udp("0.0.0.0:0");
    let before = a.host.counters(a.link).send_drops(SendDrop::Filter);
    for port in [9, 10] {
        socket
            .try_send_to(b"out?", Some((PEER4, port).into()))
            .unwrap();
    }
    a.net.run_for(crate::network::ms(1));
    let ports: Vec<_> = (a.sent().iter())
        .filter_map(|seen| Some(seen.ip()?.udp()?.1))
        .collect();
    assert_eq!(ports, [10]);
    let after = a.host.counters(a.link).send_drops(SendDrop::Filter);
    assert_eq!(after, before + 1);
}

#[test]
fn full_table_and_wrong_positions_change_nothing() {
    let a = acquainted();
    let stack = a.stack();
    let rule = all(Count, &[]);
    let most = zonda::config::FILTER_RULES;
    for _ in 1..most {
        stack.append_filter_rule(Send, &rule).unwrap();
    }
    assert_eq!(stack.remove_filter_rule(Local, 0), Err(FilterError::NoRule));
    assert_eq!(
        stack.insert_filter_rule(Local, 1, &rule),
        Err(FilterError::NoRule)
    );
    let two = [rule; 2];
    assert_eq!(
        stack.replace_filter(Local, &two, FilterPolicy::Drop),
        Err(FilterError::TableFull)
    );
    assert_eq!(stack.filter_policy(Local), FilterPolicy::Accept);
    stack.append_filter_rule(Local, &rule).unwrap();
    assert_eq!(
        stack.append_filter_rule(Send, &rule),
        Err(FilterError::TableFull)
    );
    assert!(stack.filter_rule(Send, most - 1).is_none());
    let many = [Is(FilterTest::LaterFragment); zonda::config::FILTER_TESTS + 1];
    assert_eq!(FilterRule::all(Drop, &many), Err(FilterError::TooManyTests));
}

#[test]
fn ports_are_found_behind_extension_headers_and_not_in_later_fragments() {
    let a = acquainted();
    let (host, peer) = PAIRS[1];
    let datagram = udp((peer, 9), (host, 7000), b"in parts or not");
    let fragment = |offset_and_more: u8| {
        let header = [UDP, 0, 0, offset_and_more, 0, 0, 0, 1];
        a.to_host(&ip(peer, host, 44, &join(&[&header, &datagram])))
    };
    let dropped = || a.host.counters(a.link).receive_drops(ReceiveDrop::Filter);
    let rule = all(Drop, &[Is(to_port(7000))]);
    let policy = FilterPolicy::Accept;
    a.stack().replace_filter(Receive, &[rule], policy).unwrap();
    a.refuses(fragment(0), ReceiveDrop::Filter);
    a.ask(fragment(8));
    assert_eq!(dropped(), 1);
    let rule = all(Drop, &[Is(FilterTest::LaterFragment)]);
    a.stack().replace_filter(Receive, &[rule], policy).unwrap();
    a.refuses(fragment(8), ReceiveDrop::Filter);
    a.stack().replace_filter(Receive, &[], policy).unwrap();
    a.net.run_for(crate::network::secs(61));
}
