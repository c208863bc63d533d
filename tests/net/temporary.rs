//! Temporary addresses (RFC 8981).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use zonda::config::{TEMP_PREFERRED_LIFETIME, TEMP_VALID_LIFETIME};
use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{AddressOrigin, AddressState, Ipv6Address};
use zonda::socket::{SourcePreference, TcpSocket};
use zonda::time::Duration;

use crate::addresses::*;
use crate::frame::*;
use crate::network::*;

const PREFIX: &str = "fd01::/64";
const DAY: u64 = 86_400;

/// A host that makes temporary addresses, without (0) or with a check for duplicates.
fn private(transmits: u8) -> Checked {
    private_from(1, transmits)
}

fn private_from(seed: u64, transmits: u8) -> Checked {
    let a = checked_from(seed, transmits);
    assert!(a.stack().set_temporary_addresses(a.id(), true));
    a.quiet();
    a
}

impl Checked {
    fn temporary(&self) -> Vec<Ipv6Address> {
        self.of(AddressOrigin::Temporary)
    }

    #[track_caller]
    fn one(&self) -> Ipv6Address {
        let temporary = self.temporary();
        assert_eq!(temporary.len(), 1, "{temporary:?}");
        temporary[0]
    }

    /// Seconds for which an address is preferred and valid yet.
    fn left(&self, known: Ipv6Address) -> (u64, u64) {
        let left = |until: Option<zonda::time::Instant>| {
            until.expect("an end").since(self.net.now()).as_secs()
        };
        (left(known.preferred_until), left(known.valid_until))
    }

    /// The source of a datagram to everywhere.
    fn source(&self) -> IpAddr {
        self.peer.take();
        let socket = self.host.udp("[::]:0");
        let to = Some((ip6("ff0e::1"), 9).into());
        socket.try_send_to(b"data", to).unwrap();
        self.net.run_for(ms(1));
        read(&self.peer.next().unwrap()).ip().unwrap().source
    }
}

#[test]
fn temporary_address_is_made_beside_that_of_a_prefix_and_preferred_as_a_source() {
    let a = private(1);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let (public, temporary) = (a.made().address, a.one());
    assert_eq!(temporary.state, AddressState::Tentative);
    let [p, ..] = temporary.address.segments();
    assert_eq!((p, temporary.prefix_length), (0xfd01, 64));
    assert_ne!(temporary.address, public);
    assert!(a.asks_for(temporary.address).is_some(), "it is checked");
    a.settle();
    assert_eq!(a.source(), IpAddr::V6(temporary.address));
    a.stack().set_prefer_temporary(false);
    assert_eq!(a.source(), IpAddr::V6(public));
}

#[test]
fn socket_prefers_temporary_or_public_sources_whatever_the_stack_does() {
    let a = private(0);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let (public, temporary) = (a.made().address, a.one().address);
    let neighbor = ip6("fd02::9");
    a.peer.answer_for([10, 0, 0, 9].into(), neighbor);
    let route = Route {
        prefix: Prefix::new(neighbor.into(), 128).unwrap(),
        gateway: None,
        interface: a.id(),
        metric: 0,
        expires: None,
        origin: RouteOrigin::Static,
    };
    a.stack().add_route(route).unwrap();
    let source = |preference| {
        a.peer.take();
        let socket = a.host.udp("[::]:0");
        socket.set_source_preference(Some(SourcePreference::Public));
        socket.set_source_preference(preference);
        let to = Some((ip6("ff0e::1"), 9).into());
        socket.try_send_to(b"data", to).unwrap();
        a.net.run_for(ms(1));
        let datagram = read(&a.peer.next().unwrap()).ip().unwrap();
        if let Some(preference) = preference {
            let remote = (neighbor, 9).into();
            let connecting = TcpSocket::connect_preferring(a.stack(), preference, remote);
            let connecting = a.net.spawn(connecting);
            a.net.run_for(ms(1));
            let frames = a.peer.take().into_iter();
            let packets = frames.filter_map(|frame| read(&frame).ip());
            let mut segments = packets.filter(|ip| ip.protocol == 6);
            assert_eq!(segments.next().unwrap().source, datagram.source);
            drop(connecting);
        }
        datagram.source
    };
    for stack_prefers in [true, false] {
        a.stack().set_prefer_temporary(stack_prefers);
        let usual = if stack_prefers { temporary } else { public };
        assert_eq!(source(None), usual);
        assert_eq!(source(Some(SourcePreference::Temporary)), temporary);
        assert_eq!(source(Some(SourcePreference::Public)), public);
        assert_eq!(a.source(), IpAddr::V6(usual), "others are as before");
    }
}

#[test]
fn identifiers_are_random_and_each_prefix_has_its_own() {
    let identifiers: BTreeSet<_> = (1..8)
        .flat_map(|seed| {
            let a = private_from(seed, 0);
            a.prefix(PREFIX, FOR_EVER, FOR_EVER);
            let first = a.one().address;
            a.remove(a.made().address);
            a.prefix("fd02::/64", FOR_EVER, FOR_EVER);
            let mut temporary = a.temporary();
            temporary.retain(|known| known.address != first);
            [first, temporary[0].address].map(|address| address.to_bits() as u64)
        })
        .collect();
    assert_eq!(identifiers.len(), 14);
}

#[test]
fn lifetimes_are_those_of_the_prefix_but_no_longer_than_a_temporary_address_may_last() {
    let preferred: BTreeSet<_> = (1..12)
        .map(|seed| {
            let a = private_from(seed, 0);
            a.prefix(PREFIX, FOR_EVER, FOR_EVER);
            let (preferred, valid) = a.left(a.one());
            assert_eq!(valid + 1, TEMP_VALID_LIFETIME as u64);
            assert!(preferred < TEMP_PREFERRED_LIFETIME as u64);
            // DESYNC_FACTOR is 0.4 of it at most.
            assert!(preferred + 1 >= TEMP_PREFERRED_LIFETIME as u64 * 6 / 10);
            preferred
        })
        .collect();
    assert!(preferred.len() > 8, "they are not in step: {preferred:?}");
    let a = private(0);
    a.prefix(PREFIX, 2 * HOUR, HOUR);
    assert_eq!(
        a.left(a.one()),
        (u64::from(HOUR) - 1, 2 * u64::from(HOUR) - 1)
    );
}

#[test]
fn advertisements_do_not_prolong_a_temporary_address_beyond_its_limits() {
    let a = private(0);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let before = a.one();
    a.net.run_for(secs(10_000));
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_eq!(a.one(), before);
    // They shorten it, and bring it back.
    a.prefix(PREFIX, 3 * HOUR, HOUR);
    assert_eq!(
        a.left(a.one()),
        (u64::from(HOUR) - 1, 3 * u64::from(HOUR) - 1)
    );
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_eq!(a.one(), before);
}

#[test]
fn temporary_address_has_a_successor_before_it_is_deprecated() {
    let a = private(1);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let first = a.one();
    a.settle();
    let (preferred, valid) = a.left(first);
    // REGEN_ADVANCE: two seconds, and three checks of one RetransTimer.
    a.net.run_for(secs(preferred - 5));
    assert_eq!(a.temporary().len(), 1);
    a.net.run_for(secs(2));
    let second = a.temporary()[1];
    a.net.run_for(ms(2_100));
    assert_eq!(a.state(first.address), Some(AddressState::Preferred));
    assert_eq!(a.state(second.address), Some(AddressState::Preferred));
    a.net.run_for(secs(2));
    assert_eq!(a.state(first.address), Some(AddressState::Deprecated));
    assert_eq!(a.source(), IpAddr::V6(second.address));
    // It is there for those who use it until it is no longer valid, or its place is wanted.
    a.net.run_for(secs(40_000));
    assert_eq!(a.state(first.address), Some(AddressState::Deprecated));
    a.net.run_for(secs(valid - preferred));
    assert_eq!(a.state(first.address), None);
}

#[test]
fn there_is_a_preferred_temporary_address_every_hour_of_a_month() {
    let a = private(1);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    a.settle();
    let mut seen = BTreeSet::new();
    for hour in 0..30 * 24 {
        a.prefix(PREFIX, FOR_EVER, FOR_EVER);
        a.net.run_for(secs(3_600));
        let temporary = a.temporary();
        let preferred = temporary
            .iter()
            .filter(|t| t.state == AddressState::Preferred);
        assert!(
            (1..=2).contains(&preferred.count()),
            "hour {hour}: {temporary:?}"
        );
        seen.extend(temporary.iter().map(|known| known.address));
        assert_eq!(a.made().state, AddressState::Preferred);
        a.peer.take();
    }
    assert!((30..=51).contains(&seen.len()), "{}", seen.len());
}

#[test]
fn no_temporary_address_is_made_that_would_not_last() {
    let a = private(1);
    // REGEN_ADVANCE is five seconds.
    a.prefix(PREFIX, HOUR, 5);
    assert_eq!(a.temporary(), []);
    a.prefix(PREFIX, HOUR, 7);
    assert_eq!(a.temporary().len(), 1);
}

#[test]
fn temporary_address_that_a_router_deprecates_has_no_successor() {
    let a = private(0);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.one().address;
    a.prefix(PREFIX, FOR_EVER, 0);
    a.net.run_for(secs(60));
    assert_eq!(a.one().address, address);
    assert_eq!(a.one().state, AddressState::Deprecated);
    // Nor does it multiply when the router changes its mind, again and again.
    for _ in 0..10 {
        a.prefix(PREFIX, FOR_EVER, FOR_EVER);
        assert_eq!(a.one().state, AddressState::Preferred);
        a.prefix(PREFIX, FOR_EVER, 0);
        assert_eq!(a.one().address, address);
    }
}

#[test]
fn duplicate_is_followed_by_another_and_given_up_after_three() {
    let a = private(1);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let mut tried: BTreeSet<Ipv6Addr> = BTreeSet::new();
    for _ in 0..4 {
        let address = a.one().address;
        assert!(tried.insert(address));
        assert!(a.asks_for(address).is_some());
        a.claim(address);
        a.net.run_for(ms(1_001));
    }
    assert_eq!(a.one().state, AddressState::Duplicate);
    assert!(tried.contains(&a.one().address));
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    a.net.run_for(secs(60));
    assert_eq!(a.one().state, AddressState::Duplicate);
    assert_eq!(a.counters().duplicates, 4);
    assert_eq!(a.made().state, AddressState::Preferred);
}

#[test]
fn temporary_addresses_can_be_turned_off() {
    let a = private(0);
    assert!(a.stack().set_temporary_addresses(a.id(), false));
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_eq!(a.temporary(), []);
    assert!(a.stack().set_temporary_addresses(a.id(), true));
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    let address = a.one().address;
    // One that is there gets no successor.
    assert!(a.stack().set_temporary_addresses(a.id(), false));
    a.net.run_for(Duration::from_secs(DAY + 1));
    assert_eq!(a.one().address, address);
    assert_eq!(a.one().state, AddressState::Deprecated);
    assert!(!a.stack().set_temporary_addresses(9, true));
}

#[test]
fn link_that_comes_up_again_has_new_temporary_addresses() {
    let a = private(1);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    a.settle();
    let (public, old) = (a.made().address, a.one().address);
    a.link.down();
    a.net.run_for(ms(1));
    a.link.up();
    a.net.run_for(ms(1));
    assert_eq!(a.temporary(), []);
    a.prefix(PREFIX, FOR_EVER, FOR_EVER);
    assert_ne!(a.one().address, old);
    assert_eq!(a.made().address, public);
}

#[test]
fn storm_of_discovery_leaves_the_table_whole_and_no_group_behind() {
    for seed in 1..6 {
        let a = private_from(seed, 1);
        let own = a.add("fd00::1");
        let mut random = a.net.random();
        if seed % 2 == 0 {
            let mut key = [0; 16];
            random.fill(&mut key);
            let mode = zonda::iface::IdentifierMode::Opaque(key);
            assert!(a.stack().set_identifier_mode(a.id(), mode));
        }
        for _ in 0..2_000 {
            let addresses = a.addresses();
            let any = addresses[random.below(addresses.len())].address;
            let lifetimes = [0, 1, 6, HOUR, 3 * HOUR, FOR_EVER];
            match random.below(12) {
                0 => a.ask(any, &[]),
                1 => a.claim(any),
                2..7 => {
                    let prefix = format!("fd0{}::/64", 1 + random.below(5));
                    let [valid, preferred] = [(); 2].map(|()| lifetimes[random.below(6)]);
                    a.prefix(&prefix, valid, preferred);
                }
                7 => {
                    a.link.down();
                    a.net.run_for(ms(random.below(50) as u64));
                    a.link.up();
                }
                8 => {
                    let _: bool = a.stack().set_dad_transmits(a.id(), random.below(3) as u8);
                }
                9 => a.net.run_for(secs(random.below(4_000) as u64)),
                _ => a.net.run_for(ms(random.below(2_000) as u64)),
            }
            let addresses = a.addresses();
            let distinct: BTreeSet<_> = addresses.iter().map(|known| known.address).collect();
            assert_eq!(distinct.len(), addresses.len());
            assert!(distinct.contains(&own), "what somebody has set stays");
            let link_local = addresses
                .iter()
                .filter(|k| k.address.is_unicast_link_local());
            assert_eq!(link_local.count(), 1);
            let expired = addresses
                .iter()
                .find(|k| k.valid_until.is_some_and(|until| until < a.net.now()));
            assert_eq!(expired, None);
            a.peer.take();
        }
        // A link without duplicates is as good as new.
        assert!(a.stack().set_dad_transmits(a.id(), 1));
        a.link.down();
        a.net.run_for(ms(1));
        a.link.up();
        a.settle();
        for known in a.addresses() {
            let is_used = matches!(
                known.state,
                AddressState::Preferred | AddressState::Deprecated
            );
            assert!(is_used, "{known:?}");
            assert!(a.remove(known.address));
        }
        let socket = a.host.udp("[::]:0");
        for n in 0..zonda::config::GROUPS {
            let group = ip6(&format!("ff05::{n}"));
            socket.join(group.into(), a.id()).expect("room for a group");
        }
    }
}
