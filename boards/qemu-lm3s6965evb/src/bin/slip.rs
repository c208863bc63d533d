//! The applications on a serial line: bare IP packets on the second UART (RFC 1055).
#![no_std]
#![no_main]

use cortex_m_rt::{entry, exception};
use qemu_lm3s6965evb::{UART1, line};
use zonda::link::{Capabilities, Port};

static PORT: Port = Port::new(Capabilities::ip(1500));

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
