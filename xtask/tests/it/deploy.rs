//! Releases on a real cluster, under load: each scenario runs the program as its users do, and asserts how it ended, what serves
//! and how many requests were dropped. `docs/guides/test-cluster.md` says how to run them; each prints a line of the table there.

use std::time::Duration;

mod adoption;
mod back;
mod bad;
mod drift;
mod good;
mod load;
mod outage;
mod owner;
mod pause;
mod planned;
mod rights;
mod shop;
mod told;

use load::Seen;

/// Says that a machine is to run what takes minutes, too.
const LONG: &str = "XTASK_TEST_SCENARIOS";

/// Whether this scenario, which takes long, is to be run; says why where it is not.
fn long() -> bool {
    let wanted = std::env::var(LONG).is_ok_and(|value| value == "1");
    if !wanted {
        println!("skipped: it takes minutes; {LONG}=1 runs it (docs/guides/test-cluster.md)");
    }
    wanted
}

/// Prints a line of the table of scenarios.
fn row(scenario: &str, outcome: &str, took: Duration, seen: Option<&Seen>) {
    let requests = seen.map_or_else(|| "–".to_owned(), |seen| seen.requests().to_string());
    let dropped = seen.map_or_else(|| "–".to_owned(), |seen| seen.dropped.to_string());
    println!("| {scenario} | {outcome} | {:.1} s | {requests} | {dropped} |", took.as_secs_f64());
}

/// Asserts that every request was answered well.
#[track_caller]
fn nothing_lost(seen: &Seen) {
    assert_eq!((seen.dropped, seen.bad()), (0, 0), "{seen:?}");
    assert!(seen.requests() > 0, "somebody has asked");
}
