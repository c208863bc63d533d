//! Temporary addresses, so that a host is not known again by its identifier (RFC 8981).

use core::net::Ipv6Addr;

use super::core::{Core, InterfaceId};
#[cfg(any(feature = "udp", feature = "tcp"))]
use super::route::Path;
use crate::config;
use crate::iface::{AddressOrigin, AddressState, Ipv6Cidr, Ipv6Entry, dad::TemporaryLimits};
use crate::ip::autoconf;
use crate::ip::identifier::{self, IDGEN_RETRIES};
use crate::time::{Duration, Instant};
#[cfg(any(feature = "udp", feature = "tcp"))]
use crate::wire::IpAddress;
use crate::wire::ipv6_address;

const TEMP_PREFERRED_LIFETIME: Duration =
    Duration::from_secs(config::TEMP_PREFERRED_LIFETIME as u64);
const TEMP_VALID_LIFETIME: Duration = Duration::from_secs(config::TEMP_VALID_LIFETIME as u64);

/// "0.4 * TEMP_PREFERRED_LIFETIME" (RFC 8981 §3.8).
const MAX_DESYNC_FACTOR: Duration =
    Duration::from_secs(config::TEMP_PREFERRED_LIFETIME as u64 * 2 / 5);

const _: () = assert!(
    config::TEMP_PREFERRED_LIFETIME < config::TEMP_VALID_LIFETIME,
    "RFC 8981 §3.8: TEMP_PREFERRED_LIFETIME is less than TEMP_VALID_LIFETIME"
);

/// Which of the addresses made of a prefix is the better source (RFC 5014 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SourcePreference {
    /// A temporary one (`IPV6_PREFER_SRC_TMP`).
    Temporary,
    /// One that stays (`IPV6_PREFER_SRC_PUBLIC`).
    Public,
}

impl Core<'_> {
    /// As [`Core::path`], by this preference and not by that of the stack.
    #[cfg(any(feature = "udp", feature = "tcp"))]
    #[cold]
    #[inline(never)]
    pub(crate) fn path_preferring(
        &mut self,
        preference: SourcePreference,
        destination: IpAddress,
        source: Option<IpAddress>,
        only: Option<InterfaceId>,
    ) -> Option<Path> {
        let temporary = preference == SourcePreference::Temporary;
        let usual = core::mem::replace(&mut self.prefers_temporary, temporary);
        let path = self.path(destination, source, only);
        self.prefers_temporary = usual;
        path
    }

    /// Sets whether temporary addresses are made beside those of the prefixes that routers advertise
    /// (RFC 8981 §3.7), as they are at first. Those that there are stay until they expire, and get
    /// no successors. False if there is no such interface.
    pub fn set_temporary_addresses(&mut self, id: InterfaceId, enabled: bool) -> bool {
        let interface = self.interface_mut(id);
        interface
            .map(|interface| interface.addresses.has_temporary = enabled)
            .is_some()
    }

    /// Sets whether temporary addresses are better sources than others (RFC 6724 §5 rule 7, RFC
    /// 5014 §5), as they are at first.
    pub fn set_prefer_temporary(&mut self, prefer: bool) {
        self.prefers_temporary = prefer;
    }

    /// Makes a temporary address of a prefix that has none, or only such as are deprecated
    /// (RFC 8981 §3.4). One that was a duplicate to the last stays in the way of others.
    pub(super) fn add_first_temporary(&mut self, id: InterfaceId, prefix: Ipv6Addr) {
        let mut entries = self.interface(id).into_iter().flat_map(|i| i.ipv6.iter());
        let has_one = entries.any(|entry| {
            entry.origin == AddressOrigin::Temporary
                && entry.state != AddressState::Deprecated
                && ipv6_address::prefix(entry.address, 64) == prefix
        });
        if !has_one {
            self.add_temporary(id, prefix, 0);
        }
    }

    /// Makes a successor of a temporary address (RFC 8981 §3.5). Where there is no room a deprecated
    /// temporary address that no connection uses gives way, the one that expires first.
    pub(super) fn regenerate_temporary(&mut self, id: InterfaceId, address: Ipv6Addr) {
        let Some(interface) = self.interface(id) else {
            return;
        };
        if interface.ipv6.is_full() {
            let deprecated = interface.ipv6.iter().filter(|entry| {
                entry.origin == AddressOrigin::Temporary
                    && entry.state == AddressState::Deprecated
                    && !self.is_in_use(entry.address)
            });
            let first = deprecated.min_by_key(|entry| entry.valid_until);
            if let Some(&Ipv6Entry { address, .. }) = first {
                let _: bool = self.remove_ipv6(id, address);
            }
        }
        self.add_temporary(id, ipv6_address::prefix(address, 64), 0);
    }

    /// Whether a connection has this address.
    fn is_in_use(&self, address: Ipv6Addr) -> bool {
        #[cfg(feature = "tcp")]
        return (self.tcp.iter()).any(|(_, connection)| connection.local == address.into());
        #[cfg(not(feature = "tcp"))]
        {
            let _ = address;
            false
        }
    }

    /// Makes a temporary address of a prefix; `retries` have been duplicates (RFC 8981 §3.4 from
    /// step 4 on).
    pub(super) fn add_temporary(&mut self, id: InterfaceId, prefix: Ipv6Addr, retries: u8) {
        let now = self.now;
        let Some(interface) = self.interface(id) else {
            return;
        };
        let regen_advance = {
            let retrans_timer = interface.neighbors.discovery_timing().retrans_timer();
            let solicitations = u32::from(IDGEN_RETRIES) * u32::from(interface.addresses.transmits);
            Duration::from_secs(2) + retrans_timer.times(solicitations)
        };
        let has_temporary = interface.addresses.has_temporary;
        // The prefix has the lifetimes of the address that was made of it first.
        let public = self.autoconfigured(id, prefix, AddressOrigin::Autoconfigured);
        let Some(&Ipv6Entry {
            preferred_until,
            valid_until,
            ..
        }) = public.filter(|_| has_temporary)
        else {
            return;
        };
        // "It MUST be smaller than (TEMP_PREFERRED_LIFETIME - REGEN_ADVANCE)."
        let desync = (self.rng).between(Duration::ZERO, MAX_DESYNC_FACTOR);
        let desync = desync.min(TEMP_PREFERRED_LIFETIME - regen_advance - Duration::from_secs(1));
        let limits = TemporaryLimits {
            preferred: now + (TEMP_PREFERRED_LIFETIME - desync),
            valid: now + TEMP_VALID_LIFETIME,
            regen_advance,
        };
        let preferred_until = preferred_until.min(limits.preferred);
        // "A temporary address is created only if this calculated preferred lifetime is greater than
        // REGEN_ADVANCE time units."
        if preferred_until <= now + regen_advance {
            return;
        }
        let address = ipv6_address::join(prefix, identifier::random(&mut self.rng));
        let interface = self.interface(id);
        if interface.is_none_or(|interface| interface.may_have_address(address.into())) {
            return;
        }
        let mut entry = Ipv6Entry::new(Ipv6Cidr::new(address, 64), AddressOrigin::Temporary);
        entry.preferred_until = preferred_until;
        entry.valid_until = valid_until.min(limits.valid);
        entry.limits = limits;
        entry.probe.retries = retries;
        self.add_autoconfigured(id, entry);
    }

    /// Gives the temporary addresses of a prefix that is advertised again new lifetimes, as far as
    /// their own allow (RFC 8981 §3.4 steps 1 and 2).
    pub(super) fn prefix_again_for_temporary(
        &mut self,
        id: InterfaceId,
        prefix: Ipv6Addr,
        preferred: Instant,
        valid: Instant,
    ) {
        for place in 0..config::IPV6_ADDRESSES {
            let entry = self.interface(id).and_then(|i| i.ipv6.get(place).copied());
            let Some(entry) = entry else {
                return;
            };
            if entry.origin == AddressOrigin::Temporary
                && ipv6_address::prefix(entry.address, 64) == prefix
            {
                let valid = autoconf::valid_until(self.now, entry.valid_until, valid);
                let preferred = preferred.min(entry.limits.preferred);
                let valid = valid.min(entry.limits.valid);
                self.set_lifetimes(id, entry.address, preferred, valid);
            }
        }
    }

    /// Removes the temporary addresses of an interface whose link may be another than before
    /// (RFC 8981 §3.6); others come with the next advertisement.
    pub(super) fn remove_temporary(&mut self, id: InterfaceId) {
        while let Some(address) = self.interface(id).and_then(|interface| {
            let mut entries = interface.ipv6.iter();
            let entry = entries.find(|entry| entry.origin == AddressOrigin::Temporary);
            entry.map(|entry| entry.address)
        }) {
            let _: bool = self.remove_ipv6(id, address);
        }
    }
}
