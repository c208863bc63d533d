//! Fields of a message, where they lie (RFC 9110 §5, RFC 9112 §5).

use super::scan::Malformed;

/// The fields of a head or trailer section, in the buffer that it was received in. All of them are
/// well-formed.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Reads a section, from its first field to the empty line.
    ///
    /// # Errors
    ///
    /// A line is no field: one that begins with white space among them (RFC 9112 §2.2, §5.2), and
    /// one with white space before the colon (§5.1).
    pub fn new(section: &'a [u8]) -> Result<Self, Malformed> {
        let section = section.strip_suffix(b"\r\n").ok_or(Malformed)?;
        let mut rest = section;
        while !rest.is_empty() {
            let (line, next) = split_line(rest).ok_or(Malformed)?;
            if field(line).is_none() {
                return Err(Malformed);
            }
            rest = next;
        }
        Ok(Self(section))
    }

    /// Names and values, in their order. Names are as they were written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (line, next) = split_line(rest)?;
            rest = next;
            let (name, value) = field(line)?;
            Some((core::str::from_utf8(name).ok()?, value))
        })
    }

    /// The values of all fields of this name, in their order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let is_named = move |(other, _): &(&str, &[u8])| other.eq_ignore_ascii_case(name);
        self.iter().filter(is_named).map(|(_, value)| value)
    }

    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of the only field of this name; `None` also where there are several.
    pub fn single(&self, name: &str) -> Option<&'a [u8]> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// The value of the first field of this name, if it is UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    /// The members of the lists in all fields of this name (RFC 9110 §5.6.1), empty ones left out.
    pub fn list<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.all(name).flat_map(list)
    }

    /// Whether the list of this name has this member, in small letters or capitals.
    pub fn list_has(&self, name: &str, member: &str) -> bool {
        self.list(name)
            .any(|other| other.eq_ignore_ascii_case(member.as_bytes()))
    }
}

/// The members of a list (RFC 9110 §5.6.1.2): between commas that stand in no quotes.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    value
        .split(move |octet| {
            is_quoted ^= *octet == b'"';
            *octet == b',' && !is_quoted
        })
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// The first line, and what is behind its CR and LF.
pub(super) fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.windows(2).position(|pair| pair == b"\r\n")?;
    Some((text.get(..end)?, text.get(end + 2..)?))
}

/// Name and value of a field line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
    (is_token(name) && value.iter().all(|octet| is_text(*octet))).then_some((name, value))
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    let is_tchar = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !text.is_empty() && text.iter().all(is_tchar)
}

/// What a value may have (RFC 9110 §5.5): no other control than HTAB.
pub(super) const fn is_text(octet: u8) -> bool {
    matches!(octet, b'\t' | 0x20..=0x7e | 0x80..)
}

/// A number in digits alone (RFC 9110 §8.6); the largest for one that is larger.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    let add = |number: u64, octet: &u8| {
        let digit = octet.is_ascii_digit().then(|| octet - b'0')?;
        Some(number.saturating_mul(10).saturating_add(u64::from(digit)))
    };
    (!text.is_empty()).then(|| text.iter().try_fold(0, add))?
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found_by_name_whatever_its_case() {
        let text = b"Host: example\r\nACCEPT:a, b\r\nempty:\r\naccept: \t c ,, \"d,e\" \t\r\n\r\n";
        let fields = Fields::new(text).unwrap();
        assert_eq!(fields.get("host"), Some(&b"example"[..]));
        assert_eq!(fields.get_str("EMPTY"), Some(""));
        assert_eq!(fields.get("absent"), None);
        assert_eq!(fields.single("accept"), None);
        let members: Vec<_> = fields.list("accept").collect();
        assert_eq!(members, [&b"a"[..], b"b", b"c", b"\"d,e\""]);
        assert!(fields.list_has("Accept", "C"));
        assert_eq!(fields.iter().count(), 4);
    }

    #[test]
    fn lines_that_are_no_fields_are_malformed() {
        for text in [
            "a : b\r\n\r\n",
            "a\t: b\r\n\r\n",
            " a: b\r\n\r\n",
            "a: b\r\n c\r\n\r\n",
            "a: b\r\n\tc\r\n\r\n",
            ": b\r\n\r\n",
            "a\r\n\r\n",
            "a: \u{1}\r\n\r\n",
            "a: \u{7f}\r\n\r\n",
            "a(: b\r\n\r\n",
            "a: b\r\n",
            "",
        ] {
            let parsed = Fields::new(text.as_bytes());
            // The last line of a section is the empty one.
            let is_cut = text == "a: b\r\n";
            assert!(parsed.is_err() || is_cut && parsed.unwrap().iter().count() == 0);
        }
        assert!(Fields::new(b"\r\n").unwrap().iter().next().is_none());
        assert!(Fields::new("a: \u{fc}\r\n\r\n".as_bytes()).is_ok());
    }

    #[test]
    fn numbers_are_digits_alone_and_do_not_overflow() {
        for (text, value) in [
            ("0", Some(0)),
            ("0042", Some(42)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("0x1", None),
        ] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_octets_are_fields_or_malformed(text: Vec<u8>) {
            if let Ok(fields) = Fields::new(&text) {
                for (name, value) in fields.iter() {
                    prop_assert!(is_token(name.as_bytes()));
                    prop_assert!(value.iter().all(|octet| is_text(*octet)));
                }
            }
        }

        #[test]
        fn fields_written_are_read(pairs in prop::collection::vec(("[a-zA-Z-]{1,8}", "[!-~]([ -~]{0,8}[!-~])?"), 0..5)) {
            let mut text = Vec::new();
            for (name, value) in &pairs {
                text.extend(std::format!("{name}: {value}\r\n").into_bytes());
            }
            text.extend(b"\r\n");
            let fields = Fields::new(&text).unwrap();
            let read: Vec<_> = fields.iter().map(|(name, value)| (name.into(), std::string::String::from_utf8(value.into()).unwrap())).collect();
            prop_assert_eq!(read, pairs);
        }
    }
}
