//! Servers and search domains for names, as DHCP and routers tell of them (RFC 8106 §5.3, §6).

use core::net::IpAddr;

use heapless::Vec;

use super::{SearchDomain, ServerSource};
use crate::config;
use crate::time::Instant;
#[cfg(feature = "router-discovery")]
use crate::wire::Bytes;

/// Who tells: an interface, and how it is told there.
pub(crate) type Teller = (u8, ServerSource);

/// The next of the names in an option that take the octets from `*offset` to `end`; `None` behind
/// the last, and where they are malformed. A name longer than [`config::DOMAIN_LENGTH`] is an
/// empty one.
#[cfg(feature = "router-discovery")]
pub(crate) fn next_domain<B: Bytes + ?Sized>(
    message: &B,
    offset: &mut usize,
    end: usize,
) -> Option<SearchDomain> {
    let mut octets = Vec::new();
    let mut fits = true;
    loop {
        let [length]: [u8; 1] = message.array(*offset).ok().filter(|_| *offset < end)?;
        // No compression: "the domain names are not compressed" (RFC 8106 §5.2).
        if length > 63 {
            return None;
        }
        for _ in 0..=length {
            let [octet]: [u8; 1] = message.array(*offset).ok().filter(|_| *offset < end)?;
            fits &= octets.push(octet).is_ok();
            *offset += 1;
        }
        if length == 0 {
            break;
        }
    }
    // An empty name is padding.
    if octets.len() == 1 {
        return None;
    }
    if !fits {
        octets.clear();
    }
    Some(SearchDomain(octets))
}

struct Entry<T> {
    by: Teller,
    what: T,
    /// `None` is for ever.
    until: Option<Instant>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing but its lifetime, if anything.
    None,
    /// The table is another.
    Changed,
    /// The table is another: the last that had been told on this interface gave way.
    Displaced(u8),
    /// There was no room.
    Refused,
}

/// A bounded list of what all interfaces tell, each with a lifetime.
pub(crate) struct Told<T, const N: usize>(Vec<Entry<T>, N>);

impl<T: PartialEq, const N: usize> Told<T, N> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes in, prolongs, or at the end of its life takes out (RFC 8106 §6.2). Where there is no
    /// room, one that ends sooner gives way; but nobody takes the places of another that has no more
    /// than it: "the IPv6 host SHOULD keep some DNS options from all sources" (§5.3.1).
    pub(crate) fn tell(
        &mut self,
        now: Instant,
        by: Teller,
        what: T,
        until: Option<Instant>,
    ) -> Change {
        let mut entries = self.0.iter_mut();
        let known = entries.find(|entry| entry.by == by && entry.what == what);
        let is_over = until.is_some_and(|until| until <= now);
        match known {
            Some(_) if is_over => {
                (self.0).retain(|entry| entry.by != by || entry.what != what);
                return Change::Changed;
            }
            Some(known) => {
                known.until = until;
                return Change::None;
            }
            None if is_over => return Change::None,
            None => {}
        }
        let entry = Entry { by, what, until };
        let Err(entry) = self.0.push(entry) else {
            return Change::Changed;
        };
        let end = |until: Option<Instant>| until.unwrap_or(Instant::MAX);
        let told_by = |teller: Teller| self.0.iter().filter(|known| known.by == teller).count();
        let fair = told_by(by) + 1;
        let may_go = |known: &Entry<T>| match known.by == by {
            true => end(known.until) < end(entry.until),
            false => told_by(known.by) > fair,
        };
        // The last told of those that are as good: the best comes first.
        let places = self.0.iter().enumerate().rev();
        let victim = places
            .filter(|(_, known)| may_go(known))
            .min_by_key(|(_, known)| (known.by == by, end(known.until)));
        let Some((place, _)) = victim else {
            return Change::Refused;
        };
        match self.0.get_mut(place) {
            Some(known) => Change::Displaced(core::mem::replace(known, entry).by.0),
            None => Change::Refused,
        }
    }

    /// Takes out what somebody has told and has ended, or all of it; says whether there was any.
    pub(crate) fn expire(&mut self, now: Instant, by: Teller, all: bool) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| {
            let is_over = entry.until.is_some_and(|until| until <= now);
            entry.by != by || !(is_over || all)
        });
        before != self.0.len()
    }

    /// When the first of them ends.
    #[cfg(feature = "router-discovery")]
    pub(crate) fn next_expiry(&self) -> Option<Instant> {
        self.0.iter().filter_map(|entry| entry.until).min()
    }

    /// What somebody has told, the first told first.
    pub(crate) fn of(&self, by: Teller) -> impl Iterator<Item = &T> + Clone {
        let told = self.0.iter().filter(move |entry| entry.by == by);
        told.map(|entry| &entry.what)
    }

    /// What is told on an interface: what comes by DHCP first, and the first told first.
    pub(crate) fn iter(&self, interface: u8) -> impl Iterator<Item = &T> + Clone {
        let sources = ServerSource::LEARNED.into_iter();
        sources.flat_map(move |source| self.of((interface, source)))
    }

    /// What is told on all interfaces, in the same order.
    #[cfg(feature = "dns")]
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        let sources = ServerSource::LEARNED.into_iter();
        let entries = sources.flat_map(|source| self.0.iter().filter(move |e| e.by.1 == source));
        entries.map(|entry| &entry.what)
    }
}

/// The servers and domains of all interfaces.
pub(crate) struct Names {
    pub(crate) servers: Told<IpAddr, { config::NAME_SERVERS }>,
    pub(crate) domains: Told<SearchDomain, { config::SEARCH_DOMAINS }>,
}

impl Names {
    pub(crate) const fn new() -> Self {
        Self {
            servers: Told::new(),
            domains: Told::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    fn on(interface: u8) -> Teller {
        (interface, ServerSource::RouterAdvertisement)
    }

    #[cfg(feature = "router-discovery")]
    #[test]
    fn names_are_read_up_to_the_padding() {
        let bytes = *b"\x03lab\x07example\x00\x04a.b\n\x00\x00\x00\x00";
        let mut offset = 0;
        let first = next_domain(&bytes[..], &mut offset, bytes.len()).unwrap();
        assert_eq!(first.to_string(), "lab.example");
        assert_eq!(first.as_bytes(), &bytes[..13]);
        let second = next_domain(&bytes[..], &mut offset, bytes.len()).unwrap();
        assert_eq!(second.to_string(), "a\\046b\\010");
        assert_eq!(next_domain(&bytes[..], &mut offset, bytes.len()), None);
    }

    #[cfg(feature = "router-discovery")]
    #[test]
    fn name_that_is_compressed_or_cut_short_ends_the_list() {
        for bytes in [&b"\xc0\x00"[..], b"\x03la", b"\x03lab", b""] {
            assert_eq!(next_domain(bytes, &mut 0, bytes.len()), None);
        }
        let bytes = *b"\x03lab\x00\x00\x00\x00";
        assert_eq!(next_domain(&bytes[..], &mut 0, 4), None);
    }

    #[cfg(feature = "router-discovery")]
    #[test]
    fn long_name_is_passed_over() {
        let mut bytes = [1; 2 * config::DOMAIN_LENGTH + 8];
        let end = 2 * config::DOMAIN_LENGTH;
        bytes[end..].copy_from_slice(b"\x00\x01b\x00\x00\x00\x00\x00");
        let mut offset = 0;
        let long = next_domain(&bytes[..], &mut offset, bytes.len()).unwrap();
        assert!(long.as_bytes().is_empty());
        let next = next_domain(&bytes[..], &mut offset, bytes.len()).unwrap();
        assert_eq!(next.to_string(), "b");
    }

    #[test]
    fn what_lasts_longer_displaces_what_ends_sooner() {
        let at = Instant::from_millis;
        let mut told = Told::<u8, 2>::new();
        let now = at(0);
        assert_eq!(told.tell(now, on(0), 1, Some(at(10))), Change::Changed);
        assert_eq!(told.tell(now, on(0), 2, Some(at(20))), Change::Changed);
        assert_eq!(told.tell(now, on(0), 3, Some(at(5))), Change::Refused);
        assert_eq!(told.tell(now, on(0), 4, None), Change::Displaced(0));
        assert!(told.iter(0).eq(&[4, 2]));
        assert_eq!(told.tell(now, on(0), 2, Some(now)), Change::Changed);
        assert_eq!(told.tell(now, on(0), 2, Some(now)), Change::None);
        assert!(told.iter(0).eq(&[4]));
        assert_eq!(told.next_expiry(), None);
    }

    #[test]
    fn no_interface_takes_the_places_of_another() {
        let at = Instant::from_millis;
        let mut told = Told::<u8, 3>::new();
        let now = at(0);
        for what in 0..3 {
            assert_eq!(told.tell(now, on(0), what, None), Change::Changed);
        }
        assert_eq!(
            told.tell(now, on(1), 10, Some(at(10))),
            Change::Displaced(0)
        );
        assert_eq!(told.tell(now, on(0), 4, None), Change::Refused);
        assert_eq!(told.tell(now, on(1), 11, Some(at(5))), Change::Refused);
        assert_eq!(
            told.tell(now, on(1), 12, Some(at(20))),
            Change::Displaced(1)
        );
        assert!(told.iter(0).eq(&[0, 1]));
        assert!(told.iter(1).eq(&[12]));
    }

    #[test]
    fn every_source_keeps_some_and_dhcp_comes_first() {
        let mut told = Told::<u8, 3>::new();
        let now = Instant::ZERO;
        for what in 0..3 {
            assert_eq!(told.tell(now, on(0), what, None), Change::Changed);
        }
        let dhcp = (0, ServerSource::Dhcpv4);
        assert_eq!(told.tell(now, dhcp, 10, None), Change::Displaced(0));
        assert_eq!(told.tell(now, dhcp, 11, None), Change::Refused);
        assert!(told.iter(0).eq(&[10, 0, 1]));
        assert!(told.expire(now, dhcp, true));
        assert!(told.iter(0).eq(&[0, 1]));
    }
}
