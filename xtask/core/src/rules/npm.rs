//! npm's lock file: in step with `package.json`, and every package with the hash that npm checks.
//!
//! `npm ci` refuses a lock file that is out of step, minutes into a build and without a line; a package without `integrity`
//! it installs unchecked. The format is that of `package-lock.json`, versions 2 and 3.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::finding::{Finding, Location};
use crate::rules::{DEPENDENCIES as TOOL, TextFile, error};

/// The groups of dependencies that both files have.
const GROUPS: &[&str] = &["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// Compares `package.json` and `package-lock.json`.
pub fn check(manifest: TextFile<'_>, lock: TextFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (package, locked) = (object(manifest, &mut findings), object(lock, &mut findings));
    let (Some(package), Some(locked)) = (package, locked) else { return findings };
    let version = locked.get("lockfileVersion").and_then(Value::as_u64).unwrap_or_default();
    let packages = locked.get("packages").and_then(Value::as_object);
    let Some(packages) = packages.filter(|_| version >= 2) else {
        let message = format!("the lock file has version {version}, at least 2 is needed");
        let help = "write it anew: `npm install --package-lock-only`";
        return vec![error(
            (TOOL, "lock-version"),
            lock.line_where(|line| is_key(line, "lockfileVersion")),
            message,
            Some(help),
        )];
    };
    let empty = Map::new();
    let root = packages.get("").and_then(Value::as_object).unwrap_or(&empty);
    findings.extend(GROUPS.iter().flat_map(|group| out_of_step(group, &package, root, manifest)));
    findings.extend(without_integrity(packages, lock));
    findings
}

fn object(file: TextFile<'_>, findings: &mut Vec<Finding>) -> Option<Map<String, Value>> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
    serde_json::from_str(text)
        .map_err(|problem| {
            let message = format!("could not be read: {problem}");
            let help = "mend it, or write it anew with npm";
            let place = file.line(problem.line().max(1));
            findings.push(error((TOOL, "unreadable"), place, message, Some(help)));
        })
        .ok()
}

/// Where a group of dependencies differs between the manifest and the lock file's entry for it.
fn out_of_step(
    group: &str,
    package: &Map<String, Value>,
    root: &Map<String, Value>,
    manifest: TextFile<'_>,
) -> Vec<Finding> {
    let empty = Map::new();
    let of = |object: &'_ Map<String, Value>| object.get(group).and_then(Value::as_object).cloned();
    let (wanted, locked) = (of(package).unwrap_or_else(|| empty.clone()), of(root).unwrap_or(empty));
    let names: BTreeSet<&String> = wanted.keys().chain(locked.keys()).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let difference = |name: &String| {
        let message = match (wanted.get(name), locked.get(name)) {
            (Some(wanted), Some(locked)) if wanted == locked => return None,
            (Some(wanted), Some(locked)) => {
                format!("`{name}` is wanted as `{}` and locked for `{}`", text(wanted), text(locked))
            }
            (Some(_), None) => format!("`{name}` of `{group}` is not in the lock file"),
            (None, _) => format!("`{name}` is locked as one of `{group}`, where it is not wanted"),
        };
        let help = "bring the lock file up to date: `npm install --package-lock-only`";
        Some(error((TOOL, "out-of-step"), key_in_group(manifest, group, name), message, Some(help)))
    };
    names.into_iter().filter_map(difference).collect()
}

/// Packages from elsewhere without the hash that is checked when they are installed.
fn without_integrity(packages: &Map<String, Value>, lock: TextFile<'_>) -> Vec<Finding> {
    let is_true = |package: &Value, key: &str| package.get(key).and_then(Value::as_bool) == Some(true);
    let unchecked = |(path, package): &(&String, &Value)| {
        // The project's own folders, links to them, and what comes inside of another package have none.
        path.contains("node_modules/")
            && !is_true(package, "link")
            && !is_true(package, "inBundle")
            && package.get("integrity").and_then(Value::as_str).is_none_or(str::is_empty)
    };
    packages
        .iter()
        .filter(unchecked)
        .map(|(path, _)| {
            let name = path.rsplit_once("node_modules/").map_or(path.as_str(), |(_, name)| name);
            let message = format!("`{name}` has no `integrity`: it would be installed unchecked");
            let location = lock.line_where(|line| is_key(line, path));
            error(
                (TOOL, "unhashed"),
                location,
                message,
                Some("lock it from a registry: `npm install --package-lock-only`"),
            )
        })
        .collect()
}

/// Where `"name":` stands behind `"group":`; the group, or the file, where it does not.
fn key_in_group(file: TextFile<'_>, group: &str, name: &str) -> Location {
    let lines = || file.text.lines().enumerate();
    let Some((start, _)) = lines().find(|(_, line)| is_key(line, group)) else { return file.line(1) };
    let inside =
        lines().skip(start).take_while(|(at, line)| *at == start || !line.trim_start().starts_with('}'));
    let found = inside.into_iter().find(|(_, line)| is_key(line, name));
    file.line(found.map_or(start, |(at, _)| at) + 1)
}

/// Whether a line of JSON, as npm writes it, begins with this key.
fn is_key(line: &str, key: &str) -> bool {
    let behind = line.trim_start().strip_prefix('"').and_then(|line| line.strip_prefix(key));
    behind.is_some_and(|behind| behind.starts_with("\":"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn findings(manifest: &str, lock: &str) -> Vec<String> {
        let file = |path: &'static str, text| TextFile { path: Path::new(path), text };
        let found = check(file("package.json", manifest), file("package-lock.json", lock));
        let render = |finding: Finding| {
            format!("{}: {}: {}", finding.location.unwrap(), finding.rule, finding.message)
        };
        found.into_iter().map(render).collect()
    }

    const MANIFEST: &str = r#"{
  "scripts": { "a": "b" },
  "dependencies": {
    "a": "^1.0.0"
  },
  "devDependencies": {
    "b": "~2.0.0"
  }
}"#;

    const LOCK: &str = r#"{
  "lockfileVersion": 3,
  "packages": {
    "": { "dependencies": { "a": "^1.0.0" }, "devDependencies": { "b": "~2.0.0" } },
    "node_modules/a": { "version": "1.0.0", "integrity": "sha512-x" },
    "node_modules/a/node_modules/@scope/c": { "integrity": "sha512-x" },
    "node_modules/b": { "version": "2.0.0", "integrity": "sha512-x" },
    "node_modules/bundled": { "inBundle": true },
    "node_modules/local": { "link": true },
    "packages/local": {}
  }
}"#;

    #[test]
    fn files_in_step_have_no_findings() {
        assert_eq!(findings(MANIFEST, LOCK), [""; 0]);
        assert_eq!(findings("{}", r#"{ "lockfileVersion": 2, "packages": {} }"#), [""; 0]);
    }

    #[test]
    fn differences_are_found() {
        for (from, to, expected) in [
            (
                r#""a": "^1.0.0""#,
                r#""a": "^1.1.0""#,
                "package.json:4: out-of-step: `a` is wanted as `^1.1.0` and locked for `^1.0.0`",
            ),
            (
                r#""b": "~2.0.0""#,
                "\"b\": \"~2.0.0\",\n    \"new\": \"1\"",
                "package.json:8: out-of-step: `new` of `devDependencies` is not in the lock file",
            ),
            (
                r#""a": "^1.0.0""#,
                "",
                "package.json:3: out-of-step: `a` is locked as one of `dependencies`, where it is not wanted",
            ),
        ] {
            assert_eq!(findings(&MANIFEST.replace(from, to), LOCK), [expected], "{to}");
        }
    }

    #[test]
    fn packages_are_hashed() {
        let lock = LOCK.replacen(r#"{ "integrity": "sha512-x" }"#, "{}", 1);
        assert_eq!(
            findings(MANIFEST, &lock),
            ["package-lock.json:6: unhashed: `@scope/c` has no `integrity`: it would be installed unchecked"]
        );
        let lock = LOCK.replace(r#""version": "2.0.0", "integrity": "sha512-x""#, r#""integrity": """#);
        assert_eq!(findings(MANIFEST, &lock).len(), 1);
    }

    #[test]
    fn what_is_no_lock_file_is_said() {
        let old = LOCK.replace(r#""lockfileVersion": 3"#, r#""lockfileVersion": 1"#);
        let expected = "package-lock.json:2: lock-version: the lock file has version 1, at least 2 is needed";
        assert_eq!(findings(MANIFEST, &old), [expected]);
        for (manifest, lock, count) in
            [("", LOCK, 1), (MANIFEST, "[]", 1), ("{", "{\n\n", 2), ("{}", "{}", 1)]
        {
            assert_eq!(findings(manifest, lock).len(), count, "{manifest} {lock}");
        }
        assert!(
            findings("{}", "{\n\"a\": ]").first().unwrap().starts_with("package-lock.json:2: unreadable: ")
        );
    }
}
