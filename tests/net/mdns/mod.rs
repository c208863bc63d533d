//! Multicast DNS and services: hosts, and scripted peers that are other hosts' sockets.

mod answers;
mod browse;
mod claims;
mod goodbye;
mod known;
mod lookups;
mod questions;
mod services;
mod strangers;
pub mod wire;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use zonda::proto::mdns::Mdns;
use zonda::socket::{UdpBind, UdpSocket};
use zonda::time::{Duration, Instant};

use crate::network::*;
use wire::*;

pub const GROUP4: &str = "224.0.0.251:5353";

/// A message that a peer has received.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Instant,
    pub source: SocketAddr,
    pub to: IpAddr,
    pub hop_limit: u8,
    pub message: Message,
}

impl Heard {
    pub fn is_ipv4(&self) -> bool {
        self.to.is_ipv4()
    }
}

/// A host whose socket the test uses.
#[derive(Clone)]
pub struct Station {
    pub host: Host,
    pub socket: Rc<UdpSocket<'static>>,
    log: Rc<RefCell<Vec<Heard>>>,
}

impl Station {
    /// A host with these addresses on a link, in both groups.
    fn new(net: &Network, host: Host, link: Link) -> Self {
        let socket = Rc::new(host.udp_bind(UdpBind::new("[::]:5353".parse().unwrap()).reuse(true)));
        let id = host.interface(link);
        socket.join("224.0.0.251".parse().unwrap(), id).unwrap();
        socket.join("ff02::fb".parse().unwrap(), id).unwrap();
        socket.set_multicast_hop_limit(255);
        socket.set_multicast_loop(false);
        let log = Rc::<RefCell<Vec<Heard>>>::default();
        let (stack, kept, reader) = (host.stack(), log.clone(), socket.clone());
        net.spawn(async move {
            let mut bytes = [0; 9000];
            loop {
                if let Ok((length, info)) = reader.recv_from(&mut bytes).await
                    && let Some(message) = Message::read(&bytes[..length])
                {
                    kept.borrow_mut().push(Heard {
                        at: stack.now(),
                        source: info.source,
                        to: info.destination,
                        hop_limit: info.hop_limit,
                        message,
                    });
                }
            }
        });
        Self { host, socket, log }
    }

    /// Says something to all, over IPv4.
    pub fn say(&self, say: &Say) {
        self.say_to(say, GROUP4);
    }

    pub fn say_to(&self, say: &Say, to: &str) {
        let to = to.parse().unwrap();
        self.socket.try_send_to(&say.bytes(), Some(to)).unwrap();
    }

    /// What has been heard since this was asked before.
    pub fn take(&self) -> Vec<Heard> {
        self.log.take()
    }

    /// The part of that which came to the IPv4 group.
    pub fn take4(&self) -> Vec<Heard> {
        let group: IpAddr = Ipv4Addr::new(224, 0, 0, 251).into();
        self.take()
            .into_iter()
            .filter(|heard| heard.to == group)
            .collect()
    }

    /// The responses among those.
    pub fn responses4(&self) -> Vec<Heard> {
        let heard = self.take4().into_iter();
        heard.filter(|heard| heard.message.is_response()).collect()
    }

    /// The queries among those.
    pub fn queries4(&self) -> Vec<Heard> {
        let heard = self.take4().into_iter();
        heard.filter(|heard| !heard.message.is_response()).collect()
    }
}

/// A host with multicast DNS, and two peers.
pub struct World {
    pub mdns: &'static Mdns<'static>,
    pub peer: Station,
    pub other: Station,
    pub host: Host,
    pub link: Link,
    pub id: u8,
    pub net: Network,
}

/// A host that has no name yet.
pub fn world(seed: u64) -> World {
    world_of(Network::new(seed), |net| net.host("host"))
}

pub fn world_of(net: Network, host: impl FnOnce(&Network) -> Host) -> World {
    let host = host(&net);
    let (peer, other) = (net.host("peer"), net.host("other"));
    let link = net.link(&[host, peer, other][..]).delay(us(100));
    host.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    peer.add(link, "10.0.0.9/24").add(link, "fd00::9/64");
    other.add(link, "10.0.0.8/24").add(link, "fd00::8/64");
    let peer = Station::new(&net, peer, link);
    let other = Station::new(&net, other, link);
    let mdns = run(&net, host);
    World {
        mdns,
        peer,
        other,
        host,
        link,
        id: host.interface(link),
        net,
    }
}

/// Multicast DNS of a host, at work.
pub fn run(net: &Network, host: Host) -> &'static Mdns<'static> {
    let mdns: &'static _ = Box::leak(Box::new(Mdns::new(host.stack())));
    net.spawn(mdns.run());
    mdns
}

/// A host that is known as `zonda.local` already, and whom nobody has asked anything for a minute.
pub fn named(seed: u64) -> World {
    let world = world(seed);
    world.mdns.set_host_name("zonda").unwrap();
    world.rest();
    assert!(world.mdns.is_announced(world.id));
    world
}

/// A host that has just sent its first probe for `zonda.local`.
pub fn probing() -> World {
    let world = world(1);
    world.mdns.set_host_name("zonda").unwrap();
    let has_probed = || world.mdns.counters().sent > 0;
    assert!(world.net.run_until(secs(1), has_probed));
    world
}

impl World {
    /// Lets a minute pass, and forgets what was said.
    pub fn rest(&self) {
        self.net.run_for(secs(60));
        self.peer.take();
        self.other.take();
    }

    /// The peer says something, and hears what is said within this time.
    pub fn ask(&self, say: &Say, span: Duration) -> Vec<Heard> {
        self.peer.take();
        self.peer.say(say);
        self.net.run_for(span);
        self.peer.take()
    }

    /// The host's link-local address.
    pub fn link_local(&self) -> String {
        self.host.link_local(self.link).to_string()
    }

    /// The records of its addresses, sorted, with this TTL.
    pub fn addresses(&self, name: &str, ttl: u32) -> Vec<String> {
        let mut records = vec![
            format!("{name} A! {ttl} 10.0.0.1"),
            format!("{name} AAAA! {ttl} fd00::1"),
            format!("{name} AAAA! {ttl} {}", self.link_local()),
        ];
        records.sort();
        records
    }
}

/// The time from one to the other in milliseconds.
pub fn millis(from: Instant, to: Instant) -> u64 {
    to.since(from).as_millis()
}

/// Sorted copies.
pub fn sorted(records: &[&str]) -> Vec<String> {
    let mut records: Vec<_> = records.iter().map(|record| record.to_string()).collect();
    records.sort();
    records
}
