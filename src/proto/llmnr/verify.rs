//! Whether the name is that of this host alone, on one interface (§4).

use core::net::IpAddr;

use super::{JITTER, TRIES};
use crate::proto::dns::RecordType;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// The least time after which a name that was given up is tried again, in seconds.
const RETRY: u32 = 30;
/// The most: what a stranger says of TTLs is not believed for ever.
const LONGEST_RETRY: u32 = 3600;

/// How the name of the host is used on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NameState {
    /// Not at all: the responder does not run, or the interface is down or has no address.
    Inactive,
    /// It is being verified that no other host has it; queries are answered tentatively.
    Verifying,
    /// No other host has it.
    Unique,
    /// Other hosts may have it too: [`Llmnr::set_shared`](super::Llmnr::set_shared).
    Shared,
    /// Another host has it: queries are not answered. After the TTL of what that host said it is
    /// verified again.
    Conflicted,
}

/// A verification that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verification {
    pub(super) id: u16,
    pub(super) kind: RecordType,
    /// How often the query was sent.
    sent: u8,
    due: Instant,
}

/// The name on one interface.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Stands for the addresses of the interface and the name, 0 for none.
    pub(super) seen: u32,
    state: NameState,
    running: Option<Verification>,
    /// When a name in conflict is tried again.
    retry: Instant,
    /// Another interface is on the same link.
    pub(super) is_doubled: bool,
}

impl Verifier {
    pub(super) const IDLE: Self = Self {
        seen: 0,
        state: NameState::Inactive,
        running: None,
        retry: Instant::MAX,
        is_doubled: false,
    };

    pub(super) const fn state(&self) -> NameState {
        self.state
    }

    pub(super) fn running(&self) -> Option<Verification> {
        self.running
    }

    /// The interface has another link, other addresses, or the host another name.
    pub(super) fn changed(&mut self, now: Instant, seen: u32, is_shared: bool, rng: &mut Rng) {
        *self = Self { seen, ..Self::IDLE };
        match (seen, is_shared) {
            (0, _) => {}
            (_, true) => self.state = NameState::Shared,
            (_, false) => self.begin(now, RecordType::ANY, rng),
        }
    }

    /// Asks for the name: "It is RECOMMENDED that responders verify uniqueness of a name by sending a
    /// query for the name with type='ANY'" (§4.1).
    fn begin(&mut self, now: Instant, kind: RecordType, rng: &mut Rng) {
        if self.state != NameState::Unique {
            self.state = NameState::Verifying;
        }
        self.retry = Instant::MAX;
        self.running = Some(Verification {
            id: rng.next_u32() as u16,
            kind,
            sent: 0,
            // "SHOULD be delayed by a time randomly selected" (§2.7).
            due: now + jitter(rng),
        });
    }

    /// Somebody says that there is a conflict: "the responder MUST send its own query for the same
    /// name, type, and class, with the 'C' bit clear" (§4.2). One at a time.
    pub(super) fn accused(&mut self, now: Instant, kind: RecordType, rng: &mut Rng) {
        if self.state == NameState::Unique && self.running.is_none() {
            self.begin(now, kind, rng);
        }
    }

    /// Another host has answered the query of a verification, which was sent from `own`. Says whether
    /// the name is given up.
    pub(super) fn contested(
        &mut self,
        now: Instant,
        (by, own): (IpAddr, IpAddr),
        is_tentative: bool,
        ttl: u32,
    ) -> bool {
        // Of one version they are, the octets in their order.
        let is_smaller = by < own;
        let gives_up = match self.state {
            // "If a response is received with the 'T' bit clear, the responder MUST NOT use the name";
            // with it set the smaller address has it (§4.1).
            NameState::Verifying => !is_tentative || is_smaller,
            // "MUST immediately stop using the conflicting name [...], if the source IP address in the
            // response is lexicographically smaller" (§4.2).
            NameState::Unique => is_smaller,
            _ => false,
        };
        if gives_up {
            self.state = NameState::Conflicted;
            self.running = None;
            let seconds = ttl.clamp(RETRY, LONGEST_RETRY);
            self.retry = now + Duration::from_secs(seconds.into());
        }
        gives_up
    }

    /// What is to be done now: a query to be sent, if any. Says whether the state is another.
    pub(super) fn next(
        &mut self,
        now: Instant,
        timeout: Duration,
        rng: &mut Rng,
    ) -> (Option<Verification>, bool) {
        if self.state == NameState::Conflicted && self.retry <= now {
            self.begin(now, RecordType::ANY, rng);
            return (None, true);
        }
        match &mut self.running {
            Some(running) if running.due <= now && running.sent < TRIES => {
                running.sent += 1;
                running.due = now + timeout;
                (Some(*running), false)
            }
            Some(running) if running.due <= now => {
                self.running = None;
                let is_news = self.state != NameState::Unique;
                self.state = NameState::Unique;
                (None, is_news)
            }
            _ => (None, false),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let due = self.running.map_or(Instant::MAX, |running| running.due);
        due.min(self.retry)
    }
}

/// A time up to JITTER_INTERVAL.
pub(super) fn jitter(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.below(JITTER + 1).into())
}
