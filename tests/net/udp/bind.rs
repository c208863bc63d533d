//! Where sockets are bound and connected: what they hear, and where they send from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use zonda::socket::{BindError, SendError, UdpBind, UdpSocket};

use super::*;

#[test]
fn socket_receives_what_its_address_and_port_say() {
    let a = acquainted();
    let any = a.host.udp("[::]:7000");
    let four = a.host.udp("10.0.0.1:7001");
    let six = a.host.udp("[fd00::1]:7002");
    for port in 7000..7004 {
        for version in [0, 1] {
            a.peer.send(a.datagram(version, (1, port), b"x"));
        }
    }
    a.net.run_for(ms(1));
    let counts = [&any, &four, &six].map(|socket| received(socket).len());
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn port_in_use_is_refused_unless_both_share_it() {
    let a = alone();
    let stack = a.stack();
    let first = a.host.udp("0.0.0.0:7000");
    assert_eq!(
        UdpSocket::bind(stack, addr("0.0.0.0:7000")).err(),
        Some(BindError::InUse)
    );
    let reuse = UdpBind::new(addr("0.0.0.0:7000")).reuse(true);
    assert_eq!(UdpSocket::bind(stack, reuse).err(), Some(BindError::InUse));
    drop(first);
    let _one = a.host.udp_bind(reuse);
    let _two = a.host.udp_bind(reuse);
    assert_eq!(
        UdpSocket::bind(stack, addr("0.0.0.0:7000")).err(),
        Some(BindError::InUse)
    );
}

#[test]
fn foreign_address_and_missing_interface_are_refused() {
    let a = alone();
    let stack = a.stack();
    assert_eq!(
        UdpSocket::bind(stack, addr("10.0.0.77:1")).err(),
        Some(BindError::NotOurs)
    );
    assert_eq!(
        UdpSocket::bind(stack, addr("[fd00::77]:1")).err(),
        Some(BindError::NotOurs)
    );
    let nowhere = UdpBind::new(addr("0.0.0.0:1")).interface(5);
    assert_eq!(
        UdpSocket::bind(stack, nowhere).err(),
        Some(BindError::NoInterface)
    );
}

#[test]
fn table_of_sockets_ends_and_places_come_back() {
    let a = alone();
    let mut sockets = Vec::new();
    let error = loop {
        match UdpSocket::bind(a.stack(), addr("0.0.0.0:0")) {
            Ok(socket) => sockets.push(socket),
            Err(error) => break error,
        }
    };
    assert_eq!((sockets.len(), error), (64, BindError::TableFull));
    sockets.pop();
    assert!(UdpSocket::bind(a.stack(), addr("0.0.0.0:0")).is_ok());
}

/// RFC 6056 §3: not to be foreseen.
#[test]
fn ephemeral_ports_are_random_and_in_range() {
    let a = alone();
    let ports: Vec<u16> = (0..200)
        .map(|_| a.host.udp("0.0.0.0:0").local_addr().port())
        .collect();
    assert!(ports.iter().all(|port| *port >= 1024), "{ports:?}");
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(
        distinct.len() > 180,
        "{} of 200 ports differ",
        distinct.len()
    );
    let ascending = ports.windows(2).filter(|pair| pair[0] < pair[1]).count();
    assert!((60..140).contains(&ascending));
}

#[test]
fn socket_of_an_interface_hears_and_uses_only_that() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let (first, second) = (host.interface(one), host.interface(two));
    let bind = UdpBind::new(addr("0.0.0.0:7000")).reuse(true);
    let sockets = [
        host.udp_bind(bind.interface(first)),
        host.udp_bind(bind.interface(second)),
    ];
    for (n, (peer, link)) in [(left, one), (right, two)].into_iter().enumerate() {
        let (from, to) = (
            Ipv4Addr::new(10, 0, n as u8, 9),
            Ipv4Addr::new(10, 0, n as u8, 1),
        );
        let datagram = udp((from.into(), 1), (to.into(), 7000), b"x");
        let packet = ip(from.into(), to.into(), UDP, &datagram);
        peer.send(ethernet(host.mac(link), peer.mac(), IPV4, &packet));
        net.run_for(ms(1));
        assert_eq!(
            sockets[n].try_recv().unwrap().1.interface,
            [first, second][n]
        );
        assert!(sockets[1 - n].try_recv().is_none());
    }
    assert_eq!(
        sockets[0].try_send_to(b"x", Some(addr("10.0.1.9:1"))),
        Err(SendError::NoRoute)
    );
    left.take();
    sockets[0]
        .try_send_to(b"x", Some(addr("10.0.0.9:1")))
        .unwrap();
    net.run_for(ms(1));
    assert_eq!((left.take().len(), right.take().len()), (1, 0));
}

#[test]
fn connected_socket_hears_its_peer_only() {
    let a = acquainted();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.host.udp("[::]:7000");
        socket.connect((peer, 1).into()).unwrap();
        assert_eq!(socket.peer_addr(), Some((peer, 1).into()));
        a.peer.send(a.datagram(version, (1, 7000), b"peer"));
        a.peer.send(a.datagram(version, (2, 7000), b"other port"));
        a.peer
            .send(a.datagram(1 - version, (1, 7000), b"other address"));
        a.net.run_for(ms(1));
        assert_eq!(received(&socket), [b"peer"]);
        socket.try_send_to(b"there", None).unwrap();
        socket.disconnect();
        assert_eq!(
            socket.try_send_to(b"x", None),
            Err(SendError::NoDestination)
        );
        a.peer.send(a.datagram(version, (2, 7000), b"anybody"));
        a.net.run_for(ms(1));
        assert_eq!(received(&socket), [b"anybody"]);
        a.net.run_for(secs(1));
    }
}

#[test]
fn connected_socket_goes_before_one_that_is_not() {
    let a = acquainted();
    let bind = UdpBind::new(addr("[::]:7000")).reuse(true);
    let (open, connected) = (a.host.udp_bind(bind), a.host.udp_bind(bind));
    connected.connect((PEER4, 1).into()).unwrap();
    a.peer.send(a.datagram(0, (1, 7000), b"for the connected"));
    a.peer.send(a.datagram(0, (2, 7000), b"for the open"));
    a.net.run_for(ms(1));
    assert_eq!(received(&connected), [b"for the connected"]);
    assert_eq!(received(&open), [b"for the open"]);
}

#[test]
fn invalid_destinations_are_refused() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    for to in ["0.0.0.0:1", "[::]:1", "10.0.0.9:0", "[fd00::9]:0"] {
        assert_eq!(socket.connect(addr(to)), Err(SendError::InvalidDestination));
        let sent = socket.try_send_to(b"x", Some(addr(to)));
        assert_eq!(sent, Err(SendError::InvalidDestination));
    }
    assert_eq!(
        socket.try_send_to(b"x", None),
        Err(SendError::NoDestination)
    );
    assert_eq!(
        socket.try_send_to(b"x", Some(addr("192.0.2.1:1"))),
        Err(SendError::NoRoute)
    );
    assert_eq!(
        socket.try_send_to(b"x", Some(addr("[2001:db8::1]:1"))),
        Err(SendError::NoRoute)
    );
}

/// Two links, and link-local peers of one address on both.
#[test]
fn defect_060_link_local_peer_is_reached_over_its_own_interface() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    let peer: Ipv6Addr = "fe80::9".parse().unwrap();
    let socket = host.udp("[::]:7000");
    for (n, (station, link, other)) in [(left, one, right), (right, two, left)]
        .into_iter()
        .enumerate()
    {
        let own = host.link_local(link);
        let option = link_option(1, station.mac());
        let ask = solicitation(peer, own, own, &option);
        station.send(ethernet(host.mac(link), station.mac(), IPV6, &ask));
        let datagram = udp((peer.into(), 9), (own.into(), 7000), b"hello");
        let packet = ip(peer.into(), own.into(), UDP, &datagram);
        station.send(ethernet(host.mac(link), station.mac(), IPV6, &packet));
        net.run_for(ms(1));
        let (_, info) = socket.try_recv().unwrap();
        let zone = u32::from(host.interface(link)) + 1;
        assert_eq!(
            info.source,
            SocketAddr::V6(SocketAddrV6::new(peer, 9, 0, zone)),
            "link {n}"
        );
        left.take();
        right.take();
        // To whom it came from, unconnected and connected.
        socket.try_send_to(b"back", Some(info.source)).unwrap();
        socket.connect(info.source).unwrap();
        assert_eq!(socket.peer_addr(), Some(info.source));
        socket.try_send_to(b"again", None).unwrap();
        socket.disconnect();
        net.run_for(ms(1));
        assert_eq!(
            (station.take().len(), other.take().len()),
            (2, 0),
            "link {n}"
        );
    }
    // A connected socket does not take the other link's peer for its own.
    let zone = u32::from(host.interface(one)) + 1;
    socket
        .connect(SocketAddrV6::new(peer, 9, 0, zone).into())
        .unwrap();
    for (station, link) in [(left, one), (right, two)] {
        let own = host.link_local(link);
        let datagram = udp((peer.into(), 9), (own.into(), 7000), b"hello");
        let packet = ip(peer.into(), own.into(), UDP, &datagram);
        station.send(ethernet(host.mac(link), station.mac(), IPV6, &packet));
    }
    net.run_for(ms(1));
    assert_eq!(received(&socket).len(), 1);
}

/// RFC 1122 §3.2.1.3: a broadcast address is nobody's source.
#[test]
fn socket_bound_to_a_broadcast_address_sends_from_a_single_one() {
    let a = acquainted();
    let socket = a.host.udp("10.0.0.255:7000");
    socket.try_send_to(b"x", Some((PEER4, 9).into())).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].ip().unwrap().source, IpAddr::V4(HOST4));
}

#[test]
fn socket_bound_to_an_address_that_was_removed_does_not_send_from_it() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    a.host.add(a.link, "10.0.0.7/24").add(a.link, "fd00::7/64");
    for (own, peer) in [("10.0.0.7", IpAddr::V4(PEER4)), ("fd00::7", PEER6.into())] {
        let socket = a
            .host
            .udp(&SocketAddr::new(own.parse().unwrap(), 7000).to_string());
        socket.try_send_to(b"x", Some((peer, 9).into())).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent().len(), 1);
        assert!(a.stack().remove_address(id, own.parse().unwrap()));
        assert_eq!(
            socket.try_send_to(b"x", Some((peer, 9).into())),
            Err(SendError::NoRoute)
        );
        a.net.run_for(ms(1));
        assert!(a.sent().is_empty());
    }
}
