//! The kinds of values that `xtask.toml` has: each reader says what is wrong with what it is given.

use std::collections::BTreeSet;
use std::path::{Component as Part, Path, PathBuf};
use std::time::Duration;

use crate::config::decode::Value;
use crate::config::release::Placed;
use crate::config::units;
use crate::core::calendar;
use crate::core::fingerprint::pattern::Pattern;
use crate::core::release::weights::Weight;

/// Text that is not empty and stands on one line.
pub(super) fn text(value: &Value<'_, '_>) -> Option<String> {
    let text = value.text("a string")?;
    if text.trim().is_empty() {
        return value.wrong("must not be empty", "");
    }
    if text.chars().any(char::is_control) {
        return value.wrong("must not hold control characters", "");
    }
    Some(text.to_owned())
}

/// `true` or `false`.
pub(super) fn flag(value: &Value<'_, '_>) -> Option<bool> {
    value.boolean()
}

/// A whole number of at least 1.
pub(super) fn count<T: TryFrom<u64>>(value: &Value<'_, '_>) -> Option<T> {
    const EXPECTED: &str = "a whole number of at least 1";
    match value.integer(EXPECTED)? {
        0 => value.wrong(&format!("must be {EXPECTED}"), "zero"),
        number => {
            T::try_from(number).ok().or_else(|| value.wrong(&format!("must be {EXPECTED}"), "out of range"))
        }
    }
}

/// How often something is tried again. What fails more often than ten times is no accident.
pub(super) fn retries(value: &Value<'_, '_>) -> Option<u32> {
    const EXPECTED: &str = "a whole number from 0 to 10";
    match value.integer(EXPECTED)? {
        number @ 0..=10 => u32::try_from(number).ok(),
        _ => value.wrong(&format!("must be {EXPECTED}"), "out of range"),
    }
}

/// A duration: `90s`, `10m`, `1h 30m`.
pub(super) fn duration(value: &Value<'_, '_>) -> Option<Duration> {
    const EXPECTED: &str = "a duration such as \"90s\", \"10m\" or \"1h 30m\"";
    units::duration(value.text(EXPECTED)?)
        .map_or_else(|label| value.wrong(&format!("must be {EXPECTED}"), label), Some)
}

/// A day of the calendar, with quotes or without: `2026-12-31`; in days since 1970.
pub(super) fn day(value: &Value<'_, '_>) -> Option<i64> {
    let written = match value.as_date() {
        Some(date) => date,
        None => value.text("a day such as \"2026-12-31\"")?.to_owned(),
    };
    calendar::day(&written).or_else(|| value.wrong("must be a day such as \"2026-12-31\"", ""))
}

/// A number of bytes: `512MiB`, `1GiB`.
pub(super) fn size(value: &Value<'_, '_>) -> Option<u64> {
    const EXPECTED: &str = "a size such as \"512MiB\" or \"1 GB\"";
    units::size(value.text(EXPECTED)?)
        .map_or_else(|label| value.wrong(&format!("must be {EXPECTED}"), label), Some)
}

/// A path in the repository, relative to a folder that it does not leave. `.` is that folder itself.
pub(super) fn path(value: &Value<'_, '_>) -> Option<PathBuf> {
    let text = value.text("a path")?;
    if text.is_empty() {
        return value.wrong("must not be empty", "");
    }
    if text.contains(['\\', '\0', '\n']) || text.starts_with('~') {
        return value.wrong("must be a path in the repository", "names are joined by `/`");
    }
    let mut clean = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Part::Normal(name) => clean.push(name),
            Part::CurDir => {}
            Part::ParentDir => return value.wrong("must not contain `..`", "could leave the repository"),
            Part::RootDir | Part::Prefix(_) => {
                return value.wrong("must be a path in the repository", "absolute");
            }
        }
    }
    Some(if clean.as_os_str().is_empty() { ".".into() } else { clean })
}

/// A file with pinned requirements: `x.txt`, compiled from `x.in`.
pub(super) fn requirements(value: &Value<'_, '_>) -> Option<PathBuf> {
    let path = path(value)?;
    if path.extension().is_none_or(|extension| extension != "txt") {
        return value.wrong("must name the compiled `.txt`", "each `x.txt` is compiled from `x.in`");
    }
    Some(path)
}

/// The name of an environment variable.
pub(super) fn variable(value: &Value<'_, '_>) -> Option<String> {
    let name = value.text("the name of a variable")?;
    if is_variable(name) {
        return Some(name.to_owned());
    }
    value.wrong("must be the name of a variable", "expected letters, digits and `_`")
}

/// The name of an environment variable; a trailing `*` stands for any ending.
pub(super) fn variables(value: &Value<'_, '_>) -> Option<String> {
    let pattern = value.text("the name of a variable")?;
    if is_variable(pattern.strip_suffix('*').unwrap_or(pattern)) {
        return Some(pattern.to_owned());
    }
    let label = "expected letters, digits and `_`, at the end perhaps a `*` for any ending";
    value.wrong("must be the name of a variable", label)
}

fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(letter) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// A path of Rust: `std::fs`.
pub(super) fn rust_path(value: &Value<'_, '_>) -> Option<String> {
    let text = value.text("a Rust path such as \"std::fs\"")?;
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    if !text.split("::").all(word) {
        return value.wrong("must be a Rust path such as \"std::fs\"", "names joined by `::`");
    }
    Some(text.to_owned())
}

/// A pattern of files of the repository: `docs/**/*.md`.
pub(super) fn pattern(value: &Value<'_, '_>) -> Option<String> {
    let text = value.text("a path or a pattern such as \"docs/**/*.md\"")?;
    match Pattern::parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => value.wrong("must be a path or a pattern such as \"docs/**/*.md\"", error.to_string()),
    }
}

/// A list of values that `item` reads, none of them twice.
pub(super) fn list<T: Clone + Ord>(
    item: impl Fn(&Value<'_, '_>) -> Option<T>,
) -> impl FnOnce(&Value<'_, '_>) -> Option<Vec<T>> {
    move |value| {
        let mut seen = BTreeSet::new();
        let mut items = Vec::new();
        for value in value.list()? {
            let Some(item) = item(&value) else { continue };
            if seen.insert(item.clone()) {
                items.push(item);
            } else {
                value.wrong::<()>("is in the list already", "");
            }
        }
        Some(items)
    }
}

/// A list of values that `item` reads.
pub(super) fn each<'d, 'i: 'd, T>(
    mut item: impl FnMut(&Value<'d, 'i>) -> Option<T>,
) -> impl FnOnce(&Value<'d, 'i>) -> Option<Vec<T>> {
    move |value: &Value<'d, 'i>| Some(value.list()?.iter().filter_map(&mut item).collect())
}

/// A value that `read` reads, with its place.
pub(super) fn placed<'d, 'i: 'd, T>(
    read: impl Fn(&Value<'d, 'i>) -> Option<T>,
) -> impl Fn(&Value<'d, 'i>) -> Option<Placed<T>> {
    move |value: &Value<'d, 'i>| Some(Placed { value: read(value)?, place: value.place() })
}

/// One of a few words.
pub(super) fn word<'w, 'd, 'i: 'd, T: Copy>(
    words: &'w [(&'w str, T)],
) -> impl Fn(&Value<'d, 'i>) -> Option<T> + 'w {
    move |value| {
        let found = value.text("a word")?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == found) {
            return Some(*meaning);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        value.unknown(&format!("must be `{}`", known.join("` or `")), found, &known)
    }
}

/// A text that `read` takes or says what is wrong with.
pub(super) fn parsed<'d, 'i: 'd, T>(
    expected: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&Value<'d, 'i>) -> Option<T> {
    move |value| {
        read(value.text(expected)?)
            .map_or_else(|label| value.wrong(&format!("must be {expected}"), label), Some)
    }
}

/// A text that `is` says yes to.
pub(super) fn matching<'d, 'i: 'd>(
    is: impl Fn(&str) -> bool,
    expected: &'static str,
) -> impl Fn(&Value<'d, 'i>) -> Option<String> {
    parsed(expected, move |text| if is(text) { Ok(text.to_owned()) } else { Err(String::new()) })
}

/// A share of requests that a canary may get: `10`, `"10 %"`.
pub(super) fn weight(value: &Value<'_, '_>) -> Option<Weight> {
    const EXPECTED: &str = "a weight from 1 to 50 percent such as \"10 %\"";
    let percent = match value.as_text() {
        Some(text) => percent(text).and_then(|number| number.parse().ok()),
        None => u32::try_from(value.integer(EXPECTED)?).ok(),
    };
    let weight = percent.and_then(Weight::new);
    weight.or_else(|| value.wrong(&format!("must be {EXPECTED}"), ""))
}

/// A share of events: `"1 %"`, `"0.5 %"`. Between 0 and 1, both excluded.
pub(super) fn rate(value: &Value<'_, '_>) -> Option<f64> {
    const EXPECTED: &str = "a share of more than 0 and less than 100 percent such as \"0.5 %\"";
    let text = value.text(EXPECTED)?;
    let digits = |number: &&str| number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let rate = percent(text).filter(digits).and_then(|number| number.parse::<f64>().ok());
    rate.map(|percent| percent / 100.0)
        .filter(|rate| *rate > 0.0 && *rate < 1.0)
        .or_else(|| value.wrong(&format!("must be {EXPECTED}"), ""))
}

/// The number in front of a `%`.
fn percent(text: &str) -> Option<&str> {
    text.trim().strip_suffix('%').map(str::trim_end)
}

/// The name of an object of Kubernetes: RFC 1123.
pub(super) fn object_name(value: &Value<'_, '_>) -> Option<String> {
    let name = value.text("the name of an object")?;
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| edge(c) || c == '-' || c == '.';
    if name.len() <= 63 && name.starts_with(edge) && name.ends_with(edge) && name.chars().all(inner) {
        return Some(name.to_owned());
    }
    let label = "expected at most 63 lowercase letters, digits, `-` and `.`";
    value.wrong("must be the name of an object", label)
}

/// A uid as Kubernetes gives them: `4f0c2a9e-0c39-4f0a-8d2c-5d0f0c3b7a11`.
pub(super) fn uid(value: &Value<'_, '_>) -> Option<String> {
    let uid = value.text("the uid of a namespace")?;
    let hexadecimal = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
    if lengths == [8, 4, 4, 4, 12] && uid.split('-').all(hexadecimal) {
        return Some(uid.to_owned());
    }
    let help = "`cargo xtask environment pin` writes it".to_owned();
    value.wrong_with_help("must be the uid of a namespace", "", Some(help))
}

/// The path of a URL: `/ready`.
pub(super) fn url_path(value: &Value<'_, '_>) -> Option<String> {
    let path = value.text("a path such as \"/ready\"")?;
    if path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic()) {
        return Some(path.to_owned());
    }
    value.wrong("must be a path such as \"/ready\"", "begins with `/`, without spaces")
}
