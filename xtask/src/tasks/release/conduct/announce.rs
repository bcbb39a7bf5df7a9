//! What others are told of a release while it is carried out.

use crate::core::release::ledger::Phase;
use crate::core::release::machine::{End, Status};
use crate::core::release::notice::Occasion;
use crate::tasks::release::notify::Notifier;

/// Tells others what is new in the statuses of one machine.
#[derive(Debug)]
pub(super) struct Announcer {
    notifier: Notifier,
    /// Whether a phase was seen; a release that is taken up in the middle was announced by whoever has begun it.
    has_phase: bool,
    question: Option<String>,
}

impl Announcer {
    pub(super) fn new(notifier: Notifier) -> Self {
        Self { notifier, has_phase: false, question: None }
    }

    /// To be called after each input of the machine.
    pub(super) fn follow(&mut self, status: &Status<'_>, evidence: &[String]) {
        if let Some(phase) = status.phase.filter(|_| !self.has_phase) {
            self.has_phase = true;
            if phase == Phase::Intended {
                self.notifier.tell(Occasion::Started, None, &[]);
            }
        }
        let question = status.asks.as_ref().map(|asks| asks.words.clone());
        if question != self.question {
            if let Some(words) = &question {
                self.notifier.tell(Occasion::Waiting, Some(words), evidence);
            }
            self.question = question;
        }
    }

    /// Tells how it ended, and waits a few seconds for those who are told.
    pub(super) fn end(mut self, end: &End, evidence: &[String]) {
        if let Some(event) = Occasion::of(end.ending) {
            self.notifier.tell(event, Some(&end.reason), evidence);
        }
        self.notifier.finish();
    }
}
