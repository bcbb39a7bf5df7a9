//! Gates: what comes of looks with what `xtask.toml` says, in a task and in a run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use xtask::config::Config;
use xtask::core::finding::weakness::{Level, Package, Weakness};
use xtask::core::finding::{Finding, Location};
use xtask::core::gate::{Coverage, GapKind, Look, Outcome};
use xtask::cx::{Cx, Wishes};
use xtask::driver::environment::Environment;
use xtask::error::ErrorKind;
use xtask::event::{Body, Event, Reuse, Sink};
use xtask::pipeline::{Caching, Footprint, Options, Pipeline, Task};
use xtask::tasks::gate;

#[derive(Default)]
struct Heard(Mutex<Vec<Body>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.body.clone());
    }
}

/// A repository with a baseline that may be there, and what was said in it.
struct Place {
    folder: TempDir,
    heard: Arc<Heard>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), heard: Arc::default() }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn cx(&self, toml: &str, wishes: Wishes) -> Cx {
        let toml = format!("project.name = \"x\"\n{toml}");
        let config = Config::parse(Path::new("xtask.toml"), &toml).unwrap();
        let sink = Arc::clone(&self.heard) as Arc<dyn Sink>;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let environment = Environment::new([("PATH", path)]);
        Cx::builder(self.root()).config(config).environment(environment).wishes(wishes).sink(sink).build()
    }

    fn events(&self) -> Vec<Body> {
        std::mem::take(&mut self.heard.0.lock().unwrap())
    }
}

fn run(cx: &Cx, task: Task) -> (u8, Option<Reuse>) {
    let end = Pipeline::new().with(task).run(cx, &Options::default()).unwrap();
    (end.exit_code, end.tasks[0].reuse.clone())
}

fn gate_of(looks: impl Fn() -> Vec<Look> + Send + Sync + 'static) -> Task {
    Task::new("security.x", move |cx| gate::conclude(cx, looks())).gate()
}

fn advisory() -> Finding {
    let package = Package { ecosystem: "pypi".into(), name: "requests".into(), version: "1".into() };
    let weakness = Weakness {
        level: Level::High,
        package: Some(package),
        fixed: vec!["2".into()],
        ..Weakness::default()
    };
    Finding {
        rule: "CVE-1".into(),
        location: Some(Location::at("requirements.txt", Some(1), None)),
        weakness: Some(Box::new(weakness)),
        ..Finding::error("pip-audit", "requests 1 has CVE-1")
    }
}

fn seen(findings: Vec<Finding>) -> Look {
    Look::at("pip-audit", Coverage::new(31, "package")).found(findings)
}

fn blind() -> Look {
    Look::blind("trivy", "file", "its database is not there").hint("`trivy --download-db-only`")
}

const STRICT: Wishes = Wishes { strict: true, offline: false, accepts: false };

#[test]
fn what_could_not_be_looked_at_fails_only_a_strict_run_and_findings_win() {
    let usual = Wishes::default();
    for (looks, wishes, code) in [
        (vec![seen(vec![])], STRICT, 0),
        (vec![seen(vec![]), blind()], usual, 0),
        (vec![seen(vec![]), blind()], STRICT, 4),
        (vec![Look::broken("trivy", "file", "it was killed")], usual, 4),
        (vec![seen(vec![advisory()]), blind()], usual, 1),
        (vec![seen(vec![advisory()]), blind()], STRICT, 1),
    ] {
        let place = Place::new();
        let cx = place.cx("", wishes);
        let owned = looks.clone();
        assert_eq!(run(&cx, gate_of(move || owned.clone())).0, code, "{looks:?} {wishes:?}");
    }
}

#[test]
fn a_look_with_a_gap_is_told_and_never_stored() {
    let place = Place::new();
    let cx = place.cx("", Wishes::default());
    let cached = |looks: fn() -> Vec<Look>| {
        Task::new("security.x", move |cx| gate::conclude(cx, looks())).cached(Footprint::new())
    };
    assert!(matches!(run(&cx, cached(|| vec![blind()])).1, Some(Reuse::NotStored { .. })));
    let told: Vec<Outcome> = place
        .events()
        .iter()
        .filter_map(|body| match body {
            Body::Looked { account, .. } => Some(account.outcome),
            Body::Note { message, .. } => panic!("said twice: {message}"),
            _ => None,
        })
        .collect();
    assert_eq!(told, [Outcome::CouldNotLook]);
    assert!(matches!(run(&cx, cached(|| vec![seen(Vec::new())])).1, Some(Reuse::Stored)));
    place.events();
    assert!(matches!(run(&cx, cached(|| vec![blind()])).1, Some(Reuse::Hit { .. })));
    let again = place.events().iter().any(|body| {
        matches!(body, Body::Looked { account, .. } if account.tool == "pip-audit" && account.coverage.examined == 31)
    });
    assert!(again, "what was seen then is said again");
}

#[test]
fn nobody_waits_for_the_same_silence_in_every_run() {
    let place = Place::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let silent = |kind: GapKind| {
        let asked = Arc::clone(&asked);
        let work = move || {
            asked.fetch_add(1, Ordering::SeqCst);
            vec![
                seen(Vec::new()),
                Look::at("npm-audit", Coverage::new(0, "package")).gap(kind, "no answer", None),
            ]
        };
        gate_of(work).cached(Footprint::new())
    };
    let cx = place.cx("", Wishes::default());
    let times = || asked.load(Ordering::SeqCst);
    assert!(matches!(run(&cx, silent(GapKind::CouldNotLook)).1, Some(Reuse::NotStored { .. })));
    assert!(matches!(run(&cx, silent(GapKind::Unanswered)), (0, Some(Reuse::Stored))));
    place.events();
    assert!(matches!(run(&cx, silent(GapKind::Unanswered)), (0, Some(Reuse::Hit { .. }))));
    assert_eq!(times(), 2);
    let gaps: Vec<String> = place
        .events()
        .into_iter()
        .filter_map(|body| match body {
            Body::Looked { account, .. } => Some(account.gaps),
            _ => None,
        })
        .flatten()
        .map(|gap| gap.why)
        .collect();
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert!(gap.starts_with("no answer (asked ") && gap.contains("`--force security.x`"), "{gap}");
    // It is what the checkout was left with: whatever is stored is not asked for it.
    let (store, away) = (place.root().join(".xtask/xtask-cache"), place.root().join("away"));
    std::fs::rename(&store, &away).unwrap();
    assert!(matches!(run(&cx, silent(GapKind::Unanswered)), (0, Some(Reuse::Hit { .. }))));
    assert_eq!(times(), 2);
    drop(std::fs::remove_dir_all(&store));
    std::fs::rename(&away, &store).unwrap();

    // Somebody who has to know asks; so does somebody who wants to.
    let strict = place.cx("", STRICT);
    assert_eq!(run(&strict, silent(GapKind::Unanswered)).0, 4);
    assert_eq!(times(), 3);
    let plan = |cx: &Cx, caching: &Caching| {
        let pipeline = Pipeline::new().with(silent(GapKind::Unanswered));
        pipeline.plan(cx, &pipeline.select(cx, &[]).unwrap(), None, caching).unwrap().tasks[0].reason()
    };
    let usual = Caching::default();
    assert!(
        plan(&strict, &usual).contains("the stored result lacks the answer of a feed"),
        "{}",
        plan(&strict, &usual)
    );
    let forced = Caching { force: vec!["security".to_owned()], ..Caching::default() };
    assert_ne!(plan(&cx, &forced), plan(&cx, &usual));
}

#[test]
fn a_waiver_waives_is_counted_and_is_part_of_what_a_result_depends_on() {
    let waiver = "[[waivers]]\ngate = \"security.x\"\nrule = \"CVE-1\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2999-12-31\n";
    let place = Place::new();
    let cx = place.cx(waiver, Wishes::default());
    let task = || {
        let cx = place.cx(waiver, Wishes::default());
        let footprint = gate::judged(cx.config(), "security.x", Footprint::new());
        gate_of(|| vec![seen(vec![advisory()])]).cached(footprint)
    };
    assert!(matches!(run(&cx, task()), (0, Some(Reuse::Stored))));
    let counts = place.events().iter().find_map(|body| match body {
        Body::Looked { account, .. } => Some((account.outcome, account.found, account.suppressed)),
        _ => None,
    });
    assert_eq!(counts, Some((Outcome::Clean, 0, 1)));
    assert!(matches!(run(&cx, task()), (0, Some(Reuse::Hit { .. }))));
    let other = waiver.replace("\"r\"", "\"another reason\"");
    let changed = place.cx(&other, Wishes::default());
    let footprint = gate::judged(changed.config(), "security.x", Footprint::new());
    let task = gate_of(|| vec![seen(vec![advisory()])]).cached(footprint);
    assert!(matches!(run(&changed, task), (0, Some(Reuse::Stored))));
    let past = waiver.replace("2999", "1999");
    let expired = place.cx(&past, Wishes::default());
    assert_eq!(run(&expired, gate_of(|| vec![seen(vec![advisory()])])).0, 1);
}

#[test]
fn a_waiver_for_no_gate_is_a_mistake_at_its_place() {
    let waiver = "[[waivers]]\ngate = \"security.y\"\nrule = \"CVE-1\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2999-12-31\n";
    let refused = |gate: &str| {
        let cx = Place::new().cx(&waiver.replace("security.y", gate), Wishes::default());
        let tasks = Pipeline::new().with(gate_of(Vec::new)).with(Task::new("test.x", |_| Ok(())));
        let error = tasks.graph(&cx).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let [place] = error.diagnostics() else { panic!("{error:?}") };
        assert_eq!(place.position(), (2, 1));
        (place.message.clone(), place.help.as_deref().unwrap_or_default().to_owned())
    };
    let near = "did you mean `security.x`?".to_owned();
    assert_eq!(refused("security.y"), ("`security.y` is no task".to_owned(), near.clone()));
    let no_gate = "`test.x` is no gate: it finds nothing that could be waived".to_owned();
    assert_eq!(refused("test.x"), (no_gate, near));
    assert_eq!(
        refused("something.else.entirely").1,
        "gates are the tasks of `architecture`, `dependencies`, `licenses`, `lint` and `security`"
    );
}

#[test]
fn a_damaged_baseline_is_a_mistake_at_its_place() {
    let place = Place::new();
    let toml = "[gates]\nbaseline = \"gates.json\"\n";
    let cx = place.cx(toml, Wishes::default());
    cx.step("security.x", |cx| gate::conclude(cx, vec![seen(Vec::new())])).unwrap();
    std::fs::write(place.root().join("gates.json"), "{\n  \"format\": 1,\n  \"gates\": []\n}\n").unwrap();
    let error = cx.step("security.x", |cx| gate::conclude(cx, Vec::new())).unwrap_err();
    assert_eq!((error.kind(), error.diagnostics()[0].position().0), (ErrorKind::Configuration, 3));
}

#[test]
fn a_line_of_source_is_known_but_not_one_outside_of_the_repository() {
    let place = Place::new();
    let cx = place.cx("", Wishes::default());
    std::fs::write(place.root().join("a.py"), "x = eval(y)\n").unwrap();
    std::fs::write(place.root().join("b\n:.py"), "z = eval(y)\n").unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "not ours\n").unwrap();
    let at = |path: &Path| {
        let location = Some(Location::at(path, Some(1), None));
        Finding { rule: "S307".into(), location, ..Finding::error("ruff", "eval") }
    };
    let up = PathBuf::from("..").join(place.root().file_name().unwrap()).join("a.py");
    let paths = [Path::new("a.py"), Path::new("b\n:.py"), outside.path(), &up, Path::new("gone.py")];
    let found: Vec<Finding> = paths.iter().map(|path| at(path)).collect();
    let look = Look::at("ruff", Coverage::new(3, "file")).found(found).gap(GapKind::CouldNotLook, "x", None);
    cx.step("security.x", |cx| gate::conclude(cx, vec![look])).unwrap_err();
    let lines: Vec<Option<String>> = place
        .events()
        .into_iter()
        .filter_map(|body| match body {
            Body::Found { finding, .. } => Some(finding.judged.unwrap().source),
            _ => None,
        })
        .collect();
    assert_eq!(lines, [Some("x = eval(y)".to_owned()), Some("z = eval(y)".to_owned()), None, None, None]);
}

#[test]
fn what_is_accepted_is_in_the_baseline_and_nothing_else_of_it_is_lost() {
    let place = Place::new();
    let toml = "[gates]\nbaseline = \"gates.json\"\n";
    let accepting = Wishes { accepts: true, ..Wishes::default() };
    let cx = place.cx(toml, accepting);
    let collector = Arc::new(xtask::ui::gates::Collector::default());
    cx.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
    assert_eq!(run(&cx, gate_of(|| vec![seen(vec![advisory()])])).0, 0);
    gate::write_baseline(&cx, &collector.seen()).unwrap();
    let written = std::fs::read_to_string(place.root().join("gates.json")).unwrap();
    assert!(written.contains("\"rule\":\"CVE-1\",\"path\":\"requirements.txt\""), "{written}");
    let usual = place.cx(toml, Wishes::default());
    assert_eq!(run(&usual, gate_of(|| vec![seen(vec![advisory()])])).0, 0);
    let other = Task::new("security.y", |cx| gate::conclude(cx, vec![seen(vec![advisory()])]));
    assert_eq!(run(&usual, other).0, 1, "the baseline is that of a gate");
    assert_eq!(gate::check_baseline(&place.cx("", accepting)).unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn each_tool_has_a_file_of_its_own_whatever_it_is_called() {
    let place = Place::new();
    let cx = place.cx("", Wishes::default());
    let collector = Arc::new(xtask::ui::gates::Collector::default());
    cx.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
    let looks = || vec![seen(vec![advisory()]), Look::at("../x\ny", Coverage::new(1, "file")), blind()];
    assert_eq!(run(&cx, gate_of(looks)).0, 1);
    gate::write_sarif(&cx, &collector.seen()).unwrap();
    let folder = place.root().join("target/xtask/sarif");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["..-x-y.sarif", "gates.sarif", "pip-audit.sarif", "trivy.sarif"]);
    let text = std::fs::read_to_string(folder.join("trivy.sarif")).unwrap();
    assert!(
        text.contains("\"executionSuccessful\":false") && text.contains("its database is not there"),
        "{text}"
    );
}

#[test]
fn an_offline_run_tells_the_tools_and_asks_nobody() {
    let cx = Place::new().cx("", Wishes { offline: true, ..Wishes::default() });
    assert!(cx.is_offline());
    let told = cx.step("t", |cx| cx.read(xtask::core::command::Command::new("env"))).unwrap();
    for variable in ["CARGO_NET_OFFLINE=true", "PIP_NO_INDEX=1", "UV_OFFLINE=1", "npm_config_offline=true"] {
        assert!(told.lines().any(|line| line == variable), "{variable}: {told}");
    }
}

/// The figure is 1 s on a machine of its own; this one is shared.
#[test]
fn fifty_thousand_findings_are_judged_and_written_within_seconds() {
    let place = Place::new();
    let text: String = (0..500).map(|line| format!("x{line} = eval(y)\n")).collect::<Vec<_>>().concat();
    for file in 0..100 {
        std::fs::write(place.root().join(format!("f{file}.py")), &text).unwrap();
    }
    let found = (0..50_000_u32).map(|number| {
        let location = Location::at(format!("f{}.py", number % 100), Some(number / 100 + 1), Some(1));
        Finding { rule: "S307".into(), location: Some(location), ..Finding::error("ruff", "use of eval") }
    });
    let look = Look::at("ruff", Coverage::new(100, "file")).found(found);
    let cx = place.cx("", Wishes::default());
    let collector = Arc::new(xtask::ui::gates::Collector::default());
    cx.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
    let start = std::time::Instant::now();
    cx.step("security.x", |cx| gate::conclude(cx, vec![look])).unwrap_err();
    let judged = start.elapsed();
    let seen = collector.seen();
    let start = std::time::Instant::now();
    gate::write_sarif(&cx, &seen).unwrap();
    let written = start.elapsed();
    let size = place.root().join("target/xtask/sarif/ruff.sarif").metadata().unwrap().len();
    println!("50,000 findings: judged in {judged:?}, written in {written:?}, {size} bytes");
    assert!(written.as_secs() < 10 && judged.as_secs() < 30, "{judged:?} {written:?}");
}

/// The schema of OASIS is 110 KB and not part of this repository: `XTASK_SARIF_SCHEMA` says where it is. What validates is
/// `jsonschema`, which the tools of this repository bring, or that of `python3`.
#[test]
fn what_is_written_is_valid_by_the_schema() {
    let Some(schema) = std::env::var_os("XTASK_SARIF_SCHEMA") else { return };
    let place = Place::new();
    let cx = place.cx("", Wishes::default());
    let collector = Arc::new(xtask::ui::gates::Collector::default());
    cx.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
    let hostile = Finding {
        rule: "a b\n::error::".into(),
        location: Some(Location::at("a\n:b c%.py", Some(3), Some(4))),
        ..Finding::error("ruff", "\x1b[31m")
    };
    let waiver = "[[waivers]]\ngate = \"security.x\"\nrule = \"CVE-1\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2999-12-31\n";
    let another = place.cx(waiver, Wishes::default());
    another.add_sink(Arc::clone(&collector) as Arc<dyn Sink>);
    let plain = Finding::error("pip-audit", "nowhere");
    let looks = move || {
        let ruff = Look::at("ruff", Coverage::new(1, "file")).found([hostile.clone()]);
        vec![
            seen(vec![advisory(), plain.clone()]),
            blind(),
            ruff,
            Look::broken("npm", "package", "it was killed"),
        ]
    };
    assert_eq!(run(&another, gate_of(looks)).0, 1);
    gate::write_sarif(&cx, &collector.seen()).unwrap();
    let script = "import json, sys, jsonschema\nschema = json.load(open(sys.argv[1]))\nfor name in sys.argv[2:]:\n    \
                  jsonschema.Draft4Validator(schema).validate(json.load(open(name)))\n    print('valid', name)\n";
    let folder = place.root().join("target/xtask/sarif");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 5);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".xtask/tools/bin/python");
    let python = if own.exists() { own } else { PathBuf::from("python3") };
    let output =
        std::process::Command::new(python).arg("-c").arg(script).arg(schema).args(&files).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert_eq!(said.matches("valid ").count(), 5, "{said}");
}

#[test]
fn a_result_grows_old_and_a_day_ends() {
    let place = Place::new();
    let cx = place.cx("", Wishes::default());
    let with = |footprint: Footprint| gate_of(|| vec![seen(Vec::new())]).cached(footprint);
    let is_hit = |footprint: Footprint| matches!(run(&cx, with(footprint)).1, Some(Reuse::Hit { .. }));
    let fresh = || Footprint::new().fresh_for(Duration::from_hours(1)).fresh_for(Duration::from_secs(1));
    assert!(!is_hit(fresh()));
    assert!(is_hit(Footprint::new()), "how long it may be used is no part of what it depends on");
    std::thread::sleep(Duration::from_millis(2_100));
    let pipeline = Pipeline::new().with(with(fresh()));
    let whole = pipeline.select(&cx, &[]).unwrap();
    let plan = pipeline.plan(&cx, &whole, None, &Caching::default()).unwrap();
    let why = plan.tasks[0].reason();
    assert_eq!(why, "its result may be used for 1 second, and is older");
    assert!(is_hit(Footprint::new()), "without a limit it may still be used");
    assert!(!is_hit(fresh()));
    assert!(is_hit(fresh()), "it was made anew");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let turning = || Footprint::new().turns("the day on which it turns", now + 3);
    assert!(!is_hit(turning()));
    assert!(is_hit(turning()));
    std::thread::sleep(Duration::from_millis(3_100));
    assert!(!is_hit(turning()));
}
