//! The commands by what they are for, as the help of the whole program shows them.

use clap::CommandFactory as _;
use clap::builder::StyledStr;

use super::{Cli, EXIT_CODES};

/// The commands in groups, as the help shows them. A test holds that every command stands in one.
pub(in crate::cli) const GROUPS: &[(&str, &[&str])] = &[
    (
        "Checks",
        &[
            "ci",
            "test",
            "coverage",
            "lint",
            "docs",
            "architecture",
            "dependencies",
            "licenses",
            "security",
            "sbom",
            "explain",
            "plan",
            "watch",
            "report",
            "update",
            "bench",
        ],
    ),
    (
        "Releases",
        &[
            "image",
            "perf",
            "deploy",
            "rollback",
            "status",
            "drift",
            "history",
            "promote",
            "pause",
            "resume",
            "abort",
            "recover",
            "adopt",
            "unlock",
            "environment",
            "rehearse",
        ],
    ),
    ("This machine", &["setup", "doctor", "cache", "completions"]),
];

/// The names of the commands.
pub(in crate::cli) fn verbs() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|(_, names)| *names).copied()
}

/// The grammar with the groups in its help.
pub(in crate::cli) fn grammar() -> clap::Command {
    let grammar = Cli::command();
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text.push_str(heading);
        text.push_str(":\n");
        for name in *names {
            let about = grammar.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(as_written).unwrap_or_default();
            text.extend(["  ".to_owned(), format!("{name:<14}"), about, "\n".to_owned()]);
        }
        text.push('\n');
    }
    text.push_str("`cargo xtask COMMAND --help` says more.\n");
    verbs().fold(grammar.before_help(text), |grammar, verb| {
        grammar.mut_subcommand(verb, |command| {
            let examples = command.get_after_help().map(as_written).unwrap_or_default();
            command.after_help(format!("{examples}\n\n{EXIT_CODES}"))
        })
    })
}

/// A text of the grammar. None has colours, and to look for some would take longer than all else that is done to it at every start.
fn as_written(text: &StyledStr) -> String {
    text.ansi().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::WIDTH;
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn every_command_stands_in_one_group_and_has_an_example() {
        let grammar = grammar();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let mut named: Vec<&str> = grammar.get_subcommands().map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        named.sort_unstable();
        assert_eq!(grouped, named);
        for command in grammar.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  cargo xtask "), "{}", command.get_name());
        }
    }

    /// A line that is too long goes on at the left edge, below what it explains. Paragraphs may: they have no columns.
    #[test]
    fn what_stands_in_columns_fits_the_width_of_the_help() {
        let grammar = grammar();
        let list = grammar.get_before_help().map(ToString::to_string).unwrap_or_default();
        let helps =
            grammar.get_subcommands().filter_map(clap::Command::get_after_help).map(ToString::to_string);
        for help in helps.chain([list]) {
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.chars().count() <= WIDTH, "longer than {WIDTH} columns: {line}");
            }
        }
    }
}
