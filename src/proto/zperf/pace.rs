//! When the next piece is due.

use crate::time::{Duration, Instant};

/// Who is behind by more than this does not catch up.
const BEHIND: Duration = Duration::from_millis(100);

/// The schedule of a sender. It does not drift: what is sent late does not make the next late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Bits per second; 0: as fast as it goes.
    rate: u64,
    since: Instant,
    /// Bits sent since, less than those of a second.
    bits: u64,
}

impl Pace {
    pub(super) const fn new(rate: u64, now: Instant) -> Self {
        Self {
            rate,
            since: now,
            bits: 0,
        }
    }

    /// When the next piece may go.
    pub(super) fn due(&self) -> Instant {
        let seconds = self.bits.checked_mul(1_000_000);
        let micros = match (self.rate, seconds) {
            (0, _) => 0,
            (rate, Some(bits)) => bits / rate,
            (rate, None) => self.bits / (rate / 1_000_000).max(1),
        };
        self.since + Duration::from_micros(micros)
    }

    /// So many bytes went at `now`.
    pub(super) fn sent(&mut self, bytes: usize, now: Instant) {
        if self.rate == 0 {
            return;
        }
        if now.since(self.due()) > BEHIND {
            (self.since, self.bits) = (now, 0);
        }
        self.bits = self.bits.saturating_add(8 * bytes as u64);
        self.since += Duration::from_secs(self.bits / self.rate);
        self.bits %= self.rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_due_at_the_rate_and_it_does_not_drift() {
        // 333 bytes at 7 kbit/s: 380571.43 µs each.
        let mut pace = Pace::new(7000, Instant::from_millis(5));
        for piece in 0..1000_u64 {
            let due = Instant::from_millis(5) + Duration::from_micros(piece * 333 * 8 * 1000 / 7);
            assert_eq!(pace.due(), due);
            pace.sent(333, due + Duration::from_millis(3));
        }
    }

    #[test]
    fn who_is_far_behind_starts_anew() {
        let mut pace = Pace::new(8000, Instant::ZERO);
        pace.sent(100, Instant::ZERO);
        assert_eq!(pace.due(), Instant::from_millis(100));
        pace.sent(100, Instant::from_millis(200));
        assert_eq!(pace.due(), Instant::from_millis(200));
        pace.sent(100, Instant::from_millis(301));
        assert_eq!(pace.due(), Instant::from_millis(401));
    }

    #[test]
    fn without_a_rate_all_is_due_at_once() {
        let mut pace = Pace::new(0, Instant::ZERO);
        pace.sent(usize::MAX / 8, Instant::ZERO);
        assert_eq!(pace.due(), Instant::ZERO);
        let mut pace = Pace::new(u64::MAX, Instant::ZERO);
        pace.sent(60_000, Instant::ZERO);
        assert!(pace.due() <= Instant::from_millis(1));
    }
}
