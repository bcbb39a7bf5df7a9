//! What differs between Linux and macOS, each behind one function.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, Signal};

/// The memory that could be used without swapping, in bytes; `None` where the system does not say.
pub fn memory_available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Seconds since 1970-01-01T00:00:00Z by this machine's clock; 0 where it is set before that.
pub fn unix_time() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}

/// The time since 1970-01-01T00:00:00Z by this machine's clock; zero where it is set before that.
pub fn since_epoch() -> std::time::Duration {
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// The program that runs here.
pub fn this_program() -> std::io::Result<std::path::PathBuf> {
    std::env::current_exe()
}

/// The operating system and the architecture.
pub fn name() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Gives memory back on a thread of its own: that of a thousand tasks takes longer than what is left to do after them, and a
/// process that ends need not wait for it.
pub fn give_back(what: impl Send + 'static) {
    drop(std::thread::Builder::new().name("gives memory back".to_owned()).spawn(move || drop(what)));
}

/// Whether a process of that number runs, ours or somebody else's.
pub fn is_alive(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    // Only the answer "no such process" says so; one that may not be asked is alive.
    number.is_some_and(|number| rustix::process::test_kill_process(number) != Err(rustix::io::Errno::SRCH))
}

/// Whether this process ignores `signal`. macOS has no file that says so: there the answer is no.
pub fn is_ignored(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, signal))
}

/// Whether the mask `SigIgn` in the text of a `/proc/PID/status` (`proc_pid_status(5)`) holds `signal`.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).ok().and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

/// Whether this process has a terminal, and its process group is the one that Ctrl-C is sent to.
pub fn is_in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|tty| {
        rustix::termios::tcgetpgrp(tty).is_ok_and(|group| group == rustix::process::getpgrp())
    })
}

/// A descriptor that becomes readable when the process ends; `None` where the system has none (macOS, Linux before 5.3).
///
/// The caller makes sure that the number stands for the process it means: a child that was not waited for yet keeps its own.
#[cfg(target_os = "linux")]
pub fn exit_watch(process: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).ok()
}

/// A descriptor that becomes readable when the process ends; `None`: macOS has none that works with `poll`.
#[cfg(not(target_os = "linux"))]
pub fn exit_watch(_process: Pid) -> Option<OwnedFd> {
    None
}

/// Makes processes that lose their parent children of this one, instead of the system's first process.
#[cfg(target_os = "linux")]
pub fn adopt_orphans() {
    // Without it an interrupted run cannot find daemons; nothing else is lost.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Does nothing: macOS gives every orphan to launchd.
#[cfg(not(target_os = "linux"))]
pub fn adopt_orphans() {}

/// Whether [`adopt_orphans`] was called, and worked.
#[cfg(target_os = "linux")]
pub fn adopts_orphans() -> bool {
    rustix::process::child_subreaper().is_ok_and(|reaper| reaper.is_some())
}

/// No: macOS gives every orphan to launchd.
#[cfg(not(target_os = "linux"))]
pub fn adopts_orphans() -> bool {
    false
}

/// Whether a process of this group still runs.
pub fn group_runs(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group).is_ok() && somebody_is_alive(group)
}

/// The system counts processes that have ended until their parent waits for them, and in a container without a proper first
/// process nobody may ever do that.
#[cfg(target_os = "linux")]
fn somebody_is_alive(group: Pid) -> bool {
    let all = proc::all();
    all.is_empty() || all.iter().any(|entry| entry.group == group && entry.is_alive)
}

/// Yes: macOS reports a group in which everybody has ended as one that cannot be signalled.
#[cfg(not(target_os = "linux"))]
fn somebody_is_alive(_group: Pid) -> bool {
    true
}

/// A process that descends from one of ours and has left its process group. Its number cannot come to stand for another
/// process as long as this value lives.
#[derive(Debug)]
pub struct Stray {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "macOS has no strays"))]
    process: OwnedFd,
}

/// Processes that descend from `ancestor` and are in no process group that `known` knows.
#[cfg(target_os = "linux")]
pub fn strays(ancestor: Pid, known: impl Fn(Pid) -> bool) -> Vec<Stray> {
    let descendants = proc::descendants(&proc::all(), ancestor);
    descendants.iter().filter(|entry| !known(entry.group)).filter_map(proc::Entry::hold).collect()
}

/// None: macOS does not let us find them without unsafe code.
#[cfg(not(target_os = "linux"))]
pub fn strays(_ancestor: Pid, _known: impl Fn(Pid) -> bool) -> Vec<Stray> {
    Vec::new()
}

#[cfg(target_os = "linux")]
impl Stray {
    /// Sends it a signal. That it is gone already is as good.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.process, signal);
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        use std::os::fd::AsFd as _;

        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let ended = poll(&mut [PollFd::new(&self.process, PollFlags::IN)], Some(&Timespec::default()))
            .is_ok_and(|ready| ready > 0);
        if ended {
            // Where it became a child of ours, nobody else takes it out of the process table.
            let _ =
                waitid(WaitId::PidFd(self.process.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
        ended
    }
}

#[cfg(not(target_os = "linux"))]
impl Stray {
    /// Sends it a signal.
    pub fn signal(&self, _signal: Signal) {}

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        true
    }
}

/// The process table as `/proc` shows it.
#[cfg(target_os = "linux")]
mod proc {
    use super::{OwnedFd, Pid, Stray, exit_watch};

    /// A process, from its `/proc/PID/stat` (`proc_pid_stat(5)`).
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub(super) struct Entry {
        pub(super) process: Pid,
        pub(super) parent: Option<Pid>,
        pub(super) group: Pid,
        /// Whether it has not ended yet.
        pub(super) is_alive: bool,
        /// In clock ticks since the machine started.
        pub(super) start: u64,
    }

    impl Entry {
        fn read(process: &str) -> Option<Self> {
            Self::parse(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
        }

        pub(super) fn parse(stat: &str) -> Option<Self> {
            let (process, rest) = stat.split_once(' ')?;
            // The name stands in parentheses and may hold anything, parentheses and spaces too.
            let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_whitespace().collect();
            // A process that is just being taken away is in group -1.
            let number =
                |field: &str| field.parse().ok().filter(|number| *number > 0).and_then(Pid::from_raw);
            Some(Self {
                process: number(process)?,
                parent: number(fields.get(1)?),
                group: number(fields.get(2)?)?,
                is_alive: !matches!(*fields.first()?, "Z" | "X"),
                start: fields.get(19)?.parse().ok()?,
            })
        }

        /// Takes hold of the process, unless its number stands for another one by now.
        pub(super) fn hold(&self) -> Option<Stray> {
            let process: OwnedFd = exit_watch(self.process)?;
            let now = Self::read(&self.process.as_raw_nonzero().to_string())?;
            (now.start == self.start).then_some(Stray { process })
        }
    }

    pub(super) fn all() -> Vec<Entry> {
        let names = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| {
                name.to_str().filter(|name| name.as_bytes()[0].is_ascii_digit()).and_then(Entry::read)
            })
            .collect()
    }

    pub(super) fn descendants(all: &[Entry], ancestor: Pid) -> Vec<Entry> {
        let mut found: Vec<Entry> = Vec::new();
        let mut parents = vec![ancestor];
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|entry| entry.parent == Some(parent));
            parents.extend(children.clone().map(|entry| entry.process));
            found.extend(children);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status =
            "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001003\nSigCgt:\tffffffffffffffff\n";
        let ignored: Vec<i32> = (-1..80).filter(|&signal| ignores(status, signal)).collect();
        assert_eq!(ignored, [1, 2, 13]);
        assert!(!ignores("", 1) && !ignores("SigIgn:\txyz", 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_line_of_the_process_table_is_read_whatever_the_name_of_the_process() {
        let stat = "42 (a) b (c) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        let entry = proc::Entry::parse(stat).unwrap();
        let leaving = "42 (sh) X 0 -1 -1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        assert_eq!(proc::Entry::parse(leaving), None);
        assert_eq!((entry.process, entry.parent), (Pid::from_raw(42).unwrap(), Pid::from_raw(7)));
        assert_eq!((entry.group, entry.start), (Pid::from_raw(42).unwrap(), 12345));
        for broken in
            ["", "42", "42 (a S 7", "42 (a) S 7", "x (a) S 7 42 41 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 1"]
        {
            assert_eq!(proc::Entry::parse(broken), None, "{broken}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn descendants_are_found_through_generations() {
        let entry = |process: i32, parent: i32| proc::Entry {
            process: Pid::from_raw(process).unwrap(),
            parent: Pid::from_raw(parent),
            group: Pid::from_raw(process).unwrap(),
            is_alive: true,
            start: 0,
        };
        let all = [entry(1, 0), entry(5, 4), entry(2, 1), entry(4, 2), entry(3, 1), entry(6, 3)];
        let found = proc::descendants(&all, Pid::from_raw(2).unwrap());
        let found: Vec<i32> = found.iter().map(|entry| entry.process.as_raw_nonzero().get()).collect();
        assert_eq!(found, [4, 5]);
    }
}
