//! A command as a value: what to start, with which arguments, where, and in which environment.
//!
//! A value can be shown, compared, recorded and faked; the process driver turns it into a process. xshell's `cmd!` is the
//! notation: `Command::from(cmd!(sh, "ruff check {path}"))`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command that is not running yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, Option<OsString>>,
    cwd: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    timeout: Option<Duration>,
}

impl Command {
    /// A command that starts `program`: a path, or a name that is looked up in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            stdin: None,
            timeout: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable on top of the environment that the task gives its commands.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Takes a variable out of the environment.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), None);
        self
    }

    /// The folder the command runs in, relative to the repository; without it, or empty, the repository's root.
    pub fn cwd(mut self, cwd: impl AsRef<Path>) -> Self {
        self.cwd = Some(cwd.as_ref().to_owned()).filter(|cwd| !cwd.as_os_str().is_empty());
        self
    }

    /// What the command reads on its standard input; without it, nothing.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// How long the command may run; without it, as long as its task.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The program: a path or a name.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The arguments, without the program.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// The variables that are set (`Some`) or taken away (`None`).
    pub fn environment(&self) -> &BTreeMap<OsString, Option<OsString>> {
        &self.env
    }

    /// The folder the command runs in, where one was given.
    pub fn directory(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }

    /// The bytes for its standard input, where some were given.
    pub fn input(&self) -> Option<&[u8]> {
        self.stdin.as_deref()
    }

    /// How long it may run, where that was given.
    pub fn time_limit(&self) -> Option<Duration> {
        self.timeout
    }

    /// The program's last path component, for messages.
    pub fn name(&self) -> String {
        Path::new(&self.program).file_name().map_or_else(
            || self.program.to_string_lossy().into_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}

impl fmt::Display for Command {
    /// The command as a line that a POSIX shell reads back as the same words: `cd backend && CI=1 pytest -k 'a b'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cwd) = &self.cwd {
            write!(f, "cd {} && ", quote(&cwd.to_string_lossy()))?;
        }
        for (name, value) in &self.env {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), quote(&value.to_string_lossy()))?;
            }
        }
        f.write_str(&quote(&self.program.to_string_lossy()))?;
        for arg in &self.args {
            write!(f, " {}", quote(&arg.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// `word` as a POSIX shell has to be given it; unchanged where nothing in it is special.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,^".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_a_line_for_a_shell() {
        let command = Command::new("pytest")
            .args(["-k", "a b", "it's", ""])
            .env("CI", "1")
            .env_remove("HOME")
            .cwd("back end");
        assert_eq!(command.to_string(), r"cd 'back end' && CI=1 pytest -k 'a b' 'it'\''s' ''");
    }

    #[test]
    fn quote_leaves_plain_words_alone() {
        for word in ["--cov=src", "docs/source", "pkg@1.2", "größe"] {
            assert_eq!(quote(word), word);
        }
        for word in ["$HOME", "a*b", "~", "a;b", "{x}", "a\nb", "#x", "!"] {
            assert_eq!(quote(word), format!("'{word}'"));
        }
    }
}
