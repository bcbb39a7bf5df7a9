//! A small workspace as `cargo metadata` describes it.

use std::path::Path;

use cargo_metadata::MetadataCommand;
use serde_json::{Value, json};

use super::*;

/// A package with its dependencies: `(name, kind, optional, rest)`.
fn package(name: &str, version: &str, features: &Value, dependencies: &[Value]) -> Value {
    json!({
        "name": name, "version": version, "id": format!("{name}@{version}"), "dependencies": dependencies,
        "features": features, "targets": [], "manifest_path": format!("/w/{name}/Cargo.toml"),
    })
}

fn dependency(name: &str, kind: Option<&str>, more: &Value) -> Value {
    let mut all = json!({
        "name": name, "req": "^1", "kind": kind, "optional": false, "uses_default_features": true, "features": [],
        "source": "registry+x",
    });
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn node(id: &str, features: &[&str], edges: &[(&str, Option<&str>)]) -> Value {
    let edge = |(id, kind): &(&str, Option<&str>)| json!({ "name": "lib", "pkg": id, "dep_kinds": [{ "kind": kind, "target": null }] });
    json!({ "id": id, "features": features, "dependencies": [], "deps": edges.iter().map(edge).collect::<Vec<_>>() })
}

/// `app` needs `used` 1 (which has an optional `maybe`), builds with `builder` (which needs `used` 2), is tested with
/// `tester`.
fn metadata(used_features: &[&str]) -> Metadata {
    let none = json!({});
    let optional = json!({ "optional": true });
    let used =
        json!({ "std": ["maybe?/std"], "default": ["std"], "maybe": ["dep:maybe"], "more": ["maybe/std"] });
    let value = json!({
        "packages": [
            package("app", "0.1.0", &none, &[
                dependency("used", None, &none),
                dependency("builder", Some("build"), &none),
                dependency("tester", Some("dev"), &none),
                dependency("long-name", None, &json!({ "rename": "short-name" })),
                dependency("local", None, &json!({ "req": "*", "source": null, "path": "/w/local" })),
                dependency("far", None, &json!({ "req": "*", "source": null, "path": "/elsewhere/far" })),
                dependency("from-git", None, &json!({ "req": "*", "source": "git+x" })),
            ]),
            package("used", "1.0.0", &used, &[dependency("maybe", None, &optional)]),
            package("used", "2.0.0", &none, &[]),
            package("maybe", "1.0.0", &none, &[]),
            package("builder", "1.0.0", &none, &[dependency("used", None, &none)]),
            package("tester", "1.0.0", &none, &[]),
            package("local", "1.0.0", &none, &[]),
        ],
        "workspace_members": ["app@0.1.0", "local@1.0.0"],
        "resolve": { "root": null, "nodes": [
            node("app@0.1.0", &[], &[
                ("used@1.0.0", None), ("builder@1.0.0", Some("build")), ("tester@1.0.0", Some("dev")),
                ("local@1.0.0", None),
            ]),
            node("used@1.0.0", used_features, &[("maybe@1.0.0", None)]),
            node("used@2.0.0", &[], &[]),
            node("maybe@1.0.0", &[], &[]),
            node("builder@1.0.0", &[], &[("used@2.0.0", None)]),
            node("tester@1.0.0", &[], &[]),
            node("local@1.0.0", &[], &[]),
        ] },
        "workspace_root": "/w", "target_directory": "/w/target", "version": 1,
    });
    MetadataCommand::parse(value.to_string()).unwrap()
}

const MANIFEST: &str = r#"[dependencies]
used = "1"
short-name = { package = "long-name", version = "1" }
local = { path = "../local" }
from-git.git = "x"
[target.'cfg(unix)'.dependencies]
far = { path = "/elsewhere/far" }
[build-dependencies]
builder = "1"
[dev-dependencies]
tester = "1"
"#;

const LOCK: &str =
    "[[package]]\nname = \"app\"\n\n[[package]]\nname = \"used\"\nversion = \"1.0.0\"\n\n[[package]]\n";

fn run(code: &[&str], tests: &[&str], build: &[&str], limits: Limits) -> (Figures, Vec<String>) {
    let metadata = metadata(&["default", "std"]);
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let names = Names { code: set(code), tests: set(tests), build: set(build) };
    let (figures, found) = check(
        Dependencies {
            metadata: &metadata,
            package: &metadata.packages[0],
            manifest: TextFile { path: Path::new("Cargo.toml"), text: MANIFEST },
            lock: TextFile { path: Path::new("Cargo.lock"), text: LOCK },
            names: &names,
        },
        limits,
    );
    let render = |finding: Finding| {
        format!("{} {:?} {}: {}", finding.location.unwrap(), finding.severity, finding.rule, finding.message)
    };
    (figures, found.into_iter().map(render).collect())
}

const ALL: &[&str] = &["used", "short_name", "local", "far", "from_git"];

/// What is found whatever the code uses.
const ALWAYS: [&str; 3] = [
    "Cargo.toml:7:1 Error without-version: `far` is declared without a version",
    "Cargo.toml:5:1 Error without-version: `from-git` is declared without a version",
    "Cargo.lock:5 Warning duplicate: `used` is compiled 2 times: 1.0.0, 2.0.0",
];

#[test]
fn what_is_compiled_is_counted() {
    for (features, expected) in [
        (["default", "std"].as_slice(), 5),
        (["maybe"].as_slice(), 6),
        (["more"].as_slice(), 6),
        ([].as_slice(), 5),
    ] {
        let metadata = metadata(features);
        let found = compiled(&metadata, &metadata.packages[0].id);
        assert_eq!(found.len(), expected, "{features:?}");
        assert!(!found.values().any(|package| package.name.as_str() == "tester"), "tests are not compiled");
    }
}

#[test]
fn dependencies_without_version_and_duplicates_are_found() {
    let (figures, found) = run(ALL, &["tester"], &["builder"], Limits::default());
    assert_eq!(figures, Figures { lock_entries: 3, compiled: 5 });
    assert_eq!(found, ALWAYS);
}

#[test]
fn unused_dependencies_are_found() {
    let (_, found) = run(&["local", "far", "from_git", "builder"], &["used"], &[], Limits::default());
    assert_eq!(
        found.iter().filter(|line| line.contains("unused")).collect::<Vec<_>>(),
        [
            "Cargo.toml:2:1 Error unused: `used` is not used in the code",
            "Cargo.toml:9:1 Error unused: `builder` is not used in the build script",
            "Cargo.toml:11:1 Error unused: `tester` is not used in any code, tests included",
            "Cargo.toml:3:1 Error unused: `short-name` is not used in the code",
        ]
    );
    let (_, found) = run(&[ALL, &["tester"]].concat(), &[], &["builder"], Limits::default());
    assert_eq!(found, ALWAYS, "tests inside of the code use it");
}

#[test]
fn the_budget_is_held() {
    let limits =
        |compiled, lock_entries| Limits { compiled: Some(compiled), lock_entries: Some(lock_entries) };
    assert_eq!(run(ALL, &["tester"], &["builder"], limits(5, 3)).1, ALWAYS);
    let (figures, found) = run(ALL, &["tester"], &["builder"], limits(4, 2));
    assert_eq!(found[0], "Cargo.toml:1 Error budget: 5 crates are compiled, 4 at most");
    assert_eq!(found[1], "Cargo.lock:1 Error budget: 3 packages are locked, 2 at most");
    assert_eq!(figures.beside(limits(4, 2)), "5 of 4 crates compiled, 3 of 2 lock entries");
    assert_eq!(figures.beside(Limits::default()), "5 crates compiled, 3 lock entries");
}
