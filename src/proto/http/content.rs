//! Kinds of content: media types, and codings that a client takes (RFC 9110 §8.3, §12.5.3).

use super::fields::Fields;

/// Media types by the ending of names.
const TYPES: [(&str, &str); 24] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("xml", "application/xml"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("wasm", "application/wasm"),
    ("pdf", "application/pdf"),
    ("gz", "application/gzip"),
    ("zip", "application/zip"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
];

/// The media type of what has this name, by its ending; `application/octet-stream` if that is not
/// known, and that of a page for a name that ends with a slash.
pub fn media_type(name: &str) -> &'static str {
    if name.ends_with('/') {
        return "text/html; charset=utf-8";
    }
    let ending = match name.rsplit_once('.') {
        Some((_, ending)) => ending,
        None => "",
    };
    let mut types = TYPES.iter();
    let known = types.find(|(known, _)| ending.eq_ignore_ascii_case(known));
    known.map_or("application/octet-stream", |(_, name)| name)
}

/// Whether a client takes what is coded with gzip, and would rather have that than not
/// (RFC 9110 §12.5.3).
pub fn accepts_gzip(fields: &Fields<'_>) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for member in fields.list("accept-encoding") {
        let mut parts = member.split(|octet| *octet == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or(&[]);
        let weight = parts.find_map(weight).unwrap_or(1000);
        match coding {
            b"*" => any = Some(weight),
            _ if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => {
                gzip = Some(weight);
            }
            _ if coding.eq_ignore_ascii_case(b"identity") => identity = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// `q=0.125` in thousandths (RFC 9110 §12.4.2); none for what is no weight.
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = parameter else {
        return None;
    };
    match value {
        [b'0'] => Some(0),
        [b'0', b'.', digits @ ..] if digits.len() <= 3 => {
            let digit = |place: usize| match digits.get(place) {
                Some(digit) if digit.is_ascii_digit() => Some(u16::from(digit - b'0')),
                Some(_) => None,
                None => Some(0),
            };
            Some(digit(0)? * 100 + digit(1)? * 10 + digit(2)?)
        }
        [b'1', ..] => Some(1000),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;

    #[test]
    fn types_are_known_by_endings() {
        assert_eq!(media_type("/a/style.CSS"), "text/css; charset=utf-8");
        assert_eq!(media_type("/"), "text/html; charset=utf-8");
        assert_eq!(media_type("/a.b/c"), "application/octet-stream");
        assert_eq!(media_type("/archive.tar.gz"), "application/gzip");
        assert_eq!(media_type("/x.unknown"), "application/octet-stream");
    }

    #[test]
    fn gzip_is_taken_where_the_client_says_so() {
        for (value, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5, br", true),
            ("*", true),
            ("x-gzip", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000, *", false),
            ("*;q=0", false),
            ("gzip; q=0.001", true),
            ("gzip;q=0.5, identity", false),
            ("gzip;q=0.5, identity;q=0.4", true),
            ("br", false),
            ("", false),
            ("identity", false),
            ("gzip;q=x", false),
        ] {
            let text = format!("accept-encoding: {value}\r\n\r\n");
            let fields = Fields::new(text.as_bytes()).unwrap();
            assert_eq!(accepts_gzip(&fields), takes, "{value}");
        }
        assert!(!accepts_gzip(&Fields::default()));
    }
}
