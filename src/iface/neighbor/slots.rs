//! The places of the neighbour cache: finding one, and whose is taken when all are full.
//!
//! First the free places, then resolutions nobody waits for, then STALE entries, the least
//! recently used first, those that never were used before all others. A neighbour that a packet
//! was lately sent to, a static or a protected one never loses its place, so strangers who
//! announce themselves by the thousand only displace each other. Nor does one that was solicited
//! less than RetransTimer ago: it would be solicited again as soon as it came back.

use super::{Entry, EntryFlags, NeighborCache, NeighborState, count};
use crate::netbuf::BufQueue;
use crate::time::Instant;
use crate::wire::IpAddress;

/// For what a place is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// To send a packet, or by the user's order: a REACHABLE entry that is not in use may go too.
    Own,
    /// To remember one who sent us something.
    Strangers,
}

impl NeighborCache {
    /// The place of a neighbour, the one found last tried first.
    pub(super) fn find(&mut self, address: IpAddress) -> Option<usize> {
        let recent = self.entries.get(self.recent);
        if recent.is_none_or(|entry| entry.address != Some(address)) {
            self.recent = self.position(address)?;
        }
        Some(self.recent)
    }

    /// The place of a neighbour.
    pub(super) fn position(&self, address: IpAddress) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.address == Some(address))
    }

    /// The state of an entry; FAILED where there is none.
    pub(super) fn state_of(&self, index: usize) -> NeighborState {
        self.entries
            .get(index)
            .map_or(NeighborState::Failed, |entry| entry.state)
    }

    /// The place of a neighbour, or a new one, FAILED as yet.
    pub(super) fn find_or_create(
        &mut self,
        now: Instant,
        address: IpAddress,
        need: Need,
    ) -> Option<usize> {
        if let Some(index) = self.position(address) {
            return Some(index);
        }
        let (mut index, mut lowest) = (None, Self::NEVER);
        for (place, entry) in self.entries.iter().enumerate() {
            let rank = self.rank(entry, now, need);
            if rank < lowest {
                (index, lowest) = (Some(place), rank);
            }
        }
        let entry = index.and_then(|index| self.entries.get_mut(index));
        let Some(entry) = entry else {
            count(&mut self.counters.refused);
            return None;
        };
        if entry.address.is_some() {
            count(&mut self.counters.replaced);
        }
        count(&mut self.counters.created);
        *entry = Entry {
            address: Some(address),
            ..Entry::FREE
        };
        index
    }

    const NEVER: u64 = u64::MAX;

    /// How soon a place is taken: the lowest first, one that is free at once.
    fn rank(&self, entry: &Entry, now: Instant, need: Need) -> u64 {
        let Some(address) = entry.address else {
            return 0;
        };
        if entry.flags.contains(EntryFlags::PROTECTED) || now < entry.quiet_until {
            return Self::NEVER;
        }
        let was_used = entry.flags.contains(EntryFlags::USED);
        let in_use_for = self.timing(address).delay_first_probe_time;
        let in_use = was_used && now.since(entry.used) < in_use_for;
        let class: u64 = match entry.state_at(now) {
            NeighborState::Incomplete if entry.pending.is_empty() => 1,
            NeighborState::Stale if !in_use => 2,
            NeighborState::Reachable if !in_use && need == Need::Own => 3,
            _ => return Self::NEVER,
        };
        // The class, whether it was used, and when: so many microseconds are 70,000 years.
        class << 62 | u64::from(was_used) << 61 | entry.used.as_micros() & ((1 << 61) - 1)
    }

    /// Frees a place, or keeps it with nothing known if it is protected. Returns what waited.
    pub(super) fn forget(&mut self, index: usize) -> BufQueue {
        let packets = self.take_pending(index);
        if let Some(entry) = self.entries.get_mut(index) {
            let is_protected = entry.flags.contains(EntryFlags::PROTECTED);
            let kept = entry.address.filter(|_| is_protected);
            *entry = Entry {
                address: kept,
                flags: entry.flags & EntryFlags::PROTECTED,
                quiet_until: entry.quiet_until,
                ..Entry::FREE
            };
        }
        packets
    }
}
