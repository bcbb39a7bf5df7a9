//! The programs that run what is set up: found on `PATH`, asked for their version, recognized the next time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::command::Command;
use crate::core::toolbox::{self, Manager, Tool};
use crate::core::version::Version;
use crate::cx::Cx;
use crate::cx::files::Identity;
use crate::error::{Error, Result};

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says the version and the real interpreter behind wrappers and virtual environments, then fails where a module is missing
/// that making virtual environments takes (Debian packs it apart). Understood by every Python, the old ones too.
const ASK_PYTHON: &str = "import os,sys;print('%d.%d.%d'%sys.version_info[:3]);\
    print(os.path.realpath(getattr(sys,'_base_executable',None)or sys.executable));import venv,ensurepip";

/// Says the version and the real program behind wrappers.
const ASK_NODE: &str = "console.log(process.versions.node); console.log(process.execPath)";

/// A program that answered and will do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::tasks) struct Interpreter {
    /// What it is: `python`.
    pub(in crate::tasks) name: String,
    /// Its version.
    pub(in crate::tasks) version: Version,
    /// The program itself, behind wrappers.
    pub(in crate::tasks) executable: Identity,
    /// What was looked at on `PATH`, in this order; the last one led to it.
    candidates: Vec<Identity>,
}

/// Python, with `venv`: `python3` where it is new enough, else the newest one by name.
pub(in crate::tasks) fn python(cx: &Cx, known: &[Interpreter]) -> Result<Interpreter> {
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
    look(cx, known, &toolbox::PYTHON, &names, &["-c", ASK_PYTHON])
}

/// Node.
pub(in crate::tasks) fn node(cx: &Cx, known: &[Interpreter]) -> Result<Interpreter> {
    look(cx, known, &toolbox::NODE, &["node"], &["-e", ASK_NODE])
}

/// npm.
pub(in crate::tasks) fn npm(cx: &Cx, known: &[Interpreter]) -> Result<Interpreter> {
    look(cx, known, &toolbox::NPM, &["npm"], toolbox::NPM.ask)
}

/// The Rust compiler.
pub(in crate::tasks) fn rustc(cx: &Cx, known: &[Interpreter]) -> Result<Interpreter> {
    look(cx, known, &toolbox::RUSTC, &["rustc"], toolbox::RUSTC.ask)
}

/// The package managers of this machine.
pub(in crate::tasks) fn managers(cx: &Cx) -> Vec<Manager> {
    Manager::ALL.into_iter().filter(|manager| cx.find(manager.program()).is_ok()).collect()
}

fn look(cx: &Cx, known: &[Interpreter], tool: &Tool, names: &[&str], ask: &[&str]) -> Result<Interpreter> {
    let mut found: Vec<(PathBuf, Identity)> = Vec::new();
    for path in names.iter().filter_map(|name| cx.find(name).ok()) {
        if let Some(identity) = Identity::of(&path)
            && !found.iter().any(|(_, other)| *other == identity)
        {
            found.push((path, identity));
        }
    }
    let candidates: Vec<Identity> = found.iter().map(|(_, identity)| identity.clone()).collect();
    let recognized = known.iter().find(|known| known.name == tool.name && known.is_unchanged(&candidates));
    if let Some(known) = recognized {
        return Ok(known.clone());
    }
    let mut refused: Vec<Error> = Vec::new();
    for (position, (path, identity)) in found.iter().enumerate() {
        match question(cx, tool, path, ask)? {
            Ok((version, executable)) => {
                return Ok(Interpreter {
                    name: tool.name.to_owned(),
                    version,
                    executable: executable.unwrap_or_else(|| identity.clone()),
                    candidates: candidates[..=position].to_vec(),
                });
            }
            Err(error) => refused.push(error),
        }
    }
    let mut refused = refused.into_iter();
    let first = refused.next().unwrap_or_else(|| Error::missing(format!("`{}` is not there", tool.program)));
    let error = refused.fold(first, |first, other| {
        let causes = [&[other.to_string()], other.causes()].concat();
        causes.into_iter().fold(first, Error::cause)
    });
    Err(error.hint(tool.get.hint(&managers(cx))))
}

impl Interpreter {
    fn is_unchanged(&self, candidates: &[Identity]) -> bool {
        candidates.starts_with(&self.candidates)
            && Identity::of(&self.executable.path).as_ref() == Some(&self.executable)
    }
}

type Answer = (Version, Option<Identity>);

/// Asks a program. The outer error ends the search, the inner one says why this program will not do.
fn question(cx: &Cx, tool: &Tool, path: &Path, ask: &[&str]) -> Result<Result<Answer>> {
    let shown = path.display();
    let output = cx.output(Command::new(path).args(ask).timeout(PATIENCE))?;
    let mut lines = output.stdout.lines().map(str::trim);
    let version = lines.next().and_then(Version::find_in);
    if let (Some(version), Some(wanted)) = (version, tool.wanted)
        && version < wanted
    {
        let message = format!("`{shown}` is version {version}, and {} or newer is needed", wanted.bound());
        return Ok(Err(Error::missing(message)));
    }
    let Some(version) = version.filter(|_| output.success()) else {
        let error =
            Error::missing(format!("`{shown}` does not work: asked for its version, {}", output.exit));
        // A traceback ends with what went wrong.
        let mut said = output.stderr.lines().rev().chain(output.stdout.lines());
        return Ok(Err(match said.find(|line| !line.trim().is_empty()) {
            Some(line) => error.cause(line.trim()),
            None => error,
        }));
    };
    let executable = lines.next().and_then(|line| Identity::of(Path::new(line)));
    Ok(Ok((version, executable)))
}
