//! Connections by name: Happy Eyeballs (RFC 8305).

use zonda::proto::dns::ConnectByNameError;
use zonda::socket::{ConnectError, TcpError, TcpListener, TcpSocket};

use super::*;

/// When the answers come, and what addresses they have.
fn with_answers(aaaa: (u64, &'static [&'static str]), a: (u64, &'static [&'static str])) -> World {
    let world = world(1);
    let _log = world.serve_bytes(0, move |query| {
        let (delay, addresses) = if query.kind == A { a } else { aaaa };
        let reply = match addresses {
            [] => query.reply().soa("", 60, 60),
            _ => query.addresses(addresses),
        };
        vec![(ms(delay), reply.bytes())]
    });
    world.use_servers(&SERVERS[..1]);
    // The neighbour is known.
    assert_eq!(world.lookup("warm.up", Family::V4).is_ok(), !a.1.is_empty());
    world
}

impl World {
    /// Lets the second server accept connections on port 80.
    fn listen(&self) -> TcpListener<'static> {
        TcpListener::bind(self.servers[1].stack(), "[::]:80".parse().unwrap(), 4).unwrap()
    }

    /// Connects to `host`; with whom, and how long it took in milliseconds.
    fn connect(&self) -> (Result<TcpSocket<'static>, ConnectByNameError>, u64) {
        let before = self.net.now();
        let connected = self.net.block_on(self.resolver.connect("host", 80));
        (connected, self.net.now().since(before).as_millis())
    }

    #[track_caller]
    fn connects(&self, expected: &str, took: std::ops::Range<u64>) {
        let (socket, time) = self.connect();
        let socket = socket.unwrap();
        assert_eq!(socket.peer_addr().unwrap().ip(), ip(expected));
        assert!(took.contains(&time), "{time} ms");
        drop(socket);
        self.net.run_for(secs(1));
    }
}

const LIVE6: &[&str] = &["fd00::54"];
const LIVE4: &[&str] = &["10.0.0.54"];

/// A neighbour that is there for ARP and Neighbor Discovery, and for nothing else.
fn silent(world: &World) -> Peer {
    let peer = world.net.peer("silent");
    let link = world.net.link((world.client, peer)).delay(us(10));
    world
        .client
        .add(link, "10.7.0.1/24")
        .add(link, "fd07::1/64");
    peer.answer_for("10.7.0.77".parse().unwrap(), "fd07::77".parse().unwrap())
}

#[test]
fn ipv6_is_tried_as_soon_as_its_addresses_are_there() {
    let world = with_answers((0, LIVE6), (1000, LIVE4));
    let _listener = world.listen();
    world.connects("fd00::54", 4..10);
}

#[test]
fn ipv4_addresses_wait_50_ms_for_those_of_ipv6() {
    // They come in time; too late; or there are none.
    let world = with_answers((40, LIVE6), (0, LIVE4));
    let _listener = world.listen();
    // Both are there: RFC 6724 prefers global IPv4 to unique local IPv6.
    world.connects("10.0.0.54", 42..60);
    let world = with_answers((400, LIVE6), (0, LIVE4));
    let _listener = world.listen();
    world.connects("10.0.0.54", 52..60);
    let world = with_answers((20, &[]), (0, LIVE4));
    let _listener = world.listen();
    world.connects("10.0.0.54", 22..30);
}

#[test]
fn next_address_is_tried_after_250_ms_and_the_versions_take_turns() {
    let world = with_answers(
        (0, &["fd07::77", "fd07::78"]),
        (0, &["10.7.0.77", "10.7.0.77", "10.0.0.54"]),
    );
    let peer = silent(&world);
    let _listener = world.listen();
    let before = world.net.now();
    // The AAAA query is sent first, and so answered first.
    world.connects("10.0.0.54", 750..765);
    let syns: Vec<_> = peer
        .take_timed()
        .iter()
        .filter_map(|(at, frame)| {
            let packet = crate::frame::read(frame).ip()?;
            let segment = packet.tcp()?;
            (segment.flags & crate::frame::SYN != 0)
                .then(|| (at.since(before).as_millis(), packet.destination))
        })
        .collect();
    assert_eq!(syns.len(), 2, "losers are dropped: {syns:?}");
    let starts: Vec<_> = syns.iter().map(|(at, to)| (at / 50, *to)).collect();
    assert_eq!(starts, [(0, ip("fd07::77")), (5, ip("10.7.0.77"))]);
}

#[test]
fn address_that_refuses_is_not_waited_for() {
    let world = with_answers((0, &["fd00::53"]), (0, LIVE4));
    let _listener = world.listen();
    // The first server refuses port 80; the next attempt keeps its distance.
    world.connects("10.0.0.54", 100..115);
}

#[test]
fn late_addresses_are_taken_in() {
    let world = with_answers((600, LIVE6), (0, &["10.7.0.77"]));
    let _peer = silent(&world);
    let _listener = world.listen();
    world.connects("fd00::54", 600..620);
}

#[test]
fn addresses_that_cannot_be_reached_come_last() {
    let world = with_answers((20, &[]), (0, &["192.0.2.1", "10.0.0.54"]));
    let _listener = world.listen();
    world.connects("10.0.0.54", 22..30);
}

#[test]
fn more_addresses_than_attempts_are_all_tried() {
    let addresses = &[
        "10.7.0.77",
        "10.7.0.78",
        "10.7.0.79",
        "10.7.0.80",
        "10.7.0.81",
        "10.0.0.54",
    ];
    let world = with_answers((0, &["fd07::77"]), (0, addresses));
    let _peer = silent(&world);
    let _listener = world.listen();
    // The fifth takes the place of the first.
    world.connects("10.0.0.54", 1500..1515);
}

#[test]
fn failure_of_all_is_told() {
    let world = with_answers((0, &["fd00::53"]), (0, &["10.0.0.53", "10.0.0.54"]));
    let (refused, time) = world.connect();
    let refused = refused.err().unwrap();
    assert_eq!(
        refused,
        ConnectByNameError::Connect(ConnectError::Failed(TcpError::Refused))
    );
    assert!((200..230).contains(&time), "{time}");
    let world = with_answers((0, &[]), (0, &[]));
    let none = world.connect().0.err().unwrap();
    assert_eq!(none, ConnectByNameError::Name(DnsError::NoData));
    let none = world
        .net
        .block_on(world.resolver.connect("a..b", 80))
        .err()
        .unwrap();
    assert_eq!(none, ConnectByNameError::Name(DnsError::NameInvalid));
}

#[test]
fn address_as_text_is_connected_to() {
    let world = world(1);
    let _listener = world.listen();
    for text in ["10.0.0.54", "fd00::54"] {
        let socket = world
            .net
            .block_on(world.resolver.connect(text, 80))
            .unwrap();
        assert_eq!(socket.peer_addr().unwrap().ip(), ip(text));
    }
}
