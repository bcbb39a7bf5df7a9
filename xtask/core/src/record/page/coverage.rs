//! How much of the code the tests run: of each component and file, and which lines of the change they do not.

use std::cmp::Reverse;
use std::fmt::{self, Write as _};

use super::super::{Record, Uncovered};
use super::{Material, Section, findings};
use crate::coverage::{Coverage, FileCoverage, Share, Span};
use crate::page::escape;
use crate::text::count;

pub(super) const SECTION: Section = Section {
    id: "coverage",
    name: "Coverage",
    is_there: |material| all(material.records).next().is_some(),
    write,
};

/// How many files are shown at once, and how many behind a fold; the others are counted.
const SHOWN: usize = 12;
/// See [`SHOWN`].
const FOLDED: usize = 1_000;

/// How many spans of lines are named for a file.
const SPANS: usize = 10;

/// The coverage of all components.
pub(super) fn all(records: &[Record]) -> impl Iterator<Item = &Coverage> {
    records.iter().flat_map(|record| &record.coverage)
}

/// A component in the figures at the top: `backend 91.2 %`.
pub(super) fn figure(coverage: &Coverage) -> String {
    format!("{} {}", coverage.component, coverage.lines().percent())
}

fn write(html: &mut String, material: &Material<'_>) -> fmt::Result {
    for record in material.records {
        for coverage in &record.coverage {
            component(html, coverage, record)?;
        }
    }
    Ok(())
}

fn component(html: &mut String, coverage: &Coverage, record: &Record) -> fmt::Result {
    let words = coverage.in_words();
    let words = words.strip_prefix(coverage.component.as_str()).unwrap_or(&words);
    writeln!(html, "<h3>{} <small>{}</small></h3>", escape(&coverage.component), escape(words.trim()))?;
    if let Some(commit) = coverage.before.as_ref().and_then(|before| before.commit.as_ref()) {
        writeln!(html, "<p class=\"soft\">Compared with <code>{}</code>.</p>", escape(short(commit)))?;
    }
    change(html, coverage, record)?;
    let mut files: Vec<&FileCoverage> =
        coverage.files.iter().filter(|file| missing(file.lines) + missing(file.branches) > 0).collect();
    files.sort_by_key(|file| Reverse((missing(file.lines), missing(file.branches))));
    let whole = coverage.files.len() - files.len();
    if whole > 0 {
        writeln!(html, "<p class=\"soft\">All of {} is run.</p>", count(whole, "file"))?;
    }
    let (shown, rest) = files.split_at(files.len().min(SHOWN));
    table(html, shown)?;
    if !rest.is_empty() {
        writeln!(html, "<details>\n<summary>{}</summary>", count(rest.len(), "more file"))?;
        table(html, &rest[..rest.len().min(FOLDED)])?;
        if rest.len() > FOLDED {
            writeln!(html, "<p>… and {}</p>", count(rest.len() - FOLDED, "more file"))?;
        }
        writeln!(html, "</details>")?;
    }
    Ok(())
}

/// The lines of the change that no test runs.
fn change(html: &mut String, coverage: &Coverage, record: &Record) -> fmt::Result {
    let Some(changed) = &coverage.changed else { return Ok(()) };
    if changed.uncovered.is_empty() {
        return Ok(());
    }
    let lines = missing(changed.lines);
    writeln!(
        html,
        "<p>{} that changed since <code>{}</code> no test runs:</p>",
        count(usize::try_from(lines).unwrap_or(usize::MAX), "line"),
        escape(short(&changed.since))
    )?;
    for (path, spans) in &changed.uncovered {
        for span in spans {
            let place = format!("{}:{}", path.display(), span.first);
            writeln!(html, "<div class=\"case\"><p><code>{}</code></p>", escape(&place))?;
            let known = |known: &&Uncovered| known.path == *path && known.span == *span;
            if let Some(known) = record.uncovered.iter().find(known) {
                findings::source(html, &known.excerpt, *span)?;
            }
            writeln!(html, "</div>")?;
        }
    }
    Ok(())
}

fn table(html: &mut String, files: &[&FileCoverage]) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    writeln!(
        html,
        "<div class=\"wide\"><table class=\"shares\">\n<thead><tr><th>file</th><th></th><th class=\"number\">lines</th><th class=\"number\">branches</th><th>not run</th></tr></thead>\n<tbody>"
    )?;
    for file in files {
        row(html, file)?;
    }
    writeln!(html, "</tbody>\n</table></div>")
}

fn row(html: &mut String, file: &FileCoverage) -> fmt::Result {
    let spans: Vec<String> = file.uncovered.iter().take(SPANS).map(Span::to_string).collect();
    let more = if file.uncovered.len() > SPANS { " …" } else { "" };
    let tenths = file.lines.per_mille().unwrap_or(1000);
    writeln!(
        html,
        "<tr><td><code>{}</code></td><td><svg class=\"share\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"M0 0H{tenths}V100H0z\"/></svg></td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"soft\">{}{more}</td></tr>",
        escape(&file.path.display().to_string()),
        file.lines.percent(),
        file.branches.percent(),
        spans.join(", ")
    )
}

fn missing(share: Share) -> u64 {
    share.total.saturating_sub(share.covered)
}

/// A commit as people write it.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
