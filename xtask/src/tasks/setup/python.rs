//! Virtual environments: the repository's own tools by pip, once, and the components by the `uv` among them.

use std::path::{Path, PathBuf};

use super::folder::{Before, Folder, Ingredients, Recipe, read};
use super::install::{self, Installer, Words};
use super::interpreter::{self, Interpreter};
use crate::config::{self, Component};
use crate::core::command::{Command, quote};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};

/// The folder of the tools that belong to no component, in the repository.
const TOOLS: &str = ".xtask/tools";

/// The environment of the tools that belong to no component.
#[derive(Debug)]
pub(super) struct Tools {
    folder: Folder,
    requirements: PathBuf,
}

/// The environment of a component.
#[derive(Debug)]
pub(super) struct Environment {
    folder: Folder,
    component: PathBuf,
    requirements: Vec<PathBuf>,
}

impl Tools {
    /// The tools that `xtask.toml` names, where it does.
    pub(super) fn new(cx: &Cx) -> Option<Self> {
        let requirements = cx.config().tools.as_ref()?.requirements.clone();
        Some(Self { folder: Folder::new(cx, "tools", PathBuf::from(TOOLS)), requirements })
    }
}

impl Recipe for Tools {
    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn gather(&self, cx: &Cx, known: &[Interpreter]) -> Result<Ingredients> {
        gather(cx, known, Path::new(""), std::slice::from_ref(&self.requirements))
    }

    fn make(&self, cx: &Cx, ingredients: &Ingredients, _before: Before) -> Result<()> {
        // Nobody works in this folder: whatever stands there is not worth keeping.
        files::remove(&self.folder.path)?;
        let words = words(Path::new(""), std::slice::from_ref(&self.requirements));
        let base = &ingredients.interpreters[0].executable.path;
        let python = program(&self.folder.path, "python");
        // `venv` swallows what `ensurepip` says when it fails, so the two are called one by one.
        let venv = Command::new(base).args(["-m", "venv", "--without-pip"]).arg(&self.folder.path);
        let ensurepip = Command::new(&python).args(["-m", "ensurepip", "--default-pip"]);
        let pip = Command::new(&python)
            .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"])
            .args(["--require-hashes", "--requirement"])
            .arg(&self.requirements);
        [venv, ensurepip, pip]
            .into_iter()
            .try_for_each(|command| install::run(cx, Installer::Pip, command, &words))
    }

    fn witnesses(&self, _cx: &Cx) -> Result<Vec<PathBuf>> {
        witnesses(&self.folder.path)
    }
}

impl Environment {
    /// The environment of this component.
    pub(super) fn new(cx: &Cx, component: &Component, python: &config::Python) -> Self {
        Self {
            folder: Folder::new(cx, &component.name, component.path.join(".venv")),
            component: component.path.clone(),
            requirements: python.requirements.clone(),
        }
    }

    /// Whether the environment that somebody made by other means has the interpreter that we would give it.
    fn fits(&self, interpreter: &Interpreter) -> bool {
        program(&self.folder.path, "python")
            .canonicalize()
            .is_ok_and(|python| python == interpreter.executable.path)
    }
}

impl Recipe for Environment {
    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn gather(&self, cx: &Cx, known: &[Interpreter]) -> Result<Ingredients> {
        gather(cx, known, &self.component, &self.requirements)
    }

    fn make(&self, cx: &Cx, ingredients: &Ingredients, before: Before) -> Result<()> {
        let (path, shown) = (&self.folder.path, self.folder.shown.display());
        let interpreter = &ingredients.interpreters[0];
        let keep = match before {
            // Made anew even where only a hash has changed: what is installed already is never held against its hash.
            Before::Nothing | Before::Ours => false,
            Before::Foreign if self.fits(interpreter) => {
                cx.note(format!(
                    "`{shown}` was made by other means: its packages become those of the lock files"
                ));
                true
            }
            Before::Foreign => {
                let version = interpreter.version;
                cx.note(format!(
                    "`{shown}` was made by other means for another Python than {version}: replaced"
                ));
                false
            }
        };
        super::tools(cx)?;
        let uv = super::tool(cx, "uv")?;
        let words = words(&self.component, &self.requirements);
        if !keep {
            files::remove(path)?;
            let venv = Command::new(&uv).args(["venv", "--no-project", "--no-python-downloads", "--python"]);
            install::run(cx, Installer::Uv, venv.arg(&interpreter.executable.path).arg(path), &words)?;
        }
        let sync = Command::new(&uv)
            .args(["pip", "sync", "--require-hashes", "--allow-empty-requirements", "--python"])
            .arg(program(path, "python"))
            .args(&self.requirements)
            .cwd(&self.component);
        install::run(cx, Installer::Uv, sync, &words)
    }

    fn witnesses(&self, _cx: &Cx) -> Result<Vec<PathBuf>> {
        witnesses(&self.folder.path)
    }
}

/// The folder of the tools that belong to no component.
pub(super) fn tools_folder(cx: &Cx) -> PathBuf {
    cx.root().join(TOOLS)
}

/// A program of a virtual environment.
pub(super) fn program(environment: &Path, name: &str) -> PathBuf {
    environment.join("bin").join(name)
}

fn gather(cx: &Cx, known: &[Interpreter], folder: &Path, requirements: &[PathBuf]) -> Result<Ingredients> {
    let words = words(folder, requirements);
    let files = read(cx, folder, requirements).map_err(|error| error.hint(words.mend))?;
    Ok(Ingredients { files, interpreters: vec![interpreter::python(cx, known)?] })
}

/// The interpreter, every program, and the record of every package that is installed.
fn witnesses(environment: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let programs = files::names(&environment.join("bin"))?;
    found.extend(programs.into_iter().map(|name| Path::new("bin").join(name)));
    for python in files::names(&environment.join("lib"))? {
        let packages = Path::new("lib").join(python).join("site-packages");
        let names = files::names(&environment.join(&packages))?;
        found.extend(
            names.into_iter().filter(|name| name.ends_with(".dist-info")).map(|name| packages.join(name)),
        );
    }
    if !found.iter().any(|path| path.ends_with("bin/python")) {
        return Err(Error::missing(format!("`{}` has no interpreter", environment.display())));
    }
    Ok(found)
}

fn words(folder: &Path, requirements: &[PathBuf]) -> Words {
    let shown: Vec<String> =
        requirements.iter().map(|path| format!("`{}`", folder.join(path).display())).collect();
    let compile = |path: &PathBuf| {
        let text = |path: &Path| quote(&path.to_string_lossy());
        let source = text(&path.with_extension("in"));
        format!("uv pip compile --universal --generate-hashes --output-file {} {source}", text(path))
    };
    let steps = (!folder.as_os_str().is_empty()).then(|| format!("cd {}", quote(&folder.to_string_lossy())));
    let steps: Vec<String> = steps.into_iter().chain(requirements.iter().map(compile)).collect();
    Words {
        lock: shown.join(" and "),
        mend: format!("compile anew what was edited: `{}`", steps.join(" && ")),
    }
}
