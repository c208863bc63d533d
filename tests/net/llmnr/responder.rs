//! What a responder answers, and what it does not (RFC 4795 §2).

use super::*;

#[test]
fn host_answers_for_its_name_over_both_versions_and_for_all_types() {
    let world = running(1);
    let link_local = world.device.link_local(world.link).to_string();
    for is_ipv6 in [false, true] {
        let seen = world.answer(is_ipv6, &query("KETTLE", A));
        // Unicast, from the port that was asked, neither C nor T, TC nor an error.
        assert_eq!((seen.id, seen.flags), (0x1234, RESPONSE));
        assert_eq!((seen.source.port(), seen.hop_limit), (PORT, 255));
        assert!(!seen.destination.is_multicast());
        assert_eq!((&seen.name[..], seen.kind), ("KETTLE", A));
        let [record] = &seen.sections[0][..] else {
            panic!("{seen:?}");
        };
        assert_eq!(
            (&record.name[..], record.kind, record.class),
            ("KETTLE", A, 1)
        );
        assert_eq!((record.ttl, &record.data[..]), (30, &[10, 0, 0, 1][..]));
        assert!(seen.sections[1].is_empty() && seen.sections[2].is_empty());
        let mut six = world.answer(is_ipv6, &query("kettle", AAAA)).addresses();
        six.sort();
        assert_eq!(six, ["fd00::1", &link_local[..]]);
        let all = world.answer(is_ipv6, &query("kettle", ANY));
        assert_eq!(all.addresses().len(), 3);
        assert!(all.sections[0].iter().all(|record| record.ttl == 30));
    }
}

#[test]
fn type_that_the_host_does_not_have_is_answered_with_nothing_and_an_soa() {
    let world = running(1);
    for (name, kind) in [
        ("kettle", TXT),
        ("kettle", PTR),
        ("1.0.0.10.in-addr.arpa", A),
    ] {
        let seen = world.answer(false, &query(name, kind));
        assert_eq!(seen.flags, RESPONSE);
        assert!(seen.sections[0].is_empty());
        let [soa] = &seen.sections[1][..] else {
            panic!("{seen:?}");
        };
        assert_eq!((&soa.name[..], soa.kind, soa.ttl), (name, SOA, 30));
        // MINIMUM.
        assert!(soa.data.ends_with(&30u32.to_be_bytes()));
    }
}

#[test]
fn address_of_the_host_has_its_name() {
    let world = running(1);
    let six = format!("1{}.0.0.d.f.ip6.arpa", ".0".repeat(27));
    for name in ["1.0.0.10.in-addr.arpa", &six] {
        for kind in [PTR, ANY] {
            let seen = world.answer(false, &query(name, kind));
            let [record] = &seen.sections[0][..] else {
                panic!("{seen:?}");
            };
            assert_eq!(
                (record.kind, &record.data[..]),
                (PTR, &encode("kettle")[..])
            );
        }
    }
    assert!(
        world
            .ask(false, &query("2.0.0.10.in-addr.arpa", PTR))
            .is_empty()
    );
}

#[test]
fn host_is_silent_about_other_names_and_those_below_its_own() {
    let world = running(1);
    for name in [
        "teapot",
        "child.kettle",
        "kettle.local",
        "kettl",
        "kettles",
        "",
    ] {
        for is_ipv6 in [false, true] {
            assert!(world.ask(is_ipv6, &query(name, A)).is_empty());
        }
    }
    assert_eq!(world.llmnr.counters().ignored, 12);
    assert_eq!(world.llmnr.counters().queries, 0);
}

#[test]
fn queries_that_are_not_as_they_have_to_be_are_discarded() {
    let world = running(1);
    let good = query("kettle", A);
    let malformed = [
        // Opcode.
        good.clone().word(2, 1 << 11),
        // Questions, answers, authority.
        good.clone().word(4, 0),
        good.clone().address("kettle", "10.0.0.9"),
        good.clone().record(1, "kettle", A, 30, &[10, 0, 0, 9]),
        Message {
            bytes: good.bytes[..16].to_vec(),
        },
        Message {
            bytes: [&good.bytes[..], &good.bytes[12..]].concat(),
        }
        .word(4, 2),
    ];
    let count = malformed.len() as u32;
    for message in &malformed {
        assert!(world.ask(false, message).is_empty());
    }
    assert_eq!(world.llmnr.counters().malformed, count);
    // Another class.
    let mut chaos = good.clone();
    *chaos.bytes.last_mut().unwrap() = 3;
    assert!(world.ask(false, &chaos).is_empty());
    // A response is none.
    assert!(world.ask(false, &good.clone().word(2, RESPONSE)).is_empty());
    assert_eq!(world.llmnr.counters().stray, 1);
    assert_eq!(world.answer(false, &good).addresses(), ["10.0.0.1"]);
}

#[test]
fn bits_that_mean_nothing_in_a_query_are_ignored() {
    let world = running(1);
    // TC, T, the reserved ones, and a response code.
    for bits in [TC, T, 0x80, 0x40, 0x20, 0x10, 3] {
        let seen = world.answer(false, &query("kettle", A).word(2, bits));
        assert_eq!((seen.flags, seen.addresses().len()), (RESPONSE, 1));
    }
    // And what stands in the additional section.
    let message = query("kettle", A).record(2, "kettle", A, 30, &[10, 0, 0, 9]);
    assert_eq!(world.answer(false, &message).addresses(), ["10.0.0.1"]);
}

#[test]
fn query_to_the_host_alone_or_to_another_group_is_discarded() {
    let world = running(1);
    let socket = world.other.udp("[::]:0");
    for to in [
        "10.0.0.1:5355",
        "[fd00::1]:5355",
        "224.0.0.1:5355",
        "[ff02::1]:5355",
    ] {
        let mut to: SocketAddr = to.parse().unwrap();
        if let SocketAddr::V6(to) = &mut to
            && to.ip().is_multicast()
        {
            to.set_scope_id(1);
        }
        let sent = socket.try_send_to(&query("kettle", A).bytes, Some(to));
        assert_eq!(sent, Ok(()));
    }
    world.net.run_for(secs(1));
    assert!(socket.try_recv().is_none());
    assert_eq!(world.llmnr.counters().queries, 0);
    assert!(world.llmnr.counters().unicast >= 2);
}

#[test]
fn address_of_the_scope_of_the_query_comes_first() {
    let world = running(1);
    let socket = world.other.udp("[::]:0");
    let link_local = world.other.link_local(world.link);
    for (from, expected) in [
        (IpAddr::V6(link_local), world.device.link_local(world.link)),
        ("fd00::2".parse().unwrap(), "fd00::1".parse().unwrap()),
    ] {
        let message = query("kettle", AAAA);
        let sent = socket.send_from(&message.bytes, from, world.group(true));
        world.net.block_on(sent).unwrap();
        world.net.run_for(secs(1));
        let seen = receive(&socket, world.net.now()).expect("an answer");
        assert_eq!(seen.addresses()[0], expected.to_string());
        assert_eq!(seen.addresses().len(), 2);
    }
}

#[test]
fn extension_of_dns_is_answered_and_one_of_another_version_with_nothing() {
    let world = running(1);
    let seen = world.answer(false, &query("kettle", A).edns(1400, 0));
    assert_eq!((seen.flags, seen.addresses().len()), (RESPONSE, 1));
    let [opt] = &seen.sections[2][..] else {
        panic!("{seen:?}");
    };
    assert_eq!((opt.kind, opt.class, opt.ttl), (41, 1472, 0));
    // "an RCODE of zero, no RRs in the answer section, and the TC bit set".
    let seen = world.answer(false, &query("kettle", A).edns(1400, 1));
    assert_eq!(seen.flags, RESPONSE | TC);
    assert!(seen.sections[0].is_empty());
    assert_eq!(seen.sections[2][0].ttl, 0);
}

#[test]
fn dropped_responder_is_silent_and_takes_nothing_with_it() {
    let world = world(1);
    let (llmnr, stack) = (world.llmnr, world.device.stack());
    world.net.spawn(async move {
        embassy_futures::select::select(llmnr.run(), stack.sleep(secs(5))).await;
    });
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Unique);
    world.net.run_for(secs(5));
    assert_eq!(world.state(), NameState::Inactive);
    assert!(world.ask(false, &query("kettle", A)).is_empty());
    // The port is free again.
    world.run();
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Unique);
}

#[test]
fn flood_of_queries_and_noise_leaves_the_responder_as_it_was() {
    let world = running(1);
    let socket = world.other.udp("[::]:0");
    let mut random = world.net.random();
    for n in 0..2000u32 {
        let mut message = query("kettle", ANY).edns(512, 0).bytes;
        if n % 2 == 0 {
            for _ in 0..4 {
                let at = random.below(message.len());
                message[at] = random.below(256) as u8;
            }
        }
        let _ = socket.try_send_to(&message, Some(world.group(n % 4 < 2)));
        world.net.run_for(ms(1));
        while socket.try_recv().is_some() {}
    }
    assert_eq!(
        world.answer(true, &query("kettle", A)).addresses(),
        ["10.0.0.1"]
    );
}
