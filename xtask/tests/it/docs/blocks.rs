//! The commands in the documents, tried: what a block marked `run` says is run in a copy of this repository.
//!
//! A block is marked by the word behind its language: ```` ```console run ````, or `run=1` where it is to end with that exit code.
//! Readers on GitHub do not see it. Of a block of `console` the lines that begin with `$ ` are the commands; one of `sh` is all
//! commands. They run in a shell that ends at the first command that fails, as long as [`TIMEOUT`] allows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use xtask::core::diagnostic::position;
use xtask::core::site::document::{self, Block};

use crate::repository::Repository;

/// How long a block may take. What takes longer is nothing that a reader tries while reading.
const TIMEOUT: Duration = Duration::from_mins(4);

/// How a block is to end; `None` where it is not marked.
fn mark(block: &Block) -> Result<Option<i32>, String> {
    let mut words = block.info.split_whitespace();
    let language = words.next().unwrap_or_default();
    match (language, words.next(), words.next()) {
        (_, None, _) => Ok(None),
        ("console" | "sh", Some("run"), None) => Ok(Some(0)),
        ("console" | "sh", Some(word), None) => {
            let code = word.strip_prefix("run=").and_then(|code| code.parse().ok());
            code.map(Some).ok_or_else(|| format!("`{word}` is neither `run` nor `run=CODE`"))
        }
        _ => Err(format!("`{}` marks a block that no shell runs", block.info)),
    }
}

/// What a shell is given.
fn script(block: &Block) -> String {
    if !block.info.starts_with("console") {
        return block.text.clone();
    }
    let mut script = String::new();
    let mut goes_on = false;
    for line in block.text.lines() {
        let command = if goes_on { Some(line) } else { line.strip_prefix("$ ") };
        if let Some(command) = command {
            writeln!(script, "{command}").unwrap();
        }
        goes_on = command.is_some_and(|command| command.ends_with('\\'));
    }
    script
}

/// Runs the marked blocks of these documents in a repository; how many there are, and what did not end as it should.
fn run(documents: &BTreeMap<PathBuf, String>, repository: &Repository) -> (usize, Vec<String>) {
    let (mut count, mut problems) = (0, Vec::new());
    for (path, text) in documents {
        for block in document::read(text).blocks {
            let place = format!("{}:{}", path.display(), position(text, block.offset).0);
            let expected = match mark(&block) {
                Ok(Some(code)) => code,
                Ok(None) => continue,
                Err(why) => {
                    problems.push(format!("{place}: {why}"));
                    continue;
                }
            };
            count += 1;
            let start = Instant::now();
            let (code, said) = shell(repository, &script(&block));
            println!("{place}: exit {code} after {:.1?}", start.elapsed());
            if code != expected {
                problems.push(format!(
                    "{place}: ended with {code} instead of {expected}\n{}\n{said}",
                    script(&block)
                ));
            }
        }
    }
    (count, problems)
}

/// Runs a script in a repository; its exit code, or -1 where it took too long, and what it said.
fn shell(repository: &Repository, script: &str) -> (i32, String) {
    let said = repository.root().with_extension("said");
    let out = fs::File::create(&said).unwrap();
    let own = repository.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(repository.root()).stdin(Stdio::null()).env_clear();
    command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", repository.root().join(".shim").display()));
    let mut child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    let start = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        if start.elapsed() > TIMEOUT {
            child.kill().unwrap();
            child.wait().unwrap();
            break -1;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = String::from_utf8_lossy(&fs::read(&said).unwrap()).into_owned();
    fs::remove_file(&said).unwrap();
    (code, text)
}

/// A `cargo` whose `xtask` is the program under test, so that nothing is compiled a second time.
fn shim(repository: &Repository) {
    let text = format!(
        "#!/bin/sh\nif [ \"$1\" = xtask ]; then shift; exec '{}' \"$@\"; fi\nPATH=${{PATH#*:}} exec cargo \"$@\"\n",
        env!("CARGO_BIN_EXE_xtask")
    );
    repository.write(".shim/cargo", &text);
    let file = repository.root().join(".shim/cargo");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn git(root: &Path, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A copy of the files of this repository as they are now, as its own repository of git.
fn copy() -> Repository {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let copy = Repository::new();
    let names = git(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    for name in names.split_terminator('\0').filter(|name| root.join(name).is_file()) {
        let to = copy.root().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(root.join(name), to).unwrap();
    }
    git(copy.root(), &["init", "--quiet"]);
    git(copy.root(), &["add", "--all"]);
    git(
        copy.root(),
        &["-c", "user.name=t", "-c", "user.email=t@e.org", "commit", "--quiet", "--message", "copy"],
    );
    shim(&copy);
    copy
}

/// The documents whose blocks are tried.
fn documents(root: &Path) -> BTreeMap<PathBuf, String> {
    let docs = walkdir::WalkDir::new(root.join("docs")).into_iter().map(|entry| entry.unwrap().into_path());
    let all = docs.chain([root.join("README.md")]);
    all.filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.strip_prefix(root).unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn what_is_marked_runs_on_a_fresh_copy() {
    let copy = copy();
    let (count, problems) = run(&documents(copy.root()), &copy);
    println!("{count} blocks were run");
    assert!(count >= 8, "{count}");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn what_does_not_end_as_it_should_is_named_with_its_line() {
    let repository = Repository::new();
    repository
        .write("xtask.toml", "[project]\nname = \"small\"\n\n[tasks.\"own.bad\"]\ncommand = [\"false\"]\n");
    shim(&repository);
    let text = "# One\n\n```console run=1\n$ cargo xtask ci own.bad\nanything\n```\n\n```sh run\ntrue\nfalse\ntrue\n```\n\n```console run\n\
                $ echo one \\\n  two > written\n```\n\n```toml run\n```\n\n```sh rnu\n```\n\n```sh\nexit 9\n```\n";
    let documents = [(PathBuf::from("docs/a.md"), text.to_owned())].into();
    let (count, problems) = run(&documents, &repository);
    assert_eq!(count, 3);
    let first: Vec<&str> = problems.iter().map(|problem| problem.lines().next().unwrap()).collect();
    assert_eq!(
        first,
        [
            "docs/a.md:8: ended with 1 instead of 0",
            "docs/a.md:19: `toml run` marks a block that no shell runs",
            "docs/a.md:22: `rnu` is neither `run` nor `run=CODE`",
        ]
    );
    assert_eq!(repository.read("written"), "one two\n");
}
