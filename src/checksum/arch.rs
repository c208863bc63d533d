//! The one thing the sums cannot say in safe Rust: "move this word by a load and a store".
#![allow(unsafe_code)]

/// Returns `word`, without the compiler seeing that it does.
///
/// A loop that copies and sums is otherwise taken apart again into a call of `memcpy` and a
/// loop that sums, which reads everything twice; and the `memcpy` of a small core takes three
/// times as long where source and destination are not aligned alike. No `nomem` here: it keeps
/// each load by its store, so that few registers are needed at a time.
#[inline(always)]
pub(super) fn opaque(mut word: u32) -> u32 {
    // SAFETY: there is no instruction in it. Nothing is read, written or clobbered, and the
    // operand stays in its register as it was.
    unsafe {
        core::arch::asm!("/* {} */", inout(reg) word, options(nostack, preserves_flags));
    }
    word
}
