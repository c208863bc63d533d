//! Zonda for C programs: all that `zonda.h` declares.
//!
//! Without an operating system the program brings three functions of its own:
//!
//! ```c
//! uint32_t zonda_enter_critical(void);          // interrupts off; gives what they were
//! void zonda_leave_critical(uint32_t before);   // as they were
//! void zonda_panicked(void);                    // never returns: a defect of the library
//! ```
#![cfg_attr(target_os = "none", no_std)]

pub use zonda::compat::c::*;

#[cfg(target_os = "none")]
mod firmware {
    use core::panic::PanicInfo;

    unsafe extern "C" {
        safe fn zonda_enter_critical() -> u32;
        safe fn zonda_leave_critical(before: u32);
        safe fn zonda_panicked();
    }

    struct Program;

    critical_section::set_impl!(Program);

    // SAFETY: between the two functions of the program there are no interrupts, as it promises.
    unsafe impl critical_section::Impl for Program {
        unsafe fn acquire() -> u32 {
            zonda_enter_critical()
        }

        unsafe fn release(before: u32) {
            zonda_leave_critical(before);
        }
    }

    #[panic_handler]
    fn panicked(_: &PanicInfo<'_>) -> ! {
        loop {
            zonda_panicked();
        }
    }
}
