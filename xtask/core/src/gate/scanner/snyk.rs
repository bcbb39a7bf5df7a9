//! Snyk: known vulnerabilities, compared by its service. By its documentation: no report of it was seen yet.
//!
//! It ends with 1 where it found something, 2 where it failed, 3 where it found no project.

use serde::Deserialize;

use super::{Scanner, could_not_look, first_sentence, json, upgrade, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "snyk";

/// The variable without which it does nothing.
pub const TOKEN: &str = "SNYK_TOKEN";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities, compared by Snyk's service; where `SNYK_TOKEN` is set",
    ask: &["--version"],
    known: &[],
    arguments: &["test", "--json"],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "package",
    feed: Some("Snyk's service, and a token that it takes"),
    settings: &[],
    get: "`npm install --global snyk`",
    read,
};

#[derive(Deserialize)]
#[serde(untagged)]
enum Report {
    Project(Project),
    Projects(Vec<Project>),
    Failure { error: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    vulnerabilities: Vec<Entry>,
    dependency_count: usize,
    package_manager: Option<String>,
    display_target_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    title: String,
    severity: String,
    package_name: String,
    version: String,
    #[serde(default)]
    fixed_in: Vec<String>,
    #[serde(default)]
    identifiers: Identifiers,
}

#[derive(Default, Deserialize)]
struct Identifiers {
    #[serde(default, rename = "CVE")]
    cve: Vec<String>,
    #[serde(default, rename = "GHSA")]
    ghsa: Vec<String>,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let projects = match json(answer, answer.stdout)? {
        Report::Project(project) => vec![project],
        Report::Projects(projects) => projects,
        Report::Failure { error } => {
            return Err(could_not_look(format!("nothing was compared: {}", words(&error))));
        }
    };
    let examined = projects.iter().map(|project| project.dependency_count).sum();
    let found = projects
        .iter()
        .flat_map(|project| project.vulnerabilities.iter().map(|entry| finding(project, entry, paths)));
    Ok(Look::at(NAME, Coverage::new(examined, SCANNER.unit)).found(found))
}

fn finding(project: &Project, entry: &Entry, paths: &Paths) -> Finding {
    let ecosystem = match project.package_manager.as_deref() {
        Some("pip" | "poetry") => "pypi",
        Some("npm" | "yarn") => "npm",
        other => other.unwrap_or_default(),
    };
    let package = Package {
        ecosystem: ecosystem.to_owned(),
        name: entry.package_name.clone(),
        version: entry.version.clone(),
    };
    let message = format!("{package}: {}", first_sentence(&entry.title));
    let known = Weakness {
        level: Level::of_word(&entry.severity),
        package: Some(package),
        aliases: entry.identifiers.cve.iter().chain(&entry.identifiers.ghsa).cloned().collect(),
        fixed: entry.fixed_in.clone(),
        link: Some(format!("https://security.snyk.io/vuln/{}", words(&entry.id))),
        ..Weakness::default()
    };
    let file = project.display_target_file.as_deref().unwrap_or_default();
    Finding {
        location: Some(Location::file(paths.relative(file.as_ref()))),
        help: Some(upgrade(&entry.fixed_in)),
        ..weakness(NAME, &entry.id, &message, known)
    }
}
