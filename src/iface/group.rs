//! Who listens to which multicast group, and to which of its sources (RFC 3376 §3, RFC 3810 §4).
//!
//! An interface numbers the sources that anybody tells apart in one table, so that a list of them
//! is a word of bits, and merging the lists of several listeners is arithmetic. A group whose last
//! listener has left keeps its place until routers have been told; it gives way when a place is
//! wanted.

#[cfg_attr(not(any(feature = "igmp", feature = "mld")), allow(dead_code))]
mod filter;
#[cfg(any(feature = "igmp", feature = "mld"))]
mod report;
#[cfg(all(feature = "udp", feature = "multicast"))]
mod source;

use heapless::Vec;

pub use filter::FilterMode;
pub(crate) use filter::{Filter, SourceSet};
#[cfg(any(feature = "igmp", feature = "mld"))]
pub(crate) use report::{Pending, Protocol, QUERY_INTERVAL, Querier, ROBUSTNESS};

#[cfg(all(feature = "udp", feature = "multicast"))]
pub(crate) use source::SourceChange;

use super::AddressError;
use crate::config;
use crate::wire::IpAddress;

/// Places for sources: none where nobody can tell them apart.
const SOURCES: usize = if cfg!(all(feature = "udp", feature = "multicast")) {
    config::GROUP_SOURCES
} else {
    0
};

/// Who has joined a group: a UDP or raw socket, the application, or the stack itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member(u16);

impl Member {
    /// The stack itself. It may join a group several times: two addresses can have one
    /// solicited-node group.
    pub(crate) const STACK: Self = Self(u16::MAX);

    /// The application as a whole.
    #[cfg(feature = "multicast")]
    pub(crate) const APPLICATION: Self = Self(u16::MAX - 1);

    /// The raw socket of this number: beyond those of the UDP sockets that there ever are.
    #[cfg(all(feature = "raw-sockets", feature = "multicast"))]
    pub(crate) const fn raw(socket: u8) -> Self {
        Self(u16::MAX - 2 - socket as u16)
    }

    /// The UDP socket of this number.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(crate) const fn udp(socket: u16) -> Self {
        Self(socket)
    }
}

/// One listener of one group.
#[derive(Clone, Copy, Debug)]
struct Membership {
    /// The place of the group.
    group: u8,
    /// How many reasons the stack has to listen.
    times: u8,
    member: Member,
    #[cfg(all(feature = "udp", feature = "multicast"))]
    filter: Filter,
}

impl Membership {
    const fn filter(&self) -> Filter {
        #[cfg(all(feature = "udp", feature = "multicast"))]
        return self.filter;
        #[cfg(not(all(feature = "udp", feature = "multicast")))]
        Filter::EVERYTHING
    }
}

/// A group that is listened to, or was until just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) address: IpAddress,
    /// How many listen.
    pub(crate) members: u8,
    /// Those who want to know have been told that it is listened to.
    announced: bool,
    #[cfg(any(feature = "igmp", feature = "mld"))]
    pub(crate) pending: Pending,
}

/// A source that somebody tells apart from the other sources of its group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The place of the group.
    pub(crate) group: u8,
    #[cfg_attr(not(all(feature = "udp", feature = "multicast")), allow(dead_code))]
    pub(crate) address: IpAddress,
    /// State Change Reports that are still to name it: its Source Retransmission Counter (RFC 3810
    /// §6.1).
    #[cfg(any(feature = "igmp", feature = "mld"))]
    pub(crate) changes: u8,
    /// A query has asked for it, and the answer is still to be sent.
    #[cfg(any(feature = "igmp", feature = "mld"))]
    pub(crate) asked: bool,
}

/// The groups of an interface.
pub(crate) struct Groups {
    pub(crate) groups: [Option<Group>; config::GROUPS],
    members: Vec<Membership, { config::GROUP_MEMBERS }>,
    pub(crate) sources: [Option<Source>; SOURCES],
    /// Something has changed that the core has not seen to.
    changed: bool,
    #[cfg(feature = "igmp")]
    igmp: Querier,
    #[cfg(feature = "mld")]
    mld: Querier,
    /// Reports have been sent without a source address, which routers do not heed.
    #[cfg(feature = "mld")]
    pub(crate) is_unheeded: bool,
}

impl Groups {
    pub(super) const fn new() -> Self {
        const { assert!(config::GROUP_SOURCES <= 32) };
        Self {
            groups: [None; config::GROUPS],
            members: Vec::new(),
            sources: [None; SOURCES],
            changed: false,
            #[cfg(feature = "igmp")]
            igmp: Querier::NEW,
            #[cfg(feature = "mld")]
            mld: Querier::NEW,
            #[cfg(feature = "mld")]
            is_unheeded: false,
        }
    }

    /// Whether something has changed since this was asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// A group that is now listened to, or no longer is, and of which nobody has been told.
    pub(crate) fn take_event(&mut self) -> Option<(IpAddress, bool)> {
        let mut groups = self.groups.iter_mut().enumerate();
        let (place, event) = groups.find_map(|(place, group)| {
            let group = group.as_mut()?;
            let heard = group.members > 0;
            let event = (group.announced != heard).then_some((group.address, heard))?;
            group.announced = heard;
            Some((place, event))
        })?;
        self.sweep(place);
        Some(event)
    }

    /// The groups that somebody listens to.
    pub(super) fn heard(&self) -> impl Iterator<Item = &IpAddress> {
        let groups = self.groups.iter().flatten();
        groups.filter_map(|group| (group.members > 0).then_some(&group.address))
    }

    /// Whether anybody listens to the group.
    pub(super) fn contains(&self, group: IpAddress) -> bool {
        self.heard().any(|heard| *heard == group)
    }

    /// Whether `member` listens to the group, and to this source of it.
    #[cfg(all(feature = "udp", feature = "multicast"))]
    pub(super) fn hears(&self, group: IpAddress, source: IpAddress, member: Member) -> Hears {
        let place = self.find(group);
        let Some((place, filter)) = place.and_then(|at| Some((at, self.filter_of(at, member)?)))
        else {
            return Hears::Nothing;
        };
        let is_named = !filter.sources.is_empty()
            && (self.find_source(place, source)).is_some_and(|at| filter.sources.contains(at));
        match is_named == (filter.mode == FilterMode::Include) {
            true => Hears::Source,
            false => Hears::OtherSources,
        }
    }

    /// Notes that the stack or a socket listens to all sources of the group. A socket that joins
    /// twice has joined once.
    pub(super) fn join(&mut self, group: IpAddress, member: Member) -> Result<(), AddressError> {
        if !group.is_multicast() {
            return Err(AddressError::Invalid);
        }
        let known = self.find(group).and_then(|at| self.filter_of(at, member));
        match known {
            Some(Filter {
                mode: FilterMode::Include,
                ..
            }) => return Err(AddressError::WrongMode),
            Some(_) if member != Member::STACK => return Ok(()),
            Some(_) => {
                if let Some(membership) = self.find(group).and_then(|at| self.entry(at, member)) {
                    membership.times = membership.times.saturating_add(1);
                }
                return Ok(());
            }
            None => {}
        }
        let place = self.place_for(group)?;
        self.set(place, member, Some(Filter::EVERYTHING))
    }

    /// Notes that `member` listens to the group no longer; says whether it did.
    pub(super) fn leave(&mut self, group: IpAddress, member: Member) -> bool {
        let Some(place) = self.find(group) else {
            return false;
        };
        let Some(membership) = self.entry(place, member) else {
            return false;
        };
        membership.times = membership.times.saturating_sub(1);
        if membership.times == 0 {
            let _: Result<(), AddressError> = self.set(place, member, None);
        }
        true
    }

    /// Forgets all that `member` listens to; says whether it did listen.
    #[cfg(all(any(feature = "udp", feature = "raw-sockets"), feature = "multicast"))]
    pub(super) fn leave_all(&mut self, member: Member) -> bool {
        let mut left = false;
        while let Some(place) = {
            let mut members = self.members.iter();
            members
                .find(|entry| entry.member == member)
                .map(|entry| entry.group)
        } {
            let _: Result<(), AddressError> = self.set(place.into(), member, None);
            left = true;
        }
        left
    }

    /// What all listeners of a group want together (RFC 3376 §3.2, RFC 3810 §4.2).
    pub(crate) fn filter(&self, place: usize) -> Filter {
        let members = self.members.iter();
        let filters = members.filter(|entry| usize::from(entry.group) == place);
        (filters.map(Membership::filter)).fold(Filter::NOTHING, Filter::merge)
    }

    /// The place of a group that is listened to or was.
    pub(crate) fn find(&self, address: IpAddress) -> Option<usize> {
        let mut groups = self.groups.iter();
        groups.position(|group| group.is_some_and(|group| group.address == address))
    }

    pub(crate) fn group_mut(&mut self, place: usize) -> Option<&mut Group> {
        self.groups.get_mut(place)?.as_mut()
    }

    /// The place of a group, a new one if it has none. One that nobody listens to any more gives
    /// way.
    fn place_for(&mut self, address: IpAddress) -> Result<usize, AddressError> {
        if let Some(place) = self.find(address) {
            return Ok(place);
        }
        let mut groups = self.groups.iter();
        let free = groups.position(Option::is_none).or_else(|| {
            let mut groups = self.groups.iter();
            groups.position(|group| group.is_some_and(|group| group.members == 0))
        });
        let place = free.ok_or(AddressError::TableFull)?;
        for source in &mut self.sources {
            if source.is_some_and(|source| usize::from(source.group) == place) {
                *source = None;
            }
        }
        if let Some(group) = self.groups.get_mut(place) {
            *group = Some(Group {
                address,
                members: 0,
                announced: false,
                #[cfg(any(feature = "igmp", feature = "mld"))]
                pending: Pending::NONE,
            });
        }
        Ok(place)
    }

    fn entry(&mut self, place: usize, member: Member) -> Option<&mut Membership> {
        let mut members = self.members.iter_mut();
        members.find(|entry| usize::from(entry.group) == place && entry.member == member)
    }

    fn filter_of(&self, place: usize, member: Member) -> Option<Filter> {
        let mut members = self.members.iter();
        let entry =
            members.find(|entry| usize::from(entry.group) == place && entry.member == member);
        entry.map(Membership::filter)
    }

    /// Has `member` listen to the group as `filter` says, or not at all, and notes what routers are
    /// to be told.
    fn set(
        &mut self,
        place: usize,
        member: Member,
        filter: Option<Filter>,
    ) -> Result<(), AddressError> {
        let before = self.filter(place);
        let mut result = Ok(());
        match (self.entry(place, member), filter) {
            #[cfg(all(feature = "udp", feature = "multicast"))]
            (Some(entry), Some(filter)) => entry.filter = filter,
            #[cfg(not(all(feature = "udp", feature = "multicast")))]
            (Some(_), Some(_)) => {}
            (None, Some(filter)) => {
                let _ = filter;
                let entry = Membership {
                    group: place as u8,
                    times: 1,
                    member,
                    #[cfg(all(feature = "udp", feature = "multicast"))]
                    filter,
                };
                let pushed = self.members.push(entry);
                result = pushed.map_err(|_| AddressError::TableFull);
            }
            (_, None) => self
                .members
                .retain(|entry| usize::from(entry.group) != place || entry.member != member),
        }
        let members = self.members.iter();
        let members = members.filter(|entry| usize::from(entry.group) == place);
        let count = members.count() as u8;
        if let Some(group) = self.group_mut(place) {
            group.members = count;
        }
        self.changed = true;
        #[cfg(any(feature = "igmp", feature = "mld"))]
        self.note_change(place, before, self.filter(place));
        let _ = before;
        self.sweep(place);
        result
    }

    /// Takes back what a group no longer needs: its sources that nobody names, and its place.
    pub(crate) fn sweep(&mut self, place: usize) {
        let members = self.members.iter();
        let members = members.filter(|entry| usize::from(entry.group) == place);
        let named = members.fold(SourceSet::EMPTY, |named, entry| {
            named.union(entry.filter().sources)
        });
        let mut is_told = true;
        for (at, slot) in self.sources.iter_mut().enumerate() {
            let Some(source) = slot.filter(|source| usize::from(source.group) == place) else {
                continue;
            };
            if named.contains(at) || source.is_pending() {
                is_told &= !source.is_pending();
            } else {
                *slot = None;
            }
        }
        let Some(slot) = self.groups.get_mut(place) else {
            return;
        };
        let is_done = |group: &Group| {
            #[cfg(any(feature = "igmp", feature = "mld"))]
            let is_told = is_told && group.pending.mode_changes == 0;
            group.members == 0 && !group.announced && is_told
        };
        if slot.as_ref().is_some_and(is_done) {
            *slot = None;
        }
    }
}

impl Source {
    /// Whether a report is still to name it.
    const fn is_pending(&self) -> bool {
        #[cfg(any(feature = "igmp", feature = "mld"))]
        return self.changes > 0 || self.asked;
        #[cfg(not(any(feature = "igmp", feature = "mld")))]
        false
    }
}

/// What a listener wants of a packet to a group.
#[cfg(all(feature = "udp", feature = "multicast"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hears {
    /// It has not joined the group.
    Nothing,
    /// It wants other sources of it.
    OtherSources,
    /// It wants this source.
    Source,
}
