//! The figures of a benchmark as a table: a row for each case, a column for each side.

use super::{Figure, ratios};
use crate::markdown::escape;

/// The figures as a table of Markdown. What a peer came to stands with how many times better ours is.
pub fn markdown(figures: &[Figure]) -> String {
    let (mut cases, mut sides): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for figure in figures {
        if !cases.contains(&figure.case.as_str()) {
            cases.push(&figure.case);
        }
        if !sides.contains(&figure.side.as_str()) {
            sides.push(&figure.side);
        }
    }
    let ratios = ratios(figures);
    let cell = |case: &str, side: &str| {
        let found = figures.iter().zip(&ratios).find(|(one, _)| one.case == case && one.side == side);
        match found {
            // Nobody has asked that side.
            None => String::new(),
            Some((figure, None)) => figure.words(),
            Some((figure, Some(ratio))) => format!("{}, {ratio:.2} ×", figure.words()),
        }
    };
    let mut table = row(std::iter::once("case".to_owned()).chain(sides.iter().map(|side| escape(side))));
    table.push_str(&"|---".repeat(sides.len() + 1));
    table.push_str("|\n");
    for case in cases {
        let cells = sides.iter().map(|side| cell(case, side));
        table.push_str(&row(std::iter::once(escape(case)).chain(cells)));
    }
    table
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}
