//! Who gives way when two hosts probe for a name at once (RFC 6762 §8.2, §8.2.1).

use core::cmp::Ordering;

use heapless::Vec;

use super::super::link::Link;
use super::owner::{Owners, Units};
use crate::config;
use crate::proto::dns::{CLASS_IN, Compression, Message, MessageWriter, RecordData, Section};

/// Records of one name that are compared; those that are more count as not there.
const RECORDS: usize = 16;
/// Octets of data that are compared. Nothing of ours is longer, so that nothing behind them counts.
const OCTETS: usize = config::MDNS_TXT + 512;

/// Records in the order in which they are compared: by class, type, and data without compression.
struct Sorted {
    octets: [u8; OCTETS],
    used: usize,
    /// Class, type, and where the data are.
    records: Vec<(u16, u16, u16, u16), RECORDS>,
}

impl Sorted {
    const fn new() -> Self {
        Self {
            octets: [0; OCTETS],
            used: 0,
            records: Vec::new(),
        }
    }

    fn add(&mut self, class: u16, data: &RecordData<'_>) {
        let rest = self.octets.get_mut(self.used..).unwrap_or(&mut []);
        let mut writer = MessageWriter::bare(rest).with_compression(Compression::Nothing);
        if data.write(&mut writer).is_err() {
            return;
        }
        let length = writer.len();
        let record = (class, data.kind().0, self.used as u16, length as u16);
        if self.records.push(record).is_ok() {
            self.used += length;
        }
    }

    fn key(&self, place: usize) -> Option<(u16, u16, &[u8])> {
        let (class, kind, start, length) = *self.records.get(place)?;
        let start = usize::from(start);
        let data = self.octets.get(start..start + usize::from(length))?;
        Some((class, kind, data))
    }

    fn sort(&mut self) {
        for sorted in 1..self.records.len() {
            for place in (0..sorted).rev() {
                if self.key(place) <= self.key(place + 1) {
                    break;
                }
                if let Some([before, after]) = self.records.get_mut(place..place + 2) {
                    core::mem::swap(before, after);
                }
            }
        }
    }

    /// "If either list of records runs out of records before any difference is found, then the list
    /// with records remaining is deemed to have won".
    fn compare(&self, other: &Self) -> Ordering {
        let places = 0..=RECORDS;
        let mut orders = places.map(|place| self.key(place).cmp(&other.key(place)));
        orders
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// How what an owner wants to have compares to what another host says in a probe that it wants;
/// `None` if that says nothing of this name.
#[inline(never)]
pub(super) fn compare(
    owners: &Owners,
    owner: usize,
    link: &Link,
    probe: &Message<'_>,
) -> Option<Ordering> {
    let mut theirs = Sorted::new();
    let name = owners.name(owner);
    for record in probe.section(Section::Authority) {
        if record.name == name
            && let Ok(data) = record.data()
        {
            theirs.add(record.class(), &data);
        }
    }
    if theirs.records.is_empty() {
        return None;
    }
    let mut ours = Sorted::new();
    owners.records(owner, link, probed(), &mut |own| {
        ours.add(CLASS_IN, &own.data)
    });
    ours.sort();
    theirs.sort();
    Some(ours.compare(&theirs))
}

/// What stands in a probe: "the Authority Section must contain *all* the records and proposed rdata
/// being probed for uniqueness" (RFC 6762 §8.2).
pub(super) const fn probed() -> Units {
    Units::ADDRESSES.union(Units::SRV).union(Units::TXT)
}
