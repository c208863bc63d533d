//! Requests (RFC 9112 §2, §3, §6).

use super::auth::Credentials;
use super::fields::{Fields, is_token, split_line};
use super::framing::{BodyLength, Coding, coding, content_length};
use super::method::Method;
use super::scan::Malformed;
use super::status::Status;
use super::target::{Encoded, Target, is_authority, pairs, wildcard};

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RequestError {
    /// It is no message, or one that others could read otherwise.
    Malformed,
    /// The target finds no room.
    TargetTooLong,
    /// The fields find no room.
    FieldsTooLong,
    /// The method, or a coding of the body, is not known.
    NotImplemented,
    /// The major version is another than 1.
    Version,
}

impl RequestError {
    /// What the client is told.
    pub const fn status(self) -> Status {
        match self {
            Self::Malformed => Status::BAD_REQUEST,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::FieldsTooLong => Status::HEADER_FIELDS_TOO_LARGE,
            Self::NotImplemented => Status::NOT_IMPLEMENTED,
            Self::Version => Status::VERSION_NOT_SUPPORTED,
        }
    }
}

impl From<Malformed> for RequestError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl core::fmt::Display for RequestError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.status().reason())
    }
}

impl core::error::Error for RequestError {}

/// The head of a request, in the buffer that it was received in.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    method: Method,
    target: Target<'a>,
    fields: Fields<'a>,
    body: BodyLength,
    is_1_1: bool,
    keeps_alive: bool,
    /// The pattern of the route that it has taken.
    pattern: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a head: the request line and the fields, to the empty line.
    ///
    /// # Errors
    ///
    /// As the error says. A body that was framed in two ways, or in none that is certain, makes the
    /// request malformed: it is how requests are smuggled (RFC 9112 §11.2).
    pub fn new(head: &'a [u8]) -> Result<Self, RequestError> {
        let (line, section) = split_line(head).ok_or(RequestError::Malformed)?;
        // Exactly one space, twice: "lenient parsing can result in request smuggling" (§3).
        let mut parts = line.split(|octet| *octet == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(RequestError::Malformed);
        };
        let is_1_1 = version_is_1_1(version)?;
        let fields = Fields::new(section)?;
        if !is_token(method) {
            return Err(RequestError::Malformed);
        }
        let method = Method::named(method).ok_or(RequestError::NotImplemented)?;
        let target = Target::new(target)?;
        if target.path == "*" && method != Method::Options {
            return Err(RequestError::Malformed);
        }
        check_host(&fields, is_1_1)?;
        let body = body_length(&fields, is_1_1)?;
        // §9.3.
        let keeps_alive = !fields.list_has("connection", "close")
            && (is_1_1 || fields.list_has("connection", "keep-alive"));
        Ok(Self {
            method,
            target,
            fields,
            body,
            is_1_1,
            keeps_alive,
            pattern: "",
        })
    }

    /// The same request, on the route of a pattern.
    pub(super) const fn routed(self, pattern: &'a str) -> Self {
        Self { pattern, ..self }
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// What it is for.
    pub const fn target(&self) -> Target<'a> {
        self.target
    }

    /// The path, as it was sent.
    pub const fn path(&self) -> &'a str {
        self.target.path
    }

    /// Names and values of the query.
    pub fn query(&self) -> impl Iterator<Item = (Encoded<'a>, Encoded<'a>)> + use<'a> {
        pairs(self.target.query.unwrap_or(""))
    }

    /// The value of this name in the query.
    pub fn query_value(&self, name: &str) -> Option<Encoded<'a>> {
        let mut query = self.query();
        query
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// What the wildcard of this number, counted from 0, of the route's pattern stands for.
    pub fn wildcard(&self, number: usize) -> Option<Encoded<'a>> {
        wildcard(self.pattern, self.path(), number)
    }

    /// The fields.
    pub const fn fields(&self) -> Fields<'a> {
        self.fields
    }

    /// Host and port of the target, of the field `Host` where the target names none; empty where that
    /// is empty or absent.
    pub fn authority(&self) -> &'a str {
        let field = || self.fields.get_str("host").unwrap_or("");
        self.target.authority.unwrap_or_else(field)
    }

    /// How long the body is.
    pub const fn body_length(&self) -> BodyLength {
        self.body
    }

    /// Whether the client knows HTTP/1.1, and not only 1.0.
    pub const fn is_1_1(&self) -> bool {
        self.is_1_1
    }

    /// Whether the client wishes to go on with the connection.
    pub const fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Whether the client waits to be told that it may send the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        // "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST ignore that".
        self.is_1_1 && self.fields.list_has("expect", "100-continue")
    }

    /// Whether the client expects something that is not known.
    pub fn expects_more(&self) -> bool {
        let mut expected = self.fields.list("expect");
        self.is_1_1 && expected.any(|what| !what.eq_ignore_ascii_case(b"100-continue"))
    }

    /// Whether the client would go on with this protocol (RFC 9110 §7.8).
    pub fn wishes_upgrade(&self, protocol: &str) -> bool {
        // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request."
        self.is_1_1
            && self.fields.list_has("connection", "upgrade")
            && self.fields.list_has("upgrade", protocol)
    }

    /// Who the client says to be (RFC 9110 §11.6.2).
    pub fn credentials(&self) -> Option<Credentials<'a>> {
        Credentials::new(self.fields.single("authorization")?)
    }
}

/// Reads `HTTP/1.1` and the like; whether the client knows 1.1.
fn version_is_1_1(version: &[u8]) -> Result<bool, RequestError> {
    match version
        .strip_prefix(b"HTTP/")
        .ok_or(RequestError::Malformed)?
    {
        [b'1', b'.', minor] if minor.is_ascii_digit() => Ok(*minor != b'0'),
        [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(RequestError::Version)
        }
        _ => Err(RequestError::Malformed),
    }
}

/// "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
/// lacks a Host header field and to any request message that contains more than one Host header field
/// line or a Host header field with an invalid field value" (§3.2).
fn check_host(fields: &Fields<'_>, is_1_1: bool) -> Result<(), RequestError> {
    let mut hosts = fields.all("host");
    let is_good = match (hosts.next(), hosts.next()) {
        (Some(host), None) => core::str::from_utf8(host).is_ok_and(is_authority),
        (None, _) => !is_1_1,
        _ => false,
    };
    is_good.then_some(()).ok_or(RequestError::Malformed)
}

/// How the body of a request is framed (§6.1, §6.3).
fn body_length(fields: &Fields<'_>, is_1_1: bool) -> Result<BodyLength, RequestError> {
    let length = content_length(fields)?;
    if fields.get("transfer-encoding").is_none() {
        return Ok(BodyLength::Octets(length.unwrap_or(0)));
    }
    // Both "ought to be handled as an error", and with HTTP/1.0 "the framing is faulty".
    if length.is_some() || !is_1_1 {
        return Err(RequestError::Malformed);
    }
    match coding(fields) {
        Coding::Chunked => Ok(BodyLength::Chunked),
        // "the chunked transfer coding is not the final encoding ...: the server MUST respond with the 400".
        Coding::Malformed => Err(RequestError::Malformed),
        Coding::Unknown => Err(RequestError::NotImplemented),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Request<'_>, RequestError> {
        Request::new(text.as_bytes())
    }

    #[test]
    fn request_is_read_where_it_lies() {
        let text =
            "POST /a/b%20c?x=1&y HTTP/1.1\r\nHost: a.example:8080\r\ncontent-length: 5\r\n\r\n";
        let request = parse(text).unwrap();
        assert_eq!(
            (request.method(), request.path()),
            (Method::Post, "/a/b%20c")
        );
        assert_eq!(request.authority(), "a.example:8080");
        assert_eq!(request.body_length(), BodyLength::Octets(5));
        assert_eq!(request.query_value("x").unwrap().as_str(), "1");
        assert!(request.query_value("z").is_none());
        assert!(request.is_1_1() && request.keeps_alive() && !request.expects_continue());
    }

    #[test]
    fn absolute_form_names_the_host() {
        let request = parse("GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n").unwrap();
        assert_eq!((request.authority(), request.path()), ("a.example", "/x"));
    }

    #[test]
    fn connection_goes_on_as_version_and_field_say() {
        for (version, field, goes_on) in [
            ("1.1", "x: y", true),
            ("1.1", "connection: close", false),
            ("1.1", "connection: a, Close", false),
            ("1.2", "x: y", true),
            ("1.0", "x: y", false),
            ("1.0", "connection: Keep-Alive", true),
            ("1.0", "connection: keep-alive, close", false),
        ] {
            let text = format!("GET / HTTP/{version}\r\nhost: a\r\n{field}\r\n\r\n");
            assert_eq!(parse(&text).unwrap().keeps_alive(), goes_on, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_malformed() {
        for line in [
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            " GET / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /",
            "GET\t/ HTTP/1.1",
            "GET / http/1.1",
            "GET / HTTP/1.10",
            "GET / HTTP/1",
            "GET / HTTP/x.1",
            "G(T / HTTP/1.1",
            "GET a HTTP/1.1",
            "GET * HTTP/1.1",
            "GET /a b HTTP/1.1",
            "",
        ] {
            let text = format!("{line}\r\nhost: a\r\n\r\n");
            assert_eq!(parse(&text).err(), Some(RequestError::Malformed), "{line}");
        }
        for fields in [
            "x: y",
            "host: a\r\nhost: a",
            "host: a b",
            "host: a@b",
            "host: a\r\ncontent-length: 1\r\ncontent-length: 2",
            "host: a\r\ncontent-length: 1, 2",
            "host: a\r\ncontent-length: +1",
            "host: a\r\ncontent-length: -1",
            "host: a\r\ncontent-length: 0x1",
            "host: a\r\ncontent-length: 1 1",
            "host: a\r\ncontent-length: ",
            "host: a\r\ncontent-length: 1,",
            "host: a\r\ncontent-length: 18446744073709551616",
            "host: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked",
            "host: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1",
            "host: a\r\ntransfer-encoding: gzip",
            "host: a\r\ntransfer-encoding: chunked, gzip",
            "host: a\r\ntransfer-encoding: chunked, chunked",
            "host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "host: a\r\ntransfer-encoding: xchunked",
            "host: a\r\ntransfer-encoding: \"chunked\"",
            "host: a\r\ntransfer-encoding: chunked;a=b",
            "host: a\r\ntransfer-encoding:",
            "host: a\r\ntransfer-encoding: \u{b}chunked",
            "host: a\r\nx : y",
            "host: a\r\n x: y",
            "host: a\r\nx: y\r\n z",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n");
            assert_eq!(
                parse(&text).err(),
                Some(RequestError::Malformed),
                "{fields}"
            );
        }
        let old = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(parse(old).err(), Some(RequestError::Malformed));
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let error =
            |line: &str, field: &str| parse(&format!("{line}\r\nhost: a\r\n{field}\r\n\r\n")).err();
        let unknown = Some(RequestError::NotImplemented);
        assert_eq!(error("BREW / HTTP/1.1", "x: y"), unknown);
        assert_eq!(error("CONNECT a:80 HTTP/1.1", "x: y"), unknown);
        assert_eq!(error("get / HTTP/1.1", "x: y"), unknown);
        assert_eq!(
            error("PUT / HTTP/1.1", "transfer-encoding: gzip, chunked"),
            unknown
        );
        assert_eq!(error("GET / HTTP/2.0", "x: y"), Some(RequestError::Version));
        assert_eq!(error("PRI * HTTP/2.0", "x: y"), Some(RequestError::Version));
    }

    #[test]
    fn length_named_twice_alike_is_that_length() {
        for fields in [
            "content-length: 7, 7",
            "content-length: 7\r\nContent-Length: 007",
        ] {
            let text = format!("POST / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n");
            assert_eq!(parse(&text).unwrap().body_length(), BodyLength::Octets(7));
        }
    }

    #[test]
    fn chunks_are_told_of_in_any_case() {
        for value in ["chunked", "CHUNKED", " chunked ", ",chunked"] {
            let text = format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:{value}\r\n\r\n");
            assert_eq!(parse(&text).unwrap().body_length(), BodyLength::Chunked);
        }
    }

    #[test]
    fn host_may_be_absent_only_from_an_old_client() {
        assert!(parse("GET / HTTP/1.0\r\n\r\n").is_ok());
        assert!(parse("GET / HTTP/1.1\r\n\r\n").is_err());
        assert_eq!(
            parse("GET / HTTP/1.1\r\nhost:\r\n\r\n")
                .unwrap()
                .authority(),
            ""
        );
    }

    #[test]
    fn expectations_and_upgrades_are_of_1_1_alone() {
        let text = |version| {
            format!(
                "GET / HTTP/{version}\r\nhost: a\r\nexpect: 100-Continue\r\nconnection: Upgrade\r\nupgrade: a, WebSocket\r\n\r\n"
            )
        };
        let (new, old) = (text("1.1"), text("1.0"));
        let (new, old) = (parse(&new).unwrap(), parse(&old).unwrap());
        assert!(new.expects_continue() && new.wishes_upgrade("websocket"));
        assert!(!old.expects_continue() && !old.wishes_upgrade("websocket"));
        assert!(!new.expects_more());
    }

    proptest! {
        #[test]
        fn arbitrary_heads_are_read_or_refused(text: Vec<u8>) {
            let _ = Request::new(&text);
        }

        #[test]
        fn heads_like_requests_are_read_or_refused(
            line in "(GET|PUT|X) (/|\\*|http://a)[a%?/]{0,4} HTTP/[012]\\.[01]",
            fields in prop::collection::vec("(host|content-length|transfer-encoding|expect|connection): ?[a0-9,;: \"]{0,8}", 0..5),
        ) {
            let text = format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n"));
            if let Ok(request) = parse(&text) {
                prop_assert!(request.path() == "*" || request.path().starts_with('/'));
                let _ = (request.keeps_alive(), request.authority(), request.credentials());
            }
        }
    }
}
