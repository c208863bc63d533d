//! ARP, and addresses that are no neighbour's.

use super::*;

// ARP.

#[test]
fn arp_reply_we_asked_for_makes_reachable_and_sends() {
    let mut bench = Bench::new();
    assert_eq!(bench.wait(v4(1), 9), (true, None));
    assert_eq!(bench.arp(1, MAC, true, true), [9]);
    assert_eq!(bench.state(v4(1)), Some(Reachable));
    assert_eq!(bench.lookup(v4(1)), Some(MAC));
}

#[test]
fn arp_request_for_us_creates_stale() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, true).is_empty());
    assert_eq!(bench.state(v4(1)), Some(Stale));
}

#[test]
fn arp_reply_nobody_asked_for_creates_no_entry() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, true, true).is_empty());
    assert!(bench.arp(1, MAC, true, false).is_empty());
    assert_eq!(bench.cache.iter(bench.now).count(), 0);
}

#[test]
fn arp_request_for_another_creates_no_entry_but_updates_one() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, false).is_empty());
    assert_eq!(bench.state(v4(1)), None);
    bench.ask(v4(1));
    assert_eq!(bench.arp(1, MAC, false, false), [0]);
    assert_eq!(bench.state(v4(1)), Some(Stale));
    assert!(bench.arp(1, OTHER_MAC, false, false).is_empty());
    assert_eq!(bench.link(v4(1)), Some(OTHER_MAC));
}

#[test]
fn gratuitous_arp_supersedes_the_address_and_makes_stale() {
    for is_reply in [false, true] {
        let mut bench = Bench::new();
        bench.ask(v4(1));
        assert_eq!(bench.arp(1, MAC, true, true), [0]);
        assert!(bench.arp(1, OTHER_MAC, is_reply, false).is_empty());
        assert_eq!(bench.state(v4(1)), Some(Stale));
        assert_eq!(bench.link(v4(1)), Some(OTHER_MAC));
    }
}

#[test]
fn arp_reply_nobody_asked_for_confirms_nothing() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, true).is_empty());
    assert!(bench.arp(1, MAC, true, true).is_empty());
    assert_eq!(bench.state(v4(1)), Some(Stale));
}

#[test]
fn arp_probe_without_sender_address_is_no_neighbour() {
    let mut bench = Bench::new();
    assert!(bench.arp(0, MAC, false, true).is_empty());
    let probe = ArpSender {
        address: Ipv4Addr::UNSPECIFIED,
        link: MAC,
        is_reply: false,
        for_us: true,
    };
    drop(bench.cache.arp(bench.now, probe));
    assert_eq!(bench.state(Ipv4Addr::UNSPECIFIED), None);
}

#[test]
fn stale_arp_entry_is_polled_by_unicast_and_confirmed_by_the_reply() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, true).is_empty());
    assert_eq!(bench.lookup(v4(1)), Some(MAC));
    let poll = Done::Solicit(v4(1).into(), Some(MAC));
    assert_eq!(bench.after(DELAY_FIRST_PROBE), [poll]);
    assert!(bench.arp(1, MAC, true, true).is_empty());
    assert_eq!(bench.state(v4(1)), Some(Reachable));
}

#[test]
fn arp_entry_that_does_not_answer_polls_is_flushed() {
    let mut bench = Bench::new();
    assert!(bench.arp(1, MAC, false, true).is_empty());
    assert_eq!(bench.lookup(v4(1)), Some(MAC));
    let mut done = bench.after(DELAY_FIRST_PROBE);
    for _ in 0..3 {
        done.extend(bench.after(RETRANS));
    }
    assert_eq!(done.len(), 4);
    assert_eq!(bench.state(v4(1)), None);
}

// Addresses that are no neighbour's.

#[test]
fn group_and_empty_link_addresses_are_not_believed() {
    for bad in [
        LinkAddr::ETHERNET_BROADCAST,
        LinkAddr::ethernet([0x33, 0x33, 0, 0, 0, 1]),
        LinkAddr::NONE,
    ] {
        let mut bench = Bench::with(Incomplete);
        assert!(bench.advertise(A, "SO", Some(bad)).is_empty());
        assert!(bench.solicited_by(A, Some(bad)).is_empty());
        assert!(bench.arp(1, bad, false, true).is_empty());
        assert_eq!(bench.state(v6(A)), Some(Incomplete));
        assert_eq!(bench.state(v4(1)), None);
        assert_eq!(bench.counters().bad_addresses, 3);
        let result = bench.cache.set_static(bench.now, v4(1).into(), bad);
        assert_eq!(result.err(), Some(NeighborError::Address));
    }
}

#[test]
fn groups_and_the_unspecified_address_are_not_resolved() {
    let mut bench = Bench::new();
    for address in ["ff02::1", "::"] {
        let address: Ipv6Addr = address.parse().unwrap();
        assert!(bench.is_refused(address));
        drop((bench.cache).discovered(bench.now, address, Some(MAC), None));
    }
    assert!(bench.is_refused(Ipv4Addr::new(224, 0, 0, 1)));
    assert_eq!(bench.cache.iter(bench.now).count(), 0);
}
