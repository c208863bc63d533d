//! Which IPv4 address a host chooses for itself on a link (RFC 3927 §2.1).

use core::net::Ipv4Addr;

/// "in the range from 169.254.1.0 to 169.254.254.255 inclusive" (RFC 3927 §2.1).
const FIRST: u32 = Ipv4Addr::new(169, 254, 1, 0).to_bits();
const COUNT: u64 = (254 << 8) as u64;

/// The length of the prefix of all of them.
pub(crate) const PREFIX_LENGTH: u8 = 16;

/// The address that a station tries as number `attempt`: a sequence of its own for each link
/// address, the same each time that the host is switched on.
pub(crate) fn candidate(link: &[u8], attempt: u32) -> Ipv4Addr {
    let seed = link.iter().fold(u64::from(attempt), |seed, octet| {
        mix(seed.rotate_left(8) ^ u64::from(*octet))
    });
    // The high half of the product is below the count, and as good as uniform.
    let offset = (u128::from(seed) * u128::from(COUNT)) >> 64;
    Ipv4Addr::from_bits(FIRST + offset as u32)
}

/// The finalizer of SplitMix64: each bit of the result depends on each of `bits`.
fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn candidates_are_in_range_and_all_over_it() {
        let mut seen = BTreeSet::new();
        for attempt in 0..20_000 {
            let address = candidate(&[2, 0, 0, 0, 1, 1], attempt);
            let [a, b, c, _] = address.octets();
            assert!((a, b) == (169, 254) && (1..=254).contains(&c), "{address}");
            let _: bool = seen.insert(c);
        }
        assert_eq!(seen.len(), 254);
    }

    #[test]
    fn each_station_has_a_sequence_of_its_own_that_it_keeps() {
        let sequence = |last| {
            let attempts = (0..8).map(move |attempt| candidate(&[2, 0, 0, 0, 0, last], attempt));
            attempts.collect::<Vec<_>>()
        };
        assert_eq!(sequence(1), sequence(1));
        for (one, other) in sequence(1).iter().zip(sequence(2)) {
            assert_ne!(*one, other);
        }
    }
}
