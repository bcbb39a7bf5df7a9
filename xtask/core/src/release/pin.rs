//! Writes into `xtask.toml` which cluster an environment means, and leaves everything else in it as it stands.

use std::ops::Range;

/// The text with the key `cluster` behind the value at `before`, which is that of the key `context` or `namespace`.
///
/// It gets a line of its own, with the same table and indentation before it and the same line end; in a table that is written on
/// one line, it stands beside that key. The caller reads the text again: what stands around a value can be written in more ways
/// than are known here.
pub fn insert(text: &str, before: Range<usize>, uid: &str) -> String {
    let start = text[..before.start].rfind('\n').map_or(0, |newline| newline + 1);
    let key = text[start..before.start].trim_end().strip_suffix('=').map(str::trim_end);
    let table = key.and_then(|key| {
        let names = ["context", "\"context\"", "'context'", "namespace", "\"namespace\"", "'namespace'"];
        names.iter().find_map(|name| key.strip_suffix(name))
    });
    // Of what else may stand on a line, only names of tables: `production.context = …`.
    let alone = table
        .filter(|table| table.trim().is_empty() || (table.ends_with('.') && !table.contains(['{', ','])));
    let Some(table) = alone else {
        return spliced(text, before.end..before.end, &format!(", cluster = \"{uid}\""));
    };
    let line = format!("{table}cluster = \"{uid}\"");
    match text[before.end..].find('\n') {
        Some(length) => {
            let end = before.end + length;
            let carriage = if text[..end].ends_with('\r') { "\r" } else { "" };
            spliced(text, end + 1..end + 1, &format!("{line}{carriage}\n"))
        }
        None => format!("{text}\n{line}\n"),
    }
}

/// The text with another uid in place of the value at `cluster`.
pub fn replace(text: &str, cluster: Range<usize>, uid: &str) -> String {
    spliced(text, cluster, &format!("\"{uid}\""))
}

fn spliced(text: &str, at: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..at.start], &text[at.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_stands_behind_the_context_and_nothing_else_moves() {
        let table = [
            (
                "[e.p]\ncontext = \"c\" # which\nowner = \"o\"\n",
                "[e.p]\ncontext = \"c\" # which\ncluster = \"u\"\nowner = \"o\"\n",
            ),
            ("[e.p]\r\n  context=\"c\"\r\n", "[e.p]\r\n  context=\"c\"\r\n  cluster = \"u\"\r\n"),
            ("[e.p]\n\"context\" = \"c\"", "[e.p]\n\"context\" = \"c\"\ncluster = \"u\"\n"),
            (
                "[e.p]\nnamespace = \"c\"\n[e.p.eks]\n",
                "[e.p]\nnamespace = \"c\"\ncluster = \"u\"\n[e.p.eks]\n",
            ),
            ("[e]\np.context = \"c\"\n", "[e]\np.context = \"c\"\np.cluster = \"u\"\n"),
            (
                "e.p = { context = \"c\", owner = \"o\" }\n",
                "e.p = { context = \"c\", cluster = \"u\", owner = \"o\" }\n",
            ),
            (
                "e.p = { owner = \"o\", context = \"c\" }",
                "e.p = { owner = \"o\", context = \"c\", cluster = \"u\" }",
            ),
        ];
        for (text, expected) in table {
            let start = text.find("\"c\"").unwrap();
            assert_eq!(insert(text, start..start + 3, "u"), expected, "{text}");
        }
    }

    #[test]
    fn a_pin_that_is_there_gives_way_to_another() {
        let text = "cluster = \"old\" # ours\n";
        assert_eq!(replace(text, 10..15, "new"), "cluster = \"new\" # ours\n");
    }
}
