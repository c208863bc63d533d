//! Times of many connections, by one sleep.

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;

use crate::stack::{Clock, Sleep, Stack};
use crate::time::{Duration, Instant};

/// Knows the next of all deadlines that are waited for. Each is named anew whenever its future is
/// polled, so that nothing is kept of those that are waited for no longer.
pub(super) struct Timer<'t> {
    clock: &'t dyn Clock,
    next: Cell<Instant>,
}

/// The clock of a stack.
pub(super) struct StackClock<'a>(pub(super) Stack<'a>);

impl Clock for StackClock<'_> {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<'t> Timer<'t> {
    pub(super) const fn new(clock: &'t dyn Clock) -> Self {
        let next = Cell::new(Instant::MAX);
        Self { clock, next }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether it is time. To be asked whenever it is polled.
    pub(super) fn is_over(&self, deadline: Instant) -> bool {
        self.next.set(self.next.get().min(deadline));
        self.now() >= deadline
    }

    /// What `work` comes to; `None` if it has not by `deadline`.
    pub(super) async fn before<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            // The time comes first: who always has something to do does not put it off.
            match self.is_over(deadline) {
                true => Poll::Ready(None),
                false => work.as_mut().poll(context).map(Some),
            }
        })
        .await
    }

    /// Polls `work` whenever something has happened that it waits for, and when it is time for
    /// whatever deadline.
    pub(super) async fn drive<T>(
        &self,
        stack: Stack<'_>,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        let mut sleep: Option<(Instant, Sleep<'_>)> = None;
        poll_fn(|context| {
            loop {
                self.next.set(Instant::MAX);
                if let Poll::Ready(value) = work.as_mut().poll(context) {
                    return Poll::Ready(value);
                }
                let next = self.next.get();
                if next == Instant::MAX {
                    return Poll::Pending;
                }
                // One that comes too early is no harm; it is not made anew for each deadline that moves.
                let armed = match &mut sleep {
                    Some(armed) if armed.0 <= next && armed.0 > self.now() => armed,
                    other => other.insert((next, stack.sleep_until(next))),
                };
                if Pin::new(&mut armed.1).poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}

/// How fast a peer must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// The longest time that it may stand still.
    pub(super) transfer_timeout: Duration,
    /// Octets per second in the long run.
    pub(super) min_rate: u32,
}

/// What a transfer is held to.
pub(super) struct Pace<'c> {
    pub(super) timer: &'c Timer<'c>,
    pub(super) rate: Rate,
}

/// The time that a peer may stand still. It is used up by waiting, and earned by octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience(Duration);

impl Patience {
    pub(super) const fn new(rate: Rate) -> Self {
        Self(rate.transfer_timeout)
    }

    /// Until when what begins now is waited for.
    pub(super) fn deadline(self, now: Instant) -> Instant {
        now + self.0
    }

    /// So much was waited, and so many octets have passed.
    pub(super) fn account(&mut self, rate: Rate, waited: Duration, octets: usize) {
        let micros = (octets as u64).saturating_mul(1_000_000);
        let earned = micros.checked_div(rate.min_rate.into()).unwrap_or(micros);
        let left = self.0 - waited + Duration::from_micros(earned);
        self.0 = left.min(rate.transfer_timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_used_up_by_waiting_and_earned_by_octets() {
        let rate = Rate {
            transfer_timeout: Duration::from_secs(10),
            min_rate: 100,
        };
        let mut patience = Patience::new(rate);
        let left = |patience: Patience| patience.deadline(Instant::ZERO).as_millis();
        patience.account(rate, Duration::from_secs(4), 100);
        assert_eq!(left(patience), 7_000);
        patience.account(rate, Duration::from_secs(1), 1_000_000);
        assert_eq!(left(patience), 10_000);
        patience.account(rate, Duration::from_secs(100), 0);
        assert_eq!(left(patience), 0);
    }
}
