//! What a host accepts of IPv6 (RFC 8200).

use zonda::iface::ReceiveDrop;

use crate::alone::*;
use crate::frame::*;

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
