//! Lock files: what they pin.

use serde_json::Value;

use super::{Locked, Pinned};

/// Whose lock file it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LockKind {
    /// `Cargo.lock`, versions 1 to 4.
    Cargo,
    /// `package-lock.json`, versions 2 and 3.
    Npm,
    /// Requirements that `uv pip compile` or `pip-compile` has written: `name==version` at the beginning of lines.
    Requirements,
}

/// Why a text is no lock file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LockError {
    /// It is not the format that it should be.
    #[error("{0}")]
    Syntax(String),
    /// It lacks the list of packages.
    #[error("it has no list of packages")]
    NoPackages,
}

impl LockKind {
    /// What a lock file of this kind pins. The packages of the repository itself, which have no source, are left out.
    pub fn read(self, text: &str) -> Result<Locked, LockError> {
        match self {
            Self::Cargo => cargo(text),
            Self::Npm => npm(text),
            Self::Requirements => Ok(requirements(text)),
        }
    }
}

fn cargo(text: &str) -> Result<Locked, LockError> {
    let syntax = |error: toml::de::Error| LockError::Syntax(error.message().to_owned());
    let table: toml::Table = text.parse().map_err(syntax)?;
    let mut locked = Locked::new();
    // The lock file of a workspace without dependencies names its members; one without any package has no list.
    let packages = table.get("package").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    for package in packages {
        let word = |key: &str| package.get(key).and_then(toml::Value::as_str);
        if let (Some(name), Some(version), Some(_)) = (word("name"), word("version"), word("source")) {
            pin(&mut locked, name, version);
        }
    }
    Ok(locked)
}

fn npm(text: &str) -> Result<Locked, LockError> {
    let value: Value = serde_json::from_str(text).map_err(|error| LockError::Syntax(error.to_string()))?;
    let packages = value.get("packages").and_then(Value::as_object).ok_or(LockError::NoPackages)?;
    let mut locked = Locked::new();
    for (path, package) in packages {
        // A folder of the repository is no package of a registry, and neither is a link to one.
        let Some((_, folder)) = path.rsplit_once("node_modules/") else { continue };
        let word = |key: &str| package.get(key).and_then(Value::as_str);
        if let Some(version) = word("version") {
            // An alias says which package it really is.
            pin(&mut locked, word("name").unwrap_or(folder), version);
        }
    }
    Ok(locked)
}

fn requirements(text: &str) -> Locked {
    let mut locked = Locked::new();
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', '-'])) {
        let Some((name, rest)) = line.split_once("==") else { continue };
        // `psycopg[binary]==3.3.1 ; python_version < '4' \`
        let name = name.split('[').next().unwrap_or_default().trim();
        let end = rest.find([' ', ';', '\\']).unwrap_or(rest.len());
        let version = rest[..end].trim_start_matches('=').trim();
        if !name.is_empty() && !version.is_empty() {
            pin(&mut locked, name, version);
        }
    }
    locked
}

fn pin(locked: &mut Locked, name: &str, version: &str) {
    locked.entry(name.to_owned()).or_default().insert(Pinned::new(version));
}
