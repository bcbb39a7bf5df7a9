//! How events look: sinks for terminals, pipes, GitHub and files. The only room, beside `cli`, that writes to the terminal.
//!
//! [`choose`] decides from the surroundings which look fits; [`human`] makes the sink. Text for people goes to standard
//! output, the live lines of [`bars`] to standard error; beside an answer that is a [`mod@document`], all text for people does.

pub mod bars;
pub mod document;
pub mod gates;
pub mod github;
pub mod json;
pub mod junit;
mod lines;
pub mod log;
pub mod markdown;
pub mod plain;
mod pulse;
pub mod record;
pub mod shard;
pub mod summary;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::core::graph::TaskId;
use crate::error::Style;
use crate::event::Sink;

/// How a run is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Live lines on a terminal.
    Bars,
    /// A line for each task, for pipes and logs.
    Plain,
    /// The same with groups and annotations for GitHub Actions.
    GitHub,
    /// Events as JSON lines.
    Json,
}

/// Says how a task is run alone: `cargo xtask test backend` for `test.backend`.
pub type Repeat = Arc<dyn Fn(&TaskId) -> String + Send + Sync>;

/// How text for people is set, and what it calls things.
#[derive(Clone)]
pub struct Look {
    /// Colours and width.
    pub style: Style,
    /// The command that repeats a task.
    pub repeat: Repeat,
}

/// What decides how a run is shown.
#[derive(Clone, Copy)]
pub struct Surroundings<'s> {
    /// What the user asked for, if something.
    pub asked: Option<Mode>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// The value of an environment variable.
    pub variable: &'s dyn Fn(&str) -> Option<String>,
}

/// Decides how a run is shown and whether in colours.
///
/// `CI`, `GITHUB_ACTIONS`, `TERM=dumb`; `NO_COLOR` (no-color.org) before `CLICOLOR_FORCE` and `FORCE_COLOR` before `CLICOLOR`
/// (bixense.com/clicolors).
pub fn choose(surroundings: &Surroundings<'_>) -> (Mode, bool) {
    let Surroundings { asked, stdout_is_terminal, stderr_is_terminal, variable } = surroundings;
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    let on = |name: &str| value(name).is_some_and(|value| !matches!(value.as_str(), "0" | "false"));
    let off = |name: &str| value(name).is_some() && !on(name);
    let dumb = value("TERM").is_none_or(|term| term == "dumb");
    let mode = asked.unwrap_or(if on("GITHUB_ACTIONS") {
        Mode::GitHub
    } else if *stdout_is_terminal && *stderr_is_terminal && !dumb && !on("CI") {
        Mode::Bars
    } else {
        Mode::Plain
    });
    let color = if mode == Mode::Json || value("NO_COLOR").is_some() || off("FORCE_COLOR") {
        false
    } else if on("CLICOLOR_FORCE") || on("FORCE_COLOR") {
        true
    } else {
        *stdout_is_terminal && !dumb && !off("CLICOLOR")
    };
    (mode, color)
}

/// The sink for people (or, with [`Mode::Json`], for the program) on the other side of this process.
pub fn human(mode: Mode, style: Style, repeat: Repeat) -> Arc<dyn Sink> {
    let look = Look { style, repeat };
    match mode {
        Mode::Bars => Arc::new(bars::Bars::on_terminal(look)),
        Mode::Plain => Arc::new(log::Log::new(io::stdout(), look, plain::Plain)),
        Mode::GitHub => Arc::new(log::Log::new(io::stdout(), look, github::GitHub::default())),
        Mode::Json => Arc::new(json::JsonLines::new(io::stdout())),
    }
}

/// The sink for a command whose answer a file or a program takes.
pub fn document(mode: Mode, style: Style, repeat: Repeat) -> Arc<dyn Sink> {
    let (out, beside) = (io::stdout(), io::stderr());
    let look = Look { style, repeat };
    match mode {
        Mode::Bars | Mode::Plain => {
            Arc::new(document::Document::new(out, log::Log::new(beside, look, plain::Plain)))
        }
        Mode::GitHub => {
            Arc::new(document::Document::new(out, log::Log::new(beside, look, github::GitHub::default())))
        }
        Mode::Json => Arc::new(json::JsonLines::new(out)),
    }
}

/// The columns of the terminal on standard output, where it is one.
pub fn columns() -> Option<usize> {
    size(io::stdout()).map(|(columns, _)| columns)
}

/// Columns and rows of a terminal.
fn size(terminal: impl rustix::fd::AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// What `mutex` guards. A panic elsewhere leaves it as good as any other moment: it is only shown.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes text for people.
///
/// A reader who has gone away (`| head`) or a full disk behind a pipe must not end the work: events are also in the files
/// of the run.
fn say(out: &mut impl Write, text: &str) {
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_decide() {
        use Mode::{Bars, GitHub, Json, Plain};
        const TERM: (&str, &str) = ("TERM", "xterm");
        type Case = (Option<Mode>, bool, bool, &'static [(&'static str, &'static str)], (Mode, bool));
        let cases: &[Case] = &[
            (None, true, true, &[TERM], (Bars, true)),
            (None, false, true, &[TERM], (Plain, false)),
            (None, true, false, &[TERM], (Plain, true)),
            (None, false, false, &[], (Plain, false)),
            (None, true, true, &[("TERM", "dumb")], (Plain, false)),
            (None, true, true, &[], (Plain, false)),
            (None, true, true, &[TERM, ("CI", "true")], (Plain, true)),
            (None, true, true, &[TERM, ("CI", "")], (Bars, true)),
            (None, true, true, &[TERM, ("CI", "false")], (Bars, true)),
            (None, false, false, &[("CI", "true"), ("GITHUB_ACTIONS", "true")], (GitHub, false)),
            (None, false, false, &[("GITHUB_ACTIONS", "true"), ("CLICOLOR_FORCE", "1")], (GitHub, true)),
            (None, true, true, &[TERM, ("NO_COLOR", "1")], (Bars, false)),
            (None, true, true, &[TERM, ("NO_COLOR", "")], (Bars, true)),
            (None, false, false, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], (Plain, false)),
            (None, false, false, &[("CLICOLOR_FORCE", "1")], (Plain, true)),
            (None, false, false, &[("CLICOLOR_FORCE", "0")], (Plain, false)),
            (None, false, false, &[("FORCE_COLOR", "3")], (Plain, true)),
            (None, true, true, &[TERM, ("FORCE_COLOR", "0")], (Bars, false)),
            (None, true, true, &[TERM, ("CLICOLOR", "0")], (Bars, false)),
            (None, true, true, &[TERM, ("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], (Bars, true)),
            (Some(Json), true, true, &[TERM, ("CLICOLOR_FORCE", "1")], (Json, false)),
            (Some(Plain), true, true, &[TERM, ("GITHUB_ACTIONS", "true")], (Plain, true)),
        ];
        for &(asked, stdout_is_terminal, stderr_is_terminal, variables, expected) in cases {
            let variable = |name: &str| {
                variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
            };
            let surroundings =
                Surroundings { asked, stdout_is_terminal, stderr_is_terminal, variable: &variable };
            assert_eq!(
                choose(&surroundings),
                expected,
                "{asked:?} {stdout_is_terminal} {stderr_is_terminal} {variables:?}"
            );
        }
    }
}
