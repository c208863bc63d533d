//! The routing table of all interfaces, for both IP versions (RFC 1122 §3.3.1, RFC 4861 §5.2,
//! RFC 4191 §3).
//!
//! Connected prefixes are not in it: they come from the addresses of the interfaces. Whoever picks
//! the way out asks both and takes the longer prefix; [`prefix_matches`] and [`common_prefix_len`]
//! serve both.

mod table;

use core::fmt;

#[cfg(any(feature = "router-discovery", feature = "redirects"))]
pub(crate) use self::table::Learned;
pub use self::table::{RouteSlot, RouteTable};
use crate::time::Instant;
use crate::wire::IpAddress;

/// Places of the table that are kept for routes that messages from the network make.
pub(crate) const LEARNED: usize = {
    #[cfg(feature = "router-discovery")]
    const ADVERTISED: usize =
        crate::config::ROUTERS + crate::config::PREFIXES + crate::config::ADVERTISED_ROUTES;
    #[cfg(not(feature = "router-discovery"))]
    const ADVERTISED: usize = 0;
    #[cfg(feature = "redirects")]
    const REDIRECTED: usize = crate::config::REDIRECTS;
    #[cfg(not(feature = "redirects"))]
    const REDIRECTED: usize = 0;
    ADVERTISED + REDIRECTED
};

/// How many leading bits two addresses share; zero across IP versions.
pub fn common_prefix_len(a: IpAddress, b: IpAddress) -> u8 {
    let bits = match (a, b) {
        #[cfg(feature = "ipv4")]
        (IpAddress::V4(a), IpAddress::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        #[cfg(feature = "ipv6")]
        (IpAddress::V6(a), IpAddress::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        #[cfg(all(feature = "ipv4", feature = "ipv6"))]
        _ => 0,
    };
    bits as u8
}

/// Whether `address` begins with the first `length` bits of `prefix`. Never across IP versions,
/// not even for a length of zero.
pub fn prefix_matches(address: IpAddress, prefix: IpAddress, length: u8) -> bool {
    same_family(address, prefix) && common_prefix_len(address, prefix) >= length
}

fn same_family(a: IpAddress, b: IpAddress) -> bool {
    core::mem::discriminant(&a) == core::mem::discriminant(&b)
}

/// The number of bits in an address of this one's IP version.
fn address_bits(address: IpAddress) -> u8 {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => 32,
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => 128,
    }
}

/// A prefix: the leading bits of an address, all others zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prefix {
    address: IpAddress,
    length: u8,
}

impl Prefix {
    /// The first `length` bits of `address`; the rest is cleared.
    ///
    /// Refused if an address of that IP version has fewer bits.
    pub fn new(address: IpAddress, length: u8) -> Result<Self, RouteError> {
        if length > address_bits(address) {
            return Err(RouteError::PrefixLength);
        }
        let address = match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => {
                let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddress::V4(core::net::Ipv4Addr::from_bits(address.to_bits() & !host))
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => {
                let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddress::V6(core::net::Ipv6Addr::from_bits(address.to_bits() & !host))
            }
        };
        Ok(Self { address, length })
    }

    /// The prefix of a single address.
    #[cfg(feature = "redirects")]
    pub(crate) fn host(address: IpAddress) -> Result<Self, RouteError> {
        Self::new(address, address_bits(address))
    }

    /// The lowest address of the prefix.
    pub const fn address(&self) -> IpAddress {
        self.address
    }

    /// The length in bits.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether `address` lies within.
    pub fn contains(&self, address: IpAddress) -> bool {
        prefix_matches(address, self.address, self.length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Who put a route into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteOrigin {
    /// The user.
    Static,
    /// A Router Advertisement: a default router or a Route Information option (RFC 4861, RFC 4191).
    RouterAdvertisement,
    /// A Redirect message (RFC 4861 §8.3, RFC 1122 §3.3.1.2).
    Redirect,
    /// A DHCP lease.
    Dhcp,
}

/// A way to the destinations of one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Route {
    /// The destinations.
    pub prefix: Prefix,
    /// The neighbour that takes the packets on; `None` if the destinations are neighbours.
    pub gateway: Option<IpAddress>,
    /// The interface that leads there.
    pub interface: u8,
    /// Among routes of one prefix the lowest is taken.
    pub metric: u16,
    /// From when on the route no longer holds; `None`: it holds until it is removed.
    pub expires: Option<Instant>,
    /// Who put it into the table.
    pub origin: RouteOrigin,
}

impl Route {
    /// Whether both are the same way to the same place, whatever their metric and lifetime.
    fn is_same_way(&self, other: &Self) -> bool {
        self.prefix == other.prefix
            && self.gateway == other.gateway
            && self.interface == other.interface
    }

    /// Whether a message from the network made it, and so may end it.
    pub(crate) fn is_learned(&self) -> bool {
        matches!(
            self.origin,
            RouteOrigin::RouterAdvertisement | RouteOrigin::Redirect
        )
    }

    fn is_valid_at(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Why a route is not taken into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteError {
    /// The prefix is longer than an address of its IP version.
    PrefixLength,
    /// The gateway is of another IP version than the prefix.
    GatewayFamily,
    /// The gateway is no address of a single node.
    GatewayAddress,
    /// Every place of the table is taken.
    TableFull,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrefixLength => "prefix longer than an address",
            Self::GatewayFamily => "gateway of another IP version",
            Self::GatewayAddress => "gateway is not a unicast address",
            Self::TableFull => "routing table full",
        })
    }
}

impl core::error::Error for RouteError {}

#[cfg(all(test, feature = "ipv4", feature = "ipv6"))]
mod tests;
