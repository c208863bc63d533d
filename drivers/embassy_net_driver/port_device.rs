//! A port of this stack, offered as a device for `embassy-net`.

use core::task::{Context, Poll};

use embassy_net_driver as theirs;
use embassy_net_driver::{Checksum, Driver, HardwareAddress, RxToken, TxToken};

use crate::link::{LinkState, Medium, Offload, StackEnd};
use crate::netbuf::pool::Turn;
use crate::netbuf::{BufQueue, NetBuf, Pool, Purpose};

/// A driver of this crate, as a device for `embassy-net` or whatever else takes an
/// [`embassy_net_driver::Driver`]: the driver's task runs at the one end of a port, and this stands
/// at the other, where otherwise a stack of this crate does.
///
/// A received frame is handed over where it is, if it lies in one block; else it is put together in
/// an array of `N` bytes first. A frame to be sent is built in such an array, and copied into blocks
/// of the pool that are kept for it: those for one frame, as long as this lives. `N` is the longest frame that passes: 1,518 for Ethernet with an MTU of 1,500 and a VLAN
/// tag.
///
/// ```
/// use core::convert::Infallible;
/// use core::future::Future;
/// use embassy_net_driver::Driver;
/// use zonda::drivers::embassy_net_driver::PortDevice;
/// use zonda::link::{Capabilities, DriverEnd, Port};
/// use zonda::netbuf::{NetBufPool, Pool};
///
/// static POOL: NetBufPool<32, 512> = NetBufPool::new();
/// static PORT: Port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 1]));
///
/// /// Starts the driver's task, and gives what is a device to the other stack.
/// fn device<F: Future>(
///     driver: impl FnOnce(DriverEnd<'static>, Pool) -> F,
///     spawn: impl FnOnce(F),
/// ) -> impl Driver {
///     let (driver_end, stack_end) = PORT.split();
///     spawn(driver(driver_end, POOL.pool()));
///     PortDevice::<1518>::new(stack_end, POOL.pool())
/// }
/// ```
pub struct PortDevice<'p, const N: usize> {
    port: StackEnd<'p>,
    pool: Pool,
    link: LinkState,
    /// Frames that were taken from the port and not asked for yet.
    received: BufQueue,
    lost: u32,
    /// Blocks for the next frame to be sent, or the place in the line for them.
    prepared: Option<NetBuf>,
    turn: Option<Turn>,
    /// A received frame in one piece, and one to be sent: both are there at the same time.
    whole: [u8; N],
    to_send: [u8; N],
}

/// A received frame of a [`PortDevice`].
pub struct Received<'a> {
    frame: NetBuf,
    whole: &'a mut [u8],
}

/// The right to send one frame by a [`PortDevice`].
pub struct Room<'a, 'p> {
    port: &'a StackEnd<'p>,
    prepared: &'a mut Option<NetBuf>,
    to_send: &'a mut [u8],
    lost: &'a mut u32,
}

impl<'p, const N: usize> PortDevice<'p, N> {
    /// Takes the stack's end of a port. Frames are sent from blocks of `pool`.
    ///
    /// The other stack has no way to say which groups it listens to: with the feature `promiscuous` a
    /// driver that filters is told to deliver those for any group, without it delivers none.
    pub fn new(port: StackEnd<'p>, pool: Pool) -> Self {
        #[cfg(feature = "promiscuous")]
        {
            port.set_mode(crate::link::ReceiveMode::ALL_GROUPS);
            port.wake_driver();
        }
        Self {
            port,
            pool,
            link: LinkState::Down,
            received: BufQueue::new(),
            lost: 0,
            prepared: None,
            turn: None,
            whole: [0; N],
            to_send: [0; N],
        }
    }

    /// Frames that were longer than `N` bytes, that the pool can never hold, or that were to be sent while
    /// the link was down.
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// The next received frame that fits.
    fn next_received(&mut self) -> Option<NetBuf> {
        if self.received.is_empty() {
            self.received = self.port.receive().0;
            // It may wait for the places that these had.
            self.port.wake_driver();
        }
        loop {
            let frame = self.received.pop_front()?;
            if (1..=N).contains(&frame.len()) {
                return Some(frame);
            }
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Registers the task for whatever comes next.
    fn register(&mut self, context: &mut Context<'_>) {
        // Where frames wait already, it is the room to answer them that it may have to wait for.
        if !self.port.register(context.waker()) && self.poll_room(context).is_ready() {
            context.waker().wake_by_ref();
        }
    }

    /// Whether a frame can be sent: the port has room, and there are blocks for the longest.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let longest = self.longest();
        if self.prepared.is_none() && self.pool.can_hold(Purpose::Send, 0, longest) {
            let pool = self.pool;
            let turn = (self.turn).get_or_insert_with(|| pool.turn(Purpose::Send, 0, longest));
            let Poll::Ready(blocks) = turn.poll(context.waker()) else {
                return Poll::Pending;
            };
            self.prepared = Some(blocks);
            self.turn = None;
        }
        self.port.poll_room(0, context)
    }

    /// The longest frame to be sent, in bytes.
    fn longest(&self) -> usize {
        let link = self.port.capabilities();
        let header = match link.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => 14,
            Medium::Ip => 0,
        };
        (usize::from(link.mtu) + header).min(N)
    }

    /// Where a received frame is put together, and the right to send one.
    fn tokens(&mut self) -> (&mut [u8], Room<'_, 'p>) {
        let room = Room {
            port: &self.port,
            prepared: &mut self.prepared,
            to_send: &mut self.to_send,
            lost: &mut self.lost,
        };
        (&mut self.whole, room)
    }
}

impl<'p, const N: usize> Driver for PortDevice<'p, N> {
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Room<'a, 'p>
    where
        Self: 'a;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Room<'_, 'p>)> {
        if self.poll_room(context).is_pending() {
            return None;
        }
        let Some(frame) = self.next_received() else {
            self.register(context);
            return None;
        };
        let (whole, room) = self.tokens();
        Some((Received { frame, whole }, room))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Room<'_, 'p>> {
        let ready = self.poll_room(context).is_ready();
        ready.then(|| self.tokens().1)
    }

    fn link_state(&mut self, context: &mut Context<'_>) -> theirs::LinkState {
        if let Some((link, _)) = self.port.take_change() {
            self.link = link;
        }
        self.register(context);
        match self.link {
            LinkState::Down => theirs::LinkState::Down,
            LinkState::Up => theirs::LinkState::Up,
        }
    }

    fn capabilities(&self) -> theirs::Capabilities {
        let link = self.port.capabilities();
        // Which received frames were verified is not to be said there: all are left to the stack.
        let sum = |filled_in| match link.offload.contains(filled_in) {
            true => Checksum::Rx,
            false => Checksum::Both,
        };
        let mut capabilities = theirs::Capabilities::default();
        capabilities.max_transmission_unit = self.longest();
        capabilities.checksum.ipv4 = sum(Offload::SEND_IPV4);
        capabilities.checksum.udp = sum(Offload::SEND_UDP);
        capabilities.checksum.tcp = sum(Offload::SEND_TCP);
        capabilities.checksum.icmpv4 = sum(Offload::SEND_ICMP);
        capabilities.checksum.icmpv6 = sum(Offload::SEND_ICMP);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        let link = self.port.capabilities();
        match link.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => HardwareAddress::Ethernet(*link.address.first_six()),
            Medium::Ip => HardwareAddress::Ip,
        }
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, work: F) -> R {
        let length = self.frame.len();
        if self.frame.first().len() == length
            && let Ok(bytes) = self.frame.make_contiguous(length)
        {
            return work(bytes);
        }
        let read = self.frame.read(0, self.whole);
        work(self.whole.split_at_mut(read).0)
    }
}

impl TxToken for Room<'_, '_> {
    /// `length` is at most what the device says it takes.
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let bytes = self.to_send.split_at_mut(length.min(self.to_send.len())).0;
        let result = work(bytes);
        let sent = self.prepared.take().is_some_and(|mut frame| {
            frame.truncate(bytes.len());
            frame.write(0, bytes) == Ok(bytes.len()) && self.port.send(frame).is_ok()
        });
        if sent {
            self.port.wake_driver();
        } else {
            *self.lost = self.lost.saturating_add(1);
        }
        result
    }
}

#[cfg(all(test, feature = "ethernet"))]
mod tests;
