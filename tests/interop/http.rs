//! The HTTP server of this process on a TAP interface, and curl, wrk and h2load.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::{env, fs, process};

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};
use zonda::netbuf::NetBufPool;
use zonda::proto::http::{
    Exchange, Files, HttpConfig, HttpCounters, HttpDate, HttpError, HttpServer, HttpStorage,
    HttpStream, Methods, Request, Resource, Route, StaticFile, Status,
};
use zonda::socket::TcpListener;
use zonda::stack::Stack;

use crate::demo::{DEVICE4, DEVICE6};
use crate::stack::{beside_linux, until};

static POOL: NetBufPool<256, 512, 128, 128> = NetBufPool::new();

/// What is sent in many segments.
fn large() -> Vec<u8> {
    (0..3_000_000).map(|place| (place % 251) as u8).collect()
}

fn files() -> &'static [StaticFile] {
    Vec::leak(vec![
        StaticFile::new("/", b"<h1>Hello</h1>")
            .with_etag("v1")
            .with_last_modified(HttpDate::from_unix(1_700_000_000)),
        StaticFile::new("/large.bin", large().leak()).with_etag("large"),
        // Made by gzip of the same.
        StaticFile::new("/hello.txt", b"hello\n").with_gzip(
            &[
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 2, 0, 0x20,
                0x30, 0x3a, 0x36, 6, 0, 0, 0,
            ],
            None,
        ),
    ])
}

/// Says how much has come, by whatever method; and makes as much as is wanted.
struct Counter;

impl Counter {
    async fn count<S: HttpStream>(exchange: &mut Exchange<'_, S>) -> Result<(), HttpError> {
        let mut length = 0;
        let mut some = [0; 1024];
        loop {
            match exchange.read(&mut some).await? {
                0 => break,
                read => length += read,
            }
        }
        let text = format!("{length}\n");
        exchange.respond(Status::OK).send(text.as_bytes()).await
    }
}

macro_rules! count {
    ($($method:ident)*) => {$(
        async fn $method<S: HttpStream>(
            &self,
            _request: &Request<'_>,
            exchange: &mut Exchange<'_, S>,
        ) -> Result<(), HttpError> {
            Self::count(exchange).await
        }
    )*};
}

impl Resource for Counter {
    const METHODS: Methods = Methods::all();

    async fn get<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let wanted = request
            .query_value("bytes")
            .and_then(|value| value.number());
        let mut left = wanted.unwrap_or(0) as usize;
        let mut body = exchange.respond(Status::OK).stream()?;
        while left > 0 {
            let length = left.min(777);
            body.write_all(&[b'x'; 777][..length]).await?;
            left -= length;
        }
        body.finish().await
    }

    count! { post put patch delete }
}

/// A program that runs beside the stack of this process: what it prints, and whether it succeeds.
async fn run(command: &str) -> (bool, String) {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    NUMBER.set(NUMBER.get() + 1);
    let name = format!("zonda-http-{}-{}", process::id(), NUMBER.get());
    let path = env::temp_dir().join(name);
    let file = fs::File::create(&path).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .stdin(Stdio::null())
        .stdout(file)
        .spawn()
        .unwrap();
    let mut status = None;
    until(command, || {
        status = child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    fs::remove_file(&path).unwrap();
    (status.is_some_and(|status| status.success()), text)
}

/// Runs `script` beside a server on port 80, with six places.
fn serve(script: impl AsyncFn(&dyn Fn() -> HttpCounters)) {
    beside_linux::<256>(POOL.pool(), async |stack: Stack<'_>| {
        let any: SocketAddr = "[::]:80".parse().unwrap();
        let site = (Files(files()), Route::new("/count", Counter));
        let server = HttpServer::new(stack, site, HttpConfig::default());
        let work = async {
            let listeners = [TcpListener::bind(stack, any, 128).unwrap()];
            let mut storage = Box::new(HttpStorage::<6, 1024>::new());
            server.run(&listeners, &mut storage).await
        };
        match select(script(&|| server.counters()), work).await {
            Either::First(()) => println!("{:?}", server.counters()),
            Either::Second(never) => never,
        }
    });
}

async fn curl(arguments: &str) -> String {
    let (is_good, text) = run(&format!("curl -sS --max-time 20 {arguments}")).await;
    assert!(is_good, "curl {arguments}: {text}");
    text
}

#[test]
fn curl_gets_pages_and_parts_of_them() {
    in_namespace!("curl", "cksum");
    serve(async |counters| {
        for host in [DEVICE4.to_string(), format!("[{DEVICE6}]")] {
            let url = format!("http://{host}");
            assert_eq!(curl(&format!("{url}/")).await, "<h1>Hello</h1>");
            let head = curl(&format!("-I {url}/")).await;
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.contains("content-length: 14\r\n"), "{head}");
            let text = curl(&format!("-i -H 'If-None-Match: \"v1\"' {url}/")).await;
            assert!(
                text.starts_with("HTTP/1.1 304 ") && text.ends_with("\r\n\r\n"),
                "{text}"
            );
            let text = curl(&format!("-i -z 'Tue, 14 Nov 2023 22:13:20 GMT' {url}/")).await;
            assert!(text.starts_with("HTTP/1.1 304 "), "{text}");
            assert_eq!(curl(&format!("-r 4-8 {url}/")).await, "Hello");
            assert_eq!(curl(&format!("-r -5 {url}/")).await, "</h1>");
            let text = curl(&format!("-i -r 14- {url}/")).await;
            assert!(text.starts_with("HTTP/1.1 416 "), "{text}");
            assert_eq!(
                curl(&format!("--compressed {url}/hello.txt")).await,
                "hello\n"
            );
            assert_eq!(curl(&format!("{url}/hello.txt")).await, "hello\n");
            let text = curl(&format!("-i {url}/absent")).await;
            assert!(text.starts_with("HTTP/1.1 404 "), "{text}");
            // What was left off is fetched, and it is the same as the whole.
            let text = curl(&format!("{url}/large.bin | cksum")).await;
            let file = env::temp_dir().join(format!("zonda-part-{}", process::id()));
            let file = file.display();
            let again = curl(&format!("-r 0-999999 -o {file} {url}/large.bin && curl -sS -C - -o {file} {url}/large.bin && cksum <{file} && rm {file}")).await;
            assert_eq!(
                (text.split_whitespace().nth(1), &again),
                (Some("3000000"), &text)
            );
            assert_eq!(text, cksum(&large()));
            // One connection, three requests.
            let before = counters().connections;
            let text = curl(&format!("{url}/ {url}/hello.txt {url}/count?bytes=5")).await;
            assert_eq!(text, "<h1>Hello</h1>hello\nxxxxx");
            assert_eq!(counters().connections, before + 1);
        }
    });
}

/// What `cksum` says of bytes.
fn cksum(bytes: &[u8]) -> String {
    let step = |mut sum: u32, octet: u8| {
        sum ^= u32::from(octet) << 24;
        for _ in 0..8 {
            sum = sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        }
        sum
    };
    let sum = bytes.iter().copied().fold(0, step);
    let mut length = bytes.len();
    let mut octets = Vec::new();
    while length > 0 {
        octets.push(length as u8);
        length >>= 8;
    }
    format!("{} {}\n", !octets.into_iter().fold(sum, step), bytes.len())
}

#[test]
fn curl_sends_by_all_methods() {
    in_namespace!("curl", "head");
    serve(async |_| {
        let url = format!("http://{DEVICE4}/count");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let text = curl(&format!("-X {method} -d hello {url}")).await;
            assert_eq!(text, "5\n", "{method}");
        }
        // A length, and chunks; longer than a megabyte is too long.
        let send = async |bytes: u32, more: &str| {
            let options = "-sS -i --max-time 20 --expect100-timeout 60";
            let command = format!("head -c {bytes} /dev/zero | curl {options} {more} {url}");
            let (is_good, text) = run(&command).await;
            assert!(is_good, "{command}: {text}");
            text
        };
        for more in [
            "--data-binary @-",
            "-T -",
            "-H 'Transfer-Encoding: chunked' --data-binary @-",
        ] {
            let waits = format!("-H 'Expect: 100-continue' {more}");
            let text = send(1_048_576, &waits).await;
            assert!(text.ends_with("\r\n\r\n1048576\n"), "{more}: {text}");
            assert!(text.starts_with("HTTP/1.1 100 "), "{more}: {text}");
            let text = send(1_048_576, &format!("-H 'Expect:' {more}")).await;
            assert!(text.starts_with("HTTP/1.1 200 "), "{more}: {text}");
            let text = send(1_048_577, &waits).await;
            assert!(text.contains("HTTP/1.1 413 "), "{more}: {text}");
        }
        let text = curl(&format!("-i -X OPTIONS {url}")).await;
        assert!(
            text.contains("allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"),
            "{text}"
        );
        let text = curl(&format!("-i -X POST http://{DEVICE4}/")).await;
        assert!(text.starts_with("HTTP/1.1 405 "), "{text}");
        let text = curl(&format!("-i --http1.0 {url}?bytes=3000")).await;
        assert!(
            text.ends_with(&"x".repeat(3000)) && text.contains("connection: close"),
            "{text}"
        );
        let text = curl(&format!("{url}?bytes=200000")).await;
        assert_eq!(text.len(), 200_000);
    });
}

#[test]
fn a_hundred_requests_of_curl_at_once_are_answered() {
    in_namespace!("curl");
    serve(async |counters| {
        let text = curl(&format!("-Z --parallel-immediate --parallel-max 100 'http://{DEVICE4}/count?bytes=2000&n=[1-100]'")).await;
        assert_eq!(text.matches('x').count(), 200_000, "{text}");
        assert_eq!(counters().requests, 100);
    });
}

/// As many clients as there are places, and more: none is left out, and nothing goes wrong.
#[test]
fn load_is_borne() {
    in_namespace!("wrk", "h2load");
    serve(async |counters| {
        for (path, clients) in [
            ("/", 4),
            ("/count?bytes=1500", 4),
            ("/large.bin", 2),
            ("/", 40),
        ] {
            let url = format!("http://{DEVICE4}{path}");
            let (is_good, text) = run(&format!("wrk -d 3 -t 1 -c {clients} '{url}'")).await;
            println!("{path}: {text}");
            let is_good = is_good && !text.contains("Non-2xx");
            assert!(is_good && !text.contains("Socket errors"), "{text}");
        }
        // Eight requests of each client are on the way at once.
        let command = format!("h2load --h1 -n 6000 -c 6 -m 8 http://{DEVICE4}/");
        let (is_good, text) = run(&command).await;
        println!("{text}");
        let is_good = is_good && text.contains("6000 succeeded, 0 failed");
        assert!(is_good, "{text}");
        let counters = counters();
        assert_eq!((counters.malformed, counters.timed_out), (0, 0));
    });
}
