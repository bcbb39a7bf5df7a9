//! The plan in words: what somebody reads before saying yes.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Hand, Identity, Part, Plan, Strategy};
use crate::release::freeze::Override;
use crate::text;

/// The plan in words, ending with a line end.
pub(super) fn of(plan: &Plan) -> String {
    let mut words = String::new();
    // Writing into a String cannot fail.
    let _infallible = write(plan, &mut words);
    words
}

fn write(plan: &Plan, words: &mut String) -> std::fmt::Result {
    match &plan.previous {
        Some(previous) => writeln!(words, "release {}, in place of {previous}", plan.release)?,
        None => writeln!(words, "release {}, the first one", plan.release)?,
    }
    if let Some(frozen) = &plan.frozen {
        writeln!(words, "  frozen: {frozen}")?;
    }
    if let Some(Override { who, reason, windows }) = &plan.freeze_overridden {
        let windows = windows.join("`, `");
        writeln!(words, "  the freeze `{windows}` is overridden by {who}: {}", text::one_line(reason))?;
    }
    for part in &plan.parts {
        writeln!(words, "  {}", component(part))?;
        for smoke in part.changes().then_some(&part.measures.smoke).into_iter().flatten() {
            writeln!(words, "    smoke test: {smoke}")?;
        }
        for objective in part.changes().then_some(&part.measures.objectives).into_iter().flatten() {
            let percent = objective.rate_max * 100.0;
            writeln!(words, "    promised: {} at most {} %", objective.name, (percent * 1e4).round() / 1e4)?;
        }
    }
    for remark in &plan.remarks {
        writeln!(words, "  {remark}")?;
    }
    if !plan.commits.is_empty() {
        writeln!(words, "{} since", text::count(plan.commits.len(), "commit"))?;
        for commit in &plan.commits {
            writeln!(words, "  {}", text::one_line(commit))?;
        }
    }
    writeln!(words, "steps")?;
    for phase in &plan.phases {
        writeln!(words, "  {:8} {}", phase.id, phase.words)?;
        for write in &phase.writes {
            writeln!(words, "           {}", object(write.hand, &write.object))?;
        }
    }
    let extra = plan.parts.iter().fold(super::Resources::default(), |sum, part| sum + part.extra);
    let changing = plan.parts.iter().any(Part::changes);
    match plan.room.filter(|_| changing) {
        Some(room) => {
            writeln!(words, "at most {extra} more than now until the bake has ended; quota leaves {room}")?;
        }
        None if changing => writeln!(words, "at most {extra} more than now until the bake has ended")?,
        None => writeln!(words, "no component changes")?,
    }
    if !plan.stays.is_empty() {
        writeln!(words, "a rollback leaves as it is")?;
        for stays in &plan.stays {
            writeln!(words, "  {stays}")?;
        }
    }
    if !plan.by_hand.is_empty() {
        writeln!(words, "the way back by hand, should everything else fail")?;
        for command in &plan.by_hand {
            writeln!(words, "  {command}")?;
        }
    }
    Ok(())
}

fn component(part: &Part) -> String {
    let name = &part.component;
    match (&part.old, &part.strategy) {
        (Some(_), Strategy::Rolling) if !part.changes() => format!("{name}: {} stays", part.new),
        (Some(_), _) if !part.changes() => format!("{name}: {} stays in slot {}", part.new, part.slot),
        (None, Strategy::Rolling) => format!("{name}: {} begins", part.new),
        (None, _) => format!("{name}: {} goes to slot {}", part.new, part.slot),
        (Some(old), Strategy::Flip | Strategy::Restore) => {
            format!("{name}: {old} → {} in slot {}, all at once", part.new, part.slot)
        }
        (Some(old), Strategy::Rolling) => format!("{name}: {old} → {}, pod by pod", part.new),
        (Some(old), Strategy::Canary { steps, .. }) => {
            let weights: Vec<String> = steps
                .iter()
                .map(|step| format!("{} %{}", step.weight.percent(), if step.gate { " (gate)" } else { "" }))
                .collect();
            format!("{name}: {old} → {} in slot {}, by {}", part.new, part.slot, weights.join(", "))
        }
    }
}

fn object(hand: Hand, object: &Value) -> String {
    let identity = Identity::of(object);
    match (hand, object.pointer("/spec/replicas")) {
        (Hand::Replicas, Some(count)) => format!("{identity}: replicas {count}"),
        _ => match identity.kind.as_str() {
            "Service" => {
                format!("{identity}: selector {}", object.pointer("/spec/selector").unwrap_or(&Value::Null))
            }
            "HorizontalPodAutoscaler" => {
                let target =
                    object.pointer("/spec/scaleTargetRef/name").and_then(Value::as_str).unwrap_or_default();
                let floor = object.pointer("/spec/minReplicas").and_then(Value::as_u64).unwrap_or(1);
                format!(
                    "{identity}: scales `{target}`, at least {}",
                    text::count(usize::try_from(floor).unwrap_or(0), "pod")
                )
            }
            _ => identity.to_string(),
        },
    }
}
