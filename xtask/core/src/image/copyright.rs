//! What the packages of Debian in an image say of their licences: `/usr/share/doc/NAME/copyright` (Debian policy, 12.5), which
//! may be a link, as may the folder that it is in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::archive::{Member, Type, Whiteout};
use crate::license::debian;

/// Where the folders of the packages are.
const FOLDER: &str = "usr/share/doc/";

/// What each of these files is called.
const FILE: &str = "copyright";

/// How many links are followed, one after the other.
const LINKS_MAX: usize = 8;

/// What these files say, as far as layers were looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Copyrights(BTreeMap<String, Copyright>);

/// What is at a path.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
enum Copyright {
    /// A file that a program can read, and its licences.
    Stated(Vec<String>),
    /// A file for people.
    Prose,
    /// A link to another path.
    Link(String),
}

impl Copyrights {
    /// Forgets what a later layer takes away.
    pub(super) fn remove(&mut self, whiteout: &Whiteout) {
        self.0.retain(|path, _| !whiteout.takes(path));
    }

    /// Takes note of a member. Returns whether its content is wanted.
    pub(super) fn member(&mut self, member: &Member) -> bool {
        let Some(below) = member.name.strip_prefix(FOLDER) else { return false };
        let is_file = Self::is_one(&member.name);
        let is_folder = !below.contains('/');
        match member.kind {
            Type::Link | Type::HardLink if is_file || is_folder => {
                self.0.insert(member.name.clone(), Copyright::Link(member.leads_to()));
            }
            Type::Folder if is_folder => drop(self.0.remove(&member.name)),
            Type::File => return is_file,
            _ => {}
        }
        false
    }

    /// Reads the content of a member that was wanted.
    pub(super) fn content(&mut self, member: &Member, content: &[u8]) {
        let said = debian::statements(&String::from_utf8_lossy(content));
        self.0.insert(member.name.clone(), said.map_or(Copyright::Prose, Copyright::Stated));
    }

    /// Whether the path is that of one of these files.
    pub(super) fn is_one(path: &str) -> bool {
        let below = path.strip_prefix(FOLDER).and_then(|below| below.split_once('/'));
        below.is_some_and(|(_, name)| name == FILE)
    }

    /// What the package says of its licences; nothing where it has no such file, or one for people alone.
    pub(super) fn of(&self, package: &str) -> Vec<String> {
        let mut path = format!("{FOLDER}{package}/{FILE}");
        for _ in 0..LINKS_MAX {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            match (self.0.get(&path), self.0.get(folder)) {
                (Some(Copyright::Stated(licenses)), _) => return licenses.clone(),
                (Some(Copyright::Link(target)), _) => path.clone_from(target),
                (None, Some(Copyright::Link(target))) => path = format!("{target}/{FILE}"),
                _ => break,
            }
        }
        Vec::new()
    }
}
