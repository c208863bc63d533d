//! Explicit congestion notification (RFC 3168 §6.1).

use super::*;

const ECT_0: u8 = 2;
const CE: u8 = 3;

impl Session {
    /// The peer's SYN offers ECN, or its SYN-ACK takes the offer.
    #[track_caller]
    fn accepted_ecn(&mut self) -> TcpSocket<'static> {
        let listener = self.listen(1);
        let syn = Tcp {
            options: permitted(),
            ..self.segment(SYN | ECE | CWR, &[])
        };
        let answer = one(self.ask(syn));
        assert_eq!(answer.flags, SYN | ACK | ECE);
        self.seq = self.seq.wrapping_add(1);
        self.ack = answer.seq.wrapping_add(1);
        none(self.say(ACK, &[]));
        listener.try_accept().expect("a connection")
    }

    /// Sends the next segment of the peer's, marked; over IPv6.
    fn marked(&mut self, offset: i32, flags: u8, data: &[u8]) -> Vec<Tcp> {
        let segment = Tcp {
            seq: self.seq.wrapping_add_signed(offset),
            ..self.segment(flags, data)
        };
        let mut packet = segment.packet(self.peer, self.own);
        assert_eq!(packet[0] >> 4, 6);
        packet[1] |= CE << 4;
        self.a.peer.send(self.a.to_host(&packet));
        self.passed(ms(1))
    }

    /// The segments that the host sends, with what their IP headers say of ECN.
    fn codepoints(&self, span: zonda::time::Duration) -> Vec<(u8, Tcp)> {
        self.a.net.run_for(span);
        let packets = self.a.sent().into_iter().filter_map(|frame| frame.ip());
        packets
            .filter_map(|ip| Some((ip.traffic_class & 3, ip.tcp()?)))
            .collect()
    }
}

fn flags(segments: &[Tcp]) -> Vec<u8> {
    segments
        .iter()
        .map(|segment| segment.flags & !PSH)
        .collect()
}

/// RFC 3168 §6.1.1, §6.1.1.2.
#[test]
fn ecn_is_offered_in_a_syn_and_taken_by_its_answer_only() {
    for version in [0, 1] {
        for (answer, expected) in [(ECE, ECT_0), (0, 0), (ECE | CWR, 0), (CWR, 0)] {
            let mut s = Session::over(version);
            let (mut socket, syn) = s.begun();
            assert_eq!(syn.flags, SYN | ECE | CWR);
            s.say(SYN | ACK | answer, &[]);
            write_all(&mut socket, b"data");
            let [(codepoint, data)] = &s.codepoints(ms(1))[..] else {
                panic!("one segment")
            };
            assert_eq!((*codepoint, data.flags), (expected, ACK | PSH), "{answer}");
            s.acknowledge(4);
        }
    }
}

/// "A host that receives no reply to an ECN-setup SYN [...] MAY resend the SYN [...] with CWR and ECE
/// cleared", and then "MUST NOT set ECT" (RFC 3168 §6.1.1).
#[test]
fn syn_that_is_sent_again_offers_no_ecn() {
    let mut s = Session::over(1);
    let (mut socket, _) = s.begun();
    assert_eq!(one(s.passed(ms(1100))).flags, SYN);
    // The answer to the first one comes late.
    s.say(SYN | ACK | ECE, &[]);
    write_all(&mut socket, b"data");
    assert_eq!(s.codepoints(ms(1))[0].0, 0);
    s.acknowledge(4);
    none(s.marked(0, ACK, b"x"));
    assert_eq!(one(s.passed(ms(50))).flags, ACK);
    read_all(&mut socket);
}

#[test]
fn ecn_is_taken_from_a_syn_that_has_both_flags_until_one_has_not() {
    let mut s = Session::over(1);
    let mut socket = s.accepted_ecn();
    write_all(&mut socket, b"data");
    assert_eq!(s.codepoints(ms(1))[0].0, ECT_0);
    s.acknowledge(4);
    for flag in [0, ECE, CWR] {
        let mut s = Session::over(1);
        let _listener = s.listen(1);
        assert_eq!(one(s.say(SYN | flag, &[])).flags, SYN | ACK);
        s.seq = IRS;
        // One with an offer after one without it takes nothing back.
        assert_eq!(one(s.say(SYN | ECE | CWR, &[])).flags, SYN | ACK);
    }
    let mut s = Session::over(1);
    let listener = s.listen(1);
    assert_eq!(one(s.say(SYN | ECE | CWR, &[])).flags, SYN | ACK | ECE);
    s.seq = IRS;
    let answer = one(s.say(SYN, &[]));
    assert_eq!(answer.flags, SYN | ACK);
    s.ack = answer.seq.wrapping_add(1);
    none(s.say(ACK, &[]));
    let mut socket = listener.try_accept().expect("a connection");
    write_all(&mut socket, b"data");
    assert_eq!(s.codepoints(ms(1))[0].0, 0);
    s.acknowledge(4);
}

/// "MUST NOT set ECT on SYN or SYN-ACK packets" (RFC 3168 §6.1.1), nor on mere acknowledgements (§6.1.4),
/// retransmissions (§6.1.5) and window probes (§6.1.6).
#[test]
fn only_new_data_may_be_marked() {
    let mut s = Session::over(1);
    s.a.peer.send(
        s.a.to_host(
            &Tcp {
                options: permitted(),
                ..s.segment(SYN | ECE | CWR, &[])
            }
            .packet(s.peer, s.own),
        ),
    );
    let listener = s.listen(1);
    let answer = s.codepoints(ms(1));
    assert_eq!((answer[0].0, answer[0].1.flags), (0, SYN | ACK | ECE));
    s.seq = s.seq.wrapping_add(1);
    s.ack = answer[0].1.seq.wrapping_add(1);
    none(s.say(ACK, &[]));
    let mut socket = listener.try_accept().expect("a connection");
    // A mere acknowledgement.
    s.a.peer
        .send(s.a.to_host(&s.segment(ACK, b"x").packet(s.peer, s.own)));
    s.seq = s.seq.wrapping_add(1);
    assert_eq!(s.codepoints(ms(50))[0].0, 0);
    read_all(&mut socket);
    // New data, then the same again.
    write_all(&mut socket, b"data");
    assert_eq!(s.codepoints(ms(1))[0].0, ECT_0);
    let again = s.codepoints(ms(1500));
    assert!(
        again
            .iter()
            .all(|(codepoint, tcp)| *codepoint == 0 && tcp.data == b"data")
    );
    assert!(!again.is_empty());
    // What is new after the timeout says that the window was reduced.
    s.acknowledge(4);
    write_all(&mut socket, b"more");
    let more = s.codepoints(ms(1));
    assert_eq!((more[0].0, more[0].1.flags), (ECT_0, ACK | PSH | CWR));
    // A window probe.
    s.window = 0;
    s.acknowledge(4);
    write_all(&mut socket, b"probe");
    let probes = s.codepoints(ms(2000));
    assert!(
        probes
            .iter()
            .all(|(codepoint, tcp)| (*codepoint, tcp.flags & CWR) == (0, 0))
    );
    assert_eq!(probes[0].1.data.len(), 1);
    s.window = 1000;
    s.say(ACK, &[]);
    s.acknowledge(5);
}

/// RFC 3168 §6.1.3.
#[test]
fn marks_are_echoed_until_the_window_was_reduced() {
    let mut s = Session::over(1);
    let mut socket = s.accepted_ecn();
    s.marked(0, ACK, b"a");
    s.seq = s.seq.wrapping_add(1);
    let mut answers = s.passed(ms(50));
    for _ in 0..3 {
        answers.extend(s.say(ACK, b"b"));
        answers.extend(s.passed(ms(50)));
    }
    assert_eq!(flags(&answers), [ACK | ECE; 4]);
    s.say(ACK | CWR, b"c");
    assert_eq!(flags(&s.passed(ms(50))), [ACK]);
    // The next mark may be on the very segment.
    s.marked(0, ACK | CWR, b"d");
    s.seq = s.seq.wrapping_add(1);
    assert_eq!(flags(&s.passed(ms(50))), [ACK | ECE]);
    s.say(ACK | CWR, b"e");
    s.passed(ms(50));
    // What is outside of the window counts for nothing, nor does what has no data.
    s.marked(-3, ACK, b"old");
    s.marked(0, ACK, &[]);
    s.say(ACK, b"f");
    assert_eq!(flags(&s.passed(ms(50))), [ACK]);
    assert_eq!(read_all(&mut socket), b"abbbcdef");
}

/// RFC 3168 §6.1.2.
#[test]
fn echo_reduces_the_window_once_for_what_was_on_its_way() {
    let mut s = Session::over(1);
    let mut socket = s.accepted_ecn();
    write_all(&mut socket, &[1; 16_000]);
    let sent = s.passed(ms(1));
    let full = sent[0].data.len() as u32;
    assert_eq!(sent.len(), 10);
    let before = socket.info().unwrap().cwnd;
    let mut later = Vec::new();
    for _ in 0..10 {
        s.ack = s.ack.wrapping_add(full);
        later.extend(s.say(ACK | ECE, &[]));
    }
    let after = socket.info().unwrap().cwnd;
    assert!(after < before && after >= before / 2, "{before} {after}");
    // It is said with the first new data and no others.
    assert_eq!(later[0].flags & CWR, CWR);
    assert!(later[1..].iter().all(|segment| segment.flags & CWR == 0));
    // The next window has its own.
    write_all(&mut socket, &[1; 4_000]);
    later.extend(s.passed(ms(1)));
    let waits: u32 = later.iter().map(|segment| segment.data.len() as u32).sum();
    s.ack = s.ack.wrapping_add(waits);
    let mut more = s.say(ACK | ECE, &[]);
    assert!(socket.info().unwrap().cwnd < after);
    write_all(&mut socket, &[1; 1_500]);
    more.extend(s.passed(ms(1)));
    assert_eq!(more[0].flags & CWR, CWR);
    let waits: u32 = more.iter().map(|segment| segment.data.len() as u32).sum();
    s.acknowledge(waits);
}

#[test]
fn echo_without_ecn_means_nothing() {
    let mut s = Session::over(1);
    let mut socket = s.accepted(&permitted());
    write_all(&mut socket, &[1; 3_000]);
    s.passed(ms(1));
    let before = socket.info().unwrap().cwnd;
    s.ack = s.ack.wrapping_add(3_000);
    s.say(ACK | ECE, &[]);
    assert!(socket.info().unwrap().cwnd >= before);
}

/// Routers that mark what they would drop: nothing is sent twice, and the data come as fast as where
/// nothing is marked, or nearly.
#[test]
fn link_that_marks_costs_no_retransmission_and_little_time() {
    let transfer = |marking: f64| {
        let net = Network::new(7);
        let hosts = [net.host("left"), net.host("right")];
        let link = net.ip_link(hosts);
        hosts[0].add(link, "10.0.0.1/24").add(link, "fd00::1/64");
        hosts[1].add(link, "10.0.0.2/24").add(link, "fd00::2/64");
        link.rate(20_000_000, usize::MAX).delay(ms(2));
        link.marking(marking);
        let start = net.now();
        let remote = std::net::SocketAddr::new("10.0.0.2".parse().unwrap(), 9);
        let listener = TcpListener::bind(hosts[1].stack(), remote, 1).unwrap();
        let mut sender = TcpSocket::begin(hosts[0].stack(), remote).unwrap();
        let mut receiver = None;
        let (length, mut written, mut read) = (1_000_000, 0, 0);
        let mut buffer = [0; 4000];
        let done = net.run_until(secs(100), || {
            receiver = receiver.take().or_else(|| listener.try_accept());
            let Some(receiver) = &mut receiver else {
                return false;
            };
            while written < length
                && let Some(Ok(more @ 1..)) =
                    sender.try_write(&buffer[..(length - written).min(4000)])
            {
                written += more;
            }
            while let Some(Ok(more @ 1..)) = receiver.try_read(&mut buffer) {
                read += more;
            }
            read == length
        });
        assert!(done);
        (net.now().since(start).as_millis(), link.stats())
    };
    let (clean, _) = transfer(0.0);
    let (marked, stats) = transfer(0.02);
    assert!(stats.marked > 3, "{stats:?}");
    // Data and acknowledgements, and nothing twice.
    let segments = 1_000_000_u64.div_ceil(1448);
    assert!(stats.arrived < segments * 2 + 50, "{stats:?}");
    assert!(marked < clean * 2, "{marked} ms for {clean} ms");
}
