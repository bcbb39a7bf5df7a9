//! What a task says its result depends on and consists of.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::core::command::Command;
use crate::core::fingerprint::pattern::{Pattern, PatternError};
use crate::core::fingerprint::patterns::Patterns;
use crate::core::fingerprint::{Declared, Digest, Part, Subject, Value};
use crate::cx::Cx;
use crate::driver::environment::{MACHINE, is_named};
use crate::driver::{platform, process};
use crate::error::{Error, Result};

/// What a task reads and what it makes: all that its result depends on, so that the same result need not be made twice.
///
/// Whatever a task reads and does not name here makes a stored result a lie. Files are named by patterns
/// ([`Pattern`]), relative to the repository. Beside what is named, these count: the task's id, the program that runs it, the
/// operating system and the architecture, the variables that its commands are given (those that only say where things are on
/// this machine excepted), and the tasks it waits for.
#[derive(Clone, Debug, Default)]
pub struct Footprint {
    inputs: Vec<String>,
    ignored: Vec<String>,
    outputs: Vec<String>,
    tools: Vec<String>,
    variables: Vec<String>,
    settings: Vec<(String, String)>,
    commands: Vec<Command>,
    unsandboxed: Option<String>,
    time: Option<Box<Time>>,
    parsed: OnceLock<Result<Arc<Parsed>>>,
}

/// What the time makes of a result; most know none.
#[derive(Clone, Debug, Default)]
struct Time {
    /// When the result becomes another one, in seconds since 1970, and why.
    turns: Vec<(String, u64)>,
    /// How long it may be used again.
    fresh_for: Option<Duration>,
}

/// The patterns of a footprint.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What the task reads.
    pub(super) inputs: Patterns,
    /// What it makes.
    pub(super) outputs: Patterns,
    /// A name for the inputs that is the same for tasks that read the same.
    pub(super) inputs_name: String,
    /// A name for the outputs.
    pub(super) outputs_name: String,
}

impl Footprint {
    /// Of a task that reads nothing and makes nothing, so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Files that the task reads: `backend`, `docs/**/*.md`. A folder means everything in it.
    pub fn reads<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.inputs.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Files among its inputs that no result depends on, and that it may make beside its outputs: caches, what compilers leave.
    /// It may read them. One outside of its inputs is named by its path; with a slash at its end (`build/`) it is a folder that
    /// is made before the task runs, so that what is put there can be read by the command that puts it there.
    pub fn ignores<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.ignored.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Files that the task makes. They are taken away before it runs, stored after it has passed, and put back, all of them
    /// and nothing else, when the result is used again. A folder whose name ends with a slash (`dist/`) is made before the task
    /// runs, so that the command that makes what is in it can read it, too.
    pub fn makes<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.outputs.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Programs that it starts: the bytes of what `PATH` resolves their names to count.
    pub fn tools<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.tools.extend(names.into_iter().map(Into::into));
        self
    }

    /// Variables that its own code reads or passes on, beside those that `xtask.toml` declares; a trailing `*` stands for any
    /// ending. That they count does not give them to its commands.
    pub fn variables<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.variables.extend(names.into_iter().map(Into::into));
        self
    }

    /// A setting that it goes by, in any words that differ when the setting does.
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// A moment, in seconds since 1970, at which its result becomes another one; in words for a reader: `the day on which …`.
    pub fn turns(mut self, what: impl Into<String>, at: u64) -> Self {
        self.time.get_or_insert_default().turns.push((what.into(), at));
        self
    }

    /// How long its result may be used again: it depends on what changes without the repository. Of several the shortest.
    pub fn fresh_for(mut self, age_max: Duration) -> Self {
        let fresh_for = &mut self.time.get_or_insert_default().fresh_for;
        *fresh_for = Some(fresh_for.map_or(age_max, |other| other.min(age_max)));
        self
    }

    /// How long ago a result that may be used again was stored at most.
    pub(super) fn age_max(&self) -> Option<Duration> {
        self.time.as_ref()?.fresh_for
    }

    /// A command that it runs; its program is one of its tools.
    pub fn command(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// Lets its commands read the whole repository, and says why: they mount file systems, or need privileges.
    pub fn unsandboxed(mut self, reason: impl Into<String>) -> Self {
        self.unsandboxed = Some(reason.into());
        self
    }

    /// Why its commands may read the whole repository, where they may.
    pub(super) fn unsandboxed_because(&self) -> Option<&str> {
        self.unsandboxed.as_deref()
    }

    /// The programs that it starts, by name or path.
    pub(super) fn programs(&self) -> impl Iterator<Item = String> + '_ {
        let of_commands =
            self.commands.iter().map(|command| command.program().to_string_lossy().into_owned());
        self.tools.iter().cloned().chain(of_commands)
    }

    /// The patterns, parsed once.
    pub(super) fn parsed(&self) -> Result<Arc<Parsed>> {
        let parse_all = || {
            let inputs = Patterns { include: parse(&self.inputs)?, exclude: parse(&self.ignored)? };
            let outputs = Patterns { include: parse(&self.outputs)?, exclude: Vec::new() };
            let inputs_name = format!("in {}\n\n{}", self.inputs.join("\n"), self.ignored.join("\n"));
            let outputs_name = format!("out {}", self.outputs.join("\n"));
            Ok(Arc::new(Parsed { inputs, outputs, inputs_name, outputs_name }))
        };
        self.parsed.get_or_init(parse_all).clone()
    }

    /// What the result of `task` depends on that it may have in common with other tasks: the program that runs them, the
    /// platform, and the variables that count.
    pub(super) fn common(&self, cx: &Cx, task: &str, program: &Digest, known: &Known) -> Arc<Vec<Part>> {
        let counted = [cx.config().declared_env(task).as_slice(), &self.variables].concat();
        known.common(cx, program, counted)
    }

    /// All that the result of `task` depends on beside that, but for files and the tasks before it.
    ///
    /// `digest` gives the digest of a program; `known` is what many tasks have in common.
    pub(super) fn parts(
        &self,
        cx: &Cx,
        task: &str,
        known: &Known,
        digest: &dyn Fn(&Path) -> Result<Option<Digest>>,
    ) -> Result<Vec<Part>> {
        let part = |subject, value| Part { subject, value };
        let text = |text: String| hide(cx, text);
        let mut parts = vec![part(Subject::Task, text(task.to_owned()))];
        let patterns = |declared, patterns: &[String]| -> Vec<Part> {
            let numbered = (0..).zip(patterns);
            numbered
                .map(|(position, pattern)| part(Subject::Declared(declared, position), text(pattern.clone())))
                .collect()
        };
        parts.extend(patterns(Declared::Inputs, &self.inputs));
        parts.extend(patterns(Declared::Outputs, &self.outputs));
        if self.unsandboxed.is_some() {
            // Once it is sandboxed, what nobody has checked is not found any more.
            parts.push(part(Subject::Setting("sandbox".to_owned()), text("off".to_owned())));
        }
        for (name, value) in &self.settings {
            parts.push(part(Subject::Setting(name.clone()), text(value.clone())));
        }
        let now = platform::unix_time();
        for (what, at) in self.time.iter().flat_map(|time| &time.turns) {
            let side = if now < *at { "has not come" } else { "is over" };
            parts.push(part(Subject::Setting(what.clone()), text(side.to_owned())));
        }
        for (number, command) in (0..).zip(&self.commands) {
            let program = command.program().to_string_lossy().into_owned();
            parts.push(part(Subject::Argument(number, 0), text(program)));
            for (word, argument) in (1..).zip(command.arguments()) {
                parts.push(part(
                    Subject::Argument(number, word),
                    text(argument.to_string_lossy().into_owned()),
                ));
            }
            if let Some(folder) = command.directory() {
                parts.push(part(Subject::Folder(number), text(folder.display().to_string())));
            }
            if let Some(input) = command.input() {
                parts.push(part(Subject::Input(number), Value::Digest(Digest::of(input))));
            }
            for (name, value) in command.environment() {
                let name = name.to_string_lossy().into_owned();
                let value =
                    value.as_ref().map_or(Value::Absent, |value| text(value.to_string_lossy().into_owned()));
                parts.push(part(Subject::CommandVariable(number, name), value));
            }
        }
        let mut tools: Vec<String> = self.programs().collect();
        tools.sort_unstable();
        tools.dedup();
        let declared = cx.config().declared_env(task);
        for tool in tools {
            let value = known.tool(cx, &tool, &declared, digest)?;
            parts.push(part(Subject::Tool(tool), value));
        }
        Ok(parts)
    }
}

/// What many tasks have in common, worked out once: for a thousand tasks it would be most of the work.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Program, platform and the variables that count, by the names that are declared.
    common: Mutex<HashMap<Vec<String>, Arc<Vec<Part>>>>,
    /// Tools, by their name and the variables that are declared.
    tools: Mutex<HashMap<(String, Vec<String>), Value>>,
}

impl Known {
    fn common(&self, cx: &Cx, program: &Digest, declared: Vec<String>) -> Arc<Vec<Part>> {
        let mut known = self.common.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parts) = known.get(&declared) {
            return Arc::clone(parts);
        }
        let asked: Vec<&str> = declared.iter().map(String::as_str).collect();
        let mut parts = vec![
            Part { subject: Subject::Program, value: Value::Digest(*program) },
            Part { subject: Subject::Platform, value: hide(cx, platform::name()) },
        ];
        for (name, value) in cx.environment().for_commands(&declared) {
            let name = name.to_string_lossy().into_owned();
            if !is_named(&name, MACHINE) || is_named(&name, &asked) {
                let value = hide(cx, value.to_string_lossy().into_owned());
                parts.push(Part { subject: Subject::Variable(name), value });
            }
        }
        let parts = Arc::new(parts);
        known.insert(declared, Arc::clone(&parts));
        parts
    }

    fn tool(
        &self,
        cx: &Cx,
        tool: &str,
        declared: &[String],
        digest: &dyn Fn(&Path) -> Result<Option<Digest>>,
    ) -> Result<Value> {
        let name = (tool.to_owned(), declared.to_vec());
        if let Some(value) = self.tools.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(value.clone());
        }
        let found = process::find(tool.as_ref(), &cx.environment().for_commands(declared), cx.root()).ok();
        let value = match found {
            Some(path) => digest(&path)?.map_or(Value::Absent, Value::Digest),
            None => Value::Absent,
        };
        self.tools.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value.clone());
        Ok(value)
    }
}

/// Words, or their digest where they hold a secret.
fn hide(cx: &Cx, text: String) -> Value {
    if cx.mask().finds_in(text.as_bytes()) {
        Value::Hidden(Digest::of(text.as_bytes()))
    } else {
        Value::Text(text)
    }
}

fn parse(patterns: &[String]) -> Result<Vec<Pattern>> {
    let error = |error: PatternError| {
        Error::usage(error.to_string()).hint("a path is relative to the repository's root")
    };
    patterns.iter().map(|pattern| Pattern::parse(pattern).map_err(error)).collect()
}
