//! Ethernet framing: RFC 894 (Ethernet II), RFC 1042 and RFC 1122 §2.3.3 (IEEE 802.3 with LLC
//! and SNAP), RFC 1112 §6.4 and RFC 2464 §7 (multicast mapping); IEEE 802.3 §3.2.6 tells types
//! from lengths.

use core::net::{Ipv4Addr, Ipv6Addr};

use byteorder::{ByteOrder, NetworkEndian};

use super::{Malformed, put};

/// The fields of the header. The frame check sequence is the hardware's.
mod field {
    use core::ops::Range;

    pub(super) const DESTINATION: Range<usize> = 0..6;
    pub(super) const SOURCE: Range<usize> = 6..12;
    pub(super) const TYPE: Range<usize> = 12..14;
}

/// Octets of the header.
pub const HEADER_LENGTH: usize = 14;
/// The shortest frame, without its frame check sequence; shorter ones are padded (RFC 894).
pub const MINIMUM_FRAME: usize = 60;
/// The longest payload of a standard frame (RFC 894).
pub const MAXIMUM_PAYLOAD: usize = 1500;

/// IPv4 (RFC 894).
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// ARP (RFC 826).
pub const ETHERTYPE_ARP: u16 = 0x0806;
/// A customer VLAN tag (IEEE 802.1Q).
pub const ETHERTYPE_VLAN: u16 = 0x8100;
/// IPv6 (RFC 2464 §3).
pub const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Port authentication, EAP over LAN (IEEE 802.1X).
pub const ETHERTYPE_EAPOL: u16 = 0x888e;
/// A service VLAN tag (IEEE 802.1Q, once 802.1ad).
pub const ETHERTYPE_QINQ: u16 = 0x88a8;
/// Link layer discovery (IEEE 802.1AB).
pub const ETHERTYPE_LLDP: u16 = 0x88cc;
/// The precision time protocol (IEEE 1588, IEEE 802.1AS).
pub const ETHERTYPE_PTP: u16 = 0x88f7;

/// The smallest value that is a type and not a length (IEEE 802.3 §3.2.6).
const SMALLEST_TYPE: u16 = 0x0600;

/// The broadcast address.
pub const BROADCAST: [u8; 6] = [0xff; 6];

/// Whether an address is the broadcast address.
pub const fn is_broadcast(address: [u8; 6]) -> bool {
    matches!(address, BROADCAST)
}

/// Whether an address names a group; the broadcast address does too.
pub const fn is_group(address: [u8; 6]) -> bool {
    address[0] & 1 != 0
}

/// The address that carries an IPv4 group (RFC 1112 §6.4). Thirty-two groups share each.
pub const fn ipv4_group(group: Ipv4Addr) -> [u8; 6] {
    let [_, b, c, d] = group.octets();
    [0x01, 0x00, 0x5e, b & 0x7f, c, d]
}

/// The address that carries an IPv6 group (RFC 2464 §7).
pub const fn ipv6_group(group: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

/// How the last field of an Ethernet header is to be read (IEEE 802.3 §3.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameKind {
    /// Ethernet II: the EtherType of the payload.
    Type(u16),
    /// IEEE 802.3: so many octets follow that begin with an LLC header; the rest is padding.
    Length(u16),
    /// 1501 to 1535: neither.
    Undefined(u16),
}

/// The header of an Ethernet frame: any fourteen octets are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EthernetHeader<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> EthernetHeader<'a> {
    /// Reads a header.
    pub const fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The station or group the frame is for.
    pub fn destination(&self) -> [u8; 6] {
        address(&self.0[field::DESTINATION])
    }

    /// The station that sent the frame.
    pub fn source(&self) -> [u8; 6] {
        address(&self.0[field::SOURCE])
    }

    /// The last field as it stands; see [`kind`](Self::kind).
    pub fn ethertype(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::TYPE])
    }

    /// What follows the header.
    pub fn kind(&self) -> FrameKind {
        match self.ethertype() {
            value @ SMALLEST_TYPE.. => FrameKind::Type(value),
            value if usize::from(value) <= MAXIMUM_PAYLOAD => FrameKind::Length(value),
            value => FrameKind::Undefined(value),
        }
    }

    /// Writes a header.
    pub fn write(
        to: &mut [u8; HEADER_LENGTH],
        destination: [u8; 6],
        source: [u8; 6],
        ethertype: u16,
    ) {
        put(to, field::DESTINATION, destination);
        put(to, field::SOURCE, source);
        put(to, field::TYPE, ethertype.to_be_bytes());
    }
}

fn address(field: &[u8]) -> [u8; 6] {
    field.first_chunk().copied().unwrap_or_default()
}

/// Octets of the LLC and SNAP headers together (RFC 1042).
pub const SNAP_LENGTH: usize = 8;

/// The service access point of SNAP, K1 in RFC 1042.
const SAP_SNAP: u8 = 170;
/// Unnumbered information (RFC 1042).
const UNNUMBERED_INFORMATION: u8 = 3;

/// The LLC and SNAP headers that begin an IEEE 802.3 payload (RFC 1042).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SnapHeader<'a>(&'a [u8; SNAP_LENGTH]);

impl<'a> SnapHeader<'a> {
    /// Reads LLC and SNAP headers; the frame's [length](FrameKind::Length) covers them.
    ///
    /// [`Malformed::Value`] if the LLC header is not that of unnumbered information by SNAP: then
    /// the frame is of another protocol, such as the spanning tree's.
    pub fn new(bytes: &'a [u8; SNAP_LENGTH]) -> Result<Self, Malformed> {
        match bytes {
            [SAP_SNAP, SAP_SNAP, UNNUMBERED_INFORMATION, ..] => Ok(Self(bytes)),
            _ => Err(Malformed::Value),
        }
    }

    /// The organization whose protocol numbers are meant; zero (K2) for EtherTypes.
    pub const fn organization(&self) -> [u8; 3] {
        let [_, _, _, a, b, c, ..] = *self.0;
        [a, b, c]
    }

    /// The number that the organization gave to the protocol.
    pub fn protocol(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[6..8])
    }

    /// The EtherType of what follows, if it is one.
    pub fn ethertype(&self) -> Option<u16> {
        match (self.organization(), self.protocol()) {
            ([0, 0, 0], ethertype @ SMALLEST_TYPE..) => Some(ethertype),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    const FRAME: [u8; 14] = [
        0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08, 0x00,
    ];

    fn kind_of(value: u16) -> FrameKind {
        let mut bytes = FRAME;
        bytes[12..].copy_from_slice(&value.to_be_bytes());
        EthernetHeader::new(&bytes).kind()
    }

    #[test]
    fn fields_of_a_frame_are_read() {
        let header = EthernetHeader::new(&FRAME);
        assert_eq!(header.destination(), [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);
        assert_eq!(header.source(), [0x52, 0x54, 0x00, 0x12, 0x34, 0x56]);
        assert_eq!(header.ethertype(), ETHERTYPE_IPV4);
        assert_eq!(header.kind(), FrameKind::Type(ETHERTYPE_IPV4));
    }

    #[test]
    fn types_lengths_and_neither_are_told_apart() {
        assert_eq!(kind_of(0), FrameKind::Length(0));
        assert_eq!(kind_of(1500), FrameKind::Length(1500));
        assert_eq!(kind_of(1501), FrameKind::Undefined(1501));
        assert_eq!(kind_of(1535), FrameKind::Undefined(1535));
        assert_eq!(kind_of(1536), FrameKind::Type(1536));
        assert_eq!(kind_of(0xffff), FrameKind::Type(0xffff));
    }

    #[test]
    fn groups_map_to_their_link_addresses() {
        // 224.0.0.251 and 239.128.0.251 differ only in bits that the mapping drops.
        let mdns = [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb];
        assert_eq!(ipv4_group(Ipv4Addr::new(224, 0, 0, 251)), mdns);
        assert_eq!(ipv4_group(Ipv4Addr::new(239, 128, 0, 251)), mdns);
        let node = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff12, 0x3456);
        assert_eq!(ipv6_group(node), [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
    }

    #[test]
    fn broadcast_is_a_group_and_a_station_is_not() {
        assert!(is_broadcast(BROADCAST) && is_group(BROADCAST));
        let group = ipv4_group(Ipv4Addr::new(224, 0, 0, 1));
        assert!(is_group(group) && !is_broadcast(group));
        assert!(!is_group([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
    }

    #[test]
    fn snap_with_no_organization_names_an_ethertype() {
        let header = SnapHeader::new(&[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x06]).unwrap();
        assert_eq!(header.ethertype(), Some(ETHERTYPE_ARP));
    }

    #[test]
    fn snap_of_an_organization_names_no_ethertype() {
        let header = SnapHeader::new(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0x00]).unwrap();
        assert_eq!(header.organization(), [0, 0, 0x0c]);
        assert_eq!((header.protocol(), header.ethertype()), (0x2000, None));
        // A length is not a type here either.
        let header = SnapHeader::new(&[0xaa, 0xaa, 3, 0, 0, 0, 0x05, 0xdc]).unwrap();
        assert_eq!(header.ethertype(), None);
    }

    #[test]
    fn llc_without_snap_is_refused() {
        let spanning_tree = [0x42, 0x42, 3, 0, 0, 0, 0x08, 0x00];
        assert_eq!(SnapHeader::new(&spanning_tree), Err(Malformed::Value));
        let exchange_identification = [0xaa, 0xaa, 0xaf, 0, 0, 0, 0x08, 0x00];
        assert_eq!(
            SnapHeader::new(&exchange_identification),
            Err(Malformed::Value)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(destination: [u8; 6], source: [u8; 6], ethertype: u16) {
            let mut bytes = [0xa5; 14];
            EthernetHeader::write(&mut bytes, destination, source, ethertype);
            let header = EthernetHeader::new(&bytes);
            prop_assert_eq!(header.destination(), destination);
            prop_assert_eq!(header.source(), source);
            prop_assert_eq!(header.ethertype(), ethertype);
        }

        #[test]
        fn arbitrary_bytes_at_every_truncation_do_not_panic(bytes: [u8; 16]) {
            for end in 0..=bytes.len() {
                if let Some(bytes) = bytes[..end].first_chunk() {
                    let header = EthernetHeader::new(bytes);
                    let _ = (header.destination(), header.source(), header.kind());
                }
                if let Some(Ok(header)) = bytes[..end].first_chunk().map(SnapHeader::new) {
                    let _ = (header.organization(), header.ethertype());
                }
            }
        }
    }
}
