//! Scanners that hang, break, are missing, or are of another version.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Repository;
use xtask::core::gate::Outcome;
use xtask::driver::process::{Exit, Finished, Request, Runner, Stream};
use xtask::error::{Error, ErrorKind};
use xtask::tasks::security::workflows;

/// A zizmor that says its version and then ends in a way of its own.
struct Staged {
    version: &'static str,
    exit: Exit,
    stdout: &'static str,
    stderr: &'static str,
}

impl Runner for Staged {
    fn run(
        &self,
        request: &Request,
        output: &mut (dyn FnMut(Stream, &[u8]) + Send),
    ) -> Result<Finished, Error> {
        let left = request.deadline.unwrap().saturating_duration_since(Instant::now());
        assert!(left <= Duration::from_mins(5), "it may take {left:?}");
        let finished = |exit| Finished { exit, duration: Duration::ZERO, output_held: false };
        if request.args.iter().any(|argument| argument == "--version") {
            output(Stream::Stdout, self.version.as_bytes());
            return Ok(finished(Exit::Code(0)));
        }
        output(Stream::Stdout, self.stdout.as_bytes());
        output(Stream::Stderr, self.stderr.as_bytes());
        Ok(finished(self.exit))
    }
}

const LOG: &str = " INFO audit: zizmor: completed ./.github/workflows/a.yml\n";

#[test]
fn however_a_scanner_ends_it_is_told_from_a_clean_look() {
    let repository = Repository::new(&[(".github/workflows/a.yml", "on: push\n")]);
    repository.write(".xtask/tools/bin/zizmor", "#!/bin/sh\n");
    let program = repository.root().join(".xtask/tools/bin/zizmor");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let good = || Staged { version: "zizmor 1.32.0", exit: Exit::Code(0), stdout: "[]", stderr: LOG };
    for (staged, outcome, why) in [
        (good(), Outcome::Clean, ""),
        (Staged { exit: Exit::TimedOut, ..good() }, Outcome::CouldNotLook, "ran out of time"),
        (Staged { exit: Exit::Signal(9), ..good() }, Outcome::ToolError, "was killed by SIGKILL"),
        (Staged { version: "zizmor 9.0.0", ..good() }, Outcome::CouldNotLook, "version 9.0.0"),
        (Staged { stdout: "", ..good() }, Outcome::ToolError, "wrote no report"),
        (Staged { stdout: "<html><title>Proxy</title>", ..good() }, Outcome::CouldNotLook, "a web page"),
        (Staged { stdout: "[{\"ident\":", ..good() }, Outcome::ToolError, "not its report"),
        (Staged { stderr: "", ..good() }, Outcome::CouldNotLook, "looked at no file"),
        (Staged { exit: Exit::Code(14), ..good() }, Outcome::ToolError, "exit code 14"),
        (
            Staged { exit: Exit::Code(1), stderr: "error: \u{1b}[31mboom\n", ..good() },
            Outcome::ToolError,
            ": error: boom",
        ),
    ] {
        let cx = repository.cx(&[], |builder| builder.runner(Arc::new(staged)));
        let said = repository.look(&cx, workflows::workflows);
        let account = said.account("zizmor");
        let gaps: Vec<&str> = account.gaps.iter().map(|gap| gap.why.as_str()).collect();
        assert_eq!(account.outcome, outcome, "{gaps:?}");
        assert!(gaps.concat().contains(why), "{gaps:?} does not say `{why}`");
        let broke = said.result.as_ref().err().map(Error::kind);
        assert_eq!(broke, (outcome == Outcome::ToolError).then_some(ErrorKind::Missing), "{gaps:?}");
    }
}

#[test]
fn a_scanner_that_is_not_there_is_said_with_how_to_get_it() {
    let repository = Repository::new(&[(".github/workflows/a.yml", "on: push\n")]);
    let cx = repository.cx(&[("PATH", "/nowhere")], |builder| builder);
    let said = repository.look(&cx, workflows::workflows);
    let gap = &said.account("zizmor").gaps[0];
    assert_eq!(gap.why, "`zizmor` is not installed");
    assert_eq!(gap.hint.as_deref(), Some("add `zizmor` to the tools of xtask.toml"));
    let cx = repository.cx(&[("PATH", "/nowhere")], |builder| builder.strict(true));
    let error = repository.look(&cx, workflows::workflows).result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
}

#[test]
fn where_there_is_nothing_to_look_at_that_is_said() {
    let repository = Repository::new(&[("README.md", "Nothing.\n")]);
    let said = repository.look(&repository.cx(&[], |builder| builder), workflows::workflows);
    assert_eq!(said.outcome("zizmor"), Outcome::Clean);
    assert!(said.result.is_ok());
}
