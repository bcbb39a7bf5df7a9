//! osv-scanner: known vulnerabilities in lock files. By its documentation: no report of it was seen yet.
//!
//! It ends with 1 where it found something, 127 where it failed, 128 where it found no package.

use serde::Deserialize;

use super::{Scanner, TARGET, could_not_look, first_sentence, json, weakness};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "osv-scanner";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities in lock files of every kind",
    ask: &["--version"],
    known: &[],
    arguments: &["scan", "source", "--recursive", "--all-packages", "--format", "json", TARGET],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "package",
    feed: Some("the advisories of osv.dev"),
    get: "https://google.github.io/osv-scanner",
    read,
};

/// The exit code where no package was found.
const NO_PACKAGE: i32 = 128;

#[derive(Deserialize)]
struct Report {
    results: Vec<LockFile>,
}

#[derive(Deserialize)]
struct LockFile {
    source: Source,
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Source {
    path: String,
}

#[derive(Deserialize)]
struct Entry {
    package: Named,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    version: String,
    ecosystem: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: String,
}

/// Advisories that are about the same, with the score of the worst.
#[derive(Deserialize)]
struct Group {
    ids: Vec<String>,
    #[serde(default)]
    max_severity: String,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    if answer.code == Some(NO_PACKAGE) {
        return Err(could_not_look("it found no package"));
    }
    let report: Report = json(answer, answer.stdout)?;
    let examined = report.results.iter().map(|file| file.packages.len()).sum();
    let mut look = Look::at(NAME, Coverage::new(examined, SCANNER.unit));
    for file in &report.results {
        for entry in &file.packages {
            let found =
                entry.vulnerabilities.iter().map(|found| finding(&file.source.path, entry, found, paths));
            look.findings.extend(found);
        }
    }
    Ok(look)
}

fn finding(path: &str, entry: &Entry, found: &Vulnerability, paths: &Paths) -> Finding {
    let ecosystem = match entry.package.ecosystem.to_ascii_lowercase().as_str() {
        "crates.io" => "cargo".to_owned(),
        other => other.to_owned(),
    };
    let Named { name, version, .. } = &entry.package;
    let package = Package { ecosystem, name: name.clone(), version: version.clone() };
    let group = entry.groups.iter().find(|group| group.ids.contains(&found.id));
    let score = group.and_then(|group| group.max_severity.parse().ok());
    let message = format!("{package}: {}", first_sentence(&found.summary));
    let known = Weakness {
        level: score.map_or(Level::Unknown, Level::of_score),
        package: Some(package),
        aliases: found.aliases.iter().cloned().collect(),
        link: Some(format!("https://osv.dev/vulnerability/{}", super::words(&found.id))),
        ..Weakness::default()
    };
    Finding {
        location: Some(Location::file(paths.relative(path.as_ref()))),
        ..weakness(NAME, &found.id, &message, known)
    }
}
