//! The toolchain of a Rust component. It is not made but looked at: rustup brings it, and brought the one that compiled this.

use std::path::{Path, PathBuf};

use super::folder::{Before, Folder, Ingredients, Recipe, read};
use super::interpreter::{self, Interpreter};
use crate::config::Component;
use crate::core::command::Command;
use crate::core::toolbox::{self, Tool};
use crate::core::version::Version;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// The file that pins the toolchain.
const PIN: &str = "rust-toolchain.toml";

/// What has to lie beside the compiler.
const BESIDE: &[Tool] = &[toolbox::RUSTFMT, toolbox::CLIPPY];

/// The toolchain of a component. Its folder holds only the stamp, so that a second look starts no process.
#[derive(Debug)]
pub(super) struct Toolchain {
    folder: Folder,
}

impl Toolchain {
    /// The toolchain of this component.
    pub(super) fn new(cx: &Cx, component: &Component) -> Self {
        Self { folder: Folder::out_of_sight(cx, &component.name, component.path.clone()) }
    }
}

impl Recipe for Toolchain {
    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn gather(&self, cx: &Cx, known: &[Interpreter]) -> Result<Ingredients> {
        let pinned = cx.root().join(PIN).exists();
        let mut files = if pinned { read(cx, Path::new(""), &[PIN.into()])? } else { Vec::new() };
        // rustup lets this variable overrule the file.
        if let Some(name) = cx.environment().get("RUSTUP_TOOLCHAIN") {
            files.push(("RUSTUP_TOOLCHAIN".to_owned(), name.as_bytes().to_vec()));
        }
        Ok(Ingredients { files, interpreters: vec![interpreter::rustc(cx, known)?] })
    }

    fn make(&self, cx: &Cx, ingredients: &Ingredients, _before: Before) -> Result<()> {
        let version = ingredients.interpreters[0].version;
        if let Some(wanted) = pinned_version(cx)
            && version < wanted
        {
            return Err(Error::missing(format!("rustc is {version}, and `{PIN}` asks for {wanted}"))
                .hint("install rustup, which brings what the file asks for: `https://rustup.rs`"));
        }
        let programs = programs(cx)?;
        match BESIDE.iter().zip(&programs).find(|(_, program)| !program.exists()) {
            None => Ok(()),
            Some((tool, program)) => Err(Error::missing(format!(
                "`{}` is not there: the toolchain comes without it",
                program.display()
            ))
            .hint(format!("add it: `{}`", tool.get.other))),
        }
    }

    fn witnesses(&self, cx: &Cx) -> Result<Vec<PathBuf>> {
        programs(cx)
    }
}

/// The version in the repository's `rust-toolchain.toml`, where it names one and not a channel like `stable`.
pub(in crate::tasks) fn pinned_version(cx: &Cx) -> Option<Version> {
    let text = files::read(&cx.root().join(PIN)).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Version::find_in(table.get("toolchain")?.get("channel")?.as_str()?)
}

/// The programs of [`BESIDE`], in its order, where this toolchain has or would have them.
fn programs(cx: &Cx) -> Result<Vec<PathBuf>> {
    let sysroot = PathBuf::from(cx.read(Command::new("rustc").args(["--print", "sysroot"]))?);
    Ok(BESIDE.iter().map(|tool| sysroot.join("bin").join(tool.program)).collect())
}
