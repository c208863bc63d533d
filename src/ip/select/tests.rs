extern crate std;

use core::net::IpAddr;
use std::vec::Vec;

use super::*;

fn ip(text: &str) -> IpAddress {
    text.parse::<IpAddr>().unwrap().try_into().unwrap()
}

/// An address as the examples write it: `2001:db8::1 deprecated`; prefixes of 64 and 24 bits.
fn source(text: &str) -> Source {
    let mut words = text.split(' ');
    let address = ip(words.next().unwrap());
    let mut flags = SourceFlags::OUTGOING;
    for word in words {
        match word {
            "deprecated" => flags |= SourceFlags::DEPRECATED,
            "temporary" => flags |= SourceFlags::TEMPORARY,
            "next-hop" => flags |= SourceFlags::FROM_NEXT_HOP,
            "tentative" => flags |= SourceFlags::TENTATIVE,
            "elsewhere" => flags -= SourceFlags::OUTGOING,
            _ => panic!("{word}"),
        }
    }
    let prefix_length = match address {
        IpAddress::V4(_) => 24,
        IpAddress::V6(_) => 64,
    };
    Source {
        address,
        prefix_length,
        flags,
    }
}

fn select_with(policy: &Policy<'_>, destination: &str, candidates: &[&str]) -> Option<IpAddress> {
    let destination = ip(destination);
    let choose = |candidates: Vec<Source>| {
        source_address(destination, destination, candidates, policy).map(|s| s.address)
    };
    choose(candidates.iter().map(|c| source(c)).collect())
}

/// Expects `expected` whatever the order of the candidates.
fn assert_source(destination: &str, candidates: &[&str], expected: &str) {
    let policy = Policy::default();
    let backwards: Vec<&str> = candidates.iter().rev().copied().collect();
    for candidates in [candidates, &backwards] {
        let chosen = select_with(&policy, destination, candidates);
        assert_eq!(
            chosen,
            Some(ip(expected)),
            "{destination} from {candidates:?}"
        );
    }
}

fn ordered(
    policy: &Policy<'_>,
    candidates: &[&str],
    list: &[&str],
) -> Vec<(IpAddress, Option<IpAddress>)> {
    let mut destinations: Vec<Destination> = list
        .iter()
        .map(|text| Destination {
            address: ip(text),
            source: source_address(
                ip(text),
                ip(text),
                candidates.iter().map(|c| source(c)),
                policy,
            ),
            unreachable: false,
            encapsulated: false,
        })
        .collect();
    sort_destinations(&mut destinations, policy);
    destinations
        .iter()
        .map(|d| (d.address, d.source.map(|s| s.address)))
        .collect()
}

/// Expects the destinations in the order of `expected` (destination, source), whatever the order
/// in which they were given.
fn assert_order_with(policy: &Policy<'_>, candidates: &[&str], expected: &[(&str, &str)]) {
    let wanted: Vec<_> = expected.iter().map(|(d, s)| (ip(d), Some(ip(s)))).collect();
    let mut list: Vec<&str> = expected.iter().map(|(d, _)| *d).collect();
    for _ in 0..2 {
        assert_eq!(
            ordered(policy, candidates, &list),
            wanted,
            "{list:?} from {candidates:?}"
        );
        list.reverse();
    }
}

fn assert_order(candidates: &[&str], expected: &[(&str, &str)]) {
    assert_order_with(&Policy::default(), candidates, expected);
}

/// The default table with rows added; a row with the prefix of another replaces it.
fn table(rows: &[(&str, u8, u8, u8)]) -> Vec<PolicyRow> {
    let mut table = DEFAULT_POLICY.to_vec();
    for &(prefix, length, precedence, label) in rows {
        let prefix = prefix.parse().unwrap();
        table.retain(|row| (row.prefix, row.length) != (prefix, length));
        table.push(PolicyRow {
            prefix,
            length,
            precedence,
            label,
        });
    }
    table
}

fn policy(table: &[PolicyRow]) -> Policy<'_> {
    Policy {
        table,
        prefer_temporary: true,
    }
}

// RFC 6724 §10.1. The row about home addresses does not apply.

#[test]
fn rfc6724_10_1_global_destination_takes_global_source() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:3::1", "fe80::1"],
        "2001:db8:3::1",
    );
}

#[test]
fn rfc6724_10_1_site_local_group_takes_global_source() {
    assert_source("ff05::1", &["2001:db8:3::1", "fe80::1"], "2001:db8:3::1");
}

#[test]
fn rfc6724_10_1_same_address_wins_even_if_deprecated() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:1::1 deprecated", "2001:db8:2::1"],
        "2001:db8:1::1",
    );
}

#[test]
fn rfc6724_10_1_link_local_destination_takes_link_local_source_even_if_deprecated() {
    assert_source(
        "fe80::1",
        &["fe80::2 deprecated", "2001:db8:1::1"],
        "fe80::2",
    );
}

#[test]
fn rfc6724_10_1_longest_matching_prefix_wins() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:1::2", "2001:db8:3::2"],
        "2001:db8:1::2",
    );
}

#[test]
fn rfc6724_10_1_matching_label_wins() {
    assert_source(
        "2002:c633:6401::1",
        &[
            "2002:c633:6401::d5e3:7953:13eb:22e8 temporary",
            "2001:db8:1::2",
        ],
        "2002:c633:6401::d5e3:7953:13eb:22e8",
    );
}

#[test]
fn rfc6724_10_1_temporary_address_wins_unless_the_policy_is_against_it() {
    let candidates = [
        "2001:db8:1::2",
        "2001:db8:1:0:d5e3:7953:13eb:22e8 temporary",
    ];
    let destination = "2001:db8:1:0:d5e3::1";
    assert_source(destination, &candidates, "2001:db8:1:0:d5e3:7953:13eb:22e8");
    let public = Policy {
        prefer_temporary: false,
        ..Policy::default()
    };
    assert_eq!(
        select_with(&public, destination, &candidates),
        Some(ip("2001:db8:1::2"))
    );
}

// RFC 6724 §10.2. The row about home addresses does not apply.

#[test]
fn rfc6724_10_2_matching_scope_prefers_ipv6_over_autoconfigured_ipv4() {
    assert_order(
        &["2001:db8:1::2", "fe80::1", "169.254.13.78"],
        &[
            ("2001:db8:1::1", "2001:db8:1::2"),
            ("198.51.100.121", "169.254.13.78"),
        ],
    );
}

#[test]
fn rfc6724_10_2_matching_scope_prefers_ipv4_over_link_local_ipv6() {
    assert_order(
        &["fe80::1", "198.51.100.117"],
        &[
            ("198.51.100.121", "198.51.100.117"),
            ("2001:db8:1::1", "fe80::1"),
        ],
    );
}

#[test]
fn rfc6724_10_2_higher_precedence_prefers_ipv6() {
    assert_order(
        &["2001:db8:1::2", "fe80::1", "10.1.2.4"],
        &[("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4")],
    );
}

#[test]
fn rfc6724_10_2_smaller_scope_comes_first() {
    assert_order(
        &["2001:db8:1::2", "fe80::2"],
        &[("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2")],
    );
}

#[test]
fn rfc6724_10_2_deprecated_source_comes_last() {
    assert_order(
        &["2001:db8:1::2", "fe80::2 deprecated"],
        &[("2001:db8:1::1", "2001:db8:1::2"), ("fe80::1", "fe80::2")],
    );
}

#[test]
fn rfc6724_10_2_longest_matching_prefix_comes_first() {
    assert_order(
        &["2001:db8:1::2", "2001:db8:3f44::2", "fe80::2"],
        &[
            ("2001:db8:1::1", "2001:db8:1::2"),
            ("2001:db8:3ffe::1", "2001:db8:3f44::2"),
        ],
    );
}

#[test]
fn rfc6724_10_2_matching_label_comes_first() {
    assert_order(
        &["2002:c633:6401::2", "fe80::2"],
        &[
            ("2002:c633:6401::1", "2002:c633:6401::2"),
            ("2001:db8:1::1", "2002:c633:6401::2"),
        ],
    );
}

#[test]
fn rfc6724_10_2_native_ipv6_comes_before_6to4() {
    assert_order(
        &["2002:c633:6401::2", "2001:db8:1::2", "fe80::2"],
        &[
            ("2001:db8:1::1", "2001:db8:1::2"),
            ("2002:c633:6401::1", "2002:c633:6401::2"),
        ],
    );
}

#[test]
fn rfc6724_10_3_ipv4_can_be_preferred() {
    let table = table(&[("::ffff:0:0", 96, 100, 4)]);
    let policy = policy(&table);
    assert_order_with(
        &policy,
        &["2001:db8::2", "fe80::1", "169.254.13.78"],
        &[
            ("2001:db8::1", "2001:db8::2"),
            ("198.51.100.121", "169.254.13.78"),
        ],
    );
    assert_order_with(
        &policy,
        &["fe80::1", "198.51.100.117"],
        &[
            ("198.51.100.121", "198.51.100.117"),
            ("2001:db8::1", "fe80::1"),
        ],
    );
    assert_order_with(
        &policy,
        &["2001:db8::2", "fe80::1", "10.1.2.4"],
        &[("10.1.2.3", "10.1.2.4"), ("2001:db8::1", "2001:db8::2")],
    );
}

#[test]
fn rfc6724_10_4_global_can_be_preferred_over_link_local() {
    let table = table(&[("fe80::", 10, 33, 1)]);
    let policy = policy(&table);
    assert_order_with(
        &policy,
        &["2001:db8::2", "fe80::2"],
        &[("2001:db8::1", "2001:db8::2"), ("fe80::1", "fe80::2")],
    );
    assert_order_with(
        &policy,
        &["2001:db8::2 deprecated", "fe80::2"],
        &[("fe80::1", "fe80::2"), ("2001:db8::1", "2001:db8::2")],
    );
}

const SITE_A: [&str; 3] = ["2001:db8:1aaa::a", "2001:db8:70aa::a", "fe80::a"];

#[test]
fn rfc6724_10_5_multihomed_site_by_default_goes_by_prefix() {
    assert_order(
        &SITE_A,
        &[
            ("2001:db8:70bb::b", "2001:db8:70aa::a"),
            ("2001:db8:1bbb::b", "2001:db8:1aaa::a"),
        ],
    );
    assert_order(
        &SITE_A,
        &[
            ("2001:db8:1ccc::c", "2001:db8:1aaa::a"),
            ("2001:db8:6ccc::c", "2001:db8:70aa::a"),
        ],
    );
}

#[test]
fn rfc6724_10_5_multihomed_site_goes_by_configured_policy() {
    let table = table(&[
        ("2001:db8:1aaa::", 48, 43, 6),
        ("2001:db8:1bbb::", 48, 43, 6),
    ]);
    let policy = policy(&table);
    assert_order_with(
        &policy,
        &SITE_A,
        &[
            ("2001:db8:1bbb::b", "2001:db8:1aaa::a"),
            ("2001:db8:70bb::b", "2001:db8:70aa::a"),
        ],
    );
    assert_order_with(
        &policy,
        &SITE_A,
        &[
            ("2001:db8:6ccc::c", "2001:db8:70aa::a"),
            ("2001:db8:1ccc::c", "2001:db8:70aa::a"),
        ],
    );
}

const WITH_ULA: [&str; 2] = ["2001:db8:1::1", "fd11:1111:1111:1::1"];

#[test]
fn rfc6724_10_6_global_comes_before_unique_local_by_default() {
    assert_order(
        &WITH_ULA,
        &[
            ("2001:db8:2::2", "2001:db8:1::1"),
            ("fd22:2222:2222:2::2", "fd11:1111:1111:1::1"),
        ],
    );
}

#[test]
fn rfc6724_10_6_own_unique_local_prefix_can_be_preferred() {
    let table = table(&[("fd11:1111:1111::", 48, 45, 14)]);
    let policy = policy(&table);
    assert_order_with(
        &policy,
        &WITH_ULA,
        &[
            ("fd11:1111:1111:2::2", "fd11:1111:1111:1::1"),
            ("2001:db8:2::2", "2001:db8:1::1"),
        ],
    );
    // The RFC's example of another site's prefix: by default labels of both sources match.
    assert_eq!(
        ordered(
            &policy,
            &WITH_ULA,
            &["2001:db8:2::2", "fd22:2222:2222:2::2"]
        )[0]
        .0,
        ip("2001:db8:2::2")
    );
    assert_eq!(
        select_with(&policy, "ff00::1", &WITH_ULA),
        Some(ip("2001:db8:1::1"))
    );
}

#[test]
fn rfc6724_10_7_translated_ipv4_comes_before_6to4_by_default() {
    assert_order(
        &["2002:c633:6401::2", "10.1.2.3"],
        &[
            ("203.0.113.1", "10.1.2.3"),
            ("2001:db8:1::1", "2002:c633:6401::2"),
        ],
    );
    assert_order(
        &["2002:c633:6401::2", "10.1.2.3"],
        &[
            ("203.0.113.1", "10.1.2.3"),
            ("2002:c633:6401:2::2", "2002:c633:6401::2"),
        ],
    );
}

#[test]
fn rfc6724_10_7_own_6to4_prefix_can_be_preferred() {
    let table = table(&[("2002:c633:6401::", 48, 45, 14)]);
    assert_order_with(
        &policy(&table),
        &["2002:c633:6401:1::1", "10.1.2.3"],
        &[
            ("2002:c633:6401:2::2", "2002:c633:6401:1::1"),
            ("203.0.113.1", "10.1.2.3"),
        ],
    );
}

// The rules and candidates that the examples leave out.

#[test]
fn default_table_gives_rfc6724_2_1_precedence_and_label() {
    let policy = Policy::default();
    for (address, expected) in [
        ("::1", (50, 0)),
        ("2001:db8::1", (40, 1)),
        ("fe80::1", (40, 1)),
        ("10.0.0.1", (35, 4)),
        ("::ffff:10.0.0.1", (35, 4)),
        ("2002:c633:6401::1", (30, 2)),
        ("2001::1", (5, 5)),
        ("fd00::1", (3, 13)),
        ("::10.0.0.1", (1, 3)),
        ("fec0::1", (1, 11)),
        ("3ffe::1", (1, 12)),
    ] {
        assert_eq!(policy.lookup(ip(address)), expected, "{address}");
    }
}

#[test]
fn rows_of_the_table_may_stand_in_any_order() {
    let backwards: Vec<PolicyRow> = DEFAULT_POLICY.iter().rev().copied().collect();
    for address in ["::1", "2001:db8::1", "10.0.0.1", "2001::1", "::10.0.0.1"] {
        assert_eq!(
            policy(&backwards).lookup(ip(address)),
            Policy::default().lookup(ip(address))
        );
    }
}

#[test]
fn empty_table_still_selects() {
    let chosen = select_with(
        &policy(&[]),
        "2001:db8:1::1",
        &["2001:db8:2::1", "2001:db8:1::2"],
    );
    assert_eq!(chosen, Some(ip("2001:db8:1::2")));
}

#[test]
fn scopes_are_those_of_rfc6724_3() {
    for (address, scope) in [
        ("fe80::1", Scope::LINK_LOCAL),
        ("febf::1", Scope::LINK_LOCAL),
        ("fec0::1", Scope::SITE_LOCAL),
        ("::1", Scope::LINK_LOCAL),
        ("fd00::1", Scope::GLOBAL),
        ("fe00::1", Scope::GLOBAL),
        ("2001:db8::1", Scope::GLOBAL),
        ("ff02::1", Scope::LINK_LOCAL),
        ("ff15::1", Scope::SITE_LOCAL),
        ("ff0e::1", Scope::GLOBAL),
        ("127.0.0.1", Scope::LINK_LOCAL),
        ("169.254.1.1", Scope::LINK_LOCAL),
        ("10.0.0.1", Scope::GLOBAL),
        ("100.64.0.1", Scope::GLOBAL),
    ] {
        assert_eq!(Scope::of(ip(address)), scope, "{address}");
    }
}

#[test]
fn link_local_group_takes_link_local_source() {
    assert_source("ff02::1", &["2001:db8::1", "fe80::1"], "fe80::1");
}

#[test]
fn preferred_source_wins_over_a_deprecated_one() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:1::2 deprecated", "2001:db8:ffff::2"],
        "2001:db8:ffff::2",
    );
}

#[test]
fn source_of_the_outgoing_interface_wins() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:1::2 elsewhere", "2001:db8:ffff::2"],
        "2001:db8:ffff::2",
    );
}

#[test]
fn source_from_a_prefix_of_the_next_hop_wins() {
    assert_source(
        "2001:db8:1::1",
        &["2001:db8:1::2", "2001:db8:ffff::2 next-hop"],
        "2001:db8:ffff::2",
    );
}

#[test]
fn link_local_and_group_destinations_take_no_source_of_another_link() {
    let policy = Policy::default();
    for destination in ["fe80::1", "ff02::1", "ff0e::1"] {
        let candidates = ["fe80::2 elsewhere", "2001:db8::1 elsewhere"];
        assert_eq!(select_with(&policy, destination, &candidates), None);
    }
}

#[test]
fn tentative_unspecified_group_and_loopback_addresses_are_no_source() {
    let candidates = ["2001:db8::1 tentative", "::", "ff02::1", "::1", "10.0.0.1"];
    assert_eq!(
        select_with(&Policy::default(), "2001:db8::2", &candidates),
        None
    );
    assert_source("::1", &["::1"], "::1");
}

#[test]
fn first_of_equal_sources_wins() {
    let chosen = select_with(
        &Policy::default(),
        "2001:db9::1",
        &["2001:db8::1", "2001:db8::2"],
    );
    assert_eq!(chosen, Some(ip("2001:db8::1")));
}

#[test]
fn ipv4_source_is_the_one_on_the_subnet_of_the_next_hop_else_the_first_routable() {
    let candidates = || ["169.254.3.4", "10.1.1.2", "10.1.2.2"].map(source);
    let choose = |destination, next_hop| {
        source_address(
            ip(destination),
            ip(next_hop),
            candidates(),
            &Policy::default(),
        )
        .map(|s| s.address)
    };
    assert_eq!(choose("10.1.2.9", "10.1.2.9"), Some(ip("10.1.2.2")));
    assert_eq!(choose("192.0.2.1", "10.1.1.1"), Some(ip("10.1.1.2")));
    // Not an address that is good for one link only, not even there (RFC 3927 §2.6.1).
    assert_eq!(choose("169.254.3.9", "169.254.3.9"), Some(ip("10.1.1.2")));
    assert_eq!(choose("192.0.2.1", "10.9.9.9"), Some(ip("10.1.1.2")));
    assert_eq!(choose("10.1.1.2", "10.1.1.2"), Some(ip("10.1.1.2")));
}

#[test]
fn destination_without_source_or_reach_comes_last() {
    let usable = Destination {
        address: ip("2001:db8:1::1"),
        source: Some(source("fe80::1 deprecated")),
        unreachable: false,
        encapsulated: true,
    };
    let sourceless = Destination {
        address: ip("2001:db8:2::1"),
        source: None,
        unreachable: false,
        encapsulated: false,
    };
    let unreachable = Destination {
        address: ip("2001:db8:3::1"),
        source: Some(source("2001:db8:3::2")),
        unreachable: true,
        encapsulated: false,
    };
    let mut list = [sourceless, unreachable, usable];
    sort_destinations(&mut list, &Policy::default());
    assert_eq!(list, [usable, unreachable, sourceless]);
}

#[test]
fn native_transport_comes_before_a_tunnel() {
    let native = Destination {
        address: ip("2001:db8:ffff::1"),
        source: Some(source("2001:db8:1::1")),
        unreachable: false,
        encapsulated: false,
    };
    let tunnel = Destination {
        address: ip("2001:db8:1::2"),
        encapsulated: true,
        ..native
    };
    let mut list = [tunnel, native];
    sort_destinations(&mut list, &Policy::default());
    assert_eq!(list, [native, tunnel]);
}

#[test]
fn equal_destinations_stay_in_the_order_given() {
    let list = ["2001:db8:1::3", "2001:db8:1::1", "2001:db8:1::2"];
    let addresses: Vec<_> = ordered(&Policy::default(), &["2001:db8:1::9"], &list)
        .iter()
        .map(|(d, _)| *d)
        .collect();
    assert_eq!(addresses, list.map(ip));
}

proptest::proptest! {
    #[test]
    fn selection_and_sorting_take_any_addresses(
        addresses in proptest::collection::vec((proptest::num::u128::ANY, 0u8..=255, 0u8..32), 0..6),
        destinations in proptest::collection::vec(proptest::num::u128::ANY, 0..6),
    ) {
        let candidates: Vec<Source> = addresses
            .into_iter()
            .map(|(bits, prefix_length, flags)| Source {
                address: if bits & 1 == 0 {
                    Ipv6Addr::from_bits(bits).into()
                } else {
                    core::net::Ipv4Addr::from_bits((bits >> 64) as u32).into()
                },
                prefix_length,
                flags: SourceFlags::from_bits_truncate(flags),
            })
            .collect();
        let policy = Policy::default();
        let mut list: Vec<Destination> = destinations
            .into_iter()
            .map(|bits| {
                let address = Ipv6Addr::from_bits(bits).into();
                Destination {
                    address,
                    source: source_address(address, address, candidates.iter().copied(), &policy),
                    unreachable: bits & 2 == 0,
                    encapsulated: bits & 4 == 0,
                }
            })
            .collect();
        sort_destinations(&mut list, &policy);
        proptest::prop_assert!(list.windows(2).all(|pair| !pair[1].comes_before(&pair[0], &policy)));
    }
}
