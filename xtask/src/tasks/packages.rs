//! What components are built upon, read from lock files and from what set-up has installed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

use super::image;
use crate::config::{self, Component, ComponentKind, Python};
use crate::core::command::Command;
use crate::core::gate::{Gap, GapKind};
use crate::core::image::memory::Memory;
use crate::core::image::sbom;
use crate::core::inventory::{self, Inventory, Root, Scope, cargo, npm, python};
use crate::core::rules::TextFile;
use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Context as _, Error, ErrorKind, Result};

/// The inventory of a component, and where its packages are installed.
#[derive(Debug)]
pub(super) struct Packages {
    /// What the component is built upon.
    pub(super) inventory: Inventory,
    /// The folders of its packages, by their package URLs, where they are installed.
    pub(super) folders: BTreeMap<String, PathBuf>,
}

/// How the requirements of `[tools]` are called among the components.
pub(super) const TOOLS: &str = "tools";

/// The packages of a component.
pub(super) fn of(cx: &Cx, component: &Component) -> Result<Packages> {
    match &component.kind {
        ComponentKind::Python(python) => of_python(cx, component, python),
        ComponentKind::Node(_) => of_node(cx, component),
        ComponentKind::Rust(rust) => of_rust(cx, component, rust),
    }
}

/// The packages of `[tools]`, where there are some: all for development.
pub(super) fn of_tools(cx: &Cx) -> Result<Option<Packages>> {
    let Some(tools) = &cx.config().tools else { return Ok(None) };
    let files = [(tools.requirements.clone(), Scope::Development)];
    python_packages(cx, TOOLS, Root::default(), &files, &cx.tools_folder().join("tools")).map(Some)
}

/// The packages of all components, then those of `[tools]`.
pub(super) fn of_all(cx: &Cx) -> Result<Vec<Packages>> {
    let components: Result<Vec<Packages>> = cx.config().components.iter().map(|one| of(cx, one)).collect();
    let mut all = components?;
    all.extend(of_tools(cx)?);
    Ok(all)
}

fn of_python(cx: &Cx, component: &Component, python: &Python) -> Result<Packages> {
    let scopes = std::iter::once(Scope::Production).chain(std::iter::repeat(Scope::Development));
    let files: Vec<(PathBuf, Scope)> =
        python.requirements.iter().map(|path| component.path.join(path)).zip(scopes).collect();
    let environment = cx.root().join(&component.path).join(".venv");
    let project = files::read(&cx.root().join(&component.path).join("pyproject.toml")).ok();
    let root = python::root(project.as_deref().unwrap_or_default());
    python_packages(cx, &component.name, root, &files, &environment)
}

fn python_packages(
    cx: &Cx,
    name: &str,
    root: Root,
    files: &[(PathBuf, Scope)],
    environment: &Path,
) -> Result<Packages> {
    let texts: Result<Vec<String>> =
        files.iter().map(|(path, _)| files::read(&cx.root().join(path))).collect();
    let texts = texts?;
    let read: Vec<(TextFile<'_>, Scope)> =
        files.iter().zip(&texts).map(|((path, scope), text)| (TextFile { path, text }, *scope)).collect();
    let installed = installed(cx, environment)?;
    let distributions: Option<Vec<python::Distribution>> = installed
        .as_ref()
        .map(|installed| installed.iter().map(|(distribution, _)| distribution.clone()).collect());
    let inventory = python::inventory(name, root, &read, distributions.as_deref());
    let folders = installed.into_iter().flatten().map(|(one, folder)| (one.purl(), folder)).collect();
    Ok(Packages { inventory, folders })
}

/// What the image of a component brings beside the packages of its inventory, by the look at the last image that was built
/// here. The gap says why that is not known.
pub(super) fn of_image(
    cx: &Cx,
    component: &Component,
    inventory: &Inventory,
) -> std::result::Result<Vec<sbom::Package>, Gap> {
    let path = image::looked_at(cx, &component.name);
    let memory = files::read(&path).map(|text| Memory::parse(&text)).unwrap_or_default();
    let known = memory.whole().ok_or_else(|| Gap {
        kind: GapKind::CouldNotLook,
        why: format!(
            "what the image of {} brings beside its own packages is not known: none was built here that could be looked at whole",
            component.name
        ),
        hint: Some(format!("build it first: `cargo xtask image {}`", component.name)),
    })?;
    let own: BTreeSet<String> = inventory.packages.iter().map(inventory::Package::purl).collect();
    let mut packages = known.inventory.packages();
    packages.retain(|package| !own.contains(&package.purl));
    Ok(packages)
}

/// What a virtual environment holds, with the folder of each package's metadata; `None` where there is no environment.
pub(super) fn installed(cx: &Cx, environment: &Path) -> Result<Option<Vec<(python::Distribution, PathBuf)>>> {
    let Some(packages) = site_packages(environment)? else { return Ok(None) };
    let mut found = Vec::new();
    for name in files::names(&packages)?.into_iter().filter(|name| name.ends_with(".dist-info")) {
        cx.check()?;
        let folder = packages.join(name);
        // What is half installed says nothing.
        let metadata = files::read(&folder.join("METADATA")).ok();
        found.extend(metadata.and_then(|text| Some((python::distribution(&text)?, folder))));
    }
    Ok(Some(found))
}

/// The folder in which a virtual environment keeps its packages; `None` where there is none.
pub(super) fn site_packages(environment: &Path) -> Result<Option<PathBuf>> {
    let versions = environment.join("lib");
    let mut names = files::names(&versions)?;
    names.retain(|name| name.starts_with("python"));
    let folders = names.into_iter().map(|name| versions.join(name).join("site-packages"));
    Ok(folders.into_iter().find(|folder| folder.is_dir()))
}

fn of_node(cx: &Cx, component: &Component) -> Result<Packages> {
    let folder = cx.root().join(&component.path);
    let path = component.path.join("package-lock.json");
    let text = files::read(&cx.root().join(&path)).context(|| "the lock file is missing".to_owned())?;
    let manifest = |key: &str| files::read(&folder.join(key).join("package.json")).ok();
    let lock = TextFile { path: &path, text: &text };
    let inventory = npm::inventory(&component.name, lock, &manifest);
    let direct = inventory
        .packages
        .iter()
        .map(|package| (package.purl(), folder.join("node_modules").join(&package.identity.name)));
    let folders = direct.filter(|(_, folder)| folder.is_dir()).collect();
    Ok(Packages { inventory, folders })
}

fn of_rust(cx: &Cx, component: &Component, rust: &config::Rust) -> Result<Packages> {
    let (metadata, gap) = all_platforms(cx, component)?;
    let found = metadata.workspace_packages().into_iter().find(|one| one.name.as_str() == rust.package);
    let id = found.map(|package| package.id.clone()).ok_or_else(|| {
        let message =
            format!("`{}` is no package of the workspace at `{}`", rust.package, component.path.display());
        Error::configuration(message)
            .hint(format!("correct `package` in `[components.{}]` of xtask.toml", component.name))
    })?;
    let lock = metadata.workspace_root.as_std_path().join("Cargo.lock");
    let text = files::read(&lock)?;
    let path = lock.strip_prefix(cx.root()).unwrap_or(&lock);
    let mut inventory = cargo::inventory(&component.name, &metadata, &id, TextFile { path, text: &text });
    inventory.gaps.extend(gap);
    let folders = metadata.packages.iter().filter_map(|package| {
        let folder = package.manifest_path.parent()?.as_std_path().to_owned();
        Some((inventory::purl(&cargo::identity(package)), folder))
    });
    Ok(Packages { folders: folders.collect(), inventory })
}

/// What cargo knows for all platforms. Where it has not downloaded what only other platforms compile, and cannot, for this
/// one, with a gap that says so.
fn all_platforms(cx: &Cx, component: &Component) -> Result<(Metadata, Option<Gap>)> {
    let all =
        Command::new("cargo").args(["metadata", "--format-version", "1", "--locked"]).cwd(&component.path);
    let output = cx.output(all)?;
    if output.success() {
        return Ok((parse(&output.stdout)?, None));
    }
    let metadata = of_this_platform(cx, component).map_err(|error| match error.kind() {
        ErrorKind::Problems => error.cause(output.stderr.trim()),
        _ => error,
    })?;
    let gap = Gap {
        kind: GapKind::CouldNotLook,
        why: "what only other platforms compile is not downloaded".to_owned(),
        hint: Some("download it: `cargo fetch --locked`".to_owned()),
    };
    Ok((metadata, Some(gap)))
}

/// What cargo knows for this platform. Needs no network once the packages were downloaded.
pub(super) fn of_this_platform(cx: &Cx, component: &Component) -> Result<Metadata> {
    let rustc = cx.read(Command::new("rustc").arg("-vV").cwd(&component.path))?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Error::missing("`rustc -vV` does not say which platform it is for"))?;
    let command = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .cwd(&component.path);
    parse(&cx.read(command)?)
}

fn parse(text: &str) -> Result<Metadata> {
    MetadataCommand::parse(text)
        .map_err(|error| Error::bug("could not read what `cargo metadata` says").source(error))
}
