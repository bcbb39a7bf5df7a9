//! What the repository says about its releases: `[release]` for all environments, `[environments.NAME]` for each.
//!
//! Values of which something can only be said later, with the manifests or the cluster at hand, keep their [`Place`].

use std::path::PathBuf;
use std::time::Duration;

use crate::core::aws;
use crate::core::diagnostic::Place;
use crate::core::release::analysis::Objective;
use crate::core::release::freeze::Window;
use crate::core::release::model::ComponentName;
use crate::core::release::plan::{Migration, Scrape, Smoke, Strategy};

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// What all environments release: `[release]`.
#[derive(Clone, Debug)]
pub struct Release {
    /// `order`: the names of the components in the order in which they are promoted, those first that others depend on; a
    /// rollback goes the other way. Each has its own `[release.components.NAME]`. Required.
    pub components: Vec<ReleaseComponent>,
    /// `bake`: how long the new release is watched after its promotion, with the old one standing by; a duration. Default:
    /// `15m`.
    pub bake: Duration,
    /// `pause-max`: how long a gate or a pause waits for somebody, before the release is taken back; a duration. Default: `1h`.
    pub pause_max: Duration,
    /// `migration`: what the release does to the database when its pods start: `none`, `expand` (adds what the new release
    /// needs, the old one does not mind) or `contract` (takes away what the old one needs). Default: `none`.
    pub migration: Placed<Migration>,
}

/// A component of the release: `[release.components.NAME]`.
///
/// Where `[components.NAME]` says in which folder it lies, a plan says which commits touched it.
#[derive(Clone, Debug)]
pub struct ReleaseComponent {
    /// `NAME` in the section's name.
    pub name: ComponentName,
    /// Where its section begins.
    pub place: Place,
    /// `deployment`: the name of its Deployment in the manifests, which is its first slot. Required.
    pub deployment: Placed<String>,
    /// `strategy`: `canary` (by shares of its requests), `flip` (all at once, after a smoke test) or `rolling` (pod by pod,
    /// for what cannot be there twice). Required.
    ///
    /// For a canary: `steps`, a list of weights (`10` or `"10 %"`, 1 to 50) or of `{ weight = "10 %", gate = true }`, where a
    /// person has to say that it may go on, default `[10, 50]`; and `weight-max`, the largest share that it may have,
    /// default `50`.
    pub strategy: Placed<Strategy>,
    /// Where each step stands; for the steps of the default, where the strategy does.
    pub steps: Vec<Place>,
    /// `smoke`: what is asked of a new pod before it gets requests: a list of `{ path = "/ready", status = 200, field =
    /// "status", value = "ready" }`. `status` is 200 by default; `field`, a dotted path into a JSON answer, has to be there
    /// and, with `value`, to hold that text. Default: nothing but that it is ready.
    pub smoke: Vec<Smoke>,
    /// `metrics`: where its pods say what they have counted, `{ port = 8000, path = "/metrics" }`; `path` is `/metrics` by
    /// default. Required: a release is watched also after its promotion.
    pub metrics: Scrape,
    /// `[release.components.NAME.objectives]`: what is promised about it, and measured. Required, with
    /// `errors` at least.
    ///
    /// - `errors = { bad = "…", total = "…", rate-max = "1 %" }`: requests that fail among all, each a series as in
    ///   Prometheus, `http_requests_total{status=~"5xx"}`; `rate-max` is `1 %` by default.
    /// - `latency = { histogram = "…", bound = "500ms", rate-max = "5 %" }`: requests that take longer than `bound`, which
    ///   must be a bound of the histogram.
    /// - `counters.NAME = { bad = "…", total = "…", rate-max = "…" }`: something else that can go wrong.
    pub objectives: Vec<Objective>,
}

/// Where a release goes: `[environments.NAME]`.
#[derive(Clone, Debug)]
pub struct EnvironmentConfig {
    /// `NAME` in the section's name, the first part of its releases' names: `production-42`.
    pub name: String,
    /// Where its section begins.
    pub place: Place,
    /// `manifests`: files, and folders for all `.yml` and `.yaml` files in them, in this order. A file whose name ends in
    /// `.template.yml` or `.template.yaml` is filled in: `${NAME}`. Required.
    pub manifests: Vec<Placed<PathBuf>>,
    /// `overlays`: likewise, what is laid over a slot on trial. Default: none.
    pub overlays: Vec<Placed<PathBuf>>,
    /// `namespace`: where its objects are that name no other. Required.
    pub namespace: String,
    /// `context`: the context of kubectl's configuration that leads to its cluster. Required without `eks`: the current context
    /// is what somebody chose for something else. With `eks` it is what commands that are to be run by hand name, by default the
    /// cluster's ARN, which `aws eks update-kubeconfig` calls it; its place is that of `namespace` then.
    pub context: Placed<String>,
    /// `[environments.NAME.eks]`: its cluster as Amazon knows it. kubectl gets a configuration of its own for it, and the user's
    /// is neither read nor changed. Default: the context leads to it.
    pub eks: Option<EksConfig>,
    /// `cluster`: the uid of the namespace `kube-system` of its cluster, which tells it from every other one, whatever a context
    /// is made to stand for. `cargo xtask environment pin` writes it. Default: any cluster that the context leads to.
    pub cluster: Option<Placed<String>>,
    /// `kubernetes`: the version of Kubernetes whose schemas its manifests have to fit: `1.34`. Default: the newest that
    /// `kubernetes-validate` knows.
    pub kubernetes: Option<String>,
    /// `registry`: where its images are; fills `${REGISTRY}`. Default: not filled.
    pub registry: Option<Placed<String>>,
    /// `owner`: whose images they are there; fills `${REPOSITORY_OWNER}`. Default: not filled.
    pub owner: Option<Placed<String>>,
    /// `[environments.NAME.variables]`: what templates are filled with: a text, or `{ env = "NAME", default = "…" }` for a
    /// variable of the environment. One that holds a secret is refused: a manifest is no place for it. Default: none.
    pub variables: Vec<Variable>,
    /// `freeze`: when nothing is released. Default: never.
    pub freeze: Option<FreezeConfig>,
    /// `[environments.NAME.notifications]`: who is told of its releases. Default: nobody.
    pub notifications: Option<NotificationsConfig>,
}

/// A cluster of Amazon's EKS: `[environments.NAME.eks]`.
#[derive(Clone, Debug)]
pub struct EksConfig {
    /// `cluster`: its name there. Required.
    pub cluster: Placed<String>,
    /// `region`: where it is: `eu-central-1`. Required.
    pub region: String,
    /// `account`: the account that it belongs to, twelve digits in quotes. Whoever is somebody of another account is refused
    /// before anything is asked of the cluster. Required.
    pub account: Placed<String>,
    /// `role`: the ARN of the role that asks the cluster. Default: whoever asks Amazon.
    pub role: Option<String>,
}

impl EksConfig {
    /// The cluster.
    pub fn cluster(&self) -> aws::Cluster {
        aws::Cluster {
            name: self.cluster.value.clone(),
            region: self.region.clone(),
            account: self.account.value.clone(),
            role: self.role.clone(),
        }
    }
}

/// Who is told of releases: `[environments.NAME.notifications]`. `docs/releases.md` describes what they are told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotificationsConfig {
    /// `webhook`: `{ env = "NAME" }`, the variable of the environment with the address that documents are sent to. Whoever
    /// knows the address can write to it, so it stands in no file. Default: none.
    pub webhook: Option<String>,
    /// `github-deployments`: whether releases are kept as deployments of the repository on GitHub; `GITHUB_TOKEN` may write
    /// them. Default: false.
    pub github_deployments: bool,
    /// `repository`: `OWNER/NAME` on GitHub, where `GITHUB_REPOSITORY` does not name it. Default: none.
    pub repository: Option<String>,
    /// `environment-url`: where users find what is released, for the page of the deployment. Default: none.
    pub environment_url: Option<String>,
}

/// A variable of templates.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name, in capital letters.
    pub name: String,
    /// Where its value is stated.
    pub place: Place,
    /// Where its value comes from.
    pub from: ValueFrom,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueFrom {
    /// From the file.
    Text(String),
    /// From a variable of the environment.
    Environment {
        /// `env`: its name.
        env: String,
        /// `default`: what holds where it is not set, or empty.
        default: Option<String>,
    },
}

/// When nothing is released: `[environments.NAME.freeze]`.
#[derive(Clone, Debug)]
pub struct FreezeConfig {
    /// `zone`: where the clock hangs, a name such as `Europe/Berlin`. Default: `UTC`.
    pub zone: Option<Placed<String>>,
    /// `windows`: `Fri 16:00 - Mon 07:00` each week, or `2026-12-20 - 2027-01-06`, the last day included. Required.
    pub windows: Vec<(String, Window)>,
}
