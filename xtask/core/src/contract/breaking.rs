//! What a change of the contract breaks for clients that were right before it.
//!
//! A client that is released sends what it has always sent and reads what it has always read. So nothing may be taken away,
//! nothing may be asked for that was not, what is asked may only become wider and what is answered only narrower.

use std::collections::BTreeSet;

use serde_json::Value;

use super::schema;
use super::{DEPTH_MAX, Document, finding};
use crate::finding::Finding;

const HELP: &str =
    "clients that are released still do as before: keep the old one beside the new, until none is left";

/// What breaks where `new` takes the place of `old`, at its place in `new`.
pub fn breaking(old: &Document<'_>, new: &Document<'_>) -> Vec<Finding> {
    let mut change = Change { old, new, findings: Vec::new() };
    for (path, method, pointer, operation) in old.operations() {
        let name = format!("{method} {path}");
        match new.value.pointer(&pointer) {
            None => change.found("removed-operation", &pointer, format!("`{name}` is gone")),
            Some(now) => {
                change.parameters(&name, &pointer, operation, now);
                change.bodies(&name, &pointer, operation, now);
                change.responses(&name, &pointer, operation, now);
            }
        }
    }
    change
        .findings
        .sort_by(|one, other| (&one.location, &one.message).cmp(&(&other.location, &other.message)));
    change.findings.dedup();
    change.findings
}

struct Change<'a, 'd> {
    old: &'a Document<'d>,
    new: &'a Document<'d>,
    findings: Vec<Finding>,
}

/// Limits of which a smaller value refuses more, and those of which a larger one does.
const UPPER: &[&str] = &["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
const LOWER: &[&str] = &["minimum", "exclusiveMinimum", "minLength", "minItems"];

impl Change<'_, '_> {
    fn found(&mut self, rule: &str, pointer: &str, message: String) {
        self.findings.push(finding(rule, self.new.place(pointer), message, HELP));
    }

    fn parameters(&mut self, name: &str, pointer: &str, before: &Value, now: &Value) {
        type Named<'v> = (String, String, usize, &'v Value);
        fn named<'v>(root: &'v Value, operation: &'v Value) -> Vec<Named<'v>> {
            let list =
                operation.get("parameters").and_then(Value::as_array).into_iter().flatten().enumerate();
            list.filter_map(|(index, parameter)| {
                let parameter = schema::resolve(root, parameter);
                let text = |key: &str| parameter.get(key)?.as_str().map(str::to_owned);
                Some((text("name")?, text("in")?, index, parameter))
            })
            .collect()
        }
        let (old, new) = (self.old, self.new);
        let (before, now) = (named(&old.value, before), named(&new.value, now));
        let is_required = |parameter: &Value| parameter.get("required") == Some(&Value::Bool(true));
        for (parameter, kind, ..) in &before {
            // The path says itself how many it has, whatever they are called.
            let is_gone = !now.iter().any(|(other, of, ..)| (other, of) == (parameter, kind));
            if is_gone && kind != "path" {
                let at = format!("{pointer}/parameters");
                self.found(
                    "removed-parameter",
                    &at,
                    format!("`{name}` has no parameter `{parameter}` any more"),
                );
            }
        }
        for (parameter, kind, index, value) in &now {
            let at = format!("{pointer}/parameters/{index}/name");
            let was = before.iter().find(|(other, of, ..)| (other, of) == (parameter, kind));
            match was {
                None if is_required(value) && kind != "path" => {
                    self.found(
                        "required-parameter",
                        &at,
                        format!("`{name}` needs a new parameter `{parameter}`"),
                    );
                }
                None => {}
                Some((.., was)) => {
                    if is_required(value) && !is_required(was) {
                        let message =
                            format!("`{name}` needs the parameter `{parameter}`, which could be left out");
                        self.found("required-parameter", &at, message);
                    }
                    if let (Some(was), Some(is)) = (was.get("schema"), value.get("schema")) {
                        let what = format!("the parameter `{parameter}` of `{name}`");
                        let at = format!("{pointer}/parameters/{index}/schema");
                        self.narrower(was, is, &what, &at, 0);
                    }
                }
            }
        }
    }

    fn bodies(&mut self, name: &str, pointer: &str, before: &Value, now: &Value) {
        let Some(is) = now.get("requestBody") else { return };
        let at = format!("{pointer}/requestBody");
        let is_required = |body: &Value| body.get("required") == Some(&Value::Bool(true));
        let was = before.get("requestBody");
        if is_required(is) && !was.is_some_and(is_required) {
            self.found("required-body", &at, format!("`{name}` needs a body"));
        }
        let types = was.and_then(|was| was.get("content")?.as_object()).into_iter().flatten();
        for (media, was) in types {
            match is.get("content").and_then(|content| content.get(media)) {
                None => self.found(
                    "removed-type",
                    &format!("{at}/content"),
                    format!("`{name}` takes no `{media}` any more"),
                ),
                Some(is) => {
                    if let (Some(was), Some(is)) = (was.get("schema"), is.get("schema")) {
                        let at =
                            format!("{at}/content/{}/schema", media.replace('~', "~0").replace('/', "~1"));
                        self.narrower(was, is, &format!("the body of `{name}`"), &at, 0);
                    }
                }
            }
        }
    }

    fn responses(&mut self, name: &str, pointer: &str, before: &Value, now: &Value) {
        for (status, was) in schema::answers(before) {
            let at = format!("{pointer}/responses/{status}");
            match schema::answers(now).into_iter().find(|(other, _)| *other == status) {
                None => self.found(
                    "removed-response",
                    &at,
                    format!("`{name}` has no JSON with status {status} any more"),
                ),
                Some((_, is)) => {
                    let at = format!("{at}/content/application~1json/schema");
                    self.wider(was, is, &format!("the answer of `{name}`"), &at, 0);
                }
            }
        }
    }

    /// Where less may be asked than before.
    fn narrower(&mut self, was: &Value, is: &Value, what: &str, at: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let (old, new) = (&self.old.value, &self.new.value);
        let (kinds_before, kinds_now) = (schema::all_kinds(old, was), schema::all_kinds(new, is));
        let lost: Vec<&str> = kinds_before.difference(&kinds_now).map(|kind| kind.words()).collect();
        if !lost.is_empty() && !kinds_now.contains(&schema::Kind::Any) {
            self.found("narrowed-type", at, format!("{what} must not be {} any more", lost.join(" or ")));
            return;
        }
        if let Some(now) = schema::texts(new, is) {
            match schema::texts(old, was) {
                Some(before) => {
                    let lost: Vec<String> = before.difference(&now).cloned().collect();
                    if !lost.is_empty() {
                        self.found(
                            "narrowed-type",
                            at,
                            format!("{what} must not be `{}` any more", lost.join("`, `")),
                        );
                    }
                }
                None => self.found("narrowed-type", at, format!("{what} must be one of a list now")),
            }
        }
        for (limits, is_stricter) in [(UPPER, f64::lt as fn(&f64, &f64) -> bool), (LOWER, f64::gt)] {
            for limit in limits {
                let of = |root, schema| {
                    schema::alternatives(root, schema)
                        .into_iter()
                        .find_map(|schema| schema.get(*limit)?.as_f64())
                };
                let (before, now) = (of(old, was), of(new, is));
                if now.is_some_and(|now| before.is_none_or(|before| is_stricter(&now, &before))) {
                    let now = now.unwrap_or_default();
                    let message = match before {
                        Some(before) => format!("{what} has the `{limit}` {now}, which was {before}"),
                        None => format!("{what} has the `{limit}` {now}, where there was none"),
                    };
                    self.found("narrowed-type", at, message);
                }
            }
        }
        for name in schema::properties(new, is) {
            let (Some((now, is_required)), before) =
                (schema::property(new, is, name), schema::property(old, was, name))
            else {
                continue;
            };
            match before {
                Some((before, was_required)) => {
                    if is_required && !was_required {
                        self.found(
                            "required-field",
                            at,
                            format!("{what} needs the field `{name}`, which could be left out"),
                        );
                    }
                    self.narrower(before, now, &format!("the field `{name}` of {what}"), at, depth + 1);
                }
                None if is_required => {
                    self.found("required-field", at, format!("{what} needs a new field `{name}`"));
                }
                None => {}
            }
        }
        if let (Some(before), Some(now)) = (schema::items(old, was), schema::items(new, is)) {
            self.narrower(before, now, &format!("an item of {what}"), at, depth + 1);
        }
    }

    /// Where something may be answered that was not before.
    fn wider(&mut self, was: &Value, is: &Value, what: &str, at: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        // Changes of what is referred to stand where that is.
        let at = is.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')).unwrap_or(at);
        let (old, new) = (&self.old.value, &self.new.value);
        let (before, now) = (schema::all_kinds(old, was), schema::all_kinds(new, is));
        let gained: Vec<&str> = now.difference(&before).map(|kind| kind.words()).collect();
        if !gained.is_empty() && !before.contains(&schema::Kind::Any) {
            self.found("changed-type", at, format!("{what} may be {} now", gained.join(" or ")));
            return;
        }
        if let Some(before) = schema::texts(old, was) {
            let gained: BTreeSet<String> = match schema::texts(new, is) {
                Some(now) => now.difference(&before).cloned().collect(),
                None => BTreeSet::from(["any text".to_owned()]),
            };
            if !gained.is_empty() {
                let gained: Vec<String> = gained.into_iter().collect();
                self.found("changed-type", at, format!("{what} may be `{}` now", gained.join("`, `")));
            }
        }
        for name in schema::properties(old, was) {
            let Some((before, was_required)) = schema::property(old, was, name) else { continue };
            match schema::property(new, is, name) {
                None => self.found(
                    "removed-field",
                    &format!("{at}/properties"),
                    format!("{what} has no field `{name}` any more"),
                ),
                Some((now, is_required)) => {
                    let at = format!("{at}/properties/{name}");
                    if was_required && !is_required {
                        self.found(
                            "optional-field",
                            &at,
                            format!("the field `{name}` of {what} may be missing now"),
                        );
                    }
                    self.wider(before, now, &format!("the field `{name}` of {what}"), &at, depth + 1);
                }
            }
        }
        if let (Some(before), Some(now)) = (schema::items(old, was), schema::items(new, is)) {
            self.wider(before, now, &format!("an item of {what}"), &format!("{at}/items"), depth + 1);
        }
    }
}
