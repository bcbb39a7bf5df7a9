//! A JSON schema for people: what a value may be, in a few words, and a table of the fields of an object.
//!
//! The words of JSON Schema 2020-12 that contracts and our own schemas use; what else a schema says stands in the schema itself.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::page::{escape, prose};

/// How deep a value is described in words, before it is only `object` or `array`.
const DEPTH_MAX: usize = 6;

/// What a value may be, as HTML on one line; a name that has a place on the page leads to it.
pub(super) fn kind(schema: &Value) -> String {
    described(schema, 0)
}

fn described(schema: &Value, depth: usize) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name == "#" {
            return "this".to_owned();
        }
        return format!("<a href=\"#{}\">{}</a>", escape(&anchor(name)), escape(name));
    }
    if let Some(value) = schema.get("const") {
        return code(value);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(code).collect::<Vec<_>>().join(" or ");
    }
    if depth >= DEPTH_MAX {
        return "value".to_owned();
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if let Some(all) = schema.get(word).and_then(Value::as_array) {
            let glue = if word == "allOf" { " with " } else { " or " };
            return all.iter().map(|one| described(one, depth + 1)).collect::<Vec<_>>().join(glue);
        }
    }
    let one = |name: &str| match name {
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", described(items, depth + 1)),
            None => "list".to_owned(),
        },
        "object" => match schema.get("additionalProperties").filter(|rest| rest.is_object()) {
            Some(rest) => format!("object of {}", described(rest, depth + 1)),
            None => "object".to_owned(),
        },
        name => escape(name).into_owned(),
    };
    let kinds: Vec<String> = match schema.get("type") {
        Some(Value::String(name)) => vec![one(name)],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(one).collect(),
        _ => vec!["value".to_owned()],
    };
    kinds.join(" or ") + &bounds(schema)
}

/// The limits of a value, behind its kind.
fn bounds(schema: &Value) -> String {
    let limit = |word: &str| schema.get(word).map(Value::to_string);
    let mut bounds = Vec::new();
    match (limit("minimum"), limit("maximum")) {
        (Some(least), Some(most)) => bounds.push(format!("{least} to {most}")),
        (Some(least), None) => bounds.push(format!("at least {least}")),
        (None, Some(most)) => bounds.push(format!("at most {most}")),
        (None, None) => {}
    }
    bounds.extend(limit("maxLength").map(|most| format!("at most {most} characters")));
    bounds.extend(limit("maxItems").map(|most| format!("at most {most}")));
    bounds.extend(schema.get("format").and_then(Value::as_str).map(str::to_owned));
    if bounds.is_empty() { String::new() } else { format!(" ({})", escape(&bounds.join(", "))) }
}

fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("<code>{}</code>", escape(&text))
}

/// The name by which a link reaches a schema of this name.
pub(super) fn anchor(name: &str) -> String {
    format!("schema-{name}")
}

/// What is said of a value, as HTML on one line, with what it is where it is left out.
pub(super) fn words(schema: &Value) -> String {
    let said = prose(schema.get("description").and_then(Value::as_str).unwrap_or_default());
    match schema.get("default").filter(|value| !value.is_null()) {
        Some(default) => format!("{said} Default: {}.", code(default)).trim().to_owned(),
        None => said,
    }
}

/// Writes the table of the fields of an object; nothing where it has none.
pub(super) fn fields(html: &mut String, schema: &Value) -> fmt::Result {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    writeln!(
        html,
        "<table><thead><tr><th>field</th><th>what it is</th><th></th><th></th></tr></thead><tbody>"
    )?;
    for (name, field) in properties {
        let must =
            if required.contains(&name.as_str()) { "<span class=\"must\">required</span>" } else { "" };
        writeln!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{must}</td><td>{}</td></tr>",
            escape(name),
            kind(field),
            words(field)
        )?;
    }
    writeln!(html, "</tbody></table>")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_said_in_a_few_words() {
        for (schema, words) in [
            (json!({"type": "string", "maxLength": 3}), "string (at most 3 characters)"),
            (json!({"type": ["integer", "null"], "minimum": 0}), "integer or null (at least 0)"),
            (
                json!({"type": "array", "items": {"$ref": "#/$defs/a<b"}}),
                "list of <a href=\"#schema-a&lt;b\">a&lt;b</a>",
            ),
            (
                json!({"anyOf": [{"const": 1}, {"enum": ["x", null]}]}),
                "<code>1</code> or <code>x</code> or <code>null</code>",
            ),
            (json!({"type": "object", "additionalProperties": {"type": "number"}}), "object of number"),
            (json!(true), "value"),
        ] {
            assert_eq!(kind(&schema), words);
        }
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"type": "array", "items": deep});
        }
        assert!(kind(&deep).ends_with("list of value"));
        assert_eq!(
            words(&json!({"description": "A `b` <c>.", "default": 2})),
            "A <code>b</code> &lt;c&gt;. Default: <code>2</code>."
        );
    }
}
