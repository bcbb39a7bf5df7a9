//! The documentation of a component, built so that a warning is an error.

use std::path::{Path, PathBuf};

use super::{footprints, tool};
use crate::config::{Component, ComponentKind, Rust};
use crate::core::finding::{python, rust};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// Builds the documentation of the component and returns the folder it is in.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where the tool warned or failed, [`Usage`](crate::ErrorKind::Usage) for a
/// component that has no documentation to build.
pub fn component(cx: &Cx, component: &Component) -> Result<PathBuf> {
    match &component.kind {
        ComponentKind::Python(python) => match &python.docs {
            Some(sources) => sphinx(cx, component, sources),
            None => Err(none(component).hint(format!(
                "say where the Sphinx sources are: `docs` in `[components.{}]` of xtask.toml",
                component.name
            ))),
        },
        ComponentKind::Rust(rust) => rustdoc(cx, component, rust),
        ComponentKind::Node(_) => Err(none(component)),
    }
}

fn none(component: &Component) -> Error {
    Error::usage(format!("`{}` has no documentation to build", component.name))
}

/// Sphinx, into the folder `build` beside the sources.
fn sphinx(cx: &Cx, component: &Component, sources: &Path) -> Result<PathBuf> {
    let built = sources.with_file_name("build");
    // Everything is read anew (`-E`): a page that is up to date would not be read, and its warnings not be seen again.
    let command = tool::python(component, "python")
        .args(["-m", "sphinx.cmd.build", "--no-color", "-E", "-W", "--keep-going", "-b", "html"])
        .arg(sources)
        .arg(&built);
    let paths = tool::paths(cx, component);
    tool::check(cx, component, command, |output| python::sphinx(output, &paths))?;
    Ok(cx.root().join(&component.path).join(built))
}

/// rustdoc, as readers of the published documentation see it: without private items, so that a link to one is a finding.
///
/// `RUSTDOCFLAGS` reaches rustdoc alone, whose results nothing else uses: the target folder stays the common one.
fn rustdoc(cx: &Cx, component: &Component, rust: &Rust) -> Result<PathBuf> {
    let command =
        tool::cargo(cx, "doc", &rust.package).arg("--no-deps").env("RUSTDOCFLAGS", "--deny warnings");
    let paths = tool::cargo_paths(cx);
    tool::check(cx, component, command, |output| rust::cargo("rustdoc", output, &paths))?;
    let metadata = cx.read(tool::cargo_metadata(cx))?;
    let metadata = cargo_metadata::MetadataCommand::parse(metadata)
        .map_err(|error| Error::problems("could not understand `cargo metadata`").source(error))?;
    let built = metadata.target_directory.join("doc");
    let package = rust.package.replace('-', "_");
    // cargo keeps a record of what it has built and where, and builds all packages into one folder: ours is a copy.
    let kept = cx.root().join(footprints::docs_of_rust(component));
    files::remove(&kept)?;
    for name in files::names(built.as_std_path())? {
        let from = built.join(&name);
        if name == package || (name != "src" && !from.join("index.html").is_file()) {
            files::copy_all(from.as_std_path(), &kept.join(&name))?;
        }
    }
    files::copy_all(built.join("src").join(&package).as_std_path(), &kept.join("src").join(&package))?;
    Ok(kept.join(package))
}
