//! What is not the answer, or cannot be used, is counted and passed over.

use super::*;

/// The client gets an address although this is said before each answer.
#[track_caller]
fn in_spite_of(change: fn(Reply) -> Reply, counter: impl Fn(&World) -> u32) {
    let (world, _) = served(ClientConfig::new(), move |request| {
        let replies = usual(3600)(request).into_iter();
        replies
            .flat_map(|reply| [change(reply.clone()), reply.after(ms(10))])
            .collect()
    });
    world.bind();
    world.assert_bound();
    assert_eq!(counter(&world), 2, "{:?}", world.client.counters());
    assert_eq!(world.client.counters().acknowledged, 1);
}

#[test]
fn messages_of_other_exchanges_and_clients_are_stray() {
    let stray = |world: &World| world.client.counters().stray;
    let changes: [fn(Reply) -> Reply; 5] = [
        |mut reply| {
            reply.bytes[4] ^= 1;
            reply
        },
        |mut reply| {
            // Another's link address.
            reply.bytes[33] ^= 1;
            reply
        },
        |mut reply| {
            // A request.
            reply.bytes[0] = 1;
            reply
        },
        // RFC 6842 §3.
        |reply| reply.option(61, b"\x00another"),
        |reply| reply.without(53),
    ];
    for change in changes {
        in_spite_of(change, stray);
    }
    // The own identifier may be repeated.
    let (world, _) = served(ClientConfig::new(), |request| {
        let own = request.option(61).unwrap();
        let replies = usual(3600)(request).into_iter();
        replies.map(|reply| reply.option(61, own)).collect()
    });
    world.bind();
}

#[test]
fn acknowledgement_of_another_server_is_not_taken() {
    let (world, _) = served(ClientConfig::new(), |request| match request.kind {
        DISCOVER => vec![request.grant(OFFER, OURS, 3600)],
        _ => vec![
            request.grant_by(SERVERS[1], ACK, OURS, 9999),
            request.reply(NAK, SERVERS[1]),
            request.grant(ACK, OURS, 3600).after(ms(1)),
        ],
    });
    world.bind();
    assert_eq!(world.client.lease().unwrap().duration, 3600);
    assert_eq!(world.client.counters().stray, 2);
}

#[test]
fn acknowledgement_of_another_address_is_not_taken() {
    let (world, _) = served(ClientConfig::new(), |request| match request.kind {
        DISCOVER => vec![request.grant(OFFER, OURS, 3600)],
        _ => vec![
            request.grant(ACK, Ipv4Addr::new(10, 0, 0, 9), 3600),
            request.grant(ACK, OURS, 3600).after(ms(1)),
        ],
    });
    world.bind();
    world.assert_bound();
    assert_eq!(world.client.counters().unusable, 1);
}

#[test]
fn messages_that_cannot_be_read_are_malformed() {
    let malformed = |world: &World| world.client.counters().malformed;
    let changes: [fn(Reply) -> Reply; 4] = [
        |mut reply| {
            reply.bytes.truncate(200);
            reply
        },
        |mut reply| {
            reply.bytes[236] = 0;
            reply
        },
        |mut reply| {
            // An option that goes beyond the end.
            reply.bytes.extend([6, 200, 1]);
            reply
        },
        |mut reply| {
            reply.bytes[2] = 17;
            reply
        },
    ];
    for change in changes {
        in_spite_of(change, malformed);
    }
}

#[test]
fn offers_that_cannot_be_used_are_passed_over() {
    let unusable = |world: &World| world.client.counters().unusable;
    let changes: [fn(Reply) -> Reply; 12] = [
        |reply| reply.yours(Ipv4Addr::UNSPECIFIED),
        |reply| reply.yours(Ipv4Addr::BROADCAST),
        |reply| reply.yours(Ipv4Addr::LOCALHOST),
        |reply| reply.yours(Ipv4Addr::new(224, 0, 0, 1)),
        // Broadcast addresses of the subnet.
        |reply| reply.yours(Ipv4Addr::new(10, 0, 0, 255)),
        |reply| reply.yours(Ipv4Addr::new(10, 0, 0, 0)),
        |reply| reply.without(1).option(1, &[255, 0, 255, 0]),
        |reply| reply.without(1).option(1, &[0, 0, 0, 0]),
        |reply| reply.without(1).option(1, &[255, 255]),
        |reply| reply.without(51),
        |reply| reply.without(51).option(51, &[0, 0, 0, 0]),
        // The parts of one option: eight octets (RFC 3396 §7).
        |reply| reply.option(51, &[0, 0, 1, 0]),
    ];
    for change in changes {
        in_spite_of(change, unusable);
    }
}

#[test]
fn offer_without_a_server_identifier_is_passed_over() {
    for server in [&[][..], &[0, 0, 0, 0], &[255, 255, 255, 255], &[10, 0]] {
        let (world, log) = served(ClientConfig::new(), move |request| {
            let offer = request.grant(OFFER, OURS, 3600).without(54);
            vec![offer.option(54, server)]
        });
        world.net.run_for(secs(2));
        assert_eq!(kinds(&log), [DISCOVER]);
        assert_eq!(world.client.counters().unusable, 1);
    }
}

#[test]
fn address_without_a_mask_is_of_its_class() {
    let (world, _) = served(ClientConfig::new(), |request| {
        let replies = usual(3600)(request).into_iter();
        replies.map(|reply| reply.without(1)).collect()
    });
    world.bind();
    assert_eq!(world.client.lease().unwrap().address.prefix_length, 8);
}

#[test]
fn relayed_answers_are_taken() {
    let (world, log) = served(ClientConfig::new(), |request| {
        let far = Ipv4Addr::new(192, 168, 7, 7);
        let replies = match request.kind {
            DISCOVER => vec![request.grant_by(far, OFFER, OURS, 3600)],
            REQUEST => vec![request.grant_by(far, ACK, OURS, 3600)],
            _ => Vec::new(),
        };
        let relayed = replies.into_iter().map(|mut reply| {
            reply.bytes[3] = 1;
            reply.bytes[24..28].copy_from_slice(&SERVERS[0].octets());
            reply.option(3, &SERVERS[0].octets())
        });
        relayed.collect()
    });
    world.bind();
    assert_eq!(
        world.client.lease().unwrap().server,
        Ipv4Addr::new(192, 168, 7, 7)
    );
    assert_eq!(log.borrow().len(), 2);
}

#[test]
fn options_in_the_file_and_name_fields_are_read() {
    let (world, _) = served(ClientConfig::new(), |request| {
        let replies = usual(3600)(request).into_iter();
        let moved = replies.map(|reply| {
            let mut reply = reply.without(1).without(51).option(52, &[3]);
            reply.bytes[44..51].copy_from_slice(&[51, 4, 0, 0, 14, 16, 255]);
            reply.bytes[108..115].copy_from_slice(&[1, 4, 255, 255, 255, 0, 255]);
            reply
        });
        moved.collect()
    });
    world.bind();
    let lease = world.client.lease().unwrap();
    assert_eq!((lease.address.prefix_length, lease.duration), (24, 3600));
}

#[test]
fn storm_of_damaged_answers_ends_with_an_address() {
    let world = world(3, ClientConfig::new());
    let mut random = world.net.random();
    let mut number = 0;
    world.serve(0, move |request| {
        let mut replies = usual(60)(request);
        number += 1;
        for reply in &mut replies {
            for _ in 0..random.below(if number < 1000 { 5 } else { 1 }) {
                let place = random.below(reply.bytes.len());
                reply.bytes[place] = random.below(256) as u8;
            }
        }
        replies
    });
    world.net.run_for(secs(50_000));
    world.link.down();
    world.net.run_for(secs(700));
    world.link.up();
    world.bind();
    let counters = world.client.counters();
    assert!(
        counters.malformed + counters.stray + counters.unusable > 30,
        "{counters:?}"
    );
}
