//! What is kept of benchmarks: a line of JSON for each figure of a run, with where and of what it was measured.
//!
//! The file is committed. It is small, every clone then has what this clone's figures are to be compared with, and a change of
//! them is reviewed with the code that made it.

use serde::{Deserialize, Serialize};

use super::{Figure, ratios};

/// The version of the form; it rises when a field changes its meaning or goes away. Fields are added without that.
pub const FORMAT: u32 = 1;

/// Where something was measured. No more than what readers may know of the machine.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Machine {
    /// The operating system and the architecture: `linux x86_64`.
    pub system: String,
    /// The model of its processors.
    pub processor: String,
    /// How many of them a process may use.
    pub cores: u64,
}

/// When, where and of what a run was made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Origin {
    /// When it began, as RFC 3339 has it, in UTC. The figures of a run have the same.
    pub at: String,
    /// The commit that was checked out, where there is one.
    pub commit: Option<String>,
    /// Whether files differed from that commit.
    pub modified: bool,
    /// Where.
    pub machine: Machine,
}

/// A line of the file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Line {
    /// [`FORMAT`].
    pub format: u32,
    /// The benchmark, as `xtask.toml` names it.
    pub suite: String,
    /// When, where and of what.
    #[serde(flatten)]
    pub origin: Origin,
    /// What was measured.
    #[serde(flatten)]
    pub figure: Figure,
    /// Of a peer: how many times better ours is, in the same case of the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

/// A run of one benchmark.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// When, where and of what.
    pub origin: Origin,
    /// Its figures, in the order in which they were said.
    pub figures: Vec<Figure>,
}

/// The lines of a run, to be kept. The ratios have as many digits as anybody reads.
pub fn lines(suite: &str, origin: &Origin, figures: &[Figure]) -> Vec<Line> {
    let line = |(figure, ratio): (&Figure, Option<f64>)| Line {
        format: FORMAT,
        suite: suite.to_owned(),
        origin: origin.clone(),
        figure: figure.clone(),
        ratio: ratio.map(|ratio| (ratio * 1000.0).round() / 1000.0),
    };
    figures.iter().zip(ratios(figures)).map(line).collect()
}

/// Reads the file.
///
/// # Errors
///
/// What is wrong with it, in words, with the number of the line: figures that are left out silently would be missed by nobody.
pub fn read(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        if line.format != FORMAT {
            return Err(format!("line {number} has format {}, and only {FORMAT} is known", line.format));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The runs of a benchmark, in the order of the file: the last one is the newest.
pub fn runs(lines: &[Line], suite: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in lines.iter().filter(|line| line.suite == suite) {
        // Two runs of the same second have the same origin, and no run says anything twice.
        let is_next = |run: &Run| {
            run.origin == line.origin && !run.figures.iter().any(|one| one.is_about(&line.figure))
        };
        match runs.last_mut() {
            Some(run) if is_next(run) => run.figures.push(line.figure.clone()),
            _ => runs.push(Run { origin: line.origin.clone(), figures: vec![line.figure.clone()] }),
        }
    }
    runs
}

/// What a ratio has become since another run, where it moved by more than `share` of itself: a sentence each.
pub fn moved(before: &Run, now: &Run, share: f64) -> Vec<String> {
    let earlier = ratios(&before.figures);
    let earlier_of = |figure: &Figure| {
        let mut found = before.figures.iter().zip(&earlier);
        found.find(|(one, _)| one.is_about(figure)).and_then(|(_, ratio)| *ratio)
    };
    let elsewhere = if before.origin.machine == now.origin.machine { "" } else { ", on another machine" };
    let sentence = |(figure, ratio): (&Figure, Option<f64>)| {
        let (now, earlier) = (ratio?, earlier_of(figure)?);
        let has_moved = (now / earlier - 1.0).abs() > share;
        has_moved.then(|| {
            format!(
                "{}: {now:.2} × of `{}`, and {earlier:.2} × on {}{elsewhere}",
                figure.case,
                figure.side,
                day(&before.origin)
            )
        })
    };
    now.figures.iter().zip(ratios(&now.figures)).filter_map(sentence).collect()
}

/// The day of a run.
pub(super) fn day(origin: &Origin) -> &str {
    origin.at.split('T').next().unwrap_or_default()
}
