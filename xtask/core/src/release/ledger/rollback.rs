//! Where a rollback goes.
//!
//! To the newest verified release that is older than the content that serves, and was not withdrawn. What counts is where a
//! content came from, not under which number it was brought back: after `production-43` has restored `production-41`, the next
//! rollback goes to what is older than 41. So one rollback after the other walks strictly back.
//!
//! Somebody may also name a release, or a commit. Then it may be one that was withdrawn, and the words say so: whoever names
//! it knows more than the ledger. One that was never verified is refused even so, and nothing goes past a release that has
//! taken away what older ones need.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use super::entry::{Entry, State};
use super::head::Head;
use crate::release::model::ReleaseId;

/// The shortest beginning of a commit that names it.
const COMMIT_DIGITS_MIN: usize = 4;

/// Which release is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// The one before.
    Previous,
    /// This one.
    Release(ReleaseId),
    /// The one that was made from the commit that begins so.
    Commit(String),
}

/// Where a rollback goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The release whose content is brought back.
    pub origin: ReleaseId,
    /// The entry that names its payloads.
    pub entry: Arc<Entry>,
    /// Newer releases that it does not go to, newest first.
    pub skipped: Vec<Skipped>,
}

impl Target {
    /// What somebody should know before it is done.
    pub fn warning(&self) -> Option<String> {
        let is_withdrawn = self.entry.state == State::Withdrawn;
        is_withdrawn.then(|| {
            format!("{} was withdrawn by a rollback: it is gone to because it was named", self.origin)
        })
    }
}

/// A release that a rollback does not go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// The release.
    pub release: ReleaseId,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.release, self.reason)
    }
}

/// Why a rollback does not go to a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// It is in this state, not verified.
    State(State),
    /// Its content is newer than what serves.
    Newer,
    /// It brought the content of this release back, which is newer than what serves.
    Restored(ReleaseId),
    /// It applies the same manifests as what serves.
    Same,
    /// Its manifests are no longer kept.
    Gone,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(state) => state.fmt(f),
            Self::Newer => f.write_str("newer than what serves"),
            Self::Restored(origin) => {
                write!(f, "has the content of {origin}, which is newer than what serves")
            }
            Self::Same => f.write_str("the same as what serves"),
            Self::Gone => f.write_str("its manifests are no longer kept"),
        }
    }
}

/// Why there is nowhere to go.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoTarget {
    /// No release is verified, older and kept.
    #[error("no verified release is older than {serving}{}", listed(.skipped))]
    None {
        /// The release whose content serves.
        serving: ReleaseId,
        /// Those that are there, newest first.
        skipped: Vec<Skipped>,
    },
    /// A release in between has taken away what the wanted one needs.
    #[error("{contracted} has taken away what {wanted} needs from the database: no rollback goes past it")]
    Contracted {
        /// The release that did so.
        contracted: ReleaseId,
        /// The one that would be gone to.
        wanted: ReleaseId,
    },
    /// There is nothing to take back.
    #[error("nothing serves: there is nothing to take back")]
    Nothing,
    /// There is no such release.
    #[error("{0} is not in the ledger")]
    Unknown(ReleaseId),
    /// It serves.
    #[error("{0} serves already")]
    Serves(ReleaseId),
    /// It cannot be gone to.
    #[error("{0}")]
    Unfit(Skipped),
    /// No release was made from such a commit.
    #[error("no release was made from a commit that begins with `{0}`")]
    NoCommit(String),
    /// That is no beginning of a commit.
    #[error("`{0}` is no beginning of a commit: {COMMIT_DIGITS_MIN} digits from 0 to f at least")]
    NotACommit(String),
    /// Several commits begin so.
    #[error("`{text}` is the beginning of several commits: {}", joined(.candidates, |(commit, release)| format!("{commit} ({release})")))]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The commits, each with the newest release that was made from it.
        candidates: Vec<(String, ReleaseId)>,
    },
}

fn joined<T>(items: &[T], word: impl Fn(&T) -> String) -> String {
    items.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn listed(skipped: &[Skipped]) -> String {
    if skipped.is_empty() { String::new() } else { format!(" ({})", joined(skipped, ToString::to_string)) }
}

/// Where a rollback of what serves goes.
///
/// # Errors
///
/// When there is nowhere to go, with the reason of every release that is not gone to.
pub fn target(head: &Head, wanted: &Wanted) -> Result<Target, NoTarget> {
    let Some(serving) = head.serves() else {
        return Err(head.serving.clone().map_or(NoTarget::Nothing, NoTarget::Unknown));
    };
    match wanted {
        Wanted::Previous => previous(head, serving),
        Wanted::Release(release) => {
            let found = head.history.find(release).ok_or_else(|| NoTarget::Unknown(release.clone()))?;
            named(head, serving, found)
        }
        Wanted::Commit(text) => committed(head, serving, text),
    }
}

fn previous(head: &Head, serving: &Entry) -> Result<Target, NoTarget> {
    let mut skipped = Vec::new();
    for entry in by_content(head).filter(|entry| entry.origin() != serving.origin()) {
        if let Some(reason) = unfit(entry, serving) {
            skipped.push(Skipped { release: entry.release.clone(), reason });
            continue;
        }
        not_past_a_contraction(head, entry)?;
        return Ok(Target { origin: entry.origin().clone(), entry: entry.clone(), skipped });
    }
    Err(NoTarget::None { serving: serving.origin().clone(), skipped })
}

/// The entries, those with the newest content first.
fn by_content(head: &Head) -> impl Iterator<Item = &Arc<Entry>> {
    let mut entries: Vec<&Arc<Entry>> = head.history.iter().collect();
    entries.sort_by_key(|entry| Reverse((entry.origin().number, entry.release.number)));
    entries.into_iter()
}

/// Why a rollback does not go to a release by itself.
fn unfit(entry: &Entry, serving: &Entry) -> Option<Reason> {
    let is_newer = entry.origin().number > serving.origin().number;
    match entry.state {
        State::Verified if is_newer && entry.account.restores.is_some() => {
            Some(Reason::Restored(entry.origin().clone()))
        }
        State::Verified if is_newer => Some(Reason::Newer),
        State::Verified if entry.account.is_same_content(&serving.account) => Some(Reason::Same),
        State::Verified => (!entry.is_kept).then_some(Reason::Gone),
        state => Some(Reason::State(state)),
    }
}

/// The releases that rollbacks would go to one after the other, if nothing else happened: newest first, each content once.
pub(super) fn targets(head: &Head) -> Vec<&Arc<Entry>> {
    let Some(serving) = head.serves() else { return Vec::new() };
    let mut targets: Vec<&Arc<Entry>> = Vec::new();
    for entry in by_content(head).filter(|entry| entry.origin() != serving.origin()) {
        // One that is under way may still not do it.
        let contraction = contraction(head, entry).filter(|other| other.state != State::Intended);
        let is_fit = unfit(entry, serving).is_none() && contraction.is_none();
        let is_same = |other: &&Arc<Entry>| {
            other.origin() == entry.origin() || other.account.is_same_content(&entry.account)
        };
        if is_fit && !targets.iter().any(is_same) {
            targets.push(entry);
        }
    }
    targets
}

fn named(head: &Head, serving: &Entry, entry: &Arc<Entry>) -> Result<Target, NoTarget> {
    if entry.origin() == serving.origin() && entry.state != State::Intended {
        return Err(NoTarget::Serves(entry.release.clone()));
    }
    let unfit = |reason| NoTarget::Unfit(Skipped { release: entry.release.clone(), reason });
    if !matches!(entry.state, State::Verified | State::Withdrawn) {
        return Err(unfit(Reason::State(entry.state)));
    }
    not_past_a_contraction(head, entry)?;
    if !entry.is_kept {
        return Err(unfit(Reason::Gone));
    }
    Ok(Target { origin: entry.origin().clone(), entry: entry.clone(), skipped: Vec::new() })
}

fn committed(head: &Head, serving: &Entry, text: &str) -> Result<Target, NoTarget> {
    let wanted = text.trim().to_ascii_lowercase();
    if wanted.len() < COMMIT_DIGITS_MIN || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(NoTarget::NotACommit(text.to_owned()));
    }
    let is_wanted = |entry: &&Arc<Entry>| {
        entry.account.commit.as_ref().is_some_and(|commit| commit.starts_with(wanted.as_str()))
    };
    let found: Vec<&Arc<Entry>> = by_content(head).filter(is_wanted).collect();
    let mut candidates: Vec<(String, ReleaseId)> = Vec::new();
    for entry in &found {
        let commit = entry.account.commit.as_deref().unwrap_or_default();
        if candidates.iter().all(|(other, _)| other != commit) {
            candidates.push((commit.to_owned(), entry.release.clone()));
        }
    }
    match candidates.len() {
        0 => return Err(NoTarget::NoCommit(wanted)),
        1 => {}
        _ => return Err(NoTarget::Ambiguous { text: wanted, candidates }),
    }
    // Several releases of one commit: a good one before one that was withdrawn, and the newest of those.
    let mut tried: Vec<Result<Target, NoTarget>> =
        found.into_iter().map(|entry| named(head, serving, entry)).collect();
    tried.sort_by_key(|result| match result {
        Ok(target) => u8::from(target.warning().is_some()),
        Err(_) => 2,
    });
    tried.into_iter().next().unwrap_or(Err(NoTarget::NoCommit(wanted)))
}

/// Nothing goes past a release that has taken away what older ones need, whatever became of it: how far its migration came
/// before it was taken back is not known.
fn not_past_a_contraction(head: &Head, entry: &Entry) -> Result<(), NoTarget> {
    match contraction(head, entry) {
        None => Ok(()),
        Some(contracted) => Err(NoTarget::Contracted {
            contracted: contracted.release.clone(),
            wanted: entry.origin().clone(),
        }),
    }
}

/// The last release that has taken away, or is about to, what the content of an entry needs.
fn contraction<'h>(head: &'h Head, entry: &Entry) -> Option<&'h Arc<Entry>> {
    let past = |other: &&Arc<Entry>| other.account.contracts && other.release.number > entry.origin().number;
    head.history.iter().rev().find(past)
}

#[cfg(test)]
pub(super) mod tests;
