//! The DNS client against scripted servers. Their messages are made and read without the crate's
//! own code.

mod aliases;
mod answers;
#[cfg(feature = "bsd-sockets")]
mod bsd;
#[cfg(feature = "tcp")]
mod connect;
mod lookups;
mod servers;
mod strangers;
#[cfg(feature = "tcp")]
mod truncated;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use embassy_futures::select::{Either, select};
use zonda::proto::dns::{DnsError, Family, Resolver, ServerSource};
use zonda::time::{Duration, Instant};

use crate::network::*;

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const PTR: u16 = 12;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const SRV: u16 = 33;

pub const FORMAT_ERROR: u8 = 1;
pub const SERVER_FAILURE: u8 = 2;
pub const NAME_ERROR: u8 = 3;
pub const REFUSED: u8 = 5;

/// A query that a server has received.
#[derive(Clone, Debug)]
pub struct Query {
    pub id: u16,
    pub flags: u16,
    /// As it was written.
    pub name: String,
    pub kind: u16,
    /// The octets of the question.
    pub question: Vec<u8>,
    /// The size that an OPT record offers.
    pub edns: Option<u16>,
    pub source: SocketAddr,
    pub at: Instant,
}

pub fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

impl Query {
    pub fn read(bytes: &[u8], source: SocketAddr, at: Instant) -> Self {
        // One question, nothing else but an OPT record.
        assert_eq!(bytes[4..10], [0, 1, 0, 0, 0, 0]);
        let (mut labels, mut place) = (Vec::new(), 12);
        while bytes[place] != 0 {
            let end = place + 1 + usize::from(bytes[place]);
            labels.push(String::from_utf8_lossy(&bytes[place + 1..end]).into_owned());
            place = end;
        }
        assert_eq!(be16(bytes, place + 3), 1, "class IN");
        let end = place + 5;
        let edns = (be16(bytes, 10) == 1).then(|| {
            // RFC 6891 §6.1.2: the root, type 41, the size, no extended code, version 0, no option.
            assert_eq!(bytes[end..end + 3], [0, 0, 41]);
            assert_eq!(bytes[end + 5..], [0; 6]);
            be16(bytes, end + 3)
        });
        assert!(edns.is_some() || bytes.len() == end);
        Self {
            id: be16(bytes, 0),
            flags: be16(bytes, 2),
            name: labels.join("."),
            kind: be16(bytes, place + 1),
            question: bytes[12..end].to_vec(),
            edns,
            source,
            at,
        }
    }

    /// Whether it asks for this.
    pub fn is(&self, name: &str, kind: u16) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.kind == kind
    }

    pub fn reply(&self) -> Reply {
        Reply {
            id: self.id,
            flags: 0x8180,
            question: self.question.clone(),
            questions: 1,
            sections: Default::default(),
        }
    }

    /// A reply with these addresses of the name, for 60 seconds.
    pub fn addresses(&self, addresses: &[&str]) -> Reply {
        let name = self.name.clone();
        let mut reply = self.reply();
        for text in addresses {
            reply = reply.address(&name, 60, text);
        }
        reply
    }
}

/// A name without compression.
pub fn encode(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.push(0);
    octets
}

/// A response in the making.
#[derive(Clone)]
pub struct Reply {
    pub id: u16,
    pub flags: u16,
    pub question: Vec<u8>,
    pub questions: u16,
    sections: [Vec<Vec<u8>>; 3],
}

impl Reply {
    pub fn rcode(mut self, rcode: u8) -> Self {
        self.flags |= u16::from(rcode);
        self
    }

    pub fn truncated(mut self) -> Self {
        self.flags |= 0x200;
        self
    }

    /// A record of a section: 0 answer, 1 authority, 2 additional.
    pub fn record(mut self, section: usize, name: &str, kind: u16, ttl: u32, data: &[u8]) -> Self {
        let mut record = encode(name);
        record.extend(kind.to_be_bytes());
        record.extend([0, 1]);
        record.extend(ttl.to_be_bytes());
        record.extend((data.len() as u16).to_be_bytes());
        record.extend(data);
        self.sections[section].push(record);
        self
    }

    pub fn answer(self, name: &str, kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.record(0, name, kind, ttl, data)
    }

    pub fn address(self, name: &str, ttl: u32, text: &str) -> Self {
        match text.parse().unwrap() {
            IpAddr::V4(address) => self.answer(name, A, ttl, &address.octets()),
            IpAddr::V6(address) => self.answer(name, AAAA, ttl, &address.octets()),
        }
    }

    pub fn alias(self, name: &str, ttl: u32, target: &str) -> Self {
        self.answer(name, CNAME, ttl, &encode(target))
    }

    /// The SOA of a zone, with a TTL and a minimum.
    pub fn soa(self, zone: &str, ttl: u32, minimum: u32) -> Self {
        let mut data = [encode("ns"), encode("admin")].concat();
        for number in [1, 2, 3, 4, minimum] {
            data.extend(u32::to_be_bytes(number));
        }
        self.record(1, zone, SOA, ttl, &data)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let counts = [0, 1, 2].map(|section| self.sections[section].len() as u16);
        let mut bytes: Vec<u8> = [self.id, self.flags, self.questions]
            .iter()
            .chain(&counts)
            .flat_map(|field| field.to_be_bytes())
            .collect();
        bytes.extend(&self.question);
        bytes.extend(self.sections.iter().flatten().flatten());
        bytes
    }
}

/// The queries that a server has received.
pub type Log = Rc<RefCell<Vec<Query>>>;

/// A client and two servers, of both versions.
pub struct World {
    pub resolver: &'static Resolver<'static>,
    pub client: Host,
    pub servers: [Host; 2],
    pub link: Link,
    pub net: Network,
}

pub const SERVERS: [&str; 2] = ["10.0.0.53", "10.0.0.54"];

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A client that knows no server.
pub fn world(seed: u64) -> World {
    let net = Network::new(seed);
    let client = net.host("client");
    let servers = [net.host("server0"), net.host("server1")];
    let link = net.link(&[client, servers[0], servers[1]][..]).delay(ms(1));
    client.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    servers[0]
        .add(link, "10.0.0.53/24")
        .add(link, "fd00::53/64");
    servers[1]
        .add(link, "10.0.0.54/24")
        .add(link, "fd00::54/64");
    net.run_for(ms(10));
    let resolver = Box::leak(Box::new(Resolver::new(client.stack())));
    World {
        resolver,
        client,
        servers,
        link,
        net,
    }
}

/// A client of the first server, which does what the script says.
pub fn served(script: impl FnMut(&Query) -> Vec<Reply> + 'static) -> (World, Log) {
    let world = world(1);
    let log = world.serve(0, script);
    world.use_servers(&SERVERS[..1]);
    (world, log)
}

impl World {
    pub fn use_servers(&self, addresses: &[&str]) {
        let addresses: Vec<_> = addresses.iter().map(|text| ip(text)).collect();
        let count = self
            .resolver
            .set_servers(ServerSource::Static, None, &addresses);
        assert_eq!(count, addresses.len());
    }

    /// Lets a server answer queries as the script says.
    pub fn serve(
        &self,
        number: usize,
        mut script: impl FnMut(&Query) -> Vec<Reply> + 'static,
    ) -> Log {
        self.serve_bytes(number, move |query| {
            let replies = script(query).into_iter();
            replies
                .map(|reply| (Duration::ZERO, reply.bytes()))
                .collect()
        })
    }

    /// As [`World::serve`], each reply as octets after some time.
    pub fn serve_bytes(
        &self,
        number: usize,
        mut script: impl FnMut(&Query) -> Vec<(Duration, Vec<u8>)> + 'static,
    ) -> Log {
        let log = Log::default();
        let server = self.servers[number];
        let (socket, stack) = (Rc::new(server.udp("[::]:53")), server.stack());
        let kept = log.clone();
        self.net.spawn(async move {
            let mut pending: Vec<(Instant, Vec<u8>, SocketAddr)> = Vec::new();
            let mut bytes = [0; 600];
            loop {
                let due = pending.iter().map(|(at, ..)| *at).min();
                let due = due.unwrap_or(Instant::MAX);
                let either = {
                    let work = core::pin::pin!(socket.recv_from(&mut bytes));
                    let sleep = core::pin::pin!(stack.sleep_until(due));
                    select(work, sleep).await
                };
                if let Either::First(Ok((length, info))) = either {
                    let query = Query::read(&bytes[..length], info.source, stack.now());
                    kept.borrow_mut().push(query.clone());
                    for (delay, reply) in script(&query) {
                        pending.push((stack.now() + delay, reply, info.source));
                    }
                }
                let now = stack.now();
                for (_, reply, to) in pending.extract_if(.., |(at, ..)| *at <= now) {
                    socket.try_send_to(&reply, Some(to)).unwrap();
                }
            }
        });
        log
    }

    pub fn lookup(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, DnsError> {
        let found = self.net.block_on(self.resolver.lookup_host(name, family));
        found.map(|addresses| addresses.to_vec())
    }

    /// Looks up the IPv4 addresses, as texts.
    pub fn v4(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let found = self.lookup(name, Family::V4)?;
        Ok(found.iter().map(|address| address.to_string()).collect())
    }
}

/// The names that were asked for.
pub fn names(log: &Log) -> Vec<String> {
    log.borrow()
        .iter()
        .map(|query| query.name.clone())
        .collect()
}

/// Takes what was logged.
pub fn take(log: &Log) -> Vec<Query> {
    log.take()
}
