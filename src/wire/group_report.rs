//! What IGMPv3 (RFC 3376 §4) and MLDv2 (RFC 3810 §5) have in common: reports are made of records
//! of groups, queries end with what the querier's timers are and with a list of sources.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      |   Reserved    |           Checksum            |  Report
//! |           Reserved            |       Number of Records       |
//! |  Record Type  | Aux Data Len  |       Number of Sources       |  Record: group and sources
//! |                                                               |  follow
//! | Resv  |S| QRV |     QQIC      |       Number of Sources       |  Query, behind the group:
//! |                                                               |  sources follow
//! ```

use super::{Bytes, IpAddress, Malformed};
use crate::time::Duration;

/// Octets of a report in front of its first record.
pub const HEADER_LENGTH: usize = 8;
/// Octets of a record in front of its group.
pub const RECORD_LENGTH: usize = 4;
/// Octets of a query of the newest version between its group and its sources.
pub const QUERY_TAIL_LENGTH: usize = 4;

/// What a record says of its group (RFC 3376 §4.2.12, RFC 3810 §5.2.12). Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecordType(pub u8);

impl RecordType {
    /// Current state: these sources are wanted and no others.
    pub const MODE_IS_INCLUDE: Self = Self(1);
    /// Current state: all sources are wanted but these.
    pub const MODE_IS_EXCLUDE: Self = Self(2);
    /// From now on these sources are wanted and no others.
    pub const CHANGE_TO_INCLUDE_MODE: Self = Self(3);
    /// From now on all sources are wanted but these.
    pub const CHANGE_TO_EXCLUDE_MODE: Self = Self(4);
    /// These sources are wanted too.
    pub const ALLOW_NEW_SOURCES: Self = Self(5);
    /// These sources are wanted no longer.
    pub const BLOCK_OLD_SOURCES: Self = Self(6);

    /// Whether the record may be cut short, and not spread over several, if its sources do not fit
    /// into a report: those left out are only heard in vain (RFC 3376 §4.2.16, RFC 3810 §5.2.15).
    pub const fn is_exclude(self) -> bool {
        matches!(self, Self::MODE_IS_EXCLUDE | Self::CHANGE_TO_EXCLUDE_MODE)
    }
}

/// Writes the header of a report with checksum zero.
pub const fn write_header(bytes: &mut [u8; HEADER_LENGTH], message_type: u8, records: u16) {
    let [high, low] = records.to_be_bytes();
    *bytes = [message_type, 0, 0, 0, 0, 0, high, low];
}

/// Writes the start of a record without auxiliary data, which neither version defines.
pub const fn write_record(bytes: &mut [u8; RECORD_LENGTH], kind: RecordType, sources: u16) {
    let [high, low] = sources.to_be_bytes();
    *bytes = [kind.0, 0, high, low];
}

/// Which version of its protocol a query is of, and with it whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum QueryVersion {
    /// IGMPv1 (RFC 1112).
    First,
    /// IGMPv2 (RFC 2236) or MLDv1 (RFC 2710).
    Previous,
    /// IGMPv3 or MLDv2.
    Current,
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Query {
    /// Its version.
    pub version: QueryVersion,
    /// The group in question; `None` in a General Query.
    pub group: Option<IpAddress>,
    /// Answers come within this time.
    pub max_response: Duration,
    /// The querier's Robustness Variable; zero if it does not say.
    pub robustness: u8,
    /// The querier's Query Interval in seconds; zero if it does not say.
    pub interval: u16,
    /// Where in the message the sources in question stand.
    pub first_source: usize,
    /// How many there are.
    pub sources: u16,
}

impl Query {
    /// A query of an older version.
    pub(super) const fn older(
        version: QueryVersion,
        group: Option<IpAddress>,
        max_response: Duration,
    ) -> Self {
        Self {
            version,
            group,
            max_response,
            robustness: 0,
            interval: 0,
            first_source: 0,
            sources: 0,
        }
    }

    /// A query of the newest version, whose tail stands at `tail` of the message. Its sources, of
    /// `size` octets each, are all there.
    pub(super) fn current<B: Bytes + ?Sized>(
        message: &B,
        tail: usize,
        size: usize,
        group: Option<IpAddress>,
        max_response: Duration,
    ) -> Result<Self, Malformed> {
        let [flags, interval, high, low] = message.array::<QUERY_TAIL_LENGTH>(tail)?;
        let sources = u16::from_be_bytes([high, low]);
        let first_source = tail + QUERY_TAIL_LENGTH;
        if message.len() < first_source + usize::from(sources) * size {
            return Err(Malformed::Length);
        }
        Ok(Self {
            version: QueryVersion::Current,
            group,
            max_response,
            robustness: flags & 0x07,
            interval: decode(interval),
            first_source,
            sources,
        })
    }
}

/// The value of a code of eight bits: linear below 128, a floating-point number above (RFC 3376
/// §4.1.1 and §4.1.7, RFC 3810 §5.1.9). At most 31,744.
pub const fn decode(code: u8) -> u16 {
    match code {
        0..128 => code as u16,
        _ => (code as u16 & 0x0f | 0x10) << ((code >> 4 & 0x07) + 3),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_of_eight_bits_are_linear_then_floating_point() {
        assert_eq!([0, 1, 100, 127].map(decode), [0, 1, 100, 127]);
        // Exponent and mantissa by hand: 16 << 3, 31 << 3, 16 << 4, 26 << 6, 31 << 10.
        let codes = [0x80, 0x8f, 0x90, 0xba, 0xff];
        assert_eq!(codes.map(decode), [128, 248, 256, 1664, 31744]);
    }

    #[test]
    fn report_header_and_record_are_as_the_rfcs_draw_them() {
        let (mut header, mut record) = ([9; 8], [9; 4]);
        write_header(&mut header, 0x22, 0x0102);
        assert_eq!(header, [0x22, 0, 0, 0, 0, 0, 1, 2]);
        write_record(&mut record, RecordType::BLOCK_OLD_SOURCES, 0x0304);
        assert_eq!(record, [6, 0, 3, 4]);
    }

    proptest! {
        #[test]
        fn codes_grow(code in 0..255u8) {
            prop_assert!(decode(code) < decode(code + 1));
        }
    }
}
