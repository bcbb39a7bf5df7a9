//! What differs between Linux and macOS, each behind one function.

/// The memory that could be used without swapping, in bytes; `None` where the system does not say.
pub fn memory_available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Seconds since 1970-01-01T00:00:00Z by this machine's clock; 0 where it is set before that.
pub fn unix_time() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs())
}
