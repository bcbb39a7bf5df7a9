//! Where the paths of a tool's output lie in the repository.

use std::path::{Component, Path, PathBuf};

use super::Location;

/// Turns the paths that a tool writes into paths relative to the repository's root.
#[derive(Clone, Debug)]
pub struct Paths {
    root: PathBuf,
    folder: PathBuf,
}

impl Paths {
    /// For a tool that runs in `folder`, a path relative to the repository at `root`.
    pub fn new(root: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), folder: folder.into() }
    }

    /// The path relative to the root; absolute where it lies outside of the repository.
    pub fn relative(&self, path: &Path) -> PathBuf {
        let absolute = normal(&self.root.join(&self.folder).join(path));
        absolute.strip_prefix(normal(&self.root)).map_or_else(|_| absolute.clone(), Path::to_owned)
    }

    /// The place that `path`, `path:line` or `path:line:column` names.
    pub fn locate(&self, place: &str) -> Option<Location> {
        let mut path = place;
        let mut numbers = [None, None];
        for number in &mut numbers {
            let Some((before, digits)) = path.rsplit_once(':') else { break };
            let Ok(value) = digits.parse::<u32>() else { break };
            (path, *number) = (before, Some(value));
        }
        let (line, column) = match numbers {
            [Some(column), Some(line)] => (Some(line), Some(column)),
            [line, _] => (line, None),
        };
        let line = line.filter(|&line| line > 0);
        let column = column.filter(|&column| column > 0 && line.is_some());
        (!path.trim().is_empty()).then(|| Location::at(self.relative(Path::new(path)), line, column))
    }
}

/// The path without `.` and, as far as it goes, without `..`: what the text says, links are not looked at.
fn normal(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_relative_to_the_repository() {
        let paths = Paths::new("/repo", "backend");
        for (place, expected) in [
            ("src/a.py:3:8", Some("backend/src/a.py:3:8")),
            ("src/a.py:3", Some("backend/src/a.py:3")),
            ("./src/a.py", Some("backend/src/a.py")),
            ("../k8s/x y.yml:1", Some("k8s/x y.yml:1")),
            ("/repo/backend/src/größe.py:3", Some("backend/src/größe.py:3")),
            ("/repository/a.py:3:1", Some("/repository/a.py:3:1")),
            ("a:b.py:7:2", Some("backend/a:b.py:7:2")),
            ("a.py:0:0", Some("backend/a.py")),
            ("a.py:99999999999999999999", Some("backend/a.py:99999999999999999999")),
            ("../../../../../x:1", Some("/x:1")),
            (":3:1", None),
            ("", None),
        ] {
            let found = paths.locate(place).map(|location| location.to_string());
            assert_eq!(found.as_deref(), expected, "{place}");
        }
    }
}
