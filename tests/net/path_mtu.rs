//! Path MTU discovery (RFC 1191, RFC 8201).

use std::net::IpAddr;

use zonda::config::PATH_MTUS;
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{Event, EventKind, ReceiveDrop};
use zonda::ip::Unreachable;
use zonda::socket::{PingError, SendError, UdpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// An error from the peer, or a router behind it, about a packet that the host has sent: it was too
/// long for a link that takes `mtu`.
fn too_big(a: &Alone, packet: &[u8], mtu: u32) -> Vec<u8> {
    let quote = &packet[..packet.len().min(500)];
    let packet = match packet[0] >> 4 {
        4 => {
            let [_, _, high, low] = mtu.to_be_bytes();
            let message = icmp(3, 4, [0, 0, high, low], quote);
            ip(PEER4.into(), HOST4.into(), ICMP, &message)
        }
        _ => {
            let message = icmpv6((PEER6, HOST6), 2, 0, mtu.to_be_bytes(), quote);
            ip(PEER6.into(), HOST6.into(), ICMPV6, &message)
        }
    };
    a.to_host(&packet)
}

/// Sends a datagram; gives the packets that come of it.
fn send(a: &Alone, socket: &UdpSocket<'_>, to: IpAddr, length: usize) -> Vec<Seen> {
    a.sent();
    socket
        .try_send_to(&vec![7; length], Some((to, 9).into()))
        .unwrap();
    a.net.run_for(ms(1));
    a.sent()
}

/// The host sends to a peer, and hears that only `mtu` passes.
fn narrow(a: &Alone, socket: &UdpSocket<'_>, to: IpAddr, mtu: u32) {
    let sent = send(a, socket, to, 1400);
    let error = too_big(a, &sent[0].body, mtu);
    assert!(a.ask(error).is_empty());
}

/// RFC 8201 §4: "it must reduce its estimate of the PMTU for the relevant path"; RFC 1191 §3.
#[test]
fn defects_012_030_039_too_big_makes_the_next_packets_smaller() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    let mut events = a.stack().events();
    for (_, peer) in PAIRS {
        assert_eq!(a.stack().path_mtu(peer), Some(1500));
        assert_eq!(send(&a, &socket, peer, 1400).len(), 1);
        narrow(&a, &socket, peer, 1300);
        assert_eq!(a.stack().path_mtu(peer), Some(1300));
        let event = Event {
            interface: a.host.interface(a.link),
            kind: EventKind::PathMtu {
                destination: peer,
                mtu: 1300,
            },
        };
        assert_eq!(events.try_next(), Some(Ok(event)));
        let sent = send(&a, &socket, peer, 1400);
        assert!(sent.iter().all(|seen| seen.body.len() <= 1300));
        let sent: Vec<_> = sent.iter().map(|seen| seen.ip().unwrap()).collect();
        assert_eq!(reassemble(&sent).udp().unwrap().2, [7; 1400]);
        // What fits goes whole, as before.
        assert_eq!(send(&a, &socket, peer, 1200).len(), 1);
    }
    assert_eq!(events.try_next(), None);
}

/// RFC 8201 §5.1: of other destinations nothing is known.
#[test]
fn way_to_another_destination_is_as_it_was() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (_, peer) in PAIRS {
        narrow(&a, &socket, peer, 1300);
    }
    let others: [IpAddr; 2] = ["10.0.0.8".parse().unwrap(), "fd00::8".parse().unwrap()];
    for other in others {
        assert_eq!(a.stack().path_mtu(other), Some(1500));
    }
    // They are longer than the least that is known, and go whole.
    let far = a.net.peer("far");
    let link = a.net.link((a.host, far)).delay(us(10));
    a.host.add(link, "10.0.7.1/24");
    far.answer_for("10.0.7.9".parse().unwrap(), "fd07::9".parse().unwrap());
    a.net.run_for(ms(10));
    far.take();
    let to: IpAddr = "10.0.7.9".parse().unwrap();
    socket
        .try_send_to(&[7; 1400], Some((to, 9).into()))
        .unwrap();
    a.net.run_for(ms(10));
    let sent = far.take();
    let sent: Vec<_> = sent.iter().map(|frame| read(frame)).collect();
    let sent: Vec<_> = sent.iter().filter_map(Seen::ip).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].dont_fragment && sent[0].fragment.is_none());
}

/// What a neighbour asks is answered whole, however little passes on some other way.
#[test]
fn neighbors_are_answered_whatever_passes_elsewhere() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    narrow(&a, &socket, PEER4.into(), 68);
    a.introduce();
}

/// RFC 8201 §4: never below 1280, and never higher; RFC 1191 §3: never below 68.
#[test]
fn estimate_is_never_below_the_least_and_never_raised() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let sent = send(&a, &socket, peer, 1200);
        for mtu in [&[1, 67][..], &[0, 1, 68, 1279]][version] {
            let before = a.host.counters(a.link);
            let before = before.receive_drops(ReceiveDrop::IcmpUnused);
            assert!(a.ask(too_big(&a, &sent[0].body, *mtu)).is_empty());
            let after = a.host.counters(a.link);
            assert_eq!(after.receive_drops(ReceiveDrop::IcmpUnused), before + 1);
            assert_eq!(a.stack().path_mtu(peer), Some(1500));
        }
        narrow(&a, &socket, peer, 1400);
        for mtu in [1401, 1500, 9000, 70_000] {
            a.ask(too_big(&a, &sent[0].body, mtu));
            assert!(a.stack().path_mtu(peer) <= Some(1400));
        }
        let least = [68, 1280][version];
        a.ask(too_big(&a, &sent[0].body, least));
        assert_eq!(a.stack().path_mtu(peer), Some(least as usize));
        let sent = send(&a, &socket, peer, 1400);
        assert!(sent.iter().all(|seen| seen.body.len() <= least as usize));
        let sent: Vec<_> = sent.iter().map(|seen| seen.ip().unwrap()).collect();
        assert_eq!(reassemble(&sent).udp().unwrap().2, [7; 1400]);
    }
}

/// RFC 1191 §5, §7: a router of old does not say what it takes.
#[test]
fn router_that_does_not_say_is_answered_by_the_next_plateau() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    let peer: IpAddr = PEER4.into();
    for (length, next) in [
        (1472, 1492),
        (1464, 1006),
        (978, 508),
        (480, 296),
        (268, 68),
    ] {
        let sent = send(&a, &socket, peer, length);
        a.ask(too_big(&a, &sent[0].body, 0));
        assert_eq!(a.stack().path_mtu(peer), Some(next));
    }
}

/// RFC 8201 §4 with RFC 4443 §2.4: the packet must be one of ours.
#[test]
fn error_about_what_was_not_sent_changes_nothing() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (_, peer) in PAIRS {
        let sent = send(&a, &socket, peer, 1400).remove(0).body;
        let start = if peer.is_ipv4() { 20 } else { 40 };
        let mut other_port = sent.clone();
        other_port[start + 1] ^= 1;
        let mut other_protocol = sent.clone();
        other_protocol[if peer.is_ipv4() { 9 } else { 6 }] = 253;
        for quote in [other_port, other_protocol] {
            a.refuses(too_big(&a, &quote, 1300), ReceiveDrop::IcmpUnmatched);
            assert_eq!(a.stack().path_mtu(peer), Some(1500));
        }
    }
}

/// RFC 8201 §4, RFC 1191 §6.3: ten minutes.
#[test]
fn estimate_ends_after_ten_minutes() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (_, peer) in PAIRS {
        narrow(&a, &socket, peer, 1300);
    }
    a.net.run_for(secs(599));
    for (_, peer) in PAIRS {
        assert_eq!(a.stack().path_mtu(peer), Some(1300));
    }
    a.net.run_for(secs(2));
    for (_, peer) in PAIRS {
        assert_eq!(a.stack().path_mtu(peer), Some(1500));
        socket
            .try_send_to(&[7; 1400], Some((peer, 9).into()))
            .unwrap();
        a.net.run_for(ms(10));
        let sent = a.sent();
        let sent: Vec<_> = sent.iter().filter_map(Seen::ip).collect();
        assert!(sent.iter().all(|packet| packet.fragment.is_none()));
    }
}

/// RFC 8201 §5.2: the packetization layer is told, and one that may not fragment is refused.
#[test]
fn socket_that_does_not_fragment_is_told_what_passes() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    socket.set_dont_fragment(true);
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        socket.connect((peer, 9).into()).unwrap();
        narrow(&a, &socket, peer, 1300);
        assert_eq!(
            a.net.block_on(socket.recv()).unwrap_err(),
            Unreachable::TooBig(1300)
        );
        let most = 1300 - [28, 48][version];
        let to = Some((peer, 9).into());
        assert_eq!(
            socket.try_send_to(&[0; 1400], to),
            Err(SendError::TooLong { most })
        );
        assert_eq!(send(&a, &socket, peer, most).len(), 1);
        socket.disconnect();
    }
}

#[test]
fn echo_request_that_was_too_big_goes_in_fragments_the_next_time() {
    let a = neighborly();
    let ping = a.host.ping();
    for (_, peer) in PAIRS {
        ping.try_send(peer, 1, &[7; 1400]).unwrap();
        a.net.run_for(ms(1));
        let sent = a.sent();
        a.ask(too_big(&a, &sent[0].body, 1300));
        assert!(matches!(
            ping.try_recv(),
            Some(Err(PingError::Unreachable(Unreachable::TooBig(1300))))
        ));
        ping.try_send(peer, 2, &[7; 1400]).unwrap();
        a.net.run_for(ms(1));
        let sent: Vec<_> = a.sent().iter().map(|seen| seen.ip().unwrap()).collect();
        assert_eq!(reassemble(&sent).icmp().unwrap().3, [7; 1400]);
    }
}

/// Fragments, too, can turn out to be too long.
#[test]
fn fragments_that_were_too_big_become_smaller() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (_, peer) in PAIRS {
        let sent = send(&a, &socket, peer, 3000);
        a.ask(too_big(&a, &sent[0].body, 1300));
        assert_eq!(a.stack().path_mtu(peer), Some(1300));
        let sent = send(&a, &socket, peer, 3000);
        assert!(sent.iter().all(|seen| seen.body.len() <= 1300));
        // Of one that is not the first nobody can say whose it was.
        a.refuses(too_big(&a, &sent[1].body, 1280), ReceiveDrop::Icmp);
    }
}

/// The table is bounded: who comes last finds a place.
#[test]
fn newest_ways_are_known() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    let host = |number: usize| IpAddr::from([192, 0, 2, number as u8]);
    a.stack()
        .add_route(Route {
            prefix: Prefix::new(IpAddr::from([0; 4]).try_into().unwrap(), 0).unwrap(),
            gateway: Some(IpAddr::V4(PEER4).try_into().unwrap()),
            interface: a.host.interface(a.link),
            metric: 0,
            expires: None,
            origin: RouteOrigin::Static,
        })
        .unwrap();
    for number in 0..PATH_MTUS + 3 {
        a.net.run_for(ms(5));
        let to = host(number);
        narrow(&a, &socket, to, 1300);
        assert_eq!(a.stack().path_mtu(to), Some(1300));
    }
    assert_eq!(a.stack().path_mtu(host(0)), Some(1500));
    assert_eq!(a.stack().path_mtu(host(PATH_MTUS + 2)), Some(1300));
}

#[cfg(feature = "tcp")]
mod tcp {
    use super::*;
    use crate::tcp::*;

    /// RFC 8201 §5.4: "it should not send segments that would result in packets larger than the
    /// PMTU"; the MSS that is offered is that of the first link (RFC 1191 §3.1).
    #[test]
    fn connection_begins_with_what_passes() {
        for version in [0, 1] {
            let mut s = Session::over(version);
            let socket = s.a.host.udp("[::]:0");
            narrow(&s.a, &socket, s.peer, 1300);
            s.a.sent();
            let (mut connection, syn) = s.begun();
            assert_eq!(syn.mss(), Some([1460, 1440][version]));
            let answer = Tcp {
                options: mss(1440),
                ..s.segment(SYN | ACK, &[])
            };
            s.ask(answer);
            s.seq = s.seq.wrapping_add(1);
            write_all(&mut connection, &[1; 5000]);
            s.a.net.run_for(ms(1));
            let sent = s.a.sent();
            assert!(!sent.is_empty());
            for seen in &sent {
                assert!(seen.body.len() <= 1300);
                let packet = seen.ip().unwrap();
                assert!(packet.dont_fragment && packet.fragment.is_none());
            }
            assert_eq!(sent[0].body.len(), 1300);
            connection.abort();
        }
    }

    /// RFC 8201 §5.2: "the packetization layers must be notified about decreases in the PMTU", all
    /// that use the way.
    #[test]
    fn connection_learns_of_what_another_socket_was_told() {
        for version in [0, 1] {
            let mut s = Session::over(version);
            let mut connection = s.accepted(&mss([1460, 1440][version]));
            write_all(&mut connection, &[1; 1000]);
            assert_eq!(s.passed(ms(1)).len(), 1);
            s.acknowledge(1000);
            let socket = s.a.host.udp("[::]:0");
            narrow(&s.a, &socket, s.peer, 1300);
            s.a.sent();
            write_all(&mut connection, &[1; 3000]);
            s.a.net.run_for(ms(1));
            let sent = s.a.sent();
            assert!(sent.iter().all(|seen| seen.body.len() <= 1300));
            assert_eq!(sent[0].body.len(), 1300);
            connection.abort();
        }
    }

    /// Segments do not become smaller than the default for what an error says: then routers
    /// fragment.
    #[test]
    fn segments_below_the_least_may_be_fragmented_on_the_way() {
        let mut s = Session::over(0);
        let mut connection = s.accepted(&mss(1460));
        let socket = s.a.host.udp("[::]:0");
        narrow(&s.a, &socket, s.peer, 300);
        s.a.sent();
        write_all(&mut connection, &[1; 1000]);
        s.a.net.run_for(ms(1));
        let sent = s.a.sent();
        assert_eq!(sent[0].body.len(), 576);
        assert!(!sent[0].ip().unwrap().dont_fragment);
        assert_ne!(sent[0].body[4..6], [0, 0]);
        connection.abort();
    }
}
