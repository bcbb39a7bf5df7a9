//! `WWW-Authenticate`: how a server wants to be told who asks (RFC 9110, section 11.6.1).

use std::collections::BTreeMap;

/// One way to authenticate that a server offers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// `basic`, `bearer`; lowercase.
    pub scheme: String,
    /// Its parameters; names are lowercase. The first of several with one name counts.
    pub parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The challenges in a header's values. What cannot be read is left out.
///
/// A comma separates parameters and challenges alike: a word with a `=` behind it is a parameter of the challenge before it,
/// any other word begins a challenge.
pub fn challenges<'h>(values: impl IntoIterator<Item = &'h str>) -> Vec<Challenge> {
    let mut all = Vec::new();
    for value in values {
        let mut reader = Reader { rest: value };
        let mut current: Option<Challenge> = None;
        while reader.skip_separators() {
            let word = reader.token();
            if word.is_empty() {
                // Nothing that could begin here: the rest of this value has no meaning.
                break;
            }
            if let Some(text) = reader.parameter() {
                if let Some(challenge) = &mut current {
                    challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(text);
                }
            } else {
                let scheme = word.to_ascii_lowercase();
                all.extend(current.replace(Challenge { scheme, parameters: BTreeMap::new() }));
            }
        }
        all.extend(current);
    }
    all
}

struct Reader<'h> {
    rest: &'h str,
}

impl<'h> Reader<'h> {
    /// Goes on to what has a meaning; false at the end.
    fn skip_separators(&mut self) -> bool {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
        !self.rest.is_empty()
    }

    fn token(&mut self) -> &'h str {
        let inside = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
        let end = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    /// The value behind a `=`, where there is one.
    fn parameter(&mut self) -> Option<String> {
        let behind = self.rest.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        self.rest = behind.trim_start_matches([' ', '\t', '=']);
        let Some(quoted) = self.rest.strip_prefix('"') else { return Some(self.token().to_owned()) };
        let mut text = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(text);
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                _ => text.push(character),
            }
        }
        // A string without an end has taken everything.
        self.rest = "";
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each challenge as `scheme a=b c=d`.
    fn read(values: &[&str]) -> Vec<String> {
        let words = |challenge: Challenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            challenge.scheme.clone() + &parameters.collect::<String>()
        };
        challenges(values.iter().copied()).into_iter().map(words).collect()
    }

    #[test]
    fn challenges_are_read_as_they_are_sent() {
        // What Docker Hub, GitHub, a registry with htpasswd and ECR send.
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            read(&[hub]),
            [
                "bearer realm=https://auth.docker.io/token scope=repository:a/b:pull,push service=registry.docker.io"
            ]
        );
        assert_eq!(read(&[r#"Basic realm="Registry Realm""#]), ["basic realm=Registry Realm"]);
        // The example of the RFC, and several headers.
        let both = r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
        assert_eq!(
            read(&[both]),
            ["basic realm=simple", r#"newauth realm=apps title=Login to "apps" type=1"#]
        );
        assert_eq!(
            read(&["Negotiate", "BASIC realm = x , charset=UTF-8"]),
            ["negotiate", "basic charset=UTF-8 realm=x"]
        );
        assert_eq!(read(&[", ,Basic ,, a=1,,a=2,"]), ["basic a=1"]);
    }

    #[test]
    fn nonsense_brings_nothing_down() {
        for value in [
            "",
            "=",
            "\"",
            "Bearer realm=\"open",
            "a=b",
            "Bearer realm=\"x\\",
            "Bearer ünicode=\"ß\"",
            "Bearer =,==",
        ] {
            drop(read(&[value]));
        }
        assert_eq!(read(&["Bearer realm=\"open"]), ["bearer realm=open"]);
        assert_eq!(read(&["a=b, Basic realm=x"]), ["basic realm=x"]);
    }
}
