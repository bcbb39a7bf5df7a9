//! References made of data: what can be asked of a service, by its OpenAPI document (OpenAPI 3.1), and what a file that we write
//! holds, by its JSON schema.

use std::fmt::{self, Write as _};

use serde_json::Value;

use crate::page::{escape, escape_lines, prose};
use crate::site::document::{Section, anchor};
use crate::site::layout::Outline;
use crate::site::schema;
use crate::site::search::Entry;

/// The methods of HTTP that a path may have, in the order in which they are shown.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// A page made of data.
pub(super) struct Reference {
    title: String,
    kind: Kind,
    value: Value,
}

enum Kind {
    /// Of a service.
    Contract,
    /// Of a file.
    Schema,
    /// Of what is neither.
    Other,
}

impl Reference {
    /// Of the file of that name. Text that is no JSON is shown as it stands.
    pub(super) fn new(name: &str, text: &str) -> Self {
        let value = serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let (kind, title) = if value.get("openapi").is_some() {
            (Kind::Contract, text("/info/title").map(|title| format!("{title}: HTTP")))
        } else if value.get("$schema").is_some() {
            (Kind::Schema, text("/title").map(str::to_owned))
        } else {
            (Kind::Other, None)
        };
        // A title is shown where nothing is set as code.
        let title = title.map_or_else(|| name.to_owned(), |title| title.replace('`', ""));
        Self { title, kind, value }
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Whether it is what a service answers.
    pub(super) const fn is_contract(&self) -> bool {
        matches!(self.kind, Kind::Contract)
    }

    /// Each operation as its method, its path and what is said of it, in the order of the document.
    fn operations(&self) -> Vec<(&str, &str, &Value)> {
        let paths = self.value.get("paths").and_then(Value::as_object);
        let mut operations = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            for method in METHODS {
                operations.extend(item.get(method).map(|operation| (method, path.as_str(), operation)));
            }
        }
        operations
    }

    /// The schemas that have names.
    fn schemas(&self) -> impl Iterator<Item = (&String, &Value)> {
        let named =
            ["/components/schemas", "/$defs"].iter().filter_map(|at| self.value.pointer(at)?.as_object());
        named.flatten()
    }

    /// The parts of the page.
    pub(super) fn outline(&self) -> Outline {
        let operations = self.operations().into_iter();
        let operations = operations.map(|(method, path, _)| {
            let words = format!("{} {path}", method.to_uppercase());
            (anchor(&words), words)
        });
        let schemas = self.schemas().map(|(name, _)| (schema::anchor(name), name.clone()));
        operations.chain(schemas).collect()
    }

    /// What of it can be found.
    pub(super) fn entries(&self, address: &str) -> Vec<Entry> {
        let said = |value: &Value| {
            let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}", text("summary"), text("description")).replace('\n', " ")
        };
        let operations = self.operations().into_iter().map(|(method, path, operation)| {
            let heading = format!("{} {path}", method.to_uppercase());
            Section { anchor: anchor(&heading), heading, text: said(operation) }
        });
        let schemas = self.schemas().map(|(name, value)| {
            let fields = value.get("properties").and_then(Value::as_object);
            let fields: Vec<&str> = fields.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let text = format!("{} {}", said(value), fields.join(" "));
            Section { anchor: schema::anchor(name), heading: name.clone(), text }
        });
        let whole = Section { text: said(&self.value), ..Section::default() };
        let sections = operations.chain(schemas).chain([whole]);
        sections.filter_map(|section| Entry::section(address, &self.title, &section)).collect()
    }

    /// What the page says. `text` is the file that it is made of.
    pub(super) fn html(&self, text: &str) -> String {
        let mut html = String::new();
        // Writing into a String cannot fail.
        let _infallible = self.write(&mut html, text);
        html
    }

    fn write(&self, html: &mut String, text: &str) -> fmt::Result {
        writeln!(html, "<h1>{}</h1>", escape(&self.title))?;
        match self.kind {
            Kind::Contract => self.contract(html)?,
            Kind::Schema => {
                paragraphs(html, &self.value, "description")?;
                if self.value.get("properties").is_some() {
                    schema::fields(html, &self.value)?;
                } else {
                    writeln!(html, "<p>{}</p>", schema::kind(&self.value))?;
                }
            }
            Kind::Other => return writeln!(html, "<pre><code>{}</code></pre>", escape_lines(text)),
        }
        for (name, value) in self.schemas() {
            writeln!(html, "<h2 id=\"{}\">{}</h2>", escape(&schema::anchor(name)), escape(name))?;
            paragraphs(html, value, "description")?;
            if value.get("properties").is_some() {
                schema::fields(html, value)?;
            } else {
                writeln!(html, "<p>{}</p>", schema::kind(value))?;
            }
        }
        Ok(())
    }

    fn contract(&self, html: &mut String) -> fmt::Result {
        let info = self.value.get("info").unwrap_or(&Value::Null);
        let version = info.get("version").and_then(Value::as_str).unwrap_or_default();
        writeln!(html, "<p class=\"soft\">Version {}</p>", escape(version))?;
        paragraphs(html, info, "description")?;
        for (method, path, operation) in self.operations() {
            let method = method.to_uppercase();
            let id = anchor(&format!("{method} {path}"));
            writeln!(
                html,
                "<h2 id=\"{}\"><span class=\"verb\">{method}</span> <code>{}</code></h2>",
                escape(&id),
                escape(path)
            )?;
            if let Some(summary) = operation.get("summary").and_then(Value::as_str) {
                writeln!(html, "<p><strong>{}</strong></p>", prose(summary))?;
            }
            paragraphs(html, operation, "description")?;
            parameters(html, operation)?;
            body(html, operation)?;
            responses(html, operation)?;
        }
        Ok(())
    }
}

/// Writes a text of several paragraphs, each on one line.
fn paragraphs(html: &mut String, value: &Value, key: &str) -> fmt::Result {
    let text = value.get(key).and_then(Value::as_str).unwrap_or_default();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        writeln!(html, "<p>{}</p>", prose(paragraph))?;
    }
    Ok(())
}

fn parameters(html: &mut String, operation: &Value) -> fmt::Result {
    let Some(all) = operation.get("parameters").and_then(Value::as_array).filter(|all| !all.is_empty())
    else {
        return Ok(());
    };
    writeln!(
        html,
        "<table><thead><tr><th>parameter</th><th>in</th><th>what it is</th><th></th><th></th></tr></thead><tbody>"
    )?;
    for parameter in all {
        let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        let schema = parameter.get("schema").unwrap_or(&Value::Null);
        let is_required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        let must = if is_required { "<span class=\"must\">required</span>" } else { "" };
        let said = schema::words(schema);
        let said = if said.is_empty() { prose(text("description")) } else { said };
        writeln!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{must}</td><td>{said}</td></tr>",
            escape(text("name")),
            escape(text("in")),
            schema::kind(schema)
        )?;
    }
    writeln!(html, "</tbody></table>")
}

/// What a message may hold: each type with its schema.
fn content(message: &Value) -> String {
    let content = message.get("content").and_then(Value::as_object);
    let types = content.into_iter().flatten().map(|(name, held)| {
        let schema = held.get("schema").map(schema::kind).unwrap_or_default();
        format!("{schema} <small>{}</small>", escape(name))
    });
    types.collect::<Vec<_>>().join(" or ")
}

fn body(html: &mut String, operation: &Value) -> fmt::Result {
    let Some(body) = operation.get("requestBody") else { return Ok(()) };
    writeln!(html, "<p>It is sent {}.</p>", content(body))
}

fn responses(html: &mut String, operation: &Value) -> fmt::Result {
    let Some(all) = operation.get("responses").and_then(Value::as_object) else { return Ok(()) };
    writeln!(
        html,
        "<table><thead><tr><th>status</th><th>when</th><th>what it answers</th></tr></thead><tbody>"
    )?;
    for (status, response) in all {
        let when = response.get("description").and_then(Value::as_str).unwrap_or_default();
        writeln!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(status),
            prose(when),
            content(response)
        )?;
    }
    writeln!(html, "</tbody></table>")
}
