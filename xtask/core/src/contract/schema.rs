//! Schemas of an OpenAPI document: references resolved, alternatives laid side by side.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a value may be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    Text,
    Number,
    Boolean,
    Null,
    List,
    Object,
    /// Anything.
    Any,
}

impl Kind {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Any => "anything",
        }
    }
}

/// The alternatives of a schema, each without references.
pub(super) fn alternatives<'v>(root: &'v Value, schema: &'v Value) -> Vec<&'v Value> {
    let mut found = Vec::new();
    collect(root, schema, &mut found, 0);
    found
}

fn collect<'v>(root: &'v Value, schema: &'v Value, found: &mut Vec<&'v Value>, depth: usize) {
    if depth > super::DEPTH_MAX {
        return;
    }
    let schema = resolve(root, schema);
    let lists = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    let mut is_leaf = true;
    for list in lists {
        is_leaf = false;
        for schema in list {
            collect(root, schema, found, depth + 1);
        }
    }
    if is_leaf {
        found.push(schema);
    }
}

/// What a reference refers to; a schema that is none is itself.
pub(super) fn resolve<'v>(root: &'v Value, schema: &'v Value) -> &'v Value {
    let mut schema = schema;
    for _ in 0..super::DEPTH_MAX {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// The kinds of values that an alternative allows for.
pub(super) fn kinds(schema: &Value) -> BTreeSet<Kind> {
    let of = |name: &str| match name {
        "string" => Some(Kind::Text),
        "number" | "integer" => Some(Kind::Number),
        "boolean" => Some(Kind::Boolean),
        "null" => Some(Kind::Null),
        "array" => Some(Kind::List),
        "object" => Some(Kind::Object),
        _ => None,
    };
    let mut kinds: BTreeSet<Kind> = match schema.get("type") {
        Some(Value::String(name)) => of(name).into_iter().collect(),
        Some(Value::Array(names)) => names.iter().filter_map(|name| of(name.as_str()?)).collect(),
        _ if schema.get("properties").is_some() => BTreeSet::from([Kind::Object]),
        _ => values(schema)
            .map(|values| values.iter().map(|value| of_value(value)).collect())
            .unwrap_or_default(),
    };
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        kinds.insert(Kind::Null);
    }
    if kinds.is_empty() {
        kinds.insert(Kind::Any);
    }
    kinds
}

fn of_value(value: &Value) -> Kind {
    match value {
        Value::String(_) => Kind::Text,
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => Kind::Boolean,
        Value::Null => Kind::Null,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Object,
    }
}

/// The kinds of values that a schema allows for, over all of its alternatives.
pub(super) fn all_kinds(root: &Value, schema: &Value) -> BTreeSet<Kind> {
    alternatives(root, schema).into_iter().flat_map(kinds).collect()
}

/// The values that an alternative lists: `enum`, or the one of `const`; `None` where it lists none.
pub(super) fn values(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("enum").and_then(Value::as_array), schema.get("const")) {
        (Some(values), _) => Some(values.iter().collect()),
        (None, Some(value)) => Some(vec![value]),
        (None, None) => None,
    }
}

/// The texts that a schema lists over all of its alternatives; `None` where one of them allows for any.
pub(super) fn texts(root: &Value, schema: &Value) -> Option<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for alternative in alternatives(root, schema) {
        match values(alternative) {
            Some(values) => texts.extend(values.iter().filter_map(|value| value.as_str()).map(str::to_owned)),
            None if kinds(alternative).contains(&Kind::Text) => return None,
            None => {}
        }
    }
    Some(texts)
}

/// The schema of a property, and whether it is always there.
pub(super) fn property<'v>(root: &'v Value, schema: &'v Value, name: &str) -> Option<(&'v Value, bool)> {
    alternatives(root, schema).into_iter().find_map(|alternative| {
        let property = alternative.get("properties")?.get(name)?;
        let required = alternative.get("required").and_then(Value::as_array).into_iter().flatten();
        let is_required = required.into_iter().any(|required| required.as_str() == Some(name));
        Some((property, is_required))
    })
}

/// The names of all properties.
pub(super) fn properties<'v>(root: &'v Value, schema: &'v Value) -> BTreeSet<&'v str> {
    let alternatives = alternatives(root, schema).into_iter();
    let objects = alternatives.filter_map(|alternative| alternative.get("properties")?.as_object());
    objects.flat_map(|properties| properties.keys().map(String::as_str)).collect()
}

/// The names of the properties that have to be there; none where several alternatives each have their own.
pub(super) fn required<'v>(root: &'v Value, schema: &'v Value) -> Vec<&'v str> {
    let alternatives = alternatives(root, schema).into_iter();
    let objects: Vec<&Value> = alternatives.filter(|one| one.get("properties").is_some()).collect();
    let [only] = objects.as_slice() else { return Vec::new() };
    let required = only.get("required").and_then(Value::as_array).into_iter().flatten();
    required.filter_map(Value::as_str).collect()
}

/// The schema of the items of a list.
pub(super) fn items<'v>(root: &'v Value, schema: &'v Value) -> Option<&'v Value> {
    alternatives(root, schema).into_iter().find_map(|alternative| alternative.get("items"))
}

/// The schema of the JSON of an answer that says that all went well, with its status.
pub(super) fn answers(operation: &Value) -> Vec<(&str, &Value)> {
    let responses = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    let good = responses.filter(|(status, _)| status.starts_with('2'));
    good.filter_map(|(status, response)| {
        Some((status.as_str(), response.pointer("/content/application~1json/schema")?))
    })
    .collect()
}
