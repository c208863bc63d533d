//! Devices that have a driver for `xarxa`, at a port of this stack.
//!
//! [`Adapter`] runs any [`xarxa_driver::Driver`]. Such a driver passes buffers of the one static
//! pool of that crate (`XARXA_PACKET_BUF_COUNT` buffers of 1,514 bytes, beside the pool of the
//! stack), so a frame is copied once in either direction. A buffer to send in is taken when the
//! device has room for a frame.

use core::convert::Infallible;
use core::fmt;
use core::task::{Context, Poll, Waker};

use xarxa_driver::config::PACKET_BUF_SIZE;
use xarxa_driver::{Driver, HardwareAddress, NotSupported, PacketBuf};

use super::foreign::{self, Device, Exchange, Station, Sums, UnsupportedMedium};
#[cfg(feature = "multicast")]
use crate::config;
use crate::link::{Capabilities, DriverEnd, LinkState};
#[cfg(feature = "timestamps")]
use crate::netbuf::pool::Stamp;
use crate::netbuf::{NetBuf, Pool};
#[cfg(feature = "multicast")]
use crate::wire::LinkAddr;

/// Why a device is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AdapterError {
    /// The stack or the port does not have its medium.
    Medium,
    /// Its driver wakes nobody: it can only be asked again and again.
    NoWaker,
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Medium => fmt::Display::fmt(&UnsupportedMedium, f),
            Self::NoWaker => f.write_str("the driver of this device cannot wake a task"),
        }
    }
}

impl core::error::Error for AdapterError {}

impl From<UnsupportedMedium> for AdapterError {
    fn from(UnsupportedMedium: UnsupportedMedium) -> Self {
        Self::Medium
    }
}

impl From<NotSupported> for AdapterError {
    fn from(NotSupported: NotSupported) -> Self {
        Self::NoWaker
    }
}

/// A device with a driver for `xarxa`.
///
/// ```
/// use core::convert::Infallible;
/// use zonda::drivers::xarxa_driver::{Adapter, AdapterError};
/// use zonda::link::{DriverEnd, Port};
/// use zonda::netbuf::NetBufPool;
///
/// static POOL: NetBufPool<32, 512> = NetBufPool::new();
///
/// /// The driver's task; the stack has the other end of the port.
/// async fn network(device: impl xarxa_driver::Driver) -> Result<Infallible, AdapterError> {
///     let mut adapter = Adapter::new(device)?;
///     let port = Port::new(adapter.capabilities());
///     let (driver_end, _stack_end) = port.split();
///     adapter.run(driver_end, POOL.pool()).await
/// }
/// ```
pub struct Adapter<D> {
    device: D,
    capabilities: Capabilities,
}

impl<D: Driver> Adapter<D> {
    /// Takes a device; an error if the stack does not have its medium.
    pub fn new(device: D) -> Result<Self, AdapterError> {
        let capabilities = describe(&device)?;
        Ok(Self {
            device,
            capabilities,
        })
    }

    /// What the device was when it was taken: a port is made of this.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Moves frames between the device and the port of `driver`, both ways at once, receiving into
    /// blocks of `pool`. The groups that the stack listens to become the device's filter, and with
    /// `timestamps` its times are those of the packets.
    ///
    /// The link is as the device says for as long as this runs, and down after. Address, MTU and
    /// offloads are read when it starts, and each time that the link comes up. While the stack is
    /// behind or the pool is short of blocks, frames stay with the device. Frames that are longer
    /// than the device says, or that find no block or no buffer, are lost and counted by the port.
    ///
    /// It ends with an error at once if the port is of another medium or the driver wakes nobody.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, AdapterError> {
        self.device.register_waker(Waker::noop())?;
        Ok(foreign::run(&mut Buffers(&mut self.device), driver, pool).await?)
    }
}

fn describe(device: &impl Driver) -> Result<Capabilities, UnsupportedMedium> {
    let station = match device.hardware_address() {
        #[cfg(feature = "ethernet")]
        HardwareAddress::Ethernet(address) => Station::Ethernet(address),
        HardwareAddress::Ip => Station::Ip,
        _ => return Err(UnsupportedMedium),
    };
    let told = device.capabilities();
    let sums = [
        told.checksum.ipv4,
        told.checksum.udp,
        told.checksum.tcp,
        told.checksum.icmpv4,
        told.checksum.icmpv6,
    ];
    let offload = foreign::offload(sums.map(|done| Sums {
        receive: done.rx,
        send: done.tx,
    }));
    Ok(foreign::capabilities(station, longest(&told), offload))
}

/// The longest frame, which is in one buffer.
fn longest(told: &xarxa_driver::Capabilities) -> usize {
    told.max_transmission_unit.min(PACKET_BUF_SIZE)
}

struct Buffers<'d, D>(&'d mut D);

impl<D: Driver> Device for Buffers<'_, D> {
    fn describe(&self) -> Result<Capabilities, UnsupportedMedium> {
        describe(self.0)
    }

    fn longest(&self) -> usize {
        longest(&self.0.capabilities())
    }

    fn prepare(&mut self, context: &mut Context<'_>, exchange: &Exchange<'_>) {
        // It did so when this began.
        let _: Result<(), NotSupported> = self.0.register_waker(context.waker());
        #[cfg(feature = "multicast")]
        exchange.port.take_filter(|groups| {
            let addresses = groups.iter().filter_map(LinkAddr::as_ethernet);
            let addresses = addresses.collect::<heapless::Vec<_, { config::LINK_GROUPS }>>();
            self.0.set_multicast_filter(&addresses);
        });
        #[cfg(feature = "timestamps")]
        while let Some(sent) = self.0.poll_tx_timestamp() {
            exchange
                .port
                .report_transmitted(sent.id, nanos(sent.timestamp));
        }
        #[cfg(not(any(feature = "multicast", feature = "timestamps")))]
        let _ = exchange;
    }

    fn link(&mut self, _: &mut Context<'_>) -> LinkState {
        match self.0.link_state() {
            xarxa_driver::LinkState::Down => LinkState::Down,
            xarxa_driver::LinkState::Up => LinkState::Up,
        }
    }

    fn receive(&mut self, _: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool {
        let Some(received) = self.0.receive() else {
            return false;
        };
        #[cfg_attr(not(feature = "timestamps"), allow(unused_mut))]
        let mut frame = exchange.copy(&received);
        #[cfg(feature = "timestamps")]
        if let (Some(frame), Some(at)) = (&mut frame, received.meta().timestamp) {
            frame.set_stamp(Stamp {
                nanos: nanos(at),
                id: received.meta().id,
            });
        }
        drop(received);
        exchange.deliver(frame);
        true
    }

    fn send(&mut self, context: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool {
        if !self.0.can_transmit() {
            return false;
        }
        let Poll::Ready(frame) = exchange.poll_next_tx(context) else {
            return false;
        };
        // Nobody is told when there is a buffer again: a frame that finds none is lost.
        let sent = copy(&frame).is_some_and(|copy| self.0.transmit(copy).is_ok());
        if !sent {
            exchange.port.count_send_errors(1);
        }
        true
    }
}

/// A frame gathered from its fragments.
fn copy(frame: &NetBuf) -> Option<PacketBuf> {
    if frame.len() > PACKET_BUF_SIZE {
        return None;
    }
    let mut copy = PacketBuf::try_new()?;
    copy.set_len(frame.len());
    let _: usize = frame.read(0, &mut copy);
    #[cfg(feature = "timestamps")]
    if frame.stamp().id != 0 {
        let meta = copy.meta_mut();
        meta.id = frame.stamp().id;
        meta.request_timestamp = true;
    }
    Some(copy)
}

#[cfg(feature = "timestamps")]
fn nanos(at: xarxa_driver::Timestamp) -> u64 {
    u64::from(at.seconds) * 1_000_000_000 + u64::from(at.nanos())
}

#[cfg(all(test, feature = "ethernet"))]
mod tests;
