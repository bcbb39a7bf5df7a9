//! What people call licences who do not write expressions.

use super::Word;

/// Words that mean one licence, in lowercase, with `the`, `license` and `licence` left out: trove classifiers
/// (<https://pypi.org/classifiers/>) and what the field `License` of Python packages says.
const EXACT: &[(&str, &str)] = &[
    ("2-clause bsd", "BSD-2-Clause"),
    ("3-clause bsd", "BSD-3-Clause"),
    // Names that the list of SPDX has replaced by clearer ones.
    ("agpl-3.0", "AGPL-3.0-only"),
    ("agpl-3.0+", "AGPL-3.0-or-later"),
    ("gpl-2.0", "GPL-2.0-only"),
    ("gpl-2.0+", "GPL-2.0-or-later"),
    ("gpl-3.0", "GPL-3.0-only"),
    ("gpl-3.0+", "GPL-3.0-or-later"),
    ("lgpl-2.0", "LGPL-2.0-only"),
    ("lgpl-2.0+", "LGPL-2.0-or-later"),
    ("lgpl-2.1", "LGPL-2.1-only"),
    ("lgpl-2.1+", "LGPL-2.1-or-later"),
    ("lgpl-3.0", "LGPL-3.0-only"),
    ("lgpl-3.0+", "LGPL-3.0-or-later"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache software 2.0", "Apache-2.0"),
    ("apache version 2.0", "Apache-2.0"),
    ("apache-2", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("apache2.0", "Apache-2.0"),
    ("asl 2.0", "Apache-2.0"),
    ("blue oak model 1.0.0", "BlueOak-1.0.0"),
    ("boost software 1.0 (bsl-1.0)", "BSL-1.0"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("cc0", "CC0-1.0"),
    ("cc0 1.0 universal (cc0 1.0) public domain dedication", "CC0-1.0"),
    ("expat", "MIT"),
    ("gnu affero general public v3", "AGPL-3.0-only"),
    ("gnu affero general public v3 or later (agplv3+)", "AGPL-3.0-or-later"),
    ("gnu general public v2 (gplv2)", "GPL-2.0-only"),
    ("gnu general public v2 or later (gplv2+)", "GPL-2.0-or-later"),
    ("gnu general public v3 (gplv3)", "GPL-3.0-only"),
    ("gnu general public v3 or later (gplv3+)", "GPL-3.0-or-later"),
    ("gnu lesser general public v2 (lgplv2)", "LGPL-2.0-only"),
    ("gnu lesser general public v2 or later (lgplv2+)", "LGPL-2.0-or-later"),
    ("gnu lesser general public v3 (lgplv3)", "LGPL-3.0-only"),
    ("gnu lesser general public v3 or later (lgplv3+)", "LGPL-3.0-or-later"),
    ("gplv2", "GPL-2.0-only"),
    ("gplv2+", "GPL-2.0-or-later"),
    ("gplv3", "GPL-3.0-only"),
    ("gplv3+", "GPL-3.0-or-later"),
    ("isc (iscl)", "ISC"),
    ("lgplv3", "LGPL-3.0-only"),
    ("lgplv3+", "LGPL-3.0-or-later"),
    ("mit", "MIT"),
    ("mit no attribution (mit-0)", "MIT-0"),
    ("modified bsd", "BSD-3-Clause"),
    ("mozilla public 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("mpl2", "MPL-2.0"),
    ("new bsd", "BSD-3-Clause"),
    ("simplified bsd", "BSD-2-Clause"),
    ("unlicense", "Unlicense"),
    ("unlicense (unlicense)", "Unlicense"),
    ("zlib/libpng", "Zlib"),
];

/// Words that mean one of several licences, and how the names of all of these begin.
const FAMILIES: &[(&str, &str)] = &[
    ("apache", "Apache-"),
    ("apache software", "Apache-"),
    ("bsd", "BSD-"),
    ("bsd-like", "BSD-"),
    ("gnu general public (gpl)", "GPL-"),
    ("gpl", "GPL-"),
    ("gnu affero general public", "AGPL-"),
    ("gnu lesser general public (lgpl)", "LGPL-"),
    ("gnu library or lesser general public (lgpl)", "LGPL-"),
    ("lgpl", "LGPL-"),
    ("mozilla public", "MPL-"),
    ("mpl", "MPL-"),
];

/// What the words mean, where they are in a table.
pub(super) fn find(words: &str) -> Option<Word> {
    let lowercase = words.to_lowercase().replace(',', " ");
    let plain: Vec<&str> = lowercase
        .split_whitespace()
        .filter(|word| !["the", "license", "licence", "license."].contains(word))
        .collect();
    let plain = plain.join(" ");
    let in_table = |table: &[(&'static str, &'static str)]| {
        table.iter().find(|(alias, _)| *alias == plain).map(|(_, meaning)| *meaning)
    };
    let exact = in_table(EXACT).map(|name| Word::Known(name.to_owned()));
    exact.or_else(|| in_table(FAMILIES).map(Word::Family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_licences_of_the_list_and_agree() {
        for (alias, name) in EXACT {
            assert_eq!(super::super::single(name).as_deref(), Ok(*name), "{alias}");
        }
        let mut aliases: Vec<&str> = EXACT.iter().chain(FAMILIES).map(|(alias, _)| *alias).collect();
        let count = aliases.len();
        aliases.sort_unstable();
        aliases.dedup();
        assert_eq!(aliases.len(), count, "one alias, one meaning");
    }
}
