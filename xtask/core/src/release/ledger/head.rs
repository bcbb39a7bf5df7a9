//! The head of the ledger: what serves, what is under way, and the history; and how a release changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entry::{Account, Entry, State};
use super::format::ENTRIES_MAX;
use super::history::History;
use super::line::Line;
use super::pause::Pause;
use crate::release::freeze::UnixSeconds;
use crate::release::model::{ComponentName, Ending, ReleaseId, Slot};

/// What is written down: which release is the last that was finished, which is under way, and which there were.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// The release that serves; `None` before the first one.
    pub serving: Option<ReleaseId>,
    /// The slot that serves, of each component that has ever served.
    pub live: Live,
    /// The release that is under way, or that nobody has ended yet.
    pub under_way: Option<Journal>,
    /// The releases, oldest first.
    pub history: History,
}

/// The slots that serve, by the names of their components: which components there are, and in which order they go, may change
/// from one release to the next.
pub type Live = BTreeMap<ComponentName, Slot>;

/// How far a release has come.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The release.
    pub release: ReleaseId,
    /// The last phase whose effects were begun.
    pub phase: Phase,
    /// The number of pods with which each component served when it began.
    pub replicas: Vec<u32>,
    /// The floors of the autoscalers before it began.
    pub floors: Vec<Option<u32>>,
    /// The state of each component's analysis, where it has begun: a look does not show what was measured.
    pub evidence: Vec<Option<String>>,
    /// The wish that it ends, left by somebody who does not own it.
    pub abort: bool,
    /// The wish that it goes on, left likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote: Option<Wish>,
    /// The wish that it stays where it is, left likewise, and until when that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Whether a person has promoted it without the evidence: then want of evidence does not take it back.
    #[serde(default, rename = "by-hand", skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// On the way back, and while a person is waited for: how it ends, and why.
    pub back: Option<(Ending, String)>,
}

impl Journal {
    /// That `release` is in `phase`; each of its components served with so many `replicas` and no autoscaler. Nothing was measured,
    /// and nobody has said anything.
    pub fn new(release: ReleaseId, phase: Phase, replicas: Vec<u32>) -> Self {
        Self {
            release,
            phase,
            floors: vec![None; replicas.len()],
            evidence: vec![None; replicas.len()],
            replicas,
            abort: false,
            promote: None,
            pause: None,
            by_hand: false,
            back: None,
        }
    }
}

/// What somebody who does not own a release has to say to it. It is about one phase, so that it may be said twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Wish {
    /// The phase that it was said in.
    pub phase: Phase,
    /// What was said.
    pub consent: Consent,
}

/// How far somebody lets a release go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Through the gate at which it stands, once the evidence is there.
    Gate,
    /// To the promotion, whatever the evidence says.
    Full,
}

/// The phases of a release, in order. A phase is written down before its first effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Owner and deadline are known; nothing has changed.
    Intended,
    /// Further objects say what both releases can live with.
    Stated,
    /// What the new release needs of the database is added.
    Expanding,
    /// The autoscalers let go of nothing that serves.
    Floored,
    /// The idle slots have the new template and a few pods, without traffic.
    Staged,
    /// This step of the canary gets its share.
    Exposed(u8),
    /// The evidence is not enough: the canary is out of traffic, and a person may still decide.
    Holding,
    /// The decision has been made: the idle slots are filled.
    Promoting,
    /// The Services flip, in the order of the plan; then workloads without traffic change.
    Flipping,
    /// The new slots serve and are looked at.
    Verifying,
    /// The old slots stand by.
    Baking,
    /// The old slots are scaled down.
    Cleaning,
    /// What the old release needed of the database is taken away: nobody goes back to it any more.
    Contracting,
    /// The way back: the old slots serve.
    Reverting,
    /// The new slots are scaled down, floors and further objects are put back.
    Restoring,
}

impl Head {
    /// A ledger that begins with what serves.
    pub fn new(serving: Entry, live: Live) -> Self {
        Self::empty().adopting(serving, live)
    }

    /// The entry of the release that serves.
    pub fn serves(&self) -> Option<&Arc<Entry>> {
        self.history.find(self.serving.as_ref()?)
    }

    /// A ledger in which nothing has been released yet.
    pub fn empty() -> Self {
        Self { serving: None, live: Live::new(), under_way: None, history: History::default() }
    }

    /// The same with what runs already as the release that serves, in the slots `live`. What there was before stays in the
    /// history: its numbers are used, and its payloads are still there. `entry` has to be newer than all of it.
    #[must_use]
    pub fn adopting(&self, entry: Entry, live: Live) -> Self {
        let serving = Some(entry.release.clone());
        Self { serving, live, under_way: None, history: self.history.append(entry) }.kept_short()
    }

    /// The same with how far a release has come. The first time, the release gets its entry.
    #[must_use]
    pub fn noting(&self, journal: Journal, account: &Arc<Account>, began: UnixSeconds) -> Self {
        let history = match self.history.find(&journal.release) {
            Some(_) => self.history.clone(),
            None => self.history.append(Entry::begun(journal.release.clone(), account.clone(), began)),
        };
        let (serving, live) = (self.serving.clone(), self.live.clone());
        Self { serving, live, under_way: Some(journal), history }.kept_short()
    }

    /// The same with no more entries than can be written down.
    fn kept_short(self) -> Self {
        if self.history.iter().len() > ENTRIES_MAX { self.pruned() } else { self }
    }

    /// The same once the release under way has ended. `live` are the slots that serve from now on, `basis` says what the end
    /// rests on.
    ///
    /// One that was promoted serves, verified. Where it brings an older content back, the content that it leaves is withdrawn,
    /// under whatever numbers it was released: a second rollback goes further back.
    #[must_use]
    pub fn closed(&self, ending: Ending, live: Live, basis: &Line, at: UnixSeconds) -> Self {
        let Some(release) = self.under_way.as_ref().map(|journal| &journal.release) else {
            return self.clone();
        };
        let mut history = self.history.end(release, |entry| entry.ended(State::ended(ending), basis, at));
        let is_promoted = ending == Ending::Promoted;
        let restores = history.find(release).is_some_and(|entry| entry.account.restores.is_some());
        if let Some(left) = self.serves().filter(|_| is_promoted && restores) {
            history = history.withdraw(left.origin());
        }
        let serving = if is_promoted { Some(release.clone()) } else { self.serving.clone() };
        Self { serving, live, under_way: None, history }.pruned()
    }
}
