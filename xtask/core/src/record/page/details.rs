//! Tests, findings, notes and events: what is long, folded up, the important part of it not.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::outcomes::{Outcomes, Ran};
use super::super::{Excerpt, Found, Line, Manner, Record};
use super::{failures, part};
use crate::finding::Severity;
use crate::page::{escape, escape_lines, prose};
use crate::report::{TestCounts, TestOutcome};
use crate::text::{count, duration};

/// The most failed tests with all that they said; of the others only the name is said.
const FAILED_MAX: usize = 200;

/// How many events are laid out together: a browser leaves out those that are not in sight.
const CHUNK: usize = 250;

pub(super) fn tests(html: &mut String, records: &[Record], outcomes: &Outcomes<'_>) -> fmt::Result {
    let several = records.len() > 1;
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

pub(super) fn findings(html: &mut String, records: &[Record]) -> fmt::Result {
    for (severity, name) in
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
    {
        let all = records.iter().flat_map(|record| &record.findings);
        let found: Vec<&Found> = all.filter(|found| found.finding.severity == severity).collect();
        if found.is_empty() {
            continue;
        }
        let open = if severity == Severity::Error { " open" } else { "" };
        writeln!(html, "<details{open}>\n<summary>{}</summary>", count(found.len(), name))?;
        for found in found {
            finding(html, found)?;
        }
        writeln!(html, "</details>")?;
    }
    Ok(())
}

/// A finding with its source.
pub(super) fn finding(html: &mut String, found: &Found) -> fmt::Result {
    let finding = &found.finding;
    let tone = match finding.severity {
        Severity::Error => "bad",
        Severity::Warning => "doubt",
        Severity::Note => "soft",
    };
    let place =
        finding.location.as_ref().map(|place| format!("<code>{}</code> ", escape(&place.to_string())));
    let rule = format!("{} {}", finding.tool, finding.rule);
    writeln!(
        html,
        "<div class=\"case\"><p>{}<span class=\"{tone}\">{}</span> {}</p>",
        place.unwrap_or_default(),
        escape(&rule),
        prose(&finding.message)
    )?;
    if let Some(help) = &finding.help {
        writeln!(html, "<p class=\"why\"><span>to do</span> {}</p>", prose(help))?;
    }
    if let Some(excerpt) = &found.excerpt {
        let marked = finding.location.as_ref().and_then(|place| place.line);
        source(html, excerpt, marked)?;
    }
    writeln!(html, "</div>")
}

fn source(html: &mut String, excerpt: &Excerpt, marked: Option<u32>) -> fmt::Result {
    write!(html, "<pre class=\"source\">")?;
    for (number, line) in (excerpt.first..).zip(&excerpt.lines) {
        let line = escape_lines(line);
        if marked == Some(number) {
            writeln!(html, "<mark>{number:>5}  {line}</mark>")?;
        } else {
            writeln!(html, "{number:>5}  {line}")?;
        }
    }
    writeln!(html, "</pre>")
}

pub(super) fn notes(html: &mut String, records: &[Record]) -> fmt::Result {
    for record in records {
        part(html, records, record)?;
        for note in &record.notes {
            let (word, tone) = if note.is_warning { ("warning", "doubt") } else { ("note", "soft") };
            let task = if note.task.is_empty() {
                String::new()
            } else {
                format!("<code>{}</code> ", escape(&note.task))
            };
            writeln!(
                html,
                "<div class=\"case\"><p><span class=\"{tone}\">{word}</span> {task}{}</p>",
                prose(&note.message)
            )?;
            if !note.hint.is_empty() {
                writeln!(html, "<p class=\"why\"><span>to do</span> {}</p>", prose(&note.hint))?;
            }
            writeln!(html, "</div>")?;
        }
    }
    Ok(())
}

/// Every event, in blocks: few elements, and none that is not in sight is laid out.
pub(super) fn events(html: &mut String, records: &[Record]) -> fmt::Result {
    for record in records {
        part(html, records, record)?;
        let tasks = record.lines.iter().map(|line| line.task.len()).max().unwrap_or(0).min(32);
        writeln!(html, "<details>\n<summary>{}</summary>", count(record.lines.len(), "event"))?;
        for lines in record.lines.chunks(CHUNK) {
            write!(html, "<pre class=\"events\">")?;
            for line in lines {
                event(html, line, tasks)?;
            }
            writeln!(html, "</pre>")?;
        }
        writeln!(html, "</details>")?;
    }
    Ok(())
}

fn event(html: &mut String, line: &Line, tasks: usize) -> fmt::Result {
    let tone = match line.manner {
        Manner::Quiet => "soft",
        Manner::Plain => "",
        Manner::Good => "good",
        Manner::Doubtful => "doubt",
        Manner::Bad => "bad",
    };
    let (at, task, words) = (clock(line.at), escape(&line.task), escape(&line.words));
    if tone.is_empty() {
        writeln!(html, "{at} {task:<tasks$} {words}")
    } else {
        writeln!(html, "{at} {task:<tasks$} <i class=\"{tone}\">{words}</i>")
    }
}

/// A time since the beginning, to the millisecond: `  1:02.345`.
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    format!("{:>3}:{:02}.{:03}", seconds / 60, seconds % 60, at.subsec_millis())
}
