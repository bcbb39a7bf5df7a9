//! How a command becomes a process: pipes, process group, and errors that name what could not be started.

use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::thread;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Pid;

use super::guard::{Guard, Registration};
use super::{Request, Stream};
use crate::error::{Error, Result};
use crate::sandbox::Sandbox;

/// A process that was started, and our ends of its pipes.
#[derive(Debug)]
pub(super) struct Child<'g> {
    pub(super) handle: duct::Handle,
    /// The child's number, which is its process group's too.
    pub(super) group: Pid,
    pub(super) registration: Registration<'g>,
    pub(super) outputs: Vec<(Stream, PipeReader)>,
    /// Does not block; `None` where nothing is to be written.
    pub(super) stdin: Option<PipeWriter>,
}

impl<'g> Child<'g> {
    pub(super) fn start(request: &Request, guard: &'g Guard) -> Result<Self> {
        Self::try_start(request, guard).map_err(|error| {
            // Whoever looked the program up has seen that it is executable.
            let refused = request.sandbox.is_some() && error.kind() == io::ErrorKind::PermissionDenied;
            if refused {
                let name = request.program.display();
                let error = Error::io(format!("could not start `{name}`"), error);
                return error.hint("inside the repository, a sandbox lets be started only what is declared");
            }
            error_of_start(&request.program, &request.cwd, error)
        })
    }

    fn try_start(request: &Request, guard: &'g Guard) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let mut registration = guard.announce(&reader);
        let mut outputs = vec![(Stream::Stdout, reader)];
        let mut command = duct::cmd(&request.program, &request.args);
        command = if request.apart {
            let (reader, writer) = io::pipe()?;
            outputs.push((Stream::Stderr, reader));
            command.stderr_file(writer)
        } else {
            // duct goes from the outside to the inside: this is what standard output is made below.
            command.stderr_to_stdout()
        };
        command = command.stdout_file(writer).full_env(&request.env).dir(&request.cwd).unchecked();
        let mut stdin = None;
        if request.stdin.is_empty() {
            command = command.stdin_null();
        } else {
            let (reader, writer) = io::pipe()?;
            rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
            stdin = Some(writer);
            command = command.stdin_file(reader);
        }
        let handle = start(&in_its_own_group(&command), request.sandbox.as_deref())?;
        // `command` holds the child's ends of the pipes: while it lives, no output ends.
        drop(command);
        let group = super::first_process(&handle).ok_or_else(|| io::Error::other("it has no number"))?;
        registration.add(group);
        Ok(Self { handle, group, registration, outputs, stdin })
    }
}

/// Starts a command, restricted where there is a sandbox. A restriction belongs to a thread and to what that starts: so a
/// thread is made for it, and ends.
fn start(command: &duct::Expression, sandbox: Option<&Sandbox>) -> io::Result<duct::Handle> {
    let Some(sandbox) = sandbox else { return command.start() };
    thread::scope(|scope| {
        let restricted = || sandbox.enter().and_then(|()| command.start());
        let thread =
            thread::Builder::new().name(sandbox.name().to_owned()).spawn_scoped(scope, restricted)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("what makes the sandbox panicked")))
    })
}

/// Gives the process a group of its own, so that it can be ended with everything it starts.
pub(super) fn in_its_own_group(command: &duct::Expression) -> duct::Expression {
    command.before_spawn(|command| {
        command.process_group(0);
        Ok(())
    })
}

/// Why `program` was not started in `cwd`. The system's error names neither, and says "not found" of several things.
pub(super) fn error_of_start(program: &Path, cwd: &Path, error: io::Error) -> Error {
    let name = program.display();
    let message = format!("could not start `{name}` in `{}`", cwd.display());
    if let Err(folder) = std::fs::metadata(cwd.join(".")) {
        let error = Error::io(message, folder);
        return error.hint(format!("the command runs in `{}`: it must be a folder", cwd.display()));
    }
    let hint = match Errno::from_io_error(&error) {
        Some(Errno::NOENT) if program.exists() => {
            format!("the interpreter in the first line of `{name}` is not there: remake the file, or install it")
        }
        Some(Errno::NOENT) => format!("`{name}` is not there: `cargo xtask doctor` says how to get it"),
        Some(Errno::ACCESS) => format!("`{name}` is not executable: `chmod +x {name}`"),
        Some(Errno::NOEXEC) => {
            format!("`{name}` is for another machine, or a script whose first line names no interpreter")
        }
        Some(Errno::TOOBIG) => {
            "arguments and environment are longer than the system allows: pass them in a file or on standard input"
                .to_owned()
        }
        Some(Errno::MFILE | Errno::NFILE) => {
            "too many open files: raise the limit with `ulimit -n`, or lower `--jobs`".to_owned()
        }
        Some(Errno::AGAIN | Errno::NOMEM) => {
            "the machine has no room for another process: lower `--jobs`".to_owned()
        }
        // An argument or a variable with a zero byte in it.
        None if error.kind() == io::ErrorKind::InvalidInput => {
            "arguments and variables cannot hold a zero byte".to_owned()
        }
        _ => return Error::io(message, error),
    };
    Error::missing(message).source(error).hint(hint)
}
