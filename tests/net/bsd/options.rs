//! Options.

use super::*;

#[test]
fn every_number_that_is_set_is_told_again() {
    let world = world();
    let sockets = &world.near;
    let stream = sockets.socket(AF_INET6, SOCK_STREAM, 0).unwrap();
    let dgram = sockets.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    let both = [
        (SOL_SOCKET, SO_REUSEADDR, 1),
        (SOL_SOCKET, SO_REUSEPORT, 1),
        (SOL_SOCKET, SO_BROADCAST, 1),
        (SOL_SOCKET, SO_KEEPALIVE, 1),
        (SOL_SOCKET, SO_SNDBUF, 4096),
        (SOL_SOCKET, SO_RCVBUF, 2048),
        (SOL_SOCKET, SO_PRIORITY, 1),
        (SOL_SOCKET, SO_OOBINLINE, 1),
        (IPPROTO_IP, IP_LOCAL_PORT_RANGE, 50_001 << 16 | 50_000),
        (IPPROTO_IP, IP_TOS, 0x28),
        (IPPROTO_IP, IP_TTL, 33),
        (IPPROTO_IPV6, IPV6_UNICAST_HOPS, 34),
        (IPPROTO_IPV6, IPV6_TCLASS, 0x30),
        (IPPROTO_IPV6, IPV6_V6ONLY, 1),
        (IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, IPV6_PREFER_SRC_PUBLIC),
    ];
    let of_dgram = [
        (IPPROTO_IP, IP_MULTICAST_TTL, 5),
        (IPPROTO_IP, IP_MULTICAST_LOOP, 0),
        (IPPROTO_IP, IP_MULTICAST_ALL, 1),
        (IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO),
        (IPPROTO_IP, IP_PKTINFO, 1),
        (IPPROTO_IP, IP_RECVTTL, 1),
        (IPPROTO_IP, IP_RECVTOS, 1),
        (IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 6),
        (IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1),
        (IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0),
        (IPPROTO_IPV6, IPV6_MULTICAST_IF, 1),
        (IPPROTO_IPV6, IPV6_DONTFRAG, 0),
        (IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_WANT),
        (IPPROTO_IPV6, IPV6_RECVPKTINFO, 0),
        (IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0),
        (IPPROTO_IPV6, IPV6_RECVTCLASS, 0),
        (SOL_SOCKET, SO_BINDTOIFINDEX, 1),
        (SOL_SOCKET, SO_RXQ_OVFL, 1),
        (SOL_SOCKET, SO_TIMESTAMP, 1),
        (SOL_SOCKET, SO_TIMESTAMPNS, 1),
    ];
    let of_stream = [
        (IPPROTO_TCP, TCP_NODELAY, 1),
        (IPPROTO_TCP, TCP_KEEPIDLE, 60),
        (IPPROTO_TCP, TCP_USER_TIMEOUT, 5000),
    ];
    sockets.set(stream, SOL_SOCKET, SO_RCVLOWAT, 100).unwrap();
    assert_eq!(sockets.get(stream, SOL_SOCKET, SO_RCVLOWAT), Ok(100));
    assert_eq!(sockets.get(stream, SOL_SOCKET, SO_SNDLOWAT), Ok(1));
    let set = sockets.set(dgram, SOL_SOCKET, SO_RCVLOWAT, 100);
    assert_eq!(set, Err(Errno::ENOPROTOOPT));
    let cases = both.iter().flat_map(|case| [(stream, case), (dgram, case)]);
    let cases = cases.chain(of_dgram.iter().map(|case| (dgram, case)));
    let cases = cases.chain(of_stream.iter().map(|case| (stream, case)));
    for (fd, (level, name, value)) in cases {
        assert_eq!(
            sockets.set(fd, *level, *name, *value),
            Ok(()),
            "{level} {name}"
        );
        assert_eq!(sockets.get(fd, *level, *name), Ok(*value), "{level} {name}");
    }
    for (level, name, value) in of_stream {
        let wrong = sockets.set(dgram, level, name, value);
        assert_eq!(wrong, Err(Errno::ENOPROTOOPT));
    }
    for (level, name) in [
        (SOL_SOCKET, 9999),
        (IPPROTO_IP, 9999),
        (77, 1),
        (IPPROTO_TCP, 9999),
    ] {
        assert_eq!(sockets.set(stream, level, name, 1), Err(Errno::ENOPROTOOPT));
        assert_eq!(sockets.get(stream, level, name), Err(Errno::ENOPROTOOPT));
    }
    let facts = [
        (stream, SO_TYPE, SOCK_STREAM),
        (dgram, SO_TYPE, SOCK_DGRAM),
        (stream, SO_DOMAIN, AF_INET6),
        (stream, SO_PROTOCOL, IPPROTO_TCP),
        (dgram, SO_PROTOCOL, IPPROTO_UDP),
    ];
    for (fd, name, value) in facts {
        assert_eq!(sockets.get(fd, SOL_SOCKET, name), Ok(value));
    }
}

#[test]
fn values_that_are_none_are_refused() {
    let world = world();
    let fd = world.near.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    let set = |level, name, value: &[u8]| world.near.setsockopt(fd, level, name, value);
    let invalid = Err(Errno::EINVAL);
    assert_eq!(set(SOL_SOCKET, SO_REUSEADDR, &[1]), invalid);
    assert_eq!(set(IPPROTO_IP, IP_TTL, &ints(&[256])), invalid);
    assert_eq!(set(IPPROTO_IP, IP_TTL, &ints(&[0])), invalid);
    assert_eq!(set(SOL_SOCKET, SO_RCVTIMEO, &time(0, 1_000_000)), invalid);
    assert_eq!(set(SOL_SOCKET, SO_RCVTIMEO, &time(-1, 0)), invalid);
    assert_eq!(set(SOL_SOCKET, SO_PRIORITY, &ints(&[99])), invalid);
    assert_eq!(set(SOL_SOCKET, SO_RCVBUF, &ints(&[-1])), invalid);
    let backwards = ints(&[50_000 << 16 | 50_001]);
    assert_eq!(set(IPPROTO_IP, IP_LOCAL_PORT_RANGE, &backwards), invalid);
    let inline = set(SOL_SOCKET, SO_OOBINLINE, &ints(&[0]));
    assert_eq!(inline, Err(Errno::ENOPROTOOPT));
    let nowhere = set(SOL_SOCKET, SO_BINDTOIFINDEX, &ints(&[9]));
    assert_eq!(nowhere, Err(Errno::ENODEV));
    // IPv6 options of IPv4 sockets.
    let other = world.near.set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    assert_eq!(other, Err(Errno::ENOPROTOOPT));
    world.near.set(fd, IPPROTO_IP, IP_TTL, 9).unwrap();
    world.near.set(fd, IPPROTO_IP, IP_TTL, -1).unwrap();
    assert_eq!(world.near.get(fd, IPPROTO_IP, IP_TTL), Ok(64));
}

#[test]
fn hop_limits_and_groups_of_ipv6_have_the_values_that_there_are() {
    let world = world();
    let fd = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    let set = |name, value| world.near.set(fd, IPPROTO_IPV6, name, value);
    let get = |name| world.near.get(fd, IPPROTO_IPV6, name);
    assert_eq!(
        (get(IPV6_UNICAST_HOPS), get(IPV6_MULTICAST_HOPS)),
        (Ok(64), Ok(1))
    );
    assert_eq!(get(IPV6_MULTICAST_LOOP), Ok(1));
    for name in [IPV6_UNICAST_HOPS, IPV6_MULTICAST_HOPS, IPV6_TCLASS] {
        assert_eq!(set(name, -2), Err(Errno::EINVAL));
        assert_eq!(set(name, 256), Err(Errno::EINVAL));
        assert_eq!((set(name, 255), get(name)), (Ok(()), Ok(255)));
    }
    for (name, default) in [
        (IPV6_UNICAST_HOPS, 64),
        (IPV6_MULTICAST_HOPS, 1),
        (IPV6_TCLASS, 0),
    ] {
        assert_eq!((set(name, -1), get(name)), (Ok(()), Ok(default)));
    }
    assert_eq!(set(IPV6_UNICAST_HOPS, 0), Err(Errno::EINVAL));
    assert_eq!(
        (set(IPV6_MULTICAST_HOPS, 0), get(IPV6_MULTICAST_HOPS)),
        (Ok(()), Ok(0))
    );
    assert_eq!(set(IPV6_MULTICAST_LOOP, 2), Err(Errno::EINVAL));
    for name in [IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP] {
        assert_eq!(get(name), Err(Errno::EOPNOTSUPP));
    }
    // Of one message only (RFC 3542 §6.3).
    assert_eq!(set(IPV6_HOPLIMIT, 7), Err(Errno::ENOPROTOOPT));
}

#[test]
fn options_that_are_set_first_hold_for_what_is_sent() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    for option in [IP_RECVTTL, IP_RECVTOS] {
        world.far.set(server, IPPROTO_IP, option, 1).unwrap();
    }
    let client = world.near_datagrams();
    world.near.set(client, IPPROTO_IP, IP_TTL, 17).unwrap();
    world.near.set(client, IPPROTO_IP, IP_TOS, 0x48).unwrap();
    let to = addr("10.0.0.2:7");
    world.wait(world.near.sendto(client, b"x", 0, to)).unwrap();
    let message = world.wait(world.far.recvmsg(server, &mut [&mut [0; 4]], 0));
    let told = message.unwrap().ancillary;
    assert_eq!((told.hop_limit, told.traffic_class), (Some(17), Some(0x48)));
}

#[test]
fn path_mtu_is_told_of_a_connected_socket() {
    let world = world();
    let client = world.near_datagrams();
    let unconnected = world.near.get(client, IPPROTO_IP, IP_MTU);
    assert_eq!(unconnected, Err(Errno::ENOTCONN));
    let connect = world.near.connect(client, addr("10.0.0.2:7"));
    world.wait(connect).unwrap();
    assert_eq!(world.near.get(client, IPPROTO_IP, IP_MTU), Ok(1500));
}

#[cfg(feature = "mgmt")]
#[test]
fn interfaces_have_names_and_numbers() {
    let world = world();
    let sockets = &world.near;
    let mut lent = [0; 16];
    let name = sockets.if_indextoname(1, &mut lent).unwrap().to_string();
    assert_eq!(sockets.if_nametoindex(&name), Ok(1));
    assert_eq!(sockets.if_nametoindex("none9"), Err(Errno::ENODEV));
    assert_eq!(sockets.if_indextoname(0, &mut lent), Err(Errno::ENXIO));
    assert_eq!(sockets.if_indextoname(9, &mut lent), Err(Errno::ENXIO));
    let fd = world.near_datagrams();
    let set = |name: &[u8]| sockets.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name);
    set(name.as_bytes()).unwrap();
    assert_eq!(sockets.get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), Ok(1));
    assert_eq!(set(b"none9"), Err(Errno::ENODEV));
    set(b"").unwrap();
    assert_eq!(sockets.get(fd, SOL_SOCKET, SO_BINDTOIFINDEX), Ok(0));
}

#[test]
fn local_ports_come_out_of_the_range_that_is_set() {
    let world = world();
    let _listener = world.listener(AF_INET, "0.0.0.0:7");
    let near = &world.near;
    let range = 50_001 << 16 | 50_000;
    for kind in [SOCK_DGRAM, SOCK_STREAM] {
        let bound: Vec<_> = (0..3)
            .map(|_| {
                let fd = near.socket(AF_INET, kind, 0).unwrap();
                near.set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, range)
                    .unwrap();
                let bound = near.bind(fd, addr("0.0.0.0:0"));
                bound.map(|()| near.getsockname(fd).unwrap().port())
            })
            .collect();
        let mut ports: Vec<_> = bound.iter().flatten().copied().collect();
        ports.sort_unstable();
        assert_eq!(ports, [50_000, 50_001]);
        assert_eq!(bound[2], Err(Errno::EADDRINUSE));
    }
    // And of those that are not bound before they connect.
    let fd = near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let range = 50_010 << 16 | 50_010;
    near.set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, range)
        .unwrap();
    world.wait(near.connect(fd, addr("10.0.0.2:7"))).unwrap();
    assert_eq!(near.getsockname(fd).unwrap().port(), 50_010);
}

#[test]
fn groups_and_sources_of_either_version_are_joined_in_one_way() {
    let world = world();
    let (near, far) = (&world.near, &world.far);
    let storage = |ip: std::net::IpAddr| {
        let mut bytes = [0; 32];
        let family = if ip.is_ipv4() { AF_INET } else { AF_INET6 } as u16;
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        match ip {
            std::net::IpAddr::V4(ip) => bytes[4..8].copy_from_slice(&ip.octets()),
            std::net::IpAddr::V6(ip) => bytes[8..24].copy_from_slice(&ip.octets()),
        }
        bytes
    };
    for (family, level, any, group, source, other) in [
        (
            AF_INET,
            IPPROTO_IP,
            "0.0.0.0:8",
            "239.1.2.3",
            "10.0.0.1",
            "10.0.0.9",
        ),
        (
            AF_INET6,
            IPPROTO_IPV6,
            "[::]:9",
            "ff05::5",
            "fd00::1",
            "fd00::9",
        ),
    ] {
        let server = world.datagrams(family, any);
        let client = near.socket(family, SOCK_DGRAM, 0).unwrap();
        near.set(client, SOL_SOCKET, SO_BINDTOIFINDEX, 1).unwrap();
        let to = SocketAddr::new(group.parse().unwrap(), addr(any).port());
        let group = storage(group.parse().unwrap());
        let ask = |name, interface: u32, source: Option<&str>| {
            let source = source.map(|source| storage(source.parse().unwrap()));
            let source = source.as_ref().map_or(&[][..], |source| source);
            let value = [&interface.to_ne_bytes()[..], &group, source].concat();
            far.setsockopt(server, level, name, &value)
        };
        let hears = || {
            world.wait(near.sendto(client, b"all", 0, to)).unwrap();
            world.net.run_for(ms(10));
            world
                .wait(far.recv(server, &mut [0; 8], MSG_DONTWAIT))
                .is_ok()
        };
        assert_eq!(ask(MCAST_JOIN_GROUP, 9, None), Err(Errno::ENODEV));
        assert!(!hears());
        ask(MCAST_JOIN_GROUP, 1, None).unwrap();
        assert!(hears());
        ask(MCAST_BLOCK_SOURCE, 1, Some(source)).unwrap();
        assert!(!hears());
        ask(MCAST_UNBLOCK_SOURCE, 1, Some(source)).unwrap();
        assert!(hears());
        ask(MCAST_LEAVE_GROUP, 1, None).unwrap();
        assert!(!hears());
        ask(MCAST_JOIN_SOURCE_GROUP, 1, Some(other)).unwrap();
        assert!(!hears());
        ask(MCAST_JOIN_SOURCE_GROUP, 1, Some(source)).unwrap();
        assert!(hears());
        ask(MCAST_LEAVE_SOURCE_GROUP, 1, Some(source)).unwrap();
        assert!(!hears());
        assert_eq!(ask(MCAST_JOIN_SOURCE_GROUP, 1, None), Err(Errno::EINVAL));
    }
}

#[test]
fn datagrams_that_were_dropped_are_counted_for_the_reader() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    world.far.set(server, SOL_SOCKET, SO_RCVBUF, 250).unwrap();
    world.far.set(server, SOL_SOCKET, SO_RXQ_OVFL, 1).unwrap();
    let client = world.near_datagrams();
    for _ in 0..5 {
        let sent = world.near.sendto(client, &[0; 100], 0, addr("10.0.0.2:7"));
        world.wait(sent).unwrap();
        world.net.run_for(ms(10));
    }
    let message = world.wait(world.far.recvmsg(server, &mut [&mut [0; 128]], 0));
    assert_eq!(message.unwrap().ancillary.dropped, Some(3));
}

#[test]
fn connection_says_how_it_is_doing() {
    let world = world();
    let (near, far, listener) = world.connection();
    world.wait(world.near.send(near, &[1; 100], 0)).unwrap();
    world.net.run_for(ms(10));
    let mut value = [0; 64];
    let length = world.far.getsockopt(far, IPPROTO_TCP, TCP_INFO, &mut value);
    assert_eq!(length, Ok(36));
    let numbers: Vec<u32> = value[..36]
        .chunks(4)
        .map(|number| u32::from_ne_bytes(number.try_into().unwrap()))
        .collect();
    // Established, and 100 bytes wait to be read.
    assert_eq!((numbers[0], numbers[7]), (5, 100));
    let mss = world.far.get(far, IPPROTO_TCP, TCP_MAXSEG).unwrap();
    assert_eq!(numbers[4], mss as u32);
    let length = world
        .near
        .getsockopt(near, IPPROTO_TCP, TCP_INFO, &mut value);
    assert_eq!(length, Ok(36));
    assert_ne!(value[4..8], [0; 4], "the round-trip time");
    let none = world
        .far
        .getsockopt(listener, IPPROTO_TCP, TCP_INFO, &mut value);
    assert_eq!(none, Err(Errno::ENOTCONN));
    let name = world
        .near
        .getsockopt(near, IPPROTO_TCP, TCP_CONGESTION, &mut value);
    let name = value[..name.unwrap()].to_vec();
    let set = |name: &[u8]| {
        world
            .near
            .setsockopt(near, IPPROTO_TCP, TCP_CONGESTION, name)
    };
    assert_eq!(set(&name), Ok(()));
    assert_eq!(set(b"other"), Err(Errno::ENOENT));
}

#[test]
fn path_mtu_is_told_in_a_structure_too() {
    let world = world();
    let client = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    let mut value = [0xff; 40];
    let mut ask = || {
        world
            .near
            .getsockopt(client, IPPROTO_IPV6, IPV6_PATHMTU, &mut value)
    };
    assert_eq!(ask(), Err(Errno::ENOTCONN));
    let connect = world.near.connect(client, addr("[fd00::2]:7"));
    world.wait(connect).unwrap();
    assert_eq!(ask(), Ok(32));
    assert_eq!(value[28..32], 1500u32.to_ne_bytes());
}
