//! Durations and sizes as people write them: `1h 30m`, `512MiB`.

use std::time::Duration;

/// No task waits longer; and an instant this far ahead can still be computed.
const DURATION_MAX: Duration = Duration::from_hours(365 * 24);

/// Reads a duration: whole numbers with units, added up. `90s`, `10m`, `1h 30m`, `500ms`, `2d`.
///
/// The error says what is wrong, for a label beside the text.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let mut sum = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("empty".to_owned());
    }
    while !rest.is_empty() {
        let (number, unit, behind) = quantity(rest)?;
        let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
        let part = match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => seconds(1),
            "m" | "min" => seconds(60),
            "h" => seconds(60 * 60),
            "d" => seconds(24 * 60 * 60),
            "" => return Err(format!("`{number}` has no unit: `ms`, `s`, `m`, `h` or `d`")),
            _ => return Err(format!("`{unit}` is none of the units `ms`, `s`, `m`, `h`, `d`")),
        };
        sum = part
            .and_then(|part| sum.checked_add(part))
            .filter(|sum| *sum <= DURATION_MAX)
            .ok_or("longer than a year")?;
        rest = behind.trim_start();
    }
    if sum.is_zero() { Err("zero".to_owned()) } else { Ok(sum) }
}

/// Reads a number of bytes: `512MiB`, `1GiB`, `1 GB`. Units with `i` count in 1024s, those without in 1000s.
///
/// The error says what is wrong, for a label beside the text.
pub(super) fn size(text: &str) -> Result<u64, String> {
    if text.trim().is_empty() {
        return Err("empty".to_owned());
    }
    let (number, unit, behind) = quantity(text.trim())?;
    if !behind.is_empty() {
        return Err(format!("`{behind}` is too much"));
    }
    let factor = match unit {
        "B" => 1,
        "KB" | "kB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "TB" => 1000 * 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "" => return Err(format!("`{number}` has no unit: `MiB`, `GiB`")),
        _ => return Err(format!("`{unit}` is none of the units `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB`, `GB`")),
    };
    match number.checked_mul(factor) {
        Some(0) => Err("zero".to_owned()),
        Some(bytes) => Ok(bytes),
        None => Err("larger than any memory".to_owned()),
    }
}

/// Splits a whole number and the letters behind it off `text`.
fn quantity(text: &str) -> Result<(u64, &str, &str), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.is_empty() || rest.starts_with(['.', ',']) {
        return Err("expected a whole number and a unit".to_owned());
    }
    let number = number.parse().map_err(|_| "the number is too large".to_owned())?;
    let rest = rest.trim_start();
    let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(letters);
    Ok((number, unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("10 min", 600_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            (" 1 h 5 s ", 3_605_000),
            ("250ms", 250),
            ("365d", 31_536_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for (text, error) in [
            ("", "empty"),
            ("  ", "empty"),
            ("0s", "zero"),
            ("0h 0m", "zero"),
            ("90", "`90` has no unit: `ms`, `s`, `m`, `h` or `d`"),
            ("5y", "`y` is none of the units `ms`, `s`, `m`, `h`, `d`"),
            ("1.5h", "expected a whole number and a unit"),
            ("-1s", "expected a whole number and a unit"),
            ("s", "expected a whole number and a unit"),
            ("1h, 2m", "expected a whole number and a unit"),
            ("366d", "longer than a year"),
            ("18446744073709551615d", "longer than a year"),
            ("18446744073709551615ms", "longer than a year"),
            ("18446744073709551616s", "the number is too large"),
            ("١s", "expected a whole number and a unit"),
        ] {
            assert_eq!(duration(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("512MiB", 512 << 20),
            ("1GiB", 1 << 30),
            ("1 GB", 1_000_000_000),
            ("7B", 7),
            ("8kB", 8000),
            (" 2 TiB ", 2 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, error) in [
            ("", "empty"),
            ("0GiB", "zero"),
            ("1024", "`1024` has no unit: `MiB`, `GiB`"),
            ("1G", "`G` is none of the units `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB`, `GB`"),
            ("1.5GiB", "expected a whole number and a unit"),
            ("1GiB 2MiB", "` 2MiB` is too much"),
            ("16777216TiB", "larger than any memory"),
            ("99999999999999999999B", "the number is too large"),
        ] {
            assert_eq!(size(text), Err(error.to_owned()), "{text}");
        }
    }
}
