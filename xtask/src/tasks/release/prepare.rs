//! Prepares a release: everything that can be known before anything is touched.
//!
//! Reads what the environment is made of and what is in the cluster, and makes the plan, the objects and the course of the
//! machine. It changes nothing.

use std::path::PathBuf;

use serde_json::Value;

use super::connect::Use;
use super::{cluster, commits, connect, files, freeze, load, other};
use crate::config::release::{EnvironmentConfig, Release};
use crate::core::diagnostic::Diagnostic;
use crate::core::registry::Reference;
use crate::core::release::freeze::UnixSeconds;
use crate::core::release::images::{self, Image, Record};
use crate::core::release::machine::Course;
use crate::core::release::manifest::Manifest;
use crate::core::release::model::{ComponentName, ReleaseId};
use crate::core::release::objects::{self, Objects};
use crate::core::release::plan::{
    self, Identity, Live, Measures, Plan, Refused, Strategy, Unclear, Wanted, Wish,
};
use crate::core::release::slots::{self, Component, Derived};
use crate::core::release::wire::Unseen;
use crate::core::suggest;
use crate::core::text;
use crate::cx::Cx;
use crate::driver::{kubectl::Kubectl, platform};
use crate::error::{Error, ErrorKind, Result};

/// What is to be prepared.
#[derive(Clone, Debug)]
pub struct Options {
    /// The environment; may be left out where there is only one.
    pub environment: Option<String>,
    /// Where to learn what is in the cluster.
    pub source: Source,
    /// Which images are released.
    pub images: Images,
    /// Why it is released although there is a freeze.
    pub override_freeze: Option<String>,
    /// Why it is released although its load test is bad.
    pub override_perf: Option<String>,
    /// Whether it may be released although it cannot be taken back.
    pub without_way_back: bool,
}

/// Which images are released.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Images {
    /// Those that were built here, by the record that `cargo xtask image --push` leaves.
    Built,
    /// Those of another record.
    Record(PathBuf),
    /// These, each with its digest.
    Named(Vec<Reference>),
    /// Those of a plan that was saved, the first of each name, and the commit that it releases.
    Planned {
        /// The images, each with its digest.
        images: Vec<Reference>,
        /// The commit.
        commit: Option<String>,
    },
    /// Exactly those that serve another environment, verified.
    From(String),
}

/// Where to learn what is in a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// In the cluster, by kubectl.
    Cluster,
    /// In a file that `kubectl get … --output=json` wrote.
    Snapshot(PathBuf),
    /// Nowhere: the manifests serve already, as the release before. Digests that nothing names are made up.
    Imagined,
}

/// A release that can be begun.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The environment.
    pub environment: EnvironmentConfig,
    /// Everything that will be written, in order.
    pub plan: Plan,
    /// The objects of both slots.
    pub derived: Derived,
    /// What is in the cluster.
    pub live: Live,
    /// What the machine is to do.
    pub course: Course,
    /// Why its load test says that it must not be released.
    pub refused: Option<String>,
    /// What somebody should be warned of, for want of a load test that says that it may.
    pub doubt: Option<String>,
}

/// Prepares a release.
///
/// # Errors
///
/// Of kind [`Configuration`](ErrorKind::Configuration) what is wrong in files, each with its place; of kind
/// [`Refused`](ErrorKind::Refused) what is right and still must not be.
pub fn prepare(cx: &Cx, options: &Options) -> Result<Prepared> {
    prepare_for(cx, options, None)
}

/// The same for whoever has found the way to the cluster already.
pub(super) fn prepare_for(cx: &Cx, options: &Options, cluster: Option<&Kubectl>) -> Result<Prepared> {
    let now = now();
    let (release, environment) = of_environment(cx, options.environment.as_deref())?;
    let made = make(cx, release, environment, &options.source, &options.images)?;
    let stated = identities(&made.derived);
    let live = match look(cx, environment, (&options.source, cluster), &stated)? {
        Some(objects) => Live::read(&environment.name, &environment.namespace, objects, &made.derived)
            .map_err(|unclear| not_at_rest(environment, unclear))?,
        None => Live::imagined(&environment.name, &environment.namespace, &made.derived),
    };
    let rehearsed = options.source == Source::Imagined;
    let (frozen, freeze_overridden) = if rehearsed {
        (None, None)
    } else {
        freeze::check(cx, environment, options.override_freeze.as_deref(), now)?
    };
    let load = if rehearsed {
        load::Judged::default()
    } else {
        load::check(cx, &made.derived, options.override_perf.as_deref())?
    };
    let serving = live.release.as_ref().filter(|_| !rehearsed).map(|_| live.commits.as_slice());
    let commits = commits::since(cx, release, environment, made.commit.as_deref(), serving)?;
    let wish = Wish {
        release: ReleaseId { environment: environment.name.as_str().into(), number: live.number + 1 },
        context: environment.context.value.clone(),
        components: release.components.iter().map(wanted).collect(),
        migration: release.migration.value,
        without_way_back: options.without_way_back,
        commit: commits.commit,
        commits: commits.since,
        remarks: made.remarks.into_iter().chain(commits.remarks).chain(load.remarks).collect(),
        bake: release.bake,
        frozen,
        freeze_overridden,
    };
    let plan = plan::plan(&wish, &made.derived, &live).map_err(|refused| refusal(release, refused))?;
    let account = plan.account(&made.derived, who(cx), cx.mask());
    let account =
        account.map_err(|error| Error::configuration("the manifests cannot be kept").source(error))?;
    let course = plan.course(account, now);
    let (environment, derived) = (environment.clone(), made.derived);
    Ok(Prepared { environment, plan, derived, live, course, refused: load.refused, doubt: load.doubt })
}

/// What is there; `None` where it is imagined. `known` is the cluster where the way to it was found before.
pub(super) fn look(
    cx: &Cx,
    environment: &EnvironmentConfig,
    (source, known): (&Source, Option<&Kubectl>),
    stated: &[Identity],
) -> Result<Option<Vec<Value>>> {
    match (source, known) {
        (Source::Cluster, Some(kubectl)) => cluster::objects(kubectl, environment, stated).map(Some),
        (Source::Cluster, None) => {
            let kubectl = connect::identified(cx, environment, Use::Read)?;
            cluster::objects(&kubectl, environment, stated).map(Some)
        }
        (Source::Snapshot(path), _) => cluster::snapshot(path).map(Some),
        (Source::Imagined, _) => Ok(None),
    }
}

/// The error about a cluster in which nothing can be begun now.
pub(super) fn not_at_rest(environment: &EnvironmentConfig, unclear: Unclear) -> Error {
    let error = Error::refused(format!("`{}` is not at rest", environment.name)).cause(unclear.to_string());
    let look = |service: &str| {
        format!(
            "look at it: `kubectl --context={} --namespace={} get service {service} --output=yaml`",
            environment.context.value, environment.namespace
        )
    };
    match unclear {
        Unclear::UnderWay(_) => error.hint("plan again when it has ended"),
        Unclear::BothServe { service, .. } | Unclear::NoneServes { service, .. } => {
            error.hint(look(&service))
        }
        Unclear::Stranger { service, component } => error.hint(look(&service)).hint(format!(
            "state it in the manifests of `{component}`, so that it follows, or let it select other pods"
        )),
        Unclear::Divided(_) => error.hint("all Services of a component have to select the same slot"),
        // What every other command says of it.
        Unclear::Ledger { name, source } => connect::damaged(&match source {
            Some(source) => Unseen::Ledger { name, source },
            None => Unseen::NoTexts(name),
        }),
    }
}

/// Who runs this, as far as the environment says so.
pub(super) fn who(cx: &Cx) -> &str {
    let names = ["GITHUB_ACTOR", "USER", "LOGNAME"];
    names.iter().find_map(|name| cx.environment().get(name)).unwrap_or("somebody")
}

/// The release and the environment of that name; where none is given, the only one.
pub(super) fn of_environment<'c>(
    cx: &'c Cx,
    name: Option<&str>,
) -> Result<(&'c Release, &'c EnvironmentConfig)> {
    let config = cx.config();
    let names: Vec<&str> = config.environments.iter().map(|environment| environment.name.as_str()).collect();
    let Some(release) = config.release.as_ref().filter(|_| !names.is_empty()) else {
        return Err(Error::configuration("xtask.toml does not say what is released, and to where")
            .hint("`docs/guides/deployment.md` shows `[release]` and `[environments.NAME]`"));
    };
    let there_are = || format!("there are `{}`", names.join("`, `"));
    let environment = match name {
        None if names.len() == 1 => config.environments.first(),
        None => {
            return Err(Error::usage("the environment is not given").hint(format!(
                "{}: add `--environment {}`",
                there_are(),
                names[0]
            )));
        }
        Some(name) => config.environments.iter().find(|environment| environment.name == name),
    };
    environment.map(|environment| (release, environment)).ok_or_else(|| {
        let name = name.unwrap_or_default();
        let error = Error::usage(format!("there is no environment `{name}`"));
        match suggest::nearest(name, names.iter().copied()) {
            Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
            None => error.hint(there_are()),
        }
    })
}

/// What the files come to.
struct Made {
    derived: Derived,
    objects: Objects,
    remarks: Vec<String>,
    /// The commit that the images were built from.
    commit: Option<String>,
}

fn make(
    cx: &Cx,
    release: &Release,
    environment: &EnvironmentConfig,
    source: &Source,
    wanted: &Images,
) -> Result<Made> {
    let (manifests, overlays) =
        (files::sources(cx, &environment.manifests)?, files::sources(cx, &environment.overlays)?);
    let variables = files::variables(cx, environment)?;
    let record = match wanted {
        Images::Built => files::record(cx)?,
        Images::Record(path) => Some(files::record_at(path)?),
        Images::Named(_) | Images::Planned { .. } | Images::From(_) => None,
    };
    let mut images = record.as_ref().map(Record::images).unwrap_or_default();
    let mut commit = record.as_ref().and_then(Record::commit).map(str::to_owned);
    let mut remarks = Vec::new();
    // What somebody has asked for by name: it is released, or nothing is.
    let mut asked: Vec<Reference> = Vec::new();
    match wanted {
        Images::Built => {}
        Images::Record(_) => asked.extend(images.iter().filter_map(Image::pinned)),
        Images::Named(chosen) => {
            images = files::named(&manifests, &variables, chosen);
            asked.clone_from(chosen);
        }
        Images::Planned { images: planned, commit: of } => {
            images = files::named(&manifests, &variables, planned);
            commit.clone_from(of);
        }
        Images::From(other) => {
            let served = other::serving(cx, other)?;
            images = files::named(&manifests, &variables, &served.images);
            remarks.push(format!("the images are those of `{}`, verified in `{other}`", served.release));
            commit = served.commit;
            asked = served.images;
        }
    }
    if *source == Source::Imagined {
        let made_up = files::imagined(&manifests, &variables, &images);
        if !made_up.is_empty() {
            let count = text::count(made_up.len(), "image");
            remarks
                .push(format!("the digests of {count} are made up: `{}` does not name them", files::IMAGES));
        }
        images.extend(made_up);
    }
    let objects = objects::read(&manifests, &overlays, variables, &images).map_err(|problems| {
        let error = wrong(environment, problems);
        if record.is_some() {
            return error;
        }
        error.hint(format!(
            "digests are read from `{}`, which is not there; see `docs/guides/deployment.md`",
            cx.output_folder()
                .join(files::IMAGES)
                .strip_prefix(cx.root())
                .unwrap_or(cx.output_folder())
                .display()
        ))
    })?;
    is_as_asked(environment, &objects, wanted, &asked)?;
    Ok(Made { derived: derive(release, environment, &objects)?, objects, remarks, commit })
}

/// An error where a file states another image than the one that was asked for, or none is the one that was named.
fn is_as_asked(
    environment: &EnvironmentConfig,
    objects: &Objects,
    wanted: &Images,
    asked: &[Reference],
) -> Result<()> {
    let manifests = || objects.manifests.iter().chain(&objects.overlays);
    let problems: Vec<Diagnostic> =
        manifests().flat_map(|manifest| images::unlike_chosen(manifest, asked)).collect();
    if !problems.is_empty() {
        let message = format!(
            "the files of `{}` state another digest than the one that is asked for in {}",
            environment.name,
            text::count(problems.len(), "place")
        );
        return Err(Error::refused(message).places(problems));
    }
    let Images::Named(named) = wanted else { return Ok(()) };
    let stated: Vec<Reference> = manifests().flat_map(|manifest| other::images(&manifest.object)).collect();
    let is_stated = |named: &&Reference| stated.iter().any(|stated| stated.name() == named.name());
    let Some(unknown) = named.iter().find(|named| !is_stated(named)) else { return Ok(()) };
    let there: Vec<String> = stated.iter().map(Reference::name).collect();
    let error =
        Error::refused(format!("no manifest of `{}` has an image of `{}`", environment.name, unknown.name()));
    Err(match suggest::nearest(&unknown.name(), there.iter().map(String::as_str)) {
        Some(nearest) => error.hint(format!("there is `{nearest}`")),
        None => error,
    })
}

/// What an environment comes to whatever was built: every object in both slots, with digests that are made up, and the files that
/// they are made from.
///
/// # Errors
///
/// Of kind [`Configuration`](ErrorKind::Configuration) what is wrong in files, each with its place.
pub fn rendered(cx: &Cx, release: &Release, environment: &EnvironmentConfig) -> Result<(Derived, Objects)> {
    let made = make(cx, release, environment, &Source::Imagined, &Images::Named(Vec::new()))?;
    Ok((made.derived, made.objects))
}

/// The objects that the files state now, with these images.
pub(super) fn of_files(
    cx: &Cx,
    release: &Release,
    environment: &EnvironmentConfig,
    images: &Images,
) -> Result<Derived> {
    make(cx, release, environment, &Source::Cluster, images).map(|made| made.derived)
}

/// What the objects are called.
pub(super) fn identities(derived: &Derived) -> Vec<Identity> {
    derived.stated().into_iter().map(Identity::of).collect()
}

/// The time of this machine's clock.
pub(super) fn now() -> UnixSeconds {
    UnixSeconds::try_from(platform::unix_time()).unwrap_or(UnixSeconds::MAX)
}

fn derive(release: &Release, environment: &EnvironmentConfig, objects: &Objects) -> Result<Derived> {
    let mut components = Vec::new();
    let mut problems = Vec::new();
    for component in &release.components {
        match deployment(&component.deployment.value, &objects.manifests) {
            Ok(deployment) => components.push(Component { name: component.name.clone(), deployment }),
            Err(help) => {
                let message = format!(
                    "no manifest of `{}` has a Deployment `{}`",
                    environment.name, component.deployment.value
                );
                problems.push(component.deployment.place.diagnostic(message).help(help));
            }
        }
    }
    if !problems.is_empty() {
        return Err(wrong(environment, problems));
    }
    slotted(release, components, &objects.manifests, &objects.overlays)
        .map_err(|problems| wrong(environment, problems))
}

/// The objects with two slots for each component that has them by its strategy.
pub(super) fn slotted(
    release: &Release,
    components: Vec<Component<'_>>,
    manifests: &[Manifest],
    overlays: &[Manifest],
) -> Result<Derived, Vec<Diagnostic>> {
    let rolls = |component: &Component<'_>| {
        let own = release.components.iter().find(|other| other.name == component.name);
        own.is_some_and(|own| own.strategy.value == Strategy::Rolling)
    };
    let (rolling, slotted): (Vec<_>, Vec<_>) = components.into_iter().partition(rolls);
    let mut derived = slots::derive(&slotted, manifests, overlays)?;
    for component in &rolling {
        derived.roll(component, manifests);
    }
    Ok(derived)
}

/// The Deployment of that name, or what to do.
fn deployment<'m>(name: &str, manifests: &'m [Manifest]) -> Result<&'m Manifest, String> {
    let mut all = manifests.iter().filter(|manifest| manifest.kind() == "Deployment");
    let names: Vec<&str> = all.clone().map(Manifest::name).collect();
    all.find(|manifest| manifest.name() == name).ok_or_else(|| {
        match suggest::nearest(name, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("there are `{}`", names.join("`, `")),
        }
    })
}

/// The error about files that are wrong.
fn wrong(environment: &EnvironmentConfig, problems: Vec<Diagnostic>) -> Error {
    let message =
        format!("the files of `{}` have {}", environment.name, text::count(problems.len(), "problem"));
    Error::configuration(message).places(problems)
}

pub(super) fn wanted(component: &crate::config::release::ReleaseComponent) -> Wanted {
    Wanted {
        name: component.name.clone(),
        strategy: component.strategy.value.clone(),
        measures: Measures {
            smoke: component.smoke.clone(),
            scrape: Some(component.metrics.clone()),
            objectives: component.objectives.clone(),
        },
    }
}

/// The error about a plan that was refused, each reason where it stands.
///
/// What is stated wrongly, a configuration, is told apart from what is right and still must not be.
pub(super) fn refusal(release: &Release, refused: Vec<Refused>) -> Error {
    let component =
        |name: &ComponentName| release.components.iter().find(|component| component.name == *name);
    let mut kind = ErrorKind::Refused;
    let mut places = Vec::new();
    let mut words = Vec::new();
    for refused in refused {
        let place = match &refused {
            Refused::Unreachable { component: name, index, .. } => {
                kind = ErrorKind::Configuration;
                component(name).and_then(|component| component.steps.get(*index))
            }
            Refused::NoStrategy(name) | Refused::NoSlots(name) => {
                kind = ErrorKind::Configuration;
                component(name).map(|component| &component.place)
            }
            Refused::NoService(name) => {
                kind = ErrorKind::Configuration;
                component(name).map(|component| &component.strategy.place)
            }
            Refused::NoWayBack => Some(&release.migration.place),
            Refused::NoRoom { .. } | Refused::Format(_) | Refused::Unreadable(_) | Refused::Moved(_) => None,
        };
        match place {
            Some(place) => places.push(place.diagnostic(refused.to_string())),
            None => words.push(refused.to_string()),
        }
    }
    let error = Error::new(kind, "this release cannot be planned").places(places);
    words.into_iter().fold(error, Error::cause)
}
