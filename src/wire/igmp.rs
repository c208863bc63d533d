//! IGMP: RFC 3376 §4 (version 3), with the messages of RFC 2236 §2 (version 2) and RFC 1112
//! appendix I (version 1). What version 3 adds is in [`group_report`](super::group_report).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      | Max Resp Code |           Checksum            |
//! |                         Group Address                         |
//! ```

use core::net::Ipv4Addr;

use super::group_report::{Query, QueryVersion, decode};
use super::{Bytes, Malformed};
use crate::checksum::Sum;
use crate::time::Duration;

/// Octets of a message of versions 1 and 2, and of a query in front of what version 3 adds.
pub const HEADER_LENGTH: usize = 8;
/// Octets of the shortest query of version 3 (RFC 3376 §7.1).
pub const QUERY_LENGTH: usize = 12;

/// All systems (RFC 1112 §4): where General Queries go.
pub const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
/// All routers: where Leave Group messages go (RFC 2236 §3).
pub const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// All routers that speak version 3: where its reports go (RFC 3376 §4.2.14).
pub const ALL_IGMPV3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

/// What is sent is sent with this precedence, internetwork control (RFC 3376 §4).
pub const TYPE_OF_SERVICE: u8 = 0xc0;
/// And with this TTL.
pub const TTL: u8 = 1;

/// Max Resp Time counts in these.
const TENTH: Duration = Duration::from_millis(100);
/// "An IGMPv1 router will send General Queries with the Max Resp Code set to 0. This MUST be
/// interpreted as a value of 100 (10 seconds)" (RFC 3376 §7.2.1).
const FIRST_VERSION_RESPONSE: Duration = Duration::from_secs(10);

/// What a message is. Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageType(pub u8);

impl MessageType {
    /// Membership Query.
    pub const MEMBERSHIP_QUERY: Self = Self(0x11);
    /// Membership Report of version 1.
    pub const MEMBERSHIP_REPORT_V1: Self = Self(0x12);
    /// Membership Report of version 2.
    pub const MEMBERSHIP_REPORT_V2: Self = Self(0x16);
    /// Leave Group, of version 2.
    pub const LEAVE_GROUP: Self = Self(0x17);
    /// Membership Report of version 3.
    pub const MEMBERSHIP_REPORT_V3: Self = Self(0x22);
}

/// The first eight octets of a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IgmpHeader<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> IgmpHeader<'a> {
    /// A view over bytes: any are a header. The checksum, which covers what follows too, is for the
    /// caller to verify.
    pub const fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The type.
    pub const fn message_type(self) -> MessageType {
        MessageType(self.0[0])
    }

    /// The Max Resp Code; what it means depends on the version.
    pub const fn max_response_code(self) -> u8 {
        self.0[1]
    }

    /// The group: unspecified in a General Query.
    pub const fn group(self) -> Ipv4Addr {
        Ipv4Addr::new(self.0[4], self.0[5], self.0[6], self.0[7])
    }
}

/// Reads a query whose checksum is right, and tells its version (RFC 3376 §7.1).
///
/// # Errors
///
/// [`Malformed::Length`] if no version has queries of this length or its sources are not there,
/// [`Malformed::Value`] if its group is none.
pub fn read_query<B: Bytes + ?Sized>(message: &B) -> Result<Query, Malformed> {
    let bytes = message.array::<HEADER_LENGTH>(0)?;
    let header = IgmpHeader::new(&bytes);
    let code = header.max_response_code();
    if message.len() == HEADER_LENGTH && code == 0 {
        // The group is "ignored when received" (RFC 1112 appendix I).
        let (version, time) = (QueryVersion::First, FIRST_VERSION_RESPONSE);
        return Ok(Query::older(version, None, time));
    }
    let group = match header.group() {
        Ipv4Addr::UNSPECIFIED => None,
        group if group.is_multicast() => Some(group.into()),
        _ => return Err(Malformed::Value),
    };
    let tenths = |count: u16| TENTH.times(count.into());
    match message.len() {
        HEADER_LENGTH => Ok(Query::older(
            QueryVersion::Previous,
            group,
            tenths(code.into()),
        )),
        QUERY_LENGTH.. => {
            let max_response = tenths(decode(code));
            Query::current(
                message,
                HEADER_LENGTH,
                size_of::<Ipv4Addr>(),
                group,
                max_response,
            )
        }
        // "Query messages that do not match any of the above conditions (e.g., a Query of length 10
        // octets) MUST be silently ignored."
        _ => Err(Malformed::Length),
    }
}

/// Writes a message of version 1 or 2, checksum and all.
pub fn write(bytes: &mut [u8; HEADER_LENGTH], message_type: MessageType, group: Ipv4Addr) {
    let [a, b, c, d] = group.octets();
    *bytes = [message_type.0, 0, 0, 0, a, b, c, d];
    let checksum = Sum::of_eight(bytes).finish();
    set_checksum(bytes, checksum);
}

/// Stores the checksum.
pub const fn set_checksum(bytes: &mut [u8; HEADER_LENGTH], checksum: u16) {
    [bytes[2], bytes[3]] = checksum.to_be_bytes();
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    /// A General Query of version 3, as a Linux bridge sends it: 10 s, QRV 2, QQI 125 s.
    const GENERAL: [u8; 12] = [0x11, 0x64, 0xec, 0x1e, 0, 0, 0, 0, 0x02, 0x7d, 0, 0];
    /// For two sources of 239.1.2.3, within 25.6 s.
    const SPECIFIC: [u8; 20] = [
        0x11, 0x90, 0, 0, 239, 1, 2, 3, 0x0a, 0x90, 0, 2, 10, 0, 0, 1, 10, 0, 0, 2,
    ];

    #[test]
    fn general_query_of_version_3_is_read() {
        assert!(Sum::of(&GENERAL).is_valid());
        let expected = Query {
            version: QueryVersion::Current,
            group: None,
            max_response: Duration::from_secs(10),
            robustness: 2,
            interval: 125,
            first_source: 12,
            sources: 0,
        };
        assert_eq!(read_query(&GENERAL[..]), Ok(expected));
    }

    #[test]
    fn sources_robustness_and_floating_point_times_are_read() {
        let query = read_query(&SPECIFIC[..]).unwrap();
        assert_eq!(query.group, Some(Ipv4Addr::new(239, 1, 2, 3).into()));
        assert_eq!(query.max_response, Duration::from_millis(25_600));
        assert_eq!((query.robustness, query.interval), (2, 256));
        assert_eq!((query.first_source, query.sources), (12, 2));
        // What follows is ignored (RFC 3376 §4.1.10); a source that is missing is not.
        let longer = [&SPECIFIC[..], &[1, 2, 3]].concat();
        assert_eq!(read_query(&longer[..]), Ok(query));
        assert_eq!(read_query(&SPECIFIC[..19]), Err(Malformed::Length));
    }

    #[test]
    fn version_of_a_query_is_told_by_length_and_code() {
        let first = read_query(&[0x11, 0, 0, 0, 0, 0, 0, 0][..]).unwrap();
        assert_eq!(first.version, QueryVersion::First);
        assert_eq!(first.max_response, Duration::from_secs(10));
        // The code is linear up to 255.
        let second = read_query(&[0x11, 200, 0, 0, 239, 1, 2, 3][..]).unwrap();
        assert_eq!(second.version, QueryVersion::Previous);
        assert_eq!(second.max_response, Duration::from_secs(20));
        assert!(second.group.is_some());
        for length in 0..8 {
            assert_eq!(read_query(&GENERAL[..length]), Err(Malformed::Truncated));
        }
        for length in 9..12 {
            assert_eq!(read_query(&GENERAL[..length]), Err(Malformed::Length));
        }
    }

    #[test]
    fn query_for_what_is_no_group_is_refused() {
        let query = [0x11, 10, 0, 0, 10, 1, 2, 3];
        assert_eq!(read_query(&query[..]), Err(Malformed::Value));
    }

    #[test]
    fn messages_of_version_2_are_written() {
        let mut bytes = [9; 8];
        let group = Ipv4Addr::new(239, 1, 2, 3);
        write(&mut bytes, MessageType::MEMBERSHIP_REPORT_V2, group);
        // 0x1600 + 0xef01 + 0x0203 = 0x10704, folded 0x0705.
        assert_eq!(bytes, [0x16, 0, 0xf8, 0xfa, 239, 1, 2, 3]);
        let header = IgmpHeader::new(&bytes);
        assert_eq!(header.message_type(), MessageType::MEMBERSHIP_REPORT_V2);
        assert_eq!(header.group(), group);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_sums_to_nothing(kind: u8, group: [u8; 4]) {
            let mut bytes = [0; 8];
            write(&mut bytes, MessageType(kind), group.into());
            let header = IgmpHeader::new(&bytes);
            prop_assert_eq!(header.message_type(), MessageType(kind));
            prop_assert_eq!(header.group().octets(), group);
            prop_assert!(Sum::of(&bytes).is_valid());
        }

        #[test]
        fn arbitrary_queries_do_not_reach_beyond_the_message(bytes: Vec<u8>) {
            if let Ok(query) = read_query(&bytes[..]) {
                let end = query.first_source + usize::from(query.sources) * 4;
                prop_assert!(end <= bytes.len());
            }
        }
    }
}
