//! Streams.

use super::*;

#[test]
fn stream_echoes_over_both_versions_and_by_mapped_addresses() {
    let world = world();
    for (domain, local, to, from) in [
        (AF_INET, "0.0.0.0:7", "10.0.0.2:7", "10.0.0.1"),
        (AF_INET6, "[::]:8", "[fd00::2]:8", "fd00::1"),
        (AF_INET6, "[::]:9", "[::ffff:10.0.0.2]:9", "::ffff:10.0.0.1"),
    ] {
        let listener = world.listener(domain, local);
        let client = world.near.socket(domain, SOCK_STREAM, 0).unwrap();
        let (connected, accepted) = world.wait(join(
            world.near.connect(client, addr(to)),
            world.far.accept(listener),
        ));
        connected.unwrap();
        let (server, peer) = accepted.unwrap();
        assert_eq!(peer.ip().to_string(), from);
        assert_eq!(world.near.getpeername(client), Ok(addr(to)));
        assert_eq!(world.near.getsockname(client), Ok(peer));
        assert_eq!(world.far.getsockname(server), Ok(addr(to)));
        assert_eq!(world.wait(world.near.send(client, b"hello", 0)), Ok(5));
        let mut data = [0; 16];
        assert_eq!(world.wait(world.far.recv(server, &mut data, 0)), Ok(5));
        assert_eq!(&data[..5], b"hello");
        for fd in [server, listener] {
            world.wait(world.far.close(fd)).unwrap();
        }
        // The end, once and for ever.
        for _ in 0..2 {
            assert_eq!(world.wait(world.near.recv(client, &mut data, 0)), Ok(0));
        }
        world.wait(world.near.close(client)).unwrap();
        assert_eq!(world.near.getsockname(client), Err(Errno::EBADF));
    }
}

#[test]
fn sockets_of_one_version_share_a_port_and_hear_their_own() {
    let world = world();
    let four = world.listener(AF_INET, "0.0.0.0:7");
    let six = world.far.socket(AF_INET6, SOCK_STREAM, 0).unwrap();
    assert_eq!(world.far.bind(six, addr("[::]:7")), Err(Errno::EADDRINUSE));
    world.far.set(six, IPPROTO_IPV6, IPV6_V6ONLY, 1).unwrap();
    world.far.bind(six, addr("[::]:7")).unwrap();
    // It is too late now.
    let late = world.far.set(six, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    assert_eq!(late, Err(Errno::EINVAL));
    world.far.listen(six, 1).unwrap();
    for (domain, to, listener) in [
        (AF_INET, "10.0.0.2:7", four),
        (AF_INET6, "[fd00::2]:7", six),
    ] {
        let client = world.near.socket(domain, SOCK_STREAM, 0).unwrap();
        let connect = world.near.connect(client, addr(to));
        let (connected, accepted) = world.wait(join(connect, world.far.accept(listener)));
        connected.unwrap();
        accepted.unwrap();
    }
}

#[test]
fn connection_in_the_background_ends_with_pollout_and_so_error() {
    let world = world();
    let listener = world.listener(AF_INET, "0.0.0.0:7");
    let fd = world
        .near
        .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
        .unwrap();
    let connect = || world.wait(world.near.connect(fd, addr("10.0.0.2:7")));
    assert_eq!(connect(), Err(Errno::EINPROGRESS));
    assert_eq!(connect(), Err(Errno::EALREADY));
    let mut fds = [PollFd::new(fd, POLLOUT)];
    assert_eq!(world.wait(world.near.poll(&mut fds, None)), Ok(1));
    assert_eq!(i32::from(fds[0].revents), POLLOUT);
    assert_eq!(world.near.get(fd, SOL_SOCKET, SO_ERROR), Ok(0));
    world.wait(world.far.accept(listener)).unwrap();
    connect().unwrap();
    assert_eq!(connect(), Err(Errno::EISCONN));
    // And nobody listens there.
    let fd = world
        .near
        .socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)
        .unwrap();
    let connected = world.wait(world.near.connect(fd, addr("10.0.0.2:99")));
    assert_eq!(connected, Err(Errno::EINPROGRESS));
    let mut fds = [PollFd::new(fd, POLLOUT)];
    assert_eq!(world.wait(world.near.poll(&mut fds, None)), Ok(1));
    assert_eq!(i32::from(fds[0].revents), POLLOUT | POLLERR | POLLHUP);
    let refused = Errno::ECONNREFUSED as i32;
    assert_eq!(world.near.get(fd, SOL_SOCKET, SO_ERROR), Ok(refused));
    assert_eq!(world.near.get(fd, SOL_SOCKET, SO_ERROR), Ok(0));
}

#[test]
fn connection_that_nobody_accepts_is_refused_or_times_out() {
    let world = world();
    let fd = world.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let refused = world.wait(world.near.connect(fd, addr("10.0.0.2:99")));
    assert_eq!(refused, Err(Errno::ECONNREFUSED));
    // It can be used for another.
    let no_way = world.wait(world.near.connect(fd, addr("192.0.2.1:7")));
    assert_eq!(no_way, Err(Errno::ENETUNREACH));
    let timeout = time(2, 0);
    world
        .near
        .setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout)
        .unwrap();
    world.link.down();
    let silent = world.wait(world.near.connect(fd, addr("10.0.0.2:7")));
    assert_eq!(silent, Err(Errno::EINPROGRESS));
    let wrong = world.wait(world.near.connect(fd, addr("[fd00::2]:7")));
    assert_eq!(wrong, Err(Errno::EALREADY));
    world.link.up();
}

#[test]
fn wrong_family_and_wrong_calls_are_refused() {
    let world = world();
    let near = &world.near;
    assert_eq!(
        near.socket(AF_PACKET, SOCK_RAW, 0),
        Err(Errno::EAFNOSUPPORT)
    );
    assert_eq!(near.socket(AF_INET, 5, 0), Err(Errno::ESOCKTNOSUPPORT));
    let udp = near.socket(AF_INET, SOCK_STREAM, IPPROTO_UDP);
    assert_eq!(udp, Err(Errno::EPROTONOSUPPORT));
    let fd = near.socket(AF_INET, SOCK_STREAM, IPPROTO_TCP).unwrap();
    assert_eq!(near.bind(fd, addr("[::]:7")), Err(Errno::EAFNOSUPPORT));
    assert_eq!(near.bind(fd, addr("10.9.9.9:7")), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(world.wait(near.accept(fd)), Err(Errno::EINVAL));
    assert_eq!(world.wait(near.send(fd, b"x", 0)), Err(Errno::ENOTCONN));
    assert_eq!(world.wait(near.recv(fd, &mut [0], 0)), Err(Errno::ENOTCONN));
    assert_eq!(near.shutdown(fd, SHUT_WR), Err(Errno::ENOTCONN));
    assert_eq!(near.getpeername(fd), Err(Errno::ENOTCONN));
    near.bind(fd, addr("10.0.0.1:0")).unwrap();
    assert_ne!(near.getsockname(fd).unwrap().port(), 0);
    assert_eq!(near.bind(fd, addr("10.0.0.1:8")), Err(Errno::EINVAL));
    let dgram = near.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    assert_eq!(near.listen(dgram, 1), Err(Errno::EOPNOTSUPP));
    assert_eq!(world.wait(near.accept(dgram)), Err(Errno::EOPNOTSUPP));
    assert_eq!(near.shutdown(dgram, SHUT_WR), Err(Errno::ENOTCONN));
    for bad in [-1, 15, 16, i32::MAX] {
        assert_eq!(near.getsockname(bad), Err(Errno::EBADF));
        assert_eq!(world.wait(near.close(bad)), Err(Errno::EBADF));
    }
}

#[test]
fn all_descriptors_can_be_open_and_no_more() {
    let world = world();
    let fds: Vec<Fd> = (0..16)
        .map(|_| world.near.socket(AF_INET, SOCK_DGRAM, 0).unwrap())
        .collect();
    assert_eq!(fds, (0..16).collect::<Vec<_>>());
    let one_more = world.near.socket(AF_INET, SOCK_DGRAM, 0);
    assert_eq!(one_more, Err(Errno::EMFILE));
    world.near.close_now(5).unwrap();
    let pair = world.near.socketpair(AF_LOCAL, SOCK_STREAM, 0);
    assert_eq!(pair, Err(Errno::EMFILE));
    assert_eq!(world.near.socket(AF_INET6, SOCK_STREAM, 0), Ok(5));
}

#[test]
fn peek_leaves_data_and_waitall_waits_for_all() {
    let world = world();
    let (near, far, _) = world.connection();
    world.wait(world.near.send(near, b"abc", 0)).unwrap();
    let mut data = [0; 6];
    for _ in 0..2 {
        let peeked = world.wait(world.far.recv(far, &mut data, MSG_PEEK));
        assert_eq!(peeked, Ok(3));
        assert_eq!(&data[..3], b"abc");
    }
    assert_eq!(world.far.ioctl(far, FIONREAD, 0), Ok(3));
    let late = async {
        world.near.stack().sleep(ms(50)).await;
        world.near.send(near, b"def", 0).await
    };
    let all = world.far.recv(far, &mut data, MSG_WAITALL);
    let (received, sent) = world.wait(join(all, late));
    assert_eq!((received, sent), (Ok(6), Ok(3)));
    assert_eq!(&data, b"abcdef");
    // The end is what there is to wait for.
    world.wait(world.near.send(near, b"gh", 0)).unwrap();
    world.near.shutdown(near, SHUT_WR).unwrap();
    let rest = world.wait(world.far.recv(far, &mut data, MSG_WAITALL));
    assert_eq!(rest, Ok(2));
}

#[test]
fn slices_are_sent_and_received_one_after_the_other() {
    let world = world();
    let (near, far, _) = world.connection();
    let from: [&[u8]; 3] = [b"ab", b"", b"cdefg"];
    let plain = Ancillary::default();
    let sent = world.near.sendmsg(near, &from, None, &plain, 0);
    assert_eq!(world.wait(sent), Ok(7));
    let (mut one, mut two) = ([0; 3], [0; 8]);
    world.net.run_for(ms(5));
    let mut to: [&mut [u8]; 2] = [&mut one, &mut two];
    let message = world.wait(world.far.recvmsg(far, &mut to, 0)).unwrap();
    assert_eq!(
        (message.length, message.source, message.flags),
        (7, None, 0)
    );
    assert_eq!((&one, &two[..4]), (b"abc", b"defg".as_slice()));
    let to_whom = world.near.sendto(near, b"x", 0, addr("10.0.0.2:7"));
    assert_eq!(world.wait(to_whom), Err(Errno::EISCONN));
    assert_eq!(
        world.wait(world.near.send(near, b"x", 1)),
        Err(Errno::EOPNOTSUPP)
    );
}

#[test]
fn more_than_fits_waits_or_is_taken_in_part() {
    let world = world();
    let (near, far, _) = world.connection();
    let many = [7; 60_000];
    let mut part = world
        .wait(world.near.send(near, &many, MSG_DONTWAIT))
        .unwrap();
    assert!(part > 0 && part < many.len());
    let now = world.near.send(near, &many, MSG_DONTWAIT);
    assert_eq!(world.wait(now), Err(Errno::EAGAIN));
    // Where poll says that there is room there is.
    let mut fds = [PollFd::new(near, POLLOUT)];
    for round in 0.. {
        assert!(round < 100, "the peer takes more and more");
        let poll = world.near.poll(&mut fds, Some(secs(5)));
        if world.wait(poll) == Ok(0) {
            break;
        }
        let more = world.near.send(near, &many, MSG_DONTWAIT);
        part += world.wait(more).unwrap();
    }
    let mut data = [0; 4096];
    let read_all = async {
        let mut length = 0;
        while length < part + many.len() {
            length += world.far.recv(far, &mut data, 0).await.unwrap();
        }
        length
    };
    let (sent, received) = world.wait(join(world.near.send(near, &many, 0), read_all));
    assert_eq!((sent, received), (Ok(many.len()), part + many.len()));
}

#[test]
fn shutdown_ends_either_direction() {
    let world = world();
    let (near, far, _) = world.connection();
    assert_eq!(world.near.shutdown(near, 3), Err(Errno::EINVAL));
    world.near.shutdown(near, SHUT_WR).unwrap();
    assert_eq!(
        world.wait(world.near.send(near, b"x", 0)),
        Err(Errno::EPIPE)
    );
    assert_eq!(world.wait(world.far.recv(far, &mut [0; 4], 0)), Ok(0));
    // The other direction goes on.
    world.wait(world.far.send(far, b"still", 0)).unwrap();
    let mut data = [0; 8];
    assert_eq!(world.wait(world.near.recv(near, &mut data, 0)), Ok(5));
    world.near.shutdown(near, SHUT_RD).unwrap();
    assert_eq!(world.wait(world.near.recv(near, &mut data, 0)), Ok(0));
}

#[test]
fn shutdown_and_close_wake_who_receives() {
    let world = world();
    let (near, _far, _) = world.connection();
    let mut data = [0; 4];
    let shut = async {
        world.near.stack().sleep(ms(10)).await;
        world.near.shutdown(near, SHUT_RD).unwrap();
    };
    let (received, ()) = world.wait(join(world.near.recv(near, &mut data, 0), shut));
    assert_eq!(received, Ok(0));
    let fd = world.near_datagrams();
    world.near.bind(fd, addr("0.0.0.0:5")).unwrap();
    let close = async {
        world.near.stack().sleep(ms(10)).await;
        world.near.close(fd).await.unwrap();
        // Somebody else gets the number.
        assert_eq!(world.near.socket(AF_INET, SOCK_DGRAM, 0), Ok(fd));
    };
    let (received, ()) = world.wait(join(world.near.recv(fd, &mut data, 0), close));
    assert_eq!(received, Err(Errno::EBADF));
}

#[test]
fn linger_of_zero_resets_and_of_more_waits_for_the_peer() {
    let world = world();
    let (near, far, _) = world.connection();
    let linger = |on, seconds| ints(&[on, seconds]);
    world
        .near
        .setsockopt(near, SOL_SOCKET, SO_LINGER, &linger(1, 0))
        .unwrap();
    let mut told = [0; 8];
    let length = world
        .near
        .getsockopt(near, SOL_SOCKET, SO_LINGER, &mut told);
    assert_eq!((length, told.to_vec()), (Ok(8), linger(1, 0)));
    world.wait(world.near.close(near)).unwrap();
    let reset = world.wait(world.far.recv(far, &mut [0], 0));
    assert_eq!(reset, Err(Errno::ECONNRESET));
    // Once; then it is over, and nothing can be sent.
    assert_eq!(world.wait(world.far.recv(far, &mut [0], 0)), Ok(0));
    assert_eq!(world.wait(world.far.send(far, b"x", 0)), Err(Errno::EPIPE));

    let (near, far, _) = {
        let near = world.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        let listener = world.listener(AF_INET, "0.0.0.0:8");
        let connect = world.near.connect(near, addr("10.0.0.2:8"));
        let (connected, accepted) = world.wait(join(connect, world.far.accept(listener)));
        connected.unwrap();
        (near, accepted.unwrap().0, listener)
    };
    world
        .near
        .setsockopt(near, SOL_SOCKET, SO_LINGER, &linger(1, 3))
        .unwrap();
    world.link.down();
    world.wait(world.near.send(near, b"lost", 0)).unwrap();
    let before = world.net.now();
    world.wait(world.near.close(near)).unwrap();
    assert_eq!(world.net.now().since(before), secs(3));
    let _ = far;
    world.link.up();
}

#[test]
fn connection_of_the_listener_has_its_options() {
    let world = world();
    let listener = world.listener(AF_INET, "0.0.0.0:7");
    world
        .far
        .set(listener, IPPROTO_TCP, TCP_NODELAY, 1)
        .unwrap();
    assert_eq!(world.far.get(listener, SOL_SOCKET, SO_ACCEPTCONN), Ok(1));
    let near = world.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    let connect = world.near.connect(near, addr("10.0.0.2:7"));
    let (_, accepted) = world.wait(join(connect, world.far.accept(listener)));
    let (fd, _) = accepted.unwrap();
    assert_eq!(world.far.get(fd, IPPROTO_TCP, TCP_NODELAY), Ok(1));
    assert_eq!(world.far.get(fd, SOL_SOCKET, SO_ACCEPTCONN), Ok(0));
    let mss = world.far.get(fd, IPPROTO_TCP, TCP_MAXSEG).unwrap();
    assert!((1400..=1460).contains(&mss), "{mss}");
}

#[test]
fn connection_goes_on_waiting_while_no_descriptor_is_free() {
    let world = world();
    let listener = world.listener(AF_INET, "0.0.0.0:7");
    for _ in 1..16 {
        let _: Fd = world.far.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    }
    let near = world.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    world
        .wait(world.near.connect(near, addr("10.0.0.2:7")))
        .unwrap();
    let accept = || world.wait(world.far.accept(listener));
    assert_eq!(accept(), Err(Errno::EMFILE));
    world.far.close_now(9).unwrap();
    let (fd, _) = accept().unwrap();
    assert_eq!(fd, 9);
    world.wait(world.near.send(near, b"x", 0)).unwrap();
    assert_eq!(world.wait(world.far.recv(fd, &mut [0; 4], 0)), Ok(1));
}

#[test]
fn low_water_mark_holds_back_what_is_too_little() {
    let world = world();
    let (near, far, _) = world.connection();
    world.far.set(far, SOL_SOCKET, SO_RCVLOWAT, 10).unwrap();
    let mut data = [0; 64];
    let readable = || {
        let mut fds = [PollFd::new(far, POLLIN)];
        world.wait(world.far.poll(&mut fds, Some(ms(10)))).unwrap() == 1
    };
    world.wait(world.near.send(near, b"12345", 0)).unwrap();
    assert!(!readable());
    let receive = world.far.recv(far, &mut data, 0);
    let send = async {
        world.near.stack().sleep(ms(50)).await;
        world.near.send(near, b"67890", 0).await
    };
    let (received, sent) = world.wait(join(receive, send));
    assert_eq!((received, sent), (Ok(10), Ok(5)));
    // Fewer are enough for who asks for fewer, and the last ones are all that come.
    world.wait(world.near.send(near, b"12345", 0)).unwrap();
    assert_eq!(world.wait(world.far.recv(far, &mut data[..3], 0)), Ok(3));
    world.near.shutdown(near, SHUT_WR).unwrap();
    world.net.run_for(ms(10));
    assert!(readable());
    assert_eq!(world.wait(world.far.recv(far, &mut data, 0)), Ok(2));
}
