//! One weakness that several tools found is one finding with several witnesses.
//!
//! Two findings are the same where they name the same version of a package in the same file and share a name of the advisory;
//! or where different tools point to the same line for the same rule. What is broader than that (a CWE) makes no two findings
//! one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::weakness::Package;
use super::{Finding, Weakness};

/// A finding, and which of the given ones it was made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Merged {
    /// What all of them say together. Its tool is the one that says most about the place; the others are its witnesses.
    pub finding: Finding,
    /// The positions of the given ones, in their order.
    pub from: Vec<usize>,
}

/// Makes one of those that are the same, in the order in which the first of each was given.
pub fn merge(findings: Vec<Finding>) -> Vec<Merged> {
    let mut groups = Groups((0..findings.len()).collect());
    let mut known: HashMap<Key, usize> = HashMap::new();
    // The same tool may have found the same rule several times on a line; the nth of one tool is the nth of another.
    let mut times: HashMap<(Key, &str), usize> = HashMap::new();
    let mut unplaced: Vec<(usize, Vec<Key>)> = Vec::new();
    for (position, finding) in findings.iter().enumerate() {
        let mut keys = keys(finding);
        for key in &mut keys {
            if matches!(key, Key::Line { .. }) {
                let count = times.entry((key.clone(), &finding.tool)).or_default();
                if let Key::Line { nth, .. } = key {
                    *nth = *count;
                }
                *count += 1;
            }
            groups.unite(*known.entry(key.clone()).or_insert(position), position);
        }
        if matches!(keys.first(), Some(Key::Package { path: None, .. })) {
            unplaced.push((position, keys));
        }
    }
    // A tool that names no file has seen what another one has found in one: in the first of them.
    let mut anywhere: HashMap<Key, Vec<usize>> = HashMap::new();
    for (key, &position) in &known {
        if let Some(key) = key.anywhere() {
            anywhere.entry(key).or_default().push(position);
        }
    }
    let path = |position: usize| findings[position].location.as_ref().map(|location| &location.path);
    let mut is_placed: HashSet<usize> = HashSet::new();
    for (position, keys) in unplaced {
        let places: Vec<usize> = keys.iter().filter_map(|key| anywhere.get(key)).flatten().copied().collect();
        let Some(&first) = places.iter().min() else { continue };
        if is_placed.contains(&groups.first(position)) {
            continue;
        }
        for other in places.into_iter().filter(|&other| path(other) == path(first)) {
            groups.unite(other, position);
        }
        is_placed.insert(groups.first(position));
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for position in 0..findings.len() {
        members.entry(groups.first(position)).or_default().push(position);
    }
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    let one = |from: Vec<usize>| {
        let all: Vec<Finding> = from.iter().filter_map(|&position| findings[position].take()).collect();
        unite(all).map(|finding| Merged { finding, from })
    };
    members.into_values().filter_map(one).collect()
}

/// What two findings share that are the same.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    Package { ecosystem: String, name: String, version: String, path: Option<PathBuf>, id: String },
    Line { path: PathBuf, line: u32, id: String, nth: usize },
}

impl Key {
    /// The same of a package in no file, where it is one in a file.
    fn anywhere(&self) -> Option<Self> {
        match self {
            Self::Package { path: Some(_), .. } => {
                let mut key = self.clone();
                if let Self::Package { path, .. } = &mut key {
                    *path = None;
                }
                Some(key)
            }
            Self::Package { path: None, .. } | Self::Line { .. } => None,
        }
    }
}

fn keys(finding: &Finding) -> Vec<Key> {
    let weakness = finding.weakness.as_deref();
    let ids = names(finding);
    if let Some(package) = weakness.and_then(|weakness| weakness.package.as_ref()) {
        let path = finding.location.as_ref().map(|location| location.path.clone());
        let key = |id| Key::Package {
            ecosystem: package.ecosystem.to_ascii_lowercase(),
            name: package.normal_name(),
            version: package.version.clone(),
            path: path.clone(),
            id,
        };
        return ids.into_iter().map(key).collect();
    }
    let Some(location) = &finding.location else { return Vec::new() };
    let Some(line) = location.line else { return Vec::new() };
    ids.into_iter().map(|id| Key::Line { path: location.path.clone(), line, id, nth: 0 }).collect()
}

/// The names under which others may know what was found.
pub(super) fn names(finding: &Finding) -> Vec<String> {
    let weakness = finding.weakness.as_deref();
    let is_secret = weakness.is_some_and(|weakness| weakness.secret);
    let mut names: Vec<String> = if is_secret { vec!["secret".to_owned()] } else { Vec::new() };
    names.extend((!finding.rule.is_empty()).then(|| family(&finding.tool, &finding.rule)));
    let aliases = weakness.into_iter().flat_map(|weakness| &weakness.aliases);
    let is_class = |alias: &&String| alias.to_ascii_uppercase().starts_with("CWE-");
    names.extend(aliases.filter(|alias| !is_class(alias)).map(|alias| alias.to_ascii_uppercase()));
    names.sort_unstable();
    names.dedup();
    names
}

/// What a rule is called, whoever has taken it over: ruff's `S105` is bandit's `B105`.
pub(super) fn family(tool: &str, rule: &str) -> String {
    let letter = match tool {
        "ruff" => 'S',
        "bandit" => 'B',
        _ => return rule.to_ascii_uppercase(),
    };
    match rule.strip_prefix(letter) {
        Some(number) if number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("BANDIT-{number}")
        }
        _ => rule.to_ascii_uppercase(),
    }
}

/// Which findings are one: each knows one that was before it, at last itself.
struct Groups(Vec<usize>);

impl Groups {
    fn first(&mut self, position: usize) -> usize {
        let mut first = position;
        while self.0[first] != first {
            self.0[first] = self.0[self.0[first]];
            first = self.0[first];
        }
        first
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// One finding of several that are the same.
fn unite(mut all: Vec<Finding>) -> Option<Finding> {
    // Who knows the line says more than who knows the file; of equal ones the first.
    let known = |finding: &Finding| {
        let location = finding.location.as_ref();
        (location.is_some(), location.is_some_and(|location| location.line.is_some()))
    };
    let best = (0..all.len()).rev().max_by_key(|&position| known(&all[position]))?;
    let mut first = all.remove(best);
    for other in all {
        add(&mut first, other);
    }
    Some(first)
}

fn add(first: &mut Finding, other: Finding) {
    first.severity = first.severity.max(other.severity);
    first.help = first.help.take().or(other.help);
    // A comment that one tool understands silences no other.
    first.judged = first.judged.take().filter(|_| other.judged.is_some());
    let weakness = first.weakness.get_or_insert_with(Box::default);
    if other.tool != first.tool {
        weakness.witnesses.insert(other.tool);
    }
    if !other.rule.is_empty() && other.rule != first.rule {
        weakness.aliases.insert(other.rule);
    }
    let Some(other) = other.weakness else { return };
    let Weakness { level, confidence, package, aliases, fixed, link, witnesses, secret } = *other;
    // What one has rated is rated: only where nobody has, it may be anything.
    weakness.level = weakness.level.max(level);
    weakness.confidence = weakness.confidence.max(confidence);
    weakness.package = weakness.package.take().or(package);
    weakness.aliases.extend(aliases.into_iter().filter(|alias| *alias != first.rule));
    weakness.witnesses.extend(witnesses.into_iter().filter(|tool| *tool != first.tool));
    weakness.link = weakness.link.take().or(link);
    weakness.secret |= secret;
    if weakness.fixed.is_empty() {
        weakness.fixed = fixed;
    }
}

impl Package {
    /// Whether its registry would take `name` for it.
    pub fn is_called(&self, name: &str) -> bool {
        let other = Self { name: name.to_owned(), ..self.clone() };
        other.normal_name() == self.normal_name()
    }

    /// The name as its registry compares it: for Python `Zope.Interface` is `zope-interface` (PEP 503).
    pub fn normal_name(&self) -> String {
        let name = self.name.to_ascii_lowercase();
        if !self.ecosystem.eq_ignore_ascii_case("pypi") {
            return name;
        }
        let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Location;
    use crate::finding::weakness::Level;

    fn advisory(tool: &str, path: Option<&str>, rule: &str, aliases: &[&str]) -> Finding {
        let package =
            Package { ecosystem: "pypi".into(), name: "Zope_Interface".into(), version: "1.0".into() };
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        let weakness = Weakness { package: Some(package), aliases, ..Weakness::default() };
        Finding {
            rule: rule.into(),
            location: path.map(Location::file),
            weakness: Some(Box::new(weakness)),
            ..Finding::error(tool, "m")
        }
    }

    fn line(tool: &str, rule: &str, line: u32) -> Finding {
        let location = Location::at("a.py", Some(line), None);
        Finding { rule: rule.into(), location: Some(location), ..Finding::error(tool, "m") }
    }

    fn shape(merged: &[Merged]) -> Vec<Vec<usize>> {
        merged.iter().map(|merged| merged.from.clone()).collect()
    }

    #[test]
    fn three_tools_that_name_one_advisory_are_three_witnesses() {
        let mut trivy = advisory("trivy", Some("requirements.txt"), "CVE-2024-1", &[]);
        if let Some(weakness) = &mut trivy.weakness {
            weakness.level = Level::Medium;
            weakness.fixed = vec!["1.1".into()];
        }
        let findings = vec![
            advisory("pip-audit", None, "PYSEC-1", &["GHSA-1", "cve-2024-1"]),
            trivy,
            advisory("osv-scanner", Some("requirements.txt"), "GHSA-1", &[]),
            advisory("pip-audit", None, "PYSEC-2", &[]),
        ];
        let merged = merge(findings);
        assert_eq!(shape(&merged), [vec![0, 1, 2], vec![3]]);
        let finding = &merged[0].finding;
        assert_eq!((finding.tool.as_str(), finding.rule.as_str()), ("trivy", "CVE-2024-1"));
        let weakness = finding.weakness.as_deref().unwrap();
        assert_eq!(weakness.witnesses.iter().collect::<Vec<_>>(), ["osv-scanner", "pip-audit"]);
        assert_eq!(
            (weakness.level, weakness.fixed.as_slice()),
            (Level::Medium, ["1.1".to_owned()].as_slice())
        );
    }

    #[test]
    fn other_versions_files_and_packages_are_other_findings() {
        let mut newer = advisory("trivy", Some("a.txt"), "CVE-1", &[]);
        // Found where no file is named, it is in the first file and no bridge to the second.
        let bridge = advisory("pip-audit", None, "PYSEC-1", &["CVE-1", "GHSA-1"]);
        let placed = |path, rule| advisory("trivy", Some(path), rule, &[]);
        let merged = merge(vec![bridge, placed("a.txt", "CVE-1"), placed("b.txt", "GHSA-1")]);
        assert_eq!(shape(&merged), [vec![0, 1], vec![2]]);
        newer.weakness.as_mut().unwrap().package.as_mut().unwrap().version = "2.0".into();
        let mut npm = advisory("trivy", Some("a.txt"), "CVE-1", &[]);
        npm.weakness.as_mut().unwrap().package.as_mut().unwrap().ecosystem = "npm".into();
        let one = advisory("pip-audit", Some("a.txt"), "CVE-1", &[]);
        let elsewhere = advisory("trivy", Some("b.txt"), "CVE-1", &[]);
        assert_eq!(merge(vec![one, newer, npm, elsewhere]).len(), 4);
    }

    #[test]
    fn a_line_is_found_by_several_tools_but_several_times_by_one_is_several() {
        let findings = vec![
            line("ruff", "S105", 3),
            line("ruff", "S105", 3),
            line("bandit", "B105", 3),
            line("bandit", "B105", 4),
            line("ruff", "B105", 3),
        ];
        assert_eq!(shape(&merge(findings)), [vec![0, 2], vec![1], vec![3], vec![4]]);
        let secret = |tool: &str, rule: &str| {
            let weakness = Weakness { secret: true, ..Weakness::default() };
            Finding { weakness: Some(Box::new(weakness)), ..line(tool, rule, 9) }
        };
        assert_eq!(merge(vec![secret("kingfisher", "aws.1"), secret("gitleaks", "aws-key")]).len(), 1);
    }

    #[test]
    fn the_order_makes_no_difference_to_what_is_one() {
        let all = [
            advisory("a", Some("x"), "CVE-1", &[]),
            advisory("b", Some("x"), "GHSA-1", &[]),
            advisory("c", Some("x"), "PYSEC-1", &["CVE-1", "GHSA-1"]),
            advisory("d", None, "GHSA-1", &[]),
            line("e", "R", 1),
        ];
        for rotation in 0..all.len() {
            let mut findings = all.to_vec();
            findings.rotate_left(rotation);
            assert_eq!(merge(findings).len(), 2, "{rotation}");
        }
    }
}
