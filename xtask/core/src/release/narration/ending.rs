//! The last words of a release.

use std::time::Duration;

use super::{Kind, Line, offset};
use crate::release::machine::End;
use crate::release::model::{Ending, ReleaseId};

/// How a release ended, what that rests on, the exit code, and what to do next.
pub(super) fn lines(
    subject: &str,
    (release, previous): (&ReleaseId, Option<&ReleaseId>),
    end: &End,
    evidence: &[String],
    at: Duration,
    exit_code: u8,
) -> Vec<Line> {
    let previous = ReleaseId::or_nothing(previous);
    let how = match end.ending {
        Ending::Promoted => format!("PROMOTED: {release} serves"),
        Ending::RolledBack => format!("ROLLED BACK: {previous} serves"),
        Ending::Aborted => format!("ABORTED: {previous} serves"),
        Ending::Inconclusive => format!("INCONCLUSIVE: {previous} serves"),
        Ending::NoEvidence => format!("NO EVIDENCE: {previous} serves"),
        Ending::Adopted => format!("ADOPTED: what runs is {release}"),
        Ending::Nothing => "NOTHING to do".to_owned(),
        Ending::Refused => "REFUSED: nothing was begun".to_owned(),
        Ending::Superseded => "SUPERSEDED: somebody else has it now".to_owned(),
        Ending::Stuck => "STUCK: a person has to look".to_owned(),
    };
    let why = match end.ending {
        Ending::Promoted => evidence.to_vec(),
        _ => vec![end.reason.clone()],
    };
    let words = format!("{how}, after {}, exit code {exit_code}", offset(at));
    let mut lines = vec![Line::new(at, Kind::End, subject, words).because(why)];
    lines.extend(next(end.ending).map(|words| Line::new(at, Kind::Next, subject, words)));
    lines
}

/// An ending in a word or two: `rolled back`.
pub fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Promoted => "promoted",
        Ending::RolledBack => "rolled back",
        Ending::Aborted => "aborted",
        Ending::Inconclusive => "inconclusive",
        Ending::NoEvidence => "without evidence",
        Ending::Adopted => "adopted",
        Ending::Nothing => "nothing to do",
        Ending::Refused => "refused",
        Ending::Superseded => "superseded",
        Ending::Stuck => "stuck",
    }
}

/// What to do next.
fn next(ending: Ending) -> Option<&'static str> {
    Some(match ending {
        Ending::Promoted | Ending::Adopted | Ending::Nothing => return None,
        Ending::RolledBack => {
            "next: mend what is said above and make a new release; nobody goes back to this one"
        }
        Ending::Aborted => "next: nothing; make a new release when it is wanted",
        Ending::Inconclusive => {
            "next: this says nothing against the release; release it when there is more traffic"
        }
        Ending::NoEvidence => "next: see why the pods cannot be measured, then release again",
        Ending::Refused => "next: settle what is said above, plan again, release again",
        Ending::Superseded => "next: nothing from here; whoever has taken it over says how it ends",
        Ending::Stuck => {
            "next: settle what is said above, then `cargo xtask recover`; what can be done by hand stands below"
        }
    })
}

/// The commands that bring the old release back by hand, under a line that says when they are for; nothing where there are
/// none.
pub fn by_hand(commands: &[String]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let commands = commands.iter().map(|command| format!("  {command}\n"));
    let head = "should everything else fail, this brings the old release back by hand:\n".to_owned();
    [head].into_iter().chain(commands).collect()
}
