//! What is made of what a gate has looked at: which findings fail it, who answers for the others, and what is said of it all.
//!
//! The tools say what they found; how bad is too bad is a matter of the repository: `[gates]` and `[[waivers]]` of its
//! `xtask.toml`, and the baseline that it names. A waiver that has expired waives nothing and is a finding; so is one that waives
//! nothing any more, where the gate has looked at everything: it would silently waive the next finding that fits.

pub mod baseline;
pub mod waiver;

use std::time::Duration;

use crate::finding::identity::{Sources, fingerprints};
use crate::finding::judged::{Judged, SuppressedBy, Suppression};
use crate::finding::merge::{Merged, merge};
use crate::finding::weakness::Level;
use crate::finding::{Finding, Severity};
use crate::gate::{Account, Look};

pub use baseline::Baseline;
pub use waiver::Waiver;

/// The tool in whose name findings about the gates themselves are made.
pub const TOOL: &str = "gates";

/// Scanners that find nothing but secrets: what they point to is never shown, whatever they say of it.
const OF_SECRETS: &[&str] = &["detect-secrets", "gitleaks", "kingfisher", "trufflehog"];

/// What rules speak of that find secrets among other things.
const WORDS_OF_SECRETS: &[&str] = &[
    "api key",
    "api-key",
    "apikey",
    "credential",
    "hardcoded",
    "password",
    "private key",
    "secret",
    "token",
];

/// What becomes of a weakness in a package of which there is no version without it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unfixed {
    /// It fails the gate like any other.
    #[default]
    Fail,
    /// It is a warning: nobody can do anything about it yet.
    Warn,
}

/// By what findings are judged.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'p> {
    /// The gate, a task: `security.backend`.
    pub gate: &'p str,
    /// From which level on a weakness fails the gate.
    pub level: Level,
    /// What becomes of those that cannot be mended.
    pub unfixed: Unfixed,
    /// The oldest data that a tool may compare with.
    pub feed_age_max: Duration,
    /// All waivers, those of other gates among them.
    pub waivers: &'p [Waiver],
    /// What was there before.
    pub baseline: &'p Baseline,
    /// Whether what fails now becomes part of the baseline.
    pub accepts: bool,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// What is made of the looks of a gate.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// What is said of each look, in their order.
    pub accounts: Vec<Account>,
    /// The findings, each once; with those about waivers.
    pub findings: Vec<Finding>,
}

/// Judges the looks of a gate. `sources` are the texts of the files in which something was found, as far as they can be read.
pub fn judge(looks: Vec<Look>, policy: &Policy<'_>, sources: &Sources) -> Judgement {
    let mut looks: Vec<Look> =
        looks.into_iter().map(|look| look.aged(policy.now, policy.feed_age_max)).collect();
    let mut all = Vec::new();
    let mut look_of = Vec::new();
    for (position, look) in looks.iter_mut().enumerate() {
        look_of.resize(look_of.len() + look.findings.len(), position);
        all.append(&mut look.findings);
    }
    let (mut findings, from): (Vec<Finding>, Vec<Vec<usize>>) =
        merge(all).into_iter().map(|Merged { finding, from }| (finding, from)).unzip();
    let prints = fingerprints(&findings, sources);
    let waivers: Vec<&Waiver> = policy.waivers.iter().filter(|waiver| waiver.gate == policy.gate).collect();
    let mut used = vec![false; waivers.len()];
    for (finding, fingerprint) in findings.iter_mut().zip(prints) {
        finding.severity = severity(finding, policy);
        // What a comment in the source says, the tool has read.
        let mut suppression = finding.judged.take().and_then(|judged| judged.suppression);
        for (waiver, used) in waivers.iter().zip(&mut used) {
            if waiver.covers(finding, &fingerprint) {
                *used = true;
                if suppression.is_none() && !waiver.is_expired(policy.now) {
                    suppression = Some(waiver.suppression());
                }
            }
        }
        let suppression = suppression.or_else(|| accepted(finding, &fingerprint, policy));
        let source = shown(finding, sources);
        finding.judged = Some(Box::new(Judged { fingerprint, source, suppression }));
    }
    let mut counts = vec![(0, 0); looks.len()];
    for (finding, from) in findings.iter().zip(from) {
        let mut of_looks: Vec<usize> = from.into_iter().map(|position| look_of[position]).collect();
        of_looks.dedup();
        for look in of_looks {
            let (found, suppressed) = &mut counts[look];
            *if finding.is_suppressed() { suppressed } else { found } += 1;
        }
    }
    let accounts: Vec<Account> = looks
        .iter()
        .zip(counts)
        .map(|(look, (found, suppressed))| Account::of(look, found, suppressed))
        .collect();
    let saw_all = !accounts.is_empty() && accounts.iter().all(Account::is_whole);
    let about_waivers = waivers.into_iter().zip(used);
    findings.extend(about_waivers.filter_map(|(waiver, used)| waiver.finding(used, saw_all, policy.now)));
    Judgement { accounts, findings }
}

/// How bad a finding is for this repository.
fn severity(finding: &Finding, policy: &Policy<'_>) -> Severity {
    let Some(weakness) = &finding.weakness else { return finding.severity };
    let cannot_be_mended = weakness.package.is_some() && weakness.fixed.is_empty();
    if !weakness.level.reaches(policy.level) || (cannot_be_mended && policy.unfixed == Unfixed::Warn) {
        return Severity::Warning;
    }
    Severity::Error
}

/// Whether it was there before, or counts as such from now on.
fn accepted(finding: &Finding, fingerprint: &str, policy: &Policy<'_>) -> Option<Suppression> {
    let is_new = policy.accepts && finding.severity == Severity::Error;
    let reason = if policy.baseline.holds(policy.gate, fingerprint) {
        "it is in the baseline"
    } else if is_new {
        "it becomes part of the baseline"
    } else {
        return None;
    };
    Some(Suppression { by: SuppressedBy::Baseline, reason: reason.to_owned(), owner: None, expires: None })
}

/// Whether the line where it is may hold a secret: a scanner says so, or finds nothing else; or its rule speaks of one, as that
/// of ruff does that finds passwords in code.
fn may_show_a_secret(finding: &Finding) -> bool {
    let says_so = finding.weakness.as_ref().is_some_and(|weakness| weakness.secret);
    let said = format!("{} {}", finding.rule, finding.message).to_lowercase();
    says_so
        || OF_SECRETS.contains(&finding.tool.as_str())
        || WORDS_OF_SECRETS.iter().any(|word| said.contains(word))
}

/// The line where it is, unless that may hold a secret.
fn shown(finding: &Finding, sources: &Sources) -> Option<String> {
    if may_show_a_secret(finding) {
        return None;
    }
    let location = finding.location.as_ref()?;
    sources.line(&location.path, location.line?).map(|line| line.chars().take(LINE_MAX).collect())
}

/// The longest line that is shown, in characters; what is longer was written by no person.
const LINE_MAX: usize = 400;

#[cfg(test)]
mod tests;
