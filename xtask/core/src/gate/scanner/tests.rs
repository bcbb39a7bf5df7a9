//! What the adapters make of recorded answers of the real tools, and of answers that were damaged on the way.
//!
//! A recording is a line on how it was made, the exit code, and the parts of the answer, each behind `--- NAME`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::{ExpectFile, expect_file};

use super::*;
use crate::gate::Outcome;

/// A recorded answer.
struct Recording {
    scanner: &'static Scanner,
    name: &'static str,
    answer: Owned,
    golden: ExpectFile,
}

/// An answer that owns what it says.
#[derive(Clone)]
struct Owned {
    code: i32,
    stdout: String,
    stderr: String,
    report: Option<String>,
}

impl Owned {
    fn parse(text: &str) -> Self {
        let (head, rest) = text.split_once("\n--- stdout\n").unwrap();
        let (stdout, rest) = split(rest, "--- stderr\n");
        let (stderr, report) = split(rest, "--- report\n");
        let code = head.lines().nth(1).unwrap().strip_prefix("exit code ").unwrap().parse().unwrap();
        let has_report = rest.contains("--- report\n");
        Self { code, stdout, stderr, report: has_report.then(|| report.to_owned()) }
    }

    fn answer(&self) -> Answer<'_> {
        Answer {
            code: Some(self.code),
            ended: "exit code",
            stdout: &self.stdout,
            stderr: &self.stderr,
            report: self.report.as_deref(),
        }
    }

    /// Changes the part that holds the report.
    fn with_report(&self, change: impl Fn(&str) -> String) -> Self {
        let mut changed = self.clone();
        let part = match &mut changed.report {
            Some(report) if !self.is_census() => report,
            _ if self.stdout.trim().is_empty() => &mut changed.stderr,
            _ => &mut changed.stdout,
        };
        *part = change(part);
        changed
    }

    /// Whether the report is a list of files.
    fn is_census(&self) -> bool {
        self.report.as_ref().is_some_and(|report| !report.starts_with(['[', '{']))
    }
}

fn split<'t>(text: &'t str, mark: &str) -> (String, &'t str) {
    if let Some(rest) = text.strip_prefix(mark) {
        return (String::new(), rest);
    }
    let (before, rest) = text.split_once(&format!("\n{mark}")).unwrap_or((text, ""));
    (before.to_owned(), rest)
}

fn look(recording: &Recording, answer: &Owned) -> Look {
    recording.scanner.look(&answer.answer(), &Paths::new("/repo", ""))
}

macro_rules! recorded {
    ($($folder:literal of $scanner:path => [$($name:literal),*],)*) => {
        vec![$($(Recording {
            scanner: &$scanner,
            name: concat!($folder, "/", $name),
            answer: Owned::parse(include_str!(concat!("../../../../testdata/gates/", $folder, "/", $name, ".txt"))),
            golden: expect_file![concat!("../../../../testdata/gates/", $folder, "/", $name, ".golden")],
        },)*)*]
    };
}

fn recordings() -> Vec<Recording> {
    recorded! {
        "kingfisher" of kingfisher::WORKTREE => ["clean", "findings", "tool-error"],
        "kingfisher-history" of kingfisher::HISTORY => ["clean", "findings", "could-not-look", "could-not-look-shallow"],
        "gitleaks" of gitleaks::SCANNER => ["clean", "findings", "could-not-look", "tool-error"],
        "trufflehog" of trufflehog::SCANNER => ["clean", "findings", "could-not-look", "tool-error"],
        "pip-audit" of pip_audit::SCANNER => [
            "clean", "findings", "could-not-look", "could-not-look-page", "could-not-look-refused", "tool-error"
        ],
        "npm-audit" of npm_audit::SCANNER => [
            "clean", "findings", "could-not-look", "could-not-look-damaged", "could-not-look-lock", "could-not-look-page",
            "could-not-look-refused", "tool-error"
        ],
        "cargo-deny" of cargo_deny::SCANNER => ["clean", "findings", "could-not-look", "tool-error"],
        "cargo-audit" of cargo_audit::SCANNER => ["clean", "findings", "could-not-look", "tool-error"],
        "osv-scanner" of osv_scanner::SCANNER => [
            "clean", "findings", "could-not-look", "could-not-look-damaged", "could-not-look-database", "could-not-look-empty",
            "tool-error"
        ],
        "snyk" of snyk::SCANNER => ["findings", "could-not-look"],
        "dependency-check" of dependency_check::SCANNER => ["findings", "could-not-look"],
        "ruff" of ruff::SCANNER => ["clean", "findings", "could-not-look", "tool-error"],
        "semgrep" of semgrep::SEMGREP => ["clean", "findings", "could-not-look", "tool-error"],
        "opengrep" of semgrep::OPENGREP => ["clean", "findings", "could-not-look", "tool-error"],
        "zizmor" of zizmor::SCANNER => ["clean", "findings", "could-not-look", "could-not-look-broken", "tool-error"],
        "actionlint" of actionlint::SCANNER => ["clean", "findings", "findings-broken", "could-not-look", "tool-error"],
        "hadolint" of hadolint::SCANNER => ["clean", "findings", "tool-error"],
        "trivy" of trivy::FILES => [
            "clean", "findings", "could-not-look", "could-not-look-damaged", "could-not-look-empty", "tool-error"
        ],
        "trivy-image" of trivy::IMAGE => [
            "clean", "findings", "could-not-look", "could-not-look-empty", "could-not-look-registry", "tool-error"
        ],
        "trivy-config" of trivy::CONFIGURATION => ["clean", "findings", "could-not-look", "tool-error"],
    }
}

fn render(look: &Look) -> String {
    let mut text = format!("{}: {}\n", look.outcome(), look.coverage);
    for gap in &look.gaps {
        writeln!(text, "{:?}: {}", gap.kind, gap.why).unwrap();
        text.extend(gap.hint.iter().map(|hint| format!("    hint: {hint}\n")));
    }
    for finding in &look.findings {
        let place = finding.location.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let end = finding.location.as_ref().and_then(|location| location.end);
        let end = end.map_or_else(String::new, |end| format!("-{}:{}", end.line, end.column));
        let level =
            finding.weakness.as_ref().map_or_else(String::new, |weakness| format!(" {}", weakness.level));
        writeln!(text, "{place:?}{end}{level} {}[{}] {}", finding.tool, finding.rule, finding.message)
            .unwrap();
        text.extend(finding.help.iter().map(|help| format!("    help: {help}\n")));
        if let Some(weakness) = &finding.weakness {
            text.extend(
                weakness
                    .package
                    .iter()
                    .map(|package| format!("    package: {} {package}\n", package.ecosystem)),
            );
            text.extend(weakness.aliases.iter().map(|alias| format!("    also: {alias}\n")));
            text.extend(weakness.fixed.iter().map(|version| format!("    fixed: {version}\n")));
            text.extend(weakness.link.iter().map(|link| format!("    link: {link}\n")));
        }
    }
    text
}

#[test]
fn every_outcome_is_told_by_the_answer() {
    for recording in recordings() {
        let look = look(&recording, &recording.answer);
        let (_, outcome) = recording.name.split_once('/').unwrap();
        let told = look.outcome().to_string().replace(' ', "-");
        assert!(outcome.starts_with(&told), "{}: {}", recording.name, render(&look));
        recording.golden.assert_eq(&render(&look));
    }
}

/// A report that is cut anywhere is never a clean one. hadolint is left out: where it finds nothing, it writes nothing.
#[test]
fn half_a_report_is_no_clean_one() {
    for recording in recordings().iter().filter(|recording| recording.scanner.name != "hadolint") {
        let whole = recording.answer.with_report(|text| text.trim_end().to_owned());
        let length = Cell::new(0);
        whole.with_report(|text| {
            length.set(text.chars().count());
            text.to_owned()
        });
        // Everywhere near the end; before it, here and there. Of the others it is enough that nothing panics.
        let is_clean = recording.name.ends_with("/clean");
        let step = if is_clean { 11 } else { 41 };
        for kept in (0..length.get()).filter(|kept| kept % step == 0 || is_clean && length.get() - kept < 64)
        {
            let damaged = whole.with_report(|text| text.chars().take(kept).collect());
            let outcome = look(recording, &damaged).outcome();
            assert!(!is_clean || outcome != Outcome::Clean, "{} cut at {kept}", recording.name);
        }
    }
}

#[test]
fn other_things_than_a_report_are_told_from_it() {
    const PAGES: [&str; 2] = [
        "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
        "<!DOCTYPE html>\n<HTML><BODY>Your request was blocked by the proxy.</BODY></HTML>",
    ];
    for recording in recordings().iter().filter(|recording| recording.name.ends_with("/clean")) {
        let outcome = |answer: &Owned| look(recording, answer).outcome();
        for page in PAGES {
            let page = recording.answer.with_report(|_| page.to_owned());
            assert!(
                outcome(&page) != Outcome::Clean || recording.scanner.name == "hadolint",
                "{}",
                recording.name
            );
        }
        let empty = recording.answer.with_report(|_| String::new());
        assert!(
            outcome(&empty) != Outcome::Clean || recording.scanner.name == "hadolint",
            "{}",
            recording.name
        );
        // An exit code that says another thing than the report.
        for code in recording.scanner.found.iter().copied().chain([99, 137, -1]) {
            let other = Owned { code, ..recording.answer.clone() };
            assert_eq!(outcome(&other), Outcome::ToolError, "{} with exit code {code}", recording.name);
        }
    }
}

#[test]
fn what_is_found_counts_whatever_the_exit_code_says() {
    for recording in recordings().iter().filter(|recording| recording.name.contains("/findings")) {
        for code in [0, 1, 99] {
            let other = Owned { code, ..recording.answer.clone() };
            assert_eq!(
                look(recording, &other).outcome(),
                Outcome::Findings,
                "{} with {code}",
                recording.name
            );
        }
    }
}

#[test]
fn warnings_before_the_report_are_passed_over() {
    for recording in recordings() {
        let before = look(&recording, &recording.answer);
        let warned = recording
            .answer
            .with_report(|text| format!("WARNING: a new version\n[notice] {{see}} the [docs]\n{text}"));
        // hadolint says its findings in lines, among which there is nothing to pass over.
        if recording.scanner.name != "hadolint" {
            let after = look(&recording, &warned);
            assert_eq!(after.findings, before.findings, "{}", recording.name);
            assert_eq!(after.outcome(), before.outcome(), "{}: {}", recording.name, render(&after));
        }
    }
}

#[test]
fn who_was_ended_has_not_looked() {
    for recording in recordings() {
        for (ended, outcome) in [
            (OUT_OF_TIME, Outcome::CouldNotLook),
            ("was killed by SIGKILL", Outcome::ToolError),
            ("was killed by SIGSEGV", Outcome::ToolError),
        ] {
            let answer = Answer { code: None, ended, ..recording.answer.answer() };
            let look = recording.scanner.look(&answer, &Paths::new("/repo", ""));
            assert_eq!(look.outcome(), outcome, "{}", recording.name);
            assert!(look.gaps[0].why.ends_with(ended));
        }
    }
}

/// Nothing of what a scanner says moves a cursor, or is longer than a reader reads.
#[test]
fn foreign_words_are_harmless() {
    let poison = "\\u001b[31m\\u0007red\\n::error::owned\\u009b2J";
    for recording in recordings() {
        for word in [
            "made-up",
            "untrusted",
            "Identified",
            "Uncovered",
            "USER",
            "shell",
            "tag",
            "flaw",
            "hi",
            "evaluate",
        ] {
            let poisoned = recording.answer.with_report(|text| text.replace(word, poison));
            let raw = poison
                .replace("\\u001b", "\x1b")
                .replace("\\u0007", "\x07")
                .replace("\\n", "\r")
                .replace("\\u009b", "\u{9b}");
            let raw = recording.answer.with_report(|text| text.replace(word, &raw));
            for answer in [poisoned, raw] {
                let look = look(&recording, &answer);
                let gaps = look.gaps.iter().map(|gap| &gap.why);
                for text in
                    look.findings.iter().flat_map(|finding| [&finding.message, &finding.rule]).chain(gaps)
                {
                    assert!(!text.contains(char::is_control), "{}: {text:?}", recording.name);
                    assert!(text.chars().count() < 2 * WORDS_MAX, "{}: {text}", recording.name);
                }
            }
        }
    }
}

#[test]
fn every_report_in_front_of_every_other_reader_is_refused_quietly() {
    let all = recordings();
    for recording in &all {
        for other in &all {
            other.scanner.look(&recording.answer.answer(), &Paths::new("/repo", "backend"));
        }
    }
}

#[test]
fn an_unknown_version_is_said() {
    let look = || Look::at("zizmor", Coverage::new(1, "file"));
    for (said, version, outcome) in [
        ("zizmor 1.32.0", Some("1.32.0"), Outcome::Clean),
        ("zizmor 2.0.0", Some("2.0.0"), Outcome::CouldNotLook),
        ("zizmor 10.1.0", Some("10.1.0"), Outcome::CouldNotLook),
        ("version is set by build process", None, Outcome::CouldNotLook),
        ("", None, Outcome::CouldNotLook),
    ] {
        let look = zizmor::SCANNER.by_version(look(), said);
        assert_eq!((look.version.as_deref(), look.outcome()), (version, outcome), "{said}");
    }
}

/// One that was never run knows no version, so that each of its looks says so.
#[test]
fn the_table_is_sound() {
    let unseen: BTreeSet<&str> =
        ALL.iter().filter(|scanner| scanner.known.is_empty()).map(|scanner| scanner.name).collect();
    let expected = ["dependency-check", "snyk"];
    assert_eq!(unseen.into_iter().collect::<Vec<_>>(), expected);
    for scanner in ALL {
        assert!(
            !scanner.arguments.is_empty() && !scanner.ask.is_empty() && !scanner.get.is_empty(),
            "{}",
            scanner.name
        );
        assert!(scanner.found.iter().all(|code| !scanner.clean.contains(code)), "{}", scanner.name);
        let recorded = recordings().iter().any(|recording| recording.scanner.name == scanner.name);
        assert!(recorded, "{} has no recording", scanner.name);
    }
}

#[test]
fn a_path_that_is_left_out_is_no_pattern() {
    for (path, pattern) in [("./target/", "./target"), ("./a b/[1]*.{x,y}?", "./a b/[[]1[]][*].[{]x,y[}][?]")]
    {
        assert_eq!(kingfisher::without(path), ["--exclude", pattern]);
    }
}
