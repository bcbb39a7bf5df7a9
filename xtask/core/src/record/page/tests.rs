//! The tests of a run: those that failed, those that are not sure, the slowest, and all.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::super::outcomes::Ran;
use super::{Material, Section, failures};
use crate::page::escape;
use crate::report::{TestCounts, TestOutcome};
use crate::text::{count, duration};

pub(super) const SECTION: Section = Section {
    id: "tests",
    name: "Tests",
    is_there: |material| material.any(|record| record.test_counts().is_some()),
    write,
};

/// The most failed tests with all that they said; of the others only the name is said.
const FAILED_MAX: usize = 200;

fn write(html: &mut String, material: &Material<'_>) -> fmt::Result {
    let (several, outcomes) = (material.records.len() > 1, &material.outcomes);
    let of = |ran: &Ran<'_>| if several { ran.record.to_owned() } else { String::new() };
    if !outcomes.failed.is_empty() {
        writeln!(html, "<h3>{} failed</h3>", count(outcomes.failed.len(), "test"))?;
        for ran in outcomes.failed.iter().take(FAILED_MAX) {
            failures::case(html, ran.case, &of(ran))?;
        }
        for ran in outcomes.failed.iter().skip(FAILED_MAX) {
            writeln!(html, "<p>{} {}</p>", escape(&ran.case.group), escape(&ran.case.name))?;
        }
    }
    if !outcomes.flaky.is_empty() {
        writeln!(
            html,
            "<h3>{} passed one time and failed another</h3>",
            count(outcomes.flaky.len(), "test")
        )?;
        for (ran, failed, times) in &outcomes.flaky {
            failures::case(html, ran.case, &format!("failed {failed} of {times} times {}", of(ran)))?;
        }
    }
    if !outcomes.slowest.is_empty() {
        writeln!(html, "<h3>The slowest</h3>\n<div class=\"wide\"><table><tbody>")?;
        for ran in &outcomes.slowest {
            row(html, ran)?;
        }
        writeln!(html, "</tbody></table></div>")?;
    }
    let mut suites: BTreeMap<(&str, &str), Vec<&Ran<'_>>> = BTreeMap::new();
    for ran in &outcomes.all {
        suites.entry((ran.record, ran.suite)).or_default().push(ran);
    }
    for ((record, suite), cases) in suites {
        let mut counts = TestCounts::default();
        for ran in &cases {
            match ran.case.outcome {
                TestOutcome::Passed => counts.passed += 1,
                TestOutcome::Failed { .. } => counts.failed += 1,
                TestOutcome::Skipped { .. } => counts.skipped += 1,
            }
        }
        let name = if several { format!("{record}: {suite}") } else { suite.to_owned() };
        writeln!(
            html,
            "<details>\n<summary>{}: {counts}</summary>\n<div class=\"wide\"><table><tbody>",
            escape(&name)
        )?;
        for ran in cases {
            row(html, ran)?;
        }
        writeln!(html, "</tbody></table></div>\n</details>")?;
    }
    if outcomes.all.is_empty() {
        writeln!(html, "<p class=\"soft\">There are only the sums: the JUnit file is not there.</p>")?;
    }
    Ok(())
}

fn row(html: &mut String, ran: &Ran<'_>) -> fmt::Result {
    let (word, tone, said) = match &ran.case.outcome {
        TestOutcome::Passed => ("passed", "good", ""),
        TestOutcome::Failed { message, .. } => ("failed", "bad", message.as_str()),
        TestOutcome::Skipped { reason } => ("skipped", "soft", reason.as_str()),
    };
    writeln!(
        html,
        "<tr><td class=\"{tone}\">{word}</td><td class=\"number\">{}</td><td>{} <span class=\"soft\">{} {}</span></td></tr>",
        duration(ran.case.duration),
        escape(&ran.case.name),
        escape(&ran.case.group),
        escape(said)
    )
}
