//! Routes, methods, credentials, events, other protocols; and handlers that err.

use super::*;

const CLOSE: &str = "connection: close\r\n";

fn ask(world: &World, method: &str, path: &str) -> Said {
    world.say(format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\n{CLOSE}\r\n"
    ))
}

#[test]
fn requests_go_where_their_path_leads() {
    let world = world();
    assert_eq!(ask(&world, "GET", "/level/1").body(), "0");
    assert_eq!(ask(&world, "PATCH", "/level/7").status(), "204");
    assert_eq!(ask(&world, "PATCH", "/level/x").status(), "400");
    assert_eq!(ask(&world, "GET", "/level/1?a=b").body(), "7");
    for path in ["/level", "/level/", "/level/1/2", "/absent", "/made"] {
        assert_eq!(ask(&world, "GET", path).status(), "404", "{path}");
    }
    let said = ask(&world, "GET", "/made/fields");
    assert_eq!(
        (
            said.status(),
            said.field("location"),
            said.field("x-number")
        ),
        ("303", Some("/"), Some("42"))
    );
    assert_eq!(ask(&world, "DELETE", "/made/x").status(), "204");
}

#[test]
fn methods_that_are_not_allowed_are_told_from_those_that_are() {
    let world = world();
    for (path, methods) in [
        ("/level/1", "GET, HEAD, PATCH, OPTIONS"),
        ("/echo", "POST, PUT, OPTIONS"),
        ("/made/x", "GET, HEAD, DELETE, OPTIONS"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let is_allowed = methods.split(", ").any(|allowed| allowed == method);
            if is_allowed && method != "OPTIONS" {
                continue;
            }
            let said = ask(&world, method, path);
            let status = if is_allowed { "204" } else { "405" };
            assert_eq!(
                (said.status(), said.field("allow")),
                (status, Some(methods)),
                "{method} {path}"
            );
        }
    }
    let said = ask(&world, "OPTIONS", "*");
    assert_eq!((said.status(), said.body()), ("204", ""));
    assert_eq!(ask(&world, "OPTIONS", "/absent").status(), "404");
}

#[test]
fn who_is_not_admitted_is_asked_for_credentials() {
    let world = world();
    let basic = |value: &str| {
        world.say(format!(
            "POST /secret HTTP/1.1\r\nhost: a\r\n{value}content-length: 2\r\n{CLOSE}\r\nhi"
        ))
    };
    let said = basic("");
    assert_eq!(said.status(), "401");
    let challenge = "Basic realm=\"the door\", charset=\"UTF-8\"";
    assert_eq!(said.field("www-authenticate"), Some(challenge));
    // Aladdin:open sesame, as in RFC 7617 §2.
    let said = basic("authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
    assert_eq!((said.status(), said.body()), ("200", "hi"));
    for value in [
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZT==",
        "Basic QWxhZGRpbjo=",
        "Basic !",
        "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nauthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    ] {
        assert_eq!(
            basic(&format!("authorization: {value}\r\n")).status(),
            "401",
            "{value}"
        );
    }
    let bearer = |value: &str| {
        world
            .get("/api/none", &format!("{value}{CLOSE}"))
            .status()
            .to_string()
    };
    assert_eq!(bearer(""), "401");
    assert_eq!(bearer("authorization: bearer mF_9.B5f-4.1JqM\r\n"), "204");
    assert_eq!(bearer("authorization: Bearer mF_9.B5f-4.1JqN\r\n"), "401");
}

#[test]
fn events_come_as_they_happen_until_the_client_leaves() {
    let world = world();
    let mut socket = world.connect();
    let request = b"GET /ticks HTTP/1.1\r\nhost: a\r\n\r\n";
    world.net.block_on(socket.write_all(request)).unwrap();
    let head = world
        .net
        .block_on(read_until(&mut socket, "data: 0\n\n\r\n"));
    assert!(
        head.contains("content-type: text/event-stream\r\n"),
        "{head}"
    );
    assert!(head.contains("cache-control: no-store\r\n"), "{head}");
    assert!(head.contains("retry: 500\n"), "{head}");
    let start = world.net.now();
    let event = world.net.block_on(read_until(&mut socket, "\n\n\r\n"));
    assert!(
        event.ends_with("\r\nevent: tick\nid: 1\ndata: two\ndata: lines\n\n\r\n"),
        "{event}"
    );
    assert_eq!(world.net.now().since(start).as_millis() / 100, 10);
    let comment = world.net.block_on(read_until(&mut socket, ":\n\r\n"));
    assert_eq!(comment, "0002\r\n:\n\r\n");
    // However long it goes on, nobody loses patience.
    world.net.run_for(secs(300));
    let more = world.net.block_on(async {
        let mut some = vec![0; 20_000];
        let length = socket.read(&mut some).await.unwrap();
        String::from_utf8(some[..length].to_vec()).unwrap()
    });
    assert!(more.contains("data: 200\n\n"), "{more}");
    drop(socket);
    world.net.run_for(secs(5));
    assert_eq!(world.server.counters().broken, 1);
    // One that says nothing notices that too.
    let mut socket = world.connect();
    let request = b"GET /ticks?quiet HTTP/1.1\r\nhost: a\r\n\r\n";
    world.net.block_on(socket.write_all(request)).unwrap();
    world.net.run_for(secs(100));
    drop(socket);
    world.net.run_for(secs(1));
    assert_eq!(world.server.counters().broken, 2);
}

#[test]
fn connection_goes_on_with_another_protocol() {
    let world = world();
    let mut socket = world.connect();
    // What comes with the request is of the other protocol already.
    let request =
        b"GET /shout HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: shout\r\n\r\nhello, ";
    world.net.block_on(socket.write_all(request)).unwrap();
    let said = world.net.block_on(read_until(&mut socket, "HELLO, "));
    let (head, _) = said.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    for field in ["connection: upgrade", "upgrade: shout", "x-loud: yes"] {
        assert!(head.contains(field), "{head}");
    }
    assert!(
        !head.contains("content-length") && !head.contains("close"),
        "{head}"
    );
    // It is held to no times of HTTP.
    world.net.run_for(secs(200));
    world.net.block_on(socket.write_all(b"world")).unwrap();
    assert_eq!(world.net.block_on(read_until(&mut socket, "D")), "WORLD");
    socket.shutdown();
    assert_eq!(
        world.net.block_on(read_all(&mut socket)),
        (String::new(), false)
    );
    let said = ask(&world, "GET", "/shout");
    assert_eq!(
        (said.status(), said.field("upgrade")),
        ("426", Some("shout"))
    );
    assert!(said.text.contains("connection: upgrade\r\n"), "{said:?}");
    // Not of HTTP/1.0, and not amid a body.
    let fields = "host: a\r\nconnection: upgrade\r\nupgrade: shout\r\n";
    let said = world.say(format!("GET /shout HTTP/1.0\r\n{fields}\r\n"));
    assert_eq!(said.status(), "426");
    let said = world.say(format!(
        "GET /shout HTTP/1.1\r\n{fields}content-length: 5\r\n\r\nhello"
    ));
    assert_eq!((said.status(), said.is_closed()), ("500", true), "{said:?}");
}

#[test]
fn handler_that_errs_is_told_of_and_the_connection_ends() {
    let world = world();
    for (path, status) in [
        // No response at all.
        ("quiet", "500"),
        // Fields that could be read as more than one, that frame the response, that find no room.
        ("split", "500"),
        ("own", "500"),
        ("wide", "500"),
        // No final response, one with content that it cannot have, a protocol nobody asked for.
        ("interim", "500"),
        ("full", "500"),
        ("unasked", "500"),
    ] {
        let said = world.get(&format!("/made/{path}"), "");
        assert_eq!(
            (said.status(), said.is_closed()),
            (status, true),
            "{path}: {said:?}"
        );
        assert!(!said.text.contains("y: b"), "{said:?}");
    }
    // What has begun cannot be taken back: the connection breaks, so that nobody takes it for whole.
    for path in ["short", "long", "unfinished"] {
        let said = world.get(&format!("/made/{path}"), "");
        assert!(said.is_reset, "{path}: {said:?}");
        assert!(!said.text.contains("0\r\n\r\n"), "{path}: {said:?}");
    }
    let said = world.get("/made/twice", "");
    assert_eq!((said.responses(), said.is_closed()), (1, true), "{said:?}");
    assert_eq!(world.server.counters().broken, 11);
    let said = world.get("/made/reset", CLOSE);
    assert_eq!(
        (said.status(), said.field("content-length"), said.body()),
        ("205", Some("0"), "")
    );
}
