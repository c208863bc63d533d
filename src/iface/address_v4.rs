//! The IPv4 addresses of an interface: who assigned them, and whether they may be used.

use core::net::Ipv4Addr;

use heapless::Vec;

use super::AddressError;
#[cfg(feature = "acd")]
use super::conflict::Claim;
use super::interface::{Interface, listed};
use crate::config;

/// An IPv4 address and the length of its subnet's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Cidr {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of the prefix, 0 to 32.
    pub prefix_length: u8,
}

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

/// Who has assigned an IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Ipv4Origin {
    /// The user.
    Static,
    /// A DHCP server.
    Dhcp,
    /// The host itself: an address that is good for one link (RFC 3927).
    LinkLocal,
}

/// Whether an IPv4 address may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Ipv4State {
    /// Whether another station has it is not known yet (RFC 5227 §2.1): it is not used. So it is as
    /// long as the link is down.
    Probing,
    /// It is used.
    Active,
    /// Another station has it (RFC 5227 §2.1.1, §2.4): it is not used, until the link comes up the
    /// next time or the address is added anew.
    Conflicted,
}

/// An IPv4 address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ipv4Entry {
    /// The address and its subnet.
    pub cidr: Ipv4Cidr,
    /// Who has assigned it.
    pub origin: Ipv4Origin,
    /// Whether it may be used.
    pub state: Ipv4State,
}

/// An address, and what is being done about it.
pub(crate) struct Assignment {
    pub(crate) entry: Ipv4Entry,
    #[cfg(feature = "acd")]
    pub(crate) claim: Claim,
}

/// The addresses of an interface, those among them that may not be used.
pub(crate) type Assignments = Vec<Assignment, { config::IPV4_ADDRESSES }>;

impl Interface<'_> {
    /// Takes in an address in the state of `entry`, in place of the same one with another subnet or
    /// of another origin, whose state stays. Says whether it is new.
    pub(crate) fn assign_ipv4(&mut self, entry: Ipv4Entry) -> Result<bool, AddressError> {
        let Ipv4Cidr { address, .. } = entry.cidr;
        if address.is_unspecified()
            || address.is_multicast()
            || entry.cidr.is_broadcast(address)
            || address.is_broadcast()
        {
            return Err(AddressError::Invalid);
        }
        if let Some(old) = self.assignment(address) {
            (old.entry.cidr, old.entry.origin) = (entry.cidr, entry.origin);
            self.publish_ipv4();
            return Ok(false);
        }
        let assignment = Assignment {
            entry,
            #[cfg(feature = "acd")]
            claim: Claim::IDLE,
        };
        self.assignments
            .push(assignment)
            .map_err(|_| AddressError::TableFull)?;
        self.publish_ipv4();
        Ok(true)
    }

    /// What is known of an address.
    pub(crate) fn assignment(&mut self, address: Ipv4Addr) -> Option<&mut Assignment> {
        let mut assignments = self.assignments.iter_mut();
        assignments.find(|assignment| assignment.entry.cidr.address == address)
    }

    /// Takes an address away; says what it was.
    pub(crate) fn unassign_ipv4(&mut self, address: Ipv4Addr) -> Option<Ipv4Entry> {
        let entry = self.assignment(address)?.entry;
        self.assignments
            .retain(|assignment| assignment.entry.cidr.address != address);
        self.publish_ipv4();
        Some(entry)
    }

    /// Makes the list of the addresses that may be used, for those who look at it for each packet.
    pub(crate) fn publish_ipv4(&mut self) {
        let active = self.assignments.iter().map(|assignment| assignment.entry);
        let active = active.filter(|entry| entry.state == Ipv4State::Active);
        self.ipv4 = listed(active.map(|entry| entry.cidr));
    }
}
