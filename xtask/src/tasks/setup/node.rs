//! The packages of a Node component, by `npm ci`.

use std::path::{Path, PathBuf};

use super::folder::{Before, Folder, Ingredients, Recipe, read};
use super::install::{self, Installer, Words};
use super::interpreter::{self, Interpreter};
use crate::config::Component;
use crate::core::command::{Command, quote};
use crate::cx::{Cx, files};
use crate::error::Result;

/// The `node_modules` of a component.
#[derive(Debug)]
pub(super) struct Modules {
    folder: Folder,
    component: PathBuf,
}

impl Modules {
    /// The packages of this component.
    pub(super) fn new(cx: &Cx, component: &Component) -> Self {
        Self {
            folder: Folder::new(cx, &component.name, component.path.join("node_modules")),
            component: component.path.clone(),
        }
    }

    fn words(&self) -> Words {
        let folder = self.component.display();
        let install = format!("cd {} && npm install", quote(&self.component.to_string_lossy()));
        Words {
            lock: format!("`{folder}/package-lock.json`"),
            mend: format!("bring the lock file in line with `{folder}/package.json`: `{install}`"),
        }
    }
}

impl Recipe for Modules {
    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn gather(&self, cx: &Cx, known: &[Interpreter]) -> Result<Ingredients> {
        let mut names: Vec<PathBuf> = ["package.json", "package-lock.json"].map(PathBuf::from).to_vec();
        // npm's own settings may name another registry, or other kinds of dependencies.
        if cx.root().join(&self.component).join(".npmrc").exists() {
            names.push(PathBuf::from(".npmrc"));
        }
        let mend = self.words().mend;
        let files = read(cx, &self.component, &names).map_err(|error| error.hint(mend))?;
        let interpreters = vec![interpreter::node(cx, known)?, interpreter::npm(cx, known)?];
        Ok(Ingredients { files, interpreters })
    }

    fn make(&self, cx: &Cx, _ingredients: &Ingredients, before: Before) -> Result<()> {
        if before == Before::Foreign {
            let shown = self.folder.shown.display();
            cx.note(format!("`{shown}` was made by other means: replaced by what the lock file says"));
        }
        // `npm ci` begins by removing what is there.
        let install = Command::new("npm")
            .args([
                "ci",
                "--include=dev",
                "--include=optional",
                "--prefer-offline",
                "--no-audit",
                "--no-fund",
            ])
            .cwd(&self.component);
        install::run(cx, Installer::Npm, install, &self.words())
    }

    /// Every package at the top, and npm's own record of all of them.
    fn witnesses(&self, _cx: &Cx) -> Result<Vec<PathBuf>> {
        let names = files::names(&self.folder.path)?;
        let kept = |name: &String| !name.starts_with('.') || name == ".package-lock.json" || name == ".bin";
        Ok(names.iter().filter(|name| kept(name)).map(|name| Path::new(name).to_path_buf()).collect())
    }
}
