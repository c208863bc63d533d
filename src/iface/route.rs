//! The routing table of all interfaces, for both IP versions (RFC 1122 §3.3.1, RFC 4861 §5.2,
//! RFC 4191 §3).
//!
//! Connected prefixes are not in it: they come from the addresses of the interfaces. Whoever picks
//! the way out asks both and takes the longer prefix; [`prefix_matches`] and [`common_prefix_len`]
//! serve both.

use core::fmt;

use managed::ManagedSlice;

use crate::time::Instant;
use crate::wire::IpAddress;

/// How many leading bits two addresses share; zero across IP versions.
pub fn common_prefix_len(a: IpAddress, b: IpAddress) -> u8 {
    let bits = match (a, b) {
        #[cfg(feature = "ipv4")]
        (IpAddress::V4(a), IpAddress::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        #[cfg(feature = "ipv6")]
        (IpAddress::V6(a), IpAddress::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        #[cfg(all(feature = "ipv4", feature = "ipv6"))]
        _ => 0,
    };
    bits as u8
}

/// Whether `address` begins with the first `length` bits of `prefix`. Never across IP versions,
/// not even for a length of zero.
pub fn prefix_matches(address: IpAddress, prefix: IpAddress, length: u8) -> bool {
    same_family(address, prefix) && common_prefix_len(address, prefix) >= length
}

fn same_family(a: IpAddress, b: IpAddress) -> bool {
    core::mem::discriminant(&a) == core::mem::discriminant(&b)
}

/// The number of bits in an address of this one's IP version.
fn address_bits(address: IpAddress) -> u8 {
    match address {
        #[cfg(feature = "ipv4")]
        IpAddress::V4(_) => 32,
        #[cfg(feature = "ipv6")]
        IpAddress::V6(_) => 128,
    }
}

/// A prefix: the leading bits of an address, all others zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prefix {
    address: IpAddress,
    length: u8,
}

impl Prefix {
    /// The first `length` bits of `address`; the rest is cleared.
    ///
    /// Refused if an address of that IP version has fewer bits.
    pub fn new(address: IpAddress, length: u8) -> Result<Self, RouteError> {
        if length > address_bits(address) {
            return Err(RouteError::PrefixLength);
        }
        let address = match address {
            #[cfg(feature = "ipv4")]
            IpAddress::V4(address) => {
                let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddress::V4(core::net::Ipv4Addr::from_bits(address.to_bits() & !host))
            }
            #[cfg(feature = "ipv6")]
            IpAddress::V6(address) => {
                let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
                IpAddress::V6(core::net::Ipv6Addr::from_bits(address.to_bits() & !host))
            }
        };
        Ok(Self { address, length })
    }

    /// The lowest address of the prefix.
    pub const fn address(&self) -> IpAddress {
        self.address
    }

    /// The length in bits.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether `address` lies within.
    pub fn contains(&self, address: IpAddress) -> bool {
        prefix_matches(address, self.address, self.length)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Who put a route into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteOrigin {
    /// The user.
    Static,
    /// A Router Advertisement: a default router or a Route Information option (RFC 4861, RFC 4191).
    RouterAdvertisement,
    /// A Redirect message (RFC 4861 §8.3, RFC 1122 §3.3.1.2).
    Redirect,
    /// A DHCP lease.
    Dhcp,
}

/// A way to the destinations of one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Route {
    /// The destinations.
    pub prefix: Prefix,
    /// The neighbour that takes the packets on; `None` if the destinations are neighbours.
    pub gateway: Option<IpAddress>,
    /// The interface that leads there.
    pub interface: u8,
    /// Among routes of one prefix the lowest is taken.
    pub metric: u16,
    /// From when on the route no longer holds; `None`: it holds until it is removed.
    pub expires: Option<Instant>,
    /// Who put it into the table.
    pub origin: RouteOrigin,
}

impl Route {
    /// Whether both are the same way to the same place, whatever their metric and lifetime.
    fn is_same_way(&self, other: &Self) -> bool {
        self.prefix == other.prefix
            && self.gateway == other.gateway
            && self.interface == other.interface
    }

    fn is_valid_at(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Why a route is not taken into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouteError {
    /// The prefix is longer than an address of its IP version.
    PrefixLength,
    /// The gateway is of another IP version than the prefix.
    GatewayFamily,
    /// The gateway is no address of a single node.
    GatewayAddress,
    /// Every place of the table is taken.
    TableFull,
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrefixLength => "prefix longer than an address",
            Self::GatewayFamily => "gateway of another IP version",
            Self::GatewayAddress => "gateway is not a unicast address",
            Self::TableFull => "routing table full",
        })
    }
}

impl core::error::Error for RouteError {}

/// The routes, in storage lent by the user: the table never grows beyond it.
pub struct RouteTable<'a> {
    routes: ManagedSlice<'a, Option<Route>>,
}

impl<'a> RouteTable<'a> {
    /// An empty table in `storage`, which is cleared.
    pub fn new(storage: impl Into<ManagedSlice<'a, Option<Route>>>) -> Self {
        let mut routes = storage.into();
        routes.fill(None);
        Self { routes }
    }

    /// Takes a route in, or replaces the one with the same prefix, gateway and interface.
    ///
    /// That the gateway is a neighbour on the interface is for the caller to check, who knows the
    /// connected prefixes.
    pub fn add(&mut self, route: Route) -> Result<(), RouteError> {
        if let Some(gateway) = route.gateway {
            if !same_family(gateway, route.prefix.address) {
                return Err(RouteError::GatewayFamily);
            }
            if gateway.is_unspecified() || gateway.is_multicast() {
                return Err(RouteError::GatewayAddress);
            }
        }
        let is_same = |slot: &Option<Route>| slot.is_some_and(|old| old.is_same_way(&route));
        let place = (self.routes.iter().position(is_same))
            .or_else(|| self.routes.iter().position(Option::is_none))
            .and_then(|index| self.routes.get_mut(index));
        *place.ok_or(RouteError::TableFull)? = Some(route);
        Ok(())
    }

    /// Takes out the route with this prefix, gateway and interface, and returns it.
    pub fn remove(
        &mut self,
        prefix: Prefix,
        gateway: Option<IpAddress>,
        interface: u8,
    ) -> Option<Route> {
        let is_it = |route: &Route| {
            route.prefix == prefix && route.gateway == gateway && route.interface == interface
        };
        (self.routes.iter_mut())
            .find(|slot| slot.as_ref().is_some_and(is_it))?
            .take()
    }

    /// Keeps only the routes that `keep` says yes to: not those of a router that is gone, say.
    pub fn retain(&mut self, mut keep: impl FnMut(&Route) -> bool) {
        for slot in self.routes.iter_mut() {
            if slot.as_ref().is_some_and(|route| !keep(route)) {
                *slot = None;
            }
        }
    }

    /// Takes out all routes over one interface.
    pub fn remove_interface(&mut self, interface: u8) {
        self.retain(|route| route.interface != interface);
    }

    /// Takes out what has expired at `now`, and returns when the next route will.
    pub fn expire(&mut self, now: Instant) -> Option<Instant> {
        self.retain(|route| route.is_valid_at(now));
        self.iter().filter_map(|route| route.expires).min()
    }

    /// All routes, in no particular order, those among them that have expired since the last
    /// [`expire`](Self::expire).
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().flatten()
    }

    /// The best route to `destination`: the longest prefix, then the lowest metric, then the
    /// earlier place in the table. With `interface`, only routes over that one count (a socket
    /// bound to an interface, a link-local destination).
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
        let mut best: Option<(u32, &Route)> = None;
        for route in self.iter() {
            if interface.is_some_and(|only| only != route.interface)
                || !route.prefix.contains(destination)
                || !route.is_valid_at(now)
            {
                continue;
            }
            let rank = u32::from(is_reachable(route)) << 24
                | u32::from(route.prefix.length) << 16
                | u32::from(!route.metric);
            if best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, route));
            }
        }
        best.map(|(_, route)| route)
    }
}

#[cfg(all(test, feature = "ipv4", feature = "ipv6"))]
mod tests {
    extern crate std;

    use core::net::IpAddr;
    use std::vec::Vec;

    use super::*;

    fn ip(text: &str) -> IpAddress {
        text.parse::<IpAddr>().unwrap().try_into().unwrap()
    }

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(ip(address), length.parse().unwrap()).unwrap()
    }

    fn route(to: &str, gateway: &str) -> Route {
        Route {
            prefix: prefix(to),
            gateway: Some(ip(gateway)),
            interface: 0,
            metric: 100,
            expires: None,
            origin: RouteOrigin::Static,
        }
    }

    fn gateway_of(
        table: &RouteTable<'_>,
        destination: &str,
        interface: Option<u8>,
    ) -> Option<IpAddress> {
        (table.lookup(Instant::ZERO, ip(destination), interface)).and_then(|route| route.gateway)
    }

    #[test]
    fn common_prefix_counts_leading_bits_of_one_family() {
        assert_eq!(common_prefix_len(ip("10.0.0.1"), ip("10.0.0.1")), 32);
        assert_eq!(common_prefix_len(ip("10.0.0.1"), ip("10.0.0.2")), 30);
        assert_eq!(common_prefix_len(ip("0.0.0.0"), ip("128.0.0.0")), 0);
        assert_eq!(common_prefix_len(ip("fe80::1"), ip("fe80::1")), 128);
        assert_eq!(common_prefix_len(ip("2001:db8::"), ip("2001:db9::")), 31);
        assert_eq!(common_prefix_len(ip("::"), ip("0.0.0.0")), 0);
    }

    #[test]
    fn prefix_matches_at_every_length_up_to_the_first_difference() {
        let (a, b) = (ip("2001:db8::1234"), ip("2001:db8::1235"));
        for length in 0..=127 {
            assert!(prefix_matches(a, b, length), "{length}");
        }
        assert!(!prefix_matches(a, b, 128));
        assert!(prefix_matches(a, a, 128));
        assert!(prefix_matches(ip("1.2.3.4"), ip("9.9.9.9"), 0));
        assert!(!prefix_matches(ip("1.2.3.4"), ip("::"), 0));
    }

    #[test]
    fn prefix_clears_the_bits_beyond_its_length() {
        assert_eq!(prefix("192.168.1.77/24").address(), ip("192.168.1.0"));
        assert_eq!(prefix("192.168.1.77/32").address(), ip("192.168.1.77"));
        assert_eq!(prefix("192.168.1.77/0").address(), ip("0.0.0.0"));
        assert_eq!(prefix("2001:db8::1/61").address(), ip("2001:db8::"));
        assert_eq!(prefix("2001:db8::1/128").address(), ip("2001:db8::1"));
        assert_eq!(prefix("2001:db8::1/0").address(), ip("::"));
    }

    #[test]
    fn prefix_longer_than_an_address_is_refused() {
        assert_eq!(
            Prefix::new(ip("10.0.0.0"), 33),
            Err(RouteError::PrefixLength)
        );
        assert_eq!(Prefix::new(ip("::"), 129), Err(RouteError::PrefixLength));
    }

    #[test]
    fn gateway_of_the_other_family_is_refused() {
        let mut storage = [None; 2];
        let mut table = RouteTable::new(&mut storage[..]);
        let crossed = route("0.0.0.0/0", "fe80::1");
        assert_eq!(table.add(crossed), Err(RouteError::GatewayFamily));
        let crossed = route("::/0", "10.0.0.1");
        assert_eq!(table.add(crossed), Err(RouteError::GatewayFamily));
        assert_eq!(table.iter().count(), 0);
    }

    #[test]
    fn gateway_that_is_no_single_node_is_refused() {
        let mut storage = [None; 2];
        let mut table = RouteTable::new(&mut storage[..]);
        for (to, gateway) in [
            ("0.0.0.0/0", "0.0.0.0"),
            ("::/0", "ff02::2"),
            ("0.0.0.0/0", "224.0.0.1"),
        ] {
            assert_eq!(
                table.add(route(to, gateway)),
                Err(RouteError::GatewayAddress)
            );
        }
    }

    #[test]
    fn longest_prefix_wins_over_metric() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table
            .add(Route {
                metric: 0,
                ..route("0.0.0.0/0", "10.0.0.1")
            })
            .unwrap();
        table.add(route("10.1.0.0/16", "10.0.0.2")).unwrap();
        table
            .add(Route {
                metric: u16::MAX,
                ..route("10.1.2.0/24", "10.0.0.3")
            })
            .unwrap();
        assert_eq!(gateway_of(&table, "10.1.2.3", None), Some(ip("10.0.0.3")));
        assert_eq!(gateway_of(&table, "10.1.3.3", None), Some(ip("10.0.0.2")));
        assert_eq!(gateway_of(&table, "192.0.2.1", None), Some(ip("10.0.0.1")));
    }

    #[test]
    fn lowest_metric_wins_among_equal_prefixes_and_the_first_among_equals() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table
            .add(Route {
                metric: 20,
                ..route("::/0", "fe80::1")
            })
            .unwrap();
        table
            .add(Route {
                metric: 10,
                ..route("::/0", "fe80::2")
            })
            .unwrap();
        table
            .add(Route {
                metric: 10,
                ..route("::/0", "fe80::3")
            })
            .unwrap();
        assert_eq!(gateway_of(&table, "2001:db8::1", None), Some(ip("fe80::2")));
    }

    #[test]
    fn reachable_router_wins_over_a_longer_prefix() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("2001:db8::/32", "fe80::1")).unwrap();
        table.add(route("::/0", "fe80::2")).unwrap();
        let lookup = |dead: IpAddress| {
            table
                .lookup_reachable(Instant::ZERO, ip("2001:db8::1"), None, |route| {
                    route.gateway != Some(dead)
                })
                .and_then(|route| route.gateway)
        };
        assert_eq!(lookup(ip("fe80::1")), Some(ip("fe80::2")));
        assert_eq!(lookup(ip("fe80::2")), Some(ip("fe80::1")));
        let none = table.lookup_reachable(Instant::ZERO, ip("2001:db8::1"), None, |_| false);
        assert_eq!(none.unwrap().gateway, Some(ip("fe80::1")));
    }

    #[test]
    fn lookup_for_one_interface_sees_no_other() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("::/0", "fe80::1")).unwrap();
        table
            .add(Route {
                interface: 1,
                metric: 900,
                ..route("::/0", "fe80::1")
            })
            .unwrap();
        let found = table.lookup(Instant::ZERO, ip("2001:db8::1"), Some(1));
        assert_eq!(found.unwrap().interface, 1);
        assert_eq!(
            table.lookup(Instant::ZERO, ip("2001:db8::1"), Some(2)),
            None
        );
    }

    #[test]
    fn families_do_not_see_each_others_default_route() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("0.0.0.0/0", "10.0.0.1")).unwrap();
        assert_eq!(gateway_of(&table, "2001:db8::1", None), None);
        assert_eq!(gateway_of(&table, "192.0.2.1", None), Some(ip("10.0.0.1")));
    }

    #[test]
    fn full_table_refuses_but_still_replaces() {
        let mut storage = [None; 2];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("10.1.0.0/16", "10.0.0.1")).unwrap();
        table.add(route("10.2.0.0/16", "10.0.0.1")).unwrap();
        let third = route("10.3.0.0/16", "10.0.0.1");
        assert_eq!(table.add(third), Err(RouteError::TableFull));
        let again = Route {
            metric: 7,
            ..route("10.2.0.99/16", "10.0.0.1")
        };
        table.add(again).unwrap();
        assert_eq!(table.iter().count(), 2);
        assert_eq!(
            table
                .lookup(Instant::ZERO, ip("10.2.0.1"), None)
                .unwrap()
                .metric,
            7
        );
    }

    #[test]
    fn expired_route_never_matches_even_before_it_is_taken_out() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        let at = Instant::from_millis;
        table
            .add(Route {
                expires: Some(at(1_000)),
                ..route("::/0", "fe80::1")
            })
            .unwrap();
        table
            .add(Route {
                expires: Some(at(3_000)),
                ..route("::/0", "fe80::2")
            })
            .unwrap();
        table.add(route("2001:db8::/32", "fe80::3")).unwrap();
        let found = |table: &RouteTable<'_>, now| {
            table
                .lookup(now, ip("2001:db9::1"), None)
                .and_then(|route| route.gateway)
        };
        assert_eq!(found(&table, at(999)), Some(ip("fe80::1")));
        assert_eq!(found(&table, at(1_000)), Some(ip("fe80::2")));
        assert_eq!(table.expire(at(999)), Some(at(1_000)));
        assert_eq!(table.expire(at(1_000)), Some(at(3_000)));
        assert_eq!(table.iter().count(), 2);
        assert_eq!(table.expire(at(3_000)), None);
        assert_eq!(table.iter().count(), 1);
    }

    #[test]
    fn remove_takes_the_exact_route_only() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("::/0", "fe80::1")).unwrap();
        table.add(route("::/0", "fe80::2")).unwrap();
        assert_eq!(table.remove(prefix("::/0"), Some(ip("fe80::3")), 0), None);
        assert_eq!(table.remove(prefix("::/0"), Some(ip("fe80::1")), 1), None);
        let removed = table.remove(prefix("::/0"), Some(ip("fe80::1")), 0);
        assert_eq!(removed, Some(route("::/0", "fe80::1")));
        assert_eq!(gateway_of(&table, "2001:db8::1", None), Some(ip("fe80::2")));
    }

    #[test]
    fn removing_an_interface_leaves_the_routes_of_others() {
        let mut storage = [None; 4];
        let mut table = RouteTable::new(&mut storage[..]);
        table.add(route("::/0", "fe80::1")).unwrap();
        table.add(route("0.0.0.0/0", "10.0.0.1")).unwrap();
        table
            .add(Route {
                interface: 1,
                ..route("::/0", "fe80::1")
            })
            .unwrap();
        table.remove_interface(0);
        let left: Vec<u8> = table.iter().map(|route| route.interface).collect();
        assert_eq!(left, [1]);
    }

    proptest::proptest! {
        #[test]
        fn lookup_agrees_with_sorting_all_matches(
            routes in proptest::collection::vec((0u32..4, 0u8..=32, 0u16..3, 0u8..2), 0..8),
            destination in 0u32..4,
            only in proptest::option::of(0u8..2),
        ) {
            let mut storage = [None; 8];
            let mut table = RouteTable::new(&mut storage[..]);
            for (index, (net, length, metric, interface)) in routes.into_iter().enumerate() {
                let address = core::net::Ipv4Addr::from_bits(net << 30);
                table.add(Route {
                    prefix: Prefix::new(address.into(), length).unwrap(),
                    gateway: Some(core::net::Ipv4Addr::from_bits(1 + index as u32).into()),
                    interface,
                    metric,
                    expires: None,
                    origin: RouteOrigin::Static,
                }).unwrap();
            }
            let destination = core::net::Ipv4Addr::from_bits(destination << 30).into();
            let mut all: Vec<&Route> = table
                .iter()
                .filter(|route| route.prefix.contains(destination))
                .filter(|route| only.is_none_or(|only| only == route.interface))
                .collect();
            all.sort_by_key(|route| (128 - route.prefix.length(), route.metric));
            proptest::prop_assert_eq!(
                table.lookup(Instant::ZERO, destination, only),
                all.first().copied()
            );
        }
    }
}
