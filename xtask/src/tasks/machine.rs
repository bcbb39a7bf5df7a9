//! What tells this machine from others.

use std::thread;

use crate::core::fingerprint::Digest;
use crate::core::perf::machine::Machine;
use crate::driver::platform;

/// This machine, with k6 of that version; without one, where it is not k6 that measures.
pub(super) fn of(k6: &str) -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kib: u64 = memory.strip_suffix("kB").and_then(|kib| kib.trim().parse().ok()).unwrap_or(0);
    // A machine that was made from an image of another has its identity, but starts at another time.
    let identity =
        [read("/etc/machine-id"), read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id")];
    Machine {
        identity: Digest::of(identity.concat().as_bytes()).to_string(),
        system: platform::name(),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        processor: field(&read("/proc/cpuinfo"), "model name"),
        cores: thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        memory_bytes: kib.saturating_mul(1024),
        k6: k6.to_owned(),
    }
}
