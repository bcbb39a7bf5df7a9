//! A ledger that somebody has damaged: nobody writes over it, it is made again, and a rollback finds its way.

use super::shop::{How, Shop};
use super::{long, row};
use crate::cluster::harness::Cluster;

/// What somebody does to the ledger: the words of what is refused then, and a merge patch.
const DAMAGES: [(&str, &str); 3] = [
    // Cut off in the middle.
    ("`test-2` is damaged", r#"{"data": {"test-2": "{\"is\":\"verified\",\"runs\":[[\"app\",\"0"}}"#),
    // Neither JSON nor anything else.
    ("`live` is damaged", r#"{"data": {"live": "JVBERi0xLjQKJcOkw7zDtsOf", "test-1": "gone wild"}}"#),
    // JSON of another shape, and nothing of what it was.
    (
        "`format` is missing",
        r#"{"data": {"format": null, "serving": null, "live": "[1, 2]", "test-1": "{\"a\": 1}", "test-2": "7"}}"#,
    ),
];

#[test]
fn a_damaged_ledger_is_made_again() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "repair", How::Flip, "1s") else { return };
    shop.deploy("two", &[]).expect(0, &[]);
    shop.is_at_rest();
    let whole = shop.ledger().unwrap();
    shop.xtask(&["history", "--repair", "--yes"], &[]).expect(0, &["can be read: nothing is repaired"]);
    assert_eq!(shop.ledger().unwrap(), whole);

    for (words, patch) in DAMAGES {
        let restored = serde_json::json!({ "data": whole }).to_string();
        let change = |patch: &str| {
            let arguments = ["patch", "configmap", "vitalyst-ledger-test", "--type=merge", "--patch", patch];
            shop.namespace.kubectl(&arguments).ok();
        };
        change(&restored);
        change(patch);
        let damaged = shop.ledger().unwrap();
        for command in [&["status"][..], &["deploy", "--yes"], &["rollback", "--yes"]] {
            let ran = shop.xtask(command, &[]).expect(5, &[words, "history --repair"]);
            assert_eq!(shop.ledger().unwrap(), damaged, "{}", ran.text);
        }
        // Nobody has agreed: nothing is written.
        shop.xtask(&["history", "--repair"], &[]).expect(5, &["test-2 serves `test`", "nobody has agreed"]);
        assert_eq!(shop.ledger().unwrap(), damaged);
        let ran =
            shop.xtask(&["history", "--repair", "--yes"], &[]).expect(0, &["test-2 serves `test`", "lost"]);
        println!("{}", ran.text);
        let copy =
            ran.text.split('`').find(|word| word.starts_with("vitalyst-ledger-test-damaged-")).unwrap();
        let kept = shop.namespace.json(&["configmap", copy]).unwrap();
        assert_eq!(kept["data"], damaged, "{}", ran.text);
        let lease = shop.namespace.json(&["lease", "vitalyst-release-test"]).unwrap();
        assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "", "{lease}");
        shop.xtask(&["status"], &[]).expect(0, &["test-2 serves `test`", "nothing is under way"]);
        let ran = shop.xtask(&["rollback", "--plan-only"], &[]).expect(0, &["brings back what `test-1` was"]);
        row(words, "repaired", &ran, None);
    }
    let ran = shop.xtask(&["rollback", "--yes"], &[]).expect(0, &["test-1"]);
    shop.serves("one");
    shop.is_at_rest();
    row("a rollback after a repair", "the release before serves", &ran, None);
}

#[test]
fn nobody_repairs_under_the_hands_of_an_owner() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "owned", How::Flip, "1s") else { return };
    let patch = |kind: &str, name: &str, patch: &str| {
        shop.namespace.kubectl(&["patch", kind, name, "--type=merge", "--patch", patch]).ok();
    };
    patch("configmap", "vitalyst-ledger-test", r#"{"data": {"live": "7"}}"#);
    patch("lease", "vitalyst-release-test", r#"{"spec": {"holderIdentity": "anna"}}"#);
    let repair = shop.start(&["history", "--repair", "--yes"], &[]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    patch("lease", "vitalyst-release-test", r#"{"spec": {"leaseTransitions": 99}}"#);
    repair.end().expect(5, &["`anna` is at work in `test`"]);
    assert_eq!(shop.ledger().unwrap()["live"], "7");
    // Who gives no sign is gone.
    shop.xtask(&["history", "--repair", "--yes"], &[]).expect(0, &["was repaired"]);
    let lease = shop.namespace.json(&["lease", "vitalyst-release-test"]).unwrap();
    assert_eq!(lease["spec"]["leaseTransitions"], 100, "{lease}");
    shop.xtask(&["status"], &[]).expect(0, &["test-1 serves `test`"]);
}
