//! Listeners: backlog, floods of SYNs, cookies.

use zonda::iface::ReceiveDrop;
use zonda::socket::TcpOpenError;

use super::*;

#[test]
fn full_backlog_keeps_the_handshake_until_there_is_room() {
    let mut s = Session::new();
    let listener = s.listen(1);
    // Two begin, and the first takes the only place.
    let first_of = (s.ports.0, s.seq, s.ack);
    (s.ports.0, s.seq) = (5001, 100);
    let answer = one(s.say(SYN, &[]));
    let second_of = (s.ports.0, s.seq, answer.seq.wrapping_add(1));
    (s.ports.0, s.seq, s.ack) = first_of;
    s.open(&mss(1460));
    // A third is not even answered: it asks again.
    let first_of = (s.ports.0, s.seq, s.ack);
    (s.ports.0, s.seq) = (5002, 100);
    none(s.say(SYN, &[]));
    assert_eq!(first_of.0, 5000);
    // The second has to wait with its ACK, and with its data.
    (s.ports.0, s.seq, s.ack) = second_of;
    none(s.say(ACK, &[]));
    none(s.at(0, ACK, b"hello"));
    none(s.passed(secs(5)));
    let first = listener.try_accept().unwrap();
    assert_eq!(first.peer_addr().unwrap().port(), 5000);
    // It comes in without another word, as a peer that waits to be greeted says none.
    let mut second = listener.try_accept().unwrap();
    assert_eq!(second.peer_addr().unwrap().port(), 5001);
    s.say(ACK, b"hello");
    assert_eq!(read_all(&mut second), b"hello");
    assert_eq!(answer.flags, SYN | ACK);
}

#[test]
fn peer_of_a_full_backlog_comes_in_when_one_that_waits_is_reset() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    let first_of = (s.ports.0, s.seq, answer.seq.wrapping_add(1));
    (s.ports.0, s.seq) = (5001, 100);
    s.open(&mss(1460));
    let second_of = (s.ports.0, s.seq, s.ack);
    (s.ports.0, s.seq, s.ack) = first_of;
    none(s.say(ACK, &[]));
    (s.ports.0, s.seq, s.ack) = second_of;
    none(s.say(RST, &[]));
    let socket = listener.try_accept().unwrap();
    assert_eq!(socket.peer_addr().unwrap().port(), 5000);
    assert!(listener.try_accept().is_none());
}

/// Nobody waits for ever: not who has waited as long as SYN-ACKs are repeated.
#[test]
fn peer_of_a_full_backlog_is_forgotten_in_time_and_then_reset() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    let first_of = (s.ports.0, s.seq, answer.seq.wrapping_add(1));
    (s.ports.0, s.seq) = (5001, 100);
    s.open(&mss(1460));
    (s.ports.0, s.seq, s.ack) = first_of;
    none(s.say(ACK, &[]));
    s.passed(secs(130));
    drop(listener.try_accept());
    assert!(listener.try_accept().is_none());
    s.passed(ms(1));
    assert_eq!(brief(&one(s.say(ACK, b"late"))), (RST, s.ack, 0, 0));
}

/// The data of many who wait would fill the pool: together they are promised no more than may be
/// held for them, and those who are promised nothing may send as soon as they are accepted.
#[test]
fn windows_of_those_who_wait_fit_the_pool_together() {
    let a = alone_with(Network::new(1), |net| {
        net.host_for::<32>("host", pool::<128, 512, 32, 64>())
    });
    a.introduce();
    a.peer.answer_for(PEER4, PEER6);
    let mut s = Session {
        a,
        ..Session::new()
    };
    let listener = s.listen(32);
    let mut promised = 0;
    for port in 1..=32 {
        (s.ports.0, s.seq) = (port, 100);
        let window = s.open(&mss(1460)).window;
        promised += u32::from(window.min(500)).div_ceil(440);
        s.say(ACK, &[7; 500][..usize::from(window.min(500))]);
        none(
            s.passed(ms(50))
                .into_iter()
                .filter(|sent| sent.ack != s.seq)
                .collect(),
        );
    }
    let held = u32::from(s.a.host.pool().limits().held);
    assert!(
        (held / 4..=held).contains(&promised),
        "{promised} of {held}"
    );
    let drops =
        s.a.host
            .counters(s.a.link)
            .receive_drops(ReceiveDrop::TcpQuota);
    assert_eq!(drops, 0);
    for _ in 0..32 {
        let mut socket = listener.try_accept().unwrap();
        let length = read_all(&mut socket).len();
        let update = s.passed(ms(50)).pop();
        assert!(length == 500 || update.is_some_and(|update| update.window > 1000));
    }
}

#[test]
fn connections_are_accepted_in_order() {
    let mut s = Session::new();
    let listener = s.listen(3);
    for port in [1, 2, 3] {
        (s.ports.0, s.seq) = (port, 100);
        s.open(&mss(1460));
        s.a.net.run_for(ms(1));
    }
    for port in [1, 2, 3] {
        let socket = listener.try_accept().unwrap();
        assert_eq!(socket.peer_addr().unwrap().port(), port);
    }
}

#[test]
fn connection_that_is_reset_before_it_is_accepted_is_forgotten() {
    let mut s = Session::new();
    let listener = s.listen(1);
    s.open(&mss(1460));
    none(s.say(RST, &[]));
    assert!(listener.try_accept().is_none());
    (s.ports.0, s.seq) = (5001, 100);
    s.open(&mss(1460));
    assert!(listener.try_accept().is_some());
}

#[test]
fn dropped_listener_resets_what_waits_and_refuses_what_comes() {
    let mut s = Session::new();
    let listener = s.listen(1);
    s.open(&mss(1460));
    drop(listener);
    assert_eq!(brief(&one(s.passed(ms(1)))), (RST | ACK, s.ack, s.seq, 0));
    (s.ports.0, s.seq) = (5001, 100);
    assert_eq!(one(s.say(SYN, &[])).flags, RST | ACK);
}

#[test]
fn port_is_taken_once() {
    let s = Session::new();
    let _listener = s.listen(1);
    for local in ["10.0.0.1:80", "0.0.0.0:80"] {
        let again = TcpListener::bind(s.a.stack(), local.parse().unwrap(), 1);
        assert!(matches!(again, Err(TcpOpenError::InUse)));
    }
    let other = TcpListener::bind(s.a.stack(), "10.0.0.77:80".parse().unwrap(), 1);
    assert!(matches!(other, Err(TcpOpenError::NotOurs)));
}

/// So many SYNs that nobody goes on with.
pub fn flood(s: &Session, count: u32) {
    for n in 0..count {
        if n == 50 {
            // Those who are sent by somebody real are acknowledged before.
            s.a.net.run_for(secs(1));
        }
        let syn = Tcp {
            source: 10_000 + n as u16,
            destination: s.ports.1,
            seq: n * 7,
            flags: SYN,
            window: 1000,
            options: mss(1460),
            ..Tcp::default()
        };
        s.a.peer.send(s.a.to_host(&syn.packet(s.peer, s.own)));
        if n % 8 == 7 {
            s.a.net.run_for(us(200));
        }
    }
    s.a.net.run_for(ms(5));
    s.a.peer.take();
}

#[test]
fn syn_flood_lets_others_in_by_cookies_and_takes_no_memory() {
    let mut s = Session::new();
    let listener = s.listen(2);
    flood(&s, 5000);
    let used = s.a.host.pool().stats().blocks_used;
    assert!(used < 64, "{used}");
    // Without timestamps the segment size only is remembered.
    let options = join(&[&permitted(), &[1, 3, 3, 2]]);
    let answer = s.open(&options);
    assert_eq!(
        (answer.scale(), answer.option(4), answer.timestamps()),
        (None, None, None)
    );
    let mut socket = listener.try_accept().unwrap();
    s.passed(ms(1));
    assert_eq!(socket.info().unwrap().mss, 1460);
    assert_eq!(socket.info().unwrap().send_window, 20_000);
    s.say(ACK, b"served");
    assert_eq!(read_all(&mut socket), b"served");
    write_all(&mut socket, b"yes");
    assert_eq!(one(s.passed(ms(1))).data, b"yes");
    // With timestamps, all is.
    flood(&s, 1000);
    (s.ports.0, s.seq) = (5001, 100);
    let options = join(&[&mss(1400), &[4, 2], &stamps(9, 0)[2..], &[1, 3, 3, 2]]);
    let answer = s.open(&options);
    assert!(answer.scale().is_some() && answer.option(4).is_some());
    let other = listener.try_accept().unwrap();
    s.passed(ms(1));
    assert_eq!(other.info().unwrap().mss, 1400 - 12);
    assert_eq!(other.info().unwrap().send_window, 80_000);
    assert!(one(s.at(10, ACK, b"x")).sack().len() == 1);
}

#[test]
fn cookie_must_be_right_and_fresh() {
    let mut s = Session::new();
    let listener = s.listen(2);
    flood(&s, 100);
    let answer = one(s.say(SYN, &[]));
    for wrong in [0, 2, 1 << 24, 1 << 27, 1 << 31] {
        s.ack = answer.seq.wrapping_add(wrong);
        assert_eq!(brief(&one(s.say(ACK, &[]))), (RST, s.ack, 0, 0));
    }
    s.ack = answer.seq.wrapping_add(1);
    s.a.net.run_for(secs(140));
    s.a.peer.take();
    assert_eq!(brief(&one(s.say(ACK, &[]))), (RST, s.ack, 0, 0));
    assert!(listener.try_accept().is_none());
}

/// Where the queue was full when the handshake ended, a FIN may come back before the data in front
/// of it does.
#[test]
fn segment_that_overtakes_the_cookie_is_not_reset() {
    let mut s = Session::new();
    let listener = s.listen(2);
    flood(&s, 100);
    let answer = one(s.say(SYN, &[]));
    s.ack = answer.seq.wrapping_add(1);
    none(s.at(4, FIN | ACK, &[]));
    none(s.at(2, ACK, b"34"));
    none(s.say(ACK, &[]));
    let mut socket = listener.try_accept().expect("a connection");
    s.say(ACK, b"1234");
    assert_eq!(read_all(&mut socket), b"1234");
}

/// Whom a cookie was given is promised nothing, so that it has sent nothing that would be lost where
/// it finds no place; it asks whether the window is still shut (RFC 9293 §3.8.6.1).
#[test]
fn peer_with_a_cookie_asks_until_there_is_a_place() {
    let mut s = Session::new();
    let listener = s.listen(1);
    flood(&s, 100);
    let answer = one(s.say(SYN, &[]));
    assert_eq!((answer.flags, answer.window), (SYN | ACK, 0));
    let late = (s.ports.0, s.seq, answer.seq.wrapping_add(1));
    (s.ports.0, s.seq) = (5001, 100);
    s.open(&mss(1460));
    (s.ports.0, s.seq, s.ack) = late;
    none(s.say(ACK, &[]));
    none(s.at(-1, ACK, &[]));
    let first = listener.try_accept().unwrap();
    assert_eq!(first.peer_addr().unwrap().port(), 5001);
    assert!(listener.try_accept().is_none());
    s.passed(ms(1));
    // Linux asks with the number before, others with a byte.
    let shut = one(s.at(-1, ACK, &[]));
    assert_eq!((shut.flags, shut.ack, shut.window), (ACK, s.seq, 0));
    let mut second = listener.try_accept().unwrap();
    let opened = one(s.passed(ms(1)));
    assert_eq!((opened.flags, opened.ack), (ACK, s.seq));
    assert!(opened.window > 10_000);
    s.say(ACK, b"at last");
    assert_eq!(read_all(&mut second), b"at last");
}

#[test]
fn handshakes_begun_keep_their_places_in_a_flood() {
    let mut s = Session::new();
    let listener = s.listen(1);
    let answer = one(s.say(SYN, &[]));
    flood(&s, 1000);
    s.ack = answer.seq.wrapping_add(1);
    none(s.say(ACK, &[]));
    assert!(listener.try_accept().is_some());
}

/// What answers a stranger goes back to where it came from: a flood of SYNs from addresses that nobody
/// answers for asks for none of them and takes no place in the neighbour cache.
#[test]
fn syn_flood_from_the_link_leaves_the_neighbors_alone() {
    for version in [0, 1] {
        let net = Network::new(5);
        let (host, peer, flood) = (net.host("host"), net.peer("peer"), net.peer("flood"));
        let link = net.link((host, peer, flood));
        host.add(link, "10.0.0.1/16").add(link, "fd00::1/64");
        let a = Alone {
            host,
            peer,
            link,
            net,
        };
        a.net.run_for(ms(1));
        a.introduce();
        a.peer.answer_for(PEER4, PEER6);
        let (own, peer) = PAIRS[version];
        let session = Session::over(version);
        let mut s = Session { a, ..session };
        let listener = s.listen(8);
        s.open(&mss(1460));
        let mut socket = listener.try_accept().unwrap();
        let neighbors = s.a.stack().neighbors(s.a.host.interface(s.a.link)).count();
        let mut answered = 0;
        for n in 0..3000u16 {
            let [high, low] = n.to_be_bytes();
            let mac = [2, 9, 9, 9, high, low];
            let stranger: IpAddr = match version {
                0 => [10, 0, 1 + high, low].into(),
                _ => [0xfd00, 0, 0, 0, 0, 0, 1, n].into(),
            };
            let syn = Tcp {
                source: 77,
                ..s.segment(SYN, &[])
            };
            let kind = [IPV4, IPV6][version];
            let packet = syn.packet(stranger, own);
            flood.send(ethernet(s.a.mac(), mac, kind, &packet));
            s.a.net.run_for(ms(2));
            let (own, peer) = (s.a.mac(), s.a.peer.mac());
            let sent = s.a.sent().into_iter();
            for frame in sent.filter(|frame| frame.from == own && frame.to != peer) {
                let segment = frame.ip().and_then(|ip| ip.tcp());
                let segment = segment.expect("nobody is asked for");
                answered += u32::from(segment.flags == SYN | ACK);
                assert!(frame.to[..4] == mac[..4], "{frame:?}");
            }
            if n % 500 == 0 {
                s.say(ACK, b"established");
                assert_eq!(read_all(&mut socket), b"established");
                write_all(&mut socket, b"as before");
                assert_eq!(one(s.passed(ms(1))).data, b"as before");
                s.acknowledge(9);
                s.passed(ms(1));
            }
        }
        assert!(answered > 1500, "{answered}");
        let after = s.a.stack().neighbors(s.a.host.interface(s.a.link)).count();
        assert_eq!(after, neighbors);
        // Others still get in.
        (s.ports.0, s.seq) = (5001, 100);
        s.open(&mss(1460));
        assert_eq!(
            listener.try_accept().unwrap().peer_addr().unwrap().ip(),
            peer
        );
    }
}
