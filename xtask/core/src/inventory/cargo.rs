//! Rust: what `cargo metadata` says, with the checksums of `Cargo.lock`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cargo_metadata::{Metadata, Node, PackageId};

use super::{Draft, Hash, Inventory, Package, Root, Scope};
use crate::finding::Location;
use crate::finding::weakness::Package as Identity;
use crate::rules::TextFile;
use crate::rules::cargo::compiled;

/// The inventory of the package `id`. What a build of it compiles, on any platform that `metadata` is for, is production.
pub fn inventory(component: &str, metadata: &Metadata, id: &PackageId, lock: TextFile<'_>) -> Inventory {
    let packages: HashMap<&PackageId, &cargo_metadata::Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let nodes: HashMap<&PackageId, &Node> =
        metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| (&node.id, node)).collect();
    let production = compiled(metadata, id);
    let locked = locked(lock.text);
    let direct: BTreeSet<&PackageId> =
        nodes.get(id).iter().flat_map(|node| node.deps.iter().map(|edge| &edge.pkg)).collect();
    let mut draft = Draft::default();
    let mut seen = BTreeSet::from([id]);
    let mut next = vec![id];
    while let Some(current) = next.pop() {
        // Of those below, only what is built: their tests are no business of this component.
        let edges = nodes.get(current).into_iter().flat_map(|node| &node.deps);
        let needs: Vec<&PackageId> = edges
            .map(|edge| &edge.pkg)
            .filter(|other| {
                current == id || !production.contains_key(current) || production.contains_key(other)
            })
            .collect();
        next.extend(needs.iter().filter(|other| seen.insert(**other)));
        let Some(package) = packages.get(current).filter(|_| current != id) else { continue };
        let identity = identity(package);
        let entry = locked.get(&(identity.name.as_str(), identity.version.as_str()));
        let package = Package {
            licenses: Some(package.license.iter().cloned().collect()),
            hashes: entry
                .and_then(|entry| Hash::parse(&format!("sha256:{}", entry.checksum?)))
                .into_iter()
                .collect(),
            scope: if production.contains_key(current) { Scope::Production } else { Scope::Development },
            is_direct: direct.contains(current),
            is_own: package.source.is_none(),
            is_elsewhere: false,
            declared: Location::at(lock.path, entry.map(|entry| entry.line), None),
            needs: BTreeSet::new(),
            identity,
        };
        draft.add(
            package,
            needs.into_iter().filter_map(|other| packages.get(other).map(|one| self::identity(one))),
        );
    }
    let root = packages.get(id).map_or_else(Root::default, |package| Root {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licenses: package.license.iter().cloned().collect(),
    });
    draft.finish(component, root, Vec::new())
}

/// Which version of which package it is.
pub fn identity(package: &cargo_metadata::Package) -> Identity {
    Identity {
        ecosystem: "cargo".to_owned(),
        name: package.name.to_string(),
        version: package.version.to_string(),
    }
}

/// What `Cargo.lock` says of a package.
#[derive(Clone, Copy, Debug)]
struct Locked<'t> {
    line: u32,
    checksum: Option<&'t str>,
}

/// The entries of a lock file by name and version. cargo writes each key on a line of its own.
fn locked(text: &str) -> BTreeMap<(&str, &str), Locked<'_>> {
    let mut entries = BTreeMap::new();
    let (mut name, mut version, mut line_of_name) = ("", "", 0);
    for (number, line) in (1_u32..).zip(text.lines()) {
        let of = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
        if let Some(found) = of("name") {
            (name, version, line_of_name) = (found, "", number);
        } else if let Some(found) = of("version") {
            version = found;
            entries.insert((name, version), Locked { line: line_of_name, checksum: None });
        } else if let Some(found) = of("checksum") {
            entries.insert((name, version), Locked { line: line_of_name, checksum: Some(found) });
        }
    }
    entries
}
