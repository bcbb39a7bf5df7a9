//! The place in a document that benchmarks write: between two lines that say so. What stands around it is its writer's.

use std::fmt::Write as _;

use super::history::{Line, Run, day, runs};
use super::table;
use crate::markdown::escape;
use crate::text;

/// The line in front of what is written, and the one behind it. Readers do not see them: they are comments of HTML.
pub const BEGIN: &str = "<!-- begin bench -->";
/// See [`BEGIN`].
pub const END: &str = "<!-- end bench -->";

/// How much of a commit's name is shown.
const COMMIT: usize = 9;

/// A benchmark as the document shows it.
#[derive(Clone, Debug)]
pub struct Suite<'s> {
    /// Its name in `xtask.toml`.
    pub name: &'s str,
    /// What it measures, as a heading.
    pub title: &'s str,
}

/// The document with `block` between its two lines.
///
/// # Errors
///
/// What is wrong with the lines, in words, each time with the number of a line where there is one.
pub fn replaced(text: &str, block: &str) -> Result<String, String> {
    let places = |marker: &str| -> Vec<usize> {
        let lines = text.lines().enumerate();
        lines.filter(|(_, line)| line.trim() == marker).map(|(index, _)| index).collect()
    };
    let once = |marker: &str| match places(marker)[..] {
        [] => Err(format!("it has no line `{marker}`")),
        [place] => Ok(place),
        [_, again, ..] => Err(format!("line {} is a second `{marker}`", again + 1)),
    };
    let (begin, end) = (once(BEGIN)?, once(END)?);
    if end < begin {
        return Err(format!("`{END}` stands in line {}, before `{BEGIN}` in line {}", end + 1, begin + 1));
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (before, after) = (lines[..=begin].concat(), lines[end..].concat());
    Ok(format!("{before}\n{}\n\n{after}", block.trim()))
}

/// What stands between the lines: the picture, and for each benchmark that was ever measured its last figures.
///
/// `picture` leads from the document to the picture.
pub fn block(suites: &[Suite<'_>], lines: &[Line], picture: &str) -> String {
    let mut block =
        format!("![How many times better than its peers, case by case, in each run]({picture})\n");
    for suite in suites {
        if let Some(run) = runs(lines, suite.name).last() {
            section(&mut block, suite, run);
        }
    }
    block
}

fn section(block: &mut String, suite: &Suite<'_>, run: &Run) {
    let origin = &run.origin;
    let commit =
        origin.commit.as_deref().map_or("no commit", |commit| commit.get(..COMMIT).unwrap_or(commit));
    let state = if origin.modified { ", with changes" } else { "" };
    let machine = &origin.machine;
    // Writing into a String cannot fail.
    let _infallible = write!(
        block,
        "\n### {}\n\n`cargo xtask bench {}`, {} at {commit}{state}, {} of {}, {}.\n\n{}",
        escape(suite.title),
        suite.name,
        day(origin),
        text::count(usize::try_from(machine.cores).unwrap_or(usize::MAX), "core"),
        escape(&machine.processor),
        escape(&machine.system),
        table::markdown(&run.figures)
    );
}
