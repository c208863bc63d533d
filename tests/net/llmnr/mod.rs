//! LLMNR against scripted hosts and against itself. Their messages are made and read without the
//! crate's own code.

mod conflicts;
mod responder;
mod sender;
#[cfg(feature = "tcp")]
mod stream;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::rc::Rc;

use zonda::proto::llmnr::{Llmnr, NameState};
use zonda::socket::{UdpBind, UdpSocket};
use zonda::time::{Duration, Instant};

use crate::dns::{A, AAAA, PTR, SOA, be16, encode};
use crate::network::*;

pub const PORT: u16 = 5355;
pub const GROUP4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);
pub const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
pub const ANY: u16 = 255;
pub const TXT: u16 = 16;

pub const RESPONSE: u16 = 0x8000;
pub const C: u16 = 0x400;
pub const TC: u16 = 0x200;
pub const T: u16 = 0x100;

/// A record that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub name: String,
    pub kind: u16,
    pub class: u16,
    pub ttl: u32,
    pub data: Vec<u8>,
}

/// A message that was received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub bytes: Vec<u8>,
    pub id: u16,
    pub flags: u16,
    pub name: String,
    pub kind: u16,
    /// Answers, authority, additional.
    pub sections: [Vec<Record>; 3],
    pub source: SocketAddr,
    pub destination: IpAddr,
    pub hop_limit: u8,
    pub at: Instant,
}

fn read_name(bytes: &[u8], mut at: usize) -> (String, usize) {
    let (mut labels, mut end) = (Vec::new(), None);
    loop {
        match bytes[at] {
            0 => return (labels.join("."), end.unwrap_or(at + 1)),
            high @ 0xc0.. => {
                end = end.or(Some(at + 2));
                at = usize::from(high & 0x3f) << 8 | usize::from(bytes[at + 1]);
            }
            length => {
                let next = at + 1 + usize::from(length);
                labels.push(String::from_utf8_lossy(&bytes[at + 1..next]).into_owned());
                at = next;
            }
        }
    }
}

impl Seen {
    pub fn read(bytes: &[u8]) -> Self {
        assert_eq!(be16(bytes, 4), 1, "one question");
        let (name, mut at) = read_name(bytes, 12);
        let kind = be16(bytes, at);
        assert_eq!(be16(bytes, at + 2), 1, "class IN");
        at += 4;
        let sections = [6, 8, 10].map(|count| {
            let mut records = Vec::new();
            for _ in 0..be16(bytes, count) {
                let (name, end) = read_name(bytes, at);
                let length = usize::from(be16(bytes, end + 8));
                at = end + 10 + length;
                records.push(Record {
                    name,
                    kind: be16(bytes, end),
                    class: be16(bytes, end + 2),
                    ttl: u32::from(be16(bytes, end + 4)) << 16 | u32::from(be16(bytes, end + 6)),
                    data: bytes[end + 10..at].to_vec(),
                });
            }
            records
        });
        assert_eq!(at, bytes.len());
        Self {
            bytes: bytes.to_vec(),
            id: be16(bytes, 0),
            flags: be16(bytes, 2),
            name,
            kind,
            sections,
            source: "[::]:0".parse().unwrap(),
            destination: Ipv4Addr::UNSPECIFIED.into(),
            hop_limit: 0,
            at: Instant::ZERO,
        }
    }

    /// The addresses among the answers, as texts.
    pub fn addresses(&self) -> Vec<String> {
        let answers = self.sections[0].iter().map(|record| match record.kind {
            A => Ipv4Addr::from(<[u8; 4]>::try_from(&record.data[..]).unwrap()).to_string(),
            AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(&record.data[..]).unwrap()).to_string(),
            other => panic!("type {other}"),
        });
        answers.collect()
    }

    /// A response to it.
    pub fn reply(&self, flags: u16) -> Message {
        Message::new(self.id, RESPONSE | flags, &self.name, self.kind)
    }
}

/// A message in the making.
#[derive(Clone)]
pub struct Message {
    pub bytes: Vec<u8>,
}

impl Message {
    pub fn new(id: u16, flags: u16, name: &str, kind: u16) -> Self {
        let mut bytes = Vec::new();
        for word in [id, flags, 1, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(encode(name));
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        Self { bytes }
    }

    /// Changes a word of the header.
    pub fn word(mut self, at: usize, value: u16) -> Self {
        self.bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
        self
    }

    /// Adds a record: sections have to come in their order.
    pub fn record(mut self, section: usize, name: &str, kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.bytes.extend(encode(name));
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend([0, 1]);
        self.bytes.extend(ttl.to_be_bytes());
        self.bytes.extend((data.len() as u16).to_be_bytes());
        self.bytes.extend(data);
        let at = 6 + 2 * section;
        let count = be16(&self.bytes, at) + 1;
        self.word(at, count)
    }

    pub fn address(self, name: &str, address: &str) -> Self {
        match address.parse().unwrap() {
            IpAddr::V4(address) => self.record(0, name, A, 30, &address.octets()),
            IpAddr::V6(address) => self.record(0, name, AAAA, 30, &address.octets()),
        }
    }

    /// Adds an OPT record (RFC 6891 §6.1.2).
    pub fn edns(mut self, payload: u16, version: u8) -> Self {
        self.bytes.extend([0, 0, 41]);
        self.bytes.extend(payload.to_be_bytes());
        self.bytes.extend([0, version, 0, 0, 0, 0]);
        let count = be16(&self.bytes, 10) + 1;
        self.word(10, count)
    }
}

/// What a host has received.
pub type Log = Rc<RefCell<Vec<Seen>>>;

/// A host with LLMNR, whose name is `kettle`, and another.
pub struct World {
    pub llmnr: &'static Llmnr<'static>,
    pub device: Host,
    pub other: Host,
    pub link: Link,
    pub net: Network,
}

/// As it is before LLMNR runs.
pub fn world(seed: u64) -> World {
    world_at(seed, "10.0.0.1/24")
}

/// As [`world`], with this address in place of 10.0.0.1.
pub fn world_at(seed: u64, ipv4: &str) -> World {
    let net = Network::new(seed);
    let (device, other) = (net.host("device"), net.host("other"));
    let link = net.link((device, other)).delay(ms(1));
    device.add(link, ipv4).add(link, "fd00::1/64");
    other.add(link, "10.0.0.2/24").add(link, "fd00::2/64");
    net.run_for(secs(3));
    device.stack().set_hostname("kettle").unwrap();
    let llmnr = Box::leak(Box::new(Llmnr::new(device.stack())));
    World {
        llmnr,
        device,
        other,
        link,
        net,
    }
}

/// With a responder that has its name.
pub fn running(seed: u64) -> World {
    let world = world(seed);
    world.run();
    world.net.run_for(secs(1));
    assert_eq!(world.state(), NameState::Unique);
    world
}

impl World {
    pub fn run(&self) {
        self.net.spawn(self.llmnr.run());
    }

    pub fn state(&self) -> NameState {
        self.llmnr.name_state(self.device.interface(self.link))
    }

    /// Lets the other host learn the link address of this one: what waits for that is bounded.
    pub fn meet(&self) {
        let socket = self.other.udp("[::]:0");
        let to = "10.0.0.1:9".parse().unwrap();
        socket.try_send_to(b"", Some(to)).unwrap();
        self.net.run_for(ms(10));
    }

    /// The group, as the other host sends to it.
    pub fn group(&self, is_ipv6: bool) -> SocketAddr {
        let scope = u32::from(self.other.interface(self.link)) + 1;
        match is_ipv6 {
            true => SocketAddrV6::new(GROUP6, PORT, 0, scope).into(),
            false => (GROUP4, PORT).into(),
        }
    }

    /// Sends a message to a group, and gives what comes within a second.
    pub fn ask(&self, is_ipv6: bool, message: &Message) -> Vec<Seen> {
        let socket = self.other.udp("[::]:0");
        socket
            .try_send_to(&message.bytes, Some(self.group(is_ipv6)))
            .unwrap();
        self.net.run_for(secs(1));
        let found = core::iter::from_fn(|| receive(&socket, self.net.now()));
        found.collect()
    }

    /// As [`World::ask`], where there is one answer.
    #[track_caller]
    pub fn answer(&self, is_ipv6: bool, message: &Message) -> Seen {
        let mut answers = self.ask(is_ipv6, message);
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    /// Lets the other host do what the script says with each message that it receives: replies go to
    /// its source.
    pub fn listen(&self, script: impl FnMut(&Seen) -> Vec<Message> + 'static) -> Log {
        self.listen_at(self.other, script)
    }

    /// As [`World::listen`], another host.
    pub fn listen_at(
        &self,
        host: Host,
        mut script: impl FnMut(&Seen) -> Vec<Message> + 'static,
    ) -> Log {
        let (log, stack) = (Log::default(), host.stack());
        let bind = UdpBind::new((Ipv6Addr::UNSPECIFIED, PORT).into());
        let socket = Rc::new(host.udp_bind(bind));
        let id = host.interface(self.link);
        socket.join(GROUP4.into(), id).unwrap();
        socket.join(GROUP6.into(), id).unwrap();
        let kept = log.clone();
        self.net.spawn(async move {
            loop {
                socket.readable().await.unwrap();
                while let Some(seen) = receive(&socket, stack.now()) {
                    for reply in script(&seen) {
                        socket.try_send_to(&reply.bytes, Some(seen.source)).unwrap();
                    }
                    kept.borrow_mut().push(seen);
                }
            }
        });
        log
    }
}

fn receive(socket: &UdpSocket<'_>, at: Instant) -> Option<Seen> {
    let mut bytes = [0; 1500];
    let (length, info) = socket.try_recv_from(&mut bytes)?;
    Some(Seen {
        source: info.source,
        destination: info.destination,
        hop_limit: info.hop_limit,
        at,
        ..Seen::read(&bytes[..length])
    })
}

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn query(name: &str, kind: u16) -> Message {
    Message::new(0x1234, 0, name, kind)
}
