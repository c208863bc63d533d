//! What lies in flash.

use zonda::proto::http::StaticFile;

use super::*;

const CLOSE: &str = "connection: close\r\n";

#[test]
fn file_is_sent_with_what_is_known_of_it() {
    let world = world();
    let said = world.get("/", CLOSE);
    assert_eq!((said.status(), said.body().as_bytes()), ("200", PAGE));
    for (field, value) in [
        ("date", MADE_TEXT),
        ("etag", "\"v1\""),
        ("last-modified", MADE_TEXT),
        ("cache-control", "max-age=60"),
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "21"),
        ("accept-ranges", "bytes"),
        ("connection", "close"),
    ] {
        assert_eq!(said.field(field), Some(value), "{field}");
    }
    assert_eq!(said.field("vary"), None);
    // What is of the future is of now.
    let said = world.get("/later", CLOSE);
    assert_eq!(said.field("last-modified"), Some(MADE_TEXT));
    let said = world.get("/empty.txt", CLOSE);
    assert_eq!(
        (said.status(), said.body(), said.field("content-length")),
        ("200", "", Some("0"))
    );
    let said = world.get("/%73tyle%2ecss", CLOSE);
    assert_eq!(
        (said.status(), said.field("content-type")),
        ("200", Some("text/css; charset=utf-8"))
    );
    for path in ["/style.css/", "/STYLE.CSS", "/../style.css", "//", "/x"] {
        assert_eq!(world.get(path, CLOSE).status(), "404", "{path}");
    }
    let said = world.say("PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!(
        (said.status(), said.field("allow")),
        ("405", Some("GET, HEAD, OPTIONS"))
    );
}

#[test]
fn file_that_the_client_has_is_not_sent_again() {
    let world = world();
    for (fields, status) in [
        ("if-none-match: \"v1\"", "304"),
        ("if-none-match: \"v0\", W/\"v1\"", "304"),
        ("if-none-match: \"v0\"", "200"),
        ("if-modified-since: Tue, 14 Nov 2023 22:13:20 GMT", "304"),
        ("if-modified-since: Tuesday, 14-Nov-23 22:13:20 GMT", "304"),
        ("if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT", "200"),
        (
            "if-none-match: \"v0\"\r\nif-modified-since: Tue, 14 Nov 2023 22:13:20 GMT",
            "200",
        ),
        ("if-match: \"v0\"", "412"),
        ("if-match: \"v1\"", "200"),
        ("if-unmodified-since: Tue, 14 Nov 2023 22:13:19 GMT", "412"),
        // The range is looked at last.
        ("if-none-match: \"v1\"\r\nrange: bytes=0-1", "304"),
        ("if-match: \"v0\"\r\nrange: bytes=0-1", "412"),
    ] {
        let said = world.get("/", &format!("{fields}\r\n{CLOSE}"));
        assert_eq!(said.status(), status, "{fields}");
        if status == "304" {
            // RFC 9110 §15.4.5.
            assert_eq!(said.field("etag"), Some("\"v1\""));
            assert_eq!(said.field("cache-control"), Some("max-age=60"));
            assert_eq!(said.field("date"), Some(MADE_TEXT));
        }
    }
}

#[test]
fn part_of_a_file_is_sent() {
    let world = world();
    let page = core::str::from_utf8(PAGE).unwrap();
    for (range, part) in [
        ("0-3", 0..4),
        ("4-", 4..21),
        ("-5", 16..21),
        ("20-99", 20..21),
        ("0-20", 0..21),
        ("-100", 0..21),
    ] {
        let said = world.get("/", &format!("range: bytes={range}\r\n{CLOSE}"));
        let named = format!("bytes {}-{}/21", part.start, part.end - 1);
        assert_eq!(said.status(), "206", "{range}");
        assert_eq!(said.field("content-range"), Some(&*named));
        assert_eq!(said.field("content-length"), Some(&*part.len().to_string()));
        assert_eq!(said.body(), &page[part]);
        assert_eq!(said.field("etag"), Some("\"v1\""));
    }
    for range in ["bytes=0-1,3-4", "lines=1-2", "bytes=2-1", "bytes=x"] {
        let said = world.get("/", &format!("range: {range}\r\n{CLOSE}"));
        assert_eq!((said.status(), said.body()), ("200", page), "{range}");
    }
    let said = world.get("/", &format!("range: bytes=21-\r\n{CLOSE}"));
    assert_eq!(
        (said.status(), said.field("content-range")),
        ("416", Some("bytes */21"))
    );
    for (validator, status) in [
        ("\"v1\"", "206"),
        ("\"v0\"", "200"),
        (MADE_TEXT, "206"),
        ("W/\"v1\"", "200"),
    ] {
        let said = world.get(
            "/",
            &format!("range: bytes=0-3\r\nif-range: {validator}\r\n{CLOSE}"),
        );
        assert_eq!(said.status(), status, "{validator}");
    }
    // Who has a part knows the rest.
    let said = world.get(
        "/",
        &format!("range: bytes=0-3\r\nif-range: \"v1\"\r\n{CLOSE}"),
    );
    for (field, is_there) in [
        ("etag", true),
        ("cache-control", true),
        ("date", true),
        ("content-type", false),
        ("last-modified", false),
    ] {
        assert_eq!(said.field(field).is_some(), is_there, "{field}");
    }
    let head = format!("HEAD / HTTP/1.1\r\nhost: a\r\nrange: bytes=0-3\r\n{CLOSE}\r\n");
    assert_eq!(world.say(head).status(), "200");
}

#[test]
fn compressed_variant_is_sent_to_those_who_take_it() {
    let world = world();
    for (accepts, coding, etag) in [
        ("gzip, br", Some("gzip"), "\"s1-gz\""),
        ("gzip;q=0", None, "\"s1\""),
        ("br", None, "\"s1\""),
    ] {
        let said = world.get(
            "/style.css",
            &format!("accept-encoding: {accepts}\r\n{CLOSE}"),
        );
        assert_eq!(
            (said.field("content-encoding"), said.field("etag")),
            (coding, Some(etag))
        );
        assert_eq!(said.field("vary"), Some("accept-encoding"));
        assert_eq!(said.field("content-type"), Some("text/css; charset=utf-8"));
        assert_eq!(said.body().contains("not really"), coding.is_some());
    }
    // A tag is of one variant.
    let fields = format!("accept-encoding: gzip\r\nif-none-match: \"s1\"\r\n{CLOSE}");
    assert_eq!(world.get("/style.css", &fields).status(), "200");
    let said = world.get("/style.css", &fields.replace("s1", "s1-gz"));
    assert_eq!(
        (said.status(), said.field("vary")),
        ("304", Some("accept-encoding"))
    );
}

/// 10 MB go out, and the pool of the server lends one block at a time, to the heads.
#[test]
fn large_file_is_sent_without_a_copy() {
    const LENGTH: usize = 10_000_000;

    let bytes: Vec<u8> = (0..LENGTH).map(|n| (n % 253) as u8).collect();
    let file = StaticFile::new("/large.bin", Vec::leak(bytes)).with_etag("large");
    let files = Vec::leak(vec![file]);
    let config = HttpConfig::default();
    let world = world_with(
        config,
        |link| {
            link.rate(1_000_000_000, usize::MAX).delay(us(50));
        },
        files,
    );
    let pool = world.host.pool();
    let mut socket = world.connect();
    let request = format!("GET /large.bin HTTP/1.1\r\nhost: a\r\n{CLOSE}\r\n");
    world
        .net
        .block_on(socket.write_all(request.as_bytes()))
        .unwrap();
    let head = world.net.block_on(async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut one = [0];
            socket.read_exact(&mut one).await.unwrap();
            head.extend(one);
        }
        String::from_utf8(head).unwrap()
    });
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: 10000000"),
        "{head}"
    );
    let (mut read, mut most_sent, mut most_used) = (0, 0, 0);
    let mut some = vec![0; 1 << 16];
    let done = world.net.run_until(secs(600), || {
        let stats = pool.stats();
        most_sent = most_sent.max(stats.sent);
        most_used = most_used.max(stats.blocks_used);
        loop {
            match socket.try_read(&mut some) {
                Some(Ok(0)) => return true,
                Some(Ok(length)) => {
                    let expected = (read..).map(|n| (n % 253) as u8);
                    assert!(some[..length].iter().copied().eq(expected.take(length)));
                    read += length;
                }
                Some(Err(error)) => panic!("{error}"),
                None => return false,
            }
        }
    });
    assert!(done);
    assert_eq!(read, LENGTH);
    // A window of 16 KB would take 32 blocks. What there is are acknowledgements that come in.
    assert_eq!(most_sent, 1, "blocks of written data, of the head");
    assert!(most_used <= 8, "{most_used} blocks");
    assert_eq!(pool.stats().view_failures, 0);
}
