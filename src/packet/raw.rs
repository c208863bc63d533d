//! Raw sockets: which packets they receive, and how they send (RFC 3542 §3 for IPv6).

use core::net::IpAddr;

use bitflags::bitflags;

use super::Inbox;
use crate::iface::SendDrop;
use crate::ip::Unreachable;
use crate::netbuf::{NetBuf, Straddle};
use crate::wire::{IpAddress, protocol};

/// The version of IP of a raw socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    pub(crate) const fn of(address: IpAddress) -> Self {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => Self::V4,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => Self::V6,
        }
    }

    /// Whether this build has it.
    pub(crate) const fn is_built_in(self) -> bool {
        match self {
            Self::V4 => cfg!(feature = "ipv4"),
            Self::V6 => cfg!(feature = "ipv6"),
        }
    }

    /// What packets of a protocol are found by.
    pub(crate) const fn number(self, protocol: u8) -> u16 {
        match self {
            Self::V4 => protocol as u16,
            Self::V6 => 0x100 | protocol as u16,
        }
    }
}

/// Where a raw packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAddress {
    /// The address.
    pub address: IpAddr,
    /// The number of the interface that it means, where it is one of a link only (RFC 4007 §11), or
    /// that is to be sent by.
    pub interface: Option<u8>,
}

impl From<IpAddr> for RawAddress {
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            interface: None,
        }
    }
}

/// What goes with a packet that a raw socket has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawInfo {
    /// Who sent it.
    pub source: IpAddr,
    /// The address that it was sent to: one of ours, a group, or a broadcast address.
    pub destination: IpAddr,
    /// The number of the interface that it came in by.
    pub interface: u8,
    /// Its TTL or hop limit when it came in.
    pub hop_limit: u8,
    /// Its DSCP (the upper six bits) and ECN.
    pub traffic_class: u8,
    /// Bytes that were received, also where the caller's slice took fewer: with the IPv4 header, but
    /// without headers of IPv6.
    pub length: usize,
    /// When the driver received it, in nanoseconds on its own clock; 0 if it did not say.
    #[cfg(feature = "timestamps")]
    pub timestamp: u64,
}

impl RawInfo {
    /// What the IP header at the network offset of a packet says; `length` bytes of it go to the
    /// application.
    pub(crate) fn read(packet: &NetBuf, length: usize) -> Option<Self> {
        let meta = packet.meta();
        let network = usize::from(meta.network);
        let mut version = [0];
        let _: usize = packet.read(network, &mut version);
        let (source, destination, hop_limit, traffic_class) = match version[0] >> 4 {
            #[cfg(feature = "ipv4")]
            4 => {
                let mut straddle = Straddle::new();
                let bytes = packet.header(network, &mut straddle)?;
                let header = crate::wire::ipv4::Ipv4Header::new(bytes).ok()?;
                let addresses = (header.source().into(), header.destination().into());
                let class = header.dscp() << 2 | header.ecn();
                (addresses.0, addresses.1, header.ttl(), class)
            }
            #[cfg(feature = "ipv6")]
            6 => {
                let mut straddle = Straddle::new();
                let bytes = packet.header(network, &mut straddle)?;
                let header = crate::wire::ipv6::Ipv6Header::new(bytes).ok()?;
                let addresses = (header.source().into(), header.destination().into());
                let class = header.traffic_class();
                (addresses.0, addresses.1, header.hop_limit(), class)
            }
            _ => return None,
        };
        Some(Self {
            source,
            destination,
            interface: meta.interface,
            hop_limit,
            traffic_class,
            length,
            #[cfg(feature = "timestamps")]
            timestamp: packet.stamp().nanos,
        })
    }
}

/// The types of ICMP or ICMPv6 messages that a raw socket receives (RFC 3542 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IcmpFilter {
    /// A bit for each type that is passed.
    passed: [u32; 8],
}

impl IcmpFilter {
    /// All types pass, as at first.
    pub const PASS_ALL: Self = Self {
        passed: [u32::MAX; 8],
    };
    /// No type passes.
    pub const BLOCK_ALL: Self = Self { passed: [0; 8] };

    /// Lets messages of a type pass.
    pub fn pass(&mut self, message_type: u8) {
        let (word, bit) = Self::place(message_type);
        if let Some(word) = self.passed.get_mut(word) {
            *word |= bit;
        }
    }

    /// Keeps messages of a type back.
    pub fn block(&mut self, message_type: u8) {
        let (word, bit) = Self::place(message_type);
        if let Some(word) = self.passed.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Whether messages of a type pass.
    pub fn passes(&self, message_type: u8) -> bool {
        let (word, bit) = Self::place(message_type);
        self.passed.get(word).is_some_and(|word| word & bit != 0)
    }

    const fn place(message_type: u8) -> (usize, u32) {
        (message_type as usize >> 5, 1 << (message_type & 31))
    }
}

impl Default for IcmpFilter {
    fn default() -> Self {
        Self::PASS_ALL
    }
}

/// Why a raw socket was not opened, or not set up as it was wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RawError {
    /// All raw sockets ([`RAW_SOCKETS`](crate::config::RAW_SOCKETS)) are in use.
    TableFull,
    /// The version of IP is not built in, or not the one of the socket.
    UnsupportedFamily,
    /// There is no such interface.
    NoInterface,
    /// The address is none of this host's, nor a group.
    NotOurs,
    /// The version of the socket, or its protocol, has no such option; or the checksum is not to be
    /// where one can be.
    InvalidOption,
}

impl core::fmt::Display for RawError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TableFull => "all raw sockets are in use",
            Self::UnsupportedFamily => "address of a version that is not the socket's",
            Self::NoInterface => "no such interface",
            Self::NotOurs => "not an address of this host",
            Self::InvalidOption => "not an option of such a socket",
        })
    }
}

impl core::error::Error for RawError {}

/// Why a raw packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RawSendError {
    /// The socket is not connected, and no destination was given.
    NoDestination,
    /// The destination is the unspecified address, or not of the version of the socket.
    InvalidDestination,
    /// The header that was given is not one of IPv4, or longer than the packet.
    InvalidHeader,
    /// The packet has no room for the checksum.
    TooShort,
    /// There is no route to the destination, or no source address for it.
    NoRoute,
    /// The destination is a broadcast address, and the socket may not send to those.
    BroadcastNotAllowed,
    /// The packet is longer than one can be, or, where its header was given, than what the link
    /// takes.
    TooLong,
    /// There is no packet buffer now.
    NoBuffer,
    /// The interface's transmit queue is full now, or its link is down.
    QueueFull,
    /// The neighbour's link address is not known, and too many packets wait for it.
    NeighborQueueFull,
    /// An earlier packet did not reach the peer.
    Unreachable(Unreachable),
    /// The socket is closed.
    Closed,
}

impl core::fmt::Display for RawSendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoDestination => "no destination",
            Self::InvalidDestination => "invalid destination",
            Self::InvalidHeader => "not an IPv4 header",
            Self::TooShort => "no room for the checksum",
            Self::NoRoute => "no route to the destination",
            Self::BroadcastNotAllowed => "broadcast is not allowed on this socket",
            Self::TooLong => "the packet is too long",
            Self::NoBuffer => "no packet buffer is free",
            Self::QueueFull => "the transmit queue is full",
            Self::NeighborQueueFull => "too many packets wait for the neighbour",
            Self::Unreachable(why) => return core::fmt::Display::fmt(why, f),
            Self::Closed => "the socket is closed",
        })
    }
}

impl core::error::Error for RawSendError {}

impl From<SendDrop> for RawSendError {
    fn from(reason: SendDrop) -> Self {
        match reason {
            SendDrop::NoBuffer | SendDrop::PoolHeld => Self::NoBuffer,
            SendDrop::Port => Self::QueueFull,
            SendDrop::TooLong => Self::TooLong,
            SendDrop::NeighborQueue | SendDrop::NeighborCache => Self::NeighborQueueFull,
            SendDrop::NeighborUnreachable => Self::Unreachable(Unreachable::Host),
            SendDrop::IcmpRate | SendDrop::NoRoute | SendDrop::Source | SendDrop::Filter => {
                Self::NoRoute
            }
        }
    }
}

bitflags! {
    /// How a raw socket sends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct RawOptions: u8 {
        /// What it sends starts with an IPv4 header.
        const HEADER_INCLUDED = 1 << 0;
        /// It may send to broadcast addresses.
        const BROADCAST = 1 << 1;
        /// What it sends to a group comes back to this host's members of it.
        const MULTICAST_LOOP = 1 << 2;
    }
}

/// One raw socket.
pub(crate) struct RawSlot {
    pub(crate) inbox: Inbox,
    pub(crate) version: IpVersion,
    pub(crate) protocol: u8,
    pub(crate) options: RawOptions,
    pub(crate) local: Option<IpAddress>,
    pub(crate) remote: Option<IpAddress>,
    /// The interface that the remote address means, where it names one.
    pub(crate) remote_interface: Option<u8>,
    /// The only interface to receive from and to send by.
    pub(crate) interface: Option<u8>,
    /// TTL or hop limit; 0 stands for the default.
    pub(crate) hop_limit: u8,
    /// TTL or hop limit of what is sent to groups.
    pub(crate) multicast_hop_limit: u8,
    /// The interface to send to groups by.
    pub(crate) multicast_interface: Option<u8>,
    /// DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// The traffic class of the port.
    pub(crate) class: u8,
    /// Where the stack writes and verifies a checksum, from the end of the IPv6 headers on.
    pub(crate) checksum: Option<u16>,
    pub(crate) filter: IcmpFilter,
    /// What an ICMP error told about the peer, not yet reported.
    pub(crate) error: Option<Unreachable>,
}

/// A packet that is for this host, as raw sockets see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawPacket {
    pub(crate) interface: u8,
    pub(crate) protocol: u8,
    pub(crate) source: IpAddress,
    pub(crate) destination: IpAddress,
    /// Where what it carries starts in the buffer, and its bytes.
    pub(crate) start: usize,
    pub(crate) length: usize,
    /// Its checksum needs not be looked at: hardware has, or it has not left this host.
    pub(crate) is_verified: bool,
}

impl RawPacket {
    /// What the sockets that want it are found by.
    pub(crate) const fn number(&self) -> u16 {
        IpVersion::of(self.source).number(self.protocol)
    }
}

impl RawSlot {
    pub(crate) fn new(inbox: Inbox, version: IpVersion, protocol: u8) -> Self {
        // "The kernel will calculate and insert the ICMPv6 checksum" (RFC 3542 §3.1).
        let is_icmpv6 = version == IpVersion::V6 && protocol == protocol::ICMPV6;
        Self {
            inbox,
            version,
            protocol,
            options: RawOptions::MULTICAST_LOOP,
            local: None,
            remote: None,
            remote_interface: None,
            interface: None,
            hop_limit: 0,
            multicast_hop_limit: 1,
            multicast_interface: None,
            traffic_class: 0,
            class: 0,
            checksum: is_icmpv6.then_some(2),
            filter: IcmpFilter::PASS_ALL,
            error: None,
        }
    }

    /// Whether the socket speaks ICMP or ICMPv6.
    pub(crate) fn is_icmp(&self) -> bool {
        match self.version {
            IpVersion::V4 => self.protocol == protocol::ICMP,
            IpVersion::V6 => self.protocol == protocol::ICMPV6,
        }
    }

    /// Whether a packet of its protocol is for the socket, as far as addresses tell.
    pub(crate) fn wants(&self, packet: &RawPacket) -> bool {
        self.interface.is_none_or(|only| only == packet.interface)
            && self.local.is_none_or(|own| own == packet.destination)
            && self.remote.is_none_or(|peer| peer == packet.source)
            && (self.remote_interface).is_none_or(|only| only == packet.interface)
    }

    /// Whether the message in a packet, if it is one of ICMP, is of a type that passes.
    pub(crate) fn passes(&self, packet: &RawPacket, buf: &NetBuf) -> bool {
        if !self.is_icmp() {
            return true;
        }
        let mut message_type = [0];
        packet.length > 0
            && buf.read(packet.start, &mut message_type) == 1
            && self.filter.passes(message_type[0])
    }

    /// Whether the checksum of a packet is right, where the socket wants it verified, "discarding the
    /// packet if the checksum is in error" (RFC 3542 §3.1).
    pub(crate) fn is_intact(&self, packet: &RawPacket, buf: &NetBuf) -> bool {
        if self.checksum.is_none() || packet.is_verified {
            return true;
        }
        match (packet.source, packet.destination) {
            #[cfg(feature = "ipv6")]
            (IpAddress::V6(source), IpAddress::V6(destination)) => {
                let (start, length) = (packet.start, packet.length);
                crate::checksum::Sum::pseudo_ipv6(
                    source,
                    destination,
                    packet.protocol,
                    length as u32,
                )
                .plus(buf.sum(start..start + length))
                .is_valid()
            }
            #[allow(unreachable_patterns)]
            _ => {
                let _ = buf;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_tells_every_type_from_every_other() {
        for message_type in 0..=u8::MAX {
            let mut one = IcmpFilter::BLOCK_ALL;
            one.pass(message_type);
            let mut others = IcmpFilter::PASS_ALL;
            others.block(message_type);
            for other in 0..=u8::MAX {
                assert_eq!(one.passes(other), other == message_type);
                assert_eq!(others.passes(other), other != message_type);
            }
        }
    }
}
