//! What raw sockets send.

use std::net::Ipv4Addr;

use zonda::link::Offload;
use zonda::netbuf::Purpose;
use zonda::socket::{RawError, RawSendError};

use super::*;
use crate::network::*;

/// The one packet that was sent.
#[track_caller]
fn one(a: &Alone) -> SeenIp {
    a.net.run_for(ms(1));
    let [seen] = &a.sent()[..] else {
        panic!("one packet");
    };
    seen.ip().unwrap()
}

#[test]
fn header_is_written_as_the_socket_says() {
    let a = neighborly();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.open(VERSIONS[version], LOCAL);
        socket.try_send_to(b"plain", to(peer)).unwrap();
        let seen = one(&a);
        assert_eq!(
            (seen.source, seen.destination, seen.protocol),
            (host, peer, LOCAL)
        );
        assert_eq!((seen.hop_limit, seen.traffic_class), (64, 0));
        assert_eq!(seen.payload, b"plain");
        socket.set_hop_limit(3);
        socket.set_traffic_class(0xb8);
        socket.connect(peer.into()).unwrap();
        let mut buf = a.host.pool().alloc(Purpose::Send, 64).unwrap();
        buf.append(b"as it is").unwrap();
        socket.try_send(buf, None).unwrap();
        let seen = one(&a);
        assert_eq!((seen.hop_limit, seen.traffic_class), (3, 0xb8));
        assert_eq!(seen.payload, b"as it is");
    }
}

#[test]
fn socket_that_is_bound_sends_from_there() {
    let a = neighborly();
    a.host.add(a.link, "10.0.0.2/24").add(a.link, "fd00::2/64");
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let second: IpAddr = ["10.0.0.2", "fd00::2"][version].parse().unwrap();
        let socket = a.open(VERSIONS[version], LOCAL);
        socket.bind(second).unwrap();
        socket.try_send_to(b"?", to(peer)).unwrap();
        assert_eq!(one(&a).source, second);
        a.stack().remove_address(0, second);
        assert_eq!(
            socket.try_send_to(b"?", to(peer)),
            Err(RawSendError::NoRoute)
        );
    }
}

#[test]
fn long_packet_goes_in_fragments() {
    let a = neighborly();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.open(VERSIONS[version], LOCAL);
        let data: Vec<u8> = (0..4000u32).map(|n| (n * 5) as u8).collect();
        socket.try_send_to(&data, to(peer)).unwrap();
        a.net.run_for(ms(5));
        let fragments: Vec<_> = a.sent().iter().map(|seen| seen.ip().unwrap()).collect();
        assert_eq!(fragments.len(), 3);
        assert_eq!(reassemble(&fragments).payload, data);
    }
}

#[test]
fn header_of_the_application_goes_out_with_what_is_missing_filled_in() {
    let a = neighborly();
    let socket = a.open(IpVersion::V4, LOCAL);
    socket.set_header_included(true).unwrap();
    // Source, identification, total length and checksum are the stack's.
    let mut packet = Ip4 {
        ttl: 7,
        tos: 0x20,
        options: vec![1; 4],
        ..Ip4::new(Ipv4Addr::UNSPECIFIED, PEER4, 99)
    }
    .with(b"by hand");
    packet[2..4].fill(0);
    packet[10..12].fill(0xff);
    socket.try_send_to(&packet, to(PEER4)).unwrap();
    a.net.run_for(ms(1));
    let frame = a.sent().pop().unwrap();
    let seen = frame.ip().unwrap();
    assert_eq!(
        (seen.source, seen.destination),
        (HOST4.into(), PEER4.into())
    );
    assert_eq!(
        (seen.hop_limit, seen.traffic_class, seen.protocol),
        (7, 0x20, 99)
    );
    assert_eq!(seen.payload, b"by hand");
    assert_eq!(frame.body.len(), packet.len());
    assert_ne!(frame.body[4..6], [0, 0], "it may be fragmented on its way");
    // What is there stays: another's address, a number, a fragment's place.
    let forged = Ip4 {
        id: 77,
        fragment: 0x2001,
        ..Ip4::new([192, 0, 2, 5].into(), PEER4, 99)
    }
    .with(b"forged");
    socket.try_send_to(&forged, to(PEER4)).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().pop().unwrap().body, forged);
    // Where nobody may fragment it a number means nothing.
    let atomic = Ip4 {
        fragment: 0x4000,
        ..Ip4::new(HOST4, PEER4, 99)
    }
    .with(b"atomic");
    socket.try_send_to(&atomic, to(PEER4)).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(a.sent().pop().unwrap().body, atomic);
    // The next hop is that of the destination that was given, whatever the header says.
    let elsewhere = Ip4 {
        id: 1,
        ..Ip4::new(HOST4, [203, 0, 113, 1].into(), 99)
    }
    .with(b"!");
    socket.try_send_to(&elsewhere, to(PEER4)).unwrap();
    a.net.run_for(ms(1));
    let frame = a.sent().pop().unwrap();
    assert_eq!((frame.to, frame.body), (a.peer.mac(), elsewhere));
}

#[test]
fn checksum_of_a_given_header_is_left_to_hardware_that_fills_it_in() {
    let a = neighborly();
    a.link.hardware();
    a.host
        .change(a.link, |link| link.offload = Offload::SEND_IPV4);
    let socket = a.open(IpVersion::V4, LOCAL);
    socket.set_header_included(true).unwrap();
    let packet = Ip4::new(HOST4, PEER4, 99).with(b"sum me up");
    socket.try_send_to(&packet, to(PEER4)).unwrap();
    assert_eq!(one(&a).payload, b"sum me up");
}

#[test]
fn headers_that_are_none_are_refused() {
    let a = neighborly();
    let socket = a.open(IpVersion::V4, LOCAL);
    socket.set_header_included(true).unwrap();
    let good = Ip4::new(HOST4, PEER4, 99).with(b"data");
    let send = |data: &[u8]| socket.try_send_to(data, to(PEER4)).unwrap_err();
    assert_eq!(send(&[]), RawSendError::InvalidHeader);
    assert_eq!(send(&good[..19]), RawSendError::InvalidHeader);
    for first in [0x65, 0x44, 0x40, 0x47, 0x4f] {
        let mut bad = good.clone();
        bad[0] = first;
        assert_eq!(send(&bad), RawSendError::InvalidHeader, "{first:#x}");
    }
    assert_eq!(
        send(&Ip4::new(HOST4, PEER4, 99).with(&[0; 1481])),
        RawSendError::TooLong
    );
    a.net.run_for(ms(1));
    assert!(a.sent().is_empty());
    let mut buf = a.host.pool().alloc(Purpose::Send, 64).unwrap();
    buf.append(b"no header").unwrap();
    let (buf, error) = socket.try_send(buf, to(PEER4)).unwrap_err();
    assert!(buf.equals(b"no header"));
    assert_eq!(error, RawSendError::InvalidHeader);
    let ipv6 = a.open(IpVersion::V6, LOCAL);
    assert_eq!(ipv6.set_header_included(true), Err(RawError::InvalidOption));
}

#[test]
fn icmpv6_checksum_is_computed_whatever_stands_there() {
    let a = neighborly();
    let socket = a.open(IpVersion::V6, ICMPV6);
    // The reader of what was sent checks the sum.
    for data in [&b""[..], b"x", b"odd", b"even"] {
        let message = join(&[&[128, 0, 0xff, 0xff, 0, 1, 0, 1], data]);
        socket.try_send_to(&message, to(PEER6)).unwrap();
        let seen = one(&a);
        assert_eq!((seen.payload[0], &seen.payload[8..]), (128, data));
    }
    assert_eq!(
        socket.try_send_to(&[128, 0, 0], to(PEER6)),
        Err(RawSendError::TooShort)
    );
    // In fragments too.
    let message = join(&[&[128, 0, 0, 0, 0, 1, 0, 1], &[0x3c; 3000]]);
    socket.try_send_to(&message, to(PEER6)).unwrap();
    a.net.run_for(ms(5));
    let fragments: Vec<_> = a.sent().iter().map(|seen| seen.ip().unwrap()).collect();
    assert_eq!(reassemble(&fragments).payload[8..], message[8..]);
}

#[test]
fn checksum_is_stored_where_the_socket_says() {
    let a = neighborly();
    let socket = a.open(IpVersion::V6, UDP);
    socket.set_checksum(Some(6)).unwrap();
    let mut datagram = udp((HOST6.into(), 5), (PEER6.into(), 6), b"sum me up");
    let expected = datagram.clone();
    datagram[6..8].fill(0x77);
    socket.try_send_to(&datagram, to(PEER6)).unwrap();
    assert_eq!(one(&a).payload, expected);
    // In bytes that others see it is stored in a copy.
    let mut buf = a.host.pool().alloc(Purpose::Send, 64).unwrap();
    buf.append(&datagram).unwrap();
    let before = buf.try_clone().unwrap();
    socket.try_send(buf, to(PEER6)).unwrap();
    assert_eq!(one(&a).payload, expected);
    assert!(before.equals(&datagram));
}

#[test]
fn broadcast_needs_leave() {
    let a = neighborly();
    let socket = a.open(IpVersion::V4, LOCAL);
    for all in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255)] {
        socket.set_broadcast(false);
        let error = socket.try_send_to(b"everybody", to(all)).unwrap_err();
        assert_eq!(error, RawSendError::BroadcastNotAllowed);
        socket.set_broadcast(true);
        socket.try_send_to(b"everybody", to(all)).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent()[0].to, BROADCAST);
    }
}

#[cfg(feature = "multicast")]
#[test]
fn groups_are_joined_sent_to_and_left_with_the_socket() {
    let a = neighborly();
    let id = a.host.interface(a.link);
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let group: IpAddr = ["224.0.0.77", "ff02::77"][version].parse().unwrap();
        let socket = a.open(VERSIONS[version], LOCAL);
        let packet = a.to(group_mac(group), &ip(peer, group, LOCAL, b"to all of you"));
        a.ask(&packet);
        assert!(socket.try_recv().is_none());
        socket.join(group, id).unwrap();
        a.ask(&packet);
        assert_eq!(socket.try_recv().unwrap().1.destination, group);
        // What is sent comes back, unless it is not wanted.
        let there = RawAddress {
            address: group,
            interface: Some(id),
        };
        socket.try_send_to(b"to you", Some(there)).unwrap();
        let seen = one(&a);
        assert_eq!((seen.destination, seen.hop_limit), (group, 1));
        assert!(socket.try_recv().is_some());
        socket.set_multicast_loop(false);
        socket.set_multicast_hop_limit(5);
        socket.set_multicast_interface(Some(id));
        socket.try_send_to(b"to you", to(group)).unwrap();
        assert_eq!(one(&a).hop_limit, 5);
        assert!(socket.try_recv().is_none());
        socket.leave(group, id).unwrap();
        a.ask(&packet);
        assert!(socket.try_recv().is_none());
        socket.join(group, id).unwrap();
        drop(socket);
        let other = a.open(VERSIONS[version], LOCAL);
        a.ask(&packet);
        assert!(other.try_recv().is_none());
    }
}

#[test]
fn host_reaches_itself() {
    let a = neighborly();
    for (version, (host, _)) in PAIRS.into_iter().enumerate() {
        let [one, other] = [(); 2].map(|()| a.open(VERSIONS[version], LOCAL));
        one.try_send_to(b"me", to(host)).unwrap();
        a.net.run_for(ms(1));
        for socket in [&one, &other] {
            let received = socket.try_recv().unwrap();
            assert!(bytes(&received).ends_with(b"me"));
            assert_eq!((received.1.source, received.1.destination), (host, host));
        }
    }
    let socket = a.open(IpVersion::V4, 99);
    socket.set_header_included(true).unwrap();
    let packet = Ip4 {
        id: 1,
        ..Ip4::new(HOST4, HOST4, 99)
    }
    .with(b"me");
    socket.try_send_to(&packet, to(HOST4)).unwrap();
    a.net.run_for(ms(1));
    assert_eq!(bytes(&socket.try_recv().unwrap()), packet);
}

#[test]
fn destinations_that_are_none_are_refused() {
    let a = neighborly();
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.open(VERSIONS[version], LOCAL);
        let send = |to| socket.try_send_to(b"?", to).unwrap_err();
        assert_eq!(send(None), RawSendError::NoDestination);
        let any: IpAddr = ["0.0.0.0", "::"][version].parse().unwrap();
        let other = PAIRS[1 - version].1;
        let far: IpAddr = ["192.0.2.1", "2001:db8::1"][version].parse().unwrap();
        for wrong in [any, other] {
            assert_eq!(send(to(wrong)), RawSendError::InvalidDestination);
            let error = socket.connect(wrong.into()).unwrap_err();
            assert_eq!(error, RawSendError::InvalidDestination);
        }
        assert_eq!(send(to(far)), RawSendError::NoRoute);
        let long = vec![0; 65536];
        let a_big_one = a.net.block_on(socket.send_to(&long, to(peer)));
        assert!(matches!(
            a_big_one,
            Err(RawSendError::NoBuffer | RawSendError::TooLong)
        ));
    }
}

#[test]
fn sending_waits_for_room() {
    let a = neighborly();
    a.link.line_rate(1_000_000);
    let socket = a.open(IpVersion::V4, LOCAL);
    let task = a.net.spawn(async move {
        for number in 0..60u8 {
            socket.send_to(&[number], to(PEER4)).await.unwrap();
        }
    });
    a.net.run_for(secs(2));
    assert!(task.is_done());
    let numbers = a
        .sent()
        .iter()
        .map(|seen| seen.ip().unwrap().payload[0])
        .collect::<Vec<_>>();
    assert!(numbers.into_iter().eq(0..60));
}
