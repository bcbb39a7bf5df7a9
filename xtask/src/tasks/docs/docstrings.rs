//! How much of what is public a component documents, against what `xtask.toml` asks for.

use std::path::Path;

use crate::config::{Component, Python, Rust};
use crate::core::command::Command;
use crate::core::docstring::{self, Measure};
use crate::core::gate::Look;
use crate::cx::{Cx, files};
use crate::error::Result;
use crate::tasks::{gate, tool};

/// Takes a package apart by Python's own grammar.
const SCRIPT: &str = include_str!("docstrings.py");

/// What typedoc writes for programs, in the folder that it builds.
pub(super) const REFLECTIONS: &str = "reflections.json";

/// Measures a Python component. ruff's rules of the same names find what is missing, but do not count what is there.
pub(super) fn python(cx: &Cx, component: &Component, python: &Python) -> Result<()> {
    let Some(asked) = component.documented_min else { return Ok(()) };
    let command = tool::python(component, "python").args(["-c", SCRIPT, &python.package]);
    let rows = cx.read(command)?;
    conclude(cx, component, asked, docstring::python(&rows, &component.path))
}

/// Measures a Node component by what typedoc has seen.
pub(super) fn node(cx: &Cx, component: &Component, built: &Path) -> Result<()> {
    let Some(asked) = component.documented_min else { return Ok(()) };
    let text = files::read(&built.join(REFLECTIONS))?;
    conclude(cx, component, asked, docstring::typedoc(&text, &component.path))
}

/// Measures a Rust component that rustc has found nothing missing in: it says what is missing, and not how much is there.
pub(super) fn rust(cx: &Cx, component: &Component, rust: &Rust, built: &Path) -> Result<()> {
    let Some(asked) = component.documented_min else { return Ok(()) };
    let all = files::read(&built.join(rust.library()).join("all.html"))?;
    conclude(cx, component, asked, docstring::rustdoc(&all))
}

fn conclude(
    cx: &Cx,
    component: &Component,
    asked: u8,
    measure: std::result::Result<Measure, String>,
) -> Result<()> {
    let look = match measure {
        Err(why) => Look::broken(docstring::TOOL, docstring::UNIT, why),
        Ok(measure) => {
            cx.note(format!("{}: {measure}, at least {asked} % are asked for", component.name));
            measure.look(asked)
        }
    };
    gate::conclude(cx, vec![look])
}

/// The variable that makes rustdoc say what is not documented.
pub(super) fn asked_of_rustdoc(component: &Component, command: Command) -> Command {
    let missing = if component.documented_min.is_some() { " --warn missing_docs" } else { "" };
    command.env("RUSTDOCFLAGS", format!("--deny warnings{missing}"))
}
