//! What happens to interfaces and their addresses, for those who want to know.

use core::net::IpAddr;

/// Something has happened to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Event {
    /// The interface.
    pub interface: u8,
    /// What has happened to it.
    pub kind: EventKind,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EventKind {
    /// Frames can pass.
    LinkUp,
    /// Frames can pass no longer.
    LinkDown,
    /// The largest IP packet that fits into a frame is now this long, in bytes.
    Mtu(u16),
    /// An address has been assigned. One that has to be checked for duplicates first is
    /// reported when it may be used.
    AddressAdded(IpAddr),
    /// An address is no longer one of the interface's.
    AddressRemoved(IpAddr),
    /// An address is no longer to be used for new connections (RFC 4862 §5.5.4).
    AddressDeprecated(IpAddr),
    /// A deprecated address is to be used for new connections again.
    AddressPreferred(IpAddr),
    /// An address is in use by another station (RFC 4862 §5.4, RFC 5227 §2): it is not, or no
    /// longer, used here.
    AddressDuplicate(IpAddr),
    /// Another station uses an address too. It is kept, and was announced once more (RFC 5227
    /// §2.4).
    AddressDefended(IpAddr),
    /// A group is listened to.
    GroupJoined(IpAddr),
    /// A group is listened to no longer.
    GroupLeft(IpAddr),
    /// A router offers itself as a default router (RFC 4861 §6.3.4).
    RouterAdded(IpAddr),
    /// A router is no longer a default router.
    RouterRemoved(IpAddr),
    /// A prefix is now known to be on the link (RFC 4861 §6.3.4).
    PrefixAdded {
        /// The lowest address of the prefix.
        prefix: IpAddr,
        /// Its length in bits.
        length: u8,
    },
    /// A prefix is no longer known to be on the link.
    PrefixRemoved {
        /// The lowest address of the prefix.
        prefix: IpAddr,
        /// Its length in bits.
        length: u8,
    },
    /// Routers say that addresses, or other configuration, are or are no longer to be had by DHCPv6
    /// (RFC 4861 §4.2).
    RouterFlags {
        /// Addresses are (M).
        managed: bool,
        /// Other configuration is (O).
        other: bool,
    },
    /// The servers and search domains for names that routers tell of have changed (RFC 8106).
    NameServers,
    /// The host has another name (feature `hostname`). It has it on all interfaces: the event names
    /// the first.
    HostnameChanged,
    /// A router says that packets to a destination go by another next hop (RFC 4861 §8,
    /// RFC 1122 §3.2.2.2).
    Redirected {
        /// The destination.
        destination: IpAddr,
        /// The next hop.
        next_hop: IpAddr,
    },
    /// The largest packet that passes on the way to a destination has changed (RFC 8201,
    /// RFC 1191).
    PathMtu {
        /// The destination.
        destination: IpAddr,
        /// The length of that packet, in bytes.
        mtu: u16,
    },
}
