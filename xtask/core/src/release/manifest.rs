//! Manifests: the objects in the files of `k8s/`, each with the places of everything in it.

mod identity;
mod scalar;
mod yaml;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use self::yaml::{Inside, Place};
use super::template::Variables;
use crate::diagnostic::Diagnostic;
use crate::text;

/// The size of a file from which on it is not read. A request to the API server may have 3 MiB; the largest bundles of
/// custom resource definitions have 5.
const BYTES_MAX: usize = 8 << 20;

/// A file with manifests.
#[derive(Debug)]
pub struct File {
    /// The path, relative to the repository.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

impl File {
    fn diagnostic(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.path, Arc::clone(&self.text), span, message)
    }
}

/// One object as a file states it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object as JSON, which is what `kubectl` sends.
    pub object: Value,
    file: Arc<File>,
    place: Place,
}

impl Manifest {
    /// `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// The name of the object.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// The text at a JSON pointer, where there is one.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.object.pointer(pointer)?.as_str()
    }

    /// A message about the value at a JSON pointer. Where nothing is there, the message stands at the key of what should
    /// hold it.
    pub fn diagnostic(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        let mut place = &self.place;
        let mut missing = false;
        for step in pointer.split('/').skip(1) {
            let next = match &place.inside {
                Inside::Nothing => None,
                Inside::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                Inside::Mapping(entries) => entries.get(&unescape(step)),
            };
            let Some(next) = next else {
                missing = true;
                break;
            };
            place = next;
        }
        let scalar = matches!(place.inside, Inside::Nothing) && !place.value.is_empty();
        let span = if scalar && !missing { &place.value } else { &place.key };
        self.file.diagnostic(span.clone(), message)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.name())
    }
}

/// A JSON pointer to `key` in what `pointer` points to.
pub fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Sets the value at a JSON pointer whose steps are keys; mappings that are missing on the way are made.
pub fn set(object: &mut Value, pointer: &str, value: impl Into<Value>) {
    let mut place = object;
    for step in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(entries) = place else { return };
        place = entries.entry(unescape(step)).or_insert(Value::Null);
    }
    *place = value.into();
}

/// Takes `key` out of a mapping.
pub fn remove(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

/// A step of a JSON pointer as the key it stands for.
fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// Reads the objects of a file. With `variables` the file is a template and is filled in.
///
/// # Errors
///
/// Everything that is wrong, in the order of the text; behind a syntax error nothing can be said.
pub fn read(
    path: impl Into<PathBuf>,
    text: &str,
    variables: Option<&mut Variables>,
) -> Result<Vec<Manifest>, Vec<Diagnostic>> {
    let path = path.into();
    if text.len() > BYTES_MAX {
        // A message carries its text along, and of this one the beginning is enough.
        let line = text.lines().next().unwrap_or_default();
        let line: String = line.chars().take(80).collect();
        let size = text::bytes(text.len() as u64);
        let end = line.len();
        let problem = Diagnostic::new(path, line.into(), 0..end, format!("this file has {size}"))
            .label(format!("at most {} are read", text::bytes(BYTES_MAX as u64)))
            .help("split the file, or give large data another home than a manifest");
        return Err(vec![problem]);
    }
    let file = Arc::new(File { path, text: text.into() });
    let documents = yaml::read(&file, variables)?;
    let manifests: Vec<Manifest> = documents
        .into_iter()
        .map(|(object, place)| Manifest { object, file: Arc::clone(&file), place })
        .collect();
    let problems: Vec<Diagnostic> = manifests.iter().flat_map(identity::check).collect();
    if problems.is_empty() { Ok(manifests) } else { Err(problems) }
}
