//! What a prefix that a router advertises means for addresses made of it (RFC 4862 §5.5.3).

use crate::time::{Duration, Instant};
use crate::wire::ipv6_address;
use crate::wire::ndp_option::{INFINITE_LIFETIME, PrefixFlags, PrefixInformation};

/// Bits of the identifiers of interfaces on the links that there are (RFC 4291 §2.5.1, RFC 2464 §4).
const IDENTIFIER_LENGTH: u8 = 64;

/// An advertised lifetime that is less has no effect (RFC 4862 §5.5.3 e).
const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);

/// Whether addresses are to be made of a prefix, or those that were made are told something new.
pub(crate) fn is_usable(option: &PrefixInformation) -> bool {
    let prefix = option.prefix();
    option.flags().contains(PrefixFlags::AUTONOMOUS)
        && !ipv6_address::is_link_local_unicast(prefix)
        && !prefix.is_multicast()
        && option.preferred_lifetime() <= option.valid_lifetime()
        && option.prefix_length().checked_add(IDENTIFIER_LENGTH) == Some(128)
}

/// The end of a lifetime in seconds.
pub(crate) fn until(now: Instant, lifetime: u32) -> Instant {
    match lifetime {
        INFINITE_LIFETIME => Instant::MAX,
        seconds => now + Duration::from_secs(seconds.into()),
    }
}

/// Until when an address is valid whose prefix is advertised again, with a lifetime that ends at
/// `advertised`. Nobody is to bring an address to an end with one bogus message (§5.5.3 e).
pub(crate) fn valid_until(now: Instant, current: Instant, advertised: Instant) -> Instant {
    let least = now + TWO_HOURS;
    if advertised > least || advertised > current {
        advertised
    } else if current <= least {
        current
    } else {
        least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn lifetime_of_all_ones_never_ends() {
        assert_eq!(until(at(5), 10), at(15));
        assert_eq!(until(at(5), u32::MAX), Instant::MAX);
        assert_eq!(until(at(5), u32::MAX - 1), at(5 + u64::from(u32::MAX) - 1));
    }

    #[test]
    fn two_hour_rule() {
        // RFC 4862 §5.5.3 e: more than two hours, or more than what remains, is believed.
        assert_eq!(valid_until(at(0), at(10_000), at(7_201)), at(7_201));
        assert_eq!(valid_until(at(0), at(100), at(200)), at(200));
        // Less, with two hours or less left, changes nothing.
        assert_eq!(valid_until(at(0), at(7_200), at(10)), at(7_200));
        assert_eq!(valid_until(at(0), at(100), at(0)), at(100));
        // Else two hours are left.
        assert_eq!(valid_until(at(0), at(10_000), at(10)), at(7_200));
        assert_eq!(valid_until(at(0), Instant::MAX, at(0)), at(7_200));
        assert_eq!(valid_until(at(50), Instant::MAX, at(50)), at(7_250));
    }
}
