//! The simulated cluster and a real one, told the same: what the release machine sees of both has to be the same.
//!
//! A situation is a script of writes as the machine makes them, of what people and nodes do, and of what is waited for. Both
//! clusters play it; the looks in between, as the machine gets them, come to a normal form ([`form`]) without times and names.
//! `parity/situations.txt` holds it for the simulated cluster. Where the real one shows something else on the way, the situation
//! says why, and both have to end alike. `docs/simulation.md` has the table.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use expect_test::expect_file;

use crate::cluster::harness::Cluster;

mod form;
mod objects;
mod play;
mod real;
mod simulated;
mod situations;

use situations::{Situation, all};

/// How many situations a real cluster plays at the same time.
const AT_ONCE: usize = 4;

/// The last state of a normal form.
fn end(form: &str) -> Option<&str> {
    form.lines().rfind(|line| !line.starts_with("  >"))
}

/// The normal forms under the names of their situations.
fn text(forms: &[(&str, String)]) -> String {
    forms.iter().flat_map(|(name, form)| [name, "\n", form, "\n"]).collect()
}

#[test]
fn the_simulated_cluster_plays_each_situation_as_it_is_written_down() {
    let forms: Vec<_> = all().iter().map(|situation| (situation.name, simulated::play(situation))).collect();
    expect_file!["parity/situations.txt"].assert_eq(&text(&forms));
}

#[test]
fn the_real_cluster_shows_what_the_simulated_one_shows() {
    let Some(cluster) = Cluster::get().filter(|_| crate::deploy::long()) else { return };
    // Once: two who push the same layer at the same time are in each other's way.
    let Some(digest) = cluster.push_application("parity/app:v1", "image") else { return };
    let image = format!("ghcr.io/parity/app@{digest}");
    let situations = all();
    let only = std::env::var("XTASK_TEST_SITUATION").ok();
    let wanted =
        |situation: &&Situation| only.as_ref().is_none_or(|only| situation.name.contains(only.as_str()));
    let left = Mutex::new(situations.iter().filter(wanted).collect::<Vec<_>>());
    let shown = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(situation) = left.lock().unwrap().pop() else { return };
                    let form = real::play(cluster, situation, &image);
                    println!("{}\n{form}", situation.name);
                    shown.lock().unwrap().insert(situation.name, form);
                }
            });
        }
    });
    let shown = shown.into_inner().unwrap();
    assert_eq!(shown.len(), situations.iter().filter(wanted).count(), "each was played");
    let mut unlike = Vec::new();
    for situation in situations.iter().filter(wanted) {
        let (real, simulated) = (&shown[situation.name], simulated::play(situation));
        let is_alike = match situation.differs {
            None => *real == simulated,
            Some(_) => end(real) == end(&simulated),
        };
        if !is_alike {
            unlike.push(format!("{}\n--- simulated\n{simulated}--- real\n{real}", situation.name));
        }
    }
    assert!(unlike.is_empty(), "{} situations differ\n\n{}", unlike.len(), unlike.join("\n"));
}

#[test]
fn the_table_of_situations_is_in_the_documentation() {
    let documentation = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulation.md");
    let documentation = std::fs::read_to_string(documentation).unwrap();
    for situation in all() {
        let line = format!("| {} | {} |\n", situation.name, situation.differs.unwrap_or("the same"));
        assert!(documentation.contains(&line), "docs/simulation.md lacks\n{line}");
    }
}
