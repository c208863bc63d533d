//! IGMP and MLD as the RFCs draw them: queries to be sent, reports that were seen.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zonda::time::{Duration, Instant};

use crate::alone::*;
use crate::frame::*;

pub const IGMP: u8 = 2;
const HOP_BY_HOP: u8 = 0;
/// Router Alert (RFC 2113 §2.1), and the header that holds it in IPv6 (RFC 2711 §2.1).
const ALERT4: [u8; 4] = [148, 4, 0, 0];
const ALERT6: [u8; 8] = [ICMPV6, 0, 5, 2, 0, 0, 1, 0];

pub const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Who asks.
pub const QUERIER6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);

pub const IS_IN: u8 = 1;
pub const IS_EX: u8 = 2;
pub const TO_IN: u8 = 3;
pub const TO_EX: u8 = 4;
pub const ALLOW: u8 = 5;
pub const BLOCK: u8 = 6;

/// One of the two protocols, that a test is written once for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Igmp,
    Mld,
}

pub const FAMILIES: [Family; 2] = [Family::Igmp, Family::Mld];

impl Family {
    /// A group that is nobody else's.
    pub fn group(self, n: u8) -> IpAddr {
        match self {
            Self::Igmp => Ipv4Addr::new(239, 1, 2, n).into(),
            Self::Mld => Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 7, n.into()).into(),
        }
    }

    /// A source of such a group.
    pub fn source(self, n: u8) -> IpAddr {
        match self {
            Self::Igmp => Ipv4Addr::new(10, 0, 7, n).into(),
            Self::Mld => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 7, n.into()).into(),
        }
    }

    pub fn sources<const N: usize>(self, numbers: [u8; N]) -> Vec<IpAddr> {
        numbers.map(|n| self.source(n)).to_vec()
    }

    /// Where a router is heard that speaks the newest version.
    fn newest_routers(self) -> IpAddr {
        match self {
            Self::Igmp => "224.0.0.22",
            Self::Mld => "ff02::16",
        }
        .parse()
        .unwrap()
    }

    fn routers(self) -> IpAddr {
        match self {
            Self::Igmp => "224.0.0.2",
            Self::Mld => "ff02::2",
        }
        .parse()
        .unwrap()
    }
}

/// A query to be.
#[derive(Clone, Debug)]
pub struct Query {
    pub family: Family,
    /// 1 to 3 of IGMP, 1 and 2 of MLD.
    pub version: u8,
    pub max: Duration,
    pub group: Option<IpAddr>,
    pub sources: Vec<IpAddr>,
    pub robustness: u8,
    /// In seconds, below 128.
    pub interval: u8,
    pub from: IpAddr,
    /// Where it goes, if not where it should.
    pub to: Option<IpAddr>,
    pub hop_limit: u8,
    pub alert: bool,
    /// Octets behind it, or taken off.
    pub extra: isize,
}

impl Query {
    /// A General Query of the newest version, to be answered within `max`.
    pub fn general(family: Family, max: Duration) -> Self {
        Self {
            family,
            version: match family {
                Family::Igmp => 3,
                Family::Mld => 2,
            },
            max,
            group: None,
            sources: Vec::new(),
            robustness: 2,
            interval: 125,
            from: match family {
                Family::Igmp => PEER4.into(),
                Family::Mld => QUERIER6.into(),
            },
            to: None,
            hop_limit: 1,
            alert: true,
            extra: 0,
        }
    }

    /// As [`Query::general`], of the version before the newest.
    pub fn older(family: Family, max: Duration) -> Self {
        let query = Self::general(family, max);
        let version = query.version - 1;
        Self { version, ..query }
    }

    pub fn of(self, group: IpAddr) -> Self {
        let group = Some(group);
        Self { group, ..self }
    }

    pub fn sources(self, sources: Vec<IpAddr>) -> Self {
        Self { sources, ..self }
    }

    /// As a frame from the peer.
    pub fn frame(&self, a: &Alone) -> Vec<u8> {
        let millis = self.max.as_millis();
        let mut tail = vec![self.robustness, self.interval];
        tail.extend((self.sources.len() as u16).to_be_bytes());
        for source in &self.sources {
            match source {
                IpAddr::V4(source) => tail.extend(source.octets()),
                IpAddr::V6(source) => tail.extend(source.octets()),
            }
        }
        let resize = |mut body: Vec<u8>| {
            let length = body.len().strict_add_signed(self.extra);
            body.resize(length, 0);
            body
        };
        match self.family {
            Family::Igmp => {
                let group = match self.group {
                    Some(IpAddr::V4(group)) => group,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                // Linear in version 2; here always below 128 otherwise.
                let code = if self.version == 1 {
                    0
                } else {
                    (millis / 100) as u8
                };
                let mut body = join(&[&[0x11, code, 0, 0], &group.octets()]);
                if self.version == 3 {
                    body.extend(tail);
                }
                let to = self.to.unwrap_or(match self.group {
                    Some(group) => group,
                    None => ALL_SYSTEMS.into(),
                });
                igmp(a, self.from, to, self.hop_limit, self.alert, resize(body))
            }
            Family::Mld => {
                let group = match self.group {
                    Some(IpAddr::V6(group)) => group,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                let mut body = join(&[&(millis as u16).to_be_bytes(), &[0, 0], &group.octets()]);
                if self.version == 2 {
                    body.extend(tail);
                }
                let to = self.to.unwrap_or(match self.group {
                    Some(group) => group,
                    None => ALL_NODES.into(),
                });
                let body = resize(body);
                mld(a, (self.from, to), 130, self.hop_limit, self.alert, &body)
            }
        }
    }
}

/// Another host's report of an older version, as a frame from the peer.
pub fn older_report(a: &Alone, family: Family, group: IpAddr) -> Vec<u8> {
    match group {
        IpAddr::V4(octets) => {
            let body = join(&[&[0x16, 0, 0, 0], &octets.octets()]);
            igmp(a, PEER4.into(), group, 1, true, body)
        }
        IpAddr::V6(octets) => {
            assert_eq!(family, Family::Mld);
            let body = join(&[&[0; 4], &octets.octets()]);
            mld(a, (QUERIER6.into(), group), 131, 1, true, &body)
        }
    }
}

/// An IGMP message without its checksum, as a frame.
pub fn igmp(
    a: &Alone,
    from: IpAddr,
    to: IpAddr,
    ttl: u8,
    alert: bool,
    mut body: Vec<u8>,
) -> Vec<u8> {
    let sum = checksum(&[&body]);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let (IpAddr::V4(from), IpAddr::V4(to4)) = (from, to) else {
        panic!("IPv4")
    };
    let header = Ip4 {
        ttl,
        tos: 0xc0,
        options: if alert { ALERT4.to_vec() } else { Vec::new() },
        ..Ip4::new(from, to4, IGMP)
    };
    a.to(link_address(a, to), &header.with(&body))
}

/// An MLD message, what is behind its checksum given, as a frame.
pub fn mld(
    a: &Alone,
    (from, to): (IpAddr, IpAddr),
    kind: u8,
    hop_limit: u8,
    alert: bool,
    body: &[u8],
) -> Vec<u8> {
    let (IpAddr::V6(from), IpAddr::V6(to6)) = (from, to) else {
        panic!("IPv6")
    };
    let word = body[..4].try_into().unwrap();
    let message = icmpv6((from, to6), kind, 0, word, &body[4..]);
    let packet = match alert {
        true => {
            let header = Ip6::new(from, to6, HOP_BY_HOP);
            let payload = join(&[&ALERT6, &message]);
            Ip6 {
                hop_limit,
                ..header
            }
            .with(&payload)
        }
        false => {
            let header = Ip6::new(from, to6, ICMPV6);
            Ip6 {
                hop_limit,
                ..header
            }
            .with(&message)
        }
    };
    a.to(link_address(a, to), &packet)
}

fn link_address(a: &Alone, to: IpAddr) -> Mac {
    match to.is_multicast() {
        true => group_mac(to),
        false => a.mac(),
    }
}

/// A record of a report that was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    pub kind: u8,
    pub group: IpAddr,
    pub sources: Vec<IpAddr>,
}

pub fn record(kind: u8, group: IpAddr, mut sources: Vec<IpAddr>) -> Record {
    sources.sort();
    Record {
        kind,
        group,
        sources,
    }
}

/// What a host has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// In the newest version.
    Records(Vec<Record>),
    /// In an older one, of this number.
    Report(u8, IpAddr),
    Leave(IpAddr),
}

/// Reads a message, whose envelope must be as the RFCs want it; `None` if it is of something else.
/// The source is returned with it.
pub fn said(seen: &Seen) -> Option<(Family, IpAddr, Said)> {
    let body = &seen.body;
    let is_igmp = seen.ethertype == IPV4 && body[9] == IGMP;
    let is_mld = seen.ethertype == IPV6 && body[6] == HOP_BY_HOP && body[40] == ICMPV6;
    if !is_igmp && !is_mld {
        return None;
    }
    let packet = seen.ip().unwrap();
    assert_eq!(seen.to, group_mac(packet.destination));
    assert_eq!(packet.hop_limit, 1);
    let (family, kind, message) = match is_igmp {
        true => {
            // RFC 3376 §4: precedence, and Router Alert.
            assert_eq!((body[0], packet.traffic_class), (0x46, 0xc0));
            assert_eq!(body[20..24], ALERT4);
            assert_eq!(checksum(&[&packet.payload]), 0);
            (Family::Igmp, packet.payload[0], packet.payload)
        }
        false => {
            // RFC 3810 §5: Router Alert in the Hop-by-Hop Options header.
            assert_eq!(packet.payload[..8], ALERT6);
            let message = packet.payload[8..].to_vec();
            let (IpAddr::V6(from), IpAddr::V6(to)) = (packet.source, packet.destination) else {
                panic!("IPv6")
            };
            assert!(from.is_unicast_link_local() || from.is_unspecified());
            let word = message[4..8].try_into().unwrap();
            let sum = icmpv6((from, to), message[0], 0, word, &message[8..]);
            assert_eq!(message, sum, "the checksum, and a code of zero");
            (Family::Mld, message[0], message)
        }
    };
    let group = || match family {
        Family::Igmp => {
            assert_eq!(message.len(), 8);
            address(family, &message[4..])
        }
        Family::Mld => {
            assert_eq!((message.len(), &message[4..8]), (24, &[0; 4][..]));
            address(family, &message[8..])
        }
    };
    let said = match (family, kind) {
        (Family::Igmp, 0x22) | (Family::Mld, 143) => {
            assert_eq!(packet.destination, family.newest_routers());
            Said::Records(records(family, &message))
        }
        (Family::Igmp, 0x12) | (Family::Mld, 131) => Said::Report(1, group()),
        (Family::Igmp, 0x16) => Said::Report(2, group()),
        (Family::Igmp, 0x17) | (Family::Mld, 132) => Said::Leave(group()),
        _ => return None,
    };
    match said {
        Said::Report(_, group) => assert_eq!(packet.destination, group),
        Said::Leave(_) => assert_eq!(packet.destination, family.routers()),
        Said::Records(_) => {}
    }
    Some((family, packet.source, said))
}

fn address(family: Family, bytes: &[u8]) -> IpAddr {
    match family {
        Family::Igmp => <[u8; 4]>::try_from(&bytes[..4]).unwrap().into(),
        Family::Mld => <[u8; 16]>::try_from(&bytes[..16]).unwrap().into(),
    }
}

fn records(family: Family, message: &[u8]) -> Vec<Record> {
    let size = match family {
        Family::Igmp => 4,
        Family::Mld => 16,
    };
    assert_eq!(message[4..6], [0, 0]);
    let count = u16::from_be_bytes([message[6], message[7]]);
    let mut rest = &message[8..];
    let mut all = Vec::new();
    for _ in 0..count {
        let sources = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        assert_eq!(rest[1], 0, "no auxiliary data");
        let list = rest[4 + size..].chunks(size).take(sources);
        let list = list.map(|bytes| address(family, bytes)).collect();
        all.push(record(rest[0], address(family, &rest[4..]), list));
        rest = &rest[4 + size + sources * size..];
    }
    assert!(rest.is_empty(), "nothing behind the records");
    all
}

/// What a host says to a peer that listens.
pub struct Listener {
    pub a: Alone,
    pub family: Family,
}

/// A host that has said all that it says when it starts.
pub fn listener(family: Family) -> Listener {
    let a = acquainted();
    a.peer.hear_groups();
    a.net.run_for(Duration::from_secs(30));
    a.peer.take();
    Listener { a, family }
}

impl Listener {
    /// What the host has said since this was asked before, with the time of each.
    pub fn heard_timed(&self) -> Vec<(Instant, Said)> {
        let frames = self.a.peer.take_timed().into_iter();
        let said = frames.filter_map(|(at, frame)| Some((at, said(&read(&frame))?)));
        let said = said.filter(|(_, (family, _, _))| *family == self.family);
        said.map(|(at, (_, _, said))| (at, said)).collect()
    }

    pub fn heard(&self) -> Vec<Said> {
        let heard = self.heard_timed().into_iter();
        heard.map(|(_, said)| said).collect()
    }

    /// Lets time pass, and gives the records that were said meanwhile of the tests' groups.
    pub fn records_in(&self, span: Duration) -> Vec<Record> {
        self.a.net.run_for(span);
        let all = self.heard().into_iter().flat_map(|said| match said {
            Said::Records(records) => records,
            other => panic!("{other:?} is of an older version"),
        });
        all.filter(|record| self.is_ours(record.group)).collect()
    }

    /// Lets time pass, and gives what was said meanwhile of the tests' groups in an older version.
    pub fn older_in(&self, span: Duration) -> Vec<Said> {
        self.a.net.run_for(span);
        let all = self.heard().into_iter();
        all.filter(|said| match said {
            Said::Report(_, group) | Said::Leave(group) => self.is_ours(*group),
            Said::Records(_) => panic!("{said:?} is of the newest version"),
        })
        .collect()
    }

    /// Whether a group is one of [`Family::group`].
    fn is_ours(&self, group: IpAddr) -> bool {
        match (group, self.family.group(0)) {
            (IpAddr::V4(group), IpAddr::V4(ours)) => group.octets()[..3] == ours.octets()[..3],
            (IpAddr::V6(group), IpAddr::V6(ours)) => group.octets()[..14] == ours.octets()[..14],
            _ => false,
        }
    }

    /// Sends a query.
    pub fn ask(&self, query: &Query) {
        self.a.peer.send(query.frame(&self.a));
    }

    pub fn interface(&self) -> u8 {
        self.a.host.interface(self.a.link)
    }
}
