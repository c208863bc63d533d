//! The client: asks servers in turn, and keeps the time.

use core::cell::Cell;
use core::future::poll_fn;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;
use core::task::Poll;

use heapless::Vec;

use super::exchange::{Exchange, NoSample, Sample};
use super::message::{HEADER_LENGTH, PORT};
use super::schedule::{Outcome, Schedule};
use super::time::UnixTime;
use crate::config::SNTP_SERVERS;
use crate::ip::Unreachable;
use crate::proto::deadline::before;
#[cfg(feature = "dns")]
use crate::proto::dns::{DnsError, Family, Resolver};
use crate::socket::{BindError, SendError, UdpSocket};
use crate::stack::Stack;
use crate::stack::waiters::WaitKey;
use crate::time::{Duration, Instant};

/// Why the time is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SntpError {
    /// The server has not answered in time.
    Timeout,
    /// The server cannot be reached.
    Unreachable(Unreachable),
    /// The request was not sent.
    Send(SendError),
    /// There is no UDP socket free to ask with.
    Bind(BindError),
    /// The server has nothing for this client, for the reason of these four characters (RFC 4330
    /// §8): `DENY`, `RSTR`, `RATE` ...
    Refused([u8; 4]),
    /// The server does not know the time itself.
    Unsynchronized,
    /// What the server says cannot be.
    Implausible,
    /// The name of the server has no address.
    #[cfg(feature = "dns")]
    Name(DnsError),
}

impl core::fmt::Display for SntpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the time server has not answered in time",
            Self::Unreachable(why) => return core::fmt::Display::fmt(why, f),
            Self::Send(why) => return core::fmt::Display::fmt(why, f),
            Self::Bind(why) => return core::fmt::Display::fmt(why, f),
            Self::Refused(_) => "the time server refuses",
            Self::Unsynchronized => "the time server does not know the time",
            Self::Implausible => "what the time server says cannot be",
            #[cfg(feature = "dns")]
            Self::Name(why) => return core::fmt::Display::fmt(why, f),
        })
    }
}

impl core::error::Error for SntpError {}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SntpConfig {
    /// The time between two requests to a server that answers: at least 15 s. "Use the longest
    /// maximum timeout possible given the system constraints ..., but never make it less than 15
    /// minutes" (RFC 4330 §10).
    pub interval: Duration,
    /// How long a server has to answer.
    pub timeout: Duration,
    /// The first request is sent after one to five minutes, by chance (RFC 4330 §10, 2): for devices
    /// that are switched on by thousands at a time.
    pub desynchronize: bool,
}

impl Default for SntpConfig {
    /// An hour, 3 seconds, and at once.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(3600),
            timeout: Duration::from_secs(3),
            desynchronize: false,
        }
    }
}

/// What a client has done. Each number starts again from zero after the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SntpCounters {
    /// Requests sent.
    pub requests: u32,
    /// Replies that told the time.
    pub samples: u32,
    /// Replies that told nothing: the server refuses, does not know the time, or says what cannot be.
    pub refusals: u32,
    /// Dropped: datagrams that answer no request.
    pub stray: u32,
    /// Requests without an answer in time.
    pub timeouts: u32,
}

/// A server to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server<'c> {
    Address(SocketAddr),
    /// Without a resolver there are none.
    #[cfg_attr(not(feature = "dns"), allow(dead_code))]
    Name(&'c str),
}

/// An SNTP client: [`SntpClient::run`] asks its servers again and again, and
/// [`SntpClient::now`] has the time of day from then on.
pub struct SntpClient<'a, 'c> {
    stack: Stack<'a>,
    config: SntpConfig,
    servers: Cell<Vec<Server<'c>, SNTP_SERVERS>>,
    /// The servers are others than they were when the schedule was made.
    changed: Cell<bool>,
    last: Cell<Option<Sample>>,
    counters: Cell<SntpCounters>,
    #[cfg(feature = "dns")]
    resolver: Option<&'c Resolver<'a>>,
}

impl<'a, 'c> SntpClient<'a, 'c> {
    /// A client that knows no server yet.
    pub const fn new(stack: Stack<'a>, config: SntpConfig) -> Self {
        Self {
            stack,
            config,
            servers: Cell::new(Vec::new()),
            changed: Cell::new(false),
            last: Cell::new(None),
            counters: Cell::new(SntpCounters {
                requests: 0,
                samples: 0,
                refusals: 0,
                stray: 0,
                timeouts: 0,
            }),
            #[cfg(feature = "dns")]
            resolver: None,
        }
    }

    /// Looks names of servers up with this resolver, anew for each request.
    #[cfg(feature = "dns")]
    #[must_use]
    pub fn with_resolver(self, resolver: &'c Resolver<'a>) -> Self {
        Self {
            resolver: Some(resolver),
            ..self
        }
    }

    /// Asks these from now on, port 123, and no others: as many as there is room for
    /// ([`SNTP_SERVERS`]). Says for how many there was. A DHCP lease tells of such servers.
    pub fn set_servers(&self, addresses: &[IpAddr]) -> usize {
        self.servers.set(Vec::new());
        self.wake();
        let servers = addresses.iter().map(|at| SocketAddr::new(*at, PORT));
        servers.filter(|server| self.add_server(*server)).count()
    }

    /// Asks this one too; says whether there is room.
    pub fn add_server(&self, server: SocketAddr) -> bool {
        self.add(Server::Address(server))
    }

    /// Asks the server of this name too, port 123, with the resolver that was given; says whether
    /// there is room.
    #[cfg(feature = "dns")]
    pub fn add_server_name(&self, name: &'c str) -> bool {
        self.add(Server::Name(name))
    }

    fn add(&self, server: Server<'c>) -> bool {
        let mut servers = self.servers.take();
        let added = servers.push(server).is_ok();
        self.servers.set(servers);
        self.wake();
        added
    }

    fn wake(&self) {
        self.changed.set(true);
        self.stack.visit(|core| core.waiters.wake(WaitKey::SNTP));
    }

    fn servers(&self) -> Vec<Server<'c>, SNTP_SERVERS> {
        let servers = self.servers.take();
        self.servers.set(servers.clone());
        servers
    }

    /// The time of day, once it is known.
    pub fn now(&self) -> Option<UnixTime> {
        self.at(self.stack.now())
    }

    fn at(&self, instant: Instant) -> Option<UnixTime> {
        let last = self.last.get()?;
        Some(last.time.plus(instant.since(last.at)))
    }

    /// What the last good reply has said.
    pub fn last(&self) -> Option<Sample> {
        self.last.get()
    }

    /// What it has done.
    pub fn counters(&self) -> SntpCounters {
        self.counters.get()
    }

    fn count(&self, count: impl FnOnce(&mut SntpCounters) -> &mut u32) {
        let mut counters = self.counters.get();
        let counter = count(&mut counters);
        *counter = counter.wrapping_add(1);
        self.counters.set(counters);
    }

    /// Waits until the time of day is known.
    pub async fn synchronized(&self) -> Sample {
        self.wait(|| self.last.get()).await
    }

    /// Waits for the next good reply.
    pub async fn updated(&self) -> Sample {
        let before = self.last.get().map(|sample| sample.at);
        let is_new = |sample: &Sample| Some(sample.at) != before;
        self.wait(|| self.last.get().filter(is_new)).await
    }

    async fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        poll_fn(|context| match look() {
            Some(found) => Poll::Ready(found),
            None => {
                let waker = context.waker();
                (self.stack).visit(|core| core.wait(WaitKey::SNTP, waker));
                Poll::Pending
            }
        })
        .await
    }

    /// Asks the servers, for ever.
    pub async fn run(&self) -> ! {
        let mut schedule = Schedule::new(self.config.interval);
        if self.config.desynchronize {
            let (least, most) = (Duration::from_secs(60), Duration::from_secs(300));
            let wait = self.stack.visit(|core| core.rng.between(least, most));
            self.stack.sleep(wait).await;
        }
        loop {
            if self.changed.take() {
                schedule.reset();
            }
            let servers = self.servers();
            let place = schedule.server(servers.len());
            let Some((place, server)) = place.and_then(|at| Some((at, *servers.get(at)?))) else {
                self.wait(|| self.changed.get().then_some(())).await;
                continue;
            };
            let outcome = match self.ask(server).await {
                Ok(_) => Outcome::Good,
                Err(SntpError::Refused(code)) if code == *b"RATE" => Outcome::TooMany,
                Err(SntpError::Refused(_)) => Outcome::SentAway,
                Err(_) => Outcome::Nothing,
            };
            let wait = schedule.next(place, servers.len(), outcome);
            // Devices that were started together do not stay together.
            let most = wait + Duration::from_micros(wait.as_micros() / 16);
            let wait = self.stack.visit(|core| core.rng.between(wait, most));
            let changed = pin!(self.wait(|| self.changed.get().then_some(())));
            let deadline = self.stack.now() + wait;
            let _: Option<()> = before(self.stack, deadline, changed).await;
        }
    }

    async fn ask(&self, server: Server<'c>) -> Result<Sample, SntpError> {
        match server {
            Server::Address(address) => self.query(address).await,
            #[cfg(feature = "dns")]
            Server::Name(name) => {
                let resolver = self.resolver.ok_or(SntpError::Name(DnsError::NoServers))?;
                let addresses = resolver.lookup_host(name, Family::Any).await;
                let addresses = addresses.map_err(SntpError::Name)?;
                let mut result = Err(SntpError::Name(DnsError::NoData));
                for address in addresses {
                    result = self.query(SocketAddr::new(address, PORT)).await;
                    match result {
                        // Another address may be of use where this one cannot be reached.
                        Err(SntpError::Unreachable(_) | SntpError::Send(_)) => {}
                        result => return result,
                    }
                }
                result
            }
            #[cfg(not(feature = "dns"))]
            Server::Name(_) => Err(SntpError::Timeout),
        }
    }

    /// Asks one server once, and keeps the time that it says.
    ///
    /// # Errors
    ///
    /// As the error says; the time that was kept before is kept on.
    pub async fn query(&self, server: SocketAddr) -> Result<Sample, SntpError> {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let socket = UdpSocket::bind(self.stack, any).map_err(SntpError::Bind)?;
        socket.connect(server).map_err(SntpError::Send)?;
        let nonce = self.stack.visit(|core| core.rng.next_u64());
        let deadline = self.stack.now() + self.config.timeout;
        let exchange = Exchange::new(nonce, self.stack.now());
        let answer = pin!(async {
            // Where the neighbour is not known yet the time that it takes is part of the delay.
            let sent = socket.send(&exchange.request()).await;
            sent.map_err(SntpError::Send)?;
            self.count(|counters| &mut counters.requests);
            loop {
                let mut reply = [0; HEADER_LENGTH];
                let received = socket.recv_from(&mut reply).await;
                let (length, _) = received.map_err(SntpError::Unreachable)?;
                let reply = reply.get(..length).unwrap_or(&[]);
                match exchange.judge(reply, self.stack.now()) {
                    Ok(sample) => return Ok(sample),
                    Err(NoSample::Stray) => self.count(|counters| &mut counters.stray),
                    Err(NoSample::Kiss(code)) => return Err(SntpError::Refused(code)),
                    Err(NoSample::Unsynchronized) => return Err(SntpError::Unsynchronized),
                    Err(NoSample::Implausible) => return Err(SntpError::Implausible),
                }
            }
        });
        match before(self.stack, deadline, answer).await {
            Some(Ok(sample)) => {
                let offset = self
                    .at(sample.at)
                    .map(|kept| sample.time.micros_since(kept));
                let sample = Sample { offset, ..sample };
                self.last.set(Some(sample));
                self.count(|counters| &mut counters.samples);
                self.stack.visit(|core| core.waiters.wake(WaitKey::SNTP));
                Ok(sample)
            }
            Some(Err(error)) => {
                if !matches!(error, SntpError::Send(_) | SntpError::Unreachable(_)) {
                    self.count(|counters| &mut counters.refusals);
                }
                Err(error)
            }
            None => {
                self.count(|counters| &mut counters.timeouts);
                Err(SntpError::Timeout)
            }
        }
    }
}
