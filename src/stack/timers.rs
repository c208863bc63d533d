//! The deadlines of what there is once in a stack, or a few times, and who has them: the neighbour
//! caches, the routes, tasks that sleep. So few that a list is searched when the earliest changes,
//! and is shorter and faster than a queue until then. Connections of TCP have a queue of their own.

use crate::config;
use crate::time::Instant;

/// Who is told when a deadline has passed: a dense index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Owner(pub(crate) u16);

/// What is there once, whatever the storage is for: an entry each for what is built in.
#[repr(u16)]
enum Kind {
    #[cfg(neighbors)]
    Neighbors,
    Routes,
    #[cfg(feature = "tcp")]
    Tcp,
    #[cfg(feature = "acd")]
    Ipv4Addresses,
    #[cfg(feature = "dad")]
    Ipv6Addresses,
    #[cfg(feature = "fragmentation")]
    Fragments,
    #[cfg(feature = "router-discovery")]
    Routers,
    #[cfg(feature = "ra-server")]
    Advertisements,
    #[cfg(any(feature = "igmp", feature = "mld"))]
    Groups,
    /// The first of the sleeps.
    Sleep,
}

/// The neighbour caches of all interfaces.
#[cfg(neighbors)]
pub(crate) const NEIGHBORS: Owner = Owner(Kind::Neighbors as u16);
/// The routes.
pub(crate) const ROUTES: Owner = Owner(Kind::Routes as u16);
/// The connections and handshakes of TCP, which have a queue of their own.
#[cfg(feature = "tcp")]
pub(crate) const TCP: Owner = Owner(Kind::Tcp as u16);
/// The IPv4 addresses that are probed and announced.
#[cfg(feature = "acd")]
pub(crate) const ADDRESSES: Owner = Owner(Kind::Ipv4Addresses as u16);
/// The IPv6 addresses of all interfaces.
#[cfg(feature = "dad")]
pub(crate) const IPV6_ADDRESSES: Owner = Owner(Kind::Ipv6Addresses as u16);
/// Fragments that wait for others, or to be sent.
#[cfg(feature = "fragmentation")]
pub(crate) const FRAGMENTS: Owner = Owner(Kind::Fragments as u16);
/// The routers, and the servers for names that they tell of.
#[cfg(feature = "router-discovery")]
pub(crate) const ROUTERS: Owner = Owner(Kind::Routers as u16);
/// The advertisements that are sent.
#[cfg(feature = "ra-server")]
pub(crate) const ADVERTISEMENTS: Owner = Owner(Kind::Advertisements as u16);
/// What routers are to be told of groups.
#[cfg(any(feature = "igmp", feature = "mld"))]
pub(crate) const GROUPS: Owner = Owner(Kind::Groups as u16);
/// The first of the tasks that sleep.
pub(crate) const FIRST_SLEEP: u16 = Kind::Sleep as u16;

/// How many owners there are.
const OWNERS: usize = FIRST_SLEEP as usize + config::SLEEPS;

/// A deadline for each owner.
pub(crate) struct Deadlines {
    /// [`Instant::MAX`] while there is none.
    deadlines: [Instant; OWNERS],
    /// Never later than any of them, and earlier where one has moved: a connection's moves with
    /// every acknowledgement.
    earliest: Instant,
}

impl Deadlines {
    /// No deadlines.
    pub(crate) const fn new() -> Self {
        Self {
            deadlines: [Instant::MAX; OWNERS],
            earliest: Instant::MAX,
        }
    }

    /// Gives `owner` this deadline in place of the one it had. [`Instant::MAX`] takes it away.
    pub(crate) fn set(&mut self, owner: Owner, deadline: Instant) {
        let Some(slot) = self.deadlines.get_mut(usize::from(owner.0)) else {
            return;
        };
        let was = core::mem::replace(slot, deadline);
        if deadline < self.earliest {
            self.earliest = deadline;
        } else if was == self.earliest && deadline == Instant::MAX {
            self.look();
        }
    }

    /// The deadline of `owner`; [`Instant::MAX`] if it has none.
    #[cfg(feature = "tcp")]
    #[inline]
    pub(crate) fn of(&self, owner: Owner) -> Instant {
        let deadline = self.deadlines.get(usize::from(owner.0));
        deadline.copied().unwrap_or(Instant::MAX)
    }

    /// Looks for the earliest deadline.
    #[cold]
    fn look(&mut self) {
        let earliest = self.deadlines.iter().min();
        self.earliest = earliest.copied().unwrap_or(Instant::MAX);
    }

    /// When to ask [`expired`](Self::expired) again: never later than the earliest deadline, but
    /// perhaps earlier, or for nothing, if that one was moved.
    #[inline]
    pub(crate) fn next(&self) -> Option<Instant> {
        (self.earliest != Instant::MAX).then_some(self.earliest)
    }

    /// Takes away a deadline that is not later than `now`, the earliest, and returns its owner. To be
    /// called until there is none.
    #[inline]
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Owner> {
        match self.next() {
            Some(earliest) if earliest <= now => self.take_earliest(now),
            _ => None,
        }
    }

    #[cold]
    fn take_earliest(&mut self, now: Instant) -> Option<Owner> {
        self.look();
        if self.earliest > now {
            return None;
        }
        let mut deadlines = self.deadlines.iter();
        let index = deadlines.position(|deadline| *deadline == self.earliest)?;
        let owner = Owner(index as u16);
        self.set(owner, Instant::MAX);
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn earliest_deadline_comes_first() {
        let mut deadlines = Deadlines::new();
        assert_eq!(deadlines.next(), None);
        deadlines.set(Owner(0), at(30));
        deadlines.set(Owner(1), at(10));
        assert_eq!(deadlines.next(), Some(at(10)));
        assert_eq!(deadlines.expired(at(9)), None);
        assert_eq!(deadlines.expired(at(30)), Some(Owner(1)));
        assert_eq!(deadlines.next(), Some(at(30)));
        deadlines.set(Owner(0), at(50));
        assert_eq!(deadlines.expired(at(30)), None);
        assert_eq!(deadlines.next(), Some(at(50)));
        assert_eq!(deadlines.expired(at(50)), Some(Owner(0)));
        assert_eq!(deadlines.expired(Instant::MAX), None);
    }

    #[test]
    fn owner_beyond_the_list_has_no_deadline() {
        let mut deadlines = Deadlines::new();
        deadlines.set(Owner(OWNERS as u16), at(1));
        assert_eq!(deadlines.next(), None);
    }

    proptest! {
        #[test]
        fn behave_as_a_plain_list(
            steps in prop::collection::vec((0..OWNERS, 0..40u64, 0..20u64), 0..200),
        ) {
            let mut deadlines = Deadlines::new();
            let mut model = std::vec![None; OWNERS];
            let mut now = 0;
            for (owner, after, span) in steps {
                // The longest stand for none.
                let deadline = (after < 35).then_some(now + after);
                deadlines.set(Owner(owner as u16), deadline.map_or(Instant::MAX, at));
                model[owner] = deadline;
                if let Some(earliest) = model.iter().flatten().min() {
                    prop_assert!(deadlines.next().is_some_and(|next| next <= at(*earliest)));
                }
                now += span;
                let mut told = Vec::new();
                while let Some(owner) = deadlines.expired(at(now)) {
                    told.push(usize::from(owner.0));
                }
                told.sort_unstable();
                let due = |deadline: &Option<u64>| deadline.is_some_and(|due| due <= now);
                let expected: Vec<usize> =
                    (0..OWNERS).filter(|owner| due(&model[*owner])).collect();
                prop_assert_eq!(told, expected);
                model.iter_mut().for_each(|deadline| *deadline = deadline.filter(|due| *due > now));
            }
        }
    }
}
