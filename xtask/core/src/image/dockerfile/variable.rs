//! Variables in a Dockerfile: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`, `\$`.

/// Whether a text is the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The variable that a word consists of.
pub(super) fn only(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    is_name(name).then_some(name)
}

/// The word with its variables filled in.
///
/// # Errors
///
/// What has no value, or is not closed, in words.
pub(super) fn expand(word: &str, value: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = word;
    while let Some(position) = rest.find(['$', '\\']) {
        text.push_str(&rest[..position]);
        let escaped = rest[position..].starts_with('\\');
        rest = &rest[position + 1..];
        if escaped {
            text.extend(rest.chars().next());
            rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
            continue;
        }
        if let Some(inner) = rest.strip_prefix('{') {
            let end = closing(inner).ok_or_else(|| format!("`${rest}` is not closed"))?;
            text.push_str(&braced(&inner[..end], value)?);
            rest = &inner[end + 1..];
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            text.push_str(&known(&rest[..end], value)?);
            rest = &rest[end..];
        }
    }
    text.push_str(rest);
    Ok(text)
}

/// Where the brace ends, others within it counted.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (position, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(position),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn braced(inner: &str, value: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let end = inner.find([':', '-', '+']).unwrap_or(inner.len());
    let (name, operation) = inner.split_at(end);
    let found = value(name);
    let filled = |found: &Option<String>| found.as_ref().is_some_and(|text| !text.is_empty());
    if let Some(other) = operation.strip_prefix(":-") {
        return if filled(&found) { Ok(found.unwrap_or_default()) } else { expand(other, value) };
    }
    if let Some(other) = operation.strip_prefix('-') {
        return found.map_or_else(|| expand(other, value), Ok);
    }
    if let Some(other) = operation.strip_prefix(":+") {
        return if filled(&found) { expand(other, value) } else { Ok(String::new()) };
    }
    if let Some(other) = operation.strip_prefix('+') {
        return if found.is_some() { expand(other, value) } else { Ok(String::new()) };
    }
    known(inner, value)
}

fn known(name: &str, value: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    if !is_name(name) {
        return Err(format!("`${name}` is no variable"));
    }
    value(name).ok_or_else(|| format!("the argument `{name}` has no value"))
}
