//! What was found, with its source, the worst first; what somebody answers for at the end, folded up.

use std::fmt::{self, Write as _};

use super::super::{Excerpt, Found};
use super::{Material, Section};
use crate::coverage::Span;
use crate::finding::Severity;
use crate::finding::judged::Suppression;
use crate::page::{escape, escape_lines, prose};
use crate::text::count;

pub(super) const SECTION: Section = Section {
    id: "findings",
    name: "Findings",
    is_there: |material| material.any(|record| !record.findings.is_empty()),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    let all = || records.iter().flat_map(|record| &record.findings);
    for (severity, name) in
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
    {
        let found = all().filter(|found| !found.finding.is_suppressed());
        let found: Vec<&Found> = found.filter(|found| found.finding.severity == severity).collect();
        group(html, &found, &count(found.len(), name), severity == Severity::Error)?;
    }
    let waived: Vec<&Found> = all().filter(|found| found.finding.is_suppressed()).collect();
    group(html, &waived, &format!("{} for which somebody answers", count(waived.len(), "finding")), false)
}

fn group(html: &mut String, found: &[&Found], summary: &str, is_open: bool) -> fmt::Result {
    if found.is_empty() {
        return Ok(());
    }
    let open = if is_open { " open" } else { "" };
    writeln!(html, "<details{open}>\n<summary>{summary}</summary>")?;
    for found in found {
        finding(html, found)?;
    }
    writeln!(html, "</details>")
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
    if let Some(weakness) = finding.weakness.as_ref().filter(|weakness| !weakness.witnesses.is_empty()) {
        let tools: Vec<_> = weakness.witnesses.iter().map(|tool| escape(tool)).collect();
        writeln!(html, "<p class=\"why\"><span>found by</span> {}, too</p>", tools.join(", "))?;
    }
    if let Some(help) = &finding.help {
        writeln!(html, "<p class=\"why\"><span>to do</span> {}</p>", prose(help))?;
    }
    if let Some(Suppression { reason, owner, expires, .. }) = suppression(found) {
        let owner = owner.as_ref().map(|owner| format!(", {owner}")).unwrap_or_default();
        let until = expires.as_ref().map(|day| format!(", until {day}")).unwrap_or_default();
        writeln!(
            html,
            "<p class=\"why\"><span>waived</span> {}</p>",
            prose(&format!("{reason}{owner}{until}"))
        )?;
    }
    if let Some(excerpt) = &found.excerpt {
        let line = finding.location.as_ref().and_then(|place| place.line).unwrap_or_default();
        source(html, excerpt, Span { first: line, last: line })?;
    }
    writeln!(html, "</div>")
}

fn suppression(found: &Found) -> Option<&Suppression> {
    found.finding.judged.as_ref()?.suppression.as_ref()
}

/// Lines of a file, those of a span marked.
pub(super) fn source(html: &mut String, excerpt: &Excerpt, marked: Span) -> fmt::Result {
    write!(html, "<pre class=\"source\">")?;
    for (number, line) in (excerpt.first..).zip(&excerpt.lines) {
        let line = escape_lines(line);
        if (marked.first..=marked.last).contains(&number) {
            writeln!(html, "<mark>{number:>5}  {line}</mark>")?;
        } else {
            writeln!(html, "{number:>5}  {line}")?;
        }
    }
    writeln!(html, "</pre>")
}
