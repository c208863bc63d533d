//! Summing machine words with a carry that runs through all words of a block (RFC 1071 §2 C).

/// The widest register whose carry one instruction takes in.
#[cfg(target_pointer_width = "64")]
type Word = u64;
#[cfg(not(target_pointer_width = "64"))]
type Word = u32;

/// A word as it stands in memory, at any address.
type Bytes = [u8; size_of::<Word>()];
/// What one turn of the loop adds, in one chain of carries.
type Block = [Bytes; 8];

/// Adds, and brings the carry round to the low end (RFC 1071 §1): never zero again once nonzero.
const fn add(total: Word, value: Word) -> Word {
    let (total, carry) = total.overflowing_add(value);
    total.wrapping_add(carry as Word)
}

/// Adds a block. Written out, since a build for size would not unroll the loop, and a carry does
/// not outlive a branch.
#[inline(always)]
fn add_block(total: Word, block: &Block) -> Word {
    let [a, b, c, d, e, f, g, h] = *block;
    let (total, carry) = total.overflowing_add(Word::from_ne_bytes(a));
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(b), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(c), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(d), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(e), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(f), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(g), carry);
    let (total, carry) = total.carrying_add(Word::from_ne_bytes(h), carry);
    add(total, carry as Word)
}

/// Sums bytes from an even offset on, in the byte order of the machine.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let (mut total, bytes) = sum_turns(bytes);
    let (blocks, mut rest) = bytes.as_chunks::<{ size_of::<Block>() }>();
    for block in blocks {
        let (words, _) = block.as_chunks();
        if let Some(block) = words.first_chunk() {
            total = add_block(total, block);
        }
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        total = add(total, Word::from_ne_bytes(*word));
        rest = behind;
    }
    narrow(add(total, tail(rest)))
}

/// Sums what can be summed several words at a time, and gives the rest.
#[cfg(load_multiple)]
#[inline(always)]
fn sum_turns(bytes: &[u8]) -> (Word, &[u8]) {
    let (turns, rest) = bytes.as_chunks();
    match super::arch::sum(turns) {
        Some(sum) => (sum, rest),
        None => (0, bytes),
    }
}

/// There is no such thing.
#[cfg(not(load_multiple))]
#[inline(always)]
fn sum_turns(bytes: &[u8]) -> (Word, &[u8]) {
    (0, bytes)
}

/// Copies and sums what can be copied several words at a time: the sum and how many bytes that was.
#[cfg(load_multiple)]
#[inline(always)]
fn copy_sum_turns(to: &mut [u8], from: &[u8]) -> (Word, usize) {
    let (turns, _) = from.as_chunks();
    match super::arch::copy_sum(to.as_chunks_mut().0, turns) {
        Some(sum) => (sum, size_of_val(turns)),
        None => (0, 0),
    }
}

/// Copies what can be copied several words at a time: how many bytes that was.
#[cfg(all(load_multiple, feature = "fast-paths"))]
#[inline(always)]
fn copy_turns(to: &mut [u8], from: &[u8]) -> usize {
    let (turns, _) = from.as_chunks();
    match super::arch::copy(to.as_chunks_mut().0, turns) {
        true => size_of_val(turns),
        false => 0,
    }
}

/// Copies all of `from` into `to`, which is as long, and sums it as [`sum`] does.
#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
pub(super) fn copy_sum(to: &mut [u8], from: &[u8]) -> u32 {
    // Where `memcpy` moves wide vectors, two passes take fewer instructions than one.
    to.copy_from_slice(from);
    sum(from)
}

/// Copies all of `from` into `to`, which is as long, and sums it as [`sum`] does.
#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
pub(super) fn copy_sum(to: &mut [u8], from: &[u8]) -> u32 {
    #[cfg(load_multiple)]
    let (mut total, done) = copy_sum_turns(to, from);
    #[cfg(not(load_multiple))]
    let (mut total, done) = (0, 0);
    let (to, to_rest) = to.get_mut(done..).unwrap_or_default().as_chunks_mut();
    let (from, from_rest) = from.get(done..).unwrap_or_default().as_chunks();
    let (to_blocks, to) = to.as_chunks_mut();
    let (from_blocks, from) = from.as_chunks();
    for (to, from) in to_blocks.iter_mut().zip(from_blocks) {
        total = copy_block(total, to, from);
    }
    for (to, from) in to.iter_mut().zip(from) {
        total = add(total, copy_word(to, from));
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = super::arch::opaque(u32::from(*from)) as u8;
    }
    narrow(add(total, tail(from_rest)))
}

/// Copies all of `from` into `to`, which is as long.
#[cfg(not(all(
    feature = "fast-paths",
    any(target_arch = "arm", target_arch = "riscv32")
)))]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Copies all of `from` into `to`, which is as long.
#[cfg(all(
    feature = "fast-paths",
    any(target_arch = "arm", target_arch = "riscv32")
))]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    #[cfg(load_multiple)]
    let done = copy_turns(to, from);
    #[cfg(not(load_multiple))]
    let done = 0;
    let (to, to_rest) = to.get_mut(done..).unwrap_or_default().as_chunks_mut();
    let (from, from_rest) = from.get(done..).unwrap_or_default().as_chunks();
    let (to_blocks, to) = to.as_chunks_mut::<8>();
    let (from_blocks, from) = from.as_chunks::<8>();
    for (to, from) in to_blocks.iter_mut().zip(from_blocks) {
        let [to_a, to_b, to_c, to_d, to_e, to_f, to_g, to_h] = to;
        let [a, b, c, d, e, f, g, h] = from;
        let _: [Word; 8] = [
            copy_word(to_a, a),
            copy_word(to_b, b),
            copy_word(to_c, c),
            copy_word(to_d, d),
            copy_word(to_e, e),
            copy_word(to_f, f),
            copy_word(to_g, g),
            copy_word(to_h, h),
        ];
    }
    for (to, from) in to.iter_mut().zip(from) {
        let _: Word = copy_word(to, from);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = super::arch::opaque(u32::from(*from)) as u8;
    }
}

/// Copies a block and adds it, as [`add_block`] does.
#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
#[inline(always)]
fn copy_block(total: Word, to: &mut Block, from: &Block) -> Word {
    let [to_a, to_b, to_c, to_d, to_e, to_f, to_g, to_h] = to;
    let [a, b, c, d, e, f, g, h] = from;
    let (total, carry) = total.overflowing_add(copy_word(to_a, a));
    let (total, carry) = total.carrying_add(copy_word(to_b, b), carry);
    let (total, carry) = total.carrying_add(copy_word(to_c, c), carry);
    let (total, carry) = total.carrying_add(copy_word(to_d, d), carry);
    let (total, carry) = total.carrying_add(copy_word(to_e, e), carry);
    let (total, carry) = total.carrying_add(copy_word(to_f, f), carry);
    let (total, carry) = total.carrying_add(copy_word(to_g, g), carry);
    let (total, carry) = total.carrying_add(copy_word(to_h, h), carry);
    add(total, carry as Word)
}

/// Copies one word by a load and a store, and returns it.
#[cfg(any(target_arch = "arm", target_arch = "riscv32"))]
#[inline(always)]
fn copy_word(to: &mut Bytes, from: &Bytes) -> Word {
    let word = super::arch::opaque(Word::from_ne_bytes(*from));
    *to = word.to_ne_bytes();
    word
}

/// The last bytes, fewer than a word, with zeros behind them.
fn tail(mut bytes: &[u8]) -> Word {
    let mut total = 0;
    if let Some((half, rest)) = bytes.split_first_chunk::<4>() {
        total = Word::from(u32::from_ne_bytes(*half));
        bytes = rest;
    }
    if let Some((pair, rest)) = bytes.split_first_chunk::<2>() {
        total = add(total, Word::from(u16::from_ne_bytes(*pair)));
        bytes = rest;
    }
    if let Some(last) = bytes.first() {
        total = add(total, Word::from(u16::from_ne_bytes([*last, 0])));
    }
    total
}

/// Brings the upper half of a wide word down.
#[cfg(target_pointer_width = "64")]
fn narrow(total: Word) -> u32 {
    let (sum, carry) = (total as u32).overflowing_add((total >> 32) as u32);
    sum.wrapping_add(u32::from(carry))
}

/// There is no upper half.
#[cfg(not(target_pointer_width = "64"))]
fn narrow(total: Word) -> u32 {
    total
}
