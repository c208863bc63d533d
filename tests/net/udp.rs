//! UDP (RFC 768, RFC 1122 §4.1, RFC 8085) and its sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use zonda::iface::{AddressError, ReceiveDrop};
use zonda::netbuf::Purpose;
use zonda::socket::{BindError, SendError, UdpBind, UdpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What waits in a socket.
fn received(socket: &UdpSocket<'_>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut buf = [0; 2000];
    while let Some((length, _)) = socket.try_recv_from(&mut buf) {
        all.push(buf[..length].to_vec());
    }
    all
}

/// Two hosts with both versions; `b` is 10.0.0.2 and fd00::2.
fn two() -> (Network, Host, Host, Link) {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    (net, a, b, link)
}

// ---- Binding -----------------------------------------------------------------------------

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

// ---- Connected ---------------------------------------------------------------------------

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

// ---- Data and lengths --------------------------------------------------------------------

#[test]
fn every_size_that_fits_passes_both_ways_by_slice_and_by_buffer() {
    let (net, a, b, _) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for (to, most) in [("10.0.0.2:7", 1472), ("[fd00::2]:7", 1452)] {
        for size in (0..=most).filter(|n| *n < 140 || n % 97 == 0 || *n > most - 6) {
            let data: Vec<u8> = (0..size).map(|n| (n * 31) as u8).collect();
            client.try_send_to(&data, Some(addr(to))).unwrap();
            net.run_for(ms(2));
            let (buf, info) = server.try_recv().unwrap();
            assert!(buf.equals(&data) && info.length == size);
            server.try_send(buf, Some(info.source)).unwrap();
            net.run_for(ms(2));
            assert_eq!(received(&client), [data]);
        }
    }
}

#[test]
fn defects_029_074_what_does_not_fit_is_refused() {
    let (net, a, _, link) = two();
    let socket = a.udp("[::]:0");
    socket.set_dont_fragment(true);
    for mtu in [1500, 1280, 576] {
        link.mtu(mtu);
        net.run_for(ms(1));
        for (to, header) in [("10.0.0.2:7", 28), ("[fd00::2]:7", 48)] {
            // IPv6 has no smaller links (RFC 8200 §5).
            if mtu < 1280 && header == 48 {
                continue;
            }
            let most = usize::from(mtu) - header;
            let to = Some(addr(to));
            assert_eq!(
                socket.try_send_to(&vec![0; most + 1], to),
                Err(SendError::TooLong { most })
            );
            assert_eq!(socket.try_send_to(&vec![0; most], to), Ok(()));
            net.run_for(ms(10));
        }
    }
    assert_eq!(link.stats().too_long, 0);
}

#[test]
fn slice_that_is_too_short_gets_the_front_and_the_length() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    a.peer.send(a.datagram(0, (1, 7000), b"0123456789"));
    a.peer.send(a.datagram(0, (1, 7000), b"next"));
    a.net.run_for(ms(1));
    let mut buf = [0; 4];
    let (length, info) = socket.try_recv_from(&mut buf).unwrap();
    assert_eq!((&buf, length, info.length), (b"0123", 4, 10));
    assert_eq!(received(&socket), [b"next"]);
}

#[test]
fn packet_info_tells_how_a_datagram_came() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let datagram = udp((PEER4.into(), 5), (HOST4.into(), 7000), b"x");
    let header = Ip4 {
        ttl: 17,
        tos: 0xb9,
        ..Ip4::new(PEER4, HOST4, UDP)
    };
    a.peer.send(a.to_host(&header.with(&datagram)));
    let datagram = udp((PEER6.into(), 6), (HOST6.into(), 7000), b"x");
    let header = Ip6 {
        hop_limit: 18,
        traffic_class: 0x2e,
        ..Ip6::new(PEER6, HOST6, UDP)
    };
    a.peer.send(a.to_host(&header.with(&datagram)));
    a.net.run_for(ms(1));
    let (_, four) = socket.try_recv().unwrap();
    let (_, six) = socket.try_recv().unwrap();
    assert_eq!(
        (four.source, four.destination),
        ((PEER4, 5).into(), HOST4.into())
    );
    assert_eq!((four.hop_limit, four.traffic_class), (17, 0xb9));
    assert_eq!(
        (six.source, six.destination),
        ((PEER6, 6).into(), HOST6.into())
    );
    assert_eq!((six.hop_limit, six.traffic_class), (18, 0x2e));
    assert_eq!(four.interface, a.host.interface(a.link));
}

#[test]
fn hop_limit_and_traffic_class_are_those_of_the_socket() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (hop_limit, traffic_class, expected) in [(0, 0, 64), (1, 0xb8, 1), (255, 0xff, 255)] {
        socket.set_hop_limit(hop_limit);
        socket.set_traffic_class(traffic_class);
        for (_, peer) in PAIRS {
            socket.try_send_to(b"x", Some((peer, 9).into())).unwrap();
            a.net.run_for(ms(1));
            let packet = a.sent()[0].ip().unwrap();
            assert_eq!(
                (packet.hop_limit, packet.traffic_class),
                (expected, traffic_class)
            );
        }
    }
}

#[test]
fn higher_priority_overtakes_in_the_port() {
    let a = acquainted();
    a.link.from(a.host).line_rate(1_000_000);
    let (low, high) = (a.host.udp("[::]:1"), a.host.udp("[::]:2"));
    high.set_priority(3);
    for _ in 0..5 {
        low.try_send_to(&[0; 500], Some((PEER4, 9).into())).unwrap();
    }
    high.try_send_to(b"urgent", Some((PEER4, 9).into()))
        .unwrap();
    a.net.run_for(ms(100));
    let order: Vec<u16> = a
        .sent()
        .iter()
        .map(|seen| seen.ip().unwrap().udp().unwrap().0)
        .collect();
    assert_eq!(order.len(), 6);
    assert!(order[..2].contains(&2), "{order:?}");
}

#[test]
fn full_queue_is_said_and_can_be_waited_for() {
    let a = acquainted();
    a.link.from(a.host).line_rate(1_000_000);
    let socket = a.host.udp("[::]:1");
    let to: SocketAddr = (PEER4, 9).into();
    let mut sent = 0;
    let error = loop {
        match socket.try_send_to(b"x", Some(to)) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, SendError::QueueFull | SendError::NoBuffer),
        "{error:?}"
    );
    for _ in 0..100 {
        a.net.block_on(socket.send_to(b"y", to)).unwrap();
    }
    a.net.run_for(secs(1));
    assert_eq!(a.sent().len(), sent + 100);
}

// ---- Checksums ---------------------------------------------------------------------------

#[test]
fn ipv4_datagram_without_checksum_is_taken_and_ipv6_refused() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let mut datagram = udp((peer, 1), (host, 7000), b"no sum");
        datagram[6..8].fill(0);
        let frame = a.to_host(&ip(peer, host, UDP, &datagram));
        if version == 0 {
            a.ask(frame);
            assert_eq!(received(&socket), [b"no sum"]);
        } else {
            a.refuses(frame, ReceiveDrop::UdpChecksum);
            assert!(received(&socket).is_empty());
        }
    }
}

#[test]
fn damaged_datagram_is_skipped_and_the_wait_goes_on() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let mut buf = [0; 100];
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let before = a
            .host
            .counters(a.link)
            .receive_drops(ReceiveDrop::UdpChecksum);
        for at in [8, 12] {
            let mut bad = udp((peer, 1), (host, 7000), b"damaged");
            bad[at] ^= 0x10;
            a.peer.send(a.to_host(&ip(peer, host, UDP, &bad)));
        }
        let (peer_station, good) = (a.peer, a.datagram(version, (1, 7000), b"good"));
        let stack = a.stack();
        a.net.spawn(async move {
            stack.sleep(ms(500)).await;
            peer_station.send(good);
        });
        let start = a.net.now();
        let (length, _) = a.net.block_on(socket.recv_from(&mut buf)).unwrap();
        assert_eq!(&buf[..length], b"good");
        assert!(a.net.now().since(start) >= ms(500));
        let counters = a.host.counters(a.link);
        assert_eq!(counters.receive_drops(ReceiveDrop::UdpChecksum), before + 2);
        assert_eq!(socket.dropped(), 2 * (version as u32 + 1));
        a.host.check_counters();
    }
}

#[test]
fn header_that_contradicts_the_packet_is_refused() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (host, peer) in PAIRS {
        let good = udp((peer, 1), (host, 7000), b"data");
        for length in [0u16, 1, 7, 13, 100, 65_535] {
            let mut bad = good.clone();
            bad[4..6].copy_from_slice(&length.to_be_bytes());
            a.refuses(
                a.to_host(&ip(peer, host, UDP, &bad)),
                ReceiveDrop::UdpHeader,
            );
        }
        for length in 0..8 {
            a.refuses(
                a.to_host(&ip(peer, host, UDP, &good[..length])),
                ReceiveDrop::UdpHeader,
            );
        }
    }
    // Bytes behind the datagram, in the packet or in the frame, are cut off.
    for (host, peer) in PAIRS {
        let mut datagram = udp((peer, 1), (host, 7000), b"data");
        datagram.extend_from_slice(b"surplus");
        let mut frame = a.to_host(&ip(peer, host, UDP, &datagram));
        frame.extend_from_slice(b"padding");
        a.ask(frame);
        assert_eq!(received(&socket), [b"data"]);
    }
}

// ---- Groups and broadcast ----------------------------------------------------------------

const GROUPS: [&str; 2] = ["239.1.2.3", "ff02::1234"];

fn to_group(a: &Alone, group: IpAddr, port: u16) -> Vec<u8> {
    let source: IpAddr = if group.is_ipv4() {
        PEER4.into()
    } else {
        PEER6.into()
    };
    let datagram = udp((source, 1), (group, port), b"to all of you");
    a.to(group_mac(group), &ip(source, group, UDP, &datagram))
}

#[test]
fn each_member_of_a_group_gets_its_copy_and_nobody_else() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    let bind = UdpBind::new(addr("[::]:7000")).reuse(true);
    let members: Vec<_> = (0..3).map(|_| a.host.udp_bind(bind)).collect();
    let (outsider, all_groups) = (a.host.udp_bind(bind), a.host.udp_bind(bind));
    all_groups.set_all_groups(true);
    for group in GROUPS {
        let group: IpAddr = group.parse().unwrap();
        a.refuses(
            to_group(&a, group, 7000),
            match group {
                IpAddr::V4(_) => ReceiveDrop::Ipv4Destination,
                IpAddr::V6(_) => ReceiveDrop::Ipv6Destination,
            },
        );
        for member in &members {
            member.join(group, id).unwrap();
        }
        let before = a.host.pool().stats().blocks_used;
        a.ask(to_group(&a, group, 7000));
        // One block, four views of it.
        assert_eq!(a.host.pool().stats().blocks_used, before + 1);
        for member in &members {
            let (data, info) = member.try_recv().unwrap();
            assert!(data.equals(b"to all of you"));
            assert_eq!(info.destination, group);
        }
        assert!(all_groups.try_recv().is_some());
        assert!(outsider.try_recv().is_none());
        members[0].leave(group, id).unwrap();
        assert_eq!(members[0].leave(group, id), Err(AddressError::Invalid));
        a.ask(to_group(&a, group, 7000));
        assert!(members[0].try_recv().is_none() && members[1].try_recv().is_some());
        for socket in &members[1..] {
            let _ = received(socket);
            socket.leave(group, id).unwrap();
        }
        let _ = received(&all_groups);
    }
    assert_eq!(outsider.join(PEER4.into(), id), Err(AddressError::Invalid));
    assert_eq!(
        outsider.join(GROUPS[0].parse().unwrap(), 9),
        Err(AddressError::NoInterface)
    );
}

#[test]
fn group_is_joined_on_one_interface_only_and_left_with_the_socket() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let socket = host.udp("0.0.0.0:7000");
    let group: IpAddr = GROUPS[0].parse().unwrap();
    socket.join(group, host.interface(two)).unwrap();
    let send = |peer: Peer, n: u8| {
        let from = IpAddr::from([10, 0, n, 9]);
        let packet = ip(from, group, UDP, &udp((from, 1), (group, 7000), b"x"));
        peer.send(ethernet(group_mac(group), peer.mac(), IPV4, &packet));
        net.run_for(ms(1));
    };
    send(left, 0);
    assert!(socket.try_recv().is_none());
    send(right, 1);
    assert!(socket.try_recv().is_some());
    let filter = |link| {
        let mut groups = Vec::new();
        host.driver(link).take_filter(|all| groups = all.to_vec());
        groups
    };
    let mac = zonda::wire::LinkAddr::ethernet(group_mac(group));
    assert!(filter(two).contains(&mac) && !filter(one).contains(&mac));
    drop(socket);
    assert!(!filter(two).contains(&mac));
    send(right, 1);
    let drops = host
        .counters(two)
        .receive_drops(ReceiveDrop::Ipv4Destination);
    assert_eq!(drops, 1);
}

#[test]
fn sent_to_a_group_comes_back_to_members_here_unless_unwanted() {
    let a = acquainted();
    let id = a.host.interface(a.link);
    for group in GROUPS {
        let group: IpAddr = group.parse().unwrap();
        let (sender, member) = (a.host.udp("[::]:0"), a.host.udp("[::]:7000"));
        member.join(group, id).unwrap();
        let to = Some((group, 7000).into());
        sender.try_send_to(b"looped", to).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(received(&member), [b"looped"]);
        let seen = &a.sent()[0];
        assert_eq!(seen.to, group_mac(group));
        assert_eq!(seen.ip().unwrap().hop_limit, 1);
        sender.set_multicast_loop(false);
        sender.set_multicast_hop_limit(5);
        sender.try_send_to(b"not looped", to).unwrap();
        a.net.run_for(ms(1));
        assert!(received(&member).is_empty());
        assert_eq!(a.sent()[0].ip().unwrap().hop_limit, 5);
    }
}

#[test]
fn interface_for_groups_can_be_chosen() {
    let net = Network::new(1);
    let (host, left, right) = (net.host("host"), net.peer("left"), net.peer("right"));
    let (one, two) = (net.link((host, left)), net.link((host, right)));
    host.add(one, "10.0.0.1/24").add(two, "10.0.1.1/24");
    let socket = host.udp("0.0.0.0:0");
    for (link, index) in [(one, 0), (two, 1)] {
        socket.set_multicast_interface(Some(host.interface(link)));
        left.take();
        right.take();
        socket.try_send_to(b"x", Some(addr("239.1.2.3:9"))).unwrap();
        net.run_for(ms(1));
        let seen = [left.take(), right.take()];
        assert_eq!((seen[index].len(), seen[1 - index].len()), (1, 0));
        let source = read(&seen[index][0]).ip().unwrap().source;
        assert_eq!(source, IpAddr::from([10, 0, index as u8, 1]));
    }
}

#[test]
fn broadcast_needs_permission_and_reaches_every_socket() {
    let a = acquainted();
    let socket = a.host.udp("0.0.0.0:7000");
    for to in ["255.255.255.255:9", "10.0.0.255:9"] {
        socket.set_broadcast(false);
        assert_eq!(
            socket.try_send_to(b"x", Some(addr(to))),
            Err(SendError::BroadcastNotAllowed)
        );
        socket.set_broadcast(true);
        socket.try_send_to(b"x", Some(addr(to))).unwrap();
        a.net.run_for(ms(1));
        let seen = a.sent();
        assert_eq!((seen.len(), seen[0].to), (1, BROADCAST));
    }
    drop(socket);
    let bind = UdpBind::new(addr("0.0.0.0:7000")).reuse(true);
    let sockets = [a.host.udp_bind(bind), a.host.udp_bind(bind)];
    for to in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255)] {
        let datagram = udp((PEER4.into(), 1), (to.into(), 7000), b"all");
        assert!(
            a.ask(a.to(BROADCAST, &ip(PEER4.into(), to.into(), UDP, &datagram)))
                .is_empty()
        );
        for socket in &sockets {
            assert_eq!(received(socket), [b"all"]);
        }
    }
}

#[test]
fn shared_port_spreads_senders_and_keeps_each_with_one_socket() {
    let a = acquainted();
    let bind = UdpBind::new(addr("[::]:7000")).reuse(true);
    let sockets: Vec<_> = (0..4).map(|_| a.host.udp_bind(bind)).collect();
    let mut counts = [0; 4];
    for port in 1000..1100 {
        let takers: Vec<usize> = (0..3)
            .map(|_| {
                a.ask(a.datagram(0, (port, 7000), b"x"));
                let all: Vec<usize> = sockets
                    .iter()
                    .map(|socket| received(socket).len())
                    .collect();
                assert_eq!(all.iter().sum::<usize>(), 1);
                all.iter().position(|count| *count == 1).unwrap()
            })
            .collect();
        assert!(takers.iter().all(|taker| *taker == takers[0]));
        counts[takers[0]] += 1;
    }
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
}

// ---- Bounds ------------------------------------------------------------------------------

#[test]
fn quota_bounds_what_waits_and_counts_the_rest() {
    let a = acquainted();
    let (small, bytes) = (a.host.udp("[::]:7000"), a.host.udp("[::]:7001"));
    small.set_quota(u32::MAX, 3);
    bytes.set_quota(25, 100);
    for n in 0..10 {
        a.peer.send(a.datagram(0, (1, 7000), &[n; 10]));
        a.peer.send(a.datagram(0, (1, 7001), &[n; 10]));
    }
    a.net.run_for(ms(1));
    assert_eq!((small.dropped(), bytes.dropped()), (7, 8));
    assert_eq!(
        a.host.counters(a.link).receive_drops(ReceiveDrop::UdpQuota),
        15
    );
    assert_eq!((received(&small).len(), received(&bytes).len()), (3, 2));
    a.peer.send(a.datagram(0, (1, 7000), b"room again"));
    a.net.run_for(ms(1));
    assert_eq!(received(&small).len(), 1);
}

#[test]
fn socket_that_nobody_reads_does_not_stop_another() {
    let a = acquainted();
    let slow: Vec<_> = (0..4)
        .map(|n| a.host.udp(&format!("[::]:{}", 7000 + n)))
        .collect();
    let reader = a.host.udp("[::]:8000");
    for _ in 0..200 {
        for n in 0..4 {
            a.peer.send(a.datagram(0, (1, 7000 + n), &[0; 400]));
        }
        a.net.run_for(us(100));
    }
    let limits = a.host.pool().limits();
    assert!(a.host.pool().stats().held <= limits.held);
    a.serves();
    // What may be held is held: the reader gets nothing until somebody lets go.
    drop(slow);
    a.ask(a.datagram(0, (1, 8000), b"now"));
    assert_eq!(received(&reader), [b"now"]);
}

/// A datagram of the application's own memory goes out without a copy, and comes back on an error.
#[test]
fn buffer_that_cannot_be_sent_comes_back() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let pool = a.host.pool();
    let buf = pool.from_static(b"from flash").unwrap();
    let (buf, error) = socket.try_send(buf, None).unwrap_err();
    assert_eq!(error, SendError::NoDestination);
    assert!(buf.equals(b"from flash"));
    let blocks = pool.stats().blocks_used;
    socket.try_send(buf, Some((PEER4, 9).into())).unwrap();
    assert_eq!(pool.stats().blocks_used, blocks, "no data block was needed");
    a.net.run_for(ms(1));
    assert_eq!(a.sent()[0].ip().unwrap().udp().unwrap().2, b"from flash");
    a.link.down();
    a.net.run_for(ms(1));
    let mut buf = pool.alloc(Purpose::Send, 100).unwrap();
    buf.append(b"kept").unwrap();
    let (buf, _) = socket.try_send(buf, Some((PEER4, 9).into())).unwrap_err();
    assert!(buf.equals(b"kept"));
}

#[test]
fn host_talks_to_itself() {
    let (net, a, _, _) = two();
    let (client, server) = (a.udp("[::]:0"), a.udp("[::]:7"));
    for to in ["10.0.0.1:7", "[fd00::1]:7"] {
        client.try_send_to(b"me", Some(addr(to))).unwrap();
        net.run_for(ms(1));
        let (data, info) = server.try_recv().unwrap();
        server.try_send(data, Some(info.source)).unwrap();
        net.run_for(ms(1));
        assert_eq!(received(&client), [b"me"]);
        let ping = a.ping();
        net.block_on(ping.ping(addr(to).ip(), 1, b"me", secs(1)))
            .unwrap();
    }
}

#[test]
fn receive_that_is_given_up_loses_nothing() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let mut buf = [0; 10];
    for _ in 0..5 {
        let stack = a.stack();
        let timed_out = a.net.block_on(async {
            let sleep = std::pin::pin!(stack.sleep(ms(1)));
            let receive = std::pin::pin!(socket.recv_from(&mut buf));
            matches!(
                embassy_futures::select::select(receive, sleep).await,
                embassy_futures::select::Either::Second(())
            )
        });
        assert!(timed_out);
    }
    for n in 0..5 {
        a.peer.send(a.datagram(1, (1, 7000), &[n]));
    }
    a.net.run_for(ms(1));
    assert_eq!(received(&socket).len(), 5);
}

#[test]
fn two_tasks_wait_for_one_socket() {
    let a = acquainted();
    let socket = std::rc::Rc::new(a.host.udp("[::]:7000"));
    let tasks = [0, 1].map(|_| {
        let socket = socket.clone();
        a.net.spawn(async move { socket.recv().await.is_ok() })
    });
    a.net.run_for(ms(1));
    for _ in 0..2 {
        a.ask(a.datagram(0, (1, 7000), b"x"));
    }
    assert!(tasks.iter().all(|task| task.take() == Some(true)));
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

#[test]
fn sending_waits_for_a_link_that_is_down() {
    let a = acquainted();
    a.link.down();
    a.net.run_for(ms(1));
    let socket = a.host.udp("[::]:7000");
    assert_eq!(
        socket.try_send_to(b"x", Some((PEER4, 9).into())),
        Err(SendError::QueueFull)
    );
    let task = a
        .net
        .spawn(async move { socket.send_to(b"at last", (PEER4, 9).into()).await });
    a.net.run_for(secs(5));
    assert!(!task.is_done());
    a.link.up();
    a.net.run_for(ms(1));
    assert_eq!(task.take(), Some(Ok(())));
    a.sent();
    assert_eq!(
        a.ask(a.reply())[0].ip().unwrap().udp().unwrap().2,
        b"at last"
    );
}
