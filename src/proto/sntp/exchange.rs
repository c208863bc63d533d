//! One request, and what a reply to it is worth.

use super::message::{CLIENT, HEADER_LENGTH, Header, Leap, SERVER, VERSION, request};
use super::time::{NtpTimestamp, UnixTime};
use crate::time::{Duration, Instant};

/// "infinity is currently a cozy number like one second" (RFC 4330 §5): in seconds of 16 bits and a
/// fraction.
const INFINITY: u32 = 1 << 16;

/// What a server has said of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sample {
    /// The time of day at [`Sample::at`].
    pub time: UnixTime,
    /// When the reply came, on the clock of the stack.
    pub at: Instant,
    /// The time to the server and back, what it took there not counted. The time of day is wrong by
    /// half of this at most, as far as the server is right.
    pub delay: Duration,
    /// By how many microseconds the time of day that was kept before was behind; `None` if none was.
    pub offset: Option<i64>,
    /// How far the server is from a clock, 1 to 15.
    pub stratum: u8,
    /// What is to happen at the end of the day.
    pub leap: Leap,
}

/// What is not a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSample {
    /// It answers another request, or none: the answer may still come.
    Stray,
    /// The server has nothing for this client, and says why in four characters (RFC 4330 §8).
    Kiss([u8; 4]),
    /// The server does not know the time itself.
    Unsynchronized,
    /// What it says cannot be.
    Implausible,
}

/// A request that waits for its reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// What the request had for a transmit time: a random number. The server has no use for the time,
    /// and nobody who has not seen the request can answer it.
    nonce: NtpTimestamp,
    sent: Instant,
}

impl Exchange {
    pub(super) fn new(nonce: u64, sent: Instant) -> Self {
        Self {
            nonce: NtpTimestamp(nonce.max(1)),
            sent,
        }
    }

    pub(super) fn request(&self) -> [u8; HEADER_LENGTH] {
        request(self.nonce)
    }

    /// What a datagram is worth that has come from the server at `now` (RFC 4330 §5).
    pub(super) fn judge(&self, message: &[u8], now: Instant) -> Result<Sample, NoSample> {
        let header = Header::new(message).ok_or(NoSample::Stray)?;
        let is_reply = header.mode() == SERVER && header.version() == VERSION;
        if !is_reply || header.originate() != self.nonce {
            return Err(NoSample::Stray);
        }
        if header.stratum() == 0 {
            return Err(NoSample::Kiss(header.reference()));
        }
        if header.leap() == Leap::Unsynchronized {
            return Err(NoSample::Unsynchronized);
        }
        let (received, sent) = (header.receive(), header.transmit());
        let is_known = received != NtpTimestamp::UNKNOWN && sent != NtpTimestamp::UNKNOWN;
        let is_near = (0..INFINITY as i32).contains(&header.root_delay())
            && header.root_dispersion() < INFINITY;
        if !is_known || !is_near || header.stratum() > 15 {
            return Err(NoSample::Implausible);
        }
        let at_server = sent.to_unix().micros_since(received.to_unix());
        let away = now.since(self.sent);
        // What the server has spent cannot be more than all of it, but for what clocks round off.
        let at_server = u64::try_from(at_server).map_err(|_| NoSample::Implausible)?;
        if at_server > away.as_micros().saturating_add(2) {
            return Err(NoSample::Implausible);
        }
        let delay = away - Duration::from_micros(at_server);
        Ok(Sample {
            time: sent
                .to_unix()
                .plus(Duration::from_micros(delay.as_micros() / 2)),
            at: now,
            delay,
            offset: None,
            stratum: header.stratum(),
            leap: header.leap(),
        })
    }
}

// A reply that has our own request's mode is our own.
const _: () = assert!(CLIENT != SERVER);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SENT: Instant = Instant::from_millis(1000);
    const NONCE: u64 = 0x1122_3344_5566_7788;

    /// A reply of a server at 2020-01-01, which took 10 ms.
    fn reply() -> [u8; HEADER_LENGTH] {
        let received = UnixTime::new(1_577_836_800, 0);
        let sent = received.plus(Duration::from_millis(10));
        let mut message = [0; HEADER_LENGTH];
        message[0] = 0b00_100_100;
        message[1] = 2;
        message[24..32].copy_from_slice(&NONCE.to_be_bytes());
        message[32..40].copy_from_slice(&NtpTimestamp::from_unix(received).0.to_be_bytes());
        message[40..48].copy_from_slice(&NtpTimestamp::from_unix(sent).0.to_be_bytes());
        message
    }

    fn judge(change: impl FnOnce(&mut [u8; HEADER_LENGTH])) -> Result<Sample, NoSample> {
        let mut message = reply();
        change(&mut message);
        let now = SENT + Duration::from_millis(50);
        Exchange::new(NONCE, SENT).judge(&message, now)
    }

    #[test]
    fn time_is_that_of_the_server_and_half_of_the_way_back() {
        let sample = judge(|_| {}).unwrap();
        assert_eq!(sample.delay, Duration::from_millis(40));
        assert_eq!(sample.time, UnixTime::new(1_577_836_800, 30_000_000));
        assert_eq!((sample.stratum, sample.leap), (2, Leap::None));
    }

    #[test]
    fn what_does_not_repeat_the_request_is_passed_over() {
        assert_eq!(judge(|m| m[31] ^= 1), Err(NoSample::Stray));
        // Mode: our own request, a broadcast; another version.
        for first in [0b00_100_011, 0b00_100_101, 0b00_011_100] {
            assert_eq!(judge(|m| m[0] = first), Err(NoSample::Stray));
        }
        let short = Exchange::new(NONCE, SENT).judge(&reply()[..47], SENT);
        assert_eq!(short, Err(NoSample::Stray));
        // Not even to be sent away does the client believe a stranger.
        let forged = judge(|m| {
            m[1] = 0;
            m[24..32].fill(0);
        });
        assert_eq!(forged, Err(NoSample::Stray));
    }

    #[test]
    fn server_that_has_nothing_says_why() {
        let kiss = judge(|m| {
            m[1] = 0;
            m[12..16].copy_from_slice(b"DENY");
        });
        assert_eq!(kiss, Err(NoSample::Kiss(*b"DENY")));
        assert_eq!(judge(|m| m[0] |= 0xc0), Err(NoSample::Unsynchronized));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(judge(|m| m[1] = 16), Err(NoSample::Implausible));
        assert_eq!(judge(|m| m[40..].fill(0)), Err(NoSample::Implausible));
        assert_eq!(judge(|m| m[32..40].fill(0)), Err(NoSample::Implausible));
        // A second of root delay, a negative one, a second of dispersion.
        assert_eq!(judge(|m| m[5] = 1), Err(NoSample::Implausible));
        assert_eq!(judge(|m| m[4] = 0x80), Err(NoSample::Implausible));
        assert_eq!(judge(|m| m[9] = 1), Err(NoSample::Implausible));
        // It was sent before it was received; it took longer than all of it.
        assert_eq!(judge(|m| m[43] -= 1), Err(NoSample::Implausible));
        assert_eq!(judge(|m| m[43] += 1), Err(NoSample::Implausible));
    }

    #[test]
    fn leap_second_is_told() {
        assert_eq!(judge(|m| m[0] |= 0x40).unwrap().leap, Leap::Insert);
        assert_eq!(judge(|m| m[0] |= 0x80).unwrap().leap, Leap::Delete);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..80), answers: bool, later in 0_u64..5_000_000) {
            let mut bytes = bytes;
            if answers && bytes.len() >= HEADER_LENGTH {
                bytes[0] = bytes[0] & 0xc0 | 0x24;
                bytes[24..32].copy_from_slice(&NONCE.to_be_bytes());
            }
            let now = SENT + Duration::from_micros(later);
            if let Ok(sample) = Exchange::new(NONCE, SENT).judge(&bytes, now) {
                prop_assert!(sample.delay <= Duration::from_micros(later));
                prop_assert!((1..=15).contains(&sample.stratum));
            }
        }
    }
}
