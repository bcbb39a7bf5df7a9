//! What a driver returns instead of an answer.

use crate::error::Error;

/// Nothing, or nothing that is known. `Fault` are the reasons that a program tells apart.
#[derive(Clone, Debug)]
pub struct Failure<Fault> {
    /// Why, for a program.
    pub fault: Fault,
    /// Why, for a reader.
    pub error: Error,
}

impl<Fault> From<Failure<Fault>> for Error {
    fn from(failure: Failure<Fault>) -> Self {
        failure.error
    }
}
