//! One command from its start to its end: moves its bytes, and ends its process group when it is time.
//!
//! Everything happens on the thread that runs the command, in one loop around `poll`: no thread has to be started for a
//! command, and none can be left behind.

use std::io::{self, ErrorKind, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::start::Child;
use super::{Exit, Request, Stream};
use crate::cancel::Cancel;
use crate::error::{Context as _, Result};
use crate::platform::{self, Stray};

/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// How much is read at once of a command that has not written so much at once yet: most write little, many nothing.
const FIRST_PIECE: usize = 4 << 10;

/// How long the rest of a group may still write after its first process has ended. A helper such as `tee` ends by itself
/// when it has written everything; a signal would cut off the last lines.
const LINGER: Duration = Duration::from_millis(250);

/// How long what a command left in its group has between SIGTERM and SIGKILL.
const LEFTOVER_GRACE: Duration = Duration::from_millis(500);

/// How long is waited for processes to vanish after SIGKILL. Only the kernel can hold them longer than that.
const AFTERMATH: Duration = Duration::from_millis(500);

/// The pause between two looks at what cannot be polled.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// The most that is read of an output that somebody outside the group holds open: a full pipe.
const REMAINDER: usize = 1 << 20;

/// Pipes that become readable when the run is asked to end, soon and now.
#[derive(Debug)]
pub(super) struct Alarms {
    soon: PipeReader,
    now: PipeReader,
}

impl Alarms {
    pub(super) fn new(cancel: &Cancel) -> Result<Self> {
        let failed = || "could not make a pipe".to_owned();
        let (soon, ring_soon) = std::io::pipe().context(failed)?;
        let (now, ring_now) = std::io::pipe().context(failed)?;
        // Nobody reads the byte, so that everybody sees it.
        cancel.on_cancel(move || drop((&ring_soon).write_all(b"!")));
        cancel.on_cancel_now(move || drop((&ring_now).write_all(b"!")));
        Ok(Self { soon, now })
    }
}

/// How far the end of a command has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It runs, and may.
    Running,
    /// Its first process has ended; others may still write.
    Lingering { until: Instant },
    /// Its group was sent SIGTERM.
    Ending { kill_at: Instant },
    /// Its group was sent SIGKILL.
    Killed { leave_at: Instant },
}

/// What there is to wait for.
#[derive(Clone, Copy, Debug)]
enum Source {
    Output(usize),
    Stdin,
    /// Something that only has to wake the loop.
    Wake,
}

/// A command under way.
pub(super) struct Supervision<'s> {
    request: &'s Request,
    cancel: &'s Cancel,
    alarms: &'s Alarms,
    grace: Duration,
    child: Child<'s>,
    watch: Option<OwnedFd>,
    /// How much of the input was written.
    written: usize,
    stage: Stage,
    /// Why we ended it, where we did.
    verdict: Option<Exit>,
    /// How the first process ended, once it was waited for. Until then nobody else can get its number.
    exit: Option<Exit>,
    group_is_gone: bool,
    /// Descendants that have left the group.
    strays: Vec<Stray>,
}

impl<'s> Supervision<'s> {
    pub(super) fn new(
        request: &'s Request,
        child: Child<'s>,
        cancel: &'s Cancel,
        alarms: &'s Alarms,
        grace: Duration,
    ) -> Self {
        let watch = platform::exit_watch(child.group);
        Self {
            request,
            cancel,
            alarms,
            grace,
            child,
            watch,
            written: 0,
            stage: Stage::Running,
            verdict: None,
            exit: None,
            group_is_gone: false,
            strays: Vec::new(),
        }
    }

    /// Sees the command to its end. Returns how it ended, and whether somebody outside its group holds its output open.
    pub(super) fn run(mut self, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<(Exit, bool)> {
        let failed = || format!("could not watch `{}`", self.request.program.display());
        let mut piece = vec![0; FIRST_PIECE];
        let exit = loop {
            if let Some(exit) = self.advance().context(failed)? {
                break exit;
            }
            // From the last to the first, because an output that is over is taken out of the list.
            for source in self.wait().context(failed)?.into_iter().rev() {
                match source {
                    Source::Output(index) => drop(self.read(index, &mut piece, output)),
                    Source::Stdin => self.write(),
                    Source::Wake => {}
                }
            }
        };
        // What is in a pipe that stays open was written before its group ended.
        let mut remainder = REMAINDER;
        while remainder > 0
            && let Some(index) = self.ready_output().context(failed)?
        {
            remainder = remainder.saturating_sub(self.read(index, &mut piece, output));
        }
        Ok((exit, !self.child.outputs.is_empty()))
    }

    /// Does what is due. Returns how the command ended when nothing of it is left to wait for.
    fn advance(&mut self) -> io::Result<Option<Exit>> {
        loop {
            let now = Instant::now();
            let stage = self.stage;
            match stage {
                Stage::Running if self.has_ended() => self.stage = Stage::Lingering { until: now + LINGER },
                Stage::Running if self.cancel.is_cancelled() => self.end(Exit::Cancelled),
                Stage::Running if self.request.deadline.is_some_and(|deadline| now >= deadline) => {
                    self.end(Exit::TimedOut);
                }
                Stage::Running if self.request.stop.as_ref().is_some_and(Cancel::is_cancelled) => {
                    self.end(Exit::Stopped);
                }
                Stage::Lingering { until }
                    if self.child.outputs.is_empty() || now >= until || self.cancel.is_cancelled() =>
                {
                    self.terminate(LEFTOVER_GRACE);
                }
                Stage::Ending { kill_at } => {
                    if self.all_are_gone()? {
                        break;
                    }
                    if now < kill_at && !self.cancel.is_urgent() {
                        return Ok(None);
                    }
                    self.kill();
                }
                Stage::Killed { leave_at } if self.all_are_gone()? || now >= leave_at => break,
                Stage::Running | Stage::Lingering { .. } | Stage::Killed { .. } => return Ok(None),
            }
        }
        Ok(self.verdict.or(self.exit))
    }

    /// Whether the first process has ended. It is not waited for: its number stays taken, so that the group can be signalled.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.child.group), options), Ok(None))
    }

    /// Ends the command before its time.
    fn end(&mut self, verdict: Exit) {
        self.verdict = Some(verdict);
        self.find_strays();
        self.terminate(self.grace);
    }

    fn terminate(&mut self, grace: Duration) {
        self.signal(Signal::TERM);
        // Whoever was stopped, by reading from the terminal for example, has to go on to hear it.
        self.signal(Signal::CONT);
        self.stage = Stage::Ending { kill_at: Instant::now() + grace };
    }

    fn kill(&mut self) {
        if self.verdict.is_some() && self.exit.is_none() {
            self.find_strays();
        }
        self.signal(Signal::KILL);
        self.stage = Stage::Killed { leave_at: Instant::now() + AFTERMATH };
    }

    fn find_strays(&mut self) {
        let group = self.child.group;
        self.strays.extend(platform::strays(group, |other| other == group));
    }

    fn signal(&self, signal: Signal) {
        if !self.group_is_gone {
            // That nobody is there any more is as good.
            let _ = kill_process_group(self.child.group, signal);
        }
        for stray in &self.strays {
            stray.signal(signal);
        }
    }

    /// Whether first process, group and strays have all ended.
    fn all_are_gone(&mut self) -> io::Result<bool> {
        if self.exit.is_none() {
            if !self.has_ended() {
                return Ok(false);
            }
            // Once it is waited for, its number may be given to somebody else whom the guard must not end.
            self.child.registration.remove();
            self.exit = Some(self.child.handle.wait()?.status.into());
        }
        if !self.group_is_gone {
            let group = self.child.group;
            // Orphans that this process has adopted are in the process table until it waits for them.
            while let Ok(Some(_)) =
                waitid(WaitId::Pgid(Some(group)), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
            {}
            self.group_is_gone = !platform::group_runs(group);
            if self.group_is_gone {
                self.child.registration.remove();
            } else {
                self.child.registration.add(group);
            }
        }
        self.strays.retain(|stray| !stray.is_gone());
        Ok(self.group_is_gone && self.strays.is_empty())
    }

    /// Waits until something is to be done; returns for whom.
    fn wait(&self) -> io::Result<Vec<Source>> {
        let mut sources = Vec::with_capacity(5);
        let mut descriptors = Vec::with_capacity(5);
        let mut add = |source, descriptor, flags| {
            sources.push(source);
            descriptors.push(PollFd::from_borrowed_fd(descriptor, flags));
        };
        for (index, (_, reader)) in self.child.outputs.iter().enumerate() {
            add(Source::Output(index), reader.as_fd(), PollFlags::IN);
        }
        if let Some(stdin) = &self.child.stdin {
            add(Source::Stdin, stdin.as_fd(), PollFlags::OUT);
        }
        let (alarm, until) = match self.stage {
            Stage::Running => (Some(&self.alarms.soon), self.request.deadline),
            Stage::Lingering { until } => (Some(&self.alarms.soon), Some(until)),
            Stage::Ending { kill_at } => (Some(&self.alarms.now), Some(kill_at)),
            Stage::Killed { leave_at } => (None, Some(leave_at)),
        };
        if let Some(alarm) = alarm {
            add(Source::Wake, alarm.as_fd(), PollFlags::IN);
        }
        // While the group lingers, its first process has ended: the watch would be ready all the time.
        let is_awaited = self.exit.is_none() && !matches!(self.stage, Stage::Lingering { .. });
        if is_awaited && let Some(watch) = &self.watch {
            add(Source::Wake, watch.as_fd(), PollFlags::IN);
        }
        let timeout = [until.map(|until| until.saturating_duration_since(Instant::now())), self.look()];
        poll_until(&mut descriptors, timeout.into_iter().flatten().min())?;
        let ready = sources.into_iter().zip(&descriptors).filter(|(_, ready)| !ready.revents().is_empty());
        Ok(ready.map(|(source, _)| source).collect())
    }

    /// When to look at what does not tell us that it has ended.
    fn look(&self) -> Option<Duration> {
        match self.stage {
            Stage::Lingering { .. } => None,
            // Without a watch, mostly the end of the output tells that the end is near.
            _ if self.exit.is_none() && self.watch.is_none() => {
                Some(if self.child.outputs.is_empty() { LOOK } else { 10 * LOOK })
            }
            // Nothing wakes the loop for it; it is asked of commands that run for seconds.
            Stage::Running => self.request.stop.is_some().then_some(5 * LOOK),
            Stage::Ending { .. } | Stage::Killed { .. } => {
                (self.exit.is_some() || !self.strays.is_empty()).then_some(LOOK)
            }
        }
    }

    /// An output that can be read without waiting.
    fn ready_output(&self) -> io::Result<Option<usize>> {
        let readers = self.child.outputs.iter().map(|(_, reader)| PollFd::new(reader, PollFlags::IN));
        let mut descriptors: Vec<PollFd<'_>> = readers.collect();
        poll_until(&mut descriptors, Some(Duration::ZERO))?;
        Ok(descriptors.iter().position(|ready| !ready.revents().is_empty()))
    }

    /// Passes on what an output holds, at most a piece; returns how much that was.
    fn read(
        &mut self,
        index: usize,
        piece: &mut Vec<u8>,
        output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> usize {
        let (stream, reader) = &self.child.outputs[index];
        match (&*reader).read(piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Ok(0) | Err(_) => {
                self.child.outputs.remove(index);
                0
            }
            Ok(length) => {
                output(*stream, &piece[..length]);
                if length == piece.len() {
                    piece.resize(PIECE, 0);
                }
                length
            }
        }
    }

    /// Writes as much of the input as there is room for.
    fn write(&mut self) {
        let Some(stdin) = &self.child.stdin else { return };
        match (&*stdin).write(&self.request.stdin[self.written..]) {
            Ok(length) => self.written += length,
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            // Nobody reads it any more. That is the command's business.
            Err(_) => self.written = self.request.stdin.len(),
        }
        if self.written == self.request.stdin.len() {
            self.child.stdin = None;
        }
    }
}

impl Drop for Supervision<'_> {
    /// Whatever made us leave early, an error or a panic of whoever takes the output: nothing goes on running.
    fn drop(&mut self) {
        if self.exit.is_none() {
            self.signal(Signal::KILL);
        }
    }
}

fn poll_until(descriptors: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // Longer than the system can express is as good as forever.
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(descriptors, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
