//! Fragments under load: strangers do not keep others from being served, and memory is bounded.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use zonda::config::REASSEMBLIES;
use zonda::iface::ReceiveDrop;

use super::*;

/// A stranger's address.
fn stranger(version: usize, number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    match version {
        0 => Ipv4Addr::new(10, 9, high, low).into(),
        _ => Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, number).into(),
    }
}

/// A lost fragment keeps a place for a minute, and nobody else from one.
#[test]
fn defects_009_051_lost_fragments_keep_nobody_from_reassembly() {
    let a = acquainted();
    for version in [0, 1] {
        let (protocol, message) = request(version, 400);
        for id in 0..3 * REASSEMBLIES as u32 {
            let frames = cut(&a, version, (protocol, &message), id, &[160]);
            assert!(answer(&a, &frames[..1]).is_none());
            let frames = cut(&a, version, (protocol, &message), 1000 + id, &[160, 320]);
            echoed(&a, &frames, &message);
        }
    }
}

#[test]
fn flood_from_many_strangers_does_not_stop_a_datagram_that_is_coming() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<128, 512, 32, 64>())
    });
    a.introduce();
    for version in [0, 1] {
        let (host, _) = PAIRS[version];
        let (protocol, message) = request(version, 4000);
        let at: Vec<_> = (800..message.len()).step_by(800).collect();
        let frames = cut(&a, version, (protocol, &message), 7, &at);
        a.sent();
        // The first two come at once, as they do from a sender that lives.
        a.peer.send(&frames[0]);
        for frame in &frames[1..] {
            a.peer.send(frame);
            for number in 0..50 {
                let from = stranger(version, number);
                let piece = [(0, true), (800, true)][usize::from(number % 2)];
                let packet = fragment(from, host, UDP, number.into(), piece, &[0; 800]);
                a.peer.send(a.to_host(&packet));
                a.net.run_for(us(100));
                let (stats, limits) = (a.host.pool().stats(), a.host.pool().limits());
                assert!(stats.held <= limits.held.div_ceil(2));
            }
        }
        a.net.run_for(ms(10));
        let answer = whole(&a.sent()).expect("an answer");
        assert_eq!(answer.icmp().unwrap().3, &message[8..]);
        a.serves();
    }
}

#[test]
fn source_that_holds_most_gives_way() {
    let a = acquainted();
    for version in [0, 1] {
        let (host, _) = PAIRS[version];
        let (protocol, message) = request(version, 400);
        let frames = cut(&a, version, (protocol, &message), 7, &[160]);
        assert!(answer(&a, &frames[..1]).is_none());
        // One source begins many, all larger, each of two fragments.
        for number in 0..200 {
            for offset in [0, 800] {
                let from = stranger(version, 1);
                let packet = fragment(from, host, UDP, number, (offset, true), &[0; 800]);
                assert!(a.ask(a.to_host(&packet)).is_empty());
            }
        }
        echoed(&a, &frames[1..], &message);
    }
}

/// One source fills what may be held with one datagram; another's is reassembled all the same.
#[test]
fn long_datagram_that_is_never_whole_gives_way() {
    let a = acquainted();
    for version in [0, 1] {
        let (host, _) = PAIRS[version];
        let limits = a.host.pool().limits();
        for number in 0..60 {
            let from = stranger(version, 1);
            let place = (number * 1000, true);
            let packet = fragment(from, host, UDP, 1, place, &[0; 1000]);
            assert!(a.ask(a.to_host(&packet)).is_empty());
            assert!(a.host.pool().stats().held <= limits.held.div_ceil(2));
        }
        let (protocol, message) = request(version, 1000);
        let frames = cut(&a, version, (protocol, &message), 7, &[160, 320, 640]);
        echoed(&a, &frames, &message);
    }
}

#[test]
fn smallest_fragments_and_overlaps_leave_memory_and_service() {
    let a = acquainted();
    let mut random = a.net.random();
    for round in 0..5000 {
        let version = round % 2;
        let from = stranger(version, random.below(8) as u16);
        let id = random.below(4) as u32;
        let place = (random.below(40) * 8, random.below(8) != 0);
        let length = [1, 8, 8, 8, 16, 24][random.below(6)];
        let packet = fragment(from, PAIRS[version].0, UDP, id, place, &vec![0; length]);
        a.peer.send(a.to_host(&packet));
        a.net.run_for(us(200));
        let (stats, limits) = (a.host.pool().stats(), a.host.pool().limits());
        assert!(stats.held <= limits.held.div_ceil(2));
    }
    a.net.run_for(ms(10));
    a.sent();
    a.serves();
    a.host.check_counters();
    let counters = a.host.counters(a.link);
    assert!(counters.receive_drops(ReceiveDrop::FragmentOverlap) > 0);
    // All is over after a minute.
    a.net.run_for(secs(61));
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}

/// On the smallest pool nothing stops, though little is reassembled.
#[test]
fn smallest_pool_survives_fragments() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<8, 128, 4, 8>())
    });
    a.introduce();
    for version in [0, 1] {
        let (protocol, message) = request(version, 40);
        echoed(
            &a,
            &cut(&a, version, (protocol, &message), 1, &[24]),
            &message,
        );
        for id in 0..50 {
            for offset in [0, 64, 128] {
                let frame = part(&a, version, UDP, id, offset, true, &[0; 64]);
                a.ask(frame);
            }
        }
        a.serves();
        a.introduce();
        let socket = a.host.udp("[::]:0");
        for _ in 0..10 {
            let _ = socket.try_send_to(&[0; 1600], Some((PAIRS[version].1, 9).into()));
            a.net.run_for(ms(10));
        }
        a.sent();
        a.serves();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is sent of a datagram, in whatever order and however often: it comes whole, or not
    /// at all.
    #[test]
    fn pieces_make_the_datagram_or_nothing(
        version in 0..2usize,
        length in 1..3000usize,
        cuts in proptest::collection::vec(1..380usize, 0..12),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..30),
        complete in any::<bool>(),
        stray in proptest::option::of((0..380usize, 1..60usize, any::<bool>())),
    ) {
        let a = alone_with(Network::new(1), |net| {
            net.host_with("host", pool::<128, 512, 32, 64>())
        });
        a.introduce();
        a.peer.answer_for(PEER4, PEER6);
        let (protocol, message) = request(version, length);
        let mut at: Vec<_> = cuts.iter().map(|cut| cut * 8).filter(|at| *at < message.len()).collect();
        // No frame is longer than the link takes.
        at.extend([1400, 2800].iter().filter(|at| **at < message.len()));
        at.sort_unstable();
        at.dedup();
        let frames = cut(&a, version, (protocol, &message), 9, &at);
        let mut sent: Vec<_> = order.iter().map(|index| index.get(&frames).clone()).collect();
        if complete {
            sent.extend(frames.iter().cloned());
        }
        let is_clean = stray.is_none();
        if let Some((offset, length, more)) = stray {
            let middle = sent.len() / 2;
            sent.insert(middle, part(&a, version, protocol, 9, offset * 8, more, &vec![0xee; length]));
        }
        let mut answers = BTreeMap::new();
        for frame in sent {
            for seen in a.ask(frame) {
                let packet = seen.ip().unwrap();
                let id = packet.fragment.map_or(0, |part| part.id);
                answers.entry(id).or_insert_with(Vec::new).push(seen);
            }
        }
        let mut whole_ones = 0;
        for seen in answers.values() {
            // A stray piece may be refused for its length or its place; of each whole a single
            // answer has identification zero.
            for seen in seen.chunk_by(|one, _| one.ip().unwrap().fragment.is_some()) {
                let packet = whole(seen).unwrap();
                let (kind, _, _, data) = packet.icmp().unwrap();
                if matches!(kind, 0 | 129) {
                    prop_assert_eq!(data, &message[8..]);
                    whole_ones += 1;
                }
            }
        }
        prop_assert!(!(complete && is_clean) || whole_ones >= 1);
        a.net.run_for(secs(61));
        prop_assert_eq!(a.host.pool().stats().blocks_used, 0);
    }
}
