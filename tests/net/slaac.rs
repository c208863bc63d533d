//! Stateless address autoconfiguration (RFC 4862 §5.5), opaque identifiers (RFC 7217), optimistic
//! addresses (RFC 4429).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use zonda::config::IPV6_ADDRESSES;
use zonda::iface::{AddressOrigin, AddressState, EventKind, IdentifierMode};

use crate::addresses::*;
use crate::frame::*;
use crate::network::*;

// ---- Making addresses ---------------------------------------------------------------------

#[test]
fn address_is_made_of_prefix_and_identifier_and_checked() {
    let a = checked(1);
    a.quiet();
    let mut events = a.stack().events();
    a.prefix("2001:db8:1:2::/64", 2 * HOUR, HOUR);
    let now = a.net.now();
    let made = a.made();
    let [.., e, f, g, h] = a.link_local().segments();
    let expected = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, e, f, g, h);
    assert_eq!((made.address, made.prefix_length), (expected, 64));
    assert_eq!(made.state, AddressState::Tentative);
    let left = |until: Option<zonda::time::Instant>| until.unwrap().since(now).as_secs();
    assert_eq!(left(made.preferred_until), u64::from(HOUR) - 1);
    assert_eq!(left(made.valid_until), 2 * u64::from(HOUR) - 1);
    let question = a.asks_for(expected).expect("it is checked");
    assert!(question.at.since(now) <= secs(1));
    a.settle();
    assert_eq!(a.state(expected), Some(AddressState::Preferred));
    let added = EventKind::AddressAdded(expected.into());
    assert_eq!(address_events(&mut events), [added]);
}

#[test]
fn question_after_an_advertisement_to_all_is_put_off_by_chance() {
    let delays: BTreeSet<_> = (1..12)
        .map(|seed| {
            let a = checked_from(seed, 1);
            a.quiet();
            let start = a.net.now();
            a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
            let question = a.asks_for(a.made().address).unwrap();
            question.at.since(start).as_millis()
        })
        .collect();
    assert!(delays.len() > 8, "{delays:?}");
    assert!(delays.iter().all(|delay| *delay <= 1_001), "{delays:?}");
}

#[test]
fn several_prefixes_make_several_addresses() {
    let a = checked(0);
    let one = prefix_option("fd01::/64", AUTONOMOUS | ON_LINK, FOR_EVER, FOR_EVER);
    let two = prefix_option("fd02::/64", AUTONOMOUS, FOR_EVER, FOR_EVER);
    a.net.settle();
    a.advertise(&join(&[&one, &two]));
    let made = a.of(AddressOrigin::Autoconfigured);
    let prefixes: Vec<_> = made
        .iter()
        .map(|known| known.address.segments()[0])
        .collect();
    assert_eq!(prefixes, [0xfd01, 0xfd02]);
    assert!(made.iter().all(|known| known.valid_until.is_none()));
}

#[test]
fn prefixes_that_no_address_is_to_be_made_of_are_ignored() {
    let a = checked(0);
    a.net.settle();
    for option in [
        // RFC 4861 §4.6.2: not to make addresses of.
        prefix_option("fd01::/64", ON_LINK, FOR_EVER, FOR_EVER),
        prefix_option("fe80::/64", AUTONOMOUS, FOR_EVER, FOR_EVER),
        // Preferred for longer than it is valid.
        prefix_option("fd01::/64", AUTONOMOUS, HOUR, HOUR + 1),
        prefix_option("fd01::/64", AUTONOMOUS, 0, 0),
        // With an identifier of 64 bits they do not make 128.
        prefix_option("fd01::/63", AUTONOMOUS, FOR_EVER, FOR_EVER),
        prefix_option("fd01::/65", AUTONOMOUS, FOR_EVER, FOR_EVER),
        prefix_option("fd01::/0", AUTONOMOUS, FOR_EVER, FOR_EVER),
        prefix_option("fd01::/128", AUTONOMOUS, FOR_EVER, FOR_EVER),
        prefix_option("ff02::/64", AUTONOMOUS, FOR_EVER, FOR_EVER),
    ] {
        a.advertise(&option);
        assert_eq!(a.of(AddressOrigin::Autoconfigured), []);
    }
    assert_eq!(a.addresses().len(), 1);
}

#[test]
fn autoconfiguration_can_be_turned_off() {
    let a = checked(0);
    a.net.settle();
    assert!(a.stack().set_autoconfiguration(a.id(), false));
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    assert_eq!(a.of(AddressOrigin::Autoconfigured), []);
    assert!(a.stack().set_autoconfiguration(a.id(), true));
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    assert_eq!(a.of(AddressOrigin::Autoconfigured).len(), 1);
    assert!(!a.stack().set_autoconfiguration(9, true));
}

#[test]
fn address_that_somebody_has_set_stays_as_it_is() {
    let a = checked(0);
    a.net.settle();
    let [.., e, f, g, h] = a.link_local().segments();
    let own = Ipv6Addr::new(0xfd01, 0, 0, 0, e, f, g, h);
    a.add(&own.to_string());
    a.prefix("fd01::/64", HOUR, HOUR);
    let known = a.find(own).unwrap();
    assert_eq!(
        (known.origin, known.valid_until),
        (AddressOrigin::Static, None)
    );
}

#[test]
fn defect_041_prefix_of_an_autoconfigured_address_is_not_on_the_link_by_itself() {
    let a = checked(0);
    a.net.settle();
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    let socket = a.host.udp("[::]:0");
    a.peer.take();
    // Another address of the prefix is no neighbour (RFC 5942 §4).
    let _ = socket.try_send_to(b"data", Some((ip6("fd01::9"), 9).into()));
    a.net.run_for(ms(5));
    let asked = |target| {
        let frames = a.peer.take();
        (frames.iter()).any(|frame| {
            let ip = read(frame).ip().unwrap();
            ip.discovery(135).is_some_and(|(_, seen, _)| seen == target)
        })
    };
    assert!(!asked(ip6("fd01::9")));
}

#[test]
fn duplicate_of_an_autoconfigured_address_is_kept_as_such() {
    let a = checked(1);
    a.quiet();
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    let address = a.made().address;
    a.asks_for(address).unwrap();
    a.claim(address);
    assert_eq!(a.made().state, AddressState::Duplicate);
    // The next advertisement does not begin it all again.
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    a.net.run_for(secs(5));
    assert_eq!(a.made().state, AddressState::Duplicate);
    assert_eq!(a.counters().duplicates, 1);
    assert_eq!(a.state(a.link_local()), Some(AddressState::Preferred));
}

// ---- Lifetimes ----------------------------------------------------------------------------

#[test]
fn defect_038_two_hour_rule() {
    let a = checked(0);
    a.net.settle();
    a.prefix("fd01::/64", 10 * HOUR, HOUR);
    assert_eq!(a.valid_for(), Some(36_000));
    // More than two hours are believed.
    a.prefix("fd01::/64", 3 * HOUR, HOUR);
    assert_eq!(a.valid_for(), Some(10_800));
    // Less makes it two hours.
    a.prefix("fd01::/64", 10, 10);
    assert_eq!(a.valid_for(), Some(7_200));
    a.prefix("fd01::/64", 0, 0);
    assert_eq!(a.valid_for(), Some(7_200));
    // With less than two hours left only more is believed.
    a.net.run_for(secs(3_600));
    a.prefix("fd01::/64", 10, 10);
    assert_eq!(a.valid_for(), Some(3_600));
    a.prefix("fd01::/64", 4_000, 10);
    assert_eq!(a.valid_for(), Some(4_000));
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    assert_eq!(a.valid_for(), None);
}

#[test]
fn preferred_lifetime_is_always_believed() {
    let a = checked(0);
    a.net.settle();
    a.prefix("fd01::/64", HOUR, HOUR);
    let address = a.made().address;
    let mut events = a.stack().events();
    a.prefix("fd01::/64", 10, 0);
    assert_eq!(a.made().state, AddressState::Deprecated);
    assert_eq!(a.valid_for(), Some(3_600));
    a.prefix("fd01::/64", HOUR, HOUR);
    assert_eq!(a.made().state, AddressState::Preferred);
    let expected = [
        EventKind::AddressDeprecated(address.into()),
        EventKind::AddressPreferred(address.into()),
    ];
    assert_eq!(address_events(&mut events), expected);
}

#[test]
fn network_that_is_renumbered_has_its_old_address_deprecated_and_then_removed() {
    let a = checked(0);
    a.net.settle();
    a.prefix("fd01::/64", HOUR, HOUR);
    let old = a.made().address;
    let new = prefix_option("fd02::/64", AUTONOMOUS, FOR_EVER, FOR_EVER);
    a.advertise(&join(&[
        &prefix_option("fd01::/64", AUTONOMOUS, 0, 0),
        &new,
    ]));
    assert_eq!(a.state(old), Some(AddressState::Deprecated));
    // The new one is the source of what begins now.
    a.peer.take();
    let socket = a.host.udp("[::]:0");
    let group = ip6("ff0e::1");
    socket
        .try_send_to(b"data", Some((group, 9).into()))
        .unwrap();
    a.net.run_for(ms(1));
    let source = read(&a.peer.next().unwrap()).ip().unwrap().source;
    assert!(matches!(source, IpAddr::V6(source) if source.segments()[0] == 0xfd02));
    // What is under way goes on.
    a.peer.answer_for([10, 0, 0, 9].into(), ip6(GATEWAY));
    assert_eq!(a.ping(ip6(GATEWAY), old), 1);
    a.net.run_for(secs(3_601));
    assert_eq!(a.state(old), None);
    assert_eq!(a.made().state, AddressState::Preferred);
}

// ---- Floods -------------------------------------------------------------------------------

#[test]
fn flood_of_prefixes_fills_no_more_than_the_table_and_moves_nobody_out() {
    let a = checked(1);
    let own = a.add("fd00::1");
    a.quiet();
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    let first = a.made().address;
    a.settle();
    for n in 0..2_000 {
        a.prefix(&format!("fd02:{n:x}::/64"), FOR_EVER, FOR_EVER);
    }
    assert_eq!(a.addresses().len(), IPV6_ADDRESSES);
    for address in [a.link_local(), own, first] {
        assert_eq!(a.state(address), Some(AddressState::Preferred));
    }
    let free = IPV6_ADDRESSES - 3;
    assert_eq!(a.counters().refused as usize, 2_000 - free);
    a.settle();
    assert!(
        a.addresses()
            .iter()
            .all(|known| known.state == AddressState::Preferred)
    );
}

#[test]
fn duplicate_gives_way_to_a_new_prefix() {
    let a = checked(1);
    a.quiet();
    a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
    let duplicate = a.made().address;
    a.asks_for(duplicate).unwrap();
    a.claim(duplicate);
    for n in 2..IPV6_ADDRESSES {
        a.prefix(&format!("fd0{n}::/64"), FOR_EVER, FOR_EVER);
    }
    assert_eq!(a.addresses().len(), IPV6_ADDRESSES);
    a.prefix("fdff::/64", FOR_EVER, FOR_EVER);
    assert_eq!(a.addresses().len(), IPV6_ADDRESSES);
    assert_eq!(a.find(duplicate), None);
    assert_eq!(a.counters().refused, 0);
}

// ---- Identifiers --------------------------------------------------------------------------

const KEY: IdentifierMode = IdentifierMode::Opaque([0x5a; 16]);

fn identifier(address: Ipv6Addr) -> u64 {
    address.to_bits() as u64
}

#[test]
fn opaque_identifiers_differ_from_network_to_network_and_stay_the_same_in_one() {
    let make = || {
        let a = checked(0);
        let of_hardware = a.link_local();
        assert!(a.stack().set_identifier_mode(a.id(), KEY));
        a.net.settle();
        assert_eq!(a.find(of_hardware), None);
        a.prefix("fd01::/64", FOR_EVER, FOR_EVER);
        a.prefix("fd02::/64", FOR_EVER, FOR_EVER);
        let addresses = a.addresses().into_iter();
        let identifiers: Vec<_> = addresses.map(|known| identifier(known.address)).collect();
        assert!(!identifiers.contains(&identifier(of_hardware)));
        identifiers
    };
    let identifiers = make();
    assert_eq!(identifiers.len(), 3);
    assert_eq!(identifiers.iter().collect::<BTreeSet<_>>().len(), 3);
    // After a restart they are the same.
    assert_eq!(make(), identifiers);
}

#[test]
fn opaque_identifier_that_is_a_duplicate_is_followed_by_another() {
    let a = checked(1);
    assert!(a.stack().set_identifier_mode(a.id(), KEY));
    let first = a.link_local();
    a.asks_for(first).unwrap();
    a.claim(first);
    assert_eq!(a.state(first), Some(AddressState::Duplicate));
    let start = a.net.now();
    assert!(a.net.run_until(secs(2), || a.link_local() != first));
    // RFC 7217 §6, §7: after up to IDGEN_DELAY, which is a second.
    assert!(a.net.now().since(start) <= secs(1));
    let second = a.link_local();
    assert_eq!(a.find(first), None);
    a.settle();
    assert_eq!(a.state(second), Some(AddressState::Preferred));
}

#[test]
fn opaque_identifiers_are_given_up_after_three_more_duplicates() {
    let a = checked(1);
    assert!(a.stack().set_identifier_mode(a.id(), KEY));
    let mut tried = BTreeSet::new();
    for _ in 0..4 {
        let address = a.link_local();
        assert!(tried.insert(address));
        a.asks_for(address).unwrap();
        a.claim(address);
        a.net.run_for(ms(1_001));
    }
    a.net.run_for(secs(10));
    assert!(tried.contains(&a.link_local()));
    assert_eq!(a.state(a.link_local()), Some(AddressState::Duplicate));
    assert_eq!(a.counters().duplicates, 4);
    // The hardware address is not at fault: IPv6 goes on with other addresses.
    let other = a.add("fd00::1");
    a.settle();
    assert_eq!(a.state(other), Some(AddressState::Preferred));
}

#[test]
fn opaque_address_of_a_prefix_that_is_a_duplicate_keeps_its_lifetimes() {
    let a = checked(1);
    assert!(a.stack().set_identifier_mode(a.id(), KEY));
    a.quiet();
    a.prefix("fd01::/64", 10 * HOUR, HOUR);
    let first = a.made();
    a.asks_for(first.address).unwrap();
    a.claim(first.address);
    a.net.run_for(ms(1_001));
    let second = a.made();
    assert_ne!(second.address, first.address);
    assert_eq!(second.valid_until, first.valid_until);
    assert_eq!(second.preferred_until, first.preferred_until);
}

#[test]
fn new_identifier_mode_brings_ipv6_back_after_a_duplicate_hardware_address() {
    let a = checked(1);
    let global = a.add("fd00::1");
    let first = a.link_local();
    a.asks_for(first).unwrap();
    a.claim(first);
    a.net.run_for(secs(5));
    assert_ne!(a.state(global), Some(AddressState::Preferred));
    assert!(a.stack().set_identifier_mode(a.id(), KEY));
    a.settle();
    assert_eq!(a.state(global), Some(AddressState::Preferred));
    assert_eq!(a.state(a.link_local()), Some(AddressState::Preferred));
    assert!(!a.stack().set_identifier_mode(9, KEY));
}

#[test]
fn nobody_is_shown_the_key_of_identifiers() {
    assert_eq!(format!("{KEY:?}"), "Opaque");
}
