//! The applications on a serial line: Ethernet frames on the second UART, as Zephyr exchanges them with an emulator's host.
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use qemu_lm3s6965evb::{ADDRESS, UART1, line};
use zonda::link::{Capabilities, Port};

static PORT: Port = Port::new(Capabilities::ethernet(ADDRESS));

#[entry]
fn main() -> ! {
    line::run(&PORT)
}

/// All interrupts that are not the processor's own come here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match u16::try_from(number) {
        Ok(UART1) => line::on_interrupt(),
        _ => panic!("interrupt {number} is not used"),
    }
}
