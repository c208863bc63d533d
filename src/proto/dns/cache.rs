//! What is known already: sets of records, and that there are none (RFC 2308).
//!
//! An entry holds a name and, behind it, the data of all its records of one type, as a message has
//! them. What is too long for an entry is not kept. When all are in use, one that has expired gives
//! way, else the one that was of no use for longest.

use super::message::words;
use super::name::NameRef;
use super::record::{RecordData, RecordType};
use super::write::{MessageWriter, WriteError};
use crate::config;
use crate::time::{Duration, Instant};
use crate::wire::Bytes as _;

/// The longest that an answer is kept, in seconds: a week (RFC 8767 §4).
const MAX_TTL: u32 = 604_800;
/// The longest that it is remembered that there is none, in seconds. "Values of one to three hours
/// have been found to work well" (RFC 2308 §5).
const MAX_NEGATIVE_TTL: u32 = 10_800;

/// What is known of a name and a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The records.
    Records,
    /// The name has none of this type.
    NoData,
    /// There is no such name.
    NotFound,
}

pub(super) struct Entry {
    known: Option<Known>,
    kind: RecordType,
    expires: Instant,
    /// The larger, the later it was used.
    used: u32,
    length: u16,
    /// Where the data start.
    start: u16,
    bytes: [u8; config::DNS_CACHE_ENTRY],
}

impl Entry {
    const UNUSED: Self = Self {
        known: None,
        kind: RecordType(0),
        expires: Instant::ZERO,
        used: 0,
        length: 0,
        start: 0,
        bytes: [0; config::DNS_CACHE_ENTRY],
    };

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&[])
    }

    fn is_about(&self, name: NameRef<'_>, kind: RecordType) -> bool {
        // A name that does not exist has no records of any type (RFC 2308 §5).
        let is_kind = self.kind == kind || self.known == Some(Known::NotFound);
        self.known.is_some()
            && is_kind
            && NameRef::read(self.bytes(), 0).is_ok_and(|(own, _)| own == name)
    }

    /// The data of its records.
    pub(super) fn records(&self) -> impl Iterator<Item = RecordData<'_>> {
        let bytes = self.bytes();
        let mut at = usize::from(self.start);
        core::iter::from_fn(move || {
            let [length] = words(bytes.array::<2>(at).ok()?);
            let start = at + 2;
            at = start + usize::from(length);
            RecordData::read(self.kind, bytes, start, usize::from(length)).ok()
        })
    }
}

/// What became of what was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is kept, in a place that was free.
    Free,
    /// It is kept, and something else was given up for it.
    Evicted,
    /// It is not: it may not be, or does not fit.
    Not,
}

pub(super) struct Cache {
    entries: [Entry; config::DNS_CACHE],
    uses: u32,
}

impl Cache {
    pub(super) const fn new() -> Self {
        Self {
            entries: [Entry::UNUSED; config::DNS_CACHE],
            uses: 0,
        }
    }

    /// What is known of `name` and `kind` at `now`.
    pub(super) fn find(
        &mut self,
        now: Instant,
        name: NameRef<'_>,
        kind: RecordType,
    ) -> Option<(Known, &Entry)> {
        let mut entries = self.entries.iter_mut();
        let entry = entries.find(|entry| entry.expires > now && entry.is_about(name, kind))?;
        self.uses = self.uses.wrapping_add(1);
        entry.used = self.uses;
        Some((entry.known?, entry))
    }

    /// Keeps the records of a name for `ttl` seconds.
    pub(super) fn keep<'m>(
        &mut self,
        now: Instant,
        (name, kind): (NameRef<'_>, RecordType),
        ttl: u32,
        records: impl IntoIterator<Item = RecordData<'m>>,
    ) -> Stored {
        let ttl = ttl.min(MAX_TTL);
        self.store(now, (name, kind), ttl, Known::Records, |writer| {
            let mut records = records.into_iter();
            records.try_for_each(|data| writer.data(&data))
        })
    }

    /// Remembers for `ttl` seconds that there is no such name, or nothing of this type.
    pub(super) fn keep_negative(
        &mut self,
        now: Instant,
        key: (NameRef<'_>, RecordType),
        ttl: u32,
        known: Known,
    ) -> Stored {
        self.store(now, key, ttl.min(MAX_NEGATIVE_TTL), known, |_| Ok(()))
    }

    fn store(
        &mut self,
        now: Instant,
        (name, kind): (NameRef<'_>, RecordType),
        ttl: u32,
        known: Known,
        write: impl FnOnce(&mut MessageWriter<'_>) -> Result<(), WriteError>,
    ) -> Stored {
        // "Zero TTL values are interpreted to mean that the RR can only be used for the
        // transaction in progress, and should not be cached" (RFC 1035 §3.2.1).
        if ttl == 0 {
            return Stored::Not;
        }
        let mut bytes = [0; config::DNS_CACHE_ENTRY];
        let mut writer = MessageWriter::bare(&mut bytes);
        if writer.name(name, false).is_err() {
            return Stored::Not;
        }
        let start = writer.len() as u16;
        if write(&mut writer).is_err() {
            return Stored::Not;
        }
        let length = writer.len() as u16;
        let old = |entry: &Entry| match entry {
            entry if entry.is_about(name, kind) => (0, 0),
            entry if entry.known.is_none() || entry.expires <= now => (1, 0),
            entry => (2, entry.used),
        };
        let Some(entry) = self.entries.iter_mut().min_by_key(|entry| old(entry)) else {
            return Stored::Not;
        };
        let is_free = old(entry).0 < 2;
        self.uses = self.uses.wrapping_add(1);
        *entry = Entry {
            known: Some(known),
            kind,
            expires: now + Duration::from_secs(u64::from(ttl)),
            used: self.uses,
            length,
            start,
            bytes,
        };
        match is_free {
            true => Stored::Free,
            false => Stored::Evicted,
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        for entry in &mut self.entries {
            entry.known = None;
        }
    }
}

#[cfg(test)]
mod tests;
