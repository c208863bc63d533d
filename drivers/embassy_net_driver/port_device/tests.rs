extern crate std;

use core::task::Waker;
use std::boxed::Box;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::config;
use crate::drivers::bench::{Wakes, frame};
use crate::link::{Capabilities, DriverEnd, Port};
use crate::netbuf::NetBufPool;

/// The driver's end of a port, and the device that the other one is.
struct Line<'p> {
    driver: DriverEnd<'p>,
    device: PortDevice<'p, 1518>,
    pool: Pool,
    wakes: Arc<Wakes>,
    waker: Waker,
}

impl<'p> Line<'p> {
    fn new(port: &'p Port, pool: Pool) -> Self {
        let (driver, stack) = port.split();
        driver.set_link(LinkState::Up);
        let wakes = Arc::new(Wakes::default());
        Self {
            driver,
            device: PortDevice::new(stack, pool),
            pool,
            waker: Waker::from(wakes.clone()),
            wakes,
        }
    }

    fn arrive(&self, bytes: &[u8]) {
        let mut buf = (self.pool.alloc_chain(Purpose::Receive, 2, bytes.len())).unwrap();
        assert_eq!(buf.write(0, bytes), Ok(bytes.len()));
        self.driver.deliver(buf).unwrap();
    }

    /// One received frame, answered by itself.
    fn reflect(&mut self) -> Option<Vec<u8>> {
        let mut context = Context::from_waker(&self.waker);
        let (received, room) = self.device.receive(&mut context)?;
        Some(received.consume(|bytes| {
            room.consume(bytes.len(), |to| to.copy_from_slice(bytes));
            bytes.to_vec()
        }))
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        let mut context = Context::from_waker(&self.waker);
        let Some(room) = self.device.transmit(&mut context) else {
            return false;
        };
        room.consume(bytes.len(), |to| to.copy_from_slice(bytes));
        true
    }

    fn is_up(&mut self) -> bool {
        let mut context = Context::from_waker(&self.waker);
        matches!(self.device.link_state(&mut context), theirs::LinkState::Up)
    }

    fn sent(&self) -> Option<Vec<u8>> {
        let frame = self.driver.try_next_tx()?;
        let mut bytes = vec![0; frame.len()];
        assert_eq!(frame.read(0, &mut bytes), bytes.len());
        Some(bytes)
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        while self.reflect().is_some() || self.sent().is_some() {}
        self.device.prepared = None;
        assert_eq!(self.pool.stats().blocks_used, 0);
    }
}

fn pool() -> Pool {
    Box::leak(Box::new(NetBufPool::<128, 128>::new())).pool()
}

fn ethernet() -> Port {
    Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 7]))
}

#[test]
fn frames_of_any_length_pass_both_ways() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    // In one block, and in several.
    for length in [1, 60, 126, 127, 1514] {
        let bytes = frame(length, 3);
        line.arrive(&bytes);
        assert_eq!(line.reflect().as_ref(), Some(&bytes));
        assert_eq!(line.sent(), Some(bytes));
    }
    // With a tag.
    line.arrive(&frame(1518, 3));
    let mut context = Context::from_waker(&line.waker);
    let (received, _) = line.device.receive(&mut context).unwrap();
    received.consume(|bytes| assert_eq!(bytes, frame(1518, 3)));
    assert_eq!(line.device.lost(), 0);
}

#[test]
fn frames_that_are_too_long_are_counted_and_the_next_one_passes() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    line.arrive(&frame(1519, 3));
    line.arrive(&frame(60, 5));
    assert_eq!(line.reflect(), Some(frame(60, 5)));
    assert_eq!(line.device.lost(), 1);
}

#[test]
fn device_without_blocks_to_send_from_waits_for_them() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    assert!(line.is_up());
    let mut taken: Vec<_> =
        core::iter::from_fn(|| line.pool.alloc(Purpose::Receive, 0).ok()).collect();
    let _: usize = line.wakes.take();
    assert!(!line.send(&frame(60, 3)));
    drop(taken.pop());
    // Not enough for the longest frame.
    assert_eq!(line.wakes.take(), 0);
    taken.clear();
    assert_eq!(line.wakes.take(), 1);
    assert!(line.send(&frame(60, 5)));
    assert_eq!(line.sent(), Some(frame(60, 5)));
    assert_eq!(line.device.lost(), 0);
}

#[test]
fn frame_that_the_pool_can_never_hold_is_counted() {
    static SMALL: NetBufPool<8, 128> = NetBufPool::new();
    let port = ethernet();
    let mut line = Line::new(&port, SMALL.pool());
    assert!(line.send(&frame(1514, 3)));
    assert_eq!((line.sent(), line.device.lost()), (None, 1));
}

#[test]
fn device_without_room_to_send_waits_for_the_driver() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    assert!(line.is_up());
    for _ in 0..config::PORT_TX_QUEUE {
        assert!(line.send(&frame(60, 3)));
    }
    line.arrive(&frame(60, 5));
    let _: usize = line.wakes.take();
    assert!(!line.send(&frame(60, 3)));
    assert_eq!(line.reflect(), None);
    assert!(line.is_up());
    assert_eq!(line.wakes.take(), 0);
    assert!(line.sent().is_some());
    assert_eq!(line.wakes.take(), 1);
    assert_eq!(line.reflect(), Some(frame(60, 5)));
}

#[test]
fn task_is_woken_by_a_frame_and_by_the_link() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    assert!(line.is_up() && line.reflect().is_none());
    assert_eq!(line.wakes.take(), 0);
    line.arrive(&frame(60, 5));
    assert_eq!(line.wakes.take(), 1);
    assert!(line.reflect().is_some());

    assert!(line.is_up());
    line.driver.set_link(LinkState::Down);
    assert_eq!(line.wakes.take(), 1);
    assert!(!line.is_up());
    // What is sent meanwhile is lost, and said to be.
    assert!(line.send(&frame(60, 3)));
    assert_eq!((line.sent(), line.device.lost()), (None, 1));
}

#[test]
fn driver_that_waits_for_a_place_in_the_port_is_woken() {
    let port = ethernet();
    let mut line = Line::new(&port, pool());
    for _ in 0..config::PORT_RX_QUEUE {
        line.arrive(&frame(60, 5));
    }
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    assert!((line.driver.poll_room(&mut Context::from_waker(&waker))).is_pending());
    assert!(line.reflect().is_some());
    // Woken once for the place, once for the frame that it is to send.
    assert!(wakes.take() > 0);
    assert!((line.driver.poll_room(&mut Context::from_waker(&waker))).is_ready());
}

#[test]
fn device_is_what_the_link_is() {
    let mut capabilities = Capabilities::ethernet([2, 0, 0, 0, 0, 7]);
    capabilities.offload = Offload::SEND_UDP | Offload::RECEIVE_UDP | Offload::RECEIVE_TCP;
    let port = Port::new(capabilities);
    let line = Line::new(&port, pool());
    let told = line.device.capabilities();
    // On Ethernet with its header.
    assert_eq!(told.max_transmission_unit, 1514);
    assert!(matches!(told.checksum.udp, Checksum::Rx));
    assert!(matches!(told.checksum.tcp, Checksum::Both));
    let address = line.device.hardware_address();
    assert_eq!(address, HardwareAddress::Ethernet([2, 0, 0, 0, 0, 7]));

    let port = Port::new(Capabilities::ip(2000));
    let line = Line::new(&port, pool());
    assert_eq!(line.device.capabilities().max_transmission_unit, 1518);
    assert_eq!(line.device.hardware_address(), HardwareAddress::Ip);
}

#[test]
#[cfg(feature = "promiscuous")]
fn frames_for_any_group_are_asked_for() {
    use crate::link::ReceiveMode;

    let port = ethernet();
    let line = Line::new(&port, pool());
    let mut asked = None;
    line.driver.take_mode(|mode| asked = Some(mode));
    assert_eq!(asked, Some(ReceiveMode::ALL_GROUPS));
}
