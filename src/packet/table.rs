//! Sockets found by a number that packets have, so that those of other numbers cost a packet nothing.

/// The end of a list.
const NONE: u8 = u8::MAX;

/// So many sockets at most, 64 or fewer: those that want one number in a list for each remainder of
/// it, those that want every number in a list of their own.
pub(crate) struct Table<S, const N: usize> {
    entries: [Option<Entry<S>>; N],
    heads: [u8; N],
    every: u8,
    open: u8,
}

/// What a socket wants to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "packet-sockets"), allow(dead_code))]
pub(crate) enum Wanted {
    Nothing,
    Number(u16),
    Everything,
}

struct Entry<S> {
    wanted: Wanted,
    next: u8,
    socket: S,
}

impl<S, const N: usize> Table<S, N> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [const { None }; N],
            heads: [NONE; N],
            every: NONE,
            open: 0,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// All sockets.
    #[cfg(debug_assertions)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &S> {
        self.entries.iter().flatten().map(|entry| &entry.socket)
    }

    pub(crate) fn get(&self, index: u8) -> Option<&S> {
        let entry = self.entries.get(usize::from(index))?.as_ref()?;
        Some(&entry.socket)
    }

    pub(crate) fn get_mut(&mut self, index: u8) -> Option<&mut S> {
        Some(&mut self.entry_mut(index)?.socket)
    }

    /// What a socket wants.
    pub(crate) fn wanted(&self, index: u8) -> Option<Wanted> {
        Some(self.entry(index)?.wanted)
    }

    /// Finds a place for a socket; `None` if there is none.
    pub(crate) fn open(&mut self, wanted: Wanted, socket: S) -> Option<u8> {
        let place = self.entries.iter().position(Option::is_none)?;
        *self.entries.get_mut(place)? = Some(Entry {
            wanted,
            next: NONE,
            socket,
        });
        self.open += 1;
        self.link(place as u8);
        Some(place as u8)
    }

    /// Takes a socket out.
    pub(crate) fn close(&mut self, index: u8) -> Option<S> {
        self.unlink(index);
        let entry = self.entries.get_mut(usize::from(index))?.take()?;
        self.open = self.open.saturating_sub(1);
        Some(entry.socket)
    }

    /// Lets a socket want something else.
    #[cfg_attr(not(feature = "packet-sockets"), allow(dead_code))]
    pub(crate) fn change(&mut self, index: u8, wanted: Wanted) {
        self.unlink(index);
        if let Some(entry) = self.entry_mut(index) {
            entry.wanted = wanted;
            self.link(index);
        }
    }

    /// The first socket that wants this number.
    pub(crate) fn first(&self, number: u16) -> Option<u8> {
        let head = *self.heads.get(Self::bucket(number))?;
        self.seek(head, number).or_else(|| self.first_of_every())
    }

    /// The next one behind a socket that wants it.
    pub(crate) fn after(&self, index: u8, number: u16) -> Option<u8> {
        let entry = self.entry(index)?;
        let next = self.seek(entry.next, number);
        match entry.wanted {
            Wanted::Number(_) => next.or_else(|| self.first_of_every()),
            _ => next,
        }
    }

    /// The first from `index` on in its list that wants this number.
    fn seek(&self, mut index: u8, number: u16) -> Option<u8> {
        while let Some(entry) = self.entry(index) {
            if matches!(entry.wanted, Wanted::Everything) || entry.wanted == Wanted::Number(number)
            {
                return Some(index);
            }
            index = entry.next;
        }
        None
    }

    fn first_of_every(&self) -> Option<u8> {
        (self.every != NONE).then_some(self.every)
    }

    const fn bucket(number: u16) -> usize {
        number as usize % N
    }

    /// Where the list begins that a socket is in.
    fn head_mut(&mut self, wanted: Wanted) -> Option<&mut u8> {
        match wanted {
            Wanted::Nothing => None,
            Wanted::Number(number) => self.heads.get_mut(Self::bucket(number)),
            Wanted::Everything => Some(&mut self.every),
        }
    }

    /// Puts a socket at the end of its list: who came first is given packets first.
    fn link(&mut self, index: u8) {
        let Some(wanted) = self.wanted(index) else {
            return;
        };
        let Some(head) = self.head_mut(wanted) else {
            return;
        };
        if *head == NONE {
            *head = index;
            return;
        }
        let mut last = *head;
        while let Some(entry) = self.entry_mut(last) {
            if entry.next == NONE {
                entry.next = index;
                return;
            }
            last = entry.next;
        }
    }

    fn unlink(&mut self, index: u8) {
        let Some(entry) = self.entry_mut(index) else {
            return;
        };
        let (wanted, behind) = (entry.wanted, core::mem::replace(&mut entry.next, NONE));
        let Some(head) = self.head_mut(wanted) else {
            return;
        };
        if *head == index {
            *head = behind;
            return;
        }
        let mut before = *head;
        while let Some(entry) = self.entry_mut(before) {
            if entry.next == index {
                entry.next = behind;
                return;
            }
            before = entry.next;
        }
    }

    fn entry(&self, index: u8) -> Option<&Entry<S>> {
        self.entries.get(usize::from(index))?.as_ref()
    }

    fn entry_mut(&mut self, index: u8) -> Option<&mut Entry<S>> {
        self.entries.get_mut(usize::from(index))?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    fn found<const N: usize>(table: &Table<u32, N>, number: u16) -> Vec<u8> {
        let first = table.first(number);
        std::iter::successors(first, |index| table.after(*index, number)).collect()
    }

    #[test]
    fn full_table_takes_no_more_until_one_is_closed() {
        let mut table = Table::<u32, 2>::new();
        assert_eq!(table.open(Wanted::Number(1), 10), Some(0));
        assert_eq!(table.open(Wanted::Everything, 11), Some(1));
        assert_eq!(table.open(Wanted::Number(1), 12), None);
        assert_eq!(table.close(0), Some(10));
        assert_eq!(table.close(0), None);
        assert_eq!(table.open(Wanted::Number(3), 12), Some(0));
        assert_eq!(
            (found(&table, 1), found(&table, 3)),
            ([1].into(), [0, 1].into())
        );
    }

    fn any_wanted() -> impl Strategy<Value = Wanted> {
        prop_oneof![
            Just(Wanted::Nothing),
            Just(Wanted::Everything),
            (0..12u16).prop_map(Wanted::Number)
        ]
    }

    proptest! {
        /// Against a plain list of who is open and wants what.
        #[test]
        fn table_finds_whom_a_list_finds(
            steps in proptest::collection::vec((0..3u8, 0..5u8, any_wanted()), 0..60)
        ) {
            let mut table = Table::<u32, 5>::new();
            let mut list: [Option<Wanted>; 5] = [None; 5];
            for (step, index, wanted) in steps {
                let place = &mut list[usize::from(index)];
                match step {
                    0 => if let Some(index) = table.open(wanted, 0) {
                        list[usize::from(index)] = Some(wanted);
                    },
                    1 => prop_assert_eq!(table.close(index).is_some(), place.take().is_some()),
                    _ => {
                        table.change(index, wanted);
                        *place = place.map(|_| wanted);
                    }
                }
                prop_assert_eq!(table.is_empty(), list.iter().all(Option::is_none));
                for number in 0..12 {
                    let mut found = found(&table, number);
                    found.sort_unstable();
                    let wants = |wanted: &Option<Wanted>| {
                        [Some(Wanted::Everything), Some(Wanted::Number(number))].contains(wanted)
                    };
                    let expected = (0..5u8).filter(|at| wants(&list[usize::from(*at)]));
                    prop_assert_eq!(found, expected.collect::<Vec<_>>());
                }
            }
        }
    }
}
