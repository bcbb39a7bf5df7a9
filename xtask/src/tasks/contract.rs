//! Do provider and consumer keep to the contract, and does a change of it break who is released?

use std::path::{Path, PathBuf};

use crate::config::contract::Contract;
use crate::core::command::{Command, quote};
use crate::core::contract::{self, Document};
use crate::core::finding::Finding;
use crate::core::gate::{Coverage, Look};
use crate::core::rules::{TextFile, scripts};
use crate::cx::Cx;
use crate::driver::files;
use crate::error::{Error, Result};
use crate::tasks::sources::files_below;
use crate::tasks::{affected, gate};

/// What is looked at, in the singular.
const UNIT: &str = "operation";

/// Compares each contract with the document that its provider makes, and with what its consumer uses.
///
/// # Errors
///
/// Of kind [`Configuration`](crate::ErrorKind::Configuration) where a file that `[contracts]` names is not there,
/// [`Problems`](crate::ErrorKind::Problems) where one of them does not keep to it, or the command of the provider fails.
pub fn kept(cx: &Cx) -> Result<()> {
    let mut looks = Vec::new();
    for contract in &cx.config().contracts {
        looks.push(of_contract(cx, contract)?);
    }
    gate::conclude(cx, looks)
}

fn of_contract(cx: &Cx, contract: &Contract) -> Result<Look> {
    let made = made(cx, contract)?;
    let text = committed(cx, contract)?;
    let file = TextFile { path: &contract.document, text: &text };
    let document = match Document::read(file) {
        Ok(document) => document,
        Err(finding) => return Ok(Look::at(contract::TOOL, Coverage::new(0, UNIT)).found([*finding])),
    };
    let mut findings = contract::currency(file, &made, &again(cx, contract));
    let texts = scripts_of(cx, contract)?;
    let scripts: Vec<TextFile<'_>> = texts.iter().map(|(path, text)| TextFile { path, text }).collect();
    let client = contract::client(&scripts, &contract.origin);
    if client.requests.is_empty() {
        let message = format!(
            "the client of `{}` asks for nothing: no address begins with `${{{}}}`",
            contract.name, contract.origin
        );
        return Err(Error::configuration(message).hint(format!(
            "correct `client` and `origin` in `[contracts.{}]` of xtask.toml",
            contract.name
        )));
    }
    findings.extend(contract::usage(&client, &document));
    Ok(Look::at(contract::TOOL, Coverage::new(document.len(), UNIT)).found(findings))
}

/// The document that the provider makes.
fn made(cx: &Cx, contract: &Contract) -> Result<String> {
    let command = command(cx, contract);
    cx.read(command).map_err(|error| {
        error.hint(format!("`cargo xtask setup {}` installs what it needs", contract.provider))
    })
}

fn command(cx: &Cx, contract: &Contract) -> Command {
    let folder = cx.config().component(&contract.provider).map(|component| component.path.clone());
    let (program, arguments) = contract.command.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    Command::new(program).args(arguments).cwd(folder.unwrap_or_default())
}

/// How the committed document is made anew, for a shell in the repository.
fn again(cx: &Cx, contract: &Contract) -> String {
    let words: Vec<String> = contract.command.iter().map(|word| quote(word)).collect();
    let folder = cx.config().component(&contract.provider).map(|component| component.path.as_path());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let command = words.join(" ");
    format!("make it anew: `(cd {} && {command}) > {}`", folder.display(), contract.document.display())
}

fn committed(cx: &Cx, contract: &Contract) -> Result<String> {
    let file = cx.root().join(&contract.document);
    if !file.is_file() {
        let message = format!(
            "there is no `{}`, which is the contract `{}`",
            contract.document.display(),
            contract.name
        );
        return Err(Error::configuration(message).hint(again(cx, contract)));
    }
    files::read(&file)
}

/// The scripts of the client, tests aside.
fn scripts_of(cx: &Cx, contract: &Contract) -> Result<Vec<(PathBuf, String)>> {
    let folder =
        cx.config().component(&contract.consumer).map(|component| component.path.clone()).unwrap_or_default();
    let is_wanted = |path: &Path| scripts::is_script(path) && !scripts::is_test(path);
    let mut found = Vec::new();
    for path in &contract.client {
        found.extend(files_below(cx, &folder.join(path), &is_wanted)?);
    }
    Ok(found)
}

/// Compares each contract with what it was where the history left the base branch.
///
/// # Errors
///
/// Of kind [`Problems`](crate::ErrorKind::Problems) where clients that are released would break; those of [`Cx::looked`].
pub fn compatible(cx: &Cx) -> Result<()> {
    let base = affected::base(cx)?;
    let mut looks = Vec::new();
    for contract in &cx.config().contracts {
        let name = contract.document.display();
        let commit = match &base {
            Ok(commit) => commit,
            Err((why, hint)) => {
                let why = format!("`{name}` was not compared with what it was before: {why}");
                looks.push(Look::blind(contract::TOOL, UNIT, why).hint(hint.as_str()));
                continue;
            }
        };
        let text = committed(cx, contract)?;
        let Some(before) = affected::text_at(cx, commit, &contract.document)? else {
            cx.note(format!("`{name}` is new: no client uses it yet"));
            looks.push(Look::at(contract::TOOL, Coverage::new(0, UNIT)));
            continue;
        };
        let read = |text| Document::read(TextFile { path: &contract.document, text });
        looks.push(match (read(&before), read(&text)) {
            (Ok(before), Ok(now)) => Look::at(contract::TOOL, Coverage::new(before.len(), UNIT))
                .found(contract::breaking(&before, &now)),
            (Err(_), _) => {
                let why = format!("`{name}` was no OpenAPI document in the base branch");
                Look::blind(contract::TOOL, UNIT, why)
            }
            (Ok(_), Err(finding)) => {
                let finding: Finding = *finding;
                Look::at(contract::TOOL, Coverage::new(0, UNIT)).found([finding])
            }
        });
    }
    gate::conclude(cx, looks)
}
