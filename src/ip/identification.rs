//! What fragments of one datagram have in common, and what no stranger may foresee (RFC 6864 §4.3,
//! RFC 7739).
//!
//! RFC 7739 §5.3: a keyed hash of the addresses, and a counter that some of them share. So the
//! numbers of one pair of hosts do not repeat before all have been used, and tell others nothing.

use core::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::rng::Rng;
use crate::wire::IpAddress;

/// Counters: the more, the less one destination learns of what others are sent.
const COUNTERS: usize = 8;

/// The generator, with its secret.
pub(crate) struct Identifications {
    key: [u8; 16],
    counters: [u32; COUNTERS],
}

impl Identifications {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut key = [0; 16];
        rng.fill(&mut key);
        let counters = core::array::from_fn(|_| rng.next_u32());
        Self { key, counters }
    }

    /// The number of the next datagram of `protocol` from `source` to `destination`. IPv4 has room
    /// for its lower half.
    pub(crate) fn next(&mut self, source: IpAddress, destination: IpAddress, protocol: u8) -> u32 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(protocol);
        for address in [source, destination] {
            match address {
                #[cfg(feature = "ipv4")]
                IpAddress::V4(address) => hasher.write(&address.octets()),
                #[cfg(feature = "ipv6")]
                IpAddress::V6(address) => hasher.write(&address.octets()),
            }
        }
        let hash = hasher.finish();
        let place = (hash >> 32) as usize % COUNTERS;
        let Some(counter) = self.counters.get_mut(place) else {
            return 0;
        };
        *counter = counter.wrapping_add(1);
        (hash as u32).wrapping_add(*counter)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;

    use super::*;

    #[cfg(feature = "ipv4")]
    #[test]
    fn numbers_of_one_pair_do_not_repeat_before_all_are_used() {
        let host = |number| IpAddress::from(core::net::Ipv4Addr::new(192, 0, 2, number));
        let mut numbers = Identifications::new(&mut Rng::new([7; 32]));
        let seen: BTreeSet<u16> = (0..65_536)
            .map(|_| numbers.next(host(1), host(2), 17) as u16)
            .collect();
        assert_eq!(seen.len(), 65_536);
        // What others are sent tells nothing: another pair, another protocol, another secret.
        let first = numbers.next(host(1), host(2), 17);
        let mut other = Identifications::new(&mut Rng::new([8; 32]));
        for number in [
            numbers.next(host(1), host(3), 17),
            numbers.next(host(1), host(2), 1),
            other.next(host(1), host(2), 17),
        ] {
            assert!(number.wrapping_sub(first) > 1000 && first.wrapping_sub(number) > 1000);
        }
    }
}
