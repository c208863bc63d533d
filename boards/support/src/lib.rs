//! What the boards in QEMU share: a console and an end, an executor that sleeps, a clock, and the
//! start of the stack with the applications on it.
#![no_std]

#[cfg(target_arch = "arm")]
pub mod cortex_m;
pub mod device;
pub mod executor;
pub mod host;
#[cfg(target_arch = "riscv32")]
pub mod riscv;
#[cfg(target_os = "none")]
pub mod semihosting;
