//! `[licenses]` and `[dependencies]`: what packages may be, and what was decided about single ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::DependencySettings;
use crate::config::decode::{Table, Value};
use crate::config::values::{each, list, parsed, text};
use crate::core::license::{self, Exception, Policy};

/// The lists that say what becomes of a licence; none may be in two of them.
const LISTS: [&str; 4] = ["allow", "allow-development", "ask", "deny"];

pub(super) fn licenses(table: &mut Table<'_, '_>) -> Policy {
    let mut seen: Vec<(String, &str)> = Vec::new();
    let [allow, allow_development, ask, deny] = LISTS.map(|key| {
        let licenses = table.optional(key, |value| {
            let read = |value: &Value<'_, '_>| {
                let name = parsed("a licence of the SPDX list such as \"MIT\"", license::single)(value)?;
                match seen.iter().find(|(other, list)| *other == name && *list != key) {
                    Some((_, list)) => value.wrong(&format!("is in `{list}` already"), ""),
                    None => Some(name),
                }
            };
            list(read)(value)
        });
        let licenses: BTreeSet<String> = licenses.unwrap_or_default().into_iter().collect();
        seen.extend(licenses.iter().map(|name| (name.clone(), key)));
        licenses
    });
    let exceptions = table.optional("exceptions", each(exception)).unwrap_or_default();
    Policy { allow, allow_development, ask, deny, exceptions }
}

fn exception(value: &Value<'_, '_>) -> Option<Exception> {
    let place = value.place();
    value.table(|table| {
        let packages = table.required("packages", list(package));
        // Empty for a package that says nothing.
        let states = table.required("states", |value| match value.as_text() {
            Some("") => Some(String::new()),
            _ => text(value),
        });
        let reason = table.required("reason", text);
        Some(Exception {
            packages: packages?.into_iter().collect(),
            states: states?,
            reason: reason?,
            place: Some(place),
        })
    })
}

pub(super) fn dependencies(table: &mut Table<'_, '_>) -> DependencySettings {
    let used = table.optional("used", |value| {
        let mut used = BTreeMap::new();
        for (key, value) in value.entries()? {
            if let Err(label) = is_package(key.text) {
                key.wrong("is no package", &label);
            }
            used.extend(text(&value).map(|reason| (key.text.to_owned(), reason)));
        }
        Some(used)
    });
    DependencySettings { used: used.unwrap_or_default() }
}

/// A package of any version: `pypi:requests`.
fn package(value: &Value<'_, '_>) -> Option<String> {
    parsed("a package such as \"pypi:requests\"", |text| is_package(text).map(|()| text.to_owned()))(value)
}

fn is_package(text: &str) -> Result<(), String> {
    match text.split_once(':') {
        Some(("pypi" | "npm" | "cargo", name)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok(())
        }
        _ => Err("expected `pypi:`, `npm:` or `cargo:` and a name".to_owned()),
    }
}
