//! What belongs to one running task: its deadline, its log, and the part of its output that is kept in memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memchr::{memchr, memrchr};

use super::Cx;
use super::sandbox::Limits;
use crate::core::capture::Capture;
use crate::core::fingerprint::entry::{Note, Said};
use crate::core::graph::TaskId;
use crate::core::mask::MaskStream;
use crate::driver::files;
use crate::event::{Body, Level};

/// How much of a task's output is kept in memory for a reader when it does not pass, at each end.
const EXCERPT: usize = 128 << 10;

/// How many lines of a command become events. Of a longer output, one in [`LATER`] follows for the live view.
const LINES: usize = 2_000;

/// The pause between the lines that become events after the first [`LINES`].
const LATER: Duration = Duration::from_millis(100);

/// The longest line that becomes an event, in bytes.
const LINE_MAX: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Scope {
    pub(super) task: TaskId,
    pub(super) deadline: Option<Instant>,
    pub(super) limits: Limits,
    path: PathBuf,
    output: Mutex<Output>,
    said: Mutex<Said>,
    /// It has said that it has changed nothing.
    pub(super) is_unchanged: AtomicBool,
}

#[derive(Debug)]
struct Output {
    file: LogFile,
    capture: Capture,
}

/// Made when there is something to write: most of a big graph's tasks say nothing.
#[derive(Debug)]
enum LogFile {
    Unopened,
    Open(BufWriter<File>),
    /// It could not be written; said once.
    Broken,
}

impl Scope {
    pub(super) fn new(task: TaskId, deadline: Option<Instant>, limits: Limits, path: PathBuf) -> Self {
        let output = Output { file: LogFile::Unopened, capture: Capture::new(EXCERPT, EXCERPT) };
        Self {
            task,
            deadline,
            limits,
            path,
            output: Mutex::new(output),
            said: Mutex::default(),
            is_unchanged: AtomicBool::default(),
        }
    }

    /// What the task's commands wrote, the middle left out of a long output.
    pub(super) fn excerpt(&self) -> String {
        self.output().capture.text()
    }

    /// The task's log, where it has one.
    pub(super) fn log(&self) -> Option<PathBuf> {
        match &mut self.output().file {
            LogFile::Open(file) => file.flush().is_ok().then(|| self.path.clone()),
            LogFile::Unopened | LogFile::Broken => None,
        }
    }

    /// Keeps what is said for whoever reuses the result.
    pub(super) fn hear(&self, body: &Body) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match body {
            Body::Note { level, message, hint, .. } => {
                let warns = *level == Level::Warning;
                said.notes.push(Note { warns, message: message.clone(), hint: hint.clone() });
            }
            Body::Found { finding, .. } => said.findings.push(finding.clone()),
            Body::Looked { account, .. } => said.looks.push(account.clone()),
            Body::Tested { report, .. } => said.reports.push(Arc::clone(report)),
            Body::Covered { coverage, .. } => said.covered.push(Arc::clone(coverage)),
            _ => {}
        }
    }

    /// What was said.
    pub(super) fn said(&self) -> Said {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, cx: &Cx, bytes: &[u8]) {
        let mut output = self.output();
        output.capture.push(bytes);
        if matches!(output.file, LogFile::Unopened) {
            output.file = match files::in_folder(&self.path, || File::create(&self.path)) {
                Ok(file) => LogFile::Open(BufWriter::new(file)),
                Err(error) => self.broken(cx, &error),
            };
        }
        if let LogFile::Open(file) = &mut output.file
            && let Err(error) = file.write_all(bytes)
        {
            output.file = self.broken(cx, &error);
        }
    }

    fn broken(&self, cx: &Cx, error: &std::io::Error) -> LogFile {
        let hint = "the task goes on; what it writes is kept only in part";
        cx.warn(format!("could not write `{}`: {error}", self.path.display()), hint);
        LogFile::Broken
    }
}

/// Takes the output of one command: masks it, logs it, and makes events of its lines.
pub(super) struct CommandLog {
    mask: MaskStream,
    line: Vec<u8>,
    lines: usize,
    last: Option<Instant>,
}

impl CommandLog {
    pub(super) fn new(cx: &Cx, command: &str) -> Self {
        if let Some(scope) = &cx.scope {
            scope.write(cx, format!("$ {command}\n").as_bytes());
        }
        Self { mask: MaskStream::default(), line: Vec::new(), lines: 0, last: None }
    }

    pub(super) fn push(&mut self, cx: &Cx, bytes: &[u8]) {
        let masked = self.mask.push(cx.mask(), bytes);
        if !masked.is_empty() {
            self.take(cx, &masked);
        }
    }

    pub(super) fn finish(mut self, cx: &Cx) {
        let rest = self.mask.finish();
        self.take(cx, &rest);
        if !self.line.is_empty() {
            self.say(cx);
            if let Some(scope) = &cx.scope {
                scope.write(cx, b"\n");
            }
        }
    }

    fn take(&mut self, cx: &Cx, bytes: &[u8]) {
        if let Some(scope) = &cx.scope {
            scope.write(cx, bytes);
        }
        // After the first lines only the last complete line of a piece is looked at.
        let mut rest = bytes;
        if self.lines >= LINES
            && let Some(end) = memrchr(b'\n', rest)
        {
            let start = memrchr(b'\n', &rest[..end]).map_or(0, |newline| newline + 1);
            if start > 0 {
                self.line.clear();
            }
            rest = &rest[start..];
        }
        while let Some(end) = memchr(b'\n', rest) {
            self.extend(&rest[..end]);
            self.say(cx);
            rest = &rest[end + 1..];
        }
        self.extend(rest);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_MAX - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn say(&mut self, cx: &Cx) {
        self.lines += 1;
        let due = self.lines <= LINES || self.last.is_none_or(|last| last.elapsed() >= LATER);
        if due && let Some(scope) = &cx.scope {
            let text = String::from_utf8_lossy(&self.line);
            // A progress bar rewrites its line: what stands behind the last return is what a reader would see.
            let line = text.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().to_owned();
            cx.emit(Body::Output { task: scope.task.clone(), line });
            self.last = Some(Instant::now());
        }
        self.line.clear();
    }
}
