//! A ledger that somebody has damaged, made again from what is left of it and from what is in the cluster.
//!
//! What can still be read is kept as it is. What cannot is known from elsewhere, or not at all: which release put a template into
//! a slot stands on the Deployment, what it was made of in the payloads, and which slot serves in the selectors of Services. Nothing
//! is claimed beyond that: a release of which only its number is known keeps that number, so that nobody uses it a second time, and
//! is no target of a rollback.

mod evidence;
mod salvage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::{Account, Entry, Piece, State};
use super::format::{self, FORMAT};
use super::head::{Head, Journal, Live, Phase};
use super::history::History;
use super::line::Line;
use super::payload::PayloadName;
use crate::mask::Mask;
use crate::release::freeze::UnixSeconds;
use crate::release::model::{ComponentName, Ending, ReleaseId, Slot};
use crate::text;

pub use evidence::{Component, Evidence, Stands, Stored};

use salvage::{Left, Salvaged, Serving};

/// A ledger that was made again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repair {
    /// What it says.
    pub head: Head,
    /// What could not be read and is known from elsewhere: a sentence each.
    pub known: Vec<String>,
    /// What is lost: a sentence each.
    pub lost: Vec<String>,
}

/// Why a ledger cannot be made again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unrepairable {
    /// It is a later version's, and whole for that one.
    #[error(
        "it has the format `{0}`: it is not damaged, and only a program that knows the format may write it"
    )]
    Format(String),
    /// Both slots get requests, and nothing says which one did so before.
    #[error("both slots of `{0}` get requests, and nothing says which of them served")]
    BothServe(ComponentName),
    /// Nothing is left that anything could be known from.
    #[error("neither the ledger nor the cluster says that anything was ever released")]
    Nothing,
}

/// What the ledger of `environment` has to say, by what is left of its `data` and by the cluster.
///
/// # Errors
///
/// When it would be guessed.
pub fn repair(
    environment: &str,
    data: &BTreeMap<String, String>,
    evidence: &Evidence,
    now: UnixSeconds,
) -> Result<Repair, Unrepairable> {
    if let Some(format) = data.get(FORMAT).filter(|format| format::is_later(format)) {
        return Err(Unrepairable::Format(format.clone()));
    }
    let mut mender = Mender {
        left: Left::read(environment, data),
        evidence,
        now,
        entries: BTreeMap::new(),
        known: Vec::new(),
        lost: Vec::new(),
    };
    let head = mender.head(environment)?;
    Ok(Repair { head, known: mender.known, lost: mender.lost })
}

/// The name of the payload of what serves, where none is kept: no content has this hash.
const LOST: &str = "lost-0000000000";

struct Mender<'e> {
    left: Left,
    evidence: &'e Evidence,
    now: UnixSeconds,
    entries: BTreeMap<u32, Entry>,
    known: Vec<String>,
    lost: Vec<String>,
}

impl Mender<'_> {
    fn head(&mut self, environment: &str) -> Result<Head, Unrepairable> {
        let under_way = self.under_way();
        let serving = self.serving(under_way.as_ref());
        let live = self.live(serving.as_ref(), under_way.is_some())?;
        // What serves explains what stood before it.
        let mut wanted: Vec<ReleaseId> = serving.iter().cloned().collect();
        let stated = self.stands().filter_map(|(_, stands)| stands.stated.clone());
        let stated: BTreeSet<ReleaseId> = stated.filter(|id| *id.environment == *environment).collect();
        wanted.extend(self.left.entries.keys().cloned().chain(stated).chain(under_way.iter().cloned()).rev());
        if wanted.is_empty() {
            return Err(Unrepairable::Nothing);
        }
        for id in wanted {
            if !self.entries.contains_key(&id.number) {
                let entry = self.entry(&id, serving.as_ref(), under_way.as_ref(), &live);
                self.entries.insert(id.number, entry);
            }
        }
        let journal = under_way.map(|id| self.journal(&id, &live));
        let entries = std::mem::take(&mut self.entries).into_values();
        let history = entries.fold(History::default(), |history, entry| history.append(entry));
        let head = Head { serving, live, under_way: journal, history };
        self.unnamed(&head);
        Ok(head)
    }

    fn stands(&self) -> impl Iterator<Item = (&ComponentName, &Stands)> {
        let components = self.evidence.components.iter();
        components.flat_map(|component| {
            component.slots.iter().flatten().map(move |stands| (&component.name, stands))
        })
    }

    /// The release that nobody has ended.
    fn under_way(&mut self) -> Option<ReleaseId> {
        match &self.left.journal {
            Some(Ok(journal)) => return Some(journal.release.clone()),
            Some(Err(Some(named))) => return Some(named.clone()),
            Some(Err(None)) | None => {}
        }
        let mut open = self.left.entries.iter().filter(|(_, left)| left.state() == Some(State::Intended));
        if let Some((id, _)) = open.next_back() {
            return Some(id.clone());
        }
        self.left.journal.as_ref()?;
        // There was one, and nothing is left of it but that: the newest that has put something into a slot without requests.
        let idle = self.evidence.components.iter().flat_map(|component| {
            let slots = component.slots.iter().zip(component.served);
            slots.filter_map(|(stands, is_served)| stands.as_ref()?.stated.clone().filter(|_| !is_served))
        });
        let newest = idle.chain(self.stands().filter_map(|(_, stands)| stands.stated.clone())).max();
        newest.filter(|id| self.left.entries.get(id).is_none_or(|left| left.whole().is_none()))
    }

    /// The release that serves: as it is written down, else by what the slots with requests run.
    fn serving(&mut self, under_way: Option<&ReleaseId>) -> Option<ReleaseId> {
        match &self.left.serving {
            Some(Serving::Release(id)) if Some(id) != under_way => return Some(id.clone()),
            Some(Serving::Nothing) => return None,
            Some(Serving::Release(_)) | None => {}
        }
        let is_other = |id: &ReleaseId| Some(id) != under_way;
        let entries = self.left.entries.iter().rev().filter_map(|(id, left)| Some((id, left.whole()?)));
        let runs = |entry: &Entry| {
            !entry.account.pieces.is_empty()
                && entry.account.pieces.iter().all(|piece| {
                    let own = self.evidence.components.iter().find(|own| own.name == piece.component);
                    own.is_some_and(|own| {
                        let slots = own.slots.iter().flatten();
                        slots.into_iter().any(|stands| stands.revision == piece.revision)
                    })
                })
        };
        let is_good = |entry: &Entry| matches!(entry.state, State::Verified | State::Unverified);
        let mut written = entries.filter(|(id, entry)| is_other(id) && is_good(entry) && runs(entry));
        let written = written.next().map(|(id, _)| id.clone());
        let mut stated = BTreeSet::new();
        for component in &self.evidence.components {
            for (slot, stands) in component.slots.iter().enumerate() {
                let Some(stands) = stands.as_ref().filter(|_| component.served[slot]) else { continue };
                stated.extend(stands.stated.clone().filter(is_other));
            }
        }
        // Of both the newer: a release that changes further objects only states no Deployment.
        let serving = written.into_iter().chain(stated).max();
        self.known.push(match &serving {
            Some(id) => format!("`{id}` serves, by what the slots with requests run"),
            None => {
                "nothing serves: no slot with requests is of a release; `cargo xtask adopt` writes down what runs"
                    .to_owned()
            }
        });
        serving
    }

    /// The slots that serve: as they are written down, else by what the release that serves runs, else by the requests.
    fn live(&mut self, serving: Option<&ReleaseId>, is_under_way: bool) -> Result<Live, Unrepairable> {
        if let Some(live) = self.left.live.clone() {
            return Ok(live);
        }
        let mut live = Live::new();
        if serving.is_none() {
            return Ok(live);
        }
        let entry = serving.and_then(|id| self.left.entries.get(id)?.pieces());
        for component in &self.evidence.components {
            let piece = entry.iter().flatten().find(|piece| piece.component == component.name);
            let fits = |slot: Slot| {
                let stands = component.slots[slot as usize].as_ref();
                stands.is_some_and(|stands| match piece {
                    Some(piece) => stands.revision == piece.revision,
                    None => stands.stated.as_ref() == serving,
                })
            };
            let slot = match (fits(Slot::A), fits(Slot::B), component.served) {
                (true, false, _) => Slot::A,
                (false, true, _) => Slot::B,
                (_, _, [true, false]) if !is_under_way => Slot::A,
                (_, _, [false, true]) if !is_under_way => Slot::B,
                (_, _, [true, true]) => return Err(Unrepairable::BothServe(component.name.clone())),
                _ if component.slots[1].is_none() && component.slots[0].is_some() => Slot::A,
                _ => continue,
            };
            live.insert(component.name.clone(), slot);
        }
        let slots: Vec<String> = live.iter().map(|(name, slot)| format!("{name}: {slot}")).collect();
        self.known.push(format!("the slots that serve are {}", slots.join(", ")));
        Ok(live)
    }

    /// What is written down of a release from now on.
    fn entry(
        &mut self,
        id: &ReleaseId,
        serving: Option<&ReleaseId>,
        under_way: Option<&ReleaseId>,
        live: &Live,
    ) -> Entry {
        let left = self.left.entries.get(id).cloned().unwrap_or_default();
        let is_open = under_way == Some(id);
        if let Some(entry) = left.whole().filter(|entry| (entry.state == State::Intended) == is_open) {
            return entry.clone();
        }
        let pieces = left.pieces().unwrap_or_else(|| self.pieces(id, serving == Some(id), live));
        let is_known = !pieces.is_empty() && pieces.iter().all(|piece| piece.payload.as_str() != LOST);
        let state =
            if is_open { Some(State::Intended) } else { self.state(id, &left, &pieces, serving, live) };
        let state = state.filter(|_| is_known || is_open);
        let stands = self.stands().find(|(_, stands)| stands.stated.as_ref() == Some(id));
        let commit = stands.and_then(|(_, stands)| stands.commit.clone());
        let objects = left.objects().or_else(|| self.objects().filter(|_| is_known));
        let account = Account {
            restores: left.restores(),
            objects,
            commit: left.commit().or(commit),
            who: left.line("by"),
            why: left.line("why"),
            // What may have been taken away counts as taken away.
            contracts: left.contracts() || (is_known && serving == Some(id) && self.evidence.contracts),
            unfrozen: left.unfrozen(),
            pieces,
        };
        let began = left.began().unwrap_or(self.now);
        let basis = Line::new("the ledger was damaged, and repaired", &Mask::default());
        let ended = (!is_open).then_some(self.now.max(began));
        let is_kept = is_known && !left.is_gone();
        self.say(id, state, is_known, &account, left.began().is_none());
        let otherwise = if serving == Some(id) { State::Unverified } else { State::Aborted };
        let state = state.unwrap_or(otherwise);
        Entry { release: id.clone(), state, began, ended, basis, is_kept, account: Arc::new(account) }
    }

    fn say(
        &mut self,
        id: &ReleaseId,
        state: Option<State>,
        is_known: bool,
        account: &Account,
        is_undated: bool,
    ) {
        match state.filter(|_| is_known) {
            Some(state) => {
                self.known.push(format!("`{id}` is {state}, and what it was made of is kept"));
                let mut lost = Vec::new();
                lost.extend(account.who.is_empty().then_some("who wanted it"));
                lost.extend(account.why.is_empty().then_some("why"));
                lost.extend(is_undated.then_some("when it began"));
                lost.extend(account.restores.is_none().then_some("whether it brought an older one back"));
                if !account.contracts {
                    lost.push("whether it has taken something away from the database");
                }
                self.lost.push(format!("`{id}`: {}", lost.join(", ")));
            }
            None => self.lost.push(format!(
                "`{id}`: everything but its number, which is not used again; no rollback goes to it"
            )),
        }
    }

    /// What a release runs, by the slots that it has stated: the one that serves runs what the live slots run.
    fn pieces(&self, id: &ReleaseId, serves: bool, live: &Live) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for component in &self.evidence.components {
            let own = component.slots.iter().flatten().find(|stands| stands.stated.as_ref() == Some(id));
            let live = live.get(&component.name).filter(|_| serves);
            let Some(stands) = live.and_then(|slot| component.slots[*slot as usize].as_ref()).or(own) else {
                continue;
            };
            let stored = self.stored(&component.name, stands).map(|stored| stored.name.clone());
            // What serves is known by its pods, whether it is kept or not; another release is whole, or none to go back to.
            let payload = stored.or_else(|| PayloadName::read(LOST).filter(|_| serves));
            let Some(payload) = payload else { return Vec::new() };
            let (component, revision) = (component.name.clone(), stands.revision.clone());
            pieces.push(Piece { component, revision, payload });
        }
        // The others were as they are now: a component that does not change is not stated again.
        if !pieces.is_empty() && !serves {
            for component in &self.evidence.components {
                if pieces.iter().any(|piece| piece.component == component.name) {
                    continue;
                }
                let slot = component.serving_slot();
                let Some(stands) = slot.and_then(|slot| component.slots[slot as usize].as_ref()) else {
                    continue;
                };
                let is_older = stands.stated.as_ref().is_none_or(|stated| stated < id);
                let Some(stored) = self.stored(&component.name, stands).filter(|_| is_older) else {
                    return Vec::new();
                };
                let (component, revision) = (component.name.clone(), stands.revision.clone());
                pieces.push(Piece { component, revision, payload: stored.name.clone() });
            }
            let place =
                |piece: &Piece| self.evidence.components.iter().position(|own| own.name == piece.component);
            pieces.sort_by_key(place);
        }
        pieces
    }

    /// The payload of what a slot runs, the newest of several; of what nobody has released the only one there is.
    fn stored(&self, name: &ComponentName, stands: &Stands) -> Option<&Stored> {
        let own = || {
            let of = |stored: &&Stored| stored.of.as_ref().is_some_and(|(component, _)| component == name);
            self.evidence.payloads.iter().filter(of)
        };
        let runs = |stored: &&Stored| stored.of.as_ref().is_some_and(|(_, runs)| *runs == stands.revision);
        let found = own().filter(runs).max_by(|one, other| one.created.cmp(&other.created));
        found.or_else(|| own().next().filter(|_| stands.stated.is_none() && own().count() == 1))
    }

    /// The payload of objects of no component, where there is only one.
    fn objects(&self) -> Option<PayloadName> {
        let mut all = self.evidence.payloads.iter().filter(|stored| stored.of.is_none());
        let first = all.next()?;
        all.next().is_none().then(|| first.name.clone())
    }

    /// What became of a release, as far as that can be known.
    fn state(
        &self,
        id: &ReleaseId,
        left: &Salvaged,
        pieces: &[Piece],
        serving: Option<&ReleaseId>,
        live: &Live,
    ) -> Option<State> {
        if let Some(state) = left.state().filter(|state| *state != State::Intended) {
            return Some(state);
        }
        let serving = serving?;
        if id == serving {
            return Some(if self.is_through(serving, live) { State::Verified } else { State::Unverified });
        }
        // A slot without requests holds what served before, or a newer one that never did.
        if id > serving {
            return None;
        }
        let of_serving = self.entries.get(&serving.number)?;
        if let Some(Some(_)) = self
            .left
            .entries
            .get(serving)
            .and_then(|left| left.whole())
            .map(|own| own.account.restores.as_ref())
        {
            return Some(State::Withdrawn);
        }
        if self.left.entries.get(serving).is_some_and(|left| left.whole().is_some()) {
            return Some(State::Verified);
        }
        // A rollback finds its payloads, and a release makes them: what serves is older than what it has left.
        let created = |piece: &Piece| {
            let stored = self.evidence.payloads.iter().find(|stored| stored.name == piece.payload);
            stored.map(|stored| stored.created.clone())
        };
        let mut pairs = pieces.iter().filter_map(|piece| {
            let after = of_serving.account.pieces.iter().find(|after| after.component == piece.component)?;
            (after.payload != piece.payload).then(|| (created(piece), created(after)))
        });
        Some(if pairs.all(|(before, after)| before < after) { State::Verified } else { State::Withdrawn })
    }

    /// Whether a release is through its bake: what stood by until then has no pods any more.
    fn is_through(&self, serving: &ReleaseId, live: &Live) -> bool {
        let mut is_stated = false;
        let is_idle = self.evidence.components.iter().all(|component| {
            let Some(slot) = live.get(&component.name) else { return true };
            let own = component.slots[*slot as usize].as_ref();
            is_stated |= own.is_some_and(|own| own.stated.as_ref() == Some(serving));
            component.slots[slot.other() as usize].as_ref().is_none_or(|other| other.replicas == 0)
        });
        is_idle && is_stated
    }

    /// How far the release under way has come: where that is not known, it is on its way back.
    fn journal(&mut self, id: &ReleaseId, live: &Live) -> Journal {
        if let Some(Ok(journal)) = &self.left.journal {
            return journal.clone();
        }
        let pieces =
            self.entries.get(&id.number).map(|entry| entry.account.pieces.clone()).unwrap_or_default();
        let replicas = |piece: &Piece| {
            let component = self.evidence.components.iter().find(|own| own.name == piece.component)?;
            let slot = live.get(&piece.component).copied().unwrap_or(Slot::A);
            component.slots[slot as usize].as_ref().map(|stands| stands.replicas)
        };
        let replicas: Vec<u32> = pieces.iter().map(|piece| replicas(piece).unwrap_or(1).max(1)).collect();
        self.known.push(format!("`{id}` is under way, and will be taken back"));
        self.lost.push(format!(
            "`{id}`: how far it was, what was measured, and the floors of autoscalers before it"
        ));
        Journal {
            back: Some((Ending::Aborted, "the ledger was damaged, and repaired".to_owned())),
            ..Journal::new(id.clone(), Phase::Reverting, replicas)
        }
    }

    /// Names what is kept and belongs to no release any more.
    fn unnamed(&mut self, head: &Head) {
        let garbage = head.garbage(self.evidence.payloads.iter().map(|stored| &stored.name)).len();
        if garbage > 0 {
            let count = text::count(garbage, "payload");
            self.lost.push(format!("{count} of no known release: deleted by the next one"));
        }
        for key in &self.left.strange {
            self.lost.push(format!("`{key}`, which is no key of a ledger"));
        }
    }
}

#[cfg(test)]
mod tests;
