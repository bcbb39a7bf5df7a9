//! What the commands of a task are started with and may read, and the words that tell that they were refused something.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;

use super::Cx;
use crate::core::graph::TaskId;
use crate::driver::sandbox::Sandbox;
use crate::error::Error;

/// How a refusal is told: by the C library in English, by Node, Rust and Python in any language.
const WORDS: [&str; 4] = ["ermission denied", "EACCES", "os error 13", "Errno 13"];

/// As much of what came before as one of [`WORDS`] may have begun in.
const OVERLAP: usize = 16;

/// Programs by the names under which they were found on `PATH`.
pub(crate) type Programs = Arc<Vec<(String, PathBuf)>>;

/// What the commands of a task are started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    /// What they may read, where that is limited.
    pub(crate) sandbox: Option<Arc<Sandbox>>,
    /// The programs that the result of the task depends on. These are started, and not what may be found under their names by then.
    pub(crate) programs: Programs,
}

/// What the commands of one task are started with, and whether they were refused something.
#[derive(Debug)]
pub(super) struct Limits {
    ground: Ground,
    refused: AtomicBool,
}

impl Limits {
    pub(super) fn new(ground: Ground) -> Self {
        Self { ground, refused: AtomicBool::new(false) }
    }

    /// The error of a task, with what a refusal may mean.
    pub(super) fn explain(&self, task: &TaskId, error: Error) -> Error {
        let told = || error.causes().iter().any(|cause| WORDS.iter().any(|word| cause.contains(word)));
        if self.ground.sandbox.is_none() || !(self.refused.load(Ordering::Relaxed) || told()) {
            return error;
        }
        error
            .hint(format!(
                "`{task}` is cached: its sandbox lets it read inside the repository only what it declares. Where it needs \
                 the file that was refused, add it to `reads` in `[tasks.\"{task}\"]` of xtask.toml"
            ))
            .hint("`--no-sandbox` shows whether the sandbox was the reason")
    }
}

/// Looks through what a command writes for words of a refusal.
pub(super) struct Refusals<'c> {
    /// Where a refusal is noted; `None` where nothing can be refused, or something was already.
    limits: Option<&'c Limits>,
    tail: Vec<u8>,
}

impl Refusals<'_> {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(limits) = self.limits else { return };
        self.tail.extend_from_slice(&bytes[..bytes.len().min(OVERLAP)]);
        let has = |bytes: &[u8]| WORDS.iter().any(|word| memmem::find(bytes, word.as_bytes()).is_some());
        if has(&self.tail) || has(bytes) {
            limits.refused.store(true, Ordering::Relaxed);
            self.limits = None;
        }
        if bytes.len() >= OVERLAP {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - OVERLAP..]);
        } else if self.tail.len() > OVERLAP {
            self.tail.drain(..self.tail.len() - OVERLAP);
        }
    }
}

impl Cx {
    /// What the commands of this task may read, where that is limited.
    pub(super) fn sandbox(&self) -> Option<&Arc<Sandbox>> {
        self.scope.as_ref().and_then(|scope| scope.limits.ground.sandbox.as_ref())
    }

    /// The program of this name that the result of this task depends on, for a command that is given this `PATH`.
    pub(super) fn program(&self, name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
        let programs = &self.scope.as_ref()?.limits.ground.programs;
        let (_, found) = programs.iter().find(|(known, _)| name == known.as_str())?;
        (path == self.environment().path()).then(|| found.clone())
    }

    /// Who looks for refusals in what a command writes.
    pub(super) fn refusals(&self) -> Refusals<'_> {
        let limits = self.scope.as_ref().map(|scope| &scope.limits);
        Refusals { limits: limits.filter(|limits| limits.ground.sandbox.is_some()), tail: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_heard_however_it_comes() {
        let sandbox = || Some(Arc::new(Sandbox::new(std::path::Path::new("/tmp"), []).unwrap()));
        let heard = |sandbox: Option<Arc<Sandbox>>, text: &str, piece: usize| {
            let limits = Limits::new(Ground { sandbox, ..Ground::default() });
            let mut refusals =
                Refusals { limits: limits.ground.sandbox.is_some().then_some(&limits), tail: Vec::new() };
            text.as_bytes().chunks(piece).for_each(|piece| refusals.push(piece));
            limits.refused.load(Ordering::Relaxed)
        };
        for piece in [1, 2, 7, 15, 16, 17, 100] {
            for text in [
                "cat: docs/a: Permission denied\n",
                "Error: EACCES: permission denied, open 'a'",
                "PermissionError: [Errno 13]",
                "could not read `a`: Keine Berechtigung (os error 13)",
            ] {
                assert!(heard(sandbox(), text, piece), "{text} in pieces of {piece}");
                assert!(!heard(None, text, piece));
            }
            assert!(!heard(sandbox(), "a permission was given, and nothing denied: error 12", piece));
        }
    }
}
