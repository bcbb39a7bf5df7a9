//! Tells the release that is under way to stay at the step of its canary where it is, or to go on from there.
//!
//! Whoever owns it reads that in the ledger, within a second. It goes on being measured: a verdict ends it as ever.

use serde_json::json;

use super::connect::Use;
use super::intervene::Options;
use super::prepare::{self, of_environment};
use super::status::time;
use super::{connect, consent, under_way};
use crate::core::release::ledger::{Head, Line, Pause, Unheard};
use crate::core::text;
use crate::cx::Cx;
use crate::error::{Error, Result};
use crate::event::Body;

/// Tells the release that is under way to stay where it is; `reason` is shown by `status`.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where nothing is under way, it is paused already, or has no step of a canary
/// before it.
pub fn pause(cx: &Cx, options: &Options, reason: Option<&str>) -> Result<()> {
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    let known = under_way::find(cx, &kubectl, (release, environment), head.as_ref())?;
    let known = known.ok_or_else(|| unheard(&Unheard::NothingUnderWay))?;
    let id = &known.plan.release;
    let steps = known.course.parts.iter().map(|part| part.steps().len()).max().unwrap_or(0);
    let pause = Pause {
        since: prepare::now(),
        by: Line::new(prepare::who(cx), cx.mask()),
        why: Line::new(reason.unwrap_or_default(), cx.mask()),
        until: None,
    };
    // What could not be said is found out before anybody is asked.
    let say = |head: &Head| match &head.under_way {
        Some(journal) if journal.release != *id => Err(unheard(&Unheard::NothingUnderWay)),
        _ => head.pausing(pause.clone(), steps).map_err(|no| unheard(&no)),
    };
    head.as_ref().map(say).transpose()?;
    consent::confirm(cx, options.yes, &format!("hold `{id}` where it is?"))?;
    connect::tell(&kubectl, &environment.name, say)?;
    let longest = text::duration(release.pause_max);
    let text = format!(
        "{id} was told to stay where it is\n  it goes on being measured, and a verdict ends it; it is taken back after {longest} in a pause\n"
    );
    cx.emit(Body::Answer { text, data: json!({ "release": id, "pause": pause }) });
    Ok(())
}

/// Lets the release that is under way go on after a pause.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where nothing is under way, or it is not paused.
pub fn resume(cx: &Cx, options: &Options) -> Result<()> {
    let (_, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head =
        connect::ledger(&kubectl, &environment.name)?.ok_or_else(|| unheard(&Unheard::NothingUnderWay))?;
    head.resuming().map_err(|no| unheard(&no))?;
    let journal = head.under_way.ok_or_else(|| unheard(&Unheard::NothingUnderWay))?;
    let (id, pause) = (journal.release, journal.pause);
    let question = pause.as_ref().map_or_else(String::new, |pause| {
        format!("`{id}` was paused by {} at {}: let it go on?", pause.by, time(pause.since))
    });
    consent::confirm(cx, options.yes, &question)?;
    connect::tell(&kubectl, &environment.name, |head| head.resuming().map_err(|no| unheard(&no)))?;
    let text = format!("{id} was told to go on\n");
    cx.emit(Body::Answer { text, data: json!({ "release": id }) });
    Ok(())
}

fn unheard(unheard: &Unheard) -> Error {
    let error = Error::refused(unheard.to_string());
    match unheard {
        Unheard::NothingUnderWay | Unheard::NotPaused(_) => error,
        Unheard::Paused(_) => error.hint("`cargo xtask status` says by whom, and until when it waits"),
        Unheard::NoStep(_) => {
            error.hint("a release stands still only in its canary; `cargo xtask rollback` takes it back")
        }
    }
}
