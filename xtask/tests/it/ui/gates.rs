//! What gates say: of what they have looked at, of what they could not, and of what somebody answers for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use xtask::Error;
use xtask::core::finding::judged::{Judged, SuppressedBy, Suppression};
use xtask::core::finding::{Finding, Location, Position};
use xtask::core::gate::{Account, Coverage, GapKind, Look, Seen};
use xtask::core::graph::TaskId;
use xtask::event::{Attempt, Body, Event, Sink as _, Status, TaskEnd};
use xtask::ui::gates::{Collector, page};
use xtask::ui::json::JsonLines;

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
    check(
        &gates().plain(),
        &expect![[r#"
        clean: security.backend: pip-audit looked at 31 packages, 1 suppressed
        could not look: security.backend: trivy: its database is not there
          hint: `trivy --download-db-only`
        tool error: security.backend: npm audit: it was killed by SIGKILL
        findings: security.code: ruff looked at 12 files, found 1
        passed           0.9 s  security.backend
        failed           40 ms  security.code
        passed           20 ms  test.backend  1 passed, 0 failed

             0.9 s  security.backend
             40 ms  security.code     failed
             20 ms  test.backend
        critical path 0.9 s: security.backend → security.code

        ── security.code failed after 40 ms ────────────────────────
        error[ruff S307]: use of possibly insecure function
         --> backend/src/api.py:7:12
          |
        7 |     return eval(x)
          |            ^^^^^^^
          |
          = help: use `ast.literal_eval`

        error: 1 problem found
        repeat: cargo xtask security code

        1 of 3 tasks did not pass
        1 finding suppressed by waivers, the baseline or comments
        1 gate could not look: security.backend (npm audit, trivy)
        1 passed, 0 failed
    "#]],
    );
}

#[test]
fn github_of_gates() {
    check(
        &gates().github(),
        &expect![[r#"
        clean: security.backend: pip-audit looked at 31 packages, 1 suppressed
        could not look: security.backend: trivy: its database is not there
          hint: `trivy --download-db-only`
        tool error: security.backend: npm audit: it was killed by SIGKILL
        findings: security.code: ruff looked at 12 files, found 1
        passed           0.9 s  security.backend
        failed           40 ms  security.code
        passed           20 ms  test.backend  1 passed, 0 failed
        ::error file=backend/src/api.py,line=7,endLine=7,col=12,endColumn=19,title=ruff S307::use of possibly insecure function%0Ahelp: use `ast.literal_eval`
        ::warning title=security.backend::trivy did not look at everything: its database is not there
        ::warning title=security.backend::npm audit did not look at everything: it was killed by SIGKILL
        ::stop 1::

             0.9 s  security.backend
             40 ms  security.code     failed
             20 ms  test.backend
        critical path 0.9 s: security.backend → security.code

        ── security.code failed after 40 ms ────────────────────────
        error[ruff S307]: use of possibly insecure function
         --> backend/src/api.py:7:12
          |
        7 |     return eval(x)
          |            ^^^^^^^
          |
          = help: use `ast.literal_eval`

        error: 1 problem found
        repeat: cargo xtask security code

        ::TOKEN::
        1 of 3 tasks did not pass
        1 finding suppressed by waivers, the baseline or comments
        1 gate could not look: security.backend (npm audit, trivy)
        1 passed, 0 failed
    "#]],
    );
}

#[test]
fn plain_and_github_of_a_hostile_scanner() {
    check(
        &hostile().plain(),
        &expect![[r#"
            findings: security.code: x ::error file=a::y ##[group]z | <b>`@a` looked at 1 x ::error file=a::y ##[group]z | <b>`@a`, found 1
            could not look: security.code: x ::error file=a::y ##[group]z | <b>`@a`: x ::error file=a::y ##[group]z | <b>`@a`
              hint: x ::error file=a::y ##[group]z | <b>`@a`
            failed            1 ms  security.code

            ── security.code failed after 1 ms ─────────────────────────
            error[ruff x ::error file=a::y ##[group]z | <b>`@a`]: x ::error file=a::y ##[group]z | <b>`@a`
             --> a :b,%.py:1:2
              |
            1 | x␛[2J
              |  ^

            error: found
            repeat: cargo xtask security code

            1 of 1 task did not pass
            1 gate could not look: security.code (x error fileay groupz  ba)
        "#]],
    );
    check(
        &hostile().github(),
        &expect![[r#"
            ::stop 1::
            findings: security.code: x ::error file=a::y ##[group]z | <b>`@a` looked at 1 x ::error file=a::y ##[group]z | <b>`@a`, found 1
            could not look: security.code: x ::error file=a::y ##[group]z | <b>`@a`: x ::error file=a::y ##[group]z | <b>`@a`
              hint: x ::error file=a::y ##[group]z | <b>`@a`
            ::TOKEN::
            failed            1 ms  security.code
            ::error file=a%0A%3Ab%2C%25.py,line=1,col=2,title=ruff x%0A%3A%3Aerror file=a%3A%3Ay ##[group]z | <b>`@a`::x%0A::error file=a::y ##[group]z | <b>`@a`
            ::warning title=security.code::x%0A::error file=a::y ##[group]z | <b>`@a` did not look at everything: x ::error file=a::y ##[group]z | <b>`@a`
            ::stop 2::

            ── security.code failed after 1 ms ─────────────────────────
            error[ruff x ::error file=a::y ##[group]z | <b>`@a`]: x ::error file=a::y ##[group]z | <b>`@a`
             --> a :b,%.py:1:2
              |
            1 | x␛[2J
              |  ^

            error: found
            repeat: cargo xtask security code

            ::TOKEN::
            1 of 1 task did not pass
            1 gate could not look: security.code (x error fileay groupz  ba)
        "#]],
    );
}

#[test]
fn json_of_gates() {
    let lines = gates().written(JsonLines::new);
    let is_of_gates = |line: &&str| line.contains("\"looked\"") || line.contains("\"found\"");
    let of_gates = lines.lines().filter(is_of_gates).collect::<Vec<_>>().join("\n") + "\n";
    check(
        &of_gates,
        &expect![[r#"
        {"at_ms":40.0,"event":"looked","task":"security.backend","tool":"pip-audit","outcome":"clean","coverage":{"examined":31,"unit":"package"},"found":0,"suppressed":1}
        {"at_ms":50.0,"event":"looked","task":"security.backend","tool":"trivy","outcome":"could-not-look","coverage":{"examined":0,"unit":"file"},"found":0,"suppressed":0,"gaps":[{"kind":"could-not-look","why":"its database is not there","hint":"`trivy --download-db-only`"}]}
        {"at_ms":60.0,"event":"looked","task":"security.backend","tool":"npm audit","outcome":"tool-error","coverage":{"examined":0,"unit":"package"},"found":0,"suppressed":0,"gaps":[{"kind":"tool-error","why":"it was killed by SIGKILL"}]}
        {"at_ms":70.0,"event":"found","task":"security.backend","finding":{"tool":"ruff","rule":"S307","severity":"error","location":{"path":"backend/src/api.py","line":7,"column":12,"end":{"line":7,"column":19}},"message":"use of possibly insecure function","help":"use `ast.literal_eval`","judged":{"fingerprint":"00000000000000000000000000000000","source":"    return eval(x)","suppression":{"by":"waiver","reason":"r","owner":"ana","expires":"2026-12-31"}}}}
        {"at_ms":80.0,"event":"looked","task":"security.code","tool":"ruff","outcome":"findings","coverage":{"examined":12,"unit":"file"},"found":1,"suppressed":0}
        {"at_ms":90.0,"event":"found","task":"security.code","finding":{"tool":"ruff","rule":"S307","severity":"error","location":{"path":"backend/src/api.py","line":7,"column":12,"end":{"line":7,"column":19}},"message":"use of possibly insecure function","help":"use `ast.literal_eval`","judged":{"fingerprint":"00000000000000000000000000000000","source":"    return eval(x)"}}}
    "#]],
    );
}

#[test]
fn a_summary_of_a_step_names_gates_gaps_and_findings() {
    check(
        &page(&seen(&gates())),
        &expect![[r#"
        ## Gates

        | gate | tool | outcome | looked at | found | suppressed |
        | --- | --- | --- | --- | ---: | ---: |
        | security.backend | pip-audit | clean | 31 packages | 0 | 1 |
        | security.backend | trivy | could not look | 0 files | 0 | 0 |
        | security.backend | npm audit | tool error | 0 packages | 0 | 0 |
        | security.code | ruff | findings | 12 files | 1 | 0 |

        ### Not looked at

        - security.backend: trivy: its database is not there
        - security.backend: npm audit: it was killed by SIGKILL

        ### Findings

        - **error** backend/src/api.py&#58;7&#58;12: use of possibly insecure function (ruff S307)
    "#]],
    );
    check(
        &page(&seen(&hostile())),
        &expect![[r#"
        ## Gates

        | gate | tool | outcome | looked at | found | suppressed |
        | --- | --- | --- | --- | ---: | ---: |
        | security.code | x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96; | findings | 1 x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96; | 1 | 0 |

        ### Not looked at

        - security.code: x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96;: x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96;

        ### Findings

        - **error** a &#58;b,&#37;.py&#58;1&#58;2: x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96; (ruff x &#58;&#58;error file&#61;a&#58;&#58;y &#35;&#35;&#91;group&#93;z &#124; &#60;b&#62;&#96;&#64;a&#96;)
    "#]],
    );
    assert_eq!(page(&seen(&super::green())), "", "where there is no gate there is nothing to say");
}

#[test]
fn the_gates_that_could_not_look_are_named_before_the_sum_of_the_tests() {
    let text = gates().plain();
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(last, ["1 passed, 0 failed", "1 gate could not look: security.backend (npm audit, trivy)"]);
}

#[test]
fn what_a_try_has_seen_that_did_not_pass_is_forgotten() {
    let collector = Collector::default();
    let look = Look::at("ruff", Coverage::new(12, "file"));
    let attempt = Attempt {
        status: Status::Failed,
        duration: Duration::ZERO,
        failure: Error::problems("1 problem found"),
        output: String::new(),
        log: None,
    };
    let retried = Body::TaskRetried { task: id("security.code"), attempt, left: 0 };
    let bodies = [
        looked("security.code", &look, 1, 0),
        found("security.code", None),
        retried,
        looked("security.code", &look, 0, 0),
    ];
    for body in bodies {
        collector.event(&Event { at: Duration::ZERO, body });
    }
    let seen = &collector.seen()[&id("security.code")];
    assert_eq!((seen.accounts.len(), seen.findings.len()), (1, 0));
}
