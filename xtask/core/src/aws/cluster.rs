//! A cluster of EKS: its name for Amazon, what Amazon says of it, and the configuration that leads kubectl to it.
//!
//! The configuration is made here of what `aws eks describe-cluster` answers, and not taken from `aws eks update-kubeconfig`,
//! which asks the same: that one merges what it finds into the configuration that its user has, with `--dry-run`, too, and so
//! hands out all other clusters and credentials of that file. What kubectl will start to get a token stands here, and nowhere else.

use std::fmt;

use serde_json::{Value, json};

/// The states in which a cluster can be spoken to (`VALID_STATUSES` in the `update-kubeconfig` of the aws CLI).
const USABLE: [&str; 2] = ["ACTIVE", "UPDATING"];

/// The partitions of Amazon's cloud by the beginnings of their regions; all other regions are of `aws`
/// (`partitions.json` in botocore).
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
];

/// Which cluster is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cluster {
    /// Its name, which it has in its region and account alone.
    pub name: String,
    /// The region: `eu-central-1`.
    pub region: String,
    /// The account that it belongs to: twelve digits.
    pub account: String,
    /// The ARN of the role that asks the cluster, where it is another one than who asks Amazon.
    pub role: Option<String>,
}

impl Cluster {
    /// Its name among all there are, which is also the context that `aws eks update-kubeconfig` makes for it:
    /// `arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst`.
    pub fn arn(&self) -> String {
        let Self { name, region, account, .. } = self;
        let partition = PARTITIONS.iter().find(|(beginning, _)| region.starts_with(beginning));
        let partition = partition.map_or("aws", |(_, partition)| partition);
        format!("arn:{partition}:eks:{region}:{account}:cluster/{name}")
    }
}

/// Whether a text is the number of an account.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text can be a region: words and a number, joined by `-`.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [words @ .., number] = parts.as_slice() else { return false };
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    words.len() >= 2 && words.iter().all(is_word) && is_number
}

/// Whether a text can be the name of a cluster (`ClusterName` in the API of EKS).
pub fn is_cluster(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= 100 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(inner)
}

/// Whether a text is the ARN of a role: `arn:aws:iam::123456789012:role/deployer`.
pub fn is_role(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let role = resource.strip_prefix("role/").unwrap_or_default();
    partition.starts_with("aws") && is_account(account) && !role.is_empty() && role.chars().all(inner)
}

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The account: twelve digits.
    pub account: String,
    /// The ARN of the user, or of the session of a role.
    pub arn: String,
}

impl Identity {
    /// Reads what `aws sts get-caller-identity --output json` answers; `None` where it is something else.
    pub fn read(answer: &str) -> Option<Self> {
        let answer: Value = serde_json::from_str(answer).ok()?;
        let text = |key: &str| answer.get(key)?.as_str().map(str::to_owned);
        Some(Self { account: text("Account").filter(|account| is_account(account))?, arn: text("Arn")? })
    }
}

/// What Amazon says of a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Described {
    /// The version of Kubernetes; empty where it is not said.
    pub version: String,
    endpoint: String,
    authority: String,
}

/// Why what Amazon says of a cluster leads nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It is no description of a cluster.
    Nonsense,
    /// It is that of another cluster: its ARN.
    Other(String),
    /// The cluster cannot be spoken to: its state.
    State(String),
}

impl Described {
    /// Reads what `aws eks describe-cluster --output json` answers.
    ///
    /// # Errors
    ///
    /// Where it is not that of the cluster that is wanted, or nobody can speak to it now.
    pub fn read(answer: &str, wanted: &Cluster) -> Result<Self, Unusable> {
        let answer: Value = serde_json::from_str(answer).map_err(|_| Unusable::Nonsense)?;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
        let arn = text("/cluster/arn").ok_or(Unusable::Nonsense)?;
        // Which partition a region is of may be news to this program.
        let place = |arn: &str| arn.splitn(3, ':').nth(2).map(str::to_owned);
        if place(arn) != place(&wanted.arn()) {
            return Err(Unusable::Other(arn.to_owned()));
        }
        let state = text("/cluster/status").ok_or(Unusable::Nonsense)?;
        if !USABLE.contains(&state) {
            return Err(Unusable::State(state.to_owned()));
        }
        let endpoint = text("/cluster/endpoint").filter(|endpoint| endpoint.starts_with("https://"));
        let authority = text("/cluster/certificateAuthority/data").filter(|data| !data.is_empty());
        let (endpoint, authority) = endpoint.zip(authority).ok_or(Unusable::Nonsense)?;
        Ok(Self {
            version: text("/cluster/version").unwrap_or_default().to_owned(),
            endpoint: endpoint.to_owned(),
            authority: authority.to_owned(),
        })
    }

    /// A configuration of kubectl that has this cluster as `context`, and nothing else. It holds no secret: kubectl asks the aws
    /// CLI for a token, each time anew.
    pub fn kubeconfig(&self, cluster: &Cluster, context: &str) -> Value {
        let name = cluster.arn();
        let mut arguments =
            ["--region", &cluster.region, "eks", "get-token", "--cluster-name", &cluster.name].to_vec();
        arguments.extend(["--output", "json"]);
        if let Some(role) = &cluster.role {
            arguments.extend(["--role-arn", role]);
        }
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": name,
                "cluster": {"server": self.endpoint, "certificate-authority-data": self.authority},
            }],
            "users": [{
                "name": name,
                "user": {"exec": {
                    "apiVersion": "client.authentication.k8s.io/v1beta1",
                    "command": "aws",
                    "args": arguments,
                    // What kubectl reads there are documents.
                    "interactiveMode": "Never",
                }},
            }],
            "contexts": [{"name": context, "context": {"cluster": name, "user": name}}],
            "current-context": context,
        })
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nonsense => f.write_str("it is no description of a cluster"),
            Self::Other(arn) => write!(f, "it describes `{arn}`"),
            Self::State(state) => write!(f, "the cluster is {state}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Is = fn(&str) -> bool;

    fn cluster() -> Cluster {
        Cluster {
            name: "vitalyst".to_owned(),
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            role: None,
        }
    }

    fn described(change: impl Fn(&mut Value)) -> Result<Described, Unusable> {
        let mut answer = json!({"cluster": {
            "name": "vitalyst",
            "arn": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst",
            "version": "1.34",
            "endpoint": "https://0123.gr7.eu-central-1.eks.amazonaws.com",
            "status": "ACTIVE",
            "certificateAuthority": {"data": "LS0tLS1CRUdJTg=="},
        }});
        change(&mut answer["cluster"]);
        Described::read(&answer.to_string(), &cluster())
    }

    #[test]
    fn a_cluster_has_the_name_that_its_partition_gives_it() {
        let table = [
            ("eu-central-1", "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst"),
            ("cn-north-1", "arn:aws-cn:eks:cn-north-1:123456789012:cluster/vitalyst"),
            ("us-gov-west-1", "arn:aws-us-gov:eks:us-gov-west-1:123456789012:cluster/vitalyst"),
            ("us-isob-east-1", "arn:aws-iso-b:eks:us-isob-east-1:123456789012:cluster/vitalyst"),
            ("eusc-de-east-1", "arn:aws-eusc:eks:eusc-de-east-1:123456789012:cluster/vitalyst"),
        ];
        for (region, arn) in table {
            assert_eq!(Cluster { region: region.to_owned(), ..cluster() }.arn(), arn);
        }
    }

    #[test]
    fn names_are_told_from_what_is_none() {
        let table: [(Is, &[&str], &[&str]); 4] = [
            (
                is_account,
                &["123456789012", "000000000001"],
                &["", "12345678901", "1234567890123", "12345678901x"],
            ),
            (
                is_region,
                &["eu-central-1", "us-gov-west-1", "eusc-de-east-1"],
                &["", "1", "eu-1", "eu-central", "EU-central-1", "eu--1", "eu-central-1 ", "eu-central-1;id"],
            ),
            (is_cluster, &["a", "Vitalyst_2-b"], &["", "-a", "a b", "a/b", "--endpoint-url=x"]),
            (
                is_role,
                &["arn:aws:iam::123456789012:role/deployer", "arn:aws-cn:iam::123456789012:role/a/b.c@d"],
                &[
                    "",
                    "deployer",
                    "arn:aws:iam::123456789012:user/deployer",
                    "arn:aws:iam::12345:role/deployer",
                    "arn:aws:iam::123456789012:role/",
                    "arn:aws:sts::123456789012:assumed-role/a/b",
                    "arn:aws:iam::123456789012:role/a b",
                ],
            ),
        ];
        for (is, yes, no) in table {
            assert!(yes.iter().all(|text| is(text)), "{yes:?}");
            for text in no {
                assert!(!is(text), "{text}");
            }
        }
        assert!(is_cluster(&"a".repeat(100)) && !is_cluster(&"a".repeat(101)));
    }

    #[test]
    fn who_asks_is_read_or_nobody_is() {
        let answer = r#"{"UserId": "AROA:s", "Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/d/s"}"#;
        let identity = Identity::read(answer).unwrap();
        assert_eq!((&*identity.account, identity.arn.ends_with("/d/s")), ("123456789012", true));
        for answer in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"Account": 123456789012, "Arn": "a"}"#,
            r#"{"Account": "1", "Arn": "a"}"#,
        ] {
            assert_eq!(Identity::read(answer), None, "{answer}");
        }
    }

    #[test]
    fn only_the_cluster_that_is_meant_and_can_be_spoken_to_is_used() {
        assert!(described(|_| {}).is_ok());
        assert!(described(|cluster| cluster["status"] = json!("UPDATING")).is_ok());
        // A partition that is not known yet is no other cluster.
        let arn = |partition: &str, account: &str, name: &str| {
            format!("arn:{partition}:eks:eu-central-1:{account}:cluster/{name}")
        };
        assert!(
            described(|cluster| cluster["arn"] = json!(arn("aws-new", "123456789012", "vitalyst"))).is_ok()
        );
        for (account, name) in [("210987654321", "vitalyst"), ("123456789012", "vitalyst-2")] {
            let other = arn("aws", account, name);
            assert_eq!(
                described(|cluster| cluster["arn"] = json!(other)),
                Err(Unusable::Other(other.clone()))
            );
        }
        for state in ["CREATING", "DELETING", "FAILED", "PENDING"] {
            let unusable = described(|cluster| cluster["status"] = json!(state)).unwrap_err();
            assert_eq!(unusable.to_string(), format!("the cluster is {state}"));
        }
        for (key, value) in [
            ("arn", json!(null)),
            ("status", json!(null)),
            ("endpoint", json!("http://0123.example")),
            ("endpoint", json!(null)),
            ("certificateAuthority", json!({"data": ""})),
            ("certificateAuthority", json!(7)),
        ] {
            assert_eq!(described(|cluster| cluster[key] = value.clone()), Err(Unusable::Nonsense), "{key}");
        }
        for answer in ["", "{", "null", "[]", r#"{"cluster": []}"#] {
            assert_eq!(Described::read(answer, &cluster()), Err(Unusable::Nonsense), "{answer}");
        }
    }

    #[test]
    fn kubectl_is_led_there_and_nowhere_else() {
        let with_role = Cluster { role: Some("arn:aws:iam::123456789012:role/r".to_owned()), ..cluster() };
        let config = described(|_| {}).unwrap().kubeconfig(&with_role, "production");
        expect_test::expect![[r#"
            {
              "apiVersion": "v1",
              "clusters": [
                {
                  "cluster": {
                    "certificate-authority-data": "LS0tLS1CRUdJTg==",
                    "server": "https://0123.gr7.eu-central-1.eks.amazonaws.com"
                  },
                  "name": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst"
                }
              ],
              "contexts": [
                {
                  "context": {
                    "cluster": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst",
                    "user": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst"
                  },
                  "name": "production"
                }
              ],
              "current-context": "production",
              "kind": "Config",
              "users": [
                {
                  "name": "arn:aws:eks:eu-central-1:123456789012:cluster/vitalyst",
                  "user": {
                    "exec": {
                      "apiVersion": "client.authentication.k8s.io/v1beta1",
                      "args": [
                        "--region",
                        "eu-central-1",
                        "eks",
                        "get-token",
                        "--cluster-name",
                        "vitalyst",
                        "--output",
                        "json",
                        "--role-arn",
                        "arn:aws:iam::123456789012:role/r"
                      ],
                      "command": "aws",
                      "interactiveMode": "Never"
                    }
                  }
                }
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&config).unwrap());
    }
}
