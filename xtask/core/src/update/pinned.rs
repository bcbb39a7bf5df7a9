//! Versions as lock files pin them, by the rules of semantic versions (Cargo, npm) and of PEP 440 (Python) at once.

use std::cmp::Ordering;
use std::fmt;

use super::Step;

/// A pinned version. Ordered by what it says, as far as the two families of versions agree; otherwise as text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pinned {
    text: String,
    /// PEP 440's epoch, which counts before everything else; 0 almost everywhere.
    epoch: u64,
    /// The numbers at the beginning, without zeros at their end.
    numbers: Vec<u64>,
    /// Whether it comes before the release of its numbers.
    is_early: bool,
}

impl Pinned {
    /// The version that a lock file writes so.
    pub fn new(text: &str) -> Self {
        let version = text.trim().trim_start_matches(['v', 'V']);
        let (epoch, version) = match version.split_once('!') {
            Some((epoch, rest)) if !epoch.is_empty() && is_number(epoch) => {
                (epoch.parse().unwrap_or(u64::MAX), rest)
            }
            _ => (0, version),
        };
        let mut numbers = Vec::new();
        let mut rest = version;
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let Some(digits) = rest.get(..end).filter(|digits| !digits.is_empty()) else { break };
            // A number that does not fit is larger than all that do.
            numbers.push(digits.parse().unwrap_or(u64::MAX));
            rest = &rest[end..];
            match rest.strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
                Some(next) => rest = next,
                None => break,
            }
        }
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Self { text: text.to_owned(), epoch, numbers, is_early: is_early(rest) }
    }

    /// How far it is from this version to `to`.
    pub fn step_to(&self, to: &Self) -> Step {
        if to < self {
            return Step::Back;
        }
        if self.is_early || to.is_early {
            return Step::PreRelease;
        }
        if self.epoch != to.epoch {
            return Step::Major;
        }
        let length = self.numbers.len().max(to.numbers.len());
        let differs = (0..length).find(|&place| self.number(place) != to.number(place));
        // What Cargo and npm take for compatible: the first number that is not zero stays.
        let first = (0..length).find(|&place| self.number(place) != 0).unwrap_or(length);
        match differs {
            Some(place) if place <= first => Step::Major,
            Some(place) if place == first + 1 && place < 2 => Step::Minor,
            Some(_) | None => Step::Patch,
        }
    }

    fn number(&self, place: usize) -> u64 {
        self.numbers.get(place).copied().unwrap_or_default()
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what stands behind the numbers says that they are not released yet: `-rc.1` of semantic versions, `rc1`, `a2`, `.dev3` of
/// PEP 440; not `+build`, `.post1`, `-1`.
fn is_early(rest: &str) -> bool {
    let public = rest.split('+').next().unwrap_or_default().to_ascii_lowercase();
    let word = public.trim_start_matches(['.', '-', '_']);
    let is_later = ["post", "rev", "r"].into_iter().any(|name| {
        word.strip_prefix(name).is_some_and(|number| is_number(number.trim_start_matches(['.', '-', '_'])))
    });
    // `1.0-1` is PEP 440's other way to write a post-release, and a pre-release of semantic versions: what sorts last is no surprise.
    !public.is_empty() && !is_later && !word.is_empty() && (!is_number(word) || public.contains("dev"))
}

impl Ord for Pinned {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |version: &Self| (version.epoch, version.numbers.clone(), !version.is_early);
        key(self).cmp(&key(other)).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Pinned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
