//! What is made of the looks of a gate: which findings fail it, and what is said of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use crate::config::Config;
use crate::core::diagnostic::Diagnostic;
use crate::core::finding::identity::Sources;
use crate::core::finding::judged::SuppressedBy;
use crate::core::gate::{Look, Seen};
use crate::core::graph::TaskId;
use crate::core::judgement::{self, Baseline, Policy};
use crate::core::sarif;
use crate::cx::{Cx, files};
use crate::driver::platform;
use crate::error::{Error, Result};
use crate::pipeline::Footprint;

/// The folder in the output folder with what gates have found in a run, as SARIF.
pub const SARIF: &str = "sarif";

/// The largest file whose lines are looked at, in bytes: what people write is smaller.
const SOURCE_MAX: u64 = 4 << 20;

/// Reports what the tools of one gate have looked at. A task does that once, with all its looks: what several tools found is then
/// one finding, and a waiver that none of them needs is seen.
///
/// By `[gates]` and `[[waivers]]` of `xtask.toml`: from a level on, a weakness fails the gate, what is less is a warning, and
/// what somebody answers for is only counted.
///
/// # Errors
///
/// Those of [`Cx::looked`]; of kind [`Configuration`](crate::ErrorKind::Configuration) where the baseline is none.
pub fn conclude(cx: &Cx, looks: Vec<Look>) -> Result<()> {
    let gates = &cx.config().gates;
    let baseline = baseline(cx)?;
    let policy = Policy {
        gate: cx.task().map_or("", |task| task.as_str()),
        level: gates.level,
        unfixed: gates.unfixed,
        feed_age_max: gates.feed_age_max,
        waivers: &cx.config().waivers,
        baseline: &baseline,
        accepts: cx.accepts_findings(),
        now: platform::unix_time(),
    };
    let sources = sources(cx, &looks);
    let judged = judgement::judge(looks, &policy, &sources);
    cx.looked(judged.accounts, judged.findings)
}

/// A footprint with all that `conclude` goes by in the gate `task`.
pub fn judged(config: &Config, task: &str, footprint: Footprint) -> Footprint {
    let gates = &config.gates;
    let footprint = footprint
        .setting("gates", format!("{} {:?} {:?}", gates.level, gates.unfixed, gates.feed_age_max))
        .reads(gates.baseline.iter().map(|path| path.display().to_string()));
    let waivers = config.waivers.iter().filter(|waiver| waiver.gate == task);
    waivers.enumerate().fold(footprint, |footprint, (number, waiver)| {
        let words = format!(
            "{} {:?} {:?} {:?} {} {}",
            waiver.rule, waiver.path, waiver.package, waiver.fingerprint, waiver.reason, waiver.owner
        );
        footprint
            .setting(format!("waiver {}", number + 1), words)
            .turns(format!("the day on which the waiver of {} expires", waiver.rule), waiver.end())
    })
}

/// The same of a gate whose tools compare with data that changes without the repository: its result is used again only as long as
/// that data may be compared with.
pub fn judged_by_feed(config: &Config, task: &str, footprint: Footprint) -> Footprint {
    judged(config, task, footprint).fresh_for(config.gates.feed_age_max)
}

/// Writes what gates have found in this run, a file for each tool: `sarif/TOOL.sarif` in the output folder.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn write_sarif(cx: &Cx, seen: &BTreeMap<TaskId, Seen>) -> Result<()> {
    let mut tools: BTreeMap<&str, Seen> = BTreeMap::new();
    for Seen { accounts, findings } in seen.values() {
        for account in accounts {
            tools.entry(&account.tool).or_default().accounts.push(account.clone());
        }
        for finding in findings {
            tools.entry(&finding.tool).or_default().findings.push(finding.clone());
        }
    }
    // Where all waivers are in order, that has to be said as well: GitHub closes what the next file of a category lacks.
    if !seen.is_empty() {
        tools.entry(judgement::TOOL).or_default();
    }
    let folder = cx.output_folder().join(SARIF);
    for (name, Seen { accounts, findings }) in &tools {
        let written = sarif::write(&sarif::Tool { name, accounts, findings });
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let file = format!("{}.sarif", name.replace(|c| !plain(c), "-"));
        files::write(&folder.join(file), cx.mask().text(&written.text).as_bytes())?;
    }
    Ok(())
}

/// Says where the baseline would be written, before anything runs.
///
/// # Errors
///
/// Of kind [`Usage`](crate::ErrorKind::Usage) where `[gates]` names none.
pub fn check_baseline(cx: &Cx) -> Result<()> {
    match &cx.config().gates.baseline {
        Some(_) => Ok(()),
        None => Err(Error::usage("`--write-baseline` needs a file to write to")
            .hint("name one in xtask.toml: `[gates] baseline = \"gates.json\"`, and commit it")),
    }
}

/// Writes down what gates have found in this run. What a gate has not looked at stays as it was.
///
/// # Errors
///
/// Where the baseline cannot be read or written.
pub fn write_baseline(cx: &Cx, seen: &BTreeMap<TaskId, Seen>) -> Result<()> {
    let Some(path) = &cx.config().gates.baseline else { return Ok(()) };
    let mut baseline = baseline(cx)?;
    for (gate, seen) in seen {
        let accepted = seen.findings.iter().filter(|finding| {
            let suppression = finding.judged.as_ref().and_then(|judged| judged.suppression.as_ref());
            suppression.is_some_and(|suppression| suppression.by == SuppressedBy::Baseline)
        });
        baseline.replace(gate.as_str(), accepted, seen.is_whole());
    }
    let text = baseline.render();
    if cx.mask().finds_in(text.as_bytes()) {
        return Err(Error::refused(format!("`{}` would hold a secret", path.display()))
            .hint("a message of a tool holds it: mend that finding first"));
    }
    files::write(&cx.root().join(path), text.as_bytes())
}

/// What was there before, where the repository has written that down.
fn baseline(cx: &Cx) -> Result<Baseline> {
    let Some(path) = &cx.config().gates.baseline else { return Ok(Baseline::default()) };
    let file = cx.root().join(path);
    if !file.exists() {
        return Ok(Baseline::default());
    }
    let text = files::read(&file)?;
    Baseline::parse(&text).map_err(|error| {
        let place = Diagnostic::new(path, text.into(), error.offset..error.offset + 1, error.message);
        Error::configuration(format!("`{}` is no baseline", path.display()))
            .places([place])
            .hint("take it from the last commit, or write it anew: `cargo xtask ci --write-baseline`")
    })
}

/// The texts of the files in which something was found, as far as they can be read: a finding whose line cannot be shown is a
/// finding all the same.
fn sources(cx: &Cx, looks: &[Look]) -> Sources {
    let locations =
        looks.iter().flat_map(|look| &look.findings).filter_map(|finding| finding.location.as_ref());
    let paths: BTreeSet<&Path> = locations
        .filter(|location| location.line.is_some())
        .map(|location| location.path.as_path())
        .collect();
    Sources::new(paths.into_iter().filter_map(|path| Some((path.to_owned(), source(cx, path)?))))
}

/// The text of a file of the repository.
fn source(cx: &Cx, path: &Path) -> Option<String> {
    if path.components().any(|part| !matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = cx.root().join(path);
    let is_text = file.metadata().is_ok_and(|about| about.is_file() && about.len() <= SOURCE_MAX);
    is_text
        .then(|| std::fs::read(&file).ok())
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
