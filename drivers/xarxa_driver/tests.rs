extern crate std;

use core::future::Future;
use core::pin::pin;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use xarxa_driver as theirs;

use super::*;
use crate::drivers::bench::{self, Bench, frame, pool};
use crate::link::{Offload, Port};

/// The pool of buffers is one for the whole process.
static BUFFERS: Mutex<()> = Mutex::new(());

/// A device that does what it is told.
struct Chip {
    arrived: VecDeque<PacketBuf>,
    sent: Vec<PacketBuf>,
    room: usize,
    link: theirs::LinkState,
    address: HardwareAddress,
    told: theirs::Capabilities,
    wakes: bool,
    waker: Option<Waker>,
    filter: Vec<[u8; 6]>,
    #[cfg(feature = "timestamps")]
    times: VecDeque<theirs::TxTimestamp>,
}

#[derive(Clone)]
struct Fake(Rc<RefCell<Chip>>);

impl Fake {
    fn new() -> Self {
        Self(Rc::new(RefCell::new(Chip {
            arrived: VecDeque::new(),
            sent: Vec::new(),
            room: usize::MAX,
            link: theirs::LinkState::Up,
            address: HardwareAddress::Ethernet([2; 6]),
            told: theirs::Capabilities::default(),
            wakes: true,
            waker: None,
            filter: Vec::new(),
            #[cfg(feature = "timestamps")]
            times: VecDeque::new(),
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
        self.change(|chip| chip.arrived.push_back(buffer(frame)));
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        let sent = core::mem::take(&mut self.0.borrow_mut().sent);
        sent.iter().map(|frame| frame.to_vec()).collect()
    }
}

fn buffer(frame: &[u8]) -> PacketBuf {
    let mut buf = PacketBuf::try_new().unwrap();
    buf.set_len(frame.len());
    buf.copy_from_slice(frame);
    buf
}

impl Driver for Fake {
    fn capabilities(&self) -> theirs::Capabilities {
        self.0.borrow().told.clone()
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.0.borrow().address
    }

    fn link_state(&mut self) -> theirs::LinkState {
        self.0.borrow().link
    }

    fn register_waker(&mut self, waker: &Waker) -> Result<(), NotSupported> {
        let mut chip = self.0.borrow_mut();
        if !chip.wakes {
            return Err(NotSupported);
        }
        chip.waker = Some(waker.clone());
        Ok(())
    }

    fn receive(&mut self) -> Option<PacketBuf> {
        self.0.borrow_mut().arrived.pop_front()
    }

    fn can_transmit(&mut self) -> bool {
        self.0.borrow().room > 0
    }

    fn transmit(&mut self, buf: PacketBuf) -> Result<(), PacketBuf> {
        let mut chip = self.0.borrow_mut();
        assert!(chip.room > 0);
        chip.room -= 1;
        chip.sent.push(buf);
        Ok(())
    }

    #[cfg(feature = "timestamps")]
    fn poll_tx_timestamp(&mut self) -> Option<theirs::TxTimestamp> {
        self.0.borrow_mut().times.pop_front()
    }

    fn set_multicast_filter(&mut self, addresses: &[[u8; 6]]) {
        self.0.borrow_mut().filter = addresses.to_vec();
    }
}

/// Runs `script` with the adapter of a device.
fn on_bench(device: &Fake, script: impl FnOnce(&mut Bench<'_>)) {
    let _guard = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut adapter = Adapter::new(device.clone()).unwrap();
    let port = Port::new(adapter.capabilities());
    let pool = pool();
    let task = adapter.run(port.split().0, pool);
    bench::on_bench(&port, pool, task, script);
}

#[test]
fn frames_pass_both_ways_as_they_were_and_in_order() {
    let device = Fake::new();
    on_bench(&device, |bench| {
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
fn frames_wait_in_the_port_while_the_device_has_no_room() {
    let device = Fake::new();
    device.change(|chip| chip.room = 0);
    on_bench(&device, |bench| {
        bench.send(b"out");
        bench.run();
        // Receiving goes on.
        device.arrive(b"in");
        bench.run();
        assert_eq!(bench.received(), [b"in"]);
        assert!(device.sent().is_empty());
        device.change(|chip| chip.room = 1);
        bench.run();
        assert_eq!(device.sent(), [b"out"]);
    });
}

#[test]
fn frames_that_are_too_long_or_find_no_buffer_are_lost_and_counted() {
    let device = Fake::new();
    // It says that it takes more than a buffer holds.
    device.change(|chip| chip.told.max_transmission_unit = 9000);
    on_bench(&device, |bench| {
        bench.send(&frame(1515, 3));
        bench.run();
        assert_eq!(bench.port.stats().send_errors, 1);
        let buffers = core::iter::from_fn(PacketBuf::try_new).collect::<Vec<_>>();
        bench.send(b"lost");
        bench.run();
        assert_eq!(bench.port.stats().send_errors, 2);
        drop(buffers);
        bench.send(b"sent");
        bench.run();
        assert_eq!(device.sent(), [b"sent"]);
        device.arrive(b"");
        bench.run();
        assert_eq!(bench.port.stats().receive_errors, 1);
    });
}

#[cfg(feature = "multicast")]
#[test]
fn groups_become_the_filter_of_the_device() {
    let device = Fake::new();
    on_bench(&device, |bench| {
        let group = [0x33, 0x33, 0, 0, 0, 1];
        bench
            .stack
            .set_filter([LinkAddr::ethernet(group)].into_iter());
        bench.stack.wake_driver();
        bench.run();
        assert_eq!(device.0.borrow().filter, [group]);
    });
}

#[cfg(feature = "timestamps")]
#[test]
fn times_of_the_device_are_those_of_the_packets() {
    let device = Fake::new();
    on_bench(&device, |bench| {
        let at = theirs::Timestamp::from_seconds_and_nanos(2, 300);
        let mut arrived = buffer(b"in");
        arrived.meta_mut().timestamp = Some(at);
        device.change(|chip| chip.arrived.push_back(arrived));
        bench.run();
        let received = bench.stack.receive().0.pop_front().unwrap();
        assert_eq!(received.stamp().nanos, 2_000_000_300);

        bench.send(b"unnumbered");
        let mut sent = bench.frame(b"numbered");
        sent.set_stamp(Stamp { nanos: 0, id: 7 });
        bench.stack.send(sent).unwrap();
        bench.stack.wake_driver();
        bench.run();
        let metas = core::mem::take(&mut device.0.borrow_mut().sent);
        let metas = metas.iter().map(|sent| sent.meta()).collect::<Vec<_>>();
        assert!(!metas[0].request_timestamp);
        assert!(metas[1].request_timestamp);
        let timestamp = theirs::Timestamp::from_seconds_and_nanos(3, 5);
        device.change(|chip| {
            let id = metas[1].id;
            chip.times.push_back(theirs::TxTimestamp { id, timestamp });
        });
        bench.run();
        assert_eq!(bench.stack.take_transmitted(), Some((7, 3_000_000_005)));
    });
}

#[test]
fn link_comes_and_goes_with_the_device() {
    let device = Fake::new();
    on_bench(&device, |bench| {
        assert_eq!(bench.stack.take_change().unwrap().0, LinkState::Up);
        device.change(|chip| chip.link = theirs::LinkState::Down);
        bench.run();
        assert_eq!(bench.stack.take_change().unwrap().0, LinkState::Down);
    });
}

#[test]
fn checksums_that_the_device_takes_care_of_are_offloaded() {
    let device = Fake::new();
    device.change(|chip| {
        chip.told.checksum.udp.tx = true;
        chip.told.checksum.tcp.rx = true;
        chip.told.checksum.icmpv4 = theirs::ChecksumOffload::BOTH;
    });
    let capabilities = Adapter::new(device).unwrap().capabilities();
    assert_eq!(capabilities.mtu, 1500);
    assert_eq!(
        capabilities.offload,
        Offload::SEND_UDP | Offload::RECEIVE_TCP
    );
}

#[test]
fn other_media_and_drivers_that_wake_nobody_are_refused() {
    let device = Fake::new();
    device.change(|chip| chip.address = HardwareAddress::Ieee802154([1; 8]));
    assert_eq!(
        Adapter::new(device.clone()).err(),
        Some(AdapterError::Medium)
    );
    let refusal = |device: &Fake| {
        let mut adapter = Adapter::new(device.clone()).unwrap();
        let port = Port::new(Capabilities::ethernet([2; 6]));
        let task = pin!(adapter.run(port.split().0, pool()));
        task.poll(&mut Context::from_waker(Waker::noop()))
    };
    device.change(|chip| chip.address = HardwareAddress::Ip);
    assert_eq!(refusal(&device), Poll::Ready(Err(AdapterError::Medium)));
    device.change(|chip| {
        chip.address = HardwareAddress::Ethernet([2; 6]);
        chip.wakes = false;
    });
    assert_eq!(refusal(&device), Poll::Ready(Err(AdapterError::NoWaker)));
}
