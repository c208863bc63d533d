//! The device's web page, and what it shows: all from flash, through the stack.

use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr};

use embassy_futures::select::{Either, select};
use embedded_io_async::Write;
use zonda::iface::{
    AddressOrigin, AddressState, InterfaceInfo, Ipv4Origin, Ipv4State, OperationalState,
    ReceiveDrop,
};
use zonda::proto::dns::{Family, Resolver};
use zonda::proto::http::{
    Exchange, Files, HttpConfig, HttpError, HttpServer, HttpStorage, HttpStream, Methods, Request,
    Resource, ResponseBody, Route, StaticFile, Status, pairs,
};
use zonda::socket::{Ping, TcpListener};
use zonda::stack::{InterfaceId, SocketKind, Stack};
use zonda::time::Duration;

use crate::device::ANY;
use crate::report;

/// The port of the page.
pub const HTTP: u16 = 80;

/// Connections at once: those of two browsers.
pub const PLACES: usize = 8;
/// Connections that may wait until others are done.
pub const BACKLOG: u16 = 16;
/// Bytes for the head of a request: browsers say much of themselves.
const HEAD: usize = 2048;

/// How often the page is told what there is.
const TURN: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(1);
const PINGS: u16 = 4;
const BETWEEN: Duration = Duration::from_millis(250);

/// What the page fetches to have something to plot. It is all zeroes, and nowhere copied.
static TEN_MEGABYTES: [u8; 10_000_000] = [0; 10_000_000];

const PAGE: &[u8] = include_bytes!("page.html");
// A page that is to fit into the flash of a device.
const _: () = assert!(PAGE.len() < 40_000);

const FILES: &[StaticFile] = &[
    StaticFile::new("/", PAGE)
        .with_media_type("text/html; charset=utf-8")
        .with_cache_control("no-cache"),
    StaticFile::new("/ten-megabytes", &TEN_MEGABYTES)
        .with_media_type("application/octet-stream")
        .with_cache_control("no-store"),
];

/// Opens the port of the page.
pub fn listen(stack: Stack<'_>) -> io::Result<TcpListener<'_>> {
    let listener = TcpListener::bind(stack, SocketAddr::new(ANY, HTTP), BACKLOG);
    listener.map_err(io::Error::other)
}

/// Serves the page for ever. `name` is what the device is called.
pub async fn serve<'a>(
    stack: Stack<'a>,
    listener: TcpListener<'a>,
    resolver: &Resolver<'a>,
    name: impl Fn() -> String,
) -> Infallible {
    let site = (
        Files(FILES),
        Route::new("/events", Live { stack, name: &name }),
        Route::new("/state", Live { stack, name: &name }),
        Route::new("/ping", PingForm { stack, resolver }),
        Route::new("/dns", DnsForm { resolver }),
    );
    let server = HttpServer::new(stack, site, HttpConfig::default());
    let mut storage = HttpStorage::<PLACES, HEAD>::new();
    server.run(&[listener], &mut storage).await
}

/// What there is: once for `/state`, and each second for `/events`.
struct Live<'a, 'n, N> {
    stack: Stack<'a>,
    name: &'n N,
}

impl<N: Fn() -> String> Resource for Live<'_, '_, N> {
    const METHODS: Methods = Methods::GET;

    async fn get<S: HttpStream>(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let state = || state(self.stack, &(self.name)());
        let response = exchange.respond(Status::OK);
        let response = response.header("cache-control", "no-store");
        if request.path() == "/state" {
            let response = response.header("content-type", "application/json");
            return response.send(state().as_bytes()).await;
        }
        let mut events = response.events().await?;
        loop {
            events.send(&state()).await?;
            let gone = select(self.stack.sleep(TURN), events.closed()).await;
            if let Either::Second(()) = gone {
                return events.finish().await;
            }
        }
    }
}

/// Pings what is asked for.
struct PingForm<'a, 'r> {
    stack: Stack<'a>,
    resolver: &'r Resolver<'a>,
}

impl Resource for PingForm<'_, '_> {
    const METHODS: Methods = Methods::POST;

    async fn post<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let target = field(exchange, "target").await?;
        let mut answer = begin(exchange)?;
        let address = match target.parse() {
            Ok(address) => Ok(address),
            Err(_) => self.look_up(&target).await,
        };
        match (address, Ping::new(self.stack)) {
            (Ok(address), Ok(ping)) => {
                for sequence in 1..=PINGS {
                    if sequence > 1 {
                        self.stack.sleep(BETWEEN).await;
                    }
                    let line = match ping.ping(address, sequence, &[0x5a; 56], PATIENCE).await {
                        Ok(time) => format!("{address}: {} µs", time.as_micros()),
                        Err(why) => format!("{address}: {why}"),
                    };
                    say(&mut answer, &line).await?;
                }
            }
            (Err(why), _) => say(&mut answer, &why).await?,
            (_, Err(why)) => say(&mut answer, &why.to_string()).await?,
        }
        answer.finish().await
    }
}

impl PingForm<'_, '_> {
    async fn look_up(&self, name: &str) -> Result<IpAddr, String> {
        let found = self.resolver.lookup_host(name, Family::Any).await;
        let found = found.map_err(|why| format!("{name}: {why}"))?;
        let first = found.iter().next().copied();
        first.ok_or_else(|| format!("{name} has no address"))
    }
}

/// Looks a name up, or the name of an address.
struct DnsForm<'a, 'r> {
    resolver: &'r Resolver<'a>,
}

impl Resource for DnsForm<'_, '_> {
    const METHODS: Methods = Methods::POST;

    async fn post<S: HttpStream>(
        &self,
        _request: &Request<'_>,
        exchange: &mut Exchange<'_, S>,
    ) -> Result<(), HttpError> {
        let name = field(exchange, "name").await?;
        let mut answer = begin(exchange)?;
        let lines = match name.parse() {
            Ok(address) => {
                let found = self.resolver.lookup_addr(address).await;
                found.map(|name| vec![name.to_string()])
            }
            Err(_) => {
                let found = self.resolver.lookup_host(&name, Family::Any).await;
                found.map(|found| found.iter().map(ToString::to_string).collect())
            }
        };
        match lines {
            Ok(lines) => {
                for line in lines {
                    say(&mut answer, &line).await?;
                }
            }
            Err(why) => say(&mut answer, &format!("{name}: {why}")).await?,
        }
        answer.finish().await
    }
}

/// A field of a form that was sent.
async fn field<S: HttpStream>(
    exchange: &mut Exchange<'_, S>,
    name: &str,
) -> Result<String, HttpError> {
    let mut body = [0; 512];
    let body = exchange.read_whole(&mut body).await?;
    let body = str::from_utf8(body).map_err(|_| HttpError::Malformed)?;
    let mut fields = pairs(body);
    let (_, value) = fields
        .find(|(key, _)| *key == name)
        .ok_or(HttpError::Malformed)?;
    let mut room = [0; 256];
    let value = value.decode(&mut room).ok_or(HttpError::Malformed)?;
    Ok(value.trim().to_owned())
}

/// An answer that is sent line by line.
fn begin<'x, 'e, S: HttpStream>(
    exchange: &'x mut Exchange<'e, S>,
) -> Result<ResponseBody<'x, 'e, S>, HttpError> {
    let response = exchange.respond(Status::OK);
    response
        .header("content-type", "text/plain; charset=utf-8")
        .stream()
}

async fn say<S: HttpStream>(
    answer: &mut ResponseBody<'_, '_, S>,
    line: &str,
) -> Result<(), HttpError> {
    answer.write_all(line.as_bytes()).await?;
    answer.write_all(b"\n").await?;
    answer.flush().await
}

/// What there is, as JSON.
fn state(stack: Stack<'_>, name: &str) -> String {
    let mut text = String::new();
    let written = write_state(&mut text, stack, name);
    written.expect("a string takes all that is written");
    text
}

fn write_state(to: &mut String, stack: Stack<'_>, name: &str) -> fmt::Result {
    let (name, version) = (Quoted(name), env!("CARGO_PKG_VERSION"));
    let uptime = stack.now().as_millis();
    write!(
        to,
        r#"{{"name":{name},"version":"{version}","uptime":{uptime},"interfaces":"#
    )?;
    let interfaces = stack.interfaces();
    let interfaces = interfaces.filter_map(|id| Some((id, stack.interface(id)?)));
    list(to, interfaces, |to, (id, info)| {
        interface(to, stack, id, &info)
    })?;
    to.write_str(r#","sockets":"#)?;
    list(to, stack.sockets(), |to, socket| {
        let (kind, state) = match socket.kind {
            SocketKind::Udp => ("UDP", String::new()),
            SocketKind::TcpListener => ("TCP", "listening".into()),
            SocketKind::Tcp(state) => ("TCP", report::words(state)),
        };
        let remote = socket
            .remote
            .map_or_else(String::new, |remote| remote.to_string());
        write!(
            to,
            r#"{{"kind":"{kind}","state":{},"local":"{}","remote":"{remote}","queued":{}}}"#,
            Quoted(&state),
            socket.local,
            socket.received + socket.to_send,
        )
    })?;
    to.write_str(r#","neighbors":"#)?;
    let neighbors = stack.interfaces().flat_map(|id| stack.neighbors(id));
    list(to, neighbors, |to, neighbor| {
        let station = neighbor
            .link
            .map_or_else(String::new, |link| link.to_string());
        let state = report::words(neighbor.state);
        let address = IpAddr::from(neighbor.address);
        write!(
            to,
            r#"{{"address":"{address}","station":"{station}","state":"{state}"}}"#
        )
    })?;
    let pool = stack.pool();
    let stats = pool.stats();
    let most = |all: u16, low: u16| all.saturating_sub(low);
    write!(
        to,
        r#","pool":{{"size":{},"blocks":[{},{},{}],"headers":[{},{},{}],"failures":"#,
        pool.block_size(),
        stats.blocks_used,
        most(stats.blocks, stats.blocks_low),
        stats.blocks,
        stats.headers_used,
        most(stats.headers, stats.headers_low),
        stats.headers,
    )?;
    list(to, report::failures(&stats), count)?;
    to.write_str("}}")
}

fn interface(
    to: &mut String,
    stack: Stack<'_>,
    id: InterfaceId,
    info: &InterfaceInfo,
) -> fmt::Result {
    let name = stack
        .name(id)
        .map_or_else(String::new, |name| name.to_string());
    let (up, mtu) = (info.state == OperationalState::Up, info.mtu);
    let station = info.capabilities.address;
    write!(
        to,
        r#"{{"name":{},"up":{up},"mtu":{mtu},"station":"{station}","addresses":"#,
        Quoted(&name)
    )?;
    let ipv4 = info.ipv4.iter().map(|entry| {
        let note = match (entry.state, entry.origin) {
            (Ipv4State::Probing, _) => "being probed",
            (Ipv4State::Conflicted, _) => "in use by another station",
            (Ipv4State::Active, Ipv4Origin::Dhcp) => "by DHCP",
            (Ipv4State::Active, _) => "",
        };
        (
            format!("{}/{}", entry.cidr.address, entry.cidr.prefix_length),
            note,
        )
    });
    let ipv6 = info.ipv6.iter().map(|known| {
        let note = match (known.state, known.origin) {
            (AddressState::Tentative | AddressState::Optimistic, _) => "being probed",
            (AddressState::Duplicate, _) => "in use by another station",
            (AddressState::Deprecated, _) => "for old connections",
            (_, AddressOrigin::Autoconfigured) => "by a router",
            (_, AddressOrigin::Temporary) => "temporary",
            (_, AddressOrigin::Dhcp) => "by DHCP",
            _ => "",
        };
        (format!("{}/{}", known.address, known.prefix_length), note)
    });
    list(to, ipv4.chain(ipv6), |to, (address, note)| {
        write!(to, r#"["{address}","{note}"]"#)
    })?;
    let counters = info.counters;
    let passed = stack.interface_statistics(id).unwrap_or_default();
    let octets = |octets: u64| octets as u32;
    write!(
        to,
        r#","packets":[{},{}],"octets":[{},{}],"drops":"#,
        counters.received,
        counters.sent,
        octets(passed.received.link.octets),
        octets(passed.sent.link.octets),
    )?;
    let drops = ReceiveDrop::ALL.iter();
    let drops = drops.map(|&reason| (report::words(reason), counters.receive_drops(reason)));
    list(to, drops.filter(|(_, packets)| *packets > 0), count)?;
    to.write_str("}")
}

fn count(to: &mut String, (what, count): (String, u32)) -> fmt::Result {
    write!(to, "[{},{count}]", Quoted(&what))
}

fn list<T>(
    to: &mut String,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T) -> fmt::Result,
) -> fmt::Result {
    to.write_str("[")?;
    for (place, item) in items.enumerate() {
        if place > 0 {
            to.write_str(",")?;
        }
        write(to, item)?;
    }
    to.write_str("]")
}

/// A string as JSON has it.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                '\0'..' ' => write!(f, "\\u{:04x}", u32::from(letter))?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_str("\"")
    }
}
