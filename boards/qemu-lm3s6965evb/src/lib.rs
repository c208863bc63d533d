//! The LM3S6965: its clock, which interrupt is whose, its UARTs.
#![no_std]

pub mod clock;
pub mod line;
pub mod uart;

use core::fmt;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use support::cortex_m::{semihosting, systick};
use support::executor;
use support::host::{self, Host};

use crate::uart::Uart;

/// The address of the Ethernet interface.
pub const ADDRESS: [u8; 6] = *b"\x02ZONDA";
/// The number of the first UART's interrupt.
pub const UART0: u16 = 5;
/// The number of the second UART's interrupt.
pub const UART1: u16 = 6;
/// The number of the Ethernet controller's interrupt.
pub const ETHERNET: u16 = 42;

/// For text that goes out.
static CONSOLE: Uart = Uart::first();

#[derive(Clone, Copy)]
struct Interrupt(u16);

// SAFETY: the numbers are those of the microcontroller.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

/// Makes the board ready and runs the tasks that `spawn` spawns; then the interrupt `number` comes
/// through.
pub fn run(number: u16, spawn: impl FnOnce(embassy_executor::Spawner)) -> ! {
    clock::start();
    CONSOLE.start();
    host::set(Host {
        write: |text| CONSOLE.write_all(text.as_bytes()),
        exit: semihosting::exit,
    });
    systick::start(clock::MEGAHERTZ);
    executor::run(|spawner| {
        spawn(spawner);
        // SAFETY: no section relies on it being masked.
        unsafe { NVIC::unmask(Interrupt(number)) };
    })
}

/// What a task whose driver has ended does.
pub fn gone(error: impl fmt::Display) -> ! {
    panic!("{error}")
}
