//! Servers that make the client ask (RFC 8415 §16.11, §18.2.11, §20.3, §20.4).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::*;

const KEY: [u8; 16] = *b"between us alone";

/// An Authentication option of RKAP.
fn authentication(counter: u64, kind: u8, value: [u8; 16]) -> Vec<u8> {
    let head = [&[3, 1, 0][..], &counter.to_be_bytes(), &[kind], &value].concat();
    option(11, &head)
}

/// A server that gives its key with each Reply that has leases or servers.
fn with_key(
    mut script: impl FnMut(&Request) -> Vec<Answer>,
) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| {
        let answers = script(request).into_iter();
        let more = |answer: Answer| match answer.bytes[0] {
            REPLY => answer
                .with(option(20, &[]))
                .with(authentication(100, 1, KEY)),
            _ => answer,
        };
        answers.map(more).collect()
    }
}

fn information(request: &Request) -> Vec<Answer> {
    match request.kind {
        INFORMATION_REQUEST => vec![request.answer(REPLY)],
        _ => usual(1000)(request),
    }
}

/// A Reconfigure for the client of a message, with its digest.
fn reconfigure(to: &Request, kind: u8, counter: u64, key: [u8; 16]) -> Answer {
    let mut answer = to.answer(RECONFIGURE);
    answer.bytes[1..4].fill(0);
    let mut answer = answer
        .with(option(19, &[kind]))
        .with(authentication(counter, 2, [0; 16]));
    let mut mac = Hmac::<Md5>::new_from_slice(&key).unwrap();
    mac.update(&answer.bytes);
    let start = answer.bytes.len() - 16;
    answer.bytes[start..].copy_from_slice(&mac.finalize().into_bytes());
    answer
}

impl World {
    /// Sends something to the client, and lets it act.
    fn tell(&self, message: &Answer) {
        let socket = self.servers[0].udp("[::]:0");
        socket
            .try_send_to(&message.bytes, Some(message.to))
            .unwrap();
        self.net.run_for(secs(5));
    }
}

/// A client with leases and the key of its server.
fn bound() -> (World, Log, Request) {
    let (world, log) = served(stateful().reconfigure(true), with_key(information));
    world.bind();
    let first = log.take();
    assert!(first.iter().all(|message| message.option(20) == Some(&[])));
    let request = first[0].clone();
    (world, log, request)
}

#[test]
fn client_renews_rebinds_or_asks_as_its_server_wants() {
    let (world, log, request) = bound();
    for (counter, kind) in [(101, RENEW), (102, REBIND), (103, INFORMATION_REQUEST)] {
        world.tell(&reconfigure(&request, kind, counter, KEY));
        let heard = log.take();
        assert_eq!(
            heard.iter().map(|message| message.kind).collect::<Vec<_>>(),
            [kind]
        );
        // "the client includes a Server Identifier option" (§18.2.6).
        let named = (kind != REBIND).then_some(server_duid(0));
        assert_eq!(heard[0].option(2), named.as_deref());
        assert_eq!(heard[0].option(20), Some(&[][..]));
        world.assert_bound();
    }
    // Leases are renewed in time after it.
    world.net.run_for(secs(500));
    assert_eq!(kinds(&log), [RENEW]);
}

#[test]
fn client_without_leases_asks_for_information_again() {
    let config = ClientConfig::new().mode(Mode::Stateless).reconfigure(true);
    let (world, log) = served(config, with_key(information));
    world.net.block_on(world.client.configured());
    let request = log.take().pop().unwrap();
    world.tell(&reconfigure(&request, RENEW, 101, KEY));
    assert_eq!(kinds(&log), [0; 0]);
    world.tell(&reconfigure(&request, INFORMATION_REQUEST, 102, KEY));
    assert_eq!(kinds(&log), [INFORMATION_REQUEST]);
    assert_eq!(log.borrow()[0].option(2), Some(&server_duid(0)[..]));
    assert_eq!(world.state(), ClientState::Informed);
}

#[test]
fn reconfigure_that_is_not_the_servers_is_discarded() {
    let (world, log, request) = bound();
    let right = |counter| reconfigure(&request, RENEW, counter, KEY);
    let mut broken = right(101);
    broken.bytes[1] ^= 1;
    let wrong = [
        reconfigure(&request, RENEW, 101, *b"some other's key"),
        // §20.3.
        right(100),
        broken,
        right(101).without(2),
        right(101).without(1),
        right(101).without(11),
        right(101).without(19),
        // "the Reconfigure Message option msg-type is not a valid value" (§16.11).
        reconfigure(&request, REQUEST, 101, KEY),
        right(101).at_group("ff02::1"),
    ];
    for message in &wrong {
        world.tell(message);
        assert_eq!(kinds(&log), [0; 0], "{:?}", message.bytes);
    }
    world.tell(&right(101));
    assert_eq!(kinds(&log), [RENEW]);
    // And not twice.
    world.tell(&right(101));
    assert_eq!(kinds(&log), [RENEW]);
}

#[test]
fn reconfigure_is_discarded_while_the_client_asks_anyhow() {
    let mut is_silent = false;
    let (world, log) = served(stateful().reconfigure(true), move |request| {
        let answers = match is_silent {
            true => Vec::new(),
            false => with_key(usual(1000))(request),
        };
        is_silent |= request.kind == REQUEST;
        answers
    });
    world.bind();
    let request = log.take()[0].clone();
    world.tell(&reconfigure(&request, RENEW, 101, KEY));
    world.tell(&reconfigure(&request, REBIND, 102, KEY));
    world.net.run_for(secs(10));
    // The renewal goes on, and is repeated.
    assert_eq!(kinds(&log), [RENEW, RENEW]);
}

#[test]
fn client_that_was_given_no_key_accepts_none() {
    for config in [stateful(), stateful().reconfigure(true)] {
        let is_accepting = log_has_accept(config);
        let (world, log) = served(config, move |request| match is_accepting {
            // The server gives a key without being asked for one, or none.
            false => with_key(usual(1000))(request),
            true => usual(1000)(request),
        });
        world.bind();
        let request = log.take()[0].clone();
        world.tell(&reconfigure(&request, RENEW, 101, KEY));
        assert_eq!(kinds(&log), [0; 0]);
    }
}

/// Whether a client with this configuration says that it accepts a Reconfigure.
fn log_has_accept(config: ClientConfig<'static>) -> bool {
    let (world, log) = served(config, usual(1000));
    world.bind();
    log.borrow()[0].option(20).is_some()
}
