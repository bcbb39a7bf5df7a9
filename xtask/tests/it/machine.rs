//! Machines that are not as they should be: read-only checkouts, full disks.
//!
//! The mounts live in a mount namespace of the program's own and go away with it. Making one needs root, as on the build
//! server's containers; elsewhere these tests say that they were skipped.

use std::process::{Command, Stdio};

use crate::repository::{Repository, Said};

/// Runs the program in `repository` after `prepare`, a shell script, has changed what it sees. `None` where that needs more
/// rights than there are.
fn in_namespace(repository: &Repository, prepare: &str, args: &[&str]) -> Option<Said> {
    let allowed = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !allowed.is_ok_and(|status| status.success()) {
        println!("skipped: making a mount namespace needs root");
        return None;
    }
    let inner = repository.command(args);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "sh", "-ec", &format!("{prepare}\ncd \"$PWD\"; exec \"$0\" \"$@\"")]);
    outer.arg(inner.get_program()).args(inner.get_args()).current_dir(repository.root());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    let output = outer.stdin(Stdio::null()).output().unwrap();
    Some(Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[test]
fn a_read_only_checkout_is_said_before_anything_runs() {
    let repository = Repository::rust();
    let prepare = "mount --bind . .; mount -o remount,bind,ro .";
    let Some(said) = in_namespace(&repository, prepare, &["test"]) else { return };
    let said = said.expect(4);
    assert!(said.stderr.contains("read-only"), "{}", said.all());
    assert!(said.stderr.contains("hint:"), "{}", said.all());
    assert!(!said.stdout.contains("passed"), "{}", said.all());
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let repository = Repository::rust();
    // Without stored results, which would not fit onto the disk before it is filled.
    repository.xtask(&["docs", "--no-cache"]).expect(0);
    let before = repository.read(".xtask/durations.json");
    // The state lies on a disk that has no room left; the records of the run can be written.
    let prepare = "cp -r .xtask /tmp/state.$$; mount -t tmpfs -o size=128k none .xtask; cp -r /tmp/state.$$/. .xtask; \
                   rm -r /tmp/state.$$; dd if=/dev/zero of=.xtask/fill bs=4k 2>/dev/null || true";
    let Some(said) = in_namespace(&repository, prepare, &["docs"]) else { return };
    assert!(said.all().contains("could not"), "{}", said.all());
    assert!(said.all().contains("make room on that disk"), "{}", said.all());
    assert_eq!(repository.read(".xtask/durations.json"), before);
    // The records themselves do not fit.
    let prepare = "mkdir -p target/xtask; mount -t tmpfs -o size=4k none target/xtask; \
                   dd if=/dev/zero of=target/xtask/fill bs=4k 2>/dev/null || true";
    let Some(said) = in_namespace(&repository, prepare, &["setup"]) else { return };
    let said = said.expect(4);
    assert!(said.stderr.contains("events.jsonl") && said.stderr.contains("make room"), "{}", said.all());
}
