//! Whom to ask.

use core::net::{IpAddr, SocketAddr};

use heapless::Vec;

use crate::config;
use crate::iface::ServerSource;
use crate::stack::InterfaceId;
use crate::wire::IpAddress;

/// The port of DNS (RFC 1035 §4.2).
const PORT: u16 = 53;

/// A server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) address: IpAddress,
    pub(super) port: u16,
    /// The interface that it is asked by.
    pub(super) interface: Option<InterfaceId>,
    source: ServerSource,
    /// It has refused EDNS.
    pub(super) without_edns: bool,
}

impl Server {
    /// Its address and port; the scope id is the number of the interface, counted from 1.
    pub(super) fn socket_addr(&self) -> SocketAddr {
        let mut address = SocketAddr::new(self.address.into(), self.port);
        if let (SocketAddr::V6(address), Some(id)) = (&mut address, self.interface)
            && address.ip().is_unicast_link_local()
        {
            address.set_scope_id(u32::from(id) + 1);
        }
        address
    }
}

/// The servers, in the order in which they are asked.
pub(super) struct Servers(Vec<Server, { config::DNS_SERVERS }>);

impl Servers {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<Server> {
        self.0.get(place).copied()
    }

    /// Remembers that a server does not know EDNS.
    pub(super) fn refuses_edns(&mut self, place: usize) {
        if let Some(server) = self.0.get_mut(place) {
            server.without_edns = true;
        }
    }

    /// Replaces those of one source and interface; says how many of the new ones there is room for.
    pub(super) fn set(
        &mut self,
        source: ServerSource,
        interface: Option<InterfaceId>,
        addresses: &[IpAddr],
    ) -> usize {
        self.0
            .retain(|server| (server.source, server.interface) != (source, interface));
        let added = addresses.iter().filter(|address| {
            let address = SocketAddr::new(**address, PORT);
            self.add(source, interface, address)
        });
        added.count()
    }

    /// As [`Servers::set`], if these are others than before; says so.
    #[cfg(names)]
    pub(super) fn follow(
        &mut self,
        source: ServerSource,
        interface: InterfaceId,
        addresses: impl Iterator<Item = IpAddr> + Clone,
    ) -> bool {
        let is_of_it =
            |server: &Server| (server.source, server.interface) == (source, Some(interface));
        let known = || self.0.iter().filter(|server| is_of_it(server));
        // Where there is no room the first of them are known, if any.
        let known_count = known().count();
        let most = match self.0.is_full() && known_count > 0 {
            true => known_count,
            false => usize::MAX,
        };
        if known()
            .map(|server| IpAddr::from(server.address))
            .eq(addresses.clone().take(most))
        {
            return false;
        }
        self.0.retain(|server| !is_of_it(server));
        let mut is_news = known_count > 0;
        for address in addresses {
            is_news |= self.add(source, Some(interface), SocketAddr::new(address, PORT));
        }
        is_news
    }

    /// Adds a server at the end of those of its rank. Where there is no room a static one takes the
    /// place of the last that is not, another that of the last of a source that has more.
    pub(super) fn add(
        &mut self,
        source: ServerSource,
        interface: Option<InterfaceId>,
        address: SocketAddr,
    ) -> bool {
        let Ok(ip) = IpAddress::try_from(address.ip()) else {
            return false;
        };
        let scope = match address {
            SocketAddr::V6(address) => address.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        let scope = scope.checked_sub(1).and_then(|id| id.try_into().ok());
        let server = Server {
            address: ip,
            port: address.port(),
            interface: interface.or(scope),
            source,
            without_edns: false,
        };
        if self.0.is_full() {
            let known = |source| self.0.iter().filter(|other| other.source == source).count();
            let may_go = |other: &Server| match (other.source, source) {
                (ServerSource::Static, _) => false,
                (_, ServerSource::Static) => true,
                (other, source) => known(other) > known(source) + 1,
            };
            let Some(victim) = self.0.iter().rposition(may_go) else {
                return false;
            };
            let mut place = 0;
            self.0.retain(|_| {
                place += 1;
                place != victim + 1
            });
        }
        let ranks = self.0.iter().map(|other| other.source);
        let place = ranks.take_while(|rank| *rank <= source).count();
        let is_added = self.0.push(server).is_ok();
        // Those behind its place move up by one.
        for at in (place + 1..self.0.len()).rev() {
            if let Some([before, after]) = self.0.get_mut(at - 1..=at) {
                core::mem::swap(before, after);
            }
        }
        is_added
    }
}
