extern crate std;

use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::link::{Capabilities, Port, StackEnd};
use crate::netbuf::NetBufPool;

fn pool() -> Pool {
    Box::leak(Box::new(NetBufPool::<64, 128, 8, 32>::new())).pool()
}

fn frame(pool: Pool, bytes: &[u8]) -> NetBuf {
    let mut frame = pool.alloc(Purpose::Receive, 64).unwrap();
    frame.append(bytes).unwrap();
    frame
}

fn received(end: StackEnd<'_>) -> Vec<Vec<u8>> {
    let (mut queue, _) = end.receive();
    if queue.len() >= config::PORT_RX_QUEUE {
        end.wake_driver();
    }
    let mut frames = Vec::new();
    while let Some(frame) = queue.pop_front() {
        let mut bytes = vec![0; frame.len()];
        assert_eq!(frame.read(0, &mut bytes), bytes.len());
        frames.push(bytes);
    }
    frames
}

fn assert_empty(pool: Pool) {
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
    assert_eq!((stats.held, stats.sent), (0, 0));
}

/// Counts how often a task was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _: usize = self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn frames_cross_a_wire_both_ways_in_order() {
    let (pools, ports) = (
        [pool(), pool()],
        [(); 2].map(|()| Port::new(Capabilities::ip(600))),
    );
    let ends = ports.each_ref().map(Port::split);
    let wire = Wire::new([
        Station::new(ends[0].0, pools[0]),
        Station::new(ends[1].0, pools[1]),
    ]);
    let long = [7; 600];
    for bytes in [&b"one"[..], b"two", &long] {
        ends[0].1.send(frame(pools[0], bytes)).unwrap();
    }
    ends[1].1.send(frame(pools[1], b"back")).unwrap();
    assert_eq!(wire.step(), 4);
    assert_eq!(wire.step(), 0);
    // Copied: the sender's blocks are free although nobody has read yet.
    assert_eq!(pools[1].stats().blocks_used, 7);
    assert_eq!(
        received(ends[1].1),
        [&b"one"[..], b"two", &long].map(Vec::from)
    );
    assert_eq!(received(ends[0].1), [b"back"]);
    pools.into_iter().for_each(assert_empty);
}

#[test]
fn link_is_up_as_long_as_the_hub_lives() {
    let port = Port::new(Capabilities::ip(600));
    let (driver, stack) = port.split();
    let hub = Hub::new([Station::new(driver, pool())]);
    assert_eq!(stack.take_change().unwrap().0, LinkState::Up);
    drop(hub);
    assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
}

#[test]
fn hub_gives_a_frame_to_all_others() {
    let pool = pool();
    let ports = [(); 4].map(|()| Port::new(Capabilities::ip(600)));
    let ends = ports.each_ref().map(Port::split);
    let hub = Hub::new(ends.map(|(driver, _)| Station::new(driver, pool)));
    let mut sent = frame(pool, b"all");
    sent.set_meta(Meta {
        interface: 3,
        class: 2,
        ..Meta::NEW
    });
    ends[1].1.send(sent).unwrap();
    assert_eq!(hub.step(), 1);
    // One pool: the three receivers see one block.
    assert_eq!(pool.stats().blocks_used, 1);
    assert!(ends[1].1.receive().0.is_empty());
    let (mut queue, _) = ends[0].1.receive();
    let first = queue.pop_front().unwrap();
    assert_eq!(first.meta(), Meta::NEW);
    assert!(first.equals(b"all"));
    drop(first);
    assert_eq!(received(ends[2].1), [b"all"]);
    assert_eq!(received(ends[3].1), [b"all"]);
    assert_empty(pool);
}

#[test]
fn charge_of_the_sender_does_not_travel() {
    let pool = pool();
    let ports = [(); 2].map(|()| Port::new(Capabilities::ip(600)));
    let ends = ports.each_ref().map(Port::split);
    let wire = Wire::new(ends.map(|(driver, _)| Station::new(driver, pool)));
    let mut sent = pool.alloc(Purpose::Send, 32).unwrap();
    sent.append(&[1; 300]).unwrap();
    assert_eq!(pool.stats().sent, 3);
    ends[0].1.send(sent).unwrap();
    assert_eq!(wire.step(), 1);
    assert_eq!(pool.stats().sent, 0);
    assert_eq!(received(ends[1].1), [[1; 300]]);
    assert_empty(pool);
}

#[test]
fn frames_wait_with_the_sender_while_a_receiver_has_no_room() {
    let pool = pool();
    let ports = [(); 2].map(|()| Port::new(Capabilities::ip(600)));
    let ends = ports.each_ref().map(Port::split);
    let wire = Wire::new(ends.map(|(driver, _)| Station::new(driver, pool)));
    let mut sent = 0u8;
    for _ in 0..3 {
        while ends[0].1.send(frame(pool, &[sent])).is_ok() {
            sent += 1;
        }
        let _: usize = wire.step();
    }
    assert_eq!(
        usize::from(sent),
        config::PORT_RX_QUEUE + config::PORT_TX_QUEUE
    );
    // The other direction still passes.
    ends[1].1.send(frame(pool, b"back")).unwrap();
    assert_eq!(wire.step(), 1);
    let mut seen = Vec::new();
    while seen.len() < usize::from(sent) {
        seen.extend(received(ends[1].1));
        let _: usize = wire.step();
    }
    assert_eq!(seen, (0..sent).map(|byte| vec![byte]).collect::<Vec<_>>());
    assert_eq!(ports[1].stats().receive_full, 0);
    drop(received(ends[0].1));
    assert_empty(pool);
}

#[test]
fn frames_beyond_the_mtu_or_the_pool_are_lost_and_counted() {
    let small = Box::leak(Box::new(NetBufPool::<4, 128, 4, 0>::new())).pool();
    let pool = pool();
    let ports = [600, 100, 600].map(|mtu| Port::new(Capabilities::ip(mtu)));
    let ends = ports.each_ref().map(Port::split);
    let hub = Hub::new([
        Station::new(ends[0].0, pool),
        Station::new(ends[1].0, pool),
        Station::new(ends[2].0, small),
    ]);
    ends[0].1.send(frame(pool, &[1; 101])).unwrap();
    ends[0].1.send(frame(pool, &[2; 600])).unwrap();
    ends[0].1.send(frame(pool, &[3; 100])).unwrap();
    assert_eq!(hub.step(), 3);
    assert_eq!(received(ends[1].1), [[3; 100]]);
    assert_eq!(received(ends[2].1), [vec![1; 101], vec![3; 100]]);
    assert_eq!(ports[1].stats().receive_errors, 2);
    assert_eq!(ports[2].stats().receive_errors, 1);
    assert_empty(pool);
    assert_empty(small);
}

#[cfg(feature = "ethernet")]
#[test]
fn copied_ethernet_frames_have_aligned_network_headers() {
    let (near, far) = (pool(), pool());
    let ports = [(); 2].map(|()| Port::new(Capabilities::ethernet([2; 6])));
    let ends = ports.each_ref().map(Port::split);
    let wire = Wire::new([Station::new(ends[0].0, near), Station::new(ends[1].0, far)]);
    ends[0].1.send(frame(near, &[0; 64])).unwrap();
    assert_eq!(wire.step(), 1);
    let copy = ends[1].1.receive().0.pop_front().unwrap();
    assert_eq!(copy.headroom(), crate::netbuf::pool::RECEIVE_OFFSET);
}

#[test]
fn running_hub_sleeps_when_idle_and_wakes_for_frames_and_for_room() {
    let pool = pool();
    let ports = [(); 2].map(|()| Port::new(Capabilities::ip(600)));
    let ends = ports.each_ref().map(Port::split);
    let wire = Wire::new(ends.map(|(driver, _)| Station::new(driver, pool)));
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut context = Context::from_waker(&waker);
    let mut task = pin!(wire.run());
    // Runs until the task sleeps; a task that spins never gets out.
    let mut run = || {
        for _ in 0..100 {
            assert!(task.as_mut().poll(&mut context).is_pending());
            if wakes.take() == 0 {
                return;
            }
        }
        panic!("the task does not sleep");
    };
    run();
    for (near, far) in [(0, 1), (1, 0)] {
        ends[near].1.send(frame(pool, b"hello")).unwrap();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        ends[near].1.wake_driver();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        run();
        assert_eq!(received(ends[far].1), [b"hello"]);
    }
    // Full, and more than full: the task sleeps until the receiver makes room.
    for _ in 0..2 {
        while ends[0].1.send(frame(pool, b"more")).is_ok() {}
        ends[0].1.wake_driver();
        run();
    }
    let mut seen = 0;
    loop {
        let now = received(ends[1].1).len();
        if now == 0 {
            break;
        }
        seen += now;
        if wakes.take() > 0 {
            run();
        }
    }
    assert_eq!(seen, config::PORT_RX_QUEUE + config::PORT_TX_QUEUE);
    assert_empty(pool);
}
