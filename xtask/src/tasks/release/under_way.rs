//! A release that is under way, from what the ledger and its payloads say: whoever has begun it may be gone, and so may the files
//! that it was made from.

use std::collections::BTreeSet;

use serde_json::Value;

use super::conduct::Release as Conducted;
use super::prepare::{self, Images, wanted};
use super::{cluster, connect};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::release::ledger::{Account, Entry, Head, PayloadName};
use crate::core::release::machine::{Course, Intent};
use crate::core::release::migration::Migration;
use crate::core::release::model::{ComponentName, ReleaseId};
use crate::core::release::plan::{self, Live, Plan, Strategy, Wish};
use crate::core::release::slots::{Derived, Kept};
use crate::cx::Cx;
use crate::driver::kubectl::Kubectl;
use crate::error::{Error, Result};

/// A release whose parts are known.
pub(super) struct Known {
    /// What is written.
    pub(super) plan: Plan,
    /// The objects.
    pub(super) derived: Derived,
    /// What the machine is to do.
    pub(super) course: Course,
    /// What the release that serves has stated.
    pub(super) former: Vec<Value>,
}

impl Known {
    /// To be carried out.
    pub(super) fn with<'r>(&'r self, environment: &'r EnvironmentConfig, intent: Intent) -> Conducted<'r> {
        Conducted {
            environment,
            plan: &self.plan,
            derived: &self.derived,
            course: self.course.clone(),
            former: self.former.clone(),
            intent,
            takes_over: false,
        }
    }
}

/// The release under way; `None` where none is.
///
/// # Errors
///
/// When what was kept of it is not there any more, or is damaged.
pub(super) fn find(
    cx: &Cx,
    kubectl: &Kubectl,
    (release, environment): (&Release, &EnvironmentConfig),
    head: Option<&Head>,
) -> Result<Option<Known>> {
    let Some((head, journal)) = head.and_then(|head| Some((head, head.under_way.as_ref()?))) else {
        return Ok(None);
    };
    let Some(entry) = head.history.find(&journal.release) else {
        let error =
            Error::refused(format!("`{}` is under way, and the ledger does not know it", journal.release));
        return Err(error.hint("it was changed by hand; `cargo xtask history` shows what it says"));
    };
    let derived = derived(cx, kubectl, release, environment, entry)?;
    let former = connect::stated(kubectl, head.serves().map(|entry| &**entry))?;
    let objects = cluster::objects(kubectl, environment, &prepare::identities(&derived))?;
    let live = Live::before(&environment.namespace, objects, &former, head, &derived);
    let account = &entry.account;
    // What was verified once is not tried by shares again.
    let pace = if account.restores.is_some() { Pace::AtOnce } else { Pace::AsStated };
    let wish = Wish {
        migration: if account.contracts { Migration::Contract } else { Migration::None },
        commit: account.commit.as_deref().map(str::to_owned),
        ..wish((release, environment), &journal.release, &derived, pace)
    };
    let plan = plan::plan(&wish, &derived, &live).map_err(|refused| prepare::refusal(release, refused))?;
    let course = plan.course(Account::clone(account), prepare::now());
    Ok(Some(Known { plan, derived, course, former }))
}

/// The objects of a release: those of the files, where these are what it was made from, because a payload keeps no migrations;
/// else what was kept.
fn derived(
    cx: &Cx,
    kubectl: &Kubectl,
    release: &Release,
    environment: &EnvironmentConfig,
    entry: &Entry,
) -> Result<Derived> {
    // Files that are wrong today say nothing of a release that was made yesterday.
    let of_files = prepare::of_files(cx, release, environment, &Images::Built).ok();
    let of_files = of_files.filter(|derived| is_made_of(&entry.account, derived));
    of_files.map_or_else(|| restored(kubectl, entry), Ok)
}

/// Whether a release was made from these objects.
pub(super) fn is_made_of(account: &Account, derived: &Derived) -> bool {
    let kept: BTreeSet<&PayloadName> = account.payloads().collect();
    derived
        .payloads()
        .is_ok_and(|own| own.all().map(|payload| &payload.name).collect::<BTreeSet<_>>() == kept)
}

/// The objects of a release as they were kept.
///
/// # Errors
///
/// When something is missing.
pub(super) fn restored(kubectl: &Kubectl, entry: &Entry) -> Result<Derived> {
    let mut kept = connect::fetch(kubectl, entry.account.payloads())?;
    let mut take = |name: &PayloadName| {
        kept.remove(name).ok_or_else(|| {
            Error::refused(format!("what `{}` was made of is not kept any more", entry.release))
                .cause(format!("the ConfigMap `{name}` is not there"))
        })
    };
    let pieces = entry.account.pieces.iter();
    let components = pieces
        .map(|piece| Ok(Kept { piece: piece.clone(), objects: take(&piece.payload)? }))
        .collect::<Result<_>>()?;
    let rest = entry.account.objects.as_ref().map(&mut take).transpose()?.unwrap_or_default();
    Derived::restore(components, rest).map_err(|unlike| {
        Error::refused(format!("what was kept of `{}` cannot be used", entry.release)).source(unlike)
    })
}

/// How components get to what they are to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// As xtask.toml says.
    AsStated,
    /// All at once and all pods together, where there are two slots: it was verified before, or runs already.
    AtOnce,
}

/// What is wanted of a release whose objects are there already: one that was begun, is brought back, or is found running. It
/// changes nothing in the database, and nobody asks whether there is a way back.
pub(super) fn wish(
    (release, environment): (&Release, &EnvironmentConfig),
    id: &ReleaseId,
    derived: &Derived,
    pace: Pace,
) -> Wish {
    let components = release.components.iter().filter_map(|component| {
        let is_own = |name: &ComponentName| component.name == *name;
        let mut wanted = wanted(component);
        if derived.rolling.iter().any(|rolling| is_own(&rolling.component)) {
            wanted.strategy = Strategy::Rolling;
        } else if !derived.slots.iter().any(|slots| is_own(&slots.component)) {
            return None;
        } else if pace == Pace::AtOnce {
            wanted.strategy = Strategy::Restore;
        } else if wanted.strategy == Strategy::Rolling {
            wanted.strategy = Strategy::Flip;
        }
        Some(wanted)
    });
    Wish {
        release: id.clone(),
        context: environment.context.value.clone(),
        components: components.collect(),
        migration: Migration::None,
        without_way_back: true,
        commit: None,
        commits: Vec::new(),
        remarks: Vec::new(),
        bake: release.bake,
        frozen: None,
        freeze_overridden: None,
    }
}
