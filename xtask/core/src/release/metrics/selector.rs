//! Which series are summed: a metric name and what its labels must look like.

use std::fmt;
use std::str::FromStr;

/// What the value of a label must look like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Match {
    /// This text. The empty text also matches a label that is not there, as in Prometheus.
    Equals(String),
    /// This beginning.
    StartsWith(String),
    /// A status class: three digits of which this is the first, or the class itself, `5xx`.
    Class(char),
    /// One of these texts.
    AnyOf(Vec<String>),
}

impl Match {
    /// Whether `value` looks like this; a label that is not there has the empty value.
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => value == text,
            Self::StartsWith(beginning) => value.starts_with(beginning.as_str()),
            Self::Class(class) => {
                // Some programs count by class and write it so: `5xx`.
                let rest = value.strip_prefix(*class).unwrap_or_default();
                rest == "xx" || (rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_digit()))
            }
            Self::AnyOf(texts) => texts.iter().any(|text| text == value),
        }
    }
}

/// A metric, and what the labels of its series must look like; every match must accept.
///
/// Written as in Prometheus, with the matches above as the only patterns: `http_requests_total{status=~"5xx",
/// method=~"GET|POST", path=~"/api/.*", region="north"}`. The quotes may be left out where a value has no `,` or `}`.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    /// The name of the sample; of a histogram, without `_bucket`.
    pub metric: String,
    /// Label names and what their values must look like.
    pub matches: Vec<(String, Match)>,
}

impl Selector {
    /// All series of `metric`.
    pub fn new(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), matches: Vec::new() }
    }

    /// Demands that `label` looks like `wanted`.
    pub fn and(mut self, label: impl Into<String>, wanted: Match) -> Self {
        self.matches.push((label.into(), wanted));
        self
    }

    /// Whether a series with these labels is selected, its name aside.
    pub(super) fn accepts<'l>(&self, labels: &(impl Iterator<Item = (&'l str, &'l str)> + Clone)) -> bool {
        self.matches.iter().all(|(label, wanted)| {
            let value = labels.clone().find(|(name, _)| name == label).map_or("", |(_, value)| value);
            wanted.accepts(value)
        })
    }
}

impl fmt::Display for Selector {
    /// As Prometheus reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        for (position, (label, wanted)) in self.matches.iter().enumerate() {
            f.write_str(if position == 0 { "{" } else { ", " })?;
            match wanted {
                Match::Equals(text) => write!(f, "{label}=\"{text}\""),
                Match::StartsWith(beginning) => write!(f, "{label}=~\"{beginning}.*\""),
                Match::Class(class) => write!(f, "{label}=~\"{class}..\""),
                Match::AnyOf(texts) => write!(f, "{label}=~\"{}\"", texts.join("|")),
            }?;
        }
        if self.matches.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}

impl TryFrom<String> for Selector {
    type Error = SelectorError;

    fn try_from(text: String) -> Result<Self, SelectorError> {
        text.parse()
    }
}

/// Why a text is no selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is no selector: {reason}")]
pub struct SelectorError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let wrong = |reason| SelectorError { text: text.to_owned(), reason };
        let (metric, inner) = match text.trim().split_once('{') {
            None => (text.trim(), ""),
            Some((metric, rest)) => {
                (metric.trim(), rest.strip_suffix('}').ok_or_else(|| wrong("the brace is not closed"))?)
            }
        };
        let name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            name.chars().all(allowed) && name.starts_with(|c: char| !c.is_ascii_digit())
        };
        if !name(metric) {
            return Err(wrong("a metric name has letters, digits, `_` and `:`"));
        }
        let mut selector = Self::new(metric);
        let mut rest = inner.trim();
        while !rest.is_empty() {
            let (label, after) =
                rest.split_once('=').ok_or_else(|| wrong("a label needs `=` or `=~` and a value"))?;
            let label = label.trim();
            if !name(label) || label.contains(':') {
                return Err(wrong(
                    "a label name has letters, digits and `_`; `!=` and `!~` are not supported",
                ));
            }
            let (pattern, after) = match after.strip_prefix('~') {
                Some(after) => (true, after.trim_start()),
                None => (false, after.trim_start()),
            };
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| wrong("the quote is not closed"))?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            let value = value.trim_end();
            let wanted =
                if pattern { pattern_of(value).map_err(wrong)? } else { Match::Equals(value.to_owned()) };
            selector.matches.push((label.to_owned(), wanted));
            rest = after.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if rest.is_empty() => rest,
                None => return Err(wrong("a comma is missing between two labels")),
            };
        }
        Ok(selector)
    }
}

/// What `=~` may be followed by: `5xx` or `5..`, `a|b`, `beginning.*`. Other regular expressions are refused rather than read
/// as something else.
fn pattern_of(text: &str) -> Result<Match, &'static str> {
    let plain = |text: &str| !text.contains(['.', '*', '+', '?', '(', ')', '[', ']', '\\', '^', '$', '|']);
    if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("..")) {
        let mut digits = class.chars();
        if let (Some(digit @ '1'..='5'), None) = (digits.next(), digits.next()) {
            return Ok(Match::Class(digit));
        }
    }
    if let Some(beginning) = text.strip_suffix(".*").filter(|beginning| plain(beginning)) {
        return Ok(Match::StartsWith(beginning.to_owned()));
    }
    let texts: Vec<&str> = text.split('|').collect();
    if texts.iter().all(|text| plain(text)) {
        return Ok(Match::AnyOf(texts.into_iter().map(str::to_owned).collect()));
    }
    Err("`=~` takes a class `5xx`, alternatives `a|b` or a beginning `a.*`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_accept_what_they_say() {
        let table = [
            (Match::Equals("500".into()), "500", true),
            (Match::Equals("500".into()), "5000", false),
            (Match::Equals(String::new()), "", true),
            (Match::Class('5'), "503", true),
            (Match::Class('5'), "5xx", true),
            (Match::Class('5'), "2xx", false),
            (Match::Class('5'), "5ab", false),
            (Match::Class('5'), "50", false),
            (Match::Class('5'), "5\u{e9}", false),
            (Match::StartsWith("/api".into()), "/api/x", true),
            (Match::StartsWith("/api".into()), "/ap", false),
            (Match::AnyOf(vec!["GET".into(), "PUT".into()]), "PUT", true),
            (Match::AnyOf(vec!["GET".into(), "PUT".into()]), "POST", false),
        ];
        for (wanted, value, accepted) in table {
            assert_eq!(wanted.accepts(value), accepted, "{wanted:?} {value}");
        }
    }

    #[test]
    fn a_selector_reads_what_it_writes() {
        let texts = [
            "up",
            "a:b{status=~\"5..\"}",
            "http_requests_total{status=~\"5..\", method=~\"GET|POST\", path=~\"/api/.*\", region=\"north, east\"}",
        ];
        for text in texts {
            assert_eq!(text.parse::<Selector>().unwrap().to_string(), text);
        }
        let bare: Selector = "http_requests_total{status=~5xx,method = GET ,}".parse().unwrap();
        let expected = Selector::new("http_requests_total")
            .and("status", Match::Class('5'))
            .and("method", Match::Equals("GET".into()));
        assert_eq!(bare, expected);
        assert_eq!(
            "a{b=~\"4..\"}".parse::<Selector>().unwrap(),
            Selector::new("a").and("b", Match::Class('4'))
        );
    }

    #[test]
    fn what_is_no_selector_says_why() {
        let table = [
            ("", "metric name"),
            ("9a", "metric name"),
            ("a{b=\"c\"", "brace"),
            ("a{b}", "needs `=`"),
            ("a{b!=\"c\"}", "not supported"),
            ("a{b=\"c}", "quote"),
            ("a{b=\"c\" d=\"e\"}", "comma"),
            ("a{b=~\"[45]..\"}", "alternatives"),
            ("a{b=~\"x+\"}", "alternatives"),
        ];
        for (text, word) in table {
            let error = text.parse::<Selector>().unwrap_err();
            assert!(error.reason.contains(word), "{text}: {error}");
        }
    }
}
