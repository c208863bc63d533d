//! IPv4 addresses that hosts choose for themselves on a link (RFC 3927).

use std::net::{IpAddr, Ipv4Addr};

use zonda::iface::route::{Prefix, Route, RouteOrigin};
use zonda::iface::{AddressError, ConflictDetection, Ipv4Entry, Ipv4Origin, Ipv4State};

use crate::frame::*;
use crate::network::*;

const ZERO: Mac = [0; 6];
const PEER: Ipv4Addr = Ipv4Addr::new(169, 254, 7, 7);

/// A host that chooses its address, and a station that looks on.
struct Choosing {
    host: Host,
    peer: Peer,
    link: Link,
    net: Network,
}

fn choosing() -> Choosing {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    let stack = host.stack();
    stack
        .start_ipv4_link_local(host.interface(link))
        .expect("an Ethernet");
    Choosing {
        host,
        peer,
        link,
        net,
    }
}

/// A host that uses the address that it has chosen.
fn chosen() -> (Choosing, Ipv4Addr) {
    let c = choosing();
    c.net.run_for(secs(20));
    c.peer.take();
    let entry = c.entry().unwrap();
    assert_eq!(entry.state, Ipv4State::Active);
    (c, entry.cidr.address)
}

impl Choosing {
    fn entries(&self) -> Vec<Ipv4Entry> {
        let interface = self.host.stack().interface(self.host.interface(self.link));
        interface.unwrap().ipv4.to_vec()
    }

    fn entry(&self) -> Option<Ipv4Entry> {
        let mut entries = self.entries().into_iter();
        entries.find(|entry| entry.origin == Ipv4Origin::LinkLocal)
    }

    /// The peer asks or says who has an address.
    fn arp(&self, operation: u16, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<Seen> {
        let mac = self.peer.mac();
        let packet = arp(operation, (mac, sender), (ZERO, target));
        let frames = self.peer.exchange(ethernet(BROADCAST, mac, ARP, &packet));
        frames.iter().map(|frame| read(frame)).collect()
    }

    fn default_route(&self) {
        let route = Route {
            prefix: Prefix::new(Ipv4Addr::UNSPECIFIED.into(), 0).unwrap(),
            gateway: Some(Ipv4Addr::new(10, 0, 0, 254).into()),
            interface: self.host.interface(self.link),
            metric: 0,
            expires: None,
            origin: RouteOrigin::Static,
        };
        self.host.stack().add_route(route).unwrap();
    }

    /// Whom the host asks for, and with which address of its own, when it sends to `to`.
    fn asks_for(&self, to: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let socket = self.host.udp("0.0.0.0:0");
        let to = to.parse::<IpAddr>().unwrap();
        self.peer.take();
        socket.try_send_to(b"x", Some((to, 9).into())).ok()?;
        self.net.run_for(ms(1));
        let frame = self.peer.next()?;
        let request = read(&frame).arp()?;
        Some((request.target.1, request.sender.1))
    }
}

#[test]
fn rfc_3927_2_1_address_is_chosen_by_the_station_and_stays_the_same() {
    let (c, address) = chosen();
    let [a, b, subnet, _] = address.octets();
    assert_eq!((a, b), (169, 254));
    assert!((1..=254).contains(&subnet));
    let entry = c.entry().unwrap();
    assert_eq!(
        (entry.cidr.prefix_length, entry.state),
        (16, Ipv4State::Active)
    );
    // Another start of the same station, other random numbers.
    let (_, again) = chosen();
    assert_eq!(address, again);
}

#[test]
fn rfc_3927_2_2_address_is_probed_whatever_the_switch_says_and_announced() {
    let c = choosing();
    c.net.run_for(secs(20));
    let arps: Vec<_> = c.peer.take();
    let arps: Vec<_> = arps.iter().filter_map(|frame| read(frame).arp()).collect();
    let senders: Vec<_> = arps
        .iter()
        .map(|arp| arp.sender.1.is_unspecified())
        .collect();
    assert_eq!(senders, [true, true, true, false, false]);
}

#[test]
fn rfc_3927_2_2_1_conflict_while_probing_chooses_another() {
    let c = choosing();
    c.net.run_for(secs(2));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let address = c.entry().unwrap().cidr.address;
        assert!(!seen.contains(&address));
        seen.push(address);
        c.arp(1, Ipv4Addr::UNSPECIFIED, address);
        assert_ne!(c.entry().unwrap().cidr.address, address);
        c.net.run_for(secs(1));
    }
    c.net.run_for(secs(20));
    assert_eq!(c.entry().unwrap().state, Ipv4State::Active);
}

#[test]
fn rfc_3927_2_2_1_station_that_has_every_address_is_asked_once_a_minute() {
    let c = choosing();
    let mut probes = 0;
    for _ in 0..3_600 {
        for frame in c.peer.take() {
            if let Some(arp) = read(&frame).arp() {
                probes += 1;
                c.arp(2, arp.target.1, arp.target.1);
            }
        }
        c.net.run_for(ms(990));
    }
    assert!((60..=75).contains(&probes), "{probes}");
}

#[test]
fn rfc_3927_2_5_address_is_defended_once_and_then_another_chosen() {
    for detection in [ConflictDetection::Off, ConflictDetection::DefendAlways] {
        let (c, address) = chosen();
        let id = c.host.interface(c.link);
        c.host.stack().set_conflict_detection(id, detection);
        let answers = c.arp(1, address, PEER);
        assert_eq!(answers.len(), 1);
        let announcement = answers[0].arp().unwrap();
        assert_eq!(
            (announcement.sender.1, announcement.target.1),
            (address, address)
        );
        assert_eq!(c.entry().unwrap().cidr.address, address);
        c.arp(1, address, PEER);
        assert_ne!(c.entry().unwrap().cidr.address, address);
        c.net.run_for(secs(20));
        assert_eq!(c.entry().unwrap().state, Ipv4State::Active);
    }
}

#[test]
fn rfc_3927_2_5_replies_and_requests_from_a_link_local_address_are_broadcast() {
    let (c, address) = chosen();
    let answers = c.arp(1, PEER, address);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].to, BROADCAST);
    assert_eq!(answers[0].arp().unwrap().operation, 2);
    // Now it knows the peer, and asks whether it is still there.
    let socket = c.host.udp("0.0.0.0:0");
    for _ in 0..60 {
        socket.try_send_to(b"x", Some((PEER, 9).into())).unwrap();
        c.net.run_for(secs(1));
    }
    let frames = c.peer.take();
    let requests = frames.iter().map(|frame| read(frame));
    let mut requests = requests.filter(|seen| seen.arp().is_some()).peekable();
    assert!(requests.peek().is_some());
    assert!(requests.all(|seen| seen.to == BROADCAST));
}

#[test]
fn rfc_3927_2_6_1_routable_source_is_preferred() {
    let (c, address) = chosen();
    assert_eq!(c.asks_for("169.254.7.7"), Some((PEER, address)));
    c.host.add(c.link, "10.0.0.1/24");
    let routable = Ipv4Addr::new(10, 0, 0, 1);
    let peer = Ipv4Addr::new(10, 0, 0, 9);
    assert_eq!(c.asks_for("10.0.0.9"), Some((peer, routable)));
    // Also to link-local destinations: it reaches them all the same.
    let socket = c.host.udp("0.0.0.0:0");
    c.arp(1, PEER, address);
    socket.try_send_to(b"x", Some((PEER, 9).into())).unwrap();
    c.net.run_for(ms(1));
    let frame = read(&c.peer.next().unwrap());
    assert_eq!(frame.ip().unwrap().source, IpAddr::V4(routable));
}

#[test]
fn rfc_3927_2_6_2_link_local_destination_is_never_sent_to_a_router() {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    host.add(link, "10.0.0.1/24");
    let c = Choosing {
        host,
        peer,
        link,
        net,
    };
    c.default_route();
    let routable = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(c.asks_for("169.254.7.7"), Some((PEER, routable)));
    // The answer is taken, and the datagram goes.
    let mac = c.peer.mac();
    let reply = arp(2, (mac, PEER), (c.host.mac(c.link), routable));
    let sent = c
        .peer
        .exchange(ethernet(c.host.mac(c.link), mac, ARP, &reply));
    assert_eq!(sent.len(), 1);
    assert_eq!(read(&sent[0]).ip().unwrap().udp().unwrap().1, 9);
}

#[test]
fn rfc_3927_2_6_2_link_local_source_never_goes_to_a_router() {
    let (c, address) = chosen();
    let far = Ipv4Addr::new(192, 0, 2, 1);
    // Without a route everybody is a neighbour, and with one as well.
    assert_eq!(c.asks_for("192.0.2.1"), Some((far, address)));
    c.default_route();
    c.net.run_for(secs(10));
    assert_eq!(c.asks_for("192.0.2.1"), Some((far, address)));
    // The answer of one who shares no subnet is taken.
    let mac = c.peer.mac();
    let reply = arp(2, (mac, far), (c.host.mac(c.link), address));
    let sent = c
        .peer
        .exchange(ethernet(c.host.mac(c.link), mac, ARP, &reply));
    assert_eq!(sent.len(), 1);
    assert!(read(&sent[0]).ip().is_some());
}

#[test]
fn rfc_3927_1_9_no_address_is_chosen_while_there_is_a_routable_one() {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    host.add(link, "10.0.0.1/24");
    let (stack, id) = (host.stack(), host.interface(link));
    stack.start_ipv4_link_local(id).unwrap();
    let c = Choosing {
        host,
        peer,
        link,
        net,
    };
    c.net.run_for(secs(20));
    assert_eq!(c.entry(), None);
    // Gone, it is missed.
    let address = Ipv4Addr::new(10, 0, 0, 1);
    assert!(stack.remove_address(id, address.into()));
    c.net.run_for(secs(20));
    assert_eq!(c.entry().unwrap().state, Ipv4State::Active);
    // Back, the other goes when nothing uses it.
    c.host.add(c.link, "10.0.0.1/24");
    assert!(c.entry().is_some());
    c.net.run_for(secs(61));
    assert_eq!(c.entry(), None);
    assert_eq!(c.entries().len(), 1);
}

#[test]
fn rfc_3927_1_9_candidate_that_is_not_yet_used_goes_at_once() {
    let c = choosing();
    c.net.run_for(secs(1));
    assert_eq!(c.entry().unwrap().state, Ipv4State::Probing);
    c.host.add(c.link, "10.0.0.1/24");
    assert_eq!(c.entry(), None);
}

#[cfg(feature = "tcp")]
#[test]
fn rfc_3927_1_9_connections_keep_the_address_they_have() {
    use zonda::socket::{TcpListener, TcpSocket};

    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    for host in [a, b] {
        let id = host.interface(link);
        host.stack().start_ipv4_link_local(id).unwrap();
    }
    net.run_for(secs(20));
    let (stack, id) = (a.stack(), a.interface(link));
    let there = b.stack().interface(b.interface(link)).unwrap().ipv4[0]
        .cidr
        .address;
    let listener = TcpListener::bind(b.stack(), (there, 7).into(), 2).unwrap();
    let client = net.block_on(TcpSocket::connect(stack, (there, 7).into()));
    let client = client.unwrap();
    let server = net.block_on(listener.accept());
    a.add(link, "10.0.0.1/24");
    net.run_for(secs(300));
    assert_eq!(stack.interface(id).unwrap().ipv4.len(), 2);
    drop((client, server));
    net.run_for(secs(300));
    assert_eq!(stack.interface(id).unwrap().ipv4.len(), 1);
}

#[test]
fn choice_can_be_stopped_and_started() {
    let (c, address) = chosen();
    let (stack, id) = (c.host.stack(), c.host.interface(c.link));
    stack.stop_ipv4_link_local(id);
    assert_eq!(c.entry(), None);
    assert!(c.arp(1, PEER, address).is_empty());
    c.net.run_for(secs(100));
    assert_eq!(c.entry(), None);
    stack.start_ipv4_link_local(id).unwrap();
    c.net.run_for(secs(20));
    assert_eq!(c.entry().unwrap().cidr.address, address);
}

#[test]
fn link_that_comes_up_probes_the_address_anew() {
    let (c, address) = chosen();
    c.link.down();
    c.net.settle();
    c.link.up();
    c.net.settle();
    let entry = c.entry().unwrap();
    assert_eq!(
        (entry.state, entry.cidr.address),
        (Ipv4State::Probing, address)
    );
    c.net.run_for(secs(20));
    assert_eq!(c.entry().unwrap().state, Ipv4State::Active);
}

#[test]
fn hosts_reach_each_other_without_any_configuration() {
    let net = Network::new(1);
    let (a, b) = (net.host("a"), net.host("b"));
    let link = net.link([a, b]);
    for host in [a, b] {
        let id = host.interface(link);
        host.stack().start_ipv4_link_local(id).unwrap();
    }
    net.run_for(secs(20));
    let there = b.stack().interface(b.interface(link)).unwrap().ipv4[0]
        .cidr
        .address;
    let ping = a.ping();
    net.block_on(ping.ping(there.into(), 1, b"hello", secs(1)))
        .unwrap();
}

#[test]
fn link_without_arp_and_full_table_are_refused() {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let ip = net.ip_link((host, peer));
    let stack = host.stack();
    let refused = stack.start_ipv4_link_local(host.interface(ip));
    assert_eq!(refused, Err(AddressError::Invalid));
    assert_eq!(
        stack.start_ipv4_link_local(9),
        Err(AddressError::NoInterface)
    );
    let link = net.link((host, net.peer("other")));
    host.add(link, "10.0.0.1/24").add(link, "10.0.1.1/24");
    let refused = stack.start_ipv4_link_local(host.interface(link));
    assert_eq!(refused, Err(AddressError::TableFull));
}
