//! What Cortex-M boards in QEMU have in common.

pub mod semihosting;
pub mod systick;
