//! `npm audit`: known vulnerabilities of npm packages.
//!
//! Where the registry does not answer, its JSON has a `message` and no `vulnerabilities`. With `offline` in somebody's
//! `.npmrc` it asks nobody and reports none; with `omit` there, or `NODE_ENV=production`, it leaves packages out. The
//! arguments put both right.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Scanner, could_not_look, is_unreachable, json, no_answer, upgrade, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "npm-audit";

/// The scanner.
pub const SCANNER: Scanner = Scanner {
    name: NAME,
    program: "npm",
    about: "known vulnerabilities of npm packages",
    ask: &["--version"],
    known: &["9", "10", "11"],
    arguments: &[
        "audit",
        "--json",
        "--package-lock-only",
        "--offline=false",
        "--include=dev",
        "--include=optional",
        "--include=peer",
        "--audit-level=info",
        "--fetch-retries=1",
        "--fetch-timeout=30000",
        "--loglevel=error",
    ],
    census: &[],
    clean: &[0],
    found: &[1],
    unit: "package",
    feed: Some(
        "the registry's advisories, which mirrors often leave out; `npm_config_registry` names another registry",
    ),
    settings: &[],
    get: "install Node, which brings npm",
    read,
};

#[derive(Deserialize)]
#[serde(untagged)]
enum Report {
    Audit { vulnerabilities: BTreeMap<String, Vulnerable>, metadata: Metadata },
    Failure { message: String },
    Error { error: Failure },
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    summary: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct Metadata {
    dependencies: Dependencies,
}

#[derive(Deserialize)]
struct Dependencies {
    total: usize,
}

#[derive(Deserialize)]
struct Vulnerable {
    name: String,
    via: Vec<Via>,
    nodes: Vec<String>,
    #[serde(rename = "fixAvailable")]
    fix: Fix,
}

/// An advisory, or the name of a vulnerable package that it depends on, which has an entry of its own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Via {
    Advisory(Advisory),
    Package(String),
}

#[derive(Deserialize)]
struct Advisory {
    title: String,
    url: String,
    severity: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fix {
    Known(bool),
    By { name: String, version: String },
}

fn read(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let (vulnerable, metadata) = match json(answer, answer.stdout)? {
        Report::Audit { vulnerabilities, metadata } => (vulnerabilities, metadata),
        Report::Failure { message } => return Err(unanswered(&message)),
        Report::Error { error } => return Err(failed(&error)),
    };
    let mut look = Look::at(NAME, Coverage::new(metadata.dependencies.total, SCANNER.unit));
    for package in vulnerable.values() {
        for via in &package.via {
            match via {
                Via::Advisory(advisory) => {
                    look.findings
                        .extend(package.nodes.iter().map(|node| finding(package, advisory, node, paths)));
                }
                Via::Package(name) if !vulnerable.contains_key(name) => {
                    let why = format!(
                        "its report says that `{}` is vulnerable by another package, and not why",
                        words(&package.name)
                    );
                    look = look.gap(GapKind::ToolError, why, None);
                }
                Via::Package(_) => {}
            }
        }
    }
    Ok(look)
}

/// It says so in JSON also where it did not get as far as asking.
fn failed(error: &Failure) -> Gap {
    let Failure { code, summary } = error;
    if code == "ENOLOCK" {
        let hint = Some("`npm install` writes one".to_owned());
        return Gap { hint, ..could_not_look("there is no `package-lock.json`, or it is damaged") };
    }
    let said = format!("{code} {summary}");
    let kind = if is_unreachable(&said) { GapKind::Unanswered } else { GapKind::ToolError };
    Gap {
        kind,
        why: format!("nothing was compared with the registry's advisories: {}", words(&said)),
        hint: None,
    }
}

fn unanswered(message: &str) -> Gap {
    no_answer(format!(
        "nothing was compared with the registry's advisories: {}",
        words(&without_host(message))
    ))
}

/// The words with what stands between `//` and the next slash left out: it may be a company's own, with credentials.
fn without_host(message: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in message.split(' ') {
        words.push(match word.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
            Some((_, path)) => format!("/{path}"),
            None => word.to_owned(),
        });
    }
    words.join(" ")
}

fn finding(package: &Vulnerable, advisory: &Advisory, node: &str, paths: &Paths) -> Finding {
    let rule = advisory.url.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or(&advisory.title);
    // The version stands in the lock file, which the node is the key of.
    let vulnerable =
        Package { ecosystem: "npm".to_owned(), name: package.name.clone(), version: String::new() };
    let (fixed, help) = match &package.fix {
        Fix::By { name, version } if *name == package.name => {
            (vec![version.clone()], upgrade(std::slice::from_ref(version)))
        }
        Fix::By { name, version } => {
            (Vec::new(), format!("upgrade {name} to {version}, which takes one without it"))
        }
        Fix::Known(true) => (Vec::new(), "`npm audit fix` takes a version without it".to_owned()),
        Fix::Known(false) => (Vec::new(), upgrade(&[])),
    };
    let known = Weakness {
        level: Level::of_word(&advisory.severity),
        package: Some(vulnerable),
        fixed,
        link: Some(words(&advisory.url)),
        ..Weakness::default()
    };
    Finding {
        location: Some(Location::file(paths.relative(node.as_ref()))),
        help: Some(words(&help)),
        ..weakness(NAME, rule, &format!("{}: {}", package.name, advisory.title), known)
    }
}
