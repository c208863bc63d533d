//! The life of an IPv6 address: it is checked for duplicates, used, deprecated and removed
//! (RFC 4862 §5.4, §5.5.4).
//!
//! Before touching it read RFC 4862 §5.4 and RFC 7527 §4. The machine sends nothing itself: what is
//! to be done comes back as an [`AddressAction`]. One entry has one deadline; what it is for follows
//! from the state of the address.

use core::net::Ipv6Addr;

use super::address::{AddressState, Ipv6Entry};
use crate::config;
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// The most that the first solicitation is put off by (RFC 4861 §10).
pub(crate) const MAX_RTR_SOLICITATION_DELAY: Duration = Duration::from_secs(1);
/// Solicitations that are sent anew after one was looped back (RFC 7527 §4.1, RFC 4861 §10).
const MAX_MULTICAST_SOLICIT: u8 = 3;

/// A number that tells our solicitations from those of others (RFC 7527 §4.1, RFC 3971 §5.3.2: at
/// least six octets).
pub(crate) type Nonce = [u8; 6];

/// What an interface has seen of duplicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AddressCounters {
    /// Addresses that turned out to be in use by another station.
    pub duplicates: u32,
    /// Solicitations of our own that the link has brought back (RFC 7527 §4.2).
    pub looped: u32,
    /// Addresses that could not be made of a prefix because the table was full.
    pub refused: u32,
}

/// How an interface comes to its addresses, and what became of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressSettings {
    /// DupAddrDetectTransmits (RFC 4862 §5.1).
    pub(crate) transmits: u8,
    /// The link-local address, made of the hardware address, is a duplicate: IPv6 is off (RFC 4862
    /// §5.4.5).
    pub(crate) is_disabled: bool,
    /// There are addresses in the table that nothing may be sent from.
    pub(crate) has_unassigned: bool,
    /// Whether addresses are made of the prefixes that routers advertise (RFC 4862 §5.5).
    #[cfg(feature = "slaac")]
    pub(crate) is_autoconfigured: bool,
    #[cfg(feature = "slaac")]
    pub(crate) identifiers: super::IdentifierMode,
    /// Whether temporary addresses are made beside those (RFC 8981 §3.7).
    #[cfg(feature = "temporary-addresses")]
    pub(crate) has_temporary: bool,
    /// Whether such addresses are used while they are checked (RFC 4429).
    #[cfg(feature = "dad-optimistic")]
    pub(crate) is_optimistic: bool,
    pub(crate) counters: AddressCounters,
}

impl AddressSettings {
    /// Those of a new interface; where nobody has an address to be asked for there are no
    /// duplicates.
    pub(crate) const fn new(has_neighbors: bool) -> Self {
        Self {
            transmits: match has_neighbors {
                true => config::DAD_TRANSMITS as u8,
                false => 0,
            },
            is_disabled: false,
            has_unassigned: false,
            // "the processing described below MUST be enabled by default"
            #[cfg(feature = "slaac")]
            is_autoconfigured: true,
            #[cfg(feature = "slaac")]
            identifiers: super::IdentifierMode::HardwareAddress,
            #[cfg(feature = "temporary-addresses")]
            has_temporary: true,
            #[cfg(feature = "dad-optimistic")]
            is_optimistic: false,
            counters: AddressCounters {
                duplicates: 0,
                looped: 0,
                refused: 0,
            },
        }
    }
}

/// How far the check of one address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// When the next message is due or, after the last one, when the wait for an answer ends.
    next: Instant,
    /// The nonces of the latest two solicitations: a link may take its time to bring one back.
    nonces: [Nonce; 2],
    /// Messages still to be sent: solicitations, then advertisements.
    left: u8,
    /// A solicitation has come back.
    looped: bool,
    /// Addresses in the place of this one that were duplicates (RFC 7217 §6: DAD_Counter).
    pub(crate) retries: u8,
}

impl Probe {
    /// Nothing is due.
    pub(crate) const DONE: Self = Self {
        next: Instant::MAX,
        nonces: [[0; 6]; 2],
        left: 0,
        looped: false,
        retries: 0,
    };
}

/// How long a temporary address may last, whatever routers say (RFC 8981 §3.4).
#[cfg(feature = "temporary-addresses")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TemporaryLimits {
    /// CREATION_TIME + TEMP_PREFERRED_LIFETIME - DESYNC_FACTOR.
    pub(crate) preferred: Instant,
    /// CREATION_TIME + TEMP_VALID_LIFETIME.
    pub(crate) valid: Instant,
    /// How long before it is deprecated its successor is made; [`Duration::MAX`] once that has been
    /// done.
    pub(crate) regen_advance: Duration,
}

#[cfg(feature = "temporary-addresses")]
impl TemporaryLimits {
    /// Those of other addresses.
    pub(crate) const NONE: Self = Self {
        preferred: Instant::MAX,
        valid: Instant::MAX,
        regen_advance: Duration::MAX,
    };
}

/// What is to be done about an address now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressAction {
    /// Ask whether anybody has it.
    Solicit(Ipv6Addr, Nonce),
    /// Nobody has it: it is in use from now on.
    Assigned(Ipv6Addr),
    /// Nobody has the optimistic address: it is an address as any other.
    #[cfg(feature = "dad-optimistic")]
    Confirmed,
    /// Tell routers of it.
    Announce(Ipv6Addr),
    /// It is deprecated from now on.
    Deprecated(Ipv6Addr),
    /// It is to be removed.
    Expired(Ipv6Addr),
    /// It was a duplicate, and another one is to be tried.
    #[cfg(feature = "slaac")]
    Retry(Ipv6Addr),
    /// It will be deprecated soon: another temporary address is to be made.
    #[cfg(feature = "temporary-addresses")]
    Regenerate(Ipv6Addr),
}

impl Ipv6Entry {
    /// Begins to check the address for duplicates, with `transmits` solicitations from `at` on;
    /// [`Instant::MAX`] waits for the link. With none it is in use at once: says whether it is.
    pub(crate) fn begin(&mut self, now: Instant, transmits: u8, at: Instant) -> bool {
        self.probe = Probe {
            next: at,
            left: transmits,
            looped: false,
            ..self.probe
        };
        self.state = AddressState::Tentative;
        if transmits == 0 {
            self.probe.next = Instant::MAX;
            self.assign(now);
        }
        transmits == 0
    }

    /// The address is in use, for new connections or old ones.
    fn assign(&mut self, now: Instant) {
        self.state = match now < self.preferred_until {
            true => AddressState::Preferred,
            false => AddressState::Deprecated,
        };
    }

    /// Uses the address while it is being checked, which is to begin at once (RFC 4429 §3.3).
    #[cfg(feature = "dad-optimistic")]
    pub(crate) fn use_at_once(&mut self, now: Instant) {
        self.state = AddressState::Optimistic;
        self.probe.next = now;
    }

    /// Another station has the address.
    pub(crate) fn fail(&mut self) {
        self.state = AddressState::Duplicate;
        self.probe.next = Instant::MAX;
    }

    /// Has another address tried in place of this one, from `at` on.
    #[cfg(feature = "slaac")]
    pub(crate) fn retry(&mut self, at: Instant) {
        self.probe.next = at;
    }

    /// Whether the address is being checked.
    pub(crate) const fn is_checked(&self) -> bool {
        matches!(
            self.state,
            AddressState::Tentative | AddressState::Optimistic
        )
    }

    /// Notes that a solicitation with this nonce has come in; says whether it was our own, which
    /// the link has brought back (RFC 7527 §4.2).
    pub(crate) fn is_looped(&mut self, nonce: Nonce) -> bool {
        let is_own = self.probe.nonces.contains(&nonce);
        self.probe.looped |= is_own;
        is_own
    }

    /// The solicitation that was due could not be sent: it is due again.
    pub(crate) fn not_sent(&mut self) {
        self.probe.left = self.probe.left.saturating_add(1);
    }

    /// When there is something to be done.
    pub(crate) fn deadline(&self) -> Instant {
        let deprecation = match self.state {
            AddressState::Preferred => self.preferred_until,
            _ => Instant::MAX,
        };
        let deadline = self.probe.next.min(self.valid_until).min(deprecation);
        #[cfg(feature = "temporary-addresses")]
        return deadline.min(self.regeneration());
        #[cfg(not(feature = "temporary-addresses"))]
        deadline
    }

    /// When a successor is to be made: REGEN_ADVANCE before the address is deprecated (RFC 8981
    /// §3.5). Where the lifetime of the prefix ends first, a successor could last no longer.
    #[cfg(feature = "temporary-addresses")]
    fn regeneration(&self) -> Instant {
        match self.state {
            AddressState::Duplicate => Instant::MAX,
            _ if self.limits.regen_advance == Duration::MAX
                || self.preferred_until < self.limits.preferred =>
            {
                Instant::MAX
            }
            _ => self.preferred_until - self.limits.regen_advance,
        }
    }

    /// What is due, if anything is. To be called until nothing is.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        retrans_timer: Duration,
        rng: &mut Rng,
    ) -> Option<AddressAction> {
        if now >= self.valid_until {
            return Some(AddressAction::Expired(self.address));
        }
        if self.state == AddressState::Preferred && now >= self.preferred_until {
            self.state = AddressState::Deprecated;
            return Some(AddressAction::Deprecated(self.address));
        }
        #[cfg(feature = "temporary-addresses")]
        if now >= self.regeneration() {
            self.limits.regen_advance = Duration::MAX;
            return Some(AddressAction::Regenerate(self.address));
        }
        if now < self.probe.next {
            return None;
        }
        let is_last = self.probe.left == 0;
        match self.state {
            #[cfg(feature = "slaac")]
            AddressState::Duplicate => {
                self.probe.next = Instant::MAX;
                Some(AddressAction::Retry(self.address))
            }
            #[cfg(not(feature = "slaac"))]
            AddressState::Duplicate => {
                self.probe.next = Instant::MAX;
                None
            }
            AddressState::Tentative | AddressState::Optimistic => {
                if is_last && !self.probe.looped {
                    return Some(self.passed(now));
                }
                if is_last {
                    // "the interface continues with another MAX_MULTICAST_SOLICIT number of
                    // NS(DAD) messages transmitted RetransTimer milliseconds apart"
                    self.probe.looped = false;
                    self.probe.left = MAX_MULTICAST_SOLICIT;
                }
                self.probe.left = self.probe.left.saturating_sub(1);
                self.probe.next = now + retrans_timer;
                let mut nonce = Nonce::default();
                rng.fill(&mut nonce);
                self.probe.nonces = [nonce, self.probe.nonces[0]];
                Some(AddressAction::Solicit(self.address, nonce))
            }
            AddressState::Preferred | AddressState::Deprecated => {
                self.probe.left = self.probe.left.saturating_sub(1);
                self.probe.next = match self.probe.left {
                    0 => Instant::MAX,
                    _ => now + retrans_timer,
                };
                Some(AddressAction::Announce(self.address))
            }
        }
    }

    /// Nobody has said that it has the address.
    fn passed(&mut self, now: Instant) -> AddressAction {
        #[cfg(feature = "dad-optimistic")]
        let was_in_use = self.state == AddressState::Optimistic;
        self.assign(now);
        self.probe.next = Instant::MAX;
        // RFC 9131 §6.1.2 is about global addresses.
        if !self.address.is_unicast_link_local() {
            self.probe.left = config::DAD_ANNOUNCEMENTS as u8;
        }
        #[cfg(feature = "dad-optimistic")]
        if was_in_use {
            // The first advertisement went out when the address came into use.
            self.probe.left = self.probe.left.saturating_sub(1);
        }
        if self.probe.left > 0 {
            self.probe.next = now;
        }
        #[cfg(feature = "dad-optimistic")]
        if was_in_use {
            return AddressAction::Confirmed;
        }
        AddressAction::Assigned(self.address)
    }
}
