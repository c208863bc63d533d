//! The addresses of an interface.

#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

/// An IPv4 address and the length of its subnet's prefix.
#[cfg(feature = "ipv4")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Cidr {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of the prefix, 0 to 32.
    pub prefix_length: u8,
}

#[cfg(feature = "ipv4")]
impl Ipv4Cidr {
    /// `address` in a subnet of `prefix_length` bits; more than 32 count as 32.
    pub const fn new(address: Ipv4Addr, prefix_length: u8) -> Self {
        let prefix_length = if prefix_length > 32 {
            32
        } else {
            prefix_length
        };
        Self {
            address,
            prefix_length,
        }
    }

    /// The mask of the subnet.
    #[inline]
    pub const fn mask(&self) -> u32 {
        match u32::MAX.checked_shr(self.prefix_length as u32) {
            Some(host) => !host,
            None => u32::MAX,
        }
    }

    /// Whether `address` is in the subnet.
    #[inline]
    pub const fn contains(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }

    /// The broadcast address of the subnet (RFC 919 §7); `None` where it has none: a link of two
    /// (RFC 3021 §2.1) or of one.
    #[inline]
    pub const fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.prefix_length {
            31.. => None,
            _ => Some(Ipv4Addr::from_bits(self.address.to_bits() | !self.mask())),
        }
    }

    /// Whether `address` is the broadcast address of the subnet, or the old form of it with a host
    /// number of zero (RFC 1122 §3.3.6).
    #[inline]
    pub const fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        let mask = self.mask();
        // Outside of the subnet the difference has a bit of the prefix, and is neither.
        let own = self.address.to_bits() & mask;
        let host = address.to_bits() ^ own;
        self.prefix_length < 31 && (host == 0 || host == !mask)
    }
}

/// An IPv6 address and the length of its prefix.
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6Cidr {
    /// The address.
    pub address: Ipv6Addr,
    /// Bits of the prefix, 0 to 128.
    pub prefix_length: u8,
}

#[cfg(feature = "ipv6")]
impl Ipv6Cidr {
    /// `address` in a prefix of `prefix_length` bits; more than 128 count as 128.
    pub const fn new(address: Ipv6Addr, prefix_length: u8) -> Self {
        let prefix_length = if prefix_length > 128 {
            128
        } else {
            prefix_length
        };
        Self {
            address,
            prefix_length,
        }
    }

    /// Whether `address` has the prefix.
    pub const fn contains(&self, address: Ipv6Addr) -> bool {
        match self.prefix_length {
            0 => true,
            bits => (address.to_bits() ^ self.address.to_bits()) >> (128 - bits as u32 % 129) == 0,
        }
    }
}
