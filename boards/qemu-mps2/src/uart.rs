//! The first CMSDK UART, for text that goes out.

use core::ptr::{read_volatile, write_volatile};

const BASE: usize = 0x4000_4000;
const DATA: *mut u32 = BASE as *mut u32;
const STATE: *const u32 = (BASE + 0x04) as *const u32;
const CONTROL: *mut u32 = (BASE + 0x08) as *mut u32;
const DIVIDER: *mut u32 = (BASE + 0x10) as *mut u32;

const TRANSMIT_FULL: u32 = 1 << 0;
const TRANSMIT: u32 = 1 << 0;
/// The smallest divider that there is.
const FASTEST: u32 = 16;

/// Writes a text, and waits until the last byte is on its way.
pub fn write(text: &str) {
    // SAFETY: registers of the UART, which nothing else uses.
    unsafe {
        write_volatile(DIVIDER, FASTEST);
        write_volatile(CONTROL, TRANSMIT);
        for byte in text.bytes() {
            while read_volatile(STATE) & TRANSMIT_FULL != 0 {}
            write_volatile(DATA, u32::from(byte));
        }
    }
}
