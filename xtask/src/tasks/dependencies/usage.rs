//! What the code of Python and Node components imports, beside what they declare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::sources::{files_below, has_extension};
use super::super::{packages, tool};
use crate::config::{Component, Python};
use crate::core::gate::{Coverage, GapKind, Look};
use crate::core::rules::requirements::{self, python_name};
use crate::core::rules::usage::{Declared, Import, Source, Target, Usage, python, script};
use crate::core::rules::{DEPENDENCIES, TextFile};
use crate::cx::{Cx, files};
use crate::error::Result;

/// The extensions of the files of a Node component.
const SCRIPTS: &[&str] = &["ts", "tsx", "js", "jsx", "mts", "mjs", "cts", "cjs"];

/// The files of a component with what they import.
pub(super) fn sources(cx: &Cx, component: &Component, is_python: bool) -> Result<Vec<Source>> {
    let extensions = if is_python { &["py"][..] } else { SCRIPTS };
    let source = |(path, text): (PathBuf, String)| {
        let inside = path.strip_prefix(&component.path).unwrap_or(&path);
        Source {
            is_development: is_development(inside),
            imports: if is_python { python::imports(&text) } else { script::imports(&text) },
            path,
        }
    };
    Ok(files_below(cx, &component.path, &|path| has_extension(path, extensions))?
        .into_iter()
        .map(source)
        .collect())
}

/// Whether a file, relative to its component, tests, configures or documents.
fn is_development(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let top = path.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
    let in_folder = ["tests", "test", "__tests__", "docs"].contains(&top);
    let of_tests = [".test.", ".spec.", ".config."].iter().any(|part| name.contains(part))
        || name == "conftest.py"
        || name.starts_with("test_");
    in_folder || of_tests
}

/// What is wrong with the imports of a Python component.
pub(super) fn of_python(cx: &Cx, component: &Component, python: &Python) -> Result<Look> {
    let sources = sources(cx, component, true)?;
    let look = Look::at(DEPENDENCIES, Coverage::new(sources.len(), "file"));
    let environment = cx.root().join(&component.path).join(".venv");
    let (Some(installed), Some(folder)) =
        (packages::installed(cx, &environment)?, packages::site_packages(&environment)?)
    else {
        let why = "imports were not compared with what is declared: nothing is installed";
        return Ok(look
            .gap(GapKind::CouldNotLook, why, None)
            .hint(format!("install it: `cargo xtask setup {}`", component.name)));
    };
    // Which packages bring a name, from the lists of their files.
    let mut brings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (distribution, info) in &installed {
        let record = files::read(&folder.join(info).join("RECORD")).unwrap_or_default();
        for name in python::top_names(&record) {
            brings.entry(name).or_default().insert(python_name(&distribution.name));
        }
    }
    let script = "import sys; print(*sys.stdlib_module_names)";
    let standard = cx.read(tool::python(component, "python").args(["-I", "-c", script]))?;
    let standard: BTreeSet<&str> = standard.split_whitespace().collect();
    let modules = Modules::of(component, &sources);
    let mut texts = configuration(cx, component, &["py", "in", "txt", "md", "lock"])?;
    // What builds the documentation is named there.
    let of_docs = python.docs.as_ref().map(|docs| cx.root().join(&component.path).join(docs).join("conf.py"));
    texts.extend(of_docs.and_then(|path| files::read(&path).ok()));
    let mut declared = Vec::new();
    for (position, path) in python.requirements.iter().enumerate() {
        let source = component.path.join(path).with_extension("in");
        let text = files::read(&cx.root().join(&source))?;
        for (name, location) in requirements::asked_for(TextFile { path: &source, text: &text }) {
            let modules =
                brings.iter().filter(|(_, packages)| packages.contains(&name)).map(|(module, _)| module);
            let words: Vec<&str> = modules.map(String::as_str).chain([name.as_str()]).collect();
            let is_used_otherwise =
                is_excused(cx, "pypi", &name) || texts.iter().any(|text| names_one(text, &words));
            declared.push(Declared { is_development: position > 0, is_used_otherwise, location, name });
        }
    }
    let manifest = component.path.join(python.requirements.first().map_or(Path::new(""), PathBuf::as_path));
    let usage = Usage {
        sources: &sources,
        declared: &declared,
        manifest: &manifest.with_extension("in"),
        ecosystem: "pypi",
    };
    let target = |source: &Source, import: &Import| {
        if let Some(own) = modules.target(source, &import.name) {
            return own;
        }
        let top = import.name.split('.').next().unwrap_or_default();
        match brings.get(top) {
            _ if standard.contains(top) => Target::Nothing,
            Some(packages) => Target::Packages(packages.clone()),
            None => Target::Unknown,
        }
    };
    Ok(look.found(usage.check(&target)))
}

/// The modules of a Python component, by their dotted names.
#[derive(Debug)]
pub(super) struct Modules {
    files: BTreeMap<String, PathBuf>,
    names: BTreeMap<PathBuf, String>,
    tops: BTreeSet<String>,
}

impl Modules {
    pub(super) fn of(component: &Component, sources: &[Source]) -> Self {
        let mut modules = Self { files: BTreeMap::new(), names: BTreeMap::new(), tops: BTreeSet::new() };
        for source in sources {
            let inside = source.path.strip_prefix(&component.path).unwrap_or(&source.path);
            let Some(name) = inside.to_str().and_then(python::module) else { continue };
            modules.tops.extend(name.split('.').next().map(str::to_owned));
            // pytest puts the folders of tests on the path.
            if source.is_development {
                modules.tops.extend(name.rsplit('.').next().map(str::to_owned));
            }
            modules.names.insert(source.path.clone(), name.clone());
            modules.files.insert(name, source.path.clone());
        }
        modules
    }

    /// What a name leads to within the component; `None` for what is none of its own.
    pub(super) fn target(&self, source: &Source, name: &str) -> Option<Target> {
        let from = self.names.get(&source.path).map_or("", String::as_str);
        let name = python::absolute(from, source.path.ends_with("__init__.py"), name);
        if !self.tops.contains(name.split('.').next().unwrap_or_default()) {
            return None;
        }
        // `a.b.c` may be a module or something in one.
        let mut module = name.as_str();
        loop {
            if let Some(path) = self.files.get(module) {
                return Some(Target::File(path.clone()));
            }
            match module.rsplit_once('.') {
                Some((outer, _)) => module = outer,
                None => return Some(Target::Own),
            }
        }
    }

    /// The dotted name of a file.
    pub(super) fn name(&self, path: &Path) -> Option<&str> {
        self.names.get(path).map(String::as_str)
    }
}

/// What is wrong with the imports of a Node component.
pub(super) fn of_node(cx: &Cx, component: &Component) -> Result<Look> {
    let sources = sources(cx, component, false)?;
    let look = Look::at(DEPENDENCIES, Coverage::new(sources.len(), "file"));
    let path = component.path.join("package.json");
    let text = files::read(&cx.root().join(&path))?;
    let locked = files::read(&cx.root().join(&component.path).join("package-lock.json"))?;
    // What does not parse was found by who checks these files.
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    let locked: Value = serde_json::from_str(&locked).unwrap_or_default();
    let mut texts = configuration(cx, component, &["json", "md", "lock"])?;
    texts.extend(manifest.get("scripts").map(Value::to_string));
    let entry = |name: &str| locked.get("packages")?.get(format!("node_modules/{name}"));
    let keys = |value: Option<&Value>| -> Vec<String> {
        value.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let groups = [
        ("dependencies", false),
        ("devDependencies", true),
        ("optionalDependencies", false),
        ("peerDependencies", false),
    ];
    let of_group = |(group, is_development): (&'static str, bool)| {
        keys(manifest.get(group)).into_iter().map(move |name| (name, is_development))
    };
    let direct: Vec<(String, bool)> = groups.into_iter().flat_map(of_group).collect();
    let peers: BTreeSet<String> = direct
        .iter()
        .flat_map(|(name, _)| keys(entry(name).and_then(|entry| entry.get("peerDependencies"))))
        .collect();
    let imported: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.imports.iter().filter_map(|import| script::package(&import.name)))
        .collect();
    let file = TextFile { path: &path, text: &text };
    let declared: Vec<Declared> = direct
        .iter()
        .map(|(name, is_development)| {
            let programs = keys(entry(name).and_then(|entry| entry.get("bin")));
            let words: Vec<&str> = programs.iter().map(String::as_str).chain([name.as_str()]).collect();
            // Types are there for the package that they are named after; those of Node for the language.
            let types = name.strip_prefix("@types/");
            let is_used_otherwise = is_excused(cx, "npm", name)
                || peers.contains(name)
                || types.is_some_and(|of| of == "node" || imported.contains(of))
                || texts.iter().any(|text| names_one(text, &words));
            Declared {
                name: name.clone(),
                is_development: *is_development,
                location: script::declared(file, name),
                is_used_otherwise,
            }
        })
        .collect();
    let paths: BTreeSet<&Path> = sources.iter().map(|source| source.path.as_path()).collect();
    let usage = Usage { sources: &sources, declared: &declared, manifest: &path, ecosystem: "npm" };
    Ok(look.found(usage.check(&|source, import| target_of_script(&paths, source, import))))
}

/// What a name in a script leads to.
pub(super) fn target_of_script(paths: &BTreeSet<&Path>, source: &Source, import: &Import) -> Target {
    if import.name.starts_with('.') {
        let found = script::candidates(&source.path, &import.name)
            .into_iter()
            .find(|path| paths.contains(path.as_path()));
        return found.map_or(Target::Own, Target::File);
    }
    script::package(&import.name)
        .map_or(Target::Nothing, |name| Target::Packages(BTreeSet::from([name.to_owned()])))
}

/// Whether somebody has said why a package is needed that nothing imports.
fn is_excused(cx: &Cx, ecosystem: &str, name: &str) -> bool {
    cx.config().dependencies.used.contains_key(&format!("{ecosystem}:{name}"))
}

/// The texts that configure a component: the files at its top, other than those with these extensions.
fn configuration(cx: &Cx, component: &Component, without: &[&str]) -> Result<Vec<String>> {
    let folder = cx.root().join(&component.path);
    let mut texts = Vec::new();
    for name in files::names(&folder)? {
        let path = folder.join(&name);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_file() && !without.contains(&extension) {
            // What is no text configures nothing.
            texts.extend(files::read(&path).ok());
        }
    }
    Ok(texts)
}

/// Whether a text holds one of the words, as a word of its own.
fn names_one(text: &str, words: &[&str]) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    words.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            !before.ends_with(part) && !after.starts_with(part)
        })
    })
}
