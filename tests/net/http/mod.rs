//! The HTTP server, to clients that say what they like, octet by octet.

mod bodies;
mod client;
mod connections;
mod files;
mod handlers;
mod malformed;
mod slow;

use std::cell::Cell;
use std::net::SocketAddr;

use embedded_io_async::{Read, Write};
use zonda::proto::http::{
    BasicAuth, BearerAuth, Exchange, Files, Guarded, Handler, HttpConfig, HttpDate, HttpError,
    HttpServer, HttpStorage, HttpStream, Methods, Request, Resource, Route, StaticFile, Status,
};
use zonda::socket::{TcpListener, TcpSocket};
use zonda::stack::Stack;

use crate::network::*;

/// When the site was made.
const MADE: HttpDate = HttpDate::from_unix(1_700_000_000);
const MADE_TEXT: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const PAGE: &[u8] = b"<h1>Hello, world</h1>";

const PAGES: &[StaticFile] = &[
    StaticFile::new("/", PAGE)
        .with_etag("v1")
        .with_last_modified(MADE)
        .with_cache_control("max-age=60"),
    StaticFile::new("/style.css", b"h1 { color: teal }")
        .with_etag("s1")
        .with_gzip(b"\x1f\x8bnot really", Some("s1-gz")),
    StaticFile::new("/empty.txt", b""),
    StaticFile::new("/later", b"").with_last_modified(HttpDate::from_unix(1_800_000_000)),
];

/// Says back what was sent.
struct Echo;

impl Resource for Echo {
    const METHODS: Methods = Methods::POST.union(Methods::PUT);

    async fn post<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let mut room = [0; 2000];
        let mut body = exchange.read_whole(&mut room).await?.to_vec();
        let digest = exchange.trailers().get_str("digest").map(String::from);
        body.extend(digest.unwrap_or_default().into_bytes());
        let name = request.query_value("name");
        let mut room = [0; 100];
        let name = name.and_then(|name| name.decode(&mut room));
        let response = exchange.respond(Status::OK);
        let response = response.header("x-name", name.unwrap_or("nobody"));
        response.send(&body).await
    }

    /// Passes on a body of any length as it comes.
    async fn put<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let (mut length, mut sum) = (0, 0_u64);
        let mut some = [0; 300];
        loop {
            let read = exchange.read(&mut some).await?;
            if read == 0 {
                break;
            }
            length += read;
            sum += some[..read]
                .iter()
                .map(|octet| u64::from(*octet))
                .sum::<u64>();
        }
        let response = exchange.respond(Status::CREATED);
        response.send(format!("{length} {sum}").as_bytes()).await
    }
}

/// Responses that are made as they are sent, by the name of what is wanted.
struct Made;

impl Resource for Made {
    const METHODS: Methods = Methods::GET.union(Methods::DELETE);

    async fn get<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let what = request.wildcard(0).expect("a name").as_str();
        match what {
            "stream" => {
                let mut body = exchange.respond(Status::OK).stream()?;
                for word in ["one ", "two ", "three"] {
                    body.write_all(word.as_bytes()).await?;
                }
                body.finish_with(&[("x-count", "3")]).await
            }
            "flushed" => {
                let mut body = exchange.respond(Status::OK).stream()?;
                for word in ["one ", "two"] {
                    body.write_all(word.as_bytes()).await?;
                    body.flush().await?;
                }
                body.finish().await
            }
            // Larger than what is gathered at once, copied and in place.
            "large" => {
                let mut body = exchange.respond(Status::OK).stream()?;
                body.write_all(&[b'a'; 100]).await?;
                body.write_all(&[b'b'; 5000]).await?;
                body.write_all(&[b'c'; 700]).await?;
                body.write_static(&[b'd'; 9000]).await?;
                body.write_all(&[b'e'; 10]).await?;
                body.finish().await
            }
            "sized" => {
                let mut body = exchange.respond(Status::OK).stream_of(3000)?;
                body.write_all(&[b'a'; 1000]).await?;
                body.write_static(&[b'b'; 2000]).await?;
                body.finish().await
            }
            "fields" => {
                let response = exchange.respond(Status::SEE_OTHER).header("location", "/");
                response.header_display("x-number", 42).send(b"").await
            }
            "none" => exchange.respond_status(Status::NO_CONTENT).await,
            "reset" => exchange.respond_status(Status::RESET_CONTENT).await,
            "full" => exchange.respond(Status::RESET_CONTENT).send(b"x").await,
            "interim" => exchange.respond(Status::CONTINUE).send(b"").await,
            "unasked" => {
                let response = exchange.respond(Status::SWITCHING_PROTOCOLS);
                response.upgrade("shout").await.map(drop)
            }
            "quiet" => Ok(()),
            "short" => {
                let mut body = exchange.respond(Status::OK).stream_of(10)?;
                body.write_all(b"12345").await?;
                body.finish().await
            }
            "long" => {
                let mut body = exchange.respond(Status::OK).stream_of(3)?;
                body.write_all(b"12345").await
            }
            "unfinished" => {
                let mut body = exchange.respond(Status::OK).stream()?;
                body.write_all(b"12345").await
            }
            "split" => {
                let response = exchange.respond(Status::OK);
                response.header("x", "a\r\ny: b").send(b"").await
            }
            "own" => {
                let response = exchange.respond(Status::OK);
                response.header("Content-Length", "3").send(b"").await
            }
            "wide" => {
                let response = exchange.respond(Status::OK);
                response.header("x", &"y".repeat(600)).send(b"").await
            }
            "twice" => {
                exchange.respond_status(Status::OK).await?;
                exchange.respond_status(Status::OK).await
            }
            what => panic!("{what}?"),
        }
    }

    async fn delete<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        exchange.respond_status(Status::NO_CONTENT).await
    }
}

/// A number that is changed.
#[derive(Default)]
struct Level(Cell<u64>);

impl Resource for Level {
    const METHODS: Methods = Methods::GET.union(Methods::PATCH);

    async fn get<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let level = self.0.get().to_string();
        exchange.respond(Status::OK).send(level.as_bytes()).await
    }

    async fn patch<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        match request.wildcard(0).and_then(|level| level.number()) {
            Some(level) => {
                self.0.set(level);
                exchange.respond_status(Status::NO_CONTENT).await
            }
            None => exchange.respond_status(Status::BAD_REQUEST).await,
        }
    }
}

/// Events, one each second, until the client has gone.
struct Ticks(Stack<'static>);

impl Resource for Ticks {
    const METHODS: Methods = Methods::GET;

    async fn get<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let mut events = exchange.respond(Status::OK).events().await?;
        if request.query_value("quiet").is_some() {
            events.closed().await;
            return Ok(());
        }
        events.retry(ms(500)).await?;
        for number in 0_u32.. {
            match number {
                1 => {
                    events
                        .send_named(Some("tick"), Some("1"), "two\nlines")
                        .await?
                }
                2 => events.keep_alive().await?,
                _ => events.send(&number.to_string()).await?,
            }
            self.0.sleep(secs(1)).await;
        }
        Ok(())
    }
}

/// Another protocol: what comes goes back in capitals.
struct Shout;

impl Resource for Shout {
    const METHODS: Methods = Methods::GET;

    async fn get<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        if !request.wishes_upgrade("shout") {
            return exchange.demand_upgrade("shout").await;
        }
        let response = exchange.respond(Status::SWITCHING_PROTOCOLS);
        let mut stream = response.header("x-loud", "yes").upgrade("shout").await?;
        loop {
            let mut some = [0; 5];
            let length = stream.read(&mut some).await.unwrap();
            if length == 0 {
                return Ok(());
            }
            some.make_ascii_uppercase();
            stream.write_all(&some[..length]).await.unwrap();
        }
    }
}

/// Who is asked: a handler that knows the peer.
struct Who;

impl Handler for Who {
    fn serves(&self, request: &Request<'_>) -> bool {
        request.path() == "/who"
    }

    async fn handle<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let peer = exchange.peer().expect("a peer").ip();
        let text = format!("{} {peer} {}", request.method() as u8, request.authority());
        exchange.respond(Status::OK).send(text.as_bytes()).await
    }
}

type Site = (
    Files<'static>,
    Route<Echo>,
    Route<Made>,
    Route<Level>,
    Route<Ticks>,
    Route<Shout>,
    Who,
    Guarded<BasicAuth<'static>, Route<Echo>>,
    Guarded<BearerAuth<'static>, Route<Made>>,
);

fn site(stack: Stack<'static>, files: &'static [StaticFile]) -> Site {
    let basic = BasicAuth {
        realm: "the door",
        user: "Aladdin",
        password: "open sesame",
    };
    let bearer = BearerAuth {
        realm: "api",
        token: "mF_9.B5f-4.1JqM",
    };
    (
        Files(files),
        Route::new("/echo", Echo),
        Route::new("/made/*", Made),
        Route::new("/level/*", Level::default()),
        Route::new("/ticks", Ticks(stack)),
        Route::new("/shout", Shout),
        Who,
        Guarded::new(basic, Route::new("/secret", Echo)),
        Guarded::new(bearer, Route::new("/api/*", Made)),
    )
}

struct World {
    net: Network,
    client: Host,
    host: Host,
    server: &'static HttpServer<'static, Site>,
}

/// A server with four places, on ports 80 and 8080.
fn world() -> World {
    world_with(HttpConfig::default(), |_| {}, PAGES)
}

fn world_with(
    config: HttpConfig,
    change: impl FnOnce(Link),
    files: &'static [StaticFile],
) -> World {
    let net = Network::new(5);
    let client = net.host_for::<256>("client", pool::<1024, 1536, 256, 256>());
    let host = net.host_for::<128>("server", pool::<256, 512, 128, 128>());
    let link = net.link([client, host]).delay(ms(1));
    change(link);
    client.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    host.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    let clock: &'static dyn Fn() -> Option<HttpDate> = &|| Some(MADE);
    let stack = host.stack();
    let server = HttpServer::new(stack, site(stack, files), config).with_clock(clock);
    let server: &'static _ = Box::leak(Box::new(server));
    let _task = net.spawn(async move {
        let listeners = [80, 8080].map(|port| {
            let any: SocketAddr = format!("[::]:{port}").parse().unwrap();
            TcpListener::bind(stack, any, 128).unwrap()
        });
        let mut storage = Box::new(HttpStorage::<4, 1024>::new());
        server.run(&listeners, &mut storage).await
    });
    net.settle();
    World {
        net,
        client,
        host,
        server,
    }
}

/// What a server has said on a connection.
#[derive(Debug)]
struct Said {
    text: String,
    /// Seconds from the request to the end of the connection.
    seconds: u64,
    /// It ended with a reset.
    is_reset: bool,
}

impl Said {
    /// The status of the first response.
    fn status(&self) -> &str {
        self.text.get(9..12).unwrap_or("")
    }

    /// The value of a field of the first response.
    fn field(&self, name: &str) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// What stands behind the first head.
    fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }

    fn responses(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count()
    }

    /// The server has ended the connection at once, in good order.
    fn is_closed(&self) -> bool {
        self.seconds < 5 && !self.is_reset
    }
}

impl World {
    fn connect_to(&self, address: &str) -> impl Future<Output = TcpSocket<'static>> + use<> {
        let (stack, address) = (self.client.stack(), address.parse().unwrap());
        async move { TcpSocket::connect(stack, address).await.unwrap() }
    }

    fn connect(&self) -> TcpSocket<'static> {
        self.net.block_on(self.connect_to("10.0.0.2:80"))
    }

    /// Sends this, and reads to the end of the connection.
    fn say(&self, text: impl AsRef<[u8]>) -> Said {
        self.say_in_parts(&[text.as_ref()])
    }

    fn say_in_parts(&self, parts: &[&[u8]]) -> Said {
        let mut socket = self.connect();
        let start = self.net.now();
        for part in parts {
            // What is refused early may be reset.
            let _ = self.net.block_on(socket.write_all(part));
            self.net.run_for(ms(10));
        }
        let (text, is_reset) = self.net.block_on(read_all(&mut socket));
        Said {
            text,
            seconds: self.net.now().since(start).as_secs(),
            is_reset,
        }
    }

    /// Gets a path with these fields, each with its line end.
    fn get(&self, path: &str, fields: &str) -> Said {
        self.say(format!("GET {path} HTTP/1.1\r\nhost: a\r\n{fields}\r\n"))
    }
}

/// All that comes, and whether the end is a reset.
async fn read_all(socket: &mut TcpSocket<'_>) -> (String, bool) {
    let mut text = Vec::new();
    loop {
        let mut some = [0; 2000];
        match socket.read(&mut some).await {
            Ok(0) => return (String::from_utf8_lossy(&text).into_owned(), false),
            Ok(length) => text.extend(&some[..length]),
            Err(_) => return (String::from_utf8_lossy(&text).into_owned(), true),
        }
    }
}

/// Reads until this has come.
async fn read_until(socket: &mut TcpSocket<'_>, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut some = [0; 2000];
        let length = socket.read(&mut some).await.unwrap();
        assert!(length > 0, "the connection has ended behind {text:?}");
        text += core::str::from_utf8(&some[..length]).unwrap();
    }
    text
}
