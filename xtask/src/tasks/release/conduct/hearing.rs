//! Why pods fail: who of them is asked, when, and what came of it.
//!
//! It is asked when something is wrong, beside everything else: a release is neither slower nor another one for it. It is asked
//! at once, too, because the pods of a release that is taken back are gone a moment later, and their logs with them.

use std::time::Duration;

use serde_json::Value;

use super::hands::ask_all;
use crate::core::release::health::{LOG_LINES, Suspect, Testimony};
use crate::core::release::wire::{Inventory, Witness};
use crate::driver::kubectl::{Failure, Kubectl, Limits, Logs};

/// How often somebody is asked in one release. Pods that change what is wrong with them all the time say nothing new.
const ASKED_MAX: usize = 8;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Who was asked, and what was heard.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    asked: Vec<Suspect>,
    /// Whether somebody has not answered yet.
    pub(super) is_under_way: bool,
    heard: Option<(Witness, Testimony)>,
}

impl Hearing {
    /// Whom to ask after a look. Pods that may only be slow are asked where the release `has_failed`.
    pub(super) fn next(
        &mut self,
        inventory: &Inventory,
        (objects, taken_at): (&[Value], Duration),
        has_failed: bool,
    ) -> Option<Witness> {
        if self.is_under_way || self.asked.len() >= ASKED_MAX {
            return None;
        }
        let witness = inventory.witness(objects, taken_at).ok()??;
        let is_worth_it = has_failed || witness.suspect.is_in_trouble();
        if !is_worth_it || self.asked.contains(&witness.suspect) {
            return None;
        }
        self.asked.push(witness.suspect.clone());
        self.is_under_way = true;
        Some(witness)
    }

    /// Keeps what was heard where it says more than what was heard before: a pod that is gone by now cannot be asked again.
    pub(super) fn hear(&mut self, witness: Witness, testimony: Testimony) {
        self.is_under_way = false;
        let has_log = |testimony: &Testimony| matches!(testimony.log, Some(Ok(_)));
        let says_less = self.heard.as_ref().is_some_and(|(before, heard)| {
            let is_same = before.suspect.trouble == witness.suspect.trouble;
            before.suspect.trouble < witness.suspect.trouble
                || (is_same && has_log(heard) && !has_log(&testimony))
        });
        if !says_less {
            self.heard = Some((witness, testimony));
        }
    }

    /// Of whom it speaks, and what is said; nothing where nobody was heard.
    pub(super) fn words(&self) -> Option<(String, Vec<String>)> {
        let (witness, testimony) = self.heard.as_ref()?;
        Some((witness.subject.clone(), witness.suspect.words(testimony)))
    }
}

/// Asks for events and log at the same time.
pub(in crate::tasks::release) fn testimony(kubectl: &Kubectl, witness: &Witness) -> Testimony {
    let kubectl = kubectl.limits(Limits { request: LIMIT, call: LIMIT, ..Limits::default() });
    let why = |failure: Failure| {
        let cause = failure.error.causes().first().map(|cause| format!(": {cause}"));
        format!("{}{}", failure.error.message(), cause.unwrap_or_default())
    };
    let log = || {
        let (container, is_previous) = witness.suspect.log.as_ref()?;
        let namespace = Some(witness.namespace.as_str());
        let logs = |is_previous| Logs {
            namespace,
            pod: &witness.suspect.name,
            container,
            lines: LOG_LINES,
            is_previous,
        };
        let log = kubectl.logs(logs(*is_previous));
        Some(log.map_err(why))
    };
    std::thread::scope(|scope| {
        let log = scope.spawn(log);
        let events = ask_all(&kubectl, &[witness.question()]).map_err(why);
        let events = events.map(|events| {
            events.into_iter().filter_map(|event| serde_json::from_value(event).ok()).collect()
        });
        let log = log.join().unwrap_or_else(|_| Some(Err("the question panicked".to_owned())));
        Testimony { events, log }
    })
}
