//! What is said of a service: keys and values in its TXT record (RFC 6763 §6).

use heapless::Vec;

use super::register::RegisterError;
use crate::proto::dns::Txt;

/// Something that is said of a service: a key, with or without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attribute<'t> {
    /// The key: printable ASCII characters but `=`. Nine or fewer are enough (RFC 6763 §6.4).
    pub key: &'t str,
    /// The value: any octets. `None`: the key is there, and that is all.
    pub value: Option<&'t [u8]>,
}

impl<'t> Attribute<'t> {
    /// A key with a value.
    pub const fn new(key: &'t str, value: &'t [u8]) -> Self {
        Self {
            key,
            value: Some(value),
        }
    }

    /// A key without a value.
    pub const fn flag(key: &'t str) -> Self {
        Self { key, value: None }
    }
}

/// Whether octets can be a key: "printable US-ASCII values (0x20-0x7E), excluding '='" (RFC 6763
/// §6.4).
fn is_key(key: &[u8]) -> bool {
    let is_fine = |octet: &u8| (0x20..=0x7e).contains(octet) && *octet != b'=';
    !key.is_empty() && key.iter().all(is_fine)
}

/// Puts attributes into the form of a TXT record.
pub(super) fn write<const N: usize>(
    attributes: &[Attribute<'_>],
) -> Result<Vec<u8, N>, RegisterError> {
    let mut octets = Vec::new();
    for (place, attribute) in attributes.iter().enumerate() {
        let mut others = attributes.iter().take(place);
        // "A given key SHOULD NOT appear more than once in a TXT record."
        let is_again = others.any(|other| other.key.eq_ignore_ascii_case(attribute.key));
        if is_again || !is_key(attribute.key.as_bytes()) {
            return Err(RegisterError::Attribute);
        }
        let (sign, value) = match attribute.value {
            Some(value) => (&b"="[..], value),
            None => (&b""[..], &b""[..]),
        };
        let length = attribute.key.len() + sign.len() + value.len();
        let length = u8::try_from(length).map_err(|_| RegisterError::Attribute)?;
        for part in [&[length], attribute.key.as_bytes(), sign, value] {
            let put = octets.extend_from_slice(part);
            put.map_err(|_| RegisterError::TooLong)?;
        }
    }
    if octets.is_empty() {
        // "DNS-SD implementations MUST NOT emit empty TXT records" (RFC 6763 §6.1).
        octets.push(0).map_err(|_| RegisterError::TooLong)?;
    }
    Ok(octets)
}

/// What is said of a service, as it stands in its TXT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attributes<'t>(Txt<'t>);

impl<'t> Attributes<'t> {
    /// Those of a TXT record.
    pub const fn new(txt: Txt<'t>) -> Self {
        Self(txt)
    }

    /// Keys, and values where there are some, as they stand there. Strings without a key are left
    /// out, and so is what is said of a key a second time (RFC 6763 §6.4).
    pub fn iter(&self) -> impl Iterator<Item = (&'t [u8], Option<&'t [u8]>)> {
        let strings = self.0.strings().map(split);
        let all = self.0;
        strings
            .enumerate()
            .filter_map(move |(place, (key, value))| {
                let mut before = all.strings().map(split).take(place);
                let is_first = !before.any(|(other, _)| other.eq_ignore_ascii_case(key));
                (!key.is_empty() && is_first).then_some((key, value))
            })
    }

    /// The value of a key, whatever the case of its letters: `None` if it is not there,
    /// `Some(None)` if it has no value.
    pub fn get(&self, key: &str) -> Option<Option<&'t [u8]>> {
        let mut strings = self.0.strings().map(split);
        let found = strings.find(|(own, _)| own.eq_ignore_ascii_case(key.as_bytes()));
        found
            .filter(|(own, _)| !own.is_empty())
            .map(|(_, value)| value)
    }

    /// The octets of the record.
    pub const fn as_bytes(&self) -> &'t [u8] {
        self.0.as_bytes()
    }
}

/// Key and value: "everything after the first '=' to the end of the string is the value".
fn split(string: &[u8]) -> (&[u8], Option<&[u8]>) {
    match string.iter().position(|octet| *octet == b'=') {
        Some(sign) => {
            let (key, rest) = string.split_at_checked(sign).unwrap_or((string, &[]));
            (key, rest.get(1..))
        }
        None => (string, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(attributes: &[Attribute<'_>]) -> Result<Vec<u8, 300>, RegisterError> {
        write(attributes)
    }

    #[test]
    fn attributes_are_written_octet_by_octet() {
        let said = [
            Attribute::new("path", b"/"),
            Attribute::flag("color"),
            Attribute::new("none", b""),
            Attribute::new("sum", b"1=1 \xff"),
        ];
        let octets = b"\x06path=/\x05color\x05none=\x09sum=1=1 \xff";
        assert_eq!(written(&said).unwrap(), octets);
        assert_eq!(written(&[]).unwrap(), [0]);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        for key in ["", "a=b", "a\n", "\u{e9}", "\x7f"] {
            assert_eq!(
                written(&[Attribute::flag(key)]),
                Err(RegisterError::Attribute)
            );
        }
        let twice = [Attribute::new("Key", b"1"), Attribute::flag("kEY")];
        assert_eq!(written(&twice), Err(RegisterError::Attribute));
        // One octet of length, and 255 octets.
        assert!(written(&[Attribute::new("k", &[1; 253])]).is_ok());
        let long = [Attribute::new("k", &[1; 254])];
        assert_eq!(written(&long), Err(RegisterError::Attribute));
        let two = [
            Attribute::new("k", &[1; 200]),
            Attribute::new("l", &[1; 200]),
        ];
        assert_eq!(written(&two), Err(RegisterError::TooLong));
    }

    #[test]
    fn attributes_are_read_the_first_of_a_key_counts_and_what_has_no_key_is_ignored() {
        let octets = b"\x05key=1\x04=bad\x01=\x05KEY=2\x05plain\x00\x06empty=\x05a=b=c";
        let attributes = Attributes::new(Txt::new(octets).unwrap());
        assert_eq!(attributes.get("key"), Some(Some(&b"1"[..])));
        assert_eq!(attributes.get("KEY"), Some(Some(&b"1"[..])));
        assert_eq!(attributes.get("plain"), Some(None));
        assert_eq!(attributes.get("empty"), Some(Some(&b""[..])));
        assert_eq!(attributes.get("a"), Some(Some(&b"b=c"[..])));
        assert_eq!(attributes.get("other"), None);
        assert_eq!(attributes.get(""), None);
        let keys: std::vec::Vec<_> = attributes.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [&b"key"[..], b"plain", b"empty", b"a"]);
        // Nothing, in either form (RFC 6763 §6.1).
        for nothing in [&b""[..], b"\x00"] {
            let attributes = Attributes::new(Txt::new(nothing).unwrap());
            assert_eq!(attributes.iter().count(), 0);
        }
    }
}
