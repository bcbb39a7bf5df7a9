//! The real aws CLI in front of a command: a server on this machine answers for Amazon.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use serde_json::{Value, json};

use super::cluster::has_kubectl;
use super::scratch::{Scratch, TICKET};
use crate::registry::fake::{Fake, Reply};
use crate::repository::Said;

const EKS: &str = "\n[environments.production.eks]\ncluster = \"vitalyst\"\nregion = \"eu-central-1\"\naccount = \"123456789012\"\n";

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";
const SESSION: &str = "IQoJb3JpZ2luX2VjEXAMPLE";

/// The certificate of an authority that has vouched for nobody.
const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJlRENDQVIyZ0F3SUJBZ0lVSE5xUFFEZm9wK29vQnUwbGVTeGg2ZG5zRjE0d0NnWUlLb1\
    pJemowRUF3SXcKRVRFUE1BMEdBMVVFQXd3R2JtOWliMlI1TUI0WERUSTJNVEV5T1RBd01EQTBORm9YRFRRMk1ERXlPREF3TURBMApORm93RVRF\
    UE1BMEdBMVVFQXd3R2JtOWliMlI1TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFCnRBS21kMy8xN3pmK0pyN1NGWU1hTHcrQz\
    Bta1RtWFhMcDNSRlJFY2FjRlJUVTREcFl4UUhWM3NuQ202U1d3eWwKYkRuazRwdnJZZENiU0ZlRk5mU09UYU5UTUZFd0hRWURWUjBPQkJZRUZF\
    NnVVUDlFY21YMk03MnZrRlNRc1ZVLwplMUhrTUI4R0ExVWRJd1FZTUJhQUZFNnVVUDlFY21YMk03MnZrRlNRc1ZVL2UxSGtNQThHQTFVZEV3RU\
    Ivd1FGCk1BTUJBZjh3Q2dZSUtvWkl6ajBFQXdJRFNRQXdSZ0loQU5aVmE5cVY1dGNuUVRUbllXcThacnA3dHJGK1lZUUIKUzdxODZ4SUoraWNC\
    QWlFQXVWZE1PYVlSWk5MdWwwQThZcWQxOERnYmg2L1pDL3o2VDVGSXRMS0xzVVE9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";

/// What Amazon says.
#[derive(Clone)]
struct Amazon {
    account: &'static str,
    /// A status of HTTP, and the code and message of an error, for everything.
    fault: Option<(u16, &'static str, &'static str)>,
    /// Where the cluster is.
    endpoint: String,
    missing: bool,
}

impl Amazon {
    fn new() -> Self {
        // Nobody listens there.
        Self {
            account: "123456789012",
            fault: None,
            endpoint: "https://127.0.0.1:1".to_owned(),
            missing: false,
        }
    }

    fn serve(amazon: Arc<Mutex<Self>>) -> Fake {
        Fake::start(move |seen| {
            let amazon = amazon.lock().unwrap().clone();
            if seen.method == "POST" { amazon.identity() } else { amazon.cluster() }
        })
    }

    /// As the query protocol of STS wants it.
    fn identity(&self) -> Reply {
        let namespace = "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"";
        let account = self.account;
        let (status, xml) = match self.fault {
            Some((status, code, message)) => (
                status,
                format!(
                    "<ErrorResponse {namespace}><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
                ),
            ),
            None => (
                200,
                format!(
                    "<GetCallerIdentityResponse {namespace}><GetCallerIdentityResult><Arn>arn:aws:sts::{account}:assumed-role/deployer/ana</Arn><UserId>AROA:ana</UserId><Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
                ),
            ),
        };
        Reply::new(status).header("content-type", "text/xml").body(xml)
    }

    /// As EKS has it.
    fn cluster(&self) -> Reply {
        let (status, code, body) = match self.fault {
            Some((status, code, message)) => (status, code, json!({ "message": message })),
            None if self.missing => (
                404,
                "ResourceNotFoundException",
                json!({"message": "No cluster found for name: vitalyst.", "clusterName": "vitalyst"}),
            ),
            None => {
                let account = self.account;
                let cluster = json!({
                    "name": "vitalyst",
                    "arn": format!("arn:aws:eks:eu-central-1:{account}:cluster/vitalyst"),
                    "version": "1.34",
                    "endpoint": self.endpoint,
                    "status": "ACTIVE",
                    "certificateAuthority": {"data": AUTHORITY},
                });
                (200, "", json!({ "cluster": cluster }))
            }
        };
        Reply::new(status)
            .header("content-type", "application/json")
            .header("x-amzn-errortype", code)
            .body(body.to_string())
    }
}

/// A repository that is released to a cluster of EKS, by somebody who has a kubeconfig and credentials of their own.
struct Shop {
    scratch: Scratch,
    amazon: Arc<Mutex<Amazon>>,
    server: Fake,
}

impl Shop {
    /// `None`, said, where there is no aws CLI, or it does not run without its user's home.
    fn open() -> Option<Self> {
        if !has_kubectl() {
            return None;
        }
        let empty = tempfile::tempdir().unwrap();
        let works = Command::new("aws")
            .arg("--version")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", empty.path())
            .output();
        if !works.is_ok_and(|output| output.status.success()) {
            println!("skipped: there is no aws CLI on this machine");
            return None;
        }
        let scratch = Scratch::new(TICKET);
        scratch.ticket();
        scratch.images("1", &[("backend", 'a'), ("frontend", 'b')]);
        scratch.repository.edit("xtask.toml", "context = \"vitalyst-production\"\n", "");
        let text = scratch.repository.read("xtask.toml");
        scratch.repository.write("xtask.toml", &format!("{text}{EKS}"));
        scratch.repository.write("home/.kube/config", OWN);
        let amazon = Arc::new(Mutex::new(Amazon::new()));
        let server = Amazon::serve(Arc::clone(&amazon));
        Some(Self { scratch, amazon, server })
    }

    fn says(&self, change: impl Fn(&mut Amazon)) {
        let mut amazon = self.amazon.lock().unwrap();
        *amazon = Amazon::new();
        change(&mut amazon);
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
        let home = self.scratch.repository.root().join("home");
        let endpoint = format!("http://127.0.0.1:{}", self.server.port());
        let mut all = vec![
            ("HOME", home.to_str().unwrap()),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_MAX_ATTEMPTS", "1"),
            ("VERSION", "1"),
        ];
        all.extend(variables);
        self.scratch.repository.xtask_with(arguments, &all)
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_SESSION_TOKEN", SESSION),
        ];
        self.run_with(arguments, &keys)
    }

    /// What it said. Versions of the CLI say the same in slightly other words.
    fn words(said: &Said) -> String {
        said.stderr
            .replace("aws: [ERROR]: ", "")
            .replace("running \"aws login\"", "running \"aws configure\"")
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.scratch.repository.root().join(".xtask/kubeconfig");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// The configuration of kubectl that the user has. It leads to another cluster, by a token.
const OWN: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst",
"clusters": [{"name": "other", "cluster": {"server": "https://127.0.0.1:2"}}],
"users": [{"name": "me", "user": {"token": "the-token-of-the-user"}}],
"contexts": [{"name": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst", "context": {"cluster": "other", "user": "me"}}]}"#;

#[test]
fn kubectl_is_led_to_the_cluster_by_a_private_file_and_the_users_own_is_left_alone() {
    let Some(shop) = Shop::open() else { return };
    for _ in 0..2 {
        // The cluster is asked, behind the address that Amazon has given; the user's own leads elsewhere.
        let said = shop.run(&["status"]).expect(4);
        assert!(said.stderr.contains("127.0.0.1:1 was refused"), "{}", said.all());
        assert!(
            said.stderr.contains("`kubectl --kubeconfig=.xtask/kubeconfig/production-"),
            "{}",
            said.all()
        );
        for secret in [SECRET, SESSION, "the-token-of-the-user"] {
            assert!(!said.all().contains(secret), "{}", said.all());
        }
    }
    let [file] = &shop.files()[..] else { panic!("one file: {:?}", shop.files()) };
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700));
    let config: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(config["clusters"].as_array().unwrap().len(), 1);
    assert_eq!(config["users"][0]["user"]["exec"]["command"], "aws");
    assert_eq!(shop.scratch.repository.read("home/.kube/config"), OWN);
    assert!(!shop.scratch.repository.root().join("home/.aws").exists());
    // No log has a secret either.
    for entry in walkdir::WalkDir::new(shop.scratch.repository.root().join("target/xtask")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).into_owned();
            assert!(!text.contains(SECRET) && !text.contains(SESSION), "{}", entry.path().display());
        }
    }
}

#[test]
fn another_account_is_refused_before_a_cluster_is_asked() {
    let Some(shop) = Shop::open() else { return };
    shop.says(|amazon| amazon.account = "210987654321");
    let expected = expect![[r#"
        error: `production` cannot be looked at

        error: whoever asks is of another account than `production` is of
          --> xtask.toml:42:11
           |
        42 | account = "123456789012"
           |           ^^^^^^^^^^^^^^ `arn:aws:sts::210987654321:assumed-role/deployer/ana` is of `210987654321`
           |
           = help: nothing was asked of a cluster; `AWS_PROFILE` names who asks
    "#]];
    for command in [
        &["status"][..],
        &["deploy", "--yes"],
        &["deploy", "--plan-only"],
        &["rollback", "--yes"],
        &["environment", "pin"],
    ] {
        expected.assert_eq(&Shop::words(&shop.run(command).expect(5)));
    }
    assert!(shop.files().is_empty());
}

#[test]
fn what_amazon_does_not_want_is_said_with_a_next_step() {
    let Some(shop) = Shop::open() else { return };
    shop.says(|amazon| {
        amazon.fault = Some((403, "ExpiredToken", "The security token included in the request is expired"));
    });
    expect![[r#"
        error: the credentials for AWS have expired
          caused by: An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in the request is expired
        hint: `aws sso login` signs in again
    "#]].assert_eq(&Shop::words(&shop.run(&["status"]).expect(4)));
    let workflow =
        [("GITHUB_ACTIONS", "true"), ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let said = shop.run_with(&["status"], &workflow).expect(4);
    assert!(said.all().contains("id-token: write"), "{}", said.all());
    shop.says(|amazon| amazon.missing = true);
    expect![[r#"
        error: `production` cannot be looked at

        error: there is no cluster `vitalyst` in `eu-central-1`
          --> xtask.toml:40:11
           |
        40 | cluster = "vitalyst"
           |           ^^^^^^^^^^ An error occurred (ResourceNotFoundException) when calling the DescribeCluster operation: No cluster found for name: vitalyst.
           |
           = help: `aws eks list-clusters --region eu-central-1` lists them
    "#]].assert_eq(&Shop::words(&shop.run(&["status"]).expect(3)));
    shop.says(|_| {});
    expect![[r#"
        error: there are no credentials for AWS
          caused by: Unable to locate credentials. You can configure credentials by running "aws configure".
        hint: `aws sso login` signs in, or `AWS_PROFILE` names who asks
    "#]]
    .assert_eq(&Shop::words(&shop.run_with(&["status"], &[]).expect(4)));
    expect![[r#"
        error: the configuration of the aws CLI has no profile `nobody`
          caused by: The config profile (nobody) could not be found
        hint: `aws configure list-profiles` lists them
    "#]]
    .assert_eq(&Shop::words(&shop.run_with(&["status"], &[("AWS_PROFILE", "nobody")]).expect(3)));
}

#[test]
fn a_look_at_the_environment_says_who_asks_what() {
    let Some(shop) = Shop::open() else { return };
    let said = shop.run(&["doctor", "--environment", "production"]).expect(4);
    let row = |said: &Said| {
        said.stdout.lines().find(|line| line.starts_with("eks ")).unwrap_or_default().to_owned()
    };
    expect!["eks      vitalyst                                                ok              Kubernetes 1.34, asked as `arn:aws:sts::123456789012:assumed-role/deployer/ana`"].assert_eq(&row(&said));
    shop.says(|amazon| amazon.account = "210987654321");
    let said = shop.run(&["doctor", "--environment", "production"]).expect(4);
    expect!["eks    vitalyst                                lacking         `production` cannot be looked at; xtask.toml:42: whoever asks is of another account than `production` is of"].assert_eq(&row(&said));
    assert!(said.stdout.contains("eks vitalyst: nothing was asked of a cluster"), "{}", said.all());
    assert!(!said.stdout.contains("\ncontext "), "{}", said.all());
}

#[test]
fn a_machine_without_the_cli_says_what_is_missing() {
    let Some(shop) = Shop::open() else { return };
    let empty = shop.scratch.repository.root().join("empty");
    let said = shop.run_with(&["status"], &[("PATH", empty.to_str().unwrap())]).expect(4);
    expect![[r#"
        error: `aws` is not there
        hint: `cargo xtask doctor` says how to get `aws`
    "#]]
    .assert_eq(&said.stderr);
}
