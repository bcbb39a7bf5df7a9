//! A secret of the run is in nothing that the run says or leaves behind.

use std::path::Path;
use std::sync::{Arc, Mutex};

use xtask::driver::environment::Environment;
use xtask::event::{Event, Sink};
use xtask::{Command, Cx, ErrorKind};

const SECRET: &str = "hunter2-and-more";

#[derive(Default)]
struct Events(Mutex<String>);

impl Sink for Events {
    fn event(&self, event: &Event) {
        let line = format!("{}\n{event:?}\n", serde_json::to_string(event).unwrap());
        self.0.lock().unwrap().push_str(&line);
    }
}

fn context(root: &Path, events: &Arc<Events>) -> Cx {
    let environment = Environment::new([
        ("PATH", std::env::var("PATH").unwrap()),
        ("MY_TOKEN", SECRET.to_owned()),
        ("DATABASE_URL", format!("postgresql://app:{SECRET}-db@db/x")),
    ]);
    Cx::builder(root).environment(environment).sink(events.clone()).build()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_secret_in_environment_and_output_is_in_no_log_and_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let events = Arc::new(Events::default());
    let cx = context(folder.path(), &events);
    // Whole, cut in two by time, on both streams, without a line's end, and in the command's own variables.
    let script =
        "echo \"whole: $MY_TOKEN\"; printf 'cut: hunter2'; sleep 0.2; echo '-and-more'; echo \"$URL\" >&2
        printf \"end: $MY_TOKEN\"; exit 1";
    let command = Command::new("sh")
        .args(["-c", script])
        .env("MY_TOKEN", SECRET)
        .env("URL", format!("postgresql://app:{SECRET}-db@db/x"));
    let failure = cx.step("leak", |cx| {
        let output = cx.output(command.clone())?;
        assert_eq!(output.stdout, "whole: ***\ncut: ***\nend: ***");
        assert_eq!(output.stderr, "postgresql://app:***@db/x\n");
        assert!(cx.read(command.clone()).is_err());
        cx.run(command.clone())
    });
    let failure = format!("{:?}", failure.unwrap_err());
    let said = events.0.lock().unwrap().clone();
    assert!(said.contains("whole: ***") && said.contains("cut: ***") && said.contains("MY_TOKEN="), "{said}");
    assert!(!said.contains(SECRET) && !failure.contains(SECRET), "{said}{failure}");
    let files = files(folder.path());
    assert!(files.iter().any(|(path, _)| path.ends_with("leak.log")));
    for (path, content) in files {
        let content = String::from_utf8_lossy(&content);
        assert!(!content.contains(SECRET) && content.contains("***"), "{path}: {content}");
    }
}

#[test]
fn a_command_with_a_secret_in_an_argument_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let events = Arc::new(Events::default());
    let cx = context(folder.path(), &events);
    let trace = folder.path().join("started");
    let script = format!("touch {}; echo {SECRET}", trace.display());
    let error = cx.step("leak", |cx| cx.run(Command::new("sh").args(["-c", &script]))).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, "an argument of `sh` holds a secret"));
    assert!(!trace.exists());
    assert!(!events.0.lock().unwrap().contains(SECRET));
}
