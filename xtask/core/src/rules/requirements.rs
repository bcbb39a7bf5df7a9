//! Python's pinned requirements: each `x.txt` is what its `x.in` asks for, pinned and hashed.
//!
//! Reads pip's requirements format (<https://pip.pypa.io/en/stable/reference/requirements-file-format/>) as far as compiled
//! files and their sources use it: requirements, `-r`, `-c`, hashes, continued lines, comments. Other options say nothing
//! about names and versions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::finding::{Finding, Location};
use crate::rules::{DEPENDENCIES as TOOL, TextFile, error};

mod version;

#[cfg(test)]
mod tests;

/// Checks that `compiled` (`x.txt`) is pinned, hashed, and what `source` (`x.in`) asks for.
///
/// `read` returns the text of a file; both files and those that they name by `-r` and `-c` are read through it.
pub fn check(source: &Path, compiled: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Vec<Finding> {
    let mut reader = Reader { read, findings: Vec::new(), seen: BTreeSet::new() };
    let pinned = reader.file(compiled, None);
    reader.seen.clear();
    let asked = reader.file(source, None);
    let mut findings = reader.findings;

    let mut pins: BTreeMap<&str, &Requirement> = BTreeMap::new();
    for requirement in pinned.iter().filter(|requirement| !requirement.constraint) {
        findings.extend(unpinned(requirement));
        pins.insert(&requirement.name, requirement);
    }
    let answer = |asked: &Requirement| answer(asked, pins.get(asked.name.as_str()).copied(), compiled);
    findings.extend(asked.iter().filter_map(answer));
    findings
}

/// A version that a compiled file pins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// The name, normalised.
    pub name: String,
    /// The version.
    pub version: String,
    /// Its hashes, as `sha256:…`.
    pub hashes: Vec<String>,
    /// Whether it is wanted under a condition (`; python_version < "3.12"`) only.
    pub is_conditional: bool,
    /// Whether the source asks for it itself.
    pub is_asked_for: bool,
    /// The packages that need it, by their normalised names.
    pub via: BTreeSet<String>,
    /// Where it stands.
    pub declared: Location,
}

/// What a compiled file pins, in its order, with what the compiler (pip-tools, uv) has noted below each pin: `# via NAME`.
pub fn pins(compiled: TextFile<'_>) -> Vec<Pin> {
    let mut notes: Vec<(usize, &str)> = Vec::new();
    let mut is_list = false;
    for (number, line) in compiled.text.lines().enumerate() {
        let note = line.trim_start().strip_prefix('#').filter(|_| line.starts_with([' ', '\t']));
        let word = note.map(str::trim).and_then(|note| match note.strip_prefix("via") {
            Some(rest) => {
                is_list = rest.trim().is_empty();
                Some(rest.trim())
            }
            None => is_list.then_some(note),
        });
        is_list &= note.is_some();
        notes.extend(word.filter(|word| !word.is_empty()).map(|word| (number + 1, word)));
    }
    let lines = logical_lines(compiled.text);
    let starts: Vec<usize> = lines.iter().map(|(line, _)| *line).collect();
    let pin = |(position, (line, text)): (usize, &(usize, String))| {
        let requirement = requirement(text, compiled.path, *line, false)?;
        let end = starts.get(position + 1).copied().unwrap_or(usize::MAX);
        let own = notes.iter().filter(|(number, _)| (*line..end).contains(number)).map(|(_, word)| *word);
        let (asked, via): (Vec<&str>, Vec<&str>) = own.partition(|word| word.starts_with('-'));
        Some(Pin {
            version: requirement.pin()?.to_owned(),
            is_conditional: requirement.conditional,
            is_asked_for: asked.iter().any(|word| word.starts_with("-r")),
            via: via.into_iter().map(|name| python_name(name.split('[').next().unwrap_or(name))).collect(),
            declared: requirement.location(),
            name: requirement.name,
            hashes: requirement.hashes,
        })
    };
    lines.iter().enumerate().filter_map(pin).collect()
}

/// What a source file (`x.in`) asks for itself, by normalised names, and where.
pub fn asked_for(source: TextFile<'_>) -> Vec<(String, Location)> {
    let asked = logical_lines(source.text).into_iter().filter_map(|(line, text)| {
        let requirement = requirement(&text, source.path, line, false)?;
        Some((requirement.name.clone(), requirement.location()))
    });
    asked.collect()
}

/// One requirement of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Requirement {
    /// The file.
    path: PathBuf,
    /// The line it begins on, from 1.
    line: usize,
    /// The name, normalised.
    name: String,
    /// What is asked of the version: `>=1.2,<2`; or a URL behind `@`.
    specifier: String,
    /// Whether it is asked for under a condition (`; python_version < "3.12"`) only.
    conditional: bool,
    /// Its hashes, as `sha256:…`.
    hashes: Vec<String>,
    /// Whether it comes from a `-c` file: it limits a version, and asks for nothing.
    constraint: bool,
}

impl Requirement {
    /// The version it is pinned to.
    fn pin(&self) -> Option<&str> {
        let version = self.specifier.strip_prefix("==")?.trim_start_matches('=').trim();
        (!version.contains([',', '*', ' '])).then_some(version)
    }

    fn location(&self) -> Location {
        Location::at(&self.path, u32::try_from(self.line).ok(), None)
    }
}

/// What is wrong with an entry of a compiled file.
fn unpinned(requirement: &Requirement) -> Option<Finding> {
    let name = &requirement.name;
    let (rule, message) = if requirement.pin().is_none() {
        ("unpinned", format!("`{name}` is not pinned with `==`"))
    } else if requirement.hashes.is_empty() {
        ("unhashed", format!("`{name}` has no `--hash=`"))
    } else {
        return None;
    };
    Some(error((TOOL, rule), requirement.location(), message, Some("compile the file again, with hashes")))
}

/// What is wrong with the pin that answers a requirement.
fn answer(asked: &Requirement, pin: Option<&Requirement>, compiled: &Path) -> Option<Finding> {
    let name = &asked.name;
    let compiled = compiled.display();
    let help = "compile the file again";
    let Some(pin) = pin else {
        // What is asked for under a condition may be wanted on other machines only.
        if asked.constraint || asked.conditional {
            return None;
        }
        let message = format!("`{name}` is missing in `{compiled}`");
        return Some(error((TOOL, "missing"), asked.location(), message, Some(help)));
    };
    let version = pin.pin()?;
    if version::satisfies(version, &asked.specifier) == Some(false) {
        let message = format!("`{compiled}` pins `{name}` to {version}, which is not `{}`", asked.specifier);
        return Some(error((TOOL, "out-of-step"), asked.location(), message, Some(help)));
    }
    None
}

/// The name of a Python package, the way all spellings of it are compared: PEP 503.
pub fn python_name(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normalised.is_empty() {
            normalised.push('-');
        }
        normalised.push_str(&part.to_lowercase());
    }
    normalised
}

struct Reader<'r> {
    read: &'r dyn Fn(&Path) -> Option<String>,
    findings: Vec<Finding>,
    /// The files that were read, each as what it is asked for.
    seen: BTreeSet<(PathBuf, bool)>,
}

impl Reader<'_> {
    /// The requirements of a file and of those that it names. `named` is where it is named, if it is, and whether by `-c`.
    fn file(&mut self, path: &Path, named: Option<(Location, bool)>) -> Vec<Requirement> {
        let constraint = named.as_ref().is_some_and(|(_, constraint)| *constraint);
        if !self.seen.insert((path.to_owned(), constraint)) {
            return Vec::new();
        }
        let Some(text) = (self.read)(path) else {
            let location = named.map_or_else(|| Location::file(path), |(at, _)| at);
            let message = format!("`{}` cannot be read", path.display());
            self.findings.push(error(
                (TOOL, "unreadable"),
                location,
                message,
                Some("write it, or take its name out"),
            ));
            return Vec::new();
        };
        let mut requirements = Vec::new();
        for (line, text) in logical_lines(&text) {
            let location = Location::at(path, u32::try_from(line).ok(), None);
            if let Some((name, is_constraint)) = included(&text) {
                let file = path.parent().unwrap_or(Path::new("")).join(name);
                requirements.extend(self.file(&file, Some((location, constraint || is_constraint))));
            } else if let Some(requirement) = requirement(&text, path, line, constraint) {
                requirements.push(requirement);
            } else if !text.starts_with('-') {
                let message = format!("`{text}` is no requirement");
                let help = "a requirement begins with a name";
                self.findings.push(error((TOOL, "unreadable"), location, message, Some(help)));
            }
        }
        requirements
    }
}

/// The lines of a file without comments, continued ones joined, empty ones left out; each with its number, from 1.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continued = false;
    for (number, line) in text.lines().enumerate() {
        // A `#` inside of a word belongs to it: `…#egg=name`.
        let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with([' ', '\t']) || *at == 0);
        let code = comment.map_or(line, |(at, _)| &line[..at]).trim();
        let (code, goes_on) = code.strip_suffix('\\').map_or((code, false), |code| (code.trim_end(), true));
        match lines.last_mut() {
            Some((_, whole)) if continued => {
                whole.push(' ');
                whole.push_str(code);
            }
            _ => lines.push((number + 1, code.to_owned())),
        }
        continued = goes_on;
    }
    lines.retain(|(_, line)| !line.trim().is_empty());
    lines
}

/// The file that a line names, and whether it does so by `-c`.
fn included(line: &str) -> Option<(&str, bool)> {
    let options = [("-r", false), ("--requirement", false), ("-c", true), ("--constraint", true)];
    options.into_iter().find_map(|(option, constraint)| {
        let rest = line.strip_prefix(option)?;
        // `-rfile` is allowed, `--requirementfile` is not.
        let separated = rest.starts_with([' ', '\t', '=']);
        (separated || !option.starts_with("--"))
            .then(|| (rest.trim_start_matches(['=', ' ', '\t']).trim(), constraint))
    })
}

/// Reads a requirement. Options (`--index-url …`) are none.
fn requirement(text: &str, path: &Path, line: usize, constraint: bool) -> Option<Requirement> {
    let mut words = text.split_whitespace();
    let hashes = words.clone().filter_map(|word| word.strip_prefix("--hash=")).map(str::to_owned).collect();
    let spoken: Vec<&str> = words.by_ref().take_while(|word| !word.starts_with("--")).collect();
    let spoken = spoken.join(" ");
    let (what, condition) = spoken.split_once(';').unwrap_or((&spoken, ""));
    let end = what.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(what.len());
    let (name, rest) = what.split_at(end);
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1,
        None => rest,
    };
    let specifier = rest.trim().trim_start_matches('(').trim_end_matches(')').trim();
    let known = specifier.is_empty() || specifier.starts_with(['=', '<', '>', '!', '~', '@']);
    let name = python_name(name);
    (!text.starts_with('-') && !name.is_empty() && known).then(|| Requirement {
        path: path.to_owned(),
        line,
        name,
        specifier: specifier.to_owned(),
        conditional: !condition.trim().is_empty(),
        hashes,
        constraint,
    })
}
