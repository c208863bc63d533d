//! The table of routes: what users put into it, how routes end, gateways that do not answer.

use super::core::{Core, InterfaceId};
use super::handle::Stack;
use super::route::needs_no_route;
use super::timers::ROUTES;
use crate::iface::EventKind;
use crate::iface::route::{LEARNED, Prefix, Route, RouteError, RouteOrigin};
use crate::{config, wire::IpAddress};

/// What is done about routes. Whoever puts one into the table names it, and nobody else: a firmware
/// that never has a route is linked without all this.
pub(super) struct Routing {
    select: for<'c> fn(&'c Core<'_>, &Wish) -> Option<&'c Route>,
    seen: fn(&mut Core<'_>, InterfaceId, IpAddress),
    failed: fn(&mut Core<'_>, InterfaceId, IpAddress),
    poll: fn(&mut Core<'_>),
}

/// Where a packet is to go, and how.
pub(super) struct Wish {
    pub(super) destination: IpAddress,
    pub(super) source: Option<IpAddress>,
    /// By this interface.
    pub(super) only: Option<InterfaceId>,
    /// Also by one whose link is down.
    pub(super) even_down: bool,
}

static ROUTING: Routing = Routing {
    select: |core, wish| core.select_route(wish),
    seen: |core, id, gateway| core.routes.gateway_seen(id, gateway),
    failed: |core, id, gateway| core.mark_gateway_failed(id, gateway),
    poll: |core| core.expire_routes(),
};

impl Core<'_> {
    /// The route that a packet takes, if it takes one.
    #[inline]
    pub(super) fn route(&self, wish: &Wish) -> Option<&Route> {
        (self.routing?.select)(self, wish)
    }

    /// A gateway, if it is one, has given a sign of life.
    #[inline]
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(super) fn gateway_seen(&mut self, id: InterfaceId, gateway: IpAddress) {
        if let Some(routing) = self.routing {
            (routing.seen)(self, id, gateway);
        }
    }

    /// A neighbour does not answer: if it is a gateway, others are taken from now on (RFC 4861
    /// §6.3.6, §7.3.3; RFC 1122 §3.3.1.4, §3.3.1.5). What was redirected to it goes by a router
    /// again.
    #[inline]
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(super) fn gateway_failed(&mut self, id: InterfaceId, gateway: IpAddress) {
        if let Some(routing) = self.routing {
            (routing.failed)(self, id, gateway);
        }
    }

    /// The timer of the routes has run out.
    #[inline]
    pub(super) fn poll_routes(&mut self) {
        if let Some(routing) = self.routing {
            (routing.poll)(self);
        }
    }

    /// There is to be a route.
    #[inline]
    pub(super) fn begin_routing(&mut self) {
        self.routing = Some(&ROUTING);
    }

    /// Among routes of one prefix those are taken that announce the prefix of the source.
    fn select_route(&self, wish: &Wish) -> Option<&Route> {
        let is_usable = |route: &Route| {
            let interface = self.interface(route.interface);
            interface.is_some_and(|interface| wish.even_down || interface.is_up())
        };
        let suits = |route: &Route| self.suits(route, wish.source);
        let (destination, only) = (wish.destination, wish.only);
        let notes = !needs_no_route(destination);
        let route = (self.routes).select(self.now, destination, only, is_usable, suits, notes);
        route.filter(|route| is_usable(route))
    }

    /// Adds a route, or replaces the one with the same prefix, gateway and interface.
    pub fn add_route(&mut self, route: Route) -> Result<(), RouteError> {
        self.begin_routing();
        self.routes.add(route)?;
        self.arm_routes();
        let (prefix, length) = (route.prefix.address().into(), route.prefix.length());
        self.emit(route.interface, EventKind::RouteAdded { prefix, length });
        Ok(())
    }

    /// Takes out the route with this prefix, gateway and interface, whoever put it into the table,
    /// and returns it.
    pub fn remove_route(
        &mut self,
        prefix: Prefix,
        gateway: Option<core::net::IpAddr>,
        interface: InterfaceId,
    ) -> Option<Route> {
        let gateway = match gateway.map(IpAddress::try_from) {
            None => None,
            Some(Ok(gateway)) => Some(gateway),
            Some(Err(_)) => return None,
        };
        let removed = self.routes.remove(prefix, gateway, interface)?;
        self.route_gone(&removed);
        Some(removed)
    }

    /// The routes, those of connected prefixes apart.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        let is_valid = |route: &&Route| route.expires.is_none_or(|expires| self.now < expires);
        self.routes.iter().filter(is_valid)
    }

    fn expire_routes(&mut self) {
        let now = self.now;
        let is_over = |route: &Route| route.expires.is_some_and(|expires| expires <= now);
        #[cfg(neighbors)]
        while let Some((interface, gateway)) = self.routes.next_to_probe(now) {
            self.solicit(interface, gateway, None);
        }
        while let Some(route) = self.routes.take_first(is_over) {
            self.route_gone(&route);
        }
        self.arm_routes();
    }

    pub(super) fn arm_routes(&mut self) {
        let next = self.routes.next_expiry().into_iter();
        let next = next.chain(self.routes.next_probe()).min();
        self.set_timer(ROUTES, next);
    }

    /// Tells who wants to know that a route is no longer there.
    pub(super) fn route_gone(&mut self, route: &Route) {
        let (prefix, length) = (route.prefix.address().into(), route.prefix.length());
        let kind = match (route.origin, route.gateway, length) {
            (RouteOrigin::RouterAdvertisement, Some(gateway), 0) => {
                EventKind::RouterRemoved(gateway.into())
            }
            (RouteOrigin::RouterAdvertisement, Some(_), _) => return,
            (RouteOrigin::RouterAdvertisement, None, _) => {
                EventKind::PrefixRemoved { prefix, length }
            }
            (RouteOrigin::Redirect, ..) => return,
            _ => EventKind::RouteRemoved { prefix, length },
        };
        self.emit(route.interface, kind);
    }

    fn mark_gateway_failed(&mut self, id: InterfaceId, gateway: IpAddress) {
        self.routes.retain(|route| {
            route.origin != RouteOrigin::Redirect
                || route.interface != id
                || route.gateway.unwrap_or(route.prefix.address()) != gateway
        });
        let _: bool = self.routes.gateway_failed(self.now, id, gateway);
        self.arm_routes();
    }

    /// A router has become a host: what went by way of it goes by another (RFC 4861 §7.3.3).
    #[cfg(feature = "ipv6")]
    #[cold]
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(super) fn router_lost(&mut self, id: InterfaceId, router: core::net::Ipv6Addr) {
        let gateway = Some(IpAddress::V6(router));
        let is_by =
            |route: &Route| route.is_learned() && route.interface == id && route.gateway == gateway;
        while let Some(route) = self.routes.take_first(is_by) {
            self.route_gone(&route);
        }
        #[cfg(feature = "router-discovery")]
        if let Some(interface) = self.interface_mut(id) {
            interface.discovery.forget(router);
        }
    }
}

impl<'a> Stack<'a> {
    /// Adds a route, or replaces the one with the same prefix, gateway and interface.
    ///
    /// # Errors
    ///
    /// [`RouteError::TableFull`] where there are [`ROUTES`](crate::config::ROUTES) already, and the
    /// others if the gateway cannot be one.
    pub fn add_route(self, route: Route) -> Result<(), RouteError> {
        self.with(|core| core.add_route(route))
    }

    /// Takes out the route with this prefix, gateway and interface, whoever put it into the table,
    /// and returns it.
    pub fn remove_route(
        self,
        prefix: Prefix,
        gateway: Option<core::net::IpAddr>,
        interface: InterfaceId,
    ) -> Option<Route> {
        self.with(|core| core.remove_route(prefix, gateway, interface))
    }

    /// The routes, those of connected prefixes apart: the user's, and those that routers tell of,
    /// default routers and prefixes on the link among them.
    pub fn routes(self) -> impl Iterator<Item = Route> + use<'a> {
        // The core is borrowed for one at a time: what is done with it may use the stack.
        (0..config::ROUTES + LEARNED)
            .map_while(move |place| self.with(|core| core.routes.at(place)))
    }
}
