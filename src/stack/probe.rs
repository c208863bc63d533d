//! Addresses that are looked for on a link, before a DHCP server gives them to somebody (RFC 2131
//! §2.2). Whoever has one answers ARP; no entry in the neighbour cache is made for that.

use core::net::Ipv4Addr;

use super::core::{Core, InterfaceId};
#[cfg(feature = "ethernet")]
use super::waiters::WaitKey;
use crate::config;
use crate::wire::LinkAddr;

/// An address that is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    id: InterfaceId,
    address: Ipv4Addr,
    heard: Option<LinkAddr>,
}

/// All that are looked for.
pub(crate) type Probes = heapless::Vec<Probe, { config::DHCPV4_PROBES }>;

impl Core<'_> {
    /// Begins to look for an address, and asks for the first time; says whether there was room.
    pub(crate) fn probe_begin(&mut self, id: InterfaceId, address: Ipv4Addr) -> bool {
        let probe = Probe {
            id,
            address,
            heard: None,
        };
        let is_new = !self.probes.iter().any(|other| other.is_of(id, address));
        let has_room = is_new && self.probes.push(probe).is_ok();
        if has_room {
            self.probe_ask(id, address);
        }
        has_room
    }

    /// Asks who has an address.
    pub(crate) fn probe_ask(&mut self, id: InterfaceId, address: Ipv4Addr) {
        #[cfg(feature = "ethernet")]
        if let Err(reason) = self.send_arp_request(id, address, None) {
            self.not_sent(id, reason);
        }
        #[cfg(not(feature = "ethernet"))]
        let _ = (id, address);
    }

    /// Who has answered.
    pub(crate) fn probe_answer(&self, id: InterfaceId, address: Ipv4Addr) -> Option<LinkAddr> {
        let mut probes = self.probes.iter();
        probes.find(|probe| probe.is_of(id, address))?.heard
    }

    /// Looks for an address no longer.
    pub(crate) fn probe_end(&mut self, id: InterfaceId, address: Ipv4Addr) {
        self.probes.retain(|probe| !probe.is_of(id, address));
    }

    /// A station has said that it has an address.
    #[cfg(feature = "ethernet")]
    #[inline]
    pub(super) fn probe_heard(&mut self, id: InterfaceId, address: Ipv4Addr, link: LinkAddr) {
        let mut probes = self.probes.iter_mut();
        if let Some(probe) = probes.find(|probe| probe.is_of(id, address)) {
            probe.heard = Some(link);
            self.waiters.wake(WaitKey::DHCPV4_SERVER);
        }
    }
}

impl Probe {
    fn is_of(&self, id: InterfaceId, address: Ipv4Addr) -> bool {
        (self.id, self.address) == (id, address)
    }
}
