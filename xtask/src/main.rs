//! The `xtask` of this repository: the library with its own tasks, nothing added.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::cli::main()
}
