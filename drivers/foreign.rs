//! Devices that were written for other stacks, at a port of this one.
//!
//! Their drivers hand over frames one at a time, and wake the task that asked when there is more.
//! So one task asks the device and the port in turn, in bounded batches. A received frame is
//! copied once into the pool: before the device is asked for one there is room in the port and
//! there are blocks for the longest frame, so that what finds none stays with the device.

use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};

use super::{longest_frame, receive_offset};
use crate::config;
use crate::link::{Capabilities, DriverEnd, LinkState, Medium, Offload};
use crate::netbuf::{NetBuf, Pool, Purpose};

/// Frames that pass in either direction before other tasks have their turn.
const BATCH: usize = config::PORT_RX_QUEUE;

/// The device has a medium that this build of the stack does not have, or that its port does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnsupportedMedium;

impl fmt::Display for UnsupportedMedium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stack or the port has not the medium of this device")
    }
}

impl core::error::Error for UnsupportedMedium {}

/// A device, as each of the other interfaces can show it.
pub(super) trait Device {
    /// What it is now.
    fn describe(&self) -> Result<Capabilities, UnsupportedMedium>;

    /// The longest frame that it takes, in bytes, on Ethernet with the header.
    fn longest(&self) -> usize;

    /// Prepares for `context` to be woken by whatever the device has next.
    fn prepare(&mut self, context: &mut Context<'_>, exchange: &Exchange<'_>);

    /// Whether frames can pass. Registers the task for a change.
    fn link(&mut self, context: &mut Context<'_>) -> LinkState;

    /// Takes one received frame from the device and gives it to the port; false if there is none,
    /// and then the task is registered.
    fn receive(&mut self, context: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool;

    /// Takes one frame from the port and gives it to the device; false if there is none or the
    /// device has no room, and then the task is registered there.
    fn send(&mut self, context: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool;
}

/// The kind of a device's frames, with its address.
pub(super) enum Station {
    #[cfg(feature = "ethernet")]
    Ethernet([u8; 6]),
    Ip,
}

/// What a device says of itself, in our words. `longest` is that of [`Device::longest`].
pub(super) fn capabilities(station: Station, longest: usize, offload: Offload) -> Capabilities {
    let capabilities = match station {
        #[cfg(feature = "ethernet")]
        Station::Ethernet(address) => Capabilities {
            mtu: clamp(longest.saturating_sub(14)),
            ..Capabilities::ethernet(address)
        },
        Station::Ip => Capabilities::ip(clamp(longest)),
    };
    Capabilities {
        offload,
        ..capabilities
    }
}

fn clamp(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// What the device does about the checksums of a protocol: whether it verifies those of received
/// packets, and fills in those of packets to be sent.
pub(super) struct Sums {
    pub(super) receive: bool,
    pub(super) send: bool,
}

/// The offloads of IPv4, UDP, TCP, ICMP and ICMPv6.
pub(super) fn offload([ipv4, udp, tcp, icmpv4, icmpv6]: [Sums; 5]) -> Offload {
    // The stack has one word for both versions of ICMP.
    let icmp = Sums {
        receive: icmpv4.receive && icmpv6.receive,
        send: icmpv4.send && icmpv6.send,
    };
    let mut offload = Offload::empty();
    for (sums, receive, send) in [
        (ipv4, Offload::RECEIVE_IPV4, Offload::SEND_IPV4),
        (udp, Offload::RECEIVE_UDP, Offload::SEND_UDP),
        (tcp, Offload::RECEIVE_TCP, Offload::SEND_TCP),
        (icmp, Offload::RECEIVE_ICMP, Offload::SEND_ICMP),
    ] {
        offload.set(receive, sums.receive);
        offload.set(send, sums.send);
    }
    offload
}

/// The port's side of the passage of frames.
pub(super) struct Exchange<'p> {
    pub(super) port: DriverEnd<'p>,
    pool: Pool,
    medium: Medium,
    link: Option<LinkState>,
    /// The longest frames that are received, and that are sent, with their headers.
    longest: usize,
    longest_sent: usize,
    /// The longest frame that is sure to find blocks, and how many those are.
    room: usize,
    blocks: usize,
    /// Blocks for such a frame, if they had to be waited for.
    prepared: Option<NetBuf>,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.port.set_link(LinkState::Down);
    }
}

impl<'p> Exchange<'p> {
    fn new(
        device: &impl Device,
        port: DriverEnd<'p>,
        pool: Pool,
    ) -> Result<Self, UnsupportedMedium> {
        let medium = device.describe()?.medium;
        if medium != port.capabilities().medium {
            return Err(UnsupportedMedium);
        }
        let mut exchange = Self {
            port,
            pool,
            medium,
            link: None,
            longest: 0,
            longest_sent: 0,
            room: 0,
            blocks: 1,
            prepared: None,
        };
        exchange.describe(device);
        Ok(exchange)
    }

    /// Tells the port what the device is now.
    fn describe(&mut self, device: &impl Device) {
        // One that has become of another medium stays what it was.
        let now = device
            .describe()
            .ok()
            .filter(|now| now.medium == self.medium);
        if let Some(now) = now
            && now != self.port.capabilities()
        {
            self.port.set_capabilities(now);
        }
        self.longest = longest_frame(self.medium, self.port.capabilities().mtu);
        self.longest_sent = device.longest();
        // No more blocks than the bounds leave in any case: those that wait may wait for a short
        // frame. A longer one is lost where it finds too few.
        let (offset, size) = (receive_offset(self.medium), self.pool.block_size().max(1));
        self.room = self.pool.receive_reserve(offset).min(self.longest);
        self.blocks = (offset + self.room).div_ceil(size).max(1);
    }

    fn look(&mut self, device: &mut impl Device, context: &mut Context<'_>) {
        device.prepare(context, self);
        let link = device.link(context);
        if self.link.replace(link) == Some(link) {
            return;
        }
        // Radios know their address and others their medium's offloads only then.
        if link == LinkState::Up {
            self.describe(device);
        }
        self.port.set_link(link);
    }

    /// A batch of frames both ways. Ready when there are too few blocks to go on receiving.
    fn turn(&mut self, device: &mut impl Device, context: &mut Context<'_>) -> Poll<()> {
        self.look(device, context);
        for _ in 0..BATCH {
            if self.prepared.is_none() && self.pool.free_blocks() < self.blocks {
                return Poll::Ready(());
            }
            let received = self.port.poll_room(context).is_ready() && device.receive(context, self);
            let sent = device.send(context, self);
            if !received && !sent {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// A batch of frames to be sent, while there are too few blocks to receive into.
    fn send(&mut self, device: &mut impl Device, context: &mut Context<'_>) {
        self.look(device, context);
        for _ in 0..BATCH {
            if !device.send(context, self) {
                return;
            }
        }
        context.waker().wake_by_ref();
    }

    /// A copy of a received frame; `None` if it is too short or too long, or its blocks went to
    /// another task meanwhile.
    pub(super) fn copy(&mut self, frame: &[u8]) -> Option<NetBuf> {
        if !(1..=self.longest).contains(&frame.len()) {
            return None;
        }
        let prepared = self.prepared.take();
        let mut buf = match prepared.filter(|buf| buf.len() >= frame.len()) {
            Some(mut buf) => {
                buf.truncate(frame.len());
                buf
            }
            None => {
                let offset = receive_offset(self.medium);
                let buf = self.pool.alloc_chain(Purpose::Receive, offset, frame.len());
                buf.ok()?
            }
        };
        // Nobody shares it yet.
        (buf.write(0, frame) == Ok(frame.len())).then_some(buf)
    }

    /// Gives the port a received frame, or counts it as lost.
    pub(super) fn deliver(&self, frame: Option<NetBuf>) {
        match frame {
            // A port without room has counted it.
            Some(frame) => drop(self.port.deliver(frame)),
            None => self.port.count_receive_errors(1),
        }
    }

    /// The next frame to be sent, if there is one now.
    #[cfg(feature = "driver-embassy-net")]
    pub(super) fn next_tx(&self) -> Option<NetBuf> {
        core::iter::from_fn(|| self.port.try_next_tx()).find(|frame| self.fits(frame))
    }

    /// The next frame to be sent. Registers the task if there is none.
    pub(super) fn poll_next_tx(&self, context: &mut Context<'_>) -> Poll<NetBuf> {
        loop {
            match self.port.poll_next_tx(context) {
                Poll::Ready(frame) if !self.fits(&frame) => {}
                other => return other,
            }
        }
    }

    /// Whether the device may be given a frame to be sent: it need not look at the length.
    fn fits(&self, frame: &NetBuf) -> bool {
        let fits = (1..=self.longest_sent).contains(&frame.len());
        if !fits {
            self.port.count_send_errors(1);
        }
        fits
    }
}

/// Moves frames between a device and the port, both ways at once. The link is as the device says
/// for as long as this runs, and down after.
pub(super) async fn run(
    device: &mut impl Device,
    port: DriverEnd<'_>,
    pool: Pool,
) -> Result<Infallible, UnsupportedMedium> {
    let mut exchange = Exchange::new(device, port, pool)?;
    loop {
        poll_fn(|context| exchange.turn(device, context)).await;
        let (offset, length) = (receive_offset(exchange.medium), exchange.room);
        let mut blocks = pin!(pool.alloc_chain_async(Purpose::Receive, offset, length));
        let prepared = poll_fn(|context| {
            let blocks = blocks.as_mut().poll(context);
            if blocks.is_pending() {
                exchange.send(device, context);
            }
            blocks
        });
        exchange.prepared = Some(prepared.await);
    }
}
