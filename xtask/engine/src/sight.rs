//! What was in folders at one moment, for whoever looks next at the same moment: many tasks read the same ones.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::stat::Stat;

/// Folders by their paths. Most are of one task: the first look at one leaves only its path, the second what it has seen.
#[derive(Debug, Default)]
pub struct Folders(Mutex<HashMap<PathBuf, Option<Arc<Folder>>>>);

/// The names in a folder, and what stands there as far as somebody asked: `None` inside where it is gone.
pub type Folder = Vec<(OsString, OnceLock<Option<Stat>>)>;

/// How often somebody has looked at a folder before.
#[derive(Clone, Debug)]
pub enum Before {
    /// Nobody has.
    Never,
    /// Somebody has, and kept nothing.
    Once,
    /// This was seen.
    Often(Arc<Folder>),
}

impl Folders {
    /// How often somebody has looked at the folder; this counts as a look.
    pub fn look(&self, folder: &Path) -> Before {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(folder) {
            Some(Some(listed)) => Before::Often(Arc::clone(listed)),
            Some(None) => Before::Once,
            None => {
                known.insert(folder.to_owned(), None);
                Before::Never
            }
        }
    }

    /// Keeps what was seen.
    pub fn keep(&self, folder: &Path, listed: Folder) -> Arc<Folder> {
        let listed = Arc::new(listed);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(folder.to_owned(), Some(Arc::clone(&listed)));
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_look_is_kept() {
        let (folders, path) = (Folders::default(), Path::new("a/b"));
        assert!(matches!(folders.look(path), Before::Never));
        assert!(matches!(folders.look(path), Before::Once));
        let kept = folders.keep(path, vec![("x".into(), OnceLock::new())]);
        let Before::Often(listed) = folders.look(path) else { panic!("it is kept") };
        assert!(Arc::ptr_eq(&kept, &listed));
        assert!(matches!(folders.look(Path::new("a")), Before::Never));
    }
}
