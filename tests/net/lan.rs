//! A host and scripted routers on one Ethernet.

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::{Event, EventKind, ReceiveDrop};
use zonda::socket::{SendError, UdpSocket};
use zonda::stack::{Events, Stack};
use zonda::time::Instant;

use crate::frame::*;
use crate::network::*;

/// A host that asks for routers, and two scripted ones.
pub struct Lan {
    pub host: Host,
    pub routers: [Peer; 2],
    pub link: Link,
    pub net: Network,
}

/// The link-local addresses of the routers.
pub const ROUTERS: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa1),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa2),
];

/// An address of the host, which makes nothing on the link.
pub const OWN: &str = "2001:db8:1::1/128";
/// Somebody far away.
pub const FAR: &str = "2001:db8:f::1";

/// A router's answer to the question for it that it gives by itself.
pub fn lan() -> Lan {
    let net = Network::new(3);
    let host = net.host("host");
    let routers = [net.peer("r1"), net.peer("r2")];
    let link = net.link((host, routers[0], routers[1])).delay(us(10));
    for (router, address) in routers.iter().zip(ROUTERS) {
        let ipv4 = [192, 0, 2, address.octets()[15]].into();
        router.answer_for(ipv4, address).as_router();
    }
    host.add(link, OWN);
    Lan {
        host,
        routers,
        link,
        net,
    }
}

/// A [`lan`] whose host has asked, and knows nobody yet.
pub fn asked() -> Lan {
    let lan = lan();
    lan.host.discover(lan.link);
    lan.net.run_for(secs(2));
    lan.take();
    lan
}

/// A Router Advertisement (RFC 4861 §4.2).
#[derive(Clone)]
pub struct Ra {
    pub hop_limit: u8,
    /// M, O, preference.
    pub flags: u8,
    pub lifetime: u16,
    pub reachable: u32,
    pub retrans: u32,
    pub options: Vec<u8>,
}

/// A default router for half an hour that says nothing else.
pub fn ra() -> Ra {
    Ra {
        hop_limit: 0,
        flags: 0,
        lifetime: 1800,
        reachable: 0,
        retrans: 0,
        options: Vec::new(),
    }
}

pub const HIGH: u8 = 0b01 << 3;
pub const LOW: u8 = 0b11 << 3;

impl Ra {
    pub fn lifetime(self, lifetime: u16) -> Self {
        Self { lifetime, ..self }
    }

    pub fn flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    pub fn with(mut self, option: impl AsRef<[u8]>) -> Self {
        self.options.extend_from_slice(option.as_ref());
        self
    }

    /// As an IPv6 packet to all nodes.
    pub fn packet(&self, source: Ipv6Addr) -> Vec<u8> {
        let all_nodes = "ff02::1".parse().unwrap();
        let [a, b] = self.lifetime.to_be_bytes();
        let data = join(&[
            &self.reachable.to_be_bytes(),
            &self.retrans.to_be_bytes(),
            &self.options,
        ]);
        let word = [self.hop_limit, self.flags, a, b];
        let message = icmpv6((source, all_nodes), 134, 0, word, &data);
        discovery(source, all_nodes, &message)
    }
}

/// A Neighbor Discovery message in its IPv6 header.
pub fn discovery(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let header = Ip6::new(source, destination, ICMPV6);
    Ip6 {
        hop_limit: 255,
        ..header
    }
    .with(message)
}

pub const ON_LINK: u8 = 0x80;
pub const AUTONOMOUS: u8 = 0x40;

/// A Prefix Information option (RFC 4861 §4.6.2).
pub fn prefix_option(prefix: &str, length: u8, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    join(&[
        &[3, 4, length, flags],
        &valid.to_be_bytes(),
        &preferred.to_be_bytes(),
        &[0; 4],
        &prefix.parse::<Ipv6Addr>().unwrap().octets(),
    ])
}

/// An MTU option (RFC 4861 §4.6.4).
pub fn mtu_option(mtu: u32) -> Vec<u8> {
    join(&[&[5, 1, 0, 0], &mtu.to_be_bytes()])
}

/// A Route Information option (RFC 4191 §2.3), at its full length.
pub fn route_option(prefix: &str, length: u8, preference: u8, lifetime: u32) -> Vec<u8> {
    join(&[
        &[24, 3, length, preference],
        &lifetime.to_be_bytes(),
        &prefix.parse::<Ipv6Addr>().unwrap().octets(),
    ])
}

/// An RDNSS option (RFC 8106 §5.1).
pub fn rdnss_option(lifetime: u32, servers: &[&str]) -> Vec<u8> {
    let mut option = join(&[
        &[25, 1 + 2 * servers.len() as u8, 0, 0],
        &lifetime.to_be_bytes(),
    ]);
    for server in servers {
        option.extend(server.parse::<Ipv6Addr>().unwrap().octets());
    }
    option
}

/// A DNSSL option (RFC 8106 §5.2).
pub fn dnssl_option(lifetime: u32, domains: &[&str]) -> Vec<u8> {
    let mut names = Vec::new();
    for domain in domains {
        for label in domain.split('.') {
            names.push(label.len() as u8);
            names.extend_from_slice(label.as_bytes());
        }
        names.push(0);
    }
    names.resize(names.len().next_multiple_of(8), 0);
    let units = 1 + names.len() / 8;
    join(&[&[31, units as u8, 0, 0], &lifetime.to_be_bytes(), &names])
}

impl Lan {
    pub fn stack(&self) -> Stack<'static> {
        self.host.stack()
    }

    pub fn id(&self) -> u8 {
        self.host.interface(self.link)
    }

    /// A router advertises this, with its link address.
    pub fn advertise(&self, router: usize, ra: Ra) {
        let ra = ra.with(link_option(1, self.routers[router].mac()));
        self.send(router, &ra.packet(ROUTERS[router]));
    }

    /// A router sends a packet to the group of all nodes, or to the host.
    pub fn send(&self, router: usize, packet: &[u8]) {
        let destination: [u8; 16] = packet[24..40].try_into().unwrap();
        let destination = Ipv6Addr::from(destination);
        let to = match destination.is_multicast() {
            true => group_mac(destination.into()),
            false => self.host.mac(self.link),
        };
        let router = self.routers[router];
        router.send(ethernet(to, router.mac(), IPV6, packet));
        self.net.run_for(ms(1));
    }

    /// A packet that is dropped for this reason.
    #[track_caller]
    pub fn refuses(&self, router: usize, packet: &[u8], reason: ReceiveDrop) {
        let drops = || self.host.counters(self.link).receive_drops(reason);
        let before = drops();
        self.send(router, packet);
        let counters = self.host.counters(self.link);
        assert_eq!(drops(), before + 1, "{counters:?}");
    }

    /// Throws away what routers have received.
    pub fn take(&self) {
        for router in self.routers {
            router.take();
        }
    }

    pub fn socket(&self) -> UdpSocket<'static> {
        self.host.udp("[::]:5000")
    }

    /// Sends a datagram; which router its frame went to.
    #[track_caller]
    pub fn way(&self, socket: &UdpSocket<'_>, to: &str) -> Result<usize, SendError> {
        self.take();
        let to: IpAddr = to.parse().unwrap();
        socket.try_send_to(b"data", Some((to, 9).into()))?;
        self.net.run_for(ms(1));
        let macs = self.routers.map(Peer::mac);
        for router in self.routers {
            for frame in router.take() {
                let seen = read(&frame);
                if seen.ip().is_some_and(|ip| ip.udp().is_some()) {
                    let found = macs.iter().position(|mac| *mac == seen.to);
                    return Ok(found.expect("a router"));
                }
            }
        }
        panic!("no frame");
    }

    /// Sends a datagram; whether the host asks for the destination's own link address.
    #[track_caller]
    pub fn is_direct(&self, socket: &UdpSocket<'_>, to: &str) -> bool {
        self.take();
        let to: Ipv6Addr = to.parse().unwrap();
        let sent = socket.try_send_to(b"data", Some((IpAddr::V6(to), 9).into()));
        if sent == Err(SendError::NoRoute) {
            return false;
        }
        sent.unwrap();
        self.net.run_for(ms(1));
        let frames = self.routers[0].take();
        frames.iter().any(|frame| {
            let ip = read(frame).ip();
            let target = ip.and_then(|ip| Some(ip.discovery(135)?.1));
            target == Some(to)
        })
    }

    /// The solicitations of routers that came, with their times.
    pub fn solicitations(&self) -> Vec<(Instant, Seen)> {
        let frames = self.routers[0].take_timed().into_iter();
        let frames = frames.map(|(at, frame)| (at, read(&frame)));
        let is_solicitation = |seen: &Seen| {
            let ip = seen.ip();
            ip.is_some_and(|ip| ip.protocol == ICMPV6 && ip.payload[0] == 133)
        };
        frames.filter(|(_, seen)| is_solicitation(seen)).collect()
    }
}

/// The events that have come, but for those about addresses and groups.
pub fn events(events: &mut Events<'_>) -> Vec<EventKind> {
    let all = std::iter::from_fn(|| events.try_next());
    let kinds = all
        .map(|event| event.expect("none is missed"))
        .map(|Event { kind, .. }| kind);
    let is_of_routers = |kind: &EventKind| {
        !matches!(
            kind,
            EventKind::AddressAdded(_)
                | EventKind::AddressRemoved(_)
                | EventKind::AddressDeprecated(_)
                | EventKind::GroupJoined(_)
                | EventKind::GroupLeft(_)
        )
    };
    kinds.filter(is_of_routers).collect()
}
