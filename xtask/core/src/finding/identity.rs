//! What a finding is known by in other runs, whatever moves around it.
//!
//! A weakness of a package is known by the package and the advisory: another version with the same weakness is the same finding,
//! so that a waiver outlives a bump that mends nothing. Any other is known by its rule, its file, and the text of its line
//! without the white space that a formatter changes, with a number where the same text has the same finding several times in the
//! file. Moving lines changes none of that; the tool and the words of its message are no part of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Finding;
use super::merge::{family, names};

/// The version of the form; it changes all fingerprints.
const FORMAT: &str = "xtask finding 1";

/// The texts of files in which something was found.
#[derive(Clone, Debug, Default)]
pub struct Sources(HashMap<PathBuf, Vec<String>>);

impl Sources {
    /// Of these texts, by path.
    pub fn new(texts: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let lines = |text: String| text.lines().map(str::to_owned).collect();
        Self(texts.into_iter().map(|(path, text)| (path, lines(text))).collect())
    }

    /// A line, which counts from 1.
    pub fn line(&self, path: &Path, line: u32) -> Option<&str> {
        let lines = self.0.get(path)?;
        lines.get(usize::try_from(line).ok()?.checked_sub(1)?).map(String::as_str)
    }
}

/// The fingerprint of each finding, in their order: 32 hexadecimal digits.
pub fn fingerprints(findings: &[Finding], sources: &Sources) -> Vec<String> {
    let known: Vec<Vec<Vec<u8>>> = findings.iter().map(|finding| parts(finding, sources)).collect();
    // The first of equal ones is the one that stands first in its file, in whatever order they were found.
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_cached_key(|&position| {
        let location = findings[position].location.as_ref();
        location.map(|location| (location.line, location.column))
    });
    let mut times: HashMap<&[Vec<u8>], u64> = HashMap::new();
    let mut fingerprints = vec![String::new(); findings.len()];
    for position in order {
        let nth = times.entry(&known[position]).or_default();
        fingerprints[position] = digest(&known[position], *nth);
        *nth += 1;
    }
    fingerprints
}

/// What a finding is known by, but for how many others are known by the same.
fn parts(finding: &Finding, sources: &Sources) -> Vec<Vec<u8>> {
    let text = |text: &str| text.as_bytes().to_vec();
    let package = finding.weakness.as_ref().and_then(|weakness| weakness.package.as_ref());
    if let Some(package) = package {
        let ecosystem = package.ecosystem.to_ascii_lowercase();
        return vec![
            text("package"),
            text(&ecosystem),
            text(&package.normal_name()),
            text(&advisory(finding)),
        ];
    }
    let is_secret = finding.weakness.as_ref().is_some_and(|weakness| weakness.secret);
    let rule = if is_secret { "secret".to_owned() } else { family(&finding.tool, &finding.rule) };
    let Some(location) = &finding.location else {
        return vec![text("nowhere"), text(&rule), text(&finding.message)];
    };
    let path = location.path.as_os_str().as_encoded_bytes().to_vec();
    match location.line.and_then(|line| sources.line(&location.path, line)) {
        Some(line) => vec![text("line"), text(&rule), path, text(&normal(line))],
        None => vec![text("file"), text(&rule), path, text(&finding.message)],
    }
}

/// The name by which all tools know an advisory: that of CVE, else of GitHub, else the first of all.
fn advisory(finding: &Finding) -> String {
    let names = names(finding);
    let of = |prefix: &str| names.iter().find(|name| name.starts_with(prefix));
    of("CVE-").or_else(|| of("GHSA-")).or_else(|| names.first()).cloned().unwrap_or_default()
}

/// A line without what a formatter changes.
fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each part with its length in front, so that no two lists of parts are the same bytes.
fn digest(parts: &[Vec<u8>], nth: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(FORMAT.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(&nth.to_le_bytes());
    let mut digits = hasher.finalize().to_hex().to_string();
    digits.truncate(32);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::weakness::{Package, Weakness};
    use crate::finding::{Location, merge::merge};

    fn at(rule: &str, line: u32, column: u32) -> Finding {
        let location = Location::at("a.py", Some(line), Some(column));
        Finding { rule: rule.into(), location: Some(location), ..Finding::error("ruff", "m") }
    }

    fn sources(text: &str) -> Sources {
        Sources::new([(PathBuf::from("a.py"), text.to_owned())])
    }

    #[test]
    fn lines_that_move_and_are_formatted_are_the_same() {
        let before = fingerprints(&[at("S1", 1, 1)], &sources("x  = 1\n"));
        let now = fingerprints(&[at("S1", 3, 5)], &sources("import os\n\n    x = 1  \n"));
        assert_eq!(before, now);
        assert_eq!(before[0].len(), 32);
        for (other, text) in [(at("S2", 1, 1), "x = 1"), (at("S1", 1, 1), "x = 2")] {
            assert_ne!(before, fingerprints(&[other], &sources(text)), "{text}");
        }
        let mut elsewhere = at("S1", 1, 1);
        elsewhere.location = Some(Location::at("b.py", Some(1), None));
        let text = Sources::new([(PathBuf::from("b.py"), "x = 1".to_owned())]);
        assert_ne!(before, fingerprints(&[elsewhere], &text));
    }

    #[test]
    fn equal_lines_are_told_apart_in_whatever_order_they_are_found() {
        let text = sources("x = 1\ny = 2\nx = 1\n");
        let both = fingerprints(&[at("S1", 1, 1), at("S1", 3, 1)], &text);
        assert_ne!(both[0], both[1]);
        let turned = fingerprints(&[at("S1", 3, 1), at("S1", 1, 1)], &text);
        assert_eq!([&both[0], &both[1]], [&turned[1], &turned[0]]);
    }

    #[test]
    fn a_package_is_known_by_its_advisory_whoever_names_it() {
        let advisory = |tool: &str, rule: &str, aliases: &[&str], version: &str| {
            let package = Package { ecosystem: "pypi".into(), name: "A.B".into(), version: version.into() };
            let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
            let weakness = Weakness { package: Some(package), aliases, ..Weakness::default() };
            Finding { rule: rule.into(), weakness: Some(Box::new(weakness)), ..Finding::error(tool, "m") }
        };
        let known = |finding: Finding| fingerprints(&[finding], &Sources::default()).remove(0);
        let first = known(advisory("pip-audit", "PYSEC-1", &["CVE-1"], "1.0"));
        assert_eq!(first, known(advisory("trivy", "CVE-1", &[], "1.1")));
        assert_ne!(first, known(advisory("trivy", "CVE-2", &[], "1.0")));
        let merged = merge(vec![
            advisory("trivy", "CVE-1", &[], "1.0"),
            advisory("pip-audit", "PYSEC-1", &["CVE-1"], "1.0"),
        ]);
        assert_eq!((merged.len(), known(merged[0].finding.clone())), (1, first));
    }

    #[test]
    fn any_place_has_a_fingerprint() {
        let mut findings = vec![Finding::error("t", "m"), at("R", 0, 0), at("R", u32::MAX, 1)];
        findings.push(Finding { location: Some(Location::file("a\n:b.py")), ..Finding::error("t", "m") });
        let all = fingerprints(&findings, &sources("\u{1b}[31m\r\n"));
        assert!(all.iter().all(|digits| digits.len() == 32));
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
