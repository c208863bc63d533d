//! Numbers that a stranger must not guess: initial sequence numbers (RFC 6528), timestamp offsets
//! (RFC 7323 §5.4), and SYN cookies (RFC 4987 §3.6, appendix A).
//!
//! The keyed function is SipHash-2-4 with 128 bits of key, made for short inputs under such a
//! threat.
//!
//! A cookie is 32 bits: five of a counter that moves every 64 seconds, three that name a segment
//! size, and 24 of the keyed hash of all of that, the four-tuple and the peer's sequence number. It
//! is valid for one to two minutes. What else a SYN offered fits in the low bits of the timestamp of
//! the SYN-ACK, which the peer echoes: window scale, SACK. The hash does not cover it: a peer that
//! changes it only harms itself.

use core::hash::Hasher;
use core::net::SocketAddr;

use siphasher::sip::SipHasher24;

use super::Seq;
use crate::rng::Rng;
use crate::time::Instant;

/// Segment sizes that a cookie can name: the largest that is not above the peer's is taken.
const SIZES: [u16; 8] = [216, 536, 1_024, 1_220, 1_360, 1_400, 1_440, 1_460];
/// Bits of a timestamp that hold an offer: four of window scale, one of SACK, one more that tells a
/// scale of zero from none (RFC 7323 §2.2).
const OFFER_BITS: u32 = 6;

/// What a SYN offered, beside its segment size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer {
    /// The shift of the peer's windows (RFC 7323 §2.3: 14 at most), if it scales.
    pub window_scale: Option<u8>,
    /// Whether the peer takes selective acknowledgements (RFC 2018 §2).
    pub sack: bool,
}

/// What a valid cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cookie {
    /// A segment size that the peer can take.
    pub mss: u16,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourTuple {
    /// Here.
    pub local: SocketAddr,
    /// There.
    pub remote: SocketAddr,
}

/// What the keyed function is used for: no two uses share a value.
#[derive(Clone, Copy)]
enum Purpose {
    Connection,
    Cookie { counter: u32, peer: Seq, size: u8 },
}

/// The generator, with its secret.
#[derive(Clone, Copy)]
pub struct IsnGenerator {
    key: [u8; 16],
}

impl core::fmt::Debug for IsnGenerator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("IsnGenerator")
    }
}

impl IsnGenerator {
    /// A generator with a secret of its own. One for the life of the stack: connections that come
    /// again rely on it (RFC 6528 §3).
    pub fn new(rng: &mut Rng) -> Self {
        let mut key = [0; 16];
        rng.fill(&mut key);
        Self { key }
    }

    /// An initial sequence number: the clock of 4 µs, and a number of the connection's own
    /// (RFC 6528 §3, RFC 9293 §3.4.1). With it, what [`timestamp_offset`](Self::timestamp_offset) gives:
    /// halves of one hash.
    #[allow(clippy::cast_possible_truncation)]
    pub fn initial(&self, connection: &FourTuple, now: Instant) -> (Seq, u32) {
        let hash = self.hash(connection, Purpose::Connection);
        let clock = (now.as_micros() >> 2) as u32;
        (Seq(clock.wrapping_add(hash as u32)), (hash >> 32) as u32)
    }

    /// What to add to the timestamp clock for this connection (Snd.TSoffset, RFC 7323 §5.4). It is
    /// the same for the same two ends, so that timestamps go on rising from one connection to the
    /// next (RFC 6191).
    #[allow(clippy::cast_possible_truncation)]
    pub fn timestamp_offset(&self, connection: &FourTuple) -> u32 {
        (self.hash(connection, Purpose::Connection) >> 32) as u32
    }

    /// The sequence number of a SYN-ACK that remembers what no table does: `peer` is the sequence
    /// number of the SYN, `mss` its segment size.
    pub fn cookie(&self, connection: &FourTuple, peer: Seq, mss: u16, now: Instant) -> Seq {
        let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0);
        // SIZES has eight places.
        let size = u8::try_from(size).unwrap_or(0);
        Seq(self.value(connection, peer, counter(now), size))
    }

    /// What the cookie says that an ACK brings back: `cookie` is its acknowledgement number less
    /// one, `peer` its sequence number less one. `None` where it is forged or too old.
    pub fn verify(
        &self,
        connection: &FourTuple,
        peer: Seq,
        cookie: Seq,
        now: Instant,
    ) -> Option<Cookie> {
        let age = counter(now).wrapping_sub(cookie.0 >> 27) & 31;
        if age > 1 {
            return None;
        }
        let size = (cookie.0 >> 24 & 7) as u8;
        let made = self.value(connection, peer, counter(now).wrapping_sub(age), size);
        let mss = SIZES.get(usize::from(size)).copied()?;
        (made == cookie.0).then_some(Cookie { mss })
    }

    fn value(&self, connection: &FourTuple, peer: Seq, counter: u32, size: u8) -> u32 {
        let purpose = Purpose::Cookie {
            counter,
            peer,
            size,
        };
        counter << 27 | u32::from(size) << 24 | self.hash(connection, purpose) as u32 >> 8
    }

    fn hash(&self, connection: &FourTuple, purpose: Purpose) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        // What is hashed has the same length for the same purpose and version: no two are alike.
        match purpose {
            Purpose::Connection => hasher.write_u8(0),
            Purpose::Cookie {
                counter,
                peer,
                size,
            } => {
                hasher.write_u8(2 + size);
                hasher.write_u32(counter);
                hasher.write_u32(peer.0);
            }
        }
        let FourTuple { local, remote } = connection;
        hasher.write_u32(u32::from(local.port()) << 16 | u32::from(remote.port()));
        for end in [local, remote] {
            match end {
                SocketAddr::V4(end) => hasher.write(&end.ip().octets()),
                SocketAddr::V6(end) => hasher.write(&end.ip().octets()),
            }
        }
        hasher.finish()
    }
}

impl Offer {
    /// The timestamp of a SYN-ACK with a cookie: `clock`, with the offer in its low bits. It is
    /// never later than `clock`, so timestamps sent afterwards do not run backwards.
    pub fn into_timestamp(self, clock: u32) -> u32 {
        let scale = match self.window_scale {
            Some(shift) => 1 << 4 | u32::from(shift.min(14)),
            None => 0,
        };
        let bits = u32::from(self.sack) << 5 | scale;
        let mask = (1 << OFFER_BITS) - 1;
        let stamp = clock & !mask | bits;
        match bits > clock & mask {
            true => stamp.wrapping_sub(1 << OFFER_BITS),
            false => stamp,
        }
    }

    /// The offer that a peer echoes in its timestamp.
    pub fn from_timestamp(echo: u32) -> Self {
        let shift = (echo & 15) as u8;
        Self {
            window_scale: (echo & 1 << 4 != 0).then_some(shift.min(14)),
            sack: echo & 1 << 5 != 0,
        }
    }
}

/// The counter of cookies: it moves every 64 s and a little (2^26 µs).
#[allow(clippy::cast_possible_truncation)]
const fn counter(now: Instant) -> u32 {
    (now.as_micros() >> 26) as u32
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn generator() -> IsnGenerator {
        IsnGenerator::new(&mut Rng::new([7; 32]))
    }

    fn tuple(remote: &str) -> FourTuple {
        FourTuple {
            local: "192.0.2.1:80".parse().unwrap(),
            remote: remote.parse().unwrap(),
        }
    }

    #[test]
    fn rfc_6528_3_numbers_rise_every_4_microseconds() {
        let (generator, tuple) = (generator(), tuple("192.0.2.2:1024"));
        let (first, _) = generator.initial(&tuple, Instant::ZERO);
        let (later, _) = generator.initial(&tuple, Instant::from_micros(4_000));
        assert_eq!(later.since(first), 1_000);
    }

    #[test]
    fn rfc_6528_3_each_connection_and_each_secret_has_numbers_of_its_own() {
        let one = tuple("192.0.2.2:1024");
        let numbers = [
            generator().initial(&one, Instant::ZERO).0.0,
            generator()
                .initial(&tuple("192.0.2.2:1025"), Instant::ZERO)
                .0
                .0,
            generator()
                .initial(&tuple("[2001:db8::1]:1024"), Instant::ZERO)
                .0
                .0,
            IsnGenerator::new(&mut Rng::new([8; 32]))
                .initial(&one, Instant::ZERO)
                .0
                .0,
            generator().timestamp_offset(&one),
        ];
        let unique: std::collections::BTreeSet<u32> = numbers.into();
        assert_eq!(unique.len(), numbers.len());
    }

    #[test]
    fn rfc_7323_5_4_timestamp_offset_stays_for_the_same_ends() {
        let tuple = tuple("192.0.2.2:1024");
        let (_, offset) = generator().initial(&tuple, Instant::ZERO);
        assert_eq!(generator().timestamp_offset(&tuple), offset);
    }

    #[test]
    fn rfc_4987_3_6_cookie_ages() {
        let (generator, tuple, peer) = (generator(), tuple("192.0.2.2:1024"), Seq(77));
        let at = Instant::from_micros;
        let cookie = generator.cookie(&tuple, peer, 1_460, at(5 << 26));
        for (steps, valid) in [(5, true), (6, true), (7, false), (4, false), (37, false)] {
            let found = generator.verify(&tuple, peer, cookie, at(steps << 26));
            assert_eq!(found.is_some(), valid, "{steps}");
        }
    }

    #[test]
    fn rfc_4987_3_6_cookie_names_the_next_smaller_segment_size() {
        let (generator, tuple, peer) = (generator(), tuple("[2001:db8::2]:1024"), Seq(77));
        for (mss, named) in [
            (9_000, 1_460),
            (1_459, 1_440),
            (1_220, 1_220),
            (600, 536),
            (100, 216),
        ] {
            let cookie = generator.cookie(&tuple, peer, mss, Instant::ZERO);
            let found = generator.verify(&tuple, peer, cookie, Instant::ZERO);
            assert_eq!(found, Some(Cookie { mss: named }));
        }
    }

    proptest! {
        #[test]
        fn cookie_of_another_connection_is_refused(peer: u32, forged: u32, now in 0..u64::MAX / 2) {
            let (generator, now) = (generator(), Instant::from_micros(now));
            let tuple = tuple("192.0.2.2:1024");
            let cookie = generator.cookie(&tuple, Seq(peer), 1_460, now);
            prop_assert!(generator.verify(&tuple, Seq(peer), cookie, now).is_some());
            if forged != cookie.0 && forged >> 24 == cookie.0 >> 24 {
                prop_assert!(generator.verify(&tuple, Seq(peer), Seq(forged), now).is_none());
            }
            let flipped = Seq(cookie.0 ^ 1 << (forged % 32));
            prop_assert!(generator.verify(&tuple, Seq(peer), flipped, now).is_none());
        }

        #[test]
        fn offer_comes_back_in_the_echo_and_time_does_not_run_ahead(
            clock: u32, shift in 0..=14_u8, scales: bool, sack: bool,
        ) {
            let offer = Offer { window_scale: scales.then_some(shift), sack };
            let stamp = offer.into_timestamp(clock);
            prop_assert_eq!(Offer::from_timestamp(stamp), offer);
            prop_assert!(clock.wrapping_sub(stamp) < 64);
        }
    }
}
