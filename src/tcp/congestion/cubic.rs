//! CUBIC (RFC 9438) in integers.
//!
//! Time is counted in units of 1,024 µs, so that no division makes them. With `d` of those units,
//! `C d³` segments are `d³ * 15112 / 2^45`: 0.4 * (1.024 ms)³. A span is cut to 2^19 units (nine
//! minutes), by which time the curve is far above every window there can be: so nothing overflows
//! 64 bits, and there is no 64-bit division but the one for K, once per congestion event.
//!
//! Both curves advance in sixteenths of a window, together with the count of acknowledged octets.

use super::new_reno::SLICES;
use super::{WINDOW_MAX, Window};
use crate::time::Instant;

/// `C` (§4.1, 0.4) for a unit of time of 1,024 µs, times 2^45.
const C: u64 = 15_112;
/// `1 / C`, for K: 2^45 / 15112, of which 2^20 stand before the division by the segment size.
const INVERSE_C: u64 = (1 << 25) / C;
/// The longest span that is looked at, in units of 1,024 µs.
const SPAN_MAX: u32 = 1 << 19;
/// α of the Reno-friendly region (§4.3): 3 (1 - β) / (1 + β) with β = 0.7, in seventeenths.
const ALPHA: u32 = 9;

/// The state of CUBIC beside the window itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Cubic {
    /// `W_max`: where the curve is flat.
    w_max: u32,
    /// `cwnd_prior`: the window when the threshold was last set.
    cwnd_prior: u32,
    /// `W_est`: what Reno's window would be.
    w_est: u32,
    /// When the curve reaches `w_max`: K after this stage of congestion avoidance started, and
    /// application-limited time added to that.
    flat_at: u32,
    /// When the last acknowledgement came.
    last: u32,
}

/// Which congestion avoidance this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Stage {
    /// It will follow a slow start that no loss ended, or a timeout: the curve starts at its flat
    /// point (§4.8, §4.10).
    Flat,
    /// It will follow fast recovery: the curve leads up to `w_max` (§4.2).
    Concave,
    /// It has begun.
    Running,
}

impl Cubic {
    pub(super) const fn new() -> Self {
        Self {
            w_max: 0,
            cwnd_prior: 0,
            w_est: 0,
            flat_at: 0,
            last: 0,
        }
    }

    /// An acknowledgement in congestion avoidance (§4.2 to §4.5).
    pub(super) fn on_ack(
        &mut self,
        window: &mut Window,
        stage: Stage,
        now: Instant,
        newly_acked: u32,
        srtt: u32,
        cwnd_limited: bool,
    ) {
        let now = units(now);
        if stage != Stage::Running {
            self.start(window, stage, now);
        }
        // §4.2: time that the application limits does not count.
        if !cwnd_limited {
            self.flat_at = self.flat_at.wrapping_add(now.wrapping_sub(self.last));
            self.last = now;
            return;
        }
        self.last = now;
        let slices = window.slices(newly_acked);

        // §4.3, equation 4. Past the window before the loss, Reno's own slope.
        let alpha = match self.w_est < self.cwnd_prior {
            true => ALPHA,
            false => 17,
        };
        let step = u32::from(window.mss) * slices * alpha / (17 * SLICES);
        self.w_est = self.w_est.saturating_add(step).min(WINDOW_MAX);

        if self.curve(window.mss, now) < self.w_est {
            window.grow(self.w_est.saturating_sub(window.cwnd));
        } else {
            // §4.4, §4.5.
            let next = self.curve(window.mss, now.wrapping_add(srtt >> 10));
            let most = window.cwnd.saturating_add(window.cwnd / 2);
            let gap = next.min(most).saturating_sub(window.cwnd);
            let step = u64::from(gap) * u64::from(slices) / u64::from(SLICES);
            window.grow(u32::try_from(step).unwrap_or(gap));
        }
    }

    /// A sign of congestion: remembers the window it came at (§4.7) and tells the new threshold
    /// (§4.6).
    pub(super) fn reduce(&mut self, window: &mut Window, flight: u32) -> u32 {
        self.w_max = match window.cwnd < self.w_max {
            // (1 + β) / 2.
            true => part(window.cwnd, 17, 20),
            false => window.cwnd,
        };
        self.cwnd_prior = window.cwnd;
        window.stage = Some(Stage::Concave);
        window.at_least_two_segments(part(flight, 7, 10))
    }

    fn start(&mut self, window: &mut Window, stage: Stage, now: u32) {
        let below = self.w_max.saturating_sub(window.cwnd);
        let mut k = 0;
        if stage == Stage::Flat || below == 0 {
            self.w_max = window.cwnd;
        } else {
            // §4.2: K is the cube root of (W_max - cwnd_epoch) / C, windows in segments.
            let segments = (u64::from(below) << 20) / u64::from(window.mss.max(1));
            k = cube_root(segments.saturating_mul(INVERSE_C)).min(SPAN_MAX);
        }
        self.w_est = window.cwnd;
        (self.flat_at, self.last) = (now.wrapping_add(k), now);
        window.stage = Some(Stage::Running);
    }

    /// `W_cubic(t)` in octets (§4.2, equation 1).
    fn curve(&self, mss: u16, now: u32) -> u32 {
        // t - K. After 25 days without a loss it seems to be before the flat point again: then Reno's
        // window is the larger one, and is what counts.
        let past = now.wrapping_sub(self.flat_at).cast_signed();
        // 2^57, then 2^32 * 2^14 * 2^16: below 2^62.
        let span = u64::from(past.unsigned_abs().min(SPAN_MAX));
        let octets = (((span * span * span) >> 25) * (C * u64::from(mss))) >> 20;
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        match past >= 0 {
            true => self.w_max.saturating_add(octets),
            false => self.w_max.saturating_sub(octets),
        }
    }
}

/// The time in units of 1,024 µs, modulo 2^32 (51 days).
#[allow(clippy::cast_possible_truncation)]
const fn units(now: Instant) -> u32 {
    (now.as_micros() >> 10) as u32
}

/// `numerator / denominator` of `whole`, without a 64-bit division.
const fn part(whole: u32, numerator: u32, denominator: u32) -> u32 {
    whole / denominator * numerator + whole % denominator * numerator / denominator
}

/// The largest integer whose cube is not above `number`, one bit after another.
const fn cube_root(number: u64) -> u32 {
    let mut root: u64 = 0;
    // (2^21)^3 is 2^63: larger roots do not occur, a span being at most 2^19.
    let mut bit: u64 = 1 << 20;
    while bit > 0 {
        let tried = root | bit;
        if tried * tried * tried <= number {
            root = tried;
        }
        bit >>= 1;
    }
    root as u32
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::{any, prop_assert, proptest};

    use super::super::Congestion;
    use super::*;

    const MSS: f64 = 1460.0;

    /// `W_cubic(t)` of RFC 9438 §4.2, octets and seconds.
    fn model(w_max: f64, k: f64, t: f64, mss: f64) -> f64 {
        (0.4 * (t - k).powi(3) * mss + w_max).max(0.0)
    }

    fn running(w_max: u32, cwnd: u32, mss: u16) -> Cubic {
        let mut window = Window::new(mss);
        window.cwnd = cwnd;
        let mut cubic = Cubic {
            w_max,
            ..Cubic::new()
        };
        cubic.start(&mut window, Stage::Concave, 0);
        cubic
    }

    #[test]
    fn rfc_9438_4_2_k_is_the_time_to_reach_w_max() {
        let cubic = running(1_000_000, 700_000, 1460);
        let k = (300_000.0 / MSS / 0.4_f64).cbrt();
        assert!((f64::from(cubic.flat_at) * 0.001_024 - k).abs() < k / 100.0);
        assert!(cubic.curve(1460, cubic.flat_at).abs_diff(1_000_000) < 10);
        assert!(cubic.curve(1460, 0).abs_diff(700_000) < 7_000);
    }

    #[test]
    fn rfc_9438_4_8_after_a_timeout_the_curve_starts_flat() {
        let mut congestion = Congestion::new(1460);
        congestion.on_timeout(100 * 1460);
        assert_eq!(
            (congestion.window(), congestion.ssthresh()),
            (1460, 102_200)
        );
        let now = Instant::ZERO;
        while congestion.in_slow_start() {
            congestion.on_ack(now, 1460, 10_000, true);
        }
        congestion.on_ack(now, 1460, 10_000, true);
        let cubic = congestion.cubic;
        assert_eq!((cubic.flat_at, cubic.w_max), (0, 102_200));
    }

    #[test]
    fn rfc_9438_4_6_and_4_7_reduce_by_beta_and_converge_fast() {
        let mut cubic = Cubic::new();
        let mut window = Window::new(1000);
        window.cwnd = 100_000;
        assert_eq!(cubic.reduce(&mut window, 90_000), 63_000);
        assert_eq!((cubic.w_max, cubic.cwnd_prior), (100_000, 100_000));
        window.cwnd = 80_000;
        assert_eq!(cubic.reduce(&mut window, 1_000), 2_000);
        assert_eq!((cubic.w_max, cubic.cwnd_prior), (68_000, 80_000));
    }

    #[test]
    fn rfc_9438_4_2_time_that_the_application_limits_does_not_count() {
        let mut window = Window::new(1460);
        let mut cubic = Cubic::new();
        let at = Instant::from_millis;
        cubic.on_ack(&mut window, Stage::Flat, at(0), 1460, 10_000, true);
        cubic.on_ack(&mut window, Stage::Running, at(60_000), 1460, 10_000, false);
        let before = window.cwnd;
        cubic.on_ack(&mut window, Stage::Running, at(60_010), 1460, 10_000, true);
        assert!(window.cwnd < before + 1460, "{}", window.cwnd);
    }

    #[test]
    fn defects_076_077_window_follows_the_curve_for_minutes() {
        // 100 ms, no loss after the first: cubic from 70 % up to and through W_max.
        let mut congestion = Congestion::new(1460);
        congestion.window.cwnd = 4_000_000;
        congestion.enter_recovery(4_000_000);
        let k = (1_200_000.0 / MSS / 0.4_f64).cbrt();
        let mut millis: u64 = 1 << 33;
        let start = millis;
        while millis < start + 40_000 {
            let each = congestion.window() / 50;
            for _ in 0..50 {
                congestion.on_ack(Instant::from_millis(millis), each, 100_000, true);
                millis += 2;
            }
            let t = (millis - start) as f64 / 1_000.0;
            let expected = model(4_000_000.0, k, t, MSS);
            let error = (f64::from(congestion.window()) - expected).abs() / expected;
            assert!(
                error < 0.01,
                "{t} s: {} for {expected}",
                congestion.window()
            );
        }
    }

    #[test]
    fn rfc_9438_4_3_reno_friendly_region_grows_by_alpha_then_by_one() {
        // 1 ms: Reno is faster than the cubic curve.
        let mut congestion = Congestion::new(1460);
        congestion.window.cwnd = 100 * 1460;
        congestion.enter_recovery(100 * 1460);
        let (mut w_est, mut micros) = (70.0_f64, 0);
        for _ in 0..120 {
            for _ in 0..32 {
                let acked = congestion.window() / 32;
                let alpha = if w_est < 100.0 { 9.0 / 17.0 } else { 1.0 };
                w_est += alpha * f64::from(acked) / f64::from(congestion.window());
                congestion.on_ack(Instant::from_micros(micros), acked, 1_000, true);
                micros += 31;
            }
            let expected = w_est * MSS;
            let error = (f64::from(congestion.window()) - expected).abs() / expected;
            assert!(error < 0.01, "{} for {expected}", congestion.window());
        }
        assert!(w_est > 130.0);
    }

    #[test]
    fn cubic_is_20_bytes() {
        assert_eq!(size_of::<Cubic>(), 20);
    }

    proptest! {
        #[test]
        fn rfc_9438_4_2_curve_is_within_one_per_cent(
            w_max in 3_000..(1_u32 << 29), below in 0..100_u32, mss in 48..9_000_u16, t in 0..200_000_u32,
        ) {
            let cwnd = w_max / 100 * (100 - below);
            let cubic = running(w_max, cwnd.max(1), mss);
            let k = (f64::from(w_max - cwnd) / f64::from(mss) / 0.4).cbrt();
            let expected = model(f64::from(w_max), k, f64::from(t) / 1_000.0, f64::from(mss));
            let got = f64::from(cubic.curve(mss, ((u64::from(t) * 1_000) >> 10) as u32));
            if expected < f64::from(WINDOW_MAX) && k < 500.0 {
                let scale = expected.max(f64::from(w_max)).max(f64::from(mss) * 100.0);
                prop_assert!((got - expected).abs() <= scale / 100.0, "{got} for {expected}");
            }
        }

        #[test]
        fn cube_root_is_the_floor(number in any::<u64>()) {
            let root = u128::from(cube_root(number >> 2));
            let number = u128::from(number >> 2);
            prop_assert!(root.pow(3) <= number && (root + 1).pow(3) > number);
        }

        #[test]
        fn nothing_overflows_whatever_is_acknowledged(
            steps: std::vec::Vec<(u64, u32, u32, bool, u8)>, mss: u16,
        ) {
            let mut congestion = Congestion::new(mss);
            for (now, acked, srtt, limited, event) in steps {
                let now = Instant::from_micros(now);
                match event % 8 {
                    0 => congestion.enter_recovery(acked),
                    1 => congestion.on_timeout(acked),
                    3 => congestion.after_idle(),
                    4 => congestion.set_mss((acked >> 16) as u16),
                    _ => congestion.on_ack(now, acked, srtt, limited),
                }
                prop_assert!(congestion.window() >= u32::from(congestion.mss()));
                prop_assert!(congestion.window() <= WINDOW_MAX);
                // Where segments grow later, the threshold stays.
                let least = 2 * u32::from(congestion.mss());
                prop_assert!(congestion.ssthresh() >= least || event % 8 != 0);
            }
        }
    }
}
