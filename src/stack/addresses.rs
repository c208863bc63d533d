//! The IPv6 addresses of interfaces: how they come, are checked for duplicates, and go
//! (RFC 4862 §5.3 to §5.5.4).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
#[cfg(feature = "dad")]
use super::timers::IPV6_ADDRESSES;
use crate::iface::{AddressError, AddressOrigin, EventKind, Ipv6Cidr, Ipv6Entry};
#[cfg(feature = "dad")]
use crate::iface::{
    AddressState, Lifetimes,
    dad::{AddressAction, MAX_RTR_SOLICITATION_DELAY},
};
#[cfg(feature = "dad")]
use crate::time::{Duration, Instant};
use crate::wire::ipv6_address;

impl Core<'_> {
    /// Adds an IPv6 address to an interface, or changes the prefix length of one that is there.
    ///
    /// With the feature `dad` it is used once it is known that no other station has it (RFC 4862
    /// §5.4).
    pub fn add_ipv6(&mut self, id: InterfaceId, cidr: Ipv6Cidr) -> Result<(), AddressError> {
        self.add_address(id, Ipv6Entry::new(cidr, AddressOrigin::Static))
    }

    /// Takes an IPv6 address from an interface; says whether it was there.
    pub(super) fn remove_ipv6(&mut self, id: InterfaceId, address: Ipv6Addr) -> bool {
        let interface = self.interface_mut(id);
        let removed = interface.is_some_and(|interface| interface.remove_ipv6(address));
        if removed {
            self.emit(id, EventKind::AddressRemoved(address.into()));
            #[cfg(feature = "dad")]
            self.addresses_changed(id);
        }
        removed
    }

    /// The link-local address that an interface forms first.
    fn link_local_address(&self, id: InterfaceId) -> Option<Ipv6Addr> {
        #[cfg(feature = "slaac")]
        return self
            .formed_address(id, ipv6_address::link_local([0; 8]), 0)
            .map(|(address, _)| address);
        #[cfg(not(feature = "slaac"))]
        self.interface(id)
            .and_then(|interface| ipv6_address::interface_identifier(interface.link_address()))
            .map(ipv6_address::link_local)
    }

    /// Gives a new interface on a link with addresses a link-local one (RFC 4862 §5.3).
    pub(super) fn add_link_local(&mut self, id: InterfaceId) {
        if let Some(address) = self.link_local_address(id) {
            let cidr = Ipv6Cidr::new(address, 64);
            let entry = Ipv6Entry::new(cidr, AddressOrigin::LinkLocal);
            // A fresh interface has room for it.
            let _: Result<(), AddressError> = self.add_address(id, entry);
        }
    }
}

#[cfg(not(feature = "dad"))]
impl Core<'_> {
    fn add_address(&mut self, id: InterfaceId, entry: Ipv6Entry) -> Result<(), AddressError> {
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        let is_new = !interface.is_assigned(entry.address);
        let _: &mut Ipv6Entry = interface.add_ipv6(entry)?;
        self.groups_changed(id);
        if is_new {
            self.emit(id, EventKind::AddressAdded(entry.address.into()));
        }
        Ok(())
    }
}

#[cfg(feature = "dad")]
impl Core<'_> {
    /// Adds an IPv6 address that is good for a time only, or gives one that is there these
    /// lifetimes from now on.
    ///
    /// [`AddressError::Invalid`] if it would be preferred for longer than it is valid.
    pub fn add_ipv6_for(
        &mut self,
        id: InterfaceId,
        cidr: Ipv6Cidr,
        lifetimes: Lifetimes,
    ) -> Result<(), AddressError> {
        if lifetimes.preferred > lifetimes.valid || lifetimes.valid == Duration::ZERO {
            return Err(AddressError::Invalid);
        }
        let mut entry = Ipv6Entry::new(cidr, AddressOrigin::Static);
        entry.preferred_until = self.now + lifetimes.preferred;
        entry.valid_until = self.now + lifetimes.valid;
        self.add_address(id, entry)
    }

    /// Adds an address that a DHCPv6 server has leased, or gives one that is there its new
    /// lifetimes. What has come by another way stays as it is.
    #[cfg(feature = "dhcpv6-client")]
    pub(crate) fn lease_ipv6(
        &mut self,
        id: InterfaceId,
        address: Ipv6Addr,
        preferred_until: Instant,
        valid_until: Instant,
    ) -> Result<(), AddressError> {
        // "MUST NOT be used to form an implicit prefix with a length other than 128" (RFC 8415
        // §18.2.10.1).
        let cidr = Ipv6Cidr::new(address, 128);
        let mut entry = Ipv6Entry::new(cidr, AddressOrigin::Dhcp);
        let known = self.address_mut(id, address).map(|known| known.origin);
        if known.is_some_and(|origin| origin != AddressOrigin::Dhcp) {
            return Ok(());
        }
        entry.preferred_until = preferred_until;
        entry.valid_until = valid_until;
        self.add_address(id, entry)
    }

    /// Sets how many Neighbor Solicitations ask whether another station has an address before it is
    /// used: DupAddrDetectTransmits (RFC 4862 §5.1). With zero addresses are used unchecked, those
    /// that are being checked among them. False if there is no such interface.
    pub fn set_dad_transmits(&mut self, id: InterfaceId, transmits: u8) -> bool {
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        interface.addresses.transmits = transmits;
        interface.addresses.is_disabled &= transmits > 0;
        let checked = |entry: &Ipv6Entry| entry.is_checked();
        while transmits == 0
            && let Some(entry) = self
                .interface(id)
                .and_then(|interface| interface.ipv6.iter().find(|entry| checked(entry)))
        {
            self.check_address(id, entry.address, Instant::MAX);
        }
        true
    }

    fn add_address(&mut self, id: InterfaceId, entry: Ipv6Entry) -> Result<(), AddressError> {
        // A solicitation that is not the first message of the interface need not be put off.
        let at = self.now;
        self.add_address_at(id, entry, at)
    }

    /// Adds an address, to be checked for duplicates from `at` on.
    pub(super) fn add_address_at(
        &mut self,
        id: InterfaceId,
        new: Ipv6Entry,
        at: Instant,
    ) -> Result<(), AddressError> {
        let interface = self.interface_mut(id).ok_or(AddressError::NoInterface)?;
        let was_there = interface.may_have_address(new.address.into());
        let entry = interface.add_ipv6(new)?;
        entry.origin = new.origin;
        let was_good = was_there && entry.state != AddressState::Duplicate;
        self.kick(id);
        if !was_good {
            self.check_address(id, new.address, at);
        }
        self.set_lifetimes(id, new.address, new.preferred_until, new.valid_until);
        Ok(())
    }

    /// Gives an address that is there other lifetimes.
    pub(super) fn set_lifetimes(
        &mut self,
        id: InterfaceId,
        address: Ipv6Addr,
        preferred_until: Instant,
        valid_until: Instant,
    ) {
        let now = self.now;
        let Some(entry) = self.address_mut(id, address) else {
            return;
        };
        entry.preferred_until = preferred_until;
        entry.valid_until = valid_until;
        if entry.state == AddressState::Deprecated && now < preferred_until {
            entry.state = AddressState::Preferred;
            self.emit(id, EventKind::AddressPreferred(address.into()));
        }
        self.arm_ipv6_addresses();
    }

    #[cfg(feature = "slaac")]
    pub(super) fn entry(&self, id: InterfaceId, address: Ipv6Addr) -> Option<&Ipv6Entry> {
        let mut entries = self.interface(id)?.ipv6.iter();
        entries.find(|entry| entry.address == address)
    }

    fn address_mut(&mut self, id: InterfaceId, address: Ipv6Addr) -> Option<&mut Ipv6Entry> {
        let mut entries = self.interface_mut(id)?.ipv6.iter_mut();
        entries.find(|entry| entry.address == address)
    }

    /// Begins to check an address for duplicates, at `at` or when the link comes up.
    fn check_address(&mut self, id: InterfaceId, address: Ipv6Addr, at: Instant) {
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let at = match interface.is_up() && !interface.addresses.is_disabled {
            true => at,
            false => Instant::MAX,
        };
        let transmits = interface.addresses.transmits;
        let Some(entry) = self.address_mut(id, address) else {
            return;
        };
        if entry.begin(now, transmits, at) {
            self.emit(id, EventKind::AddressAdded(address.into()));
        }
        self.addresses_changed(id);
        #[cfg(feature = "dad-optimistic")]
        self.use_at_once(id, address);
    }

    /// Notes which addresses are in use, and tells those who wait for that.
    pub(super) fn addresses_changed(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interface_mut(id) {
            let is_disabled = interface.addresses.is_disabled;
            let mut entries = interface.ipv6.iter();
            interface.addresses.has_unassigned =
                is_disabled || entries.any(|entry| !entry.is_assigned());
        }
        self.wake_link(id);
        self.arm_ipv6_addresses();
        // Their solicited-node groups come and go with them.
        self.groups_changed(id);
    }

    /// The link has come up. Whoever has our addresses may have come meanwhile, and our link may be
    /// another: all of them are checked again (RFC 4862 §5.3, §5.4), those that were duplicates too.
    pub(super) fn check_addresses(&mut self, id: InterfaceId) {
        // "If the Neighbor Solicitation is going to be the first message sent from an interface
        // [...] the node SHOULD delay"
        let delay = (self.rng).between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
        let at = self.now + delay;
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        interface.addresses.is_disabled = false;
        let transmits = interface.addresses.transmits;
        self.renew_link_local(id);
        #[cfg(feature = "temporary-addresses")]
        self.remove_temporary(id);
        if transmits == 0 {
            return self.addresses_changed(id);
        }
        for place in 0..crate::config::IPV6_ADDRESSES {
            let entry = self.interface(id).and_then(|i| i.ipv6.get(place));
            let Some(&Ipv6Entry { address, .. }) = entry else {
                break;
            };
            if entry.is_some_and(Ipv6Entry::is_assigned) {
                self.emit(id, EventKind::AddressRemoved(address.into()));
            }
            self.check_address(id, address, at);
        }
    }

    /// Makes the link-local address anew where it turned out to be a duplicate, and the hardware
    /// address that it was made of has changed.
    fn renew_link_local(&mut self, id: InterfaceId) {
        let interface = self.interface(id);
        let Some(old) = interface.and_then(|interface| {
            let mut entries = interface.ipv6.iter();
            let is_it = |entry: &&Ipv6Entry| {
                entry.origin == AddressOrigin::LinkLocal && entry.state == AddressState::Duplicate
            };
            entries.find(is_it).map(|entry| entry.address)
        }) else {
            return;
        };
        if self.link_local_address(id).is_some_and(|new| new != old) {
            let _: bool = self.remove_ipv6(id, old);
            self.add_link_local(id);
        }
    }

    /// Sets the timer of all addresses to the earliest of their deadlines.
    fn arm_ipv6_addresses(&mut self) {
        let entries = self.interfaces().flat_map(|(_, i)| i.ipv6.iter());
        let deadline = entries.map(Ipv6Entry::deadline).min();
        let deadline = deadline.filter(|deadline| *deadline != Instant::MAX);
        self.set_timer(IPV6_ADDRESSES, deadline);
    }

    /// Does what is due about the addresses of all interfaces.
    pub(super) fn poll_ipv6_addresses(&mut self) {
        for index in 0..self.interfaces.len() {
            let id = index as InterfaceId;
            while let Some(action) = self.address_action(id) {
                self.act_on_address(id, action);
            }
        }
        self.arm_ipv6_addresses();
    }

    fn address_action(&mut self, id: InterfaceId) -> Option<AddressAction> {
        let (now, rng) = (self.now, &mut self.rng);
        let interface = self.interfaces.get_mut(usize::from(id))?.as_mut()?;
        let retrans_timer = interface.neighbors.discovery_timing().retrans_timer();
        let mut entries = interface.ipv6.iter_mut();
        entries.find_map(|entry| entry.due(now, retrans_timer, rng))
    }

    fn act_on_address(&mut self, id: InterfaceId, action: AddressAction) {
        match action {
            AddressAction::Solicit(address, nonce) => {
                if let Err(reason) = self.send_duplicate_solicitation(id, address, nonce) {
                    self.not_sent(id, reason);
                    if let Some(entry) = self.address_mut(id, address) {
                        entry.not_sent();
                    }
                }
            }
            AddressAction::Assigned(address) => {
                self.addresses_changed(id);
                self.emit(id, EventKind::AddressAdded(address.into()));
            }
            AddressAction::Announce(address) => {
                if let Err(reason) = self.announce_address(id, address) {
                    self.not_sent(id, reason);
                }
            }
            AddressAction::Deprecated(address) => {
                self.emit(id, EventKind::AddressDeprecated(address.into()));
            }
            AddressAction::Expired(address) => {
                let _: bool = self.remove_ipv6(id, address);
            }
            #[cfg(feature = "dad-optimistic")]
            AddressAction::Confirmed => self.addresses_changed(id),
            #[cfg(feature = "slaac")]
            AddressAction::Retry(address) => self.retry_address(id, address),
            #[cfg(feature = "temporary-addresses")]
            AddressAction::Regenerate(address) => self.regenerate_temporary(id, address),
        }
    }

    /// Another station has an address that is being checked for duplicates (RFC 4862 §5.4.5).
    #[cold]
    pub(super) fn address_failed(&mut self, id: InterfaceId, address: Ipv6Addr) {
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let counters = &mut interface.addresses.counters;
        counters.duplicates = counters.duplicates.wrapping_add(1);
        let mut entries = interface.ipv6.iter_mut();
        let Some(entry) = entries.find(|entry| entry.address == address) else {
            return;
        };
        entry.fail();
        let is_link_local = entry.origin == AddressOrigin::LinkLocal;
        #[cfg(feature = "slaac")]
        let is_of_hardware = !self.retry_later(id, address);
        #[cfg(not(feature = "slaac"))]
        let is_of_hardware = true;
        if is_link_local && is_of_hardware {
            // "IP operation on the interface SHOULD be disabled": somebody has the hardware address,
            // so other addresses would not help.
            self.disable_ipv6(id);
        }
        warning!("address {} is in use by another station", address);
        #[cfg(neighbors)]
        self.drop_pending_from(id, address.into());
        self.emit(id, EventKind::AddressDuplicate(address.into()));
        self.addresses_changed(id);
    }

    /// Turns IPv6 off until the link comes up again.
    fn disable_ipv6(&mut self, id: InterfaceId) {
        let now = self.now;
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        interface.addresses.is_disabled = true;
        for entry in &mut interface.ipv6 {
            if entry.state != AddressState::Duplicate {
                let _: bool = entry.begin(now, 1, Instant::MAX);
            }
        }
    }
}
