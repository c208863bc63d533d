//! Clients that are slow on purpose, or have gone.

use super::*;

/// Connects, and sends a text an octet each second; how long the server bears with that, and what it
/// has said.
fn drip(world: &World, text: &str) -> (u64, String) {
    let mut socket = world.connect();
    let start = world.net.now();
    for octet in text.as_bytes().chunks(1) {
        if world.net.block_on(socket.write_all(octet)).is_err() || socket.is_readable() {
            break;
        }
        world.net.run_for(secs(1));
    }
    let (said, _) = world.net.block_on(read_all(&mut socket));
    (world.net.now().since(start).as_secs(), said)
}

#[test]
fn slow_head_is_given_up() {
    let world = world();
    let text = format!("GET / HTTP/1.1\r\nhost: a\r\n{}", "x: y\r\n".repeat(100));
    let (seconds, said) = drip(&world, &text);
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!((10..14).contains(&seconds), "{seconds}");
    // Empty lines put nothing off.
    let (seconds, said) = drip(&world, &"\r\n".repeat(100));
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 408 "),
        "{said}"
    );
    assert!((10..14).contains(&seconds), "{seconds}");
    assert_eq!(world.server.counters().timed_out, 2);
}

#[test]
fn silent_connection_is_ended() {
    let world = world();
    let mut socket = world.connect();
    let start = world.net.now();
    let (said, _) = world.net.block_on(read_all(&mut socket));
    assert_eq!(
        (said.as_str(), world.net.now().since(start).as_secs()),
        ("", 10)
    );
    // Behind a request it may be silent for longer.
    let said = world.get("/who", "");
    assert_eq!(
        (said.status(), said.seconds, said.is_reset),
        ("200", 30, false)
    );
}

#[test]
fn slow_body_is_given_up() {
    let world = world();
    let text = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{}",
        "x".repeat(100)
    );
    let mut socket = world.connect();
    let (head, body) = text.split_at(text.len() - 100);
    world
        .net
        .block_on(socket.write_all(head.as_bytes()))
        .unwrap();
    let start = world.net.now();
    for octet in body.as_bytes().chunks(1) {
        if socket.is_readable() {
            break;
        }
        world.net.block_on(socket.write_all(octet)).unwrap();
        world.net.run_for(secs(1));
    }
    let (said, _) = world.net.block_on(read_all(&mut socket));
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    // An octet earns a 256th of a second.
    let seconds = world.net.now().since(start).as_secs();
    assert!((15..19).contains(&seconds), "{seconds}");
}

/// As fast as is asked for, for as long as it takes.
#[test]
fn body_that_comes_slowly_and_fast_enough_is_read() {
    let world = world();
    let length = 60 * 300;
    let head = format!("PUT /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    let mut socket = world.connect();
    world
        .net
        .block_on(socket.write_all(head.as_bytes()))
        .unwrap();
    for _ in 0..60 {
        world.net.block_on(socket.write_all(&[1; 300])).unwrap();
        world.net.run_for(secs(1));
    }
    let said = world.net.block_on(read_until(&mut socket, "18000 18000"));
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
}

#[test]
fn client_that_takes_nothing_is_left() {
    const LARGE: &[StaticFile] = &[StaticFile::new("/large", &[7; 200_000])];
    let world = world_with(HttpConfig::default(), |_| {}, LARGE);
    let mut socket = world.connect();
    socket.set_quota(2048, 2048);
    let request = b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n";
    world.net.block_on(socket.write_all(request)).unwrap();
    world.net.run_for(secs(13));
    assert_eq!(world.server.counters().timed_out, 0);
    world.net.run_for(secs(4));
    assert_eq!(world.server.counters().timed_out, 1);
    // The client does not take what it has for the whole.
    let (said, is_reset) = world.net.block_on(read_all(&mut socket));
    assert!(is_reset && said.len() < 100_000, "{}", said.len());
    // Not even a sip now and then makes a difference.
    let mut socket = world.connect();
    socket.set_quota(2048, 2048);
    world.net.block_on(socket.write_all(request)).unwrap();
    let start = world.net.now();
    while world.server.counters().timed_out < 2 {
        world.net.run_for(secs(2));
        let _ = socket.try_read(&mut [0; 20]);
        assert!(world.net.now().since(start).as_secs() < 60);
    }
}

#[test]
fn client_that_leaves_amid_a_request_is_forgotten() {
    let world = world();
    for text in [
        "GET / HT",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let mut socket = world.connect();
        world
            .net
            .block_on(socket.write_all(text.as_bytes()))
            .unwrap();
        world.net.run_for(ms(100));
        socket.shutdown();
        let start = world.net.now();
        let (said, _) = world.net.block_on(read_all(&mut socket));
        assert_eq!(
            (said.as_str(), world.net.now().since(start).as_secs()),
            ("", 0)
        );
    }
    assert_eq!(world.server.counters().broken, 3);
    // All places are free again.
    let sockets: Vec<_> = (0..4).map(|_| world.connect()).collect();
    assert_eq!(sockets.len(), 4);
    drop(sockets);
    assert_eq!(world.get("/who", "").status(), "200");
}
