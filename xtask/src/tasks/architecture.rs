//! Do imports point the way the architecture says?

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::config::{self, Component, ComponentKind, Config};
use crate::core::command::Command;
use crate::core::finding::Finding;
use crate::core::gate::{Coverage, Look};
use crate::core::rules::contracts;
use crate::core::rules::imports;
use crate::core::rules::{TextFile, scripts};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::tasks::gate;
use crate::tasks::sources::{files_below, with_imports};

/// What is looked at.
const FILE: &str = "file";

/// Whether there is anything to check: a component whose modules have rules, a Python component with contracts.
pub fn applies(component: &Component) -> bool {
    match &component.kind {
        ComponentKind::Rust(rust) => !rust.modules.is_empty(),
        ComponentKind::Python(python) => python.import_contracts || !python.modules.is_empty(),
        ComponentKind::Node(node) => !node.modules.is_empty(),
    }
}

/// Checks the imports of a component by the rules in `xtask.toml`: those of a Rust crate and of scripts ourselves, those of a
/// Python package by import-linter, which is also asked for contracts of its own. Passes where there is nothing to check, which [`applies`] tells beforehand.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where an import breaks a rule,
/// [`Configuration`](crate::ErrorKind::Configuration) where import-linter cannot make sense of its contracts,
/// [`Missing`](crate::ErrorKind::Missing) where it is not installed.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    if !applies(component) {
        return Ok(());
    }
    let looks = match &component.kind {
        ComponentKind::Rust(rust) => vec![rust_imports(cx, component, rust)?],
        ComponentKind::Python(python) => python_imports(cx, component, python)?,
        ComponentKind::Node(node) => vec![script_imports(cx, component, node)?],
    };
    gate::conclude(cx, looks)
}

/// By the rules in `xtask.toml`, and by contracts that import-linter is configured with.
fn python_imports(cx: &Cx, component: &Component, python: &config::Python) -> Result<Vec<Look>> {
    let mut looks = Vec::new();
    if !python.modules.is_empty() {
        let rules = contracts::Rules {
            package: &python.package,
            modules: &python.modules,
            forbidden: &python.forbidden,
        };
        let folder = component.path.join(python.package.replace('.', "/"));
        let there = files_below(cx, &folder, &|path| path.extension().is_some_and(|ending| ending == "py"))?;
        let there: Vec<&Path> = there.iter().map(|(path, _)| path.as_path()).collect();
        let unruled = rules.compare(&folder, &there, Path::new(Config::FILE));
        // A rule for what is not there would be a fault of the configuration to import-linter, which then checks nothing.
        if !unruled.is_empty() {
            return Ok(vec![look(there.len(), unruled)]);
        }
        let scratch = cx.scratch()?;
        let file = scratch.file("import-linter.ini");
        files::write(&file, rules.configuration().as_bytes())?;
        looks.push(python_contracts(cx, component, Some(&file))?);
    }
    if python.import_contracts {
        looks.push(python_contracts(cx, component, None)?);
    }
    Ok(looks)
}

/// What our own rules for imports found in so many files.
fn look(files: usize, findings: Vec<Finding>) -> Look {
    Look::at(imports::TOOL, Coverage::new(files, FILE)).found(findings)
}

fn rust_imports(cx: &Cx, component: &Component, rust: &config::Rust) -> Result<Look> {
    with_imports(cx, component, rust, |rules, sources| look(sources.len(), imports::check(rules, sources)))
}

fn script_imports(cx: &Cx, component: &Component, node: &config::Node) -> Result<Look> {
    let texts = scripts(cx, component)?;
    let files: Vec<TextFile<'_>> = texts.iter().map(|(path, text)| TextFile { path, text }).collect();
    let others = cx.config().components.iter().filter(|other| other.name != component.name);
    let others: Vec<(&str, &Path)> =
        others.map(|other| (other.name.as_str(), other.path.as_path())).collect();
    let rules = scripts::Rules {
        folder: &component.path,
        modules: &node.modules,
        forbidden: &node.forbidden,
        others: &others,
        stated_in: Path::new(Config::FILE),
    };
    Ok(look(files.len(), scripts::check(rules, &files)))
}

/// The scripts of a Node component, tests aside.
pub(super) fn scripts(cx: &Cx, component: &Component) -> Result<Vec<(PathBuf, String)>> {
    let is_test = |path: &Path| {
        let inside = path.strip_prefix(cx.root().join(&component.path)).unwrap_or(path);
        scripts::is_test(path) || inside.iter().any(|part| part == "test" || part == "tests")
    };
    files_below(cx, &component.path, &|path| scripts::is_script(path) && !is_test(path))
}

/// By the contracts in `file`, or in its own configuration.
fn python_contracts(cx: &Cx, component: &Component, file: Option<&Path>) -> Result<Look> {
    let stated = file.map(|file| [OsStr::new("--config"), file.as_os_str()]);
    let command = Command::new(lint_imports(cx, component)?)
        .args(["--no-cache", "--no-logo"])
        .args(stated.into_iter().flatten())
        .cwd(&component.path)
        // It breaks lines at the width of a terminal, in the middle of an import too.
        .env("COLUMNS", "10000");
    let output = cx.output(command)?;
    // Where it has read nothing, no contract is broken either.
    let look = match contracts::analyzed(&output.stdout) {
        Some(files) if files > 0 => Look::at(contracts::TOOL, Coverage::new(files, FILE)),
        _ if output.success() => {
            Look::broken(contracts::TOOL, FILE, "it does not say which files it has read")
        }
        _ => Look::at(contracts::TOOL, Coverage::new(0, FILE)),
    };
    if output.success() {
        return Ok(look);
    }
    let findings = contracts::findings(&output.stdout, &|module| module_file(cx, component, module));
    if findings.is_empty() {
        let said = format!("{}\n{}", output.stdout.trim(), output.stderr.trim());
        return Err(Error::configuration("`lint-imports` could not check its contracts")
            .cause(said.trim())
            .hint(format!("run it by hand in `{}`", component.path.display())));
    }
    Ok(look.found(findings))
}

/// import-linter: the component's own, or that of the repository's tools.
fn lint_imports(cx: &Cx, component: &Component) -> Result<PathBuf> {
    let own = cx.root().join(&component.path).join(".venv");
    let environments = [own, cx.tools_folder().join("tools")];
    let programs = environments.map(|environment| environment.join("bin/lint-imports"));
    programs.into_iter().find(|program| program.is_file()).ok_or_else(|| {
        Error::missing("`lint-imports` is not there")
            .hint(format!("name `import-linter` in the requirements of `{}`", component.name))
            .hint("then install it: `cargo xtask setup`")
    })
}

/// The file of a Python module, relative to the repository.
fn module_file(cx: &Cx, component: &Component, module: &str) -> Option<PathBuf> {
    let path = component.path.join(module.replace('.', "/"));
    let candidates = [path.with_extension("py"), path.join("__init__.py")];
    candidates.into_iter().find(|candidate| cx.root().join(candidate).is_file())
}
