//! Congestion control: how much may be on its way.
//!
//! The base is NewReno (RFC 5681, RFC 6582; [`new_reno`]); with the feature `tcp-cubic`, CUBIC
//! (RFC 9438; [`cubic`]) is what a connection starts with. Loss recovery itself, and how the window
//! goes down during it (RFC 6937), is the recovery machine's: this one only says where it goes.
//!
//! All windows are octets. Growth counts octets, not acknowledgements (RFC 3465), so that an
//! acknowledgement split in pieces gains nothing.

#[cfg(feature = "tcp-cubic")]
mod cubic;
mod new_reno;

#[cfg(feature = "tcp-cubic")]
use cubic::{Cubic, Stage};

use crate::time::Instant;

/// The largest window that a peer can ever offer: 65,535 scaled by 14 (RFC 7323 §2.3).
const WINDOW_MAX: u32 = 65_535 << 14;

/// The congestion control of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Congestion {
    window: Window,
    #[cfg(feature = "tcp-cubic")]
    cubic: Cubic,
}

/// What the algorithms share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Window {
    cwnd: u32,
    ssthresh: u32,
    /// Octets acknowledged in congestion avoidance that have not grown the window yet.
    counted: u32,
    mss: u16,
    start: Start,
    /// What CUBIC does in congestion avoidance; `None` where it is NewReno's.
    #[cfg(feature = "tcp-cubic")]
    stage: Option<Stage>,
}

/// What a slow start follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Start {
    /// No timeout.
    Ordinary,
    /// A timeout: it counts one segment per acknowledgement at most.
    Careful,
    /// A timeout, and nothing new has been acknowledged since.
    TimedOut,
}

impl Congestion {
    /// What a connection starts with: CUBIC where the feature `tcp-cubic` is on, else NewReno.
    /// `mss` is the effective one: options of every segment are taken off (RFC 6691, RFC 9293
    /// §3.7.1).
    pub fn new(mss: u16) -> Self {
        let this = Self::new_reno(mss);
        #[cfg(feature = "tcp-cubic")]
        let this = Self {
            window: Window {
                stage: Some(Stage::Flat),
                ..this.window
            },
            ..this
        };
        this
    }

    /// NewReno, whatever the features.
    pub fn new_reno(mss: u16) -> Self {
        Self {
            window: Window::new(mss),
            #[cfg(feature = "tcp-cubic")]
            cubic: Cubic::new(),
        }
    }

    /// The congestion window in octets.
    pub const fn window(&self) -> u32 {
        self.window.cwnd
    }

    /// The slow start threshold in octets; `u32::MAX` before the first sign of congestion
    /// (RFC 5681 §3.1: arbitrarily high).
    pub const fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    /// The segment size that windows are counted in.
    pub const fn mss(&self) -> u16 {
        self.window.mss
    }

    /// Whether the window grows as in slow start (RFC 5681 §3.1).
    pub const fn in_slow_start(&self) -> bool {
        self.window.cwnd < self.window.ssthresh
    }

    /// `newly_acked` octets were acknowledged, outside of fast recovery. `srtt` is in microseconds;
    /// `cwnd_limited` tells whether it was this window, not the peer's or a lack of data, that held
    /// back the last transmission: only then does it grow (RFC 9438 §5.8, RFC 7661).
    pub fn on_ack(&mut self, now: Instant, newly_acked: u32, srtt: u32, cwnd_limited: bool) {
        if newly_acked == 0 {
            return;
        }
        if self.window.start == Start::TimedOut {
            self.window.start = Start::Careful;
        }
        if self.in_slow_start() {
            if cwnd_limited {
                self.window.slow_start(newly_acked);
            }
            return;
        }
        self.window.start = Start::Ordinary;
        #[cfg(feature = "tcp-cubic")]
        if let Some(stage) = self.window.stage {
            let (window, cubic) = (&mut self.window, &mut self.cubic);
            return cubic.on_ack(window, stage, now, newly_acked, srtt, cwnd_limited);
        }
        if cwnd_limited {
            self.window.avoid_congestion(newly_acked);
        }
        let _: (Instant, u32) = (now, srtt);
    }

    /// A loss was found other than by timeout while `flight` octets were outstanding, without those
    /// that limited transmit added (RFC 5681 §3.2 step 2). Once per recovery.
    pub fn enter_recovery(&mut self, flight: u32) {
        let ssthresh = self.reduce(flight);
        self.window.ssthresh = ssthresh;
        self.window.cwnd = ssthresh;
    }

    /// Fast recovery is over: the window is no more than what it was reduced to (RFC 5681 §4.3).
    pub fn leave_recovery(&mut self) {
        self.window.cwnd = self.window.cwnd.min(self.window.ssthresh);
    }

    /// The retransmission timer expired with `flight` octets outstanding (RFC 5681 §3.1). The
    /// threshold is held where the same data times out again.
    pub fn on_timeout(&mut self, flight: u32) {
        if self.window.start != Start::TimedOut {
            self.window.ssthresh = self.reduce(flight);
            // RFC 9438 §4.8.
            #[cfg(feature = "tcp-cubic")]
            if let Some(stage) = &mut self.window.stage {
                *stage = Stage::Flat;
            }
        }
        self.window.cwnd = u32::from(self.window.mss);
        self.window.counted = 0;
        self.window.start = Start::TimedOut;
    }

    /// The retransmission timer expired too early, when `pipe` octets were outstanding or the threshold
    /// was that: as before, but without a burst (RFC 4015 §3.1 step 9). `flight` are outstanding now, and
    /// `newly_acked` have been acknowledged.
    pub fn undo_timeout(&mut self, pipe: u32, flight: u32, newly_acked: u32) {
        let burst = newly_acked.min(initial_window(self.window.mss));
        self.window.cwnd = (flight.saturating_add(burst)).clamp(self.window.mss.into(), WINDOW_MAX);
        self.window.ssthresh = pipe;
        self.window.start = Start::Ordinary;
    }

    /// Our SYN got lost more than once: "the initial window used by a sender after a correctly
    /// transmitted SYN MUST be one segment" (RFC 5681 §3.1), which RFC 6928 §2 takes back for one
    /// that was lost once. Slow start goes on from there.
    pub fn begin_with_one_segment(&mut self) {
        self.window.cwnd = u32::from(self.window.mss);
    }

    /// Data is about to be sent after none was for longer than the retransmission timeout: the
    /// restart window (RFC 5681 §4.1).
    pub fn after_idle(&mut self) {
        self.window.cwnd = self.window.cwnd.min(initial_window(self.window.mss));
        self.window.counted = 0;
        // What was a stage of CUBIC is over.
        #[cfg(feature = "tcp-cubic")]
        if let Some(stage @ Stage::Running) = &mut self.window.stage {
            *stage = Stage::Concave;
        }
    }

    /// The effective segment size changed. Where it shrank, so does the window, so that it is not a
    /// burst of many small segments (RFC 5681 §3.1).
    pub fn set_mss(&mut self, mss: u16) {
        let (old, new) = (u32::from(self.window.mss), u32::from(mss.max(1)));
        if new < old {
            // Not on the way of packets: dividing first would lose up to a segment.
            let cwnd = u64::from(self.window.cwnd) * u64::from(new) / u64::from(old.max(1));
            self.window.cwnd = u32::try_from(cwnd).unwrap_or(WINDOW_MAX);
        }
        self.window.cwnd = self.window.cwnd.max(new);
        self.window.mss = mss.max(1);
        self.window.counted = 0;
    }

    /// The new threshold after a sign of congestion.
    fn reduce(&mut self, flight: u32) -> u32 {
        self.window.counted = 0;
        #[cfg(feature = "tcp-cubic")]
        if self.window.stage.is_some() {
            return self.cubic.reduce(&mut self.window, flight);
        }
        self.window.half_flight(flight)
    }
}

/// The initial window (RFC 6928 §2, equation 1).
fn initial_window(mss: u16) -> u32 {
    let mss = u32::from(mss);
    (10 * mss).min((2 * mss).max(14_600))
}

#[cfg(test)]
mod tests;
