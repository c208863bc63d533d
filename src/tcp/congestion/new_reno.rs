//! Slow start, congestion avoidance and the threshold of NewReno (RFC 5681 §3.1).

use super::{Start, WINDOW_MAX, Window, initial_window};

/// A window is grown in sixteenths of the growth that a whole window of acknowledgements earns: no
/// product of two windows, and no division of one, is needed.
pub(super) const SLICES: u32 = 16;

impl Window {
    /// The window of a new connection.
    pub(super) fn new(mss: u16) -> Self {
        let mss = mss.max(1);
        Self {
            cwnd: initial_window(mss),
            ssthresh: u32::MAX,
            counted: 0,
            mss,
            start: Start::Ordinary,
            #[cfg(feature = "tcp-cubic")]
            stage: None,
        }
    }

    /// Slow start with octet counting. An acknowledgement counts for two segments at most (RFC 3465
    /// §2.3: it makes up for delayed ones), for one after a timeout (equation 2).
    pub(super) fn slow_start(&mut self, newly_acked: u32) {
        let segments = match self.start {
            Start::Ordinary => 2,
            Start::Careful | Start::TimedOut => 1,
        };
        let most = u32::from(self.mss) * segments;
        let grown = self.cwnd.saturating_add(newly_acked.min(most));
        self.cwnd = grown.min(self.ssthresh).min(WINDOW_MAX);
    }

    /// Congestion avoidance: one segment per window acknowledged.
    pub(super) fn avoid_congestion(&mut self, newly_acked: u32) {
        let slices = self.slices(newly_acked);
        self.grow(u32::from(self.mss) * slices / SLICES);
    }

    /// How many sixteenths of the window have been acknowledged since the last ones were counted:
    /// sixteen at most, so that no acknowledgement grows the window by more than one of its own
    /// round trips would.
    pub(super) fn slices(&mut self, newly_acked: u32) -> u32 {
        let slice = self.cwnd.div_ceil(SLICES).max(1);
        let counted = self.counted.saturating_add(newly_acked);
        let slices = (counted / slice).min(SLICES);
        self.counted = counted.saturating_sub(slices * slice).min(slice);
        slices
    }

    /// Makes the window larger by `octets`.
    pub(super) fn grow(&mut self, octets: u32) {
        self.cwnd = self.cwnd.saturating_add(octets).min(WINDOW_MAX);
    }

    /// Half of what is outstanding, and two segments at least (RFC 5681 §3.1, equation 4).
    pub(super) fn half_flight(&self, flight: u32) -> u32 {
        self.at_least_two_segments(flight / 2)
    }

    pub(super) fn at_least_two_segments(&self, octets: u32) -> u32 {
        octets.clamp(2 * u32::from(self.mss), WINDOW_MAX)
    }
}
