//! What did not pass, each with everything that is needed to mend it.

use std::fmt::{self, Write as _};

use super::super::{Found, Record, State, Task};
use super::{Material, Section, anchor, findings, is_bad, word};
use crate::page::{escape, escape_lines, prose};
use crate::report::{TestCase, TestOutcome};
use crate::text::{count, duration};

/// The most findings, and the most failed tests, that are named for a task here; below are all.
const NAMED_MAX: usize = 20;

/// The longest detail of a failed test, in characters.
const DETAIL_MAX: usize = 20_000;

pub(super) const SECTION: Section = Section {
    id: "failures",
    name: "What did not pass",
    is_there: |material| material.any(|record| record.tasks.iter().any(is_bad)),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for (number, record) in records.iter().enumerate() {
        for (position, task) in record.tasks.iter().enumerate().filter(|(_, task)| is_bad(task)) {
            let part = if records.len() > 1 { record.name.as_str() } else { "" };
            self::task(html, record, (task, part), &anchor(number, position))?;
        }
    }
    Ok(())
}

fn task(html: &mut String, record: &Record, (task, part): (&Task, &str), anchor: &str) -> fmt::Result {
    let (word, tone) = word(task);
    let after =
        if task.state == State::Unknown { String::new() } else { format!(" after {}", duration(task.took)) };
    writeln!(
        html,
        "<article id=\"f{anchor}\">\n<h3><a href=\"#{anchor}\">{}</a> <small class=\"{tone}\">{word}{after}</small> <small class=\"soft\">{}</small></h3>",
        escape(&task.id),
        escape(part)
    )?;
    if let Some(failure) = &task.failure {
        writeln!(html, "<p>{}</p>", prose(&failure.message))?;
        list(html, "because", &failure.causes)?;
        list(html, "to do", &failure.hints)?;
    }
    let mut found: Vec<&Found> = record.findings.iter().filter(|found| found.task == task.id).collect();
    found.retain(|found| found.finding.fails());
    for one in found.iter().take(NAMED_MAX) {
        findings::finding(html, one)?;
    }
    more(html, found.len(), "finding", "findings")?;
    let cases =
        record.reports.iter().filter(|report| report.name == task.id).flat_map(|report| &report.cases);
    let failed = cases.filter(|case| super::super::outcomes::has_failed(case));
    let failed: Vec<&TestCase> = failed.collect();
    for case in failed.iter().take(NAMED_MAX) {
        self::case(html, case, "")?;
    }
    more(html, failed.len(), "failed test", "tests")?;
    if !task.output.trim().is_empty() {
        let output = escape_lines(task.output.trim_end());
        writeln!(html, "<details open>\n<summary>What it wrote</summary>\n<pre>{output}</pre>\n</details>")?;
    }
    write!(html, "<p class=\"soft\">")?;
    if !task.log.is_empty() {
        write!(html, "log <code>{}</code> · ", escape(&task.log))?;
    }
    writeln!(html, "again <code>cargo xtask ci {}</code></p>\n</article>", escape(&task.id))
}

fn list(html: &mut String, name: &str, items: &[String]) -> fmt::Result {
    for item in items {
        writeln!(html, "<p class=\"why\"><span>{name}</span> {}</p>", prose(item))?;
    }
    Ok(())
}

fn more(html: &mut String, all: usize, noun: &str, section: &str) -> fmt::Result {
    match all.checked_sub(NAMED_MAX) {
        Some(rest @ 1..) => {
            let rest = count(rest, &format!("more {noun}"));
            writeln!(html, "<p class=\"soft\">… and {rest}, <a href=\"#{section}\">below</a></p>")
        }
        _ => Ok(()),
    }
}

/// A test that failed, with what it said.
pub(super) fn case(html: &mut String, case: &TestCase, note: &str) -> fmt::Result {
    let TestOutcome::Failed { message, detail } = &case.outcome else { return Ok(()) };
    let place = case.place().map(|place| format!(" <code>{}</code>", escape(&place.to_string())));
    let (group, name) = (escape(&case.group), escape(&case.name));
    let head = format!(
        "<b>{name}</b> <span class=\"soft\">{group}{}</span>{}",
        place.unwrap_or_default(),
        if note.is_empty() {
            String::new()
        } else {
            format!(" <span class=\"doubt\">{}</span>", escape(note))
        }
    );
    writeln!(html, "<div class=\"case\"><p>{head}</p>")?;
    if !message.is_empty() {
        writeln!(html, "<p class=\"bad\">{}</p>", escape(message))?;
    }
    if !detail.trim().is_empty() {
        let cut: String = detail.trim_end().chars().take(DETAIL_MAX).collect();
        writeln!(html, "<details><summary>Details</summary>\n<pre>{}</pre></details>", escape_lines(&cut))?;
    }
    writeln!(html, "</div>")
}
