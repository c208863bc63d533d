//! TIME-WAIT (RFC 9293 §3.6.1, RFC 6191): small entries that answer for connections that are over,
//! and hold no control block. When the table is full the oldest gives way.

use super::connection::{Connection, Flags, Tuple};
use super::sequence::Seq;
use crate::config;
use crate::time::{Duration, Instant};

/// A connection that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeWait {
    pub(crate) tuple: Tuple,
    pub(crate) snd_nxt: Seq,
    pub(crate) rcv_nxt: Seq,
    /// The peer's latest timestamp, and the offset of ours, if there were timestamps.
    pub(crate) timestamps: Option<(u32, u32)>,
    pub(crate) until: Instant,
}

/// The table.
pub(crate) struct TimeWaitTable([Option<TimeWait>; config::TCP_TIME_WAIT]);

/// Twice the maximum segment lifetime.
fn twice_msl() -> Duration {
    Duration::from_secs(config::TCP_TIME_WAIT_SECONDS as u64)
}

impl TimeWaitTable {
    pub(crate) const fn new() -> Self {
        Self([None; config::TCP_TIME_WAIT])
    }

    /// A connection has ended well.
    pub(crate) fn enter(&mut self, connection: &Connection, now: Instant) {
        let has_timestamps = connection.flags.contains(Flags::TIMESTAMPS);
        let entry = TimeWait {
            tuple: connection.tuple(),
            snd_nxt: connection.nxt,
            rcv_nxt: connection.rcv_nxt,
            timestamps: has_timestamps.then(|| {
                let round_trips = &connection.round_trips;
                (round_trips.recent(), round_trips.offset)
            }),
            until: now + twice_msl(),
        };
        let place = self
            .0
            .iter_mut()
            .min_by_key(|place| place.map(|entry| entry.until));
        if let Some(place) = place {
            *place = Some(entry);
        }
    }

    /// The entry of a four-tuple, if its time is not over.
    pub(crate) fn find(&mut self, tuple: &Tuple, now: Instant) -> Option<&mut TimeWait> {
        (self.0.iter_mut().flatten()).find(|entry| entry.tuple == *tuple && now < entry.until)
    }

    /// How many there are whose time is not over.
    #[cfg(feature = "statistics")]
    pub(crate) fn count(&self, now: Instant) -> usize {
        let entries = self.0.iter().flatten();
        entries.filter(|entry| now < entry.until).count()
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) {
        for place in &mut self.0 {
            if place.is_some_and(|entry| entry.tuple == *tuple) {
                *place = None;
            }
        }
    }
}

impl TimeWait {
    /// A FIN came again: our acknowledgement was lost, and the time starts anew (RFC 9293
    /// §3.10.7.4, eighth).
    pub(crate) fn restart(&mut self, now: Instant) {
        self.until = now + twice_msl();
    }

    /// Whether a SYN begins a new incarnation: by its timestamp (RFC 6191 §2), or by its sequence
    /// number (RFC 9293 §3.6.1).
    pub(crate) fn may_reopen(&self, seq: Seq, timestamp: Option<u32>) -> bool {
        // The last number that was used is that of the FIN.
        let is_later = !seq.is_before(self.rcv_nxt);
        match (self.timestamps, timestamp) {
            (Some((recent, _)), Some(value)) => {
                Seq(value).is_after(Seq(recent)) || value == recent && is_later
            }
            (None, Some(_)) => true,
            (_, None) => is_later,
        }
    }
}
