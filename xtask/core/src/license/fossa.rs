//! What `fossa test --format json` writes, where a project uses that service
//! (<https://github.com/fossas/fossa-cli/blob/master/docs/references/subcommands/test.md>).
//!
//! Written from its documentation and source: nobody has seen it run here. What it says in another form than expected is a
//! broken tool, never a clean look.

use serde_json::Value;

use crate::finding::Finding;
use crate::finding::weakness::{Level, Package, Weakness};
use crate::gate::{Answer, Coverage, Look};

/// The tool.
pub const TOOL: &str = "fossa";

/// What it has looked at: `packages` are those that were uploaded.
pub fn look(answer: &Answer<'_>, packages: usize) -> Look {
    let covered = Coverage::new(packages, "package");
    match answer.code {
        // Without issues it writes nothing.
        Some(0) if answer.stdout.trim().is_empty() => Look::at(TOOL, covered),
        Some(0 | 1) => match issues(answer.stdout) {
            Some(found) if found.is_empty() && answer.code == Some(1) => {
                Look::broken(TOOL, "package", "it failed and named no issue")
            }
            Some(found) => Look::at(TOOL, covered).found(found),
            None => Look::broken(TOOL, "package", format!("its report is none: {}", last(answer))),
        },
        _ => Look::blind(TOOL, "package", format!("{}: {}", answer.ended, last(answer)))
            .hint("run `fossa analyze` by hand"),
    }
}

/// The last line that it wrote beside its report.
fn last<'a>(answer: &Answer<'a>) -> &'a str {
    answer.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing")
}

fn issues(report: &str) -> Option<Vec<Finding>> {
    let report: Value = serde_json::from_str(report).ok()?;
    let issues = report.get("issues")?.as_array()?;
    issues.iter().map(issue).collect()
}

/// One issue. Its package stands as `pip+requests$2.0.0`.
fn issue(issue: &Value) -> Option<Finding> {
    let kind = issue.get("type")?.as_str()?;
    let revision = issue.get("revisionId")?.as_str()?;
    let license = issue.get("rule").and_then(|rule| rule.get("licenseId")?.as_str());
    let (ecosystem, rest) = revision.split_once('+').unwrap_or(("", revision));
    let (name, version) = rest.split_once('$').unwrap_or((rest, ""));
    let ecosystem = match ecosystem {
        "pip" => "pypi",
        other => other,
    };
    let what = license.map(|license| format!(": `{license}`")).unwrap_or_default();
    let package =
        Package { ecosystem: ecosystem.to_owned(), name: name.to_owned(), version: version.to_owned() };
    let message = format!("`{package}`: {}{what}", kind.replace('_', " "));
    let weakness = Weakness { level: Level::High, package: Some(package), ..Weakness::default() };
    Some(Finding {
        rule: kind.to_owned(),
        weakness: Some(Box::new(weakness)),
        ..Finding::error(TOOL, message)
    })
}
