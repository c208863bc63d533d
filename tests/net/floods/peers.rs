//! Hosts that follow no rule of TCP, and memory that is held for long: others are served meanwhile.

use std::net::SocketAddr;

use zonda::socket::{TcpListener, TcpSocket, TcpState};
use zonda::time::Duration;

use super::*;
use crate::tcp::*;

/// A round trip over the connection of a session takes so long at most, whatever else comes in.
#[track_caller]
fn talks(s: &mut Session, socket: &mut TcpSocket<'_>, most: Duration) {
    let begin = s.a.net.now();
    s.a.peer.take();
    let segment = s.segment(ACK, b"question");
    s.seq = s.seq.wrapping_add(8);
    s.a.peer.send(s.a.to_host(&segment.packet(s.peer, s.own)));
    let arrived =
        s.a.net
            .run_until(most, || socket.info().is_some_and(|info| info.received > 0));
    assert!(arrived, "the question");
    assert_eq!(read_all(socket), b"question");
    write_all(socket, b"answer");
    let mut answered = false;
    while !answered && s.a.net.now().since(begin) <= most {
        answered = s
            .passed(us(200))
            .iter()
            .any(|segment| segment.data == b"answer");
    }
    assert!(answered, "the answer");
    s.acknowledge(6);
}

/// Whoever asks for the host's link address is told, whatever else is sent.
#[track_caller]
fn answers_arp(a: &Alone) {
    let sent = a.ask(ethernet(BROADCAST, a.peer.mac(), ARP, &a.request()));
    assert!(
        sent.iter()
            .any(|seen| seen.arp().is_some_and(|arp| arp.operation == 2))
    );
}

#[test]
fn flood_of_segments_of_no_connection_leaves_one_that_is_there() {
    for flags in [
        RST,
        FIN | ACK,
        ACK,
        SYN | ACK,
        FIN | SYN | RST | PSH | URG,
        0,
    ] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        let mut random = s.a.net.random();
        let before = s.a.host.counters(s.a.link).all_receive_drops();
        for round in 0..2000 {
            // Most know neither port nor number, some the ports.
            let stray = Tcp {
                source: [s.ports.0, random.next() as u16][usize::from(round % 4 != 0)],
                destination: [s.ports.1, random.next() as u16][usize::from(round % 3 != 0)],
                seq: random.next() as u32,
                ack: random.next() as u32,
                flags,
                window: random.next() as u16,
                data: vec![0; random.below(40)],
                ..Tcp::default()
            };
            s.a.peer.send(s.a.to_host(&stray.packet(s.peer, s.own)));
            s.a.net.run_for(us(50));
            if round % 250 == 249 {
                talks(&mut s, &mut socket, ms(60));
            }
        }
        assert_eq!(socket.state(), TcpState::Established);
        assert!(s.a.host.counters(s.a.link).all_receive_drops() > before + 500);
        is_bounded(&s.a);
        drop(socket);
        s.a.net.run_for(secs(400));
        assert_eq!(s.a.host.pool().stats().blocks_used, 0);
    }
}

/// RFC 5961: a guess inside of the window is no more than a question.
#[test]
fn guesses_inside_the_window_change_nothing() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    for guess in 0..2000i32 {
        let offset = 1 + guess * 8;
        match guess % 3 {
            0 => drop(s.at(offset, RST, &[])),
            1 => drop(s.at(offset, SYN, &[])),
            // Data with an acknowledgement that is too old, or of the future.
            _ => {
                let forged = Tcp {
                    ack: s
                        .ack
                        .wrapping_add_signed(if guess % 2 == 0 { -100_000 } else { 100_000 }),
                    seq: s.seq.wrapping_add_signed(offset % 16_000),
                    ..s.segment(ACK, b"forged")
                };
                s.ask(forged);
            }
        }
        if guess % 200 == 199 {
            talks(&mut s, &mut socket, ms(60));
        }
    }
    assert_eq!(socket.state(), TcpState::Established);
    assert_eq!(read_all(&mut socket), b"");
}

/// All places for connections are taken by one who reads nothing and acknowledges nothing. What may
/// be written is used up, then, but what comes in is taken all the same, and in the end all is back.
#[test]
fn peer_that_opens_all_connections_and_reads_nothing_holds_nobody_else() {
    let mut s = Session::new();
    let listener = s.listen(8);
    let server = s.a.host.udp("[::]:7000");
    let mut sockets: Vec<TcpSocket<'_>> = Vec::new();
    for port in 1..=40 {
        (s.ports.0, s.seq) = (port, 100);
        s.say(SYN, &[]);
        // As far as there is an answer.
        if let Some(answer) = s.sent().first() {
            s.ack = answer.seq.wrapping_add(1);
        }
        s.ack = match s.at(0, SYN, &[]).first() {
            Some(answer) => answer.seq.wrapping_add(1),
            None => s.ack,
        };
        s.window = [0, 1, 60_000][usize::from(port % 3)];
        s.say(ACK, &[]);
        sockets.extend(std::iter::from_fn(|| listener.try_accept()));
        for socket in &mut sockets {
            while let Some(Ok(1..)) = socket.try_write(&[1; 1000]) {}
        }
    }
    assert!(!sockets.is_empty());
    for second in 0..60u16 {
        s.a.net.run_for(secs(1));
        s.a.peer.take();
        answers_arp(&s.a);
        let version = usize::from(second % 2);
        s.a.ask(s.a.datagram(version, (9, 7000), b"served?"));
        assert!(server.try_recv().is_some(), "second {second}");
        is_bounded(&s.a);
    }
    drop((sockets, listener, server));
    s.a.net.run_for(secs(600));
    assert_eq!(s.a.host.pool().stats().blocks_used, 0);
}

/// However the blocks that may be held, or sent, are used up for a minute: who needs none of them is
/// served.
#[test]
fn pool_that_each_kind_of_socket_holds_for_a_minute_leaves_service() {
    for kind in 0..6 {
        let a = neighborly();
        let udp_socket = a.host.udp("[::]:7000");
        let ping = a.host.ping();
        let listener = TcpListener::bind(a.stack(), "[::]:80".parse().unwrap(), 4).unwrap();
        let mut kept = Vec::new();
        let far: SocketAddr = (PEER4, 9).into();
        for second in 0..60u16 {
            for number in 0..60u16 {
                match kind {
                    // Nobody reads.
                    0 => a.peer.send(a.datagram(0, (number, 7000), &[1; 400])),
                    1 => {
                        let reply = echo(PEER4.into(), HOST4.into(), true, 1, number, &[2; 400]);
                        let _ = ping.try_send(PEER4.into(), number, &[2; 400]);
                        a.peer.send(a.to_host(&reply));
                    }
                    // Neighbours do not answer.
                    2 => {
                        let silent = Ipv4Addr::new(10, 0, 0, 100 + (number % 5) as u8);
                        let _ = udp_socket.try_send_to(&[3; 400], Some((silent, 9).into()));
                    }
                    // The rest of the fragments does not come.
                    3 => {
                        let header = Ip4 {
                            id: second * 60 + number,
                            fragment: 0x2000,
                            ..Ip4::new(PEER4, HOST4, UDP)
                        };
                        a.peer.send(a.to_host(&header.with(&[4; 400])));
                    }
                    // The peer acknowledges nothing.
                    4 => {
                        if let Ok(mut socket) = TcpSocket::begin(a.stack(), far) {
                            while let Some(Ok(1..)) = socket.try_write(&[5; 1000]) {}
                            kept.push(socket);
                        }
                    }
                    // It sends, and nobody accepts.
                    _ => {
                        let segment = Tcp {
                            source: number,
                            destination: 80,
                            seq: u32::from(second),
                            flags: [SYN, ACK][usize::from(number % 2)],
                            window: 1000,
                            data: vec![6; usize::from(number % 2) * 400],
                            ..Tcp::default()
                        };
                        let packet = segment.packet(PEER4.into(), HOST4.into());
                        a.peer.send(a.to_host(&packet));
                    }
                }
                a.net.run_for(us(300));
            }
            a.net.run_for(ms(982));
            a.peer.take();
            match kind {
                // What was written and not acknowledged leaves no answer to be sent.
                4 => answers_arp(&a),
                _ => pings(&a, second),
            }
            is_bounded(&a);
        }
        drop((kept, udp_socket, ping, listener));
        a.net.run_for(secs(600));
        assert_eq!(a.host.pool().stats().blocks_used, 0, "kind {kind}");
    }
}

/// A peer that wants its bytes one by one, and acknowledges them so, does not get a packet for each.
#[test]
fn segments_of_a_byte_are_not_had_for_the_asking() {
    for size in [0, 1, 8, 63, 64] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(size));
        write_all(&mut socket, &[1; 4000]);
        let mut got = 0;
        let mut segments = 0;
        for _ in 0..200 {
            for segment in s.passed(ms(50)) {
                let old = s.ack.wrapping_sub(segment.seq) as usize;
                segments += 1;
                if old < segment.data.len() {
                    got += segment.data.len() - old;
                    s.ack = s.ack.wrapping_add((segment.data.len() - old) as u32);
                }
            }
            if got == 4000 {
                break;
            }
            let segment = s.segment(ACK, &[]);
            s.a.peer.send(s.a.to_host(&segment.packet(s.peer, s.own)));
        }
        assert_eq!(got, 4000, "{size}");
        assert!(
            segments <= 4000 / (zonda::config::TCP_MSS_MIN - 12) + 20,
            "{segments}"
        );
    }
}

/// Acknowledgements of what was not sent do not make it send faster, nor at all.
#[test]
fn optimistic_acknowledgements_are_worth_nothing() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1000));
    write_all(&mut socket, &[1; 16_000]);
    assert_eq!(s.passed(ms(1)).len(), 10);
    let before = socket.info().unwrap();
    for ahead in [10_001u32, 11_000, 50_000, 1 << 30] {
        let optimist = Tcp {
            ack: s.ack.wrapping_add(ahead),
            ..s.segment(ACK, &[])
        };
        let answers = s.ask(optimist);
        assert!(answers.iter().all(|answer| answer.data.is_empty()));
    }
    let after = socket.info().unwrap();
    assert_eq!(
        (after.cwnd, after.in_flight),
        (before.cwnd, before.in_flight)
    );
}

/// RFC 2018 §8: what was acknowledged selectively may be given up by the peer, and comes again.
#[test]
fn data_that_the_peer_gives_up_again_are_sent_again() {
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    write_all(&mut socket, &[1; 14_600]);
    let sent = s.passed(ms(1));
    let (left, right) = (sent[2].seq, sent[9].seq.wrapping_add(1460));
    let block = join(&[&[1, 1, 5, 10], &left.to_be_bytes(), &right.to_be_bytes()]);
    for _ in 0..4 {
        let duplicate = Tcp {
            options: block.clone(),
            ..s.segment(ACK, &[])
        };
        s.ask(duplicate);
    }
    // Now it has only what came in order.
    let mut got = 0;
    for _ in 0..400 {
        for segment in s.passed(ms(100)) {
            if segment.seq == s.ack {
                got += segment.data.len();
                s.ack = s.ack.wrapping_add(segment.data.len() as u32);
            }
        }
        let segment = s.segment(ACK, &[]);
        s.a.peer.send(s.a.to_host(&segment.packet(s.peer, s.own)));
        if got == 14_600 {
            return;
        }
    }
    panic!("{got} of 14600");
}
