//! Why a datagram does not go out.

use crate::iface::SendDrop;
use crate::ip::Unreachable;

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The socket is not connected, and no destination was given.
    NoDestination,
    /// The destination is the unspecified address, port 0, or of a version that is not built in.
    InvalidDestination,
    /// There is no route to the destination, or no source address for it.
    NoRoute,
    /// The destination is a broadcast address, and the socket may not send to those.
    BroadcastNotAllowed,
    /// The datagram is longer than a datagram can be, or, where it is not to be fragmented, than what
    /// passes on the way to its destination.
    TooLong {
        /// The most data that go, in bytes.
        most: usize,
    },
    /// There is no packet buffer now.
    NoBuffer,
    /// The interface's transmit queue is full now, or its link is down.
    QueueFull,
    /// The neighbour's link address is not known, and too many packets wait for it.
    NeighborQueueFull,
    /// An earlier datagram did not reach the peer.
    Unreachable(Unreachable),
    /// The socket is closed.
    Closed,
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoDestination => "no destination",
            Self::InvalidDestination => "invalid destination",
            Self::NoRoute => "no route to the destination",
            Self::BroadcastNotAllowed => "broadcast is not allowed on this socket",
            Self::TooLong { .. } => "the datagram is too long",
            Self::NoBuffer => "no packet buffer is free",
            Self::QueueFull => "the transmit queue is full",
            Self::NeighborQueueFull => "too many packets wait for the neighbour",
            Self::Unreachable(why) => return core::fmt::Display::fmt(why, f),
            Self::Closed => "the socket is closed",
        })
    }
}

impl core::error::Error for SendError {}

impl From<SendDrop> for SendError {
    fn from(reason: SendDrop) -> Self {
        match reason {
            SendDrop::NoBuffer | SendDrop::PoolHeld => Self::NoBuffer,
            SendDrop::Port => Self::QueueFull,
            // Found out before there is a packet, with the number.
            SendDrop::TooLong => Self::TooLong { most: 0 },
            SendDrop::NeighborQueue | SendDrop::NeighborCache => Self::NeighborQueueFull,
            SendDrop::NeighborUnreachable => Self::Unreachable(Unreachable::Host),
            SendDrop::IcmpRate | SendDrop::NoRoute | SendDrop::Source | SendDrop::Filter => {
                Self::NoRoute
            }
        }
    }
}
