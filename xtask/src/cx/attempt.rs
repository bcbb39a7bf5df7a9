//! Commands whose output somebody makes sense of.

use super::Cx;
use crate::core::capture::Capture;
use crate::driver::notation::Notation;
use crate::driver::process::Exit;
use crate::error::{Error, Result};

/// How much of the output of [`Cx::attempt`] is kept, in bytes at each end: the findings and test cases of a large component,
/// and a small part of the memory that the build may take.
const KEPT: usize = 4 << 20;

/// What [`Cx::attempt`] has seen of a command.
#[derive(Debug)]
pub struct Attempt {
    /// The error that [`Cx::run`] would have given; `None` where the command ended with code 0.
    pub error: Option<Error>,
    /// The exit code; `None` where something else ended the command.
    pub code: Option<i32>,
    /// Its standard output and standard error as they came, masked.
    pub output: String,
    /// Whether the middle of a long output was left out.
    pub is_cut: bool,
}

impl Cx {
    /// Runs a command like [`Cx::run`], and returns what it wrote and how it failed to whoever can make sense of both.
    ///
    /// The error is for a command that could not be started or was interrupted.
    pub fn attempt(&self, command: impl Notation) -> Result<Attempt> {
        let command = command.command();
        let mut capture = Capture::new(KEPT, KEPT);
        let finished = self.execute(&command, false, &mut |_, bytes| capture.push(bytes))?;
        let (error, code) = match finished.exit {
            Exit::Code(0) => (None, Some(0)),
            exit @ Exit::Code(code) => (Some(self.failed(&command, exit)), Some(code)),
            exit => (Some(self.failed(&command, exit)), None),
        };
        let is_cut = capture.omitted() > 0;
        Ok(Attempt { error, code, output: self.mask().text(&capture.text()), is_cut })
    }
}
