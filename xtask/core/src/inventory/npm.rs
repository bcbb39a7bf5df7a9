//! Node: what `package-lock.json` of version 2 or 3 locks
//! (<https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json>).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Draft, Hash, Inventory, Package, Root, Scope, unseen};
use crate::finding::Location;
use crate::finding::weakness::Package as Identity;
use crate::gate::{Gap, GapKind};
use crate::rules::TextFile;

/// Where packages are installed, in the keys of the lock file.
const FOLDER: &str = "node_modules/";

/// The inventory of a Node component. `manifest` gives the text of the `package.json` of an installed package by the key that
/// the lock file has for it, where it is installed: older lock files say nothing of licences.
pub fn inventory(
    component: &str,
    lock: TextFile<'_>,
    manifest: &dyn Fn(&str) -> Option<String>,
) -> Inventory {
    let value: Value = serde_json::from_str(lock.text).unwrap_or_default();
    let Some(packages) = value.get("packages").and_then(Value::as_object) else {
        let why = format!("`{}` is no lock file of version 2 or 3", lock.path.display());
        let gap = Gap { kind: GapKind::ToolError, why, hint: Some("`npm install` writes one".to_owned()) };
        return Draft::default().finish(component, Root::default(), vec![gap]);
    };
    let nothing = Map::new();
    let own = packages.get("").and_then(Value::as_object).unwrap_or(&nothing);
    let (direct, lines) = (needed(own, true), lines(lock.text));
    let (mut draft, mut unknown) = (Draft::default(), Vec::new());
    for (key, entry) in packages.iter().filter_map(|(key, entry)| Some((key, entry.as_object()?))) {
        let Some(identity) = identity(key, entry) else { continue };
        let licenses = licenses(entry)
            .or_else(|| licenses(serde_json::from_str::<Value>(&manifest(key)?).ok()?.as_object()?));
        if licenses.is_none() {
            unknown.push(identity.name.clone());
        }
        let is = |flag: &str| entry.get(flag).and_then(Value::as_bool).unwrap_or_default();
        let asked_for = key.strip_prefix(FOLDER).is_some_and(|name| direct.contains(name));
        let package = Package {
            licenses,
            hashes: hashes(entry),
            scope: if is("dev") || is("devOptional") { Scope::Development } else { Scope::Production },
            is_direct: asked_for,
            is_own: is("link"),
            is_elsewhere: false,
            declared: Location::at(lock.path, lines.get(key.as_str()).copied(), None),
            needs: BTreeSet::new(),
            identity,
        };
        let needs = needed(entry, false);
        let needs = needs.iter().filter_map(|name| {
            let key = resolve(packages, key, name)?;
            identity_of(packages, &key)
        });
        draft.add(package, needs);
    }
    let root = Root {
        name: text(own, "name").unwrap_or_default(),
        version: text(own, "version").unwrap_or_default(),
        licenses: licenses(own).unwrap_or_default(),
    };
    let install = format!("install them: `cargo xtask setup {component}`");
    let gap = unseen(&unknown, "neither the lock file nor what is installed says the licence of", &install);
    draft.finish(component, root, gap.into_iter().collect())
}

/// The names that an entry asks for; those for development only of the component itself.
fn needed(entry: &Map<String, Value>, with_development: bool) -> BTreeSet<&str> {
    let groups = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
    let count = if with_development { groups.len() } else { groups.len() - 1 };
    let group = |group: &&str| entry.get(*group).and_then(Value::as_object);
    groups[..count].iter().filter_map(group).flatten().map(|(name, _)| name.as_str()).collect()
}

/// The key of the package that `name` leads to from the package at `from`: the nearest folder upwards that has it.
fn resolve(packages: &Map<String, Value>, from: &str, name: &str) -> Option<String> {
    let mut folder = from;
    loop {
        let candidate =
            if folder.is_empty() { format!("{FOLDER}{name}") } else { format!("{folder}/{FOLDER}{name}") };
        if packages.contains_key(&candidate) {
            return Some(candidate);
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rfind(FOLDER).map_or("", |at| folder[..at].trim_end_matches('/'));
    }
}

fn identity_of(packages: &Map<String, Value>, key: &str) -> Option<Identity> {
    identity(key, packages.get(key)?.as_object()?)
}

/// What is installed at a key; `None` for what is no package of its own: a part of the repository, or one bundled without a
/// version.
fn identity(key: &str, entry: &Map<String, Value>) -> Option<Identity> {
    let (_, folder) = key.rsplit_once(FOLDER)?;
    // An alias is installed under another name than its own.
    let name = text(entry, "name").unwrap_or_else(|| folder.to_owned());
    Some(Identity { ecosystem: "npm".to_owned(), name, version: text(entry, "version")? })
}

/// What a manifest or an entry says of its licence; the older forms were an object and a list, of which one may be chosen.
pub fn licenses(entry: &Map<String, Value>) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => text(object, "type"),
        _ => None,
    };
    if let Some(license) = entry.get("license").and_then(one) {
        return Some(vec![license]);
    }
    let choice: Vec<String> = entry.get("licenses")?.as_array()?.iter().filter_map(one).collect();
    (!choice.is_empty()).then(|| vec![choice.join(" OR ")])
}

/// The hashes of `integrity`: `sha512-BASE64`, several with spaces between them.
fn hashes(entry: &Map<String, Value>) -> BTreeSet<Hash> {
    let integrity = text(entry, "integrity").unwrap_or_default();
    let hash = |word: &str| {
        let (function, encoded) = word.split_once('-')?;
        let bytes = STANDARD.decode(encoded.split('?').next()?).ok()?;
        Hash::of_bytes(function, &bytes)
    };
    integrity.split_whitespace().filter_map(hash).collect()
}

/// The lines of the keys that name folders of packages. npm writes each on a line of its own.
fn lines(text: &str) -> BTreeMap<&str, u32> {
    let key =
        |line: &'_ str| line.trim_start().strip_prefix('"')?.split_once("\":").map(|(key, _)| key.len());
    let keys = (1_u32..).zip(text.lines()).filter_map(|(number, line)| {
        let length = key(line)?;
        let start = line.len() - line.trim_start().len() + 1;
        Some((line.get(start..start + length)?, number)).filter(|(key, _)| key.contains(FOLDER))
    });
    keys.collect()
}

fn text(entry: &Map<String, Value>, key: &str) -> Option<String> {
    entry.get(key).and_then(Value::as_str).map(str::to_owned)
}
