//! Everything that a result depends on, and the key that follows from it.

use std::sync::Arc;

use serde::Serialize;

use super::codec::{self, FORMAT};
use super::digest::Digest;
use super::manifest::Manifest;

/// The domain of keys, for BLAKE3's key derivation: a key is never equal to the digest of a file.
const DOMAIN: &str = "xtask 2026-11 key of a task, format 1";

/// What a result depends on beside its input files: one thing, named, and what it is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Part {
    /// What it is.
    pub subject: Subject,
    /// What it is now.
    pub value: Value,
}

/// What a result depends on beside its input files.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declared {
    /// What the task reads.
    Inputs,
    /// What it makes.
    Outputs,
    /// What is another's among that.
    Spared,
}

/// What a part is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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
#[derive(Clone, Debug, Eq, PartialEq)]
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

    /// As bytes: those that its key is made of, with the files instead of their digest.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::Writer::with_capacity(self.parts.len() * 64 + self.inputs.files().len() * 96);
        write_parts(&mut bytes, &self.parts.iter().collect::<Vec<_>>());
        self.inputs.write(&mut bytes);
        bytes.into_bytes()
    }

    /// From bytes that may be anything; `None` where they are no fingerprint.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = codec::Reader::new(bytes);
        let mut parts = Vec::new();
        for _ in 0..reader.number()? {
            parts.push(Part { subject: Subject::read(&mut reader)?, value: Value::read(&mut reader)? });
        }
        let inputs = Manifest::read(&mut reader)?;
        reader.is_empty().then(|| Self::new(parts, Arc::new(inputs)))
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
    write_parts(&mut bytes, &sorted);
    bytes.digest(&inputs.digest());
    Digest::new(blake3::derive_key(DOMAIN, bytes.bytes()))
}

fn write_parts(to: &mut codec::Writer, parts: &[&Part]) {
    to.number(parts.len() as u64);
    for Part { subject, value } in parts {
        subject.write(to);
        value.write(to);
    }
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
            Self::Declared(Declared::Spared, position) => to.tag(13).number((*position).into()),
        };
    }

    fn read(from: &mut codec::Reader<'_>) -> Option<Self> {
        let text = |from: &mut codec::Reader<'_>| from.text().map(str::to_owned);
        Some(match from.tag()? {
            0 => Self::Task,
            1 => Self::Program,
            2 => Self::Platform,
            3 => Self::Setting(text(from)?),
            4 => Self::Argument(from.count()?, from.count()?),
            5 => Self::Folder(from.count()?),
            6 => Self::Input(from.count()?),
            7 => Self::CommandVariable(from.count()?, text(from)?),
            8 => Self::Variable(text(from)?),
            9 => Self::Tool(text(from)?),
            10 => Self::Dependency(text(from)?),
            11 => Self::Declared(Declared::Inputs, from.count()?),
            12 => Self::Declared(Declared::Outputs, from.count()?),
            13 => Self::Declared(Declared::Spared, from.count()?),
            _ => return None,
        })
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

    fn read(from: &mut codec::Reader<'_>) -> Option<Self> {
        Some(match from.tag()? {
            0 => Self::Absent,
            1 => Self::Text(from.text()?.to_owned()),
            2 => Self::Hidden(from.digest()?),
            3 => Self::Digest(from.digest()?),
            _ => return None,
        })
    }
}
