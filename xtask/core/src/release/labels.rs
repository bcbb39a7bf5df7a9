//! Labels and the selectors that ask for them, as Kubernetes matches them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::manifest;

/// The label that names the component whose traffic a pod may get.
pub const SERVES: &str = "vitalyst.io/serves";
/// The label that names the slot a pod belongs to.
pub const SLOT: &str = "vitalyst.io/slot";
/// The value of that label in the selector of a Service whose requests nobody gets: no pod has it.
pub const NOBODY: &str = "none";
/// The label that names the revision a pod runs.
pub const REVISION: &str = "vitalyst.io/revision";

/// The annotation of a Deployment that names the commit it was released from.
pub const COMMIT: &str = "vitalyst.io/commit";
/// The label of the ledger's objects; its value is the environment.
pub const LEDGER: &str = "vitalyst.io/ledger";
/// The label of the payloads; its value is the environment.
pub const PAYLOAD: &str = "vitalyst.io/payload";

/// The annotation with the number of the owner who wrote an object last.
pub const FENCE: &str = "vitalyst.io/fence";
/// The annotation that says which release stated an object last, and what, by content.
pub const STATED: &str = "vitalyst.io/stated";
/// The annotation of a Lease that counts how often its holder has renewed it.
pub const RENEWALS: &str = "vitalyst.io/renewals";
/// The beginning of the annotations with the last effect of each field manager.
pub const EFFECT: &str = "vitalyst.io/effect-";

/// Whether an annotation is written with each write, and says nothing about what the object is.
pub fn is_stamp(annotation: &str) -> bool {
    [FENCE, STATED, RENEWALS].contains(&annotation) || annotation.starts_with(EFFECT)
}

/// The annotation in which `kubectl apply` keeps what it has applied, where it does so on the client's side.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The labels of an object.
pub type Labels = BTreeMap<String, String>;

/// The labels at `pointer` of `object`; what is no text is no label.
pub fn labels(object: &Value, pointer: &str) -> Labels {
    let entries = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What a selector asks of a label.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Demand {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

/// A selector: all of its demands have to be met.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    demands: Vec<(String, Demand)>,
}

/// What is wrong with a selector: where, and what.
pub type Wrong = (String, String);

impl Selector {
    /// Reads the plain mapping of a Service: `{app: web}`.
    ///
    /// # Errors
    ///
    /// The JSON pointer below `pointer` of what is no label, and what is wrong with it.
    pub fn plain(value: &Value, pointer: &str) -> Result<Self, Wrong> {
        let Some(entries) = value.as_object() else {
            return Err((pointer.to_owned(), "a selector must be a mapping of labels".to_owned()));
        };
        let mut selector = Self::default();
        for (key, value) in entries {
            let Some(value) = value.as_str() else {
                return Err((manifest::join(pointer, key), format!("the label `{key}` must be a text")));
            };
            selector.demands.push((key.clone(), Demand::In(vec![value.to_owned()])));
        }
        Ok(selector)
    }

    /// Reads a `LabelSelector`: `matchLabels` and `matchExpressions`.
    ///
    /// # Errors
    ///
    /// The JSON pointer of what cannot be read, and what is wrong with it.
    pub fn read(value: &Value, pointer: &str) -> Result<Self, Wrong> {
        let mut selector = match value.get("matchLabels") {
            Some(labels) => Self::plain(labels, &manifest::join(pointer, "matchLabels"))?,
            None => Self::default(),
        };
        let expressions = value.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
        for (index, expression) in expressions.enumerate() {
            let place = format!("{pointer}/matchExpressions/{index}");
            let text = |key: &str| expression.get(key).and_then(Value::as_str);
            let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
            let values: Vec<String> = values.filter_map(Value::as_str).map(str::to_owned).collect();
            let Some(key) = text("key") else {
                return Err((place, "an expression of a selector needs a `key`".to_owned()));
            };
            let demand = match text("operator").unwrap_or_default() {
                "In" => Demand::In(values),
                "NotIn" => Demand::NotIn(values),
                "Exists" => Demand::Exists,
                "DoesNotExist" => Demand::DoesNotExist,
                other => {
                    let message = format!("`{other}` is no operator of a selector");
                    return Err((manifest::join(&place, "operator"), message));
                }
            };
            if matches!(&demand, Demand::In(values) | Demand::NotIn(values) if values.is_empty()) {
                return Err((place, "an expression with `In` or `NotIn` needs `values`".to_owned()));
            }
            selector.demands.push((key.to_owned(), demand));
        }
        Ok(selector)
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.demands.is_empty()
    }

    /// Whether something with these labels meets all demands.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.demands.iter().all(|(key, demand)| {
            let value = labels.get(key);
            match demand {
                Demand::In(values) => value.is_some_and(|value| values.contains(value)),
                Demand::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Demand::Exists => value.is_some(),
                Demand::DoesNotExist => value.is_none(),
            }
        })
    }

    /// Whether no labels at all can meet the demands of both: some label would need two values at once.
    ///
    /// `false` only says that it could not be proven; expressions with `NotIn` are weighed only against `In`.
    pub fn excludes(&self, other: &Self) -> bool {
        self.demands.iter().any(|(key, demand)| {
            let same = other.demands.iter().filter(|(other, _)| other == key);
            same.into_iter().any(|(_, against)| match (demand, against) {
                (Demand::In(a), Demand::In(b)) => a.iter().all(|value| !b.contains(value)),
                (Demand::In(a), Demand::NotIn(b)) | (Demand::NotIn(b), Demand::In(a)) => {
                    a.iter().all(|value| b.contains(value))
                }
                (Demand::DoesNotExist, Demand::In(_) | Demand::Exists)
                | (Demand::In(_) | Demand::Exists, Demand::DoesNotExist) => true,
                _ => false,
            })
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, demand)) in self.demands.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match demand {
                Demand::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Demand::In(values) => write!(f, "{key} in ({})", values.join(", "))?,
                Demand::NotIn(values) => write!(f, "{key} notin ({})", values.join(", "))?,
                Demand::Exists => write!(f, "{key}")?,
                Demand::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

/// How the labels of slot b differ from those of slot a: key, value in slot a, value in slot b.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changed {
    /// The label.
    pub key: String,
    /// Its value in slot a.
    pub before: String,
    /// Its value in slot b.
    pub after: String,
}

/// What a selector of slot a becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Becomes<'a> {
    /// The same of slot b.
    SlotB,
    /// One of both slots. Where expressions can be written, it still selects pods from before there were slots; a plain
    /// mapping has to ask for the component that the pods serve.
    BothSlots(&'a str),
}

/// Rewrites the selector `value`, a plain one or a `LabelSelector`, which speaks of labels in which the slots differ.
///
/// # Errors
///
/// The JSON pointer of the demand for which it cannot be said what it would have to be.
pub fn rewrite(
    value: &mut Value,
    plain: bool,
    pointer: &str,
    changed: &[Changed],
    becomes: Becomes<'_>,
) -> Result<(), Wrong> {
    let unclear = |place: String, key: &str| {
        (
            place,
            format!(
                "the slots differ in `{key}`, and what this would have to be for the other one is unclear"
            ),
        )
    };
    if !plain && let Some(expressions) = value.get_mut("matchExpressions").and_then(Value::as_array_mut) {
        for (index, expression) in expressions.iter_mut().enumerate() {
            let of = changed.iter().find(|changed| expression["key"] == changed.key.as_str());
            let Some(Changed { key, before, after }) = of else { continue };
            let place = format!("{pointer}/matchExpressions/{index}");
            let is_in = expression["operator"] == "In";
            let values = expression.get_mut("values").and_then(Value::as_array_mut).filter(|_| is_in);
            let Some(values) = values.filter(|values| values.iter().any(|value| value == before.as_str()))
            else {
                return Err(unclear(place, key));
            };
            match becomes {
                Becomes::SlotB => {
                    for value in values.iter_mut().filter(|value| *value == before.as_str()) {
                        *value = Value::from(after.as_str());
                    }
                }
                Becomes::BothSlots(_) => values.push(Value::from(after.as_str())),
            }
        }
    }
    let (labels, pointer) = if plain {
        (value.as_object_mut(), pointer.to_owned())
    } else {
        (value.get_mut("matchLabels").and_then(Value::as_object_mut), manifest::join(pointer, "matchLabels"))
    };
    let Some(labels) = labels else { return Ok(()) };
    let mut either = Vec::new();
    for Changed { key, before, after } in changed {
        let Some(value) = labels.get_mut(key) else { continue };
        if *value != before.as_str() {
            return Err(unclear(manifest::join(&pointer, key), key));
        }
        match becomes {
            Becomes::SlotB => *value = Value::from(after.as_str()),
            Becomes::BothSlots(_) => {
                labels.remove(key);
                either.push(json!({"key": key, "operator": "In", "values": [before, after]}));
            }
        }
    }
    match becomes {
        Becomes::BothSlots(component) if plain && !either.is_empty() => {
            labels.insert(SERVES.to_owned(), Value::from(component));
        }
        Becomes::BothSlots(_) if !either.is_empty() => {
            if labels.is_empty() {
                manifest::remove(value, "matchLabels");
            }
            match value.get_mut("matchExpressions").and_then(Value::as_array_mut) {
                Some(expressions) => expressions.extend(either),
                None => manifest::set(value, "/matchExpressions", either),
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
        json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
    }

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let web = of(&[("app", "web"), ("tier", "front")]);
        for (selector, matches) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "web", "tier": "back"}}), false),
            (json!({"matchLabels": {"zone": "1"}}), false),
            (expression("app", "In", &["x", "web"]), true),
            (expression("app", "NotIn", &["x"]), true),
            (expression("app", "NotIn", &["web"]), false),
            (expression("zone", "NotIn", &["1"]), true),
            (expression("app", "Exists", &[]), true),
            (expression("zone", "Exists", &[]), false),
            (expression("zone", "DoesNotExist", &[]), true),
        ] {
            assert_eq!(Selector::read(&selector, "").unwrap().matches(&web), matches, "{selector}");
        }
    }

    #[test]
    fn what_excludes_has_no_common_labels() {
        let selectors: Vec<Selector> = [
            json!({}),
            json!({"matchLabels": {"a": "1"}}),
            json!({"matchLabels": {"a": "2"}}),
            json!({"matchLabels": {"a": "1", "b": "1"}}),
            expression("a", "In", &["1", "2"]),
            expression("a", "NotIn", &["1"]),
            expression("a", "NotIn", &["1", "2"]),
            expression("a", "Exists", &[]),
            expression("a", "DoesNotExist", &[]),
            expression("b", "DoesNotExist", &[]),
        ]
        .iter()
        .map(|selector| Selector::read(selector, "").unwrap())
        .collect();
        // Every combination of two labels with three values or none.
        let values = [None, Some("1"), Some("2"), Some("3")];
        let label = |key: &'static str, value: Option<&'static str>| value.map(|value| (key, value));
        for a in &selectors {
            for b in &selectors {
                let common = values.iter().any(|&first| {
                    values.iter().any(|&second| {
                        let labels: Vec<_> =
                            [label("a", first), label("b", second)].into_iter().flatten().collect();
                        a.matches(&of(&labels)) && b.matches(&of(&labels))
                    })
                });
                assert_eq!(a.excludes(b), !common, "`{a}` and `{b}`");
            }
        }
    }

    #[test]
    fn selectors_of_slot_a_are_rewritten_or_refused() {
        let changed = [
            Changed { key: "app".into(), before: "web".into(), after: "web-b".into() },
            Changed { key: SLOT.into(), before: "a".into(), after: "b".into() },
        ];
        let labels = json!({"matchLabels": {"app": "web", "tier": "front"}});
        for (selector, plain, becomes, expected) in [
            (
                labels.clone(),
                false,
                Becomes::SlotB,
                Some(json!({"matchLabels": {"app": "web-b", "tier": "front"}})),
            ),
            (
                labels,
                false,
                Becomes::BothSlots("w"),
                Some(json!({
                    "matchLabels": {"tier": "front"},
                    "matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "web-b"]}],
                })),
            ),
            (
                json!({"app": "web", SLOT: "a"}),
                true,
                Becomes::SlotB,
                Some(json!({"app": "web-b", SLOT: "b"})),
            ),
            (json!({"app": "web", SLOT: "a"}), true, Becomes::BothSlots("w"), Some(json!({SERVES: "w"}))),
            (json!({"tier": "x"}), true, Becomes::BothSlots("w"), Some(json!({"tier": "x"}))),
            (json!({"app": "other"}), true, Becomes::SlotB, None),
            (
                expression("app", "In", &["x", "web"]),
                false,
                Becomes::SlotB,
                Some(expression("app", "In", &["x", "web-b"])),
            ),
            (
                expression("app", "In", &["x", "web"]),
                false,
                Becomes::BothSlots("w"),
                Some(expression("app", "In", &["x", "web", "web-b"])),
            ),
            (expression("app", "NotIn", &["web"]), false, Becomes::SlotB, None),
            (expression("app", "Exists", &[]), false, Becomes::SlotB, None),
        ] {
            let mut value = selector.clone();
            let result = rewrite(&mut value, plain, "/s", &changed, becomes);
            match expected {
                Some(expected) => assert_eq!((result, value), (Ok(()), expected), "{selector}"),
                None => assert!(result.unwrap_err().0.starts_with("/s/"), "{selector}"),
            }
        }
    }
}
