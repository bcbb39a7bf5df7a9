//! The lane of one component: who serves, who answers which share of the requests, what fails.

use std::fmt::Write as _;

use super::chart::{LEFT, RIGHT};
use crate::page::escape;
use crate::page::scale::Scale;
use crate::release::metrics::to_float;
use crate::simulation::recording::{PartRecording, Pods, Span};

/// The height of a lane, and of the charts in it, with the gap below each.
pub(super) const HEIGHT: f64 = 18.0 + PODS + SHARE + ERRORS + 3.0 * GAP + 8.0;
const PODS: f64 = 64.0;
const SHARE: f64 = 26.0;
const ERRORS: f64 = 52.0;
const GAP: f64 = 10.0;

/// How narrow a span of traffic may be drawn: narrower ones are drawn together.
const NARROW: f64 = 5.0;

/// Tops of the chart of errors.
const TOPS: [f64; 8] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

/// A value from one place to another.
type Piece = (f64, f64, f64);

/// Writes the lane whose upper edge is at `top`.
pub(super) fn write(svg: &mut String, part: &PartRecording, scale: &Scale, top: f64) -> std::fmt::Result {
    let name = escape(&part.name.0).into_owned();
    let head = top + 12.0;
    let note = if part.changes { "" } else { ", not changed" };
    writeln!(
        svg,
        r#"<text class="name" x="0" y="{head:.1}">{name}<tspan class="note">{note}</tspan></text>"#
    )?;
    let pods = top + 18.0;
    self::pods(svg, part, scale, pods)?;
    let spans = joined(&part.spans, scale);
    let share = pods + PODS + GAP;
    self::share(svg, &spans, share)?;
    errors(svg, part.objective, &spans, share + SHARE + GAP)
}

/// Pods that serve, old below new, and those that stand by above them.
fn pods(svg: &mut String, part: &PartRecording, scale: &Scale, top: f64) -> std::fmt::Result {
    let sum = |counts: [u32; 2]| counts[0] + counts[1];
    let most = part.pods.iter().map(|pods| sum(pods.ready).max(sum(pods.serving))).max().unwrap_or(0).max(1);
    let unit = PODS / f64::from(most);
    let ends = part.pods.iter().skip(1).map(|pods| scale.place(pods.at)).chain([RIGHT]);
    let stretches: Vec<(Pods, f64, f64)> = part
        .pods
        .iter()
        .zip(ends)
        .map(|(pods, end)| (*pods, scale.place(pods.at), end))
        .filter(|(_, from, until)| until > from)
        .collect();
    let bottom = top + PODS;
    let pieces = |count: fn(&Pods) -> u32| -> Vec<Piece> {
        stretches.iter().map(|(pods, from, until)| (*from, *until, f64::from(count(pods)) * unit)).collect()
    };
    area(
        svg,
        "rest-area",
        &pieces(|pods| pods.ready[0].max(pods.serving[0]) + pods.ready[1].max(pods.serving[1])),
        bottom,
    )?;
    area(svg, "new-area", &pieces(|pods| pods.serving[0] + pods.serving[1]), bottom)?;
    area(svg, "old-area", &pieces(|pods| pods.serving[0]), bottom)?;
    frame(svg, "pods", &most.to_string(), "0", (top, PODS))
}

/// The share of the requests that the new revision answers.
fn share(svg: &mut String, spans: &[(f64, f64, Span)], top: f64) -> std::fmt::Result {
    let bottom = top + SHARE;
    let pieces = |count: fn(&Span) -> u64| -> Vec<Piece> {
        let answered = spans.iter().filter(|(_, _, span)| answered(span) > 0);
        let height = |span: &Span| to_float(count(span)) / to_float(self::answered(span)) * SHARE;
        answered.map(|(from, until, span)| (*from, *until, height(span))).collect()
    };
    area(svg, "new-area", &pieces(answered), bottom)?;
    area(svg, "old-area", &pieces(|span| span.sides[0].requests), bottom)?;
    frame(svg, "requests", "100 %", "", (top, SHARE))
}

/// The share of the requests that fail, of each revision, and those that nobody answers.
fn errors(
    svg: &mut String,
    objective: Option<f64>,
    spans: &[(f64, f64, Span)],
    top: f64,
) -> std::fmt::Result {
    let rate = |span: &Span, side: usize| {
        let tally = span.sides[side];
        (tally.requests > 0).then(|| to_float(tally.failed) / to_float(tally.requests))
    };
    let lost = |span: &Span| {
        (span.unserved > 0).then(|| to_float(span.unserved) / to_float(span.unserved + answered(span)))
    };
    let rates = spans.iter().flat_map(|(_, _, span)| [rate(span, 0), rate(span, 1), lost(span)]);
    let most = rates.flatten().fold(objective.unwrap_or(0.0) * 1.5, f64::max);
    let limit = TOPS.into_iter().find(|limit| *limit >= most).unwrap_or(1.0);
    let bottom = top + ERRORS;
    let place = |rate: f64| bottom - rate / limit * ERRORS;
    if let Some(objective) = objective {
        let y = place(objective);
        writeln!(
            svg,
            r#"<path class="objective" d="M{LEFT} {y:.1}H{RIGHT}"><title>objective</title></path>"#
        )?;
    }
    let lost: Vec<Piece> = spans
        .iter()
        .filter_map(|(from, until, span)| Some((*from, *until, lost(span)? / limit * ERRORS)))
        .collect();
    area(svg, "lost-area", &lost, bottom)?;
    for (side, class) in [(0, "old-line"), (1, "new-line")] {
        let pieces =
            spans.iter().filter_map(|(from, until, span)| Some((*from, *until, place(rate(span, side)?))));
        line(svg, class, pieces)?;
    }
    frame(svg, "failed", &format!("{:.0} %", limit * 100.0), "0", (top, ERRORS))
}

fn answered(span: &Span) -> u64 {
    span.sides[0].requests + span.sides[1].requests
}

/// Spans of traffic at their places; narrow ones together.
fn joined(spans: &[Span], scale: &Scale) -> Vec<(f64, f64, Span)> {
    let mut joined: Vec<(f64, f64, Span)> = Vec::new();
    for span in spans {
        let (from, until) = (scale.place(span.from), scale.place(span.until));
        match joined.last_mut() {
            Some((begin, end, last)) if *end - *begin < NARROW => {
                *end = until;
                last.until = span.until;
                last.unserved += span.unserved;
                last.sides = [last.sides[0].plus(span.sides[0]), last.sides[1].plus(span.sides[1])];
            }
            _ => joined.push((from, until, *span)),
        }
    }
    joined.retain(|(from, until, _)| until > from);
    joined
}

/// An area above `bottom`, of steps with these heights; where pieces do not touch there is nothing.
fn area(svg: &mut String, class: &str, pieces: &[Piece], bottom: f64) -> std::fmt::Result {
    let mut path = String::new();
    let mut end: Option<f64> = None;
    for (from, until, height) in pieces {
        match end {
            Some(last) if (last - from).abs() < 0.05 => {}
            Some(_) => write!(path, "V{bottom:.1}ZM{from:.1} {bottom:.1}")?,
            None => write!(path, "M{from:.1} {bottom:.1}")?,
        }
        write!(path, "V{:.1}H{until:.1}", bottom - height)?;
        end = Some(*until);
    }
    if pieces.iter().any(|(_, _, height)| *height > 0.0) {
        writeln!(svg, r#"<path class="{class}" d="{path}V{bottom:.1}Z"/>"#)?;
    }
    Ok(())
}

/// A line of steps.
fn line(svg: &mut String, class: &str, pieces: impl Iterator<Item = Piece>) -> std::fmt::Result {
    let mut path = String::new();
    let mut end: Option<f64> = None;
    for (from, until, y) in pieces {
        if end.is_some_and(|last| (last - from).abs() < 0.05) {
            write!(path, "V{y:.1}H{until:.1}")?;
        } else {
            write!(path, "M{from:.1} {y:.1}H{until:.1}")?;
        }
        end = Some(until);
    }
    if !path.is_empty() {
        writeln!(svg, r#"<path class="{class}" d="{path}"/>"#)?;
    }
    Ok(())
}

/// The base line of a chart, what it shows, and the ends of its axis.
fn frame(
    svg: &mut String,
    name: &str,
    most: &str,
    least: &str,
    (top, height): (f64, f64),
) -> std::fmt::Result {
    let (bottom, middle) = (top + height, top + height / 2.0 + 4.0);
    writeln!(svg, r#"<path class="base" d="M{LEFT} {bottom:.1}H{RIGHT}"/>"#)?;
    writeln!(svg, r#"<text class="side" x="0" y="{middle:.1}">{name}</text>"#)?;
    let x = LEFT - 6.0;
    writeln!(svg, r#"<text class="tick" x="{x}" y="{:.1}" text-anchor="end">{most}</text>"#, top + 8.0)?;
    if !least.is_empty() {
        writeln!(svg, r#"<text class="tick" x="{x}" y="{bottom:.1}" text-anchor="end">{least}</text>"#)?;
    }
    Ok(())
}
