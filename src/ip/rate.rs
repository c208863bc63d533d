//! The limit on ICMP errors: a token bucket (RFC 4443 §2.4 f, RFC 1812 §4.3.2.8).
//!
//! All share it. If it let the same number through each second, who has counted the answers to his
//! own packets would know whether there was one more, to a packet that he has forged in the name of
//! another: whether a port is open, or a sequence number right (CVE-2016-5696, CVE-2020-25705). So
//! what an error takes is left to chance, and none lets more through than the configuration says.

use crate::config;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// Tokens, of which each error takes one or two.
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

    /// Takes a token if there is one, and by chance another.
    pub(crate) fn allow(&mut self, now: Instant, rng: &mut Rng) -> bool {
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
        self.tokens = self.tokens.saturating_sub(1 + (rng.next_u32() & 1) as u16);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let (mut limit, mut rng) = (RateLimit::new(), Rng::new([1; 32]));
        let most = config::ICMP_ERROR_BURST;
        let mut start = Instant::from_millis(1_000_000);
        let mut counts = [0; 8];
        for count in &mut counts {
            *count = (0..1000).filter(|_| limit.allow(start, &mut rng)).count();
            assert!((most.div_ceil(2)..=most).contains(count));
            assert!(!limit.allow(start + INTERVAL - Duration::from_micros(1), &mut rng));
            assert!(limit.allow(start + INTERVAL, &mut rng));
            assert!(!limit.allow(start + INTERVAL, &mut rng));
            start += Duration::from_secs(3600);
        }
        // Nor is it the same each time.
        assert!(most < 4 || counts.iter().any(|count| *count != counts[0]));
    }
}
