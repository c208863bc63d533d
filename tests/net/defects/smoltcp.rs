//! Issues of smoltcp and of embassy-net.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use zonda::iface::ReceiveDrop;
use zonda::socket::{TcpListener, TcpSocket, UdpSocket};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;

/// #594: an echo server answers strangers that cannot be found; the next is served all the same.
#[test]
fn smoltcp_594_neighbors_that_cannot_be_found_clog_no_socket() {
    let a = neighborly();
    let server = a.host.udp("[::]:7");
    let strange = [2, 9, 9, 9, 9, 9];
    for number in 0..200u16 {
        let [high, low] = number.to_be_bytes();
        let from: IpAddr = match number % 2 {
            0 => Ipv4Addr::new(10, 0, 0, 20 + low / 2).into(),
            _ => Ipv6Addr::from([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, high, low]).into(),
        };
        let version = usize::from(from.is_ipv6());
        let to = PAIRS[version].0;
        let packet = ip(from, to, UDP, &udp((from, 9), (to, 7), b"echo me"));
        let frame = ethernet(a.mac(), strange, [IPV4, IPV6][version], &packet);
        a.peer.send(frame);
        a.net.run_for(us(100));
        while let Some((data, info)) = server.try_recv() {
            let _ = server.try_send(data, Some(info.source));
        }
        if number % 20 == 0 {
            a.peer.take();
            for version in [0, 1] {
                a.ask(a.datagram(version, (9, 7), b"and me"));
                let (data, info) = server.try_recv().expect("a datagram");
                server.try_send(data, Some(info.source)).expect("room");
                a.net.run_for(ms(1));
                let sent = a.sent();
                assert!(sent.iter().any(|seen| {
                    let ip = seen.ip();
                    ip.is_some_and(|ip| ip.udp().is_some_and(|(.., data)| data == b"and me"))
                }));
            }
        }
    }
    a.net.run_for(secs(20));
    assert_eq!(a.host.pool().stats().blocks_used, 0);
}

/// #457: a datagram that a socket has no room for is no datagram to a closed port.
#[test]
fn smoltcp_457_full_socket_is_no_closed_port() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7000");
    socket.set_quota(u32::MAX, 1);
    for version in [0, 1] {
        a.ask(a.datagram(version, (9, 7000), b"the first"));
        for _ in 0..3 {
            a.refuses(
                a.datagram(version, (9, 7000), b"more"),
                ReceiveDrop::UdpQuota,
            );
        }
        assert!(socket.try_recv().is_some());
    }
}

/// #19, #926: what a packet costs does not grow with the sockets; here, that each is found.
#[test]
fn smoltcp_19_each_of_all_sockets_is_found() {
    let a = acquainted();
    let sockets: Vec<UdpSocket<'_>> = (0..64)
        .map(|n| a.host.udp(&format!("[::]:{}", 7000 + 251 * n)))
        .collect();
    for (n, socket) in sockets.iter().enumerate() {
        let port = 7000 + 251 * n as u16;
        a.ask(a.datagram(n % 2, (9, port), &port.to_be_bytes()));
        let (data, _) = socket.try_recv().expect("its datagram");
        let mut bytes = [0; 2];
        data.read(0, &mut bytes);
        assert_eq!(u16::from_be_bytes(bytes), port);
    }
}

/// The group that is made of the last three octets of our address is no address of ours.
#[test]
fn smoltcp_foreign_address_with_our_last_bits_is_not_taken() {
    let a = acquainted();
    let _socket = a.host.udp("[::]:7000");
    for foreign in [
        "2001:db8::1",
        "fd00:0:0:1::1",
        "fd00::ff00:1",
        "ff02::2:ff00:1",
        "ff05::1:ff00:1",
    ] {
        let foreign: Ipv6Addr = foreign.parse().unwrap();
        let (from, to) = (IpAddr::from(PEER6), IpAddr::from(foreign));
        let mac = match foreign.is_multicast() {
            true => group_mac(to),
            false => a.mac(),
        };
        for packet in [
            echo(from, to, false, 1, 1, b"you?"),
            ip(from, to, UDP, &udp((from, 9), (to, 7000), b"you?")),
        ] {
            a.refuses(a.to(mac, &packet), ReceiveDrop::Ipv6Destination);
        }
    }
}

/// The table of sockets is full, and one more is an error, not a panic (embassy #1543, #1185).
#[test]
fn embassy_1543_full_tables_refuse() {
    let a = acquainted();
    let mut sockets = Vec::new();
    let any: SocketAddr = "[::]:0".parse().unwrap();
    while let Ok(socket) = UdpSocket::bind(a.stack(), any) {
        sockets.push(socket);
        assert!(sockets.len() <= 64);
    }
    let mut connections = Vec::new();
    while let Ok(socket) = TcpSocket::begin(a.stack(), (PEER4, 9).into()) {
        connections.push(socket);
        assert!(connections.len() <= 8);
    }
    let mut listeners = Vec::new();
    for port in 1..100 {
        let local: SocketAddr = ([0, 0, 0, 0], port).into();
        listeners.extend(TcpListener::bind(a.stack(), local, 1));
    }
    assert_eq!(listeners.len(), 8);
    drop((sockets, connections, listeners));
    a.net.run_for(secs(1));
    a.peer.take();
    a.serves();
    let _one_more = UdpSocket::bind(a.stack(), any).unwrap();
}

/// embassy 0.9.1, #1584: a driver that takes nothing for a minute stops neither timers, nor what
/// comes in, nor a task that waits for room, and none of them spins.
#[test]
fn embassy_1584_driver_that_takes_nothing_stops_neither_timers_nor_reception() {
    let a = neighborly();
    // A frame takes more than a minute.
    a.link.from(a.host).line_rate(8);
    let (busy, heard) = (a.host.udp("[::]:0"), a.host.udp("[::]:7000"));
    let stack = a.stack();
    let writer = a.net.spawn(async move {
        let mut sent = 0;
        while stack.now() < zonda::time::Instant::ZERO + secs(70) {
            if busy.send_to(&[1; 100], (PEER4, 9).into()).await.is_ok() {
                sent += 1;
            }
        }
        sent
    });
    let ticks = a.net.spawn(async move {
        for _ in 0..60 {
            stack.sleep(secs(1)).await;
        }
        stack.now()
    });
    for _ in 0..60 {
        a.peer.send(a.datagram(0, (9, 7000), b"do you hear me?"));
        a.net.run_for(secs(1));
        assert!(heard.try_recv().is_some());
    }
    a.net.run_for(ms(10));
    assert!(ticks.take().unwrap() < zonda::time::Instant::ZERO + secs(61));
    assert!(!writer.is_done());
    a.link.from(a.host).line_rate(100_000_000);
}
