//! What a release must and must not do before and beside the pods: migrations, freezes, the way from one environment to another.

use super::files::MIGRATION;
use super::shop::{How, Shop, TEMPLATE};
use super::{long, nothing_lost, row};
use crate::cluster::deployer::Deployer;
use crate::cluster::harness::{Cluster, Namespace};

/// At every time.
const ALWAYS: &str =
    "freeze = { zone = \"UTC\", windows = [\"Mon 00:00 - Fri 00:00\", \"Fri 00:00 - Mon 00:00\"] }\n";

#[test]
fn a_migration_that_fails_keeps_its_release_out() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::new(cluster, "migrate", How::Flip, "1s") else { return };
    shop.add(MIGRATION);
    shop.deploy("one", &[]).expect(0, &[]);
    let load = shop.load();
    let ran = shop.deploy("bad", &[("FAULT", "MIGRATION_FAILS"), ("VALUE", "true")]);
    let ran = ran.expect(6, &["Job `migrate-", "failed"]);
    println!("{}", ran.text);
    shop.serves("one");
    shop.is_at_rest();
    let seen = load.end();
    nothing_lost(&seen);
    assert_eq!(seen.of("bad"), 0, "{seen:?}");
    row("a migration that fails", "not released", &ran, Some(&seen));
}

#[test]
fn nothing_is_released_in_a_freeze() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::new(cluster, "frozen", How::Flip, "1s") else { return };
    shop.repository.edit("xtask.toml", "context = ", &format!("{ALWAYS}context = "));
    let ran = shop.deploy("one", &[]).expect(5, &["nothing is released until", "--override-freeze"]);
    assert!(shop.ledger().is_none() && shop.replicas("app") == 0, "{}", ran.text);
    row("a release in a freeze", "refused", &ran, None);
}

#[test]
fn what_is_bad_goes_in_a_freeze_too() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "freeze", How::Flip, "2s") else { return };
    shop.deploy("two", &[]).expect(0, &[]);
    shop.repository.edit("xtask.toml", "context = ", &format!("{ALWAYS}context = "));
    let load = shop.load();
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &[]);
    shop.serves("one");
    row("a rollback in a freeze", "the release before serves", &ran, Some(&load.seen()));

    let arguments = ["deploy", "--yes", "--override-freeze", "the shop is closed"];
    let ran = shop.xtask(&arguments, &[("VERSION", "four")]).expect(0, &[]);
    println!("{}", ran.text);
    shop.serves("four");
    shop.is_at_rest();
    let entry = shop.ledger().unwrap()["test-4"].to_string();
    assert!(entry.contains("the shop is closed"), "{entry}");
    shop.xtask(&["history"], &[]).expect(0, &["in a freeze: the shop is closed"]);
    let seen = load.end();
    nothing_lost(&seen);
    row("a release in a freeze, with a reason", "promoted", &ran, Some(&seen));
}

#[test]
fn a_rollback_goes_past_what_has_failed_to_something_older() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "past", How::Flip, "2s") else { return };
    let load = shop.load();
    shop.deploy("bad", &[("FAULT", "UNHEALTHY"), ("VALUE", "true")]).expect(6, &[]);
    shop.deploy("three", &[]).expect(0, &[]);
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &["test-1"]);
    println!("{}", ran.text);
    shop.serves("one");
    shop.is_at_rest();
    row("rollback past a release that failed", "the older one serves", &ran, Some(&load.seen()));
    // What was left is withdrawn, and what is older than the oldest is not there.
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(5, &["nothing that `test` can go back to"]);
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback once more, with nothing older left", "refused", &ran, Some(&seen));
}

#[test]
fn what_another_environment_has_verified_is_released_as_it_is() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(staging) = Shop::new(cluster, "staging", How::Flip, "1s") else { return };
    staging.repository.edit("xtask.toml", "environments.test", "environments.staging");
    let Some(shop) = Shop::new(cluster, "live", How::Flip, "2s") else { return };
    // Another image with the same content would have another digest.
    let Some(digest) = cluster.push_application("shop/app:v2", "other") else { return };
    let image = format!("ghcr.io/shop/app@{digest}");
    staging.deploy("two", &[("IMAGE", &image)]).expect(0, &[]);

    let both = Both::new(&staging, &shop);
    let deploy = ["deploy", "--yes", "--environment", "test", "--from", "staging"];
    let variables = [("KUBECONFIG", both.kubeconfig.as_str()), ("VERSION", "two")];
    shop.xtask(&deploy, &variables).expect(5, &["is stated with a digest of its own", TEMPLATE]);
    assert!(shop.ledger().is_none());
    let tag = ("IMAGE", "ghcr.io/shop/app:v1");
    let variables = [variables[0], variables[1], tag];
    let ran = shop.xtask(&deploy, &variables).expect(0, &["the images are those of `staging-1`"]);
    println!("{}", ran.text);
    shop.serves("two");
    let pods = shop.namespace.json(&["deployments"]).unwrap().to_string();
    assert!(pods.contains(&digest.to_string()), "{pods}");
    shop.is_at_rest();
    row("what another environment has verified", "promoted", &ran, None);
}

/// A configuration with a context of the deployer of each of two namespaces, and `xtask.toml` with both environments.
struct Both {
    kubeconfig: String,
    _folder: tempfile::TempDir,
}

impl Both {
    fn new(staging: &Shop<'_>, shop: &Shop<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let read = |deployer: &Deployer<'_>| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(deployer.kubeconfig()).unwrap()).unwrap()
        };
        let (mut config, mut other) = (read(&shop.deployer), read(&staging.deployer));
        for (list, name) in [("users", "staging"), ("contexts", "staging")] {
            other[list][0]["name"] = name.into();
            if list == "contexts" {
                other[list][0]["context"]["user"] = "staging".into();
            }
            config[list].as_array_mut().unwrap().push(other[list][0].take());
        }
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        let own = shop.repository.read("xtask.toml");
        let theirs = environment(&own, &staging.namespace, "staging");
        shop.repository.write("xtask.toml", &format!("{own}\n{theirs}"));
        Self { kubeconfig: path.to_str().unwrap().to_owned(), _folder: folder }
    }
}

/// The environment of the configuration again, by another name, in another namespace.
fn environment(configuration: &str, namespace: &Namespace<'_>, name: &str) -> String {
    let text = &configuration[configuration.find("[environments.test]").unwrap()..];
    let line = |line: &str| match line.split_once(" = ") {
        Some(("namespace", _)) => format!("namespace = \"{}\"", namespace.name()),
        Some(("context", _)) => format!("context = \"{name}\""),
        _ => line.replace("environments.test", &format!("environments.{name}")),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
