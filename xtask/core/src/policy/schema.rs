//! What `kubernetes-validate` says of objects: do they fit the schemas of a version of Kubernetes?
//!
//! The schemas come with the program, so that it needs no network. It says one line of each object, in their order: `INFO` for
//! one that fits, `ERROR` for one that does not, `WARN` for one of a kind that it has no schema for; and `FATAL` where it knows
//! nothing of the version. It ends with 0, 1 or 2, and with 0 where it had a schema for none. What it says is the format of
//! its version 1.37 (`kubernetes_validate/utils.py`).

use serde_json::Value;

use super::Files;
use crate::finding::Finding;
use crate::gate::{Answer, Coverage, GapKind, Look};
use crate::release::manifest;
use crate::text;

/// The program.
pub const TOOL: &str = "kubernetes-validate";

/// What it looks at, in the singular.
const UNIT: &str = "object";

/// How much of what it says of one object is shown, in columns: it repeats the object where no alternative fits.
const MESSAGE_MAX: usize = 300;

/// The look of a program that is not there.
pub fn missing() -> Look {
    Look::blind(
        TOOL,
        UNIT,
        "no manifest was compared with the schemas of Kubernetes: `kubernetes-validate` is not installed",
    )
    .hint("add `kubernetes-validate` to the tools of xtask.toml")
}

/// What it reads on its standard input: the objects as documents of YAML.
pub fn input(objects: &[&Value]) -> String {
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    documents.join("\n---\n")
}

/// What it has looked at and found, when it was given these objects.
pub fn look(answer: &Answer<'_>, objects: &[&Value], files: &Files<'_>) -> Look {
    let lines: Vec<Line<'_>> = answer.stdout.lines().filter_map(Line::read).collect();
    if let Some(Line::Fatal(why)) = lines.first() {
        return Look::blind(TOOL, UNIT, *why)
            .hint("name another version with `kubernetes` in the section of the environment in xtask.toml");
    }
    if !matches!(answer.code, Some(0 | 1)) || lines.len() != objects.len() {
        let said = answer.stderr.lines().chain(answer.stdout.lines()).find(|line| !line.trim().is_empty());
        let said = said.map(|line| format!(": {}", text::truncate(&text::one_line(line), MESSAGE_MAX)));
        let why = format!(
            "it said something of {} of {} and ended with {}{}",
            lines.len(),
            text::count(objects.len(), UNIT),
            answer.ended,
            said.unwrap_or_default()
        );
        return Look::broken(TOOL, UNIT, why);
    }
    let mut examined = 0;
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for (line, object) in lines.iter().zip(objects) {
        match line {
            Line::Fits => examined += 1,
            Line::Error(path, message) => {
                examined += 1;
                findings.push(finding(object, files, path, message));
            }
            Line::Unknown(why) | Line::Fatal(why) => gaps.push(*why),
        }
    }
    gaps.dedup();
    let look = Look::at(TOOL, Coverage::new(examined, UNIT)).found(findings);
    gaps.into_iter().fold(look, |look, why| look.gap(GapKind::CouldNotLook, why, None))
}

/// What it says of one object.
enum Line<'a> {
    Fits,
    /// Where it does not fit, and why.
    Error(&'a str, &'a str),
    /// There is no schema.
    Unknown(&'a str),
    /// There are no schemas of that version at all.
    Fatal(&'a str),
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (level, said) = line.split_once(' ')?;
        let behind_file = || said.strip_prefix("- ");
        match level {
            "INFO" => behind_file().filter(|said| said.starts_with("passed for ")).map(|_| Self::Fits),
            "WARN" => behind_file().map(Self::Unknown),
            "FATAL" => Some(Self::Fatal(said)),
            "ERROR" => {
                let said = behind_file()?.strip_prefix("did not validate for resource ")?;
                let (_, said) = said.split_once(" against version ")?;
                let (_, said) = said.split_once(": ")?;
                let (path, message) = said.split_once(": ")?;
                Some(Self::Error(path, message))
            }
            _ => None,
        }
    }
}

fn finding(object: &Value, files: &Files<'_>, path: &str, message: &str) -> Finding {
    let mut pointer = pointer(object, path);
    // `Additional properties are not allowed ('nmae' was unexpected)`: the property itself is at fault.
    if message.starts_with("Additional properties ")
        && let Some(name) = message.split('\'').nth(1)
    {
        pointer = manifest::join(&pointer, name);
    }
    let message = text::one_line(message).into_owned();
    let mut at = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
    if !at.is_empty() {
        at = format!("`{at}`: ");
    }
    Finding {
        rule: "schema".to_owned(),
        location: files.place(object, &pointer),
        help: Some("write what the version of Kubernetes knows that the manifests are for".to_owned()),
        ..Finding::error(TOOL, format!("{at}{}", text::truncate(&message, MESSAGE_MAX)))
    }
}

/// The JSON pointer of a path whose steps are joined by dots, which keys may hold as well.
fn pointer(object: &Value, path: &str) -> String {
    let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
    let (mut pointer, mut value, mut at) = (String::new(), object, 0);
    while at < steps.len() {
        let longest = (at + 1..=steps.len()).rev().find_map(|end| {
            let key = steps[at..end].join(".");
            let next = match value {
                Value::Array(items) => items.get(key.parse::<usize>().ok()?)?,
                other => other.get(&key)?,
            };
            Some((end, key, next))
        });
        let Some((end, key, next)) = longest else { break };
        pointer = manifest::join(&pointer, &key);
        (value, at) = (next, end);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Outcome;
    use crate::release::manifest::Manifest;

    const ALL: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  replicas: '3'\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: z}\nspec:\n  template:\n    spec:\n      containers:\n      - imagePullPolcy: Always\n---\napiVersion: example.com/v1\nkind: Gateway\nmetadata: {name: x}\n";

    fn manifests(count: usize) -> Vec<Manifest> {
        let mut manifests = manifest::read("m.yml", ALL, None).unwrap();
        manifests.truncate(count);
        manifests
    }

    fn seen(manifests: &[Manifest], code: i32, stdout: &str, stderr: &str) -> Look {
        let ended = format!("exit code {code}");
        let answer = Answer { code: Some(code), ended: &ended, stdout, stderr, report: None };
        let objects: Vec<&Value> = manifests.iter().map(|manifest| &manifest.object).collect();
        look(&answer, &objects, &Files { manifests, overlays: &[] })
    }

    const FINDINGS: &str = include_str!("../../../testdata/gates/kubernetes-validate-findings.txt");

    #[test]
    fn its_four_outcomes_are_told_apart() {
        let clean = include_str!("../../../testdata/gates/kubernetes-validate-clean.txt");
        let look = seen(&manifests(1), 0, clean, "");
        assert_eq!((look.outcome(), look.coverage.examined), (Outcome::Clean, 1));

        let look = seen(&manifests(4), 1, FINDINGS, "");
        assert_eq!((look.outcome(), look.coverage.examined), (Outcome::Findings, 3));
        let line = |finding: &Finding| format!("{} {}", finding.location.as_ref().unwrap(), finding.message);
        assert_eq!(
            look.findings.iter().map(line).collect::<Vec<_>>(),
            [
                "m.yml:9:13 `spec.replicas`: '3' is not of type 'integer', 'null'",
                "m.yml:18:25 `spec.template.spec.containers.0.imagePullPolcy`: Additional properties are not allowed ('imagePullPolcy' was unexpected)",
            ]
        );
        assert_eq!(
            look.gaps[0].why,
            "Couldn't find schema for kind Gateway with api version example.com/v1 for kubernetes version 1.34"
        );

        let fatal = include_str!("../../../testdata/gates/kubernetes-validate-could-not-look.txt");
        let look = seen(&manifests(1), 2, fatal, "");
        assert_eq!(look.outcome(), Outcome::CouldNotLook);
        assert_eq!(missing().outcome(), Outcome::CouldNotLook);

        let broken = include_str!("../../../testdata/gates/kubernetes-validate-tool-error.txt");
        let look = seen(&manifests(1), 1, "", broken);
        assert_eq!(look.outcome(), Outcome::ToolError);
        assert_eq!(
            look.gaps[0].why,
            "it said something of 0 of 1 object and ended with exit code 1: Couldn't parse YAML from file -: while parsing a flow node"
        );
    }

    #[test]
    fn what_is_cut_off_is_no_clean_look() {
        for (at, _) in FINDINGS.char_indices() {
            let look = seen(&manifests(4), 1, &FINDINGS[..at], "");
            let whole = FINDINGS[..at].lines().count() == 4;
            assert!(whole || look.outcome() == Outcome::ToolError, "{at}: {look:?}");
            assert_ne!(look.outcome(), Outcome::Clean, "{at}");
        }
        assert_eq!(seen(&manifests(1), 0, "", "").outcome(), Outcome::ToolError);
        assert_eq!(seen(&manifests(1), 0, "<html>\u{1b}[2J", "").outcome(), Outcome::ToolError);
    }

    #[test]
    fn paths_are_found_whatever_their_keys_hold() {
        let object = serde_json::json!({"metadata": {"labels": {"app.kubernetes.io/name": 1, "app": 2}}, "l": [{"a": 1}]});
        for (path, expected) in [
            ("metadata.labels.app.kubernetes.io/name", "/metadata/labels/app.kubernetes.io~1name"),
            ("metadata.labels.app", "/metadata/labels/app"),
            ("l.0.a", "/l/0/a"),
            ("l.7.a", "/l"),
            ("", ""),
        ] {
            assert_eq!(pointer(&object, path), expected);
        }
    }
}
