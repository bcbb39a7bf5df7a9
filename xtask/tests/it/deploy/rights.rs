//! What a role lacks is named before anything is written, whatever the command; and no question keeps a bad release serving.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::shop::{How, Shop};
use super::{long, row};
use crate::cluster::harness::Cluster;

const ROLE: &str = include_str!("../../../../k8s/rbac/deployer.yml");

/// The role of the repository in the shop's namespace, with other rules.
fn role(shop: &Shop<'_>, change: impl Fn(&mut Vec<Value>)) {
    let namespace = shop.namespace.name();
    // What reaches beyond the namespace is needed to tell clusters apart, and this one is not pinned.
    let documents = ROLE.replace("namespace: vitalyst\n", &format!("namespace: {namespace}\n"));
    let own: Vec<&str> = documents.split("\n---\n").filter(|text| !text.contains("kind: Cluster")).collect();
    // What an apply has stated and a replacement has changed would be a conflict the next time.
    shop.namespace.kubectl(&["delete", "role", "vitalyst-deployer", "--ignore-not-found"]).ok();
    shop.namespace.apply(&own.join("\n---\n"));
    let mut object = shop.namespace.json(&["role", "vitalyst-deployer"]).unwrap();
    change(object["rules"].as_array_mut().unwrap());
    object["metadata"]["managedFields"].take();
    shop.kubectl_with(&["replace", "--filename=-"], &object.to_string()).ok();
}

/// A shop with a release under way that nobody owns: its deployer was killed.
fn orphaned<'c>(cluster: &'c Cluster, name: &str) -> Option<Shop<'c>> {
    let shop = Shop::open(cluster, name, How::Flip, "10m")?;
    let deploy = shop.start_deploy("two", &[]);
    shop.until("baking");
    deploy.kill();
    Some(shop)
}

#[test]
fn what_the_role_lacks_is_named_before_a_release_is_touched() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = orphaned(cluster, "rights") else { return };
    role(&shop, |rules| {
        for rule in rules.iter_mut().filter(|rule| rule["resources"][0] == "services") {
            rule["verbs"] = serde_json::json!(["get", "list"]);
        }
    });
    let config = cluster.service_account_kubeconfig(shop.namespace.name(), "vitalyst-deployer");
    let variables = [("KUBECONFIG", config.path().to_str().unwrap())];
    let before = shop.ledger();
    let commands: [&[&str]; 4] =
        [&["promote", "--yes"], &["abort", "--yes"], &["recover"], &["rollback", "--yes"]];
    for command in commands {
        let ran = shop.xtask(command, &variables);
        let ran = ran.expect(4, &["it may not `patch` `services` in the namespace `", "nothing was changed"]);
        assert_eq!(shop.ledger(), before, "{command:?} has written:\n{}", ran.text);
    }
    // Somebody who may ends it; nothing of it is left, and what runs could be adopted.
    role(&shop, |_| {});
    shop.xtask(&["rollback", "--yes"], &variables).expect(0, &[]);
    shop.serves("one");
    shop.is_at_rest();
    shop.namespace.kubectl(&["delete", "configmap", "vitalyst-ledger-test"]).ok();
    role(&shop, |rules| rules.retain(|rule| rule["resources"][0] != "leases"));
    let ran = shop.xtask(&["adopt", "--yes"], &variables);
    let ran = ran.expect(4, &["it may not `create` `leases.coordination.k8s.io` in the namespace `"]);
    assert_eq!(shop.ledger(), None, "{}", ran.text);
    row("a role that may not patch Services", "refused by each command", &ran, None);
}

#[test]
fn a_rollback_is_not_kept_back_by_a_question_that_fails() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = orphaned(cluster, "unasked") else { return };
    // A kubectl for which that question, and nothing else, fails.
    let real = cluster.kubectl_program();
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in\n  *' create '*)\n    text=$(cat)\n    case \"$text\" in\n      *SelfSubjectAccessReview*) \
         echo 'error: the server is not in the mood' >&2; exit 1 ;;\n    esac\n    printf '%s\\n' \"$text\" | exec '{real}' \"$@\" ;;\n\
         esac\nexec '{real}' \"$@\"\n",
        real = real.display()
    );
    shop.repository.write("bin/kubectl", &script);
    let folder = shop.repository.root().join("bin");
    std::fs::set_permissions(folder.join("kubectl"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let ran = shop.xtask(&["rollback", "--yes"], &[("PATH", &path)]);
    let ran = ran.expect(0, &["the server is not in the mood", "it goes on"]);
    shop.serves("one");
    shop.is_at_rest();
    row("a rollback whose rights nobody can tell", "rolled back", &ran, None);
}

#[test]
fn without_events_and_logs_a_release_goes_and_says_what_it_could_not_look_at() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "mute", How::Flip, "1s") else { return };
    role(&shop, |rules| {
        rules.retain(|rule| rule["resources"][0] != "events" && rule["resources"][0] != "pods/log");
    });
    let config = cluster.service_account_kubeconfig(shop.namespace.name(), "vitalyst-deployer");
    let crash =
        [("FAULT", "CRASH_AFTER"), ("VALUE", "300ms"), ("KUBECONFIG", config.path().to_str().unwrap())];
    let words = [
        "exit code 1: the application's own",
        "could not look at its events: ",
        "could not look at its log: ",
    ];
    let ran = shop.deploy("bad", &crash).expect(6, &words);
    shop.serves("one");
    shop.is_at_rest();
    println!("{}", ran.text);
    row("a crash loop, by a role without events and logs", "not released", &ran, None);
}
