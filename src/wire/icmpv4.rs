//! ICMP for IPv4: RFC 792, RFC 1122 §3.2.2, RFC 1191 §4 (next-hop MTU), RFC 4884 §4 (length of
//! the original datagram), RFC 1812 §5.2.7.1 (further codes), RFC 6633 and RFC 6918 (what is gone).

use core::net::Ipv4Addr;

use byteorder::{ByteOrder, NetworkEndian};

use super::put;
use crate::checksum::{self, Sum};

/// The fields. Which of those behind the checksum there are depends on the type.
mod field {
    use core::ops::Range;

    pub(super) const TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const TYPE_CODE: Range<usize> = 0..2;
    pub(super) const CHECKSUM: Range<usize> = 2..4;
    /// All that depends on the type.
    pub(super) const REST: Range<usize> = 4..8;
    /// Echo and Timestamp.
    pub(super) const IDENTIFIER: Range<usize> = 4..6;
    pub(super) const SEQUENCE: Range<usize> = 6..8;
    /// Redirect.
    pub(super) const GATEWAY: Range<usize> = 4..8;
    /// Parameter Problem.
    pub(super) const POINTER: usize = 4;
    /// Destination Unreachable, Time Exceeded, Parameter Problem.
    pub(super) const ORIGINAL_LENGTH: usize = 5;
    /// Destination Unreachable, fragmentation needed.
    pub(super) const NEXT_HOP_MTU: Range<usize> = 6..8;
}

/// Octets of the header: all messages have these.
pub const HEADER_LENGTH: usize = 8;

/// What a message is (RFC 792 "Summary of Message Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Icmpv4Type {
    /// The answer to an echo.
    EchoReply,
    /// The datagram could not be delivered, see [`UnreachableCode`].
    DestinationUnreachable,
    /// No longer sent, and ignored (RFC 6633 §3).
    SourceQuench,
    /// There is a better first hop.
    Redirect,
    /// Send these data back.
    Echo,
    /// The time to live ran out: of a datagram on its way (code 0) or of its fragments (code 1).
    TimeExceeded,
    /// The header has an error that a pointer shows (code 0) or lacks an option (code 1).
    ParameterProblem,
    /// What time is it there?
    Timestamp,
    /// The answer to a timestamp.
    TimestampReply,
    /// Any other; a host discards it silently (RFC 1122 §3.2.2).
    Other(u8),
}

impl Icmpv4Type {
    /// Whether messages of this type report an error. No error is sent about an error
    /// (RFC 1122 §3.2.2).
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::DestinationUnreachable
                | Self::SourceQuench
                | Self::Redirect
                | Self::TimeExceeded
                | Self::ParameterProblem
        )
    }
}

impl From<u8> for Icmpv4Type {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::EchoReply,
            3 => Self::DestinationUnreachable,
            4 => Self::SourceQuench,
            5 => Self::Redirect,
            8 => Self::Echo,
            11 => Self::TimeExceeded,
            12 => Self::ParameterProblem,
            13 => Self::Timestamp,
            14 => Self::TimestampReply,
            other => Self::Other(other),
        }
    }
}

impl From<Icmpv4Type> for u8 {
    fn from(value: Icmpv4Type) -> Self {
        match value {
            Icmpv4Type::EchoReply => 0,
            Icmpv4Type::DestinationUnreachable => 3,
            Icmpv4Type::SourceQuench => 4,
            Icmpv4Type::Redirect => 5,
            Icmpv4Type::Echo => 8,
            Icmpv4Type::TimeExceeded => 11,
            Icmpv4Type::ParameterProblem => 12,
            Icmpv4Type::Timestamp => 13,
            Icmpv4Type::TimestampReply => 14,
            Icmpv4Type::Other(other) => other,
        }
    }
}

/// Why a destination could not be reached: the code of Destination Unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UnreachableCode {
    /// Soft: no route to the network (RFC 792).
    Net,
    /// Soft: the last router does not find the host (RFC 792).
    Host,
    /// Hard: the host does not have the transport protocol (RFC 792).
    Protocol,
    /// Hard: nobody has the port (RFC 792).
    Port,
    /// Hard, unless it serves to find the path MTU (RFC 792, RFC 1191 §4).
    FragmentationNeeded,
    /// Soft: the source route led nowhere (RFC 792).
    SourceRouteFailed,
    /// The network is unknown (RFC 1122 §3.2.2.1).
    NetUnknown,
    /// The host is unknown (RFC 1122 §3.2.2.1).
    HostUnknown,
    /// The source is isolated; obsolete (RFC 1122 §3.2.2.1).
    SourceHostIsolated,
    /// The network is forbidden (RFC 1122 §3.2.2.1).
    NetProhibited,
    /// The host is forbidden (RFC 1122 §3.2.2.1).
    HostProhibited,
    /// No route for this type of service to the network (RFC 1122 §3.2.2.1).
    NetTypeOfService,
    /// No route for this type of service to the host (RFC 1122 §3.2.2.1).
    HostTypeOfService,
    /// A filter forbids it (RFC 1812 §5.2.7.1).
    CommunicationProhibited,
    /// The precedence is not permitted (RFC 1812 §5.2.7.1).
    HostPrecedence,
    /// The precedence is below what the network takes (RFC 1812 §5.2.7.1).
    PrecedenceCutoff,
    /// Any other.
    Other(u8),
}

impl UnreachableCode {
    /// Whether the error is not expected to pass, so that TCP gives the connection up (RFC 1122
    /// §4.2.3.9). Code 4 counts among them there; who does path MTU discovery looks at it first.
    /// The codes that RFC 1122 leaves open are held to pass.
    pub const fn is_hard(self) -> bool {
        matches!(
            self,
            Self::Protocol | Self::Port | Self::FragmentationNeeded
        )
    }
}

impl From<u8> for UnreachableCode {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::Net,
            1 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            4 => Self::FragmentationNeeded,
            5 => Self::SourceRouteFailed,
            6 => Self::NetUnknown,
            7 => Self::HostUnknown,
            8 => Self::SourceHostIsolated,
            9 => Self::NetProhibited,
            10 => Self::HostProhibited,
            11 => Self::NetTypeOfService,
            12 => Self::HostTypeOfService,
            13 => Self::CommunicationProhibited,
            14 => Self::HostPrecedence,
            15 => Self::PrecedenceCutoff,
            other => Self::Other(other),
        }
    }
}

impl From<UnreachableCode> for u8 {
    fn from(value: UnreachableCode) -> Self {
        match value {
            UnreachableCode::Net => 0,
            UnreachableCode::Host => 1,
            UnreachableCode::Protocol => 2,
            UnreachableCode::Port => 3,
            UnreachableCode::FragmentationNeeded => 4,
            UnreachableCode::SourceRouteFailed => 5,
            UnreachableCode::NetUnknown => 6,
            UnreachableCode::HostUnknown => 7,
            UnreachableCode::SourceHostIsolated => 8,
            UnreachableCode::NetProhibited => 9,
            UnreachableCode::HostProhibited => 10,
            UnreachableCode::NetTypeOfService => 11,
            UnreachableCode::HostTypeOfService => 12,
            UnreachableCode::CommunicationProhibited => 13,
            UnreachableCode::HostPrecedence => 14,
            UnreachableCode::PrecedenceCutoff => 15,
            UnreachableCode::Other(other) => other,
        }
    }
}

/// The code of Redirect: for which datagrams the other gateway is better (RFC 792). A host takes
/// all of them for the one destination (RFC 1122 §3.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RedirectCode {
    /// Those to the network.
    Net,
    /// Those to the host.
    Host,
    /// Those to the network with this type of service.
    NetTypeOfService,
    /// Those to the host with this type of service.
    HostTypeOfService,
    /// Any other.
    Other(u8),
}

impl From<u8> for RedirectCode {
    fn from(value: u8) -> Self {
        match value {
            0 => Self::Net,
            1 => Self::Host,
            2 => Self::NetTypeOfService,
            3 => Self::HostTypeOfService,
            other => Self::Other(other),
        }
    }
}

/// The code of Time Exceeded for a datagram on its way (RFC 792).
pub const TIME_TO_LIVE_EXCEEDED: u8 = 0;
/// The code of Time Exceeded for fragments that wait for others (RFC 792).
pub const REASSEMBLY_TIME_EXCEEDED: u8 = 1;
/// The code of Parameter Problem with a pointer (RFC 792).
pub const POINTER_INDICATES_ERROR: u8 = 0;
/// The code of Parameter Problem for an option that is missing (RFC 1122 §3.2.2.5).
pub const REQUIRED_OPTION_MISSING: u8 = 1;

/// The header of an ICMP message: any eight octets are one.
///
/// The accessors behind [`checksum`](Self::checksum) read the same four octets in the way of one
/// type each; of another type they say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Icmpv4Header<'a>(&'a [u8; HEADER_LENGTH]);

impl<'a> Icmpv4Header<'a> {
    /// Reads a header.
    pub const fn new(bytes: &'a [u8; HEADER_LENGTH]) -> Self {
        Self(bytes)
    }

    /// What the message is.
    pub fn message_type(&self) -> Icmpv4Type {
        self.0[field::TYPE].into()
    }

    /// The code: what exactly within the type.
    pub const fn code(&self) -> u8 {
        self.0[field::CODE]
    }

    /// The code as that of Destination Unreachable.
    pub fn unreachable_code(&self) -> UnreachableCode {
        self.code().into()
    }

    /// The code as that of Redirect.
    pub fn redirect_code(&self) -> RedirectCode {
        self.code().into()
    }

    /// The checksum.
    pub fn checksum(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::CHECKSUM])
    }

    /// Whether the checksum is right, given the sum of what follows the header.
    pub fn is_checksum_valid(&self, data: Sum) -> bool {
        Sum::of(self.0).plus(data).is_valid()
    }

    /// Echo and Timestamp, with their replies: whose it is.
    pub fn identifier(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::IDENTIFIER])
    }

    /// Echo and Timestamp, with their replies: which one it is.
    pub fn sequence(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::SEQUENCE])
    }

    /// Redirect: the better gateway.
    pub fn gateway(&self) -> Ipv4Addr {
        NetworkEndian::read_u32(&self.0[field::GATEWAY]).into()
    }

    /// Parameter Problem with code 0: the octet of the original header that has the error.
    pub const fn pointer(&self) -> u8 {
        self.0[field::POINTER]
    }

    /// Destination Unreachable for fragmentation needed: the largest datagram, in octets, that the
    /// next hop carries; zero from a router that does not say (RFC 1191 §3).
    pub fn next_hop_mtu(&self) -> u16 {
        NetworkEndian::read_u16(&self.0[field::NEXT_HOP_MTU])
    }

    /// Destination Unreachable, Time Exceeded and Parameter Problem: octets of the original
    /// datagram, behind which extensions begin; zero if there are none (RFC 4884 §4).
    pub fn original_length(&self) -> usize {
        usize::from(self.0[field::ORIGINAL_LENGTH]) * 4
    }

    /// Writes a header. `rest` are its last four octets.
    ///
    /// `data` is the sum of what follows; without it the checksum stays zero, for a device that
    /// fills it in.
    pub fn write(
        to: &mut [u8; HEADER_LENGTH],
        message_type: Icmpv4Type,
        code: u8,
        rest: [u8; 4],
        data: Option<Sum>,
    ) {
        to[field::TYPE] = message_type.into();
        to[field::CODE] = code;
        put(to, field::CHECKSUM, 0u16.to_be_bytes());
        put(to, field::REST, rest);
        if let Some(data) = data {
            let checksum = Sum::of(to).plus(data).finish();
            put(to, field::CHECKSUM, checksum.to_be_bytes());
        }
    }

    /// Writes the header of an [`Echo`](Icmpv4Type::Echo).
    pub fn write_echo(
        to: &mut [u8; HEADER_LENGTH],
        identifier: u16,
        sequence: u16,
        data: Option<Sum>,
    ) {
        let [a, b] = identifier.to_be_bytes();
        let [c, d] = sequence.to_be_bytes();
        Self::write(to, Icmpv4Type::Echo, 0, [a, b, c, d], data);
    }

    /// Writes the header of an echo reply in front of the data of the request, which it leaves
    /// unread: the checksum of the request is brought up to date, right or wrong.
    pub fn write_echo_reply(to: &mut [u8; HEADER_LENGTH], request: Icmpv4Header<'_>) {
        let old = NetworkEndian::read_u16(&request.0[field::TYPE_CODE]);
        *to = *request.0;
        to[field::TYPE] = Icmpv4Type::EchoReply.into();
        to[field::CODE] = 0;
        let checksum = checksum::update(request.checksum(), old, 0);
        put(to, field::CHECKSUM, checksum.to_be_bytes());
    }

    /// Writes the header of a Destination Unreachable in front of the original datagram.
    ///
    /// `next_hop_mtu` goes with [`FragmentationNeeded`](UnreachableCode::FragmentationNeeded) and
    /// is zero otherwise.
    pub fn write_unreachable(
        to: &mut [u8; HEADER_LENGTH],
        code: UnreachableCode,
        next_hop_mtu: u16,
        original: Option<Sum>,
    ) {
        let [a, b] = next_hop_mtu.to_be_bytes();
        let message_type = Icmpv4Type::DestinationUnreachable;
        Self::write(to, message_type, code.into(), [0, 0, a, b], original);
    }

    /// Writes the header of a Time Exceeded in front of the original datagram.
    pub fn write_time_exceeded(to: &mut [u8; HEADER_LENGTH], code: u8, original: Option<Sum>) {
        Self::write(to, Icmpv4Type::TimeExceeded, code, [0; 4], original);
    }

    /// Writes the header of a Parameter Problem in front of the original datagram. `pointer`
    /// counts octets from the start of its header.
    pub fn write_parameter_problem(
        to: &mut [u8; HEADER_LENGTH],
        pointer: u8,
        original: Option<Sum>,
    ) {
        let rest = [pointer, 0, 0, 0];
        let code = POINTER_INDICATES_ERROR;
        Self::write(to, Icmpv4Type::ParameterProblem, code, rest, original);
    }
}

/// Octets behind the header of a Timestamp or its reply.
pub const TIMESTAMPS_LENGTH: usize = 12;
/// A timestamp with this bit is not in milliseconds since midnight UT (RFC 792).
pub const NON_STANDARD_TIME: u32 = 1 << 31;

/// What follows the header of a Timestamp or its reply: three times in milliseconds since midnight
/// UT, or with [`NON_STANDARD_TIME`] in whatever the sender counts (RFC 792, RFC 1122 §3.2.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Icmpv4Timestamps<'a>(&'a [u8; TIMESTAMPS_LENGTH]);

impl<'a> Icmpv4Timestamps<'a> {
    /// Reads the three times.
    pub const fn new(bytes: &'a [u8; TIMESTAMPS_LENGTH]) -> Self {
        Self(bytes)
    }

    /// When the request was sent.
    pub fn originate(&self) -> u32 {
        NetworkEndian::read_u32(&self.0[0..4])
    }

    /// When the request came in; zero in a request.
    pub fn receive(&self) -> u32 {
        NetworkEndian::read_u32(&self.0[4..8])
    }

    /// When the reply was sent; zero in a request.
    pub fn transmit(&self) -> u32 {
        NetworkEndian::read_u32(&self.0[8..12])
    }

    /// Writes the three times.
    pub fn write(to: &mut [u8; TIMESTAMPS_LENGTH], originate: u32, receive: u32, transmit: u32) {
        put(to, 0..4, originate.to_be_bytes());
        put(to, 4..8, receive.to_be_bytes());
        put(to, 8..12, transmit.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    const ECHO: [u8; 8] = [0x08, 0x00, 0x4d, 0x00, 0x00, 0x01, 0x00, 0x5b];
    const ECHO_REPLY: [u8; 8] = [0x00, 0x00, 0x55, 0x00, 0x00, 0x01, 0x00, 0x5b];
    const ECHO_DATA: &[u8] = b"abcdefghijklmnopqrstuvwabcdefghi";

    const TOO_BIG: [u8; 8] = [0x03, 0x04, 0x32, 0x77, 0x00, 0x00, 0x05, 0x78];
    /// The header and the first eight octets of a TCP segment that did not fit.
    const ORIGINAL: [u8; 28] = [
        0x45, 0x00, 0x05, 0xdc, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0x2c, 0x9a, 192, 0, 2, 1, 198,
        51, 100, 7, 0xc3, 0x50, 0x01, 0xbb, 0x00, 0x00, 0x00, 0x01,
    ];

    #[test]
    fn fields_of_an_echo_are_read() {
        let header = Icmpv4Header::new(&ECHO);
        assert_eq!(header.message_type(), Icmpv4Type::Echo);
        assert_eq!((header.code(), header.checksum()), (0, 0x4d00));
        assert_eq!((header.identifier(), header.sequence()), (1, 91));
        assert!(header.is_checksum_valid(Sum::of(ECHO_DATA)));
        assert!(!header.is_checksum_valid(Sum::of(&ECHO_DATA[1..])));
    }

    #[test]
    fn echo_is_written_octet_for_octet() {
        let mut bytes = [0xa5; 8];
        Icmpv4Header::write_echo(&mut bytes, 1, 91, Some(Sum::of(ECHO_DATA)));
        assert_eq!(bytes, ECHO);
        Icmpv4Header::write_echo(&mut bytes, 1, 91, None);
        assert_eq!(bytes[2..4], [0, 0]);
    }

    #[test]
    fn echo_reply_keeps_data_and_updates_the_checksum() {
        let mut bytes = [0xa5; 8];
        Icmpv4Header::write_echo_reply(&mut bytes, Icmpv4Header::new(&ECHO));
        assert_eq!(bytes, ECHO_REPLY);
    }

    #[test]
    fn fragmentation_needed_names_the_next_hop_mtu() {
        let header = Icmpv4Header::new(&TOO_BIG);
        assert_eq!(header.message_type(), Icmpv4Type::DestinationUnreachable);
        let code = header.unreachable_code();
        assert_eq!(code, UnreachableCode::FragmentationNeeded);
        assert_eq!(header.next_hop_mtu(), 1400);
        assert_eq!(header.original_length(), 0);
        assert!(header.is_checksum_valid(Sum::of(&ORIGINAL)));

        let mut bytes = [0xa5; 8];
        Icmpv4Header::write_unreachable(&mut bytes, code, 1400, Some(Sum::of(&ORIGINAL)));
        assert_eq!(bytes, TOO_BIG);
    }

    #[test]
    fn length_of_the_original_datagram_is_in_words() {
        let header = Icmpv4Header::new(&[11, 0, 0, 0, 0, 32, 0, 0]);
        assert_eq!(header.original_length(), 128);
    }

    #[test]
    fn redirect_names_a_gateway() {
        let header = Icmpv4Header::new(&[5, 1, 0, 0, 192, 168, 1, 254]);
        assert_eq!(header.message_type(), Icmpv4Type::Redirect);
        assert_eq!(header.redirect_code(), RedirectCode::Host);
        assert_eq!(header.gateway(), Ipv4Addr::new(192, 168, 1, 254));
    }

    #[test]
    fn parameter_problem_points_into_the_header() {
        let mut bytes = [0xa5; 8];
        Icmpv4Header::write_parameter_problem(&mut bytes, 20, Some(Sum::of(&ORIGINAL)));
        let header = Icmpv4Header::new(&bytes);
        assert_eq!(header.message_type(), Icmpv4Type::ParameterProblem);
        assert_eq!((header.pointer(), header.original_length()), (20, 0));
        assert!(header.is_checksum_valid(Sum::of(&ORIGINAL)));
    }

    #[test]
    fn time_exceeded_says_of_what() {
        let mut bytes = [0xa5; 8];
        let code = REASSEMBLY_TIME_EXCEEDED;
        Icmpv4Header::write_time_exceeded(&mut bytes, code, Some(Sum::of(&ORIGINAL)));
        let header = Icmpv4Header::new(&bytes);
        assert_eq!(header.message_type(), Icmpv4Type::TimeExceeded);
        assert_eq!(header.code(), 1);
        assert!(header.is_checksum_valid(Sum::of(&ORIGINAL)));
    }

    #[test]
    fn errors_are_told_from_queries() {
        let errors: std::vec::Vec<u8> = (0..=255)
            .filter(|&value| Icmpv4Type::from(value).is_error())
            .collect();
        assert_eq!(errors, [3, 4, 5, 11, 12]);
    }

    #[test]
    fn hard_errors_are_told_from_soft_ones() {
        let hard: std::vec::Vec<u8> = (0..=255)
            .filter(|&value| UnreachableCode::from(value).is_hard())
            .collect();
        assert_eq!(hard, [2, 3, 4]);
    }

    #[test]
    fn every_type_and_code_survives_its_name() {
        for value in 0..=255u8 {
            assert_eq!(u8::from(Icmpv4Type::from(value)), value);
            assert_eq!(u8::from(UnreachableCode::from(value)), value);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (message_type, code, rest) in any::<(u8, u8, [u8; 4])>(),
            data in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut bytes = [0xa5; 8];
            let sum = Sum::of(&data);
            Icmpv4Header::write(&mut bytes, message_type.into(), code, rest, Some(sum));
            let header = Icmpv4Header::new(&bytes);
            prop_assert_eq!(u8::from(header.message_type()), message_type);
            prop_assert_eq!(header.code(), code);
            prop_assert_eq!(header.gateway(), Ipv4Addr::from(rest));
            prop_assert!(header.is_checksum_valid(sum));
        }

        #[test]
        fn echo_reply_is_valid_if_and_only_if_the_request_was(
            (code, identifier, sequence) in any::<(u8, u16, u16)>(),
            data in proptest::collection::vec(any::<u8>(), 0..64),
            damage in prop_oneof![Just(0), 1..0xffffu16],
        ) {
            let mut request = [0; 8];
            let sum = Sum::of(&data);
            Icmpv4Header::write_echo(&mut request, identifier, sequence, Some(sum));
            request[1] = code;
            let checksum = Icmpv4Header::new(&request).checksum();
            let checksum = checksum::update(checksum, 0, code.into());
            request[2..4].copy_from_slice(&(checksum ^ damage).to_be_bytes());
            let request = Icmpv4Header::new(&request);

            let mut reply = [0xa5; 8];
            Icmpv4Header::write_echo_reply(&mut reply, request);
            let reply = Icmpv4Header::new(&reply);
            prop_assert_eq!((reply.message_type(), reply.code()), (Icmpv4Type::EchoReply, 0));
            prop_assert_eq!(reply.identifier(), identifier);
            prop_assert_eq!(reply.sequence(), sequence);
            prop_assert_eq!(reply.is_checksum_valid(sum), request.is_checksum_valid(sum));
        }

        #[test]
        fn timestamps_that_are_written_are_read(times: (u32, u32, u32)) {
            let mut bytes = [0xa5; 12];
            Icmpv4Timestamps::write(&mut bytes, times.0, times.1, times.2);
            let read = Icmpv4Timestamps::new(&bytes);
            prop_assert_eq!((read.originate(), read.receive(), read.transmit()), times);
        }

        #[test]
        fn arbitrary_bytes_at_every_truncation_do_not_panic(bytes: [u8; 20]) {
            for end in 0..=bytes.len() {
                let Some((header, rest)) = bytes[..end].split_first_chunk() else {
                    continue;
                };
                let header = Icmpv4Header::new(header);
                let _ = (header.message_type(), header.unreachable_code(), header.gateway());
                let _ = (header.redirect_code(), header.original_length(), header.pointer());
                let _ = (header.next_hop_mtu(), header.is_checksum_valid(Sum::ZERO));
                if let Some(times) = rest.first_chunk() {
                    let _ = Icmpv4Timestamps::new(times).transmit();
                }
            }
        }
    }
}
