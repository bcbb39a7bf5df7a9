//! The verdict: better, same, worse, or why it cannot be told.

use serde::{Deserialize, Serialize};

use super::Side;
use super::bootstrap::{Interval, Pair, interval, middle};
use super::machine::Subject;
use super::run::Run;

/// What the comparison came to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The candidate answers faster.
    Better,
    /// The difference is less than matters.
    Same,
    /// The candidate answers slower.
    Worse,
    /// There is nothing that it could be compared with.
    NotComparable,
    /// The measurements are too far apart to tell.
    Undecided,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "worse",
            Self::NotComparable => "not comparable",
            Self::Undecided => "undecided",
        })
    }
}

/// By what it is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The least change that matters, as a share: 0.1 for 10 %. It is the margin of equivalence as well.
    pub margin: f64,
    /// The confidence of the intervals: 0.95.
    pub confidence: f64,
    /// The least number of pairs.
    pub pairs_min: usize,
}

/// A figure of both sides.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Compared {
    /// What it is of: an endpoint; or `all`, for all of them.
    pub of: String,
    /// The baseline's in the pair of runs in the middle, in milliseconds: the two differ by [`Self::change`].
    pub baseline_ms: f64,
    /// The candidate's, in milliseconds.
    pub candidate_ms: f64,
    /// The ratio of candidate to baseline.
    pub change: Interval,
}

/// The name under which [`Compared`] speaks of all endpoints.
pub const ALL: &str = "all";

/// A verdict with its reason.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Judgement {
    /// What it came to.
    pub verdict: Verdict,
    /// Why, in a sentence without a full stop.
    pub reason: String,
    /// How many pairs of runs it rests on.
    pub pairs: usize,
    /// All endpoints together, then each.
    #[serde(default)]
    pub figures: Vec<Compared>,
}

impl Judgement {
    /// Nothing to compare with.
    pub fn not_comparable(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotComparable, reason: reason.into(), pairs: 0, figures: Vec::new() }
    }
}

/// Judges the runs of two sides, in the order in which they were made.
pub fn judge(baseline: &Subject, candidate: &Subject, runs: &[Run], rule: &Rule) -> Judgement {
    let reasons = baseline.incomparable(candidate);
    if !reasons.is_empty() {
        return Judgement::not_comparable(reasons.join("; "));
    }
    let pairs = pairs(runs);
    if pairs.len() < rule.pairs_min.max(1) {
        let reason =
            format!("there are {} pairs of runs, and it takes {}", pairs.len(), rule.pairs_min.max(1));
        return Judgement { verdict: Verdict::Undecided, reason, pairs: pairs.len(), figures: Vec::new() };
    }
    let names = endpoints(&pairs);
    if names.is_empty() {
        return Judgement::not_comparable("both sides have no endpoint in common");
    }
    let of_all = compared(ALL, &pairs, rule, |run| run.slices(&names));
    let Some(of_all) = of_all else {
        return Judgement::not_comparable("a run has no latency that could be compared");
    };
    let each = names
        .iter()
        .filter_map(|name| compared(name, &pairs, rule, |run| run.slices(std::slice::from_ref(name))));
    let figures: Vec<Compared> = std::iter::once(of_all).chain(each).collect();
    let (verdict, reason) = decide(&figures, rule);
    Judgement { verdict, reason, pairs: pairs.len(), figures }
}

/// Each two runs, one of each side, as they were made.
fn pairs(runs: &[Run]) -> Vec<(&Run, &Run)> {
    let pair = |two: &'_ [Run]| -> Option<(usize, usize)> {
        match two {
            [one, other] if one.side == Side::Baseline && other.side == Side::Candidate => Some((0, 1)),
            [one, other] if one.side == Side::Candidate && other.side == Side::Baseline => Some((1, 0)),
            _ => None,
        }
    };
    runs.chunks(2)
        .filter_map(|two| pair(two).map(|(baseline, candidate)| (&two[baseline], &two[candidate])))
        .collect()
}

/// The endpoints that every run has asked.
fn endpoints(pairs: &[(&Run, &Run)]) -> Vec<String> {
    let Some((first, _)) = pairs.first() else { return Vec::new() };
    let has = |name: &&String| {
        pairs
            .iter()
            .all(|(one, other)| one.endpoints.contains_key(*name) && other.endpoints.contains_key(*name))
    };
    first.endpoints.keys().filter(has).cloned().collect()
}

fn compared(
    of: &str,
    pairs: &[(&Run, &Run)],
    rule: &Rule,
    slices: impl Fn(&Run) -> Option<Vec<f64>>,
) -> Option<Compared> {
    let pair = |(baseline, candidate): &(&Run, &Run)| {
        Some(Pair { baseline: slices(baseline)?, candidate: slices(candidate)? })
    };
    let pairs: Vec<Pair> = pairs.iter().map(pair).collect::<Option<_>>()?;
    let change = interval(&pairs, rule.confidence)?;
    let (baseline_ms, candidate_ms) = middle(&pairs)?;
    Some(Compared { of: of.to_owned(), baseline_ms, candidate_ms, change })
}

/// The verdict of the figures, the first of which is of all endpoints.
fn decide(figures: &[Compared], rule: &Rule) -> (Verdict, String) {
    let Some((all, each)) = figures.split_first() else {
        return (Verdict::NotComparable, "nothing was measured".to_owned());
    };
    let (most, least) = (1.0 + rule.margin, 1.0 / (1.0 + rule.margin));
    // Of a change that matters, not only its best estimate but even its smallest likely value has to be worth a word. Half of
    // the margin keeps false alarms rare also where each further pair is another chance for one.
    let surely = 1.0 + rule.margin / 2.0;
    let margin = format!("the margin of {:.0} %", rule.margin * 100.0);
    // An endpoint by itself is one of several chances to be wrong: there all of the interval has to lie beyond the margin.
    let alone = each
        .iter()
        .filter(|figure| figure.change.low > most)
        .max_by(|one, other| one.change.low.total_cmp(&other.change.low));
    if all.change.low > surely && all.change.ratio >= most {
        return (Verdict::Worse, format!("{}, beyond {margin}", words(all)));
    }
    if let Some(alone) = alone {
        return (Verdict::Worse, format!("{}, all of it beyond {margin}", words(alone)));
    }
    if all.change.high < 1.0 / surely && all.change.ratio <= least {
        return (Verdict::Better, format!("{}, beyond {margin}", words(all)));
    }
    if all.change.low > least && all.change.high < most {
        return (Verdict::Same, format!("{}, within {margin}", words(all)));
    }
    (Verdict::Undecided, format!("{}, which reaches over {margin}", words(all)))
}

/// A change in words: `answers take 21.3 % longer, 10.24 ms after 8.44 ms (+12.0 % to +30.1 %)`.
fn words(figure: &Compared) -> String {
    let Interval { ratio, low, high } = figure.change;
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let of = if figure.of == ALL { "answers".to_owned() } else { format!("answers of `{}`", figure.of) };
    let manner = if ratio < 1.0 { "shorter" } else { "longer" };
    format!(
        "{of} take {:.1} % {manner}, {:.2} ms after {:.2} ms ({:+.1} % to {:+.1} %)",
        percent(ratio).abs(),
        figure.candidate_ms,
        figure.baseline_ms,
        percent(low),
        percent(high)
    )
}
