//! What is answered to whom, and when (RFC 6762 §5.4, §5.5, §6, §10, §18).

use super::*;

#[test]
fn address_of_the_host_is_answered_at_once_and_the_other_version_goes_along() {
    let world = named(1);
    let start = world.net.now();
    let heard = world.ask(&Say::query().question("zonda.local", A, IN), secs(2));
    assert_eq!(heard.len(), 1);
    let Heard {
        at,
        source,
        to,
        hop_limit,
        message,
    } = &heard[0];
    assert!(millis(start, *at) <= 10);
    assert_eq!(
        (source.to_string(), to.to_string()),
        ("10.0.0.1:5353".into(), "224.0.0.251".into())
    );
    assert_eq!(*hop_limit, 255);
    // RFC 6762 §18: identifier 0, QR and AA, nothing else; no question (§6).
    assert_eq!((message.id, message.flags), (0, 0x8400));
    assert!(message.questions.is_empty());
    assert_eq!(message.answers(), ["zonda.local A! 120 10.0.0.1"]);
    assert_eq!(
        sorted(&message.additional()),
        world.addresses("zonda.local", 120)[1..]
    );
    world.net.run_for(secs(2));
    // The question in other letters, of the other type, by IPv6.
    world.peer.say_to(
        &Say::query().question("ZONDA.Local", AAAA, IN),
        "[ff02::fb]:5353",
    );
    world.net.run_for(secs(2));
    let heard = world.peer.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].to.to_string(), "ff02::fb");
    assert_eq!(
        sorted(&heard[0].message.answers()),
        world.addresses("zonda.local", 120)[1..]
    );
    assert_eq!(
        heard[0].message.additional(),
        ["zonda.local A! 120 10.0.0.1"]
    );
}

#[test]
fn what_is_unknown_is_not_answered() {
    let world = named(1);
    for (name, kind, class) in [
        ("other.local", A, IN),
        ("local", A, IN),
        ("a.zonda.local", A, IN),
        ("zonda", A, IN),
        ("zonda.local", A, 3),
        ("zonda.example", ANY, IN),
        ("2.0.0.10.in-addr.arpa", PTR, IN),
    ] {
        let heard = world.ask(&Say::query().question(name, kind, class), secs(1));
        assert_eq!(heard.len(), 0, "{name}");
    }
}

#[test]
fn any_type_and_any_class_are_answered_with_all() {
    let world = named(1);
    for class in [IN, 255] {
        let heard = world.ask(&Say::query().question("zonda.local", ANY, class), secs(5));
        assert_eq!(heard.len(), 1);
        let answers = sorted(&heard[0].message.answers());
        assert_eq!(answers, world.addresses("zonda.local", 120));
    }
}

#[test]
fn reverse_names_are_answered() {
    let world = named(1);
    let own = [
        "1.0.0.10.in-addr.arpa".to_string(),
        claims::reverse6("fd00::1"),
        claims::reverse6(&world.link_local()),
    ];
    for name in own {
        let heard = world.ask(&Say::query().question(&name, PTR, IN), secs(2));
        assert_eq!(heard.len(), 1);
        assert!(
            heard[0]
                .message
                .has_answer(&format!("{name} PTR! 120 zonda.local"))
        );
        let heard = world.ask(&Say::query().question(&name, TXT, IN), secs(2));
        assert!(
            heard[0]
                .message
                .has_answer(&format!("{name} NSEC! 120 {name} PTR"))
        );
    }
}

#[test]
fn types_that_the_name_does_not_have_are_denied() {
    let world = named(1);
    let heard = world.ask(&Say::query().question("zonda.local", TXT, IN), secs(2));
    assert_eq!(heard.len(), 1);
    assert_eq!(
        heard[0].message.answers(),
        ["zonda.local NSEC! 120 zonda.local A AAAA"]
    );
}

#[test]
fn version_that_the_host_does_not_have_is_denied() {
    let world = named(1);
    world
        .host
        .stack()
        .remove_address(world.id, "10.0.0.1".parse().unwrap());
    world.rest();
    let ask = |kind| {
        world.peer.say_to(
            &Say::query().question("zonda.local", kind, IN),
            "[ff02::fb]:5353",
        );
        world.net.run_for(secs(3));
        world.peer.take().remove(0).message
    };
    assert_eq!(ask(A).answers(), ["zonda.local NSEC! 120 zonda.local AAAA"]);
    let message = ask(AAAA);
    assert_eq!(message.answers().len(), 2);
    assert_eq!(
        message.additional(),
        ["zonda.local NSEC! 120 zonda.local AAAA"]
    );
}

#[test]
fn record_is_multicast_once_a_second() {
    let world = named(1);
    let query = Say::query().question("zonda.local", A, IN);
    for _ in 0..200 {
        world.peer.say(&query);
        world.other.say(&query);
        world.net.run_for(ms(20));
    }
    world.net.run_for(secs(2));
    let heard = world.peer.responses4();
    assert!((4..=6).contains(&heard.len()), "{}", heard.len());
    for pair in heard.windows(2) {
        assert!(millis(pair[0].at, pair[1].at) >= 1000);
    }
}

#[test]
fn each_version_has_its_own_answers() {
    let world = named(1);
    let query = Say::query().question("zonda.local", A, IN);
    world.peer.say(&query);
    world.peer.say_to(&query, "[ff02::fb]:5353");
    world.net.run_for(ms(20));
    let heard = world.peer.take();
    assert_eq!(heard.len(), 2);
    assert_ne!(heard[0].is_ipv4(), heard[1].is_ipv4());
}

#[test]
fn several_questions_are_answered_in_one_message_after_a_while() {
    let mut delays = Vec::new();
    for seed in 1..8 {
        let world = named(seed);
        let start = world.net.now();
        let query = Say::query().question("zonda.local", A, IN);
        let heard = world.ask(&query.question("zonda.local", AAAA, IN), secs(2));
        assert_eq!(heard.len(), 1);
        let answers = sorted(&heard[0].message.answers());
        assert_eq!(answers, world.addresses("zonda.local", 120));
        delays.push(millis(start, heard[0].at));
    }
    assert!(
        delays.iter().all(|delay| (20..=121).contains(delay)),
        "{delays:?}"
    );
    assert!(delays.iter().any(|delay| *delay != delays[0]), "{delays:?}");
}

#[test]
fn unicast_will_do_if_all_have_heard_lately() {
    let world = named(1);
    let query = Say::query().question("zonda.local", A, TOP);
    // Nobody has heard of it for a minute, which is half of its TTL.
    let heard = world.ask(&query, secs(2));
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].to.to_string(), "224.0.0.251");
    let heard = world.ask(&query, secs(2));
    assert_eq!(heard.len(), 1);
    assert_eq!(
        (heard[0].to.to_string(), heard[0].hop_limit),
        ("10.0.0.9".into(), 255)
    );
    // It is as it would be by multicast (RFC 6762 §5.4).
    assert_eq!(heard[0].message.answers(), ["zonda.local A! 120 10.0.0.1"]);
    assert_eq!(
        (heard[0].message.id, heard[0].message.questions.len()),
        (0, 0)
    );
    // A quarter of the TTL later all are told again.
    world.net.run_for(secs(30));
    let heard = world.ask(&query, secs(2));
    assert_eq!(heard[0].to.to_string(), "224.0.0.251");
}

#[test]
fn query_to_this_host_alone_is_answered_by_unicast() {
    let world = named(1);
    let _ = world.ask(&Say::query().question("zonda.local", A, IN), secs(2));
    world.peer.say_to(
        &Say::query().question("zonda.local", A, IN),
        "10.0.0.1:5353",
    );
    world.net.run_for(secs(2));
    let heard = world.peer.take();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].to.to_string(), "10.0.0.9");
}

#[test]
fn legacy_query_is_answered_as_by_a_server() {
    let world = named(1);
    let socket = world.peer.host.udp("[::]:40000");
    let mut query = Say::query().question("zonda.local", A, IN);
    query.id = 0x1234;
    for to in [GROUP4, "10.0.0.1:5353", "[ff02::fb%1]:5353"] {
        let to = to.replace("%1", "");
        socket
            .try_send_to(&query.bytes(), Some(to.parse().unwrap()))
            .unwrap();
        world.net.run_for(ms(20));
        let mut bytes = [0; 1000];
        let (length, info) = socket.try_recv_from(&mut bytes).unwrap();
        assert_eq!((info.source.port(), info.hop_limit), (5353, 255));
        let message = Message::read(&bytes[..length]).unwrap();
        assert_eq!((message.id, message.flags), (0x1234, 0x8400));
        assert_eq!(message.questions, ["zonda.local A"]);
        // Ten seconds, and no bit that would flush a cache.
        assert_eq!(message.answers(), ["zonda.local A 10 10.0.0.1"]);
        let others = world.addresses("zonda.local", 10)[1..].to_vec();
        let others: Vec<_> = others
            .iter()
            .map(|record| record.replace('!', ""))
            .collect();
        assert_eq!(sorted(&message.additional()), others);
    }
    // Nobody else hears it.
    assert_eq!(world.peer.responses4().len(), 0);
}

#[test]
fn header_bits_that_mean_nothing_are_ignored() {
    let world = named(1);
    // AA, RD, RA, Z, AD and CD, and an identifier (RFC 6762 §18.1 to §18.10).
    for bit in [0x400, 0x100, 0x80, 0x40, 0x20, 0x10] {
        let mut query = Say::query().question("zonda.local", A, IN);
        (query.id, query.flags) = (7, bit);
        let heard = world.ask(&query, secs(2));
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].message.id, heard[0].message.flags), (0, 0x8400));
    }
    // Opcodes and response codes (§18.3, §18.11).
    let before = world.mdns.counters().unknown;
    for bit in [1 << 11, 4 << 11, 3, 5] {
        let mut query = Say::query().question("zonda.local", A, IN);
        query.flags = bit;
        assert_eq!(world.ask(&query, secs(2)).len(), 0);
    }
    assert_eq!(world.mdns.counters().unknown, before + 4);
}

#[test]
fn same_data_with_a_short_life_are_announced_again() {
    let world = named(1);
    world
        .peer
        .say(&Say::response().a("zonda.local", 59, "10.0.0.1"));
    world.net.run_for(secs(2));
    let heard = world.peer.responses4();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].message.has_answer("zonda.local A! 120 10.0.0.1"));
    // Half of it is enough (RFC 6762 §6.6).
    world
        .peer
        .say(&Say::response().a("zonda.local", 60, "10.0.0.1"));
    world.net.run_for(secs(2));
    assert_eq!(world.peer.responses4().len(), 0);
    // A goodbye as well (§10.1: a second to rescue it).
    world
        .peer
        .say(&Say::response().a("zonda.local", 0, "10.0.0.1"));
    world.net.run_for(secs(1));
    assert_eq!(world.peer.responses4().len(), 1);
}

#[test]
fn answers_that_are_due_together_go_together() {
    let world = services::with_kettle(1);
    world
        .peer
        .say(&Say::query().question(services::TYPE, PTR, IN));
    world.net.run_for(ms(15));
    let types = "_services._dns-sd._udp.local";
    world.other.say(&Say::query().question(types, PTR, IN));
    world.net.run_for(secs(2));
    let heard = world.peer.responses4();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].message.has_answer(services::TYPE) && heard[0].message.has_answer(types));
}

#[test]
fn legacy_answer_that_is_cut_says_so() {
    let world = named(1);
    world
        .host
        .change(world.link, |capabilities| capabilities.mtu = 120);
    let socket = world.peer.host.udp("[::]:40000");
    let query = Say::query().question("zonda.local", ANY, IN);
    socket
        .try_send_to(&query.bytes(), Some(GROUP4.parse().unwrap()))
        .unwrap();
    world.net.run_for(ms(20));
    let mut bytes = [0; 1000];
    let (length, _) = socket.try_recv_from(&mut bytes).unwrap();
    let message = Message::read(&bytes[..length]).unwrap();
    assert!(message.is_truncated());
    assert_eq!(message.answers()[0], "zonda.local A 10 10.0.0.1");
    assert!(length <= 120 - 28);
}
