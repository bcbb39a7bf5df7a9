//! Benchmarks: what they say of themselves, what is kept of it, and how that is shown.
//!
//! A benchmark measures something beside its peers in one run and writes a [`Figure`] a line, as JSON. Times differ between
//! machines and hours; the ratio of two that were measured in turn does so far less, and is what is compared.

pub mod document;
pub mod history;
pub mod plot;
pub mod table;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::text;

/// The most figures of one benchmark. Nobody reads a longer table.
const FIGURES_MAX: usize = 500;

/// What one side came to in one case: a line of a benchmark's output.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Figure {
    /// What was done: `50 packages, nothing changed`.
    pub case: String,
    /// Who did it. The first side of a case is ours, the others are its peers.
    pub side: String,
    /// How much it was; nothing where it could not be measured.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a measurement.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was measured.
    Measured {
        /// How much it was, in its unit; mostly a median.
        value: f64,
        /// What is counted.
        unit: Unit,
    },
    /// It could not be measured.
    Absent {
        /// Why, in words.
        absent: String,
    },
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Unit {
    /// Milliseconds; fewer are better.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Bytes; fewer are better.
    #[serde(rename = "bytes")]
    Bytes,
    /// So many a second; more are better.
    #[serde(rename = "1/s")]
    PerSecond,
}

impl Figure {
    /// A figure that was measured.
    pub fn measured(case: impl Into<String>, side: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { case: case.into(), side: side.into(), outcome: Outcome::Measured { value, unit } }
    }

    /// One that could not be.
    pub fn absent(case: impl Into<String>, side: impl Into<String>, why: impl Into<String>) -> Self {
        Self { case: case.into(), side: side.into(), outcome: Outcome::Absent { absent: why.into() } }
    }

    /// The value and its unit, where it was measured.
    pub const fn value(&self) -> Option<(f64, Unit)> {
        match &self.outcome {
            Outcome::Measured { value, unit } => Some((*value, *unit)),
            Outcome::Absent { .. } => None,
        }
    }

    /// Whether both say something about the same side in the same case.
    pub(crate) fn is_about(&self, other: &Self) -> bool {
        self.case == other.case && self.side == other.side
    }

    /// The figure as people read it: `108 ms`, `not there`.
    pub fn words(&self) -> String {
        match &self.outcome {
            Outcome::Absent { .. } => "not there".to_owned(),
            Outcome::Measured { value, unit: Unit::Bytes } => text::bytes(whole(*value)),
            Outcome::Measured { value, unit: Unit::PerSecond } => format!("{} a second", rounded(*value)),
            Outcome::Measured { value, unit: Unit::Milliseconds } if *value >= 10_000.0 => {
                format!("{} s", rounded(value / 1000.0))
            }
            Outcome::Measured { value, unit: Unit::Milliseconds } => format!("{} ms", rounded(*value)),
        }
    }
}

/// Three digits that mean something.
fn rounded(value: f64) -> String {
    match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was checked to be no less than 0"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Reads what a benchmark has written: a figure a line, and nothing else but empty lines.
///
/// # Errors
///
/// What is wrong with it, in words, with the number of the line.
pub fn read(output: &str) -> Result<Vec<Figure>, String> {
    let mut figures: Vec<Figure> = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(output.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |why: String| format!("line {number} is no figure: {why}");
        let figure: Figure = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let is_blank = |text: &str| text::one_line(text).is_empty();
        if is_blank(&figure.case) || is_blank(&figure.side) {
            return Err(wrong("`case` and `side` must not be empty".to_owned()));
        }
        if figure.value().is_some_and(|(value, _)| !value.is_finite() || value < 0.0) {
            return Err(wrong("`value` must be a number of at least 0".to_owned()));
        }
        if !seen.insert((figure.case.clone(), figure.side.clone())) {
            return Err(wrong(format!("`{}` has said this of `{}` before", figure.side, figure.case)));
        }
        let unit = |figure: &Figure| figure.value().map(|(_, unit)| unit);
        let differs = |other: &Figure| {
            other.case == figure.case && unit(other).zip(unit(&figure)).is_some_and(|(one, two)| one != two)
        };
        if figures.iter().any(differs) {
            return Err(wrong(format!("the sides of `{}` have different units", figure.case)));
        }
        figures.push(figure);
        if figures.len() > FIGURES_MAX {
            return Err(format!("there are more than {FIGURES_MAX} figures"));
        }
    }
    if figures.is_empty() { Err("there is no figure".to_owned()) } else { Ok(figures) }
}

/// For each figure of a peer how many times better ours is in the same case: 2 where ours takes half the time, or does twice
/// as much a second. Nothing for ours, and where one of the two was not measured.
pub fn ratios(figures: &[Figure]) -> Vec<Option<f64>> {
    let ratio = |figure: &Figure| {
        let ours = figures.iter().find(|other| other.case == figure.case)?;
        let ((our, _), (their, unit)) = (ours.value()?, figure.value()?);
        let (more, less) = if unit == Unit::PerSecond { (our, their) } else { (their, our) };
        (ours.side != figure.side && less > 0.0).then_some(more / less)
    };
    figures.iter().map(ratio).collect()
}

/// The figures for whoever has started a benchmark by hand, as a table, or for a program, a line each.
///
/// # Errors
///
/// Where a value is no number.
pub fn shown(figures: &[Figure], as_lines: bool) -> Result<String, String> {
    if !as_lines {
        return Ok(table::markdown(figures));
    }
    let mut lines = String::new();
    for figure in figures {
        lines.push_str(&serde_json::to_string(figure).map_err(|error| error.to_string())?);
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
