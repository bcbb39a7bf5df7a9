//! A second repository depends on the crate, composes its own pipeline, and runs it.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::repository::{Repository, Said};

/// Runs `cargo xtask` in the repository under `testdata/tiny`, built beside this crate's own artifacts: the dependencies
/// that both share are compiled once.
fn tiny(args: &[&str]) -> Said {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tiny");
    let target = Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).unwrap().to_owned();
    let mut command: Command = Repository::at(&root).command(&[]);
    let environment: Vec<_> =
        command.get_envs().map(|(n, v)| (n.to_owned(), v.map(ToOwned::to_owned))).collect();
    command = Command::new(env!("CARGO"));
    command.args(["xtask"]).args(args).current_dir(&root).env_clear();
    command.envs(environment.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
    let output = command.env("CARGO_TARGET_DIR", target).output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A run throws away the reports of the one before, so that whoever reads them is alone in that repository.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn another_repository_runs_its_own_task() {
    let _alone = alone();
    let listed = tiny(&["ci", "--list"]).expect(0).stdout;
    assert!(listed.contains("greet.world") && listed.contains("test.greeter"), "{listed}");
    let said = tiny(&["greet"]).expect(0);
    assert!(said.stdout.contains("greet.world"), "{}", said.all());
    assert!(said.stdout.ends_with("1 passed, 0 failed\n"), "{}", said.all());
}

#[test]
fn a_gate_that_could_not_look_fails_a_strict_run_alone() {
    let _alone = alone();
    let usual = tiny(&["ci", "security.greeter"]).expect(0).stdout;
    assert!(usual.contains("clean: security.greeter: census looked at 1 greeter\n"), "{usual}");
    assert!(usual.contains("could not look: security.greeter: oracle: nobody knows the future\n"), "{usual}");
    assert!(usual.ends_with("\n1 gate could not look: security.greeter (oracle)\n"), "{usual}");
    let strict = tiny(&["ci", "security.greeter", "--strict"]).expect(4);
    assert!(strict.stdout.contains("error: `oracle` could not look\n"), "{}", strict.all());
    let sarif = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tiny/target/xtask/sarif/oracle.sarif");
    assert!(std::fs::read_to_string(sarif).unwrap().contains("nobody knows the future"));
    let offline = tiny(&["ci", "security.greeter", "--offline"]).expect(0).stdout;
    assert!(offline.contains("note: offline: nothing is asked of the network"), "{offline}");
    let refused = tiny(&["ci", "security.greeter", "--write-baseline"]).expect(2);
    assert!(refused.stderr.contains("`--write-baseline` needs a file to write to"), "{}", refused.all());
}
