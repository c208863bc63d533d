//! Addresses are offered, granted, given back and found in use (RFC 2131 §4.3.1 to §4.3.5).

use super::*;

#[test]
fn discover_is_offered_an_address_by_table_3() {
    let world = world(usual(), 8);
    let discover = Message::new(DISCOVER, ALICE).broadcast().set(8, &[0, 7]);
    let offer = world.ask(&discover);
    assert_eq!(offer.kind, OFFER);
    assert_eq!(offer.source, IpAddr::from(SERVER));
    assert_eq!(offer.ports, (67, 68));
    // op, htype, hlen, hops, xid, secs, flags, ciaddr.
    assert_eq!(offer.bytes[..4], [2, 1, 6, 0]);
    assert_eq!(offer.bytes[4..8], discover.0[4..8]);
    assert_eq!(offer.bytes[8..16], [0, 0, 0x80, 0, 0, 0, 0, 0]);
    assert!((host(100)..=host(103)).contains(&offer.yours()));
    // siaddr, giaddr, chaddr, sname, file.
    assert_eq!(offer.bytes[20..28], [0; 8]);
    assert_eq!(offer.bytes[28..44], discover.0[28..44]);
    assert_eq!(offer.bytes[44..236], [0; 192]);
    assert_eq!(offer.option(54), Some(SERVER.octets().to_vec()));
    assert_eq!(offer.number(51), Some(3600));
    assert_eq!(offer.option(1), Some(vec![255, 255, 255, 0]));
    for code in [50, 55, 57, 61] {
        assert_eq!(offer.option(code), None);
    }
    assert_eq!(world.leases(), [(offer.yours(), LeaseState::Offered)]);
}

#[test]
fn request_that_takes_up_an_offer_is_acknowledged() {
    let world = world(usual(), 8);
    let offer = world.ask(&Message::new(DISCOVER, ALICE));
    let ack = world.ask(&taking(ALICE, offer.yours()));
    assert_eq!((ack.kind, ack.yours()), (ACK, offer.yours()));
    assert_eq!(ack.number(51), Some(3600));
    assert_eq!(ack.option(54), Some(SERVER.octets().to_vec()));
    assert_eq!(ack.bytes[12..16], [0; 4]);
    let lease = world.server.leases().next().unwrap();
    assert_eq!(
        (lease.address, lease.state),
        (offer.yours(), LeaseState::Leased)
    );
    assert_eq!(lease.hardware, LinkAddr::ethernet(ALICE));
    assert!((3598..=3600).contains(&lease.seconds));
    assert!(!lease.client.is_identifier());
    assert_eq!(lease.client.as_bytes(), [&[1], &ALICE[..]].concat());
}

#[test]
fn client_that_asks_twice_gets_the_same_address() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    assert_eq!(world.ask(&Message::new(DISCOVER, ALICE)).yours(), address);
    assert_eq!(world.lease(ALICE), address);
    assert_eq!(world.leases().len(), 1);
}

#[test]
fn two_clients_get_different_addresses() {
    let world = world(usual(), 8);
    assert_ne!(world.lease(ALICE), world.lease(BOB));
}

#[test]
fn identifier_counts_and_not_the_link_address() {
    let world = world(usual(), 8);
    let first = Message::new(DISCOVER, ALICE).option(61, b"\x00kettle");
    let second = Message::new(DISCOVER, ALICE).option(61, b"\x00toaster");
    let address = world.ask(&first).yours();
    assert_ne!(world.ask(&second).yours(), address);
    // The same one, in another computer.
    let moved = Message::new(DISCOVER, BOB).option(61, b"\x00kettle");
    assert_eq!(world.ask(&moved).yours(), address);
    // Who says none is known by its link address, which is no identifier.
    let plain = world.ask(&Message::new(DISCOVER, ALICE)).yours();
    let spoken = [&[1], &ALICE[..]].concat();
    let spoken = Message::new(DISCOVER, ALICE).option(61, &spoken);
    assert_ne!(world.ask(&spoken).yours(), plain);
}

#[test]
fn identifiers_that_differ_at_their_end_are_told_apart() {
    let world = world(usual(), 8);
    let mut addresses = std::collections::BTreeSet::new();
    for last in 0..4 {
        let identifier = [&[0xff; 200][..], &[last]].concat();
        let discover = Message::new(DISCOVER, ALICE).option(61, &identifier);
        let offer = world.ask(&discover);
        assert_eq!(offer.option(61), Some(identifier));
        addresses.insert(offer.yours());
    }
    assert_eq!(addresses.len(), 4);
}

#[test]
fn released_address_goes_back_to_its_client() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    let release = Message::new(RELEASE, ALICE).has(address).from(SERVER);
    world.send_from(address, SERVER, &release.finish());
    assert_eq!(world.replies(ms(20)), []);
    assert_eq!(world.leases(), [(address, LeaseState::Former)]);
    assert_eq!(world.counters().released, 1);
    assert_ne!(world.lease(BOB), address);
    assert_eq!(world.lease(ALICE), address);
}

#[test]
fn release_by_another_client_changes_nothing() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    let release = Message::new(RELEASE, BOB).has(address).from(SERVER);
    world.send_from(address, SERVER, &release.finish());
    let elsewhere = Message::new(RELEASE, ALICE).has(address).from(host(2));
    world.send_from(address, SERVER, &elsewhere.finish());
    assert_eq!(world.replies(ms(20)), []);
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
    assert_eq!(
        (world.counters().released, world.counters().unknown),
        (0, 2)
    );
}

#[test]
fn declined_address_is_given_to_nobody_for_a_time() {
    let config = ServerConfig::new(leak([subnet(101)])).probe(false);
    let world = world(config.decline_time(600), 8);
    let address = world.lease(ALICE);
    let decline = Message::new(DECLINE, ALICE).wants(address).from(SERVER);
    world.ignores(&decline);
    assert_eq!(world.leases(), [(address, LeaseState::Declined)]);
    assert_eq!(world.counters().declined, 1);
    let other = world.lease(ALICE);
    assert_ne!(other, address);
    // It is not to be had, even by who asks for it.
    world.ignores(&Message::new(DISCOVER, BOB).wants(address));
    assert_eq!(world.ask(&taking(BOB, address)).kind, NAK);
    world.net.run_for(secs(600));
    assert_eq!(world.lease(BOB), address);
}

#[test]
fn decline_by_another_client_changes_nothing() {
    let world = world(usual(), 8);
    let address = world.lease(ALICE);
    world.ignores(&Message::new(DECLINE, BOB).wants(address).from(SERVER));
    world.ignores(&Message::new(DECLINE, BOB).from(SERVER));
    assert_eq!(world.leases(), [(address, LeaseState::Leased)]);
    assert_eq!(world.counters().unknown, 2);
}

#[test]
fn inform_is_told_parameters_and_no_lease() {
    let options = leak([ServerOption::domain("lab.test")]);
    let config = ServerConfig::new(leak([subnet(103).options(options)])).probe(false);
    let world = world(config, 8);
    let inform = Message::new(INFORM, ALICE)
        .has(host(200))
        .option(55, &[15, 51]);
    let ack = world.ask_from(host(200), &inform);
    assert_eq!((ack.kind, ack.yours()), (ACK, ANY));
    assert_eq!(ack.address(12), host(200));
    assert_eq!(
        (ack.destination, ack.ports.1),
        (IpAddr::from(host(200)), 68)
    );
    assert_eq!(ack.option(15), Some(b"lab.test".to_vec()));
    for code in [51, 58, 59] {
        assert_eq!(ack.option(code), None);
    }
    assert_eq!(world.leases(), []);
    // The answer goes where the client says it is: to no other network.
    world.ignores(&Message::new(INFORM, ALICE).has(Ipv4Addr::new(192, 0, 2, 1)));
    world.ignores(&Message::new(INFORM, ALICE));
}

#[test]
fn reply_goes_to_the_link_address_of_a_client_that_takes_it() {
    let world = world(usual(), 8);
    let offer = world.ask(&Message::new(DISCOVER, ALICE));
    assert_eq!(offer.link, ALICE);
    assert_eq!(offer.destination, IpAddr::from(offer.yours()));
    let ack = world.ask(&taking(ALICE, offer.yours()));
    assert_eq!((ack.link, ack.destination), (ALICE, offer.destination));
    // No neighbour was asked for, and none was learnt.
    let neighbors = world.host.stack().neighbors(0);
    assert!(!{ neighbors }.any(|known| IpAddr::from(known.address) == offer.destination));
}

#[test]
fn reply_is_broadcast_to_a_client_that_asks_for_that() {
    let world = world(usual(), 8);
    let offer = world.ask(&Message::new(DISCOVER, ALICE).broadcast());
    assert_eq!(
        (offer.link, offer.destination),
        ([0xff; 6], IpAddr::from(ALL))
    );
    let ack = world.ask(&taking(ALICE, offer.yours()).broadcast());
    assert_eq!((ack.link, ack.destination), ([0xff; 6], IpAddr::from(ALL)));
    assert_eq!(ack.bytes[10..12], [0x80, 0]);
    // And to one whose link address is not of this link.
    let odd = Message::new(DISCOVER, BOB).set(2, &[16]);
    assert_eq!(world.ask(&odd).link, [0xff; 6]);
}
