//! How long it takes to judge many findings of one gate, and to write them as SARIF: `cargo bench -p xtask-core --profile dev
//! --bench findings -- COUNT`, in the profile that `cargo xtask` runs with. Without a number, 50,000.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use xtask_core::finding::identity::Sources;
use xtask_core::finding::weakness::{Level, Weakness};
use xtask_core::finding::{Finding, Location};
use xtask_core::gate::{Coverage, Look};
use xtask_core::judgement::{self, Baseline, Policy, Unfixed};
use xtask_core::sarif;

/// Findings of a run without arguments.
const COUNT: u32 = 50_000;

/// A finding like those of a linter: ten to a file, a few rules, a message and help.
fn finding(number: u32) -> Finding {
    let levels = [Level::Low, Level::Medium, Level::High, Level::Critical];
    let level = levels[number as usize % levels.len()];
    let location =
        Location::at(format!("src/part_{}/file.py", number / 10), Some(number % 10 * 7 + 1), Some(5));
    Finding {
        rule: format!("S{}", 100 + number % 70),
        location: Some(location),
        help: Some("read it from the environment, or have it given".to_owned()),
        weakness: Some(Box::new(Weakness { level, ..Weakness::default() })),
        ..Finding::error("ruff", format!("possible hardcoded password number {number} in an assignment"))
    }
}

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let asked = std::env::args().skip(1).find(|argument| argument != "--bench");
    let Ok(count) = asked.as_deref().map_or(Ok(COUNT), str::parse) else {
        eprintln!("the only argument is a number of findings");
        return ExitCode::FAILURE;
    };
    let baseline = Baseline::default();
    let policy = Policy {
        gate: "security.backend",
        level: Level::High,
        unfixed: Unfixed::Fail,
        feed_age_max: Duration::from_hours(24),
        waivers: &[],
        baseline: &baseline,
        accepts: false,
        now: 0,
    };
    let look = Look::at("ruff", Coverage::new(count as usize / 10, "file")).found((0..count).map(finding));
    let start = Instant::now();
    let judged = judgement::judge(vec![look], &policy, &Sources::new([]));
    let to_judge = start.elapsed();
    let start = Instant::now();
    let tool = sarif::Tool { name: "ruff", accounts: &judged.accounts, findings: &judged.findings };
    let written = sarif::write(&tool);
    let to_write = start.elapsed();
    println!(
        "{count} findings: judged in {} ms; written in {} ms: {} bytes, {} left out",
        to_judge.as_millis(),
        to_write.as_millis(),
        written.text.len(),
        written.left_out
    );
    ExitCode::SUCCESS
}
