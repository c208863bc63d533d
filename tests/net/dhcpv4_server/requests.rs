//! The REQUESTs of a client in each of its states (RFC 2131 §4.3.2).

use super::*;

#[track_caller]
fn assert_refused(world: &World, reply: &Reply) {
    assert_eq!((reply.kind, reply.yours()), (NAK, ANY));
    // "The server MUST broadcast the DHCPNAK message".
    assert_eq!(
        (reply.link, reply.destination),
        ([0xff; 6], IpAddr::from(ALL))
    );
    assert_eq!(reply.address(12), ANY);
    // Table 3: the message and its type, the server, and no other.
    assert_eq!(reply.codes(), [53, 54, 56]);
    assert_eq!(reply.option(54), Some(SERVER.octets().to_vec()));
    assert!(world.counters().refused > 0);
}

/// SELECTING.
#[test]
fn offer_that_is_not_taken_up_is_free_again() {
    let world = world(ServerConfig::new(leak([subnet(100)])).probe(false), 8);
    assert_eq!(world.ask(&Message::new(DISCOVER, ALICE)).yours(), host(100));
    // The client has chosen another server.
    let other = Message::new(REQUEST, ALICE).wants(host(7)).from(host(2));
    world.ignores(&other);
    assert_eq!(world.counters().elsewhere, 1);
    assert_eq!(world.leases(), []);
    assert_eq!(world.lease(BOB), host(100));
    assert_eq!(world.counters().displaced, 0);
}

#[test]
fn offer_ends_after_some_time() {
    let world = world(ServerConfig::new(leak([subnet(100)])).probe(false), 8);
    world.ask(&Message::new(DISCOVER, ALICE));
    world.net.run_for(secs(15));
    assert_eq!(world.leases(), []);
    assert_eq!(world.lease(BOB), host(100));
    assert_eq!(world.counters().displaced, 0);
    assert_refused(&world, &world.ask(&taking(ALICE, host(100))));
}

#[test]
fn request_for_an_address_that_was_not_offered_is_refused_if_it_is_not_to_be_had() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    // Of another client; of no range; of the server; of another network.
    for wanted in [address, host(99), SERVER, Ipv4Addr::new(10, 0, 1, 100)] {
        assert_refused(&world, &world.ask(&taking(BOB, wanted)));
    }
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
}

#[test]
fn server_is_known_by_any_of_its_addresses() {
    let world = world(usual(), 8);
    world.host.add(world.link, "10.9.0.1/24");
    let offer = world.ask(&Message::new(DISCOVER, ALICE));
    assert_eq!(offer.option(54), Some(SERVER.octets().to_vec()));
    let second = Ipv4Addr::new(10, 9, 0, 1);
    let request = Message::new(REQUEST, ALICE)
        .wants(offer.yours())
        .from(second);
    assert_eq!(world.ask(&request).kind, ACK);
}

/// INIT-REBOOT.
#[test]
fn returning_client_keeps_its_address() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    let ack = world.ask(&Message::new(REQUEST, ALICE).wants(address));
    assert_eq!((ack.kind, ack.yours()), (ACK, address));
    assert_eq!(ack.number(51), Some(3600));
    // Even after its lease has ended, as long as nobody else has it.
    world.net.run_for(secs(4000));
    let ack = world.ask(&Message::new(REQUEST, ALICE).wants(address));
    assert_eq!((ack.kind, ack.yours()), (ACK, address));
}

#[test]
fn client_of_another_network_is_refused() {
    let world = world(usual(), 8);
    let elsewhere = Message::new(REQUEST, ALICE).wants(Ipv4Addr::new(192, 168, 1, 9));
    assert_refused(&world, &world.ask(&elsewhere));
}

#[test]
fn client_with_another_address_than_is_known_is_refused() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    let other = host(100 + (address.octets()[3] - 99) % 4);
    assert_refused(
        &world,
        &world.ask(&Message::new(REQUEST, ALICE).wants(other)),
    );
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
}

#[test]
fn client_that_is_not_known_hears_nothing() {
    let world = world(usual(), 8);
    world.ignores(&Message::new(REQUEST, ALICE).wants(host(101)));
    // Nor does it when another has the address.
    let address = world.lease(BOB);
    world.ignores(&Message::new(REQUEST, ALICE).wants(address));
    assert_eq!(world.counters().unknown, 2);
}

/// RENEWING.
#[test]
fn renewal_extends_the_lease_and_is_answered_at_its_address() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    world.net.run_for(secs(1800));
    let ack = world.ask_from(address, &Message::new(REQUEST, ALICE).has(address));
    assert_eq!(
        (ack.kind, ack.yours(), ack.address(12)),
        (ACK, address, address)
    );
    assert_eq!(ack.destination, IpAddr::from(address));
    assert_eq!(ack.number(51), Some(3600));
    world.net.run_for(secs(3500));
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
}

#[test]
fn renewal_of_a_forgotten_lease_is_granted_if_the_address_is_free() {
    let world = world(usual(), 8);
    let ack = world.ask_from(host(102), &Message::new(REQUEST, ALICE).has(host(102)));
    assert_eq!((ack.kind, ack.yours()), (ACK, host(102)));
    assert_eq!(world.leases(), [(host(102), LeaseState::Leased)]);
    let nak = world.ask_from(host(102), &Message::new(REQUEST, BOB).has(host(102)));
    assert_refused(&world, &nak);
}

/// REBINDING.
#[test]
fn rebinding_extends_the_lease_that_is_known() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    world.peer.answer_for(address, "::2".parse().unwrap());
    world.net.run_for(secs(3200));
    let rebinding = Message::new(REQUEST, ALICE).has(address);
    world.send_from(address, ALL, &rebinding.finish());
    let replies = world.replies(ms(20));
    assert_eq!((replies[0].kind, replies[0].yours()), (ACK, address));
    assert_eq!(replies[0].destination, IpAddr::from(address));
    // That of another server is its own affair.
    world.ignores(&Message::new(REQUEST, BOB).has(host(103)));
    assert_eq!(world.counters().unknown, 1);
    // An address of another network is none here.
    let moved = Message::new(REQUEST, BOB).has(Ipv4Addr::new(10, 5, 0, 103));
    assert_refused(&world, &world.ask(&moved));
}

#[test]
fn request_without_an_address_is_malformed() {
    let world = world(usual(), 8);
    world.ignores(&Message::new(REQUEST, ALICE));
    world.ignores(&Message::new(REQUEST, ALICE).from(SERVER));
    assert_eq!(world.counters().malformed, 2);
}
