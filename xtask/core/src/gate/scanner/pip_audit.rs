//! pip-audit: known vulnerabilities of pinned Python packages.
//!
//! Without its feed it says "No known vulnerabilities found" and ends with 0: every package then has a `skip_reason`. It is
//! called without `--strict`, which would stop at the first such package and hide what was found in all the others.

use serde::Deserialize;

use super::{Scanner, TARGET, first_sentence, json, upgrade, weakness};
use crate::finding::weakness::Package;
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};
use crate::text;

const NAME: &str = "pip-audit";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities of pinned Python packages",
    ask: &["--version"],
    known: &["2.9", "2.10"],
    arguments: &[
        "--requirement",
        TARGET,
        "--disable-pip",
        "--no-deps",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--desc",
        "on",
        "--aliases",
        "on",
    ],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "package",
    feed: Some(
        "the advisories of PyPI, or those that `PIP_AUDIT_VULNERABILITY_SERVICE` and `PIP_AUDIT_OSV_URL` name",
    ),
    settings: &[],
    get: "add `pip-audit` to the tools of xtask.toml",
    read,
};

#[derive(Deserialize)]
struct Report {
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    version: Option<String>,
    vulns: Option<Vec<Vulnerability>>,
    skip_reason: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    fix_versions: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    description: String,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = json(answer, answer.stdout)?;
    let examined = report.dependencies.iter().filter(|dependency| dependency.vulns.is_some()).count();
    let mut look = Look::at(NAME, Coverage::new(examined, SCANNER.unit));
    for dependency in &report.dependencies {
        for vulnerability in dependency.vulns.iter().flatten() {
            look.findings.push(finding(dependency, vulnerability, paths));
        }
    }
    let skipped: Vec<&Dependency> =
        report.dependencies.iter().filter(|dependency| dependency.vulns.is_none()).collect();
    let Some(first) = skipped.first() else { return Ok(look) };
    let reason = first.skip_reason.as_deref().unwrap_or("no reason was given");
    let count = text::count(skipped.len(), SCANNER.unit);
    let why = format!("{count} of {} not compared: {}", report.dependencies.len(), super::words(reason));
    Ok(look
        .gap(GapKind::Unanswered, why, None)
        .hint(format!("it needs {}", SCANNER.feed.unwrap_or_default())))
}

fn finding(dependency: &Dependency, vulnerability: &Vulnerability, paths: &Paths) -> Finding {
    let package = Package {
        ecosystem: "pypi".to_owned(),
        name: dependency.name.clone(),
        version: dependency.version.clone().unwrap_or_default(),
    };
    let about = first_sentence(&vulnerability.description);
    let message = if about.is_empty() {
        format!("{package} has a known vulnerability")
    } else {
        format!("{package}: {about}")
    };
    let known = Weakness {
        package: Some(package),
        aliases: vulnerability.aliases.iter().cloned().collect(),
        fixed: vulnerability.fix_versions.clone(),
        link: Some(format!("https://osv.dev/vulnerability/{}", vulnerability.id)),
        ..Weakness::default()
    };
    Finding {
        location: Some(Location::file(paths.relative("".as_ref()))),
        help: Some(upgrade(&vulnerability.fix_versions)),
        ..weakness(NAME, &vulnerability.id, &message, known)
    }
}
