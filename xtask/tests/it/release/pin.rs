//! Which cluster an environment means: said once, and from then on looked at before anything else.

use expect_test::expect;
use serde_json::{Value, json};

use super::cluster::{discovery, has_kubectl, leads_to, serve};
use super::scratch::Scratch;
use crate::repository::Said;

const UID: &str = "0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60";
const OTHER: &str = "11111111-9d6b-4a57-8f5e-3b1d2c4e5f60";

/// A server that has a namespace `kube-system`, and nothing else.
fn cluster(uid: &str) -> String {
    let namespace: Value =
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system", "uid": uid}});
    let mut answers = discovery();
    answers.push(("/api/v1/namespaces/kube-system", 200, namespace));
    serve(answers)
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Said {
    let config = scratch.repository.root().join("kubeconfig");
    let home = scratch.repository.root().to_owned();
    scratch.repository.xtask_with(arguments, &[("KUBECONFIG", &config), ("HOME", &home)])
}

#[test]
fn the_first_pin_is_one_more_line_and_a_second_says_the_same() {
    if !has_kubectl() {
        return;
    }
    let scratch = leads_to(&cluster(UID));
    let before = scratch.repository.read("xtask.toml");
    let said = run(&scratch, &["environment", "pin"]).expect(0);
    expect![[r#"
        0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60
          the cluster of `production`, to which the context `vitalyst-production` leads, is pinned from now on, in `xtask.toml`
    "#]]
    .assert_eq(&said.stdout);
    let context = "context = \"vitalyst-production\"\n";
    let after = before.replace(context, &format!("{context}cluster = \"{UID}\"\n"));
    assert_eq!(scratch.repository.read("xtask.toml"), after);
    let said = run(&scratch, &["environment", "pin"]).expect(0);
    assert!(said.stdout.contains("is pinned already"), "{}", said.all());
    assert_eq!(scratch.repository.read("xtask.toml"), after);
}

#[test]
fn another_cluster_is_refused_by_every_command_before_anything_else() {
    if !has_kubectl() {
        return;
    }
    // It has no ledger, no rights, no kinds: whoever asked for more than its identity would say something else.
    let scratch = leads_to(&cluster(OTHER));
    let context = "context = \"vitalyst-production\"\n";
    scratch.repository.edit("xtask.toml", context, &format!("{context}cluster = \"{UID}\"\n"));
    let expected = expect![[r#"
        error: `production` cannot be looked at

        error: the context `vitalyst-production` does not lead to the cluster of `production`
          --> xtask.toml:32:11
           |
        32 | cluster = "0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60"
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the uid of its namespace `kube-system` is `11111111-9d6b-4a57-8f5e-3b1d2c4e5f60`, expected is `0c3f8a52-9d6b-4a57-8f5e-3b1d2c4e5f60`
           |
           = help: nothing was done there; somebody may have changed what the context stands for
    "#]];
    for command in [
        &["deploy", "--plan-only"] as &[&str],
        &["deploy", "--yes"],
        &["rollback", "--yes"],
        &["status"],
        &["history"],
        &["promote", "--yes"],
        &["abort", "--yes"],
        &["recover"],
        &["adopt", "--yes"],
    ] {
        expected.assert_eq(&run(&scratch, command).expect(5).stderr);
    }

    let before = scratch.repository.read("xtask.toml");
    let said = run(&scratch, &["environment", "pin"]).expect(5);
    assert!(said.stderr.contains(UID) && said.stderr.contains(OTHER), "{}", said.all());
    assert!(said.stderr.contains("--force"), "{}", said.all());
    assert_eq!(scratch.repository.read("xtask.toml"), before);
    run(&scratch, &["environment", "pin", "--force"]).expect(0);
    assert_eq!(scratch.repository.read("xtask.toml"), before.replace(UID, OTHER));
}

#[test]
fn whoever_changes_something_in_a_cluster_that_is_not_pinned_is_warned() {
    if !has_kubectl() {
        return;
    }
    let scratch = leads_to("http://127.0.0.1:1");
    let hint = "`cargo xtask environment pin --environment production`";
    assert!(run(&scratch, &["deploy", "--yes"]).expect(4).all().contains(hint));
    assert!(!run(&scratch, &["status"]).expect(4).all().contains(hint));
}
