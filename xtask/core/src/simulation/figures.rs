//! What a night comes to in figures: how long it took, how soon a bad release was found, who suffered from it.

use std::time::Duration;

use serde::Serialize;

use super::recording::{PartRecording, Recording};
use super::traffic::Tally;
use crate::release::analysis::grouped;
use crate::release::metrics::to_float;
use crate::release::narration::offset;

/// What a night comes to. All times count from its beginning, in seconds where they are written down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// How long it took from the first look to the last word of the ledger.
    #[serde(serialize_with = "seconds")]
    pub length: Duration,
    /// When users first got an answer of the new release.
    #[serde(serialize_with = "seconds_or_null")]
    pub exposed: Option<Duration>,
    /// When the new release first failed a request.
    #[serde(serialize_with = "seconds_or_null")]
    pub first_failure: Option<Duration>,
    /// When it was decided that the release goes back.
    #[serde(serialize_with = "seconds_or_null")]
    pub found: Option<Duration>,
    /// From when on users got nothing of the new release any more.
    #[serde(serialize_with = "seconds_or_null")]
    pub out: Option<Duration>,
    /// How long users could get either release.
    #[serde(serialize_with = "seconds")]
    pub mixed: Duration,
    /// The requests of users to what the release changes.
    pub requests: u64,
    /// Those that failed, whoever was to blame.
    pub failed: u64,
    /// Those that nobody answered.
    pub unserved: u64,
    /// Those that the new release answered.
    pub on_trial: u64,
    /// Those that failed because of the new release: more than the old one would have failed.
    pub suffered: u64,
    /// Those that were slow because of the new release.
    pub slowed: u64,
}

impl Figures {
    /// The figures of a recording.
    pub fn of(recording: &Recording) -> Self {
        let parts = || recording.parts.iter().filter(|part| part.changes);
        let spans = || parts().flat_map(|part| &part.spans);
        let exposed = parts().filter_map(|part| serving_new(part).map(|(from, _)| from)).min();
        // As long as one component serves the new release, it is not out.
        let ends: Option<Vec<Duration>> = parts().filter_map(serving_new).map(|(_, until)| until).collect();
        // A span may have begun just before the endpoints changed.
        let failing = spans().filter(|span| span.sides[1].failed > 0).map(|span| span.from).min();
        let sum = |count: fn(&super::recording::Span) -> u64| spans().map(count).sum();
        let (mut suffered, mut slowed) = (0, 0);
        for part in parts() {
            let [_, new] = part.sides();
            suffered += excess(new.failed, new.requests, part.usual[0]);
            slowed += excess(new.slow, new.requests, part.usual[1]);
        }
        Self {
            length: recording.length,
            exposed,
            first_failure: failing.map(|at| exposed.map_or(at, |exposed| at.max(exposed))),
            found: recording.turned_back,
            out: ends.and_then(|ends| ends.into_iter().max()),
            mixed: mixed(recording),
            requests: sum(|span| span.sides[0].requests + span.sides[1].requests + span.unserved),
            failed: sum(|span| span.sides[0].failed + span.sides[1].failed + span.unserved),
            unserved: sum(|span| span.unserved),
            on_trial: sum(|span| span.sides[1].requests),
            suffered,
            slowed,
        }
    }
}

impl Figures {
    /// What a reader wants to know, as (what, how much).
    pub fn rows(&self) -> Vec<(String, String)> {
        let mut rows = vec![("it took", offset(self.length))];
        let since = |at: Duration, from: Duration| offset(at.saturating_sub(from));
        match (self.found, self.first_failure.filter(|_| self.suffered > 0), self.exposed) {
            (Some(found), Some(first), _) if found >= first => {
                rows.push(("found", format!("{} after its first failed request", since(found, first))));
            }
            (Some(found), _, Some(exposed)) if found >= exposed => {
                rows.push(("turned back", format!("{} after users saw it", since(found, exposed))));
            }
            (Some(found), _, _) => {
                rows.push(("found", format!("after {}, before users saw it", offset(found))));
            }
            (None, _, _) => {}
        }
        if let (Some(out), Some(exposed)) = (self.out, self.exposed) {
            rows.push(("users had it for", since(out, exposed)));
        }
        let all = grouped(self.requests);
        rows.push(("failed because of it", format!("{} of {all} requests", grouped(self.suffered))));
        if self.slowed > 0 {
            rows.push(("slow because of it", format!("{} requests", grouped(self.slowed))));
        }
        if self.unserved > 0 {
            rows.push(("answered by nobody", format!("{} requests", grouped(self.unserved))));
        }
        rows.push(("both releases served", offset(self.mixed)));
        rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl PartRecording {
    /// All requests that the old revision answered, and all that the new one did.
    pub fn sides(&self) -> [Tally; 2] {
        self.spans.iter().fold([Tally::default(); 2], |[old, new], span| {
            [old.plus(span.sides[0]), new.plus(span.sides[1])]
        })
    }
}

/// When the new revision first served, and when it last ceased to; `None` there where it serves to the end.
fn serving_new(part: &PartRecording) -> Option<(Duration, Option<Duration>)> {
    let first = part.pods.iter().find(|pods| pods.serving[1] > 0)?.at;
    let last = part.pods.iter().rposition(|pods| pods.serving[1] > 0)?;
    Some((first, part.pods.get(last + 1).map(|pods| pods.at)))
}

/// How many of `total` were hit beyond what the usual rate explains; none where chance may explain it.
fn excess(hit: u64, total: u64, usual: f64) -> u64 {
    let expected = usual * to_float(total);
    let more = to_float(hit) - expected;
    // Three standard deviations, and one for what is never hit.
    let by_chance = 3.0 * expected.sqrt() + 1.0;
    if more > by_chance { whole(more) } else { 0 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// How long old and new revisions served at the same time, in one component or in two.
fn mixed(recording: &Recording) -> Duration {
    let mut moments: Vec<Duration> =
        recording.parts.iter().flat_map(|part| part.pods.iter().map(|pods| pods.at)).collect();
    moments.sort_unstable();
    moments.dedup();
    // Pods still come and go when nothing is said about the release any more.
    moments.retain(|at| *at < recording.length);
    moments.push(recording.length);
    let serves = |side: usize, at: Duration| {
        recording.parts.iter().filter(|part| part.changes).any(|part| part.at(at).serving[side] > 0)
    };
    let is_mixed = |at: Duration| serves(0, at) && serves(1, at);
    let spans = moments.iter().zip(moments.iter().skip(1));
    spans.filter(|(from, _)| is_mixed(**from)).map(|(from, until)| until.saturating_sub(*from)).sum()
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 10.0).round() / 10.0)
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn seconds_or_null<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::recording::{Pods, Span};
    use super::*;
    use crate::release::model::ComponentName;

    const SECOND: fn(u64) -> Duration = Duration::from_secs;

    fn part(
        changes: bool,
        serving: &[(u64, [u32; 2])],
        spans: &[(u64, u64, [u64; 2], [u64; 2])],
    ) -> PartRecording {
        let pods =
            |(at, serving): &(u64, [u32; 2])| Pods { at: SECOND(*at), serving: *serving, ready: *serving };
        let tally = |requests, failed| Tally { requests, failed, slow: 0 };
        let span = |(from, until, requests, failed): &(u64, u64, [u64; 2], [u64; 2])| Span {
            from: SECOND(*from),
            until: SECOND(*until),
            sides: [tally(requests[0], failed[0]), tally(requests[1], failed[1])],
            unserved: 0,
        };
        PartRecording {
            name: ComponentName("backend".into()),
            changes,
            usual: [0.01, 0.0],
            objective: None,
            pods: serving.iter().map(pods).collect(),
            spans: spans.iter().map(span).collect(),
        }
    }

    fn recording(parts: Vec<PartRecording>, turned_back: Option<u64>) -> Recording {
        Recording {
            parts,
            phases: Vec::new(),
            marks: Vec::new(),
            turned_back: turned_back.map(SECOND),
            end: None,
            lines: Vec::new(),
            length: SECOND(100),
        }
    }

    #[test]
    fn who_suffered_is_told_from_who_always_suffers() {
        let serving = [(0, [3, 0]), (20, [3, 1]), (50, [3, 0])];
        let spans = [(0, 20, [1000, 0], [10, 0]), (18, 50, [750, 250], [8, 60]), (50, 100, [900, 0], [9, 0])];
        let still = part(false, &[(0, [2, 0])], &[(0, 100, [500, 0], [400, 0])]);
        let figures = Figures::of(&recording(vec![part(true, &serving, &spans), still], Some(45)));
        let times = (figures.exposed, figures.first_failure, figures.found, figures.out);
        assert_eq!(times, (Some(SECOND(20)), Some(SECOND(20)), Some(SECOND(45)), Some(SECOND(50))));
        assert_eq!((figures.requests, figures.failed, figures.on_trial), (2900, 87, 250));
        assert_eq!(
            (figures.suffered, figures.mixed),
            (58, SECOND(30)),
            "1 % of 250 would have failed anyway"
        );
        let rows = figures.rows();
        let words: Vec<String> = rows.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            words,
            [
                "it took: 1m 40s",
                "found: 25s after its first failed request",
                "users had it for: 30s",
                "failed because of it: 58 of 2,900 requests",
                "both releases served: 30s",
            ]
        );
    }

    #[test]
    fn chance_makes_nobody_suffer_and_two_components_can_be_mixed() {
        let flipped = part(true, &[(0, [3, 0]), (20, [0, 3])], &[(20, 100, [0, 1000], [0, 15])]);
        let later = part(true, &[(0, [3, 0]), (26, [0, 3])], &[]);
        let figures = Figures::of(&recording(vec![flipped, later], None));
        assert_eq!((figures.suffered, figures.mixed, figures.out), (0, SECOND(6), None));
    }

    #[test]
    fn it_is_out_when_the_last_one_is_and_what_comes_after_the_last_word_does_not_count() {
        let out = |at: u64| part(true, &[(0, [3, 0]), (20, [3, 1]), (at, [3, 0])], &[]);
        let stays = part(true, &[(0, [3, 0]), (30, [0, 3])], &[]);
        let figures = |parts: Vec<PartRecording>| Figures::of(&recording(parts, None));
        assert_eq!(figures(vec![out(50), out(40)]).out, Some(SECOND(50)));
        assert_eq!(figures(vec![out(50), stays]).out, None, "one serves it to the end");
        let late = part(true, &[(0, [3, 0]), (90, [3, 1]), (110, [2, 1]), (130, [0, 3])], &[]);
        assert_eq!(figures(vec![late]).mixed, SECOND(10), "the recording ends at 100");
    }
}
