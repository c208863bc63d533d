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
    ];
    let of_stream = [
        (IPPROTO_TCP, TCP_NODELAY, 1),
        (IPPROTO_TCP, TCP_KEEPIDLE, 60),
        (IPPROTO_TCP, TCP_USER_TIMEOUT, 5000),
    ];
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
