//! What is known of a checkout without reading its files again: digests beside what tells one state of a file from another,
//! and what each task has left.
//!
//! The index only saves hashing. A file whose size, times, inode, device or mode differ from what was written down is read
//! again; so is one that changed within the moment in which it was read, because a second change in that moment leaves no
//! trace (git's "racy" rule, git-scm.com, Documentation/technical/racy-git). Moments are the file system's own: its clock
//! ticks in steps, and on a network it is another machine's. A damaged index, or one of another version, is an empty one.

use std::collections::HashMap;
use std::sync::Arc;

use super::codec::{self, FORMAT};
use super::digest::Digest;
use super::stat::Stat;
use super::table::Table;

const MAGIC: &[u8] = b"xtask index 5\n";

/// What a task has left in a checkout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Left {
    /// The key of the result.
    pub key: Digest,
    /// The digest of the manifest of its outputs.
    pub outputs: Digest,
    /// How many files these are.
    pub files: u64,
    /// The digest of its log, where it wrote one.
    pub log: Option<Digest>,
    /// What it said that has to be said again, in the form of whoever says it: beside what a result consists of it is little, and
    /// where nothing has changed it is all of it that anybody needs.
    pub said: Option<Arc<[u8]>>,
    /// How long the task took when it was run, in microseconds.
    pub took: u64,
    /// When the result was stored, in seconds since 1970.
    pub stored: u64,
    /// The day on which the store was told that the result is in use, in days since 1970.
    pub used: u64,
}

/// What is known of a checkout.
#[derive(Clone, Debug, Default)]
pub struct Index {
    files: Table,
    /// Files that were written down since, and those of `files` that count no more.
    learned: HashMap<Vec<u8>, Option<(Stat, Digest)>>,
    tasks: HashMap<String, Left>,
    changed: bool,
}

impl Index {
    /// The digest of the file at `path`, if it still is what it was when it was read.
    pub fn digest(&self, path: &[u8], stat: &Stat) -> Option<Digest> {
        self.known(path).filter(|(known, _)| known == stat).map(|(_, digest)| digest)
    }

    fn known(&self, path: &[u8]) -> Option<(Stat, Digest)> {
        match self.learned.get(path) {
            Some(learned) => *learned,
            None => self.files.get(path),
        }
    }

    /// Writes down the digest of a file that was read after `moment` and had this `stat` before and afterwards. One that
    /// could change without a trace is not written down, and read again the next time.
    pub fn learn(&mut self, path: &[u8], stat: Stat, digest: Digest, moment: u64) {
        let now = stat.is_settled(moment).then_some((stat, digest));
        if self.known(path) != now {
            self.learned.insert(path.to_vec(), now);
            self.changed = true;
        }
    }

    /// What the task has left.
    pub fn left(&self, task: &str) -> Option<&Left> {
        self.tasks.get(task)
    }

    /// Writes down what the task has left; `None` when it is at work and whatever was there counts no more.
    pub fn leave(&mut self, task: &str, left: Option<Left>) {
        match left {
            Some(left) if self.tasks.get(task) == Some(&left) => return,
            Some(left) => {
                self.tasks.insert(task.to_owned(), left);
            }
            None => {
                self.tasks.remove(task);
            }
        }
        self.changed = true;
    }

    /// Whether anything was written down since it was read.
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// Forgets files, once there are far more of them than `looked_at`: most are gone, and each costs a moment in every run.
    pub fn forget(&mut self, looked_at: usize, is_there: impl Fn(&[u8]) -> bool) {
        if self.files.len() + self.learned.len() > 2 * looked_at + 20_000 {
            let gone =
                self.files().filter(|(path, ..)| !is_there(path)).map(|(path, ..)| (path.to_vec(), None));
            let gone: Vec<_> = gone.collect();
            self.changed |= !gone.is_empty();
            self.learned.extend(gone);
        }
    }

    /// All files.
    fn files(&self) -> impl Iterator<Item = (&[u8], Stat, Digest)> {
        let kept = self.files.iter().filter(|(path, ..)| !self.learned.contains_key(*path));
        let learned = self.learned.iter();
        kept.chain(learned.filter_map(|(path, known)| known.map(|(stat, digest)| (&**path, stat, digest))))
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = codec::Writer::with_capacity(self.files.len() * 160 + self.tasks.len() * 128);
        body.number(self.tasks.len() as u64);
        for (task, left) in &self.tasks {
            body.text(task).digest(&left.key).digest(&left.outputs);
            match &left.log {
                Some(log) => body.tag(1).digest(log),
                None => body.tag(0),
            };
            match &left.said {
                Some(said) => body.tag(1).blob(said),
                None => body.tag(0),
            };
            body.number(left.files).number(left.took).number(left.stored).number(left.used);
        }
        Table::write(self.files(), &mut body);
        let mut bytes = codec::Writer::with_capacity(body.bytes().len() + 64);
        bytes.blob(MAGIC).number(FORMAT.into()).digest(&Digest::of(body.bytes())).blob(body.bytes());
        bytes.into_bytes()
    }

    /// From bytes; `None` where they are damaged or of another version.
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        let mut reader = codec::Reader::new(&bytes);
        if reader.blob()? != MAGIC || reader.number()? != u64::from(FORMAT) {
            return None;
        }
        let digest = reader.digest()?;
        let body = reader.blob()?;
        if !reader.is_empty() || Digest::of(body) != digest {
            return None;
        }
        let mut reader = codec::Reader::new(body);
        let count = usize::try_from(reader.number()?).ok()?;
        // A count is no more than bytes: it does not make us ask for memory that is not there.
        let mut tasks = HashMap::with_capacity(count.min(body.len() / 60));
        for _ in 0..count {
            let task = reader.text()?.to_owned();
            let (key, outputs) = (reader.digest()?, reader.digest()?);
            let log = match reader.tag()? {
                0 => None,
                _ => Some(reader.digest()?),
            };
            let said = match reader.tag()? {
                0 => None,
                _ => Some(reader.blob()?.into()),
            };
            let (files, took) = (reader.number()?, reader.number()?);
            let (stored, used) = (reader.number()?, reader.number()?);
            tasks.insert(task, Left { key, outputs, files, log, said, took, stored, used });
        }
        // They are read where they lie, when somebody asks.
        let start = bytes.len() - reader.rest().len();
        Some(Self { files: Table::read(bytes, start)?, learned: HashMap::new(), tasks, changed: false })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn stat(changed: u64) -> Stat {
        Stat { size: 5, modified: 100, changed, inode: 7, device: 8, mode: 0o100_644 }
    }

    fn all(index: &Index) -> BTreeMap<&[u8], (Stat, Digest)> {
        index.files().map(|(path, stat, digest)| (path, (stat, digest))).collect()
    }

    fn index() -> Index {
        let mut index = Index::default();
        index.learn(b"a/b", stat(150), Digest::of(b"b"), 200);
        index.learn(b"\xff", stat(160), Digest::of(b"c"), 200);
        let left = Left {
            key: Digest::of(b"k"),
            outputs: Digest::of(b"o"),
            files: 3,
            log: Some(Digest::of(b"l")),
            said: Some(b"\0words".as_slice().into()),
            took: 1_500_000,
            stored: 1_700_000_000,
            used: 20_000,
        };
        index.leave("lint.a", Some(Left { log: None, said: None, ..left.clone() }));
        index.leave("test.a", Some(left));
        index
    }

    #[test]
    fn what_is_written_is_read() {
        let index = index();
        assert!(index.is_changed());
        let mut read = Index::decode(index.encode()).unwrap();
        assert!(!read.is_changed());
        assert_eq!((all(&read), &read.tasks), (all(&index), &index.tasks));
        assert_eq!(read.digest(b"a/b", &stat(150)), Some(Digest::of(b"b")));
        // What is learned stands before what was read, and takes its place where both are written down.
        read.learn(b"a/b", stat(150), Digest::of(b"b"), 200);
        assert!(!read.is_changed(), "nothing new");
        read.learn(b"a/b", stat(170), Digest::of(b"d"), 200);
        read.learn(b"\xff", stat(200), Digest::of(b"c"), 200);
        read.learn(b"new", stat(180), Digest::of(b"e"), 200);
        assert_eq!(read.digest(b"a/b", &stat(150)), None);
        assert_eq!(read.digest(b"a/b", &stat(170)), Some(Digest::of(b"d")));
        assert_eq!(read.digest(b"\xff", &stat(160)), None, "it could change without a trace");
        let again = Index::decode(read.encode()).unwrap();
        assert_eq!(all(&again).keys().copied().collect::<Vec<_>>(), [&b"a/b"[..], b"new"]);
        assert_eq!(all(&again), all(&read));
        assert_eq!(again.digest(b"a/b", &stat(170)), Some(Digest::of(b"d")));
    }

    #[test]
    fn files_that_are_gone_are_forgotten_once_they_are_many() {
        let mut index = Index::default();
        for number in 0..20_010_u32 {
            index.learn(format!("{number}").as_bytes(), stat(150), Digest::of(b"x"), 200);
        }
        let mut index = Index::decode(index.encode()).unwrap();
        index.forget(5, |path| path == b"7");
        assert!(!index.is_changed(), "there are not far more than were looked at");
        index.forget(4, |path| path == b"7");
        assert!(index.is_changed());
        let index = Index::decode(index.encode()).unwrap();
        assert_eq!(all(&index).keys().copied().collect::<Vec<_>>(), [b"7"]);
    }

    #[test]
    fn a_file_that_differs_in_anything_is_read_again() {
        let index = index();
        let known = stat(150);
        for other in [
            Stat { size: 6, ..known },
            Stat { modified: 101, ..known },
            Stat { changed: 151, ..known },
            Stat { inode: 8, ..known },
            Stat { device: 9, ..known },
            Stat { mode: 0o100_755, ..known },
        ] {
            assert_eq!(index.digest(b"a/b", &other), None, "{other:?}");
        }
    }

    #[test]
    fn a_file_that_could_change_without_a_trace_is_not_known() {
        let mut index = index();
        index.learn(b"a/b", stat(200), Digest::of(b"d"), 200);
        assert_eq!(index.digest(b"a/b", &stat(200)), None);
        assert_eq!(index.digest(b"a/b", &stat(150)), None, "what was known before is no more");
        index.learn(b"a/b", Stat { modified: 300, ..stat(150) }, Digest::of(b"d"), 200);
        assert_eq!(index.digest(b"a/b", &Stat { modified: 300, ..stat(150) }), None, "a time in the future");
    }

    #[test]
    fn any_flipped_bit_makes_it_unknown() {
        let bytes = index().encode();
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << (position % 8);
            assert!(Index::decode(damaged).is_none(), "byte {position}");
        }
        for length in 0..bytes.len() {
            assert!(Index::decode(bytes[..length].to_vec()).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn what_a_task_has_left_is_forgotten_while_it_works() {
        let mut index = Index::decode(index().encode()).unwrap();
        index.leave("test.a", index.left("test.a").cloned());
        assert!(!index.is_changed(), "nothing new");
        index.leave("test.a", None);
        assert!(index.is_changed() && index.left("test.a").is_none());
    }
}
