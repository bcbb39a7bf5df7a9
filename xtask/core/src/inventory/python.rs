//! Python: what pins requirements, and what installed packages say of themselves.
//!
//! Versions, hashes and who needs whom come from compiled requirement files: pip-tools and uv write `# via NAME` below each
//! pin. Licences stand only in what is installed: the headers of `*.dist-info/METADATA`
//! (<https://packaging.python.org/en/latest/specifications/core-metadata/>).

use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Hash, Inventory, Package, Root, Scope, unseen};
use crate::finding::weakness::Package as Identity;
use crate::rules::TextFile;
use crate::rules::requirements::{Pin, pins, python_name};

/// What an installed package says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Distribution {
    /// Its name, as its authors write it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it says of its licence.
    pub licenses: Vec<String>,
}

impl Distribution {
    /// Its package URL.
    pub fn purl(&self) -> String {
        let (name, version) = (self.name.clone(), self.version.clone());
        super::purl(&Identity { ecosystem: "pypi".to_owned(), name, version })
    }
}

/// What a `pyproject.toml` calls its project: `[project]`, where it has that section
/// (<https://packaging.python.org/en/latest/specifications/pyproject-toml/>).
pub fn root(project: &str) -> Root {
    let table: toml::Table = project.parse().unwrap_or_default();
    let field = |name: &str| table.get("project").and_then(|project| project.get(name)?.as_str());
    Root {
        name: field("name").unwrap_or_default().to_owned(),
        version: field("version").unwrap_or_default().to_owned(),
        licenses: field("license").map(str::to_owned).into_iter().collect(),
    }
}

/// Reads the headers of core metadata; `None` for what is none.
pub fn distribution(metadata: &str) -> Option<Distribution> {
    let mut headers: Vec<(&str, &str, bool)> = Vec::new();
    for line in metadata.lines() {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, _, continued)) = headers.last_mut() {
                *continued = true;
            }
        } else if let Some((key, value)) = line.split_once(':') {
            headers.push((key, value.trim(), false));
        }
    }
    let field = |name: &str| headers.iter().find(|(key, ..)| *key == name).map(|(_, value, _)| *value);
    let licenses = match field("License-Expression") {
        Some(expression) => vec![expression.to_owned()],
        None => stated(&headers),
    };
    Some(Distribution { name: field("Name")?.to_owned(), version: field("Version")?.to_owned(), licenses })
}

/// What the older fields say: a line of free text, and classifiers. A whole licence as free text says less than its
/// classifier.
fn stated(headers: &[(&str, &str, bool)]) -> Vec<String> {
    let free = headers.iter().filter(|(key, value, continued)| {
        *key == "License" && !continued && !value.is_empty() && *value != "UNKNOWN"
    });
    let classifiers = headers.iter().filter(|(key, ..)| *key == "Classifier").filter_map(|(_, value, _)| {
        let (_, last) = value.strip_prefix("License :: ")?.rsplit_once(" :: ").or_else(|| {
            Some(("", value.strip_prefix("License :: ")?)).filter(|(_, last)| *last != "OSI Approved")
        })?;
        Some(last)
    });
    let mut words: Vec<String> = Vec::new();
    for word in free.map(|(_, value, _)| *value).chain(classifiers) {
        if !words.iter().any(|other| other == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// The inventory of a Python component. The first requirement file is what it runs on; the others are for development.
///
/// `installed` is what its environment holds, `None` where there is none.
pub fn inventory(
    component: &str,
    root: Root,
    requirements: &[(TextFile<'_>, Scope)],
    installed: Option<&[Distribution]>,
) -> Inventory {
    let known: BTreeMap<(String, &str), &Distribution> = installed
        .into_iter()
        .flatten()
        .map(|one| ((python_name(&one.name), one.version.as_str()), one))
        .collect();
    let read: Vec<(Pin, Scope)> = requirements
        .iter()
        .flat_map(|(file, scope)| pins(*file).into_iter().map(|pin| (pin, *scope)))
        .collect();
    // Two files of one environment may not differ; where they do, each of the versions is needed.
    let mut versions: BTreeMap<&str, Vec<Identity>> = BTreeMap::new();
    for (pin, _) in &read {
        let of_name = versions.entry(&pin.name).or_default();
        let identity = identity(pin);
        if !of_name.contains(&identity) {
            of_name.push(identity);
        }
    }
    let mut needs: BTreeMap<&str, BTreeSet<Identity>> = BTreeMap::new();
    for (pin, _) in &read {
        for by in &pin.via {
            needs
                .entry(by)
                .or_default()
                .extend(versions.get(pin.name.as_str()).into_iter().flatten().cloned());
        }
    }
    let (mut draft, mut without, mut silent) = (Draft::default(), Vec::new(), Vec::new());
    for (pin, scope) in &read {
        let found = known.get(&(pin.name.clone(), pin.version.as_str()));
        let is_elsewhere = found.is_none() && pin.is_conditional && installed.is_some();
        if found.is_none() && !is_elsewhere && !without.contains(&pin.name) {
            without.push(pin.name.clone());
        }
        if pin.via.is_empty() && !pin.is_asked_for && !silent.contains(&pin.name) {
            silent.push(pin.name.clone());
        }
        let package = Package {
            identity: identity(pin),
            licenses: found.map(|one| one.licenses.clone()),
            hashes: pin.hashes.iter().filter_map(|hash| Hash::parse(hash)).collect(),
            scope: *scope,
            is_direct: pin.is_asked_for,
            is_own: false,
            is_elsewhere,
            declared: pin.declared.clone(),
            needs: BTreeSet::new(),
        };
        draft.add(package, needs.get(pin.name.as_str()).into_iter().flatten().cloned());
    }
    let what = "no licence is known of what is not installed in the version that is pinned:";
    let install = format!("install them: `cargo xtask setup {component}`");
    let annotate = "compile the file again with annotations: `# via` below each pin";
    let gaps = [unseen(&without, what, &install), unseen(&silent, "nothing says who needs", annotate)];
    draft.finish(component, root, gaps.into_iter().flatten().collect())
}

fn identity(pin: &Pin) -> Identity {
    Identity { ecosystem: "pypi".to_owned(), name: pin.name.clone(), version: pin.version.clone() }
}
