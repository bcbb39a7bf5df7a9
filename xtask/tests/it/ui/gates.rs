//! What gates say: of what they have looked at, of what they could not, and of what somebody answers for.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::expect;
use xtask::Error;
use xtask::core::finding::judged::{Judged, SuppressedBy, Suppression};
use xtask::core::finding::{Finding, Location, Position};
use xtask::core::gate::{Account, Coverage, GapKind, Look, Seen};
use xtask::core::graph::TaskId;
use xtask::event::{Body, Event, Sink as _, Status, TaskEnd};
use xtask::ui::gates::Collector;
use xtask::ui::json::JsonLines;
use xtask::ui::markdown;

use super::{Run, check, end, id, passed};

const EVIL: &str = "x\x1b[2J\n::error file=a::y ##[group]z | <b>`@a`";

fn looked(task: &str, look: &Look, found: usize, suppressed: usize) -> Body {
    Body::Looked { task: id(task), account: Account::of(look, found, suppressed) }
}

fn found(task: &str, suppression: Option<Suppression>) -> Body {
    let judged =
        Judged { fingerprint: "0".repeat(32), source: Some("    return eval(x)".into()), suppression };
    let location = Location::at("backend/src/api.py", Some(7), Some(12));
    let finding = Finding {
        rule: "S307".into(),
        location: Some(Location { end: Some(Position { line: 7, column: 19 }), ..location }),
        help: Some("use `ast.literal_eval`".into()),
        judged: Some(Box::new(judged)),
        ..Finding::error("ruff", "use of possibly insecure function")
    };
    Body::Found { task: id(task), finding }
}

fn gates() -> Run {
    let waived = Suppression {
        by: SuppressedBy::Waiver,
        reason: "r".into(),
        owner: Some("ana".into()),
        expires: Some("2026-12-31".into()),
    };
    let code = TaskEnd {
        failure: Some(Error::problems("1 problem found")),
        ..end("security.code", Status::Failed, 40)
    };
    let advisories = Look::at("pip-audit", Coverage::new(31, "package"));
    let blind = Look::blind("trivy", "file", "its database is not there").hint("`trivy --download-db-only`");
    let broken = Look::broken("npm audit", "package", "it was killed by SIGKILL");
    Run::new(vec![passed("security.backend", 900), code, passed("test.backend", 20)])
        .with(looked("security.backend", &advisories, 0, 1))
        .with(looked("security.backend", &blind, 0, 0))
        .with(looked("security.backend", &broken, 0, 0))
        .with(found("security.backend", Some(waived)))
        .with(looked("security.code", &Look::at("ruff", Coverage::new(12, "file")), 1, 0))
        .with(found("security.code", None))
        .with(super::tested("test.backend", vec![super::case("a", super::TestOutcome::Passed)]))
}

/// A scanner whose every word tries to be more than a word.
fn hostile() -> Run {
    let look = Look::at(EVIL, Coverage { examined: 1, unit: EVIL.into() }).gap(
        GapKind::CouldNotLook,
        EVIL,
        Some(EVIL),
    );
    let judged = Judged { fingerprint: EVIL.into(), source: Some(EVIL.into()), suppression: None };
    let finding = Finding {
        rule: EVIL.into(),
        location: Some(Location::at("a\n:b,%.py", Some(1), Some(2))),
        judged: Some(Box::new(judged)),
        ..Finding::error("ruff", EVIL)
    };
    let failed =
        TaskEnd { failure: Some(Error::problems("found")), ..end("security.code", Status::Failed, 1) };
    Run::new(vec![failed])
        .with(looked("security.code", &look, 1, 0))
        .with(Body::Found { task: id("security.code"), finding })
}

fn seen(run: &Run) -> BTreeMap<TaskId, Seen> {
    let collector = Arc::new(Collector::default());
    run.events().iter().for_each(|event: &Event| collector.event(event));
    collector.seen()
}

#[test]
fn plain_of_gates() {
    check(&gates().plain(), &expect![[r#""#]]);
}

#[test]
fn github_of_gates() {
    check(&gates().github(), &expect![[r#""#]]);
}

#[test]
fn plain_and_github_of_a_hostile_scanner() {
    check(&hostile().plain(), &expect![[r#""#]]);
    check(&hostile().github(), &expect![[r#""#]]);
}

#[test]
fn json_of_gates() {
    let lines = gates().written(JsonLines::new);
    let of_gates: String = lines
        .lines()
        .filter(|line| line.contains("\"looked\"") || line.contains("\"found\""))
        .map(|line| format!("{line}\n"))
        .collect();
    check(&of_gates, &expect![[r#""#]]);
}

#[test]
fn a_summary_of_a_step_names_gates_gaps_and_findings() {
    check(&markdown::summary(&seen(&gates())), &expect![[r#""#]]);
    check(&markdown::summary(&seen(&hostile())), &expect![[r#""#]]);
    assert_eq!(
        markdown::summary(&seen(&super::green())),
        "",
        "where there is no gate there is nothing to say"
    );
}

#[test]
fn the_gates_that_could_not_look_are_named_before_the_sum_of_the_tests() {
    let text = gates().plain();
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(last, ["1 passed, 0 failed", "1 gate could not look: security.backend (npm audit, trivy)"]);
}
