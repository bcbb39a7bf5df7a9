//! Real processes under [`Processes`]: how they start, what they write, how they end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use xtask::driver::cancel::Cancel;
use xtask::driver::process::{self, Exit, Finished, Processes, Request, Runner as _, Stream};
use xtask::{Error, ErrorKind};

use crate::program::{is_running, wait_until};

pub(crate) mod flood;
pub(crate) mod interruption;
pub(crate) mod overhead;
mod secrets;

/// A grace that a test can wait for, and that a shell has time to react in.
const GRACE: Duration = Duration::from_secs(1);

fn request(program: &str, args: &[&str]) -> Request {
    Request {
        program: PathBuf::from(program),
        args: args.iter().map(OsString::from).collect(),
        env: BTreeMap::from([("PATH".into(), std::env::var_os("PATH").unwrap())]),
        cwd: PathBuf::from("/"),
        stdin: Vec::new(),
        apart: false,
        deadline: None,
        stop: None,
        sandbox: None,
    }
}

fn shell(script: &str) -> Request {
    request("/bin/sh", &["-c", script])
}

/// Runs it and collects what it writes, by stream.
fn run(request: &Request) -> (Finished, String, String) {
    run_with(&Processes::new(Cancel::default()).grace(GRACE), request)
}

fn run_with(processes: &Processes, request: &Request) -> (Finished, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let finished = processes
        .run(request, &mut |stream, bytes| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        })
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (finished, text(stdout), text(stderr))
}

/// Runs it, and cancels the run once it has written so many lines.
fn cancelled_after(lines: usize, request: &Request) -> (Finished, Vec<String>) {
    let cancel = Cancel::default();
    let mut stdout = String::new();
    let processes = Processes::new(cancel.clone()).grace(GRACE);
    let finished = processes.run(request, &mut |_, bytes| {
        stdout.push_str(&String::from_utf8_lossy(bytes));
        if stdout.lines().count() >= lines {
            cancel.cancel();
        }
    });
    (finished.unwrap(), stdout.lines().map(str::to_owned).collect())
}

fn failure(request: &Request) -> Error {
    Processes::new(Cancel::default()).run(request, &mut |_, _| {}).unwrap_err()
}

#[test]
fn exit_codes_and_signals_are_told_apart() {
    for (script, exit, words) in [
        ("exit 0", Exit::Code(0), "exit 0"),
        ("exit 3", Exit::Code(3), "exit 3"),
        ("exit 255", Exit::Code(255), "exit 255"),
        ("kill -KILL $$", Exit::Signal(9), "killed by SIGKILL"),
        ("kill -TERM $$", Exit::Signal(15), "killed by SIGTERM"),
    ] {
        let (finished, ..) = run(&shell(script));
        assert_eq!((finished.exit, finished.exit.to_string().as_str()), (exit, words), "{script}");
        assert!(!finished.output_held, "{script}");
    }
}

#[test]
fn output_that_comes_together_keeps_its_order() {
    let script = "for n in 1 2 3 4 5 6 7 8 9; do echo out$n; echo err$n >&2; done";
    let (_, stdout, stderr) = run(&shell(script));
    let expected: Vec<String> = (1..10).flat_map(|n| [format!("out{n}"), format!("err{n}")]).collect();
    assert_eq!(
        (stdout.lines().collect::<Vec<_>>(), stderr.as_str()),
        (expected.iter().map(String::as_str).collect(), "")
    );
}

#[test]
fn output_that_comes_apart_is_not_mixed() {
    let (_, stdout, stderr) =
        run(&Request { apart: true, ..shell("echo a; echo b >&2; echo c; exec >&-; echo d >&2") });
    assert_eq!((stdout.as_str(), stderr.as_str()), ("a\nc\n", "b\nd\n"));
}

#[test]
fn output_that_is_no_utf8_arrives_byte_for_byte() {
    let mut bytes = Vec::new();
    let request = shell(r"printf '\377\000\200x\n'");
    Processes::new(Cancel::default()).run(&request, &mut |_, piece| bytes.extend_from_slice(piece)).unwrap();
    assert_eq!(bytes, b"\xff\x00\x80x\n");
}

#[test]
fn environment_and_folder_are_exactly_those_of_the_request() {
    let folder = tempfile::Builder::new().prefix("mit Leerzeichen und ö").tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let mut request = request("/usr/bin/env", &[]);
    request.env = BTreeMap::from([("ONLY".into(), "this".into())]);
    assert_eq!(run(&request).1, "ONLY=this\n");
    let (_, stdout, _) = run(&Request { cwd: folder.clone(), ..shell("pwd") });
    assert_eq!(stdout.trim_end(), folder.to_str().unwrap());
}

#[test]
fn signals_have_their_default_action_in_a_child() {
    // Rust programs ignore SIGPIPE; a child that did so too would write into a closed pipe for ever.
    let (finished, ..) = run(&shell("kill -PIPE $$"));
    assert_eq!(finished.exit, Exit::Signal(13));
}

#[test]
fn input_is_written_whole_and_ends() {
    let input: Vec<u8> = (0..1_000_000u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let (_, stdout, _) = run(&Request { stdin: input.clone(), ..request("cat", &[]) }.looked_up());
    assert_eq!(stdout.as_bytes(), input);
    assert_eq!(run(&shell("cat; echo end")).1, "end\n");
}

#[test]
fn input_that_nobody_reads_is_no_trouble() {
    let input = vec![b'x'; 1_000_000];
    for script in ["exit 0", "exec <&-; sleep 0.2; echo done", "read -r line"] {
        let (finished, ..) = run(&Request { stdin: input.clone(), ..shell(script) });
        assert!(matches!(finished.exit, Exit::Code(_)), "{script}: {}", finished.exit);
    }
    // It is never read, and the command does not end by itself.
    let deadline = Some(Instant::now() + Duration::from_millis(200));
    let (finished, ..) = run(&Request { stdin: input, deadline, ..shell("sleep 600") });
    assert_eq!(finished.exit, Exit::TimedOut);
}

#[test]
fn a_command_whose_time_is_up_is_ended() {
    let deadline = Some(Instant::now() + Duration::from_millis(300));
    let (finished, stdout, _) = run(&Request { deadline, ..shell("echo before; sleep 600; echo after") });
    assert_eq!((finished.exit, stdout.as_str()), (Exit::TimedOut, "before\n"));
    assert!(finished.duration >= Duration::from_millis(250), "{:?}", finished.duration);
}

#[test]
fn what_a_command_writes_while_it_is_ended_is_kept() {
    let script = "trap 'echo cleaned up; exit 0' TERM; echo ready; sleep 600 & wait";
    let (finished, lines) = cancelled_after(1, &shell(script));
    assert_eq!((finished.exit, lines), (Exit::Cancelled, vec!["ready".into(), "cleaned up".into()]));
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_after_the_grace() {
    let deadline = Some(Instant::now() + Duration::from_millis(300));
    let script = "trap '' TERM; echo $$; while :; do sleep 0.1; done";
    let (finished, ..) = run(&Request { deadline, ..shell(script) });
    assert_eq!(finished.exit, Exit::TimedOut);
    let (finished, lines) = cancelled_after(1, &shell(script));
    assert_eq!(finished.exit, Exit::Cancelled);
    assert!(finished.duration >= GRACE, "{:?}", finished.duration);
    assert!(!is_running(&lines[0]));
}

#[test]
fn a_command_that_was_stopped_is_ended_too() {
    let script = "trap 'echo heard; exit' TERM; echo ready; kill -STOP $$";
    let (finished, lines) = cancelled_after(1, &shell(script));
    assert_eq!((finished.exit, lines), (Exit::Cancelled, vec!["ready".into(), "heard".into()]));
}

#[test]
fn grandchildren_end_with_the_group() {
    let script =
        "sh -c 'sleep 600 & echo $!; wait' & sh -c 'trap \"\" TERM; echo $$; sleep 600; sleep 600' & wait";
    let (finished, processes) = cancelled_after(2, &shell(script));
    assert_eq!(finished.exit, Exit::Cancelled);
    for process in &processes[..2] {
        wait_until("a grandchild is gone", || !is_running(process));
    }
}

#[test]
fn what_is_left_in_the_group_of_a_command_that_ended_is_ended() {
    for script in [
        "sleep 600 >/dev/null 2>&1 & echo $!",
        "sleep 600 & echo $!",
        "sh -c 'trap \"\" TERM; sleep 600; sleep 600' & sleep 0.2; echo $!",
    ] {
        let (finished, stdout, _) = run(&shell(script));
        assert_eq!((finished.exit, finished.output_held), (Exit::Code(0), false), "{script}");
        wait_until("the background process is gone", || !is_running(stdout.trim()));
    }
}

#[test]
fn a_helper_may_write_its_last_lines_after_the_command_has_ended() {
    let (finished, stdout, _) = run(&shell("(sleep 0.05; echo last) & echo first"));
    assert_eq!((finished.exit, stdout.as_str()), (Exit::Code(0), "first\nlast\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_daemon_that_holds_the_output_open_is_not_waited_for() {
    let script = "setsid sleep 600 & until [ $(ps -o sid= -p $!) = $! ]; do sleep 0.05; done; echo $!";
    let (finished, stdout, _) = run(&shell(script));
    assert_eq!((finished.exit, finished.output_held), (Exit::Code(0), true));
    assert!(finished.duration < Duration::from_mins(5));
    // It was not ours to end.
    assert!(is_running(stdout.trim()));
    std::process::Command::new("kill").arg(stdout.trim()).status().unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn descendants_that_left_the_group_end_with_a_command_that_is_ended() {
    let script = "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & wait";
    let (finished, processes) = cancelled_after(1, &shell(script));
    assert_eq!(finished.exit, Exit::Cancelled);
    wait_until("the descendant is gone", || !is_running(&processes[0]));
}

#[test]
fn what_cannot_be_started_is_named_with_a_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str, mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let huge = "x".repeat(40 << 20);
    let at = |cwd: &Path| Request { cwd: cwd.to_owned(), ..shell("exit 0") };
    let cases = [
        (request("/no/such/program", &[]), "/no/such/program", "doctor"),
        (at(Path::new("/no/such/folder")), "/no/such/folder", "must be a folder"),
        (at(Path::new("/etc/passwd")), "/etc/passwd", "must be a folder"),
        (request(&file("plain", "#!/bin/sh\n", 0o644), &[]), "plain", "chmod +x"),
        (request(&file("orphan", "#!/no/such/interpreter\n", 0o755), &[]), "orphan", "interpreter"),
        (request(&file("foreign", "\x7fELF nonsense", 0o755), &[]), "foreign", "another machine"),
        (request("/bin/true", &[&huge]), "/bin/true", "longer than the system allows"),
        (request("/bin/true", &["a\0b"]), "/bin/true", "zero byte"),
    ];
    for (request, named, hint) in cases {
        let error = failure(&request);
        assert_eq!(error.kind(), ErrorKind::Missing, "{error:?}");
        assert!(error.message().contains(named) && !error.causes().is_empty(), "{error:?}");
        assert!(error.hints().iter().any(|said| said.contains(hint)), "{error:?}");
    }
}

#[test]
fn names_are_looked_up_in_the_path_of_the_command() {
    let env = BTreeMap::from([("PATH".into(), "/bin:/usr/bin".into())]);
    let found = process::find("sh".as_ref(), &env, Path::new("/")).unwrap();
    assert!(found.ends_with("sh") && found.is_absolute());
    let error = process::find("no-such-tool".as_ref(), &env, Path::new("/")).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Missing, "`no-such-tool` is not there"));
    let error = process::find("./passwd".as_ref(), &env, Path::new("/etc")).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Missing, "`./passwd` is not executable"));
}

#[test]
fn many_commands_at_once_do_not_mix() {
    let processes = Processes::new(Cancel::default());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let processes = &processes;
            scope.spawn(move || {
                for command in 0..20 {
                    let expected = format!("{thread} {command}\n");
                    let (finished, stdout, _) =
                        run_with(processes, &shell(&format!("echo {thread} {command}")));
                    assert_eq!((finished.exit, stdout), (Exit::Code(0), expected));
                }
            });
        }
    });
}

trait LookedUp {
    fn looked_up(self) -> Self;
}

impl LookedUp for Request {
    /// With the program's path in place of its name.
    fn looked_up(mut self) -> Self {
        self.program = process::find(self.program.as_os_str(), &self.env, &self.cwd).unwrap();
        self
    }
}
