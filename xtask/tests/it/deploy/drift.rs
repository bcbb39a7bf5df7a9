//! What people change by hand is seen, and what a release leaves is no drift.

use super::long;
use super::shop::{How, Shop};
use crate::cluster::harness::{Cluster, eventually};

impl Shop<'_> {
    /// Changes something by hand.
    #[track_caller]
    fn by_hand(&self, arguments: &[&str]) {
        self.kubectl_with(arguments, "").ok();
    }
}

/// A pod that gets the requests of the component.
const POD: &str = r#"apiVersion: v1
kind: Pod
metadata:
  name: by-hand
  labels: {vitalyst.io/serves: app}
spec:
  automountServiceAccountToken: false
  containers: [{name: x, image: "127.0.0.1:1/x:1"}]
"#;

#[test]
fn what_somebody_changes_by_hand_is_drift_and_what_a_release_leaves_is_none() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::new(cluster, "drift", How::Flip, "1s") else { return };
    shop.xtask(&["drift"], &[]).expect(5, &["nothing was released to `test` yet"]);
    shop.deploy("one", &[]).expect(0, &[]);
    let ran =
        shop.xtask(&["drift"], &[]).expect(0, &["3 objects of `test` are as `test-1` has released them"]);
    println!("{}", ran.text);
    shop.deploy("two", &[]).expect(0, &[]);
    shop.xtask(&["drift"], &[]).expect(0, &["3 objects of `test` are as `test-2` has released them"]);

    // Slot b serves.
    shop.by_hand(&["set", "env", "deployment/app-b", "VERSION=three", "EXTRA=x"]);
    shop.by_hand(&["label", "deployment/app-b", "app-", "vitalyst.io/serves=app", "--overwrite"]);
    shop.by_hand(&["scale", "deployment/app-b", "--replicas=2"]);
    shop.by_hand(&["scale", "deployment/app", "--replicas=1"]);
    shop.by_hand(&["delete", "service", "app"]);
    shop.kubectl_with(&["create", "--filename=-"], POD).ok();
    let before = shop.namespace.json(&["deployment", "app-b"]).unwrap()["metadata"]["generation"].clone();
    let ran = eventually("all of it", super::shop::LIMIT, || {
        let ran = shop.xtask(&["drift"], &[]);
        ran.text.contains("`by-hand`").then_some(ran)
    });
    println!("{}", ran.text);
    let ran = ran.expect(1, &["`test` is not as `test-2` has released it"]);
    let has = |words: &[&str]| {
        let line = ran.text.lines().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some(), "{words:?} in\n{}", ran.text);
    };
    has(&["changed", "`app-b`", "env[name=\"VERSION\"].value", "three", "two", "kubectl-set at 20"]);
    has(&["added", "`app-b`", "env[name=\"EXTRA\"]", "kubectl-set at 20"]);
    has(&["changed", "`app-b`", ".metadata.labels.app"]);
    has(&["scaled", "`app-b`", ".spec.replicas", "2", "as many as served before", "kubectl (by `scale`)"]);
    has(&["scaled", "`app`", ".spec.replicas", "0: the other slot serves"]);
    has(&["missing", "Service `app`"]);
    has(&["stranger", "Pod `by-hand`"]);
    let after = shop.namespace.json(&["deployment", "app-b"]).unwrap()["metadata"]["generation"].clone();
    assert_eq!(before, after, "nothing is written");
    assert!(shop.namespace.json(&["service", "app"]).is_none(), "nothing is made");

    // Who may not look does not say that all is well.
    shop.repository.edit("xtask.toml", "context = \"", "context = \"no-such-");
    shop.xtask(&["drift"], &[]).expect(3, &[]);
}
