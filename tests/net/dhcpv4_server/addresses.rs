//! Which address a client gets, and what a flood of strangers can do (RFC 2131 §4.3.1).

use std::collections::BTreeSet;

use super::*;

fn hardware(client: Mac) -> ReservedFor<'static> {
    ReservedFor::Hardware(LinkAddr::ethernet(client))
}

#[test]
fn wanted_address_is_given_if_it_is_to_be_had() {
    let world = world(usual(), 8);
    let wants = |client, number| world.ask(&Message::new(DISCOVER, client).wants(host(number)));
    assert_eq!(wants(ALICE, 102).yours(), host(102));
    world.take(ALICE, host(102));
    assert_ne!(wants(BOB, 102).yours(), host(102));
    // Its own goes before another that it wants.
    assert_eq!(wants(ALICE, 101).yours(), host(102));
    // Of no range, and of no network.
    assert!(wants(client(1), 99).yours() >= host(100));
    let elsewhere = Message::new(DISCOVER, client(2)).wants(Ipv4Addr::new(192, 0, 2, 1));
    assert!(world.ask(&elsewhere).yours() >= host(100));
}

#[test]
fn every_address_of_all_ranges_is_given_once() {
    let ranges = leak([
        AddressRange::new(host(0), host(69)),
        AddressRange::new(host(80), host(80)),
        AddressRange::new(host(200), host(255)),
    ]);
    let config = ServerConfig::new(leak([subnet(103).ranges(ranges)])).probe(false);
    let world = world(config, 200);
    let addresses: BTreeSet<_> = (0..124).map(|number| world.lease(client(number))).collect();
    // Not the network, the server and all.
    let expected = (2..70)
        .chain([80])
        .chain(200..255)
        .map(host)
        .collect::<BTreeSet<_>>();
    assert_eq!(addresses, expected);
    world.ignores(&Message::new(DISCOVER, ALICE));
    assert_eq!(world.counters().exhausted, 1);
}

#[test]
fn ended_leases_are_given_to_others_the_oldest_first() {
    let world = world(usual(), 8);
    let mut ended = Vec::new();
    for number in 0..4 {
        ended.push(world.lease(client(number)));
        world.net.run_for(secs(10));
    }
    world.ignores(&Message::new(DISCOVER, ALICE));
    world.net.run_for(secs(3600));
    assert!(
        world
            .leases()
            .iter()
            .all(|(_, state)| *state == LeaseState::Former)
    );
    for number in 4..6 {
        assert_eq!(world.lease(client(number)), ended[usize::from(number) - 4]);
    }
    // The others are still known.
    assert_eq!(world.lease(client(3)), ended[3]);
    assert_eq!(world.lease(client(2)), ended[2]);
}

#[test]
fn fewer_places_than_addresses_are_enough() {
    let config = ServerConfig::new(leak([subnet(199)])).probe(false);
    let world = world(config.reservations(&[]), 2);
    let (first, second) = (world.lease(ALICE), world.lease(BOB));
    world.ignores(&Message::new(DISCOVER, client(1)));
    world.net.run_for(secs(3600));
    assert_eq!(world.lease(client(1)), first);
    assert_eq!(world.lease(BOB), second);
}

#[test]
fn client_gets_the_same_address_from_a_server_that_remembers_nothing() {
    let lease = || world(ServerConfig::new(leak([subnet(199)])).probe(false), 8).lease(ALICE);
    assert_eq!(lease(), lease());
}

#[test]
fn client_has_one_address_on_a_link() {
    let world = world(usual(), 8);
    for number in 100..=103 {
        world.take(ALICE, host(number));
    }
    let leased = world
        .leases()
        .into_iter()
        .filter(|(_, state)| *state == LeaseState::Leased);
    assert_eq!(leased.count(), 1);
}

#[test]
fn reserved_addresses_are_for_their_clients() {
    let named = ReservedFor::Identifier(b"\x00kettle");
    let kept = leak([
        Reservation::new(hardware(ALICE), host(101)),
        Reservation::new(named, host(50)),
    ]);
    let config = ServerConfig::new(leak([subnet(102)])).probe(false);
    let world = world(config.reservations(kept), 8);
    // Not even who wants it, or asks for it without an offer, gets it.
    assert_ne!(
        world
            .ask(&Message::new(DISCOVER, BOB).wants(host(101)))
            .yours(),
        host(101)
    );
    assert_eq!(world.ask(&taking(BOB, host(101))).kind, NAK);
    world.lease(BOB);
    world.lease(client(1));
    world.ignores(&Message::new(DISCOVER, client(2)));
    assert_eq!(world.lease(ALICE), host(101));
    let kettle = Message::new(DISCOVER, client(3)).option(61, b"\x00kettle");
    assert_eq!(world.ask(&kettle).yours(), host(50));
    // By its link address, whatever it calls itself.
    let booting = Message::new(DISCOVER, ALICE).option(61, b"\x00loader");
    world.net.run_for(secs(4000));
    assert_eq!(world.ask(&booting).yours(), host(101));
}

#[test]
fn reserved_client_comes_back_without_an_offer() {
    let kept = leak([Reservation::new(hardware(ALICE), host(50))]);
    let world = world(usual().reservations(kept), 8);
    let ack = world.ask(&Message::new(REQUEST, ALICE).wants(host(50)));
    assert_eq!((ack.kind, ack.yours()), (ACK, host(50)));
    let nak = world.ask(&Message::new(REQUEST, ALICE).wants(host(100)));
    assert_eq!(nak.kind, NAK);
}

#[test]
fn client_moves_to_its_reserved_address() {
    let kept = leak([Reservation::new(hardware(ALICE), host(50))]);
    let world = world(usual().reservations(kept), 8);
    // It is in use by another station, and later no longer.
    world.lease(ALICE);
    world.ignores(&Message::new(DECLINE, ALICE).wants(host(50)).from(SERVER));
    let other = world.lease(ALICE);
    assert_ne!(other, host(50));
    world.net.run_for(secs(3600));
    assert_eq!(world.lease(ALICE), host(50));
    assert!(world.leases().contains(&(other, LeaseState::Former)));
}

#[test]
fn starvation_takes_no_lease_and_no_reserved_place() {
    let kept = leak([Reservation::new(hardware(ALICE), host(50))]);
    let config = ServerConfig::new(leak([subnet(119)])).probe(false);
    let world = world(config.reservations(kept), 9);
    let bob = world.lease(BOB);
    for number in 0..2000 {
        world.all(&Message::new(DISCOVER, client(number)));
    }
    let counters = world.counters();
    assert!(counters.displaced > 1900, "{counters:?}");
    assert!(world.leases().len() <= 8);
    // Who takes up an offer at once gets it, in the middle of the flood.
    let own = world.lease(client(9000));
    for number in 2000..2100 {
        world.all(&Message::new(DISCOVER, client(number)));
    }
    assert_eq!(world.lease(client(9000)), own);
    assert_eq!(world.lease(ALICE), host(50));
    assert_eq!(world.lease(BOB), bob);
    // Offers end soon.
    world.net.run_for(secs(15));
    assert_eq!(world.leases().len(), 3);
}

#[test]
fn leases_taken_by_a_flood_are_bounded_and_end() {
    let world = world(ServerConfig::new(leak([subnet(119)])).probe(false), 8);
    for number in 0..8 {
        world.lease(client(number));
    }
    for number in 8..100 {
        world.ignores(&Message::new(DISCOVER, client(number)));
    }
    assert_eq!(world.counters().exhausted, 92);
    assert_eq!(world.leases().len(), 8);
    world.net.run_for(secs(3600));
    world.lease(BOB);
}

#[test]
fn lease_that_is_taken_away_is_free_and_its_client_refused_if_another_has_it() {
    let world = world(ServerConfig::new(leak([subnet(100)])).probe(false), 8);
    let address = world.lease(ALICE);
    assert!(world.server.remove(address));
    assert!(!world.server.remove(address));
    assert_eq!(world.leases(), []);
    assert_eq!(world.lease(BOB), address);
    let nak = world.ask_from(address, &Message::new(REQUEST, ALICE).has(address));
    assert_eq!(nak.kind, NAK);
}
