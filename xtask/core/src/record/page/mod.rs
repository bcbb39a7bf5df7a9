//! The page: the verdict first, then what did not pass, then everything else, folded up where it is long.

mod canary;
mod coverage;
mod drawings;
mod events;
mod failures;
mod findings;
mod history;
mod images;
mod load;
mod notes;
mod tasks;
mod tests;
mod timeline;

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::outcomes::Outcomes;
use super::{Record, Reuse, State, Task};
use crate::calendar::timestamp;
use crate::finding::Severity;
use crate::page::{self, escape, prose};
use crate::report::TestCounts;
use crate::text::{count, duration};

/// What only this page has.
const STYLE: &str = include_str!("../page.css");

/// The sections, in their order.
const SECTIONS: &[Section] = &[
    failures::SECTION,
    canary::SECTION,
    timeline::SECTION,
    tasks::SECTION,
    load::SECTION,
    tests::SECTION,
    history::SECTION,
    coverage::SECTION,
    findings::SECTION,
    images::SECTION,
    drawings::SECTION,
    notes::SECTION,
    events::SECTION,
];

/// A part of the page, below a heading that the navigation leads to.
struct Section {
    id: &'static str,
    name: &'static str,
    /// Whether there is something to show.
    is_there: fn(&Material<'_>) -> bool,
    write: fn(&mut String, &Material<'_>) -> fmt::Result,
}

/// What sections are made of.
struct Material<'r> {
    records: &'r [Record],
    outcomes: Outcomes<'r>,
}

impl<'r> Material<'r> {
    /// Whether one of the records has something.
    fn any(&self, has: impl Fn(&'r Record) -> bool) -> bool {
        self.records.iter().any(has)
    }
}

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The run, or the parts of one that several machines ran.
    pub records: &'a [Record],
    /// How the page was made.
    pub origin: &'a str,
}

impl Page<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let mut html = String::new();
        // Writing into a String cannot fail.
        let _infallible = self.write(&mut html);
        html
    }

    /// How it all ended, in words, and whether that is good.
    pub fn verdict(&self) -> (String, bool) {
        let missing = self.records.iter().filter(|record| record.end.is_none()).count();
        let part = if self.records.len() == 1 { "run" } else { "part" };
        let tasks = || self.records.iter().flat_map(|record| &record.tasks);
        let bad = tasks().filter(|task| is_bad(task)).count();
        let skipped = tasks().filter(|task| task.state == State::Skipped).count();
        let all = count(tasks().count(), "task");
        let interrupted =
            self.records.iter().any(|record| record.end.as_ref().is_some_and(|end| end.interrupted));
        let passed = self.records.iter().all(Record::has_passed) && !self.records.is_empty();
        let mut words = if missing > 0 && self.records.len() > 1 {
            format!("{missing} of {} parts did not end; ", self.records.len())
        } else if missing > 0 {
            "The run did not end; ".to_owned()
        } else if interrupted {
            "Interrupted; ".to_owned()
        } else {
            String::new()
        };
        if bad > 0 {
            words.extend([format!("{bad} of {all} did not pass")]);
            if skipped > 0 {
                words.extend([format!(", {skipped} not run")]);
            }
        } else if passed {
            words.extend([format!("{all} passed in {}", duration(self.length()))]);
        } else if words.is_empty() {
            words = format!("The {part} failed");
        } else if tasks().next().is_some() {
            words.extend([format!("of {all} that are known none failed")]);
        } else {
            words += "nothing is known of its tasks";
        }
        (words, passed)
    }

    /// How long the longest of the parts took.
    fn length(&self) -> Duration {
        self.records.iter().map(Record::length).max().unwrap_or_default()
    }

    fn write(&self, html: &mut String) -> fmt::Result {
        let records = self.records;
        let (verdict, passed) = self.verdict();
        let command = records.first().map_or("", |record| record.command.as_str());
        let of =
            if records.len() > 1 { format!("{} parts of a run", records.len()) } else { command.to_owned() };
        page::begin(html, &format!("{verdict} – {of}"), STYLE)?;
        let tone = if passed { "good" } else { "bad" };
        writeln!(
            html,
            "<header>\n<p class=\"of\"><code>{}</code></p>\n<h1 class=\"{tone}\">{}</h1>\n<dl>",
            escape(&of),
            escape(&verdict)
        )?;
        for (name, value) in self.figures() {
            writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
        }
        writeln!(html, "</dl>")?;
        for record in records {
            for words in &record.damage {
                let of = if records.len() > 1 { format!("{}: ", record.name) } else { String::new() };
                writeln!(html, "<p class=\"damage\">{}</p>", prose(&format!("{of}{words}")))?;
            }
        }
        let material = Material { records, outcomes: Outcomes::of(records) };
        let there = || SECTIONS.iter().filter(|section| (section.is_there)(&material));
        write!(html, "<nav>")?;
        for Section { id, name, .. } in there() {
            write!(html, "<a href=\"#{id}\">{name}</a>")?;
        }
        writeln!(html, "</nav>\n</header>\n<main>")?;
        for section in there() {
            writeln!(html, "<section id=\"{}\">\n<h2>{}</h2>", section.id, section.name)?;
            (section.write)(html, &material)?;
            writeln!(html, "</section>")?;
        }
        writeln!(html, "</main>")?;
        page::end(html, self.origin)
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        let tasks = || self.records.iter().flat_map(|record| &record.tasks);
        let mut figures = vec![("took", duration(self.length()))];
        let of = |state| tasks().filter(|task| task.state == state).count();
        let bad = tasks().filter(|task| is_bad(task)).count();
        let mut words = vec![format!("{} passed", of(State::Passed))];
        let waiting = tasks().filter(|task| task.state == State::Unknown && !is_bad(task)).count();
        let flaky = tasks().filter(|task| task.state == State::Passed && !task.earlier.is_empty()).count();
        let more = [(flaky, "of them flaky"), (bad, "failed"), (of(State::Skipped) + waiting, "not run")];
        words.extend(
            more.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")),
        );
        figures.push(("tasks", words.join(", ")));
        let sum = self.records.iter().filter_map(Record::test_counts).reduce(|mut sum, counts| {
            sum += counts;
            sum
        });
        figures.extend(sum.map(|sum: TestCounts| ("tests", sum.to_string())));
        let found = self.records.iter().flat_map(|record| &record.findings);
        let counted = found.filter(|found| !found.finding.is_suppressed());
        let errors: Vec<Severity> = counted.map(|found| found.finding.severity).collect();
        let coverage: Vec<String> = coverage::all(self.records).map(coverage::figure).collect();
        if !coverage.is_empty() {
            figures.push(("lines that tests run", coverage.join(", ")));
        }
        if !errors.is_empty() {
            let worst = errors.iter().filter(|severity| **severity == Severity::Error).count();
            figures.push(("findings", format!("{}, {} of them errors", errors.len(), worst)));
        }
        let saved = tasks().filter_map(|task| match &task.reuse {
            Some(Reuse::Hit { saved }) => Some(*saved),
            _ => None,
        });
        let hits = saved.clone().count();
        if hits > 0 {
            figures.push((
                "from the cache",
                format!("{hits} of {}, {} saved", tasks().count(), duration(saved.sum())),
            ));
        }
        figures.extend(
            self.records
                .iter()
                .filter_map(|record| record.began)
                .min()
                .map(|began| ("began, UTC", timestamp(began).replace('T', " ").replace('Z', ""))),
        );
        figures
    }
}

/// Whether a task did not do what it should.
fn is_bad(task: &Task) -> bool {
    match task.state {
        State::Failed | State::TimedOut | State::Interrupted => true,
        // It had begun when the lines end.
        State::Unknown => task.began.is_some(),
        State::Passed | State::Skipped => false,
    }
}

/// How a task ended, in a word, and the class of its colour.
fn word(task: &Task) -> (&'static str, &'static str) {
    match task.state {
        State::Passed if matches!(task.reuse, Some(Reuse::Hit { .. })) => ("stored", "good"),
        State::Passed if !task.earlier.is_empty() => ("flaky", "doubt"),
        State::Passed => ("passed", "good"),
        State::Failed => ("failed", "bad"),
        State::TimedOut => ("timed out", "bad"),
        State::Interrupted => ("interrupted", "doubt"),
        State::Skipped => ("not run", "soft"),
        State::Unknown if task.began.is_some() => ("did not end", "bad"),
        State::Unknown => ("did not begin", "soft"),
    }
}

/// A name that ids on the page begin with, for a record.
fn anchor(record: usize, task: usize) -> String {
    format!("t{record}-{task}")
}

/// A heading for a part, where there are several.
fn part(html: &mut String, records: &[Record], record: &Record) -> fmt::Result {
    if records.len() < 2 {
        return Ok(());
    }
    let (word, tone) = if record.has_passed() { ("passed", "good") } else { ("did not pass", "bad") };
    writeln!(html, "<h3>{} <small class=\"{tone}\">{word}</small></h3>", escape(&record.name))
}
