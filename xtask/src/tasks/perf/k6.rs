//! k6: where it is, and one run of it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Running, Watch};
use crate::config::perf::{PerfScenario, PerfSettings};
use crate::core::command::Command;
use crate::core::perf::Side;
use crate::core::perf::k6::{End, Summary};
use crate::core::perf::run::Run;
use crate::core::perf::samples::Samples;
use crate::core::text;
use crate::cx::{Cx, Scratch, files};
use crate::driver::process::Exit;
use crate::error::{Context as _, Error, Result};
use crate::tasks::setup;

/// How often the servers are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is asked whether k6 has ended.
const PULSE: Duration = Duration::from_millis(50);

/// How long servers are asked before their answers count.
const WARM: Duration = Duration::from_secs(2);

/// How long k6 may take beyond the time in which it begins journeys: to start, to finish those under way, to sum up.
const LONGER: Duration = Duration::from_mins(2);

/// The program that makes load.
#[derive(Clone, Debug)]
pub(super) struct K6 {
    /// Where it is.
    program: PathBuf,
    /// What it says of itself: `v1.1.0`.
    pub(super) version: String,
}

/// Finds k6 on `PATH`, or among the repository's own tools, which are installed for that.
pub(super) fn find(cx: &Cx) -> Result<K6> {
    let program = if let Ok(program) = cx.find("k6") {
        program
    } else {
        setup::tools(cx)?;
        setup::tool(cx, "k6")?
    };
    let said = cx.read(Command::new(&program).arg("version"))?;
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    Ok(K6 { program, version: text::one_line(version).into_owned() })
}

/// How load is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load<'l> {
    /// By which program.
    pub(super) k6: &'l K6,
    /// Which script.
    pub(super) settings: &'l PerfSettings,
    /// How much of it.
    pub(super) scenario: &'l PerfScenario,
    /// Where raw results go.
    pub(super) scratch: &'l Scratch,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Its number, from 1.
    pub(super) number: usize,
    /// For how long load was made before.
    pub(super) before: Duration,
    /// For how long it will be made in all, where that is known.
    pub(super) total: Option<Duration>,
    /// When the first began.
    pub(super) start: Instant,
}

impl Load<'_> {
    /// Asks the servers for a moment, and forgets what they answered.
    pub(super) fn warm(&self, cx: &Cx, servers: &[Running]) -> Result<()> {
        let scenario = PerfScenario { duration: WARM, rate_max: None, ..self.scenario.clone() };
        let command = self.command(&scenario, servers);
        let ((), ended) = cx.beside(command.timeout(WARM + LONGER), |runs| wait(cx, runs, || ()))?;
        ended_well(ended.exit, &ended.output)
    }

    /// One run against these servers, for as long as it `goes_on`.
    ///
    /// # Errors
    ///
    /// Where k6 could not do its work, or measured nothing that could be believed. A threshold that was crossed is no error. Of kind
    /// [`Interrupted`](crate::ErrorKind::Interrupted) where it does not go on.
    pub(super) fn run(
        &self,
        cx: &Cx,
        side: Side,
        servers: &[Running],
        shown: &Shown,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Run> {
        let name = format!("run-{}-{side}", shown.number);
        let (samples, summary) = (self.scratch.file(&format!("{name}.csv")), format!("{name}.json"));
        let mut out = std::ffi::OsString::from("csv=");
        out.push(&samples);
        let command = self.command(self.scenario, servers).arg("--out").arg(out);
        let command = command.arg("--summary-export").arg(self.scratch.file(&summary));
        let command = command.timeout(self.scenario.duration + LONGER);
        let began = Instant::now();
        let mut watches: Vec<Watch<'_>> = servers.iter().map(Watch::new).collect();
        let ((), ended) = cx.beside(command, |runs| {
            wait(cx, &|| runs() && goes_on(), || {
                watches.iter_mut().for_each(Watch::look);
                let done = shown.before + began.elapsed().min(self.scenario.duration);
                cx.progress(done.as_secs(), shown.total.map(|total| total.as_secs()), "seconds of load");
            });
        })?;
        if !goes_on() {
            return Err(Error::interrupted());
        }
        let duration = began.elapsed();
        let servers = watches.into_iter().map(Watch::end).collect();
        let exported = self.scratch.read(&summary)?;
        if let Some(exported) = &exported {
            let kept = cx.output_folder().join("perf").join(&summary);
            files::write(&kept, cx.mask().text(exported).as_bytes())?;
        }
        ended_well(ended.exit, &ended.output)?;
        let broken = |reason: String| {
            let script = self.settings.script.display();
            let error = Error::problems(format!("`{script}` measured nothing: {reason}"));
            said(&ended.output).into_iter().fold(error, Error::cause)
        };
        let exported = exported.ok_or_else(|| broken("k6 wrote no summary".to_owned()))?;
        let summary = Summary::from_json(&exported).map_err(broken)?;
        if let Some(reason) = summary.unbelievable() {
            return Err(broken(reason));
        }
        let samples = read(&samples)?.map_err(broken)?;
        let latency = samples.together().ok_or_else(|| broken("no journey had an answer".to_owned()))?;
        Ok(Run {
            side,
            began_ms: milliseconds(began.saturating_duration_since(shown.start)),
            duration_ms: milliseconds(duration),
            requests: summary.requests,
            failed_rate: summary.failed_rate,
            journeys: summary.journeys,
            journeys_dropped: summary.journeys_dropped,
            checks_passed: summary.checks_passed,
            checks_failed: summary.checks_failed,
            latency,
            endpoints: samples.endpoints(),
            throughput: samples.throughput(),
            servers,
            crossed: summary.crossed(),
        })
    }

    /// `k6 run SCRIPT` with what the scenario says, and nothing that reaches beyond this machine.
    fn command(&self, scenario: &PerfScenario, servers: &[Running]) -> Command {
        let thresholds = serde_json::to_string(&scenario.thresholds).unwrap_or_default();
        let command = Command::new(&self.k6.program)
            .args(["run", "--quiet", "--no-color", "--no-usage-report", "--address", "127.0.0.1:0"])
            .arg(&self.settings.script)
            .env("DURATION", format!("{}ms", scenario.duration.as_millis()))
            .env("JOURNEY_RATE", scenario.rate.to_string())
            .env("JOURNEY_RATE_MAX", scenario.rate_max.unwrap_or(scenario.rate).to_string())
            .env("THRESHOLDS", thresholds)
            // The addresses that are asked are all on this machine: no proxy leads there.
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        servers.iter().fold(command, |command, server| command.env(&server.url_variable, &server.url))
    }
}

/// Waits until a command has ended, and looks now and then.
fn wait(cx: &Cx, runs: &dyn Fn() -> bool, mut look: impl FnMut()) {
    let mut due = Instant::now();
    while runs() && cx.check().is_ok() {
        if Instant::now() >= due {
            look();
            due += LOOK;
        }
        thread::sleep(PULSE);
    }
}

/// An error where k6 says that it could not do its work.
fn ended_well(exit: Exit, output: &str) -> Result<()> {
    let reason = match exit {
        Exit::Code(code) => match End::of(code) {
            End::Finished | End::Crossed => return Ok(()),
            End::Interrupted => return Err(Error::interrupted()),
            End::Broken(reason) => format!("{reason} (exit code {code})"),
        },
        Exit::TimedOut => "it ran out of time".to_owned(),
        exit => exit.to_string(),
    };
    Err(said(output).into_iter().fold(Error::problems(format!("k6 failed: {reason}")), Error::cause))
}

/// The last lines that k6 wrote, where it wrote some.
fn said(output: &str) -> Option<String> {
    let plain = text::strip(output);
    let lines: Vec<&str> = plain.trim().lines().collect();
    let last = &lines[lines.len().saturating_sub(6)..];
    (!last.is_empty()).then(|| last.join("\n"))
}

/// Reads the single measurements of a run, line by line, and takes the file away: it is the largest of all.
fn read(path: &Path) -> Result<Result<Samples, String>> {
    let failed = || format!("could not read `{}`", path.display());
    let mut lines = BufReader::new(File::open(path).context(failed)?).split(b'\n');
    let text = |line: std::io::Result<Vec<u8>>| -> Result<String> {
        Ok(String::from_utf8_lossy(&line.context(failed)?).into_owned())
    };
    let Some(head) = lines.next() else { return Ok(Err("k6 wrote no measurements".to_owned())) };
    let mut samples = match Samples::new(&text(head)?) {
        Ok(samples) => samples,
        Err(column) => return Ok(Err(format!("k6's measurements have no column `{column}`"))),
    };
    for line in lines {
        samples.push(&text(line)?);
    }
    files::remove(path)?;
    Ok(Ok(samples))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
