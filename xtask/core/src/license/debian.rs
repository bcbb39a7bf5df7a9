//! What the file `copyright` of a package of Debian says of its licences, where a program can read it.
//!
//! Format: "Machine-readable debian/copyright file", version 1.0
//! (<https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>). Its short names and its way to join them become
//! expressions of SPDX. It allows each file names of its own, which mean nothing in another one: those stay words.

use std::collections::BTreeSet;

use spdx::identifiers::{EXCEPTIONS, LICENSES};

use super::parse;
use crate::text;

/// The longest word for a licence that is kept, in characters; what is longer is no short name.
const WORDS_MAX: usize = 200;

/// What works are called that nobody has rights to. SPDX has no licence for it, because it is none.
pub const PUBLIC_DOMAIN: &str = "LicenseRef-public-domain";

/// Short names with a meaning of their own (section 7.1 of the format), in lowercase. Without a version, the lowest is meant.
/// `Artistic` is the text of Perl: the package `base-files` says so of the one to which all files lead.
const NAMES: &[(&str, &str)] = &[
    ("apache", "Apache-1.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("artistic-1", "Artistic-1.0-Perl"),
    ("artistic-1.0", "Artistic-1.0-Perl"),
    ("cc-by", "CC-BY-1.0"),
    ("cc-by-nc", "CC-BY-NC-1.0"),
    ("cc-by-nc-nd", "CC-BY-NC-ND-1.0"),
    ("cc-by-nc-sa", "CC-BY-NC-SA-1.0"),
    ("cc-by-nd", "CC-BY-ND-1.0"),
    ("cc-by-sa", "CC-BY-SA-1.0"),
    ("cc0", "CC0-1.0"),
    ("cddl", "CDDL-1.0"),
    ("cpl", "CPL-1.0"),
    ("efl", "EFL-1.0"),
    ("expat", "MIT"),
    ("lppl", "LPPL-1.0"),
    ("mpl", "MPL-1.1"),
    ("perl", "(GPL-1.0-or-later OR Artistic-1.0-Perl)"),
    ("public-domain", PUBLIC_DOMAIN),
    ("python", "Python-2.0"),
    ("qpl", "QPL-1.0"),
    ("zope", "ZPL-1.1"),
    ("zope-1.1", "ZPL-1.1"),
    ("zope-2.0", "ZPL-2.0"),
    ("zope-2.1", "ZPL-2.1"),
];

/// Licences of GNU by their short names, with the lowest version and what stands between version and `only`. The list of SPDX
/// has no GFDL of version 1.0, so that one without a version stays a word.
const GNU: &[(&str, &str, &str, &str)] = &[
    ("agpl", "AGPL", "1.0", ""),
    ("gfdl", "GFDL", "1.0", ""),
    ("gfdl-niv", "GFDL", "1.0", "-no-invariants"),
    ("gpl", "GPL", "1.0", ""),
    ("lgpl", "LGPL", "2.0", ""),
];

/// The licences of all files of a package, each an expression of SPDX or, where that is not known, the words of the file; all of
/// them hold. `None` for a file that is written for people alone.
///
/// It speaks of the files of a source, from which several packages may be built: what it says is never too little.
pub fn statements(copyright: &str) -> Option<Vec<String>> {
    let mut stanzas = stanzas(copyright).into_iter();
    let header = stanzas.next()?;
    let format = field(&header, "Format").or_else(|| field(&header, "Format-Specification"))?;
    // Drafts of the format had other addresses, and the same names.
    if !["copyright-format", "dep5", "dep-5"].iter().any(|word| format.to_ascii_lowercase().contains(word)) {
        return None;
    }
    let of_files: Vec<&str> = stanzas
        .filter(|stanza| field(stanza, "Files").is_some())
        .map(|stanza| field(&stanza, "License").unwrap_or_default())
        .collect();
    // The header may say it for all files, but replaces nothing that stands beside them.
    let synopses = if of_files.is_empty() { vec![field(&header, "License")?] } else { of_files };
    let found: BTreeSet<String> = synopses.into_iter().flat_map(read).collect();
    Some(found.into_iter().collect())
}

/// The stanzas of a control file (Debian policy, 5.1), as the lines of each.
fn stanzas(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let stanzas = lines.split(|line| line.is_empty()).filter(|stanza| !stanza.is_empty());
    stanzas.map(<[&str]>::to_vec).collect()
}

/// The first line of a field.
fn field<'t>(stanza: &[&'t str], name: &str) -> Option<&'t str> {
    stanza.iter().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// What the first line of a field `License` says: a statement for each licence that holds beside the others.
fn read(synopsis: &str) -> Vec<String> {
    let plain: String = text::one_line(synopsis).chars().take(WORDS_MAX).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.is_empty() {
        return vec!["a licence without a name".to_owned()];
    }
    let groups = groups(&words);
    // `A or B, or C` is one choice, whichever of its parts are known.
    if groups.iter().any(|(joint, _)| *joint == Joint::Or) {
        let parts: Option<Vec<(Joint, String)>> =
            groups.iter().map(|(joint, part)| Some((*joint, expression(part)?))).collect();
        let joined = parts.map(|parts| {
            let mut parts = parts.into_iter();
            let (_, first) = parts.next().unwrap_or((Joint::And, String::new()));
            parts.fold(first, |left, (joint, right)| {
                format!("({left}) {joint} ({right})", joint = joint.word())
            })
        });
        return vec![joined.filter(|joined| parse(joined).is_some()).unwrap_or_else(|| words.join(" "))];
    }
    groups.into_iter().flat_map(|(_, part)| conjuncts(&part)).collect()
}

/// How a part is joined to those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Joint {
    And,
    Or,
}

impl Joint {
    fn word(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
        }
    }
}

/// What commas part: behind one, `and` and `or` bind less than before it.
fn groups<'w>(words: &[&'w str]) -> Vec<(Joint, Vec<&'w str>)> {
    let mut groups = vec![(Joint::And, Vec::new())];
    let mut is_behind_comma = false;
    for &word in words {
        let joint = match word.to_ascii_lowercase().as_str() {
            "and" => Some(Joint::And),
            "or" => Some(Joint::Or),
            _ => None,
        };
        if let Some(joint) = joint.filter(|_| is_behind_comma) {
            groups.push((joint, Vec::new()));
        } else if let Some((_, last)) = groups.last_mut() {
            // A comma that nothing follows up stays a word, which names no licence.
            last.extend(is_behind_comma.then_some(","));
            last.extend(Some(word.trim_end_matches(',')).filter(|word| !word.is_empty()));
        }
        is_behind_comma = joint.is_none() && word.ends_with(',');
    }
    groups
}

/// The statements of a part: each side of its `and` is one where it has no choice.
fn conjuncts(words: &[&str]) -> Vec<String> {
    let is = |word: &str, keyword: &str| word.eq_ignore_ascii_case(keyword);
    let statement = |words: &[&str]| expression(words).unwrap_or_else(|| words.join(" "));
    if words.iter().any(|word| is(word, "or")) {
        return vec![statement(words)];
    }
    words.split(|word| is(word, "and")).filter(|part| !part.is_empty()).map(statement).collect()
}

/// The expression of SPDX that these words are; `None` where one of the names is not known, or they are no expression.
fn expression(words: &[&str]) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = words;
    while let [word, behind @ ..] = rest {
        rest = behind;
        match word.to_ascii_lowercase().as_str() {
            "and" => parts.push("AND".to_owned()),
            "or" => parts.push("OR".to_owned()),
            "with" => {
                let end = rest.iter().position(|word| word.eq_ignore_ascii_case("exception"));
                let end = end.filter(|end| *end > 0)?;
                parts.push(format!("WITH {}", exception(&rest[..end].join("-"))));
                rest = &rest[end + 1..];
            }
            _ => parts.push(license(word)?),
        }
    }
    let joined = parts.join(" ");
    parse(&joined).map(|_| joined)
}

/// The licence of SPDX that a short name means.
fn license(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let (plain, or_later) = lower.strip_suffix('+').map_or((lower.as_str(), false), |plain| (plain, true));
    if let Some((_, meaning)) = NAMES.iter().find(|(alias, _)| *alias == plain) {
        let is_one = !meaning.starts_with(['(', 'L']);
        return Some(if or_later && is_one { format!("{meaning}+") } else { (*meaning).to_owned() });
    }
    let (family, version) = plain
        .rsplit_once('-')
        .filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))
        .map_or((plain, None), |(family, version)| (family, Some(version)));
    if let Some((_, family, lowest, middle)) = GNU.iter().find(|(alias, ..)| *alias == family) {
        let version = version.map_or((*lowest).to_owned(), with_dot);
        let end = if or_later { "or-later" } else { "only" };
        return listed(&format!("{family}-{version}{middle}-{end}")).map(str::to_owned);
    }
    let dotted = version.map(|version| format!("{family}-{}", with_dot(version)));
    let found = listed(plain).or_else(|| listed(&dotted?))?;
    Some(if or_later { format!("{found}+") } else { found.to_owned() })
}

/// A version as SPDX writes it: `2` and `2.0.0` are `2.0`.
fn with_dot(version: &str) -> String {
    let mut short = version;
    while let Some(rest) = short.strip_suffix(".0") {
        short = rest;
    }
    if short.contains('.') { short.to_owned() } else { format!("{short}.0") }
}

/// The name in the list of SPDX, whatever its case.
fn listed(name: &str) -> Option<&'static str> {
    LICENSES.iter().map(|license| license.name).find(|listed| listed.eq_ignore_ascii_case(name))
}

/// An exception by its keywords. One that the list does not have keeps its name as a reference: it gives more than the licence.
fn exception(keywords: &str) -> String {
    let wanted = [keywords.to_owned(), format!("{keywords}-exception"), format!("{keywords}-exception-2.0")];
    let in_list = |name: &String| {
        EXCEPTIONS.iter().map(|exception| exception.name).find(|listed| listed.eq_ignore_ascii_case(name))
    };
    // The exception `Font` has one version; of others nobody knows which is meant.
    let known =
        wanted.iter().take(if keywords.eq_ignore_ascii_case("font") { 3 } else { 2 }).find_map(in_list);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    known.map_or_else(
        || format!("AdditionRef-{}", keywords.chars().map(plain).collect::<String>()),
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_licences_of_the_list() {
        for (alias, name) in NAMES {
            assert!(parse(name).is_some(), "{alias}: {name}");
        }
        for (alias, ..) in GNU {
            assert!(
                license(&format!("{alias}-1.3+")).is_some() || license(&format!("{alias}-3+")).is_some(),
                "{alias}"
            );
        }
    }

    #[test]
    fn synopses_become_expressions_or_stay_words() {
        for (synopsis, expected) in [
            ("GPL-2+", &["GPL-2.0-or-later"][..]),
            ("gpl-2", &["GPL-2.0-only"]),
            ("GPL-2.0+", &["GPL-2.0-or-later"]),
            ("GPL", &["GPL-1.0-only"]),
            ("LGPL-2+", &["LGPL-2.0-or-later"]),
            ("LGPL-2.1", &["LGPL-2.1-only"]),
            ("LGPL-3.0.0+", &["LGPL-3.0-or-later"]),
            ("GFDL-NIV-1.3+", &["GFDL-1.3-no-invariants-or-later"]),
            ("GFDL-1.2", &["GFDL-1.2-only"]),
            ("Expat", &["MIT"]),
            ("BSD-3-clause", &["BSD-3-Clause"]),
            ("zlib", &["Zlib"]),
            ("Apache-2", &["Apache-2.0"]),
            ("MPL-1.1+", &["MPL-1.1+"]),
            ("X11", &["X11"]),
            ("Artistic", &["Artistic-1.0-Perl"]),
            ("Artistic-2.0", &["Artistic-2.0"]),
            ("public-domain", &["LicenseRef-public-domain"]),
            ("Perl", &["(GPL-1.0-or-later OR Artistic-1.0-Perl)"]),
            ("GPL-1+ or Artistic", &["GPL-1.0-or-later OR Artistic-1.0-Perl"]),
            ("GPL-3+ AND ISC", &["GPL-3.0-or-later", "ISC"]),
            // `A or B and C` is a choice, `A or B, and C` a sum.
            ("MIT or ISC and Zlib", &["MIT OR ISC AND Zlib"]),
            ("MIT or ISC, and Zlib", &["MIT OR ISC", "Zlib"]),
            ("MIT and ISC, or Zlib", &["(MIT AND ISC) OR (Zlib)"]),
            ("GPL-2+ with OpenSSL exception", &["GPL-2.0-or-later WITH AdditionRef-OpenSSL"]),
            ("GPL-2 with Linux-syscall-note exception", &["GPL-2.0-only WITH Linux-syscall-note"]),
            ("GPL-2+ with Font exception", &["GPL-2.0-or-later WITH Font-exception-2.0"]),
            ("GPL-3+ with Bison exception, and ISC", &["GPL-3.0-or-later WITH AdditionRef-Bison", "ISC"]),
            // Names that mean something in one file alone; what stands beside them is known all the same.
            ("permissive", &["permissive"]),
            ("BSD-4-clause-UC and MIT-like", &["BSD-4-Clause-UC", "MIT-like"]),
            ("GPL-2+ or permissive", &["GPL-2+ or permissive"]),
            ("MIT or odd, or ISC", &["MIT or odd, or ISC"]),
            ("MIT, ISC", &["MIT , ISC"]),
            ("GPL-9+", &["GPL-9+"]),
            ("ISC and/or MIT", &["ISC and/or MIT"]),
            ("or", &["or"]),
            ("GPL-2+ with", &["GPL-2+ with"]),
            ("", &["a licence without a name"]),
        ] {
            assert_eq!(read(synopsis), expected, "{synopsis}");
        }
    }

    const HEADER: &str = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";

    #[test]
    fn all_files_count_and_a_text_for_people_says_nothing() {
        let copyright = format!(
            "{HEADER}License: ISC\n\nFiles: *\nCopyright: 2020 a\nLicense: GPL-2+\n This is\n .\n text.\n\nFiles: b\n c\nLicense: \
             Expat\n\nFiles: d\nlicense:GPL-2+\n\nLicense: Zlib\n not of any file\n"
        );
        assert_eq!(statements(&copyright), Some(vec!["GPL-2.0-or-later".to_owned(), "MIT".to_owned()]));
        let crlf = copyright.replace('\n', "\r\n");
        assert_eq!(statements(&crlf), statements(&copyright));
        assert_eq!(statements(&format!("{HEADER}License: ISC\n")), Some(vec!["ISC".to_owned()]));
        let old = "Format-Specification: http://dep.debian.net/deps/dep5/\n\nFiles: *\nLicense: ISC\n";
        assert_eq!(statements(old), Some(vec!["ISC".to_owned()]));
        for prose in [
            "",
            "This is the Debian prepackaged version of x.\n\nFiles: *\nLicense: MIT\n",
            "Format: something else\n\nFiles: *\nLicense: MIT\n",
            HEADER,
        ] {
            assert_eq!(statements(prose), None, "{prose}");
        }
    }

    #[test]
    fn nothing_of_a_file_moves_a_cursor_or_is_endless() {
        let evil = format!("{HEADER}\nFiles: *\nLicense: a\u{1b}[31mb {}\n", "x".repeat(9999));
        let found = statements(&evil).unwrap();
        assert!(!found[0].contains('\u{1b}') && found[0].chars().count() <= WORDS_MAX, "{found:?}");
        // However it is cut off, it is read as something.
        let whole = format!(
            "{HEADER}\nFiles: *\nLicense: GPL-2+ or Artistic, and BSD-3-clause with Font exception\n"
        );
        for end in 0..whole.len() {
            drop(statements(&whole[..end]));
        }
    }
}
