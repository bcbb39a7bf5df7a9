//! Set-up with the real python, pip, uv, node and npm, on a small repository of its own.
//!
//! What has to be downloaded is small (uv, six, isarray). Where the registries are out of reach, a test that needs them says
//! so and ends; everything else runs on every machine that can run set-up at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::program;
use xtask::driver::files::Lock;
use xtask::tasks::setup::{self, State};
use xtask::{ErrorKind, Result};

use repository::{
    PACKAGE, PACKAGE_LOCK, Repository, SIX, SIX_WRONG, offline, path_of, script, whole, with_path, write,
};

mod machine;
mod repository;

#[test]
fn a_python_component_from_nothing_through_its_whole_life() {
    let repository = Repository::new();
    assert_eq!(repository.state("setup.tools"), State::Missing);
    assert_eq!(repository.state("setup.backend"), State::Missing);
    let first = repository.set_up("backend");
    if offline(&first) {
        return;
    }
    first.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(repository.imports_six());
    assert_eq!(repository.state("setup.tools"), State::Made);
    assert_eq!(repository.state("setup.backend"), State::Made);
    let again = |repository: &Repository| {
        setup::tools(&repository.cx)?;
        repository.set_up("backend")
    };
    assert_eq!(repository.processes(again), 0, "what stands is left alone");
    assert_eq!(repository.said.notes.lock().unwrap().as_slice(), [] as [String; 0]);

    // A package that somebody removed comes back.
    fs::remove_dir_all(
        repository.path("backend/.venv/lib").join(site_packages(&repository, "six-1.17.0.dist-info")),
    )
    .unwrap();
    assert!(
        matches!(repository.state("setup.backend"), State::Stale(why) if why.contains("six-1.17.0.dist-info"))
    );
    repository.set_up("backend").unwrap();
    assert!(repository.imports_six());

    // A hash that does not fit is found although the package is installed; the old environment does not count any more.
    write(&repository.path("backend/requirements.txt"), SIX_WRONG);
    let error = repository.set_up("backend").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = whole(&error);
    for words in
        ["could not set up `backend/.venv`", "`backend/requirements.txt`", "Hash mismatch for `six==1.17.0`"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let compile = "cd backend && uv pip compile --universal --generate-hashes --output-file requirements.txt requirements.in";
    assert!(text.contains(compile), "{text}");
    assert!(repository.heard("`backend/.venv` is made again: `backend/requirements.txt` has changed"));
    assert_eq!(repository.state("setup.backend"), State::Stale("it was left half-finished".into()));
    write(&repository.path("backend/requirements.txt"), SIX);
    repository.set_up("backend").unwrap();
    assert!(repository.imports_six());

    // Debris of a set-up that was killed: no stamp, but the marker, and a broken package.
    fs::remove_file(repository.path("backend/.venv/.xtask-stamp.json")).unwrap();
    write(&repository.path(".xtask/setup/backend.begun"), "");
    let six = repository.path("backend/.venv/lib").join(site_packages(&repository, "six.py"));
    write(&six, "half of a fi");
    repository.set_up("backend").unwrap();
    assert!(repository.imports_six());
    assert!(!repository.path(".xtask/setup/backend.begun").exists());

    // An environment that somebody made by hand: brought in line where its Python is the right one, …
    let hand_made = |python: &str| {
        fs::remove_dir_all(repository.path("backend/.venv")).unwrap();
        let venv = std::process::Command::new(python)
            .args(["-m", "venv", "--without-pip"])
            .arg(repository.path("backend/.venv"))
            .status();
        assert!(venv.unwrap().success());
        write(&repository.path("backend/.venv/by-hand"), "");
    };
    hand_made("python3");
    repository.set_up("backend").unwrap();
    assert!(repository.imports_six() && repository.path("backend/.venv/by-hand").exists());
    assert!(repository.heard("`backend/.venv` was made by other means: its packages become"));
    // … replaced where it is not.
    hand_made("python3");
    fs::remove_file(repository.path("backend/.venv/.xtask-stamp.json")).ok();
    let python = repository.path("backend/.venv/bin/python");
    fs::remove_file(&python).unwrap();
    script(&python, "#!/bin/sh\nexit 1\n");
    repository.set_up("backend").unwrap();
    assert!(repository.imports_six() && !repository.path("backend/.venv/by-hand").exists());
    assert!(repository.heard("for another Python"));

    // Another way to the same interpreter changes nothing, another interpreter does.
    let path = path_of(repository.folder.path(), &["sh"]);
    let elsewhere = |text: &str| {
        script(&path.join("python3"), text);
        let folder = tempfile::tempdir().unwrap();
        Repository::at(folder, repository.cx.root(), with_path(&path))
    };
    let real = repository.path("backend/.venv/bin/python").canonicalize().unwrap();
    let same = elsewhere(&format!("#!/bin/sh\nexec '{}' \"$@\"\n", real.display()));
    assert_eq!(same.processes(|it| it.set_up("backend")), 1, "asked, and nothing else");
    let other = elsewhere("#!/bin/sh\necho 3.99.0\necho /bin/sh\n");
    let why = other.state("setup.backend");
    assert!(
        matches!(&why, State::Stale(why) if why.starts_with("python was 3.") && why.contains("is 3.99.0 at "))
    );

    // Virtual environments do not move: after a move nothing counts as made.
    let Repository { folder, cx, .. } = repository;
    let moved = folder.path().join("moved");
    fs::rename(cx.root(), &moved).unwrap();
    let repository = Repository::at(folder, &moved, std::env::vars_os());
    for task in ["setup.tools", "setup.backend"] {
        assert!(matches!(repository.state(task), State::Stale(why) if why.starts_with("place was ")));
    }
}

/// The path of a thing among the packages of the component's environment, relative to `lib`.
fn site_packages(repository: &Repository, name: &str) -> PathBuf {
    let python = fs::read_dir(repository.path("backend/.venv/lib")).unwrap().next().unwrap().unwrap();
    Path::new(&python.file_name()).join("site-packages").join(name)
}

#[test]
fn a_node_component_from_nothing_through_its_whole_life() {
    let repository = Repository::new();
    let isarray = repository.path("frontend/node_modules/isarray/package.json");
    // Made by hand, and not from the lock file.
    write(&repository.path("frontend/node_modules/stray/index.js"), "");
    let first = repository.set_up("frontend");
    if offline(&first) {
        return;
    }
    first.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(isarray.exists() && !repository.path("frontend/node_modules/stray").exists());
    assert!(repository.heard("`frontend/node_modules` was made by other means"));
    assert_eq!(repository.processes(|it| it.set_up("frontend")), 0);

    fs::remove_dir_all(isarray.parent().unwrap()).unwrap();
    assert_eq!(repository.state("setup.frontend"), State::Stale("`isarray` is gone".into()));
    repository.set_up("frontend").unwrap();
    assert!(isarray.exists());

    write(&repository.path("frontend/package.json"), &PACKAGE.replace("2.0.5", "2.0.4"));
    let error = repository.set_up("frontend").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = whole(&error);
    for words in [
        "`frontend/package-lock.json` is not in line",
        "`npm ci` can only install packages when",
        "with `frontend/package.json`: `cd frontend && npm install`",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }

    write(&repository.path("frontend/package.json"), PACKAGE);
    write(&repository.path("frontend/package-lock.json"), &PACKAGE_LOCK.replace("xHjhDr3", "AAAAAAA"));
    let text = whole(&repository.set_up("frontend").unwrap_err());
    assert!(text.contains("a download is not what `frontend/package-lock.json` says"), "{text}");
    assert!(text.contains("take the lock file back from git"), "{text}");

    fs::remove_file(repository.path("frontend/package-lock.json")).unwrap();
    let text = whole(&repository.set_up("frontend").unwrap_err());
    assert!(
        text.contains("`frontend/package-lock.json` is not there") && text.contains("npm install"),
        "{text}"
    );
}

#[test]
fn two_set_ups_at_once_make_it_once() {
    let first = Repository::new();
    let folder = tempfile::tempdir().unwrap();
    let second = Repository::at(folder, first.cx.root(), std::env::vars_os());
    let results = std::thread::scope(|scope| {
        let threads = [&first, &second].map(|repository| scope.spawn(|| repository.set_up("frontend")));
        threads.map(|thread| thread.join().unwrap())
    });
    if results.iter().any(offline) {
        return;
    }
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let installs = [&first, &second].map(|repository| {
        let requests = repository.runner.requests.lock().unwrap();
        requests.iter().filter(|request| request.args.iter().any(|arg| arg == "ci")).count()
    });
    assert_eq!(installs.iter().sum::<usize>(), 1);
    assert!(first.path("frontend/node_modules/isarray/package.json").exists());
}

#[test]
fn whoever_waits_says_for_whom_and_can_be_interrupted() {
    let repository = Repository::new();
    let lock = repository.path(".xtask/locks/rusty.lock");
    let _held = Lock::try_take(&lock, "process 1 sets up `rusty`").unwrap().unwrap();
    let result = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| repository.set_up("rusty"));
        while !repository.heard("waiting: process 1 sets up `rusty`") && !waiting.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        repository.cx.cancel().cancel();
        waiting.join().unwrap()
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(repository.state("setup.rusty"), State::Missing);
}

/// A `node` and an `npm` that act without a registry. `ci` is killed in the middle together with process `$npm_config_victim`.
fn pretend_node(folder: &Path) -> PathBuf {
    let path = path_of(folder, &["sh", "mkdir", "rm"]);
    script(&path.join("node"), "#!/bin/sh\necho 20.1.0\n");
    let npm = "#!/bin/sh\nif [ $1 = --version ]; then echo 10.1.0; exit; fi\nrm -rf node_modules\n\
               mkdir -p node_modules/half\n[ -z \"$npm_config_victim\" ] || kill -9 $npm_config_victim\n\
               mkdir node_modules/whole\n";
    script(&path.join("npm"), npm);
    path
}

/// The process that `a_set_up_that_was_killed_is_made_anew` kills.
pub(crate) fn role() {
    let root = PathBuf::from(std::env::var_os("SETUP_TEST_ROOT").unwrap());
    let variables =
        std::env::vars_os().chain([("npm_config_victim".into(), std::process::id().to_string().into())]);
    drop(Repository::at(tempfile::tempdir().unwrap(), &root, variables).set_up("frontend"));
}

#[test]
fn a_set_up_that_was_killed_is_made_anew() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::with_environment(with_path(&pretend_node(folder.path())));
    let status = program::start("set-up")
        .env("SETUP_TEST_ROOT", repository.cx.root())
        .env("PATH", folder.path().join("path"))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(9));
    assert!(repository.path("frontend/node_modules/half").exists());
    assert_eq!(repository.state("setup.frontend"), State::Stale("it was left half-finished".into()));
    repository.set_up("frontend").unwrap();
    assert!(repository.path("frontend/node_modules/whole").exists());
    assert_eq!(repository.state("setup.frontend"), State::Made);
    assert!(!repository.heard("by other means"));
}
