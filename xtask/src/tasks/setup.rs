//! Makes what the tasks need and the machine does not bring along: tools, virtual environments, packages.
//!
//! Everything is pinned with hashes and lies in the repository. What stands already is left alone in a few milliseconds and
//! without starting a process; what was left half-finished is made anew; two set-ups at once take turns.

use std::path::PathBuf;

use crate::config::{Component, ComponentKind};
use crate::cx::Cx;
use crate::error::{Error, Result};

mod folder;
pub(super) mod install;
pub(super) mod interpreter;
mod node;
mod python;
mod rust;

pub use folder::State;
pub(super) use rust::pinned_version as pinned_rust;

use folder::Recipe;

/// What had to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Made {
    /// Nothing: it stood.
    Before,
    /// It was made, here or by another process while this one waited.
    Now,
}

/// Sets up the repository's own tools of `[tools]`: `uv` and its like, in `.xtask/tools`. Without `[tools]`, nothing.
pub fn tools(cx: &Cx) -> Result<Made> {
    match python::Tools::new(cx) {
        Some(tools) => folder::ensure(cx, &tools),
        None => Ok(Made::Before),
    }
}

/// Sets up a component, and the tools first where it takes them: the virtual environment of a Python component, the
/// `node_modules` of a Node component. The toolchain of a Rust component is only looked at; rustup brings it.
pub fn component(cx: &Cx, component: &Component) -> Result<Made> {
    folder::ensure(cx, recipe(cx, component).as_ref())
}

/// What a task says of a set-up: the tasks that wait for it have been looked at already, and need not be once more where it has
/// changed nothing.
pub(super) fn task(cx: &Cx, made: Result<Made>) -> Result<()> {
    if made? == Made::Before {
        cx.unchanged();
    }
    Ok(())
}

/// The program `name` of the repository's own tools.
pub fn tool(cx: &Cx, name: &str) -> Result<PathBuf> {
    let tools = cx.config().tools.as_ref().ok_or_else(|| {
        Error::configuration(format!("`{name}` is needed, and `xtask.toml` has no `[tools]`"))
            .hint(format!("add `[tools]` with `requirements`, a file with hashes that pins `{name}`"))
    })?;
    let program = python::program(&python::tools_folder(cx), name);
    if program.exists() {
        return Ok(program);
    }
    let requirements = tools.requirements.display();
    Err(Error::configuration(format!("`{requirements}` does not bring `{name}`"))
        .hint(format!("pin `{name}` there, with its hashes")))
}

/// What [`tools`] and [`component`] make, each by its task's name, and whether it stands.
pub fn states(cx: &Cx) -> Vec<(String, PathBuf, State)> {
    let tools = python::Tools::new(cx).map(|tools| Box::new(tools) as Box<dyn Recipe>);
    let components = cx.config().components.iter().map(|component| recipe(cx, component));
    let state = |recipe: Box<dyn Recipe>| {
        let folder = recipe.folder();
        (format!("setup.{}", folder.name), folder.shown.clone(), folder::state(cx, recipe.as_ref()))
    };
    tools.into_iter().chain(components).map(state).collect()
}

fn recipe(cx: &Cx, component: &Component) -> Box<dyn Recipe> {
    match &component.kind {
        ComponentKind::Python(python) => Box::new(python::Environment::new(cx, component, python)),
        ComponentKind::Node(_) => Box::new(node::Modules::new(cx, component)),
        ComponentKind::Rust(_) => Box::new(rust::Toolchain::new(cx, component)),
    }
}
