//! A second repository depends on the crate, composes its own pipeline, and runs it.

use std::path::Path;
use std::process::Command;

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

#[test]
fn another_repository_runs_its_own_task() {
    let listed = tiny(&["ci", "--list"]).expect(0).stdout;
    assert!(listed.contains("greet.world") && listed.contains("test.greeter"), "{listed}");
    let said = tiny(&["greet"]).expect(0);
    assert!(said.stdout.contains("greet.world"), "{}", said.all());
    assert!(said.stdout.ends_with("1 passed, 0 failed\n"), "{}", said.all());
}
