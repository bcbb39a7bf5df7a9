//! Which results of a task were stored, for whoever asks why it runs again.
//!
//! Tasks share a few files, by their names: a line for each result, appended when it is stored. What is lost or damaged of it is
//! missed in an explanation, and nowhere else.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::core::fingerprint::Digest;
use crate::files;

/// How many results of a task are known.
const KNOWN: usize = 12;

/// After how many bytes more a file is looked through for what is not needed any more.
const ROUND: u64 = 32 << 10;

/// The keys under which the latest results of a task were stored, the newest first.
pub(super) fn of(store: &Path, task: &str) -> Vec<Digest> {
    latest(&fs::read_to_string(path(store, task)).unwrap_or_default(), task)
}

fn latest(text: &str, task: &str) -> Vec<Digest> {
    let mut keys = Vec::new();
    for (key, other) in text.lines().rev().filter_map(|line| line.split_once(' ')) {
        if other == task
            && keys.len() < KNOWN
            && let Some(key) = Digest::parse(key)
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    keys
}

/// Notes that a result of a task was stored.
pub(super) fn add(store: &Path, task: &str, key: &Digest) -> io::Result<()> {
    let path = path(store, task);
    let line = format!("{key} {task}\n");
    let open = || File::options().append(true).create(true).open(&path);
    // One write, after which no other process's can stand inside of the line.
    let mut file = files::in_folder(&path, open)?;
    file.write_all(line.as_bytes())?;
    let size = file.metadata()?.len();
    if size / ROUND > size.saturating_sub(line.len() as u64) / ROUND {
        shorten(&path)?;
    }
    Ok(())
}

/// Leaves what [`of`] reads, in a new file, where that is much less.
fn shorten(path: &Path) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let mut tasks: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let lines = |task: &&str| -> Vec<String> {
        latest(&text, task).iter().rev().map(|key| format!("{key} {task}\n")).collect()
    };
    let left = tasks.iter().flat_map(lines).collect::<String>();
    if left.len() > text.len() / 2 {
        return Ok(());
    }
    files::write(path, left.as_bytes()).map_err(io::Error::other)
}

fn path(store: &Path, task: &str) -> PathBuf {
    store.join("known").join(&Digest::of(task.as_bytes()).to_string()[..2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn the_latest_are_known_and_the_file_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path();
        assert!(of(store, "test.a").is_empty());
        for number in 0..2_000 {
            add(store, "test.a", &key(number)).unwrap();
            add(store, "test.b", &key(number / 1_000)).unwrap();
        }
        let latest: Vec<Digest> = (2_000 - 12..2_000).rev().map(key).collect();
        assert_eq!(of(store, "test.a"), latest);
        assert_eq!(of(store, "test.b"), [key(1), key(0)]);
        let size = |task: &str| fs::metadata(path(store, task)).unwrap().len();
        assert!(size("test.a") < 3 * ROUND && size("test.b") < 3 * ROUND);
        add(store, "test.a", &key(1_990)).unwrap();
        assert_eq!(of(store, "test.a")[0], key(1_990));
        assert_eq!(of(store, "test.a").len(), KNOWN);
    }

    #[test]
    fn tasks_of_one_file_and_damage_do_not_harm_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path();
        let path_of = |task: &str| path(store, task);
        let other =
            (0..100_000).map(|number| format!("t{number}")).find(|task| path_of(task) == path_of("test.a"));
        let other = other.unwrap();
        add(store, "test.a", &key(1)).unwrap();
        add(store, &other, &key(2)).unwrap();
        assert_eq!((of(store, "test.a"), of(store, &other)), (vec![key(1)], vec![key(2)]));
        let text = files::read(&path_of("test.a")).unwrap();
        files::write(&path_of("test.a"), format!("x\n \n0 test.a\n{text}{} test.a", &text[..9]).as_bytes())
            .unwrap();
        assert_eq!(of(store, "test.a"), [key(1)]);
    }
}
