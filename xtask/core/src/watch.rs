//! What has changed between looks at files, once it is quiet again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long nothing may have changed before a change counts: an editor writes a file in several steps, git many files.
pub const QUIET: Duration = Duration::from_millis(200);

/// What stands for the content of a file: it differs when the file was written. The driver decides what it is made of.
pub type Stamp = [u64; 4];

/// The files that were seen, by their paths relative to the repository.
pub type Seen = BTreeMap<String, Stamp>;

/// Compares looks with each other.
#[derive(Debug)]
pub struct Watch {
    seen: Seen,
    /// What has changed and was not told yet.
    open: BTreeSet<String>,
    /// When something last changed.
    last: Duration,
}

impl Watch {
    /// Begins with what is there now.
    pub fn new(seen: Seen) -> Self {
        Self { seen, open: BTreeSet::new(), last: Duration::ZERO }
    }

    /// Takes a look at `now`, a time since whenever. What has changed since it was last told, once it is quiet; else nothing.
    pub fn look(&mut self, now: Duration, seen: Seen) -> Vec<String> {
        let gone = self.seen.keys().filter(|path| !seen.contains_key(*path));
        let other = seen.iter().filter(|(path, stamp)| self.seen.get(*path) != Some(stamp));
        let changed: Vec<String> = gone.chain(other.map(|(path, _)| path)).cloned().collect();
        if !changed.is_empty() {
            self.open.extend(changed);
            self.last = now;
            self.seen = seen;
        }
        if self.open.is_empty() || now.saturating_sub(self.last) < QUIET {
            return Vec::new();
        }
        std::mem::take(&mut self.open).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &[(&str, u64)]) -> Seen {
        files.iter().map(|(path, stamp)| ((*path).to_owned(), [*stamp, 0, 0, 0])).collect()
    }

    #[test]
    fn what_changes_is_told_once_when_it_is_quiet() {
        let at = Duration::from_millis;
        let mut watch = Watch::new(seen(&[("a", 1), ("b", 1)]));
        let mut told = |now, files: &[(&str, u64)]| watch.look(at(now), seen(files)).join(" ");
        assert_eq!(told(0, &[("a", 1), ("b", 1)]), "");
        assert_eq!(told(100, &[("a", 2), ("b", 1)]), "", "it has just changed");
        assert_eq!(told(250, &[("a", 3), ("b", 1)]), "", "and again");
        assert_eq!(told(400, &[("a", 3), ("c", 1)]), "", "and more");
        assert_eq!(told(599, &[("a", 3), ("c", 1)]), "");
        assert_eq!(told(600, &[("a", 3), ("c", 1)]), "a b c");
        assert_eq!(told(900, &[("a", 3), ("c", 1)]), "", "told once");
        assert_eq!(told(1000, &[("a", 3)]), "");
        assert_eq!(told(1300, &[("a", 3)]), "c");
    }
}
