//! Where a release stands, for people: what is done, what is waited for and until when, who is asked, how it goes on.

use std::time::Duration;

use super::{Command, Machine, Stage};
use crate::release::analysis::{Analysis, Report};
use crate::release::ledger::Phase;
use crate::release::migration::Migration;
use crate::release::model::{ComponentName, ReleaseId, Slot};
use crate::release::view::Part;

/// Where a release stands.
#[derive(Clone, Debug)]
pub struct Status<'m> {
    /// The release.
    pub release: &'m ReleaseId,
    /// The phase that is under way; `None` before anything was written down.
    pub phase: Option<Phase>,
    /// What is being done, in words.
    pub words: String,
    /// Since when, by the clock of [`Machine::handle`].
    pub since: Duration,
    /// What is waited for.
    pub waits: Option<Wait>,
    /// What a person is asked.
    pub asks: Option<Question>,
    /// The components, in the order of the plan.
    pub parts: Vec<PartStatus<'m>>,
    /// What comes next, in words; `None` after the end.
    pub next: Option<&'static str>,
}

/// Something that is waited for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wait {
    /// What.
    pub words: String,
    /// Until when at the latest; what happens then is no longer a wait.
    pub until: Duration,
}

/// What a person can say now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The question, in words.
    pub words: String,
    /// The answers.
    pub answers: &'static [Command],
    /// When nobody's answer is waited for any longer; `None` where what is waited for has an end of its own.
    pub until: Option<Duration>,
}

/// One component.
#[derive(Clone, Copy, Debug)]
pub struct PartStatus<'m> {
    /// The component.
    pub name: &'m ComponentName,
    /// Whether anything of it is to change.
    pub changes: bool,
    /// The step of its canary from 1, and how many there are; `None` where none is under way.
    pub step: Option<(usize, usize)>,
    /// The pods that served when the release began.
    pub old: Pods,
    /// The pods of the new release; those of the idle slot, whatever it runs, until they are there.
    pub new: Pods,
    /// The share of the requests that the new pods get, from 0 to 1, as far as the endpoints say; of one Deployment that is
    /// changed in place, the share of its pods.
    pub weight: f64,
    analysis: Option<&'m Analysis>,
}

/// The pods of a slot, as they were last seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pods {
    /// The slot.
    pub slot: Slot,
    /// Asked for.
    pub wanted: u32,
    /// Ready for long enough.
    pub available: u32,
    /// With requests.
    pub serving: u32,
}

impl PartStatus<'_> {
    /// Where its analysis stands; `None` where nothing is compared. Costs more than the rest of a status: it works out what
    /// would change the verdict.
    pub fn report(&self) -> Option<Report> {
        self.analysis.map(Analysis::report)
    }
}

impl Machine {
    /// Where the release stands. Cheap: to be asked after each [`Machine::handle`].
    pub fn status(&self) -> Status<'_> {
        let (words, next) = match &self.stage {
            Stage::Acquiring => ("waiting for the environment".to_owned(), Some("read everything again")),
            Stage::Fencing => ("fencing off whoever owned it before".to_owned(), Some("look what serves")),
            Stage::Adopting => ("asking what runs whether it is well".to_owned(), Some("write it down")),
            Stage::Running => self.phase().map_or_else(
                || ("looking what serves".to_owned(), None),
                |phase| (self.doing(phase), Some(self.after(phase))),
            ),
            Stage::Closing(end) => (format!("writing down the end: {}", end.reason), Some("end")),
            Stage::Ended(end) => (end.reason.clone(), None),
        };
        Status {
            release: &self.course.release,
            phase: self.phase(),
            words,
            since: self.entered,
            waits: self.wait(),
            asks: self.question(),
            parts: (0..self.course.parts.len()).map(|index| self.part_status(index)).collect(),
            next,
        }
    }

    /// A phase in words.
    fn doing(&self, phase: Phase) -> String {
        let back = || {
            let back = self.journal.as_ref().and_then(|journal| journal.back.as_ref());
            back.map_or("its owner was gone", |(_, reason)| reason.as_str())
        };
        match phase {
            Phase::Intended => "writing down that the release begins".into(),
            Phase::Stated => "writing what both releases can live with".into(),
            Phase::Expanding => "adding to the database what the new release needs".into(),
            Phase::Floored => "keeping autoscalers from taking a serving pod away".into(),
            Phase::Staged => "starting new pods, without traffic".into(),
            Phase::Exposed(step) => {
                format!("trying the new release on users, step {} of {}", usize::from(step) + 1, self.steps())
            }
            Phase::Holding => format!("holding, the new pods are out of traffic: {}", back()),
            Phase::Promoting => "filling the new slots up to what serves".into(),
            Phase::Flipping => "sending all requests to the new pods".into(),
            Phase::Verifying => "looking whether the new release serves".into(),
            Phase::Baking => "watching the new release, the old pods stand by".into(),
            Phase::Cleaning => "taking the old pods away".into(),
            Phase::Contracting => "taking from the database what the old release needed".into(),
            Phase::Reverting => format!("giving the requests back to the old pods: {}", back()),
            Phase::Restoring => format!("taking the new pods away: {}", back()),
        }
    }

    fn wait(&self) -> Option<Wait> {
        let timing = &self.course.timing;
        match (&self.stage, self.phase()) {
            (Stage::Acquiring, _) => {
                Some(Wait { words: "the environment to be free".into(), until: self.entered + timing.wait })
            }
            (Stage::Running, Some(phase)) => match (&self.waits, phase) {
                (Some(words), _) => {
                    let since = self.waits_since.unwrap_or(self.entered);
                    Some(Wait { words: words.clone(), until: since + timing.limit(phase) })
                }
                (None, Phase::Exposed(step)) => {
                    let words = self.evidence_missing(step)?;
                    Some(Wait { words, until: self.entered + self.step_max() })
                }
                (None, Phase::Baking) => {
                    let each = self.trials.iter().map(|trial| trial.watched_until(self.entered));
                    let until = each.max().unwrap_or(self.entered);
                    Some(Wait { words: "the watch to be over".into(), until })
                }
                (None, _) => None,
            },
            _ => None,
        }
    }

    fn question(&self) -> Option<Question> {
        let timing = &self.course.timing;
        let question = |words: &str, answers, until| Some(Question { words: words.into(), answers, until });
        match self.phase() {
            Some(Phase::Holding) => question(
                "the evidence is not enough: promote it all the same, or take it back?",
                &[Command::PromoteFully, Command::Abort],
                Some(self.entered + timing.hold),
            ),
            Some(Phase::Exposed(_)) => match (self.pause_end(), self.asked) {
                (Some(until), _) => question(
                    &format!("paused{}: go on, or take it back?", self.pauser()),
                    &[Command::Resume, Command::Abort],
                    Some(until),
                ),
                (None, Some(since)) => question(
                    "the evidence is there: may it go on?",
                    &[Command::Promote, Command::Abort],
                    Some(since + timing.gate),
                ),
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// Who has paused it from elsewhere, and why.
    fn pauser(&self) -> String {
        let pause = self.journal.as_ref().and_then(|journal| journal.pause.as_ref());
        pause.map_or(String::new(), |pause| {
            let why = if pause.why.is_empty() { String::new() } else { format!(" ({})", pause.why) };
            format!(" by {}{why}", pause.by)
        })
    }

    /// What comes after a phase, where all goes well.
    fn after(&self, phase: Phase) -> &'static str {
        let steps = self.steps();
        match phase {
            Phase::Intended => "write what both releases can live with",
            Phase::Stated if self.course.migrates(Migration::Expand) => {
                "add to the database what the new release needs"
            }
            Phase::Stated | Phase::Expanding => "keep autoscalers from taking a serving pod away",
            Phase::Floored => "start new pods, without traffic",
            Phase::Staged if steps > 0 => "try the new release on users",
            Phase::Exposed(step) if usize::from(step) + 1 < steps => "raise the weight",
            Phase::Staged | Phase::Exposed(_) => "fill the new slots up to what serves",
            Phase::Holding => "give the requests back to the old release",
            Phase::Promoting => "send all requests to the new pods",
            Phase::Flipping => "look whether the new release serves",
            Phase::Verifying => "watch the new release",
            Phase::Baking => "take the old pods away",
            Phase::Cleaning if self.course.migrates(Migration::Contract) => {
                "take from the database what the old release needed"
            }
            Phase::Cleaning | Phase::Contracting => "end, promoted",
            Phase::Reverting => "take the new pods away",
            Phase::Restoring => "end, with the old release serving",
        }
    }

    fn part_status(&self, index: usize) -> PartStatus<'_> {
        let course = &self.course.parts[index];
        let live = self.live.get(index).copied().unwrap_or(Slot::A);
        let seen = self.seen.as_ref().map(|view| &view.parts[index]);
        let (old, new) = (pods(seen, live), pods(seen, course.next(live)));
        let step = match self.phase() {
            Some(Phase::Exposed(step)) if !course.steps().is_empty() => {
                Some(((usize::from(step) + 1).min(course.steps().len()), course.steps().len()))
            }
            _ => None,
        };
        // Of one Deployment that is changed in place, the pods of its template are new once the template is.
        let (part, all) = if course.has_slots() {
            (new.serving, old.serving + new.serving)
        } else {
            let state = seen.and_then(|part| part.slot(live)).map(|read| &read.object);
            let state = state.filter(|state| state.revision == course.new);
            state.map_or((0, 0), |state| (state.available, state.pods))
        };
        let weight = if all == 0 { 0.0 } else { f64::from(part) / f64::from(all) };
        PartStatus {
            name: &course.name,
            changes: course.changes(),
            step,
            old,
            new,
            weight,
            analysis: self.trials[index].analysis(),
        }
    }
}

fn pods(seen: Option<&Part>, slot: Slot) -> Pods {
    let state = seen.and_then(|part| part.slot(slot)).map(|read| &read.object);
    Pods {
        slot,
        wanted: state.map_or(0, |state| state.wanted),
        available: state.map_or(0, |state| state.available),
        serving: seen.map_or(0, |part| part.serving(slot)),
    }
}
