//! A release that is under way, from what the ledger and its payloads say: whoever has begun it may be gone, and so may the files
//! that it was made from.

use serde_json::Value;

use super::conduct::Release as Conducted;
use super::prepare::{self, wanted};
use super::{cluster, connect};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::release::freeze::UnixSeconds;
use crate::core::release::ledger::{Account, Entry, Head, PayloadName};
use crate::core::release::machine::{Course, Intent};
use crate::core::release::migration::Migration;
use crate::core::release::model::ReleaseId;
use crate::core::release::plan::{self, Identity, Live, Plan, Strategy, Wish};
use crate::core::release::slots::{Derived, Kept};
use crate::cx::Cx;
use crate::driver::kubectl::Kubectl;
use crate::driver::platform;
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
    head: &Head,
) -> Result<Option<Known>> {
    let Some(journal) = &head.under_way else { return Ok(None) };
    let Some(entry) = head.history.find(&journal.release) else {
        let error =
            Error::refused(format!("`{}` is under way, and the ledger does not know it", journal.release));
        return Err(error.hint("it was changed by hand; `cargo xtask history` shows what it says"));
    };
    let derived = derived(cx, kubectl, release, environment, entry)?;
    let former = connect::stated(kubectl, head.serves().map(|entry| &**entry))?;
    let stated: Vec<Identity> = derived.stated().into_iter().map(Identity::of).collect();
    let objects = cluster::objects(kubectl, environment, &stated)?;
    let live = Live::before(&environment.namespace, objects, &former, head, &derived);
    let wish = wish(release, &journal.release, &entry.account, &derived);
    let plan = plan::plan(&wish, &derived, &live).map_err(|refused| prepare::refusal(release, refused))?;
    let now = UnixSeconds::try_from(platform::unix_time()).unwrap_or(UnixSeconds::MAX);
    let course = plan.course(Account::clone(&entry.account), now);
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
    let wanted: Vec<&PayloadName> = entry.account.payloads().collect();
    let is_same = |derived: &Derived| {
        derived.payloads().is_ok_and(|own| {
            let components = own.components.iter().map(|(_, payload)| &payload.name);
            components.chain(own.rest.iter().map(|rest| &rest.name)).collect::<Vec<_>>() == wanted
        })
    };
    // Files that are wrong today say nothing of a release that was made yesterday.
    let of_files = prepare::of_files(cx, release, environment).ok().filter(is_same);
    of_files.map_or_else(|| restored(kubectl, entry), Ok)
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

/// What is wanted of a release that was begun, or is brought back.
pub(super) fn wish(release: &Release, id: &ReleaseId, account: &Account, derived: &Derived) -> Wish {
    let is_restored = account.restores.is_some();
    let known = |name| account.pieces.iter().any(|piece| piece.component == name);
    let components = release.components.iter().filter(|component| known(component.name.clone()));
    let components = components.map(|component| {
        let mut wanted = wanted(component);
        let rolls = derived.rolling.iter().any(|rolling| rolling.component == component.name);
        // What was verified once is not tried by shares again.
        if rolls {
            wanted.strategy = Strategy::Rolling;
        } else if is_restored || wanted.strategy == Strategy::Rolling {
            wanted.strategy = Strategy::Flip;
        }
        wanted
    });
    Wish {
        release: id.clone(),
        components: components.collect(),
        migration: if account.contracts { Migration::Contract } else { Migration::None },
        without_way_back: true,
        commit: account.commit.as_deref().map(str::to_owned),
        commits: Vec::new(),
        remarks: Vec::new(),
        bake: release.bake,
        frozen: None,
        freeze_overridden: None,
    }
}
