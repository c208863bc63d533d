//! The registers of the device in the memory map.

#![allow(unsafe_code)]

use core::sync::atomic::{Ordering, fence};

use super::names::{MAGIC, NETWORK, register};

/// How the driver reaches its device. Nobody else does: who writes its registers has it write memory.
pub trait Transport {
    /// Reads a register.
    fn read(&self, register: usize) -> u32;
    /// Writes a register, after all memory that was written before.
    fn write(&self, register: usize, value: u32);
    /// Reads a byte of the configuration.
    fn config_byte(&self, offset: usize) -> u8;
    /// Reads a 16-bit word of the configuration.
    fn config_half(&self, offset: usize) -> u16;

    /// What the device calls a place in memory.
    fn address(&self, place: *const u8) -> u64 {
        place.expose_provenance() as u64
    }
}

/// A virtio device in the memory map (VIRTIO 1.2 §4.2), of version 1 ("legacy") or 2.
#[derive(Clone, Copy, Debug)]
pub struct VirtioMmio {
    base: usize,
}

impl VirtioMmio {
    /// The device whose registers begin at the address `base`.
    ///
    /// # Safety
    ///
    /// At `base`, a multiple of eight, begin the registers of a virtio device, or of a place for one,
    /// which nothing but this crate writes to. The device calls each place of the program's memory by
    /// the address that the program has for it, sees what the processor writes, and touches no memory
    /// but what it is given.
    pub const unsafe fn new(base: usize) -> Self {
        Self { base }
    }

    /// Whether there is a network device: places for devices may be empty.
    pub fn is_network_device(&self) -> bool {
        self.read(register::MAGIC) == MAGIC && self.read(register::DEVICE) == NETWORK
    }
}

/// Memory and registers are read and written in the order of the program.
#[inline(always)]
fn in_order() {
    // Before and after this a fence orders memory with memory only.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    // SAFETY: a fence changes nothing.
    unsafe {
        core::arch::asm!("fence iorw, iorw", options(nostack, preserves_flags));
    }
    fence(Ordering::SeqCst);
}

impl Transport for VirtioMmio {
    #[inline]
    fn read(&self, register: usize) -> u32 {
        // SAFETY: `new` promises the registers, and the driver names them.
        let value = unsafe { ((self.base + register) as *const u32).read_volatile() };
        in_order();
        u32::from_le(value)
    }

    #[inline]
    fn write(&self, register: usize, value: u32) {
        in_order();
        // SAFETY: as for `read`. What the device does to memory is what the driver lends it.
        unsafe { ((self.base + register) as *mut u32).write_volatile(value.to_le()) };
    }

    fn config_byte(&self, offset: usize) -> u8 {
        // SAFETY: as for `read`.
        unsafe { ((self.base + register::CONFIG + offset) as *const u8).read_volatile() }
    }

    fn config_half(&self, offset: usize) -> u16 {
        // SAFETY: as for `read`; the driver names words at even offsets.
        let value =
            unsafe { ((self.base + register::CONFIG + offset) as *const u16).read_volatile() };
        u16::from_le(value)
    }
}
