extern crate std;

use core::future::Future;
use core::pin::pin;
use core::task::Waker;
use std::boxed::Box;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use embassy_net_driver as theirs;

use super::*;
use crate::config;
use crate::drivers::bench::{self, Bench, Wakes, frame, pool};
use crate::link::{Medium, Offload, Port};
use crate::netbuf::pool::RECEIVE_OFFSET;
use crate::netbuf::{NetBufPool, Purpose};
use crate::wire::LinkAddr;

/// A device that does what it is told.
struct Chip {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    /// Frames that it has room to send, asked for or with a received one.
    room: usize,
    /// Whether it gives room only with received frames.
    only_with_frames: bool,
    link: theirs::LinkState,
    address: HardwareAddress,
    told: theirs::Capabilities,
    waker: Option<Waker>,
}

#[derive(Clone)]
struct Fake(Rc<RefCell<Chip>>);

impl Fake {
    fn new() -> Self {
        let mut told = theirs::Capabilities::default();
        told.max_transmission_unit = 1514;
        Self(Rc::new(RefCell::new(Chip {
            arrived: VecDeque::new(),
            sent: Vec::new(),
            room: usize::MAX,
            only_with_frames: false,
            link: theirs::LinkState::Up,
            address: HardwareAddress::Ethernet([2; 6]),
            told,
            waker: None,
        })))
    }

    /// Changes something about the device, which wakes its task.
    fn change(&self, change: impl FnOnce(&mut Chip)) {
        change(&mut self.0.borrow_mut());
        let waker = self.0.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn arrive(&self, frame: &[u8]) {
        self.change(|chip| chip.arrived.push_back(frame.to_vec()));
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.0.borrow_mut().sent)
    }

    fn register(&self, context: &Context<'_>) {
        self.0.borrow_mut().waker = Some(context.waker().clone());
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, work: F) -> R {
        work(&mut self.0)
    }
}

struct Room<'f>(&'f Fake);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let mut chip = self.0.0.borrow_mut();
        assert!(length <= chip.told.max_transmission_unit);
        assert!(chip.room > 0);
        let mut frame = vec![0; length];
        let result = work(&mut frame);
        chip.room -= 1;
        chip.sent.push(frame);
        result
    }
}

impl Driver for Fake {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received, Room<'_>)> {
        let has_room = self.0.borrow().room > 0;
        let mut arrived = || self.0.borrow_mut().arrived.pop_front();
        let frame = has_room.then(&mut arrived).flatten();
        if frame.is_none() {
            self.register(context);
        }
        Some((Received(frame?), Room(self)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Room<'_>> {
        let (room, only_with_frames) = {
            let chip = self.0.borrow();
            (chip.room, chip.only_with_frames)
        };
        if room == 0 || only_with_frames {
            self.register(context);
            return None;
        }
        Some(Room(self))
    }

    fn link_state(&mut self, context: &mut Context<'_>) -> theirs::LinkState {
        self.register(context);
        self.0.borrow().link
    }

    fn capabilities(&self) -> theirs::Capabilities {
        self.0.borrow().told.clone()
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.0.borrow().address
    }
}

/// Runs `script` with the adapter of a device.
fn on_bench(device: &Fake, pool: Pool, script: impl FnOnce(&mut Bench<'_>)) {
    let mut adapter = Adapter::new(device.clone()).unwrap();
    let port = Port::new(adapter.capabilities());
    let task = adapter.run(port.split().0, pool);
    bench::on_bench(&port, pool, task, script);
}

#[test]
fn frames_pass_both_ways_as_they_were_and_in_order() {
    let device = Fake::new();
    on_bench(&device, pool(), |bench| {
        let frames = [frame(60, 3), frame(1514, 5), frame(200, 7)];
        frames.iter().for_each(|bytes| device.arrive(bytes));
        frames.iter().for_each(|bytes| bench.send(bytes));
        bench.run();
        assert_eq!(bench.received(), frames);
        assert_eq!(device.sent(), frames);
        let stats = bench.port.stats();
        assert_eq!((stats.received, stats.receive_errors), (3, 0));
        assert_eq!((stats.sent, stats.send_errors), (3, 0));
    });
}

#[test]
fn received_network_headers_are_aligned() {
    let device = Fake::new();
    on_bench(&device, pool(), |bench| {
        device.arrive(&frame(60, 3));
        bench.run();
        let received = bench.stack.receive().0.pop_front().unwrap();
        assert_eq!(received.headroom(), RECEIVE_OFFSET);
    });
}

#[test]
fn room_that_comes_with_a_frame_is_used_for_the_next_in_the_queue() {
    let device = Fake::new();
    device.change(|chip| chip.only_with_frames = true);
    on_bench(&device, pool(), |bench| {
        bench.send(b"first");
        bench.send(b"second");
        bench.run();
        assert!(device.sent().is_empty());
        device.arrive(&frame(60, 3));
        bench.run();
        assert_eq!(device.sent(), [b"first"]);
        device.arrive(&frame(60, 3));
        bench.run();
        assert_eq!(device.sent(), [b"second"]);
        // Nothing waits: the room is given up.
        device.arrive(&frame(60, 3));
        bench.run();
        assert!(device.sent().is_empty());
        assert_eq!(bench.received().len(), 3);
    });
}

#[test]
fn frames_wait_in_the_port_while_the_device_has_no_room_and_the_highest_class_goes_first() {
    let device = Fake::new();
    device.change(|chip| chip.room = 0);
    on_bench(&device, pool(), |bench| {
        bench.send_in_class(b"low", 0);
        bench.send_in_class(b"high", 1);
        bench.run();
        assert_eq!(bench.port.split().0.waiting_tx(), 2);
        device.change(|chip| chip.room = 1);
        bench.run();
        assert_eq!(device.sent(), [b"high"]);
        device.change(|chip| chip.room = 5);
        bench.run();
        assert_eq!(device.sent(), [b"low"]);
    });
}

#[test]
fn frames_wait_in_the_device_while_the_stack_is_behind() {
    let device = Fake::new();
    on_bench(&device, pool(), |bench| {
        for seed in 0..2 * config::PORT_RX_QUEUE {
            device.arrive(&frame(60, seed as u8));
        }
        bench.run();
        assert_eq!(device.0.borrow().arrived.len(), config::PORT_RX_QUEUE);
        // Sending goes on.
        bench.send(b"out");
        bench.run();
        assert_eq!(device.sent(), [b"out"]);
        let mut seen = bench.received();
        bench.run();
        seen.extend(bench.received());
        let all = (0..2 * config::PORT_RX_QUEUE).map(|seed| frame(60, seed as u8));
        assert_eq!(seen, all.collect::<Vec<_>>());
        assert_eq!(bench.port.stats().receive_full, 0);
    });
}

#[test]
fn frames_wait_in_the_device_while_the_pool_is_empty_and_sending_goes_on() {
    let device = Fake::new();
    let pool = pool();
    on_bench(&device, pool, |bench| {
        let mut taken = Vec::new();
        while pool.free_blocks() > 1 {
            taken.push(pool.alloc(Purpose::Receive, 0).unwrap());
        }
        bench.send(b"out");
        device.arrive(&frame(60, 5));
        bench.run();
        assert_eq!(device.sent(), [b"out"]);
        assert_eq!(device.0.borrow().arrived.len(), 1);
        // The longest frame takes 12 blocks.
        taken.truncate(taken.len() - 10);
        bench.run();
        assert_eq!(device.0.borrow().arrived.len(), 1);
        drop(taken);
        bench.run();
        assert_eq!(bench.received(), [frame(60, 5)]);
        assert_eq!(bench.port.stats().receive_errors, 0);
    });
}

#[test]
fn what_the_bounds_leave_is_enough_for_short_frames() {
    let device = Fake::new();
    // 8 blocks: 3 may be held, 3 sent, and 2 are left, too few for the longest frame.
    let pool = Box::leak(Box::new(NetBufPool::<8, 128, 8, 16>::new())).pool();
    on_bench(&device, pool, |bench| {
        let waiting = [(); 6].map(|()| pool.alloc(Purpose::Receive, 0).unwrap());
        device.arrive(&frame(254, 3));
        bench.run();
        assert_eq!(bench.received(), [frame(254, 3)]);
        device.arrive(&frame(255, 5));
        device.arrive(&frame(60, 7));
        bench.run();
        assert_eq!(bench.received(), [frame(60, 7)]);
        assert_eq!(bench.port.stats().receive_errors, 1);
        drop(waiting);
    });
}

#[test]
fn frames_that_are_too_long_or_empty_are_lost_and_counted() {
    let device = Fake::new();
    on_bench(&device, pool(), |bench| {
        // A tag comes on top of the longest frame.
        for length in [1519, 0, 1518] {
            device.arrive(&frame(length, 3));
        }
        bench.run();
        assert_eq!(bench.received(), [frame(1518, 3)]);
        assert_eq!(bench.port.stats().receive_errors, 2);
        for length in [1515, 1514] {
            bench.send(&frame(length, 5));
            bench.run();
        }
        assert_eq!(device.sent(), [frame(1514, 5)]);
        assert_eq!(bench.port.stats().send_errors, 1);
    });
}

#[test]
fn link_is_as_the_device_says_and_down_when_the_adapter_ends() {
    let device = Fake::new();
    device.change(|chip| chip.link = theirs::LinkState::Down);
    let mut adapter = Adapter::new(device.clone()).unwrap();
    let port = Port::new(adapter.capabilities());
    let (driver, stack) = port.split();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut context = Context::from_waker(&waker);
    {
        let mut task = pin!(adapter.run(driver, pool()));
        assert!(task.as_mut().poll(&mut context).is_pending());
        assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
        // A radio learns these only when it has started.
        device.change(|chip| {
            chip.link = theirs::LinkState::Up;
            chip.address = HardwareAddress::Ethernet([4; 6]);
            chip.told.max_transmission_unit = 1014;
        });
        assert_eq!(wakes.take(), 1);
        assert!(task.as_mut().poll(&mut context).is_pending());
        let (link, capabilities) = stack.take_change().unwrap();
        assert_eq!(link, LinkState::Up);
        assert_eq!(capabilities.mtu, 1000);
        assert_eq!(capabilities.address, LinkAddr::ethernet([4; 6]));
        assert!(task.as_mut().poll(&mut context).is_pending());
        assert_eq!(stack.take_change(), None);
    }
    assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
}

#[test]
fn checksums_that_are_not_left_to_the_stack_are_offloaded() {
    let device = Fake::new();
    let offload = |device: &Fake| Adapter::new(device.clone()).unwrap().capabilities().offload;
    assert_eq!(offload(&device), Offload::empty());
    device.change(|chip| {
        chip.told.checksum.ipv4 = Checksum::None;
        chip.told.checksum.udp = Checksum::Rx;
        chip.told.checksum.tcp = Checksum::Tx;
        chip.told.checksum.icmpv4 = Checksum::None;
        chip.told.checksum.icmpv6 = Checksum::Tx;
    });
    assert_eq!(
        offload(&device),
        Offload::RECEIVE_IPV4
            | Offload::SEND_IPV4
            | Offload::SEND_UDP
            | Offload::RECEIVE_TCP
            | Offload::RECEIVE_ICMP
    );
}

#[test]
fn other_media_are_refused() {
    let device = Fake::new();
    device.change(|chip| chip.address = HardwareAddress::Ieee802154([1; 8]));
    assert_eq!(Adapter::new(device.clone()).err(), Some(UnsupportedMedium));
    device.change(|chip| chip.address = HardwareAddress::Ip);
    let mut adapter = Adapter::new(device).unwrap();
    assert_eq!(adapter.capabilities(), Capabilities::ip(1514));
    assert_eq!(adapter.capabilities().medium, Medium::Ip);
    let port = Port::new(Capabilities::ethernet([2; 6]));
    let task = pin!(adapter.run(port.split().0, pool()));
    let end = task.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(end, Poll::Ready(Err(UnsupportedMedium)));
}
