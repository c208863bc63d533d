//! Flow labels (RFC 6437).

use std::collections::HashSet;
use std::net::IpAddr;

use zonda::socket::UdpSocket;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// The flow labels of the frames that the host has sent over IPv6, but for Neighbor Discovery.
fn labels(a: &Alone) -> Vec<u32> {
    let frames = a.sent().into_iter().filter(|seen| seen.ethertype == IPV6);
    let flows = frames.filter(|seen| seen.body[6] != ICMPV6);
    let label = |seen: Seen| u32::from_be_bytes(seen.body[..4].try_into().unwrap()) & 0xf_ffff;
    flows.map(label).collect()
}

fn send(a: &Alone, socket: &UdpSocket<'_>, port: u16) -> u32 {
    let to = Some((IpAddr::V6(PEER6), port).into());
    socket.try_send_to(b"data", to).unwrap();
    a.net.run_for(ms(1));
    labels(a)[0]
}

#[test]
fn datagrams_of_a_flow_have_one_label_and_other_flows_others() {
    let a = neighborly();
    let socket = a.host.udp("[::]:5000");
    let first = send(&a, &socket, 9);
    assert_ne!(first, 0);
    assert_eq!(send(&a, &socket, 9), first);
    let all: HashSet<u32> = (0..50).map(|port| send(&a, &socket, 100 + port)).collect();
    assert_eq!(all.len(), 50);
    let other = a.host.udp("[::]:5001");
    assert_ne!(send(&a, &other, 9), first);
}

#[cfg(feature = "fragmentation")]
#[test]
fn fragments_have_the_label_and_the_hop_limit_of_their_flow() {
    let a = neighborly();
    let socket = a.host.udp("[::]:5000");
    let first = send(&a, &socket, 9);
    let to = Some((IpAddr::V6(PEER6), 9).into());
    socket.try_send_to(&[7; 4000], to).unwrap();
    a.net.run_for(ms(10));
    let fragments: Vec<Seen> = a.sent();
    assert_eq!(fragments.len(), 3);
    for fragment in fragments {
        let start = u32::from_be_bytes(fragment.body[..4].try_into().unwrap());
        assert_eq!(start & 0xf_ffff, first);
        assert_eq!(fragment.body[7], 64);
    }
}

#[cfg(all(feature = "fragmentation", feature = "ipv4"))]
#[test]
fn fragments_of_ipv4_have_the_usual_time_to_live() {
    let a = neighborly();
    let socket = a.host.udp("0.0.0.0:5000");
    socket
        .try_send_to(&[7; 4000], Some((IpAddr::V4(PEER4), 9).into()))
        .unwrap();
    a.net.run_for(ms(10));
    let fragments = a.sent();
    assert_eq!(fragments.len(), 3);
    assert!(fragments.iter().all(|fragment| fragment.body[8] == 64));
}

#[cfg(feature = "tcp")]
#[test]
fn segments_of_a_connection_have_one_label_from_the_first_on() {
    let a = neighborly();
    let listener = zonda::socket::TcpListener::bind(a.stack(), "[::]:80".parse().unwrap(), 1);
    let _listener = listener.unwrap();
    let segment = |flags, seq, ack, data: &[u8]| Tcp {
        source: 4000,
        destination: 80,
        seq,
        ack,
        flags,
        window: 1000,
        data: data.to_vec(),
        ..Tcp::default()
    };
    let exchange = |segment: Tcp| {
        let packet = segment.packet(PEER6.into(), HOST6.into());
        a.peer.send(a.to_host(&packet));
        a.net.run_for(ms(100));
    };
    exchange(segment(SYN, 1, 0, b""));
    let answer = a.sent();
    let answer = answer
        .iter()
        .find_map(|seen| Some((seen.ip()?.tcp()?, seen)));
    let (syn_ack, seen) = answer.unwrap();
    let label = u32::from_be_bytes(seen.body[..4].try_into().unwrap()) & 0xf_ffff;
    assert_ne!(label, 0);
    exchange(segment(ACK, 2, syn_ack.seq + 1, b""));
    exchange(segment(ACK | PSH, 2, syn_ack.seq + 1, b"data"));
    let later = labels(&a);
    assert!(!later.is_empty());
    assert!(
        later.iter().all(|other| *other == label),
        "{later:?} {label}"
    );
    exchange(segment(RST, 6, 0, b""));
}
