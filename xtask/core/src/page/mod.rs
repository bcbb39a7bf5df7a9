//! A page that needs nothing but a browser: to be looked at, sent, kept and printed.
//!
//! No network, nothing outside the file, and no script but those that the page names; colours follow the reader's light or
//! dark. The page forbids itself everything else by a policy of its own (Content Security Policy Level 3, `style-src` and
//! `script-src` with the hashes of what stands in it), so that text from outside which was not escaped could still do nothing.

pub(crate) mod scale;

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use crate::text;

/// Colours for light and dark, headings, tables, drawings, for a screen and for paper.
const BASE: &str = include_str!("base.css");

/// The width of a letter at the size in which drawings are labelled, on the average of a proportional typeface, a little
/// generous.
const LETTER: f64 = 6.1;

/// Writes a page without scripts up to the beginning of its body. `style` comes after what all pages have in common.
pub(crate) fn begin(html: &mut String, title: &str, style: &str) -> fmt::Result {
    open(html, title, style, "form-action 'none'")
}

/// The same of a page of several: it may run these scripts, which are written by [`script`], show pictures that stand in it, and
/// send a form to its neighbours. Those of a page that is opened as a file have its scheme, and no origin.
pub(crate) fn begin_interactive(
    html: &mut String,
    title: &str,
    style: &str,
    scripts: &[&str],
) -> fmt::Result {
    let hashes: Vec<String> = scripts.iter().map(|script| format!("'sha256-{}'", hash(script))).collect();
    let rules = format!("script-src {}; img-src data:; form-action 'self' file:", hashes.join(" "));
    open(html, title, style, &rules)
}

/// Writes a script as it stands; of what the page may run it has to be one.
pub(crate) fn script(html: &mut String, script: &str) -> fmt::Result {
    writeln!(html, "<script>{script}</script>")
}

fn open(html: &mut String, title: &str, style: &str, rules: &str) -> fmt::Result {
    let style = format!("\n{BASE}{style}");
    let hash = hash(&style);
    let title = escape(title);
    writeln!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; {rules}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>"
    )
}

/// What a policy calls a style sheet or a script.
fn hash(text: &str) -> String {
    STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

/// Writes the end of a page, with how it was made.
pub(crate) fn end(html: &mut String, origin: &str) -> fmt::Result {
    writeln!(html, "<footer>{}</footer>\n</body>\n</html>", escape(origin))
}

/// Text as it may stand in HTML and SVG, between tags and in quoted attributes: without markup and control characters, on one
/// line.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    safe(text::one_line(text))
}

/// The same with its lines.
pub(crate) fn escape_lines(text: &str) -> Cow<'_, str> {
    safe(text::strip(text))
}

/// Text with its lines that somebody else escapes: without control characters and without what turns the direction of the text
/// around it.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let plain = text::strip(text);
    if plain.contains(turns) { Cow::Owned(plain.replace(turns, "\u{fffd}")) } else { plain }
}

/// A sentence of ours on one line, with what stands between backticks set as code.
pub(crate) fn prose(text: &str) -> String {
    let safe = escape(text);
    let mut pieces = safe.split('`').peekable();
    let mut html = String::with_capacity(safe.len() + 32);
    let mut is_code = false;
    while let Some(piece) = pieces.next() {
        match (is_code, pieces.peek()) {
            (true, Some(_)) => html.extend(["<code>", piece, "</code>"]),
            // A backtick that nothing answers.
            (true, None) => html.extend(["`", piece]),
            (false, _) => html.push_str(piece),
        }
        is_code = !is_code;
    }
    html
}

fn safe(plain: Cow<'_, str>) -> Cow<'_, str> {
    if !plain.contains(['&', '<', '>', '"', '\'']) && !plain.contains(turns) {
        return plain;
    }
    let mut safe = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if turns(c) => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Whether a character changes the direction of the text around it (Unicode Standard Annex #9, explicit formatting), so that
/// what is read is not what stands there.
const fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How wide a label is in a drawing, about.
pub(crate) fn width(label: &str) -> f64 {
    let letters = u32::try_from(text::width(label)).unwrap_or(u32::MAX);
    f64::from(letters) * LETTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_escaped_is_markup() {
        for (text, safe) in [
            ("plain größe", "plain größe"),
            ("<a href=\"x\">'&", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"),
            ("two\nlines\t\x1b[31mred", "two lines red"),
            ("user\u{202e}txt.exe", "user\u{fffd}txt.exe"),
        ] {
            assert_eq!(escape(text), safe, "{text:?}");
        }
        assert_eq!(prose("`a<` and `b` or `c"), "<code>a&lt;</code> and <code>b</code> or `c");
        assert_eq!(escape_lines("<b>\n\tx\x07"), "&lt;b&gt;\n\tx");
    }

    #[test]
    fn the_policy_names_the_style_that_stands_there() {
        let mut html = String::new();
        begin(&mut html, "</title><script>", "p { color: red; }\n").unwrap();
        end(&mut html, "<b>").unwrap();
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        assert!(html.contains(&format!("style-src 'sha256-{hash}'")), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>"));
        assert!(html.contains("form-action 'none'\">") && !html.contains("script-src"));
    }

    #[test]
    fn the_policy_names_the_scripts_that_may_run() {
        let mut html = String::new();
        begin_interactive(&mut html, "t", "", &["one();", "two();"]).unwrap();
        script(&mut html, "one();").unwrap();
        let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
        let rule =
            format!("script-src 'sha256-{}' 'sha256-{}'; img-src data:", hash("one();"), hash("two();"));
        assert!(html.contains(&rule) && html.ends_with("<script>one();</script>\n"), "{html}");
    }
}
