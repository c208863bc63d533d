//! Multicast Listener Discovery: RFC 3810 §5 (version 2), with the messages of RFC 2710 §3
//! (version 1). They are ICMPv6 messages; what version 2 adds is in
//! [`group_report`](super::group_report).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      |     Code      |           Checksum            |
//! |    Maximum Response Code      |           Reserved            |
//! |                Multicast Address (16 octets)                  |
//! ```

use core::net::Ipv6Addr;

use super::group_report::{Query, QueryVersion};
use super::icmpv6::MessageType;
use super::{Bytes, Malformed};
use crate::time::Duration;

/// Octets of a message of version 1, and of a query in front of what version 2 adds.
pub const MESSAGE_LENGTH: usize = 24;
/// Octets of the shortest query of version 2 (RFC 3810 §8.1).
pub const QUERY_LENGTH: usize = 28;
/// Where the multicast address stands.
pub const ADDRESS_OFFSET: usize = 8;
/// The hop limit of all messages (RFC 3810 §5).
pub const HOP_LIMIT: u8 = 1;

/// Reads a query whose checksum is right, and tells its version (RFC 3810 §8.1).
///
/// # Errors
///
/// [`Malformed::Length`] if no version has queries of this length or its sources are not there,
/// [`Malformed::Value`] if its multicast address is none.
pub fn read_query<B: Bytes + ?Sized>(message: &B) -> Result<Query, Malformed> {
    let [_, _, _, _, high, low, _, _] = message.array(0)?;
    let code = u16::from_be_bytes([high, low]);
    let group = match read_address(message)? {
        Ipv6Addr::UNSPECIFIED => None,
        group if group.is_multicast() => Some(group.into()),
        _ => return Err(Malformed::Value),
    };
    let millis = |count: u32| Duration::from_millis(count.into());
    match message.len() {
        MESSAGE_LENGTH => Ok(Query::older(
            QueryVersion::Previous,
            group,
            millis(code.into()),
        )),
        QUERY_LENGTH.. => {
            let max_response = millis(max_response_delay(code));
            Query::current(
                message,
                MESSAGE_LENGTH,
                size_of::<Ipv6Addr>(),
                group,
                max_response,
            )
        }
        // "Query messages that do not match any of the above conditions (e.g., a Query of length 26
        // octets) MUST be silently ignored."
        _ => Err(Malformed::Length),
    }
}

/// The multicast address of a message of version 1, or of a query.
pub fn read_address<B: Bytes + ?Sized>(message: &B) -> Result<Ipv6Addr, Malformed> {
    message.array(ADDRESS_OFFSET).map(Ipv6Addr::from_octets)
}

/// The Maximum Response Delay of a code, in milliseconds: linear below 32,768, a floating-point
/// number above (RFC 3810 §5.1.3).
pub const fn max_response_delay(code: u16) -> u32 {
    match code {
        0..0x8000 => code as u32,
        _ => (code as u32 & 0x0fff | 0x1000) << ((code >> 12 & 0x07) + 3),
    }
}

/// Writes a message of version 1 with checksum zero.
pub fn write(bytes: &mut [u8; MESSAGE_LENGTH], message_type: MessageType, address: Ipv6Addr) {
    *bytes = [0; MESSAGE_LENGTH];
    bytes[0] = message_type.0;
    super::put(bytes, ADDRESS_OFFSET..MESSAGE_LENGTH, address.octets());
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x1234);

    /// For two sources of ff05::1234, within 1 s, QRV 3, QQI 60 s.
    #[rustfmt::skip]
    const SPECIFIC: [u8; 60] = [
        130, 0, 0, 0, 0x03, 0xe8, 0, 0,
        0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34,
        0x03, 60, 0, 2,
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    ];

    #[test]
    fn query_of_version_2_is_read_with_its_sources() {
        let expected = Query {
            version: QueryVersion::Current,
            group: Some(GROUP.into()),
            max_response: Duration::from_secs(1),
            robustness: 3,
            interval: 60,
            first_source: 28,
            sources: 2,
        };
        assert_eq!(read_query(&SPECIFIC[..]), Ok(expected));
        let longer = [&SPECIFIC[..], &[1, 2, 3]].concat();
        assert_eq!(read_query(&longer[..]), Ok(expected));
        assert_eq!(read_query(&SPECIFIC[..59]), Err(Malformed::Length));
    }

    #[test]
    fn version_of_a_query_is_told_by_its_length() {
        let mut query = [0; 28];
        query[..6].copy_from_slice(&[130, 0, 0, 0, 0xff, 0xff]);
        let older = read_query(&query[..24]).unwrap();
        assert_eq!((older.version, older.group), (QueryVersion::Previous, None));
        // Linear in version 1 (RFC 3810 §8.2.1): 65,535 ms, of a code that is the largest in 2.
        assert_eq!(older.max_response, Duration::from_millis(65_535));
        let newer = read_query(&query[..]).unwrap();
        assert_eq!(newer.version, QueryVersion::Current);
        assert_eq!(newer.max_response, Duration::from_millis(8_387_584));
        for length in 25..28 {
            assert_eq!(read_query(&query[..length]), Err(Malformed::Length));
        }
        for length in 0..24 {
            assert_eq!(read_query(&query[..length]), Err(Malformed::Truncated));
        }
        query[8] = 0x20;
        assert_eq!(read_query(&query[..]), Err(Malformed::Value));
    }

    #[test]
    fn response_codes_are_linear_then_floating_point() {
        let codes = [0, 10_000, 0x7fff, 0x8000, 0x8001, 0x9000, 0xffff];
        let millis = [0, 10_000, 32_767, 32_768, 32_776, 65_536, 8_387_584];
        assert_eq!(codes.map(max_response_delay), millis);
    }

    #[test]
    fn done_is_written() {
        let mut bytes = [9; 24];
        write(&mut bytes, MessageType::MULTICAST_LISTENER_DONE, GROUP);
        assert_eq!(bytes[..8], [132, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[8..], GROUP.octets());
        assert_eq!(read_address(&bytes[..]), Ok(GROUP));
    }

    proptest! {
        #[test]
        fn delays_grow(code in 0..u16::MAX) {
            prop_assert!(max_response_delay(code) < max_response_delay(code + 1));
        }

        #[test]
        fn arbitrary_queries_do_not_reach_beyond_the_message(bytes: Vec<u8>) {
            if let Ok(query) = read_query(&bytes[..]) {
                let end = query.first_source + usize::from(query.sources) * 16;
                prop_assert!(end <= bytes.len());
            }
        }
    }
}
