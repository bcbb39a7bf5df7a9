//! A folder that is made once, and again when what it was made from has changed.
//!
//! The last thing written into a made folder is its stamp: what it was made from, and some of what was made. No stamp, or one
//! that speaks of something else, and the folder is made again. A marker outside of the folder stands while it is worked on,
//! so that what was left half-finished is told from what people made by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Made;
use super::interpreter::Interpreter;
use crate::cx::{Cx, files};
use crate::error::{Context as _, Error, Result};

/// The version of the stamp's form and meaning. It rises when the way in which something is made changes.
const FORMAT: u32 = 1;

/// How to make a folder.
pub(super) trait Recipe {
    /// The folder that is made.
    fn folder(&self) -> &Folder;
    /// What it is made from. `known` are interpreters that were asked before; those that are unchanged are not asked again.
    fn gather(&self, cx: &Cx, known: &[Interpreter]) -> Result<Ingredients>;
    /// Makes it.
    fn make(&self, cx: &Cx, ingredients: &Ingredients, before: Before) -> Result<()>;
    /// Some of what was made: paths in the folder, or absolute ones, whose absence shows that it has been damaged since.
    fn witnesses(&self, cx: &Cx) -> Result<Vec<PathBuf>>;
}

/// A folder with a name.
#[derive(Debug)]
pub(super) struct Folder {
    /// The last part of the task's name: `backend`.
    pub(super) name: String,
    /// The absolute path.
    pub(super) path: PathBuf,
    /// The path relative to the repository, for people.
    pub(super) shown: PathBuf,
    marker: PathBuf,
}

/// What a folder is made from.
#[derive(Debug)]
pub(super) struct Ingredients {
    /// Files by the names that people know them by, and their contents.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The programs it is made with and for.
    pub(super) interpreters: Vec<Interpreter>,
}

/// What stands where the folder is to be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// What we made from something else, or left half-finished.
    Ours,
    /// What somebody made by other means.
    Foreign,
}

/// Whether what set-up makes stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// It stands, made from what is there now.
    Made,
    /// It has to be made again, and why.
    Stale(String),
    /// It was never made.
    Missing,
}

#[derive(Debug, Deserialize, Serialize)]
struct Stamp {
    format: u32,
    /// What it was made from: file by file, interpreter by interpreter, the system, the place.
    parts: BTreeMap<String, String>,
    interpreters: Vec<Interpreter>,
    witnesses: Vec<PathBuf>,
}

impl Folder {
    /// The folder at `shown`, a path relative to the repository, called `name`.
    pub(super) fn new(cx: &Cx, name: &str, shown: PathBuf) -> Self {
        let marker = cx.tools_folder().join("setup").join(format!("{name}.begun"));
        Self { name: name.to_owned(), path: cx.root().join(&shown), shown, marker }
    }

    /// A folder out of sight that holds nothing but the stamp, for what is looked at and not made. `shown` is what it is for.
    pub(super) fn out_of_sight(cx: &Cx, name: &str, shown: PathBuf) -> Self {
        let path = cx.tools_folder().join("setup").join(name);
        Self { path, ..Self::new(cx, name, shown) }
    }

    /// Whether anything stands there, a link that leads nowhere included.
    pub(super) fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    fn stamp_path(&self) -> PathBuf {
        self.path.join(".xtask-stamp.json")
    }

    /// The stamp; a missing or unreadable one is none.
    fn stamp(&self) -> Option<Stamp> {
        let text = std::fs::read(self.stamp_path()).ok()?;
        serde_json::from_slice(&text).ok().filter(|stamp: &Stamp| stamp.format == FORMAT)
    }
}

impl Ingredients {
    fn parts(&self, folder: &Folder) -> BTreeMap<String, String> {
        let digest = |(name, content): &(String, Vec<u8>)| {
            (format!("`{name}`"), blake3::hash(content).to_hex().to_string())
        };
        let interpreter = |interpreter: &Interpreter| {
            let path = interpreter.executable.path.display();
            (interpreter.name.clone(), format!("{} at {path}", interpreter.version))
        };
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        let place = folder.path.to_string_lossy().into_owned();
        let files = self.files.iter().map(digest);
        let others = [("system".to_owned(), system), ("place".to_owned(), place)];
        files.chain(self.interpreters.iter().map(interpreter)).chain(others).collect()
    }
}

impl Stamp {
    /// Why the folder has to be made again; `None` where it stands.
    fn stale(&self, folder: &Folder, ingredients: &Ingredients) -> Option<String> {
        let parts = ingredients.parts(folder);
        let mut names = parts.keys().chain(self.parts.keys());
        if let Some(name) = names.find(|name| self.parts.get(*name) != parts.get(*name)) {
            let is_file = name.starts_with('`');
            return Some(match (self.parts.get(name), parts.get(name)) {
                (Some(before), Some(now)) if !is_file => format!("{name} was {before} and is {now}"),
                (Some(_), Some(_)) => format!("{name} has changed"),
                (None, _) => format!("{name} is new"),
                (Some(_), None) => format!("{name} is gone"),
            });
        }
        let missing = self.witnesses.iter().find(|witness| !folder.path.join(witness).exists())?;
        Some(format!("`{}` is gone", missing.display()))
    }
}

/// Makes the folder unless it stands.
pub(super) fn ensure(cx: &Cx, recipe: &dyn Recipe) -> Result<Made> {
    let folder = recipe.folder();
    let stamp = folder.stamp();
    let known = stamp.as_ref().map(|stamp| stamp.interpreters.as_slice()).unwrap_or_default();
    let ingredients = recipe.gather(cx, known)?;
    if stamp.is_some_and(|stamp| stamp.stale(folder, &ingredients).is_none()) {
        return Ok(Made::Before);
    }
    let shown = folder.shown.display();
    let failed = || format!("could not set up `{shown}`");
    let _lock = cx.lock(&folder.name, &format!("sets up `{shown}`")).context(failed)?;
    // Whoever had the lock may have made it, and the files may have changed while we waited.
    let ingredients = recipe.gather(cx, &ingredients.interpreters)?;
    let stamp = folder.stamp();
    let stale = stamp.as_ref().map(|stamp| stamp.stale(folder, &ingredients));
    match &stale {
        Some(None) => return Ok(Made::Now),
        Some(Some(reason)) => cx.note(format!("`{shown}` is made again: {reason}")),
        None => {}
    }
    let before = match (folder.exists(), stamp.is_some() || folder.marker.exists()) {
        (false, _) => Before::Nothing,
        (true, true) => Before::Ours,
        (true, false) => Before::Foreign,
    };
    files::write(&folder.marker, b"").context(failed)?;
    files::remove(&folder.stamp_path()).context(failed)?;
    recipe.make(cx, &ingredients, before).context(failed)?;
    let stamp = Stamp {
        format: FORMAT,
        parts: ingredients.parts(folder),
        witnesses: recipe.witnesses(cx).context(failed)?,
        interpreters: ingredients.interpreters,
    };
    let text = serde_json::to_vec_pretty(&stamp)
        .map_err(|error| Error::bug("a stamp cannot be written as JSON").source(error))?;
    files::write(&folder.stamp_path(), &text).context(failed)?;
    files::remove(&folder.marker).context(failed)?;
    Ok(Made::Now)
}

/// Whether the folder stands. Changes nothing.
pub(super) fn state(cx: &Cx, recipe: &dyn Recipe) -> State {
    let folder = recipe.folder();
    let Some(stamp) = folder.stamp() else {
        return match (folder.exists(), folder.marker.exists()) {
            (true, true) => State::Stale("it was left half-finished".to_owned()),
            (true, false) => State::Stale("it was made by other means".to_owned()),
            (false, _) => State::Missing,
        };
    };
    match recipe.gather(cx, &stamp.interpreters) {
        Ok(ingredients) => stamp.stale(folder, &ingredients).map_or(State::Made, State::Stale),
        Err(error) => State::Stale(error.message().to_owned()),
    }
}

/// Reads the files of a recipe: relative to `folder` on disk, called by their paths in the repository.
pub(super) fn read(cx: &Cx, folder: &Path, names: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>> {
    let read = |name: &PathBuf| {
        let shown = folder.join(name);
        let content = std::fs::read(cx.root().join(&shown)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::configuration(format!("`{}` is not there", shown.display()))
            }
            _ => Error::io(format!("could not read `{}`", shown.display()), error),
        })?;
        Ok((shown.to_string_lossy().into_owned(), content))
    };
    names.iter().map(read).collect()
}
