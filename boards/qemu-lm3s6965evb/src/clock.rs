//! The clock, and power for the peripherals (LM3S6965 data sheet, "System Control").

use core::ptr::{read_volatile, write_volatile};

/// What the processor runs at.
pub const MEGAHERTZ: u32 = 50;

const RIS: *const u32 = 0x400f_e050 as *const u32;
const RCC: *mut u32 = 0x400f_e060 as *mut u32;
const RCGC1: *mut u32 = 0x400f_e104 as *mut u32;
const RCGC2: *mut u32 = 0x400f_e108 as *mut u32;

/// The 200 MHz of the PLL divided by four, from the crystal of 8 MHz at the main oscillator.
const RUN: u32 = 3 << 23 | 1 << 22 | 0xe << 6;
const BYPASS: u32 = 1 << 11;
/// The PLL has locked.
const PLL_LOCKED: u32 = 1 << 6;
const UART0_AND_1: u32 = 0b11;
/// Ports A (UART 0), D (UART 1) and F (the lamps of the Ethernet socket), MAC and PHY.
const PORTS_AND_ETHERNET: u32 = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 28 | 1 << 30;

const GPIO_A: usize = 0x4000_4000;
const GPIO_D: usize = 0x4000_7000;
const GPIO_F: usize = 0x4002_5000;
const AFSEL: usize = 0x420;
const DEN: usize = 0x51c;

/// Starts the PLL and all that the board uses.
pub fn start() {
    // SAFETY: registers of system control and of the GPIO ports, which nothing else uses.
    unsafe {
        write_volatile(RCC, RUN | BYPASS);
        while read_volatile(RIS) & PLL_LOCKED == 0 {}
        write_volatile(RCC, RUN);
        write_volatile(RCGC1, UART0_AND_1);
        write_volatile(RCGC2, PORTS_AND_ETHERNET);
        // They answer three cycles later.
        let _: u32 = read_volatile(RCGC2);
        for (port, pins) in [(GPIO_A, 0b11), (GPIO_D, 0b1100), (GPIO_F, 0b1100)] {
            for register in [AFSEL, DEN] {
                write_volatile((port + register) as *mut u32, pins);
            }
        }
    }
}
