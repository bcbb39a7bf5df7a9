//! `[licenses]`.

use std::collections::BTreeSet;

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
        let states = table.required("states", |value| Some(value.text("what the package says")?.to_owned()));
        let reason = table.required("reason", text);
        Some(Exception {
            packages: packages?.into_iter().collect(),
            states: states?,
            reason: reason?,
            place: Some(place),
        })
    })
}

/// A package of any version: `pypi:requests`.
pub(super) fn package(value: &Value<'_, '_>) -> Option<String> {
    parsed("a package such as \"pypi:requests\"", |text| match text.split_once(':') {
        Some(("pypi" | "npm" | "cargo", name)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("expected `pypi:`, `npm:` or `cargo:` and a name".to_owned()),
    })(value)
}
