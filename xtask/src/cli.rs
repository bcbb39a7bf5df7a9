//! The grammar of the command line, and nothing else: arguments become task options, one `match` calls the task, one place
//! ends the process.

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
