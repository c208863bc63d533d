extern crate std;

use core::pin::pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Wake;
use std::vec::Vec;

use super::*;
use crate::link::Capabilities;
use crate::netbuf::{Meta, NetBufPool, Pool, Purpose};

fn pool() -> Pool {
    Box::leak(Box::new(NetBufPool::<128, 128, 8, 16>::new())).pool()
}

fn frame(pool: Pool, bytes: &[u8]) -> NetBuf {
    let mut frame = pool.alloc(Purpose::Receive, 64).unwrap();
    frame.append(bytes).unwrap();
    frame
}

fn assert_empty(pool: Pool) {
    let stats = pool.stats();
    assert_eq!(
        (stats.blocks_used, stats.headers_used, stats.views_used),
        (0, 0, 0)
    );
}

/// Notes what it is shown.
#[derive(Default)]
struct Notes(Vec<(u64, Direction, usize)>);

impl Sink for Notes {
    fn frame(&mut self, at: Instant, direction: Direction, frame: &NetBuf) {
        self.0.push((at.as_micros(), direction, frame.len()));
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let _: usize = self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a task until it sleeps; one that spins never gets out.
fn settle(wakes: &Wakes, mut poll: impl FnMut()) {
    for _ in 0..100 {
        poll();
        if wakes.0.swap(0, Ordering::SeqCst) == 0 {
            return;
        }
    }
    panic!("the task does not sleep");
}

#[test]
fn headers_are_those_of_the_format() {
    assert_eq!(
        file_header(LinkType::RAW, 65535),
        [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0,
            0, 0
        ]
    );
    assert_eq!(
        record_header(Instant::from_micros(1), 3, 0x1234)[8..],
        [3, 0, 0, 0, 0x34, 0x12, 0, 0]
    );
    assert_eq!(
        record_header(Instant::from_micros(513_000_007), 0, 0)[..8],
        [1, 2, 0, 0, 0x58, 0x1b, 0, 0]
    );
}

#[test]
fn frames_pass_both_ways_and_are_shown() {
    let pool = pool();
    let inner = Port::new(Capabilities::ip(600));
    let outer = Port::new(Capabilities::ip(1500));
    let ((driver, _), (_, stack)) = (inner.split(), outer.split());
    let mut notes = Notes::default();
    let mut capture = Capture::new(&inner, &outer, &mut notes);
    driver.set_link(LinkState::Up);
    assert_eq!(capture.step(Instant::ZERO), 0);
    assert_eq!(
        stack.take_change(),
        Some((LinkState::Up, Capabilities::ip(600)))
    );

    driver.deliver(frame(pool, b"in")).unwrap();
    let mut sent = frame(pool, b"out!");
    let meta = Meta {
        class: 2,
        ..Meta::NEW
    };
    sent.set_meta(meta);
    stack.send(sent).unwrap();
    assert_eq!(capture.step(Instant::from_micros(7)), 2);
    assert!(stack.receive().0.pop_front().unwrap().equals(b"in"));
    let sent = driver.try_next_tx().unwrap();
    assert!(sent.equals(b"out!"));
    assert_eq!(sent.meta(), meta);

    drop(capture);
    assert_eq!(stack.take_change().unwrap().0, LinkState::Down);
    assert_eq!(
        notes.0,
        [(7, Direction::Received, 2), (7, Direction::Sent, 4)]
    );
    drop(sent);
    assert_empty(pool);
}

#[test]
fn frame_that_waits_when_the_link_goes_down_is_dropped() {
    let pool = pool();
    let (inner, outer) = (
        Port::new(Capabilities::ip(600)),
        Port::new(Capabilities::ip(600)),
    );
    let ((driver, _), (_, stack)) = (inner.split(), outer.split());
    let mut capture = Capture::new(&inner, &outer, Notes::default());
    driver.set_link(LinkState::Up);
    let _: usize = capture.step(Instant::ZERO);
    for _ in 0..config::PORT_TX_QUEUE + 2 {
        stack.send(frame(pool, b"x")).unwrap();
        let _: usize = capture.step(Instant::ZERO);
    }
    assert!(capture.to_send.is_some());
    driver.set_link(LinkState::Down);
    let _: usize = capture.step(Instant::ZERO);
    assert_empty(pool);
    assert_eq!(capture.sink().0.len(), config::PORT_TX_QUEUE);
    assert!(stack.send(frame(pool, b"x")).is_err());
}

#[cfg(feature = "multicast")]
#[test]
fn filter_of_groups_reaches_the_driver() {
    use crate::wire::LinkAddr;
    let (inner, outer) = (
        Port::new(Capabilities::ip(600)),
        Port::new(Capabilities::ip(600)),
    );
    let ((driver, _), (_, stack)) = (inner.split(), outer.split());
    let mut capture = Capture::new(&inner, &outer, Notes::default());
    let group = LinkAddr::ethernet([1, 0, 0x5e, 0, 0, 1]);
    stack.set_filter([group].into_iter());
    let _: usize = capture.step(Instant::ZERO);
    let mut programmed = Vec::new();
    driver.take_filter(|groups| programmed.extend_from_slice(groups));
    assert_eq!(programmed, [group]);
}

#[cfg(feature = "promiscuous")]
#[test]
fn mode_of_reception_reaches_the_driver() {
    use crate::link::ReceiveMode;

    let ports = [(); 2].map(|()| Port::new(Capabilities::ip(600)));
    let mut capture = Capture::new(&ports[0], &ports[1], Notes::default());
    ports[1].split().1.set_mode(ReceiveMode::PROMISCUOUS);
    let _: usize = capture.step(Instant::ZERO);
    let mut told = None;
    ports[0].split().0.take_mode(|mode| told = Some(mode));
    assert_eq!(told, Some(ReceiveMode::PROMISCUOUS));
}

#[cfg(feature = "timestamps")]
#[test]
fn times_of_transmission_reach_the_stack() {
    let (inner, outer) = (
        Port::new(Capabilities::ip(600)),
        Port::new(Capabilities::ip(600)),
    );
    let mut capture = Capture::new(&inner, &outer, Notes::default());
    inner.split().0.report_transmitted(3, 99);
    let _: usize = capture.step(Instant::ZERO);
    assert_eq!(outer.split().1.take_transmitted(), Some((3, 99)));
}

#[test]
fn running_capture_loses_nothing_under_backpressure_and_sleeps() {
    let pool = pool();
    let (inner, outer) = (
        Port::new(Capabilities::ip(600)),
        Port::new(Capabilities::ip(600)),
    );
    let ((driver, _), (_, stack)) = (inner.split(), outer.split());
    driver.set_link(LinkState::Up);
    let mut capture = Capture::new(&inner, &outer, Notes::default());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut task = pin!(capture.run(|| Instant::ZERO));
    let mut poll = || {
        let mut context = Context::from_waker(&waker);
        assert!(task.as_mut().poll(&mut context).is_pending());
    };
    settle(&wakes, &mut poll);

    // The stack sends more than the driver takes, then the driver takes it all.
    let mut sent = 0u8;
    for _ in 0..4 {
        while stack.send(frame(pool, &[sent])).is_ok() {
            sent += 1;
        }
        stack.wake_driver();
        settle(&wakes, &mut poll);
    }
    // Both queues, and the one frame in between.
    assert_eq!(usize::from(sent), 2 * config::PORT_TX_QUEUE + 1);
    let mut taken = 0u8;
    loop {
        while let Some(frame) = driver.try_next_tx() {
            assert!(frame.equals(&[taken]));
            taken += 1;
        }
        // Only a task that was woken runs.
        if wakes.0.load(Ordering::SeqCst) == 0 {
            break;
        }
        settle(&wakes, &mut poll);
    }
    assert_eq!(taken, sent);
    assert_eq!(inner.stats().send_full, 0);

    // The other way.
    let mut sent = 0u8;
    for _ in 0..4 {
        while driver.deliver(frame(pool, &[sent])).is_ok() {
            sent += 1;
        }
        settle(&wakes, &mut poll);
    }
    assert_eq!(usize::from(sent), 3 * config::PORT_RX_QUEUE);
    // Meanwhile the way out is free.
    stack.send(frame(pool, b"out")).unwrap();
    stack.wake_driver();
    settle(&wakes, &mut poll);
    assert!(driver.try_next_tx().is_some());
    let mut taken = 0u8;
    loop {
        let (mut queue, _) = stack.receive();
        if queue.len() >= config::PORT_RX_QUEUE {
            stack.wake_driver();
        }
        while let Some(frame) = queue.pop_front() {
            assert!(frame.equals(&[taken]));
            taken += 1;
        }
        if wakes.0.load(Ordering::SeqCst) == 0 {
            break;
        }
        settle(&wakes, &mut poll);
    }
    assert_eq!(taken, sent);
    assert_eq!(outer.stats().receive_full, 0);
    assert_empty(pool);
}

#[cfg(feature = "std")]
mod file {
    use super::*;

    #[test]
    fn file_has_whole_and_cut_packets() {
        let pool = pool();
        let mut file = PcapFile::with_snap_length(Vec::new(), LinkType::RAW, 130).unwrap();
        file.set_origin(core::time::Duration::from_secs(0x6543_2100));
        // 64 bytes of its first block, and 128 and 8 of the next ones.
        let long: Vec<u8> = (0..200).collect();
        file.record(Instant::from_micros(1_000_001), &frame(pool, &[1, 2, 3]));
        file.record(Instant::from_micros(2), &frame(pool, &long));
        let bytes = file.finish().unwrap();
        let mut expected = Vec::from(file_header(LinkType::RAW, 130));
        expected.extend([
            0x01, 0x21, 0x43, 0x65, 0xe8, 0x03, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0,
        ]);
        expected.extend([1, 2, 3]);
        expected.extend([0x00, 0x21, 0x43, 0x65, 0xd0, 0x07, 0, 0]);
        expected.extend([130, 0, 0, 0, 200, 0, 0, 0]);
        expected.extend(&long[..130]);
        assert_eq!(bytes, expected);
        assert_empty(pool);
    }

    /// Takes so many bytes and then fails.
    struct Short(usize);

    impl Write for Short {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn failed_file_records_no_more_and_frames_still_pass() {
        let pool = pool();
        let (inner, outer) = (
            Port::new(Capabilities::ip(600)),
            Port::new(Capabilities::ip(600)),
        );
        assert!(PcapFile::new(Short(23), LinkType::RAW).is_err());
        let file = PcapFile::new(Short(24 + 16 + 3 + 5), LinkType::RAW).unwrap();
        let mut capture = Capture::new(&inner, &outer, file);
        for expected in [false, true, true] {
            inner.split().0.deliver(frame(pool, b"abc")).unwrap();
            assert_eq!(capture.step(Instant::ZERO), 1);
            assert_eq!(capture.sink().error().is_some(), expected);
        }
        assert_eq!(outer.split().1.receive().0.len(), 3);
        let error = capture.into_sink().finish().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_empty(pool);
    }
}
