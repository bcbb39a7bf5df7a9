//! Licences: what packages say of theirs, and whether a policy allows it.
//!
//! What a package says is read as an SPDX expression (<https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/>)
//! in strict mode, by a table of our own for what people wrote before there were expressions. Words that stand for more than
//! one licence ("BSD", "Apache Software License") are not decided: unknown is not allowed, until a person has looked and
//! an exception says so.

use spdx::{Expression, LicenseReq, ParseMode};

mod alias;
pub mod debian;
pub mod fossa;
pub mod images;
pub mod notice;
pub mod policy;
#[cfg(test)]
mod tests;

pub use images::Images;
pub use policy::{Exception, Policy};

/// What a package says of its licence, understood as far as it can be.
#[derive(Clone, Debug)]
pub enum Reading {
    /// An expression.
    Known(Box<Expression>),
    /// Words that say no licence, or more than one; empty where nothing was said.
    Unknown(String),
}

impl Reading {
    /// Reads statements, all of which hold.
    pub fn of(statements: &[String]) -> Self {
        let words: Vec<Word> = statements.iter().map(|statement| word(statement)).collect();
        let known: Vec<&str> = words
            .iter()
            .filter_map(|word| match word {
                Word::Known(expression) => Some(expression.as_str()),
                Word::Family(_) | Word::Unknown => None,
            })
            .collect();
        // A vague word beside an exact one of the same family says nothing more.
        let is_covered = |word: &Word| match word {
            Word::Known(_) => true,
            Word::Family(family) => known.iter().any(|expression| belongs(expression, family)),
            Word::Unknown => false,
        };
        let mut distinct = known.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let joined = match distinct.as_slice() {
            [one] => (*one).to_owned(),
            several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" AND "),
        };
        match parse(&joined) {
            Some(expression) if words.iter().all(is_covered) => Self::Known(Box::new(expression)),
            _ => Self::Unknown(statements.join(", ")),
        }
    }

    /// The expression, or the words.
    pub fn words(&self) -> &str {
        match self {
            Self::Known(expression) => expression.as_ref().as_ref(),
            Self::Unknown(words) => words,
        }
    }

    /// The expression, where it is one.
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::Known(expression) => Some(expression.as_ref().as_ref()),
            Self::Unknown(_) => None,
        }
    }
}

/// What one statement says.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Word {
    /// An expression.
    Known(String),
    /// One of several licences, whose names in the list of SPDX all begin like this.
    Family(&'static str),
    Unknown,
}

fn word(statement: &str) -> Word {
    let statement = statement.trim();
    if parse(statement).is_some() {
        return Word::Known(statement.to_owned());
    }
    if let Some(word) = alias::find(statement) {
        return word;
    }
    // A choice, in Rust's old form or with names that are no longer in the list. Each part has to be exact.
    let parts = statement.trim_matches(['(', ')']).split(" OR ").flat_map(|choice| choice.split('/'));
    let parts: Vec<Word> = parts.map(|part| self::part(part.trim())).collect();
    let choice: Option<Vec<String>> = parts
        .into_iter()
        .map(|part| match part {
            Word::Known(expression) => Some(expression),
            Word::Family(_) | Word::Unknown => None,
        })
        .collect();
    match choice {
        Some(choice) if choice.len() > 1 => Word::Known(choice.join(" OR ")),
        _ => Word::Unknown,
    }
}

fn part(text: &str) -> Word {
    if parse(text).is_some() {
        Word::Known(text.to_owned())
    } else {
        alias::find(text).unwrap_or(Word::Unknown)
    }
}

fn parse(text: &str) -> Option<Expression> {
    Expression::parse_mode(text, ParseMode::STRICT).ok()
}

/// Whether all licences of an expression are of a family.
fn belongs(expression: &str, family: &str) -> bool {
    parse(expression).is_some_and(|expression| {
        expression.requirements().all(|one| one.req.to_string().starts_with(family))
    })
}

/// The one licence that a policy names, as SPDX writes it: `MIT`, `GPL-2.0-only WITH Classpath-exception-2.0`.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn single(text: &str) -> Result<String, String> {
    let expression =
        Expression::parse_mode(text, ParseMode::STRICT).map_err(|error| error.reason.to_string())?;
    let mut requirements = expression.requirements();
    match (requirements.next(), requirements.next()) {
        (Some(one), None) => Ok(one.req.to_string()),
        _ => Err("names one licence each, not a choice or a sum".to_owned()),
    }
}

/// The names under which a policy may allow a requirement. An exception of a licence gives more than the licence alone, and
/// `or later` gives the licence itself, too.
fn names(requirement: &LicenseReq) -> Vec<String> {
    let whole = requirement.to_string();
    let base = requirement.license.to_string();
    let plain = base.trim_end_matches('+').to_owned();
    vec![whole, base, plain]
}
