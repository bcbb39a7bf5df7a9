//! Every event, folded up.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::super::{Line, Manner};
use super::{Material, Section, part};
use crate::page::escape;
use crate::text::count;

pub(super) const SECTION: Section = Section {
    id: "events",
    name: "Events",
    is_there: |material| material.any(|record| !record.lines.is_empty()),
    write,
};

/// How many events are laid out together: a browser leaves out those that are not in sight.
const CHUNK: usize = 250;

/// Every event, in blocks: few elements, and none that is not in sight is laid out.
fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for record in *records {
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
