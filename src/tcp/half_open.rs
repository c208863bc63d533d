//! Connections whose handshake a peer has begun (SYN-RECEIVED of a passive open): small entries,
//! no control blocks. When the table is full, cookies take its place (RFC 4987 §3.6), so that a flood
//! of SYNs costs a bounded memory and honest peers still get in.

use super::connection::{Agreed, Tuple};
use super::sequence::Seq;
use crate::config;
use crate::time::{Duration, Instant};

/// One handshake that was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HalfOpen {
    pub(crate) tuple: Tuple,
    pub(crate) listener: u16,
    pub(crate) irs: Seq,
    pub(crate) iss: Seq,
    pub(crate) ts_offset: u32,
    pub(crate) agreed: Agreed,
    /// The window in the SYN, which is never scaled.
    pub(crate) window: u16,
    /// SYN-ACKs sent so far.
    pub(crate) sent: u8,
    /// When the first SYN-ACK was sent, and when the next is due.
    pub(crate) begun: Instant,
    pub(crate) due: Instant,
}

/// How long an ACK may bring back a cookie: as long as `isn` takes it for valid.
const COOKIES_VALID: Duration = Duration::from_secs(135);

/// The table.
pub(crate) struct HalfOpenTable {
    entries: [Option<HalfOpen>; config::TCP_SYN_QUEUE],
    /// Until then cookies are out.
    cookies_until: Instant,
}

impl HalfOpenTable {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [None; config::TCP_SYN_QUEUE],
            cookies_until: Instant::ZERO,
        }
    }

    /// A cookie is sent.
    pub(crate) fn cookie_sent(&mut self, now: Instant) {
        self.cookies_until = now + COOKIES_VALID;
    }

    /// Whether an ACK may bring back a cookie: none is looked for where none was sent, as it could
    /// only be a guess.
    pub(crate) fn has_cookies_out(&self, now: Instant) -> bool {
        now < self.cookies_until
    }

    pub(crate) fn find(&mut self, tuple: &Tuple) -> Option<&mut HalfOpen> {
        self.entries
            .iter_mut()
            .flatten()
            .find(|entry| entry.tuple == *tuple)
    }

    /// The SYN has come again: its later timestamp is the one to echo, or the round trip would seem
    /// to be as long as the peer has waited (RFC 7323 §4.3).
    pub(crate) fn repeated(&mut self, tuple: &Tuple, timestamp: u32) {
        let mut entries = self.entries.iter_mut().flatten();
        if let Some(entry) = entries.find(|entry| entry.tuple == *tuple)
            && let Some(recent) = &mut entry.agreed.timestamp
            && Seq(timestamp).is_after(Seq(*recent))
        {
            *recent = timestamp;
        }
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) -> Option<HalfOpen> {
        let is_it = |entry: &Option<HalfOpen>| entry.is_some_and(|entry| entry.tuple == *tuple);
        self.entries.iter_mut().find(|entry| is_it(entry))?.take()
    }

    /// Forgets what a listener has begun.
    pub(crate) fn remove_listener(&mut self, listener: u16) {
        for entry in &mut self.entries {
            if entry.is_some_and(|entry| entry.listener == listener) {
                *entry = None;
            }
        }
    }

    /// Takes an entry in; false if there is no place.
    pub(crate) fn insert(&mut self, entry: HalfOpen) -> bool {
        let place = self.entries.iter_mut().find(|place| place.is_none());
        place.map(|place| *place = Some(entry)).is_some()
    }

    /// An entry whose SYN-ACK is due again; `None` if there is none. One that has been sent often
    /// enough is forgotten.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<HalfOpen> {
        for place in &mut self.entries {
            let Some(entry) = place.as_mut().filter(|entry| entry.due <= now) else {
                continue;
            };
            if usize::from(entry.sent) >= config::TCP_SYN_RETRIES {
                *place = None;
                continue;
            }
            // Doubled each time (RFC 6298 §5.5).
            entry.due = now + Duration::from_secs(1).times(1 << entry.sent.min(6));
            entry.sent += 1;
            return Some(*entry);
        }
        None
    }

    /// When the next SYN-ACK is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.entries.iter().flatten().map(|entry| entry.due).min()
    }
}
