//! This test binary as a program that other tests start, kill and measure: for what cannot be tried inside of the process
//! that runs the tests.

use std::ffi::OsStr;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::{cluster, runner, setup};

/// The variable that names the role.
pub(crate) const ROLE: &str = "XTASK_TEST_ROLE";

/// The variable that says where a program that counts what it runs leaves its counts (doc.rust-lang.org/rustc/instrument-coverage.html).
/// Whoever starts the program with an environment of its own passes it on: else the counts land in the folder that it works in.
pub(crate) const COUNTS: &str = "LLVM_PROFILE_FILE";

/// What the binary can be started as. A role is a function; what it prints is among what the test harness prints.
pub(crate) const ROLES: &[(&str, fn())] = &[
    ("cluster", cluster::life::role),
    ("flood", runner::flood::role),
    ("run", runner::interruption::role),
    ("overhead", runner::overhead::role),
    ("set-up", setup::role),
];

/// Does nothing, unless this process was started by [`start`].
#[test]
fn program() {
    if let Ok(wanted) = std::env::var(ROLE) {
        let (_, role) = ROLES.iter().find(|(name, _)| *name == wanted).unwrap();
        role();
    }
}

/// A command that starts this binary as `role`.
pub(crate) fn start(role: &str) -> Command {
    let mut command = with_default_signals(std::env::current_exe().unwrap());
    command.args(ARGUMENTS).env(ROLE, role);
    command
}

/// A command whose process ignores no signal, even where this one was started by `nohup` or in the background of a shell and
/// ignores some. macOS has no program that does that.
pub(crate) fn with_default_signals(program: impl AsRef<OsStr>) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=HUP,INT,TERM").arg(program);
    command
}

/// The command that starts this binary as `role`, behind a line of shell that prepares its process.
pub(crate) fn start_after(line: &str, role: &str) -> Command {
    let mut command = with_default_signals("/bin/sh");
    command.arg("-c").arg(format!("{line}\nexec \"$0\" \"$@\""));
    command.arg(std::env::current_exe().unwrap()).args(ARGUMENTS).env(ROLE, role);
    command
}

const ARGUMENTS: [&str; 3] = ["--exact", "program::program", "--nocapture"];

/// Waits until `condition` holds; fails the test when it does not within a time that is long even for a slow machine.
#[track_caller]
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process once somebody listens at the port; `None`, with what it has logged, where it ends or takes too long.
pub(crate) fn listening(mut process: Child, port: u16, log: &Path) -> Option<Child> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end && process.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(process);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(process.kill());
    drop(process.wait());
    println!("{}", std::fs::read_to_string(log).unwrap());
    None
}

/// Whether a process of this number runs. One that has ended and was not waited for does not.
pub(crate) fn is_running(process: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", process]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

/// The processes of this machine, one a line: number, number of the parent, command line.
pub(crate) fn list() -> String {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid=,args="]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
