//! What RISC-V boards in QEMU have in common.

pub mod mtime;
