//! Many nights in a few numbers: how they ended, and which invariants broke.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::verdict::Verdict;
use crate::release::analysis::grouped;
use crate::release::model::Ending;
use crate::release::narration::outcome;

/// How many broken nights are kept by name.
const KEPT: usize = 10;

/// Many nights in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// How many nights.
    pub releases: u64,
    /// How many of them ended how; `None` where every deployer was killed and nobody came after.
    #[serde(serialize_with = "by_name")]
    pub endings: BTreeMap<Option<Ending>, u64>,
    /// How many broke an invariant.
    pub broken: u64,
    /// The first of those: the seed, and what broke.
    pub first_broken: Vec<(u64, String)>,
}

impl Statistics {
    /// Takes one more night.
    pub fn take(&mut self, verdict: &Verdict) {
        self.releases += 1;
        *self.endings.entry(verdict.ending()).or_default() += 1;
        if let Some(broken) = &verdict.broken {
            self.broken += 1;
            self.keep(verdict.seed, format!("{}: {}", broken.invariant, broken.words));
        }
    }

    /// Takes the nights of another.
    pub fn merge(&mut self, other: Self) {
        self.releases += other.releases;
        self.broken += other.broken;
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
        for (seed, words) in other.first_broken {
            self.keep(seed, words);
        }
    }

    /// Keeps the broken nights of the lowest seeds, in whichever order they come.
    fn keep(&mut self, seed: u64, words: String) {
        let position = self.first_broken.partition_point(|(other, _)| *other < seed);
        self.first_broken.insert(position, (seed, words));
        self.first_broken.truncate(KEPT);
    }
}

impl fmt::Display for Statistics {
    /// `2,000 releases: 1,133 promoted, 402 rolled back, …, 0 invariants broken`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.releases == 1 { "release" } else { "releases" };
        write!(f, "{} {noun}: ", grouped(self.releases))?;
        let mut endings: Vec<_> = self.endings.iter().collect();
        endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (ending, count) in endings {
            write!(f, "{} {}, ", grouped(*count), name(*ending))?;
        }
        let noun = if self.broken == 1 { "invariant" } else { "invariants" };
        write!(f, "{} {noun} broken", grouped(self.broken))
    }
}

/// The name of an ending.
fn name(ending: Option<Ending>) -> &'static str {
    ending.map_or("left alone", outcome)
}

fn by_name<S: serde::Serializer>(
    endings: &BTreeMap<Option<Ending>, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(endings.iter().map(|(ending, count)| (name(*ending), count)))
}

#[cfg(test)]
mod tests {
    use super::super::invariant::{Broken, Invariant};
    use super::super::{Scenario, play};
    use super::*;
    use std::time::Duration;

    #[test]
    fn many_nights_are_one_line_whoever_played_them() {
        let night = |name: &str, seed| play(&Scenario::named(name, seed).unwrap(), false);
        let verdicts: Vec<Verdict> = (0..30)
            .map(|seed| night(if seed % 3 == 0 { "bad-canary" } else { "registry-down" }, seed))
            .collect();
        let broken = |mut verdict: Verdict| {
            if verdict.seed.is_multiple_of(2) {
                let (invariant, at) = (Invariant::EveryRunEnds, Duration::ZERO);
                verdict.broken = Some(Broken { invariant, at, words: "it goes on".into() });
            }
            verdict
        };
        let verdicts: Vec<Verdict> = verdicts.into_iter().map(broken).collect();
        let take = |verdicts: &[Verdict]| {
            let mut statistics = Statistics::default();
            verdicts.iter().rev().for_each(|verdict| statistics.take(verdict));
            statistics
        };
        let (all, mut split) = (take(&verdicts), take(&verdicts[20..]));
        split.merge(take(&verdicts[..20]));
        assert_eq!(all, split);
        assert_eq!(all.to_string(), "30 releases: 30 rolled back, 15 invariants broken");
        let seeds: Vec<u64> = all.first_broken.iter().map(|(seed, _)| *seed).collect();
        assert_eq!(seeds, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
        let one = take(&verdicts[1..2]).to_string();
        assert_eq!(one, "1 release: 1 rolled back, 0 invariants broken");
    }
}
