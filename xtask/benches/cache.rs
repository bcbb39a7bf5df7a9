//! How long a run takes in which nothing, or one file, or everything has changed, beside turbo and ninja in equal repositories.
//!
//! `cargo bench -p xtask --profile dev --bench cache -- [PACKAGES…]` measures what people run with `cargo xtask`: each package has 20
//! files and three tasks. `turbo` and `ninja` are taken from `PATH`; one that is not there has no column of figures. Times are
//! wall time of the whole process, medians of runs in turn, so that a slow moment of the machine hits all. With `--json` each
//! figure is a line for `cargo xtask bench`, which keeps them.

#![expect(clippy::disallowed_methods, reason = "a benchmark starts its peers itself")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot run has nothing better to do")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use xtask::core::benchmark::{self, Figure, Unit};
use xtask::driver::environment::Environment;
use xtask::driver::platform;
use xtask::error::Style;
use xtask::pipeline::{Options, Pipeline};
use xtask::ui::{self, Mode};
use xtask::{Command, Cx, Footprint, Task};

/// Says that this process is a run of ours, and in which repository.
const ROOT: &str = "XTASK_BENCH_ROOT";

/// Runs of each; medians are shown.
const RUNS: usize = 7;

/// Repositories of each in which nothing has run; medians are shown. Where a run takes minutes there is one.
const COLD: usize = 3;

/// From how many packages on a run in which everything has changed takes minutes.
const MANY: usize = 2_000;

/// Cores that all may keep busy.
const JOBS: u32 = 2;

const KINDS: [&str; 3] = ["build", "lint", "test"];

fn main() {
    if let Some(root) = std::env::var_os(ROOT) {
        return run(Path::new(&root));
    }
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let counts = if asked.is_empty() { vec![2, 50, 500] } else { asked };
    // Not where a machine keeps all temporary files: the sandbox has a rule for each neighbour of the folders above.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let mut figures = Vec::new();
    for count in counts {
        let root = folder.path().join(count.to_string());
        measure(&mut figures, &root, count);
    }
    let as_lines = std::env::args().any(|argument| argument == "--json");
    print!("{}", benchmark::shown(&figures, as_lines).expect("times are numbers"));
}

/// A repository of that many packages.
fn generate(root: &Path, count: usize) {
    let write = |path: PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let mut ninja = "rule run\n  command = $do\n".to_owned();
    for package in 0..count {
        let folder = root.join(format!("packages/p{package}"));
        for file in 0..19 {
            write(
                folder.join(format!("src/f{file}.txt")),
                &format!("package {package} file {file}\n").repeat(20),
            );
        }
        let scripts: Vec<String> =
            KINDS.iter().map(|kind| format!("\"{kind}\": \"{}\"", script(kind))).collect();
        write(
            folder.join("package.json"),
            &format!(
                "{{\"name\": \"p{package}\", \"version\": \"1.0.0\", \"scripts\": {{{}}}}}",
                scripts.join(", ")
            ),
        );
        let sources: Vec<String> =
            (0..19).map(|file| format!("packages/p{package}/src/f{file}.txt")).collect();
        for kind in KINDS {
            let after =
                if kind == "build" { String::new() } else { format!(" || packages/p{package}/out/build") };
            let sources = sources.join(" ");
            writeln!(ninja, "build packages/p{package}/out/{kind}: run {sources}{after}")
                .expect("a string grows");
            writeln!(ninja, "  do = cd packages/p{package} && {}", script(kind)).expect("a string grows");
        }
    }
    write(root.join("build.ninja"), &ninja);
    write(
        root.join("package.json"),
        "{\"name\": \"root\", \"private\": true, \"packageManager\": \"npm@10.0.0\", \"workspaces\": [\"packages/*\"]}",
    );
    let mut lock = "{\"name\": \"root\", \"lockfileVersion\": 3, \"requires\": true, \"packages\": {\"\": {\"name\": \"root\", \"workspaces\": [\"packages/*\"]}".to_owned();
    for package in 0..count {
        write!(lock, ", \"node_modules/p{package}\": {{\"resolved\": \"packages/p{package}\", \"link\": true}}, \"packages/p{package}\": {{\"version\": \"1.0.0\"}}").expect("a string grows");
    }
    write(root.join("package-lock.json"), &(lock + "}}"));
    let tasks: Vec<String> = KINDS
        .iter()
        .map(|kind| {
            let after = if *kind == "build" { "" } else { "\"dependsOn\": [\"build\"], " };
            format!("\"{kind}\": {{{after}\"inputs\": [\"src/**\"], \"outputs\": [\"out/{kind}\"]}}")
        })
        .collect();
    write(root.join("turbo.json"), &format!("{{\"tasks\": {{{}}}}}", tasks.join(", ")));
    write(root.join(".gitignore"), "out/\n.turbo/\n.xtask/\ntarget/\n.ninja*\n");
    let git = |words: &[&str]| {
        let status = Process::new("git").args(words).current_dir(root).stdout(Stdio::null()).status();
        assert!(status.expect("git is there").success());
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "all"]);
}

fn script(kind: &str) -> String {
    format!("mkdir -p out && cat src/*.txt > out/{kind}")
}

/// One run of ours.
fn run(root: &Path) {
    let mut packages: Vec<String> = std::fs::read_dir(root.join("packages"))
        .expect("packages")
        .map(|entry| entry.expect("a package").file_name().into_string().expect("a name"))
        .collect();
    packages.sort_unstable();
    let tasks = packages.iter().flat_map(|package| {
        KINDS.iter().map(move |kind| {
            let folder = format!("packages/{package}");
            let command = Command::new("sh").args(["-c", &script(kind)]).cwd(&folder);
            let footprint =
                Footprint::new().reads([format!("{folder}/src")]).makes([format!("{folder}/out/{kind}")]);
            let task = Task::command(format!("{kind}.{package}"), command, footprint);
            task.after((*kind != "build").then(|| format!("build.{package}")))
        })
    });
    let human = ui::human(Mode::Plain, Style::PLAIN, Arc::new(ToString::to_string));
    let cx = Cx::builder(root).environment(Environment::of_this_process()).sink(human).build();
    let options = Options { jobs: Some(JOBS), command: "bench".to_owned(), ..Options::default() };
    let pipeline = Pipeline::new().extend(tasks);
    let end = pipeline.run(&cx, &options).expect("a run");
    // As the command line does.
    platform::give_back(pipeline);
    assert_eq!(end.exit_code, 0, "every task passes");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim();
    std::fs::write(root.join("target/xtask/peak"), peak).expect("a file");
}

/// A runner: its name, and how a run of it in a repository is started; `None` where it is not there.
type Runner = (&'static str, Option<Box<dyn Fn(&Path) -> Process>>);

fn measure(figures: &mut Vec<Figure>, root: &Path, count: usize) {
    let is_there = |name: &str| Process::new(name).arg("--version").stdout(Stdio::null()).status().is_ok();
    let ours = |root: &Path| {
        let mut process = Process::new(std::env::current_exe().expect("this program"));
        process.env(ROOT, root);
        process
    };
    let turbo = |_: &Path| {
        let mut process = Process::new("turbo");
        process.args([
            "run",
            "build",
            "lint",
            "test",
            "--output-logs=none",
            "--concurrency=2",
            "--no-daemon",
        ]);
        process.env("TURBO_TELEMETRY_DISABLED", "1").env("DO_NOT_TRACK", "1");
        process
    };
    let ninja = |_: &Path| {
        let mut process = Process::new("ninja");
        process.args(["-j", "2", "--quiet"]);
        process
    };
    let runners: [Runner; 3] = [
        ("xtask", Some(Box::new(ours))),
        ("turbo", is_there("turbo").then(|| Box::new(turbo) as _)),
        ("ninja", is_there("ninja").then(|| Box::new(ninja) as _)),
    ];
    // One that has files to make where another has them already would be at a loss.
    let of = |(name, _): &Runner, turn: usize| root.join(format!("{name}-{turn}"));
    let time = |runner: &Runner, turn: usize| {
        let (name, process) = runner;
        process.as_ref().map(|process| {
            let root = of(runner, turn);
            let mut process = process(&root);
            process.current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
            let start = Instant::now();
            assert!(process.status().expect("it starts").success(), "{name} runs");
            start.elapsed()
        })
    };
    let median = |mut times: Vec<Option<Duration>>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let mut row = |what: &str, times: [Option<Duration>; 3]| {
        let case = format!("{count} packages, {what}");
        for ((side, _), time) in runners.iter().zip(times) {
            figures.push(match time {
                Some(time) => Figure::measured(&case, *side, time.as_secs_f64() * 1e3, Unit::Milliseconds),
                None => Figure::absent(&case, *side, format!("`{side}` is not on PATH")),
            });
        }
        let peak = std::fs::read_to_string(of(&runners[0], 0).join("target/xtask/peak")).unwrap_or_default();
        let kib = peak.strip_suffix(" kB").and_then(|kib| kib.parse::<f64>().ok());
        let case = format!("{case}, peak memory");
        figures.extend(kib.map(|kib| Figure::measured(case, "xtask", kib * 1024.0, Unit::Bytes)));
    };
    let mut cold: [Vec<Option<Duration>>; 3] = Default::default();
    let turns = if count < MANY { COLD } else { 1 };
    for turn in 0..turns {
        for (times, runner) in cold.iter_mut().zip(&runners) {
            if turn == 0 || runner.0 != "turbo" {
                generate(&of(runner, turn), count);
                // What was generated is not to be written to the disk meanwhile.
                Process::new("sync").status().expect("sync is there");
                times.push(time(runner, turn));
            }
        }
    }
    row("cold", cold.map(median));
    // The second run reads again what was written in the moment in which it was looked at.
    let medians = |before: &dyn Fn(usize)| {
        let mut all: [Vec<Option<Duration>>; 3] = Default::default();
        for turn in 0..=RUNS {
            for (times, runner) in all.iter_mut().zip(&runners) {
                before(turn);
                times.push(time(runner, 0));
            }
        }
        all.map(|mut times| {
            times.remove(0);
            median(times)
        })
    };
    row("nothing changed", medians(&|_| {}));
    let edits = std::cell::Cell::new(0);
    let edit = |_: usize| {
        edits.set(edits.get() + 1);
        for runner in &runners {
            let path = of(runner, 0).join("packages/p0/src/f0.txt");
            std::fs::write(path, format!("edit {}\n", edits.get())).expect("a file");
        }
    };
    row("one file changed", medians(&edit));
}
