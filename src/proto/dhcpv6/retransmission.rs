//! When a message is sent, sent again, and given up (RFC 8415 §14.1, §15).

use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// What §15 has for a kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    /// IRT.
    pub(super) initial: Duration,
    /// MRT; zero: none.
    pub(super) most: Duration,
    /// MRC; zero: none.
    pub(super) count: u8,
    /// MRD; zero: none.
    pub(super) duration: Duration,
}

impl Timing {
    /// Seconds, and a count of transmissions.
    pub(super) const fn new(initial: u64, most: u64, count: u8, duration: u64) -> Self {
        Self {
            initial: Duration::from_secs(initial),
            most: Duration::from_secs(most),
            count,
            duration: Duration::from_secs(duration),
        }
    }
}

/// One exchange: a message, and how often and when it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retransmission {
    timing: Timing,
    /// Transmissions so far.
    pub(super) sent: u8,
    /// When the first was.
    first: Instant,
    /// RT.
    timeout: Duration,
    /// When RT runs out, or the first transmission is due.
    due: Instant,
    /// The first RT is longer than IRT (§18.2.1).
    is_patient: bool,
}

impl Retransmission {
    /// Nothing is sent.
    pub(super) const NONE: Self = Self::new(Timing::new(0, 0, 0, 0), Instant::MAX);

    /// An exchange that begins at some time.
    pub(super) const fn new(timing: Timing, at: Instant) -> Self {
        Self {
            timing,
            sent: 0,
            first: at,
            timeout: Duration::ZERO,
            due: at,
            is_patient: false,
        }
    }

    /// The same, with a first RT that is strictly longer than IRT.
    pub(super) const fn patient(timing: Timing, at: Instant) -> Self {
        let mut new = Self::new(timing, at);
        new.is_patient = true;
        new
    }

    /// Hundredths of a second since the first transmission (§21.9).
    pub(super) fn elapsed(&self, now: Instant) -> u16 {
        let hundredths = match self.sent {
            0 => 0,
            _ => now.since(self.first).as_micros() / 10_000,
        };
        hundredths.min(u64::from(u16::MAX)) as u16
    }

    /// The message has been sent: RT is chosen anew. "RAND [...] between -0.1 and +0.1".
    pub(super) fn was_sent(&mut self, now: Instant, rng: &mut Rng) {
        let Timing { initial, most, .. } = self.timing;
        let (base, spread) = match self.sent {
            0 => (initial, initial),
            _ => (self.timeout.times(2), self.timeout),
        };
        let tenth = |span: Duration| Duration::from_micros(span.as_micros() / 10);
        let least = match self.is_patient && self.sent == 0 {
            true => base + Duration::from_micros(1),
            false => base - tenth(spread),
        };
        self.timeout = rng.between(least, base + tenth(spread));
        if most != Duration::ZERO && self.timeout > most {
            self.timeout = rng.between(most - tenth(most), most + tenth(most));
        }
        if self.sent == 0 {
            self.first = now;
        }
        self.sent = self.sent.saturating_add(1);
        self.due = now + self.timeout;
    }

    /// It is sent again at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = now;
    }

    /// The first RT is over, or one after it.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    fn end(&self) -> Instant {
        match self.timing.duration {
            Duration::ZERO => Instant::MAX,
            _ if self.sent == 0 => Instant::MAX,
            duration => self.first + duration,
        }
    }

    /// The exchange has failed: by its count, or its duration.
    pub(super) fn has_failed(&self, now: Instant) -> bool {
        let Timing { count, .. } = self.timing;
        let is_out = count != 0 && self.sent >= count && self.is_due(now);
        is_out || self.end() <= now
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Instant {
        self.due.min(self.end())
    }
}

/// A bucket of tokens, one for each message (§14.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimit {
    /// One token comes in this time.
    interval: Duration,
    /// What all tokens of a full bucket take.
    burst: Duration,
    /// When the bucket is full again.
    full: Instant,
}

impl RateLimit {
    /// So many messages in this time.
    pub(super) const fn new(messages: u16, period: Duration) -> Self {
        let messages = if messages == 0 { 1 } else { messages as u64 };
        let interval = Duration::from_micros(period.as_micros() / messages);
        Self {
            interval,
            burst: period,
            full: Instant::ZERO,
        }
    }

    /// When the next message may be sent: some time ago, or later.
    pub(super) fn next(&self) -> Instant {
        self.full - (self.burst - self.interval)
    }

    /// A message has been sent.
    pub(super) fn was_sent(&mut self, now: Instant) {
        self.full = self.full.max(now) + self.interval;
    }
}
