//! What a task makes: taken away before it runs, put back instead of running it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use super::Store;
use crate::core::fingerprint::entry::Entry;
use crate::core::fingerprint::manifest::Item;
use crate::core::fingerprint::{Content, Manifest};
use crate::error::{Context as _, Result};
use crate::files;

/// Takes away what stands at these places, so that nothing of an earlier run passes for a result of the next one.
pub fn clean(root: &Path, there: &Manifest) -> Result<()> {
    remove_all(root, there.files())
}

fn remove_all<'i>(root: &Path, items: impl IntoIterator<Item = &'i Item>) -> Result<()> {
    for item in items {
        let path = root.join(&item.path);
        files::remove(&path)?;
        // Folders that held nothing else go too; the first one that holds something stays.
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| *folder != root && fs::remove_dir(folder).is_ok()) {
            above = folder.parent();
        }
    }
    Ok(())
}

/// Makes the places of the outputs look as they were stored: `there` is what stands there now.
///
/// # Errors
///
/// Where something cannot be written, or is missing in the store or damaged there. What stands there then is neither this nor
/// that; the task has to be run.
pub fn restore(store: &Store, root: &Path, there: &Manifest, entry: &Entry) -> Result<()> {
    let stored = &entry.outputs;
    let foreign = there.files().iter().filter(|item| stored.get(&item.path) != Some(&item.content));
    remove_all(root, foreign)?;
    for Item { path, content } in stored.files() {
        if there.get(path) == Some(content) {
            continue;
        }
        let target = root.join(path);
        let failed = || format!("could not restore `{}`", path.display());
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).context(failed)?;
        }
        match content {
            Content::File { mode, digest, .. } => store.write_out(entry, digest, &target, *mode)?,
            Content::Link { target: leads } => symlink(leads, &target).context(failed)?,
            Content::Folder { mode } => fs::create_dir_all(&target)
                .and_then(|()| fs::set_permissions(&target, fs::Permissions::from_mode(*mode)))
                .context(failed)?,
        }
    }
    Ok(())
}
