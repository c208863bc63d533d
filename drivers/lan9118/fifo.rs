//! Bytes to words of a FIFO and back. Words are little-endian.

use super::names::csr;
use crate::drivers::registers::Registers;
use crate::netbuf::NetBuf;

/// The most that a frame in several pieces may take of the transmitter's inner memory: two
/// kilobytes but for three words (data sheet, "TX Buffer Fragmentation Rules").
const INNER_MEMORY: usize = 2048 - 12;
/// The least bytes of a piece that is neither the first nor the last.
const MIDDLE: usize = 4;

/// Bytes out of the words of the receive FIFO.
pub struct WordReader<'r, R> {
    registers: &'r R,
    word: u32,
    /// Bytes of `word` that have not been used.
    bytes: usize,
    /// Words that have not been read.
    left: usize,
}

impl<'r, R: Registers> WordReader<'r, R> {
    /// A frame of `length` bytes behind `offset` bytes, less than four, that mean nothing.
    pub fn new(registers: &'r R, offset: usize, length: usize) -> Self {
        let mut reader = Self {
            registers,
            word: 0,
            bytes: 0,
            left: offset.saturating_add(length).div_ceil(4),
        };
        for _ in 0..offset {
            let _: u8 = reader.byte();
        }
        reader
    }

    #[inline]
    fn next_word(&mut self) -> u32 {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.registers.read(csr::RX_DATA_FIFO)
            }
            None => 0,
        }
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        if self.bytes == 0 {
            (self.word, self.bytes) = (self.next_word(), 4);
        }
        let byte = self.word as u8;
        self.word >>= 8;
        self.bytes -= 1;
        byte
    }

    /// The next bytes of the frame. Where they begin on a word both here and there, they are moved
    /// by words.
    pub fn fill(&mut self, to: &mut [u8]) {
        let begun = self.bytes.min(to.len());
        let Some((begun, rest)) = to.split_at_mut_checked(begun) else {
            return;
        };
        begun.iter_mut().for_each(|byte| *byte = self.byte());
        let (words, rest) = rest.as_chunks_mut();
        for word in words {
            *word = self.next_word().to_le_bytes();
        }
        rest.iter_mut().for_each(|byte| *byte = self.byte());
    }

    /// Takes what is left of the frame out of the FIFO.
    pub fn skip(mut self) {
        while self.left > 0 {
            let _: u32 = self.next_word();
        }
    }
}

/// Bytes into the words of the transmit FIFO.
pub struct WordWriter<'r, R> {
    registers: &'r R,
    word: u32,
    /// Bytes of `word` that are there, less than four.
    bytes: u32,
}

impl<'r, R: Registers> WordWriter<'r, R> {
    /// A piece that begins behind `offset` bytes, less than four, that mean nothing.
    pub fn new(registers: &'r R, offset: usize) -> Self {
        Self {
            registers,
            word: 0,
            bytes: offset as u32 & 3,
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.word |= u32::from(byte) << (8 * self.bytes);
        self.bytes += 1;
        if self.bytes == 4 {
            self.registers.write(csr::TX_DATA_FIFO, self.word);
            (self.word, self.bytes) = (0, 0);
        }
    }

    /// The next bytes of the piece.
    pub fn put(&mut self, from: &[u8]) {
        let begun = (4 - self.bytes as usize) % 4;
        let (begun, rest) = from.split_at_checked(begun).unwrap_or((from, &[]));
        begun.iter().for_each(|byte| self.byte(*byte));
        let (words, rest) = rest.as_chunks();
        for word in words {
            (self.registers).write(csr::TX_DATA_FIFO, u32::from_le_bytes(*word));
        }
        rest.iter().for_each(|byte| self.byte(*byte));
    }

    /// The end of the piece.
    pub fn finish(self) {
        if self.bytes > 0 {
            self.registers.write(csr::TX_DATA_FIFO, self.word);
        }
    }
}

/// Where in its first word a piece begins, so that its words are those of the memory.
pub fn offset(piece: &[u8]) -> usize {
    piece.as_ptr().addr() % 4
}

/// The bytes of FIFO that a frame takes if each of its fragments is a piece; `None` if the chip does
/// not take such pieces, and the frame has to be made one.
pub fn in_pieces(frame: &NetBuf) -> Option<usize> {
    let (mut at, mut bytes) = (0, 0);
    for piece in frame.fragments() {
        let is_middle = at > 0 && at + piece.len() < frame.len();
        if is_middle && piece.len() < MIDDLE {
            return None;
        }
        at += piece.len();
        bytes += 8 + (offset(piece) + piece.len()).next_multiple_of(4);
    }
    (bytes <= INNER_MEMORY).then_some(bytes)
}
