//! Which sources of a group are wanted (RFC 3376 §2, RFC 3810 §3).

/// How a list of sources is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FilterMode {
    /// These sources are wanted and no others.
    Include,
    /// All sources are wanted but these.
    Exclude,
}

/// Sources of an interface, by their places in its table: a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceSet(u32);

impl SourceSet {
    pub(crate) const EMPTY: Self = Self(0);

    /// The source at this place, which is below 32.
    pub(crate) const fn of(place: usize) -> Self {
        Self(1 << (place & 31))
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(crate) const fn contains(self, place: usize) -> bool {
        self.0 & Self::of(place).0 != 0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in `other`.
    pub(crate) const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The places, the lowest first.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(place)
        })
    }

    /// The first `count` of them.
    pub(crate) fn first(self, count: usize) -> Self {
        (self.places().take(count)).fold(Self::EMPTY, |set, place| set.union(Self::of(place)))
    }
}

/// Which sources of a group are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) mode: FilterMode,
    pub(crate) sources: SourceSet,
}

impl Filter {
    /// No source at all: nobody listens.
    pub(crate) const NOTHING: Self = Self {
        mode: FilterMode::Include,
        sources: SourceSet::EMPTY,
    };
    /// All sources.
    pub(crate) const EVERYTHING: Self = Self {
        mode: FilterMode::Exclude,
        sources: SourceSet::EMPTY,
    };

    /// Whether there is a source that is wanted.
    pub(crate) fn is_heard(self) -> bool {
        self != Self::NOTHING
    }

    /// What two listeners want together (RFC 3376 §3.2, RFC 3810 §4.2): once one of them excludes
    /// sources, those that all who do exclude and nobody includes; else those that any includes.
    pub(crate) fn merge(self, other: Self) -> Self {
        let (one, two) = (self.sources, other.sources);
        let (mode, sources) = match (self.mode, other.mode) {
            (FilterMode::Include, FilterMode::Include) => (FilterMode::Include, one.union(two)),
            (FilterMode::Include, FilterMode::Exclude) => (FilterMode::Exclude, two.minus(one)),
            (FilterMode::Exclude, FilterMode::Include) => (FilterMode::Exclude, one.minus(two)),
            (FilterMode::Exclude, FilterMode::Exclude) => {
                (FilterMode::Exclude, one.intersection(two))
            }
        };
        Self { mode, sources }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    fn filter(mode: FilterMode, places: &[usize]) -> Filter {
        let sources = places.iter();
        let sources = sources.fold(SourceSet::EMPTY, |set, at| set.union(SourceSet::of(*at)));
        Filter { mode, sources }
    }

    #[test]
    fn filters_are_merged_as_the_examples_of_the_rfcs() {
        use FilterMode::{Exclude, Include};

        // a to f are 0 to 5.
        let sockets = [
            filter(Exclude, &[0, 1, 2, 3]),
            filter(Exclude, &[1, 2, 3, 4]),
            filter(Include, &[3, 4, 5]),
        ];
        let merged = sockets.into_iter().reduce(Filter::merge).unwrap();
        assert_eq!(merged, filter(Exclude, &[1, 2]));
        assert_eq!(merged.merge(Filter::EVERYTHING), Filter::EVERYTHING);
        let sockets = [
            filter(Include, &[0, 1, 2]),
            filter(Include, &[1, 2, 3]),
            filter(Include, &[4, 5]),
        ];
        let merged = sockets.into_iter().reduce(Filter::merge).unwrap();
        assert_eq!(merged, filter(Include, &[0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn places_of_a_set_come_in_order() {
        let set = filter(FilterMode::Include, &[31, 0, 7]).sources;
        assert_eq!(set.places().collect::<Vec<_>>(), [0, 7, 31]);
        assert_eq!(set.first(2).places().collect::<Vec<_>>(), [0, 7]);
        assert_eq!((set.len(), set.first(9)), (3, set));
    }

    fn any_filter() -> impl Strategy<Value = Filter> {
        (any::<bool>(), any::<u32>()).prop_map(|(include, bits)| Filter {
            mode: match include {
                true => FilterMode::Include,
                false => FilterMode::Exclude,
            },
            sources: SourceSet(bits),
        })
    }

    fn wants(filter: Filter, place: usize) -> bool {
        filter.sources.contains(place) == (filter.mode == FilterMode::Include)
    }

    proptest! {
        #[test]
        fn merged_filter_wants_what_any_of_them_wants(
            filters in prop::collection::vec(any_filter(), 0..6),
            place in 0..32usize,
        ) {
            let merged = filters.iter().copied().fold(Filter::NOTHING, Filter::merge);
            let any = filters.iter().any(|filter| wants(*filter, place));
            prop_assert_eq!(wants(merged, place), any);
            let excludes = filters.iter().any(|filter| filter.mode == FilterMode::Exclude);
            prop_assert_eq!(merged.mode == FilterMode::Exclude, excludes);
        }
    }
}
