//! How the head of the ledger is written: the `data` of a `ConfigMap`, a key for each release.
//!
//! ```text
//! format: "1"
//! serving: production-42
//! live: '{"backend":"b","frontend":"a"}'
//! under-way: '{"release":"production-43","phase":"staged",…}'
//! production-41: '{"is":"verified","runs":[["backend","0f3a…","vitalyst-backend-9b1c…"]],…}'
//! production-42: …
//! ```
//!
//! Whoever reads it reads all of it or nothing: what is damaged is named by its key and field, and a later format is refused.
//! Nothing is guessed, and nothing that was not understood is dropped when it is written again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::entry::{Account, Entry, Piece, State};
use super::head::{Head, Journal};
use super::history::History;
use super::line::Line;
use super::payload::PayloadName;
use crate::release::freeze::UnixSeconds;
use crate::release::model::{ComponentName, ReleaseId, Revision};

/// The most entries a head has.
pub const ENTRIES_MAX: usize = 50;

/// The most bytes an entry takes, its key not counted: the names of two components, of their payloads and of a commit take
/// 300, and the rest is room for saying who and why. Words are cut to fit, names never: a release of many components may
/// take more, and then has no words.
pub const ENTRY_BYTES: usize = 512;

/// The most bytes of a head: an object of the cluster takes 1 MiB, and its metadata some of that.
const HEAD_BYTES: usize = 900 * 1024;

/// The name of the `ConfigMap` that is the ledger of an environment.
pub fn name(environment: &str) -> String {
    format!("vitalyst-ledger-{environment}")
}

/// The version of the format, and the key that has it.
const VERSION: &str = "1";
/// The key of the version.
pub(super) const FORMAT: &str = "format";
pub(super) const SERVING: &str = "serving";
pub(super) const LIVE: &str = "live";
pub(super) const UNDER_WAY: &str = "under-way";
/// The keys that are no releases.
pub(super) const KEYS: [&str; 4] = [FORMAT, SERVING, LIVE, UNDER_WAY];

/// Whether a ledger of this format is one of a version to come: a number, and a higher one.
pub(super) fn is_later(format: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    number(format) > number(VERSION)
}

/// Why a ledger cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// It was written by another version.
    #[error(
        "it has the format `{0}`, this program reads `{VERSION}`: use the version that wrote it, or a newer one"
    )]
    Format(String),
    /// A key is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key cannot be read.
    #[error("`{key}` is damaged: {reason}")]
    Damaged {
        /// The key: of an entry, its release.
        key: String,
        /// What is wrong with which field.
        reason: String,
    },
}

/// Why a ledger cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unwritable {
    /// It would not be read again.
    #[error("what would be written cannot be read again: {0}")]
    Unreadable(#[from] Unreadable),
    /// What is to be read is not what was written.
    #[error("what would be written reads as something else")]
    Different,
    /// It is too large.
    #[error("it would take {0} bytes, {HEAD_BYTES} at most fit in one object")]
    Size(usize),
}

/// An entry as it is written.
#[derive(Serialize)]
struct Written<'e> {
    is: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    runs: Vec<[&'e str; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'e str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    by: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'e str,
    from: UnixSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "str::is_empty")]
    on: &'e str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    contracts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfrozen: Option<&'e str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
}

fn write(entry: &Entry) -> String {
    let Account { restores, pieces, objects, commit, who, why, contracts, unfrozen } = &*entry.account;
    let runs = pieces
        .iter()
        .map(|Piece { component, revision, payload }| [&*component.0, &*revision.0, payload.as_str()]);
    let written = Written {
        is: entry.state,
        of: restores.as_ref().map(ToString::to_string),
        runs: runs.collect(),
        also: objects.as_ref().map(PayloadName::as_str),
        commit: commit.as_deref(),
        by: who.as_str(),
        why: why.as_str(),
        from: entry.began,
        to: entry.ended,
        on: entry.basis.as_str(),
        contracts: *contracts,
        unfrozen: unfrozen.as_ref().map(Line::as_str),
        gone: !entry.is_kept,
    };
    serde_json::to_string(&written).unwrap_or_default()
}

/// The bytes that an entry takes.
pub(super) fn size(entry: &Entry) -> usize {
    write(entry).len()
}

/// What stands in the `data` of the `ConfigMap`. It was read again before it is returned.
///
/// # Errors
///
/// When it is too large, or would not be read as it is: a name that cannot be one, a release of another environment.
pub fn encode(head: &Head) -> Result<BTreeMap<String, String>, Unwritable> {
    let mut data = BTreeMap::from([
        (FORMAT.to_owned(), VERSION.to_owned()),
        (SERVING.to_owned(), ReleaseId::or_nothing(head.serving.as_ref())),
        (LIVE.to_owned(), json(&head.live)),
    ]);
    if let Some(journal) = &head.under_way {
        data.insert(UNDER_WAY.to_owned(), json(journal));
    }
    for entry in head.history.iter() {
        data.insert(entry.release.to_string(), write(entry));
    }
    let size = data.iter().map(|(key, value)| key.len() + value.len()).sum();
    if size > HEAD_BYTES {
        return Err(Unwritable::Size(size));
    }
    if decode(&data)? == *head { Ok(data) } else { Err(Unwritable::Different) }
}

/// What [`decode`] would not read is never written, so a failure here shows there.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What the `data` of a `ConfigMap` says.
///
/// # Errors
///
/// When any of it cannot be read.
pub fn decode(data: &BTreeMap<String, String>) -> Result<Head, Unreadable> {
    let text = |key: &'static str| data.get(key).ok_or(Unreadable::Missing(key));
    let format = text(FORMAT)?;
    if format != VERSION {
        return Err(Unreadable::Format(format.clone()));
    }
    let damaged = |key: &str, reason: String| Unreadable::Damaged { key: key.to_owned(), reason };
    let serving: Option<ReleaseId> = match text(SERVING)? {
        text if *text == ReleaseId::or_nothing(None) => None,
        text => Some(text.parse().map_err(|reason| damaged(SERVING, reason))?),
    };
    let mut environment = serving.as_ref().map(|release| release.environment.clone());
    let live = parse(text(LIVE)?).map_err(|reason| damaged(LIVE, reason))?;
    let under_way: Option<Journal> = match data.get(UNDER_WAY) {
        Some(text) => Some(parse(text).map_err(|reason| damaged(UNDER_WAY, reason))?),
        None => None,
    };
    let mut entries = Vec::new();
    for (key, text) in data.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
        let release: ReleaseId = key.parse().map_err(|reason| damaged(key, reason))?;
        let environment = environment.get_or_insert_with(|| release.environment.clone());
        if release.environment != *environment {
            return Err(damaged(key, format!("this is the ledger of `{environment}`")));
        }
        entries.push(read(release, text).map_err(|reason| damaged(key, reason))?);
    }
    entries.sort_by_key(|entry| entry.release.number);
    let history = entries.into_iter().fold(History::default(), |history, entry| history.append(entry));
    let head = Head { serving, live, under_way, history };
    let is_missing = |release: &ReleaseId| head.history.find(release).is_none();
    if let Some(serving) = head.serving.as_ref().filter(|serving| is_missing(serving)) {
        return Err(damaged(SERVING, format!("`{serving}` has no entry")));
    }
    let under_way = head.under_way.as_ref().map(|journal| &journal.release);
    let open = |entry: &&Arc<Entry>| entry.state == State::Intended && Some(&entry.release) != under_way;
    if let Some(entry) = head.history.iter().find(open) {
        return Err(damaged(
            &entry.release.to_string(),
            "`is` says that it is under way, and it is not".into(),
        ));
    }
    let state = under_way.map(|release| (release, head.history.find(release).map(|entry| entry.state)));
    if let Some((release, state)) = state.filter(|(_, state)| *state != Some(State::Intended)) {
        let is = state.map_or("has no entry".to_owned(), |state| format!("is {state}"));
        return Err(damaged(UNDER_WAY, format!("`release` says `{release}`, and that {is}")));
    }
    Ok(head)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// An entry as it was written.
pub(super) fn read(release: ReleaseId, text: &str) -> Result<Entry, String> {
    let mut fields: Fields = parse(text)?;
    let pieces: Vec<[String; 3]> = fields.need("runs")?;
    let pieces = pieces.into_iter().map(|[component, revision, payload]| {
        Ok(Piece {
            component: ComponentName(component.into()),
            revision: Revision(revision.into()),
            payload: payload_name("runs", &payload)?,
        })
    });
    let account = Account {
        pieces: pieces.collect::<Result<_, String>>()?,
        restores: fields.take("of")?,
        objects: fields.take("also")?.map(|name: String| payload_name("also", &name)).transpose()?,
        commit: fields.take("commit")?.map(commit).transpose()?,
        who: fields.line("by")?.unwrap_or_default(),
        why: fields.line("why")?.unwrap_or_default(),
        contracts: fields.flag("contracts")?,
        unfrozen: fields.line("unfrozen")?,
    };
    let entry = Entry {
        release,
        state: fields.need("is")?,
        began: fields.need("from")?,
        ended: fields.take("to")?,
        basis: fields.line("on")?.unwrap_or_default(),
        is_kept: !fields.flag("gone")?,
        account: Arc::new(account),
    };
    match fields.0.pop_first() {
        Some((unknown, _)) => Err(format!("`{unknown}` is not known to this version")),
        None if (entry.state == State::Intended) == entry.ended.is_some() => {
            Err(format!("`is` says that it is {}, and `to` says otherwise", entry.state))
        }
        None => Ok(entry),
    }
}

fn payload_name(field: &str, text: &str) -> Result<PayloadName, String> {
    PayloadName::read(text).ok_or_else(|| format!("`{field}` has `{text}`, which is no name of a payload"))
}

pub(super) fn commit(text: String) -> Result<Arc<str>, String> {
    if is_commit(&text) { Ok(text.into()) } else { Err(format!("`commit` has `{text}`, which is no commit")) }
}

/// Whether `text` is the full name of a commit, or an abbreviation that git would make.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The fields of an object, each once. What has been taken is no longer there.
struct Fields(BTreeMap<String, Value>);

impl Fields {
    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, String> {
        let Some(value) = self.0.remove(field) else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|error| format!("`{field}` cannot be read: {error}"))
    }

    fn need<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, String> {
        self.take(field)?.ok_or_else(|| format!("`{field}` is missing"))
    }

    fn line(&mut self, field: &str) -> Result<Option<Line>, String> {
        let Some(text) = self.take::<String>(field)? else { return Ok(None) };
        let line =
            Line::read(&text).ok_or_else(|| format!("`{field}` is too long or holds control characters"))?;
        Ok(Some(line))
    }

    fn flag(&mut self, field: &str) -> Result<bool, String> {
        Ok(self.take(field)?.unwrap_or(false))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = BTreeMap::new();
                while let Some((field, value)) = map.next_entry::<String, Value>()? {
                    if fields.contains_key(&field) {
                        return Err(M::Error::custom(format_args!("`{field}` is there twice")));
                    }
                    fields.insert(field, value);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests;
