//! Addresses that another station has (RFC 8415 §18.2.8, §18.2.10.1; RFC 4862 §5.4).

use super::*;

/// A client that checks its addresses for duplicates.
fn checking(script: impl FnMut(&Request) -> Vec<Answer> + 'static) -> (World, Log) {
    let (world, log) = served(stateful(), script);
    let (stack, id) = (world.host.stack(), world.host.interface(world.link));
    assert!(stack.set_dad_transmits(id, 1));
    (world, log)
}

/// A server whose second station has the usual address; once that is declined it leases another.
fn contested(answers_declines: bool) -> (World, Log) {
    let mut is_declined = false;
    let (world, log) = checking(move |request| {
        is_declined |= request.kind == DECLINE;
        let ours = if is_declined { OTHER } else { OURS };
        match request.kind {
            SOLICIT => vec![request.lease(ADVERTISE, ours, 1000)],
            DECLINE if answers_declines => vec![request.answer(REPLY).with(status(3))],
            DECLINE => Vec::new(),
            _ => vec![request.lease(REPLY, ours, 1000)],
        }
    });
    world.servers[1].add(world.link, "2001:db8::100/64");
    (world, log)
}

#[test]
fn leased_address_is_checked_before_it_is_used() {
    let (world, log) = checking(usual(1000));
    world
        .net
        .run_until(secs(10), || kinds(&log).contains(&REQUEST));
    world.net.run_for(ms(100));
    assert_eq!(world.addresses(), [(OURS, AddressState::Tentative)]);
    assert!(world.client.addresses().is_empty());
    let took = world.bind();
    assert!(took >= ms(800), "{took}");
    world.assert_bound();
}

#[test]
fn address_that_another_station_has_is_declined_and_another_is_asked_for() {
    let (world, log) = contested(true);
    world.bind();
    assert_eq!(world.addresses(), [(OTHER, AddressState::Preferred)]);
    let log = log.take();
    let kinds: Vec<_> = log.iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [SOLICIT, REQUEST, DECLINE, SOLICIT, REQUEST]);
    let decline = &log[2];
    assert_eq!(decline.codes(), [1, 2, 8, 3]);
    assert_eq!(decline.option(2), Some(&server_duid(0)[..]));
    assert_eq!(decline.associations(3), [(0, vec![(OURS, 128)])]);
    let link_local = world.host.link_local(world.link);
    assert_eq!(decline.source.ip(), IpAddr::from(link_local));
    // Not at once, and without the address.
    assert!(log[3].at.since(decline.at) >= secs(2));
    assert_eq!(log[3].associations(3), [(0, vec![])]);
    assert_eq!(world.client.counters().duplicates, 1);
}

#[test]
fn decline_is_repeated_and_then_given_up() {
    let (world, log) = contested(false);
    world.bind();
    let log = log.take();
    let declines = log
        .iter()
        .filter(|request| request.kind == DECLINE)
        .cloned();
    let declines: Vec<_> = declines.collect();
    // DEC_TIMEOUT, DEC_MAX_RC.
    assert_eq!(declines.len(), 4);
    assert!((900..=1100).contains(&gaps(&declines)[0]));
    assert!(
        declines
            .iter()
            .all(|decline| decline.xid == declines[0].xid)
    );
}

#[test]
fn other_addresses_are_kept_when_one_is_declined() {
    let (world, log) = checking(|request| {
        let leases = [address(OURS, 1000, 2000), address(OTHER, 1000, 2000)];
        let both = association(3, 0, 500, 800, &leases);
        match request.kind {
            SOLICIT => vec![request.answer(ADVERTISE).with(both)],
            REQUEST => vec![request.answer(REPLY).with(both)],
            DECLINE => vec![request.answer(REPLY)],
            _ => vec![request.lease(REPLY, OTHER, 1000)],
        }
    });
    world.servers[1].add(world.link, "2001:db8::100/64");
    world.net.run_for(secs(10));
    assert_eq!(kinds(&log), [SOLICIT, REQUEST, DECLINE]);
    assert_eq!(world.addresses(), [(OTHER, AddressState::Preferred)]);
    assert_eq!(world.client.addresses(), [OTHER]);
    // "Any addresses for the IAs the client wishes to continue to use should not be added" (§18.2.8),
    // and the declined one is not asked for again.
    assert_eq!(log.take()[2].associations(3), [(0, vec![(OURS, 128)])]);
    world.net.run_for(secs(510));
    assert_eq!(log.borrow()[0].associations(3), [(0, vec![(OTHER, 128)])]);
}

#[test]
fn address_of_the_user_stays_the_users() {
    let (world, _) = served(stateful(), usual(1000));
    world.host.add(world.link, "2001:db8::100/64");
    world.bind();
    assert!(world.addresses().is_empty());
    assert_eq!(world.client.addresses(), [OURS]);
    world.client.release();
    world.net.run_for(secs(2));
    let interface = world
        .host
        .stack()
        .interface(world.host.interface(world.link));
    let mut entries = interface.unwrap().ipv6.into_iter();
    assert!(entries.any(|entry| entry.address == OURS && entry.prefix_length == 64));
}
