//! The canaries of a release: the share of the requests that they got, how many went wrong, and what was concluded from that,
//! over time.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::{Material, Section, part};
use crate::page::scale::Scale;
use crate::page::{escape, width};
use crate::release::metrics::Counts;
use crate::release::narration::{Measured, offset};

pub(super) const SECTION: Section = Section {
    id: "canary",
    name: "The canary",
    is_there: |material| material.any(|record| !record.canaries.is_empty()),
    write,
};

/// The width of a drawing, where time begins and ends in it, and the height of a plot and of its axis.
const WIDTH: f64 = 1160.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 1148.0;
const HEIGHT: f64 = 84.0;
const AXIS: f64 = 22.0;

/// The least E that is drawn: what is below says no more.
const E_MIN: f64 = 0.01;

/// A measurement, and when it was made.
type Point<'r> = (Duration, &'r Measured);

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for record in records.iter().filter(|record| !record.canaries.is_empty()) {
        part(html, records, record)?;
        let mut canaries: BTreeMap<&str, Vec<Point<'_>>> = BTreeMap::new();
        for (at, component, measured) in &record.canaries {
            canaries.entry(component).or_default().push((*at, measured));
        }
        for (component, points) in canaries {
            canary(html, component, &points)?;
        }
    }
    Ok(())
}

fn canary(html: &mut String, component: &str, points: &[Point<'_>]) -> fmt::Result {
    let Some((last, newest)) = points.last() else { return Ok(()) };
    writeln!(html, "<h3>{}</h3>", escape(component))?;
    let scale = Scale::new(*last, &[], LEFT, RIGHT);
    let rates = |counts: fn(&Measured) -> Counts| -> Vec<(Duration, f64)> {
        points.iter().map(|(at, measured)| (*at, counts(measured).rate().unwrap_or(0.0))).collect()
    };
    let (new, old) = (rates(|measured| measured.canary), rates(|measured| measured.baseline));
    let highest = new.iter().chain(&old).map(|(_, rate)| *rate).fold(0.001, f64::max) * 1.1;
    let weights: Vec<_> = points.iter().map(|(at, measured)| (*at, measured.weight)).collect();
    // E multiplies: equal steps of its logarithm are equal steps of evidence.
    let logarithm = |e: f64| (e.max(E_MIN) / E_MIN).ln();
    let evidence: Vec<_> = points.iter().map(|(at, measured)| (*at, logarithm(measured.e))).collect();
    let threshold = logarithm(newest.threshold);
    let top = evidence.iter().map(|(_, e)| *e).fold(threshold, f64::max) * 1.08;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    writeln!(html, "<figure class=\"wide\">")?;
    Plot { name: "share of the requests", top: 1.0, label: "100 %".to_owned(), limit: None }.write(
        html,
        &scale,
        &[("new", &weights)],
    )?;
    let name = format!("share of {}", newest.stream);
    Plot { name: &name, top: highest, label: percent(highest), limit: None }.write(
        html,
        &scale,
        &[("old", &old), ("new", &new)],
    )?;
    let label = format!("E {:.0}", newest.threshold);
    Plot { name: "E", top, label, limit: Some(threshold) }.write(html, &scale, &[("new", &evidence)])?;
    let Measured { stream, canary, baseline, e, threshold, .. } = newest;
    let rate = |counts: &Counts| counts.rate().map_or_else(|| "–".to_owned(), percent);
    writeln!(
        html,
        "<figcaption><span class=\"key new\"></span>new release, {} {} of {} ({}) <span class=\"key old\"></span>old release, {} of {} ({}). E ended at {e:.2}; {threshold:.0} rolls back.</figcaption>\n</figure>",
        escape(stream),
        canary.bad,
        canary.total,
        rate(canary),
        baseline.bad,
        baseline.total,
        rate(baseline)
    )
}

/// One of the drawings below each other.
struct Plot<'p> {
    name: &'p str,
    /// The value at its upper edge; 0 is at its lower one.
    top: f64,
    /// What the upper edge, or the limit, is called.
    label: String,
    /// A value that decides.
    limit: Option<f64>,
}

impl Plot<'_> {
    fn write(&self, html: &mut String, scale: &Scale, lines: &[(&str, &[(Duration, f64)])]) -> fmt::Result {
        let place = |value: f64| HEIGHT - (value / self.top).clamp(0.0, 1.0) * (HEIGHT - 14.0);
        writeln!(
            html,
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{} over time\">",
            HEIGHT + AXIS,
            escape(self.name)
        )?;
        for tick in scale.ticks(90.0) {
            let (x, label) = (scale.place(tick), offset(tick));
            writeln!(html, "<path class=\"grid\" d=\"M{x:.1} 14V{HEIGHT}\"/>")?;
            if x + width(&label) <= WIDTH {
                writeln!(
                    html,
                    "<text class=\"tick\" x=\"{x:.1}\" y=\"{:.0}\">{label}</text>",
                    HEIGHT + 15.0
                )?;
            }
        }
        writeln!(html, "<path class=\"axis\" d=\"M{LEFT} {HEIGHT}H{RIGHT}\"/>")?;
        writeln!(html, "<text x=\"{LEFT}\" y=\"10\">{}</text>", escape(self.name))?;
        let mark = place(self.limit.unwrap_or(self.top));
        if self.limit.is_some() {
            writeln!(html, "<path class=\"limit\" d=\"M{LEFT} {mark:.1}H{RIGHT}\"/>")?;
        }
        let (x, y) = (LEFT - 6.0, mark + 4.0);
        writeln!(
            html,
            "<text class=\"tick\" x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            escape(&self.label)
        )?;
        for (class, points) in lines {
            let path: Vec<String> = points
                .iter()
                .map(|(at, value)| format!("{:.1} {:.1}", scale.place(*at), place(*value)))
                .collect();
            writeln!(html, "<path class=\"{class}\" d=\"M{}\"/>", path.join("L"))?;
            for (at, value) in *points {
                writeln!(
                    html,
                    "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                    scale.place(*at),
                    place(*value)
                )?;
            }
        }
        writeln!(html, "</svg>")
    }
}
