//! Packet sockets: what they see of a frame, and what is said of one that is to be sent.

use bitflags::bitflags;

use super::Inbox;
use super::table::Wanted;
use crate::link::{Capabilities, Medium};
use crate::netbuf::NetBuf;
use crate::netbuf::meta::Flags;
use crate::wire::LinkAddr;

/// The frames that a packet socket receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketProtocol {
    /// None: the socket only sends.
    Nothing,
    /// Those of one protocol: an EtherType, in host order, on any kind of link.
    Type(u16),
    /// All.
    All,
}

impl PacketProtocol {
    /// IEEE 802.3 frames, which have a length in place of the EtherType and an LLC header: the
    /// number that Linux has for them.
    pub const LLC: Self = Self::Type(LLC);

    pub(crate) const fn wanted(self) -> Wanted {
        match self {
            Self::Nothing => Wanted::Nothing,
            Self::Type(number) => Wanted::Number(number),
            Self::All => Wanted::Everything,
        }
    }
}

/// `ETH_P_802_2` of Linux.
const LLC: u16 = 4;

/// The EtherTypes of bare packets (RFC 894, RFC 2464 §3).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Whom a frame was for, as seen from this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketKind {
    /// This station.
    Host,
    /// Every station of the link.
    Broadcast,
    /// A group of stations.
    Multicast,
    /// Another station: seen because the link is listened to as a whole.
    OtherHost,
    /// This host has sent it.
    Outgoing,
}

impl PacketKind {
    pub(crate) const fn of(flags: Flags) -> Self {
        match () {
            () if flags.contains(Flags::SENT) => Self::Outgoing,
            () if flags.contains(Flags::LINK_OTHER) => Self::OtherHost,
            () if flags.contains(Flags::LINK_BROADCAST) => Self::Broadcast,
            () if flags.contains(Flags::LINK_MULTICAST) => Self::Multicast,
            () => Self::Host,
        }
    }
}

/// What goes with a frame that a packet socket has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PacketInfo {
    /// The number of the interface that it came in or went out by.
    pub interface: u8,
    /// The EtherType, also on links whose frames have none; [`PacketProtocol::LLC`]'s number for
    /// IEEE 802.3 frames, 0 for what is neither.
    pub protocol: u16,
    /// Whom it was for.
    pub kind: PacketKind,
    /// The hardware type of the link: 1 for Ethernet (RFC 826), and where there are no addresses
    /// the numbers that Linux has, 772 for loopback and 65534 for bare IP packets.
    pub hardware: u16,
    /// The link address that it came from; none where the link has none.
    pub source: LinkAddr,
    /// Bytes that were received, also where the caller's slice took fewer. Those of the link header
    /// count if the socket receives it.
    pub length: usize,
    /// When the driver received it, in nanoseconds on its own clock; 0 if it did not say.
    #[cfg(feature = "timestamps")]
    pub timestamp: u64,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PacketAddress {
    /// The number of the interface to send by; `None`: the one that the socket is bound to.
    pub interface: Option<u8>,
    /// The EtherType of a frame whose header the stack writes; `None`: the one that the socket is
    /// bound to.
    pub protocol: Option<u16>,
    /// The link address of its destination, where the stack writes the header and the link has
    /// addresses.
    pub destination: LinkAddr,
}

/// What a packet socket has an interface listen to beside what is for this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketMembership {
    /// Everything on the link.
    Promiscuous,
    /// What is sent to any group.
    AllGroups,
    /// What is sent to this group of the link.
    Group(LinkAddr),
}

/// Why a packet socket was not opened, bound, or joined to anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketError {
    /// All packet sockets ([`PACKET_SOCKETS`](crate::config::PACKET_SOCKETS)) are in use.
    TableFull,
    /// There is no such interface.
    NoInterface,
    /// The address is none of a group of such a link.
    InvalidGroup,
    /// There is no place for another membership
    /// ([`PACKET_MEMBERSHIPS`](crate::config::PACKET_MEMBERSHIPS)).
    MembershipsFull,
    /// The socket has not joined that.
    NotMember,
}

impl core::fmt::Display for PacketError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TableFull => "all packet sockets are in use",
            Self::NoInterface => "no such interface",
            Self::InvalidGroup => "not the address of a group",
            Self::MembershipsFull => "the table of memberships is full",
            Self::NotMember => "the socket has not joined that",
        })
    }
}

impl core::error::Error for PacketError {}

/// Why a packet socket did not send a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PacketSendError {
    /// No interface was named, and the socket is bound to none; or there is none of that number.
    NoInterface,
    /// No EtherType was named for the header, and the socket is bound to none.
    NoProtocol,
    /// The destination is not an address of such a link.
    InvalidDestination,
    /// The frame has no whole link header, or nothing at all.
    TooShort,
    /// The frame is longer than what the link takes.
    TooLong {
        /// The most bytes that go, with the link header where the socket gives that.
        most: usize,
    },
    /// There is no packet buffer now.
    NoBuffer,
    /// The interface's transmit queue is full now, or its link is down.
    QueueFull,
    /// The interface does not let it out.
    Refused,
    /// The socket is closed.
    Closed,
}

impl core::fmt::Display for PacketSendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no interface to send by",
            Self::NoProtocol => "no EtherType for the frame",
            Self::InvalidDestination => "not a link address of a destination",
            Self::TooShort => "the frame has no whole header",
            Self::TooLong { .. } => "the frame is too long",
            Self::NoBuffer => "no packet buffer is free",
            Self::QueueFull => "the transmit queue is full",
            Self::Refused => "the interface does not let the frame out",
            Self::Closed => "the socket is closed",
        })
    }
}

impl core::error::Error for PacketSendError {}

bitflags! {
    /// How a packet socket receives and sends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct PacketOptions: u8 {
        /// It sees no link header, and gives none.
        const COOKED = 1 << 0;
        /// It does not see what this host sends.
        const IGNORE_OUTGOING = 1 << 1;
    }
}

/// One packet socket.
pub(crate) struct PacketSlot {
    pub(crate) inbox: Inbox,
    /// The only interface to receive from, and to send by where none is named.
    pub(crate) interface: Option<u8>,
    pub(crate) options: PacketOptions,
    /// The traffic class of the port.
    pub(crate) class: u8,
}

/// What there is to be known of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) interface: u8,
    pub(crate) protocol: u16,
    /// Octets of the link header.
    pub(crate) header: u8,
    /// Whom it was for.
    pub(crate) flags: Flags,
}

impl Sight {
    /// Looks at a frame that came by a link, or that this host has `sent`; `None` if it has no whole
    /// header.
    pub(crate) fn of(
        interface: u8,
        link: &Capabilities,
        frame: &NetBuf,
        sent: bool,
    ) -> Option<Self> {
        let (protocol, header, flags) = match link.medium {
            #[cfg(feature = "ethernet")]
            Medium::Ethernet => {
                use crate::wire::ethernet::{self, EthernetHeader, FrameKind};

                let mut straddle = crate::netbuf::Straddle::new();
                let header = EthernetHeader::new(frame.header(0, &mut straddle)?);
                let protocol = match header.kind() {
                    FrameKind::Type(number) => number,
                    FrameKind::Length(_) => LLC,
                    FrameKind::Undefined(_) => 0,
                };
                let destination = header.destination();
                let flags = match () {
                    () if *link.address.first_six() == destination => Flags::empty(),
                    () if ethernet::is_broadcast(destination) => Flags::LINK_BROADCAST,
                    () if ethernet::is_group(destination) => Flags::LINK_MULTICAST,
                    () => Flags::LINK_OTHER,
                };
                (protocol, ethernet::HEADER_LENGTH as u8, flags)
            }
            Medium::Ip => {
                let mut version = [0];
                let _: usize = frame.read(0, &mut version);
                (ip_type(version[0]), 0, Flags::empty())
            }
        };
        Some(Self {
            interface,
            protocol,
            header,
            flags: if sent { Flags::SENT } else { flags },
        })
    }
}

/// The EtherType of a bare packet that starts so; 0 if it is of no version of IP.
fn ip_type(first: u8) -> u16 {
    match first >> 4 {
        4 => IPV4,
        6 => IPV6,
        _ => 0,
    }
}

impl PacketSlot {
    /// Whether a frame of a protocol that the socket wants is for it.
    pub(crate) fn wants(&self, sight: &Sight) -> bool {
        let is_sent = sight.flags.contains(Flags::SENT);
        self.interface.is_none_or(|only| only == sight.interface)
            && !(is_sent && self.options.contains(PacketOptions::IGNORE_OUTGOING))
    }
}
