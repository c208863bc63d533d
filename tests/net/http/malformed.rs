//! What is no request, is refused; and requests that others could read otherwise.

use super::*;

/// 400 and the end, whatever follows.
#[test]
fn malformed_requests_are_refused_and_the_connection_ends() {
    let world = world();
    let smuggled = "GET /who HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut count = 0;
    for head in [
        // RFC 9112 §3: one space, twice.
        "GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nhost: a\r\n\r\n",
        "GET /\r\nhost: a\r\n\r\n",
        "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
        // §2.2: lines end with CR and LF, and neither stands alone.
        "GET / HTTP/1.1\nhost: a\n\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\n",
        "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\rx: y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
        // §2.2: white space before the first field.
        "GET / HTTP/1.1\r\n host: a\r\n\r\n",
        // §3.2: one host, which is one.
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
        // §5.1, §5.2.
        "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n: y\r\n\r\n",
        // §6.1: two ways to frame a body, or none that is certain.
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n",
        "POST /echo HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\u{b}chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\nx: y\rtransfer-encoding: chunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        // §6.3: lengths that differ, or are none.
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 5\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0x4\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        // What is no HTTP at all.
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\r\n\r\n",
        "hello\r\n\r\n",
    ] {
        let said = world.say(format!("{head}{smuggled}"));
        assert_eq!(said.status(), "400", "{head:?}: {said:?}");
        assert_eq!(said.responses(), 1, "{head:?}: {said:?}");
        assert_eq!(said.field("connection"), Some("close"), "{head:?}");
        assert!(said.is_closed(), "{head:?}: {said:?}");
        count += 1;
    }
    let counters = world.server.counters();
    assert_eq!((counters.malformed, counters.requests), (count, 0));
    assert!(world.get("/who", "").text.ends_with("10.0.0.1 a"));
}

#[test]
fn chunks_that_are_none_are_refused_and_the_connection_ends() {
    let world = world();
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        ";x\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nx y: z\r\n\r\n",
        "5\r\nhello\r\n0\r\nx: y\n\r\n",
        "5\r\nhello\r\n0\r\n x: y\r\n\r\n",
    ] {
        let text = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}GET /who HTTP/1.1\r\nhost: a\r\n\r\n"
        );
        let said = world.say(text);
        assert_eq!(
            (said.status(), said.responses()),
            ("400", 1),
            "{body:?}: {said:?}"
        );
        assert!(said.is_closed(), "{body:?}: {said:?}");
    }
    assert_eq!(world.server.counters().malformed, 14);
}

#[test]
fn what_is_too_long_is_said_to_be_so() {
    let world = world();
    let long = "x".repeat(1200);
    for (text, status) in [
        (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), "414"),
        (format!("{long} / HTTP/1.1\r\nhost: a\r\n\r\n"), "501"),
        (
            format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"),
            "431",
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nhost: a\r\n{}\r\n",
                "x: y\r\n".repeat(300)
            ),
            "431",
        ),
    ] {
        let said = world.say(&text);
        assert_eq!(said.status(), status, "{said:?}");
        assert!(said.is_closed(), "{said:?}");
    }
    assert_eq!(world.server.counters().refused, 4);
    // What just fits is taken: a buffer of 1024 less what is kept for bodies.
    for (length, status) in [(896, "404"), (897, "431"), (899, "414")] {
        let rest = " HTTP/1.0\r\n\r\n";
        let path = "x".repeat(length - rest.len() - 5);
        let said = world.say(format!("GET /{path}{rest}"));
        assert_eq!(
            (said.status(), said.is_closed()),
            (status, true),
            "{length}"
        );
    }
}

#[test]
fn what_is_not_known_is_refused() {
    let world = world();
    for (text, status) in [
        ("BREW / HTTP/1.1\r\nhost: a\r\n\r\n", "501"),
        ("TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", "501"),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", "501"),
        ("get / HTTP/1.1\r\nhost: a\r\n\r\n", "501"),
        (
            "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "501",
        ),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", "505"),
        ("GET / HTTP/0.9\r\nhost: a\r\n\r\n", "505"),
        ("PRI * HTTP/2.0\r\n\r\n", "505"),
    ] {
        let said = world.say(text);
        assert_eq!((said.status(), said.is_closed()), (status, true), "{text}");
    }
}

/// However the octets of requests come, the responses are the same.
#[test]
fn requests_cut_anywhere_are_answered_alike() {
    let world = world();
    let text = "\r\nPOST /echo?name=x%20y HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;q\r\nhello\r\n6\r\n world\r\n0\r\ndigest: !\r\n\r\nGET /who HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n";
    let whole = world.say(text);
    assert_eq!(whole.responses(), 2, "{whole:?}");
    assert!(whole.body().starts_with("hello world!HTTP"), "{whole:?}");
    assert_eq!(whole.field("x-name"), Some("x y"));
    for cut in 1..text.len() {
        let (first, second) = text.as_bytes().split_at(cut);
        let parts = world.say_in_parts(&[first, second]);
        assert_eq!(parts.text, whole.text, "cut at {cut}");
    }
    let octets: Vec<_> = text.as_bytes().chunks(1).collect();
    assert_eq!(world.say_in_parts(&octets).text, whole.text);
}

#[test]
fn old_clients_need_no_host_and_new_versions_are_taken_for_1_1() {
    let world = world();
    assert_eq!(world.say("GET /who HTTP/1.0\r\n\r\n").status(), "200");
    assert_eq!(
        world.say("GET /who HTTP/1.2\r\nhost: a\r\n\r\n").status(),
        "200"
    );
    // §3.2.2: the absolute form is taken, and its host.
    let said = world.say("GET http://b:80/who HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(said.body(), "0 10.0.0.1 b:80");
    // RFC 9110 §7.4: what is to be secured is not served on a stream that is not.
    let said = world.say("GET https://b/who HTTP/1.1\r\nhost: b\r\n\r\n");
    assert_eq!((said.status(), said.body()), ("421", "Misdirected Request"));
}
