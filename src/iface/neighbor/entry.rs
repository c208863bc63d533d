//! One entry of the neighbour cache, and its state (RFC 4861 §5.1, §7.3.2).

use bitflags::bitflags;

use crate::netbuf::BufQueue;
use crate::time::Instant;
use crate::wire::{IpAddress, LinkAddr};

/// The state of an entry (RFC 4861 §7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NeighborState {
    // First, so that a free entry is all zero.
    /// Nothing is known and nothing is asked: only the place is kept, for a protected neighbour.
    Failed,
    /// The link address is being asked for.
    Incomplete,
    /// The way there has lately been confirmed to work.
    Reachable,
    /// The last confirmation is too long ago; nothing happens until a packet is sent.
    Stale,
    /// A packet was sent; upper layers have some time to confirm before a probe is sent.
    Delay,
    /// Unicast solicitations probe the way there.
    Probe,
    /// Entered by the user: it neither changes nor ages.
    Static,
}

bitflags! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct EntryFlags: u8 {
        /// The neighbour is a router (IsRouter of RFC 4861 §5.1).
        const ROUTER = 1 << 0;
        /// The entry is never replaced.
        const PROTECTED = 1 << 1;
        /// A packet has been sent by way of this entry.
        const USED = 1 << 2;
    }
}

pub(super) struct Entry {
    /// `None`: the place is free.
    pub(super) address: Option<IpAddress>,
    pub(super) link: LinkAddr,
    pub(super) state: NeighborState,
    pub(super) flags: EntryFlags,
    /// Solicitations sent in this state.
    pub(super) solicitations: u8,
    /// When REACHABLE or DELAY end.
    pub(super) deadline: Instant,
    /// Before this no solicitation is sent again, and the place is not given to another, since
    /// that would forget it.
    pub(super) quiet_until: Instant,
    /// When a packet was last sent.
    pub(super) used: Instant,
    pub(super) pending: BufQueue,
}

impl Entry {
    pub(super) const FREE: Self = Self {
        address: None,
        link: LinkAddr::NONE,
        state: NeighborState::Failed,
        flags: EntryFlags::empty(),
        solicitations: 0,
        deadline: Instant::ZERO,
        quiet_until: Instant::ZERO,
        used: Instant::ZERO,
        pending: BufQueue::new(),
    };

    /// When something is to be done without being asked. REACHABLE needs no timer: that it is over
    /// is seen when it matters (RFC 4861 §7.3.3, note).
    pub(super) fn timer(&self) -> Option<Instant> {
        match self.state {
            NeighborState::Incomplete | NeighborState::Probe => Some(self.quiet_until),
            NeighborState::Delay => Some(self.deadline),
            _ => None,
        }
    }

    /// The state, with REACHABLE that is over told as STALE.
    pub(super) fn state_at(&self, now: Instant) -> NeighborState {
        match self.state {
            NeighborState::Reachable if now >= self.deadline => NeighborState::Stale,
            state => state,
        }
    }

    /// "!INCOMPLETE" of appendix C.
    pub(super) fn is_resolved(&self) -> bool {
        use NeighborState::{Delay, Probe, Reachable, Stale};
        matches!(self.state, Reachable | Stale | Delay | Probe)
    }

    pub(super) fn is_router(&self) -> bool {
        self.flags.contains(EntryFlags::ROUTER)
    }

    /// Notes whether the neighbour is a router; true if it no longer is.
    #[cfg(feature = "ipv6")]
    pub(super) fn set_router(&mut self, is_router: bool) -> bool {
        let was_router = self.is_router();
        self.flags.set(EntryFlags::ROUTER, is_router);
        was_router && !is_router
    }

    pub(super) fn become_stale(&mut self, link: LinkAddr) {
        self.link = link;
        self.state = NeighborState::Stale;
    }

    pub(super) fn become_reachable(&mut self, until: Instant) {
        self.state = NeighborState::Reachable;
        self.deadline = until;
    }
}
