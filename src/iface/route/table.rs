//! The table of routes: what is in it, what gives way when it is full, and which route is taken.

use core::cell::Cell;
#[cfg(any(feature = "router-discovery", feature = "redirects"))]
use core::cmp::Reverse;

use managed::ManagedSlice;

#[cfg(any(feature = "router-discovery", feature = "redirects"))]
use super::RouteOrigin;
use super::{Prefix, Route, RouteError, same_family};
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;

/// "these probes MUST be rate-limited to no more than one per minute per router" (RFC 4191 §3.5).
#[cfg_attr(not(neighbors), allow(dead_code))]
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// The storage of one route.
#[derive(Clone, Copy, Debug)]
pub struct RouteSlot {
    route: Route,
    /// The gateway did not answer when it was last asked.
    is_suspect: bool,
}

/// The routes, in storage lent by the user: the table never grows beyond it.
///
/// Routes that messages from the network make have places of their own, so that they take none of
/// the user's; each kind is bounded.
pub struct RouteTable<'a> {
    slots: ManagedSlice<'a, Option<RouteSlot>>,
    /// The places from the first on that are taken. The others are empty.
    used: usize,
    /// Places that are kept for routes that were learnt.
    reserved: usize,
    /// When gateways that do not answer are asked again.
    probe: Option<Instant>,
    /// The places, one bit for each, of routes that would have been taken if their gateways
    /// answered.
    skipped: Cell<u32>,
    /// Those of them whose gateways are being asked.
    probing: u32,
}

impl<'a> RouteTable<'a> {
    /// An empty table in `storage`, which is cleared.
    pub fn new(storage: impl Into<ManagedSlice<'a, Option<RouteSlot>>>) -> Self {
        let mut slots = storage.into();
        slots.fill(None);
        Self::with_reserve(slots, 0)
    }

    /// As [`RouteTable::new`], in storage that is empty, of which that many places are kept for what
    /// is learnt.
    pub(crate) fn with_reserve(
        storage: impl Into<ManagedSlice<'a, Option<RouteSlot>>>,
        reserved: usize,
    ) -> Self {
        Self {
            slots: storage.into(),
            used: 0,
            reserved,
            probe: None,
            skipped: Cell::new(0),
            probing: 0,
        }
    }

    /// Takes a route in, or replaces the one with the same prefix, gateway and interface.
    ///
    /// That the gateway is a neighbour on the interface is for the caller to check, who knows the
    /// connected prefixes.
    pub fn add(&mut self, route: Route) -> Result<(), RouteError> {
        check(&route)?;
        if let Some(slot) = self.slots_mut().find(|slot| slot.route.is_same_way(&route)) {
            slot.route = route;
            return Ok(());
        }
        let room = self.slots.len().saturating_sub(self.reserved);
        if self.iter().filter(|route| !route.is_learned()).count() >= room {
            return Err(RouteError::TableFull);
        }
        self.push(route)
    }

    fn push(&mut self, route: Route) -> Result<(), RouteError> {
        let slot = self.slots.get_mut(self.used);
        *slot.ok_or(RouteError::TableFull)? = Some(RouteSlot {
            route,
            is_suspect: false,
        });
        self.used = self.used.saturating_add(1);
        Ok(())
    }

    /// Takes out the route with this prefix, gateway and interface, and returns it.
    pub fn remove(
        &mut self,
        prefix: Prefix,
        gateway: Option<IpAddress>,
        interface: u8,
    ) -> Option<Route> {
        self.take_first(|route| {
            route.prefix == prefix && route.gateway == gateway && route.interface == interface
        })
    }

    /// Takes out the first route that is `wanted`.
    pub(crate) fn take_first(&mut self, mut wanted: impl FnMut(&Route) -> bool) -> Option<Route> {
        let mut taken = None;
        self.retain(|route| {
            if taken.is_none() && wanted(route) {
                taken = Some(*route);
                return false;
            }
            true
        });
        taken
    }

    /// Keeps only the routes that `keep` says yes to: not those of a router that is gone, say.
    pub fn retain(&mut self, mut keep: impl FnMut(&Route) -> bool) {
        let mut kept = 0;
        for place in 0..self.used {
            let slot = self.slots.get_mut(place).and_then(Option::take);
            let slot = slot.filter(|slot| keep(&slot.route));
            if slot.is_some()
                && let Some(to) = self.slots.get_mut(kept)
            {
                *to = slot;
                kept += 1;
            }
        }
        if kept != self.used {
            self.used = kept;
            self.skipped.set(0);
            self.probing = 0;
        }
    }

    /// Takes out all routes over one interface.
    pub fn remove_interface(&mut self, interface: u8) {
        self.retain(|route| route.interface != interface);
    }

    /// Takes out what has expired at `now`, and returns when the next route will.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.retain(|route| route.is_valid_at(now));
        self.next_expiry()
    }

    /// When the next route expires.
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.iter().filter_map(|route| route.expires).min()
    }

    /// All routes, in no particular order, those among them that have expired since the last
    /// [`expire`](Self::expire).
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.slots().map(|slot| &slot.route)
    }

    /// The route at a place of the table, counted from zero without gaps.
    pub(crate) fn at(&self, place: usize) -> Option<Route> {
        self.iter().nth(place).copied()
    }

    #[inline]
    fn slots(&self) -> impl Iterator<Item = &RouteSlot> {
        self.slots.get(..self.used).unwrap_or(&[]).iter().flatten()
    }

    fn slots_mut(&mut self) -> impl Iterator<Item = &mut RouteSlot> {
        let used = self.slots.get_mut(..self.used);
        used.unwrap_or(&mut []).iter_mut().flatten()
    }

    /// The best route to `destination`: the longest prefix, then the lowest metric, then the
    /// earlier place in the table. With `interface`, only routes over that one count (a socket
    /// bound to an interface, a link-local destination).
    ///
    /// A route whose gateway does not answer counts only where no other leads there.
    pub fn lookup(
        &self,
        now: Instant,
        destination: IpAddress,
        interface: Option<u8>,
    ) -> Option<&Route> {
        self.lookup_reachable(now, destination, interface, |_| true)
    }

    /// As [`lookup`](Self::lookup), but a route for which `is_reachable` says yes is better than
    /// any for which it says no: a host prefers routers that are not known to be unreachable over
    /// longer prefixes (RFC 4191 §3.2, RFC 4861 §6.3.6).
    pub fn lookup_reachable(
        &self,
        now: Instant,
        destination: IpAddress,
        interface: Option<u8>,
        is_reachable: impl Fn(&Route) -> bool,
    ) -> Option<&Route> {
        self.select(now, destination, interface, is_reachable, |_| false, false)
    }

    /// As [`lookup_reachable`](Self::lookup_reachable); among routes of one prefix those that
    /// `suits` says yes to are better, whatever their metric (RFC 8028 §3.2). With `notes`, better
    /// routes whose gateways do not answer are to be probed.
    #[inline]
    pub(crate) fn select(
        &self,
        now: Instant,
        destination: IpAddress,
        interface: Option<u8>,
        is_reachable: impl Fn(&Route) -> bool,
        suits: impl Fn(&Route) -> bool,
        notes: bool,
    ) -> Option<&Route> {
        // Reachable, answering; prefix, suiting, metric.
        let mut best: Option<(u32, &Route)> = None;
        let mut best_if_all_answered = 0;
        for RouteSlot { route, is_suspect } in self.slots() {
            if interface.is_some_and(|only| only != route.interface)
                || !route.prefix.contains(destination)
                || !route.is_valid_at(now)
            {
                continue;
            }
            let merit = u32::from(is_reachable(route)) << 26
                | u32::from(route.prefix.length) << 17
                | u32::from(suits(route)) << 16
                | u32::from(!route.metric);
            let rank = merit | u32::from(!is_suspect) << 25;
            best_if_all_answered = best_if_all_answered.max(merit);
            if best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, route));
            }
        }
        let (rank, route) = best?;
        if notes && best_if_all_answered > rank & !(1 << 25) {
            self.skip_suspects(destination, route);
        }
        Some(route)
    }

    /// Notes that routes before `taken` were not taken since their gateways do not answer.
    #[cold]
    fn skip_suspects(&self, destination: IpAddress, taken: &Route) {
        let taken = (taken.prefix.length, !taken.metric);
        let mut skipped = self.skipped.get();
        for (place, slot) in self.slots().enumerate().take(32) {
            let rank = (slot.route.prefix.length, !slot.route.metric);
            if slot.is_suspect && slot.route.prefix.contains(destination) && rank >= taken {
                skipped |= 1 << place;
            }
        }
        self.skipped.set(skipped);
    }

    /// A gateway does not answer: its routes are taken last, and among each other in turn
    /// (RFC 4861 §6.3.6, RFC 1122 §3.3.1.5). Says whether there are any.
    #[cold]
    pub(crate) fn gateway_failed(
        &mut self,
        now: Instant,
        interface: u8,
        gateway: IpAddress,
    ) -> bool {
        let mut last = self.used;
        let mut place = 0;
        let mut found = false;
        while place < last {
            let slots = self.slots.get_mut(place..self.used).unwrap_or(&mut []);
            match slots.first_mut() {
                Some(Some(slot)) if slot.is_by(interface, gateway) => {
                    slot.is_suspect = true;
                    found = true;
                    // "subsequent requests for a default router do not return the same router
                    // until all other routers have been selected"
                    slots.rotate_left(1);
                    last -= 1;
                }
                _ => place += 1,
            }
        }
        if found {
            self.skipped.set(0);
            self.probing = 0;
            let probe = self.probe.get_or_insert(now + PROBE_INTERVAL);
            *probe = (*probe).min(now + PROBE_INTERVAL);
        }
        found
    }

    /// A gateway has given a sign of life.
    #[inline]
    pub(crate) fn gateway_seen(&mut self, interface: u8, gateway: IpAddress) {
        if self.probe.is_some() {
            self.no_longer_suspect(interface, gateway);
        }
    }

    #[cold]
    fn no_longer_suspect(&mut self, interface: u8, gateway: IpAddress) {
        for slot in self.slots_mut() {
            slot.is_suspect &= !slot.is_by(interface, gateway);
        }
    }

    /// When [`next_to_probe`](Self::next_to_probe) is to be asked next.
    pub(crate) const fn next_probe(&self) -> Option<Instant> {
        self.probe
    }

    /// The next gateway that is to be asked for a sign of life, since packets would have gone by
    /// way of it (RFC 4191 §3.5), with its interface. To be called until it returns `None`.
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) fn next_to_probe(&mut self, now: Instant) -> Option<(u8, IpAddress)> {
        if self.probe.is_some_and(|probe| probe <= now) {
            let waits = self.slots().any(|slot| slot.is_suspect);
            self.probe = waits.then_some(now + PROBE_INTERVAL);
            self.probing = self.skipped.take();
        }
        while self.probing != 0 {
            let place = self.probing.trailing_zeros() as usize;
            self.probing &= self.probing - 1;
            let slot = self.slots().nth(place).filter(|slot| slot.is_suspect);
            let Some(RouteSlot { route, .. }) = slot else {
                continue;
            };
            if let Some(gateway) = route.gateway {
                let interface = route.interface;
                // Once for all routes by way of it.
                let others = self.slots().enumerate().take(32);
                let same = others.filter(|(_, slot)| slot.is_by(interface, gateway));
                let same = same.fold(0, |bits, (place, _)| bits | 1 << place);
                self.probing &= !same;
                return Some((interface, gateway));
            }
        }
        None
    }
}

/// Routes that the network makes.
#[cfg(any(feature = "router-discovery", feature = "redirects"))]
impl RouteTable<'_> {
    /// Takes in a route that a message told of, or changes lifetime and metric of the one with the
    /// same prefix, gateway and interface; the user's is left as it is. Where there are as many of
    /// its kind as may be, one that is not `in_use` gives way, and is returned.
    pub(crate) fn learn(
        &mut self,
        route: Route,
        in_use: impl Fn(&Route) -> bool,
    ) -> Result<Learned, RouteError> {
        check(&route)?;
        if let Some(slot) = self.slots_mut().find(|slot| slot.route.is_same_way(&route)) {
            if slot.route.origin == route.origin {
                slot.route = route;
            }
            return Ok(Learned::Known);
        }
        let Some(bound) = bound(&route) else {
            return self.add(route).map(|()| Learned::New(None));
        };
        let kind = kind(&route);
        let mut replaced = None;
        if self
            .iter()
            .filter(|other| self::kind(other) == kind)
            .count()
            >= bound
        {
            let victim = self.victim(&route, in_use).ok_or(RouteError::TableFull)?;
            replaced = self.take_first(|other| other.is_same_way(&victim));
        }
        self.push(route).map(|()| Learned::New(replaced))
    }

    /// The route of the same kind that can best be done without.
    ///
    /// A router gives way to one that is preferred, or if it does not answer; a prefix or a
    /// redirect to any that is newer. What is in use never does, so that strangers who announce
    /// themselves by the thousand only displace each other. Nor do routes of another interface,
    /// unless it has taken more places: then a router does even if it seems to be in use, which
    /// its neighbours can pretend.
    fn victim(&self, route: &Route, in_use: impl Fn(&Route) -> bool) -> Option<Route> {
        let is_alike = |other: &Route| kind(other) == kind(route);
        let places = |interface: u8| {
            let alike = self.iter().filter(|other| is_alike(other));
            alike.filter(|other| other.interface == interface).count()
        };
        let fair = places(route.interface) + 1;
        let is_surplus =
            |other: &Route| other.interface != route.interface && places(other.interface) > fair;
        let is_worse = |other: &Route| {
            other.interface == route.interface && (kind(route).1 || other.metric > route.metric)
        };
        let may_go = |slot: &&RouteSlot| {
            let other = &slot.route;
            is_alike(other)
                && (slot.is_suspect
                    || (is_surplus(other) && (other.gateway.is_some() || !in_use(other)))
                    || (is_worse(other) && !in_use(other)))
        };
        let rank = |slot: &&RouteSlot| {
            let RouteSlot { route, is_suspect } = slot;
            let expires = Reverse(route.expires.unwrap_or(Instant::MAX));
            let is_unused = !in_use(route);
            (
                *is_suspect,
                is_unused,
                is_surplus(route),
                route.metric,
                expires,
            )
        };
        Some(self.slots().filter(may_go).max_by_key(rank)?.route)
    }

    /// Takes out a route that a message had told of, and returns it.
    #[cfg(feature = "router-discovery")]
    pub(crate) fn unlearn(
        &mut self,
        prefix: Prefix,
        gateway: Option<IpAddress>,
        interface: u8,
    ) -> Option<Route> {
        self.take_first(|route| {
            route.is_learned()
                && (route.prefix, route.gateway, route.interface) == (prefix, gateway, interface)
        })
    }
}

/// What became of a route that was learnt.
#[cfg(any(feature = "router-discovery", feature = "redirects"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// It was there already.
    Known,
    /// It is new; another may have given way to it.
    New(Option<Route>),
}

/// What is bounded together: a redirect or not, a prefix on the link (or any redirect, which gives
/// way to the next) or not, a default route or not.
#[cfg(any(feature = "router-discovery", feature = "redirects"))]
fn kind(route: &Route) -> (RouteOrigin, bool, bool) {
    let is_redirect = route.origin == RouteOrigin::Redirect;
    let is_on_link = route.gateway.is_none();
    let is_default = route.prefix.length == 0 && !is_on_link;
    (
        route.origin,
        is_redirect || is_on_link,
        is_default && !is_redirect,
    )
}

/// How many routes of one kind there may be.
#[cfg(any(feature = "router-discovery", feature = "redirects"))]
fn bound(route: &Route) -> Option<usize> {
    match (route.origin, route.gateway, route.prefix.length) {
        #[cfg(feature = "redirects")]
        (RouteOrigin::Redirect, ..) => Some(crate::config::REDIRECTS),
        #[cfg(feature = "router-discovery")]
        (RouteOrigin::RouterAdvertisement, None, _) => Some(crate::config::PREFIXES),
        #[cfg(feature = "router-discovery")]
        (RouteOrigin::RouterAdvertisement, Some(_), 0) => Some(crate::config::ROUTERS),
        #[cfg(feature = "router-discovery")]
        (RouteOrigin::RouterAdvertisement, Some(_), _) => Some(crate::config::ADVERTISED_ROUTES),
        _ => None,
    }
}

impl RouteSlot {
    #[cfg_attr(not(neighbors), allow(dead_code))]
    fn is_by(&self, interface: u8, gateway: IpAddress) -> bool {
        self.route.interface == interface && self.route.gateway == Some(gateway)
    }
}

/// Whether the gateway can be one.
fn check(route: &Route) -> Result<(), RouteError> {
    let Some(gateway) = route.gateway else {
        return Ok(());
    };
    if !same_family(gateway, route.prefix.address) {
        return Err(RouteError::GatewayFamily);
    }
    if gateway.is_unspecified() || gateway.is_multicast() {
        return Err(RouteError::GatewayAddress);
    }
    Ok(())
}
