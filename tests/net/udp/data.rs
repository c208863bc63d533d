//! What is in a datagram, and what goes with it: lengths, headers, checksums.

use std::net::SocketAddr;

use zonda::iface::ReceiveDrop;
use zonda::socket::{RecvInfo, SendError};

use super::*;

#[test]
fn every_size_that_fits_passes_both_ways_by_slice_and_by_buffer() {
    let (net, a, b, _) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for (to, most) in [("10.0.0.2:7", 1472), ("[fd00::2]:7", 1452)] {
        for size in (0..=most).filter(|n| *n < 140 || n % 97 == 0 || *n > most - 6) {
            let data: Vec<u8> = (0..size).map(|n| (n * 31) as u8).collect();
            client.try_send_to(&data, Some(addr(to))).unwrap();
            net.run_for(ms(2));
            let (buf, info) = server.try_recv().unwrap();
            assert!(buf.equals(&data) && info.length == size);
            server.try_send(buf, Some(info.source)).unwrap();
            net.run_for(ms(2));
            assert_eq!(received(&client), [data]);
        }
    }
}

/// RFC 1122 §4.1.3.5.
#[test]
fn answer_comes_from_the_address_that_was_asked() {
    let (net, a, b, link) = two();
    b.add(link, "10.0.0.22/24").add(link, "fd00::22/64");
    net.run_for(ms(10));
    let server = b.udp("[::]:7");
    for asked in ["10.0.0.2:7", "10.0.0.22:7", "[fd00::2]:7", "[fd00::22]:7"] {
        let client = a.udp("[::]:0");
        client.connect(addr(asked)).unwrap();
        for by_slice in [false, true] {
            client.try_send_to(b"who is it?", None).unwrap();
            net.run_for(ms(2));
            let (buf, info) = server.try_recv().unwrap();
            match by_slice {
                true => net.block_on(server.reply_to(b"I am", &info)).unwrap(),
                false => server.try_reply(buf, &info).unwrap(),
            }
            net.run_for(ms(2));
            assert_eq!(received(&client).len(), 1, "{asked}");
        }
    }
    // A broadcast address answers nothing: the route chooses.
    let client = a.udp("0.0.0.0:0");
    client.set_broadcast(true);
    client
        .try_send_to(b"who is there?", Some(addr("10.0.0.255:7")))
        .unwrap();
    net.run_for(ms(2));
    let (_, info) = server.try_recv().unwrap();
    server.try_reply_to(b"I am", &info).unwrap();
    net.run_for(ms(2));
    let (_, info) = client.try_recv().unwrap();
    assert_eq!(info.source, addr("10.0.0.2:7"));
    // What is not ours any more answers no longer.
    let request = RecvInfo {
        destination: addr("10.0.0.99:7").ip(),
        ..info
    };
    let refused = server.try_reply_to(b"I was", &request);
    assert_eq!(refused, Err(SendError::NoRoute));
}

#[test]
fn defects_029_074_what_does_not_fit_is_refused() {
    let (net, a, _, link) = two();
    let socket = a.udp("[::]:0");
    socket.set_dont_fragment(true);
    for mtu in [1500, 1280, 576] {
        link.mtu(mtu);
        net.run_for(ms(1));
        for (to, header) in [("10.0.0.2:7", 28), ("[fd00::2]:7", 48)] {
            // IPv6 has no smaller links (RFC 8200 §5).
            if mtu < 1280 && header == 48 {
                continue;
            }
            let most = usize::from(mtu) - header;
            let to = Some(addr(to));
            assert_eq!(
                socket.try_send_to(&vec![0; most + 1], to),
                Err(SendError::TooLong { most })
            );
            assert_eq!(socket.try_send_to(&vec![0; most], to), Ok(()));
            net.run_for(ms(10));
        }
    }
    assert_eq!(link.stats().too_long, 0);
}

#[test]
fn slice_that_is_too_short_gets_the_front_and_the_length() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    a.peer.send(a.datagram(0, (1, 7000), b"0123456789"));
    a.peer.send(a.datagram(0, (1, 7000), b"next"));
    a.net.run_for(ms(1));
    let mut buf = [0; 4];
    let (length, info) = socket.try_recv_from(&mut buf).unwrap();
    assert_eq!((&buf, length, info.length), (b"0123", 4, 10));
    assert_eq!(received(&socket), [b"next"]);
}

#[test]
fn packet_info_tells_how_a_datagram_came() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let datagram = udp((PEER4.into(), 5), (HOST4.into(), 7000), b"x");
    let header = Ip4 {
        ttl: 17,
        tos: 0xb9,
        ..Ip4::new(PEER4, HOST4, UDP)
    };
    a.peer.send(a.to_host(&header.with(&datagram)));
    let datagram = udp((PEER6.into(), 6), (HOST6.into(), 7000), b"x");
    let header = Ip6 {
        hop_limit: 18,
        traffic_class: 0x2e,
        ..Ip6::new(PEER6, HOST6, UDP)
    };
    a.peer.send(a.to_host(&header.with(&datagram)));
    a.net.run_for(ms(1));
    let (_, four) = socket.try_recv().unwrap();
    let (_, six) = socket.try_recv().unwrap();
    assert_eq!(
        (four.source, four.destination),
        ((PEER4, 5).into(), HOST4.into())
    );
    assert_eq!((four.hop_limit, four.traffic_class), (17, 0xb9));
    assert_eq!(
        (six.source, six.destination),
        ((PEER6, 6).into(), HOST6.into())
    );
    assert_eq!((six.hop_limit, six.traffic_class), (18, 0x2e));
    assert_eq!(four.interface, a.host.interface(a.link));
}

#[test]
fn hop_limit_and_traffic_class_are_those_of_the_socket() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (hop_limit, traffic_class, expected) in [(0, 0, 64), (1, 0xb8, 1), (255, 0xff, 255)] {
        socket.set_hop_limit(hop_limit);
        socket.set_traffic_class(traffic_class);
        for (_, peer) in PAIRS {
            socket.try_send_to(b"x", Some((peer, 9).into())).unwrap();
            a.net.run_for(ms(1));
            let packet = a.sent()[0].ip().unwrap();
            assert_eq!(
                (packet.hop_limit, packet.traffic_class),
                (expected, traffic_class)
            );
        }
    }
}

#[test]
fn higher_priority_overtakes_in_the_port() {
    let a = acquainted();
    a.link.from(a.host).line_rate(1_000_000);
    let (low, high) = (a.host.udp("[::]:1"), a.host.udp("[::]:2"));
    high.set_priority(3);
    for _ in 0..5 {
        low.try_send_to(&[0; 500], Some((PEER4, 9).into())).unwrap();
    }
    high.try_send_to(b"urgent", Some((PEER4, 9).into()))
        .unwrap();
    a.net.run_for(ms(100));
    let order: Vec<u16> = a
        .sent()
        .iter()
        .map(|seen| seen.ip().unwrap().udp().unwrap().0)
        .collect();
    assert_eq!(order.len(), 6);
    assert!(order[..2].contains(&2), "{order:?}");
}

#[test]
fn full_queue_is_said_and_can_be_waited_for() {
    let a = acquainted();
    a.link.from(a.host).line_rate(1_000_000);
    let socket = a.host.udp("[::]:1");
    let to: SocketAddr = (PEER4, 9).into();
    let mut sent = 0;
    let error = loop {
        match socket.try_send_to(b"x", Some(to)) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, SendError::QueueFull | SendError::NoBuffer),
        "{error:?}"
    );
    for _ in 0..100 {
        a.net.block_on(socket.send_to(b"y", to)).unwrap();
    }
    a.net.run_for(secs(1));
    assert_eq!(a.sent().len(), sent + 100);
}

#[test]
fn ipv4_datagram_without_checksum_is_taken_and_ipv6_refused() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let mut datagram = udp((peer, 1), (host, 7000), b"no sum");
        datagram[6..8].fill(0);
        let frame = a.to_host(&ip(peer, host, UDP, &datagram));
        if version == 0 {
            a.ask(frame);
            assert_eq!(received(&socket), [b"no sum"]);
        } else {
            a.refuses(frame, ReceiveDrop::UdpChecksum);
            assert!(received(&socket).is_empty());
        }
    }
}

#[test]
fn damaged_datagram_is_skipped_and_the_wait_goes_on() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    let mut buf = [0; 100];
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let before = a
            .host
            .counters(a.link)
            .receive_drops(ReceiveDrop::UdpChecksum);
        for at in [8, 12] {
            let mut bad = udp((peer, 1), (host, 7000), b"damaged");
            bad[at] ^= 0x10;
            a.peer.send(a.to_host(&ip(peer, host, UDP, &bad)));
        }
        let (peer_station, good) = (a.peer, a.datagram(version, (1, 7000), b"good"));
        let stack = a.stack();
        a.net.spawn(async move {
            stack.sleep(ms(500)).await;
            peer_station.send(good);
        });
        let start = a.net.now();
        let (length, _) = a.net.block_on(socket.recv_from(&mut buf)).unwrap();
        assert_eq!(&buf[..length], b"good");
        assert!(a.net.now().since(start) >= ms(500));
        let counters = a.host.counters(a.link);
        assert_eq!(counters.receive_drops(ReceiveDrop::UdpChecksum), before + 2);
        assert_eq!(socket.dropped(), 2 * (version as u32 + 1));
        a.host.check_counters();
    }
}

#[test]
fn header_that_contradicts_the_packet_is_refused() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    for (host, peer) in PAIRS {
        let good = udp((peer, 1), (host, 7000), b"data");
        for length in [0u16, 1, 7, 13, 100, 65_535] {
            let mut bad = good.clone();
            bad[4..6].copy_from_slice(&length.to_be_bytes());
            a.refuses(
                a.to_host(&ip(peer, host, UDP, &bad)),
                ReceiveDrop::UdpHeader,
            );
        }
        for length in 0..8 {
            a.refuses(
                a.to_host(&ip(peer, host, UDP, &good[..length])),
                ReceiveDrop::UdpHeader,
            );
        }
    }
    // Bytes behind the datagram, in the packet or in the frame, are cut off.
    for (host, peer) in PAIRS {
        let mut datagram = udp((peer, 1), (host, 7000), b"data");
        datagram.extend_from_slice(b"surplus");
        let mut frame = a.to_host(&ip(peer, host, UDP, &datagram));
        frame.extend_from_slice(b"padding");
        a.ask(frame);
        assert_eq!(received(&socket), [b"data"]);
    }
}
