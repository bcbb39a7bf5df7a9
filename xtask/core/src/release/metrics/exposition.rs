//! The parser of metric pages: Prometheus text format 0.0.4, and what `OpenMetrics` 1.0 adds to it.
//!
//! Source of the formats: `docs/instrumenting/exposition_formats.md` of Prometheus and the `OpenMetrics` specification. One
//! pass, nothing copied but label values with escapes in them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// The longest page that is read, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// Why a page is not used at all.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageError {
    /// More than [`BYTES_MAX`].
    #[error("the metrics page has {bytes} bytes, more than the {BYTES_MAX} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nothing but white space.
    #[error("the metrics page is empty")]
    Empty,
    /// The page does not end as the format demands. What is missing would look like a counter that dropped.
    #[error("the metrics page is cut off: it does not end with {expected}")]
    Truncated {
        /// What should stand at the end.
        expected: &'static str,
    },
    /// An error page, JSON, anything else.
    #[error("this is no metrics page: it begins with `{beginning}`")]
    Foreign {
        /// The first characters.
        beginning: String,
    },
}

/// One series with its value at the time of the scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The name of the sample, suffix (`_total`, `_bucket`) included.
    pub name: &'a str,
    /// The value; any number, NaN and the infinities included.
    pub value: f64,
    labels: Range<usize>,
}

/// A page of metrics that was read.
#[derive(Clone, Debug, Default)]
pub struct Exposition<'a> {
    samples: Vec<Sample<'a>>,
    /// Labels of all samples in one list: pages have many samples with few labels each.
    labels: Vec<(&'a str, Cow<'a, str>)>,
    /// Names after `# TYPE`: a labelled counter that nobody has incremented yet has this line and no sample.
    families: BTreeSet<&'a str>,
    skipped: usize,
}

impl<'a> Exposition<'a> {
    /// All samples in the order of the page.
    pub fn samples(&self) -> &[Sample<'a>] {
        &self.samples
    }

    /// The labels of `sample`, in the order of the page, escapes resolved.
    pub fn labels(&self, sample: &Sample<'a>) -> &[(&'a str, Cow<'a, str>)] {
        &self.labels[sample.labels.clone()]
    }

    /// How many lines could not be read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Whether the page speaks of a sample called `name`, be it only by declaring its family.
    pub fn declares(&self, name: &str) -> bool {
        let family =
            ["_total", "_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        self.families.contains(name)
            || family.is_some_and(|family| self.families.contains(family))
            || self.samples.iter().any(|sample| sample.name == name)
    }
}

/// Reads a page. Lines that make no sense, or are no UTF-8, are skipped and counted; a page without one readable line is an
/// error.
///
/// A page that was cut off within a line is refused. One that was cut off between two lines looks whole in the text format:
/// whoever fetches it compares the length with the one that was announced.
pub fn parse(page: &[u8]) -> Result<Exposition<'_>, PageError> {
    if page.len() > BYTES_MAX {
        return Err(PageError::TooLarge { bytes: page.len() });
    }
    let Some(first) = page.iter().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err(PageError::Empty);
    };
    if *first == b'<' {
        return Err(foreign(page));
    }
    let mut exposition = Exposition::default();
    let mut open_metrics = false;
    let mut ended = false;
    for line in page.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            exposition.skipped += 1;
            continue;
        };
        if ended {
            exposition.skipped += 1;
        } else if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("EOF"), None) => ended = true,
                (Some("TYPE"), Some(name)) => {
                    exposition.families.insert(name);
                }
                (Some("UNIT"), Some(_)) => open_metrics = true,
                _ => {}
            }
        } else {
            let start = exposition.labels.len();
            if let Some(sample) = sample(line, &mut exposition.labels) {
                exposition.samples.push(sample);
            } else {
                exposition.labels.truncate(start);
                exposition.skipped += 1;
            }
        }
    }
    if exposition.samples.is_empty() && exposition.families.is_empty() {
        return Err(foreign(page));
    }
    if open_metrics && !ended {
        return Err(PageError::Truncated { expected: "`# EOF`" });
    }
    if !ended && page.last() != Some(&b'\n') {
        return Err(PageError::Truncated { expected: "a line feed" });
    }
    Ok(exposition)
}

fn foreign(page: &[u8]) -> PageError {
    let text = String::from_utf8_lossy(&page[..page.len().min(400)]);
    let beginning =
        text.trim_start().chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    PageError::Foreign { beginning }
}

/// `name{label="value",…} value [timestamp] [# exemplar]`; the labels go to the end of `labels`.
fn sample<'a>(line: &'a str, labels: &mut Vec<(&'a str, Cow<'a, str>)>) -> Option<Sample<'a>> {
    let start = labels.len();
    let (name, mut rest) = word(line, |byte| byte == b':')?;
    rest = rest.trim_ascii_start();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = label_list(inner, labels)?;
    } else if rest.len() == line.len() - name.len() {
        return None; // nothing between name and value
    }
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next()?)?;
    match words.next() {
        None | Some("#") => {}
        Some(timestamp) => {
            number(timestamp)?;
            if !matches!(words.next(), None | Some("#")) {
                return None;
            }
        }
    }
    Some(Sample { name, value, labels: start..labels.len() })
}

/// What stands behind `{`, up to and with `}`; returns what is left of the line.
fn label_list<'a>(mut rest: &'a str, labels: &mut Vec<(&'a str, Cow<'a, str>)>) -> Option<&'a str> {
    loop {
        rest = rest.trim_ascii_start();
        if let Some(end) = rest.strip_prefix('}') {
            return Some(end);
        }
        let (name, after) = word(rest, |_| false)?;
        let quoted = after.trim_ascii_start().strip_prefix('=')?.trim_ascii_start().strip_prefix('"')?;
        let (value, after) = label_value(quoted)?;
        labels.push((name, value));
        rest = after.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A label value behind its opening quote, and what follows the closing one. The escapes are `\\`, `\"` and `\n`; another
/// backslash stands for itself.
fn label_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let stop = rest.find(['"', '\\'])?;
        let plain = &rest[..stop];
        if value.is_empty() {
            value = Cow::Borrowed(plain);
        } else {
            value.to_mut().push_str(plain);
        }
        rest = &rest[stop..];
        if let Some(after) = rest.strip_prefix('"') {
            return Some((value, after));
        }
        let escaped = rest[1..].chars().next()?;
        match escaped {
            'n' => value.to_mut().push('\n'),
            '"' | '\\' => value.to_mut().push(escaped),
            other => {
                value.to_mut().push('\\');
                value.to_mut().push(other);
            }
        }
        rest = &rest[1 + escaped.len_utf8()..];
    }
}

/// The leading name of `text` and what follows it. Letters, digits not in front, `_`, and what `also` allows.
fn word(text: &str, also: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
    let end = text.bytes().position(|byte| !letter(byte) && !byte.is_ascii_digit()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    name.bytes().next().is_some_and(letter).then_some((name, rest))
}

/// A number as the formats write it: decimal, exponent, `NaN`, `+Inf`.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::random::Random;

    fn read(page: &str) -> Vec<(String, f64)> {
        let exposition = parse(page.as_bytes()).unwrap();
        let show = |sample: &Sample<'_>| {
            let labels: Vec<String> =
                exposition.labels(sample).iter().map(|(name, value)| format!("{name}={value}")).collect();
            (format!("{} {}", sample.name, labels.join(",")), sample.value)
        };
        exposition.samples().iter().map(show).collect()
    }

    #[test]
    fn both_formats_are_read() {
        let page = "# HELP http_requests_total Requests.\n\
            # TYPE http_requests_total counter\n\
            http_requests_total{method=\"post\", code=\"200\",} 1027 1395066363000\n\
            http_requests_total {code=\"400\"}\t3\r\n\
            \n\
            # UNIT latency_seconds seconds\n\
            latency_seconds_bucket{le=\"0.1\"} 8 # {trace_id=\"a b\"} 0.054 1520879607.789\n\
            latency_seconds_created 1.5e9\n\
            load:ratio -2.5E-3\n\
            limit +Inf 1.5 # {} 3\n\
            # EOF";
        let expected = [
            ("http_requests_total method=post,code=200", 1027.0),
            ("http_requests_total code=400", 3.0),
            ("latency_seconds_bucket le=0.1", 8.0),
            ("latency_seconds_created ", 1.5e9),
            ("load:ratio ", -0.0025),
            ("limit ", f64::INFINITY),
        ];
        assert_eq!(read(page), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn escapes_are_resolved_once() {
        let page = "a{p=\"C:\\\\DIR\\n\\\"q\\\"\\t}\"} 1\n";
        assert_eq!(read(page), [("a p=C:\\DIR\n\"q\"\\t}".to_owned(), 1.0)]);
    }

    #[test]
    fn a_page_that_is_none_is_an_error() {
        let large = vec![b'a'; BYTES_MAX + 1];
        let foreign = |beginning: &str| PageError::Foreign { beginning: beginning.to_owned() };
        let table: [(&[u8], PageError); 9] = [
            (b"", PageError::Empty),
            (b" \r\n\t", PageError::Empty),
            (&large, PageError::TooLarge { bytes: BYTES_MAX + 1 }),
            (b"<html>\nup 1\n</html>\n", foreign("<html> up 1 </html> ")),
            (b"{\"error\": \"not found\"}", foreign("{\"error\": \"not found\"}")),
            (b"\xff\xfe\n", foreign("\u{fffd}\u{fffd} ")),
            (b"up 1\nrequests 12", PageError::Truncated { expected: "a line feed" }),
            (b"# UNIT a s\na 1\n", PageError::Truncated { expected: "`# EOF`" }),
            (b"upstream connect error or disconnect", foreign("upstream connect error or disconnect")),
        ];
        for (page, error) in table {
            assert_eq!(parse(page).unwrap_err(), error);
        }
    }

    #[test]
    fn a_line_that_makes_no_sense_is_skipped_and_counted() {
        let lines = [
            "a",
            "a{",
            "a{b}",
            "a{b=\"c}",
            "a{b=\"c\" d=\"e\"} 1",
            "a{b='c'} 1",
            "a 0x",
            "a one",
            "a 1 2 3",
            "a 1 now",
            "1a 1",
            "a-b 1",
            "{\"a\"} 1",
            "a1\u{a0}2",
            "a{1b=\"c\"} 1",
            "a{b=\"c\\",
            "a{,} 1",
            "a{b=\"c\"}",
            "a\u{0}1",
        ];
        for line in lines {
            let page = format!("up 1\n{line}\nlast 2\n");
            let exposition = parse(page.as_bytes()).unwrap();
            assert_eq!((exposition.samples().len(), exposition.skipped()), (2, 1), "{line}");
            assert!(exposition.labels.is_empty(), "{line}: labels of a skipped line are forgotten");
        }
        let exposition = parse(b"up 1\na{b=\"\xff\"} 1\n# EOF\nlate 1\n").unwrap();
        assert_eq!((exposition.samples().len(), exposition.skipped()), (1, 2));
    }

    #[test]
    fn as_many_labels_as_fit_are_read() {
        let mut page = "a{".to_owned();
        while page.len() < BYTES_MAX - 20 {
            page.push_str("b=\"\",");
        }
        page.push_str("} 1\n");
        let exposition = parse(page.as_bytes()).unwrap();
        assert!(exposition.labels(&exposition.samples()[0]).len() > 200_000);
    }

    /// Whatever bytes come, there is an answer, every line is accounted for, and a page cut anywhere but at a line's end is
    /// never taken for a whole one.
    #[test]
    fn any_bytes_give_an_answer() {
        let page = b"# TYPE a counter\na{b=\"c\\\\\",d=\"\\\"\"} 12 3 # {x=\"y\"} 1\r\nb_bucket{le=\"+Inf\"} 1e3\nc NaN\n";
        let alphabet = b"a_:{}=\",\\ #\n\r\t1.e+-NnIf\xff\xc3\xa9";
        let mut source = Random::new(1);
        let mut random = |bound: usize| usize::try_from(source.below(bound as u64)).unwrap();
        for round in 0..20_000 {
            let mut bytes = if round % 2 == 0 { page.to_vec() } else { Vec::new() };
            for _ in 0..random(20) {
                let at = random(bytes.len() + 1);
                let byte = alphabet[random(alphabet.len())];
                if at < bytes.len() && random(2) == 0 { bytes[at] = byte } else { bytes.insert(at, byte) }
            }
            if let Ok(exposition) = parse(&bytes) {
                let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
                assert!(exposition.samples().len() + exposition.skipped() <= lines.count());
            }
        }
        for end in 1..page.len() {
            let whole = page[end - 1] == b'\n';
            assert_eq!(parse(&page[..end]).is_ok(), whole, "{:?}", String::from_utf8_lossy(&page[..end]));
        }
    }
}
