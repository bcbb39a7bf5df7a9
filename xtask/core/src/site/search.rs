//! Search without a server: one page that holds what all the others say, and a script that looks through it.
//!
//! The words are data in the page, not a file beside it: a page that is opened from a disk may read no other file.

use std::fmt::{self, Write as _};

use serde_json::json;

use crate::page;
use crate::site::SEARCH;
use crate::site::document::Section;
use crate::site::layout::{Layout, Outline};

/// What looks through the entries. It makes text of them, never markup.
const SCRIPT: &str = include_str!("search.js");

/// A place that can be found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    address: String,
    title: String,
    heading: String,
    text: String,
}

impl Entry {
    /// A part of a page; none where there is nothing in it.
    pub(super) fn section(address: &str, title: &str, section: &Section) -> Option<Self> {
        if section.heading.is_empty() && section.text.trim().is_empty() {
            return None;
        }
        let anchor = if section.anchor.is_empty() { String::new() } else { format!("#{}", section.anchor) };
        Some(Self {
            address: format!("{address}{anchor}"),
            title: title.to_owned(),
            heading: section.heading.clone(),
            text: section.text.trim().to_owned(),
        })
    }

    /// A page that another tool has made, of the interface `of`.
    pub(super) fn page(address: &str, title: &str, of: &str) -> Self {
        Self {
            address: address.to_owned(),
            title: title.to_owned(),
            heading: String::new(),
            text: of.to_owned(),
        }
    }
}

/// The page that finds others.
pub(super) fn page(layout: &Layout<'_>, entries: &[Entry]) -> String {
    let rows = entries.iter().map(|entry| json!([entry.address, entry.title, entry.heading, entry.text]));
    let rows = serde_json::Value::Array(rows.collect()).to_string();
    // A block of data ends where `</script` stands, whatever JSON that would be part of (HTML Living Standard, 4.12.1.3).
    let rows = rows.replace('<', "\\u003c");
    let mut html = String::with_capacity(rows.len() + SCRIPT.len() + 512);
    // Writing into a String cannot fail.
    let _infallible = write(&mut html, &rows);
    layout.page(SEARCH, "Search", &Outline::new(), &html, &[SCRIPT])
}

fn write(html: &mut String, rows: &str) -> fmt::Result {
    writeln!(html, "<h1>Search</h1>")?;
    writeln!(html, "<noscript><p>Searching needs a script; everything else here does not.</p></noscript>")?;
    writeln!(html, "<p class=\"soft\" id=\"said\" role=\"status\"></p>\n<ol id=\"results\"></ol>")?;
    writeln!(html, "<script type=\"application/json\" id=\"index\">{rows}</script>")?;
    page::script(html, SCRIPT)
}
