//! Every event as a line of JSON, for programs.

use std::io::{self, BufWriter, Write};
use std::sync::Mutex;

use super::lock;
use crate::error::{Error, Result};
use crate::event::{Body, Event, Sink};

/// The sink that writes JSON lines.
///
/// What a program waits for (the beginning and the end of a task, how far it has come, what a release says) is there at once;
/// the rest, at the end of the task. The first write that fails is remembered for
/// [`finish`](Self::finish), and nothing is written after it: a reader never sees half a line in the middle.
pub struct JsonLines<W: Write> {
    inner: Mutex<Inner<W>>,
}

struct Inner<W: Write> {
    out: BufWriter<W>,
    failed: Option<io::Error>,
}

impl<W: Write + Send> JsonLines<W> {
    /// A sink that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { inner: Mutex::new(Inner { out: BufWriter::new(out), failed: None }) }
    }

    /// Writes what is left. The error is the first write that failed; a reader who has gone away is none.
    pub fn finish(&self) -> Result<()> {
        let mut inner = lock(&self.inner);
        let flushed = inner.failed.take().map_or_else(|| inner.out.flush(), Err);
        match flushed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::io("could not write the events of the run", error))
            }
            _ => Ok(()),
        }
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn event(&self, event: &Event) {
        let mut inner = lock(&self.inner);
        if inner.failed.is_none() {
            inner.failed = inner.write(event).err();
        }
    }
}

impl<W: Write> Inner<W> {
    fn write(&mut self, event: &Event) -> io::Result<()> {
        // Into memory first: an event that cannot be serialized leaves nothing behind.
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        match event.body {
            Body::TaskStarted { .. }
            | Body::TaskFinished(_)
            | Body::RunFinished(_)
            | Body::Progress { .. }
            | Body::Narrated { .. }
            | Body::Answer { .. }
            | Body::Failed { .. } => self.out.flush(),
            _ => Ok(()),
        }
    }
}
