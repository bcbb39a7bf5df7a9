//! Markdown as GitHub reads it (github.github.com/gfm), made of text that must stay text.

use std::borrow::Cow;

use crate::text;

/// Text on one line that is shown as it stands: no emphasis, no link, no mention, no HTML.
///
/// A backslash before punctuation of ASCII makes it a plain character (section 2.4, backslash escapes); `<` and `&` become
/// entities, because a page may be made of the same text by less careful readers.
pub fn escape(text: &str) -> String {
    let plain = text::one_line(text);
    let mut safe = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            ' ' | ',' | ';' | '\'' | '"' | '/' | '%' | '?' => safe.push(c),
            c if c.is_ascii_punctuation() => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

/// Text on one line as code. A bar in it ends a cell: in tables it is for names that have none.
pub fn code(text: &str) -> String {
    let plain = text::one_line(text);
    if plain.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&plain) + 1);
    // A space goes away where one stands on both sides (section 6.3), and keeps backticks apart.
    format!("{fence} {plain} {fence}")
}

/// A block of text as it stands, with its lines.
pub fn block(text: &str) -> String {
    let plain = text::strip(text);
    let fence = "`".repeat((longest_run(&plain) + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", plain.trim_end())
}

/// Something that is folded up below a line.
pub fn folded(summary: &str, inside: &str) -> String {
    let summary: Cow<'_, str> = text::one_line(summary);
    let summary = summary.replace('&', "&amp;").replace('<', "&lt;");
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>\n", inside.trim_end())
}

/// The most backticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (text, safe) in [
            ("plain größe, 3 %", "plain größe, 3 %"),
            ("**bold** _x_ `c` ~~s~~", r"\*\*bold\*\* \_x\_ \`c\` \~\~s\~\~"),
            ("[a](http://x) @someone #1", r"\[a\]\(http\://x\) \@someone \#1"),
            ("<img src=x> &lt; a | b", r"&lt;img src\=x\> &amp;lt; a \| b"),
            ("# title\n- list\x1b[31m", r"\# title \- list"),
            ("$x$ :tada: https://e.org", r"\$x\$ \:tada\: https\://e\.org"),
        ] {
            assert_eq!(escape(text), safe, "{text:?}");
        }
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("a | b"), "` a | b `");
        assert_eq!(code("`` x ` y"), "``` `` x ` y ```");
        assert_eq!(code("\n"), "");
        assert_eq!(block("one\n```\ntwo\x07\n\n"), "````text\none\n```\ntwo\n````\n");
        assert_eq!(
            folded("a <b>", "inside\n"),
            "<details><summary>a &lt;b></summary>\n\ninside\n\n</details>\n"
        );
    }
}
