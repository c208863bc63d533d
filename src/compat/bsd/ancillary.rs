//! What goes with a datagram beside its data.

use core::net::{IpAddr, SocketAddr};

use super::constants::MSG_TRUNC;
use super::options::{Flags, Options};
use crate::stack::InterfaceId;

/// An address of this host and an interface (`IP_PKTINFO`, `IPV6_PKTINFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// Received: where it was sent to. To be sent: the source; the unspecified address leaves the
    /// choice open.
    pub address: IpAddr,
    /// The number of the interface, counted from 1; 0 leaves the choice open.
    pub interface: u32,
}

/// Ancillary data: received what the options of the socket ask for, sent what is to hold for one
/// message only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancillary {
    /// The own address and interface (RFC 3542 §6.1, §6.2).
    pub packet_info: Option<PacketInfo>,
    /// TTL or hop limit (RFC 3542 §6.3).
    pub hop_limit: Option<u8>,
    /// DSCP (the upper six bits) and ECN (RFC 3542 §6.5).
    pub traffic_class: Option<u8>,
    /// When the driver received it, in nanoseconds on its own clock.
    #[cfg(feature = "timestamps")]
    pub timestamp: Option<u64>,
    /// Datagrams for this socket that were dropped so far.
    pub dropped: Option<u32>,
}

impl Ancillary {
    /// What a socket with these options tells of a datagram.
    pub(super) fn of(options: &Options, info: Facts) -> Self {
        let wants = |flag| options.flags.contains(flag);
        Self {
            packet_info: wants(Flags::PACKET_INFO).then_some(PacketInfo {
                address: options.outward_ip(info.destination),
                interface: u32::from(info.interface) + 1,
            }),
            hop_limit: wants(Flags::HOP_LIMIT).then_some(info.hop_limit),
            traffic_class: wants(Flags::TRAFFIC_CLASS).then_some(info.traffic_class),
            #[cfg(feature = "timestamps")]
            timestamp: (wants(Flags::TIMESTAMP) && info.timestamp != 0).then_some(info.timestamp),
            dropped: None,
        }
    }
}

/// What there is to be told of a datagram.
pub(super) struct Facts {
    destination: IpAddr,
    interface: InterfaceId,
    hop_limit: u8,
    traffic_class: u8,
    #[cfg(feature = "timestamps")]
    timestamp: u64,
}

macro_rules! facts {
    ($($info:ty),*) => {$(
        impl From<&$info> for Facts {
            fn from(info: &$info) -> Self {
                Self {
                    destination: info.destination,
                    interface: info.interface,
                    hop_limit: info.hop_limit,
                    traffic_class: info.traffic_class,
                    #[cfg(feature = "timestamps")]
                    timestamp: info.timestamp,
                }
            }
        }
    )*};
}

facts!(crate::socket::RecvInfo);
#[cfg(feature = "raw-sockets")]
facts!(crate::socket::RawInfo);

/// What was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Bytes in the caller's slices, or with [`MSG_TRUNC`](super::MSG_TRUNC) those of the whole
    /// datagram.
    pub length: usize,
    /// Who sent it; of streams and pairs nothing is told.
    pub source: Option<SocketAddr>,
    /// [`MSG_TRUNC`](super::MSG_TRUNC) where a datagram was cut off.
    pub flags: i32,
    /// What else the socket was asked to tell.
    pub ancillary: Ancillary,
}

impl Message {
    /// A datagram of `length` bytes of which `copied` have found room.
    pub(super) fn cut(copied: usize, length: usize, flags: i32) -> Self {
        let mut message = Self::plain(match flags & MSG_TRUNC {
            0 => copied,
            _ => length,
        });
        if copied < length {
            message.flags = MSG_TRUNC;
        }
        message
    }

    pub(super) fn plain(length: usize) -> Self {
        Self {
            length,
            source: None,
            flags: 0,
            ancillary: Ancillary::default(),
        }
    }
}
