//! The ratios of all benchmarks as a picture: a row for each case and peer, a dot for each run, on a scale on which twice as
//! good is as far from the middle as half as good.

use std::fmt::Write as _;

use super::document::Suite;
use super::history::{Line, runs};
use super::ratios;
use crate::page::{escape, width};
use crate::text;

/// The width of the drawing, and where the scale begins and ends in it.
const WIDTH: f64 = 860.0;
/// See [`WIDTH`].
const LEFT: f64 = 380.0;
/// See [`WIDTH`].
const RIGHT: f64 = 776.0;

/// The height of a row, of a heading, and of the margins.
const ROW: f64 = 20.0;
/// See [`ROW`].
const HEADING: f64 = 30.0;
/// See [`ROW`].
const MARGIN: f64 = 16.0;

/// The longest label of a row, in columns.
const LABEL_MAX: usize = 54;

/// The colour of the newest run. Where it stands says whether that is good, to whoever sees no red and green, too.
const NEWEST: &str = "#0969da";

/// How many runs of a row are drawn; the rest is in the file.
const RUNS_MAX: usize = 20;

/// A row: what it is called, and the ratio of each run, the newest last.
struct Row {
    label: String,
    ratios: Vec<f64>,
}

/// The picture as an SVG document that needs nothing, on a ground of its own: pages are light or dark.
pub fn svg(suites: &[Suite<'_>], lines: &[Line]) -> String {
    let groups: Vec<(&str, Vec<Row>)> = suites
        .iter()
        .map(|suite| (suite.title, rows(lines, suite.name)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let all = || groups.iter().flat_map(|(_, rows)| rows).flat_map(|row| &row.ratios);
    let (least, most) = (all().copied().fold(1.0, f64::min), all().copied().fold(1.0, f64::max));
    // One decade at least, so that chance does not look like a difference.
    let (low, high) = (least.log10().min(-0.5), most.log10().max(0.5));
    let place = |ratio: f64| LEFT + (ratio.log10() - low) / (high - low) * (RIGHT - LEFT);
    let height = 2.0 * MARGIN
        + HEADING
        + groups.iter().map(|(_, rows)| HEADING + ROW * count(rows.len())).sum::<f64>();
    let mut svg = String::new();
    // Writing into a String cannot fail.
    let _infallible = write(&mut svg, &groups, (low, high), &place, height);
    svg
}

/// The rows of a benchmark: those of its last run, with what earlier runs say of them.
fn rows(lines: &[Line], suite: &str) -> Vec<Row> {
    let runs = runs(lines, suite);
    let Some(last) = runs.last() else { return Vec::new() };
    let first = runs.len().saturating_sub(RUNS_MAX);
    let row = |(figure, ratio): (&super::Figure, Option<f64>)| {
        ratio.filter(|ratio| *ratio > 0.0)?;
        let of = |run: &super::history::Run| {
            let all = ratios(&run.figures);
            let found = run.figures.iter().position(|one| one.is_about(figure));
            all[found?].filter(|ratio| *ratio > 0.0)
        };
        let ratios = runs[first..].iter().filter_map(of).collect();
        Some(Row { label: format!("{}, {}", figure.case, figure.side), ratios })
    };
    last.figures.iter().zip(ratios(&last.figures)).filter_map(row).collect()
}

fn write(
    svg: &mut String,
    groups: &[(&str, Vec<Row>)],
    (low, high): (f64, f64),
    place: &dyn Fn(f64) -> f64,
    height: f64,
) -> std::fmt::Result {
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#1f2328\" role=\"img\">\n\
         <title>How many times better than its peers, case by case, in each run</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#ffffff\"/>"
    )?;
    let (top, bottom) = (MARGIN + HEADING - 8.0, height - MARGIN);
    for mark in marks(low, high) {
        let x = place(mark);
        let (stroke, thick) = if (mark - 1.0).abs() < f64::EPSILON { ("#57606a", 2) } else { ("#d0d7de", 1) };
        writeln!(
            svg,
            "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"{stroke}\" stroke-width=\"{thick}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#57606a\">{mark} ×</text>",
            top - 6.0
        )?;
    }
    let mut y = MARGIN + HEADING;
    for (title, rows) in groups {
        writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{:.1}\" font-weight=\"600\">{}</text>",
            y + HEADING - 12.0,
            escape(title)
        )?;
        y += HEADING;
        for row in rows {
            line(svg, row, place, y + ROW / 2.0)?;
            y += ROW;
        }
    }
    writeln!(svg, "</svg>")
}

fn line(svg: &mut String, row: &Row, place: &dyn Fn(f64) -> f64, y: f64) -> std::fmt::Result {
    let Some((newest, earlier)) = row.ratios.split_last() else { return Ok(()) };
    let label = text::truncate(&row.label, LABEL_MAX);
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 14.0,
        y + 4.0,
        escape(&label)
    )?;
    for ratio in earlier {
        writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#8c959f\" fill-opacity=\"0.4\"/>",
            place(*ratio)
        )?;
    }
    let (x, words) = (place(*newest), format!("{newest:.2} ×"));
    // Beside the dot, and not outside of the picture.
    let at = (x + 9.0).min(WIDTH - MARGIN - width(&words));
    writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{NEWEST}\"/>\
         <text x=\"{at:.1}\" y=\"{:.1}\" fill=\"{NEWEST}\">{words}</text>",
        y + 4.0
    )
}

/// Round ratios from one power of ten to another: a few, so that their labels have room.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let all = (-6_i32..=6).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| round(digit, power)));
    let steps: &[f64] = if high - low > 1.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let is_step = |mark: &f64| {
        let digit = mark / 10_f64.powf(mark.log10().floor());
        steps.iter().any(|step| (step - digit).abs() < 1e-6)
    };
    all.filter(|mark| mark.log10() >= low && mark.log10() <= high).filter(is_step).collect()
}

/// A digit at a power of ten, without what binary fractions leave over.
fn round(digit: f64, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(digit)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
