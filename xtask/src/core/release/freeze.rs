//! Freeze windows: the times at which nothing is released, and what it takes to do it all the same.
//!
//! Windows are stated in the local time of the people who keep them, `Fri 16:00 - Mon 07:00`, and compared with the local
//! time of now: what the clock on the wall shows. A time zone comes in as the table of its offsets, so that nothing here
//! reads a database of zones or a clock.

use std::fmt;
use std::str::FromStr;

use crate::core::suggest;

/// Seconds from the beginning of 1970 in UTC.
pub type UnixSeconds = i64;

const MINUTES_A_DAY: i64 = 24 * 60;
const MINUTES_A_WEEK: i64 = 7 * MINUTES_A_DAY;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A time zone: what is added to UTC, and since when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Zone {
    /// The name people know, `Europe/Berlin`.
    pub name: String,
    /// The offset from UTC in seconds, east is positive, before the first change.
    pub offset: i32,
    /// When the offset changes, and to what, in the order of time.
    pub changes: Vec<(UnixSeconds, i32)>,
}

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), offset: 0, changes: Vec::new() }
    }

    /// What is added to UTC at `time`, in seconds.
    pub fn offset_at(&self, time: UnixSeconds) -> i32 {
        let past = self.changes.partition_point(|(since, _)| *since <= time);
        past.checked_sub(1).and_then(|last| self.changes.get(last)).map_or(self.offset, |(_, offset)| *offset)
    }

    /// What the clock on the wall shows at `time`.
    fn wall(&self, time: UnixSeconds) -> Wall {
        Wall(time.saturating_add(self.offset_at(time).into()).div_euclid(60))
    }
}

/// Minutes that a clock on a wall has gone since the beginning of 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
struct Wall(i64);

impl Wall {
    /// A date as people count, or `None` where the calendar does not have it. The algorithms here and below are those of
    /// Howard Hinnant, `days_from_civil` and `civil_from_days`: years begin in March, so that the leap day is the last.
    fn of(year: i64, month: i64, day: i64) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        let shifted = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let wall = Self((era * 146_097 + day_of_era - 719_468) * MINUTES_A_DAY);
        (wall.date() == (year, month, day)).then_some(wall)
    }

    /// Year, month and day.
    fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(MINUTES_A_DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = (shifted_month + 2) % 12 + 1;
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }

    /// Minutes since Monday, 00:00.
    fn of_week(self) -> i64 {
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

/// A time at which nothing is released. The beginning is a part of it, the end is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window(Range);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Range {
    /// Minutes of the week; where the end is before the beginning, the week ends in between.
    Weekly {
        from: i64,
        until: i64,
    },
    Dated {
        from: Wall,
        until: Wall,
    },
}

impl Window {
    /// When it ends, if it is on at `now`.
    fn end(self, now: Wall) -> Option<Wall> {
        match self.0 {
            Range::Dated { from, until } => (from..until).contains(&now).then_some(until),
            Range::Weekly { from, until } => {
                let passed = (now.of_week() - from).rem_euclid(MINUTES_A_WEEK);
                let length = (until - from).rem_euclid(MINUTES_A_WEEK);
                (passed < length).then(|| Wall(now.0 + length - passed))
            }
        }
    }
}

impl FromStr for Window {
    type Err = String;

    /// Reads `Fri 16:00 - Mon 07:00`, `2026-12-20 - 2027-01-06` or `2026-12-31 18:00 - 2027-01-01 12:00`. A date without a time
    /// is a whole day, so that one at the end belongs to the window.
    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "a window is `Fri 16:00 - Mon 07:00` or `2026-12-20 - 2027-01-06`";
        let (from, until) = text.split_once(" - ").ok_or_else(|| format!("`{text}` is no window: {hint}"))?;
        let dated = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let range = match (dated(from), dated(until)) {
            (true, true) => Range::Dated { from: date(from, false)?, until: date(until, true)? },
            (false, false) => Range::Weekly { from: weekly(from)?, until: weekly(until)? },
            _ => return Err(format!("`{text}` mixes dates and days of the week: {hint}")),
        };
        match range {
            Range::Dated { from, until } if until <= from => Err(format!("`{text}` ends before it begins")),
            Range::Weekly { from, until } if from == until => {
                Err(format!("`{text}` has no length; for always, close the environment instead"))
            }
            range => Ok(Self(range)),
        }
    }
}

/// `2026-12-31`, or with a time behind it. Without one, `whole` means the end of the day.
fn date(text: &str, whole: bool) -> Result<Wall, String> {
    let (day, time) = match text.trim().split_once(' ') {
        Some((day, time)) => (day, Some(clock(time)?)),
        None => (text.trim(), None),
    };
    let mut parts = day.splitn(3, '-').map(|part| (part.len(), part.parse().ok().filter(|_| digits(part))));
    let (Some((4, Some(year))), Some((2, Some(month))), Some((2, Some(date)))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(format!("`{day}` is no date: one is `2026-12-31`"));
    };
    let start = Wall::of(year, month, date).ok_or_else(|| format!("`{day}` is in no calendar"))?;
    Ok(Wall(start.0 + time.unwrap_or(if whole { MINUTES_A_DAY } else { 0 })))
}

/// `Fri 16:00` in minutes of the week.
fn weekly(text: &str) -> Result<i64, String> {
    let (day, time) = text
        .trim()
        .split_once(' ')
        .ok_or_else(|| format!("`{text}` is no day with a time: one is `Fri 16:00`"))?;
    let number = WEEKDAYS.iter().position(|weekday| weekday.eq_ignore_ascii_case(day));
    let Some(number) = number.and_then(|number| i64::try_from(number).ok()) else {
        let help = match suggest::nearest(day, WEEKDAYS) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are `{}`", WEEKDAYS.join("`, `")),
        };
        return Err(format!("`{day}` is no day of the week: {help}"));
    };
    Ok((number * MINUTES_A_DAY + clock(time)?).rem_euclid(MINUTES_A_WEEK))
}

/// `16:00` in minutes of the day; `24:00` is its end.
fn clock(text: &str) -> Result<i64, String> {
    let part = |text: &str| text.parse::<i64>().ok().filter(|_| text.len() == 2 && digits(text));
    text.trim()
        .split_once(':')
        .and_then(|(hours, minutes)| Some((part(hours)?, part(minutes)?)))
        .filter(|&(hours, minutes)| (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0))
        .map(|(hours, minutes)| hours * 60 + minutes)
        .ok_or_else(|| format!("`{text}` is no time of day: one is `16:00`"))
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// When nothing is released, as `xtask.toml` states it.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Where the clock hangs.
    pub zone: Zone,
    /// The windows, each with the words in which it was stated.
    pub windows: Vec<(String, Window)>,
}

/// That somebody releases in a freeze all the same. It goes into the ledger with the release.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Override {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Which windows were on, in the words in which they were stated.
    pub windows: Vec<String>,
}

/// Why nothing is released now.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Frozen {
    /// A window is on.
    #[error("nothing is released until {until} ({zone}): the freeze `{windows}` is on", windows = windows.join("`, `"))]
    Closed {
        /// Which ones, in the words in which they were stated.
        windows: Vec<String>,
        /// When none of them is on any more, on the clock on the wall.
        until: String,
        /// Whose clock.
        zone: String,
    },
    /// A freeze was to be overridden without a reason.
    #[error("a freeze is overridden with a reason, which is recorded, and there is none")]
    NoReason,
}

impl Freeze {
    /// Whether something may be released at `now`: freely (`None`), or because `overridden`, by whom and why, outweighs the
    /// windows that are on. A reason when no window is on is not recorded; it outweighed nothing.
    ///
    /// # Errors
    ///
    /// The windows that are on, or that the reason is empty.
    pub fn check(
        &self,
        now: UnixSeconds,
        overridden: Option<(&str, &str)>,
    ) -> Result<Option<Override>, Frozen> {
        let wall = self.zone.wall(now);
        let on = |now: Wall| {
            self.windows.iter().filter_map(move |(words, window)| Some((words, window.end(now)?)))
        };
        let windows: Vec<String> = on(wall).map(|(words, _)| words.clone()).collect();
        if windows.is_empty() {
            return Ok(None);
        }
        if let Some((who, reason)) = overridden {
            let reason = reason.trim();
            if reason.is_empty() {
                return Err(Frozen::NoReason);
            }
            return Ok(Some(Override { who: who.to_owned(), reason: reason.to_owned(), windows }));
        }
        // One window may begin before another ends. Windows that cover the whole week have no end; a few rounds show that.
        let mut until = wall;
        for _ in 0..=self.windows.len() {
            until = on(until).map(|(_, end)| end).max().unwrap_or(until);
        }
        Err(Frozen::Closed { windows, until: until.to_string(), zone: self.zone.name.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central Europe in 2026: winter, summer from the 29th of March, winter from the 25th of October; both at 01:00 UTC.
    fn berlin() -> Zone {
        let changes = vec![(1_774_746_000, 7200), (1_792_890_000, 3600)];
        Zone { name: "Europe/Berlin".to_owned(), offset: 3600, changes }
    }

    fn freeze(windows: &[&str]) -> Freeze {
        let window = |text: &&str| ((*text).to_owned(), text.parse().unwrap());
        Freeze { zone: berlin(), windows: windows.iter().map(window).collect() }
    }

    /// A moment by date and minute of the day, in UTC.
    fn utc(date: (i64, i64, i64), hour: i64, minute: i64) -> UnixSeconds {
        (Wall::of(date.0, date.1, date.2).unwrap().0 + hour * 60 + minute) * 60
    }

    fn until(freeze: &Freeze, now: UnixSeconds) -> Option<String> {
        match freeze.check(now, None) {
            Ok(_) => None,
            Err(Frozen::Closed { until, .. }) => Some(until),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_calendar_is_the_calendar() {
        assert_eq!(utc((2026, 3, 29), 1, 0), 1_774_746_000);
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

    #[test]
    fn weekly_windows_go_over_the_end_of_the_week_and_follow_the_clock_on_the_wall() {
        let weekend = freeze(&["Fri 16:00 - Mon 07:00"]);
        for (now, end) in [
            // Winter, an hour before UTC.
            (utc((2026, 11, 20), 14, 59), None),
            (utc((2026, 11, 20), 15, 0), Some("Mon 2026-11-23 07:00")),
            (utc((2026, 11, 23), 5, 59), Some("Mon 2026-11-23 07:00")),
            (utc((2026, 11, 23), 6, 0), None),
            // Summer, two hours.
            (utc((2026, 7, 3), 13, 59), None),
            (utc((2026, 7, 3), 14, 0), Some("Mon 2026-07-06 07:00")),
            // The weekend on which summer begins.
            (utc((2026, 3, 27), 15, 0), Some("Mon 2026-03-30 07:00")),
            (utc((2026, 3, 30), 4, 59), Some("Mon 2026-03-30 07:00")),
            (utc((2026, 3, 30), 5, 0), None),
        ] {
            assert_eq!(until(&weekend, now).as_deref(), end, "{now}");
        }
        let nights = freeze(&["Mon 22:00 - Mon 24:00", "Sun 22:00 - Sun 24:00"]);
        assert_eq!(until(&nights, utc((2026, 11, 29), 22, 30)).as_deref(), Some("Mon 2026-11-30 00:00"));
        assert_eq!(until(&nights, utc((2026, 11, 29), 23, 0)), None);
    }

    #[test]
    fn dated_windows_have_whole_days_and_join_others() {
        let holidays = freeze(&[
            "2026-12-20 - 2027-01-06",
            "Thu 00:00 - Thu 12:00",
            "2026-12-19 18:00 - 2026-12-20 00:00",
        ]);
        for (now, end) in [
            (utc((2026, 12, 19), 16, 59), None),
            (utc((2026, 12, 19), 17, 0), Some("Thu 2027-01-07 12:00")),
            (utc((2027, 1, 6), 22, 59), Some("Thu 2027-01-07 12:00")),
            (utc((2027, 1, 7), 11, 0), None),
        ] {
            assert_eq!(until(&holidays, now).as_deref(), end, "{now}");
        }
        let always = freeze(&["Mon 00:00 - Thu 00:00", "Thu 00:00 - Mon 00:00"]);
        assert!(until(&always, 0).is_some(), "what has no end is said, and the search for it ends");
    }

    #[test]
    fn an_override_has_a_reason_and_is_recorded() {
        let weekend = freeze(&["Fri 16:00 - Mon 07:00"]);
        let (frozen, open) = (utc((2026, 11, 21), 0, 0), utc((2026, 11, 24), 12, 0));
        let record = weekend.check(frozen, Some(("ada", " fix for the outage "))).unwrap().unwrap();
        assert_eq!((record.who.as_str(), record.reason.as_str()), ("ada", "fix for the outage"));
        assert_eq!(record.windows, ["Fri 16:00 - Mon 07:00"]);
        assert_eq!(weekend.check(frozen, Some(("ada", "  "))), Err(Frozen::NoReason));
        assert_eq!(weekend.check(open, Some(("ada", "why not"))), Ok(None));
        assert_eq!(
            weekend.check(frozen, None).unwrap_err().to_string(),
            "nothing is released until Mon 2026-11-23 07:00 (Europe/Berlin): the freeze `Fri 16:00 - Mon 07:00` is on"
        );
    }

    #[test]
    fn what_is_no_window_says_why() {
        let mut said = String::new();
        for text in [
            "",
            "Fri 16:00",
            "Fri 16:00 - Mon 7:00",
            "Fry 16:00 - Mon 07:00",
            "Zebra 16:00 - Mon 07:00",
            "Fri - Mon",
            "Fri 16:00 - 2026-12-20",
            "2026-12-20 - 2026-12-19",
            "2026-02-30 - 2026-03-01",
            "2026-2-3 - 2026-03-01",
            "2026-12-20 25:00 - 2026-12-21",
            "Mon 07:00 - Mon 07:00",
        ] {
            said.push_str(&text.parse::<Window>().unwrap_err());
            said.push('\n');
        }
        expect_test::expect![[r#"
            `` is no window: a window is `Fri 16:00 - Mon 07:00` or `2026-12-20 - 2027-01-06`
            `Fri 16:00` is no window: a window is `Fri 16:00 - Mon 07:00` or `2026-12-20 - 2027-01-06`
            `7:00` is no time of day: one is `16:00`
            `Fry` is no day of the week: did you mean `Fri`?
            `Zebra` is no day of the week: there are `Mon`, `Tue`, `Wed`, `Thu`, `Fri`, `Sat`, `Sun`
            `Fri` is no day with a time: one is `Fri 16:00`
            `Fri 16:00 - 2026-12-20` mixes dates and days of the week: a window is `Fri 16:00 - Mon 07:00` or `2026-12-20 - 2027-01-06`
            `2026-12-20 - 2026-12-19` ends before it begins
            `2026-02-30` is in no calendar
            `2026-2-3` is no date: one is `2026-12-31`
            `25:00` is no time of day: one is `16:00`
            `Mon 07:00 - Mon 07:00` has no length; for always, close the environment instead
        "#]].assert_eq(&said);
    }
}
