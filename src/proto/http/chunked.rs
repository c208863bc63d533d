//! The chunked transfer coding (RFC 9112 §7.1), a piece at a time.

use core::ops::Range;

use super::scan::Malformed;

/// Octets of extensions that are passed over in one message: "A server ought to limit the total length
/// of chunk extensions" (§7.1.1).
const EXTENSIONS: u16 = 2048;
/// Digits of a chunk's size, leading zeros among them.
const DIGITS: u8 = 16;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum State {
    /// A digit of the size, of which so many have come.
    Size(u8),
    /// An extension or the end of the line, behind white space.
    Blank,
    /// What is in an extension.
    Extension,
    /// The LF at the end of the line with the size.
    SizeEnd,
    Data,
    /// The CR, and the LF, behind the data.
    DataCr,
    DataLf,
    /// All chunks are over.
    End,
}

/// Reads chunks, however the octets come.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ChunkedDecoder {
    state: State,
    /// Octets of the chunk that are to come.
    left: u64,
    extensions: u16,
}

/// What was read from a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoded {
    /// How many octets were.
    pub consumed: usize,
    /// Those among them that are content.
    pub content: Range<usize>,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkedDecoder {
    /// At the beginning of a body.
    pub const fn new() -> Self {
        Self {
            state: State::Size(0),
            left: 0,
            extensions: 0,
        }
    }

    /// Whether all chunks are over: what follows is the trailer section, fields to an empty line.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// How many octets come next that are content and nothing else.
    pub const fn content_left(&self) -> u64 {
        match self.state {
            State::Data => self.left,
            _ => 0,
        }
    }

    /// Reads on to the end of a run of content, of `most` octets at most, or of `input`.
    ///
    /// # Errors
    ///
    /// The octets are no chunks, a size cannot be counted, or there is more in extensions than is
    /// passed over.
    pub fn decode(&mut self, input: &[u8], most: usize) -> Result<Decoded, Malformed> {
        let mut consumed = 0;
        while let Some(octet) = input.get(consumed) {
            match self.state {
                State::End => break,
                State::Data => {
                    let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                    let length = left.min(most).min(input.len() - consumed);
                    let content = consumed..consumed + length;
                    self.skip(length);
                    let consumed = content.end;
                    return Ok(Decoded { consumed, content });
                }
                _ => self.step(*octet)?,
            }
            consumed += 1;
        }
        Ok(Decoded {
            consumed,
            content: consumed..consumed,
        })
    }

    /// Takes note that so many octets of content, of those that are left, were read elsewhere.
    pub fn skip(&mut self, length: usize) {
        if self.state == State::Data {
            self.left = self.left.saturating_sub(length as u64);
            if self.left == 0 {
                self.state = State::DataCr;
            }
        }
    }

    /// Reads an octet between two chunks.
    fn step(&mut self, octet: u8) -> Result<(), Malformed> {
        self.state = match (self.state, octet) {
            (State::Size(digits), _) if octet.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = char::from(octet).to_digit(16).unwrap_or(0);
                self.left = self.left << 4 | u64::from(digit);
                State::Size(digits + 1)
            }
            (State::Size(1..) | State::Blank | State::Extension, b'\r') => State::SizeEnd,
            (State::Size(1..) | State::Blank, b';') => self.extend()?,
            (State::Size(1..) | State::Blank, b' ' | b'\t') => {
                let _: State = self.extend()?;
                State::Blank
            }
            (State::Extension, b'\t' | 0x20..=0x7e | 0x80..) => self.extend()?,
            (State::SizeEnd, b'\n') if self.left == 0 => State::End,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            _ => return Err(Malformed),
        };
        Ok(())
    }

    fn extend(&mut self) -> Result<State, Malformed> {
        self.extensions += 1;
        (self.extensions <= EXTENSIONS)
            .then_some(State::Extension)
            .ok_or(Malformed)
    }
}

/// Octets of the line in front of a chunk: digits of the largest size, CR and LF.
pub const CHUNK_SIZE_LENGTH: usize = 18;

/// The line in front of a chunk of this size, which is not zero.
pub fn chunk_size(size: u64, to: &mut [u8; CHUNK_SIZE_LENGTH]) -> &[u8] {
    let digits = (64 - (size | 1).leading_zeros()).div_ceil(4) as usize;
    let from = to.len().saturating_sub(digits + 2);
    for (place, octet) in to.iter_mut().skip(from).enumerate() {
        *octet = match digits.checked_sub(place + 1) {
            Some(place) => {
                let digit = char::from_digit((size >> (4 * place)) as u32 & 15, 16);
                digit.map_or(b'0', |digit| digit as u8)
            }
            None if place == digits => b'\r',
            None => b'\n',
        };
    }
    to.get(from..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The content, and the length of the chunks; `None` if the end has not come.
    fn decode(mut pieces: Vec<&[u8]>, most: usize) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
        let mut decoder = ChunkedDecoder::new();
        let (mut content, mut length) = (Vec::new(), 0);
        pieces.reverse();
        while let Some(piece) = pieces.pop() {
            let decoded = decoder.decode(piece, most)?;
            content.extend(&piece[decoded.content]);
            length += decoded.consumed;
            if decoder.is_over() {
                return Ok(Some((content, length)));
            }
            if decoded.consumed < piece.len() {
                pieces.push(&piece[decoded.consumed..]);
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_put_together() {
        for text in [
            "5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n",
            "05\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n000\r\n",
            "B ; x\r\nhello world\r\n0;y\r\n",
            "b\r\nhello world\r\n0\r\n",
        ] {
            let expected = Ok(Some((b"hello world".to_vec(), text.len())));
            assert_eq!(decode(std::vec![text.as_bytes()], 100), expected, "{text}");
            assert_eq!(decode(std::vec![text.as_bytes()], 3), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        for text in [
            "\r\n",
            " 5\r\nhello\r\n",
            "5\nhello\r\n",
            "5\r\nhello0\r\n",
            "5\r\nhello\n0\r\n",
            "5\r\nhello\r0\r\n",
            "0x5\r\nhello\r\n",
            "+5\r\nhello\r\n",
            "-1\r\n",
            "g\r\n",
            ";a\r\n",
            "5;a\nb\r\nhello\r\n",
            "5;\u{1}\r\nhello\r\n",
            "5;\0\r\nhello\r\n",
            "5 5\r\nhello\r\n",
            "5\r\r\nhello",
            "00000000000000005\r\nhello\r\n",
            "10000000000000000\r\n",
        ] {
            assert_eq!(
                decode(std::vec![text.as_bytes()], 100),
                Err(Malformed),
                "{text:?}"
            );
        }
        let largest = "ffffffffffffffff\r\na";
        assert_eq!(decode(std::vec![largest.as_bytes()], 100), Ok(None));
    }

    #[test]
    fn extensions_are_passed_over_up_to_a_length() {
        let mut decoder = ChunkedDecoder::new();
        let mut results = (0..100).map(|_| {
            decoder
                .decode(b"1;01234567890123456789\r\na\r\n", 9)
                .map(drop)
        });
        assert!(results.any(|result| result == Err(Malformed)));
        let mut decoder = ChunkedDecoder::new();
        assert!((0..10_000).all(|_| {
            let (first, second) = (decoder.decode(b"1\r\na", 9), decoder.decode(b"\r\n", 9));
            first.is_ok() && second.is_ok()
        }));
    }

    #[test]
    fn sizes_are_written_in_hexadecimal() {
        let mut room = [0; CHUNK_SIZE_LENGTH];
        for (size, text) in [
            (1, "1\r\n"),
            (16, "10\r\n"),
            (0xabc, "abc\r\n"),
            (u64::MAX, "ffffffffffffffff\r\n"),
        ] {
            assert_eq!(chunk_size(size, &mut room), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn chunks_written_are_read_however_they_come(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            most in 1_usize..50,
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend(chunk_size(chunk.len() as u64, &mut [0; CHUNK_SIZE_LENGTH]));
                text.extend(chunk);
                text.extend(b"\r\n");
            }
            text.extend(b"0\r\n");
            let length = text.len();
            text.extend(b"\r\nGET");
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            places.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for place in places {
                pieces.push(&text[from..place]);
                from = place;
            }
            pieces.push(&text[from..]);
            prop_assert_eq!(decode(pieces, most), Ok(Some((chunks.concat(), length))));
        }

        #[test]
        fn arbitrary_octets_mean_the_same_however_they_come(text: Vec<u8>, cut in any::<prop::sample::Index>(), most in 1_usize..9) {
            let cut = cut.index(text.len() + 1);
            let whole = decode(std::vec![&text], most);
            prop_assert_eq!(decode(std::vec![&text[..cut], &text[cut..]], most), whole);
        }

        #[test]
        fn octets_like_chunks_mean_the_same_however_they_come(text in "([0-9a-f;]{0,3}\r\n[a-c]{0,4}\r\n){0,5}", cut in any::<prop::sample::Index>()) {
            let text = text.as_bytes();
            let cut = cut.index(text.len() + 1);
            let whole = decode(std::vec![text], 100);
            prop_assert_eq!(decode(std::vec![&text[..cut], &text[cut..]], 100), whole);
        }
    }
}
