//! The limit on ICMP errors: a token bucket (RFC 4443 §2.4 f, RFC 1812 §4.3.2.8).

use crate::config;
use crate::time::{Duration, Instant};

/// Tokens, of which each error takes one.
#[derive(Debug)]
pub(crate) struct RateLimit {
    tokens: u16,
    /// The time up to which tokens have been added.
    filled: Instant,
}

const INTERVAL: Duration = Duration::from_micros(1_000_000 / config::ICMP_ERROR_RATE as u64);

impl RateLimit {
    /// A full bucket.
    pub(crate) const fn new() -> Self {
        Self {
            tokens: config::ICMP_ERROR_BURST as u16,
            filled: Instant::ZERO,
        }
    }

    /// Takes a token if there is one.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        // What a burst takes to come back bounds the loop.
        while self.tokens < config::ICMP_ERROR_BURST as u16 && now.since(self.filled) >= INTERVAL {
            self.tokens += 1;
            self.filled += INTERVAL;
        }
        if self.tokens == config::ICMP_ERROR_BURST as u16 {
            self.filled = now;
        }
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut limit = RateLimit::new();
        let start = Instant::from_millis(1_000_000);
        let burst = (0..1000).filter(|_| limit.allow(start)).count();
        assert_eq!(burst, config::ICMP_ERROR_BURST);
        assert!(!limit.allow(start + INTERVAL - Duration::from_micros(1)));
        assert!(limit.allow(start + INTERVAL));
        assert!(!limit.allow(start + INTERVAL));
        let later = start + Duration::from_secs(3600);
        let burst = (0..1000).filter(|_| limit.allow(later)).count();
        assert_eq!(burst, config::ICMP_ERROR_BURST);
    }
}
