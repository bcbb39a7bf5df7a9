//! Judgements by table: levels, waivers, baselines, and what is shown.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::calendar;
use crate::diagnostic::Place;
use crate::finding::weakness::{Package, Weakness};
use crate::finding::{Location, Severity};
use crate::fingerprint::pattern::Pattern;
use crate::gate::{Coverage, GapKind, Outcome};

const DAY: u64 = 86_400;
const NOW: u64 = 20_000 * DAY;

fn policy<'p>(waivers: &'p [Waiver], baseline: &'p Baseline) -> Policy<'p> {
    Policy {
        gate: "security.backend",
        level: Level::High,
        unfixed: Unfixed::Fail,
        feed_age_max: Duration::from_hours(7 * 24),
        waivers,
        baseline,
        accepts: false,
        now: NOW,
    }
}

fn waiver(rule: &str, expires: i64) -> Waiver {
    let text: std::sync::Arc<str> = "a\n[[waivers]]\n".into();
    Waiver {
        gate: "security.backend".into(),
        rule: rule.into(),
        path: None,
        package: None,
        fingerprint: None,
        reason: "not reachable".into(),
        owner: "ana".into(),
        expires,
        place: Place::new(PathBuf::from("xtask.toml"), text, 4..11),
    }
}

fn advisory(tool: &str, rule: &str, level: Level, fixed: &[&str]) -> Finding {
    let package = Package { ecosystem: "pypi".into(), name: "requests".into(), version: "1".into() };
    let weakness = Weakness {
        level,
        package: Some(package),
        fixed: fixed.iter().map(|&version| version.to_owned()).collect(),
        aliases: BTreeSet::from(["CVE-1".to_owned()]),
        ..Weakness::default()
    };
    Finding {
        rule: rule.into(),
        location: Some(Location::at("backend/requirements.txt", Some(2), None)),
        weakness: Some(Box::new(weakness)),
        ..Finding::error(tool, "m")
    }
}

fn look(tool: &str, findings: Vec<Finding>) -> Look {
    Look::at(tool, Coverage::new(3, "package")).found(findings)
}

fn rules(judgement: &Judgement) -> Vec<(&str, bool)> {
    judgement.findings.iter().map(|finding| (finding.rule.as_str(), finding.fails())).collect()
}

#[test]
fn the_level_and_what_can_be_mended_decide() {
    let none = Baseline::default();
    for (level, fixed, unfixed, fails) in [
        (Level::High, &["2"][..], Unfixed::Fail, true),
        (Level::Critical, &["2"], Unfixed::Warn, true),
        (Level::Unknown, &["2"], Unfixed::Warn, true),
        (Level::Medium, &["2"], Unfixed::Fail, false),
        (Level::High, &[], Unfixed::Fail, true),
        (Level::High, &[], Unfixed::Warn, false),
    ] {
        let policy = Policy { unfixed, ..policy(&[], &none) };
        let judged =
            judge(vec![look("a", vec![advisory("a", "X", level, fixed)])], &policy, &Sources::default());
        assert_eq!(rules(&judged), [("X", fails)], "{level} {fixed:?} {unfixed:?}");
        assert_eq!(judged.accounts[0].outcome, Outcome::Findings);
    }
    // What is no weakness is as bad as its tool says.
    let plain = Finding { severity: Severity::Warning, ..Finding::error("ruff", "m") };
    let judged = judge(vec![look("ruff", vec![plain])], &policy(&[], &none), &Sources::default());
    assert!(!judged.findings[0].fails());
}

#[test]
fn one_weakness_found_by_two_tools_counts_for_both() {
    let none = Baseline::default();
    let looks = vec![
        look("pip-audit", vec![advisory("pip-audit", "PYSEC-1", Level::Unknown, &["2"])]),
        look("trivy", vec![advisory("trivy", "CVE-1", Level::Critical, &[])]),
        look("osv-scanner", Vec::new()),
    ];
    let judged = judge(looks, &policy(&[], &none), &Sources::default());
    assert_eq!(rules(&judged), [("PYSEC-1", true)]);
    let outcomes: Vec<_> = judged.accounts.iter().map(|account| (account.outcome, account.found)).collect();
    assert_eq!(outcomes, [(Outcome::Findings, 1), (Outcome::Findings, 1), (Outcome::Clean, 0)]);
}

#[test]
fn a_waiver_holds_to_the_end_of_its_last_day_and_is_counted() {
    let none = Baseline::default();
    let today = calendar::days(2024, 10, 4);
    assert_eq!(u64::try_from(today).unwrap() * DAY, NOW);
    let judged = |waiver: Waiver, now: u64| {
        let waivers = [waiver];
        let policy = Policy { now, ..policy(&waivers, &none) };
        let found = vec![look("a", vec![advisory("a", "PYSEC-1", Level::High, &["2"])])];
        judge(found, &policy, &Sources::default())
    };
    let by_alias = judged(waiver("cve-1", today), NOW + DAY - 1);
    assert_eq!(rules(&by_alias), [("PYSEC-1", false)]);
    let account = &by_alias.accounts[0];
    assert_eq!((account.outcome, account.found, account.suppressed), (Outcome::Clean, 0, 1));
    let suppression = by_alias.findings[0].judged.as_ref().unwrap().suppression.clone().unwrap();
    assert_eq!(
        (suppression.reason.as_str(), suppression.expires.as_deref()),
        ("not reachable", Some("2024-10-04"))
    );
    let expired = judged(waiver("CVE-1", today), NOW + DAY);
    assert_eq!(rules(&expired), [("PYSEC-1", true), ("expired-waiver", true)]);
    let place = expired.findings[1].location.as_ref().unwrap().to_string();
    assert_eq!(place, "xtask.toml:2:3");
    let elsewhere = Waiver { gate: "security.frontend".into(), ..waiver("CVE-1", today - 5) };
    assert_eq!(rules(&judged(elsewhere, NOW)), [("PYSEC-1", true)]);
}

#[test]
fn a_waiver_is_unused_only_where_its_gate_has_looked_at_everything() {
    let none = Baseline::default();
    let waivers = [waiver("CVE-9", 30_000)];
    let judged = |looks: Vec<Look>| judge(looks, &policy(&waivers, &none), &Sources::default());
    assert_eq!(rules(&judged(vec![look("a", Vec::new())])), [("unused-waiver", true)]);
    let blind = look("b", Vec::new()).gap(GapKind::CouldNotLook, "no feed", None);
    assert_eq!(rules(&judged(vec![look("a", Vec::new()), blind])), []);
    assert_eq!(rules(&judged(Vec::new())), []);
    let stale = look("a", Vec::new()).fed(0);
    assert_eq!(rules(&judged(vec![stale])), [], "data of 1970 has not seen it");
}

#[test]
fn a_waiver_covers_no_more_than_it_says() {
    let none = Baseline::default();
    let pattern = |text: &str| Some(Pattern::parse(text).unwrap().into());
    let all = Waiver { rule: "CVE-1".into(), ..waiver("", 30_000) };
    let print = {
        let found = vec![look("a", vec![advisory("a", "CVE-1", Level::High, &["2"])])];
        let judged = judge(found, &policy(&[], &none), &Sources::default());
        judged.findings[0].judged.as_ref().unwrap().fingerprint.clone()
    };
    for (waiver, covers) in [
        (Waiver { path: pattern("backend"), ..all.clone() }, true),
        (Waiver { path: pattern("backend/*.txt"), ..all.clone() }, true),
        (Waiver { path: pattern("frontend/**"), ..all.clone() }, false),
        (Waiver { package: Some("Requests".into()), ..all.clone() }, true),
        (Waiver { package: Some("urllib3".into()), ..all.clone() }, false),
        (Waiver { fingerprint: Some(print), ..all.clone() }, true),
        (Waiver { fingerprint: Some("0".repeat(32)), ..all.clone() }, false),
        (Waiver { rule: "CVE-12".into(), ..all }, false),
    ] {
        let waivers = [waiver];
        let found = vec![look("a", vec![advisory("a", "CVE-1", Level::High, &["2"])])];
        let judged = judge(found, &policy(&waivers, &none), &Sources::default());
        assert_eq!(judged.findings[0].is_suppressed(), covers, "{:?}", waivers[0]);
    }
}

#[test]
fn a_baseline_is_written_read_and_holds() {
    let none = Baseline::default();
    let found = || vec![look("a", vec![advisory("a", "CVE-1", Level::High, &["2"])])];
    let accepting = Policy { accepts: true, ..policy(&[], &none) };
    let judged = judge(found(), &accepting, &Sources::default());
    assert_eq!(rules(&judged), [("CVE-1", false)]);
    let mut baseline = Baseline::default();
    baseline.replace("security.backend", judged.findings.iter(), true);
    let text = baseline.render();
    let read = Baseline::parse(&text).unwrap();
    assert_eq!((read.render(), read.len()), (text.clone(), 1));
    assert_eq!(rules(&judge(found(), &policy(&[], &read), &Sources::default())), [("CVE-1", false)]);
    let other = Policy { gate: "security.frontend", ..policy(&[], &read) };
    assert_eq!(rules(&judge(found(), &other, &Sources::default())), [("CVE-1", true)]);
    // Nothing is lost where not everything was seen.
    baseline.replace("security.backend", std::iter::empty(), false);
    assert_eq!(baseline.len(), 1);
    baseline.replace("security.backend", std::iter::empty(), true);
    assert_eq!(baseline.render(), "{\n  \"format\": 1,\n  \"gates\": {}\n}\n");
    for (end, _) in text.trim_end().char_indices() {
        let error = Baseline::parse(&text[..end]);
        assert!(error.is_err_and(|error| error.offset <= end), "cut at {end}");
    }
    let later = text.replace("\"format\": 1", "\"format\": 2");
    assert_eq!(
        Baseline::parse(&later).unwrap_err().message,
        "it has the form 2, and this program knows only 1"
    );
}

#[test]
fn the_line_is_shown_unless_it_may_hold_a_secret() {
    let none = Baseline::default();
    let sources = Sources::new([(PathBuf::from("a.py"), "one\ntoken = 'AKIA'\n".to_owned())]);
    let at = |tool: &str, secret: bool| {
        let weakness = Weakness { secret, ..Weakness::default() };
        let location = Some(Location::at("a.py", Some(2), None));
        Finding { location, weakness: Some(Box::new(weakness)), ..Finding::error(tool, "m") }
    };
    for (tool, secret, shown) in
        [("semgrep", false, true), ("trivy", true, false), ("kingfisher", false, false)]
    {
        let judged = judge(vec![look(tool, vec![at(tool, secret)])], &policy(&[], &none), &sources);
        let source = judged.findings[0].judged.as_ref().unwrap().source.as_deref();
        assert_eq!(source, shown.then_some("token = 'AKIA'"), "{tool}");
    }
    let said =
        Finding { message: "Possible hardcoded password assigned to: `x`".into(), ..at("ruff", false) };
    let judged = judge(vec![look("ruff", vec![said])], &policy(&[], &none), &sources);
    assert_eq!(judged.findings[0].judged.as_ref().unwrap().source, None);
}
