//! The analysis as its callers see it: ticks in, verdicts out.

use std::time::Duration;

use expect_test::expect;

use super::*;
use crate::release::metrics::{self, Counts, Increment, Selector, Series, Unmeasured};

mod bake;
mod journal;

const TICK: Duration = Duration::from_secs(5);

fn objectives() -> Vec<Objective> {
    let selector = |text: &str| text.parse::<Selector>().unwrap();
    vec![
        Objective::errors(selector("r{status=~5xx}"), selector("r"), 0.01),
        Objective::latency(selector("h"), Duration::from_millis(250), 0.05),
    ]
}

/// Errors and slow requests among all, of one pod in one tick.
fn pod(name: &str, bad: u64, slow: u64, total: u64) -> PodTick {
    let streams = vec![Ok(Counts::new(bad, total)), Ok(Counts::new(slow, total))];
    let scrape = Some(Increment { streams, served: vec![1000; 2], restarted: false });
    let age = Duration::from_mins(10);
    PodTick { name: name.into(), ready: true, age, restarts: 0, out_of_memory: false, scrape }
}

fn unreadable(name: &str) -> PodTick {
    PodTick { scrape: None, ..pod(name, 0, 0, 0) }
}

/// A run of an analysis; ticks follow each other.
struct Run {
    analysis: Analysis,
    at: Duration,
}

impl Run {
    fn new(settings: Settings) -> Self {
        let analysis = Analysis::new(settings, objectives(), Duration::ZERO).unwrap();
        Self { analysis, at: Duration::ZERO }
    }

    fn last_step(settings: Settings) -> Self {
        let mut run = Self::new(settings);
        run.analysis.begin_step(Duration::ZERO, true);
        run
    }

    fn tick(&mut self, canary: Vec<PodTick>, baseline: Vec<PodTick>) -> Verdict {
        self.at += TICK;
        self.analysis.observe(&Tick { at: self.at, length: TICK, canary, baseline, checks: Sides::default() })
    }

    /// One canary pod with these errors among 25 requests, two baseline pods with 110 each.
    fn simple(&mut self, bad: u64, baseline_bad: u64) -> Verdict {
        self.tick(
            vec![pod("c", bad, 0, 25)],
            vec![pod("b1", baseline_bad, 0, 110), pod("b2", baseline_bad, 0, 110)],
        )
    }
}

fn settings() -> Settings {
    Settings::new(2)
}

#[test]
fn a_dead_canary_is_out_at_once() {
    let mut run = Run::new(settings());
    assert_eq!(run.simple(0, 0), Verdict::Continue);
    let Verdict::RollBack(reason @ Reason::AtOnce { .. }) = run.simple(25, 1) else { panic!("it goes") };
    expect!["errors: 100.00 % of the canary's requests fail (25 of 25), baseline 0.91 %"]
        .assert_eq(&reason.to_string());
    assert!(matches!(run.simple(0, 0), Verdict::RollBack(_)), "an end is repeated");
    assert!(run.analysis.may_promote().unwrap_err().0.contains(&Gap::Ended));
}

#[test]
fn at_once_needs_all_it_says() {
    for (bad, total, baseline_bad) in [(19, 19, 0), (12, 25, 0), (25, 25, 12)] {
        let mut run = Run::new(settings());
        let verdict = run.tick(vec![pod("c", bad, 0, total)], vec![pod("b", baseline_bad, 0, 220)]);
        assert_eq!(verdict, Verdict::Continue, "{bad} of {total}, {baseline_bad}");
    }
    let unsure = || Settings { streams: 1_000_000, ..settings() };
    let mut run = Run::new(unsure());
    let few = |run: &mut Run, bad| run.tick(vec![pod("c", bad, 0, 8)], vec![pod("b", 0, 0, 70_000)]);
    assert_eq!([few(&mut run, 8), few(&mut run, 3)], [Verdict::Continue, Verdict::Continue]);
    let mut run = Run::new(unsure());
    assert_eq!([few(&mut run, 4), few(&mut run, 4)], [Verdict::Continue, Verdict::Continue]);
    assert!(matches!(few(&mut run, 4), Verdict::RollBack(Reason::AtOnce { .. })), "together they are enough");
    let mut run = Run::new(unsure());
    assert_eq!(few(&mut run, 8), Verdict::Continue);
    let shared = run.tick(vec![pod("c", 8, 0, 8)], vec![pod("b", 5000, 0, 70_000)]);
    assert_eq!([shared, few(&mut run, 8), few(&mut run, 8)], [const { Verdict::Continue }; 3], "begun anew");
    let mut run = Run::new(settings());
    let slow = run.tick(vec![pod("c", 0, 25, 25)], vec![pod("b", 0, 0, 220)]);
    assert_eq!(slow, Verdict::Continue, "latency needs evidence");
}

#[test]
fn a_worse_canary_is_rolled_back_on_evidence() {
    let mut run = Run::new(settings());
    let verdicts: Vec<Verdict> = (0..20).map(|_| run.simple(2, 1)).collect();
    let first = verdicts.iter().position(Verdict::is_final).unwrap();
    expect!["3"].assert_eq(&first.to_string());
    let Verdict::RollBack(reason) = &verdicts[first] else { panic!("{:?}", verdicts[first]) };
    expect!["errors: canary 8 of 100 (8.00 %), baseline 8 of 880 (0.91 %); E 217 of 200"]
        .assert_eq(&reason.to_string());
}

/// Whatever happens in it, and with the largest α.
#[test]
fn one_tick_alone_is_never_evidence() {
    let settings = Settings { alpha: 0.049, ..Settings::new(1) };
    let mut analysis = Analysis::new(settings, objectives()[..1].to_vec(), Duration::ZERO).unwrap();
    let tick = |number: u32| Tick {
        at: TICK * number,
        length: TICK,
        // Half of the canary's requests would be out at once.
        canary: vec![pod("c", 4900, 0, 10_000)],
        baseline: vec![pod("b", 0, 0, 1_000_000)],
        checks: Sides::default(),
    };
    assert_eq!(analysis.observe(&tick(1)), Verdict::Continue);
    assert!(matches!(analysis.observe(&tick(2)), Verdict::RollBack(Reason::Worse { .. })));
}

#[test]
fn an_outage_that_both_share_rolls_nothing_back() {
    let mut run = Run::new(settings());
    let verdicts: Vec<Verdict> = (0..12).map(|_| run.simple(8, 35)).collect();
    assert!(verdicts[..11].iter().all(|verdict| *verdict == Verdict::Continue));
    let Verdict::Eject(reason) = &verdicts[11] else { panic!("{:?}", verdicts[11]) };
    expect!["canary and baseline together: 936 of 2,940 (31.84 %) for 60 s, more than 5.00 %"]
        .assert_eq(&reason.to_string());
}

/// The harm is measured against what was before, where that is known.
#[test]
fn harm_is_far_more_than_before() {
    let ends = |rate_before| {
        let mut run = Run::new(Settings { rate_before, ..settings() });
        (0..30).any(|_| run.simple(1, 3).is_final())
    };
    let mut run = Run::new(settings());
    for _ in 0..19 {
        assert_eq!(
            run.tick(vec![pod("c", 0, 0, 1)], vec![pod("b", 1, 0, 4)]),
            Verdict::Continue,
            "too few to say"
        );
    }
    assert!(ends(Some(0.002)), "2.9 % is more than five times 0.2 %");
    assert!(!ends(Some(0.01)) && !ends(None));
}

#[test]
fn facts_come_before_evidence() {
    let restarted = PodTick { restarts: 1, ..pod("c", 0, 0, 25) };
    let full = PodTick { out_of_memory: true, restarts: 1, ..pod("c", 0, 0, 25) };
    let say = |canary| match Run::new(settings()).tick(vec![canary], vec![pod("b", 0, 0, 225)]) {
        Verdict::RollBack(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(say(restarted), "a container of new pod `c` restarted");
    assert_eq!(say(full), "a container of new pod `c` ran out of memory");
}

#[test]
fn a_pod_that_cannot_be_measured_is_taken_out_of_traffic() {
    let silent = |pods: [bool; 4]| -> Verdict {
        let mut run = Run::new(settings());
        let mut last = Verdict::Continue;
        for baseline in pods {
            let baseline = if baseline { pod("b", 0, 0, 225) } else { unreadable("b") };
            last = run.tick(vec![unreadable("c1"), pod("c2", 0, 0, 12)], vec![baseline]);
        }
        last
    };
    assert!(matches!(silent([true; 4]), Verdict::Eject(Reason::Silent { ticks: 3, .. })));
    assert!(matches!(silent([true, true, false, true]), Verdict::Eject(_)));
    assert_eq!(silent([true, true, false, false]), Verdict::Continue, "monitoring is down for both");
    let mut run = Run::new(settings());
    let _verdict = run.tick(vec![unreadable("gone")], vec![pod("b", 0, 0, 225)]);
    assert!(serde_json::to_string(run.analysis.state()).unwrap().contains("gone"));
    let _verdict = run.tick(vec![pod("c", 0, 0, 25)], vec![pod("b", 0, 0, 225)]);
    assert!(!serde_json::to_string(run.analysis.state()).unwrap().contains("gone"));
    let mut run = Run::new(settings());
    for _ in 0..9 {
        let cold = PodTick { ready: false, ..unreadable("c") };
        assert_eq!(run.tick(vec![cold], vec![pod("b", 0, 0, 225)]), Verdict::Continue);
    }
}

/// From the pages of pods to the verdict.
#[test]
fn pages_become_a_verdict() {
    let mut series = Series::new(probes(&objectives()));
    let mut run = Run::new(settings());
    let page = |bad: u64, good: u64| {
        let all = bad + good;
        format!(
            "r{{status=\"200\"}} {good}\nr{{status=\"503\"}} {bad}\n\
             h_bucket{{le=\"0.25\"}} {all}\nh_bucket{{le=\"+Inf\"}} {all}\n"
        )
    };
    let mut scrape = |name: &str, text: &str| {
        let scrape = metrics::parse(text.as_bytes()).ok().map(|page| series.scraped(name, &page));
        PodTick { scrape, ..pod(name, 0, 0, 0) }
    };
    for tick in 0.. {
        let canary = scrape("c", &page(500 + 4 * tick, 10 + 30 * tick));
        let baseline = [scrape("b1", &page(tick, 9000 + 100 * tick)), scrape("b2", "<html>busy</html>")];
        match run.tick(vec![canary], baseline.to_vec()) {
            Verdict::Continue => assert!(tick < 8),
            Verdict::RollBack(Reason::Worse { canary, baseline, .. }) => {
                assert_eq!(
                    (canary, baseline),
                    (Counts::new(4 * tick, 34 * tick), Counts::new(tick, 101 * tick))
                );
                return assert!(tick > 1, "the first page is no tick");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn clustered_traffic_holds_and_never_rolls_back_on_evidence() {
    let mut run = Run::new(settings());
    let mut held = false;
    for tick in 0..40 {
        let verdict = run.tick(
            vec![pod("c", 3 * u64::from(tick > 20), 0, 25)],
            vec![pod("b1", 2, 0, 110), pod("b2", 0, 0, 110)],
        );
        held |= matches!(verdict, Verdict::Hold(Reason::Clustered { .. }));
        assert!(!matches!(verdict, Verdict::RollBack(_)), "{verdict:?}");
        if verdict.is_final() {
            assert!(matches!(verdict, Verdict::Eject(Reason::Clustered { .. })));
            return assert!(held);
        }
    }
    panic!("the canary should have been ejected");
}

#[test]
fn a_good_release_is_promoted_on_traffic() {
    let mut run = Run::last_step(settings());
    let quiet = |run: &mut Run| {
        assert_eq!(run.tick(vec![pod("c", 0, 0, 125)], vec![pod("b", 0, 0, 125)]), Verdict::Continue);
    };
    (0..23).for_each(|_| quiet(&mut run));
    expect!["measured for 115 s of 120 s"].assert_eq(&run.analysis.may_promote().unwrap_err().to_string());
    quiet(&mut run);
    let evidence = run.analysis.may_promote().unwrap();
    assert_eq!((evidence.basis, evidence.bake), (Basis::Traffic, Duration::from_mins(15)));
    expect!["promoted on traffic, 0 of 3,000 requests failed; no ratio: neither failed; S more than a million, E 1 for errors, E 1 for latency above 250 ms; watched for 15 min"]
    .assert_eq(&evidence.to_string());
}

#[test]
fn a_suspicion_or_an_early_step_keeps_from_promotion() {
    let mut run = Run::new(settings());
    let calm = |run: &mut Run| {
        for _ in 0..24 {
            assert_eq!(run.simple(0, 0), Verdict::Continue);
        }
    };
    calm(&mut run);
    assert_eq!(run.analysis.may_promote().unwrap_err().0, [Gap::Step]);
    assert_eq!(run.analysis.may_advance(), Ok(()));
    run.analysis.begin_step(run.at, true);
    calm(&mut run);
    assert!(run.analysis.may_promote().is_ok());
    assert_eq!(run.simple(2, 0), Verdict::Continue);
    let Gap::Suspicion { value, .. } = &run.analysis.may_promote().unwrap_err().0[0] else {
        panic!("it is kept")
    };
    assert!((10.0..200.0).contains(value), "{value}");
    assert!(run.analysis.may_advance().is_err());
}

/// Checks that pass would thin out the errors of users.
#[test]
fn checks_count_only_where_they_were_asked_for() {
    let mut run = Run::last_step(settings());
    for _ in 0..24 {
        run.at += TICK;
        let tick = Tick {
            at: run.at,
            length: TICK,
            canary: vec![pod("c", 1, 0, 125)],
            baseline: vec![pod("b", 1, 0, 125)],
            checks: Sides { canary: Counts::new(0, 1000), baseline: Counts::default() },
        };
        assert_eq!(run.analysis.observe(&tick), Verdict::Continue);
    }
    assert!(matches!(run.analysis.may_promote().unwrap_err().0[..], [Gap::Compliance { .. }]));
}

#[test]
fn no_data_promotes_nothing_and_is_told_apart() {
    let mut run = Run::last_step(settings());
    let blind = || (vec![unreadable("c")], vec![unreadable("b")]);
    let mut verdict = Verdict::Continue;
    while run.at < Duration::from_mins(10) {
        assert_eq!(verdict, Verdict::Continue);
        let (canary, baseline) = blind();
        verdict = run.tick(canary, baseline);
        assert!(run.analysis.may_promote().is_err() && run.analysis.may_advance().is_err());
    }
    assert!(matches!(verdict, Verdict::NoEvidence(_)), "{verdict:?}");

    let mut run = Run::last_step(settings());
    let mut verdict = Verdict::Continue;
    while !verdict.is_final() {
        verdict = run.simple(u64::from(run.at.as_secs().is_multiple_of(20)), 1);
    }
    assert!(matches!(verdict, Verdict::Inconclusive(_)), "{verdict:?}");
    assert_eq!(run.at, Duration::from_mins(10));
}

#[test]
fn a_quiet_night_is_decided_by_checks() {
    let mut run = Run::last_step(settings());
    let mut checked = 0;
    let evidence = loop {
        let wanted = run.analysis.checks_wanted();
        let now = wanted.map_or(0, |checks| checks.count.min(25));
        checked += now;
        run.at += TICK;
        let tick = Tick {
            at: run.at,
            length: TICK,
            canary: vec![pod("c", 0, 0, u64::from(run.at.as_secs().is_multiple_of(15)))],
            baseline: vec![pod("b", 0, 0, 1)],
            checks: Sides { canary: Counts::new(0, now), baseline: Counts::default() },
        };
        assert_eq!(run.analysis.observe(&tick), Verdict::Continue);
        if let Ok(evidence) = run.analysis.may_promote() {
            break evidence;
        }
    };
    assert_eq!((evidence.basis, checked, evidence.bake), (Basis::Checks, 700, Duration::from_hours(1)));
    assert_eq!(run.at, Duration::from_secs(200));
    assert!(
        evidence.to_string().starts_with("promoted on checks, 13 user requests (0 failed), 0 of 700 checks")
    );
}

#[test]
fn without_a_release_before_only_a_rate_far_above_the_objective_rolls_back() {
    let mut run = Run::new(settings());
    for _ in 0..2 {
        assert_eq!(run.tick(vec![pod("c", 10, 0, 100)], Vec::new()), Verdict::Continue);
    }
    let verdict = run.tick(vec![pod("c", 10, 0, 100)], Vec::new());
    assert!(matches!(verdict, Verdict::RollBack(Reason::FarAbove { ticks: 3, .. })), "{verdict:?}");
    let mut run = Run::new(settings());
    for _ in 0..3 {
        assert_eq!(run.tick(vec![pod("c", 6, 0, 100)], Vec::new()), Verdict::Continue, "18 failures");
    }
    assert!(run.tick(vec![pod("c", 6, 0, 100)], Vec::new()).is_final(), "24 failures");
    let mut run = Run::new(settings());
    for _ in 0..9 {
        let unread = run.tick(vec![pod("c", 10, 0, 100)], vec![unreadable("b")]);
        assert!(!matches!(unread, Verdict::RollBack(_)), "an unreadable baseline is not a missing one");
    }
}

#[test]
fn cold_pods_are_left_out_of_latency_only() {
    let mut run = Run::new(settings());
    let cold = PodTick { age: Duration::from_secs(59), ..pod("c", 0, 25, 25) };
    let mut idle = pod("c", 0, 25, 25);
    idle.scrape.as_mut().unwrap().served = vec![1000, 199];
    for canary in [cold, idle] {
        let _verdict = run.tick(vec![canary], vec![pod("b", 0, 0, 225)]);
    }
    let report = run.analysis.report();
    assert_eq!(report.streams[0].canary.total, 50);
    assert_eq!(report.streams[1].canary.total, 0);
    let _verdict = run.tick(vec![pod("c", 0, 25, 25)], vec![pod("b", 0, 0, 225)]);
    assert_eq!(run.analysis.report().streams[1].canary, Counts::new(25, 25));
}

#[test]
fn a_tick_over_a_gap_is_discarded() {
    let mut run = Run::new(settings());
    let tick = |at: u64, length: u64| Tick {
        at: Duration::from_secs(at),
        length: Duration::from_secs(length),
        canary: vec![pod("c", 3, 0, 25)],
        baseline: vec![pod("b", 0, 0, 225)],
        checks: Sides::default(),
    };
    assert_eq!(run.analysis.observe(&tick(5, 5)), Verdict::Continue);
    let before = run.analysis.report();
    for (at, length) in [(5, 5), (4, 5), (300, 295), (10, 0)] {
        assert_eq!(run.analysis.observe(&tick(at, length)), Verdict::Continue);
    }
    assert_eq!(run.analysis.report(), before);
    assert_eq!((run.analysis.state().ticks(), run.analysis.state().discarded()), (1, 4));
}

#[test]
fn the_report_says_what_would_change_the_verdict() {
    let mut run = Run::last_step(settings());
    for tick in 0..24 {
        let bad = u64::from(tick == 3 || tick == 17);
        let _verdict = run.tick(vec![pod("c", bad, 1, 25)], vec![pod("b", 1, 9, 225)]);
    }
    expect![[r"
        errors: canary 2 of 600 (0.33 %), baseline 24 of 5,400 (0.44 %), ratio 0.75; E 0.085 of 200, 12 more bad events of the canary in a row roll back; a ratio of 2.8 or more shows within a step, a doubling takes 32 min
        latency above 250 ms: canary 24 of 600 (4.00 %), baseline 216 of 5,400 (4.00 %), ratio 1; E less than 0.001 of 200, 32 more bad events of the canary in a row roll back; a ratio of 1.8 or more shows within a step
        not promoted yet: S 2.5 of 20: 306 more requests without an error; that is 61 s at 5 requests/s, about 182 s at the present rate of errors"]]
    .assert_eq(&run.analysis.report().to_string());
    let unknown = Err(Unmeasured::Absent { metric: "r".into() });
    let scrape = Some(Increment {
        streams: vec![unknown, Ok(Counts::default())],
        served: vec![0; 2],
        restarted: false,
    });
    let _verdict = run.tick(vec![PodTick { scrape, ..pod("c", 0, 0, 0) }], vec![pod("b", 0, 0, 225)]);
    let line = run.analysis.report().streams[0].to_string();
    assert!(line.ends_with("; not measured lately: the pod exposes no `r`"), "{line}");
}
