//! What a change concerns, planned and in parts, each on a machine of its own: `plan --affected`, `ci --affected` with `--shard`
//! and `--merge`.

use std::cell::Cell;
use std::path::Path;

use expect_test::expect;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CONFIGURATION, Parts};
use crate::repository::{Repository, Said};

/// Any change concerns it.
const LOOK: &str = r#"
[tasks."look.around"]
command = ["true"]
uncached = "nobody knows what it looks at"
"#;

/// A pull request, and the machines that its jobs run on.
struct Request {
    parts: Parts,
    event: String,
    folder: TempDir,
    machines: Cell<usize>,
}

/// A machine with a checkout of the request.
struct Machine {
    repository: Repository,
    event: String,
}

impl Request {
    /// A request that changes these files.
    fn new(changed: &[&str]) -> Self {
        let parts = Parts::new();
        parts.0.write("xtask.toml", &format!("{CONFIGURATION}{LOOK}"));
        let base = parts.commit("base");
        for path in changed {
            parts.0.write(path, "new");
        }
        parts.commit("request");
        let event = parts.event(&json!({ "pull_request": { "base": { "sha": base } } }));
        Self { parts, event, folder: tempfile::tempdir().unwrap(), machines: Cell::new(0) }
    }

    fn machine(&self) -> Machine {
        self.machines.set(self.machines.get() + 1);
        let to = self.folder.path().join(format!("machine {}", self.machines.get()));
        let (from, to) = (self.parts.0.root().to_str().unwrap(), to.to_str().unwrap());
        duct::cmd("git", ["clone", "--quiet", from, to]).run().unwrap();
        Machine { repository: Repository::at(Path::new(to)), event: self.event.clone() }
    }

    /// The jobs of a matrix of so many run; what they leave is brought to another machine. The tasks that were dealt out.
    fn by_matrix(&self, count: &str, to: &Machine) -> Vec<String> {
        let plan = self.machine().xtask(&["plan", "--affected", "--github-matrix", count]).expect(0);
        let matrix: Value = serde_json::from_str(&plan.stdout).unwrap();
        let mut all = Vec::new();
        for (number, entry) in matrix["include"].as_array().unwrap().iter().enumerate() {
            let text = |name: &str| entry[name].as_str().unwrap();
            let tasks: Vec<&str> = text("tasks").split(' ').collect();
            let part = ["ci", "--shard", text("shard"), "--partition", text("partition")];
            let job = self.machine();
            job.xtask(&[&part, tasks.as_slice()].concat()).expect(0);
            job.bring_to(to, number);
            all.extend(tasks.into_iter().map(str::to_owned));
        }
        all.sort_unstable();
        all
    }

    /// So many machines each deal out and run their part; what they leave is brought to another one.
    fn by_themselves(&self, count: usize, to: &Machine) -> Vec<Said> {
        let job = |number: usize| {
            let job = self.machine();
            let said =
                job.xtask(&["ci", "--affected", "--shard", &format!("{}/{count}", number + 1)]).expect(0);
            job.bring_to(to, number);
            said
        };
        (0..count).map(job).collect()
    }
}

impl Machine {
    fn xtask(&self, args: &[&str]) -> Said {
        let github = [("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", self.event.as_str())];
        self.repository.xtask_with(args, &github)
    }

    /// As actions/upload-artifact and actions/download-artifact do. Git sees a folder that it does not track.
    fn bring_to(&self, other: &Machine, number: usize) {
        let to = other.repository.root().join(format!("reports/shard-{number}"));
        xtask::driver::files::copy_all(&self.repository.root().join("target/xtask/shards"), &to).unwrap();
    }

    fn merge(&self) -> Said {
        self.xtask(&["ci", "--affected", "--merge", "reports"])
    }

    fn remove(&self, path: &str) {
        std::fs::remove_dir_all(self.repository.root().join(path)).unwrap();
    }
}

/// The answer, which is the last line.
fn data(said: &Said) -> Value {
    let answer: Value = serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap();
    answer["data"].clone()
}

fn tasks(data: &Value) -> Vec<&str> {
    data.as_array().unwrap().iter().map(|task| task["task"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_says_what_would_run() {
    let parts = Parts::new();
    parts.0.write("src/a", "new");
    let plan = |args: &[&str]| parts.0.xtask(&[&["plan", "--affected"], args].concat()).expect(0);
    let said = plan(&["--output", "json"]);
    assert_eq!(tasks(&data(&said)["tasks"]), ["make.out", "use.out"]);
    let listed = parts.run(&["--list", "--output", "json"], &[]);
    assert_eq!(tasks(&data(&listed)), ["make.out", "use.out"]);
    assert_eq!(tasks(&data(&plan(&["make", "check", "--output", "json"]))["tasks"]), ["make.out"]);
    let said = plan(&[]);
    let (note, table) = said.stdout.split_once('\n').unwrap();
    assert!(note.starts_with("note: 2 tasks concerned by 1 changed file since "), "{note}");
    assert!(table.contains("\n2 tasks would run, 0 stored; "), "{table}");
    // Since this commit nothing has changed in other files.
    parts.commit("edit");
    parts.0.write("data/a", "new");
    assert_eq!(tasks(&data(&plan(&["--base", "HEAD", "--output", "json"]))["tasks"]), ["run.tool"]);
}

/// A picture or a matrix is written to a file, or into a variable of a script.
#[test]
fn what_is_said_beside_a_picture_or_a_matrix_is_not_in_it() {
    let parts = Parts::new();
    parts.0.write("data/a", "new");
    let plan = |args: &[&str], variables: &[(&str, &str)]| {
        let said = parts.0.xtask_with(&[&["plan", "--affected"], args].concat(), variables).expect(0);
        (said.stdout, said.stderr)
    };
    for variables in [&[][..], &[("GITHUB_ACTIONS", "true")]] {
        for base in ["main", "nowhere"] {
            let (dot, beside) = plan(&["--base", base, "--output", "dot"], variables);
            assert!(dot.starts_with("digraph plan {\n") && dot.ends_with("}\n"), "{dot}");
            assert!(beside.contains(" concerned by ") || beside.contains("all tasks are "), "{beside}");
            let (svg, _) = plan(&["--base", base, "--output", "svg"], variables);
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
            let (matrix, beside) = plan(&["--base", base, "--github-matrix", "9"], variables);
            let tasks = if base == "main" { 1 } else { 5 };
            let matrix: Value = serde_json::from_str(&matrix).unwrap();
            assert_eq!(matrix["include"].as_array().unwrap().len(), tasks, "{matrix}");
            assert!(beside.contains(" concerned by ") || beside.contains("all tasks are "), "{beside}");
        }
    }
}

#[test]
fn a_plan_of_nothing() {
    let parts = Parts::new();
    let plan = |args: &[&str]| parts.0.xtask(&[&["plan", "--affected"], args].concat()).expect(0);
    let said = plan(&[]).stdout;
    let (note, text) = said.split_once('\n').unwrap();
    assert!(note.starts_with("note: no task is concerned by 0 changed files since "), "{note}");
    assert_eq!(text, "no task would run\n");
    let plan_data = data(&plan(&["--output", "json"]));
    assert_eq!((&plan_data["tasks"], &plan_data["estimated_ms"]), (&json!([]), &json!(0)));
    let problems = crate::schema::problems(&crate::schema::of("plan"), &plan_data, "plan");
    assert!(problems.is_empty(), "{problems:#?}");
    expect![[r#"
        digraph plan {
          rankdir=LR;
          node [shape=box, style=filled, fontname="sans-serif"];
        }
    "#]]
    .assert_eq(&plan(&["--output", "dot"]).stdout);
    let svg = plan(&["--output", "svg"]).stdout;
    assert!(svg.starts_with("<svg ") && !svg.contains("<g>"), "{svg}");
    // The words with which the `if:` of the job in the guide compares.
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_OUTPUT", "output")];
    let said = parts.0.xtask_with(&["plan", "--affected", "--github-matrix", "3"], &github).expect(0);
    assert_eq!(said.stdout, "{\"include\":[]}\n");
    let output = parts.0.read("output");
    assert!(output.starts_with("matrix<<") && output.contains("\n{\"include\":[]}\n"), "{output}");
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/pipeline.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    assert!(guide.contains("if: ${{ needs.plan.outputs.matrix != '{\"include\":[]}' }}"));
}

/// What names or explains tasks does nothing, and a run of nothing leaves nothing old.
#[test]
fn naming_nothing_does_nothing() {
    let parts = Parts::new();
    parts.0.xtask(&["ci", "check.docs"]).expect(0);
    let junit = parts.0.root().join("target/xtask/junit.xml");
    for arg in ["--list", "--explain"] {
        let said = parts.run(&[arg], &[]);
        assert_eq!(said.stdout.lines().count(), 1, "{}", said.all());
        assert!(junit.is_file(), "{arg}");
    }
    parts.run(&[], &[]);
    assert!(!junit.exists());
}

#[test]
fn a_matrix_deals_out_what_is_concerned() {
    let request = Request::new(&["docs/a.md", "data/a"]);
    let verdict = request.machine();
    let dealt = request.by_matrix("3", &verdict);
    assert_eq!(dealt, ["check.docs", "look.around", "run.tool", "send.docs"]);
    let said = verdict.merge().expect(0);
    assert!(said.stdout.contains("\n4 tasks passed in "), "{}", said.all());
    // Who asks for everything is told what is not there.
    let said = verdict.xtask(&["ci", "--merge", "reports"]).expect(1);
    assert!(
        said.stdout.contains("error: no report tells of `check.theirs`, `make.out`, `use.out`\n"),
        "{}",
        said.all()
    );
    verdict.remove("reports/shard-1");
    let said = verdict.merge().expect(1);
    assert!(said.stdout.contains("error: shard 2/3 has left no report\n"), "{}", said.all());
    assert!(said.stdout.contains("error: no report tells of `look.around`\n"), "{}", said.all());
    verdict.remove("reports");
    let said = verdict.merge().expect(4);
    assert!(said.stderr.contains("could not read `reports`"), "{}", said.all());
}

#[test]
fn machines_deal_out_what_is_concerned() {
    let request = Request::new(&["src/a"]);
    let verdict = request.machine();
    for said in request.by_themselves(2, &verdict) {
        assert!(said.stdout.contains("note: 3 tasks concerned by 1 changed file since "), "{}", said.all());
    }
    let said = verdict.merge().expect(0);
    assert!(said.stdout.contains("\n3 tasks passed in "), "{}", said.all());
    for task in ["look.around", "make.out", "use.out"] {
        assert!(said.stdout.contains(task), "{}", said.all());
    }
    // Another base is another run.
    let said = verdict.xtask(&["ci", "--affected", "--base", "HEAD", "--merge", "reports"]).expect(5);
    assert!(said.stderr.contains("which is not part of this run"), "{}", said.all());
    assert!(said.stderr.contains("`--affected` and `--base`"), "{}", said.all());
    verdict.remove("reports/shard-0");
    let said = verdict.merge().expect(1);
    assert!(said.stdout.contains("error: shard 1/2 has left no report\n"), "{}", said.all());
}

/// What is brought to the machine that merges, to be merged, is none; anything else is, as everywhere.
#[test]
fn reports_are_no_change() {
    let request = Request::new(&[]);
    let verdict = request.machine();
    request.by_themselves(1, &verdict);
    for reports in ["reports", "./reports/shard-0", "reports/shard-0/1-of-1/shard.json"] {
        let said = verdict.xtask(&["ci", "--affected", "--merge", reports]).expect(0);
        assert!(said.stdout.contains("note: no task is concerned by 0 changed files"), "{}", said.all());
    }
    verdict.repository.write("reports/note", "it stands beside them");
    let said = verdict.merge().expect(1);
    assert!(said.stdout.contains("error: no report tells of `look.around`\n"), "{}", said.all());
    verdict.repository.write("data/a", "edited");
    let said = verdict.merge().expect(1);
    assert!(said.stdout.contains("error: no report tells of `look.around`, `run.tool`\n"), "{}", said.all());
}

#[test]
fn where_nothing_is_concerned_nothing_is_demanded() {
    let request = Request::new(&[]);
    let verdict = request.machine();
    assert!(request.by_matrix("3", &verdict).is_empty());
    // No job has run: nobody has left a report, and nobody has made the folder.
    for make_folder in [false, true] {
        if make_folder {
            std::fs::create_dir(verdict.repository.root().join("reports")).unwrap();
        }
        let said = verdict.merge().expect(0);
        assert!(said.stdout.contains("note: no task is concerned by 0 changed files"), "{}", said.all());
        assert!(verdict.repository.read("target/xtask/junit.xml").contains("tests=\"0\""));
        // Who asks for everything misses it.
        let code = if make_folder { 1 } else { 4 };
        verdict.xtask(&["ci", "--merge", "reports"]).expect(code);
        verdict.xtask(&["ci", "--affected", "--base", "nowhere", "--merge", "reports"]).expect(code);
    }
    for said in request.by_themselves(2, &verdict) {
        assert!(said.stdout.contains(" has no task: fewer are dealt out than there are shards"));
    }
    let report: Value =
        serde_json::from_str(&verdict.repository.read("reports/shard-0/1-of-2/shard.json")).unwrap();
    assert_eq!(
        (&report["tasks"], &report["dealt"], &report["exit_code"]),
        (&json!([]), &json!([]), &json!(0))
    );
    verdict.merge().expect(0);
    // What one machine holds for nothing may be something on another one.
    verdict.remove("reports/shard-1");
    let said = verdict.merge().expect(1);
    assert!(said.stdout.contains("error: shard 2/2 has left no report\n"), "{}", said.all());
}

/// Then everything runs, is demanded, and why is said.
#[test]
fn what_git_cannot_say() {
    let request = Request::new(&["docs/a.md"]);
    let (job, verdict) = (request.machine(), request.machine());
    let unknown = ["--affected", "--base", "nowhere"];
    let said = job.xtask(&[&["ci"], &unknown[..], &["--shard", "1/1"]].concat()).expect(0);
    assert!(said.stdout.contains("all tasks are selected: `nowhere`"), "{}", said.all());
    assert!(said.stdout.contains("\n7 tasks passed in "), "{}", said.all());
    job.bring_to(&verdict, 0);
    let said = verdict.xtask(&[&["ci"], &unknown[..], &["--merge", "reports"]].concat()).expect(0);
    assert!(said.stdout.contains("all tasks are selected: `nowhere`"), "{}", said.all());
    verdict.merge().expect(5);
    // And where only what is concerned has run, it is not taken for everything.
    verdict.remove("reports");
    request.by_themselves(1, &verdict);
    let said = verdict.xtask(&[&["ci"], &unknown[..], &["--merge", "reports"]].concat()).expect(1);
    assert!(said.stdout.contains("error: no report tells of `check.theirs`, `make.out`, "), "{}", said.all());
}
