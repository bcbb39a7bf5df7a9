//! Releases that somebody holds where they are, from another process.

use std::time::{Duration, Instant};

use super::shop::{How, LIMIT, Shop};
use super::{long, nothing_lost, row};
use crate::cluster::harness::{Cluster, eventually};

/// The first step of a canary, in the words of the ledger.
const FIRST: &str = r#"{"exposed":0}"#;

/// Longer than the evidence of a step takes at the rate of the load: two minutes, and what a slow machine adds.
const ENOUGH: Duration = Duration::from_secs(200);

impl Shop<'_> {
    /// What `status` says once the owner has heard of the pause.
    #[track_caller]
    fn heard(&self) -> String {
        eventually("the owner hears of it", LIMIT, || {
            let said = self.xtask(&["status"], &[]).expect(0, &[]).text;
            said.contains("it waits until").then_some(said)
        })
    }
}

#[test]
fn a_canary_is_held_from_another_process_and_goes_on() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "pause", How::Canary, "2s") else { return };
    shop.xtask(&["pause", "--yes"], &[]).expect(5, &["no release is under way"]);
    shop.xtask(&["resume", "--yes"], &[]).expect(5, &["no release is under way"]);
    let load = shop.load();
    let deploy = shop.start_deploy("two", &[]);
    shop.until(FIRST);
    shop.xtask(&["resume", "--yes"], &[]).expect(5, &["`test-2` is not paused"]);
    shop.xtask(&["pause"], &[]).expect(5, &["nobody has agreed"]);
    let ran = shop
        .xtask(&["pause", "--yes", "--reason", "a look at the logs"], &[])
        .expect(0, &["test-2 was told to stay where it is"]);
    println!("{}", ran.text);
    let said = shop.heard();
    println!("{said}");
    assert!(said.contains(" by tester: a look at the logs"), "{said}");
    shop.xtask(&["pause", "--yes"], &[]).expect(5, &["`test-2` is paused already"]);

    let paused = Instant::now();
    while paused.elapsed() < ENOUGH {
        assert_eq!(shop.phase().as_deref(), Some(FIRST), "{}", deploy.said());
        std::thread::sleep(Duration::from_secs(5));
    }
    shop.xtask(&["resume", "--yes"], &[]).expect(0, &["test-2 was told to go on"]);
    shop.until(r#"{"exposed":1}"#);
    let said = shop.xtask(&["status"], &[]).expect(0, &[]).text;
    assert!(!said.contains("paused"), "{said}");

    // In the last step whoever lets it go on whatever the evidence says ends a pause, too.
    shop.xtask(&["pause", "--yes"], &[]).expect(0, &[]);
    shop.heard();
    shop.xtask(&["promote", "--full", "--yes"], &[]).expect(0, &[]);
    let words = [
        "paused by tester (a look at the logs): go on, or take it back?",
        "enough evidence for the next step",
    ];
    let ran = deploy.end().expect(0, &words);
    println!("{}", ran.text);
    shop.serves("two");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    row("a canary is paused, resumed and promoted from other processes", "promoted", &ran, Some(&seen));
    shop.xtask(&["pause", "--yes"], &[]).expect(5, &["no release is under way"]);
}

#[test]
fn a_pause_that_nobody_ends_ends_the_release() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "forgotten", How::Canary, "2s") else { return };
    shop.repository.edit("xtask.toml", "bake = \"2s\"", "bake = \"2s\"\npause-max = \"5s\"");
    let load = shop.load();
    let deploy = shop.start_deploy("two", &[]);
    // Before any user sees it: it is heard, and holds at the first step.
    shop.until("staged");
    let ran = shop.xtask(&["pause", "--yes"], &[]).expect(0, &["taken back after 5"]);
    println!("{}", ran.text);
    shop.heard();
    let ran = deploy.end().expect(6, &["it was paused, and nobody let it go on"]);
    println!("{}", ran.text);
    shop.serves("one");
    shop.is_at_rest();
    assert_eq!(shop.state("test-2"), "inconclusive");
    let seen = load.end();
    nothing_lost(&seen);
    row("a pause that nobody ends", "the release before serves", &ran, Some(&seen));
}

#[test]
fn what_has_no_canary_cannot_be_held() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "no-canary", How::Flip, "10m") else { return };
    let deploy = shop.start_deploy("two", &[]);
    shop.until("baking");
    shop.xtask(&["pause", "--yes"], &[])
        .expect(5, &["`test-2` has no step of a canary before it", "`cargo xtask rollback` takes it back"]);
    shop.xtask(&["rollback", "--yes"], &[]).expect(0, &[]);
    deploy.end().expect(6, &[]);
    shop.serves("one");
}
