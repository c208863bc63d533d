//! What holds of a neighbour cache at any time.

use super::{NeighborCache, NeighborState};
use crate::config;
use crate::netbuf::Pool;

impl NeighborCache {
    /// Looks whether each neighbour is there once and no more waits than may, and returns how many
    /// views of blocks of `pool` wait.
    pub(crate) fn check(&self, pool: Pool) -> usize {
        let mut pending = 0;
        for (place, entry) in self.entries.iter().enumerate() {
            assert!(entry.pending.len() <= config::NEIGHBOR_PENDING);
            assert!(entry.pending.is_empty() || entry.state == NeighborState::Incomplete);
            assert!(entry.pending.is_empty() || entry.address.is_some());
            pending += entry.pending.len();
            let mut others = self.entries.iter().skip(place + 1);
            let is_twice = others.any(|other| other.address == entry.address);
            assert!(entry.address.is_none() || !is_twice);
        }
        assert!(pending <= config::NEIGHBOR_PENDING_TOTAL);
        let queues = self.entries.iter().map(|entry| &entry.pending);
        queues
            .flat_map(|queue| queue.iter())
            .map(|buf| buf.views_of(pool))
            .sum()
    }
}
