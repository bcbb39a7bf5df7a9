//! `[licenses]` and `[dependencies]`: what packages may be, and what was decided about single ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::DependencySettings;
use crate::config::decode::{Table, Value};
use crate::config::sections::gates::LEVELS;
use crate::config::values::{each, list, parsed, text, word};
use crate::core::finding::weakness::Level;
use crate::core::license::{self, Exception, Images, Policy};

/// The lists that say what becomes of a licence; none may be in two of them.
const LISTS: [&str; 4] = ["allow", "allow-development", "ask", "deny"];

/// The same of images.
const LISTS_OF_IMAGES: [&str; 3] = ["allow", "ask", "deny"];

/// Whose packages may have an exception: those of components, and those of images.
const ECOSYSTEMS: &[&str] = &["pypi", "npm", "cargo"];
const ECOSYSTEMS_OF_IMAGES: &[&str] = &["deb", "apk", "pypi", "npm"];

/// `[licenses]`, and `[licenses.images]` where it is there.
pub(super) fn licenses(table: &mut Table<'_, '_>) -> (Policy, Option<Images>) {
    let [allow, allow_development, ask, deny] = lists(table, LISTS);
    let exceptions = table.optional("exceptions", each(exception(ECOSYSTEMS))).unwrap_or_default();
    let images = table.optional("images", |value| value.table(|table| Some(images(table))));
    (Policy { section: "licenses", allow, allow_development, ask, deny, exceptions }, images)
}

/// `[licenses.images]`: nothing in an image is there for development.
fn images(table: &mut Table<'_, '_>) -> Images {
    let [allow, ask, deny] = lists(table, LISTS_OF_IMAGES);
    let exceptions = table.optional("exceptions", each(exception(ECOSYSTEMS_OF_IMAGES))).unwrap_or_default();
    let unknown = table.optional("unknown", word(LEVELS)).unwrap_or(Level::High);
    let policy = Policy { section: "licenses.images", allow, ask, deny, exceptions, ..Policy::default() };
    Images { policy, unknown }
}

/// Lists of licences, none of which may be in two of them.
fn lists<const COUNT: usize>(
    table: &mut Table<'_, '_>,
    keys: [&'static str; COUNT],
) -> [BTreeSet<String>; COUNT] {
    let mut seen: Vec<(String, &str)> = Vec::new();
    keys.map(|key| {
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
    })
}

/// A table of `exceptions`, for packages of these ecosystems.
fn exception<'d, 'i: 'd>(
    ecosystems: &'static [&'static str],
) -> impl FnMut(&Value<'d, 'i>) -> Option<Exception> {
    move |value| {
        let place = value.place();
        value.table(|table| {
            let packages = table.required("packages", list(|value| package(value, ecosystems)));
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
}

pub(super) fn dependencies(table: &mut Table<'_, '_>) -> DependencySettings {
    let used = table.optional("used", |value| {
        let mut used = BTreeMap::new();
        for (key, value) in value.entries()? {
            if let Err(label) = is_package(key.text, ECOSYSTEMS) {
                key.wrong("is no package", &label);
            }
            used.extend(text(&value).map(|reason| (key.text.to_owned(), reason)));
        }
        Some(used)
    });
    DependencySettings { used: used.unwrap_or_default() }
}

/// A package of any version: `pypi:requests`.
fn package(value: &Value<'_, '_>, ecosystems: &[&str]) -> Option<String> {
    let read = |text: &str| is_package(text, ecosystems).map(|()| text.to_owned());
    parsed("a package such as \"pypi:requests\"", read)(value)
}

fn is_package(text: &str, ecosystems: &[&str]) -> Result<(), String> {
    match text.split_once(':') {
        Some((ecosystem, name))
            if ecosystems.contains(&ecosystem) && !name.is_empty() && !name.contains(char::is_whitespace) =>
        {
            Ok(())
        }
        _ => {
            let known: Vec<String> = ecosystems.iter().map(|ecosystem| format!("`{ecosystem}:`")).collect();
            let (last, others) =
                known.split_last().map_or(("", String::new()), |(last, others)| (last, others.join(", ")));
            Err(format!("expected {others} or {last} and a name"))
        }
    }
}
