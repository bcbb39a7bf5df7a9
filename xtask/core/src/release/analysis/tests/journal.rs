//! What is journalled, and what a run makes of it when it is resumed.

use super::*;
use crate::release::ledger::{Journal, Phase};
use crate::simulation::random::Random;

fn pods(random: &mut Random, side: &str) -> Vec<PodTick> {
    let count = 1 + random.below(4);
    let one = |number| match random.below(12) {
        0 => unreadable(&format!("{side}{number}")),
        _ => pod(&format!("{side}{number}"), random.below(40) / 38, random.below(4), 20 + random.below(80)),
    };
    (0..count).map(one).collect()
}

/// A run that was journalled and resumed after any tick says, tick by tick, what a run without an interruption says; and the
/// order in which pods are listed says nothing.
#[test]
fn a_resumed_run_and_a_shuffled_one_are_the_same_run() {
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let mut straight = Run::last_step(settings());
        let mut resumed = straight.analysis.clone();
        let mut shuffled = straight.analysis.clone();
        for _ in 0..60 {
            let (canary, baseline) = (pods(&mut random, "c"), pods(&mut random, "b"));
            let verdict = straight.tick(canary.clone(), baseline.clone());
            let mut tick = Tick { at: straight.at, length: TICK, canary, baseline, checks: Sides::default() };
            assert_eq!(resumed.observe(&tick), verdict, "seed {seed}");
            tick.canary.reverse();
            let by = usize::from(tick.baseline.len() > 1);
            tick.baseline.rotate_left(by);
            assert_eq!(shuffled.observe(&tick), verdict, "seed {seed}");
            let journal = serde_json::to_string(resumed.state()).unwrap();
            let state = serde_json::from_str(&journal).unwrap();
            resumed = Analysis::resume(settings(), objectives(), state).unwrap();
            assert_eq!(resumed.state(), straight.analysis.state(), "seed {seed}");
            assert_eq!(shuffled.state(), straight.analysis.state(), "seed {seed}");
        }
    }
}

/// The most bytes that the record of a release of two components with two streams each takes: what `docs/architecture.md` says.
const RECORD_BYTES: usize = 1_600;

#[test]
fn the_record_of_a_release_is_small() {
    let mut random = Random::new(3);
    let mut run = Run::new(Settings { tick_max: TICK, ..settings() });
    for _ in 0..100 {
        let _verdict = run.tick(pods(&mut random, "c"), pods(&mut random, "b"));
    }
    let state = run.analysis.state();
    assert_eq!(state.words(), "13,926 requests, 17 failed, E 0.19");
    let evidence = serde_json::to_string(state).unwrap();
    assert!(evidence.len() <= 700, "{} bytes for two streams", evidence.len());
    let journal = Journal {
        floors: vec![Some(3), None],
        evidence: vec![Some(evidence); 2],
        ..Journal::new("production-42".parse().unwrap(), Phase::Exposed(1), vec![10, 10])
    };
    let bytes = serde_json::to_string(&journal).unwrap().len();
    assert!((RECORD_BYTES - 300..=RECORD_BYTES).contains(&bytes), "{bytes} bytes for two components");
}

#[test]
fn a_journal_of_another_bet_is_refused() {
    let state = || Run::new(settings()).analysis.state().clone();
    let words =
        |settings, objectives| Analysis::resume(settings, objectives, state()).unwrap_err().to_string();
    assert!(words(Settings::new(3), objectives()).contains("over 2 streams"));
    assert!(words(Settings { alpha: 0.02, ..settings() }, objectives()).contains("alpha of 0.01"));
    assert!(words(settings(), objectives()[..1].to_vec()).contains("latency above 250 ms"));
    let text = serde_json::to_string(&state()).unwrap();
    let later = serde_json::from_str(&text.replace("\"v\":2", "\"v\":3")).unwrap();
    let refused = Analysis::resume(settings(), objectives(), later).unwrap_err().to_string();
    assert!(refused.ends_with("it has the form 3, this program reads 2"), "{refused}");
    for (from, to) in [("\"k\":[0.0", "\"k\":[null"), ("\"v\":2", "\"v\":\"\"")] {
        assert!(text.contains(from), "{text}");
        assert!(serde_json::from_str::<State>(&text.replace(from, to)).is_err());
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let words = |settings, objectives| Analysis::new(settings, objectives, TICK).unwrap_err().to_string();
    let two = || [objectives(), objectives()].concat();
    assert!(words(Settings { alpha: 0.0, ..settings() }, objectives()).contains("`alpha`"));
    assert!(words(Settings { alpha: f64::NAN, ..settings() }, objectives()).contains("`alpha`"));
    assert!(
        words(Settings { ratio_tolerated: 2.0, ..settings() }, objectives()).contains("`ratio_tolerated`")
    );
    assert!(words(Settings::new(1), objectives()).contains("`streams`"));
    assert!(words(Settings::new(4), two()).contains("two objectives are called `errors`"));
    assert!(
        words(settings(), objectives()[1..].to_vec()).contains("exactly one objective for errors, not 0")
    );
    let zero = vec![Objective { rate_max: 0.0, ..objectives().remove(0) }];
    assert!(words(settings(), zero).contains("`errors.rate_max`"));
}
