//! What an ICMP error, or a neighbour that does not answer, means to the socket concerned.

#[cfg(feature = "ipv4")]
use crate::wire::icmpv4::{Icmpv4Type, UnreachableCode};
#[cfg(feature = "ipv6")]
use crate::wire::icmpv6::{self, MessageType};

/// Why packets do not reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unreachable {
    /// No way leads to the network.
    Network,
    /// The host does not answer.
    Host,
    /// The host does not speak the protocol.
    Protocol,
    /// Nobody listens on the port.
    Port,
    /// Someone on the way does not allow it.
    Prohibited,
    /// The packet was too large for a link on the way, which takes this many bytes (0: unknown).
    TooBig(u16),
    /// The packet's hop limit or TTL ran out on the way, or it could not be reassembled in time.
    TimeExceeded,
    /// Someone found a fault in the packet's header.
    ParameterProblem,
}

impl Unreachable {
    /// The meaning of an ICMP error (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). `None` for
    /// those to be ignored: redirects, and the source quench (RFC 6633 §3).
    #[cfg(feature = "ipv4")]
    pub(crate) fn from_icmpv4(kind: Icmpv4Type, code: UnreachableCode, mtu: u16) -> Option<Self> {
        match kind {
            Icmpv4Type::DestinationUnreachable => Some(match u8::from(code) {
                1 | 7 | 8 | 12 => Self::Host,
                2 => Self::Protocol,
                3 => Self::Port,
                4 => Self::TooBig(mtu),
                9 | 10 | 13..=15 => Self::Prohibited,
                _ => Self::Network,
            }),
            Icmpv4Type::TimeExceeded => Some(Self::TimeExceeded),
            Icmpv4Type::ParameterProblem => Some(Self::ParameterProblem),
            _ => None,
        }
    }

    /// The meaning of an ICMPv6 error (RFC 4443 §3).
    #[cfg(feature = "ipv6")]
    pub(crate) fn from_icmpv6(kind: MessageType, code: u8, parameter: u32) -> Option<Self> {
        match kind {
            MessageType::DESTINATION_UNREACHABLE => Some(match icmpv6::UnreachableCode(code) {
                icmpv6::UnreachableCode::ADDRESS_UNREACHABLE => Self::Host,
                icmpv6::UnreachableCode::PORT_UNREACHABLE => Self::Port,
                icmpv6::UnreachableCode::ADMINISTRATIVELY_PROHIBITED
                | icmpv6::UnreachableCode::SOURCE_POLICY
                | icmpv6::UnreachableCode::REJECT_ROUTE => Self::Prohibited,
                _ => Self::Network,
            }),
            MessageType::PACKET_TOO_BIG => {
                Some(Self::TooBig(u16::try_from(parameter).unwrap_or(u16::MAX)))
            }
            MessageType::TIME_EXCEEDED => Some(Self::TimeExceeded),
            MessageType::PARAMETER_PROBLEM => Some(Self::ParameterProblem),
            _ => None,
        }
    }
}

impl core::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Network => "network unreachable",
            Self::Host => "host unreachable",
            Self::Protocol => "protocol unreachable",
            Self::Port => "port unreachable",
            Self::Prohibited => "administratively prohibited",
            Self::TooBig(_) => "packet too big",
            Self::TimeExceeded => "time exceeded",
            Self::ParameterProblem => "parameter problem",
        })
    }
}

impl core::error::Error for Unreachable {}
