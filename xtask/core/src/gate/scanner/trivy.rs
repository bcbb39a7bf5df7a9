//! trivy: known vulnerabilities in lock files and images, and mistakes in Dockerfiles, manifests and Terraform.
//!
//! It ends with 1 where it fails, and with 0 also where it found something: it is told another exit code for that. Without its
//! database it cannot look for vulnerabilities; its rules about configuration are built in. A lock file that it cannot read it
//! passes over, and says so among its debug messages only.

use serde::Deserialize;

use super::{REPORT, Scanner, TARGET, first_sentence, json, of_level, upgrade, weakness, words};
use crate::finding::weakness::{Level, Package};
use crate::finding::{Finding, Location, Paths, Weakness};
use crate::gate::{Answer, Coverage, Gap, GapKind, Look};

const NAME: &str = "trivy";

/// Lock files.
pub const FILES: Scanner = Scanner {
    name: NAME,
    program: NAME,
    about: "known vulnerabilities in lock files of every kind",
    ask: &["--version"],
    known: &["0.59"],
    arguments: &[
        "fs",
        "--debug",
        "--scanners",
        "vuln",
        "--include-dev-deps",
        "--list-all-pkgs",
        "--format",
        "json",
        "--output",
        REPORT,
        "--exit-code",
        "41",
        "--no-progress",
        TARGET,
    ],
    census: &[],
    clean: &[0],
    found: &[41],
    unit: "package",
    feed: Some("its database, from a registry of images"),
    settings: &["DOCKER_CONFIG", "TRIVY_*"],
    get: "https://trivy.dev",
    read: packages,
};

/// Dockerfiles, manifests, Terraform.
pub const CONFIGURATION: Scanner = Scanner {
    about: "mistakes in Dockerfiles, manifests and Terraform",
    arguments: &[
        "config",
        "--skip-check-update",
        "--format",
        "json",
        "--output",
        REPORT,
        "--exit-code",
        "41",
        "--quiet",
        TARGET,
    ],
    unit: "file",
    feed: None,
    read: configuration,
    ..FILES
};

/// An image in a registry.
pub const IMAGE: Scanner = Scanner {
    about: "known vulnerabilities in what an image is made of",
    arguments: &[
        "image",
        "--debug",
        "--image-src",
        "remote",
        "--scanners",
        "vuln",
        "--list-all-pkgs",
        "--format",
        "json",
        "--output",
        REPORT,
        "--exit-code",
        "41",
        "--no-progress",
        TARGET,
    ],
    feed: Some("its database, from a registry of images, and the registry that has the image"),
    ..FILES
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    #[serde(rename = "SchemaVersion")]
    _schema_version: u32,
    #[serde(default)]
    results: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    target: String,
    #[serde(default, rename = "Type")]
    kind: String,
    #[serde(default)]
    packages: Vec<Listed>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
    #[serde(default)]
    misconfigurations: Vec<Misconfiguration>,
}

/// A package that it has looked at.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    #[serde(default)]
    version: String,
    /// Where it stands in a lock file, for those whose lines it knows.
    #[serde(default)]
    locations: Vec<Lines>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lines {
    start_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    severity: String,
    #[serde(default, rename = "PrimaryURL")]
    link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Misconfiguration {
    #[serde(rename = "ID")]
    id: String,
    message: String,
    #[serde(default)]
    resolution: Option<String>,
    severity: String,
    status: String,
    #[serde(default, rename = "PrimaryURL")]
    link: Option<String>,
    #[serde(default)]
    cause_metadata: Cause,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cause {
    start_line: Option<u32>,
}

/// The report. Of a failure the last line tells most: it is the innermost of what went wrong.
fn report(answer: &Answer<'_>) -> Result<Report, Gap> {
    let end = answer.stderr.split_once("\tFATAL\t").map_or(answer.stderr, |(_, end)| end);
    let innermost = end.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    json(&Answer { stderr: innermost, ..*answer }, answer.report.unwrap_or_default())
}

fn packages(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report = report(answer)?;
    let examined = report.results.iter().map(|part| part.packages.len()).sum();
    let mut look = Look::at(NAME, Coverage::new(examined, FILES.unit));
    for part in &report.results {
        look.findings.extend(part.vulnerabilities.iter().map(|found| vulnerable(part, found, paths)));
    }
    Ok(answer.stderr.lines().filter_map(passed_over).fold(look, |look, (file, why)| {
        let file = paths.relative(file.as_ref()).display().to_string();
        look.gap(GapKind::CouldNotLook, format!("`{}` was not looked at: {}", words(&file), words(why)), None)
    }))
}

/// The file that it could not read, and why: `DEBUG Walk error file_path="package-lock.json" err="parse error: …"`.
fn passed_over(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once("\tWalk error\tfile_path=\"")?;
    let (file, rest) = rest.split_once("\" err=\"")?;
    Some((file, rest.strip_suffix('"').unwrap_or(rest)))
}

fn configuration(answer: &Answer<'_>, paths: &Paths) -> Result<Look, Gap> {
    let report = report(answer)?;
    let mut look = Look::at(NAME, Coverage::new(report.results.len(), CONFIGURATION.unit));
    for part in &report.results {
        let failed = part.misconfigurations.iter().filter(|found| found.status == "FAIL");
        look.findings.extend(failed.map(|found| wrong(part, found, paths)));
    }
    Ok(look)
}

fn vulnerable(part: &Part, found: &Vulnerability, paths: &Paths) -> Finding {
    let ecosystem = match part.kind.as_str() {
        "pip" | "poetry" | "uv" | "pipenv" | "python-pkg" => "pypi",
        "npm" | "yarn" | "pnpm" | "node-pkg" => "npm",
        "debian" | "ubuntu" => "deb",
        other => other,
    };
    let package = Package {
        ecosystem: ecosystem.to_owned(),
        name: found.pkg_name.clone(),
        version: found.installed_version.clone(),
    };
    let fixed: Vec<String> = found
        .fixed_version
        .split(',')
        .map(str::trim)
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
        .collect();
    let message = format!("{package}: {}", first_sentence(&found.title));
    let help = Some(upgrade(&fixed));
    let known = Weakness {
        level: Level::of_word(&found.severity),
        package: Some(package),
        fixed,
        link: found.link.as_deref().map(words),
        ..Weakness::default()
    };
    let it =
        part.packages.iter().find(|one| one.name == found.pkg_name && one.version == found.installed_version);
    let line = it.and_then(|one| one.locations.first()).map(|lines| lines.start_line);
    let location = Some(Location::at(paths.relative(part.target.as_ref()), line, None));
    Finding { location, help, ..weakness(NAME, &found.id, &message, known) }
}

fn wrong(part: &Part, found: &Misconfiguration, paths: &Paths) -> Finding {
    let line = found.cause_metadata.start_line.filter(|&line| line > 0);
    let known =
        Weakness { link: found.link.as_deref().map(words), ..of_level(Level::of_word(&found.severity)) };
    Finding {
        location: Some(Location::at(paths.relative(part.target.as_ref()), line, None)),
        help: found.resolution.as_deref().map(words),
        ..weakness(NAME, &found.id, &found.message, known)
    }
}
