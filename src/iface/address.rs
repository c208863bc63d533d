//! The IPv6 addresses of an interface.

#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

#[cfg(feature = "dad")]
use super::dad::Probe;
#[cfg(feature = "dad")]
use crate::time::Duration;
#[cfg(feature = "ipv6")]
use crate::time::Instant;

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

/// What an IPv6 address can be used for (RFC 4862 §2, RFC 4429 §2.1).
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AddressState {
    /// Whether another station has it is not known yet: nothing is sent from it, and nothing
    /// received by it.
    Tentative,
    /// As tentative, but in use already, such that the other station, if there is one, is not
    /// disturbed (RFC 4429).
    Optimistic,
    /// In use.
    Preferred,
    /// In use, but not for new connections if there is another one.
    Deprecated,
    /// Another station has it: it is not used.
    Duplicate,
}

/// Where an IPv6 address comes from.
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AddressOrigin {
    /// Somebody has set it.
    Static,
    /// Made for the link (RFC 4862 §5.3).
    LinkLocal,
    /// Made of a prefix that a router advertises (RFC 4862 §5.5).
    Autoconfigured,
    /// Made of such a prefix and a random identifier, for a short time (RFC 8981).
    Temporary,
    /// From a DHCPv6 server (RFC 8415 §18.2.10.1).
    Dhcp,
}

/// For how long an IPv6 address is good (RFC 4862 §5.5.4). The default is for ever.
#[cfg(feature = "dad")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lifetimes {
    /// For so long it is preferred, and then deprecated; [`Duration::MAX`] is for ever.
    pub preferred: Duration,
    /// For so long it is an address of the interface at all; [`Duration::MAX`] is for ever.
    pub valid: Duration,
}

#[cfg(feature = "dad")]
impl Lifetimes {
    /// It is never deprecated and never removed.
    pub const INFINITE: Self = Self {
        preferred: Duration::MAX,
        valid: Duration::MAX,
    };
}

#[cfg(feature = "dad")]
impl Default for Lifetimes {
    fn default() -> Self {
        Self::INFINITE
    }
}

/// What the identifier of an interface is made of, which is the last 64 bits of the addresses that
/// the stack forms itself.
#[cfg(feature = "slaac")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IdentifierMode {
    /// Of the hardware address (modified EUI-64, RFC 4291 appendix A).
    HardwareAddress,
    /// Of the prefix, the hardware address and this secret key (RFC 7217 §5): always the same in
    /// one network, and in no two networks the same.
    ///
    /// Draw the key once from the hardware's entropy source, and keep it where it outlasts a
    /// restart; use it for nothing else.
    Opaque([u8; 16]),
}

#[cfg(feature = "slaac")]
impl IdentifierMode {
    /// Nobody is told the key.
    const fn name(&self) -> &'static str {
        match self {
            Self::HardwareAddress => "HardwareAddress",
            Self::Opaque(_) => "Opaque",
        }
    }
}

#[cfg(feature = "slaac")]
impl core::fmt::Debug for IdentifierMode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(all(feature = "slaac", feature = "defmt"))]
impl defmt::Format for IdentifierMode {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.name());
    }
}

/// An IPv6 address of an interface, as it is at one time.
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv6Address {
    /// The address.
    pub address: Ipv6Addr,
    /// Bits of its prefix, 0 to 128.
    pub prefix_length: u8,
    /// What it can be used for.
    pub state: AddressState,
    /// Where it comes from.
    pub origin: AddressOrigin,
    /// When it is deprecated; `None` is never.
    pub preferred_until: Option<Instant>,
    /// When it is removed; `None` is never.
    pub valid_until: Option<Instant>,
}

#[cfg(feature = "ipv6")]
impl Ipv6Address {
    /// The address and the length of its prefix.
    pub const fn cidr(&self) -> Ipv6Cidr {
        Ipv6Cidr {
            address: self.address,
            prefix_length: self.prefix_length,
        }
    }
}

/// An IPv6 address in the table of its interface. Without the feature `dad` there is nothing to
/// know but the address: it is in use from the time it is set until it is removed.
#[cfg(feature = "ipv6")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ipv6Entry {
    pub(crate) address: Ipv6Addr,
    pub(crate) prefix_length: u8,
    #[cfg(feature = "dad")]
    pub(crate) origin: AddressOrigin,
    #[cfg(feature = "dad")]
    pub(crate) state: AddressState,
    #[cfg(feature = "dad")]
    pub(crate) probe: Probe,
    /// [`Instant::MAX`] is never.
    #[cfg(feature = "dad")]
    pub(crate) preferred_until: Instant,
    #[cfg(feature = "dad")]
    pub(crate) valid_until: Instant,
    #[cfg(feature = "temporary-addresses")]
    pub(crate) limits: super::dad::TemporaryLimits,
}

#[cfg(feature = "ipv6")]
impl Ipv6Entry {
    /// An address that is good for ever, in use at once.
    pub(crate) const fn new(cidr: Ipv6Cidr, origin: AddressOrigin) -> Self {
        #[cfg(not(feature = "dad"))]
        let _ = origin;
        Self {
            address: cidr.address,
            prefix_length: cidr.prefix_length,
            #[cfg(feature = "dad")]
            origin,
            #[cfg(feature = "dad")]
            state: AddressState::Preferred,
            #[cfg(feature = "dad")]
            probe: Probe::DONE,
            #[cfg(feature = "dad")]
            preferred_until: Instant::MAX,
            #[cfg(feature = "dad")]
            valid_until: Instant::MAX,
            #[cfg(feature = "temporary-addresses")]
            limits: super::dad::TemporaryLimits::NONE,
        }
    }

    /// Whether the address is "assigned to an interface": packets are received by it and sent from
    /// it.
    #[inline]
    pub(crate) const fn is_assigned(&self) -> bool {
        #[cfg(feature = "dad")]
        return !matches!(
            self.state,
            AddressState::Tentative | AddressState::Duplicate
        );
        #[cfg(not(feature = "dad"))]
        true
    }

    /// Whether the address is in use, and no other station is known to have it.
    #[inline]
    pub(crate) const fn is_confirmed(&self) -> bool {
        #[cfg(feature = "dad")]
        return matches!(
            self.state,
            AddressState::Preferred | AddressState::Deprecated
        );
        #[cfg(not(feature = "dad"))]
        true
    }

    /// Whether the prefix of the address is known to be on the link by the address alone. That of
    /// an autoconfigured one is not (RFC 5942 §4).
    pub(crate) const fn has_link_prefix(&self) -> bool {
        #[cfg(feature = "dad")]
        return matches!(
            self.origin,
            AddressOrigin::Static | AddressOrigin::LinkLocal
        );
        #[cfg(not(feature = "dad"))]
        true
    }

    /// What others see.
    pub(crate) fn info(&self) -> Ipv6Address {
        #[cfg(feature = "dad")]
        {
            let limit = |until| (until != Instant::MAX).then_some(until);
            Ipv6Address {
                address: self.address,
                prefix_length: self.prefix_length,
                state: self.state,
                origin: self.origin,
                preferred_until: limit(self.preferred_until),
                valid_until: limit(self.valid_until),
            }
        }
        #[cfg(not(feature = "dad"))]
        Ipv6Address {
            address: self.address,
            prefix_length: self.prefix_length,
            state: AddressState::Preferred,
            origin: match self.address.is_unicast_link_local() {
                true => AddressOrigin::LinkLocal,
                false => AddressOrigin::Static,
            },
            preferred_until: None,
            valid_until: None,
        }
    }
}
