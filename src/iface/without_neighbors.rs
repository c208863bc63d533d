//! What stands for the neighbour cache in a build without a link layer that has addresses. Nobody
//! is resolved there, so it has no entries, and no code: only the times that Router Advertisements
//! set, which IPv6 has for duplicate address detection too (RFC 4862 §5.4).

// Of use where there are neighbours.
#[allow(dead_code)]
#[path = "neighbor/timing.rs"]
mod timing;

pub use self::timing::NeighborTiming;

/// The neighbour cache of an interface without neighbours.
pub(crate) struct NeighborCache {
    discovery_timing: NeighborTiming,
}

impl NeighborCache {
    pub(crate) const fn new() -> Self {
        Self {
            discovery_timing: NeighborTiming::DEFAULT,
        }
    }

    #[cfg(feature = "dad")]
    pub(crate) fn discovery_timing(&self) -> &NeighborTiming {
        &self.discovery_timing
    }

    pub(crate) fn discovery_timing_mut(&mut self) -> &mut NeighborTiming {
        &mut self.discovery_timing
    }
}
