//! What an owner does on a link: probe, announce, answer (RFC 6762 §8).

use super::owner::Units;
use crate::config;
use crate::time::{Duration, Instant};

/// "three probes" (RFC 6762 §8.1).
pub(super) const PROBES: u8 = 3;
/// "250 ms after the first query, the host should send a second" (RFC 6762 §8.1).
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// "uniformly distributed in the range 0-250 ms" (RFC 6762 §8.1), in milliseconds.
pub(super) const PROBE_DELAY: u32 = 250;
/// "at least two unsolicited responses, one second apart" (RFC 6762 §8.3).
const ANNOUNCEMENTS: u8 = config::MDNS_ANNOUNCEMENTS as u8;
/// "until at least one second has elapsed since the last time that record was multicast" (RFC 6762
/// §6).
pub(super) const REPEAT: Duration = Duration::from_secs(1);
/// The same in answer to a probe.
pub(super) const DEFENSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The link is down, or there is nothing to claim.
    Off,
    /// It is asked whether somebody else has the name.
    Probing,
    /// The name is ours, and that is said.
    Announcing,
    /// It has been said.
    Settled,
}

/// The claim of an owner on a link.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub(super) phase: Phase,
    /// When the next probe or announcement is due.
    pub(super) due: Instant,
    /// How many there were.
    pub(super) sent: u8,
    /// When records were multicast last, by version and [group](Units::GROUPS); [`Instant::MAX`]: never.
    multicast: [[Instant; 3]; 2],
}

impl Claim {
    pub(super) const OFF: Self = Self {
        phase: Phase::Off,
        due: Instant::MAX,
        sent: 0,
        multicast: [[Instant::MAX; 3]; 2],
    };

    /// Begins with probes at `due`.
    pub(super) fn probe(&mut self, due: Instant) {
        (self.phase, self.due, self.sent) = (Phase::Probing, due, 0);
    }

    /// Begins with announcements at `due`, if the name is ours.
    pub(super) fn announce(&mut self, due: Instant) {
        if self.is_ours() {
            (self.phase, self.due, self.sent) = (Phase::Announcing, due, 0);
        }
    }

    /// Whether the name is ours.
    pub(super) const fn is_ours(&self) -> bool {
        matches!(self.phase, Phase::Announcing | Phase::Settled)
    }

    /// Whether a conflict counts: "received before the first probe packet is sent MUST be silently
    /// ignored" (RFC 6762 §8.1).
    pub(super) const fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Probing) && self.sent > 0
    }

    /// An announcement has been sent: the next comes after twice the time.
    pub(super) fn announced(&mut self, now: Instant) {
        self.sent = self.sent.saturating_add(1);
        match self.sent < ANNOUNCEMENTS {
            true => self.due = now + REPEAT.times(1 << (self.sent - 1).min(16)),
            false => (self.phase, self.due) = (Phase::Settled, Instant::MAX),
        }
    }

    /// Notes that records have been multicast.
    pub(super) fn was_multicast(&mut self, version: usize, units: Units, now: Instant) {
        let times = self.multicast.get_mut(version).into_iter().flatten();
        for (time, _) in (times.zip(Units::GROUPS)).filter(|(_, group)| units.intersects(*group)) {
            *time = now;
        }
    }

    /// Those of `units` that were last multicast longer than `span` before `now`, or never.
    pub(super) fn older_than(
        &self,
        version: usize,
        units: Units,
        now: Instant,
        span: impl Fn(Units) -> Duration,
    ) -> Units {
        let times = self.multicast.get(version).into_iter().flatten();
        let groups = times.zip(Units::GROUPS);
        let old = groups
            .filter(|(time, group)| **time == Instant::MAX || now.since(**time) >= span(*group));
        old.fold(Units::empty(), |old, (_, group)| old | units & group)
    }

    /// When all of `units` were last multicast a `span` ago.
    pub(super) fn allowed(&self, version: usize, units: Units, span: Duration) -> Instant {
        let times = self.multicast.get(version).into_iter().flatten();
        let groups = times.zip(Units::GROUPS);
        let times =
            groups.filter(|(time, group)| units.intersects(*group) && **time != Instant::MAX);
        times
            .map(|(time, _)| *time + span)
            .max()
            .unwrap_or(Instant::ZERO)
    }
}

/// How often there were conflicts lately (RFC 6762 §8.1).
pub(super) struct Conflicts {
    count: u8,
    since: Instant,
    is_many: bool,
}

impl Conflicts {
    /// "If fifteen conflicts occur within any ten-second period": any such period has eight within
    /// one of ours.
    const MOST: u8 = 8;
    const PERIOD: Duration = Duration::from_secs(10);
    /// "then the host MUST wait at least five seconds before each successive additional probe
    /// attempt".
    const WAIT: Duration = Duration::from_secs(5);
    /// After so long without a conflict there are few again.
    const CALM: Duration = Duration::from_secs(60);

    pub(super) const NONE: Self = Self {
        count: 0,
        since: Instant::ZERO,
        is_many: false,
    };

    /// Counts one; says how long to wait before the next attempt, beside what is usual.
    pub(super) fn count(&mut self, now: Instant) -> Duration {
        let past = now.since(self.since);
        if past >= Self::CALM {
            self.is_many = false;
        }
        if past >= Self::PERIOD {
            (self.count, self.since) = (0, now);
        }
        self.count = self.count.saturating_add(1);
        self.is_many |= self.count >= Self::MOST;
        match self.is_many {
            true => Self::WAIT,
            false => Duration::ZERO,
        }
    }
}
