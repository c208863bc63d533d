//! The retransmission timeout (RFC 6298), from samples of the round-trip time.
//!
//! A sample is either taken with the Timestamps option from every acknowledgement of new data
//! (RFC 7323 §4), or once per round trip from data that was sent only once (Karn's rule, RFC 6298
//! §3): whoever takes the sample sees to that. With the option there are many samples per round
//! trip, so each weighs less (RFC 7323 appendix G).
//!
//! Deviation: RFC 6298 §2.4 SHOULD round the timeout up to a second. As Linux does, the *variance*
//! term is instead at least [`TCP_RTO_MIN`], 200 ms by default: that is longer than the delayed
//! acknowledgements in use, and a second of silence costs a device on a bad network most of its
//! throughput.

use crate::config::TCP_RTO_MIN;
use crate::time::Duration;

/// The timeout before the first sample, in microseconds (RFC 6298 §2.1).
const INITIAL: u32 = 1_000_000;
/// The same once the SYN has been retransmitted (RFC 6298 §5.7).
const INITIAL_AFTER_SYN_TIMEOUT: u32 = 3_000_000;
/// The longest timeout, in microseconds (RFC 6298 §2.5: at least 60 seconds).
const MAX: u32 = 60_000_000;
/// The least that the variance term may be, in microseconds; never below the granularity of the
/// timestamp clock, one millisecond (RFC 6298 §2.3, §4).
const VARIANCE_MIN: u32 = TCP_RTO_MIN as u32 * 1_000;
/// Fractional bits of `srtt` and `rttvar`: 60 s in microseconds still fit in 31 bits.
const FRACTION: u32 = 5;

/// The estimator of the round-trip time and of the retransmission timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RttEstimator {
    /// SRTT in 1/32 µs; zero before the first sample.
    srtt: u32,
    /// RTTVAR in 1/32 µs. Before the first sample: one if the SYN was retransmitted on a timeout.
    rttvar: u32,
    /// The least of recent samples in microseconds. It drifts up by 1/64 with every sample, so that
    /// it follows a path that has become longer (RFC 8985 §6.2 step 1). In the bits above it, how
    /// many times the timeout has been doubled since the last sample (RFC 6298 §5.5).
    min_and_backoff: u32,
}

/// Bits that the least sample takes: it is [`MAX`] at most.
const MIN_BITS: u32 = 27;

impl Default for RttEstimator {
    fn default() -> Self {
        Self::new()
    }
}

impl RttEstimator {
    /// An estimator that has seen no sample.
    pub const fn new() -> Self {
        Self {
            srtt: 0,
            rttvar: 0,
            min_and_backoff: 0,
        }
    }

    /// Takes a sample of the round-trip time. `flight` octets were outstanding and segments are of
    /// `mss`: where samples come with every acknowledgement (`every_ack`, the Timestamps option),
    /// they tell how many of them make a round trip.
    pub fn sample(&mut self, rtt: Duration, every_ack: bool, flight: u32, mss: u16) {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(MAX).clamp(1, MAX);
        let scaled = micros << FRACTION;
        let min = if self.srtt == 0 {
            // RFC 6298 §2.2.
            (self.srtt, self.rttvar) = (scaled, scaled / 2);
            micros
        } else {
            // RFC 7323 appendix G: one sample per two segments.
            let samples = match every_ack {
                true => flight.div_ceil(u32::from(mss.max(1)) * 2).clamp(1, 1 << 16),
                false => 1,
            };
            // RFC 6298 §2.3: RTTVAR with the old SRTT, then SRTT; alpha 1/8 and beta 1/4.
            let error = scaled.abs_diff(self.srtt);
            self.rttvar = toward(self.rttvar, error, samples * 4);
            self.srtt = toward(self.srtt, scaled, samples * 8).max(1);
            let min = self.min_micros();
            micros.min(min + min / 64 + 1)
        };
        // No doubling any more.
        self.min_and_backoff = min;
    }

    /// The timer expired although nothing was lost, as `sample` shows: it is not to happen again soon
    /// (RFC 4015 §3.1 step 11).
    pub fn was_too_early(&mut self, sample: Duration) {
        let micros = u32::try_from(sample.as_micros()).unwrap_or(MAX).min(MAX);
        let scaled = micros << FRACTION;
        (self.srtt, self.rttvar) = (self.srtt.max(scaled), self.rttvar.max(scaled / 2));
    }

    /// The retransmission timer expired: doubles the timeout (RFC 6298 §5.5).
    pub fn back_off(&mut self) {
        self.set_backoff((self.backoff() + 1).min(16));
    }

    /// A window that was shut has opened: what was backed off were the probes of it.
    pub fn opened(&mut self) {
        self.set_backoff(0);
    }

    /// How many times the timeout has been doubled since the last sample.
    pub const fn backoff(&self) -> u32 {
        self.min_and_backoff >> MIN_BITS
    }

    const fn set_backoff(&mut self, times: u32) {
        self.min_and_backoff = self.min_micros() | times << MIN_BITS;
    }

    /// The handshake is complete; the SYN was or was not retransmitted on a timeout. Data starts
    /// with a timeout of three seconds if it was (RFC 6298 §5.7), until there is a sample: take one
    /// that the Timestamps option gives for the SYN after this call.
    pub fn established(&mut self, syn_timeout: bool) {
        self.set_backoff(0);
        if self.srtt == 0 {
            self.rttvar = u32::from(syn_timeout);
        }
    }

    /// The retransmission timeout.
    #[cfg(test)]
    pub fn rto(&self) -> Duration {
        Duration::from_micros(self.rto_micros().into())
    }

    /// The retransmission timeout in microseconds.
    pub fn rto_micros(&self) -> u32 {
        let base = match (self.srtt, self.rttvar) {
            (0, 0) => INITIAL,
            (0, _) => INITIAL_AFTER_SYN_TIMEOUT,
            (srtt, _) => {
                let variance = (self.rttvar >> FRACTION).saturating_mul(4);
                (srtt >> FRACTION).saturating_add(variance.max(VARIANCE_MIN))
            }
        };
        match self.backoff() {
            times if base > MAX >> times => MAX,
            times => base << times,
        }
    }

    /// The smoothed round-trip time, if there has been a sample.
    pub const fn srtt(&self) -> Option<Duration> {
        match self.srtt {
            0 => None,
            srtt => Some(Duration::from_micros((srtt >> FRACTION) as u64)),
        }
    }

    /// The smoothed round-trip time in microseconds; zero before the first sample.
    pub const fn srtt_micros(&self) -> u32 {
        self.srtt >> FRACTION
    }

    /// The least of recent samples in microseconds; zero before the first one.
    pub const fn min_micros(&self) -> u32 {
        self.min_and_backoff & ((1 << MIN_BITS) - 1)
    }
}

/// `value` moved by one `weight`-th of the way to `sample`.
const fn toward(value: u32, sample: u32, weight: u32) -> u32 {
    // No division by zero: `weight` is a sample count of at least one, times 4 or 8.
    let step = match value.abs_diff(sample).checked_div(weight) {
        Some(step) => step,
        None => 0,
    };
    if sample > value {
        value.saturating_add(step)
    } else {
        value.saturating_sub(step)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn millis(span: u64) -> Duration {
        Duration::from_millis(span)
    }

    fn once(samples: &[u64]) -> RttEstimator {
        let mut rtt = RttEstimator::new();
        for sample in samples {
            rtt.sample(millis(*sample), false, 0, 1460);
        }
        rtt
    }

    #[test]
    fn rfc_6298_2_1_first_timeout_is_a_second() {
        assert_eq!(RttEstimator::new().rto(), millis(1_000));
        assert_eq!(RttEstimator::new().srtt(), None);
    }

    #[test]
    fn rfc_6298_2_2_first_sample_is_the_mean_and_half_of_it_the_variance() {
        let rtt = once(&[400]);
        assert_eq!(rtt.srtt(), Some(millis(400)));
        assert_eq!(rtt.rto(), millis(400 + 4 * 200));
    }

    #[test]
    fn rfc_6298_2_3_variance_uses_the_old_mean() {
        let rtt = once(&[400, 800]);
        // RTTVAR = 3/4 * 200 + 1/4 * |400 - 800|, SRTT = 7/8 * 400 + 1/8 * 800.
        assert_eq!(rtt.srtt(), Some(millis(450)));
        assert_eq!(rtt.rto(), millis(450 + 4 * 250));
    }

    #[test]
    fn rfc_6298_2_4_timeout_stays_a_minimum_above_the_mean() {
        let rtt = once(&[10; 100]);
        assert_eq!(rtt.rto(), millis(10 + TCP_RTO_MIN as u64));
    }

    #[test]
    fn rfc_6298_2_5_timeout_is_at_most_a_minute() {
        let mut rtt = once(&[100_000_000, 1]);
        assert_eq!(rtt.rto(), millis(60_000));
        for _ in 0..300 {
            rtt.back_off();
        }
        assert_eq!(rtt.rto(), millis(60_000));
    }

    #[test]
    fn rfc_6298_5_5_timeout_doubles_and_a_sample_collapses_it() {
        let mut rtt = once(&[400]);
        rtt.back_off();
        rtt.back_off();
        assert_eq!(rtt.rto(), millis(4 * 1_200));
        rtt.sample(millis(400), false, 0, 1460);
        assert_eq!(rtt.rto(), millis(400 + 4 * 150));
    }

    #[test]
    fn rfc_6298_5_7_timeout_is_three_seconds_after_a_retransmitted_syn() {
        let mut rtt = RttEstimator::new();
        rtt.back_off();
        rtt.established(true);
        assert_eq!(rtt.rto(), millis(3_000));
        rtt.sample(millis(100), false, 0, 1460);
        assert_eq!(rtt.rto(), millis(300));
    }

    #[test]
    fn rfc_7323_appendix_g_a_window_of_samples_weighs_as_one() {
        let mut one = once(&[100]);
        let mut many = one;
        one.sample(millis(200), false, 0, 1460);
        for _ in 0..22 {
            many.sample(millis(200), true, 44 * 1460, 1460);
        }
        let (one, many) = (one.srtt_micros(), many.srtt_micros());
        assert!(one.abs_diff(many) < 1_000, "{one} {many}");
    }

    #[test]
    fn rfc_8985_6_2_minimum_follows_a_longer_path() {
        let mut rtt = once(&[10]);
        rtt.sample(millis(30), false, 0, 1460);
        assert_eq!(rtt.min_micros(), 10_157);
        for _ in 0..100 {
            rtt.sample(millis(30), false, 0, 1460);
        }
        assert_eq!(rtt.min_micros(), 30_000);
    }

    #[test]
    fn an_estimator_is_12_bytes() {
        assert_eq!(size_of::<RttEstimator>(), 12);
    }

    proptest! {
        #[test]
        fn timeout_is_never_below_what_was_measured(samples: std::vec::Vec<(u32, u16, u32)>) {
            let mut rtt = RttEstimator::new();
            for (micros, mss, flight) in samples {
                rtt.sample(Duration::from_micros(u64::from(micros)), mss & 1 == 0, flight, mss);
                prop_assert!(rtt.rto() >= rtt.srtt().unwrap_or_default());
                prop_assert!(rtt.rto() <= millis(60_000));
                prop_assert!(rtt.min_micros() <= micros.clamp(1, MAX));
            }
        }
    }
}
