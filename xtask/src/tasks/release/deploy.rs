//! Plans a release, or checks a plan that was saved: in words, as a difference, as data.

use std::path::PathBuf;

use super::conduct::{Release, conduct, verdict};
use super::connect::Use;
use super::prepare::{self, Prepared, Source};
use super::{connect, consent, other, under_way};
use crate::config::release::{self as config, EnvironmentConfig};
use crate::core::registry::Reference;
use crate::core::release::ledger::Head;
use crate::core::release::machine::Intent;
use crate::core::release::model::Ending;
use crate::core::release::narration::by_hand;
use crate::core::release::plan::{Identity, Live, Plan, Refused};
use crate::core::text;
use crate::cx::{Cx, files};
use crate::driver::kubectl::Kubectl;
use crate::error::{Error, Result};
use crate::event::Body;

/// How many differences to a saved plan are named.
const MOVED_MAX: usize = 10;

/// What to do with a plan that is no longer right.
const PLAN_AGAIN: &str = "plan again: `cargo xtask deploy --plan-only`";

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
    /// The saved plan that it has to be, where there is one: its images, and nothing that was decided since.
    pub plan: Option<PathBuf>,
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
    let saved = options.plan.as_deref().map(read).transpose()?;
    let said = options.prepare.environment.as_deref();
    let (release, environment) = match &saved {
        Some(plan) => of_plan(cx, plan, said)?,
        None => prepare::of_environment(cx, said)?,
    };
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    let wanted = match &saved {
        Some(plan) => {
            let override_perf = options.prepare.override_perf.clone();
            prepare::Options { override_perf, ..as_planned(&kubectl, plan, head.as_ref())? }
        }
        None => options.prepare.clone(),
    };
    if let Some(known) = under_way::find(cx, &kubectl, (release, environment), head.as_ref())? {
        let of_files = prepare::of_files(cx, release, environment, &wanted.images)?;
        let is_planned = saved.as_ref().is_none_or(|plan| plan.release == known.plan.release);
        let is_stated = is_planned && under_way::is_made_of(&known.course.account, &of_files);
        return go_on(cx, &kubectl, environment, &known, is_stated, options.yes);
    }
    if let Some(plan) = &saved {
        check(cx, plan, said, (&Source::Cluster, Some(&kubectl)))?;
    }
    let prepared = prepare::prepare_for(cx, &wanted, Some(&kubectl))?;
    if let Some(plan) = &saved {
        is_still(plan, &prepared.plan)?;
    }
    say(cx, &prepared.plan, prepared.plan.words())?;
    if !prepared.course.changes() {
        cx.note(format!("`{}` is as the files state it: nothing is released", environment.name));
        return Ok(());
    }
    if let Some(frozen) = &prepared.plan.frozen {
        return Err(Error::refused(format!("nothing is released to `{}` now", environment.name))
            .cause(frozen)
            .hint("`--override-freeze REASON` releases all the same, and records why"));
    }
    if let Some(refused) = &prepared.refused {
        return Err(Error::refused(format!(
            "nothing is released to `{}` after this load test",
            environment.name
        ))
        .cause(refused)
        .hint("`cargo xtask report` shows the figures; `cargo xtask perf` measures again")
        .hint("`--override-perf REASON` releases all the same, and records why"));
    }
    if let Some(doubt) = &prepared.doubt {
        cx.warn(doubt.clone(), "`cargo xtask perf` puts the images that were built under load");
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
    let end = conduct(cx, &kubectl, release)?;
    connect::prune(cx, &kubectl, environment);
    // One that is stuck has said what fits where it stopped.
    if !matches!(end.ending, Ending::Promoted | Ending::Nothing | Ending::Stuck) {
        cx.emit(Body::Answer { text: by_hand(&prepared.plan.by_hand), data: serde_json::Value::Null });
    }
    verdict(&id.to_string(), Intent::Release, &end)
}

/// What has to be prepared so that it comes to a saved plan: its images, and for what it does not touch those that serve.
fn as_planned(kubectl: &Kubectl, plan: &Plan, head: Option<&Head>) -> Result<prepare::Options> {
    let written = plan.phases.iter().flat_map(|phase| &phase.writes).map(|write| &write.object);
    let planned = written.chain(plan.further.iter().map(|further| &further.object)).chain(&plan.migrations);
    let mut images: Vec<Reference> = planned.flat_map(other::images).collect();
    let serving = connect::stated(kubectl, head.and_then(Head::serves).map(|entry| &**entry))?;
    images.extend(serving.iter().flat_map(other::images));
    Ok(prepare::Options {
        environment: Some(plan.release.environment.to_string()),
        source: Source::Cluster,
        images: prepare::Images::Planned { images, commit: plan.commit.clone() },
        override_freeze: plan.freeze_overridden.as_ref().map(|freeze| freeze.reason.clone()),
        override_perf: None,
        // Whoever has made the plan has agreed to that.
        without_way_back: plan.contracts,
    })
}

/// Whether a plan that is made now is the one that was saved.
fn is_still(saved: &Plan, now: &Plan) -> Result<()> {
    let moved = saved.moved(now).map_err(|error| Error::bug("plans cannot be compared").source(error))?;
    if moved.is_empty() {
        return Ok(());
    }
    let more = moved.len().saturating_sub(MOVED_MAX);
    let error =
        Error::refused(format!("the plan of `{}` is not the one that would be made now", saved.release));
    let error = moved.into_iter().take(MOVED_MAX).fold(error, Error::cause);
    let error =
        if more > 0 { error.cause(format!("and {} more", text::count(more, "difference"))) } else { error };
    Err(error.hint(PLAN_AGAIN))
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
    let end = conduct(cx, kubectl, known.with(environment, Intent::Release))?;
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
            let live = check(cx, &plan, environment.as_deref(), (source, None))?;
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

/// The environment that a plan is of; that has to be the one that is said, where one is.
fn of_plan<'c>(
    cx: &'c Cx,
    plan: &Plan,
    said: Option<&str>,
) -> Result<(&'c config::Release, &'c EnvironmentConfig)> {
    let own = &*plan.release.environment;
    if let Some(other) = said.filter(|other| *other != own) {
        return Err(Error::refused(format!("the plan is of `{own}`, not of `{other}`")));
    }
    prepare::of_environment(cx, Some(own))
}

/// What is in the cluster, where that is still what the plan was made from.
fn check(
    cx: &Cx,
    plan: &Plan,
    environment: Option<&str>,
    source: (&Source, Option<&Kubectl>),
) -> Result<Live> {
    let (_, environment) = of_plan(cx, plan, environment)?;
    let stated: Vec<Identity> = plan.bound.iter().map(|bound| bound.object.clone()).collect();
    let objects = prepare::look(cx, environment, source, &stated)?.unwrap_or_default();
    let live = Live::for_plan(&environment.namespace, objects, plan)
        .map_err(|unclear| prepare::not_at_rest(environment, unclear))?;
    plan.check(&live).map(|()| live).map_err(|refused: Refused| {
        Error::refused(format!("the plan of `{}` is no longer right", plan.release))
            .cause(refused.to_string())
            .hint(PLAN_AGAIN)
    })
}
