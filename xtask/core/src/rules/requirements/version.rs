//! Versions of Python packages and what is asked of them, as far as pinned files need it: PEP 440.

use std::cmp::Ordering;

/// A version. Ordered as PEP 440 orders, local parts (`+cpu`) left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version {
    epoch: u64,
    release: Vec<u64>,
    /// How what comes behind the release is ordered: development and pre-releases before it, post-releases behind it.
    stage: Stage,
}

/// `(pre, post, dev)`, such that tuples order like versions: `dev < a < b < rc < (the release) < post`.
type Stage = ((u8, u64), Option<u64>, (u8, u64));

const NO_DEV: (u8, u64) = (1, 0);
const NO_PRE: (u8, u64) = (4, 0);
const DEV_ONLY: (u8, u64) = (0, 0);

impl Version {
    /// Reads a version; `None` where the text is none.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let text = text.split('+').next()?;
        let text = text.strip_prefix('v').unwrap_or(text);
        let (epoch, text) = match text.split_once('!') {
            Some((epoch, rest)) => (epoch.parse().ok()?, rest),
            None => (0, text),
        };
        let end = text
            .char_indices()
            .find(|(at, c)| {
                !(c.is_ascii_digit() || *c == '.' && text[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
            })
            .map_or(text.len(), |(at, _)| at);
        let (release, rest) = text.split_at(end);
        let release = release.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
        Some(Self { epoch, release, stage: stage(rest)? })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let length = self.release.len().max(other.release.len());
        let padded = |version: &Self| -> Vec<u64> {
            version.release.iter().copied().chain(std::iter::repeat(0)).take(length).collect()
        };
        (self.epoch, padded(self), &self.stage).cmp(&(other.epoch, padded(other), &other.stage))
    }

    /// Whether the release begins with these numbers.
    fn begins_with(&self, epoch: u64, numbers: &[u64]) -> bool {
        let own = self.release.iter().copied().chain(std::iter::repeat(0));
        self.epoch == epoch && numbers.iter().copied().eq(own.take(numbers.len()))
    }
}

/// Reads what comes behind the numbers of a release: `a1`, `rc1`, `.post1`, `.dev1`, alone or together.
fn stage(text: &str) -> Option<Stage> {
    let (mut pre, mut post, mut dev) = (None, None, None);
    let mut rest = text;
    while !rest.is_empty() {
        let dash = rest.starts_with('-');
        rest = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(letters);
        let behind = behind.strip_prefix(['.', '-', '_']).unwrap_or(behind);
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let (number, behind) = behind.split_at(digits);
        let number = if number.is_empty() { 0 } else { number.parse().ok()? };
        match word {
            "a" | "alpha" => pre = Some((1, number)),
            "b" | "beta" => pre = Some((2, number)),
            "c" | "rc" | "pre" | "preview" => pre = Some((3, number)),
            "post" | "r" | "rev" => post = Some(number),
            // `1.0-1` is `1.0.post1`.
            "" if dash && digits > 0 => post = Some(number),
            "dev" => dev = Some((0, number)),
            _ => return None,
        }
        rest = behind;
    }
    // A development release comes before everything of its release, unless it is one of a later stage.
    let pre = pre.unwrap_or(if dev.is_some() && post.is_none() { DEV_ONLY } else { NO_PRE });
    Some((pre, post, dev.unwrap_or(NO_DEV)))
}

/// Whether `version` is one that `specifier` (`>=1.2,<2,!=1.5.*`) asks for; `None` where one of them cannot be read.
pub(super) fn satisfies(version: &str, specifier: &str) -> Option<bool> {
    let version = Version::new(version)?;
    let mut all = true;
    for clause in specifier.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        all &= clause_holds(&version, clause)?;
    }
    Some(all)
}

fn clause_holds(version: &Version, clause: &str) -> Option<bool> {
    let length = clause.find(|c| !"=<>!~".contains(c)).unwrap_or(clause.len());
    let (operator, wanted) = clause.split_at(length);
    let wanted = wanted.trim();
    if let Some(series) = wanted.strip_suffix(".*") {
        let series = Version::new(series)?;
        let inside = version.begins_with(series.epoch, &series.release);
        return match operator {
            "==" => Some(inside),
            "!=" => Some(!inside),
            _ => None,
        };
    }
    let wanted = Version::new(wanted)?;
    let order = version.compare(&wanted);
    match operator {
        "==" | "===" => Some(order == Ordering::Equal),
        "!=" => Some(order != Ordering::Equal),
        ">=" => Some(order != Ordering::Less),
        "<=" => Some(order != Ordering::Greater),
        ">" => Some(order == Ordering::Greater),
        "<" => Some(order == Ordering::Less),
        "~=" => {
            let (_, series) = wanted.release.split_last().filter(|(_, series)| !series.is_empty())?;
            Some(order != Ordering::Less && version.begins_with(wanted.epoch, series))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered() {
        let order = [
            "0!1.dev1",
            "1.0a1.dev2",
            "1.0a1",
            "1.0b2",
            "1.0rc1.dev1",
            "1.0rc1",
            "1.0",
            "1.0.post1.dev3",
            "1.0.post1",
            "1.0.1",
            "1.2",
            "1.10",
            "2024.1",
            "1!0.1",
        ];
        for (left, earlier) in order.iter().enumerate() {
            for (right, later) in order.iter().enumerate() {
                let compared = Version::new(earlier).unwrap().compare(&Version::new(later).unwrap());
                assert_eq!(compared, left.cmp(&right), "{earlier} {later}");
            }
        }
        for (one, same) in [
            ("1.0", "1"),
            ("1.0-1", "1.post1"),
            ("v1.0.RC1", "1rc1"),
            ("1.0+cpu", "1.0.0"),
            ("1.0_alpha.2", "1a2"),
        ] {
            let compared = Version::new(one).unwrap().compare(&Version::new(same).unwrap());
            assert_eq!(compared, Ordering::Equal, "{one} {same}");
        }
        for bad in ["", "x", "1.x", "1..2", "1.0banana", "99999999999999999999", "1!", "!1", "ä"] {
            assert_eq!(Version::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn specifiers_hold_or_not() {
        for (version, specifier, holds) in [
            ("7.10", ">=7.10", true),
            ("7.9", ">=7.10", false),
            ("7.10.0", ">=7.10,<8", true),
            ("8.0", ">=7.10 , < 8", false),
            ("1.5.3", "!=1.5.*", false),
            ("1.50", "!=1.5.*", true),
            ("1.5.3", "==1.5.*", true),
            ("2.2.1", "~=2.2", true),
            ("3.0", "~=2.2", false),
            ("2.3", "~=2.2.1", false),
            ("2.2.0", "~=2.2.1", false),
            ("1.0", "==1", true),
            ("1.0", "===1.0", true),
            ("1.0", ">1.0", false),
            ("1.0.1", ">1.0", true),
            ("1.0", "<=1.0", true),
            ("1.0", "", true),
        ] {
            assert_eq!(satisfies(version, specifier), Some(holds), "{version} {specifier}");
        }
        for (version, specifier) in
            [("x", ">=1"), ("1", ">=x"), ("1", "=>1"), ("1", "1"), ("1", "~=1"), ("1", ">=1.*")]
        {
            assert_eq!(satisfies(version, specifier), None, "{version} {specifier}");
        }
    }
}
