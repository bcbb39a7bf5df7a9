//! Looks at the machine: which tools it has, which it lacks and how to get them, and what set-up has made.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::config::{ComponentKind, Config};
use crate::core::checkup::{Checkup, MadeRow, Row, Standing};
use crate::core::command::Command;
use crate::core::toolbox::{self, Manager, Need, Tool};
use crate::cx::{Cx, files};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Body;
use crate::tasks::setup::{self, State, interpreter};

/// How long a tool may take to say its version. Generous: node and rustup are slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says what is there. An error of kind `Missing` where a needed tool is missing, too old or broken.
pub fn run(cx: &Cx) -> Result<()> {
    let managers = interpreter::managers(cx);
    let tools = thread::scope(|scope| {
        let managers = &managers;
        let ask = |tool: &'static Tool| scope.spawn(move || row(cx, tool, managers));
        let asked: Vec<_> = toolbox::ALL.iter().map(ask).collect();
        let answer = |thread: thread::ScopedJoinHandle<'_, Result<Row>>| {
            thread.join().unwrap_or_else(|_| Err(Error::bug("a look at a tool panicked")))
        };
        asked.into_iter().map(answer).collect::<Result<Vec<Row>>>()
    })?;
    let made = setup::states(cx).into_iter().map(|(task, path, state)| {
        let (state, why) = match state {
            State::Made => ("made", None),
            State::Stale(why) => ("stale", Some(why)),
            State::Missing => ("missing", None),
        };
        MadeRow { task, path, state, why }
    });
    let checkup = Checkup { tools, made: made.collect() };
    let data = serde_json::to_value(&checkup)
        .map_err(|error| Error::bug("the findings cannot be written as JSON").source(error))?;
    cx.emit(Body::Answer { text: checkup.text(), data });
    verdict(&checkup)
}

fn verdict(checkup: &Checkup) -> Result<()> {
    let lacking = checkup.lacking();
    let names: Vec<String> = lacking.iter().map(|row| format!("`{}`", row.name)).collect();
    let message = match names.as_slice() {
        [] => return Ok(()),
        [one] => format!("{one} is needed and will not do"),
        several => format!("{} are needed and will not do", several.join(", ")),
    };
    let hints = lacking.iter().filter_map(|row| Some(format!("{}: `{}`", row.name, row.get.first()?)));
    Err(hints.fold(Error::missing(message), Error::hint))
}

fn row(cx: &Cx, tool: &Tool, managers: &[Manager]) -> Result<Row> {
    let pinned = [toolbox::RUSTC.name, toolbox::CARGO.name].contains(&tool.name);
    let wanted = if pinned { setup::pinned_rust(cx) } else { tool.wanted };
    let row = Row::missing(tool, need(cx.config(), tool), wanted, managers);
    if tool.name == toolbox::PYTHON.name {
        return python(cx, row);
    }
    let Some(path) = cx.find(tool.program).ok().or_else(|| elsewhere(tool)) else { return Ok(row) };
    match cx.output(Command::new(&path).args(tool.ask).timeout(PATIENCE)) {
        Ok(output) => {
            let said = if output.stdout.trim().is_empty() { &output.stderr } else { &output.stdout };
            let failed = (!output.success()).then(|| output.exit.to_string());
            Ok(row.answered(path, said, failed))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => Ok(row.answered(path, "", Some(error.to_string()))),
    }
}

/// Python counts as the one that set-up would take, which is not always the first on `PATH`, and has to have `venv`.
fn python(cx: &Cx, row: Row) -> Result<Row> {
    match interpreter::python(cx, &[]) {
        Ok(found) => Ok(Row {
            standing: Standing::Fine,
            found: Some(found.version),
            path: Some(found.executable.path),
            ..row
        }),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => match cx.find(toolbox::PYTHON.program) {
            Ok(path) => Ok(Row {
                standing: Standing::Broken,
                path: Some(path),
                problem: Some(error.to_string()),
                ..row
            }),
            Err(_) => Ok(row),
        },
    }
}

/// A tool is needed where the repository has a component that it works for.
fn need(config: &Config, tool: &Tool) -> Need {
    let has = |wanted: fn(&ComponentKind) -> bool| {
        config.components.iter().any(|component| wanted(&component.kind))
    };
    let used = match tool.name {
        "python" => config.tools.is_some() || has(|kind| matches!(kind, ComponentKind::Python(_))),
        "node" | "npm" => has(|kind| matches!(kind, ComponentKind::Node(_))),
        "rustfmt" | "clippy" => has(|kind| matches!(kind, ComponentKind::Rust(_))),
        _ => true,
    };
    if used { tool.need } else { Need::Optional }
}

/// A tool in one of the folders where systems keep it beside `PATH`.
fn elsewhere(tool: &Tool) -> Option<PathBuf> {
    let candidates = tool.folders.iter().flat_map(|pattern| match pattern.split_once("/*/") {
        Some((before, after)) => {
            let names = files::names(Path::new(before)).unwrap_or_default();
            names.into_iter().rev().map(|name| Path::new(before).join(name).join(after)).collect()
        }
        None => vec![PathBuf::from(pattern)],
    });
    candidates.map(|folder| folder.join(tool.program)).find(|program| program.exists())
}
