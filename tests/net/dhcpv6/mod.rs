//! The DHCPv6 client against scripted servers. Their messages are made and read without the crate's
//! own code.

mod configuration;
mod duplicates;
mod exchange;
mod lease;
mod link;
mod prefixes;
#[cfg(feature = "dhcpv6-reconfigure")]
mod reconfigure;
mod strangers;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use zonda::iface::{AddressOrigin, AddressState, Ipv6Address};
use zonda::proto::dhcpv6::{ClientConfig, ClientState, Dhcpv6Client, Mode};
use zonda::socket::BindError;
use zonda::time::{Duration, Instant};

use crate::network::*;

pub const SOLICIT: u8 = 1;
pub const ADVERTISE: u8 = 2;
pub const REQUEST: u8 = 3;
pub const CONFIRM: u8 = 4;
pub const RENEW: u8 = 5;
pub const REBIND: u8 = 6;
pub const REPLY: u8 = 7;
pub const RELEASE: u8 = 8;
pub const DECLINE: u8 = 9;
pub const RECONFIGURE: u8 = 10;
pub const INFORMATION_REQUEST: u8 = 11;

pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
pub const OURS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100);
pub const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x101);
pub const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0);

/// The DUID of a server.
pub fn server_duid(number: u8) -> Vec<u8> {
    vec![0, 2, 0, 0, 0x7e, 0xd9, number]
}

/// Options one after the other.
pub fn split(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    while let [a, b, c, d, ref rest @ ..] = *bytes {
        let (value, rest) = rest.split_at(usize::from(u16::from_be_bytes([c, d])));
        options.push((u16::from_be_bytes([a, b]), value.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    options
}

pub fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&code.to_be_bytes(), &length.to_be_bytes(), value].concat()
}

/// An IA Address.
pub fn address(address: Ipv6Addr, preferred: u32, valid: u32) -> Vec<u8> {
    let lifetimes = [preferred.to_be_bytes(), valid.to_be_bytes()].concat();
    option(5, &[&address.octets()[..], &lifetimes].concat())
}

/// An IA Prefix.
pub fn prefix(prefix: Ipv6Addr, length: u8, preferred: u32, valid: u32) -> Vec<u8> {
    let lifetimes = [preferred.to_be_bytes(), valid.to_be_bytes()].concat();
    let octets = [&lifetimes[..], &[length], &prefix.octets()].concat();
    option(26, &octets)
}

/// A status code, with some words.
pub fn status(code: u16) -> Vec<u8> {
    option(13, &[&code.to_be_bytes()[..], b"so it is"].concat())
}

/// An IA_NA (3) or IA_PD (25).
pub fn association(code: u16, iaid: u32, t1: u32, t2: u32, inner: &[Vec<u8>]) -> Vec<u8> {
    let fixed = [iaid, t1, t2].map(u32::to_be_bytes).concat();
    option(code, &[fixed, inner.concat()].concat())
}

/// A message that a server has received.
#[derive(Clone, Debug)]
pub struct Request {
    pub options: Vec<(u16, Vec<u8>)>,
    pub kind: u8,
    pub xid: [u8; 3],
    pub source: SocketAddr,
    pub destination: IpAddr,
    pub at: Instant,
    /// The server that heard it.
    pub server: u8,
}

impl Request {
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        let mut options = self.options.iter();
        let (_, value) = options.find(|(known, _)| *known == code)?;
        Some(value)
    }

    /// The options in it, but for the name of the host.
    pub fn codes(&self) -> Vec<u16> {
        let codes = self.options.iter().map(|(code, _)| *code);
        codes.filter(|code| *code != 39).collect()
    }

    /// Hundredths of a second.
    pub fn elapsed(&self) -> u16 {
        u16::from_be_bytes(self.option(8).expect("an elapsed time").try_into().unwrap())
    }

    /// The options asked for.
    pub fn asked(&self) -> Vec<u16> {
        let list = self.option(6).expect("an option request");
        let codes = list.chunks(2).map(|code| [code[0], code[1]]);
        codes.map(u16::from_be_bytes).collect()
    }

    /// The associations of a kind: IAID, and addresses or prefixes with their lengths.
    pub fn associations(&self, code: u16) -> Vec<(u32, Vec<(Ipv6Addr, u8)>)> {
        let found = self.options.iter().filter(|(known, _)| *known == code);
        let read = found.map(|(_, value)| {
            assert_eq!(value[4..12], [0; 8], "T1 and T2");
            let leases = split(&value[12..]).into_iter().map(|(code, value)| {
                let octets = |octets: &[u8]| Ipv6Addr::from(<[u8; 16]>::try_from(octets).unwrap());
                match code {
                    5 => {
                        assert_eq!(value[16..24], [0; 8], "lifetimes");
                        (octets(&value[..16]), 128)
                    }
                    26 => {
                        assert_eq!(value[..8], [0; 8], "lifetimes");
                        (octets(&value[9..25]), value[8])
                    }
                    code => panic!("option {code}"),
                }
            });
            let iaid = u32::from_be_bytes(value[..4].try_into().unwrap());
            (iaid, leases.collect())
        });
        read.collect()
    }

    /// An answer with both DUIDs.
    pub fn answer(&self, kind: u8) -> Answer {
        self.answer_by(self.server, kind)
    }

    pub fn answer_by(&self, server: u8, kind: u8) -> Answer {
        let Self { xid, source, .. } = self;
        let answer = Answer {
            bytes: vec![kind, xid[0], xid[1], xid[2]],
            to: *source,
            delay: Duration::ZERO,
        };
        let client = self.option(1).expect("a client identifier");
        answer
            .with(option(1, client))
            .with(option(2, &server_duid(server)))
    }

    /// An answer that leases an address for some seconds, and its half and four fifths.
    pub fn lease(&self, kind: u8, ours: Ipv6Addr, seconds: u32) -> Answer {
        let lease = address(ours, seconds, seconds * 2);
        self.answer(kind)
            .with(association(3, 0, seconds / 2, seconds / 5 * 4, &[lease]))
    }
}

/// An answer in the making.
#[derive(Clone)]
pub struct Answer {
    pub bytes: Vec<u8>,
    pub to: SocketAddr,
    pub delay: Duration,
}

impl Answer {
    pub fn with(mut self, option: Vec<u8>) -> Self {
        self.bytes.extend(option);
        self
    }

    /// Takes all instances of an option out again.
    pub fn without(mut self, code: u16) -> Self {
        let options = split(&self.bytes.split_off(4)).into_iter();
        let kept = options.filter(|(known, _)| *known != code);
        let kept = kept.flat_map(|(code, value)| option(code, &value));
        self.bytes.extend(kept);
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub fn at_group(mut self, group: &str) -> Self {
        self.to.set_ip(group.parse().unwrap());
        self
    }
}

/// What servers have received.
pub type Log = Rc<RefCell<Vec<Request>>>;

/// A client, and two stations that may be servers.
pub struct World {
    pub client: &'static Dhcpv6Client<'static, 'static>,
    /// What has become of its run.
    pub run: Option<Task<Result<(), BindError>>>,
    pub host: Host,
    pub servers: [Host; 2],
    pub link: Link,
    pub net: Network,
}

pub fn stateful() -> ClientConfig<'static> {
    ClientConfig::new().mode(Mode::Stateful)
}

/// A client with this configuration on a link with two stations, and it runs.
pub fn world(seed: u64, config: ClientConfig<'static>) -> World {
    let mut world = idle(seed, config);
    world.run = Some(world.net.spawn(world.client.run()));
    world
}

/// The same, and it does not run.
pub fn idle(seed: u64, config: ClientConfig<'static>) -> World {
    let net = Network::new(seed);
    let host = net.host("client");
    let servers = [net.host("server0"), net.host("server1")];
    let link = net.link((host, servers[0], servers[1])).delay(ms(1));
    let client = Dhcpv6Client::new(host.stack(), host.interface(link), config).unwrap();
    let client: &'static _ = Box::leak(Box::new(client));
    World {
        client,
        run: None,
        host,
        servers,
        link,
        net,
    }
}

/// A world whose first server does what the script says.
pub fn served(
    config: ClientConfig<'static>,
    script: impl FnMut(&Request) -> Vec<Answer> + 'static,
) -> (World, Log) {
    let world = world(1, config);
    let log = world.serve(0, script);
    (world, log)
}

/// What a usual server says: everybody gets the same address, preferred for so many seconds.
pub fn usual(seconds: u32) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| match request.kind {
        SOLICIT => vec![request.lease(ADVERTISE, OURS, seconds)],
        REQUEST | RENEW | REBIND => vec![request.lease(REPLY, OURS, seconds)],
        CONFIRM | RELEASE | DECLINE => vec![request.answer(REPLY).with(status(0))],
        _ => Vec::new(),
    }
}

/// The same to begin with, and then nothing.
pub fn silent_when_bound(seconds: u32) -> impl FnMut(&Request) -> Vec<Answer> {
    move |request| match request.kind {
        SOLICIT | REQUEST => usual(seconds)(request),
        _ => Vec::new(),
    }
}

impl World {
    /// Lets a station answer as the script says.
    pub fn serve(
        &self,
        number: u8,
        mut script: impl FnMut(&Request) -> Vec<Answer> + 'static,
    ) -> Log {
        let log = Log::default();
        let server = self.servers[usize::from(number)];
        let (socket, stack) = (Rc::new(server.udp("[::]:547")), server.stack());
        let id = server.interface(self.link);
        socket.join(GROUP.into(), id).unwrap();
        let kept = log.clone();
        self.net.spawn(async move {
            let mut pending: Vec<(Instant, Answer)> = Vec::new();
            let mut bytes = [0; 1500];
            loop {
                let due = pending.iter().map(|(at, _)| *at).min();
                let due = due.unwrap_or(Instant::MAX);
                let received = {
                    let work = core::pin::pin!(socket.recv_from(&mut bytes));
                    let sleep = core::pin::pin!(stack.sleep_until(due));
                    embassy_futures::select::select(work, sleep).await
                };
                let now = stack.now();
                if let embassy_futures::select::Either::First(Ok((length, info))) = received {
                    assert_eq!(info.source.port(), 546);
                    let request = Request {
                        options: split(&bytes[4..length]),
                        kind: bytes[0],
                        xid: bytes[1..4].try_into().unwrap(),
                        source: info.source,
                        destination: info.destination,
                        at: now,
                        server: number,
                    };
                    kept.borrow_mut().push(request.clone());
                    for answer in script(&request) {
                        pending.push((now + answer.delay, answer));
                    }
                }
                for (_, answer) in pending.extract_if(.., |(at, _)| *at <= now) {
                    socket.try_send_to(&answer.bytes, Some(answer.to)).unwrap();
                }
            }
        });
        log
    }

    /// Runs the client until it has leases that may be used, and drops its run.
    pub fn run_until_bound(&self) {
        use embassy_futures::select::{Either, select};
        let both = select(self.client.run(), self.client.bound());
        if let Either::First(ended) = self.net.block_on(both) {
            panic!("the client ended: {ended:?}");
        }
    }

    /// How its run has ended.
    pub fn ended(&self) -> Option<Result<(), BindError>> {
        self.run.as_ref()?.take()
    }

    pub fn state(&self) -> ClientState {
        self.client.state()
    }

    /// The addresses of the interface that came by DHCP.
    pub fn entries(&self) -> Vec<Ipv6Address> {
        let interface = self.host.stack().interface(self.host.interface(self.link));
        let entries = interface.unwrap().ipv6.into_iter();
        let entries = entries.filter(|entry| entry.origin == AddressOrigin::Dhcp);
        entries.collect()
    }

    /// The same, and whether they may be used.
    pub fn addresses(&self) -> Vec<(Ipv6Addr, AddressState)> {
        let entries = self.entries().into_iter();
        entries.map(|entry| (entry.address, entry.state)).collect()
    }

    /// Waits until there are leases that may be used, and gives the time that took.
    pub fn bind(&self) -> Duration {
        let before = self.net.now();
        self.net.block_on(self.client.bound());
        self.net.now().since(before)
    }

    /// Whether the client has the usual address, and that only.
    #[track_caller]
    pub fn assert_bound(&self) {
        assert_eq!(self.state(), ClientState::Bound);
        assert_eq!(self.addresses(), [(OURS, AddressState::Preferred)]);
        assert_eq!(self.client.addresses(), [OURS]);
    }
}

/// The types of what was logged.
pub fn kinds(log: &Log) -> Vec<u8> {
    log.borrow().iter().map(|request| request.kind).collect()
}

/// The times between messages, in milliseconds.
pub fn gaps(log: &[Request]) -> Vec<u64> {
    let pairs = log.windows(2);
    let gaps = pairs.map(|pair| pair[1].at.since(pair[0].at).as_micros() / 1000);
    gaps.collect()
}
