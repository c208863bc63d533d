//! The network interface for smoltcp.

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::nic;

/// One packet buffer each way.
pub struct Device {
    received: [u8; 1536],
    sent: [u8; 1536],
}

impl Device {
    /// The interface.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            received: [0; 1536],
            sent: [0; 1536],
        }
    }
}

/// A received frame.
pub struct RxToken<'a>(&'a mut [u8], usize);
/// Room for a frame.
pub struct TxToken<'a>(&'a mut [u8]);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let Self(buffer, length) = self;
        let frame = &mut buffer[..length];
        nic::read(frame);
        f(frame)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let frame = &mut self.0[..length];
        let result = f(frame);
        nic::begin(length);
        nic::write(frame);
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let length = nic::received();
        (length > 0).then_some((RxToken(&mut self.received, length), TxToken(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// The time now.
pub fn now() -> Instant {
    Instant::from_micros(i64::from(nic::microseconds()))
}

/// What random numbers are made of.
pub fn seed() -> u64 {
    u64::from(nic::entropy()) << 32 | u64::from(nic::entropy())
}
