//! One site of all documentation: documents, references, and what the tools of the components have built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::links::LINK;
use super::{built_of, none, pages, site_folder};
use crate::config::{Component, ComponentKind};
use crate::core::gate::{Coverage, Look};
use crate::core::site::built::{self, Anatomy};
use crate::core::site::{self, Interface, Sources, links};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::tasks::gate;
use crate::tasks::sources::{files_below, has_extension};

/// The file of what has changed, beside the one that a site begins with.
const CHANGES: &str = "CHANGELOG.md";

/// The largest file that documents lead to and that becomes a page, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Makes the site: `site/index.html` in the output folder. What the components' tools build has to be there.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where a link of a page leads nowhere; where the site cannot be written.
pub fn site(cx: &Cx) -> Result<()> {
    let Some(settings) = &cx.config().docs else { return Err(none()) };
    let folder = site_folder(cx);
    clear(cx, &folder)?;
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

/// The pages of what the tool of a component has built. That of crates stands in the site already, the rest is put there.
fn embed(
    cx: &Cx,
    component: &Component,
    folder: &Path,
    anatomies: &mut BTreeMap<PathBuf, Anatomy>,
) -> Result<Option<Interface>> {
    let Some(built) = built_of(component) else { return Ok(None) };
    let (kind, first) = match &component.kind {
        ComponentKind::Python(_) => ("Python", PathBuf::from("index.html")),
        ComponentKind::Node(_) => ("TypeScript", PathBuf::from("index.html")),
        ComponentKind::Rust(rust) => ("Rust", Path::new(&rust.library()).join("index.html")),
    };
    if !cx.root().join(&built).join(&first).is_file() {
        return Err(Error::problems(format!("`{}` is not there", built.join(&first).display()))
            .hint(format!("build it: `cargo xtask docs {}`", component.name)));
    }
    let place = pages::place(component);
    if !matches!(component.kind, ComponentKind::Rust(_)) {
        pages::put(cx, component, &cx.root().join(&built), &place, folder)?;
    }
    let mut found = Vec::new();
    pages::visit(cx, &folder.join(&place), &place, &mut |from, address| {
        if !pages::is_page(from) {
            return Ok(());
        }
        let anatomy = built::read(&files::read(from)?);
        if is_worth_finding(address, &anatomy) {
            found.push((address.display().to_string(), anatomy.title.clone()));
        }
        anatomies.insert(address.to_owned(), anatomy);
        Ok(())
    })?;
    found.sort();
    let title = format!("{} ({kind})", component.name);
    Ok(Some(Interface { title, address: place.join(first).display().to_string(), pages: found }))
}

/// Takes the site away, but for what the tasks before it have put there.
fn clear(cx: &Cx, folder: &Path) -> Result<()> {
    let interfaces = folder.join(pages::INTERFACES);
    let stays = |name: &String| cx.config().crates().any(|(component, _)| component.name == *name);
    for name in files::names(folder)?.iter().filter(|name| *name != pages::INTERFACES) {
        files::remove(&folder.join(name))?;
    }
    for name in files::names(&interfaces)?.iter().filter(|name| !stays(name)) {
        files::remove(&interfaces.join(name))?;
    }
    Ok(())
}

/// Whether somebody would look for a page: not for the text of a file, nor for one that only leads on.
fn is_worth_finding(address: &Path, anatomy: &Anatomy) -> bool {
    let is_listing =
        address.components().any(|part| part.as_os_str() == "src" || part.as_os_str() == "_modules");
    !is_listing && !anatomy.title.is_empty() && anatomy.title != "Redirection"
}
