//! A host whose IPv6 addresses are checked for duplicates, a peer, and what there is to see of it.

use std::net::{IpAddr, Ipv6Addr};

use zonda::iface::{AddressCounters, AddressOrigin, AddressState, EventKind, Ipv6Address};
use zonda::stack::{Events, Stack};
use zonda::time::Instant;

use crate::frame::*;
use crate::network::*;

/// A host and a peer on a link that has just come up.
pub struct Checked {
    pub net: Network,
    pub host: Host,
    pub peer: Peer,
    pub link: Link,
}

/// A question whether anybody has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub at: Instant,
    pub target: Ipv6Addr,
    pub nonce: [u8; 6],
}

/// A host that asks so many times for each of its addresses.
pub fn checked(transmits: u8) -> Checked {
    checked_from(1, transmits)
}

pub fn checked_from(seed: u64, transmits: u8) -> Checked {
    let net = Network::new(seed);
    let (host, peer) = (net.host("host"), net.peer("peer"));
    let link = net.link((host, peer)).delay(us(10)).down();
    net.settle();
    let checked = Checked {
        net,
        host,
        peer,
        link,
    };
    assert!(checked.stack().set_dad_transmits(checked.id(), transmits));
    link.up();
    checked
}

pub fn ip6(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

impl Checked {
    pub fn stack(&self) -> Stack<'static> {
        self.host.stack()
    }

    pub fn id(&self) -> u8 {
        self.host.interface(self.link)
    }

    pub fn add(&self, address: &str) -> Ipv6Addr {
        self.host.add(self.link, &format!("{address}/64"));
        ip6(address)
    }

    pub fn remove(&self, address: Ipv6Addr) -> bool {
        self.stack().remove_address(self.id(), address.into())
    }

    pub fn addresses(&self) -> Vec<Ipv6Address> {
        let info = self.stack().interface(self.id());
        info.expect("an interface").ipv6.to_vec()
    }

    pub fn find(&self, address: Ipv6Addr) -> Option<Ipv6Address> {
        let mut addresses = self.addresses().into_iter();
        addresses.find(|known| known.address == address)
    }

    pub fn state(&self, address: Ipv6Addr) -> Option<AddressState> {
        self.find(address).map(|known| known.state)
    }

    pub fn link_local(&self) -> Ipv6Addr {
        self.host.link_local(self.link)
    }

    pub fn counters(&self) -> AddressCounters {
        let info = self.stack().interface(self.id());
        info.expect("an interface").addresses
    }

    /// The questions that the host has asked since the frames were taken before.
    pub fn questions(&self) -> Vec<Question> {
        let frames = self.peer.take_timed().into_iter();
        frames
            .filter_map(|(at, frame)| {
                let seen = read(&frame);
                let ip = seen.ip()?;
                let (_, target, options) = ip.discovery(135)?;
                if ip.source != IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
                    return None;
                }
                assert_eq!(ip.destination, IpAddr::V6(solicited_node(target)));
                assert_eq!(seen.to, group_mac(ip.destination));
                // A nonce of six octets, and nothing else.
                assert_eq!((options.len(), &options[..2]), (8, &[14, 1][..]));
                let nonce = options[2..].try_into().expect("six octets");
                Some(Question { at, target, nonce })
            })
            .collect()
    }

    /// Lets time pass until the host has asked for an address; false if it does not.
    pub fn asks_for(&self, address: Ipv6Addr) -> Option<Question> {
        for _ in 0..400 {
            self.net.run_for(ms(10));
            let question = self.questions().into_iter().find(|q| q.target == address);
            if question.is_some() {
                return question;
            }
        }
        None
    }

    /// Lets time pass until nothing is being checked.
    pub fn settle(&self) {
        let (stack, id) = (self.stack(), self.id());
        let ready = self.net.spawn(stack.ready(id));
        assert!(self.net.run_until(secs(30), || ready.is_done()));
        self.net.run_for(ms(1));
    }

    /// As [`Checked::settle`], and forgets the frames.
    pub fn quiet(&self) {
        self.settle();
        self.peer.take();
    }

    /// Sends a packet to a group.
    pub fn to_group(&self, group: Ipv6Addr, packet: &[u8]) {
        let mac = group_mac(group.into());
        self.peer.send(ethernet(mac, self.peer.mac(), IPV6, packet));
        self.net.run_for(ms(1));
    }

    /// Another station asks whether anybody has an address.
    pub fn ask(&self, target: Ipv6Addr, options: &[u8]) {
        let group = solicited_node(target);
        let packet = solicitation(Ipv6Addr::UNSPECIFIED, group, target, options);
        self.to_group(group, &packet);
    }

    /// Another station says that it has an address.
    pub fn claim(&self, target: Ipv6Addr) {
        let group = ip6("ff02::1");
        let option = link_option(2, self.peer.mac());
        let packet = advertisement(target, group, OVERRIDE, target, &option);
        self.to_group(group, &packet);
    }

    /// The answers to an echo request.
    pub fn ping(&self, from: Ipv6Addr, to: Ipv6Addr) -> usize {
        let packet = echo(from.into(), to.into(), false, 1, 1, b"ping");
        let frame = ethernet(self.host.mac(self.link), self.peer.mac(), IPV6, &packet);
        let answers = self.peer.exchange(frame);
        let replies = answers.iter().filter(|frame| {
            let ip = read(frame).ip().expect("an IP packet");
            ip.icmp().is_some_and(|(kind, ..)| kind == 129)
        });
        replies.count()
    }
}

// ---- Routers ------------------------------------------------------------------------------

pub const GATEWAY: &str = "fe80::ff";
pub const AUTONOMOUS: u8 = 0x40;
pub const ON_LINK: u8 = 0x80;
pub const FOR_EVER: u32 = u32::MAX;
pub const HOUR: u32 = 3_600;

/// A Prefix Information option (RFC 4861 §4.6.2).
pub fn prefix_option(prefix: &str, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    let (prefix, length) = prefix.split_once('/').expect("prefix/length");
    join(&[
        &[3, 4, length.parse().expect("a length"), flags],
        &valid.to_be_bytes(),
        &preferred.to_be_bytes(),
        &[0; 4],
        &ip6(prefix).octets(),
    ])
}

impl Checked {
    /// A router advertises (RFC 4861 §4.2), with its link address.
    pub fn advertise(&self, options: &[u8]) {
        self.advertise_bare(&join(&[&link_option(1, self.peer.mac()), options]));
    }

    /// A router advertises without its link address.
    pub fn advertise_bare(&self, options: &[u8]) {
        let (source, all) = (ip6(GATEWAY), ip6("ff02::1"));
        let data = join(&[&[0; 8], options]);
        // Router lifetime: 1800 s.
        let message = icmpv6((source, all), 134, 0, [64, 0, 7, 8], &data);
        let header = Ip6 {
            hop_limit: 255,
            ..Ip6::new(source, all, ICMPV6)
        };
        self.to_group(all, &header.with(&message));
    }

    /// A router advertises a prefix to make addresses of.
    pub fn prefix(&self, prefix: &str, valid: u32, preferred: u32) {
        self.advertise(&prefix_option(prefix, AUTONOMOUS, valid, preferred));
    }

    /// The addresses of one origin.
    pub fn of(&self, origin: AddressOrigin) -> Vec<Ipv6Address> {
        let mut addresses = self.addresses();
        addresses.retain(|known| known.origin == origin);
        addresses
    }

    /// The one address that was made of a prefix.
    #[track_caller]
    pub fn made(&self) -> Ipv6Address {
        let made = self.of(AddressOrigin::Autoconfigured);
        assert_eq!(made.len(), 1, "{made:?}");
        made[0]
    }

    /// Seconds for which the address that was made of a prefix is valid yet.
    pub fn valid_for(&self) -> Option<u64> {
        let until = self.made().valid_until?;
        Some((until.since(self.net.now()) + us(500_000)).as_secs())
    }
}

/// The events about addresses.
pub fn address_events(events: &mut Events<'_>) -> Vec<EventKind> {
    let kinds = std::iter::from_fn(|| events.try_next()).map(|event| event.unwrap().kind);
    kinds
        .filter(|kind| {
            matches!(
                kind,
                EventKind::AddressAdded(_)
                    | EventKind::AddressRemoved(_)
                    | EventKind::AddressDeprecated(_)
                    | EventKind::AddressPreferred(_)
                    | EventKind::AddressDuplicate(_)
            )
        })
        .collect()
}
