//! Time zones, read from the files that every system has.
//!
//! A crate for dates would bring the same reader and take half of what everybody waits for at a first build.

use super::calendar::{MINUTES_A_DAY, Wall};

/// Seconds from the beginning of 1970 in UTC.
pub type UnixSeconds = i64;

/// That some bytes are no time zone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("what is said of the time zone `{0}` is neither a file in the format TZif 2 or later nor a rule")]
pub struct ZoneError(String);

/// The last year that rules are followed to.
const YEAR_LAST: i64 = 2100;

/// A time zone: what is added to UTC, and since when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Zone {
    /// The name people know, `Europe/Berlin`.
    pub name: String,
    /// The offset from UTC in seconds, east is positive, before the first change.
    offset: i32,
    /// When the offset changes, and to what, in the order of time.
    changes: Vec<(UnixSeconds, i32)>,
}

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), offset: 0, changes: Vec::new() }
    }

    /// A zone that has always followed one rule, such as `CET-1CEST,M3.5.0,M10.5.0/3`: what the variable `TZ` may hold.
    ///
    /// # Errors
    ///
    /// When it is no rule.
    pub fn from_rule(name: &str, rule: &str) -> Result<Self, ZoneError> {
        let rule = Rule::parse(rule).ok_or_else(|| ZoneError(name.to_owned()))?;
        Ok(Self { name: name.to_owned(), offset: rule.standard, changes: rule.changes() })
    }

    /// Reads a file of the time zone database, as it lies below `/usr/share/zoneinfo`.
    ///
    /// The format is `TZif` of RFC 9636, from version 2 on: times of 64 bits, and a rule for the time after them. Rules are
    /// followed up to the year 2100.
    ///
    /// # Errors
    ///
    /// When the bytes are no such file.
    pub fn from_tzif(name: &str, bytes: &[u8]) -> Result<Self, ZoneError> {
        let File { offset, mut changes, rule } = tzif(bytes).ok_or_else(|| ZoneError(name.to_owned()))?;
        if rule.is_empty() {
            return Ok(Self { name: name.to_owned(), offset, changes });
        }
        let ruled = Self::from_rule(name, rule)?;
        let Some((after, _)) = changes.last().copied() else { return Ok(ruled) };
        changes.extend(ruled.changes.into_iter().filter(|(time, _)| *time > after));
        Ok(Self { name: name.to_owned(), offset, changes })
    }

    /// What is added to UTC at `time`, in seconds.
    pub fn offset_at(&self, time: UnixSeconds) -> i32 {
        let past = self.changes.partition_point(|(since, _)| *since <= time);
        past.checked_sub(1).and_then(|last| self.changes.get(last)).map_or(self.offset, |(_, offset)| *offset)
    }

    /// What the clock on the wall shows at `time`.
    pub(super) fn wall(&self, time: UnixSeconds) -> Wall {
        Wall(time.saturating_add(self.offset_at(time).into()).div_euclid(60))
    }
}

/// Bytes that are taken from the front.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn number(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }
}

/// How many entries the parts of a block have: UT indicators, standard indicators, leap seconds, times, types, characters.
fn header(bytes: &mut Bytes<'_>) -> Option<[usize; 6]> {
    let magic = bytes.take(4)? == b"TZif";
    let version = bytes.take(16)?[0];
    let mut counts = [0; 6];
    for count in &mut counts {
        *count = bytes.count()?;
    }
    (magic && version >= b'2').then_some(counts)
}

/// What a file says.
struct File<'b> {
    /// The offset before the first change.
    offset: i32,
    changes: Vec<(UnixSeconds, i32)>,
    /// The rule for the time after the last change; empty for none.
    rule: &'b str,
}

/// Takes a file apart.
fn tzif(bytes: &[u8]) -> Option<File<'_>> {
    let mut bytes = Bytes(bytes);
    // The first block has times of 32 bits, for readers of version 1.
    let [ut, standard, leaps, times, types, characters] = header(&mut bytes)?;
    let length = [(times, 5), (types, 6), (characters, 1), (leaps, 8), (standard, 1), (ut, 1)];
    bytes.take(
        length.iter().try_fold(0_usize, |sum, (count, size)| sum.checked_add(count.checked_mul(*size)?))?,
    )?;
    let [ut, standard, leaps, times, types, characters] = header(&mut bytes)?;
    let at = bytes.take(times.checked_mul(8)?)?;
    let kinds = bytes.take(times)?;
    let offsets = bytes.take(types.checked_mul(6)?)?;
    let offset = |kind: usize| Bytes(offsets.get(kind * 6..)?).number();
    bytes.take(characters.checked_add(leaps.checked_mul(12)?)?.checked_add(standard)?.checked_add(ut)?)?;
    let rule = std::str::from_utf8(bytes.0).ok()?.strip_prefix('\n')?.strip_suffix('\n')?;
    let mut changes = Vec::with_capacity(times);
    for (at, kind) in at.chunks_exact(8).zip(kinds) {
        changes.push((i64::from_be_bytes(at.try_into().ok()?), offset((*kind).into())?));
    }
    changes.is_sorted_by_key(|(at, _)| *at).then_some(())?;
    Some(File { offset: offset(0)?, changes, rule })
}

/// What a zone does from some time on: the variable `TZ` of POSIX, with the extension of RFC 9636.
#[derive(Debug, Eq, PartialEq)]
struct Rule {
    /// The offset in winter.
    standard: i32,
    /// The offset in summer, when that begins and when it ends, each on the clock before it is changed.
    summer: Option<(i32, Date, Date)>,
}

/// A day of each year, and the second of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Date {
    /// The day of the week, from Sunday, in this week of the month; the fifth is the last.
    Week { month: i64, week: i64, day: i64, second: i64 },
    /// The day of the year from 1, the 29th of February not counted.
    Julian { day: i64, second: i64 },
    /// The day of the year from 0, the 29th of February counted.
    Ordinal { day: i64, second: i64 },
}

impl Rule {
    /// Reads `CET-1CEST,M3.5.0,M10.5.0/3`.
    fn parse(text: &str) -> Option<Self> {
        let (text, standard) = offset(name(text)?)?;
        if text.is_empty() {
            return Some(Self { standard, summer: None });
        }
        let text = name(text)?;
        let (text, summer) = if text.starts_with(',') { (text, standard + 3600) } else { offset(text)? };
        let mut dates = text.strip_prefix(',')?.split(',').map(Date::parse);
        let (from, until) = (dates.next()??, dates.next()??);
        dates.next().is_none().then_some(Self { standard, summer: Some((summer, from, until)) })
    }

    /// The changes of all years.
    fn changes(&self) -> Vec<(UnixSeconds, i32)> {
        let Some((summer, from, until)) = self.summer else { return Vec::new() };
        let mut changes: Vec<(UnixSeconds, i32)> = (1970..=YEAR_LAST)
            .flat_map(|year| {
                let begin = from.of(year).map(|time| (time - i64::from(self.standard), summer));
                let end = until.of(year).map(|time| (time - i64::from(summer), self.standard));
                [begin, end].into_iter().flatten()
            })
            .collect();
        changes.sort_unstable();
        changes
    }
}

impl Date {
    /// Reads `M10.5.0/3`, `J60` or `59`.
    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('/').unwrap_or((text, "2"));
        let (rest, second) = clock(time)?;
        if !rest.is_empty() {
            return None;
        }
        let within = |text: &str, range: std::ops::RangeInclusive<i64>| {
            text.parse().ok().filter(|n| range.contains(n))
        };
        if let Some(week) = date.strip_prefix('M') {
            let mut parts = week.splitn(3, '.');
            let month = within(parts.next()?, 1..=12)?;
            let (week, day) = (within(parts.next()?, 1..=5)?, within(parts.next()?, 0..=6)?);
            return Some(Self::Week { month, week, day, second });
        }
        Some(match date.strip_prefix('J') {
            Some(day) => Self::Julian { day: within(day, 1..=365)?, second },
            None => Self::Ordinal { day: within(date, 0..=365)?, second },
        })
    }

    /// The second of this date in a year, on the clock of the place.
    fn of(self, year: i64) -> Option<i64> {
        let day_of = |wall: Wall| wall.0 / MINUTES_A_DAY;
        let january = day_of(Wall::of(year, 1, 1)?);
        let (day, second) = match self {
            Self::Week { month, week, day, second } => {
                let first = Wall::of(year, month, 1)?;
                let next =
                    if month == 12 { Wall::of(year + 1, 1, 1)? } else { Wall::of(year, month + 1, 1)? };
                // Weeks begin on Monday on the wall, and on Sunday here.
                let weekday = (first.of_week() / MINUTES_A_DAY + 1) % 7;
                let mut found = day_of(first) + (day - weekday).rem_euclid(7) + (week - 1) * 7;
                if found >= day_of(next) {
                    found -= 7;
                }
                (found, second)
            }
            Self::Julian { day, second } => {
                let leap = Wall::of(year, 2, 29).is_some() && day >= 60;
                (january + day - 1 + i64::from(leap), second)
            }
            Self::Ordinal { day, second } => (january + day, second),
        };
        Some(day * 86_400 + second)
    }
}

/// What stands behind the name of a zone: letters, or anything in `<>`.
fn name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return quoted.split_once('>').map(|(_, rest)| rest);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    (text.len() - rest.len() >= 3).then_some(rest)
}

/// What stands behind an offset, and the offset in seconds east: POSIX counts to the west.
fn offset(text: &str) -> Option<(&str, i32)> {
    let (rest, seconds) = clock(text)?;
    Some((rest, i32::try_from(-seconds).ok()?))
}

/// What stands behind `[+-]h[:mm[:ss]]`, and its seconds.
fn clock(text: &str) -> Option<(&str, i64)> {
    let (negative, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok().filter(|_| part.len() <= 3));
    let hours = parts.next()??;
    let minutes = parts.next().unwrap_or(Some(0))?;
    let seconds = parts.next().unwrap_or(Some(0))?;
    let well = hours <= 167 && minutes < 60 && seconds < 60 && parts.next().is_none();
    let total = hours * 3600 + minutes * 60 + seconds;
    well.then_some((rest, if negative { -total } else { total }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these changes and this rule.
    fn file(first: i32, changes: &[(UnixSeconds, i32)], rule: &str) -> Vec<u8> {
        let header = |times: usize| {
            let mut header = b"TZif2".to_vec();
            header.extend([0; 15]);
            let types = times + 1;
            for count in [0, 0, 0, times, types, 4] {
                header.extend(u32::try_from(count).unwrap().to_be_bytes());
            }
            header
        };
        let kind = |offset: i32| [&offset.to_be_bytes()[..], &[0, 0]].concat();
        let mut file = header(0);
        file.extend(kind(0));
        file.extend(b"UTC\0");
        file.extend(header(changes.len()));
        file.extend(changes.iter().flat_map(|(at, _)| at.to_be_bytes()));
        file.extend((1..=changes.len()).map(|kind| u8::try_from(kind).unwrap()));
        file.extend(kind(first));
        file.extend(changes.iter().flat_map(|(_, offset)| kind(*offset)));
        file.extend(b"LMT\0");
        file.extend(format!("\n{rule}\n").bytes());
        file
    }

    #[test]
    fn changes_come_first_and_then_the_rule() {
        let bytes = file(3208, &[(-1000, 3600), (1_774_746_000, 7200)], "CET-1CEST,M3.5.0,M10.5.0/3");
        let zone = Zone::from_tzif("Europe/Berlin", &bytes).unwrap();
        for (time, offset) in [
            (i64::MIN, 3208),
            (-1001, 3208),
            (-1000, 3600),
            (1_774_745_999, 3600),
            (1_774_746_000, 7200),
            (1_792_889_999, 7200),
            (1_792_890_000, 3600),
            (1_806_195_600, 7200),
            (i64::MAX, 3600),
        ] {
            assert_eq!(zone.offset_at(time), offset, "{time}");
        }
    }

    #[test]
    fn rules_are_those_of_the_places_that_have_them() {
        for (rule, time, offset) in [
            // 2026-03-08 07:00 UTC, 2026-11-01 06:00 UTC.
            ("EST5EDT,M3.2.0,M11.1.0", 1_772_953_199, -18_000),
            ("EST5EDT,M3.2.0,M11.1.0", 1_772_953_200, -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", 1_793_512_800, -18_000),
            // The south, half an hour: 2026-04-04 15:00 UTC, 2026-10-03 15:30 UTC.
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1_775_314_799, 39_600),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1_775_314_800, 37_800),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1_791_041_400, 39_600),
            // Before midnight: 2026-03-28 24:00 at +2 less an hour.
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_774_745_999, -7200),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_774_746_000, -3600),
            ("AAA0BBB,J60/0,J61/0", 1_709_251_200, 3600),
            ("AAA0BBB,59/0,60/0", 1_709_164_800, 3600),
            ("IST-5:30", 0, 19_800),
        ] {
            let zone = Zone::from_tzif("x", &file(0, &[], rule)).unwrap();
            assert_eq!(zone.offset_at(time), offset, "{rule} at {time}");
        }
    }

    #[test]
    fn what_is_no_zone_is_refused_whole() {
        let good = file(0, &[(0, 3600), (7, 0)], "CET-1CEST,M3.5.0,M10.5.0/3");
        for length in 0..good.len() {
            assert!(Zone::from_tzif("x", &good[..length]).is_err(), "{length}");
        }
        for at in 0..good.len() {
            for byte in [0, 1, 127, 255] {
                let mut bad = good.clone();
                bad[at] = byte;
                // Whatever it is taken for, it is taken for something.
                let _zone = Zone::from_tzif("x", &bad);
            }
        }
        for rule in [
            "C-1",
            "CET",
            "CET-1CEST",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M13.5.0,M1.1.1",
            "CET-1:60",
            "<CET-1",
            "CET-1CEST,M3.5.0,M1.1.1,1",
        ] {
            assert_eq!(Zone::from_tzif("x", &file(0, &[], rule)), Err(ZoneError("x".to_owned())), "{rule}");
        }
        assert!(Zone::from_tzif("x", &file(0, &[(7, 0), (0, 0)], "UTC0")).is_err(), "times go back");
    }
}
