//! Responses (RFC 9112 §4, §6).

use super::fields::{Fields, is_text, split_line};
use super::framing::{BodyLength, Coding, coding, content_length};
use super::method::Method;
use super::scan::Malformed;
use super::status::Status;

/// The head of a response, in the buffer that it was received in.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResponseHead<'a> {
    status: Status,
    fields: Fields<'a>,
    is_1_1: bool,
}

impl<'a> ResponseHead<'a> {
    /// Reads a head: the status line and the fields, to the empty line.
    ///
    /// # Errors
    ///
    /// It is none of HTTP/1, or a line is malformed.
    pub fn new(head: &'a [u8]) -> Result<Self, Malformed> {
        let (line, section) = split_line(head).ok_or(Malformed)?;
        let version = line.strip_prefix(b"HTTP/1.").ok_or(Malformed)?;
        let [minor, b' ', code @ ..] = version else {
            return Err(Malformed);
        };
        // "a server MUST send the space that separates the status-code from the reason-phrase even when
        // the reason-phrase is absent" (§4); some do not.
        let (code, reason) = code.split_first_chunk::<3>().ok_or(Malformed)?;
        let is_reason = matches!(reason, [] | [b' ', ..]) && reason.iter().all(|o| is_text(*o));
        if !minor.is_ascii_digit() || !code.iter().all(u8::is_ascii_digit) || !is_reason {
            return Err(Malformed);
        }
        let code = (code.iter()).fold(0, |code, digit| code * 10 + u16::from(*digit - b'0'));
        Ok(Self {
            status: Status::new(code).ok_or(Malformed)?,
            fields: Fields::new(section)?,
            is_1_1: *minor != b'0',
        })
    }

    /// The status.
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The fields.
    pub const fn fields(&self) -> Fields<'a> {
        self.fields
    }

    /// Whether the server knows HTTP/1.1, and not only 1.0.
    pub const fn is_1_1(&self) -> bool {
        self.is_1_1
    }

    /// Whether the connection goes on behind it (§9.3), if its body does not end with that.
    pub fn keeps_alive(&self) -> bool {
        !self.fields.list_has("connection", "close")
            && (self.is_1_1 || self.fields.list_has("connection", "keep-alive"))
    }

    /// How long the body is (§6.3), as a response to a request by `method`.
    ///
    /// # Errors
    ///
    /// It is framed in two ways, in none that is certain, or coded in a way that was not asked for.
    pub fn body_length(&self, method: Method) -> Result<BodyLength, Malformed> {
        if method == Method::Head || self.status.is_without_content() {
            return Ok(BodyLength::Octets(0));
        }
        let length = content_length(&self.fields)?;
        if self.fields.get("transfer-encoding").is_none() {
            return Ok(length.map_or(BodyLength::ToEnd, BodyLength::Octets));
        }
        // Both "ought to be handled as an error" (§6.3, 3), and with HTTP/1.0 "the framing is faulty"
        // (§6.1). Without `TE` no coding but this one may come (RFC 9110 §10.1.4).
        match coding(&self.fields) {
            Coding::Chunked if length.is_none() && self.is_1_1 => Ok(BodyLength::Chunked),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<ResponseHead<'_>, Malformed> {
        ResponseHead::new(text.as_bytes())
    }

    #[test]
    fn response_is_read_where_it_lies() {
        let text = "HTTP/1.1 404 Not \u{fc}berall\r\nContent-Length: 5\r\nx: y\r\n\r\n";
        let head = parse(text).unwrap();
        assert_eq!((head.status(), head.is_1_1()), (Status::NOT_FOUND, true));
        assert_eq!(head.fields().get_str("X"), Some("y"));
        assert_eq!(head.body_length(Method::Get), Ok(BodyLength::Octets(5)));
        for line in ["HTTP/1.1 299 ", "HTTP/1.1 299", "HTTP/1.9 299 \tx"] {
            let text = format!("{line}\r\n\r\n");
            assert_eq!(parse(&text).unwrap().status().code(), 299, "{line}");
        }
    }

    #[test]
    fn what_is_no_response_is_malformed() {
        for line in [
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1 600 OK",
            "HTTP/1.1\t200 OK",
            "HTTP/2.0 200 OK",
            "HTTP/1.10 200 OK",
            "http/1.1 200 OK",
            "HTTP/1.1 200 \u{1}",
            "HTTP/1.1",
            "ICY 200 OK",
            "",
        ] {
            assert!(parse(&format!("{line}\r\n\r\n")).is_err(), "{line}");
        }
        assert!(parse("HTTP/1.1 200 OK\r\n x: y\r\n\r\n").is_err());
        assert!(parse("HTTP/1.1 200 OK").is_err());
    }

    #[test]
    fn length_of_a_response_is_known_by_method_status_and_fields() {
        let length = |line: &str, fields: &str, method| {
            let text = format!("HTTP/{line}\r\n{fields}\r\n\r\n");
            parse(&text).unwrap().body_length(method)
        };
        for (line, fields, expected) in [
            ("1.1 200 ", "content-length: 3", Ok(BodyLength::Octets(3))),
            (
                "1.1 200 ",
                "content-length: 3, 3",
                Ok(BodyLength::Octets(3)),
            ),
            ("1.1 200 ", "x: y", Ok(BodyLength::ToEnd)),
            (
                "1.1 200 ",
                "transfer-encoding: Chunked",
                Ok(BodyLength::Chunked),
            ),
            ("1.1 204 ", "content-length: 3", Ok(BodyLength::Octets(0))),
            (
                "1.1 304 ",
                "transfer-encoding: chunked",
                Ok(BodyLength::Octets(0)),
            ),
            ("1.1 103 ", "content-length: 3", Ok(BodyLength::Octets(0))),
            (
                "1.1 200 ",
                "content-length: 3\r\ncontent-length: 4",
                Err(Malformed),
            ),
            ("1.1 200 ", "content-length: x", Err(Malformed)),
            (
                "1.1 200 ",
                "content-length: 3\r\ntransfer-encoding: chunked",
                Err(Malformed),
            ),
            (
                "1.1 200 ",
                "transfer-encoding: gzip, chunked",
                Err(Malformed),
            ),
            (
                "1.1 200 ",
                "transfer-encoding: chunked, gzip",
                Err(Malformed),
            ),
            ("1.0 200 ", "transfer-encoding: chunked", Err(Malformed)),
        ] {
            assert_eq!(
                length(line, fields, Method::Get),
                expected,
                "{line}{fields}"
            );
        }
        let head = length("1.1 200 ", "content-length: 3", Method::Head);
        assert_eq!(head, Ok(BodyLength::Octets(0)));
    }

    #[test]
    fn connection_goes_on_as_the_response_says() {
        for (version, field, goes_on) in [
            ("1.1", "x: y", true),
            ("1.1", "connection: close", false),
            ("1.0", "x: y", false),
            ("1.0", "connection: Keep-Alive", true),
        ] {
            let text = format!("HTTP/{version} 200 OK\r\n{field}\r\n\r\n");
            assert_eq!(parse(&text).unwrap().keeps_alive(), goes_on, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_responses_are_read_or_refused(rest: Vec<u8>, line in "HTTP/1[.]1 [0-9]{3}( [ -~]{0,9})?\r\n") {
            let mut text = line.into_bytes();
            text.extend(rest);
            for text in [&text[..], &text[17.min(text.len())..]] {
                if let Ok(head) = ResponseHead::new(text) {
                    let _: Result<BodyLength, Malformed> = head.body_length(Method::Get);
                    let _: bool = head.keeps_alive();
                }
            }
        }
    }
}
