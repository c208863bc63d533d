//! What the numbers and times of datagrams tell: loss, order, copies, jitter.

use super::result::{Datagrams, Transit};
use crate::time::Duration;

/// What has come of the datagrams of one sender.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrivals {
    /// The highest number so far. A sender begins with 1, an old one with 0.
    highest: u64,
    /// Which of the 64 numbers up to it have come, itself in the lowest bit.
    seen: u64,
    /// Numbers that were passed over when a higher one came.
    passed_over: u64,
    /// Those of them that have come after all.
    late: u64,
    reordered: u64,
    duplicates: u64,
    pub(super) bytes: u64,
    /// What the last one took, by both clocks, in microseconds.
    last_transit: Option<i64>,
    /// In sixteenths of a microsecond.
    jitter: u64,
    transit: Sums,
}

/// Sums of transit times, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    least: u64,
    most: u64,
    sum: u64,
    squares: u64,
}

impl Arrivals {
    /// A datagram has come.
    pub(super) fn take(&mut self, number: u64, length: usize, sent: Duration, now: Duration) {
        self.bytes = self.bytes.saturating_add(length as u64);
        self.place(number);
        let transit = now.as_micros().wrapping_sub(sent.as_micros()) as i64;
        if let Some(last) = self.last_transit {
            // "J(i) = J(i-1) + (|D(i-1,i)| - J(i-1))/16", by the arithmetic of RFC 3550 §A.8. More
            // than an hour is another clock.
            let difference = transit.abs_diff(last).min(3_600_000_000);
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        self.last_transit = Some(transit);
        self.transit.take(transit.max(0) as u64);
    }

    fn place(&mut self, number: u64) {
        if number > self.highest {
            let ahead = number - self.highest;
            self.passed_over = self.passed_over.saturating_add(ahead - 1);
            self.seen = u32::try_from(ahead)
                .ok()
                .and_then(|ahead| self.seen.checked_shl(ahead))
                .unwrap_or(0)
                | 1;
            self.highest = number;
            return;
        }
        let back = u32::try_from(self.highest - number).unwrap_or(u32::MAX);
        let bit = 1_u64.checked_shl(back).unwrap_or(0);
        if self.seen & bit != 0 {
            self.duplicates += 1;
            return;
        }
        self.seen |= bit;
        // Nobody is behind the first of all.
        if self.highest > 0 {
            self.reordered += 1;
        }
        if number > 0 {
            self.late += 1;
        }
    }

    /// What is known. Transit times are told where the clocks agree.
    pub(super) fn datagrams(&self, clocks_agree: bool) -> Datagrams {
        Datagrams {
            sent: self.highest,
            lost: self.passed_over.saturating_sub(self.late),
            reordered: self.reordered,
            duplicates: self.duplicates,
            jitter: Duration::from_micros(self.jitter >> 4),
            transit: clocks_agree.then(|| self.transit.transit()),
        }
    }
}

impl Sums {
    fn take(&mut self, transit: u64) {
        self.least = match self.count {
            0 => transit,
            _ => self.least.min(transit),
        };
        self.most = self.most.max(transit);
        self.count += 1;
        self.sum = self.sum.saturating_add(transit);
        let square = transit.saturating_mul(transit);
        self.squares = self.squares.saturating_add(square);
    }

    fn transit(&self) -> Transit {
        let mean = self.sum / self.count.max(1);
        let of_mean = self.sum.saturating_mul(mean);
        Transit {
            least: Duration::from_micros(self.least),
            most: Duration::from_micros(self.most),
            mean: Duration::from_micros(mean),
            squares: self.squares.saturating_sub(of_mean),
            count: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[u64]) -> Datagrams {
        let mut arrivals = Arrivals::default();
        for number in numbers {
            arrivals.take(*number, 100, Duration::ZERO, Duration::ZERO);
        }
        assert_eq!(arrivals.bytes, 100 * numbers.len() as u64);
        arrivals.datagrams(false)
    }

    fn counts(numbers: &[u64]) -> (u64, u64, u64, u64) {
        let of = of(numbers);
        (of.sent, of.lost, of.reordered, of.duplicates)
    }

    #[test]
    fn lost_late_and_doubled_datagrams_are_told_apart() {
        assert_eq!(counts(&[1, 2, 3]), (3, 0, 0, 0));
        assert_eq!(counts(&[0, 1, 2]), (2, 0, 0, 0));
        assert_eq!(counts(&[1, 4, 5]), (5, 2, 0, 0));
        assert_eq!(counts(&[3]), (3, 2, 0, 0));
        assert_eq!(counts(&[1, 3, 2, 4]), (4, 0, 1, 0));
        assert_eq!(counts(&[1, 3, 2, 2, 3, 4]), (4, 0, 1, 2));
        assert_eq!(counts(&[1, 100, 2, 2]), (100, 96, 2, 0));
        assert_eq!(counts(&[u64::MAX, 1]), (u64::MAX, u64::MAX - 2, 1, 0));
    }

    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let mut arrivals = Arrivals::default();
        let mut expected = 0.0_f64;
        let mut last = None;
        for i in 0..500_u64 {
            let transit = 5000 + (i * 7919) % 320;
            let sent = Duration::from_micros(i * 10_000);
            arrivals.take(i + 1, 1, sent, sent + Duration::from_micros(transit));
            if let Some(last) = last {
                let difference = (transit as f64 - last as f64).abs();
                expected += (difference - expected) / 16.0;
            }
            last = Some(transit);
        }
        let jitter = arrivals.datagrams(true).jitter.as_micros() as f64;
        assert!((jitter - expected).abs() <= 1.0, "{jitter} {expected}");
        let transit = arrivals.datagrams(true).transit.unwrap();
        assert_eq!((transit.count, transit.least.as_micros()), (500, 5000));
        assert!((5310..5320).contains(&transit.most.as_micros()));
        assert!((5150..5170).contains(&transit.mean.as_micros()));
    }

    #[test]
    fn jitter_does_not_depend_on_how_far_the_clocks_are_apart() {
        let jitter = |ahead: u64| {
            let mut arrivals = Arrivals::default();
            for i in 0..100_u64 {
                let now = Duration::from_micros(50_000 * i + (i % 3) * 400);
                let sent = Duration::from_micros(50_000 * i + ahead);
                arrivals.take(i + 1, 1, sent, now);
            }
            arrivals.datagrams(false).jitter
        };
        assert_eq!(jitter(0), jitter(1_700_000_000_000_000));
        assert!(jitter(0) > Duration::ZERO);
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_set(moves in proptest::collection::vec((0_u64..40, 0_u64..30), 1..200)) {
            // Numbers that run ahead, each now and then too early by less than 64.
            let mut numbers = std::vec::Vec::new();
            let mut base = 1;
            for (ahead, step) in moves {
                numbers.push(base + ahead);
                base += step.saturating_sub(20);
            }
            let set: BTreeSet<u64> = numbers.iter().copied().collect();
            let highest = *set.last().unwrap();
            let (sent, lost, _, duplicates) = counts(&numbers);
            prop_assert_eq!(sent, highest);
            prop_assert_eq!(lost, highest - set.len() as u64);
            prop_assert_eq!(duplicates, (numbers.len() - set.len()) as u64);
        }

        #[test]
        fn any_numbers_and_times_are_counted(datagrams in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..50)) {
            let mut arrivals = Arrivals::default();
            for (number, sent, now) in datagrams {
                arrivals.take(number, 1, Duration::from_micros(sent), Duration::from_micros(now));
            }
            let of = arrivals.datagrams(true);
            prop_assert!(of.lost <= of.sent);
        }
    }
}
