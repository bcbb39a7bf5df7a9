//! The single measurements of a run, as k6 writes them with `--out csv=FILE`: a head, then a line for each.
//!
//! A file may be larger than memory, so it comes line by line. Of each request the name, the time and the duration are kept;
//! what the set-up sends belongs to no scenario and is left out.

use std::collections::BTreeMap;

use super::run::Latency;
use crate::release::metrics::to_float;

/// Where in a line the columns are.
#[derive(Clone, Copy, Debug)]
struct Columns {
    metric: usize,
    time: usize,
    value: usize,
    name: usize,
    scenario: usize,
}

/// What the lines of a file have come to so far.
#[derive(Clone, Debug)]
pub struct Samples {
    columns: Columns,
    durations: BTreeMap<String, Vec<f64>>,
    seconds: BTreeMap<u64, u64>,
    damaged: u64,
}

impl Samples {
    /// Begins with the first line, which names the columns.
    ///
    /// # Errors
    ///
    /// The name of the column that is missing.
    pub fn new(head: &str) -> Result<Self, &'static str> {
        let names = cells(head.trim_end());
        let column = |name: &'static str| names.iter().position(|cell| cell == name).ok_or(name);
        let columns = Columns {
            metric: column("metric_name")?,
            time: column("timestamp")?,
            value: column("metric_value")?,
            name: column("name")?,
            scenario: column("scenario")?,
        };
        Ok(Self { columns, durations: BTreeMap::new(), seconds: BTreeMap::new(), damaged: 0 })
    }

    /// Takes the next line. One that cannot be read, such as the last one of a file that was cut off, is counted.
    pub fn push(&mut self, line: &str) {
        // Most lines are of other metrics: to look at their cells one by one would take most of the time.
        if !line.starts_with("http_req_duration,") {
            return;
        }
        let cells = cells(line.trim_end());
        let Columns { metric, time, value, name, scenario } = self.columns;
        let cell = |column: usize| cells.get(column).map(String::as_str);
        let read = || {
            let time: u64 = cell(time)?.parse().ok()?;
            let duration: f64 = cell(value)?.parse().ok()?;
            let (name, scenario) = (cell(name)?, cell(scenario)?);
            (cell(metric)? == "http_req_duration" && duration.is_finite() && duration >= 0.0)
                .then(|| (time, duration, name.to_owned(), !scenario.is_empty()))
        };
        match read() {
            Some((time, duration, name, true)) => {
                self.durations.entry(name).or_default().push(duration);
                *self.seconds.entry(time).or_default() += 1;
            }
            Some(_) => {}
            None => self.damaged += 1,
        }
    }

    /// How many lines could not be read.
    pub const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How long answers took, by the names of the requests.
    pub fn endpoints(&self) -> BTreeMap<String, Latency> {
        let latency = |(name, durations): (&String, &Vec<f64>)| Some((name.clone(), Latency::of(durations)?));
        self.durations.iter().filter_map(latency).collect()
    }

    /// How long answers took, all together.
    pub fn together(&self) -> Option<Latency> {
        let all: Vec<f64> = self.durations.values().flatten().copied().collect();
        Latency::of(&all)
    }

    /// How many requests ended in each second from the first to the last.
    pub fn throughput(&self) -> Vec<f64> {
        let (Some((&first, _)), Some((&last, _))) =
            (self.seconds.first_key_value(), self.seconds.last_key_value())
        else {
            return Vec::new();
        };
        // A clock that was set while k6 ran would make a line of years.
        let last = last.min(first.saturating_add(86_400));
        (first..=last).map(|second| to_float(self.seconds.get(&second).copied().unwrap_or(0))).collect()
    }
}

/// The cells of a line of CSV (RFC 4180).
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if is_quoted && rest.next_if_eq(&'"').is_some() => push(&mut cells, '"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}
