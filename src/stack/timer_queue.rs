//! The queue of deadlines that are many, those of the connections of TCP: one per owner, the earliest
//! first.
//!
//! A binary heap that knows the place of every owner. A deadline that moves later is only noted:
//! the owner keeps its place until that comes to the front, and then takes the new one, so re-arming
//! a timer on every acknowledgement costs a comparison and a store.

use managed::ManagedSlice;

use super::timers::Owner;
use crate::time::Instant;

/// The storage of one owner and, for no relation but that there are as many, of one place in the
/// heap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerEntry {
    /// When this owner is to be told; [`Instant::MAX`] while it has no deadline.
    deadline: Instant,
    /// What this owner's place in the heap goes by: never later than the deadline.
    queued: Instant,
    /// This owner's place in the heap, or [`NOWHERE`].
    place: u16,
    /// The owner that stands at this place in the heap.
    owner: u16,
}

const NOWHERE: u16 = u16::MAX;

impl TimerEntry {
    /// An entry without a deadline.
    pub(crate) const UNUSED: Self = Self {
        deadline: Instant::MAX,
        queued: Instant::MAX,
        place: NOWHERE,
        owner: 0,
    };
}

/// The queue of all timers. An owner beyond the storage has no timer, unless the storage can grow.
pub(crate) struct TimerQueue<'a> {
    entries: ManagedSlice<'a, TimerEntry>,
    /// Places of the heap that are taken.
    armed: u16,
}

impl<'a> TimerQueue<'a> {
    /// A queue for as many owners as there are unused entries, at most 65,535.
    pub(crate) fn new(entries: impl Into<ManagedSlice<'a, TimerEntry>>) -> Self {
        Self {
            entries: entries.into(),
            armed: 0,
        }
    }

    /// Gives `owner` this deadline in place of the one it had. [`Instant::MAX`] takes it away.
    pub(crate) fn set(&mut self, owner: Owner, deadline: Instant) {
        if deadline == Instant::MAX {
            return self.clear(owner);
        }
        #[cfg(feature = "alloc")]
        self.grow(owner);
        let armed = self.armed;
        let Some(entry) = self.entry_mut(owner.0) else {
            return;
        };
        entry.deadline = deadline;
        if entry.place == NOWHERE {
            entry.queued = deadline;
            // As many places as owners, of which this one had none: there is one left.
            self.armed = armed.saturating_add(1);
            self.move_forward(armed, owner.0);
        } else if deadline < entry.queued {
            entry.queued = deadline;
            let place = entry.place;
            self.move_forward(place, owner.0);
        }
    }

    /// Takes the deadline of `owner` away.
    pub(crate) fn clear(&mut self, owner: Owner) {
        let Some(entry) = self.entry_mut(owner.0) else {
            return;
        };
        let (place, queued) = (entry.place, entry.queued);
        *entry = TimerEntry {
            owner: entry.owner,
            ..TimerEntry::UNUSED
        };
        if place == NOWHERE {
            return;
        }
        // The last of the heap fills the gap, and then finds its place from there.
        self.armed = self.armed.saturating_sub(1);
        let last = self.owner_at(self.armed);
        if last == owner.0 {
            return;
        }
        if self.queued(last) < queued {
            self.move_forward(place, last);
        } else {
            self.move_back(place, last);
        }
    }

    /// The deadline of `owner`.
    #[cfg(test)]
    pub(crate) fn deadline(&self, owner: Owner) -> Option<Instant> {
        self.entry(owner.0)
            .map(|entry| entry.deadline)
            .filter(|deadline| *deadline != Instant::MAX)
    }

    /// When to ask [`expired`](Self::expired) again: never later than the earliest deadline, but
    /// perhaps earlier, if that one was moved.
    pub(crate) fn next(&self) -> Option<Instant> {
        (self.armed != 0).then(|| self.queued(self.owner_at(0)))
    }

    /// Takes one deadline that is not later than `now` off the queue, the earliest noted first, and
    /// returns its owner. To be called until there is none.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Owner> {
        while self.armed != 0 {
            let owner = self.owner_at(0);
            let entry = self.entry_mut(owner)?;
            if entry.queued > now {
                break;
            }
            if entry.deadline <= now {
                self.clear(Owner(owner));
                return Some(Owner(owner));
            }
            entry.queued = entry.deadline;
            self.move_back(0, owner);
        }
        None
    }

    /// Looks whether no owner comes before one that is earlier, and each knows its place.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self) {
        for place in 0..self.armed {
            let owner = self.owner_at(place);
            let entry = self.entry(owner);
            assert!(entry.is_some_and(|e| e.place == place && e.queued <= e.deadline));
            assert!(
                place == 0 || self.queued(self.owner_at((place - 1) / 2)) <= self.queued(owner)
            );
        }
        let armed = self.entries.iter().filter(|entry| entry.place != NOWHERE);
        assert_eq!(armed.count(), usize::from(self.armed));
    }

    /// Puts `owner` at `place` of the heap, or before that as far as it is earlier than others.
    fn move_forward(&mut self, mut place: u16, owner: u16) {
        let queued = self.queued(owner);
        while place != 0 {
            let parent = (place - 1) / 2;
            let above = self.owner_at(parent);
            if self.queued(above) <= queued {
                break;
            }
            self.put(place, above);
            place = parent;
        }
        self.put(place, owner);
    }

    /// Puts `owner` at `place` of the heap, or behind that as far as it is later than others.
    fn move_back(&mut self, mut place: u16, owner: u16) {
        let queued = self.queued(owner);
        loop {
            // Saturated, a place is beyond every heap.
            let left = place.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            if left >= self.armed {
                break;
            }
            let (mut child, mut below) = (left, self.owner_at(left));
            if right < self.armed {
                let other = self.owner_at(right);
                if self.queued(other) < self.queued(below) {
                    (child, below) = (right, other);
                }
            }
            if self.queued(below) >= queued {
                break;
            }
            self.put(place, below);
            place = child;
        }
        self.put(place, owner);
    }

    fn put(&mut self, place: u16, owner: u16) {
        if let Some(entry) = self.entry_mut(place) {
            entry.owner = owner;
        }
        if let Some(entry) = self.entry_mut(owner) {
            entry.place = place;
        }
    }

    fn owner_at(&self, place: u16) -> u16 {
        self.entry(place).map_or(0, |entry| entry.owner)
    }

    fn queued(&self, owner: u16) -> Instant {
        self.entry(owner).map_or(Instant::MAX, |entry| entry.queued)
    }

    fn entry(&self, index: u16) -> Option<&TimerEntry> {
        self.entries.get(usize::from(index))
    }

    fn entry_mut(&mut self, index: u16) -> Option<&mut TimerEntry> {
        self.entries.get_mut(usize::from(index))
    }

    /// Makes room for `owner` where the storage is the queue's own.
    #[cfg(feature = "alloc")]
    fn grow(&mut self, owner: Owner) {
        if let ManagedSlice::Owned(entries) = &mut self.entries
            && entries.len() <= usize::from(owner.0)
            && owner.0 != NOWHERE
        {
            entries.resize(usize::from(owner.0) + 1, TimerEntry::UNUSED);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn earliest_deadline_comes_first() {
        let mut entries = [TimerEntry::UNUSED; 4];
        let mut timers = TimerQueue::new(&mut entries[..]);
        for (owner, micros) in [(0, 30), (1, 10), (2, 20)] {
            timers.set(Owner(owner), at(micros));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.expired(at(9)), None);
        assert_eq!(timers.expired(at(25)), Some(Owner(1)));
        assert_eq!(timers.expired(at(25)), Some(Owner(2)));
        assert_eq!(timers.expired(at(25)), None);
        assert_eq!(timers.next(), Some(at(30)));
        assert_eq!(timers.deadline(Owner(0)), Some(at(30)));
        assert_eq!(timers.deadline(Owner(1)), None);
    }

    #[test]
    fn later_deadline_is_noted_and_the_place_kept_until_it_comes_up() {
        let mut entries = [TimerEntry::UNUSED; 1000];
        let mut timers = TimerQueue::new(&mut entries[..]);
        for owner in 0..1000 {
            timers.set(Owner(owner), at(1000 - u64::from(owner)));
        }
        let places: Vec<u16> = timers.entries.iter().map(|entry| entry.place).collect();
        for owner in 0..1000 {
            timers.set(Owner(owner), at(5000 + u64::from(owner)));
        }
        assert!(timers.entries.iter().map(|entry| entry.place).eq(places));
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.expired(at(4999)), None);
        assert_eq!(timers.next(), Some(at(5000)));
    }

    #[test]
    fn owner_beyond_lent_storage_has_no_timer() {
        let mut entries = [TimerEntry::UNUSED; 2];
        let mut timers = TimerQueue::new(&mut entries[..]);
        timers.set(Owner(2), at(1));
        timers.clear(Owner(2));
        assert_eq!((timers.next(), timers.deadline(Owner(2))), (None, None));
        let mut timers = TimerQueue::new(&mut [][..]);
        timers.set(Owner(0), at(1));
        assert_eq!(timers.expired(Instant::MAX), None);
    }

    #[test]
    fn no_deadline_is_ever_at_the_end_of_time() {
        let mut entries = [TimerEntry::UNUSED; 2];
        let mut timers = TimerQueue::new(&mut entries[..]);
        timers.set(Owner(0), at(1));
        timers.set(Owner(0), Instant::MAX);
        assert_eq!(timers.next(), None);
        assert_eq!(timers.expired(Instant::MAX), None);
    }

    #[test]
    #[cfg(feature = "alloc")]
    fn own_storage_grows() {
        let mut timers = TimerQueue::new(Vec::new());
        timers.set(Owner(7), at(3));
        timers.set(Owner(2), at(4));
        timers.set(Owner(u16::MAX), at(1));
        assert_eq!(timers.expired(at(4)), Some(Owner(7)));
        assert_eq!(timers.expired(at(4)), Some(Owner(2)));
        assert_eq!(timers.expired(at(4)), None);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Set(u16, u64),
        Clear(u16),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..24u16, 0..200u64).prop_map(|(owner, after)| Step::Set(owner, after)),
            1 => (0..24u16).prop_map(Step::Clear),
            2 => (0..60u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_an_ordered_map(steps in prop::collection::vec(step(), 0..400)) {
            let mut entries = vec![TimerEntry::UNUSED; 24];
            let mut timers = TimerQueue::new(&mut entries[..]);
            let mut model = BTreeMap::new();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Set(owner, after) => {
                        timers.set(Owner(owner), at(now + after));
                        let _: Option<u64> = model.insert(owner, now + after);
                    }
                    Step::Clear(owner) => {
                        timers.clear(Owner(owner));
                        let _: Option<u64> = model.remove(&owner);
                    }
                    Step::Pass(span) => {
                        now += span;
                        let mut told = Vec::new();
                        while let Some(owner) = timers.expired(at(now)) {
                            told.push(owner.0);
                        }
                        told.sort_unstable();
                        let due: Vec<u16> = model
                            .iter()
                            .filter_map(|(owner, deadline)| (*deadline <= now).then_some(*owner))
                            .collect();
                        model.retain(|_, deadline| *deadline > now);
                        prop_assert_eq!(told, due);
                    }
                }
                for owner in 0..24 {
                    prop_assert_eq!(timers.deadline(Owner(owner)), model.get(&owner).copied().map(at));
                }
                match (timers.next(), model.values().min()) {
                    (Some(next), Some(earliest)) => prop_assert!(next <= at(*earliest)),
                    (next, earliest) => prop_assert!(next.is_none() && earliest.is_none()),
                }
                prop_assert_eq!(usize::from(timers.armed), model.len());
            }
        }
    }
}
