//! Frames as the RFCs draw them, made and read without the crate's own code.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub type Mac = [u8; 6];

pub const BROADCAST: Mac = [0xff; 6];
pub const IPV4: u16 = 0x0800;
pub const ARP: u16 = 0x0806;
pub const IPV6: u16 = 0x86dd;

pub const ICMP: u8 = 1;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;
/// The Fragment header of IPv6.
pub const FRAGMENT: u8 = 44;

/// Joins pieces.
pub fn join(pieces: &[&[u8]]) -> Vec<u8> {
    pieces.concat()
}

/// The Internet checksum (RFC 1071 §4.1).
pub fn checksum(pieces: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for (index, octet) in pieces.iter().flat_map(|piece| piece.iter()).enumerate() {
        sum += u64::from(*octet) << if index % 2 == 0 { 8 } else { 0 };
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

// ---- Making ------------------------------------------------------------------------------

/// An Ethernet II frame (RFC 894).
pub fn ethernet(to: Mac, from: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&to, &from, &ethertype.to_be_bytes(), payload])
}

/// An ARP packet for Ethernet and IPv4 (RFC 826).
pub fn arp(operation: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    join(&[
        &[0, 1, 8, 0, 6, 4],
        &operation.to_be_bytes(),
        &sender.0,
        &sender.1.octets(),
        &target.0,
        &target.1.octets(),
    ])
}

/// An IPv4 header to be (RFC 791 §3.1).
#[derive(Clone)]
pub struct Ip4 {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    pub tos: u8,
    pub id: u16,
    /// Flags and fragment offset.
    pub fragment: u16,
    pub options: Vec<u8>,
}

impl Ip4 {
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8) -> Self {
        Self {
            source,
            destination,
            protocol,
            ttl: 64,
            tos: 0,
            id: 0,
            fragment: 0,
            options: Vec::new(),
        }
    }

    /// The datagram.
    pub fn with(&self, payload: &[u8]) -> Vec<u8> {
        let header = 20 + self.options.len();
        let mut bytes = join(&[
            &[0x40 | (header / 4) as u8, self.tos],
            &((header + payload.len()) as u16).to_be_bytes(),
            &self.id.to_be_bytes(),
            &self.fragment.to_be_bytes(),
            &[self.ttl, self.protocol, 0, 0],
            &self.source.octets(),
            &self.destination.octets(),
            &self.options,
        ]);
        let sum = checksum(&[&bytes]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }
}

/// An IPv6 header to be (RFC 8200 §3).
#[derive(Clone)]
pub struct Ip6 {
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    pub next_header: u8,
    pub hop_limit: u8,
    pub traffic_class: u8,
}

impl Ip6 {
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr, next_header: u8) -> Self {
        Self {
            source,
            destination,
            next_header,
            hop_limit: 64,
            traffic_class: 0,
        }
    }

    /// The packet.
    pub fn with(&self, payload: &[u8]) -> Vec<u8> {
        let class = self.traffic_class;
        join(&[
            &[0x60 | class >> 4, class << 4, 0, 0],
            &(payload.len() as u16).to_be_bytes(),
            &[self.next_header, self.hop_limit],
            &self.source.octets(),
            &self.destination.octets(),
            payload,
        ])
    }
}

/// The pseudo-header of a message between two addresses of one version (RFC 768, RFC 8200 §8.1).
fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => join(&[
            &source.octets(),
            &destination.octets(),
            &[0, protocol],
            &(length as u16).to_be_bytes(),
        ]),
        (IpAddr::V6(source), IpAddr::V6(destination)) => join(&[
            &source.octets(),
            &destination.octets(),
            &(length as u32).to_be_bytes(),
            &[0, 0, 0, protocol],
        ]),
        _ => panic!("addresses of two versions"),
    }
}

/// An IP packet of either version.
pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Ip4::new(source, destination, protocol).with(payload)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Ip6::new(source, destination, protocol).with(payload)
        }
        _ => panic!("addresses of two versions"),
    }
}

/// A UDP datagram with its checksum (RFC 768).
pub fn udp(source: (IpAddr, u16), destination: (IpAddr, u16), data: &[u8]) -> Vec<u8> {
    let length = 8 + data.len();
    let mut bytes = join(&[
        &source.1.to_be_bytes(),
        &destination.1.to_be_bytes(),
        &(length as u16).to_be_bytes(),
        &[0, 0],
        data,
    ]);
    let pseudo = pseudo_header(source.0, destination.0, UDP, length);
    let sum = match checksum(&[&pseudo, &bytes]) {
        0 => 0xffff,
        sum => sum,
    };
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMP message: the second word, and what follows (RFC 792).
pub fn icmp(kind: u8, code: u8, word: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = join(&[&[kind, code, 0, 0], &word, data]);
    let sum = checksum(&[&bytes]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMPv6 message between two addresses (RFC 4443 §2.1).
pub fn icmpv6(
    (source, destination): (Ipv6Addr, Ipv6Addr),
    kind: u8,
    code: u8,
    word: [u8; 4],
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = join(&[&[kind, code, 0, 0], &word, data]);
    let pseudo = pseudo_header(source.into(), destination.into(), ICMPV6, bytes.len());
    let sum = checksum(&[&pseudo, &bytes]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMP or ICMPv6 echo request (or, with `reply`, a reply) as an IP packet.
pub fn echo(
    source: IpAddr,
    destination: IpAddr,
    reply: bool,
    id: u16,
    seq: u16,
    data: &[u8],
) -> Vec<u8> {
    let [a, b] = id.to_be_bytes();
    let [c, d] = seq.to_be_bytes();
    match (source, destination) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            let kind = if reply { 0 } else { 8 };
            ip(
                source,
                destination,
                ICMP,
                &icmp(kind, 0, [a, b, c, d], data),
            )
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let kind = if reply { 129 } else { 128 };
            let message = icmpv6((from, to), kind, 0, [a, b, c, d], data);
            ip(source, destination, ICMPV6, &message)
        }
        _ => panic!("addresses of two versions"),
    }
}

/// A link-layer address option of Neighbor Discovery: type 1 for the source's, 2 for the target's
/// (RFC 4861 §4.6.1).
pub fn link_option(kind: u8, mac: Mac) -> Vec<u8> {
    join(&[&[kind, 1], &mac])
}

/// A Neighbor Solicitation as an IPv6 packet (RFC 4861 §4.3).
pub fn solicitation(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    options: &[u8],
) -> Vec<u8> {
    let data = join(&[&target.octets(), options]);
    let message = icmpv6((source, destination), 135, 0, [0; 4], &data);
    let header = Ip6::new(source, destination, ICMPV6);
    Ip6 {
        hop_limit: 255,
        ..header
    }
    .with(&message)
}

pub const ROUTER: u8 = 0x80;
pub const SOLICITED: u8 = 0x40;
pub const OVERRIDE: u8 = 0x20;

/// A Neighbor Advertisement as an IPv6 packet (RFC 4861 §4.4).
pub fn advertisement(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    flags: u8,
    target: Ipv6Addr,
    options: &[u8],
) -> Vec<u8> {
    let data = join(&[&target.octets(), options]);
    let message = icmpv6((source, destination), 136, 0, [flags, 0, 0, 0], &data);
    let header = Ip6::new(source, destination, ICMPV6);
    Ip6 {
        hop_limit: 255,
        ..header
    }
    .with(&message)
}

/// The solicited-node group of an address (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}

/// The Ethernet address of a group (RFC 1112 §6.4, RFC 2464 §7).
pub fn group_mac(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            [1, 0, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            [0x33, 0x33, a, b, c, d]
        }
    }
}

// ---- Reading -----------------------------------------------------------------------------

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// An Ethernet frame that was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub to: Mac,
    pub from: Mac,
    pub ethertype: u16,
    pub body: Vec<u8>,
}

/// An ARP packet that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenArp {
    pub operation: u16,
    pub sender: (Mac, Ipv4Addr),
    pub target: (Mac, Ipv4Addr),
}

/// An IP packet that was seen, whose checksums (but a UDP's that is absent) were right.
#[derive(Clone, Debug)]
pub struct SeenIp {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    pub hop_limit: u8,
    pub traffic_class: u8,
    /// What the packet is a part of, if it is a fragment: then no checksum behind its header was
    /// looked at.
    pub fragment: Option<Part>,
    /// It may not be fragmented on the way (IPv4).
    pub dont_fragment: bool,
    pub payload: Vec<u8>,
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: u32,
    pub offset: usize,
    pub more: bool,
}

pub fn read(frame: &[u8]) -> Seen {
    assert!(frame.len() >= 14, "a frame has a header");
    Seen {
        to: frame[..6].try_into().unwrap(),
        from: frame[6..12].try_into().unwrap(),
        ethertype: be16(frame, 12),
        body: frame[14..].to_vec(),
    }
}

impl Seen {
    pub fn arp(&self) -> Option<SeenArp> {
        let body = (self.ethertype == ARP).then_some(&self.body)?;
        assert_eq!(&body[..6], &[0, 1, 8, 0, 6, 4]);
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&body[at..at + 4]).unwrap());
        Some(SeenArp {
            operation: be16(body, 6),
            sender: (body[8..14].try_into().unwrap(), address(14)),
            target: (body[18..24].try_into().unwrap(), address(24)),
        })
    }

    pub fn ip(&self) -> Option<SeenIp> {
        match self.ethertype {
            IPV4 | IPV6 => Some(read_ip(&self.body)),
            _ => None,
        }
    }
}

/// Puts the fragments of one datagram together, which came in order and all, and checks what a
/// receiver would.
pub fn reassemble(fragments: &[SeenIp]) -> SeenIp {
    let mut whole = fragments[0].clone();
    whole.payload.clear();
    let id = whole.fragment.expect("a fragment").id;
    for (number, seen) in fragments.iter().enumerate() {
        let part = Part {
            id,
            offset: whole.payload.len(),
            more: number + 1 < fragments.len(),
        };
        assert_eq!(seen.fragment, Some(part));
        assert!(!part.more || seen.payload.len() % 8 == 0);
        assert_eq!(
            (seen.source, seen.destination, seen.protocol),
            (whole.source, whole.destination, whole.protocol)
        );
        whole.payload.extend_from_slice(&seen.payload);
    }
    // Where the length of the header is 16 bits, so is that of the pseudo-header.
    let packet = ip(
        whole.source,
        whole.destination,
        whole.protocol,
        &whole.payload,
    );
    read_ip(&packet)
}

/// Reads an IP packet, and checks what a receiver would.
pub fn read_ip(body: &[u8]) -> SeenIp {
    match body[0] >> 4 {
        4 => {
            let header = usize::from(body[0] & 15) * 4;
            assert_eq!(checksum(&[&body[..header]]), 0, "the header's checksum");
            let length = usize::from(be16(body, 2));
            let address =
                |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&body[at..at + 4]).unwrap());
            let seen = SeenIp {
                source: address(12).into(),
                destination: address(16).into(),
                protocol: body[9],
                hop_limit: body[8],
                traffic_class: body[1],
                fragment: (be16(body, 6) & 0x3fff != 0).then(|| Part {
                    id: be16(body, 4).into(),
                    offset: usize::from(be16(body, 6) & 0x1fff) * 8,
                    more: body[6] & 0x20 != 0,
                }),
                dont_fragment: body[6] & 0x40 != 0,
                payload: body[header..length].to_vec(),
            };
            if seen.protocol == ICMP && seen.fragment.is_none() {
                assert_eq!(checksum(&[&seen.payload]), 0, "the message's checksum");
            }
            seen.check_udp()
        }
        6 => {
            let length = usize::from(be16(body, 4));
            let address =
                |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&body[at..at + 16]).unwrap());
            let mut seen = SeenIp {
                source: address(8).into(),
                destination: address(24).into(),
                protocol: body[6],
                hop_limit: body[7],
                traffic_class: (be16(body, 0) >> 4) as u8,
                fragment: None,
                dont_fragment: true,
                payload: body[40..40 + length].to_vec(),
            };
            if seen.protocol == FRAGMENT && seen.payload.len() >= 8 {
                let place = be16(&seen.payload, 2);
                seen.protocol = seen.payload[0];
                seen.fragment = Some(Part {
                    id: u32::from_be_bytes(seen.payload[4..8].try_into().unwrap()),
                    offset: usize::from(place & 0xfff8),
                    more: place & 1 != 0,
                });
                seen.payload.drain(..8);
                return seen;
            }
            if seen.protocol == ICMPV6 {
                let pseudo = pseudo_header(seen.source, seen.destination, ICMPV6, length);
                assert_eq!(
                    checksum(&[&pseudo, &seen.payload]),
                    0,
                    "the message's checksum"
                );
            }
            seen.check_udp()
        }
        version => panic!("IP version {version}"),
    }
}

impl SeenIp {
    fn check_udp(self) -> Self {
        if self.protocol == UDP && self.fragment.is_none() && self.payload[6..8] != [0, 0] {
            let length = self.payload.len();
            let pseudo = pseudo_header(self.source, self.destination, UDP, length);
            assert_eq!(
                checksum(&[&pseudo, &self.payload]),
                0,
                "the datagram's checksum"
            );
        }
        self
    }

    /// Ports and data, if it is UDP.
    pub fn udp(&self) -> Option<(u16, u16, &[u8])> {
        let payload = (self.protocol == UDP).then_some(&self.payload)?;
        assert_eq!(usize::from(be16(payload, 4)), payload.len());
        Some((be16(payload, 0), be16(payload, 2), &payload[8..]))
    }

    /// Type, code, second word and data, if it is ICMP or ICMPv6.
    pub fn icmp(&self) -> Option<(u8, u8, [u8; 4], &[u8])> {
        let p = matches!(self.protocol, ICMP | ICMPV6).then_some(&self.payload)?;
        Some((p[0], p[1], p[4..8].try_into().unwrap(), &p[8..]))
    }

    /// The target and options of a Neighbor Solicitation (type 135) or Advertisement (136).
    pub fn discovery(&self, kind: u8) -> Option<(u8, Ipv6Addr, &[u8])> {
        let (seen, code, word, data) = self.icmp().filter(|_| self.protocol == ICMPV6)?;
        if seen != kind {
            return None;
        }
        assert_eq!((code, self.hop_limit), (0, 255));
        let target = Ipv6Addr::from(<[u8; 16]>::try_from(&data[..16]).unwrap());
        Some((word[0], target, &data[16..]))
    }
}

// ---- TCP ---------------------------------------------------------------------------------

pub const TCP: u8 = 6;
pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;
#[cfg(feature = "tcp-ecn")]
pub const ECE: u8 = 64;
#[cfg(feature = "tcp-ecn")]
pub const CWR: u8 = 128;
pub const URG: u8 = 32;

/// A TCP segment, to be or seen (RFC 9293 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    /// A multiple of four octets.
    pub options: Vec<u8>,
    pub data: Vec<u8>,
}

impl Tcp {
    /// As an IP packet with its checksums.
    pub fn packet(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let offset = (5 + self.options.len() / 4) as u8;
        let mut bytes = join(&[
            &self.source.to_be_bytes(),
            &self.destination.to_be_bytes(),
            &self.seq.to_be_bytes(),
            &self.ack.to_be_bytes(),
            &[offset << 4, self.flags],
            &self.window.to_be_bytes(),
            &[0, 0],
            &self.urgent.to_be_bytes(),
            &self.options,
            &self.data,
        ]);
        let pseudo = pseudo_header(source, destination, TCP, bytes.len());
        let sum = checksum(&[&pseudo, &bytes]);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        ip(source, destination, TCP, &bytes)
    }

    /// The data of the option of a kind.
    pub fn option(&self, kind: u8) -> Option<&[u8]> {
        let mut rest = &self.options[..];
        loop {
            match *rest {
                [] | [0, ..] => return None,
                [1, ..] => rest = &rest[1..],
                [found, length, ..] => {
                    let (option, next) = rest.split_at(usize::from(length));
                    if found == kind {
                        return Some(&option[2..]);
                    }
                    rest = next;
                }
                [_] => panic!("a malformed option"),
            }
        }
    }

    pub fn mss(&self) -> Option<u16> {
        self.option(2).map(|data| be16(data, 0))
    }

    pub fn scale(&self) -> Option<u8> {
        self.option(3).map(|data| data[0])
    }

    pub fn timestamps(&self) -> Option<(u32, u32)> {
        self.option(8).map(|data| (be32(data, 0), be32(data, 4)))
    }

    /// The SACK blocks.
    pub fn sack(&self) -> Vec<(u32, u32)> {
        let blocks = self.option(5).unwrap_or(&[]).chunks(8);
        blocks
            .map(|block| (be32(block, 0), be32(block, 4)))
            .collect()
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

impl SeenIp {
    /// The segment, if it is TCP.
    pub fn tcp(&self) -> Option<Tcp> {
        let bytes = (self.protocol == TCP).then_some(&self.payload)?;
        let pseudo = pseudo_header(self.source, self.destination, TCP, bytes.len());
        assert_eq!(checksum(&[&pseudo, bytes]), 0, "the segment's checksum");
        let header = usize::from(bytes[12] >> 4) * 4;
        Some(Tcp {
            source: be16(bytes, 0),
            destination: be16(bytes, 2),
            seq: be32(bytes, 4),
            ack: be32(bytes, 8),
            flags: bytes[13],
            window: be16(bytes, 14),
            urgent: be16(bytes, 18),
            options: bytes[20..header].to_vec(),
            data: bytes[header..].to_vec(),
        })
    }
}
