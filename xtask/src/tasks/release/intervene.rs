//! What somebody says to a release that is under way, from another process: end, go on.

use super::conduct::{conduct, verdict};
use super::connect::Use;
use super::prepare::{self, of_environment};
use super::{connect, consent, under_way};
use crate::core::release::ledger::Consent;
use crate::core::release::machine::Intent;
use crate::cx::Cx;
use crate::error::{Error, Result};

/// Which environment, and whether somebody has agreed already.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment; may be left out where there is only one.
    pub environment: Option<String>,
    /// Whether somebody has agreed already.
    pub yes: bool,
}

/// Takes the release that is under way back, whoever owns it.
pub fn abort(cx: &Cx, options: &Options) -> Result<()> {
    say(cx, options, Intent::Abort)
}

/// Lets the release that is under way go on: through the gate at which it stands, or, `fully`, to its promotion whatever the
/// evidence says.
pub fn promote(cx: &Cx, options: &Options, fully: bool) -> Result<()> {
    say(cx, options, Intent::Promote(if fully { Consent::Full } else { Consent::Gate }))
}

/// Ends what has no living owner: takes an orphaned canary out of traffic, ends a bake. To be run on a schedule, too: where
/// nothing is to be done it says so and ends well.
pub fn recover(cx: &Cx, options: &Options) -> Result<()> {
    say(cx, &Options { yes: true, ..options.clone() }, Intent::Recover)
}

fn say(cx: &Cx, options: &Options, intent: Intent) -> Result<()> {
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let kubectl = connect::identified(cx, environment, Use::Write)?;
    let head = connect::ledger(&kubectl, &environment.name)?;
    let known = under_way::find(cx, &kubectl, (release, environment), head.as_ref())?;
    let Some(known) = known else {
        let words = format!("no release to `{}` is under way", environment.name);
        if intent == Intent::Recover {
            cx.note(words);
            return Ok(());
        }
        return Err(Error::refused(words));
    };
    let id = known.plan.release.clone();
    let question = match intent {
        Intent::Abort => format!("take `{id}` back?"),
        Intent::Promote(Consent::Full) => format!("promote `{id}`, whatever the evidence says?"),
        _ => format!("let `{id}` go on?"),
    };
    let stated = prepare::identities(&known.derived);
    match intent {
        Intent::Promote(_) => consent::permitted(&kubectl, &stated)?,
        _ => consent::permitted_back(cx, &kubectl, &stated)?,
    }
    consent::confirm(cx, options.yes, &question)?;
    let end = conduct(cx, &kubectl, known.with(environment, intent))?;
    connect::prune(cx, &kubectl, environment);
    verdict(&id.to_string(), intent, &end)
}
