//! Prefixes for networks behind the client (RFC 8415 §6.3, §18.2.12, §21.21, §21.22).

use zonda::iface::{Advertisement, EventKind};

use super::*;

/// A server that delegates a prefix for some seconds, and its half and four fifths; and leases no
/// address.
fn delegating(length: u8, seconds: u32) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| {
        let lease = prefix(PREFIX, length, seconds, seconds * 2);
        let given = association(25, 0, seconds / 2, seconds / 5 * 4, &[lease]);
        match request.kind {
            SOLICIT => vec![request.answer(ADVERTISE).with(given)],
            REQUEST | RENEW | REBIND => vec![request.answer(REPLY).with(given)],
            _ => vec![request.answer(REPLY).with(status(0))],
        }
    }
}

fn prefixes_only() -> ClientConfig<'static> {
    stateful().addresses(0).prefixes(1, 56)
}

#[test]
fn prefix_is_asked_for_by_its_length_and_delegated() {
    let (world, log) = served(prefixes_only(), delegating(56, 1000));
    let mut events = world.host.stack().events();
    world.bind();
    let heard = log.take();
    // "a non-zero value in the "prefix-length" field and the unspecified value" (§21.22).
    assert_eq!(
        heard[0].associations(25),
        [(0, vec![(Ipv6Addr::UNSPECIFIED, 56)])]
    );
    assert_eq!(heard[1].associations(25), [(0, vec![(PREFIX, 56)])]);
    assert_eq!(heard[0].option(3), None);
    let delegated = world.client.prefixes();
    assert_eq!(delegated.len(), 1);
    assert_eq!((delegated[0].prefix, delegated[0].length), (PREFIX, 56));
    assert_eq!(delegated[0].association, 0);
    assert_eq!(
        (delegated[0].preferred, delegated[0].valid),
        (secs(1000), secs(2000))
    );
    // It is nobody's address.
    assert!(world.entries().is_empty());
    let is_told = |event: EventKind| event == EventKind::DelegatedPrefixes;
    let told =
        std::iter::from_fn(|| events.try_next()).filter(|event| is_told(event.unwrap().kind));
    assert_eq!(told.count(), 1);
    // A renewal tells of longer lifetimes.
    world.net.run_for(secs(510));
    assert_eq!(kinds(&log), [RENEW]);
    assert_eq!(log.borrow()[0].associations(25), [(0, vec![(PREFIX, 56)])]);
    let told =
        std::iter::from_fn(|| events.try_next()).filter(|event| is_told(event.unwrap().kind));
    assert_eq!(told.count(), 1);
}

#[test]
fn prefix_without_a_wish_is_asked_for_without_one() {
    let (_world, log) = served(stateful().prefixes(1, 0), delegating(60, 1000));
    _world.bind();
    assert_eq!(log.borrow()[0].associations(25), [(0, vec![])]);
    // The address that was not to be had is asked for again (§18.2).
    log.take();
    _world.net.run_for(secs(510));
    assert_eq!(log.borrow()[0].associations(3), [(0, vec![])]);
}

#[test]
fn networks_behind_are_announced_with_what_is_left_of_the_prefix() {
    let (world, _) = served(prefixes_only(), delegating(56, 1000));
    // The networks behind.
    let behind = world.net.host("behind");
    let inner = world.net.link((world.host, behind)).delay(ms(1));
    world.bind();
    let delegated = world.client.prefixes()[0];
    assert_eq!(delegated.subnet(255, 64), "2001:db8:100:ff::".parse().ok());
    assert_eq!(delegated.subnet(256, 64), None);
    assert_eq!(delegated.subnet(0, 55), None);
    world.net.run_for(secs(100));
    let announced = world.client.prefixes()[0].advertised(3).unwrap();
    // "the advertised preferred and valid lifetimes MUST NOT exceed the corresponding remaining
    // lifetimes of the delegated prefix" (§18.2.10.1).
    assert!((895..=900).contains(&announced.preferred), "{announced:?}");
    assert!((1895..=1900).contains(&announced.valid), "{announced:?}");
    let mut what = Advertisement::default();
    what.prefixes.push(announced).unwrap();
    let stack = world.host.stack();
    stack.advertise(world.host.interface(inner), what).unwrap();
    world.net.run_for(secs(20));
    let interface = behind.stack().interface(behind.interface(inner)).unwrap();
    let network: Ipv6Addr = "2001:db8:100:3::".parse().unwrap();
    let mut addresses = interface.ipv6.iter().map(|entry| entry.address.segments());
    assert!(addresses.any(|segments| segments[..4] == network.segments()[..4]));
}

#[test]
fn changed_prefix_is_told_and_the_old_one_is_gone() {
    let new: Ipv6Addr = "2001:db8:200::".parse().unwrap();
    let (world, _) = served(prefixes_only(), move |request| match request.kind {
        RENEW => {
            let leases = [prefix(PREFIX, 56, 0, 0), prefix(new, 56, 1000, 2000)];
            vec![
                request
                    .answer(REPLY)
                    .with(association(25, 0, 500, 800, &leases)),
            ]
        }
        _ => delegating(56, 1000)(request),
    });
    world.bind();
    let mut events = world.host.stack().events();
    world.net.run_for(secs(510));
    let delegated = world.client.prefixes();
    assert_eq!(delegated.len(), 1);
    assert_eq!(delegated[0].prefix, new);
    let mut told = std::iter::from_fn(|| events.try_next());
    assert!(told.any(|event| event.unwrap().kind == EventKind::DelegatedPrefixes));
}

#[test]
fn prefixes_that_cannot_be_used_are_discarded() {
    let (world, _) = served(prefixes_only(), |request| {
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        let leases = [
            prefix(PREFIX, 56, 2001, 2000),
            prefix(PREFIX, 0, 1000, 2000),
            prefix(PREFIX, 129, 1000, 2000),
            prefix("ff00::".parse().unwrap(), 56, 1000, 2000),
            prefix(Ipv6Addr::UNSPECIFIED, 56, 1000, 2000),
            // What is behind the length is no part of it.
            prefix("2001:db8:100:1::1".parse().unwrap(), 48, 1000, 2000),
        ];
        vec![
            request
                .answer(kind)
                .with(association(25, 0, 500, 800, &leases)),
        ]
    });
    world.bind();
    let delegated = world.client.prefixes();
    assert_eq!(delegated.len(), 1);
    assert_eq!((delegated[0].prefix, delegated[0].length), (PREFIX, 48));
}

#[test]
fn link_that_comes_back_with_a_prefix_is_asked_by_rebind_as_by_confirm() {
    let mut is_silent = false;
    let (world, log) = served(stateful().prefixes(1, 0), move |request| {
        let lease = prefix(PREFIX, 56, 1000, 2000);
        let given = association(25, 0, 500, 800, &[lease]);
        is_silent |= request.kind == REBIND;
        match request.kind {
            SOLICIT => vec![request.lease(ADVERTISE, OURS, 1000).with(given)],
            _ if is_silent => Vec::new(),
            _ => vec![request.lease(REPLY, OURS, 1000).with(given)],
        }
    });
    world.bind();
    log.take();
    world.link.down();
    world.net.run_for(secs(5));
    world.link.up();
    world.net.run_for(secs(30));
    let heard = log.take();
    assert!(heard.iter().all(|message| message.kind == REBIND));
    assert!((3..=6).contains(&heard.len()), "{}", heard.len());
    assert!((900..=1100).contains(&gaps(&heard)[0]));
    assert_eq!(heard[0].option(2), None);
    assert_eq!(heard[0].associations(3), [(0, vec![(OURS, 128)])]);
    assert_eq!(heard[0].associations(25), [(0, vec![(PREFIX, 56)])]);
    // Without an answer they are used on.
    assert_eq!(world.state(), ClientState::Bound);
    assert_eq!(world.client.prefixes().len(), 1);
}

#[test]
fn several_associations_of_each_kind_have_numbers_of_their_own() {
    let (world, log) = served(stateful().addresses(1).prefixes(1, 0), usual(1000));
    world.bind();
    assert_eq!(log.borrow()[0].associations(3)[0].0, 0);
    assert_eq!(log.borrow()[0].associations(25)[0].0, 0);
    let (world, log) = served(stateful().addresses(2), usual(1000));
    world.bind();
    let solicit = &log.borrow()[0];
    let numbers = solicit.associations(3).into_iter().map(|(iaid, _)| iaid);
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1 << 8]);
}

#[test]
fn released_prefix_is_told_to_the_server() {
    let (world, log) = served(prefixes_only(), delegating(56, 1000));
    world.bind();
    log.take();
    world.client.release();
    world.net.run_for(secs(1));
    assert_eq!(world.ended(), Some(Ok(())));
    assert_eq!(kinds(&log), [RELEASE]);
    assert_eq!(log.borrow()[0].associations(25), [(0, vec![(PREFIX, 56)])]);
    assert!(world.client.prefixes().is_empty());
}

#[test]
fn prefixes_that_the_server_has_none_of_leave_the_addresses() {
    let (world, log) = served(stateful().prefixes(1, 0), |request| {
        let none = association(25, 0, 0, 0, &[status(6)]);
        let kind = if request.kind == SOLICIT {
            ADVERTISE
        } else {
            REPLY
        };
        vec![request.lease(kind, OURS, 1000).with(none)]
    });
    world.bind();
    world.assert_bound();
    log.take();
    world.net.run_for(secs(510));
    // "The client MAY include the IAs for which it received the [...] NoPrefixAvail status code".
    assert_eq!(log.borrow()[0].associations(25), [(0, vec![])]);
    assert_eq!(kinds(&log), [RENEW]);
}
