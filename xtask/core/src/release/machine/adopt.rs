//! Taking over what runs already: it is looked at, asked whether it is well, and written down. Nothing is restarted.

use std::time::Duration;

use super::Machine;
use crate::mask::Mask;
use crate::release::effect::{Change, Effect, Object};
use crate::release::ledger::{Entry, Line, State};
use crate::release::machine::course::End;
use crate::release::model::{Ending, Slot};
use crate::release::view::View;

impl Machine {
    /// Goes on with an adoption, on a look that no older owner can change any more.
    pub(super) fn adopt(&mut self, view: &View, now: Duration, effects: &mut Vec<Effect>) {
        if self.owner.is_due(&self.course.timing, now) {
            self.renew(view, now, effects);
        }
        if let Some(end) = self.not_adopted(view) {
            return self.give_back(end, now);
        }
        // It is there, and was made empty.
        let Some(ledger) = &view.ledger else { return };
        if !self.has_asked(now, effects) {
            return;
        }
        let basis = self.basis();
        let state = if basis.is_ok() { State::Verified } else { State::Unverified };
        let words = basis.unwrap_or_else(|words| words);
        let entry =
            Entry::adopted(self.course.release.clone(), self.course.account.clone(), self.course.unix(now));
        let entry = Entry { state, basis: Line::new(&words, &Mask::default()), ..entry };
        self.has_noted = true;
        let head = ledger.object.adopting(entry, self.course.serving_from_a());
        self.write(Object::Ledger, Some(ledger.version), Change::Ledger(Box::new(head)), now, effects);
    }

    /// Why it ends here, where it does.
    fn not_adopted(&self, view: &View) -> Option<End> {
        let head = view.ledger.as_ref().map(|read| &read.object);
        if let Some(serving) = head.and_then(|head| head.serving.as_ref()) {
            let basis = self.basis().unwrap_or_else(|words| words);
            let words = format!("{serving} is written down as what runs; {basis}");
            let is_ours = *serving == self.course.release && self.has_noted;
            return Some(End::new(if is_ours { Ending::Adopted } else { Ending::Refused }, words));
        }
        if let Some(journal) = head.and_then(|head| head.under_way.as_ref()) {
            let words = format!("{} is under way: `cargo xtask recover` ends it", journal.release);
            return Some(End::new(Ending::Refused, words));
        }
        if let Some(words) = head.and_then(|head| head.history.refusal(&self.course.release)) {
            return Some(End::new(Ending::Refused, words));
        }
        if self.aborted {
            return Some(End::new(Ending::Aborted, "aborted before anything was written down"));
        }
        self.course.parts.iter().zip(&view.parts).find_map(|(part, seen)| {
            let state = seen.slot(Slot::A).map(|read| &read.object);
            let words = match state {
                Some(state) if Some(&state.revision) != part.old.as_ref() => {
                    format!("{} runs something else than when this was planned", part.name)
                }
                Some(state) if state.available > 0 || !part.has_slots() => return None,
                _ => format!("no pod of {} serves: there is nothing to adopt", part.name),
            };
            Some(End::new(Ending::Refused, words))
        })
    }

    /// Whether every component was asked, or did not answer for too long.
    fn has_asked(&mut self, now: Duration, effects: &mut Vec<Effect>) -> bool {
        let is_late = now.saturating_sub(self.entered) >= self.course.timing.ready;
        let mut all = true;
        for part in 0..self.course.parts.len() {
            if self.smoked[part].is_some() || is_late {
                continue;
            }
            all = false;
            self.ask(part, Slot::A, now, effects);
        }
        all
    }

    /// What the smoke tests have come to, good or not, in words.
    fn basis(&self) -> Result<String, String> {
        let asked = self.smoked.iter().zip(&self.course.parts);
        for (answer, part) in asked {
            match answer {
                Some(Ok(())) => {}
                Some(Err(words)) => return Err(format!("the smoke test of {} failed: {words}", part.name)),
                None => return Err(format!("the smoke test of {} got no answer", part.name)),
            }
        }
        Ok("the smoke test passed".into())
    }
}
