//! The reference of the command line, made of the grammar: `docs/reference/command-line.md`.
//!
//! The file is committed, so that it is read without building anything, and this test holds it against the grammar;
//! `UPDATE_EXPECT=1` writes it anew.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use expect_test::expect_file;

use super::arguments::groups::GROUPS;
use super::arguments::{EXIT_CODES, GLOBAL, grammar};

#[test]
fn it_says_what_the_grammar_says() {
    expect_file!["../../../docs/reference/command-line.md"].assert_eq(&page());
}

fn page() -> String {
    let mut grammar = grammar();
    grammar.build();
    let mut page = String::from(
        "# Command line\n\nMade of the grammar of `cargo xtask`; `UPDATE_EXPECT=1 cargo test -p xtask --lib cli::reference` writes it anew.\n\n\
         Each command has `--help`, which says the same.\n\n## Options of all commands\n\n",
    );
    options(&mut page, grammar.get_arguments().filter(|argument| is_global(argument)));
    page.push_str("\n## Exit codes\n\n| code | what it means |\n|---:|---|\n");
    for line in EXIT_CODES.lines().skip(1) {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        writeln!(page, "| {code} | {} |", prose(meaning)).unwrap();
    }
    for (heading, names) in GROUPS {
        writeln!(page, "\n## {heading}").unwrap();
        for name in *names {
            let command = grammar.find_subcommand(name).unwrap().clone();
            section(&mut page, &command, &format!("cargo xtask {name}"), 3);
        }
    }
    page
}

fn section(page: &mut String, command: &Command, name: &str, level: usize) {
    writeln!(page, "\n{} {name}\n", "#".repeat(level)).unwrap();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    writeln!(page, "{}.\n", prose(&about)).unwrap();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).replace("\n       ", "\n");
    writeln!(page, "```text\n{}\n```", usage.trim()).unwrap();
    let own = |argument: &&Arg| !is_global(argument) && !argument.is_hide_set();
    if command.get_arguments().any(|argument| own(&argument)) {
        page.push('\n');
        options(page, command.get_arguments().filter(own));
    }
    let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let more = more.replace(EXIT_CODES, "");
    for paragraph in more.split("\n\n").map(str::trim_end).filter(|paragraph| !paragraph.is_empty()) {
        let in_columns = paragraph.lines().any(|line| line.starts_with("  "));
        if in_columns {
            writeln!(page, "\n```text\n{paragraph}\n```")
        } else {
            writeln!(page, "\n{}", prose(paragraph))
        }
        .unwrap();
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(page, inner, &format!("{name} {}", inner.get_name()), level + 1);
    }
}

fn is_global(argument: &Arg) -> bool {
    argument.get_help_heading() == Some(GLOBAL)
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| option | what it does |\n|---|---|\n");
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        writeln!(page, "| {} | {} |", spelling(argument), prose(&help)).unwrap();
    }
}

/// An argument as one writes it: `` `-j`, `--jobs N` ``.
fn spelling(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes = !matches!(
        argument.get_action(),
        ArgAction::SetTrue | ArgAction::Help | ArgAction::Version | ArgAction::Count
    );
    let value = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    if argument.is_positional() {
        return format!("`{value}`");
    }
    let value = if takes { format!(" {value}") } else { String::new() };
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}{value}`"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// A sentence of a help, with its code as code and everything else as it stands.
fn prose(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    let pieces = pieces.map(|(number, piece)| match number % 2 {
        0 => piece.replace('|', "\\|").replace('<', "&lt;").replace('*', "\\*"),
        _ => format!("`{}`", piece.replace('|', "\\|")),
    });
    pieces.collect()
}
