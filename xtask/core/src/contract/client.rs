//! What a client in TypeScript asks of a service.
//!
//! A request is a call whose function is named as the method is, with the type of the answer: `get<Node>(url, …)`. What it sends
//! is its second argument, where that is written out, `post<Node>(url, { kind, note: text })`, or has a type of its own,
//! `post<Node, Draft>(url, draft)`; another argument is not understood, and anything. Its address is a string or a template that begins with the variable that holds the origin of the service; templates in constants are put
//! in. `${…}` in the path is a parameter; a call with an object, `${query({ kind, q: text })}`, gives the parameters behind the
//! `?` their names. An address that begins otherwise is asked of somebody else.

use std::collections::BTreeMap;

use super::types::{Field, Reader, Shape, Types};
use crate::diagnostic::position;
use crate::finding::Location;
use crate::rules::TextFile;
use crate::rules::script::{Kind, Part, Token, tokens};

/// A client.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What it asks.
    pub requests: Vec<Request>,
    pub(super) types: Types,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// The path with `{}` for each parameter.
    pub path: String,
    /// The names of the parameters behind the `?`.
    pub query: Vec<String>,
    /// What the answer is taken for.
    pub(super) answer: Shape,
    /// What is sent with it.
    pub(super) body: Body,
    /// Where it stands.
    pub location: Location,
}

/// What is sent with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// Something that is not understood.
    Unknown,
    /// This, which stands there.
    Sent(Shape, Location),
}

const METHODS: &[&str] = &["get", "put", "post", "patch", "delete"];

/// The client that these scripts are. `origin` is the variable that holds the origin of the service.
pub fn client(files: &[TextFile<'_>], origin: &str) -> Client {
    let mut client = Client::default();
    for file in files {
        let tokens = tokens(file.text);
        let place = |token: &Token<'_>| {
            let (line, column) = position(file.text, token.offset);
            Location::at(file.path, u32::try_from(line).ok(), u32::try_from(column).ok())
        };
        client.types.read(&tokens, &place);
        let templates = templates(&tokens);
        for (index, token) in tokens.iter().enumerate() {
            let method = token.name().filter(|name| METHODS.contains(name));
            let is_declared = index.checked_sub(1).is_some_and(|before| tokens[before].is("function"));
            let has_type = tokens.get(index + 1).is_some_and(|next| next.is("<"));
            let Some(method) = method.filter(|_| has_type && !is_declared) else { continue };
            let mut reader = Reader::new(&tokens, index + 2, &place);
            let answer = reader.shape(0);
            let sent = reader.take(",").then(|| reader.shape(0));
            let behind = reader.at();
            let is_call = tokens.get(behind).is_some_and(|next| next.is(">"))
                && tokens.get(behind + 1).is_some_and(|next| next.is("("));
            let Some(address) = tokens.get(behind + 2).filter(|_| is_call) else { continue };
            let pieces = pieces(address, &templates, 0);
            let Some((path, query)) = asked(&pieces, origin) else { continue };
            let method = method.to_uppercase();
            // Behind a template stand the tokens of the code in it.
            let end = address.offset + address.text.len();
            let inner = tokens[behind + 3..].iter().take_while(|token| token.offset < end).count();
            let body = body(&tokens, behind + 3 + inner, sent, &place);
            client.requests.push(Request { method, path, query, answer, body, location: place(address) });
        }
    }
    client
}

/// What is sent by a call whose address ends before the token `at`; `declared` is the type that the call says it is of.
fn body(
    tokens: &[Token<'_>],
    at: usize,
    declared: Option<Shape>,
    place: &dyn Fn(&Token<'_>) -> Location,
) -> Body {
    let next = tokens.get(at);
    if next.is_some_and(|token| token.is(")")) {
        return Body::None;
    }
    let Some(argument) = tokens.get(at + 1).filter(|_| next.is_some_and(|token| token.is(","))) else {
        return Body::Unknown;
    };
    if argument.is(")") {
        return Body::None;
    }
    let written = argument.is("{").then(|| literal(&tokens[at + 2..], place)).flatten().map(Shape::Object);
    match declared.or(written) {
        Some(shape) => Body::Sent(shape, place(argument)),
        None => Body::Unknown,
    }
}

/// A piece of an address.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The code of a parameter.
    Code(String),
}

/// The templates and strings in constants: `` const base = `…` ``.
fn templates<'a, 't>(tokens: &'a [Token<'t>]) -> BTreeMap<&'t str, &'a Token<'t>> {
    let constant = |window: &'a [Token<'t>]| match window {
        [keyword, name, equals, value]
            if keyword.is("const") && equals.is("=") && matches!(value.kind, Kind::Template | Kind::Text) =>
        {
            Some((name.name()?, value))
        }
        _ => None,
    };
    tokens.windows(4).filter_map(constant).collect()
}

fn pieces(token: &Token<'_>, templates: &BTreeMap<&str, &Token<'_>>, depth: usize) -> Vec<Piece> {
    if let Some(text) = token.string() {
        return vec![Piece::Text(text.into_owned())];
    }
    if token.kind != Kind::Template {
        return Vec::new();
    }
    let mut found = Vec::new();
    for part in token.parts() {
        match part {
            Part::Text(text) => found.push(Piece::Text(text.to_owned())),
            Part::Code { code, .. } => match templates.get(code.trim()) {
                Some(template) if depth < super::DEPTH_MAX => {
                    found.extend(pieces(template, templates, depth + 1));
                }
                _ => found.push(Piece::Code(code.trim().to_owned())),
            },
        }
    }
    found
}

/// The path that is asked for, and the names of the parameters behind it; `None` where it is asked of somebody else.
fn asked(pieces: &[Piece], origin: &str) -> Option<(String, Vec<String>)> {
    let (Piece::Code(first), rest) = pieces.split_first()? else { return None };
    if first != origin {
        return None;
    }
    let (mut path, mut query, mut is_query) = (String::new(), Vec::new(), false);
    for piece in rest {
        match piece {
            Piece::Text(text) if is_query => query.extend(names(text)),
            Piece::Text(text) => {
                let (before, behind) =
                    text.split_once('?').map_or((text.as_str(), None), |(b, q)| (b, Some(q)));
                path.push_str(before);
                is_query = behind.is_some();
                query.extend(behind.into_iter().flat_map(names));
            }
            Piece::Code(code) => match keys(code) {
                Some(keys) => query.extend(keys),
                None if is_query => {}
                None => path.push_str("{}"),
            },
        }
    }
    Some((path, query))
}

/// The names in `a=1&b=`.
fn names(query: &str) -> impl Iterator<Item = String> {
    query
        .split('&')
        .filter_map(|pair| Some(pair.split_once('=')?.0.to_owned()).filter(|name| !name.is_empty()))
}

/// The keys of the object that a call is given: `query({ kind, q: text })`; `None` where it is no such call.
fn keys(code: &str) -> Option<Vec<String>> {
    let tokens = tokens(code);
    let [function, open, brace, rest @ ..] = tokens.as_slice() else { return None };
    if function.name().is_none() || !open.is("(") || !brace.is("{") {
        return None;
    }
    let nowhere = |_: &Token<'_>| Location::file("");
    Some(literal(rest, &nowhere)?.into_iter().map(|field| field.name).collect())
}

/// The fields of an object that is written out, from behind its opening brace on; `None` where others are spread into it.
fn literal(tokens: &[Token<'_>], place: &dyn Fn(&Token<'_>) -> Location) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let (mut depth, mut expects) = (0usize, true);
    for token in tokens {
        match token.text {
            "}" if depth == 0 => break,
            "," if depth == 0 => expects = true,
            _ if expects && depth == 0 => {
                let text = || token.string().map(std::borrow::Cow::into_owned);
                // Dots spread another object, brackets compute a name.
                let name = token.name().map(str::to_owned).or_else(text)?;
                fields.push(Field { name, is_optional: false, shape: Shape::Any, location: place(token) });
                expects = false;
            }
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Some(fields)
}
