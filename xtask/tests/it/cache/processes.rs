//! Failures, interruptions, several runs at once.

use std::fs;

use super::Workshop;
use crate::program::wait_until;

#[test]
fn a_failed_task_is_not_done() {
    let script =
        "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\necho half > out/result\ntest -e in/fixed\n";
    let shop = Workshop::with(super::CONFIGURATION, script);
    for _ in 0..2 {
        shop.ci().expect(1);
        assert_eq!(shop.runs(), 1);
    }
    shop.repository.write("in/fixed", "");
    shop.makes_anew();
    fs::remove_file(shop.path("in/fixed")).unwrap();
    shop.ci().expect(1);
    assert_eq!(shop.runs(), 1, "a failure after a success is one");
}

/// A task that takes its time, the first time.
const SLOW: &str = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\necho half > out/result\ntest -e \"$RUNS/fast\" || sleep 20\ncat in/a > out/result\n";

#[test]
fn the_runner_killed_in_the_middle() {
    let shop = Workshop::with(super::CONFIGURATION, SLOW);
    let mut child = shop.start();
    wait_until("it is at work", || shop.path("out/result").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(shop.runs_folder().join("fast"), "").unwrap();
    shop.runs();
    assert!(shop.ran(), "what was killed is not done");
    assert_eq!(shop.repository.read("out/result"), "one\n");
}

#[test]
fn interrupted_is_never_green_and_stores_nothing() {
    let shop = Workshop::with(super::CONFIGURATION, SLOW);
    let mut child = shop.start();
    wait_until("it is at work", || shop.path("out/result").exists());
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    fs::write(shop.runs_folder().join("fast"), "").unwrap();
    shop.runs();
    assert!(shop.ran());
    assert_eq!(shop.repository.read("out/result"), "one\n");
}

#[test]
fn two_worktrees_at_once_do_the_work_once() {
    let script = "set -eu\necho run >> \"$RUNS/runs\"\nmkdir -p out\nsleep 1\ncat in/a > out/result\n";
    let shop = Workshop::with(super::CONFIGURATION, script);
    let other = shop.worktree();
    let mut both = [shop.start(), shop.start_in(&other)];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(shop.runs(), 1);
    for root in [shop.repository.root(), other.root()] {
        assert_eq!(fs::read_to_string(root.join("out/result")).unwrap(), "one\n");
    }
}

#[test]
fn a_worktree_finds_what_another_one_made() {
    let shop = Workshop::new();
    let other = shop.worktree();
    assert!(shop.ran());
    let mut child = shop.start_in(&other);
    assert!(child.wait().unwrap().success());
    assert_eq!(shop.runs(), 0);
    assert_eq!(other.read("out/result"), shop.repository.read("out/result"));
}

#[test]
fn forced_and_without_cache() {
    let shop = Workshop::new();
    shop.settle();
    let run = |args: &[&str]| {
        shop.ci_with(args, &[]).expect(0);
        shop.runs()
    };
    assert_eq!((run(&["--force", "make"]), run(&["--no-cache"]), run(&[])), (1, 1, 0));
    assert_eq!(run(&["--force", "nothing.else"]), 0);
}
