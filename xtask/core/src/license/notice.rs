//! What has to be said of the work of others that is shipped: a NOTICE file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Reading;
use crate::inventory::{Inventory, Scope};

/// The licence texts that a package brings, by its package URL.
pub type Texts = BTreeMap<String, Vec<String>>;

/// Whether a file of that name in a package is a licence, or what has to be said with it.
pub fn is_text(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"].iter().any(|start| name.starts_with(start))
        && ![".PY", ".JS", ".RS", ".JSON"].iter().any(|end| name.ends_with(end))
}

/// The NOTICE of a project: what is shipped of each component, under which licence, and the texts that these packages bring,
/// each text once. The same bytes for the same packages.
pub fn notice(project: &str, inventories: &[Inventory], texts: &Texts) -> String {
    let mut notice = format!("{project} contains software of others, under these licences.\n");
    let mut by_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for inventory in inventories {
        let shipped = inventory
            .packages
            .iter()
            .filter(|one| one.scope == Scope::Production && !one.is_own && !one.is_elsewhere);
        let mut lines = Vec::new();
        for package in shipped {
            let purl = package.purl();
            let license = match &package.licenses {
                None => "not known".to_owned(),
                Some(statements) => match Reading::of(statements).words() {
                    "" => "not stated".to_owned(),
                    words => words.to_owned(),
                },
            };
            lines.push(format!("  {}: {license}\n", package.identity));
            for text in texts.get(&purl).into_iter().flatten() {
                by_text.entry(text.trim()).or_default().push(package.identity.to_string());
            }
        }
        if !lines.is_empty() {
            let _infallible = write!(notice, "\n{}:\n{}", inventory.component, lines.concat());
        }
    }
    let mut texts: Vec<(Vec<String>, &str)> = by_text
        .into_iter()
        .map(|(text, mut packages)| {
            packages.sort();
            packages.dedup();
            (packages, text)
        })
        .collect();
    texts.sort();
    for (packages, text) in texts {
        let rule = "-".repeat(80);
        let _infallible = write!(notice, "\n{rule}\n{}\n\n{text}\n", packages.join(", "));
    }
    notice
}
