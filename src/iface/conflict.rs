//! Who else has our IPv4 addresses: probes, announcements, defence.
//!
//! Before touching it read RFC 5227 §2. The machine sends nothing itself: it says which ARP packet
//! is due, and is told when that was sent.

use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// "initial random delay" before the first probe (RFC 5227 §1.1).
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// "number of probe packets".
const PROBE_NUM: u8 = 3;
/// "minimum delay until repeated probe".
const PROBE_MIN: Duration = Duration::from_secs(1);
/// "maximum delay until repeated probe".
const PROBE_MAX: Duration = Duration::from_secs(2);
/// "delay before announcing".
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// "number of Announcement packets".
const ANNOUNCE_NUM: u8 = 2;
/// "time between Announcement packets".
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(2);
/// "max conflicts before rate-limiting".
const MAX_CONFLICTS: u8 = 10;
/// "delay between successive attempts".
const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// "minimum interval between defensive ARPs".
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// When a packet that could not be sent is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is done on an interface to find out whether other stations have its IPv4 addresses, and
/// what when one has (RFC 5227 §2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ConflictDetection {
    /// Nothing: addresses are used at once, and kept.
    Off,
    /// New addresses are probed; one that another station has too is given up (§2.4 a).
    GiveUp,
    /// New addresses are probed; one that another station has too is announced once more, and given
    /// up when the other insists within 10 seconds (§2.4 b).
    #[default]
    DefendOnce,
    /// New addresses are probed; one in use is never given up, and announced at most once in 10
    /// seconds (§2.4 c): for a host that others know by its address.
    DefendAlways,
}

/// What an interface knows of conflicts.
pub(crate) struct Conflicts {
    pub(crate) detection: ConflictDetection,
    /// Conflicts since the link came up.
    count: u8,
    /// The next new address is not tried before this.
    next_attempt: Instant,
    /// The candidate that the interface is at, where it is to have a link-local address.
    #[cfg(feature = "ipv4-link-local")]
    pub(crate) link_local: Option<u32>,
}

impl Conflicts {
    pub(crate) const NEW: Self = Self {
        detection: ConflictDetection::DefendOnce,
        count: 0,
        next_attempt: Instant::ZERO,
        #[cfg(feature = "ipv4-link-local")]
        link_local: None,
    };

    /// Notes a conflict.
    pub(crate) fn noted(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// A link that comes up is another.
    pub(crate) fn forget(&mut self) {
        self.count = 0;
        self.next_attempt = Instant::ZERO;
    }

    /// When a new address may be tried: "if the host experiences MAX_CONFLICTS or more address
    /// conflicts on a given interface, then the host MUST limit the rate at which it probes for new
    /// addresses on this interface to no more than one attempted new address per
    /// RATE_LIMIT_INTERVAL" (§2.1.1).
    pub(crate) fn attempt(&mut self, now: Instant) -> Instant {
        let at = match self.count >= MAX_CONFLICTS {
            true => now.max(self.next_attempt),
            false => now,
        };
        self.next_attempt = at + RATE_LIMIT_INTERVAL;
        at
    }
}

/// What is to be sent for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Probe,
    Announcement,
    /// Nothing: whether a link-local address is still needed is to be looked at.
    #[cfg(feature = "ipv4-link-local")]
    Retirement,
}

/// What is done about a conflict over an address in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    GiveUp,
    Announce,
    Nothing,
}

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Probe {
        sent: u8,
    },
    Announce {
        sent: u8,
    },
    #[cfg(feature = "ipv4-link-local")]
    Retire,
}

/// How far an address has been probed and announced, and when somebody else claimed it last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    step: Step,
    /// When the next packet is due; [`Instant::MAX`]: none is.
    deadline: Instant,
    /// When somebody else claimed the address; [`Instant::ZERO`]: nobody has.
    conflict: Instant,
}

impl Claim {
    /// Nothing is due.
    pub(crate) const IDLE: Self = Self {
        step: Step::Idle,
        deadline: Instant::MAX,
        conflict: Instant::ZERO,
    };

    /// Begins to probe at `at`: "the host should then wait for a random time interval selected
    /// uniformly in the range zero to PROBE_WAIT seconds" (§2.1.1).
    pub(crate) fn begin(&mut self, at: Instant, rng: &mut Rng) {
        *self = Self {
            step: Step::Probe { sent: 0 },
            deadline: at + rng.between(Duration::ZERO, PROBE_WAIT),
            conflict: Instant::ZERO,
        };
    }

    /// What is due at `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        if now < self.deadline {
            return None;
        }
        match self.step {
            Step::Idle => None,
            Step::Probe { .. } => Some(Due::Probe),
            Step::Announce { .. } => Some(Due::Announcement),
            #[cfg(feature = "ipv4-link-local")]
            Step::Retire => Some(Due::Retirement),
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.deadline != Instant::MAX).then_some(self.deadline)
    }

    /// What was due has been sent.
    pub(crate) fn sent(&mut self, now: Instant, rng: &mut Rng) {
        (self.step, self.deadline) = match self.step {
            // "each of these probe packets spaced randomly and uniformly, PROBE_MIN to PROBE_MAX
            // seconds apart" (§2.1.1)
            Step::Probe { sent } if sent + 1 < PROBE_NUM => (
                Step::Probe { sent: sent + 1 },
                now + rng.between(PROBE_MIN, PROBE_MAX),
            ),
            Step::Probe { .. } => (Step::Announce { sent: 0 }, now + ANNOUNCE_WAIT),
            Step::Announce { sent } if sent + 1 < ANNOUNCE_NUM => {
                (Step::Announce { sent: sent + 1 }, now + ANNOUNCE_INTERVAL)
            }
            _ => (Step::Idle, Instant::MAX),
        };
    }

    /// What was due could not be sent.
    pub(crate) fn not_sent(&mut self, now: Instant) {
        self.deadline = now + RETRY;
    }

    /// Somebody else claims the address, which is in use here (§2.4).
    pub(crate) fn conflict(&mut self, now: Instant, detection: ConflictDetection) -> Response {
        let is_recent = self.conflict != Instant::ZERO && now < self.conflict + DEFEND_INTERVAL;
        match (detection, is_recent) {
            (ConflictDetection::Off, _) => Response::Nothing,
            (ConflictDetection::GiveUp, _) | (ConflictDetection::DefendOnce, true) => {
                Response::GiveUp
            }
            (ConflictDetection::DefendAlways, true) => Response::Nothing,
            (ConflictDetection::DefendOnce | ConflictDetection::DefendAlways, false) => {
                self.conflict = now;
                Response::Announce
            }
        }
    }

    /// Whether the address is needed any longer is to be looked at after `span`.
    #[cfg(feature = "ipv4-link-local")]
    pub(crate) fn retire(&mut self, now: Instant, span: Duration) {
        (self.step, self.deadline) = (Step::Retire, now + span);
    }

    /// The address is needed again.
    #[cfg(feature = "ipv4-link-local")]
    pub(crate) fn reinstate(&mut self) {
        if self.step == Step::Retire {
            (self.step, self.deadline) = (Step::Idle, Instant::MAX);
        }
    }

    /// Whether it is looked at whether the address is needed.
    #[cfg(feature = "ipv4-link-local")]
    pub(crate) fn is_retiring(&self) -> bool {
        self.step == Step::Retire
    }
}
