//! Freeze windows: the times at which nothing is released, and what it takes to do it all the same.
//!
//! Windows are stated in the local time of the people who keep them, `Fri 16:00 - Mon 07:00`, and compared with the local
//! time of now: what the clock on the wall shows. A time zone comes in as the bytes of its file, so that nothing here looks
//! for a database of zones or reads a clock.

mod calendar;
mod zone;

use std::str::FromStr;

use self::calendar::{MINUTES_A_DAY, MINUTES_A_WEEK, WEEKDAYS, Wall};
pub use self::zone::{UnixSeconds, Zone, ZoneError};
use crate::suggest;

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

    /// Central Europe: summer from the last Sunday of March to that of October, both at 01:00 UTC.
    fn berlin() -> Zone {
        Zone::from_rule("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
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
