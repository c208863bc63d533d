//! The loopback interface (RFC 1122 §3.2.1.3 g, RFC 4291 §2.5.3).

use std::net::IpAddr;

use zonda::iface::{AddressError, Ipv4Cidr, ReceiveDrop};
use zonda::link::{Capabilities, Port};
use zonda::socket::SendError;
use zonda::stack::InterfaceId;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// Gives a host a loopback interface.
fn loopback(host: Host, mtu: u16) -> InterfaceId {
    let port = Box::leak(Box::new(Port::new(Capabilities::ip(mtu))));
    host.stack().attach_loopback(port).unwrap()
}

/// A host on an Ethernet that has a loopback interface too.
fn looped(mtu: u16) -> (Alone, InterfaceId) {
    let a = acquainted();
    let id = loopback(a.host, mtu);
    (a, id)
}

#[test]
fn host_talks_to_itself_by_every_address_of_loopback_and_nothing_leaves() {
    let (a, id) = looped(1500);
    let (client, server) = (a.host.udp("[::]:0"), a.host.udp("[::]:7"));
    for to in ["127.0.0.1", "127.0.0.2", "127.255.3.4", "::1"] {
        let to: IpAddr = to.parse().unwrap();
        client.try_send_to(b"me", Some((to, 7).into())).unwrap();
        a.net.run_for(ms(1));
        let (data, info) = server.try_recv().unwrap();
        assert_eq!((info.interface, info.destination), (id, to));
        assert_eq!(info.source.ip(), to);
        server.try_send(data, Some(info.source)).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(client.try_recv().unwrap().1.source, (to, 7).into());
        let ping = a.host.ping();
        a.net.block_on(ping.ping(to, 1, b"me", secs(1))).unwrap();
    }
    assert!(a.sent().is_empty());
    let counters = a.stack().counters(id).unwrap();
    assert_eq!(counters.received, counters.accepted);
}

#[cfg(feature = "tcp")]
#[test]
fn connection_to_loopback_carries_a_stream() {
    use embedded_io_async::{Read, Write};
    use zonda::socket::{TcpListener, TcpSocket};

    for (local, mtu, loss) in [
        ("127.0.0.1:7", 1500, 0),
        ("[::1]:7", 1500, 0),
        ("127.0.0.1:7", 576, 50),
        ("[::1]:7", 1280, 50),
    ] {
        let net = Network::new(5);
        let host = net.host("host");
        let id = loopback(host, mtu);
        assert!(host.stack().set_loopback_loss(id, loss));
        let local = local.parse().unwrap();
        let listener = TcpListener::bind(host.stack(), local, 2).unwrap();
        let client = net.block_on(TcpSocket::connect(host.stack(), local));
        let (mut client, mut server) = (client.unwrap(), net.block_on(listener.accept()));
        let sent: Vec<u8> = (0..100_000u32).map(|n| (n / 7) as u8).collect();
        let data = sent.clone();
        let writer = net.spawn(async move {
            client.write_all(&data).await.unwrap();
        });
        let mut received = vec![0; sent.len()];
        net.block_on(server.read_exact(&mut received)).unwrap();
        assert!(received == sent);
        assert!(writer.is_done());
        let lost = host.stack().counters(id).unwrap();
        let lost = lost.receive_drops(ReceiveDrop::Lost);
        assert_eq!(lost > 0, loss > 0);
    }
}

#[test]
fn packet_from_or_to_loopback_is_not_taken_from_the_wire() {
    let (a, _) = looped(1500);
    let socket = a.host.udp("[::]:7");
    for (host, peer) in [("127.0.0.1", "10.0.0.9"), ("127.0.0.2", "127.0.0.1")] {
        let (host, peer): (IpAddr, IpAddr) = (host.parse().unwrap(), peer.parse().unwrap());
        let datagram = udp((peer, 9), (host, 7), b"x");
        let answers = a.ask(a.to_host(&ip(peer, host, UDP, &datagram)));
        assert!(answers.is_empty());
    }
    for (host, peer) in [("::1", "fd00::9"), ("fd00::1", "::1")] {
        let (host, peer): (IpAddr, IpAddr) = (host.parse().unwrap(), peer.parse().unwrap());
        let datagram = udp((peer, 9), (host, 7), b"x");
        let answers = a.ask(a.to_host(&ip(peer, host, UDP, &datagram)));
        assert!(answers.is_empty());
    }
    assert!(socket.try_recv().is_none());
}

#[test]
fn loopback_address_is_no_source_on_the_wire() {
    let (a, _) = looped(1500);
    for (local, to) in [
        ("127.0.0.1:5000", PEER4.into()),
        ("[::1]:5000", IpAddr::V6(PEER6)),
    ] {
        let socket = a.host.udp(local);
        let result = socket.try_send_to(b"x", Some((to, 9).into()));
        assert_eq!(result, Err(SendError::NoRoute));
    }
    a.net.run_for(secs(5));
    assert!(a.sent().is_empty());
}

#[test]
fn socket_can_be_bound_to_loopback_and_hears_nothing_else() {
    let (a, _) = looped(1500);
    let here = a.host.udp("127.0.0.2:7");
    let client = a.host.udp("[::]:0");
    for (to, hears) in [
        ("127.0.0.2:7", true),
        ("127.0.0.1:7", false),
        ("10.0.0.1:7", false),
    ] {
        client.try_send_to(b"x", Some(to.parse().unwrap())).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(here.try_recv().is_some(), hears, "{to}");
    }
}

#[test]
fn mtu_of_loopback_holds() {
    let (a, _) = looped(600);
    let socket = a.host.udp("[::]:0");
    socket.set_dont_fragment(true);
    let to = Some("127.0.0.1:9".parse().unwrap());
    assert_eq!(
        socket.try_send_to(&[0; 573], to),
        Err(SendError::TooLong { most: 572 })
    );
    socket.try_send_to(&[0; 572], to).unwrap();
}

#[test]
fn other_interface_gets_no_loopback_address_nor_loopback_another() {
    let (a, id) = looped(1500);
    let stack = a.stack();
    let loopback = Ipv4Cidr::new([127, 0, 0, 5].into(), 8);
    let other = Ipv4Cidr::new([10, 0, 7, 1].into(), 24);
    let wire = a.host.interface(a.link);
    assert_eq!(stack.add_ipv4(wire, loopback), Err(AddressError::Invalid));
    assert_eq!(stack.add_ipv4(id, other), Err(AddressError::Invalid));
    assert!(!stack.set_loopback_loss(wire, 1));
}

#[cfg(feature = "multicast")]
#[test]
fn group_on_loopback_is_heard_once() {
    let (a, id) = looped(1500);
    let socket = a.host.udp("[::]:7");
    let group: IpAddr = "224.0.0.77".parse().unwrap();
    socket.join(group, id).unwrap();
    socket.set_multicast_interface(Some(id));
    socket.try_send_to(b"x", Some((group, 7).into())).unwrap();
    a.net.run_for(ms(1));
    assert!(socket.try_recv().is_some());
    assert!(socket.try_recv().is_none());
    assert!(a.sent().is_empty());
}
