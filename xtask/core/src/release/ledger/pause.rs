//! A pause: the wish, left in the ledger by whoever does not own a release, that it stays at the step where it is.
//!
//! Unlike the wish to go on ([`Wish`](super::Wish)) it holds from one phase to the next, until somebody takes it away or its time
//! is over: it may be said before the first user sees the new release. Whoever owns the release writes down until when it waits;
//! so a pause that has that was heard.

use serde::{Deserialize, Serialize};

use super::head::{Head, Journal, Phase};
use super::line::Line;
use crate::release::freeze::UnixSeconds;
use crate::release::model::ReleaseId;

/// Somebody wants a release to stay where it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Since when, by the clock of whoever said it.
    pub since: UnixSeconds,
    /// Who said it.
    pub by: Line,
    /// Why; empty where nothing was said.
    #[serde(default, skip_serializing_if = "Line::is_empty")]
    pub why: Line,
    /// Until when the release waits, by the clock of its owner; then it is taken back. `None` until the owner has heard of it in a
    /// step of the canary, which is where it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
}

impl Pause {
    /// Whether the other one is the same wish, whatever its owner has made of it.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.since, &self.by, &self.why) == (other.since, &other.by, &other.why)
    }
}

/// Why a release is not told to stay, or to go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unheard {
    /// There is nobody to be told.
    #[error("no release is under way")]
    NothingUnderWay,
    /// It is paused already.
    #[error("`{0}` is paused already")]
    Paused(ReleaseId),
    /// It is not paused.
    #[error("`{0}` is not paused")]
    NotPaused(ReleaseId),
    /// Its canary is over, or it has none: what it does now has to come to an end.
    #[error("`{0}` has no step of a canary before it")]
    NoStep(ReleaseId),
}

impl Head {
    /// The same with the wish that the release under way stays where it is. `steps` is the number of steps that its canary has.
    ///
    /// # Errors
    ///
    /// Where it is paused already, or cannot be held any more: in the middle of a promotion nothing may stand still.
    pub fn pausing(&self, pause: Pause, steps: usize) -> Result<Self, Unheard> {
        let journal = self.under_way.as_ref().ok_or(Unheard::NothingUnderWay)?;
        let release = || journal.release.clone();
        if journal.pause.is_some() {
            return Err(Unheard::Paused(release()));
        }
        if steps == 0 || journal.phase >= Phase::Holding || journal.abort {
            return Err(Unheard::NoStep(release()));
        }
        // Who wants it to stay takes back what was said before.
        Ok(self.saying(Journal { pause: Some(pause), promote: None, ..journal.clone() }))
    }

    /// The same without the wish that the release under way stays where it is.
    ///
    /// # Errors
    ///
    /// Where it is not paused.
    pub fn resuming(&self) -> Result<Self, Unheard> {
        let journal = self.under_way.as_ref().ok_or(Unheard::NothingUnderWay)?;
        if journal.pause.is_none() {
            return Err(Unheard::NotPaused(journal.release.clone()));
        }
        Ok(self.saying(Journal { pause: None, ..journal.clone() }))
    }

    fn saying(&self, journal: Journal) -> Self {
        Self { under_way: Some(journal), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;
    use crate::release::ledger::{Account, Consent, Wish, decode, encode};
    use crate::release::model::Ending;

    fn journal(phase: Phase) -> Journal {
        Journal::new(ReleaseId { environment: "production".into(), number: 7 }, phase, vec![3])
    }

    fn head(phase: Phase) -> Head {
        Head::empty().noting(journal(phase), &<_>::from(Account::default()), 1)
    }

    fn pause() -> Pause {
        let line = |text: &str| Line::new(text, &Mask::default());
        Pause { since: 1_760_000_000, by: line("anna"), why: line("the shop is full"), until: None }
    }

    #[test]
    fn a_pause_is_said_where_a_step_is_still_to_come() {
        let said = |head: &Head, steps: usize| match head.pausing(pause(), steps) {
            Ok(_) => "it is told".to_owned(),
            Err(unheard) => unheard.to_string(),
        };
        let phases = [
            Phase::Intended,
            Phase::Staged,
            Phase::Exposed(0),
            Phase::Exposed(1),
            Phase::Holding,
            Phase::Promoting,
            Phase::Baking,
            Phase::Reverting,
        ];
        let mut lines: Vec<String> =
            phases.iter().map(|phase| format!("{phase:?}: {}", said(&head(*phase), 2))).collect();
        lines.push(format!("without a canary: {}", said(&head(Phase::Staged), 0)));
        lines.push(format!("nothing under way: {}", said(&Head::empty(), 2)));
        lines.push(format!("twice: {}", said(&head(Phase::Staged).pausing(pause(), 2).unwrap(), 2)));
        let aborted = Head::empty().saying(Journal { abort: true, ..journal(Phase::Exposed(0)) });
        lines.push(format!("aborted: {}", said(&aborted, 2)));
        expect_test::expect![[r"
            Intended: it is told
            Staged: it is told
            Exposed(0): it is told
            Exposed(1): it is told
            Holding: `production-7` has no step of a canary before it
            Promoting: `production-7` has no step of a canary before it
            Baking: `production-7` has no step of a canary before it
            Reverting: `production-7` has no step of a canary before it
            without a canary: `production-7` has no step of a canary before it
            nothing under way: no release is under way
            twice: `production-7` is paused already
            aborted: `production-7` has no step of a canary before it"]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_was_paused_goes_on_as_it_was() {
        let head = head(Phase::Exposed(0));
        let paused = head.pausing(pause(), 2).unwrap();
        assert_eq!(paused.resuming(), Ok(head.clone()));
        assert_eq!(head.resuming().unwrap_err().to_string(), "`production-7` is not paused");
        assert_eq!(Head::empty().resuming(), Err(Unheard::NothingUnderWay));
    }

    #[test]
    fn a_pause_takes_back_that_it_may_go_on() {
        let wish = Wish { phase: Phase::Exposed(0), consent: Consent::Gate };
        let head = head(Phase::Exposed(0));
        let head = head.saying(Journal { promote: Some(wish), ..journal(Phase::Exposed(0)) });
        assert_eq!(head.pausing(pause(), 2).unwrap().under_way.unwrap().promote, None);
    }

    #[test]
    fn a_pause_reads_as_it_is_written() {
        for until in [None, Some(1_760_003_600)] {
            let head = head(Phase::Exposed(0)).pausing(Pause { until, ..pause() }, 2).unwrap();
            let data = encode(&head).unwrap();
            assert_eq!(decode(&data).as_ref(), Ok(&head));
            let ended = head.closed(Ending::Aborted, head.live.clone(), &Line::default(), 2);
            assert_eq!(ended.under_way, None);
        }
        let mut data = encode(&head(Phase::Exposed(0)).pausing(pause(), 2).unwrap()).unwrap();
        let text = data.get_mut("under-way").unwrap();
        *text = text.replace("anna", r"an\u001bna");
        assert_eq!(
            decode(&data).unwrap_err().to_string(),
            "`under-way` is damaged: a line that is too long or holds control characters at line 1 column 156"
        );
    }
}
