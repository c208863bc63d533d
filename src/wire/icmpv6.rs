//! ICMPv6: RFC 4443, with the length of the quoted packet of RFC 4884 §4.4 and §4.5.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |     Type      |     Code      |          Checksum             |
//! |                           Parameter                           |
//! ```
//!
//! The parameter is unused, an MTU, a pointer, or identifier and sequence number. What follows is
//! the start of the packet in question, or the data of an echo.

use core::net::Ipv6Addr;

use super::{ipv6, protocol};
use crate::checksum::Sum;

/// How long the header is, in octets.
pub const HEADER_LENGTH: usize = 8;
/// How many octets of the packet in question an error quotes at most, if no extension header goes
/// with it (RFC 4443 §2.4 c).
pub const MAXIMUM_QUOTE: usize = ipv6::MINIMUM_MTU - ipv6::HEADER_LENGTH - HEADER_LENGTH;

/// What a message is (RFC 4443 §2.1). Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MessageType(pub u8);

impl MessageType {
    /// Destination Unreachable (RFC 4443 §3.1); the code is an [`UnreachableCode`].
    pub const DESTINATION_UNREACHABLE: Self = Self(1);
    /// Packet Too Big (RFC 4443 §3.2); the code is ignored, the parameter is the MTU.
    pub const PACKET_TOO_BIG: Self = Self(2);
    /// Time Exceeded (RFC 4443 §3.3); the code is a [`TimeExceededCode`].
    pub const TIME_EXCEEDED: Self = Self(3);
    /// Parameter Problem (RFC 4443 §3.4); the code is a [`ParameterProblemCode`], the parameter
    /// the pointer.
    pub const PARAMETER_PROBLEM: Self = Self(4);
    /// Echo Request (RFC 4443 §4.1).
    pub const ECHO_REQUEST: Self = Self(128);
    /// Echo Reply (RFC 4443 §4.2).
    pub const ECHO_REPLY: Self = Self(129);
    /// Multicast Listener Query (RFC 3810 §5.1).
    pub const MULTICAST_LISTENER_QUERY: Self = Self(130);
    /// Multicast Listener Report of version 1 (RFC 2710 §3).
    pub const MULTICAST_LISTENER_REPORT: Self = Self(131);
    /// Multicast Listener Done of version 1 (RFC 2710 §3).
    pub const MULTICAST_LISTENER_DONE: Self = Self(132);
    /// Router Solicitation (RFC 4861 §4.1).
    pub const ROUTER_SOLICITATION: Self = Self(133);
    /// Router Advertisement (RFC 4861 §4.2).
    pub const ROUTER_ADVERTISEMENT: Self = Self(134);
    /// Neighbor Solicitation (RFC 4861 §4.3).
    pub const NEIGHBOR_SOLICITATION: Self = Self(135);
    /// Neighbor Advertisement (RFC 4861 §4.4).
    pub const NEIGHBOR_ADVERTISEMENT: Self = Self(136);
    /// Redirect (RFC 4861 §4.5).
    pub const REDIRECT: Self = Self(137);
    /// Multicast Listener Report of version 2 (RFC 3810 §5.2).
    pub const MULTICAST_LISTENER_REPORT_V2: Self = Self(143);
    /// Duplicate Address Request (RFC 6775 §4.4).
    pub const DUPLICATE_ADDRESS_REQUEST: Self = Self(157);
    /// Duplicate Address Confirmation (RFC 6775 §4.4).
    pub const DUPLICATE_ADDRESS_CONFIRMATION: Self = Self(158);

    /// Whether this is an error, known or not (RFC 4443 §2.1). Errors are never answered by errors
    /// (§2.4 e); unknown ones go to the upper layer (§2.4 a), other unknown messages are
    /// discarded (§2.4 b).
    pub const fn is_error(self) -> bool {
        self.0 < 128
    }
}

/// Why a destination was not reached (RFC 4443 §3.1). Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnreachableCode(pub u8);

impl UnreachableCode {
    /// No route to destination.
    pub const NO_ROUTE: Self = Self(0);
    /// Communication with destination administratively prohibited.
    pub const ADMINISTRATIVELY_PROHIBITED: Self = Self(1);
    /// Beyond scope of source address.
    pub const BEYOND_SCOPE: Self = Self(2);
    /// Address unreachable.
    pub const ADDRESS_UNREACHABLE: Self = Self(3);
    /// Port unreachable.
    pub const PORT_UNREACHABLE: Self = Self(4);
    /// Source address failed ingress/egress policy.
    pub const SOURCE_POLICY: Self = Self(5);
    /// Reject route to destination.
    pub const REJECT_ROUTE: Self = Self(6);
    /// Error in source routing header (RFC 6550 §20.18).
    pub const SOURCE_ROUTING_HEADER: Self = Self(7);
}

/// What ran out (RFC 4443 §3.3). Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimeExceededCode(pub u8);

impl TimeExceededCode {
    /// Hop limit exceeded in transit.
    pub const HOP_LIMIT: Self = Self(0);
    /// Fragment reassembly time exceeded.
    pub const REASSEMBLY: Self = Self(1);
}

/// What a parameter's problem is (RFC 4443 §3.4). Any value can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParameterProblemCode(pub u8);

impl ParameterProblemCode {
    /// Erroneous header field.
    pub const ERRONEOUS_FIELD: Self = Self(0);
    /// Unrecognized Next Header type.
    pub const UNRECOGNIZED_NEXT_HEADER: Self = Self(1);
    /// Unrecognized IPv6 option.
    pub const UNRECOGNIZED_OPTION: Self = Self(2);
    /// The first fragment has an incomplete header chain; the pointer is zero (RFC 7112 §5).
    pub const INCOMPLETE_HEADER_CHAIN: Self = Self(3);
    /// Too many extension headers (RFC 8883 §2.5).
    pub const TOO_MANY_HEADERS: Self = Self(8);
}

/// The header of a received message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Icmpv6Header<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> Icmpv6Header<'a> {
    /// A view over bytes: any are a header. Whether the checksum is right is for
    /// [`is_checksum_valid`] to say.
    pub const fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Self {
        Self(bytes)
    }

    /// The type.
    pub const fn message_type(self) -> MessageType {
        MessageType(self.0[0])
    }

    /// The code; what it means depends on the type.
    pub const fn code(self) -> u8 {
        self.0[1]
    }

    /// The checksum.
    pub const fn checksum(self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// The four octets whose meaning depends on the type: the MTU in a Packet Too Big (RFC 4443
    /// §3.2), the pointer in a Parameter Problem (§3.4).
    pub const fn parameter(self) -> u32 {
        u32::from_be_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// The MTU of the next hop that a Packet Too Big reports, in octets (RFC 4443 §3.2).
    pub const fn mtu(self) -> u32 {
        self.parameter()
    }

    /// The octet of the quoted packet that a Parameter Problem points to; it may lie beyond what
    /// is quoted (RFC 4443 §3.4).
    pub const fn pointer(self) -> u32 {
        self.parameter()
    }

    /// The identifier of an echo (RFC 4443 §4).
    pub const fn identifier(self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// The sequence number of an echo (RFC 4443 §4).
    pub const fn sequence_number(self) -> u16 {
        u16::from_be_bytes([self.0[6], self.0[7]])
    }

    /// How many octets of the message quote the packet, with padding, if the message says so: then
    /// an extension structure follows them (RFC 4884 §4). `None` if all octets do.
    pub const fn quote_length(self) -> Option<usize> {
        match (self.message_type(), self.0[4]) {
            (_, 0) => None,
            (MessageType::DESTINATION_UNREACHABLE | MessageType::TIME_EXCEEDED, words) => {
                Some(words as usize * 8)
            }
            _ => None,
        }
    }
}

/// Writes a header with checksum zero.
pub const fn write(
    bytes: &mut [u8; HEADER_LENGTH],
    message_type: MessageType,
    code: u8,
    parameter: u32,
) {
    let [a, b, c, d] = parameter.to_be_bytes();
    *bytes = [message_type.0, code, 0, 0, a, b, c, d];
}

/// Writes the header of a Destination Unreachable (RFC 4443 §3.1) with checksum zero.
pub const fn write_destination_unreachable(
    bytes: &mut [u8; HEADER_LENGTH],
    UnreachableCode(code): UnreachableCode,
) {
    write(bytes, MessageType::DESTINATION_UNREACHABLE, code, 0);
}

/// Writes the header of a Packet Too Big (RFC 4443 §3.2) with checksum zero; the MTU is in octets.
pub const fn write_packet_too_big(bytes: &mut [u8; HEADER_LENGTH], mtu: u32) {
    write(bytes, MessageType::PACKET_TOO_BIG, 0, mtu);
}

/// Writes the header of a Time Exceeded (RFC 4443 §3.3) with checksum zero.
pub const fn write_time_exceeded(
    bytes: &mut [u8; HEADER_LENGTH],
    TimeExceededCode(code): TimeExceededCode,
) {
    write(bytes, MessageType::TIME_EXCEEDED, code, 0);
}

/// Writes the header of a Parameter Problem (RFC 4443 §3.4) with checksum zero.
pub const fn write_parameter_problem(
    bytes: &mut [u8; HEADER_LENGTH],
    ParameterProblemCode(code): ParameterProblemCode,
    pointer: u32,
) {
    write(bytes, MessageType::PARAMETER_PROBLEM, code, pointer);
}

/// Writes the header of an [echo request](MessageType::ECHO_REQUEST) or
/// [reply](MessageType::ECHO_REPLY) (RFC 4443 §4) with checksum zero.
pub const fn write_echo(
    bytes: &mut [u8; HEADER_LENGTH],
    message_type: MessageType,
    identifier: u16,
    sequence_number: u16,
) {
    let parameter = (identifier as u32) << 16 | sequence_number as u32;
    write(bytes, message_type, 0, parameter);
}

/// Stores the checksum.
pub const fn set_checksum(bytes: &mut [u8; HEADER_LENGTH], checksum: u16) {
    [bytes[2], bytes[3]] = checksum.to_be_bytes();
}

/// The checksum of a message of `length` octets, of whose octets, with checksum zero, `message` is
/// the sum (RFC 4443 §2.3).
pub fn checksum(source: Ipv6Addr, destination: Ipv6Addr, length: u32, message: Sum) -> u16 {
    with_pseudo_header(source, destination, length, message).finish()
}

/// Whether the checksum of a message is right, of whose `length` octets `message` is the sum
/// (RFC 4443 §2.3).
pub fn is_checksum_valid(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    length: u32,
    message: Sum,
) -> bool {
    with_pseudo_header(source, destination, length, message).is_valid()
}

fn with_pseudo_header(source: Ipv6Addr, destination: Ipv6Addr, length: u32, message: Sum) -> Sum {
    Sum::pseudo_ipv6(source, destination, protocol::ICMPV6, length).plus(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn echo_request_is_read_and_its_checksum_holds() {
        // From fe80::1 to fe80::2. The words add up: 2 * fe80 + 1 + 2 (addresses) + a (length)
        // + 3a (next header) + 8000 + 1234 + 0005 + abcd = 33b4d, with the carry 3b50.
        let message = [0x80, 0, 0xc4, 0xaf, 0x12, 0x34, 0, 5, 0xab, 0xcd];
        let header = Icmpv6Header::new(message.first_chunk().unwrap());
        assert_eq!(header.message_type(), MessageType::ECHO_REQUEST);
        assert_eq!(header.code(), 0);
        assert_eq!(header.checksum(), 0xc4af);
        assert_eq!(header.identifier(), 0x1234);
        assert_eq!(header.sequence_number(), 5);
        assert_eq!(header.quote_length(), None);
        let (source, destination) = ("fe80::1".parse().unwrap(), "fe80::2".parse().unwrap());
        let valid = |bytes: &[u8], destination| {
            is_checksum_valid(source, destination, bytes.len() as u32, Sum::of(bytes))
        };
        assert!(valid(&message, destination));
        assert!(!valid(&message, "fe80::3".parse().unwrap()));
        assert!(!valid(&message[..8], destination));

        let mut written = [0xff; 8];
        write_echo(&mut written, MessageType::ECHO_REQUEST, 0x1234, 5);
        let sum = Sum::of(&written).plus(Sum::of(&message[8..]));
        set_checksum(&mut written, checksum(source, destination, 10, sum));
        assert_eq!(written, message[..8]);
    }

    #[test]
    fn errors_are_the_types_below_128() {
        assert!(MessageType(0).is_error());
        assert!(MessageType(127).is_error());
        assert!(!MessageType::ECHO_REQUEST.is_error());
        assert!(!MessageType(255).is_error());
    }

    #[test]
    fn errors_are_written_as_the_rfc_lays_them_out() {
        let mut bytes = [0xff; 8];
        write_destination_unreachable(&mut bytes, UnreachableCode::PORT_UNREACHABLE);
        assert_eq!(bytes, [1, 4, 0, 0, 0, 0, 0, 0]);
        write_packet_too_big(&mut bytes, 1400);
        assert_eq!(bytes, [2, 0, 0, 0, 0, 0, 0x05, 0x78]);
        assert_eq!(Icmpv6Header::new(&bytes).mtu(), 1400);
        write_time_exceeded(&mut bytes, TimeExceededCode::REASSEMBLY);
        assert_eq!(bytes, [3, 1, 0, 0, 0, 0, 0, 0]);
        write_parameter_problem(&mut bytes, ParameterProblemCode::UNRECOGNIZED_OPTION, 42);
        assert_eq!(bytes, [4, 2, 0, 0, 0, 0, 0, 42]);
        assert_eq!(Icmpv6Header::new(&bytes).pointer(), 42);
    }

    #[test]
    fn quote_length_counts_words_of_eight_octets() {
        let length = |bytes| Icmpv6Header::new(&bytes).quote_length();
        assert_eq!(length([1, 0, 0, 0, 16, 0, 0, 0]), Some(128));
        assert_eq!(length([3, 0, 0, 0, 255, 0, 0, 0]), Some(2040));
        assert_eq!(length([1, 0, 0, 0, 0, 0, 0, 0]), None);
        // These two have no room for it: an MTU and a pointer stand there.
        assert_eq!(length([2, 0, 0, 0, 16, 0, 0, 0]), None);
        assert_eq!(length([4, 0, 0, 0, 16, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(message_type: u8, code: u8, parameter: u32, sum: u16) {
            let mut bytes = [0xff; 8];
            write(&mut bytes, MessageType(message_type), code, parameter);
            set_checksum(&mut bytes, sum);
            let header = Icmpv6Header::new(&bytes);
            prop_assert_eq!(header.message_type(), MessageType(message_type));
            prop_assert_eq!(header.code(), code);
            prop_assert_eq!(header.checksum(), sum);
            prop_assert_eq!(header.parameter(), parameter);
            let (identifier, sequence) = (header.identifier(), header.sequence_number());
            prop_assert_eq!(u32::from(identifier) << 16 | u32::from(sequence), parameter);
        }
    }
}
