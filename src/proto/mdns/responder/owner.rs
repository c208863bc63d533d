//! What is answered for: the host, and its services.

use core::net::IpAddr;

use bitflags::bitflags;
use heapless::Vec;

use super::super::link::Link;
use super::super::{LOCAL, name_in};
use crate::config;
use crate::proto::dns::{
    CLASS_ANY, CLASS_IN, MAX_LABEL, Name, NameRef, Nsec, Question, RecordData, RecordType, Srv, Txt,
};
use crate::wire::IpAddress;

/// Seconds that records live that name a host (RFC 6762 §10).
const HOST_TTL: u32 = 120;
/// Seconds that others live: "75 minutes" (RFC 6762 §10).
const OTHER_TTL: u32 = 4500;
/// Services that are answered for.
pub(super) const SERVICES: usize = if cfg!(feature = "dns-sd") {
    config::MDNS_SERVICES
} else {
    0
};
/// The host, and each of its services.
pub(super) const OWNERS: usize = 1 + SERVICES;
/// Where the types of services are listed (RFC 6763 §9).
pub(in crate::proto) const TYPES: &[u8] = b"\x09_services\x07_dns-sd\x04_udp\x05local\x00";
/// What stands between a subtype and its type (RFC 6763 §7.1).
pub(in crate::proto) const SUBTYPE: &[u8] = b"_sub";
/// Octets of the name of a service: an instance, a type, and the domain.
pub(in crate::proto) const SERVICE_NAME: usize = 64 + 17 + 5 + 7;

bitflags! {
    /// Records of an owner, as far as they are told apart. What belongs together (RFC 6762 §10.2)
    /// is sent together.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Units: u16 {
        /// IPv4 addresses of the host.
        const ADDRESS4 = 1;
        /// IPv6 addresses of the host.
        const ADDRESS6 = 1 << 1;
        /// The name of each address.
        const REVERSE = 1 << 2;
        /// That the names of addresses have nothing else.
        const REVERSE_NSEC = 1 << 3;
        /// What the name of the host or the service does not have (RFC 6762 §6.1).
        const NSEC = 1 << 4;
        /// Where the service is.
        const SRV = 1 << 5;
        /// What is said of it.
        const TXT = 1 << 6;
        /// That it is one of its type.
        const POINTER = 1 << 7;
        /// That its type is one of those that there are.
        const TYPE = 1 << 8;
        /// That it is one of each of its subtypes.
        const SUBTYPES = 0x7f << 9;
    }
}

impl Units {
    /// Those that other hosts may have too.
    pub(super) const SHARED: Self = Self::POINTER.union(Self::TYPE).union(Self::SUBTYPES);
    /// Both kinds of address.
    pub(super) const ADDRESSES: Self = Self::ADDRESS4.union(Self::ADDRESS6);
    /// Those for which is remembered in one when they were last multicast.
    pub(super) const GROUPS: [Self; 3] = [
        Self::ADDRESSES.union(Self::SHARED),
        Self::REVERSE.union(Self::REVERSE_NSEC).union(Self::SRV),
        Self::TXT.union(Self::NSEC),
    ];

    /// The subtype at a place.
    pub(super) const fn subtype(place: usize) -> Self {
        match place {
            0..7 => Self::from_bits_truncate(1 << (9 + place)),
            _ => Self::empty(),
        }
    }
}

/// A record of ours.
pub(super) struct Own<'r> {
    pub(super) name: NameRef<'r>,
    pub(super) data: RecordData<'r>,
    pub(super) ttl: u32,
    pub(super) unit: Units,
}

impl Own<'_> {
    pub(super) const fn is_unique(&self) -> bool {
        !self.unit.intersects(Units::SHARED)
    }
}

/// A service of this host.
pub(in crate::proto) struct Service {
    /// Instance, type and domain, as a name stands in a message.
    pub(in crate::proto) name: Vec<u8, SERVICE_NAME>,
    /// Subtypes, as labels stand in a message.
    pub(in crate::proto) subtypes: Vec<u8, { config::MDNS_SUBTYPES }>,
    /// The data of its TXT record.
    pub(in crate::proto) txt: Vec<u8, { config::MDNS_TXT }>,
    pub(in crate::proto) port: u16,
    /// Tells apart who had this place one after the other.
    #[cfg_attr(not(feature = "dns-sd"), allow(dead_code))]
    pub(in crate::proto) generation: u16,
    /// It is to say goodbye, and then to be forgotten.
    pub(super) is_leaving: bool,
    /// It has got another name, and nobody has asked yet.
    pub(super) is_renamed: bool,
}

impl Service {
    /// A service with these parts of records.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) const fn new(
        name: Vec<u8, SERVICE_NAME>,
        subtypes: Vec<u8, { config::MDNS_SUBTYPES }>,
        txt: Vec<u8, { config::MDNS_TXT }>,
        port: u16,
    ) -> Self {
        Self {
            name,
            subtypes,
            txt,
            port,
            generation: 0,
            is_leaving: false,
            is_renamed: false,
        }
    }

    /// Whether it has been taken back.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// The name of the instance.
    pub(in crate::proto) fn instance(&self) -> &[u8] {
        first_label(&self.name)
    }

    /// The name of its type.
    pub(super) fn kind(&self) -> NameRef<'_> {
        let start = 1 + self.instance().len();
        NameRef::read(&self.name, start).map_or(NameRef::ROOT, |(name, _)| name)
    }

    fn subtypes(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.subtypes[..];
        core::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some(label)
        })
    }

    /// Takes the name of another instance.
    fn set_instance(&mut self, label: &[u8]) {
        let start = 1 + self.instance().len();
        let rest = Vec::<u8, SERVICE_NAME>::from_slice(self.name.get(start..).unwrap_or(&[]));
        let rest = rest.unwrap_or_default();
        self.name.clear();
        let parts = [&[label.len() as u8], label, &rest];
        for part in parts {
            // A label, a type and the domain fit.
            let _: Result<(), _> = self.name.extend_from_slice(part);
        }
    }
}

fn first_label(octets: &[u8]) -> &[u8] {
    let length = octets.first().copied().unwrap_or(0);
    octets.get(1..1 + usize::from(length)).unwrap_or(&[])
}

/// The host and its services.
pub(in crate::proto) struct Owners {
    /// The name of the host, as it stands in a message; empty if it has none.
    host: Vec<u8, { 1 + MAX_LABEL + LOCAL.len() }>,
    /// It has got another name, and nobody has asked yet.
    pub(super) is_host_renamed: bool,
    pub(in crate::proto) services: [Option<Service>; SERVICES],
}

impl Owners {
    pub(super) const fn new() -> Self {
        Self {
            host: Vec::new(),
            is_host_renamed: false,
            services: [const { None }; SERVICES],
        }
    }

    /// The label of the host.
    pub(super) fn host_label(&self) -> &[u8] {
        first_label(&self.host)
    }

    pub(super) fn set_host(&mut self, label: &[u8]) {
        self.host.clear();
        if !label.is_empty() {
            for part in [&[label.len() as u8], label, LOCAL] {
                // A label and the domain fit.
                let _: Result<(), _> = self.host.extend_from_slice(part);
            }
        }
    }

    pub(super) fn service(&self, owner: usize) -> Option<&Service> {
        self.services.get(owner.checked_sub(1)?)?.as_ref()
    }

    /// Whether there is a service of the same name.
    #[cfg(feature = "dns-sd")]
    pub(in crate::proto) fn has(&self, other: &Service) -> bool {
        let name = name_in(&other.name);
        (self.services.iter().flatten())
            .any(|service| !service.is_leaving && name_in(&service.name) == name)
    }

    fn service_mut(&mut self, owner: usize) -> Option<&mut Service> {
        self.services.get_mut(owner.checked_sub(1)?)?.as_mut()
    }

    /// Whether there is something to answer for.
    pub(super) fn exists(&self, owner: usize) -> bool {
        // A service is on a host that can be found.
        !self.host.is_empty()
            && (owner == 0 || (self.service(owner)).is_some_and(|service| !service.is_leaving))
    }

    /// The name that an owner has alone.
    pub(super) fn name(&self, owner: usize) -> NameRef<'_> {
        match owner {
            0 => name_in(&self.host),
            _ => (self.service(owner)).map_or(NameRef::ROOT, |service| name_in(&service.name)),
        }
    }

    /// Gives an owner the next name (RFC 6762 §9: "appending the digit "2" to the name, or
    /// incrementing a number at the end").
    pub(super) fn rename(&mut self, owner: usize) {
        if owner == 0 {
            let label = next_name(self.host_label(), ("-", ""));
            self.set_host(&label);
            self.is_host_renamed = true;
        } else if let Some(service) = self.service_mut(owner) {
            let label = next_name(service.instance(), (" (", ")"));
            service.set_instance(&label);
            service.is_renamed = true;
        }
    }

    /// All that an owner has on a link.
    pub(super) fn all(&self, owner: usize, link: &Link) -> Units {
        match owner {
            0 => Units::REVERSE | self.addresses_or_none(link),
            _ => {
                let subtypes = self.service(owner).map_or(0, |s| s.subtypes().count());
                (0..subtypes).fold(
                    Units::SRV | Units::TXT | Units::POINTER | Units::TYPE,
                    |units, place| units | Units::subtype(place),
                )
            }
        }
    }

    /// The addresses of the host, and that it has none of one version.
    pub(super) fn addresses_or_none(&self, link: &Link) -> Units {
        let found = (link.addresses.iter()).fold(Units::empty(), |units, address| {
            units
                | match address {
                    #[cfg(feature = "ipv4")]
                    IpAddress::V4(_) => Units::ADDRESS4,
                    #[cfg(feature = "ipv6")]
                    IpAddress::V6(_) => Units::ADDRESS6,
                }
        });
        match found == Units::ADDRESSES {
            true => found,
            false => found | Units::NSEC,
        }
    }

    /// What of an owner answers a question (RFC 6762 §6, §6.5).
    pub(super) fn matching(&self, owner: usize, link: &Link, question: &Question<'_>) -> Units {
        if ![CLASS_IN, CLASS_ANY].contains(&question.class) {
            return Units::empty();
        }
        let kind = question.kind;
        let is_pointer = kind == RecordType::PTR || kind == RecordType::ANY;
        let Some(service) = self.service(owner) else {
            return self.matching_host(link, question, is_pointer);
        };
        if question.name == name_in(&service.name) {
            return match kind {
                RecordType::SRV => Units::SRV,
                RecordType::TXT => Units::TXT,
                RecordType::ANY => Units::SRV | Units::TXT,
                _ => Units::NSEC,
            };
        }
        if !is_pointer {
            return Units::empty();
        }
        if question.name == service.kind() {
            return Units::POINTER;
        }
        if question.name == name_in(TYPES) {
            return Units::TYPE;
        }
        let mut labels = question.name.labels();
        let (Some(first), Some(second)) = (labels.next(), labels.next()) else {
            return Units::empty();
        };
        let mut subtypes = service.subtypes();
        let is_subtype =
            second.eq_ignore_ascii_case(SUBTYPE) && labels.equals(service.kind().labels());
        let place = subtypes.position(|label| is_subtype && label.eq_ignore_ascii_case(first));
        place.map_or(Units::empty(), Units::subtype)
    }

    fn matching_host(&self, link: &Link, question: &Question<'_>, is_pointer: bool) -> Units {
        if question.name == name_in(&self.host) {
            let there = self.addresses_or_none(link);
            let wanted = match question.kind {
                RecordType::A => Units::ADDRESS4,
                RecordType::AAAA => Units::ADDRESS6,
                RecordType::ANY => return there,
                _ => return Units::NSEC,
            };
            return match there.contains(wanted) {
                true => wanted,
                false => Units::NSEC,
            };
        }
        let is_reverse = question.name.labels().last() == Some(b"arpa")
            && (link.addresses.iter())
                .any(|address| Name::reverse(IpAddr::from(*address)) == question.name);
        match (is_reverse, is_pointer) {
            (true, true) => Units::REVERSE,
            (true, false) => Units::REVERSE_NSEC,
            _ => Units::empty(),
        }
    }

    /// Shows `visit` records of an owner, which stand on this link, with the addresses that it has
    /// there (RFC 6762 §6.2).
    pub(super) fn records(
        &self,
        owner: usize,
        link: &Link,
        units: Units,
        visit: &mut dyn FnMut(&Own<'_>),
    ) {
        match self.service(owner) {
            Some(service) => self.records_of_service(service, units, visit),
            None => self.records_of_host(link, units, visit),
        }
    }

    fn records_of_host(&self, link: &Link, units: Units, visit: &mut dyn FnMut(&Own<'_>)) {
        let name = name_in(&self.host);
        let mut show = Show {
            units,
            ttl: HOST_TTL,
            visit,
        };
        for address in &link.addresses {
            match *address {
                #[cfg(feature = "ipv4")]
                IpAddress::V4(address) => show.one(name, RecordData::A(address), Units::ADDRESS4),
                #[cfg(feature = "ipv6")]
                IpAddress::V6(address) => {
                    show.one(name, RecordData::Aaaa(address), Units::ADDRESS6);
                }
            }
        }
        let there = self.addresses_or_none(link);
        // Types 1 and 28 in a window of four octets.
        let first = match there.contains(Units::ADDRESS4) {
            true => 0x40,
            false => 0,
        };
        let windows = match there.contains(Units::ADDRESS6) {
            true => &[0, 4, first, 0, 0, 0x08][..],
            false => &[0, 1, first],
        };
        show.nsec(name, windows, Units::NSEC);
        if !units.intersects(Units::REVERSE | Units::REVERSE_NSEC) {
            return;
        }
        for address in &link.addresses {
            let reverse = Name::reverse(IpAddr::from(*address));
            show.one(reverse.view(), RecordData::Ptr(name), Units::REVERSE);
            // Type 12.
            show.nsec(reverse.view(), &[0, 2, 0, 0x08], Units::REVERSE_NSEC);
        }
    }

    fn records_of_service(&self, service: &Service, units: Units, visit: &mut dyn FnMut(&Own<'_>)) {
        let (name, kind) = (name_in(&service.name), service.kind());
        let mut show = Show {
            units,
            ttl: OTHER_TTL,
            visit,
        };
        show.one(kind, RecordData::Ptr(name), Units::POINTER);
        for (place, label) in service.subtypes().enumerate() {
            let unit = Units::subtype(place);
            if units.contains(unit) {
                let mut subtype = Name::ROOT;
                // Its length was looked at when it was registered.
                let _: Result<(), _> = (subtype.push_label(label))
                    .and_then(|()| subtype.push_label(SUBTYPE))
                    .and_then(|()| subtype.push_name(kind));
                show.one(subtype.view(), RecordData::Ptr(name), unit);
            }
        }
        show.one(name_in(TYPES), RecordData::Ptr(kind), Units::TYPE);
        if let Ok(txt) = Txt::new(&service.txt) {
            show.one(name, RecordData::Txt(txt), Units::TXT);
        }
        // Types 16 and 33.
        show.nsec(name, &[0, 5, 0, 0, 0x80, 0, 0x40], Units::NSEC);
        show.ttl = HOST_TTL;
        let srv = Srv {
            priority: 0,
            weight: 0,
            port: service.port,
            target: name_in(&self.host),
        };
        show.one(name, RecordData::Srv(srv), Units::SRV);
    }

    /// What goes along with these, because it is asked for next (RFC 6763 §12, RFC 6762 §6.2): of
    /// the service itself, and of the host.
    pub(super) fn additional(&self, owner: usize, link: &Link, answers: Units) -> (Units, Units) {
        let mut own = Units::empty();
        if answers.intersects(Units::POINTER | Units::SUBTYPES) {
            own |= Units::SRV | Units::TXT;
        }
        let addresses = self.addresses_or_none(link);
        match owner {
            0 if answers.intersects(Units::ADDRESSES) => (addresses, Units::empty()),
            0 => (own, Units::empty()),
            _ if (own | answers).contains(Units::SRV) => (own, addresses),
            _ => (own, Units::empty()),
        }
    }
}

/// Shows those records that are wanted.
struct Show<'v> {
    units: Units,
    ttl: u32,
    visit: &'v mut dyn FnMut(&Own<'_>),
}

impl Show<'_> {
    fn one(&mut self, name: NameRef<'_>, data: RecordData<'_>, unit: Units) {
        if self.units.contains(unit) {
            (self.visit)(&Own {
                name,
                data,
                ttl: self.ttl,
                unit,
            });
        }
    }

    fn nsec(&mut self, name: NameRef<'_>, windows: &[u8], unit: Units) {
        if let Ok(nsec) = Nsec::new(name, windows) {
            self.one(name, RecordData::Nsec(nsec), unit);
        }
    }
}

/// The next name to be tried: with 2 behind it, or the number that there is and one.
fn next_name(label: &[u8], (before, after): (&str, &str)) -> Vec<u8, MAX_LABEL> {
    let split = || {
        let rest = label.strip_suffix(after.as_bytes())?;
        let digits = rest.iter().rev().take_while(|octet| octet.is_ascii_digit());
        let digits = digits.count();
        let (base, number) = rest.split_at_checked(rest.len() - digits)?;
        let base = base.strip_suffix(before.as_bytes())?;
        if base.is_empty() || number.is_empty() || number.len() > 9 {
            return None;
        }
        let number = number
            .iter()
            .fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        Some((base, number + 1))
    };
    let (base, number) = split().unwrap_or((label, 2));
    let mut end = Vec::<u8, 16>::new();
    let mut digits = [0; 10];
    let (mut left, mut at) = (number, digits.len());
    while let Some(digit) = at.checked_sub(1).and_then(|at| digits.get_mut(at)) {
        *digit = b'0' + (left % 10) as u8;
        (left, at) = (left / 10, at - 1);
        if left == 0 {
            break;
        }
    }
    let number = digits.get(at..).unwrap_or(&[]);
    for part in [before.as_bytes(), number, after.as_bytes()] {
        // Ten digits and three characters fit.
        let _: Result<(), _> = end.extend_from_slice(part);
    }
    // No character is cut in two.
    let mut length = base.len().min(MAX_LABEL - end.len());
    while length > 0 && (base.get(length)).is_some_and(|octet| octet & 0xc0 == 0x80) {
        length -= 1;
    }
    let mut name = Vec::new();
    for part in [base.get(..length).unwrap_or(&[]), &end] {
        // They have been made to fit.
        let _: Result<(), _> = name.extend_from_slice(part);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_get_a_number_and_the_next() {
        let host = |label: &str| {
            let next = next_name(label.as_bytes(), ("-", ""));
            std::string::String::from_utf8(next.to_vec()).unwrap()
        };
        assert_eq!(host("zonda"), "zonda-2");
        assert_eq!(host("zonda-2"), "zonda-3");
        assert_eq!(host("zonda-99"), "zonda-100");
        assert_eq!(host("esp32"), "esp32-2");
        assert_eq!(host("-7"), "-7-2");
        let longest = "a".repeat(63);
        assert_eq!(host(&longest), "a".repeat(61) + "-2");
        let number = "z-9999999999";
        assert_eq!(host(number), "z-9999999999-2");
        let service = |label: &str| {
            let next = next_name(label.as_bytes(), (" (", ")"));
            std::string::String::from_utf8(next.to_vec()).unwrap()
        };
        assert_eq!(service("Bob's Music"), "Bob's Music (2)");
        assert_eq!(service("Bob's Music (9)"), "Bob's Music (10)");
        // Two octets for each letter: the last is left out as a whole.
        assert_eq!(service(&"é".repeat(31)), "é".repeat(29) + " (2)");
    }
}
