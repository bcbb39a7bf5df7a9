//! A checker for the part of JSON Schema that our schemas use.

use serde_json::Value;

/// What is wrong with a value, by the words of JSON Schema that our schema uses; any other word is a defect of the schema.
pub(crate) fn problems(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().unwrap() {
        let mut wrong = |what: String| found.push(format!("{at}: {what}"));
        match word.as_str() {
            "$schema" | "$id" | "title" | "description" | "$defs" => {}
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
                found.extend(problems(root, target, value, at));
            }
            "const" => {
                if value != rule {
                    wrong(format!("{value} is not {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().unwrap().contains(value) {
                    wrong(format!("{value} is none of {rule}"));
                }
            }
            "type" => {
                let names: Vec<&Value> =
                    rule.as_array().map_or_else(|| vec![rule], |all| all.iter().collect());
                let is = |name: &&Value| match name.as_str().unwrap() {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("type {other}"),
                };
                if !names.iter().any(is) {
                    wrong(format!("{value} is no {rule}"));
                }
            }
            "minimum" => {
                if value.as_i64().is_some_and(|number| number < rule.as_i64().unwrap()) {
                    wrong(format!("{value} is less than {rule}"));
                }
            }
            "pattern" => {
                assert_eq!(rule, "^[0-9a-f]{64}$", "the only pattern there is");
                let text = value.as_str().unwrap_or_default();
                if text.len() != 64
                    || !text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                {
                    wrong(format!("{value} is no digest"));
                }
            }
            "maxItems" => {
                if value.as_array().is_some_and(|all| all.len() as u64 > rule.as_u64().unwrap()) {
                    wrong(format!("more than {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        wrong(format!("lacks {name}"));
                    }
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        found.extend(problems(root, rule, value, &format!("{at}.{name}")));
                    }
                }
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    found.extend(problems(root, rule, value, &format!("{at}.{name}")));
                }
            }
            "items" => {
                for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(problems(root, rule, value, &format!("{at}[{number}]")));
                }
            }
            "oneOf" => {
                let all = rule.as_array().unwrap();
                let fits: Vec<Vec<String>> = all.iter().map(|rule| problems(root, rule, value, at)).collect();
                let count = fits.iter().filter(|problems| problems.is_empty()).count();
                if count != 1 {
                    wrong(format!("{count} of {} fit: {fits:?}", all.len()));
                }
            }
            other => panic!("the schema says `{other}`, which this test does not know"),
        }
    }
    found
}
