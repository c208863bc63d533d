//! The longest packets that pass on the way to destinations (RFC 1191, RFC 8201).
//!
//! Read RFC 8201 §4 and §5 before touching this. Only what an ICMP error says of a packet that we
//! have sent comes here, so an entry stands for a destination that we talk to.

use crate::config;
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;

/// How long an entry lasts: then a larger packet may try whether the way has grown. "The
/// recommended setting for this timer is twice its minimum value (10 minutes)" (RFC 8201 §4,
/// RFC 1191 §6.3).
const LIFETIME: Duration = Duration::from_secs(600);

/// "A host MUST never reduce its estimate of the Path MTU below 68 octets" (RFC 1191 §3).
#[cfg(feature = "ipv4")]
pub(crate) const LEAST_IPV4: u16 = 68;

/// Where steps of the MTU are common (RFC 1191 §7): the next lower one is tried where a router
/// does not say what it takes.
#[cfg(feature = "ipv4")]
const PLATEAUS: [u16; 9] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

/// The way to one destination.
#[derive(Clone, Copy, Debug)]
struct PathMtu {
    destination: IpAddress,
    interface: u8,
    mtu: u16,
    expires: Instant,
}

/// The ways known to take less than their first link.
#[derive(Debug)]
pub(crate) struct PathMtus {
    entries: [Option<PathMtu>; config::PATH_MTUS],
    /// The least of them: what is not longer need not be looked up.
    least: u16,
}

impl PathMtus {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [None; config::PATH_MTUS],
            least: u16::MAX,
        }
    }

    /// No way is known that does not take a packet of so many bytes.
    #[inline]
    pub(crate) const fn least(&self) -> u16 {
        self.least
    }

    /// What is known of the way to a destination.
    pub(crate) fn get(&self, now: Instant, interface: u8, destination: IpAddress) -> Option<u16> {
        let mut known = self.entries.iter().flatten();
        let entry = known.find(|entry| entry.is_for(interface, destination))?;
        (now < entry.expires).then_some(entry.mtu)
    }

    /// The way to a destination takes so many bytes at most, which is less than was thought. False
    /// if that is not so: an error never raises the estimate (RFC 8201 §4).
    ///
    /// In a full table the entry gives way that would end first.
    pub(crate) fn lower(
        &mut self,
        now: Instant,
        interface: u8,
        destination: IpAddress,
        mtu: u16,
    ) -> bool {
        self.expire(now);
        let known = self.get(now, interface, destination);
        if known.is_some_and(|known| known <= mtu) {
            return false;
        }
        let ends = |slot: &Option<PathMtu>| match slot {
            Some(entry) if entry.is_for(interface, destination) => None,
            Some(entry) => Some(entry.expires),
            None => Some(Instant::ZERO),
        };
        if let Some(slot) = self.entries.iter_mut().min_by_key(|slot| ends(slot)) {
            *slot = Some(PathMtu {
                destination,
                interface,
                mtu,
                expires: now + LIFETIME,
            });
        }
        self.find_least();
        true
    }

    /// Forgets what is too old.
    pub(crate) fn expire(&mut self, now: Instant) {
        let is_old = |entry: &PathMtu| entry.expires <= now;
        let mut changed = false;
        for slot in &mut self.entries {
            changed |= slot.take_if(|entry| is_old(entry)).is_some();
        }
        if changed {
            self.find_least();
        }
    }

    fn find_least(&mut self) {
        let known = self.entries.iter().flatten();
        self.least = known.map(|entry| entry.mtu).min().unwrap_or(u16::MAX);
    }
}

impl PathMtu {
    fn is_for(&self, interface: u8, destination: IpAddress) -> bool {
        (self.interface, self.destination) == (interface, destination)
    }
}

/// What is tried next after a datagram of `length` bytes was too long for a router that does not
/// say what it takes (RFC 1191 §5, §7).
#[cfg(feature = "ipv4")]
pub(crate) fn next_lower(length: u16) -> u16 {
    let mut plateaus = PLATEAUS.into_iter();
    plateaus
        .find(|plateau| *plateau < length)
        .unwrap_or(LEAST_IPV4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::IpAddress;

    fn address(number: u8) -> IpAddress {
        #[cfg(feature = "ipv4")]
        return core::net::Ipv4Addr::new(192, 0, 2, number).into();
        #[cfg(not(feature = "ipv4"))]
        return core::net::Ipv6Addr::from([number; 16]).into();
    }

    #[test]
    fn estimate_goes_down_only_and_ends_after_ten_minutes() {
        let (mut table, now) = (PathMtus::new(), Instant::from_millis(5));
        assert_eq!(
            (table.least(), table.get(now, 0, address(1))),
            (u16::MAX, None)
        );
        assert!(table.lower(now, 0, address(1), 1400));
        assert!(!table.lower(now, 0, address(1), 1400));
        assert!(!table.lower(now, 0, address(1), 1450));
        assert!(table.lower(now, 0, address(1), 1300));
        assert!(table.lower(now, 1, address(1), 1350));
        assert_eq!(table.get(now, 0, address(1)), Some(1300));
        assert_eq!(table.get(now, 1, address(1)), Some(1350));
        assert_eq!((table.get(now, 0, address(2)), table.least()), (None, 1300));
        let end = now + LIFETIME;
        let before = end - Duration::from_micros(1);
        assert_eq!(table.get(before, 0, address(1)), Some(1300));
        assert_eq!(table.get(end, 0, address(1)), None);
        table.expire(end);
        assert_eq!(table.least(), u16::MAX);
    }

    #[test]
    fn oldest_gives_way_in_a_full_table() {
        let mut table = PathMtus::new();
        let at = |number: usize| Instant::from_millis(number as u64);
        for number in 0..=config::PATH_MTUS {
            assert!(table.lower(at(number), 0, address(number as u8), 1300));
        }
        let now = at(config::PATH_MTUS);
        assert_eq!(table.get(now, 0, address(0)), None);
        for number in 1..=config::PATH_MTUS {
            assert_eq!(table.get(now, 0, address(number as u8)), Some(1300));
        }
    }

    #[cfg(feature = "ipv4")]
    #[test]
    fn plateaus_lead_down_to_the_least() {
        let mut length = 65_535;
        let mut steps = 0;
        while length > LEAST_IPV4 {
            let next = next_lower(length);
            assert!(next < length);
            (length, steps) = (next, steps + 1);
        }
        assert_eq!((length, steps), (LEAST_IPV4, PLATEAUS.len() + 1));
        assert_eq!(next_lower(1500), 1492);
    }
}
