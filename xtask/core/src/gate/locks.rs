//! Where in a lock file a package stands.
//!
//! Scanners of packages name a package and no line. A reader, and an annotation of GitHub, need one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Look;
use crate::finding::{Finding, Location};

/// A kind of lock file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lock {
    /// Pinned requirements of Python: `name==version`.
    Requirements,
    /// `package-lock.json` of npm. Findings lie in `node_modules/NAME`, which is the key there.
    Npm,
    /// `Cargo.lock`.
    Cargo,
}

impl Lock {
    /// By the name of the file.
    fn of(path: &Path) -> Option<Self> {
        match path.file_name()?.to_str()? {
            "package-lock.json" => Some(Self::Npm),
            "Cargo.lock" => Some(Self::Cargo),
            name => {
                let is_it =
                    name.strip_prefix("requirements").is_some_and(|rest| rest.strip_suffix(".txt").is_some());
                is_it.then_some(Self::Requirements)
            }
        }
    }
}

/// The look with each finding about a package at its line in the lock file at `path`, whose text is `text`; and with the
/// version that stands there, where the scanner names none. `folder` is the component's folder, relative to the repository.
pub fn place(mut look: Look, kind: Lock, folder: &Path, path: &Path, text: &str) -> Look {
    for finding in &mut look.findings {
        place_one(finding, kind, folder, path, text);
    }
    look
}

/// The look with each finding about a package at its line, where it stands at a lock file as a whole. `read` gives the text of a
/// file of the repository.
pub fn find(mut look: Look, read: &dyn Fn(&Path) -> Option<String>) -> Look {
    let mut texts: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    for finding in &mut look.findings {
        let package = finding.weakness.as_ref().and_then(|weakness| weakness.package.as_ref());
        let (Some(package), Some(location)) = (package, &mut finding.location) else { continue };
        let Some(kind) = Lock::of(&location.path).filter(|_| location.line.is_none()) else { continue };
        let text = texts.entry(location.path.clone()).or_insert_with(|| read(&location.path));
        let Some(text) = text else { continue };
        location.line = match kind {
            Lock::Requirements => requirement(text, &package.name, &package.version),
            Lock::Cargo => crate_of(text, &package.name, &package.version),
            Lock::Npm => npm(text, &format!("node_modules/{}", package.name))
                .filter(|(_, version)| *version == package.version)
                .map(|(line, _)| line),
        };
    }
    look
}

fn place_one(finding: &mut Finding, kind: Lock, folder: &Path, path: &Path, text: &str) {
    let Some(weakness) = &mut finding.weakness else { return };
    let Some(package) = &mut weakness.package else { return };
    let line = match kind {
        Lock::Requirements => requirement(text, &package.name, &package.version),
        Lock::Cargo => crate_of(text, &package.name, &package.version),
        Lock::Npm => {
            let node = finding.location.as_ref().map(|location| location.path.as_path());
            let node =
                node.map(|node| node.strip_prefix(folder).unwrap_or(node).to_string_lossy().into_owned());
            node.and_then(|node| npm(text, &node)).map(|(line, version)| {
                if package.version.is_empty() {
                    version.clone_into(&mut package.version);
                    finding.message = finding.message.replacen(':', &format!(" {version}:"), 1);
                }
                line
            })
        }
    };
    let known = finding.location.as_ref().and_then(|location| location.line);
    finding.location = Some(Location::at(path, line.or(known), None));
}

/// The number of a line, counted from 1.
fn number(index: usize) -> Option<u32> {
    u32::try_from(index).ok()?.checked_add(1)
}

/// `name==version`, the name by the rules of Python: case, `-`, `_` and `.` make no difference.
fn requirement(text: &str, name: &str, version: &str) -> Option<u32> {
    let normal = |name: &str| name.trim().to_ascii_lowercase().replace(['_', '.'], "-");
    let wanted = normal(name);
    let is_it = |line: &str| {
        let Some((found, rest)) = line.split_once("==") else { return false };
        let found = found.split('[').next().unwrap_or(found);
        let end = rest.find([' ', ';', '\\', '\t']).unwrap_or(rest.len());
        normal(found) == wanted && (version.is_empty() || &rest[..end] == version)
    };
    text.lines().position(is_it).and_then(number)
}

/// `name = "…"` followed by `version = "…"`.
fn crate_of(text: &str, name: &str, version: &str) -> Option<u32> {
    let (name, version) = (format!("name = \"{name}\""), format!("version = \"{version}\""));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).position(|pair| pair[0] == name && pair[1] == version).and_then(number)
}

/// `"node": {` followed by `"version": "…"`.
fn npm<'t>(text: &'t str, node: &str) -> Option<(u32, &'t str)> {
    let key = format!("\"{node}\": {{");
    let index = text.lines().position(|line| line.trim() == key)?;
    let version = text.lines().nth(index + 1)?.trim().strip_prefix("\"version\": \"")?;
    Some((number(index)?, version.trim_end_matches(',').trim_end_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::weakness::{Package, Weakness};
    use crate::gate::Coverage;

    #[test]
    fn packages_are_found_in_their_lock_files() {
        let requirements = "# x==1\nanyio==4.9.0 \\\n    --hash=sha256:0\nruamel.yaml[jinja2]==0.18 ; python_version < '3.9'\nanyio-extra==4.9.0\n";
        for (name, version, line) in [
            ("anyio", "4.9.0", Some(2)),
            ("anyio", "4.9.1", None),
            ("Ruamel_YAML", "0.18", Some(4)),
            ("anyio-extra", "", Some(5)),
            ("x", "1", None),
        ] {
            assert_eq!(requirement(requirements, name, version), line, "{name}");
        }
        let cargo = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
        assert_eq!(crate_of(cargo, "a", "2.0.0"), Some(6));
        assert_eq!(crate_of(cargo, "a", "3.0.0"), None);
        let lock = "{\n  \"packages\": {\n    \"node_modules/a\": {\n      \"version\": \"1.2.3\",\n      \"x\": {} }\n";
        assert_eq!(npm(lock, "node_modules/a"), Some((3, "1.2.3")));
        assert_eq!(npm(lock, "node_modules/b"), None);
    }

    #[test]
    fn a_finding_about_a_whole_lock_file_gets_its_line() {
        let of = |path: &str, name: &str, version: &str, line: Option<u32>| Finding {
            location: Some(Location::at(path, line, None)),
            weakness: Some(Box::new(Weakness {
                package: Some(Package { ecosystem: "x".into(), name: name.into(), version: version.into() }),
                ..Weakness::default()
            })),
            ..Finding::error("t", "m")
        };
        let read = |path: &Path| match path.to_str()? {
            "a/requirements-dev.txt" => Some("# x\nsix==1.16.0\n".to_owned()),
            "b/package-lock.json" => {
                Some("{\n    \"node_modules/a\": {\n      \"version\": \"1.2.3\"\n".to_owned())
            }
            _ => None,
        };
        let found = [
            (of("a/requirements-dev.txt", "six", "1.16.0", None), Some(2)),
            (of("a/requirements-dev.txt", "six", "1.16.0", Some(9)), Some(9)),
            (of("b/package-lock.json", "a", "1.2.3", None), Some(2)),
            (of("b/package-lock.json", "a", "1.2.4", None), None),
            (of("gone/Cargo.lock", "a", "1.2.4", None), None),
            (of("poetry.lock", "a", "1.2.4", None), None),
        ];
        let look =
            Look::at("t", Coverage::new(1, "file")).found(found.iter().map(|(finding, _)| finding.clone()));
        for (finding, (_, line)) in find(look, &read).findings.iter().zip(&found) {
            assert_eq!(finding.location.as_ref().unwrap().line, *line, "{finding:?}");
        }
    }
}
