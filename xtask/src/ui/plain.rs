//! The log for pipes: lines, and nothing else.

use super::log::Dialect;
use super::record::Record;
use super::summary::Summary;
use crate::core::graph::TaskId;
use crate::event::{RunEnd, TaskEnd};

/// Lines without anything around them.
#[derive(Debug)]
pub struct Plain;

impl Dialect for Plain {
    fn output(&mut self, _task: &TaskId, _line: &str) {}

    fn task(&mut self, _end: &TaskEnd, line: String) -> String {
        line
    }

    fn note(&mut self, lines: String) -> String {
        lines
    }

    fn summary(&mut self, _end: &RunEnd, _record: &Record, summary: Summary) -> String {
        summary.to_string()
    }
}
