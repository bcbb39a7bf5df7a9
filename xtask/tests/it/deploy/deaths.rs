//! Deployers that die, or are told to end, at each point of the journal: just before a phase is written down, or just after.
//!
//! A program that stands in for kubectl passes everything on, and stops where the ledger is about to say that a phase has
//! begun, or has just said so. So the moment is the same one each time, however fast the machine is.

use std::fs;
use std::path::PathBuf;

use super::files::{AUTOSCALER, MIGRATION};
use super::load::Load;
use super::run::{Ran, Running};
use super::shop::{How, LIMIT, Shop, TEMPLATE};
use super::{long, nothing_lost, row};
use crate::cluster::harness::{Cluster, eventually};

/// `HERE` is the folder of the script, `KUBECTL` the program that it stands in for. It waits a minute at most, so that none is
/// left behind.
const STAND_IN: &str = r#"#!/bin/sh
case " $* " in
*" replace "* | *" create "*) ;;
*) exec KUBECTL "$@" ;;
esac
document=$(mktemp "HERE/document.XXXXXX")
cat >"$document"
reach() {
    : >HERE/reached
    waited=0
    while [ ! -e HERE/go ]; do
        [ "$waited" -lt 600 ] || exit 1
        waited=$((waited + 1))
        sleep 0.1
    done
}
is_the_one=false
if [ ! -e HERE/reached ] && grep -qF -f HERE/words "$document"; then is_the_one=true; fi
if $is_the_one && [ -e HERE/before ]; then reach; fi
KUBECTL "$@" <"$document"
code=$?
if $is_the_one && [ ! -e HERE/before ]; then reach; fi
exit "$code"
"#;

/// Where a deployer stops.
#[derive(Clone, Copy)]
struct Point {
    /// The phase, as the ledger has it.
    phase: &'static str,
    /// Whether that is written down by then.
    is_written: bool,
}

/// The phases of a release with all of them, but for the steps of a canary, in their order.
const PHASES: [&str; 10] = [
    "\"intended\"",
    "\"stated\"",
    "\"expanding\"",
    "\"floored\"",
    "\"staged\"",
    "\"promoting\"",
    "\"flipping\"",
    "\"verifying\"",
    "\"baking\"",
    "\"cleaning\"",
];

/// The phases of a canary.
const STEPS: [&str; 2] = [r#"{"exposed":0}"#, r#"{"exposed":1}"#];

/// The phases of the way back.
const BACK: [&str; 2] = ["\"reverting\"", "\"restoring\""];

impl Point {
    /// The point in words.
    fn words(self) -> String {
        let phase = self.phase.trim_matches('"');
        let phase = phase.strip_prefix(r#"{"exposed":"#).map_or(phase.to_owned(), |step| {
            let step: u8 = step.trim_end_matches('}').parse().unwrap();
            format!("exposed, step {}", step + 1)
        });
        format!("{} `{phase}` is written", if self.is_written { "after" } else { "before" })
    }

    /// Whether `recover` ends it forwards: the new release serves and is watched, and that goes on.
    fn is_in_the_bake(self) -> bool {
        self.phase == "\"cleaning\"" || self.phase == "\"baking\"" && self.is_written
    }
}

/// A deploy that stops at a point.
struct Stopped {
    running: Running,
    folder: tempfile::TempDir,
}

impl Stopped {
    /// Begins a deploy of `version`, with what is wrong with it, and waits until it has come so far.
    #[track_caller]
    fn at(shop: &Shop<'_>, point: Point, version: &str, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("stand-in").tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        let kubectl = which::which("kubectl").unwrap();
        let script = STAND_IN.replace("HERE", here).replace("KUBECTL", kubectl.to_str().unwrap());
        let program = folder.path().join("kubectl");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // The journal is a text in a text.
        let words = format!("\"phase\":{}", point.phase).replace('"', "\\\"");
        fs::write(folder.path().join("words"), words).unwrap();
        if !point.is_written {
            fs::write(folder.path().join("before"), "").unwrap();
        }
        let path = std::env::join_paths(
            [PathBuf::from(here)]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let path = path.unwrap();
        let variables = [variables, &[("VERSION", version), ("PATH", path.to_str().unwrap())]].concat();
        let running = shop.start(&["deploy", "--yes"], &variables);
        let reached = folder.path().join("reached");
        // A step of a canary takes two minutes.
        eventually(&point.words(), LIMIT * 3, || (reached.exists() || running.has_ended()).then_some(()));
        assert!(reached.exists(), "{} was never reached:\n{}", point.words(), running.said());
        Self { running, folder }
    }

    /// Kills it.
    fn kill(self) {
        self.running.kill();
    }

    /// Lets it go on, to its end.
    fn go(self) -> Ran {
        fs::write(self.folder.path().join("go"), "").unwrap();
        self.running.end()
    }
}

/// A shop whose release has every phase, with `one` in it.
fn shop<'c>(cluster: &'c Cluster, name: &str, how: How, bake: &str) -> Option<Shop<'c>> {
    let shop = Shop::new(cluster, name, how, "1s")?;
    shop.add(MIGRATION);
    // A phase with nothing to do is passed over: here one has a floor to raise, and one has settings of its own to write.
    shop.add(&AUTOSCALER.replace("minReplicas: 3", "minReplicas: 2"));
    shop.repository.edit(TEMPLATE, "LATENCY: ${LATENCY}\n", "LATENCY: ${LATENCY}\n  RELEASE: ${VERSION}\n");
    shop.deploy("one", &[]).expect(0, &[]);
    shop.bakes(bake);
    Some(shop)
}

/// At each point a deployer is killed, and `recover` ends what it has left.
fn recovered(shop: &Shop<'_>, points: &[&'static str], is_written: bool) {
    let load = shop.load();
    let mut serves = "one".to_owned();
    for (number, &phase) in points.iter().enumerate() {
        let point = Point { phase, is_written };
        let version = format!("dead-{number}");
        Stopped::at(shop, point, &version, &[]).kill();
        let ran = shop.xtask(&["recover"], &[]).expect(0, &[]);
        println!("{}", ran.text);
        if point.is_in_the_bake() {
            serves = version;
        }
        shop.serves(&serves);
        shop.is_at_rest();
        let outcome = format!("`{serves}` serves");
        row(&format!("killed {}, then `recover`", point.words()), &outcome, &ran, Some(&load.seen()));
    }
    nothing_lost(&load.end());
}

/// At each point a deployer is killed, and the same deploy by another process goes on.
fn resumed(shop: &Shop<'_>, points: &[&'static str], is_written: bool) {
    let load = shop.load();
    for (number, &phase) in points.iter().enumerate() {
        let point = Point { phase, is_written };
        let version = format!("new-{number}");
        Stopped::at(shop, point, &version, &[]).kill();
        let ran = shop.deploy(&version, &[]).expect(0, &[]);
        println!("{}", ran.text);
        shop.serves(&version);
        shop.is_at_rest();
        row(
            &format!("killed {}, then the same `deploy`", point.words()),
            "promoted",
            &ran,
            Some(&load.seen()),
        );
    }
    nothing_lost(&load.end());
}

#[test]
fn recover_ends_what_a_dead_deployer_has_written_down() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "after", How::Flip, "5s") else { return };
    recovered(&shop, &PHASES, true);
}

#[test]
fn recover_ends_what_a_dead_deployer_has_not_written_down() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "before", How::Flip, "5s") else { return };
    // Before the first phase is written, nothing is under way.
    recovered(&shop, &PHASES[1..], false);
}

#[test]
fn the_next_deploy_goes_on_with_what_a_dead_deployer_has_written_down() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "resumed", How::Flip, "5s") else { return };
    resumed(&shop, &PHASES, true);
}

#[test]
fn the_next_deploy_goes_on_with_what_a_dead_deployer_has_not_written_down() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "unwritten", How::Flip, "5s") else { return };
    resumed(&shop, &PHASES, false);
}

#[test]
fn a_canary_without_its_deployer_is_ended_or_gone_on_with() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "orphan", How::Canary, "5s") else { return };
    recovered(&shop, &STEPS, true);
    resumed(&shop, &STEPS[1..], true);
}

#[test]
fn a_way_back_that_was_begun_is_ended_by_whoever_comes_next() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "back", How::Flip, "5s") else { return };
    let bad = [("FAULT", "UNHEALTHY"), ("VALUE", "true")];
    let load = shop.load();
    for phase in BACK {
        for is_written in [false, true] {
            let point = Point { phase, is_written };
            Stopped::at(&shop, point, "bad", &bad).kill();
            let ran = shop.xtask(&["recover"], &[]).expect(0, &[]);
            println!("{}", ran.text);
            shop.serves("one");
            shop.is_at_rest();
            let scenario = format!("killed {}, then `recover`", point.words());
            row(&scenario, "`one` serves", &ran, Some(&load.seen()));
        }
    }
    nothing_lost(&load.end());
}

/// At each point somebody wants the release to end. It is the deployer who ends it.
fn aborted(shop: &Shop<'_>, load: &Load, points: &[&'static str]) {
    for &phase in points {
        let point = Point { phase, is_written: true };
        let stopped = Stopped::at(shop, point, "two", &[]);
        let abort = shop.start(&["abort", "--yes"], &[]);
        eventually("somebody has said so", LIMIT, || shop.is_to_end().then_some(()));
        let ran = stopped.go().expect(6, &[]);
        println!("{}", ran.text);
        abort.end().expect(0, &[]);
        shop.serves("one");
        shop.is_at_rest();
        row(&format!("`abort` {}", point.words()), "`one` serves", &ran, Some(&load.seen()));
    }
}

#[test]
fn a_release_is_aborted_in_each_of_its_phases() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "abort", How::Flip, "5s") else { return };
    let load = shop.load();
    let before = PHASES.iter().copied().filter(|phase| *phase != "\"cleaning\"");
    aborted(&shop, &load, &before.collect::<Vec<_>>());
    nothing_lost(&load.end());
}

#[test]
fn a_canary_is_aborted_in_each_of_its_steps() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = shop(cluster, "ejected", How::Canary, "5s") else { return };
    let load = shop.load();
    aborted(&shop, &load, &STEPS);
    nothing_lost(&load.end());
}
