//! What routers are still to be told of the groups of an interface (RFC 3376 §5.1, RFC 3810 §6.1).
//!
//! How queries are answered and reports are made is in `ip::membership`.

use super::{Filter, Groups};
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;
use crate::wire::group_report::QueryVersion;
#[cfg(feature = "mld")]
use crate::wire::ipv6_address;

/// The Robustness Variable where no querier has named one (RFC 3376 §8.1, RFC 3810 §9.1).
pub(crate) const ROBUSTNESS: u8 = 2;
/// The Query Interval in seconds where no querier has named one (RFC 3376 §8.2, RFC 3810 §9.2).
pub(crate) const QUERY_INTERVAL: u16 = 125;

/// Which protocol tells routers of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// IPv4.
    #[cfg(feature = "igmp")]
    Igmp,
    /// IPv6.
    #[cfg(feature = "mld")]
    Mld,
}

impl Protocol {
    /// All that are built in.
    pub(crate) const ALL: &'static [Self] = &[
        #[cfg(feature = "igmp")]
        Self::Igmp,
        #[cfg(feature = "mld")]
        Self::Mld,
    ];

    /// The protocol that reports a group; `None` if it is never reported: all systems (RFC 3376
    /// §5), all nodes, groups of scope 0 and 1 (RFC 3810 §6).
    pub(crate) fn of(group: IpAddress) -> Option<Self> {
        match group {
            #[cfg(feature = "igmp")]
            IpAddress::V4(group) => (group != crate::wire::igmp::ALL_SYSTEMS).then_some(Self::Igmp),
            #[cfg(feature = "mld")]
            IpAddress::V6(group) => {
                let is_wide = group.octets()[1] & 0xf > 1;
                (is_wide && group != ipv6_address::ALL_NODES).then_some(Self::Mld)
            }
            #[cfg(not(all(feature = "igmp", feature = "mld")))]
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    /// The Unsolicited Report Interval: it has become shorter with the versions (RFC 3376 §8.11,
    /// RFC 3810 §9.11; RFC 2236 §8.10, RFC 2710 §7.10).
    pub(crate) const fn unsolicited_interval(version: QueryVersion) -> Duration {
        match version {
            QueryVersion::Current => Duration::from_secs(1),
            QueryVersion::Previous | QueryVersion::First => Duration::from_secs(10),
        }
    }
}

/// What is still to be said of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    /// When its next State Change Report is due.
    pub(crate) change: Instant,
    /// When a query that asked for it is to be answered.
    pub(crate) answer: Instant,
    /// State Change Reports that are still to name the filter mode: its Filter Mode Retransmission
    /// Counter (RFC 3810 §6.1).
    pub(crate) mode_changes: u8,
}

impl Pending {
    pub(super) const NONE: Self = Self {
        change: Instant::MAX,
        answer: Instant::MAX,
        mode_changes: 0,
    };
}

/// What is known of the querier of one protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Querier {
    /// When a General Query is to be answered.
    pub(crate) answer: Instant,
    /// Answers wait until then: so often they are sent at most.
    pub(crate) resting: Instant,
    /// Until when there is a querier of IGMPv1.
    #[cfg(feature = "igmp")]
    pub(crate) first_until: Instant,
    /// Until when there is a querier of IGMPv2 or MLDv1.
    pub(crate) previous_until: Instant,
    /// The Host Compatibility Mode (RFC 3376 §7.2.1, RFC 3810 §8.2.1).
    pub(crate) version: QueryVersion,
    /// Robustness Variable.
    pub(crate) robustness: u8,
    /// Query Interval, in seconds.
    pub(crate) interval: u16,
    /// Something is being answered now.
    pub(crate) answered: bool,
}

impl Querier {
    pub(super) const NEW: Self = Self {
        answer: Instant::MAX,
        resting: Instant::ZERO,
        #[cfg(feature = "igmp")]
        first_until: Instant::ZERO,
        previous_until: Instant::ZERO,
        version: QueryVersion::Current,
        robustness: ROBUSTNESS,
        interval: QUERY_INTERVAL,
        answered: false,
    };
}

impl Groups {
    pub(crate) const fn querier(&self, protocol: Protocol) -> &Querier {
        match protocol {
            #[cfg(feature = "igmp")]
            Protocol::Igmp => &self.igmp,
            #[cfg(feature = "mld")]
            Protocol::Mld => &self.mld,
        }
    }

    pub(crate) const fn querier_mut(&mut self, protocol: Protocol) -> &mut Querier {
        match protocol {
            #[cfg(feature = "igmp")]
            Protocol::Igmp => &mut self.igmp,
            #[cfg(feature = "mld")]
            Protocol::Mld => &mut self.mld,
        }
    }

    /// The filter of a group has changed: routers are to be told at once, and again. What they have
    /// not been told often enough before is merged with it.
    pub(super) fn note_change(&mut self, place: usize, before: Filter, after: Filter) {
        let Some(Some(group)) = self.groups.get(place) else {
            return;
        };
        let Some(protocol) = Protocol::of(group.address).filter(|_| before != after) else {
            return;
        };
        let Querier {
            version,
            robustness,
            ..
        } = *self.querier(protocol);
        let mut mode_changes = None;
        if version != QueryVersion::Current {
            // Older versions know of groups only, and leave one once.
            if before.is_heard() == after.is_heard() {
                return;
            }
            mode_changes = Some(if after.is_heard() { robustness } else { 1 });
        } else if before.mode != after.mode {
            mode_changes = Some(robustness);
        }
        let changed =
            (before.sources.minus(after.sources)).union(after.sources.minus(before.sources));
        for (at, source) in self.sources_of(place) {
            match mode_changes {
                // With its mode the whole filter is told.
                Some(_) => source.changes = 0,
                None if changed.contains(at) => source.changes = robustness,
                None => {}
            }
        }
        if let Some(group) = self.group_mut(place) {
            group.pending.mode_changes = mode_changes.unwrap_or(group.pending.mode_changes);
            group.pending.change = Instant::ZERO;
        }
    }

    /// The sources of a group, with their places.
    pub(crate) fn sources_of(
        &mut self,
        group: usize,
    ) -> impl Iterator<Item = (usize, &mut super::Source)> {
        let sources = self.sources.iter_mut().enumerate();
        sources.filter_map(move |(place, source)| {
            let source = source.as_mut();
            Some((
                place,
                source.filter(|source| usize::from(source.group) == group)?,
            ))
        })
    }

    /// Forgets which sources of a group a query has asked for: the answer is to name all.
    pub(crate) fn forget_asked(&mut self, group: usize) {
        for (_, source) in self.sources_of(group) {
            source.asked = false;
        }
    }

    /// Forgets what routers of a protocol were to be told: they speak another version now, or the
    /// link is down.
    pub(crate) fn forget_pending(&mut self, protocol: Protocol) {
        self.querier_mut(protocol).answer = Instant::MAX;
        for place in 0..self.groups.len() {
            let Some(group) = self.group_mut(place) else {
                continue;
            };
            if Protocol::of(group.address) != Some(protocol) {
                continue;
            }
            group.pending = Pending::NONE;
            for (_, source) in self.sources_of(place) {
                (source.changes, source.asked) = (0, false);
            }
            self.sweep(place);
        }
    }

    /// Has all groups of a protocol told as if they had just been joined: the link has come up, or
    /// there is an address to speak from (RFC 3810 §5.2.13).
    pub(crate) fn tell_anew(&mut self, protocol: Protocol) {
        self.forget_pending(protocol);
        for place in 0..self.groups.len() {
            let address = self.group_mut(place).map(|group| group.address);
            if address.and_then(Protocol::of) == Some(protocol) {
                self.note_change(place, Filter::NOTHING, self.filter(place));
            }
        }
    }
}
