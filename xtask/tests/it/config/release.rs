//! `[release]` and `[environments.NAME]`.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use xtask::config::release::{NotificationsConfig, ValueFrom};
use xtask::core::release::analysis::Kind;
use xtask::core::release::plan::{Migration, Smoke, Strategy};

use super::{check, every_key_says_so, own_file, parse};

/// A file with every key that releases have.
const COMPLETE: &str = r#"
project.name = "x"
[release]
order = ["backend"]
bake = "20m"
pause-max = "90m"
migration = "expand"
[release.components.backend]
deployment = "vitalyst-backend"
strategy = "canary"
steps = [5, "20 %", { weight = 50, gate = true }]
weight-max = "50 %"
[[release.components.backend.smoke]]
path = "/ready"
status = 204
field = "status.database"
value = "up"
[release.components.backend.metrics]
port = 8000
path = "/m"
[release.components.backend.objectives.errors]
bad = 'requests{code=~"5xx"}'
total = "requests"
rate-max = "0.5 %"
[release.components.backend.objectives.latency]
histogram = "seconds"
bound = "250ms"
rate-max = "5 %"
[release.components.backend.objectives.counters.imports]
bad = "imports_failed"
total = "imports"
rate-max = "10 %"
[environments.production]
manifests = ["k8s", "more.yml"]
overlays = ["k8s/canary"]
namespace = "vitalyst"
context = "admin@production"
cluster = "0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60"
kubernetes = "1.34"
registry = "ghcr.io"
owner = "vitalyst"
variables = { IMAGE = "backend", VERSION = { env = "TAG", default = "1" } }
[environments.production.eks]
cluster = "vitalyst"
region = "eu-central-1"
account = "012345678901"
role = "arn:aws:iam::012345678901:role/deployer"
[environments.production.freeze]
zone = "Europe/Berlin"
windows = ["Fri 16:00 - Mon 07:00"]
[environments.production.notifications]
github-deployments = true
repository = "vitalyst/vitalyst"
environment-url = "https://vitalyst.example/"
[environments.production.notifications.webhook]
env = "RELEASE_WEBHOOK"
"#;

#[test]
fn everything_that_can_be_said_arrives() {
    let config = parse(COMPLETE).unwrap();
    let release = config.release.unwrap();
    assert_eq!((release.bake, release.migration.value), (Duration::from_mins(20), Migration::Expand));
    assert_eq!(release.pause_max, Duration::from_mins(90));
    let [backend] = release.components.as_slice() else { panic!("one component") };
    let Strategy::Canary { steps, weight_max } = &backend.strategy.value else { panic!("a canary") };
    let said: Vec<_> = steps.iter().map(|step| (step.weight.percent(), step.gate)).collect();
    assert_eq!(
        (said.as_slice(), weight_max.percent()),
        ([(5, false), (20, false), (50, true)].as_slice(), 50)
    );
    let smoke = Smoke {
        path: "/ready".into(),
        status: 204,
        field: Some("status.database".into()),
        value: Some("up".into()),
    };
    assert_eq!(backend.smoke, [smoke]);
    assert_eq!((backend.metrics.port, backend.metrics.path.as_str()), (8000, "/m"));
    let objectives: Vec<_> =
        backend.objectives.iter().map(|one| (one.name.as_str(), one.kind, one.rate_max)).collect();
    let expected = [
        ("errors", Kind::Errors, 0.005),
        ("latency above 250 ms", Kind::Latency, 0.05),
        ("imports", Kind::Counter, 0.1),
    ];
    assert_eq!(objectives, expected);
    let [production] = config.environments.as_slice() else { panic!("one environment") };
    assert_eq!(production.manifests[1].value, Path::new("more.yml"));
    assert_eq!(production.overlays[0].value, Path::new("k8s/canary"));
    assert_eq!(
        (production.namespace.as_str(), production.context.value.as_str()),
        ("vitalyst", "admin@production")
    );
    assert_eq!(production.cluster.as_ref().unwrap().value, "0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60");
    assert_eq!(production.registry.as_ref().unwrap().value, "ghcr.io");
    assert_eq!(production.owner.as_ref().unwrap().value, "vitalyst");
    let variables: Vec<_> =
        production.variables.iter().map(|variable| (variable.name.as_str(), variable.from.clone())).collect();
    let version = ValueFrom::Environment { env: "TAG".into(), default: Some("1".into()) };
    assert_eq!(variables, [("IMAGE", ValueFrom::Text("backend".into())), ("VERSION", version)]);
    let eks = production.eks.as_ref().unwrap().cluster();
    assert_eq!(eks.arn(), "arn:aws:eks:eu-central-1:012345678901:cluster/vitalyst");
    assert_eq!(eks.role.as_deref(), Some("arn:aws:iam::012345678901:role/deployer"));
    let freeze = production.freeze.as_ref().unwrap();
    assert_eq!(freeze.zone.as_ref().unwrap().value, "Europe/Berlin");
    assert_eq!(freeze.windows[0].0, "Fri 16:00 - Mon 07:00");
    let notifications = NotificationsConfig {
        webhook: Some("RELEASE_WEBHOOK".into()),
        github_deployments: true,
        repository: Some("vitalyst/vitalyst".into()),
        environment_url: Some("https://vitalyst.example/".into()),
    };
    assert_eq!(production.notifications, Some(notifications));
}

#[test]
fn every_fault_is_reported_at_once() {
    check(
        include_str!("../../../testdata/config/release-faults.toml"),
        &expect![[r#"
            xtask.toml has 40 problems
            5:10: `release.order[0]` must be a component of the release (did you mean `Backend`?)
            5:21: `release.order[1]` must be a component of the release (did you mean `frontend`?)
            6:1: unknown key `bak` in `release` (did you mean `bake`?)
            7:13: `release.migration` must be `none` or `expand` or `contract` (did you mean `expand`?)
            9:21: `Backend` is no name for a component (use lowercase letters, digits and `-`: it becomes a label)
            10:14: `release.components.Backend.deployment` must be the name of an object [expected at most 63 lowercase letters, digits, `-` and `.`]
            12:21: `release.components.Backend.steps[0].weight` must be a weight from 1 to 50 percent such as "10 %"
            12:29: unknown key `gat` in `release.components.Backend.steps[0]` (did you mean `gate`?)
            12:43: `release.components.Backend.steps[1]` must be a weight from 1 to 50 percent such as "10 %"
            12:46: `release.components.Backend.steps[2]` must be a weight from 1 to 50 percent such as "10 %"
            13:14: `release.components.Backend.weight-max` must be a weight from 1 to 50 percent such as "10 %"
            14:19: `release.components.Backend.smoke[0].path` must be a path such as "/ready" [begins with `/`, without spaces]
            14:37: `release.components.Backend.smoke[0].status` must be a status of HTTP [expected 100 to 599]
            14:41: unknown key `value` in `release.components.Backend.smoke[0]` (keys in `release.components.Backend.smoke[0]` are `path`, `status`, `field`)
            15:20: `release.components.Backend.metrics.path` must be a path such as "/ready" [begins with `/`, without spaces]
            15:38: `release.components.Backend.metrics.port` must be a whole number of at least 1 [out of range]
            18:18: `release.components.Backend.objectives.errors.bad` must be a series such as 'http_requests_total{status=~"5xx"}' [`=~` takes a class `5xx`, alternatives `a|b` or a beginning `a.*`]
            18:66: `release.components.Backend.objectives.errors.total` must be a series such as 'http_requests_total{status=~"5xx"}' [a metric name has letters, digits, `_` and `:`]
            18:84: `release.components.Backend.objectives.errors.rate-max` must be a share of more than 0 and less than 100 percent such as "0.5 %", not a float [expected a share of more than 0 and less than 100 percent such as "0.5 %"]
            19:44: `release.components.Backend.objectives.latency.bound` must be a duration such as "90s", "10m" or "1h 30m" [`500` has no unit: `ms`, `s`, `m`, `h` or `d`]
            19:62: `release.components.Backend.objectives.latency.rate-max` must be a share of more than 0 and less than 100 percent such as "0.5 %"
            20:10: `total` is missing in `release.components.Backend.objectives.counters.x`
            20:38: `release.components.Backend.objectives.counters.x.rate-max` must be a share of more than 0 and less than 100 percent such as "0.5 %"
            22:21: `metrics` is missing in `release.components.frontend`
            24:12: `release.components.frontend.strategy` must be `canary` or `flip` or `rolling` (did you mean `flip`?)
            26:16: `total` is missing in `release.components.frontend.objectives.errors`
            28:15: `Production` is no name for an environment (use lowercase letters, digits and `-`)
            28:15: `context` is missing in `environments.Production`
            29:13: `environments.Production.manifests` must name a file
            30:13: `environments.Production.overlays[0]` must not contain `..` [could leave the repository]
            31:13: `environments.Production.namespace` must be the name of an object [expected at most 63 lowercase letters, digits, `-` and `.`]
            32:11: `environments.Production.cluster` must be the uid of a namespace (`cargo xtask environment pin` writes it)
            33:12: `environments.Production.registry` must not be empty
            34:15: `version` is no name for a variable (use capital letters, digits and `_`)
            34:30: `REGISTRY` has a key of its own (write `registry = …` in the environment)
            34:46: `env` is missing in `environments.Production.variables.IMAGE`
            34:77: `environments.Production.variables.N` must be a string, not an integer [expected a string]
            35:19: `environments.Production.freeze.zone` must be a time zone such as "Europe/Berlin"
            35:48: `environments.Production.freeze.windows[0]` must be a window [`Fry` is no day of the week: did you mean `Fri`?]
            35:73: `environments.Production.freeze.windows[1]` must be a window [`2026-01-02 - 2026-01-01` ends before it begins]
        "#]],
    );
}

#[test]
fn every_key_says_so_when_its_value_has_a_wrong_type() {
    every_key_says_so(COMPLETE, 43, &["variables"]);
}

#[test]
fn a_webhook_stands_in_no_file() {
    let base = COMPLETE.split("[environments.production.notifications]").next().unwrap();
    let keys = "[environments.production.notifications]\nwebhook = \"https://hooks.example/abc\"\nrepository = \"vitalyst\"\n\
                environment-url = \"vitalyst.example\"\n";
    check(
        &format!("{base}{keys}"),
        &expect![[r#"
            xtask.toml has 3 problems
            52:11: `environments.production.notifications.webhook` must be `{ env = "NAME" }` [the address is a secret, and no file is a place for it]
            53:14: `environments.production.notifications.repository` must be a repository such as "owner/name"
            54:19: `environments.production.notifications.environment-url` must be an address such as "https://example.com/"
        "#]],
    );
}

#[test]
fn a_cluster_of_eks_has_its_own_context() {
    let without = COMPLETE.replace("context = \"admin@production\"\n", "");
    let config = parse(&without).unwrap();
    let context = &config.environments[0].context;
    assert_eq!(context.value, "arn:aws:eks:eu-central-1:012345678901:cluster/vitalyst");
    // Behind which `environment pin` writes.
    assert_eq!(&without[context.place.span()], "\"vitalyst\"");
    assert!(without[..context.place.span().start].ends_with("\nnamespace = "));

    let keys = "[environments.production.eks]\ncluster = \"--endpoint-url=x\"\nregion = \"Frankfurt\"\naccount = 12345678901\n\
                role = \"deployer\"\nprofile = \"x\"\n";
    let base = without.split("[environments.production.eks]").next().unwrap();
    check(
        &format!("{base}{keys}"),
        &expect![[r#"
            xtask.toml has 5 problems
            43:11: `environments.production.eks.cluster` must be the name of a cluster of EKS
            44:10: `environments.production.eks.region` must be a region such as "eu-central-1"
            45:11: `environments.production.eks.account` must be an account: twelve digits in quotes, not an integer [expected an account: twelve digits in quotes]
            46:8: `environments.production.eks.role` must be the ARN of a role such as "arn:aws:iam::123456789012:role/deployer"
            47:1: unknown key `profile` in `environments.production.eks` (keys in `environments.production.eks` are `cluster`, `region`, `account`, `role`)
        "#]],
    );
    check(
        &format!("{base}[environments.production.eks]\n"),
        &expect![[r#"
            xtask.toml has 3 problems
            42:26: `cluster` is missing in `environments.production.eks`
            42:26: `region` is missing in `environments.production.eks`
            42:26: `account` is missing in `environments.production.eks`
        "#]],
    );
}

#[test]
fn an_environment_needs_something_to_release() {
    let text =
        "project.name = \"x\"\n[environments.a]\nmanifests = [\"a\"]\nnamespace = \"a\"\ncontext = \"a\"\n";
    check(
        text,
        &expect![[r#"
        xtask.toml has 1 problem
        2:2: `environments` needs a section `[release]`, which says what is released
    "#]],
    );
}

#[test]
fn the_steps_of_a_canary_are_ten_and_fifty_percent_where_nothing_is_said() {
    let config =
        parse(&COMPLETE.replace("steps = [5, \"20 %\", { weight = 50, gate = true }]\n", "")).unwrap();
    let backend = config.release.unwrap().components.remove(0);
    let Strategy::Canary { steps, .. } = backend.strategy.value else { panic!("a canary") };
    assert_eq!(steps.iter().map(|step| step.weight.percent()).collect::<Vec<_>>(), [10, 50]);
    assert_eq!(backend.steps.len(), 2);
}

#[test]
fn this_repository_releases_its_backend_before_its_frontend() {
    let config = parse(&own_file()).unwrap();
    let names: Vec<_> =
        config.release.unwrap().components.into_iter().map(|component| component.name.to_string()).collect();
    assert_eq!(names, ["backend", "frontend"]);
}
