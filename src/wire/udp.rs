//! The UDP header: RFC 768 and RFC 1122 §4.1.

use byteorder::{ByteOrder, NetworkEndian};

use super::{Malformed, put};
use crate::checksum::Sum;

/// The fields.
mod field {
    use core::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const LENGTH: Range<usize> = 4..6;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
}

/// Octets of the header.
pub const HEADER_LENGTH: usize = 8;

/// A UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UdpHeader<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> UdpHeader<'a> {
    /// Reads a header.
    ///
    /// [`Malformed::Length`] if the length is less than that of the header (RFC 768); zero, which
    /// stands for the length of a jumbogram (RFC 2675 §4), is refused like the others. That as
    /// many octets are there is left for the caller to check: an ICMP error quotes only some.
    pub fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Result<Self, Malformed> {
        let header = Self(bytes);
        if usize::from(header.length()) < HEADER_LENGTH {
            return Err(Malformed::Length);
        }
        Ok(header)
    }

    /// The port of the sender; zero if it wants no answer.
    pub fn source_port(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::SOURCE_PORT])
    }

    /// The port that the datagram is for.
    pub fn destination_port(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::DESTINATION_PORT])
    }

    /// Octets of the header and the data: at least eight.
    pub fn length(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::LENGTH])
    }

    /// Octets of the data.
    pub fn data_length(&self) -> usize {
        usize::from(self.length()).saturating_sub(HEADER_LENGTH)
    }

    /// The checksum; zero if the sender generated none.
    pub fn checksum(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::CHECKSUM])
    }

    /// Whether the sender generated a checksum. IPv4 leaves it the choice (RFC 768); over IPv6 a
    /// datagram without is discarded but for a few tunnels (RFC 8200 §8.1).
    pub fn has_checksum(&self) -> bool {
        self.checksum() != 0
    }

    /// Whether the checksum is right, given the sums of pseudo-header and data. Meaningless if
    /// there is [none](Self::has_checksum).
    pub fn is_checksum_valid(&self, pseudo_header: Sum, data: Sum) -> bool {
        self.sum(pseudo_header, data).is_valid()
    }

    /// Writes a header.
    ///
    /// `length` counts header and data. `sums` are those of pseudo-header and data; without them
    /// the checksum field stays zero, which says that there is none, or leaves it to a device.
    pub fn write(
        to: &mut [u8; HEADER_LENGTH],
        source_port: u16,
        destination_port: u16,
        length: u16,
        sums: Option<(Sum, Sum)>,
    ) {
        put(to, field::SOURCE_PORT, source_port.to_be_bytes());
        put(to, field::DESTINATION_PORT, destination_port.to_be_bytes());
        put(to, field::LENGTH, length.to_be_bytes());
        put(to, field::CHECKSUM, 0u16.to_be_bytes());
        if let Some((pseudo_header, data)) = sums {
            // Zero is taken: it goes out as its equal, all ones (RFC 768).
            let checksum = match UdpHeader(to).sum(pseudo_header, data).finish() {
                0 => 0xffff,
                checksum => checksum,
            };
            put(to, field::CHECKSUM, checksum.to_be_bytes());
        }
    }

    fn sum(&self, pseudo_header: Sum, data: Sum) -> Sum {
        pseudo_header.plus(Sum::of_eight(self.0)).plus(data)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::protocol;

    /// A DNS query from 192.168.1.101 to 8.8.8.8, port 53.
    const QUERY: [u8; 8] = [0xe4, 0xa5, 0x00, 0x35, 0x00, 0x25, 0xa5, 0x0c];
    const QUESTION: &[u8] = b"\xd4\x31\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\
        \x07example\x03com\x00\x00\x01\x00\x01";

    fn pseudo_header(source: [u8; 4], destination: [u8; 4], length: u16) -> Sum {
        Sum::pseudo_ipv4(source.into(), destination.into(), protocol::UDP, length)
    }

    #[test]
    fn fields_of_a_query_are_read() {
        let header = UdpHeader::new(&QUERY).unwrap();
        assert_eq!(header.source_port(), 58533);
        assert_eq!(header.destination_port(), 53);
        assert_eq!((header.length(), header.data_length()), (37, 29));
        assert_eq!(header.checksum(), 0xa50c);
        let pseudo_header = pseudo_header([192, 168, 1, 101], [8, 8, 8, 8], 37);
        assert!(header.has_checksum());
        assert!(header.is_checksum_valid(pseudo_header, Sum::of(QUESTION)));
        assert!(!header.is_checksum_valid(pseudo_header, Sum::of(&QUESTION[..28])));
    }

    #[test]
    fn query_is_written_octet_for_octet() {
        let mut bytes = [0xa5; 8];
        let pseudo_header = pseudo_header([192, 168, 1, 101], [8, 8, 8, 8], 37);
        let sums = Some((pseudo_header, Sum::of(QUESTION)));
        UdpHeader::write(&mut bytes, 58533, 53, 37, sums);
        assert_eq!(bytes, QUERY);
    }

    #[test]
    fn computed_zero_is_sent_as_all_ones() {
        let mut bytes = [0; 8];
        let pseudo_header = pseudo_header([10, 0, 0, 1], [10, 0, 0, 2], 10);
        let data = Sum::of(&[0xe0, 0x1f]);
        UdpHeader::write(&mut bytes, 1000, 2000, 10, Some((pseudo_header, data)));
        let header = UdpHeader::new(&bytes).unwrap();
        assert_eq!(header.checksum(), 0xffff);
        assert!(header.is_checksum_valid(pseudo_header, data));
    }

    #[test]
    fn no_checksum_is_sent_as_zero() {
        let mut bytes = [0xa5; 8];
        UdpHeader::write(&mut bytes, 1, 2, 8, None);
        assert_eq!(bytes, [0, 1, 0, 2, 0, 8, 0, 0]);
        assert!(!UdpHeader::new(&bytes).unwrap().has_checksum());
    }

    #[test]
    fn length_below_the_header_is_refused() {
        for length in 0..8 {
            let bytes = [0, 1, 0, 2, 0, length, 0, 0];
            assert_eq!(UdpHeader::new(&bytes), Err(Malformed::Length));
        }
        let empty = [0, 1, 0, 2, 0, 8, 0, 0];
        assert_eq!(UdpHeader::new(&empty).unwrap().data_length(), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (source, destination) in any::<(u32, u32)>(),
            (source_port, destination_port) in any::<(u16, u16)>(),
            data in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let length = 8 + data.len() as u16;
            let (source, destination) = (Ipv4Addr::from(source), Ipv4Addr::from(destination));
            let pseudo_header = Sum::pseudo_ipv4(source, destination, protocol::UDP, length);
            let sums = (pseudo_header, Sum::of(&data));
            let mut bytes = [0xa5; 8];
            UdpHeader::write(&mut bytes, source_port, destination_port, length, Some(sums));
            let header = UdpHeader::new(&bytes).unwrap();
            prop_assert_eq!(header.source_port(), source_port);
            prop_assert_eq!(header.destination_port(), destination_port);
            prop_assert_eq!(header.data_length(), data.len());
            prop_assert!(header.has_checksum());
            prop_assert!(header.is_checksum_valid(sums.0, sums.1));
        }

        #[test]
        fn arbitrary_bytes_at_every_truncation_do_not_panic(bytes: [u8; 8]) {
            for end in 0..=bytes.len() {
                if let Some(Ok(header)) = bytes[..end].first_chunk().map(UdpHeader::new) {
                    let _ = (header.source_port(), header.destination_port());
                    let _ = (header.data_length(), header.has_checksum());
                    let _ = header.is_checksum_valid(Sum::ZERO, Sum::ZERO);
                }
            }
        }
    }
}
