//! Listens to one machine, and tells what is new.

use std::time::Duration;

use super::{Kind, Line, ending, evidence, offset};
use crate::release::ledger::Phase;
use crate::release::machine::{Command, End, PartStatus, Pods, Status, Wait};
use crate::release::model::ReleaseId;
use crate::text;

/// How long something is waited for before that is worth a line; the next one comes when it has lasted twice as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after the beginning of a step what was measured is told for the first time; then after four times as long, and so
/// on.
const EVIDENCE: Duration = Duration::from_secs(30);

/// Tells what is new in the statuses of one machine.
#[derive(Clone, Debug)]
pub struct Narrator {
    /// What it calls the release.
    subject: String,
    /// The beginning, by the machine's clock.
    began: Duration,
    phase: Option<Phase>,
    parts: Vec<Seen>,
    wait: Option<Waiting>,
    question: Option<String>,
    /// The phase in which it is paused.
    paused_in: Option<Phase>,
    /// Whether users have seen the new release.
    is_exposed: bool,
    /// When evidence is told next, and how long after that again.
    evidence: (Duration, Duration),
    /// What was measured last, of each component.
    last: Vec<String>,
}

/// What was told of a component.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Seen {
    is_ready: bool,
    serving: (u32, u32),
}

#[derive(Clone, Debug)]
struct Waiting {
    words: String,
    since: Duration,
    next: Duration,
}

impl Narrator {
    /// Somebody who calls the release `subject` and counts from `began`, by the clock of the machine.
    pub fn new(subject: impl Into<String>, began: Duration) -> Self {
        Self {
            subject: subject.into(),
            began,
            phase: None,
            parts: Vec::new(),
            wait: None,
            question: None,
            paused_in: None,
            is_exposed: false,
            evidence: (began, EVIDENCE),
            last: Vec::new(),
        }
    }

    /// What is new. To be called after each input of the machine.
    pub fn tell(&mut self, status: &Status<'_>, now: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        self.is_exposed |= status.parts.iter().any(|part| part.changes && part.new.serving > 0);
        if status.phase != self.phase {
            self.turn(status, now, &mut lines);
        }
        if self.phase.is_some() {
            self.pods(status, now, &mut lines);
            self.measured(status, now, &mut lines);
        }
        self.waits(status.waits.as_ref(), now, &mut lines);
        self.asks(status, now, &mut lines);
        lines
    }

    fn line(&self, now: Duration, kind: Kind, words: impl Into<String>) -> Line {
        Line::new(now.saturating_sub(self.began), kind, self.subject.clone(), words)
    }

    fn of_part(&self, now: Duration, kind: Kind, part: &PartStatus<'_>, words: impl Into<String>) -> Line {
        Line::new(now.saturating_sub(self.began), kind, part.name.to_string(), words)
    }

    /// The release takes a turn.
    fn turn(&mut self, status: &Status<'_>, now: Duration, lines: &mut Vec<Line>) {
        let before = std::mem::replace(&mut self.phase, status.phase);
        let Some(phase) = status.phase else { return };
        self.wait = None;
        self.evidence = (now + EVIDENCE, EVIDENCE);
        if before.is_none() {
            self.begins(status, phase, now, lines);
        } else if matches!(before, Some(Phase::Exposed(_))) && phase <= Phase::Promoting {
            self.report(status, now, false, lines);
        }
        let reason = || status.words.split_once(": ").map_or("", |(_, reason)| reason);
        let words = match phase {
            Phase::Intended | Phase::Stated | Phase::Floored | Phase::Verifying => return,
            Phase::Exposed(0) if before == Some(Phase::Staged) => {
                "the smoke test passed: users see the new release".to_owned()
            }
            Phase::Exposed(_) if before.is_some_and(|before| before < phase) => {
                "enough evidence for the next step".to_owned()
            }
            Phase::Promoting if matches!(before, Some(Phase::Exposed(_))) => {
                "the last step is over: new pods are started until they are as many as serve".to_owned()
            }
            Phase::Promoting if before == Some(Phase::Staged) => {
                "the smoke test passed: new pods are started until they are as many as serve".to_owned()
            }
            Phase::Flipping => "all new pods are ready: requests go to them alone".to_owned(),
            Phase::Baking => {
                let until = status.waits.as_ref().map(|wait| wait.until.saturating_sub(now));
                let long = until.map_or(String::new(), |long| format!(" for {}", length(long)));
                format!("the new release serves, and its smoke test passed; watched{long}, old pods stand by")
            }
            Phase::Cleaning => "the watch is over: the old pods go".to_owned(),
            Phase::Reverting => {
                let where_to = if self.is_exposed {
                    "BACK to the old release"
                } else {
                    "BACK: users keep the old release"
                };
                lines.push(self.line(now, Kind::Back, where_to).because([reason().to_owned()]));
                return;
            }
            Phase::Restoring if self.is_exposed => "the new pods go".to_owned(),
            Phase::Restoring => "the new pods go; no user has seen them".to_owned(),
            _ => status.words.clone(),
        };
        lines.push(self.line(now, Kind::Step, words));
    }

    /// A release is begun, or taken up where somebody left it.
    fn begins(&self, status: &Status<'_>, phase: Phase, now: Duration, lines: &mut Vec<Line>) {
        if phase != Phase::Intended {
            let words = format!("takes {} up where it was left", status.release);
            lines.push(self.line(now, Kind::Step, words));
            return;
        }
        lines.push(self.line(now, Kind::Step, format!("{} begins", status.release)));
        for part in &status.parts {
            let words = if part.changes {
                let (old, new) = (part.old, part.new);
                format!("{} from slot {}; slot {} is next", serve(old, ""), old.slot, new.slot)
            } else {
                "does not change".to_owned()
            };
            lines.push(self.of_part(now, Kind::Change, part, words));
        }
    }

    /// Pods got ready, or requests go elsewhere.
    fn pods(&mut self, status: &Status<'_>, now: Duration, lines: &mut Vec<Line>) {
        let is_first = self.parts.is_empty();
        self.parts.resize(status.parts.len(), Seen::default());
        for (index, part) in status.parts.iter().enumerate().filter(|(_, part)| part.changes) {
            let (old, new) = (part.old, part.new);
            let seen = Seen {
                is_ready: new.wanted > 0 && new.available >= new.wanted,
                serving: (old.serving, new.serving),
            };
            let before = std::mem::replace(&mut self.parts[index], seen);
            if is_first {
                continue;
            }
            let starts = matches!(status.phase, Some(Phase::Staged | Phase::Promoting));
            if seen.is_ready && !before.is_ready && starts {
                let words = format!("{} ready in slot {}", pods(new.available, "new"), new.slot);
                lines.push(self.of_part(now, Kind::Change, part, words));
            }
            if seen.serving == before.serving {
                continue;
            }
            if let Some(words) = serving(part, before.serving) {
                lines.push(self.of_part(now, Kind::Change, part, words));
            }
        }
    }

    /// What was measured, now and then.
    fn measured(&mut self, status: &Status<'_>, now: Duration, lines: &mut Vec<Line>) {
        let (due, gap) = self.evidence;
        if matches!(status.phase, Some(Phase::Exposed(_))) && now >= due {
            self.evidence = (due + 4 * gap, 4 * gap);
            self.report(status, now, true, lines);
        }
    }

    /// What was measured of each component; while it is not decided yet, also what would change the verdict.
    fn report(&mut self, status: &Status<'_>, now: Duration, is_open: bool, lines: &mut Vec<Line>) {
        self.last.clear();
        for part in status.parts.iter().filter(|part| part.changes) {
            let Some(report) = part.report() else { continue };
            let seen = evidence::seen(&report);
            self.last.extend(seen.iter().map(|words| format!("{}: {words}", part.name)));
            let is_last = part.step.is_none_or(|(step, of)| step == of);
            let outlook = evidence::outlook(&report, is_last).filter(|_| is_open);
            let mut words = seen.into_iter().chain(outlook);
            let Some(first) = words.next() else { continue };
            let line = self.of_part(now, Kind::Evidence, part, first).because(words);
            lines.push(line.with(evidence::measured(&report, part.weight)));
        }
    }

    /// What was measured last, a sentence for each component.
    pub fn evidence(&self) -> &[String] {
        &self.last
    }

    /// The last words, `at` after the beginning, of a process that ends with `exit_code`.
    pub fn end(
        &self,
        release: &ReleaseId,
        previous: Option<&ReleaseId>,
        end: &End,
        at: Duration,
        exit_code: u8,
    ) -> Vec<Line> {
        ending::lines(&self.subject, (release, previous), end, &self.last, at, exit_code)
    }

    /// What is waited for, once it has lasted. What a step of a canary waits for is told as evidence.
    fn waits(&mut self, wait: Option<&Wait>, now: Duration, lines: &mut Vec<Line>) {
        let is_told_elsewhere = matches!(self.phase, Some(Phase::Exposed(_) | Phase::Baking));
        let Some(wait) = wait.filter(|_| !is_told_elsewhere) else {
            self.wait = None;
            return;
        };
        let new = || Waiting { words: wait.words.clone(), since: now, next: now + PATIENCE };
        let waiting = match self.wait.take() {
            Some(waiting) if waiting.words == wait.words => waiting,
            _ => new(),
        };
        let waited = now.saturating_sub(waiting.since);
        let is_due = now >= waiting.next;
        let next = if is_due { now + waited } else { waiting.next };
        self.wait = Some(Waiting { next, ..waiting });
        if is_due {
            let left = wait.until.saturating_sub(now);
            let words = format!("waits for {}; {} left", wait.words, length(left));
            lines.push(self.line(now, Kind::Wait, words));
        }
    }

    /// What a person is asked.
    fn asks(&mut self, status: &Status<'_>, now: Duration, lines: &mut Vec<Line>) {
        let question = status.asks.as_ref().map(|asks| asks.words.clone());
        let is_paused = status.asks.as_ref().is_some_and(|asks| asks.answers.contains(&Command::Resume));
        let was_paused = std::mem::replace(&mut self.paused_in, status.phase.filter(|_| is_paused));
        if was_paused.is_some() && was_paused == status.phase && !is_paused {
            lines.push(self.line(now, Kind::Step, "the pause is over"));
        }
        if question != self.question {
            if let Some(words) = &question {
                lines.push(self.line(now, Kind::Question, words.clone()));
            }
            self.question = question;
        }
    }
}

/// Who gets requests now.
fn serving(part: &PartStatus<'_>, before: (u32, u32)) -> Option<String> {
    let (old, new) = (part.old.serving, part.new.serving);
    let share = part.weight * 100.0;
    Some(match (old, new) {
        (0, 0) => "nobody serves".to_owned(),
        (_, 0) if before.1 > 0 => format!("{} alone", serve(part.old, "old")),
        (0, _) if before.0 > 0 => format!("{} alone", serve(part.new, "new")),
        (0, _) => serve(part.new, "new"),
        (_, 0) => return None, // an autoscaler moves
        _ => {
            let step = part.step.map_or(String::new(), |(step, of)| format!("step {step} of {of}: "));
            format!("{step}{} beside {old} old: {share:.0} % of the requests", serve(part.new, "new"))
        }
    })
}

/// `3 new pods serve`, `2 of 3 new pods serve`.
fn serve(slot: Pods, kind: &str) -> String {
    let all = if slot.serving < slot.wanted { slot.wanted } else { slot.serving };
    let few = if slot.serving < all { format!("{} of ", slot.serving) } else { String::new() };
    let verb = if slot.serving == 1 { "serves" } else { "serve" };
    format!("{few}{} {verb}", pods(all, kind))
}

/// `3 new pods`.
fn pods(count: u32, kind: &str) -> String {
    let noun = if kind.is_empty() { "pod".to_owned() } else { format!("{kind} pod") };
    text::count(count as usize, &noun)
}

/// `15 min`, `1m 40s`.
fn length(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => offset(time),
    }
}
