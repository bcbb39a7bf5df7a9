//! What is left of a damaged ledger: each key by itself, and of an entry each field.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::entry::{Entry, Piece, State};
use super::super::format;
use super::super::head::{Journal, Live};
use super::super::line::Line;
use super::super::payload::PayloadName;
use crate::release::freeze::UnixSeconds;
use crate::release::model::{ComponentName, ReleaseId, Revision};

/// How often the end of a text is cut off, a field each time, to see whether the rest can be read.
const CUTS_MAX: usize = 64;

/// What a ledger says of what serves.
pub(super) enum Serving {
    /// Nothing does.
    Nothing,
    /// This release.
    Release(ReleaseId),
}

/// What is left of a ledger.
pub(super) struct Left {
    /// What serves, where that can be read.
    pub(super) serving: Option<Serving>,
    /// The slots that serve.
    pub(super) live: Option<Live>,
    /// How far the release under way is; where that cannot be read, the release, if at least that can.
    pub(super) journal: Option<Result<Journal, Option<ReleaseId>>>,
    /// The entries, whatever is left of each.
    pub(super) entries: BTreeMap<ReleaseId, Salvaged>,
    /// Keys that no ledger has.
    pub(super) strange: Vec<String>,
}

impl Left {
    pub(super) fn read(environment: &str, data: &BTreeMap<String, String>) -> Self {
        let serving = data.get(format::SERVING).and_then(|text| match text.parse::<ReleaseId>() {
            _ if *text == ReleaseId::or_nothing(None) => Some(Serving::Nothing),
            Ok(id) if *id.environment == *environment => Some(Serving::Release(id)),
            _ => None,
        });
        let live = data.get(format::LIVE).and_then(|text| serde_json::from_str(text).ok());
        let journal = data.get(format::UNDER_WAY).map(|text| {
            let is_own = |release: &ReleaseId| *release.environment == *environment;
            let whole = serde_json::from_str::<Journal>(text).ok();
            whole.filter(|journal| is_own(&journal.release)).ok_or_else(|| {
                let release = fields(text).and_then(|fields| fields.get("release")?.as_str()?.parse().ok());
                release.filter(is_own)
            })
        });
        let mut left = Self { serving, live, journal, entries: BTreeMap::new(), strange: Vec::new() };
        for (key, text) in data.iter().filter(|(key, _)| !format::KEYS.contains(&key.as_str())) {
            match key.parse::<ReleaseId>() {
                Ok(id) if *id.environment == *environment => {
                    let whole = format::read(id.clone(), text).ok();
                    left.entries.insert(id, Salvaged { whole, fields: fields(text).unwrap_or_default() });
                }
                _ => left.strange.push(key.clone()),
            }
        }
        // A release that serves is one, whatever became of its entry.
        if let Some(Serving::Release(id)) = &left.serving {
            left.entries.entry(id.clone()).or_default();
        }
        left
    }
}

/// What is left of an entry.
#[derive(Clone, Default)]
pub(super) struct Salvaged {
    whole: Option<Entry>,
    fields: Map<String, Value>,
}

impl Salvaged {
    /// All of it, where nothing is missing.
    pub(super) fn whole(&self) -> Option<&Entry> {
        self.whole.as_ref()
    }

    fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.fields.get(name)?.clone()).ok()
    }

    pub(super) fn state(&self) -> Option<State> {
        self.field("is")
    }

    pub(super) fn restores(&self) -> Option<ReleaseId> {
        self.field("of")
    }

    pub(super) fn pieces(&self) -> Option<Vec<Piece>> {
        let pieces: Vec<[String; 3]> = self.field("runs")?;
        let pieces = pieces.into_iter().map(|[component, revision, payload]| {
            Some(Piece {
                component: ComponentName(component.into()),
                revision: Revision(revision.into()),
                payload: PayloadName::read(&payload)?,
            })
        });
        pieces.collect::<Option<Vec<_>>>().filter(|pieces| !pieces.is_empty())
    }

    pub(super) fn objects(&self) -> Option<PayloadName> {
        PayloadName::read(&self.field::<String>("also")?)
    }

    pub(super) fn commit(&self) -> Option<Arc<str>> {
        format::commit(self.field("commit")?).ok()
    }

    pub(super) fn line(&self, name: &str) -> Line {
        self.field::<String>(name).and_then(|text| Line::read(&text)).unwrap_or_default()
    }

    pub(super) fn unfrozen(&self) -> Option<Line> {
        Line::read(&self.field::<String>("unfrozen")?)
    }

    pub(super) fn began(&self) -> Option<UnixSeconds> {
        self.field("from")
    }

    pub(super) fn contracts(&self) -> bool {
        self.field("contracts").unwrap_or(false)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.field("gone").unwrap_or(false)
    }
}

/// The fields of an object that can be read; of one whose end is missing those before.
fn fields(text: &str) -> Option<Map<String, Value>> {
    if let Ok(fields) = serde_json::from_str(text) {
        return Some(fields);
    }
    let commas = text.char_indices().rev().filter(|(_, letter)| *letter == ',').take(CUTS_MAX);
    commas.into_iter().find_map(|(end, _)| serde_json::from_str(&format!("{}}}", text.get(..end)?)).ok())
}
