//! The contract between services: an OpenAPI document, what a client uses of it, and what a change of it breaks.
//!
//! The document is committed, so that it is reviewed like code, and both sides are compared with it: the provider has to make
//! exactly this document, the client may use only what stands in it. OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0) is JSON Schema
//! with paths around; read is what the standard tools write: `$ref` within the document, `anyOf`, `oneOf`, `allOf`, `enum`,
//! `const`, types as a text or a list.

mod breaking;
mod client;
mod place;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod usage;

use std::path::Path;

use serde_json::Value;

pub use self::breaking::breaking;
pub use self::client::{Client, Request, client};
pub use self::usage::usage;
use crate::finding::{Finding, Location};
use crate::rules::TextFile;

/// The name under which the findings stand.
pub const TOOL: &str = "contract";

/// An OpenAPI document.
#[derive(Clone, Debug)]
pub struct Document<'t> {
    path: &'t Path,
    text: &'t str,
    value: Value,
}

impl<'t> Document<'t> {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// A finding that says what is wrong with it.
    pub fn read(file: TextFile<'t>) -> Result<Self, Box<Finding>> {
        let wrong = |line: usize, message: String| {
            let location = Location::at(file.path, u32::try_from(line.max(1)).ok(), None);
            Box::new(finding("unreadable", location, message, "make it anew"))
        };
        let value: Value = serde_json::from_str(file.text)
            .map_err(|problem| wrong(problem.line(), format!("is no JSON: {problem}")))?;
        if value.get("openapi").is_none_or(|version| !version.is_string())
            || value.get("paths").is_none_or(|paths| !paths.is_object())
        {
            return Err(wrong(1, "is no OpenAPI document: `openapi` or `paths` is missing".to_owned()));
        }
        Ok(Self { path: file.path, text: file.text, value })
    }

    /// Where the value at a JSON pointer stands; where it is missing, what should hold it.
    fn place(&self, pointer: &str) -> Location {
        place::location(self.path, self.text, pointer)
    }

    /// The operations, each with its path, its method in capitals and its JSON pointer.
    fn operations(&self) -> impl Iterator<Item = (&str, String, String, &Value)> {
        const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];
        let paths = self.value.get("paths").and_then(Value::as_object).into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            let operations = operations.filter(|(method, _)| METHODS.contains(&method.as_str()));
            operations.map(move |(method, operation)| {
                let pointer = format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1"));
                (path.as_str(), method.to_uppercase(), pointer, operation)
            })
        })
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.operations().count()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether the committed document is the one that the provider makes. `made` is what its command wrote.
pub fn currency(committed: TextFile<'_>, made: &str, again: &str) -> Vec<Finding> {
    let Ok(wanted) = serde_json::from_str::<Value>(made) else {
        let message = "what the provider makes is no JSON".to_owned();
        return vec![finding("unreadable", Location::file(committed.path), message, again)];
    };
    let Ok(value) = serde_json::from_str::<Value>(committed.text) else {
        let message = "is no JSON".to_owned();
        return vec![finding("unreadable", Location::file(committed.path), message, again)];
    };
    let Some(pointer) = difference(&wanted, &value, String::new(), 0) else { return Vec::new() };
    let location = place::location(committed.path, committed.text, &pointer);
    let message = format!(
        "the provider makes another document than the committed one: they differ at `{}`",
        words(&pointer)
    );
    vec![finding("stale-document", location, message, again)]
}

/// The first place in which two values differ.
fn difference(one: &Value, other: &Value, pointer: String, depth: usize) -> Option<String> {
    if one == other {
        return None;
    }
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if depth < DEPTH_MAX => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (one.get(key), other.get(key)) {
                    (Some(one), Some(other)) => difference(one, other, pointer, depth + 1),
                    _ => Some(pointer),
                }
            })
        }
        (Value::Array(one), Value::Array(other)) if depth < DEPTH_MAX && one.len() == other.len() => {
            let mut pairs = one.iter().zip(other).enumerate();
            pairs.find_map(|(index, (one, other))| {
                difference(one, other, format!("{pointer}/{index}"), depth + 1)
            })
        }
        _ => Some(pointer),
    }
}

/// How deeply schemas are followed: what refers to itself is then the same on both sides.
const DEPTH_MAX: usize = 24;

/// A JSON pointer as people read it: `paths./v1/nodes.get`.
fn words(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    steps.collect::<Vec<_>>().join(".")
}

fn finding(rule: &str, location: Location, message: String, help: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        location: Some(location),
        help: Some(help.to_owned()),
        ..Finding::error(TOOL, message)
    }
}
