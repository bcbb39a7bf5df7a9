//! How much of what is public is documented, by what the tools of each language say of it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::finding::{Finding, Location};
use crate::gate::{Coverage, Look};
use crate::text::count;

/// The tool in whose name what is missing is found.
pub const TOOL: &str = "docstrings";

/// What is counted.
pub const UNIT: &str = "public item";

/// What was counted, and what of it is not documented.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Measure {
    /// How many public items there are.
    pub total: usize,
    /// Those without a word.
    pub missing: Vec<Finding>,
}

impl Measure {
    /// How much is documented, in whole percent, rounded down; all of nothing.
    pub fn percent(&self) -> usize {
        let documented = self.total.saturating_sub(self.missing.len());
        (documented * 100).checked_div(self.total).unwrap_or(100)
    }

    /// What a gate makes of it that asks for so many percent: below that, everything that is missing is found; above it,
    /// nothing is, because everything was looked at and is good enough.
    pub fn look(self, percent_min: u8) -> Look {
        let coverage = Coverage::new(self.total, UNIT);
        if self.total == 0 {
            return Look::broken(TOOL, UNIT, "nothing public was found: it looked in the wrong place");
        }
        let is_enough = self.percent() >= usize::from(percent_min);
        Look::at(TOOL, coverage).found(if is_enough { Vec::new() } else { self.missing })
    }
}

impl fmt::Display for Measure {
    /// `97 % of 214 public items are documented`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % of {} are documented", self.percent(), count(self.total, UNIT))
    }
}

fn missing(
    rule: &str,
    what: &str,
    name: &str,
    path: PathBuf,
    line: Option<u32>,
    column: Option<u32>,
) -> Finding {
    Finding {
        rule: rule.to_owned(),
        location: Some(Location::at(path, line, column)),
        help: Some("say what it means to whoever uses it".to_owned()),
        ..Finding::error(TOOL, format!("the {what} `{name}` is not documented"))
    }
}

/// What is said of an item of Python, a line of JSON each.
#[derive(Deserialize)]
struct Row {
    path: PathBuf,
    line: u32,
    column: u32,
    rule: String,
    name: String,
    documented: bool,
}

/// Of a Python package in the folder `component`. Rules are those of pydocstyle.
///
/// # Errors
///
/// In words, where a line is no item.
pub fn python(rows: &str, component: &Path) -> Result<Measure, String> {
    let mut measure = Measure::default();
    for line in rows.lines() {
        let row: Row =
            serde_json::from_str(line).map_err(|error| format!("it wrote what is no item: {error}"))?;
        measure.total += 1;
        if !row.documented {
            let what = match row.rule.as_str() {
                "D100" => "module",
                "D104" => "package",
                "D102" => "method",
                "D103" => "function",
                _ => "class",
            };
            let path = component.join(&row.path);
            measure.missing.push(missing(&row.rule, what, &row.name, path, Some(row.line), Some(row.column)));
        }
    }
    Ok(measure)
}

/// The kinds of reflections that count, with their numbers in typedoc's JSON (`ReflectionKind`): declarations that a module
/// exports, and methods. What an interface or an object has is often said by its name and its type.
const KINDS: [(u64, &str); 7] = [
    (8, "enumeration"),
    (32, "variable"),
    (64, "function"),
    (128, "class"),
    (256, "interface"),
    (2048, "method"),
    (2_097_152, "type"),
];

/// Of the scripts of a Node component in the folder `component`, by the JSON that typedoc writes.
///
/// # Errors
///
/// In words, where that is none.
pub fn typedoc(text: &str, component: &Path) -> Result<Measure, String> {
    let root: Value = serde_json::from_str(text).map_err(|error| format!("it wrote no JSON: {error}"))?;
    let mut measure = Measure::default();
    let mut waiting = vec![(&root, String::new())];
    while let Some((reflection, around)) = waiting.pop() {
        let name = reflection.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
        let number = reflection.get("kind").and_then(Value::as_u64).unwrap_or_default();
        // What a class has of another package is documented there.
        let is_inherited = reflection.get("inheritedFrom").is_some();
        if let Some((_, what)) = KINDS.iter().find(|(kind, _)| *kind == number && !is_inherited) {
            measure.total += 1;
            if !has_words(reflection) {
                let source = reflection
                    .pointer("/sources/0")
                    .or_else(|| reflection.pointer("/signatures/0/sources/0"));
                let number =
                    |key: &str| source?.get(key)?.as_u64().and_then(|number| u32::try_from(number).ok());
                let file = source.and_then(|source| source.get("fileName")?.as_str()).unwrap_or_default();
                let path = located(component, file);
                // Columns are counted from 0 there.
                let column = number("character").map(|column| column + 1);
                measure.missing.push(missing("notDocumented", what, &name, path, number("line"), column));
            }
        }
        // Modules and classes hold more; the project's own name says nothing.
        let children = reflection.get("children").and_then(Value::as_array).into_iter().flatten();
        let inside = if number == 1 || number == 2 { String::new() } else { name };
        if matches!(number, 1 | 2 | 128 | 256) {
            waiting.extend(children.map(|child| (child, inside.clone())));
        }
    }
    measure.missing.sort_by(|one, other| one.location.cmp(&other.location));
    Ok(measure)
}

/// The file of a reflection in the repository: typedoc says it from the component or from above.
fn located(component: &Path, file: &str) -> PathBuf {
    if Path::new(file).starts_with(component) { file.into() } else { component.join(file) }
}

/// Whether a reflection, or what it can be called with, has a comment with words.
fn has_words(reflection: &Value) -> bool {
    let said = |value: &Value| {
        let summary = value.pointer("/comment/summary").and_then(Value::as_array);
        summary.is_some_and(|parts| !parts.is_empty())
    };
    let signatures = reflection.get("signatures").and_then(Value::as_array);
    said(reflection)
        || reflection.pointer("/type/declaration").is_some_and(said)
        || signatures.is_some_and(|all| !all.is_empty() && all.iter().all(said))
}

/// Of a crate that rustc has found nothing missing in, by the page on which rustdoc lists all items.
///
/// # Errors
///
/// In words, where that page lists nothing.
pub fn rustdoc(all: &str) -> Result<Measure, String> {
    // Beside the items it lists its own parts, by links to itself.
    let total = all.matches("<li><a href=\"").count() - all.matches("<li><a href=\"#").count();
    if total == 0 {
        return Err("rustdoc's list of all items has none".to_owned());
    }
    Ok(Measure { total, missing: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Outcome;

    const ROWS: &str = r#"{"path": "src/a.py", "line": 1, "column": 1, "rule": "D100", "name": "src.a", "documented": true}
{"path": "src/a.py", "line": 7, "column": 5, "rule": "D102", "name": "src.a.A.b", "documented": false}
{"path": "src/a.py", "line": 9, "column": 1, "rule": "D103", "name": "src.a.c", "documented": true}
"#;

    #[test]
    fn below_what_is_asked_for_everything_that_is_missing_is_found() {
        let measure = python(ROWS, Path::new("backend")).unwrap();
        assert_eq!(measure.to_string(), "66 % of 3 public items are documented");
        assert_eq!(measure.clone().look(66).outcome(), Outcome::Clean);
        let look = measure.look(67);
        assert_eq!(look.outcome(), Outcome::Findings);
        let found = &look.findings[0];
        assert_eq!(found.location.as_ref().unwrap().to_string(), "backend/src/a.py:7:5");
        assert_eq!(
            (found.rule.as_str(), found.message.as_str()),
            ("D102", "the method `src.a.A.b` is not documented")
        );
    }

    #[test]
    fn to_have_looked_at_nothing_is_not_good_enough() {
        assert_eq!(python("", Path::new("b")).unwrap().look(1).outcome(), Outcome::ToolError);
        assert!(python("Traceback", Path::new("b")).is_err());
        assert!(typedoc("{", Path::new("f")).is_err());
        assert!(rustdoc("<html>").is_err());
        assert_eq!(
            rustdoc("<li><a href=\"#structs\">a</a></li><li><a href=\"struct.B.html\">B</a></li>")
                .unwrap()
                .look(100)
                .outcome(),
            Outcome::Clean
        );
    }

    #[test]
    fn what_typedoc_has_seen_is_counted_by_what_is_exported() {
        let text = r#"{"name": "project", "kind": 1, "children": [{"name": "src/a", "kind": 2, "children": [
            {"name": "f", "kind": 64, "signatures": [{"comment": {"summary": [{"kind": "text", "text": "Does."}]}}]},
            {"name": "g", "kind": 64, "signatures": [{}], "sources": [{"fileName": "src/a.ts", "line": 3, "character": 16}]},
            {"name": "T", "kind": 2097152, "comment": {"summary": []}, "sources": [{"fileName": "web/src/a.ts", "line": 1, "character": 0}]},
            {"name": "I", "kind": 256, "comment": {"summary": [{}]}, "children": [{"name": "p", "kind": 1024}, {"name": "o", "kind": 2048, "inheritedFrom": {}}, {"name": "m", "kind": 2048, "signatures": [{"comment": {"summary": [{}]}}]}]}
        ]}]}"#;
        let measure = typedoc(text, Path::new("web")).unwrap();
        assert_eq!(measure.total, 5);
        let said: Vec<String> = measure
            .missing
            .iter()
            .map(|found| format!("{} {}", found.location.as_ref().unwrap(), found.message))
            .collect();
        assert_eq!(
            said,
            [
                "web/src/a.ts:1:1 the type `T` is not documented",
                "web/src/a.ts:3:17 the function `g` is not documented",
            ]
        );
    }
}
