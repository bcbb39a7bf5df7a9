//! Plans a release, or checks a plan that was saved: in words, as a difference, as data.

use std::path::PathBuf;

use super::prepare::{self, Prepared, Source};
use crate::core::release::plan::{Identity, Live, Plan, Refused};
use crate::cx::{Cx, files};
use crate::error::{Error, Result};
use crate::event::Body;

/// Where a plan comes from.
#[derive(Clone, Debug)]
pub enum From {
    /// It is made now.
    Files {
        /// Of what.
        prepare: prepare::Options,
        /// Where it is saved.
        out: Option<PathBuf>,
    },
    /// It was saved, and is checked.
    Plan {
        /// The file.
        path: PathBuf,
        /// The environment that it has to be of, where that is said.
        environment: Option<String>,
        /// Where to learn what is in the cluster.
        source: Source,
    },
}

/// How a plan is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Show {
    /// Step by step, in words.
    Words,
    /// As the fields that change.
    Difference,
}

/// Makes or reads a plan, and shows it. Changes nothing in the cluster.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where a saved plan is no longer right; and those of
/// [`prepare()`](prepare::prepare).
pub fn plan(cx: &Cx, from: &From, show: Show) -> Result<()> {
    let (plan, live) = match from {
        From::Files { prepare, .. } => {
            let Prepared { plan, live, .. } = prepare::prepare(cx, prepare)?;
            (plan, live)
        }
        From::Plan { path, environment, source } => {
            let plan = read(path)?;
            let live = check(cx, &plan, environment.as_deref(), source)?;
            (plan, live)
        }
    };
    let mut text = match show {
        Show::Words => plan.words(),
        Show::Difference => plan.diff(&live),
    };
    if text.is_empty() {
        text.push_str("nothing changes\n");
    }
    let data = serde_json::to_value(&plan)
        .map_err(|error| Error::bug("the plan cannot be written as JSON").source(error))?;
    if let From::Files { out: Some(out), .. } = from {
        let json = plan.to_json().map_err(|error| Error::bug("the plan cannot be saved").source(error))?;
        if cx.mask().finds_in(json.as_bytes()) {
            return Err(Error::refused("the plan holds a secret, and is not saved")
                .hint("refer to a Secret by its name instead"));
        }
        files::write(
            &std::path::absolute(out).unwrap_or_else(|_| out.clone()),
            format!("{json}\n").as_bytes(),
        )?;
    }
    cx.emit(Body::Answer { text, data });
    Ok(())
}

/// Reads a saved plan.
fn read(path: &std::path::Path) -> Result<Plan> {
    Plan::from_json(&files::read(path)?).map_err(|refused| {
        let error = Error::configuration(format!("`{}` cannot be carried out", path.display()));
        error.cause(refused.to_string()).hint("make it again: `cargo xtask deploy --plan-only --out FILE`")
    })
}

/// What is in the cluster, where that is still what the plan was made from.
fn check(cx: &Cx, plan: &Plan, environment: Option<&str>, source: &Source) -> Result<Live> {
    let own = &*plan.release.environment;
    if let Some(other) = environment.filter(|other| *other != own) {
        return Err(Error::refused(format!("the plan is of `{own}`, not of `{other}`")));
    }
    let (_, environment) = prepare::of_environment(cx, Some(own))?;
    let stated: Vec<Identity> = plan.bound.iter().map(|bound| bound.object.clone()).collect();
    let objects = prepare::look(cx, environment, source, &stated)?.unwrap_or_default();
    let live = Live::for_plan(&environment.namespace, objects, plan)
        .map_err(|unclear| prepare::not_at_rest(environment, unclear))?;
    plan.check(&live).map(|()| live).map_err(|refused: Refused| {
        Error::refused(format!("the plan of `{}` is no longer right", plan.release))
            .cause(refused.to_string())
            .hint("plan again: `cargo xtask deploy --plan-only`")
    })
}
