//! ICMP (RFC 792, RFC 1122 §3.2.2) and ICMPv6 (RFC 4443): echo, errors sent, errors received.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::iface::{ReceiveDrop, SendDrop};
use zonda::ip::Unreachable;
use zonda::socket::PingError;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// The ICMP error among what comes back, if there is one: type, code and quote.
fn error_of(seen: &[Seen]) -> Option<(u8, u8, Vec<u8>)> {
    assert!(seen.len() <= 1, "{seen:?}");
    let packet = seen.first()?.ip()?;
    let (kind, code, _, quote) = packet.icmp().expect("ICMP");
    Some((kind, code, quote.to_vec()))
}

// ---- Echo --------------------------------------------------------------------------------

#[test]
fn echo_request_of_every_size_is_answered_with_its_data() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let most = [1472, 1452][version];
        for size in (0..=most).filter(|n| *n < 130 || n % 61 == 0 || *n > most - 4) {
            let data: Vec<u8> = (0..size).map(|n| (n * 7) as u8).collect();
            let [answer] =
                &a.ask(a.to_host(&echo(peer, host, false, 0xbeef, size as u16, &data)))[..]
            else {
                panic!("one answer to {size} bytes");
            };
            assert_eq!((answer.to, answer.from), (a.peer.mac(), a.mac()));
            let answer = answer.ip().unwrap();
            assert_eq!((answer.source, answer.destination), (host, peer));
            let (kind, code, word, back) = answer.icmp().unwrap();
            assert_eq!((kind, code), ([0, 129][version], 0));
            assert_eq!(&word[..2], &[0xbe, 0xef]);
            assert_eq!(&word[2..], (size as u16).to_be_bytes());
            assert_eq!(back, data);
        }
    }
}

#[test]
fn hosts_ping_each_other_with_every_size() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]).delay(ms(1));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    let ping = a.ping();
    for (to, most) in [("10.0.0.2", 1472), ("fd00::2", 1452)] {
        let to: IpAddr = to.parse().unwrap();
        for size in 0..=most {
            let data: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let time = net
                .block_on(ping.ping(to, size as u16, &data, secs(1)))
                .unwrap();
            assert!(time <= ms(4));
        }
    }
}

#[test]
fn ping_of_a_missing_host_times_out_or_fails() {
    let a = alone();
    let ping = a.host.ping();
    for (_, peer) in PAIRS {
        let result = a.net.block_on(ping.ping(peer, 1, b"?", secs(1)));
        assert_eq!(result, Err(PingError::TimedOut));
        let result = a.net.block_on(ping.ping(peer, 2, b"?", secs(10)));
        assert_eq!(result, Err(PingError::Unreachable(Unreachable::Host)));
    }
}

#[test]
fn echo_request_to_a_broadcast_address_is_not_answered() {
    let a = acquainted();
    for to in [
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(10, 0, 0, 255),
        Ipv4Addr::new(224, 0, 0, 1),
    ] {
        let packet = echo(PEER4.into(), to.into(), false, 1, 1, b"amplify");
        a.refuses(a.to(BROADCAST, &packet), ReceiveDrop::IcmpUnused);
    }
    // "MUST be silently discarded" if the link layer's destination was a broadcast (§3.3.6).
    let packet = echo(PEER4.into(), HOST4.into(), false, 1, 1, b"amplify");
    a.refuses(a.to(BROADCAST, &packet), ReceiveDrop::Ipv4Destination);
}

#[test]
fn echo_request_to_all_nodes_is_answered_from_a_single_address() {
    let a = acquainted();
    let all_nodes: Ipv6Addr = "ff02::1".parse().unwrap();
    let packet = echo(PEER6.into(), all_nodes.into(), false, 1, 1, b"who is there");
    let [answer] = &a.ask(a.to(group_mac(all_nodes.into()), &packet))[..] else {
        panic!("one answer");
    };
    assert_eq!(answer.ip().unwrap().source, IpAddr::V6(HOST6));
}

#[test]
fn damaged_or_cut_message_is_dropped() {
    let a = acquainted();
    for (host, peer) in PAIRS {
        let good = echo(peer, host, false, 1, 1, b"some data");
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 4;
        a.refuses(a.to_host(&bad), ReceiveDrop::Icmp);
        let protocol = if host.is_ipv4() { ICMP } else { ICMPV6 };
        for length in 0..8 {
            a.refuses(
                a.to_host(&ip(peer, host, protocol, &good[..length])),
                ReceiveDrop::Icmp,
            );
        }
    }
    a.serves();
}

#[test]
fn echo_reply_that_nobody_waits_for_is_dropped() {
    let a = acquainted();
    for (host, peer) in PAIRS {
        a.refuses(
            a.to_host(&echo(peer, host, true, 1, 1, b"?")),
            ReceiveDrop::IcmpUnmatched,
        );
    }
}

#[test]
fn unknown_and_obsolete_messages_are_dropped() {
    let a = acquainted();
    // Source quench (RFC 6633), information, address mask, of no meaning.
    for kind in [1, 2, 4, 6, 9, 10, 15, 17, 30, 42, 255] {
        let message = icmp(kind, 0, [0; 4], &[0x45; 28]);
        a.refuses(
            a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &message)),
            ReceiveDrop::IcmpUnused,
        );
    }
    for kind in [127, 130, 137, 160, 200, 255] {
        let message = icmpv6((PEER6, HOST6), kind, 0, [0; 4], &[0; 28]);
        let answers = a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &message)));
        assert!(answers.is_empty(), "type {kind}");
    }
}

// ---- Errors sent -------------------------------------------------------------------------

#[test]
fn datagram_to_a_closed_port_is_reported_and_quoted() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        for size in [0, 1, 30, 100, 400, 548, 1200, 1400] {
            a.net.run_for(secs(1));
            let data = vec![0x5a; size];
            let packet = ip(peer, host, UDP, &udp((peer, 1000), (host, 2000), &data));
            let (kind, code, quote) = error_of(&a.ask(a.to_host(&packet))).expect("an error");
            assert_eq!((kind, code), [(3, 3), (1, 4)][version]);
            // As much as fits into 576 bytes (RFC 1812 §4.3.2.3), or 1280 (RFC 4443 §2.4 c).
            let most = [576 - 28, 1280 - 48][version];
            assert_eq!(quote, &packet[..packet.len().min(most)]);
        }
    }
}

/// Whatever that of the datagram was.
#[test]
fn rfc_1122_3_2_2_errors_have_no_type_of_service() {
    let a = acquainted();
    for (host, peer) in PAIRS {
        let datagram = udp((peer, 1000), (host, 2000), b"?");
        let packet = match (peer, host) {
            (IpAddr::V4(peer), IpAddr::V4(host)) => Ip4 {
                tos: 0xb8,
                ..Ip4::new(peer, host, UDP)
            }
            .with(&datagram),
            (IpAddr::V6(peer), IpAddr::V6(host)) => Ip6 {
                traffic_class: 0xb8,
                ..Ip6::new(peer, host, UDP)
            }
            .with(&datagram),
            _ => unreachable!(),
        };
        let answers = a.ask(a.to_host(&packet));
        assert!(error_of(&answers).is_some());
        assert_eq!(answers[0].ip().unwrap().traffic_class, 0);
    }
}

#[test]
fn packet_of_an_unknown_protocol_is_reported() {
    let a = acquainted();
    let packet = ip(PEER4.into(), HOST4.into(), 253, &[1; 40]);
    assert_eq!(error_of(&a.ask(a.to_host(&packet))), Some((3, 2, packet)));
    let packet = ip(PEER6.into(), HOST6.into(), 253, &[1; 40]);
    let answers = a.ask(a.to_host(&packet));
    // Parameter problem, unrecognized next header, and the pointer to where it is named.
    let (_, _, word, _) = answers[0]
        .ip()
        .unwrap()
        .icmp()
        .map(|(a, b, c, _)| (a, b, c, ()))
        .unwrap();
    assert_eq!(word, [0, 0, 0, 6]);
    assert_eq!(error_of(&answers), Some((4, 1, packet)));
}

/// RFC 1122 §3.2.2 and RFC 4443 §2.4 e.
#[test]
fn defect_071_nobody_is_told_of_what_went_to_many() {
    let a = acquainted();
    let closed = |from: IpAddr, to: IpAddr| ip(from, to, UDP, &udp((from, 1), (to, 2), b"?"));
    let all_nodes: IpAddr = "ff02::1".parse().unwrap();
    let (broadcast, directed) = (Ipv4Addr::BROADCAST.into(), IpAddr::from([10, 0, 0, 255]));
    let all_hosts = IpAddr::from([224, 0, 0, 1]);
    for (mac, to) in [
        (BROADCAST, broadcast),
        (BROADCAST, directed),
        (a.mac(), directed),
        (a.mac(), broadcast),
        (group_mac(all_hosts), all_hosts),
        (a.mac(), all_hosts),
    ] {
        a.refuses(
            a.to(mac, &closed(PEER4.into(), to)),
            ReceiveDrop::UdpNoSocket,
        );
    }
    a.refuses(
        a.to(group_mac(all_nodes), &closed(PEER6.into(), all_nodes)),
        ReceiveDrop::UdpNoSocket,
    );
    // Sent to one, in a frame to many.
    assert!(
        a.ask(a.to(BROADCAST, &closed(PEER4.into(), HOST4.into())))
            .is_empty()
    );
    assert!(
        a.ask(a.to(group_mac(all_nodes), &closed(PEER6.into(), HOST6.into())))
            .is_empty()
    );
}

#[test]
fn nobody_is_told_who_is_no_single_host() {
    let a = acquainted();
    for source in [
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(10, 0, 0, 255),
        Ipv4Addr::new(224, 0, 0, 5),
        Ipv4Addr::new(240, 0, 0, 1),
        HOST4,
    ] {
        let datagram = udp((source.into(), 1), (HOST4.into(), 2), b"?");
        let packet = ip(source.into(), HOST4.into(), UDP, &datagram);
        assert!(a.ask(a.to_host(&packet)).is_empty(), "{source}");
    }
    for source in [
        Ipv6Addr::UNSPECIFIED,
        Ipv6Addr::LOCALHOST,
        HOST6,
        "ff02::5".parse().unwrap(),
    ] {
        let datagram = udp((source.into(), 1), (HOST6.into(), 2), b"?");
        let packet = ip(source.into(), HOST6.into(), UDP, &datagram);
        assert!(a.ask(a.to_host(&packet)).is_empty(), "{source}");
    }
}

#[test]
fn error_is_not_answered_with_an_error() {
    let a = acquainted();
    let quote = ip(HOST4.into(), PEER4.into(), 253, &[0; 20]);
    for kind in [3, 4, 5, 11, 12] {
        let error = icmp(kind, 0, [0; 4], &quote);
        assert!(
            a.ask(a.to_host(&ip(PEER4.into(), HOST4.into(), ICMP, &error)))
                .is_empty()
        );
    }
    // Errors behind an extension header that is at fault itself (RFC 4443 §2.4 e.1).
    let error = icmpv6(
        (PEER6, HOST6),
        1,
        4,
        [0; 4],
        &ip(HOST6.into(), PEER6.into(), UDP, &[0; 8]),
    );
    assert!(
        a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &error)))
            .is_empty()
    );
    for kind in [0, 1, 2, 3, 4, 100, 127] {
        let error = icmpv6((PEER6, HOST6), kind, 0, [0; 4], &[0; 48]);
        assert!(
            a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &error)))
                .is_empty()
        );
    }
}

#[test]
fn fragment_is_not_reported() {
    let a = acquainted();
    let datagram = udp((PEER4.into(), 1), (HOST4.into(), 2), &[0; 64]);
    for fragment in [0x2000, 0x2004, 0x0004] {
        let header = Ip4 {
            fragment,
            ..Ip4::new(PEER4, HOST4, UDP)
        };
        assert!(a.ask(a.to_host(&header.with(&datagram))).is_empty());
    }
}

/// A datagram whose checksum is wrong is dropped silently (RFC 1122 §4.1.3.4), whoever it is for.
#[test]
fn damaged_datagram_to_a_closed_port_is_not_reported() {
    let a = acquainted();
    for (host, peer) in PAIRS {
        let mut datagram = udp((peer, 1), (host, 2), b"data");
        datagram[9] ^= 1;
        a.refuses(
            a.to_host(&ip(peer, host, UDP, &datagram)),
            ReceiveDrop::UdpChecksum,
        );
    }
}

#[test]
fn defects_072_100_errors_are_limited_in_rate() {
    let a = acquainted();
    let (burst, rate) = (
        zonda::config::ICMP_ERROR_BURST,
        zonda::config::ICMP_ERROR_RATE,
    );
    for version in [0, 1] {
        a.net.run_for(secs(10));
        a.introduce();
        a.sent();
        for _ in 0..500 {
            a.peer.send(a.datagram(version, (1, 2), b"?"));
        }
        a.net.run_for(ms(1));
        let sent = a.sent().len();
        assert!((burst / 2..=burst).contains(&sent), "{sent} at once");
        // Shorter than the neighbour's reachability is taken for granted.
        for _ in 0..400 {
            a.peer.send(a.datagram(version, (1, 2), b"?"));
            a.net.run_for(ms(10));
        }
        let sent = a.sent().len();
        assert!(
            (2 * rate - 2..=4 * rate + 2).contains(&sent),
            "{sent} in 4 s"
        );
    }
    assert!(a.host.counters(a.link).send_drops(SendDrop::IcmpRate) > 1000);
}

// ---- Errors received ---------------------------------------------------------------------

/// An error of a router about a packet.
fn about(version: usize, kind: u8, code: u8, word: [u8; 4], quote: &[u8]) -> Vec<u8> {
    let (host, peer) = PAIRS[version];
    match (peer, host) {
        (IpAddr::V6(from), IpAddr::V6(to)) => ip(
            peer,
            host,
            ICMPV6,
            &icmpv6((from, to), kind, code, word, quote),
        ),
        _ => ip(peer, host, ICMP, &icmp(kind, code, word, quote)),
    }
}

#[test]
fn error_reaches_the_connected_socket_that_caused_it_and_no_other() {
    let a = acquainted();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let any = ["0.0.0.0:0", "[::]:0"][version];
        let (socket, other, open) = (a.host.udp(any), a.host.udp(any), a.host.udp(any));
        socket.connect((peer, 9).into()).unwrap();
        other.connect((peer, 9).into()).unwrap();
        for (kind, code, word, meaning) in [
            [
                (3, 0, [0; 4], Unreachable::Network),
                (1, 0, [0; 4], Unreachable::Network),
            ][version],
            [
                (3, 1, [0; 4], Unreachable::Host),
                (1, 3, [0; 4], Unreachable::Host),
            ][version],
            [
                (3, 3, [0; 4], Unreachable::Port),
                (1, 4, [0; 4], Unreachable::Port),
            ][version],
            [
                (3, 13, [0; 4], Unreachable::Prohibited),
                (1, 1, [0; 4], Unreachable::Prohibited),
            ][version],
            [
                (3, 4, [0, 0, 5, 0], Unreachable::TooBig(1280)),
                (2, 0, [0, 0, 5, 0], Unreachable::TooBig(1280)),
            ][version],
            [
                (11, 0, [0; 4], Unreachable::TimeExceeded),
                (3, 0, [0; 4], Unreachable::TimeExceeded),
            ][version],
        ] {
            socket.try_send_to(b"data", None).unwrap();
            open.try_send_to(b"data", Some((peer, 9).into())).unwrap();
            a.net.run_for(ms(1));
            let sent = a.sent();
            assert_eq!(sent.len(), 2);
            for quote in sent {
                let length = quote.body.len().min(if version == 0 { 28 } else { 100 });
                assert!(
                    a.ask(a.to_host(&about(version, kind, code, word, &quote.body[..length])))
                        .is_empty()
                );
            }
            assert_eq!(a.net.block_on(socket.recv()).unwrap_err(), meaning);
            // Neither of the others hears anything.
            for other in [&other, &open] {
                other.try_send_to(b"fine", Some((peer, 9).into())).unwrap();
            }
            a.net.run_for(ms(1));
            a.sent();
        }
        drop((socket, other, open));
    }
}

#[test]
fn defect_067_error_about_what_was_not_sent_is_ignored() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let any = ["0.0.0.0:0", "[::]:0"][version];
        let socket = a.host.udp(any);
        socket.connect((peer, 9).into()).unwrap();
        socket.try_send_to(b"data", None).unwrap();
        a.net.run_for(ms(1));
        let quote = a.sent()[0].body.clone();
        let port = socket.local_addr().port();
        let stranger = PAIRS[version].1;
        let wrong = [
            // Another local port, remote port, remote address, local address, protocol.
            ip(host, peer, UDP, &udp((host, port ^ 1), (peer, 9), b"data")),
            ip(host, peer, UDP, &udp((host, port), (peer, 10), b"data")),
            ip(
                stranger,
                host,
                UDP,
                &udp((stranger, port), (host, 9), b"data"),
            ),
            ip(host, peer, 253, &quote[quote.len() - 12..]),
        ];
        let (kind, code) = [(3, 3), (1, 4)][version];
        for quote in wrong {
            let error = about(version, kind, code, [0; 4], &quote);
            a.refuses(a.to_host(&error), ReceiveDrop::IcmpUnmatched);
        }
        for length in 0..if version == 0 { 28 } else { 48 } {
            let error = about(version, kind, code, [0; 4], &quote[..length]);
            a.refuses(a.to_host(&error), ReceiveDrop::Icmp);
        }
        socket.try_send_to(b"data", None).unwrap();
        a.net.run_for(ms(1));
        a.sent();
    }
}

/// What logs packets, or reads quotes, stops at the first of them.
#[test]
fn defect_049_errors_quoting_errors_end() {
    let a = acquainted();
    let mut packet = ip(
        HOST4.into(),
        PEER4.into(),
        UDP,
        &udp((HOST4.into(), 1), (PEER4.into(), 2), b""),
    );
    let mut packet6 = ip(
        HOST6.into(),
        PEER6.into(),
        UDP,
        &udp((HOST6.into(), 1), (PEER6.into(), 2), b""),
    );
    for _ in 0..24 {
        packet = ip(
            PEER4.into(),
            HOST4.into(),
            ICMP,
            &icmp(3, 3, [0; 4], &packet),
        );
        packet6 = ip(
            PEER6.into(),
            HOST6.into(),
            ICMPV6,
            &icmpv6((PEER6, HOST6), 1, 4, [0; 4], &packet6),
        );
        assert!(a.ask(a.to_host(&packet)).is_empty());
        assert!(a.ask(a.to_host(&packet6)).is_empty());
    }
    a.serves();
}

#[test]
fn error_about_an_echo_request_reaches_its_pinger() {
    let a = acquainted();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let (ping, other) = (a.host.ping(), a.host.ping());
        ping.try_send(peer, 7, b"data").unwrap();
        a.net.run_for(ms(1));
        let quote = a.sent()[0].body.clone();
        let (kind, code) = [(3, 1), (1, 3)][version];
        assert!(
            a.ask(a.to_host(&about(version, kind, code, [0; 4], &quote)))
                .is_empty()
        );
        assert!(matches!(
            ping.try_recv(),
            Some(Err(PingError::Unreachable(Unreachable::Host)))
        ));
        assert!(other.try_recv().is_none());
    }
}
