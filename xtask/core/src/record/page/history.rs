//! What became of tests in the runs before: which of them fail now and then.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::history::{Mark, Run, Test, troubled};
use super::{Material, Section, part};
use crate::calendar::timestamp;
use crate::page::escape;
use crate::report::TestCounts;
use crate::text::{count, duration};

pub(super) const SECTION: Section = Section {
    id: "history",
    name: "Test history",
    is_there: |material| material.any(|record| record.history.len() > 1),
    write,
};

/// The most tests that are shown.
const TESTS_MAX: usize = 200;

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for record in records.iter().filter(|record| record.history.len() > 1) {
        part(html, records, record)?;
        let tests = troubled(&record.history);
        if tests.is_empty() {
            writeln!(html, "<p>No test failed in the last {}.</p>", count(record.history.len(), "run"))?;
        } else {
            self::tests(html, &tests, record.history.len())?;
        }
        runs(html, &record.history)?;
    }
    Ok(())
}

fn tests(html: &mut String, tests: &[Test<'_>], runs: usize) -> fmt::Result {
    writeln!(
        html,
        "<div class=\"wide\"><table>\n<thead><tr><th>the last {}</th><th>is</th><th class=\"number\">failed</th><th>test</th></tr></thead>\n<tbody>",
        count(runs, "run")
    )?;
    for test in tests.iter().take(TESTS_MAX) {
        let failed = test.marks.iter().filter(|mark| matches!(mark, Mark::Failed | Mark::Flaky)).count();
        let ran = test.marks.iter().filter(|mark| **mark != Mark::Absent).count();
        let (word, tone) = match (test.is_flaky, test.marks.last()) {
            (true, _) => ("flaky", "doubt"),
            (false, Some(Mark::Failed)) => ("failing", "bad"),
            (false, _) => ("mended", "good"),
        };
        writeln!(
            html,
            "<tr><td><code>{}</code></td><td class=\"{tone}\">{word}</td><td class=\"number\">{failed} of {ran}</td><td>{} <span class=\"soft\">{}</span></td></tr>",
            strip(&test.marks),
            escape(test.name),
            escape(test.suite)
        )?;
    }
    writeln!(html, "</tbody>\n</table></div>")?;
    if tests.len() > TESTS_MAX {
        writeln!(html, "<p>… and {}</p>", count(tests.len() - TESTS_MAX, "more test"))?;
    }
    writeln!(
        html,
        "<p class=\"soft\">The newest run stands at the right: ✓ passed, ✗ failed, ~ passed when it was tried again, · was not run.</p>"
    )
}

/// The marks of a test, with those that count in their colours.
fn strip(marks: &[Mark]) -> String {
    let mark = |mark: &Mark| match mark {
        Mark::Absent => "·",
        Mark::Passed => "✓",
        Mark::Flaky => "<b class=\"doubt\">~</b>",
        Mark::Failed => "<b class=\"bad\">✗</b>",
    };
    marks.iter().map(mark).collect()
}

fn runs(html: &mut String, runs: &[Run]) -> fmt::Result {
    writeln!(
        html,
        "<details>\n<summary>{}</summary>\n<div class=\"wide\"><table>\n<thead><tr><th>began, UTC</th><th>commit</th><th>exit code</th><th class=\"number\">took</th><th>tests</th><th>command</th></tr></thead>\n<tbody>",
        count(runs.len(), "run")
    )?;
    for run in runs.iter().rev() {
        let began = timestamp(run.began).replace('T', " ").replace('Z', "");
        let commit = run.commit.as_deref().map_or("", |commit| commit.get(..12).unwrap_or(commit));
        let tone = if run.exit_code == 0 { "good" } else { "bad" };
        let counts = run.suites.iter().map(|suite| suite.counts).reduce(|mut sum, counts| {
            sum += counts;
            sum
        });
        writeln!(
            html,
            "<tr><td>{began}</td><td><code>{}</code></td><td class=\"{tone}\">{}</td><td class=\"number\">{}</td><td>{}</td><td><code>{}</code></td></tr>",
            escape(commit),
            run.exit_code,
            duration(Duration::from_millis(run.took_ms)),
            counts.map_or_else(String::new, |counts: TestCounts| counts.to_string()),
            escape(&run.command)
        )?;
    }
    writeln!(html, "</tbody>\n</table></div>\n</details>")
}
