//! Failed test cases as findings.

use super::{Finding, Location};
use crate::core::report::{TestCase, TestOutcome, TestReport};

/// A finding for each failed case of `report`, found by `tool`.
pub fn failed(tool: &str, report: &TestReport) -> Vec<Finding> {
    let finding = |case: &TestCase| {
        let TestOutcome::Failed { message, .. } = &case.outcome else { return None };
        let message = match message.as_str() {
            "" => format!("`{}` failed", case.name),
            message => format!("`{}` failed: {message}", case.name),
        };
        let location = case.path.clone().map(|path| Location { path, line: case.line, column: None });
        Some(Finding { location, ..Finding::error(tool, message) })
    };
    report.cases.iter().filter_map(finding).collect()
}
