//! Where the time went: the tasks of a run in lanes, with their steps, the chain that took longest, and what would be faster.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::{Record, Task, advice};
use super::{Material, Section, anchor, part, word};
use crate::page::scale::Scale;
use crate::page::{escape, prose, width};
use crate::text::duration;

/// The width of the drawing, where time begins in it, and the height of a lane and of the bars in it.
const WIDTH: f64 = 1160.0;
const LEFT: f64 = 2.0;
const LANE: f64 = 30.0;
const BAR: f64 = 24.0;
const AXIS: f64 = 24.0;

pub(super) const SECTION: Section = Section {
    id: "time",
    name: "Where the time went",
    is_there: |material| material.any(|record| !record.tasks.is_empty()),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for (number, record) in records.iter().enumerate() {
        part(html, records, record)?;
        drawing(html, number, record)?;
        advice(html, record)?;
    }
    Ok(())
}

/// A task in its lane.
struct Bar<'r> {
    position: usize,
    task: &'r Task,
    began: Duration,
    until: Duration,
    lane: usize,
}

/// The tasks that took time, each in the first lane that is free when it begins.
fn bars(record: &Record) -> Vec<Bar<'_>> {
    let end = record.length();
    let mut bars: Vec<Bar<'_>> = record
        .tasks
        .iter()
        .enumerate()
        .filter_map(|(position, task)| {
            let began = task.began?;
            let is_open = task.state == super::State::Unknown;
            let until = if is_open { end } else { began + task.took };
            (until > began).then_some(Bar { position, task, began, until, lane: 0 })
        })
        .collect();
    bars.sort_by_key(|bar| bar.began);
    let mut lanes: Vec<Duration> = Vec::new();
    for bar in &mut bars {
        bar.lane = lanes.iter().position(|free| *free <= bar.began).unwrap_or(lanes.len());
        match lanes.get_mut(bar.lane) {
            Some(free) => *free = bar.until,
            None => lanes.push(bar.until),
        }
    }
    bars
}

fn drawing(html: &mut String, number: usize, record: &Record) -> fmt::Result {
    let bars = bars(record);
    if bars.is_empty() {
        return writeln!(html, "<p>No task took any time: all results were there already.</p>");
    }
    let length = bars.iter().map(|bar| bar.until).fold(record.length(), Duration::max);
    let scale = Scale::new(length, &[], LEFT, WIDTH - LEFT);
    let lanes = bars.iter().map(|bar| bar.lane + 1).max().unwrap_or(1);
    let bottom = LANE * number_of(lanes);
    let path = record.end.as_ref().map(|end| end.critical_path.as_slice()).unwrap_or_default();
    writeln!(
        html,
        "<figure class=\"wide\">\n<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"group\" aria-label=\"tasks over time\">",
        bottom + AXIS
    )?;
    for tick in scale.ticks(70.0) {
        let x = scale.place(tick);
        writeln!(html, "<path class=\"grid\" d=\"M{x:.1} 0V{bottom:.0}\"/>")?;
        let label = label(tick);
        if x + 3.0 + width(&label) <= WIDTH {
            writeln!(
                html,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.0}\">{label}</text>",
                x + 3.0,
                bottom + 16.0
            )?;
        }
    }
    for bar in &bars {
        let is_critical = path.contains(&bar.task.id);
        self::bar(html, bar, &scale, &anchor(number, bar.position), is_critical)?;
    }
    writeln!(html, "<path class=\"axis\" d=\"M{LEFT} {bottom:.0}H{WIDTH}\"/>\n</svg>")?;
    write!(html, "<figcaption>")?;
    if !path.is_empty() {
        let took = |id: &String| record.tasks.iter().find(|task| task.id == *id).map(|task| task.took);
        let sum: Duration = path.iter().filter_map(took).sum();
        let names: Vec<_> = path.iter().map(|id| escape(id)).collect();
        write!(
            html,
            "<span class=\"key chain\"></span>longest chain, {}: {}. ",
            duration(sum),
            names.join(" → ")
        )?;
    }
    writeln!(html, "<span class=\"key stripe\"></span>steps of a task</figcaption>\n</figure>")
}

fn bar(html: &mut String, bar: &Bar<'_>, scale: &Scale, anchor: &str, is_critical: bool) -> fmt::Result {
    let Bar { task, began, until, .. } = bar;
    let (word, tone) = word(task);
    let (x, y) = (scale.place(*began), LANE * number_of(bar.lane));
    let room = (scale.place(*until) - x).max(1.5);
    let chain = if is_critical { " chain" } else { "" };
    let took = duration(until.saturating_sub(*began));
    writeln!(
        html,
        "<a href=\"#{anchor}\" class=\"bar {tone}{chain}\"><title>{} {word} after {took}, began at {}</title><rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{room:.1}\" height=\"{BAR}\" rx=\"3\"/>",
        escape(&task.id),
        duration(*began)
    )?;
    for step in &task.steps {
        let from = scale.place(step.began);
        let to = scale.place(step.took.map_or(*until, |took| step.began + took));
        if to - from >= 1.0 {
            let step_took = step.took.map_or("did not end".to_owned(), duration);
            let bad = if step.passed { "" } else { " bad" };
            writeln!(
                html,
                "<rect class=\"step{bad}\" x=\"{:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"5\"><title>{} {step_took}</title></rect>",
                from + 0.5,
                y + BAR - 5.0,
                to - from - 0.5,
                escape(&step.id)
            )?;
        }
    }
    let full = format!("{} {took}", task.id);
    let name = if width(&full) + 8.0 <= room { full.as_str() } else { task.id.as_str() };
    if width(name) + 8.0 <= room {
        writeln!(html, "<text x=\"{:.1}\" y=\"{:.0}\">{}</text>", x + 5.0, y + 14.0, escape(name))?;
    }
    writeln!(html, "</a>")
}

fn advice(html: &mut String, record: &Record) -> fmt::Result {
    let advice = advice::of(record);
    if advice.is_empty() {
        return Ok(());
    }
    writeln!(html, "<h3>What would make it faster</h3>\n<ul class=\"advice\">")?;
    for advice in &advice {
        writeln!(html, "<li><b>{}</b> <span>{}</span></li>", duration(advice.gain), prose(&advice.words))?;
    }
    writeln!(
        html,
        "</ul>\n<p class=\"soft\">Each by itself: the same tasks, scheduled again with one thing changed.</p>"
    )
}

/// A time on the axis.
fn label(at: Duration) -> String {
    match at.as_millis() {
        0 => "0".to_owned(),
        milliseconds @ 1..1000 => format!("{milliseconds} ms"),
        milliseconds if milliseconds < 60_000 => format!("{} s", at.as_secs()),
        _ if !at.as_secs().is_multiple_of(60) => {
            format!("{} min {:02} s", at.as_secs() / 60, at.as_secs() % 60)
        }
        _ if at.as_secs() < 3600 => format!("{} min", at.as_secs() / 60),
        _ => format!("{} h {:02} min", at.as_secs() / 3600, at.as_secs() / 60 % 60),
    }
}

/// A small number as a place.
fn number_of(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
