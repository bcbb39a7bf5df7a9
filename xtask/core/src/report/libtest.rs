//! The plain text that `cargo test` writes, read back into cases.
//!
//! The machine-readable form of libtest is unstable, so this is what a stable toolchain offers. Both streams are expected in
//! one, in their order: cargo names the binaries on standard error, their tests are on standard output.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{TestCase, TestOutcome, TestReport};
use crate::text;

/// Reads the output of `cargo test`. `name` becomes the report's name; `folder` is the workspace's, relative to the
/// repository.
///
/// Text that is no such output has no cases: a build that failed ran no test.
pub fn read(name: &str, folder: &Path, output: &str) -> TestReport {
    let mut reader =
        Reader { folder, group: String::new(), cases: Vec::new(), first: 0, state: State::Between };
    for line in text::strip(output).lines() {
        reader.line(line);
    }
    reader.settle();
    TestReport { name: name.to_owned(), cases: reader.cases }
}

struct Reader<'r> {
    folder: &'r Path,
    /// The binary, as cargo names it: `src/lib.rs`, `tests/it/main.rs`, `doc-tests xtask`.
    group: String,
    cases: Vec<TestCase>,
    /// Where the cases of this binary begin.
    first: usize,
    state: State,
}

enum State {
    /// No binary runs tests.
    Between,
    /// `running 3 tests` was seen.
    Running,
    /// A test was named; what follows, up to its outcome, is its own output.
    Pending { name: String, said: String },
    /// The outcomes are over; the output of failed tests follows, here that of the case at this position.
    Failures { case: Option<usize>, said: String },
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        if let Some(group) = group(line) {
            self.settle();
            (self.group, self.first) = (group, self.cases.len());
            return;
        }
        if line.starts_with("test result: ") && !self.awaits_outcome() {
            self.settle();
            return;
        }
        let over = line == "failures:" && !self.awaits_outcome();
        match &mut self.state {
            State::Between if is_start(line) => self.state = State::Running,
            State::Between => {}
            State::Running | State::Pending { .. } if over => {
                self.settle();
                self.state = State::Failures { case: None, said: String::new() };
            }
            State::Running | State::Pending { .. } => self.running(line),
            State::Failures { said, .. } => {
                let block = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"));
                if block.is_none() && line != "failures:" {
                    said.push_str(line);
                    said.push('\n');
                    return;
                }
                self.settle();
                let mut of_binary =
                    (self.first..self.cases.len()).filter(|&at| Some(self.cases[at].name.as_str()) == block);
                self.state = State::Failures { case: of_binary.next(), said: String::new() };
            }
        }
    }

    /// Whether a test was named whose outcome was not seen: what looks like the end of all tests is its own output.
    fn awaits_outcome(&self) -> bool {
        matches!(&self.state, State::Pending { said, .. } if ending(said).is_none())
    }

    /// A line of a binary that runs its tests.
    fn running(&mut self, line: &str) {
        // Output without a line end may stand before the name; then only a whole line with its outcome is believed.
        let named = line.match_indices("test ").find_map(|(start, word)| {
            let (name, rest) = line[start + word.len()..].split_once(" ... ")?;
            let outcome = outcome(rest);
            (!name.is_empty() && (start == 0 || outcome.is_some())).then_some((name, rest, outcome))
        });
        if let Some((name, rest, outcome)) = named {
            self.settle();
            self.state = State::Running;
            match outcome {
                Some(outcome) => self.case(name, outcome),
                None => self.state = State::Pending { name: name.to_owned(), said: format!("{rest}\n") },
            }
        } else if let State::Pending { said, .. } = &mut self.state {
            said.push_str(line);
            said.push('\n');
        }
    }

    /// Closes what is open: a test whose outcome stands at the end of its own output, or the output of a failed one.
    fn settle(&mut self) {
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between | State::Running => {}
            State::Failures { case, said } => {
                if let Some(case) = case.and_then(|position| self.cases.get_mut(position)) {
                    explain(case, said.trim(), self.folder);
                }
            }
            State::Pending { name, said } => {
                let end = ending(&said);
                let ended = end.is_some();
                let (said, outcome) = end.unwrap_or((&said, failed(String::new(), String::new())));
                self.case(&name, outcome);
                if let Some(case) = self.cases.last_mut() {
                    explain(case, said.trim(), self.folder);
                    if let TestOutcome::Failed { message, .. } = &mut case.outcome
                        && !ended
                    {
                        "the process ended before the test did".clone_into(message);
                    }
                }
            }
        }
    }

    fn case(&mut self, name: &str, outcome: TestOutcome) {
        // libtest and rustdoc say how a test is run: ` - should panic`, ` - compile fail`.
        let modes = [" - should panic", " - compile fail", " - compile"];
        let name = modes.iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name).to_owned();
        let place = doc_test(&name);
        self.cases.push(TestCase {
            group: self.group.clone(),
            path: place.map(|(path, _)| self.folder.join(path)),
            line: place.map(|(_, line)| line),
            name,
            duration: Duration::ZERO,
            outcome,
            earlier: Vec::new(),
        });
    }
}

/// The binary that a line of cargo announces.
fn group(line: &str) -> Option<String> {
    if let Some(package) = line.strip_prefix("   Doc-tests ") {
        return Some(format!("doc-tests {package}"));
    }
    let (target, _executable) = line.strip_prefix("     Running ")?.split_once(" (")?;
    Some(target.strip_prefix("unittests ").unwrap_or(target).to_owned())
}

/// Whether a line is `running 3 tests`.
fn is_start(line: &str) -> bool {
    let count = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test"));
    count.is_some_and(|(count, _)| count.parse::<u64>().is_ok())
}

/// Reads `ok`, `FAILED` or `ignored, reason`; a time in angle brackets may follow.
fn outcome(text: &str) -> Option<TestOutcome> {
    if let Some(rest) = text.strip_prefix("ignored") {
        let reason = rest.strip_prefix(", ").unwrap_or_default();
        return (rest.is_empty() || !reason.is_empty())
            .then(|| TestOutcome::Skipped { reason: reason.to_owned() });
    }
    match text.split_once(" <").map_or(text, |(word, _time)| word) {
        "ok" => Some(TestOutcome::Passed),
        "FAILED" => Some(failed(String::new(), String::new())),
        _ => None,
    }
}

/// The outcome at the end of what a test said, and what stands before it.
fn ending(said: &str) -> Option<(&str, TestOutcome)> {
    let said = said.trim_end();
    ["ok", "FAILED", "ignored"].into_iter().find_map(|word| said.strip_suffix(word).zip(outcome(word)))
}

fn failed(message: String, detail: String) -> TestOutcome {
    TestOutcome::Failed { message, detail }
}

/// The file and the line in the name of a documentation test: `src/lib.rs - add (line 9)`.
fn doc_test(name: &str) -> Option<(&str, u32)> {
    let (path, _) = name.split_once(" - ")?;
    let (_, line) = name.strip_suffix(')')?.rsplit_once("(line ")?;
    Some((path, line.parse().ok()?))
}

/// Gives a failed case what it said: the whole, the line that says why, and where that was.
fn explain(case: &mut TestCase, said: &str, folder: &Path) {
    if !matches!(case.outcome, TestOutcome::Failed { .. }) {
        return;
    }
    let panic = said.lines().position(|line| line.contains(" panicked at "));
    let not_panicked = "note: test did not panic as expected";
    let telling = match panic {
        Some(position) => said.lines().nth(position + 1),
        None => said.lines().find(|line| line.starts_with("Error: ") || line.starts_with(not_panicked)),
    };
    let message = telling.or_else(|| said.lines().find(|line| !line.is_empty())).unwrap_or_default();
    let place = panic.and_then(|position| said.lines().nth(position)).or(telling).and_then(place);
    if case.path.is_none()
        && let Some((path, line)) = place
    {
        (case.path, case.line) = (Some(folder.join(path)), Some(line));
    }
    case.outcome = failed(message.trim_start_matches("note: ").to_owned(), said.to_owned());
}

/// The place in `… panicked at src/lib.rs:31:13:`, where it is in the workspace.
fn place(line: &str) -> Option<(PathBuf, u32)> {
    let (_, place) = line.rsplit_once(" at ")?;
    let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
    let (_column, line, path) = (parts.next()?, parts.next()?, parts.next()?);
    let path = PathBuf::from(path);
    path.is_relative().then_some(path).zip(line.parse().ok())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::tests::table;
    use super::*;

    fn read_file(output: &str) -> TestReport {
        read("test.app", Path::new(""), output)
    }

    #[test]
    fn recorded_output_is_understood() {
        let report = read_file(include_str!("../../../testdata/reports/cargo-test.txt"));
        expect![[r#"
            test.app: 5 passed, 5 failed, 2 skipped
            passed   [src/lib.rs] tests::deep::adds | 
            failed  app/src/lib.rs:31 [src/lib.rs] tests::deep::adds_wrongly | assertion `left == right` failed: the sum
            failed  app/src/lib.rs:56 [src/lib.rs] tests::does_not_panic | test did not panic as expected at app/src/lib.rs:56:8
            passed   [src/lib.rs] tests::panics | 
            failed   [src/lib.rs] tests::says_error | Error: "no such thing"
            skipped  [src/lib.rs] tests::slow | takes an hour
            skipped  [src/lib.rs] tests::slower | 
            passed   [tests/it/main.rs] prints | 
            failed  app/tests/it/main.rs:11 [tests/it/main.rs] fails | called `Option::unwrap()` on a `None` value
            passed  app/src/lib.rs:13 [doc-tests app] app/src/lib.rs - add (line 13) | 
            passed  app/src/lib.rs:5 [doc-tests app] app/src/lib.rs - add (line 5) | 
            failed  app/src/lib.rs:9 [doc-tests app] app/src/lib.rs - add (line 9) | assertion `left == right` failed
        "#]].assert_eq(&table(&report));
        let TestOutcome::Failed { detail, .. } = &report.cases[1].outcome else { panic!("{report:?}") };
        expect![[r#"
            about to add

            thread 'tests::deep::adds_wrongly' (13438) panicked at app/src/lib.rs:31:13:
            assertion `left == right` failed: the sum
            is wrong
              left: 3
             right: 4
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"#]]
        .assert_eq(detail);
    }

    #[test]
    fn output_between_name_and_outcome_is_the_tests_own() {
        let report = read_file(include_str!("../../../testdata/reports/cargo-test-nocapture.txt"));
        expect![[r#"
            test.app: 5 passed, 5 failed, 2 skipped
            passed   [src/lib.rs] tests::deep::adds | 
            failed  app/src/lib.rs:31 [src/lib.rs] tests::deep::adds_wrongly | assertion `left == right` failed: the sum
            failed  app/src/lib.rs:56 [src/lib.rs] tests::does_not_panic | test did not panic as expected at app/src/lib.rs:56:8
            passed   [src/lib.rs] tests::panics | 
            failed   [src/lib.rs] tests::says_error | Error: "no such thing"
            skipped  [src/lib.rs] tests::slow | takes an hour
            skipped  [src/lib.rs] tests::slower | 
            failed  app/tests/it/main.rs:11 [tests/it/main.rs] fails | called `Option::unwrap()` on a `None` value
            passed   [tests/it/main.rs] prints | 
            passed  app/src/lib.rs:13 [doc-tests app] app/src/lib.rs - add (line 13) | 
            passed  app/src/lib.rs:5 [doc-tests app] app/src/lib.rs - add (line 5) | 
            failed  app/src/lib.rs:9 [doc-tests app] app/src/lib.rs - add (line 9) | assertion `left == right` failed
        "#]].assert_eq(&table(&report));
    }

    #[test]
    fn a_build_that_failed_ran_no_test() {
        let report = read_file(include_str!("../../../testdata/reports/cargo-test-compile.txt"));
        assert_eq!(report.cases, []);
    }

    #[test]
    fn a_test_that_took_the_process_with_it_failed() {
        let report = read_file(include_str!("../../../testdata/reports/cargo-test-abort.txt"));
        expect![[r#"
            test.app: 0 passed, 1 failed
            failed   [tests/it/main.rs] aborts | the process ended before the test did
        "#]]
        .assert_eq(&table(&report));
    }

    #[test]
    fn lines_in_any_shape() {
        for (line, expected) in [
            ("test a::b ... ok", "passed a::b"),
            ("test a::b ... \x1b[32mok\x1b[m", "passed a::b"),
            ("test a ... ok <0.120s>", "passed a"),
            ("test a ... ignored", "skipped a: "),
            ("test a ... ignored, no network", "skipped a: no network"),
            ("no line endtest a ... FAILED", "failed a: "),
            ("test a ... all is\nok", "passed a"),
            ("test a ... all is ok\nFAILED", "failed a: all is ok"),
            ("test a ... failures:\ntest result: ok\nfailures:\nok", "passed a"),
            ("test a ... some print\nmoreok\ntest b ... ok", "passed a\npassed b"),
            ("test a ... gone", "failed a: the process ended before the test did"),
            ("test has been running for over 60 seconds", ""),
            ("a test ... of patience", ""),
            ("test  ... ok", ""),
        ] {
            let report = read_file(&format!("running 2 tests\n{line}\n"));
            let seen: Vec<String> = report.cases.iter().map(one).collect();
            assert_eq!(seen.join("\n"), expected, "{line:?}");
        }
        assert_eq!(read_file("test a ... ok\n").cases, [], "nothing runs yet");
    }

    fn one(case: &TestCase) -> String {
        match &case.outcome {
            TestOutcome::Passed => format!("passed {}", case.name),
            TestOutcome::Failed { message, .. } => format!("failed {}: {message}", case.name),
            TestOutcome::Skipped { reason } => format!("skipped {}: {reason}", case.name),
        }
    }
}
