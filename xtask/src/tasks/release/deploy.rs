//! Plans a release, or checks a plan that was saved: in words, as a difference, as data.

use std::path::PathBuf;

use super::conduct::{Release, conduct, verdict};
use super::connect::Use;
use super::prepare::{self, Prepared, Source};
use super::{connect, consent, under_way};
use crate::config::release::EnvironmentConfig;
use crate::core::release::ledger::Head;
use crate::core::release::machine::Intent;
use crate::core::release::model::Ending;
use crate::core::release::narration::by_hand;
use crate::core::release::plan::{Identity, Live, Plan, Refused};
use crate::cx::{Cx, files};
use crate::driver::kubectl::Kubectl;
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

/// How a release is carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of what.
    pub prepare: prepare::Options,
    /// Whether somebody has agreed already.
    pub yes: bool,
    /// Whether fields that others own are taken from them.
    pub take_over: bool,
}

/// Releases what the files state: shows the plan, asks, and carries it out. Where this very release is under way and its owner is
/// gone, goes on with it.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) before anything was changed, [`NotReleased`](crate::ErrorKind::NotReleased) where
/// the release before serves again, [`Stuck`](crate::ErrorKind::Stuck) where a person has to look.
pub fn deploy(cx: &Cx, options: &Options) -> Result<()> {
    let (release, environment) = prepare::of_environment(cx, options.prepare.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    if let Some(head) = &head
        && let Some(known) = under_way::find(cx, &kubectl, (release, environment), head)?
    {
        let of_files = prepare::of_files(cx, release, environment, &options.prepare.images)?;
        let is_stated = under_way::is_made_of(&known.course.account, &of_files);
        return go_on(cx, &kubectl, environment, &known, is_stated, options.yes);
    }
    let prepared = prepare::prepare(cx, &options.prepare)?;
    say(cx, &prepared.plan, prepared.plan.words())?;
    if !prepared.course.changes() {
        cx.note(format!("`{}` is as the files state it: nothing is released", environment.name));
        return Ok(());
    }
    if let Some(frozen) = &prepared.plan.frozen {
        return Err(Error::refused(frozen.clone())
            .hint("`--override-freeze REASON` releases all the same; the reason is recorded"));
    }
    let former = connect::stated(&kubectl, head.as_ref().and_then(Head::serves).map(|entry| &**entry))?;
    let id = prepared.plan.release.clone();
    let release = Release {
        environment,
        plan: &prepared.plan,
        derived: &prepared.derived,
        course: prepared.course.clone(),
        former,
        intent: Intent::Release,
        takes_over: options.take_over,
    };
    consent::permitted(&kubectl, &prepare::identities(&prepared.derived))?;
    if !options.take_over {
        consent::rehearse(cx, &kubectl, &id.to_string(), &release.inventory()?)?;
    }
    consent::confirm(cx, options.yes, &format!("release `{id}` to `{}`?", environment.name))?;
    connect::keep(&kubectl, environment, &prepared.derived)?;
    let end = conduct(cx, release)?;
    connect::prune(cx, &kubectl, environment);
    if !matches!(end.ending, Ending::Promoted | Ending::Nothing) {
        cx.emit(Body::Answer { text: by_hand(&prepared.plan.by_hand), data: serde_json::Value::Null });
    }
    verdict(&id.to_string(), Intent::Release, &end)
}

/// Goes on with a release that was begun, where the files still state it.
fn go_on(
    cx: &Cx,
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    known: &under_way::Known,
    is_stated: bool,
    is_agreed: bool,
) -> Result<()> {
    let id = &known.plan.release;
    if !is_stated {
        return Err(Error::refused(format!("`{id}` is under way, and the files state something else"))
            .hint("`cargo xtask status` shows how far it is")
            .hint(
                "`cargo xtask rollback` takes it back; `cargo xtask recover` ends it if its owner is gone",
            ));
    }
    cx.note(format!("`{id}` is under way, and is what the files state: it is gone on with"));
    consent::confirm(cx, is_agreed, &format!("go on with `{id}`?"))?;
    let end = conduct(cx, known.with(environment, Intent::Release))?;
    connect::prune(cx, kubectl, environment);
    verdict(&id.to_string(), Intent::Release, &end)
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
    say(cx, &plan, text)
}

/// Says a plan: to people as `text`, to programs as it is.
pub(super) fn say(cx: &Cx, plan: &Plan, text: String) -> Result<()> {
    let data = serde_json::to_value(plan)
        .map_err(|error| Error::bug("the plan cannot be written as JSON").source(error))?;
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
