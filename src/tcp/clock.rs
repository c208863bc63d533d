//! Times in 32 bits, for control blocks: units of 2^`SHIFT` microseconds modulo 2^32.
//!
//! | `SHIFT` | unit | goes round in |
//! |---|---|---|
//! | 0 | 1 µs | 71 minutes |
//! | 4 | 16 µs | 19 hours |
//! | 10 | 1.024 ms | 50 days |
//! | 20 | 1.05 s | 142 years |

use crate::time::{Duration, Instant};

/// An instant that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past<const SHIFT: u32>(pub(super) u32);

impl<const SHIFT: u32> Past<SHIFT> {
    pub(crate) const fn new(at: Instant) -> Self {
        Self((at.as_micros() >> SHIFT) as u32)
    }

    /// How long ago it was, less what has gone round.
    pub(crate) const fn elapsed(self, now: Instant) -> Duration {
        let units = Self::new(now).0.wrapping_sub(self.0);
        Duration::from_micros((units as u64) << SHIFT)
    }

    /// Whether it was longer ago than so many microseconds.
    pub(crate) const fn is_longer_ago(self, now: Instant, micros: u32) -> bool {
        Self::new(now).0.wrapping_sub(self.0) > micros >> SHIFT
    }
}

/// An instant to come at which something is to be done, or none.
///
/// None lies further ahead than [`Deadline::FARTHEST`], a thirty-second of what the units go round
/// in. So what seems to lie further ahead has passed. Of a deadline that nobody has looked at until
/// nearly all of that was over, it is said to come in as long as `FARTHEST`, at most, once more:
/// late, but never missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline<const SHIFT: u32>(u32);

/// Milliseconds since the origin, modulo 2^32: three short divisions, where that of 64 bits takes a
/// small core three times as long.
pub(crate) const fn millis(now: Instant) -> u32 {
    /// Of what is left of a thousand once it is halved three times.
    const DIVISOR: u32 = 125;
    let eighths = now.as_micros() >> 3;
    let (high, low) = ((eighths >> 32) as u32, eighths as u32);
    let upper = (high % DIVISOR) << 16 | low >> 16;
    let lower = (upper % DIVISOR) << 16 | low & 0xffff;
    (upper / DIVISOR) << 16 | (lower / DIVISOR)
}

impl Deadline<0> {
    /// A deadline after so many microseconds, or as far as one can lie ahead.
    pub(crate) const fn after_micros(now: Instant, micros: u32) -> Self {
        let micros = match micros {
            micros if micros < Self::FARTHEST => micros,
            _ => Self::FARTHEST,
        };
        match (now.as_micros() as u32).wrapping_add(micros) {
            0 => Self(1),
            at => Self(at),
        }
    }

    /// How many microseconds it is until then; `u32::MAX` without a deadline.
    pub(crate) const fn micros_left(self, now: Instant) -> u32 {
        match self.0.wrapping_sub(now.as_micros() as u32) {
            _ if self.is_none() => u32::MAX,
            left if left > Self::FARTHEST => 0,
            left => left,
        }
    }
}

impl<const SHIFT: u32> Deadline<SHIFT> {
    /// No deadline.
    pub(crate) const NONE: Self = Self(0);

    /// The most units that a deadline may lie ahead.
    const FARTHEST: u32 = 1 << 27;

    /// A deadline after `span`: not before, and as far as one can lie ahead at most.
    pub(crate) const fn after(now: Instant, span: Duration) -> Self {
        let from = now.as_micros() >> SHIFT;
        let to = now.as_micros().saturating_add(span.as_micros());
        let units = to.saturating_add((1 << SHIFT) - 1) >> SHIFT;
        let units = match units.saturating_sub(from) {
            units if units < Self::FARTHEST as u64 => units as u32,
            _ => Self::FARTHEST,
        };
        // Zero stands for none: then it is a unit later.
        match (from as u32).wrapping_add(units) {
            0 => Self(1),
            at => Self(at),
        }
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// How long it is until then; zero if it has passed, `None` without a deadline.
    pub(crate) const fn left(self, now: Instant) -> Option<Duration> {
        if self.is_none() {
            return None;
        }
        let from = now.as_micros() >> SHIFT;
        let units = self.0.wrapping_sub(from as u32);
        Some(if units > Self::FARTHEST {
            Duration::ZERO
        } else {
            // From the instant itself, not from where its unit begins.
            let to = (from + units as u64) << SHIFT;
            Duration::from_micros(to.saturating_sub(now.as_micros()))
        })
    }

    /// Whether it has come.
    pub(crate) fn is_due(self, now: Instant) -> bool {
        self.left(now) == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn is_right<const SHIFT: u32>(now: u64, span: u64, later: u64) -> Result<(), TestCaseError> {
        let farthest = u64::from(Deadline::<SHIFT>::FARTHEST - 2) << SHIFT;
        let (start, span) = (Instant::from_micros(now), span % farthest);
        let deadline = Deadline::<SHIFT>::after(start, Duration::from_micros(span));
        let slack = (2 << SHIFT) - u64::from(SHIFT == 0);
        // As long as 31 of 32 parts of a turn.
        let later = later % (31 * farthest);
        let looked = Instant::from_micros(now + later);
        let left = deadline.left(looked).unwrap().as_micros();
        prop_assert!(left + later >= span || left == 0 && later >= span);
        prop_assert!(left <= span.saturating_sub(later) + slack);
        prop_assert_eq!(deadline.is_due(looked), left == 0);
        Ok(())
    }

    proptest! {
        #[test]
        fn deadline_comes_when_it_is_due_wherever_the_units_go_round(
            now in 0..u64::MAX >> 1, near in 0..1_u64 << 33, span: u64, later: u64, back in 0..100_u64,
        ) {
            is_right::<0>(now, span, later)?;
            is_right::<10>(now, span, later)?;
            is_right::<0>((now >> 32 << 32) + near, span, later)?;
            is_right::<0>(((now | 0xffff_ffff) - back).max(back), back * 2, later)?;
            is_right::<10>((now | ((1 << 42) - 1)) - back, back * 3000, later % 10_000)?;
        }

        #[test]
        fn what_has_passed_is_as_long_ago_as_it_was(now in 0..u64::MAX >> 1, ago in 0..1_u64 << 31) {
            let then = Instant::from_micros(now);
            let later = Instant::from_micros(now + ago);
            prop_assert_eq!(Past::<0>::new(then).elapsed(later).as_micros(), ago);
            let coarse = Past::<10>::new(then).elapsed(later).as_micros();
            prop_assert!(coarse.abs_diff(ago) < 1024);
            for span in [coarse as u32, (coarse as u32).saturating_sub(1), (coarse as u32).saturating_add(1), ago as u32] {
                let is_longer = Past::<10>::new(then).is_longer_ago(later, span);
                prop_assert_eq!(is_longer, coarse > u64::from(span));
            }
        }
    }

    proptest! {
        #[test]
        fn short_divisions_tell_the_same_milliseconds(now: u64, near in 0..1_u64 << 33) {
            for now in [now, near, near << 10] {
                let now = Instant::from_micros(now);
                prop_assert_eq!(millis(now), now.as_millis() as u32);
            }
        }

        #[test]
        fn microseconds_in_32_bits_tell_the_same(
            now in 0..u64::MAX >> 1, micros: u32, later in 0..1_u64 << 33,
        ) {
            let (now, later) = (Instant::from_micros(now), Instant::from_micros(now + later));
            let deadline = Deadline::after_micros(now, micros);
            let span = Duration::from_micros(micros.into());
            prop_assert_eq!(deadline, Deadline::<0>::after(now, span));
            let left = Duration::from_micros(deadline.micros_left(later).into());
            prop_assert_eq!(deadline.left(later), Some(left));
            prop_assert_eq!(Deadline::NONE.micros_left(later), u32::MAX);
        }
    }

    #[test]
    fn deadline_that_is_not_looked_at_for_a_whole_turn_comes_late_and_comes() {
        let deadline = Deadline::<0>::after(Instant::from_micros(7), Duration::from_secs(1));
        for turn in 1..5 {
            let looked = Instant::from_micros(7 + (turn << 32));
            let left = deadline.left(looked).unwrap();
            assert!(left <= Duration::from_secs(1));
            assert!(deadline.is_due(looked + left));
        }
        assert_eq!(Deadline::<0>::NONE.left(Instant::ZERO), None);
        let farthest = Deadline::<0>::after(Instant::ZERO, Duration::MAX);
        assert!(farthest.left(Instant::ZERO) > Some(Duration::from_secs(120)));
    }
}
