//! The load test: the verdict, how long answers took, how many there were in each second, and the memory of the servers.

use std::fmt::{self, Write as _};

use super::{Material, Section, part};
use crate::page::{escape, prose};
use crate::perf::Side;
use crate::perf::judge::Verdict;
use crate::perf::report::Report;
use crate::perf::run::{Run, STEPS};
use crate::release::metrics::to_float;
use crate::text::{bytes, count};

/// The size of a drawing, and where its plane begins and ends.
const WIDTH: f64 = 1160.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 1148.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 194.0;

/// How many lines an axis has about.
const LINES: f64 = 5.0;

/// How many points a line of a drawing has at most: more than there are places for.
const POINTS_MAX: usize = 600;

pub(super) const SECTION: Section = Section {
    id: "load",
    name: "Load test",
    is_there: |material| material.any(|record| record.perf.is_some()),
    write,
};

fn write(html: &mut String, material: &Material<'_>) -> fmt::Result {
    for record in material.records {
        let Some(report) = &record.perf else { continue };
        part(html, material.records, record)?;
        of(html, report)?;
    }
    Ok(())
}

fn of(html: &mut String, report: &Report) -> fmt::Result {
    let verdict = report.judgement.verdict;
    let tone = match verdict {
        _ if report.objection().is_some() => "bad",
        Verdict::Better | Verdict::Same => "good",
        Verdict::Worse => "bad",
        Verdict::NotComparable | Verdict::Undecided => "doubt",
    };
    let machine = &report.candidate.machine;
    writeln!(
        html,
        "<p><b class=\"{tone}\">{verdict}</b>: {}</p>\n<p class=\"soft\">{}, {} on {}, {}, {}</p>",
        prose(&report.judgement.reason),
        escape(&report.scenario),
        count(report.runs.len(), "run"),
        escape(&machine.processor),
        count(usize::try_from(machine.cores).unwrap_or(usize::MAX), "core"),
        escape(&report.candidate.runner)
    )?;
    for crossed in &report.crossed {
        writeln!(html, "<p class=\"damage\">the candidate crossed {}</p>", prose(crossed))?;
    }
    table(html, report)?;
    plot(
        html,
        "How long answers took, in milliseconds, from the quickest to the slowest",
        "%",
        &lines(report, quantiles),
    )?;
    plot(html, "How many answers there were in each second of a run", "s", &lines(report, throughput))?;
    let seconds = |run: &Run| memory(run);
    plot(html, "The memory of the servers over time, in MiB", "s", &lines(report, seconds))
}

fn table(html: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        html,
        "<div class=\"wide\"><table>\n<thead><tr><th>run of</th><th class=\"number\">requests</th><th class=\"number\">failed</th><th class=\"number\">median</th><th class=\"number\">p95</th><th class=\"number\">p99</th><th class=\"number\">processor time a request</th><th>memory, at most</th></tr></thead>\n<tbody>"
    )?;
    for run in &report.runs {
        let spent: Option<f64> = run.servers.values().map(|usage| usage.cpu_seconds).sum();
        let each = spent.map(|spent| format!("{:.1} ms", spent * 1000.0 / to_float(run.requests.max(1))));
        let memory: Vec<String> = run
            .servers
            .iter()
            .filter_map(|(name, usage)| Some(format!("{} {}", escape(name), bytes(usage.memory_max()?))))
            .collect();
        writeln!(
            html,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{:.1} %</td><td class=\"number\">{:.1} ms</td><td class=\"number\">{:.1} ms</td><td class=\"number\">{:.1} ms</td><td class=\"number\">{}</td><td>{}</td></tr>",
            run.side,
            run.requests,
            run.failed_rate * 100.0,
            run.latency.median_ms,
            run.latency.p95_ms,
            run.latency.p99_ms,
            each.unwrap_or_default(),
            memory.join(", ")
        )?;
    }
    writeln!(html, "</tbody>\n</table></div>")
}

/// A line of a drawing: whose it is, and its points.
type Drawn = (Side, Vec<(f64, f64)>);

fn lines(report: &Report, points: impl Fn(&Run) -> Vec<(f64, f64)>) -> Vec<Drawn> {
    let line = |run: &Run| {
        let points = points(run);
        let step = points.len().div_ceil(POINTS_MAX).max(1);
        (run.side, points.into_iter().step_by(step).collect())
    };
    report.runs.iter().map(line).collect()
}

fn quantiles(run: &Run) -> Vec<(f64, f64)> {
    // The slowest of all would press everything else down.
    let steps = run.latency.quantiles_ms.iter().zip(0_u32..STEPS);
    steps.map(|(ms, step)| (f64::from(step) * 100.0 / f64::from(STEPS), *ms)).collect()
}

fn throughput(run: &Run) -> Vec<(f64, f64)> {
    run.throughput.iter().zip(0_u32..).map(|(requests, second)| (f64::from(second), *requests)).collect()
}

fn memory(run: &Run) -> Vec<(f64, f64)> {
    let looks = run.servers.values().map(|usage| usage.memory_bytes.len()).max().unwrap_or(0);
    let apart = to_float(run.duration_ms) / 1000.0 / to_float(looks.max(1) as u64);
    let at = |look: usize| -> u64 {
        run.servers
            .values()
            .filter_map(|usage| usage.memory_bytes.get(look).or(usage.memory_bytes.last()))
            .sum()
    };
    let began = to_float(run.began_ms) / 1000.0;
    (0..looks).map(|look| (began + apart * to_float(look as u64), to_float(at(look)) / 1_048_576.0)).collect()
}

fn plot(html: &mut String, title: &str, unit: &str, lines: &[Drawn]) -> fmt::Result {
    let points =
        || lines.iter().flat_map(|(_, points)| points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (wide, high) = (most(|point| point.0), most(|point| point.1));
    if wide <= 0.0 || high <= 0.0 {
        return Ok(());
    }
    let x = |value: f64| LEFT + value / wide * (RIGHT - LEFT);
    let y = |value: f64| BOTTOM - value / high * (BOTTOM - TOP);
    writeln!(
        html,
        "<figure class=\"wide plot\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    )?;
    for value in marks(high) {
        let place = y(value);
        writeln!(
            html,
            "<path class=\"grid\" d=\"M{LEFT} {place:.1}H{RIGHT}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6.0,
            place + 4.0
        )?;
    }
    for value in marks(wide) {
        writeln!(
            html,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value} {unit}</text>",
            x(value),
            BOTTOM + 17.0
        )?;
    }
    for (side, points) in lines {
        write!(html, "<polyline class=\"{side}\" points=\"")?;
        for (at, value) in points {
            write!(html, "{:.1},{:.1} ", x(*at), y(*value))?;
        }
        writeln!(html, "\"/>")?;
    }
    writeln!(
        html,
        "</svg>\n<figcaption>{title}<span class=\"key candidate\"></span>candidate<span class=\"key baseline\"></span>baseline</figcaption></figure>"
    )
}

/// Round values from 0 up to `most`.
fn marks(most: f64) -> Vec<f64> {
    let rough = most / LINES;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let round = |value: f64| (value / power * 10.0).round() / 10.0 * power;
    (0..=10_u32).map(|mark| round(f64::from(mark) * step)).take_while(|value| *value <= most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_as_far_as_the_values() {
        for (most, expected) in [
            (1.0, vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (95.0, vec![0.0, 20.0, 40.0, 60.0, 80.0]),
            (23.0, vec![0.0, 5.0, 10.0, 15.0, 20.0]),
            (4200.0, vec![0.0, 1000.0, 2000.0, 3000.0, 4000.0]),
        ] {
            let found = marks(most);
            let is_near = |(one, other): (&f64, &f64)| (one - other).abs() < 1e-6;
            assert!(
                found.len() == expected.len() && found.iter().zip(&expected).all(is_near),
                "{most}: {found:?}"
            );
        }
    }
}
