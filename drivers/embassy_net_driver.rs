//! Devices that have a driver for `embassy-net`, at a port of this stack; and drivers of this crate
//! as such devices.
//!
//! [`Adapter`] runs any [`embassy_net_driver::Driver`]: the Ethernet of STM32, W5500 and ENC28J60
//! on SPI, the Wi-Fi of CYW43 and ESP32, USB, PPP and so on.
//!
//! The driver of such a device owns its buffers, so a frame is copied once in either direction,
//! and received ones come with the right to send one: that is used for the next frame in the
//! port's queue, or given up. A device that is asked for a received frame while it has no room to
//! send gives none, so there, and only there, receiving waits for sending.
//! `Capabilities::max_burst_size` asks for nothing here: the device says itself when it has room.
//!
//! [`PortDevice`] is the way back: another stack on a driver of this crate.

mod port_device;

use core::convert::Infallible;
use core::task::{Context, Poll};

use embassy_net_driver::{Checksum, Driver, HardwareAddress, RxToken, TxToken};

use super::foreign::{self, Device, Exchange, Station, Sums, UnsupportedMedium};
use crate::link::{Capabilities, DriverEnd, LinkState};
use crate::netbuf::{NetBuf, Pool};

pub use self::port_device::{PortDevice, Received, Room};

/// A device with a driver for `embassy-net`.
///
/// ```
/// use core::convert::Infallible;
/// use zonda::drivers::UnsupportedMedium;
/// use zonda::drivers::embassy_net_driver::Adapter;
/// use zonda::link::{DriverEnd, Port};
/// use zonda::netbuf::NetBufPool;
///
/// static POOL: NetBufPool<32, 512> = NetBufPool::new();
///
/// /// The driver's task; the stack has the other end of the port.
/// async fn network(
///     device: impl embassy_net_driver::Driver,
/// ) -> Result<Infallible, UnsupportedMedium> {
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
    pub fn new(device: D) -> Result<Self, UnsupportedMedium> {
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
    /// blocks of `pool`.
    ///
    /// The link is as the device says for as long as this runs, and down after. Address, MTU and
    /// offloads are read when it starts, and each time that the link comes up. While the stack is
    /// behind or the pool is short of blocks, frames stay with the device. Frames that are longer
    /// than the device says, or that find no block, are lost and counted by the port.
    ///
    /// It ends with an error at once if the port is of another medium.
    pub async fn run(
        &mut self,
        driver: DriverEnd<'_>,
        pool: Pool,
    ) -> Result<Infallible, UnsupportedMedium> {
        foreign::run(&mut Tokens(&mut self.device), driver, pool).await
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
    // What they name is what is left to the stack.
    let offload = foreign::offload(sums.map(|left| Sums {
        receive: matches!(left, Checksum::Tx | Checksum::None),
        send: matches!(left, Checksum::Rx | Checksum::None),
    }));
    Ok(foreign::capabilities(
        station,
        told.max_transmission_unit,
        offload,
    ))
}

struct Tokens<'d, D>(&'d mut D);

impl<D: Driver> Device for Tokens<'_, D> {
    fn describe(&self) -> Result<Capabilities, UnsupportedMedium> {
        describe(self.0)
    }

    fn longest(&self) -> usize {
        self.0.capabilities().max_transmission_unit
    }

    fn prepare(&mut self, _: &mut Context<'_>, _: &Exchange<'_>) {}

    fn link(&mut self, context: &mut Context<'_>) -> LinkState {
        match self.0.link_state(context) {
            embassy_net_driver::LinkState::Down => LinkState::Down,
            embassy_net_driver::LinkState::Up => LinkState::Up,
        }
    }

    fn receive(&mut self, context: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool {
        let Some((received, room)) = self.0.receive(context) else {
            return false;
        };
        let frame = received.consume(|bytes| exchange.copy(bytes));
        exchange.deliver(frame);
        if let Some(frame) = exchange.next_tx() {
            transmit(room, &frame);
        }
        true
    }

    fn send(&mut self, context: &mut Context<'_>, exchange: &mut Exchange<'_>) -> bool {
        let Some(room) = self.0.transmit(context) else {
            return false;
        };
        match exchange.poll_next_tx(context) {
            Poll::Ready(frame) => {
                transmit(room, &frame);
                true
            }
            Poll::Pending => false,
        }
    }
}

/// Gathers a frame from its fragments into the device's buffer.
fn transmit(room: impl TxToken, frame: &NetBuf) {
    let _: usize = room.consume(frame.len(), |to| frame.read(0, to));
}

#[cfg(all(test, feature = "ethernet"))]
mod tests;
