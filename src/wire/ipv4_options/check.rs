//! What a host looks at in options that it makes no other use of.

#[cfg(not(feature = "ipv4-options"))]
use super::kind;
#[cfg(feature = "ipv4-options")]
use super::{FIRST_ADDRESS, FIRST_TIMESTAMP, LENGTH, MalformedAt, POINTER, kind, split};

/// Why a datagram is not taken in because of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It has a source route, which a host need not follow (RFC 7126 §4.3, §4.4).
    SourceRoute,
    /// An option is malformed, as [`Ipv4OptionIter`](super::Ipv4OptionIter) would find.
    #[cfg(feature = "ipv4-options")]
    Malformed(MalformedAt),
}

/// Whether there is a source route, or something that is no option and might hide one.
#[cfg(not(feature = "ipv4-options"))]
pub(crate) fn has_source_route(options: &[u8]) -> bool {
    let mut rest = options;
    while let [kind, behind @ ..] = rest {
        rest = match *kind {
            kind::END => return false,
            kind::NO_OPERATION => behind,
            kind::LOOSE_SOURCE_ROUTE | kind::STRICT_SOURCE_ROUTE => return true,
            _ => match behind
                .first()
                .and_then(|length| rest.get(usize::from(*length)..))
            {
                Some(behind) if behind.len() < rest.len() => behind,
                _ => return true,
            },
        };
    }
    false
}

/// Looks for source routes and malformed options, and reads nothing else.
#[cfg(feature = "ipv4-options")]
pub(crate) fn check(options: &[u8]) -> Result<(), Unfit> {
    let mut rest = options;
    let mut offset = 0u8;
    while let Some(&kind) = rest.first() {
        let at = |place: u8| Unfit::Malformed(MalformedAt { offset }.behind(place));
        let (option, behind) =
            split(rest).map_err(|error| Unfit::Malformed(error.behind(offset)))?;
        let is_source_route = matches!(kind, kind::LOOSE_SOURCE_ROUTE | kind::STRICT_SOURCE_ROUTE);
        // The lengths that there can be, and the lowest pointer.
        let (lengths, pointer) = match kind {
            kind::END => return Ok(()),
            kind::RECORD_ROUTE => (3..=u8::MAX, FIRST_ADDRESS),
            _ if is_source_route => (3..=u8::MAX, FIRST_ADDRESS),
            kind::TIMESTAMP => (4..=u8::MAX, FIRST_TIMESTAMP),
            kind::SECURITY => (3..=u8::MAX, 0),
            kind::ROUTER_ALERT => (4..=4, 0),
            _ => (0..=u8::MAX, 0),
        };
        let length = option.len() as u8;
        if !lengths.contains(&length) {
            return Err(at(LENGTH));
        }
        if option
            .get(usize::from(POINTER))
            .is_some_and(|found| *found < pointer)
        {
            return Err(at(POINTER));
        }
        if is_source_route {
            return Err(Unfit::SourceRoute);
        }
        offset = offset.saturating_add(length);
        rest = behind;
    }
    Ok(())
}

#[cfg(all(test, feature = "ipv4-options"))]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::super::{Ipv4Option, Ipv4OptionIter};
    use super::*;

    /// What reading all of the options says.
    fn read(options: &[u8]) -> Result<(), Unfit> {
        for option in Ipv4OptionIter::new(options) {
            match option {
                Err(fault) => return Err(Unfit::Malformed(fault)),
                Ok(Ipv4Option::LooseSourceRoute(_) | Ipv4Option::StrictSourceRoute(_)) => {
                    return Err(Unfit::SourceRoute);
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Options with types that are known and lengths that may be right.
    fn options() -> impl Strategy<Value = std::vec::Vec<u8>> {
        const KNOWN: &[u8] = &[0, 1, 7, 68, 130, 131, 137, 148];
        let one = (
            prop_oneof![4 => prop::sample::select(KNOWN), 1 => any::<u8>()],
            prop_oneof![8 => 2..8u8, 1 => any::<u8>()],
            prop::collection::vec(0..8u8, 0..6),
        );
        prop::collection::vec(one, 0..6).prop_map(|all| {
            let octets = all
                .into_iter()
                .flat_map(|(kind, length, data)| [kind, length].into_iter().chain(data));
            octets.take(40).collect()
        })
    }

    proptest! {
        #[test]
        fn says_what_reading_all_options_says(options in options()) {
            prop_assert_eq!(check(&options), read(&options));
        }

        #[test]
        fn says_what_reading_arbitrary_octets_says(
            options in prop::collection::vec(any::<u8>(), 0..=40),
        ) {
            prop_assert_eq!(check(&options), read(&options));
        }
    }
}
