//! Whom to ask.

use core::net::{IpAddr, SocketAddr};

use heapless::Vec;

use crate::config;
use crate::stack::InterfaceId;
use crate::wire::IpAddress;

/// The port of DNS (RFC 1035 §4.2).
const PORT: u16 = 53;

/// Where servers are known from. Those that were configured are asked first, the others in the
/// order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServerSource {
    /// Configuration.
    Static,
    /// DHCP (RFC 2132 §3.8).
    Dhcpv4,
    /// DHCPv6 (RFC 3646).
    Dhcpv6,
    /// Router advertisements (RFC 8106): with the feature `router-discovery` these are kept up by
    /// themselves.
    RouterAdvertisement,
}

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
    #[cfg(feature = "router-discovery")]
    pub(super) fn follow(
        &mut self,
        source: ServerSource,
        interface: InterfaceId,
        addresses: impl Iterator<Item = IpAddr> + Clone,
    ) -> bool {
        let is_of_it =
            |server: &Server| (server.source, server.interface) == (source, Some(interface));
        let known = || self.0.iter().filter(|server| is_of_it(server));
        // Where there is no room the first of them are known.
        let known_count = known().count();
        let most = match self.0.is_full() {
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
        for address in addresses {
            let _: bool = self.add(source, Some(interface), SocketAddr::new(address, PORT));
        }
        true
    }

    /// Adds a server at the end of those of its rank. Where there is no room a static one takes the
    /// place of the last that is not.
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
        let is_static = |server: &Server| server.source == ServerSource::Static;
        let place = match source {
            ServerSource::Static => self.0.iter().take_while(|server| is_static(server)).count(),
            _ => self.0.len(),
        };
        if self.0.is_full() && place < self.0.len() {
            let _: Option<Server> = self.0.pop();
        }
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
