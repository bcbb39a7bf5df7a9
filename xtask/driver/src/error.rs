//! The one error type: what went wrong, what kind of trouble that is, and what to do next.
//!
//! The kind decides the exit code, the hints say the next step, and [`render`] is the only place where an error becomes
//! text. Messages are lowercase, without a full stop, with the things they name in backticks.

mod render;

use std::fmt;

pub use render::{Style, Tone, render, render_finding};

use crate::core::diagnostic::Diagnostic;
use crate::core::fingerprint::pattern::PatternError;
use crate::core::registry::Invalid;

mod catch;

pub use catch::catch;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of trouble an [`Error`] is; one kind, one exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The check did its work and found problems in what it checked.
    Problems,
    /// The command line makes no sense.
    Usage,
    /// `xtask.toml`, or a file it points to, is wrong.
    Configuration,
    /// A tool, a service or a resource of the machine (room on the disk, a writable folder) is not there.
    Missing,
    /// The request is understood and declined: a gate, a freeze, a lock, a wrong cluster, no confirmation.
    Refused,
    /// A release did not happen; the old one serves.
    NotReleased,
    /// A release is in a state that needs a person.
    Stuck,
    /// A defect of this program.
    Bug,
    /// Somebody or something asked the run to end.
    Interrupted,
}

impl ErrorKind {
    /// The exit code of a process that ends with this kind of trouble.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Problems => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Missing => 4,
            Self::Refused => 5,
            Self::NotReleased => 6,
            Self::Stuck => 7,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }
}

/// An error with its kind, its causes, hints, and the places in files it speaks of.
///
/// Data, not an object: it can be cloned, sent as an event and written as JSON. One pointer wide, so that `Result<T>` stays
/// small.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct Error(Box<Inner>);

#[derive(Clone, serde::Deserialize, serde::Serialize)]
struct Inner {
    kind: ErrorKind,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
    #[serde(skip)]
    places: Vec<Diagnostic>,
}

impl Error {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, message, causes: Vec::new(), hints: Vec::new(), places: Vec::new() }))
    }

    /// A check found problems.
    pub fn problems(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Problems, message)
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A configuration file is wrong.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// A tool, a service or a resource of the machine is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Missing, message)
    }

    /// The request is declined.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    /// The run was asked to end.
    pub fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "interrupted")
    }

    /// A defect of this program.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
            .hint("this is a defect of xtask: please report it with the command you ran")
    }

    /// An input/output error: `message` names the thing, the error becomes the cause.
    pub fn io(message: impl Into<String>, error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let hint = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => {
                Some("make room on that disk, then run the same command again")
            }
            Io::ReadOnlyFilesystem => {
                Some("the file system is mounted read-only: run from a writable checkout")
            }
            Io::PermissionDenied => Some("check who owns the path and its mode"),
            _ => None,
        };
        let error = Self::missing(message).source(error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Adds a cause and the causes behind it.
    pub fn source(mut self, source: impl std::error::Error) -> Self {
        self.0.causes.push(source.to_string());
        let mut next = source.source();
        while let Some(error) = next {
            self.0.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Adds a cause in words, behind those that are there.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Adds a next step. Hints are shown in the order in which they were added.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds places in files.
    pub fn places(mut self, places: impl IntoIterator<Item = Diagnostic>) -> Self {
        self.0.places.extend(places);
        self
    }

    /// Wraps this error: `message` says what was being done, this error becomes its cause. Kind, hints and places stay.
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.0.message, message.into());
        self.0.causes.insert(0, cause);
        self
    }

    /// Changes every text of this error, the files of its places excepted.
    pub fn map_text(mut self, map: impl Fn(&str) -> String) -> Self {
        let inner = &mut *self.0;
        let texts = inner.causes.iter_mut().chain(&mut inner.hints).chain([&mut inner.message]);
        texts.for_each(|text| *text = map(text));
        self
    }

    /// The message and its causes on one line.
    pub fn in_words(&self) -> String {
        let causes = self.causes().iter().map(String::as_str);
        std::iter::once(self.message()).chain(causes).collect::<Vec<_>>().join(": ")
    }

    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The first line, without causes and hints.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The next steps.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// The causes, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The places in files this error speaks of.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.places
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, causes, hints, places: _ } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("causes", causes)
            .field("hints", hints)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

/// A text that somebody wrote makes no sense.
impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let error = Self::configuration(invalid.message);
        invalid.hint.into_iter().fold(error, Self::hint)
    }
}

impl From<PatternError> for Error {
    fn from(error: PatternError) -> Self {
        Self::usage(error.to_string()).hint("a path is relative to the repository's root")
    }
}

/// Adds a sentence about what was being done to a failing result.
pub trait Context<T> {
    /// Turns the error into an [`Error`] with `message` in front; an [`std::io::Error`] becomes [`Error::io`].
    fn context(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::io(message(), error))
    }
}

impl<T> Context<T> for Result<T> {
    fn context(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.context(message()))
    }
}
