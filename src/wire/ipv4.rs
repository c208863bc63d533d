//! The IPv4 header: RFC 791 §3.1 and RFC 1122 §3.2.1, with RFC 2474 §3 (DSCP), RFC 3168 §5 (ECN)
//! and RFC 6864 §4 (identification). Options are in [`ipv4_options`](super::ipv4_options).

use core::net::Ipv4Addr;

use byteorder::{ByteOrder, NetworkEndian};

use super::{Malformed, put};
use crate::checksum::Sum;

/// The fields of the fixed part.
mod field {
    use core::ops::Range;

    pub(super) const VERSION_IHL: usize = 0;
    /// Once the Type of Service: six bits of DSCP, two of ECN.
    pub(super) const DSCP_ECN: usize = 1;
    pub(super) const TOTAL_LENGTH: Range<usize> = 2..4;
    pub(super) const IDENTIFICATION: Range<usize> = 4..6;
    /// Three flags, thirteen bits of offset in units of eight octets.
    pub(super) const FRAGMENT: Range<usize> = 6..8;
    pub(super) const TTL: usize = 8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const CHECKSUM: Range<usize> = 10..12;
    pub(super) const SOURCE: Range<usize> = 12..16;
    pub(super) const DESTINATION: Range<usize> = 16..20;
}

/// Octets of a header without options.
pub const HEADER_LENGTH: usize = 20;
/// Octets that options take at most (RFC 791 §3.1: a header has up to 60).
pub const MAXIMUM_OPTIONS: usize = 40;
/// Octets of the largest datagram that every host takes (RFC 791 §3.1).
pub const MINIMUM_REASSEMBLY: usize = 576;
/// Octets of the largest datagram that every link carries whole (RFC 791 §3.2).
pub const MINIMUM_MTU: usize = 68;
/// The initial time to live (RFC 1700 "IP time to live parameter"; RFC 1122 §3.2.1.7).
pub const DEFAULT_TTL: u8 = 64;

/// The lowest header length, in units of four octets (RFC 791 §3.1).
const MINIMUM_IHL: u8 = 5;
/// The offset in the field that it shares with the flags.
const OFFSET_MASK: u16 = 0x1fff;

/// The control flags, at their place in the field that they share with the fragment offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Flags(u16);

bitflags::bitflags! {
    impl Ipv4Flags: u16 {
        /// DF: the datagram is not to be fragmented (RFC 791 §3.1).
        const DONT_FRAGMENT = 0x4000;
        /// MF: this is a fragment and not the last (RFC 791 §3.1).
        const MORE_FRAGMENTS = 0x2000;
    }
}

/// The fixed part of an IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Header<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> Ipv4Header<'a> {
    /// Reads a header.
    ///
    /// [`Malformed::Version`] if it is not of IPv4, [`Malformed::Length`] if it is shorter than
    /// itself or the datagram is shorter than its header. That as many octets as
    /// [`total_length`](Self::total_length) says are there is left for the caller to check, and so
    /// is the checksum.
    pub fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        let header = Self(bytes);
        let ihl = match bytes[field::VERSION_IHL] {
            version_ihl if version_ihl >> 4 == 4 => version_ihl & 0x0f,
            _ => return Err(Malformed::Version),
        };
        if ihl < MINIMUM_IHL || usize::from(header.total_length()) < header.header_length() {
            return Err(Malformed::Length);
        }
        Ok(header)
    }

    /// Octets of the header with its options: 20 to 60, never more than the total length.
    pub fn header_length(&self) -> usize {
        usize::from(self.0[field::VERSION_IHL] & 0x0f) * 4
    }

    /// Octets of the options, with their padding: 0 to 40.
    pub fn options_length(&self) -> usize {
        self.header_length().saturating_sub(HEADER_LENGTH)
    }

    /// The differentiated services code point, six bits (RFC 2474 §3).
    pub const fn dscp(&self) -> u8 {
        self.0[field::DSCP_ECN] >> 2
    }

    /// The congestion notification field, two bits (RFC 3168 §5).
    pub const fn ecn(&self) -> u8 {
        self.0[field::DSCP_ECN] & 0b11
    }

    /// Octets of this datagram or fragment, header included.
    pub fn total_length(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::TOTAL_LENGTH])
    }

    /// Octets behind the header.
    pub fn payload_length(&self) -> usize {
        usize::from(self.total_length()).saturating_sub(self.header_length())
    }

    /// What fragments of one datagram have in common; of an [atomic](Self::is_atomic) datagram it
    /// says nothing (RFC 6864 §4.1).
    pub fn identification(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::IDENTIFICATION])
    }

    /// The control flags. The reserved one is left out.
    pub fn flags(&self) -> Ipv4Flags {
        Ipv4Flags::from_bits_truncate(NetworkEndian::read_u16(&self.0[field::FRAGMENT]))
    }

    /// Whether the datagram may not be fragmented.
    pub fn dont_fragment(&self) -> bool {
        self.flags().contains(Ipv4Flags::DONT_FRAGMENT)
    }

    /// Whether further fragments follow this one.
    pub fn more_fragments(&self) -> bool {
        self.flags().contains(Ipv4Flags::MORE_FRAGMENTS)
    }

    /// Where the payload belongs in the datagram, in octets: a multiple of eight up to 65528.
    ///
    /// With the payload's length it can reach beyond 65535, which only a reassembly can refuse.
    pub fn fragment_offset(&self) -> u16 {
        (NetworkEndian::read_u16(&self.0[field::FRAGMENT]) & OFFSET_MASK) << 3
    }

    /// Whether this is part of a datagram.
    pub fn is_fragment(&self) -> bool {
        self.more_fragments() || self.fragment_offset() != 0
    }

    /// Whether this is a whole datagram that nobody may fragment (RFC 6864 §4).
    pub fn is_atomic(&self) -> bool {
        self.dont_fragment() && !self.is_fragment()
    }

    /// The time to live: how many more hops.
    pub const fn ttl(&self) -> u8 {
        self.0[field::TTL]
    }

    /// What the payload is, see [`protocol`](super::protocol).
    pub const fn protocol(&self) -> u8 {
        self.0[field::PROTOCOL]
    }

    /// The header checksum.
    pub fn checksum(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::CHECKSUM])
    }

    /// Whether the checksum is right, given the sum of the options.
    pub fn is_checksum_valid(&self, options: Sum) -> bool {
        Sum::of_twenty(self.0).plus(options).is_valid()
    }

    /// The source address.
    pub fn source(&self) -> Ipv4Addr {
        NetworkEndian::read_u32(&self.0[field::SOURCE]).into()
    }

    /// The destination address.
    pub fn destination(&self) -> Ipv4Addr {
        NetworkEndian::read_u32(&self.0[field::DESTINATION]).into()
    }
}

/// A header to be written or changed in place. Every change but
/// [`fill_checksum`](Self::fill_checksum) leaves the checksum as it was.
#[derive(Debug, PartialEq, Eq)]
pub struct Ipv4HeaderMut<'a>(&'a mut [u8; HEADER_LENGTH]);

impl<'a> Ipv4HeaderMut<'a> {
    /// Writes a whole header over whatever was there: no options, not a fragment, [`DEFAULT_TTL`],
    /// and zero for DSCP, ECN, identification and checksum. A device that fills in the checksum
    /// wants it zero.
    ///
    /// `total_length` counts the octets of the datagram, header included.
    pub fn write(
        to: &'a mut [u8; HEADER_LENGTH],
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: u8,
        total_length: u16,
    ) -> Self {
        *to = [0; HEADER_LENGTH];
        to[field::VERSION_IHL] = 4 << 4 | MINIMUM_IHL;
        to[field::TTL] = DEFAULT_TTL;
        to[field::PROTOCOL] = protocol;
        put(to, field::SOURCE, source.octets());
        put(to, field::DESTINATION, destination.octets());
        Self(to).total_length(total_length)
    }

    /// Changes a header that is there already.
    ///
    /// Refuses what [`Ipv4Header::new`] refuses.
    pub fn edit(bytes: &'a mut [u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        Ipv4Header::new(bytes).map(drop)?;
        Ok(Self(bytes))
    }

    /// Makes room in the header length for so many octets of options, padded to a multiple of four
    /// and 40 at most; what is beyond is not counted.
    pub fn options_length(self, octets: usize) -> Self {
        let words = octets.min(MAXIMUM_OPTIONS).div_ceil(4) as u8;
        self.0[field::VERSION_IHL] = 4 << 4 | (MINIMUM_IHL + words);
        self
    }

    /// Sets the octets of this datagram or fragment, header included.
    pub fn total_length(self, octets: u16) -> Self {
        put(self.0, field::TOTAL_LENGTH, octets.to_be_bytes());
        self
    }

    /// Sets the differentiated services code point (six bits) and the congestion notification
    /// field (two bits).
    pub fn dscp_ecn(self, dscp: u8, ecn: u8) -> Self {
        self.0[field::DSCP_ECN] = dscp << 2 | ecn & 0b11;
        self
    }

    /// Sets the identification. It must not repeat within a maximum datagram lifetime unless the
    /// datagram is atomic (RFC 6864 §4.3).
    pub fn identification(self, identification: u16) -> Self {
        put(self.0, field::IDENTIFICATION, identification.to_be_bytes());
        self
    }

    /// Sets the flags and the offset of a fragment in octets, of which the three lowest bits have
    /// no place in the header.
    pub fn fragment(self, flags: Ipv4Flags, offset: u16) -> Self {
        let flags = (flags & Ipv4Flags::all()).bits();
        put(self.0, field::FRAGMENT, (flags | offset >> 3).to_be_bytes());
        self
    }

    /// Sets the time to live.
    pub fn ttl(self, ttl: u8) -> Self {
        self.0[field::TTL] = ttl;
        self
    }

    /// Computes the checksum over all other fields and the options, of which the sum is given.
    pub fn fill_checksum(self, options: Sum) {
        put(self.0, field::CHECKSUM, 0u16.to_be_bytes());
        let checksum = Sum::of_twenty(self.0).plus(options).finish();
        put(self.0, field::CHECKSUM, checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::protocol;

    /// A UDP datagram of 115 octets, DF set; checksum 0xb861.
    const DATAGRAM: [u8; 20] = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 192, 168, 0, 1,
        192, 168, 0, 199,
    ];
    /// An IGMP report with the Router Alert option, TTL 1, DSCP CS6.
    const REPORT: [u8; 20] = [
        0x46, 0xc0, 0x00, 0x20, 0x00, 0x00, 0x40, 0x00, 0x01, 0x02, 0x41, 0x6a, 192, 168, 1, 10,
        224, 0, 0, 251,
    ];
    const ROUTER_ALERT: [u8; 4] = [0x94, 0x04, 0x00, 0x00];
    /// A fragment from the middle of a datagram, at octet 1480.
    const FRAGMENT: [u8; 20] = [
        0x45, 0x00, 0x05, 0xdc, 0x1c, 0x46, 0x20, 0xb9, 0x40, 0x01, 0x24, 0x20, 10, 0, 0, 1, 10, 0,
        0, 2,
    ];

    #[test]
    fn fields_of_a_datagram_are_read() {
        let header = Ipv4Header::new(&DATAGRAM).unwrap();
        assert_eq!((header.header_length(), header.options_length()), (20, 0));
        assert_eq!((header.total_length(), header.payload_length()), (115, 95));
        assert_eq!((header.dscp(), header.ecn()), (0, 0));
        assert_eq!(header.identification(), 0);
        assert_eq!(header.flags(), Ipv4Flags::DONT_FRAGMENT);
        assert!(header.is_atomic() && !header.is_fragment());
        assert_eq!((header.ttl(), header.protocol()), (64, protocol::UDP));
        assert_eq!(header.checksum(), 0xb861);
        assert_eq!(header.source(), Ipv4Addr::new(192, 168, 0, 1));
        assert_eq!(header.destination(), Ipv4Addr::new(192, 168, 0, 199));
        assert!(header.is_checksum_valid(Sum::ZERO));
    }

    #[test]
    fn options_are_part_of_header_and_checksum() {
        let header = Ipv4Header::new(&REPORT).unwrap();
        assert_eq!((header.header_length(), header.options_length()), (24, 4));
        assert_eq!(header.payload_length(), 8);
        assert_eq!((header.dscp(), header.ttl()), (48, 1));
        assert!(header.is_checksum_valid(Sum::of(&ROUTER_ALERT)));
        assert!(!header.is_checksum_valid(Sum::ZERO));
    }

    #[test]
    fn fragment_knows_its_place() {
        let header = Ipv4Header::new(&FRAGMENT).unwrap();
        assert!(header.is_fragment() && !header.is_atomic() && header.more_fragments());
        assert_eq!(header.fragment_offset(), 1480);
        assert_eq!(header.identification(), 0x1c46);
        assert!(header.is_checksum_valid(Sum::ZERO));
    }

    #[test]
    fn last_fragment_is_one_for_its_offset() {
        let mut bytes = FRAGMENT;
        bytes[6] &= !0x20;
        let header = Ipv4Header::new(&bytes).unwrap();
        assert!(header.is_fragment() && !header.more_fragments());
    }

    #[test]
    fn reserved_flag_is_ignored() {
        let mut bytes = DATAGRAM;
        bytes[6] |= 0x80;
        let header = Ipv4Header::new(&bytes).unwrap();
        assert_eq!(header.flags(), Ipv4Flags::DONT_FRAGMENT);
        assert_eq!(header.fragment_offset(), 0);
    }

    #[test]
    fn contradictory_headers_are_refused() {
        for (offset, value, error) in [
            (0, 0x65, Malformed::Version),
            (0, 0x05, Malformed::Version),
            (0, 0x44, Malformed::Length),
            (0, 0x40, Malformed::Length),
            (3, 19, Malformed::Length),
        ] {
            let mut bytes = DATAGRAM;
            bytes[offset] = value;
            assert_eq!(Ipv4Header::new(&bytes), Err(error));
            assert_eq!(Ipv4HeaderMut::edit(&mut bytes), Err(error));
        }
        // Options beyond the end of the datagram, and just within.
        let mut bytes = REPORT;
        bytes[3] = 23;
        assert_eq!(Ipv4Header::new(&bytes), Err(Malformed::Length));
        bytes[3] = 24;
        assert_eq!(Ipv4Header::new(&bytes).unwrap().payload_length(), 0);
    }

    #[test]
    fn one_wrong_bit_is_seen() {
        for bit in 0..160 {
            let mut bytes = DATAGRAM;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!Ipv4Header(&bytes).is_checksum_valid(Sum::ZERO));
        }
    }

    #[test]
    fn headers_are_written_octet_for_octet() {
        let mut bytes = [0xa5; 20];
        let (source, destination) = ([192, 168, 0, 1].into(), [192, 168, 0, 199].into());
        Ipv4HeaderMut::write(&mut bytes, source, destination, protocol::UDP, 115)
            .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
            .fill_checksum(Sum::ZERO);
        assert_eq!(bytes, DATAGRAM);

        let (source, destination) = ([192, 168, 1, 10].into(), [224, 0, 0, 251].into());
        Ipv4HeaderMut::write(&mut bytes, source, destination, protocol::IGMP, 32)
            .options_length(ROUTER_ALERT.len())
            .dscp_ecn(48, 0)
            .fragment(Ipv4Flags::DONT_FRAGMENT, 0)
            .ttl(1)
            .fill_checksum(Sum::of(&ROUTER_ALERT));
        assert_eq!(bytes, REPORT);
    }

    #[test]
    fn checksum_is_left_zero_for_a_device_that_fills_it_in() {
        let mut bytes = [0xa5; 20];
        let nobody = Ipv4Addr::UNSPECIFIED;
        let _ = Ipv4HeaderMut::write(&mut bytes, nobody, Ipv4Addr::BROADCAST, protocol::UDP, 28);
        assert_eq!(Ipv4Header::new(&bytes).unwrap().checksum(), 0);
    }

    #[test]
    fn header_is_changed_in_place() {
        let mut bytes = DATAGRAM;
        Ipv4HeaderMut::edit(&mut bytes)
            .unwrap()
            .ttl(63)
            .fill_checksum(Sum::ZERO);
        let header = Ipv4Header::new(&bytes).unwrap();
        assert_eq!((header.ttl(), header.checksum()), (63, 0xb961));
        assert!(header.is_checksum_valid(Sum::ZERO));
    }

    #[test]
    fn more_options_than_fit_are_not_counted() {
        let mut bytes = [0; 20];
        let nobody = Ipv4Addr::UNSPECIFIED;
        for (octets, length) in [(0, 20), (1, 24), (4, 24), (39, 60), (40, 60), (400, 60)] {
            let _ = Ipv4HeaderMut::write(&mut bytes, nobody, nobody, 0, 60).options_length(octets);
            assert_eq!(Ipv4Header::new(&bytes).unwrap().header_length(), length);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (source, destination, protocol, length) in any::<(u32, u32, u8, u16)>(),
            (dscp, ecn, identification, ttl) in (0..64u8, 0..4u8, any::<u16>(), any::<u8>()),
            (flags, offset) in (0..4u16, 0..0x2000u16),
            options in proptest::collection::vec(any::<[u8; 4]>(), 0..=10),
        ) {
            let (source, destination) = (Ipv4Addr::from(source), Ipv4Addr::from(destination));
            let (flags, offset) = (Ipv4Flags::from_bits_truncate(flags << 13), offset << 3);
            let options = options.concat();
            let length = length.max(60);
            let mut bytes = [0xa5; 20];
            Ipv4HeaderMut::write(&mut bytes, source, destination, protocol, length)
                .options_length(options.len())
                .dscp_ecn(dscp, ecn)
                .identification(identification)
                .fragment(flags, offset)
                .ttl(ttl)
                .fill_checksum(Sum::of(&options));
            let header = Ipv4Header::new(&bytes).unwrap();
            prop_assert_eq!(header.source(), source);
            prop_assert_eq!(header.destination(), destination);
            prop_assert_eq!((header.protocol(), header.ttl()), (protocol, ttl));
            prop_assert_eq!((header.dscp(), header.ecn()), (dscp, ecn));
            prop_assert_eq!(header.identification(), identification);
            prop_assert_eq!((header.flags(), header.fragment_offset()), (flags, offset));
            prop_assert_eq!(header.options_length(), options.len());
            prop_assert_eq!(header.total_length(), length);
            prop_assert!(header.is_checksum_valid(Sum::of(&options)));
        }

        #[test]
        fn arbitrary_bytes_at_every_truncation_do_not_panic(
            version_ihl in prop_oneof![Just(0x45u8), 0x40..=0x4fu8, any::<u8>()],
            mut bytes: [u8; 20],
        ) {
            bytes[0] = version_ihl;
            for end in 0..=bytes.len() {
                if let Some(Ok(header)) = bytes[..end].first_chunk().map(Ipv4Header::new) {
                    prop_assert!((20..=60).contains(&header.header_length()));
                    prop_assert!(header.options_length() <= MAXIMUM_OPTIONS);
                    let all = header.header_length() + header.payload_length();
                    prop_assert_eq!(all, usize::from(header.total_length()));
                    let _ = (header.is_atomic(), header.is_checksum_valid(Sum::ZERO));
                }
            }
        }
    }
}
