//! What a router says of itself and its link, and when (RFC 4861 §6.2).

use core::net::Ipv6Addr;

use heapless::Vec;

use super::names::SearchDomain;
use crate::config;
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::ipv6_address;
use crate::wire::ndp::RouterFlags;
use crate::wire::ndp_option::{Preference, PrefixFlags, RouteInformation};

/// "MAX_INITIAL_RTR_ADVERT_INTERVAL 16 seconds" (RFC 4861 §10).
const MAX_INITIAL_INTERVAL: Duration = Duration::from_secs(16);
/// "MAX_INITIAL_RTR_ADVERTISEMENTS 3 transmissions".
const MAX_INITIAL: u8 = 3;
/// "MIN_DELAY_BETWEEN_RAS 3 seconds".
const MIN_DELAY_BETWEEN: Duration = Duration::from_secs(3);
/// "MAX_RA_DELAY_TIME .5 seconds".
const MAX_DELAY: Duration = Duration::from_millis(500);
/// How long to wait for a link-local address to send from.
const RETRY: Duration = Duration::from_secs(1);

/// A prefix to be announced (RFC 4861 §6.2.1, AdvPrefixList).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdvertisedPrefix {
    /// The prefix; the bits behind its length are not sent.
    #[cfg_attr(feature = "defmt", defmt(Display2Format))]
    pub prefix: Ipv6Addr,
    /// How many bits of it count: 0 to 128.
    pub length: u8,
    /// What it is good for: on the link (AdvOnLinkFlag), to make addresses of (AdvAutonomousFlag).
    pub flags: PrefixFlags,
    /// For how many seconds it holds; [`u32::MAX`] is for ever.
    pub valid: u32,
    /// For how many seconds addresses of it are preferred, no more than `valid`.
    pub preferred: u32,
}

impl AdvertisedPrefix {
    /// A prefix on the link, to make addresses of, with the lifetimes of RFC 4861 §6.2.1: 30 days
    /// valid, 7 days preferred.
    pub const fn new(prefix: Ipv6Addr, length: u8) -> Self {
        Self {
            prefix,
            length,
            flags: PrefixFlags::ON_LINK.union(PrefixFlags::AUTONOMOUS),
            valid: 2_592_000,
            preferred: 604_800,
        }
    }
}

/// What a router says of itself and of its link (RFC 4861 §6.2.1, RFC 4191 §4, RFC 8106 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Advertisement {
    /// The least time between advertisements that nobody asked for: 3 seconds to three quarters of
    /// the most.
    pub min_interval: Duration,
    /// The most time between advertisements: 4 to 1800 seconds.
    pub max_interval: Duration,
    /// For how many seconds this is a default router: zero, or from `max_interval` to 9000. Zero
    /// at first: the stack does not forward packets by itself.
    pub lifetime: u16,
    /// Whether this is preferred to other default routers.
    pub preference: Preference,
    /// What is to be had by DHCPv6.
    pub flags: RouterFlags,
    /// The hop limit that hosts should use; zero says nothing.
    pub hop_limit: u8,
    /// For how many milliseconds neighbours count as reachable, at most an hour; zero says nothing.
    pub reachable_time: u32,
    /// The milliseconds between solicitations of a neighbour; zero says nothing.
    pub retrans_timer: u32,
    /// The largest packet on the link, in bytes.
    pub mtu: Option<u32>,
    /// Prefixes.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub prefixes: Vec<AdvertisedPrefix, { config::ADVERTISED_PREFIXES }>,
    /// Prefixes that this router leads to (RFC 4191 §2.3), each once. When the router ends they are
    /// announced with a lifetime of zero.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub routes: Vec<RouteInformation, { config::ANNOUNCED_ROUTES }>,
    /// Servers for names.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub name_servers: Vec<Ipv6Addr, { config::NAME_SERVERS }>,
    /// Domains to search names in.
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    pub search_domains: Vec<SearchDomain, { config::SEARCH_DOMAINS }>,
    /// For how many seconds servers and domains may be used: RFC 8106 §5.1 wants three times
    /// `max_interval`.
    pub names_lifetime: u32,
}

impl Default for Advertisement {
    /// The defaults of RFC 4861 §6.2.1 for a router that forwards nothing: lifetime 0, no prefix.
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(198),
            max_interval: Duration::from_secs(600),
            lifetime: 0,
            preference: Preference::Medium,
            flags: RouterFlags::empty(),
            hop_limit: super::DEFAULT_HOP_LIMIT,
            reachable_time: 0,
            retrans_timer: 0,
            mtu: None,
            prefixes: Vec::new(),
            routes: Vec::new(),
            name_servers: Vec::new(),
            search_domains: Vec::new(),
            names_lifetime: 1800,
        }
    }
}

/// Why an advertisement is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AdvertisementError {
    /// There is no such interface.
    NoInterface,
    /// An interval is out of the range of RFC 4861 §6.2.1.
    Interval,
    /// A lifetime is: of the router (zero, or `max_interval` to 9000 seconds), or of a prefix that
    /// would be preferred for longer than it is valid.
    Lifetime,
    /// The reachable time is more than an hour.
    ReachableTime,
    /// A prefix is longer than an address, or is the link-local one, or a route is there twice.
    Prefix,
}

impl core::fmt::Display for AdvertisementError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::Interval => "interval out of range",
            Self::Lifetime => "lifetime out of range",
            Self::ReachableTime => "reachable time of more than an hour",
            Self::Prefix => "not a prefix to announce",
        })
    }
}

impl core::error::Error for AdvertisementError {}

impl Advertisement {
    /// Whether all values are as RFC 4861 §6.2.1 has them.
    pub(crate) fn check(&self) -> Result<(), AdvertisementError> {
        let (min, max) = (self.min_interval, self.max_interval);
        let secs = Duration::from_secs;
        if max < secs(4) || max > secs(1800) || min < secs(3) || min.times(4) > max.times(3) {
            return Err(AdvertisementError::Interval);
        }
        let lifetime = secs(self.lifetime.into());
        if lifetime != Duration::ZERO && (lifetime < max || lifetime > secs(9000)) {
            return Err(AdvertisementError::Lifetime);
        }
        if self.reachable_time > 3_600_000 {
            return Err(AdvertisementError::ReachableTime);
        }
        for prefix in &self.prefixes {
            // "The link-local prefix SHOULD NOT be included in the list of advertised prefixes."
            if prefix.length > 128 || prefix.prefix.is_unicast_link_local() {
                return Err(AdvertisementError::Prefix);
            }
            // "This value MUST NOT be larger than AdvValidLifetime."
            if prefix.preferred > prefix.valid {
                return Err(AdvertisementError::Lifetime);
            }
        }
        let prefix = |route: &RouteInformation| {
            let length = route.prefix_length;
            (ipv6_address::prefix(route.prefix, length), length)
        };
        for (place, route) in self.routes.iter().enumerate() {
            // "Routers SHOULD NOT include two Route Information Options with the same Prefix and
            // Prefix Length in the same Router Advertisement" (RFC 4191 §4).
            let mut others = self.routes.iter().take(place);
            if route.prefix_length > 128
                || route.prefix.is_unicast_link_local()
                || others.any(|other| prefix(other) == prefix(route))
            {
                return Err(AdvertisementError::Prefix);
            }
        }
        Ok(())
    }
}

/// What an advertising interface has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdvertisingCounters {
    /// Advertisements sent. It wraps.
    pub sent: u32,
    /// Advertisements of other routers that contradict ours (RFC 4861 §6.2.7). It wraps.
    pub inconsistent: u32,
}

/// An advertising interface.
pub(crate) struct Advertiser {
    pub(crate) what: Advertisement,
    pub(crate) counters: AdvertisingCounters,
    /// When the next advertisement is sent.
    next: Option<Instant>,
    /// When the last was.
    last: Option<Instant>,
    /// How many were sent at the shorter interval of the beginning.
    initial: u8,
    /// The next one is the last, and says that this is no router any more.
    is_final: bool,
}

impl Advertiser {
    pub(crate) fn new(what: Advertisement) -> Self {
        Self {
            what,
            counters: AdvertisingCounters::default(),
            next: None,
            last: None,
            initial: 0,
            is_final: false,
        }
    }

    /// Says something else from now on.
    pub(crate) fn begin(&mut self, what: Advertisement) {
        self.what = what;
        self.is_final = false;
    }

    /// Begins, or with another advertisement begins anew.
    pub(crate) fn restart(&mut self, now: Instant, rng: &mut Rng) {
        self.initial = 0;
        self.next = None;
        self.soon(now, rng);
    }

    /// Waits until the link is up.
    pub(crate) fn pause(&mut self) {
        self.next = None;
    }

    /// Ends, with one more advertisement.
    pub(crate) fn stop(&mut self, now: Instant) {
        self.is_final = true;
        self.next = Some(now.max(self.allowed(now)));
    }

    pub(crate) const fn is_final(&self) -> bool {
        self.is_final
    }

    /// "consecutive Router Advertisements sent to the all-nodes multicast address MUST be rate
    /// limited to no more than one advertisement every MIN_DELAY_BETWEEN_RAS seconds".
    fn allowed(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| last + MIN_DELAY_BETWEEN)
    }

    /// A host asks, or it is the first time (RFC 4861 §6.2.6).
    pub(crate) fn soon(&mut self, now: Instant, rng: &mut Rng) {
        let delay = rng.between(Duration::ZERO, MAX_DELAY);
        let at = (now + delay).max(
            self.last
                .map_or(now, |last| last + MIN_DELAY_BETWEEN + delay),
        );
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// There is no address to send from yet.
    pub(crate) fn retry(&mut self, now: Instant) {
        self.next = Some(now + RETRY);
    }

    /// An advertisement was sent: plans the next one (RFC 4861 §6.2.4).
    pub(crate) fn sent(&mut self, now: Instant, rng: &mut Rng) {
        self.last = Some(now);
        self.counters.sent = self.counters.sent.wrapping_add(1);
        let mut interval = rng.between(self.what.min_interval, self.what.max_interval);
        if self.initial < MAX_INITIAL {
            self.initial += 1;
            if self.initial < MAX_INITIAL {
                interval = interval.min(MAX_INITIAL_INTERVAL);
            }
        }
        self.next = Some(now + interval);
    }
}
