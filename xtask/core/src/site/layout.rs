//! What all pages of a site have: the way to the others, a box to search in, and what the page itself is made of.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::page::{self, escape, escape_lines};
use crate::site::{SEARCH, links};

/// What the site adds to the colours and tables of all pages.
const STYLE: &str = include_str!("site.css");

/// `/` leads to the box in which one searches. Nothing else needs a script.
pub(super) const KEYS: &str = include_str!("keys.js");

/// Pages that belong together.
pub(super) struct Group {
    /// What they are called together.
    pub(super) title: String,
    /// The address and the title of each.
    pub(super) pages: Vec<(String, String)>,
}

/// The parts of a page: the anchor and the words of each.
pub(super) type Outline = Vec<(String, String)>;

/// What all pages have in common.
pub(super) struct Layout<'s> {
    /// What the site is about.
    pub(super) name: &'s str,
    /// The navigation.
    pub(super) groups: &'s [Group],
}

impl Layout<'_> {
    /// The page at `address`, with `html` as what it says. Of `scripts`, which may run in it, `html` holds those that do.
    pub(super) fn page(
        &self,
        address: &str,
        title: &str,
        outline: &Outline,
        html: &str,
        scripts: &[&str],
    ) -> String {
        let mut page = String::with_capacity(html.len() + 16_384);
        // Writing into a String cannot fail.
        let _infallible = self.write(&mut page, address, title, outline, html, scripts);
        page
    }

    fn write(
        &self,
        page: &mut String,
        address: &str,
        title: &str,
        outline: &Outline,
        html: &str,
        scripts: &[&str],
    ) -> fmt::Result {
        let name = escape(self.name);
        let allowed: Vec<&str> = scripts.iter().copied().chain([KEYS]).collect();
        page::begin_interactive(page, &format!("{title} · {}", self.name), STYLE, &allowed)?;
        let to = |other: &str| links::relative(Path::new(address), Path::new(other));
        writeln!(page, "<a class=\"skip\" href=\"#main\">Skip to the text</a>")?;
        writeln!(
            page,
            "<header><a class=\"home\" href=\"{}\">{name}</a><a class=\"menu\" href=\"#pages\">All pages</a>\
             <form role=\"search\" action=\"{}\"><input type=\"search\" name=\"q\" placeholder=\"Search  /\" \
             aria-label=\"Search the documentation\" autocomplete=\"off\"></form></header>",
            escape(&to("index.html")),
            escape(&to(SEARCH)),
        )?;
        writeln!(page, "<div class=\"columns\">\n<main id=\"main\" tabindex=\"-1\">\n{html}</main>")?;
        if outline.len() > 1 {
            writeln!(page, "<nav class=\"outline\" aria-label=\"On this page\"><p>On this page</p><ul>")?;
            for (anchor, words) in outline {
                writeln!(page, "<li><a href=\"#{}\">{}</a></li>", escape(anchor), escape(words))?;
            }
            writeln!(page, "</ul></nav>")?;
        }
        writeln!(page, "<nav class=\"pages\" id=\"pages\" aria-label=\"All pages\">")?;
        for group in self.groups {
            writeln!(page, "<p>{}</p><ul>", escape(&group.title))?;
            for (other, title) in &group.pages {
                let current = if other == address { " aria-current=\"page\"" } else { "" };
                writeln!(page, "<li><a href=\"{}\"{current}>{}</a></li>", escape(&to(other)), escape(title))?;
            }
            writeln!(page, "</ul>")?;
        }
        writeln!(page, "</nav>\n</div>")?;
        page::script(page, KEYS)?;
        page::end(page, "Made by cargo xtask docs")
    }
}

/// A file as it stands, as what a page says.
pub(super) fn listing(name: &str, text: &str) -> String {
    format!("<h1>{}</h1>\n<pre><code>{}</code></pre>\n", escape(name), escape_lines(text))
}
