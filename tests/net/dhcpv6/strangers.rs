//! What is not for the client, or not what a server may say (RFC 8415 §16).

use super::*;

/// A server that says something else before each right answer.
fn spoofed(spoof: impl Fn(&Request, Answer) -> Vec<Answer> + 'static) -> (World, Log) {
    served(stateful(), move |request| {
        let answers = usual(1000)(request).into_iter();
        let both = answers.flat_map(|answer| {
            let mut answers = spoof(request, answer.clone());
            answers.push(answer.after(ms(20)));
            answers
        });
        both.collect()
    })
}

/// What each of the answers is made of instead counts as stray, and the right one is taken.
#[track_caller]
fn assert_stray(spoof: impl Fn(&Request, Answer) -> Vec<Answer> + 'static) {
    let (world, log) = spoofed(spoof);
    world.bind();
    world.assert_bound();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST]);
    let counters = world.client.counters();
    assert!(counters.stray >= 2, "{counters:?}");
    assert_eq!((counters.taken, counters.acknowledged), (1, 1));
}

/// The answer, with another address in it.
fn other(request: &Request, answer: &Answer) -> Answer {
    let lease = request.lease(answer.bytes[0], OTHER, 1000);
    Answer {
        bytes: lease.bytes,
        ..answer.clone()
    }
}

#[test]
fn answer_of_another_exchange_is_stray() {
    assert_stray(|request, answer| {
        let mut wrong = other(request, &answer);
        wrong.bytes[3] ^= 1;
        vec![wrong]
    });
}

#[test]
fn answer_without_the_duid_of_the_server_is_stray() {
    assert_stray(|request, answer| vec![other(request, &answer).without(2)]);
}

#[test]
fn answer_without_the_duid_of_the_client_is_stray() {
    assert_stray(|request, answer| vec![other(request, &answer).without(1)]);
}

#[test]
fn answer_to_another_client_is_stray() {
    assert_stray(|request, answer| {
        let wrong = other(request, &answer).without(1);
        vec![wrong.with(option(1, &[0, 3, 0, 1, 9, 9, 9, 9, 9, 9]))]
    });
}

#[test]
fn answer_to_a_group_is_stray() {
    let (world, _) = spoofed(|request, answer| {
        let mut wrong = other(request, &answer).at_group("ff02::1");
        wrong.to.set_port(546);
        vec![wrong]
    });
    world.bind();
    world.assert_bound();
}

#[test]
fn reply_of_another_server_than_was_asked_is_stray() {
    let (world, log) = served(stateful(), |request| match request.kind {
        REQUEST | RENEW => {
            let wrong = request.answer_by(1, REPLY);
            let lease = address(OTHER, 1000, 2000);
            let wrong = wrong.with(association(3, 0, 500, 800, &[lease]));
            let right = usual(1000)(request).pop().unwrap();
            vec![wrong, right.after(ms(20))]
        }
        _ => usual(1000)(request),
    });
    world.bind();
    world.net.run_for(secs(510));
    world.assert_bound();
    assert_eq!(kinds(&log), [SOLICIT, REQUEST, RENEW]);
    assert_eq!(world.client.counters().stray, 2);
}

#[test]
fn messages_that_no_client_gets_are_stray() {
    // "Clients MUST discard any received [...] messages" (§16.2 to §16.14), and of an unknown type.
    for kind in [
        SOLICIT,
        REQUEST,
        CONFIRM,
        RENEW,
        REBIND,
        RELEASE,
        DECLINE,
        INFORMATION_REQUEST,
        12,
        13,
        0,
        99,
    ] {
        assert_stray(move |request, answer| {
            let mut wrong = other(request, &answer);
            wrong.bytes[0] = kind;
            vec![wrong]
        });
    }
}

#[test]
fn advertise_and_reply_are_taken_where_they_belong_only() {
    assert_stray(|request, answer| {
        let mut wrong = other(request, &answer);
        wrong.bytes[0] = ADVERTISE + REPLY - wrong.bytes[0];
        vec![wrong]
    });
}

#[test]
fn reconfigure_is_discarded_by_a_client_that_accepts_none() {
    let (world, log) = served(stateful(), usual(1000));
    world.bind();
    let first = log.take();
    // §21.20: "In the absence of this option, the default behavior is that the client is unwilling".
    assert!(first.iter().all(|message| message.option(20).is_none()));
    let request = &first[1];
    let mut key = vec![3, 1, 0];
    key.extend([0; 8]);
    key.extend([2; 17]);
    let message = request
        .answer(RECONFIGURE)
        .with(option(19, &[RENEW]))
        .with(option(11, &key));
    let socket = world.servers[0].udp("[::]:0");
    socket
        .try_send_to(&message.bytes, Some(message.to))
        .unwrap();
    world.net.run_for(secs(10));
    assert_eq!(kinds(&log), [0; 0]);
    assert_eq!(world.client.counters().stray, 1);
}

#[test]
fn malformed_message_is_refused_and_the_right_one_taken() {
    let (world, _) = spoofed(|request, answer| {
        let wrong = other(request, &answer);
        let cut = |length| Answer {
            bytes: wrong.bytes[..length].to_vec(),
            ..wrong.clone()
        };
        let mut long = wrong.clone();
        long.bytes.extend([0, 23, 1, 0, 1, 2]);
        let wrong = [cut(0), cut(3), cut(wrong.bytes.len() - 1), long];
        let spread = wrong.into_iter().zip([0, 3, 6, 9]);
        spread.map(|(wrong, at)| wrong.after(ms(at))).collect()
    });
    world.bind();
    world.assert_bound();
    assert_eq!(world.client.counters().malformed, 8);
}

#[test]
fn options_that_nobody_knows_are_passed_over() {
    // "MUST NOT discard messages that contain unknown options" (§16).
    let (world, _) = served(stateful(), |request| {
        let answers = usual(1000)(request).into_iter();
        let more = |mut answer: Answer| {
            answer.bytes.splice(4..4, option(60_000, b"who knows"));
            answer.with(option(60_001, &[]))
        };
        answers.map(more).collect()
    });
    world.bind();
    world.assert_bound();
    assert_eq!(world.client.counters().stray, 0);
}

#[test]
fn associations_of_others_are_passed_over() {
    let (world, _) = served(stateful(), |request| {
        let answers = usual(1000)(request).into_iter();
        let more = |mut answer: Answer| {
            let lease = address(OTHER, 1000, 2000);
            answer.bytes.splice(
                4..4,
                association(3, 7, 10, 20, std::slice::from_ref(&lease)),
            );
            // Too short to be one, and of a kind that was not asked for.
            answer.with(option(3, &[0; 11])).with(association(
                25,
                0,
                10,
                20,
                &[prefix(PREFIX, 56, 10, 20)],
            ))
        };
        answers.map(more).collect()
    });
    world.bind();
    world.net.run_for(secs(100));
    world.assert_bound();
    assert!(world.client.prefixes().is_empty());
}

#[test]
fn flood_of_answers_leaves_the_client_at_work() {
    let (world, log) = served(stateful(), usual(1000));
    let flooder = world.servers[1].udp("[::]:0");
    let to = SocketAddr::V6(std::net::SocketAddrV6::new(
        world.host.link_local(world.link),
        546,
        0,
        u32::from(world.servers[1].interface(world.link)) + 1,
    ));
    world.net.run_for(secs(1));
    for round in 0..300u32 {
        for kind in [ADVERTISE, REPLY, RECONFIGURE] {
            let mut bytes = vec![kind];
            bytes.extend(&round.to_be_bytes()[1..]);
            bytes.extend(option(1, &server_duid(9)));
            bytes.extend(option(2, &server_duid(9)));
            let _: Result<(), _> = flooder.try_send_to(&bytes, Some(to));
        }
        world.net.run_for(ms(10));
    }
    world.bind();
    world.assert_bound();
    assert_eq!(kinds(&log)[..2], [SOLICIT, REQUEST]);
    assert!(world.client.counters().stray > 800);
}
