//! The IPv6 addresses of an interface.

#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

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
