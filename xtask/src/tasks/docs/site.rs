//! One site of all documentation: documents, references, and what the tools of the components have built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::links::LINK;
use super::{built_of, none, site_folder};
use crate::config::{Component, ComponentKind, Rust};
use crate::core::gate::{Coverage, Look};
use crate::core::site::built::{self, Anatomy};
use crate::core::site::rustdoc::{self, Neighbour};
use crate::core::site::{self, Interface, Sources, links};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::tasks::gate;
use crate::tasks::sources::{files_below, has_extension};

/// The file of what has changed, beside the one that a site begins with.
const CHANGES: &str = "CHANGELOG.md";

/// The largest file that documents lead to and that becomes a page, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// The folder in the site of what other tools have built.
const INTERFACES: &str = "api";

/// Makes the site: `site/index.html` in the output folder. What the components' tools build has to be there.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where a link of a page leads nowhere; where the site cannot be written.
pub fn site(cx: &Cx) -> Result<()> {
    let Some(settings) = &cx.config().docs else { return Err(none()) };
    let folder = site_folder(cx);
    files::remove(&folder)?;
    let documents = documents(cx, &settings.folder)?;
    // Contracts and schemas.
    let data = files_below(cx, &settings.folder, &|path| has_extension(path, &["json"]))?;
    let mut anatomies: BTreeMap<PathBuf, Anatomy> = BTreeMap::new();
    let mut interfaces = Vec::new();
    for component in &cx.config().components {
        if let Some(interface) = embed(cx, component, &folder, &mut anatomies)? {
            interfaces.push(interface);
        }
    }
    let read = |path: &Path| file(cx, path);
    let sources = Sources {
        name: &cx.config().name,
        folder: &settings.folder,
        documents: &documents,
        data: &data,
        interfaces: &interfaces,
        read: &read,
    };
    for file in site::render(&sources) {
        cx.check()?;
        files::write(&folder.join(&file.address), file.text.as_bytes())?;
        if has_extension(Path::new(&file.address), &["html"]) {
            anatomies.insert(file.address.into(), built::read(&file.text));
        }
    }
    let exists = |address: &Path| folder.join(address).is_file();
    let shown_in = folder.strip_prefix(cx.root()).unwrap_or(&folder);
    let (count, findings) = built::check(&anatomies, &exists, shown_in);
    gate::conclude(cx, vec![Look::at(links::TOOL, Coverage::new(count, LINK)).found(findings)])
}

/// The documents: with what the repository begins, what its components say of themselves, and everything in their folder.
fn documents(cx: &Cx, folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = files_below(cx, folder, &|path| has_extension(path, &["md"]))?;
    let components = cx.config().components.iter().map(|component| component.path.join(site::START));
    for path in [site::START.into(), CHANGES.into()].into_iter().chain(components) {
        let file = cx.root().join(&path);
        if file.is_file() {
            found.push((path, files::read(&file)?));
        }
    }
    Ok(found)
}

/// A file of the repository that a document leads to. The document may lead anywhere.
fn file(cx: &Cx, path: &Path) -> Option<Vec<u8>> {
    let root = cx.root().canonicalize().ok()?;
    let file = root.join(path).canonicalize().ok()?;
    let is_small = file.metadata().is_ok_and(|about| about.is_file() && about.len() <= FILE_MAX);
    (file.starts_with(root) && is_small).then(|| files::read_bytes(&file).ok()).flatten()
}

/// Copies what the tool of a component has built into the site, with a way back on each page.
fn embed(
    cx: &Cx,
    component: &Component,
    folder: &Path,
    anatomies: &mut BTreeMap<PathBuf, Anatomy>,
) -> Result<Option<Interface>> {
    let Some(built) = built_of(component) else { return Ok(None) };
    let from = cx.root().join(&built);
    let (kind, first) = match &component.kind {
        ComponentKind::Python(_) => ("Python", PathBuf::from("index.html")),
        ComponentKind::Node(_) => ("TypeScript", PathBuf::from("index.html")),
        ComponentKind::Rust(rust) => ("Rust", Path::new(&library(rust)).join("index.html")),
    };
    if !from.join(&first).is_file() {
        return Err(Error::problems(format!("`{}` is not there", built.join(&first).display()))
            .hint(format!("build it: `cargo xtask docs {}`", component.name)));
    }
    let base = Path::new(INTERFACES).join(&component.name);
    let mut pages = Vec::new();
    let neighbours = neighbours(cx, component);
    if let ComponentKind::Rust(rust) = &component.kind {
        let html = rustdoc::root(&library(rust));
        let address = base.join("index.html");
        files::write(&folder.join(&address), html.as_bytes())?;
        anatomies.insert(address, built::read(&html));
    }
    copy(cx, &from, &base, folder, &mut |address, html| {
        let html = site::with_way_back(&address, &rustdoc::joined(html, &neighbours));
        files::write(&folder.join(&address), html.as_bytes())?;
        let anatomy = built::read(&html);
        for script in rustdoc::implementors(&address, &anatomy) {
            if !folder.join(&script).is_file() {
                files::write(&folder.join(&script), b"")?;
            }
        }
        if is_worth_finding(&address, &anatomy) {
            pages.push((address.display().to_string(), anatomy.title.clone()));
        }
        anatomies.insert(address, anatomy);
        Ok(())
    })?;
    pages.sort();
    let title = format!("{} ({kind})", component.name);
    Ok(Some(Interface { title, address: base.join(first).display().to_string(), pages }))
}

/// The name of a crate as code has it.
fn library(rust: &Rust) -> String {
    rust.package.replace('-', "_")
}

/// The crates to which the pages of a component may lead, where it is one.
fn neighbours(cx: &Cx, component: &Component) -> Vec<Neighbour> {
    let crate_of = |other: &Component| match &other.kind {
        ComponentKind::Rust(rust) => Some(Neighbour { folder: other.name.clone(), library: library(rust) }),
        ComponentKind::Python(_) | ComponentKind::Node(_) => None,
    };
    if crate_of(component).is_none() {
        return Vec::new();
    }
    let others = cx.config().components.iter().filter(|other| other.name != component.name);
    others.filter_map(crate_of).collect()
}

/// Whether somebody would look for a page: not for the text of a file, nor for one that only leads on.
fn is_worth_finding(address: &Path, anatomy: &Anatomy) -> bool {
    let is_listing =
        address.components().any(|part| part.as_os_str() == "src" || part.as_os_str() == "_modules");
    !is_listing && !anatomy.title.is_empty() && anatomy.title != "Redirection"
}

/// Copies a folder to `address` in the site, without its pages, of which it tells. What is hidden stays behind.
fn copy(
    cx: &Cx,
    from: &Path,
    address: &Path,
    site: &Path,
    page: &mut dyn FnMut(PathBuf, &str) -> Result<()>,
) -> Result<()> {
    cx.check()?;
    for name in files::names(from)? {
        let (from, address) = (from.join(&name), address.join(&name));
        if name.starts_with('.') {
            continue;
        }
        if from.is_dir() {
            copy(cx, &from, &address, site, page)?;
        } else if has_extension(&from, &["html"]) {
            page(address, &files::read(&from)?)?;
        } else {
            files::copy_all(&from, &site.join(&address))?;
        }
    }
    Ok(())
}
