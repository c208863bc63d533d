//! What is asked for, and where a redirection leads (RFC 9110 §4.2, RFC 3986 §5.2).

use heapless::String;

use super::super::target::Target;
use super::config::HttpClientError;
use crate::config::HTTP_URL;

/// A URL of the scheme `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) is_https: bool,
    /// Host and port, as they are written.
    pub(super) authority: &'a str,
    /// The host; an address of IPv6 without its brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> Url<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, HttpClientError> {
        // "the fragment identifier ... is not transmitted" (RFC 9110 §7.1).
        let text = text.split('#').next().unwrap_or(text);
        let target = Target::new(text.as_bytes()).map_err(|_| HttpClientError::Url)?;
        let authority = target.authority.ok_or(HttpClientError::Url)?;
        let (host, port) = split_authority(authority).ok_or(HttpClientError::Url)?;
        let usual = if target.is_https { 443 } else { 80 };
        Ok(Self {
            is_https: target.is_https,
            authority,
            host,
            port: port.unwrap_or(usual),
            path: target.path,
            query: target.query,
        })
    }

    /// Whether this is the same server: it may be told what the other was told.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        self.is_https == other.is_https
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(other.host)
    }

    /// What `reference` means at this URL.
    pub(super) fn resolve(&self, reference: &str) -> Result<String<HTTP_URL>, HttpClientError> {
        let reference = reference.split('#').next().unwrap_or(reference);
        let mut text = String::new();
        let mut put = |parts: &[&str]| {
            let mut parts = parts.iter();
            parts.try_for_each(|part| text.push_str(part).map_err(|_| HttpClientError::Url))
        };
        if has_scheme(reference) {
            put(&[reference])?;
            return Ok(text);
        }
        put(&[if self.is_https { "https:" } else { "http:" }])?;
        if reference.starts_with("//") {
            put(&[reference])?;
            return Ok(text);
        }
        put(&["//", self.authority])?;
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let query = match path {
            "" => {
                put(&[self.path])?;
                query.or(self.query)
            }
            _ => {
                // What stands behind the last slash gives way to a relative path.
                let (base, _) = self.path.rsplit_once('/').unwrap_or_default();
                let (base, path) = match path.strip_prefix('/') {
                    Some(path) => (None, path),
                    None => (base.strip_prefix('/'), path),
                };
                let start = text.len();
                let base = base.into_iter().flat_map(|base| base.split('/'));
                let mut segments = base.chain(path.split('/')).peekable();
                while let Some(segment) = segments.next() {
                    merge(&mut text, start, segment, segments.peek().is_none())?;
                }
                query
            }
        };
        if let Some(query) = query {
            let put = text.push('?').and_then(|()| text.push_str(query));
            put.map_err(|_| HttpClientError::Url)?;
        }
        Ok(text)
    }
}

/// Writes a segment of a path, which begins at `start` (RFC 3986 §5.2.4).
fn merge(
    text: &mut String<HTTP_URL>,
    start: usize,
    segment: &str,
    is_last: bool,
) -> Result<(), HttpClientError> {
    if segment == ".." {
        let slash = text.get(start..).and_then(|path| path.rfind('/'));
        text.truncate(start + slash.unwrap_or(0));
    }
    if matches!(segment, "." | "..") && !is_last {
        return Ok(());
    }
    let segment = if matches!(segment, "." | "..") {
        ""
    } else {
        segment
    };
    let put = text.push('/').and_then(|()| text.push_str(segment));
    put.map_err(|_| HttpClientError::Url)
}

/// Whether a scheme stands in front: letters and such to a colon, ahead of any slash.
fn has_scheme(text: &str) -> bool {
    let end = text.find([':', '/', '?']).unwrap_or(text.len());
    end > 0 && text.get(end..).is_some_and(|rest| rest.starts_with(':'))
}

/// The host, and the port if there is one.
pub(super) fn split_authority(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(literal) => {
            let (host, rest) = literal.split_once(']')?;
            (host, rest.strip_prefix(':').unwrap_or(rest))
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_number = port.bytes().all(|octet| octet.is_ascii_digit());
    let port = match port {
        "" => None,
        port => Some(port.parse().ok().filter(|port| is_number && *port != 0)?),
    };
    // "A sender MUST NOT generate an "http" URI with an empty host identifier" (RFC 9110 §4.2.1).
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_have_hosts_and_ports() {
        for (text, host, port, path) in [
            ("http://a.example", "a.example", 80, "/"),
            ("http://a.example:8080/b?c#d", "a.example", 8080, "/b"),
            ("https://a:/b", "a", 443, "/b"),
            ("http://[fd00::1]:81/", "fd00::1", 81, "/"),
            ("HTTP://[::1]", "::1", 80, "/"),
        ] {
            let url = Url::new(text).unwrap();
            assert_eq!((url.host, url.port, url.path), (host, port, path), "{text}");
        }
        for text in [
            "",
            "/a",
            "a",
            "http://",
            "http://:80/",
            "http://a:0/",
            "http://a:65536/",
            "ftp://a/",
            "http://u@a/",
            "http://a/ b",
            "http://a/\r\nx: y",
            "http://[]/",
            "*",
        ] {
            assert_eq!(Url::new(text), Err(HttpClientError::Url), "{text:?}");
        }
    }

    /// RFC 3986 §5.4, of what a redirection may have.
    #[test]
    fn references_are_resolved() {
        let base = Url::new("http://a/b/c/d?q").unwrap();
        for (reference, expected) in [
            ("http://x/y", "http://x/y"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("#s", "http://a/b/c/d?q"),
            ("g#s", "http://a/b/c/g"),
            ("", "http://a/b/c/d?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("/x//y", "http://a/x//y"),
        ] {
            let resolved = base.resolve(reference);
            assert_eq!(resolved.as_deref(), Ok(expected), "{reference}");
        }
        let long = "x".repeat(HTTP_URL);
        assert_eq!(base.resolve(&long), Err(HttpClientError::Url));
    }

    proptest! {
        #[test]
        fn arbitrary_references_are_resolved_or_refused(reference in "[a./?#:%\\[\\]\u{fc}]{0,20}|.{0,20}") {
            let base = Url::new("http://a/b/c?d").unwrap();
            if let Ok(text) = base.resolve(&reference) {
                let _ = Url::new(&text);
            }
        }
    }
}
