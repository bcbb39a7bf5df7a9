//! `[gates]` and `[[waivers]]`.

use crate::config::decode::{Table, Value};
use crate::config::gates::GateSettings;
use crate::config::values::{day, duration, each, path, pattern, text, word};
use crate::core::finding::weakness::Level;
use crate::core::fingerprint::{pattern::Pattern, patterns::Patterns};
use crate::core::graph::TaskId;
use crate::core::judgement::{Unfixed, Waiver};

/// How bad a weakness can be called.
pub(super) const LEVELS: &[(&str, Level)] =
    &[("low", Level::Low), ("medium", Level::Medium), ("high", Level::High), ("critical", Level::Critical)];

const UNFIXED: &[(&str, Unfixed)] = &[("fail", Unfixed::Fail), ("warn", Unfixed::Warn)];

/// `[gates]`.
pub(super) fn gates(table: &mut Table<'_, '_>) -> GateSettings {
    let default = GateSettings::default();
    GateSettings {
        level: table.optional("level", word(LEVELS)).unwrap_or(default.level),
        unfixed: table.optional("unfixed", word(UNFIXED)).unwrap_or(default.unfixed),
        feed_age_max: table.optional("feed-age-max", duration).unwrap_or(default.feed_age_max),
        baseline: table.optional("baseline", path),
    }
}

/// `[[waivers]]`.
pub(super) fn waivers(value: &Value<'_, '_>) -> Option<Vec<Waiver>> {
    each(waiver)(value)
}

fn waiver(value: &Value<'_, '_>) -> Option<Waiver> {
    value.table(|table| {
        let gate = table.required("gate", gate);
        let rule = table.required("rule", text);
        let path =
            table.optional("path", pattern).and_then(|text| Pattern::parse(&text).ok()).map(Patterns::from);
        let package = table.optional("package", text);
        let fingerprint = table.optional("fingerprint", fingerprint);
        let reason = table.required("reason", text);
        let owner = table.required("owner", text);
        let expires = table.required("expires", day);
        Some(Waiver {
            gate: gate?,
            rule: rule?,
            path,
            package,
            fingerprint,
            reason: reason?,
            owner: owner?,
            expires: expires?,
            place: value.place(),
        })
    })
}

fn gate(value: &Value<'_, '_>) -> Option<String> {
    let gate = value.text("the task of a gate such as \"security.backend\"")?;
    if TaskId::new(gate).is_none() {
        return value.wrong("must be the task of a gate such as \"security.backend\"", "no task id");
    }
    Some(gate.to_owned())
}

fn fingerprint(value: &Value<'_, '_>) -> Option<String> {
    let digits = value.text("the fingerprint of a finding")?;
    if digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Some(digits.to_owned());
    }
    value.wrong("must be the fingerprint of a finding", "expected 32 hexadecimal digits")
}
