//! Conditional requests (RFC 9110 §13) and ranges (§14).

use super::date::HttpDate;
use super::fields::{Fields, list, number};
use super::method::Method;
use super::request::Request;

/// An entity tag (RFC 9110 §8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EntityTag<'a> {
    /// What stands between the quotes: no quotes, spaces or controls.
    pub opaque: &'a str,
    /// It is the same for representations that mean the same, though octets may differ.
    pub is_weak: bool,
}

impl<'a> EntityTag<'a> {
    /// A tag that tells all octets of a representation from others.
    pub const fn strong(opaque: &'a str) -> Self {
        let is_weak = false;
        Self { opaque, is_weak }
    }

    /// Reads a tag with its quotes.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (text, is_weak) = match text.strip_prefix(b"W/") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let opaque = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let is_good = opaque
            .iter()
            .all(|octet| matches!(octet, 0x21 | 0x23..=0x7e | 0x80..));
        let opaque = core::str::from_utf8(opaque).ok().filter(|_| is_good)?;
        Some(Self { opaque, is_weak })
    }

    /// "two entity tags are equivalent if their opaque-tags match character-by-character" (§8.8.3.2).
    fn matches_weakly(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }

    fn matches_strongly(&self, other: &EntityTag<'_>) -> bool {
        self == other && !self.is_weak
    }
}

/// What tells a representation from others of the same resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Validators<'a> {
    /// Its tag.
    pub etag: Option<EntityTag<'a>>,
    /// When it was last changed.
    pub last_modified: Option<HttpDate>,
}

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Precondition {
    /// It is to be done.
    Holds,
    /// The client has what it asks for: 304.
    NotModified,
    /// It is not to be done: 412.
    Failed,
}

impl Validators<'_> {
    /// Looks at the preconditions of a request for a resource that has a representation, in the order
    /// of RFC 9110 §13.2.2. To be asked when all else speaks for success.
    pub fn precondition(&self, request: &Request<'_>) -> Precondition {
        let (fields, method) = (request.fields(), request.method());
        // "MUST ignore the conditional request header fields ... such as CONNECT, OPTIONS, or TRACE".
        if method == Method::Options {
            return Precondition::Holds;
        }
        let is_changed = match fields.get("if-match") {
            Some(_) => !self.is_listed(&fields, "if-match", |tag, etag| tag.matches_strongly(etag)),
            None => self.since(&fields, "if-unmodified-since") == Some(true),
        };
        if is_changed {
            return Precondition::Failed;
        }
        let is_same = match fields.get("if-none-match") {
            Some(_) => self.is_listed(&fields, "if-none-match", |tag, etag| {
                tag.matches_weakly(etag)
            }),
            None => {
                method.is_retrieval() && self.since(&fields, "if-modified-since") == Some(false)
            }
        };
        match (is_same, method.is_retrieval()) {
            (false, _) => Precondition::Holds,
            (true, true) => Precondition::NotModified,
            (true, false) => Precondition::Failed,
        }
    }

    /// Whether the tags of a field are `*` or have ours.
    fn is_listed(
        &self,
        fields: &Fields<'_>,
        name: &str,
        matches: impl Fn(&EntityTag<'_>, &EntityTag<'_>) -> bool,
    ) -> bool {
        if fields.single(name) == Some(b"*") {
            return true;
        }
        let Some(etag) = self.etag else {
            return false;
        };
        let mut tags = fields.list(name).filter_map(EntityTag::parse);
        tags.any(|tag| matches(&tag, &etag))
    }

    /// Whether there was a change after the date of a field; `None` if either is not known.
    fn since(&self, fields: &Fields<'_>, name: &str) -> Option<bool> {
        let date = HttpDate::parse(fields.single(name)?)?;
        Some(self.last_modified? > date)
    }

    /// Which part of a representation of `length` octets a request asks for, the preconditions of
    /// which hold.
    pub fn range(&self, request: &Request<'_>, length: u64) -> ByteRange {
        // "GET is the only method for which range handling is defined" (§14.2).
        let Some(range) =
            (request.fields().single("range")).filter(|_| request.method() == Method::Get)
        else {
            return ByteRange::Whole;
        };
        match request.fields().get("if-range") {
            Some(validator) if !self.is_exactly(validator) => ByteRange::Whole,
            _ => ByteRange::parse(range, length),
        }
    }

    /// Whether the validator of `If-Range` is ours (§13.1.5).
    fn is_exactly(&self, validator: &[u8]) -> bool {
        match EntityTag::parse(validator) {
            Some(tag) => self.etag.is_some_and(|etag| tag.matches_strongly(&etag)),
            // A date is a strong validator only where there was time enough for no second change
            // within its second (§8.8.2.2), which nobody knows here who has a tag.
            None => {
                let date = HttpDate::parse(validator);
                date.is_some() && date == self.last_modified
            }
        }
    }
}

/// A part of a representation (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ByteRange {
    /// All of it: nothing else is asked for, or nothing that is done here.
    Whole,
    /// From one octet to another, which is part of it: 206.
    Part {
        /// The first octet, counted from 0.
        first: u64,
        /// The last octet.
        last: u64,
    },
    /// There is no such part: 416.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the field `Range`. Of several ranges the whole is sent, as of what is no range:
    /// "A server MAY ignore the Range header field" (§14.2).
    pub fn parse(value: &[u8], length: u64) -> Self {
        let Some((unit, ranges)) = split(value, b'=') else {
            return Self::Whole;
        };
        let mut ranges = list(ranges);
        let (Some(range), None) = (ranges.next(), ranges.next()) else {
            return Self::Whole;
        };
        let Some((first, last)) =
            split(range, b'-').filter(|_| unit.eq_ignore_ascii_case(b"bytes"))
        else {
            return Self::Whole;
        };
        let end = length.saturating_sub(1);
        match (first, number(first), last, number(last)) {
            (b"", _, _, Some(suffix)) => match (suffix, length) {
                (0, _) => Self::Unsatisfiable,
                // The whole of nothing has no octet to begin with.
                (_, 0) => Self::Whole,
                _ => Self::Part {
                    first: length.saturating_sub(suffix),
                    last: end,
                },
            },
            (_, Some(first), b"", _) if first < length => Self::Part { first, last: end },
            (_, Some(first), _, Some(last)) if last < first => Self::Whole,
            (_, Some(first), _, Some(last)) if first < length => {
                let last = last.min(end);
                Self::Part { first, last }
            }
            (_, Some(_), b"", _) | (_, Some(_), _, Some(_)) => Self::Unsatisfiable,
            _ => Self::Whole,
        }
    }
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|octet| *octet == at)?;
    Some((
        text.get(..place)?.trim_ascii(),
        text.get(place + 1..)?.trim_ascii(),
    ))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NOW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const NEW: &str = "Sun, 06 Nov 1994 08:49:39 GMT";

    fn validators() -> Validators<'static> {
        Validators {
            etag: Some(EntityTag::strong("abc")),
            last_modified: HttpDate::parse(NOW.as_bytes()),
        }
    }

    fn judge(method: &str, fields: &str) -> Precondition {
        let text = format!("{method} / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n");
        validators().precondition(&Request::new(text.as_bytes()).unwrap())
    }

    #[test]
    fn preconditions_are_looked_at_in_their_order() {
        use Precondition::{Failed, Holds, NotModified};

        let dated = |name: &str, date: &str| format!("{name}: {date}");
        for (method, fields, expected) in [
            ("GET", "x: y".into(), Holds),
            ("PUT", "if-match: \"abc\"".into(), Holds),
            ("PUT", "if-match: *".into(), Holds),
            ("PUT", "if-match: \"x\", \"abc\"".into(), Holds),
            ("PUT", "if-match: \"x\"\r\nif-match: \"abc\"".into(), Holds),
            ("PUT", "if-match: \"x\"".into(), Failed),
            ("GET", "if-match: \"x\"".into(), Failed),
            // The strong comparison.
            ("PUT", "if-match: W/\"abc\"".into(), Failed),
            ("PUT", dated("if-unmodified-since", NOW), Holds),
            ("PUT", dated("if-unmodified-since", OLD), Failed),
            ("PUT", "if-unmodified-since: yesterday".into(), Holds),
            // If-Match is more exact than the date.
            (
                "PUT",
                format!("if-match: \"abc\"\r\nif-unmodified-since: {OLD}"),
                Holds,
            ),
            ("GET", "if-none-match: \"abc\"".into(), NotModified),
            ("HEAD", "if-none-match: \"x\",\"abc\"".into(), NotModified),
            ("GET", "if-none-match: W/\"abc\"".into(), NotModified),
            ("GET", "if-none-match: *".into(), NotModified),
            ("GET", "if-none-match: \"x\"".into(), Holds),
            ("PUT", "if-none-match: *".into(), Failed),
            ("PUT", "if-none-match: \"abc\"".into(), Failed),
            ("GET", dated("if-modified-since", NOW), NotModified),
            ("GET", dated("if-modified-since", NEW), NotModified),
            ("GET", dated("if-modified-since", OLD), Holds),
            ("GET", "if-modified-since: then".into(), Holds),
            ("POST", dated("if-modified-since", NOW), Holds),
            // If-None-Match is more exact than the date.
            (
                "GET",
                format!("if-none-match: \"x\"\r\nif-modified-since: {NEW}"),
                Holds,
            ),
            (
                "GET",
                format!("if-modified-since: {NEW}\r\nif-modified-since: {NEW}"),
                Holds,
            ),
            // What fails is not asked whether it is new.
            (
                "GET",
                "if-match: \"x\"\r\nif-none-match: \"abc\"".into(),
                Failed,
            ),
            (
                "GET",
                "if-match: \"abc\"\r\nif-none-match: \"abc\"".into(),
                NotModified,
            ),
            ("OPTIONS", "if-match: \"x\"".into(), Holds),
            ("GET", "if-none-match: abc".into(), Holds),
        ] {
            assert_eq!(judge(method, &fields), expected, "{method} {fields}");
        }
    }

    #[test]
    fn range_is_given_if_it_is_of_what_the_client_has() {
        let part = ByteRange::Part { first: 2, last: 4 };
        for (method, condition, expected) in [
            ("GET", "x: y".into(), part),
            ("HEAD", "x: y".into(), ByteRange::Whole),
            ("GET", "if-range: \"abc\"".into(), part),
            ("GET", "if-range: \"x\"".into(), ByteRange::Whole),
            ("GET", "if-range: W/\"abc\"".into(), ByteRange::Whole),
            ("GET", format!("if-range: {NOW}"), part),
            ("GET", format!("if-range: {NEW}"), ByteRange::Whole),
            ("GET", "if-range: x".into(), ByteRange::Whole),
        ] {
            let text = format!(
                "{method} / HTTP/1.1\r\nhost: a\r\nrange: bytes=2-4\r\n{condition}\r\n\r\n"
            );
            let request = Request::new(text.as_bytes()).unwrap();
            assert_eq!(
                validators().range(&request, 10),
                expected,
                "{method} {condition}"
            );
        }
    }

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        let part = |first, last| ByteRange::Part { first, last };
        for (text, expected) in [
            ("bytes=0-499", part(0, 499)),
            ("bytes=500-999", part(500, 999)),
            ("bytes=-500", part(500, 999)),
            ("bytes=990-", part(990, 999)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=-5000", part(0, 999)),
            ("bytes=998-5000", part(998, 999)),
            ("BYTES= 1-2 ", part(1, 2)),
            ("bytes=999-99999999999999999999", part(999, 999)),
            ("bytes=1000-", ByteRange::Unsatisfiable),
            ("bytes=1000-1001", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("bytes=5-4", ByteRange::Whole),
            ("bytes=0-0,-1", ByteRange::Whole),
            ("bytes=", ByteRange::Whole),
            ("bytes=-", ByteRange::Whole),
            ("bytes=a-b", ByteRange::Whole),
            ("bytes=1-2-3", ByteRange::Whole),
            ("lines=1-2", ByteRange::Whole),
            ("1-2", ByteRange::Whole),
        ] {
            assert_eq!(ByteRange::parse(text.as_bytes(), 1000), expected, "{text}");
        }
        assert_eq!(ByteRange::parse(b"bytes=0-", 0), ByteRange::Unsatisfiable);
        assert_eq!(ByteRange::parse(b"bytes=-1", 0), ByteRange::Whole);
    }

    proptest! {
        #[test]
        fn ranges_lie_within_the_representation(text in "bytes=[0-9]{0,22}-[0-9]{0,22}", length: u64) {
            if let ByteRange::Part { first, last } = ByteRange::parse(text.as_bytes(), length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
