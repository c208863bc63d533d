//! Captures of what passes a driver, in the format that tcpdump and Wireshark read.
//!
//! A [`Capture`] stands between any driver and the stack: the driver has the driver's end of one
//! port, the stack the stack's end of another, and the capture relays what passes, and shows it
//! to a [`Sink`] on the way.
//!
//! The format is that of pcap-savefile(5) and draft-ietf-opsawg-pcap, with times in nanoseconds
//! and the least significant byte first. Its headers are written without `std`, so a firmware can
//! stream a capture over a serial line.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
#[cfg(feature = "std")]
use std::io::{self, Write};

use crate::config;
use crate::link::{DriverEnd, LinkState, Medium, Port, StackEnd};
use crate::netbuf::{BufQueue, NetBuf};
use crate::time::Instant;

/// The packets carry times in seconds and nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
/// The version of the format is 2.4.
const VERSION: (u16, u16) = (2, 4);

/// Bytes in the header of a file.
pub const FILE_HEADER: usize = 24;
/// Bytes in the header of a packet.
pub const RECORD_HEADER: usize = 16;

/// What the packets of a file begin with, as registered at <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinkType(pub u16);

impl LinkType {
    /// An Ethernet header.
    pub const ETHERNET: Self = Self(1);
    /// An IPv4 or IPv6 header.
    pub const RAW: Self = Self(101);
}

impl From<Medium> for LinkType {
    fn from(medium: Medium) -> Self {
        match medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => Self::ETHERNET,
            Medium::Ip => Self::RAW,
        }
    }
}

/// The header of a file whose packets keep `snap_length` bytes at most.
pub fn file_header(link_type: LinkType, snap_length: u32) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    let fields = [
        MAGIC,
        u32::from(VERSION.1) << 16 | u32::from(VERSION.0),
        0,
        0,
        snap_length,
        u32::from(link_type.0),
    ];
    fill(&mut header, &fields);
    header
}

/// The header of a packet of `length` bytes, of which `captured` follow, that passed at `at` since
/// the origin of time, 1970-01-01 UTC. The time has microseconds only.
pub fn record_header(at: Instant, captured: u32, length: u32) -> [u8; RECORD_HEADER] {
    let mut header = [0; RECORD_HEADER];
    let micros = at.as_micros();
    // Seconds have 32 bits, and so an end in 2106.
    let seconds = (micros / 1_000_000) as u32;
    let nanos = (micros % 1_000_000) as u32 * 1_000;
    fill(&mut header, &[seconds, nanos, captured, length]);
    header
}

fn fill(header: &mut [u8], fields: &[u32]) {
    for (place, field) in header.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
}

/// Which way a frame passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// From the driver to the stack.
    Received,
    /// From the stack to the driver.
    Sent,
}

/// What is shown the frames that pass.
pub trait Sink {
    /// `frame` passes at `at` on the clock of whoever drives the capture.
    fn frame(&mut self, at: Instant, direction: Direction, frame: &NetBuf);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn frame(&mut self, at: Instant, direction: Direction, frame: &NetBuf) {
        (**self).frame(at, direction, frame);
    }
}

/// A relay between a driver and the stack that shows each frame to a sink.
///
/// It adds nothing but the way through another queue: order, link state, capabilities, the filter
/// of groups and the times of transmission pass as they are, and neither direction waits for the
/// other. A frame of a high traffic class can come behind one of a lower class that waits for
/// room. The link of the stack goes down when the capture ends.
pub struct Capture<'p, S> {
    /// The driver's end of the port that the stack is attached to.
    stack: DriverEnd<'p>,
    _down: DownAtEnd<'p>,
    /// The stack's end of the port that the driver is attached to.
    driver: StackEnd<'p>,
    /// Frames that wait until the stack has room.
    received: BufQueue,
    /// A frame that waits until the driver has room.
    to_send: Option<NetBuf>,
    sink: S,
}

/// Takes the link of the stack down when the capture ends.
struct DownAtEnd<'p>(DriverEnd<'p>);

impl Drop for DownAtEnd<'_> {
    fn drop(&mut self) {
        self.0.set_link(LinkState::Down);
    }
}

impl<'p, S: Sink> Capture<'p, S> {
    /// Stands between the driver of `inner` and the stack that is attached to `outer`. Both ports
    /// are of the same medium.
    pub fn new(inner: &'p Port, outer: &'p Port, sink: S) -> Self {
        Self {
            stack: outer.split().0,
            _down: DownAtEnd(outer.split().0),
            driver: inner.split().1,
            received: BufQueue::new(),
            to_send: None,
            sink,
        }
    }

    /// What the frames are shown to.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Ends the capture.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Moves the frames that wait now, as far as there is room for them; says how many.
    pub fn step(&mut self, now: Instant) -> usize {
        self.relay(now, &mut Context::from_waker(Waker::noop()))
    }

    /// Moves frames whenever there are some; `clock` tells the time of each.
    pub async fn run(&mut self, mut clock: impl FnMut() -> Instant) -> Infallible {
        poll_fn(|context| {
            let moved = self.relay(clock(), context);
            // What has come in the meantime has registered nothing. Others have their turn first.
            if moved > 0 || self.received.is_empty() && !self.driver.register(context.waker()) {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }

    fn relay(&mut self, now: Instant, context: &mut Context<'_>) -> usize {
        if let Some((link, capabilities)) = self.driver.take_change() {
            self.stack.set_capabilities(capabilities);
            self.stack.set_link(link);
            if link == LinkState::Down {
                self.to_send = None;
            }
        }
        #[cfg(feature = "multicast")]
        if self.stack.poll_filter(context).is_ready() {
            self.stack
                .take_filter(|groups| self.driver.set_filter(groups.iter().copied()));
            self.driver.wake_driver();
        }
        #[cfg(feature = "promiscuous")]
        if self.stack.poll_mode(context).is_ready() {
            self.stack.take_mode(|mode| self.driver.set_mode(mode));
            self.driver.wake_driver();
        }
        #[cfg(feature = "timestamps")]
        while let Some((id, nanos)) = self.driver.take_transmitted() {
            self.stack.report_transmitted(id, nanos);
        }
        self.relay_received(now, context) + self.relay_sent(now, context)
    }

    fn relay_received(&mut self, now: Instant, context: &mut Context<'_>) -> usize {
        if self.received.is_empty() {
            (self.received, _) = self.driver.receive();
            if self.received.len() >= config::PORT_RX_QUEUE {
                self.driver.wake_driver();
            }
        }
        let mut moved = 0;
        while !self.received.is_empty()
            && self.stack.poll_room(context).is_ready()
            && let Some(frame) = self.received.pop_front()
        {
            self.sink.frame(now, Direction::Received, &frame);
            // A port without room has counted it.
            let _: Result<(), NetBuf> = self.stack.deliver(frame);
            moved += 1;
        }
        moved
    }

    fn relay_sent(&mut self, now: Instant, context: &mut Context<'_>) -> usize {
        let mut moved = 0;
        while moved < config::PORT_TX_QUEUE {
            let frame = match self.to_send.take() {
                Some(frame) => frame,
                None => match self.stack.poll_next_tx(context) {
                    Poll::Ready(frame) => frame,
                    Poll::Pending => break,
                },
            };
            let class = frame.meta().class;
            if self.driver.poll_room(class, context).is_pending() {
                self.to_send = Some(frame);
                break;
            }
            self.sink.frame(now, Direction::Sent, &frame);
            // A port whose link is down has counted it.
            let _: Result<(), NetBuf> = self.driver.send(frame);
            moved += 1;
        }
        if moved > 0 {
            self.driver.wake_driver();
        }
        moved
    }
}

/// A capture in a file, or whatever else takes bytes.
///
/// After an error it records nothing more, and keeps the error. Give it a
/// [`BufWriter`](std::io::BufWriter) where writes are expensive.
#[cfg(feature = "std")]
pub struct PcapFile<W: Write> {
    writer: W,
    snap_length: u32,
    origin: Instant,
    failed: Option<io::Error>,
}

#[cfg(feature = "std")]
impl<W: Write> PcapFile<W> {
    /// The longest packet that readers expect: what libpcap sets no snapshot length beyond.
    pub const LONGEST: u32 = 262_144;

    /// Begins a capture that keeps packets whole.
    pub fn new(writer: W, link_type: LinkType) -> io::Result<Self> {
        Self::with_snap_length(writer, link_type, Self::LONGEST)
    }

    /// Begins a capture that keeps the first `snap_length` bytes of each packet.
    pub fn with_snap_length(
        mut writer: W,
        link_type: LinkType,
        snap_length: u32,
    ) -> io::Result<Self> {
        writer.write_all(&file_header(link_type, snap_length))?;
        Ok(Self {
            writer,
            snap_length,
            origin: Instant::ZERO,
            failed: None,
        })
    }

    /// Sets when [`Instant::ZERO`] of the capture's clock was, since 1970-01-01 UTC: the packets
    /// that follow carry the time of day.
    pub fn set_origin(&mut self, origin: core::time::Duration) {
        self.origin = Instant::ZERO + origin.into();
    }

    /// Records a packet.
    pub fn record(&mut self, at: Instant, packet: &NetBuf) {
        if self.failed.is_none()
            && let Err(error) = self.write(at, packet)
        {
            warning!("a capture ends with an error");
            self.failed = Some(error);
        }
    }

    /// The error that ended the capture.
    pub fn error(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.writer.flush().err();
        }
    }

    /// Ends the capture and gives the writer back, or the error that ended it before.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush();
        match self.failed {
            None => Ok(self.writer),
            Some(error) => Err(error),
        }
    }

    fn write(&mut self, at: Instant, packet: &NetBuf) -> io::Result<()> {
        let at = at + self.origin.since(Instant::ZERO);
        let length = packet.len() as u32;
        let captured = length.min(self.snap_length);
        self.writer
            .write_all(&record_header(at, captured, length))?;
        let mut left = captured as usize;
        for fragment in packet.fragments() {
            let piece = fragment.get(..left).unwrap_or(fragment);
            self.writer.write_all(piece)?;
            left -= piece.len();
        }
        Ok(())
    }
}

#[cfg(feature = "std")]
impl<W: Write> Sink for PcapFile<W> {
    fn frame(&mut self, at: Instant, _: Direction, frame: &NetBuf) {
        self.record(at, frame);
    }
}

#[cfg(test)]
mod tests;
