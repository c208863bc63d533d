//! Servers and search domains for names, of DHCP and of routers.

use core::net::IpAddr;

use heapless::Vec;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use crate::config;
use crate::iface::told::{Change, Teller};
use crate::iface::{EventKind, SearchDomain};

impl Core<'_> {
    /// The servers for names that an interface is told of: by DHCP first, then by routers, and the
    /// best of each first (RFC 8106 §5.3.1).
    pub fn name_servers(&self, id: InterfaceId) -> impl Iterator<Item = IpAddr> + Clone {
        self.names.servers.iter(id).copied()
    }

    /// The domains to search names in that an interface is told of, in the same order.
    pub fn search_domains(&self, id: InterfaceId) -> impl Iterator<Item = &SearchDomain> {
        self.names.domains.iter(id)
    }

    /// The servers that one source tells of.
    #[cfg(feature = "dns")]
    pub(crate) fn name_servers_of(&self, by: Teller) -> impl Iterator<Item = IpAddr> + Clone {
        self.names.servers.of(by).copied()
    }

    /// The search domains of all interfaces.
    #[cfg(feature = "dns")]
    pub(crate) fn all_search_domains(&self) -> impl Iterator<Item = &SearchDomain> {
        self.names.domains.all()
    }

    /// Takes in what DHCP tells, in place of what it told before; says how many there was no room
    /// for.
    #[cfg_attr(
        not(any(feature = "dhcpv4-client", feature = "dhcpv6-client")),
        allow(dead_code)
    )]
    #[cold]
    pub(crate) fn tell_names(
        &mut self,
        by: Teller,
        servers: impl Iterator<Item = IpAddr> + Clone,
        domains: impl Iterator<Item = SearchDomain> + Clone,
    ) -> u32 {
        let names = &self.names;
        if (names.servers.of(by).copied()).eq(servers.clone())
            && names.domains.of(by).cloned().eq(domains.clone())
        {
            return 0;
        }
        let now = self.now;
        let _: bool = self.names.servers.expire(now, by, true);
        let _: bool = self.names.domains.expire(now, by, true);
        let mut missed = 0;
        for server in servers {
            let change = self.names.servers.tell(now, by, server, None);
            missed += u32::from(change == Change::Refused);
            self.tell_displaced(by.0, change);
        }
        for domain in domains {
            let change = self.names.domains.tell(now, by, domain, None);
            missed += u32::from(change == Change::Refused);
            self.tell_displaced(by.0, change);
        }
        self.emit(by.0, EventKind::NameServers);
        missed
    }

    /// What was told on another interface has given way.
    pub(super) fn tell_displaced(&mut self, id: InterfaceId, change: Change) {
        if let Change::Displaced(other) = change
            && other != id
        {
            self.emit(other, EventKind::NameServers);
        }
    }

    /// Takes out what somebody has told and has ended, or all of it.
    #[cfg(feature = "router-discovery")]
    pub(super) fn expire_names(&mut self, by: Teller, all: bool) {
        let mut changed = self.names.servers.expire(self.now, by, all);
        changed |= self.names.domains.expire(self.now, by, all);
        if changed {
            self.emit(by.0, EventKind::NameServers);
        }
    }
}

impl Stack<'_> {
    /// The servers for names that an interface is told of: by DHCP first, then by routers, and the
    /// best of each first (RFC 8106 §5.3.1).
    pub fn name_servers(self, id: InterfaceId) -> Vec<IpAddr, { config::NAME_SERVERS }> {
        self.with(|core| core.name_servers(id).collect())
    }

    /// The domains to search names in that an interface is told of, in the same order.
    pub fn search_domains(self, id: InterfaceId) -> Vec<SearchDomain, { config::SEARCH_DOMAINS }> {
        self.with(|core| core.search_domains(id).cloned().collect())
    }
}
