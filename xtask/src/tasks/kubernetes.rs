//! Do the manifests of every environment fit Kubernetes, and the policy for pods?

use serde_json::Value;

use crate::config::Config;
use crate::config::release::{EnvironmentConfig, ValueFrom};
use crate::core::command::Command;
use crate::core::gate::{Answer, Look};
use crate::core::policy::{self, Files, schema};
use crate::cx::Cx;
use crate::driver::process::Exit;
use crate::error::Result;
use crate::tasks::release::prepare;
use crate::tasks::{gate, tool};

/// Whether there are manifests to look at.
pub fn applies(config: &Config) -> bool {
    config.release.is_some() && !config.environments.is_empty()
}

/// Looks at what a release would write into each environment: by the rules of [`policy`], and by the schemas of Kubernetes.
///
/// # Errors
///
/// Of kind [`Configuration`](crate::ErrorKind::Configuration) where the manifests cannot be read,
/// [`Problems`](crate::ErrorKind::Problems) where a rule is broken or a schema is; those of [`Cx::looked`].
pub fn manifests(cx: &Cx) -> Result<()> {
    let Some(release) = cx.config().release.as_ref() else { return Ok(()) };
    let program = tool::of_repository(cx, schema::TOOL);
    let (mut policies, mut schemas) = (Vec::new(), Vec::new());
    for environment in &cx.config().environments {
        let (derived, stated) = prepare::rendered(cx, release, environment)?;
        let files = Files { manifests: &stated.manifests, overlays: &stated.overlays };
        let objects = derived.stated();
        policies.push(policy::look(&objects, &files));
        schemas.push(match &program {
            Some(program) => validate(cx, environment, Command::new(program), &objects, &files)?,
            None => schema::missing(),
        });
    }
    let looks = [policy::together(policies), policy::together(schemas)];
    gate::conclude(cx, looks.into_iter().flatten().collect())
}

fn validate(
    cx: &Cx,
    environment: &EnvironmentConfig,
    program: Command,
    objects: &[&Value],
    files: &Files<'_>,
) -> Result<Look> {
    let mut command = program.arg("--strict");
    if let Some(version) = &environment.kubernetes {
        command = command.args(["-k", version]);
    }
    let output = cx.output(command.arg("-").stdin(schema::input(objects)))?;
    let answer = Answer {
        code: match output.exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) | Exit::TimedOut | Exit::Stopped | Exit::Cancelled => None,
        },
        ended: &output.exit.to_string(),
        stdout: &output.stdout,
        stderr: &output.stderr,
        report: None,
    };
    Ok(schema::look(&answer, objects, files))
}

/// The variables of the environment that templates are filled with.
pub(super) fn variables(config: &Config) -> Vec<String> {
    let variables = config.environments.iter().flat_map(|environment| &environment.variables);
    let mut names: Vec<String> = variables
        .filter_map(|variable| match &variable.from {
            ValueFrom::Text(_) => None,
            ValueFrom::Environment { env, .. } => Some(env.clone()),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
