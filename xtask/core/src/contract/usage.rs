//! Does what a client uses stand in the contract?

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::{Body, Client, Request};
use super::schema::{self, Kind};
use super::types::{Field, Shape};
use super::{DEPTH_MAX, Document, finding};
use crate::finding::{Finding, Location};
use crate::suggest;

/// What a client uses and the contract does not have, in the order of the places.
pub fn usage(client: &Client, document: &Document<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for request in &client.requests {
        match operation(request, document) {
            Ok(operation) => Usage { client, document, findings: &mut findings }.request(request, operation),
            Err(finding) => findings.push(*finding),
        }
    }
    findings.sort_by(|one, other| (&one.location, &one.message).cmp(&(&other.location, &other.message)));
    findings.dedup();
    findings
}

/// The operation that a request asks for.
fn operation<'d>(request: &Request, document: &'d Document<'_>) -> Result<&'d Value, Box<Finding>> {
    let same = |path: &str| {
        let (own, theirs): (Vec<&str>, Vec<&str>) =
            (request.path.split('/').collect(), path.split('/').collect());
        let is = |(own, theirs): (&&str, &&str)| {
            own == theirs || (*own == "{}" && theirs.starts_with('{') && theirs.ends_with('}'))
        };
        own.len() == theirs.len() && own.iter().zip(&theirs).all(is)
    };
    let at_path: Vec<(String, &Value)> = document
        .operations()
        .filter(|(path, ..)| same(path))
        .map(|(_, method, _, operation)| (method, operation))
        .collect();
    if let Some((_, operation)) = at_path.iter().find(|(method, _)| *method == request.method) {
        return Ok(operation);
    }
    let contract = document.path.display();
    if at_path.is_empty() {
        let known: Vec<&str> = document.operations().map(|(path, ..)| path).collect();
        let help = match suggest::nearest(&request.path, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the paths stand in {contract}"),
        };
        let message = format!("the contract has no path `{}`", request.path);
        return Err(Box::new(finding("unknown-path", request.location.clone(), message, &help)));
    }
    let methods: Vec<&str> = at_path.iter().map(|(method, _)| method.as_str()).collect();
    let message = format!("`{}` is not asked with {}", request.path, request.method);
    let help = format!("{contract} has it with {}", methods.join(", "));
    Err(Box::new(finding("unknown-method", request.location.clone(), message, &help)))
}

struct Usage<'a, 'd> {
    client: &'a Client,
    document: &'a Document<'d>,
    findings: &'a mut Vec<Finding>,
}

impl Usage<'_, '_> {
    fn found(&mut self, rule: &str, location: &Location, message: String) {
        let help = format!("the contract is {}", self.document.path.display());
        self.findings.push(finding(rule, location.clone(), message, &help));
    }

    fn request(&mut self, request: &Request, operation: &Value) {
        let root = &self.document.value;
        let parameters: Vec<&Value> = operation
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|parameter| schema::resolve(root, parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let named = |parameter: &&Value| parameter["name"].as_str().map(str::to_owned);
        let known: Vec<String> = parameters.iter().filter_map(named).collect();
        for name in request.query.iter().filter(|name| !known.contains(name)) {
            let message = format!("`{} {}` has no parameter `{name}`", request.method, request.path);
            self.found("unknown-parameter", &request.location, message);
        }
        let required = parameters.iter().filter(|parameter| parameter["required"] == true).filter_map(named);
        for name in required.filter(|name| !request.query.contains(name)) {
            let message = format!("`{} {}` needs the parameter `{name}`", request.method, request.path);
            self.found("missing-parameter", &request.location, message);
        }
        self.body(request, operation);
        let whole = format!("the answer of `{} {}`", request.method, request.path);
        for (_, answer) in schema::answers(operation) {
            self.fits(&request.answer, answer, &whole, &request.location, 0);
        }
    }

    /// Whether what is sent with a request is what the operation takes.
    fn body(&mut self, request: &Request, operation: &Value) {
        let root = &self.document.value;
        let taken = operation.get("requestBody").map(|body| schema::resolve(root, body));
        let schema = taken.and_then(|body| body.pointer("/content/application~1json/schema"));
        let asked = format!("`{} {}`", request.method, request.path);
        match (&request.body, taken, schema) {
            (Body::None, Some(taken), _) if taken["required"] == true => {
                let message = format!("{asked} needs a body, and is sent none");
                self.found("missing-body", &request.location, message);
            }
            (Body::Sent(_, location), None, _) => {
                self.found("unknown-body", location, format!("{asked} takes no body"));
            }
            (Body::Sent(shape, location), _, Some(schema)) => {
                self.sends(shape, schema, &format!("the body of {asked}"), location, 0);
            }
            // A body of another form than JSON, or one that is not understood.
            (Body::None | Body::Unknown | Body::Sent(..), _, _) => {}
        }
    }

    /// Whether whatever the client sends is what the schema allows for.
    fn sends(&mut self, shape: &Shape, schema: &Value, what: &str, location: &Location, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let root = &self.document.value;
        let shapes = self.alternatives(shape);
        let sent: BTreeSet<Kind> = shapes.iter().map(kind).collect();
        let taken = schema::all_kinds(root, schema);
        if sent.contains(&Kind::Any) || taken.contains(&Kind::Any) {
            return;
        }
        let foreign: Vec<&str> = sent.difference(&taken).map(|kind| kind.words()).collect();
        if !foreign.is_empty() {
            let taken: Vec<&str> = taken.iter().map(|kind| kind.words()).collect();
            let (foreign, taken) = (foreign.join(" or "), taken.join(" or "));
            self.found("type", location, format!("{what} may be {foreign}, and the contract takes {taken}"));
            return;
        }
        for shape in &shapes {
            match shape {
                Shape::Text | Shape::Literal(_) => self.sends_text(shape, schema, what, location),
                Shape::List(item) => {
                    if let Some(items) = schema::items(root, schema) {
                        self.sends(item, items, &format!("an item of {what}"), location, depth + 1);
                    }
                }
                Shape::Object(fields) => {
                    for field in fields {
                        let what = format!("`{}`", field.name);
                        match schema::property(root, schema, &field.name) {
                            None => self.unknown_field(field, schema),
                            Some((property, _)) => {
                                self.sends(&field.shape, property, &what, &field.location, depth + 1);
                            }
                        }
                    }
                    let always =
                        |name: &str| fields.iter().any(|field| field.name == name && !field.is_optional);
                    for name in schema::required(root, schema).into_iter().filter(|name| !always(name)) {
                        self.found("missing-field", location, format!("{what} needs the field `{name}`"));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a text is among those that the schema lists, where it lists some.
    fn sends_text(&mut self, shape: &Shape, schema: &Value, what: &str, location: &Location) {
        let Some(taken) = schema::texts(&self.document.value, schema) else { return };
        let sent = match shape {
            Shape::Literal(text) if taken.contains(text) => return,
            Shape::Literal(text) => format!("`{text}`"),
            _ => "any text".to_owned(),
        };
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        let message = format!("{what} may be {sent}, and the contract takes `{}`", taken.join("`, `"));
        self.found("unknown-value", location, message);
    }

    fn unknown_field(&mut self, field: &Field, schema: &Value) {
        let known = schema::properties(&self.document.value, schema);
        let near = suggest::nearest(&field.name, known.iter().copied());
        let near = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
        let message = format!("the contract has no field `{}`{near}", field.name);
        self.found("unknown-field", &field.location, message);
    }

    /// What a shape stands for, alternative by alternative.
    fn alternatives(&self, shape: &Shape) -> Vec<Shape> {
        match self.client.types.resolve(shape) {
            Shape::Union(shapes) => shapes.iter().map(|shape| self.client.types.resolve(shape)).collect(),
            shape => vec![shape],
        }
    }

    /// Whether whatever the schema allows for is what the client takes it for.
    fn fits(&mut self, shape: &Shape, schema: &Value, what: &str, location: &Location, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let root = &self.document.value;
        let shapes = self.alternatives(shape);
        if shapes.contains(&Shape::Any) {
            return;
        }
        let accepted: BTreeSet<Kind> = shapes.iter().map(kind).collect();
        let sent = schema::all_kinds(root, schema);
        if !sent.contains(&Kind::Any) {
            let foreign: Vec<&str> = sent.difference(&accepted).map(|kind| kind.words()).collect();
            if !foreign.is_empty() {
                let taken: Vec<&str> = accepted.iter().map(|kind| kind.words()).collect();
                let message = format!(
                    "{what} may be {}, and is taken for {}",
                    foreign.join(" or "),
                    taken.join(" or ")
                );
                self.found("type", location, message);
                return;
            }
        }
        self.texts(&shapes, schema, what, location);
        for shape in &shapes {
            match shape {
                Shape::List(item) => {
                    if let Some(items) = schema::items(root, schema) {
                        self.fits(item, items, &format!("an item of {what}"), location, depth + 1);
                    }
                }
                Shape::Object(fields) => {
                    for field in fields {
                        let what = format!("`{}`", field.name);
                        match schema::property(root, schema, &field.name) {
                            None => self.unknown_field(field, schema),
                            Some((_, false)) if !field.is_optional => {
                                let message = format!("{what} may be missing, and is taken to be there");
                                self.found("optional-field", &field.location, message);
                            }
                            Some((property, _)) => {
                                self.fits(&field.shape, property, &what, &field.location, depth + 1);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the client knows all texts that the schema lists, where it lists some itself.
    fn texts(&mut self, shapes: &[Shape], schema: &Value, what: &str, location: &Location) {
        let known: BTreeSet<String> = shapes
            .iter()
            .filter_map(|shape| match shape {
                Shape::Literal(text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        if known.is_empty() || shapes.contains(&Shape::Text) {
            return;
        }
        let message = match schema::texts(&self.document.value, schema) {
            None => format!("{what} may be any text, and is taken for one of a list"),
            Some(sent) => {
                let foreign: Vec<&str> = sent.difference(&known).map(String::as_str).collect();
                if foreign.is_empty() {
                    return;
                }
                format!("{what} may be `{}`, which is not known here", foreign.join("`, `"))
            }
        };
        self.found("unknown-value", location, message);
    }
}

fn kind(shape: &Shape) -> Kind {
    match shape {
        Shape::Text | Shape::Literal(_) => Kind::Text,
        Shape::Number => Kind::Number,
        Shape::Boolean => Kind::Boolean,
        Shape::Null => Kind::Null,
        Shape::List(_) => Kind::List,
        Shape::Object(_) => Kind::Object,
        Shape::Named(_) | Shape::ValuesOf(_) | Shape::Union(_) | Shape::Any => Kind::Any,
    }
}
