//! One host and one scripted peer on an Ethernet: frame in, frame out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::iface::ReceiveDrop;
use zonda::stack::Stack;

use crate::frame::*;
use crate::network::*;

/// The host's addresses.
pub const HOST4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
/// The peer's.
pub const PEER4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
pub const PEER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);

/// Host and peer of both versions.
pub const PAIRS: [(IpAddr, IpAddr); 2] = [
    (IpAddr::V4(HOST4), IpAddr::V4(PEER4)),
    (IpAddr::V6(HOST6), IpAddr::V6(PEER6)),
];

pub struct Alone {
    pub host: Host,
    pub peer: Peer,
    pub link: Link,
    pub net: Network,
}

/// A host that knows nobody yet.
pub fn alone() -> Alone {
    alone_with(Network::new(1), |net| net.host("host"))
}

pub fn alone_with(net: Network, host: impl FnOnce(&Network) -> Host) -> Alone {
    let (host, peer) = (host(&net), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    host.add(link, "10.0.0.1/24").add(link, "fd00::1/64");
    net.run_for(ms(1));
    peer.take();
    Alone {
        host,
        peer,
        link,
        net,
    }
}

/// A host that knows the peer's link address, over both versions.
pub fn acquainted() -> Alone {
    let alone = alone();
    alone.introduce();
    alone
}

impl Alone {
    pub fn stack(&self) -> Stack<'static> {
        self.host.stack()
    }

    pub fn mac(&self) -> Mac {
        self.host.mac(self.link)
    }

    /// Lets the peer ask for the host, which learns who asks.
    pub fn introduce(&self) {
        let answers =
            self.peer
                .exchange(ethernet(BROADCAST, self.peer.mac(), ARP, &self.request()));
        assert_eq!(answers.len(), 1);
        assert_eq!(self.peer.exchange(self.solicit()).len(), 1);
    }

    /// The peer's ARP request for the host.
    pub fn request(&self) -> Vec<u8> {
        arp(1, (self.peer.mac(), PEER4), ([0; 6], HOST4))
    }

    /// The peer's ARP reply to the host, as a frame.
    pub fn reply(&self) -> Vec<u8> {
        let reply = arp(2, (self.peer.mac(), PEER4), (self.mac(), HOST4));
        ethernet(self.mac(), self.peer.mac(), ARP, &reply)
    }

    /// The peer's solicitation for the host, as a frame.
    pub fn solicit(&self) -> Vec<u8> {
        let group = solicited_node(HOST6);
        let option = link_option(1, self.peer.mac());
        let packet = solicitation(PEER6, group, HOST6, &option);
        ethernet(group_mac(group.into()), self.peer.mac(), IPV6, &packet)
    }

    /// The peer's advertisement to the host, as a frame.
    pub fn advertise(&self, flags: u8) -> Vec<u8> {
        let option = link_option(2, self.peer.mac());
        self.to_host(&advertisement(PEER6, HOST6, flags, PEER6, &option))
    }

    /// An IP packet in a frame from the peer to the host.
    pub fn to_host(&self, packet: &[u8]) -> Vec<u8> {
        self.to(self.mac(), packet)
    }

    /// An IP packet in a frame from the peer to anybody.
    pub fn to(&self, mac: Mac, packet: &[u8]) -> Vec<u8> {
        let ethertype = if packet[0] >> 4 == 4 { IPV4 } else { IPV6 };
        ethernet(mac, self.peer.mac(), ethertype, packet)
    }

    /// A UDP datagram from the peer to the host, as a frame.
    pub fn datagram(&self, version: usize, ports: (u16, u16), data: &[u8]) -> Vec<u8> {
        let (host, peer) = PAIRS[version];
        let datagram = udp((peer, ports.0), (host, ports.1), data);
        self.to_host(&ip(peer, host, UDP, &datagram))
    }

    /// Sends a frame and gives the frames that come back.
    pub fn ask(&self, frame: impl AsRef<[u8]>) -> Vec<Seen> {
        let frames = self.peer.exchange(frame);
        frames.iter().map(|frame| read(frame)).collect()
    }

    /// Sends a frame, to which nothing comes back, and which is dropped for this reason.
    #[track_caller]
    pub fn refuses(&self, frame: impl AsRef<[u8]>, reason: ReceiveDrop) {
        let before = self.host.counters(self.link).receive_drops(reason);
        let answers = self.ask(frame);
        assert!(answers.is_empty(), "{answers:?}");
        let counters = self.host.counters(self.link);
        assert_eq!(counters.receive_drops(reason), before + 1, "{counters:?}");
    }

    /// The frames that the host has sent since they were asked for before.
    pub fn sent(&self) -> Vec<Seen> {
        self.peer.take().iter().map(|frame| read(frame)).collect()
    }

    /// The host still answers: ping of both versions.
    #[track_caller]
    pub fn serves(&self) {
        self.introduce();
        for (host, peer) in PAIRS {
            let answers = self.ask(self.to_host(&echo(peer, host, false, 77, 1, b"still there?")));
            assert_eq!(answers.len(), 1, "one answer");
            let answer = answers[0].ip().expect("an IP packet");
            let (kind, _, _, data) = answer.icmp().expect("ICMP");
            assert!(matches!(kind, 0 | 129));
            assert_eq!(data, b"still there?");
        }
    }
}
