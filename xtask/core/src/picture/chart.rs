//! The chart: phases on top, a lane for each component, time at the bottom, and through all of it what happened.

use std::fmt::Write as _;
use std::time::Duration;

use super::labels::{self, Placed};
use super::lane;
use crate::page::scale::Scale;
use crate::page::{self, escape};
use crate::release::ledger::Phase;
use crate::release::narration::offset;
use crate::simulation::figures::Figures;
use crate::simulation::recording::{MarkKind, Recording};
use crate::text;

/// The width of the drawing.
const WIDTH: f64 = 1160.0;

/// Where time begins and ends in it.
pub(super) const LEFT: f64 = 104.0;
/// See [`LEFT`].
pub(super) const RIGHT: f64 = 1148.0;

/// The height of a row of labels, of the band with the phases, and of the axis.
const ROW: f64 = 17.0;
const BAND: f64 = 22.0;
const AXIS: f64 = 26.0;

/// The longest label, in columns; the rest of it stands in the table below the chart.
const LABEL_MAX: usize = 56;

/// A phase from when until when.
struct Stretch {
    from: Duration,
    until: Duration,
    phase: Phase,
}

/// What is marked: the place, the label, the class.
struct Marked {
    at: Duration,
    words: String,
    class: &'static str,
}

/// The chart as SVG.
pub(super) fn of(recording: &Recording) -> String {
    let stretches = stretches(recording);
    let quiet: Vec<(Duration, Duration)> = stretches
        .iter()
        .filter(|stretch| stretch.phase == Phase::Baking)
        .map(|stretch| (stretch.from, stretch.until))
        .collect();
    let scale = Scale::new(recording.length, &quiet, LEFT, RIGHT);
    let marked = marked(recording);
    let places: Vec<(f64, &str)> =
        marked.iter().map(|mark| (scale.place(mark.at), mark.words.as_str())).collect();
    let labelled = labels::place(&places, LEFT, RIGHT);
    let rows = labelled.iter().map(|label| label.row + 1).max().unwrap_or(0);
    let band = number(rows) * ROW + 4.0;
    let lanes = band + BAND + 8.0;
    let bottom = lanes + lane::HEIGHT * number(recording.parts.len());
    let mut svg = String::new();
    // Writing into a String cannot fail.
    let _infallible =
        write(&mut svg, recording, &scale, (&stretches, band), (&marked, &labelled), (lanes, bottom));
    svg
}

fn write(
    svg: &mut String,
    recording: &Recording,
    scale: &Scale,
    (stretches, band): (&[Stretch], f64),
    (marked, placed): (&[Marked], &[Placed]),
    (lanes, bottom): (f64, f64),
) -> std::fmt::Result {
    let height = bottom + AXIS;
    writeln!(svg, r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="the release over time">"#)?;
    writeln!(
        svg,
        r#"<defs><pattern id="rest" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="rest" d="M0 0V6"/></pattern></defs>"#
    )?;
    for tick in scale.ticks(70.0) {
        let x = scale.place(tick);
        writeln!(svg, r#"<path class="grid" d="M{x:.1} {:.1}V{bottom:.1}"/>"#, band + BAND)?;
        writeln!(
            svg,
            r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            bottom + 17.0,
            axis(tick)
        )?;
    }
    for (from, until) in scale.shortened() {
        writeln!(svg, r#"<path class="short" d="M{from:.1} {bottom:.1}H{until:.1}"/>"#)?;
    }
    for stretch in stretches {
        phase(svg, stretch, scale, band, bottom)?;
    }
    for (index, part) in recording.parts.iter().enumerate() {
        lane::write(svg, part, scale, lanes + lane::HEIGHT * number(index))?;
    }
    writeln!(svg, r#"<path class="axis" d="M{LEFT} {bottom:.1}H{RIGHT}"/>"#)?;
    for (mark, label) in marked.iter().zip(placed) {
        let (x, y) = (scale.place(mark.at), number(label.row) * ROW + 13.0);
        writeln!(
            svg,
            r#"<g class="mark {}"><title>{} {}</title><path d="M{x:.1} {:.1}V{bottom:.1}"/><circle cx="{x:.1}" cy="{:.1}" r="2.5"/><text x="{:.1}" y="{y:.1}">{}</text></g>"#,
            mark.class,
            offset(mark.at),
            escape(&mark.words),
            y - 4.0,
            y - 4.0,
            label.left,
            escape(&mark.words)
        )?;
    }
    writeln!(svg, "</svg>")
}

fn phase(
    svg: &mut String,
    Stretch { from, until, phase }: &Stretch,
    scale: &Scale,
    band: f64,
    bottom: f64,
) -> std::fmt::Result {
    let (x, end) = (scale.place(*from), scale.place(*until));
    let (class, mut name) = kind(*phase);
    let width = end - x;
    if scale.shortened().any(|(from, until)| from <= x && end <= until) {
        name += ", drawn shorter than it is";
    }
    writeln!(
        svg,
        r#"<g class="phase {class}"><title>{name}, {} to {}</title><rect class="wash" x="{x:.1}" y="{band:.1}" width="{width:.1}" height="{:.1}"/><rect x="{x:.1}" y="{band:.1}" width="{width:.1}" height="{BAND}"/>"#,
        offset(*from),
        offset(*until),
        bottom - band
    )?;
    if page::width(&name) + 6.0 <= width {
        writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{name}</text>"#,
            f64::midpoint(x, end),
            band + 15.0
        )?;
    }
    writeln!(svg, "</g>")
}

/// The class of a phase, which decides its colour, and its name.
fn kind(phase: Phase) -> (&'static str, String) {
    match phase {
        Phase::Exposed(step) => ("trial", format!("step {}", u32::from(step) + 1)),
        Phase::Promoting => ("forth", "promote".to_owned()),
        Phase::Flipping => ("forth", "flip".to_owned()),
        Phase::Verifying => ("forth", "verify".to_owned()),
        Phase::Baking => ("watch", "watch".to_owned()),
        Phase::Reverting => ("back", "back".to_owned()),
        Phase::Restoring => ("back", "restore".to_owned()),
        other => ("quiet", format!("{other:?}").to_lowercase()),
    }
}

/// The phases of the ledger, one after the other; those of no length are left out.
fn stretches(recording: &Recording) -> Vec<Stretch> {
    let ends = recording.phases.iter().skip(1).map(|(at, _)| *at).chain([recording.length]);
    let all = recording.phases.iter().zip(ends);
    all.filter(|((from, _), until)| until > from)
        .filter_map(|((from, phase), until)| Some(Stretch { from: *from, until, phase: (*phase)? }))
        .collect()
}

/// What happened, in order: from outside, and what it came to.
fn marked(recording: &Recording) -> Vec<Marked> {
    let figures = Figures::of(recording);
    let mut all: Vec<Marked> = recording
        .marks
        .iter()
        .filter(|mark| mark.at <= recording.length)
        .map(|mark| Marked {
            at: mark.at,
            words: text::truncate(&text::one_line(&mark.words), LABEL_MAX).into_owned(),
            class: match mark.kind {
                MarkKind::Fault => "fault",
                MarkKind::Deed => "deed",
                MarkKind::Decision => "decision",
            },
        })
        .collect();
    if figures.found.is_some() && figures.suffered > 0 {
        let first = figures.first_failure.map(|at| (at, "first failed request"));
        let out = figures.out.map(|at| (at, "out of traffic"));
        all.extend([first, out].into_iter().flatten().map(|(at, words)| Marked {
            at,
            words: words.to_owned(),
            class: "decision",
        }));
    }
    all.sort_by_key(|mark| mark.at);
    all
}

/// A time on the axis: `0`, `45s`, `3m`, `1h 10m`.
fn axis(at: Duration) -> String {
    match at.as_secs() {
        0 => "0".to_owned(),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds if seconds % 60 != 0 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A small number as a place.
pub(super) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
