//! What the repository says about its load tests: `[perf]`, the servers that are put under load, and the scenarios.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Expressions of thresholds by the metric that they are of.
pub type Thresholds = BTreeMap<String, Vec<String>>;

/// Load tests: `[perf]`.
#[derive(Clone, Debug)]
pub struct PerfSettings {
    /// `script`: the script that k6 runs, relative to the repository's root. It is given what the scenario says in the
    /// variables `DURATION`, `JOURNEY_RATE`, `JOURNEY_RATE_MAX` and `THRESHOLDS` (a JSON object as k6's option `thresholds`
    /// has it), and the address of each server in that server's `url-variable`. Required.
    pub script: PathBuf,
    /// `margin`: the least change of latency that matters, a share: `"10 %"`. Default: `10 %`.
    pub margin: f64,
    /// `pairs-min`: how many runs of each side there are before a verdict is believed, at least 3. Default: `3`.
    pub pairs_min: usize,
    /// `budget`: when no further pair of runs is begun, a duration; `--budget` comes before it. Default: `10m`.
    pub budget: Duration,
    /// `[perf.servers.COMPONENT]`: what is put under load, in the order in which they are started. At least one.
    pub servers: Vec<PerfServer>,
    /// `[perf.scenarios.NAME]`: what `--scenario` may ask for, in the order of the file. At least one.
    pub scenarios: Vec<PerfScenario>,
}

/// A server under load: `[perf.servers.COMPONENT]`.
///
/// In the values of `environment`, `{folder}` stands for a folder of this server alone, which is empty at first, and `{NAME}`
/// for the address of the server `NAME`, which stands above it in the file.
#[derive(Clone, Debug)]
pub struct PerfServer {
    /// `COMPONENT` in the section's name.
    pub name: String,
    /// `build`: commands that make of its files what is started, one after the other, once for each checkout; each a list of words.
    /// Of an image that was done before. Default: none.
    pub build: Vec<Vec<String>>,
    /// `prepare`: commands that run one after the other before it starts, to make its database and to fill it; each a list of
    /// words. Default: none.
    pub prepare: Vec<Vec<String>>,
    /// `command`: the words that start it, from files and in its image alike. Of a Python component, programs of its virtual
    /// environment come before those on `PATH`. Required.
    pub command: Vec<String>,
    /// `port-variable`: the variable that says on which port it is to listen. Required.
    pub port_variable: String,
    /// `url-variable`: the variable in which the script is given its address, `http://127.0.0.1:PORT`. Required.
    pub url_variable: String,
    /// `ready`: the path that answers with 200 once it can serve. Default: `/ready`.
    pub ready: String,
    /// `environment`: variables that it and its `prepare` are given. Default: none.
    pub environment: BTreeMap<String, String>,
    /// `timeout`: how long it may take until it is ready, a duration. Default: `1m`.
    pub timeout: Duration,
}

/// How load is made: `[perf.scenarios.NAME]`.
#[derive(Clone, Debug)]
pub struct PerfScenario {
    /// `NAME` in the section's name.
    pub name: String,
    /// `duration`: how long journeys are begun in one run, a duration. Required.
    pub duration: Duration,
    /// `rate`: how many journeys are begun a second, of each kind. Required.
    pub rate: u32,
    /// `rate-max`: where the rate grows to in the course of the run. Default: it stays.
    pub rate_max: Option<u32>,
    /// `in-turn`: `true` asks baseline and candidate one after the other, not at the same time: for load by which one of them alone
    /// uses all of the machine. Takes twice as long, and more pairs where the machine is shared. Default: `false`.
    pub in_turn: bool,
    /// `thresholds`: what has to hold, by metric, as k6 writes it: `{ checks = ["rate>0.99"] }`. To them come those of
    /// `[perf.thresholds]` for metrics that are not named here: an empty list asks nothing of its metric. Default: none of its own.
    pub thresholds: Thresholds,
}
