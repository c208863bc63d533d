//! IPv4 (RFC 791, RFC 1122 §3.2.1), IPv6 (RFC 8200), routes and source addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use zonda::iface::ReceiveDrop;
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::socket::{PingError, SendError};
use zonda::time::Instant;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// An echo request over IPv4 with this header.
fn echo4(a: &Alone, header: Ip4) -> Vec<u8> {
    a.to_host(&header.with(&icmp(8, 0, [0, 1, 0, 1], b"ping")))
}

fn header4() -> Ip4 {
    Ip4::new(PEER4, HOST4, ICMP)
}

/// An echo request over IPv6 behind these extension headers, of which the first is of type
/// `first`; the last of them names ICMPv6.
fn echo6(a: &Alone, first: u8, extensions: &[u8]) -> Vec<u8> {
    let message = icmpv6((PEER6, HOST6), 128, 0, [0, 1, 0, 1], b"ping");
    a.to_host(&Ip6::new(PEER6, HOST6, first).with(&join(&[extensions, &message])))
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const NO_NEXT: u8 = 59;
const DESTINATION: u8 = 60;

#[track_caller]
fn answered(a: &Alone, frame: Vec<u8>) {
    let answers = a.ask(frame);
    assert_eq!(answers.len(), 1);
    let (kind, ..) = answers[0]
        .ip()
        .unwrap()
        .icmp()
        .map(|(k, c, ..)| (k, c))
        .unwrap();
    assert!(matches!(kind, 0 | 129), "an echo reply, not type {kind}");
}

/// The parameter problem that comes back: code and pointer.
#[track_caller]
fn problem(a: &Alone, frame: Vec<u8>) -> (u8, u32) {
    let before = a.host.counters(a.link).all_receive_drops();
    let answers = a.ask(frame);
    assert_eq!(answers.len(), 1);
    let packet = answers[0].ip().unwrap();
    let (kind, code, word, _) = packet.icmp().unwrap();
    assert_eq!(kind, 4);
    assert_eq!(a.host.counters(a.link).all_receive_drops(), before + 1);
    a.net.run_for(ms(200));
    (code, u32::from_be_bytes(word))
}

// ---- IPv4 --------------------------------------------------------------------------------

#[test]
fn ipv4_header_that_is_damaged_or_cut_is_dropped() {
    let a = acquainted();
    let good = echo4(&a, header4());
    let refuses = |change: &dyn Fn(&mut [u8]), reason| {
        let mut frame = good.clone();
        change(&mut frame[14..]);
        // The sum is right, so that the rest is looked at.
        if reason != ReceiveDrop::Ipv4Checksum {
            frame[24..26].fill(0);
            let sum = checksum(&[&frame[14..34]]);
            frame[24..26].copy_from_slice(&sum.to_be_bytes());
        }
        a.refuses(frame, reason);
    };
    for at in 0..20 {
        if at != 0 {
            refuses(
                &|ip| ip[at] ^= 0x40,
                match at {
                    2 | 3 => ReceiveDrop::Ipv4Header,
                    _ => ReceiveDrop::Ipv4Checksum,
                },
            );
        }
    }
    for version in [0x05, 0x55, 0x65, 0xf5] {
        refuses(&|ip| ip[0] = version, ReceiveDrop::Ipv4Header);
    }
    for length in 0x40..0x45 {
        refuses(&|ip| ip[0] = length, ReceiveDrop::Ipv4Header);
    }
    refuses(&|ip| ip[0] = 0x4f, ReceiveDrop::Ipv4Header);
    for length in [0u16, 19, 33, 1000, 65_535] {
        refuses(
            &|ip| ip[2..4].copy_from_slice(&length.to_be_bytes()),
            ReceiveDrop::Ipv4Header,
        );
    }
    for length in 14..34 {
        a.refuses(&good[..length], ReceiveDrop::Ipv4Header);
    }
    for length in 0..14 {
        a.refuses(&good[..length], ReceiveDrop::LinkHeader);
    }
    a.serves();
}

#[test]
fn what_pads_a_frame_is_cut() {
    let a = acquainted();
    for padding in [1, 6, 18, 100] {
        let mut frame = echo4(&a, header4());
        frame.extend(vec![0xaa; padding]);
        let answers = a.ask(frame);
        assert_eq!(answers[0].body.len(), 20 + 8 + 4);
        let mut frame = echo6(&a, ICMPV6, &[]);
        frame.extend(vec![0xaa; padding]);
        let answers = a.ask(frame);
        assert_eq!(answers[0].body.len(), 40 + 8 + 4);
    }
}

#[test]
fn ipv4_options_are_skipped_and_source_routes_refused() {
    let a = acquainted();
    let with = |options: &[u8]| Ip4 {
        options: options.to_vec(),
        ..header4()
    };
    // Nothing; end and filler; router alert; record route; timestamp; unknown.
    for options in [
        &[1, 1, 1, 1][..],
        &[0, 0xff, 0xff, 0xff],
        &[148, 4, 0, 0],
        &[7, 7, 4, 0, 0, 0, 0, 0],
        &[68, 8, 5, 0, 0, 0, 0, 0],
        &[222, 4, 1, 2],
        &[1; 40],
    ] {
        answered(&a, echo4(&a, with(options)));
    }
    // Loose and strict source routes, of which the last is used up.
    for options in [
        &[131, 7, 4, 10, 0, 0, 1, 0][..],
        &[137, 7, 4, 10, 0, 0, 1, 0],
        &[131, 7, 8, 10, 0, 0, 1, 0],
    ] {
        a.refuses(echo4(&a, with(options)), ReceiveDrop::Ipv4Options);
    }
}

#[test]
fn flags_of_a_whole_datagram_mean_nothing() {
    let a = acquainted();
    // DF, and the bit of RFC 3514, mean nothing here.
    answered(
        &a,
        echo4(
            &a,
            Ip4 {
                fragment: 0x4000,
                ..header4()
            },
        ),
    );
}

#[test]
fn defects_059_064_069_martian_sources_are_refused() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for source in [
        "127.0.0.1",
        "127.1.2.3",
        "224.0.0.1",
        "239.255.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "10.0.0.255",
        "10.0.0.1",
    ] {
        let source: Ipv4Addr = source.parse().unwrap();
        let datagram = udp((source.into(), 1), (HOST4.into(), 7000), b"x");
        let packet = ip(source.into(), HOST4.into(), UDP, &datagram);
        a.refuses(a.to_host(&packet), ReceiveDrop::Ipv4Source);
    }
    for source in ["::1", "ff02::1", "fd00::1", "::ffff:10.0.0.9"] {
        let source: Ipv6Addr = source.parse().unwrap();
        let datagram = udp((source.into(), 1), (HOST6.into(), 7000), b"x");
        let packet = ip(source.into(), HOST6.into(), UDP, &datagram);
        a.refuses(a.to_host(&packet), ReceiveDrop::Ipv6Source);
    }
    assert!(socket.try_recv().is_none());
}

/// Also one that shares its last 16 bits with ours: a relative delivered that.
#[test]
fn packet_for_another_address_is_dropped() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for to in [
        "127.0.0.1",
        "10.0.0.2",
        "192.168.0.1",
        "10.9.0.1",
        "0.0.0.0",
        "240.0.0.1",
        "239.1.1.1",
    ] {
        let to: Ipv4Addr = to.parse().unwrap();
        let datagram = udp((PEER4.into(), 1), (to.into(), 7000), b"x");
        let packet = ip(PEER4.into(), to.into(), UDP, &datagram);
        a.refuses(a.to_host(&packet), ReceiveDrop::Ipv4Destination);
    }
    for to in [
        "::1",
        "fd00::2",
        "fd01::1",
        "2001:db8::1",
        "::",
        "fe80::1",
        "ff02::1:ff00:2",
        "ff02::2",
        "::ffff:10.0.0.1",
    ] {
        let to: Ipv6Addr = to.parse().unwrap();
        let datagram = udp((PEER6.into(), 1), (to.into(), 7000), b"x");
        let packet = ip(PEER6.into(), to.into(), UDP, &datagram);
        a.refuses(a.to_host(&packet), ReceiveDrop::Ipv6Destination);
    }
    assert!(socket.try_recv().is_none());
}

/// RFC 1122 §3.3.6.
#[test]
fn single_destination_in_a_frame_to_all_is_dropped() {
    let a = acquainted();
    let mut frame = echo4(&a, header4());
    frame[..6].copy_from_slice(&BROADCAST);
    a.refuses(&frame, ReceiveDrop::Ipv4Destination);
    frame[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 1]);
    a.refuses(&frame, ReceiveDrop::Ipv4Destination);
}

#[test]
fn unknown_ethertypes_are_counted() {
    let a = acquainted();
    for ethertype in [0x0600, 0x8035, 0x8100, 0x86dc, 0x88cc, 0xffff] {
        a.refuses(
            ethernet(a.mac(), a.peer.mac(), ethertype, &[0; 50]),
            ReceiveDrop::LinkProtocol,
        );
    }
    // An IEEE 802.3 frame of the spanning tree.
    let bpdu = join(&[&[0x42, 0x42, 3], &[0; 43]]);
    a.refuses(
        ethernet(a.mac(), a.peer.mac(), 46, &bpdu),
        ReceiveDrop::LinkProtocol,
    );
    // The other version's packet.
    let mut frame = echo4(&a, header4());
    frame[12..14].copy_from_slice(&IPV6.to_be_bytes());
    a.refuses(frame, ReceiveDrop::Ipv6Header);
    let mut frame = echo6(&a, ICMPV6, &[]);
    frame[12..14].copy_from_slice(&IPV4.to_be_bytes());
    a.refuses(frame, ReceiveDrop::Ipv4Header);
}

// ---- IPv6 --------------------------------------------------------------------------------

#[test]
fn ipv6_header_that_is_cut_or_contradicts_the_frame_is_dropped() {
    let a = acquainted();
    let good = echo6(&a, ICMPV6, &[]);
    for version in [0x00, 0x40, 0x50, 0x70, 0xf0] {
        let mut bad = good.clone();
        bad[14] = version;
        a.refuses(bad, ReceiveDrop::Ipv6Header);
    }
    for length in [13u16, 1000, 65_535] {
        let mut bad = good.clone();
        bad[18..20].copy_from_slice(&length.to_be_bytes());
        a.refuses(bad, ReceiveDrop::Ipv6Header);
    }
    for length in 14..good.len() {
        a.refuses(&good[..length], ReceiveDrop::Ipv6Header);
    }
}

#[test]
fn extension_headers_are_read_to_the_upper_layer() {
    let a = acquainted();
    let pad = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
    answered(&a, echo6(&a, HOP_BY_HOP, &pad(ICMPV6)));
    answered(&a, echo6(&a, DESTINATION, &pad(ICMPV6)));
    answered(
        &a,
        echo6(&a, HOP_BY_HOP, &join(&[&pad(DESTINATION), &pad(ICMPV6)])),
    );
    // Router alert; Pad1 six times; two units long.
    answered(&a, echo6(&a, HOP_BY_HOP, &[ICMPV6, 0, 5, 2, 0, 0, 1, 0]));
    answered(&a, echo6(&a, DESTINATION, &[ICMPV6, 0, 0, 0, 0, 0, 0, 0]));
    answered(
        &a,
        echo6(&a, DESTINATION, &join(&[&[ICMPV6, 1, 1, 12], &[0; 12]])),
    );
    // A routing header that is done with is ignored, whatever its type.
    answered(&a, echo6(&a, ROUTING, &[ICMPV6, 0, 0, 0, 0, 0, 0, 0]));
    answered(&a, echo6(&a, ROUTING, &[ICMPV6, 0, 99, 0, 0, 0, 0, 0]));
    // A fragment that is the whole (RFC 6946), also with all before it.
    answered(&a, echo6(&a, FRAGMENT, &[ICMPV6, 0, 0, 0, 1, 2, 3, 4]));
    let all = join(&[
        &pad(DESTINATION),
        &pad(FRAGMENT),
        &[ICMPV6, 0, 0, 0, 1, 2, 3, 4],
    ]);
    answered(&a, echo6(&a, HOP_BY_HOP, &all));
}

/// RFC 8200 §4.2: the two highest bits of an option's type say what becomes of the packet.
#[test]
fn unknown_option_is_treated_as_its_type_says() {
    let a = acquainted();
    for header in [HOP_BY_HOP, DESTINATION] {
        let option = |kind: u8| [ICMPV6, 0, kind, 4, 0, 0, 0, 0];
        answered(&a, echo6(&a, header, &option(0x1e)));
        a.refuses(echo6(&a, header, &option(0x5e)), ReceiveDrop::Ipv6Extension);
        assert_eq!(problem(&a, echo6(&a, header, &option(0x9e))), (2, 42));
        assert_eq!(problem(&a, echo6(&a, header, &option(0xde))), (2, 42));
        // To a group: 10 is reported even then, 11 is not.
        let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
        let to_group = |kind: u8| {
            let message = icmpv6((PEER6, all_nodes), 128, 0, [0; 4], b"ping");
            let packet = Ip6::new(PEER6, all_nodes, header).with(&join(&[&option(kind), &message]));
            a.to(group_mac(all_nodes.into()), &packet)
        };
        assert_eq!(problem(&a, to_group(0x9e)), (2, 42));
        a.refuses(to_group(0xde), ReceiveDrop::Ipv6Extension);
    }
}

#[test]
fn faults_in_extension_headers_are_reported_where_they_are() {
    let a = acquainted();
    // Routing type 0 with segments left (RFC 5095 §3).
    let routing = join(&[&[ICMPV6, 2, 0, 1, 0, 0, 0, 0], &PEER6.octets()]);
    assert_eq!(problem(&a, echo6(&a, ROUTING, &routing)), (0, 42));
    // Hop-by-hop options that do not come first.
    let late = [HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0, ICMPV6, 0, 1, 4, 0, 0, 0, 0];
    assert_eq!(problem(&a, echo6(&a, DESTINATION, &late)), (1, 40));
    // A header that nobody knows.
    assert_eq!(
        problem(&a, echo6(&a, DESTINATION, &[253, 0, 1, 4, 0, 0, 0, 0])),
        (1, 40)
    );
    // An option longer than its header.
    let (code, _) = problem(&a, echo6(&a, DESTINATION, &[ICMPV6, 0, 1, 9, 0, 0, 0, 0]));
    assert_eq!(code, 0);
}

#[test]
fn header_chain_that_is_cut_is_refused() {
    let a = acquainted();
    for first in [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION] {
        for length in 0..8 {
            let packet =
                Ip6::new(PEER6, HOST6, first).with(&[ICMPV6, 0, 0, 0, 0, 0, 0][..length.min(7)]);
            let answers = a.ask(a.to_host(&packet));
            assert!(answers.len() <= 1);
            a.net.run_for(ms(200));
        }
    }
    a.host.check_counters();
}

#[test]
fn no_next_header_ends_the_packet() {
    let a = acquainted();
    a.refuses(echo6(&a, NO_NEXT, &[]), ReceiveDrop::Ipv6Extension);
    a.refuses(
        echo6(&a, DESTINATION, &[NO_NEXT, 0, 1, 4, 0, 0, 0, 0]),
        ReceiveDrop::Ipv6Extension,
    );
}

#[test]
fn endless_header_chain_ends() {
    let a = acquainted();
    let mut chain = Vec::new();
    for _ in 0..150 {
        chain.extend([DESTINATION, 0, 1, 4, 0, 0, 0, 0]);
    }
    assert!(a.ask(echo6(&a, DESTINATION, &chain)).len() <= 1);
    let pads = join(&[&[ICMPV6, 150], &[0; 1206]]);
    answered(&a, echo6(&a, DESTINATION, &pads));
}

/// RFC 6980 §5.
#[test]
fn neighbor_discovery_in_a_fragment_is_refused() {
    let a = acquainted();
    let packet = solicitation(PEER6, HOST6, HOST6, &link_option(1, a.peer.mac()));
    let header = Ip6 {
        hop_limit: 255,
        ..Ip6::new(PEER6, HOST6, FRAGMENT)
    };
    let packet = header.with(&join(&[&[ICMPV6, 0, 0, 0, 0, 0, 0, 1], &packet[40..]]));
    a.refuses(a.to_host(&packet), ReceiveDrop::NeighborDiscovery);
}

// ---- Several interfaces, routes, sources -------------------------------------------------

fn route(prefix: &str, gateway: Option<&str>, interface: u8, metric: u16) -> Route {
    let (address, length) = prefix.split_once('/').unwrap();
    let address: IpAddr = address.parse().unwrap();
    let prefix = Prefix::new(address.try_into().unwrap(), length.parse().unwrap()).unwrap();
    Route {
        prefix,
        gateway: gateway.map(|text| text.parse::<IpAddr>().unwrap().try_into().unwrap()),
        interface,
        metric,
        expires: None::<Instant>,
        origin: RouteOrigin::Static,
    }
}

#[test]
fn ethernet_and_bare_ip_are_up_at_once() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.host("left"), net.host("right"));
    let (one, two) = (net.link([host, left]), net.ip_link([host, right]));
    host.add(one, "10.0.0.1/24").add(one, "fd00::1/64");
    host.add(two, "10.0.1.1/24").add(two, "fd01::1/64");
    left.add(one, "10.0.0.2/24").add(one, "fd00::2/64");
    right.add(two, "10.0.1.2/24").add(two, "fd01::2/64");
    let ping = host.ping();
    for to in ["10.0.0.2", "10.0.1.2", "fd00::2", "fd01::2"] {
        net.block_on(ping.ping(to.parse().unwrap(), 1, &[1; 1400], secs(1)))
            .unwrap();
    }
    for from in [left, right] {
        let ping = from.ping();
        let own = if from == left {
            ["10.0.0.1", "fd00::1"]
        } else {
            ["10.0.1.1", "fd01::1"]
        };
        for to in own {
            net.block_on(ping.ping(to.parse().unwrap(), 1, b"", secs(1)))
                .unwrap();
        }
    }
    // There is no forwarding between them.
    left.stack()
        .add_route(route(
            "10.0.1.0/24",
            Some("10.0.0.1"),
            left.interface(one),
            0,
        ))
        .unwrap();
    let ping = left.ping();
    let result = net.block_on(ping.ping("10.0.1.2".parse().unwrap(), 1, b"", secs(5)));
    assert_eq!(result, Err(PingError::TimedOut));
}

#[test]
fn longest_prefix_then_metric_choose_the_way_and_the_gateway_gets_the_frame() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let (first, second) = (host.interface(one), host.interface(two));
    let stack = host.stack();
    stack
        .add_route(route("0.0.0.0/0", Some("10.0.0.254"), first, 5))
        .unwrap();
    stack
        .add_route(route("0.0.0.0/0", Some("10.0.1.254"), second, 7))
        .unwrap();
    stack
        .add_route(route("192.0.2.0/24", Some("10.0.1.253"), second, 9))
        .unwrap();
    let socket = host.udp("0.0.0.0:0");
    let asked = |to: &str| {
        left.take();
        right.take();
        socket
            .try_send_to(b"x", Some(SocketAddr::new(to.parse().unwrap(), 9)))
            .unwrap();
        net.run_for(ms(1));
        let (left, right) = (left.take(), right.take());
        assert_eq!(left.len() + right.len(), 1);
        let frame = left.iter().chain(&right).next().unwrap();
        let request = read(frame).arp().unwrap();
        (request.target.1.to_string(), request.sender.1.to_string())
    };
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(asked("198.51.100.1"), pair("10.0.0.254", "10.0.0.1"));
    assert_eq!(asked("192.0.2.7"), pair("10.0.1.253", "10.0.1.1"));
    assert_eq!(asked("10.0.1.77"), pair("10.0.1.77", "10.0.1.1"));
    assert_eq!(asked("10.0.0.77"), pair("10.0.0.77", "10.0.0.1"));
    // With the first link down the other default takes over.
    one.down();
    net.run_for(ms(1));
    assert_eq!(asked("198.51.100.1"), pair("10.0.1.254", "10.0.1.1"));
}

/// RFC 6724 §5, rules 2 and 8.
#[test]
fn source_address_suits_the_destination() {
    let a = alone();
    let id = a.host.interface(a.link);
    a.host.add(a.link, "2001:db8:1::1/64");
    a.stack()
        .add_route(route("::/0", Some("fd00::9"), id, 0))
        .unwrap();
    a.net.run_for(ms(1));
    a.introduce();
    let socket = a.host.udp("[::]:0");
    let own = a.host.link_local(a.link);
    for (to, source) in [
        ("2001:db8:1::5", "2001:db8:1::1".parse().unwrap()),
        ("2001:db8:9::5", "2001:db8:1::1".parse().unwrap()),
        ("fd00::9", HOST6),
        ("fd00:0:0:9::1", HOST6),
        ("ff02::1234", own),
    ] {
        a.peer.take();
        socket
            .try_send_to(b"x", Some(SocketAddr::new(to.parse().unwrap(), 9)))
            .unwrap();
        a.net.run_for(ms(1));
        assert_eq!(
            a.sent()[0].ip().unwrap().source,
            IpAddr::V6(source),
            "to {to}"
        );
    }
}

/// RFC 1122 §3.2.1.3 g, RFC 4291 §2.5.3: not even by a default route.
#[test]
fn destination_within_the_host_is_never_sent() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    for (prefix, gateway) in [("0.0.0.0/0", "10.0.0.9"), ("::/0", "fd00::9")] {
        a.stack()
            .add_route(route(prefix, Some(gateway), id, 0))
            .unwrap();
    }
    let (socket, ping) = (a.host.udp("[::]:0"), a.host.ping());
    for to in ["127.0.0.1", "127.9.9.9", "::1"] {
        let to: IpAddr = to.parse().unwrap();
        assert_eq!(
            socket.try_send_to(b"x", Some((to, 9).into())),
            Err(SendError::NoRoute)
        );
        assert!(ping.try_send(to, 1, b"x").is_err());
    }
    a.net.run_for(secs(5));
    assert!(a.sent().is_empty());
}

/// The MTU holds for everything that is sent.
#[test]
fn defect_074_nothing_longer_than_the_mtu_is_sent() {
    let a = acquainted();
    let ping = a.host.ping();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let most = [1472, 1452][version];
        ping.try_send(peer, 1, &vec![0; most + 1]).unwrap();
        ping.try_send(peer, 1, &vec![0; most]).unwrap();
    }
    a.net.run_for(ms(1));
    let sent = a.sent();
    assert_eq!(sent.len(), 6);
    assert!(sent.iter().all(|seen| seen.body.len() <= 1500));
    // An answer as long as a request that came over a longer link.
    a.host.change(a.link, |link| link.mtu = 576);
    let request = echo(PEER4.into(), HOST4.into(), false, 1, 1, &[0; 1000]);
    let answer = a.ask(a.to_host(&request));
    assert!(answer.iter().all(|seen| seen.body.len() <= 576));
    let answer: Vec<_> = answer.iter().map(|seen| seen.ip().unwrap()).collect();
    assert_eq!(reassemble(&answer).icmp().unwrap().3, [0; 1000]);
    let socket = a.host.udp("0.0.0.0:0");
    socket.set_dont_fragment(true);
    let sent = socket.try_send_to(&[0; 549], Some((PEER4, 9).into()));
    assert_eq!(sent, Err(SendError::TooLong { most: 548 }));
}

/// RFC 4291 §2.7: groups of scope 0, and of this interface only, are not for the wire.
#[test]
fn group_of_no_scope_or_of_the_interface_is_not_heard_from_the_wire() {
    let a = acquainted();
    for to in ["ff00::1", "ff01::1"] {
        let to: Ipv6Addr = to.parse().unwrap();
        let packet = echo(PEER6.into(), to.into(), false, 1, 1, b"?");
        a.refuses(
            a.to(group_mac(to.into()), &packet),
            ReceiveDrop::Ipv6Destination,
        );
    }
}

/// A driver may have a pool of its own.
#[test]
fn frame_from_another_pool_is_copied() {
    let a = acquainted();
    let theirs = pool::<8, 512, 4, 8>();
    let mut buf = theirs.alloc(zonda::netbuf::Purpose::Receive, 2).unwrap();
    buf.append(&echo4(&a, header4())).unwrap();
    a.host.driver(a.link).deliver(buf).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().len(), 1);
    assert_eq!(theirs.stats().blocks_used, 0);
}
