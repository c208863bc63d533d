//! Checksums that the hardware takes care of, per protocol and direction.

use zonda::iface::ReceiveDrop;
use zonda::link::Offload;
use zonda::netbuf::Purpose;
use zonda::netbuf::meta::Flags;

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

fn with(offload: Offload) -> Alone {
    let a = acquainted();
    a.host.change(a.link, |link| link.offload = offload);
    a
}

/// The checksum fields of an IP packet as they were sent: IPv4 header, UDP or ICMP.
fn sums(body: &[u8]) -> (u16, u16) {
    let be16 = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let (ip, protocol, start) = match body[0] >> 4 {
        4 => (be16(10), body[9], 20),
        _ => (0, body[6], 40),
    };
    (ip, be16(start + if protocol == UDP { 6 } else { 2 }))
}

fn corrupt(frame: &mut [u8], at: usize) {
    frame[at] = 0xde;
    frame[at + 1] = 0xad;
}

#[test]
fn defect_028_sent_sums_are_absent_where_the_hardware_fills_them_and_only_there() {
    for offload in [
        Offload::empty(),
        Offload::SEND_IPV4,
        Offload::SEND_UDP,
        Offload::SEND_ICMP,
    ] {
        let a = with(offload);
        let (socket, ping) = (a.host.udp("[::]:0"), a.host.ping());
        for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
            socket.try_send_to(b"data", Some((peer, 9).into())).unwrap();
            a.net.run_for(ms(1));
            let datagram = a.sent();
            ping.try_send(peer, 1, b"data").unwrap();
            a.net.run_for(ms(1));
            let request = a.sent();
            let reply = a.ask(a.to_host(&echo(peer, host, false, 5, 5, b"data")));
            for (seen, offloaded) in [
                (datagram, Offload::SEND_UDP),
                (request, Offload::SEND_ICMP),
                (reply, Offload::empty()),
            ] {
                let (header, message) = sums(&seen[0].body);
                if version == 0 {
                    assert_eq!(header == 0, offload == Offload::SEND_IPV4);
                }
                if offloaded != Offload::empty() {
                    assert_eq!(message == 0, offload == offloaded, "{offload:?}");
                }
                // What is not left to the hardware is right.
                if offload == Offload::empty() {
                    seen[0].ip().unwrap();
                }
            }
        }
    }
}

#[test]
fn received_sums_are_trusted_where_the_hardware_verifies_them_and_only_there() {
    for offload in [
        Offload::empty(),
        Offload::RECEIVE_IPV4,
        Offload::RECEIVE_UDP,
        Offload::RECEIVE_ICMP,
        Offload::RECEIVE_TCP,
    ] {
        let a = with(offload);
        let socket = a.host.udp("[::]:7000");
        for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
            let start = 14 + [20, 40][version];
            let mut frame = a.datagram(version, (1, 7000), b"data");
            corrupt(&mut frame, start + 6);
            a.ask(frame);
            assert_eq!(
                socket.try_recv().is_some(),
                offload == Offload::RECEIVE_UDP,
                "{offload:?}"
            );
            let mut frame = a.to_host(&echo(peer, host, false, 1, 1, b"data"));
            corrupt(&mut frame, start + 2);
            assert_eq!(
                a.ask(frame).len(),
                usize::from(offload == Offload::RECEIVE_ICMP)
            );
        }
        let mut frame = a.datagram(0, (1, 7000), b"data");
        corrupt(&mut frame, 14 + 10);
        a.ask(frame);
        assert_eq!(
            socket.try_recv().is_some(),
            offload == Offload::RECEIVE_IPV4
        );
        // Over IPv6 a datagram has a checksum, whoever verifies it.
        let mut frame = a.datagram(1, (1, 7000), b"data");
        frame[14 + 40 + 6..][..2].fill(0);
        a.refuses(frame, ReceiveDrop::UdpChecksum);
    }
}

#[test]
fn a_sum_that_the_driver_vouches_for_is_trusted_in_that_packet_alone() {
    for flags in [Flags::empty(), Flags::TRANSPORT_SUM_VERIFIED] {
        let trusted = !flags.is_empty();
        let a = with(Offload::empty());
        let socket = a.host.udp("[::]:7000");
        let deliver = |frame: &[u8]| {
            let mut buf = a.host.pool().alloc(Purpose::Receive, 2).unwrap();
            buf.append(frame).unwrap();
            let mut meta = buf.meta();
            meta.flags |= flags;
            buf.set_meta(meta);
            a.host.driver(a.link).deliver(buf).unwrap();
            a.net.run_for(ms(1));
            a.sent()
        };
        for (version, (host, peer)) in PAIRS.into_iter().enumerate() {
            let start = 14 + [20, 40][version];
            let mut frame = a.datagram(version, (1, 7000), b"data");
            corrupt(&mut frame, start + 6);
            deliver(&frame);
            assert_eq!(socket.try_recv().is_some(), trusted);
            let syn = Tcp {
                source: 1,
                destination: 7,
                flags: SYN,
                ..Tcp::default()
            };
            let mut frame = a.to_host(&syn.packet(peer, host));
            corrupt(&mut frame, start + 16);
            // Nobody listens there.
            assert_eq!(deliver(&frame).len(), usize::from(trusted));
        }
    }
}

#[test]
fn hosts_of_all_kinds_of_hardware_understand_each_other() {
    let kinds = [
        Offload::empty(),
        Offload::all(),
        Offload::SEND_IPV4 | Offload::RECEIVE_UDP,
        Offload::SEND_UDP | Offload::SEND_ICMP,
    ];
    for kind in kinds {
        let net = Network::new(1);
        let (a, b) = (net.host("a"), net.host("b"));
        let link = net.link([a, b]).hardware();
        a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
        b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
        a.change(link, |link| link.offload = kind);
        let (client, server) = (a.udp("[::]:0"), b.udp("[::]:7"));
        let ping = a.ping();
        for to in ["10.0.0.2:7", "[fd00::2]:7"] {
            let to: std::net::SocketAddr = to.parse().unwrap();
            for size in [0, 1, 2, 100, 513, 1400] {
                let data = vec![0xa5; size];
                client.try_send_to(&data, Some(to)).unwrap();
                let (buf, info) = net.block_on(server.recv()).unwrap();
                server.try_send(buf, Some(info.source)).unwrap();
                let (buf, _) = net.block_on(client.recv()).unwrap();
                assert!(buf.equals(&data));
                net.block_on(ping.ping(to.ip(), 1, &data, secs(1))).unwrap();
            }
            // To itself the hardware is not asked.
            let own = if to.is_ipv4() { "10.0.0.1" } else { "fd00::1" };
            net.block_on(ping.ping(own.parse().unwrap(), 1, b"me", secs(1)))
                .unwrap();
        }
        // Damage is found by one or the other.
        link.corruption(0.5);
        let mut right = 0;
        for n in 0..200u8 {
            let _ = client.try_send_to(&[n; 64], Some("10.0.0.2:7".parse().unwrap()));
            net.run_for(ms(1));
            while let Some((buf, _)) = server.try_recv() {
                assert!(buf.equals(&[n; 64]), "{kind:?}");
                right += 1;
            }
        }
        assert!(right > 50);
    }
}
