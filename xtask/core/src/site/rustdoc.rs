//! Crates that are documented each for itself, and lead to each other.
//!
//! rustdoc writes links to a neighbour as if both were in one folder. In the site each component has a folder of its own, with
//! an index of its own to search in; so what leads to a neighbour is led into its folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata};

use super::built::Anatomy;
use super::links::{Target, target};

/// A crate in the site: the folder of its component, and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Neighbour {
    /// The folder, beside that of the page: `core`.
    pub folder: String,
    /// The name of the crate as code has it: `xtask_core`.
    pub library: String,
}

/// The start of a link that rustdoc writes.
const LINK: &str = "href=\"";

/// The page with its links to neighbours, and to the text of their files, led into their folders.
pub fn joined<'p>(html: &'p str, neighbours: &[Neighbour]) -> Cow<'p, str> {
    let mut joined = String::new();
    let mut copied = 0;
    for (found, _) in html.match_indices(LINK) {
        let start = found + LINK.len();
        let rest = &html[start..];
        // All links to a neighbour leave the folder of the crate.
        let way = rest.len() - rest.trim_start_matches("../").len();
        let behind = &rest[way..];
        let inside = behind.strip_prefix("src/").unwrap_or(behind);
        let leads_to = |neighbour: &&Neighbour| {
            inside.strip_prefix(neighbour.library.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let Some(neighbour) = neighbours.iter().find(leads_to).filter(|_| way > 0) else { continue };
        joined.push_str(&html[copied..start + way]);
        joined.extend(["../", &neighbour.folder, "/"]);
        copied = start + way;
    }
    if copied == 0 {
        return Cow::Borrowed(html);
    }
    joined.push_str(&html[copied..]);
    Cow::Owned(joined)
}

/// The packages of the workspace that a package depends on, each behind those that it needs itself.
pub fn needs<'m>(metadata: &'m Metadata, package: &str) -> Vec<&'m str> {
    let mut found = Vec::new();
    collect(metadata, package, &[package], &mut found);
    found
}

fn collect<'m>(metadata: &'m Metadata, package: &str, above: &[&str], found: &mut Vec<&'m str>) {
    let named = |name: &str| metadata.packages.iter().find(|other| other.name.as_str() == name);
    let Some(package) = named(package) else { return };
    let is_needed = |dependency: &&cargo_metadata::Dependency| {
        dependency.kind == DependencyKind::Normal && dependency.path.is_some()
    };
    for dependency in package.dependencies.iter().filter(is_needed) {
        let Some(needed) = named(&dependency.name).map(|needed| needed.name.as_str()) else { continue };
        if above.contains(&needed) || found.contains(&needed) {
            continue;
        }
        collect(metadata, needed, &[above, &[needed]].concat(), found);
        found.push(needed);
    }
}

/// The folder of the scripts that say who implements a trait.
const IMPLEMENTORS: &str = "trait.impl/";

/// Whether a page may ask for who else implements a trait: most do not, and need not be taken apart.
pub fn may_have_implementors(html: &str) -> bool {
    html.contains(IMPLEMENTORS)
}

/// The scripts that a page at `address` asks for with who else implements a trait. rustdoc writes one only where somebody does.
pub fn implementors(address: &Path, page: &Anatomy) -> Vec<PathBuf> {
    let is_one = |link: &&String| link.contains(IMPLEMENTORS) && link.strip_suffix(".js").is_some();
    let place = |link: &String| match target(address, link) {
        Target::Inside { path, .. } => Some(path),
        Target::Elsewhere | Target::Malformed(_) => None,
    };
    page.links.keys().filter(is_one).filter_map(place).collect()
}

/// The page at the root of a crate's folder, which rustdoc leads to and does not write: it leads on.
pub fn root(library: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"refresh\" content=\"0; url={library}/index.html\"><title>Redirection</title></head>\
         <body><a href=\"{library}/index.html\">{library}</a></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_neighbours_lead_into_their_folders() {
        let neighbour =
            |folder: &str, library: &str| Neighbour { folder: folder.into(), library: library.into() };
        let neighbours = [neighbour("core", "thing_core"), neighbour("print", "thing_print")];
        for (link, leads) in [
            ("../../thing_core/x/struct.Y.html#a", "../../../core/thing_core/x/struct.Y.html#a"),
            ("../src/thing_print/lib.rs.html#1-4", "../../print/src/thing_print/lib.rs.html#1-4"),
            // Not a neighbour, not beside, and only a beginning that is the same.
            ("../../thing/index.html", "../../thing/index.html"),
            ("thing_core/index.html", "thing_core/index.html"),
            ("../thing_core2/index.html", "../thing_core2/index.html"),
            ("https://e.org/../thing_core/", "https://e.org/../thing_core/"),
        ] {
            let page = |link: &str| format!("<p>../thing_core/ <a class=\"x\" href=\"{link}\">ü</a></p>");
            assert_eq!(joined(&page(link), &neighbours), page(leads));
        }
        let page = super::super::built::read(
            "<script src=\"../trait.impl/a/trait.B.js\"></script><a href=\"x.js\">",
        );
        assert_eq!(
            implementors(Path::new("api/a/a/trait.B.html"), &page),
            [Path::new("api/a/trait.impl/a/trait.B.js")]
        );
        assert!(matches!(joined("<a href=\"x\">", &neighbours), Cow::Borrowed(_)));
    }
}
