//! A web server on a TAP interface of Linux: a page from flash, and a number that the page changes.
//! As root; then, in another shell, `ip address add 192.0.2.1/24 dev zonda0` and
//! `curl -i http://192.0.2.2/`, or a browser.

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};

use embassy_futures::select::{Either3, select3};
use zonda::drivers::tap::{TapDevice, TapKind, TapOptions};
use zonda::iface::Ipv4Cidr;
use zonda::link::{Capabilities, Port};
use zonda::netbuf::NetBufPool;
use zonda::proto::http::{
    Exchange, Files, HttpConfig, HttpError, HttpServer, HttpStorage, HttpStream, Methods, Request,
    Resource, Route, StaticFile, Status,
};
use zonda::socket::TcpListener;
use zonda::stack::{EmbassyClock, Runner, StackCell, StackStorage};

static POOL: NetBufPool<64, 512> = NetBufPool::new();

const PAGES: &[StaticFile] = &[StaticFile::new(
    "/",
    b"<title>Lamp</title><h1>Lamp</h1>\
      <input type=range onchange=\"fetch('/lamp/' + value, {method: 'PUT'})\">",
)
.with_etag("1")];

/// How bright it is, in percent: `GET /lamp`, `PUT /lamp/40`.
struct Lamp(Cell<u64>);

impl Resource for Lamp {
    const METHODS: Methods = Methods::GET.union(Methods::PUT);

    async fn get<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let percent = self.0.get().to_string();
        let response = exchange.respond(Status::OK);
        let response = response.header("content-type", "text/plain");
        response.send(percent.as_bytes()).await
    }

    async fn put<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let wanted = request.wildcard(0).and_then(|part| part.number());
        let Some(percent) = wanted.filter(|percent| *percent <= 100) else {
            return exchange.respond_status(Status::BAD_REQUEST).await;
        };
        self.0.set(percent);
        println!("{percent} %");
        exchange.respond_status(Status::NO_CONTENT).await
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = TapDevice::open(&TapOptions::new("zonda0", TapKind::Tap))?;
    let port = Port::new(Capabilities::ethernet([2, 0, 0, 0, 0, 2]));
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let clock = EmbassyClock;
    let mut storage = StackStorage::<1, 0, 16, 1>::new();
    let cell = StackCell::new(&mut storage, POOL.pool(), seed, &clock);
    let stack = cell.stack();
    let id = stack.attach(port.split().1)?;
    stack.add_ipv4(id, Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 2), 24))?;

    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
    let listeners = [TcpListener::bind(stack, any, 8)?];
    // `/lamp` as it is, `/lamp/40` with a number.
    let lamp = Lamp(Cell::new(0));
    let site = (Files(PAGES), Route::new("/lamp/**", lamp));
    let server = HttpServer::new(stack, site, HttpConfig::default());
    // Four connections at once, with 1 KiB for what comes.
    let mut storage = HttpStorage::<4, 1024>::new();
    let mut runner = Runner::new(stack);
    let serve = server.run(&listeners, &mut storage);
    let work = select3(serve, device.run(port.split().0, POOL.pool()), runner.run());
    match async_io::block_on(work) {
        Either3::First(never) => never,
        Either3::Second(Err(error)) => Err(error.into()),
        Either3::Second(Ok(never)) | Either3::Third(never) => match never {},
    }
}
