//! How a run ends before its time: asked to, asked again, by signals, by SIGKILL.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use xtask::driver::cancel::Cancel;
use xtask::driver::process::{Exit, Finished, Processes, Request, Runner as _};
use xtask::driver::signals;

use super::{GRACE, run_with, shell};
use crate::program::{self, is_running, wait_until};

/// Longer than any test waits.
const NEVER: Duration = Duration::from_hours(1);

/// What the program runs, and how many milliseconds its grace is.
const SCRIPT: &str = "XTASK_TEST_SCRIPT";
const MILLISECONDS: &str = "XTASK_TEST_GRACE";

/// Ignores SIGTERM, and says when it comes.
const DEAF: &str = "trap 'echo heard' TERM; echo ready $$; while :; do sleep 0.1; done";

/// Listens to signals, runs a script, passes on what it writes, and says how it ended.
pub(crate) fn role() {
    let cancel = Cancel::default();
    signals::install(&cancel).unwrap();
    let grace = std::env::var(MILLISECONDS).unwrap().parse().unwrap();
    let processes = Processes::new(cancel).grace(Duration::from_millis(grace));
    let script = shell(&std::env::var(SCRIPT).unwrap());
    let mut stdout = std::io::stdout();
    let finished = processes.run(&script, &mut |_, bytes| stdout.write_all(bytes).unwrap()).unwrap();
    drop(processes);
    println!("ended: {}", finished.exit);
}

/// A program that runs a script under signals.
struct Program {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: Command, script: &str) -> Self {
        Self::start_with(command, script, GRACE)
    }

    fn start_with(mut command: Command, script: &str, grace: Duration) -> Self {
        command.env(SCRIPT, script).env(MILLISECONDS, grace.as_millis().to_string());
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits for the line that begins with `start`; returns its rest.
    fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("the program ended without a line `{start}`");
    }

    /// Waits for so many lines that are numbers of processes.
    fn processes(&mut self, count: usize) -> Vec<String> {
        let mut processes = Vec::new();
        let mut line = String::new();
        while processes.len() < count {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the program has ended");
            if line.trim().parse::<u32>().is_ok() {
                processes.push(line.trim().to_owned());
            }
        }
        processes
    }

    fn signal(&self, name: &str) {
        signal(name, &self.process.id().to_string());
    }

    /// Waits for its end; returns what it still wrote.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        self.process.wait().unwrap();
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that fails leaves nothing running either. What has ended already cannot be killed.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args(["-s", name, process]).status().unwrap().success());
}

/// Runs a script in a thread; returns its output line by line, and how it ended.
fn in_background(
    cancel: &Cancel,
    grace: Duration,
    request: Request,
) -> (mpsc::Receiver<String>, std::thread::JoinHandle<Finished>) {
    let processes = Processes::new(cancel.clone()).grace(grace);
    let (sender, receiver) = mpsc::channel();
    let run = move || {
        let mut line = String::new();
        let finished = processes.run(&request, &mut |_, bytes| {
            line.push_str(&String::from_utf8_lossy(bytes));
            while let Some(end) = line.find('\n') {
                drop(sender.send(line.drain(..=end).collect()));
            }
        });
        finished.unwrap()
    };
    (receiver, std::thread::spawn(run))
}

#[test]
fn a_cancelled_run_ends_its_command_and_starts_no_other() {
    let cancel = Cancel::default();
    let (lines, run) = in_background(&cancel, NEVER, shell("echo ready; sleep 600"));
    lines.recv().unwrap();
    cancel.cancel();
    assert_eq!(run.join().unwrap().exit, Exit::Cancelled);
    let (finished, stdout, _) = run_with(&Processes::new(cancel), &shell("echo started"));
    assert_eq!((finished.exit, stdout.as_str()), (Exit::Cancelled, ""));
}

#[test]
fn a_command_that_ignores_a_cancelled_run_is_killed_after_the_grace() {
    let cancel = Cancel::default();
    let (lines, run) = in_background(&cancel, GRACE, shell(DEAF));
    lines.recv().unwrap();
    let start = Instant::now();
    cancel.cancel();
    assert!(lines.iter().any(|line| line == "heard\n"));
    assert_eq!(run.join().unwrap().exit, Exit::Cancelled);
    assert!(start.elapsed() >= GRACE);
}

#[test]
fn a_second_request_kills_at_once() {
    let cancel = Cancel::default();
    let (lines, run) = in_background(&cancel, NEVER, shell(DEAF));
    lines.recv().unwrap();
    cancel.cancel();
    assert!(lines.iter().any(|line| line == "heard\n"));
    cancel.cancel_now();
    assert_eq!(run.join().unwrap().exit, Exit::Cancelled);
}

#[test]
fn whoever_takes_the_output_may_panic_and_leaves_nothing_running() {
    let mut process = String::new();
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Processes::new(Cancel::default()).run(&shell("echo $$; sleep 600"), &mut |_, bytes| {
            process = String::from_utf8_lossy(bytes).trim().to_owned();
            panic!("on purpose");
        })
    }));
    assert!(panics.is_err());
    wait_until("the command is gone", || !is_running(&process));
}

#[test]
fn each_signal_interrupts() {
    for name in ["INT", "TERM", "HUP"] {
        let mut program = Program::start(program::start("run"), "echo ready; sleep 600");
        program.line("ready");
        program.signal(name);
        assert!(program.rest().contains("ended: interrupted"), "{name}");
    }
}

#[test]
fn a_second_signal_kills_at_once() {
    let mut program = Program::start_with(program::start("run"), DEAF, NEVER);
    program.line("ready");
    program.signal("INT");
    program.line("heard");
    // Long enough to be no echo of the first.
    std::thread::sleep(Duration::from_millis(300));
    program.signal("TERM");
    assert!(program.rest().contains("ended: interrupted"));
}

#[test]
fn under_nohup_a_hangup_is_ignored_by_program_and_command() {
    let script =
        "trap 'exit 0' TERM; kill -s HUP $$; echo ready; while :; do sleep 0.1; echo still here; done";
    let mut program = Program::start(program::start_after("trap '' HUP", "run"), script);
    program.line("ready");
    program.signal("HUP");
    program.line("still here");
    program.line("still here");
    program.signal("TERM");
    assert!(program.rest().contains("ended: interrupted"));
}

/// Writes the process that runs the script, and goes on until SIGTERM.
const PATIENT: &str = "trap 'exit 0' TERM; echo ready $PPID; while :; do sleep 0.1; echo still here; done";

#[test]
#[cfg(target_os = "linux")]
fn sigint_that_was_ignored_at_the_start_counts_where_no_terminal_can_have_sent_it() {
    let line = "trap '' INT; exec setsid \"$0\" \"$@\"";
    let mut program = Program::start(program::start_after(line, "run"), PATIENT);
    program.line("ready");
    program.signal("INT");
    assert!(program.rest().contains("ended: interrupted"));
}

#[test]
#[cfg(target_os = "linux")]
fn sigint_that_was_ignored_at_the_start_stays_so_in_the_foreground_of_a_terminal() {
    let mut command = Command::new("script");
    let line = "trap '' INT; exec \"$PROGRAM\" --exact program::program --nocapture";
    command.args(["-qec", line, "/dev/null"]).env("PROGRAM", std::env::current_exe().unwrap());
    command.env(program::ROLE, "run");
    let mut program = Program::start(command, PATIENT);
    let process = program.line("ready ");
    signal("INT", &process);
    program.line("still here");
    program.line("still here");
    signal("TERM", &process);
    assert!(program.rest().contains("ended: interrupted"));
}

#[test]
#[cfg(target_os = "linux")]
fn children_of_a_program_that_ignored_sigint_do_not_ignore_it() {
    let mut program =
        Program::start(program::start_after("trap '' INT", "run"), "kill -s INT $$; echo it is ignored");
    assert!(program.rest().contains("ended: killed by SIGINT"));
}

#[test]
#[cfg(target_os = "linux")]
fn daemons_end_with_an_interrupted_run() {
    // The first is a child of the command in a session of its own, the second one's parent has ended; both are silent.
    let script = "exec 3>&1; silent() { exec setsid sh -c 'echo $$ >&3; trap \"\" TERM; while :; do sleep 0.1; done' \
        >/dev/null 2>&1 </dev/null; }; silent & (silent &) ; exec 3>&-; sleep 600";
    let mut program = Program::start(program::start("run"), script);
    let daemons = program.processes(2);
    program.signal("TERM");
    assert!(program.rest().contains("ended: interrupted"));
    for daemon in daemons {
        wait_until("the daemon is gone", || !is_running(&daemon));
    }
}

#[test]
fn sigkill_leaves_nothing_running() {
    let script =
        "sleep 600 & echo $!; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & sleep 0.5;
        echo ready $$; wait";
    let mut program = Program::start(program::start("run"), script);
    let processes = program.processes(2);
    assert!(processes.iter().all(|process| is_running(process)));
    program.signal("KILL");
    for process in &processes {
        wait_until("a process of the killed program is gone", || !is_running(process));
    }
    program.rest();
}

#[test]
#[cfg(target_os = "linux")]
fn sigkill_leaves_no_daemon_running_that_writes_to_the_output() {
    let mut program = Program::start(program::start("run"), "setsid sh -c 'echo $$; exec sleep 600' & wait");
    let daemons = program.processes(1);
    program.signal("KILL");
    wait_until("the daemon is gone", || !is_running(&daemons[0]));
}

#[test]
fn sigkill_at_any_moment_leaves_nothing_running() {
    // Around the start of the command: before it, while the guard knows its pipe but not its group, after it.
    for step in 0..48 {
        let marker = format!("600.{}{step:03}", std::process::id());
        let mut program = Program::start(program::start("run"), &format!("sleep {marker}; sleep {marker}"));
        std::thread::sleep(Duration::from_micros(step * 250));
        program.signal("KILL");
        program.rest();
        wait_until("the command is gone", || !program::list().contains(&marker));
    }
}

#[test]
fn the_guard_ends_with_the_program() {
    let mut program = Program::start(program::start("run"), "echo ready; read -r line; sleep 0.2");
    program.line("ready");
    let process = program.process.id().to_string();
    let is_guard = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        words.next() == Some(&process) && line.ends_with("xtask-guard")
    };
    let list = program::list();
    let guard = list.lines().find(is_guard).unwrap_or("");
    let guard = guard.split_whitespace().next();
    program.rest();
    let guard = guard.expect("there is a guard");
    assert!(!is_running(guard));
}
