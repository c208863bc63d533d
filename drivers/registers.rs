//! Registers of a chip in the memory map, and the task that waits for its interrupt.

#![allow(unsafe_code)]

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

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

    /// Moves frames both ways at once, in turns: `look` takes in what else has happened since the
    /// last one, and may end it all by an error; `listen` lets the chip interrupt for what is waited
    /// for. Whatever happens after it has been looked for, the interrupt tells.
    pub(super) async fn serve<E>(
        &self,
        look: impl Fn() -> Result<(), E>,
        mut receive: Pin<&mut impl Future<Output = Infallible>>,
        mut send: Pin<&mut impl Future<Output = Infallible>>,
        listen: impl Fn(),
    ) -> Result<Infallible, E> {
        poll_fn(|context| {
            self.0.register(context.waker());
            if let Err(error) = look() {
                return Poll::Ready(Err(error));
            }
            // Each direction goes on while the other waits.
            for direction in [receive.as_mut().poll(context), send.as_mut().poll(context)] {
                if let Poll::Ready(never) = direction {
                    match never {}
                }
            }
            listen();
            Poll::Pending
        })
        .await
    }
}

impl Default for InterruptSignal {
    fn default() -> Self {
        Self::new()
    }
}
