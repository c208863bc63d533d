//! Sockets for whole packets: packet sockets, which see the frames of a link, and raw sockets, which
//! see the packets of an IP protocol.
//!
//! Both get copies that share the blocks of the packet, beside what the stack itself does with it.
//! A packet finds its sockets by a number: the EtherType, or the protocol and the IP version.

mod inbox;
#[cfg(feature = "packet-sockets")]
mod link;
#[cfg(feature = "raw-sockets")]
mod raw;
mod table;

pub(crate) use inbox::Inbox;
#[cfg(feature = "packet-sockets")]
pub use link::{
    PacketAddress, PacketError, PacketInfo, PacketKind, PacketMembership, PacketProtocol,
    PacketSendError,
};
#[cfg(feature = "packet-sockets")]
pub(crate) use link::{PacketOptions, PacketSlot, Sight};
#[cfg(feature = "raw-sockets")]
pub use raw::{IcmpFilter, IpVersion, RawAddress, RawError, RawInfo, RawSendError};
#[cfg(feature = "raw-sockets")]
pub(crate) use raw::{RawOptions, RawPacket, RawSlot};
pub(crate) use table::Table;
#[cfg(any(feature = "ethernet", feature = "raw-sockets"))]
pub(crate) use table::Wanted;
