//! Times and limits of the neighbour cache (RFC 4861 §6.3.2, §10).

use crate::time::Duration;

/// What RFC 4861 §10 calls the node constants, as far as the neighbour cache needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NeighborTiming {
    base_reachable_time: Duration,
    reachable_time: Duration,
    retrans_timer: Duration,
    /// How long a STALE entry may be used before it is probed.
    pub delay_first_probe_time: Duration,
    /// Multicast solicitations before resolution fails.
    pub max_multicast_solicit: u8,
    /// Unicast solicitations before a neighbour counts as gone.
    pub max_unicast_solicit: u8,
}

impl NeighborTiming {
    /// The values of RFC 4861 §10. ARP takes them too: one request per second and neighbour is what
    /// RFC 1122 §2.3.2.1 recommends.
    pub const DEFAULT: Self = Self {
        base_reachable_time: Duration::from_millis(30_000),
        reachable_time: Duration::from_millis(30_000),
        retrans_timer: Duration::from_millis(1_000),
        delay_first_probe_time: Duration::from_secs(5),
        max_multicast_solicit: 3,
        max_unicast_solicit: 3,
    };

    /// RFC 4861 §6.2.1: AdvReachableTime "MUST be no greater than 3,600,000 milliseconds".
    const MAX_REACHABLE_TIME: Duration = Duration::from_secs(3_600);
    /// A Router Advertisement may not turn us into a flood, nor resolution off.
    const RETRANS_TIMER_RANGE: (Duration, Duration) =
        (Duration::from_millis(10), Duration::from_secs(60));

    /// ReachableTime: how long a confirmation holds.
    pub const fn reachable_time(&self) -> Duration {
        self.reachable_time
    }

    /// RetransTimer: the time between solicitations for one neighbour.
    pub const fn retrans_timer(&self) -> Duration {
        self.retrans_timer
    }

    /// Sets BaseReachableTime (an hour at most) as a Router Advertisement has it, where zero is
    /// "unspecified" and changes nothing. If it is new, ReachableTime is chosen anew from `random`
    /// (RFC 4861 §6.3.4).
    pub fn set_base_reachable_time(&mut self, base: Duration, random: u32) {
        let base = base.min(Self::MAX_REACHABLE_TIME);
        if base != Duration::ZERO && base != self.base_reachable_time {
            self.base_reachable_time = base;
            self.randomize(random);
        }
    }

    /// Chooses ReachableTime anew: between half and one and a half of BaseReachableTime. To be done
    /// at the start and "at least once every few hours" (RFC 4861 §6.3.2).
    pub fn randomize(&mut self, random: u32) {
        let base = self.base_reachable_time.as_micros();
        // An hour in microseconds fits 32 bits, so this cannot overflow.
        let share = base.saturating_mul(u64::from(random)) >> 32;
        self.reachable_time = Duration::from_micros(base / 2 + share);
    }

    /// Sets RetransTimer (10 ms to 60 s) as a Router Advertisement has it, where zero is
    /// "unspecified" and changes nothing.
    pub fn set_retrans_timer(&mut self, retrans_timer: Duration) {
        let (min, max) = Self::RETRANS_TIMER_RANGE;
        if retrans_timer != Duration::ZERO {
            self.retrans_timer = retrans_timer.clamp(min, max);
        }
    }
}

impl Default for NeighborTiming {
    fn default() -> Self {
        Self::DEFAULT
    }
}
