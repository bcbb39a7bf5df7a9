//! An answer that a file or a program takes: it stands alone on standard output. What is said beside it goes to standard error.

use std::io::Write;
use std::sync::Mutex;

use super::{lines, lock, say};
use crate::event::{Body, Event, Sink};

/// The sink that takes answers away from another one.
pub struct Document<W, S> {
    out: Mutex<W>,
    beside: S,
}

impl<W: Write + Send, S: Sink> Document<W, S> {
    /// Answers go to `out`, everything else to the sink `beside`.
    pub fn new(out: W, beside: S) -> Self {
        Self { out: Mutex::new(out), beside }
    }
}

impl<W: Write + Send, S: Sink> Sink for Document<W, S> {
    fn event(&self, event: &Event) {
        match &event.body {
            Body::Answer { text, .. } => say(&mut *lock(&self.out), &lines::answer(text)),
            _ => self.beside.event(event),
        }
    }
}
