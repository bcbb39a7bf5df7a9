//! Is what is depended on pinned, hashed, declared, used, and within the budget? And who needs whom?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{gate, packages};
use crate::config::{self, Component, ComponentKind};
use crate::core::finding::Finding;
use crate::core::gate::{Coverage, Look};
use crate::core::rules::cargo::{self, Dependencies, Limits, Names};
use crate::core::rules::{DEPENDENCIES, TextFile, imports, npm, requirements};
use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Context as _, Error, Result};
use crate::tasks::sources::rust_files;

mod ask;
mod usage;

pub use ask::{Form, GraphOptions, graph, outdated, picture, versions, why};

/// Checks the dependencies of a component: cargo's against the budget and the code, Python's and npm's lock files against
/// what they are made from, and what is declared there against what the code imports.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where something is found, and where `cargo` refuses a `Cargo.lock` that is out of
/// step; warnings fail nothing.
pub fn component(cx: &Cx, component: &Component) -> Result<()> {
    match &component.kind {
        ComponentKind::Rust(rust) => gate::conclude(cx, vec![of_rust(cx, component, rust)?]),
        ComponentKind::Python(python) => {
            let compiled = python.requirements.iter().map(|path| component.path.join(path));
            let findings: Vec<Finding> = compiled.flat_map(|path| of_python(cx, &path)).collect();
            gate::conclude(cx, vec![usage::of_python(cx, component, python)?.found(findings)])
        }
        ComponentKind::Node(_) => {
            let findings = of_node(cx, component)?;
            gate::conclude(cx, vec![usage::of_node(cx, component)?.found(findings)])
        }
    }
}

/// Checks the requirements of `[tools]`, where there are some.
pub fn tools(cx: &Cx) -> Result<()> {
    let look = cx.config().tools.as_ref().map(|tools| {
        Look::at(DEPENDENCIES, Coverage::new(1, "file")).found(of_python(cx, &tools.requirements))
    });
    gate::conclude(cx, look.into_iter().collect())
}

fn of_rust(cx: &Cx, component: &Component, rust: &config::Rust) -> Result<Look> {
    let metadata = packages::of_this_platform(cx, component)?;
    let packages = metadata.workspace_packages();
    let Some(package) = packages.into_iter().find(|package| package.name.as_str() == rust.package) else {
        let message =
            format!("`{}` is no package of the workspace at `{}`", rust.package, component.path.display());
        return Err(Error::configuration(message)
            .hint(format!("correct `package` in `[components.{}]` of xtask.toml", component.name)));
    };
    let manifest = package.manifest_path.as_std_path();
    let lock = metadata.workspace_root.as_std_path().join("Cargo.lock");
    let (manifest_text, lock_text) = (files::read(manifest)?, files::read(&lock)?);
    let names = names(cx, manifest.parent().unwrap_or(manifest))?;
    let budget = cx.config().budget;
    let limits = Limits { lock_entries: budget.cargo_lock_entries_max, compiled: budget.cargo_compiled_max };
    let dependencies = Dependencies {
        metadata: &metadata,
        package,
        manifest: TextFile { path: in_repository(cx, manifest), text: &manifest_text },
        lock: TextFile { path: in_repository(cx, &lock), text: &lock_text },
        names: &names,
    };
    let (figures, findings) = cargo::check(dependencies, limits);
    cx.note(figures.beside(limits));
    Ok(Look::at(DEPENDENCIES, Coverage::new(metadata.packages.len(), "package")).found(findings))
}

/// The names of crates in the code of the package in `folder`, an absolute path.
fn names(cx: &Cx, folder: &Path) -> Result<Names> {
    let read = |path: &str| -> Result<BTreeSet<String>> {
        let files = rust_files(cx, in_repository(cx, &folder.join(path)))?;
        Ok(files.iter().flat_map(|(_, text)| imports::first_names(text)).map(str::to_owned).collect())
    };
    let tests = [read("tests")?, read("benches")?, read("examples")?];
    Ok(Names { code: read("src")?, tests: tests.into_iter().flatten().collect(), build: read("build.rs")? })
}

fn of_python(cx: &Cx, compiled: &Path) -> Vec<Finding> {
    let read = |path: &Path| files::read(&cx.root().join(path)).ok();
    requirements::check(&compiled.with_extension("in"), compiled, &read)
}

fn of_node(cx: &Cx, component: &Component) -> Result<Vec<Finding>> {
    let (manifest, lock) = (component.path.join("package.json"), component.path.join("package-lock.json"));
    let read = |path: &PathBuf| files::read(&cx.root().join(path));
    let (manifest_text, lock_text) =
        (read(&manifest)?, read(&lock).context(|| "the lock file is missing".to_owned())?);
    let file = TextFile { path: &manifest, text: &manifest_text };
    Ok(npm::check(file, TextFile { path: &lock, text: &lock_text }))
}

/// The path relative to the repository, where it lies in it.
fn in_repository<'p>(cx: &Cx, path: &'p Path) -> &'p Path {
    path.strip_prefix(cx.root()).unwrap_or(path)
}
