//! Does every link of a built site lead somewhere? Of the HTML as it is, whoever made it.
//!
//! Read without a tree: the tags of a document and their attributes (HTML Living Standard, section 13.2, as far as links and
//! anchors need it). Scripts, styles and comments are passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::finding::{Finding, Location};
use crate::site::links::{self, DEAD, TOOL, Target};

/// What a page of HTML leads to and can be reached by.
#[derive(Clone, Debug, Default)]
pub struct Anatomy {
    /// The text of its `<title>`, as it is written.
    pub title: String,
    /// What its `href` and `src` say, each once, with the line where it first stands.
    pub links: BTreeMap<String, u32>,
    /// What its `id` and `name` say.
    pub anchors: BTreeSet<String>,
}

/// Where a link leads that only its script answers.
const SCRIPT: &str = "javascript:void(0)";

/// Elements whose content is no markup.
const RAW: [&str; 3] = ["script", "style", "textarea"];

/// Takes a page apart.
pub fn read(html: &str) -> Anatomy {
    let mut anatomy = Anatomy::default();
    let mut at = 0;
    let mut line: u32 = 1;
    let mut counted = 0;
    while let Some(found) = memchr::memchr(b'<', &html.as_bytes()[at..]) {
        let start = at + found;
        let rest = &html[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            at = start + 4 + comment.find("-->").map_or(comment.len(), |end| end + 3);
            continue;
        }
        let name_end = rest[1..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |end| end + 1);
        let name = rest[1..name_end].to_ascii_lowercase();
        if name.is_empty() {
            at = start + 1;
            continue;
        }
        let (attributes, length) = attributes(&rest[name_end..]);
        at = start + name_end + length;
        let newlines = memchr::memchr_iter(b'\n', &html.as_bytes()[counted..start]).count();
        line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        counted = start;
        for (attribute, value) in attributes {
            match attribute.as_str() {
                "id" => drop(anatomy.anchors.insert(unescaped(value))),
                "name" if name == "a" => drop(anatomy.anchors.insert(unescaped(value))),
                "href" | "src" => drop(anatomy.links.entry(unescaped(value)).or_insert(line)),
                _ => {}
            }
        }
        if name == "title" && anatomy.title.is_empty() {
            let text = html[at..].split("</").next().unwrap_or_default();
            anatomy.title = unescaped(text.trim());
        }
        if RAW.contains(&name.as_str()) {
            let end = format!("</{name}");
            at += find_ignoring_case(&html[at..], &end).unwrap_or(html.len() - at);
        }
    }
    anatomy
}

/// Where `what`, in lowercase, stands in a text, however that is written.
fn find_ignoring_case(text: &str, what: &str) -> Option<usize> {
    let (text, what) = (text.as_bytes(), what.as_bytes());
    memchr::memchr_iter(b'<', text)
        .find(|&at| text.get(at..at + what.len()).is_some_and(|piece| piece.eq_ignore_ascii_case(what)))
}

/// The attributes of a tag behind its name, and how long that is with the bracket at its end.
fn attributes(text: &str) -> (Vec<(String, &str)>, usize) {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let is_name = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'>' | b'/');
    while at < bytes.len() && bytes[at] != b'>' {
        let start = at;
        while at < bytes.len() && is_name(bytes[at]) {
            at += 1;
        }
        if at == start {
            at += 1;
            continue;
        }
        let name = text[start..at].to_ascii_lowercase();
        let skip = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            at
        };
        let equals = skip(at);
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        at = skip(equals + 1);
        let value = if let Some(&quote @ (b'"' | b'\'')) = bytes.get(at) {
            let length = memchr::memchr(quote, &bytes[at + 1..]).unwrap_or(bytes.len() - at - 1);
            let value = &text[at + 1..at + 1 + length];
            at = (at + length + 2).min(bytes.len());
            value
        } else {
            let start = at;
            while at < bytes.len() && !bytes[at].is_ascii_whitespace() && bytes[at] != b'>' {
                at += 1;
            }
            &text[start..at]
        };
        found.push((name, value));
    }
    (found, (at + 1).min(text.len()))
}

/// A value without the entities that addresses and titles hold.
fn unescaped(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")]
        .iter()
        .fold(value.to_owned(), |value, (entity, character)| value.replace(entity, character))
}

/// Checks the links of all pages, whoever has made them. `pages` are the pages of the site by address; `exists` tells of an
/// address whether something else is there; `shown_in` is the folder of the site, for the places of findings.
///
/// Returns how many links there are, and a finding for each that leads nowhere.
pub fn check(
    pages: &BTreeMap<PathBuf, Anatomy>,
    exists: &dyn Fn(&Path) -> bool,
    shown_in: &Path,
) -> (usize, Vec<Finding>) {
    let mut count = 0;
    let mut findings = Vec::new();
    for (address, page) in pages {
        count += page.links.len();
        for (link, line) in &page.links {
            if let Some(message) = problem(address, link, pages, exists) {
                let location = Location::at(shown_in.join(address), Some(*line), None);
                let found = Finding::error(TOOL, message);
                findings.push(Finding { rule: DEAD.to_owned(), location: Some(location), ..found });
            }
        }
    }
    (count, findings)
}

impl Anatomy {
    /// Whether a link to this anchor leads somewhere, as browsers look for it (HTML Living Standard, section 7.4.6.4): by its
    /// name as it is written, by its name without escapes, and `#` and `#top` are the beginning of every page.
    fn has(&self, anchor: &str) -> bool {
        let has = |anchor: &str| self.anchors.contains(anchor);
        let is_there = |anchor: &str| anchor.is_empty() || anchor == "top" || has(anchor);
        // Several lines of a listing, which its script marks.
        let are_lines = |first: &str, last: &str| {
            let is_line = |line: &str| line.bytes().all(|byte| byte.is_ascii_digit()) && has(line);
            is_line(first) && is_line(last)
        };
        is_there(anchor)
            || links::unescaped(anchor).is_some_and(|anchor| is_there(&anchor))
            || anchor.split_once('-').is_some_and(|(first, last)| are_lines(first, last))
    }
}

fn problem(
    address: &Path,
    link: &str,
    pages: &BTreeMap<PathBuf, Anatomy>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<String> {
    // What a page holds in itself, and what only its script answers.
    if link.starts_with("data:") || link.is_empty() || link == SCRIPT {
        return None;
    }
    // Anchors may be escaped as paths are.
    let plain = link.split('?').next().unwrap_or_default();
    let whole = if link.contains('?') && link.contains('#') {
        format!("{plain}#{}", link.rsplit('#').next().unwrap_or_default())
    } else {
        plain.to_owned()
    };
    match links::target(address, &whole) {
        Target::Elsewhere => None,
        Target::Malformed(why) => Some(format!("the link `{link}` {why}")),
        Target::Inside { path, anchor } => {
            let path =
                if pages.contains_key(&path) || exists(&path) { path } else { path.join("index.html") };
            let Some(page) = pages.get(&path) else {
                return (!exists(&path)).then(|| format!("nothing is where `{link}` leads"));
            };
            (!page.has(anchor)).then(|| format!("the page has no `#{anchor}`, where `{link}` leads"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_anchors_are_found_whatever_stands_around_them() {
        let anatomy = read(
            "<!doctype html><TITLE>A &amp; b</TITLE>\n<!-- <a href=\"no\"> --><script>'<a href=no>'</SCRIPT>\n\
             <a id = 'x' href=plain class>t</a><a name=y href=\"a.html?q=1&amp;b#z\"></a><img src='p.png'/><p id=\"last",
        );
        assert_eq!(anatomy.title, "A & b");
        let links: Vec<(&str, u32)> =
            anatomy.links.iter().map(|(link, line)| (link.as_str(), *line)).collect();
        assert_eq!(links, [("a.html?q=1&b#z", 3), ("p.png", 3), ("plain", 3)]);
        assert_eq!(anatomy.anchors.iter().map(String::as_str).collect::<Vec<_>>(), ["last", "x", "y"]);
    }

    #[test]
    fn no_bytes_bring_the_reader_down() {
        let page = "<a href=\"ü\" id='&amp;'><!-- x --><script>y</script><title>z</title>";
        for (end, _) in page.char_indices() {
            read(&page[..end]);
            read(&page[end..]);
        }
    }

    #[test]
    fn a_dead_link_of_a_page_is_found() {
        let pages: BTreeMap<PathBuf, Anatomy> = [
            ("index.html", "<a href=\"a/b.html#there\"><a href=\"a/b.html#gone\">\n<a href=\"none.html\"><a href=\"https://e.org\"><a href=\"a/\">"),
            ("a/b.html", "<h1 id=\"there\"><a href=\"../style.css\"><a href=\"#top\"><a href=\"javascript:void(0)\">"),
            ("a/index.html", "<a href=\"nowhere\"><a href=\"javascript:alert(1)\">"),
            ("src/x.rs.html", "<a id=\"7\"><a id=\"12\"><a href=\"#7-12\"><a href=\"#7-13\"><a href=\"#7\"><a href=\"#there-7\">"),
            ("s.html", "<i id=\"impl-Into%3CU%3E-for-T\"><i id=\"a&lt;b\"><a href=\"#impl-Into%3CU%3E-for-T\"><a href=\"#a%3Cb\"><a href=\"#impl-Into%3CX%3E\">"),
        ]
        .into_iter()
        .map(|(address, html)| (PathBuf::from(address), read(html)))
        .collect();
        let (count, findings) = check(&pages, &|path| path == Path::new("style.css"), Path::new("site"));
        assert_eq!(count, 17);
        let said: Vec<String> = findings
            .iter()
            .map(|found| format!("{} {}", found.location.as_ref().unwrap(), found.message))
            .collect();
        assert_eq!(
            said,
            [
                "site/a/index.html:1 the link `javascript:alert(1)` has a scheme that readers do not follow: use `https`, or a relative path",
                "site/a/index.html:1 nothing is where `nowhere` leads",
                "site/index.html:1 the page has no `#gone`, where `a/b.html#gone` leads",
                "site/index.html:2 nothing is where `none.html` leads",
                "site/s.html:1 the page has no `#impl-Into%3CX%3E`, where `#impl-Into%3CX%3E` leads",
                "site/src/x.rs.html:1 the page has no `#7-13`, where `#7-13` leads",
                "site/src/x.rs.html:1 the page has no `#there-7`, where `#there-7` leads",
            ]
        );
    }
}
