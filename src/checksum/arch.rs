//! What the sums cannot say in safe Rust: "move this word by a load and a store", and "move four words at
//! once", which takes a fourth of the instructions where source and destination are aligned.
#![allow(unsafe_code)]

/// What one turn of the loops over many words takes.
#[cfg(load_multiple)]
pub(super) type Turn = [u8; 64];

/// Whether words lie at multiples of their size here.
#[cfg(load_multiple)]
#[inline(always)]
fn is_aligned(turns: &[Turn]) -> bool {
    turns.as_ptr().addr().is_multiple_of(size_of::<u32>())
}

/// The sum of all words; `None` where they are not aligned, or none.
#[cfg(load_multiple)]
#[inline]
pub(super) fn sum(turns: &[Turn]) -> Option<u32> {
    if turns.is_empty() || !is_aligned(turns) {
        return None;
    }
    let mut total = 0;
    // SAFETY: it reads as many turns as there are, at least one, from an aligned address on.
    unsafe {
        core::arch::asm!(
            "2:",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adds {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "adcs {total}, {total}, #0",
            "adc {total}, {total}, #0",
            "subs {turns}, {turns}, #1",
            "bne 2b",
            from = inout(reg) turns.as_ptr() => _,
            turns = inout(reg) turns.len() => _,
            total = inout(reg) total,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            options(readonly, nostack),
        );
    }
    Some(total)
}

/// Copies `from` to `to`, which is as long. False, and nothing is done, where they are not both aligned.
#[cfg(all(load_multiple, feature = "fast-paths"))]
#[inline]
pub(super) fn copy(to: &mut [Turn], from: &[Turn]) -> bool {
    if from.is_empty() || to.len() != from.len() || !is_aligned(from) || !is_aligned(to) {
        return false;
    }
    // SAFETY: it reads and writes as many turns as there are on both sides, at least one, from
    // aligned addresses on.
    unsafe {
        core::arch::asm!(
            "2:",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "subs {turns}, {turns}, #1",
            "bne 2b",
            from = inout(reg) from.as_ptr() => _,
            to = inout(reg) to.as_mut_ptr() => _,
            turns = inout(reg) from.len() => _,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            options(nostack),
        );
    }
    true
}

/// Copies `from` to `to`, which is as long, and sums it; `None`, and nothing is done, where they are not
/// both aligned.
#[cfg(load_multiple)]
#[inline]
pub(super) fn copy_sum(to: &mut [Turn], from: &[Turn]) -> Option<u32> {
    if from.is_empty() || to.len() != from.len() || !is_aligned(from) || !is_aligned(to) {
        return None;
    }
    let mut total = 0;
    // SAFETY: as in `copy`.
    unsafe {
        core::arch::asm!(
            "2:",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adds {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "ldmia {from}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, r2",
            "adcs {total}, {total}, r3",
            "adcs {total}, {total}, r4",
            "adcs {total}, {total}, r5",
            "stmia {to}!, {{r2, r3, r4, r5}}",
            "adcs {total}, {total}, #0",
            "adc {total}, {total}, #0",
            "subs {turns}, {turns}, #1",
            "bne 2b",
            from = inout(reg) from.as_ptr() => _,
            to = inout(reg) to.as_mut_ptr() => _,
            turns = inout(reg) from.len() => _,
            total = inout(reg) total,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            options(nostack),
        );
    }
    Some(total)
}

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
