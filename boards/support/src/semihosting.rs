//! Calls to the machine that runs QEMU ("Semihosting for AArch32 and AArch64", and "RISC-V Semihosting",
//! which differs in how a call is made); they need `-semihosting`.

use core::arch::asm;

const SYS_OPEN: usize = 0x01;
const SYS_CLOSE: usize = 0x02;
const SYS_READ: usize = 0x06;
const SYS_EXIT: usize = 0x18;
/// `ADP_Stopped_ApplicationExit` and `ADP_Stopped_RunTimeErrorUnknown`.
const WELL: usize = 0x2_0026;
const BADLY: usize = 0x2_0023;
/// The mode "rb" of `fopen`.
const READ_BINARY: usize = 1;

/// # Safety
///
/// `argument` is what the operation says it is.
unsafe fn call(operation: usize, argument: usize) -> usize {
    let result;
    // SAFETY: the call takes its arguments in these registers and gives its result in the first; it
    // may read and write memory that the argument leads to.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("bkpt 0xab", inout("r0") operation => result, in("r1") argument, options(nostack))
    };
    // SAFETY: as above. The three instructions are of four bytes each, and in one page.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!(
            ".option push",
            ".option norvc",
            ".balign 16",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") argument,
            options(nostack),
        )
    };
    result
}

/// Ends QEMU.
pub fn exit(well: bool) -> ! {
    loop {
        // SAFETY: the operation takes a reason.
        unsafe { call(SYS_EXIT, if well { WELL } else { BADLY }) };
    }
}

/// Random bytes of the host: the emulated board has no source of its own.
pub fn random() -> [u8; 32] {
    let name = c"/dev/urandom";
    let mut bytes = [0; 32];
    let open = [name.as_ptr().addr(), READ_BINARY, name.count_bytes()];
    // SAFETY: a name that ends with a zero, a mode, and the length of the name.
    let file = unsafe { call(SYS_OPEN, open.as_ptr().expose_provenance()) };
    assert!(file != usize::MAX, "the host has no /dev/urandom");
    let read = [file, bytes.as_mut_ptr().expose_provenance(), bytes.len()];
    // SAFETY: an open file, and memory to be written, which is looked at only after.
    let missing = unsafe { call(SYS_READ, read.as_ptr().expose_provenance()) };
    assert!(missing == 0, "/dev/urandom is cut short");
    // SAFETY: an open file.
    unsafe { call(SYS_CLOSE, [file].as_ptr().expose_provenance()) };
    bytes
}
