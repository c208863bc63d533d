//! What raw sockets receive beside the stack.

use std::net::{Ipv4Addr, Ipv6Addr};

use zonda::config;
use zonda::iface::ReceiveDrop;
use zonda::ip::Unreachable;
use zonda::link::{Capabilities, Offload};
use zonda::socket::{IcmpFilter, RawError, RawSendError};

use super::*;
use crate::network::*;

#[test]
fn ipv4_socket_receives_the_datagram_with_its_header() {
    let a = acquainted();
    let socket = a.open(IpVersion::V4, LOCAL);
    let packet = Ip4 {
        ttl: 9,
        tos: 0xb9,
        options: vec![1; 8],
        ..Ip4::new(PEER4, HOST4, LOCAL)
    };
    let packet = packet.with(b"what is carried");
    assert!(a.ask(a.to_host(&packet)).is_empty());
    let received = socket.try_recv().unwrap();
    assert_eq!(bytes(&received), packet);
    let info = received.1;
    assert_eq!(
        (info.source, info.destination),
        (PEER4.into(), HOST4.into())
    );
    assert_eq!((info.hop_limit, info.traffic_class), (9, 0xb9));
    assert_eq!(
        (info.interface, info.length),
        (a.host.interface(a.link), packet.len())
    );
    // What pads the frame is no part of it.
    let short = ip(PEER4.into(), HOST4.into(), LOCAL, b"!");
    a.ask(join(&[&a.to_host(&short), &[0; 25]]));
    assert_eq!(bytes(&socket.try_recv().unwrap()), short);
    assert!(socket.try_recv().is_none());
}

#[test]
fn ipv6_socket_receives_what_stands_behind_all_headers() {
    let a = acquainted();
    let socket = a.open(IpVersion::V6, LOCAL);
    // Destination options, with a PadN in them, in front.
    let behind = join(&[&[LOCAL, 0, 1, 4, 0, 0, 0, 0], b"what is carried"]);
    let packet = Ip6 {
        hop_limit: 9,
        traffic_class: 0xb9,
        ..Ip6::new(PEER6, HOST6, 60)
    };
    assert!(a.ask(a.to_host(&packet.with(&behind))).is_empty());
    let received = socket.try_recv().unwrap();
    assert_eq!(bytes(&received), b"what is carried");
    let info = received.1;
    assert_eq!(
        (info.source, info.destination),
        (PEER6.into(), HOST6.into())
    );
    assert_eq!((info.hop_limit, info.traffic_class), (9, 0xb9));
    assert_eq!(info.length, 15);
}

#[test]
fn protocol_that_a_raw_socket_speaks_is_not_refused() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let packet = a.to_host(&ip(peer, host, LOCAL, b"does anybody speak this?"));
        assert_eq!(a.ask(&packet).len(), 1, "an ICMP error");
        let socket = a.open(VERSIONS[version], LOCAL);
        let before = a.host.counters(a.link);
        assert!(a.ask(&packet).is_empty());
        let after = a.host.counters(a.link);
        assert_eq!(after.accepted, before.accepted + 1);
        // Nor where there is no room, which is counted.
        socket.set_quota(0, 0);
        a.refuses(&packet, ReceiveDrop::RawQuota);
        assert_eq!(socket.dropped(), 1);
        // One that is for another address speaks for nobody.
        let other = a.open(VERSIONS[version], LOCAL);
        drop(socket);
        other
            .connect(
                [PEER4.into(), PEER6.into()].map(|a: IpAddr| match a {
                    IpAddr::V4(_) => IpAddr::from([10, 0, 0, 77]),
                    IpAddr::V6(_) => "fd00::77".parse().unwrap(),
                })[version]
                    .into(),
            )
            .unwrap();
        assert_eq!(a.ask(&packet).len(), 1, "an ICMP error");
    }
}

#[test]
fn headers_that_the_stack_does_not_know_are_protocols_to_a_raw_socket() {
    let a = acquainted();
    // ESP, Authentication, Mobility, HIP, Shim6.
    for (number, payload) in [
        (50, vec![7; 20]),
        (51, join(&[&[59, 4, 0, 0], &[7; 20]])),
        (135, vec![59, 0, 1, 2, 3, 4, 5, 6]),
        (139, vec![59, 0, 1, 2, 3, 4, 5, 6]),
        (140, vec![59, 0, 1, 2, 3, 4, 5, 6]),
    ] {
        let packet = a.to_host(&ip(PEER6.into(), HOST6.into(), number, &payload));
        let [error] = &a.ask(&packet)[..] else {
            panic!("one error");
        };
        // Parameter Problem, unrecognized Next Header, which stands at 6 (RFC 4443 §3.4).
        let error = error.ip().unwrap();
        assert_eq!(error.payload[..2], [4, 1]);
        assert_eq!(error.payload[4..8], [0, 0, 0, 6]);
        let socket = a.open(IpVersion::V6, number);
        assert!(a.ask(&packet).is_empty());
        assert_eq!(bytes(&socket.try_recv().unwrap()), payload);
    }
}

#[test]
fn stack_does_its_part_beside_the_socket() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let icmp = a.open(VERSIONS[version], [ICMP, ICMPV6][version]);
        let udp_too = a.open(VERSIONS[version], UDP);
        let request = echo(peer, host, false, 1, 1, b"both of you");
        assert_eq!(a.ask(a.to_host(&request)).len(), 1);
        let skipped = [0, 40][version];
        assert_eq!(bytes(&icmp.try_recv().unwrap()), request[skipped..]);
        let socket = a.host.udp(["0.0.0.0:7", "[::]:7"][version]);
        a.ask(a.datagram(version, (9, 7), b"both of you"));
        assert!(socket.try_recv().is_some());
        assert!(udp_too.try_recv().is_some());
        // A port that is closed is told of nevertheless.
        assert_eq!(a.ask(a.datagram(version, (9, 8), b"?")).len(), 1);
    }
}

#[test]
fn message_that_only_a_raw_socket_wants_is_accepted() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let reply = a.to_host(&echo(peer, host, true, 0xbeef, 1, b"who asked?"));
        a.refuses(&reply, ReceiveDrop::IcmpUnmatched);
        let socket = a.open(VERSIONS[version], [ICMP, ICMPV6][version]);
        let before = a.host.counters(a.link).accepted;
        a.ask(&reply);
        assert_eq!(a.host.counters(a.link).accepted, before + 1);
        assert!(socket.try_recv().is_some());
    }
}

#[test]
fn bound_and_connected_sockets_receive_what_is_theirs() {
    let a = acquainted();
    a.host.add(a.link, "10.0.0.2/24").add(a.link, "fd00::2/64");
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let second: IpAddr = ["10.0.0.2", "fd00::2"][version].parse().unwrap();
        let stranger: IpAddr = ["10.0.0.8", "fd00::8"][version].parse().unwrap();
        let version = VERSIONS[version];
        let [all, bound, connected, elsewhere] = [(); 4].map(|()| a.open(version, LOCAL));
        bound.bind(second).unwrap();
        connected.connect(peer.into()).unwrap();
        elsewhere
            .connect(RawAddress {
                address: peer,
                interface: Some(7),
            })
            .unwrap();
        assert_eq!(bound.local_addr(), Some(second));
        assert_eq!(connected.peer_addr(), Some(peer.into()));
        let count = |from, to| {
            a.ask(a.to_host(&ip(from, to, LOCAL, b"?")));
            [&all, &bound, &connected, &elsewhere].map(|socket| socket.try_recv().is_some())
        };
        assert_eq!(count(peer, host), [true, false, true, false]);
        assert_eq!(count(peer, second), [true, true, true, false]);
        assert_eq!(count(stranger, second), [true, true, false, false]);
        bound
            .bind(if host.is_ipv4() {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                Ipv6Addr::UNSPECIFIED.into()
            })
            .unwrap();
        connected.disconnect();
        all.bind_interface(Some(a.host.interface(a.link))).unwrap();
        assert_eq!(count(stranger, host), [true, true, true, false]);
        assert_eq!(all.bind_interface(Some(99)), Err(RawError::NoInterface));
        let foreign: IpAddr = ["192.0.2.1", "2001:db8::1"][usize::from(!host.is_ipv4())]
            .parse()
            .unwrap();
        assert_eq!(all.bind(foreign), Err(RawError::NotOurs));
        assert_eq!(
            all.bind(PAIRS[usize::from(host.is_ipv4())].0),
            Err(RawError::UnsupportedFamily)
        );
    }
}

#[test]
fn filter_lets_the_types_pass_that_it_names() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.open(VERSIONS[version], [ICMP, ICMPV6][version]);
        assert_eq!(socket.icmp_filter(), IcmpFilter::PASS_ALL);
        let mut filter = IcmpFilter::BLOCK_ALL;
        filter.pass([0, 129][version]);
        socket.set_icmp_filter(filter).unwrap();
        assert_eq!(socket.icmp_filter(), filter);
        a.ask(a.to_host(&echo(peer, host, false, 1, 1, b"request")));
        assert!(socket.try_recv().is_none());
        a.ask(a.to_host(&echo(peer, host, true, 1, 1, b"reply")));
        assert!(socket.try_recv().is_some());
        let other = a.open(VERSIONS[version], LOCAL);
        assert_eq!(other.set_icmp_filter(filter), Err(RawError::InvalidOption));
    }
}

#[test]
fn icmpv6_socket_receives_every_type_and_nothing_damaged() {
    let a = acquainted();
    let socket = a.open(IpVersion::V6, ICMPV6);
    for kind in [100, 127, 133, 160, 200, 255] {
        let message = icmpv6((PEER6, HOST6), kind, 0, [0; 4], b"unknown to the stack");
        a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &message)));
        assert_eq!(bytes(&socket.try_recv().unwrap()), message);
    }
    let mut message = icmpv6((PEER6, HOST6), 129, 0, [0; 4], b"damaged");
    message[9] ^= 1;
    a.refuses(
        a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &message)),
        ReceiveDrop::Icmp,
    );
    assert!(socket.try_recv().is_none());
    assert_eq!(socket.dropped(), 1);
}

#[test]
fn checksum_is_verified_where_the_socket_says_that_it_is() {
    let a = acquainted();
    let socket = a.open(IpVersion::V6, LOCAL);
    let packet = |data: &[u8]| a.to_host(&ip(PEER6.into(), HOST6.into(), LOCAL, data));
    a.ask(packet(b"no sum at all"));
    assert!(socket.try_recv().is_some());
    socket.set_checksum(Some(4)).unwrap();
    a.ask(packet(b"no sum at all"));
    assert!(socket.try_recv().is_none());
    assert_eq!(socket.dropped(), 1);
    // The pseudo-header of this protocol, and one word that makes the sum right.
    let mut pseudo = join(&[
        &PEER6.octets(),
        &HOST6.octets(),
        &[0, 0, 0, 8, 0, 0, 0, LOCAL],
    ]);
    pseudo.extend_from_slice(b"data\0\0!!");
    let [high, low] = checksum(&[&pseudo]).to_be_bytes();
    let good = [b'd', b'a', b't', b'a', high, low, b'!', b'!'];
    a.ask(packet(&good));
    assert_eq!(bytes(&socket.try_recv().unwrap()), good);
    socket.set_checksum(None).unwrap();
    a.ask(packet(b"no sum at all"));
    assert!(socket.try_recv().is_some());
    // Odd places, ICMPv6 and IPv4 have no such option (RFC 3542 §3.1).
    assert_eq!(socket.set_checksum(Some(3)), Err(RawError::InvalidOption));
    let (icmp, ipv4) = (a.open(IpVersion::V6, ICMPV6), a.open(IpVersion::V4, LOCAL));
    assert_eq!(icmp.set_checksum(Some(2)), Err(RawError::InvalidOption));
    assert_eq!(ipv4.set_checksum(Some(2)), Err(RawError::InvalidOption));
}

#[test]
fn what_hardware_has_verified_is_not_verified_again() {
    let a = acquainted();
    a.host.change(a.link, |link: &mut Capabilities| {
        link.offload = Offload::RECEIVE_ICMP
    });
    let socket = a.open(IpVersion::V6, ICMPV6);
    let mut message = icmpv6((PEER6, HOST6), 129, 0, [0; 4], b"the driver says so");
    message[9] ^= 1;
    a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), ICMPV6, &message)));
    assert!(socket.try_recv().is_some());
}

#[test]
fn datagram_in_fragments_is_received_whole() {
    let a = acquainted();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let socket = a.open(VERSIONS[version], LOCAL);
        let data: Vec<u8> = (0..2000u32).map(|n| (n * 3) as u8).collect();
        let fragments: [Vec<u8>; 2] = match version {
            0 => [(0, 0x2000, &data[..1000]), (1000, 0, &data[1000..])].map(|(at, more, part)| {
                let header = Ip4::new(PEER4, HOST4, LOCAL);
                Ip4 {
                    id: 7,
                    fragment: more | (at / 8),
                    ..header
                }
                .with(part)
            }),
            _ => [(0, 1, &data[..1000]), (1000, 0, &data[1000..])].map(
                |(at, more, part): (u16, u16, _)| {
                    let [high, low] = (at | more).to_be_bytes();
                    ip(
                        peer,
                        host,
                        FRAGMENT,
                        &join(&[&[LOCAL, 0, high, low, 0, 0, 0, 7], part]),
                    )
                },
            ),
        };
        for fragment in fragments {
            assert!(a.ask(a.to_host(&fragment)).is_empty());
        }
        let received = socket.try_recv().unwrap();
        let header = [20, 0][version];
        assert_eq!(bytes(&received)[header..], data);
        assert!(socket.try_recv().is_none());
    }
}

#[test]
fn error_about_a_packet_is_told_to_the_connected_socket() {
    let a = neighborly();
    for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
        let [socket, other] = [(); 2].map(|()| a.open(VERSIONS[version], LOCAL));
        socket.connect(peer.into()).unwrap();
        socket.try_send_to(b"is anybody there?", None).unwrap();
        a.net.run_for(ms(1));
        let quote = a.sent().pop().unwrap().body;
        let message = match (host, peer) {
            (IpAddr::V6(host), IpAddr::V6(peer)) => icmpv6((peer, host), 1, 4, [0; 4], &quote),
            _ => icmp(3, 2, [0; 4], &quote),
        };
        let protocol = [ICMP, ICMPV6][version];
        a.ask(a.to_host(&ip(peer, host, protocol, &message)));
        let why = [Unreachable::Protocol, Unreachable::Port][version];
        assert_eq!(a.net.block_on(socket.readable()), Err(why));
        assert!(other.try_recv().is_none());
        a.ask(a.to_host(&ip(peer, host, protocol, &message)));
        assert_eq!(
            socket.try_send_to(b"?", None),
            Err(RawSendError::Unreachable(why))
        );
        socket.try_send_to(b"?", None).unwrap();
    }
}

#[test]
fn packet_that_does_not_fit_the_slice_is_cut_and_its_length_told() {
    let a = acquainted();
    let socket = a.open(IpVersion::V4, LOCAL);
    let task = {
        let socket = a.open(IpVersion::V6, LOCAL);
        a.net.spawn(async move {
            let mut to = [0; 8];
            let (copied, info) = socket.recv_from(&mut to).await.unwrap();
            let rest = socket.recv().await.unwrap();
            (copied, info.length, rest.0.len())
        })
    };
    a.net.run_for(ms(5));
    for (host, peer) in PAIRS {
        for length in [100, 50] {
            a.ask(a.to_host(&ip(peer, host, LOCAL, &vec![1; length])));
        }
    }
    let mut to = [0; 30];
    let (copied, info) = socket.try_recv_from(&mut to).unwrap();
    assert_eq!((copied, info.length), (30, 120));
    assert_eq!(task.take(), Some((8, 100, 50)));
}

#[test]
fn full_table_of_raw_sockets_says_so() {
    let a = acquainted();
    let sockets: Vec<_> = (0..config::RAW_SOCKETS)
        .map(|_| a.open(IpVersion::V4, LOCAL))
        .collect();
    let another = RawSocket::open(a.stack(), IpVersion::V6, LOCAL);
    assert_eq!(another.err(), Some(RawError::TableFull));
    // All of them share the blocks of what comes.
    let (host, peer) = PAIRS[0];
    a.ask(a.to_host(&ip(peer, host, LOCAL, &[7; 100])));
    assert_eq!(a.host.pool().stats().blocks_used, 1);
    for socket in &sockets {
        assert_eq!(socket.try_recv().unwrap().0.len(), 120);
    }
    a.ask(a.to_host(&ip(peer, host, LOCAL, &[7; 100])));
    drop(sockets);
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}

#[test]
fn raw_protocol_255_is_one_like_all() {
    let a = acquainted();
    let socket = a.open(IpVersion::V6, 255);
    a.ask(a.to_host(&ip(PEER6.into(), HOST6.into(), 255, b"no header in here")));
    assert_eq!(bytes(&socket.try_recv().unwrap()), b"no header in here");
}
