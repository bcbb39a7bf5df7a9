//! One night: what is assumed, what was said in it, what it came to, and its picture.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::Options;
use crate::core::picture::{Picture, Tone};
use crate::core::release::machine::{PartCourse, Strategy};
use crate::core::release::model::Ending;
use crate::core::release::narration::{Layout, by_hand, outcome};
use crate::core::simulation::figures::Figures;
use crate::core::simulation::recording::Recording;
use crate::core::simulation::scenario::Setup;
use crate::core::simulation::{Scenario, Verdict};
use crate::core::text;
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::event::Body;

/// What a rehearsal takes for granted.
pub(super) struct Assumed {
    rows: Vec<(String, String)>,
    data: Value,
}

impl Assumed {
    pub(super) fn of(scenario: &Scenario, environment: &str) -> Self {
        let both = || scenario.course.parts.iter().zip(&scenario.setups);
        let rows = both().map(|(part, setup)| (part.name.to_string(), words(part, setup))).collect();
        let components: Vec<Value> = both()
            .map(|(part, setup)| {
                json!({ "component": part.name, "pods": setup.pods, "requests_per_second": setup.rate,
                    "autoscaler": setup.autoscaler, "changes": part.changes() })
            })
            .collect();
        Self { rows, data: json!({ "environment": environment, "assumed": components }) }
    }

    pub(super) fn text(&self) -> String {
        format!("rehearsed in virtual time; no cluster is asked\n{}\n", table(&self.rows))
    }

    pub(super) fn data(&self) -> Value {
        self.data.clone()
    }
}

/// `3 pods, 50 requests/s, canary 10 % 50 %`.
fn words(part: &PartCourse, setup: &Setup) -> String {
    let pods = text::count(setup.pods as usize, "pod");
    let scaled =
        setup.autoscaler.map_or(String::new(), |(floor, most)| format!(" (autoscaled, {floor} to {most})"));
    let how = match &part.strategy {
        _ if !part.changes() => "does not change".to_owned(),
        Strategy::Canary(steps) => {
            let steps: Vec<String> =
                steps.iter().map(|step| format!("{} %", step.weight.percent())).collect();
            format!("canary by {}", steps.join(", "))
        }
        Strategy::Flip => "all at once after a smoke test".to_owned(),
        Strategy::Restore => "all at once, all pods together".to_owned(),
        Strategy::Rolling => "pod by pod, in place".to_owned(),
    };
    format!("{pods}{scaled}, {} requests/s assumed, {how}", setup.rate)
}

/// Says what goes wrong in the night of a seed, and everything that happened in it.
pub(super) fn told(cx: &Cx, verdict: &Verdict) {
    let mut text = format!("seed {}, {}\n", verdict.seed, text::count(verdict.faults.len(), "fault"));
    text.extend(verdict.faults.iter().map(|fault| format!("  {fault:?}\n")));
    text.push_str("what happened\n");
    text.extend(verdict.timeline.iter().map(|line| {
        let seconds = line.at.as_secs_f64();
        format!("{seconds:>10.3}  {}\n", line.words)
    }));
    let faults: Vec<String> = verdict.faults.iter().map(|fault| format!("{fault:?}")).collect();
    cx.emit(Body::Answer { text, data: json!({ "seed": verdict.seed, "faults": faults }) });
}

/// What a night is called.
pub(super) struct Night {
    /// As part of a file name.
    pub(super) id: String,
    /// In words.
    pub(super) title: String,
    /// The command that plays it again.
    pub(super) command: String,
    /// The commands that bring the old release back by hand.
    pub(super) by_hand: Vec<String>,
}

impl Night {
    /// Says how it went, and draws it. An error where an invariant broke.
    pub(super) fn show(&self, cx: &Cx, options: &Options, verdict: &Verdict) -> Result<()> {
        let Some(recording) = &verdict.recording else {
            return Err(Error::bug("the night was not recorded"));
        };
        let subjects: BTreeSet<&str> = recording.lines.iter().map(|line| line.subject.as_str()).collect();
        let subjects = subjects.iter().map(|subject| text::width(subject)).max().unwrap_or(0);
        let layout = Layout { subjects, began: None };
        for line in &recording.lines {
            cx.emit(Body::Narrated { line: line.clone(), layout });
        }
        let figures = Figures::of(recording);
        let mut rows = figures.rows();
        rows.push(("the deploy would exit with".to_owned(), exit_code(recording)));
        let path = options.out.clone();
        let path = path.unwrap_or_else(|| cx.output_folder().join(format!("rehearse-{}.html", self.id)));
        let (headline, tone) = headline(verdict);
        let picture = Picture {
            title: &self.title,
            outcome: &headline,
            tone,
            figures: &rows,
            recording,
            origin: &self.command,
        };
        files::write(&path, cx.mask().text(&picture.html()).as_bytes())?;
        let shown = path.strip_prefix(cx.root()).unwrap_or(&path);
        rows.push(("picture".to_owned(), shown.display().to_string()));
        let text = format!("\n{}\n{}", table(&rows), by_hand(&self.by_hand));
        cx.emit(Body::Answer { text, data: data(verdict, recording, &figures, shown) });
        let Some(broken) = &verdict.broken else { return Ok(()) };
        let message = format!("the invariant `{}` broke: {}", broken.invariant, broken.words);
        Err(Error::problems(message).hint("this is a defect of the release machine: nothing was released"))
    }
}

fn data(verdict: &Verdict, recording: &Recording, figures: &Figures, picture: &Path) -> Value {
    json!({
        "seed": verdict.seed,
        "outcome": verdict.ending(),
        "exit_code": recording.end.as_ref().map(|end| end.ending.exit_code()),
        "reason": verdict.ends.last().map(|end| &end.reason),
        "figures": figures,
        "broken": verdict.broken.as_ref().map(|broken| broken.invariant.name()),
        "picture": picture,
    })
}

/// The exit code of the deploy that this rehearses.
fn exit_code(recording: &Recording) -> String {
    match &recording.end {
        Some(end) => format!("{} ({})", end.ending.exit_code(), outcome(end.ending)),
        None => "nothing: it was killed".to_owned(),
    }
}

/// How it ended, in words, and whether that is good.
fn headline(verdict: &Verdict) -> (String, Tone) {
    if let Some(broken) = &verdict.broken {
        return (format!("The invariant {} broke: {}", broken.invariant, broken.words), Tone::Bad);
    }
    let (comes_to, tone) = match verdict.ending() {
        Some(Ending::Promoted) => ("the new release serves", Tone::Good),
        Some(Ending::Adopted) => ("what runs is written down", Tone::Good),
        Some(Ending::Stuck | Ending::Superseded) | None => ("a person has to look", Tone::Bad),
        Some(_) => ("the old release serves", Tone::Back),
    };
    let how = verdict.ending().map_or("left alone", outcome);
    let (first, rest) = how.split_at(1);
    (format!("{}{rest}: {comes_to}", first.to_uppercase()), tone)
}

pub(super) fn table(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let lines: Vec<String> = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect();
    lines.concat()
}
