//! Random numbers for everything that a stranger must not foresee: ports, identifiers, jitter,
//! temporary addresses.
//!
//! ChaCha (RFC 8439 §2.3) with twelve rounds. Half of every block becomes the key of the next and
//! is used for nothing else ("fast key erasure"), so what a memory image reveals says nothing about
//! numbers drawn before; and a generator is 68 bytes of RAM.
//!
//! The rounds are here because the `chacha20` crate leaves paths to a panic in an image that is built
//! with `opt-level = "z"`, which nothing in this crate may do.

use core::convert::Infallible;
use core::fmt;

use crate::time::Duration;

/// A cryptographically strong generator. The same seed gives the same numbers.
pub struct Rng {
    key: [Row; 2],
    /// Words of the last block: those before `left` are still to be used.
    words: [Row; 2],
    left: usize,
}

impl Rng {
    /// A generator that starts from `seed`, which must be unpredictable: take it from the
    /// hardware's entropy source, and never use one twice.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut key = [[0; 4]; 2];
        for (word, bytes) in key.as_flattened_mut().iter_mut().zip(seed.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self {
            key,
            words: [[0; 4]; 2],
            left: 0,
        }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.left == 0 {
            let [k0, k1, w0, w1] = block::<12>(&self.key);
            (self.key, self.words) = ([k0, k1], [w0, w1]);
            self.left = self.words.as_flattened().len();
        }
        self.left = self.left.saturating_sub(1);
        // Taken, not copied: a number given out stays nowhere.
        self.words
            .as_flattened_mut()
            .get_mut(self.left)
            .map_or(0, core::mem::take)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let high = self.next_u32();
        u64::from(high) << 32 | u64::from(self.next_u32())
    }

    /// Fills `bytes` with random ones.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            for (to, from) in chunk.iter_mut().zip(self.next_u32().to_le_bytes()) {
                *to = from;
            }
        }
    }

    /// A number below `bound`, all equally likely; zero where `bound` is zero.
    pub fn below(&mut self, bound: u32) -> u32 {
        let Some(last) = bound.checked_sub(1) else {
            return 0;
        };
        // The bits that `last` has, drawn until they are no more than it: less than two draws on
        // average, and no division.
        let mask = u32::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let number = self.next_u32() & mask;
            if number <= last {
                return number;
            }
        }
    }

    /// A span from `least` to `most` microseconds, both possible, all equally likely; `least` where
    /// that is not below `most`.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let last = (most - least).as_micros();
        let mask = u64::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let micros = self.next_u64() & mask;
            if micros <= last {
                return least + Duration::from_micros(micros);
            }
        }
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Rng {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Rng");
    }
}

impl rand_core::TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng {}

/// A row of the matrix that ChaCha works on (RFC 8439 §2.3).
type Row = [u32; 4];

/// The block of `key` with counter and nonce zero (RFC 8439 §2.3).
fn block<const ROUNDS: usize>(key: &[Row; 2]) -> [Row; 4] {
    const CONSTANTS: Row = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    let start = [CONSTANTS, key[0], key[1], [0; 4]];
    let mut rows = start;
    for round in 0..ROUNDS {
        quarter_rounds(&mut rows, round % 2);
    }
    for (word, start) in rows.as_flattened_mut().iter_mut().zip(start.as_flattened()) {
        *word = word.wrapping_add(*start);
    }
    rows
}

/// Four quarter rounds (RFC 8439 §2.1): on columns where `lean` is 0, on diagonals where it is 1.
fn quarter_rounds([a, b, c, d]: &mut [Row; 4], lean: usize) {
    for at in 0..4 {
        let a = &mut a[at];
        let b = &mut b[(at + lean) % 4];
        let c = &mut c[(at + 2 * lean) % 4];
        let d = &mut d[(at + 3 * lean) % 4];
        *a = a.wrapping_add(*b);
        *d = (*d ^ *a).rotate_left(16);
        *c = c.wrapping_add(*d);
        *b = (*b ^ *c).rotate_left(12);
        *a = a.wrapping_add(*b);
        *d = (*d ^ *a).rotate_left(8);
        *c = c.wrapping_add(*d);
        *b = (*b ^ *c).rotate_left(7);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::{prop_assert, proptest};
    use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
    use rand_chacha::{ChaCha12Rng, ChaCha20Rng};
    use std::vec::Vec;

    use super::{Duration, Rng, Row, block};

    const SEED: [u8; 32] = *b"thirty-two octets are the seed!!";

    #[test]
    fn block_of_the_zero_key_is_that_of_rfc_8439_appendix_a_1() {
        // Test vector #1.
        let expected: [Row; 4] = [
            [0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653],
            [0xb819d2bd, 0x1aed8da0, 0xccef36a8, 0xc70d778b],
            [0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8],
            [0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2],
        ];
        assert_eq!(block::<20>(&[[0; 4]; 2]), expected);
    }

    #[test]
    fn blocks_agree_with_another_implementation() {
        let key = Rng::new(SEED).key;
        let mut other = ChaCha12Rng::from_seed(SEED);
        assert!(
            block::<12>(&key)
                .as_flattened()
                .iter()
                .all(|word| *word == other.next_u32())
        );
        let mut other = ChaCha20Rng::from_seed(SEED);
        assert!(
            block::<20>(&key)
                .as_flattened()
                .iter()
                .all(|word| *word == other.next_u32())
        );
    }

    #[test]
    fn every_block_has_the_first_half_of_the_last_as_its_key() {
        let mut rng = Rng::new(SEED);
        let mut seed = SEED;
        for _ in 0..3 {
            let mut block = [0; 64];
            ChaCha12Rng::from_seed(seed).fill_bytes(&mut block);
            let mut numbers: Vec<u32> = (0..8).map(|_| rng.next_u32()).collect();
            numbers.reverse();
            let bytes: Vec<u8> = numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            assert_eq!(bytes, block[32..]);
            seed.copy_from_slice(&block[..32]);
        }
    }

    #[test]
    fn same_seed_gives_the_same_numbers_and_another_seed_others() {
        let (mut one, mut same, mut other) = (Rng::new(SEED), Rng::new(SEED), Rng::new([7; 32]));
        let (mut a, mut b, mut c) = ([0; 101], [0; 101], [0; 101]);
        one.fill(&mut a);
        same.fill(&mut b);
        other.fill(&mut c);
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(one.next_u64(), same.next_u64());
    }

    #[test]
    fn numbers_given_out_are_not_kept() {
        let mut rng = Rng::new(SEED);
        let number = rng.next_u32();
        assert!(rng.words.as_flattened().iter().all(|word| *word != number));
    }

    #[test]
    fn below_reaches_every_number_about_equally_often() {
        let mut rng = Rng::new(SEED);
        let mut seen = [0; 6];
        for _ in 0..60_000 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(
            seen.iter().all(|times| (9_500..10_500).contains(times)),
            "{seen:?}"
        );
    }

    #[test]
    fn between_reaches_both_ends() {
        let mut rng = Rng::new(SEED);
        let (least, most) = (Duration::from_micros(5), Duration::from_micros(8));
        let drawn: Vec<Duration> = (0..200).map(|_| rng.between(least, most)).collect();
        assert_eq!(drawn.iter().min(), Some(&least));
        assert_eq!(drawn.iter().max(), Some(&most));
        assert_eq!(rng.between(most, least), most);
        assert_eq!(rng.between(most, most), most);
        let _: Duration = rng.between(Duration::ZERO, Duration::MAX);
    }

    proptest! {
        #[test]
        fn below_stays_below(seed: [u8; 32], bound: u32) {
            let mut rng = Rng::new(seed);
            for bound in [bound, bound % 100, 1 << (bound % 32)] {
                let number = rng.below(bound);
                prop_assert!(number < bound || bound == 0 && number == 0);
            }
        }

        #[test]
        fn between_stays_between(seed: [u8; 32], a: u64, b: u64) {
            let (least, most) = (Duration::from_micros(a.min(b)), Duration::from_micros(a.max(b)));
            let span = Rng::new(seed).between(least, most);
            prop_assert!(least <= span && span <= most);
        }
    }
}
