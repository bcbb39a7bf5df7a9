//! Where results are kept.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder for the results of the repository at `root`: in the folder that git shares between the worktrees of a clone, so
/// that no build and no `git clean` takes it away, and each worktree finds what another one made. Where there is no git, in
/// `tools`.
///
/// A worktree's `.git` is a file that says `gitdir: PATH`, and the file `commondir` there says where the shared folder is
/// (gitrepository-layout(5)).
pub fn place(root: &Path, tools: &Path) -> PathBuf {
    let common = root.ancestors().find_map(|folder| common_folder(&folder.join(".git")));
    common.unwrap_or_else(|| tools.to_owned()).join("xtask-cache")
}

fn common_folder(git: &Path) -> Option<PathBuf> {
    let found = fs::metadata(git).ok()?;
    if found.is_dir() {
        return git.join("HEAD").exists().then(|| git.to_owned());
    }
    let text = fs::read_to_string(git).ok()?;
    let folder = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(folder.join("commondir")) {
        Ok(common) => fs::canonicalize(folder.join(common.trim())).ok(),
        // A submodule has a folder of its own.
        Err(_) => folder.join("HEAD").exists().then_some(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worktrees_share_it_and_without_git_it_is_at_home() {
        // The usual one may be in a repository.
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(above).unwrap();
        let (main, other) = (folder.path().join("main"), folder.path().join("other"));
        let tools = main.join(".xtask");
        fs::create_dir_all(&main).unwrap();
        assert_eq!(place(&main, &tools), tools.join("xtask-cache"));
        let git = |cwd: &Path, words: &str| {
            let output = duct::cmd("git", words.split(' ')).dir(cwd).stderr_to_stdout().unchecked().read();
            output.unwrap()
        };
        git(&main, "init --quiet");
        assert_eq!(place(&main, &tools), main.join(".git/xtask-cache"));
        git(&main, "-c user.name=a -c user.email=a@b commit --quiet --allow-empty --message x");
        git(&main, "worktree add --quiet ../other");
        let expected = fs::canonicalize(main.join(".git")).unwrap().join("xtask-cache");
        assert_eq!(place(&other, &other.join(".xtask")), expected);
        assert_eq!(
            place(&other.join("deep/inside"), &tools),
            expected,
            "a project in a folder of the repository"
        );
    }
}
