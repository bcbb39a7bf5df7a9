//! The tasks as a table: how each ended, how long it took, and why it ran.

use std::fmt::{self, Write as _};

use super::super::{Reuse, State, Task};
use super::{Material, Section, anchor, is_bad, part, word};
use crate::page::{escape, prose};
use crate::text::duration;

pub(super) const SECTION: Section = Section {
    id: "tasks",
    name: "Tasks and cache",
    is_there: |material| material.any(|record| !record.tasks.is_empty()),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for (number, record) in records.iter().enumerate() {
        part(html, records, record)?;
        writeln!(
            html,
            "<div class=\"wide tasks\"><table>\n<thead><tr><th>task</th><th>ended</th><th class=\"number\">took</th><th class=\"number\">began at</th><th>why it ran, or did not</th></tr></thead>\n<tbody>"
        )?;
        for (position, task) in record.tasks.iter().enumerate() {
            row(html, task, &anchor(number, position))?;
        }
        writeln!(html, "</tbody>\n</table></div>")?;
    }
    Ok(())
}

fn row(html: &mut String, task: &Task, anchor: &str) -> fmt::Result {
    let (word, tone) = word(task);
    let id = escape(&task.id);
    let name = if is_bad(task) { format!("<a href=\"#f{anchor}\">{id}</a>") } else { id.into_owned() };
    let ran = task.began.is_some() && !matches!(task.reuse, Some(Reuse::Hit { .. }));
    let took = if ran { duration(task.took) } else { String::new() };
    let began = task.began.filter(|_| ran).map_or_else(String::new, duration);
    write!(
        html,
        "<tr id=\"{anchor}\"><td><code>{name}</code></td><td class=\"{tone}\">{word}</td><td class=\"number\">{took}</td><td class=\"number soft\">{began}</td><td>{}",
        prose(&why(task))
    )?;
    for change in task.missed.iter().skip(1) {
        write!(html, "<br>{}", prose(change))?;
    }
    for (failure, number) in task.earlier.iter().zip(1..) {
        write!(html, "<br>try {number} did not pass: {}", prose(&failure.message))?;
    }
    writeln!(html, "</td></tr>")
}

/// Why a task ran, or did not: the first reason.
fn why(task: &Task) -> String {
    let missed = task.missed.first();
    match (&task.reuse, task.state) {
        (Some(Reuse::Hit { saved }), _) => {
            format!("nothing that it depends on has changed: {} saved", duration(*saved))
        }
        (Some(Reuse::Uncached { reason }), _) => format!("never stored: {reason}"),
        (Some(Reuse::NotStored { reason }), _) => {
            let missed = missed.map_or_else(String::new, |missed| format!("{missed}; "));
            format!("{missed}not stored: {reason}")
        }
        (_, State::Skipped) => {
            task.failure.as_ref().map_or_else(String::new, |failure| failure.message.clone())
        }
        _ => missed.cloned().unwrap_or_default(),
    }
}
