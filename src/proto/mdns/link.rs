//! What the machines know of an interface, and what they can do there.

use core::net::SocketAddr;

use heapless::Vec;

use crate::config;
use crate::time::Duration;
use crate::wire::IpAddress;

/// Addresses of an interface.
const ADDRESSES: usize = if cfg!(feature = "ipv4") {
    config::IPV4_ADDRESSES
} else {
    0
} + if cfg!(feature = "ipv6") {
    config::IPV6_ADDRESSES
} else {
    0
};

/// Which of the two groups: an interface is in both, where it has addresses of both versions
/// (RFC 6762 §20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) enum Version {
    V4,
    V6,
}

impl Version {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub(super) const fn of(address: &IpAddress) -> Self {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(_) => Self::V4,
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => Self::V6,
        }
    }
}

/// An interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proto) struct Link {
    /// Its addresses; none while its link is down.
    pub(super) addresses: Vec<IpAddress, ADDRESSES>,
    /// Octets of the longest message that is sent by it (RFC 6762 §17).
    pub(super) most: usize,
}

impl Link {
    pub(super) const DOWN: Self = Self {
        addresses: Vec::new(),
        most: 0,
    };

    /// Whether messages of a version can be sent: there is an address to send them from.
    pub(super) fn carries(&self, version: Version) -> bool {
        let mut versions = self.addresses.iter().map(Version::of);
        versions.any(|other| other == version)
    }

    pub(super) fn is_active(&self) -> bool {
        !self.addresses.is_empty()
    }
}

/// Where a message came from.
#[cfg_attr(not(feature = "mdns-responder"), allow(dead_code))]
#[derive(Clone, Copy, Debug)]
pub(in crate::proto) struct Origin {
    pub(super) link: usize,
    pub(super) version: Version,
    pub(super) source: SocketAddr,
    /// It was sent to the group.
    pub(super) is_multicast: bool,
    /// The source is on the link (RFC 6762 §11).
    pub(super) is_on_link: bool,
    /// There was more of it than was read.
    pub(super) is_cut: bool,
}

/// Where a message goes.
#[cfg_attr(not(feature = "mdns-responder"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) enum Target {
    /// To the group of an interface.
    Group(usize, Version),
    /// To one host.
    Host(usize, SocketAddr),
}

/// There is no room for a packet at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proto) struct NoRoom;

/// What a machine has around it: chance, and a socket.
pub(in crate::proto) trait Outside {
    /// A number below `bound`, all equally likely.
    fn below(&mut self, bound: u32) -> u32;

    /// Sends a message. What cannot be sent for another reason than want of room is lost.
    fn send(&mut self, to: Target, message: &[u8]) -> Result<(), NoRoom>;

    /// A span from `least` to `most` milliseconds.
    fn between(&mut self, least: u32, most: u32) -> Duration {
        let span = most.saturating_sub(least).saturating_add(1);
        Duration::from_millis(u64::from(least + self.below(span)))
    }
}
