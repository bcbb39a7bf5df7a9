//! Reads a Dockerfile as far as a build has to know it before it begins: stages, bases, arguments and what they default to.
//!
//! The grammar is that of <https://docs.docker.com/reference/dockerfile/>: instructions, continued lines, comments,
//! here-documents, the directives `escape` and `syntax`. What an instruction does is left to the engine.

mod instruction;
mod variable;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::registry::Digest;

pub use instruction::Instruction;

/// A Dockerfile.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    path: PathBuf,
    text: Arc<str>,
    /// The arguments before the first stage, with their defaults.
    globals: BTreeMap<String, Option<Word>>,
    /// All arguments that any part of it declares.
    arguments: Vec<String>,
    stages: Vec<Stage>,
}

/// A word and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Word {
    text: String,
    span: Range<usize>,
}

/// A stage: from one `FROM` to the next.
#[derive(Clone, Debug)]
pub struct Stage {
    image: Word,
    /// What `AS` calls it.
    pub name: Option<String>,
    /// What `--platform` says.
    pub platform: Option<String>,
    /// The `FROM` line.
    pub span: Range<usize>,
    /// What follows it.
    pub instructions: Vec<Instruction>,
}

/// An image that a build begins with or copies from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Base {
    /// Its name, with all arguments filled in.
    pub image: String,
    /// The bytes where the name is written, or, where an argument on the command line says it, where that is declared.
    pub span: Range<usize>,
    /// The argument whose value it is, where it is that of one.
    pub argument: Option<String>,
    /// Whether somebody gave that argument, so that the name is not what the file says.
    pub is_given: bool,
}

impl Base {
    /// The digest in its name.
    pub fn digest(&self) -> Option<&str> {
        self.image.split_once('@').map(|(_, digest)| digest).filter(|digest| digest.parse::<Digest>().is_ok())
    }

    fn is_the_same_place(&self, other: &Self) -> bool {
        self.image == other.image && self.span == other.span
    }
}

impl Dockerfile {
    /// Reads the text of the file that diagnostics call `path`.
    ///
    /// # Errors
    ///
    /// All problems, in the order of the text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut file = Self {
            path: path.to_owned(),
            text: text.into(),
            globals: BTreeMap::new(),
            arguments: Vec::new(),
            stages: Vec::new(),
        };
        let mut problems = Vec::new();
        let read = instruction::read(text).map_err(|(span, message)| vec![file.diagnostic(span, message)])?;
        for instruction in read {
            let taken = match instruction.keyword.as_str() {
                "FROM" => file.from(&instruction),
                "ARG" => file.arg(&instruction),
                _ => Ok(()),
            };
            if let Err((span, message)) = taken {
                problems.push(file.diagnostic(span, message));
            }
            match file.stages.last_mut() {
                Some(stage) if instruction.keyword != "FROM" => stage.instructions.push(instruction),
                None if !matches!(instruction.keyword.as_str(), "ARG" | "FROM") => {
                    let message = format!("`{}` before the first `FROM`", instruction.keyword);
                    problems.push(file.diagnostic(instruction.span, message));
                }
                _ => {}
            }
        }
        if file.stages.is_empty() && problems.is_empty() {
            problems.push(file.diagnostic(0..0, "there is no `FROM`"));
        }
        if problems.is_empty() { Ok(file) } else { Err(problems) }
    }

    fn from(&mut self, instruction: &Instruction) -> Result<(), (Range<usize>, String)> {
        let (flags, words) = instruction.flags_and_words();
        let platform = flags.iter().find_map(|(flag, _)| flag.strip_prefix("--platform=")).map(str::to_owned);
        if let Some((flag, span)) = flags.iter().find(|(flag, _)| !flag.starts_with("--platform=")) {
            return Err((span.clone(), format!("`FROM` has no flag `{flag}`")));
        }
        let (image, name) = match words.as_slice() {
            [image] => (image, None),
            [image, word, name] if word.0.eq_ignore_ascii_case("as") => (image, Some(name.0.to_lowercase())),
            _ => {
                return Err((
                    instruction.span.clone(),
                    "`FROM` is followed by an image and perhaps `AS name`".to_owned(),
                ));
            }
        };
        self.stages.push(Stage {
            image: Word { text: image.0.clone(), span: image.1.clone() },
            name,
            platform,
            span: instruction.span.clone(),
            instructions: Vec::new(),
        });
        Ok(())
    }

    fn arg(&mut self, instruction: &Instruction) -> Result<(), (Range<usize>, String)> {
        let (_, words) = instruction.flags_and_words();
        if words.is_empty() {
            return Err((instruction.span.clone(), "`ARG` is followed by a name".to_owned()));
        }
        for (text, span) in words {
            let (name, default) = match text.split_once('=') {
                Some((name, value)) => {
                    let from = span.start + name.len() + 1;
                    let value = Word { text: value.to_owned(), span: from..span.end };
                    (name, Some(value.unquoted()))
                }
                None => (text.as_str(), None),
            };
            if !variable::is_name(name) {
                return Err((span, format!("`{name}` is no name of an argument")));
            }
            if self.stages.is_empty() {
                self.globals.insert(name.to_owned(), default);
            }
            self.arguments.push(name.to_owned());
        }
        Ok(())
    }

    /// A message about a part of the file.
    pub fn diagnostic(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.path, Arc::clone(&self.text), span, message)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path that diagnostics call it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a build of it takes this argument.
    pub fn declares(&self, argument: &str) -> bool {
        self.arguments.iter().any(|declared| declared == argument)
    }

    /// The arguments that a build of it takes, in the order of the text.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().map(String::as_str)
    }

    /// The instructions that make up the image, those of the stages it is laid upon included.
    pub fn own_instructions(&self) -> Vec<&Instruction> {
        let mut chain = Vec::new();
        let mut next = self.stages.len().checked_sub(1);
        while let Some(position) = next {
            chain.push(position);
            let image = self.stages[position].image.text.to_lowercase();
            next = self.stages[..position]
                .iter()
                .rposition(|stage| stage.name.as_deref() == Some(image.as_str()));
        }
        chain.iter().rev().flat_map(|&position| &self.stages[position].instructions).collect()
    }

    /// The first instruction that only an engine as capable as BuildKit can carry out: `--mount`, here-documents.
    pub fn needs_mounts(&self) -> Option<&Instruction> {
        let instructions = self.stages.iter().flat_map(|stage| &stage.instructions);
        let mut runs = instructions.filter(|instruction| instruction.keyword == "RUN");
        runs.find(|run| run.flags_and_words().0.iter().any(|(flag, _)| flag.starts_with("--mount")))
    }

    /// The images that it begins with or copies from, each place once, in the order of the text; its own stages and `scratch`
    /// are none. `given` are the arguments on the command line.
    ///
    /// A name that is written twice is there twice: whoever writes a digest down has to write it in both places.
    ///
    /// # Errors
    ///
    /// The places where an argument has no value.
    pub fn bases(&self, given: &BTreeMap<String, String>) -> Result<Vec<Base>, Vec<Diagnostic>> {
        let mut bases: Vec<Base> = Vec::new();
        let mut problems = Vec::new();
        for (position, stage) in self.stages.iter().enumerate() {
            let copied = stage.instructions.iter().flat_map(Instruction::sources);
            let copied = copied.map(|(text, span)| Word { text, span });
            for word in std::iter::once(stage.image.clone()).chain(copied) {
                match self.resolve(&word, given, 0) {
                    Ok(base) if base.image == "scratch" || self.is_stage(&base.image, position) => {}
                    Ok(base) if bases.iter().any(|other| other.is_the_same_place(&base)) => {}
                    Ok(base) => bases.push(base),
                    Err(message) => problems.push(self.diagnostic(word.span, message)),
                }
            }
        }
        if problems.is_empty() { Ok(bases) } else { Err(problems) }
    }

    /// Whether a name stands for a stage: by its name, or by its number among those before.
    fn is_stage(&self, name: &str, before: usize) -> bool {
        let named = |stage: &Stage| stage.name.as_deref() == Some(name.to_lowercase().as_str());
        let number = name.parse::<usize>().is_ok_and(|number| number < before);
        number || self.stages.iter().any(named)
    }

    /// Fills in the arguments. A word that is one argument and nothing else is followed to where its value stands.
    fn resolve(&self, word: &Word, given: &BTreeMap<String, String>, depth: usize) -> Result<Base, String> {
        if depth > self.globals.len() {
            return Err(format!("`{}` stands for itself", word.text));
        }
        if let Some(name) = variable::only(&word.text) {
            let declared = self.globals.get(name);
            if let (Some(value), true) = (given.get(name), declared.is_some()) {
                let span =
                    declared.and_then(Option::as_ref).map_or(word.span.clone(), |word| word.span.clone());
                return Ok(Base {
                    image: value.clone(),
                    span,
                    argument: Some(name.to_owned()),
                    is_given: true,
                });
            }
            if let Some(Some(default)) = declared {
                let base = self.resolve(default, given, depth + 1)?;
                let argument = base.argument.or_else(|| Some(name.to_owned()));
                return Ok(Base { argument, ..base });
            }
        }
        let value = |name: &str| -> Option<String> {
            let declared = self.globals.get(name)?;
            given.get(name).cloned().or_else(|| {
                let default = declared.as_ref()?;
                self.resolve(default, given, depth + 1).ok().map(|base| base.image)
            })
        };
        let image = variable::expand(&word.text, &value)?;
        if image.is_empty() {
            return Err("no image is named here".to_owned());
        }
        Ok(Base { image, span: word.span.clone(), argument: None, is_given: false })
    }
}

impl Word {
    /// Without the quotes around it.
    fn unquoted(self) -> Self {
        for quote in ['"', '\''] {
            let inner = self.text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
            if let Some(inner) = inner {
                return Self { text: inner.to_owned(), span: self.span.start + 1..self.span.end - 1 };
            }
        }
        self
    }
}

/// The text with other names of bases at these places.
pub fn with_bases(text: &str, names: &[(Range<usize>, String)]) -> String {
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    names.dedup_by_key(|(span, _)| span.start);
    let mut text = text.to_owned();
    for (span, name) in names {
        text.replace_range(span.clone(), name);
    }
    text
}

#[cfg(test)]
mod tests;
