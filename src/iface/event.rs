//! What happens to interfaces and their addresses, for those who want to know.

use core::net::IpAddr;

use bitflags::bitflags;

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
    /// It was switched on by hand.
    Enabled,
    /// It was switched off by hand.
    Disabled,
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
    /// A route was added by hand, or for a lease.
    RouteAdded {
        /// The lowest address of its prefix.
        prefix: IpAddr,
        /// The length of the prefix in bits.
        length: u8,
    },
    /// Such a route is no longer there.
    RouteRemoved {
        /// The lowest address of its prefix.
        prefix: IpAddr,
        /// The length of the prefix in bits.
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
    /// The servers and search domains for names that DHCP or routers tell of have changed (RFC 8106).
    NameServers,
    /// The prefixes that a DHCPv6 server has delegated by the interface, or how long they are good,
    /// have changed (RFC 8415 §18.2.10.1).
    DelegatedPrefixes,
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
    /// Programs can reach others from now on: the interface is the first over which they can. Told
    /// by a connection manager.
    Connected(Reach),
    /// Programs can reach others no longer: the interface was the last over which they could.
    Disconnected(Reach),
    /// What the connection of the interface stands on was not there in time, or failed.
    ConnectFailed,
    /// The network beyond the link was found to be there, or not, by an online check.
    Online(bool),
}

/// Which others can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reach {
    /// Those with an IPv4 address.
    Ipv4,
    /// Those with an IPv6 address.
    Ipv6,
    /// Those of either version.
    Any,
}

bitflags! {
    /// Kinds of events, to be told of some only.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EventClass: u16 {
        /// The link, whether it is up and what passes, and whether the interface may be used.
        const LINK = 1 << 0;
        /// IPv4 addresses.
        const IPV4_ADDRESS = 1 << 1;
        /// IPv6 addresses.
        const IPV6_ADDRESS = 1 << 2;
        /// Multicast groups.
        const GROUP = 1 << 3;
        /// Routes, routers, what they say of prefixes and configuration, and redirects.
        const ROUTE = 1 << 4;
        /// Servers and search domains for names, and the name of the host.
        const NAMES = 1 << 5;
        /// Path MTUs.
        const PATH = 1 << 6;
        /// Whether others can be reached.
        const CONNECTION = 1 << 7;
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for EventClass {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "EventClass({=u16:b})", self.bits());
    }
}

impl EventKind {
    /// What kind of event it is.
    pub const fn class(&self) -> EventClass {
        match self {
            Self::LinkUp | Self::LinkDown | Self::Mtu(_) | Self::Enabled | Self::Disabled => {
                EventClass::LINK
            }
            Self::AddressAdded(address)
            | Self::AddressRemoved(address)
            | Self::AddressDeprecated(address)
            | Self::AddressPreferred(address)
            | Self::AddressDuplicate(address)
            | Self::AddressDefended(address) => match address {
                IpAddr::V4(_) => EventClass::IPV4_ADDRESS,
                IpAddr::V6(_) => EventClass::IPV6_ADDRESS,
            },
            Self::GroupJoined(_) | Self::GroupLeft(_) => EventClass::GROUP,
            Self::RouterAdded(_)
            | Self::RouterRemoved(_)
            | Self::PrefixAdded { .. }
            | Self::PrefixRemoved { .. }
            | Self::RouteAdded { .. }
            | Self::RouteRemoved { .. }
            | Self::RouterFlags { .. }
            | Self::DelegatedPrefixes
            | Self::Redirected { .. } => EventClass::ROUTE,
            Self::NameServers | Self::HostnameChanged => EventClass::NAMES,
            Self::PathMtu { .. } => EventClass::PATH,
            Self::Connected(_) | Self::Disconnected(_) | Self::ConnectFailed | Self::Online(_) => {
                EventClass::CONNECTION
            }
        }
    }
}
