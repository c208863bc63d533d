//! The 16550 UART, for text that goes out.

use core::ptr::{read_volatile, write_volatile};

const BASE: usize = 0x1000_0000;
const DATA: *mut u8 = BASE as *mut u8;
const STATE: *const u8 = (BASE + 5) as *const u8;

const TRANSMIT_EMPTY: u8 = 1 << 5;

/// Writes a text, and waits until the last byte is on its way.
pub fn write(text: &str) {
    // SAFETY: registers of the UART, which nothing else uses.
    unsafe {
        for byte in text.bytes() {
            while read_volatile(STATE) & TRANSMIT_EMPTY == 0 {}
            write_volatile(DATA, byte);
        }
    }
}
