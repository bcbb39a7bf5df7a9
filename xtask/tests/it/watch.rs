//! Watching: real files are written while the real program runs.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::repository::Repository;

/// A program that watches, and what it says.
struct Watching<'r> {
    repository: &'r Repository,
    child: Child,
}

impl<'r> Watching<'r> {
    fn start(repository: &'r Repository, tasks: &[&str]) -> Self {
        let log = File::create(repository.root().join("target/said.txt")).unwrap();
        let mut command = repository.command(&["watch"]);
        command.args(tasks).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        Self { repository, child: command.spawn().unwrap() }
    }

    fn said(&self) -> String {
        self.repository.read("target/said.txt")
    }

    /// Waits until something was said so often.
    #[track_caller]
    fn wait(&self, words: &str, times: usize) {
        let start = Instant::now();
        while self.said().matches(words).count() < times {
            assert!(
                start.elapsed() < Duration::from_mins(1),
                "`{words}` not {times} times:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        (self.child.wait().unwrap().code(), self.said())
    }
}

fn repository(slow: &str) -> Repository {
    let repository = Repository::new();
    repository.write(
        "xtask.toml",
        &format!(
            "[project]\nname = \"small\"\n\n[tasks.\"lint.one\"]\ncommand = [\"sh\", \"-c\", \"{slow}; cat one.txt\"]\nreads = [\"one.txt\"]\n\n\
             [tasks.\"lint.two\"]\ncommand = [\"cat\", \"two.txt\"]\nreads = [\"two.txt\"]\n"
        ),
    );
    repository.write(".gitignore", "/target/\n/.xtask/\n");
    repository.write("one.txt", "1\n");
    repository.write("two.txt", "2\n");
    repository.write("other.txt", "3\n");
    repository.write("target/marker", "");
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(repository.root()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    repository
}

#[test]
fn what_a_change_concerns_runs_again() {
    let repository = repository("true");
    let watching = Watching::start(&repository, &["lint"]);
    watching.wait("waiting for changes", 1);
    assert!(watching.said().contains("2 tasks passed in"), "{}", watching.said());
    repository.write("one.txt", "changed\n");
    watching.wait("waiting for changes", 2);
    let said = watching.said();
    assert!(said.contains("1 task passed in"), "{said}");
    let (_, second) = said.split_once("waiting for changes").unwrap();
    assert!(!second.contains("lint.two"), "only the first run has it: {said}");
    // Nobody reads it; and what git ignores is nobody's business.
    repository.write("other.txt", "changed\n");
    repository.write("target/marker", "changed");
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(watching.said(), said);
    // A new file that a task reads counts, and one that is gone, and the configuration.
    std::fs::remove_file(repository.root().join("two.txt")).unwrap();
    watching.wait("did not pass", 1);
    repository.write("two.txt", "back\n");
    watching.wait("waiting for changes", 4);
    repository.edit("xtask.toml", "[\"two.txt\"]", "[\"two.txt\"");
    watching.wait("it is tried again when something changes", 1);
    repository.edit("xtask.toml", "[\"two.txt\"", "[\"two.txt\", \"other.txt\"]");
    watching.wait("waiting for changes", 6);
    let (code, said) = watching.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains('\u{1b}'), "nothing is cleared that is no screen: {said}");
}

#[test]
fn a_newer_change_interrupts_the_run_under_way() {
    let repository = repository("grep -q quick one.txt || sleep 40917");
    let watching = Watching::start(&repository, &["lint.one"]);
    std::thread::sleep(Duration::from_millis(1500));
    // What does not concern it lets it go on.
    repository.write("two.txt", "changed\n");
    std::thread::sleep(Duration::from_millis(900));
    assert!(!watching.said().contains("interrupted"), "{}", watching.said());
    repository.write("one.txt", "quick\n");
    watching.wait("interrupted for a newer change: one.txt", 1);
    watching.wait("1 task passed in", 1);
    assert_eq!(watching.end().0, Some(130));
    assert!(!crate::repository::somebody_runs("sleep 40917"));
}

#[test]
fn an_interruption_ends_the_run_and_the_watching() {
    let repository = repository("sleep 40918");
    let watching = Watching::start(&repository, &["lint.one"]);
    std::thread::sleep(Duration::from_millis(1500));
    let start = Instant::now();
    let (code, said) = watching.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
    assert!(!crate::repository::somebody_runs("sleep 40918"));
}

#[test]
fn without_git_it_says_what_it_needs() {
    let repository = Repository::new();
    repository.write("xtask.toml", "[project]\nname = \"small\"\n");
    let said = repository.xtask(&["watch"]).expect(4);
    assert!(said.stderr.contains("git does not say which files there are"), "{}", said.all());
}
