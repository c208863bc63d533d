//! What every measured image starts with: a vector table, memory made ready, critical sections,
//! and for the runs in QEMU a counter of instructions, a console and an end.
#![no_std]

use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{read_volatile, write_volatile};

unsafe extern "C" {
    safe fn reset() -> !;
    static mut __stack_top: u8;
}

#[repr(C)]
union Vector {
    stack: *mut u8,
    handler: extern "C" fn() -> !,
    reset: unsafe extern "C" fn() -> !,
}

// SAFETY: only the hardware reads it.
unsafe impl Sync for Vector {}

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: [Vector; 16] = {
    let mut vectors = [const { Vector { handler: fault } }; 16];
    vectors[0] = Vector {
        stack: &raw mut __stack_top,
    };
    vectors[1] = Vector { reset };
    vectors
};

extern "C" fn fault() -> ! {
    loop {}
}

// Switches the floating-point unit on, fills .data, clears .bss, and goes to `main`.
global_asm!(
    ".section .text.reset,\"ax\",%progbits",
    ".global reset",
    ".type reset,%function",
    ".thumb_func",
    "reset:",
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xf00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "ldr r0, =__data_start",
    "ldr r1, =__data_end",
    "ldr r2, =__data_load",
    "2: cmp r0, r1",
    "beq 3f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 2b",
    "3: ldr r0, =__bss_start",
    "ldr r1, =__bss_end",
    "movs r2, #0",
    "4: cmp r0, r1",
    "beq 5f",
    "str r2, [r0], #4",
    "b 4b",
    "5: bl main",
    ".ltorg",
);

struct OneCore;
critical_section::set_impl!(OneCore);

// SAFETY: on one core nothing else runs while interrupts are off.
unsafe impl critical_section::Impl for OneCore {
    #[inline(always)]
    unsafe fn acquire() -> u32 {
        let state;
        // SAFETY: switches interrupts off.
        unsafe {
            asm!("mrs {}, PRIMASK", "cpsid i", out(reg) state, options(nostack, preserves_flags))
        };
        state
    }

    #[inline(always)]
    unsafe fn release(state: u32) {
        // SAFETY: puts back what `acquire` found.
        unsafe { asm!("msr PRIMASK, {}", in(reg) state, options(nostack, preserves_flags)) };
    }
}

/// A place in static memory for a value that is made when the program runs.
pub struct Place<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: see `put`.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    /// An empty place.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Puts a value there. To be called once, from the one thread there is.
    #[allow(clippy::mut_from_ref)]
    pub fn put(&'static self, value: T) -> &'static mut T {
        // SAFETY: called once, by the rule above.
        unsafe { (*self.0.get()).write(value) }
    }
}

/// Instructions so far, in units of 40: QEMU takes one instruction for a nanosecond of the board's
/// 25 MHz clock. Counts down from 2^24.
pub fn ticks() -> u32 {
    const CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
    const RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
    const VALUE: *mut u32 = 0xe000_e018 as *mut u32;
    // SAFETY: the registers of SysTick, which nothing else uses.
    unsafe {
        if read_volatile(CONTROL) & 1 == 0 {
            write_volatile(RELOAD, 0xff_ffff);
            write_volatile(VALUE, 0);
            write_volatile(CONTROL, 5);
        }
        read_volatile(VALUE)
    }
}

/// Instructions between two values of [`ticks`].
pub fn instructions(before: u32, after: u32) -> u32 {
    (before.wrapping_sub(after) & 0xff_ffff) * 40
}

/// The most bytes of stack that `work` has used.
#[inline(never)]
pub fn stack_used(work: &mut dyn FnMut()) -> usize {
    const PAINTED: usize = 16 * 1024;
    const COLOUR: u32 = 0xa5a5_5a5a;
    let top: usize;
    // SAFETY: reads the stack pointer.
    unsafe { asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags)) };
    let bottom = top - PAINTED;
    for address in (bottom..top).step_by(4) {
        // SAFETY: below the stack pointer is nothing; this loop calls nothing in between.
        unsafe {
            asm!("str {}, [{}]", in(reg) COLOUR, in(reg) address, options(nostack, preserves_flags))
        };
    }
    work();
    let mut address = bottom;
    // SAFETY: the memory painted above.
    while address < top && unsafe { read_volatile(address as *const u32) } == COLOUR {
        address += 4;
    }
    top - address
}

/// Writes to the first serial port of the board.
pub struct Console;

impl core::fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        const UART: usize = 0x4000_4000;
        // SAFETY: data, state, control and baud rate of the first CMSDK UART.
        unsafe {
            write_volatile((UART + 0x10) as *mut u32, 16);
            write_volatile((UART + 0x08) as *mut u32, 1);
            for byte in text.bytes() {
                while read_volatile((UART + 0x04) as *const u32) & 1 != 0 {}
                write_volatile(UART as *mut u32, u32::from(byte));
            }
        }
        Ok(())
    }
}

/// Ends QEMU (semihosting, SYS_EXIT).
pub fn exit(success: bool) -> ! {
    let reason = if success { 0x2_0026 } else { 0x2_0023 };
    loop {
        // SAFETY: the semihosting call takes its arguments in these registers.
        unsafe { asm!("bkpt 0xab", in("r0") 0x18, in("r1") reason, options(nostack)) };
    }
}
