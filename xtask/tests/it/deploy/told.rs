//! Who is told of releases on a real cluster, and that nobody waits for them.

use std::time::Duration;

use serde_json::Value;

use super::shop::{How, Shop};
use super::{long, row};
use crate::cluster::harness::Cluster;
use crate::registry::fake::{Fake, Reply};

const NOTIFICATIONS: &str = "
[environments.test.notifications]
webhook = { env = \"RELEASE_WEBHOOK\" }
";

#[test]
fn a_webhook_hears_of_each_turn_and_one_that_hangs_changes_nothing() {
    let Some(cluster) = Cluster::get().filter(|_| long()) else { return };
    let Some(shop) = Shop::open(cluster, "told", How::Flip, "1s") else { return };
    let text = shop.repository.read("xtask.toml");
    shop.repository.write("xtask.toml", &format!("{text}{NOTIFICATIONS}"));

    let fake = Fake::start(|_| Reply::new(204));
    let address = |fake: &Fake| format!("http://127.0.0.1:{}/s3cret", fake.port());
    let webhook = address(&fake);
    let heard = [("RELEASE_WEBHOOK", webhook.as_str())];
    let good = shop.deploy("two", &heard).expect(0, &[]);
    shop.deploy("bad", &[&heard[..], &[("FAULT", "CRASH_AFTER"), ("VALUE", "300ms")]].concat())
        .expect(6, &[]);
    shop.xtask(&["rollback", "--yes"], &heard).expect(0, &[]);
    let documents: Vec<Value> =
        fake.seen().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    let told: Vec<String> =
        documents.iter().map(|one| format!("{} {}", one["release"], one["event"])).collect();
    let expected = [
        "\"test-2\" \"started\"",
        "\"test-2\" \"promoted\"",
        "\"test-3\" \"started\"",
        "\"test-3\" \"rolled-back\"",
        "\"test-4\" \"started\"",
        "\"test-4\" \"promoted\"",
    ];
    assert_eq!(told, expected);
    let evidence = documents[3]["evidence"].to_string();
    assert!(evidence.contains("says most") && !evidence.contains("listens on"), "{evidence}");
    assert!(documents[1]["images"][0].as_str().unwrap().contains("@sha256:"), "{}", documents[1]);

    // The same release with somebody who never answers: it serves, as soon, and the end waits for a few seconds at most.
    let deaf = Fake::start(|_| Reply { delay: Duration::from_mins(5), ..Reply::new(204) });
    let webhook = address(&deaf);
    let slow = shop.deploy("three", &[("RELEASE_WEBHOOK", &webhook)]);
    let slow = slow.expect(0, &["PROMOTED", "the release goes on"]);
    assert!(!slow.text.contains("s3cret"), "{}", slow.text);
    shop.serves("three");
    shop.is_at_rest();
    // Twice as long is what a machine with much else to do may make of it.
    assert!(slow.took < 2 * good.took + Duration::from_secs(6), "{:?} and {:?}", slow.took, good.took);
    row("a webhook that answers", "promoted", &good, None);
    row("a webhook that hangs", "promoted", &slow, None);
}
