//! Does every link lead somewhere? Of the Markdown sources, before a site is made of them.
//!
//! Nothing is asked of the network: of an address elsewhere only its form is looked at.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::position;
use crate::finding::{Finding, Location};
use crate::http::Url;
use crate::rules::TextFile;
use crate::site::document::{self, Document, Link};
use crate::suggest;

/// The tool in whose name findings about links are made.
pub const TOOL: &str = "links";

/// A link to a file or an anchor that is not there.
pub const DEAD: &str = "dead-link";

/// A link whose form leads nowhere, or only on the machine of its writer.
pub const MALFORMED: &str = "malformed-link";

/// Where a link leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target<'l> {
    /// Out of the repository, by an address that is well-formed.
    Elsewhere,
    /// To a place in the repository.
    Inside {
        /// The file or folder, relative to the root of the repository.
        path: PathBuf,
        /// The anchor in it; empty where the link has none.
        anchor: &'l str,
    },
    /// Nowhere, for this reason.
    Malformed(&'static str),
}

/// Where a link in the file at `from` leads.
pub fn target<'l>(from: &Path, link: &'l str) -> Target<'l> {
    if let Some((scheme, rest)) = scheme(link) {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let address = link.split('#').next().unwrap_or_default();
                let whole = if rest.trim_start_matches('/').contains('/') {
                    address.to_owned()
                } else {
                    format!("{address}/")
                };
                match whole.parse::<Url>() {
                    Ok(_) => Target::Elsewhere,
                    Err(_) => Target::Malformed("is no address of the web"),
                }
            }
            "mailto" if rest.contains('@') && !rest.contains(char::is_whitespace) => Target::Elsewhere,
            "mailto" => Target::Malformed("is no address of mail"),
            _ => {
                Target::Malformed("has a scheme that readers do not follow: use `https`, or a relative path")
            }
        };
    }
    if link.is_empty() {
        return Target::Malformed("leads nowhere: it is empty");
    }
    if link.starts_with('/') {
        return Target::Malformed("begins at the root of a server or a disk: write it relative to this file");
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let Some(path) = unescaped(path) else { return Target::Malformed("holds a `%` that escapes nothing") };
    let start = if path.is_empty() { from } else { from.parent().unwrap_or(Path::new("")) };
    match joined(start, &path) {
        Some(path) => Target::Inside { path, anchor },
        None => Target::Malformed("leads out of the repository"),
    }
}

/// The scheme of an address (RFC 3986, section 3.1), and what stands behind its colon.
fn scheme(link: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = link.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

/// A path without percent escapes (RFC 3986, section 2.1).
pub(crate) fn unescaped(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A path below a folder, without `.` and `..`; `None` where it leads above the root of the repository.
fn joined(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !whole.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(whole)
}

/// Checks the links of all documents. `exists` tells of a path relative to the repository whether something is there.
///
/// Returns how many links there are, and a finding for each that leads nowhere.
pub fn check(files: &[TextFile<'_>], exists: &dyn Fn(&Path) -> bool) -> (usize, Vec<Finding>) {
    let documents: BTreeMap<&Path, Document> =
        files.iter().map(|file| (file.path, document::read(file.text))).collect();
    let mut findings = Vec::new();
    let mut count = 0;
    for file in files {
        let links = documents.get(file.path).map(|document| document.links.as_slice()).unwrap_or_default();
        count += links.len();
        findings.extend(links.iter().filter_map(|link| judge(*file, link, &documents, exists)));
    }
    (count, findings)
}

fn judge(
    file: TextFile<'_>,
    link: &Link,
    documents: &BTreeMap<&Path, Document>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<Finding> {
    let finding = |rule: &str, message: String, help: Option<String>| {
        let (row, column) = position(file.text, link.offset);
        let location = Location::at(file.path, u32::try_from(row).ok(), u32::try_from(column).ok());
        let found = Finding::error(TOOL, message);
        Some(Finding { rule: rule.to_owned(), location: Some(location), help, ..found })
    };
    let said = &link.target;
    let (path, anchor) = match target(file.path, said) {
        Target::Elsewhere if link.is_picture => {
            return finding(
                MALFORMED,
                format!("the picture `{said}` is elsewhere: the site shows nothing that is not in it"),
                Some("keep a copy of it in the repository".to_owned()),
            );
        }
        Target::Elsewhere => return None,
        Target::Malformed(why) => return finding(MALFORMED, format!("the link `{said}` {why}"), None),
        Target::Inside { path, anchor } => (path, anchor),
    };
    if !exists(&path) {
        let names: Vec<String> = documents.keys().map(|other| relative(file.path, other)).collect();
        let near =
            suggest::nearest(said.split('#').next().unwrap_or_default(), names.iter().map(String::as_str));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        return finding(DEAD, format!("there is no `{}`, where `{said}` leads", path.display()), help);
    }
    let document = documents.get(path.as_path())?;
    if anchor.is_empty() || document.has(anchor) {
        return None;
    }
    let known = document.headings.iter().map(|heading| heading.anchor.as_str());
    let help = suggest::nearest(anchor, known).map(|near| format!("did you mean `#{near}`?"));
    finding(DEAD, format!("`{}` has no heading `#{anchor}`, where `{said}` leads", path.display()), help)
}

/// The way from one file of the repository to another.
pub fn relative(from: &Path, to: &Path) -> String {
    let folder: Vec<_> = from.parent().map(|folder| folder.components().collect()).unwrap_or_default();
    let parts: Vec<_> = to.components().collect();
    let common = folder.iter().zip(&parts).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..".to_owned(), folder.len() - common);
    let down = parts[common..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let way: Vec<String> = up.chain(down).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_inside_elsewhere_or_nowhere() {
        let from = Path::new("docs/guides/a.md");
        let inside = |path: &str, anchor| Target::Inside { path: path.into(), anchor };
        for (link, expected) in [
            ("b.md", inside("docs/guides/b.md", "")),
            ("../c.md#x", inside("docs/c.md", "x")),
            ("#x", inside("docs/guides/a.md", "x")),
            ("./a%20b.md", inside("docs/guides/a b.md", "")),
            ("../../xtask/", inside("xtask", "")),
            ("https://e.org", Target::Elsewhere),
            ("https://e.org/a?b#c", Target::Elsewhere),
            ("mailto:a@e.org", Target::Elsewhere),
        ] {
            assert_eq!(target(from, link), expected, "{link}");
        }
        for link in [
            "",
            "/etc",
            "//e.org/x",
            "../../../x",
            "https://",
            "http:///x",
            "https://a b/",
            "javascript:alert(1)",
            "file:///x",
            "mailto:x",
            "a%zz",
        ] {
            assert!(matches!(target(from, link), Target::Malformed(_)), "{link}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_found_at_its_place() {
        let one = "# One\n\nSee [two](two.md#second), [gone](tow.md),\n![pic](p.svg) and [self](#on), [ok](#one).\n\n`[code](no.md)`\n";
        let two =
            "# Two\n\n## Seconds\n\n[x](javascript:y) [y](https://ok.example/z) ![z](https://e.org/p.png)\n";
        let files = [("a/one.md", one), ("a/two.md", two)];
        let files = files.map(|(path, text)| TextFile { path: Path::new(path), text });
        let there = |path: &Path| ["a/one.md", "a/two.md"].iter().any(|name| path == Path::new(name));
        let (count, findings) = check(&files, &there);
        assert_eq!(count, 8);
        let said: Vec<String> = findings
            .iter()
            .map(|finding| {
                let place = finding.location.as_ref().map(ToString::to_string).unwrap_or_default();
                let help = finding.help.as_deref().unwrap_or("-");
                format!("{place} {} {} ({help})", finding.rule, finding.message)
            })
            .collect();
        expect_test::expect![[r#"
            a/one.md:3:5 dead-link `a/two.md` has no heading `#second`, where `two.md#second` leads (did you mean `#seconds`?)
            a/one.md:3:27 dead-link there is no `a/tow.md`, where `tow.md` leads (did you mean `two.md`?)
            a/one.md:4:1 dead-link there is no `a/p.svg`, where `p.svg` leads (-)
            a/one.md:4:19 dead-link `a/one.md` has no heading `#on`, where `#on` leads (did you mean `#one`?)
            a/two.md:5:1 malformed-link the link `javascript:y` has a scheme that readers do not follow: use `https`, or a relative path (-)
            a/two.md:5:45 malformed-link the picture `https://e.org/p.png` is elsewhere: the site shows nothing that is not in it (keep a copy of it in the repository)"#]]
        .assert_eq(&said.join("\n"));
    }
}
