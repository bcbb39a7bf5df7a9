//! The part of a terminal that indicatif draws on.
//!
//! indicatif fills every line up with spaces and lets the terminal wrap, which makes all lines one to the terminal: when its
//! window changes, they flow into each other. Here lines end where their text ends, and after a change of the width the rows
//! that the old picture takes now are counted anew.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use indicatif::TermLike;

use super::lock;
use crate::core::text;

/// Tells columns and rows.
pub(super) type Size = Box<dyn Fn() -> (usize, usize) + Send>;

/// A terminal's part below the cursor. Clones share it.
#[derive(Clone)]
pub(super) struct Screen(Arc<Mutex<Inner>>);

struct Inner {
    out: Box<dyn Write + Send>,
    size: Size,
    /// The size that this picture is drawn for.
    current: (usize, usize),
    /// What is written at the next flush, in one piece.
    pending: Vec<u8>,
    /// Whether the cursor stands behind a line's text, so that the next line has to be begun.
    line_end: bool,
    /// How wide the drawn lines are.
    drawn: Vec<usize>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>, size: Size) -> Self {
        let current = size();
        let inner = Inner { out, size, current, pending: Vec::new(), line_end: false, drawn: Vec::new() };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// Columns and rows of this picture.
    pub(super) fn size(&self) -> (usize, usize) {
        self.inner().current
    }

    /// Takes over the terminal's size. Where the old picture takes more rows than lines by now, because the terminal has
    /// wrapped them, the ones that nobody knows of are cleared.
    pub(super) fn follow_size(&self) {
        let mut inner = self.inner();
        let size = (inner.size)();
        let narrower = size.0 < inner.current.0;
        inner.current = size;
        if !narrower {
            return;
        }
        let rows: usize = inner.drawn.iter().map(|width| width.div_ceil(size.0.max(1)).max(1)).sum();
        let lines = inner.drawn.len();
        if rows > lines {
            // Up to the first row, clear all below, and down again to where indicatif believes the cursor is.
            let moves = format!("\x1b[{}A\r\x1b[J{}", rows - 1, "\n".repeat(lines - 1));
            inner.pending.extend_from_slice(moves.as_bytes());
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }

    fn moved(&self, count: usize, direction: char) {
        // To a terminal, 0 means 1.
        if count > 0 {
            self.inner().pending.extend_from_slice(format!("\x1b[{count}{direction}").as_bytes());
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        u16::try_from(self.size().0).unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        u16::try_from(self.size().1).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D');
        Ok(())
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.pending.extend_from_slice(line.as_bytes());
        inner.pending.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Takes a line's text, or the spaces behind it.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut inner = self.inner();
        if text.bytes().all(|byte| byte == b' ') {
            inner.line_end = true;
            return Ok(());
        }
        if inner.line_end {
            inner.pending.extend_from_slice(b"\r\n");
            inner.line_end = false;
        }
        inner.pending.extend_from_slice(text.as_bytes());
        inner.drawn.push(text::width(&text::strip(text)));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut inner = self.inner();
        inner.line_end = false;
        inner.drawn.clear();
        inner.pending.extend_from_slice(b"\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut inner = self.inner();
        let pending = std::mem::take(&mut inner.pending);
        inner.out.write_all(&pending)?;
        inner.out.flush()
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("size", &self.size()).finish_non_exhaustive()
    }
}
