//! Connections that go on, that end, and more of them than there are places.

use super::*;

const WHO: &str = "GET /who HTTP/1.1\r\nhost: a\r\n\r\n";
const LAST: &str = "GET /who HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n";

#[test]
fn requests_without_waiting_are_answered_in_their_order() {
    let world = world();
    let mut text = String::new();
    for number in 0..50 {
        text += &format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n{number:03}");
    }
    let said = world.say(text + LAST);
    assert_eq!(said.responses(), 51);
    let mut rest = &said.text[..];
    for number in 0..50 {
        let place = rest
            .find(&format!("\r\n\r\n{number:03}HTTP/1.1 "))
            .expect("the next");
        rest = &rest[place + 7..];
    }
    assert!(said.is_closed());
    assert_eq!(world.server.counters().connections, 1);
}

#[test]
fn connection_ends_when_the_client_says_so_and_nothing_is_done_behind_that() {
    let world = world();
    let said = world.say(format!("{LAST}{WHO}"));
    assert_eq!(
        (said.responses(), said.field("connection")),
        (1, Some("close"))
    );
    assert!(said.is_closed(), "{said:?}");
    let said = world.say(WHO);
    assert_eq!((said.responses(), said.field("connection")), (1, None));
    assert_eq!(said.seconds, 30);
}

#[test]
fn old_client_keeps_its_connection_if_it_asks_for_that() {
    let world = world();
    let old = |field: &str| format!("GET /who HTTP/1.0\r\nhost: a\r\n{field}\r\n\r\n");
    let said = world.say(old("connection: keep-alive") + &old("x: y"));
    assert_eq!(
        (said.responses(), said.field("connection")),
        (2, Some("keep-alive"))
    );
    assert!(said.is_closed());
    let said = world.say(old("x: y") + &old("x: y"));
    assert_eq!(
        (said.responses(), said.field("connection")),
        (1, Some("close"))
    );
    assert!(said.is_closed());
}

#[test]
fn client_that_says_no_more_gets_all_its_responses() {
    let world = world();
    let mut socket = world.connect();
    let text = [WHO; 5].concat();
    world
        .net
        .block_on(socket.write_all(text.as_bytes()))
        .unwrap();
    socket.shutdown();
    let start = world.net.now();
    let (said, is_reset) = world.net.block_on(read_all(&mut socket));
    assert_eq!((said.matches("HTTP/1.1 200").count(), is_reset), (5, false));
    assert!(world.net.now().since(start).as_secs() < 1);
}

#[test]
fn server_listens_on_several_ports_and_both_versions() {
    let world = world();
    for (address, peer) in [
        ("10.0.0.2:80", "10.0.0.1"),
        ("10.0.0.2:8080", "10.0.0.1"),
        ("[fd00::2]:80", "fd00::1"),
        ("[fd00::2]:8080", "fd00::1"),
    ] {
        let mut socket = world.net.block_on(world.connect_to(address));
        world
            .net
            .block_on(socket.write_all(LAST.as_bytes()))
            .unwrap();
        let (said, _) = world.net.block_on(read_all(&mut socket));
        assert!(said.ends_with(&format!("0 {peer} b")), "{said}");
    }
}

/// A hundred clients, and four places: all are served, each with one request after the other.
#[test]
fn more_connections_than_places_are_served_one_after_the_other() {
    let world = world();
    let stack = world.client.stack();
    let mut sockets: Vec<_> = (0..100)
        .map(|number| {
            let address = ["10.0.0.2:80", "[fd00::2]:8080"][number % 2]
                .parse()
                .unwrap();
            let mut socket = TcpSocket::begin(stack, address).unwrap();
            let text =
                format!("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n{number:03}");
            assert_eq!(socket.try_write(text.as_bytes()), Some(Ok(text.len())));
            (socket, String::new())
        })
        .collect();
    let all = world.net.run_until(secs(100), || {
        for (socket, said) in &mut sockets {
            let mut some = [0; 500];
            match socket.try_read(&mut some) {
                Some(Ok(length)) => *said += core::str::from_utf8(&some[..length]).unwrap(),
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        (0..)
            .zip(&sockets)
            .all(|(number, (_, said))| said.ends_with(&format!("\r\n\r\n{number:03}")))
    });
    assert!(all);
    // A SYN that found no room was sent again; nobody waited for another client to be idle.
    assert!(world.net.now().as_millis() < 5000, "{}", world.net.now());
    let counters = world.server.counters();
    assert_eq!((counters.connections, counters.requests), (100, 100));
}

/// While others wait, a response ends its connection: no client keeps a place that it does not need.
#[test]
fn connections_end_behind_their_response_while_others_wait() {
    let world = world();
    let mut places: Vec<_> = (0..4).map(|_| world.connect()).collect();
    world.net.run_for(ms(10));
    let mut other = world.connect();
    world
        .net
        .block_on(other.write_all(LAST.as_bytes()))
        .unwrap();
    world.net.run_for(secs(1));
    assert_eq!(other.unread(), 0);
    world
        .net
        .block_on(places[0].write_all(WHO.as_bytes()))
        .unwrap();
    let (said, _) = world.net.block_on(read_all(&mut places[0]));
    assert!(said.contains("connection: close"), "{said}");
    let (said, _) = world.net.block_on(read_all(&mut other));
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}

/// A connection that has had its response makes room; the one that has waited longest first.
#[test]
fn connection_without_a_request_makes_room_for_another() {
    let world = world();
    let mut places: Vec<_> = (0..4).map(|_| world.connect()).collect();
    for place in &mut places {
        world.net.block_on(place.write_all(WHO.as_bytes())).unwrap();
        let said = world.net.block_on(read_until(place, " a"));
        assert!(!said.contains("close"), "{said}");
        world.net.run_for(ms(100));
    }
    let said = world.say(LAST);
    assert_eq!((said.status(), said.is_closed()), ("200", true));
    let ended: Vec<_> = places.iter().map(|place| place.is_readable()).collect();
    assert_eq!(ended, [true, false, false, false]);
    assert_eq!(world.server.counters().displaced, 1);
    // One that is about to ask for the first time is left in peace.
    drop(places);
    world.net.run_for(secs(1));
    let places: Vec<_> = (0..4).map(|_| world.connect()).collect();
    let mut other = world.connect();
    world
        .net
        .block_on(other.write_all(LAST.as_bytes()))
        .unwrap();
    world.net.run_for(secs(5));
    assert!(places.iter().all(|place| !place.is_readable()));
    let (said, _) = world.net.block_on(read_all(&mut other));
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}

/// The server knows no TCP where it is given another stream.
#[test]
fn stream_of_any_kind_is_served() {
    use zonda::proto::http::{HttpPlace, Plain};

    /// Reads from one end of a slice, and writes to a vector.
    struct Pipe<'p>(&'p [u8], Vec<u8>);

    impl embedded_io_async::ErrorType for Pipe<'_> {
        type Error = std::convert::Infallible;
    }

    impl Read for Pipe<'_> {
        async fn read(&mut self, to: &mut [u8]) -> Result<usize, Self::Error> {
            let length = to.len().min(self.0.len()).min(10);
            to[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    impl Write for Pipe<'_> {
        async fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
            let length = octets.len().min(7);
            self.1.extend(&octets[..length]);
            Ok(length)
        }

        async fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    let world = world();
    let text = "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /style.css HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = Plain(Pipe(text.as_bytes(), Vec::new()));
    let mut place = HttpPlace::<512>::new();
    world
        .net
        .block_on(world.server.serve(&mut stream, &mut place));
    let said = String::from_utf8(stream.0.1).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 2, "{said}");
    assert!(said.ends_with("h1 { color: teal }"), "{said}");
}
