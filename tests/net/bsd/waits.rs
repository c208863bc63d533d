//! Waiting, and not.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};

use zonda::stack::Next;

use super::*;
use crate::given_up::{at_each_await, give_up};

#[test]
fn nonblocking_calls_say_so_and_timeouts_end() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let far = &world.far;
    let mut data = [0; 4];
    assert_eq!(far.fcntl(server, F_GETFL, 0), Ok(0));
    far.fcntl(server, F_SETFL, O_NONBLOCK).unwrap();
    assert_eq!(
        world.wait(far.recv(server, &mut data, 0)),
        Err(Errno::EAGAIN)
    );
    far.ioctl(server, FIONBIO, 0).unwrap();
    assert_eq!(far.fcntl(server, F_GETFL, 0), Ok(0));
    far.setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &time(1, 500_000))
        .unwrap();
    let mut told = [0; 16];
    let length = far.getsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &mut told);
    assert_eq!((length, told.to_vec()), (Ok(16), time(1, 500_000)));
    let before = world.net.now();
    assert_eq!(
        world.wait(far.recv(server, &mut data, 0)),
        Err(Errno::EAGAIN)
    );
    assert_eq!(world.net.now().since(before), ms(1500));
    let listener = world.listener(AF_INET, "0.0.0.0:7");
    far.setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time(2, 0))
        .unwrap();
    let before = world.net.now();
    assert_eq!(world.wait(far.accept(listener)), Err(Errno::EAGAIN));
    assert_eq!(world.net.now().since(before), secs(2));
    assert_eq!(far.ioctl(server, 1, 0), Err(Errno::ENOTTY));
    assert_eq!(far.fcntl(server, 99, 0), Err(Errno::EINVAL));
}

#[test]
fn datagrams_wait_for_the_link() {
    let world = world();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    world.link.down();
    let near = &world.near;
    // There is nobody whose link address would have to be asked for first.
    near.set(client, SOL_SOCKET, SO_BROADCAST, 1).unwrap();
    let to = addr("10.0.0.255:7");
    let now = near.sendto(client, b"x", MSG_DONTWAIT, to);
    assert_eq!(world.wait(now), Err(Errno::EAGAIN));
    near.setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &time(1, 0))
        .unwrap();
    assert_eq!(
        world.wait(near.sendto(client, b"x", 0, to)),
        Err(Errno::EAGAIN)
    );
    let up = async {
        near.stack().sleep(ms(300)).await;
        world.link.up();
    };
    let (sent, _) = world.wait(join(near.sendto(client, b"x", 0, to), up));
    assert_eq!(sent, Ok(1));
    assert_eq!(world.wait(world.far.recv(server, &mut [0; 4], 0)), Ok(1));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// It waits for the descriptor, and for room and the link of each of three interfaces.
#[test]
fn all_that_lose_their_places_to_one_who_waits_for_room_are_woken() {
    let world = world();
    world.link.down();
    for place in ["10.0.1.1/24", "10.0.2.1/24"] {
        let link = world.net.link((world.near_host, world.far_host));
        world.near_host.add(link, place);
        link.down();
    }
    world.net.run_for(ms(1));
    let client = world.near_datagrams();
    let near = &world.near;
    near.set(client, SOL_SOCKET, SO_BROADCAST, 1).unwrap();
    near.bind(client, addr("10.0.0.1:9")).unwrap();
    let sockets: Vec<_> = (0..zonda::config::WAITERS as u16)
        .map(|n| world.near_host.udp(&format!("[::]:{}", 7000 + n)))
        .collect();
    let counters: Vec<_> = sockets.iter().map(|_| Arc::<Counter>::default()).collect();
    let mut waits: Vec<_> = sockets.iter().map(|s| Box::pin(s.recv())).collect();
    for (wait, counter) in waits.iter_mut().zip(&counters) {
        let waker = Waker::from(counter.clone());
        let polled = wait.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    let mut send = pin!(near.sendto(client, b"x", 0, addr("10.0.0.255:7")));
    let waker = Waker::from(Arc::<Counter>::default());
    let polled = send.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let woken = counters.iter().map(|c| c.0.load(Ordering::Relaxed));
    let woken: Vec<_> = woken.collect();
    let (displaced, others) = woken.split_at(1 + 2 * 3);
    assert!(displaced.iter().all(|count| *count == 1), "{woken:?}");
    assert!(others.iter().all(|count| *count == 0), "{woken:?}");
}

#[test]
fn program_without_an_executor_drives_the_stack_while_it_waits() {
    let world = world();
    let stack = world.near_host.stack();
    let server = world.datagrams(AF_INET, "0.0.0.0:7");
    let client = world.near_datagrams();
    // Time passes by as much as the stack allows, and the network with it.
    let mut idle = |next: Next| {
        let span = match next {
            Next::Now => us(1),
            Next::At(at) => at.since(world.net.now()),
            Next::Idle => ms(1),
        };
        world.net.run_for(span.min(ms(1)));
    };
    let to = addr("10.0.0.2:7");
    let sent = block_on(stack, &mut idle, world.near.sendto(client, b"hello", 0, to));
    assert_eq!(sent, Ok(5));
    let mut data = [0; 8];
    let echo = async {
        let (length, from) = world.far.recvfrom(server, &mut data, 0).await.unwrap();
        world
            .far
            .sendto(server, &data[..length], 0, from.unwrap())
            .await
    };
    let echoed = block_on(world.far_host.stack(), &mut idle, echo);
    assert_eq!(echoed, Ok(5));
    let mut answer = [0; 8];
    let received = block_on(stack, &mut idle, world.near.recv(client, &mut answer, 0));
    assert_eq!((received, &answer[..5]), (Ok(5), b"hello".as_slice()));
    let limit = time(0, 50_000);
    world
        .near
        .setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit)
        .unwrap();
    let before = world.net.now();
    let nothing = block_on(stack, &mut idle, world.near.recv(client, &mut answer, 0));
    assert_eq!(nothing, Err(Errno::EAGAIN));
    assert!(world.net.now().since(before) < ms(52));
}

/// A blocking call that is given up has done all or nothing.
#[test]
fn calls_that_are_given_up_lose_nothing() {
    let w = world();
    let (near, far, _) = w.connection();
    let (mut sent, mut read) = (0u8, Vec::<u8>::new());
    at_each_await(|polls| {
        if polls % 2 == 1 {
            sent += 1;
            assert_eq!(w.wait(w.near.send(near, &[sent; 10], 0)), Ok(10));
        }
        let mut bytes = [0; 7];
        if let Some(length) = give_up(&w.net, polls, w.far.recv(far, &mut bytes, 0)) {
            read.extend(&bytes[..length.unwrap()]);
        }
        polls > 8
    });
    w.net.run_for(secs(1));
    let mut bytes = [0; 100];
    while let Some(Ok(length)) = give_up(&w.net, 2, w.far.recv(far, &mut bytes, 0)) {
        read.extend(&bytes[..length]);
    }
    let expected: Vec<u8> = (1..=sent).flat_map(|n| [n; 10]).collect();
    assert_eq!(read, expected);
}
