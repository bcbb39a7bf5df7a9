//! A task that runs each time and mostly finds that nothing is to be done: what waits for it need not be looked at again then.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use xtask::config::Config;
use xtask::pipeline::Options;
use xtask::{Cx, Error, Footprint, Pipeline, Task};

/// What the task that runs each time does to the file that the other one reads, and whether it says that it has changed nothing.
#[derive(Clone, Copy)]
struct Before {
    writes: Option<&'static str>,
    is_unchanged: bool,
    fails_first: bool,
}

/// Runs both tasks; how often the one that reads has run so far.
fn run(root: &Path, before: Before, runs: &Arc<AtomicU32>) -> u32 {
    let (own, tries, counted) = (root.to_owned(), AtomicU32::new(0), Arc::clone(runs));
    let prepare = move |cx: &Cx| {
        if let Some(text) = before.writes {
            fs::write(own.join("input"), text).unwrap();
        }
        if before.fails_first && tries.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(Error::problems("half-way"));
        }
        if before.is_unchanged {
            cx.unchanged();
        }
        Ok(())
    };
    let read = move |_: &Cx| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let pipeline = Pipeline::new()
        .with(Task::new("prepare", prepare).uncached("it looks itself").retries(1))
        .with(Task::new("read", read).after(["prepare"]).cached(Footprint::new().reads(["input"])));
    let options = Options { jobs: Some(2), ..Options::default() };
    let cx = Cx::builder(root).config(Config::default()).build();
    assert_eq!(pipeline.run(&cx, &options).unwrap().exit_code, 0);
    runs.load(Ordering::Relaxed)
}

/// That it is not looked at is seen by a task that does not say the truth: what it writes is noticed by the run after that.
#[test]
fn what_was_seen_before_counts_where_a_task_says_that_it_has_changed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("input"), "1").unwrap();
    let runs = Arc::default();
    let stands = Before { writes: None, is_unchanged: true, fails_first: false };
    assert_eq!([run(root, stands, &runs), run(root, stands, &runs)], [1, 1]);
    let lies = Before { writes: Some("2"), ..stands };
    assert_eq!(run(root, lies, &runs), 1, "it stands in place, by what was seen before");
    assert_eq!([run(root, stands, &runs), run(root, stands, &runs)], [2, 2], "what stands there is seen");
    // Who says nothing, or has failed before, may have changed what is read.
    assert_eq!(run(root, Before { writes: Some("3"), is_unchanged: false, ..stands }, &runs), 3);
    assert_eq!(run(root, Before { writes: Some("4"), fails_first: true, ..stands }, &runs), 4);
}

#[test]
fn an_edit_is_seen_behind_a_task_that_has_changed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let stands = Before { writes: None, is_unchanged: true, fails_first: false };
    let runs = Arc::default();
    for (number, text) in (1..).zip(["1", "2", "33", "2"]) {
        fs::write(root.join("input"), text).unwrap();
        let expected = if number == 4 { 3 } else { number };
        assert_eq!(run(root, stands, &runs), expected, "`{text}` is stored once it was read");
    }
}
