//! Records of others that are of interest here (RFC 6762 §10).
//!
//! Names and data lie one behind the other in one room; entries say where. What nobody here asks for
//! and nothing leads to is not taken in, so junk has no place to take; where there is no room, what
//! is asked for takes the place of what is not.

use heapless::Vec;

use crate::config;
use crate::proto::dns::{Compression, MessageWriter, NameRef, RecordData, RecordType};
use crate::time::{Duration, Instant};

/// "record a TTL of 1 and then delete the record one second later" (RFC 6762 §10.1); the same where
/// others take its place (§10.2).
const GRACE: Duration = Duration::from_secs(1);
/// No record is believed for longer, in seconds: a day.
const MAX_TTL: u32 = 86_400;
/// "seeing no multicast response containing the expected answer within ten seconds" (RFC 6762
/// §10.5).
pub(super) const DOUBT: Duration = Duration::from_secs(10);
/// "After seeing two or more of these queries".
pub(super) const DOUBTS: u8 = 2;

/// A record.
pub(in crate::proto) struct Entry {
    /// Where its name starts, and its data behind it.
    start: u16,
    name_length: u8,
    data_length: u16,
    pub(super) kind: RecordType,
    pub(super) link: u8,
    ttl: u32,
    received: Instant,
    pub(super) expires: Instant,
    /// When it is asked for anew, if somebody is interested.
    pub(super) refresh: Instant,
    /// How often that was due.
    refreshes: u8,
    /// Questions in answer to which it has been told of, a bit each.
    pub(super) told: u16,
    /// It is no longer, but has been told of.
    pub(super) is_gone: bool,
    /// Questions of others that it would have answered and was not seen to.
    pub(super) doubts: u8,
    /// When the first of those was.
    pub(super) doubted: Instant,
}

impl Entry {
    /// Whether it holds at `now`.
    pub(super) fn is_live(&self, now: Instant) -> bool {
        !self.is_gone && self.expires > now
    }

    /// Whether at least half of its life is left: "SHOULD NOT include records in the Known-Answer
    /// list whose remaining TTL is less than half" (RFC 6762 §7.1).
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        let left = self.expires.since(now);
        // What is doubted is to be said again.
        self.is_live(now)
            && self.doubts < DOUBTS
            && left.times(2) >= Duration::from_secs(self.ttl.into())
    }

    /// Seconds that are left of its life.
    pub(super) fn left(&self, now: Instant) -> u32 {
        self.expires.since(now).as_secs() as u32
    }

    fn is_at(&self, link: u8, kind: RecordType) -> bool {
        self.link == link && self.kind == kind
    }

    /// Sets when it expires, and is asked for before: "at 80% of the record lifetime, and then [...]
    /// at 85%, 90%, and 95%", with "a random variation of 2%" (RFC 6762 §5.2).
    fn live(&mut self, now: Instant, ttl: u32, chance: u32) {
        let ttl = ttl.min(MAX_TTL);
        (self.ttl, self.received) = (ttl, now);
        self.expires = now + Duration::from_secs(ttl.into());
        (self.refreshes, self.doubts, self.is_gone) = (0, 0, false);
        self.plan_refresh(chance);
    }

    fn plan_refresh(&mut self, chance: u32) {
        // In hundredths of a percent.
        let share = 8_000 + 500 * u64::from(self.refreshes) + u64::from(chance % 200);
        self.refresh = match self.refreshes {
            0..4 => self.received + Duration::from_micros(u64::from(self.ttl) * share * 100),
            _ => Instant::MAX,
        };
    }

    /// It has been asked for anew.
    pub(super) fn refreshed(&mut self, chance: u32) {
        self.refreshes = self.refreshes.saturating_add(1);
        self.plan_refresh(chance);
    }

    /// It expires in a second.
    fn end(&mut self, now: Instant) {
        self.expires = self.expires.min(now + GRACE);
    }
}

/// What a record is of interest for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interest {
    /// Nothing.
    None,
    /// It says more of something that was asked for.
    Related,
    /// It was asked for.
    Asked,
}

/// A record that has been received.
#[derive(Clone, Copy)]
pub(super) struct Received<'m> {
    pub(super) link: u8,
    pub(super) name: NameRef<'m>,
    pub(super) data: RecordData<'m>,
    pub(super) ttl: u32,
}

pub(super) struct Cache {
    entries: Vec<Entry, { config::MDNS_CACHE }>,
    /// Those of all entries, in their order.
    octets: [u8; config::MDNS_CACHE_BYTES],
    used: u16,
    /// Records that there was no room for.
    pub(super) full: u32,
}

impl Cache {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            octets: [0; config::MDNS_CACHE_BYTES],
            used: 0,
            full: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.used = 0;
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The name of a record.
    pub(super) fn name(&self, entry: &Entry) -> NameRef<'_> {
        let octets = self.octets.get(usize::from(entry.start)..).unwrap_or(&[]);
        super::super::name_in(octets)
    }

    /// The data of a record.
    pub(super) fn data(&self, entry: &Entry) -> Option<RecordData<'_>> {
        let start = usize::from(entry.start) + usize::from(entry.name_length);
        let length = usize::from(entry.data_length);
        RecordData::read(entry.kind, &self.octets, start, length).ok()
    }

    fn find(&self, record: &Received<'_>) -> Option<usize> {
        (self.entries.iter()).position(|entry| {
            entry.is_at(record.link, record.data.kind())
                && self.name(entry) == record.name
                && self.data(entry) == Some(record.data)
        })
    }

    /// Prolongs a record that is known; says whether it is.
    pub(super) fn prolong(&mut self, now: Instant, record: &Received<'_>, chance: u32) -> bool {
        let Some(place) = self.find(record) else {
            return false;
        };
        if let Some(entry) = self.entries.get_mut(place) {
            match record.ttl {
                0 => entry.end(now),
                ttl => entry.live(now, ttl, chance),
            }
        }
        true
    }

    /// Only what comes with this record, within a second, is true of its name and type (RFC 6762
    /// §10.2).
    pub(super) fn flush(&mut self, now: Instant, record: &Received<'_>) {
        for place in 0..self.entries.len() {
            let Some(entry) = self.entries.get(place) else {
                return;
            };
            if entry.is_at(record.link, record.data.kind())
                && now.since(entry.received) > GRACE
                && self.name(entry) == record.name
                && self.data(entry) != Some(record.data)
                && let Some(entry) = self.entries.get_mut(place)
            {
                entry.end(now);
            }
        }
    }

    /// Takes in a record that is not known. What is of less interest, as `rank` has it, gives way.
    pub(super) fn add(
        &mut self,
        now: Instant,
        record: &Received<'_>,
        (interest, chance): (Interest, u32),
        rank: impl Fn(&Self, &Entry) -> Interest,
    ) {
        loop {
            if self.push(now, record, chance).is_some() {
                return;
            }
            let ranks = (self.entries.iter().enumerate())
                .filter(|(_, entry)| entry.told == 0)
                .map(|(place, entry)| (rank(self, entry), entry.expires, place));
            match ranks.min() {
                Some((least, _, place)) if least < interest => self.remove(place),
                _ => {
                    self.full = self.full.wrapping_add(1);
                    return;
                }
            }
        }
    }

    fn push(&mut self, now: Instant, record: &Received<'_>, chance: u32) -> Option<()> {
        if self.entries.is_full() {
            return None;
        }
        let rest = self.octets.get_mut(usize::from(self.used)..)?;
        let mut writer = MessageWriter::bare(rest).with_compression(Compression::Nothing);
        writer.bare_name(record.name).ok()?;
        let name_length = writer.len();
        record.data.write(&mut writer).ok()?;
        let length = writer.len();
        let mut entry = Entry {
            start: self.used,
            name_length: u8::try_from(name_length).ok()?,
            data_length: u16::try_from(length - name_length).ok()?,
            kind: record.data.kind(),
            link: record.link,
            ttl: 0,
            received: now,
            expires: now,
            refresh: Instant::MAX,
            refreshes: 0,
            told: 0,
            is_gone: false,
            doubts: 0,
            doubted: Instant::ZERO,
        };
        entry.live(now, record.ttl, chance);
        self.used = self.used.checked_add(u16::try_from(length).ok()?)?;
        self.entries.push(entry).ok()
    }

    /// Forgets a record.
    pub(super) fn remove(&mut self, place: usize) {
        if place >= self.entries.len() {
            return;
        }
        let entry = self.entries.remove(place);
        let length = u16::from(entry.name_length) + entry.data_length;
        let start = usize::from(entry.start);
        let rest = start + usize::from(length)..usize::from(self.used);
        if rest.end <= self.octets.len() && rest.start <= rest.end {
            self.octets.copy_within(rest, start);
        }
        self.used = self.used.saturating_sub(length);
        for later in self.entries.iter_mut().skip(place) {
            later.start = later.start.saturating_sub(length);
        }
    }
}
