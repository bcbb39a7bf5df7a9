//! Any sequence of edits, runs, failures, damage, pruning and runs side by side leaves what a run without a cache would.
//!
//! Two tasks in a row work on a few files; a sequence of steps is made from a seed. After each run that passed, everything that
//! the tasks make is compared with what it must be, computed from the inputs alone; before it, what the plan says is certain is
//! compared with what the run then does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use xtask::config::Config;
use xtask::core::simulation::random::Random;
use xtask::driver::cache::{Store, place};
use xtask::event::{Reuse, RunEnd};
use xtask::pipeline::{Caching, Options};
use xtask::{Cx, Error, Footprint, Pipeline, Task};

/// How many sequences are played; each has up to [`STEPS`] steps.
const SEQUENCES: u64 = 1_000;

const STEPS: u64 = 14;

/// Names of inputs.
const NAMES: [&str; 4] = ["a", "b", "deep/c", "deep/d"];

/// Contents, some of the same size.
const CONTENTS: [&str; 5] = ["", "1", "2", "two words", "TWO WORDS"];

/// What stands in a folder: kind, mode of files, content or target.
type Tree = BTreeMap<PathBuf, (char, u32, String)>;

fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in walkdir::WalkDir::new(folder).min_depth(1).into_iter().filter_map(Result::ok) {
        let path = entry.path().strip_prefix(folder).unwrap().to_owned();
        let kind = entry.file_type();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let is_empty = || fs::read_dir(entry.path()).unwrap().next().is_none();
        if kind.is_symlink() {
            let target = fs::read_link(entry.path()).unwrap().display().to_string();
            tree.insert(path, ('l', 0, target));
        } else if kind.is_file() {
            tree.insert(path, ('f', mode, fs::read_to_string(entry.path()).unwrap()));
        } else if is_empty() {
            tree.insert(path, ('d', mode, String::new()));
        }
    }
    tree
}

/// What the first task makes of the inputs: a copy in which every file is executable if it is one, and a list of all.
fn first(root: &Path) -> Result<(), std::io::Error> {
    let (from, to) = (root.join("in"), root.join("out/first"));
    let all = tree(&from);
    for (path, (kind, mode, content)) in &all {
        let target = to.join(path);
        fs::create_dir_all(target.parent().unwrap())?;
        match kind {
            'f' => {
                fs::write(&target, content.to_uppercase())?;
                let executable = mode & 0o100 != 0;
                fs::set_permissions(
                    &target,
                    fs::Permissions::from_mode(if executable { 0o755 } else { 0o640 }),
                )?;
            }
            'l' => symlink(content, &target)?,
            _ => fs::create_dir_all(&target)?,
        }
    }
    fs::create_dir_all(&to)?;
    fs::write(to.join("list"), format!("{:?}", all.keys().collect::<Vec<_>>()))
}

/// What the second task makes of what the first one has made, and of another file.
fn second(root: &Path) -> Result<(), std::io::Error> {
    let made =
        format!("{:?}{:?}", tree(&root.join("out/first")), fs::read_to_string(root.join("other")).ok());
    fs::create_dir_all(root.join("out/second"))?;
    fs::write(root.join("out/second/sum"), &made)?;
    // More than what stands in the entry of a result.
    fs::write(root.join("out/second/large"), made.repeat(1 + 20_000 / made.len()))
}

/// A repository in which steps are made.
struct World {
    root: PathBuf,
    /// Whether the first task fails half-way.
    fails: Arc<AtomicBool>,
    /// How often a plan was made.
    forecasts: u64,
    random: Random,
}

impl World {
    fn new(root: &Path, seed: u64) -> Self {
        fs::create_dir_all(root.join("in/deep")).unwrap();
        fs::write(root.join("in/a"), "1").unwrap();
        fs::write(root.join("other"), "other").unwrap();
        Self { root: root.to_owned(), fails: Arc::default(), forecasts: 0, random: Random::new(seed) }
    }

    /// What must stand in `out` when both tasks have passed.
    fn expected(&self) -> Tree {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        copy(&self.root.join("in"), &folder.path().join("in"));
        drop(fs::copy(self.root.join("other"), folder.path().join("other")));
        first(folder.path()).unwrap();
        second(folder.path()).unwrap();
        tree(&folder.path().join("out"))
    }

    fn pipeline(&self) -> Pipeline {
        let (root, fails) = (self.root.clone(), Arc::clone(&self.fails));
        let one = move |_: &Cx| {
            if fails.load(Ordering::Relaxed) {
                fs::create_dir_all(root.join("out/first")).unwrap();
                fs::write(root.join("out/first/half"), "half").unwrap();
                return Err(Error::problems("half-way"));
            }
            first(&root).map_err(|error| Error::io("first", error))
        };
        let root = self.root.clone();
        let two = move |_: &Cx| second(&root).map_err(|error| Error::io("second", error));
        let reads_first = Footprint::new().reads(["out/first", "other"]).makes(["out/second"]);
        Pipeline::new()
            .with(Task::new("first", one).cached(Footprint::new().reads(["in"]).makes(["out/first"])))
            .with(Task::new("second", two).after(["first"]).cached(reads_first))
    }

    fn cx(&self) -> Cx {
        Cx::builder(&self.root).config(Config::default()).build()
    }

    /// Runs the pipeline; whether it passed.
    fn run(&self, caching: Caching) -> bool {
        self.run_whole(caching).exit_code == 0
    }

    /// What the plan says of each task, where it is certain: whether it would run. Nothing is written.
    fn forecast(&mut self, caching: &Caching) -> Vec<Option<bool>> {
        self.forecasts += 1;
        let looks = self.forecasts % 4 == 1;
        let before = looks.then(|| states(&self.root));
        let (pipeline, cx) = (self.pipeline(), self.cx());
        let whole = pipeline.select(&cx, &[]).unwrap();
        let plan = pipeline.plan(&cx, &whole, Some(2), caching).unwrap();
        assert!(!looks || Some(states(&self.root)) == before, "a plan has written something");
        plan.tasks.iter().map(|task| task.assumes.is_empty().then(|| task.outlook.runs())).collect()
    }

    fn run_whole(&self, caching: Caching) -> RunEnd {
        let cx = self.cx();
        let options = Options { jobs: Some(2), caching, ..Options::default() };
        self.pipeline().run(&cx, &options).unwrap()
    }

    /// Makes one step. Returns its name.
    fn step(&mut self) -> String {
        let name = NAMES[self.pick(NAMES.len())];
        let content = CONTENTS[self.pick(CONTENTS.len())];
        let path = self.root.join("in").join(name);
        match self.pick(18) {
            0 | 1 => {
                replace(&path, |path| fs::write(path, content));
                format!("write {name} {content:?}")
            }
            2 => {
                // In place, with its time restored.
                if let Ok(found) = fs::metadata(&path) {
                    fs::write(&path, content).unwrap();
                    let file = fs::File::options().write(true).open(&path).unwrap();
                    file.set_modified(found.modified().unwrap()).unwrap();
                }
                format!("write {name} {content:?} with its old time")
            }
            3 => {
                drop(fs::remove_file(&path));
                format!("delete {name}")
            }
            4 => {
                let other = self.root.join("in").join(NAMES[self.pick(NAMES.len())]);
                drop(fs::rename(&path, &other));
                format!("rename {name} to {}", other.display())
            }
            5 => {
                let mode = [0o644, 0o755][self.pick(2)];
                if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                }
                format!("chmod {mode:o} {name}")
            }
            6 => {
                let target = NAMES[self.pick(2)];
                replace(&path, |path| symlink(target, path));
                format!("link {name} to {target}")
            }
            7 => {
                let folder = self.root.join("in/empty");
                if fs::remove_dir(&folder).is_err() {
                    fs::create_dir(&folder).unwrap();
                }
                "make or take away an empty folder".to_owned()
            }
            8 => {
                fs::write(self.root.join("other"), content).unwrap();
                format!("write other {content:?}")
            }
            9 => {
                drop(fs::remove_dir_all(self.root.join("out")));
                "delete all outputs".to_owned()
            }
            10 => self.damage(&self.root.join("out")),
            11 => self.damage(&self.store().folder().join("blobs")),
            12 => self.damage(&self.store().folder().join("entries")),
            13 => {
                let bytes = [0, 300, 1_000_000][self.pick(3)];
                self.store().prune(bytes).unwrap();
                format!("prune to {bytes}")
            }
            14 => {
                drop(fs::remove_file(self.root.join(".xtask/checkout.index")));
                "lose the index".to_owned()
            }
            15 => {
                self.fails.store(true, Ordering::Relaxed);
                self.run(Caching { force: vec!["first".to_owned()], ..Caching::default() });
                self.fails.store(false, Ordering::Relaxed);
                "fail half-way".to_owned()
            }
            16 => {
                fs::create_dir_all(self.root.join("out/first")).unwrap();
                fs::write(self.root.join("out/first/foreign"), content).unwrap();
                "leave something foreign".to_owned()
            }
            _ => {
                // Another process that does the same at the same time, in this very checkout, where only the command line
                // takes turns.
                let (one, two) = std::thread::scope(|scope| {
                    let other = scope.spawn(|| self.store().verify(|_, _| Ok(())).is_ok());
                    (self.run(Caching::default()), other.join().unwrap())
                });
                assert!(one && two);
                "run beside somebody who verifies".to_owned()
            }
        }
    }

    fn store(&self) -> Store {
        Store::new(place(&self.root, &self.root.join(".xtask")))
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.random.below(count as u64)).unwrap()
    }

    /// Damages a file in a folder, or takes it away.
    fn damage(&mut self, folder: &Path) -> String {
        let all: Vec<PathBuf> = walkdir::WalkDir::new(folder)
            .sort_by_file_name()
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect();
        if all.is_empty() {
            return "nothing to damage".to_owned();
        }
        let path = &all[self.pick(all.len())];
        let mut bytes = fs::read(path).unwrap();
        match self.pick(3) {
            0 => fs::remove_file(path).unwrap(),
            how => {
                match bytes.len() {
                    0 => bytes.push(b'x'),
                    length if how == 1 => bytes.truncate(length / 2),
                    length => bytes[length / 2] ^= 4,
                }
                fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
                fs::write(path, bytes).unwrap();
            }
        }
        format!("damage {}", path.display())
    }
}

/// Puts something in the place of whatever stands there.
fn replace(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    drop(fs::remove_file(path));
    make(path).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (path, (kind, mode, content)) in tree(from) {
        let target = to.join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        match kind {
            'f' => {
                fs::write(&target, content).unwrap();
                fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
            }
            'l' => symlink(content, &target).unwrap(),
            _ => fs::create_dir_all(&target).unwrap(),
        }
    }
}

/// What tells whether anything below a folder was written: nobody can set a file's ctime back.
fn states(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let all = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    all.map(|entry| {
        let found = entry.metadata().unwrap();
        (entry.into_path(), (found.ino(), found.ctime(), found.ctime_nsec()))
    })
    .collect()
}

/// A folder in memory where there is one: thousands of synced writes wait for no disk there.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

#[test]
fn any_sequence_leaves_what_a_run_without_cache_would() {
    let next = AtomicU64::new(0);
    let wanted = std::env::var("XTASK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let (certain, uncertain) = (AtomicU64::new(0), AtomicU64::new(0));
    let play = || loop {
        let seed = match wanted {
            Some(seed) if next.fetch_add(1, Ordering::Relaxed) == 0 => seed,
            Some(_) => return,
            None => next.fetch_add(1, Ordering::Relaxed),
        };
        if seed >= SEQUENCES && wanted.is_none() {
            return;
        }
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let mut world = World::new(folder.path(), seed);
        let mut said = Vec::new();
        let steps = 2 + world.random.below(STEPS - 1);
        for _ in 0..steps {
            said.push(world.step());
            if world.random.below(3) > 0 {
                let off = world.random.below(12) == 0;
                let caching = Caching { off, ..Caching::default() };
                let forecast = world.forecast(&caching);
                let end = world.run_whole(caching);
                let passed = end.exit_code == 0;
                for (would, task) in forecast.iter().zip(&end.tasks) {
                    let ran = !matches!(task.reuse, Some(Reuse::Hit { .. }));
                    let is_right = would.is_none_or(|would| would == ran);
                    assert!(is_right, "seed {seed}: {} runs: {would:?}, {ran}: {said:#?}", task.task);
                    (if would.is_some() { &certain } else { &uncertain }).fetch_add(1, Ordering::Relaxed);
                }
                said.push(format!("run{}", if off { " without cache" } else { "" }));
                let is = tree(&world.root.join("out"));
                let must = world.expected();
                assert!(passed && is == must, "seed {seed}: {said:#?}\nis   {is:#?}\nmust {must:#?}");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
    let (certain, uncertain) = (certain.into_inner(), uncertain.into_inner());
    assert!(certain > 5 * uncertain, "{certain} forecasts were certain, {uncertain} were not");
}
