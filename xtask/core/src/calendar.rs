//! Days of the Gregorian calendar, and how times in UTC are written: RFC 3339, which is ISO 8601, too.
//!
//! By Howard Hinnant, `days_from_civil` and `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>): years
//! begin in March here, so that the leap day is the last of a year; 146,097 is the number of days in 400 years, and 719,468
//! that from the first of March of the year 0 to 1970.

/// The days from 1970-01-01 to a day of the calendar; negative before. A day that the month does not have is counted on from
/// its last.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day, so many days after 1970-01-01.
pub fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The days from 1970-01-01 to the day that is written `2026-12-31`; `None` for what is no day of the calendar.
pub fn day(text: &str) -> Option<i64> {
    let numbers: Vec<&str> = text.split('-').collect();
    let [year, month, day] = numbers[..] else { return None };
    let number = |text: &str, length: usize| {
        (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let days = (1..=12).contains(&month).then(|| days(year, month, day))?;
    (date(days) == (year, month, day)).then_some(days)
}

/// A time, in seconds since 1970, as RFC 3339 has it, in UTC: `2026-11-25T02:10:00Z`.
pub fn timestamp(seconds: u64) -> String {
    let (year, month, day) = date(i64::try_from(seconds / 86_400).unwrap_or(i64::MAX));
    let clock = seconds % 86_400;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::health::Timestamp;

    #[test]
    fn every_day_is_the_one_after_the_last() {
        let mut previous = days(1600, 2, 29) - 1;
        assert_eq!((days(1970, 1, 1), days(1969, 12, 31), date(-1)), (0, -1, (1969, 12, 31)));
        for day in previous + 1..days(2400, 3, 1) {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days(year, month, day_of_month), previous + 1, "{year}-{month}-{day_of_month}");
            previous = day;
        }
    }

    #[test]
    fn days_are_read() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2024-02-29", Some(days(2024, 2, 29))),
            ("2023-02-29", None),
            ("2026-13-01", None),
            ("2026-00-10", None),
            ("2026-1-1", None),
            ("2026-12-31T00:00:00Z", None),
            ("+026-12-31", None),
            ("", None),
        ] {
            assert_eq!(day(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_read_back_by_who_writes_none() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
            (u64::MAX, "584554051223-11-09T07:00:15Z"),
        ] {
            assert_eq!(timestamp(seconds), text);
        }
        for seconds in (0..4_102_444_800).step_by(7_654_321) {
            let read = Timestamp::parse(&timestamp(seconds)).unwrap();
            assert_eq!(read.0.as_secs(), seconds);
        }
    }
}
