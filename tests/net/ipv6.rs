//! What a host accepts of IPv6 (RFC 8200).

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::ReceiveDrop;
use zonda::iface::route::{Prefix, Route, RouteError, RouteOrigin};
use zonda::socket::SendError;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

#[test]
fn packet_is_not_dropped_for_a_hop_limit_of_zero() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7");
    let datagram = udp((PEER6.into(), 9), (HOST6.into(), 7), b"data");
    let header = Ip6 {
        hop_limit: 0,
        ..Ip6::new(PEER6, HOST6, UDP)
    };
    a.peer.exchange(a.to_host(&header.with(&datagram)));
    assert!(socket.try_recv().is_some());
}

/// Options of the kind 0xc2: "discard the packet and, only if the packet's Destination Address was
/// not a multicast address, send an ICMP Parameter Problem, Code 2" (RFC 8200 §4.2). A jumbogram
/// (RFC 2675 §2) says that it has no length.
#[test]
fn jumbogram_is_refused() {
    let a = acquainted();
    let jumbo = [UDP, 0, 0xc2, 4, 0, 1, 0, 0];
    let packet = Ip6::new(PEER6, HOST6, 0).with(&jumbo);
    let answers = a.ask(a.to_host(&packet));
    let error = answers[0].ip().unwrap();
    let (kind, code, pointer, _) = error.icmp().unwrap();
    assert_eq!((kind, code, pointer), (4, 2, [0, 0, 0, 42]));
    let mut without_length = packet;
    without_length[4..6].fill(0);
    let counters = a.host.counters(a.link);
    let before = counters.all_receive_drops();
    a.ask(a.to_host(&without_length));
    assert_eq!(a.host.counters(a.link).all_receive_drops(), before + 1);
    assert_eq!(counters.receive_drops(ReceiveDrop::Ipv6Extension), 1);
}

/// RFC 4291 §2.5.3, §2.7: which scopes are heard from the wire, and in which nobody can speak.
#[test]
fn packets_are_taken_from_and_to_the_scopes_that_can_be_on_a_link() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let socket = a.host.udp("[::]:7");
    for group in ["ff02::1", "ff05::77", "ff08::77", "ff0e::77"] {
        socket.join(group.parse().unwrap(), id).unwrap();
    }
    let own = a.host.link_local(a.link).to_string();
    let datagram = |from: &str, to: &str| {
        let [from, to]: [Ipv6Addr; 2] = [from, to].map(|text| text.parse().unwrap());
        let datagram = udp((from.into(), 9), (to.into(), 7), b"data");
        let packet = Ip6::new(from, to, UDP).with(&datagram);
        match to.is_multicast() {
            true => a.to(group_mac(to.into()), &packet),
            false => a.to_host(&packet),
        }
    };
    let peer = &PEER6.to_string();
    for to in [
        &own, "fd00::1", "ff02::1", "ff05::77", "ff08::77", "ff0e::77",
    ] {
        assert!(a.ask(datagram(peer, to)).is_empty());
        assert!(socket.try_recv().is_some(), "to {to}");
    }
    for to in [
        "::1", "::", "fe80::77", "fd00::77", "ff00::1", "ff01::1", "ff02::77", "ff05::1",
        "ff0e::78",
    ] {
        a.refuses(datagram(peer, to), ReceiveDrop::Ipv6Destination);
    }
    for from in ["::1", "ff02::1", "ff0e::77", "::ffff:10.0.0.9", "fd00::1"] {
        a.refuses(datagram(from, "fd00::1"), ReceiveDrop::Ipv6Source);
    }
    assert!(socket.try_recv().is_none());
}

#[test]
fn defect_070_options_exhausted_routing_and_no_next_header_are_taken() {
    let a = acquainted();
    let message = icmpv6((PEER6, HOST6), 128, 0, [0; 4], b"ping");
    let [options, routing, nothing] = [60, 43, 59];
    for (first, header) in [
        (options, [ICMPV6, 0, 1, 4, 0, 0, 0, 0]),
        (routing, [ICMPV6, 0, 2, 0, 0, 0, 0, 0]),
    ] {
        let packet = Ip6::new(PEER6, HOST6, first).with(&join(&[&header, &message]));
        assert_eq!(a.ask(a.to_host(&packet)).len(), 1);
    }
    // Nothing is processed of what follows no next header, and nobody is told.
    let packet = Ip6::new(PEER6, HOST6, nothing).with(&message);
    a.refuses(a.to_host(&packet), ReceiveDrop::Ipv6Extension);
}

// ---- Sources and routes ------------------------------------------------------------------

fn default_by(gateway: &str, interface: u8, metric: u16) -> Route {
    let gateway: IpAddr = gateway.parse().unwrap();
    Route {
        prefix: Prefix::new(Ipv6Addr::UNSPECIFIED.into(), 0).unwrap(),
        gateway: Some(gateway.try_into().unwrap()),
        interface,
        metric,
        expires: None,
        origin: RouteOrigin::Static,
    }
}

/// Where there is no address that suits, nothing is sent; least of all from ::1.
#[test]
fn defect_037_loopback_is_no_source_for_others() {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer));
    let (stack, id) = (host.stack(), host.interface(link));
    assert!(stack.remove_address(id, host.link_local(link).into()));
    stack.add_route(default_by("fe80::9", id, 0)).unwrap();
    net.run_for(ms(1));
    peer.take();
    let socket = host.udp("[::]:0");
    for to in ["2001:db8::9", "fd00::9", "ff0e::1"] {
        let to: IpAddr = to.parse().unwrap();
        let sent = socket.try_send_to(b"data", Some((to, 9).into()));
        assert!(matches!(sent, Err(SendError::NoRoute)), "{to}: {sent:?}");
    }
    net.run_for(secs(5));
    assert!(peer.take().is_empty());
}

/// A gateway is a single node of the same version; where it is, is for the user to say: it is asked
/// for on the interface of its route and nowhere else.
#[test]
fn defects_053_054_gateway_is_a_single_node_on_the_interface_of_its_route() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "fd00:1::1/64").add(two, "fd00:2::1/64");
    let (stack, id) = (host.stack(), host.interface(two));
    for (gateway, error) in [
        ("10.0.0.9", RouteError::GatewayFamily),
        ("::", RouteError::GatewayAddress),
        ("ff02::9", RouteError::GatewayAddress),
    ] {
        assert_eq!(stack.add_route(default_by(gateway, id, 0)), Err(error));
    }
    // One that is in none of our subnets, and one in that of the other link.
    let socket = host.udp("[::]:0");
    for gateway in ["2001:db8::9", "fd00:1::9"] {
        let route = default_by(gateway, id, 0);
        stack.add_route(route).unwrap();
        net.run_for(ms(1));
        left.take();
        right.take();
        let far: IpAddr = "2001:db8:f::1".parse().unwrap();
        socket.try_send_to(b"data", Some((far, 9).into())).unwrap();
        net.run_for(ms(1));
        assert!(left.take().is_empty());
        let asked = read(&right.take()[0]).ip().unwrap();
        let (_, target, _) = asked.discovery(135).unwrap();
        assert_eq!(IpAddr::V6(target), gateway.parse::<IpAddr>().unwrap());
        let gateway = route.gateway.map(Into::into);
        assert!(stack.remove_route(route.prefix, gateway, id).is_some());
    }
}

#[test]
fn defect_055_routes_that_are_equal_are_taken_in_turn_while_gateways_are_silent() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    for gateway in ["fd00::a", "fd00::b", "fd00::c"] {
        a.stack().add_route(default_by(gateway, id, 7)).unwrap();
    }
    let socket = a.host.udp("[::]:0");
    let mut asked = Vec::new();
    for _ in 0..6 {
        a.sent();
        let far: IpAddr = "2001:db8:f::1".parse().unwrap();
        socket.try_send_to(b"data", Some((far, 9).into())).unwrap();
        a.net.run_for(ms(3500));
        let sent = a.sent();
        let target = sent[0].ip().unwrap().discovery(135).unwrap().1;
        asked.push(target.segments()[7]);
    }
    assert_eq!(asked, [0xa, 0xb, 0xc, 0xa, 0xb, 0xc]);
}
