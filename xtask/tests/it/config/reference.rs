//! The reference of `xtask.toml`, made of what stands at the fields of its types: `docs/reference/configuration.md`.
//!
//! The file is committed and held against the types here; `UPDATE_EXPECT=1` writes it anew. That no key is missing is held
//! against the readers: each key that they ask for has to be described.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use expect_test::expect_file;

/// The sections, each with the type that holds it and the file of that.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("The sections", "src/config.rs", "Config"),
    ("`[components.NAME]`", "src/config.rs", "Component"),
    ("`[components.NAME]` of the kind `python`", "src/config.rs", "Python"),
    ("`[components.NAME]` of the kind `node`", "src/config.rs", "Node"),
    ("`[components.NAME]` of the kind `rust`", "src/config.rs", "Rust"),
    ("`[components.NAME.image]`", "src/config/image.rs", "ComponentImage"),
    ("`[components.NAME.image.smoke]`", "src/config/image.rs", "ImageSmoke"),
    ("`[components.NAME.coverage]`", "src/config/coverage.rs", "ComponentCoverage"),
    ("`[image]`", "src/config/image.rs", "ImageSettings"),
    ("`[coverage]`", "src/config/coverage.rs", "CoverageSettings"),
    ("`[tools]`", "src/config.rs", "Tools"),
    ("`[tasks.\"ID\"]`", "src/config.rs", "TaskSettings"),
    ("`[environment]`", "src/config.rs", "EnvironmentSettings"),
    ("`[cache]`", "src/config.rs", "CacheSettings"),
    ("`[cache]` with a server", "src/config.rs", "RemoteSettings"),
    ("`[docs]`", "src/config.rs", "DocsSettings"),
    ("`[gates]`", "src/config/gates.rs", "GateSettings"),
    ("`[[waivers]]`", "core/src/judgement/waiver.rs", "Waiver"),
    ("`[dependencies]`", "src/config.rs", "DependencySettings"),
    ("`[budget]`", "src/config.rs", "Budget"),
    ("`[contracts.NAME]`", "src/config/contract.rs", "Contract"),
    ("`[perf]`", "src/config/perf.rs", "PerfSettings"),
    ("`[perf.servers.COMPONENT]`", "src/config/perf.rs", "PerfServer"),
    ("`[perf.scenarios.NAME]`", "src/config/perf.rs", "PerfScenario"),
    ("`[bench]`", "src/config/bench.rs", "BenchSettings"),
    ("`[bench.suites.NAME]`", "src/config/bench.rs", "BenchSuite"),
    ("`[release]`", "src/config/release.rs", "Release"),
    ("`[release.components.NAME]`", "src/config/release.rs", "ReleaseComponent"),
    ("`[environments.NAME]`", "src/config/release.rs", "EnvironmentConfig"),
    ("`[environments.NAME.eks]`", "src/config/release.rs", "EksConfig"),
    ("`[environments.NAME.notifications]`", "src/config/release.rs", "NotificationsConfig"),
    ("`[environments.NAME.freeze]`", "src/config/release.rs", "FreezeConfig"),
];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap()
}

/// A type: what is said of it, and of each of its fields that is a key.
struct Described {
    name: String,
    about: String,
    keys: Vec<String>,
}

/// The public types of a file with named fields, in its order.
fn types(text: &str) -> Vec<Described> {
    let mut found: Vec<Described> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        let line = line.trim_end();
        if let Some(words) = line.trim_start().strip_prefix("///") {
            said.push(words.strip_prefix(' ').unwrap_or(words));
            continue;
        }
        if line.trim_start().starts_with("#[") {
            continue;
        }
        if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            found.push(Described { name: name.to_owned(), about: said.join("\n"), keys: Vec::new() });
            is_inside = true;
        } else if line == "}" {
            is_inside = false;
        } else if is_inside
            && line.starts_with("    pub ")
            && said.first().is_some_and(|said| said.starts_with('`'))
        {
            found.last_mut().unwrap().keys.push(said.join("\n"));
        }
        said.clear();
    }
    found
}

/// Text of a comment as Markdown that stands alone: a link to a type is only its name.
fn plain(text: &str) -> String {
    let mut plain = text.to_owned();
    while let Some(start) = plain.find("[`") {
        let Some(end) = plain[start..].find("`]").map(|end| start + end) else { break };
        let behind = &plain[end + 2..];
        let target = if behind.starts_with('(') { behind.find(')').map_or(0, |end| end + 1) } else { 0 };
        let name = plain[start + 1..=end].to_owned();
        plain.replace_range(start..end + 2 + target, &name);
    }
    plain
}

fn page() -> String {
    let mut page = String::from(
        "# xtask.toml\n\nMade of the comments at the types that hold it; `UPDATE_EXPECT=1 cargo test -p xtask --test it -- config::reference`\nwrites it anew.\n\n\
         All problems of the file are reported at once, each with its line and the nearest right word. Durations are whole numbers with\n\
         the units `ms`, `s`, `m`, `h`, `d`, added up: `90s`, `1h 30m`. Sizes are a whole number with one of `B`, `KB`, `MB`, `GB`, `TB`\n\
         (1000s) or `KiB`, `MiB`, `GiB`, `TiB` (1024s). Neither may be zero.\n",
    );
    for (heading, file, name) in SECTIONS {
        let types = types(&text(file));
        let described =
            types.iter().find(|one| one.name == *name).unwrap_or_else(|| panic!("no `{name}` in {file}"));
        write!(page, "\n## {heading}\n\n{}\n\n", plain(&described.about)).unwrap();
        for key in &described.keys {
            let key = plain(key).replace('\n', "\n  ").replace("\n  \n", "\n\n");
            writeln!(page, "- {key}").unwrap();
        }
    }
    page
}

#[test]
fn it_says_what_the_types_say() {
    expect_file!["../../../../docs/reference/configuration.md"].assert_eq(&page());
}

#[test]
fn no_type_is_left_out() {
    let listed: BTreeSet<&str> = SECTIONS.iter().map(|(_, _, name)| *name).collect();
    let modules = ["bench", "contract", "coverage", "gates", "image", "perf", "release"]
        .map(|name| format!("src/config/{name}.rs"));
    for file in std::iter::once("src/config.rs").chain(modules.iter().map(String::as_str)) {
        for described in types(&text(file)) {
            let is_known = described.keys.is_empty() || listed.contains(described.name.as_str());
            assert!(is_known, "{file}: `{}` has keys and no section in the reference", described.name);
        }
    }
}

#[test]
fn every_key_that_is_read_is_described() {
    let page = page();
    let mut keys = BTreeSet::new();
    for entry in walkdir::WalkDir::new(folder().join("src/config")) {
        let path = entry.unwrap().into_path();
        let is_reader = path.ends_with("sections.rs") || path.parent().unwrap().ends_with("sections");
        if !is_reader || path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for call in [".optional(", ".required("] {
            let calls = text.split(call).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            keys.extend(calls.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert!(keys.len() > 100, "{keys:?}");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words: BTreeSet<&str> = page.split(|c| !is_word(c)).collect();
    let missing: Vec<&String> = keys.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "described nowhere: {missing:?}");
}
