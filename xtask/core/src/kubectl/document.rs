//! Objects as documents: what guards a write, where an object is, which object an answer is about.

use std::fmt;

use serde_json::{Value, json};

/// One version of one object, as the server counts. A document that carries it changes nothing but that: a stale version is
/// refused, and so is an object that was deleted and made again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Seen {
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
}

impl Seen {
    /// What was seen of an object that came from the server; `None` for a document that never was there.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |field| object.pointer(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self { uid: text("/metadata/uid")?, resource_version: text("/metadata/resourceVersion")? })
    }

    /// The document, good for this version and no other. Without the uid, the version alone would make a new object where
    /// the old one is gone.
    pub fn onto(&self, mut document: Value) -> Value {
        if let Some(fields) = document.as_object_mut() {
            let metadata = fields.entry("metadata").or_insert(Value::Null);
            if !metadata.is_object() {
                *metadata = json!({});
            }
            metadata["uid"] = json!(self.uid);
            metadata["resourceVersion"] = json!(self.resource_version);
        }
        document
    }
}

/// Which object.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Name {
    /// Its group and version: `v1`, `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; `None` stands for the one that is asked by default.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Name {
    /// Which object a document is; `None` where it does not say so.
    pub fn of(document: &Value) -> Option<Self> {
        let text =
            |field| document.pointer(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self {
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name")?,
        })
    }

    /// Its kind as kubectl takes it, so that exactly this version is meant: `deployment.v1.apps`, `service`.
    pub fn resource(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        match self.api_version.split_once('/') {
            None => kind,
            Some((group, version)) => format!("{kind}.{version}.{group}"),
        }
    }

    /// The plural of its kind, as it stands in paths: `networkpolicies`.
    ///
    /// It is made as Kubernetes makes it of its own kinds (`UnsafeGuessKindToResource` in apimachinery). A kind of somebody
    /// else may have chosen another one.
    pub fn plural(&self) -> String {
        plural(&self.kind)
    }

    /// Where it is on the server. `namespace` is the one for an object that names no other; `None` where its kind belongs to
    /// none.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let namespace = self.namespace.as_deref().or(namespace);
        let within = namespace.map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
        format!("/{root}/{}/{within}{}/{}", self.api_version, plural(&self.kind), self.name)
    }

    /// Whether `object`, which came from the server, is this one.
    pub fn is(&self, object: &Value, namespace: &str) -> bool {
        Self::of(object).is_some_and(|other| {
            let place = |name: &Self| name.namespace.clone().unwrap_or_else(|| namespace.to_owned());
            (&self.api_version, &self.kind, &self.name) == (&other.api_version, &other.kind, &other.name)
                && (other.namespace.is_none() || place(self) == place(&other))
        })
    }
}

impl fmt::Display for Name {
    /// ``Deployment `vitalyst-backend` ``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

fn plural(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    match kind.as_str() {
        "endpoints" => kind,
        _ if kind.ends_with('s') || kind.ends_with('x') || kind.ends_with("ch") || kind.ends_with("sh") => {
            format!("{kind}es")
        }
        _ => match kind.strip_suffix('y') {
            Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
            _ => format!("{kind}s"),
        },
    }
}

/// The objects of a list, which `text` has to be.
pub fn list(text: &str) -> Option<Vec<Value>> {
    let mut list: Value = serde_json::from_str(text).ok()?;
    if !list.get("kind")?.as_str()?.ends_with("List") {
        return None;
    }
    match list.get_mut("items")?.take() {
        Value::Array(items) if items.iter().all(Value::is_object) => Some(items),
        _ => None,
    }
}

/// The objects of an answer: those of a list, or the one that it is, or, of several answers one after the other, all.
/// `None` where it is none of these.
pub fn objects(text: &str) -> Option<Vec<Value>> {
    let mut objects = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let mut document = document.ok()?;
        let is_list = document.get("kind")?.as_str()?.ends_with("List");
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if is_list => objects.extend(items),
            // A list without anything may come with null.
            Some(Value::Null) if is_list => {}
            Some(_) if is_list => return None,
            // An object may have a field of this name, and a kind of somebody else the name of a list.
            Some(items) => {
                document["items"] = items;
                objects.push(document);
            }
            None => objects.push(document),
        }
    }
    objects.iter().all(Value::is_object).then_some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(api_version: &str, kind: &str, namespace: Option<&str>) -> Name {
        Name {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "x".to_owned(),
        }
    }

    #[test]
    fn objects_have_places() {
        let table = [
            (name("v1", "ConfigMap", None), "/api/v1/namespaces/v/configmaps/x", "configmap"),
            (
                name("apps/v1", "Deployment", Some("o")),
                "/apis/apps/v1/namespaces/o/deployments/x",
                "deployment.v1.apps",
            ),
            (
                name("networking.k8s.io/v1", "NetworkPolicy", None),
                "/apis/networking.k8s.io/v1/namespaces/v/networkpolicies/x",
                "networkpolicy.v1.networking.k8s.io",
            ),
            (
                name("networking.k8s.io/v1", "Ingress", None),
                "/apis/networking.k8s.io/v1/namespaces/v/ingresses/x",
                "ingress.v1.networking.k8s.io",
            ),
            (name("v1", "Endpoints", None), "/api/v1/namespaces/v/endpoints/x", "endpoints"),
            (
                name("example.com/v1", "Gateway", None),
                "/apis/example.com/v1/namespaces/v/gateways/x",
                "gateway.v1.example.com",
            ),
        ];
        for (name, path, resource) in table {
            assert_eq!((name.path(Some("v")).as_str(), name.resource().as_str()), (path, resource));
        }
        assert_eq!(name("v1", "Namespace", None).path(None), "/api/v1/namespaces/x");
    }

    #[test]
    fn a_guard_is_uid_and_version_together() {
        let seen = Seen { uid: "u".to_owned(), resource_version: "7".to_owned() };
        let guarded = seen.onto(json!({"metadata": {"name": "x", "resourceVersion": "1"}}));
        assert_eq!(guarded, json!({"metadata": {"name": "x", "uid": "u", "resourceVersion": "7"}}));
        assert_eq!(Seen::of(&guarded), Some(seen.clone()));
        assert_eq!(Seen::of(&seen.onto(json!({"metadata": null}))), Some(seen));
        for document in [
            json!({"metadata": {"resourceVersion": "7"}}),
            json!({"metadata": {"uid": "", "resourceVersion": "7"}}),
            json!(1),
        ] {
            assert_eq!(Seen::of(&document), None);
        }
    }

    #[test]
    fn an_answer_is_told_by_what_it_is_about() {
        let wanted = name("v1", "ConfigMap", None);
        let object = |namespace: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}});
        assert!(wanted.is(&object("v"), "v"));
        assert!(!wanted.is(&object("o"), "v"));
        assert!(name("v1", "ConfigMap", Some("o")).is(&object("o"), "v"));
        assert!(!name("v1", "Secret", None).is(&object("v"), "v"));
    }

    #[test]
    fn objects_come_as_lists_alone_or_one_after_the_other() {
        let kinds = |text: &str| {
            let objects = objects(text)?;
            Some(
                objects
                    .iter()
                    .map(|object| object["kind"].as_str().unwrap_or("?").to_owned())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        for (text, expected) in [
            (r#"{"kind": "List", "items": [{"kind": "A"}, {"kind": "B"}]}"#, Some("A B")),
            (r#"{"kind": "PodList", "items": null}"#, Some("")),
            (r#"{"kind": "AllowList"}"#, Some("AllowList")),
            (r#"{"kind": "A"} {"kind": "B"}"#, Some("A B")),
            (r#"{"kind": "A", "items": 1}"#, Some("A")),
            ("", Some("")),
            (r#"{"kind": "List", "items": [1]}"#, None),
            (r#"{"kind": "List", "items": {}}"#, None),
            (r#"{"items": []}"#, None),
            (r#"{"kind": "A"} {"kind""#, None),
            ("[]", None),
            ("no", None),
        ] {
            assert_eq!(kinds(text).as_deref(), expected, "{text}");
        }
    }
}
