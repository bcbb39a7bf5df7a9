//! What a Rust package depends on, and what that costs: the lock file, the crates that are compiled, crates that nothing
//! uses.
//!
//! What `cargo metadata` says for one platform is counted: the crates that a build of the package compiles on this machine,
//! itself included, are those reached by normal and build dependencies; tests are not counted. `cargo metadata` switches an
//! optional dependency on when a feature only says what to do should it be on (`name?/feature`), which no build does; such
//! dependencies are taken out again, by the features that are on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cargo_metadata::{Dependency, DependencyKind, Metadata, Node, NodeDep, Package, PackageId};
use toml::de::DeTable;

use crate::diagnostic::position;
use crate::finding::{Finding, Location, Severity};
use crate::rules::{DEPENDENCIES as TOOL, TextFile, error};

#[cfg(test)]
mod tests;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Dependencies<'d> {
    /// What `cargo metadata` says, for this platform.
    pub metadata: &'d Metadata,
    /// The package.
    pub package: &'d Package,
    /// Its `Cargo.toml`.
    pub manifest: TextFile<'d>,
    /// The `Cargo.lock` of its workspace.
    pub lock: TextFile<'d>,
    /// The names of crates that its code uses.
    pub names: &'d Names,
}

/// The names that stand where names of crates can stand, by what the code is for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// In the library and the programs.
    pub code: BTreeSet<String>,
    /// In tests, benchmarks and examples outside of them.
    pub tests: BTreeSet<String>,
    /// In the build script.
    pub build: BTreeSet<String>,
}

/// The most that dependencies may cost. `None`: anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Entries in the lock file.
    pub lock_entries: Option<usize>,
    /// Crates that are compiled.
    pub compiled: Option<usize>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Figures {
    /// Entries in the lock file.
    pub lock_entries: usize,
    /// Crates that are compiled on this platform.
    pub compiled: usize,
}

impl Figures {
    /// `81 of 130 crates compiled, 97 of 180 lock entries`.
    pub fn beside(self, limits: Limits) -> String {
        let of = |count: usize, limit: Option<usize>| match limit {
            Some(limit) => format!("{count} of {limit}"),
            None => count.to_string(),
        };
        let compiled = of(self.compiled, limits.compiled);
        format!("{compiled} crates compiled, {} lock entries", of(self.lock_entries, limits.lock_entries))
    }
}

/// Counts what the package's dependencies cost and finds what is wrong with them.
pub fn check(dependencies: Dependencies<'_>, limits: Limits) -> (Figures, Vec<Finding>) {
    let Dependencies { metadata, package, manifest, lock, names } = dependencies;
    let compiled = compiled(metadata, &package.id);
    let figures = Figures { lock_entries: lock_entries(lock.text), compiled: compiled.len() };
    let mut findings = over_budget(figures, limits, manifest, lock);
    findings.extend(without_version(metadata, package, manifest));
    findings.extend(unused(package, names, manifest));
    findings.extend(duplicates(&compiled, lock));
    (figures, findings)
}

/// How many packages a `Cargo.lock` names.
pub fn lock_entries(lock: &str) -> usize {
    lock.lines().filter(|line| line.trim_end() == "[[package]]").count()
}

/// The packages that a build of `root` compiles, by id, itself included.
pub fn compiled<'m>(metadata: &'m Metadata, root: &'m PackageId) -> BTreeMap<&'m PackageId, &'m Package> {
    let packages: HashMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let nodes: HashMap<&PackageId, &Node> =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect();
    let mut found = BTreeMap::new();
    let mut next = vec![root];
    while let Some(id) = next.pop() {
        let Some(&package) = packages.get(id) else { continue };
        if found.insert(id, package).is_some() {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        let built = |edge: &&'m NodeDep| {
            let name = packages.get(&edge.pkg).map(|package| package.name.as_str());
            name.is_some_and(|name| is_built(package, node, edge, name))
        };
        next.extend(node.deps.iter().filter(built).map(|edge| &edge.pkg));
    }
    found
}

/// Whether the build of a package needs the dependency `edge`, whose package is called `name`.
fn is_built(package: &Package, node: &Node, edge: &NodeDep, name: &str) -> bool {
    let for_build = |kind| kind != DependencyKind::Development;
    let on = |dependency: &Dependency| {
        let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
        !dependency.optional || node.features.iter().any(|feature| enables(package, feature, key))
    };
    edge.dep_kinds.iter().any(|info| for_build(info.kind))
        && package.dependencies.iter().any(|one| one.name == name && for_build(one.kind) && on(one))
}

/// Whether a feature that is on switches the optional dependency `key` on: by `dep:key` or `key/feature`.
fn enables(package: &Package, feature: &str, key: &str) -> bool {
    let enabled = |value: &String| {
        value.strip_prefix("dep:") == Some(key)
            || value.strip_prefix(key).is_some_and(|rest| rest.starts_with('/'))
    };
    package.features.get(feature).is_some_and(|values| values.iter().any(enabled))
}

fn over_budget(figures: Figures, limits: Limits, manifest: TextFile<'_>, lock: TextFile<'_>) -> Vec<Finding> {
    let over = |count: usize, limit: Option<usize>, file: TextFile<'_>, what: &str| {
        let limit = limit.filter(|limit| count > *limit)?;
        let message = format!("{count} {what}, {limit} at most");
        let help = "take a dependency out, or say in `[budget]` of xtask.toml why everybody pays for more";
        Some(error((TOOL, "budget"), file.line(1), message, Some(help)))
    };
    [
        over(figures.compiled, limits.compiled, manifest, "crates are compiled"),
        over(figures.lock_entries, limits.lock_entries, lock, "packages are locked"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Dependencies that any version would satisfy. A member of the same workspace needs none.
fn without_version(metadata: &Metadata, package: &Package, manifest: TextFile<'_>) -> Vec<Finding> {
    let members = metadata.workspace_packages();
    let member = |dependency: &Dependency| {
        let folder = dependency.path.as_deref();
        folder.is_some() && members.iter().any(|package| package.manifest_path.parent() == folder)
    };
    let without = |dependency: &&Dependency| dependency.req.to_string() == "*" && !member(dependency);
    package
        .dependencies
        .iter()
        .filter(without)
        .map(|dependency| {
            let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
            let message = format!("`{key}` is declared without a version");
            let help = Some("say which versions will do: `version = \"1.2\"`");
            error((TOOL, "without-version"), declared(manifest, key), message, help)
        })
        .collect()
}

/// Dependencies whose names stand nowhere in the code that may use them.
///
/// An error, not a warning: everybody compiles them. A crate that is here only for its effect says so in the code, with
/// `use name as _;` and a comment.
fn unused(package: &Package, names: &Names, manifest: TextFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
        let name = key.replace('-', "_");
        let (used, place) = match dependency.kind {
            DependencyKind::Build => (names.build.contains(&name), "the build script"),
            DependencyKind::Development => {
                (names.code.contains(&name) || names.tests.contains(&name), "any code, tests included")
            }
            _ => (names.code.contains(&name), "the code"),
        };
        if !used {
            let message = format!("`{key}` is not used in {place}");
            let help = if names.tests.contains(&name) {
                "only tests use it: move it to `[dev-dependencies]`"
            } else {
                "take it out; a crate that is needed for its effect alone is named by `use … as _;`"
            };
            findings.push(error((TOOL, "unused"), declared(manifest, key), message, Some(help)));
        }
    }
    findings
}

/// Crates that are compiled in several versions.
fn duplicates(compiled: &BTreeMap<&PackageId, &Package>, lock: TextFile<'_>) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in compiled.values() {
        versions.entry(package.name.as_str()).or_default().insert(package.version.to_string());
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several
        .map(|(name, versions)| {
            let versions: Vec<String> = versions.into_iter().collect();
            let message = format!("`{name}` is compiled {} times: {}", versions.len(), versions.join(", "));
            let help = format!("`cargo tree --invert {name}@{}` says who needs it", versions[0]);
            let line = format!("name = \"{name}\"");
            {
                let place = lock.line_where(|text| text == line);
                let found = error((TOOL, "duplicate"), place, message, Some(&help));
                Finding { severity: Severity::Warning, ..found }
            }
        })
        .collect()
}

/// Where a manifest declares the dependency `key`.
fn declared(manifest: TextFile<'_>, key: &str) -> Location {
    let (root, _) = DeTable::parse_recoverable(manifest.text);
    let table = |table: &DeTable<'_>| {
        ["dependencies", "dev-dependencies", "build-dependencies"]
            .into_iter()
            .filter_map(|kind| table.get(kind)?.get_ref().as_table()?.get_key_value(key))
            .map(|(key, _)| key.span().start)
            .next()
    };
    let targets = || {
        let targets = root.get_ref().get("target")?.get_ref().as_table()?;
        targets.values().find_map(|target| table(target.get_ref().as_table()?))
    };
    let Some(offset) = table(root.get_ref()).or_else(targets) else { return manifest.line(1) };
    let (line, column) = position(manifest.text, offset);
    Location { column: u32::try_from(column).ok(), ..manifest.line(line) }
}
