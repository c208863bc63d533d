//! What is not the answer: forged, damaged, or meant for somebody else (RFC 5452 §4, §9).

use super::*;
use crate::alone::{Alone, HOST4, PEER4, neighborly};
use crate::frame::{self, UDP};

/// A client whose server is the peer; the frames are made by the test.
fn with_peer() -> (Alone, &'static Resolver<'static>) {
    let alone = neighborly();
    let resolver: &'static _ = Box::leak(Box::new(Resolver::new(alone.stack())));
    resolver.set_servers(ServerSource::Static, None, &[PEER4.into()]);
    (alone, resolver)
}

/// The query that the peer has received.
fn query_of(alone: &Alone) -> Query {
    let seen = alone.sent();
    let packets: Vec<_> = seen.iter().filter_map(|seen| seen.ip()).collect();
    let packet = packets
        .iter()
        .find(|packet| packet.udp().is_some())
        .expect("a query");
    let (source, destination, data) = packet.udp().unwrap();
    assert_eq!(destination, 53);
    Query::read(data, SocketAddr::new(HOST4.into(), source), alone.net.now())
}

/// Sends a datagram to the client, which may come from anywhere.
fn send(alone: &Alone, from: (IpAddr, u16), port: u16, data: &[u8]) {
    let datagram = frame::udp(from, (HOST4.into(), port), data);
    alone
        .peer
        .send(alone.to_host(&frame::ip(from.0, HOST4.into(), UDP, &datagram)));
    alone.net.run_for(ms(1));
}

#[test]
fn defect_022_answer_from_elsewhere_is_not_taken() {
    let (alone, resolver) = with_peer();
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    let port = query.source.port();
    let forged = query.addresses(&["10.6.6.6"]).bytes();
    let server: IpAddr = PEER4.into();
    for from in [
        (server, 54),
        (server, 5353),
        (ip("10.0.0.10"), 53),
        (ip("10.0.0.10"), 5353),
    ] {
        send(&alone, from, port, &forged);
    }
    // To another port, and to another address of the client.
    send(&alone, (server, 53), port ^ 1, &forged);
    assert!(!lookup.is_done());
    send(
        &alone,
        (server, 53),
        port,
        &query.addresses(&["10.1.1.1"]).bytes(),
    );
    assert_eq!(lookup.take().unwrap().unwrap()[..], [ip("10.1.1.1")]);
    // None of those has come as far as the resolver.
    let counters = resolver.counters();
    assert_eq!(
        (counters.wrong_id, counters.wrong_question, counters.answers),
        (0, 0, 1)
    );
}

#[test]
fn answer_to_another_address_of_the_client_is_not_taken() {
    let (alone, resolver) = with_peer();
    alone.host.add(alone.link, "10.0.0.2/24");
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    let forged = query.addresses(&["10.6.6.6"]).bytes();
    let (server, other) = (PEER4.into(), ip("10.0.0.2"));
    let datagram = frame::udp((server, 53), (other, query.source.port()), &forged);
    alone
        .peer
        .send(alone.to_host(&frame::ip(server, other, UDP, &datagram)));
    alone.net.run_for(ms(10));
    assert!(!lookup.is_done());
}

#[test]
fn wrong_identifiers_and_questions_are_counted_and_the_wait_goes_on() {
    let (alone, resolver) = with_peer();
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    let (from, port) = ((PEER4.into(), 53), query.source.port());
    let forged = query.addresses(&["10.6.6.6"]);
    let change = |change: fn(&mut Reply)| {
        let mut reply = forged.clone();
        change(&mut reply);
        reply.bytes()
    };
    let ids = [
        change(|reply| reply.id ^= 1),
        // A query, and a response to something that is no query.
        change(|reply| reply.flags &= 0x7fff),
        change(|reply| reply.flags |= 2 << 11),
    ];
    let questions = [
        // Another name, type, class; none; and with the bit that multicast DNS has.
        change(|reply| reply.question = [&encode("shop.org")[..], &[0, 1, 0, 1]].concat()),
        change(|reply| reply.question = [&encode("bank.org")[..], &[0, 28, 0, 1]].concat()),
        change(|reply| reply.question = [&encode("bank.org")[..], &[0, 1, 0, 3]].concat()),
        change(|reply| reply.question = [&encode("bank.org")[..], &[0, 1, 0x80, 1]].concat()),
        change(|reply| (reply.question, reply.questions) = (Vec::new(), 0)),
        change(|reply| (reply.question, reply.questions) = (reply.question.repeat(2), 2)),
    ];
    for bytes in ids.iter().chain(&questions) {
        send(&alone, from, port, bytes);
        assert!(!lookup.is_done());
    }
    let counters = resolver.counters();
    assert_eq!((counters.wrong_id, counters.wrong_question), (3, 6));
    send(&alone, from, port, &query.addresses(&["10.1.1.1"]).bytes());
    assert_eq!(lookup.take().unwrap().unwrap()[..], [ip("10.1.1.1")]);
}

#[test]
fn malformed_answers_are_counted_and_the_wait_goes_on() {
    let (alone, resolver) = with_peer();
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    let (from, port) = ((PEER4.into(), 53), query.source.port());
    let good = query.addresses(&["10.1.1.1"]).bytes();
    let mut malformed = 0;
    for length in 0..good.len() {
        // What is shorter than a header, or ends within question or record.
        send(&alone, from, port, &good[..length]);
        malformed += 1;
    }
    let reply = query.reply();
    for reply in [
        reply.clone().answer("bank.org", A, 60, &[10, 6, 6]),
        reply.clone().answer("bank.org", AAAA, 60, &[10, 6, 6, 6]),
        // Names that point to themselves and forward.
        reply.clone().answer("bank.org", CNAME, 60, &[0xc0, 48]),
        reply.clone().answer("bank.org", CNAME, 60, &[0xc0, 250]),
        reply.clone().answer("bank.org", CNAME, 60, &[64, 1]),
        reply.clone().answer("bank.org", TXT, 60, &[2, 1]),
    ] {
        send(&alone, from, port, &reply.bytes());
        malformed += 1;
    }
    assert!(!lookup.is_done());
    assert_eq!(resolver.counters().malformed, malformed);
    send(&alone, from, port, &good);
    assert_eq!(lookup.take().unwrap().unwrap()[..], [ip("10.1.1.1")]);
    alone.serves();
}

#[test]
fn chain_of_pointers_is_walked_a_bounded_way() {
    let (alone, resolver) = with_peer();
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    // A record of 400 pointers, each to the one before, and records whose name is the last.
    let mut chain = encode("x");
    let start = 12 + query.question.len() + 9 + 10 + 2;
    for n in 0..400 {
        let to = if n == 0 { start - 1 } else { start + 2 * n };
        chain.extend((0xc000 | to as u16).to_be_bytes());
    }
    let mut reply = query.reply().answer("x.org.ab", 99, 60, &chain);
    let last = (start + 2 * 399) as u16;
    for _ in 0..30 {
        let pointer = (0xc000 | last).to_be_bytes();
        reply.sections[0].push([&pointer[..], &[0, 1, 0, 1, 0, 0, 0, 9, 0, 0]].concat());
    }
    send(
        &alone,
        (PEER4.into(), 53),
        query.source.port(),
        &reply.bytes(),
    );
    assert!(!lookup.is_done());
    assert_eq!(resolver.counters().malformed, 1);
}

#[test]
fn queue_of_a_lookup_is_bounded_under_a_flood() {
    let (alone, resolver) = with_peer();
    let lookup = alone
        .net
        .spawn(resolver.lookup_host("bank.org", Family::V4));
    alone.net.run_for(ms(10));
    let query = query_of(&alone);
    let mut reply = query.addresses(&["10.6.6.6"]);
    reply.id ^= 1;
    let datagram = frame::udp(
        (PEER4.into(), 53),
        (HOST4.into(), query.source.port()),
        &reply.bytes(),
    );
    let bytes = alone.to_host(&frame::ip(PEER4.into(), HOST4.into(), UDP, &datagram));
    for _ in 0..1000 {
        alone.peer.send(&bytes);
    }
    alone.net.run_for(ms(100));
    assert!(resolver.counters().wrong_id > 0);
    send(
        &alone,
        (PEER4.into(), 53),
        query.source.port(),
        &query.addresses(&["10.1.1.1"]).bytes(),
    );
    assert!(lookup.take().unwrap().is_ok());
    alone.serves();
}

#[test]
fn letters_of_random_case_must_be_repeated() {
    let (world, log) = served(|query| {
        let mut reply = query.addresses(&["10.6.6.6"]);
        reply.question.make_ascii_lowercase();
        let mut good = query.addresses(&["10.1.1.1"]);
        good.question = query.question.clone();
        vec![reply, good]
    });
    world.resolver.set_case_randomization(true);
    let long = "a-name-with-many-letters.example.org";
    assert_eq!(world.v4(long).unwrap(), ["10.1.1.1"]);
    assert_eq!(world.resolver.counters().wrong_question, 1);
    let asked = &names(&log)[0];
    assert!(asked.eq_ignore_ascii_case(long) && asked != long);
    assert!(asked.contains(char::is_lowercase) && asked.contains(char::is_uppercase));
}
