//! Redirects: RFC 4861 §8, RFC 1122 §3.2.2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{EventKind, ReceiveDrop};
use zonda::socket::UdpSocket;
use zonda::{config, stack::Events};

use crate::frame::*;
use crate::lan::*;
use crate::network::*;

const REASON: ReceiveDrop = ReceiveDrop::Redirect;

/// A host with both routers, of which the first is preferred, and a socket.
fn routed() -> (Lan, UdpSocket<'static>) {
    let lan = asked();
    lan.advertise(0, ra().flags(HIGH));
    lan.advertise(1, ra());
    let socket = lan.socket();
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    (lan, socket)
}

/// A Redirect from `source` to the host (RFC 4861 §4.5).
fn redirect(
    lan: &Lan,
    source: Ipv6Addr,
    target: &str,
    destination: &str,
    options: &[u8],
) -> Vec<u8> {
    let own = lan.host.link_local(lan.link);
    let (target, destination): (Ipv6Addr, Ipv6Addr) =
        (target.parse().unwrap(), destination.parse().unwrap());
    let data = join(&[&target.octets(), &destination.octets(), options]);
    let message = icmpv6((source, own), 137, 0, [0; 4], &data);
    discovery(source, own, &message)
}

fn second() -> String {
    ROUTERS[1].to_string()
}

fn redirected(log: &mut Events<'_>) -> Vec<EventKind> {
    let mut all = events(log);
    all.retain(|kind| matches!(kind, EventKind::Redirected { .. }));
    all
}

#[test]
fn redirect_to_another_router_is_for_one_destination() {
    let (lan, socket) = routed();
    let mut log = lan.stack().events();
    let packet = redirect(&lan, ROUTERS[0], &second(), FAR, &[]);
    lan.send(0, &packet);
    let event = EventKind::Redirected {
        destination: FAR.parse().unwrap(),
        next_hop: ROUTERS[1].into(),
    };
    assert_eq!(redirected(&mut log), [event]);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    assert_eq!(lan.way(&socket, "2001:db8:f::2"), Ok(0));
    // The router says it again, though it is no longer the first hop: refused, and all stays.
    lan.refuses(0, &packet, REASON);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    // The new first hop may redirect further, here back.
    lan.send(
        1,
        &redirect(&lan, ROUTERS[1], &ROUTERS[0].to_string(), FAR, &[]),
    );
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn redirect_to_the_destination_says_that_it_is_on_the_link() {
    let (lan, socket) = routed();
    lan.send(0, &redirect(&lan, ROUTERS[0], FAR, FAR, &[]));
    assert!(lan.is_direct(&socket, FAR));
    // With the target's link address nobody has to be asked.
    let other = "2001:db8:f::2";
    let option = link_option(2, lan.routers[1].mac());
    lan.send(0, &redirect(&lan, ROUTERS[0], other, other, &option));
    assert_eq!(lan.way(&socket, other), Ok(1));
}

#[test]
fn redirect_tells_the_link_address_of_a_router() {
    let (lan, socket) = routed();
    let unknown = "fe80::77";
    let option = link_option(2, lan.routers[1].mac());
    lan.send(0, &redirect(&lan, ROUTERS[0], unknown, FAR, &option));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    let target: IpAddr = unknown.parse().unwrap();
    let mut neighbors = lan.stack().neighbors(lan.id());
    let entry = neighbors
        .find(|n| IpAddr::from(n.address) == target)
        .unwrap();
    assert!(entry.is_router);
}

#[test]
fn redirect_that_is_not_valid_is_discarded() {
    let (lan, socket) = routed();
    let second = second();
    let good = redirect(&lan, ROUTERS[0], &second, FAR, &[]);
    let invalid = ReceiveDrop::NeighborDiscovery;
    let mut forwarded = good.clone();
    forwarded[7] = 254;
    lan.refuses(0, &forwarded, invalid);
    let global = "2001:db8::9".parse().unwrap();
    lan.refuses(0, &redirect(&lan, global, &second, FAR, &[]), invalid);
    // A group; a target that is neither link-local nor the destination; an option of length zero.
    lan.refuses(
        0,
        &redirect(&lan, ROUTERS[0], &second, "ff0e::1", &[]),
        invalid,
    );
    lan.refuses(
        0,
        &redirect(&lan, ROUTERS[0], "2001:db8::9", FAR, &[]),
        invalid,
    );
    lan.refuses(
        0,
        &redirect(&lan, ROUTERS[0], &second, FAR, &[2, 0, 0, 0, 0, 0, 0, 0]),
        invalid,
    );
    let own = lan.host.link_local(lan.link);
    let short = icmpv6((ROUTERS[0], own), 137, 0, [0; 4], &[0xfe; 31]);
    lan.refuses(0, &discovery(ROUTERS[0], own, &short), invalid);
    let data = join(&[
        &ROUTERS[1].octets(),
        &"2001:db8:f::1".parse::<Ipv6Addr>().unwrap().octets(),
    ]);
    let coded = icmpv6((ROUTERS[0], own), 137, 1, [0; 4], &data);
    lan.refuses(0, &discovery(ROUTERS[0], own, &coded), invalid);
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // Other options are passed over.
    let unknown = [200, 1, 0, 0, 0, 0, 0, 0];
    lan.send(0, &redirect(&lan, ROUTERS[0], &second, FAR, &unknown));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
}

#[test]
fn redirect_of_a_stranger_is_discarded() {
    let (lan, socket) = routed();
    let stranger = "fe80::666".parse().unwrap();
    lan.refuses(1, &redirect(&lan, stranger, "fe80::666", FAR, &[]), REASON);
    // Nor may another router redirect what does not go by way of it.
    lan.refuses(1, &redirect(&lan, ROUTERS[1], &second(), FAR, &[]), REASON);
    // Nor one that is the first hop what never reaches it.
    lan.refuses(
        0,
        &redirect(&lan, ROUTERS[0], "fe80::1", "fe80::1", &[]),
        REASON,
    );
    // Nor send us to ourselves, or to where we are.
    let own = lan.host.link_local(lan.link).to_string();
    lan.refuses(0, &redirect(&lan, ROUTERS[0], &own, FAR, &[]), REASON);
    lan.refuses(
        0,
        &redirect(&lan, ROUTERS[0], &ROUTERS[0].to_string(), FAR, &[]),
        REASON,
    );
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    assert_eq!(lan.stack().routes().count(), 2);
}

#[test]
fn redirects_are_bounded_and_the_oldest_gives_way() {
    let (lan, socket) = routed();
    let destination = |n: usize| format!("2001:db8:f::{:x}", n + 1);
    for n in 0..=config::REDIRECTS {
        lan.send(
            0,
            &redirect(&lan, ROUTERS[0], &second(), &destination(n), &[]),
        );
    }
    let redirects = lan.stack().routes();
    let redirects = redirects.filter(|route| route.origin == RouteOrigin::Redirect);
    assert_eq!(redirects.count(), config::REDIRECTS);
    assert_eq!(lan.way(&socket, &destination(0)), Ok(0));
    for n in 1..=config::REDIRECTS {
        assert_eq!(lan.way(&socket, &destination(n)), Ok(1));
    }
}

#[test]
fn redirect_ends_after_ten_minutes() {
    let (lan, socket) = routed();
    lan.send(0, &redirect(&lan, ROUTERS[0], &second(), FAR, &[]));
    lan.net.run_for(secs(599));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    lan.net.run_for(secs(1));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn redirect_to_a_router_that_does_not_answer_ends() {
    let (lan, socket) = routed();
    lan.send(0, &redirect(&lan, ROUTERS[0], "fe80::77", FAR, &[]));
    // It is asked for, and never answers.
    assert!(
        socket
            .try_send_to(b"data", Some((FAR.parse::<IpAddr>().unwrap(), 9).into()))
            .is_ok()
    );
    lan.net.run_for(secs(4));
    let _ = socket.try_recv();
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    // So does one to a host that is not there.
    lan.send(0, &redirect(&lan, ROUTERS[0], FAR, FAR, &[]));
    assert!(lan.is_direct(&socket, FAR));
    lan.net.run_for(secs(4));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn redirect_to_a_router_that_becomes_a_host_ends() {
    let (lan, socket) = routed();
    let option = link_option(2, lan.routers[1].mac());
    lan.send(0, &redirect(&lan, ROUTERS[0], "fe80::77", FAR, &option));
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    let own = lan.host.link_local(lan.link);
    let other: Ipv6Addr = "fe80::77".parse().unwrap();
    lan.send(
        1,
        &advertisement(other, own, SOLICITED | OVERRIDE, other, &option),
    );
    assert_eq!(lan.way(&socket, FAR), Ok(0));
}

#[test]
fn redirects_can_be_refused() {
    let (lan, socket) = routed();
    let packet = redirect(&lan, ROUTERS[0], &second(), FAR, &[]);
    lan.send(0, &packet);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    assert!(lan.stack().set_redirects(lan.id(), false));
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    lan.refuses(0, &packet, REASON);
    assert_eq!(lan.way(&socket, FAR), Ok(0));
    assert!(lan.stack().set_redirects(lan.id(), true));
    lan.send(0, &packet);
    assert_eq!(lan.way(&socket, FAR), Ok(1));
    assert!(!lan.stack().set_redirects(99, true));
}

#[test]
fn redirects_end_with_the_link() {
    let (lan, _socket) = routed();
    lan.send(0, &redirect(&lan, ROUTERS[0], &second(), FAR, &[]));
    lan.link.down();
    lan.net.run_for(secs(1));
    assert_eq!(lan.stack().routes().count(), 0);
}

// ---- IPv4 --------------------------------------------------------------------------------

const OWN4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const GATEWAYS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 161), Ipv4Addr::new(192, 0, 2, 162)];
const FAR4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// A host with an IPv4 gateway, and a socket.
fn routed_ipv4() -> (Lan, UdpSocket<'static>) {
    let lan = lan();
    lan.host.add(lan.link, "192.0.2.1/24");
    let default = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    lan.stack()
        .add_route(Route {
            prefix: Prefix::new(default.try_into().unwrap(), 0).unwrap(),
            gateway: Some(GATEWAYS[0].into()),
            interface: lan.id(),
            metric: 0,
            expires: None,
            origin: RouteOrigin::Static,
        })
        .unwrap();
    let socket = lan.host.udp("0.0.0.0:5000");
    assert_eq!(lan.way(&socket, &FAR4.to_string()), Ok(0));
    (lan, socket)
}

/// A frame with an ICMP redirect to the host (RFC 792), about a datagram of its own.
fn redirect_ipv4(
    lan: &Lan,
    code: u8,
    source: Ipv4Addr,
    gateway: Ipv4Addr,
    quoted: (Ipv4Addr, Ipv4Addr),
) -> Vec<u8> {
    let datagram = udp((quoted.0.into(), 5000), (quoted.1.into(), 9), b"data");
    let quote = Ip4::new(quoted.0, quoted.1, UDP).with(&datagram);
    let message = icmp(5, code, gateway.octets(), &quote[..28]);
    let packet = Ip4::new(source, OWN4, ICMP).with(&message);
    ethernet(lan.host.mac(lan.link), lan.routers[0].mac(), IPV4, &packet)
}

fn send_ipv4(lan: &Lan, frame: Vec<u8>) -> u32 {
    let drops = || lan.host.counters(lan.link).receive_drops(REASON);
    let before = drops();
    lan.routers[0].send(frame);
    lan.net.run_for(ms(1));
    drops() - before
}

#[test]
fn ipv4_redirect_changes_the_gateway_of_one_host_even_if_it_is_for_a_network() {
    for code in 0..4 {
        let (lan, socket) = routed_ipv4();
        let mut log = lan.stack().events();
        let frame = redirect_ipv4(&lan, code, GATEWAYS[0], GATEWAYS[1], (OWN4, FAR4));
        assert_eq!(send_ipv4(&lan, frame), 0);
        let event = EventKind::Redirected {
            destination: FAR4.into(),
            next_hop: GATEWAYS[1].into(),
        };
        assert_eq!(redirected(&mut log), [event]);
        assert_eq!(lan.way(&socket, &FAR4.to_string()), Ok(1));
        assert_eq!(lan.way(&socket, "198.51.100.2"), Ok(0));
    }
}

#[test]
fn ipv4_redirect_of_a_stranger_or_to_nowhere_is_discarded() {
    let (lan, socket) = routed_ipv4();
    let ours = (OWN4, FAR4);
    for (source, gateway, quoted) in [
        // Not the current gateway.
        (GATEWAYS[1], GATEWAYS[1], ours),
        (FAR4, GATEWAYS[1], ours),
        // Not on the subnet.
        (GATEWAYS[0], Ipv4Addr::new(203, 0, 113, 1), ours),
        // The gateway that it is already, ourselves, everybody, nobody.
        (GATEWAYS[0], GATEWAYS[0], ours),
        (GATEWAYS[0], OWN4, ours),
        (GATEWAYS[0], Ipv4Addr::new(192, 0, 2, 255), ours),
        (GATEWAYS[0], Ipv4Addr::new(224, 0, 0, 1), ours),
        (GATEWAYS[0], Ipv4Addr::UNSPECIFIED, ours),
        // Not about what we have sent, or what needs no gateway.
        (
            GATEWAYS[0],
            GATEWAYS[1],
            (Ipv4Addr::new(192, 0, 2, 7), FAR4),
        ),
        (
            GATEWAYS[0],
            GATEWAYS[1],
            (OWN4, Ipv4Addr::new(192, 0, 2, 7)),
        ),
        (
            GATEWAYS[0],
            GATEWAYS[1],
            (OWN4, Ipv4Addr::new(224, 0, 0, 7)),
        ),
    ] {
        let frame = redirect_ipv4(&lan, 1, source, gateway, quoted);
        assert_eq!(send_ipv4(&lan, frame), 1, "{source} {gateway} {quoted:?}");
    }
    assert_eq!(lan.way(&socket, &FAR4.to_string()), Ok(0));
    assert_eq!(lan.stack().routes().count(), 1);
    lan.stack().set_redirects(lan.id(), false);
    let frame = redirect_ipv4(&lan, 1, GATEWAYS[0], GATEWAYS[1], ours);
    assert_eq!(send_ipv4(&lan, frame), 1);
}

#[test]
fn ipv4_redirect_to_a_gateway_that_does_not_answer_ends() {
    let (lan, socket) = routed_ipv4();
    let silent = Ipv4Addr::new(192, 0, 2, 77);
    let frame = redirect_ipv4(&lan, 1, GATEWAYS[0], silent, (OWN4, FAR4));
    assert_eq!(send_ipv4(&lan, frame), 0);
    assert!(socket.try_send_to(b"data", Some((FAR4, 9).into())).is_ok());
    lan.net.run_for(secs(4));
    assert_eq!(lan.way(&socket, &FAR4.to_string()), Ok(0));
}
