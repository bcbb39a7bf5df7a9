//! A page of Markdown as GitHub reads it (github.github.com/gfm): what it says, where it leads, and its HTML.
//!
//! Markdown may hold HTML; here that is text. Whatever a document says, of its bytes nothing becomes markup but what
//! `CommonMark` makes of its own signs.

use std::collections::BTreeMap;
use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::page;

/// What a document says and where it leads.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The text of its first heading, or of nothing where there is none.
    pub title: String,
    /// Its headings, in the order of the text.
    pub headings: Vec<Heading>,
    /// Where it leads.
    pub links: Vec<Link>,
    /// Its blocks of code.
    pub blocks: Vec<Block>,
    /// Its text below each heading; the first is what stands before any.
    pub sections: Vec<Section>,
}

/// A heading.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heading {
    /// From 1 for the largest.
    pub level: u8,
    /// What it says, without markup.
    pub text: String,
    /// The name by which a link reaches it, as GitHub makes it.
    pub anchor: String,
}

/// A link, or a picture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// Where it leads, as it is written there.
    pub target: String,
    /// The byte at which it begins.
    pub offset: usize,
    /// Whether it shows what it leads to.
    pub is_picture: bool,
}

/// A block of code between fences, or an indented one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Block {
    /// What stands behind its first fence: `console run`.
    pub info: String,
    /// Its text.
    pub text: String,
    /// The byte at which it begins, its fence included.
    pub offset: usize,
}

/// The text below a heading.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Section {
    /// The heading; empty before the first one.
    pub heading: String,
    /// Its anchor; empty before the first one.
    pub anchor: String,
    /// What is below it up to the next heading, without markup, words apart by single spaces.
    pub text: String,
}

/// What of GitHub's Markdown is read beside `CommonMark`.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
}

/// Gives each heading a name of its own: that of its text, with a number where an earlier one has it.
#[derive(Default)]
struct Anchors {
    seen: BTreeMap<String, usize>,
}

impl Anchors {
    fn next(&mut self, text: &str) -> String {
        let base = anchor(text);
        let count = self.seen.entry(base.clone()).or_default();
        *count += 1;
        if *count == 1 { base } else { format!("{base}-{}", *count - 1) }
    }
}

/// The name of a heading as GitHub makes it: in lowercase, spaces as hyphens, without punctuation.
pub fn anchor(text: &str) -> String {
    let letters = text.trim().chars().flat_map(char::to_lowercase);
    let kept = letters.filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c => c.is_alphanumeric().then_some(c),
    });
    kept.collect()
}

/// Reads a document. Every text is one.
pub fn read(text: &str) -> Document {
    let mut document = Document { sections: vec![Section::default()], ..Document::default() };
    let mut anchors = Anchors::default();
    let mut heading: Option<(u8, String)> = None;
    let mut block: Option<Block> = None;
    let mut is_unseen = false;
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level as u8, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                let (level, text) = heading.take().unwrap_or_default();
                let anchor = anchors.next(&text);
                if document.title.is_empty() {
                    document.title.clone_from(&text);
                }
                document.sections.push(Section {
                    heading: text.clone(),
                    anchor: anchor.clone(),
                    text: String::new(),
                });
                document.headings.push(Heading { level, text, anchor });
            }
            Event::Start(Tag::Link { dest_url, .. }) => document.leads(dest_url, &range, false),
            Event::Start(Tag::Image { dest_url, .. }) => document.leads(dest_url, &range, true),
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                block = Some(Block { info, text: String::new(), offset: range.start });
            }
            Event::End(TagEnd::CodeBlock) => document.blocks.extend(block.take()),
            Event::Start(Tag::HtmlBlock) => is_unseen = is_comment(&text[range]),
            Event::End(TagEnd::HtmlBlock) => is_unseen = false,
            Event::Html(_) if is_unseen => {}
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&page::plain(&text));
                    continue;
                }
                if let Some(block) = &mut block {
                    block.text.push_str(&text);
                }
                document.says(&text);
            }
            Event::SoftBreak | Event::HardBreak => match &mut heading {
                Some((_, heading)) => heading.push(' '),
                None => document.says(" "),
            },
            Event::End(
                TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell | TagEnd::TableRow | TagEnd::TableHead,
            ) => document.says(" "),
            _ => {}
        }
    }
    document
}

impl Document {
    fn leads(&mut self, target: CowStr<'_>, range: &Range<usize>, is_picture: bool) {
        self.links.push(Link { target: target.into_string(), offset: range.start, is_picture });
    }

    /// Adds to the text of the last section, words apart by single spaces.
    fn says(&mut self, text: &str) {
        let Some(section) = self.sections.last_mut() else { return };
        for c in page::plain(text).chars() {
            match c {
                c if !c.is_whitespace() => section.text.push(c),
                _ if section.text.is_empty() || section.text.ends_with(' ') => {}
                _ => section.text.push(' '),
            }
        }
    }

    /// Whether a link to this anchor reaches something.
    pub fn has(&self, anchor: &str) -> bool {
        self.headings.iter().any(|heading| heading.anchor == anchor)
    }
}

/// Whether a block of HTML is one comment: it is for whoever writes the document, and for programs.
fn is_comment(block: &str) -> bool {
    let inside = block.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
    inside.is_some_and(|inside| !inside.contains("-->"))
}

/// The document as HTML, to stand in a page. `target` says where a link leads there; a link without a target there is only
/// its text. A picture is shown from what `target` answers.
pub fn html(text: &str, target: &dyn Fn(&Link) -> Option<String>) -> String {
    let mut anchors = read(text).headings.into_iter().map(|heading| heading.anchor);
    let mut dropped = Vec::new();
    let mut current = String::new();
    let mut events = Vec::new();
    let mut lead = |dest_url: &str, range: &Range<usize>, is_picture| {
        let link = Link { target: dest_url.to_owned(), offset: range.start, is_picture };
        let leads = target(&link);
        dropped.push(leads.is_none());
        leads
    };
    let mut ends = Vec::new();
    let mut is_unseen = false;
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                current = anchors.next().unwrap_or_default();
                let id = Some(CowStr::from(current.clone()));
                let (classes, attrs) = (Vec::new(), Vec::new());
                events.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
            }
            Event::End(end @ TagEnd::Heading(_)) => {
                let anchor = page::escape(&current);
                let mark = format!(
                    " <a class=\"anchor\" href=\"#{anchor}\" aria-label=\"A link to this section\">#</a>"
                );
                events.push(Event::InlineHtml(mark.into()));
                events.push(Event::End(end));
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let leads = lead(&dest_url, &range, false);
                ends.push(leads.is_some());
                if let Some(leads) = leads {
                    events.push(Event::Start(Tag::Link { link_type, dest_url: leads.into(), title, id }));
                }
            }
            Event::End(TagEnd::Link) => {
                if ends.pop().unwrap_or(false) {
                    events.push(Event::End(TagEnd::Link));
                }
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let leads = lead(&dest_url, &range, true);
                ends.push(leads.is_some());
                if let Some(leads) = leads {
                    events.push(Event::Start(Tag::Image { link_type, dest_url: leads.into(), title, id }));
                }
            }
            Event::End(TagEnd::Image) => {
                if ends.pop().unwrap_or(false) {
                    events.push(Event::End(TagEnd::Image));
                }
            }
            // Columns are aligned by attributes of style, which the policy of the page forbids.
            Event::Start(Tag::Table(columns)) => {
                events.push(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])));
            }
            // The first word names the language; what stands behind it is for the tests.
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split_whitespace().next().unwrap_or_default().to_owned();
                events.push(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language.into()))));
            }
            Event::Start(Tag::HtmlBlock) if is_comment(&text[range.clone()]) => is_unseen = true,
            Event::End(TagEnd::HtmlBlock) if is_unseen => is_unseen = false,
            Event::Html(_) if is_unseen => {}
            Event::Start(Tag::HtmlBlock) => events.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => events.push(Event::End(TagEnd::Paragraph)),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                events.push(Event::Text(page::plain(&text).into_owned().into()));
            }
            Event::Code(text) => events.push(Event::Code(page::plain(&text).into_owned().into())),
            other => events.push(other),
        }
    }
    let mut written = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut written, events.into_iter());
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_names_that_github_gives_them() {
        let document = read(
            "# The *first* `code`\n\ntext\n\n## What's new? (2.0)\n\n## Twice\n\n## Twice\n\n### Größe_x – y\n",
        );
        let anchors: Vec<&str> = document.headings.iter().map(|heading| heading.anchor.as_str()).collect();
        assert_eq!(anchors, ["the-first-code", "whats-new-20", "twice", "twice-1", "größe_x--y"]);
        assert_eq!(document.title, "The first code");
        assert!(document.has("twice-1") && !document.has("twice-2"));
        assert_eq!(document.sections[1].text.trim(), "text");
    }

    #[test]
    fn links_pictures_and_blocks_are_found_where_they_are() {
        let text = "See [one](a.md#b), ![two](c.svg) and [three].\n\n[three]: https://e.org\n\n```console run=1\n$ false\n```\n\n`[no](link)`\n";
        let document = read(text);
        let links: Vec<(&str, usize, bool)> =
            document.links.iter().map(|link| (link.target.as_str(), link.offset, link.is_picture)).collect();
        assert_eq!(links, [("a.md#b", 4, false), ("c.svg", 19, true), ("https://e.org", 37, false)]);
        assert_eq!(document.blocks.len(), 1);
        let block = &document.blocks[0];
        assert_eq!((block.info.as_str(), block.text.as_str()), ("console run=1", "$ false\n"));
        assert!(text[block.offset..].starts_with("```console"));
    }

    #[test]
    fn nothing_of_a_document_becomes_markup_but_its_own_signs() {
        let hostile = "# <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\na <b onclick=x>b</b> `<i>`\n\n\
                       ```html\n</code></pre><script>\n```\n\n[x](javascript:alert(1)) ![y](\"><script>) \u{202e}txt\x1b[31m\n\n\
                       | a | b |\n|:-:|--:|\n| <u> | 1 |\n";
        let html =
            html(hostile, &|link| (!link.target.starts_with("javascript:")).then(|| link.target.clone()));
        for bad in ["<script", "<img src=x", "<b ", "<i>", "<u>", "javascript:", "style=", "\u{202e}", "\x1b"]
        {
            assert!(!html.contains(bad), "{bad}\n{html}");
        }
        for good in ["&lt;script&gt;alert(1)", "&lt;img src=x", "<table>", "<code class=\"language-html\">"] {
            assert!(html.contains(good), "{good}\n{html}");
        }
    }

    #[test]
    fn comments_are_not_shown_and_nothing_hides_behind_one() {
        let text = "# T\n\n<!-- begin -->\n\nseen\n\n<!-- two\nlines -->\n\n<!-- a --> <b> <!-- c -->\n\nx <!-- in -->\n";
        let html = html(text, &|_| None);
        assert!(html.contains("<p>seen</p>") && !html.contains("<p></p>"), "{html}");
        assert!(!html.contains("begin") && !html.contains("lines"), "{html}");
        assert!(html.contains("&lt;!-- a --&gt; &lt;b&gt;") && html.contains("&lt;!-- in --&gt;"), "{html}");
        let said = read(text).sections.iter().map(|section| section.text.clone()).collect::<String>();
        assert!(!said.contains("begin") && !said.contains("lines") && said.contains("<b>"), "{said}");
    }

    #[test]
    fn links_lead_where_the_site_says() {
        let html = html("## A b\n\n[in](x.md), [out](y.rs)\n", &|link| {
            link.target.strip_suffix(".md").map(|name| format!("{name}.html"))
        });
        assert!(html.contains("<h2 id=\"a-b\">A b <a class=\"anchor\" href=\"#a-b\""), "{html}");
        assert!(html.contains("<a href=\"x.html\">in</a>, out"), "{html}");
    }
}
