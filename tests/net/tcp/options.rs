//! Options: MSS (RFC 9293 §3.7.1), timestamps and PAWS (RFC 7323), SACK (RFC 2018). And the addresses
//! of an active open.

use zonda::socket::{TcpOpenError, TcpState};

use super::*;

#[test]
fn mss_that_is_not_named_is_536_or_1220() {
    // RFC 9293 §3.7.1 (MUST-15).
    for (version, most) in [(0, 536), (1, 1220)] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&[]);
        assert_eq!(usize::from(socket.info().unwrap().mss), most);
        write_all(&mut socket, &vec![1; 2 * most]);
        let sent = s.passed(ms(1));
        assert!(sent.iter().all(|segment| segment.data.len() == most));
        s.acknowledge(2 * most as u32);
        drop(socket);
        let mut s = Session::over(version);
        let socket = s.connected(&[]);
        assert_eq!(usize::from(socket.info().unwrap().mss), most);
    }
}

#[test]
fn mss_is_the_least_of_both_and_of_the_link() {
    for (named, used) in [(9000, 1460), (600, 600), (0, 76), (1, 76)] {
        let mut s = Session::new();
        let socket = s.accepted(&mss(named));
        assert_eq!(socket.info().unwrap().mss, used, "{named}");
    }
}

#[test]
fn mss_leaves_room_for_timestamps() {
    let mut s = Session::new();
    let options = join(&[&mss(1460), &stamps(1, 0)]);
    let mut socket = s.accepted(&options);
    assert_eq!(socket.info().unwrap().mss, 1448);
    write_all(&mut socket, &[1; 1448]);
    assert_eq!(one(s.passed(ms(1))).data.len(), 1448);
}

#[test]
fn mss_leaves_room_for_sack_beside_data() {
    let mut s = Session::new();
    let options = join(&[&permitted(), &stamps(1, 0)]);
    let mut socket = s.accepted(&options);
    s.at(10, ACK, b"gap");
    write_all(&mut socket, &[1; 1448]);
    s.at(20, ACK, b"gap");
    let sent = s.sent();
    let all: Vec<_> = sent.into_iter().chain(s.passed(ms(1))).collect();
    for segment in &all {
        assert!(
            20 + segment.options.len() + segment.data.len() <= 1480,
            "{segment:?}"
        );
    }
}

#[test]
fn unknown_and_malformed_options_are_survived() {
    for options in [
        &[1, 1, 1, 1][..],
        &[200, 4, 1, 2, 2, 4, 4, 0],
        &[2, 0, 0, 0],
        &[2, 40, 0, 0],
        &[3, 3, 255, 0],
        &[8, 3, 0, 0],
        &[0, 0, 0, 0],
    ] {
        let s = Session::new();
        let _listener = s.listen(1);
        let syn = Tcp {
            options: options.to_vec(),
            ..s.segment(SYN, &[])
        };
        assert_eq!(one(s.ask(syn)).flags, SYN | ACK);
    }
}

#[test]
fn timestamps_are_echoed_and_sent_in_every_segment() {
    let mut s = Session::new();
    let syn = Tcp {
        options: join(&[&mss(1460), &stamps(4242, 0)]),
        ..s.segment(SYN, &[])
    };
    let listener = s.listen(1);
    let answer = one(s.ask(syn));
    let (first, echo) = answer.timestamps().unwrap();
    assert_eq!(echo, 4242);
    (s.seq, s.ack) = (s.seq.wrapping_add(1), answer.seq.wrapping_add(1));
    s.options = stamps(4300, first);
    s.say(ACK, &[]);
    let mut socket = listener.try_accept().unwrap();
    write_all(&mut socket, b"x");
    let data = one(s.passed(ms(1)));
    let (value, echo) = data.timestamps().unwrap();
    assert_eq!(echo, 4300);
    assert!((1..20).contains(&value.wrapping_sub(first)));
    // RFC 7323 §4.3: the first of those that a delayed acknowledgement is for.
    s.ack = s.ack.wrapping_add(1);
    s.options = stamps(5000, value);
    s.say(ACK, b"one");
    s.options = stamps(5001, value);
    s.say(ACK, b"two");
    assert_eq!(one(s.passed(ms(50))).timestamps().unwrap().1, 5000);
}

#[test]
fn timestamps_offset_differs_between_peers() {
    let mut values = Vec::new();
    let mut s = Session::new();
    let _listener = s.listen(4);
    for port in 1..4 {
        s.ports.0 = port;
        let syn = Tcp {
            options: stamps(1, 0),
            ..s.segment(SYN, &[])
        };
        values.push(one(s.ask(syn)).timestamps().unwrap().0);
    }
    assert!(values.windows(2).all(|two| two[0].abs_diff(two[1]) > 1000));
}

#[test]
fn timestamps_that_miss_where_agreed_are_dropped_silently() {
    // RFC 7323 §3.2.
    let mut s = Session::new();
    let mut socket = s.accepted(&join(&[&mss(1460), &stamps(1, 0)]));
    let options = std::mem::take(&mut s.options);
    none(s.at(0, ACK, b"data"));
    assert_eq!(read_all(&mut socket), b"");
    // A reset needs none.
    none(s.at(0, RST, &[]));
    assert_eq!(socket.error(), Some(zonda::socket::TcpError::Reset));
    drop(options);
}

#[test]
fn paws_acknowledges_and_drops_what_is_older() {
    // RFC 7323 §5.3.
    let mut s = Session::new();
    let mut socket = s.accepted(&join(&[&mss(1460), &stamps(1000, 0)]));
    s.say(ACK, b"new");
    s.passed(ms(50));
    s.options = stamps(999, 0);
    let answer = one(s.at(0, ACK, b"old"));
    assert_eq!(brief(&answer), (ACK, s.ack, s.seq, 0));
    assert_eq!(answer.timestamps().unwrap().1, 1000);
    assert_eq!(read_all(&mut socket), b"new");
    // Across the wrap of the clock.
    s.options = stamps(1000u32.wrapping_add(0x7fff_ffff), 0);
    s.say(ACK, b"later");
    assert_eq!(read_all(&mut socket), b"later");
}

#[test]
fn paws_gives_way_after_24_days() {
    // RFC 7323 §5.5.
    let mut s = Session::new();
    let mut socket = s.accepted(&join(&[&mss(1460), &stamps(1000, 0)]));
    s.a.net.run_for(secs(25 * 24 * 3600));
    s.options = stamps(10, 0);
    s.say(ACK, b"after all");
    assert_eq!(read_all(&mut socket), b"after all");
}

#[test]
fn sack_blocks_name_the_latest_first() {
    // RFC 2018 §4.
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    let from = |s: &Session, at: u32| s.seq.wrapping_add(at);
    let first = one(s.at(10, ACK, b"1234567890"));
    assert_eq!(first.sack(), [(from(&s, 10), from(&s, 20))]);
    let second = one(s.at(40, ACK, b"1234567890"));
    let blocks = [(from(&s, 40), from(&s, 50)), (from(&s, 10), from(&s, 20))];
    assert_eq!(second.sack(), blocks);
    let third = one(s.at(20, ACK, b"1234567890"));
    let blocks = [(from(&s, 10), from(&s, 30)), (from(&s, 40), from(&s, 50))];
    assert_eq!(third.sack(), blocks);
    let fourth = one(s.at(60, ACK, b"x"));
    assert_eq!(fourth.sack()[0], (from(&s, 60), from(&s, 61)));
    assert_eq!(fourth.sack().len(), 3);
    for at in [70, 80, 90] {
        s.at(at, ACK, b"x");
    }
    let many = one(s.at(100, ACK, b"x"));
    assert_eq!(
        (many.sack().len(), many.sack()[0]),
        (4, (from(&s, 100), from(&s, 101)))
    );
    // What is filled is not named.
    let filled = one(s.at(0, ACK, b"0123456789"));
    assert_eq!(filled.ack, from(&s, 30));
    assert!(filled.sack().iter().all(|block| block.0 != from(&s, 10)));
    assert_eq!(read_all(&mut socket).len(), 30);
}

/// "the SACK option SHOULD be filled out by repeating the most recently reported SACK blocks (based on
/// first SACK blocks in previous SACK options)" (RFC 2018 §4).
#[test]
fn sack_blocks_that_were_reported_last_follow_the_first() {
    let mut s = Session::new();
    let _socket = s.accepted(&permitted());
    let block = |s: &Session, at: u32| {
        let left = s.seq.wrapping_add(at);
        (left, left.wrapping_add(1))
    };
    let places = [50, 10, 70, 30, 90, 20];
    let mut answer = None;
    for at in places {
        answer = Some(one(s.at(at, ACK, b"x")));
    }
    let expected: Vec<_> = [20, 90, 30, 70].map(|at| block(&s, at)).to_vec();
    assert_eq!(answer.unwrap().sack(), expected);
    // One that grows is in front again.
    let left = s.seq.wrapping_add(10);
    let grown = one(s.at(11, ACK, b"x")).sack();
    assert_eq!(grown[0], (left, left.wrapping_add(2)));
    assert_eq!(grown[1..], expected[..3]);
}

/// RFC 2883 §4.1 and §4.2, examples 1 to 5, with a segment's length of 10.
#[test]
fn duplicates_are_reported_in_the_first_block_and_once() {
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    let from = |s: &Session, left: i32, right: i32| {
        (
            s.seq.wrapping_add_signed(left),
            s.seq.wrapping_add_signed(right),
        )
    };
    let data = [7; 40];
    s.say(ACK, &data);
    // Example 1: what is acknowledged comes again.
    let again = one(s.at(-40, ACK, &data[..10]));
    assert_eq!((again.ack, again.sack()), (s.seq, vec![from(&s, -40, -30)]));
    // Example 2: with something missing before what is here.
    assert_eq!(one(s.at(10, ACK, &data[..10])).sack(), [from(&s, 10, 20)]);
    let again = one(s.at(-40, ACK, &data[..10]));
    assert_eq!(again.sack(), [from(&s, -40, -30), from(&s, 10, 20)]);
    // Example 3: what is here, out of order; the second block holds it.
    s.at(30, ACK, &data[..10]);
    s.at(20, ACK, &data[..10]);
    let again = one(s.at(20, ACK, &data[..10]));
    assert_eq!(again.sack(), [from(&s, 20, 30), from(&s, 10, 40)]);
    // Only once.
    let more = one(s.at(60, ACK, b"x"));
    assert_eq!(more.sack(), [from(&s, 60, 61), from(&s, 10, 40)]);
    // Example 4: a part of a segment, the other part of which is new.
    let part = one(s.at(35, ACK, &data[..10]));
    assert_eq!(part.sack()[..2], [from(&s, 35, 40), from(&s, 10, 45)]);
    // And in order: what is in front, or else what was here out of order.
    let part = one(s.at(-5, ACK, &data[..8]));
    assert_eq!(
        (part.ack, part.sack()[0]),
        (s.seq.wrapping_add(3), from(&s, -5, 0))
    );
    let filled = one(s.at(3, ACK, &data[..20]));
    assert_eq!(
        (filled.ack, filled.sack()[0]),
        (s.seq.wrapping_add(45), from(&s, 10, 23))
    );
    assert_eq!(read_all(&mut socket), [7; 85]);
    s.seq = s.seq.wrapping_add(45);
    assert_eq!(one(s.at(20, ACK, b"y")).sack()[0], from(&s, 20, 21));
}

#[test]
fn duplicates_are_not_reported_to_who_has_not_permitted_it() {
    let mut s = Session::new();
    let mut socket = s.accepted(&mss(1460));
    s.say(ACK, b"data");
    assert!(one(s.at(-4, ACK, b"data")).options.is_empty());
    assert_eq!(read_all(&mut socket), b"data");
}

#[test]
fn sack_has_three_blocks_beside_timestamps() {
    let mut s = Session::new();
    let _socket = s.accepted(&join(&[&permitted(), &stamps(1, 0)]));
    for at in [10, 20, 30] {
        s.at(at, ACK, b"x");
    }
    assert_eq!(one(s.at(40, ACK, b"x")).sack().len(), 3);
}

#[test]
fn sack_is_not_sent_to_who_has_not_permitted_it() {
    let mut s = Session::new();
    let _socket = s.accepted(&mss(1460));
    assert!(one(s.at(10, ACK, b"x")).options.is_empty());
}

#[test]
fn sack_blocks_that_make_no_sense_are_survived() {
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    write_all(&mut socket, &[1; 5840]);
    s.passed(ms(1));
    for (left, right) in [
        (0, 0),
        (10_000, 20_000),
        (3000, 2000),
        (-5000, -2000),
        (-10, 100_000),
    ] {
        let edge = |offset: i32| s.ack.wrapping_add_signed(offset).to_be_bytes();
        s.options = join(&[&[1, 1, 5, 10], &edge(left), &edge(right)]);
        s.say(ACK, &[]);
    }
    s.options = Vec::new();
    s.acknowledge(5840);
    assert_eq!(socket.info().unwrap().written, 0);
    write_all(&mut socket, b"fine");
    assert_eq!(s.passed(ms(1)).last().unwrap().data, b"fine");
}

#[test]
fn three_duplicates_retransmit_the_first_and_sack_only_the_holes() {
    let mut s = Session::new();
    let mut socket = s.accepted(&permitted());
    write_all(&mut socket, &[1; 10 * 1460]);
    let sent = s.passed(ms(1));
    assert_eq!(sent.len(), 10);
    let edge = |n: u32| s.ack.wrapping_add(n * 1460).to_be_bytes();
    let block = |left: u32, right: u32| join(&[&[1, 1, 5, 10], &edge(left), &edge(right)]);
    let blocks: Vec<_> = (2..=5).map(|right| block(1, right)).collect();
    let mut again = Vec::new();
    for options in blocks {
        s.options = options;
        again.extend(s.say(ACK, &[]));
    }
    assert_eq!((again[0].seq, again[0].data.len()), (s.ack, 1460));
    assert_eq!(
        again.iter().filter(|segment| segment.seq == s.ack).count(),
        1
    );
}

/// RFC 9293 §3.9.2 (MUST-49).
#[test]
fn hop_limit_of_segments_is_that_of_the_socket() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let mut socket = s.accepted(&mss(1460));
        socket.set_hop_limit(7);
        write_all(&mut socket, b"x");
        s.a.net.run_for(ms(1));
        assert_eq!(s.a.sent()[0].ip().unwrap().hop_limit, 7);
    }
}

/// RFC 9293 §3.9.1.9 (MUST-48); RFC 2474 §3.
#[test]
fn traffic_class_of_segments_is_that_of_the_socket_or_of_its_listener() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let classes = |s: &Session| -> Vec<u8> {
            let packets = s.a.sent().into_iter().filter_map(|frame| frame.ip());
            packets.map(|ip| ip.traffic_class).collect()
        };
        let mut listener = s.listen(1);
        // The bits of ECN are not the application's.
        listener.set_traffic_class(0xb8 | 3);
        let syn = s.segment(SYN, &[]).packet(s.peer, s.own);
        s.a.peer.send(s.a.to_host(&syn));
        s.a.net.run_for(ms(1));
        let answer = s.a.sent()[0].ip().unwrap();
        assert_eq!(answer.traffic_class, 0xb8);
        s.seq = s.seq.wrapping_add(1);
        s.ack = answer.tcp().unwrap().seq.wrapping_add(1);
        none(s.say(ACK, &[]));
        let mut socket = listener.try_accept().expect("a connection");
        write_all(&mut socket, b"data");
        s.a.net.run_for(ms(1));
        assert_eq!(classes(&s), [0xb8]);
        // Again the same, and another from here on.
        socket.set_traffic_class(0x48);
        s.a.net.run_for(ms(1100));
        assert!(classes(&s).iter().all(|class| *class == 0x48));
        s.acknowledge(4);
    }
}

/// SYNs that cross: each tells the other side's segments their size, and again with the ACK.
#[test]
fn mss_of_syns_that_cross_is_taken_in() {
    let mut s = Session::new();
    let (mut socket, first) = s.begun();
    s.options = mss(700);
    let again = one(s.say(SYN, &[]));
    assert_eq!(again.flags, SYN | ACK);
    assert_eq!(again.option(2), first.option(2), "what we take stays");
    s.options = Vec::new();
    none(s.say(ACK, &[]));
    assert_eq!(socket.info().unwrap().mss, 700);
    write_all(&mut socket, &[1; 1400]);
    let lengths: Vec<_> = s.passed(ms(1)).iter().map(|sent| sent.data.len()).collect();
    assert_eq!(lengths, [700, 700]);
}

// ---- Where a connection is opened from -----------------------------------------------------

/// RFC 9293 §3.9.1.1 MUST-43.
#[test]
fn local_address_and_port_can_be_chosen() {
    for version in [0, 1] {
        let mut s = Session::over(version);
        let other: IpAddr = ["10.0.0.33", "fd00::33"][version].parse().unwrap();
        s.a.host
            .add(s.a.link, ["10.0.0.33/24", "fd00::33/64"][version]);
        s.a.net.run_for(ms(1));
        s.a.peer.take();
        let remote = SocketAddr::new(s.peer, 7);
        let begin = |local| TcpSocket::begin_from(s.a.stack(), local, remote);
        let socket = begin(SocketAddr::new(other, 1234)).unwrap();
        let syn = one(s.passed(ms(1)));
        assert_eq!((syn.flags & SYN, syn.source), (SYN, 1234));
        assert_eq!(socket.local_addr(), Some(SocketAddr::new(other, 1234)));
        // The four-tuple is taken; another one with that port is not.
        let again = begin(SocketAddr::new(other, 1234)).err();
        assert_eq!(again, Some(TcpOpenError::InUse));
        let beside = begin(SocketAddr::new(s.own, 1234)).unwrap();
        assert_eq!(beside.local_addr(), Some(SocketAddr::new(s.own, 1234)));
        // Each of both may be left open.
        let by_port = begin(SocketAddr::new(s.own, 0)).unwrap();
        assert!(by_port.local_addr().unwrap().port() >= 49152);
        let any = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), 4321);
        let by_route = begin(any).unwrap().local_addr().unwrap();
        assert_eq!(by_route.port(), 4321);
        assert!([s.own, other].contains(&by_route.ip()));
        // It must be one of ours, and of the peer's version.
        let stranger = SocketAddr::new(s.peer, 1);
        assert_eq!(begin(stranger).err(), Some(TcpOpenError::NotOurs));
        let mixed = SocketAddr::new(PAIRS[1 - version].0, 1);
        assert_eq!(begin(mixed).err(), Some(TcpOpenError::NoRoute));
        // It connects, from there.
        s.own = other;
        (s.ports, s.ack) = ((7, 1234), syn.seq.wrapping_add(1));
        s.passed(ms(1));
        one(s.say(SYN | ACK, &[]));
        assert_eq!(socket.state(), TcpState::Established);
    }
}
