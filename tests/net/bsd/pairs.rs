//! Pairs of sockets.

use super::*;

#[test]
fn stream_pair_passes_bytes_both_ways() {
    let world = world();
    let sockets = &world.near;
    let (one, other) = sockets.socketpair(AF_LOCAL, SOCK_STREAM, 0).unwrap();
    let mut data = [0; 8];
    for (from, to) in [(one, other), (other, one)] {
        world.wait(sockets.send(from, b"abc", 0)).unwrap();
        world.wait(sockets.send(from, b"defg", 0)).unwrap();
        assert_eq!(sockets.ioctl(to, FIONREAD, 0), Ok(7));
        assert_eq!(world.wait(sockets.recv(to, &mut data, MSG_PEEK)), Ok(7));
        assert_eq!(world.wait(sockets.recv(to, &mut data[..5], 0)), Ok(5));
        assert_eq!(&data[..5], b"abcde");
        assert_eq!(world.wait(sockets.recv(to, &mut data, 0)), Ok(2));
        assert_eq!(&data[..2], b"fg");
        let none = sockets.recv(to, &mut data, MSG_DONTWAIT);
        assert_eq!(world.wait(none), Err(Errno::EAGAIN));
    }
    assert_eq!(sockets.get(one, SOL_SOCKET, SO_DOMAIN), Ok(AF_LOCAL));
    assert_eq!(sockets.get(one, SOL_SOCKET, SO_TYPE), Ok(SOCK_STREAM));
}

#[test]
fn datagram_pair_keeps_the_bounds() {
    let world = world();
    let sockets = &world.near;
    let (one, other) = sockets.socketpair(AF_LOCAL, SOCK_DGRAM, 0).unwrap();
    for data in [b"abc".as_slice(), b"", b"defgh"] {
        assert_eq!(world.wait(sockets.send(one, data, 0)), Ok(data.len()));
    }
    let mut data = [0; 4];
    for (length, flags) in [(3, 0), (0, 0), (4, MSG_TRUNC)] {
        let message = world
            .wait(sockets.recvmsg(other, &mut [&mut data], 0))
            .unwrap();
        assert_eq!((message.length, message.flags), (length, flags));
    }
    let long = world.wait(sockets.send(one, &vec![0; 100_000], 0));
    assert_eq!(long, Err(Errno::EMSGSIZE));
}

#[test]
fn full_pair_makes_the_writer_wait() {
    let world = world();
    let sockets = &world.near;
    let (one, other) = sockets.socketpair(AF_LOCAL, SOCK_STREAM, 0).unwrap();
    sockets.set(other, SOL_SOCKET, SO_RCVBUF, 100).unwrap();
    let part = sockets.send(one, &[1; 300], MSG_DONTWAIT);
    assert_eq!(world.wait(part), Ok(100));
    let none = sockets.send(one, &[1; 300], MSG_DONTWAIT);
    assert_eq!(world.wait(none), Err(Errno::EAGAIN));
    let mut fds = [PollFd::new(one, POLLOUT)];
    assert_eq!(world.wait(sockets.poll(&mut fds, Some(ms(1)))), Ok(0));
    let mut data = [0; 400];
    let read = sockets.recv(other, &mut data, MSG_WAITALL);
    let (sent, received) = world.wait(join(sockets.send(one, &[2; 300], 0), read));
    assert_eq!((sent, received), (Ok(300), Ok(400)));
}

#[test]
fn end_of_a_pair_is_read_as_the_end_and_cannot_be_written_to() {
    let world = world();
    let sockets = &world.near;
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        let (one, other) = sockets.socketpair(AF_LOCAL, kind, 0).unwrap();
        world.wait(sockets.send(one, b"last", 0)).unwrap();
        sockets.shutdown(one, SHUT_WR).unwrap();
        assert_eq!(world.wait(sockets.send(one, b"x", 0)), Err(Errno::EPIPE));
        let mut data = [0; 8];
        assert_eq!(world.wait(sockets.recv(other, &mut data, 0)), Ok(4));
        assert_eq!(world.wait(sockets.recv(other, &mut data, 0)), Ok(0));
        let close = async {
            world.near.stack().sleep(ms(1)).await;
            sockets.close(other).await
        };
        // Who waits is woken.
        let (received, closed) = world.wait(join(sockets.recv(one, &mut data, 0), close));
        assert_eq!((received, closed), (Ok(0), Ok(())));
        let mut fds = [PollFd::new(one, POLLIN | POLLOUT)];
        assert_eq!(world.wait(sockets.poll(&mut fds, None)), Ok(1));
        assert_eq!(i32::from(fds[0].revents) & POLLHUP, POLLHUP);
        world.wait(sockets.close(one)).unwrap();
    }
}

#[test]
fn closed_pair_gives_its_blocks_back() {
    let world = world();
    let sockets = &world.near;
    let (one, other) = sockets.socketpair(AF_LOCAL, SOCK_STREAM, 0).unwrap();
    world.wait(sockets.send(one, &[1; 2000], 0)).unwrap();
    world.wait(sockets.send(other, &[1; 2000], 0)).unwrap();
    assert!(world.near_host.pool().stats().blocks_used > 6);
    sockets.close_now(one).unwrap();
    // What was sent before can be read still.
    assert_eq!(
        world.wait(sockets.recv(other, &mut [0; 4096], MSG_WAITALL)),
        Ok(2000)
    );
    sockets.close_now(other).unwrap();
    assert_eq!(world.near_host.pool().stats().blocks_used, 0);
}

#[test]
fn pairs_of_other_families_and_types_are_refused() {
    let world = world();
    let pair = |domain, kind| world.near.socketpair(domain, kind, 0);
    assert_eq!(pair(AF_INET, SOCK_STREAM), Err(Errno::EOPNOTSUPP));
    assert_eq!(pair(AF_PACKET, SOCK_STREAM), Err(Errno::EAFNOSUPPORT));
    assert_eq!(pair(AF_LOCAL, SOCK_RAW), Err(Errno::ESOCKTNOSUPPORT));
    let protocol = world.near.socketpair(AF_LOCAL, SOCK_STREAM, 1);
    assert_eq!(protocol, Err(Errno::EPROTONOSUPPORT));
    let (one, other) = pair(AF_LOCAL, SOCK_STREAM | SOCK_NONBLOCK).unwrap();
    assert_eq!(world.near.fcntl(one, F_GETFL, 0), Ok(O_NONBLOCK));
    let none = world.wait(world.near.recv(other, &mut [0], 0));
    assert_eq!(none, Err(Errno::EAGAIN));
    assert_eq!(world.near.getpeername(one), Err(Errno::ENOTCONN));
    assert_eq!(
        world.near.bind(one, addr("0.0.0.0:1")),
        Err(Errno::EOPNOTSUPP)
    );
}
