//! Addresses that are used while they are checked for duplicates (RFC 4429).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use crate::iface::{AddressOrigin, AddressState, EventKind, Interface, dad::AddressSettings};
use crate::wire::{IpAddress, LinkAddr};

impl Core<'_> {
    /// Sets whether addresses that are most likely unique are used while they are checked for
    /// duplicates (RFC 4429); at first they are not. False if there is no such interface.
    pub fn set_optimistic(&mut self, id: InterfaceId, enabled: bool) -> bool {
        let interface = self.interface_mut(id);
        interface
            .map(|interface| interface.addresses.is_optimistic = enabled)
            .is_some()
    }

    /// Uses an address that is being checked, if that is allowed: one that is most likely unique,
    /// on a link with a router whose link address is known (RFC 4429 §3.1, §3.3). Those that
    /// somebody has typed in are not.
    pub(super) fn use_at_once(&mut self, id: InterfaceId, address: Ipv6Addr) {
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let AddressSettings {
            is_optimistic,
            is_disabled,
            ..
        } = interface.addresses;
        let is_allowed = is_optimistic && !is_disabled && interface.is_up();
        if !is_allowed || interface.router().is_none() {
            return;
        }
        let mut entries = interface.ipv6.iter_mut();
        let Some(entry) = entries.find(|entry| entry.address == address) else {
            return;
        };
        let is_likely_unique = matches!(
            entry.origin,
            AddressOrigin::Autoconfigured | AddressOrigin::Temporary
        );
        if entry.state != AddressState::Tentative || !is_likely_unique {
            return;
        }
        entry.use_at_once(now);
        self.emit(id, EventKind::AddressAdded(address.into()));
        self.addresses_changed(id);
        // RFC 9131 §6.1.2: "as soon as [...] a new Optimistic Address is assigned".
        if crate::config::DAD_ANNOUNCEMENTS > 0
            && let Err(reason) = self.announce_address(id, address)
        {
            self.not_sent(id, reason);
        }
    }
}

impl Interface<'_> {
    /// Whether `address` is used while it is being checked for duplicates.
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) fn is_optimistic(&self, address: IpAddress) -> bool {
        let mut entries = self.ipv6.iter();
        entries.any(|entry| {
            IpAddress::V6(entry.address) == address && entry.state == AddressState::Optimistic
        })
    }

    /// The link address of a router on the link: what an optimistic address has for a neighbour
    /// that it may not ask for goes there, "in the hope that the packet will be redirected"
    /// (RFC 4429 §3.2).
    pub(crate) fn router(&self) -> Option<LinkAddr> {
        #[cfg(not(neighbors))]
        return None;
        #[cfg(neighbors)]
        {
            let mut neighbors = self.neighbors.iter(crate::time::Instant::ZERO);
            neighbors.find_map(|neighbor| neighbor.link.filter(|_| neighbor.is_router))
        }
    }

    /// The link-local address, if it is known to be unique: what solicits where the source of the
    /// packet must not (RFC 4429 §3.2).
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) fn confirmed_link_local(&self) -> Option<Ipv6Addr> {
        let mut entries = self.ipv6.iter();
        let entry =
            entries.find(|entry| entry.is_confirmed() && entry.address.is_unicast_link_local());
        entry.map(|entry| entry.address)
    }
}
