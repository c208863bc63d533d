//! What Cortex-M boards in QEMU have in common.

pub use crate::semihosting;

pub mod systick;
