//! Addresses: the link's own, and those of whichever IP versions are built in.

use core::fmt;
use core::net::IpAddr;
#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

/// An address of a link layer: up to eight octets, or none at all.
// Three words, which are copied without a call.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(align(4))]
pub struct LinkAddr {
    octets: [u8; 8],
    length: u8,
}

impl LinkAddr {
    /// The address of a link that has none, such as a point-to-point line.
    pub const NONE: Self = Self {
        octets: [0; 8],
        length: 0,
    };
    /// The Ethernet broadcast address.
    pub const ETHERNET_BROADCAST: Self = Self::ethernet([0xff; 6]);

    /// An Ethernet (EUI-48) address.
    pub const fn ethernet(a: [u8; 6]) -> Self {
        Self {
            octets: [a[0], a[1], a[2], a[3], a[4], a[5], 0, 0],
            length: 6,
        }
    }

    /// An EUI-64, such as the extended address of IEEE 802.15.4.
    pub const fn eui64(octets: [u8; 8]) -> Self {
        Self { octets, length: 8 }
    }

    /// The first octets of a link address; `None` if there are more than eight.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut octets = [0; 8];
        let to = octets.get_mut(..bytes.len())?.iter_mut();
        to.zip(bytes).for_each(|(to, from)| *to = *from);
        Some(Self {
            octets,
            length: bytes.len() as u8,
        })
    }

    /// The address as an Ethernet address; `None` if its length is not six.
    pub const fn as_ethernet(&self) -> Option<[u8; 6]> {
        match self.length {
            6 => Some(*self.first_six()),
            _ => None,
        }
    }

    /// The first six octets, zero beyond its length.
    #[inline]
    pub(crate) const fn first_six(&self) -> &[u8; 6] {
        match self.octets.first_chunk() {
            Some(six) => six,
            None => &[0; 6],
        }
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// Whether the link has no addresses.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether an Ethernet address names a group (the broadcast address among them).
    pub const fn is_multicast(&self) -> bool {
        self.length == 6 && self.octets[0] & 1 != 0
    }
}

impl fmt::Display for LinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.as_bytes().iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for LinkAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address of an IP version that this build has: a version that is off takes no space.
// Where there is one version it is of whole words, and copied as such. With both a tag of a word would make
// each connection of TCP larger than it may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(all(ip, not(all(feature = "ipv4", feature = "ipv6"))), repr(align(4)))]
pub enum IpAddress {
    /// An IPv4 address.
    #[cfg(feature = "ipv4")]
    V4(Ipv4Addr),
    /// An IPv6 address.
    #[cfg(feature = "ipv6")]
    V6(Ipv6Addr),
}

/// The address is of an IP version that this build leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnsupportedFamily;

impl TryFrom<IpAddr> for IpAddress {
    type Error = UnsupportedFamily;

    fn try_from(address: IpAddr) -> Result<Self, UnsupportedFamily> {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddr::V4(address) => Ok(Self::V4(address)),
            #[cfg(feature = "ipv6")]
            IpAddr::V6(address) => Ok(Self::V6(address)),
            #[allow(unreachable_patterns)]
            _ => Err(UnsupportedFamily),
        }
    }
}

impl From<IpAddress> for IpAddr {
    fn from(address: IpAddress) -> Self {
        match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => Self::V4(address),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => Self::V6(address),
        }
    }
}

#[cfg(feature = "ipv4")]
impl From<Ipv4Addr> for IpAddress {
    fn from(address: Ipv4Addr) -> Self {
        Self::V4(address)
    }
}

#[cfg(feature = "ipv6")]
impl From<Ipv6Addr> for IpAddress {
    fn from(address: Ipv6Addr) -> Self {
        Self::V6(address)
    }
}

impl IpAddress {
    /// Whether the address names a group.
    pub const fn is_multicast(&self) -> bool {
        match *self {
            #[cfg(feature = "ipv4")]
            Self::V4(address) => address.is_multicast(),
            #[cfg(feature = "ipv6")]
            Self::V6(address) => address.is_multicast(),
        }
    }

    /// Whether `other` is an address of the same version.
    pub const fn is_same_family(&self, other: Self) -> bool {
        match (*self, other) {
            #[cfg(feature = "ipv4")]
            (Self::V4(_), Self::V4(_)) => true,
            #[cfg(feature = "ipv6")]
            (Self::V6(_), Self::V6(_)) => true,
            #[cfg(all(feature = "ipv4", feature = "ipv6"))]
            _ => false,
        }
    }

    /// Whether `address` is this one, or this one stands for all addresses of its version.
    #[inline]
    pub fn covers(&self, address: Self) -> bool {
        *self == address || self.is_unspecified() && self.is_same_family(address)
    }

    /// Whether this is the unspecified address of its version.
    pub const fn is_unspecified(&self) -> bool {
        match *self {
            #[cfg(feature = "ipv4")]
            Self::V4(address) => address.is_unspecified(),
            #[cfg(feature = "ipv6")]
            Self::V6(address) => is_ipv6_unspecified(&address),
        }
    }
}

/// One of four words of zero, looked for in many places: a call each.
#[cfg(feature = "ipv6")]
#[inline(never)]
const fn is_ipv6_unspecified(address: &Ipv6Addr) -> bool {
    address.is_unspecified()
}

impl fmt::Display for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&IpAddr::from(*self), f)
    }
}

impl fmt::Debug for IpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for IpAddress {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", defmt::Display2Format(self));
    }
}
