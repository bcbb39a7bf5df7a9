//! What the verdict is made of, piece by piece, and how often it is right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Side;
use super::bootstrap::{Pair, interval, middle};
use super::gate::{Weighed, weigh};
use super::judge::{ALL, Judgement, Rule, Verdict, judge};
use super::k6::{End, Summary};
use super::machine::{Machine, Subject};
use super::pairs::{Next, Plan, order};
use super::report::{FORMAT, Report, crossed};
use super::run::{Latency, Run, quantile, quick};
use super::samples::Samples;
use crate::simulation::random::Random;

mod monte_carlo;

/// How the repository judges.
const RULE: Rule = Rule { margin: 0.10, confidence: 0.95, pairs_min: 3 };

fn machine() -> Machine {
    Machine {
        identity: "1f2e".to_owned(),
        system: "linux x86_64".to_owned(),
        kernel: "6.18.1".to_owned(),
        processor: "Model 1".to_owned(),
        cores: 2,
        memory_bytes: 24 << 30,
        k6: "v1.1.0".to_owned(),
    }
}

fn subject(name: &str) -> Subject {
    Subject {
        name: name.to_owned(),
        runner: "local".to_owned(),
        images: Vec::new(),
        commit: None,
        machine: machine(),
    }
}

/// A run whose endpoints answer in so many milliseconds, each slice.
fn run(side: Side, endpoints: &[(&str, &[f64])]) -> Run {
    let latency = |slices: &[f64]| {
        let durations: Vec<f64> = slices.iter().flat_map(|ms| [*ms; 5]).collect();
        Latency::of(&durations).unwrap()
    };
    let all: Vec<f64> = endpoints.iter().flat_map(|(_, slices)| *slices).copied().collect();
    Run {
        side,
        began_ms: 0,
        duration_ms: 20_000,
        requests: 100,
        failed_rate: 0.0,
        journeys: 40,
        journeys_dropped: 0,
        checks_passed: 100,
        checks_failed: 0,
        latency: latency(&all),
        endpoints: endpoints.iter().map(|(name, slices)| ((*name).to_owned(), latency(slices))).collect(),
        throughput: vec![5.0; 20],
        servers: BTreeMap::new(),
        crossed: Vec::new(),
    }
}

/// Three pairs: `list` and `node` of the baseline take 10 and 20 ms, those of the candidate these times as long.
fn pairs(list: f64, node: f64) -> Vec<Run> {
    let run = |side: Side| {
        let (list, node, noise) = match side {
            Side::Baseline => (10.0, 20.0, [0.99, 1.0, 1.01, 1.0]),
            Side::Candidate => (10.0 * list, 20.0 * node, [1.0, 1.01, 1.0, 0.99]),
        };
        run(side, &[("list", &noise.map(|noise| noise * list)), ("node", &noise.map(|noise| noise * node))])
    };
    (0..3).flat_map(order).map(run).collect()
}

fn verdict(runs: &[Run]) -> Judgement {
    judge(&subject("main"), &subject("the working copy"), runs, &RULE)
}

#[test]
fn a_summary_is_read_in_both_forms_of_k6() {
    let exported = r#"{"metrics": {
        "checks": {"passes": 99, "fails": 1, "value": 0.99, "thresholds": {"rate>0.99": true}},
        "http_reqs": {"count": 120, "rate": 6.0},
        "iterations": {"count": 40, "rate": 2.0},
        "http_req_failed": {"passes": 12, "fails": 108, "value": 0.1, "thresholds": {"rate<0.5": false}},
        "http_req_duration{endpoint:list}": {"avg": 3.0, "thresholds": {"p(95)<300": false}}}}"#;
    let handled = r#"{"metrics": {
        "checks": {"type": "rate", "contains": "default", "values": {"passes": 99, "fails": 1, "rate": 0.99},
            "thresholds": {"rate>0.99": {"ok": false}}},
        "http_reqs": {"values": {"count": 120, "rate": 6.0}},
        "iterations": {"values": {"count": 40, "rate": 2.0}},
        "http_req_failed": {"values": {"passes": 12, "fails": 108, "rate": 0.1}, "thresholds": {"rate<0.5": {"ok": true}}},
        "http_req_duration{endpoint:list}": {"values": {"avg": 3.0}, "thresholds": {"p(95)<300": {"ok": true}}}}}"#;
    let [exported, handled] = [exported, handled].map(|text| Summary::from_json(text).unwrap());
    assert_eq!(exported, handled);
    assert_eq!((exported.checks_passed, exported.checks_failed, exported.requests), (99, 1, 120));
    assert!((exported.failed_rate - 0.1).abs() < 1e-9);
    assert_eq!(exported.crossed(), ["`rate>0.99` of `checks`"]);
    assert_eq!(exported.unbelievable(), None);
    for broken in
        ["", "[]", "{}", r#"{"metrics": 1}"#, r#"{"metrics": {"checks": {"thresholds": {"x": 1}}}}"#]
    {
        assert!(Summary::from_json(broken).is_err(), "{broken}");
    }
}

#[test]
fn what_k6_calls_well_is_not_believed_without_checks() {
    let good = Summary { checks_passed: 9, requests: 9, journeys: 3, ..Summary::default() };
    assert_eq!(good.unbelievable(), None);
    for (summary, reason) in [
        (Summary { requests: 0, ..good.clone() }, "no request was sent"),
        (Summary { journeys: 0, ..good.clone() }, "no journey came to its end"),
        (
            Summary { checks_passed: 0, ..good.clone() },
            "nothing was checked: every journey may have thrown an exception",
        ),
        (Summary { checks_passed: 0, checks_failed: 7, ..good }, "none of 7 checks held"),
    ] {
        assert_eq!(summary.unbelievable().as_deref(), Some(reason));
    }
    let codes = [0, 99, 105].map(End::of);
    assert_eq!(codes, [End::Finished, End::Crossed, End::Interrupted]);
    for code in [-1, 1, 100, 101, 104, 107, 108, 255] {
        assert!(matches!(End::of(code), End::Broken(_)), "{code}");
    }
}

const HEAD: &str = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata";

#[test]
fn samples_are_those_of_journeys_line_by_line() {
    let mut samples = Samples::new(HEAD).unwrap();
    for line in [
        "http_req_duration,100,7.0,,,,true,::setup,GET,http://x/,HTTP/1.1,,,200,,,http://x/,,",
        "http_req_duration,100,4.0,,,,true,,GET,list,HTTP/1.1,browse,,200,,,\"http://x/?a=1,2\",endpoint=list,",
        "http_req_duration,102,8.0,,\"a \"\"bad\"\" one, really\",,true,,GET,list,HTTP/1.1,browse,,200,,,http://x/,endpoint=list,",
        "http_req_waiting,102,8.0,,,,true,,GET,list,HTTP/1.1,browse,,200,,,http://x/,endpoint=list,",
        "http_req_duration,102,1.0,,,,true,,GET,node,HTTP/1.1,browse,,200,,,http://x/,endpoint=node,",
        "http_req_duration,102,NaN,,,,true,,GET,node,HTTP/1.1,browse,,200,,,http://x/,endpoint=node,",
        "http_req_duration,10",
    ] {
        samples.push(line);
    }
    let endpoints = samples.endpoints();
    let medians: Vec<(&str, f64)> =
        endpoints.iter().map(|(name, latency)| (name.as_str(), latency.median_ms)).collect();
    assert_eq!(medians, [("list", 6.0), ("node", 1.0)]);
    assert_eq!(samples.throughput(), [1.0, 0.0, 2.0]);
    assert_eq!((samples.damaged(), samples.together().unwrap().count), (2, 3));
    assert_eq!(Samples::new("metric_name,timestamp,name").unwrap_err(), "metric_value");
}

#[test]
fn quantiles_lie_between_the_values() {
    let values: Vec<f64> = (0..=10).map(f64::from).collect();
    for (share, expected) in [(0.0, 0.0), (0.5, 5.0), (0.95, 9.5), (1.0, 10.0), (7.0, 10.0), (-1.0, 0.0)] {
        assert!((quantile(&values, share).unwrap() - expected).abs() < 1e-9, "{share}");
    }
    assert_eq!(quantile(&[], 0.5), None);
    let latency = Latency::of(&[3.0, 1.0, 2.0]).unwrap();
    assert_eq!((latency.median_ms, latency.max_ms, latency.quantiles_ms.len()), (2.0, 3.0, 21));
    assert!(latency.quantiles_ms.is_sorted());
    assert_eq!(Latency::of(&[]), None);
    // Of 1, 4 and whatever is slower, it is the quicker two.
    assert!((quick(&[1.0, 4.0, 4.0, 900.0]).unwrap() - 2.0).abs() < 1e-9);
    assert_eq!(quick(&[]), None);
}

#[test]
fn there_are_pairs_until_there_is_a_verdict_or_no_time() {
    let letter = |side| if side == Side::Baseline { 'A' } else { 'B' };
    assert_eq!((0..4).flat_map(order).map(letter).collect::<String>(), "ABBAABBA");
    let plan = Plan { pairs_min: 3, budget: Duration::from_mins(10) };
    let second = Duration::from_secs;
    for (made, elapsed, decided, next) in [
        (0, 0, true, Next::Pair(order(0))),
        (2, 9_000, true, Next::Pair(order(0))),
        (3, 132, true, Next::Decided),
        (3, 132, false, Next::Pair(order(1))),
        (12, 560, false, Next::OutOfBudget),
        (3, 9_000, false, Next::OutOfBudget),
        (3, 9_000, true, Next::Decided),
    ] {
        assert_eq!(plan.next(made, second(elapsed), || decided), next, "{made} after {elapsed} s");
    }
}

#[test]
fn an_interval_holds_the_ratio_and_is_the_same_each_time() {
    let mut random = Random::new(3);
    for round in 0..50 {
        let mut side = |parts: usize, mean: f64| {
            (0..parts).map(|_| mean * (0.9 + 0.2 * random.unit())).collect::<Vec<f64>>()
        };
        // Of an even number and of an odd one; what only one side has, has nothing beside it.
        let pairs: Vec<Pair> =
            (0..3 + round % 2).map(|_| Pair { baseline: side(4, 10.0), candidate: side(5, 12.0) }).collect();
        let first = interval(&pairs, 0.95).unwrap();
        let (baseline, candidate) = middle(&pairs).unwrap();
        assert!((candidate / baseline / first.ratio - 1.0).abs() < 1e-9, "{candidate} {baseline} {first:?}");
        assert_eq!(Some(first), interval(&pairs, 0.95));
        assert!(first.low <= first.ratio && first.ratio <= first.high, "{first:?}");
        let narrower = interval(&pairs, 0.5).unwrap();
        assert!(first.low <= narrower.low && narrower.high <= first.high, "{first:?} {narrower:?}");
        // Turned around, the ratio is its inverse.
        let turned = pairs
            .iter()
            .map(|pair| Pair { baseline: pair.candidate.clone(), candidate: pair.baseline.clone() });
        let turned = interval(&turned.collect::<Vec<_>>(), 0.95).unwrap();
        assert!((turned.ratio * first.ratio - 1.0).abs() < 1e-9);
    }
    // What falls on the same part of both says nothing of the ratio.
    let both = Pair { baseline: vec![10.0, 30.0, 20.0], candidate: vec![11.0, 33.0, 22.0] };
    let exact = interval(&vec![both; 3], 0.95).unwrap();
    assert!((exact.low - 1.1).abs() < 1e-9 && (exact.high - 1.1).abs() < 1e-9, "{exact:?}");
    let pair = |baseline: &[f64]| Pair { baseline: baseline.to_vec(), candidate: vec![1.0] };
    for nothing in [vec![], vec![pair(&[])], vec![pair(&[0.0])], vec![pair(&[f64::NAN])]] {
        assert_eq!(interval(&nothing, 0.95), None, "{nothing:?}");
    }
}

#[test]
fn every_verdict_has_its_reason() {
    for (list, node, expected, reason) in [
        (1.0, 1.0, Verdict::Same, "answers take 0.0 % longer, 14.14 ms after 14.14 ms"),
        (1.2, 1.2, Verdict::Worse, "answers take 20.0 % longer, 16.97 ms after 14.14 ms"),
        (0.8, 0.8, Verdict::Better, "answers take 20.0 % shorter, 11.31 ms after 14.14 ms"),
        (1.0, 1.19, Verdict::Worse, "answers of `node` take 19.0 % longer, 23.80 ms after 20.00 ms"),
        (1.08, 1.08, Verdict::Same, "answers take 8.0 % longer"),
        (1.0999, 1.0999, Verdict::Undecided, "which reaches over the margin of 10 %"),
    ] {
        let judged = verdict(&pairs(list, node));
        assert_eq!(judged.verdict, expected, "{list} {node}: {judged:?}");
        assert!(judged.reason.contains(reason), "{list} {node}: {}", judged.reason);
        let of: Vec<&str> = judged.figures.iter().map(|figure| figure.of.as_str()).collect();
        assert_eq!((of, judged.pairs), (vec![ALL, "list", "node"], 3));
    }
}

#[test]
fn what_was_measured_elsewhere_is_never_compared() {
    type Change = fn(&mut Subject);
    let here = subject("main");
    let elsewhere: [(Change, &str); 8] = [
        (|other| other.machine.identity.push('x'), "it is another machine"),
        (
            |other| other.machine.system.push('x'),
            "the system is `linux x86_64` here and `linux x86_64x` there",
        ),
        (|other| other.machine.kernel.push('x'), "the kernel is `6.18.1` here and `6.18.1x` there"),
        (|other| other.machine.processor.push('x'), "the processor is `Model 1` here and `Model 1x` there"),
        (|other| other.machine.cores += 1, "the number of cores is 2 here and 3 there"),
        (|other| other.machine.memory_bytes += 1, "the memory is 25769803776 here and 25769803777 there"),
        (|other| other.machine.k6.push('x'), "k6 is `v1.1.0` here and `v1.1.0x` there"),
        (|other| other.runner.push('x'), "one was run by local, the other by localx"),
    ];
    for (change, reason) in elsewhere {
        let mut other = subject("the working copy");
        change(&mut other);
        for factor in [0.5, 1.0, 2.0] {
            let judged = judge(&here, &other, &pairs(factor, factor), &RULE);
            assert_eq!((judged.verdict, judged.reason.as_str()), (Verdict::NotComparable, reason));
        }
    }
}

#[test]
fn too_little_is_undecided_and_nothing_in_common_is_not_comparable() {
    let runs = pairs(1.0, 1.0);
    for few in 0..6 {
        let judged = verdict(&runs[..few]);
        assert_eq!(judged.verdict, Verdict::Undecided, "{few} runs");
    }
    assert!(verdict(&runs[..4]).reason.contains("there are 2 pairs of runs, and it takes 3"));
    let mut other = pairs(1.0, 1.0);
    for run in other.iter_mut().filter(|run| run.side == Side::Candidate) {
        run.endpoints =
            run.endpoints.iter().map(|(name, latency)| (format!("new-{name}"), latency.clone())).collect();
    }
    assert_eq!(verdict(&other).reason, "both sides have no endpoint in common");
    // An endpoint that is new is no part of the comparison.
    let mut more = pairs(1.0, 1.0);
    for run in more.iter_mut().filter(|run| run.side == Side::Candidate) {
        let slow = Latency::of(&[900.0; 20]).unwrap();
        run.endpoints.insert("export".to_owned(), slow);
    }
    assert_eq!(verdict(&more).verdict, Verdict::Same);
}

fn report(judgement: Judgement, images: &[&str]) -> Report {
    let images = images.iter().map(|image| (*image).to_owned()).collect();
    Report {
        format: FORMAT,
        unix_time: 1_790_000_000,
        scenario: "smoke".to_owned(),
        candidate: Subject { images, ..subject("these images") },
        baseline: Some(subject("main")),
        runs: pairs(1.0, 1.0),
        crossed: Vec::new(),
        judgement,
    }
}

#[test]
fn a_report_comes_back_as_it_was_written() {
    let written = report(verdict(&pairs(1.2, 1.0)), &["r/x@sha256:1"]);
    let text = serde_json::to_string(&written).unwrap();
    let read = Report::from_json(&text).unwrap();
    assert_eq!((&read.judgement.reason, read.runs.len()), (&written.judgement.reason, 6));
    let other = text.replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(Report::from_json(&other).unwrap_err(), "it has format 2, and only 1 is known");
    assert_eq!(Report::from_json("{}").unwrap_err(), "it does not say its `format`");
    assert!(Report::from_json("nothing").is_err());
    let mut runs = pairs(1.0, 1.0);
    runs[1].crossed = vec!["`a`".to_owned(), "`b`".to_owned()];
    runs[2].crossed = vec!["`b`".to_owned()];
    assert_eq!(crossed(runs.iter()), ["`a`", "`b`"]);
}

#[test]
fn a_release_is_weighed_by_a_test_of_the_same_images() {
    let released = ["r/x@sha256:1".to_owned(), "r/y@sha256:2".to_owned()];
    let worse = verdict(&pairs(1.3, 1.3));
    let same = verdict(&pairs(1.0, 1.0));
    let undecided = verdict(&pairs(1.0, 1.0)[..2]);
    let doubtful = |weighed: Weighed, words: &str| match weighed {
        Weighed::Doubtful(reason) => assert!(reason.contains(words), "{reason}"),
        other => panic!("{other:?}"),
    };
    doubtful(weigh(None, &released), "not load-tested");
    doubtful(weigh(Some(&report(worse.clone(), &[])), &released), "run from files");
    doubtful(weigh(Some(&report(worse.clone(), &["r/x@sha256:3"])), &released), "other images");
    doubtful(
        weigh(Some(&report(worse.clone(), &["r/x@sha256:1", "r/y@sha256:3"])), &released),
        "other images",
    );
    doubtful(weigh(Some(&report(undecided, &["r/x@sha256:1"])), &released), "undecided");
    doubtful(
        weigh(Some(&report(Judgement::not_comparable("there is no baseline"), &["r/x@sha256:1"])), &released),
        "not comparable: there is no baseline",
    );
    assert_eq!(weigh(Some(&report(same.clone(), &["mirror/x@sha256:1"])), &released), Weighed::Good);
    let refused = |report: &Report| match weigh(Some(report), &released) {
        Weighed::Refused(reason) => reason,
        other => panic!("{other:?}"),
    };
    let reason = refused(&report(worse, &["r/x@sha256:1"]));
    assert!(reason.contains("worse than main: answers take 30.0 % longer"), "{reason}");
    let mut late = report(same, &["r/x@sha256:1"]);
    late.crossed = vec!["`p(95)<300` of `http_req_duration`".to_owned()];
    assert_eq!(refused(&late), "the candidate crossed `p(95)<300` of `http_req_duration`");
}
