//! A network interface of two FIFOs and four registers.

use core::ptr::{read_volatile, write_volatile};

const BASE: usize = 0x4020_0000;
const DATA: *mut u8 = BASE as *mut u8;
const RECEIVED: *const u32 = (BASE + 0x7c) as *const u32;
const SEND: *mut u32 = (BASE + 0x20) as *mut u32;
const MICROSECONDS: *const u32 = (BASE + 0x90) as *const u32;
const ENTROPY: *const u32 = (BASE + 0x94) as *const u32;

/// The length of the frame that is at the head of the receive FIFO; 0 if there is none.
pub fn received() -> usize {
    // SAFETY: a register.
    unsafe { read_volatile(RECEIVED) as usize }
}

/// Reads the next bytes of the receive FIFO.
pub fn read(to: &mut [u8]) {
    for byte in to {
        // SAFETY: a register.
        *byte = unsafe { read_volatile(DATA) };
    }
}

/// Takes the frame at the head of the receive FIFO away unread.
pub fn skip(length: usize) {
    for _ in 0..length {
        // SAFETY: a register.
        let _: u8 = unsafe { read_volatile(DATA) };
    }
}

/// Begins a frame of `length` bytes to be sent.
pub fn begin(length: usize) {
    // SAFETY: a register.
    unsafe { write_volatile(SEND, length as u32) };
}

/// Writes the next bytes of it.
pub fn write(from: &[u8]) {
    for byte in from {
        // SAFETY: a register.
        unsafe { write_volatile(DATA, *byte) };
    }
}

/// The time, in microseconds.
pub fn microseconds() -> u32 {
    // SAFETY: a register.
    unsafe { read_volatile(MICROSECONDS) }
}

/// A random word.
pub fn entropy() -> u32 {
    // SAFETY: a register.
    unsafe { read_volatile(ENTROPY) }
}
