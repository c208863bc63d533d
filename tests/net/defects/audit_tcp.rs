//! The audit of xarxa (and smoltcp): TCP. Those of its first hundred entries are in
//! `tcp/defects.rs`.

use zonda::socket::{TcpError, TcpListener, TcpSocket, TcpState};
use zonda::time::Duration;

use crate::frame::*;
use crate::network::*;
use crate::tcp::*;

/// Writes so many bytes to one end and reads them at the other; gives the time that took.
#[track_caller]
fn transfer(net: &Network, ends: &mut (TcpSocket<'_>, TcpSocket<'_>), length: usize) -> Duration {
    let (from, to) = ends;
    let (mut written, mut read, mut buffer) = (0, 0, [0; 2000]);
    let begin = net.now();
    while read < length {
        let rest = (length - written).min(buffer.len());
        if let Some(result) = from.try_write(&[7; 2000][..rest]) {
            written += result.expect("it is open");
        }
        while let Some(result) = to.try_read(&mut buffer) {
            read += result.expect("it is open");
        }
        assert!(net.now().since(begin) < secs(600), "{read} of {length}");
        net.run_for(ms(1));
    }
    net.now().since(begin)
}

/// Congestion control and timers take spans of 32 bits: after a pause of any length they go on as
/// after a short one.
#[test]
fn audit_252_pause_of_weeks_slows_no_connection_down() {
    let net = Network::new(1);
    let hosts = [net.host("a"), net.host("b")];
    let link = net.link(hosts).delay(ms(5));
    hosts[0].add(link, "10.0.0.1/24");
    hosts[1].add(link, "10.0.0.2/24");
    let address = "10.0.0.2:9".parse().unwrap();
    let listener = TcpListener::bind(hosts[1].stack(), address, 1).unwrap();
    let client = TcpSocket::begin(hosts[0].stack(), address).unwrap();
    net.run_for(ms(200));
    let mut ends = (client, listener.try_accept().unwrap());
    // The loss gives the congestion control something to remember.
    link.loss(0.02);
    transfer(&net, &mut ends, 100_000);
    link.loss(0.0);
    net.run_for(secs(10));
    let usual = transfer(&net, &mut ends, 200_000);
    // Where 32 bits of 1 µs, 16 µs and 1.024 ms are half full, full, and full with a bit.
    for pause in [
        2_147, 4_294, 4_296, 34_360, 68_720, 2_199_024, 4_398_047, 8_796_094,
    ] {
        net.run_for(secs(pause));
        let after = transfer(&net, &mut ends, 200_000);
        assert!(
            after <= usual.times(2),
            "{pause} s: {after:?}, not {usual:?}"
        );
    }
}

#[test]
fn audit_264_unacceptable_ack_in_syn_sent_is_reset_whatever_else_is_said() {
    for flags in [
        ACK,
        ACK | PSH,
        ACK | FIN,
        ACK | PSH | FIN,
        ACK | URG,
        SYN | ACK,
    ] {
        let mut s = Session::new();
        let (socket, syn) = s.begun();
        s.ack = syn.seq.wrapping_add(9);
        assert_eq!(brief(&one(s.at(0, flags, &[]))), (RST, s.ack, 0, 0));
        assert_eq!(socket.state(), TcpState::SynSent);
    }
}

#[test]
fn audit_266_fin_behind_data_that_came_before_is_taken() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(ACK, b"data");
    let ack = one(s.at(-4, FIN | ACK, b"data"));
    assert_eq!(ack.ack, s.seq.wrapping_add(1));
    assert_eq!(socket.state(), TcpState::CloseWait);
    assert_eq!(read_all(&mut socket), b"data");
}

/// RFC 9293 §3.8.4, §3.10.7.4: what asks for an acknowledgement gets one.
#[test]
fn audit_268_269_repeated_fins_and_keepalives_are_each_acknowledged() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    for _ in 0..5 {
        let ack = one(s.at(-1, ACK, &[]));
        assert_eq!((ack.flags, ack.ack), (ACK, s.seq));
        s.a.net.run_for(ms(100));
    }
    one(s.say(FIN | ACK, &[]));
    for _ in 0..5 {
        assert_eq!(one(s.at(-1, FIN | ACK, &[])).ack, s.seq);
        s.a.net.run_for(ms(100));
    }
}

#[test]
fn audit_270_what_lies_behind_a_fin_is_dropped() {
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    one(s.at(4, ACK, b"5678"));
    one(s.at(10, ACK, b"far behind"));
    let ack = s.say(FIN | ACK, b"1234");
    assert_eq!(ack.last().unwrap().ack, s.seq);
    assert_eq!(read_all(&mut socket), b"1234");
    assert_eq!(socket.try_read(&mut [0]), Some(Ok(0)));
    drop(socket);
    s.passed(ms(1));
    assert_eq!(s.a.host.pool().stats().held, 0);
}

/// RFC 9293 MUST-12.
#[test]
fn audit_271_reset_after_the_end_is_told_apart_from_a_good_end() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    one(s.say(FIN | ACK, &[]));
    assert_eq!(
        (socket.state(), socket.error()),
        (TcpState::CloseWait, None)
    );
    none(s.say(RST, &[]));
    assert_eq!(socket.error(), Some(TcpError::Reset));
    assert_eq!(socket.try_write(b"x"), Some(Err(TcpError::Reset)));
}

#[test]
fn audit_273_repeated_fins_are_no_duplicate_acknowledgements() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1000));
    write_all(&mut socket, &[1; 5000]);
    assert_eq!(s.passed(ms(1)).len(), 5);
    one(s.say(FIN | ACK, &[]));
    for _ in 0..5 {
        let answer = one(s.at(-1, FIN | ACK, &[]));
        assert_eq!(answer.data.len(), 0);
    }
    assert_eq!(socket.info().unwrap().retransmitted, 0);
}

/// One segment is sent at first where more than one SYN was lost (RFC 5681 §3.1, RFC 6928 §2), and
/// no more than that is lost.
#[test]
fn audit_277_lost_syns_do_not_end_slow_start() {
    for (silence, expected) in [(1100, [10, 6, 0]), (3500, [1, 2, 4])] {
        let mut s = Session::new();
        let (mut socket, _) = s.begun();
        s.passed(ms(silence));
        let syn = Tcp {
            options: mss(1000),
            ..s.segment(SYN | ACK, &[])
        };
        one(s.ask(syn));
        s.seq = s.seq.wrapping_add(1);
        write_all(&mut socket, &[1; 16_000]);
        let mut sent = s.passed(ms(1)).len();
        for expected in expected {
            assert_eq!(sent, expected, "after {silence} ms");
            sent = (0..sent).map(|_| s.acknowledge(1000).len()).sum();
        }
    }
}

#[test]
fn audit_288_reset_counts_whatever_flags_are_beside_it() {
    for flags in [
        RST | SYN,
        RST | FIN,
        RST | ACK | PSH | URG,
        RST | SYN | FIN | ACK,
    ] {
        let mut s = Session::new();
        let socket = s.accepted(&mss(1460));
        none(s.at(0, flags, &[]));
        assert_eq!(socket.error(), Some(TcpError::Reset), "{flags:#x}");
    }
}

#[test]
fn audit_355_probes_of_a_shut_window_end_with_the_data() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.window = 0;
    s.say(ACK, &[]);
    write_all(&mut socket, b"a");
    assert_eq!(s.passed(secs(2)).first().unwrap().data, b"a");
    none(s.acknowledge(1));
    none(s.passed(secs(100)));
    socket.set_keepalive(Some(secs(5)));
    let probe = one(s.passed(secs(6)));
    assert_eq!(brief(&probe), (ACK, s.ack.wrapping_sub(1), s.seq, 0));
}
