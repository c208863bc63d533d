//! Datagrams.

use super::*;

#[test]
fn datagrams_tell_who_sent_them_and_what_was_cut_off() {
    let world = world();
    let server = world.datagrams(AF_INET6, "[::]:7");
    let client = world.near_datagrams();
    let to = addr("10.0.0.2:7");
    assert_eq!(
        world.wait(world.near.sendto(client, b"hello", 0, to)),
        Ok(5)
    );
    let mut data = [0; 3];
    let (length, from) = world
        .wait(world.far.recvfrom(server, &mut data, MSG_PEEK | MSG_TRUNC))
        .unwrap();
    assert_eq!((length, &data), (5, b"hel"));
    assert_eq!(from.unwrap().ip().to_string(), "::ffff:10.0.0.1");
    assert_eq!(world.far.ioctl(server, FIONREAD, 0), Ok(5));
    let mut to_two: [&mut [u8]; 2] = [&mut [0; 2], &mut [0; 2]];
    let message = world
        .wait(world.far.recvmsg(server, &mut to_two, 0))
        .unwrap();
    assert_eq!((message.length, message.flags), (4, MSG_TRUNC));
    assert_eq!(
        (&*to_two[0], &*to_two[1]),
        (b"he".as_slice(), b"ll".as_slice())
    );
    assert_eq!(world.far.ioctl(server, FIONREAD, 0), Ok(0));
    let none = world.far.recv(server, &mut data, MSG_DONTWAIT);
    assert_eq!(world.wait(none), Err(Errno::EAGAIN));
}

#[test]
fn peeked_datagram_stays_in_front_of_the_next() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    for data in [b"one", b"two"] {
        let sent = world.near.sendto(client, data, 0, addr("10.0.0.2:7"));
        world.wait(sent).unwrap();
    }
    world.net.run_for(ms(5));
    let mut data = [0; 8];
    for (flags, expected) in [
        (MSG_PEEK, b"one"),
        (0, b"one"),
        (MSG_PEEK, b"two"),
        (0, b"two"),
    ] {
        assert_eq!(world.wait(world.far.recv(server, &mut data, flags)), Ok(3));
        assert_eq!(&data[..3], expected);
    }
}

#[test]
fn connected_datagrams_have_one_peer_and_hear_that_it_refuses() {
    let world = world();
    let client = world.near_datagrams();
    let near = &world.near;
    assert_eq!(
        world.wait(near.send(client, b"x", 0)),
        Err(Errno::EDESTADDRREQ)
    );
    world
        .wait(near.connect(client, addr("10.0.0.2:99")))
        .unwrap();
    assert_eq!(near.getpeername(client), Ok(addr("10.0.0.2:99")));
    world.wait(near.send(client, b"x", 0)).unwrap();
    world.net.run_for(ms(10));
    let mut fds = [PollFd::new(client, POLLIN)];
    assert_eq!(world.wait(near.poll(&mut fds, None)), Ok(1));
    assert_eq!(i32::from(fds[0].revents), POLLIN | POLLERR);
    let refused = Err(Errno::ECONNREFUSED);
    assert_eq!(world.wait(near.recv(client, &mut [0], 0)), refused);
    let again = world.wait(near.recv(client, &mut [0], MSG_DONTWAIT));
    assert_eq!(again, Err(Errno::EAGAIN));
    world.wait(near.send(client, b"x", 0)).unwrap();
    world.net.run_for(ms(10));
    let told = near.get(client, SOL_SOCKET, SO_ERROR);
    assert_eq!(told, Ok(Errno::ECONNREFUSED as i32));
    // Port 0 of no address: nobody.
    world.wait(near.connect(client, addr("0.0.0.0:0"))).unwrap();
    assert_eq!(near.getpeername(client), Err(Errno::ENOTCONN));
    let no_way = world.wait(near.connect(client, addr("192.0.2.9:1")));
    assert_eq!(no_way, Err(Errno::ENETUNREACH));
}

#[test]
fn datagram_of_several_slices_is_one_and_too_long_a_one_is_refused() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    let from: [&[u8]; 3] = [b"a", b"bc", b"def"];
    let to = Some(addr("10.0.0.2:7"));
    let plain = Ancillary::default();
    assert_eq!(
        world.wait(world.near.sendmsg(client, &from, to, &plain, 0)),
        Ok(6)
    );
    let mut data = [0; 8];
    assert_eq!(world.wait(world.far.recv(server, &mut data, 0)), Ok(6));
    assert_eq!(&data[..6], b"abcdef");
    let long = vec![0; 70_000];
    let sent = world.near.sendto(client, &long, 0, addr("10.0.0.2:7"));
    assert_eq!(world.wait(sent), Err(Errno::EMSGSIZE));
    world
        .near
        .set(client, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        .unwrap();
    let sent = world
        .near
        .sendto(client, &long[..2000], 0, addr("10.0.0.2:7"));
    assert_eq!(world.wait(sent), Err(Errno::EMSGSIZE));
    // An empty datagram is one, too.
    let sent = world.near.sendto(client, b"", 0, addr("10.0.0.2:7"));
    assert_eq!(world.wait(sent), Ok(0));
    assert_eq!(world.wait(world.far.recv(server, &mut data, 0)), Ok(0));
}

#[test]
fn ancillary_data_say_where_a_datagram_came_to_and_how() {
    let world = world();
    let server = world.datagrams(AF_INET6, "[::]:7");
    for option in [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS] {
        world.far.set(server, IPPROTO_IPV6, option, 1).unwrap();
    }
    let client = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    let sent = Ancillary {
        packet_info: Some(PacketInfo {
            address: "fd00::1".parse().unwrap(),
            interface: 1,
        }),
        hop_limit: Some(9),
        traffic_class: Some(0xb8),
        ..Ancillary::default()
    };
    for (ancillary, hop_limit, traffic_class) in [(sent, 9, 0xb8), (Ancillary::default(), 64, 0)] {
        let to = Some(addr("[fd00::2]:7"));
        world
            .wait(world.near.sendmsg(client, &[b"hi"], to, &ancillary, 0))
            .unwrap();
        let message = world
            .wait(world.far.recvmsg(server, &mut [&mut [0; 8]], 0))
            .unwrap();
        let told = message.ancillary;
        let info = told.packet_info.unwrap();
        assert_eq!(
            (info.address.to_string(), info.interface),
            ("fd00::2".into(), 1)
        );
        assert_eq!(told.hop_limit, Some(hop_limit));
        assert_eq!(told.traffic_class, Some(traffic_class));
    }
    world
        .far
        .set(server, IPPROTO_IPV6, IPV6_RECVPKTINFO, 0)
        .unwrap();
    let to = addr("[fd00::2]:7");
    world.wait(world.near.sendto(client, b"hi", 0, to)).unwrap();
    let message = world.wait(world.far.recvmsg(server, &mut [&mut [0; 8]], 0));
    assert_eq!(message.unwrap().ancillary.packet_info, None);
}

#[test]
fn groups_are_joined_and_left_by_options() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    let group: [u8; 4] = [239, 1, 2, 3];
    let request = [group.as_slice(), &[10, 0, 0, 2]].concat();
    let far = &world.far;
    let membership = |name| far.setsockopt(server, IPPROTO_IP, name, &request);
    assert_eq!(membership(IP_DROP_MEMBERSHIP), Err(Errno::EADDRNOTAVAIL));
    membership(IP_ADD_MEMBERSHIP).unwrap();
    world
        .near
        .setsockopt(client, IPPROTO_IP, IP_MULTICAST_IF, &[10, 0, 0, 1])
        .unwrap();
    assert_eq!(world.near.get(client, IPPROTO_IP, IP_MULTICAST_IF), Ok(1));
    let to = addr("239.1.2.3:7");
    world
        .wait(world.near.sendto(client, b"all", 0, to))
        .unwrap();
    assert_eq!(world.wait(far.recv(server, &mut [0; 8], 0)), Ok(3));
    membership(IP_DROP_MEMBERSHIP).unwrap();
    world
        .wait(world.near.sendto(client, b"all", 0, to))
        .unwrap();
    world.net.run_for(ms(10));
    let left = world.wait(far.recv(server, &mut [0; 8], MSG_DONTWAIT));
    assert_eq!(left, Err(Errno::EAGAIN));
    // From one source, that is another.
    let source = [group.as_slice(), &[10, 0, 0, 2], &[10, 0, 0, 9]].concat();
    far.setsockopt(server, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &source)
        .unwrap();
    world
        .wait(world.near.sendto(client, b"all", 0, to))
        .unwrap();
    world.net.run_for(ms(10));
    let other = world.wait(far.recv(server, &mut [0; 8], MSG_DONTWAIT));
    assert_eq!(other, Err(Errno::EAGAIN));
    let six = world.datagrams(AF_INET6, "[::]:8");
    let mut request = "ff05::5"
        .parse::<std::net::Ipv6Addr>()
        .unwrap()
        .octets()
        .to_vec();
    request.extend(1i32.to_ne_bytes());
    far.setsockopt(six, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request)
        .unwrap();
    let client = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    world
        .near
        .set(client, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1)
        .unwrap();
    let sent = world.near.sendto(client, b"all", 0, addr("[ff05::5]:8"));
    world.wait(sent).unwrap();
    assert_eq!(world.wait(far.recv(six, &mut [0; 8], 0)), Ok(3));
}

#[test]
fn broadcast_needs_leave() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    let to = addr("10.0.0.255:7");
    let send = || world.wait(world.near.sendto(client, b"all", 0, to));
    assert_eq!(send(), Err(Errno::EACCES));
    world.near.set(client, SOL_SOCKET, SO_BROADCAST, 1).unwrap();
    send().unwrap();
    assert_eq!(world.wait(world.far.recv(server, &mut [0; 8], 0)), Ok(3));
}

#[test]
fn receive_buffer_bounds_what_waits() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    world.far.set(server, SOL_SOCKET, SO_RCVBUF, 250).unwrap();
    assert_eq!(world.far.get(server, SOL_SOCKET, SO_RCVBUF), Ok(250));
    let client = world.near_datagrams();
    for _ in 0..5 {
        let sent = world.near.sendto(client, &[0; 100], 0, addr("10.0.0.2:7"));
        world.wait(sent).unwrap();
    }
    world.net.run_for(ms(10));
    let mut data = [0; 128];
    let mut receive = || world.wait(world.far.recv(server, &mut data, MSG_DONTWAIT));
    assert_eq!(
        (receive(), receive(), receive()),
        (Ok(100), Ok(100), Err(Errno::EAGAIN))
    );
}

#[test]
fn datagram_sockets_of_one_version_share_a_port_and_hear_their_own() {
    let world = world();
    let four = world.datagrams(AF_INET, "0.0.0.0:7");
    let six = world.far.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    assert_eq!(world.far.bind(six, addr("[::]:7")), Err(Errno::EADDRINUSE));
    world.far.set(six, IPPROTO_IPV6, IPV6_V6ONLY, 1).unwrap();
    world.far.bind(six, addr("[::]:7")).unwrap();
    assert_eq!(world.far.getsockname(four), Ok(addr("0.0.0.0:7")));
    let client = world.near.socket(AF_INET6, SOCK_DGRAM, 0).unwrap();
    for (to, own, other) in [
        ("[::ffff:10.0.0.2]:7", four, six),
        ("[fd00::2]:7", six, four),
    ] {
        let sent = world.near.sendto(client, b"x", 0, addr(to));
        assert_eq!(world.wait(sent), Ok(1));
        let mut data = [0; 4];
        let (_, from) = world.wait(world.far.recvfrom(own, &mut data, 0)).unwrap();
        let none = world.far.recv(other, &mut data, MSG_DONTWAIT);
        assert_eq!(world.wait(none), Err(Errno::EAGAIN));
        // And answers from the address of that version.
        let echoed = world.far.sendto(own, b"xy", 0, from.unwrap());
        assert_eq!(world.wait(echoed), Ok(2));
        assert_eq!(world.wait(world.near.recv(client, &mut data, 0)), Ok(2));
    }
    // A mapped address is none of an IPv6 socket's.
    let mapped = world.far.sendto(six, b"x", 0, addr("[::ffff:10.0.0.1]:9"));
    assert_eq!(world.wait(mapped), Err(Errno::ENETUNREACH));
}
