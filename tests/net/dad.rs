//! Duplicate address detection (RFC 4862 §5.4, RFC 7527), advertisements of new addresses (RFC 9131).

#[path = "dad/lifetimes.rs"]
mod lifetimes;

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::{AddressError, AddressOrigin, AddressState, EventKind, Ipv6Cidr, Lifetimes};
use zonda::iface::{ReceiveDrop, SendDrop};
use zonda::socket::SendError;
use zonda::time::Duration;

use crate::addresses::*;
use crate::frame::*;
use crate::network::*;

const OTHER: &str = "fd00::9";

// ---- Asking ------------------------------------------------------------------------------

#[test]
fn address_is_asked_for_and_used_when_nobody_answers() {
    let a = checked(1);
    a.quiet();
    let mut events = a.stack().events();
    let address = a.add("fd00::1");
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.net.run_for(ms(1));
    let questions = a.questions();
    assert_eq!(questions.len(), 1);
    assert_eq!(questions[0].target, address);
    a.net.run_for(ms(990));
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    assert_eq!(address_events(&mut events), []);
    a.net.run_for(ms(20));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let added = EventKind::AddressAdded(address.into());
    assert_eq!(address_events(&mut events), [added]);
    assert!(a.questions().is_empty());
    a.net.run_for(secs(60));
    assert!(a.questions().is_empty());
}

#[test]
fn link_local_address_is_checked_as_any_other() {
    let a = checked(1);
    a.net.settle();
    let link_local = a.link_local();
    let known = a.find(link_local).unwrap();
    assert_eq!(known.origin, AddressOrigin::LinkLocal);
    assert_eq!(known.state, AddressState::Tentative);
    assert!(a.asks_for(link_local).is_some());
    a.settle();
    assert_eq!(a.state(link_local), Some(AddressState::Preferred));
}

#[test]
fn global_address_is_asked_for_though_its_identifier_is_that_of_the_link_local_one() {
    let a = checked(1);
    a.settle();
    let [.., e, f, g, h] = a.link_local().segments();
    let global = Ipv6Addr::new(0xfd00, 0, 0, 0, e, f, g, h);
    a.questions();
    a.add(&global.to_string());
    a.net.run_for(ms(1));
    assert_eq!(a.questions().len(), 1);
    assert_eq!(a.state(global), Some(AddressState::Tentative));
}

#[test]
fn first_question_after_the_link_comes_up_is_put_off_by_up_to_a_second() {
    let delays: Vec<_> = (1..12)
        .map(|seed| {
            let a = checked_from(seed, 1);
            a.add("fd00::1");
            a.net.run_for(secs(2));
            let questions = a.questions();
            assert_eq!(questions.len(), 2);
            // The link-local address comes first.
            assert!(questions[0].target.is_unicast_link_local());
            questions[0].at
        })
        .collect();
    let most = zonda::time::Instant::from_millis(1_001);
    assert!(delays.iter().all(|at| *at <= most), "{delays:?}");
    let mut distinct = delays.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() > 8, "{delays:?}");
}

#[test]
fn questions_are_a_retrans_timer_apart_and_each_has_its_own_nonce() {
    let a = checked(3);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(2_990));
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.net.run_for(ms(20));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let questions = a.questions();
    let [first, second, third] = questions[..] else {
        panic!("three questions: {questions:?}");
    };
    assert_eq!(second.at.since(first.at), secs(1));
    assert_eq!(third.at.since(second.at), secs(1));
    assert_ne!(first.nonce, second.nonce);
    assert_ne!(second.nonce, third.nonce);
}

#[test]
fn without_transmits_an_address_is_used_unchecked() {
    let a = checked(0);
    let mut events = a.stack().events();
    a.net.settle();
    let address = a.add("fd00::1");
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let added = EventKind::AddressAdded(address.into());
    assert_eq!(address_events(&mut events), [added]);
    a.net.run_for(secs(5));
    assert!(a.peer.take().is_empty());
}

#[test]
fn setting_the_transmits_to_zero_uses_what_is_being_checked() {
    let a = checked(2);
    a.net.run_for(ms(1));
    let link_local = a.link_local();
    assert_eq!(a.state(link_local), Some(AddressState::Tentative));
    assert!(a.stack().set_dad_transmits(a.id(), 0));
    assert_eq!(a.state(link_local), Some(AddressState::Preferred));
    assert!(!a.stack().set_dad_transmits(7, 0));
}

#[test]
fn groups_are_listened_to_before_the_first_question() {
    let a = checked(1);
    let address = a.add("fd00::1");
    a.net.run_for(us(200));
    assert!(a.questions().is_empty(), "the question is put off");
    // A question of another comes in by the solicited-node group, an answer by that of all nodes.
    a.ask(address, &[]);
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
    let a = checked(1);
    let address = a.add("fd00::1");
    a.net.run_for(us(200));
    a.claim(address);
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
}

#[test]
fn question_that_finds_no_room_is_asked_again() {
    let a = checked(1);
    a.quiet();
    a.link.from(a.host).line_rate(100);
    let to = Some((ip6("ff02::5"), 9).into());
    let sockets = [(); 8].map(|()| a.host.udp("[::]:0"));
    for _ in 0..3 {
        while sockets.iter().any(|s| s.try_send_to(b"data", to).is_ok()) {}
        a.net.run_for(ms(1));
    }
    let full = sockets[0].try_send_to(b"data", to);
    assert_eq!(full, Err(SendError::QueueFull));
    let address = a.add("fd00::1");
    a.net.run_for(secs(3));
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    assert!(a.host.counters(a.link).send_drops(SendDrop::Port) > 0);
    a.link.perfect();
    a.net.run_for(secs(30));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn waiting_for_addresses_ends_when_they_are_used_or_duplicates() {
    let a = checked(1);
    let (stack, id) = (a.stack(), a.id());
    let address = a.add("fd00::1");
    let ready = a.net.spawn(stack.ready(id));
    assert!(a.asks_for(address).is_some());
    a.claim(address);
    assert!(!ready.is_done());
    assert!(a.net.run_until(secs(3), || ready.is_done()));
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
    assert_eq!(a.state(a.link_local()), Some(AddressState::Preferred));
}

// ---- A tentative address is not used ------------------------------------------------------

#[test]
fn packets_to_a_tentative_address_are_dropped() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    let before = a.host.counters(a.link);
    assert_eq!(a.ping(ip6(OTHER), address), 0);
    let dropped =
        |counters: zonda::iface::Counters| counters.receive_drops(ReceiveDrop::Ipv6Destination);
    assert_eq!(dropped(a.host.counters(a.link)), dropped(before) + 1);
    a.settle();
    // Its neighbour is asked for first.
    a.peer.answer_for([10, 0, 0, 9].into(), ip6(OTHER));
    assert_eq!(a.ping(ip6(OTHER), address), 1);
}

#[test]
fn nothing_is_sent_from_a_tentative_address() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    let to = Some((ip6(OTHER), 9).into());
    for local in [IpAddr::V6(address), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let socket = a.host.udp(&format!("[{local}]:0"));
        let result = socket.try_send_to(b"data", to);
        match local.is_unspecified() {
            // The link-local address will do for want of a better one.
            true => assert!(result.is_ok()),
            false => assert_eq!(result, Err(SendError::NoRoute)),
        }
    }
    a.net.run_for(ms(5));
    for frame in a.peer.take() {
        let source = read(&frame).ip().unwrap().source;
        assert_ne!(source, IpAddr::V6(address), "sent from a tentative address");
    }
}

#[test]
fn solicitation_of_a_neighbor_for_a_tentative_address_is_ignored() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(1));
    a.peer.take();
    let group = solicited_node(address);
    let option = link_option(1, a.peer.mac());
    a.to_group(group, &solicitation(ip6(OTHER), group, address, &option));
    assert!(a.peer.take().is_empty());
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.settle();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn messages_about_a_tentative_address_that_are_sent_to_it_are_dropped() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    let option = link_option(2, a.peer.mac());
    let packet = advertisement(address, address, SOLICITED, address, &option);
    let mac = a.host.mac(a.link);
    a.peer.send(ethernet(mac, a.peer.mac(), IPV6, &packet));
    a.settle();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn listener_may_be_bound_to_an_address_that_is_being_checked() {
    let a = checked(1);
    let address = a.add("fd00::1");
    let listener = zonda::socket::TcpListener::bind(a.stack(), (address, 80).into(), 1);
    assert!(listener.is_ok());
}

// ---- Duplicates ---------------------------------------------------------------------------

#[test]
fn address_that_another_station_claims_is_a_duplicate() {
    let a = checked(1);
    a.settle();
    let mut events = a.stack().events();
    let address = a.add("fd00::1");
    a.net.run_for(ms(500));
    a.claim(address);
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
    let duplicate = EventKind::AddressDuplicate(address.into());
    assert_eq!(address_events(&mut events), [duplicate]);
    assert_eq!(a.counters().duplicates, 1);
    // It is not used then or later, and nothing is said about it.
    a.peer.take();
    a.net.run_for(secs(10));
    assert_eq!(a.ping(ip6(OTHER), address), 0);
    a.ask(address, &[]);
    assert!(a.peer.take().is_empty());
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
    assert_eq!(address_events(&mut events), []);
    // The interface works otherwise.
    let other = a.add("fd00::2");
    a.settle();
    assert_eq!(a.state(other), Some(AddressState::Preferred));
}

#[test]
fn address_that_another_station_asks_for_is_a_duplicate() {
    // RFC 7527 §4.2: with a nonce that is none of ours, or without any.
    for options in [&[][..], &[14, 1, 1, 2, 3, 4, 5, 6]] {
        let a = checked(1);
        a.quiet();
        let address = a.add("fd00::1");
        a.net.run_for(ms(500));
        a.ask(address, options);
        assert_eq!(a.state(address), Some(AddressState::Duplicate));
        assert_eq!(a.counters().looped, 0);
    }
}

#[test]
fn address_in_use_stays_whoever_claims_it() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.settle();
    let before = a.host.counters(a.link);
    let (all, option) = (ip6("ff02::1"), link_option(2, a.peer.mac()));
    let packet = advertisement(ip6(OTHER), all, OVERRIDE, address, &option);
    a.to_group(all, &packet);
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let reason = ReceiveDrop::NeighborDiscovery;
    let counters = a.host.counters(a.link);
    assert_eq!(
        counters.receive_drops(reason),
        before.receive_drops(reason) + 1
    );
}

#[test]
fn invalid_messages_do_not_make_a_duplicate() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(1));
    let (group, all) = (solicited_node(address), ip6("ff02::1"));
    // From another link, by the hop limit (RFC 4861 §7.1.1).
    let mut packet = solicitation(Ipv6Addr::UNSPECIFIED, group, address, &[]);
    packet[7] = 254;
    a.to_group(group, &packet);
    let mut packet = advertisement(address, all, OVERRIDE, address, &[]);
    packet[7] = 254;
    a.to_group(all, &packet);
    // A question to all instead of the solicited-node group.
    let packet = solicitation(Ipv6Addr::UNSPECIFIED, all, address, &[]);
    a.to_group(all, &packet);
    // An answer to nobody's question (§7.1.2).
    let packet = advertisement(address, all, SOLICITED, address, &[]);
    a.to_group(all, &packet);
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.settle();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn duplicate_can_be_removed_and_tried_again() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.claim(address);
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
    // To set it again is to check it again.
    a.add("fd00::1");
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.settle();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    assert!(a.remove(address));
    assert_eq!(a.state(address), None);
    assert!(!a.remove(address));
}

#[test]
fn two_hosts_that_come_up_with_one_address_do_not_both_use_it() {
    for seed in 1..9 {
        let net = Network::new(seed);
        let (a, b) = (net.host("a"), net.host("b"));
        let link = net.link((a, b)).delay(us(10));
        for host in [a, b] {
            host.stack().set_dad_transmits(host.interface(link), 1);
            host.add(link, "fd00::1/64");
        }
        net.run_for(secs(5));
        let uses = |host: Host| {
            let info = host.stack().interface(host.interface(link)).unwrap();
            let mut addresses = info.ipv6.iter();
            let address = addresses.find(|known| known.address == ip6("fd00::1"));
            address.unwrap().state == AddressState::Preferred
        };
        assert!(!(uses(a) && uses(b)), "seed {seed}");
    }
}

#[test]
fn host_that_has_an_address_keeps_it_when_another_wants_it() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link((a, b)).delay(us(10));
    for host in [a, b] {
        host.stack().set_dad_transmits(host.interface(link), 1);
    }
    a.add(link, "fd00::1/64");
    net.run_for(secs(5));
    let mut events = b.stack().events();
    b.add(link, "fd00::1/64");
    net.run_for(secs(5));
    let state = |host: Host| {
        let info = host.stack().interface(host.interface(link)).unwrap();
        info.ipv6[1].state
    };
    assert_eq!(state(a), AddressState::Preferred);
    assert_eq!(state(b), AddressState::Duplicate);
    let duplicate = EventKind::AddressDuplicate(ip6("fd00::1").into());
    assert_eq!(address_events(&mut events), [duplicate]);
}

#[test]
fn duplicate_of_the_hardware_address_turns_ipv6_off() {
    let a = checked(1);
    let global = a.add("fd00::1");
    a.host.add(a.link, "10.0.0.1/24");
    let link_local = a.link_local();
    assert!(a.asks_for(link_local).is_some());
    a.claim(link_local);
    assert_eq!(a.state(link_local), Some(AddressState::Duplicate));
    a.net.run_for(secs(5));
    assert_ne!(a.state(global), Some(AddressState::Preferred));
    // No packet is sent, none received: not even to a group.
    a.peer.take();
    let before = a.host.counters(a.link);
    a.ask(link_local, &[]);
    assert_eq!(a.ping(ip6(OTHER), global), 0);
    let socket = a.host.udp("[::]:0");
    let to = Some((ip6("ff02::1"), 9).into());
    assert!(socket.try_send_to(b"data", to).is_err());
    a.net.run_for(secs(2));
    assert!(a.peer.take().is_empty());
    let counters = a.host.counters(a.link);
    let reason = ReceiveDrop::Ipv6Destination;
    assert_eq!(
        counters.receive_drops(reason),
        before.receive_drops(reason) + 2
    );
    // IPv4 goes on.
    let request = arp(
        1,
        (a.peer.mac(), [10, 0, 0, 9].into()),
        ([0; 6], [10, 0, 0, 1].into()),
    );
    let frame = ethernet(BROADCAST, a.peer.mac(), ARP, &request);
    assert_eq!(a.peer.exchange(frame).len(), 1);
    // A link that comes up anew is tried anew.
    a.link.down();
    a.net.run_for(ms(1));
    a.link.up();
    a.settle();
    assert_eq!(a.state(link_local), Some(AddressState::Preferred));
    assert_eq!(a.state(global), Some(AddressState::Preferred));
}

// ---- Loops --------------------------------------------------------------------------------

#[test]
fn question_that_the_link_brings_back_is_no_duplicate() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(1));
    let question = a.questions()[0];
    let option = [&[14, 1][..], &question.nonce].concat();
    a.ask(address, &option);
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    assert_eq!(a.counters().looped, 1);
    // RFC 7527 §4.1: three more are sent before the address is used.
    a.net.run_for(ms(3_900));
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.net.run_for(ms(200));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
    let questions = a.questions();
    assert_eq!(questions.len(), 3);
    assert!(questions.iter().all(|q| q.nonce != question.nonce));
    assert_eq!(a.counters().duplicates, 0);
}

#[test]
fn address_is_asked_for_as_long_as_the_link_loops() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    let mut asked = 0;
    for _ in 0..20 {
        a.net.run_for(ms(1));
        for question in a.questions() {
            let option = [&[14, 1][..], &question.nonce].concat();
            a.ask(address, &option);
            asked += 1;
        }
        a.net.run_for(ms(999));
    }
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    assert!(asked >= 15, "{asked}");
    a.net.run_for(secs(5));
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn question_that_comes_back_late_is_told_apart_still() {
    let a = checked(2);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(1));
    let first = a.questions()[0];
    a.net.run_for(ms(1_100));
    assert_eq!(a.questions().len(), 1);
    let option = [&[14, 1][..], &first.nonce].concat();
    a.ask(address, &option);
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    assert_eq!(a.counters().looped, 1);
}

#[test]
fn duplicate_is_found_on_a_link_that_loops() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.net.run_for(ms(1));
    let question = a.questions()[0];
    a.ask(address, &[&[14, 1][..], &question.nonce].concat());
    a.ask(address, &[14, 1, 9, 9, 9, 9, 9, 9]);
    assert_eq!(a.state(address), Some(AddressState::Duplicate));
}

// ---- Links that come and go ---------------------------------------------------------------

#[test]
fn link_that_comes_up_again_has_all_addresses_checked_again() {
    let a = checked(1);
    let global = a.add("fd00::1");
    a.settle();
    a.link.down();
    a.net.run_for(secs(5));
    a.questions();
    let mut events = a.stack().events();
    a.link.up();
    a.net.run_for(ms(1));
    let link_local = a.link_local();
    for address in [link_local, global] {
        assert_eq!(a.state(address), Some(AddressState::Tentative));
    }
    a.settle();
    let targets: Vec<_> = a.questions().iter().map(|q| q.target).collect();
    assert_eq!(targets, [link_local, global]);
    let addresses = [link_local, global].map(IpAddr::V6);
    let removed = addresses.map(EventKind::AddressRemoved);
    let added = addresses.map(EventKind::AddressAdded);
    assert_eq!(address_events(&mut events), [removed, added].concat());
}

#[test]
fn address_that_is_added_while_the_link_is_down_is_checked_when_it_comes_up() {
    let a = checked(1);
    a.settle();
    a.link.down();
    a.net.run_for(ms(1));
    let address = a.add("fd00::1");
    a.net.run_for(secs(10));
    assert_eq!(a.state(address), Some(AddressState::Tentative));
    a.link.up();
    assert!(a.asks_for(address).is_some());
    a.settle();
    assert_eq!(a.state(address), Some(AddressState::Preferred));
}

#[test]
fn hardware_address_that_changes_has_all_addresses_checked_again() {
    let a = checked(1);
    let global = a.add("fd00::1");
    a.quiet();
    let link_local = a.link_local();
    a.host.change(a.link, |capabilities| {
        capabilities.address = zonda::wire::LinkAddr::ethernet([2, 0, 0, 0, 7, 7]);
    });
    a.net.run_for(ms(1));
    for address in [link_local, global] {
        assert_eq!(a.state(address), Some(AddressState::Tentative));
    }
    a.settle();
    // The link-local address stays, for those who know it.
    for address in [link_local, global] {
        assert_eq!(a.state(address), Some(AddressState::Preferred));
    }
}

#[test]
fn another_hardware_address_brings_ipv6_back_after_a_duplicate() {
    let a = checked(1);
    let global = a.add("fd00::1");
    let old = a.link_local();
    a.asks_for(old).unwrap();
    a.claim(old);
    a.net.run_for(secs(3));
    assert_ne!(a.state(global), Some(AddressState::Preferred));
    a.host.change(a.link, |capabilities| {
        capabilities.address = zonda::wire::LinkAddr::ethernet([2, 0, 0, 0, 7, 7]);
    });
    a.settle();
    assert_eq!(a.state(old), None);
    assert_eq!(a.link_local(), ip6("fe80::ff:fe00:707"));
    assert_eq!(a.state(a.link_local()), Some(AddressState::Preferred));
    assert_eq!(a.state(global), Some(AddressState::Preferred));
}

#[test]
fn connection_outlives_a_link_that_is_away_for_a_moment() {
    let net = Network::new(3);
    let (a, b, peer) = (net.host("a"), net.host("b"), net.peer("onlooker"));
    let link = net.link((a, b, peer)).delay(us(10));
    for (host, address) in [(a, "fd00::1/64"), (b, "fd00::2/64")] {
        host.stack().set_dad_transmits(host.interface(link), 1);
        host.add(link, address);
    }
    net.run_for(secs(3));
    let listener = zonda::socket::TcpListener::bind(b.stack(), (ip6("fd00::2"), 80).into(), 1);
    let listener = listener.unwrap();
    let server = net.spawn(async move {
        let mut socket = listener.accept().await;
        let mut all = 0;
        while let Ok(Some(data)) = socket.recv().await {
            all += data.len();
        }
        all
    });
    let client = net.spawn(async move {
        let to = (ip6("fd00::2"), 80).into();
        let mut socket = zonda::socket::TcpSocket::connect(a.stack(), to)
            .await
            .unwrap();
        for _ in 0..40 {
            a.stack().sleep(ms(100)).await;
            let mut rest = &[7; 1000][..];
            while !rest.is_empty() {
                let length = socket.write(rest).await.unwrap();
                rest = &rest[length..];
            }
        }
        socket.shutdown();
    });
    net.run_for(secs(1));
    link.down();
    net.run_for(ms(300));
    peer.take();
    link.up();
    // What is under way waits until the addresses are checked again.
    let state = || {
        let info = a.stack().interface(a.interface(link)).unwrap();
        info.ipv6[1].state
    };
    let mut waited = 0;
    net.run_for(ms(1));
    // The way to the other host is known again at once: by a Router Solicitation of it.
    let (source, all) = (ip6("fd00::2"), ip6("ff02::1"));
    let message = icmpv6((source, all), 133, 0, [0; 4], &link_option(1, b.mac(link)));
    let header = Ip6 {
        hop_limit: 255,
        ..Ip6::new(source, all, ICMPV6)
    };
    let mac = group_mac(all.into());
    peer.send(ethernet(mac, b.mac(link), IPV6, &header.with(&message)));
    while state() == AddressState::Tentative {
        net.run_for(ms(10));
        waited += 1;
        let frames = if state() == AddressState::Tentative {
            peer.take()
        } else {
            vec![]
        };
        for frame in frames {
            let source = read(&frame).ip().map(|ip| ip.source);
            assert_ne!(source, Some(IpAddr::V6(ip6("fd00::1"))));
        }
    }
    assert!(waited > 90, "{waited}");
    assert!(a.counters(link).send_drops(SendDrop::Source) > 0);
    assert!(net.run_until(secs(60), || client.is_done() && server.is_done()));
    assert_eq!(server.take(), Some(40_000));
}

// ---- Telling the routers ------------------------------------------------------------------

#[test]
fn routers_are_told_of_a_new_global_address() {
    let a = checked(1);
    a.quiet();
    let address = a.add("fd00::1");
    a.settle();
    let frames = a.peer.take();
    let seen: Vec<_> = frames.iter().map(|frame| read(frame)).collect();
    let advertisements: Vec<_> = (seen.iter())
        .filter(|seen| seen.ip().unwrap().discovery(136).is_some())
        .collect();
    assert_eq!(advertisements.len(), 1);
    let ip = advertisements[0].ip().unwrap();
    assert_eq!(ip.source, IpAddr::V6(address));
    assert_eq!(ip.destination, IpAddr::V6(ip6("ff02::2")));
    assert_eq!(advertisements[0].to, group_mac(ip.destination));
    let (flags, target, options) = ip.discovery(136).unwrap();
    // RFC 9131 §6.1.2: without the override flag.
    assert_eq!((flags, target), (0, address));
    assert_eq!(options, link_option(2, a.host.mac(a.link)));
}

#[test]
fn nobody_is_told_of_a_link_local_address() {
    let a = checked(1);
    a.settle();
    a.net.run_for(secs(5));
    let frames = a.peer.take();
    let told = (frames.iter()).any(|frame| read(frame).ip().unwrap().discovery(136).is_some());
    assert!(!told);
}
