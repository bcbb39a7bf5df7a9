//! The instructions of a Dockerfile, each with its place.

use std::ops::Range;

/// An instruction: `COPY --from=build /app /app`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instruction {
    /// Its first word, in capitals.
    pub keyword: String,
    /// What follows, as it is written, continued lines and the comments between them included.
    text: String,
    /// Where `text` begins.
    start: usize,
    /// The bytes of all of it, its here-documents excepted.
    pub span: Range<usize>,
    escape: char,
}

type WithSpan = (String, Range<usize>);

/// What stands in a place that a message is about.
pub(super) type Problem = (Range<usize>, String);

impl Instruction {
    /// The flags (`--from=build`) and the words behind them. Quotes stay where they are.
    pub fn flags_and_words(&self) -> (Vec<WithSpan>, Vec<WithSpan>) {
        let words = self.words();
        let flags = words.iter().take_while(|(word, _)| word.starts_with("--")).count();
        let (flags, words) = words.split_at(flags);
        (flags.to_vec(), words.to_vec())
    }

    /// The images or stages that it copies or mounts from.
    pub fn sources(&self) -> Vec<WithSpan> {
        let mut sources = Vec::new();
        for (flag, span) in self.flags_and_words().0 {
            let value = match self.keyword.as_str() {
                "COPY" | "ADD" => flag.strip_prefix("--from="),
                "RUN" => flag
                    .strip_prefix("--mount=")
                    .and_then(|mount| mount.split(',').find_map(|part| part.strip_prefix("from="))),
                _ => None,
            };
            let Some(value) = value else { continue };
            let offset = flag.find(value).unwrap_or(0);
            sources.push((value.to_owned(), span.start + offset..span.start + offset + value.len()));
        }
        sources
    }

    fn words(&self) -> Vec<WithSpan> {
        let mut words: Vec<WithSpan> = Vec::new();
        let mut word: Option<usize> = None;
        let mut quote = None;
        let mut skip_line = false;
        let mut line_start = false;
        let mut chars = self.text.char_indices().peekable();
        let mut end = |word: &mut Option<usize>, at: usize| {
            if let Some(start) = word.take() {
                let span = self.start + start..self.start + at;
                words.push((self.text[start..at].to_owned(), span));
            }
        };
        while let Some((at, c)) = chars.next() {
            if skip_line {
                skip_line = c != '\n';
                line_start = !skip_line;
                continue;
            }
            let continued = c == self.escape
                && self.text[at + c.len_utf8()..].trim_start_matches([' ', '\t', '\r']).starts_with('\n');
            match c {
                _ if continued && quote.is_none() => end(&mut word, at),
                '#' if line_start && word.is_none() => skip_line = true,
                '"' | '\'' if quote.is_none() => {
                    quote = Some(c);
                    word.get_or_insert(at);
                }
                _ if quote == Some(c) => quote = None,
                _ if c.is_whitespace() && quote.is_none() => end(&mut word, at),
                _ if c == self.escape && chars.peek().is_some() => {
                    word.get_or_insert(at);
                    chars.next();
                }
                _ => drop(word.get_or_insert(at)),
            }
            line_start = if c == '\n' { true } else { line_start && c.is_whitespace() };
        }
        end(&mut word, self.text.len());
        words
    }

    /// The ends of the here-documents that follow it, and whether tabs in front of them count.
    fn here_documents(&self) -> Vec<(String, bool)> {
        if !matches!(self.keyword.as_str(), "RUN" | "COPY" | "ADD") {
            return Vec::new();
        }
        let here = |(word, _): WithSpan| {
            let rest = word[word.find("<<")?..].strip_prefix("<<")?.to_owned();
            let (rest, tabs) =
                rest.strip_prefix('-').map_or((rest.clone(), false), |rest| (rest.to_owned(), true));
            let end: String = rest.trim_matches(['"', '\'']).to_owned();
            let name = !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            name.then_some((end, tabs))
        };
        self.words().into_iter().filter_map(here).collect()
    }
}

/// The keywords that there are.
const KEYWORDS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The instructions of a text; or the first place that is none.
pub(super) fn read(text: &str) -> Result<Vec<Instruction>, Problem> {
    let escape = escape(text);
    let mut instructions = Vec::new();
    let mut lines = Lines { text, at: text.len() - text.trim_start_matches('\u{feff}').len() };
    while let Some((start, line)) = lines.next_line() {
        let trimmed = line.trim_start();
        if trimmed.trim_end().is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let start = start + line.len() - trimmed.len();
        let mut last = trimmed;
        // Empty lines and comments within a continued instruction do not end it.
        while last.trim_end().ends_with(escape)
            || last.trim().is_empty()
            || last.trim_start().starts_with('#')
        {
            match lines.next_line() {
                Some((_, line)) => last = line,
                None => break,
            }
        }
        let all = &text[start..lines.at];
        let all = all.trim_end();
        let word = all.find(char::is_whitespace).unwrap_or(all.len());
        let keyword = all[..word].to_uppercase();
        let span = start..start + all.len();
        if !KEYWORDS.contains(&keyword.as_str()) {
            return Err((start..start + word, format!("`{}` is no instruction", &all[..word])));
        }
        let instruction = Instruction {
            keyword,
            text: all[word..].to_owned(),
            start: start + word,
            span: span.clone(),
            escape,
        };
        for (end, tabs) in instruction.here_documents() {
            loop {
                let Some((_, line)) = lines.next_line() else {
                    return Err((span, format!("the here-document does not end: there is no line `{end}`")));
                };
                let line = line.trim_end_matches(['\r', '\n']);
                if (if tabs { line.trim_start_matches('\t') } else { line }) == end {
                    break;
                }
            }
        }
        instructions.push(instruction);
    }
    Ok(instructions)
}

/// What a directive at the top makes of the character that continues lines: `` # escape=` ``.
fn escape(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let value = directives
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("escape"));
    value
        .and_then(|(_, value)| value.trim().chars().next())
        .filter(|c| matches!(c, '`' | '\\'))
        .unwrap_or('\\')
}

struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    /// The next line with its end, and where it begins.
    fn next_line(&mut self) -> Option<(usize, &'t str)> {
        let start = self.at;
        let line = self.text[start..].split_inclusive('\n').next()?;
        self.at += line.len();
        Some((start, line))
    }
}
