//! What a night comes to in figures: how long it took, how soon a bad release was found, who suffered from it.

use std::time::Duration;

use serde::Serialize;

use super::recording::{PartRecording, Recording};
use super::traffic::Tally;
use crate::core::release::metrics::to_float;

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
        let last = parts().filter_map(|part| serving_new(part).map(|(_, until)| until)).max();
        // A span may have begun just before the endpoints changed.
        let failing = spans().filter(|span| span.sides[1].failed > 0).map(|span| span.from).min();
        let sum = |count: fn(&super::recording::Span) -> u64| spans().map(count).sum();
        let (mut suffered, mut slowed) = (0, 0);
        for part in parts() {
            let [old, new] = part.sides();
            suffered += excess(new.failed, new.requests, old.failed, old.requests);
            slowed += excess(new.slow, new.requests, old.slow, old.requests);
        }
        Self {
            length: recording.length,
            exposed,
            first_failure: failing.map(|at| exposed.map_or(at, |exposed| at.max(exposed))),
            found: recording.turned_back,
            out: last.flatten(),
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

/// How many of `total` were hit beyond what the rate of the other side explains; none where chance may explain it.
fn excess(hit: u64, total: u64, other_hit: u64, other_total: u64) -> u64 {
    let rate = if other_total == 0 { 0.0 } else { to_float(other_hit) / to_float(other_total) };
    let expected = rate * to_float(total);
    let more = to_float(hit) - expected;
    // Three standard deviations of the difference; one more for what was never seen on the other side.
    let by_chance = 3.0 * (expected * (1.0 + to_float(total) / to_float(other_total.max(1)))).sqrt() + 1.0;
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

fn seconds_or_null<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}
