//! The options that every command has: how it shows what happens.

use clap::{Args, ValueEnum};

use super::{Command, DependenciesVerb, GLOBAL};
use crate::error::{Error, Result};
use crate::ui;

/// How a command shows what happens.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// How to show what happens: auto, plain, github or json (a JSON object on a line for each event)
    #[arg(long, global = true, value_name = "FORM", default_value = "auto", hide_possible_values = true)]
    #[arg(help_heading = GLOBAL, hide_default_value = true)]
    pub(in crate::cli) output: Output,
    /// When to use colour: auto (looks at the terminal, `NO_COLOR`, `CLICOLOR_FORCE`), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(help_heading = GLOBAL, hide_default_value = true)]
    pub(in crate::cli) color: Color,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::Help, help_heading = GLOBAL)]
    help: Option<bool>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Output {
    Auto,
    Plain,
    Github,
    Json,
    /// What is asked for as a graph for Graphviz; only of `plan` and of `dependencies graph`.
    Dot,
    /// The same as a picture.
    Svg,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Color {
    Auto,
    Always,
    Never,
}

impl Show {
    /// What `--output` asks for; `None` leaves it to the surroundings.
    pub(in crate::cli) fn mode(&self) -> Option<ui::Mode> {
        match self.output {
            Output::Auto => None,
            // A picture is text that is written as it is.
            Output::Plain | Output::Dot | Output::Svg => Some(ui::Mode::Plain),
            Output::Github => Some(ui::Mode::GitHub),
            Output::Json => Some(ui::Mode::Json),
        }
    }

    /// An error where `--output` asks for what only graphs have.
    pub(in crate::cli) fn check(&self, command: &Command) -> Result<()> {
        let is_graph = match command {
            Command::Plan(plan) => plan.github_matrix.is_none(),
            Command::Dependencies(dependencies) => {
                matches!(dependencies.verb, None | Some(DependenciesVerb::Graph(_)))
            }
            _ => false,
        };
        if matches!(self.output, Output::Dot | Output::Svg) && !is_graph {
            return Err(Error::usage("`--output dot` and `--output svg` draw a plan, or dependencies")
                .hint("`cargo xtask plan --output svg > plan.svg`")
                .hint("`cargo xtask dependencies graph --output svg > dependencies.svg`"));
        }
        Ok(())
    }

    /// Whether the answer of the command is for a file or a program: a picture, or a matrix of jobs.
    pub(in crate::cli) fn is_document(&self, command: &Command) -> bool {
        let is_matrix = matches!(command, Command::Plan(plan) if plan.github_matrix.is_some());
        is_matrix || matches!(self.output, Output::Dot | Output::Svg)
    }

    /// What `--color` asks for, given what the surroundings suggest.
    pub(in crate::cli) fn color(&self, suggested: bool) -> bool {
        match self.color {
            Color::Auto => suggested,
            Color::Always => true,
            Color::Never => false,
        }
    }
}
