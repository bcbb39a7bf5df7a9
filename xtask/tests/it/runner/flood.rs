//! A command that writes a gigabyte: all of it arrives, little of it is in memory.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use xtask::event::{Body, Event, Sink};
use xtask::{Command, Cx};

use crate::program;

const BYTES: u64 = 1 << 30;

/// The most that the process may need, in KiB; the flood is a hundred times as much.
const MEMORY_MAX: u64 = 40 << 10;

#[derive(Default)]
struct Seen(Mutex<(usize, String)>);

impl Sink for Seen {
    fn event(&self, event: &Event) {
        let mut seen = self.0.lock().unwrap();
        match &event.body {
            Body::Output { .. } => seen.0 += 1,
            Body::TaskFinished(end) => seen.1.clone_from(&end.output),
            _ => {}
        }
    }
}

/// Runs the flood as a task and prints what there is to say about it.
pub(crate) fn role() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Seen::default());
    let cx = Cx::builder(folder.path())
        .environment(xtask::driver::environment::Environment::new([
            ("PATH", std::env::var("PATH").unwrap()),
            ("MY_TOKEN", "nobody prints this".to_owned()),
        ]))
        .sink(seen.clone())
        .build();
    let script =
        format!("echo first; yes 'a line of a long, long output' | head -c {BYTES}; echo; echo last; exit 1");
    let start = Instant::now();
    let failure = cx.step("flood", |cx| cx.run(Command::new("sh").args(["-c", &script]))).unwrap_err();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(failure.message(), "`sh` ended with exit code 1");
    let log = std::fs::metadata(folder.path().join("target/xtask/logs/flood.log")).unwrap().len();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let (lines, excerpt) = &*seen.0.lock().unwrap();
    assert!(excerpt.lines().any(|line| line == "first") && excerpt.ends_with("\nlast\n"));
    assert!(excerpt.contains(" bytes left out …]\n") && excerpt.len() < 1 << 20);
    let mut report = format!("\nlog={log}\nlines={lines}\n");
    write!(report, "peak={}\nseconds={seconds:.1}", peak.trim().trim_end_matches(" kB")).unwrap();
    println!("{report}");
}

#[test]
fn a_flood_is_logged_whole_in_bounded_memory() {
    let output = program::start("flood").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let value =
        |name: &str| said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
    let number = |name: &str| value(name).parse::<u64>().unwrap();
    let frame = "first\n\nlast\n".len() as u64;
    let command = number("log") - BYTES - frame;
    assert!((10..200).contains(&command), "the log has {} bytes", number("log"));
    assert!(number("lines") >= 2_000, "{said}");
    assert!(number("peak") < MEMORY_MAX, "{said}");
}
