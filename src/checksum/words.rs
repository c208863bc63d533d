//! Summing machine words with a carry that runs through all of them (RFC 1071 §2 C).

/// The widest register whose carry one instruction takes in.
#[cfg(target_pointer_width = "64")]
type Word = u64;
#[cfg(not(target_pointer_width = "64"))]
type Word = u32;

const WORD: usize = size_of::<Word>();
/// Words summed in one turn of the loop.
const UNROLL: usize = 8;

/// Sums bytes from an even offset on, in the byte order of the machine.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<{ WORD * UNROLL }>();
    let mut total: Word = 0;
    let mut carry = false;
    for block in blocks {
        let (words, _) = block.as_chunks::<WORD>();
        for word in words {
            (total, carry) = total.carrying_add(Word::from_ne_bytes(*word), carry);
        }
    }
    let (words, rest) = rest.as_chunks::<WORD>();
    for word in words {
        (total, carry) = total.carrying_add(Word::from_ne_bytes(*word), carry);
    }
    (total, carry) = total.carrying_add(tail(rest), carry);
    narrow(total, carry)
}

/// Copies all of `from` into `to`, which is as long, and sums it as [`sum`] does.
pub(super) fn copy_sum(to: &mut [u8], from: &[u8]) -> u32 {
    let (from_blocks, from_rest) = from.as_chunks::<{ WORD * UNROLL }>();
    let (to_blocks, to_rest) = to.as_chunks_mut::<{ WORD * UNROLL }>();
    let mut total: Word = 0;
    let mut carry = false;
    for (to, from) in to_blocks.iter_mut().zip(from_blocks) {
        let (from, _) = from.as_chunks::<WORD>();
        let (to, _) = to.as_chunks_mut::<WORD>();
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
            (total, carry) = total.carrying_add(Word::from_ne_bytes(*from), carry);
        }
    }
    let (from_words, from_rest) = from_rest.as_chunks::<WORD>();
    let (to_words, to_rest) = to_rest.as_chunks_mut::<WORD>();
    for (to, from) in to_words.iter_mut().zip(from_words) {
        *to = *from;
        (total, carry) = total.carrying_add(Word::from_ne_bytes(*from), carry);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
    (total, carry) = total.carrying_add(tail(from_rest), carry);
    narrow(total, carry)
}

/// The last bytes, fewer than a word, with zeros behind them.
fn tail(bytes: &[u8]) -> Word {
    let mut word = [0; WORD];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    Word::from_ne_bytes(word)
}

/// Brings the carry round, and the upper half of a wide word down.
fn narrow(total: Word, carry: bool) -> u32 {
    let (total, carry) = total.overflowing_add(Word::from(carry));
    let total = total.wrapping_add(Word::from(carry));
    let (low, high) = (total as u32, (u64::from(total) >> 32) as u32);
    let (sum, carry) = low.overflowing_add(high);
    sum.wrapping_add(u32::from(carry))
}
