//! The audit of xarxa (and smoltcp): links, IP and UDP.

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::link::{Capabilities, LinkState, Port};
use zonda::netbuf::{NetBuf, Purpose};
use zonda::socket::{TcpListener, TcpSocket, UdpSocket};
use zonda::stack::{ManualClock, StackCell, StackStorage};
use zonda::time::Instant;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

const MTUS: [u16; 22] = [
    0, 1, 7, 8, 13, 19, 20, 21, 27, 28, 29, 39, 40, 41, 47, 48, 60, 68, 100, 576, 1279, 1280,
];

/// No subtraction below zero anywhere, and the host is well again afterwards.
#[test]
fn audit_171_link_of_any_mtu_is_survived() {
    let a = neighborly();
    let server = a.host.udp("[::]:7000");
    let listener = TcpListener::bind(a.stack(), "[::]:80".parse().unwrap(), 2).unwrap();
    for mtu in MTUS.into_iter().chain([1500, 9000, u16::MAX]) {
        a.host.change(a.link, |capabilities| capabilities.mtu = mtu);
        for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
            a.ask(a.to_host(&echo(peer, host, false, 1, 1, &[0; 100])));
            a.ask(a.datagram(version, (9, 7000), &[1; 100]));
            a.ask(a.datagram(version, (9, 7001), &[1; 100]));
            while let Some((buf, info)) = server.try_recv() {
                let _ = server.try_send(buf, Some(info.source));
            }
            for length in [0, 1, 100, 2000] {
                let _ = server.try_send_to(&[2; 2000][..length], Some((peer, 9).into()));
            }
            let begun = TcpSocket::begin(a.stack(), (peer, 9).into());
            let syn = Tcp {
                source: mtu | 1,
                destination: 80,
                flags: SYN,
                window: 1000,
                options: vec![2, 4, 0, 1],
                ..Tcp::default()
            };
            for seen in a.ask(a.to_host(&syn.packet(peer, host))) {
                let Some(answer) = seen.ip().and_then(|ip| ip.tcp()) else {
                    continue;
                };
                let ack = Tcp {
                    seq: 1,
                    ack: answer.seq.wrapping_add(1),
                    flags: ACK,
                    ..syn.clone()
                };
                a.ask(a.to_host(&ack.packet(peer, host)));
            }
            if let Some(mut socket) = listener.try_accept() {
                let _ = socket.try_write(&[3; 500]);
                a.net.run_for(secs(2));
                socket.abort();
            }
            drop(begun);
        }
        a.net.run_for(ms(500));
    }
    a.host
        .change(a.link, |capabilities| capabilities.mtu = 1500);
    a.net.run_for(secs(3));
    a.peer.take();
    a.serves();
}

/// An answer to it would go to everybody on the other link.
#[test]
fn audit_174_broadcast_address_of_another_link_is_no_source() {
    let net = Network::new(1);
    let (host, peer, other) = (net.host("host"), net.peer("peer"), net.peer("other"));
    let (one, two) = (net.link((host, peer)), net.link((host, other)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    net.run_for(ms(1));
    other.take();
    let (from, to): (IpAddr, IpAddr) = ("10.0.1.255".parse().unwrap(), HOST4.into());
    let syn = Tcp {
        flags: SYN,
        ..Tcp::default()
    };
    for packet in [
        echo(from, to, false, 1, 1, b"to all"),
        ip(from, to, UDP, &udp((from, 7), (to, 7), b"to all")),
        syn.packet(from, to),
        ip(from, to, 200, b"unknown"),
    ] {
        peer.send(ethernet(host.mac(one), peer.mac(), IPV4, &packet));
        net.run_for(ms(5));
        assert_eq!((peer.take(), other.take()), (vec![], vec![]));
    }
}

/// What concerns one version leaves what is known of the other alone.
#[test]
fn audit_159_181_212_change_of_an_ipv4_address_forgets_no_neighbor() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let known = |a: &Alone| a.stack().neighbors(id).count();
    assert_eq!(known(&a), 2);
    a.host.add(a.link, "10.0.0.77/24");
    assert!(a.stack().remove_address(id, "10.0.0.77".parse().unwrap()));
    assert_eq!(known(&a), 2);
    // What waits for a neighbour of the other version still goes.
    let socket = a.host.udp("[::]:0");
    let there: Ipv6Addr = "fd00::77".parse().unwrap();
    socket
        .try_send_to(b"wait", Some((there, 9).into()))
        .unwrap();
    a.host.add(a.link, "10.0.0.77/24");
    a.stack().remove_address(id, "10.0.0.77".parse().unwrap());
    a.net.run_for(ms(1));
    let option = link_option(2, a.peer.mac());
    let answer = advertisement(there, HOST6, SOLICITED | OVERRIDE, there, &option);
    let sent = a.ask(a.to_host(&answer));
    assert!(
        sent.iter()
            .any(|seen| seen.ip().is_some_and(|ip| ip.udp().is_some()))
    );
}

/// Where the first link has no IPv6, a group of IPv6 is reached by the second.
#[test]
fn audit_213_group_is_reached_by_a_link_that_has_its_version() {
    let net = Network::new(1);
    let (host, first, second) = (net.host("host"), net.peer("first"), net.peer("second"));
    let (one, two) = (net.link((host, first)), net.link((host, second)));
    host.change(one, |capabilities| capabilities.mtu = 600);
    host.add(one, "10.0.0.1/24").add(two, "fd00::1/64");
    net.run_for(ms(1));
    let socket = host.udp("[::]:0");
    for group in ["ff02::1234", "ff05::1234"] {
        let group: IpAddr = group.parse().unwrap();
        let result = socket.try_send_to(b"to all", Some((group, 9).into()));
        net.run_for(ms(1));
        let is_ours = |frame: &Vec<u8>| read(frame).to == group_mac(group);
        assert!(!first.take().iter().any(is_ours));
        assert_eq!(second.take().iter().any(is_ours), result.is_ok(), "{group}");
        assert!(result.is_ok(), "{group}: {result:?}");
    }
}

#[test]
fn audit_216_route_by_an_interface_that_is_not_there_is_harmless() {
    let a = neighborly();
    for number in [1, 7, 31, 32, 200, 255] {
        for (_, peer) in PAIRS {
            let gateway = peer.try_into().unwrap();
            let _ = a.stack().add_route(Route {
                prefix: Prefix::new(gateway, 8).unwrap(),
                gateway: Some(gateway),
                interface: number,
                metric: 0,
                expires: None,
                origin: RouteOrigin::Static,
            });
        }
    }
    let socket = a.host.udp("[::]:0");
    for to in ["10.9.9.9:9", "[fd99::9]:9"] {
        let _ = socket.try_send_to(b"lost", Some(to.parse().unwrap()));
        drop(TcpSocket::begin(a.stack(), to.parse().unwrap()));
    }
    for from in ["10.9.9.9", "fd99::9"] {
        let from: IpAddr = from.parse().unwrap();
        let to = PAIRS[usize::from(from.is_ipv6())].0;
        a.ask(a.to_host(&echo(from, to, false, 1, 1, b"far")));
    }
    a.net.run_for(secs(5));
    a.serves();
}

/// An answer that waits in the port counts, though the time to wait for it is over when the stack
/// comes to look.
#[test]
fn audit_220_answer_that_waits_in_the_port_comes_before_the_end_of_patience() {
    let pool = pool::<16, 512, 8, 16>();
    let clock = ManualClock::new();
    let port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
    let (driver, end) = port.split();
    let mut storage = Box::new(StackStorage::<1, 2, 1, 1>::new());
    let cell = StackCell::new(&mut storage, pool, [1; 32], &clock);
    let stack = cell.stack();
    let id = stack.attach(end).unwrap();
    #[cfg(feature = "acd")]
    stack.set_conflict_detection(id, zonda::iface::ConflictDetection::Off);
    stack
        .add_ipv4(id, zonda::iface::Ipv4Cidr::new(HOST4, 24))
        .unwrap();
    driver.set_link(LinkState::Up);
    let _ = stack.poll();
    let bind: std::net::SocketAddr = "0.0.0.0:0".parse().unwrap();
    let socket = UdpSocket::bind(stack, bind).unwrap();
    let peer = [2, 0, 0, 0, 0xee, 1];
    socket
        .try_send_to(b"hello", Some((PEER4, 9).into()))
        .unwrap();
    let mut sent: Vec<NetBuf> = Vec::new();
    let mut now = Instant::ZERO;
    // The last question is out, and its time is nearly over.
    for _ in 0..4 {
        let _ = stack.poll();
        sent.extend(std::iter::from_fn(|| driver.try_next_tx()));
        if sent.iter().filter(|frame| frame.len() < 60).count() >= 3 {
            break;
        }
        now += ms(1000);
        clock.set(now);
    }
    sent.clear();
    let reply = arp(2, (peer, PEER4), ([2, 0, 0, 0, 0, 1], HOST4));
    let mut buf = pool.alloc(Purpose::Receive, 2).unwrap();
    buf.append(&ethernet([2, 0, 0, 0, 0, 1], peer, ARP, &reply))
        .unwrap();
    assert!(driver.deliver(buf).is_ok());
    clock.set(now + secs(100));
    for _ in 0..3 {
        let _ = stack.poll();
        sent.extend(std::iter::from_fn(|| driver.try_next_tx()));
    }
    assert!(sent.iter().any(|frame| frame.len() == 14 + 28 + 5));
    drop((sent, socket));
    assert_eq!(pool.stats().blocks_used, 0);
}

/// RFC 4443 §2.4 e.1: not even where what is wrong is in front of the message.
#[test]
fn audit_232_option_in_front_of_an_error_is_not_reported() {
    let a = acquainted();
    for option in [0x9e, 0xde] {
        for kind in [1, 3, 4, 100] {
            let quote = ip(HOST6.into(), PEER6.into(), UDP, &[0; 8]);
            let error = icmpv6((PEER6, HOST6), kind, 0, [0; 4], &quote);
            for header in [0, 60] {
                let options = [ICMPV6, 0, option, 4, 0, 0, 0, 0];
                let packet = Ip6::new(PEER6, HOST6, header).with(&join(&[&options, &error]));
                assert!(
                    a.ask(a.to_host(&packet)).is_empty(),
                    "{kind} behind {header}"
                );
            }
        }
    }
}

/// RFC 1112 §6.1, RFC 3493 §5.2.
#[test]
fn audit_299_datagram_to_a_group_goes_one_hop_unless_told_to_go_further() {
    let a = acquainted();
    let socket = a.host.udp("[::]:0");
    socket.set_hop_limit(99);
    for group in ["239.1.2.3", "ff05::1234"] {
        let group: IpAddr = group.parse().unwrap();
        socket
            .try_send_to(b"near", Some((group, 9).into()))
            .unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent()[0].ip().unwrap().hop_limit, 1);
        socket.set_multicast_hop_limit(5);
        socket.try_send_to(b"far", Some((group, 9).into())).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent()[0].ip().unwrap().hop_limit, 5);
        socket.set_multicast_hop_limit(1);
    }
}

/// What is behind the header of a later fragment are data, and no ports.
#[test]
fn audit_336_error_about_a_later_fragment_concerns_no_socket() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:5000");
    socket.connect((PEER4, 7000).into()).unwrap();
    let data = join(&[&5000u16.to_be_bytes(), &7000u16.to_be_bytes(), &[0; 28]]);
    for (fragment, counts) in [(0x0001, false), (0x2001, false), (0x1fff, false), (0, true)] {
        let quote = Ip4 {
            fragment,
            ..Ip4::new(HOST4, PEER4, UDP)
        };
        let error = icmp(3, 3, [0; 4], &quote.with(&data));
        a.ask(a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &error)));
        assert_eq!(socket.take_error().is_some(), counts, "{fragment:#x}");
    }
    let socket = a.host.udp("[::]:5001");
    socket.connect((PEER6, 7000).into()).unwrap();
    let data = join(&[&5001u16.to_be_bytes(), &7000u16.to_be_bytes(), &[0; 28]]);
    for (place, counts) in [(8u16, false), (9, false), (0, true)] {
        let [high, low] = place.to_be_bytes();
        let header = [UDP, 0, high, low, 0, 0, 0, 1];
        let quote = Ip6::new(HOST6, PEER6, FRAGMENT).with(&join(&[&header, &data]));
        let error = icmpv6((PEER6, HOST6), 1, 4, [0; 4], &quote);
        a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &error)));
        assert_eq!(socket.take_error().is_some(), counts, "{place}");
    }
}

/// The link was away and is back before anybody has looked: it may be another.
#[test]
fn audit_222_link_that_flaps_between_two_polls_is_noticed() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    assert_eq!(a.stack().neighbors(id).count(), 2);
    let driver = a.host.driver(a.link);
    driver.set_link(LinkState::Down);
    driver.set_link(LinkState::Up);
    a.net.run_for(ms(1));
    assert_eq!(a.stack().neighbors(id).count(), 0);
}
