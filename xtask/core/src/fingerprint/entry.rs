//! A stored result: what it depends on, what it left, and what the task said.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::codec::{Reader, Writer};
use super::contents::Contents;
use super::{Digest, FORMAT, Fingerprint, Manifest};
use crate::coverage::Coverage;
use crate::finding::Finding;
use crate::gate::{Account, GapKind};
use crate::report::TestReport;
use crate::text;

/// The first line of an entry, before the digest of the rest.
const MAGIC: &str = "xtask entry";

/// How long the result of a gate is used again whose feed gave no answer: nobody is to wait for the same silence in every run.
pub const SILENCE_MAX: Duration = Duration::from_mins(10);

/// A stored result of a task that passed.
///
/// Its form: a line with the version, the key and the digest of the rest; then, each after its length, what it says as JSON, what
/// the task made, the contents that it brings along, and what it depends on, which is only read where it is asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// The version of the form, [`FORMAT`].
    pub format: u32,
    /// The task.
    pub task: String,
    /// What the task made. The bytes are among `contents`, or stand in the store under their digests.
    #[serde(skip)]
    pub outputs: Manifest,
    /// What the task said.
    pub said: Said,
    /// When it was stored, in seconds since 1970.
    pub stored: u64,
    /// How long the task took, in microseconds.
    pub took: u64,
    /// What of the contents that it needs it brings along.
    #[serde(skip)]
    pub contents: Contents,
    /// What the result depends on; the entry stands under its key.
    #[serde(skip)]
    pub origin: Origin,
}

/// What a result depends on, as it stands in its entry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin(Vec<u8>);

impl Origin {
    /// This fingerprint.
    pub fn new(fingerprint: &Fingerprint) -> Self {
        Self(fingerprint.encode())
    }

    /// The fingerprint that this is, which must be that of `key`.
    pub fn read(&self, key: &Digest) -> Result<Fingerprint, EntryError> {
        let fingerprint = Fingerprint::decode(&self.0).ok_or(EntryError::Damaged)?;
        if fingerprint.key() == *key { Ok(fingerprint) } else { Err(EntryError::OtherKey) }
    }
}

/// What a task said that a reader needs to hear again.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Said {
    /// Its log, masked; the bytes are where those of outputs are.
    pub log: Option<Digest>,
    /// Notes and warnings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What it found without failing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What its gates said of their looks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Account>,
    /// The reports of its test runners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Arc<TestReport>>,
    /// What it has summed of the coverage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Arc<Coverage>>,
}

/// Something a reader should know.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Note {
    /// Whether something is not as it should be.
    pub warns: bool,
    /// What is said.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Said {
    /// Whether there is nothing to say again, the log aside.
    pub const fn is_silent(&self) -> bool {
        self.notes.is_empty()
            && self.findings.is_empty()
            && self.looks.is_empty()
            && self.reports.is_empty()
            && self.covered.is_empty()
    }

    /// The worst reason for which its gates did not look at something; `None` where they have looked at everything.
    pub fn gap(&self) -> Option<GapKind> {
        self.looks.iter().flat_map(|account| &account.gaps).map(|gap| gap.kind).max()
    }

    /// How long a result that was said this is good for, where it is for `usual` otherwise: not for long where a feed gave no answer.
    pub fn age_max(&self, usual: Option<Duration>) -> Option<Duration> {
        match self.gap() {
            Some(_) => Some(usual.map_or(SILENCE_MAX, |usual| usual.min(SILENCE_MAX))),
            None => usual,
        }
    }

    /// The same for readers at `now`, of a result of `task` that was stored at `stored`, both in seconds since 1970: where a feed
    /// gave no answer, also when that was, and when it is asked again.
    #[must_use]
    pub fn retold(mut self, task: &str, stored: u64, now: u64) -> Self {
        let ago = Duration::from_secs(now.saturating_sub(stored));
        let left = SILENCE_MAX.saturating_sub(ago).as_secs().div_ceil(60).max(1) * 60;
        let gaps = self.looks.iter_mut().flat_map(|account| &mut account.gaps);
        for gap in gaps.filter(|gap| gap.kind == GapKind::Unanswered) {
            let (ago, left) = (text::age(ago), text::age(Duration::from_secs(left)));
            gap.why = format!("{} (asked {ago} ago; again in {left}, or with `--force {task}`)", gap.why);
        }
        self
    }
}

/// Why bytes are no entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EntryError {
    /// They are not what was written.
    #[error("it is damaged")]
    Damaged,
    /// Another version of this program has written it.
    #[error("it was written by another version")]
    Version,
    /// It is the entry of another key.
    #[error("it belongs to another key")]
    OtherKey,
    /// It would write outside of the repository.
    #[error("it names files outside of the repository")]
    Outside,
}

impl Entry {
    /// As bytes, under `key`.
    pub fn encode(&self, key: &Digest) -> Vec<u8> {
        // Every part is plain data with text for keys: there is nothing that JSON could not hold.
        let result = serde_json::to_vec(self).unwrap_or_default();
        let (outputs, contents) = (self.outputs.encode(), self.contents.encode());
        let length = result.len() + outputs.len() + contents.len() + self.origin.0.len();
        let mut body = Writer::with_capacity(length + 32);
        body.blob(&result).blob(&outputs).blob(&contents).blob(&self.origin.0);
        let header = format!("{MAGIC} {FORMAT} {key} {}\n", Digest::of(body.bytes()));
        [header.as_bytes(), body.bytes()].concat()
    }

    /// The entry of `key`, from bytes that may be anything.
    pub fn decode(bytes: &[u8], key: &Digest) -> Result<Self, EntryError> {
        let (header, body) = cut(bytes).ok_or(EntryError::Damaged)?;
        let header = std::str::from_utf8(header).map_err(|_| EntryError::Damaged)?;
        let words: Vec<&str> = header.strip_prefix(MAGIC).ok_or(EntryError::Damaged)?.split(' ').collect();
        let ["", format, own, digest] = words[..] else { return Err(EntryError::Damaged) };
        if Digest::parse(digest) != Some(Digest::of(body)) {
            return Err(EntryError::Damaged);
        }
        if format != FORMAT.to_string() {
            return Err(EntryError::Version);
        }
        if Digest::parse(own) != Some(*key) {
            return Err(EntryError::OtherKey);
        }
        let entry = Self::read(body).ok_or(EntryError::Damaged)?;
        if !entry.outputs.stays_inside() {
            return Err(EntryError::Outside);
        }
        Ok(entry)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let entry: Self = serde_json::from_slice(reader.blob()?).ok()?;
        let (outputs, contents) = (Manifest::decode(reader.blob()?)?, Contents::decode(reader.blob()?)?);
        let origin = Origin(reader.blob()?.to_vec());
        reader.is_empty().then_some(Self { outputs, contents, origin, ..entry })
    }

    /// Whether it was stored at most so long ago at `now`, in seconds since 1970; always, where there is no limit.
    pub fn is_fresh(stored: u64, age_max: Option<Duration>, now: u64) -> bool {
        // A clock that was set back makes nothing old.
        age_max.is_none_or(|age_max| now.saturating_sub(stored) <= age_max.as_secs())
    }

    /// The blobs that it needs: all contents that it does not bring along.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> + '_ {
        let files = self.outputs.files().iter().filter_map(|item| match item.content {
            super::Content::File { digest, .. } => Some(digest),
            super::Content::Link { .. } | super::Content::Folder { .. } => None,
        });
        files.chain(self.said.log).filter(|digest| self.contents.get(digest).is_none())
    }
}

/// What is before the end of the first line, and what is after it.
fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
