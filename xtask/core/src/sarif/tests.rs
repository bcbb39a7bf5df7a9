//! What is written, and what is made of what real tools have written, whole and damaged.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{expect, expect_file};

use super::write::{BYTES_MAX, RESULTS_MAX};
use super::*;
use crate::finding::judged::{Judged, SuppressedBy, Suppression};
use crate::finding::weakness::{Level, Weakness};
use crate::finding::{Finding, Location, Paths, Position, Severity};
use crate::gate::{Account, Coverage, GapKind, Look};

fn account(look: &Look) -> Account {
    Account::of(look, 1, 0)
}

/// A finding in a file whose name would be something else in every form that it passes through.
fn hostile() -> Finding {
    let weakness = Weakness {
        level: Level::Critical,
        link: Some("https://example.com/S105".into()),
        witnesses: ["bandit".to_owned()].into(),
        ..Weakness::default()
    };
    let suppression = Suppression {
        by: SuppressedBy::Waiver,
        reason: "a test\nkey".into(),
        owner: Some("ana".into()),
        expires: Some("2026-12-31".into()),
    };
    let judged = Judged { fingerprint: "0".repeat(32), source: None, suppression: Some(suppression) };
    let end = Some(Position { line: 3, column: 9 });
    Finding {
        rule: "S105".into(),
        location: Some(Location { end, ..Location::at("a\n::error b.py", Some(3), Some(5)) }),
        help: Some("read it from the environment".into()),
        weakness: Some(Box::new(weakness)),
        judged: Some(Box::new(judged)),
        ..Finding::error("ruff", "\x1b[31mpassword\x1b[0m ::error::x")
    }
}

#[test]
fn a_file_reads_like_this() {
    let blind =
        Look::at("ruff", Coverage::new(3, "file")).gap(GapKind::CouldNotLook, "`b.py` is no Python", None);
    let nowhere = Finding { severity: Severity::Warning, ..Finding::error("ruff", "no place") };
    let tool = Tool { name: "ruff", accounts: &[account(&blind)], findings: &[hostile(), nowhere] };
    let written = write(&tool);
    assert_eq!((written.left_out, written.text.contains('\x1b')), (0, false));
    let value: serde_json::Value = serde_json::from_str(&written.text).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
    expect_file!["../../../testdata/sarif/written.golden"].assert_eq(&pretty);
}

#[test]
fn what_is_written_is_read_back() {
    let tool = Tool { name: "ruff", accounts: &[], findings: &[hostile()] };
    let report = read("ruff", &write(&tool).text, &Paths::new("/repo", "")).unwrap();
    let [finding] = report.findings.as_slice() else { panic!("one finding") };
    assert_eq!(finding.location, hostile().location);
    assert_eq!(finding.weakness.as_ref().unwrap().level, Level::Critical);
    assert_eq!((finding.rule.as_str(), finding.message.as_str()), ("S105", "password ::error::x"));
    assert!(finding.is_suppressed());
}

#[test]
fn the_worst_are_kept_and_the_rest_is_said() {
    let graded = |count: usize, level: Level, message: &str| {
        let weakness = Weakness { level, ..Weakness::default() };
        let severity = if level == Level::Low { Severity::Warning } else { Severity::Error };
        let one = Finding { severity, weakness: Some(Box::new(weakness)), ..Finding::error("t", message) };
        vec![one; count]
    };
    let mut findings = graded(RESULTS_MAX, Level::Low, "low");
    findings.extend(graded(100, Level::Unknown, "unknown"));
    findings.extend(graded(50, Level::Critical, "critical"));
    let written = write(&Tool { name: "t", accounts: &[], findings: &findings });
    assert_eq!(written.left_out, 150);
    assert!(written.text.contains("150 findings left out: the worst are kept"));
    for (message, count) in [("critical", 50), ("unknown", 100), ("low", RESULTS_MAX - 150)] {
        let message = format!("\"message\":{{\"text\":\"{message}\"}}");
        assert_eq!(written.text.matches(&message).count(), count, "{message}");
    }
    let long = graded(RESULTS_MAX, Level::High, &"\"".repeat(3_000));
    let written = write(&Tool { name: "t", accounts: &[], findings: &long });
    assert!(written.text.len() <= BYTES_MAX + 1 && written.left_out > 0, "{}", written.left_out);
    assert!(serde_json::from_str::<serde_json::Value>(&written.text).is_ok());
}

#[test]
fn a_tool_that_could_not_look_has_no_clean_file() {
    let blind = Look::blind("trivy", "file", "its database is not there");
    let written = write(&Tool { name: "trivy", accounts: &[Account::of(&blind, 0, 0)], findings: &[] });
    assert!(written.text.contains("\"executionSuccessful\":false"), "{}", written.text);
    let report = read("trivy", &written.text, &Paths::new("/repo", "")).unwrap();
    assert_eq!(report.trouble, ["it says that it did not succeed"]);
}

fn render(report: &Report) -> String {
    let mut text = format!("version {:?}, {} files, {:?}\n", report.version, report.files, report.trouble);
    for finding in &report.findings {
        let Finding { rule, severity, location, message, help, weakness, .. } = finding;
        let place = location.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let end = location.as_ref().and_then(|location| location.end);
        let end = end.map_or_else(String::new, |end| format!("-{}:{}", end.line, end.column));
        let level = weakness.as_ref().map_or_else(String::new, |weakness| format!(" {}", weakness.level));
        writeln!(text, "{severity:?}{level} {place}{end} [{rule}] {message}").unwrap();
        if let Some(help) = help {
            writeln!(text, "    help: {help}").unwrap();
        }
    }
    text
}

const RECORDED: [(&str, &str); 3] = [
    ("ruff", include_str!("../../../testdata/sarif/ruff.sarif")),
    ("hadolint", include_str!("../../../testdata/sarif/hadolint.sarif")),
    ("zizmor", include_str!("../../../testdata/sarif/zizmor.sarif")),
];

#[test]
fn what_real_tools_have_written_gives_exact_places() {
    let mut all = String::new();
    for (tool, text) in RECORDED {
        let report = read(tool, text, &Paths::new("/repo", "")).unwrap();
        writeln!(all, "{tool}: {}", render(&report)).unwrap();
    }
    expect_file!["../../../testdata/sarif/read.golden"].assert_eq(&all);
}

#[test]
fn no_damage_brings_the_reader_down_or_makes_a_clean_report() {
    let paths = Paths::new("/repo", "");
    for (tool, text) in RECORDED {
        let text = text.trim_end();
        let cuts = text.char_indices().map(|(end, _)| end).step_by(97);
        for end in cuts.chain(text.len() - 3..text.len()) {
            assert!(read(tool, &text[..end], &paths).is_err(), "{tool} cut at {end}");
        }
    }
    let words =
        |text: &str| read("t", text, &paths).map(|report| render(&report)).map_err(|error| error.to_string());
    expect![[r#"
        "": Err("the report is empty")
        " \n": Err("the report is empty")
        "<html>proxy error</html>": Err("the report is no SARIF: expected value at line 1 column 1")
        "[]": Err("the report is no SARIF: it names no version")
        "{}": Err("the report is no SARIF: it names no version")
        "{\"version\":\"2.0.0\",\"runs\":[]}": Err("the report has version 2.0.0 of SARIF, and only 2.1.0 is known")
        "{\"version\":\"2.1.0\",\"runs\":[]}": Err("the report has no run")
        "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{}}}]}": Err("the report is no SARIF: a run without a list of results has not looked at anything")
        "{\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{}},\"results\":[]}]}": Ok("version None, 0 files, []\n")
    "#]].assert_eq(
        &[
            "",
            " \n",
            "<html>proxy error</html>",
            "[]",
            "{}",
            r#"{"version":"2.0.0","runs":[]}"#,
            r#"{"version":"2.1.0","runs":[]}"#,
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}"#,
            r#"{"version":"2.1.0","runs":[{"tool":{"driver":{}},"results":[]}]}"#,
        ]
        .map(|text| format!("{text:?}: {:?}\n", words(text)))
        .concat(),
    );
}

#[test]
fn places_have_bases_and_lie_in_the_repository() {
    let place = |bases: &str, artifact: &str| {
        let text = format!(
            r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{}}}},
            "originalUriBaseIds":{bases},"artifacts":[{{"location":{{"uri":"listed.py"}}}}],
            "results":[{{"message":{{"text":"m"}},"locations":[{{"physicalLocation":{{"artifactLocation":{artifact},
            "region":{{"startLine":2}}}}}}]}}]}}]}}"#
        );
        let report = read("t", &text, &Paths::new("/repo", "backend")).unwrap();
        report.findings[0].location.as_ref().map(|location| location.path.clone())
    };
    let round = r#"{"A":{"uri":"a/","uriBaseId":"B"},"B":{"uri":"b/","uriBaseId":"A"}}"#;
    for (bases, artifact, path) in [
        ("{}", r#"{"uri":"src/a.py"}"#, Some("backend/src/a.py")),
        ("{}", r#"{"uri":"src/a.py","uriBaseId":"%SRCROOT%"}"#, Some("backend/src/a.py")),
        (
            r#"{"%SRCROOT%":{"uri":"file:///repo/"}}"#,
            r#"{"uri":"a.py","uriBaseId":"%SRCROOT%"}"#,
            Some("a.py"),
        ),
        (r#"{"R":{"uri":"src/"}}"#, r#"{"uri":"a.py","uriBaseId":"R"}"#, Some("backend/src/a.py")),
        ("{}", r#"{"uri":"file:///repo/k8s/x.yml"}"#, Some("k8s/x.yml")),
        ("{}", r#"{"index":0}"#, Some("backend/listed.py")),
        ("{}", r#"{"index":9}"#, None),
        ("{}", r#"{"uri":"https://example.com/x"}"#, None),
        ("{}", r#"{"uri":"a%3Ab%0A.py"}"#, Some("backend/a:b\n.py")),
    ] {
        assert_eq!(place(bases, artifact).as_deref(), path.map(Path::new), "{bases} {artifact}");
    }
    assert!(place(round, r#"{"uri":"a.py","uriBaseId":"A"}"#).is_some());
}

#[test]
fn levels_rules_and_words_stand_where_tools_put_them() {
    let text = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"semanticVersion":"1.2.3","rules":[
        {"id":"A","defaultConfiguration":{"level":"error"},"properties":{"security-severity":"7.5","precision":"very-high"},
         "messageStrings":{"d":{"text":"{0} is {1}"}},"help":{"text":"\n\nDo this.\nAnd more."}},
        {"id":"B","properties":{"security-severity":9.1}}]}},
        "invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error","message":{"text":"x\ny"}}]}],
        "results":[
        {"ruleIndex":0,"message":{"id":"d","arguments":["it","bad"]}},
        {"ruleId":"B/1","message":{"text":"m"}},
        {"ruleId":"B","level":"note","message":{}},
        {"rule":{"index":7},"message":{"markdown":"md"}},
        {"ruleId":"A","kind":"pass","message":{"text":"fine"}},
        {"ruleId":"A","kind":"review","message":{"text":"look at it"}},
        {"ruleId":"A","message":{"text":"quiet"},"suppressions":[{"kind":"inSource"}]},
        {"ruleId":"A","message":{"text":"loud"},"suppressions":[{"kind":"inSource","status":"rejected"}]}]}]}"#;
    let report = read("t", text, &Paths::new("/repo", "")).unwrap();
    expect![[r#"
        version Some("1.2.3"), 0 files, ["x y"]
        Error high - [A] it is bad
            help: Do this.
        Warning critical - [B/1] m
        Note critical - [B] no message
        Warning - [] md
        Note - [A] look at it
            help: Do this.
        Error high - [A] quiet
            help: Do this.
        Error high - [A] loud
            help: Do this.
    "#]]
    .assert_eq(&render(&report));
    let quiet: Vec<bool> = report.findings.iter().map(Finding::is_suppressed).collect();
    assert_eq!(quiet, [false, false, false, false, false, true, false]);
}
