//! virtio-net: the network device of virtual machines, among them QEMU's, in the memory map (VIRTIO 1.2
//! §4.2 and §5.1; version 1 of the registers, "legacy", too).
//!
//! The device reads frames to be sent where they lie, fragment by fragment, and writes received ones
//! into blocks of the pool: nothing is copied. (The crate `virtio-drivers` asks for an allocator of
//! pages, gathers no fragments and has no form that waits.) It is lent as many blocks as the pool's bounds keep for
//! receiving, so those that wait for one find one. Received packets that the device vouches for
//! are not summed up again; packets to be sent are, while they are written, and leave complete.
//!
//! Nothing is polled: [`interrupt`] is to be called by the handler of the device's interrupt, and wakes
//! the task that [`VirtioNet::run`] is awaited in.
//!
//! ```no_run
//! # use static_cell::ConstStaticCell;
//! # use zonda::drivers::virtio_net::{self, VirtioMmio, VirtioNet, VirtioNetMemory, VirtioNetSignal};
//! # use zonda::link::DriverEnd;
//! # use zonda::netbuf::Pool;
//! static SIGNAL: VirtioNetSignal = VirtioNetSignal::new();
//! static MEMORY: ConstStaticCell<VirtioNetMemory<16, 32>> = ConstStaticCell::new(VirtioNetMemory::new());
//! // SAFETY: this is where the machine has the device.
//! const DEVICE: VirtioMmio = unsafe { VirtioMmio::new(0x1000_1000) };
//!
//! fn on_interrupt() {
//!     virtio_net::interrupt(&DEVICE, &SIGNAL);
//! }
//!
//! async fn network(driver: DriverEnd<'_>, pool: Pool) {
//!     let mut device = VirtioNet::new(DEVICE, &SIGNAL, MEMORY.take());
//!     let Err(_gone) = device.run(driver, pool).await;
//! }
//! ```

mod names;
mod queue;
mod start;
mod transport;

use core::convert::Infallible;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};

use embassy_sync::waitqueue::AtomicWaker;

use self::names::{feature, register, *};
use self::queue::{OutOfStep, Queue, QueueMemory};
use self::transport::Transport;
use crate::config;
use crate::link::{DriverEnd, LinkState};
use crate::netbuf::meta::Flags;
use crate::netbuf::{NetBuf, Pool, Purpose};

pub use transport::VirtioMmio;

/// Frames that pass in either direction before other tasks have their turn.
const BATCH: usize = config::PORT_RX_QUEUE;
/// The shortest frame: an Ethernet header.
const SHORTEST: usize = 14;

/// The header of each frame that is sent: nothing is left to the device.
static NOTHING: [u8; HEADER] = [0; HEADER];

/// Why a device is not used (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum VirtioNetError {
    /// There is no network device of a known version.
    Absent,
    /// The device wants another driver, or has not as many descriptors as the queues.
    Unsupported,
    /// The device does not keep to the rules, or asks to be started anew.
    Broken,
    /// The port is not one for Ethernet, or neither it nor the device has an address.
    Port,
}

impl fmt::Display for VirtioNetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no virtio network device",
            Self::Unsupported => "the virtio device and its driver do not fit",
            Self::Broken => "the virtio device is out of step",
            Self::Port => "the port is not for Ethernet",
        })
    }
}

impl core::error::Error for VirtioNetError {}

impl From<OutOfStep> for VirtioNetError {
    fn from(_: OutOfStep) -> Self {
        Self::Broken
    }
}

/// Where the handler of the device's interrupt finds the driver's task. Make it a `static`.
pub struct VirtioNetSignal {
    task: AtomicWaker,
    /// The configuration of the device has changed.
    changed: AtomicBool,
}

impl VirtioNetSignal {
    /// Nobody waits yet.
    pub const fn new() -> Self {
        Self {
            task: AtomicWaker::new(),
            changed: AtomicBool::new(false),
        }
    }

    /// Whether the configuration has changed since the last call.
    fn take_change(&self) -> bool {
        // What comes in between is seen by who reads the configuration after this.
        let changed = self.changed.load(Ordering::SeqCst);
        if changed {
            self.changed.store(false, Ordering::SeqCst);
        }
        changed
    }
}

impl Default for VirtioNetSignal {
    fn default() -> Self {
        Self::new()
    }
}

/// For the handler of the device's interrupt: says that it has been noticed, and wakes the driver's
/// task. It may be called before the driver runs.
pub fn interrupt(device: &impl Transport, signal: &VirtioNetSignal) {
    let happened = device.read(register::INTERRUPT_STATUS);
    device.write(register::INTERRUPT_ACK, happened);
    if happened & CONFIG_CHANGED != 0 {
        signal.changed.store(true, Ordering::SeqCst);
    }
    signal.task.wake();
}

/// The memory of the queues that a device and its driver share, with `RECEIVE` and `SEND` descriptors,
/// powers of two of at most 1,024.
///
/// A received frame takes a descriptor for each of its blocks, one to be sent as many as it has
/// fragments, and one. Each is of 26 bytes, and of 16 more for the driver on a 32-bit processor.
pub struct VirtioNetMemory<const RECEIVE: usize, const SEND: usize> {
    receive: QueueMemory<RECEIVE>,
    send: QueueMemory<SEND>,
}

impl<const RECEIVE: usize, const SEND: usize> VirtioNetMemory<RECEIVE, SEND> {
    /// Memory that no device has seen: all zeroes.
    pub const fn new() -> Self {
        Self {
            receive: QueueMemory::new(),
            send: QueueMemory::new(),
        }
    }
}

impl<const RECEIVE: usize, const SEND: usize> Default for VirtioNetMemory<RECEIVE, SEND> {
    fn default() -> Self {
        Self::new()
    }
}

/// A virtio network device.
pub struct VirtioNet<T, const RECEIVE: usize, const SEND: usize> {
    transport: T,
    signal: &'static VirtioNetSignal,
    received: Queue<RECEIVE>,
    to_send: Queue<SEND>,
}

impl<T: Transport, const RECEIVE: usize, const SEND: usize> VirtioNet<T, RECEIVE, SEND> {
    /// The device whose interrupt raises `signal`.
    ///
    /// The memory is lent for ever: if the driver is forgotten the device goes on.
    pub const fn new(
        device: T,
        signal: &'static VirtioNetSignal,
        memory: &'static mut VirtioNetMemory<RECEIVE, SEND>,
    ) -> Self {
        let VirtioNetMemory { receive, send } = memory;
        Self {
            transport: device,
            signal,
            received: Queue::new(receive),
            to_send: Queue::new(send),
        }
    }

    /// Starts the device and moves frames between it and the port, both ways at once, receiving into
    /// blocks of `pool`. The port's address becomes that of the device, and its MTU the device's where
    /// that is smaller. Does not end but with an error, and may be called again after one.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, VirtioNetError> {
        let mut work = start::start(self, driver, pool)?;
        loop {
            poll_fn(|context| work.turn(context, true)).await?;
            let mut blocks = pin!(pool.alloc_chain_async(
                Purpose::Receive,
                work.layout.offset,
                work.layout.length
            ));
            let block = poll_fn(|context| match blocks.as_mut().poll(context) {
                Poll::Ready(block) => Poll::Ready(Ok(block)),
                Poll::Pending => match work.turn(context, false) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Pending,
                },
            });
            let block = block.await?;
            work.lend(block);
        }
    }
}

/// How received frames lie in their buffers.
#[derive(Default)]
struct Layout {
    /// Bytes of the header in front of a frame.
    header: usize,
    /// A frame may lie in several buffers.
    merges: bool,
    /// The header has a descriptor of its own.
    is_split: bool,
    /// Where a buffer begins in its first block, how many bytes it has, and how many there are to be.
    offset: usize,
    length: usize,
    buffers: usize,
}

/// A received frame of which buffers are missing.
struct Partial {
    /// `None` if it is damaged: what comes of it is dropped.
    frame: Option<NetBuf>,
    missing: u16,
}

/// A device at work. It is reset at the end.
struct Work<'w, 'p, T: Transport, const RECEIVE: usize, const SEND: usize> {
    device: &'w mut VirtioNet<T, RECEIVE, SEND>,
    driver: DriverEnd<'p>,
    pool: Pool,
    features: u64,
    layout: Layout,
    /// The longest frame, in either direction.
    longest: usize,
    partial: Option<Partial>,
    /// A frame to be sent that found too few descriptors.
    waiting: Option<NetBuf>,
    /// The port has no room for received frames.
    is_blocked: bool,
}

impl<T: Transport, const RECEIVE: usize, const SEND: usize> Drop
    for Work<'_, '_, T, RECEIVE, SEND>
{
    fn drop(&mut self) {
        // A device that cannot be stopped keeps what it has been lent.
        let _: Result<(), VirtioNetError> = start::stop(self.device);
        self.driver.set_link(LinkState::Down);
    }
}

impl<T: Transport, const RECEIVE: usize, const SEND: usize> Work<'_, '_, T, RECEIVE, SEND> {
    /// A batch of frames both ways. Ready when the device ought to be lent more blocks than there are.
    fn turn(
        &mut self,
        context: &mut Context<'_>,
        refill: bool,
    ) -> Poll<Result<(), VirtioNetError>> {
        // Whatever happens after it has been looked for, the interrupt tells.
        self.device.signal.task.register(context.waker());
        match self.exchange(context, refill) {
            Ok(false) => Poll::Pending,
            Ok(true) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn exchange(
        &mut self,
        context: &mut Context<'_>,
        refill: bool,
    ) -> Result<bool, VirtioNetError> {
        // Until it has looked at all there is, the driver need not be told of more.
        self.device.received.set_quiet(true);
        self.device.to_send.set_quiet(true);
        if self.device.signal.take_change() {
            self.look()?;
        }
        let (mut receiving, mut sending) = (true, true);
        for _ in 0..BATCH {
            receiving = receiving && self.receive(context)?;
            sending = sending && self.send(context)?;
        }
        let wanting = refill && !self.refill();
        let device = &mut *self.device;
        if device.received.take_untold() {
            device
                .transport
                .write(register::QUEUE_NOTIFY, RECEIVE_QUEUE);
        }
        if device.to_send.take_untold() {
            device.transport.write(register::QUEUE_NOTIFY, SEND_QUEUE);
        }
        if self.listen() || receiving || sending {
            context.waker().wake_by_ref();
        }
        Ok(wanting)
    }

    /// Lets the device interrupt again; says whether there is something already.
    fn listen(&mut self) -> bool {
        let device = &mut *self.device;
        device.received.set_quiet(self.is_blocked);
        device.to_send.set_quiet(false);
        core::sync::atomic::fence(Ordering::SeqCst);
        device.received.has_used() && !self.is_blocked || device.to_send.has_used()
    }

    /// Looks at the configuration.
    #[cold]
    fn look(&mut self) -> Result<(), VirtioNetError> {
        let transport = &self.device.transport;
        if transport.read(register::STATUS) & NEEDS_RESET != 0 {
            return Err(VirtioNetError::Broken);
        }
        // Without the field there always is one (VIRTIO 1.2 §5.1.4.2).
        let up = self.features & feature::STATUS == 0
            || transport.config_half(names::config::STATUS) & LINK_UP != 0;
        if up {
            self.driver.set_link(LinkState::Up);
        } else {
            self.waiting = None;
            self.driver.set_link(LinkState::Down);
        }
        Ok(())
    }

    // ---- Received frames (VIRTIO 1.2 §5.1.6.4) ------------------------------------------------------

    /// Lends the device as many buffers as it is to have; false if there are too few blocks.
    fn refill(&mut self) -> bool {
        let Layout {
            offset,
            length,
            buffers,
            ..
        } = self.layout;
        while self.device.received.lent() < buffers {
            match self.pool.alloc_chain(Purpose::Receive, offset, length) {
                Ok(buf) => self.lend(buf),
                Err(_) => return false,
            }
        }
        true
    }

    fn lend(&mut self, buf: NetBuf) {
        let split = if self.layout.is_split {
            self.layout.header
        } else {
            0
        };
        let device = &mut *self.device;
        device.received.lend_to_fill(buf, split, &device.transport);
    }

    /// Takes a buffer that the device has filled; false if there is none, or no room for it.
    fn receive(&mut self, context: &mut Context<'_>) -> Result<bool, VirtioNetError> {
        self.is_blocked = false;
        if !self.device.received.has_used() {
            return Ok(false);
        }
        if self.driver.poll_room(context).is_pending() {
            self.is_blocked = true;
            return Ok(false);
        }
        let Some((mut buf, length)) = self.device.received.take()? else {
            return Ok(false);
        };
        // What a device says that it has written beyond the end, it has not.
        let is_good = (1..=buf.len()).contains(&length);
        buf.truncate(length);
        let Partial { frame, missing } = match self.partial.take() {
            None => self.first(buf, is_good)?,
            Some(Partial { frame, missing }) => Partial {
                frame: frame.filter(|_| is_good).and_then(|mut frame| {
                    frame.join(buf).ok()?;
                    Some(frame)
                }),
                missing: missing.saturating_sub(1),
            },
        };
        if missing > 0 {
            self.partial = Some(Partial { frame, missing });
            return Ok(true);
        }
        match frame.filter(|frame| (SHORTEST..=self.longest).contains(&frame.len())) {
            // There was room.
            Some(frame) => drop(self.driver.deliver(frame)),
            None => self.driver.count_receive_errors(1),
        }
        Ok(true)
    }

    /// Reads the header in front of a frame, and how many buffers of the frame are to come.
    fn first(&mut self, mut buf: NetBuf, is_good: bool) -> Result<Partial, VirtioNetError> {
        let mut header = [0; HEADER];
        let is_good = is_good && buf.len() >= self.layout.header;
        let _: usize = buf.read(0, &mut header);
        let [flags, kind, .., low, high] = header;
        let buffers = if self.layout.merges && is_good {
            u16::from_le_bytes([low, high])
        } else {
            1
        };
        // More than there are cannot come.
        if buffers == 0 || buffers > Queue::<RECEIVE>::SIZE {
            return Err(VirtioNetError::Broken);
        }
        buf.advance(self.layout.header);
        // What has left a neighbour on the same host without a checksum is as good as one that the
        // device has verified (§5.1.6.4.1).
        if self.features & feature::GUEST_CSUM != 0 && flags & (NEEDS_CSUM | DATA_VALID) != 0 {
            let mut meta = buf.meta();
            meta.flags |= Flags::TRANSPORT_SUM_VERIFIED;
            buf.set_meta(meta);
        }
        Ok(Partial {
            // Packets larger than the MTU were not asked for.
            frame: Some(buf).filter(|_| is_good && kind == 0),
            missing: buffers - 1,
        })
    }

    // ---- Frames to be sent (VIRTIO 1.2 §5.1.6.2) ----------------------------------------------------

    /// Lends the device a frame, once what it is done with has been given back; false if there is none,
    /// or the device has too many.
    fn send(&mut self, context: &mut Context<'_>) -> Result<bool, VirtioNetError> {
        while let Some((sent, _)) = self.device.to_send.take()? {
            drop(sent);
        }
        let frame = match self.waiting.take() {
            Some(frame) => frame,
            None => match self.driver.poll_next_tx(context) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Ok(false),
            },
        };
        let Some(frame) = self.in_few_pieces(frame) else {
            self.driver.count_send_errors(1);
            return Ok(true);
        };
        let device = &mut *self.device;
        let header = NOTHING.get(..self.layout.header).unwrap_or(&NOTHING);
        match device.to_send.lend(header, frame, &device.transport) {
            Ok(()) => Ok(true),
            Err(frame) => {
                self.waiting = Some(frame);
                Ok(false)
            }
        }
    }

    /// The frame, if it may be sent, in no more pieces than there can be descriptors for.
    fn in_few_pieces(&self, frame: NetBuf) -> Option<NetBuf> {
        let fits = |frame: &NetBuf| frame.fragments().count() < SEND;
        if !(1..=self.longest).contains(&frame.len()) {
            return None;
        }
        if fits(&frame) {
            return Some(frame);
        }
        let copy = frame.copy_to(self.pool, Purpose::Send, 0).ok()?;
        Some(copy).filter(fits)
    }
}

#[cfg(test)]
mod tests;
