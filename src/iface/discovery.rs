//! What routers say of a link (RFC 4861 §6.3.2, RFC 8028 §3), and how they are asked (RFC 7559 §2).
//!
//! Routers, prefixes on the link and routes stand in the table of routes.

use core::net::Ipv6Addr;

use heapless::Vec;

use crate::config;
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::ipv6;
use crate::wire::ndp::RouterFlags;

/// "MAX_RTR_SOLICITATION_DELAY 1 second" (RFC 4861 §10).
const MAX_SOLICITATION_DELAY: Duration = Duration::from_secs(1);
/// "IRT (Initial Retransmission Time): 4 seconds" (RFC 7559 §2).
const INITIAL_INTERVAL: Duration = Duration::from_secs(4);
/// "MRT (Maximum Retransmission Time): 3600 seconds" (RFC 7559 §2).
const MAX_INTERVAL: Duration = Duration::from_secs(3600);
/// "a new random value gets re-computed at least once every few hours" (RFC 4861 §6.3.4).
const RANDOMIZE_EVERY: Duration = Duration::from_secs(2 * 3600);

/// What the routers of a link say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinkParameters {
    /// What is to be had by DHCPv6, as the last router said (RFC 4861 §4.2).
    pub flags: RouterFlags,
    /// The hop limit of packets to single hosts; `None` if no router said.
    pub hop_limit: Option<u8>,
    /// The largest packet, in bytes; `None` if no router said.
    pub mtu: Option<u16>,
    /// Routers, prefixes, routes, servers and domains for which there was no room. It wraps.
    pub refused: u32,
}

/// How an interface learns of routers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RouterDiscovery {
    /// Router Advertisements are not believed.
    Off,
    /// Router Advertisements are believed, but routers are not asked for them.
    Passive,
    /// Routers are asked until one answers (RFC 4861 §6.3.7, RFC 7559).
    #[default]
    Active,
}

/// A prefix, and a router that announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AnnouncedPrefix {
    prefix: Ipv6Addr,
    length: u8,
    router: Ipv6Addr,
    /// `None` is for ever.
    until: Option<Instant>,
}

impl AnnouncedPrefix {
    fn contains(&self, address: Ipv6Addr) -> bool {
        crate::wire::ipv6_address::prefix(address, self.length) == self.prefix
    }

    fn is_valid_at(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Router discovery on one interface.
pub(crate) struct Discovery {
    mode: RouterDiscovery,
    pub(crate) parameters: LinkParameters,
    /// When routers are asked next.
    next: Option<Instant>,
    /// The time between the last two questions; zero before the first.
    interval: Duration,
    /// Whether a router has answered, so that one question is all that is still to be asked.
    is_answered: bool,
    /// When the time for which neighbours count as reachable was last chosen.
    randomized: Instant,
    prefixes: Vec<AnnouncedPrefix, { config::PREFIXES }>,
}

impl Discovery {
    pub(crate) fn new() -> Self {
        Self {
            mode: RouterDiscovery::Active,
            parameters: LinkParameters::default(),
            next: None,
            interval: Duration::ZERO,
            is_answered: false,
            randomized: Instant::ZERO,
            prefixes: Vec::new(),
        }
    }

    /// Whether routers are asked, and believed.
    pub(crate) const fn mode(&self) -> RouterDiscovery {
        self.mode
    }

    /// Forgets what routers said, and asks anew after a random time, or not at all.
    pub(crate) fn restart(&mut self, now: Instant, rng: &mut Rng, ask: bool) {
        let refused = self.parameters.refused;
        *self = Self {
            mode: self.mode,
            ..Self::new()
        };
        self.parameters.refused = refused;
        self.next = (ask && self.mode == RouterDiscovery::Active).then(|| {
            // "it SHOULD delay the transmission for a random amount of time"
            now + rng.between(Duration::ZERO, MAX_SOLICITATION_DELAY)
        });
    }

    /// Asks and believes from now on, or does not.
    pub(crate) fn set_mode(&mut self, mode: RouterDiscovery) {
        self.mode = mode;
    }

    /// When [`Discovery::due`] is to be asked next.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Whether routers are to be asked now; plans when to ask again (RFC 7559 §2, RFC 3315 §14).
    pub(crate) fn due(&mut self, now: Instant, rng: &mut Rng) -> bool {
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        self.next = None;
        if !self.is_answered {
            let previous = self.interval;
            let (base, spread) = match previous {
                Duration::ZERO => (INITIAL_INTERVAL, INITIAL_INTERVAL),
                _ => (previous.times(2), previous),
            };
            let mut interval = randomized(rng, base, spread);
            if interval > MAX_INTERVAL {
                interval = randomized(rng, MAX_INTERVAL, MAX_INTERVAL);
            }
            self.interval = interval;
            self.next = Some(now + interval);
        }
        true
    }

    /// A router offers itself as a default router: no need to ask again. "a host SHOULD send at
    /// least one solicitation in the case where an advertisement is received prior to having sent
    /// a solicitation" (RFC 4861 §6.3.7).
    pub(crate) fn answered(&mut self) {
        self.is_answered = true;
        if self.interval != Duration::ZERO {
            self.next = None;
        }
    }

    /// Whether the time for which neighbours count as reachable is to be chosen anew.
    pub(crate) fn wants_randomization(&mut self, now: Instant) -> bool {
        let is_due = now.since(self.randomized) >= RANDOMIZE_EVERY;
        if is_due {
            self.randomized = now;
        }
        is_due
    }

    /// A router says how large packets may be. It is believed from the least MTU of IPv6 up to that
    /// of the link (RFC 4861 §6.3.4).
    pub(crate) fn set_mtu(&mut self, mtu: u32, link: u16) {
        let bounds = ipv6::MINIMUM_MTU..=usize::from(link);
        if let Ok(mtu) = u16::try_from(mtu)
            && bounds.contains(&usize::from(mtu))
        {
            self.parameters.mtu = Some(mtu);
        }
    }

    /// A router announces a prefix until then: what has a source from it goes by that router
    /// (RFC 8028 §3.1, §3.2). Where there is no room one that is not `in_use` gives way.
    pub(crate) fn announced(
        &mut self,
        now: Instant,
        (prefix, length): (Ipv6Addr, u8),
        router: Ipv6Addr,
        until: Option<Instant>,
        in_use: impl Fn(Ipv6Addr, u8) -> bool,
    ) {
        self.prefixes.retain(|known| {
            known.is_valid_at(now)
                && (known.prefix, known.length, known.router) != (prefix, length, router)
        });
        let new = AnnouncedPrefix {
            prefix,
            length,
            router,
            until,
        };
        if !new.is_valid_at(now) {
            return;
        }
        if self.prefixes.is_full() {
            let unused = |known: &&mut AnnouncedPrefix| !in_use(known.prefix, known.length);
            match self.prefixes.iter_mut().find(unused) {
                Some(known) => *known = new,
                None => self.refused(),
            }
            return;
        }
        let _: Result<(), AnnouncedPrefix> = self.prefixes.push(new);
    }

    /// The most that routers say a packet may be long, in bytes.
    #[inline]
    pub(crate) fn mtu(&self) -> u16 {
        self.parameters.mtu.unwrap_or(u16::MAX)
    }

    /// Whether `router` announces a prefix of `address`.
    pub(crate) fn is_announced_by(
        &self,
        now: Instant,
        router: Ipv6Addr,
        address: Ipv6Addr,
    ) -> bool {
        self.prefixes.iter().any(|known| {
            known.router == router && known.contains(address) && known.is_valid_at(now)
        })
    }

    /// Forgets what a router announces.
    #[cfg_attr(not(neighbors), allow(dead_code))]
    pub(crate) fn forget(&mut self, router: Ipv6Addr) {
        self.prefixes.retain(|known| known.router != router);
    }

    /// Counts what there is no room for.
    pub(crate) fn refused(&mut self) {
        self.parameters.refused = self.parameters.refused.wrapping_add(1);
    }
}

/// `base` and a tenth of `spread` more or less: RAND is "a random number chosen with a uniform
/// distribution between -0.1 and +0.1" (RFC 3315 §14).
fn randomized(rng: &mut Rng, base: Duration, spread: Duration) -> Duration {
    let tenth = Duration::from_micros(spread.as_micros() / 10);
    rng.between(base - tenth, base + tenth)
}
