//! Where something was measured: what has to be the same before two results may be compared.

use serde::{Deserialize, Serialize};

/// A machine, and the programs that measure on it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Machine {
    /// What tells it from others of the same kind: its machine id or host name, as a hash.
    pub identity: String,
    /// The operating system and the architecture: `linux x86_64`.
    pub system: String,
    /// The kernel's release.
    pub kernel: String,
    /// The model of its processors.
    pub processor: String,
    /// How many processors a process may use.
    pub cores: u64,
    /// Its memory, in bytes.
    pub memory_bytes: u64,
    /// The version of k6.
    pub k6: String,
}

impl Machine {
    /// In what the other one differs, in words; nothing where both are the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let texts = [
            ("the machine", &self.identity, &other.identity),
            ("the system", &self.system, &other.system),
            ("the kernel", &self.kernel, &other.kernel),
            ("the processor", &self.processor, &other.processor),
            ("k6", &self.k6, &other.k6),
        ];
        let numbers = [
            ("the number of cores", self.cores, other.cores),
            ("the memory", self.memory_bytes, other.memory_bytes),
        ];
        let texts = texts.into_iter().filter(|(_, one, other)| one != other).map(|(what, one, other)| {
            if what == "the machine" {
                "it is another machine".to_owned()
            } else {
                format!("{what} is `{one}` here and `{other}` there")
            }
        });
        let numbers = numbers.into_iter().filter(|(_, one, other)| one != other);
        texts
            .chain(numbers.map(|(what, one, other)| format!("{what} is {one} here and {other} there")))
            .collect()
    }
}

/// What was measured, and how it was run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Subject {
    /// What people call it: a commit, an image, `the working copy`.
    pub name: String,
    /// Who ran it: `local`, or the name of a container engine with its version.
    pub runner: String,
    /// The images that it was started from, `repository@sha256:…`, in the order of their names; none where it was started
    /// from files.
    #[serde(default)]
    pub images: Vec<String>,
    /// The commit of its files, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Where.
    pub machine: Machine,
}

impl Subject {
    /// Why this one and the other cannot be compared, in words; nothing where they can.
    pub fn incomparable(&self, other: &Self) -> Vec<String> {
        let mut reasons = self.machine.differences(&other.machine);
        if self.runner != other.runner {
            reasons.push(format!("one was run by {}, the other by {}", self.runner, other.runner));
        }
        reasons
    }
}
