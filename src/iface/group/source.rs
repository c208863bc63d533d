//! What a socket may say of the sources of its groups (RFC 3678 §3 to §5).

use super::{Filter, FilterMode, Groups, Member, Source, SourceSet};
use crate::iface::AddressError;
use crate::wire::IpAddress;

/// A change to the list of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceChange {
    /// The source is wanted too, besides others that were named.
    Join,
    /// A source that was wanted no longer is.
    Leave,
    /// All sources are wanted, but not this one.
    Block,
    /// A blocked source is wanted again.
    Unblock,
}

impl Groups {
    /// The place of a source that somebody tells apart.
    pub(crate) fn find_source(&self, group: usize, address: IpAddress) -> Option<usize> {
        self.sources.iter().position(|source| {
            source.is_some_and(|source| {
                usize::from(source.group) == group && source.address == address
            })
        })
    }

    /// The place of a source, a new one if it has none. What is only kept to be reported gives way,
    /// but for those in `keep`.
    pub(crate) fn intern(
        &mut self,
        group: usize,
        address: IpAddress,
        keep: SourceSet,
    ) -> Option<usize> {
        if let Some(place) = self.find_source(group, address) {
            return Some(place);
        }
        let free = self.sources.iter().position(Option::is_none);
        let place = free.or_else(|| self.least_needed(keep))?;
        #[cfg(any(feature = "igmp", feature = "mld"))]
        if let Some(Some(source)) = self.sources.get(place).copied()
            && source.asked
        {
            // What was asked cannot be remembered: all of the group answers it too.
            self.forget_asked(source.group.into());
        }
        *self.sources.get_mut(place)? = Some(Source {
            group: group as u8,
            address,
            #[cfg(any(feature = "igmp", feature = "mld"))]
            changes: 0,
            #[cfg(any(feature = "igmp", feature = "mld"))]
            asked: false,
        });
        Some(place)
    }

    /// A source that no listener names: one that was only asked for rather than one that routers
    /// are to be told of.
    fn least_needed(&self, keep: SourceSet) -> Option<usize> {
        let members = self.members.iter();
        let named = members.fold(keep, |named, entry| named.union(entry.filter.sources));
        let places = self.sources.iter().enumerate();
        let unnamed = places.filter(|(place, _)| !named.contains(*place));
        let least = unnamed.min_by_key(|(_, source)| {
            #[cfg(any(feature = "igmp", feature = "mld"))]
            return source.map_or(0, |source| source.changes);
            #[cfg(not(any(feature = "igmp", feature = "mld")))]
            source.map(|_| ())
        });
        least.map(|(place, _)| place)
    }

    /// Changes the list of `member` by one source.
    pub(crate) fn change_source(
        &mut self,
        group: IpAddress,
        member: Member,
        source: IpAddress,
        change: SourceChange,
    ) -> Result<(), AddressError> {
        check(group, source)?;
        let (mode, adds) = match change {
            SourceChange::Join => (FilterMode::Include, true),
            SourceChange::Leave => (FilterMode::Include, false),
            SourceChange::Block => (FilterMode::Exclude, true),
            SourceChange::Unblock => (FilterMode::Exclude, false),
        };
        let place = self.find(group);
        let filter = match place.and_then(|place| self.filter_of(place, member)) {
            Some(filter) if filter.mode != mode => return Err(AddressError::WrongMode),
            Some(filter) => filter,
            None if change == SourceChange::Join => Filter::NOTHING,
            None => return Err(AddressError::Invalid),
        };
        let known = place.and_then(|place| self.find_source(place, source));
        let is_there = known.is_some_and(|at| filter.sources.contains(at));
        if is_there == adds {
            return Err(AddressError::WrongSource);
        }
        let place = self.place_for(group)?;
        let Some(at) = self.intern(place, source, SourceSet::EMPTY) else {
            self.sweep(place);
            return Err(AddressError::TableFull);
        };
        let sources = match adds {
            true => filter.sources.union(SourceSet::of(at)),
            false => filter.sources.minus(SourceSet::of(at)),
        };
        self.set(
            place,
            member,
            Some(Filter { mode, sources }).filter(|f| f.is_heard()),
        )
    }

    /// Has `member` listen to the group in this way, whatever it did before. To include nothing is
    /// to leave.
    pub(crate) fn set_filter(
        &mut self,
        group: IpAddress,
        member: Member,
        mode: FilterMode,
        sources: impl Iterator<Item = IpAddress> + Clone,
    ) -> Result<(), AddressError> {
        if !group.is_multicast() {
            return Err(AddressError::Invalid);
        }
        for source in sources.clone() {
            check(group, source)?;
        }
        let place = self.place_for(group)?;
        let mut set = SourceSet::EMPTY;
        for source in sources {
            let Some(at) = self.intern(place, source, set) else {
                self.sweep(place);
                return Err(AddressError::TableFull);
            };
            set = set.union(SourceSet::of(at));
        }
        let filter = Filter { mode, sources: set };
        self.set(place, member, Some(filter).filter(|f| f.is_heard()))
    }
}

/// Whether the source can be one of the group.
fn check(group: IpAddress, source: IpAddress) -> Result<(), AddressError> {
    let is_single = !source.is_multicast() && !source.is_unspecified();
    (group.is_multicast() && is_single && group.is_same_family(source))
        .then_some(())
        .ok_or(AddressError::Invalid)
}
