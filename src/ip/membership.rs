//! IGMP and MLD as a host speaks them: RFC 3376 §5 and §7.2, RFC 3810 §6 and §8.2; with RFC 2236
//! §3 and RFC 2710 §4 towards older queriers.
//!
//! One machine serves both, which differ in their formats only. It is told what has come in, and
//! says what is due; `iface::group` notes what has changed, and the stack sends. To be read before
//! touching this: RFC 3810 §6.2 (which answers become one), §6.3 (what a report holds), §8.2.1
//! (when all that is pending is forgotten).

mod query;

use crate::iface::group::{FilterMode, Groups, Protocol, SourceSet};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;
use crate::wire::group_report::{QueryVersion, RecordType};

/// Answers are sent in batches at least so far apart, however many queries come.
const REST: Duration = Duration::from_millis(100);
/// For want of a buffer, what is due is tried again after this.
const RETRY: Duration = Duration::from_millis(500);

/// A record of a report of the newest version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: RecordType,
    pub(crate) group: IpAddress,
    pub(crate) sources: SourceSet,
}

/// A message that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// One record, or two of them.
    Records(Record, Option<Record>),
    /// A report of an older version.
    Report(QueryVersion, IpAddress),
    /// That nobody listens to the group any more, in an older version.
    Leave(IpAddress),
}

impl Groups {
    /// When something is due next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let mut next = Instant::MAX;
        for protocol in Protocol::ALL {
            let querier = self.querier(*protocol);
            if querier.answer != Instant::MAX {
                next = next.min(querier.answer.max(querier.resting));
            }
            next = next.min(match querier.version {
                #[cfg(feature = "igmp")]
                QueryVersion::First => querier.first_until,
                #[cfg(not(feature = "igmp"))]
                QueryVersion::First => Instant::MAX,
                QueryVersion::Previous => querier.previous_until,
                QueryVersion::Current => Instant::MAX,
            });
        }
        for group in self.groups.iter().flatten() {
            let pending = &group.pending;
            next = next.min(pending.change);
            if let Some(protocol) = Protocol::of(group.address)
                && pending.answer != Instant::MAX
            {
                next = next.min(pending.answer.max(self.querier(protocol).resting));
            }
        }
        (next != Instant::MAX).then_some(next)
    }

    /// Whether [`due`](Self::due) would give something of a protocol, or perhaps would.
    pub(crate) fn is_due(&mut self, protocol: Protocol, now: Instant) -> bool {
        self.check_version(protocol, now);
        let querier = self.querier(protocol);
        let may_answer = querier.resting <= now;
        (may_answer && querier.answer <= now)
            || self.groups.iter().flatten().any(|group| {
                let pending = &group.pending;
                Protocol::of(group.address) == Some(protocol)
                    && (pending.change <= now || (may_answer && pending.answer <= now))
            })
    }

    /// What is due of a protocol, one message after the other; to be called until there is none.
    pub(crate) fn due(&mut self, protocol: Protocol, now: Instant, rng: &mut Rng) -> Option<Due> {
        let querier = self.querier_mut(protocol);
        let version = querier.version;
        let may_answer = querier.resting <= now;
        if may_answer && querier.answer <= now {
            querier.answer = Instant::MAX;
            self.answer_all(protocol);
        }
        for place in 0..self.groups.len() {
            let Some(group) = self.group_mut(place) else {
                continue;
            };
            let address = group.address;
            if Protocol::of(address) != Some(protocol) {
                continue;
            }
            if may_answer && group.pending.answer <= now {
                group.pending.answer = Instant::MAX;
                if let Some(due) = self.answer(place, address, version) {
                    self.querier_mut(protocol).answered = true;
                    return Some(due);
                }
            }
            let Some(group) = self.group_mut(place) else {
                continue;
            };
            if group.pending.change <= now {
                group.pending.change = Instant::MAX;
                if let Some(due) = self.change(protocol, place, address, now, rng) {
                    return Some(due);
                }
            }
        }
        let querier = self.querier_mut(protocol);
        if core::mem::take(&mut querier.answered) {
            querier.resting = now + REST;
        }
        for place in 0..self.groups.len() {
            self.sweep(place);
        }
        None
    }

    /// Puts off what is due of a protocol: it cannot be sent now.
    pub(crate) fn put_off(&mut self, protocol: Protocol, now: Instant) {
        let querier = self.querier_mut(protocol);
        querier.resting = now + RETRY;
        for group in self.groups.iter_mut().flatten() {
            if Protocol::of(group.address) == Some(protocol) && group.pending.change <= now {
                group.pending.change = now + RETRY;
            }
        }
    }

    /// The Interface Timer has expired: each group is due with all that it is (RFC 3810 §6.3,
    /// rule 1).
    fn answer_all(&mut self, protocol: Protocol) {
        for place in 0..self.groups.len() {
            if let Some(group) = self.group_mut(place)
                && group.members > 0
                && Protocol::of(group.address) == Some(protocol)
            {
                group.pending.answer = Instant::ZERO;
                self.forget_asked(place);
            }
        }
    }

    /// The timer of a group has expired (RFC 3810 §6.3, rules 2 and 3).
    fn answer(&mut self, place: usize, group: IpAddress, version: QueryVersion) -> Option<Due> {
        let filter = self.filter(place);
        let asked = self.sources_of(place).filter(|(_, source)| source.asked);
        let asked = asked.fold(SourceSet::EMPTY, |set, (at, _)| {
            set.union(SourceSet::of(at))
        });
        self.forget_asked(place);
        if !filter.is_heard() {
            return None;
        }
        if version != QueryVersion::Current {
            return Some(Due::Report(version, group));
        }
        let (kind, sources) = match filter.mode {
            FilterMode::Include if asked.is_empty() => {
                (RecordType::MODE_IS_INCLUDE, filter.sources)
            }
            FilterMode::Exclude if asked.is_empty() => {
                (RecordType::MODE_IS_EXCLUDE, filter.sources)
            }
            // IS_IN (A*B), IS_IN (B-A); nothing is sent if that is empty.
            FilterMode::Include => {
                let wanted = filter.sources.intersection(asked);
                (RecordType::MODE_IS_INCLUDE, wanted)
            }
            FilterMode::Exclude => (RecordType::MODE_IS_INCLUDE, asked.minus(filter.sources)),
        };
        let record = Record {
            kind,
            group,
            sources,
        };
        (kind != RecordType::MODE_IS_INCLUDE || !sources.is_empty())
            .then_some(Due::Records(record, None))
    }

    /// The Retransmission Timer of a group has expired, or it has just changed (RFC 3810 §6.1,
    /// §6.3 rule 4).
    fn change(
        &mut self,
        protocol: Protocol,
        place: usize,
        group: IpAddress,
        now: Instant,
        rng: &mut Rng,
    ) -> Option<Due> {
        let filter = self.filter(place);
        let version = self.querier(protocol).version;
        let record = |kind, sources| Record {
            kind,
            group,
            sources,
        };
        let (due, is_last);
        let mode_changes = self.group_mut(place)?.pending.mode_changes;
        if mode_changes > 0 {
            let left = mode_changes - 1;
            self.group_mut(place)?.pending.mode_changes = left;
            is_last = left == 0 && !self.sources_of(place).any(|(_, source)| source.changes > 0);
            due = match (version, filter.mode) {
                (QueryVersion::Current, FilterMode::Include) => {
                    let record = record(RecordType::CHANGE_TO_INCLUDE_MODE, filter.sources);
                    Some(Due::Records(record, None))
                }
                (QueryVersion::Current, FilterMode::Exclude) => {
                    let record = record(RecordType::CHANGE_TO_EXCLUDE_MODE, filter.sources);
                    Some(Due::Records(record, None))
                }
                _ if filter.is_heard() => Some(Due::Report(version, group)),
                (QueryVersion::Previous, _) => Some(Due::Leave(group)),
                // In version 1 groups are left in silence.
                (QueryVersion::First, _) => None,
            };
        } else {
            let mut changed = SourceSet::EMPTY;
            let mut more = false;
            for (at, source) in self.sources_of(place).filter(|(_, s)| s.changes > 0) {
                source.changes -= 1;
                more |= source.changes > 0;
                changed = changed.union(SourceSet::of(at));
            }
            let named = changed.intersection(filter.sources);
            let (allowed, blocked) = match filter.mode {
                FilterMode::Include => (named, changed.minus(named)),
                FilterMode::Exclude => (changed.minus(named), named),
            };
            let allow = record(RecordType::ALLOW_NEW_SOURCES, allowed);
            let block = record(RecordType::BLOCK_OLD_SOURCES, blocked);
            is_last = !more;
            due = match (allowed.is_empty(), blocked.is_empty()) {
                (true, true) => None,
                (false, true) => Some(Due::Records(allow, None)),
                (true, false) => Some(Due::Records(block, None)),
                (false, false) => Some(Due::Records(allow, Some(block))),
            };
        }
        if !is_last {
            // "at intervals chosen at random from the range (0, [Unsolicited Report Interval])".
            let most = Protocol::unsolicited_interval(version);
            let next = now + rng.between(Duration::from_micros(1), most);
            self.group_mut(place)?.pending.change = next;
        }
        due
    }
}
