//! Messages made and read without the crate's own code.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

pub const A: u16 = 1;
pub const PTR: u16 = 12;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const SRV: u16 = 33;
pub const NSEC: u16 = 47;
pub const ANY: u16 = 255;

/// The classes: IN, and with the highest bit.
pub const IN: u16 = 1;
pub const TOP: u16 = 0x8001;

/// A record as it was read: `zonda.local A! 120 10.0.0.1`, the `!` for the bit that says that this is
/// all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record(pub String);

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message as it was read.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub id: u16,
    pub flags: u16,
    /// `zonda.local ANY` with `?` behind it for the bit that unicast will do.
    pub questions: Vec<String>,
    pub sections: [Vec<Record>; 3],
    pub length: usize,
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The name at a place, and where what follows it starts. Dots in labels are written `\.`.
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut labels, mut end) = (Vec::new(), None);
    while labels.len() < 100 {
        match *bytes.get(at)? {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            high @ 0xc0.. => {
                end = end.or(Some(at + 2));
                at = usize::from(high & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                if at + 2 >= end? {
                    return None;
                }
            }
            length => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                labels.push(String::from_utf8_lossy(label).replace('.', "\\."));
                at += 1 + usize::from(length);
            }
        }
    }
    None
}

fn kind_name(kind: u16) -> String {
    match kind {
        A => "A".into(),
        PTR => "PTR".into(),
        TXT => "TXT".into(),
        AAAA => "AAAA".into(),
        SRV => "SRV".into(),
        NSEC => "NSEC".into(),
        ANY => "ANY".into(),
        other => format!("TYPE{other}"),
    }
}

fn data(bytes: &[u8], kind: u16, start: usize, length: usize) -> Option<String> {
    let own = bytes.get(start..start + length)?;
    Some(match kind {
        A => Ipv4Addr::from(<[u8; 4]>::try_from(own).ok()?).to_string(),
        AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(own).ok()?).to_string(),
        PTR => name(bytes, start)?.0,
        SRV => format!(
            "{} {} {} {}",
            be16(own, 0)?,
            be16(own, 2)?,
            be16(own, 4)?,
            name(bytes, start + 6)?.0
        ),
        NSEC => {
            let (next, end) = name(bytes, start)?;
            let window = bytes.get(end..start + length)?;
            // Window 0 alone (RFC 6762 §6.1).
            if window.first() != Some(&0) || usize::from(*window.get(1)?) != window.len() - 2 {
                return None;
            }
            let types = (0..256u16).filter(|kind| {
                let octet = window.get(2 + usize::from(kind / 8));
                octet.is_some_and(|octet| octet & 0x80 >> (kind % 8) != 0)
            });
            let types: Vec<_> = types.map(kind_name).collect();
            format!("{next} {}", types.join(" "))
        }
        _ => String::from_utf8_lossy(own).escape_debug().to_string(),
    })
}

impl Message {
    /// The message that octets are, if they are one of class IN with nothing behind it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut message = Self {
            id: be16(bytes, 0)?,
            flags: be16(bytes, 2)?,
            length: bytes.len(),
            ..Self::default()
        };
        let bit = |class: u16, sign| if class & 0x8000 != 0 { sign } else { "" };
        let mut at = 12;
        for _ in 0..be16(bytes, 4)? {
            let (name, end) = name(bytes, at)?;
            let sign = bit(be16(bytes, end + 2)?, "?");
            let kind = kind_name(be16(bytes, end)?);
            message.questions.push(format!("{name} {kind}{sign}"));
            at = end + 4;
        }
        for (section, count) in [6, 8, 10].into_iter().enumerate() {
            for _ in 0..be16(bytes, count)? {
                let (name, end) = name(bytes, at)?;
                let (kind, class) = (be16(bytes, end)?, be16(bytes, end + 2)?);
                if class & 0x7fff != 1 {
                    return None;
                }
                let ttl = be32(bytes, end + 4)?;
                let length = usize::from(be16(bytes, end + 8)?);
                let data = data(bytes, kind, end + 10, length)?;
                let (kind, sign) = (kind_name(kind), bit(class, "!"));
                let record = Record(format!("{name} {kind}{sign} {ttl} {data}"));
                message.sections[section].push(record);
                at = end + 10 + length;
            }
        }
        (at == bytes.len()).then_some(message)
    }

    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    pub fn is_truncated(&self) -> bool {
        self.flags & 0x200 != 0
    }

    pub fn answers(&self) -> Vec<&str> {
        self.sections[0]
            .iter()
            .map(|record| &record.0[..])
            .collect()
    }

    pub fn authorities(&self) -> Vec<&str> {
        self.sections[1]
            .iter()
            .map(|record| &record.0[..])
            .collect()
    }

    pub fn additional(&self) -> Vec<&str> {
        self.sections[2]
            .iter()
            .map(|record| &record.0[..])
            .collect()
    }

    /// Whether one of the answers starts so.
    pub fn has_answer(&self, start: &str) -> bool {
        self.answers()
            .iter()
            .any(|answer| answer.starts_with(start))
    }
}

/// A name without compression. `\.` is a dot in a label.
pub fn encode(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let text = text.replace("\\.", "\u{1}");
    for label in text.split('.').filter(|label| !label.is_empty()) {
        let label = label.replace('\u{1}', ".");
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.push(0);
    octets
}

/// A message in the making.
#[derive(Clone, Default)]
pub struct Say {
    pub id: u16,
    pub flags: u16,
    questions: Vec<Vec<u8>>,
    sections: [Vec<Vec<u8>>; 3],
}

impl Say {
    pub fn query() -> Self {
        Self::default()
    }

    pub fn response() -> Self {
        Self {
            flags: 0x8400,
            ..Self::default()
        }
    }

    pub fn truncated(mut self) -> Self {
        self.flags |= 0x200;
        self
    }

    pub fn question(mut self, name: &str, kind: u16, class: u16) -> Self {
        let tail = [kind.to_be_bytes(), class.to_be_bytes()].concat();
        self.questions.push([encode(name), tail].concat());
        self
    }

    pub fn record(
        mut self,
        section: usize,
        name: &str,
        (kind, class, ttl): (u16, u16, u32),
        data: &[u8],
    ) -> Self {
        let mut record = encode(name);
        record.extend(kind.to_be_bytes());
        record.extend(class.to_be_bytes());
        record.extend(ttl.to_be_bytes());
        record.extend((data.len() as u16).to_be_bytes());
        record.extend(data);
        self.sections[section].push(record);
        self
    }

    /// An address of a host, as all that there is.
    pub fn a(self, name: &str, ttl: u32, address: &str) -> Self {
        let address: Ipv4Addr = address.parse().unwrap();
        self.record(0, name, (A, TOP, ttl), &address.octets())
    }

    pub fn aaaa(self, name: &str, ttl: u32, address: &str) -> Self {
        let address: Ipv6Addr = address.parse().unwrap();
        self.record(0, name, (AAAA, TOP, ttl), &address.octets())
    }

    /// A pointer, one of many.
    pub fn ptr(self, name: &str, ttl: u32, target: &str) -> Self {
        self.record(0, name, (PTR, IN, ttl), &encode(target))
    }

    pub fn srv(self, section: usize, name: &str, ttl: u32, port: u16, target: &str) -> Self {
        self.record(section, name, (SRV, TOP, ttl), &srv(port, target))
    }

    pub fn txt(self, section: usize, name: &str, ttl: u32, strings: &[&str]) -> Self {
        self.record(section, name, (TXT, TOP, ttl), &txt(strings))
    }

    /// Says that a name has these types only, all below 64.
    pub fn nsec(self, section: usize, name: &str, ttl: u32, types: &[u16]) -> Self {
        let mut bits = [0u8; 8];
        for kind in types {
            bits[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
        }
        let data = [&encode(name)[..], &[0, 8], &bits].concat();
        self.record(section, name, (NSEC, TOP, ttl), &data)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let counts = [0, 1, 2].map(|section| self.sections[section].len() as u16);
        let mut bytes: Vec<u8> = [self.id, self.flags, self.questions.len() as u16]
            .iter()
            .chain(&counts)
            .flat_map(|field| field.to_be_bytes())
            .collect();
        bytes.extend(self.questions.iter().flatten());
        bytes.extend(self.sections.iter().flatten().flatten());
        bytes
    }
}

pub fn srv(port: u16, target: &str) -> Vec<u8> {
    [&[0, 0, 0, 0][..], &port.to_be_bytes(), &encode(target)].concat()
}

pub fn txt(strings: &[&str]) -> Vec<u8> {
    let octets = strings
        .iter()
        .map(|text| [&[text.len() as u8], text.as_bytes()].concat());
    octets.collect::<Vec<_>>().concat()
}
