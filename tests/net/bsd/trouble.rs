//! What descriptors go through on links that lose, break and are slow.

use super::*;

/// Bytes that tell their place.
fn pattern(at: usize) -> u8 {
    (at.wrapping_mul(31) >> 3) as u8
}

#[test]
fn large_transfers_survive_a_lossy_link_both_ways() {
    const LENGTH: usize = 100_000;
    let world = world();
    let (near, far, _) = world.connection();
    world.link.loss(0.03);
    let send = async |sockets: &Sockets<'_, 16>, fd| {
        let mut at = 0;
        while at < LENGTH {
            let data: Vec<u8> = (at..(at + 1000).min(LENGTH)).map(pattern).collect();
            at += sockets.send(fd, &data, 0).await.unwrap();
        }
        sockets.shutdown(fd, SHUT_WR).unwrap();
    };
    let receive = async |sockets: &Sockets<'_, 16>, fd| {
        let (mut at, mut data) = (0, [0; 700]);
        loop {
            let length = sockets.recv(fd, &mut data, 0).await.unwrap();
            if length == 0 {
                return at;
            }
            let is_right = |(place, byte): (usize, &u8)| pattern(at + place) == *byte;
            assert!(data[..length].iter().enumerate().all(is_right));
            at += length;
        }
    };
    let there = join(send(&world.near, near), receive(&world.far, far));
    let back = join(send(&world.far, far), receive(&world.near, near));
    let (((), there), ((), back)) = world.wait(join(there, back));
    assert_eq!((there, back), (LENGTH, LENGTH));
}

#[test]
fn connection_over_a_broken_link_ends_in_the_time_that_is_set() {
    let world = world();
    let (near, _far, _) = world.connection();
    world
        .near
        .set(near, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000)
        .unwrap();
    // What is sent is lost without a word.
    world.link.loss(1.0);
    world.wait(world.near.send(near, b"x", 0)).unwrap();
    let before = world.net.now();
    let mut data = [0; 4];
    let ended = world.wait(world.near.recv(near, &mut data, 0));
    assert_eq!(ended, Err(Errno::ETIMEDOUT));
    let patience = world.net.now().since(before);
    assert!((secs(5)..secs(30)).contains(&patience), "{patience:?}");
    let after = world.wait(world.near.send(near, b"x", 0));
    assert_eq!(after, Err(Errno::EPIPE));
    world.link.loss(0.0);
}

#[test]
fn keepalive_ends_a_connection_whose_peer_is_silent() {
    let world = world();
    let (near, _far, _) = world.connection();
    world.near.set(near, IPPROTO_TCP, TCP_KEEPIDLE, 30).unwrap();
    world.near.set(near, SOL_SOCKET, SO_KEEPALIVE, 1).unwrap();
    let get = |name| world.near.get(near, IPPROTO_TCP, name).unwrap();
    let (interval, count) = (get(TCP_KEEPINTVL), get(TCP_KEEPCNT));
    let longest = 30 + interval * (count + 1);
    // As long as the peer answers nothing ends.
    world.net.run_for(secs(2 * longest as u64));
    let mut data = [0; 4];
    let alive = world.wait(world.near.recv(near, &mut data, MSG_DONTWAIT));
    assert_eq!(alive, Err(Errno::EAGAIN));
    world.link.loss(1.0);
    let before = world.net.now();
    let ended = world.wait(world.near.recv(near, &mut data, 0));
    assert_eq!(ended, Err(Errno::ETIMEDOUT));
    assert!(world.net.now().since(before) <= secs(longest as u64 + 30));
    world.link.loss(0.0);
}

#[test]
fn buffers_of_streams_bound_what_is_under_way() {
    let world = world();
    let (near, far, _) = world.connection();
    world.near.set(near, SOL_SOCKET, SO_SNDBUF, 1000).unwrap();
    world.far.set(far, SOL_SOCKET, SO_RCVBUF, 2000).unwrap();
    let mut sent = 0;
    for _ in 0..100 {
        match world.wait(world.near.send(near, &[1; 500], MSG_DONTWAIT)) {
            Ok(some) => sent += some,
            Err(error) => assert_eq!(error, Errno::EAGAIN),
        }
        world.net.run_for(ms(300));
    }
    let waits = world.far.ioctl(far, FIONREAD, 0).unwrap() as usize;
    let segment = world.near.get(near, IPPROTO_TCP, TCP_MAXSEG).unwrap() as usize;
    // A window that was open is not taken back (RFC 9293 §3.8.6): the first one may be used up.
    let window = zonda::config::TCP_RECEIVE_QUOTA;
    assert!(waits <= window + segment, "{waits} wait");
    assert!(
        sent <= waits + 1000 + segment,
        "{sent} were taken, {waits} wait"
    );
    let mut got = 0;
    while got < sent {
        got += world.wait(world.far.recv(far, &mut [0; 4000], 0)).unwrap();
    }
    assert_eq!(got, sent);
}
