//! Zephyr's advisories of 2025 and 2026, and its issues of stalls and leaks.

use std::net::SocketAddr;

use zonda::iface::ReceiveDrop;
use zonda::socket::{TcpError, TcpListener, TcpSocket, TcpState};

use crate::alone::*;
use crate::frame::*;
use crate::network::*;
use crate::tcp::*;

/// CVE-2026-5590: a SYN finds a connection that is being taken down.
#[test]
fn zephyr_cve_2026_5590_syn_while_a_connection_is_taken_down_is_survived() {
    for end in 0..6 {
        for with_listener in [true, false] {
            let mut s = Session::new();
            let listener = s.listen(1);
            s.open(&mss(1460));
            let socket = listener.try_accept().unwrap();
            match end {
                0 => drop(socket),
                1 => socket.abort(),
                2 => {
                    s.say(RST, &[]);
                    drop(socket);
                }
                3 => {
                    s.say(FIN | ACK, &[]);
                    drop(socket);
                }
                4 => {
                    // Not accepted yet.
                    drop(socket);
                    s.passed(ms(1));
                    s.ports.0 += 1;
                    s.seq = 77;
                    s.open(&mss(1460));
                }
                _ => {
                    drop(socket);
                    s.passed(ms(1));
                    s.ports.0 += 1;
                    s.seq = 77;
                    s.say(SYN, &[]);
                }
            }
            let listener = with_listener.then_some(listener);
            // All come before the stack has its turn, and then again.
            for _ in 0..3 {
                for offset in [0, 1, 100, 100_000] {
                    let syn = Tcp {
                        options: mss(1460),
                        ..s.segment(SYN, &[])
                    };
                    let syn = Tcp {
                        seq: s.seq.wrapping_add(offset),
                        ..syn
                    };
                    s.a.peer.send(s.a.to_host(&syn.packet(s.peer, s.own)));
                }
                s.passed(ms(1));
            }
            drop(listener);
            s.a.net.run_for(secs(200));
            assert_eq!(s.a.host.pool().stats().blocks_used, 0);
            s.a.serves();
        }
    }
}

/// CVE-2026-10634 to 10640: what answers is counted and done with after it has left. Here the buffer
/// is moved to the driver, which may be done with it at once; each kind of answer is sent where no
/// block is left behind it.
#[test]
fn zephyr_cve_2026_10637_10639_answers_are_counted_though_their_buffers_are_gone() {
    let a = acquainted();
    a.peer.hear_groups();
    a.net.run_for(secs(20));
    a.introduce();
    for (host, peer) in PAIRS {
        let before = a.host.counters(a.link);
        let closed = ip(peer, host, UDP, &udp((peer, 1), (host, 2), b""));
        let mut sent = a.ask(a.to_host(&echo(peer, host, false, 1, 1, b"ping")));
        sent.extend(a.ask(a.to_host(&closed)));
        assert!(sent.len() >= 2);
        let after = a.host.counters(a.link);
        assert_eq!(after.sent as usize, before.sent as usize + sent.len());
        assert_eq!(after.accepted, before.accepted + 1);
        assert_eq!(after.received, before.received + 2);
        assert_eq!(a.host.pool().stats().blocks_used, 0);
    }
}

/// #87323: a packet that may not go a single hop is not sent, or is, and leaves nothing in either
/// case.
#[test]
fn zephyr_87323_hop_limit_of_zero_leaks_nothing() {
    let a = acquainted();
    let socket = a.host.udp("[::]:0");
    socket.set_hop_limit(0);
    socket.set_multicast_hop_limit(0);
    for _ in 0..200 {
        for (_, peer) in PAIRS {
            let _ = socket.try_send_to(b"nowhere", Some((peer, 9).into()));
        }
        for group in ["239.1.2.3:9", "[ff02::99]:9"] {
            let _ = socket.try_send_to(b"nowhere", Some(group.parse().unwrap()));
        }
        a.net.run_for(ms(1));
    }
    assert_eq!(a.host.pool().stats().blocks_used, 0);
    a.serves();
}

/// Two hosts: many clients, and a server with a small pool.
fn clients_and_server(seed: u64) -> (Network, [Host; 2], Link) {
    let net = Network::new(seed);
    let hosts = [
        net.host_for::<128>("clients", pool::<2048, 512, 256, 512>()),
        net.host_for::<16>("server", pool::<32, 256, 16, 32>()),
    ];
    let link = net.link(hosts).delay(us(500));
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    (net, hosts, link)
}

/// #95456, #23246: a server that serves one at a time is given more than its pool holds, over a link
/// that loses what the one is served needs. The data of those who wait do not keep out what it
/// waits for; and when the storm is over nothing is held.
#[test]
fn zephyr_95456_overwhelmed_server_serves_everybody_and_holds_nothing() {
    let (net, hosts, link) = clients_and_server(3);
    link.loss(0.1);
    let address: SocketAddr = "10.0.0.2:4242".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 8).unwrap();
    let served = net.spawn(async move {
        let mut count = 0;
        while count < 100 {
            let mut socket = listener.accept().await;
            socket.set_keepalive(Some(secs(20)));
            let (mut all, mut buffer) = (0, [0; 128]);
            while all < 512 {
                socket.readable().await;
                match socket.try_read(&mut buffer) {
                    Some(Ok(length @ 1..)) => all += length,
                    Some(_) => break,
                    None => {}
                }
            }
            if all == 512 {
                count += 1;
            }
            let _ = socket.try_write(b"done");
        }
    });
    let (mut begun, mut clients) = (0, Vec::new());
    let mut answered = 0;
    let finished = net.run_until(secs(3000), || {
        while clients.len() < 40 && begun < 400 {
            let Ok(mut client) = TcpSocket::begin(hosts[0].stack(), address) else {
                break;
            };
            let _ = client.try_write(&[1; 512]);
            clients.push(client);
            begun += 1;
        }
        clients.retain_mut(|client| {
            let mut buffer = [0; 8];
            match client.try_read(&mut buffer) {
                Some(Ok(4)) => {
                    answered += 1;
                    false
                }
                Some(_) => false,
                None => true,
            }
        });
        served.is_done()
    });
    assert!(finished, "{answered} were answered");
    drop(clients);
    link.loss(0.0);
    net.run_for(secs(400));
    assert_eq!(hosts[1].pool().stats().blocks_used, 0);
}

/// #67155, #45426: clients that vanish without a word give their places back, to who asks for
/// keepalive.
#[test]
fn zephyr_67155_places_of_clients_that_vanish_come_back() {
    let (net, hosts, link) = clients_and_server(4);
    let address: SocketAddr = "10.0.0.2:80".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 8).unwrap();
    for round in 0..3 {
        let clients: Vec<_> = (0..30)
            .map(|_| TcpSocket::begin(hosts[0].stack(), address).unwrap())
            .collect();
        net.run_for(secs(2));
        let mut served: Vec<_> = std::iter::from_fn(|| listener.try_accept()).collect();
        for socket in &mut served {
            socket.set_keepalive(Some(secs(30)));
        }
        assert!(served.len() >= 8, "round {round}: {}", served.len());
        link.down();
        for client in clients {
            client.abort();
        }
        net.run_for(secs(1200));
        for socket in &served {
            assert_eq!(
                socket.error(),
                Some(TcpError::TimedOut),
                "{:?}",
                socket.state()
            );
        }
        drop(served);
        drop(std::iter::from_fn(|| listener.try_accept()).collect::<Vec<_>>());
        link.up();
        net.run_for(secs(100));
    }
    let client = TcpSocket::begin(hosts[0].stack(), address).unwrap();
    net.run_for(secs(3));
    assert_eq!(client.state(), TcpState::Established);
    drop(listener);
}

/// #32270: the cable is pulled while there is much to be sent, by one who writes whenever he may; it
/// goes on when the cable is back, and none of the blocks is stuck.
#[test]
fn zephyr_32270_stream_goes_on_when_the_cable_is_back() {
    let (net, hosts, link) = clients_and_server(5);
    let address: SocketAddr = "10.0.0.1:9".parse().unwrap();
    let listener = TcpListener::bind(hosts[0].stack(), address, 1).unwrap();
    // The small one sends.
    let mut sender = TcpSocket::begin(hosts[1].stack(), address).unwrap();
    net.run_for(secs(1));
    let mut sink = listener.try_accept().unwrap();
    let datagrams = hosts[1].udp("0.0.0.0:0");
    let (mut read, mut buffer) = (0, [0; 2000]);
    for pull in 0..4 {
        for _ in 0..200 {
            while let Some(Ok(1..)) = sender.try_write(&[5; 500]) {}
            while let Some(Ok(length @ 1..)) = sink.try_read(&mut buffer) {
                read += length;
            }
            net.run_for(ms(1));
        }
        let before = read;
        link.down();
        for _ in 0..30 {
            while let Some(Ok(1..)) = sender.try_write(&[5; 500]) {}
            let _ = datagrams.try_send_to(&[6; 100], Some("10.0.0.1:99".parse().unwrap()));
            net.run_for(ms(1000));
        }
        link.up();
        // Retransmissions come a minute apart at most.
        let resumed = net.run_until(secs(61), || {
            while let Some(Ok(1..)) = sender.try_write(&[5; 500]) {}
            while let Some(Ok(length @ 1..)) = sink.try_read(&mut buffer) {
                read += length;
            }
            read > before + 5000
        });
        assert!(resumed, "pull {pull}: {read} after {before}");
    }
    drop((sender, sink, listener, datagrams));
}

/// #7876, #43630, pull request 102118: whatever a peer does with its window, with and without data on
/// the way, the stream goes on when it opens.
#[test]
fn zephyr_43630_102118_window_that_opens_and_shuts_at_any_time_stalls_nothing() {
    for seed in 0..40 {
        let mut s = Session::new();
        let mut random = Network::new(seed).random();
        let mut socket = s.accepted(&mss(500));
        let mut got = 0;
        let mut round = |s: &mut Session, window: u16, pause: u64, loss: f64| {
            while let Some(Ok(1..)) = socket.try_write(&[1; 700]) {}
            s.window = window;
            let mut segments = s.say(ACK, &[]);
            segments.extend(s.passed(ms(pause)));
            for segment in segments {
                let old = s.ack.wrapping_sub(segment.seq) as usize;
                if old <= segment.data.len() && !random.chance(loss) {
                    got += segment.data.len() - old;
                    s.ack = s.ack.wrapping_add((segment.data.len() - old) as u32);
                }
            }
            (got, random.below(1000))
        };
        let (mut before, mut chance) = (0, 1);
        for _ in 0..60 {
            let window = [0, 0, 1, 499, 500, 1500, 20_000][chance % 7];
            (before, chance) = round(&mut s, window, chance as u64 / 3, 0.3);
        }
        // The longest wait for a retransmission is a minute.
        let is_on = (0..610).any(|_| round(&mut s, 20_000, 100, 0.0).0 >= before + 5000);
        assert!(is_on, "seed {seed}");
    }
}

/// CVE-2026-7656: rules of Neighbor Discovery that hold for messages with the usual code.
#[test]
fn zephyr_cve_2026_7656_message_from_beyond_the_link_is_refused_whatever_its_code() {
    let a = acquainted();
    let option = link_option(2, [2, 6, 6, 6, 6, 6]);
    for code in [0, 1] {
        for kind in [134u8, 135, 136, 137] {
            let data = match kind {
                134 => vec![0; 8],
                _ => join(&[&PEER6.octets(), &option]),
            };
            let word = [OVERRIDE | SOLICITED, 0, 0, 0];
            let message = icmpv6((PEER6, HOST6), kind, code, word, &data);
            let packet = Ip6 {
                hop_limit: 254,
                ..Ip6::new(PEER6, HOST6, ICMPV6)
            };
            let before = a.host.counters(a.link).accepted;
            a.ask(a.to_host(&packet.with(&message)));
            assert_eq!(a.host.counters(a.link).accepted, before, "{kind}");
        }
    }
    assert!(
        a.host
            .counters(a.link)
            .receive_drops(ReceiveDrop::NeighborDiscovery)
            >= 4
    );
    // The peer is where it was.
    let neighbors = a.stack().neighbors(a.host.interface(a.link));
    let link = neighbors
        .into_iter()
        .find(|neighbor| neighbor.address == PEER6.into());
    assert_eq!(
        link.unwrap().link.unwrap().as_ethernet(),
        Some(a.peer.mac())
    );
}
