//! Notes and warnings.

use std::fmt::{self, Write as _};

use super::{Material, Section, part};
use crate::page::{escape, prose};

pub(super) const SECTION: Section = Section {
    id: "notes",
    name: "Notes",
    is_there: |material| material.any(|record| !record.notes.is_empty()),
    write,
};

fn write(html: &mut String, Material { records, .. }: &Material<'_>) -> fmt::Result {
    for record in *records {
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
