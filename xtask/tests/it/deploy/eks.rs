//! A release to a cluster of EKS: the way there through the aws CLI, with a program in the place of that one which hands out this
//! cluster and tokens of the deployer.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::row;
use super::shop::{How, Shop};
use crate::cluster::harness::Cluster;

/// `HERE` is its folder.
const STAND_IN: &str = r#"#!/bin/sh
case "$*" in
"sts get-caller-identity --region eu-central-1 --output json") cat HERE/identity.json ;;
"eks describe-cluster --name shop --region eu-central-1 --output json") cat HERE/cluster.json ;;
"--region eu-central-1 eks get-token --cluster-name shop --output json")
    [ -n "$AWS_SECRET_ACCESS_KEY" ] || { echo "Unable to locate credentials." >&2; exit 255; }
    [ ! -e HERE/over ] || { echo "An error occurred (ExpiredToken) when calling the AssumeRole operation: it is over" >&2; exit 255; }
    echo >>HERE/tokens
    cat HERE/token.json ;;
*) echo "aws: error: $*" >&2; exit 2 ;;
esac
"#;

const EKS: &str =
    "\n[environments.test.eks]\ncluster = \"shop\"\nregion = \"eu-central-1\"\naccount = \"123456789012\"\n";

#[test]
fn a_cluster_of_eks_is_released_to_and_taken_back() {
    let Some(cluster) = Cluster::get() else { return };
    let Some(shop) = Shop::open(cluster, "eks", How::Flip, "1s") else { return };
    let config: Value = {
        let text = std::fs::read_to_string(shop.deployer.kubeconfig()).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let token = text("/users/0/user/token");
    let write = |name: &str, value: &Value| shop.repository.write(&format!("bin/{name}"), &value.to_string());
    let identity = |account: &str| {
        let arn = format!("arn:aws:sts::{account}:assumed-role/deployer/ana");
        serde_json::json!({"UserId": "AROA:ana", "Account": account, "Arn": arn})
    };
    write("identity.json", &identity("123456789012"));
    write(
        "cluster.json",
        &serde_json::json!({"cluster": {
            "name": "shop",
            "arn": "arn:aws:eks:eu-central-1:123456789012:cluster/shop",
            "version": "1.34",
            "endpoint": text("/clusters/0/cluster/server"),
            "status": "ACTIVE",
            "certificateAuthority": {"data": text("/clusters/0/cluster/certificate-authority-data")},
        }}),
    );
    write(
        "token.json",
        &serde_json::json!({
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "spec": {},
            "status": {"token": token},
        }),
    );
    let bin = shop.repository.root().join("bin");
    shop.repository.write("bin/aws", &STAND_IN.replace("HERE", &format!("'{}'", bin.display())));
    std::fs::set_permissions(bin.join("aws"), std::fs::Permissions::from_mode(0o755)).unwrap();

    // From now on nobody has a context for it.
    let configuration = shop.repository.read("xtask.toml");
    let context = configuration.lines().find(|line| line.starts_with("context = ")).unwrap();
    shop.repository
        .write("xtask.toml", &format!("{}{EKS}", configuration.replace(&format!("{context}\n"), "")));
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let variables = [
        ("PATH", path.as_str()),
        ("KUBECONFIG", "/nowhere/config"),
        ("AWS_SECRET_ACCESS_KEY", "s3cret-of-amazon"),
    ];
    let two = [&variables[..], &[("VERSION", "two")]].concat();

    shop.xtask(&["environment", "pin"], &variables)
        .expect(0, &["arn:aws:eks:eu-central-1:123456789012:cluster/shop", "is pinned from now on"]);
    let pinned = shop.repository.read("xtask.toml");
    let lines: Vec<&str> = pinned.lines().skip_while(|line| !line.starts_with("namespace = ")).collect();
    assert!(lines[1].starts_with("cluster = \""), "{pinned}");
    // Nothing runs that could be asked for metrics of version two, and the registry is not the one of the reference.
    let looked = shop.xtask(&["doctor", "--environment", "test"], &two);
    assert!(
        looked.text.contains("asked as `arn:aws:sts::123456789012:assumed-role/deployer/ana`"),
        "{}",
        looked.text
    );
    println!("{}", looked.text);

    let ran = shop.xtask(&["deploy", "--yes"], &two).expect(0, &[]);
    shop.serves("two");
    shop.is_at_rest();
    let tokens = || std::fs::read_to_string(bin.join("tokens")).unwrap().lines().count();
    println!("{} calls of kubectl have asked for a token", tokens());
    row("a release to a cluster of EKS", "promoted", &ran, None);

    write("identity.json", &identity("210987654321"));
    let before = tokens();
    shop.xtask(&["rollback", "--yes"], &variables).expect(5, &["is of `210987654321`"]);
    assert_eq!(tokens(), before, "no cluster was asked");
    write("identity.json", &identity("123456789012"));
    shop.repository.write("bin/over", "");
    shop.xtask(&["rollback", "--yes"], &variables)
        .expect(4, &["An error occurred (ExpiredToken)", "`aws sso login`"]);
    std::fs::remove_file(bin.join("over")).unwrap();
    let ran = shop.xtask(&["rollback", "--yes"], &variables).expect(0, &[]);
    shop.serves("one");
    shop.is_at_rest();
    row("a rollback on a cluster of EKS", "the release before serves", &ran, None);

    for entry in walkdir::WalkDir::new(shop.repository.root()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && !entry.path().starts_with(&bin) {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            assert!(
                !text.contains(&token) && !text.contains("s3cret-of-amazon"),
                "{}",
                entry.path().display()
            );
        }
    }
}
