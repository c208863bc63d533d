//! Router Advertisements received: RFC 4861 §6.3.4, RFC 4191 §3.1, RFC 8106 §5.3.1.

use core::net::Ipv6Addr;

use super::end;
use crate::iface::route::{Learned, Prefix, Route, RouteOrigin};
use crate::iface::told::{Change, next_domain};
use crate::iface::{EventKind, Interface, ReceiveDrop, RouterDiscovery, ServerSource};
use crate::stack::core::{Core, InterfaceId};
#[cfg(feature = "dhcpv6-client")]
use crate::stack::waiters::WaitKey;
use crate::time::{Duration, Instant};
use crate::wire::ndp::{ROUTER_ADVERTISEMENT_LENGTH, RouterAdvertisement, RouterFlags};
use crate::wire::ndp_option::{
    NdpOption, NdpOptions, Preference, PrefixFlags, PrefixInformation, RouteInformation,
};
use crate::wire::{Bytes, IpAddress, ipv6_address};

/// The metric of routes by their preference: behind those of users that do not ask for less.
const fn metric(preference: Preference) -> u16 {
    match preference {
        Preference::High => 512,
        Preference::Medium => 1024,
        Preference::Low => 2048,
    }
}

impl Core<'_> {
    /// Takes in what a router says, whose link address has been learnt already.
    #[cold]
    pub(in crate::stack) fn router_advertised<B: Bytes + ?Sized>(
        &mut self,
        id: InterfaceId,
        router: Ipv6Addr,
        fixed: &[u8; ROUTER_ADVERTISEMENT_LENGTH],
        message: &B,
    ) -> Result<(), ReceiveDrop> {
        let interface = self.interface(id).ok_or(ReceiveDrop::InterfaceDown)?;
        #[cfg(feature = "ra-server")]
        if interface.is_advertising() {
            return Ok(());
        }
        if interface.discovery.mode() == RouterDiscovery::Off {
            return Ok(());
        }
        let header = RouterAdvertisement::new(fixed);
        self.take_parameters(id, header);
        let options = NdpOptions::new(message, ROUTER_ADVERTISEMENT_LENGTH);
        let options = options.map_while(Result::ok);
        let routes = options.clone().filter_map(|option| match option {
            NdpOption::RouteInformation(route) => Some(route),
            _ => None,
        });
        // "The Router Preference and Lifetime values in a ::/0 Route Information Option override
        // the preference and lifetime values in the Router Advertisement header."
        let mut default = RouteInformation {
            prefix: Ipv6Addr::UNSPECIFIED,
            prefix_length: 0,
            preference: header.preference(),
            lifetime: header.router_lifetime().into(),
        };
        for route in routes {
            match route.prefix_length {
                0 => default = route,
                _ => self.take_route(id, router, &route),
            }
        }
        self.take_route(id, router, &default);
        if header.router_lifetime() > 0
            && let Some(interface) = self.interface_mut(id)
        {
            interface.discovery.answered();
        }
        let mut names_changed = false;
        for option in options {
            match option {
                NdpOption::Mtu(mtu) => self.take_mtu(id, mtu),
                NdpOption::PrefixInformation(prefix) => self.take_prefix(id, router, &prefix),
                NdpOption::Rdnss(servers) => {
                    for server in servers.addresses(message) {
                        names_changed |= self.take_name_server(id, server, servers.lifetime);
                    }
                }
                NdpOption::Dnssl {
                    lifetime,
                    mut offset,
                    length,
                } => {
                    let by = (id, ServerSource::RouterAdvertisement);
                    let last = offset.saturating_add(length);
                    let until = end(self.now, lifetime);
                    while let Some(domain) = next_domain(message, &mut offset, last) {
                        let change = match domain.as_bytes() {
                            [] => Change::Refused,
                            _ => self.names.domains.tell(self.now, by, domain, until),
                        };
                        names_changed |= self.note(id, change);
                    }
                }
                _ => {}
            }
        }
        if names_changed {
            self.emit(id, EventKind::NameServers);
        }
        self.arm_routes();
        self.arm_routers();
        Ok(())
    }

    /// The fields of the fixed part, but for the lifetime. "a host MUST NOT interpret the
    /// unspecified value as meaning change back to the default value".
    fn take_parameters(&mut self, id: InterfaceId, header: RouterAdvertisement<'_>) {
        let now = self.now;
        let random = self.rng.next_u32();
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let flags = header.flags() & (RouterFlags::MANAGED | RouterFlags::OTHER);
        let discovery = &mut interface.discovery;
        let is_new = discovery.parameters.flags != flags;
        discovery.parameters.flags = flags;
        if let Some(hop_limit) = header.current_hop_limit() {
            discovery.parameters.hop_limit = Some(hop_limit);
        }
        let timing = interface.neighbors.discovery_timing_mut();
        if discovery.wants_randomization(now) {
            timing.randomize(random);
        }
        let reachable = Duration::from_millis(header.reachable_time().into());
        timing.set_base_reachable_time(reachable, random);
        timing.set_retrans_timer(Duration::from_millis(header.retrans_timer().into()));
        if is_new {
            self.emit(
                id,
                EventKind::RouterFlags {
                    managed: flags.contains(RouterFlags::MANAGED),
                    other: flags.contains(RouterFlags::OTHER),
                },
            );
            #[cfg(feature = "dhcpv6-client")]
            self.waiters.wake(WaitKey::dhcpv6(id));
        }
    }

    fn take_mtu(&mut self, id: InterfaceId, mtu: u32) {
        let Some(interface) = self.interface_mut(id) else {
            return;
        };
        let (was, link) = (interface.mtu(), interface.capabilities.mtu);
        interface.discovery.set_mtu(mtu, link);
        self.mtu_changed(id, was);
    }

    /// A route by way of the router, the default route among them: "If the received route's
    /// lifetime is zero, the route is removed from the Routing Table if present" (RFC 4191 §3.1).
    fn take_route(&mut self, id: InterfaceId, router: Ipv6Addr, route: &RouteInformation) {
        let Ok(prefix) = Prefix::new(route.prefix.into(), route.prefix_length) else {
            return;
        };
        let gateway = Some(IpAddress::V6(router));
        if route.lifetime == 0 {
            if let Some(gone) = self.routes.unlearn(prefix, gateway, id) {
                self.route_gone(&gone);
            }
            return;
        }
        let learned = self.learn_route(Route {
            prefix,
            gateway,
            interface: id,
            metric: metric(route.preference),
            expires: end(self.now, route.lifetime),
            origin: RouteOrigin::RouterAdvertisement,
        });
        if learned && route.prefix_length == 0 {
            self.emit(id, EventKind::RouterAdded(router.into()));
        }
    }

    /// A prefix that is on the link, or to make addresses of (RFC 4861 §6.3.4).
    fn take_prefix(&mut self, id: InterfaceId, router: Ipv6Addr, option: &PrefixInformation) {
        let (address, length) = (option.prefix(), option.prefix_length());
        let Ok(prefix) = Prefix::new(address.into(), length) else {
            return;
        };
        // "If the prefix is the link-local prefix, silently ignore the Prefix Information option."
        if length >= 10 && address.is_unicast_link_local() || address.is_multicast() {
            return;
        }
        let now = self.now;
        let until = end(now, option.valid_lifetime());
        if let Some(Some(interface)) = self.interfaces.get_mut(usize::from(id)) {
            let Interface {
                discovery, ipv6, ..
            } = interface;
            let in_use = |prefix, length| {
                let mut own = ipv6.iter().map(|own| own.address);
                own.any(|own| ipv6_address::prefix(own, length) == prefix)
            };
            discovery.announced(now, (address, length), router, until, in_use);
        }
        #[cfg(feature = "slaac")]
        self.prefix_information(id, option);
        if !option.flags().contains(PrefixFlags::ON_LINK) {
            return;
        }
        let event = (address.into(), length);
        if option.valid_lifetime() == 0 {
            if let Some(gone) = self.routes.unlearn(prefix, None, id) {
                self.route_gone(&gone);
            }
        } else if self.learn_route(Route {
            prefix,
            gateway: None,
            interface: id,
            metric: 0,
            expires: until,
            origin: RouteOrigin::RouterAdvertisement,
        }) {
            let (prefix, length) = event;
            self.emit(id, EventKind::PrefixAdded { prefix, length });
        }
    }

    /// Puts a route into the table; says whether it is new there.
    fn learn_route(&mut self, route: Route) -> bool {
        self.begin_routing();
        let now = self.now;
        let id = route.interface;
        let Core {
            interfaces, routes, ..
        } = self;
        let in_use = |known: &Route| {
            let interface = interfaces.get(usize::from(known.interface));
            interface
                .and_then(Option::as_ref)
                .is_some_and(|interface| is_in_use(interface, now, known))
        };
        let (learned, refused) = match routes.learn(route, in_use) {
            Ok(Learned::Known) => (false, false),
            Ok(Learned::New(None)) => (true, false),
            Ok(Learned::New(Some(replaced))) => {
                self.route_gone(&replaced);
                (true, true)
            }
            Err(_) => (false, true),
        };
        if refused && let Some(interface) = self.interface_mut(id) {
            interface.discovery.refused();
        }
        learned
    }

    fn take_name_server(&mut self, id: InterfaceId, server: Ipv6Addr, lifetime: u32) -> bool {
        let until = end(self.now, lifetime);
        let by = (id, ServerSource::RouterAdvertisement);
        let change = self.names.servers.tell(self.now, by, server.into(), until);
        self.note(id, change)
    }

    /// Counts what there was no room for; says whether anything has changed.
    fn note(&mut self, id: InterfaceId, change: Change) -> bool {
        self.tell_displaced(id, change);
        if change == Change::Refused
            && let Some(interface) = self.interface_mut(id)
        {
            interface.discovery.refused();
        }
        matches!(change, Change::Changed | Change::Displaced(_))
    }
}

/// Whether a route of an interface is by way of a router that answers, or to the prefix of an
/// address.
fn is_in_use(interface: &Interface<'_>, now: Instant, route: &Route) -> bool {
    match route.gateway {
        Some(gateway) => answers(interface, now, gateway),
        None => (interface.ipv6.iter()).any(|own| route.prefix.contains(own.address.into())),
    }
}

/// Whether a router is known to answer.
fn answers(interface: &Interface<'_>, now: Instant, router: IpAddress) -> bool {
    #[cfg(neighbors)]
    {
        use crate::iface::neighbor::NeighborState::{Delay, Probe, Reachable};

        let neighbor = interface.neighbors.neighbor(now, router);
        neighbor.is_some_and(|known| matches!(known.state, Reachable | Delay | Probe))
    }
    #[cfg(not(neighbors))]
    {
        let _ = (interface, now, router);
        false
    }
}
