//! RFC 9293 §3.10.7, SEGMENT ARRIVES, clause by clause, with RFC 5961.

use zonda::socket::TcpSocket;
use zonda::socket::{TcpError, TcpState};

use super::*;

// ---- §3.10.7.1 CLOSED --------------------------------------------------------------------

#[test]
fn closed_discards_a_reset() {
    let s = Session::new();
    none(s.at(0, RST, &[]));
    none(s.at(0, RST | ACK, &[]));
}

#[test]
fn closed_resets_what_has_no_ack_with_zero_and_acknowledges_it_all() {
    for version in [0, 1] {
        let s = Session::over(version);
        let reset = one(s.at(0, SYN, &[]));
        assert_eq!(brief(&reset), (RST | ACK, 0, IRS.wrapping_add(1), 0));
        assert_eq!((reset.window, &reset.options[..]), (0, &[][..]));
        let reset = one(s.at(0, SYN | FIN, b"four"));
        assert_eq!(brief(&reset), (RST | ACK, 0, IRS.wrapping_add(6), 0));
    }
}

#[test]
fn closed_resets_what_has_an_ack_with_its_number() {
    let mut s = Session::new();
    s.ack = 77;
    for flags in [ACK, SYN | ACK, FIN | ACK, PSH | ACK] {
        assert_eq!(brief(&one(s.at(0, flags, b"data"))), (RST, 77, 0, 0));
    }
}

// ---- §3.10.7.2 LISTEN --------------------------------------------------------------------

#[test]
fn listen_ignores_a_reset() {
    let s = Session::new();
    let _listener = s.listen(1);
    none(s.at(0, RST, &[]));
    none(s.at(0, RST | SYN, &[]));
}

#[test]
fn listen_resets_an_ack() {
    let mut s = Session::new();
    let _listener = s.listen(1);
    s.ack = 4711;
    assert_eq!(brief(&one(s.at(0, ACK, &[]))), (RST, 4711, 0, 0));
    assert_eq!(brief(&one(s.at(0, SYN | ACK, &[]))), (RST, 4711, 0, 0));
}

#[test]
fn listen_answers_a_syn_with_a_syn_and_an_ack() {
    for version in [0, 1] {
        let s = Session::over(version);
        let listener = s.listen(1);
        let answer = one(s.at(0, SYN, &[]));
        assert_eq!((answer.flags, answer.ack), (SYN | ACK, IRS.wrapping_add(1)));
        assert_eq!(answer.mss(), Some([1460, 1440][version]));
        // What the SYN did not offer is not answered.
        assert_eq!(answer.options.len(), 4);
        assert_eq!(answer.window, 16_384);
        assert!(listener.try_accept().is_none());
    }
}

#[test]
fn listen_drops_what_has_none_of_syn_ack_and_rst() {
    let s = Session::new();
    let _listener = s.listen(1);
    none(s.at(0, PSH, b"data"));
    none(s.at(0, FIN, &[]));
    none(s.at(0, 0, &[]));
}

// ---- SYN-RECEIVED of a passive open ------------------------------------------------------

#[test]
fn syn_received_becomes_established_by_the_ack_of_its_syn() {
    let mut s = Session::new();
    let listener = s.listen(1);
    s.open(&mss(1000));
    let socket = listener.try_accept().unwrap();
    assert_eq!(socket.state(), TcpState::Established);
    assert_eq!(socket.info().unwrap().mss, 1000);
    assert_eq!(socket.info().unwrap().send_window, 20_000);
    assert_eq!(socket.peer_addr(), Some(SocketAddr::new(s.peer, 5000)));
    assert_eq!(socket.local_addr(), Some(SocketAddr::new(s.own, 80)));
}

#[test]
fn syn_received_takes_data_and_fin_with_the_ack() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    s.ack = answer.seq.wrapping_add(1);
    let ack = one(s.say(ACK | PSH | FIN, b"all at once"));
    assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
    let mut socket = listener.try_accept().unwrap();
    assert_eq!(socket.state(), TcpState::CloseWait);
    assert_eq!(read_all(&mut socket), b"all at once");
    assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
}

#[test]
fn syn_received_resets_a_wrong_ack() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    for wrong in [answer.seq, answer.seq.wrapping_add(2)] {
        s.ack = wrong;
        assert_eq!(brief(&one(s.say(ACK, &[]))), (RST, wrong, 0, 0));
    }
    assert!(listener.try_accept().is_none());
    s.ack = answer.seq.wrapping_add(1);
    none(s.say(ACK, &[]));
    assert!(listener.try_accept().is_some());
}

#[test]
fn syn_received_returns_to_listen_by_an_exact_reset() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    none(s.at(20_000, RST, &[]));
    // In the window, but not exact (RFC 5961 §3.2).
    let challenge = one(s.at(5, RST, &[]));
    assert_eq!(
        brief(&challenge),
        (ACK, answer.seq.wrapping_add(1), s.seq, 0)
    );
    none(s.at(0, RST, &[]));
    s.ack = answer.seq.wrapping_add(1);
    assert_eq!(brief(&one(s.say(ACK, &[]))), (RST, s.ack, 0, 0));
    assert!(listener.try_accept().is_none());
}

#[test]
fn syn_received_answers_the_same_syn_again_and_challenges_another() {
    let mut s = Session::new();
    let _listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    let again = one(s.at(-1, SYN, &[]));
    assert_eq!(again, answer);
    let challenge = one(s.at(1000, SYN, &[]));
    assert_eq!(
        brief(&challenge),
        (ACK, answer.seq.wrapping_add(1), s.seq, 0)
    );
}

#[test]
fn syn_received_acknowledges_what_is_not_acceptable() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    s.ack = answer.seq.wrapping_add(1);
    let challenge = one(s.at(40_000, ACK, &[]));
    assert_eq!(brief(&challenge), (ACK, s.ack, s.seq, 0));
    assert!(listener.try_accept().is_none());
}

// ---- §3.10.7.3 SYN-SENT ------------------------------------------------------------------

#[test]
fn syn_sent_first_sends_a_syn_with_all_that_it_offers() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let (socket, syn) = s.begun();
        assert_eq!(syn.mss(), Some([1460, 1440][version]));
        assert_eq!((syn.window, syn.scale()), (16_384, Some(0)));
        assert!(syn.option(4).is_some());
        assert_eq!(syn.timestamps().unwrap().1, 0);
        assert_eq!(socket.state(), TcpState::SynSent);
    }
}

#[test]
fn syn_sent_resets_an_ack_of_what_it_has_not_sent() {
    for distance in [0, u32::MAX, 2] {
        let mut s = Session::new();
        let (socket, syn) = s.begun();
        let wrong = syn.seq.wrapping_add(distance);
        s.ack = wrong;
        for flags in [ACK, SYN | ACK, FIN | ACK] {
            assert_eq!(brief(&one(s.at(0, flags, &[]))), (RST, wrong, 0, 0));
        }
        none(s.at(0, RST | ACK, &[]));
        assert_eq!(socket.state(), TcpState::SynSent);
    }
}

#[test]
fn syn_sent_is_refused_by_a_reset_with_an_acceptable_ack_only() {
    let mut s = Session::new();
    let (socket, _) = s.begun();
    none(s.at(0, RST, &[]));
    assert_eq!(socket.state(), TcpState::SynSent);
    none(s.at(0, RST | ACK, &[]));
    assert_eq!(socket.state(), TcpState::Closed);
    assert_eq!(socket.error(), Some(TcpError::Refused));
}

#[test]
fn syn_sent_becomes_established_by_syn_and_ack() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let socket = s.connected(&mss(1400));
        assert_eq!(socket.state(), TcpState::Established);
        assert_eq!(socket.info().unwrap().mss, 1400);
        assert!(socket.info().unwrap().rtt.is_some());
    }
}

#[test]
fn syn_sent_drops_what_has_neither_syn_nor_rst() {
    let mut s = Session::new();
    let (socket, _) = s.begun();
    none(s.at(0, ACK, &[]));
    none(s.at(0, FIN | PSH, b"data"));
    assert_eq!(socket.state(), TcpState::SynSent);
}

#[test]
fn syn_sent_and_a_syn_open_simultaneously() {
    for with_syn in [true, false] {
        let mut s = Session::new();
        let (mut socket, syn) = s.begun();
        let answer = one(s.say(SYN, &[]));
        assert_eq!(brief(&answer), (SYN | ACK, syn.seq, s.seq, 0));
        assert_eq!(socket.state(), TcpState::SynReceived);
        if with_syn {
            // RFC 9293 §3.5, figure 7, line 6.
            none(s.at(-1, SYN | ACK, &[]));
        } else {
            none(s.say(ACK, &[]));
        }
        assert_eq!(socket.state(), TcpState::Established);
        s.say(ACK | PSH, b"hello");
        assert_eq!(read_all(&mut socket), b"hello");
        write_all(&mut socket, b"there");
        assert_eq!(one(s.passed(ms(1))).data, b"there");
    }
}

#[test]
fn syn_received_of_crossed_syns_repeats_syn_and_ack_and_can_be_refused() {
    let mut s = Session::new();
    let (socket, syn) = s.begun();
    s.say(SYN, &[]);
    let again = one(s.passed(ms(1500)));
    assert_eq!(brief(&again), (SYN | ACK, syn.seq, s.seq, 0));
    s.ack = s.ack.wrapping_add(5);
    assert_eq!(brief(&one(s.at(0, ACK, &[]))), (RST, s.ack, 0, 0));
    none(s.at(0, RST, &[]));
    assert_eq!(socket.error(), Some(TcpError::Refused));
}

// ---- §3.10.7.4 First: the sequence number ------------------------------------------------

#[test]
fn sequence_number_beside_the_window_is_acknowledged_and_dropped() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    // Left of the window, wholly; right of it.
    for (offset, data) in [
        (-4, &b"old!"[..]),
        (16_384, b"far"),
        (-1, b""),
        (16_385, b""),
    ] {
        let answer = one(s.at(offset, ACK, data));
        assert_eq!(brief(&answer), (ACK, s.ack, s.seq, 0), "{offset}");
    }
    assert_eq!(read_all(&mut socket), b"");
    // Half old, half new; the last byte of the window.
    none(s.at(-2, ACK, b"..ok"));
    assert_eq!(read_all(&mut socket), b"ok");
}

#[test]
fn sequence_number_of_a_reset_beside_the_window_is_dropped() {
    let mut s = Session::new();
    let socket = s.accepted(&mss(1460));
    none(s.at(-1, RST, &[]));
    none(s.at(16_384, RST, &[]));
    assert_eq!(socket.state(), TcpState::Established);
}

/// Further than RFC 9293 §3.10.7.4, first, goes: where the last of a full window was lost, what the peer
/// sends next without data stands just behind the window, and may acknowledge something.
#[test]
fn ack_just_behind_the_window_counts() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"data");
    s.passed(ms(1));
    s.ack = s.ack.wrapping_add(4);
    // It answers what was lost, and so nothing is answered but what is missing.
    none(s.at(16_384, ACK, &[]));
    assert_eq!(socket.info().unwrap().written, 0);
    write_all(&mut socket, b"more");
    s.passed(ms(1));
    s.ack = s.ack.wrapping_add(4);
    s.at(16_385, ACK, &[]);
    assert_eq!(socket.info().unwrap().written, 4);
    // A reset has to stand within the window.
    none(s.at(16_384, RST, &[]));
    assert_eq!(socket.state(), TcpState::Established);
    s.say(ACK, &[]);
}

#[test]
fn text_beyond_the_window_is_cut_off() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.set_quota(1024, 1024);
    let mut expected = Vec::new();
    for n in 0..12 {
        s.say(ACK, &[n; 1460]);
        expected.extend([n; 1460]);
    }
    // The rest of the first window.
    expected.truncate(16_384);
    assert!(read_all(&mut socket) == expected);
}

// ---- Second: RST -------------------------------------------------------------------------

#[test]
fn reset_at_the_exact_number_ends_every_synchronized_state() {
    for state in 0..6 {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        none(s.at(0, RST, &[]));
        assert_eq!(socket.state(), TcpState::Closed);
        assert_eq!(socket.error(), Some(TcpError::Reset), "state {state}");
        // It is gone: what comes now is for nobody.
        assert_eq!(brief(&one(s.at(0, ACK, &[]))), (RST, s.ack, 0, 0));
    }
}

#[test]
fn reset_elsewhere_in_the_window_is_challenged() {
    for state in 0..6 {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        let before = socket.state();
        let challenge = one(s.at(1, RST, &[]));
        assert_eq!((challenge.flags, challenge.ack), (ACK, s.seq));
        assert_eq!(socket.state(), before);
    }
}

#[test]
fn reset_leaves_what_was_received_to_be_read() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(ACK | PSH, b"last words");
    s.say(RST, &[]);
    assert_eq!(read_all(&mut socket), b"last words");
    assert_eq!(socket.try_read(&mut [0]), Some(Err(TcpError::Reset)));
    assert_eq!(socket.try_write(b"x"), Some(Err(TcpError::Reset)));
}

/// ESTABLISHED, CLOSE-WAIT, FIN-WAIT-1, FIN-WAIT-2, CLOSING, LAST-ACK.
fn into_state(s: &mut Session, socket: &mut TcpSocket<'_>, state: usize) {
    let fin = |s: &mut Session, socket: &mut TcpSocket<'_>| {
        socket.shutdown();
        let fin = one(s.passed(ms(1)));
        assert_eq!(brief(&fin), (FIN | ACK, s.ack, s.seq, 0));
    };
    match state {
        0 => {}
        1 => {
            let ack = one(s.say(FIN | ACK, &[]));
            assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
        }
        2 => fin(s, socket),
        3 => {
            fin(s, socket);
            none(s.acknowledge(1));
        }
        4 => {
            fin(s, socket);
            let ack = one(s.say(FIN | ACK, &[]));
            assert_eq!(brief(&ack), (ACK, s.ack.wrapping_add(1), s.seq, 0));
        }
        _ => {
            one(s.say(FIN | ACK, &[]));
            fin(s, socket);
        }
    }
    let states = [
        TcpState::Established,
        TcpState::CloseWait,
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::Closing,
        TcpState::LastAck,
    ];
    assert_eq!(socket.state(), states[state]);
}

// ---- Fourth: SYN -------------------------------------------------------------------------

#[test]
fn syn_is_challenged_in_every_synchronized_state() {
    for state in 0..6 {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        let before = socket.state();
        for offset in [0, 1, -5000, 70_000] {
            for flags in [SYN, SYN | ACK] {
                let challenge = one(s.at(offset, flags, &[]));
                assert_eq!((challenge.flags, challenge.ack), (ACK, s.seq));
            }
            // As many as are answered in a burst come back within a second; what is repeated
            // meanwhile is none of this.
            s.a.net.run_for(ms(500));
            s.sent();
        }
        assert_eq!(socket.state(), before);
    }
}

#[test]
fn challenges_are_limited_and_come_back() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    let count: usize = (0..100).map(|_| s.at(0, SYN, &[]).len()).sum();
    assert!((5..=12).contains(&count), "{count} in 100 ms");
    s.a.net.run_for(secs(2));
    let count: usize = (0..100).map(|_| s.at(3, RST, &[]).len()).sum();
    assert!((5..=12).contains(&count), "{count} in 100 ms");
}

// ---- Fifth: ACK --------------------------------------------------------------------------

#[test]
fn segment_without_ack_is_dropped() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    none(s.at(0, PSH, b"data"));
    none(s.at(0, FIN, &[]));
    assert_eq!(read_all(&mut socket), b"");
    assert_eq!(socket.state(), TcpState::Established);
}

#[test]
fn ack_of_what_was_sent_moves_the_left_edge() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"12345678");
    let data = one(s.passed(ms(1)));
    assert_eq!(brief(&data), (ACK | PSH, s.ack, s.seq, 8));
    none(s.acknowledge(3));
    assert_eq!(socket.info().unwrap().in_flight, 5);
    none(s.acknowledge(5));
    assert_eq!(
        (
            socket.info().unwrap().in_flight,
            socket.info().unwrap().written
        ),
        (0, 0)
    );
    none(s.passed(secs(10)));
}

#[test]
fn ack_that_is_older_is_ignored_but_its_text_taken() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"12345678");
    s.passed(ms(1));
    s.acknowledge(8);
    let old = Tcp {
        ack: s.ack.wrapping_sub(8),
        ..s.segment(ACK, b"text")
    };
    none(s.ask(old));
    s.seq = s.seq.wrapping_add(4);
    assert_eq!(read_all(&mut socket), b"text");
    assert_eq!(socket.info().unwrap().in_flight, 0);
}

#[test]
fn ack_older_than_the_largest_window_is_challenged() {
    // RFC 5961 §5.2.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let old = Tcp {
        ack: s.ack.wrapping_sub(20_001),
        ..s.segment(ACK, b"text")
    };
    assert_eq!(brief(&one(s.ask(old))), (ACK, s.ack, s.seq, 0));
    assert_eq!(read_all(&mut socket), b"");
}

#[test]
fn window_is_taken_from_newer_segments_only() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"1234");
    s.passed(ms(1));
    let stale = s.segment(ACK, &[]);
    s.window = 500;
    s.acknowledge(4);
    assert_eq!(socket.info().unwrap().send_window, 500);
    none(s.ask(stale));
    assert_eq!(socket.info().unwrap().send_window, 500);
    s.window = 700;
    s.say(ACK, &[]);
    assert_eq!(socket.info().unwrap().send_window, 700);
}

/// Further than RFC 9293 §3.10.7.4, fifth, goes: a retransmission has an older number than what the window
/// was taken from last, but if it acknowledges more it was sent later. With the window of before the edge
/// would move to where the peer has not put it.
#[test]
fn window_is_taken_from_what_acknowledges_more_whatever_its_number() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, &[1; 2_920]);
    s.passed(ms(1));
    s.window = 4_000;
    s.at(2_000, ACK, b"later");
    assert_eq!(socket.info().unwrap().send_window, 4_000);
    s.window = 1_000;
    s.ack = s.ack.wrapping_add(2_920);
    s.at(0, ACK, b"again");
    assert_eq!(socket.info().unwrap().send_window, 1_000);
    // Without that it is older, and counts for nothing.
    s.window = 500;
    s.at(0, ACK, b"again");
    assert_eq!(socket.info().unwrap().send_window, 1_000);
    read_all(&mut socket);
}

#[test]
fn ack_of_fin_in_fin_wait_1_goes_to_fin_wait_2() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, b"bye");
    socket.shutdown();
    let sent = s.passed(ms(1));
    assert_eq!(sent.last().unwrap().flags & FIN, FIN);
    // The data alone does not.
    s.acknowledge(3);
    assert_eq!(socket.state(), TcpState::FinWait1);
    s.acknowledge(1);
    assert_eq!(socket.state(), TcpState::FinWait2);
}

#[test]
fn ack_of_fin_in_closing_goes_to_time_wait_and_in_last_ack_to_closed() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    into_state(&mut s, &mut socket, 4);
    none(s.acknowledge(1));
    assert_eq!((socket.state(), socket.error()), (TcpState::Closed, None));
    // TIME-WAIT answers.
    let answer = one(s.at(-1, FIN | ACK, &[]));
    assert_eq!(brief(&answer), (ACK, s.ack, s.seq, 0));

    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    into_state(&mut s, &mut socket, 5);
    none(s.acknowledge(1));
    assert_eq!((socket.state(), socket.error()), (TcpState::Closed, None));
    // CLOSED resets.
    assert_eq!(brief(&one(s.at(-1, FIN | ACK, &[]))), (RST, s.ack, 0, 0));
}

// ---- Sixth: URG --------------------------------------------------------------------------

#[test]
fn urgent_data_stay_in_line() {
    // RFC 6093 §5.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let urgent = Tcp {
        urgent: 3,
        ..s.segment(ACK | URG, b"urgent")
    };
    none(s.ask(urgent));
    s.seq = s.seq.wrapping_add(6);
    s.say(ACK, b" not");
    assert_eq!(read_all(&mut socket), b"urgent not");
}

// ---- Seventh: the text -------------------------------------------------------------------

#[test]
fn text_is_taken_in_established_fin_wait_1_and_fin_wait_2() {
    for state in [0, 2, 3] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        none(s.say(ACK | PSH, b"text"));
        assert_eq!(read_all(&mut socket), b"text");
        let ack = one(s.passed(ms(60)));
        assert_eq!((ack.flags & ACK, ack.ack), (ACK, s.seq));
    }
}

#[test]
fn text_is_ignored_in_close_wait_closing_and_last_ack() {
    for state in [1, 4, 5] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        s.at(0, ACK | PSH, b"text");
        assert_eq!(read_all(&mut socket), b"");
        assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
    }
}

// ---- Eighth: FIN -------------------------------------------------------------------------

#[test]
fn fin_in_established_goes_to_close_wait_and_data_go_on_the_other_way() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    let ack = one(s.say(FIN | ACK | PSH, b"end"));
    assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
    assert_eq!(socket.state(), TcpState::CloseWait);
    assert_eq!(read_all(&mut socket), b"end");
    assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
    write_all(&mut socket, b"half-close");
    assert_eq!(one(s.passed(ms(1))).data, b"half-close");
    s.acknowledge(10);
    socket.shutdown();
    assert_eq!(brief(&one(s.passed(ms(1)))), (FIN | ACK, s.ack, s.seq, 0));
    assert_eq!(socket.state(), TcpState::LastAck);
    assert_eq!(socket.try_write(b"x"), Some(Err(TcpError::Aborted)));
}

#[test]
fn fin_in_fin_wait_1_with_the_ack_of_ours_goes_to_time_wait() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    into_state(&mut s, &mut socket, 2);
    s.ack = s.ack.wrapping_add(1);
    let ack = one(s.say(FIN | ACK, &[]));
    assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
    assert_eq!((socket.state(), socket.error()), (TcpState::Closed, None));
}

#[test]
fn fin_in_fin_wait_2_goes_to_time_wait() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    into_state(&mut s, &mut socket, 3);
    let ack = one(s.say(FIN | ACK | PSH, b"late"));
    assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
    assert_eq!(read_all(&mut socket), b"late");
    assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
}

#[test]
fn fin_again_is_acknowledged_in_close_wait_closing_and_last_ack() {
    for state in [1, 4, 5] {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        into_state(&mut s, &mut socket, state);
        let before = socket.state();
        let ack = one(s.at(-1, FIN | ACK, &[]));
        assert_eq!((ack.flags, ack.ack), (ACK, s.seq));
        assert_eq!(socket.state(), before);
    }
}

// ---- TIME-WAIT ---------------------------------------------------------------------------

/// A connection that has gone to TIME-WAIT.
fn time_wait(options: &[u8]) -> Session {
    let mut s = Session::new();
    let mut socket = s.accepted(options);
    socket.shutdown();
    one(s.passed(ms(1)));
    s.acknowledge(1);
    one(s.say(FIN | ACK, &[]));
    drop(socket);
    s
}

#[test]
fn time_wait_acknowledges_the_fin_and_starts_anew() {
    let mut s = time_wait(&mss(1460));
    s.a.net.run_for(secs(50));
    let ack = one(s.at(-1, FIN | ACK, &[]));
    assert_eq!(brief(&ack), (ACK, s.ack, s.seq, 0));
    s.a.net.run_for(secs(50));
    one(s.at(-1, FIN | ACK, &[]));
    s.a.net.run_for(secs(61));
    s.seq = s.seq.wrapping_sub(1);
    assert_eq!(one(s.say(FIN | ACK, &[])).flags, RST);
}

#[test]
fn time_wait_is_not_ended_by_a_reset() {
    // RFC 1337.
    let s = time_wait(&mss(1460));
    none(s.at(0, RST, &[]));
    one(s.at(-1, FIN | ACK, &[]));
    none(s.at(0, ACK, &[]));
}

#[test]
fn time_wait_gives_way_to_a_later_syn_only() {
    // RFC 9293 §3.6.1.
    let s = time_wait(&mss(1460));
    let last = s.ack;
    let listener = s.listen(1);
    // The number of the FIN is the last that was used.
    let ack = one(s.at(-1, SYN, &[]));
    assert_eq!((ack.flags, ack.ack), (ACK, s.seq));
    let answer = one(s.at(0, SYN, &[]));
    assert_eq!(
        (answer.flags, answer.ack),
        (SYN | ACK, s.seq.wrapping_add(1))
    );
    // Its numbers are beyond those of the connection before.
    assert!(answer.seq.wrapping_sub(last) < 1 << 31);
    drop(listener);
}

#[test]
fn time_wait_gives_way_to_a_later_timestamp() {
    // RFC 6191 §2.
    let options = join(&[&mss(1460), &stamps(1000, 0)]);
    let mut s = time_wait(&options);
    let _listener = s.listen(1);
    s.options = stamps(999, 0);
    assert_eq!(one(s.at(50, SYN, &[])).flags, ACK);
    // "is equal to the last timestamp seen": the number decides.
    s.options = stamps(1000, 0);
    assert_eq!(one(s.at(-1, SYN, &[])).flags, ACK);
    s.options = stamps(1001, 0);
    assert_eq!(one(s.at(-500, SYN, &[])).flags, SYN | ACK);
}

#[test]
fn time_wait_without_timestamps_gives_way_to_a_syn_with_one() {
    // RFC 6191 §2.
    let mut s = time_wait(&mss(1460));
    let _listener = s.listen(1);
    assert_eq!(one(s.at(-500, SYN, &[])).flags, ACK);
    s.options = stamps(1, 0);
    assert_eq!(one(s.at(-500, SYN, &[])).flags, SYN | ACK);
}
