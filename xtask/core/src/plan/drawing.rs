//! A plan as a picture: DOT for Graphviz, and SVG that needs nothing.
//!
//! The SVG is a layered graph. A task stands one column to the right of the last task that it waits for; within a column tasks
//! are ordered by where those stand that they wait for, so that few lines cross. What would become of a task is said by a word
//! and by a colour; the chain that takes longest is drawn thick.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::{Outlook, Plan, Planned};
use crate::graph::TaskId;
use crate::text;

/// The width of a letter in the typeface of the picture at 13 pixels, a little generous.
const LETTER: usize = 8;
/// The height of a box.
const HEIGHT: usize = 44;
/// The room between two boxes of a column.
const APART: usize = 16;
/// The room between two columns, for the lines.
const BETWEEN: usize = 72;
/// The room around everything.
const MARGIN: usize = 16;

impl Plan {
    /// For Graphviz.
    pub fn dot(&self) -> String {
        let mut dot = String::from(
            "digraph plan {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n",
        );
        for planned in &self.tasks {
            let Planned { task, outlook, .. } = planned;
            let (fill, _) = colours(outlook);
            let label = format!("{task}\\n{}", planned.state());
            let pen = if self.critical_path.contains(task) { 3 } else { 1 };
            add(
                &mut dot,
                format_args!("  \"{task}\" [label=\"{label}\", fillcolor=\"{fill}\", penwidth={pen}];\n"),
            );
        }
        for (before, task) in self.edges() {
            let pen = if self.is_critical(before, task) { 3 } else { 1 };
            add(&mut dot, format_args!("  \"{before}\" -> \"{task}\" [penwidth={pen}];\n"));
        }
        dot.push_str("}\n");
        dot
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let letters = |column: &Vec<usize>| {
            let wide = |&task: &usize| {
                let planned = &self.tasks[task];
                text::width(planned.task.as_str()).max(text::width(&planned.state()))
            };
            column.iter().map(wide).max().unwrap_or(0)
        };
        let mut places: BTreeMap<&TaskId, (usize, usize, usize)> = BTreeMap::new();
        let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
        let mut left = MARGIN;
        for column in &columns {
            let width = letters(column) * LETTER + 24;
            // Columns are centred upon each other.
            let top = MARGIN + (tallest - column.len()) * (HEIGHT + APART) / 2;
            for (row, &task) in column.iter().enumerate() {
                places.insert(&self.tasks[task].task, (left, top + row * (HEIGHT + APART), width));
            }
            left += width + BETWEEN;
        }
        let width = (left + MARGIN).saturating_sub(BETWEEN).max(4 * MARGIN);
        let height = (2 * MARGIN + tallest * (HEIGHT + APART)).saturating_sub(APART);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"ui-monospace, monospace\" font-size=\"13\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            self.title(),
        );
        for (before, task) in self.edges() {
            let (Some(&(x, y, wide)), Some(&(to_x, to_y, _))) = (places.get(before), places.get(task)) else {
                continue;
            };
            let (x, y, to_y) = (x + wide, y + HEIGHT / 2, to_y + HEIGHT / 2);
            let bend = (to_x - x) / 2;
            let (stroke, thick) =
                if self.is_critical(before, task) { ("#1f2328", 3) } else { ("#8c959f", 1) };
            add(
                &mut svg,
                format_args!(
                    "<path d=\"M{x} {y} C{} {y} {} {to_y} {to_x} {to_y}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{thick}\"/>\n",
                    x + bend,
                    to_x - bend,
                ),
            );
        }
        for planned in &self.tasks {
            let Some(&(x, y, wide)) = places.get(&planned.task) else { continue };
            let (fill, stroke) = colours(&planned.outlook);
            let thick = if self.critical_path.contains(&planned.task) { 3 } else { 1 };
            add(
                &mut svg,
                format_args!(
                    "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"{fill}\" \
                     stroke=\"{stroke}\" stroke-width=\"{thick}\"/><text x=\"{}\" y=\"{}\" font-weight=\"600\">{}</text>\
                     <text x=\"{}\" y=\"{}\" fill=\"#57606a\">{}</text></g>\n",
                    escape(&planned.reason()),
                    x + 12,
                    y + 19,
                    escape(planned.task.as_str()),
                    x + 12,
                    y + 36,
                    escape(&planned.state()),
                ),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn title(&self) -> String {
        let run = self.tasks.iter().filter(|planned| planned.outlook.runs()).count();
        let time = text::duration(Duration::from_millis(self.estimated_ms));
        format!("{run} of {} would run, about {time}", text::count(self.tasks.len(), "task"))
    }

    /// From each task to each that waits for it.
    fn edges(&self) -> impl Iterator<Item = (&TaskId, &TaskId)> {
        self.tasks.iter().flat_map(|planned| planned.after.iter().map(|before| (before, &planned.task)))
    }

    fn is_critical(&self, before: &TaskId, task: &TaskId) -> bool {
        self.critical_path.windows(2).any(|pair| pair[0] == *before && pair[1] == *task)
    }

    /// The positions of the tasks, column by column.
    fn columns(&self) -> Vec<Vec<usize>> {
        let index: BTreeMap<&TaskId, usize> =
            self.tasks.iter().enumerate().map(|(position, planned)| (&planned.task, position)).collect();
        let mut column_of = vec![0; self.tasks.len()];
        // Tasks may stand before those that they wait for: each round settles at least one more column.
        for _ in 0..self.tasks.len() {
            let mut moved = false;
            for (position, planned) in self.tasks.iter().enumerate() {
                let before = planned.after.iter().filter_map(|id| index.get(id));
                let column = before.map(|&other| column_of[other] + 1).max().unwrap_or(0);
                moved |= column_of[position] != column;
                column_of[position] = column;
            }
            if !moved {
                break;
            }
        }
        let count = column_of.iter().max().map_or(0, |last| last + 1);
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut row_of = vec![0; self.tasks.len()];
        for (number, column) in columns.iter_mut().enumerate() {
            column.extend((0..self.tasks.len()).filter(|&task| column_of[task] == number));
            column.sort_by_key(|&task| {
                let before = self.tasks[task].after.iter().filter_map(|id| index.get(id));
                let rows: Vec<usize> = before.map(|&other| row_of[other]).collect();
                // Twice the mean, so that halves count.
                (2 * rows.iter().sum::<usize>() / rows.len().max(1), task)
            });
            for (row, &task) in column.iter().enumerate() {
                row_of[task] = row;
            }
        }
        columns
    }
}

impl Planned {
    /// What would become of it, and how long that takes.
    fn state(&self) -> String {
        let word = self.outlook.word();
        if self.outlook.runs() {
            format!("{word}, {}", text::duration(Duration::from_millis(self.estimated_ms)))
        } else {
            word.to_owned()
        }
    }
}

/// The colours of a box and of its border.
const fn colours(outlook: &Outlook) -> (&'static str, &'static str) {
    match outlook {
        Outlook::Hit { .. } => ("#dafbe1", "#1a7f37"),
        Outlook::Miss { .. } => ("#ddf4ff", "#0969da"),
        Outlook::Uncached { .. } => ("#f6f8fa", "#57606a"),
        Outlook::Unreadable { .. } => ("#ffebe9", "#cf222e"),
    }
}

fn escape(text: &str) -> String {
    let text = text::one_line(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn add(to: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _infallible = to.write_fmt(words);
}
