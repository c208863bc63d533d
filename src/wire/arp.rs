//! ARP for IPv4 over Ethernet: RFC 826, RFC 5227 §1.1 and §2 (probes and announcements),
//! RFC 5494 §2 (number spaces).

use core::net::Ipv4Addr;

use byteorder::{ByteOrder, NetworkEndian};

use super::{Malformed, ethernet::ETHERTYPE_IPV4, put};

/// The fields, for hardware addresses of six octets and protocol addresses of four.
mod field {
    use core::ops::Range;

    /// ar$hrd
    pub(super) const HARDWARE_TYPE: Range<usize> = 0..2;
    /// ar$pro
    pub(super) const PROTOCOL_TYPE: Range<usize> = 2..4;
    /// ar$hln
    pub(super) const HARDWARE_LENGTH: usize = 4;
    /// ar$pln
    pub(super) const PROTOCOL_LENGTH: usize = 5;
    /// ar$op
    pub(super) const OPERATION: Range<usize> = 6..8;
    /// ar$sha
    pub(super) const SENDER_HARDWARE: Range<usize> = 8..14;
    /// ar$spa
    pub(super) const SENDER_PROTOCOL: Range<usize> = 14..18;
    /// ar$tha
    pub(super) const TARGET_HARDWARE: Range<usize> = 18..24;
    /// ar$tpa
    pub(super) const TARGET_PROTOCOL: Range<usize> = 24..28;
}

/// Octets of a packet for IPv4 over Ethernet.
pub const PACKET_LENGTH: usize = 28;

/// The hardware type of Ethernet (RFC 826).
const HARDWARE_ETHERNET: u16 = 1;
/// Octets of an Ethernet address.
const HARDWARE_LENGTH: u8 = 6;
/// Octets of an IPv4 address.
const PROTOCOL_LENGTH: u8 = 4;

/// What an ARP packet asks or says, ar$op (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ArpOperation {
    /// Who has the target's protocol address?
    Request,
    /// The sender has.
    Reply,
    /// An operation of another protocol with this format, such as reverse ARP.
    Other(u16),
}

impl From<u16> for ArpOperation {
    fn from(value: u16) -> Self {
        match value {
            1 => Self::Request,
            2 => Self::Reply,
            other => Self::Other(other),
        }
    }
}

impl From<ArpOperation> for u16 {
    fn from(operation: ArpOperation) -> Self {
        match operation {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
            ArpOperation::Other(other) => other,
        }
    }
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ArpPacket<'a>(&'a [u8; PACKET_LENGTH]);

impl<'a> ArpPacket<'a> {
    /// Reads a packet.
    ///
    /// [`Malformed::Value`] for another hardware or protocol type, [`Malformed::Length`] for
    /// address lengths that do not fit them. Any operation will do: RFC 826 looks at it last.
    pub fn new(bytes: &'a [u8; PACKET_LENGTH]) -> Result<Self, Malformed> {
        let hardware = NetworkEndian::read_u16(&bytes[field::HARDWARE_TYPE]);
        let protocol = NetworkEndian::read_u16(&bytes[field::PROTOCOL_TYPE]);
        if hardware != HARDWARE_ETHERNET || protocol != ETHERTYPE_IPV4 {
            return Err(Malformed::Value);
        }
        if bytes[field::HARDWARE_LENGTH] != HARDWARE_LENGTH
            || bytes[field::PROTOCOL_LENGTH] != PROTOCOL_LENGTH
        {
            return Err(Malformed::Length);
        }
        Ok(Self(bytes))
    }

    /// What the packet asks or says.
    pub fn operation(&self) -> ArpOperation {
        NetworkEndian::read_u16(&self.0[field::OPERATION]).into()
    }

    /// The sender's Ethernet address.
    pub fn sender_hardware(&self) -> [u8; 6] {
        hardware(&self.0[field::SENDER_HARDWARE])
    }

    /// The sender's IPv4 address; unspecified in a probe.
    pub fn sender_protocol(&self) -> Ipv4Addr {
        NetworkEndian::read_u32(&self.0[field::SENDER_PROTOCOL]).into()
    }

    /// The target's Ethernet address; in a request it says nothing.
    pub fn target_hardware(&self) -> [u8; 6] {
        hardware(&self.0[field::TARGET_HARDWARE])
    }

    /// The target's IPv4 address.
    pub fn target_protocol(&self) -> Ipv4Addr {
        NetworkEndian::read_u32(&self.0[field::TARGET_PROTOCOL]).into()
    }

    /// Whether this is an ARP Probe: a request by someone who has no address yet (RFC 5227 §1.1).
    pub fn is_probe(&self) -> bool {
        self.operation() == ArpOperation::Request && self.sender_protocol().is_unspecified()
    }

    /// Whether this is an ARP Announcement: a request for the sender's own address (RFC 5227
    /// §1.1).
    pub fn is_announcement(&self) -> bool {
        self.operation() == ArpOperation::Request && self.is_gratuitous()
    }

    /// Whether the sender speaks of its own address without being asked: an announcement, or the
    /// same in the form of a reply (RFC 5227 §3).
    pub fn is_gratuitous(&self) -> bool {
        let sender = self.sender_protocol();
        sender == self.target_protocol() && !sender.is_unspecified()
    }

    /// Writes a packet.
    pub fn write(
        to: &mut [u8; PACKET_LENGTH],
        operation: ArpOperation,
        (sender_hardware, sender_protocol): ([u8; 6], Ipv4Addr),
        (target_hardware, target_protocol): ([u8; 6], Ipv4Addr),
    ) {
        put(to, field::HARDWARE_TYPE, HARDWARE_ETHERNET.to_be_bytes());
        put(to, field::PROTOCOL_TYPE, ETHERTYPE_IPV4.to_be_bytes());
        to[field::HARDWARE_LENGTH] = HARDWARE_LENGTH;
        to[field::PROTOCOL_LENGTH] = PROTOCOL_LENGTH;
        put(to, field::OPERATION, u16::from(operation).to_be_bytes());
        put(to, field::SENDER_HARDWARE, sender_hardware);
        put(to, field::SENDER_PROTOCOL, sender_protocol.octets());
        put(to, field::TARGET_HARDWARE, target_hardware);
        put(to, field::TARGET_PROTOCOL, target_protocol.octets());
    }
}

fn hardware(field: &[u8]) -> [u8; 6] {
    field.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    const SENDER: ([u8; 6], Ipv4Addr) = (
        [0x52, 0x54, 0x00, 0x12, 0x34, 0x56],
        Ipv4Addr::new(192, 168, 1, 10),
    );
    const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

    #[rustfmt::skip]
    const REQUEST: [u8; 28] = [
        0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01,
        0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 192, 168, 1, 10,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 192, 168, 1, 1,
    ];

    fn written(
        operation: ArpOperation,
        sender: ([u8; 6], Ipv4Addr),
        target: ([u8; 6], Ipv4Addr),
    ) -> [u8; 28] {
        let mut bytes = [0xa5; 28];
        ArpPacket::write(&mut bytes, operation, sender, target);
        bytes
    }

    #[test]
    fn fields_of_a_request_are_read() {
        let packet = ArpPacket::new(&REQUEST).unwrap();
        assert_eq!(packet.operation(), ArpOperation::Request);
        assert_eq!(packet.sender_hardware(), SENDER.0);
        assert_eq!(packet.sender_protocol(), SENDER.1);
        assert_eq!(packet.target_hardware(), [0; 6]);
        assert_eq!(packet.target_protocol(), GATEWAY);
        assert!(!packet.is_probe() && !packet.is_announcement() && !packet.is_gratuitous());
    }

    #[test]
    fn request_is_written_octet_for_octet() {
        let bytes = written(ArpOperation::Request, SENDER, ([0; 6], GATEWAY));
        assert_eq!(bytes, REQUEST);
    }

    #[test]
    fn other_address_formats_are_refused() {
        for (offset, value, error) in [
            (1, 6, Malformed::Value),
            (2, 0x86, Malformed::Value),
            (4, 8, Malformed::Length),
            (5, 16, Malformed::Length),
        ] {
            let mut bytes = REQUEST;
            bytes[offset] = value;
            assert_eq!(ArpPacket::new(&bytes), Err(error));
        }
    }

    #[test]
    fn probe_and_announcement_are_told_apart() {
        let probe = written(
            ArpOperation::Request,
            (SENDER.0, Ipv4Addr::UNSPECIFIED),
            ([0; 6], SENDER.1),
        );
        let probe = ArpPacket::new(&probe).unwrap();
        assert!(probe.is_probe() && !probe.is_announcement() && !probe.is_gratuitous());

        let announcement = written(ArpOperation::Request, SENDER, ([0; 6], SENDER.1));
        let announcement = ArpPacket::new(&announcement).unwrap();
        assert!(announcement.is_announcement() && announcement.is_gratuitous());
        assert!(!announcement.is_probe());

        let reply = written(ArpOperation::Reply, SENDER, SENDER);
        let reply = ArpPacket::new(&reply).unwrap();
        assert!(reply.is_gratuitous() && !reply.is_announcement());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            operation: u16,
            sender: ([u8; 6], u32),
            target: ([u8; 6], u32),
        ) {
            let sender = (sender.0, Ipv4Addr::from(sender.1));
            let target = (target.0, Ipv4Addr::from(target.1));
            let bytes = written(operation.into(), sender, target);
            let packet = ArpPacket::new(&bytes).unwrap();
            prop_assert_eq!(u16::from(packet.operation()), operation);
            prop_assert_eq!((packet.sender_hardware(), packet.sender_protocol()), sender);
            prop_assert_eq!((packet.target_hardware(), packet.target_protocol()), target);
        }

        #[test]
        fn arbitrary_bytes_at_every_truncation_do_not_panic(
            valid: bool,
            mut bytes: [u8; 28],
        ) {
            if valid {
                bytes[..6].copy_from_slice(&REQUEST[..6]);
            }
            for end in 0..=bytes.len() {
                let Some(packet) = bytes[..end].first_chunk().map(ArpPacket::new) else {
                    continue;
                };
                prop_assert!(packet.is_ok() || !valid);
                if let Ok(packet) = packet {
                    let _ = (packet.is_probe(), packet.is_announcement());
                    let _ = (packet.sender_hardware(), packet.target_hardware());
                }
            }
        }
    }
}
