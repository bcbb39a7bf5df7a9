//! Questions to a person.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::Cx;
use crate::error::Result;
use crate::event::Body;

/// How often a question looks whether the run is to end.
const PULSE: Duration = Duration::from_millis(100);

impl Cx {
    /// Asks a person something that is answered with `yes`; anything else is no. `None` where nobody is there: standard input
    /// is no terminal.
    pub fn ask(&self, question: &str) -> Result<Option<bool>> {
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let text = format!("{question} [yes/no]\n");
        self.emit(Body::Answer { text, data: serde_json::json!({ "question": question }) });
        let (said, answer) = mpsc::channel();
        // A read cannot be ended; the thread ends with the process.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            drop(said.send(read.map(|_| line)));
        });
        loop {
            self.check()?;
            match answer.recv_timeout(PULSE) {
                Ok(line) => {
                    let line = line.unwrap_or_default();
                    return Ok(Some(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Some(false)),
            }
        }
    }
}
