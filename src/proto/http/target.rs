//! What a request is for: paths, queries, percent-encoding (RFC 9112 §3.2, RFC 3986 §2.1, §3).

use super::scan::Malformed;

/// The target of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Target<'a> {
    /// Host and port, where the target names them (absolute form): then `Host` is not looked at
    /// (RFC 9112 §3.2.2).
    pub authority: Option<&'a str>,
    /// It is named by the scheme `https`.
    pub is_https: bool,
    /// The path, which begins with a slash; `*` where the server as a whole is meant (§3.2.4).
    pub path: &'a str,
    /// What stands behind the question mark, if there is one.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads a target in origin, absolute or asterisk form.
    ///
    /// # Errors
    ///
    /// It is none of these, has an octet that no URI has, or a percent sign without two digits.
    pub fn new(text: &'a [u8]) -> Result<Self, Malformed> {
        let is_whole = |place: usize| {
            let digits = text.get(place + 1..place + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        let is_good = |(place, octet): (usize, &u8)| match octet {
            b'%' => is_whole(place),
            octet => is_uri_octet(*octet),
        };
        if !text.iter().enumerate().all(is_good) {
            return Err(Malformed);
        }
        let text = core::str::from_utf8(text).map_err(|_| Malformed)?;
        let mut is_https = false;
        let (authority, rest) = match text {
            "*" => {
                return Ok(Self {
                    authority: None,
                    is_https: false,
                    path: text,
                    query: None,
                });
            }
            _ if text.starts_with('/') => (None, text),
            _ => {
                let (scheme, rest) = text.split_once("://").ok_or(Malformed)?;
                is_https = scheme.eq_ignore_ascii_case("https");
                let is_known = is_https || scheme.eq_ignore_ascii_case("http");
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at_checked(end).ok_or(Malformed)?;
                // A host, and nobody's name and password (RFC 9110 §4.2.1, §4.2.4).
                if !is_known || authority.is_empty() || !is_authority(authority) {
                    return Err(Malformed);
                }
                (Some(authority), rest)
            }
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Self {
            authority,
            is_https,
            path: if path.is_empty() { "/" } else { path },
            query,
        })
    }
}

/// What a URI may have without its fragment (RFC 3986 §2), and what browsers leave unencoded there.
const fn is_uri_octet(octet: u8) -> bool {
    matches!(octet, 0x21..0x7f) && !matches!(octet, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`')
}

/// Whether this is a host, and perhaps a port (RFC 3986 §3.2.2, §3.2.3).
pub(super) fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at_checked(end + 1).unwrap_or((text, "")),
        None => text
            .split_at_checked(text.find(':').unwrap_or(text.len()))
            .unwrap_or((text, "")),
    };
    let is_host_octet =
        |octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&octet);
    let is_host = match host.strip_prefix('[') {
        Some(literal) => {
            let literal = literal.strip_suffix(']').unwrap_or("");
            let is_literal = |octet: u8| is_host_octet(octet) || octet == b':';
            !literal.is_empty() && literal.bytes().all(is_literal)
        }
        None => host.bytes().all(is_host_octet),
    };
    let is_port = match port.strip_prefix(':') {
        Some(port) => port.bytes().all(|octet| octet.is_ascii_digit()),
        None => port.is_empty(),
    };
    is_host && is_port
}

/// A part of a target that may have octets as percent sign and two digits.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Encoded<'a> {
    text: &'a str,
    /// A plus stands for a space, as in what forms send.
    is_form: bool,
}

impl<'a> Encoded<'a> {
    /// A part of a path.
    pub const fn new(text: &'a str) -> Self {
        let is_form = false;
        Self { text, is_form }
    }

    /// A name or value that a form has sent.
    pub const fn form(text: &'a str) -> Self {
        let is_form = true;
        Self { text, is_form }
    }

    /// As it was sent.
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// The octets that are meant. A percent sign without two digits stands for itself.
    pub fn octets(self) -> impl Iterator<Item = u8> + use<'a> {
        let mut rest = self.text.as_bytes();
        core::iter::from_fn(move || {
            let (first, behind) = rest.split_first()?;
            rest = behind;
            let digit = |octet: u8| char::from(octet).to_digit(16);
            Some(match (first, behind) {
                (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        rest = behind;
                        (high << 4 | low) as u8
                    }
                    _ => b'%',
                },
                (b'+', _) if self.is_form => b' ',
                (first, _) => *first,
            })
        })
    }

    /// Writes what is meant to `to`; `None` if there is no room, or it is not UTF-8.
    pub fn decode(self, to: &mut [u8]) -> Option<&str> {
        let mut length = 0;
        for octet in self.octets() {
            *to.get_mut(length)? = octet;
            length += 1;
        }
        core::str::from_utf8(to.get(..length)?).ok()
    }

    /// The number that is meant, in decimal digits.
    pub fn number(self) -> Option<u64> {
        let mut digits = [0; 20];
        let text = self.decode(&mut digits)?;
        let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    }
}

/// Whether it means this.
impl PartialEq<str> for Encoded<'_> {
    fn eq(&self, other: &str) -> bool {
        self.octets().eq(other.bytes())
    }
}

impl PartialEq<&str> for Encoded<'_> {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// Names and values of a query, or of a form that was sent in a body as
/// `application/x-www-form-urlencoded`: `a=1&b=two`.
pub fn pairs(query: &str) -> impl Iterator<Item = (Encoded<'_>, Encoded<'_>)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (Encoded::form(name), Encoded::form(value))
    })
}

/// Whether a path is of this pattern, segment by segment: `*` stands for any one segment, and `**`,
/// which may come last, for any number of them, none among them.
pub fn matches(pattern: &str, path: &str) -> bool {
    walk(pattern, path, |_| false)
}

/// What the wildcard of this number, counted from 0, stands for in a path of this pattern.
pub fn wildcard<'a>(pattern: &str, path: &'a str, number: usize) -> Option<Encoded<'a>> {
    let (mut left, mut found) = (number, None);
    let is_of_pattern = walk(pattern, path, |part| {
        if left == 0 && found.is_none() {
            found = Some(part);
        }
        left = left.saturating_sub(1);
        false
    });
    found.filter(|_| is_of_pattern).map(Encoded::new)
}

/// Goes through both; `visit` is given what wildcards stand for.
fn walk<'a>(pattern: &str, path: &'a str, mut visit: impl FnMut(&'a str) -> bool) -> bool {
    let mut rest = Some(path);
    for wanted in pattern.split('/') {
        if wanted == "**" {
            let _: bool = visit(rest.unwrap_or(""));
            return true;
        }
        let Some(left) = rest else {
            return false;
        };
        let (segment, behind) = match left.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (left, None),
        };
        rest = behind;
        match wanted {
            "*" if !segment.is_empty() => {
                let _: bool = visit(segment);
            }
            wanted if Encoded::new(segment) == wanted => {}
            _ => return false,
        }
    }
    rest.is_none()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_of_all_forms_are_read() {
        for (text, authority, path, query) in [
            ("/", None, "/", None),
            ("/a/b?c=d&e", None, "/a/b", Some("c=d&e")),
            ("/?", None, "/", Some("")),
            ("*", None, "*", None),
            ("http://a.example:8080", Some("a.example:8080"), "/", None),
            (
                "HTTP://[fd00::1]:80/x?y",
                Some("[fd00::1]:80"),
                "/x",
                Some("y"),
            ),
            ("https://a?b", Some("a"), "/", Some("b")),
        ] {
            let expected = Target {
                authority,
                is_https: text.starts_with("https"),
                path,
                query,
            };
            assert_eq!(Target::new(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn targets_that_are_no_uri_are_malformed() {
        for text in [
            "",
            "a",
            "a/b",
            "/a b",
            "/\u{1}",
            "/%",
            "/%4",
            "/%4g",
            "/a#b",
            "/\u{fc}",
            "http://",
            "http:///a",
            "ftp://a/",
            "http://user@a/",
            "a.example:80",
            "/a\tb",
            "/<",
            "http://a:b/",
            "**",
        ] {
            assert!(Target::new(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_are_told_from_what_is_none() {
        for good in [
            "",
            "a",
            "a.example",
            "a:80",
            "a:",
            "[::1]",
            "[::1]:8080",
            "10.0.0.1:1",
        ] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "a b", "a:b", "a/b", "a@b", "[::1", "::1", "[]", "a:1:2", "[::1]x",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn percent_encoding_is_undone() {
        let mut room = [0; 8];
        assert_eq!(Encoded::new("a%20b+").decode(&mut room), Some("a b+"));
        assert_eq!(Encoded::form("a%2Bb+").decode(&mut room), Some("a+b "));
        assert_eq!(Encoded::new("%ff").decode(&mut room), None);
        assert_eq!(Encoded::new("123456789").decode(&mut room), None);
        assert_eq!(Encoded::new("%4%zz%").decode(&mut room), Some("%4%zz%"));
        assert!(Encoded::new("%61%62") == "ab");
        assert_eq!(Encoded::new("4%32").number(), Some(42));
        assert_eq!(Encoded::new("+4").number(), None);
        assert_eq!(Encoded::new("").number(), None);
    }

    #[test]
    fn queries_are_names_and_values() {
        let read: Vec<_> = pairs("a=1&b=x%3dy+z&&c&d=")
            .map(|(name, value)| {
                let text = |part: Encoded<'_>| {
                    std::string::String::from_utf8(part.octets().collect()).unwrap()
                };
                (text(name), text(value))
            })
            .collect();
        let expected = [("a", "1"), ("b", "x=y z"), ("c", ""), ("d", "")];
        assert!(read.iter().map(|(a, b)| (&**a, &**b)).eq(expected));
    }

    #[test]
    fn patterns_match_segment_by_segment() {
        for (pattern, path, is_match) in [
            ("/", "/", true),
            ("/a", "/a", true),
            ("/a", "/%61", true),
            ("/a", "/a/", false),
            ("/a/b", "/a%2fb", false),
            ("/*", "/a", true),
            ("/*", "/", false),
            ("/*/b", "/x/b", true),
            ("/*/b", "/x/c", false),
            ("/a/**", "/a", true),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/b", false),
            ("**", "/x/y", true),
            ("/a", "/a/b", false),
            ("*", "*", true),
        ] {
            assert_eq!(matches(pattern, path), is_match, "{pattern} {path}");
        }
        let part = |number| wildcard("/a/*/b/**", "/a/x%20y/b/c/d", number).map(Encoded::as_str);
        assert_eq!(
            [part(0), part(1), part(2)],
            [Some("x%20y"), Some("c/d"), None]
        );
        assert!(wildcard("/a/*", "/b/c", 0).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_targets_are_read_or_malformed(text: Vec<u8>, pattern in "[a/*]{0,8}") {
            if let Ok(target) = Target::new(&text) {
                let _: bool = matches(&pattern, target.path);
                let _ = wildcard(&pattern, target.path, 1);
                let octets = pairs(target.query.unwrap_or("")).map(|(name, value)| name.octets().count() + value.octets().count());
                prop_assert!(octets.sum::<usize>() <= text.len());
            }
        }

        #[test]
        fn what_is_encoded_is_what_is_decoded(octets: Vec<u8>) {
            let text: std::string::String = octets.iter().map(|octet| std::format!("%{octet:02x}")).collect();
            prop_assert_eq!(Encoded::new(&text).octets().collect::<Vec<_>>(), octets);
        }
    }
}
