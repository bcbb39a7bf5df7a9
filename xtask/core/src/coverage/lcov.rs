//! LCOV, the form that all tools can write: coverage.py, istanbul and c8 behind vitest, `llvm-cov export`.
//!
//! geninfo(1), "TRACEFILE FORMAT": `SF:path`, then `DA:line,count[,checksum]` and `BRDA:line,[e]block,branch,taken`, then
//! `end_of_record`. What else there is (functions, sums, names of tests) says nothing that these do not.

use std::fmt::Write as _;
use std::path::Path;

use super::{Branch, FileTrace, Trace};
use crate::finding::Paths;

/// Why a text is no tracefile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LcovError {
    /// A line is not what it should be.
    #[error("line {line} is none of a tracefile: {what}")]
    Line {
        /// Which one, from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It does not end with the end of a record: whoever wrote it did not come to its end.
    #[error("its last record does not end")]
    Cut,
    /// It is of no file.
    #[error("it is of no file at all")]
    Empty,
}

impl Trace {
    /// Reads a tracefile; `paths` says where its paths lie. Files outside of the repository are left out. What is there of one file
    /// more than once is added up.
    ///
    /// # Errors
    ///
    /// Where a line with a count is not as it should be, where the text is cut off, and where it is of no file: that nothing ran
    /// would be another result.
    pub fn read(text: &str, paths: &Paths) -> Result<Self, LcovError> {
        let mut trace = Self::default();
        let mut open: Option<(String, FileTrace)> = None;
        let mut is_empty = true;
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |what| LcovError::Line { line: number, what };
            let line = line.trim_end();
            if line == "end_of_record" {
                let (path, file) = open.take().ok_or(wrong("a record ends that has not begun"))?;
                is_empty = false;
                let path = paths.relative(Path::new(&path));
                if path.is_relative() {
                    trace.merge(Self { files: [(path, file)].into() });
                }
            } else if let Some(path) = line.strip_prefix("SF:") {
                if open.is_some() {
                    return Err(wrong("a record begins in another one"));
                }
                open = Some((path.to_owned(), FileTrace::default()));
            } else if let Some(words) = line.strip_prefix("DA:") {
                let (_, file) = open.as_mut().ok_or(wrong("it is of no file"))?;
                let (line, count) = words.split_once(',').ok_or(wrong("it has no count"))?;
                let count = count.split(',').next().and_then(|count| count.parse().ok());
                let sum = file.lines.entry(number_of(line).ok_or(wrong("it is of no line"))?).or_default();
                *sum = sum.saturating_add(count.ok_or(wrong("its count is no number"))?);
            } else if let Some(words) = line.strip_prefix("BRDA:") {
                let (_, file) = open.as_mut().ok_or(wrong("it is of no file"))?;
                let (branch, count) =
                    branch(words).ok_or(wrong("a branch has a line, a block, a way and a count"))?;
                let sum = file.branches.entry(branch).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        match open {
            Some(_) => Err(LcovError::Cut),
            None if is_empty => Err(LcovError::Empty),
            None => Ok(trace),
        }
    }

    /// The same as a tracefile, with paths relative to the repository.
    pub fn lcov(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            // Writing into a String cannot fail.
            let _infallible = write_record(&mut text, path, file);
        }
        text
    }
}

fn write_record(text: &mut String, path: &Path, file: &FileTrace) -> std::fmt::Result {
    writeln!(text, "SF:{}", path.display())?;
    for (branch, count) in &file.branches {
        // A dash says that the line did not run (geninfo(1)).
        let ran = file.lines.get(&branch.line).is_none_or(|&count| count > 0);
        let taken = if *count > 0 || ran { count.to_string() } else { "-".to_owned() };
        writeln!(text, "BRDA:{},{},{},{taken}", branch.line, branch.block, branch.way)?;
    }
    let sum = file.sum(path);
    if sum.branches.total > 0 {
        writeln!(text, "BRF:{}\nBRH:{}", sum.branches.total, sum.branches.covered)?;
    }
    for (line, count) in &file.lines {
        writeln!(text, "DA:{line},{count}")?;
    }
    writeln!(text, "LF:{}\nLH:{}\nend_of_record", sum.lines.total, sum.lines.covered)
}

/// The branch that `line,block,way,taken` is of, and how often it was taken. A way in words may hold a comma.
fn branch(words: &str) -> Option<(Branch, u64)> {
    let (rest, taken) = words.rsplit_once(',')?;
    let (line, rest) = rest.split_once(',')?;
    let (block, way) = rest.split_once(',')?;
    let count = if taken == "-" { 0 } else { taken.parse().ok()? };
    Some((Branch { line: number_of(line)?, block: block.to_owned(), way: way.to_owned() }, count))
}

fn number_of(line: &str) -> Option<u32> {
    line.parse().ok().filter(|&line| line > 0)
}
