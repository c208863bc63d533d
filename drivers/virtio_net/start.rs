//! How a device is started and stopped (VIRTIO 1.2 §3.1, §4.2.3).

use super::names::{config, feature, register, *};
use super::queue::{ALIGNMENT, Queue};
use super::transport::Transport;
use super::{Layout, VirtioNet, VirtioNetError, Work};
use crate::drivers::{longest_frame, receive_offset};
use crate::link::{Capabilities, DriverEnd, Medium};
use crate::netbuf::Pool;
use crate::wire::LinkAddr;

/// How often a register is read until it says what it is to say: longer than a reset takes.
const TRIES: u32 = 1_000_000;
/// How often the configuration is read until it does not change meanwhile.
const GLANCES: u32 = 8;

/// What is understood of what a device may offer.
const UNDERSTOOD: u64 = feature::GUEST_CSUM
    | feature::MTU
    | feature::MAC
    | feature::MRG_RXBUF
    | feature::STATUS
    | feature::ANY_LAYOUT
    | feature::VERSION_1;

/// Resets the device, and then releases what it had been lent (§4.2.3.1.1 with §2.1.2).
pub fn stop<T: Transport, const RECEIVE: usize, const SEND: usize>(
    device: &mut VirtioNet<T, RECEIVE, SEND>,
) -> Result<(), VirtioNetError> {
    device.transport.write(register::STATUS, 0);
    for _ in 0..TRIES {
        if device.transport.read(register::STATUS) == 0 {
            device.received.reset();
            device.to_send.reset();
            return Ok(());
        }
    }
    Err(VirtioNetError::Broken)
}

/// Makes the device ready, with its link as it is.
pub fn start<'w, 'p, T: Transport, const RECEIVE: usize, const SEND: usize>(
    device: &'w mut VirtioNet<T, RECEIVE, SEND>,
    driver: DriverEnd<'p>,
    pool: Pool,
) -> Result<Work<'w, 'p, T, RECEIVE, SEND>, VirtioNetError> {
    let version = device.transport.read(register::VERSION);
    let is_legacy = version == LEGACY;
    if device.transport.read(register::MAGIC) != MAGIC
        || device.transport.read(register::DEVICE) != NETWORK
        || !(is_legacy || version == MODERN)
    {
        return Err(VirtioNetError::Absent);
    }
    stop(device)?;
    // From here on it is stopped whatever happens.
    let mut work = Work {
        device,
        driver,
        pool,
        features: 0,
        layout: Layout::default(),
        longest: 0,
        partial: None,
        waiting: None,
        is_blocked: false,
    };
    work.start(is_legacy)?;
    Ok(work)
}

impl<T: Transport, const RECEIVE: usize, const SEND: usize> Work<'_, '_, T, RECEIVE, SEND> {
    /// The steps of §3.1.1, from the second on.
    fn start(&mut self, is_legacy: bool) -> Result<(), VirtioNetError> {
        // Rings are written as the processor has its numbers, which is that of the standard only there.
        if cfg!(target_endian = "big") {
            return Err(VirtioNetError::Unsupported);
        }
        let transport = &self.device.transport;
        let mut status = ACKNOWLEDGE;
        transport.write(register::STATUS, status);
        status |= DRIVER;
        transport.write(register::STATUS, status);
        let mut features = offered(transport) & UNDERSTOOD;
        if is_legacy {
            features &= u64::from(u32::MAX);
        } else if features & feature::VERSION_1 == 0 {
            return Err(VirtioNetError::Unsupported);
        }
        let capabilities = describe(transport, features, self.driver.capabilities())?;
        self.longest = longest_frame(capabilities.medium, capabilities.mtu);
        self.layout = Layout::new::<RECEIVE>(&mut features, self.longest, self.pool);
        self.features = features;
        accept(transport, features);
        if !is_legacy {
            status |= FEATURES_OK;
            transport.write(register::STATUS, status);
            if transport.read(register::STATUS) & FEATURES_OK == 0 {
                return Err(VirtioNetError::Unsupported);
            }
        }
        if is_legacy {
            transport.write(register::PAGE_SIZE, ALIGNMENT);
        }
        introduce(transport, RECEIVE_QUEUE, &self.device.received, is_legacy)?;
        introduce(transport, SEND_QUEUE, &self.device.to_send, is_legacy)?;
        transport.write(register::STATUS, status | DRIVER_OK);
        if capabilities != self.driver.capabilities() {
            self.driver.set_capabilities(capabilities);
        }
        self.look()
    }
}

/// The features that the device offers (§4.2.2).
fn offered(transport: &impl Transport) -> u64 {
    let half = |number| {
        transport.write(register::DEVICE_FEATURES_SELECT, number);
        u64::from(transport.read(register::DEVICE_FEATURES))
    };
    half(0) | half(1) << 32
}

/// Says which of them are used.
fn accept(transport: &impl Transport, features: u64) {
    for (number, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
        transport.write(register::DRIVER_FEATURES_SELECT, number);
        transport.write(register::DRIVER_FEATURES, half);
    }
}

/// What the port is to be with this device.
fn describe(
    transport: &impl Transport,
    features: u64,
    port: Capabilities,
) -> Result<Capabilities, VirtioNetError> {
    if port.medium != Medium::Ethernet {
        return Err(VirtioNetError::Port);
    }
    let mut capabilities = port;
    if features & feature::MAC != 0 {
        let address = steadily(transport, || {
            let mut address = [0; 6];
            for (place, byte) in (config::MAC..).zip(&mut address) {
                *byte = transport.config_byte(place);
            }
            address
        });
        capabilities.address = LinkAddr::ethernet(address);
    }
    if features & feature::MTU != 0 {
        let mtu = steadily(transport, || transport.config_half(config::MTU));
        if mtu >= LEAST_MTU {
            capabilities.mtu = capabilities.mtu.min(mtu);
        }
    }
    match capabilities.address.as_ethernet() {
        Some(_) => Ok(capabilities),
        None => Err(VirtioNetError::Port),
    }
}

/// Reads fields of the configuration until they have not changed meanwhile (§2.5.1).
fn steadily<V>(transport: &impl Transport, read: impl Fn() -> V) -> V {
    let mut before = transport.read(register::CONFIG_GENERATION);
    let mut value = read();
    for _ in 0..GLANCES {
        let after = transport.read(register::CONFIG_GENERATION);
        if after == before {
            break;
        }
        before = after;
        value = read();
    }
    value
}

/// Tells the device where a queue is (§4.2.3.2; for version 1 §4.2.4).
fn introduce<const N: usize>(
    transport: &impl Transport,
    number: u32,
    queue: &Queue<N>,
    is_legacy: bool,
) -> Result<(), VirtioNetError> {
    transport.write(register::QUEUE_SELECT, number);
    if transport.read(register::QUEUE_SIZE_MAX) < u32::from(Queue::<N>::SIZE) {
        return Err(VirtioNetError::Unsupported);
    }
    transport.write(register::QUEUE_SIZE, u32::from(Queue::<N>::SIZE));
    let places = queue.places().map(|place| transport.address(place));
    if is_legacy {
        let page = u32::try_from(places[0] / u64::from(ALIGNMENT));
        transport.write(register::QUEUE_ALIGN, ALIGNMENT);
        transport.write(
            register::QUEUE_PAGE,
            page.map_err(|_| VirtioNetError::Unsupported)?,
        );
        return Ok(());
    }
    let registers = [
        register::QUEUE_DESCRIPTORS,
        register::QUEUE_AVAILABLE,
        register::QUEUE_USED,
    ];
    for (register, place) in registers.into_iter().zip(places) {
        transport.write(register, place as u32);
        transport.write(register + 4, (place >> 32) as u32);
    }
    transport.write(register::QUEUE_READY, 1);
    Ok(())
}

impl Layout {
    /// How frames of at most `longest` bytes are received into a pool, in queues of `N` descriptors.
    fn new<const N: usize>(features: &mut u64, longest: usize, pool: Pool) -> Self {
        let (stats, limits) = (pool.stats(), pool.limits());
        // What the bounds leave: whatever else is full, so many blocks come back.
        let bounded = limits.held.saturating_add(limits.send);
        let kept = usize::from(stats.blocks.saturating_sub(bounded)).max(1);
        let size = pool.block_size();
        // Behind a header of either length the frame is to begin as it does without one.
        let offset = |header| (receive_offset(Medium::Ethernet) + HEADER - header) % 4;

        // A block is a buffer, and a frame takes as many as it needs. Unless that may be more than the
        // device is lent: it would wait for the others.
        let (buffers, length) = (kept.min(N), size.saturating_sub(offset(HEADER)));
        let merges = *features & feature::MRG_RXBUF != 0;
        if merges && length > HEADER && length * buffers >= HEADER + longest {
            return Self {
                header: HEADER,
                merges,
                is_split: false,
                offset: offset(HEADER),
                length,
                buffers,
            };
        }
        *features &= !feature::MRG_RXBUF;

        // A buffer is as many blocks as a frame may take, or as there may be: then longer frames are
        // lost.
        let header = match *features & feature::VERSION_1 {
            0 => SHORT_HEADER,
            _ => HEADER,
        };
        // Only newer devices take header and frame for one (§5.1.6.4.2).
        let is_split = *features & (feature::VERSION_1 | feature::ANY_LAYOUT) == 0;
        let apart = usize::from(is_split);
        let (offset, needed) = (offset(header), header + longest);
        let blocks = (offset + needed).div_ceil(size.max(1));
        let blocks = blocks.min(kept).min(N - apart).max(1);
        Self {
            header,
            merges: false,
            is_split,
            offset,
            length: (blocks * size).saturating_sub(offset).min(needed),
            buffers: (kept / blocks).min(N / (blocks + apart)).max(1),
        }
    }
}
