//! The controller of external interrupts ("RISC-V Platform-Level Interrupt Controller Specification"),
//! for the machine mode of the first processor.

use core::ptr::{read_volatile, write_volatile};

const BASE: usize = 0x0c00_0000;
const PRIORITIES: *mut u32 = BASE as *mut u32;
const ENABLED: *mut u32 = (BASE + 0x2000) as *mut u32;
const THRESHOLD: *mut u32 = (BASE + 0x20_0000) as *mut u32;
const CLAIM: *mut u32 = (BASE + 0x20_0004) as *mut u32;

/// Lets an interrupt through; `source` is less than 32.
pub fn enable(source: u32) {
    // SAFETY: registers of the controller, which nothing else uses.
    unsafe {
        write_volatile(PRIORITIES.add(source as usize), 1);
        write_volatile(ENABLED, read_volatile(ENABLED) | 1 << source);
        write_volatile(THRESHOLD, 0);
    }
}

/// Handles the interrupts that wait, by their numbers.
pub fn handle(handler: impl Fn(u32)) {
    loop {
        // SAFETY: as above. To read it is to begin with an interrupt, to write it to be done.
        let source = unsafe { read_volatile(CLAIM) };
        if source == 0 {
            return;
        }
        handler(source);
        // SAFETY: as above.
        unsafe { write_volatile(CLAIM, source) };
    }
}
