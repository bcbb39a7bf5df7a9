//! YAML documents as JSON values, with the place of each key and value.
//!
//! The parser turns text into events; here they become trees. What a manifest has no use for, and what has brought down
//! other readers, is refused: a key that stands twice, a key that is not a text, anchors that grow without end.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};

use super::{File, scalar};
use crate::diagnostic::Diagnostic;
use crate::release::template::{self, Variables};

/// How many values one file may hold once its anchors are expanded. The largest manifests in use have some 50,000.
const VALUES_MAX: usize = 200_000;

/// How deep values may be nested. Schemas in custom resource definitions go to about 40.
const DEPTH_MAX: usize = 100;

/// Where a value stands in its file, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// Its key; for an item of a list the item itself.
    pub(super) key: Range<usize>,
    /// The first line of a scalar, the first key of a mapping.
    pub(super) value: Range<usize>,
    pub(super) inside: Inside,
}

/// The places of what a value consists of.
#[derive(Clone, Debug, Default)]
pub(super) enum Inside {
    #[default]
    Nothing,
    List(Vec<Place>),
    Mapping(BTreeMap<String, Place>),
}

/// How many problems of one file are said before it is given up.
const PROBLEMS_MAX: usize = 100;

/// A value, where it stands, and of how many values it consists.
#[derive(Clone, Debug)]
struct Node {
    value: Value,
    place: Place,
    size: usize,
}

/// What was begun and has not ended.
enum Open {
    List { anchor: usize, node: Node },
    Mapping { anchor: usize, node: Node, key: Option<(String, Range<usize>)>, merged: Vec<Node> },
}

/// The key of go-yaml and YAML 1.1 whose mappings become a part of the mapping it stands in.
const MERGE: &str = "<<";

/// The documents of `file`, empty ones left out, filled with `variables` where the file is a template.
pub(super) fn read(
    file: &Arc<File>,
    variables: Option<&mut Variables>,
) -> Result<Vec<(Value, Place)>, Vec<Diagnostic>> {
    let concealed = match variables.as_ref().map(|_| template::conceal(&file.text)) {
        None => None,
        Some(Ok(concealed)) => Some(concealed),
        Some(Err(span)) => {
            let message = "a template cannot hold the characters U+E000 to U+E002";
            return Err(vec![file.diagnostic(span, message)]);
        }
    };
    let text = concealed.as_deref().unwrap_or(&file.text);
    let offsets = if file.text.is_ascii() {
        None
    } else {
        Some(file.text.char_indices().map(|(offset, _)| offset).collect())
    };
    let mut reader = Reader {
        file,
        offsets,
        template: concealed.as_ref().map(|concealed| concealed.chars().collect()),
        variables,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
        values: 0,
        problems: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if reader.event(event, span).is_none() || reader.problems.len() >= PROBLEMS_MAX {
                    break;
                }
            }
            Err(error) => {
                let at = error.marker().index();
                reader.syntax_error(at, &template::reveal(error.info()));
                break;
            }
        }
    }
    reader.problems.sort_by_key(|problem| problem.span.start);
    if reader.problems.is_empty() { Ok(reader.documents) } else { Err(reader.problems) }
}

struct Reader<'r> {
    file: &'r Arc<File>,
    /// The byte where each character begins; `None` where all are one byte long.
    offsets: Option<Vec<usize>>,
    /// The characters of the text the parser sees, where it is a template.
    template: Option<Vec<char>>,
    variables: Option<&'r mut Variables>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    documents: Vec<(Value, Place)>,
    values: usize,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Takes an event in. `None` ends the reading: to go on would take too long or too much.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let characters = span.start.index()..span.end.index();
        let span = self.bytes(characters.clone());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), characters);
                let place = Place { key: span.clone(), value: span, inside: Inside::Nothing };
                self.value(Node { value, place, size: 1 }, anchor)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    self.problem(span, "an anchor cannot hold itself");
                    return None;
                };
                if self.values + node.size > VALUES_MAX {
                    self.too_many(span);
                    return None;
                }
                let node = node.clone();
                self.values += node.size - 1;
                self.value(node, 0)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &span);
                let place =
                    Place { key: span.clone(), value: span.clone(), inside: Inside::List(Vec::new()) };
                let node = Node { value: Value::Array(Vec::new()), place, size: 1 };
                self.begin(Open::List { anchor, node }, span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", &span);
                let inside = Inside::Mapping(BTreeMap::new());
                let place = Place { key: span.clone(), value: span.clone(), inside };
                let node = Node { value: Value::Object(Map::new()), place, size: 1 };
                self.begin(Open::Mapping { anchor, node, key: None, merged: Vec::new() }, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            Event::DocumentEnd => self.anchors.clear(),
            Event::DocumentStart(_) | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
        Some(())
    }

    fn begin(&mut self, open: Open, span: Range<usize>) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            self.problem(span, format!("values are nested more than {DEPTH_MAX} deep"));
            return None;
        }
        self.open.push(open);
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        match self.open.pop()? {
            Open::List { anchor, node } => self.value(node, anchor),
            Open::Mapping { anchor, mut node, merged, .. } => {
                for other in merged {
                    self.merge(&mut node, other);
                }
                self.value(node, anchor)
            }
        }
    }

    /// Puts a whole value where it belongs.
    fn value(&mut self, node: Node, anchor: usize) -> Option<()> {
        self.values += 1;
        if self.values > VALUES_MAX {
            self.too_many(node.place.value);
            return None;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => {
                if !node.value.is_null() {
                    self.documents.push((node.value, node.place));
                }
            }
            Some(Open::List { node: list, .. }) => {
                list.size += node.size;
                if let (Value::Array(items), Inside::List(places)) = (&mut list.value, &mut list.place.inside)
                {
                    items.push(node.value);
                    places.push(Place { key: node.place.value.clone(), ..node.place });
                }
            }
            Some(Open::Mapping { key: key @ None, .. }) => {
                let span = node.place.value.clone();
                let word = match node.value {
                    Value::String(word) => word,
                    // Kubernetes makes texts of these, and they are what is written.
                    Value::Number(number) if self.file.text[span.clone()] == number.to_string() => {
                        number.to_string()
                    }
                    Value::Bool(truth) if self.file.text[span.clone()] == truth.to_string() => {
                        truth.to_string()
                    }
                    other => {
                        let message = format!("a key must be a text, and this is {}", scalar::kind(&other));
                        let problem = self.file.diagnostic(span.clone(), message);
                        self.problems.push(problem.help("put it in quotes"));
                        self.file.text[span.clone()].to_owned()
                    }
                };
                *key = Some((word, span));
            }
            Some(Open::Mapping { node: mapping, key, merged, .. }) => {
                let (word, span) = key.take()?;
                mapping.size += node.size;
                let (Value::Object(entries), Inside::Mapping(places)) =
                    (&mut mapping.value, &mut mapping.place.inside)
                else {
                    return Some(());
                };
                if entries.is_empty() && merged.is_empty() {
                    mapping.place.value = span.clone();
                }
                if word == MERGE && self.file.text[span.clone()] == *MERGE {
                    merged.push(node);
                } else if let Some(first) = places.get(&word) {
                    let (line, _) = crate::diagnostic::position(&self.file.text, first.key.start);
                    let message = format!("the key `{word}` stands here a second time");
                    self.problems.push(
                        self.file.diagnostic(span, message).label(format!("the first one is in line {line}")),
                    );
                } else {
                    entries.insert(word.clone(), node.value);
                    places.insert(word, Place { key: span, ..node.place });
                }
            }
        }
        Some(())
    }

    /// Adds what `mapping` does not say itself.
    fn merge(&mut self, mapping: &mut Node, other: Node) {
        match (other.value, other.place.inside) {
            (Value::Object(entries), Inside::Mapping(mut places)) => {
                let (Value::Object(own), Inside::Mapping(own_places)) =
                    (&mut mapping.value, &mut mapping.place.inside)
                else {
                    return;
                };
                for (key, value) in entries {
                    if let Some(place) = places.remove(&key).filter(|_| !own.contains_key(&key)) {
                        own.insert(key.clone(), value);
                        own_places.insert(key, place);
                    }
                }
            }
            (Value::Array(items), Inside::List(places)) => {
                for (value, place) in items.into_iter().zip(places) {
                    // A list in a list is no mapping; it must not be gone through again.
                    if value.is_object() {
                        self.merge(mapping, Node { value, place, size: 0 });
                    } else {
                        self.problem(place.value, "only mappings can be merged");
                    }
                }
            }
            _ => self.problem(other.place.value, "only mappings can be merged"),
        }
    }

    /// The value of a scalar that stands at these characters.
    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        characters: Range<usize>,
    ) -> Value {
        let span = self.bytes(characters.clone());
        // What the text would be with a missing value says nothing.
        let Some((text, variables)) = self.fill(text, characters) else { return Value::Null };
        let plain = style == ScalarStyle::Plain;
        let Some(tag) = tag.filter(|tag| tag.handle != "!" || !tag.suffix.is_empty()) else {
            if !plain || tag.is_some() {
                return Value::String(text);
            }
            let value = scalar::resolve(&text);
            if variables.is_empty() {
                if value.is_none() {
                    let problem = self
                        .file
                        .diagnostic(span, format!("`{text}` is a number that Kubernetes cannot read"));
                    self.problems.push(problem.help("put it in quotes if a text is meant"));
                }
                return value.unwrap_or_default();
            }
            if !matches!(value, Some(Value::String(_))) {
                let read = match &value {
                    Some(value) => format!("{}, {value}", scalar::kind(value)),
                    None => "a number that it cannot read".to_owned(),
                };
                let names = variables.join("`, `");
                let message = format!("`{names}` makes this `{text}`, which Kubernetes reads as {read}");
                let help = "put it in double quotes where a text is meant; where a number is, write `!!int` in front";
                self.problems.push(self.file.diagnostic(span, message).help(help));
            }
            return Value::String(text);
        };
        let value = scalar::resolve(&text).unwrap_or_default();
        let suffix = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
        let fits = match suffix {
            "str" => return Value::String(text),
            "int" => value.is_i64() || value.is_u64(),
            "float" => value.is_number(),
            "bool" => value.is_boolean(),
            "null" => value.is_null(),
            _ => {
                let message = format!("Kubernetes does not know the tag `{}`", tag_name(tag));
                self.problems.push(self.file.diagnostic(span, message));
                return value;
            }
        };
        if !fits {
            self.problem(span, format!("`{text}` is no `!!{suffix}`"));
        }
        value
    }

    /// The text of a scalar with its variables filled in, and their names; `None` where that cannot be done.
    fn fill(&mut self, text: &str, characters: Range<usize>) -> Option<(String, Vec<String>)> {
        let (Some(template), Some(variables)) = (&self.template, self.variables.as_deref_mut()) else {
            return Some((text.to_owned(), Vec::new()));
        };
        let start = characters.start;
        let source = template.get(characters).unwrap_or_default();
        let mut problems = Vec::new();
        let filled = template::fill(text, source, variables, &mut problems);
        let good = problems.is_empty();
        for (span, message, help) in problems {
            let span = self.bytes(start + span.start..start + span.end);
            let mut problem = self.file.diagnostic(span, message);
            problem.help = help;
            self.problems.push(problem);
        }
        good.then_some((filled.text, filled.variables))
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, expected: &str, span: &Range<usize>) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == expected)) {
            self.problem(span.clone(), format!("Kubernetes does not know the tag `{}` here", tag_name(tag)));
        }
    }

    fn too_many(&mut self, span: Range<usize>) {
        let message = format!("this file holds more than {VALUES_MAX} values once its anchors are expanded");
        self.problem(span, message);
    }

    fn syntax_error(&mut self, at: usize, info: &str) {
        let span = self.bytes(at..at + 1);
        let problem = self.file.diagnostic(span, info);
        let help = info.contains("tab").then(|| "YAML is indented with spaces".to_owned());
        self.problems.push(Diagnostic { help, ..problem });
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(self.file.diagnostic(span, message));
    }

    /// The bytes of these characters up to the first end of a line.
    fn bytes(&self, characters: Range<usize>) -> Range<usize> {
        let text = &*self.file.text;
        let byte = |index: usize| match &self.offsets {
            Some(offsets) => offsets.get(index).copied().unwrap_or(text.len()),
            None => index.min(text.len()),
        };
        let (start, end) = (byte(characters.start), byte(characters.end));
        let line = text[start..end].lines().next().unwrap_or_default();
        start..start + line.trim_end().len()
    }
}

fn tag_name(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        format!("{}{}", tag.handle, tag.suffix)
    }
}
