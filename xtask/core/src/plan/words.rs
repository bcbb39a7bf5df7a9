//! A plan as text for people.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Outlook, Plan, Planned, Why};
use crate::graph::TaskId;
use crate::table;
use crate::text::{self, one_line, truncate};

/// How long a line about one change may be, in columns.
const LINE: usize = 140;

impl Plan {
    /// The tasks as a table, and what the run as a whole would come to.
    pub fn text(&self) -> String {
        if self.tasks.is_empty() {
            return "no task would run\n".to_owned();
        }
        let mut rows = vec![["task", "cache", "time", "why"].map(str::to_owned)];
        rows.extend(self.tasks.iter().map(|planned| {
            let time = if planned.outlook.runs() { planned.takes() } else { String::new() };
            let why = truncate(&one_line(&planned.reason()), LINE).into_owned();
            [planned.task.to_string(), planned.outlook.word().to_owned(), time, why]
        }));
        let mut text = table::aligned(&rows);
        let run = self.tasks.iter().filter(|planned| planned.outlook.runs()).count();
        let stored = self.tasks.len() - run;
        let unknown = self.tasks.iter().filter(|planned| planned.is_guess()).count();
        let time = text::duration(Duration::from_millis(self.estimated_ms));
        let cores = text::count(usize::try_from(self.jobs).unwrap_or(usize::MAX), "core");
        let tasks = text::count(run, "task");
        line(&mut text, format_args!("\n{tasks} would run, {stored} stored; about {time} on {cores}"));
        if unknown > 0 {
            let tasks = text::count(unknown, "task");
            let each = text::duration(super::UNKNOWN);
            line(&mut text, format_args!("{tasks} never passed here: {each} is assumed for each"));
        }
        if !self.critical_path.is_empty() {
            let path: Vec<&str> = self.critical_path.iter().map(TaskId::as_str).collect();
            line(&mut text, format_args!("longest chain: {}", path.join(" → ")));
        }
        text
    }

    /// For each task whether it would run, and everything that is known about why. `now` is in seconds since 1970.
    pub fn explanation(&self, now: u64) -> String {
        let mut text = String::new();
        for planned in &self.tasks {
            planned.explain(&mut text, now);
        }
        text
    }
}

impl Planned {
    fn takes(&self) -> String {
        let guess = if self.is_guess() { "?" } else { "" };
        format!("{}{guess}", text::duration(Duration::from_millis(self.estimated_ms)))
    }

    const fn is_guess(&self) -> bool {
        self.outlook.runs() && self.measured_ms.is_none()
    }

    /// Why, in one sentence.
    pub fn reason(&self) -> String {
        match &self.outlook {
            Outlook::Hit { in_place: true, .. } => "nothing that it depends on has changed".to_owned(),
            Outlook::Hit { in_place: false, .. } => "its result is stored and would be put back".to_owned(),
            Outlook::Uncached { reason }
            | Outlook::Unreadable { reason }
            | Outlook::Miss { why: Why::Damaged { reason }, .. } => reason.clone(),
            Outlook::Miss { why: Why::New, .. } => "no result of it is stored".to_owned(),
            Outlook::Miss { why: Why::Forced, .. } => "asked for by `--force`".to_owned(),
            Outlook::Miss { why: Why::Stale { age_max, .. }, .. } => {
                let age_max = text::age(Duration::from_secs(*age_max));
                format!("its result may be used for {age_max}, and is older")
            }
            Outlook::Miss { why: Why::Changed { runs_before, changes, left_out, .. }, .. } => {
                let before = runs_before.iter().map(runs_anew);
                let all: Vec<String> = before.chain(changes.iter().map(ToString::to_string)).collect();
                let more = all.len().saturating_sub(1) + left_out;
                let first = all.into_iter().next().unwrap_or_default();
                if more > 0 { format!("{first}, and {more} more") } else { first }
            }
        }
    }

    fn explain(&self, to: &mut String, now: u64) {
        let task = &self.task;
        match &self.outlook {
            Outlook::Hit { key, .. } => {
                line(to, format_args!("{task}: hit, {} ({})", self.reason(), key.short()));
            }
            Outlook::Uncached { reason } => line(to, format_args!("{task}: runs each time: {reason}")),
            Outlook::Unreadable { reason } => {
                line(to, format_args!("{task}: runs, and nothing is stored: {reason}"));
            }
            Outlook::Miss { why: Why::Changed { stored, runs_before, changes, left_out, .. }, .. } => {
                let count = runs_before.len() + changes.len() + left_out;
                let differ = if count == 1 { "thing differs" } else { "things differ" };
                let age = text::seconds(Duration::from_secs(now.saturating_sub(*stored)));
                line(
                    to,
                    format_args!("{task}: miss, {count} {differ} from the nearest result, stored {age} ago"),
                );
                for before in runs_before {
                    line(to, format_args!("  {}", runs_anew(before)));
                }
                for change in changes {
                    line(to, format_args!("  {}", truncate(&one_line(&change.to_string()), LINE)));
                }
                if *left_out > 0 {
                    line(to, format_args!("  and {left_out} more"));
                }
            }
            Outlook::Miss { .. } => line(to, format_args!("{task}: miss, {}", self.reason())),
        }
        if !self.assumes.is_empty() {
            let tasks: Vec<String> = self.assumes.iter().map(|task| format!("`{task}`")).collect();
            let verb = if tasks.len() == 1 { "runs" } else { "run" };
            line(to, format_args!("  as files stand now: {} {verb} before it", tasks.join(", ")));
        }
    }
}

impl Outlook {
    /// One word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Hit { .. } => "hit",
            Self::Miss { .. } => "miss",
            Self::Uncached { .. } => "uncached",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

fn runs_anew(task: &TaskId) -> String {
    format!("`{task}`, which goes before, would run anew")
}

fn line(to: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _infallible = writeln!(to, "{words}");
}
