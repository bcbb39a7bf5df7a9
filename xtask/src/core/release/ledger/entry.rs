//! One release in the history: what it is made of, who wanted it and why, and what became of it.

use std::fmt;
use std::sync::Arc;

use super::line::Line;
use crate::core::release::freeze::UnixSeconds;
use crate::core::release::model::{ComponentName, Ending, ReleaseId, Revision};

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
            Ending::Aborted | Ending::Nothing | Ending::Refused | Ending::Superseded | Ending::Stuck => {
                Self::Aborted
            }
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
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, serde::Serialize, serde::Deserialize)]
pub struct Content {
    /// The component.
    pub component: ComponentName,
    /// What its pods are made from.
    pub revision: Revision,
    /// The name of the payload with all of its manifests.
    pub payload: Arc<str>,
}

/// What is said of a release when it begins, and never changes.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    /// The release whose content this one brings back; `None` where it brings its own.
    pub restores: Option<ReleaseId>,
    /// The components, in the order of the plan.
    pub contents: Vec<Content>,
    /// The name of the payload with all other objects, where there are some.
    pub objects: Option<Arc<str>>,
    /// The commit that it was made from.
    pub commit: String,
    /// Who wanted it.
    pub who: Line,
    /// Why.
    pub why: Line,
    /// Whether it takes something away that older releases need: no rollback goes past it.
    pub contracts: bool,
    /// Why it was begun in a freeze, where it was.
    pub unfrozen: Option<Line>,
}

/// One release in the history.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
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
    /// What was said of it when it began.
    pub account: Arc<Account>,
}

impl Entry {
    /// A release that begins.
    pub fn begun(release: ReleaseId, account: Arc<Account>, at: UnixSeconds) -> Self {
        Self { release, state: State::Intended, began: at, ended: None, basis: Line::default(), account }
    }

    /// What is found running and was not released by anybody.
    pub fn adopted(release: ReleaseId, account: Arc<Account>, at: UnixSeconds) -> Self {
        Self { state: State::Unverified, ended: Some(at), ..Self::begun(release, account, at) }
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
