//! Address conflict detection (RFC 5227), frame in, frame out.

use std::net::{Ipv4Addr, SocketAddr};

use zonda::iface::{
    AddressError, ConflictDetection, EventKind, Ipv4Cidr, Ipv4Entry, Ipv4Origin, Ipv4State,
    SendDrop,
};
use zonda::socket::{BindError, SendError, UdpSocket};
use zonda::stack::Events;
use zonda::time::{Duration, Instant};

use crate::frame::*;
use crate::network::*;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const OTHERS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const ZERO: Mac = [0; 6];
const STRANGER: Mac = [2, 0, 0, 0, 0x77, 1];

/// A host that probes its addresses, and a station that looks on.
struct Probing {
    host: Host,
    peer: Peer,
    link: Link,
    events: Events<'static>,
    net: Network,
}

fn probing(seed: u64, detection: ConflictDetection) -> Probing {
    let net = Network::new(seed);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10));
    assert!(
        host.stack()
            .set_conflict_detection(host.interface(link), detection)
    );
    let events = host.stack().events();
    host.add(link, "10.0.0.1/24");
    Probing {
        host,
        peer,
        link,
        events,
        net,
    }
}

/// A host whose address is in use.
fn settled(detection: ConflictDetection) -> Probing {
    let mut p = probing(1, detection);
    p.net.run_for(secs(20));
    assert_eq!(p.state(), Ipv4State::Active);
    assert_eq!(p.happened(), [EventKind::AddressAdded(OURS.into())]);
    p.peer.take();
    p
}

impl Probing {
    fn entry(&self) -> Ipv4Entry {
        let interface = self.host.stack().interface(self.host.interface(self.link));
        interface.unwrap().ipv4[0]
    }

    fn state(&self) -> Ipv4State {
        self.entry().state
    }

    /// What has happened to addresses.
    fn happened(&mut self) -> Vec<EventKind> {
        let events = std::iter::from_fn(|| self.events.try_next());
        let kinds = events.map(|event| event.unwrap().kind);
        kinds
            .filter(|kind| !matches!(kind, EventKind::LinkUp | EventKind::LinkDown))
            .collect()
    }

    /// The ARP packets that the host has sent, and when.
    fn arps(&self) -> Vec<(Instant, SeenArp)> {
        let frames = self.peer.take_timed().into_iter();
        frames
            .filter_map(|(at, frame)| {
                let seen = read(&frame);
                let arp = seen.arp()?;
                if arp.operation == 1 {
                    assert_eq!((seen.to, seen.from), (BROADCAST, self.mac()));
                }
                Some((at, arp))
            })
            .collect()
    }

    fn mac(&self) -> Mac {
        self.host.mac(self.link)
    }

    fn send(&self, operation: u16, sender: (Mac, Ipv4Addr), target: Ipv4Addr) {
        let packet = arp(operation, sender, (ZERO, target));
        self.peer.send(ethernet(BROADCAST, sender.0, ARP, &packet));
        self.net.run_for(ms(1));
    }

    /// Another station says that it has our address.
    fn contest(&self) {
        self.send(1, (STRANGER, OURS), OTHERS);
    }

    fn answers(&self) -> bool {
        let _: Vec<_> = self.peer.take();
        self.send(1, (self.peer.mac(), OTHERS), OURS);
        self.arps().iter().any(|(_, arp)| arp.operation == 2)
    }
}

#[test]
fn what_waits_for_a_neighbor_is_not_sent_from_an_address_that_another_station_has() {
    let mut p = settled(ConflictDetection::GiveUp);
    let socket = p.host.udp("10.0.0.1:7");
    for _ in 0..2 {
        let to = Some((OTHERS, 9).into());
        socket.try_send_to(b"from whom?", to).unwrap();
    }
    p.contest();
    assert_eq!(p.state(), Ipv4State::Conflicted);
    let counters = p.host.counters(p.link);
    assert_eq!(counters.send_drops(SendDrop::Source), 2);
    assert_eq!(p.host.pool().stats().blocks_used, 0);
    p.happened();
}

fn is_probe(arp: &SeenArp, mac: Mac) -> bool {
    (arp.operation, arp.sender, arp.target) == (1, (mac, Ipv4Addr::UNSPECIFIED), (ZERO, OURS))
}

fn is_announcement(arp: &SeenArp, mac: Mac) -> bool {
    (arp.operation, arp.sender, arp.target) == (1, (mac, OURS), (ZERO, OURS))
}

fn between(span: Duration, least: Duration, most: Duration) -> bool {
    // The frames take 10 µs.
    span + us(20) >= least && span <= most + us(20)
}

#[test]
fn rfc_5227_2_1_address_is_probed_three_times_and_announced_twice() {
    let mut waits = Vec::new();
    for seed in 1..20 {
        let mut p = probing(seed, ConflictDetection::DefendOnce);
        let start = p.net.now();
        p.net.run_for(secs(20));
        let arps = p.arps();
        assert_eq!(arps.len(), 5);
        assert!(arps[..3].iter().all(|(_, arp)| is_probe(arp, p.mac())));
        assert!(
            arps[3..]
                .iter()
                .all(|(_, arp)| is_announcement(arp, p.mac()))
        );
        let span = |n: usize| arps[n].0.since(arps[n - 1].0);
        assert!(between(arps[0].0.since(start), secs(0), secs(1)));
        assert!(between(span(1), secs(1), secs(2)));
        assert!(between(span(2), secs(1), secs(2)));
        assert!(between(span(3), secs(2), secs(2)));
        assert!(between(span(4), secs(2), secs(2)));
        waits.push(arps[0].0.since(start));
        assert_eq!(p.happened(), [EventKind::AddressAdded(OURS.into())]);
    }
    // They are random.
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 10);
}

#[test]
fn rfc_5227_2_1_address_is_not_used_until_it_is_announced() {
    let p = probing(1, ConflictDetection::DefendOnce);
    let socket = p.host.udp("0.0.0.0:5000");
    let to = Some((OTHERS, 9).into());
    while p.state() == Ipv4State::Probing {
        assert!(socket.try_send_to(b"x", to).is_err());
        let answers = p.answers();
        assert!(!answers || p.state() == Ipv4State::Active);
        p.net.run_for(ms(100));
    }
    assert!(p.net.now() > Instant::from_millis(4_000));
    assert!(p.answers());
    socket.try_send_to(b"x", to).unwrap();
}

/// A program opens its sockets when it starts, and need not wait for the address.
#[test]
fn sockets_may_be_bound_to_an_address_that_is_being_probed() {
    let p = probing(1, ConflictDetection::DefendOnce);
    let stack = p.host.stack();
    let local = SocketAddr::new(OURS.into(), 7);
    let socket = UdpSocket::bind(stack, local).unwrap();
    #[cfg(feature = "tcp")]
    let _listener = zonda::socket::TcpListener::bind(stack, local, 1).unwrap();
    let to = Some((OTHERS, 9).into());
    assert_eq!(p.state(), Ipv4State::Probing);
    assert_eq!(socket.try_send_to(b"x", to), Err(SendError::NoRoute));
    p.net.run_for(Duration::from_secs(8));
    assert_eq!(p.state(), Ipv4State::Active);
    socket.try_send_to(b"x", to).unwrap();
    let stranger = UdpSocket::bind(stack, SocketAddr::new(OTHERS.into(), 7));
    assert_eq!(stranger.err(), Some(BindError::NotOurs));
}

#[test]
fn rfc_5227_2_1_nothing_is_sent_periodically() {
    let p = settled(ConflictDetection::DefendOnce);
    p.net.run_for(secs(100_000));
    assert!(p.arps().is_empty());
}

#[test]
fn rfc_5227_2_1_1_sender_of_request_or_reply_has_the_address_that_is_probed() {
    for operation in [1, 2] {
        for when in [ms(100), ms(2_000), ms(4_000)] {
            let mut p = probing(1, ConflictDetection::DefendAlways);
            p.net.run_for(when);
            p.send(operation, (STRANGER, OURS), OURS);
            assert_eq!(p.state(), Ipv4State::Conflicted);
            assert_eq!(p.happened(), [EventKind::AddressDuplicate(OURS.into())]);
            p.peer.take();
            p.net.run_for(secs(1_000));
            assert!(p.arps().is_empty());
            assert!(!p.answers());
        }
    }
}

#[test]
fn rfc_5227_2_1_1_probe_of_another_is_a_conflict_while_probing() {
    let mut p = probing(1, ConflictDetection::DefendOnce);
    p.net.run_for(ms(2_000));
    p.send(1, (STRANGER, Ipv4Addr::UNSPECIFIED), OURS);
    assert_eq!(p.state(), Ipv4State::Conflicted);
    assert_eq!(p.happened(), [EventKind::AddressDuplicate(OURS.into())]);
    // In use, it is answered like any other request.
    let p = settled(ConflictDetection::DefendOnce);
    p.send(1, (STRANGER, Ipv4Addr::UNSPECIFIED), OURS);
    assert_eq!(p.state(), Ipv4State::Active);
    let arps = p.arps();
    assert_eq!((arps.len(), arps[0].1.operation), (1, 2));
    assert_eq!(arps[0].1.sender, (p.mac(), OURS));
}

#[test]
fn rfc_5227_2_1_1_own_frames_that_come_back_are_no_conflict() {
    let mut p = probing(1, ConflictDetection::GiveUp);
    for _ in 0..200 {
        p.net.run_for(ms(100));
        for frame in p.peer.take() {
            p.peer.send(frame);
        }
    }
    assert_eq!(p.state(), Ipv4State::Active);
    assert_eq!(p.happened(), [EventKind::AddressAdded(OURS.into())]);
}

#[test]
fn rfc_5227_2_1_1_of_two_that_probe_at_once_never_both_use_the_address() {
    let mut both = 0;
    for seed in 1..20 {
        let net = Network::new(seed);
        let (a, b) = (net.host("a"), net.host("b"));
        let link = net.link([a, b]).delay(ms(300));
        for host in [a, b] {
            let id = host.interface(link);
            let detection = ConflictDetection::DefendOnce;
            host.stack().set_conflict_detection(id, detection);
            host.add(link, "10.0.0.1/24");
        }
        net.run_for(secs(20));
        let states = [a, b].map(|host| {
            let interface = host.stack().interface(host.interface(link)).unwrap();
            interface.ipv4[0].state
        });
        // Who asks first wins, unless the other's question was on its way.
        assert!(states.contains(&Ipv4State::Conflicted));
        both += usize::from(states == [Ipv4State::Conflicted; 2]);
    }
    assert!(both > 0);
}

#[test]
fn rfc_5227_2_1_1_ten_conflicts_slow_attempts_down_to_one_a_minute() {
    let p = probing(1, ConflictDetection::DefendOnce);
    let (stack, id) = (p.host.stack(), p.host.interface(p.link));
    let mut first_probes = Vec::new();
    for attempt in 0..13 {
        let started = p.net.now();
        p.peer.take();
        let found = p.net.run_until(secs(200), || {
            let entry = stack.interface(id).unwrap().ipv4[0];
            entry.state == Ipv4State::Probing && !p.arps().is_empty()
        });
        assert!(found, "attempt {attempt}");
        first_probes.push(p.net.now().since(started));
        p.contest();
        assert_eq!(p.state(), Ipv4State::Conflicted);
        stack.remove_address(id, OURS.into());
        p.host.add(p.link, "10.0.0.1/24");
    }
    assert!(first_probes[..10].iter().all(|wait| *wait <= secs(1)));
    assert!(first_probes[10..].iter().all(|wait| *wait >= secs(58)));
}

#[test]
fn rfc_5227_2_1_link_that_comes_up_is_probed_anew() {
    let mut p = settled(ConflictDetection::DefendOnce);
    p.link.down();
    p.net.run_for(secs(100));
    assert!(p.arps().is_empty());
    p.link.up();
    p.net.settle();
    assert_eq!(p.state(), Ipv4State::Probing);
    p.net.run_for(secs(20));
    assert_eq!(p.arps().len(), 5);
    let address = OURS.into();
    assert_eq!(
        p.happened(),
        [
            EventKind::AddressRemoved(address),
            EventKind::AddressAdded(address)
        ]
    );
    // And so is one that was a duplicate.
    p.contest();
    p.contest();
    assert_eq!(p.state(), Ipv4State::Conflicted);
    p.link.down();
    p.net.settle();
    p.link.up();
    p.net.run_for(secs(20));
    assert_eq!(p.state(), Ipv4State::Active);
}

#[test]
fn station_with_another_link_address_probes_anew() {
    let p = settled(ConflictDetection::DefendOnce);
    let mac = [2, 0, 0, 0, 0x33, 3];
    p.host.change(p.link, |link| {
        link.address = zonda::wire::LinkAddr::ethernet(mac);
    });
    p.net.run_for(secs(20));
    let arps = p.arps();
    assert_eq!(arps.len(), 5);
    assert!(is_probe(&arps[0].1, mac) && is_announcement(&arps[4].1, mac));
}

#[test]
fn rfc_5227_2_4_a_address_is_given_up_at_once() {
    let mut p = settled(ConflictDetection::GiveUp);
    p.contest();
    assert_eq!(p.state(), Ipv4State::Conflicted);
    assert_eq!(p.happened(), [EventKind::AddressDuplicate(OURS.into())]);
    assert!(p.arps().is_empty());
    assert!(!p.answers());
}

#[test]
fn rfc_5227_2_4_b_address_is_defended_once_in_ten_seconds() {
    let mut p = settled(ConflictDetection::DefendOnce);
    for _ in 0..3 {
        p.contest();
        let arps = p.arps();
        assert_eq!(arps.len(), 1);
        assert!(is_announcement(&arps[0].1, p.mac()));
        assert_eq!(p.happened(), [EventKind::AddressDefended(OURS.into())]);
        assert!(p.answers());
        p.net.run_for(ms(10_001));
    }
    p.contest();
    p.net.run_for(ms(9_900));
    p.peer.take();
    p.happened();
    p.contest();
    assert!(p.arps().is_empty());
    assert_eq!(p.happened(), [EventKind::AddressDuplicate(OURS.into())]);
    assert_eq!(p.state(), Ipv4State::Conflicted);
}

#[test]
fn rfc_5227_2_4_c_address_is_kept_and_defended_at_a_rate() {
    let mut p = settled(ConflictDetection::DefendAlways);
    for _ in 0..100 {
        p.contest();
        p.net.run_for(ms(999));
    }
    assert_eq!(p.state(), Ipv4State::Active);
    assert_eq!(p.arps().len(), 10);
    let defended = EventKind::AddressDefended(OURS.into());
    assert_eq!(p.happened(), [defended; 10]);
}

#[cfg(feature = "tcp")]
#[test]
fn rfc_5227_2_4_connections_are_reset_before_the_address_is_given_up() {
    use embedded_io_async::Read;
    use zonda::socket::{TcpListener, TcpSocket};

    let net = Network::new(1);
    let (a, b, peer) = (net.host("a"), net.host("b"), net.peer("peer"));
    let link = net.link((a, b, peer));
    a.add(link, "10.0.0.1/24");
    b.add(link, "10.0.0.2/24");
    let id = a.interface(link);
    a.stack()
        .set_conflict_detection(id, ConflictDetection::GiveUp);
    let listener = TcpListener::bind(b.stack(), "10.0.0.2:7".parse().unwrap(), 2).unwrap();
    let mut client = net
        .block_on(TcpSocket::connect(a.stack(), "10.0.0.2:7".parse().unwrap()))
        .unwrap();
    let mut server = net.block_on(listener.accept());
    let packet = arp(1, (peer.mac(), OURS), (ZERO, OTHERS));
    peer.send(ethernet(BROADCAST, peer.mac(), ARP, &packet));
    net.run_for(ms(10));
    let mut buf = [0; 4];
    assert!(net.block_on(client.read(&mut buf)).is_err());
    assert!(net.block_on(server.read(&mut buf)).is_err());
}

#[test]
fn address_of_a_lease_says_whose_it_is_and_keeps_its_state() {
    let p = probing(1, ConflictDetection::DefendOnce);
    let (stack, id) = (p.host.stack(), p.host.interface(p.link));
    p.net.run_for(secs(2));
    let cidr = Ipv4Cidr::new(OURS, 16);
    stack.add_ipv4_from(id, cidr, Ipv4Origin::Dhcp).unwrap();
    let chosen = stack.add_ipv4_from(id, cidr, Ipv4Origin::LinkLocal);
    assert_eq!(chosen, Err(AddressError::Invalid));
    let expected = Ipv4Entry {
        cidr,
        origin: Ipv4Origin::Dhcp,
        state: Ipv4State::Probing,
    };
    assert_eq!(p.entry(), expected);
    p.net.run_for(secs(20));
    assert_eq!(p.arps().len(), 5);
    stack.add_ipv4(id, Ipv4Cidr::new(OURS, 8)).unwrap();
    assert_eq!(p.state(), Ipv4State::Active);
    p.net.run_for(secs(20));
    assert!(p.arps().is_empty());
}

#[test]
fn detection_can_be_switched_off_and_what_is_probed_is_used_at_once() {
    let mut p = probing(1, ConflictDetection::DefendOnce);
    let (stack, id) = (p.host.stack(), p.host.interface(p.link));
    p.net.run_for(secs(1));
    stack.set_conflict_detection(id, ConflictDetection::Off);
    assert_eq!(p.state(), Ipv4State::Active);
    assert_eq!(p.happened(), [EventKind::AddressAdded(OURS.into())]);
    p.peer.take();
    p.contest();
    p.contest();
    p.net.run_for(secs(100));
    assert_eq!((p.state(), p.arps().len()), (Ipv4State::Active, 0));
    assert!(!stack.set_conflict_detection(77, ConflictDetection::Off));
}

#[test]
fn link_without_arp_has_no_probes() {
    let net = Network::new(1);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.ip_link((host, peer));
    let id = host.interface(link);
    host.stack()
        .set_conflict_detection(id, ConflictDetection::DefendOnce);
    host.add(link, "10.0.0.1/24");
    let interface = host.stack().interface(id).unwrap();
    assert_eq!(interface.ipv4[0].state, Ipv4State::Active);
}

#[test]
fn probe_that_finds_no_room_is_sent_later() {
    let p = probing(1, ConflictDetection::DefendOnce);
    // All that control packets may take is taken.
    let pool = p.host.pool();
    let taken: Vec<_> =
        std::iter::from_fn(|| pool.alloc(zonda::netbuf::Purpose::Control, 0).ok()).collect();
    p.net.run_for(secs(10));
    assert!(p.arps().is_empty());
    assert_eq!(p.state(), Ipv4State::Probing);
    drop(taken);
    p.net.run_for(secs(10));
    assert_eq!((p.arps().len(), p.state()), (5, Ipv4State::Active));
}

/// ARP packets that say anything, to hosts that listen to it: nothing is stuck, nothing is left.
#[test]
fn storm_of_arp_packets_ends_with_an_address_in_use() {
    for detection in [
        ConflictDetection::GiveUp,
        ConflictDetection::DefendOnce,
        ConflictDetection::DefendAlways,
    ] {
        let p = probing(7, detection);
        let (stack, id) = (p.host.stack(), p.host.interface(p.link));
        #[cfg(feature = "ipv4-link-local")]
        stack.start_ipv4_link_local(id).unwrap();
        let mut random = p.net.random();
        for _ in 0..20_000 {
            let known = stack.interface(id).unwrap().ipv4;
            let mut address = || match random.below(4) {
                0 => Ipv4Addr::UNSPECIFIED,
                1 => OTHERS,
                n => known[n % known.len()].cidr.address,
            };
            let (sender, target) = (address(), address());
            let mac = [STRANGER, p.peer.mac(), p.mac(), BROADCAST, ZERO][random.below(5)];
            let packet = arp(random.below(4) as u16, (mac, sender), (ZERO, target));
            p.peer.send(ethernet(BROADCAST, STRANGER, ARP, &packet));
            p.net.run_for(ms(random.below(500) as u64));
            p.peer.take();
        }
        // The link comes up anew, and nobody objects any more.
        p.link.down();
        p.net.settle();
        p.link.up();
        p.net.run_for(secs(20));
        assert_eq!(p.entry().state, Ipv4State::Active);
        assert!(p.answers());
    }
}
