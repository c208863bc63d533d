//! The DHCPv4 server and scripted clients. Their messages are made and read without the crate's own
//! code.

mod addresses;
mod exchange;
mod options;
mod own_client;
mod probes;
mod relays;
mod requests;
mod strangers;

use std::net::{IpAddr, Ipv4Addr};

use zonda::iface::Ipv4Cidr;
use zonda::proto::dhcpv4::{
    AddressRange, Dhcpv4Server, Dhcpv4ServerCounters, LeaseSlot, LeaseState, Reservation,
    ReservedFor, ServerConfig, ServerOption, Subnet,
};
use zonda::time::Duration;
use zonda::wire::LinkAddr;

pub use crate::dhcpv4::{ACK, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST};
use crate::frame::{self, Mac};
use crate::network::*;

pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
pub const ALL: Ipv4Addr = Ipv4Addr::BROADCAST;
/// A client.
pub const ALICE: Mac = [2, 0, 0, 0, 0xaa, 1];
/// Another one.
pub const BOB: Mac = [2, 0, 0, 0, 0xbb, 1];

/// An address of the subnet.
pub fn host(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

/// Keeps for ever.
pub fn leak<T>(values: impl Into<Vec<T>>) -> &'static mut [T] {
    Box::leak(values.into().into_boxed_slice())
}

/// 10.0.0.0/24 on the first interface, with the addresses from 100 to `last`.
pub fn subnet(last: u8) -> Subnet<'static> {
    let ranges = leak([AddressRange::new(host(100), host(last))]);
    Subnet::new(Ipv4Cidr::new(SERVER, 24))
        .interface(0)
        .ranges(ranges)
}

/// One subnet with four addresses, which are offered without a look.
pub fn usual() -> ServerConfig<'static> {
    ServerConfig::new(leak([subnet(103)])).probe(false)
}

/// A message of a client in the making.
#[derive(Clone)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn new(kind: u8, client: Mac) -> Self {
        let mut bytes = vec![0; 240];
        bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
        bytes[4..8].copy_from_slice(&[0x12, 0x34, kind, client[5]]);
        bytes[28..34].copy_from_slice(&client);
        bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
        Self(bytes).option(53, &[kind])
    }

    pub fn option(mut self, code: u8, value: &[u8]) -> Self {
        for part in value.chunks(255) {
            self.0.extend([code, part.len() as u8]);
            self.0.extend(part);
        }
        self
    }

    /// Asks for this address.
    pub fn wants(self, address: Ipv4Addr) -> Self {
        self.option(50, &address.octets())
    }

    /// Names this server.
    pub fn from(self, server: Ipv4Addr) -> Self {
        self.option(54, &server.octets())
    }

    /// Has this address.
    pub fn has(self, address: Ipv4Addr) -> Self {
        self.set(12, &address.octets())
    }

    /// Was passed on by this relay agent.
    pub fn by(self, agent: Ipv4Addr) -> Self {
        self.set(24, &agent.octets())
    }

    pub fn broadcast(self) -> Self {
        self.set(10, &[0x80, 0])
    }

    pub fn set(mut self, at: usize, octets: &[u8]) -> Self {
        self.0[at..at + octets.len()].copy_from_slice(octets);
        self
    }

    pub fn finish(&self) -> Vec<u8> {
        let mut bytes = self.0.clone();
        bytes.push(255);
        bytes
    }
}

/// A reply as it was seen on the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub link: Mac,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ports: (u16, u16),
    pub bytes: Vec<u8>,
    pub options: Vec<(u8, Vec<u8>)>,
    pub kind: u8,
}

impl Reply {
    fn read(frame: &[u8]) -> Option<Self> {
        let seen = frame::read(frame);
        let ip = seen.ip()?;
        let (from, to, bytes) = ip.udp()?;
        if from != 67 {
            return None;
        }
        assert!(bytes.len() >= 300 && bytes[0] == 2);
        assert_eq!(bytes[236..240], [99, 130, 83, 99]);
        let (mut options, mut at) = (Vec::new(), 240);
        while bytes[at] != 255 {
            let end = at + 2 + usize::from(bytes[at + 1]);
            options.push((bytes[at], bytes[at + 2..end].to_vec()));
            at = end;
        }
        Some(Self {
            link: frame[..6].try_into().unwrap(),
            source: ip.source,
            destination: ip.destination,
            ports: (from, to),
            bytes: bytes.to_vec(),
            kind: options.iter().find(|(code, _)| *code == 53)?.1[0],
            options,
        })
    }

    /// The octets of an option, its parts one behind the other.
    pub fn option(&self, code: u8) -> Option<Vec<u8>> {
        let mut parts = self.options.iter().filter(|(known, _)| *known == code);
        let first = parts.next()?.1.clone();
        Some(parts.fold(first, |all, (_, part)| [all, part.clone()].concat()))
    }

    /// The numbers of the options, in their order.
    pub fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    pub fn number(&self, code: u8) -> Option<u32> {
        let octets: [u8; 4] = self.option(code)?.try_into().unwrap();
        Some(u32::from_be_bytes(octets))
    }

    pub fn address(&self, at: usize) -> Ipv4Addr {
        Ipv4Addr::from(<[u8; 4]>::try_from(&self.bytes[at..at + 4]).unwrap())
    }

    pub fn yours(&self) -> Ipv4Addr {
        self.address(16)
    }
}

/// A server, and a station that plays all clients of its link.
pub struct World {
    pub server: &'static Dhcpv4Server<'static, 'static>,
    pub host: Host,
    pub peer: Peer,
    pub link: Link,
    pub net: Network,
}

/// A server with this configuration and room for so many leases, at work.
pub fn world(config: ServerConfig<'static>, places: usize) -> World {
    let world = idle(config, places);
    world.net.spawn(world.server.run());
    world.net.settle();
    world
}

/// The same, and it does nothing yet.
pub fn idle(config: ServerConfig<'static>, places: usize) -> World {
    let net = Network::new(1);
    let host = net.host("server");
    let peer = net.peer("clients");
    let link = net.link((host, peer));
    host.add(link, "10.0.0.1/24");
    let server = server(host, config, places);
    World {
        server,
        host,
        peer,
        link,
        net,
    }
}

/// A server on a host.
pub fn server(
    host: Host,
    config: ServerConfig<'static>,
    places: usize,
) -> &'static Dhcpv4Server<'static, 'static> {
    let places = leak(vec![LeaseSlot::UNUSED; places]);
    let server = Dhcpv4Server::new(host.stack(), config, places).unwrap();
    Box::leak(Box::new(server))
}

impl World {
    /// Sends a datagram to the server's port.
    pub fn send_from(&self, source: Ipv4Addr, to: Ipv4Addr, bytes: &[u8]) {
        let link = match to {
            ALL => [0xff; 6],
            _ => self.host.mac(self.link),
        };
        let port = if source.is_unspecified() || source.octets()[3] >= 100 {
            68
        } else {
            67
        };
        let datagram = frame::udp((source.into(), port), (to.into(), 67), bytes);
        let packet = frame::ip(source.into(), to.into(), 17, &datagram);
        self.peer
            .send(frame::ethernet(link, self.peer.mac(), 0x0800, &packet));
    }

    /// The replies that have come since, after so long.
    pub fn replies(&self, span: Duration) -> Vec<Reply> {
        self.net.run_for(span);
        let frames = self.peer.take();
        frames
            .iter()
            .filter_map(|frame| Reply::read(frame))
            .collect()
    }

    /// Broadcasts a message, and gives what is said to it.
    pub fn all(&self, message: &Message) -> Vec<Reply> {
        self.peer.take();
        self.send_from(ANY, ALL, &message.finish());
        self.replies(ms(20))
    }

    /// The one reply to a message that is broadcast.
    #[track_caller]
    pub fn ask(&self, message: &Message) -> Reply {
        let mut replies = self.all(message);
        assert_eq!(replies.len(), 1, "{:?}", self.server.counters());
        replies.remove(0)
    }

    /// The one reply to a message that is sent to the server from an address.
    #[track_caller]
    pub fn ask_from(&self, source: Ipv4Addr, message: &Message) -> Reply {
        let _: Vec<_> = self.peer.take();
        self.peer.answer_for(source, "::2".parse().unwrap());
        self.send_from(source, SERVER, &message.finish());
        let mut replies = self.replies(ms(20));
        assert_eq!(replies.len(), 1, "{:?}", self.server.counters());
        replies.remove(0)
    }

    /// Nothing is said to a message that is broadcast.
    #[track_caller]
    pub fn ignores(&self, message: &Message) {
        assert_eq!(self.all(message), []);
    }

    /// A client finds an address, and takes it.
    #[track_caller]
    pub fn lease(&self, client: Mac) -> Ipv4Addr {
        let offer = self.ask(&Message::new(DISCOVER, client));
        assert_eq!(offer.kind, OFFER);
        self.take(client, offer.yours())
    }

    /// A client takes an address that it has been offered.
    #[track_caller]
    pub fn take(&self, client: Mac, address: Ipv4Addr) -> Ipv4Addr {
        let ack = self.ask(&taking(client, address));
        assert_eq!((ack.kind, ack.yours()), (ACK, address));
        address
    }

    /// The addresses and what has become of them.
    pub fn leases(&self) -> Vec<(Ipv4Addr, LeaseState)> {
        let mut leases: Vec<_> = (self.server.leases())
            .map(|lease| (lease.address, lease.state))
            .collect();
        leases.sort_by_key(|(address, _)| *address);
        leases
    }

    pub fn counters(&self) -> Dhcpv4ServerCounters {
        self.server.counters()
    }
}

/// Takes up an offer of the server.
pub fn taking(client: Mac, address: Ipv4Addr) -> Message {
    Message::new(REQUEST, client).wants(address).from(SERVER)
}

/// A client with a number.
pub fn client(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    [2, 0, 0, 0xcc, high, low]
}
