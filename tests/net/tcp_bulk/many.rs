//! Many connections: at once, and one after the other; and numbers that wrap.

use std::net::SocketAddr;

use super::*;
use zonda::time::Instant;

const COUNT: usize = 500;

/// Two hosts with room for many connections.
fn large(net: &Network) -> ([Host; 2], Link) {
    let hosts = [
        net.host_for::<512>("left", pool::<2048, 512, 256, 512>()),
        net.host_for::<512>("right", pool::<2048, 512, 256, 512>()),
    ];
    let link = net.link(hosts);
    hosts[0].add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    hosts[1].add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    (hosts, link)
}

#[test]
fn five_hundred_connections_pass_their_data_at_once() {
    let net = Network::new(1);
    let (hosts, link) = large(&net);
    link.delay(ms(1));
    let address: SocketAddr = "10.0.0.2:9".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 512).unwrap();
    let mut right = Vec::new();
    // The queue of handshakes is short: they come one by one.
    let mut left: Vec<_> = (0..COUNT)
        .map(|_| {
            let socket = TcpSocket::begin(hosts[0].stack(), address).unwrap();
            net.run_for(ms(5));
            socket
        })
        .collect();
    assert!(
        net.run_until(secs(300), || {
            right.extend(std::iter::from_fn(|| listener.try_accept()));
            right.len() == COUNT
                && left
                    .iter()
                    .all(|socket| socket.state() == TcpState::Established)
        }),
        "{} of {COUNT} connected",
        right.len()
    );
    link.loss(0.01);
    // Each has a stream of its own, told apart by the port.
    let length = 5_000;
    let stream = |port: u16| -> Vec<u8> { (0..length).map(|at| byte(port.into(), at)).collect() };
    let mut streams: Vec<_> = left
        .iter()
        .map(|socket| (stream(socket.local_addr().unwrap().port()), 0))
        .collect();
    let mut read: Vec<_> = right
        .iter()
        .map(|socket| (stream(socket.peer_addr().unwrap().port()), 0))
        .collect();
    let mut buffer = vec![0; 4096];
    for _ in 0..60_000 {
        for (socket, (stream, written)) in left.iter_mut().zip(&mut streams) {
            while let Some(Ok(more @ 1..)) = socket.try_write(&stream[*written..]) {
                *written += more;
            }
        }
        for (socket, (stream, read)) in right.iter_mut().zip(&mut read) {
            while let Some(Ok(more @ 1..)) = socket.try_read(&mut buffer) {
                assert_eq!(buffer[..more], stream[*read..*read + more]);
                *read += more;
            }
        }
        if read.iter().all(|(_, read)| *read == length) {
            break;
        }
        net.run_for(ms(5));
    }
    let missing = read.iter().filter(|(_, read)| *read < length).count();
    assert_eq!(missing, 0, "connections that did not get all");
    drop((left, right, listener));
    net.run_for(secs(300));
    for host in hosts {
        assert_eq!(host.pool().stats().blocks_used, 0);
    }
}

/// Many more begin at once than may wait, or than are served at a time, and their data are more than
/// the pool holds: they wait for their turns, and not for timers that go ever slower.
#[test]
fn two_hundred_clients_of_a_short_backlog_are_served_soon() {
    const CLIENTS: usize = 200;
    let net = Network::new(4);
    let hosts = [
        net.host_for::<256>("clients", pool::<2048, 512, 256, 512>()),
        net.host_for::<42>("server", pool::<128, 512, 16, 64>()),
    ];
    let link = net.link(hosts).delay(us(200));
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    let address: SocketAddr = "10.0.0.2:7".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 32).unwrap();
    let (mut clients, mut begun) = (Vec::new(), 0);
    let mut served: Vec<TcpSocket<'static>> = Vec::new();
    let (data, mut buffer) = ([7; 500], [0; 500]);
    while begun < CLIENTS || !clients.is_empty() {
        assert!(
            net.now() < Instant::ZERO + secs(16),
            "{} wait",
            clients.len()
        );
        for _ in 0..(CLIENTS - begun).min(10) {
            let mut client = TcpSocket::begin(hosts[0].stack(), address).unwrap();
            // Every second one waits to be greeted before it says anything.
            if begun % 2 == 0 {
                assert_eq!(client.try_write(&data), Some(Ok(500)));
                client.shutdown();
            }
            clients.push((client, 0));
            begun += 1;
        }
        clients.retain_mut(|(client, read)| match client.try_read(&mut buffer) {
            Some(Ok(0)) => {
                assert_eq!(*read, "hello".len() + 500);
                false
            }
            Some(Ok(length)) => {
                if *read == 0 && client.info().unwrap().written == 0 {
                    let _ = client.try_write(&data);
                    client.shutdown();
                }
                *read += length;
                true
            }
            Some(Err(error)) => panic!("{error}"),
            None => true,
        });
        while served.len() < 5
            && let Some(mut socket) = listener.try_accept()
        {
            assert_eq!(socket.try_write(b"hello"), Some(Ok(5)));
            served.push(socket);
        }
        served.retain_mut(|socket| match socket.try_read(&mut buffer) {
            Some(Ok(0)) => false,
            Some(Ok(length)) => socket.try_write(&buffer[..length]) == Some(Ok(length)),
            Some(Err(error)) => panic!("{error}"),
            None => true,
        });
        net.run_for(ms(1));
    }
    drop((served, listener));
    net.run_for(secs(120));
}

#[test]
fn ten_thousand_connections_come_and_go_and_leave_nothing() {
    let net = Network::new(2);
    let (hosts, link) = pair(&net, [pool::<64, 512, 32, 64>(), pool::<64, 512, 32, 64>()]);
    link.delay(us(100));
    let address: SocketAddr = "10.0.0.2:9".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 4).unwrap();
    let mut buffer = [0; 64];
    for round in 0..10_000 {
        let mut left = TcpSocket::begin(hosts[0].stack(), address)
            .unwrap_or_else(|error| panic!("round {round}: {error}"));
        let mut right = None;
        let connected = net.run_until(secs(10), || {
            right = right.take().or_else(|| listener.try_accept());
            right.is_some() && left.state() == TcpState::Established
        });
        assert!(
            connected,
            "round {round}: {:?} {:?}",
            left.state(),
            left.error()
        );
        let mut right = right.unwrap();
        left.try_write(b"hello").unwrap().unwrap();
        assert!(net.run_until(secs(10), || right.try_read(&mut buffer) == Some(Ok(5))));
        // All ways to end it, by turns.
        match round % 5 {
            0 => drop(left),
            1 => drop(right),
            2 => left.abort(),
            3 => right.abort(),
            _ => {
                left.shutdown();
                net.run_for(ms(1));
                assert_eq!(right.try_read(&mut buffer), Some(Ok(0)));
                right.shutdown();
                net.run_for(ms(1));
                assert_eq!(left.try_read(&mut buffer), Some(Ok(0)));
            }
        }
        net.run_for(ms(1));
    }
    net.run_for(secs(120));
    for host in hosts {
        assert_eq!(host.pool().stats().blocks_used, 0);
    }
}

/// The first sequence number of either side in the SYNs that have passed.
fn initial_numbers(peer: Peer) -> Vec<u32> {
    let is_syn = |frame: &[u8]| frame.len() > 54 && frame[23] == 6 && frame[47] & 2 != 0;
    let frames = peer.take();
    let syns = frames.iter().filter(|frame| is_syn(frame));
    syns.map(|frame| u32::from_be_bytes([frame[38], frame[39], frame[40], frame[41]]))
        .collect()
}

/// A stream that passes the end of the numbers, in either direction, with losses. (4 GiB in one
/// stream would take too long; what matters there is the same wrap.)
#[test]
fn sequence_numbers_wrap_within_a_stream() {
    const LENGTH: usize = 3 << 20;
    let net = Network::new(3);
    let hosts = [
        net.host_with("left", pool::<64, 1536, 32, 64>()),
        net.host_with("right", pool::<64, 1536, 32, 64>()),
    ];
    // One who sees all.
    let peer = net.peer("observer");
    let link = net.link((hosts[0], hosts[1], peer));
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    link.from(hosts[0]).delay(us(100));
    let mut wrapped = [0, 0];
    // Connections begin anywhere: there are many before one is close enough to the end.
    for _ in 0..30_000 {
        let sockets = connect(&net, hosts, 0, 9).unwrap();
        let numbers = initial_numbers(peer);
        let near = |number: &u32| *number > u32::MAX - LENGTH as u32 / 2;
        let Some(which) = numbers.iter().position(near) else {
            for socket in sockets {
                socket.abort();
            }
            net.run_for(ms(1));
            continue;
        };
        wrapped[which] += 1;
        link.loss(0.001);
        let [left, right] = sockets;
        let mut ends = [End::new(left, 0, LENGTH), End::new(right, 1, LENGTH)];
        let mut random = net.random();
        for _ in 0..200_000 {
            for end in &mut ends {
                end.work(&mut random, BRISK, LENGTH);
            }
            if ends.iter().all(|end| end.is_done(LENGTH)) {
                break;
            }
            net.run_for(ms(1));
            peer.take();
        }
        for end in &ends {
            assert!(
                end.is_done(LENGTH) && !end.failed,
                "{:?}",
                end.socket.info()
            );
        }
        drop(ends);
        link.loss(0.0);
        net.run_for(secs(70));
        if wrapped[0] > 0 && wrapped[1] > 0 {
            return;
        }
    }
    panic!("none came close: {wrapped:?}");
}
