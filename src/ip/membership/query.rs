//! What queries change (RFC 3376 §5.2 and §7.2.1, RFC 3810 §6.2 and §8.2.1).

use crate::iface::group::{FilterMode, Groups, Protocol, QUERY_INTERVAL, ROBUSTNESS};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::IpAddress;
use crate::wire::group_report::{Query, QueryVersion};

impl Groups {
    /// A valid query has come in, with the sources that it asks for.
    pub(crate) fn queried(
        &mut self,
        protocol: Protocol,
        now: Instant,
        rng: &mut Rng,
        query: &Query,
        sources: impl Iterator<Item = IpAddress>,
    ) {
        self.learn_querier(protocol, now, query);
        self.check_version(protocol, now);
        let place = match query.group {
            None => None,
            // Of other groups there is nothing to report.
            Some(group) => match self.find(group) {
                Some(place) if Protocol::of(group) == Some(protocol) => Some(place),
                _ => return,
            },
        };
        if self.querier(protocol).version != QueryVersion::Current {
            return self.queried_by_older(protocol, place, now, rng, query.max_response);
        }
        let at = now + rng.between(Duration::ZERO, query.max_response);
        let querier = self.querier_mut(protocol);
        // Rule 1: the answer to a General Query comes sooner and tells all.
        if querier.answer <= at {
            return;
        }
        let Some(place) = place else {
            // Rule 2.
            if self.has_groups(protocol) {
                self.querier_mut(protocol).answer = at;
            }
            return;
        };
        let Some(group) = self.group_mut(place).filter(|group| group.members > 0) else {
            return;
        };
        let pending = group.pending.answer;
        let asks_for_all = pending != Instant::MAX && !self.has_asked(place);
        if query.sources == 0 || asks_for_all {
            // Rule 4, or rule 3 where nothing was pending.
            self.forget_asked(place);
        } else if !self.ask(place, sources) && pending == Instant::MAX {
            // None of the sources is wanted.
            return;
        }
        // Rules 3 to 5: the earlier of both.
        if let Some(group) = self.group_mut(place) {
            group.pending.answer = pending.min(at);
        }
    }

    /// What a host of an older version does (RFC 2236 §3, RFC 2710 §4): each group has a timer, that
    /// is set anew only if the answer is wanted before it expires.
    fn queried_by_older(
        &mut self,
        protocol: Protocol,
        place: Option<usize>,
        now: Instant,
        rng: &mut Rng,
        max_response: Duration,
    ) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            let Some(group) = group.as_mut().filter(|group| {
                group.members > 0
                    && Protocol::of(group.address) == Some(protocol)
                    && place.is_none_or(|place| place == at)
            }) else {
                continue;
            };
            if group.pending.answer > now + max_response {
                group.pending.answer = now + rng.between(Duration::ZERO, max_response);
            }
        }
    }

    /// Another host has reported the group: towards a querier of an older version ours would be
    /// one too many (RFC 2236 §3, RFC 2710 §4).
    pub(crate) fn reported_by_other(&mut self, protocol: Protocol, group: IpAddress) {
        if self.querier(protocol).version == QueryVersion::Current {
            return;
        }
        if let Some(place) = self.find(group)
            && let Some(group) = self.group_mut(place).filter(|group| group.members > 0)
        {
            group.pending.answer = Instant::MAX;
            group.pending.change = Instant::MAX;
            group.pending.mode_changes = 0;
        }
    }

    /// Takes over the querier's variables, and notes how long an older version is to be spoken.
    fn learn_querier(&mut self, protocol: Protocol, now: Instant, query: &Query) {
        let querier = self.querier_mut(protocol);
        if query.version == QueryVersion::Current {
            // Zero stands for the default (RFC 3376 §4.1.6 and §4.1.7, RFC 3810 §5.1.8 and §5.1.9).
            querier.robustness = match query.robustness {
                0 => ROBUSTNESS,
                robustness => robustness,
            };
            querier.interval = match query.interval {
                0 => QUERY_INTERVAL,
                seconds => seconds,
            };
            return;
        }
        // "((the Robustness Variable) times (the Query Interval in the last Query received)) plus
        // (one Query Response Interval)" (RFC 3376 §8.12, RFC 3810 §9.12).
        let interval = Duration::from_secs(querier.interval.into());
        let until = now + interval.times(querier.robustness.into()) + query.max_response;
        match (protocol, query.version) {
            #[cfg(feature = "igmp")]
            (Protocol::Igmp, QueryVersion::First) => querier.first_until = until,
            // Of IGMPv2 only General Queries count (RFC 3376 §7.2.1).
            #[cfg(feature = "igmp")]
            (Protocol::Igmp, _) if query.group.is_some() => {}
            _ => querier.previous_until = until,
        }
    }

    /// The Host Compatibility Mode at `now`. With it all that is pending goes.
    pub(crate) fn check_version(&mut self, protocol: Protocol, now: Instant) {
        let querier = self.querier_mut(protocol);
        #[cfg_attr(not(feature = "igmp"), allow(unused_mut))]
        let mut version = match querier.previous_until > now {
            true => QueryVersion::Previous,
            false => QueryVersion::Current,
        };
        #[cfg(feature = "igmp")]
        if querier.first_until > now {
            version = QueryVersion::First;
        }
        let before = core::mem::replace(&mut querier.version, version);
        if before != version {
            self.forget_pending(protocol);
        }
    }

    fn has_groups(&self, protocol: Protocol) -> bool {
        let mut groups = self.groups.iter().flatten();
        groups.any(|group| group.members > 0 && Protocol::of(group.address) == Some(protocol))
    }

    fn has_asked(&mut self, place: usize) -> bool {
        self.sources_of(place).any(|(_, source)| source.asked)
    }

    /// Notes that these sources of a group are asked for; false if none of them is wanted. Where
    /// there is no room, the whole group is going to be told: it says more than was asked.
    fn ask(&mut self, place: usize, sources: impl Iterator<Item = IpAddress>) -> bool {
        let mode = self.filter(place).mode;
        let named = self.filter(place).sources;
        let mut is_wanted = false;
        for address in sources {
            let known = self.known_source(place, address);
            let is_named = known.is_some_and(|at| named.contains(at));
            if is_named != (mode == FilterMode::Include) {
                continue;
            }
            is_wanted = true;
            match known.or_else(|| self.remember_source(place, address)) {
                Some(at) => {
                    if let Some(Some(source)) = self.sources.get_mut(at) {
                        source.asked = true;
                    }
                }
                None => {
                    self.forget_asked(place);
                    break;
                }
            }
        }
        is_wanted
    }

    fn known_source(&self, place: usize, address: IpAddress) -> Option<usize> {
        #[cfg(all(feature = "udp", feature = "multicast"))]
        return self.find_source(place, address);
        #[cfg(not(all(feature = "udp", feature = "multicast")))]
        {
            let _ = (place, address);
            None
        }
    }

    /// A place for a source that is asked for, if one is free.
    fn remember_source(&mut self, place: usize, address: IpAddress) -> Option<usize> {
        #[cfg(all(feature = "udp", feature = "multicast"))]
        {
            self.sources.iter().any(Option::is_none).then_some(())?;
            self.intern(place, address, crate::iface::group::SourceSet::EMPTY)
        }
        #[cfg(not(all(feature = "udp", feature = "multicast")))]
        {
            let _ = (place, address);
            None
        }
    }
}
