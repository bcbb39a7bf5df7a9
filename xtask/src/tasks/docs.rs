//! The documentation of a component, built so that a warning is an error; and the site that holds all of it.

mod docstrings;
mod links;
mod pages;
mod show;
mod site;

use std::path::{Path, PathBuf};

use super::{footprints, tool};
use crate::config::{Component, ComponentKind, Rust};
use crate::core::finding::{node, python, rust};
use crate::core::site::rustdoc as crates;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

pub use links::links;
pub(super) use pages::place;
pub use show::{Options, show};
pub use site::site;

/// The folder of the site in the output folder.
pub const SITE: &str = "site";

/// Builds the documentation of the component and returns the folder it is in. Where the component says how much of what is
/// public has to be documented, that is measured.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where the tool warned or failed, or too little is documented, [`Usage`](crate::ErrorKind::Usage) for a
/// component that has no documentation to build.
pub fn component(cx: &Cx, component: &Component) -> Result<PathBuf> {
    match &component.kind {
        ComponentKind::Python(python) => match &python.docs {
            Some(sources) => {
                let built = sphinx(cx, component, sources)?;
                docstrings::python(cx, component, python)?;
                Ok(built)
            }
            None => Err(nothing(component).hint(format!(
                "say where the Sphinx sources are: `docs` in `[components.{}]` of xtask.toml",
                component.name
            ))),
        },
        ComponentKind::Rust(rust) => rustdoc(cx, component, rust),
        ComponentKind::Node(node) => match &node.docs {
            Some(script) => typedoc(cx, component, script),
            None => Err(nothing(component).hint(format!(
                "say which npm script runs typedoc: `docs` in `[components.{}]` of xtask.toml",
                component.name
            ))),
        },
    }
}

fn nothing(component: &Component) -> Error {
    Error::usage(format!("`{}` has no documentation to build", component.name))
}

/// Of a repository that has no site.
fn none() -> Error {
    Error::usage("this repository has no site").hint("say where its documents are: `[docs]` in xtask.toml")
}

/// Where the site is.
fn site_folder(cx: &Cx) -> PathBuf {
    cx.output_folder().join(SITE)
}

/// Where the documentation of a component is built, relative to the repository; `None` where it has none.
fn built_of(component: &Component) -> Option<PathBuf> {
    match &component.kind {
        ComponentKind::Python(python) => footprints::docs_folder(component, python),
        ComponentKind::Node(node) => node.docs.as_ref().map(|_| footprints::docs_of(component)),
        ComponentKind::Rust(_) => Some(footprints::docs_of(component)),
    }
    .map(PathBuf::from)
}

/// typedoc, by the npm script that runs it: it is told where to write, pages for people and one file for programs.
fn typedoc(cx: &Cx, component: &Component, script: &str) -> Result<PathBuf> {
    let built = cx.root().join(footprints::docs_of(component));
    let command = tool::npm(component, script)
        .args(["--", "--treatWarningsAsErrors", "--out"])
        .arg(&built)
        .arg("--json")
        .arg(built.join(docstrings::REFLECTIONS));
    let paths = tool::paths(cx, component);
    tool::check(cx, component, command, |output| node::typedoc(output, &paths))?;
    docstrings::node(cx, component, &built)?;
    Ok(built)
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
    let metadata = cx.read(tool::cargo_metadata(cx))?;
    let metadata = cargo_metadata::MetadataCommand::parse(metadata)
        .map_err(|error| Error::problems("could not understand `cargo metadata`").source(error))?;
    let document = |component: &Component, package: &str| {
        docstrings::asked_of_rustdoc(component, tool::cargo(cx, "doc", package).arg("--no-deps"))
    };
    // rustdoc leads to another crate only where that is documented already, and writes what leads nowhere where it is not. What
    // is wrong with that one, its own task says.
    for package in crates::needs(&metadata, &rust.package) {
        if let Some((needed, _)) = cx.config().crates().find(|(_, other)| other.package == package) {
            cx.output(document(needed, package))?;
        }
    }
    let paths = tool::cargo_paths(cx);
    tool::check(cx, component, document(component, &rust.package), |output| {
        rust::cargo("rustdoc", output, &paths)
    })?;
    let built = metadata.target_directory.join("doc");
    let package = rust.library();
    // cargo keeps a record of what it has built and where, and builds all packages into one folder: ours is a copy, as the site
    // has it, so that the site needs no other one.
    let (site, place) = (site_folder(cx), pages::place(component));
    let kept = site.join(&place);
    files::remove(&kept)?;
    for name in files::names(built.as_std_path())? {
        let from = built.join(&name);
        if name == package || (name != "src" && !name.starts_with('.') && !from.join("index.html").is_file())
        {
            pages::put(cx, component, from.as_std_path(), &place.join(&name), &site)?;
        }
    }
    let sources = Path::new("src").join(&package);
    pages::put(cx, component, &built.as_std_path().join(&sources), &place.join(&sources), &site)?;
    files::write(&kept.join("index.html"), crates::root(&package).as_bytes())?;
    docstrings::rust(cx, component, rust, &kept)?;
    Ok(kept.join(package))
}
