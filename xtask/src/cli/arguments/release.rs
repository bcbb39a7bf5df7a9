//! The options of the commands that release.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::core::registry::Reference;
use crate::core::release::ledger::Wanted;
use crate::error::{Error, Result};
use crate::tasks::release::{deploy, intervene, pin, prepare, rollback};

/// Where.
#[derive(Debug, Args)]
pub(in crate::cli) struct Place {
    /// The environment; may be left out where xtask.toml has only one
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct Deploy {
    /// Show the plan, and change nothing
    #[arg(long)]
    plan_only: bool,
    #[command(flatten)]
    place: Place,
    /// Release without asking
    #[arg(short, long, conflicts_with = "plan_only")]
    yes: bool,
    /// Take fields over that somebody else owns: those of what `kubectl apply` has made
    #[arg(long, conflicts_with = "plan_only")]
    take_over: bool,
    /// Save the plan, to be reviewed and checked again
    #[arg(long, value_name = "FILE", requires = "plan_only")]
    out: Option<PathBuf>,
    /// Show the fields that change instead of the steps
    #[arg(long, requires = "plan_only")]
    diff: bool,
    /// Read what is in the cluster from this output of `kubectl get … --output=json`
    #[arg(long, value_name = "FILE", requires = "plan_only")]
    snapshot: Option<PathBuf>,
    /// Carry out this saved plan, if nothing has moved since; with `--plan-only`, say whether that is so
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["out", "override_freeze", "without_way_back", "from", "images", "image"])]
    plan: Option<PathBuf>,
    /// Release exactly the images that serve this other environment, verified
    #[arg(long, value_name = "ENVIRONMENT")]
    from: Option<String>,
    /// Release the images of this record instead of target/xtask/images.json
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    images: Option<PathBuf>,
    /// Release this image, `repository@sha256:…`; may be given several times
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["from", "images"], value_parser = image)]
    image: Vec<Reference>,
    /// Why it is released in a freeze; the reason is recorded in the plan
    #[arg(long, value_name = "REASON")]
    override_freeze: Option<String>,
    /// Why it is released although its load test is bad; the reason is recorded in the plan
    #[arg(long, value_name = "REASON")]
    override_perf: Option<String>,
    /// Release it although its migration leaves no way back
    #[arg(long)]
    without_way_back: bool,
}

/// What `deploy` is to do.
pub(in crate::cli) enum Deployment {
    /// To show a plan.
    Plan(deploy::From, deploy::Show),
    /// To release.
    Release(deploy::Options),
}

impl Deploy {
    pub(in crate::cli) fn options(self) -> Deployment {
        let source = self.snapshot.map_or(prepare::Source::Cluster, prepare::Source::Snapshot);
        let show = if self.diff { deploy::Show::Difference } else { deploy::Show::Words };
        let environment = self.place.environment;
        if let Some(path) = self.plan.clone().filter(|_| self.plan_only) {
            return Deployment::Plan(deploy::From::Plan { path, environment, source }, show);
        }
        let prepare = prepare::Options {
            environment,
            source,
            images: match (self.from, self.images) {
                (Some(other), _) => prepare::Images::From(other),
                (None, Some(path)) => prepare::Images::Record(path),
                (None, None) if self.image.is_empty() => prepare::Images::Built,
                (None, None) => prepare::Images::Named(self.image),
            },
            override_freeze: self.override_freeze,
            override_perf: self.override_perf,
            without_way_back: self.without_way_back,
        };
        if self.plan_only {
            Deployment::Plan(deploy::From::Files { prepare, out: self.out }, show)
        } else {
            let (plan, yes, take_over) = (self.plan, self.yes, self.take_over);
            Deployment::Release(deploy::Options { prepare, plan, yes, take_over })
        }
    }
}

/// An image with a digest; what stands before a `=` is the component that a reader may want to see.
fn image(text: &str) -> std::result::Result<Reference, String> {
    let name = text.rsplit_once('=').map_or(text, |(_, name)| name);
    let reference: Reference =
        name.parse().map_err(|invalid: crate::core::registry::Invalid| invalid.message)?;
    match reference.digest() {
        Some(_) => Ok(reference),
        None => Err("an image needs its digest, as in `repository@sha256:…`: a tag can move".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Rollback {
    #[command(flatten)]
    place: Place,
    /// Where to: a release, the beginning of a commit, or `previous`
    #[arg(long, value_name = "RELEASE", default_value = "previous", hide_default_value = true)]
    to: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take it back without asking
    #[arg(short, long, conflicts_with = "plan_only")]
    yes: bool,
    /// Show the plan, and change nothing
    #[arg(long)]
    plan_only: bool,
}

impl Rollback {
    pub(in crate::cli) fn options(self) -> Result<rollback::Options> {
        Ok(rollback::Options {
            environment: self.place.environment,
            to: wanted(&self.to)?,
            reason: self.reason,
            yes: self.yes,
            plan_only: self.plan_only,
        })
    }
}

fn wanted(text: &str) -> Result<Wanted> {
    if text == "previous" {
        return Ok(Wanted::Previous);
    }
    if let Ok(release) = text.parse() {
        return Ok(Wanted::Release(release));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Wanted::Commit(text.to_ascii_lowercase()));
    }
    Err(Error::usage(format!("`{text}` is neither a release nor a commit")).hint(
        "a release is an environment and a number, as in `production-42`; `previous` is the one before",
    ))
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    pub(in crate::cli) place: Place,
    /// Say it again each time it changes, until nothing is under way
    #[arg(short, long)]
    pub(in crate::cli) watch: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    #[command(flatten)]
    place: Place,
    /// Make the ledger again where somebody has damaged it: shows what it would say and what is lost, and asks
    #[arg(long)]
    repair: bool,
    /// Write it without asking
    #[arg(short, long, requires = "repair")]
    yes: bool,
}

impl History {
    /// Where, and whether it is to be repaired.
    pub(in crate::cli) fn options(self) -> (intervene::Options, bool) {
        (intervene::Options { environment: self.place.environment, yes: self.yes }, self.repair)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Unlock {
    #[command(flatten)]
    intervene: Intervene,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Unlock {
    pub(in crate::cli) fn options(self) -> (intervene::Options, String) {
        (self.intervene.options(), self.reason)
    }
}

/// A word to the release that is under way.
#[derive(Debug, Args)]
pub(in crate::cli) struct Intervene {
    #[command(flatten)]
    place: Place,
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
}

impl Intervene {
    pub(in crate::cli) fn options(self) -> intervene::Options {
        intervene::Options { environment: self.place.environment, yes: self.yes }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Pause {
    #[command(flatten)]
    intervene: Intervene,
    /// Why; `status` shows it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Pause {
    pub(in crate::cli) fn options(self) -> (intervene::Options, Option<String>) {
        (self.intervene.options(), self.reason)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Promote {
    #[command(flatten)]
    intervene: Intervene,
    /// To the end, whatever the evidence says
    #[arg(long)]
    pub(in crate::cli) full: bool,
}

impl Promote {
    pub(in crate::cli) fn options(self) -> (intervene::Options, bool) {
        (self.intervene.options(), self.full)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Recover {
    #[command(flatten)]
    place: Place,
}

impl Recover {
    /// It asks nothing: it is for jobs that run by themselves.
    pub(in crate::cli) fn options(self) -> intervene::Options {
        intervene::Options { environment: self.place.environment, yes: true }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Doctor {
    /// Look at what a release to this environment needs, instead of at this machine
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,
}

/// What is said about an environment.
#[derive(Debug, Args)]
pub(in crate::cli) struct OfEnvironment {
    #[command(subcommand)]
    pub(in crate::cli) verb: EnvironmentVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum EnvironmentVerb {
    /// Write down which cluster an environment means: from then on no command speaks to another one
    Pin(Pin),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Pin {
    #[command(flatten)]
    place: Place,
    /// Pin the cluster that the context leads to now in place of another one
    #[arg(long)]
    force: bool,
}

impl Pin {
    pub(in crate::cli) fn options(self) -> pin::Options {
        pin::Options { environment: self.place.environment, force: self.force }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_a_digest() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [format!("ghcr.io/o/web@{digest}"), format!("web=ghcr.io/o/web@{digest}")] {
            assert_eq!(image(&text).unwrap().digest().unwrap().to_string(), digest);
        }
        assert!(image("ghcr.io/o/web:latest").unwrap_err().contains("a tag can move"));
        assert!(image("Not A Name@x").is_err());
    }

    #[test]
    fn a_target_is_a_release_a_commit_or_the_one_before() {
        let said = |text: &str| format!("{:?}", wanted(text).map_err(|error| error.message().to_owned()));
        assert_eq!(said("previous"), "Ok(Previous)");
        assert!(said("production-42").starts_with("Ok(Release("));
        assert_eq!(said("C0FFEE"), "Ok(Commit(\"c0ffee\"))");
        for text in ["", "latest", "v1.2", "production"] {
            assert!(said(text).contains("is neither a release nor a commit"), "{text}");
        }
    }
}
