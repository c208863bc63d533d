//! The DHCPv4 client against scripted servers. Their messages are made and read without the crate's
//! own code.

mod configuration;
mod conflicts;
mod exchange;
mod lease;
mod strangers;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use zonda::iface::{Ipv4Origin, Ipv4State};
use zonda::proto::dhcpv4::{ClientConfig, ClientState, Dhcpv4Client};
use zonda::socket::BindError;
use zonda::time::{Duration, Instant};

use crate::network::*;

pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const DECLINE: u8 = 4;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;
pub const INFORM: u8 = 8;

pub const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
pub const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];

/// A message that a server has received.
#[derive(Clone, Debug)]
pub struct Request {
    pub bytes: Vec<u8>,
    pub options: Vec<(u8, Vec<u8>)>,
    pub kind: u8,
    pub xid: u32,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub at: Instant,
}

impl Request {
    fn read(bytes: &[u8], source: IpAddr, destination: IpAddr, at: Instant) -> Self {
        assert!(bytes.len() >= 300, "RFC 1542 §2.1");
        assert_eq!(bytes[236..240], [99, 130, 83, 99]);
        let (mut options, mut place) = (Vec::new(), 240);
        while bytes[place] != 255 {
            let end = place + 2 + usize::from(bytes[place + 1]);
            options.push((bytes[place], bytes[place + 2..end].to_vec()));
            place = end;
        }
        let mut request = Self {
            bytes: bytes.to_vec(),
            options,
            kind: 0,
            xid: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
            source,
            destination,
            at,
        };
        request.kind = request.option(53).expect("a type")[0];
        request
    }

    pub fn option(&self, code: u8) -> Option<&[u8]> {
        let mut options = self.options.iter();
        let (_, value) = options.find(|(known, _)| *known == code)?;
        Some(value)
    }

    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = self.option(code)?.try_into().unwrap();
        Some(Ipv4Addr::from(octets))
    }

    pub fn ciaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(<[u8; 4]>::try_from(&self.bytes[12..16]).unwrap())
    }

    pub fn secs(&self) -> u16 {
        u16::from_be_bytes([self.bytes[8], self.bytes[9]])
    }

    pub fn wants_broadcast(&self) -> bool {
        self.bytes[10..12] == [0x80, 0]
    }

    /// A reply without an address.
    pub fn reply(&self, kind: u8, server: Ipv4Addr) -> Reply {
        let mut bytes = self.bytes[..240].to_vec();
        bytes[0] = 2;
        bytes[8..10].fill(0);
        bytes[12..16].fill(0);
        let to = match self.ciaddr() {
            Ipv4Addr::UNSPECIFIED => Ipv4Addr::BROADCAST,
            address if kind != NAK => address,
            _ => Ipv4Addr::BROADCAST,
        };
        Reply {
            bytes,
            to,
            delay: Duration::ZERO,
        }
        .option(53, &[kind])
        .option(54, &server.octets())
    }

    /// A reply that grants an address of a /24 for some seconds.
    pub fn grant(&self, kind: u8, address: Ipv4Addr, seconds: u32) -> Reply {
        let server = match self.destination {
            IpAddr::V4(own) if own == SERVERS[1] => SERVERS[1],
            _ => SERVERS[0],
        };
        self.grant_by(server, kind, address, seconds)
    }

    pub fn grant_by(&self, server: Ipv4Addr, kind: u8, address: Ipv4Addr, seconds: u32) -> Reply {
        self.reply(kind, server)
            .yours(address)
            .option(51, &seconds.to_be_bytes())
            .option(1, &[255, 255, 255, 0])
    }
}

/// A reply in the making.
#[derive(Clone)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub to: Ipv4Addr,
    pub delay: Duration,
}

impl Reply {
    pub fn yours(mut self, address: Ipv4Addr) -> Self {
        self.bytes[16..20].copy_from_slice(&address.octets());
        self
    }

    pub fn option(mut self, code: u8, value: &[u8]) -> Self {
        self.bytes.extend([code, value.len() as u8]);
        self.bytes.extend(value);
        self
    }

    /// Takes all instances of an option out again.
    pub fn without(mut self, code: u8) -> Self {
        let (mut kept, mut rest) = (self.bytes[..240].to_vec(), &self.bytes[240..]);
        while let [number, length, ..] = *rest {
            let (option, after) = rest.split_at(2 + usize::from(length));
            if number != code {
                kept.extend(option);
            }
            rest = after;
        }
        self.bytes = kept;
        self
    }

    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.push(255);
        self.bytes
    }
}

/// What servers have received.
pub type Log = Rc<RefCell<Vec<Request>>>;

/// A client, and two stations that may be servers.
pub struct World {
    pub client: &'static Dhcpv4Client<'static, 'static>,
    pub run: Task<Result<(), BindError>>,
    pub host: Host,
    pub servers: [Host; 2],
    pub stranger: Peer,
    pub link: Link,
    pub net: Network,
}

/// A client with this configuration on a link with two stations.
pub fn world(seed: u64, config: ClientConfig<'static>) -> World {
    let net = Network::new(seed);
    let host = net.host("client");
    let servers = [net.host("server0"), net.host("server1")];
    let stranger = net.peer("stranger");
    let link = net
        .link((host, servers[0], servers[1], stranger))
        .delay(ms(1));
    servers[0].add(link, "10.0.0.1/24");
    servers[1].add(link, "10.0.0.2/24");
    let client = Dhcpv4Client::new(host.stack(), host.interface(link), config).unwrap();
    let client: &'static _ = Box::leak(Box::new(client));
    let run = net.spawn(client.run());
    World {
        client,
        run,
        host,
        servers,
        stranger,
        link,
        net,
    }
}

/// A world whose first server does what the script says.
pub fn served(
    config: ClientConfig<'static>,
    script: impl FnMut(&Request) -> Vec<Reply> + 'static,
) -> (World, Log) {
    let world = world(1, config);
    let log = world.serve(0, script);
    (world, log)
}

/// What a usual server says: everybody gets the same address, for so many seconds.
pub fn usual(seconds: u32) -> impl FnMut(&Request) -> Vec<Reply> {
    move |request| match request.kind {
        DISCOVER => vec![request.grant(OFFER, OURS, seconds)],
        REQUEST => vec![request.grant(ACK, OURS, seconds)],
        _ => Vec::new(),
    }
}

impl World {
    /// Lets a station answer as the script says.
    pub fn serve(
        &self,
        number: usize,
        mut script: impl FnMut(&Request) -> Vec<Reply> + 'static,
    ) -> Log {
        let log = Log::default();
        let server = self.servers[number];
        let (socket, stack) = (Rc::new(server.udp("0.0.0.0:67")), server.stack());
        socket.set_broadcast(true);
        let kept = log.clone();
        self.net.spawn(async move {
            let mut pending: Vec<(Instant, Reply)> = Vec::new();
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
                    assert_eq!(info.source.port(), 68);
                    let (source, destination) = (info.source.ip(), info.destination);
                    let request = Request::read(&bytes[..length], source, destination, now);
                    kept.borrow_mut().push(request.clone());
                    for reply in script(&request) {
                        pending.push((now + reply.delay, reply));
                    }
                }
                for (_, reply) in pending.extract_if(.., |(at, _)| *at <= now) {
                    let to = (reply.to, 68).into();
                    socket.try_send_to(&reply.finish(), Some(to)).unwrap();
                }
            }
        });
        log
    }

    pub fn state(&self) -> ClientState {
        self.client.state()
    }

    /// The addresses of the interface that came by DHCP, and whether they may be used.
    pub fn addresses(&self) -> Vec<(Ipv4Addr, Ipv4State)> {
        let interface = self.host.stack().interface(self.host.interface(self.link));
        let entries = interface.unwrap().ipv4;
        let entries = entries
            .iter()
            .filter(|entry| entry.origin == Ipv4Origin::Dhcp);
        entries
            .map(|entry| (entry.cidr.address, entry.state))
            .collect()
    }

    /// Waits until there is a lease, and gives the time that took.
    pub fn bind(&self) -> Duration {
        let before = self.net.now();
        self.net.block_on(self.client.bound());
        self.net.now().since(before)
    }

    /// Whether the client has the usual address, and that only.
    #[track_caller]
    pub fn assert_bound(&self) {
        assert_eq!(self.state(), ClientState::Bound);
        assert_eq!(self.addresses(), [(OURS, Ipv4State::Active)]);
    }
}

/// The types of what was logged.
pub fn kinds(log: &Log) -> Vec<u8> {
    log.borrow().iter().map(|request| request.kind).collect()
}
