//! Dates, as fields have them (RFC 9110 §5.6.7).

use super::fields::number;
use crate::proto::calendar;

const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
/// Seconds of a day.
const DAY: u64 = 86_400;
/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;
/// The year by which two digits are understood: "MUST interpret a timestamp that appears to be more
/// than 50 years in the future as representing the most recent year in the past that had the same last
/// two digits". Of a clock nothing is known here.
const THIS_YEAR: u16 = 2026;

/// A date and time of day in whole seconds since 1970, to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpDate(u64);

/// Octets of a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub const DATE_LENGTH: usize = 29;

impl HttpDate {
    /// So many seconds after 1970-01-01 00:00:00 UTC; the end of the year 9999 for all behind it.
    pub const fn from_unix(seconds: u64) -> Self {
        match seconds {
            0..=LAST => Self(seconds),
            _ => Self(LAST),
        }
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub const fn as_unix(self) -> u64 {
        self.0
    }

    /// Reads a date of any of the three forms: "A recipient that parses a timestamp value in an HTTP
    /// field MUST accept all three HTTP-date formats". `None` if it is none, or before 1970.
    pub fn parse(text: &[u8]) -> Option<Self> {
        match text {
            // Sun, 06 Nov 1994 08:49:37 GMT
            [
                n1,
                n2,
                n3,
                b',',
                b' ',
                d1,
                d2,
                b' ',
                m1,
                m2,
                m3,
                b' ',
                y1,
                y2,
                y3,
                y4,
                b' ',
                time @ ..,
                b' ',
                b'G',
                b'M',
                b'T',
            ] => {
                let year = number(&[*y1, *y2, *y3, *y4])? as u16;
                is_day(&[*n1, *n2, *n3])
                    .then(|| Self::new(year, [*m1, *m2, *m3], &[*d1, *d2], time))?
            }
            // Sunday, 06-Nov-94 08:49:37 GMT
            [name @ .., b'G', b'M', b'T'] => {
                let comma = name.iter().position(|octet| *octet == b',')?;
                let (name, rest) = name.split_at_checked(comma)?;
                let [
                    b',',
                    b' ',
                    d1,
                    d2,
                    b'-',
                    m1,
                    m2,
                    m3,
                    b'-',
                    y1,
                    y2,
                    b' ',
                    time @ ..,
                    b' ',
                ] = rest
                else {
                    return None;
                };
                let year = number(&[*y1, *y2])? as u16;
                let century = if year + 2000 > THIS_YEAR + 50 {
                    1900
                } else {
                    2000
                };
                let is_day = name.len() > 5 && name.ends_with(b"day") && is_day(name.get(..3)?);
                is_day.then(|| Self::new(century + year, [*m1, *m2, *m3], &[*d1, *d2], time))?
            }
            // Sun Nov  6 08:49:37 1994
            [
                n1,
                n2,
                n3,
                b' ',
                m1,
                m2,
                m3,
                b' ',
                d1,
                d2,
                b' ',
                time @ ..,
                b' ',
                y1,
                y2,
                y3,
                y4,
            ] => {
                let year = number(&[*y1, *y2, *y3, *y4])? as u16;
                let day = match d1 {
                    b' ' => [b'0', *d2],
                    _ => [*d1, *d2],
                };
                is_day(&[*n1, *n2, *n3]).then(|| Self::new(year, [*m1, *m2, *m3], &day, time))?
            }
            _ => None,
        }
    }

    fn new(year: u16, month: [u8; 3], day: &[u8; 2], time: &[u8]) -> Option<Self> {
        let month = MONTHS.iter().position(|name| **name == month)? as u8 + 1;
        let day = number(day)? as u8;
        let [h1, h2, b':', m1, m2, b':', s1, s2] = time else {
            return None;
        };
        let hour = number(&[*h1, *h2])?;
        let minute = number(&[*m1, *m2])?;
        // A leap second is that before it.
        let second = number(&[*s1, *s2])?;
        let days = calendar::days(year, month, day);
        let is_good = calendar::date(days) == (i64::from(year), month, day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let days = u64::try_from(days).ok().filter(|_| is_good)?;
        Some(Self(
            days * DAY + hour * 3600 + minute * 60 + second.min(59),
        ))
    }

    /// Writes it in the form that is to be sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn write(self, to: &mut [u8; DATE_LENGTH]) -> &str {
        let (days, second) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = calendar::date(days as i64);
        *to = *b"---, 00 --- 0000 00:00:00 GMT";
        let name = DAYS.get((days % 7) as usize).copied().unwrap_or(b"---");
        let month = MONTHS
            .get(usize::from(month).wrapping_sub(1))
            .copied()
            .unwrap_or(b"---");
        let mut put = |at: usize, octets: &[u8]| {
            if let Some(place) = to.get_mut(at..at + octets.len()) {
                place.copy_from_slice(octets);
            }
        };
        put(0, name);
        put(8, month);
        for (at, number) in [
            (5, u64::from(day)),
            (12, year as u64 / 100),
            (14, year as u64 % 100),
            (17, second / 3600),
            (20, second / 60 % 60),
            (23, second % 60),
        ] {
            put(
                at,
                &[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8],
            );
        }
        core::str::from_utf8(to).unwrap_or("")
    }
}

fn is_day(name: &[u8]) -> bool {
    DAYS.iter().any(|day| **day == *name)
}

#[cfg(feature = "sntp")]
impl From<crate::proto::sntp::UnixTime> for HttpDate {
    fn from(time: crate::proto::sntp::UnixTime) -> Self {
        Self::from_unix(u64::try_from(time.seconds()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The examples of RFC 9110 §5.6.7.
    #[test]
    fn dates_of_all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                HttpDate::parse(text.as_bytes()),
                Some(HttpDate(784_111_777)),
                "{text}"
            );
        }
        assert_eq!(
            HttpDate(784_111_777).write(&mut [0; 29]),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(
            HttpDate::from_unix(u64::MAX).write(&mut [0; 29]),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
        assert_eq!(
            HttpDate(0).write(&mut [0; 29]),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn two_digits_are_no_more_than_50_years_ahead() {
        let year = |text: &str| {
            let date = HttpDate::parse(text.as_bytes()).unwrap();
            std::string::String::from(&date.write(&mut [0; 29])[12..16])
        };
        assert_eq!(year("Sunday, 01-Jan-76 00:00:00 GMT"), "2076");
        assert_eq!(year("Sunday, 01-Jan-77 00:00:00 GMT"), "1977");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Xxx, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_written_are_read(seconds in 0..=LAST) {
            let mut room = [0; DATE_LENGTH];
            let text = HttpDate(seconds).write(&mut room);
            prop_assert_eq!(HttpDate::parse(text.as_bytes()), Some(HttpDate(seconds)));
        }

        #[test]
        fn arbitrary_octets_are_a_date_or_none(text: Vec<u8>, like in "(Sun|Sunday)[, ]{1,2}[0-9 -]{2,4}Nov[ -][0-9: ]{2,14}( GMT|[0-9]{4})") {
            let _ = (HttpDate::parse(&text), HttpDate::parse(like.as_bytes()));
        }
    }
}
