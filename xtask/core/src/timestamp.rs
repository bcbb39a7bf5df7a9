//! Times as Kubernetes writes them: RFC 3339, in UTC, with whole seconds (`Time`) or microseconds (`MicroTime`).

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::calendar;

/// A time of the server, since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub struct Timestamp(pub Duration);

impl Timestamp {
    /// Reads `2019-06-04T01:17:13Z`, with a fraction or an offset if need be; `None` for anything else and for times before
    /// 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_at_checked(10)?;
        let mut date = date.split('-').map(digits);
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let time = time.strip_prefix(['T', 't', ' '])?;
        let zone = time.find(['Z', 'z', '+', '-'])?;
        let (clock, zone) = time.split_at(zone);
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut clock = clock.split(':').map(digits);
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        // 60 is a leap second.
        if clock.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
            return None;
        }
        let nanoseconds = digits(fraction)? * 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
        let local = calendar::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        let utc = u64::try_from(local - offset(zone)?).ok()?;
        Some(Self(Duration::new(utc, u32::try_from(nanoseconds).ok()?)))
    }
}

/// `Z`, `+02:00`: seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '+' => 1,
        _ => -1,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (digits(hours)? * 3600 + digits(minutes)? * 60))
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let table = [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2019-06-04T01:17:13Z", 1_559_611_033, 0),
            ("2024-02-29T23:59:59.123456Z", 1_709_251_199, 123_456_000),
            ("2000-03-01T00:00:00+02:00", 951_861_600, 0),
            ("2100-12-31T12:00:00-05:30", 4_133_957_400, 0),
        ];
        for (text, seconds, nanoseconds) in table {
            assert_eq!(
                Timestamp::parse(text),
                Some(Timestamp(Duration::new(seconds, nanoseconds))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let wrong = [
            "",
            "now",
            "2019-06-04",
            "2019-06-04T01:17Z",
            "2019-13-04T01:17:13Z",
            "2019-06-04T25:17:13Z",
            "1969-12-31T23:59:59Z",
            "2019-06-04T01:17:13",
            "2019-06-04T01:17:13Zz",
            "2019-06-04T01:17:13.1234567890Z",
            "2019-06-04T01:17:-3Z",
            "2019-06-0\u{e9}T01:17:13Z",
            "2019-06-04T01:17:13+2",
            "2019-06-04T01:17:13.Z",
        ];
        for text in wrong {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
