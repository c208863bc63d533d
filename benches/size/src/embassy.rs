//! The network interface and the clock for embassy-net.

use core::task::{Context, Waker};

use embassy_net_driver::{
    Capabilities, Driver, HardwareAddress, LinkState, RxToken as Receive, TxToken as Transmit,
};

use crate::{MAC, nic};

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

impl Receive for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        let Self(buffer, length) = self;
        let frame = &mut buffer[..length];
        nic::read(frame);
        f(frame)
    }
}

impl Transmit for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let frame = &mut self.0[..length];
        let result = f(frame);
        nic::begin(length);
        nic::write(frame);
        result
    }
}

impl Driver for &'static mut Device {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let length = nic::received();
        (length > 0).then_some((RxToken(&mut self.received, length), TxToken(&mut self.sent)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken(&mut self.sent))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(MAC)
    }
}

/// Every task gets its turn in any case: nobody is woken.
struct Timer;

impl embassy_time_driver::Driver for Timer {
    fn now(&self) -> u64 {
        u64::from(nic::microseconds())
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {}
}

embassy_time_driver::time_driver_impl!(static TIMER: Timer = Timer);

/// The task that drives the stack.
pub async fn run(mut runner: embassy_net::Runner<'static, &'static mut Device>) {
    runner.run().await
}

/// What random numbers are made of.
pub fn seed() -> u64 {
    u64::from(nic::entropy()) << 32 | u64::from(nic::entropy())
}
