//! What is sent in fragments.

use std::net::{IpAddr, Ipv6Addr};

use zonda::config::{FRAGMENTED_SENDS, PORT_TX_QUEUE};
use zonda::iface::SendDrop;
use zonda::link::Offload;
use zonda::netbuf::Purpose;
use zonda::socket::{PingError, SendError};

use super::*;

/// Bytes that tell their places.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n ^ n >> 8) as u8).collect()
}

/// Two hosts with blocks enough for the longest datagrams.
fn two() -> (Network, Host, Host, Link) {
    let net = Network::new(5);
    let host = |name| net.host_with(name, pool::<640, 512, 64, 256>());
    let (a, b) = (host("a"), host("b"));
    let link = net.link([a, b]).delay(us(100));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    (net, a, b, link)
}

/// RFC 791 §3.2, RFC 8200 §4.5: every fragment but the last as long as fits, in units of eight
/// octets; the first with all headers (RFC 7112 §5); one identification.
#[test]
fn datagram_beyond_the_mtu_goes_in_fragments() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    socket.set_hop_limit(9);
    socket.set_traffic_class(0xb8);
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let to = Some((peer, 9).into());
        let whole = [1472, 1452][version];
        let mut last = None;
        for mtu in [1500, 1281] {
            a.host.change(a.link, |link| link.mtu = mtu);
            let mtu = usize::from(mtu);
            let room = (mtu - [20, 48][version]) / 8 * 8;
            for length in [whole + 1, 2 * room - 8, 2 * room - 7, 3000, 8000] {
                let sent = data(length);
                socket.try_send_to(&sent, to).unwrap();
                a.net.run_for(ms(1));
                let seen = a.sent();
                assert_eq!(seen.len(), (length + 8).div_ceil(room));
                for (number, seen) in seen.iter().enumerate() {
                    let packet = seen.ip().unwrap();
                    assert!(seen.body.len() <= mtu);
                    assert!(number * room + room > length + 7 || packet.payload.len() == room);
                    assert!(version == 1 || !packet.dont_fragment);
                    assert_eq!((packet.hop_limit, packet.traffic_class), (9, 0xb8));
                }
                let id = seen[0].ip().unwrap().fragment.unwrap().id;
                assert_ne!(last.replace(id), Some(id));
                let (_, port, received) = {
                    let packet = whole_of(&seen);
                    let (from, to, data) =
                        packet.udp().map(|(a, b, c)| (a, b, c.to_vec())).unwrap();
                    (from, to, data)
                };
                assert_eq!(port, 9);
                assert_eq!(received, sent);
            }
        }
        // RFC 6864 §4.1: what is whole has no identification.
        a.host.change(a.link, |link| link.mtu = 1500);
        socket.try_send_to(&data(whole), to).unwrap();
        a.net.run_for(ms(1));
        let packet = a.sent()[0].clone();
        assert!(packet.ip().unwrap().dont_fragment);
        assert!(version == 1 || packet.body[4..6] == [0, 0]);
    }
}

fn whole_of(seen: &[Seen]) -> SeenIp {
    whole(seen).expect("a datagram")
}

#[test]
fn defect_098_datagrams_of_every_length_up_to_the_longest_arrive() {
    let (net, a, b, _link) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    server.set_quota(u32::MAX, u16::MAX);
    for (to, most) in [("10.0.0.2:7", 65_507), ("[fd00::2]:7", 65_527)] {
        let to = Some(to.parse().unwrap());
        for length in [1453, 1473, 2952, 10_000, 30_001, most - 1, most] {
            let sent = data(length);
            client.try_send_to(&sent, to).unwrap();
            net.run_for(ms(50));
            let (received, info) = server.try_recv().expect("the datagram");
            assert!(received.equals(&sent) && info.length == length);
        }
        let result = client.try_send_to(&data(most + 1), to);
        assert_eq!(result, Err(SendError::TooLong { most }));
    }
}

#[test]
fn hosts_ping_each_other_with_the_longest_datagrams() {
    let (net, a, _b, _link) = two();
    let ping = a.ping();
    for to in ["10.0.0.2", "fd00::2", "10.0.0.1", "fd00::1"] {
        let to: IpAddr = to.parse().unwrap();
        for length in [1472, 1473, 5000, 65_507] {
            net.block_on(ping.ping(to, 1, &data(length), secs(5)))
                .unwrap();
        }
        assert_eq!(
            ping.try_send(to, 1, &data(65_508)),
            Err(PingError::NotSent(SendDrop::TooLong))
        );
    }
}

#[test]
fn long_echo_request_is_answered_in_fragments() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<640, 512, 64, 256>())
    });
    a.introduce();
    for version in [0, 1] {
        let (protocol, message) = request(version, 20_000);
        let at: Vec<_> = (1440..message.len()).step_by(1440).collect();
        echoed(
            &a,
            &cut(&a, version, (protocol, &message), 9, &at),
            &message,
        );
    }
}

/// RFC 7739: who sees some identifications cannot tell the next.
#[test]
fn identifications_are_not_foreseen() {
    let ids = |seed| {
        let a = alone_with(Network::new(seed), |net| net.host("host"));
        a.introduce();
        let socket = a.host.udp("[::]:0");
        PAIRS.map(|(_, peer)| {
            socket
                .try_send_to(&[0; 2000], Some((peer, 9).into()))
                .unwrap();
            a.net.run_for(ms(1));
            a.sent()[0].ip().unwrap().fragment.unwrap().id
        })
    };
    let (one, other) = (ids(1), ids(2));
    assert!(one[0] != other[0] && one[1] != other[1] && one[0] != one[1]);
}

#[test]
fn defect_028_checksum_of_what_goes_in_fragments_is_there_whatever_the_hardware_does() {
    let a = neighborly();
    a.host.change(a.link, |link| link.offload = Offload::all());
    a.link.hardware();
    let (socket, ping) = (a.host.udp("[::]:0"), a.host.ping());
    for (_, peer) in PAIRS {
        socket
            .try_send_to(&data(2000), Some((peer, 9).into()))
            .unwrap();
        a.net.run_for(ms(1));
        let seen = whole_of(&a.sent());
        assert_eq!(seen.udp().unwrap().2, data(2000));
        assert_ne!(seen.payload[6..8], [0, 0]);
        ping.try_send(peer, 1, &data(2000)).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(whole_of(&a.sent()).icmp().unwrap().3, data(2000));
    }
}

#[test]
fn socket_that_does_not_fragment_is_told_what_fits() {
    let a = neighborly();
    let socket = a.host.udp("[::]:0");
    for (version, (_, peer)) in PAIRS.into_iter().enumerate() {
        let (to, most) = (Some((peer, 9).into()), [1472, 1452][version]);
        socket.set_dont_fragment(true);
        let result = socket.try_send_to(&data(most + 1), to);
        assert_eq!(result, Err(SendError::TooLong { most }));
        socket.set_dont_fragment(false);
        socket.try_send_to(&data(most + 1), to).unwrap();
        a.net.run_for(ms(1));
        assert_eq!(a.sent().len(), 2);
    }
}

/// More fragments than may wait for one neighbour.
#[test]
fn fragments_wait_until_the_neighbor_is_found() {
    let (net, a, b, link) = two();
    link.delay(ms(400));
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for to in ["10.0.0.2:7", "[fd00::2]:7"] {
        client
            .try_send_to(&data(20_000), Some(to.parse().unwrap()))
            .unwrap();
        net.run_for(secs(3));
        let (received, _) = server.try_recv().expect("the datagram");
        assert!(received.equals(&data(20_000)));
    }
}

#[test]
fn datagram_for_a_missing_neighbor_is_given_up() {
    let a = alone();
    let socket = a.host.udp("[::]:0");
    for (_, peer) in PAIRS {
        socket.connect((peer, 9).into()).unwrap();
        socket.try_send_to(&data(5000), None).unwrap();
        a.net.run_for(secs(10));
        assert_eq!(a.host.pool().stats().blocks_used, 0);
        // The first was told of by the neighbour cache, the rest counts as one.
        let lost = a.host.counters(a.link);
        assert!(lost.send_drops(SendDrop::NeighborUnreachable) >= 2);
        assert!(a.net.block_on(socket.recv()).is_err());
    }
}

#[test]
fn datagram_is_given_up_when_the_link_goes_down() {
    let (net, a, _b, link) = two();
    let client = a.udp("[::]:0");
    link.line_rate(100_000);
    client
        .try_send_to(&data(40_000), Some("10.0.0.2:7".parse().unwrap()))
        .unwrap();
    net.run_for(ms(100));
    assert!(a.pool().stats().blocks_used > 40);
    link.down();
    net.run_for(secs(1));
    assert_eq!(a.pool().stats().blocks_used, 0);
}

/// All or nothing: the rest waits for room in the port, and who comes when nothing more can wait is
/// told so and has lost nothing.
#[test]
fn fragments_wait_for_room_in_the_port() {
    let (net, a, b, link) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    server.set_quota(u32::MAX, u16::MAX);
    let to = "10.0.0.2:7".parse().unwrap();
    client.try_send_to(b"who are you", Some(to)).unwrap();
    net.run_for(ms(10));
    server.try_recv().unwrap();
    // 20 ms for each frame of 1,500 bytes.
    link.line_rate(600_000);
    let length = 1480 * (PORT_TX_QUEUE + 4);
    for number in 0..FRAGMENTED_SENDS {
        client
            .try_send_to(&vec![number as u8; length], Some(to))
            .unwrap();
    }
    let mut last = a.pool().alloc(Purpose::Send, 0).unwrap();
    last.append(&[9; 3000]).unwrap();
    let (last, error) = client.try_send(last, Some(to)).unwrap_err();
    assert_eq!(error, SendError::QueueFull);
    assert!(last.equals(&[9; 3000]));
    net.run_for(secs(3));
    let mut numbers: Vec<_> = (0..FRAGMENTED_SENDS)
        .map(|_| {
            let (received, _) = server.try_recv().expect("a datagram");
            let number = received.first()[0];
            assert!(received.equals(&vec![number; length]));
            number
        })
        .collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..FRAGMENTED_SENDS as u8));
    client.try_send(last, Some(to)).unwrap();
    net.run_for(secs(1));
    assert!(server.try_recv().is_some());
}

/// Who awaits sends one datagram after the other, however few can wait.
#[test]
fn waiting_sender_goes_on_when_there_is_room() {
    let (net, a, b, link) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    server.set_quota(u32::MAX, u16::MAX);
    link.line_rate(10_000_000);
    let to = "[fd00::2]:7".parse().unwrap();
    for number in 0..10u8 {
        net.block_on(client.send_to(&vec![number; 10_000], to))
            .unwrap();
        net.run_for(ms(u64::from(number)));
    }
    net.run_for(secs(1));
    for number in 0..10 {
        let (received, _) = server.try_recv().expect("a datagram");
        assert!(received.equals(&vec![number; 10_000]), "{number}");
    }
}

/// Two header blocks that data may have, and four spare views.
#[test]
fn few_header_blocks_slow_fragments_down_and_lose_none() {
    let net = Network::new(1);
    let a = net.host_with("a", pool::<64, 1536, 4, 4>());
    let b = net.host("b");
    let link = net.link([a, b]).delay(us(100));
    a.add(link, "10.0.0.1/24");
    b.add(link, "10.0.0.2/24");
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    client
        .try_send_to(&data(4000), Some("10.0.0.2:7".parse().unwrap()))
        .unwrap();
    net.run_for(secs(1));
    let (received, _) = server.try_recv().expect("the datagram");
    assert!(received.equals(&data(4000)));
}

#[test]
fn long_datagram_to_a_group_of_our_own_comes_back_whole() {
    let (net, a, b, link) = two();
    let group: IpAddr = "239.1.2.3".parse().unwrap();
    let sockets = [a, b].map(|host| {
        let socket = host.udp("[::]:7000");
        socket.join(group, host.interface(link)).unwrap();
        socket
    });
    sockets[0]
        .try_send_to(&data(9000), Some((group, 7000).into()))
        .unwrap();
    net.run_for(ms(100));
    for socket in &sockets {
        let (received, _) = socket.try_recv().expect("the datagram");
        assert!(received.equals(&data(9000)));
    }
}

/// Whoever asks with a source that is nobody's does not keep others from sending.
#[test]
fn answers_to_nobody_give_way_to_what_can_go() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<128, 512, 32, 64>())
    });
    a.introduce();
    let socket = a.host.udp("[::]:0");
    for version in [0, 1] {
        let (host, peer) = PAIRS[version];
        let message = match host {
            IpAddr::V4(_) => icmp(8, 0, [0; 4], &[7; 2000]),
            IpAddr::V6(host) => {
                let nobody = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x77);
                icmpv6((nobody, host), 128, 0, [0; 4], &[7; 2000])
            }
        };
        for number in 0..2 * FRAGMENTED_SENDS as u32 {
            let nobody: IpAddr = match version {
                0 => [10, 0, 0, 100 + number as u8].into(),
                _ => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x77).into(),
            };
            let protocol = [ICMP, ICMPV6][version];
            for (start, end) in [(0, 1000), (1000, 2008)] {
                let piece = (start, end < message.len());
                let data = &message[start..end];
                let packet = fragment(nobody, host, protocol, number, piece, data);
                a.peer.send(a.to_host(&packet));
            }
            a.net.run_for(ms(1));
        }
        a.sent();
        socket
            .try_send_to(&data(2000), Some((peer, 9).into()))
            .unwrap();
        a.net.run_for(ms(1));
        let sent = a.sent();
        let mut sent: Vec<_> = sent.iter().filter_map(Seen::ip).collect();
        sent.retain(|packet| packet.fragment.is_some());
        assert_eq!(reassemble(&sent).udp().unwrap().2, data(2000));
        a.net.run_for(secs(10));
        a.introduce();
    }
}

/// The port has room all the while.
#[test]
fn waiting_sender_does_not_spin_while_there_are_no_headers() {
    let (net, a, b, _link) = two();
    let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
    let to = "10.0.0.2:7".parse().unwrap();
    client.try_send_to(b"who are you", Some(to)).unwrap();
    net.run_for(ms(10));
    drop(server.try_recv().unwrap());
    let mut headers = Vec::new();
    while let Ok(header) = a.pool().alloc(Purpose::Header, 0) {
        headers.push(header);
    }
    for _ in 0..FRAGMENTED_SENDS {
        client.try_send_to(&data(3000), Some(to)).unwrap();
    }
    let last = net.spawn(async move {
        client.send_to(&data(3000), to).await.unwrap();
        client
    });
    net.run_for(secs(1));
    assert!(!last.is_done() && server.try_recv().is_none());
    drop(headers);
    net.run_for(ms(100));
    drop(last.take().expect("it is sent"));
    for _ in 0..=FRAGMENTED_SENDS {
        let (received, _) = server.try_recv().expect("a datagram");
        assert!(received.equals(&data(3000)));
    }
}
