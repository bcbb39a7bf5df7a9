//! `perf.json`: what was measured, where, and the verdict. `docs/schemas/perf.schema.json` describes it.

use serde::{Deserialize, Serialize};

use super::Side;
use super::judge::{Judgement, Verdict};
use super::machine::Subject;
use super::run::Run;

/// The version of the form; it rises when a field changes its meaning or goes away. Fields are added without that.
pub const FORMAT: u32 = 1;

/// The name of the file in the output folder.
pub const FILE: &str = "perf.json";

/// A whole load test.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// When it began, in seconds since 1970.
    pub unix_time: u64,
    /// The scenario.
    pub scenario: String,
    /// What was measured.
    pub candidate: Subject,
    /// What it was compared with, where there was something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Subject>,
    /// Every run, in the order in which they were made.
    pub runs: Vec<Run>,
    /// The thresholds that the candidate crossed in a run, in words, each once.
    pub crossed: Vec<String>,
    /// The verdict.
    pub judgement: Judgement,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            format: Option<u32>,
        }
        let head: Head = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match head.format {
            Some(FORMAT) => serde_json::from_str(text).map_err(|error| error.to_string()),
            Some(format) => Err(format!("it has format {format}, and only {FORMAT} is known")),
            None => Err("it does not say its `format`".to_owned()),
        }
    }

    /// The runs of one side.
    pub fn of(&self, side: Side) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.side == side)
    }

    /// Why this is no good result, in words; `None` where it is one, or where nobody can tell.
    pub fn objection(&self) -> Option<String> {
        let mut reasons = Vec::new();
        if !self.crossed.is_empty() {
            reasons.push(format!("the candidate crossed {}", self.crossed.join(", ")));
        }
        if self.judgement.verdict == Verdict::Worse {
            reasons.push(format!("it is worse than {}: {}", self.compared_with(), self.judgement.reason));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// What the baseline is called.
    pub fn compared_with(&self) -> &str {
        self.baseline.as_ref().map_or("the baseline", |baseline| baseline.name.as_str())
    }
}

/// The thresholds that these runs crossed, each once, in the order in which they were first crossed.
pub fn crossed<'r>(runs: impl Iterator<Item = &'r Run>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for threshold in runs.flat_map(|run| &run.crossed) {
        if !all.contains(threshold) {
            all.push(threshold.clone());
        }
    }
    all
}
