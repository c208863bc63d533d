//! The Gregorian calendar, without leap seconds.

/// Days from 0000-03-01 to 1970-01-01.
const TO_1970: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// Year, month and day of the month, so many days after 1970-01-01.
pub(super) const fn date(days: i64) -> (i64, u8, u8) {
    // Years begin in March, so that the leap day is the last.
    let days = days.saturating_add(TO_1970);
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..10 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (era * 400 + year + next, month as u8, day as u8)
}

/// Days from 1970-01-01 to a date of the years 1 to 9999.
#[cfg(any(feature = "http-client", feature = "http-server"))]
pub(super) const fn days(year: u16, month: u8, day: u8) -> i64 {
    let (month, year) = match month {
        3.. => (month as i64 - 3, year as i64),
        _ => (month as i64 + 9, year as i64 - 1),
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * month + 2) / 5 + day as i64 - 1;
    era * ERA + year * 365 + year / 4 - year / 100 + day - TO_1970
}
