//! From counters that only grow to counts per tick: one memory of the last reading of each pod.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Counts;
use super::exposition::Exposition;
use super::selector::Selector;
use super::total::Unmeasured;
use crate::release::analysis::milliseconds;

/// Which events of a page make one stream.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Two counters: what goes wrong, and everything.
    Ratio {
        /// What goes wrong: `http_requests_total{status=~"5xx"}`.
        bad: Selector,
        /// Everything: `http_requests_total`.
        total: Selector,
    },
    /// A histogram of durations in seconds: what takes longer than `at_most`, which must be the bound of a bucket, goes wrong.
    Latency {
        /// The histogram, without `_bucket`.
        histogram: Selector,
        /// The longest duration that is good.
        #[serde(with = "milliseconds", rename = "at_most_ms")]
        at_most: Duration,
    },
}

impl Probe {
    /// The counters of this stream as they stand on `page`.
    pub fn read(&self, page: &Exposition<'_>) -> Result<Counts, Unmeasured> {
        match self {
            Self::Ratio { bad, total } => Ok(Counts::new(whole(page.total(bad)?), whole(page.total(total)?))),
            Self::Latency { histogram, at_most } => {
                let histogram = page.histogram(histogram)?;
                let total = histogram.count();
                let good = if total > 0.0 { histogram.at_most(at_most.as_secs_f64())? } else { 0.0 };
                Ok(Counts::new(whole(total - good), whole(total)))
            }
        }
    }
}

/// What one pod counted between two scrapes.
#[derive(Clone, Debug, PartialEq)]
pub struct Increment {
    /// One entry for each probe, in their order.
    pub streams: Vec<Result<Counts, Unmeasured>>,
    /// For each probe, how many events the pod had counted before this tick, since it started.
    pub served: Vec<u64>,
    /// Whether the pod's process began again since the last scrape.
    pub restarted: bool,
}

/// The last readings of a set of pods.
///
/// Not to be kept across a restart of the deployer: what was counted meanwhile belongs to no tick.
#[derive(Clone, Debug)]
pub struct Series {
    probes: Vec<Probe>,
    started: Selector,
    pods: BTreeMap<String, Reading>,
}

#[derive(Clone, Debug)]
struct Reading {
    streams: Vec<Result<Counts, Unmeasured>>,
    /// `process_start_time_seconds`, where the page has it: it also tells of a restart after which a counter is already
    /// larger than before.
    started: Option<f64>,
}

impl Series {
    /// A series that has read nothing.
    pub fn new(probes: Vec<Probe>) -> Self {
        Self { probes, started: Selector::new("process_start_time_seconds"), pods: BTreeMap::new() }
    }

    /// Takes the page of `pod` for this tick. A pod that was not read one tick ago starts without a backlog.
    pub fn scraped(&mut self, pod: &str, page: &Exposition<'_>) -> Increment {
        let now = Reading {
            streams: self.probes.iter().map(|probe| probe.read(page)).collect(),
            started: page.total(&self.started).ok(),
        };
        let Some(before) = self.pods.insert(pod.to_owned(), now.clone()) else {
            let first = |reading: Result<Counts, Unmeasured>| reading.and(Err(Unmeasured::First));
            let streams = now.streams.into_iter().map(first).collect();
            return Increment { streams, served: vec![0; self.probes.len()], restarted: false };
        };
        // Sums also drop where series go away, or where a page is cut off at the end of a line. The start of the process
        // tells; without it, only where every sum dropped.
        let mut totals = now.streams.iter().zip(&before.streams).filter_map(|pair| match pair {
            (Ok(now), Ok(before)) if before.total > 0 => Some(now.total < before.total),
            _ => None,
        });
        let restarted = match (now.started, before.started) {
            (Some(now), Some(before)) => now > before + 1.0,
            _ => totals.next().is_some_and(|first| first && totals.all(|dropped| dropped)),
        };
        let total = |reading: &Result<Counts, Unmeasured>| match reading {
            Ok(counts) if !restarted => counts.total,
            _ => 0,
        };
        let served = before.streams.iter().map(total).collect();
        let difference = |(now, before): (Result<Counts, Unmeasured>, Result<Counts, Unmeasured>)| {
            let now = now?;
            if restarted {
                return Ok(now);
            }
            let before = before.map_err(|_| Unmeasured::First)?;
            let less = |now: u64, before: u64| now.checked_sub(before).ok_or(Unmeasured::Inconsistent);
            Ok(Counts::new(less(now.bad, before.bad)?, less(now.total, before.total)?))
        };
        let streams = now.streams.into_iter().zip(before.streams).map(difference).collect();
        Increment { streams, served, restarted }
    }

    /// `pod` did not answer, or with a page that is none: this tick and the one that its next answer ends are nobody's.
    ///
    /// Its counters would tell later how much happened, but not in which tick, and a tick in which only the other side was
    /// read is no comparison.
    pub fn missed(&mut self, pod: &str) {
        self.pods.remove(pod);
    }

    /// Forgets pods that are gone.
    pub fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.pods.retain(|pod, _| is_there(pod));
    }
}

/// A sum as a count. Sums are between 0 and 2⁵³ and may have a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sums are checked to be between 0 and 2^53 where they are made"
)]
fn whole(sum: f64) -> u64 {
    sum.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::simulation::random::Random;

    fn series() -> Series {
        Series::new(vec![
            Probe::Ratio { bad: "r{code=~5xx}".parse().unwrap(), total: "r".parse().unwrap() },
            Probe::Latency { histogram: "h".parse().unwrap(), at_most: Duration::from_millis(250) },
        ])
    }

    fn page(bad: u64, good: u64, slow: u64, fast: u64) -> String {
        format!(
            "r{{code=\"500\"}} {bad}\nr{{code=\"200\"}} {good}\n\
             h_bucket{{le=\"0.25\"}} {fast}\nh_bucket{{le=\"+Inf\"}} {}\n",
            slow + fast
        )
    }

    /// Bad and total of both probes, or nothing where a stream is unmeasured.
    fn scrape(series: &mut Series, page: &str) -> [Option<(u64, u64)>; 2] {
        let increment = series.scraped("p", &parse(page.as_bytes()).unwrap());
        [0, 1].map(|probe| increment.streams[probe].as_ref().ok().map(|counts| (counts.bad, counts.total)))
    }

    #[test]
    fn counters_become_counts_per_tick() {
        let mut series = series();
        assert_eq!(scrape(&mut series, &page(5, 95, 10, 90)), [None, None], "no backlog");
        assert_eq!(scrape(&mut series, &page(6, 104, 12, 98)), [Some((1, 10)), Some((2, 10))]);
        assert_eq!(scrape(&mut series, &page(6, 104, 12, 98)), [Some((0, 0)), Some((0, 0))]);
        assert_eq!(scrape(&mut series, &page(1, 2, 0, 3)), [Some((1, 3)), Some((0, 3))], "a restart");
        series.missed("p");
        assert_eq!(scrape(&mut series, &page(9, 90, 9, 90)), [None, None], "a missed tick leaves no backlog");
        assert_eq!(scrape(&mut series, &page(9, 91, 9, 91)), [Some((0, 1)), Some((0, 1))]);
    }

    #[test]
    fn a_restart_is_seen_by_the_start_time_too() {
        let mut series = series();
        let with =
            |start: &str, bad, good| page(bad, good, 0, 0) + "process_start_time_seconds " + start + "\n";
        scrape(&mut series, &with("1.7e9", 1, 9));
        let increment = series.scraped("p", &parse(with("1700000060", 2, 98).as_bytes()).unwrap());
        assert!(increment.restarted);
        assert_eq!((increment.streams[0].clone(), increment.served), (Ok(Counts::new(2, 100)), vec![0, 0]));
        let increment = series.scraped("p", &parse(with("1700000060", 2, 99).as_bytes()).unwrap());
        assert_eq!((increment.restarted, increment.served), (false, vec![100, 0]));
        let increment = series.scraped("p", &parse(with("1700000060", 1, 9).as_bytes()).unwrap());
        assert_eq!((increment.restarted, &increment.streams[0]), (false, &Err(Unmeasured::Inconsistent)));
    }

    #[test]
    fn a_stream_that_cannot_be_read_drops_its_tick_alone() {
        let mut series = series();
        scrape(&mut series, &page(0, 10, 0, 10));
        assert_eq!(scrape(&mut series, "r{code=\"200\"} 20\n"), [Some((0, 10)), None], "no histogram");
        assert_eq!(scrape(&mut series, &page(0, 30, 0, 30)), [Some((0, 10)), None], "no backlog");
        assert_eq!(scrape(&mut series, &page(0, 31, 0, 31)), [Some((0, 1)), Some((0, 1))]);
        let fewer_bad = "r{code=\"200\"} 40\nh_bucket{le=\"0.25\"} 32\nh_bucket{le=\"+Inf\"} 32\n";
        scrape(&mut series, &page(3, 31, 0, 31));
        assert_eq!(
            scrape(&mut series, fewer_bad),
            [None, Some((0, 1))],
            "a series that vanished is no restart"
        );
        let less_in_all = page(0, 30, 0, 50);
        assert_eq!(scrape(&mut series, &less_in_all), [None, Some((0, 18))], "nor where the sum drops");
    }

    /// However a growing counter is scraped, what is counted is what happened between the first scrape and the last, with
    /// restarts losing at most what happened after the last scrape of the old process.
    #[test]
    fn nothing_is_counted_twice() {
        let mut source = Random::new(7);
        let mut random = |bound: u64| source.below(bound);
        for _ in 0..300 {
            let mut series = series();
            let (mut bad, mut good, mut happened, mut counted) = (random(50), random(500), 0, 0);
            scrape(&mut series, &page(bad, good, 0, 0));
            for _ in 0..40 {
                let (more_bad, more_good) = (random(5), random(50));
                if random(10) == 0 {
                    (bad, good) = (0, 0);
                }
                bad += more_bad;
                good += more_good;
                happened += more_bad + more_good;
                if let Some((bad, total)) = scrape(&mut series, &page(bad, good, 0, 0))[0] {
                    assert!(bad <= total);
                    counted += total;
                }
            }
            assert!(counted <= happened, "{counted} of {happened}");
        }
    }
}
