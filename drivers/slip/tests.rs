extern crate std;

use core::task::{Context, Waker};
use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::vec;
use std::vec::Vec;

use embedded_io_async::{ErrorKind, ErrorType};
use proptest::prelude::*;

use super::*;
use crate::link::{Capabilities, LinkState, Port, StackEnd};
use crate::netbuf::NetBufPool;

/// What one read brings.
type Brought = Result<Vec<u8>, ErrorKind>;

/// What reads bring, one after another.
#[derive(Clone, Default)]
struct Reads(Arc<Mutex<VecDeque<Brought>>>);

/// What has been written, and how much more the UART takes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<(Vec<u8>, usize)>>);

impl Reads {
    fn bring(&self, octets: &[u8]) {
        self.0.lock().unwrap().push_back(Ok(octets.to_vec()));
    }

    fn fail(&self) {
        self.0.lock().unwrap().push_back(Err(ErrorKind::Other));
    }
}

impl Written {
    fn allow(&self, octets: usize) {
        self.0.lock().unwrap().1 = octets;
    }

    fn take(&self) -> Vec<u8> {
        core::mem::take(&mut self.0.lock().unwrap().0)
    }
}

impl ErrorType for Reads {
    type Error = ErrorKind;
}

impl ErrorType for Written {
    type Error = ErrorKind;
}

impl Read for Reads {
    async fn read(&mut self, to: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let mut reads = self.0.lock().unwrap();
            let Some(next) = reads.pop_front() else {
                return Poll::Pending;
            };
            Poll::Ready(next.map(|octets| {
                let length = octets.len().min(to.len());
                to[..length].copy_from_slice(&octets[..length]);
                if length < octets.len() {
                    reads.push_front(Ok(octets[length..].to_vec()));
                }
                length
            }))
        })
        .await
    }
}

impl Write for Written {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let (written, allowed) = &mut *self.0.lock().unwrap();
            let length = from.len().min(*allowed);
            if length == 0 {
                return Poll::Pending;
            }
            written.extend_from_slice(&from[..length]);
            *allowed -= length;
            Poll::Ready(Ok(length))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A port with a line that is served by hand. Nothing of its pool may be left.
struct Line {
    pool: Pool,
    port: Port,
    reads: Reads,
    written: Written,
    driver: SlipDriver<Reads, Written>,
}

impl Line {
    fn new(capabilities: Capabilities) -> Self {
        let (reads, written) = (Reads::default(), Written::default());
        written.allow(usize::MAX);
        Self {
            pool: Box::leak(Box::new(NetBufPool::<32, 64, 8, 8>::new())).pool(),
            port: Port::new(capabilities),
            reads: reads.clone(),
            written: written.clone(),
            driver: SlipDriver::new(reads, written),
        }
    }

    fn stack(&self) -> StackEnd<'_> {
        self.port.split().1
    }

    /// Lets the driver do what it can, and drops its future; its end, if it has come to one.
    fn serve(&mut self) -> Option<SlipError<ErrorKind, ErrorKind>> {
        self.serve_and(|_| {})
    }

    /// The same, with something to do once the link is up.
    fn serve_and(
        &mut self,
        then: impl FnOnce(StackEnd<'_>),
    ) -> Option<SlipError<ErrorKind, ErrorKind>> {
        let (end, stack) = self.port.split();
        let mut run = pin!(self.driver.run(end, self.pool));
        let mut context = Context::from_waker(Waker::noop());
        let mut then = Some(then);
        // It passes the turn on every now and then.
        for _ in 0..8 {
            if let Poll::Ready(Err(error)) = run.as_mut().poll(&mut context) {
                return Some(error);
            }
            if let Some(then) = then.take() {
                then(stack);
            }
        }
        None
    }

    fn packet(&self, bytes: &[u8]) -> NetBuf {
        let mut packet = self.pool.alloc(Purpose::Send, 60).unwrap();
        packet.append(bytes).unwrap();
        packet
    }

    fn received(&self) -> Vec<Vec<u8>> {
        let (mut queue, _) = self.stack().receive();
        core::iter::from_fn(|| queue.pop_front())
            .map(|frame| {
                let mut bytes = vec![0; frame.len()];
                assert_eq!(frame.read(0, &mut bytes), bytes.len());
                bytes
            })
            .collect()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _: Vec<_> = self.received();
        self.port.split().0.set_link(LinkState::Down);
        (self.driver.receiver.frame, self.driver.sender.frame) = (None, None);
        let stats = self.pool.stats();
        assert_eq!((stats.blocks_used, stats.views_used), (0, 0));
    }
}

#[test]
fn slip_packet_is_gathered_from_its_fragments() {
    let mut line = Line::new(Capabilities::ip(100));
    let _: Option<_> = line.serve_and(|stack| {
        assert_eq!(stack.take_change().unwrap().0, LinkState::Up);
    });
    // The first block has room for four bytes.
    let packet = line.packet(&[0x45, 1, 2, 192, 219, 5]);
    assert_eq!(packet.fragments().count(), 2);
    let end = line.serve_and(|stack| stack.send(packet).unwrap());
    assert_eq!(end, None);
    let octets = [192, 0x45, 1, 2, 219, 220, 219, 221, 5, 192];
    assert_eq!(line.written.take(), octets);
    // When nobody serves it, the link is down.
    assert_eq!(line.stack().take_change().unwrap().0, LinkState::Down);
}

#[test]
fn slip_packets_are_received_into_aligned_blocks() {
    let mut lines = vec![(Line::new(Capabilities::ip(100)), 0)];
    #[cfg(feature = "ethernet")]
    lines.push((Line::new(Capabilities::ethernet([2; 6])), 2));
    for (line, offset) in &mut lines {
        let frame: Vec<_> = (0..100).collect();
        line.reads.bring(&[192]);
        for part in frame.chunks(30) {
            line.reads.bring(part);
        }
        line.reads.bring(&[192, 192]);
        assert_eq!(line.serve(), None);
        let packet = line.stack().receive().0.pop_front().unwrap();
        assert!(packet.equals(&frame));
        assert_eq!(packet.headroom(), *offset);
        assert_eq!(line.driver.stats().empty, 2);
        assert_eq!(line.port.stats().receive_errors, 0);
    }
}

#[test]
fn slip_frame_with_a_bad_escape_is_counted_and_the_next_is_good() {
    let mut line = Line::new(Capabilities::ip(100));
    line.reads.bring(&[192, 1, 219, 7, 219, 8, 2, 192, 3, 192]);
    line.reads.bring(&[4, 219, 192, 5, 192]);
    assert_eq!(line.serve(), None);
    assert_eq!(line.received(), [[3], [5]]);
    assert_eq!(line.driver.stats().bad_escapes, 2);
    assert_eq!(line.port.stats().receive_errors, 2);
}

#[test]
fn slip_frame_that_is_too_long_is_counted_and_the_next_is_good() {
    let mut line = Line::new(Capabilities::ip(100));
    line.reads.bring(&[7; 101]);
    line.reads.bring(&[7; 300]);
    line.reads.bring(&[192]);
    line.reads.bring(&[8; 100]);
    line.reads.bring(&[192]);
    assert_eq!(line.serve(), None);
    assert_eq!(line.received(), [[8; 100]]);
    assert_eq!(line.driver.stats().receive_long, 1);
    assert_eq!(line.port.stats().receive_errors, 1);
    // The other way it does not leave.
    let long = line.pool.alloc_chain(Purpose::Send, 0, 101).unwrap();
    let end = line.serve_and(|stack| stack.send(long).unwrap());
    assert_eq!((end, line.written.take().len()), (None, 0));
    assert_eq!(line.driver.stats().send_long, 1);
}

#[test]
fn slip_frame_that_finds_no_block_is_counted_and_the_next_is_good() {
    let mut line = Line::new(Capabilities::ip(600));
    // At its start, and when it needs one more.
    for left in [0, 1] {
        let mut taken = Vec::new();
        while line.pool.free_blocks() > left {
            taken.push(line.pool.alloc(Purpose::Receive, 0).unwrap());
        }
        for _ in 0..4 {
            line.reads.bring(&[1; 30]);
        }
        line.reads.bring(&[192]);
        assert_eq!(line.serve(), None);
        assert_eq!(line.pool.free_blocks(), left);
        drop(taken);
        line.reads.bring(&[9, 192]);
        assert_eq!(line.serve(), None);
        assert_eq!(line.received(), [[9]]);
    }
    assert_eq!(line.driver.stats().no_block, 2);
    assert_eq!(line.port.stats().receive_errors, 2);
}

#[test]
fn slip_frame_cut_by_an_overrun_is_counted_and_the_next_is_good() {
    let mut line = Line::new(Capabilities::ip(100));
    line.reads.bring(&[192, 1, 2]);
    line.reads.fail();
    line.reads.bring(&[3, 192, 4, 192]);
    line.reads.fail();
    line.reads.bring(&[192, 5, 192]);
    assert_eq!(line.serve(), None);
    assert_eq!(line.received(), [[4], [5]]);
    assert_eq!(line.driver.stats().read_errors, 2);
    assert_eq!(line.port.stats().receive_errors, 2);
}

#[test]
fn slip_line_that_is_closed_or_broken_ends_its_driver() {
    let mut line = Line::new(Capabilities::ip(100));
    line.reads.bring(&[]);
    assert_eq!(line.serve(), Some(SlipError::Closed));
    assert_eq!(line.stack().take_change().unwrap().0, LinkState::Down);
    for _ in 0..PATIENCE {
        line.reads.fail();
    }
    assert_eq!(line.serve(), Some(SlipError::Read(ErrorKind::Other)));
}

#[test]
fn slip_frame_that_does_not_find_room_in_the_port_is_dropped() {
    let mut line = Line::new(Capabilities::ip(100));
    for n in 0..config::PORT_RX_QUEUE as u8 + 1 {
        line.reads.bring(&[n, 192]);
        assert_eq!(line.serve(), None);
    }
    assert_eq!(line.port.stats().receive_full, 1);
}

#[test]
fn slip_future_that_is_dropped_loses_nothing() {
    let mut line = Line::new(Capabilities::ip(100));
    line.written.allow(3);
    line.reads.bring(&[192, 1, 219]);
    let packet = line.packet(&[1, 192, 3]);
    let _: Option<_> = line.serve_and(|stack| stack.send(packet).unwrap());
    line.written.allow(1);
    let _: Option<_> = line.serve();
    line.reads.bring(&[220, 2, 192]);
    line.written.allow(usize::MAX);
    let _: Option<_> = line.serve();
    assert_eq!(line.received(), [[1, 192, 2]]);
    assert_eq!(line.written.take(), [192, 1, 219, 220, 3, 192]);
}

#[test]
fn slip_receives_while_the_line_takes_nothing() {
    let mut line = Line::new(Capabilities::ip(100));
    line.written.allow(0);
    let packet = line.packet(&[1]);
    line.reads.bring(&[192, 2, 192]);
    let end = line.serve_and(|stack| stack.send(packet).unwrap());
    assert_eq!((end, line.received()), (None, vec![vec![2]]));
}

#[test]
fn slip_line_that_always_has_something_lets_others_have_their_turn() {
    let mut line = Line::new(Capabilities::ip(100));
    for _ in 0..3 * BATCH {
        line.reads.bring(&[192]);
    }
    let (end, _) = line.port.split();
    let mut run = pin!(line.driver.run(end, line.pool));
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    assert_eq!(line.reads.0.lock().unwrap().len(), 2 * BATCH as usize);
}

proptest! {
    #[test]
    fn slip_frame_behind_noise_reaches_the_stack(
        noise in prop::collection::vec(
            prop_oneof![Just(192_u8), Just(219), Just(220), Just(221), any::<u8>()], 0..200),
        frame in prop::collection::vec(prop_oneof![Just(192_u8), Just(219), any::<u8>()], 1..100),
        // So no chunk has more frames than the port holds.
        chunk in 1_usize..30,
    ) {
        let mut here = Line::new(Capabilities::ip(100));
        let packet = here.packet(&frame);
        prop_assert_eq!(here.serve_and(|stack| stack.send(packet).unwrap()), None);
        let mut there = Line::new(Capabilities::ip(100));
        let mut octets = noise;
        octets.extend(here.written.take());
        let mut last = None;
        for chunk in octets.chunks(chunk) {
            there.reads.bring(chunk);
            prop_assert_eq!(there.serve(), None);
            last = there.received().pop().or(last);
        }
        prop_assert_eq!(last, Some(frame));
        prop_assert_eq!(there.port.stats().receive_full, 0);
    }
}

// The futures can move to another thread.
fn _is_send(driver: &mut SlipDriver<Reads, Written>, end: DriverEnd<'_>, pool: Pool) {
    fn is_send(_: impl Send) {}
    // A UART's own futures have to be.
    is_send((driver, end, pool));
}
