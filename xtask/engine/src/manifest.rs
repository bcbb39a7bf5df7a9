//! A set of files: paths and what stands there, exactly. What a task has read, and what it has made.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;

use super::digest::Digest;
use super::patterns::Patterns;
use super::{codec, raw};

/// The domain of a manifest's digest.
const DOMAIN: &str = "xtask 2026-11 set of files, format 1";

/// What stands at a path.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// A file.
    File {
        /// Its permissions: all of them of an output, and of an input 0o755 or 0o644, as git knows them: the rest differs
        /// between machines and says nothing.
        mode: u32,
        /// The digest of its bytes.
        digest: Digest,
        /// How many bytes they are.
        size: u64,
    },
    /// A symbolic link and where it leads.
    Link {
        /// The target, as it is written.
        #[serde(serialize_with = "raw::serialize")]
        target: PathBuf,
    },
    /// An empty folder.
    Folder {
        /// Its permissions; 0o755 of an input.
        mode: u32,
    },
}

impl Content {
    /// The same with the permissions that count of an input.
    fn as_input(&self) -> Self {
        match self {
            Self::File { mode, digest, size } => {
                let mode = if mode & 0o100 != 0 { 0o755 } else { 0o644 };
                Self::File { mode, digest: *digest, size: *size }
            }
            Self::Folder { .. } => Self::Folder { mode: 0o755 },
            Self::Link { target } => Self::Link { target: target.clone() },
        }
    }
}

/// Files, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    files: Vec<Item>,
    /// Computed once: many tasks may depend on the same files.
    digest: OnceLock<Digest>,
}

impl PartialEq for Manifest {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Eq for Manifest {}

/// A file of a manifest.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Item {
    /// The path, relative to the repository's root.
    pub path: PathBuf,
    /// What stands there.
    pub content: Content,
}

impl Manifest {
    /// These files, in any order; a path that comes twice counts once.
    pub fn new(mut files: Vec<Item>) -> Self {
        files.sort_unstable();
        files.dedup_by(|one, other| one.path == other.path);
        Self::of_sorted(files)
    }

    /// These files, which are sorted by path, and no path comes twice.
    pub(super) const fn of_sorted(files: Vec<Item>) -> Self {
        Self { files, digest: OnceLock::new() }
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[Item] {
        &self.files
    }

    /// What stands at `path`.
    pub fn get(&self, path: &Path) -> Option<&Content> {
        let found = self.files.binary_search_by(|item| item.path.as_path().cmp(path));
        found.ok().map(|position| &self.files[position].content)
    }

    /// The first path that stands in both.
    pub fn common<'m>(&'m self, other: &Self) -> Option<&'m Path> {
        let (mut ours, mut theirs) = (&self.files[..], &other.files[..]);
        // Each is left out up to what the other has next: most are apart, and seen to be with a search or two.
        while let (Some(our), Some(their)) = (ours.first(), theirs.first()) {
            match our.path.cmp(&their.path) {
                Ordering::Equal => return Some(&our.path),
                Ordering::Less => ours = from(ours, &their.path),
                Ordering::Greater => theirs = from(theirs, &our.path),
            }
        }
        None
    }

    /// The sum of the sizes of its files, in bytes.
    pub fn size(&self) -> u64 {
        let size = |item: &Item| match item.content {
            Content::File { size, .. } => size,
            Content::Link { .. } | Content::Folder { .. } => 0,
        };
        self.files.iter().map(size).sum()
    }

    /// The digest of everything in it.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.compute_digest())
    }

    fn compute_digest(&self) -> Digest {
        Digest::new(blake3::derive_key(DOMAIN, &self.encode()))
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::Writer::with_capacity(self.files.len() * 96);
        self.write(&mut bytes);
        bytes.into_bytes()
    }

    /// From bytes that may be anything; `None` where they are no manifest.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = codec::Reader::new(bytes);
        let manifest = Self::read(&mut reader)?;
        reader.is_empty().then_some(manifest)
    }

    /// Writes all of it.
    pub(super) fn write(&self, bytes: &mut codec::Writer) {
        bytes.number(self.files.len() as u64);
        for Item { path, content } in &self.files {
            bytes.blob(path.as_os_str().as_bytes());
            match content {
                Content::File { mode, digest, size } => {
                    bytes.tag(0).number((*mode).into()).digest(digest).number(*size)
                }
                Content::Link { target } => bytes.tag(1).blob(target.as_os_str().as_bytes()),
                Content::Folder { mode } => bytes.tag(2).number((*mode).into()),
            };
        }
    }

    /// Reads what [`Self::write`] writes.
    pub(super) fn read(from: &mut codec::Reader<'_>) -> Option<Self> {
        let path =
            |from: &mut codec::Reader<'_>| from.blob().map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)));
        let mut files = Vec::new();
        for _ in 0..from.number()? {
            let path_of_item = path(from)?;
            let content = match from.tag()? {
                0 => Content::File { mode: from.count()?, digest: from.digest()?, size: from.number()? },
                1 => Content::Link { target: path(from)? },
                2 => Content::Folder { mode: from.count()? },
                _ => return None,
            };
            files.push(Item { path: path_of_item, content });
        }
        Some(Self::new(files))
    }

    /// What `patterns` would mean once `made` stands where `there` stands now, as far as the rest stays as it is: what a task
    /// reads when the result of one before it has been put back. Permissions count as they do of inputs.
    pub fn replaced(&self, patterns: &Patterns, there: &Self, made: &Self) -> Self {
        let comes: Vec<&Item> = made
            .files
            .iter()
            .filter(|item| {
                let names: Vec<&[u8]> = item.path.iter().map(OsStrExt::as_bytes).collect();
                patterns.includes(&names)
            })
            .collect();
        // A folder that gets something is not an empty one any more.
        let stays = |item: &&Item| {
            let is_filled = comes.iter().any(|other| other.path.starts_with(&item.path));
            there.get(&item.path).is_none() && !is_filled
        };
        let as_input = |item: &&Item| Item { path: item.path.clone(), content: item.content.as_input() };
        let files = self.files.iter().filter(stays).cloned().chain(comes.iter().map(as_input));
        Self::new(files.collect())
    }

    /// Whether every path stays inside of the repository: relative, without `..`. What was read from a store that others can
    /// write to is checked before anything is written by it.
    pub fn stays_inside(&self) -> bool {
        let plain = |path: &Path| {
            !path.as_os_str().is_empty()
                && path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        // A link is written where the path says; a path below a link would be written where the link leads.
        let below_link = self.files.windows(2).any(|pair| {
            !matches!(pair[0].content, Content::Folder { .. }) && pair[1].path.starts_with(&pair[0].path)
        });
        self.files.iter().all(|item| plain(&item.path)) && !below_link
    }
}

/// Sorted files without those whose paths come before this one.
fn from<'f>(files: &'f [Item], path: &Path) -> &'f [Item] {
    &files[files.partition_point(|item| item.path.as_path() < path)..]
}
