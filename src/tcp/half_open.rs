//! Connections whose handshake a peer has begun (SYN-RECEIVED of a passive open): small entries,
//! no control blocks. When the table is full, cookies take its place (RFC 4987 §3.6), so that a flood
//! of SYNs costs a bounded memory and honest peers still get in.

use super::connection::{Agreed, Tuple};
use super::sequence::Seq;
use crate::config;
use crate::time::{Duration, Instant};
use crate::wire::LinkAddr;

/// The interface and the link address that a segment came from. What answers a stranger goes there, and
/// makes no entry in the neighbour cache: a flood of them would fill it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WayBack {
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) interface: u8,
    pub(crate) link: LinkAddr,
}

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
    /// The window in our SYN-ACK, which is not either.
    pub(crate) offered: u16,
    /// The way back to where the SYN came from.
    pub(crate) back: Option<WayBack>,
    /// Our SYN-ACK is acknowledged: the peer waits for a place in the listener's queue.
    pub(crate) acknowledged: bool,
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
    /// When the next SYN-ACK is due.
    due: Instant,
    /// There may be one that is acknowledged.
    has_acknowledged: bool,
    /// What became of the SYN-ACKs of late.
    lately: Lately,
}

/// A second of handshakes. Peers that are real acknowledge what they are sent: where there are more
/// of them than places they are let in as places become free, and else have to ask again, so that
/// none believes in a connection that nobody remembers. In a flood of SYNs that nobody goes on with,
/// each is sent a cookie.
#[derive(Clone, Copy)]
struct Lately {
    since: Instant,
    /// Cookies that have not come back.
    cookies: u16,
    /// Handshakes that were finished.
    finished: u16,
    is_flooded: bool,
}

impl HalfOpenTable {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [None; config::TCP_SYN_QUEUE],
            cookies_until: Instant::ZERO,
            due: Instant::MAX,
            has_acknowledged: false,
            lately: Lately {
                since: Instant::ZERO,
                cookies: 0,
                finished: 0,
                is_flooded: false,
            },
        }
    }

    /// Whether a cookie is to be sent to whom there is no entry for, with so many `places` for its
    /// connection; notes that it is.
    pub(crate) fn send_cookie(&mut self, now: Instant, places: u16) -> bool {
        const SECOND: Duration = Duration::from_secs(1);
        let pending = self.entries.iter().flatten().filter(|e| !e.acknowledged);
        if now.since(self.lately.since) >= SECOND {
            let late = pending.clone().filter(|e| now.since(e.begun) >= SECOND);
            let open = self.lately.cookies.saturating_add(late.count() as u16);
            self.lately = Lately {
                since: now,
                cookies: 0,
                finished: 0,
                is_flooded: usize::from(open) >= config::TCP_SYN_QUEUE
                    && self.lately.finished < open,
            };
        }
        let open = self.lately.cookies.saturating_add(pending.count() as u16);
        let allowed = self.lately.is_flooded || open < places;
        if allowed {
            self.lately.cookies = self.lately.cookies.saturating_add(1);
            self.cookies_until = now + COOKIES_VALID;
        }
        allowed
    }

    /// A SYN-ACK is acknowledged: that of an entry, or a cookie.
    pub(crate) fn finished(&mut self, entry: &HalfOpen) {
        if self.find(&entry.tuple).is_none() {
            self.lately.cookies = self.lately.cookies.saturating_sub(1);
        }
        self.lately.finished = self.lately.finished.saturating_add(1);
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

    pub(crate) fn remove(&mut self, tuple: &Tuple) {
        let mut entries = self.entries.iter_mut();
        let is_it = |entry: &HalfOpen| entry.tuple == *tuple;
        if let Some(entry) = entries.find(|entry| entry.as_ref().is_some_and(is_it)) {
            *entry = None;
            self.look();
        }
    }

    /// Looks when the next SYN-ACK is due: that is asked far more often than it changes.
    fn look(&mut self) {
        let due = self.entries.iter().flatten().map(|entry| entry.due).min();
        self.due = due.unwrap_or(Instant::MAX);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// The SYN-ACK of an entry, or a cookie, was acknowledged, and there is no place for the
    /// connection: it is kept until there is. False if there is no place here either.
    pub(crate) fn keep(&mut self, entry: &HalfOpen) -> bool {
        let kept = match self.find(&entry.tuple) {
            Some(entry) => {
                entry.acknowledged = true;
                true
            }
            None => self.insert(HalfOpen {
                acknowledged: true,
                ..*entry
            }),
        };
        self.has_acknowledged |= kept;
        kept
    }

    /// Takes out the oldest that is acknowledged and for whose listener there is `room`.
    pub(crate) fn take_acknowledged(&mut self, room: impl Fn(u16) -> bool) -> Option<HalfOpen> {
        if !self.has_acknowledged {
            return None;
        }
        self.has_acknowledged = self.entries.iter().flatten().any(|e| e.acknowledged);
        let waiting = self.entries.iter().flatten();
        let oldest = *waiting
            .filter(|entry| entry.acknowledged && room(entry.listener))
            .min_by_key(|entry| entry.begun)?;
        self.remove(&oldest.tuple);
        Some(oldest)
    }

    /// Forgets what a listener has begun.
    pub(crate) fn remove_listener(&mut self, listener: u16) {
        for entry in &mut self.entries {
            if entry.is_some_and(|entry| entry.listener == listener) {
                *entry = None;
            }
        }
        self.look();
    }

    /// Takes an entry in; false if there is no place.
    pub(crate) fn insert(&mut self, entry: HalfOpen) -> bool {
        let place = self.entries.iter_mut().find(|place| place.is_none());
        let is_kept = place.map(|place| *place = Some(entry)).is_some();
        if is_kept {
            self.due = self.due.min(entry.due);
        }
        is_kept
    }

    /// An entry whose SYN-ACK is due again; `None` if there is none. One that has been sent often
    /// enough is forgotten, and so is one that has waited for a place for so long.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<HalfOpen> {
        if self.due > now {
            return None;
        }
        let expired = self.take_expired(now);
        self.look();
        expired
    }

    fn take_expired(&mut self, now: Instant) -> Option<HalfOpen> {
        for place in &mut self.entries {
            let Some(entry) = place.as_mut().filter(|entry| entry.due <= now) else {
                continue;
            };
            if usize::from(entry.sent) >= config::TCP_SYN_ACK_RETRIES {
                *place = None;
                continue;
            }
            // Doubled each time (RFC 6298 §5.5).
            entry.due = now + Duration::from_secs(1).times(1 << entry.sent.min(6));
            entry.sent += 1;
            if !entry.acknowledged {
                return Some(*entry);
            }
        }
        None
    }

    /// When the next SYN-ACK is due; [`Instant::MAX`] if none is.
    #[inline]
    pub(crate) const fn deadline(&self) -> Instant {
        self.due
    }
}
