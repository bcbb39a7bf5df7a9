//! The types that a TypeScript client declares: interfaces, aliases, unions of texts, lists of texts that are constant.
//!
//! Read is what describes JSON. What is something else (a class, a function, a generic type) stands for anything, so that no
//! alarm is made of what is not understood.

use std::collections::BTreeMap;

use crate::finding::Location;
use crate::rules::script::{Kind, Token};

/// What a client takes a value for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Null,
    /// This text.
    Literal(String),
    List(Box<Shape>),
    Object(Vec<Field>),
    /// A type of this name.
    Named(String),
    /// The values of a constant list: `(typeof KINDS)[number]`.
    ValuesOf(String),
    Union(Vec<Shape>),
    Any,
}

/// A field of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is_optional: bool,
    pub(super) shape: Shape,
    pub(super) location: Location,
}

/// Types and constant lists by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Types {
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) lists: BTreeMap<String, Vec<String>>,
}

/// A reader over tokens.
pub(super) struct Reader<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    place: &'a dyn Fn(&Token<'t>) -> Location,
}

impl<'a, 't> Reader<'a, 't> {
    /// A reader that begins at the token `at`.
    pub(super) fn new(tokens: &'a [Token<'t>], at: usize, place: &'a dyn Fn(&Token<'t>) -> Location) -> Self {
        Self { tokens, at, place }
    }

    /// Where it is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn peek(&self, behind: usize) -> Option<&'a Token<'t>> {
        self.tokens.get(self.at + behind)
    }

    /// Goes on where this stands, and says whether it did.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_it = self.peek(0).is_some_and(|token| token.is(text));
        self.at += usize::from(is_it);
        is_it
    }

    /// A type.
    pub(super) fn shape(&mut self, depth: usize) -> Shape {
        if depth > super::DEPTH_MAX {
            return Shape::Any;
        }
        self.take("|");
        let mut alternatives = vec![self.item(depth)];
        while self.take("|") {
            alternatives.push(self.item(depth));
        }
        match alternatives.pop() {
            Some(only) if alternatives.is_empty() => only,
            last => {
                alternatives.extend(last);
                Shape::Union(alternatives)
            }
        }
    }

    /// A type with the brackets of lists behind it.
    fn item(&mut self, depth: usize) -> Shape {
        while self.take("readonly") {}
        let mut shape = self.primary(depth);
        while self.peek(0).is_some_and(|token| token.is("[")) {
            if self.peek(1).is_some_and(|token| token.is("]")) {
                shape = Shape::List(Box::new(shape));
                self.at += 2;
            } else {
                // `Type['field']`, `Type[number]`: only the latter of a constant list is understood.
                let is_number = self.peek(1).is_some_and(|token| token.is("number"));
                shape = if is_number && matches!(shape, Shape::ValuesOf(_)) { shape } else { Shape::Any };
                self.skip_group();
            }
        }
        shape
    }

    fn primary(&mut self, depth: usize) -> Shape {
        let Some(token) = self.peek(0) else { return Shape::Any };
        if let Some(text) = token.string().filter(|_| token.kind == Kind::Text) {
            self.at += 1;
            return Shape::Literal(text.into_owned());
        }
        if token.is("{") {
            return Shape::Object(self.fields(depth));
        }
        if token.is("(") {
            self.at += 1;
            let shape = self.shape(depth + 1);
            // Whatever else stands there is a function.
            let is_closed = self.take(")");
            return if is_closed && !self.peek(0).is_some_and(|token| token.is("=")) {
                shape
            } else {
                Shape::Any
            };
        }
        self.at += 1;
        match token.name() {
            Some("string") => Shape::Text,
            Some("number") => Shape::Number,
            Some("boolean" | "true" | "false") => Shape::Boolean,
            Some("null") => Shape::Null,
            Some("typeof") => match self.peek(0).and_then(Token::name) {
                Some(name) => {
                    self.at += 1;
                    Shape::ValuesOf(name.to_owned())
                }
                None => Shape::Any,
            },
            Some("Array" | "ReadonlyArray") if self.peek(0).is_some_and(|token| token.is("<")) => {
                self.at += 1;
                let items = self.shape(depth + 1);
                self.take(">");
                Shape::List(Box::new(items))
            }
            Some(name) => {
                if self.peek(0).is_some_and(|token| token.is("<")) {
                    self.skip_group();
                    return Shape::Any;
                }
                Shape::Named(name.to_owned())
            }
            None => Shape::Any,
        }
    }

    /// The fields between braces, which begin here.
    pub(super) fn fields(&mut self, depth: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        if !self.take("{") {
            return fields;
        }
        while let Some(token) = self.peek(0) {
            if self.take("}") {
                break;
            }
            if self.take(";") || self.take(",") {
                continue;
            }
            let is_marked =
                token.is("readonly") && self.peek(1).is_some_and(|next| !next.is(":") && !next.is("?"));
            if is_marked {
                self.at += 1;
            }
            let Some(token) = self.peek(0) else { break };
            let name =
                token.name().map(str::to_owned).or_else(|| token.string().map(std::borrow::Cow::into_owned));
            self.at += 1;
            let is_optional = self.take("?");
            match name {
                Some(name) if self.take(":") => {
                    let shape = self.shape(depth + 1);
                    fields.push(Field { name, is_optional, shape, location: (self.place)(token) });
                }
                // A method, an index: nothing that JSON has by a name.
                _ => {}
            }
            // Whatever of it was not understood.
            while self.peek(0).is_some_and(|token| !token.is(";") && !token.is(",") && !token.is("}")) {
                if self.peek(0).is_some_and(|token| token.is("{") || token.is("(") || token.is("[")) {
                    self.skip_group();
                } else {
                    self.at += 1;
                }
            }
        }
        fields
    }

    /// Goes behind the bracket that closes the one here.
    fn skip_group(&mut self) {
        let mut depth = 0usize;
        while let Some(token) = self.peek(0) {
            let opens = ["(", "[", "{", "<"].iter().any(|bracket| token.is(bracket));
            let closes = [")", "]", "}", ">"].iter().any(|bracket| token.is(bracket));
            self.at += 1;
            depth = if opens { depth + 1 } else { depth.saturating_sub(usize::from(closes)) };
            if depth == 0 {
                return;
            }
        }
    }
}

impl Types {
    /// Adds what a script declares.
    pub(super) fn read(&mut self, tokens: &[Token<'_>], place: &dyn Fn(&Token<'_>) -> Location) {
        for (index, token) in tokens.iter().enumerate() {
            let name = tokens.get(index + 1).and_then(Token::name);
            let Some(name) = name else { continue };
            let behind = |offset: usize| tokens.get(index + offset);
            let mut reader = Reader::new(tokens, index + 2, place);
            if token.is("interface") {
                // One that extends another has more fields than stand here: those that do are compared.
                while reader.peek(0).is_some_and(|token| !token.is("{")) {
                    reader.at += 1;
                }
                self.shapes.insert(name.to_owned(), Shape::Object(reader.fields(0)));
            } else if token.is("type") && behind(2).is_some_and(|token| token.is("=")) {
                reader.at += 1;
                self.shapes.insert(name.to_owned(), reader.shape(0));
            } else if token.is("const")
                && behind(2).is_some_and(|token| token.is("="))
                && behind(3).is_some_and(|token| token.is("["))
            {
                let items = tokens[index + 4..].iter().take_while(|token| !token.is("]"));
                let texts = items.filter_map(Token::string).map(std::borrow::Cow::into_owned);
                self.lists.insert(name.to_owned(), texts.collect());
            }
        }
    }

    /// What a name stands for, as far as it is declared.
    pub(super) fn resolve(&self, shape: &Shape) -> Shape {
        let mut shape = shape.clone();
        for _ in 0..super::DEPTH_MAX {
            shape = match shape {
                Shape::Named(name) => self.shapes.get(&name).cloned().unwrap_or(Shape::Any),
                Shape::ValuesOf(name) => match self.lists.get(&name) {
                    Some(texts) => Shape::Union(texts.iter().cloned().map(Shape::Literal).collect()),
                    None => Shape::Any,
                },
                other => return other,
            };
        }
        Shape::Any
    }
}
