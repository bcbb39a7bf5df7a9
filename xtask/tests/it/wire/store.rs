//! A store of objects that does what a Kubernetes API server does with the requests of a release, and no more.
//!
//! What it does was seen on a real one (1.34.4, kubectl 1.32): a server-side apply with a resourceVersion makes what is not
//! there and is refused with another version, forced or not; with a uid it makes nothing; a write that changes nothing leaves
//! the resourceVersion as it is; a field that its only manager leaves out goes, and `spec.replicas` of a Deployment is 1 then;
//! `PUT` with a uid does not bring a deleted Lease back, and without one it does.
//!
//! Lists are one field here, and only the selector of a Service is a mapping that is one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use xtask::core::release::wire::{Answer, Manager, Request, Verb};
use xtask::core::release::{labels, manifest};

/// What a server knows of an object: kind, namespace, name.
pub(crate) type Key = (String, String, String);

#[derive(Clone, Debug)]
struct Stored {
    object: Value,
    /// The fields of each manager, as JSON pointers.
    owners: BTreeMap<String, BTreeSet<String>>,
}

/// The objects of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Key, Stored>,
    version: u64,
}

/// Fields that say which object is meant.
const NAMES: [&str; 6] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/uid",
    "/metadata/resourceVersion",
];

fn text<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
    object.pointer(pointer)?.as_str()
}

impl Store {
    fn key(object: &Value, namespace: &str) -> Key {
        let namespace = text(object, "/metadata/namespace").unwrap_or(namespace);
        [text(object, "/kind").unwrap(), namespace, text(object, "/metadata/name").unwrap()]
            .map(str::to_owned)
            .into()
    }

    /// Does what is asked for, object by object, until one is refused.
    pub(crate) fn request(&mut self, request: &Request) -> Vec<Answer> {
        let mut answers = Vec::new();
        for object in &request.objects {
            let answer = match request.verb {
                Verb::Create => self.create(object, request),
                Verb::Replace => self.replace(object, request),
                Verb::Apply { force } => self.apply(object, request, force),
                Verb::Merge => self.merge(object, request),
            };
            let is_done = answer == Answer::Done;
            answers.push(answer);
            if !is_done {
                break;
            }
        }
        answers
    }

    fn create(&mut self, object: &Value, request: &Request) -> Answer {
        let key = Self::key(object, &request.namespace);
        if self.objects.contains_key(&key) {
            return Answer::Exists;
        }
        let owners = BTreeMap::from([(format!("{} update", request.manager.name()), leaves(object))]);
        self.insert(key, object.clone(), owners);
        Answer::Done
    }

    fn replace(&mut self, object: &Value, request: &Request) -> Answer {
        let key = Self::key(object, &request.namespace);
        let Some(stored) = self.objects.get(&key) else {
            return if text(object, "/metadata/uid").is_some() { Answer::Stale } else { Answer::Absent };
        };
        if let Some(refused) = refused(object, &stored.object) {
            return refused;
        }
        let mut new = object.clone();
        for kept in
            ["/metadata/creationTimestamp", "/metadata/generation", "/metadata/resourceVersion", "/status"]
        {
            if let Some(value) = stored.object.pointer(kept) {
                manifest::set(&mut new, kept, value.clone());
            }
        }
        let owners = BTreeMap::from([(format!("{} update", request.manager.name()), leaves(&new))]);
        self.put(&key, new, owners);
        Answer::Done
    }

    fn merge(&mut self, object: &Value, request: &Request) -> Answer {
        let key = Self::key(object, &request.namespace);
        let Some(stored) = self.objects.get(&key) else { return Answer::Absent };
        if let Some(refused) = refused(object, &stored.object) {
            return refused;
        }
        let Stored { object: mut new, mut owners } = stored.clone();
        let changed: BTreeSet<String> =
            leaves(object).into_iter().filter(|field| new.pointer(field) != object.pointer(field)).collect();
        for field in &changed {
            manifest::set(&mut new, field, object.pointer(field).cloned().unwrap());
        }
        for owned in owners.values_mut() {
            owned.retain(|field| !changed.contains(field));
        }
        owners.entry(format!("{} update", request.manager.name())).or_default().extend(changed);
        self.put(&key, new, owners);
        Answer::Done
    }

    fn apply(&mut self, object: &Value, request: &Request, force: bool) -> Answer {
        let key = Self::key(object, &request.namespace);
        let manager = request.manager.name().to_owned();
        let Some(stored) = self.objects.get(&key) else {
            if text(object, "/metadata/uid").is_some() {
                return Answer::Stale;
            }
            let owners = BTreeMap::from([(manager, leaves(object))]);
            self.insert(key, object.clone(), owners);
            return Answer::Done;
        };
        if let Some(refused) = refused(object, &stored.object) {
            return refused;
        }
        // kubectl makes such a manager the owner of all that was applied before, and its next write takes that away.
        let was_applied =
            stored.object.pointer(&manifest::join("/metadata/annotations", labels::LAST_APPLIED));
        assert!(was_applied.is_none() || request.manager == Manager::Manifests, "some fields only: {object}");
        let Stored { object: mut new, mut owners } = stored.clone();
        let fields = leaves(object);
        let differs: Vec<&String> =
            fields.iter().filter(|field| new.pointer(field) != object.pointer(field)).collect();
        let others = |field: &str| {
            let mut others =
                owners.iter().filter(|(other, owned)| **other != manager && owned.contains(field));
            others.next().map(|(other, _)| other.clone())
        };
        if let Some((field, other)) =
            differs.iter().find_map(|field| Some((field, others(field)?))).filter(|_| !force)
        {
            return Answer::Owned(format!("conflict with `{other}`: {field}"));
        }
        for field in &differs {
            for owned in owners.values_mut() {
                owned.retain(|own| own != *field);
            }
        }
        let before = owners.insert(manager, fields.clone()).unwrap_or_default();
        for field in &fields {
            set(&mut new, field, object.pointer(field).unwrap().clone());
        }
        for field in before.difference(&fields) {
            if !owners.values().any(|owned| owned.contains(field)) {
                remove(&mut new, field);
            }
        }
        self.put(&key, new, owners);
        Answer::Done
    }

    fn insert(&mut self, key: Key, mut object: Value, owners: BTreeMap<String, BTreeSet<String>>) {
        self.version += 1;
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        object["metadata"]["namespace"] = json!(key.1);
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["metadata"]["generation"] = json!(1);
        default(&mut object);
        self.objects.insert(key, Stored { object, owners });
    }

    fn put(&mut self, key: &Key, mut new: Value, owners: BTreeMap<String, BTreeSet<String>>) {
        default(&mut new);
        let Some(stored) = self.objects.get_mut(key) else { return };
        stored.owners = owners;
        if stored.object == new {
            return;
        }
        let annotations = "/metadata/annotations";
        let is_newer = new.get("spec") != stored.object.get("spec")
            || (key.0 == "Deployment" && new.pointer(annotations) != stored.object.pointer(annotations));
        if is_newer {
            let generation = stored.object["metadata"]["generation"].as_u64().unwrap();
            new["metadata"]["generation"] = json!(generation + 1);
        }
        self.version += 1;
        new["metadata"]["resourceVersion"] = json!(self.version.to_string());
        stored.object = new;
    }

    /// All objects of a kind.
    pub(crate) fn of(&self, kind: &str) -> Vec<Value> {
        self.objects
            .iter()
            .filter(|(key, _)| key.0 == kind)
            .map(|(_, stored)| stored.object.clone())
            .collect()
    }

    /// Everything.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.objects.values().map(|stored| stored.object.clone()).collect()
    }

    /// An object of the namespace `vitalyst`.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        let key = [kind, "vitalyst", name].map(str::to_owned).into();
        self.objects.get(&key).map(|stored| &stored.object)
    }

    /// What a controller, a person or another program writes: a whole object, whoever owned it.
    pub(crate) fn write(&mut self, manager: &str, object: &Value) {
        let key = Self::key(object, "vitalyst");
        match self.objects.get(&key) {
            None => self.insert(key, object.clone(), BTreeMap::from([(manager.to_owned(), leaves(object))])),
            Some(stored) => {
                let mut owners = stored.owners.clone();
                let changed: BTreeSet<String> = leaves(object)
                    .into_iter()
                    .filter(|field| stored.object.pointer(field) != object.pointer(field))
                    .collect();
                for owned in owners.values_mut() {
                    owned.retain(|field| !changed.contains(field));
                }
                owners.entry(manager.to_owned()).or_default().extend(changed);
                self.put(&key, object.clone(), owners);
            }
        }
    }

    /// Takes an object away.
    pub(crate) fn delete(&mut self, object: &Value) {
        self.objects.remove(&Self::key(object, "vitalyst"));
    }
}

/// Whether a version that is asked for is not the one that is there.
fn refused(asked: &Value, stored: &Value) -> Option<Answer> {
    let differs =
        |pointer: &str| text(asked, pointer).is_some_and(|asked| text(stored, pointer) != Some(asked));
    (differs("/metadata/resourceVersion") || differs("/metadata/uid")).then_some(Answer::Stale)
}

fn default(object: &mut Value) {
    if object["kind"] == "Deployment" && object.pointer("/spec/replicas").is_none() {
        object["spec"]["replicas"] = json!(1);
    }
}

fn leaves(object: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, pointer: &str, is_service: bool, found: &mut BTreeSet<String>) {
        let is_one = is_service && pointer == "/spec/selector";
        match value.as_object().filter(|fields| !fields.is_empty() && !is_one) {
            Some(fields) => {
                for (key, value) in fields {
                    walk(value, &manifest::join(pointer, key), is_service, found);
                }
            }
            None if NAMES.contains(&pointer) || pointer.starts_with("/status") => {}
            None => {
                found.insert(pointer.to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(object, "", object["kind"] == "Service", &mut found);
    found
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    manifest::set(object, pointer, value);
}

fn remove(object: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    if let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.remove(&key.replace("~1", "/").replace("~0", "~"));
        if fields.is_empty() && !parent.is_empty() {
            remove(object, parent);
        }
    }
}

/// A condition of a status.
pub(crate) fn condition(kind: &str, since: &str) -> Value {
    let mut condition = Map::new();
    condition.insert("type".into(), json!(kind));
    condition.insert("status".into(), json!("True"));
    condition.insert("lastTransitionTime".into(), json!(since));
    Value::Object(condition)
}
