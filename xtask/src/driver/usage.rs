//! What processes use of the machine, as `/proc` tells it (`proc_pid_stat(5)`, `proc_pid_status(5)`). Elsewhere than on Linux, nothing
//! is known.

use std::time::Duration;

/// What some processes have used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Used {
    /// Processor time, of the system on their behalf included, since each began.
    pub cpu: Duration,
    /// Resident memory now, in bytes. What they share is counted for each.
    pub memory: u64,
}

/// The parts of a second in which processor time is counted: `USER_HZ`, which is 100 on every architecture that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// The processes that were started with this variable and value, and what they have started.
///
/// A container's processes carry it as well, whoever is their parent. Those whose environment may not be read are not found.
pub fn marked(variable: &str, value: &str) -> Vec<u32> {
    let mark = format!("{variable}={value}");
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process: &u32| {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|line| line == mark.as_bytes())
        })
        .collect()
}

/// What these processes have used; `None` where none of them can be asked.
pub fn of(processes: &[u32]) -> Option<Used> {
    processes
        .iter()
        .filter_map(|process| of_one(*process))
        .reduce(|sum, one| Used { cpu: sum.cpu + one.cpu, memory: sum.memory + one.memory })
}

fn of_one(process: u32) -> Option<Used> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).ok();
    Some(Used { cpu: cpu(&read("stat")?)?, memory: memory(&read("status")?)? })
}

/// Processor time in user and kernel mode.
fn cpu(stat: &str) -> Option<Duration> {
    // The name stands in parentheses and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
    TICK.checked_mul(ticks(11)?.checked_add(ticks(12)?)?)
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_process_are_read_whatever_its_name() {
        let stat = "42 (a) b (c) S 7 42 41 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 12345 9 9";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(memory("Name:\tx\nVmRSS:\t    1024 kB\n"), Some(1 << 20));
        for broken in ["", "42 (x", "42 (x) S 1 2", "42 (x) S 1 2 3 4 5 6 7 8 9 10 x y"] {
            assert_eq!(cpu(broken), None, "{broken}");
        }
        assert_eq!((memory("Name:\tx"), memory("VmRSS:\t1 MB")), (None, None));
    }

    #[cfg(target_os = "linux")]
    #[expect(clippy::disallowed_methods, reason = "what is asked about has to run beside the question")]
    #[test]
    fn a_process_is_found_by_its_mark() {
        let mark = format!("{}", std::process::id());
        let mut child =
            std::process::Command::new("sleep").arg("60").env("XTASK_MARK", &mark).spawn().unwrap();
        // Between fork and exec, the environment is ours.
        let found = (0..500).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            Some(marked("XTASK_MARK", &mark)).filter(|found| !found.is_empty())
        });
        let used = of(&[child.id()]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Some(vec![child.id()]));
        assert!(used.is_some_and(|used| used.memory > 0));
        assert_eq!((of(&[]), of(&[child.id()])), (None, None));
    }
}
