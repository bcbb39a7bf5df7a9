//! Whether a plan that was saved is still the one that would be made.

use serde_json::Value;

use super::{Plan, diff};

/// What is no part of the decision: words about the moment in which a plan was made. Whether there is a freeze, and whether a quota
/// leaves room, is decided anew.
const OF_THE_MOMENT: [&str; 5] = ["remarks", "commits", "room", "frozen", "freeze_overridden"];

impl Plan {
    /// In what `now`, a plan of the same wish that was made now, differs from this one: field by field, of the plan as JSON. Empty
    /// where it is the same plan, and may be carried out as it was read.
    ///
    /// # Errors
    ///
    /// Never for a plan made here: everything in it has a form in JSON.
    pub fn moved(&self, now: &Self) -> serde_json::Result<Vec<String>> {
        let (saved, now) = (decided(self)?, decided(now)?);
        let mut fields = diff::fields(&saved, &now);
        if fields.is_empty() && saved != now {
            // What it states no longer shows only from the other side.
            fields =
                diff::fields(&now, &saved).into_iter().map(|field| format!("no longer: {field}")).collect();
        }
        Ok(fields)
    }
}

fn decided(plan: &Plan) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(plan)?;
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|field, _| !OF_THE_MOMENT.contains(&field.as_str()));
    }
    Ok(value)
}
