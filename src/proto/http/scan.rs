//! Where a section of lines ends (RFC 9112 §2.1).

/// Octets that are no HTTP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed;

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not an HTTP message")
    }
}

impl core::error::Error for Malformed {}

/// Looks for the empty line at the end of a head or of a trailer section, each octet once however
/// the octets come.
///
/// Lines end with CR and LF. Of "a recipient MAY recognize a single LF as a line terminator"
/// (RFC 9112 §2.2) no use is made: what others might split into other lines is refused.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SectionScanner {
    scanned: usize,
    is_in_line: bool,
    has_cr: bool,
}

impl SectionScanner {
    /// At the beginning of a section.
    pub const fn new() -> Self {
        Self {
            scanned: 0,
            is_in_line: false,
            has_cr: false,
        }
    }

    /// Looks on in `buffer`, which begins where the section does and has what it had before. The
    /// length of the section, with the empty line, once that is there.
    ///
    /// # Errors
    ///
    /// A CR or LF stands alone, or there is a NUL.
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        for octet in buffer.get(self.scanned..).unwrap_or(&[]) {
            self.scanned += 1;
            match octet {
                b'\n' if !self.has_cr => return Err(Malformed),
                b'\n' if !self.is_in_line => return Ok(Some(self.scanned)),
                b'\n' => (self.has_cr, self.is_in_line) = (false, false),
                _ if self.has_cr => return Err(Malformed),
                b'\r' => self.has_cr = true,
                0 => return Err(Malformed),
                _ => self.is_in_line = true,
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn section_ends_with_its_empty_line() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\nmore", Some(27)),
            ("\r\nGET", Some(2)),
            ("a: b\r\n", None),
            ("a: b\r\n\r", None),
            ("", None),
        ] {
            assert_eq!(SectionScanner::new().scan(text.as_bytes()), Ok(end));
        }
    }

    #[test]
    fn cr_lf_or_nul_alone_is_malformed() {
        for text in ["a\n", "a\rb", "\r\r\n", "a: \0", "\n", "a: b\n\r\n"] {
            let scanned = SectionScanner::new().scan(text.as_bytes());
            assert_eq!(scanned, Err(Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn end_is_the_same_however_the_octets_come(
            text in "[a\r\n]{0,40}|(a\r\n){0,6}\r\n(a|\r\n){0,3}",
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = SectionScanner::new().scan(text.as_bytes());
            let mut scanner = SectionScanner::new();
            let cut = cut.index(text.len() + 1);
            let first = scanner.scan(&text.as_bytes()[..cut]);
            let parts = match first {
                Ok(None) => scanner.scan(text.as_bytes()),
                first => first,
            };
            prop_assert_eq!(whole, parts);
        }
    }
}
