//! What a person is told to do by hand: it fits what is there, and not what a plan expected.

use std::fmt::Write as _;

use expect_test::expect;
use serde_json::{Value, json};
use xtask::core::release::ledger::{Head, Phase};
use xtask::core::release::machine::Intent;
use xtask::core::release::model::Ending;

use super::cluster::answer;
use super::look::{canary, each, look};
use super::{flip, served, version};

/// A change to what a server answers, and to how far the ledger says that the release is.
type Edit = fn(&mut Vec<Value>, &mut Head);

const SITUATIONS: [(&str, Edit); 8] = [
    ("a canary", |_, _| {}),
    ("the requests are back", |all, _| {
        each(all, "Service", "vitalyst-backend", |service| {
            service["spec"]["selector"]["vitalyst.io/slot"] = json!("a");
        });
    }),
    ("what served has no pods any more", |all, _| {
        each(all, "Deployment", "vitalyst-backend", |deployment| {
            deployment["spec"]["replicas"] = json!(0);
            deployment["status"]["availableReplicas"] = json!(0);
        });
    }),
    ("what served is not ready", |all, _| {
        each(all, "Deployment", "vitalyst-backend", |deployment| {
            deployment["status"]["availableReplicas"] = json!(1);
        });
    }),
    ("somebody has changed what served", |all, _| {
        each(all, "Deployment", "vitalyst-backend", |deployment| {
            deployment["spec"]["template"]["metadata"]["labels"]["vitalyst.io/revision"] = json!("other");
        });
    }),
    ("somebody has deleted what served", |all, _| {
        all.retain(|object| {
            !(object["kind"] == "Deployment" && object["metadata"]["name"] == "vitalyst-backend")
        });
    }),
    ("the new one serves, and only tidying is left", |_, head| {
        head.under_way.as_mut().unwrap().phase = Phase::Cleaning;
    }),
    ("the database has changed for good", |_, head| {
        head.under_way.as_mut().unwrap().phase = Phase::Contracting;
    }),
];

#[test]
fn commands_fit_what_is_there() {
    let (objects, inventory, _) = canary();
    let head = look(&inventory, &objects, 0).unwrap().view.ledger.unwrap().object;
    let mut text = String::new();
    for (name, edit) in SITUATIONS {
        let (mut objects, mut head) = (objects.clone(), head.clone());
        edit(&mut objects, &mut head);
        let words = inventory.by_hand("the cluster", Some(&head), &objects).words();
        write!(text, "{name}:\n{words}").unwrap();
    }
    let words = inventory.by_hand("the cluster", None, &objects).words();
    write!(text, "no ledger:\n{words}").unwrap();
    expect![[r#"
        a canary:
        by hand, as things were seen last, this gives the requests to what `production-1` was:
          kubectl --context 'the cluster' --namespace vitalyst patch service vitalyst-backend --type json --patch '[{"op":"replace","path":"/spec/selector","value":{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}}]'
        the requests are back:
        what `production-1` was gets the requests already
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
        what served has no pods any more:
        by hand, as things were seen last, this gives the requests to what `production-1` was:
          kubectl --context 'the cluster' --namespace vitalyst patch deployment vitalyst-backend --type merge --patch '{"spec":{"replicas":3}}' &&
          until [ "0$(kubectl --context 'the cluster' --namespace vitalyst get deployment vitalyst-backend --output jsonpath='{.status.availableReplicas}')" -ge 3 ]; do sleep 1; done &&
          kubectl --context 'the cluster' --namespace vitalyst patch service vitalyst-backend --type json --patch '[{"op":"replace","path":"/spec/selector","value":{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}}]'
        what served is not ready:
        by hand, as things were seen last, this gives the requests to what `production-1` was:
          until [ "0$(kubectl --context 'the cluster' --namespace vitalyst get deployment vitalyst-backend --output jsonpath='{.status.availableReplicas}')" -ge 3 ]; do sleep 1; done &&
          kubectl --context 'the cluster' --namespace vitalyst patch service vitalyst-backend --type json --patch '[{"op":"replace","path":"/spec/selector","value":{"vitalyst.io/serves":"backend","vitalyst.io/slot":"a"}}]'
        somebody has changed what served:
        the Deployment `vitalyst-backend` does not run what `production-1` ran: its manifests are kept in the ConfigMap `vitalyst-backend-807695760e`
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
        somebody has deleted what served:
        the Deployment `vitalyst-backend`, which served, is not there: its manifests are kept in the ConfigMap `vitalyst-backend-807695760e`
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
        the new one serves, and only tidying is left:
        `production-2` serves and was found good: only what stood by is still there
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
        the database has changed for good:
        `production-2` serves, and the database may lack what the release before needs: nothing goes back
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
        no ledger:
        the ledger was not seen: it is not known which slots served before
        look at it: kubectl --context 'the cluster' --namespace vitalyst get deployments,services --output=wide --label-columns=vitalyst.io/slot
    "#]].assert_eq(&text);
}

/// The slot that served is told by the ledger, also when the requests have left it.
#[test]
fn the_slot_that_served_is_the_one_of_the_ledger() {
    let (mut cluster, old) = served();
    let release = cluster.plan(flip(2), version("2"), Some(&old));
    (cluster.aborts, cluster.dies) = (Some(Phase::Baking), true);
    assert_eq!(cluster.run(&release, Intent::Release).ending, Ending::Superseded);
    let objects = answer(&cluster.store, &release.inventory.questions());
    let head = look(&release.inventory, &objects, 0).unwrap().view.ledger.unwrap().object;
    let now = cluster.store.get("Service", "vitalyst-backend").unwrap()["spec"]["selector"].clone();
    assert_eq!(now["vitalyst.io/slot"], "b");
    let by_hand = release.inventory.by_hand("c", Some(&head), &objects);
    let patches: Vec<&String> =
        by_hand.commands.iter().filter(|command| command.contains(" patch ")).collect();
    assert_eq!(patches.len(), 1, "{by_hand:?}");
    assert!(patches.iter().all(|patch| patch.contains(r#""vitalyst.io/slot":"a""#)), "{by_hand:?}");
}
