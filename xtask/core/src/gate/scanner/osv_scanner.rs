//! osv-scanner: known vulnerabilities in lock files.
//!
//! It ends with 1 where it found something, 128 where it found no package, and 127 where it failed, be it only in part: a lock
//! file that it cannot read, or a database that is not there, it names among its messages, and lists the packages all the same.

use serde::Deserialize;

use super::{Scanner, TARGET, could_not_look, first_sentence, json, upgrade, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "osv-scanner";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities in lock files of every kind",
    ask: &["--version"],
    known: &["2"],
    arguments: &["scan", "source", "--recursive", "--all-packages", "--format", "json", TARGET],
    census: &[],
    clean: &[0],
    found: &[1, FAILED],
    unit: "package",
    feed: Some("the advisories of osv.dev"),
    settings: &[],
    get: "https://google.github.io/osv-scanner",
    read,
};

/// The variable that names the folder with databases of its own, with which it asks no service.
pub const DATABASES: &str = "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY";

/// The argument with which it asks no service.
pub const OFFLINE: &str = "--offline";

/// The exit code where something went wrong.
const FAILED: i32 = 127;

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
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Whose>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Whose {
    name: String,
}

#[derive(Deserialize)]
struct Range {
    /// `ECOSYSTEM`, `SEMVER`, or `GIT`, whose events are commits.
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    fixed: Option<String>,
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
    Ok(if answer.code == Some(FAILED) { incomplete(look, answer) } else { look })
}

/// What it says of a failure: of what it could not look at, or that it is broken.
fn incomplete(mut look: Look, answer: &Answer<'_>) -> Look {
    for line in answer.stderr.lines() {
        if let Some(why) = line.strip_prefix("could not load db for ") {
            // Its packages are listed, and were compared with nothing.
            look.coverage.examined = 0;
            look = look.gap(GapKind::CouldNotLook, format!("nothing was compared: {}", words(why)), None);
            look = look.hint(format!("its databases lie in the folder that `{DATABASES}` names"));
        } else if let Some(why) = line.strip_prefix("Error during extraction: ") {
            let why = format!("a lock file was not looked at: {}", words(why));
            look = look.gap(GapKind::CouldNotLook, why, None);
        }
    }
    if look.gaps.is_empty() {
        let why = format!("what it found may not be all{}", super::said(answer));
        return look.gap(GapKind::ToolError, why, None);
    }
    look
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
    let is_of_it = |one: &&Affected| one.package.as_ref().is_some_and(|package| package.name == *name);
    let ranges = found.affected.iter().filter(is_of_it).flat_map(|one| &one.ranges);
    let events = ranges.filter(|range| range.kind != "GIT").flat_map(|range| &range.events);
    let fixed: Vec<String> = events.filter_map(|event| event.fixed.clone()).collect();
    let help = Some(upgrade(&fixed));
    let known = Weakness {
        level: score.map_or(Level::Unknown, Level::of_score),
        package: Some(package),
        aliases: found.aliases.iter().cloned().collect(),
        fixed,
        link: Some(format!("https://osv.dev/vulnerability/{}", words(&found.id))),
        ..Weakness::default()
    };
    Finding {
        location: Some(Location::file(paths.relative(path.as_ref()))),
        help,
        ..weakness(NAME, &found.id, &message, known)
    }
}
