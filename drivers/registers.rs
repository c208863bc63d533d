//! Registers of a chip in the memory map, and the task that waits for its interrupt.

#![allow(unsafe_code)]

use core::task::Waker;

use embassy_sync::waitqueue::AtomicWaker;

/// The 32-bit registers of a chip, by their offset in bytes from the first.
///
/// Reading or writing one may change others, so nothing is kept of what has been read.
pub trait Registers {
    /// Reads a register.
    fn read(&self, offset: usize) -> u32;
    /// Writes a register.
    fn write(&self, offset: usize, value: u32);
}

/// `LENGTH` bytes of registers in the memory map.
#[derive(Clone, Copy, Debug)]
pub struct MappedRegisters<const LENGTH: usize> {
    base: usize,
}

impl<const LENGTH: usize> MappedRegisters<LENGTH> {
    /// The registers from the address `base` on.
    ///
    /// # Safety
    ///
    /// At `base`, a multiple of four, begin `LENGTH` bytes of 32-bit registers of one chip. Whatever
    /// is read from them or written to them, the chip touches no memory of the program.
    pub const unsafe fn new(base: usize) -> Self {
        Self { base }
    }

    /// The address of a register; that of the first where there is none at `offset`.
    #[inline(always)]
    const fn address(&self, offset: usize) -> usize {
        if offset.is_multiple_of(4) && offset < LENGTH {
            self.base.wrapping_add(offset)
        } else {
            self.base
        }
    }
}

impl<const LENGTH: usize> Registers for MappedRegisters<LENGTH> {
    #[inline(always)]
    fn read(&self, offset: usize) -> u32 {
        // SAFETY: the address of a register, by `address` and the promise made at `new`.
        unsafe { (self.address(offset) as *const u32).read_volatile() }
    }

    #[inline(always)]
    fn write(&self, offset: usize, value: u32) {
        // SAFETY: as above.
        unsafe { (self.address(offset) as *mut u32).write_volatile(value) };
    }
}

/// Where the handler of an interrupt finds the driver's task. Make it a `static`.
pub struct InterruptSignal(AtomicWaker);

impl InterruptSignal {
    /// Nobody waits yet.
    pub const fn new() -> Self {
        Self(AtomicWaker::new())
    }

    /// Wakes the driver's task: for the handler of the interrupt.
    pub fn raise(&self) {
        self.0.wake();
    }

    /// The task that [`InterruptSignal::raise`] is to wake from now on.
    pub(super) fn register(&self, waker: &Waker) {
        self.0.register(waker);
    }
}

impl Default for InterruptSignal {
    fn default() -> Self {
        Self::new()
    }
}
