//! Which of several objects an answer is about.
//!
//! kubectl tries each object of a call and writes down what failed, in the order of the objects. Which object failed it
//! mostly says; of the conflict over a field it does not.

use serde_json::Value;

use super::answer::{Answer, Fault};
use super::document::Name;

/// What became of one of several objects.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It was written; as the server has it now.
    Done(Value),
    /// It was not, for this reason.
    Failed(Answer),
    /// It was written, or it was not: these are the words that may be about it.
    Unknown(String),
}

/// What became of each of `documents`, when `done` came back and `failed` was said.
///
/// `namespace` is the one of documents that state no other.
pub fn attribute(documents: &[&Value], done: Vec<Value>, failed: &[Answer], namespace: &str) -> Vec<Fate> {
    let names: Vec<Option<Name>> = documents.iter().map(|document| Name::of(document)).collect();
    let mut fates: Vec<Option<Fate>> = vec![None; documents.len()];
    for object in done {
        let is_it = |at: &usize| {
            fates[*at].is_none() && names[*at].as_ref().is_some_and(|name| name.is(&object, namespace))
        };
        if let Some(at) = (0..names.len()).find(is_it) {
            fates[at] = Some(Fate::Done(object));
        }
    }
    // What ends a call before anything was sent is true for all.
    if let [answer] = failed
        && is_about_the_call(&answer.fault)
    {
        return fates.into_iter().map(|fate| fate.unwrap_or_else(|| Fate::Failed(answer.clone()))).collect();
    }
    let mut rest = Vec::new();
    for answer in failed {
        let is_it = |at: &usize| {
            let is_named = |(kind, name): (&str, &str)| {
                names[*at].as_ref().is_some_and(|is| is.name == name && is_kind(is, kind))
            };
            fates[*at].is_none() && subject(&answer.said).is_some_and(is_named)
        };
        // Two of one name, in two versions of a kind, are not told apart.
        let mut candidates = (0..fates.len()).filter(is_it);
        match (candidates.next(), candidates.next()) {
            (Some(at), None) => fates[at] = Some(Fate::Failed(answer.clone())),
            _ => rest.push(answer),
        }
    }
    // Kinds are looked up before anything is tried, so that their messages come first.
    let in_order = rest.iter().all(|answer| answer.fault != Fault::NoSuchKind);
    let open: Vec<usize> = (0..fates.len()).filter(|&at| fates[at].is_none()).collect();
    if open.len() == rest.len() && (in_order || rest.len() == 1) {
        for (at, answer) in open.into_iter().zip(rest) {
            fates[at] = Some(Fate::Failed(answer.clone()));
        }
    }
    let said: Vec<&str> = failed.iter().map(|answer| answer.said.as_str()).collect();
    let unknown = || Fate::Unknown(said.join("\n"));
    fates.into_iter().map(|fate| fate.unwrap_or_else(unknown)).collect()
}

fn is_about_the_call(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::NoSuchContext
            | Fault::Misconfigured
            | Fault::NoPlugin(_)
            | Fault::Certificate(_)
            | Fault::Local
    )
}

/// The kind or resource, and the name, of which a message speaks: `The Deployment "b" is invalid`,
/// `deployments.apps "b" not found`.
fn subject(message: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = message.split_once("resource mapping not found for name: \"") {
        let (name, rest) = rest.split_once('"')?;
        let (kind, _) = rest.split_once("no matches for kind \"")?.1.split_once('"')?;
        return Some((kind, name));
    }
    let message = message.split_once(" \"STDIN\": ").map_or(message, |(_, rest)| rest);
    let marks = ["\" is invalid", "\" is forbidden", "\" not found", "\" already exists", "\": "];
    let end = marks.iter().filter_map(|mark| message.find(mark)).min()?;
    let (before, name) = message[..end].rsplit_once('"')?;
    let kind = before.trim_end().rsplit(' ').next()?;
    Some((kind, name))
}

/// Whether `word` stands for the kind of an object: `Deployment`, `deployments.apps`.
fn is_kind(object: &Name, word: &str) -> bool {
    let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
    let (resource, of) = word.split_once('.').unwrap_or((word, ""));
    word == object.kind || (of == group && (resource == object.plural() || resource == object.kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::classify;
    use super::*;

    fn document(kind: &str, name: &str) -> Value {
        let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}})
    }

    fn fates(documents: &[(&str, &str)], done: &[(&str, &str)], stderr: &str) -> String {
        let documents: Vec<Value> = documents.iter().map(|(kind, name)| document(kind, name)).collect();
        let documents: Vec<&Value> = documents.iter().collect();
        let done = done.iter().map(|(kind, name)| document(kind, name)).collect();
        let fates = attribute(&documents, done, &classify(stderr), "v");
        let words = fates.iter().map(|fate| match fate {
            Fate::Done(_) => "done".to_owned(),
            Fate::Failed(answer) => {
                format!("{:?}", answer.fault).split(['(', ' ']).next().unwrap_or_default().to_owned()
            }
            Fate::Unknown(_) => "unknown".to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_object_has_the_fate_that_is_known_of_it() {
        let conflict = "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas\n";
        let stale = "Operation cannot be fulfilled on deployments.apps \"b\": the object has been modified\n";
        let invalid = "The Deployment \"b\" is invalid: spec.replicas: Invalid value: -1\n";
        let exists = "Error from server (AlreadyExists): error when creating \"STDIN\": configmaps \"a\" already exists\n";
        let (map, a, b) = (("ConfigMap", "a"), ("Deployment", "a"), ("Deployment", "b"));
        let unknown_kind = "error: resource mapping not found for name: \"x\" namespace: \"\" from \"STDIN\": no matches for kind \"Database\" in version \"v1\"\nensure CRDs are installed first\n";
        let database = ("Database", "x");
        let table: [(&[_], &[_], String, &str); 14] = [
            // As many failures as objects: they are in order. A kind that is not known is said first.
            (&[a, database], &[], format!("{unknown_kind}{conflict}"), "Owned NoSuchKind"),
            (&[a, database, b], &[b], format!("{unknown_kind}{conflict}"), "Owned NoSuchKind done"),
            (&[a, database, map], &[], unknown_kind.to_owned(), "unknown NoSuchKind unknown"),
            (&[a, b], &[], format!("{conflict}{stale}"), "Owned Conflict"),
            (&[map, a, b], &[map], format!("{conflict}{invalid}"), "done Owned Invalid"),
            // Fewer: who is named has failed, and nothing is known of the others.
            (&[map, a, b], &[], stale.to_owned(), "unknown unknown Conflict"),
            (&[map, a, b], &[], conflict.to_owned(), "unknown unknown unknown"),
            (&[map, a, b], &[], format!("{conflict}{invalid}"), "unknown unknown Invalid"),
            (&[map, a, b], &[a, b], exists.to_owned(), "AlreadyExists done done"),
            (&[map, a, b], &[], exists.to_owned(), "AlreadyExists unknown unknown"),
            (&[("ConfigMap", "b"), b], &[], invalid.to_owned(), "unknown Invalid"),
            // Nothing was sent.
            (&[a, b], &[], "error: context \"x\" does not exist".to_owned(), "NoSuchContext NoSuchContext"),
            // It broke off somewhere.
            (&[a, b], &[], "Unable to connect to the server: EOF".to_owned(), "unknown unknown"),
            (&[a, b], &[], String::new(), "unknown unknown"),
        ];
        for (documents, done, stderr, expected) in table {
            assert_eq!(fates(documents, done, &stderr), expected, "{stderr}");
        }
    }
}
