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
