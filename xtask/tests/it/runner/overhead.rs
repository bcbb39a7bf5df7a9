//! What running a command costs beside the command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use xtask::driver::cancel::Cancel;
use xtask::driver::process::{Processes, Request, Runner as _};
use xtask::driver::sandbox::Sandbox;

use super::request;

const RUNS: u32 = 1000;

/// Prints what a trivial command costs, with the standard library alone, with [`Processes`], and in a sandbox.
///
/// `XTASK_TEST_ROLE=overhead cargo test --test it -- --exact program::program --nocapture`
pub(crate) fn role() {
    let request = request("/bin/true", &[]);
    let plain = || {
        std::process::Command::new("/bin/true").env_clear().envs(&request.env).output().unwrap();
    };
    let start = Instant::now();
    let processes = Processes::new(Cancel::default());
    processes.run(&request, &mut |_, _| {}).unwrap();
    println!("first command: {:?}", start.elapsed());
    let root = std::env::current_dir().unwrap();
    let sandbox = Sandbox::new(&root, ["src", "tests", "Cargo.toml"].map(Into::into)).unwrap();
    let confined = Request { sandbox: Some(Arc::new(sandbox)), ..super::request("/bin/true", &[]) };
    for _ in 0..3 {
        let plain = time(plain);
        let ours = time(|| {
            processes.run(&request, &mut |_, _| {}).unwrap();
        });
        let sandboxed = time(|| {
            processes.run(&confined, &mut |_, _| {}).unwrap();
        });
        println!("a command: {plain:?} plain, {ours:?} ours, {sandboxed:?} in a sandbox");
    }
}

fn time(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..RUNS).for_each(|_| work());
    start.elapsed() / RUNS
}
