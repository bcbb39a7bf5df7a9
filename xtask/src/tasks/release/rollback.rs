//! Takes a release back: the one that is under way, or the one that serves.

use super::conduct::{Release as Conducted, conduct, verdict};
use super::connect::Use;
use super::prepare::{self, of_environment};
use super::under_way::Pace;
use super::{cluster, connect, consent, deploy, under_way};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::release::ledger::{self, Account, Head, Line, Target, Wanted};
use crate::core::release::machine::Intent;
use crate::core::release::model::ReleaseId;
use crate::core::release::plan::{self, Live};
use crate::cx::Cx;
use crate::driver::kubectl::Kubectl;
use crate::error::{Error, Result};
use crate::event::Body;

/// How a release is taken back.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment; may be left out where there is only one.
    pub environment: Option<String>,
    /// Where to.
    pub to: Wanted,
    /// Why, for the record.
    pub reason: Option<String>,
    /// Whether somebody has agreed already.
    pub yes: bool,
    /// Whether the plan is shown and nothing else.
    pub plan_only: bool,
}

/// Takes a release back. Where one is under way, that one, whoever owns it; else the one that serves gives way to the newest
/// verified one before it, or to the one that is named.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where there is nothing to go back to.
pub fn rollback(cx: &Cx, options: &Options) -> Result<()> {
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let purpose = if options.plan_only { Use::Read } else { Use::Write };
    let kubectl = connect::identified(cx, environment, purpose)?;
    // Where nobody is asked any more, whoever owns the release hears of it before anything else is looked at.
    let is_decided = options.yes && !options.plan_only && options.to == Wanted::Previous;
    let head = if is_decided {
        connect::ask_for_end(&kubectl, &environment.name, || consent::permitted_back(cx, &kubectl, &[]))?
    } else {
        connect::ledger(&kubectl, &environment.name)?
    };
    let head = head.ok_or_else(|| nothing_released(environment))?;
    if let Some(known) = under_way::find(cx, &kubectl, (release, environment), Some(&head))? {
        return abort(cx, &kubectl, environment, &known, &head, options);
    }
    let target = ledger::target(&head, &options.to).map_err(|no| {
        Error::refused(format!("there is nothing that `{}` can go back to", environment.name))
            .source(no)
            .hint("`cargo xtask history` shows what there was")
    })?;
    back(cx, &kubectl, (release, environment), &head, &target, options)
}

/// Ends the release under way: within its bake that is a flip, and no pod has to start.
fn abort(
    cx: &Cx,
    kubectl: &Kubectl,
    environment: &EnvironmentConfig,
    known: &under_way::Known,
    head: &Head,
    options: &Options,
) -> Result<()> {
    let id = &known.plan.release;
    if options.to != Wanted::Previous {
        return Err(Error::refused(format!("`{id}` is under way, and has to end first"))
            .hint("`cargo xtask rollback` without `--to` ends it"));
    }
    let serving = ReleaseId::or_nothing(head.serving.as_ref());
    let words = format!("`{id}` is under way and will be taken back: {serving} serves again");
    cx.emit(Body::Answer { text: format!("{words}\n"), data: serde_json::json!({ "aborts": id }) });
    if options.plan_only {
        return Ok(());
    }
    // Where nobody is asked any more, it was asked before the owner was told to end: a question less in haste.
    if !options.yes {
        consent::permitted_back(cx, kubectl, &prepare::identities(&known.derived))?;
    }
    consent::confirm(cx, options.yes, &format!("take `{id}` back?"))?;
    let end = conduct(cx, kubectl, known.with(environment, Intent::Abort))?;
    verdict(&id.to_string(), Intent::Abort, &end)
}

/// Brings an older release back: its manifests into the slots that stand idle, then all requests at once.
fn back(
    cx: &Cx,
    kubectl: &Kubectl,
    (release, environment): (&Release, &EnvironmentConfig),
    head: &Head,
    target: &Target,
    options: &Options,
) -> Result<()> {
    let derived = under_way::restored(kubectl, &target.entry)?;
    let objects = cluster::objects(kubectl, environment, &prepare::identities(&derived))?;
    let live = Live::read(&environment.name, &environment.namespace, objects, &derived)
        .map_err(|unclear| prepare::not_at_rest(environment, unclear))?;
    let why = options.reason.as_deref().unwrap_or("a rollback");
    let account = Account {
        restores: Some(target.origin.clone()),
        who: Line::new(prepare::who(cx), cx.mask()),
        why: Line::new(why, cx.mask()),
        contracts: false,
        unfrozen: None,
        ..Account::clone(&target.entry.account)
    };
    let id = ReleaseId { environment: environment.name.as_str().into(), number: live.number + 1 };
    let mut wish = under_way::wish((release, environment), &id, &derived, Pace::AtOnce);
    wish.commit = account.commit.as_deref().map(str::to_owned);
    wish.remarks.push(format!("brings back what `{}` was", target.origin));
    wish.remarks.extend(target.warning());
    wish.remarks.extend(target.skipped.iter().map(|skipped| format!("not to {skipped}")));
    let plan = plan::plan(&wish, &derived, &live).map_err(|refused| prepare::refusal(release, refused))?;
    deploy::say(cx, &plan, plan.words())?;
    if options.plan_only {
        return Ok(());
    }
    consent::permitted_back(cx, kubectl, &prepare::identities(&derived))?;
    consent::confirm(cx, options.yes, &format!("bring back what `{}` was?", target.origin))?;
    let pieces = plan.account(&derived, prepare::who(cx), cx.mask());
    let pieces =
        pieces.map_err(|error| Error::refused("what was kept cannot be kept again").source(error))?;
    let account = Account { pieces: pieces.pieces, objects: pieces.objects, ..account };
    let course = plan.course(account, prepare::now());
    let former = connect::stated(kubectl, head.serves().map(|entry| &**entry))?;
    let end = conduct(
        cx,
        kubectl,
        Conducted {
            environment,
            plan: &plan,
            derived: &derived,
            course,
            former,
            intent: Intent::Release,
            takes_over: false,
        },
    )?;
    connect::prune(cx, kubectl, environment);
    verdict(&id.to_string(), Intent::Release, &end)
}

pub(super) fn nothing_released(environment: &EnvironmentConfig) -> Error {
    Error::refused(format!("nothing was released to `{}` yet", environment.name))
        .hint("what runs there is nobody's release: `cargo xtask adopt` writes it down")
}
