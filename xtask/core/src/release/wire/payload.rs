//! The object that keeps a payload. Compressing is the driver's: what goes in and comes out here are bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::{Manager, Request, Verb};
use crate::release::labels;
use crate::release::ledger::PayloadName;

/// The key of the compressed manifests: one object a line, in the order in which they are applied.
const KEY: &str = "manifests.jsonl.gz";

/// Why a payload is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Damaged {
    /// It has no content under its key, or none in base64.
    #[error("the payload `{0}` has nothing under `{KEY}`")]
    Empty(String),
    /// Its name is none of a payload.
    #[error("`{0}` is no name of a payload")]
    Name(String),
    /// Its content is not what its name says.
    #[error("the payload `{0}` does not have the content that its name says")]
    Content(PayloadName),
    /// It holds something else than objects.
    #[error("line {line} of the payload `{name}` is no object")]
    Line {
        /// The payload.
        name: PayloadName,
        /// The line, from 1.
        line: usize,
    },
}

/// What makes the object that keeps a payload, compressed with gzip. It goes by its content and never changes, so that there is
/// one already means that it is kept.
pub fn payload(environment: &str, namespace: &str, name: &PayloadName, compressed: &[u8]) -> Request {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name.as_str(),
            "namespace": namespace,
            "labels": {(labels::PAYLOAD): environment},
        },
        "immutable": true,
        "binaryData": {KEY: STANDARD.encode(compressed)},
    });
    let namespace = namespace.to_owned();
    Request { namespace, manager: Manager::Manifests, verb: Verb::Create, objects: vec![object] }
}

/// The name and the compressed bytes of a payload, as it was read.
///
/// # Errors
///
/// When it has none.
pub fn compressed(object: &Value) -> Result<(PayloadName, Vec<u8>), Damaged> {
    let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let payload = PayloadName::read(name).ok_or_else(|| Damaged::Name(name.to_owned()))?;
    let text = object.get("binaryData").and_then(|data| data.get(KEY)).and_then(Value::as_str);
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    bytes.map(|bytes| (payload, bytes)).ok_or_else(|| Damaged::Empty(name.to_owned()))
}

/// The objects of a payload that was decompressed.
///
/// # Errors
///
/// When these are not the bytes that it names.
pub fn stated(name: &PayloadName, bytes: &[u8]) -> Result<Vec<Value>, Damaged> {
    if !name.names(bytes) {
        return Err(Damaged::Content(name.clone()));
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let object = serde_json::from_slice(line).ok().filter(Value::is_object);
            object.ok_or_else(|| Damaged::Line { name: name.clone(), line: index + 1 })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::ledger::Payload;

    #[test]
    fn what_is_kept_is_what_comes_back() {
        let objects = [json!({"kind": "Service", "metadata": {"name": "a"}}), json!({"kind": "Deployment"})];
        let kept = Payload::new("web", &objects.iter().collect::<Vec<_>>()).unwrap();
        let request = payload("production", "vitalyst", &kept.name, &kept.bytes);
        assert_eq!((request.verb, &request.objects[0]["immutable"]), (Verb::Create, &json!(true)));
        let (name, bytes) = compressed(&request.objects[0]).unwrap();
        assert_eq!((&name, &bytes), (&kept.name, &kept.bytes));
        assert_eq!(stated(&name, &bytes).unwrap(), objects);
    }

    #[test]
    fn damage_is_named() {
        let kept = Payload::new("web", &[&json!({})]).unwrap();
        let name = kept.name.as_str();
        let said = |object: Value| compressed(&object).unwrap_err().to_string();
        let mut words = vec![
            said(json!({"metadata": {"name": "web"}})),
            said(json!({"metadata": {"name": name}})),
            said(json!({"metadata": {"name": name}, "binaryData": {KEY: "%"}})),
            stated(&kept.name, b"{}").unwrap_err().to_string(),
        ];
        let list = Payload::new("web", &[&json!({}), &json!([1])]).unwrap();
        words.push(stated(&list.name, &list.bytes).unwrap_err().to_string());
        expect_test::expect![[r#"
            `web` is no name of a payload
            the payload `web-bcfb1c10db` has nothing under `manifests.jsonl.gz`
            the payload `web-bcfb1c10db` has nothing under `manifests.jsonl.gz`
            the payload `web-bcfb1c10db` does not have the content that its name says
            line 2 of the payload `web-3b19097643` is no object"#]]
        .assert_eq(&words.join("\n"));
    }
}
