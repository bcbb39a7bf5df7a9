//! What a task says its result depends on and consists of.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::codec;
use crate::command::Command;
use crate::digest::Digest;
use crate::key::{Declared, Part, Subject, Value};
use crate::pattern::{Pattern, PatternError};
use crate::patterns::Patterns;

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
    spared: Vec<String>,
    tools: Vec<String>,
    variables: Vec<String>,
    settings: Vec<(String, String)>,
    commands: Vec<Arc<Command>>,
    unsandboxed: Option<String>,
    time: Option<Box<Time>>,
    parsed: OnceLock<Result<Arc<Parsed>, PatternError>>,
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
pub struct Parsed {
    /// What the task reads.
    pub inputs: Patterns,
    /// What it makes.
    pub outputs: Patterns,
    /// A name for the inputs that is the same for tasks that read the same.
    pub inputs_name: Vec<u8>,
    /// A name for the outputs.
    pub outputs_name: Vec<u8>,
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

    /// Files in folders that it makes which another task makes, one that it waits for: they are left alone.
    pub fn spares<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.spared.extend(patterns.into_iter().map(Into::into));
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
    pub fn age_max(&self) -> Option<Duration> {
        self.time.as_ref()?.fresh_for
    }

    /// A command that it runs; its program is one of its tools.
    pub fn command(mut self, command: impl Into<Arc<Command>>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// Lets its commands read the whole repository, and says why: they mount file systems, or need privileges.
    pub fn unsandboxed(mut self, reason: impl Into<String>) -> Self {
        self.unsandboxed = Some(reason.into());
        self
    }

    /// Why its commands may read the whole repository, where they may.
    pub fn unsandboxed_because(&self) -> Option<&str> {
        self.unsandboxed.as_deref()
    }

    /// The programs that it starts, by name or path; each once, in order.
    pub fn programs(&self) -> Vec<Cow<'_, str>> {
        let of_commands = self.commands.iter().map(|command| command.program().to_string_lossy());
        let mut all: Vec<_> =
            self.tools.iter().map(|tool| Cow::Borrowed(tool.as_str())).chain(of_commands).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The variables that its own code reads, by name; a trailing `*` stands for any ending.
    pub fn own_variables(&self) -> &[String] {
        &self.variables
    }

    /// The patterns, parsed once.
    ///
    /// # Errors
    ///
    /// The first pattern that is none.
    pub fn parsed(&self) -> Result<Arc<Parsed>, PatternError> {
        let parse_all = || {
            let patterns = |include, exclude| -> Result<Patterns, PatternError> {
                Ok(Patterns { include: Pattern::parse_all(include)?, exclude: Pattern::parse_all(exclude)? })
            };
            Ok(Arc::new(Parsed {
                inputs: patterns(&self.inputs, &self.ignored)?,
                outputs: patterns(&self.outputs, &self.spared)?,
                inputs_name: name(0, &[&self.inputs, &self.ignored]),
                outputs_name: name(1, &[&self.outputs, &self.spared]),
            }))
        };
        self.parsed.get_or_init(parse_all).clone()
    }

    /// All that it says itself: what the result of `task` depends on beside what it has in common with other tasks, the bytes of
    /// files and programs, and the tasks before it.
    ///
    /// `now` is in seconds since 1970; `value` hides words that must not be shown.
    pub fn parts(&self, task: &str, now: u64, value: &dyn Fn(Cow<'_, str>) -> Value) -> Vec<Part> {
        // The task and each command's program and folder, with a tool for it that comes on top.
        let words: usize = self.commands.iter().map(|command| command.arguments().len() + 3).sum();
        let patterns = self.inputs.len() + self.outputs.len() + self.spared.len();
        let declared = patterns + self.settings.len() + self.tools.len();
        let mut parts = Vec::with_capacity(1 + declared + words);
        let mut add = |subject, value| parts.push(Part { subject, value });
        let text = |text: &str| value(Cow::Borrowed(text));
        add(Subject::Task, text(task));
        for (declared, patterns) in [
            (Declared::Inputs, &self.inputs),
            (Declared::Outputs, &self.outputs),
            (Declared::Spared, &self.spared),
        ] {
            for (position, pattern) in (0..).zip(patterns) {
                add(Subject::Declared(declared, position), text(pattern));
            }
        }
        if self.unsandboxed.is_some() {
            // Once it is sandboxed, what nobody has checked is not found any more.
            add(Subject::Setting("sandbox".to_owned()), text("off"));
        }
        for (name, value) in &self.settings {
            add(Subject::Setting(name.clone()), text(value));
        }
        for (what, at) in self.time.iter().flat_map(|time| &time.turns) {
            let side = if now < *at { "has not come" } else { "is over" };
            add(Subject::Setting(what.clone()), text(side));
        }
        for (number, command) in (0..).zip(&self.commands) {
            add(Subject::Argument(number, 0), value(command.program().to_string_lossy()));
            for (word, argument) in (1..).zip(command.arguments()) {
                add(Subject::Argument(number, word), value(argument.to_string_lossy()));
            }
            if let Some(folder) = command.directory() {
                add(Subject::Folder(number), value(folder.to_string_lossy()));
            }
            if let Some(input) = command.input() {
                add(Subject::Input(number), Value::Digest(Digest::of(input)));
            }
            for (name, set) in command.environment() {
                let set = set.as_ref().map_or(Value::Absent, |set| value(set.to_string_lossy()));
                add(Subject::CommandVariable(number, name.to_string_lossy().into_owned()), set);
            }
        }
        parts
    }
}

/// A name for sets of patterns: no two sets have the same.
fn name(kind: u8, sets: &[&[String]]) -> Vec<u8> {
    let length: usize = sets.iter().copied().flatten().map(|pattern| pattern.len() + 2).sum();
    let mut name = codec::Writer::with_capacity(4 + length);
    name.tag(kind);
    for set in sets {
        name.number(set.len() as u64);
        for pattern in *set {
            name.text(pattern);
        }
    }
    name.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: Cow<'_, str>) -> Value {
        Value::Text(text.into_owned())
    }

    #[test]
    fn what_is_declared_otherwise_has_another_name() {
        let both = |footprint: Footprint| {
            let parsed = footprint.parsed().unwrap();
            [parsed.inputs_name.clone(), parsed.outputs_name.clone()]
        };
        let all = [
            Footprint::new(),
            Footprint::new().reads(["a", "b"]),
            Footprint::new().reads(["a\nb"]),
            Footprint::new().reads(["a"]).ignores(["b"]),
            Footprint::new().ignores(["a", "b"]),
            Footprint::new().reads(["ab"]),
            Footprint::new().makes(["a", "b"]),
            Footprint::new().makes(["a"]).spares(["b"]),
        ];
        let mut names: Vec<Vec<u8>> = all.into_iter().flat_map(both).collect();
        names.sort_unstable();
        names.dedup();
        // Six of the inputs, where one is that of none, and three of the outputs.
        assert_eq!(names.len(), 9);
    }

    #[test]
    fn programs_are_named_once_and_in_order() {
        let footprint =
            Footprint::new().tools(["sh", "cat"]).command(Command::new("sh")).command(Command::new("b/c"));
        assert_eq!(footprint.programs(), ["b/c", "cat", "sh"]);
    }

    #[test]
    fn every_word_of_it_is_a_part() {
        let command =
            Command::new("tool").args(["a", "b"]).cwd("in").env("SET", "1").env_remove("GONE").stdin("x");
        let footprint = Footprint::new()
            .reads(["src"])
            .makes(["out"])
            .spares(["out/other"])
            .tools(["other"])
            .setting("mode", 7)
            .turns("the day", 100)
            .unsandboxed("it mounts")
            .command(command);
        let set = |subject, words: &str| Part { subject, value: Value::Text(words.to_owned()) };
        let setting = |name: &str, words| set(Subject::Setting(name.to_owned()), words);
        let variable =
            |name: &str, value| Part { subject: Subject::CommandVariable(0, name.to_owned()), value };
        let expected = [
            set(Subject::Task, "test.a"),
            set(Subject::Declared(Declared::Inputs, 0), "src"),
            set(Subject::Declared(Declared::Outputs, 0), "out"),
            set(Subject::Declared(Declared::Spared, 0), "out/other"),
            setting("sandbox", "off"),
            setting("mode", "7"),
            setting("the day", "has not come"),
            set(Subject::Argument(0, 0), "tool"),
            set(Subject::Argument(0, 1), "a"),
            set(Subject::Argument(0, 2), "b"),
            set(Subject::Folder(0), "in"),
            Part { subject: Subject::Input(0), value: Value::Digest(Digest::of(b"x")) },
            variable("GONE", Value::Absent),
            variable("SET", Value::Text("1".to_owned())),
        ];
        assert_eq!(footprint.parts("test.a", 99, &text), expected);
        assert_eq!(footprint.parts("test.a", 100, &text)[6], setting("the day", "is over"));
    }
}
