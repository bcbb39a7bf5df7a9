//! The plan as a difference to what is in the cluster: field by field, of every object that is written.
//!
//! Fields that only the cluster states (defaults, status, what other managers own) are no difference: they are not written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{Hand, Identity, Live, Plan};
use crate::release::model::Slot;

/// The difference, ending with a line end; empty where there is none.
pub(super) fn of(plan: &Plan, live: &Live) -> String {
    let mut text = String::new();
    let mut seen: BTreeMap<Identity, usize> = BTreeMap::new();
    // What an object is in the end counts, at the place where it is written first.
    let mut written: Vec<(Identity, &Value)> = Vec::new();
    let stated =
        plan.phases.iter().flat_map(|phase| &phase.writes).filter(|write| write.hand == Hand::Manifests);
    for write in stated {
        let identity = Identity::of(&write.object);
        if let Some(&index) = seen.get(&identity) {
            written[index].1 = &write.object;
        } else {
            seen.insert(identity.clone(), written.len());
            written.push((identity, &write.object));
        }
    }
    for (identity, object) in written {
        let before = serving(plan, &identity).unwrap_or_else(|| identity.clone());
        let found = live.named(&before);
        let mut fields = Vec::new();
        differences(found.unwrap_or(&Value::Null), object, &mut String::new(), &mut fields);
        let head = match found {
            None => format!("+ {identity}"),
            Some(_) if fields.is_empty() => continue,
            Some(_) if before == identity => format!("~ {identity}"),
            Some(_) => format!("~ {before} → `{}`", identity.name),
        };
        // Writing into a String cannot fail.
        let _infallible = writeln!(text, "{head}");
        for field in fields {
            let _infallible = writeln!(text, "    {field}");
        }
    }
    text
}

/// The Deployment that serves now, for one that a changing component goes to: that is what people compare with.
fn serving(plan: &Plan, identity: &Identity) -> Option<Identity> {
    if identity.kind != "Deployment" {
        return None;
    }
    let parts = plan.parts.iter().filter(|part| part.changes() && part.old.is_some());
    let name = parts.filter_map(|part| match part.slot {
        Slot::A => Some(format!("{}{}", identity.name, Slot::B.suffix())),
        Slot::B => identity.name.strip_suffix(Slot::B.suffix()).map(str::to_owned),
    });
    let written =
        |name: &String| plan.bound.iter().any(|bound| bound.object.name == *name && bound.was.is_some());
    let name = name.into_iter().find(written)?;
    Some(Identity { name, ..identity.clone() })
}

/// What `after` states that `before` does not, a line for each field.
pub(super) fn fields(before: &Value, after: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    differences(before, after, &mut String::new(), &mut fields);
    fields
}

/// Whether `live` says all that `stated` does.
pub(super) fn says(live: &Value, stated: &Value) -> bool {
    fields(live, stated).is_empty()
}

/// What `after` states that `before` does not, by path.
fn differences(before: &Value, after: &Value, path: &mut String, fields: &mut Vec<String>) {
    match (before, after) {
        (_, Value::Object(entries)) if !entries.is_empty() => {
            for (key, value) in entries {
                step(path, key, |path| {
                    differences(before.get(key).unwrap_or(&Value::Null), value, path, fields);
                });
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (index, value) in new.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let named = name.and_then(|name| {
                    old.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(name))
                });
                let same = match name {
                    Some(_) => named,
                    None => old.get(index),
                };
                let label = name.map_or_else(|| index.to_string(), str::to_owned);
                step(path, &label, |path| differences(same.unwrap_or(&Value::Null), value, path, fields));
            }
            let by_name = |item: &Value| item.get("name").cloned();
            for (index, item) in old.iter().enumerate() {
                let name = by_name(item);
                let gone = match &name {
                    Some(_) => !new.iter().any(|other| by_name(other) == name),
                    None => index >= new.len(),
                };
                if gone {
                    let label = name
                        .as_ref()
                        .and_then(Value::as_str)
                        .map_or_else(|| index.to_string(), str::to_owned);
                    step(path, &label, |path| fields.push(format!("- {path}: {item}")));
                }
            }
        }
        _ if before == after => {}
        (Value::Null, _) => fields.push(format!("+ {path}: {after}")),
        _ => fields.push(format!("~ {path}: {before} → {after}")),
    }
}

/// Calls `inside` with `path` one step longer.
fn step(path: &mut String, key: &str, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(key);
    inside(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_compared_by_name_where_they_have_one() {
        let before =
            json!({"a": {"b": 1, "default": 7}, "n": [{"name": "x", "v": 1}, {"name": "y"}], "l": [1, 2, 3]});
        let after = json!({"a": {"b": 2, "c": {}}, "n": [{"name": "z"}, {"name": "x", "v": 2}], "l": [1, 4], "e": []});
        let mut fields = Vec::new();
        differences(&before, &after, &mut String::new(), &mut fields);
        let expected = [
            "~ a.b: 1 → 2",
            "+ a.c: {}",
            "+ e: []",
            "~ l.1: 2 → 4",
            "- l.2: 3",
            "+ n.z.name: \"z\"",
            "~ n.x.v: 1 → 2",
            "- n.y: {\"name\":\"y\"}",
        ];
        assert_eq!(fields, expected);
    }
}
