//! What changes while the stack runs: MTU, hardware address, the link itself.

use std::net::{IpAddr, SocketAddr};

use zonda::iface::{EventKind, ReceiveDrop, SendDrop};
use zonda::socket::SendError;
use zonda::stack::MtuError;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

#[test]
fn mtu_can_be_lowered_and_raised_up_to_that_of_the_link() {
    let a = neighborly();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    let socket = a.host.udp("[::]:0");
    socket.set_dont_fragment(true);
    let mut events = stack.events();
    for (wished, real) in [(1300, 1300), (1400, 1400), (9000, 1500), (1280, 1280)] {
        stack.set_mtu(id, wished).unwrap();
        assert_eq!(stack.interface(id).unwrap().mtu, real);
        let event = events.try_next().unwrap().unwrap();
        assert_eq!(event.kind, EventKind::Mtu(real));
        for ((_, peer), headers) in PAIRS.into_iter().zip([28, 48]) {
            let most = usize::from(real) - headers;
            let to = Some((peer, 9).into());
            let refused = socket.try_send_to(&vec![0; most + 1], to);
            assert_eq!(refused, Err(SendError::TooLong { most }));
            socket.try_send_to(&vec![0; most], to).unwrap();
            a.net.run_for(ms(1));
            assert_eq!(a.sent().len(), 1);
        }
    }
    // It stays when the driver says something new.
    a.host.change(a.link, |link| link.mtu = 1450);
    assert_eq!(stack.interface(id).unwrap().mtu, 1280);
    assert_eq!(events.try_next(), None);
    assert_eq!(stack.set_mtu(id, 67), Err(MtuError::TooSmall));
    assert_eq!(stack.set_mtu(9, 1500), Err(MtuError::NoInterface));
}

#[test]
fn rfc_8200_5_interface_with_an_mtu_below_1280_has_no_ipv6() {
    let a = neighborly();
    let (stack, id) = (a.stack(), a.host.interface(a.link));
    let socket = a.host.udp("[::]:7");
    stack.set_mtu(id, 1279).unwrap();
    let to = |peer: IpAddr| Some((peer, 9).into());
    let refused = socket.try_send_to(b"x", to(PEER6.into()));
    assert_eq!(refused, Err(SendError::NoRoute));
    a.refuses(a.datagram(1, (9, 7), b"x"), ReceiveDrop::Ipv6Destination);
    // IPv4 goes on.
    socket.try_send_to(b"x", to(PEER4.into())).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().len(), 1);
    // And so does IPv6 when the MTU is raised.
    stack.set_mtu(id, 1280).unwrap();
    socket.try_send_to(b"x", to(PEER6.into())).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().len(), 1);
    assert!(a.ask(a.datagram(1, (9, 7), b"x")).is_empty());
    assert!(socket.try_recv().is_some());
}

#[test]
fn hardware_address_can_change_and_frames_have_the_new_one() {
    let a = neighborly();
    let socket = a.host.udp("0.0.0.0:0");
    let mac = [2, 0, 0, 0, 0x44, 4];
    a.host.change(a.link, |link| {
        link.address = zonda::wire::LinkAddr::ethernet(mac);
    });
    let to = Some((IpAddr::from(PEER4), 9).into());
    socket.try_send_to(b"x", to).unwrap();
    a.net.run_for(ms(1));
    let sent = a.sent();
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|frame| frame.from == mac));
    let request = ethernet(BROADCAST, a.peer.mac(), ARP, &a.request());
    let answers = a.ask(request);
    assert_eq!(answers[0].arp().unwrap().sender, (mac, HOST4));
}

#[test]
fn what_waits_for_a_neighbor_is_not_sent_from_an_address_that_was_removed() {
    let a = alone();
    let id = a.host.interface(a.link);
    for (host, peer) in PAIRS {
        let other = ["10.0.0.2/24", "fd00::2/64"][usize::from(host.is_ipv6())];
        a.host.add(a.link, other);
        let other = other.split_once('/').unwrap().0.parse().unwrap();
        for own in [host, other] {
            let socket = a.host.udp_bind(SocketAddr::new(own, 0).into());
            socket.try_send_to(b"x", Some((peer, 9).into())).unwrap();
        }
        let source = |a: &Alone| a.host.counters(a.link).send_drops(SendDrop::Source);
        let before = source(&a);
        assert!(a.stack().remove_address(id, other));
        assert_eq!(source(&a), before + 1);
    }
    a.net.run_for(ms(1));
    a.sent();
    // The others are sent.
    let sources = [a.ask(a.reply()), a.ask(a.advertise(SOLICITED | OVERRIDE))];
    let sources = sources.map(|seen| seen[0].ip().unwrap().source);
    assert_eq!(sources, PAIRS.map(|(host, _)| host));
}

/// The cable is drawn out and put back in, and everything is as before, but that addresses are
/// probed first (RFC 5227 §2.1).
#[cfg(all(feature = "tcp", feature = "acd"))]
#[test]
fn link_that_was_down_is_back_with_all_that_it_carried() {
    use embedded_io_async::{Read, Write};
    use zonda::iface::{ConflictDetection, Ipv4State};
    use zonda::socket::{TcpListener, TcpSocket};

    let net = Network::new(9);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]).delay(ms(1));
    for (host, four, six) in [
        (a, "10.0.0.1/24", "fd00::1/64"),
        (b, "10.0.0.2/24", "fd00::2/64"),
    ] {
        let detection = ConflictDetection::DefendOnce;
        let id = host.interface(link);
        host.stack().set_conflict_detection(id, detection);
        host.add(link, four).add(link, six);
    }
    net.run_for(secs(20));
    let group: IpAddr = "224.0.0.77".parse().unwrap();
    let server = b.udp("[::]:7");
    server.join(group, b.interface(link)).unwrap();
    let client = a.udp("[::]:0");
    let listener = TcpListener::bind(b.stack(), "[::]:7".parse().unwrap(), 2).unwrap();
    let remote = "10.0.0.2:7".parse().unwrap();
    let stream = net.block_on(TcpSocket::connect(a.stack(), remote));
    let (mut stream, mut accepted) = (stream.unwrap(), net.block_on(listener.accept()));
    let mut data = [0; 5];
    for round in 0..3 {
        let id = a.interface(link);
        let mut events = a.stack().events();
        net.block_on(stream.write_all(b"hello")).unwrap();
        link.down();
        net.run_for(secs(3));
        link.up();
        net.settle();
        let state = || a.stack().interface(id).unwrap().ipv4[0].state;
        assert_eq!(state(), Ipv4State::Probing);
        net.run_for(secs(10));
        assert_eq!(state(), Ipv4State::Active);
        let address = "10.0.0.1".parse().unwrap();
        let kinds = std::iter::from_fn(|| events.try_next()).map(|event| event.unwrap().kind);
        let kinds: Vec<_> = kinds.collect();
        for expected in [
            EventKind::LinkDown,
            EventKind::LinkUp,
            EventKind::AddressRemoved(address),
            EventKind::AddressAdded(address),
        ] {
            assert!(kinds.contains(&expected), "{round}: {kinds:?}");
        }
        for to in ["10.0.0.2:7", "[fd00::2]:7", "224.0.0.77:7"] {
            client.try_send_to(b"x", Some(to.parse().unwrap())).unwrap();
            net.run_for(ms(100));
            assert!(server.try_recv().is_some(), "{round}: {to}");
        }
        // What was written before comes through.
        net.block_on(accepted.read_exact(&mut data)).unwrap();
        assert_eq!(&data, b"hello");
    }
}
