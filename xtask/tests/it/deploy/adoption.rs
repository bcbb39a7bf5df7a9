//! What ran before there were releases.

use serde_json::Value;

use super::shop::{How, Shop};
use super::{nothing_lost, row};
use crate::cluster::harness::Cluster;

impl Shop<'_> {
    fn spec(&self, kind: &str) -> Value {
        self.namespace.json(&[kind, "app", "--show-managed-fields"]).unwrap()["spec"].take()
    }
}

#[test]
fn what_kubectl_has_applied_is_adopted_and_gone_back_to() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::new(cluster, "adopt", How::Flip, "10m") else { return };
    shop.kubectl_with(&["apply", "--filename=-"], &shop.plain("plain", &[])).ok();
    shop.namespace.kubectl(&["rollout", "status", "deployment/app", "--timeout=60s"]).ok();
    let pods = shop.namespace.json(&["pods"]).unwrap()["items"].as_array().unwrap().len();
    assert_eq!(pods, 3);
    let deployment = shop.spec("deployment");
    let service = shop.spec("service");

    let load = shop.load();
    let ran = shop.xtask(&["adopt", "--yes"], &[]).expect(0, &["test-0"]);
    println!("{}", ran.text);
    assert_eq!(shop.spec("deployment"), deployment, "nothing of it has changed");
    assert_eq!(shop.spec("service"), service, "nothing of it has changed");
    row("adoption of what `kubectl apply` has made", "adopted", &ran, Some(&load.seen()));

    let ran = shop.deploy("two", &[]).expect(5, &["--take-over"]);
    row("a release over fields that `kubectl apply` owns", "refused", &ran, None);

    let deploy = shop.start(&["deploy", "--yes", "--take-over"], &[("VERSION", "two")]);
    shop.until("baking");
    shop.serves("two");
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &[]);
    println!("{}", deploy.end().expect(6, &[]).text);
    println!("{}", ran.text);
    shop.serves("plain");
    let seen = load.end();
    nothing_lost(&seen);
    row("rollback to what was adopted", "it serves", &ran, Some(&seen));
    assert_eq!(shop.spec("deployment"), deployment, "nothing of it was lost");
}

#[test]
fn a_field_that_somebody_else_owns_is_not_taken() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "owned", How::Flip, "2s") else { return };
    let ports = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8000}]}}"#;
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=mesh", "--filename=-"];
    shop.kubectl_with(&apply, ports).ok();
    let before = shop.ledger();
    let ran = shop.deploy("two", &[]).expect(5, &["mesh", "--take-over"]);
    println!("{}", ran.text);
    assert_eq!(shop.ledger(), before, "nothing was written");
    shop.serves("one");
    row("a field that another manager owns", "refused", &ran, None);
}
