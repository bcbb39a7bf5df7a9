//! Formatting, lints and types of a component.

use std::path::Path;

use super::{gate, security, tool};
use crate::config::{Component, ComponentKind, Node, Rust};
use crate::core::command::Command;
use crate::core::finding::{node, python, rust};
use crate::core::gate::scanner::hadolint;
use crate::cx::Cx;
use crate::error::{ErrorKind, Result};

/// Whether problems are reported or mended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fix {
    /// Nothing is changed.
    Check,
    /// What the tools can mend is mended; what is left is reported.
    Apply,
}

/// How a component is checked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether problems are reported or mended.
    pub fix: Fix,
}

/// Checks the component with every tool of its kind; all run, whatever the ones before them find.
///
/// Python: ruff, black and mypy, as the component's own files configure them. Node: the scripts that the configuration names.
/// Rust: rustfmt, and clippy with every warning an error.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where a tool found some, [`Missing`](crate::ErrorKind::Missing) where one is not
/// installed.
pub fn component(cx: &Cx, component: &Component, options: &Options) -> Result<()> {
    let sources = lint_sources(cx, component, options.fix);
    let Some(image) = &component.image else { return sources };
    // What is an interruption or a lack says more than what a Dockerfile could be told.
    if let Err(error) = &sources
        && error.kind() != ErrorKind::Problems
    {
        return sources;
    }
    let dockerfile = cx.step("hadolint", |cx| lint_dockerfile(cx, component, &image.dockerfile));
    sources.and(dockerfile)
}

/// The Dockerfile. Where hadolint is not there, that is said: nothing was looked at.
fn lint_dockerfile(cx: &Cx, component: &Component, dockerfile: &Path) -> Result<()> {
    let call = security::Call::new("", component.path.join(dockerfile));
    gate::conclude(cx, vec![security::scan(cx, &hadolint::SCANNER, &call)?])
}

fn lint_sources(cx: &Cx, component: &Component, fix: Fix) -> Result<()> {
    match &component.kind {
        ComponentKind::Python(_) => lint_python(cx, component, fix),
        ComponentKind::Node(node) => lint_node(cx, component, node, fix),
        ComponentKind::Rust(rust) => lint_rust(cx, component, rust, fix),
    }
}

fn lint_python(cx: &Cx, component: &Component, fix: Fix) -> Result<()> {
    let paths = tool::paths(cx, component);
    let mut ruff = tool::python(component, "ruff").args(["check", "--output-format", "full", "."]);
    let mut black = tool::python(component, "black").arg(".");
    match fix {
        Fix::Check => black = black.arg("--check"),
        Fix::Apply => ruff = ruff.arg("--fix"),
    }
    // Which packages it looks at stands in the component's own configuration, as it does for who calls it by hand.
    let mypy =
        tool::python(component, "mypy").args(["--no-pretty", "--show-column-numbers", "--no-color-output"]);
    // What ruff mends, black formats.
    cx.steps()
        .run("ruff", |cx| tool::check(cx, component, ruff, |output| python::ruff(output, &paths)))
        .run("black", |cx| tool::check(cx, component, black, |output| python::black(output, &paths)))
        .run("mypy", |cx| tool::check(cx, component, mypy, |output| python::mypy(output, &paths)))
        .finish()
}

fn lint_node(cx: &Cx, component: &Component, node: &Node, fix: Fix) -> Result<()> {
    let paths = tool::paths(cx, component);
    let mut steps = cx.steps();
    if fix == Fix::Apply {
        for script in &node.fix {
            steps.run(script, |cx| mend(cx, component, script));
        }
    }
    for script in &node.lint {
        steps.run(script, |cx| {
            let attempt = tool::attempt(cx, component, tool::npm(component, script))?;
            let is_silent = attempt.output.trim().is_empty();
            let mut error = attempt.error;
            if is_silent {
                let file = component.path.join("package.json");
                error =
                    error.map(|error| error.hint(format!("has `{}` a script `{script}`?", file.display())));
            }
            tool::conclude(cx, error, node::script(&attempt.output, &paths))
        });
    }
    steps.finish()
}

/// Runs a script that mends. One that could not mend everything says so by its exit code, as eslint does: the scripts that
/// check come after it and say what is left.
fn mend(cx: &Cx, component: &Component, script: &str) -> Result<()> {
    let attempt = tool::attempt(cx, component, tool::npm(component, script))?;
    match (attempt.error, attempt.code) {
        (Some(error), Some(1)) if !attempt.output.trim().is_empty() => {
            cx.note(format!("`{script}` left something: {error}"));
            Ok(())
        }
        (error, _) => error.map_or(Ok(()), Err),
    }
}

fn lint_rust(cx: &Cx, component: &Component, rust: &Rust, fix: Fix) -> Result<()> {
    let paths = tool::cargo_paths(cx);
    let format = rustfmt(&rust.package, fix);
    let clippy = || tool::cargo(cx, "clippy", &rust.package).arg("--all-targets");
    let deny = clippy().args(["--", "--deny", "warnings"]);
    let mut steps = cx.steps();
    if fix == Fix::Apply {
        // It passes whatever it leaves, so that clippy looks again. What clippy mends, rustfmt formats.
        let mend = clippy().args(["--fix", "--allow-dirty", "--allow-staged", "--allow-no-vcs"]);
        steps.run("clippy-fix", |cx| tool::check(cx, component, mend, |_| Vec::new()));
    }
    steps
        .run("rustfmt", |cx| tool::check(cx, component, format, |output| rust::rustfmt(output, &paths)))
        .run("clippy", |cx| tool::check(cx, component, deny, |output| rust::cargo("clippy", output, &paths)))
        .finish()
}

/// `cargo fmt` for a package. It has no dependencies to lock.
fn rustfmt(package: &str, fix: Fix) -> Command {
    let command = Command::new("cargo").args(["fmt", "--package", package, "--", "--color", "never"]);
    match fix {
        Fix::Check => command.arg("--check"),
        Fix::Apply => command,
    }
}
