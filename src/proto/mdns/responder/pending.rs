//! Answers that wait for their time (RFC 6762 §6, §6.4, §7.2).

use core::net::{IpAddr, SocketAddr};

use super::compose::Wanted;
use super::owner::{OWNERS, Units};
use crate::time::{Duration, Instant};

/// "earlier responses SHOULD be delayed by up to an additional 500 ms" to go with others
/// (RFC 6762 §6.4).
const AGGREGATION: Duration = Duration::from_millis(500);

/// Answers that go out together.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) wanted: Wanted,
    /// When they go out; [`Instant::MAX`] if there are none.
    pub(super) due: Instant,
    /// They wait for others no longer than this.
    limit: Instant,
    /// Who asked and has more to say of what it knows.
    pub(super) from: Option<IpAddr>,
}

impl Pending {
    pub(super) const NONE: Self = Self {
        wanted: [Units::empty(); OWNERS],
        due: Instant::MAX,
        limit: Instant::MAX,
        from: None,
    };

    /// Adds answers that are due at `due`.
    pub(super) fn add(&mut self, wanted: &Wanted, due: Instant) {
        if wanted.iter().all(|units| units.is_empty()) {
            return;
        }
        for (own, units) in self.wanted.iter_mut().zip(wanted) {
            *own |= *units;
        }
        if self.due == Instant::MAX {
            (self.due, self.limit) = (due, due + AGGREGATION);
        } else {
            self.due = self.due.max(due).min(self.limit);
        }
    }

    /// Takes out answers that need not be given any longer.
    pub(super) fn remove(&mut self, owner: usize, units: Units) {
        if let Some(wanted) = self.wanted.get_mut(owner) {
            *wanted -= units;
        }
        if self.wanted.iter().all(|units| units.is_empty()) {
            *self = Self::NONE;
        }
    }

    pub(super) fn units(&self, owner: usize) -> Units {
        self.wanted.get(owner).copied().unwrap_or_default()
    }

    pub(super) fn is_none(&self) -> bool {
        self.due == Instant::MAX
    }

    /// Takes the answers if they are due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Wanted> {
        if self.due > now {
            return None;
        }
        Some(core::mem::replace(self, Self::NONE).wanted)
    }
}

/// Answers that go to one host.
#[derive(Clone, Copy)]
pub(super) struct Reply {
    pub(super) to: SocketAddr,
    pub(super) link: usize,
    pub(super) pending: Pending,
}
