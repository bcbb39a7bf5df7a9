//! Releases on a real cluster, under load: each scenario runs the program as its users do, and asserts how it ended, what serves
//! and how many requests were dropped. `docs/guides/test-cluster.md` says how to run them; each prints a line of the table there.

use std::fs::File;
use std::io::Write as _;

mod adoption;
mod back;
mod bad;
mod database;
mod deaths;
mod drift;
mod eks;
mod files;
mod good;
mod load;
mod outage;
mod own;
mod owner;
mod pause;
mod people;
mod planned;
mod repair;
mod rights;
mod rules;
mod run;
mod shop;
mod size;
mod told;
mod whole;

use load::Seen;
use run::Ran;

/// Says that a machine is to run what takes minutes, too: `1`; and, with `all`, what takes as long as a release does.
const LONG: &str = "XTASK_TEST_SCENARIOS";

/// Names a file to which each scenario adds its line of the table.
const TABLE: &str = "XTASK_TEST_TABLE";

/// Whether this scenario, which takes minutes, is to be run; says why where it is not.
pub(crate) fn long() -> bool {
    wanted(&["1", "all"], "it takes minutes")
}

/// Whether this scenario, which takes as long as a release with the windows that people have, is to be run; says why where it
/// is not.
fn as_long_as_it_takes() -> bool {
    wanted(&["all"], "it takes most of an hour")
}

fn wanted(values: &[&str], reason: &str) -> bool {
    let wanted = std::env::var(LONG).is_ok_and(|value| values.contains(&value.as_str()));
    if !wanted {
        println!("skipped: {reason}; {LONG}={} runs it (docs/guides/test-cluster.md)", values[0]);
    }
    wanted
}

/// Prints a line of the table of scenarios.
fn row(scenario: &str, outcome: &str, ran: &Ran, seen: Option<&Seen>) {
    let requests = seen.map_or_else(|| "–".to_owned(), |seen| seen.requests().to_string());
    let dropped = seen.map_or_else(|| "–".to_owned(), |seen| seen.dropped.to_string());
    let (code, took) = (ran.code, ran.took.as_secs_f64());
    let line = format!("| {scenario} | {outcome} | {code} | {took:.1} s | {requests} | {dropped} |\n");
    print!("{line}");
    if let Some(path) = std::env::var_os(TABLE) {
        // In one piece: several scenarios may end at the same time.
        File::options().create(true).append(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// Asserts that every request was answered well.
#[track_caller]
fn nothing_lost(seen: &Seen) {
    assert_eq!((seen.dropped, seen.bad()), (0, 0), "{seen:?}");
    assert!(seen.requests() > 0, "somebody has asked");
}
