//! Fragments that wait for the others of their datagram (RFC 791 §3.2, RFC 1122 §3.3.2, RFC 8200
//! §4.5).
//!
//! The table knows offsets, not headers. Fragments stay in the blocks that they came in, and are
//! chained when all are there. They are never merged before: only so a repeated fragment can be
//! told from one that overlaps.
//!
//! Nobody can take the table from the others. Where there is no place, or too much is held, what
//! gives way is of the source that holds the most; among its datagrams first one of which a single
//! fragment has come, then the one that has waited longest for its next fragment.

use core::cmp::Reverse;

use crate::config;
use crate::netbuf::{BufQueue, NetBuf};
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;

/// "Insufficient fragments are received to complete reassembly of a packet within 60 seconds of the
/// reception of the first-arriving fragment" (RFC 8200 §4.5); from 60 to 120 seconds for IPv4
/// (RFC 1122 §3.3.2).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// ECN of a fragment: not capable, and congestion experienced (RFC 3168 §5).
const NOT_ECT: u8 = 0b00;
const CE: u8 = 0b11;

/// What the fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) interface: u8,
    pub(crate) source: IpAddress,
    pub(crate) destination: IpAddress,
    /// Of IPv4 only: IPv6 tells datagrams apart without it.
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
}

/// One fragment: its place in the datagram, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment {
    pub(crate) offset: u16,
    pub(crate) end: u16,
    /// It is not the last.
    pub(crate) more: bool,
    /// Bytes in front of its data in the buffer.
    pub(crate) header: u16,
    /// The ECN field.
    pub(crate) ecn: u8,
}

/// What a fragment is to those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is new.
    New,
    /// It was there already.
    Repeated,
    /// It overlaps others, or contradicts them.
    Overlaps,
}

/// A whole datagram.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The headers of the first fragment, then all data.
    pub(crate) buf: NetBuf,
    /// Bytes of those headers, and of the data.
    pub(crate) header: usize,
    pub(crate) length: usize,
    /// The ECN field that it is to have; `None` if that is the first fragment's. An error if the
    /// datagram has to be dropped.
    pub(crate) ecn: Result<Option<u8>, Congested>,
}

/// One fragment tells of congestion, and another cannot (RFC 3168 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Congested;

/// What was given up.
#[derive(Debug)]
pub(crate) struct Abandoned {
    pub(crate) interface: u8,
    /// Fragments that had come.
    pub(crate) fragments: u16,
    /// The first of the datagram, with its headers, if it was among them.
    pub(crate) first: Option<NetBuf>,
}

/// A datagram of which some fragments have come.
struct Reassembly {
    key: Key,
    /// When the first came to arrive, and the last so far.
    begun: Instant,
    heard: Instant,
    /// The fragment at offset zero, with its headers.
    first: Option<NetBuf>,
    header: u16,
    /// The data of the others, by offset, which is the payload offset of their meta.
    rest: BufQueue,
    /// Octets that have come, where the furthest end, and where the last one ends if it was among
    /// them.
    received: u16,
    furthest: u16,
    total: Option<u16>,
    fragments: u16,
    /// Views that they take.
    views: u16,
    /// The ECN fields seen, a bit each.
    ecn: u8,
    /// Fragments that overlap have come: nothing of it is taken any more (RFC 5722 §4).
    is_dead: bool,
}

/// The datagrams of which some fragments have come.
pub(crate) struct Reassemblies {
    entries: [Option<Reassembly>; config::REASSEMBLIES],
    /// Views that all of them take.
    views: u16,
}

impl Reassemblies {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [const { None }; config::REASSEMBLIES],
            views: 0,
        }
    }

    /// Views that are held.
    pub(crate) const fn views(&self) -> u16 {
        self.views
    }

    /// How many datagrams there are.
    #[cfg(feature = "statistics")]
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// Looks whether the views that are held are counted as they are; returns how many of them are of
    /// blocks of `pool`.
    #[cfg(debug_assertions)]
    pub(crate) fn check(&self, pool: crate::netbuf::Pool) -> usize {
        let entries = || self.entries.iter().flatten();
        let counted: u16 = entries().map(|entry| entry.views).sum();
        assert_eq!(counted, self.views);
        let of = |entry: &Reassembly| {
            let first = entry.first.as_ref().map_or(0, |buf| buf.views_of(pool));
            first
                + entry
                    .rest
                    .iter()
                    .map(|buf| buf.views_of(pool))
                    .sum::<usize>()
        };
        entries().map(of).sum()
    }

    /// The place of a datagram.
    pub(crate) fn find(&self, key: &Key) -> Option<usize> {
        let is_it =
            |slot: &Option<Reassembly>| slot.as_ref().is_some_and(|entry| entry.key == *key);
        self.entries.iter().position(is_it)
    }

    /// A place for another datagram, if there is one.
    pub(crate) fn open(&mut self, key: Key, now: Instant) -> Option<usize> {
        let place = self.entries.iter().position(Option::is_none)?;
        *self.entries.get_mut(place)? = Some(Reassembly {
            key,
            begun: now,
            heard: now,
            first: None,
            header: 0,
            rest: BufQueue::new(),
            received: 0,
            furthest: 0,
            total: None,
            fragments: 0,
            views: 0,
            ecn: 0,
            is_dead: false,
        });
        Some(place)
    }

    /// Which datagram gives way to another of which a first fragment comes.
    pub(crate) fn least_worthy(&self) -> Option<usize> {
        self.victim(
            |one, other| u32::from(one.key.source == other.key.source),
            |_| true,
        )
    }

    /// Which datagram gives way where so many views more are too much, which come for the one at
    /// `place` and count as its own.
    pub(crate) fn heaviest(&self, place: usize, more: u16) -> Option<usize> {
        let key = self.entries.get(place)?.as_ref()?.key;
        let views = |entry: &Reassembly| match entry.key == key {
            true => u32::from(entry.views) + u32::from(more),
            false => u32::from(entry.views),
        };
        let share = |one: &Reassembly, other: &Reassembly| match one.key.source == other.key.source
        {
            true => views(other),
            false => 0,
        };
        self.victim(share, |entry| views(entry) > 0)
    }

    /// The datagram that gives way, of the source that has the most by `share`.
    fn victim(
        &self,
        share: impl Fn(&Reassembly, &Reassembly) -> u32,
        may_go: impl Fn(&Reassembly) -> bool,
    ) -> Option<usize> {
        let entries = || self.entries.iter().flatten();
        let places = self.entries.iter().enumerate();
        let candidates = places
            .filter_map(|(place, slot)| Some((place, slot.as_ref()?)))
            .filter(|(_, entry)| may_go(entry));
        let (place, _) = candidates.max_by_key(|(_, entry)| {
            let held: u32 = entries().map(|other| share(entry, other)).sum();
            let is_single = entry.fragments <= 1;
            (entry.is_dead, held, is_single, Reverse(entry.heard))
        })?;
        Some(place)
    }

    /// Gives a datagram up.
    pub(crate) fn abandon(&mut self, place: usize) -> Option<Abandoned> {
        let entry = self.entries.get_mut(place)?.take()?;
        self.views = self.views.saturating_sub(entry.views);
        Some(Abandoned {
            interface: entry.key.interface,
            fragments: entry.fragments,
            first: entry.first,
        })
    }

    /// Gives up a datagram that comes by this interface, if there is one.
    pub(crate) fn abandon_of(&mut self, interface: u8) -> Option<Abandoned> {
        let comes_by_it = |slot: &Option<Reassembly>| {
            (slot.as_ref()).is_some_and(|e| e.key.interface == interface)
        };
        self.abandon(self.entries.iter().position(comes_by_it)?)
    }

    /// Gives a datagram up, and takes nothing more of it until its time is over: "the entire
    /// datagram (and any constituent fragments, including those not yet received) MUST be silently
    /// discarded" (RFC 5722 §4).
    pub(crate) fn bury(&mut self, place: usize) -> Option<Abandoned> {
        let entry = self.entries.get_mut(place)?.as_mut()?;
        entry.is_dead = true;
        self.views = self.views.saturating_sub(core::mem::take(&mut entry.views));
        entry.rest.clear();
        Some(Abandoned {
            interface: entry.key.interface,
            fragments: core::mem::take(&mut entry.fragments),
            first: entry.first.take(),
        })
    }

    /// What a fragment is to those of its datagram.
    pub(crate) fn fit(&self, place: usize, fragment: &Fragment, buf: &NetBuf) -> Fit {
        let Some(Some(entry)) = self.entries.get(place) else {
            return Fit::Overlaps;
        };
        if entry.is_dead {
            return Fit::Overlaps;
        }
        let Fragment { offset, end, .. } = *fragment;
        // In order, nothing of it can be there yet.
        if offset < entry.furthest {
            let first = entry
                .first
                .iter()
                .map(|buf| (0, usize::from(entry.header), buf));
            for (start, header, there) in first {
                if let Some(fit) = compare((start, there, header), fragment, buf) {
                    return fit;
                }
            }
            for there in entry.rest.iter() {
                let start = there.meta().payload;
                if let Some(fit) = compare((start, &there, 0), fragment, buf) {
                    return fit;
                }
            }
        }
        let contradicts = match (fragment.more, entry.total) {
            (true, Some(total)) => end > total,
            (true, None) => false,
            (false, Some(_)) => true,
            (false, None) => end < entry.furthest,
        };
        if contradicts { Fit::Overlaps } else { Fit::New }
    }

    /// How many fragments of a datagram have come.
    pub(crate) fn fragments(&self, place: usize) -> usize {
        match self.entries.get(place) {
            Some(Some(entry)) => usize::from(entry.fragments),
            _ => 0,
        }
    }

    /// Adds a fragment that is new, in a buffer of so many views. Gives the datagram if it is whole.
    pub(crate) fn add(
        &mut self,
        place: usize,
        fragment: &Fragment,
        mut buf: NetBuf,
        views: u16,
        now: Instant,
    ) -> Option<Whole> {
        let slot = self.entries.get_mut(place)?;
        let entry = slot.as_mut()?;
        let Fragment { offset, end, .. } = *fragment;
        entry.heard = now;
        entry.received = entry.received.saturating_add(end.saturating_sub(offset));
        entry.fragments = entry.fragments.saturating_add(1);
        entry.views = entry.views.saturating_add(views);
        self.views = self.views.saturating_add(views);
        entry.ecn |= 1 << (fragment.ecn & 3);
        if !fragment.more {
            entry.total = Some(end);
        }
        if offset == 0 {
            entry.header = fragment.header;
            entry.first = Some(buf);
        } else {
            buf.advance(usize::from(fragment.header));
            let mut meta = buf.meta();
            meta.payload = offset;
            buf.set_meta(meta);
            insert(&mut entry.rest, buf, offset >= entry.furthest);
        }
        entry.furthest = entry.furthest.max(end);
        if entry.total != Some(entry.received) {
            return None;
        }
        let entry = slot.take()?;
        self.views = self.views.saturating_sub(entry.views);
        entry.join()
    }

    /// When the first of the datagrams runs out of time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let begun = self.entries.iter().flatten().map(|entry| entry.begun);
        begun.min().map(|begun| begun + TIMEOUT)
    }

    /// A datagram that has run out of time.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Abandoned> {
        let is_over = |slot: &Option<Reassembly>| {
            (slot.as_ref()).is_some_and(|entry| now >= entry.begun + TIMEOUT)
        };
        let place = self.entries.iter().position(is_over)?;
        self.abandon(place)
    }
}

impl Reassembly {
    /// The whole datagram.
    fn join(self) -> Option<Whole> {
        let (header, length) = (usize::from(self.header), usize::from(self.received));
        let ecn = self.ecn();
        let (mut buf, mut rest) = (self.first?, self.rest);
        while let Some(piece) = rest.pop_front() {
            buf.join(piece).ok()?;
        }
        Some(Whole {
            buf,
            header,
            length,
            ecn,
        })
    }

    /// "If any fragment of an IP packet to be reassembled has the CE codepoint set", so has the whole
    /// or it is dropped, the latter if another is not capable of ECN (RFC 3168 §5.3).
    fn ecn(&self) -> Result<Option<u8>, Congested> {
        match (self.ecn & 1 << CE != 0, self.ecn & 1 << NOT_ECT != 0) {
            (true, true) => Err(Congested),
            (true, false) => Ok(Some(CE)),
            (false, _) => Ok(None),
        }
    }
}

/// What a fragment is to one that is there: `start` is the offset of that one, whose data stand
/// behind `header` bytes of its buffer. `None` if they have nothing in common.
fn compare(
    (start, there, header): (u16, &NetBuf, usize),
    fragment: &Fragment,
    buf: &NetBuf,
) -> Option<Fit> {
    let length = there.len() - header.min(there.len());
    let stop = usize::from(start) + length;
    if usize::from(fragment.offset) >= stop || fragment.end <= start {
        return None;
    }
    let is_same = start == fragment.offset
        && stop == usize::from(fragment.end)
        && equal(there, header, buf, usize::from(fragment.header), length);
    Some(match is_same {
        true => Fit::Repeated,
        false => Fit::Overlaps,
    })
}

/// Whether `length` bytes of two buffers are the same, from an offset in each.
fn equal(one: &NetBuf, one_at: usize, other: &NetBuf, other_at: usize, length: usize) -> bool {
    const PIECE: usize = 64;
    (0..length).step_by(PIECE).all(|at| {
        let (mut left, mut right) = ([0; PIECE], [0; PIECE]);
        let size = PIECE.min(length - at);
        let pieces = (left.get_mut(..size), right.get_mut(..size));
        let (Some(from_one), Some(from_other)) = pieces else {
            return false;
        };
        one.read(one_at + at, from_one) == other.read(other_at + at, from_other)
            && from_one == from_other
    })
}

/// Puts the data of a fragment at their place among the others.
fn insert(queue: &mut BufQueue, buf: NetBuf, is_furthest: bool) {
    if is_furthest || queue.is_empty() {
        return queue.push_back(buf);
    }
    let offset = buf.meta().payload;
    let mut new = Some(buf);
    // The queue goes once around, and what is new steps in where it belongs.
    for _ in 0..queue.len() {
        let Some(next) = queue.pop_front() else {
            break;
        };
        if next.meta().payload > offset
            && let Some(new) = new.take()
        {
            queue.push_back(new);
        }
        queue.push_back(next);
    }
    if let Some(new) = new {
        queue.push_back(new);
    }
}
