//! The program while it runs, and how it ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::shop::LIMIT;

/// How the program ended, what it said, and how long it took.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    /// What it said, as a terminal would show it.
    pub(crate) text: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Asserts the exit code, and that all of `words` were said.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        for words in words {
            assert!(self.text.contains(words), "`{words}` was not said:\n{}", self.text);
        }
        self
    }
}

/// The program while it runs. It is killed where the test ends before.
pub(crate) struct Running {
    child: Child,
    path: PathBuf,
    began: Instant,
}

impl Running {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let output = tempfile::Builder::new().prefix("said").tempfile().unwrap();
        let (file, path) = output.keep().unwrap();
        let began = Instant::now();
        let child = command
            .stdout(file.try_clone().unwrap())
            .stderr(File::options().append(true).open(&path).unwrap())
            .spawn()
            .unwrap();
        Self { child, path, began }
    }

    /// When it was started.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap_or_default()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        !Path::new("/proc").join(self.child.id().to_string()).join("exe").exists()
    }

    /// The processor time that it has taken, those that it has started apart (`proc_pid_stat(5)`; a tick is 10 ms on Linux).
    pub(crate) fn spent(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: u64 = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The memory that it takes, in KiB, by its name in `proc_pid_status(5)`: `VmHWM` is the most so far, pages of the program's own
    /// file among them; `RssAnon` is what it has now without these.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> Ran {
        self.end_within(LIMIT * 4)
    }

    /// Waits for the end of what takes longer than other commands.
    #[track_caller]
    pub(crate) fn end_within(mut self, limit: Duration) -> Ran {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let code = status.code().unwrap_or(-1);
                return Ran { code, text: self.said(), took: self.began.elapsed() };
            }
            assert!(self.began.elapsed() < limit, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it, as the end of its machine would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.path));
    }
}
