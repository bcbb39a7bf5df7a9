//! What serves, what is under way, and what there was.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::conduct::{ask_all, testimony};
use super::connect::Use;
use super::prepare::of_environment;
use super::{connect, rollback, under_way};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::calendar;
use crate::core::release::freeze::UnixSeconds;
use crate::core::release::health::Suspect;
use crate::core::release::ledger::{Entry, Head, Line, Pause};
use crate::core::release::machine::Intent;
use crate::core::release::model::{ReleaseId, Slot};
use crate::core::release::wire::Witness;
use crate::core::text;
use crate::cx::Cx;
use crate::driver::kubectl::Kubectl;
use crate::driver::platform;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Body;

/// How often somebody who watches is told.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How often a watch looks whether it is to end.
const PULSE: Duration = Duration::from_millis(100);

/// Says which release serves an environment, from which slots, and how far the one under way has come; with `watch`, each time
/// that changes, until it has ended.
///
/// # Errors
///
/// When the cluster cannot be asked, or nothing was released to it.
pub fn status(cx: &Cx, environment: Option<&str>, watch: bool) -> Result<()> {
    let (release, environment) = of_environment(cx, environment)?;
    let kubectl = connect::identified(cx, environment, Use::Read)?;
    let mut said = None;
    let mut told = Told::default();
    loop {
        let head = connect::ledger(&kubectl, &environment.name)?
            .ok_or_else(|| rollback::nothing_released(environment))?;
        let mut lines = words(&head, &environment.name);
        if head.under_way.is_some() {
            told.look(cx, &kubectl, (release, environment), &head)?;
            lines.extend(told.words.iter().map(|line| format!("  {line}")));
        }
        let text = lines.join("\n") + "\n";
        if said.as_ref() != Some(&text) {
            let data = json!({
                "environment": environment.name,
                "serving": head.serving,
                "live": head.live,
                "under_way": head.under_way,
                "failing": told.words,
            });
            cx.emit(Body::Answer { text: text.clone(), data });
            said = Some(text);
        }
        if !watch || head.under_way.is_none() {
            return Ok(());
        }
        let again = Instant::now() + LOOK_AGAIN;
        while Instant::now() < again {
            cx.check()?;
            thread::sleep(PULSE);
        }
    }
}

/// What was said last of the pod that says most.
#[derive(Default)]
struct Told {
    suspect: Option<Suspect>,
    words: Vec<String>,
}

impl Told {
    /// Looks which pod of the release under way fails, and asks it where it is another one, or fails in another way.
    fn look(
        &mut self,
        cx: &Cx,
        kubectl: &Kubectl,
        (release, environment): (&Release, &EnvironmentConfig),
        head: &Head,
    ) -> Result<()> {
        let found = || -> Result<Option<Witness>> {
            let Some(known) = under_way::find(cx, kubectl, (release, environment), Some(head))? else {
                return Ok(None);
            };
            let inventory = known.with(environment, Intent::Recover).inventory()?;
            let objects = ask_all(kubectl, &inventory.questions())?;
            let witness = inventory.witness(&objects, platform::since_epoch());
            witness.map_err(|unseen| Error::refused(unseen.to_string()))
        };
        let witness = match found() {
            Ok(witness) => witness.filter(|witness| witness.suspect.is_in_trouble()),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                let words = vec![format!("could not look at its pods: {}", error.message())];
                *self = Self { suspect: None, words };
                return Ok(());
            }
        };
        let Some(witness) = witness else {
            *self = Self::default();
            return Ok(());
        };
        if self.suspect.as_ref() != Some(&witness.suspect) {
            let mut words = witness.suspect.words(&testimony(kubectl, &witness));
            if let Some(first) = words.first_mut() {
                *first = format!("{}: {first}", witness.subject);
            }
            *self = Self { suspect: Some(witness.suspect), words };
        }
        Ok(())
    }
}

/// What a ledger says, a line each.
pub(super) fn words(head: &Head, environment: &str) -> Vec<String> {
    let mut lines = vec![format!("{} serves `{environment}`", ReleaseId::or_nothing(head.serving.as_ref()))];
    if let Some(entry) = head.serves() {
        lines.push(format!("  {}", about(entry)));
        lines.extend(entry.account.pieces.iter().map(|piece| {
            let slot = head.live.get(&piece.component).copied().unwrap_or(Slot::A);
            format!("  {}: slot {slot}, {}", piece.component, piece.revision)
        }));
    }
    let Some(journal) = &head.under_way else {
        lines.push("nothing is under way".to_owned());
        return lines;
    };
    lines.push(format!("{} is under way: {}", journal.release, spoken(&journal.phase)));
    if let Some((ending, why)) = &journal.back {
        lines.push(format!("  it is taken back, as {}: {why}", spoken(ending)));
    }
    lines.extend(journal.pause.as_ref().into_iter().flat_map(paused));
    lines.push(
        "  `cargo xtask rollback` takes it back; `cargo xtask recover` ends it if its owner is gone"
            .to_owned(),
    );
    lines
}

/// Who holds it where it is, since when, and until when it waits.
fn paused(pause: &Pause) -> Vec<String> {
    let why = if pause.why.is_empty() { String::new() } else { format!(": {}", pause.why) };
    let first = format!("  paused since {} by {}{why}", time(pause.since), pause.by);
    let until = pause.until.map_or_else(
        || "  it will stay at the first step of its canary that it comes to".to_owned(),
        |until| format!("  it waits until {}, and is taken back then", time(until)),
    );
    vec![first, until, "  `cargo xtask resume` lets it go on".to_owned()]
}

/// A word of the ledger, as it is written down: `staged`, `rolled-back`; a step of a canary with its number.
fn spoken(word: &impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string().replace(['{', '}', '"'], "").replace(':', " "),
        Err(_) => String::new(),
    }
}

/// Names the releases of an environment, the newest first.
pub fn history(cx: &Cx, environment: Option<&str>) -> Result<()> {
    let (_, environment) = of_environment(cx, environment)?;
    let kubectl = connect::identified(cx, environment, Use::Read)?;
    let head = connect::ledger(&kubectl, &environment.name)?
        .ok_or_else(|| rollback::nothing_released(environment))?;
    let (text, rows) = listed(&head);
    cx.emit(Body::Answer { text, data: json!(rows) });
    Ok(())
}

/// The releases of a ledger, the newest first: for people, and as data.
pub(super) fn listed(head: &Head) -> (String, Vec<serde_json::Value>) {
    let entries: Vec<&Entry> = head.history.iter().rev().map(|entry| &**entry).collect();
    let width = entries.iter().map(|entry| text::width(&entry.release.to_string())).max().unwrap_or(0);
    let mut text = String::new();
    let mut rows = Vec::new();
    for entry in entries {
        let mark = if head.serving.as_ref() == Some(&entry.release) { "*" } else { " " };
        // Writing into a String cannot fail.
        let _infallible = writeln!(
            text,
            "{mark} {:<width$}  {:<16} {}",
            entry.release.to_string(),
            entry.state.to_string(),
            about(entry)
        );
        rows.push(json!({
            "release": entry.release,
            "state": entry.state,
            "serves": mark == "*",
            "restores": entry.account.restores,
            "commit": entry.account.commit,
            "who": entry.account.who.as_str(),
            "why": entry.account.why.as_str(),
            "began": entry.began,
            "ended": entry.ended,
            "override_freeze": entry.account.unfrozen.as_ref().map(Line::as_str),
            "basis": entry.basis.as_str(),
            "kept": entry.is_kept,
        }));
    }
    (text, rows)
}

/// When, by whom, of what, and why it ended so.
fn about(entry: &Entry) -> String {
    let mut words = vec![time(entry.began)];
    let who = entry.account.who.as_str().to_owned();
    if !who.is_empty() {
        words.push(format!("by {who}"));
    }
    if let Some(origin) = &entry.account.restores {
        words.push(format!("as {origin} was"));
    }
    if let Some(commit) = &entry.account.commit {
        words.push(commit.chars().take(10).collect());
    }
    if let Some(reason) = &entry.account.unfrozen {
        words.push(format!("in a freeze: {reason}"));
    }
    for line in [&entry.account.why, &entry.basis] {
        let line = line.as_str().to_owned();
        if !line.is_empty() {
            words.push(line);
        }
    }
    words.join(", ")
}

/// A time in UTC, to the second.
pub(super) fn time(at: UnixSeconds) -> String {
    calendar::timestamp(u64::try_from(at).unwrap_or(0)).replace('T', " ").trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::mask::Mask;
    use crate::core::release::ledger::{Account, Live};

    #[test]
    fn a_history_says_why_a_freeze_did_not_hold() {
        let line = |text: &str| Line::new(text, &Mask::default());
        let account = Account {
            who: line("anna"),
            why: line("a fix"),
            unfrozen: Some(line("the shop is closed")),
            ..Account::default()
        };
        let release = "production-3".parse().unwrap();
        let head = Head::new(Entry::adopted(release, Arc::new(account), 1_700_000_000), Live::new());
        let (text, rows) = listed(&head);
        assert_eq!(
            text,
            "* production-3  not verified     2023-11-14 22:13:20, by anna, in a freeze: the shop is closed, a fix\n"
        );
        assert_eq!(rows[0]["override_freeze"], "the shop is closed");
    }
}
