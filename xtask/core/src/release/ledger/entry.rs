//! One release in the history: what it is made of, who wanted it and why, and what became of it.

use std::fmt;
use std::sync::Arc;

use super::format;
use super::line::Line;
use super::payload::PayloadName;
use crate::release::freeze::UnixSeconds;
use crate::release::model::{ComponentName, Ending, ReleaseId, Revision};

/// The room that is left for what an entry gets when its manifests are no longer kept.
const GONE_BYTES: usize = 12;

/// The room that is left for what an entry gets when its release ends: when, and in a few words why.
const END_BYTES: usize = 100 + GONE_BYTES;

/// What became of a release.
///
/// There is no state for a release that needs a person: it has not ended, so it stays under way until somebody ends it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is under way.
    Intended,
    /// It serves or has served, and nobody has looked whether well: what ran before the first release.
    Unverified,
    /// It serves or has served, and was found good: what a rollback may go to.
    Verified,
    /// It served, and a rollback has left it.
    Withdrawn,
    /// It was worse than the release before, and never served alone for good.
    RolledBack,
    /// Somebody ended it before it was decided.
    Aborted,
    /// The evidence was not enough.
    Inconclusive,
    /// Nothing was measured.
    NoEvidence,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Intended,
        Self::Unverified,
        Self::Verified,
        Self::Withdrawn,
        Self::RolledBack,
        Self::Aborted,
        Self::Inconclusive,
        Self::NoEvidence,
    ];

    /// What a release under way becomes when it ends.
    pub fn ended(ending: Ending) -> Self {
        match ending {
            Ending::Promoted => Self::Verified,
            Ending::RolledBack => Self::RolledBack,
            Ending::Inconclusive => Self::Inconclusive,
            Ending::NoEvidence => Self::NoEvidence,
            // The old release serves, and nobody has said anything about the new one.
            Ending::Aborted
            | Ending::Adopted
            | Ending::Nothing
            | Ending::Refused
            | Ending::Superseded
            | Ending::Stuck => Self::Aborted,
        }
    }

    /// Whether a release in this state may come to that one.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Intended => !matches!(next, Self::Intended | Self::Unverified | Self::Withdrawn),
            Self::Unverified => matches!(next, Self::Verified | Self::Withdrawn),
            Self::Verified => next == Self::Withdrawn,
            Self::Withdrawn | Self::RolledBack | Self::Aborted | Self::Inconclusive | Self::NoEvidence => {
                false
            }
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Intended => "under way",
            Self::Unverified => "not verified",
            Self::Verified => "verified",
            Self::Withdrawn => "withdrawn",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Inconclusive => "inconclusive",
            Self::NoEvidence => "without evidence",
        })
    }
}

/// What one component runs in a release.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Piece {
    /// The component.
    pub component: ComponentName,
    /// What its pods are made from.
    pub revision: Revision,
    /// All of its manifests.
    pub payload: PayloadName,
}

/// What is said of a release when it begins, and never changes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Account {
    /// The release whose content this one brings back; `None` where it brings its own.
    pub restores: Option<ReleaseId>,
    /// The components, in the order of the plan.
    pub pieces: Vec<Piece>,
    /// The manifests of all other objects, where there are some.
    pub objects: Option<PayloadName>,
    /// The commit that it was made from, where that is known.
    pub commit: Option<Arc<str>>,
    /// Who wanted it.
    pub who: Line,
    /// Why.
    pub why: Line,
    /// Whether it takes something away that older releases need: no rollback goes past it.
    pub contracts: bool,
    /// Why it was begun in a freeze, where it was.
    pub unfrozen: Option<Line>,
}

impl Account {
    /// The payloads that hold its manifests.
    pub fn payloads(&self) -> impl Iterator<Item = &PayloadName> {
        self.pieces.iter().map(|piece| &piece.payload).chain(&self.objects)
    }

    /// Whether another release applies the same.
    pub fn is_same_content(&self, other: &Self) -> bool {
        !self.pieces.is_empty() && self.pieces == other.pieces && self.objects == other.objects
    }
}

/// One release in the history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The release.
    pub release: ReleaseId,
    /// What became of it.
    pub state: State,
    /// When it began.
    pub began: UnixSeconds,
    /// When it ended; `None` while it is under way.
    pub ended: Option<UnixSeconds>,
    /// What its end rests on, in few words.
    pub basis: Line,
    /// Whether its manifests are kept. Once they are not, it is here to be read about only.
    pub is_kept: bool,
    /// What was said of it when it began.
    pub account: Arc<Account>,
}

impl Entry {
    /// A release that begins.
    pub fn begun(release: ReleaseId, account: Arc<Account>, at: UnixSeconds) -> Self {
        let state = State::Intended;
        let entry =
            Self { release, state, began: at, ended: None, basis: Line::default(), is_kept: true, account };
        entry.fitted(format::ENTRY_BYTES - END_BYTES)
    }

    /// What is found running and was not released by anybody.
    pub fn adopted(release: ReleaseId, account: Arc<Account>, at: UnixSeconds) -> Self {
        Self { state: State::Unverified, ended: Some(at), ..Self::begun(release, account, at) }
    }

    /// The same once it has ended; `None` where it had before.
    pub(super) fn ended(&self, state: State, basis: &Line, at: UnixSeconds) -> Option<Self> {
        let entry = Self { ended: Some(at), basis: basis.clone(), ..self.become_state(state)? };
        Some(entry.fitted(format::ENTRY_BYTES - GONE_BYTES))
    }

    /// The release whose content it has: its own, or the one that it restores.
    pub fn origin(&self) -> &ReleaseId {
        self.account.restores.as_ref().unwrap_or(&self.release)
    }

    /// The same in another state; `None` where it cannot come to that.
    #[must_use]
    pub fn become_state(&self, state: State) -> Option<Self> {
        self.state.may_become(state).then(|| Self { state, ..self.clone() })
    }

    /// The same with its words cut to what an entry may take beside its names, the least important ones first.
    #[must_use]
    fn fitted(mut self, bytes: usize) -> Self {
        let over = |entry: &Self| format::size(entry).saturating_sub(bytes);
        let (excess, kept) = (over(&self), 0);
        self.basis.shorten(excess, kept);
        for word in [Word::Why, Word::Who, Word::Unfrozen] {
            let excess = over(&self);
            if excess == 0 {
                break;
            }
            let account = Arc::make_mut(&mut self.account);
            match word {
                Word::Why => account.why.shorten(excess, kept),
                Word::Who => account.who.shorten(excess, kept),
                // That there was a reason is never lost.
                Word::Unfrozen => {
                    account.unfrozen.iter_mut().for_each(|reason| reason.shorten(excess, Line::MARK));
                }
            }
        }
        self
    }
}

/// The words of an account that may be cut.
#[derive(Clone, Copy)]
enum Word {
    Why,
    Who,
    Unfrozen,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_change_in_one_direction_only() {
        let allowed = |state: State| State::ALL.into_iter().filter(move |next| state.may_become(*next));
        let table = State::ALL.map(|state| format!("{state}: {:?}", allowed(state).collect::<Vec<_>>()));
        expect_test::expect![[r#"
            under way: [Verified, RolledBack, Aborted, Inconclusive, NoEvidence]
            not verified: [Verified, Withdrawn]
            verified: [Withdrawn]
            withdrawn: []
            rolled back: []
            aborted: []
            inconclusive: []
            without evidence: []"#]]
        .assert_eq(&table.join("\n"));
        for ending in [Ending::Promoted, Ending::RolledBack, Ending::Aborted, Ending::Stuck] {
            assert!(State::Intended.may_become(State::ended(ending)), "{ending:?}");
        }
    }
}
