//! Windows and what is sent into them: scaling, delayed acknowledgements, Nagle, silly windows,
//! zero windows (RFC 9293 §3.7.4, §3.8.6; RFC 7323 §2; RFC 1122 §4.2.3).

use zonda::iface::ReceiveDrop;
use zonda::socket::TcpError;

use super::*;

/// The shift of three as an option.
const SHIFT_3: [u8; 4] = [1, 3, 3, 3];

/// Written and sent, the sum of what was sent in segments of these lengths.
fn lengths(segments: &[Tcp]) -> Vec<usize> {
    segments.iter().map(|segment| segment.data.len()).collect()
}

#[test]
fn window_of_a_syn_is_never_scaled_and_later_ones_are() {
    for passive in [true, false] {
        let mut s = Session::new();
        s.window = 1000;
        let options = join(&[&mss(1460), &SHIFT_3]);
        let socket = if passive {
            let listener = s.listen(1);
            let answer = one(s.say(SYN, &[]));
            assert_eq!(answer.scale(), None);
            none(s.at(0, RST, &[]));
            (s.ports.0, s.seq) = (5001, 77);
            let answer = s.open(&options);
            assert_eq!((answer.window, answer.scale()), (16_384, Some(0)));
            listener.try_accept().unwrap()
        } else {
            let socket = s.connected(&options);
            assert_eq!(socket.info().unwrap().send_window, 1000);
            s.say(ACK, &[]);
            socket
        };
        assert_eq!(socket.info().unwrap().send_window, 8000);
    }
}

#[test]
fn window_of_syns_that_cross_is_not_scaled_either() {
    let mut s = Session::new();
    s.window = 30_000;
    let (socket, _) = s.begun();
    let options = join(&[&mss(1460), &SHIFT_3]);
    s.options = options.clone();
    let answer = one(s.say(SYN, &[]));
    assert_eq!(answer.scale(), Some(0));
    none(s.at(-1, SYN | ACK, &[]));
    assert_eq!(socket.info().unwrap().send_window, 30_000);
    s.options = Vec::new();
    s.window = 1000;
    none(s.say(ACK, &[]));
    assert_eq!(socket.info().unwrap().send_window, 8000);
}

#[test]
fn window_is_not_scaled_where_one_side_does_not() {
    let mut s = Session::new();
    let socket = s.connected(&mss(1460));
    assert_eq!(socket.info().unwrap().send_window, 20_000);
}

/// RFC 9293 §3.1 MUST-1: "The window size MUST be treated as an unsigned number".
#[test]
fn window_above_32_kilobytes_is_unsigned() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<192, 1536, 64, 64>())
    });
    a.introduce();
    a.peer.answer_for(PEER4, PEER6);
    let mut s = Session {
        a,
        ..Session::new()
    };
    s.window = 40_000;
    let mut socket = s.accepted(&mss(1460));
    socket.set_quota(60_000, 90_000);
    // The peer's is filled.
    for _ in 0..8 {
        let _ = socket.try_write(&[7; 90_000]);
        s.passed(ms(1));
        let in_flight = socket.info().unwrap().in_flight;
        assert!(in_flight <= 40_000);
        s.acknowledge(in_flight);
        s.passed(ms(1));
    }
    let _ = socket.try_write(&[7; 90_000]);
    s.passed(ms(1));
    let in_flight = socket.info().unwrap().in_flight;
    assert!((32_769..=40_000).contains(&in_flight), "{in_flight}");
    // Ours is offered.
    s.say(ACK, b"1");
    let ack = s.passed(ms(50)).pop().unwrap();
    assert_eq!(ack.window, 60_000 - 1);
    socket.abort();
}

#[test]
fn window_shrinks_by_what_waits_to_be_read_and_its_edge_never_goes_back() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let mut edge = 0u32;
    for n in 0..12 {
        s.say(ACK, &[7; 1200]);
        for ack in s.passed(ms(50)) {
            let right = ack.ack.wrapping_add(u32::from(ack.window));
            assert!(edge == 0 || right.wrapping_sub(edge) < 1 << 31, "{n}");
            edge = right;
        }
        socket.set_quota(16_384 - n * 1000, 1000);
    }
    assert_eq!(edge, IRS.wrapping_add(1 + 16_384));
    assert_eq!(read_all(&mut socket).len(), 12 * 1200);
}

#[test]
fn acknowledgement_is_delayed_40_ms_for_one_segment() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    none(s.say(ACK, &[1; 100]));
    let acks = s.passed_timed(ms(100));
    assert_eq!(acks.len(), 1);
    assert!((38..=40).contains(&acks[0].0), "{} ms", acks[0].0);
    assert_eq!(brief(&acks[0].1), (ACK, s.ack, s.seq, 0));
}

#[test]
fn acknowledgement_is_immediate_for_every_second_full_segment() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    for _ in 0..3 {
        none(s.say(ACK, &[1; 1460]));
        assert_eq!(one(s.say(ACK, &[1; 1460])).ack, s.seq);
    }
}

#[test]
fn acknowledgement_rides_on_data() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    none(s.say(ACK, b"ask"));
    write_all(&mut socket, b"answer");
    assert_eq!(brief(&one(s.passed(ms(1)))), (ACK | PSH, s.ack, s.seq, 6));
    none(s.passed(ms(100)));
}

#[test]
fn acknowledgement_is_immediate_for_gaps_and_for_their_filling() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    // RFC 5681 §4.2.
    assert_eq!(brief(&one(s.at(3, ACK, b"def"))), (ACK, s.ack, s.seq, 0));
    assert_eq!(brief(&one(s.at(6, ACK, b"ghi"))), (ACK, s.ack, s.seq, 0));
    let filled = one(s.say(ACK, b"abc"));
    assert_eq!(filled.ack, s.seq.wrapping_add(6));
    assert_eq!(read_all(&mut socket), b"abcdefghi");
}

#[test]
fn nagle_holds_back_small_segments_while_there_is_one_on_its_way() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"a");
    write_all(&mut socket, b"b");
    write_all(&mut socket, b"c");
    assert_eq!(one(s.passed(ms(1))).data, b"a");
    assert_eq!(one(s.acknowledge(1)).data, b"bc");
    s.acknowledge(2);
    // Full segments are not held back.
    write_all(&mut socket, &[1; 3000]);
    assert_eq!(lengths(&s.passed(ms(1))), [1460, 1460]);
    assert_eq!(lengths(&s.acknowledge(2920)), [80]);
}

#[test]
fn nagle_does_not_hold_back_a_fin() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"a");
    write_all(&mut socket, b"b");
    socket.shutdown();
    let sent = s.passed(ms(1));
    assert_eq!(lengths(&sent), [1, 1]);
    assert_eq!(sent[1].flags, FIN | ACK | PSH);
}

#[test]
fn nagle_can_be_switched_off() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_nagle(false);
    for data in [b"a", b"b", b"c"] {
        write_all(&mut socket, data);
        assert_eq!(one(s.passed(ms(1))).data, data);
    }
}

#[test]
fn sender_avoids_silly_windows() {
    // RFC 9293 §3.8.6.2.1: neither full, nor all, nor half of the largest window.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, &[1; 5000]);
    s.passed(ms(1));
    s.acknowledge(4380);
    s.window = 50;
    none(s.acknowledge(620));
    write_all(&mut socket, &[2; 100]);
    let sent = s.passed_timed(secs(2));
    // A timer overrides: 0.1 to 1 s by RFC 1122 §4.2.3.4.
    assert_eq!(sent[0].1.data.len(), 50);
    assert!((100..=1000).contains(&sent[0].0), "{} ms", sent[0].0);
}

/// "the receiver may at any time reduce the size of RCV.BUFF" (RFC 9293 §3.8.6.2.1): Linux does, if
/// it has little memory.
#[test]
fn peer_whose_windows_stay_small_is_waited_for_once() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 324;
    s.say(ACK, &[]);
    write_all(&mut socket, &[1; 3240]);
    // It had a larger one before, and may have it again.
    none(s.passed(ms(190)));
    assert_eq!(lengths(&s.passed(ms(60))), [324]);
    for _ in 1..10 {
        assert_eq!(lengths(&s.acknowledge(324)), [324]);
    }
    none(s.acknowledge(324));
    assert_eq!(socket.info().unwrap().written, 0);
    // It recovers, and silly windows are avoided again.
    s.window = 2000;
    s.say(ACK, &[]);
    write_all(&mut socket, &[1; 4000]);
    assert_eq!(lengths(&s.passed(ms(1))), [1460]);
    s.window = 700;
    none(s.acknowledge(1460));
    s.window = 2000;
    assert_eq!(lengths(&s.say(ACK, &[])), [1460]);
    s.acknowledge(2540);
}

#[test]
fn receiver_avoids_silly_windows() {
    // RFC 9293 §3.8.6.2.2.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    for _ in 0..11 {
        s.say(ACK, &[1; 1460]);
    }
    s.say(ACK, &[1; 16_384 - 11 * 1460]);
    let acks = s.passed(ms(50));
    assert!(acks.iter().all(|ack| ack.window == 0), "{acks:?}");
    assert_eq!(one(s.at(0, ACK, b"x")).window, 0);
    // All that is there is taken from the queue at once: then the window opens.
    let mut buf = [0; 16_384];
    assert_eq!(socket.try_read(&mut buf), Some(Ok(16_384)));
    let update = s.passed(ms(1));
    assert_eq!(update.last().unwrap().window, 16_384, "{update:?}");
}

/// A window is what the quota and the pool allow: what fills it is kept.
#[test]
fn window_promises_no_more_than_is_kept() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_quota(1 << 20, 1000);
    let (mut edge, mut read) = (s.seq.wrapping_add(16_384), 0);
    for round in 0..3 {
        while edge.wrapping_sub(s.seq) >= 1460 {
            s.say(ACK, &[7; 1460]);
            for ack in s.passed(ms(50)) {
                edge = ack.ack.wrapping_add(u32::from(ack.window));
            }
        }
        let drops =
            s.a.host
                .counters(s.a.link)
                .receive_drops(ReceiveDrop::TcpQuota);
        assert_eq!(drops, 0, "round {round}");
        read += read_all(&mut socket).len();
        edge = s
            .sent()
            .last()
            .map_or(edge, |ack| ack.ack.wrapping_add(u32::from(ack.window)));
        let sent = s.seq.wrapping_sub(IRS.wrapping_add(1));
        assert_eq!(read, sent as usize, "round {round}");
        assert!(sent >= 16_384, "the pool holds more than that: {sent}");
    }
}

/// A peer may send longer segments than it takes. Those that came too early leave less room than one
/// of them needs, and none of them can be read before.
#[test]
fn gap_is_filled_in_parts_where_early_segments_hold_the_rest_of_the_pool() {
    let a = alone_with(Network::new(1), |net| {
        net.host_with("host", pool::<64, 256, 32, 64>())
    });
    a.introduce();
    a.peer.answer_for(PEER4, PEER6);
    let mut s = Session {
        a,
        ..Session::new()
    };
    let mut socket = s.accepted(&mss(512));
    for early in 0..17 {
        s.at(1410 + 150 * early, ACK, &[9; 150]);
    }
    s.at(3960, ACK, &[9; 300]);
    assert!(s.a.host.pool().held_left() * 256 < 1400);
    let first = s.seq;
    for _ in 0..5 {
        let taken = s.seq.wrapping_sub(first) as usize;
        if taken >= 1410 {
            return;
        }
        let answers = s.at(0, ACK, &vec![7; (1410 - taken).min(1400)]);
        s.seq = answers.last().map_or(s.seq, |ack| ack.ack);
        read_all(&mut socket);
    }
    panic!("{} of 1410 bytes", s.seq.wrapping_sub(first));
}

#[test]
fn zero_window_is_probed_with_a_byte_ever_less_often() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"wait for it");
    none(s.passed(ms(100)));
    let mut gaps = Vec::new();
    for _ in 0..5 {
        let begin = s.a.net.now();
        while s.a.net.now().since(begin) < secs(60) {
            let sent = s.passed(ms(1));
            if let [probe] = &sent[..] {
                assert_eq!(brief(probe), (ACK, s.ack, s.seq, 1));
                assert_eq!(probe.data, b"w");
                none(s.say(ACK, &[]));
                break;
            }
            none(sent);
        }
        gaps.push(s.a.net.now().since(begin).as_millis());
    }
    assert!(
        gaps[1..].windows(2).all(|g| g[1] > g[0] * 3 / 2),
        "{gaps:?}"
    );
    // It opens: what was refused goes again, with all that is behind it.
    s.window = 1000;
    let sent = s.say(ACK, &[]);
    assert_eq!(one(sent).data, b"wait for it");
    none(s.acknowledge(11));
    none(s.passed(secs(100)));
}

#[test]
fn zero_window_probe_that_was_taken_counts_as_sent() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"xyz");
    assert_eq!(one(s.passed(ms(300))).data, b"x");
    assert_eq!(socket.info().unwrap().in_flight, 1);
    none(s.acknowledge(1));
    s.window = 100;
    assert_eq!(one(s.say(ACK, &[])).data, b"yz");
}

#[test]
fn zero_window_with_a_lone_byte_reopens() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"!");
    one(s.passed(ms(300)));
    none(s.say(ACK, &[]));
    s.window = 5;
    assert_eq!(one(s.say(ACK, &[])).data, b"!");
    none(s.acknowledge(1));
    assert_eq!(socket.info().unwrap().written, 0);
}

#[test]
fn zero_window_is_probed_while_the_peer_goes_on_sending() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"?");
    let mut probes = 0;
    for _ in 0..20 {
        s.say(ACK, b"data");
        let sent = s.passed(ms(100));
        probes += sent.iter().filter(|segment| segment.data == b"?").count();
        read_all(&mut socket);
    }
    assert!(probes >= 2, "{probes}");
}

/// RFC 9293 §3.4 (MUST-66), §3.5.2 (SHLD-2).
#[test]
fn reset_with_data_in_it_counts_though_the_window_is_shut() {
    for shut in [false, true] {
        let mut s = Session::new();
        let socket = s.accepted(&mss(1460));
        if shut {
            for _ in 0..11 {
                s.say(ACK, &[1; 1460]);
            }
            s.say(ACK, &[1; 16_384 - 11 * 1460]);
            assert_eq!(one(s.at(0, ACK, b"?")).window, 0);
        }
        let before = socket.info().unwrap().received;
        none(s.at(0, RST, b"why"));
        assert_eq!(socket.error(), Some(TcpError::Reset));
        assert_eq!(socket.info().unwrap().received, before);
    }
}

#[test]
fn zero_window_of_ours_answers_probes_and_takes_acks() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"123");
    s.passed(ms(1));
    for _ in 0..11 {
        s.say(ACK, &[1; 1460]);
    }
    s.say(ACK, &[1; 16_384 - 11 * 1460]);
    s.passed(ms(50));
    s.ack = s.ack.wrapping_add(3);
    let answer = one(s.at(0, ACK, b"?"));
    assert_eq!(brief(&answer), (ACK, s.ack, s.seq, 0));
    assert_eq!(answer.window, 0);
    assert_eq!(socket.info().unwrap().in_flight, 0);
    // Probes are not suspicious: they are all answered.
    for _ in 0..50 {
        one(s.at(0, ACK, b"?"));
    }
    let mut buf = [0; 16_384];
    assert_eq!(socket.try_read(&mut buf), Some(Ok(16_384)));
}

#[test]
fn window_that_was_shut_again_with_data_on_the_way_is_no_stall() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, &[1; 2920]);
    assert_eq!(lengths(&s.passed(ms(1))), [1460, 1460]);
    // Neither was taken.
    s.window = 0;
    s.say(ACK, &[]);
    let probe = s.passed(ms(1500));
    assert!(!probe.is_empty());
    s.window = 20_000;
    let mut left = 2920;
    let mut sent = s.say(ACK, &[]);
    for _ in 0..20 {
        for segment in &sent {
            let end = segment
                .seq
                .wrapping_sub(s.ack)
                .wrapping_add(segment.data.len() as u32);
            if segment.seq == s.ack && end > 0 {
                left -= end;
                s.ack = s.ack.wrapping_add(end);
            }
        }
        s.say(ACK, &[]);
        if left == 0 {
            break;
        }
        sent = s.passed(secs(3));
    }
    assert_eq!((left, socket.info().unwrap().written), (0, 0));
}
