//! What the tool of a component has built, as a part of the site.

use std::path::{Path, PathBuf};

use crate::config::{Component, ComponentKind};
use crate::core::site::built;
use crate::core::site::rustdoc::{self, Neighbour};
use crate::core::site::with_way_back;
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::tasks::sources::has_extension;

/// The folder in the site of what other tools have built.
pub(super) const INTERFACES: &str = "api";

/// Where in the site that of a component is.
pub(in crate::tasks) fn place(component: &Component) -> PathBuf {
    Path::new(INTERFACES).join(&component.name)
}

/// Whether a file is a page.
pub(super) fn is_page(file: &Path) -> bool {
    has_extension(file, &["html"])
}

/// Puts a file, or all that is in a folder, to `address` in the site, with a way back on each page. What is hidden stays behind.
pub(super) fn put(cx: &Cx, component: &Component, from: &Path, address: &Path, site: &Path) -> Result<()> {
    let neighbours = neighbours(cx, component);
    visit(cx, from, address, &mut |from, address| {
        if !is_page(from) {
            return files::copy_all(from, &site.join(address));
        }
        let html = files::read(from)?;
        let html = with_way_back(address, &rustdoc::joined(&html, &neighbours));
        files::write(&site.join(address), html.as_bytes())?;
        if !rustdoc::may_have_implementors(&html) {
            return Ok(());
        }
        for script in rustdoc::implementors(address, &built::read(&html)) {
            if !site.join(&script).is_file() {
                files::write(&site.join(&script), b"")?;
            }
        }
        Ok(())
    })
}

/// Goes through a file, or all that is in a folder, at `address` in the site, but for what is hidden.
pub(super) fn visit(
    cx: &Cx,
    from: &Path,
    address: &Path,
    file: &mut dyn FnMut(&Path, &Path) -> Result<()>,
) -> Result<()> {
    if !from.is_dir() {
        return file(from, address);
    }
    cx.check()?;
    for name in files::names(from)?.iter().filter(|name| !name.starts_with('.')) {
        visit(cx, &from.join(name), &address.join(name), file)?;
    }
    Ok(())
}

/// The crates to which the pages of a component may lead, where it is one.
fn neighbours(cx: &Cx, component: &Component) -> Vec<Neighbour> {
    if !matches!(component.kind, ComponentKind::Rust(_)) {
        return Vec::new();
    }
    let others = cx.config().crates().filter(|(other, _)| other.name != component.name);
    others.map(|(other, rust)| Neighbour { folder: other.name.clone(), library: rust.library() }).collect()
}
