//! Statistics: what passes is counted once, under the right name.

use std::collections::BTreeMap;

use zonda::link::{Capabilities, Port};
use zonda::stack::{Stack, Statistic};

use crate::alone::*;
use crate::fragments::part;
use crate::frame::*;
use crate::network::*;

/// What a number is now.
#[track_caller]
fn value(stack: Stack<'_>, path: &str) -> u64 {
    stack
        .statistic(path)
        .unwrap_or_else(|| panic!("there is no {path}"))
}

/// These numbers are so.
#[track_caller]
fn expect(stack: Stack<'_>, numbers: &[(&str, u64)]) {
    for &(path, wanted) in numbers {
        assert_eq!(value(stack, path), wanted, "{path}");
    }
}

/// All numbers by their paths.
fn all(stack: Stack<'_>) -> BTreeMap<String, Statistic> {
    let numbers = stack.statistics();
    numbers.map(|one| (one.path.to_string(), one)).collect()
}

/// Two hosts that know each other; what they have counted is forgotten.
fn two() -> (Network, Host, Host, Link) {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]).delay(us(10));
    a.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    b.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    let (from, to) = (a.udp("[::]:0"), b.udp("[::]:9"));
    for address in ["10.0.0.2:9", "[fd00::2]:9"] {
        let address = address.parse().unwrap();
        from.try_send_to(b"hello", Some(address)).unwrap();
        net.run_for(ms(1));
        to.try_recv().unwrap();
    }
    net.run_for(secs(10));
    a.stack().reset_statistics();
    b.stack().reset_statistics();
    (net, a, b, link)
}

#[test]
fn datagrams_are_counted_by_either_side_and_at_each_layer() {
    let (net, a, b, _) = two();
    let (from, to) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for (address, length) in [
        ("10.0.0.2:7", 100),
        ("10.0.0.2:7", 0),
        ("[fd00::2]:7", 1000),
    ] {
        let data = vec![0; length];
        from.try_send_to(&data, Some(address.parse().unwrap()))
            .unwrap();
    }
    net.run_for(ms(1));
    for (host, way) in [(a, "sent"), (b, "received")] {
        for (path, wanted) in [
            ("udp.WAY.datagrams", 3),
            ("udp.WAY.octets", 1100),
            ("ipv4.WAY.packets", 2),
            ("ipv4.WAY.octets", 156),
            ("ipv6.WAY.packets", 1),
            ("ipv6.WAY.octets", 1048),
            ("link.WAY.frames", 3),
            ("link.WAY.octets", 156 + 1048 + 3 * 14),
            ("link.WAY.multicast", 0),
            ("tcp.WAY.segments", 0),
            ("icmp.WAY.messages", 0),
        ] {
            expect(host.stack(), &[(&path.replace("WAY", way), wanted)]);
        }
    }
    expect(a.stack(), &[("udp.received.datagrams", 0)]);
    expect(
        b.stack(),
        &[
            ("udp.sockets", 1),
            ("udp.datagrams_queued", 3),
            ("udp.octets_queued", 1100),
            ("port.received", 3),
        ],
    );
    while to.try_recv().is_some() {}
    expect(b.stack(), &[("udp.datagrams_queued", 0)]);
}

#[test]
fn what_is_of_no_use_is_counted_under_the_name_of_the_reason() {
    let (net, a, b, _) = two();
    let socket = a.udp("0.0.0.0:0");
    let nobody = "10.0.0.2:4444".parse().unwrap();
    socket.try_send_to(b"anybody?", Some(nobody)).unwrap();
    net.run_for(ms(1));
    expect(
        b.stack(),
        &[
            ("if0.udp.dropped.no_socket", 1),
            ("udp.received.datagrams", 1),
            ("icmp.sent.errors", 1),
            ("icmp.sent.messages", 1),
        ],
    );
    expect(a.stack(), &[("icmp.received.errors", 1)]);
    let absent = "10.0.0.99:7".parse().unwrap();
    socket.try_send_to(b"anybody?", Some(absent)).unwrap();
    net.run_for(secs(10));
    expect(
        a.stack(),
        &[
            ("link.unsent.neighbor_unreachable", 1),
            ("arp.sent.requests", 3),
            ("link.sent.broadcast", 3),
            ("neighbors.unreachable", 1),
            ("arp.received.replies", 0),
        ],
    );
}

#[test]
fn each_number_has_a_name_of_its_own_and_is_found_by_it() {
    let net = Network::new(1);
    let host = net.host("a");
    let (first, second) = (net.link([host]), net.link([host]));
    host.add(first, "10.0.0.1/24").add(second, "10.1.0.1/24");
    net.run_for(secs(10));
    let _socket = host.udp("10.1.0.1:7");
    let stack = host.stack();
    let numbers = all(stack);
    assert_eq!(numbers.len(), stack.statistics().count(), "a name twice");
    for (path, number) in &numbers {
        assert_eq!(stack.statistic(path), Some(number.value), "{path}");
        assert!(path.len() < 48, "{path}");
    }
    for id in ["if0", "if1"] {
        let path = format!("{id}.link.sent.frames");
        assert_ne!(numbers[&path].value, 0);
    }
    let sum = value(stack, "if0.link.sent.octets") + value(stack, "if1.link.sent.octets");
    expect(stack, &[("link.sent.octets", sum)]);
    assert!(numbers["udp.sockets"].is_gauge && !numbers["tcp.retransmitted"].is_gauge);
    for none in [
        "",
        "if2.link.sent.octets",
        "if.link",
        "tcp",
        "if0.tcp.retransmitted",
    ] {
        assert_eq!(stack.statistic(none), None, "{none}");
    }
}

#[test]
fn whoever_reads_them_may_use_the_stack_meanwhile() {
    let (net, a, b, _) = two();
    let (socket, sink) = (a.udp("[::]:0"), b.udp("[::]:7"));
    let to = Some("10.0.0.2:7".parse().unwrap());
    let mut sent = 0;
    a.stack().statistics().take(20).for_each(|_| {
        socket.try_send_to(b"x", to).unwrap();
        net.run_for(ms(1));
        sink.try_recv().unwrap();
        sent += 1;
    });
    expect(a.stack(), &[("udp.sent.datagrams", sent)]);
}

#[test]
fn pings_and_questions_for_neighbours_are_told_apart() {
    let a = alone();
    a.net.run_for(secs(10));
    a.peer.take();
    a.stack().reset_statistics();
    a.introduce();
    for (host, peer) in PAIRS {
        assert_eq!(
            a.ask(a.to_host(&echo(peer, host, false, 1, 1, b"?"))).len(),
            1
        );
    }
    a.ask(a.reply());
    a.ask(a.advertise(SOLICITED));
    expect(
        a.stack(),
        &[
            ("icmp.received.echo_requests", 2),
            ("icmp.sent.echo_replies", 2),
            ("icmp.sent.echo_requests", 0),
            ("icmp.received.messages", 4),
            ("icmp.sent.messages", 3),
            ("arp.received.requests", 1),
            ("arp.received.replies", 1),
            ("arp.sent.replies", 1),
            ("nd.received.neighbor_solicitations", 1),
            ("nd.received.neighbor_advertisements", 1),
            ("nd.sent.neighbor_advertisements", 1),
            ("ipv6.received.multicast", 1),
            ("link.received.multicast", 1),
            ("link.received.broadcast", 1),
            ("neighbors.entries", 2),
        ],
    );
}

#[test]
fn membership_messages_are_counted() {
    let a = neighborly();
    let socket = a.host.udp("[::]:7");
    let id = a.host.interface(a.link);
    a.stack().reset_statistics();
    for group in ["239.1.1.1", "ff05::1234"] {
        let group = group.parse().unwrap();
        socket.join(group, id).unwrap();
    }
    a.net.run_for(secs(10));
    let reports = value(a.stack(), "membership.sent.reports");
    assert!(reports >= 4, "each is said again: {reports}");
    expect(a.stack(), &[("link.sent.multicast", reports)]);
}

#[test]
fn fragments_and_what_they_make_are_counted() {
    let (net, a, b, _) = two();
    let (from, to) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for address in ["10.0.0.2:7", "[fd00::2]:7"] {
        let address = address.parse().unwrap();
        from.try_send_to(&[7; 4000], Some(address)).unwrap();
        net.run_for(ms(5));
        to.try_recv().expect("a datagram");
    }
    for (host, way) in [(a, "sent"), (b, "received")] {
        for (path, wanted) in [
            ("ipv4.WAY.packets", 1),
            ("ipv4.WAY.fragments", 3),
            ("ipv4.WAY.fragmented", 1),
            ("ipv6.WAY.packets", 1),
            ("ipv6.WAY.fragments", 3),
            ("ipv6.WAY.fragmented", 1),
            ("udp.WAY.datagrams", 2),
            ("udp.WAY.octets", 8000),
            ("link.WAY.frames", 6),
        ] {
            expect(host.stack(), &[(&path.replace("WAY", way), wanted)]);
        }
    }
    // One of which the rest never comes.
    let alone = acquainted();
    alone.ask(part(&alone, 0, UDP, 1, 0, true, &[0; 16]));
    expect(alone.stack(), &[("ip.reassemblies", 1)]);
    alone.net.run_for(secs(100));
    expect(
        alone.stack(),
        &[
            ("ip.reassemblies", 0),
            ("ip.dropped.reassembly_timeout", 1),
            ("ipv4.received.fragments", 1),
            ("udp.received.datagrams", 0),
        ],
    );
}

#[test]
fn what_a_host_sends_to_itself_passes_no_link() {
    let (net, a, _, _) = two();
    let port = Box::leak(Box::new(Port::new(Capabilities::ip(1500))));
    a.stack().attach_loopback(port).unwrap();
    let (from, to) = (a.udp("[::]:0"), a.udp("[::]:7"));
    for address in ["127.0.0.1:7", "10.0.0.1:7"] {
        from.try_send_to(b"self", Some(address.parse().unwrap()))
            .unwrap();
        net.run_for(ms(1));
        to.try_recv().expect("a datagram");
    }
    for way in ["sent", "received"] {
        for (path, wanted) in [
            ("udp.WAY.datagrams", 2),
            ("if1.udp.WAY.datagrams", 1),
            ("if0.udp.WAY.octets", 4),
            ("link.WAY.frames", 0),
        ] {
            expect(a.stack(), &[(&path.replace("WAY", way), wanted)]);
        }
    }
}

#[test]
fn copy_of_a_datagram_to_a_group_for_this_host_is_not_sent_twice() {
    let a = neighborly();
    let id = a.host.interface(a.link);
    let (from, to) = (a.host.udp("[::]:0"), a.host.udp("[::]:7"));
    to.join("239.1.1.1".parse().unwrap(), id).unwrap();
    a.net.run_for(secs(10));
    a.stack().reset_statistics();
    from.set_multicast_loop(true);
    from.try_send_to(b"all", Some("239.1.1.1:7".parse().unwrap()))
        .unwrap();
    a.net.run_for(ms(1));
    to.try_recv().expect("the copy");
    let numbers = [("udp.sent.datagrams", 1), ("udp.received.datagrams", 1)];
    expect(a.stack(), &numbers);
}

#[test]
fn frames_are_counted_by_the_class_that_they_went_in() {
    let (net, a, b, _) = two();
    let (from, sink) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for class in [0, 2, 2, 200] {
        from.set_priority(class);
        from.try_send_to(b"x", Some("10.0.0.2:7".parse().unwrap()))
            .unwrap();
    }
    net.run_for(ms(1));
    let last = zonda::config::TRAFFIC_CLASSES - 1;
    assert!(last > 2);
    expect(
        a.stack(),
        &[
            ("link.sent.class_0", 1),
            ("link.sent.class_2", 2),
            (&format!("link.sent.class_{last}"), 1),
        ],
    );
    assert_eq!(a.stack().statistic("link.sent.class_8"), None);
    while sink.try_recv().is_some() {}
}

#[test]
fn all_that_counts_begins_anew_and_what_there_is_stays() {
    let (net, a, b, link) = two();
    let (from, to) = (a.udp("[::]:0"), b.udp("[::]:7"));
    for _ in 0..3 {
        from.try_send_to(b"1234", Some("10.0.0.2:7".parse().unwrap()))
            .unwrap();
    }
    net.run_for(ms(1));
    let before = all(b.stack());
    b.stack().reset_statistics();
    for (path, number) in all(b.stack()) {
        match number.is_gauge {
            false => assert_eq!(number.value, 0, "{path}"),
            true if path.ends_with("_low") => {
                let most = before[&path.replace("_low", "")].value;
                let used = before[&path.replace("_low", "_used")].value;
                assert_eq!(number.value, most - used, "{path}");
            }
            true => assert_eq!(number.value, before[&path].value, "{path}"),
        }
    }
    assert_eq!(b.counters(link).received, 0);
    assert_eq!(
        b.stack().interface_statistics(0).unwrap(),
        Default::default()
    );
    while to.try_recv().is_some() {}
}

/// A datagram that came before turns out to be bad only when it is read.
#[test]
fn what_was_taken_in_before_all_begins_anew_may_be_dropped_after_that() {
    let a = acquainted();
    let socket = a.host.udp("[::]:7");
    let mut damaged = a.datagram(0, (9, 7), b"damage");
    *damaged.last_mut().unwrap() ^= 1;
    a.peer.exchange(damaged);
    a.stack().reset_statistics();
    assert!(socket.try_recv().is_none());
    expect(a.stack(), &[("udp.dropped.checksum", 1)]);
    let counters = a.host.counters(a.link);
    assert_eq!((counters.received, counters.accepted), (1, 0));
}

#[test]
fn pool_says_how_full_it_was_and_what_it_could_not_give() {
    let (net, a, b, _) = two();
    let (from, sink) = (a.udp("[::]:0"), b.udp("[::]:7"));
    let blocks = value(b.stack(), "pool.blocks");
    for _ in 0..4 * blocks {
        let sent = from.try_send_to(&[1; 400], Some("10.0.0.2:7".parse().unwrap()));
        sent.expect("it is sent");
        net.run_for(us(50));
    }
    let dropped =
        value(b.stack(), "udp.dropped.quota") + value(b.stack(), "link.dropped.pool_held");
    assert!(dropped > 0);
    let (used, low) = (
        value(b.stack(), "pool.blocks_used"),
        value(b.stack(), "pool.blocks_low"),
    );
    assert!(used > 0 && low <= blocks - used);
    while sink.try_recv().is_some() {}
    expect(b.stack(), &[("pool.blocks_used", 0), ("pool.held", 0)]);
}

#[cfg(feature = "tcp")]
mod tcp {
    use std::net::SocketAddr;

    use zonda::socket::{TcpListener, TcpSocket};

    use super::{expect, value};
    use crate::frame::*;
    use crate::network::*;
    use crate::tcp::*;

    #[test]
    fn connections_are_counted_by_how_they_begin_and_end() {
        let (net, a, b, _) = super::two();
        let remote: SocketAddr = "10.0.0.2:80".parse().unwrap();
        let listener = TcpListener::bind(b.stack(), remote, 4).unwrap();
        let begin = |remote| {
            let socket = TcpSocket::begin(a.stack(), remote).unwrap();
            net.run_for(ms(1));
            socket
        };
        // One that is refused, one that ends well, one that is reset.
        drop(begin("10.0.0.2:81".parse().unwrap()));
        let (client, server) = (begin(remote), listener.try_accept().unwrap());
        expect(b.stack(), &[("tcp.established", 1), ("tcp.connections", 1)]);
        drop(client);
        net.run_for(ms(1));
        drop(server);
        net.run_for(ms(1));
        expect(a.stack(), &[("tcp.time_wait", 1)]);
        let (client, server) = (begin(remote), listener.try_accept().unwrap());
        client.abort();
        net.run_for(ms(1));
        drop(server);
        expect(
            a.stack(),
            &[
                ("tcp.opened", 3),
                ("tcp.accepted", 0),
                ("tcp.refused", 1),
                ("tcp.closed", 1),
                ("tcp.aborted", 1),
                ("tcp.received.resets", 1),
                ("tcp.sent.resets", 1),
                ("tcp.retransmitted", 0),
                ("tcp.established", 0),
            ],
        );
        expect(
            b.stack(),
            &[
                ("tcp.opened", 0),
                ("tcp.accepted", 2),
                ("tcp.closed", 1),
                ("tcp.reset", 1),
                ("tcp.connections", 0),
                ("tcp.dropped.no_connection", 1),
            ],
        );
        assert_eq!(a.stack().tcp_statistics().opened, 3);
    }

    #[test]
    fn segments_that_are_sent_again_are_counted_as_sent_and_as_such() {
        let mut s = Session::new();
        let mut socket = s.accepted(&mss(1460));
        let stack = s.a.stack();
        stack.reset_statistics();
        write_all(&mut socket, b"0123456789");
        // The probe of the tail, then the timeouts.
        let sent = s.passed(secs(5)).len() as u64;
        assert!(sent > 2);
        expect(
            stack,
            &[
                ("tcp.retransmitted", sent - 1),
                ("tcp.sent.segments", sent),
                ("tcp.sent.octets", 10 * sent),
                ("tcp.octets_unacknowledged", 10),
            ],
        );
        assert_eq!(u64::from(socket.info().unwrap().retransmitted), sent - 1);
        s.acknowledge(10);
        s.say(ACK, b"abc");
        expect(
            stack,
            &[
                ("tcp.received.segments", 2),
                ("tcp.received.octets", 3),
                ("tcp.octets_unread", 3),
                ("tcp.octets_unacknowledged", 0),
            ],
        );
        // A SYN inside the window is answered, and does nothing else (RFC 5961 §4.2).
        s.at(0, SYN, &[]);
        expect(stack, &[("tcp.challenges", 1)]);
    }

    #[test]
    fn handshakes_that_are_not_answered_are_sent_again_and_time_out() {
        let mut s = Session::new();
        let stack = s.a.stack();
        let (socket, _) = s.begun();
        let again = s.passed(secs(600)).len() as u64;
        assert!(again > 1);
        let numbers = [("tcp.retransmitted", again), ("tcp.timed_out", 1)];
        expect(stack, &numbers);
        drop(socket);
        stack.reset_statistics();
        s.ports = (5000, 80);
        let _listener = s.listen(1);
        assert_eq!(one(s.say(SYN, &[])).flags, SYN | ACK);
        expect(stack, &[("tcp.handshakes", 1), ("tcp.accepted", 0)]);
        let again = s.passed(secs(600)).len() as u64;
        let numbers = [("tcp.retransmitted", again), ("tcp.handshakes", 0)];
        expect(stack, &numbers);
    }

    #[test]
    fn cookies_are_counted_when_they_go_and_when_they_come_back() {
        let mut s = Session::new();
        let listener = s.listen(2);
        listener::flood(&s, 100);
        let stack = s.a.stack();
        let sent = value(stack, "tcp.cookies_sent");
        assert!((10..100).contains(&sent), "{sent}");
        expect(stack, &[("tcp.cookies_returned", 0)]);
        s.open(&mss(1460));
        drop(listener.try_accept().expect("a connection"));
        let numbers = [("tcp.cookies_returned", 1), ("tcp.accepted", 1)];
        expect(stack, &numbers);
    }

    #[test]
    fn losses_are_sent_again_as_often_as_the_connections_say() {
        let (net, a, b, link) = super::two();
        link.loss(0.05);
        let remote: SocketAddr = "10.0.0.2:80".parse().unwrap();
        let listener = TcpListener::bind(b.stack(), remote, 4).unwrap();
        let mut client = net
            .block_on(TcpSocket::connect(a.stack(), remote))
            .expect("a connection");
        let mut server = net.block_on(listener.accept());
        let begun = value(a.stack(), "tcp.retransmitted");
        let (mut written, mut read) = (0, 0);
        let mut buf = [0; 4000];
        while read < 200_000 {
            if written < 200_000
                && let Some(Ok(length)) = client.try_write(&buf[..1000])
            {
                written += length;
            }
            net.run_for(ms(1));
            while let Some(Ok(length @ 1..)) = server.try_read(&mut buf) {
                read += length;
            }
        }
        let again = u64::from(client.info().unwrap().retransmitted);
        assert!(again > 0);
        assert_eq!(value(a.stack(), "tcp.retransmitted") - begun, again);
        let octets = value(a.stack(), "tcp.sent.octets");
        assert!(octets > written as u64, "{octets} octets for {written}");
        link.perfect();
        drop((client, server));
        net.run_for(secs(5));
    }
}
