//! Runs again what a change concerns, until somebody ends it.
//!
//! Files are looked at some times a second: git says which there are, the file system whether they were written. That works
//! on every system and every file system, and costs a few milliseconds.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::arguments::Run;
use super::run::Session;
use crate::core::affected::Changed;
use crate::core::command::Command;
use crate::core::text::{count, one_line};
use crate::core::watch::{Seen, Watch};
use crate::cx::Cx;
use crate::driver::cancel::Cancel;
use crate::driver::files;
use crate::error::{Error, ErrorKind, Result};
use crate::tasks::affected::{self, Selection};
use crate::tasks::ci;

/// How often files are looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(150);

/// How many changed files are named.
const NAMED_MAX: usize = 3;

impl Session<'_> {
    /// Runs the selected tasks, and again whatever a change concerns. A run that is under way when something changes that
    /// concerns it is interrupted for the newer one.
    pub(super) fn watch(&self, select: &[String]) -> Result<u8> {
        let eye = Eye::new(self.cx());
        let mut watch = Watch::new(eye.look()?);
        let mut next = Selection::Tasks(select.to_vec());
        loop {
            if let Selection::Tasks(tasks) = &next {
                clear(self.cx());
                let changed = self.round(&eye, &mut watch, select, tasks)?;
                if !changed.is_empty() {
                    // What was interrupted is not done, whatever has changed.
                    next = match self.concerned(select, &changed) {
                        Selection::Tasks(more) => Selection::Tasks(union(tasks, more)),
                        Selection::Nothing => continue,
                    };
                    continue;
                }
            }
            self.cx().note("waiting for changes; Ctrl-C ends it");
            next = loop {
                self.cx().check()?;
                thread::sleep(LOOK_AGAIN);
                let changed = watch.look(self.cx().elapsed(), eye.look()?);
                if changed.is_empty() {
                    continue;
                }
                if let tasks @ Selection::Tasks(_) = self.concerned(select, &changed) {
                    break tasks;
                }
            };
        }
    }

    /// One run. The files that have changed meanwhile and concern what is watched; then it was interrupted.
    fn round(
        &self,
        eye: &Eye,
        watch: &mut Watch,
        select: &[String],
        tasks: &[String],
    ) -> Result<Vec<String>> {
        let cancel = Cancel::default();
        // Whatever ends the watching ends the run.
        let (soon, now) = (cancel.clone(), cancel.clone());
        self.cx().cancel().on_cancel(move || soon.cancel());
        self.cx().cancel().on_cancel_now(move || now.cancel_now());
        let session = match self.again(cancel.clone()) {
            Ok(session) => session,
            Err(error) => return self.tell(&error),
        };
        let pipeline = session.pipeline(&ci::Options::CHECK);
        let (over, cx, clock) = (AtomicBool::new(false), eye.quiet.clone(), self.cx());
        let look = || {
            while !over.load(Ordering::SeqCst) {
                thread::sleep(LOOK_AGAIN);
                // What cannot be looked at now is looked at again after the run.
                let Ok(seen) = eye.look() else { continue };
                let changed = watch.look(clock.elapsed(), seen);
                let is_concerned = || match affected::among(&cx, &pipeline, select, &all(&changed)) {
                    Ok(selection) => selection != Selection::Nothing,
                    Err(_) => true,
                };
                if !changed.is_empty() && is_concerned() {
                    cancel.cancel();
                    return changed;
                }
            }
            Vec::new()
        };
        let (end, changed) = thread::scope(|scope| {
            let looking = scope.spawn(look);
            let end = session.run(tasks, &Run::default(), &ci::Options::CHECK);
            over.store(true, Ordering::SeqCst);
            (end, looking.join().unwrap_or_default())
        });
        self.cx().check()?;
        match end {
            Err(error) if changed.is_empty() => self.tell(&error),
            _ => {
                if !changed.is_empty() {
                    self.cx().note(format!("interrupted for a newer change: {}", named(&changed)));
                }
                Ok(changed)
            }
        }
    }

    /// What of the watched tasks files concern. Where that cannot be found out, all.
    fn concerned(&self, select: &[String], changed: &[String]) -> Selection {
        let pipeline = self.pipeline(&ci::Options::CHECK);
        let everything = || Selection::Tasks(select.to_vec());
        affected::among(self.cx(), &pipeline, select, &all(changed)).unwrap_or_else(|_| everything())
    }

    /// An error that a next change may mend. One that would come back each time ends the watching.
    fn tell(&self, error: &Error) -> Result<Vec<String>> {
        if !matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Problems) {
            return Err(error.clone());
        }
        self.cx().warn_of(error, "it is tried again when something changes");
        Ok(Vec::new())
    }
}

/// Who looks at the files of a repository, and says nothing about it.
struct Eye {
    quiet: Cx,
}

impl Eye {
    fn new(cx: &Cx) -> Self {
        let builder =
            Cx::builder(cx.root()).config(cx.config().clone()).environment(cx.environment().clone());
        Self { quiet: builder.cancel(cx.cancel().clone()).build() }
    }

    /// The files that git tracks or would track, as they stand.
    fn look(&self) -> Result<Seen> {
        let list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
        let list = Command::new("git").args(list).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        let output = self.quiet.output(list)?;
        if !output.success() {
            return Err(Error::missing("git does not say which files there are")
                .hint("`watch` looks at what git tracks or would track: it needs a repository of git"));
        }
        let stamp = |path: &str| Some((path.to_owned(), files::stamp(&self.quiet.root().join(path))?));
        Ok(output.stdout.split_terminator('\0').filter_map(stamp).collect())
    }
}

fn all(changed: &[String]) -> Vec<Changed> {
    changed
        .iter()
        .map(|path| Changed {
            path: path.trim_end_matches('/').to_owned(),
            is_repository: path.ends_with('/'),
        })
        .collect()
}

/// Both selections; nothing named stands for everything.
fn union(one: &[String], mut other: Vec<String>) -> Vec<String> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    other.extend(one.iter().cloned());
    other.sort_unstable();
    other.dedup();
    other
}

/// Some files by their names.
fn named(changed: &[String]) -> String {
    let names: Vec<_> = changed.iter().take(NAMED_MAX).map(|path| one_line(path)).collect();
    let more = changed.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {}", count(more, "more file")) } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Takes away what the last run has said, where somebody reads it on a screen.
fn clear(cx: &Cx) {
    let out = std::io::stdout();
    if out.is_terminal() && cx.environment().filled("TERM").is_some_and(|term| term != "dumb") {
        super::say(out, "\x1b[2J\x1b[3J\x1b[H");
    }
}
