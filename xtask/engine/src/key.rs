//! Everything that a result depends on, and the key that follows from it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::codec::{self, FORMAT};
use super::digest::Digest;
use super::manifest::Manifest;

/// The domain of keys, for BLAKE3's key derivation: a key is never equal to the digest of a file.
const DOMAIN: &str = "xtask 2026-11 key of a task, format 1";

/// What a result depends on beside its input files: one thing, named, and what it is.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Part {
    /// What it is.
    #[serde(flatten)]
    pub subject: Subject,
    /// What it is now.
    pub value: Value,
}

/// What a result depends on beside its input files.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "subject", content = "name", rename_all = "kebab-case")]
pub enum Subject {
    /// The id of the task.
    Task,
    /// The program that runs the task: the code of the task, and how it reads what its tools say.
    Program,
    /// The operating system and the architecture.
    Platform,
    /// A setting of the task, by its name.
    Setting(String),
    /// A word of a command: the number of the command, and of the word; the program's name is word 0.
    Argument(u32, u32),
    /// The folder that a command runs in.
    Folder(u32),
    /// What a command reads on its standard input.
    Input(u32),
    /// A variable that one command is given: the number of the command, and the variable.
    CommandVariable(u32, String),
    /// A variable that commands are given where it is set.
    Variable(String),
    /// A tool, by the name that `PATH` resolves.
    Tool(String),
    /// A task that has passed before, by its id.
    Dependency(String),
    /// A pattern of inputs or outputs, in the order in which they are declared.
    Declared(Declared, u32),
}

/// Which files a pattern declares.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    /// What the task reads.
    Inputs,
    /// What it makes.
    Outputs,
}

/// What a part is.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "is", content = "what", rename_all = "kebab-case")]
pub enum Value {
    /// It is not there: a variable that is not set, a tool that is not installed.
    Absent,
    /// These words.
    Text(String),
    /// Words that must not be shown, by their digest.
    Hidden(Digest),
    /// These bytes, by their digest.
    Digest(Digest),
}

/// What a task's result depends on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fingerprint {
    /// Everything but the inputs, in order.
    parts: Vec<Part>,
    /// The input files.
    inputs: Arc<Manifest>,
}

impl Fingerprint {
    /// A fingerprint of these parts, in any order, and these inputs.
    pub fn new(mut parts: Vec<Part>, inputs: Arc<Manifest>) -> Self {
        parts.sort_unstable();
        Self { parts, inputs }
    }

    /// Everything but the inputs, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The input files.
    pub fn inputs(&self) -> &Manifest {
        &self.inputs
    }

    /// As JSON, made here, where it is optimized: each result that is stored has one, with all files that it depends on.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain data with text for keys: there is nothing that JSON could not hold.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From JSON; `None` where it is no fingerprint.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The key under which a result that depends on this is stored.
    pub fn key(&self) -> Digest {
        key_of(&[&self.parts], &self.inputs)
    }
}

/// The key of a result that depends on all of these parts, in any order, and these inputs, without a [`Fingerprint`] of its own.
pub fn key_of(parts: &[&[Part]], inputs: &Manifest) -> Digest {
    let mut sorted: Vec<&Part> = parts.iter().copied().flatten().collect();
    sorted.sort_unstable();
    let mut bytes = codec::Writer::with_capacity(sorted.len() * 64);
    bytes.number(u64::from(FORMAT));
    bytes.number(sorted.len() as u64);
    for Part { subject, value } in sorted {
        subject.write(&mut bytes);
        value.write(&mut bytes);
    }
    bytes.digest(&inputs.digest());
    Digest::new(blake3::derive_key(DOMAIN, bytes.bytes()))
}

impl Subject {
    fn write(&self, to: &mut codec::Writer) {
        match self {
            Self::Task => to.tag(0),
            Self::Program => to.tag(1),
            Self::Platform => to.tag(2),
            Self::Setting(name) => to.tag(3).text(name),
            Self::Argument(command, word) => to.tag(4).number((*command).into()).number((*word).into()),
            Self::Folder(command) => to.tag(5).number((*command).into()),
            Self::Input(command) => to.tag(6).number((*command).into()),
            Self::CommandVariable(command, name) => to.tag(7).number((*command).into()).text(name),
            Self::Variable(name) => to.tag(8).text(name),
            Self::Tool(name) => to.tag(9).text(name),
            Self::Dependency(task) => to.tag(10).text(task),
            Self::Declared(Declared::Inputs, position) => to.tag(11).number((*position).into()),
            Self::Declared(Declared::Outputs, position) => to.tag(12).number((*position).into()),
        };
    }
}

impl Value {
    fn write(&self, to: &mut codec::Writer) {
        match self {
            Self::Absent => to.tag(0),
            Self::Text(text) => to.tag(1).text(text),
            Self::Hidden(digest) => to.tag(2).digest(digest),
            Self::Digest(digest) => to.tag(3).digest(digest),
        };
    }
}
