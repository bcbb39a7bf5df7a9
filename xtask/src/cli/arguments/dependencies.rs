//! The grammar of `dependencies`: a check, and questions.

use clap::{Args, Subcommand};

use super::{Output, Verb};
use crate::tasks::dependencies::{Form, GraphOptions};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Dependencies {
    #[command(subcommand)]
    pub(in crate::cli) verb: Option<DependenciesVerb>,
    #[command(flatten)]
    pub(in crate::cli) check: Verb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DependenciesVerb {
    /// Show who needs whom: as text, with `--output json`, `dot` or `svg` as data or a picture
    Graph(Graph),
    /// Say why a package is there: the chains from what components ask for
    Why {
        /// The package: `urllib3`, `npm:react`, `serde@1.0.0`
        package: String,
    },
    /// Name the packages that have newer versions, with the kind of step: patch, minor, major
    Outdated {
        /// Components; all where none is named
        #[arg(value_name = "COMPONENT")]
        components: Vec<String>,
    },
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct Graph {
    /// Components; all where none is named
    #[arg(value_name = "COMPONENT")]
    components: Vec<String>,
    /// The modules of one component instead of its packages
    #[arg(long)]
    modules: bool,
    /// What is there for development, too
    #[arg(long, conflicts_with = "modules")]
    development: bool,
}

impl Graph {
    pub(in crate::cli) fn options(self, output: Output) -> GraphOptions {
        GraphOptions {
            components: self.components,
            modules: self.modules,
            development: self.development,
            form: match output {
                Output::Dot => Form::Dot,
                Output::Svg => Form::Svg,
                Output::Auto | Output::Plain | Output::Github | Output::Json => Form::Text,
            },
        }
    }
}

impl Dependencies {
    /// The graph that is asked for, where one is: by name, or by an output that only a graph has.
    pub(in crate::cli) fn graph(&mut self, output: Output) -> Option<GraphOptions> {
        match self.verb.take() {
            Some(DependenciesVerb::Graph(graph)) => Some(graph.options(output)),
            None if matches!(output, Output::Dot | Output::Svg) => {
                let components = std::mem::take(&mut self.check.components);
                Some(Graph { components, ..Graph::default() }.options(output))
            }
            other => {
                self.verb = other;
                None
            }
        }
    }
}
