//! How a server makes the client ask (RFC 8415 §18.2.11), and proves who it is (RKAP, §20.4).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::message::{Message, MessageType};
use super::option::code;

/// Protocol 3, algorithm 1, RDM 0 (§20.4.1).
const RKAP: [u8; 3] = [3, 1, 0];
/// The value is a key, in a Reply.
const KEY: u8 = 1;
/// The value is a digest, in a Reconfigure.
const DIGEST: u8 = 2;

/// The value of an Authentication option of RKAP (§21.11, §20.4.1).
struct Authentication {
    /// It grows with each message of the server.
    counter: u64,
    kind: u8,
    value: [u8; 16],
}

impl Authentication {
    fn read(option: &[u8]) -> Option<Self> {
        let (head, rest) = option.split_first_chunk()?;
        let (counter, rest) = rest.split_first_chunk()?;
        let (kind, value) = rest.split_first()?;
        (*head == RKAP).then_some(Self {
            counter: u64::from_be_bytes(*counter),
            kind: *kind,
            value: *value.as_array()?,
        })
    }
}

/// The key of a server, and the last counter that it has used.
pub(super) struct ReconfigureKey {
    key: [u8; 16],
    counter: u64,
}

impl ReconfigureKey {
    /// The key in a Reply, of a server that says that the client is to accept a Reconfigure (§21.20).
    pub(super) fn read(reply: &Message<'_>) -> Option<Self> {
        let _: &[u8] = reply.option(code::RECONFIGURE_ACCEPT)?;
        let read = Authentication::read(reply.option(code::AUTHENTICATION)?)?;
        (read.kind == KEY).then_some(Self {
            key: read.value,
            counter: read.counter,
        })
    }

    /// Whether it was given after another.
    pub(super) const fn is_newer_than(&self, other: &Self) -> bool {
        self.counter > other.counter
    }

    /// What a Reconfigure in some octets wants to be asked, if it is the server's, and not one that
    /// was there before (§16.11, §20.3).
    pub(super) fn accept(&mut self, octets: &[u8]) -> Option<MessageType> {
        let message = Message::new(octets).ok()?;
        let [kind] = message.options().array(code::RECONFIGURE_MESSAGE)?;
        let kinds = [
            MessageType::RENEW,
            MessageType::REBIND,
            MessageType::INFORMATION_REQUEST,
        ];
        let kind = kinds.into_iter().find(|known| known.0 == kind)?;
        let read = Authentication::read(message.option(code::AUTHENTICATION)?)?;
        if read.kind != DIGEST || read.counter <= self.counter || !self.verify(octets, &read) {
            return None;
        }
        self.counter = read.counter;
        Some(kind)
    }

    /// "computes an HMAC-MD5 over the Reconfigure message, with zeroes substituted for the HMAC-MD5
    /// field" (§20.4.3).
    fn verify(&self, octets: &[u8], read: &Authentication) -> bool {
        let mut options = octets.get(super::HEADER_LENGTH..).unwrap_or(&[]);
        let behind = loop {
            let Some(([a, b, c, d], rest)) = options.split_first_chunk() else {
                return false;
            };
            let length = usize::from(u16::from_be_bytes([*c, *d]));
            let Some(rest) = rest.get(length..) else {
                return false;
            };
            if u16::from_be_bytes([*a, *b]) == code::AUTHENTICATION {
                break rest;
            }
            options = rest;
        };
        // The digest is the end of the option.
        let end = octets.len() - behind.len();
        let before = octets.get(..end.saturating_sub(read.value.len()));
        let Ok(mut mac) = Hmac::<Md5>::new_from_slice(&self.key) else {
            return false;
        };
        mac.update(before.unwrap_or(&[]));
        mac.update(&[0; 16]);
        mac.update(behind);
        mac.verify_slice(&read.value).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const SERVER_KEY: [u8; 16] = [0x0b; 16];

    /// A Reconfigure for a Renew, with a digest that Python's `hmac` module has made of it.
    const RECONFIGURE: &[u8] = &[
        10, 0, 0, 0, // RECONFIGURE, transaction-id
        0, 19, 0, 1, 5, // OPTION_RECONF_MSG: Renew
        0, 11, 0, 28, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7,
        2, // OPTION_AUTH: RKAP, counter, digest
        0xcd, 0x42, 0xd8, 0xa9, 0xc0, 0x0e, 0x45, 0x1a, 0xf5, 0x08, 0xd0, 0xe6, 0xd6, 0xb4, 0xfe,
        0x67, 0, 200, 0, 1, 9, // another option behind
    ];

    fn key() -> ReconfigureKey {
        ReconfigureKey {
            key: SERVER_KEY,
            counter: 6,
        }
    }

    #[test]
    fn reconfigure_with_the_right_digest_is_accepted_once() {
        let mut key = key();
        assert_eq!(key.accept(RECONFIGURE), Some(MessageType::RENEW));
        // RFC 8415 §20.3: the counter has to grow.
        assert_eq!(key.accept(RECONFIGURE), None);
    }

    #[test]
    fn reconfigure_with_any_octet_changed_is_refused() {
        for place in 0..RECONFIGURE.len() {
            let mut bytes: Vec<u8> = RECONFIGURE.to_vec();
            bytes[place] ^= 0x10;
            assert_eq!(key().accept(&bytes), None, "{place}");
            assert_eq!(key().accept(&RECONFIGURE[..place]), None, "{place}");
        }
    }

    #[test]
    fn key_is_taken_of_a_server_that_wants_to_be_accepted() {
        let mut reply = std::vec![7, 0, 0, 0, 0, 11, 0, 28, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 1];
        reply.extend(SERVER_KEY);
        let read = |bytes: &[u8]| ReconfigureKey::read(&Message::new(bytes).unwrap());
        assert!(read(&reply).is_none());
        reply.extend([0, 20, 0, 0]);
        let mut key = read(&reply).unwrap();
        assert_eq!(key.accept(RECONFIGURE), Some(MessageType::RENEW));
        for (place, octet) in [(8, 2), (9, 2), (10, 1), (19, 2)] {
            let mut other = reply.clone();
            other[place] = octet;
            assert!(read(&other).is_none(), "{place}");
        }
    }
}
