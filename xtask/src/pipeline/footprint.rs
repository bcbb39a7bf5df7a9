//! What a task says its result depends on and consists of.

use std::fmt::Display;

use crate::core::command::Command;
use crate::core::fingerprint::pattern::{Pattern, PatternError, Patterns};
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
    settings: Vec<(String, String)>,
    commands: Vec<Command>,
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

    /// Files among its inputs that it does not read, or that it makes beside its outputs: caches, what compilers leave.
    pub fn ignores<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.ignored.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Files that the task makes. They are taken away before it runs, stored after it has passed, and put back, all of them
    /// and nothing else, when the result is used again.
    pub fn makes<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.outputs.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Programs that it starts: the bytes of what `PATH` resolves their names to count.
    pub fn tools<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.tools.extend(names.into_iter().map(Into::into));
        self
    }

    /// A setting that it goes by, in any words that differ when the setting does.
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.settings.push((name.into(), value.to_string()));
        self
    }

    /// A command that it runs; its program is one of its tools.
    pub fn command(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// The patterns of what it reads.
    pub(super) fn input_patterns(&self) -> Result<Patterns> {
        Ok(Patterns { include: parse(&self.inputs)?, exclude: parse(&self.ignored)? })
    }

    /// The patterns of what it makes.
    pub(super) fn output_patterns(&self) -> Result<Patterns> {
        Ok(Patterns { include: parse(&self.outputs)?, exclude: Vec::new() })
    }

    /// A name for the inputs that is the same for tasks that read the same.
    pub(super) fn inputs_name(&self) -> String {
        format!("{:?}{:?}", self.inputs, self.ignored)
    }

    /// A name for the outputs.
    pub(super) fn outputs_name(&self) -> String {
        format!("{:?}", self.outputs)
    }

    /// The names of the programs that it starts.
    pub(super) fn programs(&self) -> Vec<String> {
        let commands = self.commands.iter().map(|command| command.program().to_string_lossy().into_owned());
        self.tools.iter().cloned().chain(commands).collect()
    }

    /// All that the result of `task` depends on, but for files and for the tasks before it.
    ///
    /// `digest` gives the digest of a program.
    pub(super) fn parts(
        &self,
        cx: &Cx,
        task: &str,
        program: &Digest,
        digest: &dyn Fn(&std::path::Path) -> Result<Option<Digest>>,
    ) -> Result<Vec<Part>> {
        let part = |subject, value| Part { subject, value };
        let text = |text: String| hide(cx, text);
        let mut parts = vec![
            part(Subject::Task, text(task.to_owned())),
            part(Subject::Program, Value::Digest(*program)),
            part(Subject::Platform, text(platform::name())),
        ];
        let patterns = |declared, patterns: &[String]| -> Vec<Part> {
            let numbered = (0..).zip(patterns);
            numbered
                .map(|(position, pattern)| part(Subject::Declared(declared, position), text(pattern.clone())))
                .collect()
        };
        parts.extend(patterns(Declared::Inputs, &self.inputs));
        parts.extend(patterns(Declared::Outputs, &self.outputs));
        for (name, value) in &self.settings {
            parts.push(part(Subject::Setting(name.clone()), text(value.clone())));
        }
        let declared = cx.config().declared_env(task);
        let variables = cx.environment().for_commands(&declared);
        for (name, value) in &variables {
            let name = name.to_string_lossy().into_owned();
            let asked = declared.iter().map(String::as_str).collect::<Vec<_>>();
            if !is_named(&name, MACHINE) || is_named(&name, &asked) {
                parts.push(part(Subject::Variable(name), text(value.to_string_lossy().into_owned())));
            }
        }
        let mut tools = self.tools.clone();
        for (number, command) in (0..).zip(&self.commands) {
            let program = command.program().to_string_lossy().into_owned();
            parts.push(part(Subject::Argument(number, 0), text(program.clone())));
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
            tools.push(program);
        }
        tools.sort_unstable();
        tools.dedup();
        for tool in tools {
            let found = process::find(tool.as_ref(), &variables, cx.root()).ok();
            let value = match found {
                Some(path) => digest(&path)?.map_or(Value::Absent, Value::Digest),
                None => Value::Absent,
            };
            parts.push(part(Subject::Tool(tool), value));
        }
        Ok(parts)
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
