//! Fields of two states of one object, and who owns them.
//!
//! `managedFields` says which manager has written which fields (`FieldsV1`: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/>):
//! `f:NAME` is a field, `k:{"name":"x"}` an item of a list by its keys, `v:VALUE` one by its value, `i:N` one by its place.

use std::fmt;

use serde_json::{Map, Value};

/// The way to a field.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Path(Vec<Step>);

/// One step on it.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    /// Into a field of this name.
    Key(String),
    /// To the item of a list that has this value under this key.
    Named(String, Value),
    /// To the item at this place.
    At(usize),
}

/// What items of lists are told apart by, the most telling first: of what kubectl and the server merge by.
const KEYS: [&str; 7] = ["name", "mountPath", "containerPort", "port", "ip", "topologyKey", "key"];

impl Path {
    /// The way through fields of these names.
    pub(super) fn of_keys(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// The names of the fields on it, as far as there are only fields.
    pub(super) fn keys(&self) -> Vec<&str> {
        let key = |step: &'_ Step| match step {
            Step::Key(_) => true,
            Step::Named(..) | Step::At(_) => false,
        };
        let fields = self.0.iter().take_while(|step| key(step));
        fields.filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None }).collect()
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The way as far as the first item of a list that `object` does not have: what is added is the item, not each of its fields.
    pub(super) fn up_to_unknown_item(&self, object: &Value) -> Self {
        let is_unknown = |length: &usize| {
            let is_item = !matches!(self.0[length - 1], Step::Key(_));
            is_item && Self(self.0[..*length].to_vec()).in_object(object).is_none()
        };
        let length = (1..=self.0.len()).find(is_unknown).unwrap_or(self.0.len());
        Self(self.0[..length].to_vec())
    }

    /// Whether it ends in a field, and not in an item of a list.
    fn ends_in_key(&self) -> bool {
        matches!(self.0.last(), Some(Step::Key(_)))
    }

    /// What an object has there.
    pub(super) fn in_object<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Named(key, named) => value.as_array()?.iter().find(|item| item.get(key) == Some(named)),
            Step::At(index) => value.as_array()?.get(*index),
        })
    }
}

impl fmt::Display for Path {
    /// As the server writes it: `.spec.template.spec.containers[name="app"].image`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Named(key, value) => write!(f, "[{key}={value}]")?,
                Step::At(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A field in which two states differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Difference {
    pub(super) path: Path,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// The fields in which two states of an object differ.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(Some(before), Some(after), &Path::default(), &mut all);
    all
}

fn compare(before: Option<&Value>, after: Option<&Value>, path: &Path, all: &mut Vec<Difference>) {
    match (before, after) {
        _ if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                compare(old.get(key), new.get(key), &path.then(Step::Key(key.clone())), all);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match key_of(old, new) {
            Some(key) => {
                let known = |item: &Value| old.iter().any(|other| other[key] == item[key]);
                for item in old.iter().chain(new.iter().filter(|item| !known(item))) {
                    let step = path.then(Step::Named(key.to_owned(), item[key].clone()));
                    let [old, new] =
                        [old, new].map(|items| items.iter().find(|other| other[key] == item[key]));
                    compare(old, new, &step, all);
                }
            }
            None => {
                for index in 0..old.len().max(new.len()) {
                    compare(old.get(index), new.get(index), &path.then(Step::At(index)), all);
                }
            }
        },
        // A mapping that is there on one side only is as many fields as it has: some of them may be of no concern.
        (Some(Value::Object(there)), None) if path.ends_in_key() && !there.is_empty() => {
            for (key, value) in there {
                compare(Some(value), None, &path.then(Step::Key(key.clone())), all);
            }
        }
        (None, Some(Value::Object(stated))) if path.ends_in_key() && !stated.is_empty() => {
            for (key, value) in stated {
                compare(None, Some(value), &path.then(Step::Key(key.clone())), all);
            }
        }
        (before, after) => {
            all.push(Difference { path: path.clone(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// The key that tells all items of both lists apart; `None` where there is none.
fn key_of(old: &[Value], new: &[Value]) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        [old, new].iter().all(|items| {
            let values: Vec<&Value> = items.iter().filter_map(|item| item.get(key)).collect();
            let is_unique = |at: usize| !values[..at].contains(&values[at]);
            values.len() == items.len() && (0..values.len()).all(is_unique)
        })
    })
}

/// A manager, and the fields that it owns.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    manager: String,
    pub(super) subresource: Option<String>,
    /// When it wrote last, as the server writes times.
    pub(super) time: String,
    fields: Value,
}

/// The managers of an object's fields. `object` was read with them.
pub(super) fn owners(object: &Value) -> Vec<Owner> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let owner = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Owner {
            manager: text("manager")?,
            subresource: text("subresource"),
            time: text("time").unwrap_or_default(),
            fields: entry.get("fieldsV1").cloned().unwrap_or(Value::Null),
        })
    };
    entries.filter_map(owner).collect()
}

impl Owner {
    /// Whether it is one of those of a release.
    pub(super) fn is_ours(&self) -> bool {
        super::is_ours(&self.manager)
    }

    /// Whether it is a part of Kubernetes, which keeps an object as it is wanted.
    pub(super) fn is_controller(&self) -> bool {
        self.manager.starts_with("kube-") || self.manager == "kubelet"
    }

    /// Whether it is a program that people change things with by hand: kubectl names its manager by its command.
    pub(super) fn is_person(&self) -> bool {
        self.manager == "kubectl" || self.manager.starts_with("kubectl-")
    }

    /// Whether it owns a field, or something in it.
    pub(super) fn owns(&self, path: &Path) -> bool {
        let mut fields = &self.fields;
        for (depth, step) in path.0.iter().enumerate() {
            // What is owned as a whole is owned in all of its parts; an object never is.
            if depth > 0 && fields.as_object().is_some_and(Map::is_empty) {
                return true;
            }
            let Some(inside) = fields.as_object().and_then(|fields| inside(fields, step)) else {
                return false;
            };
            fields = inside;
        }
        !fields.is_null()
    }

    /// The fields that it owns, down to where it owns all of one.
    pub(super) fn leaves(&self) -> Vec<Path> {
        let mut leaves = Vec::new();
        walk(&self.fields, &Path::default(), &mut leaves);
        leaves
    }
}

fn inside<'f>(fields: &'f Map<String, Value>, step: &Step) -> Option<&'f Value> {
    match step {
        Step::Key(key) => fields.get(&format!("f:{key}")),
        Step::Named(key, value) => {
            let is = |name: &String| {
                let keys = name.strip_prefix("k:").and_then(|keys| serde_json::from_str::<Value>(keys).ok());
                keys.is_some_and(|keys| keys.get(key) == Some(value))
            };
            fields.iter().find(|(name, _)| is(name)).map(|(_, inside)| inside)
        }
        Step::At(index) => fields.get(&format!("i:{index}")),
    }
}

fn walk(fields: &Value, path: &Path, leaves: &mut Vec<Path>) {
    let Some(fields) = fields.as_object() else { return };
    let mut is_leaf = true;
    for (name, inside) in fields {
        let step = match name.split_once(':') {
            Some(("f", key)) => Step::Key(key.to_owned()),
            Some(("k", keys)) => {
                let keys: Option<Map<String, Value>> = serde_json::from_str(keys).ok();
                let telling = keys.and_then(|keys| {
                    let key = KEYS.into_iter().find(|key| keys.contains_key(*key))?;
                    Some(Step::Named(key.to_owned(), keys.get(key)?.clone()))
                });
                let Some(step) = telling else { continue };
                step
            }
            Some(("i", index)) => match index.parse() {
                Ok(index) => Step::At(index),
                Err(_) => continue,
            },
            // An item by its value says nothing more than its list does.
            _ => continue,
        };
        is_leaf = false;
        walk(inside, &path.then(step), leaves);
    }
    if is_leaf && !path.0.is_empty() {
        leaves.push(path.clone());
    }
}

impl fmt::Display for Owner {
    /// ``kubectl-edit (by `scale`) at 2026-11-28T16:43:31Z``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.manager)?;
        if let Some(subresource) = &self.subresource {
            write!(f, " (by `{subresource}`)")?;
        }
        if !self.time.is_empty() {
            write!(f, " at {}", self.time)?;
        }
        Ok(())
    }
}
