//! What code imports against what is declared: undeclared and unused dependencies, and modules that import each other in a
//! circle.
//!
//! The languages differ in how imports are written and in what a name means; what is made of both is the same. Only names that
//! stand in the text are seen: what is imported by a computed name, and what is found by an entry point, is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cycle;
use crate::finding::{Finding, Location, Severity};
use crate::rules::{DEPENDENCIES as TOOL, error};

pub mod python;
pub mod script;
#[cfg(test)]
mod tests;

/// Something that a file imports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Import {
    /// What stands there: `fastapi.responses`, `react-dom/client`, `./words`.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// Whether it happens as soon as the file is loaded. What is imported later, or for types only, closes no circle.
    pub is_immediate: bool,
    /// Whether the code can do without it, or needs it for types only.
    pub is_optional: bool,
}

/// A file with what it imports.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is, relative to the repository.
    pub path: PathBuf,
    /// Whether it tests, configures or documents, so that it may use what is there for development.
    pub is_development: bool,
    /// What it imports.
    pub imports: Vec<Import>,
}

/// What a name that stands in an import leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// The language itself, or something of no interest.
    Nothing,
    /// A file of the component.
    File(PathBuf),
    /// The component itself, without saying which file.
    Own,
    /// One of these packages, each of which brings it.
    Packages(BTreeSet<String>),
    /// Nobody knows it.
    Unknown,
}

/// A dependency that a component declares.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Declared {
    /// The package's name.
    pub name: String,
    /// Whether it is for development only.
    pub is_development: bool,
    /// Where it is declared.
    pub location: Location,
    /// Why it is needed although nothing imports it, where somebody has said so, or where configuration names it.
    pub is_used_otherwise: bool,
}

/// What the code of a component uses.
#[derive(Clone, Debug)]
pub struct Usage<'u> {
    /// Its files.
    pub sources: &'u [Source],
    /// What it declares.
    pub declared: &'u [Declared],
    /// The file that declares, for what to do.
    pub manifest: &'u Path,
    /// How `xtask.toml` calls the ecosystem: `pypi`.
    pub ecosystem: &'u str,
}

impl Usage<'_> {
    /// What is imported and not declared, declared and not imported, and circles of files.
    pub fn check(&self, target: &dyn Fn(&Source, &Import) -> Target) -> Vec<Finding> {
        let (mut findings, mut used, mut reported) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut edges: BTreeMap<&Path, BTreeMap<PathBuf, u32>> = BTreeMap::new();
        for source in self.sources {
            for import in &source.imports {
                match target(source, import) {
                    Target::File(path) if import.is_immediate && path != source.path => {
                        edges.entry(&source.path).or_default().entry(path).or_insert(import.line);
                    }
                    Target::Nothing | Target::Own | Target::File(_) => {}
                    Target::Unknown if import.is_optional => {}
                    Target::Unknown => {
                        let message = format!("`{}` comes with no package that is installed", import.name);
                        let help = format!("name its package in `{}`", self.manifest.display());
                        findings.push(undeclared(source, import, message, &help));
                    }
                    Target::Packages(packages) => {
                        // Once for each package: what to do about it is the same everywhere.
                        let problem = self.undeclared(source, import, &packages);
                        let is_new = problem.is_some() && reported.insert(packages.clone());
                        findings.extend(problem.filter(|_| is_new));
                        used.extend(packages);
                    }
                }
            }
        }
        findings.extend(self.unused(&used));
        findings.extend(circles(&edges));
        findings
    }

    fn undeclared(&self, source: &Source, import: &Import, packages: &BTreeSet<String>) -> Option<Finding> {
        let mut declared = self.declared.iter().filter(|one| packages.contains(&one.name)).peekable();
        let names: Vec<String> = packages.iter().map(|name| format!("`{name}`")).collect();
        let (names, manifest) = (names.join(" or "), self.manifest.display());
        if declared.peek().is_none() {
            let message =
                format!("`{}` comes with {names}, which `{manifest}` does not ask for", import.name);
            let help =
                "declare it: what another package brings along may go with that package's next version";
            return Some(undeclared(source, import, message, help));
        }
        if source.is_development || import.is_optional || declared.any(|one| !one.is_development) {
            return None;
        }
        let message = format!("`{}` comes with {names}, which is there for development only", import.name);
        Some(undeclared(
            source,
            import,
            message,
            &format!("move it to what the code runs on, in `{manifest}`"),
        ))
    }

    fn unused(&self, used: &BTreeSet<String>) -> Vec<Finding> {
        let unused = self.declared.iter().filter(|one| !one.is_used_otherwise && !used.contains(&one.name));
        unused
            .map(|one| {
                let message = format!("nothing imports `{}`, and no configuration names it", one.name);
                let help = format!(
                    "take it out; where it is needed all the same, say why: `used` in `[dependencies]` of xtask.toml, `\"{}:{}\" = \
                     \"…\"`",
                    self.ecosystem, one.name
                );
                error((TOOL, "unused"), one.location.clone(), message, Some(&help))
            })
            .collect()
    }
}

fn undeclared(source: &Source, import: &Import, message: String, help: &str) -> Finding {
    error((TOOL, "undeclared"), Location::at(&source.path, Some(import.line), None), message, Some(help))
}

/// Files that import each other in a circle, each circle once, at an import that closes it.
fn circles(edges: &BTreeMap<&Path, BTreeMap<PathBuf, u32>>) -> Vec<Finding> {
    let mut files: BTreeSet<&Path> = edges.keys().copied().collect();
    files.extend(edges.values().flat_map(BTreeMap::keys).map(PathBuf::as_path));
    let files: Vec<&Path> = files.into_iter().collect();
    let position = |path: &Path| files.binary_search(&path).ok();
    let needs: Vec<Vec<usize>> = files
        .iter()
        .map(|file| {
            edges.get(file).into_iter().flat_map(BTreeMap::keys).filter_map(|to| position(to)).collect()
        })
        .collect();
    let circle = |members: Vec<usize>| {
        let first = *members.first()?;
        let from = *files.get(first)?;
        let (_, line) =
            edges.get(from)?.iter().find(|(to, _)| position(to).is_some_and(|to| members.contains(&to)))?;
        let names: Vec<String> = members.iter().map(|&one| format!("`{}`", files[one].display())).collect();
        let message = format!("these files import each other in a circle: {}", names.join(", "));
        let help = "move what both need into a file that imports neither";
        Some(error((TOOL, "circle"), Location::at(from, Some(*line), None), message, Some(help)))
    };
    cycle::circles(&needs).into_iter().filter_map(circle).collect()
}

/// Packages that two or more components have in different versions. `versions` are name, component, version and where it is
/// locked.
pub fn different_versions(versions: &[(String, String, String, Location)]) -> Vec<Finding> {
    let mut by_name: BTreeMap<&str, BTreeMap<&str, (BTreeSet<&str>, &Location)>> = BTreeMap::new();
    for (name, component, version, location) in versions {
        let of_component = by_name.entry(name).or_default().entry(component);
        of_component.or_insert_with(|| (BTreeSet::new(), location)).0.insert(version);
    }
    let different = by_name.into_iter().filter_map(|(name, components)| {
        let (_, (first, _)) = components.first_key_value()?;
        if components.values().all(|(versions, _)| versions == first) {
            return None;
        }
        let words: Vec<String> = components
            .iter()
            .map(|(component, (versions, _))| {
                format!("{component} has {}", versions.iter().copied().collect::<Vec<_>>().join(" and "))
            })
            .collect();
        let message = format!("`{name}` differs between components: {}", words.join(", "));
        let (_, (_, location)) = components.last_key_value()?;
        let found = error(
            (TOOL, "different-versions"),
            (*location).clone(),
            message,
            Some("lock the same version in both"),
        );
        Some(Finding { severity: Severity::Warning, ..found })
    });
    different.collect()
}
