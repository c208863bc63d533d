//! The IPv6 header: RFC 8200 §3, with the traffic class of RFC 2474 and RFC 3168 §5 and the flow
//! label of RFC 6437.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |Version| Traffic Class |           Flow Label                  |
//! |         Payload Length        |  Next Header  |   Hop Limit   |
//! |                  Source Address (16 octets)                   |
//! |                Destination Address (16 octets)                |
//! ```

use core::net::Ipv6Addr;

use super::{Malformed, ipv6_address, put};

/// How long the header is, in octets.
pub const HEADER_LENGTH: usize = 40;
/// Every link carries packets of this many octets (RFC 8200 §5). ICMPv6 errors stay within it.
pub const MINIMUM_MTU: usize = 1280;
/// Where the Payload Length field stands.
pub const PAYLOAD_LENGTH_OFFSET: usize = 4;
/// Where the Next Header field stands.
pub const NEXT_HEADER_OFFSET: usize = 6;
/// Where the Hop Limit field stands.
pub const HOP_LIMIT_OFFSET: usize = 7;
/// Where the Source Address stands.
pub const SOURCE_OFFSET: usize = 8;
/// Where the Destination Address stands.
pub const DESTINATION_OFFSET: usize = 24;

const VERSION: u8 = 6;

/// A received IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6Header<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> Ipv6Header<'a> {
    /// A view over bytes, if the version is 6. The addresses and the payload length are for the
    /// caller to judge: the latter against the octets that came.
    ///
    /// # Errors
    ///
    /// [`Malformed::Version`].
    pub const fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        match bytes[0] >> 4 {
            VERSION => Ok(Self(bytes)),
            _ => Err(Malformed::Version),
        }
    }

    /// The Traffic Class: DSCP and ECN.
    pub const fn traffic_class(self) -> u8 {
        self.0[0] << 4 | self.0[1] >> 4
    }

    /// The differentiated services codepoint, 0 to 63 (RFC 2474 §3).
    pub const fn dscp(self) -> u8 {
        self.traffic_class() >> 2
    }

    /// The congestion notification field, 0 to 3 (RFC 3168 §5).
    pub const fn ecn(self) -> u8 {
        self.traffic_class() & 3
    }

    /// The 20 bits of the flow label; zero if the packet has none (RFC 6437 §2).
    pub const fn flow_label(self) -> u32 {
        u32::from_be_bytes([0, self.0[1] & 0xf, self.0[2], self.0[3]])
    }

    /// How many octets follow this header, extension headers among them. Zero can also mean a
    /// jumbogram (RFC 2675 §3).
    pub const fn payload_length(self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// What follows this header: a number of [`protocol`](super::protocol).
    pub const fn next_header(self) -> u8 {
        self.0[NEXT_HEADER_OFFSET]
    }

    /// How many more times the packet may be forwarded.
    pub const fn hop_limit(self) -> u8 {
        self.0[HOP_LIMIT_OFFSET]
    }

    /// Who sent the packet.
    pub fn source(self) -> Ipv6Addr {
        ipv6_address::read_at::<SOURCE_OFFSET, HEADER_LENGTH>(self.0)
    }

    /// Whom the packet is for.
    pub fn destination(self) -> Ipv6Addr {
        ipv6_address::read_at::<DESTINATION_OFFSET, HEADER_LENGTH>(self.0)
    }
}

/// Writes a header with traffic class and flow label zero.
pub fn write(
    bytes: &mut [u8; HEADER_LENGTH],
    payload_length: u16,
    next_header: u8,
    hop_limit: u8,
    source: Ipv6Addr,
    destination: Ipv6Addr,
) {
    let [high, low] = payload_length.to_be_bytes();
    let start = [VERSION << 4, 0, 0, 0, high, low, next_header, hop_limit];
    put(bytes, 0..SOURCE_OFFSET, start);
    ipv6_address::write_at::<SOURCE_OFFSET, HEADER_LENGTH>(bytes, source);
    ipv6_address::write_at::<DESTINATION_OFFSET, HEADER_LENGTH>(bytes, destination);
}

/// A header to change in place.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6HeaderMut<'a>(pub &'a mut [u8; HEADER_LENGTH]);

impl Ipv6HeaderMut<'_> {
    /// Sets the Traffic Class: six bits of DSCP, two of ECN.
    pub const fn set_traffic_class(&mut self, class: u8) {
        self.0[0] = self.0[0] & 0xf0 | class >> 4;
        self.0[1] = self.0[1] & 0x0f | class << 4;
    }

    /// Sets the ECN field to the lower two bits, and leaves the DSCP (RFC 3168 §5).
    pub const fn set_ecn(&mut self, ecn: u8) {
        self.0[1] = self.0[1] & 0b1100_1111 | (ecn & 3) << 4;
    }

    /// Sets the Flow Label to the lower 20 bits.
    pub const fn set_flow_label(&mut self, label: u32) {
        let [_, high, middle, low] = label.to_be_bytes();
        self.0[1] = self.0[1] & 0xf0 | high & 0x0f;
        self.0[2] = middle;
        self.0[3] = low;
    }

    /// Sets the Payload Length, in octets.
    pub const fn set_payload_length(&mut self, length: u16) {
        [self.0[4], self.0[5]] = length.to_be_bytes();
    }

    /// Sets the Next Header.
    pub const fn set_next_header(&mut self, next_header: u8) {
        self.0[NEXT_HEADER_OFFSET] = next_header;
    }

    /// Sets the Hop Limit.
    pub const fn set_hop_limit(&mut self, hop_limit: u8) {
        self.0[HOP_LIMIT_OFFSET] = hop_limit;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: [u8; 40] = [
        0x6b, 0x71, 0x23, 0x45, // version 6, class 0xb7, label 0x12345
        0x04, 0xd2, 0x3a, 0x40, // 1234 octets, ICMPv6, 64 hops
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde, //
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
    ];

    #[test]
    fn fields_are_where_the_rfc_has_them() {
        let header = Ipv6Header::new(&HEADER).unwrap();
        assert_eq!(header.traffic_class(), 0xb7);
        assert_eq!(header.dscp(), 0b10_1101);
        assert_eq!(header.ecn(), 0b11);
        assert_eq!(header.flow_label(), 0x1_2345);
        assert_eq!(header.payload_length(), 1234);
        assert_eq!(header.next_header(), 58);
        assert_eq!(header.hop_limit(), 64);
        let source: Ipv6Addr = "fe80::3656:78ff:fe9a:bcde".parse().unwrap();
        assert_eq!(header.source(), source);
        assert_eq!(header.destination(), ipv6_address::ALL_NODES);
    }

    #[test]
    fn other_versions_are_refused() {
        for version in (0..16).filter(|version| *version != 6) {
            let mut bytes = HEADER;
            bytes[0] = version << 4 | 0xb;
            assert_eq!(Ipv6Header::new(&bytes), Err(Malformed::Version));
        }
    }

    #[test]
    fn written_header_is_the_literal_one() {
        let mut bytes = [0xff; 40];
        let source = "fe80::3656:78ff:fe9a:bcde".parse().unwrap();
        write(&mut bytes, 1234, 58, 64, source, ipv6_address::ALL_NODES);
        let mut header = Ipv6HeaderMut(&mut bytes);
        header.set_traffic_class(0xb4);
        header.set_flow_label(0xfff1_2345);
        header.set_ecn(0xff);
        assert_eq!(bytes, HEADER);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            class: u8,
            label in 0_u32..1 << 20,
            length: u16,
            next_header: u8,
            hop_limit: u8,
            source: u128,
            destination: u128,
        ) {
            let mut bytes = [0; 40];
            let (source, destination) = (source.into(), destination.into());
            write(&mut bytes, 0, 0, 0, source, destination);
            let mut header = Ipv6HeaderMut(&mut bytes);
            header.set_traffic_class(class);
            header.set_flow_label(label);
            header.set_payload_length(length);
            header.set_next_header(next_header);
            header.set_hop_limit(hop_limit);
            let header = Ipv6Header::new(&bytes).unwrap();
            prop_assert_eq!(header.traffic_class(), class);
            prop_assert_eq!(header.dscp() << 2 | header.ecn(), class);
            prop_assert_eq!(header.flow_label(), label);
            prop_assert_eq!(header.payload_length(), length);
            prop_assert_eq!(header.next_header(), next_header);
            prop_assert_eq!(header.hop_limit(), hop_limit);
            prop_assert_eq!(header.source(), source);
            prop_assert_eq!(header.destination(), destination);
        }
    }
}
