//! The one bounded table of tasks that wait: for a socket, a sleep, an event.
//!
//! A task waits for a key, several may wait for the same one, and all of them are woken for it.
//! Nothing foreign runs in here: what is to be woken is handed out, to be woken once the core is no
//! longer borrowed. When the table is full the task that waits longest is woken to try again, so
//! a small table makes tasks spin but loses none.

use core::task::Waker;

use managed::ManagedSlice;

/// What a task waits for. The core numbers them: a socket and a direction, a sleep, an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct WaitKey(pub(crate) u32);

impl WaitKey {
    const fn new(kind: u32, number: u16) -> Self {
        Self(kind << 16 | number as u32)
    }

    /// A sleep is over.
    pub(crate) const fn sleep(number: u16) -> Self {
        Self::new(0, number)
    }

    /// There is room again in the transmit queue of an interface.
    pub(crate) const fn transmit(interface: u8) -> Self {
        Self::new(1, interface as u16)
    }

    /// The link of an interface has changed.
    pub(crate) const fn link(interface: u8) -> Self {
        Self::new(2, interface as u16)
    }

    /// The link of any interface has changed.
    #[cfg(any(feature = "llmnr", feature = "mdns", feature = "mdns-responder"))]
    pub(crate) const LINKS: Self = Self::new(2, u16::MAX);

    /// Something has happened to an interface.
    #[cfg(feature = "events")]
    pub(crate) const EVENTS: Self = Self::new(7, 0);

    /// Something has become of the DHCP lease of an interface.
    #[cfg(feature = "dhcpv4-client")]
    pub(crate) const fn dhcpv4(interface: u8) -> Self {
        Self::new(8, interface as u16)
    }

    /// The host has another name.
    #[cfg(feature = "hostname")]
    pub(crate) const HOSTNAME: Self = Self::new(9, 0);

    /// A client of SNTP knows the time, or has other servers.
    #[cfg(feature = "sntp")]
    pub(crate) const SNTP: Self = Self::new(20, 0);

    /// A zperf server has something to send.
    #[cfg(feature = "zperf")]
    pub(crate) const ZPERF: Self = Self::new(25, 0);

    /// A DHCP server has something to do.
    #[cfg(feature = "dhcpv4-server")]
    pub(crate) const DHCPV4_SERVER: Self = Self::new(12, 0);

    /// Something has become of what the DHCPv6 client of an interface has.
    #[cfg(feature = "dhcpv6-client")]
    pub(crate) const fn dhcpv6(interface: u8) -> Self {
        Self::new(11, interface as u16)
    }
    /// LLMNR uses the name of the host otherwise than before.
    #[cfg(feature = "llmnr")]
    pub(crate) const LLMNR: Self = Self::new(15, 0);

    /// Multicast DNS has something to do.
    #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
    pub(crate) const MDNS: Self = Self::new(10, 0);

    /// Something has changed of what multicast DNS knows.
    #[cfg(any(feature = "mdns", feature = "mdns-responder"))]
    pub(crate) const MDNS_NEWS: Self = Self::new(10, 1);

    /// Something was done with a descriptor of the BSD sockets.
    #[cfg(feature = "bsd-sockets")]
    pub(crate) const fn descriptor(number: u16) -> Self {
        Self::new(21, number)
    }

    /// A packet socket has received something.
    #[cfg(feature = "packet-sockets")]
    pub(crate) const fn packet(socket: u8) -> Self {
        Self::new(23, socket as u16)
    }

    /// A raw socket has received something, or an error.
    #[cfg(feature = "raw-sockets")]
    pub(crate) const fn raw(socket: u8) -> Self {
        Self::new(24, socket as u16)
    }

    /// A UDP socket has received something, or an error.
    #[cfg(feature = "udp")]
    pub(crate) const fn udp(socket: u16) -> Self {
        Self::new(3, socket)
    }

    /// Something has happened to a TCP connection.
    #[cfg(feature = "tcp")]
    pub(crate) const fn tcp(socket: u16) -> Self {
        Self::new(5, socket)
    }

    /// A TCP connection waits to be accepted.
    #[cfg(feature = "tcp")]
    pub(crate) const fn listener(number: u16) -> Self {
        Self::new(6, number)
    }

    /// An answer has come to a ping.
    #[cfg(feature = "ping")]
    pub(crate) const fn ping(number: u16) -> Self {
        Self::new(4, number)
    }
}

/// The storage of one waiting task, and the head of one chain.
#[derive(Debug)]
pub(crate) struct Waiter {
    waker: Option<Waker>,
    key: u32,
    /// The next of the chain, of the woken, or of the unused, whichever this one is among.
    next: u16,
    /// The neighbours by age among those that wait.
    older: u16,
    newer: u16,
    /// The first of the chain that starts at this index: all who wait for a key of this hash.
    first: u16,
}

const NONE: u16 = u16::MAX;

impl Waiter {
    /// A place in the table that nobody has taken.
    pub(crate) const UNUSED: Self = Self {
        waker: None,
        key: 0,
        next: NONE,
        older: NONE,
        newer: NONE,
        first: NONE,
    };
}

/// The table of waiting tasks.
pub(crate) struct Waiters<'a> {
    slots: ManagedSlice<'a, Waiter>,
    unused: u16,
    /// Those that wait, by age.
    oldest: u16,
    newest: u16,
    /// Those that are to be woken, first come first served.
    woken_first: u16,
    woken_last: u16,
    waking: Option<&'static Waking>,
}

/// How tasks are woken. Who waits names it, and nobody else: a firmware in which no task waits is linked
/// without.
struct Waking {
    wake: fn(&mut Waiters<'_>, WaitKey),
    take: fn(&mut Waiters<'_>) -> Option<Waker>,
}

static WAKING: Waking = Waking {
    wake: |waiters, key| waiters.wake_waiting(key),
    take: |waiters| waiters.leave_table(),
};

impl<'a> Waiters<'a> {
    /// A table for as many tasks as there are unused slots, of which it takes no more than 65,535.
    pub(crate) fn new(slots: impl Into<ManagedSlice<'a, Waiter>>) -> Self {
        let mut slots = slots.into();
        let mut unused = NONE;
        for (index, slot) in (0..NONE).zip(slots.iter_mut()) {
            slot.next = unused;
            unused = index;
        }
        Self {
            slots,
            unused,
            oldest: NONE,
            newest: NONE,
            woken_first: NONE,
            woken_last: NONE,
            waking: None,
        }
    }

    /// Lets the task of `waker` wait for `key`; if it does already, nothing changes.
    ///
    /// Returns the waker that had to make room, which is to be woken once the core is no longer
    /// borrowed.
    #[must_use = "a waker that is dropped is a task that sleeps for ever"]
    pub(crate) fn register(&mut self, key: WaitKey, waker: &Waker) -> Option<Waker> {
        self.waking = Some(&WAKING);
        let bucket = self.bucket(key.0);
        let mut index = self.first(bucket);
        while let Some(slot) = self.slot(index) {
            if slot.key == key.0
                && slot
                    .waker
                    .as_ref()
                    .is_some_and(|other| other.will_wake(waker))
            {
                return None;
            }
            index = slot.next;
        }

        let (index, displaced) = self.vacate();
        let newest = self.newest;
        let Some(slot) = self.slot_mut(index) else {
            // There is no table at all.
            return Some(waker.clone());
        };
        slot.waker = Some(waker.clone());
        slot.key = key.0;
        slot.next = NONE;
        slot.older = newest;
        slot.newer = NONE;
        match self.slot_mut(newest) {
            Some(slot) => slot.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
        // At the end of the chain: who waits longest is woken first.
        let (mut last, mut next) = (NONE, self.first(bucket));
        while let Some(slot) = self.slot(next) {
            (last, next) = (next, slot.next);
        }
        self.set_next(bucket, last, index);
        displaced
    }

    /// Marks all tasks that wait for `key` to be woken, see [`take_woken`](Self::take_woken).
    #[inline]
    pub(crate) fn wake(&mut self, key: WaitKey) {
        if self.oldest != NONE
            && let Some(waking) = self.waking
        {
            (waking.wake)(self, key);
        }
    }

    fn wake_waiting(&mut self, key: WaitKey) {
        let bucket = self.bucket(key.0);
        let (mut previous, mut index) = (NONE, self.first(bucket));
        while let Some(slot) = self.slot(index) {
            let next = slot.next;
            if slot.key == key.0 {
                self.set_next(bucket, previous, next);
                self.leave_age(index);
                self.join_woken(index);
            } else {
                previous = index;
            }
            index = next;
        }
    }

    /// Hands out one waker that is to be woken. To be called, with the core borrowed for no longer
    /// than the call, until there is none.
    pub(crate) fn take_woken(&mut self) -> Option<Waker> {
        (self.waking?.take)(self)
    }

    fn leave_table(&mut self) -> Option<Waker> {
        let unused = self.unused;
        let index = self.leave_woken()?;
        let slot = self.slot_mut(index)?;
        slot.next = unused;
        let waker = slot.waker.take();
        self.unused = index;
        waker
    }

    /// Whether [`take_woken`](Self::take_woken) has something to give.
    #[cfg(feature = "fast-paths")]
    #[inline]
    pub(crate) fn has_woken(&self) -> bool {
        self.woken_first != NONE
    }

    /// Looks whether each slot is in one of the lists, and each that waits is found by its key.
    #[cfg(debug_assertions)]
    pub(super) fn check(&self) {
        let most = self.slots.len().min(usize::from(NONE));
        let length = |first: u16, next: fn(&Waiter) -> u16| {
            let (mut index, mut length) = (first, 0);
            while let Some(slot) = self.slot(index).filter(|_| length <= most) {
                (index, length) = (next(slot), length + 1);
            }
            length
        };
        let waiting = length(self.oldest, |slot| slot.newer);
        assert_eq!(waiting, length(self.newest, |slot| slot.older));
        let lists = length(self.unused, |slot| slot.next) + length(self.woken_first, |s| s.next);
        assert_eq!(waiting + lists, most);
        let chains = (0..NONE).zip(self.slots.iter());
        let chained: usize = chains.map(|(_, slot)| length(slot.first, |s| s.next)).sum();
        assert_eq!(chained, waiting);
    }

    /// Finds a slot for a new task: an unused one, or else that of the task that waits longest, or
    /// else, when all are about to be woken, that of the first.
    fn vacate(&mut self) -> (u16, Option<Waker>) {
        let index = self.unused;
        if let Some(slot) = self.slot(index) {
            self.unused = slot.next;
            return (index, None);
        }
        let index = if self.oldest == NONE {
            self.leave_woken().unwrap_or(NONE)
        } else {
            let oldest = self.oldest;
            self.leave_chain(oldest);
            self.leave_age(oldest);
            oldest
        };
        (
            index,
            self.slot_mut(index).and_then(|slot| slot.waker.take()),
        )
    }

    fn leave_chain(&mut self, leaving: u16) {
        let Some(slot) = self.slot(leaving) else {
            return;
        };
        let (bucket, behind) = (self.bucket(slot.key), slot.next);
        let (mut previous, mut index) = (NONE, self.first(bucket));
        while let Some(slot) = self.slot(index) {
            if index == leaving {
                return self.set_next(bucket, previous, behind);
            }
            (previous, index) = (index, slot.next);
        }
    }

    fn leave_age(&mut self, index: u16) {
        let Some(slot) = self.slot(index) else { return };
        let (older, newer) = (slot.older, slot.newer);
        match self.slot_mut(older) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slot_mut(newer) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn join_woken(&mut self, index: u16) {
        if let Some(slot) = self.slot_mut(index) {
            slot.next = NONE;
        }
        let last = self.woken_last;
        match self.slot_mut(last) {
            Some(slot) => slot.next = index,
            None => self.woken_first = index,
        }
        self.woken_last = index;
    }

    fn leave_woken(&mut self) -> Option<u16> {
        let index = self.woken_first;
        self.woken_first = self.slot(index)?.next;
        if self.woken_first == NONE {
            self.woken_last = NONE;
        }
        Some(index)
    }

    /// The chain of `key`. Keys are dense: multiplied by the golden ratio (of 2^16) they spread
    /// evenly, and there is no division.
    fn bucket(&self, key: u32) -> u16 {
        // The upper half of the product is spread best.
        let hash = key.wrapping_mul(0x9e37_79b1) >> 16;
        let buckets = self.slots.len().min(usize::from(NONE)) as u32;
        // Below `buckets`, since the hash is below 2^16.
        (hash.wrapping_mul(buckets) >> 16) as u16
    }

    fn first(&self, bucket: u16) -> u16 {
        self.slot(bucket).map_or(NONE, |slot| slot.first)
    }

    /// Lets `next` follow behind `previous`, or stand first in the chain where that is none.
    fn set_next(&mut self, bucket: u16, previous: u16, next: u16) {
        if let Some(slot) = self.slot_mut(previous) {
            slot.next = next;
        } else if let Some(slot) = self.slot_mut(bucket) {
            slot.first = next;
        }
    }

    fn slot(&self, index: u16) -> Option<&Waiter> {
        self.slots.get(usize::from(index))
    }

    fn slot_mut(&mut self, index: u16) -> Option<&mut Waiter> {
        self.slots.get_mut(usize::from(index))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::sync::atomic::{AtomicU32, Ordering};
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::task::Wake;
    use std::vec::Vec;

    use super::*;

    /// A task that counts how often it was woken.
    #[derive(Default)]
    struct Task(AtomicU32);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            let _: u32 = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tasks<const N: usize>() -> ([Arc<Task>; N], [Waker; N]) {
        let tasks = core::array::from_fn(|_| Arc::new(Task::default()));
        let wakers = core::array::from_fn(|at| {
            let tasks: &[Arc<Task>; N] = &tasks;
            Waker::from(tasks[at].clone())
        });
        (tasks, wakers)
    }

    fn wake_all(waiters: &mut Waiters<'_>) {
        while let Some(waker) = waiters.take_woken() {
            waker.wake();
        }
    }

    fn woken(tasks: &[Arc<Task>]) -> Vec<u32> {
        tasks
            .iter()
            .map(|task| task.0.load(Ordering::Relaxed))
            .collect()
    }

    #[test]
    fn all_who_wait_for_a_key_are_woken_and_no_others() {
        let mut slots = [Waiter::UNUSED; 4];
        let mut waiters = Waiters::new(&mut slots[..]);
        let (tasks, wakers) = tasks::<4>();
        for (waker, key) in wakers.iter().zip([1, 2, 1, 3]) {
            assert!(waiters.register(WaitKey(key), waker).is_none());
        }
        waiters.wake(WaitKey(1));
        waiters.wake(WaitKey(9));
        assert_eq!(woken(&tasks), [0, 0, 0, 0], "not before the borrow ends");
        wake_all(&mut waiters);
        assert_eq!(woken(&tasks), [1, 0, 1, 0]);
        waiters.wake(WaitKey(1));
        wake_all(&mut waiters);
        assert_eq!(woken(&tasks), [1, 0, 1, 0]);
    }

    #[test]
    fn task_that_asks_again_takes_no_second_slot() {
        let mut slots = [Waiter::UNUSED; 1];
        let mut waiters = Waiters::new(&mut slots[..]);
        let (tasks, [waker]) = tasks::<1>();
        for _ in 0..3 {
            assert!(waiters.register(WaitKey(5), &waker).is_none());
        }
        waiters.wake(WaitKey(5));
        wake_all(&mut waiters);
        assert_eq!(woken(&tasks), [1]);
    }

    #[test]
    fn full_table_wakes_the_oldest_to_try_again() {
        let mut slots = [Waiter::UNUSED; 2];
        let mut waiters = Waiters::new(&mut slots[..]);
        let (tasks, wakers) = tasks::<3>();
        assert!(waiters.register(WaitKey(0), &wakers[0]).is_none());
        assert!(waiters.register(WaitKey(1), &wakers[1]).is_none());
        waiters
            .register(WaitKey(2), &wakers[2])
            .expect("a waker makes room")
            .wake();
        assert_eq!(woken(&tasks), [1, 0, 0]);
        for key in 0..3 {
            waiters.wake(WaitKey(key));
        }
        wake_all(&mut waiters);
        assert_eq!(woken(&tasks), [1, 1, 1]);
    }

    #[test]
    fn table_without_slots_wakes_at_once() {
        let mut waiters = Waiters::new(&mut [][..]);
        let (tasks, [waker]) = tasks::<1>();
        waiters
            .register(WaitKey(0), &waker)
            .expect("no room")
            .wake();
        waiters.wake(WaitKey(0));
        wake_all(&mut waiters);
        assert_eq!(woken(&tasks), [1]);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Register(u32, usize),
        Wake(u32),
        Take,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..6u32, 0..8usize).prop_map(|(key, task)| Step::Register(key, task)),
            2 => (0..6u32).prop_map(Step::Wake),
            2 => Just(Step::Take),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_two_plain_lists_and_loses_none(
            steps in prop::collection::vec(step(), 0..300), capacity in 0..9usize
        ) {
            let mut slots = [Waiter::UNUSED; 9];
            let mut waiters = Waiters::new(&mut slots[..capacity]);
            let (_tasks, wakers) = tasks::<8>();
            let task_of = |waker: Waker| wakers.iter().position(|other| other.will_wake(&waker));
            let (mut waiting, mut woken): (Vec<(u32, usize)>, Vec<usize>) = Default::default();
            for step in steps {
                match step {
                    Step::Register(key, task) => {
                        let displaced = waiters.register(WaitKey(key), &wakers[task]).and_then(task_of);
                        let expected = if waiting.contains(&(key, task)) {
                            None
                        } else if capacity == 0 {
                            Some(task)
                        } else {
                            let full = waiting.len() + woken.len() == capacity;
                            let out = match (full, waiting.is_empty()) {
                                (false, _) => None,
                                (true, false) => Some(waiting.remove(0).1),
                                (true, true) => Some(woken.remove(0)),
                            };
                            waiting.push((key, task));
                            out
                        };
                        prop_assert_eq!(displaced, expected);
                    }
                    Step::Wake(key) => {
                        waiters.wake(WaitKey(key));
                        woken.extend(waiting.iter().filter(|(k, _)| *k == key).map(|(_, task)| task));
                        waiting.retain(|(k, _)| *k != key);
                    }
                    Step::Take => {
                        let expected = (!woken.is_empty()).then(|| woken.remove(0));
                        prop_assert_eq!(waiters.take_woken().and_then(task_of), expected);
                    }
                }
            }
            for key in 0..6 {
                waiters.wake(WaitKey(key));
                woken.extend(waiting.iter().filter(|(k, _)| *k == key).map(|(_, task)| task));
            }
            for task in woken {
                prop_assert_eq!(waiters.take_woken().and_then(task_of), Some(task));
            }
            prop_assert!(waiters.take_woken().is_none());
        }
    }
}
