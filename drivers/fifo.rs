//! Bytes to words of a FIFO and back, where all words pass one register. Words are little-endian.

use super::registers::Registers;

/// Bytes out of the words of a FIFO.
pub(super) struct WordReader<'r, R> {
    registers: &'r R,
    port: usize,
    word: u32,
    /// Bytes of `word` that have not been used.
    bytes: usize,
    /// Words that have not been read.
    left: usize,
}

impl<'r, R: Registers> WordReader<'r, R> {
    /// `length` bytes from the register `port`, behind `offset` bytes, less than four, that mean
    /// nothing.
    #[cfg(feature = "driver-lan9118")]
    pub fn new(registers: &'r R, port: usize, offset: usize, length: usize) -> Self {
        let words = offset.saturating_add(length).div_ceil(4);
        let mut reader = Self::behind(registers, port, (0, 0), words);
        for _ in 0..offset {
            let _: u8 = reader.byte();
        }
        reader
    }

    /// Bytes from the register `port`: first the upper `bytes` of `word`, which has been read
    /// already, then those of `left` words.
    pub fn behind(registers: &'r R, port: usize, (word, bytes): (u32, usize), left: usize) -> Self {
        let bytes = bytes.min(4);
        Self {
            registers,
            port,
            word: word.checked_shr(32 - 8 * bytes as u32).unwrap_or(0),
            bytes,
            left,
        }
    }

    #[inline]
    fn next_word(&mut self) -> u32 {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.registers.read(self.port)
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

/// Bytes into the words of a FIFO.
pub(super) struct WordWriter<'r, R> {
    registers: &'r R,
    port: usize,
    word: u32,
    /// Bytes of `word` that are there, less than four.
    bytes: u32,
}

impl<'r, R: Registers> WordWriter<'r, R> {
    /// Bytes for the register `port`, behind `offset` bytes, less than four, that mean nothing.
    pub fn new(registers: &'r R, port: usize, offset: usize) -> Self {
        Self {
            registers,
            port,
            word: 0,
            bytes: offset as u32 & 3,
        }
    }

    #[inline]
    fn byte(&mut self, byte: u8) {
        self.word |= u32::from(byte) << (8 * self.bytes);
        self.bytes += 1;
        if self.bytes == 4 {
            self.registers.write(self.port, self.word);
            (self.word, self.bytes) = (0, 0);
        }
    }

    /// The next bytes.
    pub fn put(&mut self, from: &[u8]) {
        let begun = (4 - self.bytes as usize) % 4;
        let (begun, rest) = from.split_at_checked(begun).unwrap_or((from, &[]));
        begun.iter().for_each(|byte| self.byte(*byte));
        let (words, rest) = rest.as_chunks();
        for word in words {
            (self.registers).write(self.port, u32::from_le_bytes(*word));
        }
        rest.iter().for_each(|byte| self.byte(*byte));
    }

    /// No more bytes: what has been begun of a word is written.
    pub fn finish(self) {
        if self.bytes > 0 {
            self.registers.write(self.port, self.word);
        }
    }
}
