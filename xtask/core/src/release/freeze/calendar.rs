//! Dates and days of the week, as a clock on a wall shows them.

use std::fmt;

use crate::calendar;

pub(super) const MINUTES_A_DAY: i64 = 24 * 60;
pub(super) const MINUTES_A_WEEK: i64 = 7 * MINUTES_A_DAY;
pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Minutes that a clock on a wall has gone since the beginning of 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) struct Wall(pub(super) i64);

impl Wall {
    /// A date as people count, or `None` where the calendar does not have it.
    pub(super) fn of(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let wall = Self(calendar::days(year, month, day) * MINUTES_A_DAY);
        (wall.date() == (year, month, day)).then_some(wall)
    }

    /// Year, month and day.
    pub(super) fn date(self) -> (i64, i64, i64) {
        calendar::date(self.0.div_euclid(MINUTES_A_DAY))
    }

    /// Minutes since Monday, 00:00.
    pub(super) fn of_week(self) -> i64 {
        // The first of January 1970 was a Thursday.
        (self.0 + 3 * MINUTES_A_DAY).rem_euclid(MINUTES_A_WEEK)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let weekday = usize::try_from(self.of_week() / MINUTES_A_DAY).unwrap_or_default();
        let minutes = self.0.rem_euclid(MINUTES_A_DAY);
        let weekday = WEEKDAYS[weekday];
        write!(f, "{weekday} {year}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_the_calendar() {
        assert_eq!(Wall::of(2026, 3, 29).unwrap().0 * 60, 1_774_742_400);
        let mut previous = Wall::of(1970, 1, 1).unwrap();
        assert_eq!(previous.0, 0);
        for year in 1970..=2400 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(wall) = Wall::of(year, month, day) else { continue };
                    assert_eq!(wall.date(), (year, month, day));
                    assert!(wall == previous || wall.0 == previous.0 + MINUTES_A_DAY, "{year}-{month}-{day}");
                    previous = wall;
                }
            }
        }
        for (year, month, day) in
            [(2026, 2, 29), (2100, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)]
        {
            assert_eq!(Wall::of(year, month, day), None);
        }
        assert_eq!(Wall::of(2026, 11, 24).unwrap().to_string(), "Tue 2026-11-24 00:00");
    }
}
