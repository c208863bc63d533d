//! What records hold (RFC 1035 §3.3, 3596 §2.2, 2782, 6891 §6.1.2, 4034 §4.1).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::message::words;
use super::name::NameRef;
use super::write::{MessageWriter, WriteError};
use crate::wire::{Bytes as _, Malformed};

/// The type of a record, or of the records that a question wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RecordType(pub u16);

impl RecordType {
    /// An IPv4 address.
    pub const A: Self = Self(1);
    /// The name of a server with authority.
    pub const NS: Self = Self(2);
    /// The name that this one is an alias of.
    pub const CNAME: Self = Self(5);
    /// Where the authority for a zone starts.
    pub const SOA: Self = Self(6);
    /// A name, for example that of an address.
    pub const PTR: Self = Self(12);
    /// Texts.
    pub const TXT: Self = Self(16);
    /// An IPv6 address (RFC 3596).
    pub const AAAA: Self = Self(28);
    /// Where a service is (RFC 2782).
    pub const SRV: Self = Self(33);
    /// What is said of the message (RFC 6891).
    pub const OPT: Self = Self(41);
    /// What there is not (RFC 4034 §4, RFC 6762 §6.1).
    pub const NSEC: Self = Self(47);
    /// All, in a question (RFC 1035 §3.2.3).
    pub const ANY: Self = Self(255);
}

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RecordData<'m> {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A server with authority.
    Ns(NameRef<'m>),
    /// The name that this one is an alias of.
    Cname(NameRef<'m>),
    /// A name.
    Ptr(NameRef<'m>),
    /// The start of a zone's authority.
    Soa(Soa<'m>),
    /// Where a service is.
    Srv(Srv<'m>),
    /// Texts.
    Txt(Txt<'m>),
    /// What there is not.
    Nsec(Nsec<'m>),
    /// The options of EDNS.
    Opt(Options<'m>),
    /// Of a type that is not known here.
    Unknown(RecordType, &'m [u8]),
}

/// The start of a zone's authority (RFC 1035 §3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Soa<'m> {
    /// The primary server of the zone.
    pub primary: NameRef<'m>,
    /// Who is responsible, as a name.
    pub mailbox: NameRef<'m>,
    /// The version of the zone.
    pub serial: u32,
    /// Seconds until secondaries refresh.
    pub refresh: u32,
    /// Seconds until they retry.
    pub retry: u32,
    /// Seconds until they give up.
    pub expire: u32,
    /// Seconds that it may be remembered that something is not there (RFC 2308 §4).
    pub minimum: u32,
}

/// Where a service is (RFC 2782).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Srv<'m> {
    /// The lowest is tried first.
    pub priority: u16,
    /// How often it is chosen among those of one priority.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host; the root if there is decidedly no such service.
    pub target: NameRef<'m>,
}

impl<'m> RecordData<'m> {
    /// What the `length` octets at `start` of a message hold. Names may point to before them.
    pub fn read(
        kind: RecordType,
        message: &'m [u8],
        start: usize,
        length: usize,
    ) -> Result<Self, Malformed> {
        let end = start.saturating_add(length);
        // Nothing behind the data belongs to them.
        let message = message.get(..end).ok_or(Malformed::Truncated)?;
        let bytes = message.get(start..).ok_or(Malformed::Truncated)?;
        let name = || match NameRef::read(message, start)? {
            (name, after) if after == end => Ok(name),
            _ => Err(Malformed::Length),
        };
        Ok(match kind {
            RecordType::A => {
                let octets: [u8; 4] = bytes.try_into().map_err(|_| Malformed::Length)?;
                Self::A(octets.into())
            }
            RecordType::AAAA => {
                let octets: [u8; 16] = bytes.try_into().map_err(|_| Malformed::Length)?;
                Self::Aaaa(octets.into())
            }
            RecordType::NS => Self::Ns(name()?),
            RecordType::CNAME => Self::Cname(name()?),
            RecordType::PTR => Self::Ptr(name()?),
            RecordType::SOA => Self::Soa(Soa::read(message, start)?),
            RecordType::SRV => Self::Srv(Srv::read(message, start)?),
            RecordType::TXT => Self::Txt(Txt::new(bytes)?),
            RecordType::NSEC => Self::Nsec(Nsec::read(message, start)?),
            RecordType::OPT => Self::Opt(Options::new(bytes)?),
            other => Self::Unknown(other, bytes),
        })
    }

    /// The type.
    pub const fn kind(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Ns(_) => RecordType::NS,
            Self::Cname(_) => RecordType::CNAME,
            Self::Ptr(_) => RecordType::PTR,
            Self::Soa(_) => RecordType::SOA,
            Self::Srv(_) => RecordType::SRV,
            Self::Txt(_) => RecordType::TXT,
            Self::Nsec(_) => RecordType::NSEC,
            Self::Opt(_) => RecordType::OPT,
            Self::Unknown(kind, _) => *kind,
        }
    }

    /// Writes the data, the names in them compressed as the writer does.
    pub(in crate::proto) fn write(&self, to: &mut MessageWriter<'_>) -> Result<(), WriteError> {
        match self {
            Self::A(address) => to.put(&address.octets()),
            Self::Aaaa(address) => to.put(&address.octets()),
            Self::Ns(name) | Self::Cname(name) | Self::Ptr(name) => to.name(*name, true),
            Self::Soa(soa) => {
                to.name(soa.primary, true)?;
                to.name(soa.mailbox, true)?;
                let numbers = [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum];
                to.put(numbers.map(u32::to_be_bytes).as_flattened())
            }
            Self::Srv(srv) => {
                let numbers = [srv.priority, srv.weight, srv.port];
                to.put(numbers.map(u16::to_be_bytes).as_flattened())?;
                to.newer_name(srv.target)
            }
            Self::Nsec(nsec) => {
                to.newer_name(nsec.next)?;
                to.put(nsec.windows)
            }
            Self::Txt(Txt(bytes)) | Self::Opt(Options(bytes)) | Self::Unknown(_, bytes) => {
                to.put(bytes)
            }
        }
    }
}

impl<'m> Soa<'m> {
    fn read(message: &'m [u8], start: usize) -> Result<Self, Malformed> {
        let (primary, at) = NameRef::read(message, start)?;
        let (mailbox, at) = NameRef::read(message, at)?;
        let numbers: &[u8; 20] =
            (message.get(at..).and_then(|rest| rest.try_into().ok())).ok_or(Malformed::Length)?;
        let mut words = numbers.as_chunks().0.iter();
        let mut word = || words.next().map_or(0, |word| u32::from_be_bytes(*word));
        Ok(Self {
            primary,
            mailbox,
            serial: word(),
            refresh: word(),
            retry: word(),
            expire: word(),
            minimum: word(),
        })
    }
}

impl<'m> Srv<'m> {
    fn read(message: &'m [u8], start: usize) -> Result<Self, Malformed> {
        let [priority, weight, port] = words(message.array::<6>(start)?);
        // RFC 2782: "name compression is not to be used for this field", but some do.
        match NameRef::read(message, start + 6)? {
            (target, end) if end == message.len() => Ok(Self {
                priority,
                weight,
                port,
                target,
            }),
            _ => Err(Malformed::Length),
        }
    }
}

/// Texts (RFC 1035 §3.3.14): one or more strings of up to 255 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Txt<'m>(&'m [u8]);

impl<'m> Txt<'m> {
    /// The strings that lie in `bytes`, each behind an octet with its length.
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        while let [length, after @ ..] = rest {
            rest = after
                .get(usize::from(*length)..)
                .ok_or(Malformed::Truncated)?;
        }
        Ok(Self(bytes))
    }

    /// The strings.
    pub fn strings(&self) -> impl Iterator<Item = &'m [u8]> + use<'m> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (string, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some(string)
        })
    }

    /// The octets as a message has them.
    pub const fn as_bytes(&self) -> &'m [u8] {
        self.0
    }
}

/// The types that a name has records of, and the next name (RFC 4034 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nsec<'m> {
    /// The next name of the zone; in multicast DNS the name itself.
    pub next: NameRef<'m>,
    /// Windows: a number, a length, and so many octets of bits.
    windows: &'m [u8],
}

impl<'m> Nsec<'m> {
    /// A bitmap in the form of RFC 4034 §4.1.2.
    pub fn new(next: NameRef<'m>, windows: &'m [u8]) -> Result<Self, Malformed> {
        let mut rest = windows;
        let mut last = None;
        while !rest.is_empty() {
            let [window, length @ 1..=32, after @ ..] = rest else {
                return Err(Malformed::Length);
            };
            if last >= Some(*window) {
                return Err(Malformed::Value);
            }
            last = Some(*window);
            rest = after
                .get(usize::from(*length)..)
                .ok_or(Malformed::Truncated)?;
        }
        Ok(Self { next, windows })
    }

    fn read(message: &'m [u8], start: usize) -> Result<Self, Malformed> {
        let (next, at) = NameRef::read(message, start)?;
        Self::new(next, message.get(at..).unwrap_or(&[]))
    }

    /// Whether there are records of a type.
    pub fn contains(&self, kind: RecordType) -> bool {
        let (wanted, bit) = ((kind.0 >> 8) as u8, kind.0 & 0xff);
        let mut rest = self.windows;
        while let [window, length, after @ ..] = rest {
            let Some((bits, after)) = after.split_at_checked(usize::from(*length)) else {
                return false;
            };
            if *window == wanted {
                let octet = bits.get(usize::from(bit / 8)).copied().unwrap_or(0);
                return octet & 0x80 >> (bit % 8) != 0;
            }
            rest = after;
        }
        false
    }
}

/// The options of an OPT record (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Options<'m>(&'m [u8]);

impl<'m> Options<'m> {
    /// None.
    pub const NONE: Self = Self(&[]);

    /// The options that lie in `bytes`.
    pub fn new(bytes: &'m [u8]) -> Result<Self, Malformed> {
        let options = Self(bytes);
        let lengths = options.iter().map(|(_, data)| 4 + data.len());
        match lengths.sum::<usize>() == bytes.len() {
            true => Ok(options),
            false => Err(Malformed::Length),
        }
    }

    /// Code and data of each.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &'m [u8])> + use<'m> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<4>()?;
            let [code, length] = words(*head);
            let (data, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            Some((code, data))
        })
    }
}
