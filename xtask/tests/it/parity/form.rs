//! What looks come to, without times and names, and without what a look may as well have missed.

use xtask::core::release::model::{Revision, Slot};
use xtask::core::release::view::{JobState, Read, SlotState, Traffic, View};

/// What is on the way from one state to another is left out: what has numbers between them, and says what one of them says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    words: Vec<String>,
    /// Of each slot: why its pods will never be ready.
    reasons: [Option<String>; 2],
    /// Of each slot: pods that are asked for, that there are, that are available, that get requests.
    numbers: [Option<[u32; 4]>; 2],
}

impl State {
    /// A look at the one component of the situation; `revisions` are the old one and the new one.
    pub(super) fn of(view: &View, revisions: &[Revision; 2]) -> Self {
        let part = &view.parts[0];
        let slots = [Slot::A, Slot::B];
        let numbers = slots.map(|slot| {
            let Read { object, .. } = part.slot(slot)?;
            Some([object.wanted, object.pods, object.available, part.serving(slot)])
        });
        let mut words: Vec<String> =
            slots.iter().map(|slot| slot_words(part.slot(*slot), revisions)).collect();
        words.push(part.service.as_ref().map_or("no Service".to_owned(), |read| traffic_words(read.object)));
        let autoscaler = part.autoscaler.as_ref().map(|read| read.object);
        words.extend(autoscaler.map(|scaler| {
            format!("autoscaler of {}: {} to {}", scaler.target, scaler.floor, scaler.ceiling)
        }));
        words.extend(view.jobs.iter().flatten().map(|read| job_words(&read.object).to_owned()));
        let lease = view.lease.as_ref().map(|read| &read.object);
        words.extend(lease.map(|lease| format!("lease: {:?}, {}", lease.holder, lease.transitions)));
        words.extend(
            view.ledger.as_ref().map(|read| format!("ledger: {} releases", read.object.history.iter().len())),
        );
        words.extend(view.extras.iter().flatten().map(|_| "settings".to_owned()));
        let reasons = slots.map(|slot| {
            let words = part.slot(slot)?.object.hopeless.as_ref()?;
            Some(kind(words).to_owned())
        });
        Self { words, reasons, numbers }
    }

    fn is_between(&self, before: &Self, after: &Self) -> bool {
        // Words of one of them, and reasons of one of them: what comes with its reason at once may have been seen without it.
        let is_known = (self.words == before.words || self.words == after.words)
            && (self.reasons == before.reasons || self.reasons == after.reasons);
        let all = |numbers: &Self| numbers.numbers.map(Option::unwrap_or_default).concat();
        let (low, here, high) = (all(before), all(self), all(after));
        is_known
            && here
                .iter()
                .zip(low.iter().zip(&high))
                .all(|(is, (one, other))| (one.min(other)..=one.max(other)).contains(&is))
    }

    /// The state in a line: of each slot what runs there, and `asked/there/available>serving`.
    pub(super) fn line(&self) -> String {
        let slots = ["a", "b"].into_iter().enumerate().map(|(index, name)| {
            let Some([wanted, pods, available, serving]) = self.numbers[index] else {
                return format!("{name}: –");
            };
            let reason =
                self.reasons[index].as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{name}: {}{reason} {wanted}/{pods}/{available}>{serving}", self.words[index])
        });
        let others = self.words.iter().skip(2).cloned();
        slots.chain(others).collect::<Vec<_>>().join(" · ")
    }
}

/// The positions of the states without those that are on the way, and of the same ones that follow each other only the first.
pub(super) fn reduced(states: &[State]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..states.len()).collect();
    kept.dedup_by(|later, sooner| states[*later] == states[*sooner]);
    while let Some(at) = (1..kept.len().saturating_sub(1))
        .find(|&at| states[kept[at]].is_between(&states[kept[at - 1]], &states[kept[at + 1]]))
    {
        kept.remove(at);
    }
    kept
}

fn slot_words(read: Option<&Read<SlotState>>, revisions: &[Revision; 2]) -> String {
    let Some(Read { object, .. }) = read else { return String::new() };
    let name = revisions.iter().position(|revision| *revision == object.revision);
    name.map_or("other", |index| ["old", "new"][index]).to_owned()
}

/// The kind of what makes pods hopeless: the words of a cluster name more.
fn kind(words: &str) -> &str {
    const KINDS: [(&str, &[&str]); 4] = [
        ("crashes", &["CrashLoopBackOff", "exit code 1"]),
        ("no image", &["not found"]),
        ("quota", &["exceeded quota"]),
        ("no room", &["Unschedulable", "nodes are available"]),
    ];
    let is_of = |needles: &&[&str]| needles.iter().any(|needle| words.contains(needle));
    KINDS.iter().find(|(_, needles)| is_of(needles)).map_or(words, |(kind, _)| kind)
}

fn traffic_words(traffic: Traffic) -> String {
    match traffic {
        Traffic::One(slot) => format!("to {slot}"),
        Traffic::Both => "to both".to_owned(),
        Traffic::Adopted => "to a, adopted".to_owned(),
        Traffic::Nobody => "to nobody".to_owned(),
        Traffic::Foreign => "to others".to_owned(),
    }
}

fn job_words(job: &JobState) -> &'static str {
    match job {
        JobState::Suspended => "job suspended",
        JobState::Running => "job runs",
        JobState::Complete => "job done",
        JobState::Failed(_) => "job failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(words: &str, numbers: [u32; 4]) -> State {
        State { words: vec![words.to_owned()], reasons: [None, None], numbers: [Some(numbers), None] }
    }

    #[test]
    fn what_is_on_the_way_is_left_out_and_what_turns_back_is_not() {
        let rises = [[0, 0, 0, 0], [3, 0, 0, 0], [3, 2, 1, 1], [3, 3, 3, 3], [3, 3, 3, 3]];
        assert_eq!(reduced(&rises.map(|numbers| state("a", numbers))), [0, 3]);
        let dips = [[3, 3, 3, 3], [3, 2, 2, 2], [3, 3, 3, 3]].map(|numbers| state("a", numbers));
        assert_eq!(reduced(&dips), [0, 1, 2]);
        let speaks = ["a", "b", "a"].map(|words| state(words, [1; 4]));
        assert_eq!(reduced(&speaks), [0, 1, 2]);
    }
}
