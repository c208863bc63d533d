//! The defects that others had (see the list of reference), each by its number.

use zonda::socket::{ConnectError, TcpError, TcpOpenError, TcpState};

use super::*;

#[test]
fn defect_001_no_number_underflows_in_syn_sent() {
    for seq in [0, 1, u32::MAX, 1 << 31] {
        for ack in [0, 1, u32::MAX] {
            for flags in 0..64 {
                let mut s = Session::new();
                let (_socket, syn) = s.begun();
                s.seq = seq;
                s.ack = syn.seq.wrapping_add(ack);
                s.at(0, flags, b"");
                s.at(0, flags, b"data");
            }
        }
    }
}

#[test]
fn defect_002_window_of_a_syn_is_not_scaled() {
    let mut s = Session::new();
    s.window = 60_000;
    let socket = s.connected(&join(&[&mss(1460), &[1, 3, 3, 14]]));
    assert_eq!(socket.info().unwrap().send_window, 60_000);
}

#[test]
fn defect_003_fin_of_a_segment_that_is_cut_is_not_taken() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    for _ in 0..11 {
        s.say(ACK, &[1; 1460]);
    }
    s.at(0, FIN | ACK, &[1; 1000]);
    assert_eq!(socket.state(), TcpState::Established);
    s.seq = s.seq.wrapping_add(16_384 - 11 * 1460);
    assert_eq!(read_all(&mut socket).len(), 16_384);
    s.say(FIN | ACK, b"rest");
    assert_eq!(read_all(&mut socket), b"rest");
    assert_eq!(socket.state(), TcpState::CloseWait);
}

#[test]
fn defect_011_segments_for_nobody_do_not_stop_service() {
    let mut s = Session::new();
    let listener = s.listen(1);
    for port in 100..1000 {
        let stray = Tcp {
            destination: port,
            ..s.segment(SYN, &[])
        };
        s.a.peer.send(s.a.to_host(&stray.packet(s.peer, s.own)));
    }
    // Few are answered.
    assert!(s.passed(ms(5)).len() <= 20);
    s.open(&mss(1460));
    let _socket = listener.try_accept().unwrap();
    s.a.serves();
}

#[test]
fn defect_013_066_094_nothing_to_or_from_groups_and_broadcasts() {
    let s = Session::new();
    let _listener = TcpListener::bind(s.a.stack(), "0.0.0.0:80".parse().unwrap(), 1).unwrap();
    let syn = s.segment(SYN, &[]);
    let v4 = |text: &str| -> IpAddr { text.parse().unwrap() };
    for to in ["10.0.0.255", "255.255.255.255", "224.0.0.1"] {
        let packet = syn.packet(s.peer, v4(to));
        let mac = if to.starts_with("224") {
            group_mac(v4(to))
        } else {
            BROADCAST
        };
        s.a.peer.send(s.a.to(mac, &packet));
        s.a.peer.send(s.a.to_host(&packet));
        none(s.passed(ms(2)));
    }
    for from in [
        "10.0.0.255",
        "255.255.255.255",
        "224.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
    ] {
        s.a.peer.send(s.a.to_host(&syn.packet(v4(from), s.own)));
        none(s.passed(ms(2)));
    }
    // To the host, in a frame to all.
    s.a.peer.send(s.a.to(BROADCAST, &syn.packet(s.peer, s.own)));
    none(s.passed(ms(2)));
    for to in [
        "10.0.0.255:7",
        "255.255.255.255:7",
        "224.0.0.1:7",
        "0.0.0.0:7",
        "10.0.0.9:0",
    ] {
        let begun = TcpSocket::begin(s.a.stack(), to.parse().unwrap());
        assert!(
            matches!(
                begun,
                Err(TcpOpenError::InvalidDestination | TcpOpenError::NoRoute)
            ),
            "{to}"
        );
    }
    let begun = TcpSocket::begin(s.a.stack(), "[ff02::1]:7".parse().unwrap());
    assert!(begun.is_err());
}

#[test]
fn defect_014_first_numbers_follow_a_clock_and_differ() {
    let mut s = Session::new();
    let _listener = s.listen(1);
    let first = one(s.at(0, SYN, &[])).seq;
    none(s.say(RST | ACK, &[]));
    s.seq = s.seq.wrapping_add(1);
    none(s.at(0, RST, &[]));
    s.a.net.run_for(secs(1));
    s.sent();
    let later = one(s.at(10, SYN, &[])).seq;
    // RFC 6528 §3: every 4 µs.
    assert!((250_000..260_000).contains(&later.wrapping_sub(first)));
    s.ports.0 += 1;
    let other = one(s.at(0, SYN, &[])).seq;
    assert!(other.wrapping_sub(later) > 10_000);
}

#[test]
fn defect_015_ack_of_what_was_never_sent_is_challenged() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.ack = s.ack.wrapping_add(1);
    let answer = one(s.at(0, ACK, b"data"));
    assert_eq!(brief(&answer), (ACK, s.ack.wrapping_sub(1), s.seq, 0));
    assert_eq!(read_all(&mut socket), b"");
}

#[test]
fn defect_016_handshakes_end_by_time() {
    let mut s = Session::new();
    let (socket, _) = s.begun();
    s.say(SYN, &[]);
    assert_eq!(socket.state(), TcpState::SynReceived);
    s.a.net.run_for(secs(200));
    assert_eq!(socket.error(), Some(TcpError::TimedOut));
}

#[test]
fn defect_018_probe_byte_counts_as_sent() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"ab");
    one(s.passed(ms(300)));
    // Acknowledged, it is no acknowledgement of what was never sent.
    none(s.acknowledge(1));
    assert_eq!(socket.info().unwrap().written, 1);
}

#[test]
fn defect_019_end_of_time_wait_leaves_what_was_received() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.shutdown();
    s.passed(ms(1));
    s.ack = s.ack.wrapping_add(1);
    s.say(FIN | ACK, b"read me later");
    s.a.net.run_for(secs(300));
    assert_eq!(read_all(&mut socket), b"read me later");
    assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
}

#[test]
fn defect_020_close_in_syn_received_goes_on_with_the_handshake() {
    let mut s = Session::new();
    let (socket, syn) = s.begun();
    s.say(SYN, &[]);
    drop(socket);
    let again = one(s.passed(ms(1500)));
    assert_eq!(brief(&again), (SYN | ACK, syn.seq, s.seq, 0));
    assert_eq!(brief(&one(s.say(ACK, &[]))), (FIN | ACK, s.ack, s.seq, 0));
    none(s.acknowledge(1));
    one(s.say(FIN | ACK, &[]));
}

#[test]
fn defect_075_first_window_is_ten_segments() {
    // RFC 6928.
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    write_all(&mut socket, &[1; 16_000]);
    let sent = s.passed(ms(1));
    assert_eq!(sent.len(), 10);
}

#[test]
fn defect_078_acknowledgement_that_could_not_be_sent_is_still_due() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(ACK, &[1; 1460]);
    // Nothing is left to send with.
    let pool = s.a.host.pool();
    let mut hoard = Vec::new();
    while let Ok(buf) = pool.alloc(zonda::netbuf::Purpose::Control, 0) {
        hoard.push(buf);
    }
    s.a.net.run_for(ms(100));
    none(s.sent());
    hoard.clear();
    let ack = s.passed(secs(2));
    assert_eq!(ack[0].ack, s.seq);
    assert_eq!(read_all(&mut socket).len(), 1460);
}

/// As above, for a FIN: no acknowledgement of the peer's makes the host try again.
#[test]
fn fin_that_could_not_be_sent_is_still_due() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    one(s.say(FIN | ACK, &[]));
    let pool = s.a.host.pool();
    let mut hoard = Vec::new();
    while let Ok(buf) = pool.alloc(zonda::netbuf::Purpose::Control, 0) {
        hoard.push(buf);
    }
    socket.shutdown();
    s.a.net.run_for(ms(100));
    none(s.sent());
    hoard.clear();
    let fin = s.passed(ms(10));
    assert_eq!(brief(&fin[0]), (FIN | ACK, s.ack, s.seq, 0));
    assert_eq!(socket.state(), TcpState::LastAck);
}

#[test]
fn defect_079_syn_in_established_is_challenged() {
    let mut s = Session::new();
    let socket = s.accepted(&mss(1460));
    assert_eq!(brief(&one(s.at(100, SYN, &[]))), (ACK, s.ack, s.seq, 0));
    assert_eq!(socket.state(), TcpState::Established);
}

#[test]
fn defect_081_fin_before_what_is_in_front_of_it_is_kept() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    one(s.at(4, FIN | ACK, b"5678"));
    assert_eq!(socket.state(), TcpState::Established);
    let ack = one(s.say(ACK, b"1234"));
    assert_eq!(ack.ack, s.seq.wrapping_add(5));
    assert_eq!(socket.state(), TcpState::CloseWait);
    assert_eq!(read_all(&mut socket), b"12345678");
    // Without data too.
    let mut s = Session::new();
    let socket = s.accepted(&mss(1460));
    one(s.at(4, FIN | ACK, b""));
    assert_eq!(one(s.say(ACK, b"1234")).ack, s.seq.wrapping_add(1));
    assert_eq!(socket.state(), TcpState::CloseWait);
}

#[test]
fn defect_082_inexact_reset_is_challenged() {
    let mut s = Session::new();
    let socket = s.accepted(&mss(1460));
    one(s.at(1, RST, &[]));
    assert_eq!(socket.state(), TcpState::Established);
}

#[test]
fn defect_083_congestion_control_counts_the_segments_that_are_sent() {
    let mut s = Session::new();
    let socket = s.accepted(&join(&[&mss(1000), &stamps(1, 0)]));
    assert_eq!(socket.info().unwrap().mss, 988);
    assert_eq!(socket.info().unwrap().cwnd, 9880);
}

#[test]
fn defect_084_text_behind_the_fin_is_not_taken() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    one(s.at(4, FIN | ACK, b""));
    s.at(5, ACK, b"behind");
    s.at(2, ACK, b"34 and behind");
    s.at(0, ACK, b"12");
    assert_eq!(read_all(&mut socket), b"1234");
    assert_eq!(socket.state(), TcpState::CloseWait);
    s.seq = s.seq.wrapping_add(5);
    s.at(0, ACK, b"more");
    assert_eq!(read_all(&mut socket), b"");
}

#[test]
fn defect_085_last_ack_takes_every_ack_of_its_fin() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(FIN | ACK, &[]);
    socket.shutdown();
    s.passed(ms(1));
    s.ack = s.ack.wrapping_add(1);
    s.window = 0;
    none(s.say(ACK | PSH, &[]));
    assert_eq!(socket.state(), TcpState::Closed);
}

#[test]
fn defect_086_limited_transmit_and_partial_acknowledgements() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1000));
    write_all(&mut socket, &[1; 16_000]);
    assert_eq!(s.passed(ms(1)).len(), 10);
    let first = s.ack;
    // RFC 3042: the first two duplicates let out a new segment each.
    for n in [10u32, 11] {
        let new = one(s.say(ACK, &[]));
        assert_eq!(new.seq, first.wrapping_add(n * 1000));
    }
    assert!(s.say(ACK, &[]).iter().any(|segment| segment.seq == first));
    // RFC 6582: a partial acknowledgement retransmits the next hole at once.
    let again = s.acknowledge(4000);
    assert!(
        again
            .iter()
            .any(|segment| segment.seq == first.wrapping_add(4000))
    );
}

#[test]
fn defect_087_partial_ack_with_a_shut_window_keeps_retransmitting() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1000));
    write_all(&mut socket, &[1; 3000]);
    s.passed(ms(1));
    s.window = 0;
    none(s.acknowledge(1000));
    let again = s.passed(secs(2));
    assert!(!again.is_empty());
    assert!(
        again.iter().all(|segment| segment.seq == s.ack),
        "{again:?}"
    );
}

#[test]
fn defect_091_duplicates_with_a_lone_fin_on_its_way_keep_the_timer() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.shutdown();
    one(s.passed(ms(1)));
    for _ in 0..5 {
        s.say(ACK, &[]);
    }
    let again = s.passed(secs(2));
    assert_eq!(again.last().unwrap().flags, FIN | ACK);
}

#[test]
fn defect_093_port_of_a_time_wait_is_not_forgotten_with_its_socket() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    socket.shutdown();
    s.passed(ms(1));
    s.acknowledge(1);
    one(s.say(FIN | ACK, &[]));
    drop(socket);
    // The slot is used again, and TIME-WAIT still answers.
    let (ports, seq, ack) = (s.ports, s.seq, s.ack);
    let other = s.connected(&mss(1460));
    (s.ports, s.seq, s.ack) = (ports, seq, ack);
    assert_eq!(brief(&one(s.at(-1, FIN | ACK, &[]))), (ACK, ack, seq, 0));
    drop(other);
}

#[test]
fn defect_095_local_address_is_of_the_peers_version() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let (socket, _) = s.begun();
        assert_eq!(socket.local_addr().unwrap().ip(), s.own);
    }
    let s = Session::new();
    let result = s.a.net.block_on(TcpSocket::connect(
        s.a.stack(),
        "[2001:db8::1]:7".parse().unwrap(),
    ));
    assert!(matches!(
        result,
        Err(ConnectError::Open(TcpOpenError::NoRoute))
    ));
}

#[test]
fn defect_096_one_connection_for_one_four_tuple() {
    let mut s = Session::new();
    let listener = s.listen(2);
    s.open(&mss(1460));
    let first = listener.try_accept().unwrap();
    assert_eq!(one(s.at(5, SYN, &[])).flags, ACK);
    assert!(listener.try_accept().is_none());
    assert_eq!(first.state(), TcpState::Established);
    // One that is over and only held still is not in the way.
    none(s.say(RST, &[]));
    assert_eq!(first.state(), TcpState::Closed);
    s.seq = 1_000_000;
    s.open(&mss(1460));
    assert!(listener.try_accept().is_some());
}
