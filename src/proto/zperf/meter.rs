//! Tells what passes, in intervals and at the end.

use core::net::SocketAddr;

use super::result::{End, Flow, Report, Transfer};
use crate::time::{Duration, Instant};

/// Who is told.
pub(super) type Observer<'o> = &'o dyn Fn(&Report);

/// What is told of one transfer.
pub(super) struct Meter<'o> {
    observer: Observer<'o>,
    peer: SocketAddr,
    flow: Flow,
    begun: Instant,
    interval: Option<Duration>,
    next: Instant,
    /// What had passed when the interval began.
    before: Transfer,
}

impl<'o> Meter<'o> {
    /// Nothing is told in intervals if `interval` is `None`, or no time.
    pub(super) fn new(
        observer: Observer<'o>,
        (peer, flow): (SocketAddr, Flow),
        interval: Option<Duration>,
        now: Instant,
    ) -> Self {
        let interval = interval.filter(|interval| *interval > Duration::ZERO);
        Self {
            observer,
            peer,
            flow,
            begun: now,
            interval,
            next: interval.map_or(Instant::MAX, |interval| now + interval),
            before: Transfer::default(),
        }
    }

    /// When the transfer began.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    /// When there is something to tell.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Tells of the interval, if it is over: `total` is what has passed since the beginning.
    pub(super) fn tick(&mut self, now: Instant, total: impl FnOnce() -> Transfer) {
        let Some(interval) = self.interval.filter(|_| now >= self.next) else {
            return;
        };
        let total = Transfer {
            time: now.since(self.begun),
            ..total()
        };
        (self.observer)(&Report {
            peer: self.peer,
            flow: self.flow,
            start: self.before.time,
            transfer: total.since(&self.before),
            end: None,
        });
        self.before = total;
        // Who comes late tells of a longer interval, and goes on where it would have been.
        let late = now.since(self.next).as_micros() / interval.as_micros().max(1);
        let steps = late.saturating_add(1).saturating_mul(interval.as_micros());
        self.next += Duration::from_micros(steps);
    }

    /// Tells of all of it.
    pub(super) fn finish(&self, total: Transfer, end: End) {
        (self.observer)(&Report {
            peer: self.peer,
            flow: self.flow,
            start: Duration::ZERO,
            transfer: total,
            end: Some(end),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn intervals_follow_each_other_without_a_gap_however_late() {
        let told = RefCell::new(Vec::new());
        let observer = |report: &Report| told.borrow_mut().push(*report);
        let peer = "10.0.0.1:5001".parse().unwrap();
        let second = Duration::from_secs(1);
        let at = |millis| Instant::from_millis(millis);
        let mut meter = Meter::new(&observer, (peer, Flow::Sent), Some(second), at(500));
        let total = |bytes| Transfer {
            bytes,
            ..Transfer::default()
        };
        meter.tick(at(1499), || total(5));
        meter.tick(at(1500), || total(10));
        meter.tick(at(4700), || total(30));
        assert_eq!(meter.next(), at(5500));
        meter.finish(total(40), End::Complete);
        let told = told.borrow();
        let seen: Vec<_> = told
            .iter()
            .map(|r| {
                (
                    r.start.as_millis(),
                    r.transfer.time.as_millis(),
                    r.transfer.bytes,
                )
            })
            .collect();
        assert_eq!(seen, [(0, 1000, 10), (1000, 3200, 20), (0, 0, 40)]);
        assert_eq!(told[2].end, Some(End::Complete));
    }
}
