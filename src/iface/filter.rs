//! Rules that packets are held against on their way in and out, and what each has met.

mod look;

use crate::config;
use crate::iface::route::Prefix;
use heapless::Vec;

pub(crate) use look::Look;

/// Where packets are held against rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterList {
    /// Finished frames, before they are given to a port.
    Send,
    /// Frames as a port gave them, before anything of them was checked.
    Receive,
    /// Packets of IP that are whole and for this host, what it sends to itself among them.
    Local,
}

/// What becomes of a packet that a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterAction {
    /// It passes.
    Accept,
    /// It is dropped, and nobody is told.
    Drop,
    /// It is dropped, and its source is told that a filter forbids it, as far as ICMP errors may be
    /// sent (RFC 1812 §5.2.7.1, RFC 4443 §3.1). For rules of [`FilterList::Local`] only.
    Reject,
    /// It is counted, and the next rule is looked at.
    Count,
}

/// What becomes of a packet that no rule of a list decides about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterPolicy {
    /// It passes.
    #[default]
    Accept,
    /// It is dropped.
    Drop,
}

/// One thing to find out about a packet.
///
/// What is not there does not match: ports of a fragment that is not the first, whose header has
/// none, or of an IPv6 packet whose extension headers cannot be read to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterTest {
    /// It comes or goes by the interface of this number.
    Interface(u8),
    /// So many octets follow the link header, with what pads a frame.
    Length {
        /// This many at least.
        least: u16,
        /// This many at most.
        most: u16,
    },
    /// It is of this EtherType, on any kind of link.
    EtherType(u16),
    /// It comes from an Ethernet address that equals `address` in the bits of `mask`. Never on
    /// [`FilterList::Local`].
    LinkSource {
        /// The address.
        address: [u8; 6],
        /// The bits that count.
        mask: [u8; 6],
    },
    /// It goes to an Ethernet address that equals `address` in the bits of `mask`. Never on
    /// [`FilterList::Local`].
    LinkDestination {
        /// The address.
        address: [u8; 6],
        /// The bits that count.
        mask: [u8; 6],
    },
    /// Its IP source has this prefix.
    Source(Prefix),
    /// Its IP destination has this prefix.
    Destination(Prefix),
    /// It carries this protocol: behind all extension headers, with IPv6.
    Protocol(u8),
    /// It is of TCP or UDP, from one of these ports.
    SourcePort {
        /// The lowest.
        first: u16,
        /// The highest.
        last: u16,
    },
    /// It is of TCP or UDP, to one of these ports.
    DestinationPort {
        /// The lowest.
        first: u16,
        /// The highest.
        last: u16,
    },
    /// It is an ICMP or ICMPv6 message of this type.
    IcmpType(u8),
    /// It is of TCP, and its flags equal `value` in the bits of `mask` (RFC 9293 §3.1).
    TcpFlags {
        /// The flags that count.
        mask: u8,
        /// Those of them that are set.
        value: u8,
    },
    /// It is a fragment, and not the first: it has no ports. Never on [`FilterList::Local`].
    LaterFragment,
}

/// A test, or its opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterMatch {
    /// It is so.
    Is(FilterTest),
    /// It is not so, or cannot be known.
    Not(FilterTest),
}

/// What becomes of which packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FilterRule {
    action: FilterAction,
    /// One of them is enough.
    is_any: bool,
    matches: [Option<FilterMatch>; config::FILTER_TESTS],
}

impl FilterRule {
    /// A rule for packets that match all of `matches`: for every packet, if there are none.
    pub fn all(action: FilterAction, matches: &[FilterMatch]) -> Result<Self, FilterError> {
        Self::new(action, matches, false)
    }

    /// A rule for packets that match any of `matches`.
    pub fn any(action: FilterAction, matches: &[FilterMatch]) -> Result<Self, FilterError> {
        Self::new(action, matches, true)
    }

    fn new(
        action: FilterAction,
        matches: &[FilterMatch],
        is_any: bool,
    ) -> Result<Self, FilterError> {
        let mut rule = Self {
            action,
            is_any,
            matches: [None; config::FILTER_TESTS],
        };
        if matches.len() > rule.matches.len() {
            return Err(FilterError::TooManyTests);
        }
        for (place, one) in rule.matches.iter_mut().zip(matches) {
            *place = Some(*one);
        }
        Ok(rule)
    }

    /// What becomes of packets that it matches.
    pub const fn action(&self) -> FilterAction {
        self.action
    }

    /// What it looks at.
    pub fn matches(&self) -> impl Iterator<Item = FilterMatch> {
        self.matches.into_iter().flatten()
    }

    /// Whether it is for a packet.
    fn is_for(&self, look: &Look<'_>) -> bool {
        let is_met = |one: FilterMatch| match one {
            FilterMatch::Is(test) => look.meets(&test),
            FilterMatch::Not(test) => !look.meets(&test),
        };
        match self.is_any {
            true => self.matches().any(is_met),
            false => self.matches().all(is_met),
        }
    }
}

/// What a rule has matched since it stands where it does; both begin anew when they overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FilterCount {
    /// Packets.
    pub packets: u32,
    /// Octets of theirs behind the link header.
    pub octets: u32,
}

/// Why rules were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterError {
    /// All rules ([`FILTER_RULES`](crate::config::FILTER_RULES)) are in use.
    TableFull,
    /// A rule looks at [`FILTER_TESTS`](crate::config::FILTER_TESTS) things at most.
    TooManyTests,
    /// The list is not that long.
    NoRule,
    /// Only packets of [`FilterList::Local`] can be rejected.
    CannotReject,
}

impl core::fmt::Display for FilterError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TableFull => "all filter rules are in use",
            Self::TooManyTests => "too many tests for one filter rule",
            Self::NoRule => "no filter rule at this position",
            Self::CannotReject => "only packets for this host can be rejected",
        })
    }
}

impl core::error::Error for FilterError {}

/// What the rules say of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Drop,
    Reject,
}

/// The rules of all lists.
pub(crate) struct Filter {
    /// In the order of the lists, and within each in that of the rules.
    rules: Vec<Entry, { config::FILTER_RULES }>,
    policies: [FilterPolicy; 3],
}

struct Entry {
    list: FilterList,
    rule: FilterRule,
    count: FilterCount,
}

impl Filter {
    pub(crate) const fn new() -> Self {
        Self {
            rules: Vec::new(),
            policies: [FilterPolicy::Accept; 3],
        }
    }

    /// Whether every packet passes unseen.
    pub(crate) fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.policies == [FilterPolicy::Accept; 3]
    }

    /// What becomes of a packet. The rules are so many at most, whatever comes.
    pub(crate) fn judge(&mut self, list: FilterList, look: &Look<'_>) -> Verdict {
        for entry in self.rules.iter_mut().filter(|entry| entry.list == list) {
            if !entry.rule.is_for(look) {
                continue;
            }
            let FilterCount { packets, octets } = &mut entry.count;
            *packets = packets.wrapping_add(1);
            *octets = octets.wrapping_add(look.length() as u32);
            match entry.rule.action {
                FilterAction::Accept => return Verdict::Accept,
                FilterAction::Drop => return Verdict::Drop,
                FilterAction::Reject => return Verdict::Reject,
                FilterAction::Count => {}
            }
        }
        match self.policy(list) {
            FilterPolicy::Accept => Verdict::Accept,
            FilterPolicy::Drop => Verdict::Drop,
        }
    }

    pub(crate) fn policy(&self, list: FilterList) -> FilterPolicy {
        let policy = self.policies.get(list as usize);
        policy.copied().unwrap_or_default()
    }

    pub(crate) fn set_policy(&mut self, list: FilterList, policy: FilterPolicy) {
        if let Some(place) = self.policies.get_mut(list as usize) {
            *place = policy;
        }
    }

    /// How many rules a list has.
    pub(crate) fn len(&self, list: FilterList) -> usize {
        self.rules.iter().filter(|entry| entry.list == list).count()
    }

    pub(crate) fn get(
        &self,
        list: FilterList,
        position: usize,
    ) -> Option<(FilterRule, FilterCount)> {
        let mut rules = self.rules.iter().filter(|entry| entry.list == list);
        rules.nth(position).map(|entry| (entry.rule, entry.count))
    }

    /// Puts a rule in front of the one at `position`, or at the end.
    pub(crate) fn insert(
        &mut self,
        list: FilterList,
        position: usize,
        rule: &FilterRule,
    ) -> Result<(), FilterError> {
        check(list, rule)?;
        if position > self.len(list) {
            return Err(FilterError::NoRule);
        }
        if self.rules.is_full() {
            return Err(FilterError::TableFull);
        }
        let mut moved = Entry {
            list,
            rule: *rule,
            count: FilterCount::default(),
        };
        let before = self.rules.iter().filter(|entry| entry.list < list).count();
        for place in self.rules.iter_mut().skip(before + position) {
            core::mem::swap(place, &mut moved);
        }
        self.rules.push(moved).map_err(|_| FilterError::TableFull)
    }

    pub(crate) fn remove(&mut self, list: FilterList, position: usize) -> Result<(), FilterError> {
        let (mut next, before) = (0, self.rules.len());
        self.rules.retain(|entry| {
            let is_it = entry.list == list && next == position;
            next += usize::from(entry.list == list);
            !is_it
        });
        match self.rules.len() < before {
            true => Ok(()),
            false => Err(FilterError::NoRule),
        }
    }

    /// Gives a list other rules and another policy, or leaves all as it is.
    pub(crate) fn replace(
        &mut self,
        list: FilterList,
        rules: &[FilterRule],
        policy: FilterPolicy,
    ) -> Result<(), FilterError> {
        rules.iter().try_for_each(|rule| check(list, rule))?;
        let others = self.rules.len() - self.len(list);
        if rules.len() > self.rules.capacity().saturating_sub(others) {
            return Err(FilterError::TableFull);
        }
        self.rules.retain(|entry| entry.list != list);
        for (position, rule) in rules.iter().enumerate() {
            self.insert(list, position, rule)?;
        }
        self.set_policy(list, policy);
        Ok(())
    }
}

/// Whether a rule can stand in a list.
fn check(list: FilterList, rule: &FilterRule) -> Result<(), FilterError> {
    match (list, rule.action) {
        (FilterList::Local, _) => Ok(()),
        (_, FilterAction::Reject) => Err(FilterError::CannotReject),
        _ => Ok(()),
    }
}
