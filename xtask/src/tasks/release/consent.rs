//! Before anything is written: what the server would say to it, and what a person does.

use std::time::Duration;

use serde_json::Value;

use crate::core::kubectl::Fault;
use crate::core::kubectl::review::Need;
use crate::core::release::plan::Identity;
use crate::core::release::rights;
use crate::core::release::wire::{Inventory, Manager, Way};
use crate::cx::Cx;
use crate::driver::kubectl::{Failure, Kubectl, Limits, Mode};
use crate::error::{Error, Result};

/// How long a way back waits for the answer to what it may. A server that takes longer for that takes longer for all the rest.
const HASTE: Duration = Duration::from_secs(10);

/// Looks whether the role may do all that a release of these objects needs, before the first of it is done: what is found out
/// in the middle leaves pods that nobody can see.
///
/// # Errors
///
/// Of kind [`Missing`](crate::ErrorKind::Missing) with everything that the role lacks.
pub(super) fn permitted(kubectl: &Kubectl, stated: &[Identity]) -> Result<()> {
    all_of(kubectl, &lacking(kubectl, stated)?)
}

/// The same before a way back, or out: where the question cannot be asked, that is said, and it goes on. Whoever takes a bad
/// release back is not kept from it by a question.
///
/// # Errors
///
/// Of kind [`Missing`](crate::ErrorKind::Missing) with everything that the role lacks, as the server has said.
pub(super) fn permitted_back(cx: &Cx, kubectl: &Kubectl, stated: &[Identity]) -> Result<()> {
    let hasty = kubectl.limits(Limits { request: HASTE, call: HASTE, ..Limits::default() });
    match lacking(&hasty, stated) {
        Ok(lacking) => all_of(kubectl, &lacking),
        Err(failure) if failure.fault == Fault::Interrupted => Err(failure.into()),
        Err(failure) => {
            cx.warn_of(&failure.error, "nobody knows whether the role may do all of it: it goes on");
            Ok(())
        }
    }
}

/// What the role lacks of what a release of these objects needs.
fn lacking(kubectl: &Kubectl, stated: &[Identity]) -> Result<Vec<Need>, Failure> {
    let needs = rights::of_release(&kubectl.target().namespace, stated);
    let verdicts = kubectl.may(&needs)?;
    let asked = needs.into_iter().zip(verdicts);
    Ok(asked.filter(|(_, verdict)| !verdict.is_allowed).map(|(need, _)| need).collect())
}

fn all_of(kubectl: &Kubectl, lacking: &[Need]) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let cluster = &kubectl.target().cluster;
    let error = Error::missing(format!("the role at `{cluster}` lacks what a release needs"));
    let error = lacking.iter().fold(error, |error, need| error.cause(denied(need)));
    Err(error.hint("nothing was changed: `k8s/rbac/` has the least role that releases"))
}

/// A need as a verb and what it is done with, as `kubectl auth can-i` takes it.
pub(super) fn split(need: &Need) -> (String, String) {
    let words = need.to_string();
    let (verb, resource) = words.split_once(' ').unwrap_or((&words, ""));
    (verb.to_owned(), resource.to_owned())
}

/// ``it may not `get` `pods/proxy` in the namespace `vitalyst` ``
fn denied(need: &Need) -> String {
    let (verb, resource) = split(need);
    let place = need.namespace.as_ref().map(|namespace| format!(" in the namespace `{namespace}`"));
    format!("it may not `{}` `{resource}`{}", verb, place.unwrap_or_default())
}

/// Asks the server whether it would take all that the release writes, and all that the way back writes. Nothing is changed.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) with everything that it would not take.
pub(super) fn rehearse(cx: &Cx, kubectl: &Kubectl, release: &str, inventory: &Inventory) -> Result<()> {
    let mut problems = Vec::new();
    for (way, words) in [(Way::Forward, "forward"), (Way::Back, "back")] {
        let requests = inventory.dry_run(way);
        let objects: Vec<Value> = requests.into_iter().flat_map(|request| request.objects).collect();
        let answers = kubectl.apply(Manager::Manifests.name(), &objects, Mode::DryRun);
        for (object, answer) in objects.iter().zip(answers) {
            let Err(failure) = answer else { continue };
            if failure.fault.may_pass() || failure.fault == Fault::Interrupted {
                return Err(failure.into());
            }
            let cause = failure.error.causes().first().cloned().unwrap_or_default();
            let owned = matches!(failure.fault, Fault::Owned(_));
            problems.push((format!("{words}: {}: {cause}", Identity::of(object)), owned));
        }
    }
    if problems.is_empty() {
        cx.note("the server would take all of it, forward and back");
        return Ok(());
    }
    let is_owned = problems.iter().any(|(_, owned)| *owned);
    let error = Error::refused(format!("the server would not take what `{release}` writes"));
    let error = problems.into_iter().fold(error, |error, (words, _)| error.cause(words));
    Err(if is_owned {
        error.hint("somebody else owns these fields: `--take-over` takes them, for good")
    } else {
        error.hint("nothing was changed")
    })
}

/// Asks whether to go on, unless that was said already.
///
/// # Errors
///
/// Of kind [`Refused`](crate::ErrorKind::Refused) where the answer is no, or nobody is there to give one.
pub(super) fn confirm(cx: &Cx, is_agreed: bool, question: &str) -> Result<()> {
    if is_agreed {
        return Ok(());
    }
    match cx.ask(question)? {
        Some(true) => Ok(()),
        Some(false) => Err(Error::refused("nothing was changed: the answer was no")),
        None => Err(Error::refused("nobody has agreed")
            .cause("standard input is no terminal, so nobody can be asked")
            .hint("`--yes` agrees; `--plan-only` shows the plan and ends")),
    }
}
