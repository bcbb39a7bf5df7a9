//! The tasks that look at imports and dependencies, on small repositories and on this one.

mod planted;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use xtask::config::{Component, Config};
use xtask::driver::environment::Environment;
use xtask::event::{Body, Event, Sink};
use xtask::tasks::{architecture, dependencies};
use xtask::{Cx, ErrorKind};

/// Keeps what is found and noted, one a line.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        let line = match &event.body {
            Body::Found { finding, .. } => {
                let location = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{location}: {:?} {}: {}", finding.severity, finding.rule, finding.message)
            }
            Body::Note { message, .. } => message.clone(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

type Check = fn(&Cx, &Component) -> xtask::Result<()>;

/// Runs a check on the component `part` of the repository at `root`, and returns its result and what was heard.
fn run(root: &Path, name: &str, check: Check) -> (xtask::Result<()>, Vec<String>) {
    let text = fs::read_to_string(root.join("xtask.toml")).unwrap();
    let config = Config::parse(Path::new("xtask.toml"), &text).unwrap();
    let component = config.component(name).unwrap().clone();
    let heard = Arc::new(Heard::default());
    let sink: Arc<dyn Sink> = Arc::<Heard>::clone(&heard);
    let environment = Environment::of_this_process();
    let cx = Cx::builder(root).config(config).environment(environment).sink(sink).build();
    let result = check(&cx, &component);
    let heard = heard.0.lock().unwrap().clone();
    (result, heard)
}

/// A repository in a temporary folder with these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("größe und so ").tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const RUST: &str = r#"
project.name = "x"
[components.part]
kind = "rust"
path = "part"
package = "part"
[components.part.modules]
low = []
high = ["low"]
[components.part.forbidden]
low = ["std::fs"]
[budget]
cargo-compiled-max = 1
cargo-lock-entries-max = 1
"#;

const MANIFEST: &str = "[package]\nname = \"part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"part\"\nversion = \"0.1.0\"\n";

#[test]
fn imports_of_a_rust_component_are_checked() {
    let files = [
        ("xtask.toml", RUST),
        ("part/src/lib.rs", "pub mod low; pub mod high;"),
        ("part/src/high.rs", "use crate::low;"),
        ("part/src/low/mod.rs", "mod deep;"),
        ("part/src/low/deep.rs", "\nuse super::super::high;\nfn f() { std::fs::read(\"x\") }"),
    ];
    let folder = repository(&files);
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "part/src/low/deep.rs:2:5: Error import-direction: `low` must not import `high` (`crate::high`): it may import nothing",
            "part/src/low/deep.rs:3:10: Error forbidden-path: `low` must not name `std::fs::read`: `std::fs` is forbidden there",
            "part/src/high.rs:1:5: Error import-circle: modules import each other in a circle: high → low → high",
        ]
    );
    let folder = repository(&files[..4]);
    fs::write(folder.path().join("part/src/low/mod.rs"), "").unwrap();
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert!(result.is_ok() && heard.is_empty(), "{heard:?}");
}

#[test]
fn dependencies_of_a_rust_component_are_counted() {
    let more = format!("{MANIFEST}[dependencies]\nother = {{ path = \"../other\" }}\n");
    let other = MANIFEST.replace("part", "other").replace("[workspace]\n", "");
    let lock = format!(
        "version = 4\n\n[[package]]\nname = \"other\"\nversion = \"0.1.0\"\n{}dependencies = [\n \"other\",\n]\n",
        &LOCK[11..]
    );
    let folder = repository(&[
        ("xtask.toml", RUST),
        ("part/Cargo.toml", &more),
        ("part/Cargo.lock", &lock),
        ("part/src/lib.rs", "// other::x\n"),
        ("other/Cargo.toml", &other),
        ("other/src/lib.rs", ""),
    ]);
    let (result, heard) = run(folder.path(), "part", dependencies::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "2 of 1 crates compiled, 2 of 1 lock entries",
            "part/Cargo.toml:1: Error budget: 2 crates are compiled, 1 at most",
            "part/Cargo.lock:1: Error budget: 2 packages are locked, 1 at most",
            "part/Cargo.toml:7:1: Error without-version: `other` is declared without a version",
            "part/Cargo.toml:7:1: Error unused: `other` is not used in the code",
        ]
    );

    let folder = repository(&[
        ("xtask.toml", RUST),
        ("part/Cargo.toml", MANIFEST),
        ("part/Cargo.lock", LOCK),
        ("part/src/lib.rs", ""),
    ]);
    let (result, heard) = run(folder.path(), "part", dependencies::component);
    result.unwrap();
    assert_eq!(heard, ["1 of 1 crates compiled, 1 of 1 lock entries"]);

    fs::write(folder.path().join("part/Cargo.lock"), LOCK.replace("0.1.0", "0.2.0")).unwrap();
    let error = run(folder.path(), "part", dependencies::component).0.unwrap_err();
    assert!(error.causes().iter().any(|cause| cause.contains("--locked")), "{error:?}");
}

#[test]
fn what_cargo_compiles_is_what_is_counted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let arguments = [
        "tree",
        "--locked",
        "--package",
        "xtask",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--no-dedupe",
    ];
    let tree = std::process::Command::new("cargo").args(arguments).current_dir(root).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    // `name v1.2.3 (proc-macro)`
    let crates = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>());
    let count = crates.collect::<std::collections::BTreeSet<_>>().len();
    let (_, heard) = run(root, "xtask", dependencies::component);
    assert!(heard[0].starts_with(&format!("{count} of ")), "{count}: {}", heard[0]);
}

#[test]
fn dependencies_of_python_and_node_components_are_checked() {
    let configuration = r#"
project.name = "x"
[components.snake]
kind = "python"
path = "snake"
package = "src"
requirements = ["a.txt", "b.txt"]
[components.part]
kind = "node"
path = "part"
test = "test"
"#;
    let folder = repository(&[
        ("xtask.toml", configuration),
        ("snake/a.in", "one\n"),
        ("snake/a.txt", "one==1 --hash=sha256:a\n"),
        ("snake/b.in", "-c a.txt\ntwo>1\n"),
        ("snake/b.txt", "two==1 --hash=sha256:a\none==2 --hash=sha256:a\n"),
        ("part/package.json", "{\n  \"dependencies\": {\n    \"a\": \"1\"\n  }\n}"),
        ("part/package-lock.json", "{ \"lockfileVersion\": 3, \"packages\": {} }"),
        ("part/src/main.ts", "import \"a\";\n"),
    ]);
    let (result, heard) = run(folder.path(), "snake", dependencies::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "snake/a.txt:1: Error out-of-step: `snake/b.txt` pins `one` to 2, which is not `==1`",
            "snake/b.in:2: Error out-of-step: `snake/b.txt` pins `two` to 1, which is not `>1`",
        ]
    );
    let (result, heard) = run(folder.path(), "part", dependencies::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        ["part/package.json:3: Error out-of-step: `a` of `dependencies` is not in the lock file"]
    );
    fs::remove_file(folder.path().join("part/package-lock.json")).unwrap();
    let (result, _) = run(folder.path(), "part", dependencies::component);
    assert_eq!(result.unwrap_err().message(), "the lock file is missing");
}

const PYTHON: &str = r#"
project.name = "x"
[components.part]
kind = "python"
path = "part"
package = "app"
requirements = []
import-contracts = true
"#;

/// A program that says what import-linter says.
#[cfg(unix)]
fn linter(folder: &Path, report: &str, code: u8) {
    use std::os::unix::fs::PermissionsExt as _;
    let program = folder.join("part/.venv/bin/lint-imports");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(folder.join("report"), report).unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = '--no-cache --no-logo' ] && [ \"$COLUMNS\" -gt 1000 ] && cat ../report\nexit {code}\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// import-linter is told the rules of `xtask.toml`, and says what it has seen by them.
#[test]
#[cfg(unix)]
fn modules_of_a_python_component_are_checked_by_rules_of_xtask_toml() {
    use std::os::unix::fs::PermissionsExt as _;
    let rules = "[components.part.modules]\napi = [\"domain\"]\ndomain = []\nstorage = [\"domain\"]\n\
                 [components.part.forbidden]\ndomain = [\"fastapi\"]\n";
    let config = format!("{}{rules}", PYTHON.replace("import-contracts = true\n", ""));
    let folder = repository(&[
        ("xtask.toml", &config),
        ("part/app/__init__.py", ""),
        ("part/app/api.py", ""),
        ("part/app/domain/graph.py", ""),
        ("part/app/storage/__init__.py", ""),
    ]);
    let program = folder.path().join("part/.venv/bin/lint-imports");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\ncat \"$4\" > ../told\ncat ../report\nexit 1\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let report = "Analyzed 4 files, 1 dependencies.\n\nBroken contracts\n----------------\n\nwhat `domain` may import\n\
                  ------------------------\n\napp.domain is not allowed to import app.storage:\n\n\
                  -   app.domain.graph -> app.storage (l.1)\n";
    fs::write(folder.path().join("report"), report).unwrap();
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    let place =
        "part/app/domain/graph.py:1: Error broken-contract: app.domain is not allowed to import app.storage";
    assert!(heard.len() == 1 && heard[0].starts_with(place), "{heard:?}");
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    expect_test::expect![[r"
        [importlinter]
        root_package = app
        include_external_packages = True

        [importlinter:contract:api]
        name = what `api` may import
        type = forbidden
        allow_indirect_imports = True
        source_modules =
            app.api
        forbidden_modules =
            app.storage

        [importlinter:contract:domain]
        name = what `domain` may import
        type = forbidden
        allow_indirect_imports = True
        source_modules =
            app.domain
        forbidden_modules =
            app.api
            app.storage
            fastapi

        [importlinter:contract:storage]
        name = what `storage` may import
        type = forbidden
        allow_indirect_imports = True
        source_modules =
            app.storage
        forbidden_modules =
            app.api
    "]]
    .assert_eq(&told);

    // What nobody has ruled, and rules for what is not there.
    fs::write(folder.path().join("part/app/other.py"), "").unwrap();
    fs::remove_file(folder.path().join("part/app/api.py")).unwrap();
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(
        heard,
        [
            "part/app/other.py: Error module-without-rule: `other` has no rule for what it may import",
            "xtask.toml: Error rule-without-module: `api` has a rule, and no file belongs to it",
        ]
    );
}

#[test]
#[cfg(unix)]
fn contracts_of_a_python_component_are_checked() {
    let folder = repository(&[
        ("xtask.toml", PYTHON),
        ("part/src/services/catalog.py", ""),
        ("part/src/domain/graph.py", ""),
    ]);
    let missing = run(folder.path(), "part", architecture::component).0.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Missing);

    // Where nothing was read, nothing is broken.
    for nothing in
        ["Contracts: 1 kept, 0 broken.", "Analyzed 0 files, 0 dependencies.\n\nContracts: 1 kept, 0 broken."]
    {
        linter(folder.path(), nothing, 0);
        let error = run(folder.path(), "part", architecture::component).0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing, "{nothing}");
    }
    linter(folder.path(), "Analyzed 2 files, 0 dependencies.\n\nContracts: 1 kept, 0 broken.", 0);
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert!(result.is_ok() && heard.is_empty(), "{heard:?}");

    linter(folder.path(), include_str!("../../testdata/architecture/import-linter.txt"), 1);
    let (result, heard) = run(folder.path(), "part", architecture::component);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Problems);
    assert_eq!(heard.len(), 5);
    let last = "part/src/services/catalog.py:1: Error broken-contract: src.services is not allowed to import src.api: ";
    assert!(heard[4].starts_with(last), "{}", heard[4]);

    linter(folder.path(), "Missing layer 'src.nope': module src.nope does not exist.", 1);
    let error = run(folder.path(), "part", architecture::component).0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.causes()[0].contains("src.nope"), "{error:?}");
}
