//! OWASP dependency-check: known vulnerabilities, compared with its copy of the NVD. By its documentation: no report of it was
//! seen yet.

use serde::Deserialize;

use super::{REPORT, Scanner, TARGET, could_not_look, first_sentence, json, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "dependency-check";

/// The scanner. Its own exit code says that something is wrong: what it finds is read from its report.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities, compared with the NVD; where `dependency-check` is on `PATH`",
    ask: &["--version"],
    known: &[],
    arguments: &["--scan", TARGET, "--format", "JSON", "--out", REPORT, "--prettyPrint"],
    census: &[],
    clean: &[0],
    found: &[],
    unit: "file",
    feed: Some("the NVD, of which it keeps a copy"),
    settings: &[],
    get: "https://owasp.org/www-project-dependency-check",
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    scan_info: ScanInfo,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScanInfo {
    #[serde(default)]
    data_source: Vec<serde_json::Value>,
    #[serde(default)]
    analysis_exceptions: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    file_path: String,
    #[serde(default)]
    packages: Vec<Identified>,
    #[serde(default)]
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
struct Identified {
    /// A package URL: `pkg:npm/left-pad@1.3.0`.
    id: String,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    description: String,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = json(answer, answer.report.unwrap_or_default())?;
    if report.scan_info.data_source.is_empty() {
        let hint = Some("`dependency-check --updateonly` fetches one".to_owned());
        return Err(Gap { hint, ..could_not_look("it has no copy of the NVD to compare with") });
    }
    let mut look = Look::at(NAME, Coverage::new(report.dependencies.len(), SCANNER.unit));
    for dependency in &report.dependencies {
        look.findings
            .extend(dependency.vulnerabilities.iter().map(|entry| finding(dependency, entry, paths)));
    }
    Ok(match report.scan_info.analysis_exceptions.len() {
        0 => look,
        count => look.gap(GapKind::ToolError, format!("{count} of its analyses failed"), None),
    })
}

fn finding(dependency: &Dependency, entry: &Entry, paths: &Paths) -> Finding {
    let package = dependency.packages.first().and_then(|package| package_of(&package.id));
    let whose = package.as_ref().map_or_else(|| dependency.file_path.clone(), ToString::to_string);
    let message = format!("{whose}: {}", first_sentence(&entry.description));
    let known = Weakness {
        level: Level::of_word(&entry.severity),
        package,
        link: Some(format!("https://nvd.nist.gov/vuln/detail/{}", words(&entry.name))),
        ..Weakness::default()
    };
    let location = Some(Location::file(paths.relative(dependency.file_path.as_ref())));
    Finding { location, ..weakness(NAME, &entry.name, &message, known) }
}

fn package_of(url: &str) -> Option<Package> {
    let (kind, rest) = url.strip_prefix("pkg:")?.split_once('/')?;
    let (name, version) = rest.rsplit_once('@')?;
    Some(Package { ecosystem: kind.to_owned(), name: name.replace("%40", "@"), version: version.to_owned() })
}
