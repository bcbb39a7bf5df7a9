//! cargo-audit: advisories about the crates of `Cargo.lock`, from the database that was fetched last.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    Scanner, could_not_look, first_sentence, is_unreachable, json, no_answer, upgrade, weakness, words,
};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, Look};

const NAME: &str = "cargo-audit";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "advisories about the crates of `Cargo.lock`",
    ask: &["--version"],
    known: &["0.21", "0.22"],
    arguments: &["audit", "--json", "--color", "never"],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "crate",
    feed: Some("the advisory database of RustSec on GitHub"),
    settings: &[],
    get: "`cargo install cargo-audit`",
    read,
};

#[derive(Deserialize)]
struct Report {
    database: Database,
    lockfile: Lockfile,
    vulnerabilities: Vulnerabilities,
    #[serde(default)]
    warnings: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Database {
    advisory_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lockfile {
    dependency_count: usize,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    list: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// A yanked crate has none.
    advisory: Option<Advisory>,
    package: Crate,
    versions: Option<Versions>,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    title: String,
    #[serde(default)]
    aliases: Vec<String>,
    cvss: Option<String>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report: Report = match json(answer, answer.stdout) {
        Ok(report) => report,
        Err(_) if answer.stderr.contains("advisory database") || is_unreachable(answer.stderr) => {
            return Err(no_answer(format!("there is no advisory database{}", super::said(answer))));
        }
        Err(gap) => return Err(gap),
    };
    if report.database.advisory_count == 0 {
        return Err(could_not_look("its advisory database is empty"));
    }
    let findings = report.vulnerabilities.list.iter().map(|entry| (None, entry));
    let warnings = report
        .warnings
        .iter()
        .flat_map(|(kind, list)| list.iter().map(move |entry| (Some(kind.as_str()), entry)));
    let found = findings.chain(warnings).map(|(kind, entry)| finding(kind, entry, paths));
    Ok(Look::at(NAME, Coverage::new(report.lockfile.dependency_count, SCANNER.unit)).found(found))
}

fn finding(kind: Option<&str>, entry: &Entry, paths: &Paths) -> Finding {
    let Entry { advisory, package, versions } = entry;
    let package = Package {
        ecosystem: "cargo".to_owned(),
        name: package.name.clone(),
        version: package.version.clone(),
    };
    let fixed = versions.as_ref().map(|versions| versions.patched.clone()).unwrap_or_default();
    let title = advisory.as_ref().map(|advisory| first_sentence(&advisory.title));
    let message = format!("{package}: {}", title.as_deref().or(kind).unwrap_or("vulnerable"));
    let rule = advisory.as_ref().map_or_else(|| kind.unwrap_or_default(), |advisory| &advisory.id);
    let level = match (kind, advisory.as_ref().and_then(|advisory| advisory.cvss.as_deref())) {
        (Some("unsound"), _) => Level::Medium,
        (Some(_), _) => Level::Low,
        (None, Some(vector)) => super::cvss::level(vector),
        (None, None) => Level::Unknown,
    };
    let known = Weakness {
        level,
        package: Some(package),
        aliases: advisory.iter().flat_map(|advisory| advisory.aliases.iter().cloned()).collect(),
        link: advisory
            .as_ref()
            .map(|advisory| format!("https://rustsec.org/advisories/{}", words(&advisory.id))),
        fixed: fixed.clone(),
        ..Weakness::default()
    };
    Finding {
        location: Some(Location::file(paths.relative("Cargo.lock".as_ref()))),
        help: Some(upgrade(&fixed)),
        ..weakness(NAME, rule, &message, known)
    }
}
