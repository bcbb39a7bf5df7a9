//! What k6 says of a run: its summary, and its exit code.
//!
//! The summary is read in both of k6's forms. `--summary-export` has the values of a metric beside its thresholds, and there
//! `true` says that a threshold was *crossed*; `handleSummary` has them below `values`, and there `{ok: false}` says so. The
//! exit code alone is never believed: k6 ends with 0 also where every iteration threw an exception.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What k6 has counted in a run, and which thresholds it crossed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many checks held.
    pub checks_passed: u64,
    /// How many checks did not.
    pub checks_failed: u64,
    /// How many requests were sent, those of the set-up included.
    pub requests: u64,
    /// The share of requests that failed, from 0 to 1.
    pub failed_rate: f64,
    /// How many journeys were made to their end.
    pub journeys: u64,
    /// How many journeys could not begin, because too many were under way.
    pub journeys_dropped: u64,
    /// The thresholds, in the order of their names.
    pub thresholds: Vec<Threshold>,
}

/// A threshold, and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Threshold {
    /// The metric: `http_req_duration{endpoint:list}`.
    pub metric: String,
    /// What was to hold: `p(95)<300`.
    pub expression: String,
    /// Whether it did not.
    pub crossed: bool,
}

#[derive(Deserialize)]
struct File {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(default)]
    values: BTreeMap<String, Value>,
    #[serde(default)]
    thresholds: BTreeMap<String, Outcome>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Crossed(bool),
    Held { ok: bool },
}

impl Metric {
    fn number(&self, name: &str) -> Option<f64> {
        self.values
            .get(name)
            .or_else(|| self.rest.get(name))
            .and_then(Value::as_f64)
            .filter(|n| n.is_finite())
    }

    fn whole(&self, name: &str) -> Option<u64> {
        self.values.get(name).or_else(|| self.rest.get(name)).and_then(Value::as_u64)
    }
}

impl Summary {
    /// Reads a summary.
    ///
    /// # Errors
    ///
    /// Why it is none, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let metric = |name: &str| file.metrics.get(name);
        let count = |name: &str| metric(name).and_then(|metric| metric.whole("count")).unwrap_or(0);
        let checks = |name: &str| metric("checks").and_then(|metric| metric.whole(name)).unwrap_or(0);
        let failed = metric("http_req_failed");
        let thresholds = file.metrics.iter().flat_map(|(name, metric)| {
            metric.thresholds.iter().map(|(expression, outcome)| Threshold {
                metric: name.clone(),
                expression: expression.clone(),
                crossed: match outcome {
                    Outcome::Crossed(crossed) => *crossed,
                    Outcome::Held { ok } => !ok,
                },
            })
        });
        Ok(Self {
            checks_passed: checks("passes"),
            checks_failed: checks("fails"),
            requests: count("http_reqs"),
            failed_rate: failed
                .and_then(|rate| rate.number("value").or_else(|| rate.number("rate")))
                .unwrap_or(0.0),
            journeys: count("iterations"),
            journeys_dropped: count("dropped_iterations"),
            thresholds: thresholds.collect(),
        })
    }

    /// Why this run measured nothing that could be believed; `None` where it did.
    ///
    /// A journey that throws in its first line sends no request, checks nothing, crosses no threshold, and is fast.
    pub fn unbelievable(&self) -> Option<String> {
        if self.requests == 0 {
            Some("no request was sent".to_owned())
        } else if self.journeys == 0 {
            Some("no journey came to its end".to_owned())
        } else if self.checks_passed == 0 && self.checks_failed == 0 {
            Some("nothing was checked: every journey may have thrown an exception".to_owned())
        } else if self.checks_passed == 0 {
            Some(format!("none of {} checks held", self.checks_failed))
        } else {
            None
        }
    }

    /// The thresholds that were crossed, in words: `` `p(95)<300` of `http_req_duration` ``.
    pub fn crossed(&self) -> Vec<String> {
        let crossed = self.thresholds.iter().filter(|threshold| threshold.crossed);
        crossed.map(|threshold| format!("`{}` of `{}`", threshold.expression, threshold.metric)).collect()
    }
}

/// What k6's exit code says. The codes are those of k6's `errext/exitcodes`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// It came to its end; what that is worth, the summary says.
    Finished,
    /// It came to its end, and a threshold was crossed.
    Crossed,
    /// Somebody interrupted it.
    Interrupted,
    /// It could not do its work; why, in words.
    Broken(&'static str),
}

impl End {
    /// What a code says.
    pub const fn of(code: i32) -> Self {
        match code {
            0 => Self::Finished,
            99 => Self::Crossed,
            105 => Self::Interrupted,
            100 => Self::Broken("its set-up took too long"),
            101 => Self::Broken("its tear-down took too long"),
            104 => Self::Broken("its configuration is wrong"),
            107 => Self::Broken("its script threw an exception outside of a journey"),
            108 => Self::Broken("its script gave up"),
            _ => Self::Broken("it could not do its work"),
        }
    }
}
