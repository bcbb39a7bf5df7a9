//! How often the analysis of a release is wrong, and how fast it is right: measured on synthetic traffic.
//!
//! `cargo bench -p xtask-core --bench analysis` plays whole releases under the default steps (weights 10 and 50) and prints the
//! tables of `docs/analysis.md`; it fails where a figure that is promised there is not reached. Every run has a seed of its
//! own, so the tables are the same each time. A number behind `--` sets how many runs a row has.

#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot begin ends")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a few million, in both directions"
)]

use std::time::Duration;

use xtask_core::release::analysis::{Analysis, Objective, PodTick, Settings, Sides, Tick, Verdict};
use xtask_core::release::metrics::{Counts, Increment, Selector};

/// Seconds of a tick.
const TICK: u64 = 5;

/// Pods of the baseline; the canary has one.
const BASELINE_PODS: u64 = 3;

/// One kind of release under one kind of traffic.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    /// Requests a second, of both sides together.
    requests: f64,
    /// The baseline's rate of errors.
    rate: f64,
    /// The canary's.
    canary: f64,
    /// Streams of the whole release.
    streams: u32,
    /// Errors that come at once, to one pod.
    bunch: u64,
    /// For a minute of each five, both sides fail at this rate instead.
    outage: Option<f64>,
    /// The canary is as good as the baseline for this many seconds, and breaks in the middle of a tick.
    breaks_after: Option<u64>,
}

const GOOD: Scenario = Scenario {
    name: "",
    requests: 50.0,
    rate: 0.005,
    canary: 0.005,
    streams: 1,
    bunch: 1,
    outage: None,
    breaks_after: None,
};

/// How one release ended.
struct End {
    verdict: Verdict,
    promoted: bool,
    /// Since the canary began, or since it broke, rounded up.
    seconds: u64,
    /// Requests of users that failed at the canary.
    suffered: u64,
}

fn main() {
    let number = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let runs: u64 = number.unwrap_or(20_000);
    println!("Releases that are no worse, {runs} runs a row:\n");
    println!("| release | requests/s | errors | streams | rolled back | ejected | promoted | median time |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut failures = Vec::new();
    for (scenario, promoted_min) in nulls() {
        let ends = play(&scenario, runs);
        let part = |is: &dyn Fn(&End) -> bool| ends.iter().filter(|end| is(end)).count() as f64 / runs as f64;
        let rolled_back = part(&|end| matches!(end.verdict, Verdict::RollBack(_)));
        let promoted = part(&|end| end.promoted);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            scenario.name,
            scenario.requests,
            percent(scenario.canary),
            scenario.streams,
            percent(rolled_back),
            percent(part(&|end| matches!(end.verdict, Verdict::Eject(_)))),
            percent(promoted),
            median(&ends, |end| end.promoted),
        );
        if scenario.bunch == 1 && rolled_back > 0.01 {
            failures.push(format!("{}: rolled back in {}", scenario.name, percent(rolled_back)));
        }
        if promoted < promoted_min {
            failures.push(format!("{}: promoted in {}", scenario.name, percent(promoted)));
        }
    }
    let runs = runs / 5;
    println!("\nReleases that are worse, {runs} runs a row:\n");
    println!(
        "| release | requests/s | rolled back or ejected | median | 95 % within | 99.5 % within | requests that failed (median) | promoted |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (scenario, median_max) in worse() {
        let ends = play(&scenario, runs);
        let found = |end: &&End| matches!(end.verdict, Verdict::RollBack(_) | Verdict::Eject(_));
        let mut times: Vec<u64> = ends.iter().filter(found).map(|end| end.seconds).collect();
        let mut suffered: Vec<u64> = ends.iter().map(|end| end.suffered).collect();
        let part = |count: usize| percent(count as f64 / runs as f64);
        // Of all runs: where a release was not found, it took longer than any that was.
        let all = runs as f64 / times.len().max(1) as f64;
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            scenario.name,
            scenario.requests,
            part(times.len()),
            quantile(&mut times, 0.5 * all),
            quantile(&mut times, 0.95 * all),
            quantile(&mut times, 0.995 * all),
            quantile(&mut suffered, 0.5).trim_end_matches(" s"),
            part(ends.iter().filter(|end| end.promoted).count()),
        );
        let measured = times.get(times.len() / 2).copied().unwrap_or(u64::MAX);
        let is_found = times.len() as u64 * 2 > runs && measured <= median_max;
        if median_max < u64::MAX && !is_found {
            failures.push(format!("{}: found in {measured} s, not in {median_max} s", scenario.name));
        }
    }
    for failure in &failures {
        println!("\nnot reached: {failure}");
    }
    assert!(failures.is_empty(), "a promised figure is not reached");
}

/// Releases that should not be rolled back, and the share of them that should be promoted.
fn nulls() -> Vec<(Scenario, f64)> {
    vec![
        (Scenario { name: "good", rate: 0.0025, canary: 0.0025, ..GOOD }, 0.995),
        (Scenario { name: "good", ..GOOD }, 0.995),
        (Scenario { name: "good, two components", streams: 4, ..GOOD }, 0.995),
        (Scenario { name: "without any error", rate: 0.0, canary: 0.0, ..GOOD }, 0.995),
        (Scenario { name: "busy", requests: 500.0, ..GOOD }, 0.995),
        (Scenario { name: "quiet", requests: 5.0, ..GOOD }, 0.0),
        (Scenario { name: "quiet", requests: 5.0, rate: 0.0025, canary: 0.0025, ..GOOD }, 0.0),
        (
            Scenario {
                name: "at night, decided by checks",
                requests: 0.2,
                rate: 0.0005,
                canary: 0.0005,
                ..GOOD
            },
            0.0,
        ),
        (Scenario { name: "both sides at the objective", rate: 0.01, canary: 0.01, ..GOOD }, 0.0),
        (Scenario { name: "1.25 times, which is tolerated", rate: 0.02, canary: 0.025, ..GOOD }, 0.0),
        (Scenario { name: "an outage that both share", outage: Some(0.1), ..GOOD }, 0.0),
        (Scenario { name: "errors in bunches of 5 to one pod", bunch: 5, ..GOOD }, 0.0),
    ]
}

/// Releases that should not be promoted, and the median time in seconds in which they should be found.
fn worse() -> Vec<(Scenario, u64)> {
    vec![
        (Scenario { name: "every request fails", canary: 1.0, ..GOOD }, 10),
        (Scenario { name: "every request fails", canary: 1.0, requests: 5.0, ..GOOD }, 10),
        (
            Scenario {
                name: "every request fails after a minute",
                canary: 1.0,
                breaks_after: Some(60),
                ..GOOD
            },
            10,
        ),
        (
            Scenario {
                name: "every request fails after a minute, two components",
                streams: 4,
                canary: 1.0,
                breaks_after: Some(60),
                ..GOOD
            },
            10,
        ),
        (Scenario { name: "10 % fail", canary: 0.1, ..GOOD }, 15),
        (Scenario { name: "10 % fail, two components", canary: 0.1, streams: 4, ..GOOD }, u64::MAX),
        (Scenario { name: "5 times the errors (2.5 %)", canary: 0.025, ..GOOD }, 85),
        (Scenario { name: "3 times the errors (1.5 %)", canary: 0.015, ..GOOD }, u64::MAX),
        (Scenario { name: "twice the errors (1 %)", canary: 0.01, ..GOOD }, u64::MAX),
        (Scenario { name: "twice the errors (0.5 %)", rate: 0.0025, canary: 0.005, ..GOOD }, u64::MAX),
        (Scenario { name: "twice the errors (1 %)", canary: 0.01, requests: 500.0, ..GOOD }, u64::MAX),
    ]
}

fn play(scenario: &Scenario, runs: u64) -> Vec<End> {
    (1..=runs).map(|seed| release(scenario, &mut Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)))).collect()
}

/// One release: a step at a weight of 10, then one at 50, until the analysis ends it or lets it be promoted.
fn release(scenario: &Scenario, random: &mut Random) -> End {
    let selector = |text: &str| text.parse::<Selector>().expect("a selector");
    let objectives = vec![Objective::errors(selector("r{status=~5xx}"), selector("r"), 0.01)];
    let settings = Settings { rate_before: Some(scenario.rate), ..Settings::new(scenario.streams) };
    let mut analysis = Analysis::new(settings, objectives, Duration::ZERO).expect("settings that make sense");
    let mut weight = 0.1;
    let mut suffered = 0;
    let breaks = scenario.breaks_after.map_or(0.0, |seconds| seconds as f64 + random.uniform() * TICK as f64);
    for number in 1.. {
        let at = number * TICK;
        let seconds = (at as f64 - breaks).max(0.0).ceil() as u64;
        let ill = scenario.outage.filter(|_| at % 300 < 60);
        let broken = ((at as f64 - breaks) / TICK as f64).clamp(0.0, 1.0);
        let canary_rate = broken * scenario.canary + (1.0 - broken) * scenario.rate;
        let (rate, canary_rate) = ill.map_or((scenario.rate, canary_rate), |ill| (ill, ill));
        let requests = scenario.requests * TICK as f64;
        let canary = counts(random, requests * weight, canary_rate, scenario.bunch);
        suffered += canary.bad;
        let each = requests * (1.0 - weight) / BASELINE_PODS as f64;
        let baseline = (0..BASELINE_PODS)
            .map(|pod| pod_tick("b", pod, counts(random, each, rate, scenario.bunch)))
            .collect();
        let tick = Tick {
            at: Duration::from_secs(at),
            length: Duration::from_secs(TICK),
            canary: vec![pod_tick("c", 0, canary)],
            baseline,
            checks: Sides { canary: checks(random, &analysis, canary_rate), baseline: Counts::default() },
        };
        let verdict = analysis.observe(&tick);
        if verdict.is_final() {
            return End { verdict, promoted: false, seconds, suffered };
        }
        if weight < 0.5 && analysis.may_advance().is_ok() {
            weight = 0.5;
            analysis.begin_step(tick.at, true);
        } else if verdict == Verdict::Continue && analysis.may_promote().is_ok() {
            return End { verdict, promoted: true, seconds, suffered };
        }
    }
    unreachable!("every step has an end")
}

/// The checks of this tick, where the analysis asks for some: five a second.
fn checks(random: &mut Random, analysis: &Analysis, rate: f64) -> Counts {
    let total = analysis.checks_wanted().map_or(0, |wanted| wanted.count.min(5 * TICK));
    Counts::new((0..total).filter(|_| random.uniform() < rate).count() as u64, total)
}

fn pod_tick(side: &str, number: u64, counts: Counts) -> PodTick {
    PodTick {
        name: format!("{side}{number}"),
        ready: true,
        age: Duration::from_hours(1),
        restarts: 0,
        out_of_memory: false,
        scrape: Some(Increment { streams: vec![Ok(counts)], served: vec![1000], restarted: false }),
    }
}

/// Requests that arrive independently, `mean` of them on the average, of which each fails with the probability `rate`; errors
/// come in bunches.
fn counts(random: &mut Random, mean: f64, rate: f64, bunch: u64) -> Counts {
    let bad = bunch * random.poisson(mean * rate / bunch as f64);
    Counts::new(bad, bad + random.poisson(mean * (1.0 - rate)))
}

/// xorshift64*: enough for traffic from a seed.
struct Random(u64);

impl Random {
    /// Between 0 and 1, never 0.
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Exact below a mean of 30; above it the normal distribution of that mean and variance, which no count of good requests
    /// can be told from.
    fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            let normal = (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
        }
        let least = (-mean).exp();
        let mut product = self.uniform();
        let mut count = 0;
        while product > least {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

fn percent(part: f64) -> String {
    let text = format!("{:.2}", part * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn median(ends: &[End], is: impl Fn(&End) -> bool) -> String {
    let mut times: Vec<u64> = ends.iter().filter(|end| is(end)).map(|end| end.seconds).collect();
    quantile(&mut times, 0.5)
}

/// The `part`-th of `times` in order; `–` where that many are not there.
fn quantile(times: &mut [u64], part: f64) -> String {
    times.sort_unstable();
    let position = (times.len() as f64 * part) as usize;
    times.get(position).map_or_else(|| "–".to_owned(), |time| format!("{time} s"))
}
