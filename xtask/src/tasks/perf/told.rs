//! What a load test came to, in words.

use crate::core::perf::Side;
use crate::core::perf::judge::{ALL, Compared};
use crate::core::perf::report::Report;
use crate::core::perf::run::Run;
use crate::core::table::aligned;
use crate::core::text;

/// The lines that people read, the verdict last.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let candidate: Vec<&Run> = report.of(Side::Candidate).collect();
    if let Some(last) = candidate.last() {
        lines.push(format!(
            "{}: {} of the candidate, the last with {} requests, p95 {:.1} ms, p99 {:.1} ms{}",
            report.scenario,
            text::count(candidate.len(), "run"),
            last.requests,
            last.latency.p95_ms,
            last.latency.p99_ms,
            memory(last)
        ));
    }
    if !report.judgement.figures.is_empty() {
        lines.extend(table(&report.judgement.figures).lines().map(str::to_owned));
    }
    let compared = report
        .baseline
        .as_ref()
        .map(|baseline| format!(", compared with {}", baseline.name))
        .unwrap_or_default();
    let pairs = match report.judgement.pairs {
        0 => String::new(),
        pairs => format!(", after {}", text::count(pairs, "pair")),
    };
    lines.push(format!("{}{compared}{pairs}: {}", report.judgement.verdict, report.judgement.reason));
    lines
}

fn memory(run: &Run) -> String {
    let most = run
        .servers
        .iter()
        .filter_map(|(name, usage)| Some(format!("{name} with up to {}", text::bytes(usage.memory_max()?))));
    let most: Vec<String> = most.collect();
    if most.is_empty() { String::new() } else { format!(", {}", most.join(", ")) }
}

/// The quick answers of each endpoint, side by side.
fn table(figures: &[Compared]) -> String {
    let head = ["quicker half", "baseline", "candidate", "change", "between"].map(str::to_owned);
    let row = |figure: &Compared| {
        let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
        let of = if figure.of == ALL { "all, equally" } else { &figure.of };
        [
            of.to_owned(),
            format!("{:.2} ms", figure.baseline_ms),
            format!("{:.2} ms", figure.candidate_ms),
            percent(figure.change.ratio),
            format!("{} and {}", percent(figure.change.low), percent(figure.change.high)),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(figures.iter().map(row)).collect();
    aligned(&rows)
}
