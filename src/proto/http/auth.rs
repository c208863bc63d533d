//! Credentials (RFC 9110 §11, RFC 7617, RFC 6750).

use base64ct::{Base64, Encoding};

/// What a client has sent to say who it is.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    scheme: &'a str,
    token: &'a str,
}

impl<'a> Credentials<'a> {
    /// Reads the value of `Authorization`: a scheme, spaces, and what it says.
    pub fn new(value: &'a [u8]) -> Option<Self> {
        let value = core::str::from_utf8(value).ok()?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim_matches(' ');
        Some(Self { scheme, token })
    }

    /// The scheme, as it was written: "It uses a case-insensitive token to identify the authentication
    /// scheme" (RFC 9110 §11.1).
    pub const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// What stands behind it.
    pub const fn token(&self) -> &'a str {
        self.token
    }

    /// The token of the scheme `Bearer` (RFC 6750 §2.1).
    pub fn bearer(&self) -> Option<&'a str> {
        (self.scheme.eq_ignore_ascii_case("bearer")).then_some(self.token)
    }

    /// User and password of the scheme `Basic` (RFC 7617 §2), decoded to `to`; `None` also if they
    /// find no room there.
    pub fn basic<'t>(&self, to: &'t mut [u8]) -> Option<(&'t str, &'t str)> {
        if !self.scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Base64::decode(self.token, to).ok()?;
        // "the user-id and password MUST NOT contain any control characters".
        let text = core::str::from_utf8(decoded).ok()?;
        let is_good = !text.bytes().any(|octet| octet.is_ascii_control());
        // "a user-id containing a colon character is invalid": the first ends it.
        text.split_once(':').filter(|_| is_good)
    }
}

/// Octets of user, colon and password that are written.
#[cfg(feature = "http-client")]
const BASIC: usize = 96;
/// Octets of credentials that are written.
#[cfg(feature = "http-client")]
pub(super) const BASIC_LENGTH: usize = BASIC / 3 * 4;

/// User and password as the scheme `Basic` has them (RFC 7617 §2); `None` if there is no room, a colon
/// in the user, or a control in either.
#[cfg(feature = "http-client")]
pub(super) fn basic<'t>(
    (user, password): (&str, &str),
    to: &'t mut [u8; BASIC_LENGTH],
) -> Option<&'t str> {
    let mut text = heapless::String::<BASIC>::new();
    text.push_str(user).ok()?;
    text.push(':').ok()?;
    text.push_str(password).ok()?;
    let is_good = !user.contains(':') && !text.bytes().any(|octet| octet.is_ascii_control());
    let encoded = Base64::encode(text.as_bytes(), to).ok()?;
    is_good.then_some(encoded)
}

/// Whether two secrets are the same, in a time that tells no more of them than how long they are.
pub fn same(one: &str, other: &str) -> bool {
    let differ = |sum, (a, b): (u8, u8)| sum | (a ^ b);
    one.len() == other.len()
        && core::hint::black_box(one.bytes().zip(other.bytes()).fold(0, differ)) == 0
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_and_password_are_told_apart() {
        // RFC 7617 §2 and §2.1.
        for (token, user, password) in [
            ("QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
            ("dGVzdDoxMjPCow==", "test", "123£"),
            ("YTpiOmM=", "a", "b:c"),
            ("Og==", "", ""),
        ] {
            let value = std::format!("bAsIc  {token} ");
            let credentials = Credentials::new(value.as_bytes()).unwrap();
            assert_eq!(credentials.basic(&mut [0; 32]), Some((user, password)));
            assert_eq!(credentials.bearer(), None);
        }
    }

    #[test]
    fn what_is_no_user_and_password_is_none() {
        for value in [
            "Basic",
            "Basic *",
            "Basic YQ==",
            "Basic YTpi\u{fc}",
            "Basic YQA6Yg==",
            "Bearer YTpi",
            "Basic YTpiOmM",
        ] {
            let basic = Credentials::new(value.as_bytes())
                .map(|credentials| credentials.basic(&mut [0; 32]).is_some());
            assert_ne!(basic, Some(true), "{value}");
        }
        // No room.
        let credentials = Credentials::new(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(credentials.basic(&mut [0; 8]), None);
    }

    #[cfg(feature = "http-client")]
    #[test]
    fn user_and_password_are_written_as_they_are_read() {
        let mut room = [0; BASIC_LENGTH];
        let written = basic(("Aladdin", "open sesame"), &mut room);
        assert_eq!(written, Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        for (user, password) in [("a:b", "c"), ("a", "b\r\n"), ("a", &"b".repeat(95))] {
            assert_eq!(basic((user, password), &mut room), None);
        }
        assert!(basic(("a", &"b".repeat(94)), &mut room).is_some());
    }

    #[test]
    fn bearer_has_a_token() {
        let credentials = Credentials::new(b"Bearer mF_9.B5f-4.1JqM").unwrap();
        assert_eq!(credentials.bearer(), Some("mF_9.B5f-4.1JqM"));
        assert!(same("mF_9.B5f-4.1JqM", credentials.token()));
        assert!(!same("a", "b") && !same("a", "ab") && same("", ""));
    }

    proptest! {
        #[test]
        fn arbitrary_credentials_are_read_or_not(value: std::vec::Vec<u8>, token in "[a-zA-Z0-9+/=]{0,40}") {
            let _ = Credentials::new(&value).map(|credentials| credentials.basic(&mut [0; 16]).is_some());
            let value = std::format!("Basic {token}");
            let _ = Credentials::new(value.as_bytes()).unwrap().basic(&mut [0; 16]);
        }
    }
}
