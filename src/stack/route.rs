//! Which way a packet goes: interface, next hop and source address.

use core::net::IpAddr;
#[cfg(feature = "ipv4")]
use core::net::Ipv4Addr;
#[cfg(any(feature = "udp", feature = "tcp"))]
use core::net::SocketAddr;

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::routes::Wish;
use crate::iface::Interface;
#[cfg(feature = "ipv6")]
use crate::iface::Ipv6Entry;
use crate::iface::route::{Route, prefix_matches};
#[cfg(feature = "dad")]
use crate::iface::{AddressOrigin, AddressState};
use crate::ip::select::{
    Destination, Policy, Source, SourceFlags, sort_by_destination, source_address,
};
use crate::wire::IpAddress;

/// The way that a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) interface: InterfaceId,
    pub(crate) next_hop: IpAddress,
    pub(crate) source: IpAddress,
    /// The destination is this host: the packet does not leave it.
    pub(crate) is_local: bool,
}

impl Stack<'_> {
    /// Puts the addresses of a name into the order in which they are to be tried (RFC 6724 §6):
    /// those that can be reached first, then those that suit an address of this host best. Meant
    /// for a few: the time grows with the square of their number.
    pub fn order_destinations(self, addresses: &mut [IpAddr]) {
        self.with(|core| {
            let describe = |address: &IpAddr| core.destination(*address);
            sort_by_destination(addresses, describe, &Policy::default());
        });
    }
}

/// Addresses of this host.
#[cfg(any(feature = "udp", feature = "tcp"))]
impl Stack<'_> {
    /// The address that what is sent to `remote` comes from now (RFC 6724 §5); `None` if no route leads
    /// there.
    pub fn source_address(self, remote: SocketAddr) -> Option<IpAddr> {
        let address = IpAddress::try_from(remote.ip()).ok()?;
        let path = self.visit(|core| core.path(address, None, zone(remote)))?;
        Some(path.source.into())
    }

    /// An address of this host: one that is good beyond its link, if there is one of that version.
    #[cfg(all(feature = "embedded-nal", feature = "udp"))]
    pub(crate) fn any_address(self, is_ipv6: bool) -> Option<IpAddr> {
        self.visit(|core| {
            let sources = core.interfaces().flat_map(|(_, i)| i.sources());
            let addresses = sources.map(|source| source.address);
            let of_version = addresses.filter(|a| IpAddr::from(*a).is_ipv6() == is_ipv6);
            let chosen = of_version.min_by_key(|a| is_loopback(*a) || is_link_local(*a))?;
            Some(chosen.into())
        })
    }
}

impl Core<'_> {
    /// What the order of destinations goes by.
    fn destination(&self, address: IpAddr) -> Option<Destination> {
        let address = IpAddress::try_from(address).ok()?;
        let path = self.path(address, None, None);
        let interface = path.and_then(|path| self.interface(path.interface));
        let source = path.zip(interface).map(|(path, interface)| {
            let mut sources = interface.sources();
            let chosen = sources.find(|source| source.address == path.source);
            chosen.unwrap_or(Source {
                address: path.source,
                prefix_length: 0,
                flags: SourceFlags::OUTGOING,
            })
        });
        Some(Destination {
            address,
            source,
            // Rule 1: what a link leads to that is down.
            unreachable: interface.is_some_and(|interface| !interface.is_up()),
            encapsulated: false,
        })
    }

    /// The way to `destination`, by `only` if given, and from `source` if given.
    pub(crate) fn path(
        &self,
        destination: IpAddress,
        source: Option<IpAddress>,
        only: Option<InterfaceId>,
    ) -> Option<Path> {
        // A link-local destination is one on the link of the source that was settled on
        // (RFC 4007 §6).
        let only = match source {
            Some(source) if only.is_none() && is_link_local(destination) => self.holder(source),
            _ => only,
        };
        // The interface with the longest prefix that the destination has, best one that is up.
        let mut best: Option<OnLink> = None;
        for (id, interface) in self.interfaces() {
            if only.is_some_and(|only| only != id) {
                continue;
            }
            if interface.has_address(destination) {
                return Some(Path {
                    interface: id,
                    next_hop: destination,
                    source: source.unwrap_or(destination),
                    is_local: true,
                });
            }
            if interface.carries(destination)
                && let Some(length) = interface.prefix_of(destination)
            {
                let rank = (interface.is_up(), length);
                if best.is_none_or(|best| rank > best.rank) {
                    best = Some(OnLink { rank, id });
                }
            }
        }
        if is_loopback(destination) {
            return None;
        }
        // A way over a link that is down is better than none: whoever sends can wait for it.
        let mut wish = Wish {
            destination,
            source,
            only,
            even_down: false,
        };
        let mut way = self.next_hop(&wish, best.filter(|best| best.rank.0));
        if way.is_none() {
            wish.even_down = true;
            way = self.next_hop(&wish, best);
        }
        #[cfg(feature = "ipv4-link-local")]
        let way = way.or_else(|| self.next_hop_of_link_local(destination, source, only));
        let (interface, next_hop) = way?;
        let leaves_by = self.interface(interface)?;
        let is_local = leaves_by.is_loopback();
        let source = match source {
            Some(source) => source,
            None if is_local => leaves_by.any_source(destination)?,
            None => {
                let sources = self.sources(interface, next_hop)?;
                #[cfg(feature = "temporary-addresses")]
                let policy = Policy {
                    prefer_temporary: self.prefers_temporary,
                    ..Policy::default()
                };
                #[cfg(not(feature = "temporary-addresses"))]
                let policy = Policy::default();
                source_address(destination, next_hop, sources, &policy)?.address
            }
        };
        // Rare ones are told apart by one look.
        let next_hop = match is_link_local(source) || is_loopback(source) {
            true => next_hop_from(source, destination, next_hop, is_local)?,
            false => next_hop,
        };
        if !leaves_by.carries(destination) {
            return None;
        }
        Some(Path {
            interface,
            next_hop,
            source,
            is_local,
        })
    }

    /// The interface that leads to the destination, and the neighbour there that takes the packet.
    /// `on_link` is the interface that it is directly on, if there is one.
    fn next_hop(&self, wish: &Wish, on_link: Option<OnLink>) -> Option<(InterfaceId, IpAddress)> {
        let route = self
            .route(wish)
            .filter(|route| on_link.is_none_or(|on_link| route.prefix.length() > on_link.rank.1));
        let on_link = on_link.map(|on_link| on_link.id);
        let destination = wish.destination;
        // A group, or everybody on a link, is reached directly by the interface that a route
        // names, else by the first.
        if needs_no_route(destination) {
            let interface = route.map(|route| route.interface).or(on_link);
            let interface = interface.or_else(|| self.first_for(wish))?;
            return Some((interface, destination));
        }
        match route {
            Some(route) => Some((route.interface, route.gateway.unwrap_or(destination))),
            None => Some((on_link?, destination)),
        }
    }

    /// Whether the gateway of a route is one that announces the prefix of `source` (RFC 8028 §3.2).
    #[inline]
    pub(super) fn suits(&self, route: &Route, source: Option<IpAddress>) -> bool {
        #[cfg(feature = "router-discovery")]
        if let (Some(gateway), Some(source)) = (route.gateway, source) {
            return self.is_announced_by(route.interface, gateway, source);
        }
        let _ = (route, source);
        false
    }

    /// The addresses of an interface, as sources of packets to `next_hop`.
    fn sources(
        &self,
        id: InterfaceId,
        next_hop: IpAddress,
    ) -> Option<impl Iterator<Item = Source>> {
        let sources = self.interface(id)?.sources();
        #[cfg(feature = "router-discovery")]
        let sources = sources.map(move |mut source| {
            // RFC 6724 §5, rule 5.5.
            let announced = self.is_announced_by(id, next_hop, source.address);
            source.flags.set(SourceFlags::FROM_NEXT_HOP, announced);
            source
        });
        let _ = next_hop;
        Some(sources)
    }

    #[cfg(feature = "router-discovery")]
    #[inline]
    fn is_announced_by(&self, id: InterfaceId, router: IpAddress, address: IpAddress) -> bool {
        match (self.interface(id), router, address) {
            (Some(interface), IpAddress::V6(router), IpAddress::V6(address)) => {
                (interface.discovery).is_announced_by(self.now, router, address)
            }
            _ => false,
        }
    }

    /// A host that has nothing but a link-local IPv4 address takes all others for neighbours: "it
    /// MUST ARP for the destination address and then send its packet [...] directly" (RFC 3927
    /// §2.6.2).
    #[cfg(feature = "ipv4-link-local")]
    #[cold]
    fn next_hop_of_link_local(
        &self,
        destination: IpAddress,
        source: Option<IpAddress>,
        only: Option<InterfaceId>,
    ) -> Option<(InterfaceId, IpAddress)> {
        let may_send =
            |own: Ipv4Addr| own.is_link_local() && source.is_none_or(|source| source == own.into());
        let mut interfaces = self.interfaces().filter(|(id, interface)| {
            only.is_none_or(|only| only == *id)
                && interface.ipv4.iter().any(|cidr| may_send(cidr.address))
        });
        match destination {
            IpAddress::V4(_) => interfaces.next().map(|(id, _)| (id, destination)),
            #[cfg(feature = "ipv6")]
            IpAddress::V6(_) => None,
        }
    }

    /// Whether `destination` is not the broadcast address of the link that a way leads to.
    #[cold]
    #[cfg(any(feature = "ipv4", feature = "tcp"))]
    pub(super) fn leads_to_one(&self, path: &Path, destination: IpAddress) -> bool {
        match (self.interface(path.interface), destination) {
            (None, _) => false,
            #[cfg(feature = "ipv4")]
            (Some(interface), IpAddress::V4(address)) => !interface.is_ipv4_broadcast(address),
            #[cfg(feature = "ipv6")]
            (Some(_), IpAddress::V6(_)) => true,
        }
    }

    /// The interface that has an address.
    #[cold]
    pub(crate) fn holder(&self, address: IpAddress) -> Option<InterfaceId> {
        let mut holders = self
            .interfaces()
            .filter(|(_, interface)| interface.has_address(address));
        holders.next().map(|(id, _)| id)
    }

    /// The first interface that will do, carries the destination's version and has an address of it.
    #[cold]
    fn first_for(&self, wish: &Wish) -> Option<InterfaceId> {
        let mut interfaces = self.interfaces().filter(|(id, interface)| {
            (wish.even_down || interface.is_up())
                && wish.only.is_none_or(|only| only == *id)
                && interface.carries(wish.destination)
                && (interface.sources()).any(|s| s.address.is_same_family(wish.destination))
        });
        interfaces.next().map(|(id, _)| id)
    }
}

/// An interface that a destination is on.
#[derive(Clone, Copy)]
struct OnLink {
    /// Whether it is up, and the length of the prefix.
    rank: (bool, u8),
    id: InterfaceId,
}

/// Whether a destination is on whatever link it is sent to.
pub(super) fn needs_no_route(destination: IpAddress) -> bool {
    destination.is_multicast() || is_link_wide(destination)
}

/// Whether a destination means the link that it is used on: link-local addresses, and the limited
/// broadcast.
fn is_link_wide(destination: IpAddress) -> bool {
    match destination {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) if address.is_broadcast() => true,
        _ => is_link_local(destination),
    }
}

/// Whether an IPv4 address is good for one link (RFC 3927 §2.8). Without that feature 169.254/16 is a
/// prefix as others.
#[cfg(feature = "ipv4")]
#[inline]
pub(super) const fn is_ipv4_link_local(address: Ipv4Addr) -> bool {
    cfg!(feature = "ipv4-link-local") && address.is_link_local()
}

/// Whether an address belongs to a single host of one link (RFC 3927 §2.8, RFC 4291 §2.5.6).
#[inline]
pub(super) fn is_link_local(address: IpAddress) -> bool {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => is_ipv4_link_local(address),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(address) => address.is_unicast_link_local(),
    }
}

/// The next hop of what is sent from an address that has no meaning beyond the link, or the host.
#[cold]
fn next_hop_from(
    source: IpAddress,
    destination: IpAddress,
    next_hop: IpAddress,
    is_local: bool,
) -> Option<IpAddress> {
    let _ = (destination, next_hop);
    if is_loopback(source) && !is_local {
        return None;
    }
    match source {
        // "The host MUST NOT send the packet to any router for forwarding" (RFC 3927 §2.6.2).
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => Some(destination),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => Some(next_hop),
    }
}

/// Whether a destination never leaves the host (RFC 1122 §3.2.1.3 g, RFC 4291 §2.5.3).
pub(super) fn is_loopback(destination: IpAddress) -> bool {
    match destination {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(address) => address.is_loopback(),
        #[cfg(feature = "ipv6")]
        IpAddress::V6(address) => address.is_loopback(),
    }
}

/// The interface that an address is about: the scope id is its number, counted from 1.
#[cfg(any(feature = "udp", feature = "tcp"))]
pub(crate) fn zone(address: SocketAddr) -> Option<InterfaceId> {
    match address {
        SocketAddr::V6(address) if address.scope_id() > 0 => {
            Some((address.scope_id() - 1).min(255) as InterfaceId)
        }
        _ => None,
    }
}

/// An address and port, and where the address means one link only, which one.
#[cfg(any(feature = "udp", feature = "tcp"))]
pub(crate) fn socket_addr(
    address: IpAddress,
    port: u16,
    interface: Option<InterfaceId>,
) -> SocketAddr {
    match (address, interface) {
        #[cfg(feature = "ipv6")]
        (IpAddress::V6(address), Some(interface)) if address.is_unicast_link_local() => {
            let scope = u32::from(interface) + 1;
            core::net::SocketAddrV6::new(address, port, 0, scope).into()
        }
        _ => SocketAddr::new(address.into(), port),
    }
}

impl Interface<'_> {
    /// The addresses, as sources of packets that leave by this interface.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        #[cfg(feature = "ipv4")]
        let ipv4 = self.ipv4.iter().map(|cidr| Source {
            address: cidr.address.into(),
            prefix_length: cidr.prefix_length,
            flags: SourceFlags::OUTGOING,
        });
        #[cfg(feature = "ipv6")]
        let ipv6 = self.ipv6.iter().map(|entry| Source {
            address: entry.address.into(),
            prefix_length: entry.prefix_length,
            flags: SourceFlags::OUTGOING | source_flags(entry),
        });
        #[cfg(all(feature = "ipv4", feature = "ipv6"))]
        return ipv4.chain(ipv6);
        #[cfg(all(feature = "ipv4", not(feature = "ipv6")))]
        return ipv4;
        #[cfg(not(feature = "ipv4"))]
        return ipv6;
    }

    /// An address of the version of `destination`, whatever suits it.
    #[cold]
    fn any_source(&self, destination: IpAddress) -> Option<IpAddress> {
        let mut sources = self.sources().map(|source| source.address);
        sources.find(|address| address.is_same_family(destination))
    }

    /// The length of the longest of the interface's prefixes that `destination` has.
    fn prefix_of(&self, destination: IpAddress) -> Option<u8> {
        #[cfg(feature = "ipv4")]
        let ipv4 = (self.ipv4.iter()).map(|cidr| (IpAddress::V4(cidr.address), cidr.prefix_length));
        #[cfg(feature = "ipv6")]
        let ipv6 = (self.ipv6.iter())
            .filter(|entry| entry.has_link_prefix())
            .map(|entry| (IpAddress::V6(entry.address), entry.prefix_length));
        #[cfg(all(feature = "ipv4", feature = "ipv6"))]
        let prefixes = ipv4.chain(ipv6);
        #[cfg(all(feature = "ipv4", not(feature = "ipv6")))]
        let prefixes = ipv4;
        #[cfg(not(feature = "ipv4"))]
        let prefixes = ipv6;
        prefixes
            .filter(|(address, length)| prefix_matches(destination, *address, *length))
            .map(|(_, length)| length)
            .max()
    }
}

/// What source selection needs to know about an address of ours.
#[cfg(feature = "ipv6")]
fn source_flags(entry: &Ipv6Entry) -> SourceFlags {
    #[cfg(feature = "dad")]
    {
        let mut flags = match entry.state {
            AddressState::Preferred => SourceFlags::empty(),
            // To be avoided, but for want of another (RFC 4429 §2.1).
            AddressState::Optimistic | AddressState::Deprecated => SourceFlags::DEPRECATED,
            AddressState::Tentative | AddressState::Duplicate => SourceFlags::TENTATIVE,
        };
        flags.set(
            SourceFlags::TEMPORARY,
            entry.origin == AddressOrigin::Temporary,
        );
        flags
    }
    #[cfg(not(feature = "dad"))]
    {
        let _ = entry;
        SourceFlags::empty()
    }
}
