//! What time brings: retransmission, keepalive, timeouts; and what ICMP says meanwhile.

use zonda::socket::{TcpError, TcpState};

use super::*;

#[test]
fn syn_is_repeated_ever_later_and_given_up() {
    let mut s = Session::new();
    let (socket, syn) = s.begun();
    let again = s.passed_timed(secs(182));
    let times: Vec<_> = again.iter().map(|(at, _)| (at + 500) / 1000).collect();
    // RFC 6298 §5.5, with a first timeout of one second and a largest of one minute.
    assert_eq!(times, [1, 3, 7, 15, 31, 63, 123]);
    // RFC 9293 §3.8.3 MUST-23: three minutes at least.
    assert_eq!(socket.state(), TcpState::SynSent);
    none(s.passed(secs(2)));
    for (_, segment) in &again {
        assert_eq!(brief(segment), brief(&syn));
    }
    assert_eq!(socket.error(), Some(TcpError::TimedOut));
}

#[test]
fn syn_and_ack_are_repeated_and_the_handshake_forgotten() {
    let mut s = Session::new();
    let _listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    let again = s.passed_timed(secs(200));
    let times: Vec<_> = again.iter().map(|(at, _)| (at + 500) / 1000).collect();
    assert_eq!(times, [1, 3, 7, 15, 31]);
    s.ack = answer.seq.wrapping_add(1);
    assert_eq!(one(s.say(ACK, &[])).flags, RST);
}

#[test]
fn data_are_repeated_with_their_own_numbers_until_the_user_timeout() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_user_timeout(secs(20));
    write_all(&mut socket, b"anybody?");
    one(s.passed(ms(1)));
    let again = s.passed_timed(secs(100));
    assert!((5..10).contains(&again.len()));
    let mut before = 0;
    let mut gap = 0;
    for (at, segment) in &again {
        assert_eq!(brief(segment), (ACK | PSH, s.ack, s.seq, 8));
        assert!(at - before > gap, "each later");
        (gap, before) = (at - before, *at);
    }
    assert_eq!(socket.error(), Some(TcpError::TimedOut));
}

#[test]
fn user_timeout_begins_with_the_data_not_with_the_silence_before() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.a.net.run_for(secs(1000));
    write_all(&mut socket, b"after a while");
    one(s.passed(ms(1)));
    one(s.passed(ms(300)));
    s.passed(secs(60));
    assert_eq!(socket.state(), TcpState::Established);
    s.acknowledge(13);
    assert_eq!(socket.info().unwrap().written, 0);
}

#[test]
fn fin_is_repeated() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.shutdown();
    one(s.passed(ms(1)));
    assert_eq!(brief(&one(s.passed(ms(300)))), (FIN | ACK, s.ack, s.seq, 0));
}

#[test]
fn acknowledgements_after_a_timeout_carry_the_latest_number() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"12345678");
    s.passed(ms(250));
    s.say(ACK, b"x");
    let ack = s.passed(ms(60)).pop().unwrap();
    assert_eq!(brief(&ack), (ACK, s.ack.wrapping_add(8), s.seq, 0));
    socket.abort();
    let reset = s.passed(ms(1)).pop().unwrap();
    assert_eq!(brief(&reset), (RST | ACK, s.ack.wrapping_add(8), s.seq, 0));
}

#[test]
fn keepalive_asks_a_silent_peer_and_goes_on_as_long_as_it_answers() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    none(s.passed(secs(10_000)));
    socket.set_keepalive(Some(secs(100)));
    for _ in 0..20 {
        let probe = s.passed_timed(secs(101));
        assert_eq!(probe.len(), 1);
        assert!(probe[0].0 > 99_000);
        assert_eq!(brief(&probe[0].1), (ACK, s.ack.wrapping_sub(1), s.seq, 0));
        none(s.say(ACK, &[]));
    }
    assert_eq!(socket.state(), TcpState::Established);
    // No answer any more: 9 probes, 75 s apart.
    let probes = s.passed(secs(2000));
    assert_eq!(probes.len(), 9);
    assert_eq!(socket.error(), Some(TcpError::TimedOut));
}

/// RFC 9293 §3.8.4 (MUST-26).
#[test]
fn keepalive_leaves_what_is_on_its_way_to_its_own_timer() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_keepalive(Some(secs(2)));
    write_all(&mut socket, b"data");
    one(s.passed(ms(1)));
    for segment in s.passed(secs(30)) {
        assert_eq!((segment.seq, segment.data.len()), (s.ack, 4));
    }
    s.acknowledge(4);
    // What the peer says puts it off.
    for _ in 0..5 {
        s.passed(ms(1500));
        s.say(ACK, b"x");
        assert!(s.passed(ms(100)).iter().all(|segment| segment.seq == s.ack));
    }
    let probe = one(s.passed(ms(2100)));
    assert_eq!((probe.seq, probe.data.len()), (s.ack.wrapping_sub(1), 0));
}

#[test]
fn keepalive_probes_are_answered() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    for data in [&b""[..], b"x"] {
        assert_eq!(brief(&one(s.at(-1, ACK, data))), (ACK, s.ack, s.seq, 0));
    }
}

#[test]
fn fin_wait_2_ends_after_a_minute_where_nobody_holds_it() {
    for held in [true, false] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        socket.shutdown();
        s.passed(ms(1));
        s.acknowledge(1);
        let socket = held.then_some(socket);
        s.a.net.run_for(secs(59));
        one(s.at(-1, ACK, b"o"));
        s.a.net.run_for(secs(2));
        let answer = one(s.at(-1, ACK, b"o"));
        assert_eq!(answer.flags, if held { ACK } else { RST });
        assert_eq!(
            socket.map(|s| s.state()),
            held.then_some(TcpState::FinWait2)
        );
    }
}

#[test]
fn dropped_socket_closes_in_good_order_and_resets_new_data() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"farewell");
    drop(socket);
    let sent = s.passed(ms(1));
    assert_eq!(
        sent.iter().map(|segment| segment.data.len()).sum::<usize>(),
        8
    );
    assert_eq!(sent.last().unwrap().flags & FIN, FIN);
    s.acknowledge(9);
    // RFC 9293 §3.6.1.
    assert_eq!(
        brief(&one(s.say(ACK, b"are you there?"))),
        (RST, s.ack, 0, 0)
    );
    assert_eq!(one(s.say(ACK, &[])).flags, RST);
}

#[test]
fn dropped_socket_with_unread_data_resets() {
    // RFC 2525 §2.17.
    for taken in [false, true] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        s.say(ACK, b"unread");
        if taken {
            assert_eq!(socket.try_read(&mut [0; 2]), Some(Ok(2)));
        }
        drop(socket);
        let reset = one(s.passed(ms(1)));
        assert_eq!(brief(&reset), (RST | ACK, s.ack, s.seq, 0));
        none(s.passed(secs(10)));
    }
}

#[test]
fn data_that_came_twice_before_the_end_are_not_unread() {
    // One who has sent small segments sends them again as a large one (RFC 9293 §3.7.4).
    for early in [&[(4, 8)][..], &[(2, 4), (6, 8)], &[(4, 8), (8, 10)]] {
        let mut s = Session::new();
        let mut socket = s.accepted(&permitted());
        for &(start, end) in early {
            s.at(start as i32, ACK, &b"all of it!"[start..end]);
        }
        s.say(FIN | ACK, b"all of i");
        assert_eq!(read_all(&mut socket), b"all of i");
        drop(socket);
        let fin = one(s.passed(ms(1)));
        assert_eq!(brief(&fin), (FIN | ACK, s.ack, s.seq, 0));
        none(s.acknowledge(1));
    }
}

#[test]
fn aborted_connection_resets_and_is_gone() {
    let mut s = Session::new();
    let socket = s.accepted(&mss(1460));
    socket.abort();
    assert_eq!(brief(&one(s.passed(ms(1)))), (RST | ACK, s.ack, s.seq, 0));
    assert_eq!(one(s.say(ACK, &[])).flags, RST);
}

#[test]
fn connecting_is_given_up_without_a_trace() {
    let mut s = Session::new();
    let (socket, _) = s.begun();
    drop(socket);
    none(s.passed(secs(10)));
    assert_eq!(brief(&one(s.say(SYN | ACK, &[]))), (RST, s.ack, 0, 0));
}

#[test]
fn dropped_socket_does_not_stay_for_a_window_that_stays_shut() {
    // RFC 6429.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_user_timeout(secs(20));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"never taken");
    let mut socket = Some(socket);
    for n in 0..250 {
        // As long as somebody holds it, it stays (RFC 9293 §3.8.6.1).
        if n == 50 {
            assert_eq!(socket.as_ref().unwrap().error(), None);
            drop(socket.take());
        }
        s.passed(secs(1));
        s.say(ACK, &[]);
    }
    s.sent();
    assert_eq!(one(s.say(ACK, &[])).flags, RST);
}

// ---- Timeouts that come too early (RFC 3522, RFC 4015) -----------------------------------

/// Six segments, whose acknowledgements take longer than the timer waits: with the first one again.
fn late(s: &mut Session) -> (TcpSocket<'static>, Vec<Tcp>) {
    let mut socket = s.accepted(&join(&[&permitted(), &stamps(1000, 0)]));
    let full = usize::from(socket.info().unwrap().mss);
    write_all(&mut socket, &vec![1; 6 * full]);
    let mut sent = s.passed(ms(1));
    assert_eq!(sent.len(), 6);
    // No probe of the tail before it.
    let again = loop {
        let more = s.passed(ms(10));
        if more.iter().any(|segment| segment.seq == sent[0].seq) {
            break more;
        }
    };
    assert_eq!(again.len(), 1);
    sent.extend(again);
    (socket, sent)
}

#[test]
fn timeout_that_was_too_early_is_undone() {
    let mut s = Session::new();
    let (mut socket, sent) = late(&mut s);
    assert_eq!(
        u32::from(socket.info().unwrap().mss),
        socket.info().unwrap().cwnd
    );
    // The echo is that of the first transmission.
    s.options = stamps(1001, sent[0].timestamps().unwrap().0);
    let more = s.acknowledge(sent[0].data.len() as u32);
    none(more);
    let info = socket.info().unwrap();
    assert_eq!(info.cwnd, 6 * u32::from(info.mss));
    // And the timer waits for longer than it took.
    assert!(info.rtt.unwrap() > ms(200));
    write_all(&mut socket, &[2; 1448]);
    assert_eq!(one(s.passed(ms(1))).data[0], 2);
    s.acknowledge(6 * 1448);
}

#[test]
fn timeout_that_was_right_is_not_undone() {
    for all in [false, true] {
        let mut s = Session::new();
        let (socket, sent) = late(&mut s);
        let full = sent[0].data.len() as u32;
        let sixth = sent[6].timestamps().unwrap().0;
        if all {
            // All at once: the acknowledgements may have been lost (RFC 3522 §3.3).
            s.options = stamps(1001, sent[0].timestamps().unwrap().0);
            s.acknowledge(6 * full);
            assert!(socket.info().unwrap().cwnd < 4 * full);
        } else {
            s.options = stamps(1001, sixth);
            let more = s.acknowledge(full);
            assert_eq!(more[0].seq, sent[1].seq);
            assert!(socket.info().unwrap().cwnd < 4 * full);
            s.acknowledge(5 * full);
        }
    }
}

// ---- ICMP (RFC 5927, RFC 5461, RFC 1191, RFC 8201) ---------------------------------------

impl Session {
    /// An ICMP error about a segment of the host's with this sequence number.
    pub fn icmp(&self, kind: u8, code: u8, word: [u8; 4], seq: u32) -> Vec<Tcp> {
        let quoted = Tcp {
            source: self.ports.1,
            destination: self.ports.0,
            seq,
            flags: ACK,
            data: vec![0; 1000],
            ..Tcp::default()
        };
        let quote = quoted.packet(self.own, self.peer);
        let packet = match (self.peer, self.own) {
            (IpAddr::V6(from), IpAddr::V6(to)) => ip(
                self.peer,
                self.own,
                ICMPV6,
                &icmpv6((from, to), kind, code, word, &quote),
            ),
            _ => ip(
                self.peer,
                self.own,
                ICMP,
                &icmp(kind, code, word, &quote[..28]),
            ),
        };
        self.a.peer.send(self.a.to_host(&packet));
        self.passed(ms(1))
    }
}

#[test]
fn icmp_ends_connecting_if_its_sequence_number_is_right() {
    for (version, kind, code) in [(0, 3, 1), (0, 3, 3), (1, 1, 0), (1, 1, 4)] {
        let mut s = Session::over(version);
        let (socket, syn) = s.begun();
        s.icmp(kind, code, [0; 4], syn.seq.wrapping_add(1));
        s.icmp(kind, code, [0; 4], syn.seq.wrapping_sub(1));
        assert_eq!(socket.state(), TcpState::SynSent);
        s.icmp(kind, code, [0; 4], syn.seq);
        assert!(matches!(socket.error(), Some(TcpError::Unreachable(_))));
    }
}

#[test]
fn icmp_does_not_end_what_is_established() {
    for (version, kind, code) in [(0, 3, 1), (0, 3, 3), (0, 3, 2), (0, 11, 0), (1, 1, 4)] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss(1460));
        write_all(&mut socket, b"data");
        s.passed(ms(1));
        s.icmp(kind, code, [0; 4], s.ack);
        assert_eq!(socket.state(), TcpState::Established);
        s.acknowledge(4);
    }
}

#[test]
fn icmp_about_what_is_acknowledged_is_ignored() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"data");
    s.passed(ms(1));
    s.acknowledge(4);
    for offset in [0, 1, u32::MAX] {
        s.icmp(3, 4, [0, 0, 2, 100], s.ack.wrapping_add(offset));
    }
    assert_eq!(socket.info().unwrap().mss, 1460);
}

#[test]
fn icmp_source_quench_is_ignored() {
    // RFC 6633, defect 031.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"data");
    s.passed(ms(1));
    let before = socket.info().unwrap();
    s.icmp(4, 0, [0; 4], s.ack);
    assert_eq!(socket.info().unwrap(), before);
}

#[test]
fn icmp_too_big_reduces_segments_and_what_was_lost_goes_again() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss([1460, 1440][version]));
        let full = usize::from(socket.info().unwrap().mss);
        write_all(&mut socket, &vec![1; 3 * full]);
        assert_eq!(s.passed(ms(1)).len(), 3);
        let (kind, code) = [(3, 4), (2, 0)][version];
        // Of what was never sent.
        s.icmp(kind, code, [0, 0, 5, 20], s.ack.wrapping_add(100_000));
        assert_eq!(usize::from(socket.info().unwrap().mss), full);
        let mut sent = s.icmp(kind, code, [0, 0, 5, 20], s.ack);
        let reduced = 1300 - [40, 60][version];
        assert_eq!(usize::from(socket.info().unwrap().mss), reduced);
        let mut left = 3 * full;
        for _ in 0..30 {
            for segment in &sent {
                assert!(segment.data.len() <= reduced);
                let old = s.ack.wrapping_sub(segment.seq) as usize;
                if old <= segment.data.len() {
                    left -= segment.data.len() - old;
                    s.ack = segment.seq.wrapping_add(segment.data.len() as u32);
                }
            }
            if left == 0 {
                break;
            }
            sent = s.say(ACK, &[]);
            if sent.is_empty() {
                sent = s.passed(secs(1));
            }
        }
        s.say(ACK, &[]);
        assert_eq!((left, socket.info().unwrap().written), (0, 0));
    }
}

/// "There MUST be a mechanism for reporting soft TCP error conditions to the application" (RFC 9293
/// §3.9.1.8, MUST-47).
#[test]
fn soft_error_is_told_and_is_the_reason_if_the_peer_stays_silent() {
    for (version, kind, code) in [(0, 3, 1), (1, 1, 3)] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss(1460));
        socket.set_user_timeout(secs(10));
        write_all(&mut socket, b"data");
        s.passed(ms(1));
        assert_eq!(socket.soft_error(), None);
        s.icmp(kind, code, [0; 4], s.ack);
        let unreachable = socket.soft_error().expect("an error");
        assert_eq!(socket.state(), TcpState::Established);
        // The peer is heard of: it was nothing.
        s.acknowledge(4);
        assert_eq!(socket.soft_error(), None);
        write_all(&mut socket, b"more");
        s.passed(ms(1));
        s.icmp(kind, code, [0; 4], s.ack);
        s.passed(secs(30));
        assert_eq!(socket.error(), Some(TcpError::Unreachable(unreachable)));
    }
}

/// "the retransmission could be done in immediate response to a notification that the Path MTU has
/// changed", and "should not change the congestion window" (RFC 1191 §6.4, RFC 8201 §5.4).
#[test]
fn icmp_too_big_sends_again_at_once_and_is_no_congestion() {
    for version in [0, 1] {
        for sack in [false, true] {
            let mut s = Session::over(version);
            let options = if sack { permitted() } else { mss(1460) };
            let mut socket = s.accepted(&options);
            let full = usize::from(socket.info().unwrap().mss);
            write_all(&mut socket, &vec![1; 5 * full]);
            assert_eq!(s.passed(ms(1)).len(), 5);
            let before = socket.info().unwrap().cwnd as usize;
            let (kind, code) = [(3, 4), (2, 0)][version];
            // It is about the third of them.
            let third = s.ack.wrapping_add(2 * full as u32);
            let again = s.icmp(kind, code, [0, 0, 5, 20], third);
            let reduced = 1300 - [40, 60][version];
            let lengths: Vec<_> = again.iter().map(|segment| segment.data.len()).collect();
            let all = 5 * full;
            let mut expected = vec![reduced; all / reduced];
            expected.extend(Some(all % reduced).filter(|rest| *rest > 0));
            assert_eq!(lengths, expected);
            assert_eq!(again[0].seq, s.ack);
            let after = socket.info().unwrap().cwnd as usize;
            assert_eq!(after, before * reduced / full);
            // The same from another of them says nothing new.
            none(s.icmp(kind, code, [0, 0, 5, 20], s.ack));
            s.acknowledge(all as u32);
            assert_eq!(socket.info().unwrap().written, 0);
        }
    }
}

/// RFC 1191 §6.3, RFC 8201 §5.3: the estimate ends after ten minutes, and what passes is found out anew.
#[test]
fn larger_segments_are_tried_again_when_the_estimate_has_ended() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss([1460, 1440][version] - 100));
        let full = usize::from(socket.info().unwrap().mss);
        let (kind, code) = [(3, 4), (2, 0)][version];
        let reduced = 1300 - [40, 60][version];
        for _ in 0..2 {
            write_all(&mut socket, &vec![1; full]);
            assert_eq!(one(s.passed(ms(1))).data.len(), full);
            let again = s.icmp(kind, code, [0, 0, 5, 20], s.ack);
            assert_eq!(again[0].data.len(), reduced);
            s.acknowledge(full as u32);
            for _ in 0..2 {
                s.passed(secs(299));
                write_all(&mut socket, &vec![2; 2 * reduced]);
                assert_eq!(s.passed(ms(1))[0].data.len(), reduced);
                s.acknowledge(2 * reduced as u32);
            }
            s.passed(secs(3));
        }
        write_all(&mut socket, &vec![3; full]);
        assert_eq!(one(s.passed(ms(1))).data.len(), full);
        assert_eq!(usize::from(socket.info().unwrap().mss), full);
        s.acknowledge(full as u32);
    }
}

/// "a TCP SHOULD set cwnd to no more than RW before beginning transmission if the TCP has not sent data
/// in an interval exceeding the retransmission timeout" (RFC 5681 §4.1): whatever has come meanwhile.
#[test]
fn window_restarts_after_silence_of_ours_though_the_peer_talks() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(536));
    write_all(&mut socket, &[1; 20 * 536]);
    assert_eq!(s.passed(ms(1)).len(), 10);
    assert_eq!(s.acknowledge(5360).len(), 10);
    s.acknowledge(5360);
    assert!(socket.info().unwrap().cwnd > 5360);
    for _ in 0..30 {
        s.say(ACK, b"still here");
        s.passed(ms(100));
    }
    assert_eq!(read_all(&mut socket).len(), 300);
    write_all(&mut socket, b"x");
    one(s.passed(ms(1)));
    assert_eq!(socket.info().unwrap().cwnd, 5360);
    s.acknowledge(1);
}

/// RFC 4821 §7.7.
#[test]
fn segments_that_vanish_without_a_word_are_tried_smaller() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, &[1; 1460]);
    let sent = s.passed(secs(70));
    let lengths: Vec<_> = sent.iter().map(|segment| segment.data.len()).collect();
    assert_eq!(lengths[..3], [1460, 1460, 1460]);
    assert!(
        lengths.contains(&984) && lengths.contains(&536),
        "{lengths:?}"
    );
    s.acknowledge(1460);
    assert_eq!(socket.info().unwrap().mss, 536);
    // One that is short is not to blame.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"short");
    s.passed(secs(70));
    s.acknowledge(5);
    assert_eq!(socket.info().unwrap().mss, 1460);
}

#[test]
fn stream_passes_a_link_that_drops_long_packets_without_a_word() {
    let net = Network::new(3);
    let hosts = [net.host("left"), net.host("right")];
    let link = net.link(hosts);
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    link.delay(ms(5)).silent_mtu(1100);
    let remote = SocketAddr::new("10.0.0.2".parse().unwrap(), 9);
    let listener = TcpListener::bind(hosts[1].stack(), remote, 1).unwrap();
    let mut sender = TcpSocket::begin(hosts[0].stack(), remote).unwrap();
    let (mut receiver, mut written, mut read) = (None, 0, 0);
    let mut buffer = [7; 4000];
    let done = net.run_until(secs(30), || {
        receiver = receiver.take().or_else(|| listener.try_accept());
        let Some(receiver) = &mut receiver else {
            return false;
        };
        while written < 50_000
            && let Some(Ok(more @ 1..)) = sender.try_write(&buffer[..(50_000 - written).min(4000)])
        {
            written += more;
        }
        while let Some(Ok(more @ 1..)) = receiver.try_read(&mut buffer) {
            read += more;
        }
        read == 50_000
    });
    assert!(done, "{read} bytes in {}", net.now());
}
