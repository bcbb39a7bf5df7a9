//! The one place where an error becomes text.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::Error;
use crate::core::diagnostic::Diagnostic;
use crate::core::finding::{Finding, Severity};
use crate::core::text;

/// How text for people is set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Style {
    /// Whether colours are used.
    pub color: bool,
    /// How many columns there are.
    pub width: usize,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// Something failed.
    Bad,
    /// Something should be looked at.
    Doubtful,
    /// Something went well.
    Good,
    /// A next step.
    Hint,
    /// Worth less attention than what stands around it.
    Quiet,
    /// Worth more.
    Strong,
}

impl Style {
    /// Without colours, for a reader who has about 100 columns.
    pub const PLAIN: Self = Self { color: false, width: 100 };

    /// `text`, which holds no escape sequences, in a colour.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Bad => "1;31",
            Tone::Doubtful => "1;33",
            Tone::Good => "32",
            Tone::Hint => "36",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// `error` as people read it: message, causes, the places in files with line and caret, and hints. Ends with a line end.
///
/// Tools' words inside of it cannot bring escape sequences along.
pub fn render(error: &Error, style: Style) -> String {
    let mut rendered = String::new();
    paragraph(&mut rendered, "", &style.paint(Tone::Bad, "error: "), error.message());
    for cause in error.causes() {
        paragraph(&mut rendered, "  ", &style.paint(Tone::Quiet, "caused by: "), cause);
    }
    for place in error.diagnostics() {
        rendered.push('\n');
        rendered.push_str(&snippet(place, style));
        rendered.push('\n');
    }
    if !error.diagnostics().is_empty() && !error.hints().is_empty() {
        rendered.push('\n');
    }
    let mut hints: Vec<&String> = Vec::new();
    for hint in error.hints() {
        // Errors of several steps often end in the same advice.
        if !hints.contains(&hint) {
            paragraph(&mut rendered, "", &style.paint(Tone::Hint, "hint: "), hint);
            hints.push(hint);
        }
    }
    rendered
}

/// `label` and `said`; further lines of it stand indented below.
fn paragraph(rendered: &mut String, margin: &str, label: &str, said: &str) {
    let said = text::strip(said.trim());
    let mut lines = said.lines();
    rendered.push_str(margin);
    rendered.push_str(label);
    rendered.push_str(lines.next().unwrap_or_default());
    rendered.push('\n');
    for line in lines {
        rendered.push_str(&text::indent(line, &format!("{margin}    ")));
    }
}

/// A place with its line and a caret.
fn snippet(place: &Diagnostic, style: Style) -> String {
    draw(Severity::Error, "", 1, place, style)
}

/// A finding with the line where it is and a caret, where that line is known. Ends with a line end.
pub fn render_finding(finding: &Finding, style: Style) -> Option<String> {
    let source = finding.judged.as_ref()?.source.as_deref()?;
    let location = finding.location.as_ref()?;
    let line = usize::try_from(location.line?).ok()?;
    // Columns count characters. Without one, all of the line is meant, but for what moves it to the right.
    let offset = |column: u32| {
        let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        source.char_indices().nth(before).map_or(source.len(), |(offset, _)| offset)
    };
    let start = location.column.map_or_else(|| source.len() - source.trim_start().len(), offset);
    let end = match location.end {
        Some(end) if Some(end.line) == location.line => offset(end.column),
        None if location.column.is_some() => start + 1,
        Some(_) | None => source.trim_end().len(),
    };
    let mut place = Diagnostic::new(&location.path, source.into(), start..end.max(start), &finding.message);
    place.help.clone_from(&finding.help);
    let id = format!("{} {}", finding.tool, finding.rule);
    let mut drawn = draw(finding.severity, &text::one_line(&id), line, &place, style);
    drawn.push('\n');
    Some(drawn)
}

/// What is said of a place, `first_line` being the number of the first line of its text.
fn draw(severity: Severity, id: &str, first_line: usize, place: &Diagnostic, style: Style) -> String {
    let (start, end) = (boundary(&place.text, place.span.start), boundary(&place.text, place.span.end));
    let mut annotation = AnnotationKind::Primary.span(start..end.max(start));
    if !place.label.is_empty() {
        annotation = annotation.label(text::one_line(&place.label));
    }
    let path = place.path.to_string_lossy();
    // The renderer shows other control characters as pictures. These it passes on; the dot is as long as they are.
    let source = place.text.replace(|c: char| matches!(c, '\u{80}'..='\u{9f}'), "·");
    let source = Snippet::source(source).line_start(first_line);
    let source = source.path(text::one_line(&path)).annotation(annotation);
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(text::one_line(&place.message));
    let title = if id.is_empty() { title } else { title.id(id) };
    let mut group = title.element(source);
    if let Some(help) = &place.help {
        group = group.element(Level::HELP.message(text::one_line(help)));
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(style.width).render(&[group])
}

/// The last place at or before byte `offset` where a character begins.
fn boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&offset| text.is_char_boundary(offset)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;

    use super::*;
    use crate::core::finding::{Judged, Location, Position};

    fn configuration() -> Error {
        let file: Arc<str> = "[project]\nname = \"größe\"\n\n[tasks.\"test.backend\"]\n\ttimout = \"10m\"\nmemory = \"1 GB\"\n".into();
        let place = |word: &str, message: &str| {
            let start = file.find(word).unwrap();
            Diagnostic::new("xtask.toml", Arc::clone(&file), start..start + word.len(), message)
        };
        Error::configuration("`xtask.toml` has 2 problems")
            .places([
                place("timout", "unknown key `timout`").label("not a key").help("did you mean `timeout`?"),
                place("\"1 GB\"", "`1 GB` is no size"),
            ])
            .hint("`docs/configuration.md` lists all keys")
    }

    #[test]
    fn message_causes_places_and_hints() {
        let error = Error::missing("could not write `a`")
            .cause("first\nsecond \x1b[31mline\x1b[0m")
            .cause("no space left on device")
            .hint("make room")
            .hint("or look elsewhere")
            .hint("make room");
        expect![[r#"
            error: could not write `a`
              caused by: first
                  second line
              caused by: no space left on device
            hint: make room
            hint: or look elsewhere
        "#]]
        .assert_eq(&render(&error, Style::PLAIN));
        expect![[r#"
            error: `xtask.toml` has 2 problems

            error: unknown key `timout`
             --> xtask.toml:5:2
              |
            5 |     timout = "10m"
              |     ^^^^^^ not a key
              |
              = help: did you mean `timeout`?

            error: `1 GB` is no size
             --> xtask.toml:6:10
              |
            6 | memory = "1 GB"
              |          ^^^^^^

            hint: `docs/configuration.md` lists all keys
        "#]]
        .assert_eq(&render(&configuration(), Style::PLAIN));
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let coloured = render(&configuration(), Style { color: true, ..Style::PLAIN });
        assert!(coloured.contains('\x1b'));
        assert_eq!(text::strip(&coloured), render(&configuration(), Style::PLAIN));
    }

    #[test]
    fn any_span_in_any_text_is_shown() {
        for file in ["", "\n", "a", "größe\r\n好\n", "\x1b[31mred\0\u{9b}", "no end", &"x".repeat(5000)] {
            for start in 0..12 {
                for end in [0, start, start + 1, start + 7, usize::MAX] {
                    let place = Diagnostic::new("f\n", file.into(), start..end, "wrong\nhere").label("this");
                    let rendered =
                        render(&Error::problems("x").places([place]), Style { color: false, width: 40 });
                    assert!(rendered.contains("wrong here"), "{rendered}");
                    assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'), "{rendered:?}");
                }
            }
        }
    }

    fn finding(source: &str, column: Option<u32>, end: Option<Position>) -> Finding {
        let judged =
            Judged { fingerprint: String::new(), source: Some(source.to_owned()), suppression: None };
        let location = Location { end, ..Location::at("a\n:b.py", Some(41), column) };
        Finding {
            rule: "S105".into(),
            severity: Severity::Warning,
            location: Some(location),
            help: Some("read it from the environment".into()),
            judged: Some(Box::new(judged)),
            ..Finding::error("ruff", "possible hardcoded \x1b[31mpassword")
        }
    }

    #[test]
    fn a_finding_points_into_its_line() {
        let found = finding("größe = 'x'", Some(9), Some(Position { line: 41, column: 12 }));
        expect![[r#"
            warning[ruff S105]: possible hardcoded password
              --> a :b.py:41:9
               |
            41 | größe = 'x'
               |         ^^^
               |
               = help: read it from the environment
        "#]]
        .assert_eq(&render_finding(&found, Style::PLAIN).unwrap());
        let whole = render_finding(&finding("    x = 1", None, None), Style::PLAIN).unwrap();
        assert!(whole.contains("\n   |     ^^^^^\n"), "{whole}");
        let nowhere = Finding { judged: None, ..found };
        assert_eq!(render_finding(&nowhere, Style::PLAIN), None);
    }

    #[test]
    fn a_finding_in_any_line_is_shown() {
        for source in ["", "a", "größe", "\x1b[31mred\0\u{9b}", "\t\tx", &"好".repeat(300)] {
            for column in [None, Some(1), Some(4), Some(u32::MAX)] {
                for end in [None, Some((41, 1)), Some((41, 9)), Some((99, 3)), Some((1, 1))] {
                    let end = end.map(|(line, column)| Position { line, column });
                    let shown =
                        render_finding(&finding(source, column, end), Style { color: false, width: 40 });
                    let shown = shown.unwrap();
                    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
                }
            }
        }
    }
}
