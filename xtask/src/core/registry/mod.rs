//! What there is to know about registries of container images without asking one: names, digests, documents, what an answer
//! means, whether a request is tried again, and whose credentials it carries.
//!
//! The protocol is the OCI distribution specification 1.1, which Docker's registry speaks too.

pub mod answer;
pub mod credentials;
pub mod digest;
pub mod manifest;
pub mod media;
pub mod reference;
pub mod token;

use std::fmt;

pub use digest::Digest;
pub use media::MediaType;
pub use reference::Reference;

/// What makes no sense in a text that somebody wrote or sent, and what would.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invalid {
    /// What is wrong: lowercase, without a full stop.
    pub message: String,
    /// The next step, where there is one.
    pub hint: Option<String>,
}

impl Invalid {
    /// What is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}
