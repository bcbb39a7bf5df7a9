//! What a night looked like: who served, what users got, where the release stood, and what was done to it.
//!
//! Kept only where somebody wants to see it. Watching changes nothing: it asks for no chance and lets no request flow, so a
//! night that is watched is the night that was not.

use std::time::Duration;

use super::cluster::Cluster;
use super::scenario::{BEGIN, Scenario, Setup};
use super::traffic::Tally;
use crate::release::ledger::{Journal, Phase};
use crate::release::machine::{Course, End, Ending, Intent, PartCourse, Status};
use crate::release::model::{ComponentName, ReleaseId};
use crate::release::narration::{Kind, Line, Narrator};

/// How short a span of traffic may be: shorter ones are joined.
const SPAN_MIN: Duration = Duration::from_secs(1);

/// What a night looked like. All times count from its beginning.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The components, in the order of the plan.
    pub parts: Vec<PartRecording>,
    /// From when on the ledger said which phase; `None`: nothing is under way.
    pub phases: Vec<(Duration, Option<Phase>)>,
    /// What went wrong and what somebody did, in order.
    pub marks: Vec<Mark>,
    /// When it was written down that the release goes back.
    pub turned_back: Option<Duration>,
    /// How the first deployer ended; `None` where it was killed.
    pub end: Option<End>,
    /// What the deployers said, and between it what happened to them.
    pub lines: Vec<Line>,
    /// When the last word was said about the release; what goes on after that is nobody's concern.
    pub length: Duration,
}

/// What one component looked like.
#[derive(Clone, Debug)]
pub struct PartRecording {
    /// Its name.
    pub name: ComponentName,
    /// Whether the release changes it.
    pub changes: bool,
    /// The share of failed requests that it may have.
    pub objective: Option<f64>,
    /// The share of the requests to the old revision that fails, and that of the slow ones.
    pub usual: [f64; 2],
    /// Its pods, each time that they changed.
    pub pods: Vec<Pods>,
    /// Its requests, span after span.
    pub spans: Vec<Span>,
}

impl PartRecording {
    /// Its pods at a moment.
    pub fn at(&self, at: Duration) -> Pods {
        let after = self.pods.partition_point(|pods| pods.at <= at);
        self.pods.get(after.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The pods of a component from a moment on; of the old revision first, then of the new one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pods {
    /// From when on.
    pub at: Duration,
    /// Those that get requests.
    pub serving: [u32; 2],
    /// Those that are ready.
    pub ready: [u32; 2],
}

/// The requests to a component between two moments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// From when.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
    /// What the old revision answered, then what the new one did.
    pub sides: [Tally; 2],
    /// Those that nobody answered.
    pub unserved: u64,
}

/// Something to be marked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// When.
    pub at: Duration,
    /// What it is.
    pub kind: MarkKind,
    /// What happened, for people.
    pub words: String,
}

/// What a mark is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MarkKind {
    /// Something goes wrong, or is mended.
    Fault,
    /// Somebody does something: a deployer starts, a person gives a command.
    Deed,
    /// The release takes a turn.
    Decision,
}

/// Watches a night.
#[derive(Debug)]
pub(super) struct Recorder {
    recording: Recording,
    /// Of each component, until when its traffic is kept, and what had been counted then.
    known: Vec<(Duration, [Tally; 2], u64)>,
    /// Of each deployer, who listens to it.
    listeners: Vec<Listener>,
    /// How many of them have wanted to release.
    releasing: u32,
    release: ReleaseId,
    previous: Option<ReleaseId>,
}

/// Who listens to one deployer.
#[derive(Debug)]
struct Listener {
    narrator: Narrator,
    /// What it said before it had something to do: told only once it has.
    held: Option<Vec<Line>>,
}

impl Recorder {
    pub(super) fn new(scenario: &Scenario, cluster: &Cluster) -> Self {
        let part = |(part, setup): (&PartCourse, &Setup)| PartRecording {
            name: part.name.clone(),
            changes: part.changes(),
            usual: [setup.old.error_rate, setup.old.slow_rate],
            objective: part.objectives.first().map(|objective| objective.rate_max),
            pods: Vec::new(),
            spans: Vec::new(),
        };
        let known = cluster.components.iter().map(|component| {
            let load = &component.load;
            (load.until.max(BEGIN), load.sides, load.unserved)
        });
        let recording = Recording {
            parts: scenario.course.parts.iter().zip(&scenario.setups).map(part).collect(),
            phases: vec![(Duration::ZERO, None)],
            marks: Vec::new(),
            turned_back: None,
            end: None,
            lines: Vec::new(),
            length: Duration::ZERO,
        };
        let Course { release, previous, .. } = scenario.course.clone();
        Self { recording, known: known.collect(), listeners: Vec::new(), releasing: 0, release, previous }
    }

    /// A deployer begins, whose clock is so much ahead.
    pub(super) fn starts(&mut self, intent: Intent, ahead: Duration) {
        let subject = match intent {
            Intent::Recover => "recover",
            Intent::Abort => "rollback",
            Intent::Adopt => "adopt",
            Intent::Promote(_) => "promote",
            Intent::Release => {
                self.releasing += 1;
                match self.releasing {
                    1 => "release",
                    nth => &format!("release {nth}"),
                }
            }
        };
        let narrator = Narrator::new(subject, BEGIN + ahead);
        self.listeners.push(Listener { narrator, held: (intent == Intent::Recover).then(Vec::new) });
    }

    /// A deployer has taken an input, at `clock` by its own.
    pub(super) fn tell(&mut self, owner: usize, status: Option<&Status<'_>>, clock: Duration) {
        let (Some(listener), Some(status)) = (self.listeners.get_mut(owner), status) else { return };
        let lines = listener.narrator.tell(status, clock);
        match &mut listener.held {
            Some(held) if status.phase.is_none() => held.extend(lines),
            _ => {
                self.recording.lines.extend(listener.held.take().into_iter().flatten());
                self.recording.lines.extend(lines);
            }
        }
    }

    /// A deployer has ended. One that found nothing to do says nothing.
    pub(super) fn ends(&mut self, owner: usize, end: &End, now: Duration) {
        let Some(listener) = self.listeners.get(owner) else { return };
        if owner == 0 {
            self.recording.end = Some(end.clone());
        }
        if end.ending != Ending::Nothing || owner == 0 {
            let at = now.saturating_sub(BEGIN);
            self.recording.length = at;
            self.recording.lines.extend(listener.narrator.end(
                &self.release,
                self.previous.as_ref(),
                end,
                at,
                end.ending.exit_code(),
            ));
        }
    }

    /// Something is to be marked.
    pub(super) fn mark(&mut self, now: Duration, kind: MarkKind, words: String) {
        let at = now.saturating_sub(BEGIN);
        self.recording.lines.push(Line::new(at, Kind::Event, "event", words.clone()));
        self.recording.marks.push(Mark { at, kind, words });
    }

    /// Something may have changed.
    pub(super) fn observe(&mut self, cluster: &Cluster, now: Duration) {
        let at = now.saturating_sub(BEGIN);
        self.ledger(cluster, at);
        self.pods(cluster, at);
        self.traffic(cluster, SPAN_MIN);
    }

    fn ledger(&mut self, cluster: &Cluster, at: Duration) {
        let Some(ledger) = &cluster.ledger else { return };
        let journal: Option<&Journal> = ledger.object.under_way.as_ref();
        let phase = journal.map(|journal| journal.phase);
        if self.recording.phases.last().is_none_or(|(_, last)| *last != phase) {
            self.recording.phases.push((at, phase));
            self.recording.length = at;
        }
        if let Some((_, reason)) = journal.and_then(|journal| journal.back.as_ref())
            && self.recording.turned_back.is_none()
        {
            self.recording.turned_back = Some(at);
            let words = format!("back: {reason}");
            self.recording.marks.push(Mark { at, kind: MarkKind::Decision, words });
        }
    }

    fn pods(&mut self, cluster: &Cluster, at: Duration) {
        for (part, component) in self.recording.parts.iter_mut().zip(&cluster.components) {
            let mut pods = Pods { at, serving: [0; 2], ready: [0; 2] };
            for pod in component.pods.iter().filter(|pod| pod.is_active() || pod.serving) {
                let side = pod.revision.min(1);
                pods.ready[side] += u32::from(pod.is_ready());
                pods.serving[side] += u32::from(pod.serving && pod.is_ready());
            }
            match part.pods.last_mut() {
                Some(last) if Pods { at, ..*last } == pods => {}
                Some(last) if last.at == at => *last = pods,
                _ => part.pods.push(pods),
            }
        }
    }

    /// Keeps what was counted since, where that is at least `least` long.
    fn traffic(&mut self, cluster: &Cluster, least: Duration) {
        let parts = self.recording.parts.iter_mut().zip(&cluster.components);
        for ((part, component), (known_at, sides, unserved)) in parts.zip(&mut self.known) {
            let load = &component.load;
            if load.until < *known_at + least || load.until == *known_at {
                continue;
            }
            part.spans.push(Span {
                from: known_at.saturating_sub(BEGIN),
                until: load.until.saturating_sub(BEGIN),
                sides: [load.sides[0].since(sides[0]), load.sides[1].since(sides[1])],
                unserved: load.unserved - *unserved,
            });
            (*known_at, *sides, *unserved) = (load.until, load.sides, load.unserved);
        }
    }

    /// What was seen, at the end.
    pub(super) fn end(mut self, cluster: &Cluster) -> Recording {
        self.traffic(cluster, Duration::ZERO);
        self.recording
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::super::{Scenario, play};
    use super::*;

    #[test]
    fn each_one_who_wants_to_release_has_a_name() {
        let start = |at| Fault::Start { at: Duration::from_secs(at), intent: Intent::Release };
        let night = Scenario { faults: vec![start(10), start(20)], ..Scenario::named("good", 1).unwrap() };
        let lines = play(&night, true).recording.unwrap().lines;
        let names = ["release", "release 2", "release 3"];
        assert!(names.iter().all(|name| lines.iter().any(|line| line.subject == *name)), "{lines:?}");
        assert!(!lines.iter().any(|line| line.subject == "release 4"));
    }

    #[test]
    fn who_watches_changes_nothing_and_misses_no_request() {
        for seed in 0..60 {
            let scenario = Scenario::drawn(seed);
            let (unseen, seen) = (play(&scenario, false), play(&scenario, true));
            assert!(unseen.recording.is_none() && unseen.timeline.is_empty());
            assert_eq!((&unseen.ends, unseen.length), (&seen.ends, seen.length), "seed {seed}");
            assert_eq!(unseen.requests, seen.requests, "seed {seed}");
            let recording = seen.recording.unwrap();
            let spans = || recording.parts.iter().flat_map(|part| &part.spans);
            let sum = |count: fn(&Tally) -> u64| -> u64 {
                spans().flat_map(|span| &span.sides).map(count).sum::<u64>()
                    + spans().map(|span| span.unserved).sum::<u64>()
            };
            let seen = (sum(|tally| tally.requests), sum(|tally| tally.failed));
            assert_eq!(seen, unseen.requests, "seed {seed}");
            for part in &recording.parts {
                let touches = |pair: &[Span]| pair[0].until == pair[1].from;
                assert!(part.spans.windows(2).all(touches), "seed {seed}");
                assert!(part.pods.is_sorted_by(|one, next| one.at < next.at), "seed {seed}");
            }
            assert!(
                recording.phases.is_sorted_by(|one, next| one.0 <= next.0 && one.1 != next.1),
                "seed {seed}"
            );
        }
    }
}
