//! The tests of a component: run by its own runner, counted from what the runner reports.

use std::path::Path;

use super::{coverage, tool};
use crate::config::{Component, ComponentKind, Node, Python, Rust};
use crate::core::command::{Command, quote};
use crate::core::finding::rust;
use crate::core::report::{TestCounts, TestOutcome, TestReport, junit, libtest};
use crate::cx::{Attempt, Cx, files};
use crate::error::{Error, Result};

/// How the tests of a component are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Arguments for the test runner: `-k name`. Whoever gives some looks at a part of the tests, so that coverage, which
    /// would be that of the part, is not measured.
    pub args: Vec<String>,
}

/// Runs the tests of the component and returns how many passed.
///
/// Coverage stays where the runner writes it; copies go to `coverage/COMPONENT/` in the output folder.
///
/// # Errors
///
/// [`Problems`](crate::ErrorKind::Problems) where a test failed, where the runner failed although no test did, and where it
/// passed without running any: green is what has been seen to be green.
pub fn component(cx: &Cx, component: &Component, options: &Options) -> Result<TestCounts> {
    match &component.kind {
        ComponentKind::Python(python) => pytest(cx, component, python, options),
        ComponentKind::Node(node) => vitest(cx, component, node, options),
        ComponentKind::Rust(rust) => cargo_test(cx, component, rust, options),
    }
}

/// pytest, with branch coverage of the component's package.
fn pytest(cx: &Cx, component: &Component, python: &Python, options: &Options) -> Result<TestCounts> {
    // The family whose cases name file and line.
    let command =
        tool::python(component, "python").args(["-m", "pytest", "--override-ini", "junit_family=xunit1"]);
    let coverage =
        [format!("--cov={}", python.package), "--cov-branch".to_owned(), "--cov-report=lcov".to_owned()];
    let coverage = if options.args.is_empty() { &coverage[..] } else { &[] };
    let run = |report: &Path| command.args(coverage).arg(flag("--junitxml=", report)).args(&options.args);
    let coverage_file = coverage::written_by(&component.kind);
    let runner = Runner { name: "pytest", coverage: coverage_file, lists_unselected: false };
    with_junit(cx, component, options, runner, run)
}

/// vitest, through the component's own script.
fn vitest(cx: &Cx, component: &Component, node: &Node, options: &Options) -> Result<TestCounts> {
    let command = tool::npm(component, &node.test).args(["--", "--reporter=default", "--reporter=junit"]);
    let no_coverage = (!options.args.is_empty()).then_some("--coverage.enabled=false");
    let run = |report: &Path| {
        command.arg(flag("--outputFile.junit=", report)).args(no_coverage).args(&options.args)
    };
    let coverage = coverage::written_by(&component.kind);
    with_junit(cx, component, options, Runner { name: "vitest", coverage, lists_unselected: true }, run)
}

/// pytest's exit code where no test was collected; other runners have none of their own for that.
const PYTEST_NOTHING: i32 = 5;

/// A test runner that writes JUnit.
#[derive(Clone, Copy)]
struct Runner {
    name: &'static str,
    /// The file with its coverage, relative to the component.
    coverage: Option<&'static str>,
    /// Whether it reports tests that the arguments leave out, as skipped without a reason.
    lists_unselected: bool,
}

/// Runs a runner that writes its report to the file it is given.
fn with_junit(
    cx: &Cx,
    component: &Component,
    options: &Options,
    runner: Runner,
    command: impl FnOnce(&Path) -> Command,
) -> Result<TestCounts> {
    // The raw report quotes whatever the tests printed.
    let scratch = cx.scratch()?;
    let measures = options.args.is_empty();
    if measures {
        // What is there afterwards is of this run.
        if let Some(file) = runner.coverage {
            files::remove(&cx.root().join(&component.path).join(file))?;
        }
    }
    let attempt = tool::attempt(cx, component, command(&scratch.file("junit.xml")))?;
    if measures {
        keep_coverage(cx, component, runner, attempt.error.is_none())?;
    }
    let Some(xml) = scratch.read("junit.xml")? else {
        return Err(attempt.error.unwrap_or_else(|| {
            Error::problems(format!("`{}` passed, but left no report", runner.name))
                .hint("does it run the tests at all?")
        }));
    };
    let mut report = match junit::read(&name(cx), &component.path, &xml) {
        Ok(report) => report,
        // A runner that crashed may leave half a report; why it crashed is the better message.
        Err(unreadable) => {
            let message = format!("could not understand the report of `{}`", runner.name);
            return Err(match attempt.error {
                Some(error) => error.cause(message).cause(unreadable.to_string()),
                None => Error::problems(message).source(unreadable),
            });
        }
    };
    if runner.lists_unselected && !options.args.is_empty() {
        report.cases.retain(|case| !is_skipped_silently(&case.outcome));
    }
    judge(cx, runner.name, attempt, report, options)
}

fn keep_coverage(cx: &Cx, component: &Component, runner: Runner, passed: bool) -> Result<()> {
    let Some(file) = runner.coverage.map(Path::new) else { return Ok(()) };
    let kept = Path::new("coverage").join(&component.name).join(file.file_name().unwrap_or_default());
    // The copy of an earlier run would pass for this one's.
    files::remove(&cx.output_folder().join(&kept))?;
    let path = component.path.join(file);
    if !cx.keep(&path, &kept)? && passed {
        cx.warn(
            format!("`{}` left no coverage in `{}`", runner.name, path.display()),
            "let the runner's own configuration write it there",
        );
    }
    Ok(())
}

/// `cargo test`: all binaries, whatever the ones before them found.
fn cargo_test(cx: &Cx, component: &Component, rust: &Rust, options: &Options) -> Result<TestCounts> {
    let command = tool::cargo(cx, "test", &rust.package).arg("--no-fail-fast").args(&options.args);
    let attempt = tool::attempt(cx, component, command)?;
    if attempt.is_cut && attempt.code.is_some() {
        let error = Error::problems("`cargo test` wrote more than can be counted");
        return Err(error.hint("do the tests print a lot? without `--nocapture` only failed ones do"));
    }
    let report = libtest::read(&name(cx), Path::new(""), &attempt.output);
    match attempt.error {
        // Nothing ran because nothing compiled.
        Some(error) if report.cases.is_empty() => {
            let findings = rust::cargo("rustc", &attempt.output, &tool::cargo_paths(cx));
            Err(tool::failure(cx, error, findings))
        }
        _ => judge(cx, "cargo test", attempt, report, options),
    }
}

/// What the exit code and the report of a runner come to together.
fn judge(
    cx: &Cx,
    runner: &str,
    attempt: Attempt,
    report: TestReport,
    options: &Options,
) -> Result<TestCounts> {
    let counts = report.counts();
    let is_empty = report.cases.is_empty();
    let selects = !options.args.is_empty();
    cx.tested(report);
    let Some(error) = attempt.error else {
        return if counts.failed > 0 {
            Err(failed(counts).cause(format!("`{runner}` passed all the same")))
        } else if is_empty && selects {
            Err(nothing_selected(options))
        } else if is_empty {
            Err(Error::problems(format!("`{runner}` passed, but no test ran"))
                .hint("does it look for tests where they are?"))
        } else {
            Ok(counts)
        };
    };
    Err(if attempt.code.is_none() {
        // A signal or the end of the time says more than the cases before it.
        error
    } else if counts.failed > 0 {
        failed(counts).cause(error.message())
    } else if is_empty && selects && attempt.code == Some(PYTEST_NOTHING) {
        nothing_selected(options)
    } else if is_empty {
        error
    } else {
        Error::problems(format!("no test failed, but `{runner}` did"))
            .cause(error.message())
            .hint("the end of its output says why: coverage below its threshold, or a crash after the tests")
    })
}

fn is_skipped_silently(outcome: &TestOutcome) -> bool {
    matches!(outcome, TestOutcome::Skipped { reason } if reason.is_empty())
}

fn failed(counts: TestCounts) -> Error {
    let total = counts.passed + counts.failed;
    Error::problems(format!("{} of {total} tests failed", counts.failed))
}

fn nothing_selected(options: &Options) -> Error {
    let args: Vec<String> = options.args.iter().map(|arg| quote(arg)).collect();
    Error::problems(format!("no test matches `{}`", args.join(" ")))
}

/// The name of the report: the task's.
fn name(cx: &Cx) -> String {
    cx.task().map_or_else(|| "test".to_owned(), ToString::to_string)
}

/// `--flag=PATH`, whatever bytes the path is made of.
fn flag(flag: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(flag);
    argument.push(path);
    argument
}
