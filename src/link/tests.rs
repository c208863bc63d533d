//! What passes a port, in which order, and who is woken.

extern crate std;

use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;

use super::*;
use crate::config;
use crate::netbuf::{NetBuf, NetBufPool, Pool, Purpose};

const CAPABILITIES: Capabilities = Capabilities::ip(1500);

/// Blocks for more frames than any queue of a port takes.
fn pool() -> Pool {
    const BLOCKS: usize =
        config::PORT_RX_QUEUE + config::PORT_TX_QUEUE * config::TRAFFIC_CLASSES + 4;
    Box::leak(Box::new(NetBufPool::<BLOCKS, 64, 4, 4>::new())).pool()
}

/// A frame of one byte, in a traffic class.
fn frame(pool: Pool, number: u8, class: u8) -> NetBuf {
    let mut buf = pool.alloc(Purpose::Receive, 0).unwrap();
    buf.append(&[number]).unwrap();
    let mut meta = buf.meta();
    meta.class = class;
    buf.set_meta(meta);
    buf
}

fn up() -> Port {
    let port = Port::new(CAPABILITIES);
    port.split().0.set_link(LinkState::Up);
    let _: Option<(LinkState, Capabilities)> = port.split().1.take_change();
    port
}

/// A task that counts how often it is woken.
#[derive(Default)]
struct Task(AtomicU32);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let _: u32 = self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task, and the waker of it.
fn task() -> (Arc<Task>, Waker) {
    let task = Arc::<Task>::default();
    (task.clone(), Waker::from(task))
}

impl Task {
    /// How often it was woken since the last call.
    fn wakes(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn frames_come_to_the_stack_in_order() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    for number in 0..3 {
        driver.deliver(frame(pool, number, number)).unwrap();
    }
    let (mut received, _) = stack.receive();
    for number in 0..3 {
        assert!(
            received
                .pop_front()
                .is_some_and(|buf| buf.equals(&[number]))
        );
    }
    assert!(received.is_empty() && stack.receive().0.is_empty());
    assert_eq!(port.stats().received, 3);
}

#[test]
fn the_highest_class_is_sent_first_and_each_in_order() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    // The last class takes those beyond it too.
    let top = config::TRAFFIC_CLASSES as u8 - 1;
    for (number, class) in [(0, 0), (1, top), (2, 0), (3, u8::MAX), (4, top)] {
        stack.send(frame(pool, number, class)).unwrap();
    }
    assert_eq!(driver.waiting_tx(), 5);
    let mut order = std::vec::Vec::new();
    while let Some(buf) = driver.try_next_tx() {
        order.push(buf.first()[0]);
        if order == [1] {
            stack.send(frame(pool, 5, top)).unwrap();
        }
    }
    let expected = match top {
        0 => [0, 1, 2, 3, 4, 5],
        _ => [1, 3, 4, 5, 0, 2],
    };
    assert_eq!(order, expected);
    assert_eq!((driver.waiting_tx(), port.stats().sent), (0, 6));
}

#[test]
fn a_full_queue_hands_the_frame_back() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    for _ in 0..config::PORT_RX_QUEUE {
        driver.deliver(frame(pool, 0, 0)).unwrap();
    }
    assert!(
        driver
            .deliver(frame(pool, 7, 0))
            .is_err_and(|buf| buf.equals(&[7]))
    );
    for class in 0..config::TRAFFIC_CLASSES as u8 {
        for _ in 0..config::PORT_TX_QUEUE {
            stack.send(frame(pool, 0, class)).unwrap();
        }
        assert!(
            stack
                .send(frame(pool, 7, class))
                .is_err_and(|buf| buf.equals(&[7]))
        );
    }
    let stats = stack.stats();
    assert_eq!(
        (stats.receive_full, stats.send_full),
        (1, config::TRAFFIC_CLASSES as u32)
    );
    drop(port);
    assert_eq!(pool.stats().blocks_used, 0);
}

#[test]
fn a_frame_of_another_pool_comes_back() {
    let (one, two, port) = (pool(), pool(), up());
    let (driver, stack) = port.split();
    driver.deliver(frame(one, 0, 0)).unwrap();
    assert!(driver.deliver(frame(two, 1, 0)).is_err());
    stack.send(frame(one, 0, 0)).unwrap();
    assert!(stack.send(frame(two, 1, 0)).is_err());
    assert_eq!((port.stats().receive_full, port.stats().send_full), (1, 1));
    drop((stack.receive(), driver.try_next_tx()));
    driver.deliver(frame(two, 1, 0)).unwrap();
    stack.send(frame(two, 1, 0)).unwrap();
}

#[test]
fn a_link_that_goes_down_drops_what_waits_and_refuses_more() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    driver.deliver(frame(pool, 0, 0)).unwrap();
    for class in 0..4 {
        stack.send(frame(pool, 1, class)).unwrap();
    }
    driver.set_link(LinkState::Down);
    assert_eq!(driver.waiting_tx(), 0);
    assert!(driver.try_next_tx().is_none());
    // What was received before that is still good.
    assert_eq!(pool.stats().blocks_used, 1);
    assert_eq!(stack.receive().0.len(), 1);
    assert_eq!(port.stats().send_full, 4);
    assert!(stack.send(frame(pool, 1, 0)).is_err());
    assert_eq!(port.stats().send_full, 5);
    driver.set_link(LinkState::Up);
    stack.send(frame(pool, 1, 0)).unwrap();
    assert!(driver.try_next_tx().is_some());
    assert_eq!(pool.stats().blocks_used, 0);
}

#[test]
fn a_driver_is_woken_when_it_is_told_to_be() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    let (task, waker) = task();
    let mut context = Context::from_waker(&waker);
    assert!(driver.poll_next_tx(&mut context).is_pending());
    assert!(driver.poll_next_tx(&mut context).is_pending());
    stack.send(frame(pool, 1, 0)).unwrap();
    stack.send(frame(pool, 2, 0)).unwrap();
    assert_eq!(task.wakes(), 0);
    stack.wake_driver();
    stack.wake_driver();
    assert_eq!(task.wakes(), 1);
    assert!(driver.poll_next_tx(&mut context).is_ready());
    assert!(driver.poll_next_tx(&mut context).is_ready());
    assert!(driver.poll_next_tx(&mut context).is_pending());
}

#[test]
fn a_driver_that_waits_for_room_is_woken_when_the_stack_makes_some() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    let (task, waker) = task();
    let mut context = Context::from_waker(&waker);
    assert_eq!(driver.poll_room(&mut context), Poll::Ready(()));
    while driver.deliver(frame(pool, 0, 0)).is_ok() {}
    assert_eq!(driver.poll_room(&mut context), Poll::Pending);
    assert_eq!(stack.receive().0.len(), config::PORT_RX_QUEUE);
    stack.wake_driver();
    assert_eq!(task.wakes(), 1);
    assert_eq!(driver.poll_room(&mut context), Poll::Ready(()));
}

#[test]
fn two_tasks_of_a_driver_are_both_woken() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    while driver.deliver(frame(pool, 0, 0)).is_ok() {}
    let ((receiver, for_room), (sender, for_frames)) = (task(), task());
    assert!(
        driver
            .poll_room(&mut Context::from_waker(&for_room))
            .is_pending()
    );
    assert!(
        driver
            .poll_next_tx(&mut Context::from_waker(&for_frames))
            .is_pending()
    );
    drop(stack.receive());
    stack.wake_driver();
    assert!(receiver.wakes() > 0 && sender.wakes() > 0);
}

#[test]
fn the_stack_is_woken_by_whatever_the_driver_reports() {
    let (pool, port) = (pool(), up());
    let (driver, stack) = port.split();
    let (task, waker) = task();
    // A frame.
    assert!(stack.register(&waker));
    driver.deliver(frame(pool, 0, 0)).unwrap();
    assert_eq!(task.wakes(), 1);
    assert!(!stack.register(&waker));
    drop(stack.receive());
    // The link; but not if it is as it was.
    assert!(stack.register(&waker));
    driver.set_link(LinkState::Up);
    assert_eq!(task.wakes(), 0);
    driver.set_link(LinkState::Down);
    assert_eq!(task.wakes(), 1);
    assert!(!stack.register(&waker));
    assert_eq!(stack.take_change(), Some((LinkState::Down, CAPABILITIES)));
    assert_eq!(stack.take_change(), None);
    // What it is.
    assert!(stack.register(&waker));
    driver.set_capabilities(Capabilities::ip(1280));
    assert_eq!(task.wakes(), 1);
    assert!(!stack.register(&waker));
    assert_eq!(
        stack.take_change(),
        Some((LinkState::Down, Capabilities::ip(1280)))
    );
    assert_eq!(driver.capabilities().mtu, 1280);
    assert_eq!(stack.capabilities().mtu, 1280);
    driver.count_receive_errors(2);
    assert!(stack.register(&waker));
    assert_eq!((task.wakes(), port.stats().receive_errors), (0, 2));
}

#[test]
fn a_new_port_tells_the_stack_what_it_is() {
    let port = Port::new(CAPABILITIES);
    let (_, stack) = port.split();
    assert!(!stack.register(Waker::noop()));
    assert_eq!(stack.take_change(), Some((LinkState::Down, CAPABILITIES)));
    assert!(stack.register(Waker::noop()));
}

#[cfg(feature = "ethernet")]
#[test]
fn a_link_keeps_its_medium() {
    let port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
    let (driver, stack) = port.split();
    driver.set_capabilities(Capabilities::ip(576));
    assert_eq!(stack.capabilities().medium, Medium::Ethernet);
    assert_eq!(stack.capabilities().mtu, 576);
}

#[cfg(feature = "multicast")]
#[test]
fn a_change_of_the_filter_wakes_the_driver_and_is_told_once() {
    use crate::wire::LinkAddr;

    let port = up();
    let (driver, stack) = port.split();
    let (task, waker) = task();
    let mut context = Context::from_waker(&waker);
    driver.take_filter(|_| panic!("nothing has changed"));
    assert!(driver.poll_filter(&mut context).is_pending());
    let group = |number| LinkAddr::ethernet([1, 0, 0x5e, 0, 0, number]);
    stack.set_filter((0..2).map(group));
    stack.wake_driver();
    assert_eq!(task.wakes(), 1);
    assert!(driver.poll_filter(&mut context).is_ready());
    let mut told = 0;
    driver.take_filter(|groups| {
        assert_eq!(groups, [group(0), group(1)]);
        told += 1;
    });
    driver.take_filter(|_| panic!("it was told"));
    assert!(driver.poll_filter(&mut context).is_pending());
    // Those beyond what there is room for are left out.
    stack.set_filter((0..=u8::MAX).map(group));
    driver.take_filter(|groups| {
        assert_eq!(groups.len(), config::LINK_GROUPS);
        told += 1;
    });
    assert_eq!(told, 2);
}

#[cfg(feature = "timestamps")]
#[test]
fn times_of_transmission_come_back_oldest_first_and_the_oldest_are_lost() {
    let port = up();
    let (driver, stack) = port.split();
    let (task, waker) = task();
    assert!(stack.register(&waker));
    let reported = config::TRANSMIT_STAMPS as u32 + 1;
    for id in 1..=reported {
        driver.report_transmitted(id, u64::from(id) * 1000);
    }
    assert_eq!(task.wakes(), 1);
    assert!(!stack.register(&waker));
    for id in 2..=reported {
        assert_eq!(stack.take_transmitted(), Some((id, u64::from(id) * 1000)));
    }
    assert_eq!(stack.take_transmitted(), None);
    assert!(stack.register(&waker));
}

#[test]
fn a_port_between_two_threads_loses_nothing() {
    use embassy_futures::block_on;

    const FRAMES: u8 = 200;
    let (pool, port) = (pool(), up());
    std::thread::scope(|scope| {
        let (driver, stack) = port.split();
        // The driver loops back what it is to send.
        let _ = scope.spawn(move || {
            block_on(async {
                for _ in 0..FRAMES {
                    let mut buf = driver.next_tx().await;
                    while let Err(back) = driver.deliver(buf) {
                        core::future::poll_fn(|context| driver.poll_room(context)).await;
                        buf = back;
                    }
                }
            });
        });
        let (mut sent, mut received) = (0, 0);
        while received < FRAMES {
            if sent < FRAMES && stack.send(frame(pool, sent, 0)).is_ok() {
                sent += 1;
            }
            stack.wake_driver();
            let (mut queue, _) = stack.receive();
            while let Some(buf) = queue.pop_front() {
                assert!(buf.equals(&[received]));
                received += 1;
            }
        }
    });
    assert_eq!(pool.stats().blocks_used, 0);
}

#[cfg(feature = "promiscuous")]
#[test]
fn a_change_of_the_mode_wakes_the_driver_and_is_told_once() {
    use super::ReceiveMode;

    let port = up();
    let (driver, stack) = port.split();
    let (task, waker) = task();
    let mut context = Context::from_waker(&waker);
    assert!(driver.poll_mode(&mut context).is_pending());
    stack.set_mode(ReceiveMode::empty());
    assert!(driver.poll_mode(&mut context).is_pending());
    stack.set_mode(ReceiveMode::ALL_GROUPS);
    stack.wake_driver();
    assert_eq!(task.wakes(), 1);
    assert!(driver.poll_mode(&mut context).is_ready());
    let mut told = std::vec::Vec::new();
    driver.take_mode(|mode| told.push(mode));
    driver.take_mode(|mode| told.push(mode));
    assert_eq!(told, [ReceiveMode::ALL_GROUPS]);
    assert!(driver.poll_mode(&mut context).is_pending());
}
