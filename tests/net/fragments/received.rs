//! Reassembly, clause by clause.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::config::{REASSEMBLIES, REASSEMBLY_FRAGMENTS};
use zonda::iface::ReceiveDrop;
use zonda::link::Offload;

use super::*;

const TCP: u8 = 6;
const HOP_BY_HOP: u8 = 0;
const DESTINATION: u8 = 60;

/// What is sent back about a frame: type, code, second word and quote of one ICMP error.
fn error(a: &Alone, frame: &[u8]) -> (u8, u8, [u8; 4], Vec<u8>) {
    let seen = a.ask(frame);
    let [seen] = &seen[..] else {
        panic!("one error: {seen:?}");
    };
    let packet = seen.ip().unwrap();
    let (kind, code, word, quote) = packet.icmp().unwrap();
    (kind, code, word, quote.to_vec())
}

fn drops(a: &Alone, reason: ReceiveDrop) -> u32 {
    a.host.counters(a.link).receive_drops(reason)
}

#[test]
fn fragments_in_any_order_make_the_datagram() {
    let a = acquainted();
    for version in [0, 1] {
        let (protocol, message) = request(version, 200);
        let frames = cut(&a, version, (protocol, &message), 9, &[8, 48, 160]);
        for first in 0..4 {
            for second in (0..4).filter(|n| *n != first) {
                for third in (0..4).filter(|n| *n != first && *n != second) {
                    let last = 6 - first - second - third;
                    let order = [first, second, third, last].map(|n| frames[n].clone());
                    echoed(&a, &order, &message);
                }
            }
        }
    }
}

#[test]
fn several_datagrams_are_reassembled_at_once() {
    let a = acquainted();
    for version in [0, 1] {
        let (protocol, message) = request(version, 40);
        let sets: Vec<_> = (0..REASSEMBLIES as u32)
            .map(|id| cut(&a, version, (protocol, &message), id, &[16, 32]))
            .collect();
        for piece in [1, 0] {
            for set in &sets {
                assert!(answer(&a, &set[piece..=piece]).is_none());
            }
        }
        for set in &sets {
            echoed(&a, &set[2..], &message);
        }
    }
}

/// RFC 791 §3.2, RFC 8200 §4.5: what tells the datagrams apart.
#[test]
fn fragments_of_other_hosts_and_protocols_are_apart() {
    let a = acquainted();
    let (_, message) = request(0, 40);
    let other = Ipv4Addr::new(10, 0, 0, 77).into();
    let (host, peer) = PAIRS[0];
    let packets = [
        fragment(other, host, ICMP, 5, (24, false), &[1; 24]),
        fragment(peer, host, 253, 5, (24, false), &[1; 24]),
        fragment(peer, host, ICMP, 6, (24, false), &[1; 24]),
    ];
    for packet in packets {
        assert!(a.ask(a.to_host(&packet)).is_empty());
    }
    echoed(&a, &cut(&a, 0, (ICMP, &message), 5, &[24]), &message);
    let (_, message) = request(1, 40);
    let other = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 77).into();
    let (host, peer) = PAIRS[1];
    for packet in [
        fragment(other, host, ICMPV6, 5, (24, false), &[1; 24]),
        fragment(peer, host, ICMPV6, 6, (24, false), &[1; 24]),
    ] {
        assert!(a.ask(a.to_host(&packet)).is_empty());
    }
    echoed(&a, &cut(&a, 1, (ICMPV6, &message), 5, &[24]), &message);
}

#[test]
fn fragment_that_comes_twice_is_taken_once() {
    let a = acquainted();
    for version in [0, 1] {
        let (protocol, message) = request(version, 400);
        let frames = cut(&a, version, (protocol, &message), 9, &[8, 160, 320]);
        let before = drops(&a, ReceiveDrop::FragmentOverlap);
        let order = [0, 0, 2, 2, 0, 1, 1, 3].map(|n| frames[n].clone());
        echoed(&a, &order, &message);
        assert_eq!(drops(&a, ReceiveDrop::FragmentOverlap), before + 4);
    }
}

/// RFC 5722 §4, RFC 8200 §4.5; RFC 1858 §4 for IPv4.
#[test]
fn fragments_that_overlap_drop_the_whole_datagram_and_nobody_is_told() {
    for version in [0, 1] {
        let (protocol, message) = request(version, 400);
        let piece = |a: &Alone, start: usize, end: usize| {
            let more = end < message.len();
            part(a, version, protocol, 9, start, more, &message[start..end])
        };
        let end = message.len();
        for (there, new) in [
            // One octet group more, fewer, inside, around; the first, the last.
            ((160, 320), (152, 168)),
            ((160, 320), (312, 328)),
            ((160, 320), (168, 176)),
            ((160, 320), (152, 328)),
            ((160, 320), (160, 312)),
            ((0, 160), (152, 160)),
            ((320, end), (312, 328)),
        ] {
            let a = acquainted();
            assert!(a.ask(piece(&a, there.0, there.1)).is_empty());
            let before = drops(&a, ReceiveDrop::FragmentOverlap);
            assert!(a.ask(piece(&a, new.0, new.1)).is_empty());
            assert_eq!(drops(&a, ReceiveDrop::FragmentOverlap), before + 2);
            // "Including those not yet received."
            let all = cut(&a, version, (protocol, &message), 9, &[160, 320]);
            assert!(answer(&a, &all).is_none());
            assert_eq!(drops(&a, ReceiveDrop::FragmentOverlap), before + 5);
            // Silently; and when its time is over the identification serves again.
            a.net.run_for(secs(61));
            assert!(
                a.sent().iter().all(|seen| seen.ip().is_none_or(|ip| {
                    ip.icmp().is_none_or(|(kind, ..)| !matches!(kind, 3 | 11))
                }))
            );
            a.introduce();
            echoed(&a, &all, &message);
        }
    }
}

#[test]
fn fragment_with_other_bytes_at_the_same_place_overlaps() {
    let a = acquainted();
    for version in [0, 1] {
        let (protocol, message) = request(version, 400);
        let frames = cut(&a, version, (protocol, &message), 9, &[160, 320]);
        let mut forged = frames[1].clone();
        *forged.last_mut().unwrap() ^= 1;
        let order = [&frames[0], &frames[1], &forged, &frames[2]].map(Clone::clone);
        assert!(answer(&a, &order).is_none());
    }
}

#[test]
fn fragments_that_contradict_the_end_drop_the_datagram() {
    for version in [0, 1] {
        let (protocol, message) = request(version, 400);
        let piece = |a: &Alone, start: usize, end: usize, more| {
            part(a, version, protocol, 9, start, more, &message[start..end])
        };
        for (first, second) in [
            // Two ends; one beyond the end; an end before what has come.
            ((160, 200, false), (320, 400, false)),
            ((160, 200, false), (320, 400, true)),
            ((320, 400, true), (160, 200, false)),
        ] {
            let a = acquainted();
            for (start, end, more) in [first, second] {
                assert!(a.ask(piece(&a, start, end, more)).is_empty());
            }
            assert_eq!(drops(&a, ReceiveDrop::FragmentOverlap), 2);
        }
    }
}

/// RFC 1122 §3.3.2, RFC 8200 §4.5: after 60 seconds; only if the first fragment has come.
#[test]
fn defect_052_time_is_exceeded_where_the_first_fragment_has_come() {
    for version in [0, 1] {
        let a = neighborly();
        let (protocol, message) = request(version, 4000);
        let frames = cut(&a, version, (protocol, &message), 9, &[1400, 2800]);
        a.peer.send(&frames[0]);
        a.net.run_for(secs(30));
        a.peer.send(&frames[2]);
        a.net.run_for(secs(29));
        let seen = |seen: &Seen| seen.ip().filter(|ip| ip.discovery(135).is_none());
        assert_eq!(a.sent().iter().filter_map(seen).count(), 0);
        a.net.run_for(secs(2));
        let sent: Vec<_> = a.sent().iter().filter_map(seen).collect();
        let [error] = &sent[..] else {
            panic!("one error: {sent:?}");
        };
        let (kind, code, word, quote) = error.icmp().unwrap();
        assert_eq!((kind, code, word), ([11, 3][version], 1, [0; 4]));
        // The first fragment, as it came, as far as there is room.
        let most = [576 - 28, 1280 - 48][version];
        assert_eq!(quote, &frames[0][14..14 + most]);
        assert_eq!(drops(&a, ReceiveDrop::ReassemblyTimeout), 2);
        // Too late.
        assert!(answer(&a, &frames[1..2]).is_none());
        a.net.run_for(secs(61));
        assert_eq!(a.sent().iter().filter_map(seen).count(), 0);
        assert_eq!(drops(&a, ReceiveDrop::ReassemblyTimeout), 3);
        assert_eq!(a.host.pool().stats().blocks_used, 0);
    }
}

/// RFC 4443 §2.4 e, RFC 1122 §3.2.2.
#[test]
fn nobody_is_told_that_fragments_of_an_error_are_missing() {
    for version in [0, 1] {
        let a = neighborly();
        let (host, peer) = PAIRS[version];
        let quote = ip(host, peer, UDP, &udp((host, 1), (peer, 2), &[0; 400]));
        let error = match (peer, host) {
            (IpAddr::V6(peer), IpAddr::V6(host)) => icmpv6((peer, host), 1, 4, [0; 4], &quote),
            _ => icmp(3, 3, [0; 4], &quote),
        };
        let protocol = [ICMP, ICMPV6][version];
        let frames = cut(&a, version, (protocol, &error), 9, &[160]);
        a.peer.send(&frames[0]);
        a.net.run_for(secs(61));
        let sent = a.sent();
        let errors = sent.iter().filter_map(Seen::ip);
        assert_eq!(errors.filter(|ip| ip.discovery(135).is_none()).count(), 0);
        assert_eq!(drops(&a, ReceiveDrop::ReassemblyTimeout), 1);
    }
}

/// RFC 8200 §4.5: Parameter Problem, code 0, at the Payload Length.
#[test]
fn fragment_of_odd_length_is_refused() {
    let a = acquainted();
    for length in [1, 7, 9, 33] {
        let frame = part(&a, 1, ICMPV6, 9, 8, true, &vec![0; length]);
        let (kind, code, word, quote) = error(&a, &frame);
        assert_eq!((kind, code, word), (4, 0, [0, 0, 0, 4]));
        assert_eq!(quote, &frame[14..]);
        a.net.run_for(secs(1));
        let frame = part(&a, 0, ICMP, 9, 8, true, &vec![0; length]);
        a.refuses(frame, ReceiveDrop::Ipv4Fragment);
    }
    // Others of the datagram stay.
    for version in [0, 1] {
        let (protocol, message) = request(version, 100);
        let frames = cut(&a, version, (protocol, &message), 9, &[48]);
        a.ask(&frames[0]);
        a.ask(part(&a, version, protocol, 9, 48, true, &[0; 9]));
        echoed(&a, &frames[1..], &message);
    }
}

/// RFC 8200 §4.5: Parameter Problem, code 0, at the Fragment Offset; RFC 791 §3.1: a total length
/// of 65,535 at most (the "ping of death").
#[test]
fn fragment_beyond_the_longest_packet_is_refused() {
    let a = acquainted();
    let frame = part(&a, 1, ICMPV6, 9, 65_528, false, &[0; 8]);
    let (kind, code, word, _) = error(&a, &frame);
    assert_eq!((kind, code, word), (4, 0, [0, 0, 0, 42]));
    assert!(
        a.ask(part(&a, 1, ICMPV6, 9, 65_528, false, &[0; 7]))
            .is_empty()
    );
    assert_eq!(drops(&a, ReceiveDrop::Ipv6Fragment), 1);
    // What stands in front of the Fragment header counts.
    let header = fragment_header(ICMPV6, 10, (65_520, false));
    let options = [FRAGMENT, 0, 1, 4, 0, 0, 0, 0];
    let packet = Ip6::new(PEER6, HOST6, DESTINATION).with(&join(&[&options, &header, &[0; 8]]));
    let (kind, code, word, _) = error(&a, &a.to_host(&packet));
    assert_eq!((kind, code, word), (4, 0, [0, 0, 0, 50]));
    for (offset, length) in [(65_528, 1), (65_512, 4), (65_400, 120)] {
        let frame = part(&a, 0, ICMP, 9, offset, false, &vec![0; length]);
        a.refuses(frame, ReceiveDrop::Ipv4Fragment);
    }
    assert!(
        a.ask(part(&a, 0, ICMP, 9, 65_512, false, &[0; 3]))
            .is_empty()
    );
    assert_eq!(drops(&a, ReceiveDrop::Ipv4Fragment), 3);
}

/// RFC 7112 §5, RFC 8200 §4.5: Parameter Problem, code 3, pointer zero.
#[test]
fn first_fragment_without_all_headers_is_refused() {
    let a = acquainted();
    let options = |next: u8| [next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (next, data) in [
        // Options that go on, options and no more, a part of TCP with options.
        (DESTINATION, options(UDP)[..8].to_vec()),
        (DESTINATION, options(UDP).to_vec()),
        (TCP, [vec![0; 12], vec![0x80], vec![0; 11]].concat()),
        (TCP, vec![0; 16]),
    ] {
        let frame = part(&a, 1, next, 9, 0, true, &data);
        let (kind, code, word, quote) = error(&a, &frame);
        assert_eq!((kind, code, word), (4, 3, [0; 4]));
        assert_eq!(quote, &frame[14..]);
        a.net.run_for(secs(1));
    }
    for (next, data) in [
        (DESTINATION, [&options(UDP)[..], &[0; 8]].concat()),
        (TCP, [vec![0; 12], vec![0x50], vec![0; 11]].concat()),
    ] {
        assert!(a.ask(part(&a, 1, next, 10, 0, true, &data)).is_empty());
    }
    assert_eq!(drops(&a, ReceiveDrop::Ipv6Fragment), 4);
}

/// RFC 1858 §3.2, §4.2, RFC 3128 §3: filters read the ports and flags of the first fragment.
#[test]
fn fragments_that_hide_or_change_a_tcp_header_are_refused() {
    let a = acquainted();
    a.refuses(
        part(&a, 0, TCP, 9, 0, true, &[0; 8]),
        ReceiveDrop::Ipv4Fragment,
    );
    a.refuses(
        part(&a, 0, TCP, 9, 8, true, &[0; 24]),
        ReceiveDrop::Ipv4Fragment,
    );
    a.refuses(
        part(&a, 0, TCP, 9, 8, false, &[0; 3]),
        ReceiveDrop::Ipv4Fragment,
    );
    assert!(a.ask(part(&a, 0, TCP, 9, 0, true, &[0; 24])).is_empty());
    assert!(a.ask(part(&a, 0, UDP, 9, 8, true, &[0; 24])).is_empty());
    assert_eq!(drops(&a, ReceiveDrop::Ipv4Fragment), 3);
}

#[test]
fn fragment_without_data_is_refused() {
    let a = acquainted();
    for (version, reason) in [
        (0, ReceiveDrop::Ipv4Fragment),
        (1, ReceiveDrop::Ipv6Fragment),
    ] {
        a.refuses(part(&a, version, 253, 9, 16, false, &[]), reason);
        a.refuses(part(&a, version, 253, 9, 16, true, &[]), reason);
    }
}

/// RFC 6946 §4: by itself, and those of the same identification stay.
#[test]
fn fragment_that_is_the_whole_is_apart_from_others() {
    let a = acquainted();
    let (_, message) = request(1, 100);
    let frames = cut(&a, 1, (ICMPV6, &message), 9, &[48]);
    assert!(answer(&a, &frames[..1]).is_none());
    let atomic = part(&a, 1, ICMPV6, 9, 0, false, &message);
    echoed(&a, &[atomic], &message);
    echoed(&a, &frames[1..], &message);
}

/// RFC 8200 §4.5: the headers, and the Next Header, of the first fragment are those of the packet.
#[test]
fn headers_of_the_first_fragment_are_those_of_the_packet() {
    let a = acquainted();
    let (_, message) = request(1, 100);
    let option = |next: u8, kind: u8| [next, 0, kind, 4, 0, 0, 0, 0];
    let first = |front: &[u8]| {
        let header = fragment_header(DESTINATION, 9, (0, true));
        let packet = [front, &header, &option(ICMPV6, 1), &message[..40]].concat();
        a.to_host(&Ip6::new(PEER6, HOST6, HOP_BY_HOP).with(&packet))
    };
    let second = part(&a, 1, 253, 9, 48, false, &message[40..]);
    let both = [option(DESTINATION, 1), option(FRAGMENT, 1)].concat();
    for front in [&option(FRAGMENT, 1)[..], &both] {
        echoed(&a, &[first(front), second.clone()], &message);
        echoed(&a, &[second.clone(), first(front)], &message);
    }
    // What is in front of the Fragment header is looked at in each.
    let bad = first(&option(FRAGMENT, 0x5e));
    a.refuses(bad, ReceiveDrop::Ipv6Extension);
}

#[test]
fn options_of_the_first_fragment_are_those_of_the_datagram() {
    let a = acquainted();
    let (_, message) = request(0, 100);
    let header = |fragment, options: &[u8]| Ip4 {
        id: 9,
        fragment,
        options: options.to_vec(),
        ..Ip4::new(PEER4, HOST4, ICMP)
    };
    let first = header(0x2000, &[1, 1, 1, 0]).with(&message[..48]);
    let second = header(6, &[]).with(&message[48..]);
    let frames = [a.to_host(&second), a.to_host(&first)];
    echoed(&a, &frames, &message);
}

/// RFC 3168 §5.3.
#[test]
fn congestion_that_one_fragment_tells_of_is_not_lost() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for version in [0, 1] {
        let (host, peer) = PAIRS[version];
        let datagram = udp((peer, 9), (host, 7000), &[5; 92]);
        let received = |ecn: [u8; 2]| {
            let frames = cut(&a, version, (UDP, &datagram), 9, &[48]);
            for (mut frame, ecn) in frames.into_iter().zip(ecn) {
                match version {
                    0 => {
                        frame[15] |= ecn;
                        frame[24..26].fill(0);
                        let sum = checksum(&[&frame[14..34]]);
                        frame[24..26].copy_from_slice(&sum.to_be_bytes());
                    }
                    _ => frame[15] |= ecn << 4,
                }
                a.ask(frame);
            }
            socket.try_recv().map(|(_, info)| info.traffic_class)
        };
        for ecn in 0..4 {
            assert_eq!(received([ecn, ecn]), Some(ecn));
        }
        assert_eq!(received([1, 3]), Some(3));
        assert_eq!(received([3, 2]), Some(3));
        assert_eq!(received([1, 2]), Some(1));
        assert_eq!(received([0, 3]), None);
        assert_eq!(received([3, 0]), None);
    }
}

/// RFC 6980 §5.
#[test]
fn neighbor_discovery_in_fragments_is_refused() {
    let a = acquainted();
    let packet = solicitation(PEER6, HOST6, HOST6, &link_option(1, a.peer.mac()));
    let fragments = [(0, true, 40..64), (24, false, 64..packet.len())];
    let before = drops(&a, ReceiveDrop::NeighborDiscovery);
    for (offset, more, range) in fragments {
        let header = Ip6 {
            hop_limit: 255,
            ..Ip6::new(PEER6, HOST6, FRAGMENT)
        };
        let front = fragment_header(ICMPV6, 9, (offset, more));
        let packet = header.with(&join(&[&front, &packet[range]]));
        assert!(a.ask(a.to_host(&packet)).is_empty());
    }
    assert_eq!(drops(&a, ReceiveDrop::NeighborDiscovery), before + 1);
}

/// What hardware verifies of a fragment is not the sum of the datagram.
#[test]
fn defect_099_what_came_in_fragments_is_verified_whatever_the_hardware_does() {
    let a = acquainted();
    a.host.change(a.link, |link| link.offload = Offload::all());
    let socket = a.host.udp("[::]:7000");
    for version in [0, 1] {
        let (host, peer) = PAIRS[version];
        let mut datagram = udp((peer, 9), (host, 7000), &[5; 92]);
        for frame in cut(&a, version, (UDP, &datagram), 9, &[48]) {
            a.ask(frame);
        }
        let (data, info) = socket.try_recv().expect("a datagram");
        assert!(data.equals(&[5; 92]) && info.length == 92);
        datagram[60] ^= 1;
        let before = drops(&a, ReceiveDrop::UdpChecksum);
        for frame in cut(&a, version, (UDP, &datagram), 10, &[48]) {
            a.ask(frame);
        }
        assert!(socket.try_recv().is_none());
        assert_eq!(drops(&a, ReceiveDrop::UdpChecksum), before + 1);
        let (protocol, mut message) = request(version, 100);
        message[90] ^= 1;
        assert!(answer(&a, &cut(&a, version, (protocol, &message), 11, &[48])).is_none());
        let mut syn = Tcp {
            source: 9,
            destination: 80,
            flags: SYN,
            options: [2, 4, 5, 180].repeat(4),
            ..Tcp::default()
        }
        .packet(peer, host)
        .split_off([20, 40][version]);
        let before = drops(&a, ReceiveDrop::TcpChecksum);
        *syn.last_mut().unwrap() ^= 1;
        syn.extend_from_slice(&[0; 20]);
        assert!(answer(&a, &cut(&a, version, (TCP, &syn), 12, &[40])).is_none());
        assert_eq!(drops(&a, ReceiveDrop::TcpChecksum), before + 1);
    }
}

#[test]
fn what_nobody_wants_is_reported_as_the_datagram_that_it_was() {
    let a = acquainted();
    for version in [0, 1] {
        let (host, peer) = PAIRS[version];
        let datagram = udp((peer, 9), (host, 65_000), &[5; 92]);
        let sent = answer(&a, &cut(&a, version, (UDP, &datagram), 9, &[48])).expect("an error");
        let (kind, code, _, quote) = sent.icmp().unwrap();
        assert_eq!((kind, code), [(3, 3), (1, 4)][version]);
        let mut original = ip(peer, host, UDP, &datagram);
        if version == 0 {
            // The identification is what it was.
            original[4..6].copy_from_slice(&[0, 9]);
            original[10..12].fill(0);
            let sum = checksum(&[&original[..20]]);
            original[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        assert_eq!(quote, original);
    }
}

#[test]
fn datagram_of_too_many_fragments_is_dropped() {
    let a = acquainted();
    for version in [0, 1] {
        let before = drops(&a, ReceiveDrop::ReassemblyFull);
        for number in 0..REASSEMBLY_FRAGMENTS + 5 {
            let frame = part(&a, version, UDP, 9, number * 16, true, &[0; 8]);
            assert!(a.ask(frame).is_empty());
            assert!(a.host.pool().stats().held <= a.host.pool().limits().held / 2);
        }
        assert!(drops(&a, ReceiveDrop::ReassemblyFull) > before);
        a.serves();
    }
}

#[test]
fn fragments_go_with_the_interface_that_they_came_by() {
    let net = Network::new(1);
    let host = net.host("host");
    let (left, right) = (net.peer("left"), net.peer("right"));
    let links = [net.link((host, left)), net.link((host, right))];
    host.add(links[0], "10.0.0.1/24");
    host.add(links[1], "10.0.1.1/24");
    net.run_for(ms(1));
    let (_, message) = request(0, 40);
    let piece = |link: Link, peer: Peer, offset: usize, more| {
        let end = if more { 24 } else { message.len() };
        let data = &message[offset..end];
        let packet = fragment(PEER4.into(), HOST4.into(), ICMP, 9, (offset, more), data);
        peer.send(ethernet(host.mac(link), peer.mac(), IPV4, &packet));
        net.run_for(ms(1));
    };
    piece(links[0], left, 0, true);
    piece(links[1], right, 24, false);
    let echoed = |peer: Peer| peer.take().iter().any(|frame| read(frame).arp().is_some());
    assert!(!echoed(left) && !echoed(right));
    piece(links[0], left, 24, false);
    assert!(echoed(left), "it asks where to answer");
}

/// A packet that was put together is not taken apart again, however many Fragment headers it has.
#[test]
fn link_that_goes_down_takes_unfinished_datagrams_with_it() {
    let a = acquainted();
    let before = a.host.counters(a.link).accepted;
    let (protocol, message) = request(0, 200);
    let four = cut(&a, 0, (protocol, &message), 9, &[48]);
    let (protocol, message) = request(1, 200);
    let six = cut(&a, 1, (protocol, &message), 9, &[48]);
    for first in [&four[0], &six[0]] {
        assert!(answer(&a, std::slice::from_ref(first)).is_none());
    }
    assert_eq!(a.host.counters(a.link).accepted, before + 2);
    assert!(a.host.pool().stats().blocks_used > 0);
    a.link.down();
    a.net.settle();
    assert_eq!(a.host.pool().stats().blocks_used, 0);
    assert_eq!(drops(&a, ReceiveDrop::InterfaceDown), 2);
    a.link.up();
    a.net.run_for(ms(1));
    for last in [&four[1], &six[1]] {
        assert!(answer(&a, std::slice::from_ref(last)).is_none());
    }
}

#[test]
fn fragments_within_fragments_are_refused() {
    let a = acquainted();
    let (_, message) = request(1, 100);
    let inner = fragment_header(ICMPV6, 8, (0, true));
    let inner = join(&[&inner, &message[..48]]);
    let frames = cut(&a, 1, (FRAGMENT, &inner), 9, &[24]);
    let before = drops(&a, ReceiveDrop::Ipv6Fragment);
    assert!(answer(&a, &frames).is_none());
    assert_eq!(drops(&a, ReceiveDrop::Ipv6Fragment), before + 1);
    // Behind a Fragment header that says nothing it is a fragment as any other.
    for (start, end) in [(0, 48), (48, message.len())] {
        let whole = fragment_header(FRAGMENT, 7, (0, false));
        let more = end < message.len();
        let part = fragment_header(ICMPV6, 8, (start, more));
        let packet = join(&[&whole, &part, &message[start..end]]);
        let frame = a.to_host(&Ip6::new(PEER6, HOST6, FRAGMENT).with(&packet));
        match more {
            true => assert!(answer(&a, &[frame]).is_none()),
            false => echoed(&a, &[frame], &message),
        }
    }
}

#[cfg(feature = "tcp")]
#[test]
fn tcp_segment_in_fragments_is_taken() {
    use crate::tcp::*;

    for version in [0, 1] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss(1440));
        let data: Vec<u8> = (0..=255).collect();
        let packet = s.segment(ACK | PSH, &data).packet(s.peer, s.own);
        let segment = &packet[[20, 40][version]..];
        for frame in cut(&s.a, version, (TCP, segment), 9, &[24, 120]) {
            s.a.peer.send(frame);
        }
        s.a.net.run_for(ms(1));
        assert_eq!(read_all(&mut socket), data);
        socket.abort();
    }
}
