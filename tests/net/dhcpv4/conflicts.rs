//! Addresses that another station has (RFC 2131 §3.1.5, §4.4.1; RFC 5227).

use zonda::iface::ConflictDetection;

use super::*;
use crate::frame;

/// A world that looks for conflicts, whose second station has the usual address.
fn contested(has_it: bool) -> (World, Log) {
    let (world, log) = served(ClientConfig::new(), {
        let mut declined = false;
        move |request| {
            declined |= request.kind == DECLINE;
            let address = Ipv4Addr::new(10, 0, 0, if declined { 101 } else { 100 });
            match request.kind {
                DISCOVER => vec![request.grant(OFFER, address, 3600)],
                REQUEST => vec![request.grant(ACK, address, 3600)],
                _ => Vec::new(),
            }
        }
    });
    detect(&world);
    if has_it {
        world.servers[1].add(world.link, "10.0.0.100/24");
    }
    (world, log)
}

fn detect(world: &World) {
    let (stack, id) = (world.host.stack(), world.host.interface(world.link));
    assert!(stack.set_conflict_detection(id, ConflictDetection::GiveUp));
}

#[test]
fn address_is_probed_before_it_is_used() {
    let (world, _) = contested(false);
    world.net.run_for(secs(1));
    assert_eq!(world.state(), ClientState::Checking);
    assert_eq!(world.addresses(), [(OURS, Ipv4State::Probing)]);
    assert_eq!(world.client.lease(), None);
    let took = world.bind();
    assert!((secs(3)..secs(9)).contains(&took), "{took}");
    world.assert_bound();
}

#[test]
fn address_that_another_station_has_is_declined_and_ten_seconds_are_waited() {
    let (world, log) = contested(true);
    world.bind();
    let other = Ipv4Addr::new(10, 0, 0, 101);
    assert_eq!(world.addresses(), [(other, Ipv4State::Active)]);
    let log = log.take();
    let kinds: Vec<_> = log.iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [DISCOVER, REQUEST, DECLINE, DISCOVER, REQUEST]);
    let decline = &log[2];
    // RFC 2131 §4.4.4, table 5.
    assert_eq!(decline.source, IpAddr::from(Ipv4Addr::UNSPECIFIED));
    assert_eq!(decline.destination, IpAddr::from(Ipv4Addr::BROADCAST));
    assert_eq!(
        (decline.ciaddr(), decline.secs()),
        (Ipv4Addr::UNSPECIFIED, 0)
    );
    assert_eq!(decline.address_option(50), Some(OURS));
    assert_eq!(decline.address_option(54), Some(SERVERS[0]));
    assert_eq!(decline.option(61), log[0].option(61));
    assert_eq!(decline.options.len(), 4);
    let waited = log[3].at.since(decline.at);
    assert!((secs(10)..secs(11)).contains(&waited), "{waited}");
    assert_eq!(log[3].option(50), None);
    assert_eq!(world.client.counters().conflicts, 1);
}

#[test]
fn link_that_comes_back_does_not_shorten_the_wait_after_a_decline() {
    let (world, log) = contested(true);
    let has_declined = || log.borrow().iter().any(|request| request.kind == DECLINE);
    assert!(world.net.run_until(secs(20), has_declined));
    world.link.down();
    world.net.run_for(secs(1));
    world.link.up();
    world.net.run_for(secs(8));
    assert_eq!(log.borrow().last().unwrap().kind, DECLINE);
    world.net.run_for(secs(2));
    assert_ne!(log.borrow().last().unwrap().kind, DECLINE);
}

#[test]
fn address_that_is_lost_to_another_station_later_is_declined() {
    let (world, log) = contested(false);
    world.bind();
    log.take();
    let mac = world.stranger.mac();
    let packet = frame::arp(1, (mac, OURS), ([0; 6], OURS));
    (world.stranger).send(frame::ethernet(frame::BROADCAST, mac, frame::ARP, &packet));
    world.net.run_for(secs(1));
    assert_eq!(kinds(&log), [DECLINE]);
    assert!(world.addresses().is_empty());
    assert_eq!(world.client.lease(), None);
    world.net.run_for(secs(30));
    assert_eq!(
        world.client.lease().unwrap().address.address,
        Ipv4Addr::new(10, 0, 0, 101)
    );
}

#[test]
fn link_that_comes_back_is_probed_anew() {
    let (world, log) = contested(false);
    world.bind();
    log.take();
    world.link.down();
    world.net.run_for(secs(1));
    world.link.up();
    world.net.run_for(secs(1));
    assert_eq!(kinds(&log), [REQUEST]);
    assert_eq!(world.state(), ClientState::Checking);
    world.net.run_for(secs(10));
    world.assert_bound();
}

#[test]
fn release_while_the_address_is_probed_sends_nothing() {
    let (world, log) = contested(false);
    world.net.run_for(secs(1));
    log.take();
    world.client.release();
    world.net.run_for(secs(10));
    assert!(log.borrow().is_empty());
    assert!(world.addresses().is_empty());
    assert_eq!(world.run.take(), Some(Ok(())));
}

#[test]
fn address_that_the_user_has_assigned_stays_the_users() {
    let (world, _) = served(ClientConfig::new(), usual(600));
    world.host.add(world.link, "10.0.0.100/24");
    world.bind();
    assert!(world.addresses().is_empty());
    world.client.release();
    world.net.run_for(secs(1));
    let interface = world.host.stack().interface(0).unwrap();
    assert_eq!(interface.ipv4[0].origin, Ipv4Origin::Static);
}

#[test]
fn full_table_of_addresses_is_no_conflict() {
    let (world, log) = served(ClientConfig::new(), usual(600));
    world
        .host
        .add(world.link, "10.1.0.1/24")
        .add(world.link, "10.2.0.1/24");
    world.net.run_for(secs(30));
    assert_eq!(kinds(&log), [DISCOVER, REQUEST]);
    world.host.stack().remove_address(0, [10, 1, 0, 1].into());
    world.bind();
    assert_eq!(world.addresses(), [(OURS, Ipv4State::Active)]);
}
