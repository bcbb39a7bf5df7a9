//! The documentation as one site: pages of Markdown, references made of contracts and schemas, and what other tools have built.
//!
//! A site is a set of files that lead to each other by relative links, to be opened from a disk or served by anything. No page
//! needs the network, or a script to be read. `README.md` is where it begins; below the folder of the documents a file is a page,
//! and its own folder the group in which it stands. So a page is added by adding a file.

pub mod address;
pub mod built;
pub mod document;
mod layout;
pub mod links;
mod reference;
pub mod rustdoc;
mod schema;
mod search;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::page;
use crate::site::document::{Document, Link};
use crate::site::layout::{Group, Layout, Outline};
use crate::site::links::Target;
use crate::site::reference::Reference;
use crate::site::search::Entry;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The document with which the site begins.
pub const START: &str = "README.md";

/// The page that finds others.
pub const SEARCH: &str = "search.html";

/// What a site is made of.
pub struct Sources<'s> {
    /// What it is about.
    pub name: &'s str,
    /// The folder of the documents, relative to the repository.
    pub folder: &'s Path,
    /// The documents, by their paths in the repository.
    pub documents: &'s [(PathBuf, String)],
    /// Contracts and schemas in that folder: JSON, by their paths in the repository.
    pub data: &'s [(PathBuf, String)],
    /// What other tools have built.
    pub interfaces: &'s [Interface],
    /// A file of the repository, where there is one: for pictures, and for files that documents lead to.
    pub read: &'s dyn Fn(&Path) -> Option<Vec<u8>>,
}

/// The reference of an interface, as another tool has built it.
#[derive(Clone, Debug)]
pub struct Interface {
    /// What it is called among the others: `backend (Python)`.
    pub title: String,
    /// The address of its first page in the site.
    pub address: String,
    /// Its pages, by their addresses in the site, and what they are called.
    pub pages: Vec<(String, String)>,
}

/// A file of the site.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its address in the site, without a slash at its beginning.
    pub address: String,
    /// What is in it.
    pub text: String,
}

/// Where a document or a file of data is in the site: as in the repository, but for the folder of all documents.
fn address(folder: &Path, path: &Path) -> String {
    if path == Path::new(START) {
        return "index.html".to_owned();
    }
    slashes(&path.strip_prefix(folder).unwrap_or(path).with_extension("html"))
}

/// A page that another tool has made, with a way back from `address` to the first page of the site.
///
/// It stands in a corner, whatever else the page shows there, and needs nothing of it.
pub fn with_way_back(address: &Path, html: &str) -> String {
    const STYLE: &str = "position:fixed;right:14px;bottom:14px;z-index:99;padding:5px 12px;border-radius:8px;\
        background:#1c2330;color:#ffffff;font:13px/1.5 system-ui,sans-serif;text-decoration:none;opacity:.85";
    let Some(body) = html.find("<body").and_then(|start| Some(start + html[start..].find('>')? + 1)) else {
        return html.to_owned();
    };
    let (before, after) = html.split_at(body);
    let first = links::relative(address, Path::new("index.html"));
    let first = page::escape(&first);
    format!("{before}<a href=\"{first}\" style=\"{STYLE}\">All documentation</a>{after}")
}

/// Where a file is in the site to which documents lead and which is none itself.
fn address_of_file(path: &Path) -> String {
    format!("files/{}.html", slashes(path))
}

fn slashes(path: &Path) -> String {
    let parts: Vec<Cow<'_, str>> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// What a page is made of.
enum Content<'s> {
    Document { path: &'s Path, text: &'s str, read: Document },
    Data { text: &'s str, reference: Reference },
    File { name: String, text: String },
}

/// The pages by their addresses.
type Pages<'s> = BTreeMap<String, Content<'s>>;

/// Makes the pages of a site, and the data beside them. What other tools have built is not among them.
///
/// A file of data that is neither a contract nor a schema is shown as it stands: whoever checks it says more.
pub fn render(sources: &Sources<'_>) -> Vec<File> {
    let pages = pages(sources);
    let groups = groups(sources, &pages);
    let layout = Layout { name: sources.name, groups: &groups };
    let mut entries = Vec::new();
    let mut files = Vec::with_capacity(pages.len() + 1);
    for (address, content) in &pages {
        let (title, outline, html) = match content {
            Content::Document { path, text, read } => {
                let title = title(path, read);
                entries.extend(
                    read.sections.iter().filter_map(|section| Entry::section(address, &title, section)),
                );
                let outline = read.headings.iter().filter(|heading| heading.level == 2);
                let outline = outline.map(|heading| (heading.anchor.clone(), heading.text.clone()));
                let lead = |link: &Link| lead(sources, &pages, path, address, link);
                (title, outline.collect::<Outline>(), document::html(text, &lead))
            }
            Content::Data { text, reference } => {
                entries.extend(reference.entries(address));
                (reference.title().to_owned(), reference.outline(), reference.html(text))
            }
            Content::File { name, text } => (name.clone(), Outline::new(), layout::listing(name, text)),
        };
        files.push(File {
            address: address.clone(),
            text: layout.page(address, &title, &outline, &html, &[]),
        });
    }
    let raw = sources.data.iter().map(|(path, text)| {
        let path = path.strip_prefix(sources.folder).unwrap_or(path);
        File { address: slashes(path), text: text.clone() }
    });
    files.extend(raw);
    for interface in sources.interfaces {
        let pages = interface.pages.iter();
        entries.extend(pages.map(|(address, title)| Entry::page(address, title, &interface.title)));
    }
    files.push(File { address: SEARCH.to_owned(), text: search::page(&layout, &entries) });
    files
}

fn title(path: &Path, read: &Document) -> String {
    if read.title.is_empty() { slashes(path) } else { read.title.clone() }
}

/// Documents, data, and the files that documents lead to.
fn pages<'s>(sources: &Sources<'s>) -> Pages<'s> {
    let mut pages = Pages::new();
    let own: BTreeSet<&Path> =
        sources.documents.iter().chain(sources.data).map(|(path, _)| path.as_path()).collect();
    for (path, text) in sources.documents {
        let read = document::read(text);
        for link in read.links.iter().filter(|link| !link.is_picture) {
            let Target::Inside { path: to, .. } = links::target(path, &link.target) else { continue };
            let text = (!own.contains(to.as_path())).then(|| (sources.read)(&to)).flatten();
            if let Some(text) = text.and_then(|bytes| String::from_utf8(bytes).ok()) {
                pages.insert(address_of_file(&to), Content::File { name: slashes(&to), text });
            }
        }
        pages.insert(address(sources.folder, path), Content::Document { path, text, read });
    }
    for (path, text) in sources.data {
        let reference = Reference::new(&slashes(path), text);
        pages.insert(address(sources.folder, path), Content::Data { text, reference });
    }
    pages
}

/// Where a link of the document at `from`, whose page is at `address`, leads in the site.
fn lead(sources: &Sources<'_>, pages: &Pages<'_>, from: &Path, here: &str, link: &Link) -> Option<String> {
    let (path, anchor) = match links::target(from, &link.target) {
        Target::Elsewhere => return (!link.is_picture).then(|| link.target.clone()),
        Target::Malformed(_) => return None,
        Target::Inside { path, anchor } => (path, anchor),
    };
    if link.is_picture {
        return picture(&path, &(sources.read)(&path)?);
    }
    let own = |path: &Path| address(sources.folder, path);
    let candidates = [own(&path), own(&path.join(START)), address_of_file(&path)];
    let to = candidates.iter().find(|address| pages.contains_key(*address))?;
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
    if to == here && !anchor.is_empty() {
        return Some(anchor);
    }
    Some(format!("{}{anchor}", links::relative(Path::new(here), Path::new(to))))
}

/// A picture as an address that holds it (RFC 2397): a page then needs no other file.
fn picture(path: &Path, bytes: &[u8]) -> Option<String> {
    let kind = match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "svg" => "svg+xml",
        "png" => "png",
        "jpg" | "jpeg" => "jpeg",
        "gif" => "gif",
        "webp" => "webp",
        _ => return None,
    };
    Some(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

/// What the folders of documents are called, in the order in which the groups stand. Documents that are in none tell how things
/// are and why.
const FOLDERS: [(&str, &str); 3] = [("guides", "Guides"), ("reference", "Reference"), ("", "How it works")];

/// The navigation: each page in one group, by the folder of its source.
fn groups(sources: &Sources<'_>, pages: &Pages<'_>) -> Vec<Group> {
    let mut first = Vec::new();
    let mut folders: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    let mut interfaces: Vec<(String, String)> = Vec::new();
    for (address, content) in pages {
        match content {
            Content::Document { path, read, .. } => {
                let entry = (address.clone(), title(path, read));
                match path.strip_prefix(sources.folder).map(Path::parent) {
                    Ok(folder) => {
                        let folder = folder.and_then(Path::to_str).unwrap_or_default();
                        folders.entry(folder).or_default().push(entry);
                    }
                    // The start, the changelog, and what components say of themselves.
                    Err(_) => first.push(entry),
                }
            }
            Content::Data { reference, .. } => {
                let entry = (address.clone(), reference.title().to_owned());
                if reference.is_contract() {
                    interfaces.push(entry);
                } else {
                    folders.entry("reference").or_default().push(entry);
                }
            }
            Content::File { .. } => {}
        }
    }
    // The start first, then by their depth: what the repository says goes before what its components say.
    first.sort_by_key(|(address, title)| {
        (address != "index.html", address.matches('/').count(), title.clone())
    });
    interfaces.extend(sources.interfaces.iter().map(|built| (built.address.clone(), built.title.clone())));
    let mut groups = vec![Group { title: "Start".to_owned(), pages: first }];
    for (folder, title) in FOLDERS {
        let pages = folders.remove(folder).unwrap_or_default();
        groups.push(Group { title: title.to_owned(), pages });
    }
    groups.extend(folders.into_iter().map(|(folder, pages)| Group { title: folder.to_owned(), pages }));
    for group in groups.iter_mut().skip(1) {
        group.pages.sort_by_key(|(_, title)| title.to_lowercase());
    }
    groups.push(Group { title: "Interfaces".to_owned(), pages: interfaces });
    groups.retain(|group| !group.pages.is_empty());
    groups
}

#[cfg(test)]
mod tests;
