//! What the scheduler costs and how well it packs, beside ninja on the same graphs in the same run.
//!
//! `cargo bench -p xtask --profile dev --bench schedule` measures what people run with `cargo xtask`. Figures are medians; a
//! ratio to ninja says more than a time, because machines differ. Beside both stands what nobody can beat: bare spawns, and
//! the longer of the critical path and the work on all cores. `quick` takes a tenth of the tasks; with `--json` each figure is
//! a line for `cargo xtask bench`, which keeps them.

#![expect(clippy::disallowed_methods, reason = "a benchmark starts its peer itself")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing better to do")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use xtask::core::benchmark::{self, Figure, Unit};
use xtask::core::graph::{Graph, Node, TaskId};
use xtask::driver::environment::Environment;
use xtask::pipeline::{Options, Pipeline};
use xtask::{Command, Cx, Task};

/// Cores that both runners may keep busy.
const JOBS: u32 = 2;

/// What the sides are called.
const OURS: &str = "xtask";
/// See [`OURS`].
const NINJA: &str = "ninja";
/// See [`OURS`].
const BOUND: &str = "what nobody can beat";

/// Runs of each side; medians are shown.
const RUNS: usize = 5;

/// A task of a generated graph: what it waits for, and how long it sleeps.
struct Planned {
    after: Vec<usize>,
    sleep: Duration,
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let is_asked_for = |word: &str| std::env::args().any(|argument| argument == word);
    let share = if is_asked_for("quick") { 10 } else { 1 };
    let (many, few) = (1000 / share, 120 / share);
    let figures = &mut Vec::new();
    trivial(figures, folder.path(), &format!("{many} trivial tasks, independent"), &independent(many));
    let layers = layered(many, 20, Duration::ZERO);
    trivial(figures, folder.path(), &format!("{many} trivial tasks, {} layers", many / 20), &layers);
    let name = format!("{few} sleeps of 10 to 200 ms, layers of 10");
    packing(figures, folder.path(), &name, &sleeping(few, 10));
    figures.push(Figure::measured("peak memory", OURS, peak_memory(), Unit::Bytes));
    print!("{}", benchmark::shown(figures, is_asked_for("--json")).expect("times are numbers"));
}

fn independent(count: usize) -> Vec<Planned> {
    (0..count).map(|_| Planned { after: Vec::new(), sleep: Duration::ZERO }).collect()
}

/// Each task waits for two of the layer before.
fn layered(count: usize, width: usize, sleep: Duration) -> Vec<Planned> {
    let task = |position: usize| {
        let layer = position / width;
        let before = |offset: usize| (layer - 1) * width + (position + offset) % width;
        let after = if layer == 0 { Vec::new() } else { vec![before(0), before(7 % width)] };
        Planned { after, sleep }
    };
    (0..count).map(task).collect()
}

/// Layers of tasks whose lengths differ by a factor of twenty, always the same ones.
fn sleeping(count: usize, width: usize) -> Vec<Planned> {
    let mut state = 0x9E37_79B9_u32;
    let mut tasks = layered(count, width, Duration::ZERO);
    for task in &mut tasks {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        task.sleep = Duration::from_millis(10 + u64::from(state >> 16) % 191);
        task.after.dedup();
    }
    tasks
}

/// Both runners start one `true` for each task: the difference is what they add.
fn trivial(figures: &mut Vec<Figure>, folder: &Path, name: &str, tasks: &[Planned]) {
    let times = measure(folder, tasks);
    let bare = median((0..RUNS).map(|_| bare_spawns(tasks.len())).collect());
    row(figures, name, times, bare);
}

/// How close the makespan comes to the bound that no schedule can beat.
fn packing(figures: &mut Vec<Figure>, folder: &Path, name: &str, tasks: &[Planned]) {
    let times = measure(folder, tasks);
    let nodes = tasks.iter().enumerate().map(|(position, task)| Node {
        after: task.after.iter().map(|&other| id(other)).collect(),
        ..Node::new(id(position))
    });
    let graph = Graph::new(nodes.collect()).expect("a graph");
    let path: Duration =
        graph.critical_path(|task| tasks[task].sleep).iter().map(|&task| tasks[task].sleep).sum();
    let work: Duration = tasks.iter().map(|task| task.sleep).sum();
    row(figures, name, times, path.max(work / JOBS));
}

fn row(figures: &mut Vec<Figure>, name: &str, (ours, ninja): (Duration, Option<Duration>), bound: Duration) {
    let of = |side: &str, time: Duration| {
        Figure::measured(name, side, time.as_secs_f64() * 1e3, Unit::Milliseconds)
    };
    figures.push(of(OURS, ours));
    figures.push(match ninja {
        Some(time) => of(NINJA, time),
        None => Figure::absent(name, NINJA, "`ninja` is not on PATH"),
    });
    figures.push(of(BOUND, bound));
}

/// Medians of both, run in turn so that a slow moment of the machine hits both. The first of each is not counted: it teaches
/// xtask how long the tasks take, and fills caches.
fn measure(folder: &Path, tasks: &[Planned]) -> (Duration, Option<Duration>) {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let root = folder.join("xtask");
    for run in 0..=RUNS {
        let (a, b) = (run_xtask(&root, tasks), run_ninja(folder, tasks));
        if run > 0 {
            ours.push(a);
            theirs.extend(b);
        }
    }
    std::fs::remove_dir_all(&root).expect("the folder was made by the runs");
    (median(ours), (!theirs.is_empty()).then(|| median(theirs)))
}

fn run_xtask(root: &Path, tasks: &[Planned]) -> Duration {
    std::fs::create_dir_all(root).expect("a folder");
    let work = |task: &Planned| {
        let sleep = task.sleep;
        move |cx: &Cx| cx.run(command(sleep))
    };
    let pipeline = Pipeline::new().extend(tasks.iter().enumerate().map(|(position, task)| {
        Task::new(id(position).as_str(), work(task))
            .after(task.after.iter().map(|&other| id(other).to_string()))
    }));
    let start = Instant::now();
    let cx = Cx::builder(root).environment(Environment::of_this_process()).build();
    let options = Options { jobs: Some(JOBS), command: "bench".to_owned(), ..Options::default() };
    let end = pipeline.run(&cx, &options).expect("a run");
    assert_eq!(end.exit_code, 0, "every task passes");
    start.elapsed()
}

fn command(sleep: Duration) -> Command {
    if sleep.is_zero() {
        Command::new("true")
    } else {
        Command::new("sleep").arg(sleep.as_secs_f64().to_string())
    }
}

/// Nothing where ninja is not there.
fn run_ninja(folder: &Path, tasks: &[Planned]) -> Option<Duration> {
    let mut file = "rule run\n  command = $do\n".to_owned();
    for (position, task) in tasks.iter().enumerate() {
        let after: Vec<String> = task.after.iter().map(|&other| id(other).to_string()).collect();
        // Phony inputs: ninja must run everything each time, as xtask does.
        writeln!(file, "build {}: run {} always", id(position), after.join(" ")).expect("a string grows");
        writeln!(file, "  do = {}", command(task.sleep)).expect("a string grows");
    }
    file.push_str("build always: phony\n");
    std::fs::write(folder.join("build.ninja"), file).expect("a file");
    let start = Instant::now();
    let status = Process::new("ninja")
        .args(["-j", &JOBS.to_string(), "--quiet"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .ok()?;
    assert!(status.success(), "ninja runs the same graph");
    Some(start.elapsed())
}

/// The same number of processes, started by a loop on as many threads: what no runner can avoid.
fn bare_spawns(count: usize) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..JOBS as usize {
            scope.spawn(move || {
                for _ in (thread..count).step_by(JOBS as usize) {
                    let status = Process::new("true").stdin(Stdio::null()).stdout(Stdio::piped()).output();
                    assert!(status.expect("true is there").status.success());
                }
            });
        }
    });
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn id(position: usize) -> TaskId {
    TaskId::new(&format!("t{position}")).expect("a task id")
}

/// In bytes.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) * 1024.0
}
