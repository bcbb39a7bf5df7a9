//! Graphs as pictures: DOT for Graphviz, and SVG that needs nothing.
//!
//! The SVG is a layered graph. A box stands one column to the right of the last one that leads to it; within a column boxes are
//! ordered by where those stand that lead to them, so that few lines cross. Lines that close a circle decide nothing about
//! columns.

use std::fmt::Write as _;

use crate::page::escape;
use crate::{cycle, text};

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

/// A graph with what is to be seen of it.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// What it is called in DOT.
    pub name: &'static str,
    /// What it shows, in a line.
    pub title: String,
    /// The boxes.
    pub boxes: Vec<Box>,
    /// From which box to which, by position, and whether the line is thick.
    pub lines: Vec<(usize, usize, bool)>,
}

/// A box; with its second line empty, the first stands in the middle.
#[derive(Clone, Debug, Default)]
pub struct Box {
    /// What it is called in DOT; unique.
    pub id: String,
    /// Its first line.
    pub label: String,
    /// Its second line.
    pub detail: String,
    /// What is shown to whoever points at it.
    pub tip: String,
    /// The colours of the box and of its border.
    pub colours: (&'static str, &'static str),
    /// Whether its border is thick.
    pub is_thick: bool,
}

impl Drawing {
    /// For Graphviz.
    pub fn dot(&self) -> String {
        let mut dot = format!(
            "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n",
            self.name
        );
        for one in &self.boxes {
            let (id, (fill, _)) = (quoted(&one.id), one.colours);
            let label = format!("{}\\n{}", quoted(&one.label), quoted(&one.detail));
            let pen = if one.is_thick { 3 } else { 1 };
            add(
                &mut dot,
                format_args!("  \"{id}\" [label=\"{label}\", fillcolor=\"{fill}\", penwidth={pen}];\n"),
            );
        }
        for &(from, to, is_thick) in &self.lines {
            let (Some(from), Some(to)) = (self.boxes.get(from), self.boxes.get(to)) else { continue };
            let (from, to, pen) = (quoted(&from.id), quoted(&to.id), if is_thick { 3 } else { 1 });
            add(&mut dot, format_args!("  \"{from}\" -> \"{to}\" [penwidth={pen}];\n"));
        }
        dot.push_str("}\n");
        dot
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let letters = |column: &Vec<usize>| {
            let wide =
                |&one: &usize| text::width(&self.boxes[one].label).max(text::width(&self.boxes[one].detail));
            column.iter().map(wide).max().unwrap_or(0)
        };
        let mut places = vec![(0, 0, 0); self.boxes.len()];
        let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
        let mut left = MARGIN;
        for column in &columns {
            let width = letters(column) * LETTER + 24;
            // Columns are centred upon each other.
            let top = MARGIN + (tallest - column.len()) * (HEIGHT + APART) / 2;
            for (row, &one) in column.iter().enumerate() {
                places[one] = (left, top + row * (HEIGHT + APART), width);
            }
            left += width + BETWEEN;
        }
        let width = (left + MARGIN).saturating_sub(BETWEEN).max(4 * MARGIN);
        let height = (2 * MARGIN + tallest * (HEIGHT + APART)).saturating_sub(APART);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"ui-monospace, monospace\" font-size=\"13\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            escape(&self.title),
        );
        for &(from, to, is_thick) in &self.lines {
            let (Some(&(x, y, wide)), Some(&(to_x, to_y, _))) = (places.get(from), places.get(to)) else {
                continue;
            };
            let (x, y, to_y) = (x + wide, y + HEIGHT / 2, to_y + HEIGHT / 2);
            // A line back, of a circle, swings out at both ends.
            let bend = to_x.saturating_sub(x).max(BETWEEN / 2) / if to_x > x { 2 } else { 1 };
            let (stroke, thick) = if is_thick { ("#1f2328", 3) } else { ("#8c959f", 1) };
            add(
                &mut svg,
                format_args!(
                    "<path d=\"M{x} {y} C{} {y} {} {to_y} {to_x} {to_y}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{thick}\"/>\n",
                    x + bend,
                    to_x.saturating_sub(bend),
                ),
            );
        }
        for (one, &(x, y, wide)) in self.boxes.iter().zip(&places) {
            let (fill, stroke) = one.colours;
            let thick = if one.is_thick { 3 } else { 1 };
            // A label alone stands in the middle.
            let first = y + if one.detail.is_empty() { 27 } else { 19 };
            add(
                &mut svg,
                format_args!(
                    "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"{fill}\" \
                     stroke=\"{stroke}\" stroke-width=\"{thick}\"/><text x=\"{}\" y=\"{}\" font-weight=\"600\">{}</text>\
                     <text x=\"{}\" y=\"{}\" fill=\"#57606a\">{}</text></g>\n",
                    escape(&one.tip),
                    x + 12,
                    first,
                    escape(&one.label),
                    x + 12,
                    y + 36,
                    escape(&one.detail),
                ),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The positions of the boxes, column by column.
    fn columns(&self) -> Vec<Vec<usize>> {
        let before = self.before();
        let mut column_of = vec![0; self.boxes.len()];
        // Boxes may stand in front of those that lead to them: each round settles at least one more column.
        for _ in 0..self.boxes.len() {
            let mut moved = false;
            for position in 0..self.boxes.len() {
                let column = before[position].iter().map(|&other| column_of[other] + 1).max().unwrap_or(0);
                moved |= column_of[position] != column;
                column_of[position] = column;
            }
            if !moved {
                break;
            }
        }
        let count = column_of.iter().max().map_or(0, |last| last + 1);
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut row_of = vec![0; self.boxes.len()];
        for (number, column) in columns.iter_mut().enumerate() {
            column.extend((0..self.boxes.len()).filter(|&one| column_of[one] == number));
            column.sort_by_key(|&one| {
                let rows: Vec<usize> = before[one].iter().map(|&other| row_of[other]).collect();
                // Twice the mean, so that halves count.
                (2 * rows.iter().sum::<usize>() / rows.len().max(1), one)
            });
            for (row, &one) in column.iter().enumerate() {
                row_of[one] = row;
            }
        }
        columns
    }

    /// For each box those that lead to it, lines within a circle left out.
    fn before(&self) -> Vec<Vec<usize>> {
        let count = self.boxes.len();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
        let inside = |&&(from, to, _): &&(usize, usize, bool)| from < count && to < count;
        for &(from, to, _) in self.lines.iter().filter(inside) {
            after[from].push(to);
        }
        let mut circle_of = vec![None; count];
        for (number, circle) in cycle::circles(&after).into_iter().enumerate() {
            for one in circle {
                circle_of[one] = Some(number);
            }
        }
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
        for &(from, to, _) in self.lines.iter().filter(inside) {
            if circle_of[from].is_none() || circle_of[from] != circle_of[to] {
                before[to].push(from);
            }
        }
        before
    }
}

/// Text within the quotes of DOT.
fn quoted(text: &str) -> String {
    text::one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

fn add(to: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _infallible = to.write_fmt(words);
}
