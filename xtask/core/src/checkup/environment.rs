//! What a look at an environment has found: whether a release could begin, and what to do where it could not.

use std::fmt::Write as _;

use serde::Serialize;

use crate::table;

/// What became of one look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is as it should be.
    Fine,
    /// A release goes without it, and would be better with it.
    Advised,
    /// Nobody could look: that says neither yes nor no.
    Unknown,
    /// No release goes like this.
    Lacking,
}

/// One look.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Row {
    /// What was looked at: `role`, `image`.
    pub what: &'static str,
    /// Which one of several; empty for what there is once.
    pub name: String,
    /// What became of it.
    pub state: State,
    /// What was found, in words.
    pub found: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

/// All looks, in the order in which they rest upon each other.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Checkup {
    /// The looks.
    pub rows: Vec<Row>,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Advised => "could be better",
            Self::Unknown => "could not look",
            Self::Lacking => "lacking",
        }
    }
}

impl Row {
    /// A look that found what it should.
    pub fn fine(what: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what, name: name.into(), state: State::Fine, found: found.into(), advice: None }
    }

    /// The same look with another outcome.
    pub fn but(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// Adds what to do.
    pub fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

impl Checkup {
    /// What no release goes without.
    pub fn lacking(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state == State::Lacking)
    }

    /// The whole as text for a reader: a table, and below it what to do.
    pub fn text(&self) -> String {
        let head = ["look", "at", "state", "found"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            [row.what.to_owned(), row.name.clone(), row.state.word().to_owned(), row.found.clone()]
        });
        let mut text = table::aligned(&[head].into_iter().chain(rows).collect::<Vec<_>>());
        for row in &self.rows {
            if let Some(advice) = &row.advice {
                let name = if row.name.is_empty() { String::new() } else { format!(" {}", row.name) };
                // Writing into a String cannot fail.
                let _infallible = write!(text, "\n{}{name}: {advice}\n", row.what);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_table_says_what_is_and_below_it_what_to_do() {
        let rows = vec![
            Row::fine("kubectl", "", "1.34.4, the cluster 1.34.4"),
            Row::fine("cluster", "", "0c3f8a52").but(State::Advised).advice("pin it"),
            Row::fine("role", "pods/proxy", "may not get").but(State::Lacking).advice("apply the role"),
            Row::fine("secret", "vitalyst-secrets", "the role may not look").but(State::Unknown),
        ];
        let checkup = Checkup { rows };
        expect![[r"
            look     at                state            found
            kubectl                    ok               1.34.4, the cluster 1.34.4
            cluster                    could be better  0c3f8a52
            role     pods/proxy        lacking          may not get
            secret   vitalyst-secrets  could not look   the role may not look

            cluster: pin it

            role pods/proxy: apply the role
        "]]
        .assert_eq(&checkup.text());
        assert_eq!(checkup.lacking().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["pods/proxy"]);
        assert_eq!(serde_json::to_value(&checkup).unwrap()["rows"][1]["state"], "advised");
    }
}
