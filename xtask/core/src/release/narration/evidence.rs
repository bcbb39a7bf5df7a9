//! What an analysis has seen, short enough for a line, and what would change its verdict.

use super::Measured;
use crate::release::analysis::report::{ratio_words, rounded, seconds};
use crate::release::analysis::verdict::of;
use crate::release::analysis::{Basis, Report, StreamReport};
use crate::release::metrics::Counts;
use crate::text;

/// From which E on a stream that nobody asked for is worth a line.
const WORTH_A_LINE: f64 = 3.0;

/// What was seen.
pub(super) fn seen(report: &Report) -> Vec<String> {
    let mut streams = report.streams.iter();
    let first = streams.next().map(stream);
    let others = streams.filter(|other| other.e >= WORTH_A_LINE || other.unmeasured.is_some()).map(stream);
    let checks = report.earned.as_ref().filter(|earned| earned.basis == Basis::Checks);
    let checks =
        checks.map(|earned| format!("too few requests to tell: checks {} failed", of(earned.checks)));
    first.into_iter().chain(others).chain(checks).collect()
}

/// The first stream in numbers: the one that decides. `weight` is the share of the requests that the canary gets.
pub(super) fn measured(report: &Report, weight: f64) -> Option<Measured> {
    let StreamReport { name, canary, baseline, e, threshold, .. } = report.streams.first()?;
    let (stream, canary, baseline) = (name.clone(), *canary, *baseline);
    Some(Measured { stream, canary, baseline, weight, e: *e, threshold: *threshold })
}

/// `errors 7 of 1,200 (0.58 %), old release 3 of 3,600 (0.08 %), ratio 7; E 31 of 400`.
fn stream(stream: &StreamReport) -> String {
    let StreamReport { name, canary, baseline, e, threshold, unmeasured, .. } = stream;
    let mut words = vec![format!("{name} {}{}", of(*canary), rate(*canary))];
    if baseline.total > 0 {
        words.push(format!(", old release {}{}", of(*baseline), rate(*baseline)));
    }
    if baseline.bad > 0 && canary.bad > 0 {
        words.push(format!(", {}", ratio_words(*canary, *baseline)));
    }
    words.push(format!("; E {} of {}", rounded(*e), rounded(*threshold)));
    words.extend(unmeasured.as_ref().map(|why| format!("; not measured lately: {why}")));
    words.concat()
}

/// ` (0.58 %)`; nothing where nothing happened.
fn rate(counts: Counts) -> String {
    counts.rate().map_or_else(String::new, |rate| format!(" ({:.2} %)", rate * 100.0))
}

/// What would change the verdict, and how soon: what rolls back, and in the last step what promotes.
pub(super) fn outlook(report: &Report, is_last: bool) -> Option<String> {
    let back = report.streams.first().and_then(|stream| stream.errors_to_roll_back);
    let back = back.filter(|more| *more > 0).map(|more| {
        let errors = text::count(usize::try_from(more).unwrap_or(usize::MAX), "more error");
        format!("{errors} in a row would roll back")
    });
    let forth = is_last.then(|| forth(report));
    let both: Vec<String> = [back, forth].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// What a promotion takes.
fn forth(report: &Report) -> String {
    let Some(missing) = &report.missing else { return "enough to promote".to_owned() };
    let time = report.without_errors.filter(|time| time.as_secs() > 0);
    let Some(time) = time.filter(|_| report.compliance < report.compliance_min) else {
        return format!("to promote: {missing}");
    };
    let (soon, traffic) = (seconds(time), rounded(report.requests_per_second));
    let soon = format!("{soon} without an error at {traffic} requests/s would do to promote");
    match report.at_this_rate {
        Some(longer) if longer.as_secs() > time.as_secs() => {
            format!("{soon}, about {} at this rate of errors", seconds(longer))
        }
        Some(_) => soon,
        None => format!("{soon}, never at this rate of errors"),
    }
}
