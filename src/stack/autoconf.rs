//! Stateless address autoconfiguration: addresses made of the prefixes that routers advertise
//! (RFC 4862 §5.5), and the identifiers in them (RFC 7217).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
use crate::iface::{
    AddressError, AddressOrigin, AddressState, IdentifierMode, Ipv6Cidr, Ipv6Entry,
    dad::MAX_RTR_SOLICITATION_DELAY,
};
use crate::ip::{autoconf, identifier};
use crate::time::{Duration, Instant};
use crate::wire::ipv6_address;
use crate::wire::ndp_option::PrefixInformation;

/// The most that another address is put off by after a duplicate (RFC 7217 §7).
const IDGEN_DELAY: Duration = Duration::from_secs(1);

impl Core<'_> {
    /// Sets what the identifiers are made of in addresses that the stack forms itself. The
    /// link-local address is made anew at once, others with the next prefix that a router
    /// advertises. False if there is no such interface.
    pub fn set_identifier_mode(&mut self, id: InterfaceId, mode: IdentifierMode) -> bool {
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        interface.addresses.identifiers = mode;
        let was_disabled = core::mem::take(&mut interface.addresses.is_disabled);
        let mut entries = interface.ipv6.iter();
        let own = entries.find(|entry| entry.origin == AddressOrigin::LinkLocal);
        if let Some(address) = own.map(|entry| entry.address) {
            let _: bool = self.remove_ipv6(id, address);
        }
        self.add_link_local(id);
        if was_disabled {
            self.check_addresses(id);
        }
        true
    }

    /// Sets whether addresses are made of the prefixes that routers advertise (RFC 4862 §5.5), as
    /// they are at first. Those that there are stay until they expire. False if there is no such
    /// interface.
    pub fn set_autoconfiguration(&mut self, id: InterfaceId, enabled: bool) -> bool {
        let interface = self.interface_mut(id);
        interface
            .map(|interface| interface.addresses.is_autoconfigured = enabled)
            .is_some()
    }

    /// The address that an interface forms in the network of `prefix`, if it has what is needed for
    /// one; `retries` counts addresses that were duplicates, and so does the number that is
    /// returned.
    pub(super) fn formed_address(
        &self,
        id: InterfaceId,
        prefix: Ipv6Addr,
        retries: u8,
    ) -> Option<(Ipv6Addr, u8)> {
        let interface = self.interface(id)?;
        let link = interface.link_address();
        let (identifier, retries) = match &interface.addresses.identifiers {
            IdentifierMode::HardwareAddress => (ipv6_address::interface_identifier(link)?, retries),
            // Net_Iface: the hardware address, or the number of an interface that has none.
            IdentifierMode::Opaque(key) => match link.as_bytes() {
                [] => identifier::opaque(key, prefix, &[id], retries),
                link => identifier::opaque(key, prefix, link, retries),
            },
        };
        Some((ipv6_address::join(prefix, identifier), retries))
    }

    /// A router has advertised a prefix on the link of an interface (RFC 4862 §5.5.3).
    pub(crate) fn prefix_information(&mut self, id: InterfaceId, option: &PrefixInformation) {
        let enabled = self
            .interface(id)
            .is_some_and(|interface| interface.addresses.is_autoconfigured);
        if !enabled || !autoconf::is_usable(option) {
            return;
        }
        let now = self.now;
        let preferred = autoconf::until(now, option.preferred_lifetime());
        let valid = autoconf::until(now, option.valid_lifetime());
        let prefix = option.prefix();
        if self.prefix_again(id, prefix, preferred, valid) {
            #[cfg(feature = "temporary-addresses")]
            self.prefix_again_for_temporary(id, prefix, preferred, valid);
        } else if option.valid_lifetime() != 0 {
            self.new_prefix(id, prefix, preferred, valid);
        }
        #[cfg(feature = "temporary-addresses")]
        self.add_first_temporary(id, prefix);
    }

    /// Gives the address of a prefix new lifetimes; false if there is none.
    fn prefix_again(
        &mut self,
        id: InterfaceId,
        prefix: Ipv6Addr,
        preferred: Instant,
        valid: Instant,
    ) -> bool {
        let own = self.autoconfigured(id, prefix, AddressOrigin::Autoconfigured);
        let Some(&Ipv6Entry {
            address,
            valid_until,
            ..
        }) = own
        else {
            return false;
        };
        let valid = autoconf::valid_until(self.now, valid_until, valid);
        self.set_lifetimes(id, address, preferred, valid);
        true
    }

    /// An address made of a prefix, of one origin.
    pub(super) fn autoconfigured(
        &self,
        id: InterfaceId,
        prefix: Ipv6Addr,
        origin: AddressOrigin,
    ) -> Option<&Ipv6Entry> {
        let mut entries = self.interface(id)?.ipv6.iter();
        entries.find(|entry| {
            entry.origin == origin && ipv6_address::prefix(entry.address, 64) == prefix
        })
    }

    /// Makes an address of a prefix that is new.
    fn new_prefix(
        &mut self,
        id: InterfaceId,
        prefix: Ipv6Addr,
        preferred: Instant,
        valid: Instant,
    ) {
        let Some((address, retries)) = self.formed_address(id, prefix, 0) else {
            return;
        };
        // Somebody may have set the same address, which then stays as it is.
        let interface = self.interface(id);
        if interface.is_none_or(|interface| interface.may_have_address(address.into())) {
            return;
        }
        let cidr = Ipv6Cidr::new(address, 64);
        let mut entry = Ipv6Entry::new(cidr, AddressOrigin::Autoconfigured);
        entry.preferred_until = preferred;
        entry.valid_until = valid;
        entry.probe.retries = retries;
        self.add_autoconfigured(id, entry);
    }

    /// Adds an address that the stack has made, if there is room: nothing gives way to it but one
    /// that turned out to be a duplicate.
    pub(super) fn add_autoconfigured(&mut self, id: InterfaceId, entry: Ipv6Entry) {
        // "the node SHOULD delay joining [...] if the address being checked is configured by a
        // router advertisement message sent to a multicast address."
        let delay = (self.rng).between(Duration::ZERO, MAX_RTR_SOLICITATION_DELAY);
        let at = self.now + delay;
        let mut result = self.add_address_at(id, entry, at);
        if result == Err(AddressError::TableFull)
            && let Some(duplicate) = self.duplicate_to_replace(id)
        {
            let _: bool = self.remove_ipv6(id, duplicate);
            result = self.add_address_at(id, entry, at);
        }
        if result.is_err()
            && let Some(interface) = self.interface_mut(id)
        {
            let counters = &mut interface.addresses.counters;
            counters.refused = counters.refused.wrapping_add(1);
        }
    }

    fn duplicate_to_replace(&self, id: InterfaceId) -> Option<Ipv6Addr> {
        let mut entries = self.interface(id)?.ipv6.iter();
        let duplicate = entries.find(|entry| {
            entry.state == AddressState::Duplicate
                && !matches!(
                    entry.origin,
                    AddressOrigin::Static | AddressOrigin::LinkLocal
                )
        });
        duplicate.map(|entry| entry.address)
    }

    /// Has another address tried in place of one that is a duplicate, where its identifier was not
    /// made of the hardware address. Says whether one will be.
    pub(super) fn retry_later(&mut self, id: InterfaceId, address: Ipv6Addr) -> bool {
        let delay = self.rng.between(Duration::ZERO, IDGEN_DELAY);
        let at = self.now + delay;
        let Some(interface) = self.interface_mut(id) else {
            return false;
        };
        let is_opaque = matches!(interface.addresses.identifiers, IdentifierMode::Opaque(_));
        let mut entries = interface.ipv6.iter_mut();
        let Some(entry) = entries.find(|entry| entry.address == address) else {
            return false;
        };
        let may_retry = match entry.origin {
            AddressOrigin::LinkLocal | AddressOrigin::Autoconfigured => is_opaque,
            AddressOrigin::Temporary => true,
            _ => false,
        };
        let will_retry = may_retry && entry.probe.retries < identifier::IDGEN_RETRIES;
        if will_retry {
            entry.retry(at);
        }
        may_retry
    }

    /// Tries another address in place of one that is a duplicate (RFC 7217 §6, RFC 8981 §3.4).
    pub(super) fn retry_address(&mut self, id: InterfaceId, address: Ipv6Addr) {
        let Some(&old) = self.entry(id, address) else {
            return;
        };
        let retries = old.probe.retries.saturating_add(1);
        #[cfg(feature = "temporary-addresses")]
        if old.origin == AddressOrigin::Temporary {
            let _: bool = self.remove_ipv6(id, address);
            return self.add_temporary(id, ipv6_address::prefix(address, 64), retries);
        }
        let Some((address, retries)) = self.formed_address(id, address, retries) else {
            return;
        };
        let _: bool = self.remove_ipv6(id, old.address);
        let mut entry = Ipv6Entry { address, ..old };
        entry.probe.retries = retries;
        let at = self.now;
        // The place is the one that has just become free.
        let _: Result<(), AddressError> = self.add_address_at(id, entry, at);
    }
}
