//! Machines that lack something, go their own ways to the registries, or take no writes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use xtask::driver::environment::Environment;
use xtask::driver::process::{Exit, Finished, Request, Runner, Stream};
use xtask::tasks::doctor;
use xtask::tasks::setup::{self, State};
use xtask::{Cx, ErrorKind, Result};

use super::repository::{Repository, UV, config, copy, path_of, script, whole, with_path, write};

/// Programs on `PATH` by name, as shell scripts.
type Programs<'p> = &'p [(&'p str, &'p str)];

#[test]
fn what_the_machine_lacks_is_named_with_the_way_to_get_it() {
    let python_too_old = "#!/bin/sh\necho Python 3.8.1\n";
    let python_without =
        "#!/bin/sh\necho 3.11.2\necho /bin/sh\necho \"No module named 'ensurepip'\" >&2\nexit 1\n";
    let broken = "#!/bin/sh\necho no such toolchain >&2\nexit 3\n";
    let old_node = "#!/bin/sh\necho 18.20.1\n";
    let good_node = "#!/bin/sh\necho 22.1.0\n";
    let cases: &[(&str, Programs<'_>, &[&str])] = &[
        ("backend", &[], &["`python3` is not there", "apt-get install python3 python3-venv"]),
        (
            "backend",
            &[("python3", python_too_old)],
            &["path/python3` is version 3.8.1, and 3.11 or newer is needed", "apt-get install python3"],
        ),
        (
            "backend",
            &[("python3", python_too_old), ("python3.12", python_without)],
            &[
                "path/python3` is version 3.8.1",
                "path/python3.12` does not work: asked for its version, exit 1",
                "No module named 'ensurepip'",
            ],
        ),
        (
            "backend",
            &[("python", broken)],
            &["path/python` does not work: asked for its version, exit 3", "no such toolchain"],
        ),
        ("frontend", &[], &["`node` is not there", "apt-get install nodejs"]),
        ("frontend", &[("node", old_node)], &["path/node` is version 18.20.1, and 20 or newer is needed"]),
        ("frontend", &[("node", good_node)], &["`npm` is not there", "apt-get install npm"]),
        ("rusty", &[], &["`rustc` is not there", "https://rustup.rs"]),
        (
            "rusty",
            &[("rustc", "#!/bin/sh\necho 1.95.0\n")],
            &["1.95.0/bin/rustfmt` is not there", "rustup component add"],
        ),
    ];
    for (component, programs, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), &["sh"]);
        for (name, text) in *programs {
            script(&path.join(name), text);
        }
        let repository = Repository::with_environment(with_path(&path));
        let error = repository.set_up(component).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing, "{error:?}");
        for word in *words {
            assert!(whole(&error).contains(word), "{word}: {error:?}");
        }
    }
}

/// Answers as if everything worked, and touches nothing but the folders it is told to make.
#[derive(Default)]
struct Pretending(Mutex<Vec<Request>>);

impl Runner for Pretending {
    fn run(&self, request: &Request, output: &mut (dyn FnMut(Stream, &[u8]) + Send)) -> Result<Finished> {
        let words: Vec<&str> = request.args.iter().filter_map(|arg| arg.to_str()).collect();
        if words.contains(&"--version") || words.contains(&"-c") || words.contains(&"-e") {
            output(Stream::Stdout, b"22.1.0\n/bin/sh\n");
        }
        if words.contains(&"venv") {
            for program in ["python", "uv"] {
                script(&Path::new(words.last().unwrap()).join("bin").join(program), "");
            }
        }
        let words = words.join(" ");
        self.0.lock().unwrap().push(Request { args: vec![words.into()], ..copy(request) });
        Ok(Finished { exit: Exit::Code(0), duration: Duration::ZERO, output_held: false })
    }
}

#[test]
fn proxies_mirrors_and_certificates_reach_every_installer() {
    let given = [
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("NO_PROXY", "localhost"),
        ("REQUESTS_CA_BUNDLE", "/etc/company.pem"),
        ("PIP_INDEX_URL", "https://mirror.example/simple"),
        ("npm_config_registry", "https://mirror.example/npm"),
        ("PIP_TARGET", "/elsewhere"),
        ("UV_NO_VERIFY_HASHES", "1"),
        ("DATABASE_URL", "not for installers"),
    ];
    let repository = Repository::new();
    let pretending = Arc::new(Pretending::default());
    let path = std::env::var_os("PATH").unwrap();
    let variables =
        given.map(|(name, value)| (name.into(), value.into())).into_iter().chain([("PATH".into(), path)]);
    let cx = Cx::builder(repository.cx.root())
        .config(config())
        .environment(Environment::new::<OsString, OsString>(variables))
        .runner(pretending.clone())
        .build();
    for component in &cx.config().components[..2] {
        setup::component(&cx, component).unwrap();
    }
    let requests = pretending.0.lock().unwrap();
    let variables_of = |words: &str| {
        let request =
            requests.iter().find(|request| request.args[0].to_string_lossy().contains(words)).unwrap();
        request.env.clone()
    };
    for (words, expected) in [
        (
            "pip install",
            [("PIP_CERT", "/etc/company.pem"), ("PIP_INDEX_URL", "https://mirror.example/simple")],
        ),
        (
            "pip sync",
            [("SSL_CERT_FILE", "/etc/company.pem"), ("UV_DEFAULT_INDEX", "https://mirror.example/simple")],
        ),
        (
            "ci",
            [
                ("NODE_EXTRA_CA_CERTS", "/etc/company.pem"),
                ("npm_config_registry", "https://mirror.example/npm"),
            ],
        ),
    ] {
        let env = variables_of(words);
        let proxy = [("HTTPS_PROXY", "http://proxy.example:3128"), ("NO_PROXY", "localhost")];
        for (name, value) in expected.into_iter().chain(proxy) {
            assert_eq!(env.get(OsStr::new(name)).unwrap(), value, "{words}: {name}");
        }
        for name in ["PIP_TARGET", "UV_NO_VERIFY_HASHES", "DATABASE_URL"] {
            assert_eq!(env.get(OsStr::new(name)), None, "{words}: {name}");
        }
    }
}

/// A file system of its own at a folder, for as long as it lives.
struct Mount(PathBuf);

impl Mount {
    /// Mounts with the arguments of mount(8); says why not where this user or machine cannot.
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can mount");
            return None;
        }
        let mounted = std::process::Command::new("mount").args(arguments).arg(at).output().unwrap();
        if !mounted.status.success() {
            println!("skipped: {}", String::from_utf8_lossy(&mounted.stderr));
            return None;
        }
        Some(Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_read_only_checkout_is_told_as_such_and_what_stands_in_it_still_works() {
    let repository = Repository::new();
    repository.set_up("rusty").unwrap();
    let root = repository.cx.root().to_owned();
    let root_text = root.to_str().unwrap();
    let Some(_bound) = Mount::new(&["--bind", root_text], &root) else { return };
    let remount = std::process::Command::new("mount").args(["-o", "remount,bind,ro", root_text]).status();
    assert!(remount.unwrap().success());
    assert_eq!(repository.processes(|it| it.set_up("rusty")), 0);
    for (component, folder) in [("backend", "backend/.venv"), ("frontend", "frontend/node_modules")] {
        let error = repository.set_up(component).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing);
        let text = whole(&error);
        for words in
            [&format!("could not set up `{folder}`"), "Read-only file system", "run from a writable checkout"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}

#[test]
fn a_full_disk_is_told_as_such_whoever_meets_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], folder.path()) else { return };
    for (path, text) in [("tools/requirements.txt", UV), ("rusty/Cargo.toml", "")] {
        write(&folder.path().join(path), text);
    }
    let root = folder.path().to_owned();
    let repository = Repository::at(folder, &root, std::env::vars_os());
    // Python's own installer does not fit on this disk.
    let error = setup::tools(&repository.cx).unwrap_err();
    let text = whole(&error);
    assert_eq!(error.kind(), ErrorKind::Missing, "{text}");
    for words in
        ["could not set up `.xtask/tools`", "the disk is full", "No space left on device", "make room"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_ne!(repository.state("setup.tools"), State::Made);
    // Nothing at all fits any more.
    drop(fs::write(root.join("filler"), vec![1; 8 << 20]));
    let text = whole(&repository.set_up("rusty").unwrap_err());
    assert!(text.contains("No space left on device") && text.contains("make room"), "{text}");
    assert_ne!(repository.state("setup.rusty"), State::Made);
    fs::remove_file(root.join("filler")).unwrap();
    fs::remove_dir_all(root.join(".xtask/tools")).unwrap();
    repository.set_up("rusty").unwrap();
}

#[test]
fn doctor_says_what_is_there_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(folder.path(), &["sh", "node", "npm", "rustc", "cargo", "rustfmt", "cargo-clippy"]);
    script(&path.join("python3"), "#!/bin/sh\necho Python 3.8.1\n");
    script(&path.join("ninja"), "#!/bin/sh\nprintf '\\377\\033[2Jgarbage'\n");
    let repository = Repository::with_environment(with_path(&path));
    let error = doctor::run(&repository.cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert_eq!(error.message(), "`git`, `python` are needed and will not do");
    let answer = repository.said.answer.lock().unwrap().clone();
    let tool = |name: &str| {
        let tools = answer["tools"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).unwrap().clone()
    };
    assert_eq!(tool("git")["standing"], "missing");
    assert_eq!(tool("python")["standing"], "broken");
    assert!(tool("python")["problem"].as_str().unwrap().contains("3.8.1"));
    for name in ["node", "npm", "rustc", "cargo", "rustfmt", "clippy"] {
        assert_eq!(tool(name)["standing"], "fine", "{name}: {}", tool(name));
        assert!(tool(name)["found"].is_string());
    }
    assert!(tool("ninja")["problem"].as_str().unwrap().starts_with("what it said is no version: `"));
    assert!(!tool("ninja")["problem"].as_str().unwrap().contains('\u{1b}'));
    assert_eq!(answer["made"][1]["task"], "setup.backend");
    assert_eq!(answer["made"][1]["state"], "missing");
}
