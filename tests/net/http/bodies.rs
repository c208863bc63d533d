//! Bodies of requests and responses, and how they are framed.

use super::*;

#[test]
fn body_is_read_whether_its_length_is_said_or_it_comes_in_chunks() {
    let world = world();
    for (field, body, expected) in [
        ("content-length: 5", "hello", "hello"),
        ("content-length: 5, 5", "hello", "hello"),
        ("content-length: 0", "", ""),
        ("x: y", "", ""),
        ("transfer-encoding: chunked", "0\r\n\r\n", ""),
        (
            "transfer-encoding: Chunked",
            "2;a=b\r\nhe\r\n03\r\nllo\r\n00\r\n\r\n",
            "hello",
        ),
        // Fields behind the chunks are told apart from those in front.
        (
            "transfer-encoding: chunked",
            "5\r\nhello\r\n0\r\nDigest: abc\r\nhost: b\r\n\r\n",
            "helloabc",
        ),
    ] {
        let text =
            format!("POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{field}\r\n\r\n{body}");
        let said = world.say(text);
        assert_eq!(
            (said.status(), said.body()),
            ("200", expected),
            "{field}: {said:?}"
        );
        assert!(said.is_closed());
    }
}

#[test]
fn body_of_any_length_goes_through_a_small_buffer() {
    let world = world();
    let body: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let sum: u64 = body.iter().map(|octet| u64::from(*octet)).sum();
    let expected = format!("100000 {sum}");
    let head = "PUT /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    let mut text = format!("{head}content-length: 100000\r\n\r\n").into_bytes();
    text.extend(&body);
    let said = world.say(&text);
    assert_eq!((said.status(), said.body()), ("201", &*expected));
    for size in [1, 7, 500, 5000, 100_000] {
        let body = if size == 1 {
            &body[..10_000]
        } else {
            &body[..]
        };
        let sum: u64 = body.iter().map(|octet| u64::from(*octet)).sum();
        let mut text = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(size) {
            text.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            text.extend(chunk);
            text.extend(b"\r\n");
        }
        text.extend(b"0\r\n\r\n");
        let said = world.say(&text);
        assert_eq!(
            said.body(),
            format!("{} {sum}", body.len()),
            "chunks of {size}"
        );
    }
}

#[test]
fn body_that_is_too_large_is_refused() {
    let config = HttpConfig {
        max_body: 100,
        ..HttpConfig::default()
    };
    let world = world_with(config, |_| {}, PAGES);
    let head = "PUT /echo HTTP/1.1\r\nhost: a\r\n";
    for text in [
        format!("{head}content-length: 101\r\n\r\n{}", "x".repeat(101)),
        format!("{head}content-length: 18446744073709551614\r\n\r\nx"),
        format!(
            "{head}transfer-encoding: chunked\r\n\r\n65\r\n{}\r\n0\r\n\r\n",
            "x".repeat(101)
        ),
        format!(
            "{head}transfer-encoding: chunked\r\n\r\n{}",
            "1\r\nx\r\n".repeat(101)
        ),
        // One that cannot be meant: nobody waits for it.
        format!(
            "{head}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
            "x".repeat(200)
        ),
        // The fields behind the chunks find no room.
        format!(
            "{head}transfer-encoding: chunked\r\n\r\n0\r\nx: {}\r\n\r\n",
            "y".repeat(2000)
        ),
    ] {
        let said = world.say(&text);
        assert_eq!(
            (said.status(), said.is_closed()),
            ("413", true),
            "{text}: {said:?}"
        );
        assert_eq!(said.field("connection"), Some("close"));
    }
    // Who waits to be told to go on is told not to.
    let said = world.say(format!(
        "{head}content-length: 101\r\nexpect: 100-continue\r\n\r\n"
    ));
    assert_eq!((said.status(), said.responses()), ("413", 1), "{said:?}");
    let said = world.say(format!(
        "{head}content-length: 100\r\n\r\n{}",
        "x".repeat(100)
    ));
    assert_eq!(said.status(), "201");
    assert_eq!(world.server.counters().refused, 7);
}

#[test]
fn continue_is_said_when_the_body_is_read_and_not_before() {
    let world = world();
    let head =
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-Continue\r\n\r\n";
    let mut socket = world.connect();
    world
        .net
        .block_on(socket.write_all(head.as_bytes()))
        .unwrap();
    let said = world.net.block_on(read_until(&mut socket, "\r\n\r\n"));
    assert_eq!(said, "HTTP/1.1 100 Continue\r\n\r\n");
    world.net.block_on(socket.write_all(b"hello")).unwrap();
    let said = world.net.block_on(read_until(&mut socket, "hello"));
    assert!(
        said.starts_with("HTTP/1.1 200 ") && !said.contains("close"),
        "{said}"
    );
    drop(socket);
    // Who does not wait is not told.
    let said = world.say(format!("{head}hello"));
    assert_eq!((said.status(), said.body()), ("200", "hello"));
    // "if the framing indicates that there is no content".
    let none =
        "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    assert_eq!(world.say(none).status(), "200");
    // Nobody reads it: the response comes at once, and what follows is in doubt.
    let said = world.say(head.replace("/echo", "/absent"));
    assert_eq!(
        (said.status(), said.field("connection")),
        ("404", Some("close"))
    );
    assert!(said.is_closed(), "{said:?}");
}

#[test]
fn expectations_of_old_clients_are_ignored_and_unknown_ones_fail() {
    let world = world();
    let head = |version, what| {
        format!(
            "POST /echo HTTP/{version}\r\nhost: a\r\ncontent-length: 5\r\nexpect: {what}\r\n\r\n"
        )
    };
    let old = head("1.0", "100-continue");
    let said = world.say_in_parts(&[old.as_bytes(), b"hello"]);
    assert_eq!((said.status(), said.body()), ("200", "hello"));
    let said = world.say(head("1.1", "the-best"));
    assert_eq!((said.status(), said.is_closed()), ("417", true), "{said:?}");
}

#[test]
fn body_that_nobody_reads_is_passed_over_or_ends_the_connection() {
    let world = world();
    let next = "GET /who HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n";
    let head = "DELETE /made/none HTTP/1.1\r\nhost: a\r\n";
    for (field, body) in [
        ("content-length: 5", "hello".into()),
        ("content-length: 16384", "x".repeat(16_384)),
        (
            "transfer-encoding: chunked",
            "5\r\nhello\r\n0\r\nx: y\r\n\r\n".into(),
        ),
    ] {
        let said = world.say(format!("{head}{field}\r\n\r\n{body}{next}"));
        assert_eq!(
            (said.status(), said.responses()),
            ("204", 2),
            "{field}: {said:?}"
        );
        assert!(said.text.ends_with("0 10.0.0.1 b"), "{said:?}");
    }
    let body = "x".repeat(20_000);
    let said = world.say(format!("{head}content-length: 20000\r\n\r\n{body}{next}"));
    assert_eq!((said.status(), said.responses()), ("204", 1), "{said:?}");
    assert_eq!(said.field("connection"), Some("close"));
    assert!(said.is_closed());
    // Of chunks nobody knew.
    let said = world.say(format!(
        "{head}transfer-encoding: chunked\r\n\r\n4e20\r\n{body}\r\n0\r\n\r\n{next}"
    ));
    assert_eq!((said.status(), said.responses()), ("204", 1), "{said:?}");
}

#[test]
fn response_of_unknown_length_goes_in_chunks() {
    let world = world();
    let close = "connection: close\r\n";
    let said = world.get("/made/stream", close);
    assert_eq!(said.field("transfer-encoding"), Some("chunked"));
    assert_eq!(said.field("content-length"), None);
    // Small writes become one chunk.
    assert_eq!(
        said.body(),
        "000d\r\none two three\r\n0\r\nx-count: 3\r\n\r\n"
    );
    let said = world.get("/made/flushed", close);
    assert_eq!(said.body(), "0004\r\none \r\n0003\r\ntwo\r\n0\r\n\r\n");
    let said = world.get("/made/large", close);
    let body = dechunk(said.body());
    let expected = [("a", 100), ("b", 5000), ("c", 700), ("d", 9000), ("e", 10)];
    let expected: String = expected
        .map(|(letter, count)| letter.repeat(count))
        .concat();
    assert_eq!(body.len(), expected.len());
    assert!(body == expected);
    let said = world.get("/made/sized", close);
    assert_eq!(said.field("content-length"), Some("3000"));
    assert_eq!(
        said.body(),
        format!("{}{}", "a".repeat(1000), "b".repeat(2000))
    );
}

/// Puts chunks together.
fn dechunk(mut text: &str) -> String {
    let mut content = String::new();
    loop {
        let (size, rest) = text.split_once("\r\n").expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        content += &rest[..size];
        assert_eq!(&rest[size..size + 2], "\r\n");
        if size == 0 {
            assert_eq!(rest, "\r\n");
            return content;
        }
        text = &rest[size + 2..];
    }
}

#[test]
fn old_client_gets_no_chunks_but_the_end_of_the_connection() {
    let world = world();
    for field in ["x: y", "connection: keep-alive"] {
        let said = world.say(format!("GET /made/stream HTTP/1.0\r\n{field}\r\n\r\n"));
        assert!(said.text.starts_with("HTTP/1.1 200 OK\r\n"), "{said:?}");
        assert_eq!(said.field("transfer-encoding"), None);
        assert_eq!(said.field("connection"), Some("close"));
        assert_eq!(said.body(), "one two three");
        assert!(said.is_closed(), "{said:?}");
    }
}

#[test]
fn head_and_statuses_without_content_have_no_body() {
    let world = world();
    let close = "connection: close\r\n";
    for path in [
        "/",
        "/made/stream",
        "/made/large",
        "/made/sized",
        "/who",
        "/absent",
    ] {
        let got = world.get(path, close);
        let said = world.say(format!(
            "HEAD {path} HTTP/1.1\r\nhost: a\r\n\r\nGET /who HTTP/1.1\r\nhost: a\r\n{close}\r\n"
        ));
        assert_eq!(said.responses(), 2, "{path}: {said:?}");
        assert!(said.body().starts_with("HTTP/1.1 "), "{path}: {said:?}");
        // "The server SHOULD send the same header fields in response to a HEAD request".
        for field in [
            "content-length",
            "content-type",
            "transfer-encoding",
            "etag",
        ] {
            assert_eq!(said.field(field), got.field(field), "{path}");
        }
    }
    // Events are none to HEAD, and nobody waits for their end.
    let said = world.say("HEAD /ticks?quiet HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!((said.status(), said.is_closed()), ("200", true), "{said:?}");
    let said = world.get("/made/none", close);
    assert_eq!((said.status(), said.body()), ("204", ""));
    assert_eq!(
        (said.field("content-length"), said.field("content-type")),
        (None, None)
    );
    let said = world.get("/", "if-none-match: \"v1\"\r\nconnection: close\r\n");
    assert_eq!(
        (said.status(), said.body(), said.field("content-length")),
        ("304", "", None)
    );
}
