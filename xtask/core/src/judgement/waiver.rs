//! Findings for which somebody answers until a day.

use crate::calendar;
use crate::diagnostic::Place;
use crate::finding::judged::{SuppressedBy, Suppression};
use crate::finding::{Finding, Location};
use crate::fingerprint::patterns::Patterns;

use super::TOOL;

/// A finding that fails nothing until a day, because somebody says so: `[[waivers]]`.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// `gate`: the task whose finding it is: `security.backend`. Required.
    pub gate: String,
    /// `rule`: the rule, or any name of the advisory: `S105`, `CVE-2024-1`. Required.
    pub rule: String,
    /// `path`: the files in which it is waived, a pattern relative to the repository. Default: all.
    pub path: Option<Patterns>,
    /// `package`: the package in which it is waived, in any version. Default: all.
    pub package: Option<String>,
    /// `fingerprint`: the one finding that is waived. Default: all that fit.
    pub fingerprint: Option<String>,
    /// `reason`: why it may stay, in words for whoever asks. Required.
    pub reason: String,
    /// `owner`: who answers for it. Required.
    pub owner: String,
    /// `expires`: the last day on which it holds: `2026-12-31`; here in days since 1970. Required.
    pub expires: i64,
    /// Where it stands.
    pub place: Place,
}

impl Waiver {
    /// Whether it speaks of this finding, be it expired or not.
    pub(super) fn covers(&self, finding: &Finding, fingerprint: &str) -> bool {
        let weakness = finding.weakness.as_deref();
        let is_named = |name: &str| name.eq_ignore_ascii_case(&self.rule);
        let named = is_named(&finding.rule)
            || weakness.is_some_and(|weakness| weakness.aliases.iter().any(|alias| is_named(alias)));
        let in_path = self.path.as_ref().is_none_or(|patterns| {
            finding.location.as_ref().is_some_and(|location| {
                let words: Vec<&[u8]> =
                    location.path.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
                patterns.includes(&words)
            })
        });
        let in_package = self.package.as_ref().is_none_or(|name| {
            weakness
                .and_then(|weakness| weakness.package.as_ref())
                .is_some_and(|package| package.is_called(name))
        });
        let is_it = self.fingerprint.as_ref().is_none_or(|known| known == fingerprint);
        named && in_path && in_package && is_it
    }

    /// Whether its last day is over at `now`, in seconds since 1970.
    pub(super) fn is_expired(&self, now: u64) -> bool {
        now >= self.end()
    }

    /// When it holds no more, in seconds since 1970: at the end of its last day, in UTC.
    pub fn end(&self) -> u64 {
        u64::try_from((self.expires + 1).saturating_mul(86_400)).unwrap_or(0)
    }

    /// What it makes of a finding.
    pub(super) fn suppression(&self) -> Suppression {
        Suppression {
            by: SuppressedBy::Waiver,
            reason: self.reason.clone(),
            owner: Some(self.owner.clone()),
            expires: Some(self.last_day()),
        }
    }

    fn last_day(&self) -> String {
        let (year, month, day) = calendar::date(self.expires);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// What is wrong with the waiver itself. `saw_all` says that its gate has looked at everything.
    pub(super) fn finding(&self, used: bool, saw_all: bool, now: u64) -> Option<Finding> {
        let Self { rule, owner, .. } = self;
        let (name, message, help) = if self.is_expired(now) {
            let message = format!("the waiver of `{rule}` has expired on {}", self.last_day());
            let help = if used {
                format!("mend what it waives, or let {owner} say why it may stay for longer")
            } else {
                "take it away: it waives nothing any more".to_owned()
            };
            ("expired-waiver", message, help)
        } else if !used && saw_all {
            let message = format!("the waiver of `{rule}` waives nothing that `{}` finds", self.gate);
            ("unused-waiver", message, "take it away: it would waive the next finding that fits".to_owned())
        } else {
            return None;
        };
        let stated = self.place.diagnostic("");
        let (line, column) = stated.position();
        let number = |number: usize| u32::try_from(number).ok();
        Some(Finding {
            rule: name.to_owned(),
            location: Some(Location::at(stated.path, number(line), number(column))),
            help: Some(help),
            ..Finding::error(TOOL, message)
        })
    }
}
