//! Secrets are replaced before anybody sees them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use memchr::memmem::Finder;
use serde_json::Value;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// The shortest value that is masked. Shorter ones would tear holes into ordinary text.
pub const LENGTH_MIN: usize = 4;

/// Replaces known secret values by [`MASK`].
///
/// A value of several lines is masked line by line, because tools print and wrap it so.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Longest first, so that a secret that contains another is replaced whole.
    secrets: Vec<Finder<'static>>,
}

impl Mask {
    /// A mask for these values; empty and very short ones are left out.
    pub fn new<S: AsRef<str>>(secrets: &[S]) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.as_ref().lines().map(str::trim));
        let unique: BTreeSet<&str> = lines.filter(|line| line.len() >= LENGTH_MIN).collect();
        let mut values: Vec<&str> = unique.into_iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { secrets: values.into_iter().map(|value| Finder::new(value.as_bytes()).into_owned()).collect() }
    }

    /// Whether `text` holds a secret.
    pub fn finds_in(&self, text: &[u8]) -> bool {
        self.secrets.iter().any(|secret| secret.find(text).is_some())
    }

    /// How long the longest secret is, in bytes; 0 where there is none.
    pub fn longest(&self) -> usize {
        self.secrets.first().map_or(0, |secret| secret.needle().len())
    }

    /// `text` without secrets.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// `data` without secrets: texts, the names of fields, and numbers that are one.
    pub fn value(&self, data: Value) -> Value {
        if self.secrets.is_empty() {
            return data;
        }
        match data {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Number(number) if self.finds_in(number.to_string().as_bytes()) => {
                Value::String(self.text(&number.to_string()))
            }
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (self.text(&name), self.value(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => data,
        }
    }

    /// `bytes` without secrets.
    pub fn bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut masked = Cow::Borrowed(bytes);
        for secret in &self.secrets {
            if secret.find(&masked).is_some() {
                masked = Cow::Owned(replace(&masked, secret));
            }
        }
        masked
    }

    /// How many bytes at the end of `bytes` may be the beginning of a secret.
    fn undecided(&self, bytes: &[u8]) -> usize {
        let longest = |secret: &Finder<'_>| {
            let needle = secret.needle();
            (1..needle.len().min(bytes.len() + 1)).rev().find(|&length| bytes.ends_with(&needle[..length]))
        };
        self.secrets.iter().filter_map(longest).max().unwrap_or(0)
    }
}

fn replace(bytes: &[u8], secret: &Finder<'_>) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut end = 0;
    for start in secret.find_iter(bytes) {
        replaced.extend_from_slice(&bytes[end..start]);
        replaced.extend_from_slice(MASK.as_bytes());
        end = start + secret.needle().len();
    }
    replaced.extend_from_slice(&bytes[end..]);
    replaced
}

/// Masks a stream that comes in pieces: a secret that is cut in two by a piece's end is masked too.
#[derive(Debug, Default)]
pub struct MaskStream {
    held: Vec<u8>,
}

impl MaskStream {
    /// Takes a piece; returns what can be said now.
    pub fn push<'b>(&mut self, mask: &Mask, piece: &'b [u8]) -> Cow<'b, [u8]> {
        if mask.secrets.is_empty() {
            return Cow::Borrowed(piece);
        }
        let masked = if self.held.is_empty() {
            mask.bytes(piece)
        } else {
            self.held.extend_from_slice(piece);
            Cow::Owned(mask.bytes(&std::mem::take(&mut self.held)).into_owned())
        };
        let decided = masked.len() - mask.undecided(&masked);
        self.held = masked[decided..].to_vec();
        match masked {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..decided]),
            Cow::Owned(mut bytes) => {
                bytes.truncate(decided);
                Cow::Owned(bytes)
            }
        }
    }

    /// The stream is over; returns what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// The values of variables that look like secrets: by their names, by `declared` names, and passwords in URLs.
pub fn secrets_of<'v>(
    variables: impl IntoIterator<Item = (&'v str, &'v str)>,
    declared: &[String],
) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in variables {
        if is_secret_name(name) || declared.iter().any(|declared| declared == name) {
            secrets.push(value.to_owned());
        }
        secrets.extend(url_password(value).map(str::to_owned));
    }
    secrets
}

/// Whether a variable of this name usually holds a secret.
fn is_secret_name(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "TOKEN",
        "SECRET",
        "SECRETS",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "CREDENTIALS",
        "APIKEY",
        "PAT",
    ];
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(['_', '-']).collect();
    words.iter().any(|word| WORDS.contains(word)) || (words.len() > 1 && words.last() == Some(&"KEY"))
}

/// The password in `scheme://user:password@host`.
fn url_password(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (user_info, _) = authority.rsplit_once('@')?;
    user_info.split_once(':').map(|(_, password)| password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_whole_and_everywhere() {
        let mask = Mask::new(&["hunter2", "hunter2-long", "abc", "", "first line\nsecond line\n"]);
        assert_eq!(mask.text("a hunter2 b hunter2-long c abc"), "a *** b *** c abc");
        assert_eq!(mask.text("second line, first line"), "***, ***");
        assert_eq!(mask.bytes(b"\xff hunter2 \xfe").as_ref(), b"\xff *** \xfe");
        assert!(mask.finds_in(b"xhunter2x") && !mask.finds_in(b"hunter"));
    }

    #[test]
    fn data_is_masked_wherever_a_text_can_be() {
        let mask = Mask::new(&["hunter2", "12345"]);
        let data =
            serde_json::json!({"a hunter2": [{"b": "x hunter2"}, 12345, 7, true, null], "c": "hunter"});
        let masked = serde_json::json!({"a ***": [{"b": "x ***"}, "***", 7, true, null], "c": "hunter"});
        assert_eq!(mask.value(data.clone()), masked);
        assert_eq!(Mask::default().value(data.clone()), data);
    }

    #[test]
    fn a_secret_cut_in_two_is_masked() {
        let mask = Mask::new(&["hunter2", "er2rer"]);
        let text = b"xx hunter2 hunthunter2 er2rer hunt";
        let whole = mask.bytes(text).into_owned();
        assert!(!mask.finds_in(&whole));
        for size in 1..text.len() {
            let mut stream = MaskStream::default();
            let mut said = Vec::new();
            for piece in text.chunks(size) {
                said.extend_from_slice(&stream.push(&mask, piece));
            }
            said.extend(stream.finish());
            assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(&whole), "pieces of {size}");
        }
    }

    #[test]
    fn names_and_urls_tell_secrets() {
        let variables = [
            ("GITHUB_TOKEN", "t0ken"),
            ("AWS_SECRET_ACCESS_KEY", "k3y-"),
            ("KEYBOARD", "us-intl"),
            ("KEY", "plain"),
            ("PATH", "/bin"),
            ("DATABASE_URL", "postgresql://app:pa:ss@db/x?y=@z"),
            ("ODDLY_NAMED", "declared"),
        ];
        assert_eq!(secrets_of(variables, &["ODDLY_NAMED".into()]), ["t0ken", "k3y-", "pa:ss", "declared"]);
    }
}
