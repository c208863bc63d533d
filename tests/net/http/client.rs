//! The client, of our own server, and of servers that say what they like.

use std::cell::RefCell;
use std::rc::Rc;

use zonda::proto::http::{
    HttpClient, HttpClientConfig, HttpClientError, HttpProxy, HttpRequest, Method,
};

use super::*;

type Client = HttpClient<'static, Stack<'static>, 2>;

/// A client on the host beside a server.
fn client_of(world: &World, config: HttpClientConfig<'static>) -> Client {
    let stack = world.client.stack();
    HttpClient::new(stack, stack, config)
}

/// Status and content of what a request is answered with.
async fn ask(client: &Client, request: &HttpRequest<'_>) -> Result<(u16, String), HttpClientError> {
    let mut buffer = [0; 1024];
    let mut response = client.send(request, &mut buffer).await?;
    let mut content = [0; 4000];
    let content = response.read_whole(&mut content).await?;
    let content = String::from_utf8_lossy(content).into_owned();
    Ok((response.status().code(), content))
}

impl World {
    fn ask(&self, client: &Client, request: HttpRequest<'_>) -> (u16, String) {
        self.net.block_on(ask(client, &request)).unwrap()
    }

    fn fail(&self, client: &Client, request: HttpRequest<'_>) -> HttpClientError {
        self.net.block_on(ask(client, &request)).unwrap_err()
    }

    /// A server on port 81 that says these to a request each, whatever it is, a connection for each
    /// list, which it ends behind the last. What it was asked.
    fn script(&self, answers: &'static [&'static [&'static str]]) -> Rc<RefCell<Vec<String>>> {
        let stack = self.host.stack();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = asked.clone();
        let any: SocketAddr = "[::]:81".parse().unwrap();
        let listener = TcpListener::bind(stack, any, 4).unwrap();
        let _task = self.net.spawn(async move {
            for answers in answers {
                let mut socket = listener.accept().await;
                for answer in *answers {
                    let mut text = String::new();
                    while !text.contains("\r\n\r\n") {
                        let mut some = [0; 2000];
                        match socket.read(&mut some).await {
                            Ok(length @ 1..) => {
                                text += core::str::from_utf8(&some[..length]).unwrap();
                            }
                            _ => break,
                        }
                    }
                    log.borrow_mut().push(text);
                    socket.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        self.net.settle();
        asked
    }
}

const SCRIPT: &str = "http://10.0.0.2:81/a?b";

#[test]
fn pages_are_got_on_one_connection() {
    let world = world();
    let client = client_of(&world, HttpClientConfig::default());
    let page = String::from_utf8(PAGE.to_vec()).unwrap();
    for _ in 0..3 {
        let got = world.ask(&client, HttpRequest::get("http://10.0.0.2/"));
        assert_eq!(got, (200, page.clone()));
    }
    let got = world.ask(&client, HttpRequest::get("http://10.0.0.2/absent"));
    assert_eq!(got.0, 404);
    let head = HttpRequest::new(Method::Head, "http://10.0.0.2/");
    assert_eq!(world.ask(&client, head), (200, String::new()));
    let post = HttpRequest::new(Method::Post, "http://10.0.0.2/echo");
    let got = world.ask(&client, post.with_content(b"hello"));
    assert!(got.0 == 200 && got.1.contains("hello"), "{got:?}");
    let delete = HttpRequest::new(Method::Delete, "http://10.0.0.2/made/x");
    assert_eq!(world.ask(&client, delete).0, 204);
    assert_eq!(world.server.counters().connections, 1);
    // By the other version, which is another origin.
    let got = world.ask(&client, HttpRequest::get("http://[fd00::2]:8080/"));
    assert_eq!(got, (200, page));
    assert_eq!(world.server.counters().connections, 2);
}

#[test]
fn content_goes_and_comes_as_a_stream() {
    let world = world();
    let client = client_of(&world, HttpClientConfig::default());
    for length in [Some(1500), None] {
        let text = world.net.block_on(async {
            let mut buffer = [0; 512];
            let request = HttpRequest::new(Method::Put, "http://10.0.0.2/echo");
            let request = request.with_fields(&[("content-type", "text/plain")]);
            let mut upload = client.upload(&request, length, &mut buffer).await.unwrap();
            for _ in 0..100 {
                upload.write_all(b"0123456789").await.unwrap();
            }
            upload.write_static(&[b'x'; 500]).await.unwrap();
            let mut response = upload.finish().await.unwrap();
            let mut text = String::new();
            let mut some = [0; 7];
            loop {
                match response.read(&mut some).await.unwrap() {
                    0 => break text,
                    length => text += core::str::from_utf8(&some[..length]).unwrap(),
                }
            }
        });
        // How many octets came, and their sum.
        assert!(text.starts_with("1500 112500"), "{text}");
    }
    assert_eq!(world.server.counters().connections, 1);
    // Less than was said.
    world.net.block_on(async {
        let mut buffer = [0; 512];
        let request = HttpRequest::new(Method::Put, "http://10.0.0.2/echo");
        let upload = client.upload(&request, Some(3), &mut buffer).await.unwrap();
        let error = upload.finish().await.err();
        assert_eq!(error, Some(HttpError::Misuse.into()));
    });
}

#[test]
fn credentials_are_sent() {
    let world = world();
    let client = client_of(&world, HttpClientConfig::default());
    let request = HttpRequest::new(Method::Post, "http://10.0.0.2/secret").with_content(b"x");
    assert_eq!(world.ask(&client, request).0, 401);
    let request = request.with_basic("Aladdin", "open sesame");
    assert_eq!(world.ask(&client, request).0, 200);
}

#[test]
fn request_has_what_a_request_must_have() {
    let world = world();
    let asked = world.script(&[&["HTTP/1.1 204 \r\n\r\n", "HTTP/1.1 204 \r\n\r\n"]]);
    let client = client_of(&world, HttpClientConfig::default());
    let fields = [("X-A", "b"), ("cookie", "c=d")];
    let request = HttpRequest::get(SCRIPT).with_fields(&fields);
    assert_eq!(world.ask(&client, request), (204, String::new()));
    let request = HttpRequest::new(Method::Post, "http://10.0.0.2:81#x");
    assert_eq!(world.ask(&client, request), (204, String::new()));
    let expected = [
        "GET /a?b HTTP/1.1\r\nhost: 10.0.0.2:81\r\nuser-agent: zonda\r\nX-A: b\r\ncookie: c=d\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: 10.0.0.2:81\r\nuser-agent: zonda\r\ncontent-length: 0\r\n\r\n",
    ];
    assert_eq!(*asked.borrow(), expected);
    // What the client writes itself, and what would be more than a field.
    for field in [("Host", "x"), ("content-length", "1"), ("x", "a\r\nb: c")] {
        let fields = [field];
        let request = HttpRequest::get("http://10.0.0.2/").with_fields(&fields);
        let error = world.fail(&client, request);
        assert_eq!(error, HttpError::Misuse.into(), "{field:?}");
    }
    for url in ["/a", "http:///", "ftp://10.0.0.2/", "http://10.0.0.2/a b"] {
        let error = world.fail(&client, HttpRequest::get(url));
        assert_eq!(error, HttpClientError::Url, "{url}");
    }
    let error = world.fail(&client, HttpRequest::get("https://10.0.0.2/"));
    assert_eq!(error, HttpClientError::NotSecured);
    let error = world.fail(&client, HttpRequest::get("http://10.0.0.2:9/"));
    assert_eq!(error, HttpClientError::NotConnected);
}

#[test]
fn interim_responses_are_passed_over() {
    let world = world();
    let _asked = world.script(&[&[
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ]]);
    let client = client_of(&world, HttpClientConfig::default());
    let got = world.ask(&client, HttpRequest::get(SCRIPT));
    assert_eq!(got, (200, "ok".into()));
}

#[test]
fn body_ends_where_its_framing_says() {
    let world = world();
    let _asked = world.script(&[
        &["HTTP/1.0 200 OK\r\n\r\nto the end"],
        &[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nt: u\r\n\r\n",
            "HTTP/1.1 304 \r\ncontent-length: 7\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ],
    ]);
    let client = client_of(&world, HttpClientConfig::default());
    let get = HttpRequest::get(SCRIPT);
    assert_eq!(world.ask(&client, get), (200, "to the end".into()));
    assert_eq!(world.ask(&client, get), (200, "abcde".into()));
    assert_eq!(world.ask(&client, get), (304, "".into()));
    let head = HttpRequest::new(Method::Head, SCRIPT);
    assert_eq!(world.ask(&client, head), (200, "".into()));
    assert_eq!(world.ask(&client, get), (200, "ok".into()));
}

#[test]
fn what_is_no_response_is_refused() {
    let world = world();
    let answers: &'static [&'static [&'static str]] = &[
        &["HTTP/2 200\r\n\r\n"],
        &["HTTP/1.1 101 x\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n"],
        &["HTTP/1.1 200 OK\nx: y\n\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"],
        &["HTTP/1.1 200 OK\r\nx: "],
    ];
    let _asked = world.script(answers);
    let client = client_of(&world, HttpClientConfig::default());
    for (number, answer) in answers.iter().enumerate() {
        let error = world.fail(&client, HttpRequest::get(SCRIPT));
        let is_cut = number >= 6;
        let expected = if is_cut {
            HttpError::Ended
        } else {
            HttpError::Malformed
        };
        assert_eq!(error, expected.into(), "{answer:?}");
    }
}

#[test]
fn responses_are_held_to_sizes_and_times() {
    let world = world();
    let long: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1000)).into_boxed_str());
    let _asked = world.script(Vec::leak(vec![
        &*Vec::leak(vec![long]),
        &["HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890"],
        &["HTTP/1.1 200 OK\r\n\r\n01234567890"],
        &["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", ""],
        &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", ""],
    ]));
    let config = HttpClientConfig {
        max_body: 10,
        ..HttpClientConfig::default()
    };
    let client = client_of(&world, config);
    let get = HttpRequest::get(SCRIPT);
    for _ in 0..3 {
        assert_eq!(world.fail(&client, get), HttpError::TooLarge.into());
    }
    for expected in [30, 15] {
        let start = world.net.now();
        assert_eq!(world.fail(&client, get), HttpError::TimedOut.into());
        assert_eq!(world.net.now().since(start).as_secs(), expected);
    }
}

#[test]
fn redirections_are_followed_by_the_rules_of_methods() {
    let world = world();
    let asked = world.script(&[&[
        "HTTP/1.1 302 x\r\nlocation: c\r\ncontent-length: 4\r\n\r\nmore",
        "HTTP/1.1 307 x\r\nlocation: /d?e#f\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 308 x\r\nlocation: ?g\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 303 x\r\nlocation: http://10.0.0.2/\r\ncontent-length: 0\r\n\r\n",
    ]]);
    let client = client_of(&world, HttpClientConfig::default());
    let fields = [("content-type", "a/b")];
    let post = HttpRequest::new(Method::Post, SCRIPT)
        .with_content(b"x")
        .with_fields(&fields);
    assert_eq!(world.ask(&client, post), (200, "".into()));
    // Another server is not told of credentials.
    let put = HttpRequest::new(Method::Put, SCRIPT).with_content(b"y");
    let got = world.ask(&client, put.with_basic("u", "p"));
    assert_eq!(got.1.as_bytes(), PAGE);
    let first = |text: &String| text.split(" HTTP").next().unwrap().to_owned();
    let lines: Vec<_> = asked.borrow().iter().map(first).collect();
    assert_eq!(
        lines,
        ["POST /a?b", "GET /c", "GET /d?e", "PUT /a?b", "PUT /a?g"]
    );
    let has = |number: usize, what: &str| asked.borrow()[number].contains(what);
    assert!(has(0, "content-type: a/b") && has(0, "content-length: 1"));
    assert!(!has(1, "content-") && has(4, "content-length: 1"));
    assert!(has(4, "authorization: Basic dTpw\r\n"));
}

#[test]
fn redirections_that_lead_in_circles_are_left() {
    let world = world();
    let circle = "HTTP/1.1 301 x\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n";
    let asked = world.script(&*Box::leak(Box::new([&*Box::leak(
        vec![circle; 7].into_boxed_slice(),
    )])));
    let client = client_of(&world, HttpClientConfig::default());
    let error = world.fail(&client, HttpRequest::get(SCRIPT));
    assert_eq!(
        (error, asked.borrow().len()),
        (HttpClientError::Redirects, 6)
    );
}

#[test]
fn secrets_are_not_told_to_another_server() {
    let world = world();
    let asked = world.script(&[
        &["HTTP/1.1 302 x\r\nlocation: http://[fd00::2]:81/x\r\ncontent-length: 0\r\n\r\n"],
        &["HTTP/1.1 204 x\r\n\r\n"],
    ]);
    let client = client_of(&world, HttpClientConfig::default());
    let fields = [("Cookie", "c"), ("Authorization", "d"), ("x", "y")];
    let get = HttpRequest::get(SCRIPT)
        .with_fields(&fields)
        .with_basic("u", "p");
    assert_eq!(world.ask(&client, get).0, 204);
    let asked = asked.borrow();
    assert!(asked[0].contains("Cookie") && asked[0].contains("Basic"));
    let second = asked[1].to_lowercase();
    assert!(
        second.contains("x: y") && !second.contains("cookie"),
        "{second}"
    );
    assert!(!second.contains("authorization"), "{second}");
}

#[test]
fn connections_that_have_ended_are_not_used_again() {
    let world = world();
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let asked = world.script(&[
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"],
        &[
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
            "",
        ],
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokmore", ""],
        // The second request finds an end instead of a response.
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", ""],
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", ""],
        &[],
    ]);
    let client = client_of(&world, HttpClientConfig::default());
    let get = HttpRequest::get(SCRIPT);
    let good = (200, ok[ok.len() - 2..].to_owned());
    for number in 1..=5 {
        assert_eq!(world.ask(&client, get), good, "{number}");
        world.net.run_for(ms(10));
    }
    // The fifth was sent on the fourth connection, and then again on a new one. A POST is not.
    assert_eq!(
        asked
            .borrow()
            .iter()
            .filter(|text| !text.is_empty())
            .count(),
        6
    );
    let post = HttpRequest::new(Method::Post, SCRIPT);
    assert_eq!(world.fail(&client, post), HttpError::Ended.into());
}

#[test]
fn proxy_is_asked_in_absolute_form_and_for_tunnels() {
    let world = world();
    let asked = world.script(&[
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", ""],
        &["HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\nhi", "echo"],
        &["HTTP/1.1 403 x\r\n\r\n"],
    ]);
    let config = HttpClientConfig {
        proxy: Some(HttpProxy {
            host: "10.0.0.2",
            port: 81,
            basic: Some(("u", "p")),
        }),
        ..HttpClientConfig::default()
    };
    let client = client_of(&world, config);
    let get = HttpRequest::get("http://a.example/x?y");
    assert_eq!(world.ask(&client, get), (200, "ok".into()));
    drop(client);
    let client = client_of(&world, config);
    world.net.run_for(secs(1));
    world.net.block_on(async {
        let mut buffer = [0; 512];
        let mut tunnel = client.tunnel("b.example", 443, &mut buffer).await.unwrap();
        let mut some = [0; 2];
        tunnel.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"hi");
        tunnel.write_all(b"\r\n\r\n").await.unwrap();
        let mut some = [0; 4];
        tunnel.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"echo");
        drop(tunnel);
        let refused = client.tunnel("fd00::1", 443, &mut buffer).await.err();
        assert_eq!(refused, Some(HttpClientError::Refused(Status::FORBIDDEN)));
    });
    let asked = asked.borrow();
    let proxied = "GET http://a.example/x?y HTTP/1.1\r\nhost: a.example\r\nproxy-authorization: Basic dTpw\r\n";
    assert!(asked[0].starts_with(proxied), "{asked:?}");
    let last = asked.last().unwrap();
    assert!(last.starts_with("CONNECT [fd00::1]:443 HTTP/1.1\r\nhost: [fd00::1]:443\r\n"));
    let tunnel = "CONNECT b.example:443 HTTP/1.1\r\nhost: b.example:443\r\n";
    assert!(asked.iter().any(|text| text.starts_with(tunnel)));
}
