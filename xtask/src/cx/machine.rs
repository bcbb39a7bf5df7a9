//! What tasks need of the machine beyond running commands: where a program is, and a turn at a shared place.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::{Cx, files};
use crate::driver::process;
use crate::error::Result;

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(50);

impl Cx {
    /// Where a program is that commands would be given under this name.
    pub fn find(&self, program: &str) -> Result<PathBuf> {
        process::find_in(self.environment().path(), program.as_ref(), self.root())
    }

    /// Takes the lock `name` of this repository, for as long as the result lives. Waits for its turn, and says for whom.
    ///
    /// `purpose` is what whoever waits is told: "sets up `backend/.venv`". An interruption ends the waiting.
    pub fn lock(&self, name: &str, purpose: &str) -> Result<files::Lock> {
        let path = self.tools_folder().join("locks").join(format!("{name}.lock"));
        let holder = format!("process {} {purpose}", std::process::id());
        let mut said = false;
        loop {
            self.check()?;
            match files::Lock::try_take(&path, &holder)? {
                Ok(lock) => return Ok(lock),
                Err(holder) if !said => {
                    let holder = if holder.is_empty() { "another run is busy here" } else { holder.as_str() };
                    self.note(format!("waiting: {holder}"));
                    said = true;
                }
                Err(_) => {}
            }
            thread::sleep(RETRY);
        }
    }
}
