//! The time of day: as seconds since 1970, and as NTP writes it.

use core::fmt;

use crate::proto::calendar;
use crate::time::Duration;

/// Seconds from the beginning of NTP's first era, 1900, to 1970.
const SECONDS_TO_1970: i64 = 2_208_988_800;
/// Seconds of an era.
const ERA: i64 = 1 << 32;
const NANOS: i64 = 1_000_000_000;

/// A time of day: seconds and nanoseconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnixTime {
    seconds: i64,
    nanos: u32,
}

impl UnixTime {
    /// So many seconds since 1970, and nanoseconds, of which one billion and more are seconds too.
    pub const fn new(seconds: i64, nanos: u32) -> Self {
        let more = (nanos as i64) / NANOS;
        Self {
            seconds: seconds.saturating_add(more),
            nanos: nanos % NANOS as u32,
        }
    }

    /// Whole seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds since the last whole second.
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Later by `span`.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = span.as_micros();
        let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
        let nanos = (micros % 1_000_000) as u32 * 1000;
        Self::new(self.seconds.saturating_add(seconds), self.nanos + nanos)
    }

    /// By how many microseconds this is later than `other`, negative if it is earlier.
    pub fn micros_since(self, other: Self) -> i64 {
        let seconds = self.seconds.saturating_sub(other.seconds);
        let nanos = i64::from(self.nanos) - i64::from(other.nanos);
        seconds
            .saturating_mul(1_000_000)
            .saturating_add(nanos / 1000)
    }
}

impl fmt::Display for UnixTime {
    /// As RFC 3339 has it, to the millisecond: `2026-02-28T12:00:00.125Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (
            self.seconds.div_euclid(86_400),
            self.seconds.rem_euclid(86_400),
        );
        let (year, month, day) = calendar::date(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.nanos / 1_000_000,
        )
    }
}

/// A time as NTP writes it: seconds of an era in the upper 32 bits, and the fraction (RFC 5905 §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NtpTimestamp(pub u64);

impl NtpTimestamp {
    /// "A special value of 0 ... unknown or unsynchronized time" (RFC 5905 §6).
    pub const UNKNOWN: Self = Self(0);

    /// The time of day that this means, between 1968 and 2104: "If bit 0 is set, the UTC time is in
    /// the range 1968-2036 ... If bit 0 is not set, the time is in the range 2036-2104" (RFC 4330 §3).
    pub const fn to_unix(self) -> UnixTime {
        let seconds = (self.0 >> 32) as i64;
        let seconds = match self.0 >> 63 {
            0 => seconds + ERA,
            _ => seconds,
        };
        let nanos = ((self.0 & 0xffff_ffff) * NANOS as u64) >> 32;
        UnixTime::new(seconds - SECONDS_TO_1970, nanos as u32)
    }

    /// A time of day, whichever era it is in. Never [`NtpTimestamp::UNKNOWN`].
    pub const fn from_unix(time: UnixTime) -> Self {
        let seconds = time.seconds.wrapping_add(SECONDS_TO_1970) as u32 as u64;
        // Up to the next: there and back is the same.
        let fraction = ((time.nanos as u64) << 32).div_ceil(NANOS as u64);
        match seconds << 32 | fraction & 0xffff_ffff {
            0 => Self(1),
            timestamp => Self(timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    /// The table of RFC 5905 §6, figure 4: date, seconds since 1970, NTP era and timestamp.
    #[test]
    fn dates_of_the_rfc_are_read_in_their_eras() {
        for (text, unix, ntp) in [
            ("1968-01-20T03:14:08.000Z", -61_505_152, 0x8000_0000_u64),
            ("1970-01-01T00:00:00.000Z", 0, 2_208_988_800),
            ("1972-01-01T00:00:00.000Z", 63_072_000, 2_272_060_800),
            ("1999-12-31T00:00:00.000Z", 946_598_400, 3_155_587_200),
            ("2036-02-07T06:28:15.000Z", 2_085_978_495, 4_294_967_295),
            ("2036-02-08T00:00:00.000Z", 2_086_041_600, 63_104),
        ] {
            let time = UnixTime::new(unix, 0);
            assert_eq!(time.to_string(), text);
            assert_eq!(NtpTimestamp::from_unix(time).0 >> 32, ntp, "{text}");
            assert_eq!(NtpTimestamp(ntp << 32).to_unix(), time, "{text}");
        }
        assert_eq!(
            UnixTime::new(1_709_164_800, 125_000_000).to_string(),
            "2024-02-29T00:00:00.125Z"
        );
    }

    #[test]
    fn beginning_of_an_era_is_no_unknown_time() {
        let beginning = UnixTime::new(ERA - SECONDS_TO_1970, 0);
        assert_ne!(NtpTimestamp::from_unix(beginning), NtpTimestamp::UNKNOWN);
    }

    proptest! {
        #[test]
        fn times_of_an_era_come_back_as_they_went(seconds in -61_505_151_i64..4_233_462_144, nanos in 0_u32..1_000_000_000) {
            let time = UnixTime::new(seconds, nanos);
            prop_assert_eq!(NtpTimestamp::from_unix(time).to_unix(), time);
        }

        #[test]
        fn spans_are_added_and_measured(seconds in -1_000_000_i64..1_000_000, micros in 0..u64::from(u32::MAX)) {
            let time = UnixTime::new(seconds, 999_999_999);
            let later = time.plus(Duration::from_micros(micros));
            prop_assert_eq!(later.micros_since(time), micros as i64);
            prop_assert_eq!(time.micros_since(later), -(micros as i64));
        }

        #[test]
        fn every_time_has_a_text(seconds: i64, nanos: u32) {
            // Years of more than four digits have no standard form, and are no panic.
            let _ = UnixTime::new(seconds / 2, nanos).to_string();
        }
    }
}
