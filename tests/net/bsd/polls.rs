//! Several descriptors at once.

use super::*;

#[test]
fn poll_tells_what_each_descriptor_has() {
    let world = world();
    let (near, far, listener) = world.connection();
    let dgram = world.datagrams(AF_INET, "0.0.0.0:9");
    let mut fds = [
        PollFd::new(far, POLLIN),
        PollFd::new(listener, POLLIN),
        PollFd::new(dgram, POLLIN),
        PollFd::new(-1, POLLIN),
    ];
    let before = world.net.now();
    assert_eq!(world.wait(world.far.poll(&mut fds, Some(ms(30)))), Ok(0));
    assert_eq!(world.net.now().since(before), ms(30));
    assert_eq!(world.wait(world.far.poll(&mut fds, Some(ms(0)))), Ok(0));
    let late = async {
        world.near.stack().sleep(ms(20)).await;
        world.near.send(near, b"x", 0).await.unwrap();
    };
    let (ready, ()) = world.wait(join(world.far.poll(&mut fds, None), late));
    assert_eq!(ready, Ok(1));
    let revents = fds.map(|entry| i32::from(entry.revents));
    assert_eq!(revents, [POLLIN, 0, 0, 0]);
    let client = world.near_datagrams();
    let to = addr("10.0.0.2:9");
    world.wait(world.near.sendto(client, b"x", 0, to)).unwrap();
    let another = world.near.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    world
        .wait(world.near.connect(another, addr("10.0.0.2:7")))
        .unwrap();
    world.net.run_for(ms(5));
    assert_eq!(world.wait(world.far.poll(&mut fds, None)), Ok(3));
    let mut closed = [PollFd::new(15, POLLIN)];
    assert_eq!(world.wait(world.far.poll(&mut closed, None)), Ok(1));
    assert_eq!(i32::from(closed[0].revents), POLLNVAL);
    let mut many = [PollFd::new(far, POLLIN); 17];
    assert_eq!(
        world.wait(world.far.poll(&mut many, None)),
        Err(Errno::EINVAL)
    );
}

#[test]
fn poll_tells_of_the_end_and_of_both() {
    let world = world();
    let (near, far, _) = world.connection();
    world.near.shutdown(near, SHUT_WR).unwrap();
    let mut fds = [PollFd::new(far, POLLIN | POLLRDHUP)];
    assert_eq!(world.wait(world.far.poll(&mut fds, None)), Ok(1));
    assert_eq!(i32::from(fds[0].revents), POLLIN | POLLRDHUP);
    world.far.shutdown(far, SHUT_WR).unwrap();
    assert_eq!(world.wait(world.far.poll(&mut fds, None)), Ok(1));
    assert_eq!(i32::from(fds[0].revents), POLLIN | POLLRDHUP | POLLHUP);
}

#[test]
fn descriptor_that_is_closed_wakes_who_polls() {
    let world = world();
    let fd = world.datagrams(AF_INET, "0.0.0.0:9");
    let mut fds = [PollFd::new(fd, POLLIN)];
    let close = async {
        world.far.stack().sleep(ms(5)).await;
        world.far.close(fd).await.unwrap();
    };
    let (ready, ()) = world.wait(join(world.far.poll(&mut fds, None), close));
    assert_eq!((ready, i32::from(fds[0].revents)), (Ok(1), POLLNVAL));
}

#[test]
fn select_keeps_the_descriptors_that_are_ready() {
    let world = world();
    let (near, far, listener) = world.connection();
    let set = |fds: &[Fd]| {
        let mut set = FdSet::new();
        assert!(fds.iter().all(|fd| set.set(*fd)));
        set
    };
    let (mut readable, mut writable) = (set(&[far, listener]), set(&[far]));
    let mut failed = set(&[far]);
    let select = world
        .far
        .select(&mut readable, &mut writable, &mut failed, None);
    assert_eq!(world.wait(select), Ok(1));
    assert_eq!(
        (readable, writable, failed),
        (set(&[]), set(&[far]), set(&[]))
    );
    world.wait(world.near.send(near, b"x", 0)).unwrap();
    let mut none = FdSet::new();
    let mut readable = set(&[far, listener]);
    let select = world
        .far
        .select(&mut readable, &mut none, &mut failed, Some(secs(1)));
    assert_eq!(world.wait(select), Ok(1));
    assert_eq!(readable, set(&[far]));
    let mut closed = set(&[14]);
    let select = world
        .far
        .select(&mut closed, &mut none, &mut failed, Some(secs(1)));
    assert_eq!(world.wait(select), Err(Errno::EBADF));
    let mut outside = set(&[40]);
    let select = world
        .far
        .select(&mut outside, &mut none, &mut failed, Some(secs(1)));
    assert_eq!(world.wait(select), Err(Errno::EBADF));
    assert!(!FdSet::new().set(64) && !FdSet::new().set(-1));
    let mut set = set(&[3]);
    set.clear(3);
    assert!(!set.contains(3));
}
